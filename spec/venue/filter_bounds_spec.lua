-- Every rule of a contract from both sides: the last value that passes and the first that does not.
local ffi = require "ffi"
local C = require "spec.support.c"

local PARAMS = {
  price = { C.P_PRICE, "price_e8" },
  quantity = { C.P_QUANTITY, "quantity_e8" },
  stop = { C.P_STOP_PRICE, "stop_price_e8" },
  activate = { C.P_ACTIVATE_PRICE, "activate_price_e8" },
}

local function e8(v) return ffi.cast("int64_t", math.floor(v * 1e8 + 0.5)) end

-- A contract whose numbers are easy to reckon with; limits of market orders differ from those of others.
local function contract()
  local s = ffi.new "struct symbol"
  C.symbol_rules_builtin("BTCUSDT", s)
  s.price_precision, s.quantity_precision = 2, 3
  s.tick_e8, s.price_min_e8, s.price_max_e8 = e8(0.05), e8(10), e8(1000)
  s.qty_min_e8, s.qty_max_e8, s.step_e8 = e8(0.01), e8(100), e8(0.01)
  s.market_qty_min_e8, s.market_qty_max_e8, s.market_step_e8 = e8(0.2), e8(50), e8(0.1)
  s.notional_min_e8, s.percent_up_e8, s.percent_down_e8 = e8(5), e8(1.1), e8(0.9)
  return s
end

-- The code for an order at a mark price of 100 and a last price of 200, unless told otherwise.
local function judge(order, rules)
  local s, c, message = contract(), ffi.new "struct call", ffi.new "char[256]"
  for name, value in pairs(rules or {}) do
    s[name] = e8(value)
  end
  c.type, c.side = C[order.type or "ORDER_LIMIT"], C[order.side or "SIDE_BUY"]
  for name, p in pairs(PARAMS) do
    if order[name] then
      c[p[2]] = e8(order[name])
      c.given = bit.bor(c.given, bit.lshift(1ULL, tonumber(p[1])))
    end
  end
  c.close_position, c.reduce_only = order.close or false, order.reduce_only or false
  local mark, last = e8(order.mark or 100), e8(order.last or 200)
  return C.filter_order(s, c, mark, last, order.reducing or false, message, 256)
end

