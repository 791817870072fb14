---How a paper or live command starts: as a supervisor with a worker process a script, as one of those workers, as the one that
---cleans up after a worker, or (--no-supervisor) as a worker that nobody watches.
local C = require "moontide.core"
local failures = require "moontide.failure"

local M = {}

---@param command "live"|"paper"
---@param options table
---@param run_one fun(options: table, path: string): integer one script, in this process; its exit status
---@param clean_up (fun(options: table, path: string, how: string): integer)? cancels what a worker left behind
---@return integer status
function M.run(command, options, run_one, clean_up)
  local path = options[1]
  if not path then
    failures.raise(
      2,
      "which script? usage: moontide %s SCRIPT...%s",
      command,
      command == "live" and " --yes-real-money" or ""
    )
  end
  io.stdout:setvbuf "line" -- what a script prints is seen at once, in a file or a pipe too, and not lost with a killed process
  if options["clean-up"] then return clean_up(options, path, options["clean-up"]) end
  if options.worker then
    local fd, supervisor, restarts = options.worker:match "^(%d+):(%d+):(%d+)$"
    options.restarts = tonumber(restarts)
    if not fd or C.heartbeat_join(tonumber(fd)) ~= 0 then
      failures.raise(2, "--worker is for the supervisor's use")
    end
    if not C.supervisor_guard(tonumber(supervisor)) then return 1 end
    return run_one(options, path)
  end
  C.stdio_relay_release() -- that of a worker goes through its supervisor
  if options["no-supervisor"] then
    if options[2] then
      failures.raise(2, "--no-supervisor runs one script; '%s' is one too many", options[2])
    end
    return run_one(options, path)
  end
  return require("moontide.live.supervisor").run(command, options, clean_up ~= nil)
end

return M
