---The document of a run's page: its result as the JSON report has it, the curves, the candles, the trades, the orders and what
---happened to them.
local C = require "moontide.core"
local candles = require "moontide.page.candles"
local curves = require "moontide.page.curves"
local json = require "moontide.report.json"
local lists = require "moontide.page.lists"
local pack = require "moontide.page.pack"
local shell = require "moontide.shell"

local M = {}

-- Bytes of the page that candles may take, for the whole run and around trades; the number of trades and orders.
local CANDLE_BYTES, AROUND_BARS, TRADES, ORDERS = 1000000, 30000, 5000, 4000

-- What differs from run to run is no result.
local measured = {
  "elapsed_s",
  "setup_s",
  "run_s",
  "bars_per_s",
  "peak_memory",
  "begun",
  "already_said",
  "begin_us",
  "end_us",
}

---The report's JSON document, without what was measured of the run itself. It travels as a text, so that the page shows the very
---numbers of --json.
---@param r table
---@return string
function M.result(r)
  local copy = {}
  for key, value in pairs(r) do
    copy[key] = value
  end
  for _, key in ipairs(measured) do
    copy[key] = nil
  end
  return (json.text(copy):gsub("%s+$", ""))
end

-- Options that say where results go, not what they are.
local aside = {
  report = true,
  open = true,
  json = true,
  trades = true,
  fills = true,
  orders = true,
  equity = true,
  quiet = true,
  ["log-level"] = true,
  ["log-format"] = true,
}

-- Options that the result names by itself: parameters, and data by their fingerprint.
local told =
  { set = true, data = true, store = true, capital = true, paths = true, plot = true, record = true }

---The options of a command line that shape its result, as they were given.
---@param argv string[] as --name=value
---@return table<string, string>? by name; nil where there are none
function M.options(argv)
  local options
  for _, word in ipairs(argv) do
    local name, value = word:match "^%-%-([%w-]+)=?(.*)$"
    if name and not aside[name] and not told[name] then
      options = options or {}
      options[name] = options[name] and options[name] .. " " .. value or value
    end
  end
  return options
end

---The command that gives the same result again.
---@param name string of the command
---@param path string of the script
---@param argv string[]
---@return string
function M.command(name, path, argv)
  local function word(text) return text:find "^[%w_%-%.,/=:+@%%]+$" and text or shell.quote(text) end
  local words = { "moontide", name, word(path) }
  for _, text in ipairs(argv) do
    if not aside[text:match "^%-%-([%w-]+)"] then words[#words + 1] = word(text) end
  end
  return table.concat(words, " ")
end

local function limits(world)
  local list = setmetatable({}, json.list)
  for _, row in ipairs(world.rate_limits or {}) do
    list[#list + 1] = {
      type = tostring(row.rateLimitType),
      interval = tostring(row.interval),
      count = tonumber(row.intervalNum),
      limit = tonumber(row.limit),
    }
  end
  return list
end

-- A window's use over time: { slot, used } as numbers, the fullest of a stretch where there are too many.
local function windows(used, slot_ms)
  local slots = {}
  for slot in pairs(used) do
    slots[#slots + 1] = slot
  end
  table.sort(slots)
  local times, values, most = setmetatable({}, json.list), setmetatable({}, json.list), 3000
  for s = 0, math.min(#slots, most) - 1 do
    local first = math.floor(s * #slots / math.min(#slots, most)) + 1
    local last = math.floor((s + 1) * #slots / math.min(#slots, most))
    local best = first
    for i = first, last do
      if used[slots[i]] > used[slots[best]] then best = i end
    end
    times[#times + 1], values[#values + 1] = slots[best] * slot_ms, used[slots[best]]
  end
  return { time = times, used = values }
end

local function market(world, trades)
  local list, ranges, names = {}, {}, {}
  for i = 0, world.symbol_count - 1 do
    list[i + 1], names[i + 1] = world.markets[i], world.symbol_names[i]
    ranges[i + 1] = { 0, tonumber(world.markets[i].count) }
  end
  local blocks = candles.whole(list, ranges, CANDLE_BYTES)
  local rows = setmetatable({}, json.list)
  for i, block in ipairs(blocks) do
    rows[i] = { symbol = names[i], whole = block, bars = tonumber(list[i].count) }
    if block.interval * 1000 > tonumber(list[i].interval_us) then
      local mine = {}
      for _, t in ipairs(trades.by_result) do
        if t.symbol == i - 1 then mine[#mine + 1] = t end
      end
      local around, shown =
        candles.around(list[i], mine, math.max(2000, math.floor(AROUND_BARS / world.symbol_count)))
      rows[i].around = around
      rows[i].trades_around, rows[i].trades = 0, #mine
      for _, t in ipairs(mine) do
        if shown[t.index] then rows[i].trades_around = rows[i].trades_around + 1 end
      end
      rows[i].longest = candles.longest
      rows[i].base = tonumber(list[i].interval_us) / 1000
    end
  end
  return rows
end

---@param r table the result
---@param s { world: World, watch: Watch, command: string }
---@return table document
function M.document(r, s)
  local world, watch = s.world, s.watch
  local exchange = C.backtest_exchange(world.bt)
  local trades = lists.trades(exchange, world.markets, r.end_us, TRADES)
  local rows = market(world, trades)
  local events = setmetatable({}, json.list)
  for i, e in ipairs(watch.events) do
    events[i] = {
      time = e.us / 1000,
      kind = e.kind,
      symbol = e.symbol,
      text = e.text,
      seconds = e.seconds,
      times = e.times,
    }
  end
  local text = json.encode
  local function packed(value)
    local t = text(value)
    return pack.deflated(t, #t)
  end
  return {
    kind = "run",
    version = 1,
    title = ("%s: backtest"):format(r.strategy),
    mode = "backtest",
    coin = r.coin,
    command = s.command,
    result = M.result(r),
    curve = curves.equity(r, world, r.begin_us, r.end_us),
    days = curves.days(world, r.capital, r.begin_us, r.end_us),
    exposure = curves.exposure(world, exchange, r.begin_us, r.end_us),
    market = rows,
    indicators = curves.indicators(watch, world, rows),
    trades = packed(trades.columns),
    trades_all = trades.all,
    histogram = trades.histogram,
    orders = packed(lists.orders(exchange, world.symbol_names, watch.trace, ORDERS)),
    events = packed(events),
    events_left_out = watch.left_out,
    limits = limits(world),
    windows = {
      weight = windows(watch.weight, 60000),
      orders = windows(watch.orders, 60000),
      orders_10s = windows(watch.orders_10s, 10000),
    },
  }
end

return M
