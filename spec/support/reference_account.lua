---The account of the plain exchange of spec/support/reference_exchange.lua: positions at average cost, their margin and what
---is free, in that module's units.
local M = {}

local floor, ceil, abs, max = math.floor, math.ceil, math.abs, math.max

-- Half away from zero.
function M.round(v) return v < 0 and ceil(v - 0.5) or floor(v + 0.5) end

function M.sides(x) return x.o.hedge and { "LONG", "SHORT" } or { "BOTH" } end

function M.isolated_sum(x)
  local sum = 0
  for _, m in ipairs(x.markets) do
    for _, side in ipairs(M.sides(x)) do
      sum = sum + m.positions[side].isolated
    end
  end
  return sum
end

function M.unrealized(m, p) return p.amount == 0 and 0 or p.amount * m.last * m.s.unit - p.cost end

-- The margin of open orders beyond that of the positions.
function M.order_margin(x, m, more_side, more)
  local open = { BUY = 0, SELL = 0 }
  for _, list in ipairs { m.resting, m.waiting } do
    for _, order in ipairs(list) do
      open[order.side] = open[order.side] + order.notional
    end
  end
  if more_side then open[more_side] = open[more_side] + more end
  if open.BUY == 0 and open.SELL == 0 then return 0 end
  if x.o.hedge then return floor((open.BUY + open.SELL) / x.o.leverage) end
  local now = m.positions.BOTH.amount * (m.last or 0) * m.s.unit
  local largest = max(abs(now + open.BUY), abs(now - open.SELL))
  return largest > abs(now) and (largest - abs(now)) / x.o.leverage or 0
end

function M.available(x)
  local free = x.wallet - M.isolated_sum(x)
  for _, m in ipairs(x.markets) do
    free = free - M.order_margin(x, m)
    for _, side in ipairs(x.o.isolated and {} or M.sides(x)) do
      local p = m.positions[side]
      if p.amount ~= 0 then
        free = free + M.unrealized(m, p) - abs(p.amount) * m.last * m.s.unit / x.o.leverage
      end
    end
  end
  return max(free, 0)
end

function M.reducible(m, order)
  local amount = m.positions[order.position].amount
  return order.side == "SELL" and max(amount, 0) or max(-amount, 0)
end

-- Average cost: a fill against the position closes at the average, what is left of it opens the other way.
function M.book(x, m, order, quantity, price, rate, maker)
  local p, unit = m.positions[order.position], m.s.unit
  local signed, realized = order.side == "BUY" and quantity or -quantity, 0
  local notional = quantity * price * unit
  local fee = floor((notional * rate + 500000) / 1000000)
  if p.amount ~= 0 and (p.amount < 0) ~= (signed < 0) then
    local closing = quantity < abs(p.amount) and -signed or p.amount
    local value = closing * price * unit
    if closing == p.amount then
      realized = value - p.cost
      p.cost, p.isolated = 0, 0
    else
      realized = M.round(value - p.cost * closing / p.amount)
      p.cost = p.cost - value + realized
      p.isolated = p.isolated - M.round(p.isolated * closing / p.amount)
    end
    p.amount, signed = p.amount - closing, signed + closing
  end
  if signed ~= 0 then
    p.amount, p.cost = p.amount + signed, p.cost + signed * price * unit
    if x.o.isolated then p.isolated = p.isolated + floor(abs(signed) * price * unit / x.o.leverage) end
  end
  x.wallet = x.wallet + realized - fee
  x.fills[#x.fills + 1] = {
    time = x.now,
    symbol = m.index,
    side = order.side,
    position = order.position,
    price = price,
    quantity = quantity,
    fee = fee,
    realized = realized,
    maker = maker,
  }
end

return M
