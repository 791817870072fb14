---Lines of dots, and marks of trades.
local layers = require "moontide.plot.layers"

local M = {}

---The lowest and the highest value of a line that stand on the axis; nil without any.
---@param l PlotLayer
---@param domain PlotDomain
---@return number? low
---@return number? high
function M.range(l, domain)
  local low, high
  for i = 1, l.count do
    local v = l.value(i)
    if v and domain:position(l, i) then
      low, high = math.min(low or v, v), math.max(high or v, v)
    end
  end
  return low, high
end

---Draws a line. Of the values that share a column of dots the first, the lowest, the highest and the last are drawn, which are all
---that can be seen of them; a hole (nil, NaN, infinite) breaks the line.
---@param canvas PlotCanvas
---@param scale PlotScale
---@param l PlotLayer
---@param domain PlotDomain
function M.draw(canvas, scale, l, domain)
  local dots = canvas.rows * 4
  local x, top, bottom, last -- of the column of dots that is being gathered
  local last_x, last_y -- where the line goes on from
  local function finish()
    if not x then return end
    canvas:line(x, top, x, bottom, l.colour)
    last_x, last_y, x = x, last, nil
  end
  for i = 1, l.count do
    local v, position = l.value(i), domain:position(l, i)
    if not v then
      finish()
      last_x = nil
    elseif position then
      local at, y = domain:dot(position), scale:at(v, dots)
      if at ~= x then
        finish()
        if last_x then canvas:line(last_x, last_y, at, y, l.colour) end
        x, top, bottom = at, y, y
      else
        top, bottom = math.min(top, y), math.max(bottom, y)
      end
      last = y
    end
  end
  finish()
end

---The row of a line's last value, where its letter stands; nil when it ends in a hole.
---@param scale PlotScale
---@param l PlotLayer
---@param rows integer
---@return integer?
function M.end_row(scale, l, rows)
  local v = l.value(l.count)
  return v and scale:row(v, rows) or nil
end

---Marks of trades: a buy below the bars of its column, a sell above them; where there are no bars, at its price.
---@param canvas PlotCanvas
---@param scale PlotScale
---@param l PlotLayer
---@param domain PlotDomain
---@param candles table<integer, PlotCandle>?
function M.trades(canvas, scale, l, domain, candles)
  for i = 1, l.count do
    local trade = l.list[i]
    local position = domain:position(l, i)
    if position then
      local buy, column = layers.is_buy(trade), domain:column(position)
      local candle = candles and candles[column]
      local row = scale:row(trade.price, canvas.rows)
      if candle then
        row = buy and scale:row(math.min(candle.low, trade.price), canvas.rows) + 1
          or scale:row(math.max(candle.high, trade.price), canvas.rows) - 1
      end
      row = math.max(0, math.min(canvas.rows - 1, row))
      canvas:put(column, row, buy and "▲" or "▼", buy and "up" or "down")
    end
  end
end

return M
