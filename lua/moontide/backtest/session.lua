---A backtest that is ready to run: its script is loaded, its data are at hand, and its world stands at the first bar.
local ffi = require "ffi"
local C = require "moontide.core"
local records = require "moontide.api.records"
local api_module = require "moontide.api"
local bars = require "moontide.backtest.bars"
local failures = require "moontide.failure"
local fault_files = require "moontide.run.faults"
local impact = require "moontide.options.impact"
local groups = require "moontide.options.groups"
local loader = require "moontide.run.loader"
local market_module = require "moontide.api.market"
local option_table = require "moontide.options"
local pump = require "moontide.run.pump"
local setup = require "moontide.backtest.setup"
local strategy_module = require "moontide.run.strategy"
local world_module = require "moontide.run.world"

local M = {}

local TEN_YEARS_US = 10 * 365 * 86400 * 1000000LL

---@class BacktestSession
---@field world World
---@field api table
---@field script LoadedScript
---@field names string[] its symbols
---@field params table
---@field params_text string
---@field capital number
---@field from number microseconds
---@field to number
---@field latency_us number
---@field data BacktestBars what was loaded, for another session on the same

---@class BacktestContext
---@field print function the script's
---@field notice fun(line: string)
---@field pump table? the world's functions; the backtest's when left out
---@field log (fun(now: fun(): number?): table)?
---@field bar table? told how far reading has come
---@field data BacktestBars? loaded before
---@field script LoadedScript? loaded before
---@field source string? the script's text
---@field sandbox string? the folder the script may keep files in
---@field faults ffi.cdata*? struct faults
---@field rules ffi.cdata*? struct symbol[]
---@field rate_limits table? rows as in exchangeInfo; with `rules`
---@field config ffi.cdata*? struct api_config
---@field from_us number?
---@field always_listed boolean? symbols are known to trade before and after their bars