local function all(cases)
  for _, case in ipairs(cases) do
    local words = {}
    for name, value in pairs(case[2]) do
      words[#words + 1] = name .. "=" .. tostring(value)
    end
    table.sort(words)
    assert.equal(case[1], judge(case[2], case[3]), table.concat(words, " "))
  end
end

describe("the rules of a contract at their bounds:", function()
  it("prices", function()
    all {
      { 0, { price = 10, quantity = 1 } },
      { -4013, { price = 9.95, quantity = 1 } },
      { 0, { price = 1000, quantity = 1, side = "SIDE_SELL" } },
      { -4002, { price = 1000.05, quantity = 1, side = "SIDE_SELL" } },
      { -4001, { price = 0, quantity = 1 } },
      { -4001, { price = -10, quantity = 1 } },
      { 0, { price = 100.05, quantity = 1 } },
      { -4014, { price = 100.04, quantity = 1 } },
      { -4014, { price = 100.06, quantity = 1 } },
      { -1111, { price = 100.055, quantity = 1 } },
      -- A bound of 0 is none.
      { 0, { price = 0.05, quantity = 100 }, { price_min_e8 = 0 } },
      { 0, { price = 100000, quantity = 1, side = "SIDE_SELL" }, { price_max_e8 = 0 } },
      -- A market order has no price, even when one is given.
      { 0, { type = "ORDER_MARKET", price = 5, quantity = 1 } },
    }
  end)

  it("trigger and activation prices", function()
    for _, name in ipairs { "stop", "activate" } do
      local type = name == "stop" and "ORDER_STOP_MARKET" or "ORDER_TRAILING_STOP_MARKET"
      for price, code in pairs {
        [0] = -4006,
        [-1] = -4006,
        [0.05] = 0, -- no least price for a trigger
        [1000] = 0,
        [1000.05] = -4007,
        [100.01] = -4014,
        [100.001] = -1111,
      } do
        local order = { type = type, [name] = price, quantity = 100 }
        assert.equal(code, judge(order, { market_qty_max_e8 = 1000 }), name .. " " .. price)
      end
      assert.equal(0, judge({ type = type, [name] = 5000, quantity = 1 }, { price_max_e8 = 0 }))
    end
  end)

  it("quantities, of market orders by bounds of their own", function()
    all {
      { 0, { price = 1000, quantity = 0.01, side = "SIDE_SELL" } },
      { -4003, { price = 100, quantity = 0 } },
      { -4003, { price = 100, quantity = -1 } },
      { -1111, { price = 100, quantity = 0.0005 } },
      { -4004, { price = 100, quantity = 0.009 } },
      { 0, { price = 100, quantity = 100 } },
      { -4005, { price = 100, quantity = 100.01 } },
      { -4023, { price = 100, quantity = 1.005 } },
      { 0, { price = 100, quantity = 1000 }, { qty_max_e8 = 0 } },
    }
    for _, type in ipairs {
      "ORDER_MARKET",
      "ORDER_STOP_MARKET",
      "ORDER_TAKE_PROFIT_MARKET",
      "ORDER_TRAILING_STOP_MARKET",
    } do
      local stop = type:find "STOP" and 100 or type:find "PROFIT" and 100 or nil
      all {
        { 0, { type = type, stop = stop, quantity = 0.2 } },
        { -4004, { type = type, stop = stop, quantity = 0.19 } },
        { 0, { type = type, stop = stop, quantity = 50 } },
        { -4005, { type = type, stop = stop, quantity = 50.1 } },
        { -4023, { type = type, stop = stop, quantity = 0.25 } },
      }
    end
    for _, type in ipairs { "ORDER_LIMIT", "ORDER_STOP", "ORDER_TAKE_PROFIT" } do
      all {
        { 0, { type = type, price = 100, stop = type ~= "ORDER_LIMIT" and 100 or nil, quantity = 0.05 } },
        { 0, { type = type, price = 100, stop = type ~= "ORDER_LIMIT" and 100 or nil, quantity = 50.01 } },
        { -4013, { type = type, price = 9.95, stop = type ~= "ORDER_LIMIT" and 100 or nil, quantity = 1 } },
      }
    end
    -- Who closes all needs no quantity.
    assert.equal(0, judge { type = "ORDER_STOP_MARKET", stop = 100, close = true })
    assert.equal(0, judge { type = "ORDER_STOP_MARKET", stop = 100, quantity = 0, close = true })
  end)

  it("the least notional, measured at the price the order will have", function()
    all {
      { 0, { price = 100, quantity = 0.05 } },
      { -4164, { price = 99.95, quantity = 0.05 } },
      { -4164, { price = 100, quantity = 0.04 } },
      -- At the mark price, else the last one, where the order has none.
      { 0, { type = "ORDER_MARKET", quantity = 0.2, mark = 25 } },
      { -4164, { type = "ORDER_MARKET", quantity = 0.2, mark = 24.99 } },
      { 0, { type = "ORDER_MARKET", quantity = 0.2, mark = 0, last = 25 } },
      { -4164, { type = "ORDER_MARKET", quantity = 0.2, mark = 0, last = 24.99 } },
      { 0, { type = "ORDER_MARKET", quantity = 0.2, mark = 0, last = 0 } },
      -- At the trigger of an order that waits for one; a limit price counts before it.
      { 0, { type = "ORDER_STOP_MARKET", quantity = 0.2, stop = 25 } },
      { -4164, { type = "ORDER_STOP_MARKET", quantity = 0.2, stop = 24.95 } },
      { 0, { type = "ORDER_TRAILING_STOP_MARKET", quantity = 0.2, activate = 25 } },
      { -4164, { type = "ORDER_TRAILING_STOP_MARKET", quantity = 0.2, activate = 24.95 } },
      { 0, { type = "ORDER_STOP", quantity = 0.1, price = 50, stop = 10 } },
      { -4164, { type = "ORDER_STOP", quantity = 0.1, price = 49.95, stop = 1000 } },
      -- What reduces or closes may be of any size.
      { 0, { price = 10, quantity = 0.01, reducing = true } },
      { 0, { price = 10, quantity = 0.01, reduce_only = true } },
      { 0, { type = "ORDER_STOP_MARKET", stop = 10, quantity = 0.2, close = true } },
    }
  end)

  it("the percent of the mark price, on the aggressive side alone", function()
    all {
      { 0, { price = 110, quantity = 1 } },
      { -4016, { price = 110.05, quantity = 1 } },
      { 0, { price = 90, quantity = 1, side = "SIDE_SELL" } },
      { -4024, { price = 89.95, quantity = 1, side = "SIDE_SELL" } },
      { 0, { price = 89.95, quantity = 1 } },
      { 0, { price = 110.05, quantity = 1, side = "SIDE_SELL" } },
      { -4016, { price = 110.05, quantity = 1, reducing = true } },
      -- Without a mark price there is nothing to compare with; a stop's limit price is judged later.
      { 0, { price = 500, quantity = 1, mark = 0 } },
      { 0, { type = "ORDER_STOP", price = 500, stop = 100, quantity = 1 } },
      { 0, { price = 500, quantity = 1 }, { percent_up_e8 = 0 } },
      { 0, { price = 10, quantity = 1, side = "SIDE_SELL" }, { percent_down_e8 = 0 } },
    }
  end)
end)
