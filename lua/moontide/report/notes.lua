---What a backtest does not know, or what its reader should: one line each, as { kind, text, figures }.
local ffi = require "ffi"
local C = require "moontide.core"
local records = require "moontide.api.records"
local log_module = require "moontide.run.log"

local M = {}

---@class Note
---@field kind string "tick" | "funding" | "mark" | "volume" | "no_volume" | "periods" | "refused" | "open" | "log" | "data"...
---@field text string one line
---@field figures table<string, any>

local function stamp(us) return log_module.time_text(us):sub(1, 16) end
local function money(e8) return tonumber(e8) / 1e8 end
local function count_of(n, what) return ("%d %s%s"):format(n, what, n == 1 and "" or "s") end
local function number(v) return ("%.10g"):format(v) end
local function percent(x) return ("%.1f %%"):format(x * 100) end

---@return fun(kind: string, figures: table, format: string, ...: any) add
---@return Note[] list
function M.new(list)
  list = list or {}
  return function(kind, figures, format, ...)
    list[#list + 1] = { kind = kind, text = format:format(...), figures = figures }
  end,
    list
end

-- Rows of the run with a price off the tick. Few decimals in the data mean that there is none.
local function off_tick(series, tick_e8, first, last)
  local decimals = C.dec_decimals(tick_e8)
  local plain = tick_e8 == ffi.new("int64_t", 10 ^ (8 - decimals))
  if plain and series.price_decimals <= decimals then return 0 end
  local count = 0
  local o, h, l, c = series.open_e8, series.high_e8, series.low_e8, series.close_e8
  for i = first, last do
    if o[i] % tick_e8 ~= 0 or h[i] % tick_e8 ~= 0 or l[i] % tick_e8 ~= 0 or c[i] % tick_e8 ~= 0 then
      count = count + 1
    end
  end
  return count
end

local function idle_rows(series, first, last)
  local count, volume = 0, series.volume_e8
  for i = first, last do
    if volume[i] == 0 then count = count + 1 end
  end
  return count
end

-- How much a taker's fill pays on average for the tick: known when there were any, else half a tick.
local function tick_note(add, name, s, rows, bad, totals)
  local tick = money(s.tick_e8)
  local takers = tonumber(totals.fills - totals.maker_fills - totals.liquidations)
  local cost = takers > 0 and money(totals.rounding_e8) / takers or nil
  local source = s.source == C.SYMBOL_FROM_EXCHANGE_INFO and "exchangeInfo" or "the rules built in"
  add(
    "tick",
    { symbol = name, rows = rows, off_tick = bad, share = bad / rows, tick = tick, cost_a_fill = cost },
    "%s: %s of the rows have prices off the tick of %s (%s); a taker's fill is rounded against it%s",
    name,
    percent(bad / rows),
    number(tick),
    source,
    cost and (", %.4f %s a fill"):format(cost, records.coin_of(name)) or ""
  )
end

local HOUR_US = 3600e6

local function funding_note(add, name, rates, first_us, last_us)
  local count, from, to, widest = 0, nil, nil, 0
  for i = 0, rates and tonumber(rates.count) - 1 or -1 do
    local t = tonumber(rates.time_us[i])
    if t >= first_us and t <= last_us then
      if to then widest = math.max(widest, t - to) end
      count, from, to = count + 1, from or t, t
    end
  end
  local figures = { symbol = name, rates = count, from = from and from / 1000, to = to and to / 1000 }
  if last_us - first_us < 8 * HOUR_US and count == 0 and rates then return true end
  if count == 0 then
    add("funding", figures, "%s: no funding rates in the data: funding is n/a, not zero", name)
    return false
  end
  local usual = 9 * HOUR_US -- the exchange's longest period is eight hours
  local late, early, hole = from - first_us > usual, last_us - to > usual, widest > usual
  if not (late or early or hole) then return true end
  add(
    "funding",
    figures,
    "%s: funding rates only from %s to %s%s, bars from %s to %s: funding is n/a",
    name,
    stamp(from),
    stamp(to),
    hole and " with holes" or "",
    stamp(first_us),
    stamp(last_us)
  )
  return false
end

local function period_note(add, o)
  local first_us, last_us = o.first_us, o.last_us
  local parts, figures, latest, soonest = {}, {}, -math.huge, math.huge
  for i, name in ipairs(o.names) do
    local s = o.markets[i - 1]
    local from = math.max(tonumber(s.open_us[0]), first_us)
    local to = tonumber(s.open_us[s.count - 1]) + tonumber(s.interval_us)
    latest, soonest = math.max(latest, from), math.min(soonest, to)
    if from > first_us or to < last_us - tonumber(s.interval_us) then
      parts[#parts + 1] = ("%s from %s to %s"):format(name, stamp(from), stamp(to))
      figures[name] = { from = from / 1000, to = to / 1000 }
    end
  end
  if #o.names < 2 or #parts == 0 then return end
  add(
    "periods",
    figures,
    "the symbols' bars do not cover the same time%s: the run is from %s to %s, but %s",
    latest >= soonest and " and some never meet" or "",
    stamp(first_us),
    stamp(last_us),
    table.concat(parts, ", ")
  )
end

-- Of the bars from `first` to `last`, those without a kline of the mark price in them.
local function unmarked_bars(s, mark, first, last)
  local count, k = 0, tonumber(C.series_at_or_after(mark, s.open_us[math.max(first, 0)]))
  for i = first, last do
    local open_us = s.open_us[i]
    while k < mark.count and mark.open_us[k] < open_us do
      k = k + 1
    end
    if k == mark.count or mark.open_us[k] >= open_us + s.interval_us then count = count + 1 end
  end
  return count
end

-- What the mark prices of the data are good for.
local function mark_note(add, name, s, mark, first, last)
  if not mark then
    add(
      "mark",
      { symbol = name },
      "%s: no mark prices in the data: liquidation, funding and triggers by MARK_PRICE go by the last price",
      name
    )
    return
  end
  local figures = { symbol = name, interval = ffi.string(C.interval_names[mark.interval]) }
  if mark.interval > s.interval then
    add(
      "mark",
      figures,
      "%s: funding goes by the mark prices of the data; as their klines of %s are longer than the bars, liquidation and "
        .. "triggers by MARK_PRICE go by the last price",
      name,
      figures.interval
    )
    return
  end
  local bare = unmarked_bars(s, mark, first, last)
  if bare > 0 then figures.bars_without = bare end
  add(
    "mark",
    figures,
    "%s: liquidation, unrealised results, funding and triggers by MARK_PRICE go by the mark prices of the data%s",
    name,
    bare > 0 and (" (%d bars have none: the last price stands for it there)"):format(bare) or ""
  )
end

---What the data lack. Returns whether funding is known for every symbol.
---@param add function
---@param o { names: string[], markets: table<integer, ffi.cdata*>, rules: ffi.cdata*, funding: table<string, ffi.cdata*>, mark: table<string, any>, first_us: number, last_us: number, totals: ffi.cdata* }
---@return boolean
function M.of_data(add, o)
  local known = true
  for i, name in ipairs(o.names) do
    local s = o.markets[i - 1]
    local first = tonumber(C.series_at_or_after(s, o.first_us))
    local last = tonumber(C.series_at_or_after(s, o.last_us)) - 1
    local rows = math.max(last - first + 1, 0)
    local bad = off_tick(s, o.rules[i - 1].tick_e8, first, last)
    if bad > 0 then tick_note(add, name, o.rules[i - 1], rows, bad, o.totals) end
    known = funding_note(add, name, o.funding[name], o.first_us, o.last_us) and known
    mark_note(add, name, s, o.mark[name], first, last)
    local idle = idle_rows(s, first, last)
    if idle > 0 then
      add(
        "no_volume",
        { symbol = name, rows = rows, bars = idle, share = idle / rows },
        "%s: %d bars (%s) have no volume; orders fill in them all the same",
        name,
        idle,
        percent(idle / rows)
      )
    end
  end
  period_note(add, o)
  return known
end

---Follows fills beside their bars: how many were larger than what the bar traded, those before them in it included.
---@param markets table<integer, ffi.cdata*>
---@return { take: fun(fill: ffi.cdata*), note: fun(add: function, names: string[], fills: integer, impact: string) }
function M.volume_watch(markets)
  local at, used, count, worst, worst_of = {}, {}, 0, 0, nil
  local watch = {}

  function watch.take(f)
    local series = markets[f.symbol]
    local i, time_us = at[f.symbol] or 0, f.time_us
    local before = i
    while i + 1 < series.count and series.open_us[i + 1] <= time_us do
      i = i + 1
    end
    at[f.symbol] = i
    local qty = tonumber(f.qty_e8)
    local sum = (i == before and used[f.symbol] or 0) + qty
    used[f.symbol] = sum
    local volume = tonumber(series.volume_e8[i])
    if volume <= 0 or sum <= volume then return end
    count = count + 1
    if sum / volume > worst then
      worst, worst_of = sum / volume, { f.symbol, sum, volume, tonumber(f.time_us) }
    end
  end

  function watch.note(add, names, fills, impact)
    if count == 0 then return end
    local name = names[worst_of[1] + 1]
    add(
      "volume",
      { fills = count, share = count / fills, largest = worst, symbol = name, time = worst_of[4] / 1000 },
      "%s (%s) went beyond the volume of a bar, up to %.1f times (%s %s beside %s, %s); %s",
      count_of(count, "fill"),
      percent(count / fills),
      worst,
      number(worst_of[2] / 1e8),
      name,
      number(worst_of[3] / 1e8),
      stamp(worst_of[4]),
      impact == "none" and "size moves no price: --impact" or "moved by --impact " .. impact
    )
  end
  return watch
end

-- A result may hang on what bars do not tell: from here on it is said.
local INSIDE_SHARE = 0.01

---How much was decided inside of bars, by the path drawn between their four prices.
---@param add function
---@param totals ffi.cdata* struct exchange_totals
---@param r table the result
function M.inside(add, totals, r)
  local inside, realized = tonumber(totals.inside_fills), money(totals.inside_realized_e8)
  if r.fills == 0 or inside / r.fills < INSIDE_SHARE then return end
  local share = r.realized ~= 0 and realized / r.realized or nil
  add(
    "inside_bars",
    { fills = inside, share = inside / r.fills, realized = realized, realized_share = share },
    "%s (%s) and %.2f of %.2f %s realised were decided inside bars, whose path the data do not tell; "
      .. "--paths N shows the spread, finer data narrow it",
    count_of(inside, "fill"),
    percent(inside / r.fills),
    realized,
    r.realized,
    r.coin
  )
end

local function counted(list)
  local parts = {}
  for i, x in ipairs(list) do
    parts[i] = ("%s: %d"):format(x.code or x.reason, x.count)
  end
  return #parts > 0 and (" (%s)"):format(table.concat(parts, ", ")) or ""
end
M.counted = counted

---What became of the run: refusals, what is left open, lines of the log said again and again.
---@param add function
---@param r table the result
function M.of_run(add, r)
  if r.refused > 0 or r.rejected > 0 then
    add(
      "refused",
      { before_sending = r.refused, by_the_exchange = r.rejected },
      "refused: %s before sending%s, %s by the exchange%s",
      count_of(r.refused, "order"),
      counted(r.refusal_list),
      count_of(r.rejected, "request"),
      counted(r.rejects)
    )
  end
  for _, p in ipairs(r.open_positions) do
    add(
      "open",
      p,
      "%s %s %s is still open at the end, unrealised %.2f %s%s",
      p.side,
      number(math.abs(p.quantity)),
      p.symbol,
      p.unrealized,
      r.coin,
      p.data_end
          and (": its bars end at %s, it could not be closed any more and is kept at its last price"):format(
            p.data_end
          )
        or ""
    )
  end
  if #r.open_orders > 0 then
    local count = #r.open_orders
    local text = count == 1 and "%d order still waits at the end" or "%d orders still wait at the end"
    add("open_orders", { orders = count }, text, count)
  end
end

return M
