---The result as one JSON document: the keys in a fixed order, numbers as short as exact, null for what is not defined.
local M = {}

local function text_of(s)
  return '"' .. s:gsub('[%c"\\\127]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
end

local value_of

local function number_of(v)
  if v ~= v or v == math.huge or v == -math.huge then return "null" end
  for digits = 15, 17 do
    local text = ("%." .. digits .. "g"):format(v)
    if tonumber(text) == v then return text end
  end
end

local function list_of(t)
  local parts = {}
  for i, v in ipairs(t) do
    parts[i] = value_of(v)
  end
  return "[" .. table.concat(parts, ",") .. "]"
end

local function object_of(t)
  local names, parts = {}, {}
  for name in pairs(t) do
    names[#names + 1] = tostring(name)
  end
  table.sort(names)
  for i, name in ipairs(names) do
    parts[i] = text_of(name) .. ":" .. value_of(t[name])
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

---A table that is written as a list, though it may be empty.
M.list = {}

function value_of(v)
  if v == nil then return "null" end
  if type(v) == "number" then return number_of(v) end
  if type(v) == "boolean" then return tostring(v) end
  if type(v) == "table" then return (getmetatable(v) == M.list or #v > 0) and list_of(v) or object_of(v) end
  return text_of(tostring(v))
end

local keys = {
  "strategy",
  "script",
  "symbols",
  "interval",
  "params",
  "options",
  "from",
  "to",
  "from_text",
  "to_text",
  "bars",
  "orders",
  "fills",
  "maker_fills",
  "fees",
  "funding",
  "funding_booked",
  "liquidation_fees",
  "realized",
  "unrealized",
  "volume",
  "coin",
  "capital",
  "net_profit",
  "final_equity",
  "wallet",
  "return",
  "annual_return",
  "buy_and_hold",
  "alpha",
  "beta",
  "volatility",
  "sharpe",
  "sortino",
  "calmar",
  "max_drawdown",
  "max_drawdown_value",
  "drawdown_from",
  "drawdown_to",
  "drawdown_from_text",
  "drawdown_to_text",
  "drawdowns",
  "longest_drawdown_s",
  "recovery_factor",
  "best_day",
  "worst_day",
  "months",
  "equity_by_day",
  "exposure",
  "time_in_market",
  "trades",
  "win_rate",
  "profit_factor",
  "expectancy",
  "average_win",
  "average_loss",
  "payoff",
  "best_trade",
  "worst_trade",
  "sqn",
  "kelly",
  "average_duration_s",
  "longest_duration_s",
  "average_mae",
  "average_mfe",
  "winning_streak",
  "losing_streak",
  "exit_reasons",
  "long",
  "short",
  "by_symbol",
  "open_positions",
  "open_orders",
  "rejected",
  "rejects",
  "refused",
  "refusals",
  "liquidations",
  "rate_limited",
  "waited_s",
  "lag_s",
  "paths",
  "notes",
  "fingerprint",
  "elapsed_s",
  "setup_s",
  "run_s",
  "bars_per_s",
  "peak_memory",
}

-- Keys that are left out where there is nothing to say.
local absent = { paths = true }

---Any value, the keys of objects in order.
---@param value any
---@return string
function M.encode(value) return value_of(value) end

---@param r table
---@return string
function M.text(r)
  local parts = {}
  for _, key in ipairs(keys) do
    local value = r[key]
    if key == "rejects" then
      local by_code = {}
      for _, x in ipairs(value) do
        by_code[tostring(x.code)] = x.count
      end
      value = by_code
    end
    if value ~= nil or not absent[key] then parts[#parts + 1] = text_of(key) .. ":" .. value_of(value) end
  end
  return "{" .. table.concat(parts, ",") .. "}\n"
end

return M
