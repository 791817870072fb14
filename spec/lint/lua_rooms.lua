---Checks the ladder of the Lua rooms (the folders of lua/moontide): a module requires modules of its own room and of rooms below
---it, none above or beside it; nobody but a command requires a command; no two modules require each other, however far round.
---
---    moontide script spec/lint/lua_rooms.lua

-- From the bottom to the top. A row's rooms do not use each other. `root` are the modules that stand in no folder. A module that
-- many rooms below its own need stands on a rung by its name.
local LADDER = {
  { "lua_host" }, -- made by script/lua_host.c
  { "core" },
  { "root", "ta", "meta", "run.task" },
  { "options", "plot" },
  { "api", "portfolio" },
  { "run" },
  { "backtest", "report" },
  { "record", "repl", "testing", "research" },
  { "page" },
  { "live", "explain" },
  { "data" },
  { "cmd" },
}

-- Made of the tables of all commands: these ask for each by its name.
local BY_NAME = { ["options.completion"] = true, ["options.reference"] = true, ["options.man"] = true }

local rung = {}
for i, row in ipairs(LADDER) do
  for _, room in ipairs(row) do
    rung[room] = i
  end
end

-- The room that a module (moontide.ROOM.NAME, without "moontide.") is of.
local function room_of(name)
  if rung[name] then return name end
  return name:match "^([%w_]+)%." or "root"
end

local modules = {} -- by name: the names it requires
local pipe = assert(io.popen "find lua/moontide -name '*.lua' | sort")
for path in pipe:lines() do
  local name = path:match("^lua/moontide/(.*)%.lua$"):gsub("/", ".")
  local file = assert(io.open(path))
  local list = {}
  for line in file:lines() do
    if not line:find "^%s*%-%-" then
      for wanted in line:gmatch "require%s*%(?%s*[\"']moontide%.([%w_.]+)[\"']" do
        list[#list + 1] = wanted
      end
    end
  end
  file:close()
  if not name:find "^template%." then modules[name] = list end -- what `moontide new` copies is a script
end
pipe:close()

local function file_of(name)
  return modules[name] and name or modules[name .. ".init"] and name .. ".init" or nil
end

local failed = false
local function breach(format, ...)
  failed = true
  io.stderr:write(format:format(...), "\n")
end

local names = {}
for name in pairs(modules) do
  names[#names + 1] = name
end
table.sort(names)

for _, name in ipairs(names) do
  local own = room_of(name)
  for _, wanted in ipairs(modules[name]) do
    if wanted:sub(-1) ~= "." then
      local other = room_of(wanted)
      if not rung[own] or not rung[other] then
        breach("%s -> %s: a room of them has no place in the ladder", name, wanted)
      elseif other ~= own and rung[other] >= rung[own] then
        breach("%s -> %s: %s does not stand below %s", name, wanted, other, own)
      end
    elseif wanted:find "^cmd" and own ~= "cmd" and not BY_NAME[name] then
      breach("%s requires commands by their names", name)
    end
  end
end

-- Circles, by a walk in depth.
local state = {}
local function walk(name, path)
  state[name] = "open"
  path[#path + 1] = name
  for _, wanted in ipairs(modules[name]) do
    local file = file_of(wanted)
    if file and state[file] == "open" then
      breach("a circle: %s -> %s", table.concat(path, " -> "), file)
    elseif file and not state[file] then
      walk(file, path)
    end
  end
  path[#path] = nil
  state[name] = "done"
end
for _, name in ipairs(names) do
  if not state[name] then walk(name, {}) end
end

return failed and 1 or 0
