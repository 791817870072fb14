-- Requests whose answers are lost, in a backtest with faults: what the script is told, and what the exchange did.
local backtest = require "spec.support.said"

-- Runs `body` in on_start; returns what it gave to `say`.
local function script(faults, body, arguments)
  return (
    backtest.by(
      body,
      arguments or { "--latency", "5" },
      { faults = faults, config = "return { request_timeout = 2 }" }
    )
  )
end

local function rule(kind, call, more)
  return ('{ fault = "%s", call = "%s", most = 1%s },'):format(kind, call, more or "")
end
local new, batch, cancel, modify =
  "POST /fapi/v1/order", "POST /fapi/v1/batchOrders", "DELETE /fapi/v1/order", "PUT /fapi/v1/order"

describe("a lost answer", function()
  it("to an order: it is found, and not sent again", function()
    for _, faults in ipairs {
      rule("lose_reply", new),
      rule(
        "error_after",
        new,
        ", status = 503, message = 'Unknown error, please check your request or try again later.'"
      ),
      rule("error_after", new, ", status = 502"),
      rule("error_after", new, ", status = 408, code = -1007"),
    } do
      local said = script(
        "return { " .. faults .. " }",
        [[
        local o = assert(api.create_order(limit(15000)))
        say("status", o.status)
        say("open", open())
        local m = assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.02 })
        say("filled", m.executedQty)
        say("position", self:position "BTCUSDT")
      ]]
      )
      assert.same({ status = "NEW", open = 1, filled = 0.02, position = 0.02 }, said)
    end
  end)

  it("to a market order: it comes back with its fill", function()
    for _, latency in ipairs { "0", "5", "300" } do
      local said = script(
        "return { " .. rule("lose_reply", new) .. " }",
        [[
        local o = assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.02 })
        say("status", o.status)
        say("filled", o.executedQty)
        say("price", o.avgPrice > 19000)
        say("position", self:position "BTCUSDT")
      ]],
        { "--latency", latency }
      )
      assert.same({ status = "FILLED", filled = 0.02, price = true, position = 0.02 }, said)
    end
  end)

  it("from an exchange that is slow: the look-ups go on until it answers", function()
    local said = script(
      [[return { { fault = "lose_reply", call = "POST /fapi/v1/order", most = 1 },
      { fault = "lose_request", call = "GET /fapi/v1/order", to = 90 }, { fault = "error", call = "GET /fapi/v1/order", status = 500, to = 120 } }]],
      [[
      api.sleep(65)
      local o = assert(api.create_order(limit(15000, { quantity = 0.02 })))
      say("quantity", o.origQty)
      say("open", open())
    ]]
    )
    assert.same({ quantity = 0.02, open = 1 }, said)
  end)

  it("to a conditional order", function()
    local said = script(
      "return { " .. rule("lose_reply", "POST /fapi/v1/algoOrder") .. " }",
      [[
      local o = assert(api.create_order { symbol = "BTCUSDT", side = "SELL", type = "STOP_MARKET", quantity = 0.01, stopPrice = 15000 })
      say("status", o.status)
      say("open", open())
    ]]
    )
    assert.same({ status = "NEW", open = 1 }, said)
  end)

  it("to a batch: each of it is looked up", function()
    local said = script(
      "return { " .. rule("lose_reply", batch) .. " }",
      [[
      local list = assert(api.batch_orders { limit(15000), limit(15001, { quantity = 900000 }), limit(15002) })
      say("first", list[1].status)
      say("second", { list[2].kind, list[2].code })
      say("third", list[3].price)
      say("open", open())
    ]]
    )
    assert.same({ first = "NEW", second = { "rejected", -2013 }, third = 15002, open = 2 }, said)
  end)

  it("to a cancel or an amendment", function()
    local said = script(
      "return { " .. rule("lose_reply", cancel) .. rule("lose_reply", modify) .. " }",
      [[
      local o = assert(api.create_order(limit(15000)))
      local changed = assert(api.modify_order { symbol = "BTCUSDT", side = "BUY", orderId = o.orderId, price = 15100, quantity = 0.02 })
      say("changed", { changed.price, changed.origQty })
      say("cancelled", assert(api.cancel_order { symbol = "BTCUSDT", orderId = o.orderId }).status)
      say("open", open())
    ]]
    )
    assert.same({ changed = { 15100, 0.02 }, cancelled = "CANCELED", open = 0 }, said)
  end)

  it("to a cancel of everything", function()
    local said = script(
      "return { " .. rule("lose_reply", "DELETE /fapi/v1/allOpenOrders") .. " }",
      [[
      assert(api.create_order(limit(15000)))
      assert(api.create_order(limit(15001)))
      say("done", (assert(api.cancel_all_orders { symbol = "BTCUSDT" })))
      say("open", open())
    ]]
    )
    assert.equal(0, said.open)
    assert.is_true(said.done)
  end)
