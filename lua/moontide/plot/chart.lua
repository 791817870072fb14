---A chart's text: panes one below the other over one axis, with headings, values at the right and times below.
local candles_module = require "moontide.plot.candles"
local canvas_module = require "moontide.plot.canvas"
local domain_module = require "moontide.plot.domain"
local lines = require "moontide.plot.lines"
local palette = require "moontide.palette"
local scale_module = require "moontide.plot.scale"
local text_width = require "moontide.text_width"
local time_axis = require "moontide.plot.time_axis"

local M = {}

local MAIN_MIN, MAIN_MAX, PANE_ROWS, COLUMNS_LEAST = 8, 24, 5, 8

---@class PlotPane
---@field title string?
---@field layers PlotLayer[]
---@field candles table<integer, PlotCandle>? drawn here
---@field volume boolean? it shows the candles' volume
---@field rows integer
---@field scale PlotScale?
---@field labels table<integer, string> by row
---@field marks table<integer, string> letters of lines, by row

-- A figure of a heading; small prices are written out, as the axis has them.
local function number(v, money)
  if money then return ("%.2f"):format(v) end
  local size = math.abs(v)
  if size >= 1e-3 or size < 1e-10 then return ("%.10g"):format(v) end
  local decimals = math.min(14, 5 - math.floor(math.log10(size)))
  return (("%." .. ("%d"):format(decimals) .. "f"):format(v):gsub("0+$", ""))
end

-- ---- panes and their scales ----

