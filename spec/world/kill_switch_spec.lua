-- The kill switch by each of its ways, also while the script hangs; and the dead man's switch at the exchange.
local ffi = require "ffi"
local control = require "moontide.live.control_socket"
local live_run = require "spec.support.live_run"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

ffi.cdef "int setenv(const char *, const char *, int);"

-- Holds a position and an order; `then_do` at the fourth tick of ten a second.
local function script(then_do)
  return ([[
    return { symbols = { "ETHUSDT" }, timer = 0.1,
      on_start = function(self)
        assert(api.create_order { symbol = "ETHUSDT", side = "BUY", type = "MARKET", quantity = 0.3 })
        self.price = market.round_price("ETHUSDT", assert(api.get_ticker_price { symbol = "ETHUSDT" }).price * 0.95)
        assert(api.create_order { symbol = "ETHUSDT", side = "BUY", type = "LIMIT", quantity = 0.1, price = self.price })
        print "started" io.stdout:flush()
      end,
      on_timer = function(self)
        self.n = (self.n or 0) + 1
        local o, err = api.create_order { symbol = "ETHUSDT", side = "BUY", type = "LIMIT", quantity = 0.1, price = self.price }
        if not o then print("refused", err.message) io.stdout:flush() end
        if self.n >= 4 then %s end
      end,
      on_stop = function() print "stopped" end } ]]):format(then_do or "")
end
local hanging = script "print 'hangs' io.stdout:flush() while true do end"

