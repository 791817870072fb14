---The parameters of a sweep: ranges as they are typed, and the list of trials that a grid, chance or Sobol's sequence makes of
---them.
local failures = require "moontide.failure"

local M = {}

---@class Dimension
---@field name string
---@field values any[]? all it may be, in order; nil for a continuous range
---@field low number? of a continuous range
---@field high number?

local MOST_VALUES = 100000

local function refuse(name, text, ...) failures.raise(2, "--set %s=" .. text, name, ...) end

local function number_of(name, text, part)
  return tonumber(part) or refuse(name, "%s: %s is no number", text, part)
end

-- From low to high in steps, the end included where a step meets it; each value is computed from its index.
local function stepped(name, text, low, high, step)
  if step <= 0 then refuse(name, "%s: the step must be above 0", text) end
  if high < low then refuse(name, "%s: the range ends before it begins", text) end
  local count = math.floor((high - low) / step + 1e-9) + 1
  if count > MOST_VALUES then refuse(name, "%s: that is %d values; take a larger step", text, count) end
  local values = {}
  for i = 1, count do
    values[i] = tonumber(("%.12g"):format(low + (i - 1) * step))
  end
  return values
end

local function scalar(text)
  local value = tonumber(text)
  if value then return value end
  if text == "true" then return true end
  if text == "false" then return false end
  return text
end

