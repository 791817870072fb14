-- Servers of WebSockets that mean harm, or are broken, over real sockets: the connection ends with its reason, or nothing happens;
-- the run goes on.
local lx = require "spec.support.local_exchange"
local live_run = require "spec.support.live_run"
local probe = require "spec.support.probe"
local program = require "spec.support.program"
local run = require "spec.support.run"

-- What is said of an answer to the handshake, by the mode of spec/support/hostile.lua.
local answers = {
  { "garbage", "its answer is not HTTP: " },
  { "half", "the server ended the connection before it had answered" },
  { "drip", "no whole answer within 500 ms" },
  { "huge", "its answer has a head of more than 8192 bytes" },
  { "accept", "some other protocol than a WebSocket" },
  { "plain", "it answered 200 OK instead of opening a WebSocket" },
  { "refused", "it answered 403 Go?[31maway instead of opening a WebSocket" },
  { "ending", "the server ended the connection before it had answered" },
  { "silent", "no whole answer within 500 ms" },
}
local breach = "a frame that the protocol does not allow"
local frames = {
  { "opcode", breach },
  { "rsv", breach },
  { "masked", breach },
  { "control", breach },
  { "split_control", breach },
  { "continuation", breach },
  { "interrupted", breach },
  { "large", "a message of more than 16 MB" },
  { "endless", breach },
  { "utf8", "a text message that is not UTF-8" },
  { "close_code", breach },
  { "close", "the server closed the connection (1008: go?away?[31m now)" },
  { "bare", "a message that is not JSON" },
  { "half_json", "a message that is not JSON" },
  { "empty", "a message that is not JSON" },
  { "nul", "a message that is not JSON" },
  { "deep", "a message that is not JSON" },
}
local slow = {
  { "dripping", "silence: no answer to a ping" },
  { "pieces", "a message in more than 65536 frames" },
  { "pings", "the server does not read what it is sent" },
}

local SCRIPT = [[
  return { symbols = { "BTCUSDT" }, timer = 0.3,
    on_timer = function()
      local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
      if t.price < 1000 then print("price", t.price) end
    end,
    on_trade = function(_, t) if t.price < 1000 then print("trade", t.price) end end,
    on_bar = function(_, b) if b.close < 1000 then print("bar", b.close) end end,
    on_book = function(_, b) if b.bid < 1000 then print("book", b.bid) end end,
    on_fill = function() print "fill" end,
    on_order = function() print "order" end,
    on_position = function() print "position" end,
    on_stop = function(self) print("stop", self:position "BTCUSDT") end,
  } ]]

