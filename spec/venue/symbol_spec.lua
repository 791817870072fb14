local ffi = require "ffi"
local C = require "spec.support.c"

describe("symbol", function()
  local s = ffi.new "struct symbol"

  it("knows the production rules of BTCUSDT", function()
    assert.equal(0, C.symbol_rules_builtin("BTCUSDT", s))
    assert.equal(10000000, tonumber(s.tick_e8))
    assert.equal(100000, tonumber(s.step_e8))
    assert.equal(120e8, tonumber(s.market_qty_max_e8))
    assert.equal(50e8, tonumber(s.notional_min_e8))
    assert.equal(1250000, tonumber(s.liquidation_fee_e8))
  end)

  it(
    "refuses a contract that it does not know",
    function() assert.equal(C.ERR_NOT_FOUND, C.symbol_rules_builtin("NOPEUSDT", s)) end
  )

  it("has brackets without gaps whose cum follows from the ratios", function()
    for i = 0, C.symbol_rules_builtin_count() - 1 do
      local name = ffi.string(C.symbol_rules_builtin_name(i))
      assert.equal(0, C.symbol_rules_builtin(name, s))
      local floor, cum, ratio = 0, 0, tonumber(s.brackets[0].maint_ratio_e8)
      for k = 0, s.bracket_count - 1 do
        local b = s.brackets[k]
        assert.equal(floor, tonumber(b.floor_e8), name)
        cum = cum + floor / 1e8 * (tonumber(b.maint_ratio_e8) - ratio) / 1e8
        assert.near(cum, tonumber(b.cum_e8) / 1e8, 0.05, name)
        floor, ratio = tonumber(b.cap_e8), tonumber(b.maint_ratio_e8)
      end
    end
  end)

  it("finds the bracket of a notional, its cap included", function()
    C.symbol_rules_builtin("BTCUSDT", s)
    assert.equal(125, C.symbol_bracket(s, 50000LL * 100000000).leverage_max)
    assert.equal(100, C.symbol_bracket(s, 50000LL * 100000000 + 1).leverage_max)
    assert.equal(1, C.symbol_bracket(s, 9000000000LL * 100000000).leverage_max)
    assert.equal(50000LL * 100000000, C.symbol_notional_max(s, 125))
    assert.equal(0LL, C.symbol_notional_max(s, 126))
  end)

  it("makes rules from decimals", function()
    assert.equal(0, C.symbol_rules_guess("LPTUSDT", 3, 1, s))
    assert.equal("LPT", ffi.string(s.base_asset))
    assert.equal(100000, tonumber(s.tick_e8))
    assert.equal(10000000, tonumber(s.step_e8))
    assert.equal(C.SYMBOL_FROM_DATA, s.source)
  end)
end)
