---How a paper or live run is kept in bounds: options of the command, or keys of the tables `run` and `safety` in
---moontide.conf.lua (an option wins). One list here says what there is, for reading and for `moontide help config`.
local failures = require "moontide.failure"

local M = {}

-- kind: "number" with bounds, "choice" with its values, "flag", "text". The option's name has '-' for '_'.
M.run_keys = {
  {
    "hang_seconds",
    "number",
    10,
    0.2,
    86400,
    "a script that holds the loop longer is killed, its orders cancelled",
  },
  { "memory", "number", 512, 32, 1048576, "MB a worker may hold before it is killed" },
  {
    "on_crash",
    "choice",
    "cancel",
    { "cancel", "flatten", "keep" },
    "what becomes of a killed worker's orders: cancelled, cancelled and positions closed, kept",
  },
  {
    "on_failure",
    "choice",
    "restart",
    { "restart", "halt" },
    "whether a worker that crashed, hung or grew is started again",
  },
  { "restarts", "number", 3, 0, 1000, "restarts within an hour before a worker is given up" },
  {
    "stop_seconds",
    "number",
    10,
    0.1,
    3600,
    "what a script has left to do when it is to end (on_stop, a plain script's last lines) may take so long",
  },
  {
    "dead_man_seconds",
    "number",
    60,
    0,
    86400,
    "the exchange cancels our orders when it has not heard of us for so long; 0: never",
  },
  {
    "on_halt",
    "choice",
    "stop",
    { "stop", "stay" },
    "after the kill switch: the run ends, or stays and refuses new orders",
  },
  { "halt_flatten", "flag", false, nil, nil, "the kill switch closes positions too" },
  { "halt_file", "text", nil, nil, nil, "a file that is the kill switch, beside `halt` in the run's folder" },
  {
    "keep_orders",
    "flag",
    false,
    nil,
    nil,
    "leave its open orders open at the end (default: they are cancelled)",
  },
  {
    "trusted",
    "flag",
    false,
    nil,
    nil,
    "the script may use all of Lua: ffi, os, io, C modules (default: it runs in a sandbox)",
  },
}

M.safety_keys = {
  { "max_order_notional", "number", 0, 0, 1e10, "USDT of one order" },
  {
    "max_position_notional",
    "number",
    0,
    0,
    1e10,
    "USDT of a symbol's position, open orders on its side counted as filled",
  },
  { "max_open_orders", "number", 0, 0, 1e6, "open orders of the run" },
  { "max_orders_per_minute", "number", 0, 0, 1e6, "new and amended orders" },
  {
    "max_daily_loss",
    "number",
    0,
    0,
    1e10,
    "USDT that equity may fall within a UTC day; then only reducing orders pass",
  },
  { "price_collar", "number", 0.1, 0, 100, "how far a price may be from the last one, as a ratio" },
  {
    "allowed_symbols",
    "text",
    nil,
    nil,
    nil,
    "symbols a run may trade, BTCUSDT,ETHUSDT; all it names when left out",
  },
  {
    "on_breach",
    "choice",
    "refuse",
    { "refuse", "halt" },
    "a breach refuses the order, or pulls the kill switch as well",
  },
}

---The settings file of a run as a table: --config, else moontide.conf.lua where it exists. Fails the command when it is none.
---@param options table
---@return table? settings
---@return string? path
function M.file(options)
  local path = options.config
  if not path then
    local file = io.open "moontide.conf.lua"
    if not file then return nil end
    file:close()
    path = "moontide.conf.lua"
  end
  local chunk, problem = loadfile(path, "t", {})
  if not chunk then failures.raise(1, options.config and "--config: %s" or "%s", problem) end
  local ok, settings = pcall(chunk)
  if not ok then failures.raise(1, "%s", tostring(settings)) end
  if type(settings) ~= "table" then failures.raise(1, "%s must return a table of settings", path) end
  return settings, path
end

local function wrong(where, key, value)
  local name, kind, _, a, b = unpack(key, 1, 5)
  if kind == "choice" then
    failures.raise(2, "%s %s: %s is wanted", where, tostring(value), table.concat(a, " or "))
  end
  if kind == "number" then
    failures.raise(2, "%s %s: a number from %.12g to %.12g is wanted", where, tostring(value), a, b)
  end
  failures.raise(
    2,
    "%s %s: %s is wanted",
    where,
    tostring(value),
    kind == "flag" and "true or false" or "a text, not " .. name
  )
end

