---What the value of an option may be: how each type reads a text, and what it expects instead of a wrong one.
local M = {}

local EXACT = 2 ^ 53 -- integers beyond it are not exact in a Lua number

local function number_text(v) return ("%.12g"):format(v) end

---The bounds of a row as help, documents and messages name them: "from 1 to 125", ">= 0"; nil where there are none.
---@param row Option
---@return string?
function M.bounds(row)
  if row.min and row.max then return ("from %s to %s"):format(number_text(row.min), number_text(row.max)) end
  return row.min and ">= " .. number_text(row.min) or row.max and "<= " .. number_text(row.max) or nil
end

local function bounded(what, row)
  local bounds = M.bounds(row)
  return bounds and what .. " " .. bounds or what
end

local function within(row, value)
  return value
    and value == value
    and math.abs(value) < math.huge
    and not (row.min and value < row.min)
    and not (row.max and value > row.max)
end

-- Decimal notation only: what else tonumber reads (0x10, inf, nan) is no amount of anything.
local function decimal(text)
  if type(text) == "number" then return text end
  return text:find "^[+-]?%.?%d[%d.eE+-]*$" and tonumber(text) or nil
end

-- A number in the row's unit, or amounts with units of their own: 90s, 1h30m, 512MB.
local function with_units(text, scale, unit)
  local value = decimal(text)
  if value then return value end
  local sum, rest = 0, text:gsub("%s+", "")
  if rest == "" then return nil end
  while rest ~= "" do
    local amount, name, after = rest:match "^(%d*%.?%d+)(%a+)(.*)$"
    if not amount or not scale[name] then return nil end
    sum, rest = sum + tonumber(amount) * scale[name], after
  end
  return sum / scale[unit]
end

local seconds_of = { us = 1e-6, ms = 1e-3, s = 1, m = 60, min = 60, h = 3600, d = 86400 }
local bytes_of = {
  B = 1,
  KB = 1024,
  MB = 1048576,
  GB = 1073741824,
  TB = 1099511627776,
  K = 1024,
  M = 1048576,
  G = 1073741824,
}
M.unit_names = { ms = "milliseconds", s = "seconds" }

local function days_in(year, month)
  if month == 2 then return (year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)) and 29 or 28 end
  return (month == 4 or month == 6 or month == 9 or month == 11) and 30 or 31
end

