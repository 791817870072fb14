local ffi = require "ffi"
local cjson = require "cjson"
local C = require "spec.support.c"
local connect = require "moontide.live.connect"
local failures = require "moontide.failure"
local setup = require "moontide.backtest.setup"

local function good()
  return {
    rateLimits = { { rateLimitType = "ORDERS", interval = "MINUTE", intervalNum = 1, limit = 1200 } },
    symbols = {
      {
        symbol = "NEWUSDT",
        status = "TRADING",
        pricePrecision = 2,
        quantityPrecision = 3,
        triggerProtect = "0.05",
        filters = {
          { filterType = "PRICE_FILTER", tickSize = "0.01", minPrice = "0.01", maxPrice = "100000" },
          { filterType = "LOT_SIZE", stepSize = "0.001", minQty = "0.001", maxQty = "1000" },
          { filterType = "MARKET_LOT_SIZE", stepSize = "0.001", minQty = "0.001", maxQty = "100" },
          { filterType = "MIN_NOTIONAL", notional = "5" },
          { filterType = "PERCENT_PRICE", multiplierUp = "1.15", multiplierDown = "0.85" },
          { filterType = "MAX_NUM_ORDERS", limit = 200 },
        },
      },
    },
  }
end

-- The rules that a run would trade by, and the limits; or the line with which the command fails. Anything else raises on.
local function rules_of(info)
  local ok, symbols, limits = pcall(function()
    local series = connect.decimals({ "NEWUSDT" }, info)
    return setup.symbols({ "NEWUSDT" }, series, { info = info, info_source = "exchangeInfo" }, function() end)
  end)
  if ok then return symbols, limits end
  assert.truthy(failures.is(symbols), tostring(symbols))
  return nil, tostring(symbols)
end

local message = ffi.new "struct errmsg"
local function sound(symbols) return C.symbol_rules_check(symbols[0], message) == 0 end

