---The folder of a run (C side: host/run_folder.h): made, and held by this process for its life.
local ffi = require "ffi"
local C = require "moontide.native"
local cmd = require "moontide.cmd"

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
    if C.run_folder_path(options.name, out, message) ~= 0 then cmd.fail(2, "--name %s: %s", options.name, ffi.string(message.text)) end
    return options.name
  end
  if C.run_folder_name(path, out, message) ~= 0 then cmd.fail(2, "%s; give the run one by --name", ffi.string(message.text)) end
  return ffi.string(out):sub(1, C.RUN_NAME_MAX - 1 - #(ending or "")) .. (ending or "")
end

---Where a run's folder is; it need not exist.
---@param name string
---@return string? path
---@return string? problem
function M.path(name)
  local message = ffi.new "struct errmsg"
  local out = ffi.new("char[?]", C.RUN_PATH_MAX)
  if C.run_folder_path(name, out, message) ~= 0 then return nil, ffi.string(message.text) end
  return ffi.string(out)
end

---Makes the folder; fails the command when that cannot be.
---@param name string
---@return string path
function M.make(name)
  local message = ffi.new "struct errmsg"
  local out = ffi.new("char[?]", C.RUN_PATH_MAX)
  if C.run_folder_make(name, out, message) ~= 0 then cmd.fail(1, "%s", ffi.string(message.text)) end
  return ffi.string(out)
end

---Makes the folder and takes its lock; fails the command when another process has it.
---@param name string
---@return string path
function M.take(name)
  local message = ffi.new "struct errmsg"
  local path = M.make(name)
  if C.run_folder_lock(path, message) < 0 then cmd.fail(1, "%s", ffi.string(message.text)) end
  return path
end

return M
