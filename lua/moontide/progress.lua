---How far a command is, in one line of the terminal that it writes over again and again.
local host = require "moontide.lua_host"

local M = {}

local AFTER_S = 1 -- what is over by then needs none
local WIDTH = 30

---@class Progress
---@field update fun(label: string, done: number, total: number, unit: string?) with a unit ("trials") the numbers are told too
---@field clear fun() the line is gone

---@param options { quiet: boolean?, json: string? } the command's
---@return Progress? # nil: nobody looks at it
function M.new(options)
  if options.quiet or options.json == "-" or not host.isatty(2) then return nil end
  local begun, shown = host.monotonic(), false
  local progress = {}
  function progress.update(label, done, total, unit)
    local took = host.monotonic() - begun
    if total <= 0 or took < AFTER_S then return end
    shown = true
    local share = math.min(done / total, 1)
    local filled = math.floor(share * WIDTH)
    local line = ("%s [%s%s] %3d%%"):format(label, ("#"):rep(filled), ("."):rep(WIDTH - filled), share * 100)
    if unit and done > 0 then
      line = ("%s, %d of %d %s, %.0f s left"):format(line, done, total, unit, took / done * (total - done))
    end
    io.stderr:write("\r\27[K", line)
    io.stderr:flush()
  end
  function progress.clear()
    if shown then io.stderr:write "\r\27[K" end
    shown = false
  end
  return progress
end

---As a function that is told how many of all are done, and leaves no line behind once all are.
---@param options table the command's
---@param label string
---@param unit string
---@return (fun(done: integer, total: integer))?
function M.counter(options, label, unit)
  local progress = M.new(options)
  if not progress then return nil end
  return function(done, total)
    if done >= total then return progress.clear() end
    progress.update(label, done, total, unit)
  end
end

return M
