-- Makes docs/indicators from the annotations of lua/moontide/ta: `build/moontide script docs/generate_indicators.lua`. With
-- --check it writes nothing and says which page is behind.
local annotations = require "moontide.meta.annotations"
local ta = require "moontide.ta"
local describe = dofile(debug.getinfo(1, "S").source:match "^@(.*)/" .. "/annotation_page.lua")

local check = (...) == "--check"
local behind = {}

-- The comment at the top of a family's file.
local function head(family)
  local lines = {}
  for line in io.lines(("lua/moontide/ta/%s.lua"):format(family)) do
    local text = line:match "^%-%-%-(.*)$"
    if not text then break end
    lines[#lines + 1] = text
  end
  return table.concat(lines, " ")
end

local function put(name, text)
  local path = ("docs/indicators/%s.md"):format(name)
  if check then
    local file = io.open(path, "rb")
    local was = file and file:read "*a"
    if file then file:close() end
    if was ~= text then behind[#behind + 1] = path .. " is behind the annotations; make docs" end
    return
  end
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local index = {
  "# Indicators\n",
  '`local ta = require "moontide.ta"`. `ta.NAME(...)` makes an indicator: a function that takes the next value, or the parts',
  "of the next bar it names, and returns the indicator, or nil while it warms up. Work a value is constant and nothing is",
  "allocated. `ta.over` runs one over whole arrays, `ta.chain` feeds one into the next, `ta.cross_over` tells crossings, and",
  "`self:indicator(NAME, ...)` has the runtime feed one with the bars of a symbol.\n",
  "Each is compared with TA-Lib, trading-signals or its definition to 1e-9 in `spec/lua/indicators_spec.lua`, and the bar at",
  "which it first speaks with it.\n",
  "| family | indicators |\n|---|---|",
}
for _, family in ipairs(ta.families()) do
  local title = family:gsub("^%l", string.upper)
  local lines, names = { ("# %s\n"):format(title), head(family) .. "\n" }, {}
  lines[#lines + 1] = "Made from the annotations in `lua/moontide/ta` by `make docs`.\n"
  for _, entry in ipairs(annotations.all()) do
    if entry.file == ("ta/%s.lua"):format(family) and entry.kind == "function" then
      describe(lines, entry)
      names[#names + 1] = ("`%s`"):format(entry.name:gsub("^ta%.", ""))
    end
  end
  put(family, table.concat(lines, "\n") .. "\n")
  index[#index + 1] = ("| [%s](%s.md) | %s |"):format(family, family, table.concat(names, ", "))
end
put("README", table.concat(index, "\n") .. "\n")
for _, line in ipairs(behind) do
  io.stderr:write(line, "\n")
end
return #behind > 0 and 1 or 0
