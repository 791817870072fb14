---How much to trade: the rules that traders size by, each cut down to what the exchange takes. Described in moontide/meta/script.lua
---(Strategy:size).
local M = {}

-- By rule: the money to hold (quote asset), from the request, the equity and the price.
local rules = {}

local function positive(o, name, unit)
  local value = o[name]
  if type(value) ~= "number" or not (value > 0 and value < math.huge) then
    error(("self:size: %s is %s above 0, not %s"):format(name, unit, tostring(value)), 0)
  end
  return value
end

function rules.notional(o) return positive(o, "notional", "an amount of USDT") end

function rules.equity(o, equity) return positive(o, "equity", "a share of the equity (0.1 is 10 %)") * equity end

-- Fixed fraction: what is lost between the price and the stop is that share of the equity (Vince, Portfolio Management Formulas).
function rules.risk(o, equity, price)
  local share, stop =
    positive(o, "risk", "a share of the equity (0.01 is 1 %)"), positive(o, "stop", "a price")
  if stop == price then error("self:size: stop is the price itself: no distance to size by", 0) end
  return share * equity * price / math.abs(price - stop)
end

-- A position whose yearly deviation is that share of the equity.
function rules.volatility(o, equity)
  local target = positive(o, "volatility", "a yearly deviation (0.2 is 20 %)")
  return target / positive(o, "realised", "the symbol's own yearly deviation") * equity
end

-- Kelly's share for bets that win `payoff` times what they lose: p - (1 - p) / payoff; nothing where the edge is none.
function rules.kelly(o, equity)
  local k = o.kelly
  if type(k) ~= "table" then error("self:size: kelly is a table { win =, payoff = }", 0) end
  local win, payoff = k.win, positive(k, "payoff", "a ratio of gain to loss")
  if type(win) ~= "number" or not (win >= 0 and win <= 1) then
    error("self:size: kelly.win is a share from 0 to 1, not " .. tostring(win), 0)
  end
  if o.cap == nil then
    error("self:size: kelly needs cap, the largest share of the equity: full Kelly ruins on a wrong guess", 0)
  end
  return math.max(0, win - (1 - win) / payoff) * equity
end

local known = { price = true, stop = true, realised = true, cap = true }

-- The one rule that a request names.
local function rule_of(o)
  if type(o) ~= "table" then
    error("self:size takes a symbol and a table: self:size(symbol, { equity = 0.1 })", 0)
  end
  local found
  for name in pairs(o) do
    if rules[name] then
      if found then error(("self:size: %s and %s: one rule at a time"):format(found, name), 0) end
      found = name
    elseif not known[name] then
      error("self:size does not know " .. tostring(name), 0)
    end
  end
  return found or error("self:size: name a rule: notional, equity, risk, volatility or kelly", 0)
end

---The quantity of a request, on the symbol's grid; 0 and why where it is too small.
---@param market table the run's
---@param symbol string
---@param o SizeRequest
---@param equity number
---@param last number the symbol's last price
---@return number quantity base asset
---@return string? why it is 0, or less than the rule asks for
function M.quantity(market, symbol, o, equity, last)
  local rule = rule_of(o)
  local grid, price = market.rules(symbol), o.price ~= nil and positive(o, "price", "a price") or last
  if price <= 0 then return 0, symbol .. " has no price yet" end
  if equity <= 0 then return 0, "no equity is left" end
  local money = rules[rule](o, equity, price)
  if o.cap ~= nil then money = math.min(money, positive(o, "cap", "a share of the equity") * equity) end
  local quantity = market.round_quantity(symbol, math.min(money / price, 9e10), "MARKET")
  local most, why = math.min(grid.max_quantity, grid.max_market_quantity), nil
  if quantity > most then
    quantity, why =
      market.round_quantity(symbol, most, "MARKET"),
      ("cut to the most that one order may have, %.8g"):format(most)
  end
  local least = math.max(grid.min_quantity, grid.min_market_quantity)
  if quantity < least then
    return 0, ("%.8g is less than the least quantity, %.8g"):format(quantity, least)
  end
  if quantity * price < grid.min_notional then
    return 0, ("%.2f USDT is less than an order's least, %.2f"):format(quantity * price, grid.min_notional)
  end
  return quantity, why
end

return M
