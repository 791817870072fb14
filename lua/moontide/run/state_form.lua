---self.state as bytes, and back.
---
---Form     LuaJIT's own binary form (string.buffer) of lists: a table becomes { key, value, key, value... } with its keys in
---         order. So equal states have equal bytes, numbers keep all their digits, strings may hold anything, and nothing that
---         is read back is run as code. JSON would lose digits and the difference of 1 and "1" as keys.
local buffer = require "string.buffer"
local C = require "moontide.core"

local M = {}

local FORM = 1 -- the first byte of what is saved

local kinds = {
  ["function"] = "a function",
  userdata = "userdata",
  cdata = "a C value (bar:totable() makes a table of a bar)",
  thread = "a coroutine",
}

local function step(path, key)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" then return path .. "." .. key end
  return ("%s[%s]"):format(path, type(key) == "string" and ("%q"):format(key) or tostring(key))
end

-- Numbers before strings, each in its order.
local function before(a, b)
  local ta, tb = type(a), type(b)
  if ta ~= tb then return ta == "number" end
  return a < b
end

local function refuse(path, what)
  error(("%s is %s: state is plain data (strings, numbers, booleans, tables of them)"):format(path, what), 0)
end

local function plain(value, path, above)
  local kind = type(value)
  if kind == "number" or kind == "string" or kind == "boolean" then return value end
  if kind ~= "table" then refuse(path, kinds[kind] or "a " .. kind) end
  local meta = getmetatable(value)
  if meta ~= nil and not (type(meta) == "table" and rawget(meta, "__plain")) then -- plain data with methods for typed code
    refuse(path, "a table with a metatable")
  end
  if above[value] then
    error(("%s leads back to %s: state cannot hold itself"):format(path, above[value]), 0)
  end
  above[value] = path
  local keys = {}
  for key in pairs(value) do
    if type(key) ~= "string" and type(key) ~= "number" then
      error(("%s has a key that is a %s: keys are strings or numbers"):format(path, type(key)), 0)
    end
    keys[#keys + 1] = key
  end
  table.sort(keys, before)
  local list = {}
  for _, key in ipairs(keys) do
    list[#list + 1] = key
    list[#list + 1] = plain(value[key], step(path, key), above)
  end
  above[value] = nil
  return list
end

local function restored(value)
  if type(value) ~= "table" then return value end
  local t = {}
  for i = 1, #value, 2 do
    t[value[i]] = restored(value[i + 1])
  end
  return t
end

---@param state table
---@return string? text equal for equal states
---@return string? problem names the place: "self.state.ema is a function..."
function M.encode(state)
  if type(state) ~= "table" then
    return nil, ("self.state is a %s: it must stay a table"):format(type(state))
  end
  local ok, list = pcall(plain, state, "self.state", {})
  if not ok then
    if tostring(list):find "stack overflow" then list = "self.state is nested too deeply" end
    return nil, tostring(list)
  end
  local encoded, text = pcall(buffer.encode, list)
  if not encoded then return nil, "self.state is nested too deeply" end
  text = string.char(FORM) .. text
  if #text > C.JOURNAL_STATE_MAX then
    return nil,
      ("self.state takes %.1f MB when it is saved; %.0f MB are the most"):format(
        #text / 2 ^ 20,
        tonumber(C.JOURNAL_STATE_MAX) / 2 ^ 20
      )
  end
  return text
end

---@param text string
---@return table? state
---@return string? problem
function M.decode(text)
  if text:byte(1) ~= FORM then return nil, "it is of another version" end
  local ok, list = pcall(buffer.decode, text:sub(2))
  if not ok or type(list) ~= "table" then return nil, "it is damaged" end
  return restored(list)
end

---As text that JSON can carry, for a recording; and back.
---@param text string
---@return string hex
function M.to_hex(text)
  return (text:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

---@param hex string
---@return string text
function M.from_hex(hex)
  return (hex:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end))
end

return M
