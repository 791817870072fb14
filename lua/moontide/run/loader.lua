---Loads a script for a run: its declarations are needed before the world exists, so its top runs once with the calls not
---yet at hand. A plain script (which calls them at its top) is recognised by that, and runs again in its task.
local ffi = require "ffi"
local C = require "moontide.core"
local clock = require "moontide.run.clock"
local compiler = require "moontide.run.compiler"
local failures = require "moontide.failure"
local host = require "moontide.lua_host"
local log_module = require "moontide.run.log"
local manager_settings = require "moontide.api.manager_settings"
local sandbox = require "moontide.run.sandbox"
local settings_file = require "moontide.run.settings_file"
local strategy_module = require "moontide.run.strategy"
local task = require "moontide.run.task"

local M = {}

---The run's log, by --log-level and --log-format.
---@param options table
---@param now fun(): number? the run's clock, microseconds
function M.log(options, now)
  local level = options["log-level"] or (options.quiet and "warn" or "info")
  return log_module.new(now, level, options["log-format"] or "text")
end

---A script's print when standard output is the JSON document's alone.
function M.print_aside(...)
  local parts = {}
  for i = 1, select("#", ...) do
    parts[i] = tostring((select(i, ...)))
  end
  io.stderr:write(table.concat(parts, "\t"), "\n")
end

---@class LoadedScript
---@field chunk function
---@field source string
---@field env table its globals; api and market are put in place when the world exists
---@field self Strategy? the table of handlers
---@field plain boolean
---@field files { path: string, stamp: string? }[] its own, then those beside it that it has required so far, as they were read