describe("exchangeInfo", function()
  it("gives the rules of a contract", function()
    local symbols, limits = rules_of(good())
    assert.equal(1000000LL, symbols[0].tick_e8)
    assert.equal(100000LL, symbols[0].step_e8)
    assert.equal(2, symbols[0].price_precision)
    assert.equal(200, symbols[0].orders_max)
    assert.equal(1200, limits[1].limit)
  end)

  it("is not believed when its rules can be those of no contract", function()
    local function filter(kind, name, value)
      return function(info)
        for _, f in ipairs(info.symbols[1].filters) do
          if f.filterType == kind then f[name] = value end
        end
      end
    end
    local function entry(name, value)
      return function(info) info.symbols[1][name] = value end
    end
    for what, spoil in pairs {
      ["no tick"] = filter("PRICE_FILTER", "tickSize", "0"),
      ["a tick below zero"] = filter("PRICE_FILTER", "tickSize", "-0.01"),
      ["a step below zero"] = filter("LOT_SIZE", "stepSize", "-1"),
      ["a step of words"] = filter("LOT_SIZE", "stepSize", "tiny"),
      ["a market step below zero"] = filter("MARKET_LOT_SIZE", "stepSize", "-1"),
      ["a range turned round"] = filter("LOT_SIZE", "minQty", "5000"),
      ["prices turned round"] = filter("PRICE_FILTER", "maxPrice", "0.001"),
      ["a least notional below zero"] = filter("MIN_NOTIONAL", "notional", "-5"),
      ["more than can be counted"] = filter("PRICE_FILTER", "maxPrice", "1e300"),
      ["99 decimals"] = entry("pricePrecision", 99),
      ["decimals below zero"] = entry("quantityPrecision", -1),
      ["half a decimal"] = entry("pricePrecision", 1.5),
      ["decimals that are a list"] = entry("pricePrecision", { 2 }),
      ["no decimals"] = entry("pricePrecision", cjson.null),
      ["filters that are a word"] = entry("filters", "none"),
      ["filters that are words"] = entry("filters", { "none" }),
      ["a protection of a million"] = entry("triggerProtect", "1000000"),
      ["limits that are a word"] = function(info) info.rateLimits = "many" end,
      ["limits without a number"] = function(info) info.rateLimits[1].limit = "many" end,
      ["a limit of nothing"] = function(info) info.rateLimits[1].limit = 0 end,
      ["a limit by the century"] = function(info) info.rateLimits[1].interval = "CENTURY" end,
      ["symbols that are a word"] = function(info) info.symbols = "all" end,
    } do
      local info = good()
      spoil(info)
      local symbols, problem = rules_of(info)
      assert.is_nil(symbols, what)
      assert.is_nil(problem:find "\n", what)
      assert.truthy(#problem > 10, what)
    end
  end)

  it("gives brackets of a leverage, a range and a ratio that can be", function()
    local function is_sound(change)
      local symbols = assert(rules_of(good()))
      change(symbols[0], symbols[0].brackets)
      return sound(symbols)
    end
    for what, change in pairs {
      ["none changed"] = function() end,
      ["the least leverage"] = function(_, b) b[0].leverage_max = 1 end,
      ["the largest leverage"] = function(_, b) b[0].leverage_max = 1000 end,
      ["no maintenance"] = function(_, b) b[0].maint_ratio_e8 = 0 end,
      ["all of it as maintenance"] = function(_, b) b[0].maint_ratio_e8 = 1e8 end,
      ["one only"] = function(s) s.bracket_count = 1 end,
    } do
      assert.is_true(is_sound(change), what)
    end
    for what, change in pairs {
      ["no leverage"] = function(_, b) b[0].leverage_max = 0 end,
      ["too much leverage"] = function(_, b) b[0].leverage_max = 1001 end,
      ["less than nothing taken off"] = function(_, b) b[0].cum_e8 = -1 end,
      ["a range of nothing"] = function(_, b) b[0].cap_e8 = b[0].floor_e8 end,
      ["a range that begins in the one before"] = function(_, b) b[1].floor_e8 = b[0].cap_e8 - 1 end,
      ["maintenance below nothing"] = function(_, b) b[0].maint_ratio_e8 = -1 end,
      ["maintenance of more than all"] = function(_, b) b[0].maint_ratio_e8 = 1e8 + 1 end,
      ["none at all"] = function(s) s.bracket_count = 0 end,
      ["more than there is room for"] = function(s) s.bracket_count = C.SYMBOL_BRACKETS_MAX + 1 end,
    } do
      assert.is_false(is_sound(change), what)
    end
  end)

  it("may hold anything about what the run does not trade", function()
    local info = good()
    for _, other in ipairs {
      "x",
      5,
      cjson.null,
      { symbol = 7 },
      { symbol = {} },
      {},
      { symbol = "ODD", pricePrecision = 99 },
    } do
      table.insert(info.symbols, 1, other)
    end
    assert.is_true(sound((assert(rules_of(info)))))
  end)

  it("spoilt at random gives sound rules or one line", function()
    local seed = require "spec.support.seed"
    local values =
      { cjson.null, -1, 0, 1e18, 1e308, 0.5, "", "-1", "0", "1e99", "x", {}, { {} }, true, false }
    local state = seed * 2654435761 % 2 ^ 32
    local function draw(n)
      state = (state * 1103515245 + 12345) % 2 ^ 31
      return math.floor(state / 65536) % n + 1
    end
    local function spoil(t)
      local names = {}
      for name in pairs(t) do
        names[#names + 1] = name
      end
      table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
      if #names == 0 then return end
      local name = names[draw(#names)]
      if type(t[name]) == "table" and draw(6) > 1 then
        spoil(t[name])
      else
        t[name] = values[draw(#values)]
      end
    end
    local refused = 0
    for _ = 1, 3000 do
      local info = good()
      for _ = 1, draw(3) do
        spoil(info)
      end
      local symbols, problem = rules_of(info)
      if symbols then
        assert.is_true(sound(symbols), "seed " .. seed)
      else
        refused = refused + 1
        assert.is_nil(problem:find "\n", problem)
      end
    end
    assert.is_true(refused > 500, tostring(refused))
  end)
end)
