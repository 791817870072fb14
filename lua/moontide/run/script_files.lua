---The `io` of a sandboxed script: files of one folder, and the standard streams. A script holds no file of the runtime's own: the
---methods of those lead to the table that all files of the process share. What it holds is a table that knows its file by way of a
---private one.
local host = require "moontide.lua_host"

local M = {}

-- As they are before any script runs.
local io_open, io_read, io_write, io_lines, io_type = io.open, io.read, io.write, io.lines, io.type
local methods = getmetatable(io.stdout).__index
local native = {}
for _, name in ipairs { "read", "write", "lines", "seek", "flush", "setvbuf", "close" } do
  native[name] = methods[name]
end

local file_of = setmetatable({}, { __mode = "k" }) -- the runtime's file of a script's
local standard = { [io.stdin] = true, [io.stdout] = true, [io.stderr] = true }

local File = {}
local Meta = { __index = File, __metatable = false }
function Meta.__newindex() error("a file cannot be changed", 2) end
function Meta.__tostring(self) return io_type(file_of[self]) == "file" and "file" or "file (closed)" end

local function native_of(self)
  return file_of[self] or error("this is no file: file:read(), file:write()...", 3)
end

local function wrap(file)
  local self = setmetatable({}, Meta)
  file_of[self] = file
  return self
end

-- What a call of the runtime's file gave; the file itself stays behind its stand-in.
local function given(self, first, ...)
  if first == file_of[self] then return self end
  return first, ...
end

for _, name in ipairs { "read", "write", "lines", "seek", "flush", "setvbuf" } do
  File[name] = function(self, ...) return given(self, native[name](native_of(self), ...)) end
end

function File.close(self)
  local file = native_of(self)
  if standard[file] then return nil, "standard streams stay open" end
  return native.close(file)
end

-- The path of a file of the folder, or nil and what is wrong with the name.
local function inside(folder, name)
  if type(name) ~= "string" then return nil, ("a file's name is a text, not a %s"):format(type(name)) end
  local rest = name
  if name:sub(1, 1) == "/" then
    if name:sub(1, #folder + 1) ~= folder .. "/" then
      return nil, ("%s: only files in the run's data folder %s"):format(name, folder)
    end
    rest = name:sub(#folder + 2)
  end
  for part in rest:gmatch "[^/]+" do
    if part == ".." then return nil, name .. ": a path may not go upwards" end
  end
  if rest == "" or rest:find "%z" then return nil, "a file needs a name" end
  return folder .. "/" .. rest
end

---@param folder string where the script may keep files; it is made when it writes the first
---@return table io
function M.new(folder)
  local out = { stdout = wrap(io.stdout), stderr = wrap(io.stderr), stdin = wrap(io.stdin) }
  out.read = io_read
  function out.write(...) return given(out.stdout, io_write(...)) end
  function out.flush() return native.flush(io.stdout) end
  function out.type(value)
    local file = file_of[value]
    return file and io_type(file) or nil
  end
  function out.open(name, mode)
    local path, problem = inside(folder, name)
    if not path then return nil, problem end
    if mode ~= nil and not (type(mode) == "string" and mode:find "^[rwa]%+?b?$") then
      return nil, "a mode is r, w or a, then + and b as wanted"
    end
    if mode and mode:find "[wa+]" then host.make_folder(folder) end
    local file
    file, problem = io_open(path, mode)
    if not file then return nil, problem end
    return wrap(file)
  end
  function out.lines(name, ...)
    if name == nil then return io_lines() end
    local path, problem = inside(folder, name)
    if not path then error(problem, 2) end
    return io_lines(path, ...)
  end
  return out
end

return M
