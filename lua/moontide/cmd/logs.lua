---`moontide logs NAME`: the log file of a run, also of one that is over; --follow goes on with what comes.
local ffi = require "ffi"
local cmd = require "moontide.cmd"
local folder = require "moontide.live.folder"
local host = require "moontide.lua_host"
local log_file = require "moontide.live.log_file"
local run_file = require "moontide.live.run_file"

ffi.cdef "int usleep(unsigned);"

local M = {
  usage = "logs NAME [--follow] [--lines N]",
  arguments = { name = "NAME", what = "run", min = 1, max = 1, type = "run" },
  options = {
    {
      name = "follow",
      short = "f",
      type = "flag",
      help = "go on with the lines that come, until the run is over; also -f",
    },
    {
      name = "lines",
      type = "integer",
      value = "N",
      min = 0,
      max = 1e6,
      default = 50,
      help = "so many of the last lines, older files included",
    },
  },
}

local POLL_US, PART = 200000, 65536

-- The last `wanted` lines of a text, and how many they are.
local function tail(text, wanted)
  local at, count = #text, 0
  if text:sub(-1) == "\n" then at = at - 1 end
  while at > 0 do
    if text:byte(at) == 10 then
      count = count + 1
      if count == wanted then return text:sub(at + 1), count end
    end
    at = at - 1
  end
  return text, #text > 0 and count + 1 or 0
end

-- The last lines of a file: only as much of it is read as they take.
local function last_lines(path, wanted)
  local file = io.open(path, "rb")
  if not file then return nil end
  local at, text, count = file:seek "end", "", 0
  local size = at
  while at > 0 do
    local from = math.max(0, at - PART)
    file:seek("set", from)
    text = (file:read(at - from) or "") .. text
    at = from
    local lines
    lines, count = tail(text, wanted)
    if count >= wanted then
      text = lines
      break
    end
  end
  file:close()
  return text, count, size
end

-- What stands in the older files too, when the newest has not enough.
local function show(path, wanted)
  local text, count, size = last_lines(path, wanted)
  if not text then return nil end
  local parts, number = { text }, 1
  while count < wanted do
    local older, more = last_lines(("%s.%d"):format(path, number), wanted - count)
    if not older then break end
    table.insert(parts, 1, older)
    count, number = count + more, number + 1
  end
  if wanted > 0 then io.write(table.concat(parts)) end
  io.flush()
  return size
end

local function going_on(name)
  for _, each in ipairs(folder.going_on()) do
    if each == name then return true end
  end
  return false
end

-- Writes what is new in a file that may be rotated meanwhile, until its run is over.
local function follow(name, path, at)
  local file = io.open(path, "rb")
  if file then file:seek("set", at) end
  repeat
    local alive = going_on(name)
    repeat
      local text = file and file:read(PART)
      if text then
        io.write(text)
        io.flush()
        at = at + #text
      end
    until not text
    local now = io.open(path, "rb")
    local size = now and now:seek "end" or at
    if now and (not file or size < at) then -- a new one was begun
      if file then
        io.write(file:read "*a" or "")
        file:close()
      end
      now:seek("set", 0)
      file, at = now, 0
    else
      if now then now:close() end
      if file then file:seek("set", at) end -- past the end-of-file mark
      if alive then ffi.C.usleep(POLL_US) end
    end
  until not alive and size <= at
  if file then file:close() end
  return 0
end

---@param options table
---@return integer status
function M.run(options)
  local name = options[1]
  local place, problem = folder.path(name)
  if not place then cmd.fail(2, "%s", problem) end
  local facts = run_file.read(place)
  if not facts and not host.file_mode(place) then cmd.fail(1, "there is no run '%s'", name) end
  local path = facts and facts.log or log_file.place(place)
  local size = show(path, options.lines)
  if not size then cmd.fail(1, "run '%s' keeps no log: %s is not there", name, path) end
  return options.follow and follow(name, path, size) or 0
end

return M
