-- --path adverse: what a bar leaves open is resolved against the account.
local exchange = require "spec.support.exchange"
local seed = require "spec.support.seed"

describe("the adverse path", function()
  -- Runs `body` on many paths and gives the prices of its fills, in order.
  local function each(body)
    for n = 1, 40 do
      local x = exchange.new { path = "PATH_ADVERSE", seed = seed * 100 + n }
      x:pass(0, { 60000, 60000, 60000, 60000 })
      body(x, function()
        local prices = {}
        for i = 1, x:fills() do
          prices[i] = tonumber(x:fill(i).price_e8) / 1e8
        end
        return prices
      end)
      x:close()
    end
  end
  local function stop(x, side, price)
    x:algo { side = side, type = "ORDER_STOP_MARKET", quantity = 0.1, stop_price = price, reduce_only = true }
  end

  it("meets the stop before the target, long and short", function()
    each(function(x, prices)
      x:market("SIDE_BUY", 0.1)
      stop(x, "SIDE_SELL", 59900)
      x:limit("SIDE_SELL", 0.1, 60100, { reduce_only = true })
      x:pass(1, { 60000, 60200, 59800, 60000 })
      assert.same({ 60000, 59900 }, prices())
      x:market("SIDE_SELL", 0.1)
      stop(x, "SIDE_BUY", 60100)
      x:algo {
        side = "SIDE_BUY",
        type = "ORDER_TAKE_PROFIT_MARKET",
        quantity = 0.1,
        stop_price = 59900,
        reduce_only = true,
      }
      x:pass(2, { 60000, 60200, 59800, 60000 })
      assert.same({ 60000, 59900, 60000, 60100 }, prices())
    end)
  end)

  it("meets the stop of what a stop entry opened inside the bar, wherever the path was before", function()
    each(function(x, prices)
      x:algo { side = "SIDE_BUY", type = "ORDER_STOP_MARKET", quantity = 0.1, stop_price = 60100 }
      x:bar(1, { 60000, 60200, 59800, 60150 })
      for i = 61, 119 do
        x:until_(i)
        if x:fills() == 1 and x:position() > 0 then stop(x, "SIDE_SELL", 59900) end
      end
      x:until_(119.9995)
      assert.same({ 60100, 59900 }, prices())
    end)
  end)

  it("leaves a stop beyond the bar's range alone, and one at an open beyond it to the open", function()
    each(function(x, prices)
      x:market("SIDE_BUY", 0.1)
      stop(x, "SIDE_SELL", 59700)
      x:pass(1, { 60000, 60200, 59800, 60000 })
      assert.same({ 60000 }, prices())
      x:pass(2, { 59600, 59900, 59500, 59800 })
      assert.same({ 60000, 59600 }, prices())
    end)
  end)

  it("takes no profit in the bar that opened the position, unless the close lies beyond", function()
    each(function(x, prices)
      local asked
      x:limit("SIDE_BUY", 0.1, 59900)
      x:bar(1, { 60000, 60250, 59800, 60180 })
      for i = 61, 119 do
        x:until_(i)
        if x:fills() == 1 and x:position() > 0 and not asked then
          asked = true
          x:limit("SIDE_SELL", 0.1, 60150, { reduce_only = true })
        end
      end
      x:until_(119.9)
      assert.same({ 59900 }, prices())
      x:until_(119.9995)
      assert.same({ 59900, 60150 }, prices()) -- the bar closes at 60180
    end)
  end)
end)
