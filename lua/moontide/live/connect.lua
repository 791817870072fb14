---Where the exchange is, who we are to it, and its rules: what a live or paper run needs before there is a world.
local ffi = require "ffi"
local C = require "moontide.core"
local exchange_info = require "moontide.run.exchange_info"
local failures = require "moontide.failure"
local suggest = require "moontide.options.suggest"
local groups = require "moontide.options.live_groups"
local host = require "moontide.lua_host"
local option_table = require "moontide.options"
local probe = require "moontide.live.probe"

local M = {}

---@param url string
---@return boolean # whether it is an address of this very machine
function M.on_this_machine(url)
  local name = url:match "^%a+://%[?([^%]/]+)"
  name = name and (name:match "^(.-):%d+$" or name)
  return name == "127.0.0.1" or name == "localhost" or name == "::1"
end

---Where the exchange is; fails the command on an address that is none, and on one that orders must not go to.
---@param options table url, stream-url, yes-real-money
---@param real boolean orders go there: real money is asked for once more
---@return string rest
---@return string streams
function M.addresses(options, real)
  local rest = options.url or "https://fapi.binance.com"
  local local_one = M.on_this_machine(rest)
  if not local_one and not rest:find "^https:" then
    failures.raise(2, "--url %s: orders leave this machine over https only", rest)
  end
  local streams = options["stream-url"]
    or (local_one and rest:gsub("^http", "ws"))
    or "wss://fstream.binance.com"
  if options.url and not local_one and not options["stream-url"] then
    failures.raise(2, "--url %s has streams of its own: give --stream-url too", rest)
  end
  if real and not local_one and not options["yes-real-money"] then
    failures.raise(2, "%s trades real money; say --yes-real-money if that is meant", rest)
  end
  return rest, streams
end

---Where orders by WebSocket go; nil with an exchange that is not known to have such a place.
---@param options table ws-api-url
---@param rest string
---@param streams string
---@return string?
local function order_address(options, rest, streams)
  local url = options["ws-api-url"]
  if url and not url:find "^wss:" and not M.on_this_machine(url) then
    failures.raise(2, "--ws-api-url %s: orders leave this machine over wss only", url)
  end
  if url then return url end
  if M.on_this_machine(rest) then return streams .. "/ws-fapi/v1" end
  return not options.url and "wss://ws-fapi.binance.com/ws-fapi/v1" or nil
end

---The API key and what it signs with: from a file only its owner can read, or from the environment; never from the command
---line. They stay in C (script/secrets.h) and are wiped with the last reference, or by C.secrets_wipe.
---@param options table key-file
---@return ffi.cdata* secrets struct secrets
function M.secrets(options)
  local secrets, message = ffi.new "struct secrets", ffi.new "struct errmsg"
  if C.secrets_read(options["key-file"], secrets, message) ~= 0 then
    failures.raise(1, "%s", ffi.string(message.text))
  end
  return ffi.gc(secrets, C.secrets_wipe)
end

local PATIENCE_S = 20 -- with an exchange that is asked too often, or that fails
local passing = { [408] = true, [429] = true, [500] = true, [502] = true, [503] = true, [504] = true }

-- What is over in a moment is waited for.
local function ask_patiently(p, path)
  local waited, pause = 0, 0.5
  while true do
    local answer, problem = p:get(path)
    if not answer or not passing[answer.status] then return answer, problem end
    local rest = math.max(pause, answer.retry_after)
    if waited + rest > PATIENCE_S then return answer end
    p:wait(rest)
    waited, pause = waited + rest, math.min(pause * 2, 5)
  end
end

local slow_down = ffi.new "struct slow_down"

-- For how long an answer asks to be left alone; nil: it does not.
local function silence(o, answer)
  if answer.status ~= 418 and answer.status ~= 429 and answer.status ~= 403 then return nil end
  local now_us = C.live_clock_wall_us(o.clock)
  local said = ffi.new("struct slow_down_answer", {
    status = answer.status,
    text = answer.body,
    retry_after_s = answer.retry_after,
    exchange_us = now_us,
  })
  return tonumber(C.slow_down_pause_us(slow_down, said, now_us)) / 1e6
end

---The exchange's rules, or why they cannot be had.
---@param o ffi.cdata* struct live_options
---@param at table what M.options gave beside it
---@return table? info its exchangeInfo reply
---@return string? problem
---@return number? pause seconds for which the exchange is not to be asked again
function M.ask_exchange_info(o, at)
  local path = "/fapi/v1/exchangeInfo"
  local p, problem = probe.new(o, at)
  if not p then return nil, problem end
  local answer
  answer, problem = ask_patiently(p, path)
  p:close()
  if not answer then return nil, problem end
  if answer.status ~= 200 then
    return nil, ("%s%s %s"):format(at.rest, path, probe.refusal(answer)), silence(o, answer)
  end
  local info = answer.json
  if type(info) ~= "table" or type(info.symbols) ~= "table" then
    return nil, ("%s%s %s"):format(at.rest, path, probe.no_reply(answer))
  end
  return info
