---The global `api` of a run: calls that look synchronous and wait for the exchange's answer.
---
---Parameters keep the exchange's names; snake_case is accepted (order_id, time_in_force). Results are the exchange's
---fields with prices and quantities as numbers and ids as strings. A failure is `nil, err` (moontide.error). What each call
---takes, returns and may fail with is told in moontide/meta/calls.lua.
local bit = require "bit"
local ffi = require "ffi"
local C = require "moontide.core"
local batch = require "moontide.api.batch"
local errors = require "moontide.error"
local records = require "moontide.api.records"
local manager_settings = require "moontide.api.manager_settings"
local task = require "moontide.run.task"

local M = {}

-- name -> endpoint, and what else the call allows
local calls = {
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
M.calls = calls

local settle_kinds = {
  [C.SETTLE_REFUSED] = "rejected",
  [C.SETTLE_RATE_LIMITED] = "rate_limited",
  [C.SETTLE_QUEUE_TIMEOUT] = "timeout",
  [C.SETTLE_TIMEOUT] = "timeout",
  [C.SETTLE_CIRCUIT_OPEN] = "circuit_open",
  [C.SETTLE_QUEUE_FULL] = "queue_full",
  [C.SETTLE_NETWORK] = "network",
  [C.SETTLE_UNKNOWN] = "unknown_outcome",
  [C.SETTLE_CANCELLED] = "stopped",
  [C.SETTLE_STOPPED] = "stopped",
}
local settle_texts = {
  rate_limited = "the limits cannot admit it in time",
  timeout = "no answer in time",
  circuit_open = "the circuit is open",
  queue_full = "the queue is full",
  network = "no connection",
  unknown_outcome = "it may or may not have been executed",
  stopped = "the run ended before the answer came",
}

local priorities =
  { CRITICAL = C.PRIORITY_CRITICAL, HIGH = C.PRIORITY_HIGH, NORMAL = C.PRIORITY_NORMAL, LOW = C.PRIORITY_LOW }

-- How a call is sent, beside the exchange's parameters.
local call_options = { priority = true, timeout = true, retries = true, share = true }

local conditional = {
  STOP = true,
  STOP_MARKET = true,
  TAKE_PROFIT = true,
  TAKE_PROFIT_MARKET = true,
  TRAILING_STOP_MARKET = true,
}

---@param world World
---@return table api
function M.new(world)
  local api = { async = {} }
  local bt, pump = world.bt, world.pump
  local R = records.new(world.symbol_names)
  local build = R.build
  local message = ffi.new "struct errmsg"
  local algo_ids = {} -- ids of conditional orders seen, so that a cancel knows where to go

  local function invalid(text, ...)
    return nil, errors.new("invalid", select("#", ...) > 0 and text:format(...) or text)
  end

  -- Parameter names to numbers, each looked up once.
  local param_of = setmetatable({}, {
    __index = function(t, name)
      local index = type(name) == "string" and C.param_find(name) or -1
      rawset(t, name, index)
      return index
    end,
  })

  -- Puts one parameter into the call; nil or an error text.
  local function set(call, name, param, value)
    local kind = type(value)
    if param == C.P_SYMBOL then
      local index = world.symbol_index[value]
      if not index then return ("no symbol '%s' in this run"):format(tostring(value)) end
      call.symbol = index
      call.given = bit.bor(call.given, bit.lshift(1ULL, C.P_SYMBOL))
      return nil
    end
    local status
    if kind == "number" then
      status = C.call_set_number(call, param, value, message)
    elseif kind == "boolean" then
      status = C.call_set_bool(call, param, value, message)
    elseif kind == "string" then
      status = C.call_set_text(call, param, value, message)
    else
      return ("%s must be a number, a string or a boolean, not a %s"):format(name, kind)
    end
    if status ~= 0 then return ffi.string(message.text) end
    return nil
  end

  -- Fills the call from a table of parameters; nil or an error text. An unknown name is the programmer's mistake.
  local function fill(call, what, o, level)
    for name, value in pairs(o) do
      if not call_options[name] then
        local param = param_of[name]
        if param < 0 then error(("%s: no parameter named '%s'"):format(what, tostring(name)), level + 1) end
        local problem = set(call, name, param, value)
        if problem then return problem end
      end
    end
    return nil
  end

  local function nearest(value_e8, step_e8)
    local low = C.dec_floor_to(value_e8, step_e8)
    return tonumber(low) / 1e8, tonumber(low + step_e8) / 1e8
  end

  -- Tick and step, before the request costs anything: a mis-sized order is refused here, never rounded silently.
  local function check_grid(call)
    local s = world.symbols[call.symbol]
    if call.price_e8 ~= 0 and call.price_e8 % s.tick_e8 ~= 0 then
      return ("price %.10g is off the tick (PRICE_FILTER, tick %.10g); the nearest are %.10g and %.10g; see market.round_price"):format(
        tonumber(call.price_e8) / 1e8,
        tonumber(s.tick_e8) / 1e8,
        nearest(call.price_e8, s.tick_e8)
      )
    end
    if call.stop_price_e8 ~= 0 and call.stop_price_e8 % s.tick_e8 ~= 0 then
      return ("stopPrice %.10g is off the tick (PRICE_FILTER, tick %.10g); the nearest are %.10g and %.10g; see market.round_price"):format(
        tonumber(call.stop_price_e8) / 1e8,
        tonumber(s.tick_e8) / 1e8,
        nearest(call.stop_price_e8, s.tick_e8)
      )
    end
    if call.quantity_e8 % s.step_e8 ~= 0 then
      return ("quantity %.10g is off the step (LOT_SIZE, step %.10g); the nearest are %.10g and %.10g; see market.round_quantity"):format(
        tonumber(call.quantity_e8) / 1e8,
        tonumber(s.step_e8) / 1e8,
        nearest(call.quantity_e8, s.step_e8)
      )
    end
    return nil
  end

  local function failure(op)
    -- Refused by this process: the safety limits, or a journal that cannot be written.
    if op.settle == C.SETTLE_REFUSED and op.status == 0 and op.code == 0 then
      return errors.new("invalid", ffi.string(op.message))
    end
    if op.code ~= 0 or op.settle == C.SETTLE_REFUSED then
      local kind = settle_kinds[op.settle] or "rejected"
      return errors.new(kind, ffi.string(op.message), op.code, op.status)
    end
    local kind = settle_kinds[op.settle] or "network"
    if op.settle == C.SETTLE_STOPPED then
      return errors.new(kind, "the API manager was stopped (api.start takes work again)")
    end
    return errors.new(kind, settle_texts[kind] or kind)
  end

  -- Puts a call's own options into its request; level for errors of the programmer.
  local function set_options(op, o, level)
    local request = op.request
    request.priority = C.endpoint_info(op.call.endpoint).priority
    request.retries_max = 20 -- the configuration's max_retries is the bound
    if not o then return end
    if o.priority then
      request.priority = priorities[o.priority]
        or error(("no such priority '%s'; CRITICAL, HIGH, NORMAL, LOW"):format(tostring(o.priority)), level)
    end
    if o.timeout then
      if type(o.timeout) ~= "number" or o.timeout ~= o.timeout or o.timeout <= 0 then
        error("timeout takes seconds, more than 0", level)
      end
      request.deadline_us = world.view.now_us + math.floor(math.min(o.timeout, 1e9) * 1e6)
    end
    if o.retries then
      if type(o.retries) ~= "number" or o.retries < 0 or o.retries > 20 then
        error("retries takes a number from 0 to 20", level)
      end
      request.retries_max = o.retries
    end
    op.alone = o.share == false
  end

  local reasons = {}
  for i = 0, C.WAIT_REASON_COUNT - 1 do
    reasons[i] = ffi.string(C.wait_reason_name(i))
  end

  -- The life of a request in one line.
  local function log_life(op)
    local request, info = op.request, C.endpoint_info(op.call.endpoint)
    local waits = {}
    for i = 1, C.WAIT_REASON_COUNT - 1 do
      if bit.band(request.waits, bit.lshift(1, i)) ~= 0 then waits[#waits + 1] = reasons[i] end
    end
    world.log.fields("debug", "request", {
      { "id", tonumber(request.id) },
      { "call", ("%s %s"):format(ffi.string(C.http_method_name(info.method)), ffi.string(info.path)) },
      { "priority", ffi.string(C.priority_name(request.priority)) },
      { "waited", tonumber(request.waited_us) / 1e6 },
      { "why", #waits > 0 and table.concat(waits, ",") or "-" },
      { "attempts", request.attempts },
      { "took", tonumber(world.view.now_us - request.submitted_us) / 1e6 },
      {
        "outcome",
        op.leader ~= 0 and "as request " .. tonumber(op.leader) or ffi.string(C.settle_name(op.settle)),
      },
      { "code", op.code ~= 0 and op.code or nil },
    })
  end

  -- Submits and waits. Nil when it was executed, and the op holds the answer; otherwise the error, and the op is back in
  -- the pool, or, when the run ended before, with the world: it is still out there.
  local function settle(op)
    if not world.perform(op) then return errors.new("stopped", settle_texts.stopped) end
    if world.log.shows.debug then log_life(op) end
    if world.trace then world.trace(op) end -- see repl/trace.lua
    if op.settle == C.SETTLE_DONE then return nil end
    local err = failure(op)
    pump.op_free(bt, op)
    return err
  end

  -- Sends the call of `op` and returns the reply as a Lua value, or nil, err; the op goes back to the pool.
  local function perform(op, o)
    set_options(op, o, 4)
    local err = settle(op)
    if err then return nil, err end
    local result
    if op.kind == C.RECORD_NONE or op.rows == nil then
      result = op.list and {} or true
    elseif op.list then
      result = op.count > 0 and R.list(op.kind, op.rows, op.count) or {}
    else
      result = build[op.kind](op.rows)
    end
    pump.op_free(bt, op)
    return result
  end

  local function new_op(endpoint)
    local op = pump.op(bt)
    op.call.endpoint = endpoint
    return op
  end

  local function drop(op, problem)
    pump.op_free(bt, op)
    return invalid(problem)
  end

  local function missing(call, endpoint)
    local lack = bit.band(C.endpoint_info(endpoint).required, bit.bnot(call.given))
    for param = 0, C.PARAM_COUNT - 1 do
      if bit.band(lack, bit.lshift(1ULL, param)) ~= 0 and param ~= C.P_TIMESTAMP then
        return ffi.string(C.param_info(param).name) .. " is missing"
      end
    end
    return nil
  end

  local function one_face(algo)
    algo_ids[algo.algoId] = true
    return records.one_face(algo)
  end

  -- Completes a new order's call: where it goes, its reply, its id. Nil or an error text.
  local function complete_order(call, is_conditional)
    if bit.band(call.given, bit.lshift(1ULL, C.P_SYMBOL)) == 0 then return "symbol is missing" end
    if bit.band(call.given, bit.lshift(1ULL, C.P_SIDE)) == 0 then return "side is missing" end
    if is_conditional then
      call.endpoint = C.EP_ALGO_NEW
      if call.type == C.ORDER_STOP or call.type == C.ORDER_TAKE_PROFIT then
        call.given = bit.bor(call.given, bit.lshift(1ULL, C.P_TIME_IN_FORCE))
      end
    else
      call.endpoint = C.EP_ORDER_NEW
      if call.type == C.ORDER_LIMIT then
        call.given = bit.bor(call.given, bit.lshift(1ULL, C.P_TIME_IN_FORCE))
      end
      if bit.band(call.given, bit.lshift(1ULL, C.P_RESP_TYPE)) == 0 then
        call.resp_type = C.RESP_RESULT
        call.given = bit.bor(call.given, bit.lshift(1ULL, C.P_RESP_TYPE))
      end
    end
    if bit.band(call.given, bit.lshift(1ULL, C.P_CLIENT_ID)) == 0 then pump.client_id(bt, call) end
    return check_grid(call)
  end

  function api.create_order(o)
    if type(o) ~= "table" then error("api.create_order takes a table", 2) end
    task.check_can_wait "api.create_order"
    if o.type == nil then return invalid "type is missing (LIMIT, MARKET, STOP_MARKET...)" end
    local is_conditional = conditional[o.type]
    local op = new_op(C.EP_ORDER_NEW)
    local call = op.call
    local problem = fill(call, "api.create_order", o, 2) or complete_order(call, is_conditional)
    if problem then return drop(op, problem) end
    local order, err = perform(op, o)
    if order and is_conditional then return one_face(order) end
    return order, err
  end

  function api.cancel_order(o)
    if type(o) ~= "table" then error("api.cancel_order takes a table", 2) end
    task.check_can_wait "api.cancel_order"
    local id = o.orderId or o.order_id
    local is_algo = o.algoId
      or o.algo_id
      or o.clientAlgoId
      or o.client_algo_id
      or (id and algo_ids[tostring(id)])
    local op = new_op(is_algo and C.EP_ALGO_CANCEL or C.EP_ORDER_CANCEL)
    local problem = fill(op.call, "api.cancel_order", o, 2)
    if problem then return drop(op, problem) end
    if is_algo and op.call.algo_id == 0 and op.call.order_id ~= 0 then
      op.call.algo_id = op.call.order_id
      op.call.given = bit.bor(op.call.given, bit.lshift(1ULL, C.P_ALGO_ID))
    elseif not is_algo and op.call.order_id == 0 and op.call.orig_client_id[0] == 0 then
      return drop(op, "orderId or origClientOrderId is missing")
    end
    if not is_algo and op.call.symbol < 0 then return drop(op, "symbol is missing") end
    return perform(op, o)
  end

  function api.cancel_all_orders(o)
    if type(o) ~= "table" then error("api.cancel_all_orders takes a table", 2) end
    task.check_can_wait "api.cancel_all_orders"
    for _, endpoint in ipairs { C.EP_CANCEL_ALL, C.EP_ALGO_CANCEL_ALL } do
      local op = new_op(endpoint)
      local problem = fill(op.call, "api.cancel_all_orders", o, 2) or missing(op.call, endpoint)
      if problem then return drop(op, problem) end
      local ok, err = perform(op, o)
      if not ok then return nil, err end
    end
    return true
  end

  local function simple(name, endpoint)
    return function(o)
      o = o or {}
      if type(o) ~= "table" then error(("api.%s takes a table"):format(name), 2) end
      task.check_can_wait("api." .. name)
      local op = new_op(endpoint)
      local problem = fill(op.call, "api." .. name, o, 2) or missing(op.call, endpoint)
      if problem then return drop(op, problem) end
      if endpoint == C.EP_ORDER_MODIFY then problem = check_grid(op.call) end
      if problem then return drop(op, problem) end
      return perform(op, o)
    end
  end
  for name, endpoint in pairs(calls) do
    api[name] = simple(name, C[endpoint])
  end

  local plain_open_orders = api.get_open_orders
  local algo_open_orders = simple("get_open_orders", C.EP_ALGO_OPEN)

  function api.get_open_orders(o)
    local orders, err = plain_open_orders(o)
    if not orders then return nil, err end
    local algos, algo_err = algo_open_orders(o)
    if not algos then return nil, algo_err end
    for _, algo in ipairs(algos) do
      orders[#orders + 1] = one_face(algo)
    end
    return orders
  end

  local plain_get_order, algo_get_order = api.get_order, simple("get_order", C.EP_ALGO_GET)

  function api.get_order(o)
    local id = type(o) == "table" and (o.algoId or o.orderId or o.order_id)
    if type(o) == "table" and (o.algoId or o.clientAlgoId or (id and algo_ids[tostring(id)])) then
      local order, err = algo_get_order { algoId = id or nil, clientAlgoId = o.clientAlgoId }
      if not order then return nil, err end
      return one_face(order)
    end
    return plain_get_order(o)
  end

  batch.install(api, {
    world = world,
    build = build,
    conditional = conditional,
    new_op = new_op,
    fill = fill,
    complete_order = complete_order,
    set_options = set_options,
    settle = settle,
    invalid = invalid,
    call_options = call_options,
    drop = drop,
  })

  function api.request(method, path, params, options)
    task.check_can_wait "api.request"
    local endpoint = C.endpoint_find(tostring(method):upper(), tostring(path))
    if endpoint < 0 then
      return invalid("no call %s %s on this exchange", tostring(method), tostring(path))
    end
    local op = new_op(endpoint)
    local problem = fill(op.call, "api.request", params or {}, 2)
    if problem then return drop(op, problem) end
    return perform(op, options)
  end

  function api.get_exchange_info()
    local info = { symbols = {}, rateLimits = world.rate_limits }
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

  function api.sleep(seconds)
    if type(seconds) ~= "number" or seconds < 0 or seconds ~= seconds then
      error("api.sleep takes seconds, 0 or more", 2)
    end
    task.check_can_wait "api.sleep"
    world.sleep(seconds)
  end

  function api.spawn(fn, ...)
    if type(fn) ~= "function" then error("api.spawn takes a function", 2) end
    return task.spawn_owned(fn, ...)
  end

  function api.all(list)
    if type(list) ~= "table" then error("api.all takes a list of tasks or functions", 2) end
    task.check_can_wait "api.all"
    local tasks, results = {}, {}
    for i, entry in ipairs(list) do
      tasks[i] = type(entry) == "function" and task.spawn_owned(entry) or entry
    end
    for _, t in ipairs(tasks) do
      t.waited = true
    end -- an error of one is heard here, however late its turn
    for i, t in ipairs(tasks) do
      local value, err = t:wait()
      if value == nil and err ~= nil then value = { error = err } end
      results[i] = value == nil and false or value
    end
    return results
  end

  function api.now() return math.floor(world.now() / 1000) end

  local function configure(settings, level)
    manager_settings.apply(world.config, settings, level + 1)
    pump.configure(bt, world.config, world.view.now_us)
  end

  function api.configure(settings)
    if type(settings) ~= "table" then error("api.configure takes a table", 2) end
    task.check_may_change "api.configure"
    configure(settings, 3)
  end

  function api.get_metrics()
    local m = require("moontide.api.metrics").read(pump.metrics(bt, world.view.now_us))
    m.shared = tonumber(world.view.shared)
    return m
  end

  function api.on(name, fn)
    local list = world.listeners[name]
      or error(("api.on: no event '%s'; circuit, alert"):format(tostring(name)), 2)
    if type(fn) ~= "function" then error("api.on takes a function", 2) end
    list[#list + 1] = { fn = fn, owner = task.current() and task.current().owner }
  end

  function api.start(workers)
    task.check_may_change "api.start"
    if workers ~= nil then configure({ workers = workers }, 3) end
    pump.manager_start(bt)
  end

  function api.stop()
    task.check_may_change "api.stop"
    pump.manager_stop(bt, world.view.now_us)
  end

  local no_task =
    { spawn = true, now = true, configure = true, on = true, start = true, stop = true, get_metrics = true }
  for name, fn in pairs(api) do
    if type(fn) == "function" and not no_task[name] then
      api.async[name] = function(...) return task.spawn_owned(fn, ...) end
    end
  end
  return api
end

return M