end)

describe("a request that never arrives", function()
  it("is sent once more, but only when it can no longer be accepted", function()
    local said = script(
      "return { " .. rule("lose_request", new) .. " }",
      [[
      local before = clock()
      local o = assert(api.create_order(limit(15000)))
      say("status", o.status)
      say("waited", clock() - before)
      say("open", open())
    ]]
    )
    assert.equal(1, said.open)
    assert.equal("NEW", said.status)
    assert.truthy(said.waited > 7000 and said.waited < 12000, said.waited)
  end)

  it("a batch as a whole, a cancel and an amendment alike", function()
    local said = script(
      "return { "
        .. rule("lose_request", batch)
        .. rule("lose_request", cancel)
        .. rule("lose_request", modify)
        .. rule("lose_request", "DELETE /fapi/v1/allOpenOrders")
        .. " }",
      [[
      local list = assert(api.batch_orders { limit(15000), limit(15001), limit(15002) })
      say("open", open())
      say("changed", assert(api.modify_order { symbol = "BTCUSDT", side = "BUY", orderId = list[1].orderId, price = 15100, quantity = 0.01 }).price)
      say("cancelled", assert(api.cancel_order { symbol = "BTCUSDT", orderId = list[2].orderId }).status)
      say("then", open())
      assert(api.cancel_all_orders { symbol = "BTCUSDT" })
      say("last", open())
    ]]
    )
    assert.same({ open = 3, changed = 15100, cancelled = "CANCELED", ["then"] = 2, last = 0 }, said)
  end)

  it("of which no retry is left: it is no network error's guess, but known not to be there", function()
    local said = script(
      "return { " .. rule("lose_request", new) .. " }",
      [[
      local _, err = api.create_order(limit(15000, { retries = 0 }))
      say("kind", err.kind)
      say("open", open())
    ]]
    )
    assert.same({ kind = "network", open = 0 }, said)
  end)
end)

it("a cancel with a lost answer of an order that was filled is refused, as the exchange would", function()
  local said = script(
    "return { " .. rule("lose_request", cancel) .. " }",
    [[
    local o = assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.02 })
    local _, err = api.cancel_order { symbol = "BTCUSDT", orderId = o.orderId }
    say("err", { err.kind, err.code })
  ]]
  )
  assert.same({ err = { "rejected", -2011 } }, said)
end)

it("a client id used before: its older order is not taken for the new one", function()
  local said = script(
    "return { " .. rule("lose_request", new, ", from = 60") .. " }",
    [[
    local o = assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.02, newClientOrderId = "mine" })
    api.sleep(70)
    local again = assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.03, newClientOrderId = "mine" })
    say("filled", again.executedQty)
    say("new", again.orderId ~= o.orderId)
    say("position", self:position "BTCUSDT")
  ]]
  )
  assert.same({ filled = 0.03, new = true, position = 0.05 }, said)
end)

it("six cancels in doubt at once keep none of their look-ups out", function()
  local said = script(
    [[return { { fault = "lose_reply", call = "DELETE /fapi/v1/order", most = 6 } }]],
    [[
    api.configure { workers = 1, critical_workers = 1, failure_threshold = 50 }
    local orders, tasks = {}, {}
    for i = 1, 6 do orders[i] = assert(api.create_order(limit(15000 + i))) end
    for i = 1, 6 do tasks[i] = api.async.cancel_order { symbol = "BTCUSDT", orderId = orders[i].orderId, priority = "CRITICAL" } end
    local done = 0
    for i = 1, 6 do if tasks[i]:wait() then done = done + 1 end end
    say("done", done)
    say("open", open())
  ]]
  )
  assert.same({ done = 6, open = 0 }, said)
end)
