-- The arithmetic of `moontide explain`, each cause by itself.
local attribute = require "moontide.explain.attribute"

local MINUTE = 60000000

-- An order of a run. fills: { quantity, price, fee, maker, at_us } each.
local function order(t)
  local fills = {}
  for i, f in ipairs(t.fills or {}) do
    fills[i] = {
      symbol = "BTCUSDT",
      side = t.side or "BUY",
      qty = f[1],
      price = f[2],
      fee = f[3] or 0,
      maker = f[4] or false,
      at_us = f[5] or t.at_us or 0,
    }
  end
  return {
    symbol = "BTCUSDT",
    side = t.side or "BUY",
    type = t.type or "MARKET",
    quantity = t.quantity or 1,
    position_side = "BOTH",
    client_id = "",
    context = t.context or "0",
    at_us = t.at_us or 0,
    answered_us = t.answered_us,
    refusal = t.refusal,
    reference = t.reference or 100,
    fills = fills,
  }
end

-- Sessions as wallets and positions would have them: what is not given follows from the orders.
local function explain(actual, simulated, o)
  o = o or {}
  local final = o.final or 100
  local function money(orders, extra)
    local total = extra or 0
    for _, x in ipairs(orders) do
      for _, f in ipairs(x.fills) do
        total = total + (f.side == "BUY" and 1 or -1) * f.qty * (final - f.price) - f.fee
      end
    end
    return total
  end
  local first =
    { us = 0, wallet = 1000, positions = { BTCUSDT = o.carried or {} }, last = { BTCUSDT = o.first or 100 } }
  local carried = 0
  for _, p in ipairs(o.carried or {}) do
    carried = carried + p.amount * (final - (o.first or 100))
  end
  local unrealized = 0
  for _, p in ipairs(o.carried or {}) do
    unrealized = unrealized + p.amount * ((o.first or 100) - p.entry)
  end
  local gained = money(actual, (o.funding or 0) + (o.transfers or 0) + carried + unrealized) + (o.unseen or 0)
  for _, f in ipairs(o.others or {}) do
    gained = gained + (f.side == "BUY" and 1 or -1) * f.qty * (final - f.price) - f.fee
  end
  local s = {
    first = first,
    last = { us = 1, wallet = 1000 + gained, positions = { BTCUSDT = {} }, last = { BTCUSDT = final } },
    intents = actual,
    others = o.others or {},
    funding = o.funding or 0,
    transfers = o.transfers or 0,
  }
  local sim = {
    capital = 1000,
    equity = 1000 + money(simulated, o.simulated_funding),
    intents = simulated,
    others = {},
    funding = o.simulated_funding or 0,
  }
  local e =
    attribute.explain(s, sim, { price_at = o.price_at or function() return 100 end, step_us = MINUTE })
  local sum = 0
  for _, v in pairs(e.causes) do
    sum = sum + v
  end
  assert.near(e.difference, sum + e.residual, 1e-9)
  assert.near(o.unseen or 0, e.residual, 1e-9)
  return e
end

-- That these causes have these values, and all others none.
local function only(e, wanted)
  for _, cause in ipairs(attribute.causes) do
    assert.near(wanted[cause] or 0, e.causes[cause], 1e-9, cause)
  end
end

