---Why what happened is not what the backtest says: a difference in result, parted by cause so that the parts sum to the whole.
---Pure. The definitions are those of docs/explain.md.
---
---An order's result is what it made until the end of the session: side * quantity * (last price - fill price) - fee, summed over
---its fills. A session's result is the sum of its orders' and of what its positions from before made, plus funding.
local M = {}

M.causes = {
  "data",
  "latency",
  "fill_price",
  "missed_fills",
  "extra_fills",
  "fees",
  "refusals",
  "path",
  "funding",
  "carried",
  "other_orders",
  "transfers",
}

local function sign_of(side) return side == "BUY" and 1 or -1 end

-- Quantity, average price and fees of an intent's fills.
local function sum(x)
  local q, value, fee, maker = 0, 0, 0, 0
  for _, f in ipairs(x and x.fills or {}) do
    q, value, fee = q + f.qty, value + f.qty * f.price, fee + f.fee
    if f.maker then maker = maker + f.qty end
  end
  local price = q > 0 and value / q or 0
  return { q = math.floor(q * 1e8 + 0.5) / 1e8, price = price, fee = fee, maker = q > 0 and maker * 2 > q } -- on the grid: equal sums are equal
end

local function worth(side, sums, final) return sign_of(side) * sums.q * (final - sums.price) - sums.fee end

-- ---- which order is which ------------------------------------------------------------------------------------------

local function key_of(x, context)
  return table.concat(
    { context, x.symbol, x.side, x.type, x.position_side, ("%.8f"):format(x.quantity) },
    "/"
  )
end

local function take_first(list) return list and table.remove(list, 1) end

