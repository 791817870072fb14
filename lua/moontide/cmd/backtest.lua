---`moontide backtest SCRIPT --data PATH...`
local ffi = require "ffi"
local C = require "moontide.native"
local api_module = require "moontide.api"
local cmd = require "moontide.cmd"
local host = require "moontide.host"
local log_module = require "moontide.log"
local manager_settings = require "moontide.manager_settings"
local market_module = require "moontide.market"
local report = require "moontide.report"
local setup = require "moontide.setup"
local strategy_module = require "moontide.strategy"
local task = require "moontide.task"
local world_module = require "moontide.world"

local M = {}

local FOREVER = 9e15   -- past any stamp, in microseconds

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
    io.stderr:write(("\r%s [%s%s] %3d%%"):format(label, ("#"):rep(filled), ("."):rep(30 - filled), share * 100))
    io.stderr:flush()
  end
  function bar.clear()
    if shown then io.stderr:write "\r\27[K" end
  end
  return bar
end

-- A script's print when standard output is the JSON document's alone.
local function print_aside(...)
  local parts = {}
  for i = 1, select("#", ...) do parts[i] = tostring((select(i, ...))) end
  io.stderr:write(table.concat(parts, "\t"), "\n")
end

local function parse_sets(list)
  local given = {}
  for _, text in ipairs(list or {}) do
    local name, value = text:match "^([%w_]+)=(.*)$"
    if not name then cmd.fail(2, "--set %s: NAME=VALUE is wanted", text) end
    given[name] = value
  end
  return given
end