local function panes_of(layers, main_rows)
  local main = { layers = {}, rows = main_rows, labels = {}, marks = {} }
  local list, named = { main }, {}
  for _, l in ipairs(layers) do
    local pane = main
    if l.pane and l.kind == "line" then
      pane = named[l.pane]
      if not pane then
        pane = { title = l.pane, layers = {}, rows = PANE_ROWS, labels = {}, marks = {} }
        named[l.pane] = pane
        list[#list + 1] = pane
      end
    end
    pane.layers[#pane.layers + 1] = l
  end
  return list, main
end

-- The lowest and highest value of a pane.
local function range_of(pane, domain)
  local low, high = math.huge, -math.huge
  local function take(a, b)
    low, high = math.min(low, a), math.max(high, b)
  end
  for _, l in ipairs(pane.layers) do
    if l.kind == "bars" then
      for i = 1, l.count do
        local b = l.list[i]
        take(math.min(b.low, b.open, b.close), math.max(b.high, b.open, b.close))
      end
    elseif l.kind == "trades" then
      for i = 1, l.count do
        if domain:position(l, i) then take(l.list[i].price, l.list[i].price) end
      end
    else
      local a, b = lines.range(l, domain)
      if a then take(a, b) end
    end
  end
  if low <= high then return low, high end
  return nil
end

local function label_rows(pane, short, most)
  if not pane.scale then return end
  local ticks, step = pane.scale:ticks(most)
  for _, v in ipairs(ticks) do
    pane.labels[pane.scale:row(v, pane.rows)] = scale_module.label(v, step, short)
  end
end

local function set_scales(panes, domain)
  for _, pane in ipairs(panes) do
    local low, high = range_of(pane, domain)
    if low then
      local rows = pane.rows
      for _, l in ipairs(pane.layers) do
        -- Marks stand beside the bars: a row above and one below.
        if l.kind == "trades" and domain.kind == "bars" and rows > 4 and high > low then
          local room = (high - low) / (rows - 4)
          low, high = low - room, high + room
          break
        end
      end
      pane.scale = scale_module.new(low, high)
      label_rows(pane, false, math.max(2, math.floor(rows * (rows > 10 and 0.5 or 0.65))))
    end
  end
end

local function volume_pane(candles, rows)
  local most = 0
  for _, c in pairs(candles) do
    most = math.max(most, c.volume)
  end
  if most == 0 or most == math.huge or most ~= most then return nil end
  local pane = { title = "volume", layers = {}, volume = true, rows = rows, labels = {}, marks = {} }
  pane.scale = scale_module.new(0, most)
  local step = scale_module.round_step(most / 4)
  pane.labels[0] = scale_module.label(most, most >= 1000 and step / 10 or step, true)
  return pane
end

-- ---- headings ----

local function values_words(first, last, low, high, count, what, money)
  local change = first > 0 and (" (%+.2f %%)"):format((last / first - 1) * 100) or ""
  return {
    { text = "last " .. number(last, money) .. change },
    { text = "high " .. number(high, money) },
    { text = "low " .. number(low, money) },
    { text = ("%d %s"):format(count, count == 1 and what or what .. "s") },
  }
end

local function line_words(l)
  local first, last, low, high, count = nil, nil, math.huge, -math.huge, 0
  for i = 1, l.count do
    local v = l.value(i)
    if v then
      first, last, count = first or v, v, count + 1
      low, high = math.min(low, v), math.max(high, v)
    end
  end
  return first and values_words(first, last, low, high, count, "value", l.money) or {}
end

local function bars_words(l, domain)
  local low, high = math.huge, -math.huge
  for i = 1, l.count do
    low, high = math.min(low, l.list[i].low), math.max(high, l.list[i].high)
  end
  local first, last = l.list[1], l.list[l.count]
  local words = values_words(first.open, last.close, low, high, l.count, "bar")
  if domain.per > 1 then words[#words + 1] = { text = ("%d bars a candle"):format(domain.per) } end
  return words
end

local function period(domain)
  if domain.kind == "index" then return nil end
  local from, to = domain.first, domain.last
  if domain.kind == "bars" then
    local bars = domain.bars
    local last = bars.list[bars.count]
    from, to = bars.time(1), bars.time(bars.count)
    local ok, close = pcall(function() return last.close_time end)
    if ok and type(close) == "number" then to = close + 1 end
  end
  if from == to then return time_axis.full(from) .. " UTC" end
  return ("%s to %s UTC"):format(time_axis.full(from), time_axis.full(to))
end

local function title_of(chart, domain)
  if chart.title then return chart.title end
  local bars = domain.bars
  if not bars then return #chart.layers == 1 and chart.layers[1].name or nil end
  local ok, title = pcall(function()
    local b = bars.list[1]
    return b.symbol and b.symbol .. (b.interval and " " .. b.interval or "")
  end)
  return ok and title or nil
end

-- Words with their colours in lines of a width.
local function flow(words, width, coloured)
  local out, line, used = {}, {}, 0
  for _, word in ipairs(words) do
    local text = text_width.cut(word.text, width)
    local w = text_width.width_of(text)
    if used > 0 and used + 2 + w > width then
      out[#out + 1] = table.concat(line, "  ")
      line, used = {}, 0
    end
    line[#line + 1] = coloured and palette.paint(text, word.colour) or text
    used = used + w + (used > 0 and 2 or 0)
  end
  if #line > 0 then out[#out + 1] = table.concat(line, "  ") end
  return out
end

local function headings(chart, domain, width, coloured)
  local head, legend = {}, {}
  local title, times = title_of(chart, domain), period(domain)
  if title then head[1] = { text = title, colour = "title" } end
  if times then head[#head + 1] = { text = times } end
  local out = flow(head, width, coloured)
  local main = domain.bars or (#chart.layers == 1 and chart.layers[1].kind == "line" and chart.layers[1])
  if main then
    local words = main.kind == "bars" and bars_words(main, domain) or line_words(main)
    for _, line in ipairs(flow(words, width, coloured)) do
      out[#out + 1] = line
    end
  end
  local buys
  for _, l in ipairs(chart.layers) do
    if l.mark then legend[#legend + 1] = { text = l.mark .. " " .. l.name, colour = l.colour } end
    if l.kind == "trades" and not buys then
      buys = true
      legend[#legend + 1] = { text = "▲ buy", colour = "up" }
      legend[#legend + 1] = { text = "▼ sell", colour = "down" }
    end
  end
  for _, line in ipairs(flow(legend, width, coloured)) do
    out[#out + 1] = line
  end
  return out
end

-- ---- the panes as lines ----

local function draw(pane, domain, candles)
  local canvas = canvas_module.new(domain.columns, pane.rows)
  if not pane.scale then return canvas end
  if pane.volume then
    candles_module.volume(canvas, pane.scale.high, candles)
    return canvas
  end
  for _, l in ipairs(pane.layers) do
    if l.kind == "bars" and l == domain.bars then candles_module.draw(canvas, pane.scale, candles) end
  end
  for _, l in ipairs(pane.layers) do
    if l.kind == "line" then
      lines.draw(canvas, pane.scale, l, domain)
      local row = l.mark and lines.end_row(pane.scale, l, pane.rows)
      if row then pane.marks[row] = l end
    end
  end
  for _, l in ipairs(pane.layers) do
    if l.kind == "trades" then lines.trades(canvas, pane.scale, l, domain, candles) end
  end
  return canvas
end

local function pane_lines(out, pane, canvas, label_width, coloured)
  local function dim(text) return coloured and palette.paint(text, "dim") or text end
  for row = 0, pane.rows - 1 do
    local line = canvas:text(row, coloured)
    if label_width > 0 then
      local label, mark = pane.labels[row], pane.marks[row]
      local edge = mark and (coloured and palette.paint(mark.mark, mark.colour) or mark.mark)
        or dim(label and "┤" or "│")
      line = line .. edge .. (label and " " .. text_width.pad(label, label_width - 2, true) or "")
    end
    out[#out + 1] = line
  end
end

-- A line between panes, with the title of the one below.
local function divider(title, columns, coloured)
  local text = text_width.cut("── " .. title .. " ", columns)
  text = text .. ("─"):rep(columns - text_width.width_of(text))
  return coloured and palette.paint(text, "dim") or text
end

local function axis_lines(out, domain, label_width, width, coloured)
  local at, labels, room = {}, {}, math.min(width, domain.columns + label_width)
  local free = 0
  for _, tick in ipairs(domain:ticks()) do
    local w = #tick.text
    local from = math.max(0, math.min(tick.column - math.floor((w - 1) / 2), room - w))
    if from >= free and from + w <= room then
      labels[#labels + 1] = (" "):rep(from - (free > 0 and free - 1 or 0)) .. tick.text
      at[tick.column] = true
      free = from + w + 1
    end
  end
  local parts = {}
  for column = 0, domain.columns - 1 do
    parts[#parts + 1] = at[column] and "┬" or "─"
  end
  local line = table.concat(parts) .. (label_width > 0 and "┘" or "")
  out[#out + 1] = coloured and palette.paint(line, "dim") or line
  if #labels > 0 then out[#out + 1] = table.concat(labels) end
end

-- Letters and colours of lines that must be told apart; what they are called. One that is alone in a pane has that pane's title.
local function name_lines(layers)
  local count, marks, in_pane = 0, 0, {}
  for _, l in ipairs(layers) do
    if l.kind == "line" then in_pane[l.pane or false] = (in_pane[l.pane or false] or 0) + 1 end
  end
  for _, l in ipairs(layers) do
    if l.kind == "line" then
      local told = #layers > 1 and (not l.pane or in_pane[l.pane] > 1)
      l.colour = palette.lines[count % #palette.lines + 1]
      count = count + 1
      if told then marks = marks + 1 end
      l.mark = told and marks <= 26 and string.char(96 + marks) or nil
      l.name = l.name or (told and "line " .. count or nil)
    end
  end
end

---@param chart { layers: PlotLayer[], title: string?, height: integer? }
---@param width integer columns that no line passes
---@param coloured boolean
---@return string # lines, without an end of the last
function M.text(chart, width, coloured)
  local layers = chart.layers
  if #layers == 0 then return text_width.cut("nothing to plot", width) end
  name_lines(layers)
  local main_rows = chart.height or math.max(MAIN_MIN, math.min(MAIN_MAX, math.floor(width / 5)))
  -- The labels' width takes columns from what they label, and is the same for all panes: once for the width, once to draw.
  local domain, panes, main, candles
  local function lay_out(room)
    domain = domain_module.new(layers, room)
    panes, main = panes_of(layers, main_rows)
    candles = domain.bars and candles_module.gather(domain.bars, domain) or nil
    set_scales(panes, domain)
    local volume = candles and volume_pane(candles, math.max(2, math.floor(main_rows / 5)))
    if volume then table.insert(panes, 2, volume) end
    local widest = 0
    for _, pane in ipairs(panes) do
      for _, label in pairs(pane.labels) do
        widest = math.max(widest, text_width.width_of(label))
      end
    end
    return widest + 2
  end
  local label_width = lay_out(width)
  for _ = 1, 3 do
    if width - label_width < COLUMNS_LEAST then
      label_width = 0
      lay_out(width)
      break
    end
    local wanted = lay_out(width - label_width)
    if wanted <= label_width then break end
    label_width = wanted
  end
  if label_width > 0 and domain.columns + label_width > width then
    label_width = 0
    lay_out(width)
  end
  local out = headings(chart, domain, width, coloured)
  for _, pane in ipairs(panes) do
    if pane ~= main then out[#out + 1] = divider(pane.title, domain.columns, coloured) end
    if not pane.scale then
      out[#out + 1] = text_width.cut("no values", width)
    else
      pane_lines(out, pane, draw(pane, domain, candles), label_width, coloured)
    end
  end
  axis_lines(out, domain, label_width, width, coloured)
  for i, line in ipairs(out) do
    out[i] = (line:gsub("%s+$", ""))
  end
  return table.concat(out, "\n")
end

return M
