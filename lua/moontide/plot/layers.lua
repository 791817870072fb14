---What is to be drawn, from the values that were given: bars, lines and trades are told by what they look like.
local ffi = require "ffi"

local M = {}

---@class PlotLayer
---@field kind "bars"|"line"|"trades"
---@field count integer how many entries
---@field list table bars, numbers, points or trades as given
---@field value (fun(i: integer): number?)? of a line: a finite number, or nil for a hole
---@field time (fun(i: integer): number)? milliseconds; of bars, trades, and lines of points
---@field name string?
---@field pane string? title of the pane it is drawn in; the main one when left out
---@field colour PaletteName?
---@field money boolean? its figures have two decimals
---@field mark string? the letter that tells a line from others

local OPTIONS =
  { title = true, width = true, height = true, color = true, data = true, name = true, pane = true }

local function finite(v) return type(v) == "number" and v == v and v > -math.huge and v < math.huge end
M.finite = finite

-- A field of what may be a table, or a bar, which raises for names it has not.
local function field(t, name)
  if type(t) == "table" then return t[name] end
  if type(t) ~= "cdata" then return nil end
  local ok, v = pcall(function() return t[name] end)
  return ok and v or nil
end

-- Milliseconds from 1970 to the year 9999.
local function is_time(v) return finite(v) and v >= 0 and v < 253402300800000 end

local function is_bar(t)
  return finite(field(t, "open"))
    and finite(field(t, "high"))
    and finite(field(t, "low"))
    and finite(field(t, "close"))
    and is_time(field(t, "open_time"))
end

local function value_of(t)
  return field(t, "value") or field(t, "equity") or field(t, "close") or field(t, "price")
end

local function is_buy(t)
  local side = field(t, "side")
  if side ~= nil then return side == "BUY" or side == "LONG" end
  for _, name in ipairs { "buyer", "isBuyer", "is_buyer" } do
    if field(t, name) ~= nil then return field(t, name) end
  end
  return nil
end
M.is_buy = is_buy

local function is_trade(t) return finite(field(t, "price")) and is_time(field(t, "time")) and is_buy(t) ~= nil end
local function is_point(t) return is_time(field(t, "time")) and type(value_of(t)) == "number" end

-- The highest whole-number name, so that holes of nil count.
local function length(t)
  local n = #t
  for k in pairs(t) do
    if type(k) == "number" and k > n and k == math.floor(k) then n = k end
  end
  return n
end

local function numbers(list, count)
  local some = false
  for i = 1, count do
    local v = list[i]
    if v ~= nil and type(v) ~= "number" then return false end
    some = some or v ~= nil
  end
  return some
end

local function all(list, count, is)
  local ctype = type(list[1]) == "cdata" and ffi.typeof(list[1]) -- bars of the runtime are alike
  for i = 1, count do
    if not (ctype and ffi.istype(ctype, list[i])) and not is(list[i]) then return false end
  end
  return true
end

local function sorted(list, time)
  for i = 2, #list do
    if time(list[i]) < time(list[i - 1]) then
      local copy = {}
      for k, v in ipairs(list) do
        copy[k] = v
      end
      table.sort(copy, function(a, b) return time(a) < time(b) end)
      return copy
    end
  end
  return list
end

-- One layer of a list of values; nil for a list that is none.
local function layer(list)
  local count = length(list)
  local first = list[1]
  if numbers(list, count) then
    return {
      kind = "line",
      list = list,
      count = count,
      value = function(i) return finite(list[i]) and list[i] or nil end,
    }
  end
  if count == 0 or first == nil then return nil end
  if is_bar(first) and all(list, count, is_bar) then
    return {
      kind = "bars",
      list = list,
      count = count,
      time = function(i) return list[i].open_time end,
    }
  end
  if is_trade(first) and all(list, count, is_trade) then
    return { kind = "trades", list = list, count = count, time = function(i) return list[i].time end }
  end
  if is_point(first) and all(list, count, is_point) then
    list = sorted(list, function(p) return p.time end)
    return {
      kind = "line",
      list = list,
      count = count,
      time = function(i) return list[i].time end,
      value = function(i)
        local v = value_of(list[i])
        return finite(v) and v or nil
      end,
    }
  end
  return nil
end

local SAYS =
  "plot takes bars, numbers, points { time=, value= }, trades { time=, price=, side= }, or a table of them"

local function is_list_of_lists(t)
  for k, v in pairs(t) do
    if not OPTIONS[k] and type(v) ~= "table" then return false end
  end
  return true
end

---@param what table
---@return PlotLayer[]? layers
---@return string? problem
function M.read(what)
  if type(what) ~= "table" then return nil, ("%s; this is a %s"):format(SAYS, type(what)) end
  local one = what.data == nil and layer(what)
  if one then return { one } end
  local layers = {}
  local function add(given, name)
    if type(given) ~= "table" then return ("%s; %s is a %s"):format(SAYS, name or "one", type(given)) end
    local list = given.data or given
    if type(list) ~= "table" then return ("data of a layer is a list, not a %s"):format(type(list)) end
    if next(list) == nil then return nil end -- an empty one draws nothing
    local l = layer(list)
    if not l then return ("%s; %s is none of them"):format(SAYS, name and "'" .. name .. "'" or "one") end
    l.name = given.data and given.name or name
    if type(l.name) ~= "string" then l.name = nil end
    if given.data then l.pane = given.pane and tostring(given.pane) or nil end
    layers[#layers + 1] = l
  end
  if what.data ~= nil then
    local problem = add(what)
    return not problem and layers or nil, problem
  end
  if not is_list_of_lists(what) then return nil, SAYS end
  for i = 1, length(what) do
    local problem = what[i] ~= nil and add(what[i])
    if problem then return nil, problem end
  end
  local names = {}
  for k in pairs(what) do
    if type(k) == "string" and not OPTIONS[k] then names[#names + 1] = k end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local problem = add(what[name], name)
    if problem then return nil, problem end
  end
  return layers
end

return M
