---Calls of single orders: plain and conditional ones have one face, wherever the exchange keeps them.
local bit = require "bit"
local C = require "moontide.core"
local records = require "moontide.api.records"
local requests = require "moontide.api.requests"
local task = require "moontide.run.task"

local M = {}

local ALGO_ID_BIT = bit.lshift(1ULL, C.P_ALGO_ID)
local EP_ORDER_NEW, EP_ALGO_NEW = C.EP_ORDER_NEW, C.EP_ALGO_NEW

---Puts the calls into `api` (described in moontide/meta/calls.lua).
---@param api table
---@param r Requests
---@param simple fun(name: string, endpoint: integer): function makes a call that is one request and nothing else
function M.install(api, r, simple)
  local algo_ids = {} -- ids of conditional orders seen, so that a cancel knows where to go

  local function one_face(algo)
    algo_ids[algo.algoId] = true
    return records.one_face(algo)
  end

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
    if order and conditional then return one_face(order) end
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
    local op = r:new(is_algo and C.EP_ALGO_CANCEL or C.EP_ORDER_CANCEL)
    local call = op.call
    local problem = r:fill(call, "api.cancel_order", o, 2)
    if problem then return r:drop(op, problem) end
    if is_algo and call.algo_id == 0 and call.order_id ~= 0 then
      call.algo_id = call.order_id
      call.given = bit.bor(call.given, ALGO_ID_BIT)
    elseif not is_algo and call.order_id == 0 and call.orig_client_id[0] == 0 then
      return r:drop(op, "orderId or origClientOrderId is missing")
    end
    if not is_algo and call.symbol < 0 then return r:drop(op, "symbol is missing") end
    return r:perform(op, o)
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

  local plain_open_orders, algo_open_orders =
    simple("get_open_orders", C.EP_OPEN_ORDERS), simple("get_open_orders", C.EP_ALGO_OPEN)

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

  local plain_get_order, algo_get_order =
    simple("get_order", C.EP_ORDER_GET), simple("get_order", C.EP_ALGO_GET)

  function api.get_order(o)
    local id = type(o) == "table" and (o.algoId or o.orderId or o.order_id)
    if type(o) == "table" and (o.algoId or o.clientAlgoId or (id and algo_ids[tostring(id)])) then
      local order, err = algo_get_order { algoId = id or nil, clientAlgoId = o.clientAlgoId }
      if not order then return nil, err end
      return one_face(order)
    end
    return plain_get_order(o)
  end
end

return M
