---What a check has found: faults, which make data wrong, and notes, which are true of the market and good to know.
local calendar = require "moontide.data.calendar"

local M = {}

local SHOWN = 5 -- of one sort in one series

---@class Finding
---@field level "fault"|"note"
---@field sort string gap, double, order, row, grid, tick, zero volume, outlier, interval, trades, ids, digest, ends, ...
---@field place string file and line
---@field text string

---@class Findings
---@field list Finding[]
---@field counts table<string, integer> faults and notes of each sort
local Findings = {}
Findings.__index = Findings

---@return Findings
function M.new() return setmetatable({ list = {}, counts = {} }, Findings) end

---@param level "fault"|"note"
---@param sort string
---@param place string
---@param text string a format
---@param ... any
function Findings:add(level, sort, place, text, ...)
  self.counts[sort] = (self.counts[sort] or 0) + 1
  self.list[#self.list + 1] =
    { level = level, sort = sort, place = place, text = select("#", ...) > 0 and text:format(...) or text }
end

---@param level "fault"|"note"
---@return integer
function Findings:count(level)
  local count = 0
  for _, f in ipairs(self.list) do
    if f.level == level then count = count + 1 end
  end
  return count
end

---Prints them: of each sort the first few, unless all are asked for.
---@param write fun(line: string)
---@param all boolean?
function Findings:print(write, all)
  local shown = {}
  for _, f in ipairs(self.list) do
    shown[f.sort] = (shown[f.sort] or 0) + 1
    if all or shown[f.sort] <= SHOWN then
      write(("  %-5s  %-12s %s: %s"):format(f.level, f.sort, f.place, f.text))
    elseif shown[f.sort] == self.counts[f.sort] then
      write(("         %-12s and %d more (--all)"):format(f.sort, shown[f.sort] - SHOWN))
    end
  end
end

M.time = calendar.text

return M
