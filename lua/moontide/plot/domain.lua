---The axis across: of bars (one after the other, whatever time lies between them), of time, or of a list's indexes.
local scale = require "moontide.plot.scale"
local time_axis = require "moontide.plot.time_axis"

local M = {}

local STEP_MAX = 3 -- columns of a bar, where there are few
local COLUMNS_MIN = 24 -- of a chart of few bars

---@class PlotDomain
---@field kind "bars"|"time"|"index"
---@field columns integer
---@field first number the least position: an index, or milliseconds
---@field last number
---@field bars PlotLayer?
---@field step integer columns of a bar; 1 where several share one
---@field per integer bars that share a column, all as many but the first
---@field early integer bars that the first column lacks
local Domain = {}
Domain.__index = Domain

local function of_bars(bars, room)
  local per = math.ceil(bars.count / room)
  local candles = math.ceil(bars.count / per)
  local step = math.min(STEP_MAX, math.floor(room / candles))
  local columns = math.min(room, math.max(step * candles, COLUMNS_MIN))
  return {
    kind = "bars",
    bars = bars,
    first = 1,
    last = bars.count,
    columns = columns,
    step = step,
    per = per,
    early = candles * per - bars.count,
  }
end

---@param layers PlotLayer[]
---@param room integer columns there are
---@return PlotDomain
function M.new(layers, room)
  local first, last, longest = math.huge, -math.huge, 1
  for _, l in ipairs(layers) do
    if l.kind == "bars" then return setmetatable(of_bars(l, room), Domain) end
    if l.time then
      first, last = math.min(first, l.time(1)), math.max(last, l.time(l.count))
      for i = 1, l.kind == "trades" and l.count or 0 do
        first, last = math.min(first, l.time(i)), math.max(last, l.time(i))
      end
    else
      longest = math.max(longest, l.count)
    end
  end
  if first <= last then
    return setmetatable({ kind = "time", first = first, last = last, columns = room }, Domain)
  end
  return setmetatable({ kind = "index", first = 1, last = longest, columns = room }, Domain)
end

---Where a layer's entry stands, as a position of this axis; nil outside of it. Lists of numbers end where the bars end.
---@param l PlotLayer
---@param i integer
---@return number?
function Domain:position(l, i)
  if l.time and l ~= self.bars then return self:of_time(l.time(i)) end
  if self.kind == "time" then
    if l.count == 1 then return self.last end
    return self.first + (i - 1) / (l.count - 1) * (self.last - self.first)
  end
  local at = i + self.last - l.count
  return at >= 1 and at or nil
end

---@param ms number
---@return number?
function Domain:of_time(ms)
  if self.kind == "time" then return ms end
  if self.kind == "index" then return nil end
  local time, low, high = self.bars.time, 1, self.last
  local every = self.last > 1 and (time(self.last) - time(1)) / (self.last - 1) or math.huge
  if ms < time(1) or ms >= time(self.last) + every then return nil end
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if time(middle) <= ms then
      low = middle
    else
      high = middle - 1
    end
  end
  return low
end

---@param position number
---@return integer column from 0
function Domain:column(position)
  if self.kind == "bars" then
    local candle = math.floor((position - 1 + self.early) / self.per)
    return candle * self.step + math.floor((self.step - 1) / 2)
  end
  return math.floor(self:dot(position) / 2)
end

---@param position number
---@return integer # dot from 0, two a column
function Domain:dot(position)
  if self.kind == "bars" then
    if self.per > 1 then return math.floor((position - 1 + self.early) * 2 / self.per) end
    return 2 * self:column(position) + (self.step % 2 == 0 and 1 or 0)
  end
  local dots = 2 * self.columns
  if self.last == self.first then return self.columns end
  return math.floor((position - self.first) / (self.last - self.first) * (dots - 1) + 0.5)
end

---Labels under the axis.
---@return { column: integer, text: string }[]
function Domain:ticks()
  local list, most = {}, math.max(1, math.floor(self.columns / 10))
  if self.kind == "index" then
    local ticks, step = scale.new(self.first, self.last):ticks(most)
    for i, at in ipairs(ticks) do
      if at == math.floor(at) and self.last > self.first then
        list[i] = { column = self:column(at), text = scale.label(at, step) }
      end
    end
    if self.last == self.first then list[1] = { column = self:column(1), text = "1" } end
    return list
  end
  local from = self.kind == "bars" and self.bars.time(1) or self.first
  local to = self.kind == "bars" and self.bars.time(self.last) or self.last
  for _, tick in ipairs(time_axis.ticks(from, to, most)) do
    local position = self:of_time(tick.at)
    if position then list[#list + 1] = { column = self:column(position), text = tick.text } end
  end
  return list
end

return M
