---The result of a backtest: a document with every number, and its faces (table, JSON, CSV). Definitions: docs/report.md.
local ffi = require "ffi"
local C = require "moontide.core"
local csv = require "moontide.report.csv"
local figures = require "moontide.report.figures"
local host = require "moontide.lua_host"
local json = require "moontide.report.json"
local notes = require "moontide.report.notes"
local output = require "moontide.report.output"
local picture = require "moontide.report.picture"
local records = require "moontide.api.records"
local stats = require "moontide.stats"
local text = require "moontide.report.text"
local trips = require "moontide.report.trips"

local M = {}

local function money(e8) return tonumber(e8) / 1e8 end
local function list(t) return setmetatable(t or {}, json.list) end

---The options of a result that name files.
M.files = { "json", "trades", "fills", "orders", "equity", "report" }

---Raises a failure when a file that the options ask for cannot be written; for before the run.
---@param options table
function M.check_files(options) output.check(options, M.files) end

-- ---- trades ----

-- The summary of some of the trades, in the coin of the account.
local function group() return { summary = stats.summary(), commission = 0, funding = 0 } end

local function group_add(g, trip)
  local row = trip.row
  g.summary:add(trip.pnl_e8 / 1e8, tonumber(row.exit_us - row.entry_us) / 1000)
  g.commission, g.funding = g.commission + money(row.commission_e8), g.funding + money(row.funding_e8)
end

local function group_row(g)
  local s = g.summary:result()
  return {
    trades = s.trades or 0,
    win_rate = s.win_rate,
    net = s.total or 0,
    expectancy = s.expectancy,
    profit_factor = s.profit_factor,
    best = s.best,
    worst = s.worst,
    commission = g.commission,
    funding = g.funding,
  }
end

-- Walks all trades once: figures of them all, by side and by symbol, the file of trades, what is left open.
local function walk_trades(r, world, exchange, markets, last_us, path)
  local names = world.symbol_names
  local all, sides, symbols = group(), { long = group(), short = group() }, {}
  local mae, mfe, measured = 0, 0, 0
  r.exit_reasons = {}
  for i = 0, world.symbol_count - 1 do
    symbols[i] = group()
  end
  local function last_e8(symbol) return tonumber(C.exchange_last_e8(exchange, symbol)) end
  local file = path and csv.trades(path, names, last_us, last_e8)
  local held_us = trips.each(exchange, markets, last_us, function(trip)
    if file then file.add(trip) end
    if trip.open then return end
    local row = trip.row
    group_add(all, trip)
    group_add(row.is_long and sides.long or sides.short, trip)
    group_add(symbols[row.symbol], trip)
    local reason = trips.reasons[row.exit_reason]
    r.exit_reasons[reason] = (r.exit_reasons[reason] or 0) + 1
    if trip.mae then
      mae, mfe, measured = mae + trip.mae, mfe + trip.mfe, measured + 1
    end
  end)
  if file then file.close() end
  local s = all.summary:result()
  for _, name in ipairs {
    "trades",
    "win_rate",
    "profit_factor",
    "expectancy",
    "average_win",
    "average_loss",
    "payoff",
    "sqn",
    "kelly",
    "losing_streak",
    "winning_streak",
  } do
    r[name] = s[name]
  end
  r.trades, r.winning_streak = s.trades or 0, s.winning_streak or 0
  r.best_trade, r.worst_trade = s.best, s.worst
  r.average_duration_s = s.average_duration and s.average_duration / 1000
  r.longest_duration_s = s.longest_duration and s.longest_duration / 1000
  if measured > 0 then
    r.average_mae, r.average_mfe = mae / measured, mfe / measured
  end
  r.long, r.short, r.by_symbol = group_row(sides.long), group_row(sides.short), {}
  for i = 0, world.symbol_count - 1 do
    r.by_symbol[names[i]] = group_row(symbols[i])
  end
  return held_us
end

-- ---- what is left open ----

