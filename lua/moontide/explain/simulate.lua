---A recorded session's script through the simulated exchange: what a backtest says would have happened.
local ffi = require "ffi"
local C = require "moontide.core"
local columns = require "moontide.backtest.columns"
local backtest = require "moontide.backtest.session"
local bars_module = require "moontide.backtest.bars"
local failures = require "moontide.failure"
local intents = require "moontide.explain.intents"
local loader = require "moontide.run.loader"
local pump = require "moontide.run.pump"
local replay = require "moontide.record.replay"
local runner = require "moontide.run.runner"

local M = {}

local MINUTE_US = 60000000LL

local function number(e8) return tonumber(e8) / 1e8 end

-- ---- the market ----------------------------------------------------------------------------------------------------

-- Minutes made of the trades that were told.
local function bars_of_trades(trades)
  local bars = {}
  for _, t in ipairs(trades) do
    local open_us = C.interval_floor(C.INTERVAL_1M, t[1])
    local bar = bars[#bars]
    if not bar or bar[1] ~= open_us then
      bar = { open_us, t[2], t[2], t[2], t[2], 0LL, 0LL, 0LL, 0LL, 0LL }
      bars[#bars + 1] = bar
    end
    if t[2] > bar[3] then bar[3] = t[2] end
    if t[2] < bar[4] then bar[4] = t[2] end
    bar[5], bar[6], bar[8] = t[2], bar[6] + t[3], bar[8] + 1
  end
  return bars
end

-- Bars of several sources as one, by their time; the first source that has a bar is believed.
local function merge(sources)
  local seen, bars = {}, {}
  for _, source in ipairs(sources) do
    for _, bar in ipairs(source) do
      local key = tostring(bar[1])
      if not seen[key] then
        seen[key] = true
        bars[#bars + 1] = bar
      end
    end
  end
  table.sort(bars, function(a, b) return a[1] < b[1] end)
  return bars
end

-- Of a column that a series made by hand does not have.
local function part(column, i) return column ~= nil and column[i] or 0LL end

local function bars_of_series(series, before_us)
  local bars = {}
  for i = 0, tonumber(series.count) - 1 do
    if series.open_us[i] < before_us then
      bars[#bars + 1] = {
        series.open_us[i],
        series.open_e8[i],
        series.high_e8[i],
        series.low_e8[i],
        series.close_e8[i],
        series.volume_e8[i],
        series.quote_volume_e8[i],
        series.trades[i],
        series.taker_volume_e8[i],
        series.taker_quote_volume_e8[i],
        part(series.volume_high, i),
        part(series.quote_volume_high, i),
        part(series.taker_volume_high, i),
        part(series.taker_quote_volume_high, i),
      }
    end
  end
  return bars
end

-- What was between the last bar and the end, as the last price told it; then a bar that stands still at the end, on which what
-- on_stop asks for is filled. Neither is delivered.
local function add_tail(s, symbol, bars, step_us)
  local edge_us = bars[#bars][1] + step_us
  local close = bars[#bars][5]
  local open, high, low
  local p, from_us = s.prices[symbol], s.told_us[symbol] or s.first.us
  for i = 1, #p.us do
    if p.us[i] > from_us and p.price[i] > 0 then
      local price = C.dec_from_double(p.price[i])
      open, close = open or price, price
      high = (not high or price > high) and price or high
      low = (not low or price < low) and price or low
    end
  end
  bars[#bars + 1] = { edge_us, open or close, high or close, low or close, close, 0LL, 0LL, 0LL, 0LL, 0LL }
  local final = s.last.last[symbol] > 0 and C.dec_from_double(s.last.last[symbol]) or close
  bars[#bars + 1] = { edge_us + step_us, final, final, final, final, 0LL, 0LL, 0LL, 0LL, 0LL }
end

local function finest(by_interval)
  local best
  for interval in pairs(by_interval or {}) do
    best = (not best or interval < best) and interval or best
  end
  return best
end

-- The market of one symbol, and when its session begins.
local function market_of(s, symbol, data)
  local told = s.bars[symbol] or {}
  local interval = finest(told)
  local own = interval and told[interval] or nil
  if not own and #s.trades[symbol] > 0 then
    interval, own = C.INTERVAL_1M, bars_of_trades(s.trades[symbol])
  end
  local given = data and data.series[symbol]
  local from_us = own and own[1][1] or C.interval_floor(C.INTERVAL_1M, s.first.us)
  local step_us = interval and C.interval_us(interval) or MINUTE_US
  local bars
  if given and (not interval or given.interval < interval) then
    local end_us = own and own[#own][1] + step_us or C.interval_floor(C.INTERVAL_1M, s.last.us) + MINUTE_US
    interval, step_us = given.interval, given.interval_us
    bars = bars_of_series(given, end_us)
    if #bars == 0 or bars[#bars][1] < from_us then
      failures.raise(1, "%s: the data of --data does not reach the session", symbol)
    end
  elseif own then
    bars = merge {
      own,
      (s.history[symbol] or {})[interval] or {},
      given and given.interval == interval and bars_of_series(given, own[#own][1]) or {},
    }
    while bars[#bars][1] > own[#own][1] do
      bars[#bars] = nil
    end
  else
    return nil
  end
  add_tail(s, symbol, bars, step_us)
  return columns.series(symbol, interval, bars), from_us
end

---The market the session saw.
---@param s RecordedSession
---@param options table data, store, allow-gaps
---@return table data as backtest.open takes it
---@return number from_us
function M.market(s, options)
  local given
  if options.data then
    given = bars_module.load(
      { data = options.data, store = options.store, ["allow-gaps"] = true },
      s.names,
      function() end
    )
  end
  local data, from_us = { series = {}, names = {}, funding = given and given.funding or {} }, nil
  for _, name in ipairs(s.names) do
    local series, first = market_of(s, name, given)
    if series then
      data.series[name] = series
      data.names[#data.names + 1] = name
      from_us = (not from_us or first < from_us) and first or from_us
    end
  end
  for _, name in ipairs(s.names) do
    if not data.series[name] then
      failures.raise(
        1,
        "no bars of %s in the recording, nor trades; give the market of that time with --data",
        name
      )
    end
  end
  return data, from_us
end

-- ---- the run -------------------------------------------------------------------------------------------------------

-- The backtest's pump, which ends where the session ended, and keeps what is asked for.
local function pump_of(s, sim, inner)
  local last_bar = {}
  for symbol, by_interval in pairs(s.bars) do
    for interval, bars in pairs(by_interval) do
      last_bar[symbol .. interval] = bars[#bars][1]
    end
  end
  local face = setmetatable({}, { __index = inner })
  local context, ended, calls, text, view = "start", false, {}, ffi.new("char[?]", C.RUN_RECORD_TEXT_MAX), nil
  function face.next(w, wants)
    if ended and wants then return C.WORLD_END end
    view = view or inner.view(w)
    local kind = inner.next(w, wants)
    -- The session was over before the bar that it ended in.
    while kind == C.WORLD_TIMER and not ended and view.now_us > s.last.us do
      kind = inner.next(w, wants)
    end
    if kind == C.WORLD_BAR then
      local open_us, last =
        view.series.open_us[view.bar_index], last_bar[ffi.string(view.series.symbol) .. view.series.interval]
      if last and open_us > last then
        kind, ended = C.WORLD_END, true
      else
        context = ("%.0f"):format(tonumber(open_us))
      end
    end
    if kind == C.WORLD_END then context = "stop" end
    return kind
  end
  function face.submit(w, op)
    view = view or inner.view(w)
    C.call_encode(op.call, s.rules, text, C.RUN_RECORD_TEXT_MAX)
    local list =
      intents.of(op.call.endpoint, ffi.string(text), { context = context, at_us = tonumber(view.now_us) })
    calls[op.slot] = #list > 0 and list or nil
    for _, x in ipairs(list) do
      x.reference = number(inner.last(w, op.call.symbol >= 0 and op.call.symbol or 0))
      sim.intents[#sim.intents + 1] = x
    end
    inner.submit(w, op)
  end
  function face.op_free(w, op)
    if calls[op.slot] and op.done then
      intents.answered(calls[op.slot], {
        settle = op.settle,
        code = op.code,
        message = ffi.string(op.message),
        batch = op.call.batch_count > 0,
        batch_code = function(i) return op.batch_code[i], ffi.string(op.batch_message[i]) end,
      }, tonumber(view.now_us))
    end
    calls[op.slot] = nil
    inner.op_free(w, op)
  end
  return face
end

local function gather_fills(sim, world, names)
  local exchange = C.backtest_exchange(world.bt)
  local by_id = {}
  for _, x in ipairs(sim.intents) do
    by_id[x.client_id] = x
  end
  for i = 0, tonumber(C.exchange_fill_count(exchange)) - 1 do
    local t = C.exchange_fill(exchange, i)
    local fill = {
      symbol = names[t.symbol + 1],
      side = ffi.string(C.side_names[t.side]),
      qty = number(t.qty_e8),
      price = number(t.price_e8),
      fee = number(t.commission_e8),
      maker = t.maker,
      at_us = tonumber(t.time_us),
    }
    local order = C.exchange_order(exchange, t.order_id)
    local x = order ~= nil and by_id[ffi.string(order.client_id)]
    table.insert(x and x.fills or sim.others, fill)
  end
  local totals = C.exchange_totals(exchange)
  sim.equity, sim.funding = number(C.exchange_equity_e8(exchange)), number(totals.funding_e8)
  sim.final = {}
  for i, name in ipairs(names) do
    sim.final[name] = number(C.exchange_last_e8(exchange, i - 1))
  end
end

---@class SimulatedSession
---@field intents Intent[]
---@field others ExplainedFill[] liquidations
---@field capital number
---@field equity number
---@field funding number
---@field final table<string, number> last prices
---@field failure string?

---Runs a session's script (or another) on the session's market.
---@param s RecordedSession
---@param options table script, data, maker, taker, slippage, latency, leverage, path, touch
---@return SimulatedSession
function M.run(s, options)
  local data, from_us = M.market(s, options)
  local sets, hedge = {}, options.hedge
  for name, value in pairs(s.about.sets) do
    sets[#sets + 1] = name .. "=" .. value
  end
  for _, x in ipairs(s.intents) do
    hedge = hedge or x.position_side ~= "BOTH"
  end
  local capital = s.first.wallet > 0 and s.first.wallet or 10000
  local sim = { intents = {}, others = {}, capital = capital }
  local o = {
    symbol = s.names,
    interval = s.about.interval,
    set = sets,
    seed = s.about.seed,
    capital = capital,
    hedge = hedge,
    quiet = true,
  }
  for _, name in ipairs { "maker", "taker", "slippage", "latency", "leverage", "margin", "path", "touch" } do
    o[name] = options[name]
  end
  local opened = backtest.open(o, options.script or s.about.script, {
    log = function(now) return loader.log({ ["log-level"] = "error" }, now) end,
    print = function() end,
    notice = function() end,
    data = data,
    source = not options.script and s.about.source or nil,
    sandbox = not options.trusted and replay.data_folder(options[1]) or nil,
    rules = s.rules,
    rate_limits = s.about.rate_limits,
    config = s.config,
    from_us = tonumber(from_us),
    always_listed = true, -- what was recorded did trade
    pump = pump_of(s, sim, pump.backtest),
  })
  local world, script = opened.world, opened.script
  if script.self then replay.give_state(world, script.self, s.about) end
  world.begins_us = tonumber(s.first.us)
  math.randomseed(s.about.seed)
  local failure = runner.run(world, script.self, script.plain and script.chunk or nil)
  sim.failure = failure and failure:match "[^\n]*"
  gather_fills(sim, world, s.names)
  world:close()
  return sim
end

return M
