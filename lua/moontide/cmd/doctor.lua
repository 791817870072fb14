---`moontide doctor`: what a live run needs, looked at one by one; each line is ok, or says how to mend it.
local ffi = require "ffi"
local cjson = require "cjson"
local C = require "moontide.core"
local connect = require "moontide.live.connect"
local folder = require "moontide.live.folder"
local groups = require "moontide.options.groups"
local loader = require "moontide.run.loader"
local live_groups = require "moontide.options.live_groups"
local option_table = require "moontide.options"
local probes = require "moontide.live.probe"

local script, connection, key = groups.script, live_groups.connection, live_groups.key

local M = {
  usage = "doctor [options]",
  options = {
    option_table.pick(connection, { "url", "stream-url" }),
    option_table.pick(key, { "key-file" }),
    option_table.pick(script, { "config" }),
    option_table.pick(key, { "recv-window" }),
    option_table.pick(connection, { "ca-file", "proxy" }),
    { name = "json", type = "flag", help = "one JSON document instead of lines" },
  },
}

local PINGS = 12
local DISK_LOW, DISK_TOO_LOW = 1e9, 5e7 -- bytes
local CLOCK_OFF_US, CLOCK_FAR_OFF_US = 250000, 2000000
-- Where the real exchange tells what a key may do; one on this machine tells it itself.
local KEY_RIGHTS = { ["https://fapi.binance.com"] = "https://api.binance.com" }

---@class Diagnosis
---@field name string
---@field state "ok"|"warn"|"fail"|"skip"
---@field text string what was found, and how to mend it

