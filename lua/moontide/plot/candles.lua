---Candles and volume. Several bars that share a column become the one bar they make: the open of the first, the close of the
---last, the highest high, the lowest low, the volume of all. So no extreme is lost, however narrow the chart.
local M = {}

---@class PlotCandle
---@field open number
---@field high number
---@field low number
---@field close number
---@field volume number

---@param bars PlotLayer
---@param domain PlotDomain
---@return table<integer, PlotCandle> by column
function M.gather(bars, domain)
  local candles = {}
  for i = 1, bars.count do
    local b, column = bars.list[i], domain:column(i)
    local c = candles[column]
    local high, low = math.max(b.high, b.open, b.close), math.min(b.low, b.open, b.close)
    if c then
      c.high, c.low, c.close = math.max(c.high, high), math.min(c.low, low), b.close
      c.volume = c.volume + (b.volume or 0)
    else
      candles[column] = { open = b.open, high = high, low = low, close = b.close, volume = b.volume or 0 }
    end
  end
  return candles
end

-- Glyphs by what the upper and the lower half of a cell hold: n nothing, w wick, b body. The bodies of bars that fell are solid,
-- so that a chart without colour tells the two.
local ROSE =
  { wn = "╵", nw = "╷", ww = "│", bn = "╹", nb = "╻", bb = "┃", wb = "╽", bw = "╿" }
local FELL = setmetatable({ bn = "▀", nb = "▄", bb = "█" }, { __index = ROSE })

---@param canvas PlotCanvas
---@param scale PlotScale
---@param candles table<integer, PlotCandle>
function M.draw(canvas, scale, candles)
  local function half_row(v) return math.floor(scale:at(v, canvas.rows * 4) / 2) end
  for column, c in pairs(candles) do
    local top, bottom = half_row(c.high), half_row(c.low)
    local body_top, body_bottom = half_row(math.max(c.open, c.close)), half_row(math.min(c.open, c.close))
    local function holds(half)
      if half >= body_top and half <= body_bottom then return "b" end
      return half >= top and half <= bottom and "w" or "n"
    end
    local glyphs, colour = c.close >= c.open and ROSE or FELL, c.close >= c.open and "up" or "down"
    local first, last = math.floor(top / 2), math.floor(bottom / 2)
    for row = first, last do
      -- A line that crosses is shown, but the ends of a candle are not hidden by one.
      canvas:put(
        column,
        row,
        glyphs[holds(2 * row) .. holds(2 * row + 1)],
        colour,
        row ~= first and row ~= last
      )
    end
  end
end

local EIGHTHS = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }

---Volume from the ground up; what is not zero is seen.
---@param canvas PlotCanvas
---@param most number the highest volume
---@param candles table<integer, PlotCandle>
function M.volume(canvas, most, candles)
  for column, c in pairs(candles) do
    local eighths = c.volume > 0 and math.max(1, math.floor(c.volume / most * canvas.rows * 8 + 0.5)) or 0
    for row = canvas.rows - 1, 0, -1 do
      local here = math.min(8, eighths)
      if here <= 0 then break end
      canvas:put(column, row, EIGHTHS[here], c.close >= c.open and "up" or "down")
      eighths = eighths - here
    end
  end
end

return M
