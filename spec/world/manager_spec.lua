-- The API manager as a script meets it: each area through a backtest run by the program itself.
local cjson = require "cjson"
local run = require "spec.support.run"

local script = require("spec.support.said").by

describe("API manager in a script:", function()
  it("initialisation: settings, presets, and refusals that name the nearest", function()
    local said = script [[
      api.configure { preset = "conservative", workers = 7 }
      say("workers", api.get_metrics().workers)
      local ok, why = pcall(api.configure, { worker = 3 })
      say("unknown", tostring(why))
      ok, why = pcall(api.configure, { workers = 0 })
      say("range", tostring(why))
      api.stop()
      local _, err = api.get_balance()
      say("stopped", err.kind)
      api.start(3)
      say("again", api.get_balance() ~= nil)
      say("restarted", api.get_metrics().workers)
    ]]
    assert.equal(7, said.workers)
    assert.truthy(said.unknown:find("did you mean 'workers'", 1, true))
    assert.truthy(said.range:find("workers", 1, true))
    assert.equal("stopped", said.stopped)
    assert.is_true(said.again)
    assert.equal(3, said.restarted)
  end)

  it("limits: no window is exceeded and nothing is refused by the exchange", function()
    local said = script(
      [[
      local tasks, failed = {}, 0
      for i = 1, 120 do tasks[i] = api.async.create_order(limit(15000 + i)) end
      for i = 1, 120 do if not tasks[i]:wait() then failed = failed + 1 end end
      local m = api.get_metrics()
      say("failed", failed)
      say("slowed", m.outcomes.rate_limited)
      say("time", api.now() - 1672531200000)
    ]],
      { "--latency", "5" },
      { config = "return { orders_per_second = 10, critical_reserve = 0 }" }
    )
    assert.equal(0, said.failed)
    assert.equal(0, said.slowed)
    assert.is_true(said.time >= 11000 and said.time < 13000, tostring(said.time))
  end)

  it("priority: what is urgent passes what waits", function()
    local said = script(
      [[
      local order = {}
      local tasks = {}
      local function go(name, priority)
        tasks[#tasks + 1] = api.spawn(function()
          api.get_server_time { priority = priority, share = false }
          order[#order + 1] = name
        end)
      end
      for i = 1, 5 do go("low", "LOW") end
      go("normal", "NORMAL")
      go("high", "HIGH")
      go("critical", "CRITICAL")
      for _, t in ipairs(tasks) do t:wait() end
      say("order", order)
      local ok, why = pcall(api.get_server_time, { priority = "URGENT" })
      say("wrong", tostring(why))
    ]],
      { "--latency", "5" },
      { config = "return { workers = 1, critical_workers = 0 }" }
    )
    assert.same({ "critical", "high", "normal" }, {
      said.order[1] == "low" and said.order[2] or said.order[1],
      said.order[1] == "low" and said.order[3] or said.order[2],
      said.order[1] == "low" and said.order[4] or said.order[3],
    })
    assert.truthy(said.wrong:find("no such priority 'URGENT'", 1, true))
  end)

  describe("batch:", function()
    it("results in order, errors in their place, orders gathered by five", function()
      local said = script(
        [[
        local list = {}
        for i = 1, 12 do list[i] = { "create_order", limit(15000 + i) } end   -- eleven good ones: five, five and one
        list[3][2].price = 15000.123456
        list[7][2].quantity = 900000
        list[13] = { "get_balance" }
        list[14] = { "GET", "/fapi/v1/klines", { symbol = "BTCUSDT", interval = "1m", limit = 3 } }
        local results, failed = api.batch_request(list)
        say("failed", failed)
        say("prices", { results[1].price, results[2].price, results[12].price })
        say("third", results[3].kind)
        say("seventh", { results[7].kind, results[7].code })
        say("balance", type(results[13]))
        local m = api.get_metrics()
        say("batches", m.endpoints["POST /fapi/v1/batchOrders"].answered)
        say("singles", m.endpoints["POST /fapi/v1/order"] and 1 or 0)
        say("open", #api.get_open_orders { symbol = "BTCUSDT" })
        local ok, why = pcall(api.batch_request, { { "create_ordr", {} } })
        say("wrong", tostring(why))
      ]],
        { "--latency", "5" }
      )
      assert.equal(2, said.failed)
      assert.same({ 15001, 15002, 15012 }, said.prices)
      assert.equal("invalid", said.third)
      assert.same({ "rejected", -4005 }, said.seventh)
      assert.equal("table", said.balance)
      assert.equal(2, said.batches)
      assert.equal(1, said.singles)
      assert.equal(10, said.open)
      assert.truthy(said.wrong:find("no call named 'create_ordr'", 1, true))
    end)

    it("identical reads are sent once, unless one opts out", function()
      local said = script(
        [[
        local function five(share)
          local tasks, before = {}, api.get_metrics().sent
          for i = 1, 5 do tasks[i] = api.async.get_klines { symbol = "BTCUSDT", interval = "1m", limit = 1, share = share } end
          for i = 1, 5 do assert(tasks[i]:wait()) end
          return api.get_metrics().sent - before
        end
        say("shared", five())
        say("alone", five(false))
        say("counted", api.get_metrics().shared)
      ]],
        { "--latency", "5" }
      )
      assert.same({ shared = 1, alone = 5, counted = 4 }, said)
    end)

    it("a read of the account is not shared past an order", function()
      local said = script(
        [[
        local first = api.async.get_open_orders { symbol = "BTCUSDT" }
        api.async.create_order(limit(15000)):wait()
        local second = api.async.get_open_orders { symbol = "BTCUSDT" }
        first:wait()
        say("after", #second:wait())
      ]],
        { "--latency", "5" }
      )
      assert.equal(1, said.after)
    end)

    it("a new price for a queued modify takes its place", function()
      local said = script(
        [[
        local o = assert(api.create_order(limit(15000)))
        local before = api.get_metrics().sent
        local busy, tasks = api.async.get_server_time(), {}
        for i = 1, 4 do
          tasks[i] = api.async.modify_order { symbol = "BTCUSDT", orderId = o.orderId, side = "BUY", quantity = 0.01, price = 15000 + i }
        end
        local prices = {}
        for i = 1, 4 do prices[i] = assert(tasks[i]:wait()).price end
        busy:wait()
        say("prices", prices)
        say("sent", api.get_metrics().sent - before)
        say("now", api.get_order { symbol = "BTCUSDT", orderId = o.orderId }.price)
      ]],
        { "--latency", "5" },
        { config = "return { workers = 1, critical_workers = 0 }" }
      )
      assert.same({ 15004, 15004, 15004, 15004 }, said.prices)
      assert.equal(2, said.sent)
      assert.equal(15004, said.now)
    end)
  end)

  describe("errors:", function()
    it("who gives a call less time than it needs is told that its outcome is unknown", function()
      local said = script(
        [[
        local _, err = api.create_order(limit(15000, { timeout = 3 }))
        say("kind", err.kind)
        api.sleep(10)
        say("open", #assert(api.get_open_orders { symbol = "BTCUSDT" }))
      ]],
        { "--latency", "2000" },
        { config = "return { request_timeout = 10 }", faults = "return {}" }
      )
      assert.same({ kind = "unknown_outcome", open = 1 }, said)
    end)

    it("an order that never left is repeated; one refused is not", function()
      local said = script(
        [[
        say("id", assert(api.create_order(limit(15000))).orderId ~= nil)
        say("retries", api.get_metrics().retries)
        local _, err = api.create_order(limit(15000, { quantity = 900000 }))
        say("code", err.code)
        say("again", api.get_metrics().retries)
      ]],
        nil,
        { faults = [[return { { fault = "no_connection", call = "POST /fapi/v1/order", most = 2 } }]] }
      )
      assert.same({ id = true, retries = 2, code = -4005, again = 2 }, said)
    end)

    it("a read lost or answered with 503 is repeated as often as it may", function()
      local said = script(
        [[
        say("first", api.get_klines { symbol = "BTCUSDT", interval = "1m", limit = 1 } ~= nil)
        local value, err = api.get_klines { symbol = "BTCUSDT", interval = "1m", limit = 1, retries = 0 }
        say("second", value ~= nil or err.kind)
      ]],
        nil,
        {
          faults = [[return {
        { fault = "lose_request", class = "market", most = 1 },
        { fault = "error", class = "market", status = 503, message = "Service Unavailable", most = 2 },
      }]],
        }
      )
      assert.is_true(said.first)
      assert.is_true(said.second)
    end)

    it("a bad fault file is refused in one line", function()
      for text, word in pairs {
        ["return 3"] = "table of rules",
        ["return { { fault = 'loose' } }"] = "lose_reply",
        ["return { { fault = 'error', call = 'GET /nowhere' } }"] = "no call",
        ["return { { fault = 'delay' } }"] = "delay above 0",
        ["return {"] = "expected",
      } do
        local folder = run.folder()
        local file = run.write(folder .. "/f.lua", text)
        local r = run.backtest("return { on_bar = function() end }", { { 1, 2, 1, 2 } }, { "--faults", file })
        run.remove(folder)
        assert.equal(1, r.status)
        assert.truthy(r.err:find(word, 1, true), r.err)
        assert.equal(1, select(2, r.err:gsub("\n", "\n")), r.err)
      end
    end)
  end)

  it("metrics: by outcome, endpoint, window and minute", function()
    local said = script(
      [[
      for i = 1, 3 do assert(api.get_klines { symbol = "BTCUSDT", interval = "1m", limit = 1 }) end
      api.create_order(limit(15000, { quantity = 900000 }))
      api.sleep(120)
      assert(api.get_balance())
      say("m", api.get_metrics())
    ]],
      { "--latency", "50" }
    )
    local m = said.m
    assert.equal(4, m.outcomes.done)
    assert.equal(1, m.outcomes.rejected)
    assert.equal(3, m.endpoints["GET /fapi/v1/klines"].answered)
    assert.is_true(math.abs(m.endpoints["GET /fapi/v1/klines"].average_response_time - 0.1) < 1e-9)
    assert.equal(2, #m.history)
    assert.equal(4, m.history[1].settled)
    assert.equal(120000, m.history[2].time - m.history[1].time)
    assert.is_true(math.abs(m.rate_limiter.p99 - 0.1) <= 0.1 / 32)
    local seen = {}
    for _, w in ipairs(m.rate_limiter.rate_limit_state.windows) do
      seen[w.kind .. w.interval] = w.limit
    end
    assert.same({ weight60 = 2400, orders60 = 1200, orders10 = 300 }, seen)
    assert.equal(0, m.queue.total_size)
    assert.equal("closed", m.rate_limiter.circuit_state)
  end)

  it("breaker: opens, tells, probes and closes, and keeps to its class", function()
    local said, result = script(
      [[
      api.configure { failure_threshold = 3, recovery_timeout = 10, max_retries = 0, alert_circuit = true, alert_interval = 1 }
      local kinds = {}
      for i = 1, 5 do
        local value, err = api.get_server_time()
        kinds[i] = value and "ok" or err.kind
      end
      say("kinds", kinds)
      say("balance", api.get_balance() ~= nil)
      say("state", api.get_metrics().rate_limiter.circuits)
      api.sleep(11)
      say("probe", api.get_server_time() ~= nil)
      say("closed", api.get_metrics().rate_limiter.circuit_state)
      api.sleep(2)
      api.get_server_time()
      api.sleep(2)
    ]],
      { "--latency", "5" },
      {
        faults = [[return { { fault = "error", class = "market", status = 503,
      message = "Service Unavailable", most = 3 } }]],
      }
    )
    assert.same({ "network", "network", "network", "circuit_open", "circuit_open" }, said.kinds)
    assert.is_true(said.balance)
    assert.same({ orders = "closed", market = "open", account = "closed" }, said.state)
    assert.is_true(said.probe)
    assert.equal("closed", said.closed)
    local path = {}
    for _, n in ipairs(said.circuits) do
      path[#path + 1] = n.request_class .. ":" .. n.to
    end
    assert.same({ "market:open", "market:half_open", "market:closed" }, path)
    assert.truthy(
      result.err:find("WARN circuit request_class=market from=closed to=open", 1, true),
      result.err
    )
  end)

  it("throttling: falls with the success rate where headers are silent", function()
    local said = script(
      [[
      api.configure { monitoring_window = 1, throttle_min_count = 5, failure_threshold = 0, failure_rate = 0, max_retries = 0 }
      for i = 1, 60 do
        api.get_server_time()
        api.sleep(0.1)
      end
      say("low", api.get_metrics().rate_limiter.current_throttle_factor)
      for i = 1, 300 do
        api.get_server_time()
        api.sleep(0.1)
      end
      say("high", api.get_metrics().rate_limiter.current_throttle_factor)
    ]],
      { "--latency", "5" },
      {
        faults = [[return { { fault = "error", status = 503, message = "Service Unavailable", most = 60 } }]],
      }
    )
    assert.is_true(said.low < 0.5, tostring(said.low))
    assert.equal(1, said.high)
  end)

  it("alerts: rise once and fall once, in the log and in on_alert", function()
    local said, result = script(
      [[
      api.configure { alert_queue = 5, alert_interval = 1, workers = 1, critical_workers = 0, weight_per_second = 5 }
      local tasks = {}
      for i = 1, 40 do tasks[i] = api.async.get_server_time { share = false } end
      for _, t in ipairs(tasks) do t:wait() end
      api.sleep(5)
      for i = 1, 3 do api.get_server_time() api.sleep(1) end
    ]],
      { "--latency", "5", "--log-format", "json" }
    )
    assert.equal(2, #said.alerts)
    assert.equal("queue", said.alerts[1].rule)
    assert.is_true(said.alerts[1].raised)
    assert.is_true(said.alerts[1].value > 5)
    assert.is_false(said.alerts[2].raised)
    local logged = 0
    for line in result.err:gmatch "[^\n]+" do
      if line:find('"message":"alert"', 1, true) then
        assert.equal("queue", cjson.decode(line).rule)
        logged = logged + 1
      end
    end
    assert.equal(2, logged)
  end)

  it("debug: each request's life is one line", function()
    local _, result = script(
      [[api.get_balance() api.create_order(limit(15000, { quantity = 900000 }))]],
      { "--latency", "5", "--log-level", "debug" }
    )
    local lives = {}
    for line in result.err:gmatch "[^\n]*DEBUG request[^\n]*" do
      lives[#lives + 1] = line
    end
    assert.equal(2, #lives)
    assert.truthy(
      lives[1]:find(
        'id=1 call="GET /fapi/v3/balance" priority=NORMAL waited=0 why=- attempts=1 took=0.01 outcome=done',
        1,
        true
      ),
      lives[1]
    )
    assert.truthy(lives[2]:find("outcome=rejected code=-4005", 1, true), lives[2])
  end)

  it("help config: every key with its default, from the table the code reads", function()
    local r = run.moontide { "help", "config" }
    assert.equal(0, r.status)
    for _, word in ipairs {
      "requests_per_minute%s+1200",
      "backoff%s+exponential",
      "alert_clock_skew%s+0",
      "  high_frequency\n",
    } do
      assert.truthy(r.out:find(word), word)
    end
  end)
end)
