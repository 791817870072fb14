-- What is decided inside a bar, and counted as such.
local exchange = require "spec.support.exchange"

describe("a fill inside a bar", function()
  local x
  before_each(function() x = exchange.new() end)
  after_each(function() x:close() end)

  it("is counted apart from one at the open, with what it realized", function()
    x:market("SIDE_BUY", 0.1) -- waits for the open
    x:limit("SIDE_SELL", 0.1, 60050)
    x:bar(0, { 60000, 60100, 59900, 60000 })
    assert.equal(1, tonumber(x:totals().fills))
    assert.equal(0, tonumber(x:totals().inside_fills))
    x:until_(59.9995)
    assert.equal(2, tonumber(x:totals().fills))
    assert.equal(1, tonumber(x:totals().inside_fills))
    assert.equal(5e8, tonumber(x:totals().inside_realized_e8))
  end)

  it("is none where the bar opens beyond the order", function()
    x:pass(0, { 60000, 60010, 59990, 60000 })
    x:limit("SIDE_BUY", 0.1, 59950)
    x:bar(1, { 59900, 59910, 59890, 59900 })
    assert.equal(1, tonumber(x:totals().fills))
    assert.equal(0, tonumber(x:totals().inside_fills))
  end)
end)
