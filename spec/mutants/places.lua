-- places.lua: where one operator of a C file can be changed, and the text with it changed.
local M = {}

---@return string text of a file that must be there
function M.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

-- { pattern, replacement }: of code without its comments and texts.
local CHANGES = {
  { " < ", " <= " },
  { " <= ", " < " },
  { " > ", " >= " },
  { " >= ", " > " },
  { " == ", " != " },
  { " != ", " == " },
  { " && ", " || " },
  { " || ", " && " },
  { " %+ ", " - " },
  { " %- ", " + " },
  { " %* ", " / " },
  { " / ", " * " },
  { " %+= ", " -= " },
  { " %-= ", " += " },
  { "%f[%w_]true%f[^%w_]", "false" },
  { "%f[%w_]false%f[^%w_]", "true" },
  { "%f[!]!%f[%w_(]", "" },
  { "%f[%w_]0%f[^%w_.]", "1" },
  { "%f[%w_]1%f[^%w_.]", "2" },
}

-- The line with blanks where comments and texts stand, so that a place in it is a place in the line.
local function bare(line)
  line = line:gsub('"[^"]*"', function(s) return (" "):rep(#s) end)
  line = line:gsub("'\\?.'", function(s) return (" "):rep(#s) end)
  local comment = line:find("//", 1, true)
  return comment and line:sub(1, comment - 1) or line
end

-- How many rows memory is asked for: one more is the same program.
local function asks_for_memory(code, first, change)
  if change[2] ~= "2" then return false end
  local before = code:sub(1, first - 1)
  return before:match "alloc[%w_]*%($" or before:match "scratch_rows%(x, $"
end

-- Only inside functions: a line that is indented and no part of a table, a comment, an assertion or a directive.
---Adds the places of a file where one operator can be changed.
---@param tree string folder of the tree
---@param path string of the file in it
---@param out table[] { path, line, first, last, to }
function M.of(tree, path, out)
  local depth_in_function, number = false, 0
  for line in (M.read(tree .. "/" .. path) .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    if line:match "^[%w_].*[%)]%s*{" then depth_in_function = true end
    local code = bare(line)
    local one_line = line:match "^[%w_].*%) {.*}%s*$"
    local usable = (depth_in_function and line:match "^%s+") or one_line
    if
      usable
      and not code:match "ASSERT"
      and not code:match "MUST%("
      and not code:match "^%s*#"
      and not code:match "static const"
    then
      for _, change in ipairs(CHANGES) do
        local at = 1
        while true do
          local first, last = code:find(change[1], at)
          if not first then break end
          if not asks_for_memory(code, first, change) then
            out[#out + 1] = { path = path, line = number, first = first, last = last, to = change[2] }
          end
          at = math.max(first + 1, last)
        end
      end
    end
    if line:match "^}" or one_line then depth_in_function = false end
  end
end

---@return string? line the line of a text by its number
function M.line_at(text, wanted)
  local number = 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    if number == wanted then return line end
  end
end

---@return string line as the change makes it
function M.changed_line(line, place)
  return line:sub(1, place.first - 1) .. place.to .. line:sub(place.last + 1)
end

---@return string text as the change makes it
function M.changed_text(text, place)
  local out, number = {}, 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    out[number] = number == place.line and M.changed_line(line, place) or line
  end
  return (table.concat(out, "\n"):gsub("\n$", "")) .. "\n"
end

return M