describe("kill switch", function()
  local x, r
  setup(function() x = lx.start { "--no-limits", "--symbols", "ETHUSDT,BTCUSDT", "--wallet", "1000000" } end)
  teardown(function() x:stop() end)
  after_each(function()
    if r then r:close() end
    r = nil
    x:no_faults()
    x:signed("DELETE", "/fapi/v1/allOpenOrders", { symbol = "ETHUSDT" })
    local held = x:signed("GET", "/fapi/v3/positionRisk", {}).json[1]
    if held then
      x:signed("POST", "/fapi/v1/order", {
        symbol = "ETHUSDT",
        side = tonumber(held.positionAmt) > 0 and "SELL" or "BUY",
        type = "MARKET",
        quantity = (held.positionAmt:gsub("-", "")),
        reduceOnly = "true",
      })
    end
  end)

  local function orders() return #x:signed("GET", "/fapi/v1/openOrders", { symbol = "ETHUSDT" }).json end
  local function position()
    local p = x:signed("GET", "/fapi/v3/positionRisk", {}).json[1]
    return p and tonumber(p.positionAmt) or 0
  end
  local function stop(arguments)
    return run.moontide({ "stop", unpack(arguments) }, "MOONTIDE_HOME=" .. r.home)
  end
  local function start(text, arguments)
    r = live_run.start(x, { s = text }, { "--recv-window", "1000", unpack(arguments or {}) })
    r:wait_for(text == hanging and "hangs" or "started")
  end

  it("moontide stop cancels and ends; --flatten closes the position", function()
    start(script())
    local s = stop { "s" }
    assert.equal(0, s.status, s.err)
    assert.equal("s: stopped\n", s.out)
    assert.equal(0, r:wait())
    assert.truthy(r:out():find("stopped", 1, true))
    assert.equal(0, orders())
    assert.near(0.3, position(), 1e-9)
    r:close()
    start(script())
    s = stop { "--all", "--flatten" }
    assert.equal(0, s.status, s.err)
    assert.equal(0, orders())
    assert.equal(0, position())
  end)

  it("moontide stop --flatten ends a script that hangs, and closes its position", function()
    start(hanging)
    local s = stop { "--flatten", "s" }
    assert.equal(0, s.status, s.err .. r:err())
    assert.truthy(s.out:find("s: halted (its process had to be killed", 1, true), s.out)
    assert.equal(1, r:wait())
    assert.equal(0, orders())
    assert.equal(0, position())
  end)

  it("SIGUSR1 refuses new orders, cancels, and ends the run", function()
    start(script())
    r:kill(10)
    assert.equal(0, r:wait())
    assert.truthy(r:err():find("kill switch: no new orders", 1, true), r:err())
    assert.equal(0, orders())
    assert.near(0.3, position(), 1e-9)
  end)

  it("SIGUSR1 reaches a bare worker too, and leaves it going on where that is wanted, refusing", function()
    start(script(), { "--no-supervisor", "--on-halt", "stay", "--halt-flatten" })
    r:kill(10)
    r:wait_for "halted; the run goes on without new orders"
    assert.equal(0, orders())
    assert.equal(0, position())
    r:wait_for "the run is halted and takes no new orders"
    local s = assert(r:ask { cmd = "status" })
    assert.is_true(s.halted)
    assert.equal(0, orders())
    r:kill(15)
    assert.equal(0, r:wait())
  end)

  it("SIGUSR1 to the supervisor stops a script that hangs", function()
    start(hanging, { "--halt-flatten" })
    r:kill(10)
    assert.equal(1, r:wait())
    assert.equal(0, orders())
    assert.equal(0, position())
  end)

  it("a worker that had to be killed for it is not started again, even where a halted one stays", function()
    start(hanging, { "--on-halt", "stay" })
    r:kill(10)
    assert.equal(1, r:wait())
    assert.falsy(r:err():find("starts again", 1, true), r:err())
    assert.equal(0, orders())
  end)

  it(
    "a file is a switch: the run's own or one of the user's choice; while it is there no run starts",
    function()
      start(script())
      run.write(r:path("s", "halt"), "")
      assert.equal(0, r:wait())
      assert.equal(0, orders())
      local again = run.moontide({ "live", r.folder .. "/s.lua", "--url", x.url }, x:environment(r.home))
      assert.equal(1, again.status)
      assert.truthy(again.err:find("was halted; remove the file to trade again", 1, true), again.err)
      r:close()
      local file = os.tmpname()
      os.remove(file)
      finally(function() os.remove(file) end)
      start(hanging, { "--halt-file", file })
      run.write(file, "")
      assert.equal(1, r:wait())
      assert.equal(0, orders())
    end
  )

  it("goes before all else that is queued", function()
    local own = lx.start { "--no-limits", "--symbols", "ETHUSDT", "--wallet", "1000000" } -- its limits are used up
    local busy = live_run.start(own, {
      s = [[
      return { symbols = { "ETHUSDT" }, on_start = function()
        local price = market.round_price("ETHUSDT", assert(api.get_ticker_price { symbol = "ETHUSDT" }).price * 0.95)
        assert(api.create_order { symbol = "ETHUSDT", side = "BUY", type = "LIMIT", quantity = 0.1, price = price })
        for i = 1, 300 do api.spawn(function() while true do api.get_klines { symbol = "ETHUSDT", interval = "1m", limit = 1000, priority = "LOW", share = false } end end) end
        print "started" io.stdout:flush()
      end } ]],
    })
    finally(function()
      busy:close()
      own:stop()
    end)
    busy:wait_for "started"
    lx.wait_for("a queue", function() return (busy:ask { cmd = "status" } or { queue = 0 }).queue > 100 end)
    local sent, minute = assert(busy:ask { cmd = "status" }).sent, math.floor(lx.now_ms() / 60000)
    busy:kill(10)
    lx.wait_for(
      "no orders",
      function() return #own:signed("GET", "/fapi/v1/openOrders", { symbol = "ETHUSDT" }).json == 0 end
    )
    local after = (busy:ask { cmd = "status" } or { sent = sent }).sent - sent
    -- Most of the queue has not gone before it; at the turn of a minute there is room for all.
    assert.is_true(after < 100 or math.floor(lx.now_ms() / 60000) ~= minute, after)
  end)

  it("no such run, and wrong use, in one line each", function()
    start(script())
    for _, case in ipairs {
      { { "nobody" }, 1, "moontide stop: nobody: no such run is going on" },
      { {}, 2, "missing name of a run" },
      { { "../x" }, 2, "is not a name for a run" },
      { { "--all", "s" }, 2, "either --all or names" },
    } do
      local s = stop(case[1])
      assert.equal(case[2], s.status)
      assert.truthy(s.err:find(case[3], 1, true), s.err)
      assert.equal(1, select(2, s.err:gsub("\n", "")))
    end
  end)
end)

describe("dead man's switch", function()
  local x, r
  setup(function() x = lx.start { "--no-limits", "--symbols", "ETHUSDT,BTCUSDT", "--wallet", "1000000" } end)
  teardown(function() x:stop() end)
  after_each(function()
    if r then r:close() end
    r = nil
    x:no_faults()
    x:signed("DELETE", "/fapi/v1/allOpenOrders", { symbol = "ETHUSDT" })
  end)
  local function orders() return #x:signed("GET", "/fapi/v1/openOrders", { symbol = "ETHUSDT" }).json end

  it("the exchange cancels when everything of ours is killed", function()
    r = live_run.start(x, { s = script() }, { "--dead-man-seconds", "2" })
    r:wait_for "started"
    lx.wait_for(
      "the switch to be armed",
      function() return assert(r:ask { cmd = "status" }).dead_man.armed > 0 end
    )
    local worker = control.ask(r:path("s", "supervisor.sock"), { cmd = "status" }).pid
    r:kill(9)
    r:kill(9, worker)
    assert.is_true(orders() > 0)
    lx.wait_for("the exchange to cancel", function() return orders() == 0 end)
  end)
end)