-- When each symbol's bars end, in microseconds, and the last of all; 0 on paper, where no market ends.
local function ends(world)
  local of, last = {}, 0
  for i = 0, world.symbol_count - 1 do
    local s = world.markets and world.markets[i]
    of[i] = s and tonumber(s.open_us[s.count - 1] + s.interval_us) or 0
    last = math.max(last, of[i])
  end
  return of, last
end

local function open_positions(world, exchange)
  local rows, ended, last = list(), ends(world)
  for i = 0, world.symbol_count - 1 do
    for side = 0, C.POSITION_SIDE_COUNT - 1 do
      local amount = C.exchange_position_e8(exchange, i, side)
      if amount ~= 0 then
        rows[#rows + 1] = {
          symbol = world.symbol_names[i],
          side = amount > 0 and "LONG" or "SHORT",
          quantity = money(amount),
          entry_price = money(C.exchange_entry_e8(exchange, i, side)),
          last_price = money(C.exchange_last_e8(exchange, i)),
          unrealized = money(C.exchange_unrealized_e8(exchange, i, side)),
          data_end = ended[i] < last and csv.iso(ended[i]) or nil,
        }
      end
    end
  end
  return rows
end

local function open_row(names, o, kind, quantity_e8, trigger_e8, id, us)
  return {
    symbol = names[o.symbol],
    side = ffi.string(C.side_names[o.side]),
    type = ffi.string(C.order_type_names[kind]),
    quantity = money(quantity_e8),
    price = o.price_e8 ~= 0 and money(o.price_e8) or nil,
    trigger_price = trigger_e8 ~= 0 and money(trigger_e8) or nil,
    id = records.id_text(id),
    time = tonumber(us) / 1000,
    time_text = csv.iso(tonumber(us)),
  }
end

