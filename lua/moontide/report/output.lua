---Files of a result: checked before the run, written beside their place and put there when they are whole.
local failures = require "moontide.failure"
local host = require "moontide.lua_host"

local M = {}

local function reason(problem) return (tostring(problem):match "^.*: (.-)$" or tostring(problem)) end

---Raises a failure when a file that the options ask for cannot be written.
---@param options table of the command line
---@param names string[] of the options that name files
function M.check(options, names)
  local given = {}
  for _, name in ipairs(names) do
    local path = options[name]
    if path and path ~= "-" then
      if given[path] then failures.raise(2, "--%s and --%s name one file, %s", given[path], name, path) end
      given[path] = path ~= "/dev/null" and name or nil
      local place = host.output_path(path)
      local file, problem = io.open(place, "ab")
      if not file then failures.raise(1, "--%s: cannot write %s: %s", name, path, reason(problem)) end
      file:close()
      if place ~= path then os.remove(place) end
    end
  end
end

---@class Output
---@field path string
---@field add fun(self: Output, text: string)

local Output = {}
Output.__index = Output

---@param path string
---@return Output
function M.open(path)
  local place = host.output_path(path)
  local file, problem = io.open(place, "wb")
  if not file then failures.raise(1, "cannot write %s: %s", path, reason(problem)) end
  return setmetatable({ path = path, place = place, file = file, pieces = {}, count = 0 }, Output)
end

function Output:fail(problem)
  self.file:close()
  if self.place ~= self.path then os.remove(self.place) end
  failures.raise(1, "cannot write %s: %s", self.path, reason(problem))
end

local PIECES = 512 -- written at once

local function write(self)
  local ok, problem = self.file:write(table.concat(self.pieces, "", 1, self.count))
  self.count = 0
  if not ok then self:fail(problem) end
end

function Output:add(text)
  self.count = self.count + 1
  self.pieces[self.count] = text
  if self.count == PIECES then write(self) end
end

---All is written: the file is put in its place.
function Output:close()
  write(self)
  local ok, problem = self.file:flush()
  if not ok then self:fail(problem) end
  self.file:close()
  if self.place == self.path then return end
  ok, problem = os.rename(self.place, self.path)
  if not ok then
    os.remove(self.place)
    failures.raise(1, "cannot write %s: %s", self.path, reason(problem))
  end
end

---@param path string
---@param text string
function M.save(path, text)
  local output = M.open(path)
  output:add(text)
  output:close()
end

return M
