---One script in the live world, from its file to its last word: `open`, `run`, `close`.
local ffi = require "ffi"
local C = require "moontide.core"
local alerts = require "moontide.live.alerts"
local api_module = require "moontide.api"
local failures = require "moontide.failure"
local connect = require "moontide.live.connect"
local control = require "moontide.live.control_socket"
local daily = require "moontide.live.daily"
local ending = require "moontide.live.ending"
local folder = require "moontide.live.folder"
local journal = require "moontide.live.journal"
local host = require "moontide.lua_host"
local loader = require "moontide.run.loader"
local log_file = require "moontide.live.log_file"
local log_module = require "moontide.run.log"
local run_file = require "moontide.live.run_file"
local settings_module = require "moontide.live.settings"
local status = require "moontide.live.status"
local market_module = require "moontide.api.market"
local paper = require "moontide.live.paper"
local pump = require "moontide.run.pump"
local records = require "moontide.api.records"
local reload = require "moontide.live.reload"
local setup = require "moontide.backtest.setup"
local state = require "moontide.live.state"
local state_form = require "moontide.run.state_form"
local runner = require "moontide.run.runner"
local strategy_module = require "moontide.run.strategy"
local task = require "moontide.run.task"
local walls = require "moontide.run.walls"
local world_module = require "moontide.run.world"

require "moontide.live.attach" -- adds what `moontide attach` asks to the control socket

local M = {}

local START_S = 30
local UNKNOWN_TIMEOUT_US = 600000000

local function feeds(l, index_of, default_interval)
  return function(symbol, interval)
    local index = index_of[symbol] or error(("no symbol '%s' in this run"):format(tostring(symbol)), 4)
    local wanted = C.interval_find(interval or default_interval)
    if wanted < 0 then error(("no such interval '%s'"):format(tostring(interval)), 4) end
    local feed = C.live_deliver(l, index, wanted)
    if feed < 0 then error("too many bar feeds", 4) end
    return feed, index
  end
end

-- What only a run on an exchange can say of itself.
local function figures(l)
  return function(out)
    local f = C.live_figures(l)
    out.reconnects, out.lost, out.refused_by_risk_limits =
      tonumber(f.stream_reconnects), tonumber(f.lost), tonumber(f.refused_by_risk_limits)
    out.dead_man = { armed = tonumber(f.dead_man_armed), failed = tonumber(f.dead_man_failed) }
    local safe = C.live_risk(l)
    out.open_orders, out.orders_this_minute = safe.open_orders, safe.orders_this_minute
    out.profit_today = tonumber(safe.equity_e8 - safe.day_equity_e8) / 1e8
    if f.bar_us ~= 0 then out.last_bar_ms = math.floor(tonumber(f.bar_us) / 1000) end
    out.clock_offset = tonumber(f.clock_offset_us) / 1e6
  end
end

-- The limits, and those of single symbols at their place in the run's list.
local function risk_limits(o, options, names)
  local s, e8 = settings_module.risk(options), C.dec_from_double
  o.risk.order_notional_e8, o.risk.position_notional_e8 =
    e8(s.max_order_notional), e8(s.max_position_notional)
  o.risk.daily_loss_e8, o.risk.collar_e8 = e8(s.max_daily_loss), e8(s.price_collar)
  o.risk.orders_per_minute, o.risk.open_orders = s.max_orders_per_minute, s.max_open_orders
  o.risk.halt_on_breach = s.on_breach == "halt"
  local allowed = s.allowed_symbols and "," .. s.allowed_symbols:gsub("%s", "") .. ","
  for i, name in ipairs(names) do
    if allowed and not allowed:find("," .. name .. ",", 1, true) then
      failures.raise(
        1,
        "%s may not be traded here: allowed are %s (--allowed-symbols)",
        name,
        s.allowed_symbols
      )
    end
    local own = s.limits[name] or {}
    o.risk.symbols[i - 1].order_notional_e8, o.risk.symbols[i - 1].position_notional_e8 =
      e8(own.order or 0), e8(own.position or 0)
  end
end

-- A limit of a symbol that nobody trades is one that was misspelt, and holds nothing.
local function check_limited(options, info)
  local known = {}
  for _, s in ipairs(info.symbols) do
    known[s.symbol] = true
  end
  for name in pairs(settings_module.risk(options).limits) do
    if not known[name] then
      failures.raise(2, "limits of %s (--limit, risk.limits): the exchange has no such symbol", name)
    end
  end
end

