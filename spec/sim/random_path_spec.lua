-- The path inside a bar: one path for all who look, true to the bar, and seen by nobody before it happens.
local ffi = require "ffi"
local C = require "spec.support.c"
local exchange = require "spec.support.exchange"
local seed = require "spec.support.seed"

local E8 = 100000000LL
local START, LENGTH = 1700006400000000LL, 3600000000LL

local function bar_of(open, high, low, close)
  local bar = ffi.new "struct exchange_bar"
  bar.open_us, bar.close_us = START, START + LENGTH - 1000
  bar.open_e8, bar.high_e8, bar.low_e8, bar.close_e8 = open * E8, high * E8, low * E8, close * E8
  return bar
end

local function path_of(bar, key, tick_e8)
  local p = ffi.new "struct random_path"
  local deviation = tonumber(bar.high_e8 - bar.low_e8) / 1.6 + 1e6
  C.random_path_begin(p, bar, tick_e8 or 10000000, key, deviation * deviation)
  return p
end

-- The next piece that touches a level, from a moment on.
local function next_touch(p, from_us, low_e8, high_e8)
  local watch, piece = ffi.new "struct path_watch", ffi.new "struct path_piece"
  watch.low_e8, watch.high_e8 = low_e8 or -9223372036854775807LL, high_e8 or 9223372036854775807LL
  if C.random_path_next(p, from_us, watch, piece) then return piece end
end

describe("the path inside a bar", function()
  local bars = {
    bar_of(30000, 30150, 29900, 30050),
    bar_of(30000, 30100, 30000, 30100),
    bar_of(30000, 30000, 29900, 29900),
    bar_of(30000, 30000, 29990, 30000),
    bar_of(30000, 30001, 30000, 30001),
    bar_of(30000, 30000, 30000, 30000),
  }

  it("is the same in whatever order it is looked at, and whatever was searched for before", function()
    for n, bar in ipairs(bars) do
      math.randomseed(seed * 31 + n)
      local forwards, at_random = path_of(bar, 42 + n), path_of(bar, 42 + n)
      local prices = {}
      for i = 0, 600 do
        prices[i] = C.random_path_price_e8(forwards, START + i * 6000000)
      end
      for _ = 1, 400 do
        local i = math.random(0, 600)
        next_touch(at_random, START + math.random(0, 3600) * 1000000LL, bar.low_e8 + math.random(0, 100) * E8)
        assert.equal(prices[i], C.random_path_price_e8(at_random, START + i * 6000000))
      end
    end
  end)

  it("begins and ends with the bar, stays within it on the tick, and touches both extremes", function()
    for n, bar in ipairs(bars) do
      local p = path_of(bar, 7 * n)
      assert.equal(bar.open_e8, C.random_path_price_e8(p, START))
      assert.equal(bar.close_e8, C.random_path_price_e8(p, bar.close_us))
      for i = 0, 3600, 7 do
        local price = C.random_path_price_e8(p, START + i * 1000000LL)
        assert.is_true(price >= bar.low_e8 and price <= bar.high_e8)
        assert.equal(0LL, price % 10000000)
      end
      for _, level in ipairs { bar.high_e8, bar.low_e8 } do
        local high = level == bar.high_e8
        if level ~= bar.open_e8 then
          local piece = next_touch(p, START, not high and level or nil, high and level or nil)
          assert.is_truthy(piece)
          local beyond = next_touch(p, START, not high and level - 1 or nil, high and level + 1 or nil)
          assert.is_nil(beyond)
        end
      end
    end
  end)

  it("shows no price that it has not touched, and its extremes only grow", function()
    local bar, low, high = bars[1], ffi.new "int64_t[1]", ffi.new "int64_t[1]"
    local p = path_of(bar, 99)
    local least, most = bar.open_e8, bar.open_e8
    for i = 1, 1200 do
      local now = START + i * 3000000LL
      local price = C.random_path_price_e8(p, now)
      if C.random_path_range(p, START, now, low, high) then
        assert.is_true(low[0] <= least and high[0] >= most)
        least, most = low[0], high[0]
      end
      assert.is_true(price >= least and price <= most)
    end
    assert.equal(bar.low_e8, least)
    assert.equal(bar.high_e8, most)
  end)

  it("touches a level first where a search of its whole says so, piece by piece", function()
    local bar = bars[1]
    local p, q = path_of(bar, 5), path_of(bar, 5)
    local level = 30100 * E8
    local first = next_touch(p, START, nil, level)
    local at = START
    local low, high = ffi.new "int64_t[1]", ffi.new "int64_t[1]"
    while at < first.end_us - 250000 do
      at = at + 10000000
      if at > first.end_us - 250000 then break end
      if C.random_path_range(q, START, at, low, high) then assert.is_true(high[0] < level) end
    end
    assert.is_true(C.random_path_range(q, START, first.end_us, low, high))
    assert.is_true(high[0] >= level)
  end)

  it("hangs on seed, symbol and time, not on orders or looks", function()
    local function run(looks, orders, path_seed, symbol)
      local x = exchange.new { path = "PATH_RANDOM", seed = path_seed }
      x:bar(0, { 60000, 60300, 59800, 60100 }, symbol)
      local out = {}
      for i = 1, 59 do
        if looks then
          x:until_(i - 0.5)
          C.exchange_last_e8(x.x, symbol or 0)
        end
        x:until_(i)
        if orders and i == 10 then x:limit("SIDE_BUY", 0.1, 59850, { symbol = symbol }) end
        out[i] = tonumber(C.exchange_last_e8(x.x, symbol or 0))
      end
      x:close()
      return table.concat(out, " ")
    end
    local plain = run()
    assert.equal(plain, run(true))
    assert.equal(plain, run(true, true))
    assert.are_not.equal(plain, run(false, false, 2))
    assert.are_not.equal(plain, run(false, false, 1, 1))
  end)
end)

