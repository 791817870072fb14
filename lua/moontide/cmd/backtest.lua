---`moontide backtest SCRIPT --data PATH...`
local ffi = require "ffi"
local C = require "moontide.core"
local api_module = require "moontide.api"
local cmd = require "moontide.cmd"
local host = require "moontide.lua_host"
local loader = require "moontide.run.loader"
local log_module = require "moontide.run.log"
local market_module = require "moontide.api.market"
local report = require "moontide.report"
local pump = require "moontide.run.pump"
local setup = require "moontide.backtest.setup"
local strategy_module = require "moontide.run.strategy"
local world_module = require "moontide.run.world"

local M = {}

local FOREVER = 9e15 -- past any stamp, in microseconds

-- A progress bar on the terminal, once a run takes over a second.
local function progress_bar(options)
  if options.quiet or options.json == "-" or host.isatty(2) == false then return nil end
  local start, shown = host.monotonic(), false
  local bar = {}
  function bar.update(label, done, total)
    if total <= 0 or host.monotonic() - start < 1 then return end
    shown = true
    local share = math.min(done / total, 1)
    local filled = math.floor(share * 30)
    io.stderr:write(
      ("\r%s [%s%s] %3d%%"):format(label, ("#"):rep(filled), ("."):rep(30 - filled), share * 100)
    )
    io.stderr:flush()
  end
  function bar.clear()
    if shown then io.stderr:write "\r\27[K" end
  end
  return bar
end

