---Bars of several files as plain columns, in the order of time, each time once: what checks look through.
local ffi = require "ffi"
local C = require "moontide.core"

local M = {}

ffi.cdef [[
  struct doctor_bar {
    int64_t open_us, open, high, low, close, volume, quote, trades, taker;
    double volume_d, quote_d;
    int32_t file, line;
  };
]]

---@class BarColumns
---@field rows ffi.cdata* struct doctor_bar[]
---@field count integer
local Bars = {}
Bars.__index = Bars

---@return BarColumns
function M.new()
  return setmetatable({ rows = ffi.new("struct doctor_bar[?]", 1024), count = 0, room = 1024 }, Bars)
end

---@param rows ffi.cdata* struct rows
---@param file integer its number
function Bars:add(rows, file)
  local more = tonumber(rows.count)
  if self.count + more > self.room then
    while self.count + more > self.room do
      self.room = self.room * 2
    end
    local larger = ffi.new("struct doctor_bar[?]", self.room)
    ffi.copy(larger, self.rows, self.count * ffi.sizeof "struct doctor_bar")
    self.rows = larger
  end
  for i = 0, more - 1 do
    local v, b = rows.bars[i].values, self.rows[self.count + i]
    b.open_us, b.open, b.high, b.low, b.close = v[0], v[1], v[2], v[3], v[4]
    b.volume, b.quote, b.trades, b.taker = v[5], v[6], v[7], v[8]
    b.volume_d, b.quote_d = C.wide_to_double(v[5], v[10]), C.wide_to_double(v[6], v[11])
    b.file, b.line = file, rows.lines[i]
  end
  self.count = self.count + more
end

local function same(a, b)
  return a.open == b.open
    and a.high == b.high
    and a.low == b.low
    and a.close == b.close
    and a.volume_d == b.volume_d
    and a.trades == b.trades
end

---Sorts by time and leaves one of each; tells of those that stand twice.
---@param double fun(first: ffi.cdata*, second: ffi.cdata*, same: boolean)
function Bars:settle(double)
  local rows, sorted = self.rows, true
  for i = 1, self.count - 1 do
    if rows[i].open_us <= rows[i - 1].open_us then
      sorted = false
      break
    end
  end
  if sorted then return end
  local order = {}
  for i = 0, self.count - 1 do
    order[i + 1] = i
  end
  table.sort(order, function(a, b)
    local x, y = rows[a].open_us, rows[b].open_us
    return x < y or x == y and a < b
  end)
  local out = ffi.new("struct doctor_bar[?]", self.room)
  local count = 0
  for _, i in ipairs(order) do
    if count > 0 and out[count - 1].open_us == rows[i].open_us then
      double(out[count - 1], rows[i], same(out[count - 1], rows[i]))
    else
      out[count] = rows[i]
      count = count + 1
    end
  end
  self.rows, self.count = out, count
end

return M