local function choice(options, name, default, values)
  local text = options[name] or default
  local value = values[text:lower()]
  if value == nil then
    local names = {}
    for k in pairs(values) do names[#names + 1] = k end
    table.sort(names)
    cmd.fail(2, "--%s %s: one of %s is wanted", name, text, table.concat(names, ", "))
  end
  return value
end

-- Series by symbol: the finest interval of each; funding by symbol.
local function load_data(options, wanted_symbols, notice, bar)
  local interval = options.interval
  if interval and C.interval_find(interval) < 0 then cmd.fail(2, "--interval %s: no such interval; 1m, 5m, 1h, 1d...", interval) end
  if options.synthetic then
    local seed = setup.number(options, "synthetic", 1, 0)
    local count = setup.number(options, "bars", 525600, 2, 50000000)
    local data = { series = {}, names = {}, funding = {} }
    for i, symbol in ipairs(wanted_symbols or { "BTCUSDT" }) do
      data.series[symbol] = require("moontide.cmd.data").synth_series {
        symbol = symbol, interval = "1m", seed = seed + (i - 1) * 7919, count = count,
      }
      data.names[#data.names + 1] = symbol
    end
    return data
  end
  if not options.data then
    cmd.fail(2, "no data: give --data PATH... (bars as .csv, .csv.gz, .zip) or --synthetic SEED")
  end
  local result = setup.import(options.data, {
    symbol = wanted_symbols and #wanted_symbols == 1 and wanted_symbols[1] or nil, store = options.store,
    allow_gaps = options["allow-gaps"], notice = notice,
    progress = bar and function(done, total) bar.update("reading", done, total) end,
  })
  local data = { series = {}, names = {}, funding = {}, result = result }
  local limit = interval and C.interval_find(interval) or C.INTERVAL_COUNT
  for i = 0, result.series_count - 1 do
    local s = result.series[i]
    local name = ffi.string(s.symbol)
    if s.interval <= limit and not data.series[name] then   -- sorted by interval: the finest first
      data.series[name] = s
      data.names[#data.names + 1] = name
    end
  end
  for i = 0, result.funding_count - 1 do data.funding[ffi.string(result.funding[i].symbol)] = result.funding[i] end
  return data
end

local function date(us) return log_module.time_text(tonumber(us)) end

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
      cmd.fail(1, "no bars of %s in the range %s to %s; the data runs from %s to %s", name, options.from or "the start",
        options.to or "the end", date(first), date(last))
    end
    names[#names + 1] = name
  end
  return names, from, to
end

local function configuration(options, rate_limits)
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
        cmd.fail(1, "--exchange-info: rate limit %s %d per %d %s cannot be used", row.rateLimitType, row.limit, row.intervalNum, row.interval)
      end
      exchange[("%s/%d"):format(row.rateLimitType, unit * row.intervalNum)] = row.limit
    end
  end
  local path = options.config
  local chunk, problem
  if path then
    chunk, problem = loadfile(path, "t", {})
    if not chunk then cmd.fail(1, "--config: %s", problem) end
  else
    local file = io.open "moontide.conf.lua"
    if file then
      file:close()
      path = "moontide.conf.lua"
      chunk, problem = loadfile(path, "t", {})
      if not chunk then cmd.fail(1, "%s", problem) end
    end
  end
  if chunk then
    local ok, settings = pcall(chunk)
    if not ok then cmd.fail(1, "%s", tostring(settings)) end
    if type(settings) ~= "table" then cmd.fail(1, "%s must return a table of settings", path) end
    local applied, message = pcall(manager_settings.apply, config, settings, 0)
    if not applied then cmd.fail(1, "%s: %s", path, tostring(message)) end
  end
  return config, exchange
end

function M.run(options)
  if options.assumptions then
    io.write(require("moontide.assumptions").text)
    return 0
  end
  local path = options[1]
  if not path then cmd.fail(2, "which script? usage: moontide backtest SCRIPT --data PATH...") end
  if options[2] then cmd.fail(2, "one script at a time; '%s' is one too many", options[2]) end
  local quiet = options.quiet or false
  local function notice(line) if not quiet then io.stderr:write("note: ", line, "\n") end end
  local bar = progress_bar(options)
  local chunk, source = strategy_module.compile(path)
  local sets = parse_sets(options.set)
  local started = host.monotonic()

  -- The script's declarations are needed before the world exists, so its top runs once with the calls not yet at
  -- hand; a plain script (which calls them at its top) is recognised by that and runs again in its task.
  task.install()
  local world
  local level = options["log-level"] or (quiet and "warn" or "info")
  if not log_module.levels[level] then cmd.fail(2, "--log-level %s: debug, info, warn or error is wanted", level) end
  local form = options["log-format"] or "text"
  if not log_module.formats[form] then cmd.fail(2, "--log-format %s: text or json is wanted", form) end
  local log = log_module.new(function() return world and world.now() end, level, form)
  local plain_marker = {}
  -- Leaves for good, past any pcall of the script's.
  local function not_yet()
    coroutine.yield(plain_marker)
    error("the script called api in a coroutine of its own before its first call in the open", 2)
  end
  local closed = setmetatable({}, { __index = function() return not_yet end })
  local env = setmetatable({ api = closed, market = closed, log = log, print = options.json == "-" and print_aside or print }, { __index = _G })
  setfenv(chunk, env)
  math.randomseed(setup.number(options, "seed", 1))
  local ok, value = coroutine.resume(coroutine.create(chunk))
  local plain = value == plain_marker
  if not ok and not plain then cmd.fail(1, "%s", tostring(value)) end
  local self = not plain and strategy_module.check(value, path) or nil
  if not plain and not self then
    cmd.fail(1, "%s returned nothing and called nothing; a strategy returns a table of handlers, or calls market.bars", path)
  end

  local wanted = options.symbol or (self and self.symbols) or nil
  if wanted and self and options.symbol and self.symbols and #self.symbols > 1 and #wanted ~= #self.symbols then
    cmd.fail(2, "%s trades %d symbols (%s); give --symbol as many times", path, #self.symbols, table.concat(self.symbols, ", "))
  end
  options.interval = options.interval or (self and self.interval) or nil
  local params, params_text = strategy_module.parameters(self and self.params, sets, path)

  local data = load_data(options, wanted, notice, bar)
  if #data.names == 0 then
    cmd.fail(1, "no bars of %s at %s or finer in the data", wanted and table.concat(wanted, ", ") or "any symbol", options.interval or "1m")
  end
  local names, from, to = choose(data, options, wanted)
  local symbols, rate_limits = setup.symbols(names, data.series, options, notice)
  local config, exchange_limits = configuration(options, rate_limits)

  local o = ffi.new "struct backtest_options"
  local capital = setup.number(options, "capital", 10000, 0.01, 1e10)
  o.exchange.wallet_e8 = C.dec_from_double(capital)
  o.exchange.maker_e8 = C.dec_from_double(setup.number(options, "maker", 0.0002, -0.01, 0.1))
  o.exchange.taker_e8 = C.dec_from_double(setup.number(options, "taker", 0.0005, -0.01, 0.1))
  o.exchange.slippage_e8 = C.dec_from_double(setup.number(options, "slippage", 0, 0, 1000) / 10000)
  o.exchange.leverage = setup.number(options, "leverage", 20, 1, 125)
  o.exchange.margin_type = choice(options, "margin", "crossed", { crossed = C.MARGIN_CROSSED, isolated = C.MARGIN_ISOLATED })
  o.exchange.dual_side = options.hedge or false
  o.exchange.path = choice(options, "path", "adverse", { adverse = C.PATH_ADVERSE, nearest = C.PATH_NEAREST, ohlc = C.PATH_OHLC, olhc = C.PATH_OLHC })
  o.exchange.touch = choice(options, "touch", "through", { through = C.TOUCH_THROUGH, at = C.TOUCH_AT })
  o.exchange.enforce_limits = true
  o.exchange.weight_1m = exchange_limits["REQUEST_WEIGHT/60"] or 2400
  o.exchange.orders_1m = exchange_limits["ORDERS/60"] or 1200
  o.exchange.orders_10s = exchange_limits["ORDERS/10"] or 300
  o.exchange.event_mask = self and strategy_module.event_mask(self) or 0
  o.latency_us = setup.number(options, "latency", 0, 0, 60000) * 1000
  o.record_points = options.equity ~= nil
  config.seed = setup.number(options, "seed", 1)
  local faults
  if options.faults then
    local first
    for _, name in ipairs(names) do
      local open_us = tonumber(data.series[name].open_us[0])
      first = math.min(first or open_us, open_us)
    end
    faults = require("moontide.faults").load(options.faults, first)
    o.faults = faults
  else
    config.request_timeout_us = 10 * 365 * 86400 * 1000000LL   -- the next price may be a weekend away
  end
  o.api = config

  local symbol_names, markets = {}, {}
  for i, name in ipairs(names) do
    symbol_names[i - 1] = name
    markets[i - 1] = data.series[name]
  end
  world = world_module.new {
    options = o, symbols = symbols, symbol_names = symbol_names, symbol_count = #names, markets = markets, log = log,
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
    for _, name in ipairs(names) do world.subscribe(name, options.interval) end
    C.backtest_events(world.bt, o.exchange.event_mask)
    for name in pairs(world.listeners) do
      local handler = self["on_" .. name]
      if handler then api.on(name, function(told) return handler(self, told) end) end
    end
  end
  local message = ffi.new "struct errmsg"
  if C.backtest_start(world.bt, message) ~= 0 then cmd.fail(1, "%s", ffi.string(message.text)) end
  if bar then
    world.on_tick = function() bar.update("running", tonumber(world.view.bars), tonumber(world.view.bars_total)) end
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
  local failure = strategy_module.run(world, self, plain and chunk or nil)
  local finished = host.monotonic()
  if bar then bar.clear() end
  if failure then
    local at = log_module.time_text(world.now())
    cmd.fail(1, "%s failed at %s: %s", path, at, failure)
  end
  local result = report.build(world, {
    script = path, source = source, params = params, params_text = params_text, names = names, capital = capital, from = from, to = to,
    interval = options.interval, elapsed = finished - run_started, setup = run_started - started, seed = options.seed or "1",
  })
  report.write(result, options)
  world.close()
  return 0
end

return M
