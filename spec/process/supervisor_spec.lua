-- Workers under a supervisor: each is killed, hung, crashed and filled in turn, against the local exchange over real sockets.
local control = require "moontide.live.control_socket"
local live_run = require "spec.support.live_run"
local lx = require "spec.support.local_exchange"
local trader = require "spec.support.trader"
local run = require "spec.support.run"

local sanitized = os.getenv "ASAN_OPTIONS" ~= nil -- reports a crash itself, and needs more memory

describe("supervisor", function()
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

  -- Orders executed by the exchange whose client id begins with a name, from an entry of its audit on.
  local function orders_of(name, from)
    local count = 0
    for _, e in ipairs(x:audit("?limit=100000&from=" .. from).entries) do
      if
        e.call == "POST /fapi/v1/order"
        and e.executed
        and e.clientOrderId
        and e.clientOrderId:find("^" .. name .. "%-%d")
      then
        count = count + 1
      end
    end
    return count
  end

  local function goes_on(name)
    local from = x:audit("?limit=0").total
    lx.wait_for(name .. " to go on", function() return orders_of(name, from) >= 3 end)
  end

  -- Three traders; the second fails. The others trade on, the failed one's order goes.
  local function one_of_three(failing, arguments, said)
    r = live_run.start(
      x,
      { a = trader("BTCUSDT", "", "a"), b = failing, c = trader("SOLUSDT", "", "c") },
      { "--on-failure", "halt", "--recv-window", "1000", unpack(arguments) }
    )
    for _, name in ipairs { "a", "b", "c" } do
      r:wait_for(name .. "| started")
    end
    r:wait_for(said)
    r:wait_for("b is halted")
    lx.wait_for("the orders to go", function() return open_orders "ETHUSDT" == 0 end)
    assert.equal(1, open_orders "BTCUSDT")
    goes_on "c"
    assert.equal("running", control.ask(r:path("a", "supervisor.sock"), { cmd = "status" }).state)
    assert.equal("halted", control.ask(r:path("b", "supervisor.sock"), { cmd = "status" }).state)
    r:kill(15)
    assert.equal(1, r:wait()) -- one was halted
    assert.truthy(r:out():find("a| stopped", 1, true))
    assert.truthy(r:out():find("c| stopped", 1, true))
    assert.equal(0, open_orders "BTCUSDT" + open_orders "SOLUSDT")
  end

  it("kills a script that loops for ever, even inside compiled code; the others trade on", function()
    one_of_three(
      trader("ETHUSDT", "if self.n == 4 then local k = 0 while true do k = k + 1 end end", "b"),
      { "--hang-seconds", "1" },
      "b hangs for 1."
    )
    assert.truthy(r:err():find("b: its script holds the loop, for", 1, true), r:err())
  end)

  it(
    "lets no crash of native code take the others along",
    function()
      one_of_three(
        trader("ETHUSDT", "if self.n == 4 then require('ffi').cast('int *', 8)[0] = 1 end", "b"),
        { "--trusted" },
        sanitized and "b ended with status" or "b was killed by SIGSEGV"
      )
    end
  )

  it("kills a worker that outgrows its memory", function()
    one_of_three(
      trader(
        "ETHUSDT",
        "self.all = self.all or {} for i = 1, 20 do self.all[#self.all + 1] = ('x'):rep(1e6) .. #self.all .. self.n end",
        "b"
      ),
      { "--memory", sanitized and "600" or "150" },
      "b holds "
    )
    assert.truthy(r:err():find(sanitized and "beyond its 600" or "beyond its 150", 1, true), r:err())
  end)

  it("starts a worker again that was killed, and gives it up when that happens too often", function()
    r = live_run.start(
      x,
      { b = trader("ETHUSDT", "", "again") },
      { "--restarts", "1", "--recv-window", "1000" }
    )
    r:wait_for "started"
    local function pid() return (control.ask(r:path("b", "supervisor.sock"), { cmd = "status" }) or {}).pid end
    local first = pid()
    r:kill(9, first)
    r:wait_for "b starts again in 1 s"
    lx.wait_for(
      "the second start",
      function() return pid() and pid() ~= first and select(2, r:out():gsub("started", "")) == 2 end
    )
    assert.equal(1, open_orders "ETHUSDT") -- the first one's is gone
    r:kill(9, pid())
    assert.equal(1, r:wait())
    assert.truthy(r:err():find("b is halted: it failed 2 times", 1, true), r:err())
    assert.equal(0, open_orders "ETHUSDT")
  end)

  it("flattens what a killed worker held, or keeps its orders, as it was told", function()
    r = live_run.start(x, {
      b = [[ return { symbols = { "ETHUSDT" }, on_start = function()
      assert(api.create_order { symbol = "ETHUSDT", side = "SELL", type = "MARKET", quantity = 0.5 })
      local t = api.get_ticker_price { symbol = "ETHUSDT" }
      assert(api.create_order { symbol = "ETHUSDT", side = "BUY", type = "STOP_MARKET", stopPrice = market.round_price("ETHUSDT", t.price * 1.05), quantity = 0.5, reduceOnly = true })
      print "started" io.stdout:flush() while true do end end } ]],
    }, {
      "--recv-window",
      "1000",
      "--on-crash",
      "flatten",
      "--on-failure",
      "halt",
      "--hang-seconds",
      "0.5",
    })
    r:wait_for "started"
    assert.equal(1, r:wait())
    assert.truthy(r:err():find("the position of -0.5 closed", 1, true), r:err())
    assert.equal(0, #x:signed("GET", "/fapi/v3/positionRisk", {}).json)
    assert.equal(0, #x:signed("GET", "/fapi/v1/openAlgoOrders", {}).json)
    r:close()
    r = live_run.start(
      x,
      { b = trader("ETHUSDT", "if self.n == 2 then while true do end end", "kept") },
      { "--on-crash", "keep", "--on-failure", "halt", "--hang-seconds", "0.5" }
    )
    assert.equal(1, r:wait())
    assert.equal(1, open_orders "ETHUSDT")
  end)

  it("cancels for as long as the exchange does not answer", function()
    r = live_run.start(
      x,
      { b = trader("ETHUSDT", "if self.n == 2 then while true do end end", "dark") },
      { "--on-failure", "halt", "--hang-seconds", "0.5", "--recv-window", "1000" }
    )
    r:wait_for "started"
    x:faults { { fault = "error", call = "DELETE /fapi/v1/allOpenOrders", status = 503 } }
    r:wait_for "orders are left, or cannot be seen"
    assert.equal(1, open_orders "ETHUSDT")
    x:no_faults()
    assert.equal(1, r:wait())
    assert.equal(0, open_orders "ETHUSDT")
  end)

  it("cancels also when the exchange first refuses to tell its rules", function()
    r = live_run.start(
      x,
      { b = trader("ETHUSDT", "if self.n == 2 then while true do end end", "dark") },
      { "--on-failure", "halt", "--hang-seconds", "0.5", "--recv-window", "1000", "--dead-man-seconds", "0" }
    )
    r:wait_for "started"
    x:faults {
      { fault = "error", call = "GET /fapi/v1/exchangeInfo", status = 451, message = "restricted", most = 1 },
      { fault = "error", call = "GET /fapi/v1/exchangeInfo", status = 503, most = 1 },
    }
    finally(function() x:no_faults() end)
    assert.equal(1, r:wait())
    assert.truthy(r:err():find("exchangeInfo answered 451: restricted; again in", 1, true), r:err())
    assert.equal(0, open_orders "ETHUSDT")
  end)

  it("is asked by moontide status about a run that does not answer", function()
    r = live_run.start(x, {
      b = trader(
        "ETHUSDT",
        "if self.n == 2 then print 'hangs' io.stdout:flush() while true do end end",
        "asked"
      ),
    }, { "--recv-window", "1000" })
    r:wait_for "hangs"
    local s = run.moontide({ "status" }, "MOONTIDE_HOME=" .. r.home)
    assert.equal(1, s.status, s.out)
    assert.truthy(s.out:find "b .*script holds the loop, %d", s.out)
  end)

  it("warns of a script that holds the loop", function()
    r = live_run.start(x, { [[ local k = 0 for i = 1, 4e8 do k = k + i end api.sleep(0.1) ]] })
    assert.equal(0, r:wait())
    assert.truthy(r:err():find "the script held the loop for %d+ ms; everything else waited", r:err())
  end)

  it("runs a dozen scripts beside each other", function()
    local scripts = {}
    for i = 1, 12 do
      scripts["s" .. i] = ('print(api.get_ticker_price { symbol = "BTCUSDT" }.price > 0, %d)'):format(i)
    end
    r = live_run.start(x, scripts)
    assert.equal(0, r:wait(), r:err())
    for i = 1, 12 do
      assert.truthy(r:out():find(("s%d| true\t%d\n"):format(i, i), 1, true), r:out() .. r:err())
    end
  end)

  it("keeps paper runs apart in the same way", function()
    r = live_run.start(
      x,
      { a = trader("BTCUSDT"), b = trader("ETHUSDT", "if self.n == 3 then while true do end end") },
      { "--hang-seconds", "1", "--on-failure", "halt" },
      "paper"
    )
    r:wait_for("b-paper is halted")
    local a = assert(control.ask(r:path("a-paper", "control.sock"), { cmd = "status" }))
    assert.equal("paper", a.mode)
    r:kill(15)
    assert.equal(1, r:wait())
    assert.truthy(r:out():find("a-paper| stopped", 1, true), r:err())
  end)
end)
