---`moontide live SCRIPT`: the script of a backtest, on a real exchange.
local bit = require "bit"
local ffi = require "ffi"
local C = require "moontide.native"
local api_module = require "moontide.api"
local cmd = require "moontide.cmd"
local host = require "moontide.host"
local loader = require "moontide.loader"
local log_module = require "moontide.log"
local market_module = require "moontide.market"
local pump = require "moontide.pump"
local setup = require "moontide.setup"
local strategy_module = require "moontide.strategy"
local task = require "moontide.task"
local world_module = require "moontide.world"

local M = {}

local START_S = 30
local key_kinds = { hmac = C.LIVE_KEY_HMAC, rsa = C.LIVE_KEY_RSA, ed25519 = C.LIVE_KEY_ED25519 }

local function on_this_machine(url)
  local name = url:match "^%a+://%[?([^%]/]+)"
  name = name and (name:match "^(.-):%d+$" or name)
  return name == "127.0.0.1" or name == "localhost" or name == "::1"
end

---Where the exchange is; real money is asked for once more.
local function addresses(options)
  local rest = (options.url or "https://fapi.binance.com"):gsub("/$", "")
  if not rest:find "^https?://[^/]+$" then cmd.fail(2, "--url %s: as https://fapi.binance.com", rest) end
  local local_one = on_this_machine(rest)
  if not local_one and not rest:find "^https:" then cmd.fail(2, "--url %s: orders leave this machine over https only", rest) end
  local streams = options["stream-url"] or (local_one and rest:gsub("^http", "ws")) or "wss://fstream.binance.com"
  if not streams:find "^wss?://[^/]+" then cmd.fail(2, "--stream-url %s: as wss://fstream.binance.com", streams) end
  if options.url and not local_one and not options["stream-url"] then
    cmd.fail(2, "--url %s has streams of its own: give --stream-url too", rest)
  end
  if not local_one and not options["yes-real-money"] then
    cmd.fail(2, "%s trades real money; say --yes-real-money if that is meant", rest)
  end
  return rest, (streams:gsub("/$", ""))
end

---The API key and its secret: from a file only its owner can read, or from the environment; never from the command line.
local function keys(options)
  local path = options["key-file"]
  if not path then
    local key, secret = os.getenv "MOONTIDE_API_KEY", os.getenv "MOONTIDE_API_SECRET"
    if (key == nil) ~= (secret == nil) then
      cmd.fail(1, "%s is set and %s is not", key and "MOONTIDE_API_KEY" or "MOONTIDE_API_SECRET", key and "MOONTIDE_API_SECRET" or "MOONTIDE_API_KEY")
    end
    return key or "", secret or "", C.LIVE_KEY_HMAC
  end
  local mode = host.file_mode(path)
  if not mode then cmd.fail(1, "--key-file %s: no such file", path) end
  if bit.band(mode, 63) ~= 0 then cmd.fail(1, "--key-file %s: others may read it; chmod 600 %s", path, path) end
  local chunk = loadfile(path, "t", {})
  local ok, t = pcall(chunk or error)
  local good = ok and type(t) == "table" and type(t.key) == "string" and type(t.secret) == "string"
  -- What is in the file stays out of the message.
  if not good then cmd.fail(1, '--key-file %s: it must return { key = "...", secret = "..." }', path) end
  local kind = key_kinds[t.kind or "hmac"]
  if not kind then cmd.fail(1, "--key-file %s: kind is hmac, rsa or ed25519", path) end
  return t.key, t.secret, kind
end

-- The exchange's own rules, of the symbols that are wanted.
local function exchange_info(o, rest)
  local body, message = ffi.new "char *[1]", ffi.new "struct errmsg"
  if C.live_fetch(o, "/fapi/v1/exchangeInfo", body, message) ~= 0 then cmd.fail(1, "%s", ffi.string(message.text)) end
  local ok, info = pcall(require("cjson").decode, ffi.string(body[0]))
  C.live_fetch_free(body[0])
  if not ok or type(info) ~= "table" or type(info.symbols) ~= "table" then
    cmd.fail(1, "%s/fapi/v1/exchangeInfo: not the reply of a futures exchange", rest)
  end
  return info
end

local function decimals_of(names, info)
  local known, series = {}, {}
  for _, s in ipairs(info.symbols) do known[s.symbol] = s end
  for _, name in ipairs(names) do
    local s = known[name] or cmd.fail(1, "the exchange does not trade %s", name)
    if s.status ~= "TRADING" then cmd.fail(1, "%s does not trade now: its status is %s", name, tostring(s.status)) end
    series[name] = { price_decimals = s.pricePrecision, quantity_decimals = s.quantityPrecision }
  end
  return series
end

