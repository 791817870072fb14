---The bars of a backtest: which are loaded, from when to when, and how a script's intervals are made from them.
local ffi = require "ffi"
local C = require "moontide.core"
local data_folder = require "moontide.backtest.data_folder"
local failures = require "moontide.failure"
local log_module = require "moontide.run.log"
local setup = require "moontide.backtest.setup"
local synthetic = require "moontide.backtest.synthetic"

local M = {}

local FOREVER = 9e15 -- past any stamp, in microseconds

---@class BacktestBars
---@field series table<string, ffi.cdata*> struct series by symbol: the finest interval of each
---@field names string[] the symbols
---@field funding table<string, ffi.cdata*> by symbol
---@field mark table<string, ffi.cdata*>? struct series of the mark price by symbol: the finest
---@field others table<string, ffi.cdata*[]>? those of mark price, index and premium by symbol: the finest of each kind
---@field result ffi.cdata*? struct import_result, which owns the series of files

local function make(options, wanted_symbols)
  local seed = options.synthetic
  local count = options.bars
  local data = { series = {}, names = {}, funding = {} }
  for i, symbol in ipairs(wanted_symbols or { "BTCUSDT" }) do
    data.series[symbol] = synthetic.series {
      symbol = symbol,
      interval = "1m",
      seed = seed + (i - 1) * 7919,
      count = count,
    }
    data.names[#data.names + 1] = symbol
  end
  return data
end

local function date(us) return log_module.time_text(tonumber(us)) end

-- From when to when a series has bars within --from and --to, in microseconds.
local function span(s, options)
  local last = tonumber(s.open_us[s.count - 1] + s.interval_us)
  return math.max(tonumber(s.open_us[0]), options.from or 0), math.min(last, options.to or FOREVER)
end

-- Whether bars of the wanted interval can be made of these.
local function divides(s, wanted)
  if wanted < 0 or s.interval == wanted then return true end
  return s.interval < wanted and (wanted == C.INTERVAL_1MO or C.interval_us(wanted) % s.interval_us == 0)
end

-- Of a symbol's series, the finest that lasts as long as the longest does; says which, where there was a choice.
local function finest(list, name, options, notice)
  local from, to, longest = nil, nil, nil
  for _, s in ipairs(list) do
    local first, last = span(s, options)
    if not from or last - first > to - from then
      from, to, longest = first, last, s
    end
  end
  local margin = tonumber(longest.interval_us)
  for _, s in ipairs(list) do
    local first, last = span(s, options)
    local interval = ffi.string(C.interval_names[s.interval])
    if first - from < margin and to - last < margin then
      if #list > 1 then
        notice(("%s: the exchange runs on bars of %s, the finest that last as long"):format(name, interval))
      end
      return s
    end
    notice(
      ("%s: bars of %s are left aside: they last from %s to %s only"):format(
        name,
        interval,
        date(first),
        date(last)
      )
    )
  end
end

-- A path names exactly the bars of a run, so that it is the same on every machine; finer ones that lie in the data folder are
-- named instead of used.
local function tell_of_finer(name, used, notice)
  local interval = data_folder.finest_interval(name)
  if interval and C.interval_find(interval) < used.interval then
    notice(
      ("%s: finer bars (%s) are in the data folder; --data %s runs on them"):format(name, interval, name)
    )
  end
end

local function import(options, wanted_symbols, notice, bar)
  local result = setup.import(data_folder.resolve(options.data), {
    symbol = wanted_symbols and #wanted_symbols == 1 and wanted_symbols[1] or nil,
    store = options.store,
    allow_gaps = options["allow-gaps"],
    notice = notice,
    progress = bar and function(done, total) bar.update("reading", done, total) end,
  })
  local wanted = options.interval and C.interval_find(options.interval) or -1
  local data = { series = {}, names = {}, funding = {}, mark = {}, others = {}, result = result }
  local fitting = {}
  for i = 0, result.series_count - 1 do
    local s = result.series[i]
    local name = ffi.string(s.symbol)
    if divides(s, wanted) then -- sorted by interval: the finest first
      if not fitting[name] then
        fitting[name] = {}
        data.names[#data.names + 1] = name
      end
      table.insert(fitting[name], s)
    end
  end
  for _, name in ipairs(data.names) do
    data.series[name] = finest(fitting[name], name, options, notice)
    tell_of_finer(name, data.series[name], notice)
  end
  for i = 0, result.other_count - 1 do
    local s = result.others[i]
    local name = ffi.string(s.symbol)
    local known = data.others[name] or {}
    data.others[name] = known
    if not known[s.kind] then known[s.kind] = s end -- sorted by interval
    data.mark[name] = known[C.SERIES_MARK]
  end
  for i = 0, result.funding_count - 1 do
    data.funding[ffi.string(result.funding[i].symbol)] = result.funding[i]
  end
  return data
end

---Loads files (--data) or makes a market (--synthetic); raises a failure when there is neither.
---@param options table of the command line
---@param wanted_symbols string[]? nil: all there are
---@param notice fun(line: string)
---@param bar { update: fun(label: string, done: number, total: number) }? told how far reading has come
---@return BacktestBars
function M.load(options, wanted_symbols, notice, bar)
  local interval = options.interval -- the option's, or the script's
  if interval and C.interval_find(interval) < 0 then
    failures.raise(1, "the script's interval %s: no such interval; 1m, 5m, 1h, 1d...", interval)
  end
  if options.synthetic then return make(options, wanted_symbols) end
  if not options.data then
    failures.raise(2, "no data: give --data PATH... (bars as .csv, .csv.gz, .zip) or --synthetic SEED")
  end
  return import(options, wanted_symbols, notice, bar)
end

-- The symbols that are wanted, and the time from --from to --to; raises a failure when one has no bar there.
local function range(data, options, wanted)
  data.all = data.all or data.series -- as they were loaded; `series` is cut anew
  data.series = {}
  if #data.names == 0 then
    local symbols = wanted and table.concat(wanted, ", ") or "any symbol"
    failures.raise(1, "no bars of %s at %s or finer in the data", symbols, options.interval or "1m")
  end
  local from, to = options.from or 0, options.to or FOREVER
  if from >= to then failures.raise(2, "--from %s is not before --to %s", date(from), date(to)) end
  local names = {}
  for _, name in ipairs(wanted or data.names) do
    local s = data.all[name]
    if not s then
      local has = table.concat(data.names, ", ")
      failures.raise(1, "no bars of symbol %s in the data; it has: %s", name, has)
    end
    local first, last = s.open_us[0], s.open_us[s.count - 1]
    if C.series_at_or_after(s, from) == C.series_at_or_after(s, to) then
      failures.raise(
        1,
        "no bars of %s in the range %s to %s; the data runs from %s to %s",
        name,
        options.from and date(from) or "the start",
        options.to and date(to) or "the end",
        date(first),
        date(last)
      )
    end
    names[#names + 1] = name
  end
  return names, from, to
end

-- When trading begins, so that each symbol has `warmup` whole bars before it.
local function warmed_from(data, names, interval, warmup, from)
  for _, name in ipairs(names) do
    local s = data.full[name]
    local kind = interval and C.interval_find(interval) or s.interval
    local first = C.interval_floor(kind, s.open_us[0])
    if first < s.open_us[0] then first = first + C.interval_us(kind) end
    from = math.max(from, tonumber(first + warmup * C.interval_us(kind)))
  end
  return from
end

---Cuts the series to where trading is: the bars before are history, which scripts may ask for.
---@param data BacktestBars
---@param options table of the command line
---@param wanted string[]? nil: all there are
---@param warmup integer bars that must stand before the first
---@param notice fun(line: string)
---@return string[] names
---@return number from microseconds
---@return number to
function M.choose(data, options, wanted, warmup, notice)
  local names, from, to = range(data, options, wanted)
  data.full = {}
  for _, name in ipairs(names) do
    data.full[name] = ffi.new("struct series", data.all[name])
    C.series_clip(data.full[name], 0, to)
  end
  local begin = warmup > 0 and warmed_from(data, names, options.interval, warmup, from) or from
  if begin > from then notice(("warm-up of %d bars: trading begins at %s"):format(warmup, date(begin))) end
  for _, name in ipairs(names) do
    data.series[name] = ffi.new("struct series", data.full[name])
    C.series_clip(data.series[name], begin, to)
    if data.series[name].count == 0 then
      failures.raise(1, "no bars of %s are left behind a warm-up of %d bars", name, warmup)
    end
  end
  return names, begin, to
end

---Feeds of a backtest: the series itself, or one made from it for a longer interval.
---@param bt ffi.cdata* struct backtest
---@param symbol_names table<integer, string> by index from 0
---@param markets table<integer, ffi.cdata*> their series
---@return fun(symbol: string, interval: string?): integer, integer, ffi.cdata* # feed, index of the symbol, series
---@return fun(symbol: string, interval: string?): integer, ffi.cdata* # index of the symbol and its series, history included
function M.feeds(bt, symbol_names, markets)
  local index_of, made, message = {}, {}, ffi.new "struct errmsg"
  for i, name in pairs(symbol_names) do
    index_of[name] = i
  end
  local function series_for(symbol, interval)
    local index = index_of[symbol]
      or error(("no data for symbol '%s' in this run"):format(tostring(symbol)), 5)
    local series = markets[index]
    local wanted = interval and C.interval_find(interval) or series.interval
    if wanted < 0 then error(("no such interval '%s'"):format(tostring(interval)), 5) end
    if wanted ~= series.interval then
      local key = symbol .. wanted
      if not made[key] then
        local longer = ffi.new "struct series"
        if C.series_resample(series, wanted, longer, message) ~= 0 then
          error(("%s: %s"):format(symbol, ffi.string(message.text)), 5)
        end
        made[key] = ffi.gc(longer, C.series_close)
      end
      series = made[key]
    end
    return index, series
  end
  local function open(symbol, interval)
    local index, series = series_for(symbol, interval)
    local feed = C.backtest_deliver(bt, index, series)
    if feed < 0 then error("too many bar feeds", 4) end
    return feed, index, series
  end
  return open, series_for
end

return M