-- Series by symbol: the finest interval of each; funding by symbol.
local function load_data(options, wanted_symbols, notice, bar)
  local interval = options.interval
  if interval and C.interval_find(interval) < 0 then
    cmd.fail(2, "--interval %s: no such interval; 1m, 5m, 1h, 1d...", interval)
  end
  if options.synthetic then
    local seed = setup.number(options, "synthetic", 1, 0)
    local count = setup.number(options, "bars", 525600, 2, 50000000)
    local data = { series = {}, names = {}, funding = {} }
    for i, symbol in ipairs(wanted_symbols or { "BTCUSDT" }) do
      data.series[symbol] = require("moontide.cmd.data").synth_series {
        symbol = symbol,
        interval = "1m",
        seed = seed + (i - 1) * 7919,
        count = count,
      }
      data.names[#data.names + 1] = symbol
    end
    return data
  end
  if not options.data then
    cmd.fail(2, "no data: give --data PATH... (bars as .csv, .csv.gz, .zip) or --synthetic SEED")
  end
  local result = setup.import(options.data, {
    symbol = wanted_symbols and #wanted_symbols == 1 and wanted_symbols[1] or nil,
    store = options.store,
    allow_gaps = options["allow-gaps"],
    notice = notice,
    progress = bar and function(done, total) bar.update("reading", done, total) end,
  })
  local data = { series = {}, names = {}, funding = {}, result = result }
  local limit = interval and C.interval_find(interval) or C.INTERVAL_COUNT
  for i = 0, result.series_count - 1 do
    local s = result.series[i]
    local name = ffi.string(s.symbol)
    if s.interval <= limit and not data.series[name] then -- sorted by interval: the finest first
      data.series[name] = s
      data.names[#data.names + 1] = name
    end
  end
  for i = 0, result.funding_count - 1 do
    data.funding[ffi.string(result.funding[i].symbol)] = result.funding[i]
  end
  return data
end

local function date(us) return log_module.time_text(tonumber(us)) end

M.load_data = load_data

-- Cuts the series to --from and --to, and drops the symbols that are not wanted.
local function choose(data, options, wanted)
  local from = options.from and setup.time(options.from, "from") or 0
  local to = options.to and setup.time(options.to, "to") or FOREVER
  if from >= to then cmd.fail(2, "--from %s is not before --to %s", options.from, options.to) end
  local names = {}
  for _, name in ipairs(wanted or data.names) do
    local s = data.series[name]
    if not s then
      cmd.fail(1, "no bars of symbol %s in the data; it has: %s", name, table.concat(data.names, ", "))
    end
    local first, last = s.open_us[0], s.open_us[s.count - 1]
    C.series_clip(s, from, to)
    if s.count == 0 then
      cmd.fail(
        1,
        "no bars of %s in the range %s to %s; the data runs from %s to %s",
        name,
        options.from or "the start",
        options.to or "the end",
        date(first),
        date(last)
      )
    end
    names[#names + 1] = name
  end
  return names, from, to
end

-- Feeds of a backtest: the series itself, or one made from it for a longer interval.
local function bar_feeds(bt, symbol_names, markets)
  local index_of, made, message = {}, {}, ffi.new "struct errmsg"
  for i, name in pairs(symbol_names) do
    index_of[name] = i
  end
  return function(symbol, interval)
    local index = index_of[symbol]
      or error(("no data for symbol '%s' in this run"):format(tostring(symbol)), 4)
    local series = markets[index]
    local wanted = interval and C.interval_find(interval) or series.interval
    if wanted < 0 then error(("no such interval '%s'"):format(tostring(interval)), 4) end
    if wanted ~= series.interval then
      local key = symbol .. wanted
      if not made[key] then
        local longer = ffi.new "struct series"
        if C.series_resample(series, wanted, longer, message) ~= 0 then
          error(("%s: %s"):format(symbol, ffi.string(message.text)), 4)
        end
        made[key] = ffi.gc(longer, C.series_close)
      end
      series = made[key]
    end
    local feed = C.backtest_deliver(bt, index, series)
    if feed < 0 then error("too many bar feeds", 4) end
    return feed, index, series
  end
end

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
---@field data table what was loaded, for another session on the same

---Loads a script and its data and makes their world, which stands at the first bar; fails the command with one line on
---whatever is wrong.
---@param options table of the command line
---@param path string of the script
---@param context { pump: table?, log: (fun(now: fun(): number?): table)?, print: function, notice: fun(line: string), bar: table?, data: table?, script: LoadedScript?, faults: ffi.cdata*?, source: string?, sandbox: string?, rules: ffi.cdata*?, rate_limits: table?, config: ffi.cdata*?, from_us: number? }
---@return BacktestSession
function M.open(options, path, context)
  local notice, bar = context.notice, context.bar
  local sets = loader.sets(options.set)
  local world
  local function now() return world and world.now() end
  local log = context.log and context.log(now) or loader.log(options, now)
  local script = context.script
    or loader.load(path, {
      log = log,
      print = context.print,
      seed = setup.number(options, "seed", 1),
      now = now,
      source = context.source,
      sandbox = context.sandbox,
    })
  local self, env = script.self, script.env

  local wanted = options.symbol or (self and self.symbols) or nil
  if
    wanted
    and self
    and options.symbol
    and self.symbols
    and #self.symbols > 1
    and #wanted ~= #self.symbols
  then
    cmd.fail(
      2,
      "%s trades %d symbols (%s); give --symbol as many times",
      path,
      #self.symbols,
      table.concat(self.symbols, ", ")
    )
  end
  options.interval = options.interval or (self and self.interval) or nil
  local params, params_text = strategy_module.parameters(self and self.params, sets, path)

  local data = context.data or load_data(options, wanted, notice, bar)
  if #data.names == 0 then
    cmd.fail(
      1,
      "no bars of %s at %s or finer in the data",
      wanted and table.concat(wanted, ", ") or "any symbol",
      options.interval or "1m"
    )
  end
  local names, from, to = choose(data, options, wanted)
  local symbols, rate_limits = context.rules, context.rate_limits
  if not symbols then
    symbols, rate_limits = setup.symbols(names, data.series, options, notice)
  end
  local config, exchange_limits = loader.configuration(options, rate_limits)
  config = context.config or config

  local o = ffi.new "struct backtest_options"
  local capital = setup.account(o.exchange, options, exchange_limits)
  o.exchange.slippage_e8 = C.dec_from_double(setup.number(options, "slippage", 0, 0, 1000) / 10000)
  o.exchange.path = setup.choice(
    options,
    "path",
    "adverse",
    { adverse = C.PATH_ADVERSE, nearest = C.PATH_NEAREST, ohlc = C.PATH_OHLC, olhc = C.PATH_OLHC }
  )
  o.exchange.touch = setup.choice(options, "touch", "through", { through = C.TOUCH_THROUGH, at = C.TOUCH_AT })
  o.exchange.event_mask = self and strategy_module.event_mask(self) or 0
  o.latency_us = setup.number(options, "latency", 0, 0, 60000) * 1000
  o.record_points = options.equity ~= nil
  o.from_us = context.from_us or 0
  config.seed = setup.number(options, "seed", 1)
  local faults = context.faults
  if faults then
    o.faults = faults
  elseif options.faults then
    local first
    for _, name in ipairs(names) do
      local open_us = tonumber(data.series[name].open_us[0])
      first = math.min(first or open_us, open_us)
    end
    faults = require("moontide.run.faults").load(options.faults, first)
    o.faults = faults
  else
    config.request_timeout_us = 10 * 365 * 86400 * 1000000LL -- the next price may be a weekend away
  end
  o.api = config

  local symbol_names, markets = {}, {}
  for i, name in ipairs(names) do
    symbol_names[i - 1] = name
    markets[i - 1] = data.series[name]
  end
  local message = ffi.new "struct errmsg"
  local bt = C.backtest_new(o, symbols, #names, message)
  if bt == nil then cmd.fail(1, "%s", ffi.string(message.text)) end
  world = world_module.new {
    pump = context.pump or pump.backtest,
    bt = bt,
    symbols = symbols,
    symbol_names = symbol_names,
    symbol_count = #names,
    markets = markets,
    log = log,
    feed = bar_feeds(bt, symbol_names, markets),
  }
  world.config, world.rate_limits = config, rate_limits
  for i, name in ipairs(names) do
    assert(C.backtest_market(world.bt, i - 1, markets[i - 1]) == 0)
    local funding = data.funding[name]
    if funding then
      local s = markets[i - 1]
      C.backtest_funding(world.bt, i - 1, funding, s.open_us[0], s.open_us[s.count - 1] + s.interval_us)
    end
  end
  local api = api_module.new(world)
  env.api, env.market = api, market_module.new(world)
  if self then
    self.symbols, self.params, self.interval = names, params, options.interval
    for _, name in ipairs(names) do
      world.subscribe(name, options.interval)
    end
    C.backtest_events(world.bt, o.exchange.event_mask)
    loader.listen(world, api)
  end
  if C.backtest_start(world.bt, message) ~= 0 then cmd.fail(1, "%s", ffi.string(message.text)) end
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

function M.run(options)
  if options.assumptions then
    io.write(require("moontide.backtest.assumptions").text)
    return 0
  end
  local path = options[1]
  if not path then cmd.fail(2, "which script? usage: moontide backtest SCRIPT --data PATH...") end
  if options[2] then cmd.fail(2, "one script at a time; '%s' is one too many", options[2]) end
  if options.replay then return require("moontide.record.replay").command(options, path) end
  local quiet = options.quiet or false
  local function notice(line)
    if not quiet then io.stderr:write("note: ", line, "\n") end
  end
  local bar = progress_bar(options)
  local started = host.monotonic()
  local s = M.open(
    options,
    path,
    { print = options.json == "-" and loader.print_aside or print, notice = notice, bar = bar }
  )
  local world, self = s.world, s.script.self
  if bar then
    world.on_tick = function()
      bar.update("running", tonumber(world.view.bars), tonumber(world.view.bars_total))
    end
    if self and self.on_bar then
      local inner, count = self.on_bar, 0
      self.on_bar = function(me, b)
        count = count + 1
        if count % 65536 == 0 then world.on_tick() end
        return inner(me, b)
      end
    end
  end

  math.randomseed(setup.number(options, "seed", 1))
  local run_started = host.monotonic()
  local failure = strategy_module.run(world, self, s.script.plain and s.script.chunk or nil)
  local finished = host.monotonic()
  if bar then bar.clear() end
  if failure then
    local at = log_module.time_text(world.now())
    cmd.fail(1, "%s failed at %s: %s", path, at, failure)
  end
  local result = report.build(world, {
    script = path,
    source = s.script.source,
    params = s.params,
    params_text = s.params_text,
    names = s.names,
    capital = s.capital,
    from = s.from,
    to = s.to,
    interval = options.interval,
    elapsed = finished - run_started,
    setup = run_started - started,
    seed = options.seed or "1",
  })
  report.write(result, options)
  world.close()
  return 0
end

return M
