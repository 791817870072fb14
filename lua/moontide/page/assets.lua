---The libraries that draw a page's charts, and the page's own files. `make page` puts the libraries into build/page, `make
---install` beside the Lua files.
local failures = require "moontide.failure"

local M = {}

local home = package.moontide_home -- luacheck: ignore 143

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return text
end

local function folder()
  for _, place in ipairs { home .. "/build/page", home .. "/page" } do
    local file = io.open(place .. "/installed", "rb")
    if file then
      file:close()
      return place
    end
  end
end

---Whether pages can be written here.
---@return boolean
function M.present() return folder() ~= nil end

---Raises a failure when the libraries are not there; for before the run.
---@param option string its name, for the message
function M.check(option)
  if M.present() then return end
  failures.raise(
    1,
    "--%s: the libraries of the page's charts are not there; `make page` fetches them (npm), --json needs none",
    option
  )
end

---A library's file, or a licence.
---@param name string
---@return string
function M.library(name)
  local path = folder() .. "/" .. name
  return read(path) or failures.raise(1, "cannot read %s; `make page` puts it there", path)
end

---One of the page's own files.
---@param name string
---@return string
function M.own(name)
  local path = home .. "/lua/moontide/page/files/" .. name
  return read(path) or failures.raise(1, "cannot read %s, a file of the program", path)
end

return M
