---`moontide stop NAME...`: ends runs, through their supervisor where they have one: it ends also those whose script hangs.
local cmd = require "moontide.cmd"
local control = require "moontide.live.control_socket"
local folder = require "moontide.live.folder"

local M = {
  usage = "stop NAME... [--flatten] [--halt] | stop --all",
  arguments = { name = "NAME...", what = "name of a run", min = 1, unless = "all", type = "run" },
  options = {
    { name = "all", type = "flag", help = "every run that is going on" },
    { name = "flatten", type = "flag", help = "close positions too, by reduce-only market orders" },
    {
      name = "halt",
      type = "flag",
      help = "the kill switch: refuse new orders and cancel at once; on_stop runs, and --on-halt counts",
    },
    {
      name = "wait",
      type = "duration",
      unit = "s",
      value = "S",
      min = 1,
      max = 86400,
      default = 60,
      help = "for how long to wait for the end",
    },
  },
}

local function ask(name, options, wait)
  local path, problem = folder.path(name)
  if not path then cmd.fail(2, "%s", problem) end
  local request = { id = 1, cmd = options.halt and "halt" or "stop", flatten = options.flatten or nil }
  local answer, said, kind = control.ask(path .. "/supervisor.sock", request, wait)
  if answer or kind ~= "nobody" then return answer, said, kind end
  answer, said, kind = control.ask(path .. "/control.sock", request, wait)
  if answer and answer.ok and not folder.wait_free(path, wait) then
    return nil, "it has not ended yet", "silent"
  end
  return answer, said, kind
end

---@param options table
---@return integer status
function M.run(options)
  local names = options
  if options.all then names = folder.going_on() end
  if options.all and options[1] then cmd.fail(2, "either --all or names") end
  local wait = options.wait
  local status = 0
  for _, name in ipairs(names) do
    local answer, problem, kind = ask(name, options, wait)
    local text
    if answer and answer.ok then
      text = answer.state == "halted" and "halted"
        or answer.state == "running" and "halted, and going on"
        or "stopped"
      if answer.killed then
        text = text .. " (its process had to be killed; its open orders are cancelled)"
      end
      print(("%s: %s"):format(name, text))
    elseif not (options.all and kind == "nobody") then -- else it has ended by itself meanwhile
      status = 1
      local why = kind == "nobody" and "no such run is going on"
        or kind == "silent" and "it has not ended within " .. wait .. " s"
        or answer and answer.error
        or problem
      io.stderr:write(("moontide stop: %s: %s\n"):format(name, why))
    end
  end
  if options.all and #names == 0 then print "no run is going on" end
  return status
end

return M
