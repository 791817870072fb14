---Calls of single orders: plain and conditional ones have one face, wherever the exchange keeps them.
local ffi = require "ffi"
local C = require "moontide.core"
local records = require "moontide.api.records"
local requests = require "moontide.api.requests"
local task = require "moontide.run.task"

local M = {}

local NO_SUCH_ORDER, NOT_OPEN = -2013, -2011
local EP_ORDER_NEW, EP_ALGO_NEW = C.EP_ORDER_NEW, C.EP_ALGO_NEW

local function id_of(o)
  return o.orderId or o.order_id or o.origClientOrderId or o.orig_client_order_id or o.origClientId
end

-- True when the ids given are those of conditional orders alone; nil when they do not tell.
local function names_conditional(o)
  return (o.algoId or o.algo_id or o.clientAlgoId or o.client_algo_id) and true or nil
end

-- The same question to the service of conditional orders.
local function algo_query(o)
  return {
    algoId = o.algoId or o.algo_id or o.orderId or o.order_id,
    clientAlgoId = o.clientAlgoId
      or o.client_algo_id
      or o.origClientOrderId
      or o.orig_client_order_id
      or o.origClientId,
    priority = o.priority,
    timeout = o.timeout,
    retries = o.retries,
    share = o.share,
  }
end

-- What is known of an id; nil: nothing.
local function is_conditional(seen, id)
  if id == nil then return nil end
  local known = C.seen_orders_find(seen, tostring(id))
  if known == C.SEEN_UNKNOWN then return nil end
  return known == C.SEEN_CONDITIONAL
end

-- Gives orders the face of plain ones, and remembers where they are kept.
---@class OrderFaces
---@field plain fun(order: table): table
---@field conditional fun(algo: table): table
---@field ask fun(o: table, plain: function, conditional: function, unknown: integer): table?, ApiError?
local function new_faces()
  local seen = ffi.new "struct seen_orders"
  local function remember(order, conditional)
    C.seen_orders_add(seen, order.orderId or "", conditional)
    C.seen_orders_add(seen, order.clientOrderId or "", conditional)
    return order
  end
  return {
    plain = function(order) return remember(order, false) end,
    conditional = function(algo) return remember(records.one_face(algo), true) end,
    -- Asks where the exchange keeps the order; of an id that this run has not seen, among plain orders first, and among
    -- conditional ones when those say `unknown`.
    ask = function(o, plain, conditional, unknown)
      local is = names_conditional(o)
      if is == nil then is = is_conditional(seen, id_of(o)) end
      if is then return conditional(o) end
      local answer, err = plain(o)
      if answer or is == false or err.code ~= unknown then return answer, err end
      return conditional(o) or nil, err
    end,
  }
end

local function install_cancel(api, r, simple, faces)
  local cancel_algo = simple("cancel_order", C.EP_ALGO_CANCEL)

  local function cancel_plain(o)
    local op = r:new(C.EP_ORDER_CANCEL)
    local call = op.call
    local problem = r:fill(call, "api.cancel_order", o, 3)
    if not problem and call.order_id == 0 and call.orig_client_id[0] == 0 then
      problem = "orderId or origClientOrderId is missing"
    elseif not problem and call.symbol < 0 then
      problem = "symbol is missing"
    end
    if problem then return r:drop(op, problem) end
    return r:perform(op, o)
  end

  local function cancel_conditional(o)
    local done, err = cancel_algo(algo_query(o))
    if not done then return nil, err end
    done.orderId, done.clientOrderId, done.status = done.algoId, done.clientAlgoId, "CANCELED"
    done.symbol = o.symbol
    return done
  end

  function api.cancel_order(o)
    if type(o) ~= "table" then error("api.cancel_order takes a table", 2) end
    task.check_can_wait "api.cancel_order"
    return faces.ask(o, cancel_plain, cancel_conditional, NOT_OPEN)
  end
end

local function install_get(api, simple, faces)
  local plain_open_orders, algo_open_orders =
    simple("get_open_orders", C.EP_OPEN_ORDERS), simple("get_open_orders", C.EP_ALGO_OPEN)

  function api.get_open_orders(o)
    local orders, err = plain_open_orders(o)
    if not orders then return nil, err end
    local algos, algo_err = algo_open_orders(o)
    if not algos then return nil, algo_err end
    for _, order in ipairs(orders) do
      faces.plain(order)
    end
    for _, algo in ipairs(algos) do
      orders[#orders + 1] = faces.conditional(algo)
    end
    return orders
  end

  local plain_get_order, algo_get_order =
    simple("get_order", C.EP_ORDER_GET), simple("get_order", C.EP_ALGO_GET)

  -- What a triggered one has filled is kept with the order that it made.
  local function get_conditional(o)
    local algo, err = algo_get_order(algo_query(o))
    if not algo then return nil, err end
    faces.conditional(algo)
    if not algo.actualOrderId or algo.actualOrderId == "" then return algo end
    local made = plain_get_order {
      symbol = algo.symbol,
      orderId = algo.actualOrderId,
      priority = o.priority,
      timeout = o.timeout,
      retries = o.retries,
      share = o.share,
    }
    if not made then return records.one_face(algo, 0, algo.actualPrice) end
    return records.one_face(algo, made.executedQty, made.avgPrice, made.cumQuote)
  end

  function api.get_order(o)
    if type(o) ~= "table" then return plain_get_order(o) end
    return faces.ask(o, plain_get_order, get_conditional, NO_SUCH_ORDER)
  end
end

---Puts the calls into `api` (described in moontide/meta/calls.lua).
---@param api table
---@param r Requests
---@param simple fun(name: string, endpoint: integer): function makes a call that is one request and nothing else
function M.install(api, r, simple)
  local faces = new_faces()

  function api.create_order(o)
    if type(o) ~= "table" then error("api.create_order takes a table", 2) end
    task.check_can_wait "api.create_order"
    if o.type == nil then
      local missing = "type is missing (LIMIT, MARKET, STOP_MARKET...)"
      r:count_refusal(EP_ORDER_NEW, missing)
      return requests.invalid(missing)
    end
    local op = r:new(EP_ORDER_NEW)
    local problem = r:fill(op.call, "api.create_order", o, 2) or r:complete_order(op.call)
    if problem then return r:drop(op, problem) end
    local conditional = op.call.endpoint == EP_ALGO_NEW
    local order, err = r:perform(op, o)
    if not order then return nil, err end
    return conditional and faces.conditional(order) or faces.plain(order)
  end

  function api.cancel_all_orders(o)
    if type(o) ~= "table" then error("api.cancel_all_orders takes a table", 2) end
    task.check_can_wait "api.cancel_all_orders"
    for _, endpoint in ipairs { C.EP_CANCEL_ALL, C.EP_ALGO_CANCEL_ALL } do
      local op = r:new(endpoint)
      local problem = r:fill(op.call, "api.cancel_all_orders", o, 2) or r:missing(op.call, endpoint)
      if problem then return r:drop(op, problem) end
      local ok, err = r:perform(op, o)
      if not ok then return nil, err end
    end
    return true
  end

  install_cancel(api, r, simple, faces)
  install_get(api, simple, faces)
end

return M
