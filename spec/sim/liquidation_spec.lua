local exchange = require "spec.support.exchange"
local C = require "spec.support.c"
local ffi = require "ffi"

describe("liquidation", function()
  local x
  after_each(function() x:close() end)

  local function long(options, quantity)
    x = exchange.new(options)
    x:pass(0, { 60000, 60000, 60000, 60000 })
    x:market("SIDE_BUY", quantity)
    x:pass(1, { 60000, 60000, 60000, 60000 })
  end

  it("closes a crossed position at its liquidation price on the path", function()
    long({ wallet = 1000 }, 0.1)
    local row = x:call("EP_POSITION_RISK").row
    local price = tonumber(row.liquidation_price_e8) / 1e8
    -- balance = maintenance there
    local balance = x:wallet() + 0.1 * (price - 60000)
    assert.are.near(balance, 0.1 * price * 0.004, 0.01)
    x:pass(2, { 60000, 60000, price - 500, price - 500 })
    assert.are.equal(0, x:position())
    assert.are.equal(1, tonumber(x:totals().liquidations))
    assert.are.near(price, tonumber(x:fill().price_e8) / 1e8, 0.11)
    assert.is_true(x:wallet() >= 0)
    local orders = x:call("EP_ALL_ORDERS").rows
    assert.are.equal("autoclose-", ffi.string(orders[#orders].client_id):sub(1, 10))
  end)

  it("never leaves a wallet below nothing", function()
    long({ wallet = 400 }, 0.1)
    x:limit("SIDE_SELL", 0.1, 63000)
    x:bar(2, { 50000, 50000, 50000, 50000 })
    assert.are.equal(0, x:position())
    assert.are.equal(0, x:wallet())
    assert.is_true(x:totals().insurance_e8 > 0)
    assert.are.equal(0, #x:call("EP_OPEN_ORDERS").rows)
  end)

  it("takes no more than the isolated margin", function()
    long({ wallet = 1000, isolated = true }, 0.1)
    local before = x:wallet()
    x:bar(2, { 50000, 50000, 50000, 50000 })
    assert.are.equal(0, x:position())
    assert.are.near(before - 300, x:wallet(), 1e-6)
  end)

  it("closes a short at a price on the tick itself, not a tick above", function()
    x = exchange.new { isolated = true }
    x:pass(0, { 50200, 50200, 50200, 50200 })
    x:market("SIDE_SELL", 0.1)
    x:pass(1, { 50200, 50200, 50200, 50200 })
    -- margin 251 = 5020 / 20; 251 + 5020 - 0.1 p = 0.004 * 0.1 p where p is 52500
    x:pass(2, { 50200, 52499.9, 50200, 50200 })
    assert.are.equal(-0.1, x:position())
    x:pass(3, { 50200, 52500, 50200, 50200 })
    assert.are.equal(0, x:position())
    assert.are.equal(52500, tonumber(x:fill().price_e8) / 1e8)
  end)

  it("looks at both positions of a crossed account", function()
    x = exchange.new { wallet = 1000 }
    x:pass(0, { 60000, 60000, 60000, 60000 })
    x:bar(1, { 60000, 60000, 60000, 60000 })
    x:bar(1, { 3000, 3000, 3000, 3000 }, 1)
    x:market("SIDE_BUY", 0.1)
    x:market("SIDE_BUY", 2, { symbol = 1 })
    x:until_(119.9995)
    x:bar(2, { 60000, 60000, 55000, 55000 })
    x:bar(2, { 3000, 3000, 2700, 2700 }, 1)
    x:until_(179)
    assert.are.equal(2, tonumber(x:totals().liquidations))
    assert.are.equal(0, x:position(0, 1))
    assert.is_true(x:wallet() >= 0)
  end)

  it("is seen by quiet", function()
    long({ wallet = 1000 }, 0.1)
    local function quiet(low)
      return C.exchange_can_fast_forward(x.x, 0, exchange.e8(low), exchange.e8(60100), x.now + 60000000)
    end
    assert.is_true(quiet(59000))
    assert.is_false(quiet(40000))
    x:limit("SIDE_SELL", 0.1, 60050)
    assert.is_false(quiet(59000))
  end)

  it(
    "a bar is passed over only where two crossed positions stay worth more than their maintenance",
    function()
      x = exchange.new { wallet = 10000, leverage = 20 }
      x:bar(0, { 60000, 60000, 60000, 60000 })
      x:bar(0, { 3000, 3000, 3000, 3000 }, 1)
      x:market("SIDE_BUY", 1)
      x:market("SIDE_BUY", 10, { symbol = 1 })
      x:until_(59.9995)
      x:bar(1, { 3000, 3000, 2900, 3000 }, 1) -- may cost 1000
      local need = 0LL
      for _, row in ipairs(x:call("EP_POSITION_RISK", { no_symbol = true }).rows) do
        need = need + row.maint_margin_e8
      end
      local high, close_us = exchange.e8(60000), x.now + 59999000
      -- wallet + (low - 60000) - 1000 = need
      local low = need - C.exchange_wallet_e8(x.x) + exchange.e8(61000)
      local function safe(price) return C.exchange_can_fast_forward(x.x, 0, price, high, close_us) end
      assert.is_false(safe(low))
      assert.is_true(safe(low + 1))
      assert.is_false(safe(low - 1))
    end
  )
end)
