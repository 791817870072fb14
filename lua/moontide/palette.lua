---The colours of everything that is shown at a terminal, by what they mean.
local host = require "moontide.lua_host"

local M = {}

---@alias PaletteName "up"|"down"|"dim"|"title"|"first"|"second"|"third"|"fourth"|"fifth"|"sixth"

---SGR codes. The plain eight colours, which every terminal has and each user has set as he likes.
---@type table<PaletteName, string>
M.codes = {
  up = "32",
  down = "31",
  dim = "2",
  title = "1",
  first = "33",
  second = "36",
  third = "35",
  fourth = "34",
  fifth = "93",
  sixth = "96",
}

---Colours of lines that are told apart, in their order.
---@type PaletteName[]
M.lines = { "first", "second", "third", "fourth", "fifth", "sixth" }

---Whether colour is wanted where a terminal is: NO_COLOR is not set (or empty) and the terminal is not a dumb one.
---@return boolean
function M.wanted()
  local none, term = os.getenv "NO_COLOR", os.getenv "TERM"
  return (none == nil or none == "") and term ~= nil and term ~= "" and term ~= "dumb"
end

---Whether text on a descriptor may be coloured.
---@param fd integer 1 standard output, 2 standard error
---@return boolean
function M.enabled(fd) return host.isatty(fd) and M.wanted() end

---@param text string
---@param name PaletteName?
---@return string
function M.paint(text, name)
  if not name or text == "" then return text end
  return ("\27[%sm%s\27[0m"):format(M.codes[name], text)
end

return M
