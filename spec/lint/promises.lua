---Checks that each promise of docs/reliability.md names the specs that show it, and that these exist. `make lint` runs it.
---
---    moontide script spec/lint/promises.lua
local PAGE = "docs/reliability.md"
local LEAST = 15 -- letters of a test's title that must stand in its spec, where the rest is made as it runs

local function read(path)
  local file = io.open(path)
  local text = file and file:read "*a"
  if file then file:close() end
  return text
end

local specs = {}
local function spec(name)
  if specs[name] == nil then specs[name] = read("spec/" .. name .. ".lua") or false end
  return specs[name]
end

-- Whether a spec has a test whose title begins so. A title may be put together as the spec runs: up to a value, or behind one.
local function has(text, title)
  if text:find(title, 1, true) then return true end
  for size = #title, LEAST, -1 do
    local _, last = text:find(title:sub(1, size), 1, true)
    if last and text:sub(last + 1, last + 1):find '["%%]' then return true end
  end
  return false
end

local problems, rows = {}, 0
local before -- the spec that the row above named first
local function check_cell(number, cell, current)
  local named = false
  if cell:find "^the same" then current = before end
  before = cell:match "([%l_]+/[%w_]+_spec)" or current
  for part in cell:gmatch "[^;]+" do
    current = part:match "([%l_]+/[%w_]+_spec)" or current
    if current and not spec(current) then
      problems[#problems + 1] = ("%s:%d: there is no spec/%s.lua"):format(PAGE, number, current)
      current = nil
    end
    named = named or current ~= nil
    for title in part:gmatch "%*([^*]+)%*" do
      title = title:gsub("%.%.%.$", "")
      if current and not has(spec(current), title) then
        problems[#problems + 1] = ("%s:%d: spec/%s.lua has no test '%s'"):format(PAGE, number, current, title)
      end
    end
  end
  if not named then problems[#problems + 1] = ("%s:%d: no spec shows this promise"):format(PAGE, number) end
end

local default, in_table
local number = 0
for line in assert(read(PAGE)):gmatch "([^\n]*)\n" do
  number = number + 1
  local last = line:match "^|.*|%s*([^|]-)%s*|$"
  if not last then
    in_table, default = false, nil
  elseif last:find "^shown by" then
    in_table, default = true, last:match "%(([%w_/]+_spec) unless"
  elseif in_table and not last:find "^%-+$" then
    rows = rows + 1
    check_cell(number, last, default)
  end
end
if rows < 20 then problems[#problems + 1] = PAGE .. ": its tables could not be read" end
for _, problem in ipairs(problems) do
  io.stderr:write(problem, "\n")
end
os.exit(#problems == 0 and 0 or 1)
