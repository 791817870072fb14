---Conditional orders of the plain exchange of spec/support/reference_exchange.lua: where they trigger.
local M = { FALLING = -1, RISING = 1 }

function M.falls(order)
  local stop = order.type == "STOP_MARKET" or order.type == "STOP"
  return stop == (order.side == "SELL")
end

-- A trailing order keeps the best price since it came, from its own point of view the worst.
function M.trail(m)
  for _, order in ipairs(m.conditional) do
    if order.callback then
      local pick = order.side == "BUY" and math.min or math.max
      order.extreme = pick(order.extreme or m.last, m.last)
    end
  end
end

-- Where a conditional order triggers, and how the price gets there; nil for a trailing order that does not trail yet.
function M.trigger_of(order)
  if not order.callback then return order.trigger, M.falls(order) and M.FALLING or M.RISING end
  local extreme, buy = order.extreme, order.side == "BUY"
  local active = not order.activate
    or (buy and extreme <= order.activate or not buy and extreme >= order.activate)
  if not active then return nil end
  local move = extreme * order.callback / 1000 -- tenths of a percent
  return buy and extreme + move or extreme - move, buy and M.RISING or M.FALLING
end

return M