describe("a WebSocket server that means harm", function()
  local x
  setup(function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT" } end)
  teardown(function() x:stop() end)

  it("gets no connection, and the reason is told in one line", function()
    local names = {}
    for i, a in ipairs(answers) do
      names[i] = a[1]
    end
    local peer = program.start("hostile", x.port, "127.0.0.1", unpack(names))
    finally(function() peer:stop() end)
    local p, hasty = probe.open { timeout = 60 }, probe.open { timeout = 0.5 }
    for _, a in ipairs(answers) do
      local took, problem = (a[2]:find "500 ms" and hasty or p):stream(
        ("ws://127.0.0.1:%d/market/ws"):format(peer.ports[1])
      )
      assert.equal(nil, took, a[1])
      assert.truthy(problem:find(a[2], 1, true), a[1] .. ": " .. problem)
      assert.falsy(problem:find "[%c]", a[1])
    end
    assert.is_number(p:stream(("ws://127.0.0.1:%d/market/ws"):format(peer.ports[1])))
    p:close()
    hasty:close()
  end)

  -- Starts a run whose streams come from a peer that has these modes.
  local function start(list, arguments)
    local names = {}
    for i, f in ipairs(list) do
      names[i] = f[1]
    end
    local peer = program.start("hostile", x.port, "127.0.0.1", unpack(names))
    local all = { "--stream-url", "ws://127.0.0.1:" .. peer.ports[1] }
    for _, a in ipairs(arguments or {}) do
      all[#all + 1] = a
    end
    return { peer = peer, run = live_run.start(x, { SCRIPT }, all), list = list }
  end

  local function close(t)
    t.run:close()
    t.peer:stop()
  end

  -- Waits until `done`, then ends the run: well, and with every reason told.
  local function ends_well(t, done)
    local r, peer = t.run, t.peer
    local ok = pcall(lx.wait_for, "the end of it", function() return done(peer) or r:status() end, 60)
    assert.is_true(ok, peer:log() .. r:err())
    assert.equal(nil, r:status(), r:err())
    local status = assert(r:ask { cmd = "status" }) -- it neither hangs nor spins
    assert.is_true(status.ok)
    r:kill(2)
    assert.equal(0, r:wait(), r:err())
    for _, f in ipairs(t.list) do
      assert.truthy(not f[2] or r:err():find(f[2], 1, true), f[1] .. ":\n" .. r:err())
    end
    assert.equal("stop\t0", r:out():match "%S[^\n]*", r:out())
  end

  local function all_left(t)
    return function(peer) return peer:count " left after " == #t.list end
  end

  it(
    "loses the connection over a frame or text that is wrong, at once and with its reason; the run connects again",
    function()
      local all = {}
      finally(function()
        for _, t in ipairs(all) do
          close(t)
        end
      end)
      for i = 1, #frames, 6 do
        all[#all + 1] = start { unpack(frames, i, math.min(i + 5, #frames)) }
      end
      for _, t in ipairs(all) do
        ends_well(t, all_left(t))
        assert.equal(#t.list, select(2, t.run:err():gsub("; again in ", "")), t.run:err())
        assert.truthy(t.run:err():find("stream: connected again", 1, true), t.run:err())
      end
    end
  )

  it("that tells JSON of the wrong shape is not believed, and the run stays connected", function()
    local t = start { { "shapes", "stream: " }, { "shapes" }, { "shapes" } }
    finally(function() close(t) end)
    ends_well(t, function(peer) return peer:count "shapes told" == 3 end)
    local log = t.run:err()
    assert.is_true(select(2, log:gsub("WARN", "")) < 8, log) -- told once a minute, not each
    assert.truthy(log:find("reconnects=0", 1, true), log)
  end)

  it(
    "that drips, floods or never reads is given up in time; memory stays bounded, and the run answers meanwhile",
    function()
      local t = start(slow, { "--stream-silence", "3", "--memory", "150" })
      finally(function() close(t) end)
      ends_well(t, all_left(t))
    end
  )

  it(
    "that takes orders and lies about them, or breaks the protocol, has none of them sent twice nor thought of wrongly",
    function()
      for _, modes in ipairs { { "lies" }, { "half_json", "utf8", "lies" } } do
        local from = x:audit("?limit=0").total
        local peer = program.start("hostile", x.port, "127.0.0.1", unpack(modes))
        local r = live_run.whole(
          x,
          [[
        local price = market.round_price("BTCUSDT", assert(api.get_ticker_price { symbol = "BTCUSDT" }).price * 0.98)
        for i = 1, 24 do
          local o, err = api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", timeInForce = "IOC", quantity = 0.01, price = price,
                                            newClientOrderId = "lied-" .. i }
          print(i, o and o.status or err.kind)
        end
      ]],
          {
            "--order-channel",
            "ws",
            "--ws-api-url",
            ("ws://127.0.0.1:%d/ws-fapi/v1"):format(peer.ports[1]),
            "--recv-window",
            "1000",
            "--config",
            run.root .. "/spec/support/many_faults.conf.lua",
          }
        )
        local told = peer:count "lie "
        peer:stop()
        assert.equal(0, r.status, r.err)
        assert.equal(24, select(2, r.out:gsub("\tEXPIRED\n", "")), r.out .. r.err)
        local executed = {}
        for _, e in ipairs(x:audit("?limit=1000&from=" .. from).entries) do
          if e.executed and e.call == "POST /fapi/v1/order" then
            executed[e.clientOrderId] = (executed[e.clientOrderId] or 0) + 1
          end
        end
        for i = 1, 24 do
          assert.equal(1, executed["lied-" .. i], "lied-" .. i)
        end
        assert.is_true(#modes > 1 or told >= 11, told .. " lies")
      end
    end
  )
end)
