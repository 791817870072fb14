-- How a supervisor and its workers end, against the local exchange over real sockets.
local ffi = require "ffi"
local control = require "moontide.live.control_socket"
local live_run = require "spec.support.live_run"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"
local trader = require "spec.support.trader"

ffi.cdef "void (*signal(int, void (*)(int)))(int);"

-- What a program that is started meanwhile does when its terminal ends: 0 as usual, 1 nothing, as under nohup.
local function with_hangup(how, fn)
  local before = ffi.C.signal(1, ffi.cast("void (*)(int)", how))
  local ok, problem = pcall(fn)
  ffi.C.signal(1, before)
  assert(ok, problem)
end

describe("a supervisor's end", function()
  local x, r
  setup(
    function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT,ETHUSDT,SOLUSDT", "--wallet", "1000000" } end
  )
  teardown(function() x:stop() end)
  after_each(function()
    x:no_faults()
    if r then r:close() end
    r = nil
    for _, symbol in ipairs { "BTCUSDT", "ETHUSDT", "SOLUSDT" } do
      x:signed("DELETE", "/fapi/v1/allOpenOrders", { symbol = symbol })
    end
  end)

  local function open_orders(symbol) return #x:signed("GET", "/fapi/v1/openOrders", { symbol = symbol }).json end

  it("goes on cancelling when a run has ended and the exchange would not cancel its orders", function()
    r = live_run.start(x, { b = trader "ETHUSDT" }, { "--recv-window", "1000", "--on-failure", "halt" })
    r:wait_for "started"
    lx.wait_for("its order", function() return open_orders "ETHUSDT" == 1 end)
    local refusals = {}
    for _, call in ipairs {
      "DELETE /fapi/v1/allOpenOrders",
      "DELETE /fapi/v1/order",
      "DELETE /fapi/v1/batchOrders",
    } do
      refusals[#refusals + 1] = { fault = "error", call = call, status = 400, code = -4000 }
    end
    x:faults(refusals)
    r:kill(15)
    r:wait_for("has ended, but its orders are not known to be gone")
    r:wait_for("orders are left, or cannot be seen")
    assert.is_nil(r:status())
    assert.equal(1, open_orders "ETHUSDT")
    x:no_faults()
    assert.equal(0, r:wait(), r:err())
    assert.equal(0, open_orders "ETHUSDT")
  end)

  it("is what goes on: without one a run that could not cancel says so, and ends with status 1", function()
    r = live_run.start(x, { b = trader "ETHUSDT" }, { "--no-supervisor", "--recv-window", "1000" })
    r:wait_for "started"
    lx.wait_for("its order", function() return open_orders "ETHUSDT" == 1 end)
    x:faults { { fault = "error", call = "DELETE /fapi/v1/allOpenOrders", status = 400, code = -4000 } }
    r:kill(15)
    assert.equal(1, r:wait(), r:err())
    assert.truthy(
      r:err()
        :find("b.lua has ended, but its clean-up is not complete (see above): check its open orders", 1, true),
      r:err()
    )
    x:no_faults()
  end)

  it("lets workers end in order when it is killed itself", function()
    r = live_run.start(x, { a = trader("BTCUSDT"), b = trader("ETHUSDT") })
    r:wait_for "a| started"
    r:wait_for "b| started"
    r:kill(9)
    lx.wait_for("the orders to go", function() return open_orders "BTCUSDT" + open_orders "ETHUSDT" == 0 end)
    lx.wait_for(
      "the workers' end",
      function() return not control.ask(r:path("a", "control.sock"), { cmd = "status" }) end
    )
  end)

  it("stops all in order on one signal; a second one kills, and orders still go", function()
    local stubborn =
      [[ return { symbols = { "ETHUSDT" }, on_start = function() local t = api.get_ticker_price { symbol = "ETHUSDT" }
      assert(api.create_order { symbol = "ETHUSDT", side = "BUY", type = "LIMIT", quantity = 0.1, price = market.round_price("ETHUSDT", t.price * 0.95) })
      print "started" io.stdout:flush() end, on_stop = function() while true do api.get_open_orders { symbol = "ETHUSDT", share = false } end end } ]]
    r = live_run.start(x, { a = trader("BTCUSDT"), b = stubborn }, { "--recv-window", "1000" })
    r:wait_for "a| started"
    r:wait_for "b| started"
    r:kill(2)
    r:wait_for "a| stopped"
    r:kill(2)
    assert.equal(1, r:wait())
    assert.truthy(r:err():find("workers are killed", 1, true), r:err())
    assert.equal(0, open_orders "BTCUSDT" + open_orders "ETHUSDT")
  end)

  it("ends within its time a worker whose on_stop asks on and on; its orders go", function()
    x:faults { { fault = "delay", call = "GET /fapi/v1/ticker/price", delay = 0.2 } } -- slow enough to leave the others their limits
    finally(function() x:no_faults() end)
    r = live_run.start(x, {
      [[ return { symbols = { "ETHUSDT" }, on_start = function() local t = api.get_ticker_price { symbol = "ETHUSDT" }
      assert(api.create_order { symbol = "ETHUSDT", side = "BUY", type = "LIMIT", quantity = 0.1, price = market.round_price("ETHUSDT", t.price * 0.95) })
      print "started" end, on_stop = function() while true do api.get_ticker_price { symbol = "ETHUSDT", share = false } end end } ]],
    }, { "--recv-window", "1000", "--stop-timeout", "6" })
    r:wait_for "started"
    r:kill(15)
    assert.equal(0, r:wait(), r:err())
    assert.truthy(r:err():find("ended: net ", 1, true), r:err())
    assert.equal(0, open_orders "ETHUSDT")
  end)

  it("gives up at the end of its time when the exchange would not cancel, and says so", function()
    r = live_run.start(x, { b = trader "ETHUSDT" }, { "--recv-window", "1000", "--stop-timeout", "5" })
    r:wait_for "started"
    lx.wait_for("its order", function() return open_orders "ETHUSDT" == 1 end)
    local refusals = {}
    for _, call in ipairs { "DELETE /fapi/v1/allOpenOrders", "DELETE /fapi/v1/order" } do
      refusals[#refusals + 1] = { fault = "error", call = call, status = 400, code = -4000 }
    end
    x:faults(refusals)
    finally(function() x:no_faults() end)
    r:kill(15)
    assert.equal(1, r:wait())
    assert.truthy(
      r:err():find("could not be cancelled within --stop-timeout: look at its open orders", 1, true),
      r:err()
    )
    x:no_faults()
    x:signed("DELETE", "/fapi/v1/allOpenOrders", { symbol = "ETHUSDT" })
  end)

  it(
    "ends in time also when a worker was started again; and lives through a terminal's end where nohup says so",
    function()
      r = live_run.start(x, {
        b = trader(
          "ETHUSDT",
          "if self.n == 5 and not io.open('once') then io.open('once', 'w'):close() while true do end end",
          "timed"
        ),
      }, { "--for", "8", "--hang-seconds", "1", "--recv-window", "1000" })
      r:wait_for "b starts again in 1 s"
      -- It has what is left of the time.
      local left = lx.wait_for("the second life", function()
        if r:status() then return 0 end -- no more than a moment was left
        local status = control.ask(r:path("b", "supervisor.sock"), { cmd = "status" })
        local words = status and status.pid and run.read(("/proc/%d/cmdline"):format(status.pid)) or ""
        return words:find("--worker", 1, true) and tonumber(words:match "%-%-for%z([%d.]+)")
      end)
      assert.is_true(left < 8, left)
      assert.equal(0, r:wait(), r:err())
      r:close()
      with_hangup(
        1,
        function()
          r = live_run.start(x, { "print 'started' io.stdout:flush() api.sleep(0.5) print 'through'" })
        end
      )
      r:wait_for "started"
      r:kill(1)
      assert.equal(0, r:wait())
      assert.truthy(r:out():find("through", 1, true), r:out() .. r:err())
      r:close()
      with_hangup(0, function() r = live_run.start(x, { b = trader("ETHUSDT") }) end)
      r:wait_for "started"
      r:kill(1)
      assert.equal(0, r:wait())
      assert.truthy(r:out():find("stopped", 1, true))
    end
  )

  it("passes on how its one script ended, and its output as it is", function()
    r = live_run.start(x, { [[ print "hello" error "on purpose" ]] })
    assert.equal(1, r:wait())
    assert.equal("hello\n", r:out())
    assert.truthy(r:err():find("on purpose", 1, true))
    r:close()
    r = live_run.start(x, { [[ print(api.get_ticker_price { symbol = "BTCUSDT" }.price > 0) ]] })
    assert.equal(0, r:wait())
    assert.equal("true\n", r:out())
    assert.falsy(r:err():find("script| ", 1, true))
  end)

  it("says in one line what is wrong with how it is called", function()
    local folder = run.folder()
    finally(function() run.remove(folder) end)
    local script = run.write(folder .. "/s.lua", "print(1)")
    os.execute(("mkdir %s/other && cp %s %s/other/s.lua"):format(folder, script, folder))
    for _, case in ipairs {
      { { script, folder .. "/other/s.lua" }, "two scripts make one run's name, 's'" },
      { { script, folder .. "/other/t.lua", "--name", "x" }, "--name is for one script" },
      { { script, "--memory", "1" }, "--memory 1: expected MB from 32" },
      { { script, "--on-crash", "pray" }, "expected one of cancel, flatten, keep" },
      { { script, script, "--no-supervisor" }, "--no-supervisor runs one script" },
      { { script, "--hang-seconds", "soon" }, "--hang-seconds soon" },
      { { script, "--worker", "7:7" }, "for the supervisor's use" },
    } do
      local result = run.moontide { "live", "--url", x.url, unpack(case[1]) }
      assert.equal(2, result.status, result.err)
      assert.truthy(result.err:find(case[2], 1, true), result.err)
      assert.equal(1, select(2, result.err:gsub("\n", "")), result.err)
    end
  end)
end)
