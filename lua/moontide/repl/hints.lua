---"Did you mean" for typed code: the name that is there, where the one that was typed is nil.
local ffi = require "ffi"
local Bar = require("moontide.api.market").Bar
local complete = require "moontide.repl.complete"
local suggest = require "moontide.options.suggest"

local M = {}

local function names_in(value)
  local set, list = {}, {}
  if type(value) == "cdata" and ffi.istype(Bar, value) then value = value:totable() end
  complete.names_of(value, set)
  for name in pairs(set) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

-- The nearest name of what a path leads to: "api" and "get_klins" give "api.get_klines".
local function nearest_in(env, path, separator, name)
  local holder = path == "" and env or complete.resolve(env, path)
  if holder == nil or complete.field(holder, name) ~= nil then return nil end
  local found = suggest.nearest(name, names_in(holder))
  return found and path .. separator .. found or nil
end

---What may have been meant where code failed because a name is nil.
---@param message string of the error
---@param code string
---@param env table
---@return string? name
function M.of_error(message, code, env)
  local kind, name = message:match "attempt to %a+ (%a+) '([%a_][%w_]*)' %(a nil value%)"
  if not name then return nil end
  if kind == "global" then return nearest_in(env, "", "", name) end
  for path, separator, typed in code:gmatch "([%a_][%w_%.]*)([%.:])([%a_][%w_]*)" do
    local found = typed == name and nearest_in(env, path, separator, name)
    if found then return found end
  end
  return nil
end

---What may have been meant by an expression that is a name, or the path to a field, and gave nil.
---@param code string
---@param env table
---@return string? name
function M.of_nil(code, env)
  local text = code:match "^%s*(.-)%s*$"
  local path, separator, name = text:match "^([%a_][%w_%.]*)([%.])([%a_][%w_]*)$"
  if path then return nearest_in(env, path, separator, name) end
  return text:find "^[%a_][%w_]*$" and text ~= "nil" and text ~= "_" and nearest_in(env, "", "", text) or nil
end

return M
