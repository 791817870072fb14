-- The trades that the local exchange replays a bar in: together they are the bar, and none foretells the next.
local ffi = require "ffi"
local C = require "spec.support.c"
local driftless = require "spec.support.driftless"
local seed = require "spec.support.seed"

local E8 = 100000000
local START, MINUTE = 1700006400000000LL, 60000000LL
local AROUND = 16

local function symbol_of(tick_e8, step_e8)
  local s = ffi.new "struct symbol"
  s.tick_e8, s.step_e8 = tick_e8, step_e8
  return s
end

local function bar_of(row, n, volume_e8, taker_e8)
  local k = ffi.new "struct kline_record"
  k.open_us = START + n * MINUTE
  k.close_us = k.open_us + MINUTE - 1000
  for i, name in ipairs { "open_e8", "high_e8", "low_e8", "close_e8" } do
    k[name] = math.floor(row[i] * E8 + 0.5)
  end
  k.volume_e8, k.taker_volume_e8 = volume_e8, taker_e8
  return k
end

-- The trades of a bar, those of one moment together: { us =, first, last, low, high (e8), bought, sold }.
local function trades_of(t, k, around, count)
  local out = {}
  C.bar_trades_begin(t, k, around, count or 0)
  while C.bar_trades_next_us(t) ~= 9223372036854775807LL do
    local us = C.bar_trades_next_us(t)
    local trade = C.bar_trades_take(t)
    local last, price = out[#out], trade.price_e8
    if not last or last.us ~= us then
      last = { us = us, low = price, high = price, first = price, bought = 0LL, sold = 0LL, traded = {} }
      out[#out + 1] = last
    end
    last.last = price
    last.low = price < last.low and price or last.low
    last.high = price > last.high and price or last.high
    last.bought, last.sold = last.bought + trade.bought_e8, last.sold + trade.sold_e8
    if trade.bought_e8 + trade.sold_e8 > 0 then last.traded[#last.traded + 1] = price end
  end
  return out
end

describe("the trades of a bar", function()
  it("are together the bar, to the last unit, whatever the bar is", function()
    math.randomseed(seed)
    for n = 1, 400 do
      local tick, step = ({ 1, 10000000, 50000000 })[n % 3 + 1], ({ 1, 100000, 100000000 })[n % 2 + 1]
      local s = symbol_of(tick, step)
      local t = C.bar_trades_new(s, n)
      local open = math.random(100, 40000) / 10
      local close = open + math.random(-20, 20) / 10
      local high = math.max(open, close) + math.random(0, 30) / 10
      local low = math.max(0.1, math.min(open, close) - math.random(0, 30) / 10)
      if n % 7 == 0 then
        high, low = high + 0.0123, low - 0.0071 -- off the tick, as files have it
      end
      local steps = ({ 4, 30, 700, 100000, 0 })[n % 5 + 1]
      local volume = math.random(steps, steps * 2) * step
      local k = bar_of({ open, high, low, math.max(low, close) }, n, volume, 0)
      k.taker_volume_e8 = math.random(0, volume / step) * step
      local low_e8, high_e8, bought, sold, at = k.open_e8, k.open_e8, 0LL, 0LL, k.open_us
      local opened
      for _, m in ipairs(trades_of(t, k)) do
        assert.is_true(m.us >= at and m.us <= k.close_us)
        at = m.us
        bought, sold = bought + m.bought, sold + m.sold
        for _, price in ipairs(m.traded) do
          opened = opened or price
          low_e8, high_e8 = price < low_e8 and price or low_e8, price > high_e8 and price or high_e8
          close = price
        end
      end
      assert.equal(k.volume_e8, bought + sold)
      assert.equal(k.taker_volume_e8, bought)
      if volume > 0 then
        assert.equal(k.open_e8, opened)
        assert.equal(k.high_e8, high_e8)
        assert.equal(k.low_e8, low_e8)
        assert.equal(k.close_e8, close)
      end
      C.bar_trades_free(t)
    end
  end)

  it("hold a volume of more than 62 bits", function()
    local s = symbol_of(10000000, 100000)
    local t = C.bar_trades_new(s, 1)
    local k = bar_of({ 30000, 30010, 29990, 30001 }, 0, 400000LL, 100000LL)
    k.volume_high, k.taker_volume_high = 5, 2
    C.bar_trades_begin(t, k, nil, 0)
    local unit, volume, taker = 4611686018427387904LL, 0, 0 -- in parts of 2^62, and what is left of it
    local low, low_taker = 0LL, 0LL
    while C.bar_trades_next_us(t) ~= 9223372036854775807LL do
      local trade = C.bar_trades_take(t)
      low, low_taker = low + trade.bought_e8 + trade.sold_e8, low_taker + trade.bought_e8
      if low >= unit then
        low, volume = low - unit, volume + 1
      end
      if low_taker >= unit then
        low_taker, taker = low_taker - unit, taker + 1
      end
    end
    assert.same({ 5, 2 }, { volume, taker })
    assert.equal(400000LL, low)
    assert.equal(100000LL, low_taker)
    C.bar_trades_free(t)
  end)

  it("are the same for the same seed, and others for another", function()
    local s = symbol_of(10000000, 100000)
    local function said(number)
      local t, out = C.bar_trades_new(s, number), {}
      for n = 0, 2 do
        for _, m in ipairs(trades_of(t, bar_of({ 30000, 30100, 29950, 30020 }, n, 100 * E8, 40 * E8))) do
          out[#out + 1] = tostring(m.us) .. tostring(m.last) .. tostring(m.bought)
        end
      end
      C.bar_trades_free(t)
      return table.concat(out, " ")
    end
    assert.equal(said(3), said(3))
    assert.is_true(said(3) ~= said(4))
  end)

  -- What may be known at a moment: the trades so far of the bar, of which the last group is `m`.
  local looks = {
    ["a new low"] = function(m, so_far) return m.low < so_far.low and 1 end,
    ["a new high"] = function(m, so_far) return m.high > so_far.high and -1 end,
    ["a new low, turned from"] = function(m, so_far) return m.low < so_far.low and m.last > m.low and 1 end,
    ["a new high, turned from"] = function(m, so_far) return m.high > so_far.high and m.last < m.high and -1 end,
    ["the last move"] = function(m, so_far)
      return m.last ~= so_far.last and (m.last > so_far.last and 1 or -1)
    end,
    ["a third of the bar"] = function(m, so_far)
      local part = tonumber(m.us - so_far.open_us) / 60e6
      return math.abs(part - 1 / 3) < 0.01 and (m.last > so_far.open and 1 or -1)
    end,
    ["near the low so far"] = function(m, so_far)
      local range = tonumber(so_far.high - so_far.low)
      return range > 0 and tonumber(m.last - so_far.low) < 0.1 * range and 1
    end,
  }

  it("foretell neither the next of them nor the close", function()
    local rows = driftless.bars { seed = seed * 1000 + 77, bars = 900, steps = 240, deviation = 0.005 }
    local s = symbol_of(10000000, 100000)
    local t = C.bar_trades_new(s, seed)
    local around = ffi.new("struct exchange_bar[?]", 2 * AROUND)
    local sums = {}
    local function add(name, x)
      local v = sums[name] or { n = 0, sum = 0, squares = 0 }
      v.n, v.sum, v.squares = v.n + 1, v.sum + x, v.squares + x * x
      sums[name] = v
    end
    for n = 1, #rows do
      local k, count = bar_of(rows[n], n, 100 * E8, 50 * E8), 0
      for i = math.max(1, n - AROUND), math.min(#rows, n + AROUND) do
        if i ~= n then
          local b = bar_of(rows[i], i, 0, 0)
          local to = around[count]
          to.open_us, to.close_us = b.open_us, b.close_us
          to.open_e8, to.high_e8, to.low_e8, to.close_e8 = b.open_e8, b.high_e8, b.low_e8, b.close_e8
          count = count + 1
        end
      end
      local moments = trades_of(t, k, around, count)
      local so_far =
        { low = k.open_e8, high = k.open_e8, last = k.open_e8, open = k.open_e8, open_us = k.open_us }
      local seen = {}
      for i = 1, #moments - 1 do
        local m = moments[i]
        for name, look in pairs(looks) do
          local sign = look(m, so_far)
          if sign then
            add(name .. ", to the next", sign * tonumber(moments[i + 1].last - m.last))
            if not seen[name] then add(name .. ", to the close", sign * tonumber(k.close_e8 - m.last)) end
            seen[name] = true
          end
        end
        so_far.low = m.low < so_far.low and m.low or so_far.low
        so_far.high = m.high > so_far.high and m.high or so_far.high
        so_far.last = m.last
      end
    end
    C.bar_trades_free(t)
    for name, v in pairs(sums) do
      local mean = v.sum / v.n
      local off = mean / math.sqrt((v.squares / v.n - mean * mean) / v.n)
      assert.is_true(v.n > 500, name .. ": " .. v.n)
      assert.is_true(
        math.abs(off) < 4,
        ("%s: %+.1f standard errors of %d (seed %d)"):format(name, off, v.n, seed)
      )
    end
  end)
end)