local function diary()
  local d = { list = {} }
  for _, state in ipairs { "ok", "warn", "fail", "skip" } do
    d[state] = function(name, format, ...)
      d.list[#d.list + 1] =
        { name = name, state = state, text = select("#", ...) > 0 and format:format(...) or format }
    end
  end
  return d
end

-- What a function that may end in cmd.fail has to say; nil when all is well.
local function complaint(fn, ...)
  local ok, e = pcall(fn, ...)
  if ok then return nil end
  return require("moontide.failure").is(e) and e.message or error(e, 0)
end

local refusal = probes.refusal

local function configuration(d, options)
  local problem = complaint(loader.configuration, options, {})
  local file = options.config or "moontide.conf.lua"
  local handle = io.open(file)
  if handle then handle:close() end
  if problem then
    d.fail("configuration", problem)
  elseif handle then
    d.ok("configuration", "%s is read", file)
  else
    d.ok("configuration", "no moontide.conf.lua here: the defaults (moontide help config)")
  end
end

local function disk(d)
  local base, problem = folder.path(nil)
  if not base then
    d.fail("disk", problem)
    return
  end
  -- The nearest folder that is there already.
  local at, free = base, -1
  while free < 0 and at ~= "" do
    free = tonumber(C.probe_free_bytes(at))
    if free < 0 then at = at:match "^(.*)/[^/]*$" end
  end
  local out, message = ffi.new("char[?]", C.RUN_PATH_MAX), ffi.new "struct errmsg"
  if C.run_folder_make("doctor", out, message) ~= 0 then
    d.fail(
      "disk",
      "%s: runs keep their journal there; make it writable, or set MOONTIDE_HOME",
      ffi.string(message.text)
    )
    return
  end
  os.remove(ffi.string(out))
  local say = free < DISK_TOO_LOW and d.fail or free < DISK_LOW and d.warn or d.ok
  say(
    "disk",
    "%.1f GB free for runs in %s%s",
    free / 1e9,
    base,
    say ~= d.ok and "; make room, or set MOONTIDE_HOME" or ""
  )
end

local function reachability(d, p, rest)
  local answer, problem = p:get "/fapi/v1/ping"
  if not answer then
    d.fail(
      "reachability",
      "%s; is the network up, the name right (--url), a proxy needed (--proxy)?",
      problem
    )
  elseif answer.status == 418 or answer.status == 429 then
    d.fail(
      "reachability",
      "%s has banned this address for now: %s; stop what sends too much and wait",
      rest,
      refusal(answer)
    )
  elseif answer.status == 403 or answer.status == 451 then
    d.fail(
      "reachability",
      "%s refuses this address: %s; it may not serve this country, or a firewall stands between",
      rest,
      refusal(answer)
    )
  elseif answer.status ~= 200 then
    d.fail("reachability", "%s %s", rest, refusal(answer))
  else
    d.ok("reachability", "%s answers", rest)
    return true
  end
end

-- One round trip after the other, on a kept connection; the clock from the quickest of them.
local function latency_and_clock(d, p)
  local took, best_us, offset_us = {}, math.huge, 0
  for i = 1, PINGS do
    local before = tonumber(C.live_clock_us())
    local answer, problem = p:get "/fapi/v1/time"
    local after = tonumber(C.live_clock_us())
    local time = answer and type(answer.json) == "table" and tonumber(answer.json.serverTime)
    if not time then
      d.fail("latency", "%s", problem or refusal(answer))
      return
    end
    if i > 1 then took[#took + 1] = answer.took_us end -- the first one may have waited for the connection
    if after - before < best_us then
      best_us = after - before
      offset_us = time * 1000 + 500 - (before + after) / 2 -- the stamp is cut to whole milliseconds
    end
  end
  table.sort(took)
  local middle, worst = took[math.ceil(#took / 2)], took[#took]
  local say = middle > 500000 and d.warn or d.ok
  say(
    "latency",
    "%.2f ms there and back (worst of %d: %.2f ms)%s",
    middle / 1000,
    #took,
    worst / 1000,
    say == d.warn and "; run nearer to the exchange" or ""
  )
  p.clock_offset_us = offset_us
  local text = ("ours is %.0f ms %s the exchange's (known to %.2f ms)"):format(
    math.abs(offset_us) / 1000,
    offset_us > 0 and "behind" or "ahead of",
    best_us / 2000
  )
  if math.abs(offset_us) > CLOCK_FAR_OFF_US then
    d.warn("clock", "%s: runs correct for it, but keep it right (NTP: timedatectl set-ntp true)", text)
  elseif math.abs(offset_us) > CLOCK_OFF_US then
    d.ok("clock", "%s; runs correct for it", text)
  else
    d.ok("clock", text)
  end
end

local function limits(d, p, at)
  local answer, problem = p:get "/fapi/v1/exchangeInfo"
  if answer and answer.status ~= 200 then problem = refusal(answer) end
  if problem or type(answer.json) ~= "table" or not answer.json.symbols then
    d.fail(
      "rules",
      "%s%s",
      at.rest,
      problem and (": " .. problem) or ": its exchangeInfo is not that of a futures exchange"
    )
    return
  end
  local trading, rows = 0, {}
  for _, s in ipairs(answer.json.symbols) do
    trading = trading + (s.status == "TRADING" and 1 or 0)
  end
  for _, r in ipairs(answer.json.rateLimits) do
    rows[#rows + 1] = ("%d %s per %s%s"):format(
      r.limit,
      r.rateLimitType == "ORDERS" and "orders"
        or r.rateLimitType == "REQUEST_WEIGHT" and "weight"
        or "requests",
      r.intervalNum > 1 and r.intervalNum .. " " or "",
      r.interval:lower() .. (r.intervalNum > 1 and "s" or "")
    )
  end
  d.ok("rules", "%d symbols trade", trading)
  local limit
  for _, r in ipairs(answer.json.rateLimits) do
    if r.rateLimitType == "REQUEST_WEIGHT" and r.interval == "MINUTE" and r.intervalNum == 1 then
      limit = r.limit
    end
  end
  local used = answer.used_weight
  local heavy = used and limit and used > limit * 0.5
  local say = heavy and d.warn or d.ok
  say(
    "limits",
    "%s%s%s",
    table.concat(rows, ", "),
    used and ("; %d weight used this minute"):format(used) or "",
    heavy and ": something else on this address uses most of it" or ""
  )
end

local function streams(d, p, at)
  local took, problem = p:stream(at.streams .. "/market/ws")
  if took then
    d.ok("market streams", "%s opens in %.1f ms", at.streams, took / 1000)
  else
    d.fail(
      "market streams",
      "%s; is a proxy or firewall in the way of WebSockets? (--stream-url names another place)",
      problem
    )
  end
end

local function key_rights(d, p, at)
  local base = KEY_RIGHTS[at.rest] or connect.on_this_machine(at.rest) and at.rest
  if not base then
    d.skip(
      "key rights",
      "%s does not tell what a key may do; see that it cannot withdraw, and is bound to your address",
      at.rest
    )
    return
  end
  local answer, problem = p:signed("GET", "/sapi/v1/account/apiRestrictions", base)
  local r = answer and answer.status == 200 and type(answer.json) == "table" and answer.json
  if not r then
    d.warn(
      "key rights",
      "%s cannot tell them (%s); see that the key cannot withdraw, and is bound to your address",
      base,
      problem or refusal(answer)
    )
    return
  end
  if r.enableFutures == false then
    d.fail("key rights", "the key may not trade futures: enable them for it, or make a new one")
  elseif r.enableWithdrawals or r.enableInternalTransfer or r.permitsUniversalTransfer then
    d.warn(
      "key rights",
      "the key may %s: nothing here needs that; take the right away, so that who steals it cannot take the money",
      r.enableWithdrawals and "withdraw" or "transfer"
    )
  elseif not r.ipRestrict and not connect.on_this_machine(at.rest) then
    d.warn("key rights", "the key is good from any address: bind it to yours")
  else
    d.ok("key rights", "trading without withdrawals%s", r.ipRestrict and ", bound to addresses" or "")
  end
end

local function account(d, p, at)
  local answer, problem = p:signed("GET", "/fapi/v1/accountConfig")
  if not answer or answer.status ~= 200 then
    local code = answer and type(answer.json) == "table" and answer.json.code
    d.fail(
      "key",
      "%s%s",
      problem or refusal(answer),
      code == -2014 and ": the key is not one of this exchange's"
        or code == -2015 and ": wrong key for this exchange, an address it is not bound to, or no right to futures"
        or code == -1022 and ": the secret does not belong to the key"
        or code == -1021 and ": the clock is off"
        or ""
    )
    return
  end
  local c = answer.json
  if c.canTrade == false then
    d.fail("key", "accepted, but the account may not trade")
  else
    d.ok("key", "accepted, the account may trade")
  end
  key_rights(d, p, at)
  d.ok(
    "position mode",
    c.dualSidePosition and "hedge: orders need positionSide LONG or SHORT"
      or "one-way: orders need no positionSide"
  )
  if c.multiAssetsMargin then
    d.warn("margin mode", "multi-assets: the loss of one position takes from all; reports count USDT only")
  else
    d.ok("margin mode", "single asset")
  end
  answer, problem = p:signed("GET", "/fapi/v3/account")
  if answer and answer.status == 200 then
    local available = tonumber(answer.json.availableBalance) or 0
    local open = 0
    for _, held in ipairs(answer.json.positions or {}) do
      open = open + (tonumber(held.positionAmt) ~= 0 and 1 or 0)
    end
    local say = available <= 0 and d.warn or d.ok
    say(
      "balance",
      "%.2f USDT available, %d positions open%s",
      available,
      open,
      available <= 0 and ": no order can be placed" or ""
    )
  else
    d.fail("balance", problem or refusal(answer))
  end
  answer, problem = p:signed("GET", "/fapi/v1/openOrders")
  if answer and answer.status == 200 then
    local count = #answer.json
    local say = count > 0 and d.warn or d.ok
    say(
      "open orders",
      count > 0 and "%d are open: a run does not know them unless it placed them" or "none",
      count
    )
  else
    d.fail("open orders", problem or refusal(answer))
  end
  answer, problem = p:keyed("POST", "/fapi/v1/listenKey")
  local listen = answer and answer.status == 200 and type(answer.json) == "table" and answer.json.listenKey
  if not listen then
    d.fail("user stream", problem or refusal(answer))
    return
  end
  local took
  took, problem = p:stream(at.streams .. "/private/ws/" .. listen)
  if took then
    d.ok("user stream", "opens in %.1f ms", took / 1000)
  else
    d.fail("user stream", problem)
  end
end

local marks = { ok = "ok  ", warn = "warn", fail = "FAIL", skip = "--  " }

---@param options table
---@return integer status 1 when something has failed
function M.run(options)
  local d, shown = diary(), 0
  local function show()
    for i = shown + 1, options.json and 0 or #d.list do
      local line = d.list[i]
      print(("%s  %-15s %s"):format(marks[line.state], line.name, line.text))
    end
    io.stdout:flush()
    shown = #d.list
  end
  configuration(d, options)
  disk(d)
  show()
  local o, at = connect.options(options, false)
  local p, problem = probes.new(o, at)
  if not p then
    d.fail("key", problem)
  elseif reachability(d, p, at.rest) then
    show()
    latency_and_clock(d, p)
    limits(d, p, at)
    streams(d, p, at)
    show()
    if at.key == "" then
      d.skip(
        "key",
        "none given (MOONTIDE_API_KEY and MOONTIDE_API_SECRET, or --key-file): market data and paper only"
      )
    else
      account(d, p, at)
    end
  end
  show()
  local counts = { ok = 0, warn = 0, fail = 0, skip = 0 }
  for _, line in ipairs(d.list) do
    counts[line.state] = counts[line.state] + 1
  end
  if options.json then
    print(cjson.encode { checks = d.list, failed = counts.fail, warnings = counts.warn })
  else
    print(("%d ok, %d warnings, %d failures"):format(counts.ok, counts.warn, counts.fail))
  end
  return counts.fail > 0 and 1 or 0
end

return M
