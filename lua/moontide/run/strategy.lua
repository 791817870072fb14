---What a script is: its compiled text, and what the table it returns declares: handlers, symbols, parameters. (What runs it:
---run/runner.lua.)
local bit = require "bit"
local C = require "moontide.core"
local brackets = require "moontide.portfolio.brackets"
local failures = require "moontide.failure"
local suggest = require "moontide.options.suggest"

local M = {}

local handlers = {
  "on_start",
  "on_bar",
  "on_order",
  "on_fill",
  "on_position",
  "on_funding",
  "on_margin_call",
  "on_timer",
  "on_error",
  "on_stop",
  "on_trade",
  "on_book",
  "on_circuit",
  "on_alert",
}
M.handlers = handlers

---Compiles a script; fails the command with one line on a missing file or a syntax error.
---@param path string
---@param source string? its text, when that is known already
---@return function chunk
---@return string source
function M.compile(path, source)
  if not source then
    local file, problem = io.open(path, "rb")
    if not file then failures.raise(1, "cannot read the script: %s", problem) end
    source = file:read "*a"
    file:close()
  end
  if not source then failures.raise(1, "cannot read the script: %s is not a file", path) end
  local chunk, message = load(source, "@" .. path, "t")
  if not chunk then failures.raise(1, "%s", message) end
  return chunk, source
end

-- The default of one declared parameter; fails the command when it is none.
local function default_of(name, d, path)
  if type(name) ~= "string" then
    failures.raise(
      1,
      "%s: params has an entry without a name (%s); write name = { default }",
      path,
      tostring(name)
    )
  end
  local default = d
  if type(d) == "table" then default = d[1] end
  if default == nil then failures.raise(1, "%s: parameter '%s' has no default", path, name) end
  local kind = type(default)
  if kind ~= "number" and kind ~= "string" and kind ~= "boolean" then
    failures.raise(1, "%s: parameter '%s' is a %s; a number, a text or a boolean is wanted", path, name, kind)
  end
  for _, bound in ipairs { "min", "max", "step" } do
    local value = type(d) == "table" and d[bound]
    if value and type(value) ~= "number" then
      failures.raise(1, "%s: parameter '%s': %s must be a number, not a %s", path, name, bound, type(value))
    end
  end
  return default
end

---Parameter values from their declarations and --set; fails the command on an unknown name or a value out of bounds.
---@param declared table? name = { default, min =, max =, step = } or a plain default
---@param given table<string, string>
---@param path string
---@return table values
---@return string text canonical, for the fingerprint
function M.parameters(declared, given, path)
  local values, names = {}, {}
  if declared ~= nil and type(declared) ~= "table" then
    failures.raise(1, "%s: params must be a table, name = { default, min =, max = }", path)
  end
  for name, d in pairs(declared or {}) do
    values[name] = default_of(name, d, path)
    names[#names + 1] = name
  end
  table.sort(names)
  for name, text in pairs(given) do
    local d = declared and declared[name]
    if d == nil then
      failures.raise(
        2,
        "--set %s: the script has no such parameter; it has: %s%s",
        name,
        #names > 0 and table.concat(names, ", ") or "none",
        suggest.hint(name, names)
      )
    end
    local default = values[name]
    if type(default) == "number" then
      local value = tonumber(text)
      if not value or value ~= value then failures.raise(2, "--set %s=%s: expected a number", name, text) end
      if type(d) == "table" and ((d.min and value < d.min) or (d.max and value > d.max)) then
        failures.raise(
          2,
          "--set %s=%s is outside its bounds %s to %s",
          name,
          text,
          d.min or "-",
          d.max or "-"
        )
      end
      values[name] = value
    elseif type(default) == "boolean" then
      if text ~= "true" and text ~= "false" then
        failures.raise(2, "--set %s=%s: expected true or false", name, text)
      end
      values[name] = text == "true"
    else
      values[name] = text
    end
  end
  local parts = {}
  for i, name in ipairs(names) do
    local v = values[name]
    parts[i] = name .. "=" .. (type(v) == "number" and ("%.17g"):format(v) or tostring(v))
  end
  return values, table.concat(parts, "\n")
end

---The kinds of events that a strategy has handlers for.
---@param self Strategy
---@return integer mask
function M.event_mask(self)
  local mask = 0ULL
  local function want(handler, kind)
    if self[handler] then mask = bit.bor(mask, bit.lshift(1ULL, kind)) end
  end
  want("on_order", C.RECORD_ORDER_UPDATE)
  want("on_fill", C.RECORD_ORDER_UPDATE)
  want("on_order", C.RECORD_ALGO_UPDATE)
  want("on_position", C.RECORD_ACCOUNT_UPDATE)
  want("on_funding", C.RECORD_ACCOUNT_UPDATE)
  want("on_margin_call", C.RECORD_MARGIN_CALL)
  want("on_trade", C.RECORD_AGG_TRADE)
  want("on_book", C.RECORD_BOOK_TICKER)
  if brackets.any(self.state) then
    mask = bit.bor(mask, bit.lshift(1ULL, C.RECORD_ORDER_UPDATE), bit.lshift(1ULL, C.RECORD_ALGO_UPDATE))
  end
  return mask
end

---Checks what a script returned. Returns nil for the plain form.
---@param value any
---@param path string
---@return Strategy?
function M.check(value, path)
  if value == nil then return nil end
  if type(value) ~= "table" then
    failures.raise(
      1,
      "%s returned a %s; a strategy returns a table of handlers (on_bar...), or nothing when it is a plain script",
      path,
      type(value)
    )
  end
  local found = false
  for _, name in ipairs(handlers) do
    if value[name] ~= nil then
      if type(value[name]) ~= "function" then failures.raise(1, "%s: %s must be a function", path, name) end
      found = true
    end
  end
  if not found then
    failures.raise(1, "%s returned a table without a handler; it needs at least on_bar", path)
  end
  local symbols, seen = value.symbols, {}
  if symbols ~= nil and (type(symbols) ~= "table" or symbols[1] == nil) then
    failures.raise(1, '%s: symbols must be a list of names: { "BTCUSDT" }', path)
  end
  for _, name in ipairs(symbols or {}) do
    if type(name) ~= "string" then
      failures.raise(1, "%s: symbols must be a list of names, but has a %s", path, type(name))
    end
    if seen[name] then failures.raise(1, "%s: symbols has %s twice", path, name) end
    seen[name] = true
  end
  if type(getmetatable(value)) ~= "table" and getmetatable(value) ~= nil then
    failures.raise(
      1,
      "%s: the table it returns has a protected metatable (__metatable), which a run sets its own in",
      path
    )
  end
  if
    value.timer ~= nil and (type(value.timer) ~= "number" or value.timer <= 0 or value.timer ~= value.timer)
  then
    failures.raise(1, "%s: timer must be a number of seconds above 0", path)
  end
  local warmup = value.warmup
  if warmup ~= nil and (type(warmup) ~= "number" or warmup < 0 or warmup % 1 ~= 0 or warmup > 1e6) then
    failures.raise(1, "%s: warmup must be how many bars of before: a whole number, 0 or more", path)
  end
  if value.interval ~= nil and type(value.interval) ~= "string" then
    failures.raise(1, '%s: interval must be a text, as "1m"', path)
  end
  return value
end

return M