-- At the end open orders of the run's symbols go, each told.
local function cancel_open_orders(api, names, log)
  for _, name in ipairs(names) do
    local orders, err = api.get_open_orders { symbol = name }
    if not orders then
      log.warn("%s: open orders cannot be read: %s", name, err)
    elseif #orders > 0 then
      local ok
      ok, err = api.cancel_all_orders { symbol = name, priority = "CRITICAL" }
      if ok then log.info("%s: %d open orders cancelled", name, #orders)
      else log.error("%s: %d open orders could not be cancelled: %s", name, #orders, err) end
    end
  end
end

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

local function say_end(l, log)
  local f = C.live_figures(l)
  log.fields("info", "ended", {
    { "requests", tonumber(f.sent) }, { "lost", tonumber(f.lost) }, { "found_after_all", tonumber(f.resolved_found) },
    { "never_arrived", tonumber(f.resolved_absent) }, { "refused_by_safety", tonumber(f.refused_by_safety) }, { "stream_messages", tonumber(f.stream_messages) },
    { "reconnects", tonumber(f.stream_reconnects) }, { "bars_recovered", tonumber(f.bars_recovered) },
    { "clock_offset_ms", math.floor(tonumber(f.clock_offset_us) / 1000 + 0.5) },
  })
end

---@param options table
---@return integer status
function M.run(options)
  local path = options[1]
  if not path then cmd.fail(2, "which script? usage: moontide live SCRIPT --yes-real-money") end
  if options[2] then cmd.fail(2, "one script at a time; '%s' is one too many", options[2]) end
  local rest, streams = addresses(options)
  local world
  local log = loader.log(options, function() return world and world.now() end)
  local sets = loader.sets(options.set)
  local script = loader.load(path, { log = log, print = print, seed = setup.number(options, "seed", 1) })
  local self = script.self
  local names = options.symbol or (self and self.symbols) or { "BTCUSDT" }
  local interval = options.interval or (self and self.interval) or "1m"
  if C.interval_find(interval) < 0 then cmd.fail(2, "--interval %s: no such interval; 1m, 5m, 1h, 1d...", interval) end
  local params = strategy_module.parameters(self and self.params, sets, path)

  local o = ffi.new "struct live_options"
  local key, secret, kind = keys(options)
  o.rest_url, o.stream_url, o.ca_file, o.proxy = rest, streams, options["ca-file"], options.proxy
  o.api_key, o.secret, o.key_kind = key, secret, kind
  o.recv_window_us = setup.number(options, "recv-window", 5000, 1, 60000) * 1000
  o.http_timeout_us = 10000000
  o.safety.order_notional_e8 = C.dec_from_double(setup.number(options, "max-order-notional", 0, 0, 1e10))
  o.safety.position_notional_e8 = C.dec_from_double(setup.number(options, "max-position-notional", 0, 0, 1e10))
  o.safety.daily_loss_e8 = C.dec_from_double(setup.number(options, "max-daily-loss", 0, 0, 1e10))
  o.safety.collar_e8 = C.dec_from_double(setup.number(options, "price-collar", 0.1, 0, 100))
  o.safety.orders_per_minute = setup.number(options, "max-orders-per-minute", 0, 0, 1e6)
  local info = exchange_info(o, rest)
  local rules, rate_limits = setup.symbols(names, decimals_of(names, info), { info = info, info_source = rest }, function() end)
  local config = loader.configuration(options, rate_limits)
  config.seed = setup.number(options, "seed", 1)
  -- An order whose outcome is unknown is looked up for as long as it takes; the transport has its own timeout.
  o.http_timeout_us = config.request_timeout_us
  config.request_timeout_us = 600000000
  o.api = config

  local message, out = ffi.new "struct errmsg", ffi.new "struct live *[1]"
  local seconds = setup.number(options, "for", nil, 0.1, 1e9)
  if seconds then o.stop_at_us = C.live_clock_us() + (seconds + 0) * 1e6 end
  if C.live_new(o, rules, #names, out, message) ~= 0 then cmd.fail(1, "%s", ffi.string(message.text)) end
  local l, symbol_names, index_of = out[0], {}, {}
  for i, name in ipairs(names) do
    symbol_names[i - 1] = name
    index_of[name] = i - 1
  end
  world = world_module.new {
    pump = pump.live, bt = l, symbols = rules, symbol_names = symbol_names, symbol_count = #names, log = log,
    feed = feeds(l, index_of, interval),
  }
  world.config, world.rate_limits = config, rate_limits
  local api = api_module.new(world)
  script.env.api, script.env.market = api, market_module.new(world)
  local finish = key ~= "" and not options["keep-orders"] and function() cancel_open_orders(api, names, log) end or function() end
  local chunk = script.chunk
  if self then
    self.symbols, self.params, self.interval = names, params, interval
    for _, name in ipairs(names) do world.subscribe(name, interval) end
    C.live_events(l, strategy_module.event_mask(self))
    loader.listen(world, api, self)
    local on_stop = self.on_stop
    self.on_stop = function(me)
      if on_stop then on_stop(me) end
      finish()
    end
  else
    chunk = function()
      script.chunk()
      finish()
      C.live_stop(l)   -- a plain script's end is the run's
    end
  end
  if C.live_start(l, START_S * 1e6, message) ~= 0 then
    world.close()
    cmd.fail(1, "%s", ffi.string(message.text))
  end
  log.info("%s on %s: %s, bars of %s%s", path, rest, table.concat(names, " "), interval,
    key == "" and ", without a key: market data only" or "")
  if options["yes-real-money"] and not on_this_machine(rest) then
    log.warn("no journal and no dead-man switch yet: an order that is open when this process dies stays open")
  end
  math.randomseed(setup.number(options, "seed", 1))
  local failure = strategy_module.run(world, self, script.plain and chunk or nil)
  if failure and finish then
    -- A script that failed leaves no orders behind either.
    local done = task.spawn(finish)
    world.run(done, function() end)
  end
  say_end(l, log)
  local at = log_module.time_text(world.now())
  world.close()
  if failure then cmd.fail(1, "%s failed at %s: %s", path, at, failure) end
  return 0
end

return M
