-- A run that is asked to end, whatever its script is doing.
local C = require "spec.support.c"
local journal = require "spec.support.journal"
local live_run = require "spec.support.live_run"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

describe("asked to end", function()
  local x, r
  setup(
    function()
      x =
        lx.start { "--no-limits", "--weight-limit", "1000000", "--symbols", "BTCUSDT", "--wallet", "1000000" }
    end
  )
  teardown(function() x:stop() end)
  after_each(function()
    x:no_faults()
    if r then r:close() end
    r = nil
    x:signed("DELETE", "/fapi/v1/allOpenOrders", { symbol = "BTCUSDT" })
  end)

  local RESTS = [[ local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
    assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = market.round_price("BTCUSDT", t.price * 0.95) })
    print "rests" io.stdout:flush() ]]
  local function open_orders() return #x:signed("GET", "/fapi/v1/openOrders", { symbol = "BTCUSDT" }).json end

  it("by one signal, a script that asks on and on ends, and its orders are cancelled", function()
    local forms = {
      plain = RESTS .. [[ while true do api.get_ticker_price { symbol = "BTCUSDT" } end ]],
      asserts = RESTS .. [[ while true do assert(api.get_ticker_price { symbol = "BTCUSDT" }) end ]],
      tasks = RESTS
        .. [[ for _ = 1, 3 do api.spawn(function() while true do api.get_ticker_price { symbol = "BTCUSDT", share = false } end end) end
        api.sleep(1000) print "woke" ]],
      handler = [[ return { symbols = { "BTCUSDT" }, on_start = function() ]]
        .. RESTS
        .. [[ while true do api.get_ticker_price { symbol = "BTCUSDT" } end end,
        on_stop = function() print("stops", (api.get_ticker_price { symbol = "BTCUSDT" } or {}).price ~= nil) api.sleep(0.1) print "slept" end } ]],
      on_stop = [[ return { symbols = { "BTCUSDT" }, on_start = function() ]]
        .. RESTS
        .. [[ end, on_stop = function() while true do api.get_ticker_price { symbol = "BTCUSDT" } end end } ]],
    }
    -- Side by side, as each has three seconds before its calls are ended; the last under a supervisor.
    local runs = {}
    finally(function()
      for _, own in pairs(runs) do
        own:close()
      end
    end)
    for name, script in pairs(forms) do
      runs[name] = live_run.start(x, { script }, { "--stop-seconds", "1", "--no-supervisor" })
    end
    runs.supervised = live_run.start(x, { forms.plain }, { "--stop-seconds", "1" })
    for _, own in pairs(runs) do
      own:wait_for "rests"
    end
    assert.equal(6, open_orders())
    for name, own in pairs(runs) do
      own:kill(name == "supervised" and 15 or 2)
    end
    for name, own in pairs(runs) do
      assert.equal(0, own:wait(), name .. own:err())
      assert.falsy(own:err():find("traceback", 1, true), own:err())
    end
    assert.equal(0, open_orders())
    assert.truthy(runs.tasks:out():find("woke", 1, true))
    local out, err = runs.handler:out(), runs.handler:err()
    assert.truthy(out:find("stops\ttrue\nslept\n", 1, true), out)
    assert.truthy(err:find("a handler had not ended when its time was over", 1, true), err)
  end)

  it("a handler that is under way ends its work, and on_stop may wait", function()
    r = live_run.start(x, {
      [[ return { symbols = { "BTCUSDT" }, on_start = function()
        print "begins" io.stdout:flush()
        api.sleep(0.3)
        print("entry", assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 }).status)
        api.sleep(0.2)
        print("exit", assert(api.create_order { symbol = "BTCUSDT", side = "SELL", type = "MARKET", quantity = 0.01, reduceOnly = true }).status)
      end,
      on_stop = function() api.sleep(0.3) print "stopped" end } ]],
    }, { "--no-supervisor" })
    r:wait_for "begins"
    r:kill(2)
    assert.equal(0, r:wait(), r:err())
    assert.equal("begins\nentry\tFILLED\nexit\tFILLED\nstopped\n", r:out())
  end)

  it(
    "a plain script's last lines are carried out after its loop over bars, and what was sent is told",
    function()
      x:faults { { fault = "delay", call = "POST /fapi/v1/order", delay = 0.5 } }
      r = live_run.start(x, {
        [[
      local sent = api.spawn(function()
        print "sends" io.stdout:flush()
        print("told", assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 }).status)
      end)
      for _ in market.bars("BTCUSDT", "1m") do end
      sent:wait()
      print("closed", assert(api.create_order { symbol = "BTCUSDT", side = "SELL", type = "MARKET", quantity = 0.01, reduceOnly = true }).status) ]],
      }, { "--no-supervisor" })
      r:wait_for "sends"
      r:kill(15)
      assert.equal(0, r:wait(), r:err())
      assert.equal("sends\ntold\tFILLED\nclosed\tFILLED\n", r:out())
    end
  )

  it("what became of an order that is on its way is waited for before the others are cancelled", function()
    x:faults {
      { fault = "delay", call = "POST /fapi/v1/order", delay = 1 },
      { fault = "stream_gap", class = "account", share = 1 },
    }
    r = live_run.start(x, {
      [[ return { symbols = { "BTCUSDT" }, on_start = function()
      local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
      for i = 1, 3 do api.async.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = market.round_price("BTCUSDT", t.price * 0.95) } end
      print "sends" io.stdout:flush() end } ]],
    }, { "--no-supervisor" })
    r:wait_for "sends"
    lx.wait_for("the orders to leave", function() return (x:audit("?limit=0").total or 0) > 0 end)
    r:kill(2)
    assert.equal(0, r:wait(), r:err())
    assert.equal(0, open_orders())
    local open = run.moontide({ "status", "script", "--orders", "--json" }, "MOONTIDE_HOME=" .. r.home).out
    assert.falsy(open:find('"journal":"intent"', 1, true), open)
  end)

  it(
    "an order that arrives only after the end was asked for is waited for, and cancelled with the others",
    function()
      local cases = {
        late = { arguments = {}, executed = true },
        -- Given up before it arrives: its absence proves nothing then.
        given_up = {
          arguments = {
            "--config",
            run.write(x.folder .. "/impatient.lua", "return { request_timeout = 0.5 }"),
          },
          executed = true,
        },
        never = { arguments = { "--recv-window", "1000" }, executed = false },
        socket = { arguments = { "--order-channel", "ws" }, executed = true },
      }
      finally(function()
        for _, case in pairs(cases) do
          if case.run then case.run:close() end
        end
      end)
      x:faults { { fault = "late", call = "POST /fapi/v1/order", delay = 2 } }
      local from = x:audit("?limit=0").total
      for name, case in pairs(cases) do
        case.run = live_run.start(x, {
          [[ return { symbols = { "BTCUSDT" }, on_start = function()
        local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
        for i = 1, 3 do api.async.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, newClientOrderId = "]]
            .. name
            .. [[-" .. i,
          price = market.round_price("BTCUSDT", t.price * 0.95) } end
        print "sends" end } ]],
        }, { "--no-supervisor", unpack(case.arguments) })
      end
      -- Each is told to end while its orders are on their way.
      for _, case in pairs(cases) do
        case.run:wait_for "sends"
      end
      lx.wait_for(
        "the orders to leave",
        function() return x:raw("GET", "/moontide/faults").json[1].struck == 12 end
      )
      for _, case in pairs(cases) do
        case.run:kill(2)
      end
      for name, case in pairs(cases) do
        assert.equal(0, case.run:wait(), case.run:err())
        local states = {}
        for _, o in ipairs(assert(journal.orders(case.run:path(nil, "journal.db")))) do
          states[o.client_id] = o.state == C.JOURNAL_ACCEPTED and o.status or "absent"
        end
        for i = 1, 3 do
          local id, entry = name .. "-" .. i, nil
          for _, e in ipairs(x:audit("?limit=1000&from=" .. from).entries) do
            if e.clientOrderId == id and e.call == "POST /fapi/v1/order" then entry = e end
          end
          assert.truthy(entry, id .. " has not arrived when the run ends")
          assert.equal(case.executed, entry.executed, id)
          assert.equal(case.executed and "CANCELED" or "absent", states[id], id .. "\n" .. case.run:err())
        end
      end
      assert.equal(0, open_orders())
    end
  )

  it("by a second signal it ends at once, also while it computes, and says that orders are left", function()
    r = live_run.start(x, { RESTS .. [[ while true do end ]] }, { "--no-supervisor" })
    r:wait_for "rests"
    r:kill(2)
    lx.wait_for("the signal to be taken", function() -- two that wait are one
      local pending = run.read(("/proc/%d/status"):format(r.pid)):match "ShdPnd:%s+(%x+)"
      return pending and tonumber(pending:sub(-1), 16) % 4 < 2
    end)
    assert.is_nil(r:status())
    r:kill(2)
    assert.equal(130, r:wait())
    assert.truthy(
      r:err():find("asked again to stop: left at once, without cancelling orders", 1, true),
      r:err()
    )
    assert.equal(1, open_orders())
  end)
end)
