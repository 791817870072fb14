-- self:indicator: fed by the runtime with the bars of each symbol.
local ta = require "moontide.ta"
local testing = require "moontide.testing"

local function run(strategy, bars)
  local world = testing.world { bars = bars }
  return world, world:run(strategy)
end

describe("self:indicator", function()
  it("holds the value of the bar that on_bar is called for", function()
    local closes = testing.wave(100, 5, 12, 60)
    local own, seen, same = ta.rsi(14), 0, true
    run({
      symbols = { "BTCUSDT" },
      on_start = function(self) self.rsi = self:indicator("rsi", 14) end,
      on_bar = function(self, bar)
        local expected = own(bar.close)
        if expected ~= self.rsi() or expected ~= self.rsi(bar.symbol) then same = false end
        if expected then seen = seen + 1 end
      end,
    }, closes)
    assert.is_true(same)
    assert.are.equal(46, seen)
  end)

  it("keeps the symbols apart and gives all results", function()
    local up, down = {}, {}
    run({
      symbols = { "BTCUSDT", "ETHUSDT" },
      on_start = function(self) self.channel = self:indicator("donchian", 3) end,
      on_bar = function(self, bar)
        local upper, lower = self.channel(bar.symbol)
        if bar.symbol == "BTCUSDT" then
          up[#up + 1] = upper or false
        else
          down[#down + 1] = lower or false
        end
      end,
    }, { BTCUSDT = { 1000, 1010, 1030, 1040 }, ETHUSDT = { 50, 40, 30, 20 } })
    assert.are.same({ false, false, 1030, 1040 }, up)
    assert.are.same({ false, false, 30, 20 }, down)
  end)

  it("says what is wrong with a name, a parameter, a symbol", function()
    local said = {}
    local function note(f, ...)
      local _, problem = pcall(f, ...)
      said[#said + 1] = tostring(problem):gsub("^[^:]+:%d+: ", "")
    end
    run({
      symbols = { "BTCUSDT", "ETHUSDT" },
      on_start = function(self)
        note(self.indicator, self, "rsl", 14)
        note(self.indicator, self, "rsi", 0)
        note(self.indicator, self, "ofi")
        local rsi = self:indicator("rsi", 2)
        note(rsi)
        note(rsi, "XRPUSDT")
      end,
      on_bar = function() end,
    }, { BTCUSDT = { 1000, 1010 }, ETHUSDT = { 50, 40 } })
    assert.are.same({
      "there is no indicator 'rsl'; did you mean rsi?",
      "ta.rsi: the length must be a whole number of at least 1, not 0",
      "ta.ofi takes bid, which a bar does not have: feed it yourself",
      "the run has several symbols: name the one whose rsi you mean, as indicator(bar.symbol)",
      "no symbol 'XRPUSDT' in this run",
    }, said)
  end)
end)
