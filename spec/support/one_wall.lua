-- Run by `moontide script` in a process of its own: tries a list of escapes behind one wall alone, and prints one line for each.
-- one_wall.lua WALL FOLDER: WALL is "lua" (the sandbox, no help of the system), "system" (all of Lua, held by the system) or "none".
-- FOLDER has strategy/script.lua; its data folder is FOLDER/data.
local wall, folder = ...
local loader = require "moontide.run.loader"
local log = require "moontide.run.log"
local walls = require "moontide.run.walls"

-- As a run does, but for what only a run has.
local function enter()
  local problem = walls.enter { script = folder .. "/strategy/script.lua", write = { folder .. "/data" } }
  if problem then
    print("LACKING", problem)
    os.exit(0)
  end
  walls.tighten()
  if io.open "/proc/self/status" then
    print("LACKING", "a build with sanitizers")
    os.exit(0)
  end
end

local function no_time() return 0 end
io.stdout:setvbuf "line"
if wall == "system" then enter() end
loader.load(folder .. "/strategy/script.lua", {
  log = log.new(no_time, "error"),
  print = print,
  seed = 1,
  sandbox = wall == "lua" and folder .. "/data" or nil,
})
