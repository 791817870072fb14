---`moontide exchange`: a Binance-compatible futures exchange on this machine.
local ffi = require "ffi"
local C = require "moontide.core"
local host = require "moontide.lua_host"
local cmd = require "moontide.cmd"
local groups = require "moontide.options.groups"
local option_table = require "moontide.options"
local setup = require "moontide.backtest.setup"
local synthetic = require "moontide.backtest.synthetic"
local types = require "moontide.options.types"

local HISTORY_BARS = 4320 -- of a made market: three days of minutes
local usual_prices = {
  BTCUSDT = 65000,
  ETHUSDT = 3200,
  BNBUSDT = 600,
  SOLUSDT = 150,
  XRPUSDT = 0.6,
  DOGEUSDT = 0.12,
  LTCUSDT = 80,
  BCHUSDT = 400,
  ADAUSDT = 0.45,
  LINKUSDT = 14,
  AVAXUSDT = 28,
}

local function note(line) io.stderr:write("note: ", line, "\n") end

-- Names in a list, each once; or what is wrong.
local function symbol_list(text)
  local names, seen = {}, {}
  for name in text:gmatch "[^,%s]+" do
    name = name:upper()
    if #name >= C.SYMBOL_NAME_MAX or not name:find "^%w+$" then
      return nil, ("'%s' is not a symbol"):format(name)
    end
    if not seen[name] then names[#names + 1] = name end
    seen[name] = true
  end
  if #names == 0 then return nil, "expected symbols, such as BTCUSDT,ETHUSDT" end
  if #names > C.SYMBOLS_MAX then return nil, ("expected at most %d symbols"):format(C.SYMBOLS_MAX) end
  return names
end

-- Orders in 10 seconds and in a minute: { 300, 1200 }.
local function order_limits(text)
  local short, long = text:match "^(%d+),(%d+)$"
  short, long = tonumber(short), tonumber(long)
  if not short or short < 1 or long < 1 or short > 1e9 or long > 1e9 then
    return nil, "expected two numbers >= 1, such as 300,1200"
  end
  return { short, long }
end

local SPEED = { name = "speed", type = "number", min = 0.01, max = 100000 }

-- How much faster than the wall clock; 0: as fast as it goes.
local function speed(text)
  if text == "max" then return 0 end
  local value, problem = types.read(SPEED, text)
  return value, problem and problem .. ", or max"
end

local symbol, interval = groups.script[1], groups.script[2]

local M = {
  usage = "exchange [--port N] [--data PATH... | --synthetic SEED] [options]",
  exclusive = { { "data", "symbols" }, { "data", "synthetic" }, { "data", "volatility" } },
  options = {
    {
      name = "port",
      type = "integer",
      value = "N",
      min = 0,
      max = 65535,
      default = 9090,
      help = "where to listen; 0: any free port",
    },
    {
      name = "listen",
      type = "text",
      value = "ADDRESS",
      default = "127.0.0.1",
      help = "the address to listen on; 127.0.0.1: this machine only",
    },
    {
      name = "host",
      type = "text",
      value = "NAME",
      repeated = true,
      help = "a name by which clients call this machine, besides localhost and its addresses",
    },
    {
      title = "synthetic market",
      {
        name = "symbols",
        type = "text",
        value = "S,S...",
        check = symbol_list,
        shown = "BTCUSDT,ETHUSDT,SOLUSDT,BNBUSDT,XRPUSDT",
        help = "its symbols",
      },
      {
        name = "synthetic",
        type = "integer",
        value = "SEED",
        min = 0,
        default = 1,
        help = "the seed of the market",
      },
      {
        name = "volatility",
        type = "number",
        value = "RATIO",
        min = 0,
        max = 0.5,
        default = 0.03,
        help = "standard deviation of a day's return",
      },
    },
    {
      title = "or data to replay",
      option_table.with(
        groups.data[1],
        { help = "bars or trades to replay instead (CSV, gz, zip; of bars also a folder)" }
      ),
      option_table.with(symbol, {
        repeated = false,
        needs = "data",
        shown = false,
        help = "the symbol of the data, where the file name has none",
      }),
      option_table.with(
        interval,
        { needs = "data", shown = false, help = "the interval of the data, where the file name has none" }
      ),
      option_table.pick(groups.data, { "allow-gaps", "store" }),
      {
        name = "history",
        type = "integer",
        value = "N",
        min = 0,
        needs = "data",
        shown = "1500, at most half; of trades: 0",
        help = "bars of the data that lie in the past at the start; of trades: minutes",
      },
      {
        name = "loop",
        type = "flag",
        needs = "data",
        help = "begin the replay again where the data end; else prices stop moving",
      },
    },
    {
      title = "market",
      {
        name = "speed",
        type = "number",
        value = "X|max",
        check = speed,
        default = 1,
        help = "how much faster than the wall clock the exchange's runs",
      },
      {
        name = "rate",
        type = "number",
        value = "N",
        min = 0.01,
        max = 10000,
        default = 20,
        help = "orders a second of other traders in the first symbol",
      },
    },
    {
      title = "account",
      {
        name = "wallet",
        type = "number",
        value = "USDT",
        min = 0,
        max = 1e9,
        default = 10000,
        help = "its starting balance",
      },
      groups.account[4],
      {
        name = "public-key",
        type = "file",
        value = "FILE",
        repeated = true,
        help = "an RSA or Ed25519 public key (PEM) that may sign; its API key is printed",
      },
      {
        name = "key-rights",
        type = "choice",
        value = "RIGHT",
        choices = { "withdraw" },
        shown = "no withdrawals",
        help = "what apiRestrictions says of the keys that trade",
      },
      {
        name = "state",
        type = "file",
        value = "FILE",
        help = "keep the account in this file between runs (written at the end and every 10 s)",
      },
    },
    {
      title = "rules and limits",
      groups.rules[1],
      groups.rules[2],
      {
        name = "weight-limit",
        type = "integer",
        value = "N",
        min = 1,
        max = 1e9,
        default = 2400,
        help = "request weight a minute",
      },
      {
        name = "order-limits",
        type = "text",
        value = "N,M",
        check = order_limits,
        shown = "300,1200",
        help = "orders in 10 seconds and in a minute",
      },
      { name = "no-limits", type = "flag", help = "count requests but refuse none" },
      {
        name = "faults",
        type = "file",
        value = "FILE",
        help = "rules of what goes wrong (docs/exchange.md)",
      },
    },
    {
      title = "connections",
      {
        name = "tls",
        type = "file",
        value = "FILE",
        repeated = true,
        words = true,
        help = "serve TLS: the certificate and then the key (PEM)",
      },
      {
        name = "client-timeout",
        type = "duration",
        unit = "s",
        value = "S",
        min = 1,
        max = 3600,
        default = 10,
        help = "seconds a client has to send a whole request",
      },
      {
        name = "legacy-streams",
        type = "flag",
        help = "addresses without /public, /market or /private carry all streams",
      },
      {
        name = "stream-life",
        type = "duration",
        unit = "s",
        value = "S",
        min = 0.1,
        default = 86400,
        help = "seconds a stream connection lives",
      },
      {
        name = "ping",
        type = "duration",
        unit = "s",
        value = "S",
        min = 0.1,
        default = 180,
        help = "seconds between server pings",
      },
    },
  },
}

---Past bars of a made market, one series a symbol.
local function made_market(options)
  local names, series = options.symbols or { "BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT" }, {}
  for i, name in ipairs(names) do
    series[name] = synthetic.series {
      symbol = name,
      interval = "1m",
      seed = options.synthetic * 1000 + i,
      count = HISTORY_BARS,
      price = usual_prices[name],
      volatility = options.volatility,
    }
  end
  return names, series, nil
end

---Bars of files: of each symbol the finest interval.
local function replay(options)
  local result = setup.import(options.data, {
    symbol = options.symbol,
    interval = options.interval,
    store = options.store,
    allow_gaps = options["allow-gaps"],
    notice = note,
  })
  local names, series = {}, {}
  for i = 0, result.series_count - 1 do
    local s = result.series[i]
    local name = ffi.string(s.symbol)
    if not series[name] then names[#names + 1] = name end
    if not series[name] or s.interval_us < series[name].interval_us then series[name] = s end
  end
  if #names == 0 then cmd.fail(1, "--data: no bars found there") end
  if #names > C.SYMBOLS_MAX then cmd.fail(1, "--data: %d symbols; at most %d", #names, C.SYMBOLS_MAX) end
  table.sort(names)
  return names, series, result
end

---The symbol of a file of trades by its name: BTCUSDT-aggTrades-2024-01-02.zip, BTCUSDT-trades-2024-01.csv.
local function traded_symbol(path)
  return path:match "([%w_]+)%-aggTrades%-[^/]*$" or path:match "([%w_]+)%-trades%-[^/]*$"
end

---Files of trades by symbol, when that is what --data names.
local function trade_files(options)
  local names, files = {}, {}
  for _, path in ipairs(options.data or {}) do
    local name = traded_symbol(path)
    if not name then
      if #names > 0 then cmd.fail(2, "--data: files of trades and others (%s) cannot be mixed", path) end
      return nil
    end
    if not files[name] then
      names[#names + 1], files[name] = name, {}
    end
    table.insert(files[name], path)
  end
  if #names == 0 then return nil end
  if #names > C.SYMBOLS_MAX then cmd.fail(1, "--data: %d symbols; at most %d", #names, C.SYMBOLS_MAX) end
  for _, option in ipairs { "symbol", "interval" } do
    if options[option] then cmd.fail(2, "--%s has no place beside files of trades", option) end
  end
  table.sort(names)
  for _, list in pairs(files) do
    table.sort(list)
  end
  return names, files
end

local function read_file(path, option)
  local file, problem = io.open(path, "rb")
  if not file then cmd.fail(1, "--%s: cannot read %s", option, problem) end
  local text = file:read "*a"
  file:close()
  return text or ""
end

-- The keys are made from fixed words: nothing here is secret, and a script may count on them.
local function secret_word(what) return host.sha256("moontide local exchange: " .. what) end

---Keys of the account: { id, secret or public key, kind, trades, withdraws, path }.
local function keys_of(options)
  local rights = options["key-rights"]
  local keys = {
    { id = secret_word "api key", text = secret_word "secret", kind = 0, trades = true },
    { id = secret_word "reading api key", text = secret_word "reading secret", kind = 0, trades = false },
  }
  for _, path in ipairs(options["public-key"] or {}) do
    local text = read_file(path, "public-key")
    if #keys == C.EXCHANGE_SERVER_KEYS_MAX then
      cmd.fail(2, "--public-key: at most %d keys", C.EXCHANGE_SERVER_KEYS_MAX - 2)
    end
    -- The key's own algorithm tells; the reader refuses what is neither.
    keys[#keys + 1] =
      { id = host.sha256(text), text = text, kind = #text < 200 and 2 or 1, trades = true, path = path }
  end
  for _, k in ipairs(keys) do
    k.withdraws = k.trades and rights ~= nil
  end
  return keys
end

local function print_keys(keys)
  print(("  API key      %s"):format(keys[1].id))
  print(("  secret       %s"):format(keys[1].text))
  print(("  read-only    %s"):format(keys[2].id))
  print(("    secret     %s"):format(keys[2].text))
  for i = 3, #keys do
    print(
      ("  %-12s %s  (%s)"):format(keys[i].kind == 2 and "Ed25519 key" or "RSA key", keys[i].id, keys[i].path)
    )
  end
end

local function print_banner(options, port, names, keys, token)
  local address = options.listen
  local place = (address:find ":" and "[" .. address .. "]" or address) .. ":" .. port
  local http, ws = options.tls and "https" or "http", options.tls and "wss" or "ws"
  print(("moontide exchange on %s, symbols %s"):format(place, table.concat(names, " ")))
  print(("  REST         %s://%s"):format(http, place))
  print(("  streams      %s://%s/public /market /private"):format(ws, place))
  print(("  WebSocket API  %s://%s/ws-fapi/v1"):format(ws, place))
  print(("  audit        %s://%s/moontide/audit"):format(http, place))
  print_keys(keys)
  print(("  token        %s  (of /moontide/ pages: header X-Moontide-Token)"):format(token))
  io.stdout:flush()
end

local function exchange_config(options, e)
  e.wallet_e8 = C.dec_from_double(options.wallet)
  e.maker_e8, e.taker_e8 = 20000, 50000
  e.leverage = options.leverage
  e.enforce_limits = not options["no-limits"]
  e.weight_1m = options["weight-limit"]
  local orders = options["order-limits"] or { 300, 1200 }
  e.orders_10s, e.orders_1m = orders[1], orders[2]
end

-- What asks for /moontide/ pages: a token of this start, or the one that the environment names, so that scripts can know it. (On the
-- command line every user of the machine could read it.)
local function admin_token()
  local fixed = os.getenv "MOONTIDE_EXCHANGE_TOKEN"
  if not fixed or fixed == "" then return host.unguessable():sub(2) end
  if #fixed < 16 or #fixed > 64 or fixed:find "[^%w_%-]" then
    cmd.fail(2, "MOONTIDE_EXCHANGE_TOKEN must have 16 to 64 letters, digits, '-' or '_'")
  end
  return fixed
end

---@param options table
---@return integer status
function M.run(options)
  local token = admin_token()
  if options.tls and #options.tls ~= 2 then
    cmd.fail(2, "--tls needs two files: the certificate and the key (PEM)")
  end
  local names, files = trade_files(options)
  local series_of, owner = {}, nil
  if not files then
    names, series_of, owner = (options.data and replay or made_market)(options)
  end
  if files then
    for _, name in ipairs(names) do
      series_of[name] = { price_decimals = 4, quantity_decimals = 3 }
    end -- of unknown symbols
  end
  local symbols = setup.symbols(names, series_of, options, note)
  local series, from = ffi.new("struct series[?]", #names), ffi.new("int64_t[?]", #names)
  for i, name in ipairs(files and {} or names) do
    local s = series_of[name]
    series[i - 1] = s
    from[i - 1] = s.count
    if options.data then
      local history = options.history or 1500
      from[i - 1] = math.min(history, math.floor(tonumber(s.count) / 2))
    end
  end

  local o = ffi.new "struct exchange_main_options"
  local l = o["local"]
  exchange_config(options, l.exchange)
  l.symbols, l.symbol_count, l.series, l.replay_from = symbols, #names, series, from
  local lists, counts, keep = ffi.new("const char *const *[?]", #names), ffi.new("int32_t[?]", #names), {}
  if files then
    for i, name in ipairs(names) do
      keep[i] = ffi.new("const char *[?]", #files[name], files[name])
      lists[i - 1], counts[i - 1] = keep[i], #files[name]
    end
    l.trade_paths, l.trade_path_counts = lists, counts
    l.trade_history_us = (options.history or 0) * 60000000
  end
  l.loop = options.loop or false
  l.seed = options.synthetic
  l.volatility = options.volatility
  l.rate = options.rate
  l.legacy_streams = options["legacy-streams"] or false
  l.stream_life_us = options["stream-life"] * 1e6
  l.ping_us = options.ping * 1e6
  if options.faults then
    l.faults = require("moontide.run.faults").load(options.faults, 0, true)
  else
    C.faults_init(l.faults, l.seed)
  end
  local keys = keys_of(options)
  local texts = {}
  for i, k in ipairs(keys) do
    local key = l.keys[i - 1]
    ffi.copy(key.id, k.id)
    texts[i] = k.text
    key.kind, key.text, key.trades, key.withdraws = k.kind, texts[i], k.trades, k.withdraws
  end
  l.key_count = #keys
  local hosts = options.host or {}
  local host_names = ffi.new("const char *[?]", #hosts + 1, hosts)
  l.admin_token, l.host_names, l.host_count = token, host_names, #hosts
  o.address, o.port, o.speed = options.listen, options.port, options.speed
  o.state = options.state
  o.request_s = options["client-timeout"]
  if options.tls then
    o.certificate, o.key = options.tls[1], options.tls[2]
  end

  local out, message = ffi.new "struct exchange_main *[1]", ffi.new "struct errmsg"
  if C.exchange_main_open(o, out, message) ~= 0 then cmd.fail(1, "%s", ffi.string(message.text)) end
  print_banner(options, C.exchange_main_port(out[0]), names, keys, token)
  local problem = C.exchange_main_run(out[0], message)
  local f = C.exchange_main_figures(out[0])
  print(
    ("stopped after %d requests, %d orders, %d fills, %d stream messages"):format(
      tonumber(f.requests),
      tonumber(f.orders),
      tonumber(f.fills),
      tonumber(f.messages)
    )
  )
  C.exchange_main_free(out[0])
  if problem ~= 0 then cmd.fail(1, "%s", ffi.string(message.text)) end
  return owner and 0 or 0 -- the import lives as long as the exchange reads its bars
end

return M
