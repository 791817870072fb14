---`moontide top`: the table of `moontide status`, kept up to date. q leaves.
local ffi = require "ffi"
local C = require "moontide.core"
local cmd = require "moontide.cmd"
local log_module = require "moontide.run.log"
local pretty = require "moontide.repl.pretty"
local status = require "moontide.cmd.status"

local M = {
  usage = "top [--every S]",
  options = {
    {
      name = "every",
      type = "duration",
      unit = "s",
      value = "S",
      min = 0.1,
      max = 3600,
      default = 1,
      help = "seconds between looks",
    },
  },
}

---@param options table
---@return integer
function M.run(options)
  local out, message = ffi.new "struct terminal *[1]", ffi.new "struct errmsg"
  if C.terminal_open(out, message) ~= 0 then cmd.fail(1, "%s", ffi.string(message.text)) end
  local t = out[0]
  if not C.terminal_edits(t) then
    C.terminal_close(t)
    cmd.fail(1, "top needs a terminal; moontide status prints once")
  end
  C.terminal_keys(t)
  io.stdout:write "\27[?1049h\27[?25l"
  local leave = false
  while not leave do
    local runs = status.ask()
    local width = C.terminal_columns(t)
    local lines = {
      ("moontide top  %s UTC  %d running  (q leaves)"):format(
        log_module.time_text(tonumber(C.live_clock_us())),
        #runs
      ),
      "",
    }
    for line in (#runs > 0 and status.table(runs, width) or "nothing is running"):gmatch "[^\n]+" do
      lines[#lines + 1] = line
    end
    for _, run in ipairs(runs) do
      if run.status and run.status.last_error then
        lines[#lines + 1] = pretty.cut(("%s: %s"):format(run.name, run.status.last_error), width)
      end
    end
    io.stdout:write("\27[H", table.concat(lines, "\27[K\r\n"), "\27[J")
    io.stdout:flush()
    local until_us = tonumber(C.live_clock_us()) + options.every * 1e6
    repeat
      local left = until_us - tonumber(C.live_clock_us())
      C.terminal_wait(t, math.max(0, left), -1)
      local key = C.terminal_key(t)
      leave = key == string.byte "q"
        or key == string.byte "Q"
        or key == 3
        or key == 4
        or key < 0
        or C.terminal_signal(t, false) ~= 0
    until leave or left <= 0
  end
  io.stdout:write "\27[?25h\27[?1049l"
  io.stdout:flush()
  C.terminal_close(t)
  return 0
end

return M