end

---As M.ask_exchange_info; fails the command when they cannot be had.
---@param o ffi.cdata* struct live_options
---@param at table what M.options gave beside it
---@return table info
function M.exchange_info(o, at)
  local info, problem = M.ask_exchange_info(o, at)
  return info or failures.raise(1, "%s", problem)
end

---@param names string[]
---@param info table
---@return table<string, { price_decimals: integer, quantity_decimals: integer }> # fails the command for a symbol that does not trade
function M.decimals(names, info)
  local known, series = exchange_info.entries(info, "exchangeInfo"), {}
  for _, name in ipairs(names) do
    local s = known[name]
    if not s then
      local symbols = {}
      for symbol in pairs(known) do
        symbols[#symbols + 1] = symbol
      end
      table.sort(symbols)
      failures.raise(1, "the exchange does not trade %s%s", name, suggest.hint(name, symbols))
    end
    if s.status ~= "TRADING" then
      failures.raise(1, "%s does not trade now: its status is %s", name, tostring(s.status))
    end
    local price_decimals, quantity_decimals = exchange_info.decimals(s, "exchangeInfo")
    if not price_decimals or not quantity_decimals then
      failures.raise(1, "the exchange does not say how many decimals %s has", name)
    end
    series[name] = { price_decimals = price_decimals, quantity_decimals = quantity_decimals }
  end
  return series
end

-- The proxy of all connections; nil when the environment is to say. A password on the command line is for all to see.
local function proxy(options)
  local given, message = options.proxy, ffi.new "struct errmsg"
  if given and C.proxy_has_secret(given) then
    failures.raise(
      2,
      "--proxy: a password on the command line can be read by everybody on this machine; put it in https_proxy of the environment instead"
    )
  end
  if C.proxy_check(given, message) ~= 0 then
    failures.raise(given and 2 or 1, "%s%s", given and "--" or "the environment's ", ffi.string(message.text))
  end
  return given
end

---The options of a connection, for live_new and probes. The texts are kept by `anchor`, which must outlive them.
---@param options table
---@param real boolean orders go to the exchange itself
---@param anonymous boolean? no key is read or used
---@return ffi.cdata* o struct live_options
---@return { rest: string, streams: string, key: string, secrets: ffi.cdata*? } anchor
function M.options(options, real, anonymous)
  option_table.fill(groups.live, options)
  local o = ffi.new "struct live_options"
  local rest, streams = M.addresses(options, real)
  local secrets = not anonymous and M.secrets(options) or nil
  local key = secrets and ffi.string(secrets.key) or ""
  o.rest_url, o.stream_url, o.ca_file, o.proxy = rest, streams, options["ca-file"], proxy(options)
  o.api_key, o.secret, o.key_kind = key, secrets and secrets.secret, secrets and secrets.kind or C.KEY_HMAC
  o.recv_window_us = options["recv-window"] * 1000
  o.http_timeout_us = 10000000
  o.clock, o.network = options.clock, options.network -- no options of a command: a spec hands in its own
  o.warm_connections = options["warm-connections"] or (real and 2 or 0)
  local orders = order_address(options, rest, streams)
  o.ws_api_url = orders
  return o,
    { rest = rest, streams = streams, key = key, secrets = secrets, orders = orders, options = options }
end

---One budget for all processes of this machine: of weight for those that speak to the same exchange, of orders for those with
---the same key.
---@param o ffi.cdata* struct live_options
---@param anchor table of M.options; keeps the names
function M.share(o, anchor)
  local place = anchor.rest:gsub("^%a+://", ""):gsub("[^%w%.%-]", "_"):sub(1, 40)
  anchor.budgets = { place, anchor.key ~= "" and place .. "-" .. host.sha256(anchor.key):sub(1, 12) or nil }
  o.budgets[C.BUDGET_ADDRESS], o.budgets[C.BUDGET_ACCOUNT] = anchor.budgets[1], anchor.budgets[2]
end

---By which way orders go: --order-channel, else order_channel of moontide.conf.lua, else REST.
---@param o ffi.cdata* struct live_options
---@param anchor table of M.options
---@param run table settings of the run (loader.configuration)
function M.order_channel(o, anchor, run)
  local row, where =
    groups.row "order-channel", (anchor.options.config or "moontide.conf.lua") .. ": order_channel"
  local channel = option_table.setting(row, anchor.options, run.order_channel, where)
  if channel == "ws" and not anchor.orders then
    failures.raise(2, "--order-channel ws: give --ws-api-url too, the place of the exchange's WebSocket API")
  end
  o.orders_by_websocket = channel == "ws"
end

return M