local function value_of(key, given, where)
  local kind, a, b = key[2], key[4], key[5]
  if kind == "number" then
    local v = type(given) == "number" and given or type(given) == "string" and tonumber(given)
    if not v or v ~= v or v < a or v > b then wrong(where, key, given) end
    return v
  elseif kind == "choice" then
    for _, v in ipairs(a) do
      if v == given then return v end
    end
    wrong(where, key, given)
  elseif type(given) ~= (kind == "flag" and "boolean" or "string") then
    wrong(where, key, given)
  end
  return given
end

local function read(keys, options, settings, group, path, beside)
  local table_of = settings and settings[group] or {}
  if type(table_of) ~= "table" then failures.raise(2, "%s: %s is a table", path, group) end
  local known, out = {}, {}
  for _, key in ipairs(keys) do
    local name = key[1]
    local option = name:gsub("_", "-")
    known[name] = true
    out[name] = key[3]
    if table_of[name] ~= nil then
      out[name] = value_of(key, table_of[name], ("%s: %s.%s"):format(path, group, name))
    end
    if options[option] ~= nil then out[name] = value_of(key, options[option], "--" .. option) end
  end
  for name in pairs(table_of) do
    if not known[name] and name ~= beside then
      failures.raise(2, "%s: %s has no key '%s'; moontide help config lists them", path, group, tostring(name))
    end
  end
  return out
end

---@class RunSettings
---@field hang_seconds number
---@field memory number MB
---@field on_crash "cancel"|"flatten"|"keep"
---@field on_failure "restart"|"halt"
---@field restarts number
---@field stop_seconds number
---@field dead_man_seconds number
---@field on_halt "stop"|"stay"
---@field halt_flatten boolean
---@field halt_file string?
---@field keep_orders boolean
---@field trusted boolean

---@param options table of the command line
---@return RunSettings # fails the command on a value that is none
function M.run(options)
  local settings, path = M.file(options)
  return read(M.run_keys, options, settings, "run", path)
end

-- limits = { BTCUSDT = { order = , position = } }; --limit BTCUSDT:order=1000,position=5000
local function symbol_limits(options, settings, path)
  local out = {}
  local function add(where, symbol, name, value)
    value = tonumber(value)
    if
      type(symbol) ~= "string"
      or (name ~= "order" and name ~= "position")
      or not value
      or value ~= value
      or value < 0
      or value > 1e10
    then
      failures.raise(
        2,
        "%s: limits of a symbol are order and position, in USDT (BTCUSDT:order=1000,position=5000)",
        where
      )
    end
    out[symbol] = out[symbol] or {}
    out[symbol][name] = value
  end
  local safety = settings and settings.safety
  local listed = type(safety) == "table" and safety.limits or {}
  if type(listed) ~= "table" then failures.raise(2, "%s: safety.limits is a table by symbol", path) end
  for symbol, limits in pairs(listed) do
    if type(limits) ~= "table" then failures.raise(2, "%s: safety.limits.%s is a table", path, tostring(symbol)) end
    for name, value in pairs(limits) do
      add(path .. ": safety.limits." .. tostring(symbol), symbol, name, value)
    end
  end
  for _, text in ipairs(options.limit or {}) do
    local symbol, rest = text:match "^([%w_]+):(.+)$"
    if not symbol then add("--limit " .. text) end
    for part in rest:gmatch "[^,]+" do
      local name, value = part:match "^(%a+)=(.+)$"
      add("--limit " .. text, symbol, name, value)
    end
  end
  return out
end

---@param options table
---@return table safety the keys of safety_keys, and `limits` by symbol
function M.safety(options)
  local settings, path = M.file(options)
  local out = read(M.safety_keys, options, settings, "safety", path, "limits")
  out.limits = symbol_limits(options, settings, path)
  return out
end

local function lines_of(lines, group, keys)
  lines[#lines + 1] = ("  %s = {"):format(group)
  for _, key in ipairs(keys) do
    local name, kind, default, a, b, doc = unpack(key, 1, 6)
    if kind == "choice" then doc = ("%s (%s)"):format(b, table.concat(a, ", ")) end
    lines[#lines + 1] = ("    %-24s %-10s %s"):format(name, default == nil and "-" or tostring(default), doc)
  end
end

---What `moontide help config` says of these.
---@return string
function M.help()
  local lines = {
    "",
    "Of paper and live runs, in tables of their own; each is an option of the command too (--hang-seconds):",
  }
  lines_of(lines, "run", M.run_keys)
  lines[#lines + 1] = "  }"
  lines_of(lines, "safety", M.safety_keys)
  lines[#lines + 1] =
    "    limits = { BTCUSDT = { order = USDT, position = USDT } }, by symbol, beside those of all (--limit BTCUSDT:order=1000)"
  lines[#lines + 1] = "  }"
  return table.concat(lines, "\n") .. "\n"
end

return M
