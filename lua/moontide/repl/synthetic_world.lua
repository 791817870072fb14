---The embedded exchange: a market that makes itself, in this process, by the wall clock. What `moontide repl` opens.
local ffi = require "ffi"
local C = require "moontide.core"
local api_module = require "moontide.api"
local failures = require "moontide.failure"
local loader = require "moontide.run.loader"
local market_module = require "moontide.api.market"
local pump = require "moontide.run.pump"
local setup = require "moontide.backtest.setup"
local synthetic = require "moontide.backtest.synthetic"
local strategy_module = require "moontide.run.strategy"
local world_module = require "moontide.run.world"

local M = {}

local HISTORY_BARS = 1500
local usual = { "BTCUSDT", "ETHUSDT", "SOLUSDT" }
local usual_prices =
  { BTCUSDT = 65000, ETHUSDT = 3200, BNBUSDT = 600, SOLUSDT = 150, XRPUSDT = 0.6, DOGEUSDT = 0.12 }

---@param options table of the command line
---@param path string of a script
---@param o { log: (fun(now: function): table), print: function, clock: ReplClock }
---@return BacktestSession
function M.open(options, path, o)
  local world
  local log = o.log(function() return world and world:now() end)
  local sets = loader.sets(options.set)
  local seed = options.seed
  local load_options = { log = log, print = o.print, seed = seed }
  local script = loader.load(path, load_options)
  local self = script.self
  local names = options.symbol or (self and self.symbols) or usual
  local interval = options.interval or (self and self.interval) or "1m"
  if C.interval_find(interval) < 0 then
    failures.raise(1, "%s: interval %s: no such interval; 1m, 5m, 1h, 1d...", path, interval)
  end
  local params = strategy_module.parameters(self and self.params, sets, path)
  if #names > C.SYMBOLS_MAX then failures.raise(2, "--symbol: at most %d", C.SYMBOLS_MAX) end

  local series_of, history = {}, ffi.new("const struct series *[?]", #names)
  for i, name in ipairs(names) do
    if #name >= C.SYMBOL_NAME_MAX or not name:find "^[%u%d]+$" or series_of[name] then
      failures.raise(2, "--symbol %s: not a symbol, or twice", name)
    end
    series_of[name] = synthetic.series {
      symbol = name,
      interval = "1m",
      seed = seed * 1000 + i,
      count = HISTORY_BARS,
      price = usual_prices[name],
    }
    history[i - 1] = series_of[name]
  end
  local symbols, rate_limits = setup.symbols(names, series_of, options, function() end)
  local config, exchange_limits = loader.configuration(options, rate_limits)
  config.seed = seed
  local b = ffi.new "struct backtest_options"
  setup.account(b.exchange, options, exchange_limits)
  b.exchange.event_mask = self and strategy_module.event_mask(self) or 0
  b.latency_us = options.latency * 1000
  b.api = config
  local message = ffi.new "struct errmsg"
  local bt = C.backtest_new(b, symbols, #names, message)
  if bt == nil then failures.raise(1, "%s", ffi.string(message.text)) end

  local symbol_names, index_of = {}, {}
  for i, name in ipairs(names) do
    symbol_names[i - 1], index_of[name] = name, i - 1
  end
  world = world_module.new {
    pump = o.clock.pump,
    bt = bt,
    symbols = symbols,
    symbol_names = symbol_names,
    symbol_count = #names,
    log = log,
    feed = function(symbol, wanted)
      local index = index_of[symbol] or error(("no symbol '%s' in this run"):format(tostring(symbol)), 4)
      local number = C.interval_find(wanted or interval)
      if number < 0 then error(("no such interval '%s'"):format(tostring(wanted)), 4) end
      local feed = C.backtest_deliver_synthetic(bt, index, number)
      if feed < 0 then error("too many bar feeds", 4) end
      return feed, index
    end,
  }
  world.config, world.rate_limits, world.made = config, rate_limits, true
  local api = api_module.new(world)
  script.env.api, script.env.market = api, market_module.new(world)
  local made = ffi.new "struct synthetic_options"
  made.seed, made.volatility, made.rate, made.history = seed, options.volatility, 20, history
  local now_us = tonumber(C.live_clock_us())
  if C.backtest_synthetic_market(bt, made, #names, now_us - now_us % 60000000, message) ~= 0 then
    failures.raise(1, "%s", ffi.string(message.text))
  end
  C.backtest_until(bt, now_us)
  pump.backtest.next(bt, false) -- the minute so far
  if self then
    self.symbols, self.params, self.interval = names, params, interval
    for _, name in ipairs(names) do
      world:subscribe(name, interval)
    end
    pump.backtest.events(bt, b.exchange.event_mask)
    loader.listen(world, api, self)
  end
  world.after_handler = function() end -- so that its handlers can be exchanged (live/reload.lua)
  return {
    world = world,
    api = api,
    script = script,
    names = names,
    params = params,
    latency_us = tonumber(b.latency_us),
    path = path,
    log = log,
    options = options,
    interval = interval,
    load_options = load_options,
    events = function(mask) pump.backtest.events(bt, mask) end,
  }
end

return M
