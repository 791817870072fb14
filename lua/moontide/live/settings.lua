---How a paper or live run is kept in bounds: options of the command, or keys of the tables `run` and `risk` in
---moontide.conf.lua (an option wins). What there is stands in the options' rows (options/groups.lua).
local failures = require "moontide.failure"
local groups = require "moontide.options.live_groups"
local settings_file = require "moontide.run.settings_file"
local option_table = require "moontide.options"
local types = require "moontide.options.types"

local M = {}

local AFTER_SCRIPT_S = 20 -- for settling and cancelling, where --stop-timeout does not say

local function key_of(row) return (row.name:gsub("-", "_")) end

local function read(group, options, settings, path, beside)
  local kept = settings and settings[group] or {}
  if type(kept) ~= "table" then failures.raise(2, "%s: %s is a table", path, group) end
  local known, out = {}, {}
  for _, row in ipairs(groups.settings(group)) do
    local key = key_of(row)
    known[key] = true
    out[key] = option_table.setting(row, options, kept[key], ("%s: %s.%s"):format(path or "", group, key))
  end
  for name in pairs(kept) do
    if not known[name] and name ~= beside then
      failures.raise(
        2,
        "%s: %s has no key '%s'; moontide help config lists them",
        path,
        group,
        tostring(name)
      )
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
---@field cancel_stops boolean conditional orders that only close a position go too at the end
---@field stop_timeout number seconds from being asked to end until the end, at most
---@field heartbeat number seconds between two lines of how the run stands; 0: none
---@field log_file string? nil: in the folder of the run; "none"
---@field log_size number MB
---@field log_keep integer older files
---@field trusted boolean

---@param options table of the command line
---@return RunSettings # fails the command on a value that is none
function M.run(options)
  local settings, path = settings_file.read(options)
  local out = read("run", options, settings, path)
  out.stop_timeout = out.stop_timeout or out.stop_seconds + AFTER_SCRIPT_S
  out.stop_seconds = math.min(out.stop_seconds, out.stop_timeout / 3)
  return out
end

---The log file that was asked for by name; nil: the run's own place, or none.
---@param options table of the command line
---@return string? path
function M.log_place(options)
  local path = M.run(options).log_file
  return path ~= "none" and path or nil
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
  local risk = settings and settings.risk
  local listed = type(risk) == "table" and risk.limits or {}
  if type(listed) ~= "table" then failures.raise(2, "%s: risk.limits is a table by symbol", path) end
  for symbol, limits in pairs(listed) do
    if type(limits) ~= "table" then
      failures.raise(2, "%s: risk.limits.%s is a table", path, tostring(symbol))
    end
    for name, value in pairs(limits) do
      add(path .. ": risk.limits." .. tostring(symbol), symbol, name, value)
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
---@return table risk by key, and `limits` by symbol
function M.risk(options)
  local settings, path = settings_file.read(options)
  local out = read("risk", options, settings, path, "limits")
  out.limits = symbol_limits(options, settings, path)
  return out
end

local function lines_of(lines, group)
  lines[#lines + 1] = ("  %s = {"):format(group)
  for _, row in ipairs(groups.settings(group)) do
    local text, bounds = row.help, types.bounds(row)
    if row.choices then text = ("%s (%s)"):format(text, table.concat(row.choices, ", ")) end
    if bounds then text = ("%s [%s%s]"):format(text, row.unit and row.unit .. " " or "", bounds) end
    lines[#lines + 1] = ("    %-24s %-10s %s"):format(
      key_of(row),
      row.default == nil and "-" or tostring(row.default),
      text
    )
  end
end

---What `moontide help config` says of these.
---@return string
function M.help()
  local lines = {
    "",
    "Of paper and live runs, in tables of their own; each is an option of the command too (--hang-seconds):",
  }
  lines_of(lines, "run")
  lines[#lines + 1] = "  }"
  lines_of(lines, "risk")
  lines[#lines + 1] =
    "    limits = { BTCUSDT = { order = USDT, position = USDT } }, by symbol, beside those of all (--limit BTCUSDT:order=1000)"
  lines[#lines + 1] = "  }"
  return table.concat(lines, "\n") .. "\n"
end

return M