local function open_orders(world, exchange)
  local rows, names, hidden = list(), world.symbol_names, ffi.new "bool[1]"
  local i, o = 0, C.exchange_order_at(exchange, 0, hidden)
  while o ~= nil do
    if not hidden[0] and (o.status == C.STATUS_NEW or o.status == C.STATUS_PARTIALLY_FILLED) then
      rows[#rows + 1] =
        open_row(names, o, o.type, o.orig_qty_e8 - o.executed_qty_e8, o.stop_price_e8, o.order_id, o.time_us)
    end
    i = i + 1
    o = C.exchange_order_at(exchange, i, hidden)
  end
  local k, a = 0, C.exchange_algo_at(exchange, 0)
  while a ~= nil do
    if a.algo_status == C.ALGO_NEW then
      rows[#rows + 1] = open_row(names, a, a.type, a.quantity_e8, a.trigger_price_e8, a.algo_id, a.create_us)
    end
    k = k + 1
    a = C.exchange_algo_at(exchange, k)
  end
  return rows
end

-- ---- the account ----

local function refusals(r, world, exchange)
  r.rejects, r.refused, r.refusals, r.refusal_list = {}, 0, {}, {}
  local code, count = ffi.new "int32_t[1]", ffi.new "int64_t[1]"
  for i = 0, C.exchange_reject_count(exchange) - 1 do
    C.exchange_reject(exchange, i, code, count)
    r.rejects[#r.rejects + 1] = { code = code[0], count = tonumber(count[0]) }
  end
  table.sort(r.rejects, function(a, b) return a.code > b.code end)
  for reason, times in pairs(world.refusals or {}) do
    r.refused = r.refused + times
    r.refusals[reason] = times
    r.refusal_list[#r.refusal_list + 1] = { reason = reason, count = times }
  end
  table.sort(r.refusal_list, function(a, b)
    if a.count ~= b.count then return a.count > b.count end
    return a.reason < b.reason
  end)
end

---What an account of a simulated exchange has come to, with its statistics.
---@param world World
---@param exchange ffi.cdata* struct exchange
---@param about table names script, parameters, symbols and times of the run; `trades`: the file of trades
---@param first number when it began, microseconds
---@param last number
---@return table result
function M.account(world, exchange, about, first, last)
  local view = world.view
  local totals = C.exchange_totals(exchange)
  local equity = money(C.exchange_equity_e8(exchange))
  local wallet = C.exchange_wallet_e8(exchange)
  local r = {
    strategy = about.script:match "([^/]+)%.lua$" or about.script,
    script = about.script,
    symbols = about.names,
    interval = about.interval,
    params = about.params,
    from = first / 1000,
    to = last / 1000,
    from_text = csv.iso(first),
    to_text = csv.iso(last),
    bars = tonumber(view.bars),
    orders = tonumber(totals.orders),
    fills = tonumber(totals.fills),
    maker_fills = tonumber(totals.maker_fills),
    rejected = tonumber(totals.rejected),
    liquidations = tonumber(totals.liquidations),
    fees = money(totals.fees_e8),
    funding = money(totals.funding_e8),
    funding_booked = money(totals.funding_e8),
    -- What liquidations took beyond their results: the fees, less what the insurance fund bore.
    liquidation_fees = money(-totals.insurance_e8),
    realized = money(totals.realized_e8),
    unrealized = money(C.exchange_equity_e8(exchange) - wallet),
    volume = money(totals.notional_e8),
    coin = records.coin_of(world.symbol_names[0]),
    capital = about.capital,
    final_equity = equity,
    net_profit = money(C.exchange_equity_e8(exchange) - C.dec_from_double(about.capital)),
    wallet = money(wallet),
    max_drawdown_value = money(view.drawdown_e8),
    waited_s = tonumber(view.waited_us) / 1e6,
    lag_s = tonumber(view.lag_us) / 1e6,
    rate_limited = tonumber(totals.rate_limited),
    exposure = view.bars > 0 and tonumber(view.bars_exposed) / tonumber(view.bars) or 0,
    open_positions = open_positions(world, exchange),
    open_orders = open_orders(world, exchange),
    peak_memory = host.peak_memory(),
    notes = list(),
  }
  refusals(r, world, exchange)
  local held_us = walk_trades(r, world, exchange, world.markets, last, about.trades)
  if last > first then r.time_in_market = held_us / (last - first) end
  figures.fill(r, view, world.markets, world.symbol_count, first, last)
  -- The deepest fall is tracked at every bar, which is deeper than what day ends show.
  r.max_drawdown = view.drawdown
  r.drawdown_from, r.drawdown_to = tonumber(view.peak_us) / 1000, tonumber(view.trough_us) / 1000
  if view.drawdown > 0 then
    r.drawdown_from_text, r.drawdown_to_text = csv.iso(r.drawdown_from * 1000), csv.iso(r.drawdown_to * 1000)
  end
  r.calmar = r.annual_return and view.drawdown > 0 and r.annual_return / view.drawdown or nil
  if r.max_drawdown_value > 0 then r.recovery_factor = r.net_profit / r.max_drawdown_value end
  return r
end

-- ---- a backtest ----

-- The fingerprint of all fills, a text of a line each, and what they say of their bars.
local function walk_fills(exchange, names, watch)
  local digest, count = host.sha256_begin(), tonumber(C.exchange_fill_count(exchange))
  for i = 0, count - 1 do
    local f = C.exchange_fill(exchange, i)
    watch.take(f)
    digest:add(
      ("%s%s,%s,%.10g,%.10g,%.10g,%.10g,%d"):format(
        i > 0 and "\n" or "",
        names[f.symbol],
        f.side == C.SIDE_BUY and "BUY" or "SELL",
        money(f.price_e8),
        money(f.qty_e8),
        money(f.realized_pnl_e8),
        money(f.commission_e8),
        tonumber(f.time_us) / 1000
      )
    )
  end
  return digest:finish()
end

local function period(world, about)
  local first, last = math.huge, 0
  for i = 0, world.symbol_count - 1 do
    local s = world.markets[i]
    first = math.min(first, tonumber(s.open_us[0]))
    last = math.max(last, tonumber(s.open_us[s.count - 1]) + tonumber(s.interval_us))
  end
  if about.until_us then last = math.max(first, math.min(last, about.until_us)) end
  return first, last
end

local function fingerprint(world, about, fills)
  local data_hash = {}
  for i = 0, world.symbol_count - 1 do
    local s = world.markets[i]
    data_hash[#data_hash + 1] = ("%s %s %s %d %d"):format(
      world.symbol_names[i],
      ffi.string(C.interval_names[s.interval]),
      ffi.string(s.hash),
      tonumber(s.open_us[0]),
      tonumber(s.count)
    )
  end
  return {
    data = host.sha256(table.concat(data_hash, "\n")):sub(1, 16),
    script = host.sha256(about.source):sub(1, 16),
    params = host.sha256(about.params_text .. "\nseed=" .. about.seed):sub(1, 16),
    trades = fills:sub(1, 16),
  }
end

-- Lines that the log said again and again, the most frequent five.
local function log_notes(add, folded)
  for i = 1, math.min(#(folded or {}), 5) do
    local f = folded[i]
    add("log", { times = f.times, level = f.level }, "the log said %d times: %s", f.times, f.text)
  end
end

---Gathers the result of a backtest. `about` names script, source, parameters, symbols and times of the run, and `until_us` where
---the data go on behind it; `data` is what was loaded, `impact` the option's text, `said` the notices of loading, `folded` what
---log.flush returned.
---@param world World
---@param about table
---@return table result
function M.build(world, about)
  local first, last = period(world, about)
  local exchange = C.backtest_exchange(world.bt)
  local r = M.account(world, exchange, about, first, last)
  r.drawdowns, r.longest_drawdown_s = figures.drawdowns(C.backtest_equity(world.bt), last)
  setmetatable(r.drawdowns, json.list)
  local watch = notes.volume_watch(world.markets)
  local fills = walk_fills(exchange, world.symbol_names, watch)
  local add = notes.new(r.notes)
  for _, line in ipairs(about.said or {}) do
    add("data", {}, "%s", line)
  end
  local known = notes.of_data(add, {
    names = about.names,
    markets = world.markets,
    rules = world.symbols,
    funding = about.data and about.data.funding or {},
    mark = about.data and about.data.mark or {},
    first_us = first,
    last_us = last,
    totals = C.exchange_totals(exchange),
  })
  if not known then r.funding = nil end
  notes.inside(add, C.exchange_totals(exchange), r)
  watch.note(add, about.names, r.fills, about.impact or "none")
  notes.of_run(add, r)
  log_notes(add, about.folded)
  r.already_said = about.said and #about.said or 0
  r.begin_us, r.end_us = first, last
  r.fingerprint = fingerprint(world, about, fills)
  return r
end

M.table_text, M.json = text.table_text, json.text

---Prints and saves what the options ask for; the file of trades was written as the result was gathered.
---@param r table
---@param options table
---@param world World
---@param exchange ffi.cdata*
function M.write(r, options, world, exchange)
  if options.fills then csv.fills(options.fills, exchange, world.symbol_names) end
  -- A run on paper has an option of the same name, a count.
  if type(options.orders) == "string" then csv.orders(options.orders, exchange, world.symbol_names) end
  if options.equity then csv.equity(options.equity, world.view) end
  if r.begun then
    r.elapsed_s = host.monotonic() - r.begun
    r.bars_per_s = r.run_s > 0 and r.bars / r.run_s or 0
    r.peak_memory = host.peak_memory()
  end
  if not options.quiet then
    for i = (r.already_said or 0) + 1, #r.notes do
      io.stderr:write("note: ", r.notes[i].text, "\n")
    end
  end
  if options.json == "-" then
    io.write(json.text(r))
    return
  end
  if options.json then output.save(options.json, json.text(r)) end
  io.write(text.table_text(r))
  if options.plot then io.write("\n", picture.equity(world, r):text(), "\n") end
  -- How long it took is no result: the same run prints the same bytes.
  if r.elapsed_s and not options.quiet then
    io.stderr:write(
      ("%d bars in %.3f s (%.1f million a second), %.3f s to load, %.3f s in all\n"):format(
        r.bars,
        r.run_s,
        r.bars_per_s / 1e6,
        r.setup_s,
        r.elapsed_s
      )
    )
  end
end

return M
