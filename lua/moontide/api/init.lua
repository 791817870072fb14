---The global `api` of a run: calls that look synchronous and wait for the exchange's answer.
---
---Parameters keep the exchange's names; snake_case is accepted (order_id, time_in_force). Results are the exchange's
---fields with prices and quantities as numbers and ids as strings. A failure is `nil, err` (moontide.error). What each call
---takes, returns and may fail with is told in moontide/meta/calls.lua.
local ffi = require "ffi"
local C = require "moontide.core"
local batch = require "moontide.api.batch"
local manager = require "moontide.api.manager"
local orders = require "moontide.api.orders"
local requests = require "moontide.api.requests"
local task = require "moontide.run.task"
local tasks = require "moontide.api.tasks"

local M = {}

-- Calls that are one request and nothing else, by their endpoint.
M.calls = {
  get_order = "EP_ORDER_GET",
  get_open_orders = "EP_OPEN_ORDERS",
  get_order_history = "EP_ALL_ORDERS",
  get_my_trades = "EP_USER_TRADES",
  get_account_info = "EP_ACCOUNT",
  get_balance = "EP_BALANCE",
  get_position_info = "EP_POSITION_RISK",
  set_leverage = "EP_LEVERAGE",
  set_margin_type = "EP_MARGIN_TYPE",
  get_position_mode = "EP_POSITION_MODE_GET",
  set_position_mode = "EP_POSITION_MODE_SET",
  get_income = "EP_INCOME",
  get_klines = "EP_KLINES",
  get_mark_klines = "EP_MARK_KLINES",
  get_index_klines = "EP_INDEX_KLINES",
  get_premium_klines = "EP_PREMIUM_KLINES",
  get_ticker_price = "EP_TICKER_PRICE",
  get_ticker_24h = "EP_TICKER_24H",
  get_book_ticker = "EP_BOOK_TICKER",
  get_order_book = "EP_DEPTH",
  get_recent_trades = "EP_TRADES",
  get_agg_trades = "EP_AGG_TRADES",
  get_mark_price = "EP_PREMIUM_INDEX",
  get_funding_rate = "EP_FUNDING_RATE",
  get_server_time = "EP_TIME",
  modify_order = "EP_ORDER_MODIFY",
  set_position_margin = "EP_POSITION_MARGIN",
  get_commission_rate = "EP_COMMISSION_RATE",
  get_leverage_brackets = "EP_LEVERAGE_BRACKET",
}

-- Those that do not wait.
local no_task = {
  spawn = true,
  now = true,
  alert = true,
  configure = true,
  on = true,
  start = true,
  stop = true,
  get_metrics = true,
}

-- A call that is one request and nothing else.
local function simple(r, name, endpoint)
  return function(o)
    o = o or {}
    if type(o) ~= "table" then error(("api.%s takes a table"):format(name), 2) end
    task.check_can_wait("api." .. name)
    local op = r:new(endpoint)
    local problem = r:fill(op.call, "api." .. name, o, 2) or r:missing(op.call, endpoint)
    if not problem and endpoint == C.EP_ORDER_MODIFY then problem = r:check_grid(op.call) end
    if problem then return r:drop(op, problem) end
    return r:perform(op, o)
  end
end

-- The general call.
local function request(r, method, path, params, options)
  if type(method) ~= "string" or type(path) ~= "string" then
    error("api.request takes the method and the path as texts", 3)
  end
  local endpoint = C.endpoint_find(method:upper(), path)
  if endpoint < 0 then
    return requests.invalid("no call %s %s on this exchange", tostring(method), tostring(path))
  end
  local op = r:new(endpoint)
  local problem = r:fill(op.call, "api.request", params or {}, 2) -- called in its place, by api.request
  if problem then return r:drop(op, problem) end
  return r:perform(op, options)
end

local function own(row)
  local out = {}
  for name, value in pairs(row) do
    out[name] = value
  end
  return out
end

-- The symbols of the run with their rules, and the limits of the exchange: known without a request.
local function exchange_info(world)
  local info = { symbols = {}, rateLimits = {} }
  for i, row in ipairs(world.rate_limits or {}) do
    info.rateLimits[i] = own(row)
  end
  for i = 0, world.symbol_count - 1 do
    local s = world.symbols[i]
    info.symbols[i + 1] = {
      symbol = world.symbol_names[i],
      baseAsset = ffi.string(s.base_asset),
      quoteAsset = ffi.string(s.quote_asset),
      tickSize = tonumber(s.tick_e8) / 1e8,
      stepSize = tonumber(s.step_e8) / 1e8,
      minNotional = tonumber(s.notional_min_e8) / 1e8,
      minQty = tonumber(s.qty_min_e8) / 1e8,
      maxQty = tonumber(s.qty_max_e8) / 1e8,
      pricePrecision = s.price_precision,
      quantityPrecision = s.quantity_precision,
    }
  end
  return info
end

---@param world World
---@return table api
function M.new(world)
  local api, r = { async = {} }, requests.new(world)
  local function simple_of(name, endpoint) return simple(r, name, endpoint) end
  for name, endpoint in pairs(M.calls) do
    api[name] = simple_of(name, C[endpoint])
  end
  world.klines = api.get_klines -- of history (run/history.lua)
  world.api = api -- of what a strategy's methods send (run/strategy_methods.lua)
  orders.install(api, r, simple_of)
  batch.install(api, r)
  tasks.install(api, world)
  manager.install(api, world)

  function api.request(method, path, params, options)
    task.check_can_wait "api.request"
    return request(r, method, path, params, options)
  end
  function api.get_exchange_info() return exchange_info(world) end

  for name, fn in pairs(api) do
    if type(fn) == "function" and not no_task[name] then
      api.async[name] = function(...) return task.spawn_owned(fn, ...) end
    end
  end
  return api
end

return M