describe("a difference explained", function()
  it("is nothing where both runs are one", function()
    local e = explain(
      { order { fills = { { 1, 101, 0.1 } } } },
      { order { fills = { { 1, 101, 0.1 } } } },
      { price_at = function() return 101 end, final = 110 }
    )
    assert.equal(0, e.difference)
    assert.is_nil(e.diverged)
    only(explain({ order { fills = { { 1, 100, 0.1 } } } }, { order { fills = { { 1, 100, 0.1 } } } }), {})
  end)

  it("parts a price into data, latency and fill", function()
    -- Decided at 100; the backtest took the bar's 99; half a second later, when it was executed, the market stood at 102; filled at 102.5.
    local function price_at(_, us) return us >= 500000 and 102 or 100 end
    local e = explain({
      order {
        at_us = 0,
        answered_us = 1000000,
        reference = 100,
        fills = { { 2, 102.5, 0, false, 1000000 } },
      },
    }, { order { fills = { { 2, 99 } } } }, { price_at = price_at })
    only(e, { data = -2, latency = -4, fill_price = -1 })
    e = explain({
      order { side = "SELL", at_us = 0, answered_us = 1000000, fills = { { 2, 102.5, 0, false, 1000000 } } },
    }, { order { side = "SELL", fills = { { 2, 99 } } } }, { price_at = price_at })
    only(e, { data = 2, latency = 4, fill_price = 1 })
  end)

  it("takes the first word of a fill where the answer came late", function()
    local e = explain(
      { order { at_us = 0, answered_us = 9000000, fills = { { 1, 101, 0, false, 200000 } } } },
      { order { fills = { { 1, 100 } } } },
      { price_at = function(_, us) return us == 100000 and 101 or 0 end }
    )
    only(e, { latency = -1 })
  end)

  it("blames no latency on an order that rested", function()
    local e = explain(
      { order { type = "LIMIT", fills = { { 1, 98, 0, true, 5000000 } } } },
      { order { type = "LIMIT", fills = { { 1, 98.5, 0, true } } } },
      { price_at = function() return 50 end }
    )
    only(e, { fill_price = 0.5 })
  end)

  it("tells missed fills from refusals, and both from fills the backtest missed", function()
    -- Half was filled: what the other half would have made until the end, less its fee.
    only(
      explain(
        { order { quantity = 2, fills = { { 1, 100, 0.1 } } } },
        { order { quantity = 2, fills = { { 2, 100, 0.2 } } } },
        { final = 110 }
      ),
      { missed_fills = -9.9 }
    )
    only(
      explain(
        { order { refusal = "rejected -2019: Margin is insufficient." } },
        { order { fills = { { 1, 100, 0.1 } } } },
        { final = 110 }
      ),
      { refusals = -9.9 }
    )
    only(
      explain({ order { fills = { { 1, 100, 0.1 } } } }, { order {} }, { final = 110 }),
      { extra_fills = 9.9 }
    )
    only(
      explain(
        { order { fills = { { 1, 100, 0.1 } } } },
        { order { refusal = "rejected -1111: precision" } },
        { final = 110 }
      ),
      { refusals = 9.9 }
    )
    only(explain({ order {} }, { order {} }, { final = 110 }), {})
  end)

  it("knows fees, funding, transfers, carried positions and other orders", function()
    only(
      explain({ order { fills = { { 1, 100, 0.3 } } } }, { order { fills = { { 1, 100, 0.1 } } } }),
      { fees = -0.2 }
    )
    only(explain({}, {}, { funding = -1.5, simulated_funding = -0.5 }), { funding = -1 })
    only(explain({}, {}, { transfers = 25 }), { transfers = 25 })
    only(
      explain({}, {}, { carried = { { amount = -2, entry = 90 } }, first = 100, final = 103 }),
      { carried = -6 }
    )
    only(
      explain(
        {},
        {},
        { others = { { symbol = "BTCUSDT", side = "SELL", qty = 1, price = 104, fee = 0.5 } }, final = 100 }
      ),
      { other_orders = 3.5 }
    )
  end)

  it("states what it cannot explain", function()
    local e = explain(
      { order { fills = { { 1, 100 } } } },
      { order { fills = { { 1, 100 } } } },
      { unseen = 7 }
    )
    only(e, {})
    assert.near(7, e.residual, 1e-9)
  end)

  it("calls decisions of one run alone the path, and says which came first", function()
    local e = explain({
      order { context = "start", fills = { { 1, 100 } } },
      order { context = "60000000", fills = { { 1, 100 } } },
    }, {
      order { context = "start", fills = { { 1, 100 } } },
      order { context = "60000000", side = "SELL", fills = { { 1, 100 } } },
      order { context = "stop", fills = { { 1, 99 } } },
    }, { final = 110 })
    only(e, { path = 10 - -10 - 11 })
    assert.equal("60000000", e.diverged.context)
    assert.equal(4, #e.orders)
  end)

  it(
    "pairs orders by decision: the same last bar, else one beside it; sizes and types must be alike",
    function()
      local a = {
        order { context = "60000000" },
        order { context = "60000000" },
        order { context = "180000000", quantity = 2 },
        order { context = "300000000" },
      }
      local b = {
        order { context = "60000000" },
        order { context = "120000000", quantity = 2 },
        order { context = "60000000" },
        order { context = "300000000", type = "LIMIT" },
        order { context = "420000000" },
      }
      local list = attribute.match(a, b, MINUTE)
      assert.equal(6, #list)
      assert.equal(b[1], list[1].simulated)
      assert.equal(b[3], list[2].simulated)
      assert.equal(b[2], list[3].simulated)
      assert.is_nil(list[4].simulated)
      assert.same({ b[4], b[5] }, { list[5].simulated, list[6].simulated })
    end
  )

  it("sums to the whole on any runs", function()
    local seed = 3
    local function random(n)
      seed = (seed * 16807) % 2147483647
      return seed % n
    end
    for _ = 1, 300 do
      local function run()
        local list = {}
        for i = 1, random(12) do
          local fills = {}
          for k = 1, random(3) do
            fills[k] = {
              (1 + random(5)) / 10,
              90 + random(2000) / 100,
              random(100) / 1000,
              random(2) == 0,
              i * 1000000,
            }
          end
          list[i] = order {
            context = tostring((1 + random(4)) * MINUTE),
            side = random(2) == 0 and "BUY" or "SELL",
            quantity = 1 + random(2),
            at_us = i * 900000,
            answered_us = i * 1000000,
            reference = 95 + random(10),
            refusal = #fills == 0 and random(2) == 0 and "rejected" or nil,
            fills = fills,
          }
        end
        return list
      end
      explain(run(), run(), {
        final = 90 + random(20),
        funding = random(100) / 100,
        price_at = function(_, us) return 95 + us % 7 end,
      })
    end
  end)
end)