---Pairs of the same decision in both runs: told the same last, the same symbol, side, type and quantity; failing that, within
---a bar of it.
---@param actual Intent[]
---@param simulated Intent[]
---@param step_us number length of a bar
---@return { actual: Intent?, simulated: Intent? }[] pairs in the order of the actual ones, the simulated ones alone at the end
function M.match(actual, simulated, step_us)
  local waiting, partner, taken = {}, {}, {}
  for _, x in ipairs(simulated) do
    local key = key_of(x, x.context)
    waiting[key] = waiting[key] or {}
    table.insert(waiting[key], x)
  end
  for _, x in ipairs(actual) do
    local y = take_first(waiting[key_of(x, x.context)])
    if y then
      partner[x], taken[y] = y, true
    end
  end
  for _, x in ipairs(actual) do
    local open_us = tonumber(x.context)
    for _, nearby in ipairs(open_us and not partner[x] and { open_us - step_us, open_us + step_us } or {}) do
      local y = not partner[x] and take_first(waiting[key_of(x, ("%.0f"):format(nearby))])
      if y then
        partner[x], taken[y] = y, true
      end
    end
  end
  local pairs_list = {}
  for _, x in ipairs(actual) do
    pairs_list[#pairs_list + 1] = { actual = x, simulated = partner[x] }
  end
  for _, y in ipairs(simulated) do
    if not taken[y] then pairs_list[#pairs_list + 1] = { simulated = y } end
  end
  return pairs_list
end

-- ---- one order -----------------------------------------------------------------------------------------------------

-- When it was executed: halfway between asking and the first word of it, since what was sent must come back.
local function executed_us(x)
  local known = x.answered_us
  for _, f in ipairs(x.fills) do
    known = known and math.min(known, f.at_us) or f.at_us
  end
  return x.at_us + ((known or x.at_us) - x.at_us) / 2
end

-- Both runs decided it.
local function explain_pair(x, y, price_at, final, parts)
  local a, b = sum(x), sum(y)
  local sign, both = sign_of(x.side), math.min(a.q, b.q)
  if both > 0 then
    local gain = sign * both
    if a.maker or not x.reference or x.reference == 0 then
      parts.fill_price = gain * (b.price - a.price) -- an order that rested names its price: nothing to be late for
    else
      local at_execution = price_at(x.symbol, executed_us(x))
      parts.data = gain * (b.price - x.reference)
      parts.latency = gain * (x.reference - at_execution)
      parts.fill_price = gain * (at_execution - a.price)
    end
    parts.fees = b.fee * both / b.q - a.fee * both / a.q
  end
  if a.q > both then
    local rest = { q = a.q - both, price = a.price, fee = a.fee * (a.q - both) / a.q }
    parts[y.refusal and "refusals" or "extra_fills"] = worth(x.side, rest, final)
  elseif b.q > both then
    local rest = { q = b.q - both, price = b.price, fee = b.fee * (b.q - both) / b.q }
    parts[x.refusal and "refusals" or "missed_fills"] = -worth(x.side, rest, final)
  end
  return a, b
end

---@class ExplainedOrder
---@field time number milliseconds, when it was asked for
---@field symbol string
---@field side string
---@field type string
---@field quantity number
---@field actual { quantity: number, price: number, fee: number }?
---@field simulated { quantity: number, price: number, fee: number }?
---@field refusal string? why the exchange (or who stands before it) did not take it
---@field simulated_refusal string?
---@field parts table<string, number> USDT by cause
---@field difference number their sum

local function order_of(pair, price_at, final)
  local x, y, parts = pair.actual, pair.simulated, {}
  local any = x or y
  local last = final[any.symbol] or 0
  local a, b
  if x and y then
    a, b = explain_pair(x, y, price_at, last, parts)
  elseif x then
    a = sum(x)
    parts.path = worth(x.side, a, last)
  else
    b = sum(y)
    parts.path = -worth(y.side, b, last)
  end
  local difference = 0
  for _, v in pairs(parts) do
    difference = difference + v
  end
  local function shown(s) return s and { quantity = s.q, price = s.price, fee = s.fee } or nil end
  return {
    time = any.at_us / 1000,
    context = any.context,
    symbol = any.symbol,
    side = any.side,
    type = any.type,
    quantity = any.quantity,
    actual = shown(a),
    simulated = shown(b),
    refusal = x and x.refusal,
    simulated_refusal = y and y.refusal,
    parts = parts,
    difference = difference,
  }
end

-- ---- the whole -----------------------------------------------------------------------------------------------------

local function equity(state)
  local total = state.wallet
  for symbol, list in pairs(state.positions) do
    for _, p in ipairs(list) do
      total = total + p.amount * (state.last[symbol] - p.entry)
    end
  end
  return total
end

local function worth_of_fills(fills, final)
  local total = 0
  for _, f in ipairs(fills) do
    total = total + sign_of(f.side) * f.qty * ((final[f.symbol] or f.price) - f.price) - f.fee
  end
  return total
end

-- Contexts in their order: the two runs' clocks need not agree.
local function place_of(order)
  return order.context == "start" and -math.huge
    or order.context == "stop" and math.huge
    or tonumber(order.context)
end

---@class Explanation
---@field actual number USDT, from the account's own wallet and positions
---@field simulated number
---@field difference number
---@field causes table<string, number>
---@field residual number what the causes leave unexplained
---@field orders ExplainedOrder[]
---@field diverged ExplainedOrder? the first decision that only one of the runs made

---@param s RecordedSession
---@param sim SimulatedSession
---@param o { price_at: (fun(symbol: string, us: number): number), step_us: number }
---@return Explanation
function M.explain(s, sim, o)
  local causes, orders, diverged = {}, {}, nil
  for _, cause in ipairs(M.causes) do
    causes[cause] = 0
  end
  local final = s.last.last
  for _, pair in ipairs(M.match(s.intents, sim.intents, o.step_us)) do
    local order = order_of(pair, o.price_at, final)
    orders[#orders + 1] = order
    for cause, v in pairs(order.parts) do
      causes[cause] = causes[cause] + v
    end
    local alone = not (pair.actual and pair.simulated)
    if alone and (not diverged or place_of(order) < place_of(diverged)) then diverged = order end
  end
  causes.funding = s.funding - sim.funding
  causes.transfers = s.transfers
  causes.other_orders = worth_of_fills(s.others, final) - worth_of_fills(sim.others, final)
  for symbol, list in pairs(s.first.positions) do
    for _, p in ipairs(list) do
      causes.carried = causes.carried + p.amount * (s.last.last[symbol] - s.first.last[symbol])
    end
  end
  local e = {
    actual = equity(s.last) - equity(s.first),
    simulated = sim.equity - sim.capital,
    causes = causes,
    orders = orders,
    diverged = diverged,
  }
  e.difference = e.actual - e.simulated
  e.residual = e.difference
  for _, v in pairs(causes) do
    e.residual = e.residual - v
  end
  return e
end

return M
