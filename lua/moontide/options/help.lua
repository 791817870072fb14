---`--help` of a command, from its table of options.
local host = require "moontide.lua_host"
local option_table = require "moontide.options"

local M = {}

local LEFT = 31 -- where the texts begin
local WIDTH = 110

-- A terminal's own width, where there is one; elsewhere the text is the same for everybody.
local function width()
  if not host.isatty(1) then return WIDTH end
  return math.max(60, math.min(WIDTH, require("moontide.core").terminal_columns(nil)))
end

---Breaks a text into lines of at most `size` bytes.
---@param text string
---@param size integer
---@return string[]
local function wrap(text, size)
  local lines, line = {}, ""
  for word in text:gmatch "%S+" do
    if line ~= "" and #line + 1 + #word > size then
      lines[#lines + 1], line = line, word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = line
  return lines
end

---The default of a row as help names it; nil where there is none.
---@param row Option
---@return string?
function M.default_text(row)
  if row.shown then return row.shown end
  if row.default == nil or row.type == "flag" then return nil end
  return type(row.default) == "number" and ("%.12g"):format(row.default) or tostring(row.default)
end

---What an option does: its help with its choices, and the rest in brackets.
---@param row Option
---@return string
function M.text(row)
  local text, notes = row.help, {}
  if row.choices then text = ("%s (%s)"):format(text, table.concat(row.choices, ", ")) end
  if row.repeated then notes[#notes + 1] = "may be repeated" end
  local default = M.default_text(row)
  if default then notes[#notes + 1] = "default " .. default end
  return #notes > 0 and ("%s [%s]"):format(text, table.concat(notes, "; ")) or text
end

---@param row Option
---@return string # "--data PATH..."
function M.left(row) return row.value and ("--%s %s"):format(row.name, row.value) or "--" .. row.name end

local function add_row(lines, row, size)
  local left, texts = "  " .. M.left(row), wrap(M.text(row), size - LEFT)
  if #left >= LEFT then
    lines[#lines + 1] = left
    left = ""
  end
  for i, text in ipairs(texts) do
    lines[#lines + 1] = (i == 1 and left or "") .. (" "):rep(LEFT - (i == 1 and #left or 0)) .. text
  end
end

---@param summary string
---@param command Command
---@return string
function M.of(summary, command)
  local size = width()
  local lines = { "usage: moontide " .. command.usage, "" }
  for _, line in ipairs(wrap(summary, size)) do
    lines[#lines + 1] = line
  end
  lines[#lines + 1] = command.notes
  for _, section in ipairs(option_table.sections(command.options)) do
    lines[#lines + 1] = ""
    lines[#lines + 1] = section.title
    for _, row in ipairs(section.rows) do
      add_row(lines, row, size)
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

return M
