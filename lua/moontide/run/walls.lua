---The operating system's wall around code of others (C side: process/confinement.h): what a run, a replay or an explanation still
---needs of the file system is named here, and nothing else is within reach from then on.
local ffi = require "ffi"
local C = require "moontide.core"
local host = require "moontide.lua_host"

local M = {}

local FILES_MAX, DEPTH_MAX = 500, 3

-- What any process needs: its libraries, name resolution, certificates, time zones.
local system = {
  "/etc",
  "/usr",
  "/lib",
  "/lib64",
  "/run/systemd/resolve",
  "/run/resolvconf",
  "/run/NetworkManager",
  "/var/lib/ca-certificates",
  "/dev/random",
  "/dev/urandom",
  "/sys/devices/system/cpu/online",
  "/proc/sys/vm/overcommit_memory",
  "/proc/self/statm",
}

local function folder_of(path) return path:match "^(.*)/[^/]*$" or "." end

-- The Lua files that a script can require: those beside it and in folders below. A folder as a whole is not opened: a script may lie
-- in its user's home.
local function beside(folder, list, depth)
  for _, name in ipairs(host.list_folder(folder) or {}) do
    if #list >= FILES_MAX then return end
    local path = folder .. "/" .. name
    if name:find "^[%w_%-]+%.lua$" then
      list[#list + 1] = path
    elseif depth > 1 and name:find "^[%w_%-]+$" then
      beside(path, list, depth - 1)
    end
  end
end

local function array(list)
  local out = ffi.new("const char *[?]", #list + 1)
  for i, text in ipairs(list) do
    out[i - 1] = text
  end
  return out
end

---@class Walls
---@field script string? its path
---@field watch boolean? it may be replaced while it runs
---@field read string[]? further files and folders to read; what is false or nil is left out
---@field write string[]? files and folders to write
---@field beside string[]? files that are written anew: their folders may be written
---@field data string? the folder where a script of a recording may keep files; M.leave removes it when nothing came into it

---From now on this process reaches no other file than these, starts no program and looks into no other process. There is no way back.
---@param o Walls
---@return string? problem one line: what the kernel lacks; the rest holds
function M.enter(o)
  local read, write = { package.moontide_home .. "/lua" }, { "/dev/null" } -- luacheck: ignore 143
  for _, path in ipairs(system) do
    read[#read + 1] = path
  end
  for _, name in ipairs { "SSL_CERT_FILE", "SSL_CERT_DIR" } do
    read[#read + 1] = os.getenv(name)
  end
  for _, path in ipairs(o.read or {}) do
    read[#read + 1] = path
  end
  if o.script then
    read[#read + 1] = o.script
    if o.watch then
      read[#read + 1] = folder_of(o.script)
    else
      beside(folder_of(o.script), read, DEPTH_MAX)
    end
  end
  for _, path in ipairs(o.write or {}) do
    write[#write + 1] = path
  end
  for _, path in ipairs(o.beside or {}) do
    write[#write + 1] = folder_of(path)
  end
  local tidy = {}
  if o.data then
    host.make_folder(o.data)
    write[#write + 1], tidy[1] = o.data, folder_of(o.data)
  end
  local reads, writes, tidies = array(read), array(write), array(tidy)
  local c, message =
    ffi.new("struct confinement", {
      read = reads,
      read_count = #read,
      write = writes,
      write_count = #write,
      tidy = tidies,
      tidy_count = #tidy,
    }), ffi.new "struct errmsg"
  if C.confinement_enter(c, message) ~= 0 then return ffi.string(message.text) end
  return nil
end

---Of what `enter` has made, nothing empty stays behind.
---@param o Walls as it was entered
function M.leave(o)
  if o.data then os.remove(o.data) end
end

---The second step, once all sockets that a run needs are there.
---@return string? problem
function M.tighten()
  local message = ffi.new "struct errmsg"
  if C.confinement_tighten(message) ~= 0 then return ffi.string(message.text) end
  return nil
end

return M
