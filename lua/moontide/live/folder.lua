---The folder of a run (C side: process/run_folder.h): made, and held by this process for its life.
local ffi = require "ffi"
local C = require "moontide.core"
local failures = require "moontide.failure"
local host = require "moontide.lua_host"

ffi.cdef "int usleep(unsigned);"

local M = {}

---The run's name: --name, else the script's.
---@param options table
---@param path string of the script
---@param ending string? put behind the script's
---@return string
function M.name(options, path, ending)
  local message = ffi.new "struct errmsg"
  local out = ffi.new("char[?]", C.RUN_PATH_MAX)
  if options.name then
    if C.run_folder_path(options.name, out, message) ~= 0 then
      failures.raise(2, "--name %s: %s", options.name, ffi.string(message.text))
    end
    return options.name
  end
  if C.run_folder_name(path, out, message) ~= 0 then
    failures.raise(2, "%s; give the run one by --name", ffi.string(message.text))
  end
  return ffi.string(out):sub(1, C.RUN_NAME_MAX - 1 - #(ending or "")) .. (ending or "")
end

---Where a run's folder is; it need not exist.
---@param name string? of the folder of all runs when left out
---@return string? path
---@return string? problem
function M.path(name)
  local message = ffi.new "struct errmsg"
  local out = ffi.new("char[?]", C.RUN_PATH_MAX)
  if C.run_folder_path(name, out, message) ~= 0 then return nil, ffi.string(message.text) end
  return ffi.string(out)
end

---The names of the runs that are going on, in order.
---@return string[]
function M.going_on()
  local message = ffi.new "struct errmsg"
  local out = ffi.new("char[?]", C.RUN_PATH_MAX)
  if C.run_folder_path(nil, out, message) ~= 0 then failures.raise(1, "%s", ffi.string(message.text)) end
  local runs, names = ffi.string(out), {}
  for _, name in ipairs(host.list_folder(runs) or {}) do
    local path = runs .. "/" .. name
    local held = C.run_folder_holder(path) ~= 0
    if not held and host.file_mode(path .. "/supervisor.sock") then
      local fd = C.control_socket_connect(path .. "/supervisor.sock", message)
      held = fd >= 0
      if held then C.control_socket_hang_up(fd) end
    end
    if held then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

---Waits until no process holds a folder any more.
---@param path string
---@param seconds number
---@return boolean # whether it is free
function M.wait_free(path, seconds)
  local until_s = host.monotonic() + seconds
  while C.run_folder_holder(path) ~= 0 do
    if host.monotonic() > until_s then return false end
    ffi.C.usleep(20000)
  end
  return true
end

---Makes the folder; fails the command when that cannot be.
---@param name string
---@return string path
function M.make(name)
  local message = ffi.new "struct errmsg"
  local out = ffi.new("char[?]", C.RUN_PATH_MAX)
  if C.run_folder_make(name, out, message) ~= 0 then failures.raise(1, "%s", ffi.string(message.text)) end
  return ffi.string(out)
end

---Runs that are going on: their names, folders and processes (0: between two, its supervisor starts another).
---@return { name: string, pid: integer, folder: string }[]
function M.running()
  local list = {}
  for i, name in ipairs(M.going_on()) do
    local path = M.path(name)
    list[i] = { name = name, pid = C.run_folder_holder(path), folder = path }
  end
  return list
end

---Makes the folder and takes its lock; fails the command when another process has it.
---@param name string
---@return string path
function M.take(name)
  local message = ffi.new "struct errmsg"
  local path = M.make(name)
  if C.run_folder_lock(path, message) < 0 then failures.raise(1, "%s", ffi.string(message.text)) end
  return path
end

return M