-- `require` of a script that may use all of Lua: plain Lua files beside it come first, as for a sandboxed one, and are loaded with
-- its globals, anew for each load of it.
local function require_beside(env, folder, files)
  local loaded = {}
  return function(name)
    if type(name) ~= "string" or name:find "^moontide%." or package.loaded[name] ~= nil then
      return require(name)
    end
    if loaded[name] == nil then
      local path = ("%s/%s.lua"):format(folder, (name:gsub("%.", "/")))
      local stamp, file = host.file_stamp(path), io.open(path, "rb")
      if not file then return require(name) end
      local source = file:read "*a"
      file:close()
      files[#files + 1] = { path = path, stamp = stamp }
      local chunk, problem = load(source, "@" .. path, "t", env)
      if not chunk then error(problem, 2) end
      loaded[name] = false -- while it loads: it gets itself no second time
      local value = chunk(name)
      loaded[name] = value == nil and true or value
    elseif loaded[name] == false then
      error(("module '%s' requires itself"):format(name), 2)
    end
    return loaded[name]
  end
end

-- Stands for `api` or `market` before the world exists: who calls one of its functions, or one of api.async, is not_yet. What a
-- script keeps of it (local create_order = api.create_order) is the real one as soon as there is one.
local function stand_in(env, name, not_yet)
  local top = {}
  local function real() return not rawequal(env[name], top) and env[name] or nil end
  local async = setmetatable({}, {
    __index = function(_, key)
      return function(...)
        local there = real()
        if not there then return not_yet() end
        return there.async[key](...)
      end
    end,
  })
  return setmetatable(top, {
    __index = function(_, key)
      local now_there = real()
      if now_there then return now_there[key] end
      if key == "async" then return async end
      return function(...)
        local there = real()
        if not there then return not_yet() end
        return there[key](...)
      end
    end,
  })
end

-- The global `plot`; a run that draws nothing does not load what draws.
local function plot_global()
  local function chart(...) return require("moontide.plot").chart(...) end
  return setmetatable(
    { chart = chart },
    { __call = function(_, ...) return chart(...) end, __metatable = false }
  )
end

---@param path string
---@param o { log: table, print: function, seed: number, now: (fun(): number?)?, source: string?, sandbox: string? } sandbox: the folder it may keep files in; nil: it is trusted. now: the run's clock, microseconds; nil: none yet
---@return LoadedScript
function M.load(path, o)
  local files = { { path = path, stamp = host.file_stamp(path) } }
  local chunk, source = strategy_module.compile(path, o.source)
  task.install()
  failures.script = path
  local loaded_us = tonumber(C.live_clock_us())
  local function now() return o.now and o.now() or loaded_us end
  local marker = {}
  -- Leaves for good, past any pcall of the script's.
  local function not_yet()
    coroutine.yield(marker)
    error("the script called api in a coroutine of its own before its first call in the open", 2)
  end
  local env = { log = o.log, print = o.print, os = clock.os(now) }
  env.plot = plot_global()
  env.api, env.market = stand_in(env, "api", not_yet), stand_in(env, "market", not_yet)
  if o.sandbox then
    sandbox.fill(
      env,
      { folder = o.sandbox, script = path, os = env.os, print = o.print, log = o.log, files = files }
    )
  else
    env.require = require_beside(env, path:match "^(.*)/[^/]*$" or ".", files)
    setmetatable(env, { __index = _G })
  end
  setfenv(chunk, env)
  compiler.start()
  math.randomseed(o.seed)
  local ok, value = coroutine.resume(coroutine.create(chunk))
  local plain = value == marker
  if not ok and not plain then failures.raise(1, "%s", task.error_text(value)) end
  local self = not plain and strategy_module.check(value, path) or nil
  if not plain and not self then
    failures.raise(
      1,
      "%s returned nothing and called nothing; a strategy returns a table of handlers, or calls market.bars",
      path
    )
  end
  return { chunk = chunk, source = source, env = env, self = self, plain = plain, files = files }
end

---Handlers of notices (on_circuit, on_alert) listen, those of whichever strategy is in place.
function M.listen(world, api)
  for name in pairs(world.listeners) do
    api.on(name, function(told)
      local self = world.strategy
      local handler = self and self["on_" .. name]
      if handler then return handler(self, told) end
    end)
  end
end

---NAME=VALUE pairs of --set.
function M.sets(list)
  local given = {}
  for _, text in ipairs(list or {}) do
    local name, value = text:match "^([%w_]+)=(.*)$"
    if not name then failures.raise(2, "--set %s: expected NAME=VALUE", text) end
    given[name] = value
  end
  return given
end

-- Settings of a live run that may stand beside the API manager's in moontide.conf.lua.
M.run_settings = { "order_channel", "journal_sync", "restart_orders" }

---The API manager's settings: the exchange's rows of rate limits, then --config or moontide.conf.lua.
---@param options table
---@param rate_limits table rows as in exchangeInfo
---@return ffi.cdata* config struct api_config
---@return table<string, integer> exchange limits by "KIND/seconds"
---@return table<string, any> run the run's own settings by name (M.run_settings), as given
function M.configuration(options, rate_limits)
  local config = ffi.new "struct api_config"
  C.api_config_defaults(config)
  local kinds = { REQUEST_WEIGHT = C.LIMIT_WEIGHT, RAW_REQUESTS = C.LIMIT_REQUESTS, ORDERS = C.LIMIT_ORDERS }
  local seconds = { SECOND = 1, MINUTE = 60, HOUR = 3600, DAY = 86400 }
  local exchange = {}
  for _, row in ipairs(rate_limits) do
    local kind, unit = kinds[row.rateLimitType], seconds[row.interval]
    if kind and unit then
      local status = C.api_config_limit(config, kind, unit * row.intervalNum * 1e6, row.limit)
      if status ~= 0 then
        failures.raise(
          1,
          "--exchange-info: rate limit %s %d per %d %s cannot be used",
          row.rateLimitType,
          row.limit,
          row.intervalNum,
          row.interval
        )
      end
      exchange[("%s/%d"):format(row.rateLimitType, unit * row.intervalNum)] = row.limit
    end
  end
  local run = {}
  local settings, path = settings_file.read(options)
  if settings then
    for _, name in ipairs(M.run_settings) do
      run[name], settings[name] = settings[name], nil
    end
    settings.run, settings.risk, settings.alerts = nil, nil, nil -- of live/settings.lua
    local applied, message = pcall(manager_settings.apply, config, settings, 0)
    if not applied then failures.raise(1, "%s: %s", path, tostring(message)) end
  end
  return config, exchange, run
end

return M
