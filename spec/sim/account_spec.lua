local exchange = require "spec.support.exchange"
local C = require "spec.support.c"

describe("the account", function()
  local x
  after_each(function() x:close() end)

  it("keeps wallet and result exact through thousands of random fills", function()
    x = exchange.new { wallet = 1000000 }
    local seed = 7
    local function random(n)
      seed = (seed * 16807) % 2147483647
      return seed % n
    end
    for n = 0, 1999 do
      local price = 60000 + random(2000) / 10
      x:pass(n, { price, price + 50, price - 50, price })
      x:market(random(2) == 0 and "SIDE_BUY" or "SIDE_SELL", (1 + random(99)) / 1000)
    end
    local t = x:totals()
    assert.are.equal(1999, tonumber(t.fills))
    local wallet = 1000000LL * 100000000 + t.realized_e8 - t.fees_e8 + t.funding_e8 + t.insurance_e8
    assert.is_true(wallet == C.exchange_wallet_e8(x.x))
    -- what the fills alone say, in cash and coin
    local cash, coin = 1000000LL * 100000000, 0LL
    for i = 1, x:fills() do
      local f = x:fill(i)
      local sign = f.buyer and 1LL or -1LL
      cash = cash - sign * f.quote_qty_e8 - f.commission_e8
      coin = coin + sign * f.qty_e8
    end
    local value = tonumber(cash) / 1e8 + tonumber(coin) / 1e8 * tonumber(C.exchange_last_e8(x.x, 0)) / 1e8
    assert.are.near(value, x:equity(), 1e-5)
  end)

  it("refuses what the margin or the bracket cannot carry", function()
    x = exchange.new { wallet = 1000 }
    x:pass(0, { 60000, 60000, 60000, 60000 })
    assert.are.equal(-2019, x:market("SIDE_BUY", 0.4).code)
    assert.are.equal(200, x:limit("SIDE_BUY", 0.2, 59000).status)
    assert.are.equal(-2019, x:limit("SIDE_BUY", 0.2, 59000).code)
    local balance = x:call("EP_BALANCE").row
    assert.are.equal(1000 - 590, tonumber(balance.available_e8) / 1e8)
  end)

  it("pays and receives funding", function()
    x = exchange.new()
    x:pass(0, { 60000, 60000, 60000, 60000 })
    x:market("SIDE_BUY", 0.1)
    x:bar(1, { 60000, 60000, 60000, 60000 })
    local before = x:wallet()
    C.exchange_funding(x.x, 0, x.now + 10000000, 10000, 0)
    x:until_(90)
    assert.are.near(before - 0.6, x:wallet(), 1e-8)
    assert.are.equal(-0.6, tonumber(x:totals().funding_e8) / 1e8)
    local rows = x:call("EP_INCOME").rows
    assert.are.equal(C.INCOME_FUNDING_FEE, rows[#rows].type)
    assert.are.equal(0, tonumber(rows[#rows].trade_id)) -- no trade paid it
  end)

  it("changes settings, and says why not", function()
    x = exchange.new()
    x:pass(0, { 60000, 60000, 60000, 60000 })
    assert.are.equal(10, x:call("EP_LEVERAGE", { leverage = 10 }).row.leverage)
    assert.are.equal(-4028, x:call("EP_LEVERAGE", { leverage = 126 }).code)
    assert.are.equal(-4046, x:call("EP_MARGIN_TYPE", { margin_type = "MARGIN_CROSSED" }).code)
    x:limit("SIDE_BUY", 0.1, 59000)
    assert.are.equal(-4047, x:call("EP_MARGIN_TYPE", { margin_type = "MARGIN_ISOLATED" }).code)
    assert.are.equal(-4067, x:call("EP_POSITION_MODE_SET", { no_symbol = true, dual_side = true }).code)
    local cancelled = x:call "EP_CANCEL_ALL"
    assert.same({ 200, false, 1 }, { cancelled.row.code, cancelled.list, #cancelled.rows }) -- one status, no list
    assert.are.equal(200, x:call("EP_MARGIN_TYPE", { margin_type = "MARGIN_ISOLATED" }).status)
    x:market("SIDE_BUY", 0.1)
    x:bar(1, { 60000, 60000, 60000, 60000 })
    assert.are.equal(-4048, x:call("EP_MARGIN_TYPE", { margin_type = "MARGIN_CROSSED" }).code)
    assert.are.equal(600, tonumber(x:call("EP_POSITION_RISK").row.isolated_wallet_e8) / 1e8)
    assert.are.equal(200, x:call("EP_POSITION_MARGIN", { amount = 50, margin_change = 1 }).status)
    assert.are.equal(650, tonumber(x:call("EP_POSITION_RISK").row.isolated_wallet_e8) / 1e8)
    assert.are.equal(-4051, x:call("EP_POSITION_MARGIN", { amount = 51, margin_change = 2 }).code)
  end)
end)
