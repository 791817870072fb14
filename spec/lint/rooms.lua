-- rooms.lua: the ladder of the C rooms, checked twice: by what the files include, and by the symbols that their objects use.
--
--     moontide script spec/lint/rooms.lua BUILD
--
-- A room may use the rooms below it and none above or beside it. The pure rooms include no socket, file, thread or clock header.
-- Only the venue's room names the venue. Files of two rooms never use each other. Prints each breach, and fails when there is one.
local build = (...) or "build"

-- From the bottom to the top; rooms of one row do not use each other.
local ladder = {
  { "base" },
  { "trade" },
  { "api", "venue", "data" },
  { "sim", "store", "net" },
  { "execution", "process" },
  { "world" },
  { "record", "server" },
  { "script" },
  { "cli" },
  { "testing" },
}
local pure = { base = true, trade = true, api = true, venue = true, sim = true, execution = true }
local outside = {
  "sys/",
  "netinet/",
  "arpa/",
  "pthread",
  "time.h",
  "unistd",
  "fcntl",
  "signal",
  "poll",
  "threads",
  "uv.h",
  "curl/",
  "sqlite3",
  "openssl/",
  "dirent",
}
-- Words of one venue, and the rooms that may say them: its own, and the server that plays it.
local venue_words = { "x%-mbx", "/fapi", "listenkey", "binance" }
local may_name_venue = { venue = true, server = true, testing = true }
-- Headers that say whose archives they read: the name of a file format.
local formats = { ["data/import.h"] = true, ["data/trade_file.h"] = true }

local level = {}
for i, row in ipairs(ladder) do
  for _, room in ipairs(row) do
    level[room] = i
  end
end

local breaches = 0
local function breach(format, ...)
  breaches = breaches + 1
  print(format:format(...))
end

local function lines_of(command)
  local pipe = assert(io.popen(command))
  local lines = {}
  for line in pipe:lines() do
    lines[#lines + 1] = line
  end
  pipe:close()
  return lines
end

local function room_of(path) return path:match "^([%w_]+)/" end

local function may_use(from, to) return from == to or level[to] < level[from] end

-- Includes and words.
local files = lines_of "cd runtime && find . -name '*.[ch]' | sed 's|^./||' | sort"
for _, file in ipairs(files) do
  local room, number = room_of(file), 0
  if not level[room] then breach("runtime/%s: no room of the ladder", file) end
  for line in io.lines("runtime/" .. file) do
    number = number + 1
    local ours = line:match '^#include "([^"]+)"'
    local to = ours and room_of(ours)
    if to and level[to] and not may_use(room, to) then
      breach("runtime/%s:%d: %s/ may not include %s/", file, number, room, to)
    end
    local system = line:match "^#include <([^>]+)>"
    if system and pure[room] then
      for _, name in ipairs(outside) do
        if system:find(name, 1, true) == 1 then
          breach("runtime/%s:%d: %s/ is pure and includes <%s>", file, number, room, system)
        end
      end
    end
    if system and system:find "^lua" or system == "lauxlib.h" then
      if room ~= "script" and room ~= "cli" then
        breach("runtime/%s:%d: only script/ and cli/ include Lua", file, number)
      end
    end
    if not may_name_venue[room] and not ours and not formats[file] then
      for _, word in ipairs(venue_words) do
        if line:lower():gsub("venue/binance/[%w_]+%.h", ""):find(word) then
          breach("runtime/%s:%d: %s/ names a venue: %s", file, number, room, (line:gsub("^%s+", "")))
        end
      end
    end
  end
end

-- Symbols.
local defined, used = {}, {}
local objects = lines_of("cd " .. build .. "/obj && find . -name '*.o' | sed 's|^./||' | sort")
for _, object in ipairs(objects) do
  used[object] = {}
  for _, line in ipairs(lines_of(("nm -g %s/obj/%s"):format(build, object))) do
    local kind, name = line:match "(%a) ([%w_]+)$"
    if kind == "U" then
      used[object][#used[object] + 1] = name
    elseif kind then
      defined[name] = object
    end
  end
end
if #objects == 0 then breach("%s/obj holds no objects: build first", build) end
for _, object in ipairs(objects) do
  local room = room_of(object)
  for _, name in ipairs(used[object]) do
    local home = defined[name]
    if home and level[room] and level[room_of(home)] and not may_use(room, room_of(home)) then
      breach("%s uses %s of %s: %s/ may not use %s/", object, name, home, room, room_of(home))
    end
  end
end

if breaches == 0 then print(("rooms: ok, %d files, %d objects"):format(#files, #objects)) end
os.exit(breaches == 0 and 0 or 1)
