---Where the exchange is, who we are to it, and its rules: what a live or paper run needs before there is a world.
local bit = require "bit"
local ffi = require "ffi"
local C = require "moontide.native"
local cmd = require "moontide.cmd"
local host = require "moontide.host"
local probe = require "moontide.live.probe"
local setup = require "moontide.setup"

local M = {}

local key_kinds = { hmac = C.LIVE_KEY_HMAC, rsa = C.LIVE_KEY_RSA, ed25519 = C.LIVE_KEY_ED25519 }

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
  local rest = (options.url or "https://fapi.binance.com"):gsub("/$", "")
  if not rest:find "^https?://[^/]+$" then cmd.fail(2, "--url %s: as https://fapi.binance.com", rest) end
  local local_one = M.on_this_machine(rest)
  if not local_one and not rest:find "^https:" then cmd.fail(2, "--url %s: orders leave this machine over https only", rest) end
  local streams = options["stream-url"] or (local_one and rest:gsub("^http", "ws")) or "wss://fstream.binance.com"
  if not streams:find "^wss?://[^/]+" then cmd.fail(2, "--stream-url %s: as wss://fstream.binance.com", streams) end
  if options.url and not local_one and not options["stream-url"] then
    cmd.fail(2, "--url %s has streams of its own: give --stream-url too", rest)
  end
  if real and not local_one and not options["yes-real-money"] then
    cmd.fail(2, "%s trades real money; say --yes-real-money if that is meant", rest)
  end
  return rest, (streams:gsub("/$", ""))
end

---The API key and its secret: from a file only its owner can read, or from the environment; never from the command line.
---@param options table key-file
---@return string key "" when there is none
---@return string secret
---@return integer kind enum live_key
function M.keys(options)
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

---The exchange's rules; fails the command when they cannot be had.
---@param o ffi.cdata* struct live_options
---@param at table what M.options gave beside it
---@return table info its exchangeInfo reply
function M.exchange_info(o, at)
  local path = "/fapi/v1/exchangeInfo"
  local p, problem = probe.new(o, at)
  if not p then cmd.fail(1, "%s", problem) end
  local answer
  answer, problem = p:get(path)
  p:close()
  if not answer then cmd.fail(1, "%s", problem) end
  if answer.status ~= 200 then cmd.fail(1, "%s%s: answered %d: %.200s", at.rest, path, answer.status, answer.body) end
  local info = answer.json
  if type(info) ~= "table" or type(info.symbols) ~= "table" then
    cmd.fail(1, "%s%s: not the reply of a futures exchange", at.rest, path)
  end
  return info
end

---@param names string[]
---@param info table
---@return table<string, { price_decimals: integer, quantity_decimals: integer }> # fails the command for a symbol that does not trade
function M.decimals(names, info)
  local known, series = {}, {}
  for _, s in ipairs(info.symbols) do known[s.symbol] = s end
  for _, name in ipairs(names) do
    local s = known[name] or cmd.fail(1, "the exchange does not trade %s", name)
    if s.status ~= "TRADING" then cmd.fail(1, "%s does not trade now: its status is %s", name, tostring(s.status)) end
    series[name] = { price_decimals = s.pricePrecision, quantity_decimals = s.quantityPrecision }
  end
  return series
end

---The options of a connection, for live_new and probes. The texts are kept by `anchor`, which must outlive them.
---@param options table
---@param real boolean orders go to the exchange itself
---@param anonymous boolean? no key is read or used
---@return ffi.cdata* o struct live_options
---@return { rest: string, streams: string, key: string, secret: string } anchor
function M.options(options, real, anonymous)
  local o = ffi.new "struct live_options"
  local rest, streams = M.addresses(options, real)
  local key, secret, kind = "", "", C.LIVE_KEY_HMAC
  if not anonymous then key, secret, kind = M.keys(options) end
  o.rest_url, o.stream_url, o.ca_file, o.proxy = rest, streams, options["ca-file"], options.proxy
  o.api_key, o.secret, o.key_kind = key, secret, kind
  o.recv_window_us = setup.number(options, "recv-window", 5000, 1, 60000) * 1000
  o.http_timeout_us = 10000000
  return o, { rest = rest, streams = streams, key = key, secret = secret, options = options }
end

return M