-- The runs that are going on, and what they say of themselves.
local function other_runs()
  local list = {}
  for _, run in ipairs(folder.running()) do
    local facts = run_file.read(run.folder)
    if facts then list[#list + 1] = { name = run.name, facts = facts } end
  end
  return list
end

-- Orders and positions are the account's: whoever cancels those of a symbol, cancels the other's too.
local function warn_of_sharing(s)
  local mine = { url = s.at.rest, symbols = s.names }
  for _, run in ipairs(s.others) do
    if run.name ~= s.name and run.facts.mode == "live" then
      for _, symbol in ipairs(run_file.shared(mine, run.facts)) do
        s.log.warn(run_file.SHARED, symbol, run.name)
      end
    end
  end
end

-- What the runtime itself calls at the end of a run, whatever the script has done to its `api`.
local function own_copy(api)
  local out = {}
  for name, value in pairs(api) do
    out[name] = value
  end
  return out
end

-- How many bars, stream events and ended orders end the run; 0: no such end.
local function end_counts(options) return { options.bars or 0, options.events or 0, options.orders or 0 } end

---@class LiveSession
---@field l ffi.cdata* struct live
---@field world World
---@field api table
---@field script LoadedScript
---@field path string
---@field names string[] its symbols
---@field name string of the run
---@field folder string its folder, held by this process
---@field load_options table how its script is loaded
---@field adopt fun(script: LoadedScript)? makes a script of handlers end as this run must
---@field log table
---@field finish fun()? run at the end, in a task: cancels open orders
---@field status fun(out: table) adds to what the control socket's `status` answers
---@field flatten boolean? positions are closed at the end too
---@field chunk function? the plain form's body
---@field mode "live"|"paper" where orders go
---@field recorder Recorder? with --record
---@field others { name: string, facts: table }[] live runs that were going on when this one began
---@field at_end fun(s: LiveSession)? hears of the end while the world is still there

-- Whether the run may begin, and its folder, held by this process from now on.
local function take_folder(o, s)
  local path = folder.take(s.name)
  local halt_file = path .. "/halt"
  for _, file in ipairs { halt_file, s.settings.halt_file } do
    if host.file_mode(file) then
      failures.raise(1, "%s is there: run '%s' was halted; remove the file to trade again", file, s.name)
    end
  end
  o.halt_files[0], o.halt_files[1] = halt_file, s.settings.halt_file
  s.folder = path
end

-- The symbols of the command line, or the strategy's.
local function symbols_of(options, self)
  local names = own_copy(options.symbol or (self and self.symbols) or { "BTCUSDT" }) -- the script may change its list
  local seen = {}
  for _, name in ipairs(names) do
    if seen[name] then failures.raise(2, "--symbol %s: given twice", name) end
    seen[name] = true
  end
  local problem = records.coins_differ(names)
  if problem then failures.raise(2, "%s", problem) end
  return names
end

local function interval_of(options, self, path)
  local interval = options.interval or (self and self.interval) or "1m"
  if C.interval_find(interval) < 0 then
    failures.raise(1, "%s: interval %s: no such interval; 1m, 5m, 1h, 1d...", path, interval)
  end
  return interval
end

-- The API manager's settings, and what else of the configuration the run's C side is told: `config`, `rate_limits` and the run's
-- own settings go into `made`.
local function configure(o, s, made, on_paper)
  local options, at = s.options, s.at
  local config, exchange_limits, run = loader.configuration(options, made.rate_limits)
  if not on_paper then
    connect.order_channel(o, at, run)
    connect.share(o, at)
  end
  config.seed = s.seed
  -- An order whose outcome is unknown is looked up for as long as it takes; the transport has its own timeout.
  o.http_timeout_us = config.request_timeout_us
  config.request_timeout_us = UNKNOWN_TIMEOUT_US
  o.api = config
  o.dead_man_us = s.settings.dead_man_seconds * 1e6
  if on_paper then
    o.simulation = C.paper_simulation()
    paper.options(o.paper, options, s.name, exchange_limits, at)
  end
  made.config, made.run = config, run
end

-- With --record: what stands between the script and the pump.
local function record(s, made, feed, kept, on_paper)
  local options = s.options
  return require("moontide.record.recorder").open(options.record, {
    name = s.name,
    restarted = (options.restarts or 0) > 0,
    pump = pump.live,
    bt = s.l,
    symbols = made.rules,
    symbol_count = #s.names,
    interval = s.interval,
    feed = feed,
    config = made.config,
    log = s.log,
    about = {
      mode = on_paper and "paper" or "live",
      script = s.path,
      source = s.script.source,
      sets = made.sets,
      params = made.params,
      symbols = s.names,
      interval = s.interval,
      seed = s.seed,
      rate_limits = made.rate_limits,
      load_us = ("%.0f"):format(made.load_us),
      state = kept and state_form.to_hex(kept.text),
      sandbox = not s.settings.trusted,
    },
  })
end

-- The C side of the run and its world; `kept` is the state of the run before.
local function make_world(o, s, made, kept, on_paper)
  local message, out = ffi.new "struct errmsg", ffi.new "struct live *[1]"
  if C.live_new(o, made.rules, #s.names, out, message) ~= 0 then
    failures.raise(1, "%s", ffi.string(message.text))
  end
  -- The signing key is made; what it was made of is needed no more.
  if s.at.secrets then C.secrets_wipe(s.at.secrets) end
  C.secrets_forget_environment()
  s.l = out[0]
  local symbol_names, index_of = {}, {}
  for i, name in ipairs(s.names) do
    symbol_names[i - 1] = name
    index_of[name] = i - 1
  end
  local face, feed, recorder = pump.live, feeds(s.l, index_of, s.interval), nil
  if s.options.record then
    recorder = record(s, made, feed, kept, on_paper)
    face, feed = recorder.pump, recorder.feed
  end
  local world = world_module.new {
    pump = face,
    bt = s.l,
    symbols = C.live_symbols(s.l),
    symbol_names = symbol_names,
    symbol_count = #s.names,
    log = s.log,
    feed = feed,
  }
  function world.alert(severity, text) alerts.tell(s.log, s.alerts, severity, text) end
  world.config, world.rate_limits, world.stop_seconds = made.config, made.rate_limits, s.settings.stop_seconds
  return world, recorder
end

-- Gives a strategy its bars, its events and its state, and lets it end as this run must.
local function connect_strategy(s, api, params, kept)
  local self = s.script.self
  self.symbols, self.params, self.interval = own_copy(s.names), params, s.interval
  for _, name in ipairs(s.names) do
    s.world:subscribe(name, s.interval)
  end
  C.live_events(s.l, strategy_module.event_mask(self))
  loader.listen(s.world, api)
  function s.adopt(loaded)
    local on_stop = loaded.self.on_stop
    loaded.self.on_stop = function(me)
      if on_stop then on_stop(me) end
      if s.finish then s.finish() end
    end
  end
  s.adopt(s.script)
  state.keep(s, kept)
end

local function connect_plain(s)
  function s.chunk()
    s.script.chunk()
    if s.finish then s.finish() end
    C.live_stop(s.l) -- a plain script's end is the run's
  end
end

-- The run as far as its options tell: named, its script loaded. `made` gets what only `open` needs.
local function begin(options, path, mode, o, at, made)
  local on_paper = mode == "paper"
  local s = {
    path = path,
    title = options.title or path,
    at = at,
    options = options,
    seed = options.seed,
    seconds = options["for"],
    counts = end_counts(options),
    settings = settings_module.run(options),
    mode = mode or "live",
  }
  local function now() return s.world and s.world:now() end
  s.log = loader.log(options, now)
  made.sets = loader.sets(options.set)
  s.keep_orders, s.cancel_stops = s.settings.keep_orders, s.settings.cancel_stops
  s.name = folder.name(options, path, on_paper and "-paper") -- journal and state of play money are kept apart
  C.heartbeat_phase(C.HEART_SCRIPT)
  made.load_us = tonumber(C.live_clock_wall_us(o.clock))
  s.load_options = {
    log = s.log,
    print = options.json == "-" and loader.print_aside or print,
    seed = s.seed,
    now = function() return now() or made.load_us end,
    sandbox = not s.settings.trusted and folder.path(s.name) .. "/data" or nil,
  }
  s.script = loader.load(path, s.load_options)
  C.heartbeat_phase(C.HEART_STARTING)
  s.names = symbols_of(options, s.script.self)
  s.interval = interval_of(options, s.script.self, path)
  return s
end

---Loads a script and makes its world; fails the command with one line on whatever is wrong. Nothing is sent yet.
---@param options table of the command line
---@param path string
---@param mode "live"|"paper"|nil where orders go (live)
---@return LiveSession
function M.open(options, path, mode)
  local on_paper = mode == "paper"
  if options.watch and options.record then
    failures.raise(2, "--watch and --record: cannot reload while recording; give one of them")
  end
  local o, at = connect.options(options, not on_paper, on_paper or options["market-only"])
  if at.key == "" and not (on_paper or options["market-only"]) then
    failures.raise(
      1,
      "no API key: set MOONTIDE_API_KEY and MOONTIDE_API_SECRET, or give --key-file FILE; --market-only runs without one, and only looks"
    )
  end
  local made = {}
  local others = at.key ~= "" and other_runs() or {}
  if options.confine then options.confine(o, at) end -- from here on nothing but what the run needs is within reach
  local s = begin(options, path, mode, o, at, made)
  s.others = others
  local self = s.script.self
  made.params = strategy_module.parameters(self and self.params, made.sets, path)
  risk_limits(o, options, s.names)
  o.stream_age_us = options["stream-age"] * 1e6
  o.reconcile_us = options.reconcile * 1e6
  o.stream_silence_us = options["stream-silence"] * 1e6
  local info = connect.exchange_info(o, at)
  check_limited(options, info)
  made.rules, made.rate_limits = setup.symbols(
    s.names,
    connect.decimals(s.names, info),
    { info = info, info_source = at.rest },
    function() end
  )
  take_folder(o, s)
  local log_path = log_file.attach(s)
  alerts.attach(s)
  configure(o, s, made, on_paper)
  local kept = self and state.find(s.folder, options, on_paper)
  local recorder
  s.world, recorder = make_world(o, s, made, kept, on_paper)
  local api = api_module.new(s.world)
  s.script.env.api, s.script.env.market = api, market_module.new(s.world)
  s.api, s.status = own_copy(api), figures(s.l)
  s.started_ms = math.floor(tonumber(C.live_clock_wall_us(o.clock)) / 1000)
  journal.open(s, made.run)
  C.live_risk_resume(s.l, s.folder .. "/journal.db")
  local has_key = at.key ~= ""
  if not on_paper and has_key then s.journal_path = s.folder .. "/journal.db" end
  if on_paper or has_key then
    local recv_window_s = tonumber(o.recv_window_us) / 1e6
    s.finish = function() ending.get_out(s, recv_window_s, on_paper) end
  else
    s.orderly = true
  end
  run_file.write(s.folder, {
    pid = status.pid,
    script = path,
    mode = s.mode,
    symbols = s.names,
    interval = s.interval,
    started_ms = s.started_ms,
    url = at.rest,
    log = log_path,
  })
  if recorder then
    s.recorder, s.finish = recorder, recorder.before(s.finish)
  end
  if self then
    connect_strategy(s, api, made.params, kept)
  else
    connect_plain(s)
  end
  return s
end

---Connects: clock, account, streams. Fails the command when that cannot be had.
---@param s LiveSession
function M.start(s)
  local function fail(problem)
    journal.close(s, "did not start: " .. problem)
    s.world:close()
    log_file.finish(s, "did not start: " .. problem)
    failures.raise(1, "%s", problem)
  end
  local ok, problem = control.open(s, s.folder .. "/control.sock")
  if not ok then fail(problem) end
  local message = ffi.new "struct errmsg"
  if C.live_start(s.l, START_S * 1e6, message) ~= 0 then fail(ffi.string(message.text)) end
  s.started_equity = status.read(s).equity
  daily.begin(s)
  s.log.info(
    "%s on %s: %s, bars of %s%s",
    s.title,
    s.at.rest,
    table.concat(s.names, " "),
    s.interval,
    s.mode == "paper" and ", on paper" or s.at.key == "" and ", market data only" or ""
  )
  if s.keep_with_account then s.keep_with_account() end
  if s.mode == "paper" then
    paper.greet(s)
  elseif s.at.key ~= "" then
    warn_of_sharing(s)
  end
  local unshared = C.live_sharing_problem(s.l)
  if unshared ~= nil then
    s.log.warn("limits are not shared with other processes: %s", ffi.string(unshared))
  end
  journal.tell(s)
  if s.mode == "paper" or s.at.key ~= "" then ending.tell_taken_over(s) end
  if s.options.watch then reload.watch(s) end
  if s.options.confine then walls.tighten() end -- all sockets are there
end

---Runs the script to its end, and gives everything back.
---@param s LiveSession
---@return string? failure what an unhandled error of the script said, with when; or that its orders may still be there
function M.run(s)
  math.randomseed(s.seed)
  task.watch() -- for who attaches
  C.heartbeat_started()
  if s.seconds then C.live_stop_after(s.l, s.seconds * 1e6) end
  C.live_stop_count(s.l, unpack(s.counts))
  if s.recorder then s.recorder.begin() end
  local failure = runner.run(s.world, s.script.self, s.script.plain and s.chunk or nil)
  if s.recorder then s.recorder.over(failure) end
  -- A script that failed, or waits for something that no longer comes, leaves no orders behind either.
  if s.finish and not s.finished then s.world:run(task.spawn(s.finish), function() end) end
  local at = log_module.time_text(s.world:now())
  if s.at_end then s.at_end(s) end
  journal.close(
    s,
    failure and "failed: " .. failure or s.halted and "stopped by the kill switch" or "stopped"
  )
  ending.tell(s)
  s.closed = true
  s.world:close()
  log_file.finish(s, failure and ("%s failed at %s: %s"):format(s.path, at, failure))
  if s.orderly then C.heartbeat_phase(C.HEART_ENDED) end
  if failure then return ("%s failed at %s: %s"):format(s.path, at, failure) end
  if not s.orderly and not C.heartbeat_joined() then -- a supervisor does the rest
    return ("%s has ended, but its clean-up is not complete (see above): check its open orders"):format(
      s.path
    )
  end
end

return M
