---The result as a table for the terminal, at most 80 columns wide where the names of symbols allow it.
local log_module = require "moontide.run.log"
local notes = require "moontide.report.notes"

local M = {}

local function percent(x) return x and ("%.2f %%"):format(x * 100) or "n/a" end
local function ratio(x) return x and ("%.2f"):format(x) or "n/a" end
local function number(x) return ("%.10g"):format(x) end
local function stamp(ms) return log_module.time_text(ms * 1000):sub(1, 16) end

local function span(seconds)
  if not seconds then return "n/a" end
  if seconds < 60 then return ("%.0f s"):format(seconds) end
  if seconds < 3600 then return ("%.1f min"):format(seconds / 60) end
  if seconds < 86400 then return ("%.1f h"):format(seconds / 3600) end
  return ("%.1f d"):format(seconds / 86400)
end

---@class ReportText
---@field lines string[]
---@field coin string of the account
local Text = {}
Text.__index = Text

function Text:money(x) return x and ("%.2f %s"):format(x, self.coin) or "n/a" end
function Text:line(line) self.lines[#self.lines + 1] = line end
function Text:row(name, value) self:line(("  %-22s %s"):format(name, value)) end
function Text:head(name)
  self:line ""
  self:line(name)
end

-- A line of notes, broken at words.
function Text:wrapped(mark, words, width)
  local line = mark
  for word in words:gmatch "%S+" do
    if #line + 1 + #word > width and #line > #mark then
      self:line(line)
      line = (" "):rep(#mark)
    end
    line = line .. " " .. word
  end
  self:line(line)
end

-- Exact, so that the lines add up to the last digit.
local function account(t, r)
  local function row(name, value)
    t:line(("  %-22s %25s"):format(name, value and ("%.8f %s"):format(value, r.coin) or "n/a"))
  end
  t:head "account: realized + unrealized - fees + funding - liquidation fees = net profit"
  row("realized", r.realized)
  row("unrealized", r.unrealized)
  row("fees", r.fees)
  row("funding", r.funding)
  if not r.funding and r.funding_booked ~= 0 then row("  of it booked", r.funding_booked) end
  row("liquidation fees", r.liquidation_fees)
  row("net profit", r.net_profit)
end

local function result(t, r)
  t:head "result"
  t:row("capital", t:money(r.capital))
  t:row("final equity", t:money(r.final_equity))
  t:row("return", percent(r["return"]))
  t:row("annualised return", percent(r.annual_return))
  if r.buy_and_hold then
    t:row("buy and hold", percent(r.buy_and_hold))
    t:row("alpha / beta to it", percent(r.alpha) .. " / " .. ratio(r.beta))
  end
end

local function risk(t, r)
  t:head "risk"
  t:row("volatility (annual)", percent(r.volatility))
  t:row("Sharpe / Sortino", ratio(r.sharpe) .. " / " .. ratio(r.sortino))
  t:row("Calmar", ratio(r.calmar))
  t:row(
    "maximum drawdown",
    percent(r.max_drawdown)
      .. (r.max_drawdown > 0 and ("  %s to %s"):format(stamp(r.drawdown_from), stamp(r.drawdown_to)) or "")
  )
  if r.longest_drawdown_s and r.max_drawdown > 0 then
    t:row("longest drawdown", span(r.longest_drawdown_s))
  end
  t:row("recovery factor", ratio(r.recovery_factor))
  t:row("best / worst day", percent(r.best_day) .. " / " .. percent(r.worst_day))
  t:row("exposure", percent(r.exposure))
  t:row("time in market", percent(r.time_in_market))
end

local function drawdowns(t, r)
  if #(r.drawdowns or {}) == 0 then return end
  t:head "deepest drawdowns"
  t:line(("  %8s  %-16s  %-16s  %-16s  %8s"):format("depth", "from", "trough", "recovered", "length"))
  for _, d in ipairs(r.drawdowns) do
    t:line(
      ("  %8s  %-16s  %-16s  %-16s  %8s"):format(
        percent(d.depth),
        stamp(d.from),
        stamp(d.trough),
        d.to and stamp(d.to) or "not yet",
        span(d.length_s)
      )
    )
  end
end

local function short_percent(x)
  x = x * 100
  return (math.abs(x) < 9.95 and "%.1f" or "%.0f"):format(x)
end

-- A row a year, a column a month, in percent.
local function months(t, r)
  if #(r.months or {}) < 2 then return end
  t:head "months (%)"
  local years, order = {}, {}
  for _, m in ipairs(r.months) do
    local year = m.month:sub(1, 4)
    if not years[year] then
      years[year] = { all = 1 }
      order[#order + 1] = year
    end
    years[year][tonumber(m.month:sub(6))] = m["return"]
    years[year].all = years[year].all * (1 + m["return"])
  end
  local cells = {}
  for i = 1, 12 do
    cells[i] = ("%5s"):format(("JanFebMarAprMayJunJulAugSepOctNovDec"):sub(3 * i - 2, 3 * i))
  end
  t:line("      " .. table.concat(cells) .. "   year")
  for _, year in ipairs(order) do
    for i = 1, 12 do
      cells[i] = ("%5s"):format(years[year][i] and short_percent(years[year][i]) or "")
    end
    t:line(("  %s%s %6s"):format(year, table.concat(cells), short_percent(years[year].all - 1)))
  end
end

local function trades(t, r)
  t:head "trades"
  t:row("orders / fills", ("%d / %d (%d as maker)"):format(r.orders, r.fills, r.maker_fills))
  t:row("trades closed", r.trades)
  if r.liquidations > 0 then t:row("liquidations", r.liquidations) end
  t:row("win rate", percent(r.win_rate))
  t:row("profit factor", ratio(r.profit_factor))
  t:row("expectancy", t:money(r.expectancy) .. (r.expectancy and " a trade" or ""))
  if r.trades > 0 then
    t:row("average win / loss", t:money(r.average_win) .. " / " .. t:money(r.average_loss))
    t:row("best / worst", t:money(r.best_trade) .. " / " .. t:money(r.worst_trade))
    t:row(
      "duration",
      ("%s on average, %s at most"):format(span(r.average_duration_s), span(r.longest_duration_s))
    )
    if r.average_mae then
      t:row("MAE / MFE", percent(r.average_mae) .. " / " .. percent(r.average_mfe) .. " on average")
    end
    t:row("SQN / Kelly", ratio(r.sqn) .. " / " .. percent(r.kelly))
    local parts = {}
    for _, reason in ipairs { "signal", "stop", "target", "liquidation" } do
      if r.exit_reasons[reason] then parts[#parts + 1] = ("%s %d"):format(reason, r.exit_reasons[reason]) end
    end
    t:row("closed by", table.concat(parts, ", "))
  end
  t:row("longest losing streak", r.losing_streak or 0)
  t:row("rejected orders", r.rejected .. notes.counted(r.rejects))
  t:row("refused before sending", r.refused .. notes.counted(r.refusal_list))
  t:row("waited on limits", ("%.1f s"):format(r.waited_s))
end

local function groups(t, r)
  if r.trades == 0 then return end
  t:line ""
  t:line(
    ("  %-14s %7s %9s %13s %13s %8s"):format("by", "trades", "won", "net " .. r.coin, "a trade", "factor")
  )
  local function row(name, g)
    t:line(
      ("  %-14s %7d %9s %13.2f %13s %8s"):format(
        name,
        g.trades,
        percent(g.win_rate),
        g.net,
        g.expectancy and ("%.2f"):format(g.expectancy) or "n/a",
        ratio(g.profit_factor)
      )
    )
  end
  row("long", r.long)
  row("short", r.short)
  if #r.symbols < 2 then return end
  for _, name in ipairs(r.symbols) do
    row(name, r.by_symbol[name])
  end
end

local spread_rows = {
  { "net_profit", "net profit", "%.2f" },
  { "return", "return (%)", "%.2f", 100 },
  { "max_drawdown", "max. drawdown (%)", "%.2f", 100 },
  { "sharpe", "Sharpe", "%.2f" },
  { "trades", "trades closed", "%.0f" },
  { "win_rate", "win rate (%)", "%.2f", 100 },
  { "fees", "fees", "%.2f" },
}

-- What the same run came to with other seeds.
local function spread(t, r)
  if not r.paths then return end
  t:head(
    ("over %d paths (seeds %d to %d)"):format(r.paths.runs, r.paths.seed, r.paths.seed + r.paths.runs - 1)
  )
  t:line(("  %-22s %13s %13s %13s %13s"):format("", "5 %", "median", "95 %", "this run"))
  for _, row in ipairs(spread_rows) do
    local f, factor = r.paths.figures[row[1]], row[4] or 1
    if f then
      local cells = {}
      for i, v in ipairs { f.low, f.median, f.high } do
        cells[i] = row[3]:format(v * factor)
      end
      cells[4] = r[row[1]] and row[3]:format(r[row[1]] * factor) or "n/a"
      t:line(("  %-22s %13s %13s %13s %13s"):format(row[2], unpack(cells)))
    end
  end
end

local function open(t, r)
  if #r.open_positions == 0 and #r.open_orders == 0 then return end
  t:head "open at the end"
  for _, p in ipairs(r.open_positions) do
    t:row(
      p.symbol .. " " .. p.side,
      ("%s at %s, last %s, unrealised %.2f %s"):format(
        number(math.abs(p.quantity)),
        number(p.entry_price),
        number(p.last_price),
        p.unrealized,
        r.coin
      )
    )
  end
  for i, o in ipairs(r.open_orders) do
    if i == 11 then
      t:row("", ("and %d orders more"):format(#r.open_orders - 10))
      break
    end
    t:row(
      o.symbol .. " " .. o.side,
      ("%s %s%s%s, since %s"):format(
        o.type,
        o.quantity > 0 and number(o.quantity) or "all",
        o.price and " at " .. number(o.price) or "",
        o.trigger_price and " from " .. number(o.trigger_price) or "",
        stamp(o.time)
      )
    )
  end
end

---The terminal table.
---@param r table
---@return string
function M.table_text(r)
  local t = setmetatable({ lines = {}, coin = r.coin }, Text)
  t:line(("%s  %s  %s"):format(r.strategy, table.concat(r.symbols, " "), r.interval or ""))
  t:row("period", stamp(r.from) .. " to " .. stamp(r.to) .. " UTC")
  t:row("bars", r.bars)
  result(t, r)
  account(t, r)
  risk(t, r)
  drawdowns(t, r)
  months(t, r)
  trades(t, r)
  groups(t, r)
  open(t, r)
  spread(t, r)
  if #(r.notes or {}) > 0 then
    t:head "notes"
    for _, note in ipairs(r.notes) do
      t:wrapped("  -", note.text, 80)
    end
  end
  if not r.fingerprint then return table.concat(t.lines, "\n") .. "\n" end
  t:line ""
  t:line(
    ("fingerprint  data %s  script %s  parameters %s  trades %s"):format(
      r.fingerprint.data,
      r.fingerprint.script,
      r.fingerprint.params,
      r.fingerprint.trades
    )
  )
  return table.concat(t.lines, "\n") .. "\n"
end

return M