-- The symbols that the command line or the strategy asks for; nil: all there are.
local function wanted_symbols(options, self, path)
  local asked, declared = options.symbol, self and self.symbols
  if asked and declared and #declared > 1 and #asked ~= #declared then
    local list = table.concat(declared, ", ")
    failures.raise(2, "%s trades %d symbols (%s); give --symbol as many times", path, #declared, list)
  end
  return asked or declared or nil
end

local paths = {
  random = C.PATH_RANDOM,
  adverse = C.PATH_ADVERSE,
  nearest = C.PATH_NEAREST,
  ohlc = C.PATH_OHLC,
  olhc = C.PATH_OLHC,
}
local touches = { through = C.TOUCH_THROUGH, at = C.TOUCH_AT }

-- What the simulated exchange is like, by the options.
local function exchange_options(x, options, self, limits)
  local capital = setup.account(x, options, limits)
  x.slippage_e8 = C.dec_from_double(options.slippage / 10000)
  local model = impact.read(options.impact)
  x.impact, x.impact_e8 = model.model, C.dec_from_double(model.coefficient)
  x.path, x.touch = paths[options.path], touches[options.touch]
  x.path_seed = options.seed
  x.event_mask = self and strategy_module.event_mask(self) or 0
  return capital
end

-- Faults count their seconds from the first bar of all.
local function faults_of(options, context, data, names)
  if context.faults or not options.faults then return context.faults end
  local first
  for _, name in ipairs(names) do
    local open_us = tonumber(data.series[name].open_us[0])
    first = math.min(first or open_us, open_us)
  end
  return fault_files.load(options.faults, first)
end

-- Makes the backtest and its world, which has its bars and funding but is not started.
local function make_world(o, symbols, names, data, context, log)
  local symbol_names, markets, full = {}, {}, {}
  for i, name in ipairs(names) do
    symbol_names[i - 1] = name
    markets[i - 1], full[i - 1] = data.series[name], data.full[name]
  end
  local message = ffi.new "struct errmsg"
  local bt = C.backtest_new(o, symbols, #names, message)
  if bt == nil then failures.raise(1, "%s", ffi.string(message.text)) end
  local feed, past = bars.feeds(bt, symbol_names, full)
  local world = world_module.new {
    pump = context.pump or pump.backtest,
    bt = bt,
    symbols = symbols,
    symbol_names = symbol_names,
    symbol_count = #names,
    markets = markets,
    log = log,
    feed = feed,
  }
  for i, name in ipairs(names) do
    local s, funding = markets[i - 1], data.funding[name]
    assert(C.backtest_market(bt, i - 1, full[i - 1]) == 0)
    for _, other in pairs(data.others and data.others[name] or {}) do
      assert(C.backtest_other(bt, i - 1, other) == 0)
    end
    if funding then
      local mark = data.mark and data.mark[name]
      C.backtest_funding(bt, i - 1, funding, mark, s.open_us[0], s.open_us[s.count - 1] + s.interval_us)
    end
  end
  world.past = past
  return world
end

-- Gives the script its calls and its bars.
local function connect(world, script, names, params, interval, event_mask)
  local self, api = script.self, api_module.new(world)
  script.env.api, script.env.market = api, market_module.new(world)
  if self then
    self.symbols, self.params, self.interval = names, params, interval
    for _, name in ipairs(names) do
      world:subscribe(name, interval)
    end
    pump.backtest.events(world.bt, event_mask)
    loader.listen(world, api)
  end
  return api
end

---Loads a script and its data and makes their world, which stands at the first bar; raises a failure with one line on
---whatever is wrong.
---@param options table of the command line
---@param path string of the script
---@param context BacktestContext
---@return BacktestSession
function M.open(options, path, context)
  option_table.fill(groups.backtest, options)
  local sets = loader.sets(options.set)
  local world
  local function now() return world and world:now() end
  local log = context.log and context.log(now) or loader.log(options, now)
  local script = context.script
    or loader.load(path, {
      log = log,
      print = context.print,
      seed = options.seed,
      now = now,
      source = context.source,
      sandbox = context.sandbox,
    })
  local self = script.self
  local wanted = wanted_symbols(options, self, path)
  options.interval = options.interval or (self and self.interval) or nil
  local params, params_text = strategy_module.parameters(self and self.params, sets, path)

  local data = context.data or bars.load(options, wanted, context.notice, context.bar)
  local names, from, to =
    bars.choose(data, options, wanted, self and self.warmup or 0, context.notice or function() end)
  local problem = records.coins_differ(names)
  if problem then failures.raise(2, "%s", problem) end
  local symbols, rate_limits = context.rules, context.rate_limits
  if not symbols then
    symbols, rate_limits = setup.symbols(names, data.series, options, context.notice)
  end
  local config, exchange_limits = loader.configuration(options, rate_limits)
  config = context.config or config

  local o = ffi.new "struct backtest_options"
  local capital = exchange_options(o.exchange, options, self, exchange_limits)
  o.latency_us = options.latency * 1000
  o.record_points = options.equity ~= nil or options.report ~= nil or options.plot == true
  o.from_us = context.from_us or from
  o.always_listed = context.always_listed or false
  config.seed = options.seed
  local faults = faults_of(options, context, data, names)
  if faults then
    o.faults = faults
  else
    config.request_timeout_us = TEN_YEARS_US -- the next price may be a weekend away
  end
  o.api = config

  world = make_world(o, symbols, names, data, context, log)
  world.config, world.rate_limits = config, rate_limits
  local api = connect(world, script, names, params, options.interval, o.exchange.event_mask)
  local message = ffi.new "struct errmsg"
  if C.backtest_start(world.bt, message) ~= 0 then failures.raise(1, "%s", ffi.string(message.text)) end
  return {
    world = world,
    api = api,
    script = script,
    names = names,
    params = params,
    params_text = params_text,
    capital = capital,
    from = from,
    to = to,
    data = data,
    latency_us = tonumber(o.latency_us),
  }
end

---What the report of a session's run is told of it (report.build).
---@param s BacktestSession
---@param options table of the command line
---@param path string of the script
---@return table about
function M.about(s, options, path)
  return {
    script = path,
    source = s.script.source,
    params = s.params,
    params_text = s.params_text,
    names = s.names,
    capital = s.capital,
    from = s.from,
    to = s.to,
    interval = options.interval,
    seed = options.given.seed or "1",
    data = s.data,
    impact = options.impact,
  }
end

return M
