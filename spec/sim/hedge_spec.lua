local exchange = require "spec.support.exchange"

describe("hedge mode", function()
  local x
  after_each(function() x:close() end)

  it("holds a long and a short at once", function()
    x = exchange.new { dual_side = true }
    x:bar(0, { 60000, 60000, 60000, 60000 })
    assert.are.equal(-4061, x:market("SIDE_BUY", 0.1).code)
    assert.are.equal(
      -1106,
      x:market("SIDE_BUY", 0.1, { position_side = "POSITION_LONG", reduce_only = true }).code
    )
    assert.are.equal(200, x:market("SIDE_BUY", 0.2, { position_side = "POSITION_LONG" }).status)
    assert.are.equal(200, x:market("SIDE_SELL", 0.1, { position_side = "POSITION_SHORT" }).status)
    assert.are.equal(0.2, x:position(1))
    assert.are.equal(-0.1, x:position(2))
    assert.are.equal(-2022, x:market("SIDE_SELL", 0.3, { position_side = "POSITION_LONG" }).code)
    assert.are.equal(200, x:market("SIDE_SELL", 0.2, { position_side = "POSITION_LONG" }).status)
    assert.are.equal(0, x:position(1))
    assert.are.equal(2, #x:call("EP_POSITION_RISK").rows)
    assert.are.equal(-4068, x:call("EP_POSITION_MODE_SET", { no_symbol = true, dual_side = false }).code)
  end)
end)
