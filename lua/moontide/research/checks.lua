---The checks of `moontide check`: each takes runs and says one thing about a strategy. A check is `ok`, `FAIL`, or `n/a` where
---there is nothing to judge by.
---
---    { name = "fees", verdict = "ok", text = "net profit 812.40 with fees doubled" }
local resample = require "moontide.research.resample"

local M = {}

local DAY_MS = 86400000
local ROUNDS = 2000
-- The share of the profit that must be left.
local KEPT = 0.5
-- Positions that differ by less than this share are the same: sizes follow the equity, which differs a little.
local SAME = 0.1

---@class Check
---@field name string
---@field verdict "ok"|"FAIL"|"n/a"
---@field text string
---@field values table<string, number>? for --json

local function check(name, ok, format, ...)
  return { name = name, verdict = ok == nil and "n/a" or ok and "ok" or "FAIL", text = format:format(...) }
end

local function money(x) return ("%.2f"):format(x) end

-- ---- decisions ----

-- What a script decided, of an order's row.
local function decision(row)
  return table.concat({
    row.time,
    row.symbol,
    row.side,
    row.position_side,
    row.type,
    row.quantity,
    tostring(row.price),
    tostring(row.trigger_price),
    tostring(row.reduce_only),
  }, " ")
end

local function decisions(rows, from, to)
  local list = {}
  for _, row in ipairs(rows) do
    if row.made_by == "" and row.time >= from and row.time < to then list[#list + 1] = decision(row) end
  end
  return list
end

---Whether what is decided before a cut is the same when the data end there: nothing of later bars was used, nor anything else
---that differs from run to run.
---@param base RunResult
---@param cuts { at: number, run: RunResult }[]
---@return Check
function M.look_ahead(base, cuts)
  local compared = 0
  for _, cut in ipairs(cuts) do
    if cut.run.failure then
      return check("look-ahead", false, "the run to %s failed: %s", cut.text, cut.run.failure)
    end
    local from, to = base.result.from, cut.at - 1000 -- the last bar's orders may belong to the end
    local full, short = decisions(base.orders, from, to), decisions(cut.run.orders, from, to)
    for i = 1, math.max(#full, #short) do
      if full[i] ~= short[i] then
        return check(
          "look-ahead",
          false,
          "with the data cut at %s, order %d differs: %s, not %s",
          cut.text,
          i,
          short[i] or "none",
          full[i] or "none"
        )
      end
    end
    compared = compared + #full
  end
  return check(
    "look-ahead",
    compared > 0 or nil,
    "%d orders before %d cuts of the data are the same",
    compared,
    #cuts
  )
end

---Whether what is decided in the second half hangs on where the data begin.
---@param base RunResult
---@param later RunResult the run that begins later
---@return Check
function M.warm_up(base, later)
  if later.failure then
    return check("warm-up", nil, "the run that begins later failed: %s", later.failure)
  end
  local middle = (base.result.from + base.result.to) / 2
  local function times(rows)
    local set, count = {}, 0
    for _, row in ipairs(rows) do
      if row.made_by == "" and row.time >= middle then
        local key = row.time .. row.symbol .. row.side
        if not set[key] then count = count + 1 end
        set[key] = true
      end
    end
    return set, count
  end
  local first, count = times(base.orders)
  local second, other = times(later.orders)
  local same = 0
  for key in pairs(first) do
    if second[key] then same = same + 1 end
  end
  if count == 0 then return check("warm-up", nil, "no orders in the second half") end
  local share = same / math.max(count, other)
  return check(
    "warm-up",
    share >= 0.9,
    "%.1f %% of the second half's orders are the same when the data begin a tenth later",
    share * 100
  )
end

-- ---- what the data do not tell ----

---@param runs RunResult[] one a seed, the base among them
---@return Check
function M.inside_bars(runs)
  local nets = {}
  for _, run in ipairs(runs) do
    if run.failure then return check("inside of bars", nil, "a seed failed: %s", run.failure) end
    nets[#nets + 1] = run.result.net_profit
  end
  table.sort(nets)
  local low, middle, high =
    resample.quantile(nets, 0.05), resample.quantile(nets, 0.5), resample.quantile(nets, 0.95)
  local c = check(
    "inside of bars",
    (low > 0) == (high > 0) or nets[1] == nets[#nets],
    "net profit %s to %s over %d seeds, median %s",
    money(low),
    money(high),
    #nets,
    money(middle)
  )
  c.values = { low = low, median = middle, high = high }
  return c
end

---Whether a cost that doubles takes the profit.
---@param base RunResult
---@param name string
---@param run RunResult
---@param what string
---@return Check
function M.cost(base, name, run, what)
  if run.failure then return check(name, nil, "the run failed: %s", run.failure) end
  local before, after = base.result.net_profit, run.result.net_profit
  local earns
  if before > 0 then earns = after > 0 end
  local c = check(name, earns, "net profit %s with %s, %s before", money(after), what, money(before))
  c.values = { net_profit = after }
  return c
end

-- ---- trades ----

---Net results of closed trades, and their sums by the day of their exit.
---@param rows table[]
---@return number[] results
---@return number[] days
function M.results(rows)
  local results, by_day, days, order = {}, {}, {}, {}
  for _, row in ipairs(rows) do
    if type(row.exit_time) == "number" then
      local net = row.pnl + (tonumber(row.funding) or 0) - (tonumber(row.liquidation_fee) or 0)
      results[#results + 1] = net
      local day = math.floor(row.exit_time / DAY_MS)
      if not by_day[day] then order[#order + 1] = day end
      by_day[day] = (by_day[day] or 0) + net
    end
  end
  table.sort(order)
  for i, day in ipairs(order) do
    days[i] = by_day[day]
  end
  return results, days
end

local function sum(list)
  local s = 0
  for _, x in ipairs(list) do
    s = s + x
  end
  return s
end

---@param rows table[] trades
---@return Check[]
function M.jackknife(rows)
  local results, days = M.results(rows)
  local total = sum(results)
  if #results < 2 then return { check("single trades", nil, "%d trades", #results) } end
  local few = math.max(1, math.floor(#results * 0.01 + 0.5))
  local without, without_day = resample.without_best(results, few), resample.without_best(days, 1)
  local earns = total > 0 or nil
  return {
    check(
      "single trades",
      earns and without > KEPT * total,
      "%s of %s are left without the best %s",
      money(without),
      money(total),
      few == 1 and "trade" or few .. " trades"
    ),
    check(
      "single days",
      earns and without_day > KEPT * total,
      "%s of %s are left without the best day",
      money(without_day),
      money(total)
    ),
  }
end

---@param rows table[] trades
---@param capital number
---@param seed integer
---@return Check[]
function M.trades_by_chance(rows, capital, seed)
  local results = M.results(rows)
  if #results < 10 then return { check("bootstrap", nil, "%d trades are too few", #results) } end
  local sums = resample.bootstrap(results, ROUNDS, seed)
  local low, high = resample.quantile(sums, 0.05), resample.quantile(sums, 0.95)
  local losing = 0
  for _, s in ipairs(sums) do
    if s <= 0 then losing = losing + 1 end
  end
  local drawdowns = resample.shuffled_drawdowns(capital, results, ROUNDS, seed + 1)
  local own = resample.drawdown(capital, results)
  local most = resample.quantile(drawdowns, 0.95)
  local earns
  if sum(results) > 0 then earns = low > 0 end
  local boot = check(
    "bootstrap",
    earns,
    "trades drawn anew earn %s to %s (5 to 95 %%) and lose in %.1f %% of draws",
    money(low),
    money(high),
    losing / ROUNDS * 100
  )
  boot.values = { low = low, high = high, losing = losing / ROUNDS }
  local order = check(
    "order of trades",
    own <= resample.quantile(drawdowns, 0.99),
    "drawdown of closed trades %.2f %%; in other orders %.2f %% (median), %.2f %% (95 %%)",
    own * 100,
    resample.quantile(drawdowns, 0.5) * 100,
    most * 100
  )
  order.values = { drawdown = own, median = resample.quantile(drawdowns, 0.5), high = most }
  return { boot, order }
end

-- ---- parameters ----

---@param base RunResult
---@param neighbours { name: string, run: RunResult }[]
---@return Check
function M.neighbours(base, neighbours)
  local nets, worst = {}, nil
  for _, n in ipairs(neighbours) do
    if n.run.failure then return check("parameters", nil, "%s failed: %s", n.name, n.run.failure) end
    local net = n.run.result.net_profit
    nets[#nets + 1] = net
    if not worst or net < worst.net then worst = { net = net, name = n.name } end
  end
  if #nets == 0 then return check("parameters", nil, "the script declares no number") end
  table.sort(nets)
  local middle, before = resample.quantile(nets, 0.5), base.result.net_profit
  local earns
  if before > 0 then earns = middle > KEPT * before end
  local c = check(
    "parameters",
    earns,
    "neighbours earn %s (median of %d), the worst %s with %s",
    money(middle),
    #nets,
    money(worst.net),
    worst.name
  )
  c.values = { median = middle, worst = worst.net, count = #nets }
  return c
end

-- ---- faults ----

-- By symbol and side: when the position changed, and to what.
local function positions(fills)
  local by = {}
  for _, f in ipairs(fills) do
    local key = f.symbol .. f.position_side
    by[key] = by[key] or { held = 0 }
    local list = by[key]
    list.held = list.held + (f.side == "BUY" and f.quantity or -f.quantity)
    list[#list + 1] = { f.time, list.held }
  end
  return by
end

-- Milliseconds in which two courses of a position differ.
local function apart(a, b, until_ms)
  local i, j, held_a, held_b, at, total = 1, 1, 0, 0, nil, 0
  while true do
    local next_a, next_b = a[i] and a[i][1] or math.huge, b[j] and b[j][1] or math.huge
    local now = math.min(next_a, next_b, until_ms)
    local difference, larger = math.abs(held_a - held_b), math.max(math.abs(held_a), math.abs(held_b))
    if at and difference > SAME * larger then total = total + now - at end
    if now >= until_ms then return total end
    if next_a == now then
      held_a, i = a[i][2], i + 1
    end
    if next_b == now then
      held_b, j = b[j][2], j + 1
    end
    at = now
  end
end

---Seconds in which the positions of two runs differ, of all symbols.
---@param one table[] fills
---@param other table[]
---@param until_ms number
---@return number
function M.seconds_apart(one, other, until_ms)
  local a, b, keys, total = positions(one), positions(other), {}, 0
  for key in pairs(a) do
    keys[key] = true
  end
  for key in pairs(b) do
    keys[key] = true
  end
  for key in pairs(keys) do
    total = total + apart(a[key] or {}, b[key] or {}, until_ms)
  end
  return total / 1000
end

---@param base RunResult
---@param name string
---@param run RunResult
---@return Check
function M.faults(base, name, run)
  if run.failure then return check(name, false, "the run failed: %s", run.failure) end
  local seconds = M.seconds_apart(base.fills, run.fills, base.result.to)
  local before, after = base.result.net_profit, run.result.net_profit
  local earns
  if before > 0 then earns = after > KEPT * before end
  local c = check(
    name,
    earns,
    "net profit %s, %s before; %d orders of %d, another position for %.0f s",
    money(after),
    money(before),
    run.result.orders,
    base.result.orders,
    seconds
  )
  c.values = { net_profit = after, orders = run.result.orders, seconds_apart = seconds }
  return c
end

return M
