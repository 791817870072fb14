---Bringing positions to where they should be, with market orders that the symbol's filters take. Described in
---moontide/meta/script.lua (Strategy:target, scale, rebalance). One-way accounts: a hedging one has two positions of a symbol.
local api_error = require "moontide.error"

local M = {}

---@class PortfolioHost
---@field api table
---@field market table
---@field position fun(symbol: string): number
---@field equity fun(): number
---@field last fun(symbol: string): number

local function sign(x) return x > 0 and 1 or x < 0 and -1 or 0 end

-- Sends market orders for `quantity` in all, none larger than the exchange takes.
local function send(host, symbol, side, quantity, reduce)
  local most = host.market.rules(symbol).max_market_quantity
  while quantity > 0 do
    local part = math.min(quantity, most)
    local order, err = host.api.create_order {
      symbol = symbol,
      side = side,
      type = "MARKET",
      quantity = part,
      reduceOnly = reduce or nil,
    }
    if not order then return nil, err end
    quantity = host.market.round_quantity(symbol, quantity - part + 1e-9)
  end
  return true
end

-- A wanted amount on the symbol's grid, never further from 0 than asked.
local function on_grid(host, symbol, amount)
  return sign(amount) * host.market.round_quantity(symbol, math.abs(amount), "MARKET")
end

---@param host PortfolioHost
---@param symbol string
---@param amount number base asset; negative: short
---@return number? held the position then
---@return ApiError? err
function M.target(host, symbol, amount)
  if type(amount) ~= "number" or amount ~= amount or math.abs(amount) > 9e10 then
    error("self:target: the amount is a number of the base asset, not " .. tostring(amount), 0)
  end
  local held = host.position(symbol)
  local want = on_grid(host, symbol, amount)
  local delta = want - held
  local quantity = host.market.round_quantity(symbol, math.abs(delta) + 1e-9) -- what doubles leave of a step is none
  if quantity == 0 then return held end
  local reduces = sign(delta) == -sign(held) and sign(want) ~= -sign(held) -- an order that only reduces may be of any size
  local grid, last = host.market.rules(symbol), host.last(symbol)
  if not reduces and (quantity * last < grid.min_notional or quantity < grid.min_market_quantity) then
    return nil,
      api_error.new(
        "invalid",
        ("%s: a change of %.8g is less than an order's least (quantity %.8g, %.2f USDT)"):format(
          symbol,
          quantity,
          grid.min_market_quantity,
          grid.min_notional
        )
      )
  end
  local done, err = send(host, symbol, delta > 0 and "BUY" or "SELL", quantity, reduces)
  if not done then return nil, err end
  return host.position(symbol)
end

-- Whether a change is worth an order.
local function worth(host, symbol, delta, want, least)
  local notional = math.abs(delta) * host.last(symbol)
  if notional == 0 then return false end
  if want == 0 then return true end
  return notional >= math.max(least, host.market.rules(symbol).min_notional)
end

---@param host PortfolioHost
---@param weights table<string, number> shares of the equity by symbol; negative: short
---@param o { threshold: number? }?
---@return integer? changed how many positions
---@return ApiError? err the first order's that was refused; the others were sent all the same
function M.rebalance(host, weights, o)
  if type(weights) ~= "table" then
    error("self:rebalance takes shares of the equity by symbol: { BTCUSDT = 0.5 }", 0)
  end
  local threshold = o and o.threshold or 0.005
  local equity, names, wanted = host.equity(), {}, {}
  for symbol, weight in pairs(weights) do
    if type(weight) ~= "number" or weight ~= weight or math.abs(weight) == math.huge then
      error(
        ("self:rebalance: the weight of %s is a number, not %s"):format(tostring(symbol), tostring(weight)),
        0
      )
    end
    host.position(symbol) -- raises on a symbol that is not of the run
    names[#names + 1] = symbol
  end
  table.sort(names)
  local steps = {}
  for _, symbol in ipairs(names) do
    local last, held = host.last(symbol), host.position(symbol)
    if last > 0 then
      wanted[symbol] = on_grid(host, symbol, math.max(0, equity) * weights[symbol] / last)
      local delta = wanted[symbol] - held
      if worth(host, symbol, delta, wanted[symbol], threshold * equity) then
        local frees = math.abs(wanted[symbol]) < math.abs(held)
        steps[#steps + 1] = { symbol, frees and 0 or 1 }
      end
    end
  end
  -- What frees margin goes first.
  table.sort(steps, function(a, b)
    if a[2] ~= b[2] then return a[2] < b[2] end
    return a[1] < b[1]
  end)
  local changed, problem = 0, nil
  for _, step in ipairs(steps) do
    local held, err = M.target(host, step[1], wanted[step[1]])
    if held then
      changed = changed + 1
    else
      problem = problem or err
    end
  end
  if problem then return nil, problem end
  return changed
end

return M
