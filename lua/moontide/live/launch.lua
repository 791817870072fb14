---How a paper or live command starts: as a supervisor with a worker process a script, as one of those workers, as the one that
---cleans up after a worker, or (--no-supervisor) as a worker that nobody watches.
local ffi = require "ffi"
local C = require "moontide.core"
local connect = require "moontide.live.connect"
local failures = require "moontide.failure"
local folder = require "moontide.live.folder"
local loader = require "moontide.run.loader"
local recorder = require "moontide.record.recorder"
local settings = require "moontide.live.settings"
local walls = require "moontide.run.walls"

local M = {}

-- The files of the limits shared with other processes: what the run may open there is these.
local function budget_files(o, at)
  connect.share(o, at)
  local out, message, list = ffi.new "char[512]", ffi.new "struct errmsg", {}
  for _, name in ipairs(at.budgets) do
    if C.shared_budget_place(nil, name, out, 512, message) == 0 then list[#list + 1] = ffi.string(out) end
  end
  return list
end

-- Holds this process to what its run needs; `path` is its script.
local function confine(command, options, path, o, at)
  local log = loader.log(options, function() return tonumber(C.live_clock_us()) end)
  local name = folder.name(options, path, command == "paper" and "-paper" or nil)
  local write = command == "live" and budget_files(o, at) or {}
  write[#write + 1] = folder.make(name)
  local beside = {}
  if options.record and recorder.is_folder(options.record) then
    write[#write + 1] = options.record
  else
    beside[#beside + 1] = options.record
  end
  beside[#beside + 1] = options.state
  beside[#beside + 1] = settings.log_place(options)
  if options.json ~= "-" then beside[#beside + 1] = options.json end
  local read = { options.config or "moontide.conf.lua" }
  read[#read + 1] = options["ca-file"]
  local problem = walls.enter {
    script = path,
    watch = true, -- it may be loaded anew at any time, and an editor writes another file in its place
    read = read,
    write = write,
    beside = beside,
  }
  if problem then log.warn("%s", problem) end
end

-- Runs one script in this process, behind the walls unless it is trusted with the machine.
local function run_confined(command, options, path, run_one)
  if not settings.run(options).trusted then
    options.confine = function(o, at) confine(command, options, path, o, at) end
  end
  return run_one(options, path)
end

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
    return run_confined(command, options, path, run_one)
  end
  C.stdio_relay_release() -- that of a worker goes through its supervisor
  if options["no-supervisor"] then
    if options[2] then
      failures.raise(2, "--no-supervisor runs one script; '%s' is one too many", options[2])
    end
    return run_confined(command, options, path, run_one)
  end
  return require("moontide.live.supervisor").run(command, options, clean_up ~= nil)
end

return M