---Reads one range: `5..30:5`, `5..30` (whole numbers, or continuous where an end is none), `a,b,c`, `7`.
---@param name string
---@param text string
---@return Dimension
function M.dimension(name, text)
  local from, to, step = text:match "^(.-)%.%.(.-):(.+)$"
  if not from then
    from, to = text:match "^(.-)%.%.(.+)$"
  end
  if from then
    local low, high = number_of(name, text, from), number_of(name, text, to)
    if step then
      return { name = name, values = stepped(name, text, low, high, number_of(name, text, step)) }
    end
    if low % 1 == 0 and high % 1 == 0 then
      return { name = name, values = stepped(name, text, low, high, 1) }
    end
    if high <= low then refuse(name, "%s: the range ends before it begins", text) end
    return { name = name, low = low, high = high }
  end
  local values, seen = {}, {}
  for part in (text .. ","):gmatch "([^,]*)," do
    if part == "" then refuse(name, "%s: a value is missing between commas", text) end
    local value = scalar(part)
    if seen[value] then refuse(name, "%s: %s stands twice", text, part) end
    seen[value] = true
    values[#values + 1] = value
  end
  return { name = name, values = values }
end

---The dimensions of a sweep: those typed, or, where none are, all numbers that the script declares with bounds.
---@param sets table<string, string> by name, as typed
---@param declared table? the script's params
---@param path string
---@return Dimension[] by name
function M.dimensions(sets, declared, path)
  local list = {}
  for name, text in pairs(sets) do
    list[#list + 1] = M.dimension(name, text)
  end
  if #list == 0 then
    for name, d in pairs(declared or {}) do
      if type(d) == "table" and type(d[1]) == "number" and d.min and d.max then
        local whole = d[1] % 1 == 0 and d.min % 1 == 0
        local step = d.step
          or (whole and math.max(1, math.floor((d.max - d.min) / 10)) or (d.max - d.min) / 10)
        list[#list + 1] = { name = name, values = stepped(name, "its bounds", d.min, d.max, step) }
      end
    end
  end
  if #list == 0 then
    failures.raise(
      2,
      "nothing to sweep: give --set NAME=FROM..TO:STEP or NAME=A,B,C, or declare bounds in %s: params = { fast = { 12, min = 2, max = 60 } }",
      path
    )
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

---Compiles an expression over names, such as `fast < slow` or `sharpe * math.sqrt(trades)`; fails the command where it is none.
---@param text string
---@param option string the option's name
---@return fun(values: table): any
function M.expression(text, option)
  local chunk, problem = loadstring("return " .. text, "=--" .. option)
  if not chunk then
    failures.raise(2, "--%s %s: %s", option, text, (tostring(problem):gsub("^[^:]*:%d+: ", "")))
  end
  return function(values)
    setfenv(chunk, setmetatable({ math = math }, { __index = values }))
    local ok, result = pcall(chunk)
    if not ok then
      failures.raise(2, "--%s %s: %s", option, text, (tostring(result):gsub("^[^:]*:%d+: ", "")))
    end
    return result
  end
end

-- ---- lists of trials ------------------------------------------------------------------------------------------------

local function kept(where, values) return not where or where(values) end

---Every combination, the last name turning fastest.
---@param dimensions Dimension[]
---@param where (fun(values: table): any)?
---@return table[] trials values by name
function M.grid(dimensions, where)
  local total = 1
  for _, d in ipairs(dimensions) do
    if not d.values then
      failures.raise(
        2,
        "--set %s=%g..%g: a grid needs a step: %g..%g:STEP",
        d.name,
        d.low,
        d.high,
        d.low,
        d.high
      )
    end
    total = total * #d.values
  end
  if total > 1e7 then
    failures.raise(2, "the grid has %d trials; take larger steps, or --method sobol --trials N", total)
  end
  local list, values = {}, {}
  local function go(k)
    if k > #dimensions then
      local trial = {}
      for name, value in pairs(values) do
        trial[name] = value
      end
      if kept(where, trial) then list[#list + 1] = trial end
      return
    end
    for _, value in ipairs(dimensions[k].values) do
      values[dimensions[k].name] = value
      go(k + 1)
    end
  end
  go(1)
  return list
end

-- The value of a dimension at a share of its range.
local function at_share(d, u)
  if d.values then return d.values[math.min(math.floor(u * #d.values) + 1, #d.values)] end
  return tonumber(("%.9g"):format(d.low + u * (d.high - d.low)))
end

---The trial at a point of the unit cube.
---@param dimensions Dimension[]
---@param point number[] shares of each range, in [0, 1)
---@return table values by name
function M.at(dimensions, point)
  local values = {}
  for k, d in ipairs(dimensions) do
    values[d.name] = at_share(d, point[k])
  end
  return values
end

-- A trial's values as one text, to leave out what stands in the list already.
function M.text(values)
  local names, parts = {}, {}
  for name in pairs(values) do
    names[#names + 1] = name
  end
  table.sort(names)
  for i, name in ipairs(names) do
    local v = values[name]
    parts[i] = name .. "=" .. (type(v) == "number" and ("%.12g"):format(v) or tostring(v))
  end
  return table.concat(parts, " ")
end

-- Takes points from `next` until `count` different trials are there, or none has come for long.
local function collect(dimensions, count, where, next)
  local list, seen, idle = {}, {}, 0
  while #list < count and idle < 10000 do
    local trial = M.at(dimensions, next())
    local text = M.text(trial)
    if seen[text] or not kept(where, trial) then
      idle = idle + 1
    else
      seen[text], list[#list + 1], idle = true, trial, 0
    end
  end
  return list
end

---Trials by chance, each drawn from all ranges alike.
---@param dimensions Dimension[]
---@param count integer
---@param where (fun(values: table): any)?
---@param random fun(): number uniform in [0, 1), seeded
---@return table[] trials at most `count`: fewer where the ranges hold no more
function M.random(dimensions, count, where, random)
  return collect(dimensions, count, where, function()
    local point = {}
    for k = 1, #dimensions do
      point[k] = random()
    end
    return point
  end)
end

-- Direction numbers of Joe and Kuo (2008): degree, polynomial, first numbers; the first dimension needs none.
local joe_kuo = {
  { 1, 0, { 1 } },
  { 2, 1, { 1, 3 } },
  { 3, 1, { 1, 3, 1 } },
  { 3, 2, { 1, 1, 1 } },
  { 4, 1, { 1, 1, 3, 3 } },
  { 4, 4, { 1, 3, 5, 13 } },
  { 5, 2, { 1, 1, 5, 5, 17 } },
  { 5, 4, { 1, 1, 5, 5, 5 } },
  { 5, 7, { 1, 1, 7, 11, 19 } },
}

---The most parameters that Sobol's sequence serves here.
M.SOBOL_MOST = #joe_kuo + 1

local BITS = 30

local function directions(k)
  local v = {}
  if k == 1 then
    for i = 1, BITS do
      v[i] = 2 ^ (BITS - i)
    end
    return v
  end
  local bit = require "bit"
  local degree, polynomial, first = joe_kuo[k - 1][1], joe_kuo[k - 1][2], joe_kuo[k - 1][3]
  for i = 1, BITS do
    if i <= degree then
      v[i] = first[i] * 2 ^ (BITS - i)
    else
      local x = bit.bxor(v[i - degree], bit.rshift(v[i - degree], degree))
      for j = 1, degree - 1 do
        if bit.band(bit.rshift(polynomial, degree - 1 - j), 1) == 1 then x = bit.bxor(x, v[i - j]) end
      end
      v[i] = x
    end
  end
  return v
end

---Points of Sobol's sequence (Antonov and Saleev's order), the point 0 left out.
---@param count integer dimensions
---@return fun(): number[] next shares of each dimension, in [0, 1)
function M.sobol_points(count)
  local bit = require "bit"
  local vectors, state, n = {}, {}, 0
  for k = 1, count do
    vectors[k], state[k] = directions(k), 0
  end
  return function()
    local zero, m = 1, n
    while m % 2 == 1 do
      m, zero = math.floor(m / 2), zero + 1
    end
    n = n + 1
    local point = {}
    for k = 1, count do
      state[k] = bit.bxor(state[k], vectors[k][zero])
      point[k] = state[k] / 2 ^ BITS
    end
    return point
  end
end

---Trials that fill the ranges evenly, by Sobol's sequence.
---@param dimensions Dimension[] at most SOBOL_MOST
---@param count integer
---@param where (fun(values: table): any)?
---@return table[] trials
function M.sobol(dimensions, count, where)
  if #dimensions > M.SOBOL_MOST then
    failures.raise(
      2,
      "--method sobol takes at most %d parameters, not %d; take --method random",
      M.SOBOL_MOST,
      #dimensions
    )
  end
  return collect(dimensions, count, where, M.sobol_points(#dimensions))
end

return M