describe("orders on a random path", function()
  local x
  after_each(function() x:close() end)

  it("fill once, at their own price, where the bar reaches it and nowhere else", function()
    for n = 0, 60 do
      x = exchange.new { path = "PATH_RANDOM", seed = seed * 1000 + n }
      x:pass(0, { 60000, 60000, 60000, 60000 })
      x:limit("SIDE_BUY", 0.1, 59900)
      x:limit("SIDE_SELL", 0.1, 60200.1)
      x:algo { side = "SIDE_BUY", type = "ORDER_STOP_MARKET", quantity = 0.2, stop_price = 60200 }
      x:bar(1, { 60000, 60200, 59899.9, 60000 })
      x:until_(119.9995)
      assert.equal(2, x:fills())
      local price, maker = {}, 0
      for i = 1, 2 do
        local fill = x:fill(i)
        price[i] = tonumber(fill.price_e8) / 1e8
        maker = maker + (fill.maker and 1 or 0)
        assert.is_true(fill.time_us > 1700006460000000LL and fill.time_us <= 1700006519999000LL)
      end
      table.sort(price)
      assert.same({ 59900, 60200 }, price)
      assert.equal(1, maker)
      x:close()
    end
    x = exchange.new()
  end)

  it("trail its extremes, whether or not anybody looks", function()
    for n = 0, 40 do
      local function run(looks)
        local y = exchange.new { path = "PATH_RANDOM", seed = seed * 77 + n }
        y:pass(0, { 60000, 60000, 60000, 60000 })
        y:market("SIDE_BUY", 0.1)
        y:bar(1, { 60000, 60300, 59700, 59800 })
        y:algo {
          side = "SIDE_SELL",
          type = "ORDER_TRAILING_STOP_MARKET",
          quantity = 0.1,
          callback_rate = 0.3,
          reduce_only = true,
        }
        for i = 61, 119 do
          y:until_(i)
          if looks then y:call("EP_TICKER_PRICE", {}) end
        end
        y:until_(119.9995)
        local fill = y:fill()
        local price, time = tonumber(fill.price_e8) / 1e8, tonumber(fill.time_us)
        assert.equal(0, y:position()) -- from the high of 60300 to 59800 it falls by more than 0.3 %
        y:close()
        return price, time
      end
      local price, time = run(false)
      local price2, time2 = run(true)
      assert.equal(price, price2)
      assert.equal(time, time2)
      assert.is_true(price >= 60000 * 0.997 - 0.1 and price <= 60300 * 0.997 + 0.1)
    end
    x = exchange.new()
  end)

  it("are trailed in a bar that reaches nothing but a new extreme", function()
    for n = 0, 20 do
      x = exchange.new { path = "PATH_RANDOM", seed = seed * 91 + n }
      x:pass(0, { 60000, 60000, 60000, 60000 })
      x:market("SIDE_BUY", 0.1)
      x:bar(1, { 60000, 61000, 59900, 60050 })
      -- At the open it would trigger at 59400, which the bar never sees; from the high of 61000 on at 60390, above the close.
      local trail = {
        side = "SIDE_SELL",
        type = "ORDER_TRAILING_STOP_MARKET",
        quantity = 0.1,
        callback_rate = 1,
        reduce_only = true,
      }
      assert.equal(0, x:algo(trail).code)
      x:until_(119.9995)
      assert.equal(0, x:position())
      local price = tonumber(x:fill().price_e8) / 1e8
      assert.is_true(price >= 59900 and price <= 60390.1, price)
      x:close()
    end
    x = exchange.new()
  end)

  it("see a forming bar that agrees with the prices so far", function()
    x = exchange.new { path = "PATH_RANDOM", seed = seed }
    x:pass(0, { 60000, 60000, 60000, 60000 })
    x:bar(1, { 60000, 60300, 59700, 59800 })
    local forming = ffi.new "struct exchange_bar"
    local high, low = 60000, 60000
    for i = 1, 590 do
      x:until_(60 + i / 10)
      local price = tonumber(C.exchange_last_e8(x.x, 0)) / 1e8
      high, low = math.max(high, price), math.min(low, price)
      assert.is_true(C.exchange_forming(x.x, 0, x.now, forming))
      assert.equal(price, tonumber(forming.close_e8) / 1e8)
      assert.is_true(tonumber(forming.high_e8) / 1e8 >= high and tonumber(forming.low_e8) / 1e8 <= low)
      high, low = tonumber(forming.high_e8) / 1e8, tonumber(forming.low_e8) / 1e8
    end
  end)
end)
