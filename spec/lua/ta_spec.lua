local ta = require "moontide.ta"

local input = {}
for i = 0, 59 do
  input[i + 1] = 100 + 10 * math.sin(i / 5) + 0.1 * i
end

local function last(f)
  local a, b, c
  for _, x in ipairs(input) do
    a, b, c = f(x)
  end
  return a, b, c
end

-- The slow way, from the definition, to compare the streaming one with.
local function window_of(list, i, n)
  local w = {}
  for k = i - n + 1, i do
    w[#w + 1] = list[k]
  end
  return w
end

describe("ta", function()
  it("gives the values independent libraries give", function()
    assert.is_near(99.42907342217283, last(ta.ema(14)), 1e-10) -- trading-signals, tulind
    assert.is_near(42.36991195272253, last(ta.rsi(14)), 1e-10) -- TA-Lib
    local middle, upper, lower = last(ta.bollinger(20, 2)) -- tulind, technicalindicators
    assert.is_near(102.8663480, middle, 1e-6)
    assert.is_near(116.1003346, upper, 1e-6)
    assert.is_near(89.6323612, lower, 1e-6)
    local line, signal = last(ta.macd(12, 26, 9)) -- TA-Lib
    assert.is_near(-2.548243460034257, line, 0.002)
    assert.is_near(-2.0280422707300705, signal, 0.005)
  end)

  it("keeps silent until it is warm", function()
    for _, case in ipairs { { ta.ema(5), 5 }, { ta.sma(5), 5 }, { ta.rsi(5), 6 }, { ta.stdev(5), 5 } } do
      local f, first = case[1], nil
      for i, x in ipairs(input) do
        if f(x) and not first then first = i end
      end
      assert.are.equal(case[2], first)
    end
  end)

  it("agrees with the definition over a long run of large numbers", function()
    math.randomseed(require "spec.support.seed")
    local list, sma, deviation, donchian = {}, ta.sma(20), ta.stdev(20), ta.donchian(20)
    local x = 60000
    for i = 1, 5000 do
      x = x + (math.random() - 0.5) * 50
      list[i] = x
      local mean, sd = sma(x), deviation(x)
      local upper, lower = donchian(x + 1, x - 1)
      if i >= 20 then
        local sum, high, low, squares = 0, -math.huge, math.huge, 0
        for _, v in ipairs(window_of(list, i, 20)) do
          sum, high, low = sum + v, math.max(high, v + 1), math.min(low, v - 1)
        end
        for _, v in ipairs(window_of(list, i, 20)) do
          squares = squares + (v - sum / 20) ^ 2
        end
        assert.is_near(sum / 20, mean, 1e-7)
        assert.is_near(math.sqrt(squares / 20), sd, 1e-6)
        assert.are.equal(high, upper)
        assert.are.equal(low, lower)
      end
    end
  end)

  it("smooths the true range as Wilder did", function()
    local atr = ta.atr(2)
    assert.is_nil(atr(10, 8, 9))
    assert.is_nil(atr(12, 9, 11)) -- range 3
    assert.is_near(3, atr(14, 11, 13), 1e-12) -- range 3: mean of the first two
    assert.is_near(2.5, atr(14, 12, 12), 1e-12)
  end)

  it("refuses a length that is none", function()
    assert.has_error(
      function() ta.ema(0) end,
      "ta.ema: the length must be a whole number of at least 1, not 0"
    )
    assert.has_error(function() ta.sma(2.5) end)
    assert.has_error(function() ta.macd(26, 12) end)
  end)
end)