---Microseconds of "2023-02-01", "2023-02-01T12:30[:00]" (UTC) or milliseconds; nil for another text.
---@param text string
---@return integer?
function M.time(text)
  text = tostring(text)
  -- Unix time in s, ms, us or ns, told by its length; another number is none (a day of 1970, more likely a slip).
  local scale = text:find "^%d+$" and ({ [10] = 1e6, [13] = 1e3, [16] = 1 })[#text]
  if scale then return tonumber(text) * scale end
  if text:find "^%d+$" and #text == 19 then return tonumber(text:sub(1, 16)) end
  local y, mo, d, rest = text:match "^(%d%d%d%d)-(%d%d)-(%d%d)(.*)$"
  local h, mi, s = 0, 0, 0
  if y and rest ~= "" then
    h, mi, s = rest:match "^[T ](%d%d):(%d%d):?(%d*)Z?$"
    s = s == "" and 0 or s
  end
  y, mo, d, h, mi, s = tonumber(y), tonumber(mo), tonumber(d), tonumber(h), tonumber(mi), tonumber(s)
  if not (y and h and mi and s) or mo < 1 or mo > 12 or d < 1 or h > 23 or mi > 59 or s > 59 then
    return nil
  end
  if d > days_in(y, mo) then return nil end
  -- Days from the civil date (proleptic Gregorian calendar, March-based years).
  local year = mo <= 2 and y - 1 or y
  local era = math.floor(year / 400)
  local yoe = year - era * 400
  local doy = math.floor((153 * (mo > 2 and mo - 3 or mo + 9) + 2) / 5) + d - 1
  local days = era * 146097 + yoe * 365 + math.floor(yoe / 4) - math.floor(yoe / 100) + doy - 719468
  return ((days * 24 + h) * 60 + mi) * 60000000 + s * 1000000
end

---The names of all intervals of bars, the shortest first.
---@return string[]
function M.interval_names()
  local C, names = require "moontide.core", {}
  for i = 0, C.INTERVAL_COUNT - 1 do
    names[i + 1] = require("ffi").string(C.interval_names[i])
  end
  return names
end

---@class OptionType
---@field read fun(row: Option, text: any): any, string?, integer? the value; nil for a text that is none, and why
---@field expected fun(row: Option): string what is expected, where `read` does not say it
---@field files boolean? its value names a file, for completion
---@field folders boolean? its value names a folder

---@type table<string, OptionType>
M.types = {
  text = {
    read = function(row, text) return (row.empty or text ~= "") and tostring(text) or nil end,
    expected = function() return "expected a text that is not empty" end,
  },
  number = {
    read = function(row, text)
      local value = decimal(text)
      return within(row, value) and value or nil
    end,
    expected = function(row) return bounded("expected a number", row) end,
  },
  integer = {
    read = function(row, text)
      local value = decimal(text)
      return within(row, value) and value % 1 == 0 and math.abs(value) <= EXACT and value or nil
    end,
    expected = function(row) return bounded("expected an integer", row) end,
  },
  duration = {
    read = function(row, text)
      local value = with_units(text, seconds_of, row.unit)
      return within(row, value) and value or nil
    end,
    expected = function(row)
      return bounded("expected " .. M.unit_names[row.unit], row)
        .. (row.unit == "s" and ", or a time such as 90s, 15m, 2h" or "")
    end,
  },
  size = {
    read = function(row, text)
      local value = with_units(text, bytes_of, row.unit)
      return within(row, value) and value or nil
    end,
    expected = function(row) return bounded("expected " .. row.unit, row) .. ", or a size such as 512MB, 2GB" end,
  },
  choice = {
    read = function(row, text)
      text = tostring(text):lower()
      for _, word in ipairs(row.choices) do
        if word == text then return word end
      end
      return nil
    end,
    expected = function(row)
      local words = row.choices
      if #words == 2 then return ("expected %s or %s"):format(words[1], words[2]) end
      return (#words > 1 and "expected one of " or "expected ") .. table.concat(words, ", ")
    end,
  },
  time = {
    read = function(_, text) return M.time(text) end,
    expected = function()
      return "expected a date (UTC), such as 2023-02-01, 2023-02-01T12:30 or milliseconds"
    end,
  },
  interval = {
    read = function(_, text)
      return type(text) == "string" and require("moontide.core").interval_find(text) >= 0 and text or nil
    end,
    expected = function()
      return "no such interval; expected one of " .. table.concat(M.interval_names(), ", ")
    end,
  },
  symbol = {
    -- Bytes beyond ASCII are letters of other scripts, in which symbols are named too.
    read = function(_, text)
      text = tostring(text):upper()
      return #text < require("moontide.core").SYMBOL_NAME_MAX and text:find "^[%w_\128-\255]+$" and text
        or nil
    end,
    expected = function() return "not a symbol; expected letters and digits, such as BTCUSDT" end,
  },
  url = {
    read = function(row, text)
      text = tostring(text):gsub("/$", "")
      local scheme, rest = text:match "^(%a+)://(.+)$"
      if not scheme or rest:find "%s" or (row.bare and rest:find "/") then return nil end
      for _, known in ipairs(row.schemes) do
        if scheme == known then return text end
      end
      return nil
    end,
    expected = function(row) return "not a URL of this kind; example: " .. row.example end,
  },
  pair = {
    read = function(_, text) return text:find "^[%w_]+=" and text or nil end,
    expected = function() return "expected NAME=VALUE" end,
  },
}
M.types.file = {
  read = M.types.text.read,
  expected = function() return "expected the name of a file" end,
  files = true,
}
-- What is read only later is better known to be there before anything begins.
M.types.input = {
  read = function(_, text)
    if text == "" then return nil, "expected the name of a file" end
    local host = require "moontide.lua_host"
    if not host.file_mode(text) then return nil, "no such file", 1 end
    if host.list_folder(text) then return nil, "it is a folder, not a file", 1 end
    return text
  end,
  files = true,
}
-- What is written at the end of a long run is better known to have a place before it.
M.types.output = {
  read = function(_, text)
    if text == "-" then return text end
    local host, folder = require "moontide.lua_host", text:match "^(.+)/[^/]*$"
    if text == "" then return nil, "expected the name of a file" end
    if folder and not host.list_folder(folder) then
      return nil, ("cannot write there: no folder %s"):format(folder), 1
    end
    if host.list_folder(text) then return nil, "cannot write there: it is a folder", 1 end
    return text
  end,
  files = true,
}
M.types.folder = {
  read = M.types.text.read,
  expected = function() return "expected the name of a folder" end,
  folders = true,
}

---Reads one value of an option.
---@param row Option
---@param text any as typed; a number or true from a table of Lua
---@return any value nil for a text that is none
---@return string? problem
---@return integer? status of the command that fails by it: 2 when left out
function M.read(row, text)
  if row.check then return row.check(text) end
  local kind = M.types[row.type]
  local value, problem, status = kind.read(row, text)
  if value == nil then return nil, problem or kind.expected(row), status end
  return value
end

return M
