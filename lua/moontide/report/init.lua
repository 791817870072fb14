---The result of a backtest: a document with every number, and its faces (table, JSON, CSV). Definitions: docs/report.md.
local ffi = require "ffi"
local C = require "moontide.core"
local failures = require "moontide.failure"
local host = require "moontide.lua_host"
local log_module = require "moontide.run.log"
local records = require "moontide.api.records"
local stats = require "moontide.stats"

local M = {}

local function money(e8) return tonumber(e8) / 1e8 end

local function fills_of(world, exchange)
  local build = records.constructor(C.RECORD_TRADE, world.symbol_names, {})
  local fills = {}
  for i = 0, tonumber(C.exchange_fill_count(exchange)) - 1 do
    fills[i + 1] = build(C.exchange_fill(exchange, i))
  end
  return fills
end

local function daily_equity(view)
  local list = {}
  for i = 0, tonumber(view.day_count) - 1 do
    list[i + 1] = money(view.day_equity_e8[i])
  end
  list[#list + 1] = money(view.equity_e8) -- the last, unfinished day
  return list
end

local trade_columns = {
  "symbol",
  "side",
  "quantity",
  "entry_time",
  "exit_time",
  "entry_price",
  "exit_price",
  "pnl",
  "commission",
}

local function cell(v)
  if type(v) == "number" then return v == math.floor(v) and ("%d"):format(v) or ("%.10g"):format(v) end
  return tostring(v == nil and "" or v)
end

local function trades_csv(trades)
  local lines = { table.concat(trade_columns, ",") }
  for _, t in ipairs(trades) do
    local cells = {}
    for i, name in ipairs(trade_columns) do
      cells[i] = cell(t[name])
    end
    lines[#lines + 1] = table.concat(cells, ",")
  end
  return table.concat(lines, "\n") .. "\n"
end

local function fills_text(fills)
  local lines = {}
  for i, f in ipairs(fills) do
    lines[i] = ("%s,%s,%.10g,%.10g,%.10g,%.10g,%d"):format(
      f.symbol,
      f.side,
      f.price,
      f.qty,
      f.realizedPnl,
      f.commission,
      f.time
    )
  end
  return table.concat(lines, "\n")
end

---What an account of a simulated exchange has come to, with its statistics.
---@param world World
---@param exchange ffi.cdata* struct exchange
---@param about table names script, parameters, symbols and times of the run
---@param first number when it began, microseconds
---@param last number
---@return table result
function M.account(world, exchange, about, first, last)
  local view = world.view
  local totals = C.exchange_totals(exchange)
  local fills = fills_of(world, exchange)
  local trades = stats.trades(fills)
  local equity = money(C.exchange_equity_e8(exchange))
  local r = {
    strategy = about.script:match "([^/]+)%.lua$" or about.script,
    script = about.script,
    symbols = about.names,
    interval = about.interval,
    params = about.params,
    from = first / 1000,
    to = last / 1000,
    bars = tonumber(view.bars),
    orders = tonumber(totals.orders),
    fills = tonumber(totals.fills),
    maker_fills = tonumber(totals.maker_fills),
    rejected = tonumber(totals.rejected),
    liquidations = tonumber(totals.liquidations),
    fees = money(totals.fees_e8),
    funding = money(totals.funding_e8),
    realized = money(totals.realized_e8),
    volume = money(totals.notional_e8),
    capital = about.capital,
    final_equity = equity,
    net_profit = equity - about.capital,
    wallet = money(C.exchange_wallet_e8(exchange)),
    max_drawdown_value = money(view.drawdown_e8),
    waited_s = tonumber(view.waited_us) / 1e6,
    lag_s = tonumber(view.lag_us) / 1e6,
    rate_limited = tonumber(totals.rate_limited),
    exposure = view.bars > 0 and tonumber(view.bars_exposed) / tonumber(view.bars) or 0,
    trade_list = trades,
    trades = #trades,
    fill_list = fills,
    rejects = {},
    peak_memory = host.peak_memory(),
  }
  local code, count = ffi.new "int32_t[1]", ffi.new "int64_t[1]"
  for i = 0, C.exchange_reject_count(exchange) - 1 do
    C.exchange_reject(exchange, i, code, count)
    r.rejects[#r.rejects + 1] = { code = code[0], count = tonumber(count[0]) }
  end
  table.sort(r.rejects, function(a, b) return a.code > b.code end)
  for name, value in
    pairs(stats.performance(daily_equity(view), { periods = 365, years = (last - first) / (365 * 86400e6) }))
  do
    if r[name] == nil then r[name] = value end
  end
  for name, value in pairs(stats.trade_summary(trades)) do
    if r[name] == nil then r[name] = value end
  end
  -- The deepest fall is tracked at every bar, which is deeper than what day ends show.
  r.max_drawdown = view.drawdown
  r.drawdown_from, r.drawdown_to = tonumber(view.peak_us) / 1000, tonumber(view.trough_us) / 1000
  r.calmar = r.annual_return and view.drawdown > 0 and r.annual_return / view.drawdown or nil
  r.equity_points = view
  return r
end

---Gathers the result of a backtest. `about` names script, source, parameters, symbols and times of the run, and `until_us` where
---the data go on behind it.
---@param world World
---@param about table
---@return table result
function M.build(world, about)
  local first, last = math.huge, 0
  local data_hash = {}
  for i = 0, world.symbol_count - 1 do
    local s = world.markets[i]
    first = math.min(first, tonumber(s.open_us[0]))
    last = math.max(last, tonumber(s.open_us[s.count - 1]) + tonumber(s.interval_us))
    data_hash[#data_hash + 1] = ("%s %s %s %d %d"):format(
      world.symbol_names[i],
      ffi.string(C.interval_names[s.interval]),
      ffi.string(s.hash),
      tonumber(s.open_us[0]),
      tonumber(s.count)
    )
  end
  if about.until_us then last = math.max(first, math.min(last, about.until_us)) end
  local r = M.account(world, C.backtest_exchange(world.bt), about, first, last)
  r.elapsed_s, r.setup_s = about.elapsed, about.setup
  r.bars_per_s = r.elapsed_s > 0 and r.bars / r.elapsed_s or 0
  r.fingerprint = {
    data = host.sha256(table.concat(data_hash, "\n")):sub(1, 16),
    script = host.sha256(about.source):sub(1, 16),
    params = host.sha256(about.params_text .. "\nseed=" .. about.seed):sub(1, 16),
    trades = host.sha256(fills_text(r.fill_list)):sub(1, 16),
  }
  return r
end

local function percent(x) return x and ("%.2f %%"):format(x * 100) or "n/a" end
local function ratio(x) return x and ("%.2f"):format(x) or "n/a" end
local function usdt(x) return x and ("%.2f USDT"):format(x) or "n/a" end
local function day(ms) return log_module.time_text(ms * 1000):sub(1, 16) end

---The terminal table.
---@param r table
---@return string
function M.table_text(r)
  local lines = {}
  local function row(name, value) lines[#lines + 1] = ("  %-22s %s"):format(name, value) end
  local function head(name)
    lines[#lines + 1] = ""
    lines[#lines + 1] = name
  end
  lines[1] = ("%s  %s  %s"):format(r.strategy, table.concat(r.symbols, " "), r.interval or "")
  row("period", day(r.from) .. " to " .. day(r.to) .. " UTC")
  row("bars", r.bars)
  head "result"
  row("capital", usdt(r.capital))
  row("final equity", usdt(r.final_equity))
  row("net profit", usdt(r.net_profit))
  row("return", percent(r["return"]))
  row("annualised return", percent(r.annual_return))
  row("fees", usdt(r.fees))
  row("funding", usdt(r.funding))
  head "risk"
  row("volatility (annual)", percent(r.volatility))
  row("Sharpe / Sortino", ratio(r.sharpe) .. " / " .. ratio(r.sortino))
  row("Calmar", ratio(r.calmar))
  row(
    "maximum drawdown",
    percent(r.max_drawdown)
      .. (r.max_drawdown > 0 and ("  %s to %s"):format(day(r.drawdown_from), day(r.drawdown_to)) or "")
  )
  row("exposure", percent(r.exposure))
  if r.liquidations > 0 then row("liquidations", r.liquidations) end
  head "trades"
  row("orders / fills", ("%d / %d (%d as maker)"):format(r.orders, r.fills, r.maker_fills))
  row("trades closed", r.trades)
  row("win rate", percent(r.win_rate))
  row("profit factor", ratio(r.profit_factor))
  row("expectancy", usdt(r.expectancy) .. (r.expectancy and " a trade" or ""))
  row("longest losing streak", r.losing_streak or 0)
  local rejects = {}
  for i, x in ipairs(r.rejects) do
    rejects[i] = ("%d: %d"):format(x.code, x.count)
  end
  row(
    "rejected orders",
    r.rejected .. (#rejects > 0 and ("  (%s)"):format(table.concat(rejects, ", ")) or "")
  )
  row("waited on limits", ("%.1f s"):format(r.waited_s))
  if not r.fingerprint then return table.concat(lines, "\n") .. "\n" end
  lines[#lines + 1] = ""
  lines[#lines + 1] = ("fingerprint  data %s  script %s  parameters %s  trades %s"):format(
    r.fingerprint.data,
    r.fingerprint.script,
    r.fingerprint.params,
    r.fingerprint.trades
  )
  return table.concat(lines, "\n") .. "\n"
end

-- JSON with the keys in a fixed order; numbers as short as exact.
local function json_string(s)
  return '"' .. s:gsub('[%c"\\\127]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
end

local function json_value(v)
  if v == nil or v ~= v or v == math.huge or v == -math.huge then return "null" end
  if type(v) == "number" then
    for digits = 15, 17 do
      local text = ("%." .. digits .. "g"):format(v)
      if tonumber(text) == v then return text end
    end
  elseif type(v) == "boolean" then
    return tostring(v)
  elseif type(v) == "string" then
    return json_string(v)
  end
  return json_string(tostring(v))
end

local json_keys = {
  "strategy",
  "script",
  "symbols",
  "interval",
  "params",
  "from",
  "to",
  "bars",
  "orders",
  "fills",
  "maker_fills",
  "fees",
  "funding",
  "realized",
  "volume",
  "capital",
  "net_profit",
  "final_equity",
  "return",
  "annual_return",
  "volatility",
  "sharpe",
  "sortino",
  "calmar",
  "max_drawdown",
  "max_drawdown_value",
  "drawdown_from",
  "drawdown_to",
  "exposure",
  "trades",
  "win_rate",
  "profit_factor",
  "expectancy",
  "losing_streak",
  "rejected",
  "rejects",
  "liquidations",
  "rate_limited",
  "waited_s",
  "lag_s",
  "fingerprint",
  "elapsed_s",
  "bars_per_s",
  "peak_memory",
}

local function json_object(t)
  local names, parts = {}, {}
  for name in pairs(t) do
    names[#names + 1] = tostring(name)
  end
  table.sort(names)
  for i, name in ipairs(names) do
    parts[i] = json_string(name) .. ":" .. json_value(t[name])
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

---@param r table
---@return string
function M.json(r)
  local parts = {}
  for _, key in ipairs(json_keys) do
    local value = r[key]
    local text
    if key == "symbols" then
      local list = {}
      for i, s in ipairs(value) do
        list[i] = json_string(s)
      end
      text = "[" .. table.concat(list, ",") .. "]"
    elseif key == "rejects" then
      local by_code = {}
      for _, x in ipairs(value) do
        by_code[tostring(x.code)] = x.count
      end
      text = json_object(by_code)
    elseif type(value) == "table" then
      text = json_object(value)
    else
      text = json_value(value)
    end
    parts[#parts + 1] = json_string(key) .. ":" .. text
  end
  return "{" .. table.concat(parts, ",") .. "}\n"
end

local function equity_csv(view)
  local lines = { "time,equity" }
  for i = 0, tonumber(view.point_count) - 1 do
    lines[#lines + 1] = ("%d,%.8f"):format(tonumber(view.point_us[i]) / 1000, money(view.point_equity_e8[i]))
  end
  return table.concat(lines, "\n") .. "\n"
end

local function save(path, text)
  local ok, message = host.replace_file(path, text)
  if not ok then failures.raise(1, "%s", message) end
end

---Prints and saves what the options ask for.
---@param r table
---@param options table
function M.write(r, options)
  if options.trades then save(options.trades, trades_csv(r.trade_list)) end
  if options.equity then save(options.equity, equity_csv(r.equity_points)) end
  if options.json == "-" then
    io.write(M.json(r))
    return
  end
  if options.json then save(options.json, M.json(r)) end
  io.write(M.table_text(r))
  -- How long it took is no result: the same run prints the same bytes.
  if r.elapsed_s and not options.quiet then
    io.stderr:write(
      ("%d bars in %.3f s (%.1f million a second), %.3f s to load\n"):format(
        r.bars,
        r.elapsed_s,
        r.bars_per_s / 1e6,
        r.setup_s
      )
    )
  end
end

return M
