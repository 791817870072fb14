---Many requests at once: api.batch_orders and api.batch_request (described in moontide/meta/calls.lua).
local bit = require "bit"
local ffi = require "ffi"
local C = require "moontide.core"
local errors = require "moontide.error"
local requests = require "moontide.api.requests"
local task = require "moontide.run.task"

local M = {}

local Costs = ffi.typeof("int32_t[$]", tonumber(C.LIMIT_KIND_COUNT))
local BATCH_BIT = bit.lshift(1ULL, C.P_BATCH)
local MOST = tonumber(C.CALL_BATCH_MAX)
local ROW_SIZE = C.record_table(C.RECORD_ORDER).size

-- Types of orders that the exchange takes in no batch, by their names.
local conditional = {}
for kind = 0, C.ORDER_TYPE_COUNT - 1 do
  conditional[ffi.string(C.order_type_names[kind])] = C.order_rules_conditional(kind)
end

-- A list and the tables in it as they are now, without what metatables make of them: code of a script's that runs while they are
-- read must not find a longer list, or other values, than were counted and checked.
local function as_it_is(list)
  local out = {}
  for i = 1, #list do
    local entry = rawget(list, i)
    if type(entry) == "table" then
      local copy = {}
      for name, value in next, entry do
        copy[name] = value
      end
      entry = copy
    end
    out[i] = entry
  end
  return out
end

-- Puts one order into a batch operation; nil or an error text.
local function add_order(r, op, index, o, what)
  if conditional[o.type] then return "conditional orders cannot be batched" end
  if o.type == nil then return "type is missing" end
  local call = C.api_call_batch_item(op, index)
  return r:fill(call, what, o, 4) or r:complete_order(call)
end

-- Sends a batch of `count` orders: a list of orders and errors, or nil, err when the request as a whole failed.
local function send(r, op, count, options)
  op.call.batch_count = count
  op.call.given = bit.bor(op.call.given, BATCH_BIT)
  r:set_options(op, options, 4)
  local err = r:settle(op)
  if err then return nil, err end
  local results = {}
  for i = 0, count - 1 do
    if op.batch_code[i] ~= 0 then
      results[i + 1] = errors.new("rejected", ffi.string(op.batch_message[i]), op.batch_code[i], 400)
    else
      results[i + 1] = r.build[C.RECORD_ORDER](ffi.cast("const char *", op.rows) + i * ROW_SIZE)
    end
  end
  r.pump.op_free(r.bt, op)
  return results
end

-- Whether `count` orders press less on the budgets in one request than each in its own.
local function saves(r, count)
  local costs, ops = { ffi.new(Costs), ffi.new(Costs) }, { r:new(C.EP_BATCH_NEW), r:new(C.EP_ORDER_NEW) }
  ops[1].call.batch_count = count
  for k, op in ipairs(ops) do
    C.api_call_price(op)
    for kind = 0, C.LIMIT_KIND_COUNT - 1 do
      costs[k][kind] = op.request.cost[kind] * (k == 2 and count or 1)
    end
    op.call.batch_count = 0
    r.pump.op_free(r.bt, op)
  end
  local now_us = r.view.now_us
  return r.pump.strain(r.bt, costs[1], now_us) < r.pump.strain(r.bt, costs[2], now_us)
end

-- The call of one entry: a function, its arguments. Raises what is the programmer's mistake.
local function call_of(api, entry, i)
  if type(entry) ~= "table" then error(("api.batch_request: entry %d is not a table"):format(i), 3) end
  local name = entry[1]
  if type(name) == "string" and name:match "^%u+$" then return api.request, { n = 4, unpack(entry, 1, 4) } end
  if type(name) ~= "string" or not api.async[name] or name:match "^batch" then
    error(("api.batch_request: entry %d: no call named '%s'"):format(i, tostring(name)), 3)
  end
  return api[name], { n = #entry - 1, unpack(entry, 2) }
end

-- Which entries are plain orders that ask for nothing a batch cannot give.
local function plain_orders(list)
  local indexes = {}
  for i, entry in ipairs(list) do
    local o = entry[1] == "create_order" and type(entry[2]) == "table" and entry[2] or nil
    for option in pairs(requests.call_options) do
      if o and o[option] ~= nil then o = nil end -- sent as it asks to be
    end
    if o and not conditional[o.type] then indexes[#indexes + 1] = i end
  end
  return indexes
end

-- Gathers plain orders by five into batch operations; those that cannot be sent get their error at once.
local function gather(r, list, results)
  local chunks, indexes = {}, plain_orders(list)
  if #indexes < 2 or not saves(r, math.min(#indexes, MOST)) then return chunks end
  local chunk
  for _, i in ipairs(indexes) do
    chunk = chunk or { op = r:new(C.EP_BATCH_NEW) }
    local problem = add_order(r, chunk.op, #chunk, list[i][2], "api.batch_request")
    if problem then
      r:count_refusal(C.EP_BATCH_NEW, problem)
      results[i] = errors.new("invalid", problem)
    else
      chunk[#chunk + 1] = i
      if #chunk == MOST then
        chunks[#chunks + 1], chunk = chunk, nil
      end
    end
  end
  -- A rest too small to save anything is sent one by one.
  if chunk and #chunk > 1 and saves(r, #chunk) then
    chunks[#chunks + 1] = chunk
  elseif chunk then
    r.pump.op_free(r.bt, chunk.op)
  end
  return chunks
end

-- Waits for the tasks of a batch_request, each { index or chunk of indexes, task }, and puts what they returned in its place.
local function collect(tasks, results)
  for _, t in ipairs(tasks) do
    t[2].waited = true
  end
  for _, t in ipairs(tasks) do
    local value, err = t[2]:wait()
    if value == nil and not errors.is(err) then error(err or "no result", 0) end
    if type(t[1]) == "number" then
      results[t[1]] = value == nil and err or value
    else
      for k, i in ipairs(t[1]) do
        results[i] = value and value[k] or err
      end
    end
  end
end

---@param api table gets the calls
---@param r Requests
function M.install(api, r)
  function api.batch_orders(list)
    if type(list) ~= "table" then error("api.batch_orders takes a list of orders", 2) end
    task.check_can_wait "api.batch_orders"
    list = as_it_is(list)
    if #list < 1 or #list > MOST then
      return requests.invalid("a batch holds 1 to %d orders, not %d", MOST, #list)
    end
    local op = r:new(C.EP_BATCH_NEW)
    for i, o in ipairs(list) do
      if type(o) ~= "table" then error(("api.batch_orders: entry %d is not a table"):format(i), 2) end
      local problem = add_order(r, op, i - 1, o, "api.batch_orders")
      if problem then return r:drop(op, ("order %d: %s"):format(i, problem)) end
    end
    return send(r, op, #list)
  end

  function api.batch_request(list)
    if type(list) ~= "table" then error("api.batch_request takes a list of requests", 2) end
    task.check_can_wait "api.batch_request"
    list = as_it_is(list)
    local results, calls, tasks = {}, {}, {}
    for i, entry in ipairs(list) do
      calls[i] = { call_of(api, entry, i) }
    end
    for _, chunk in ipairs(gather(r, list, results)) do
      for _, i in ipairs(chunk) do
        calls[i] = nil
      end
      tasks[#tasks + 1] = { chunk, task.spawn(send, r, chunk.op, #chunk) }
    end
    for i = 1, #list do
      local call = calls[i]
      if call and results[i] == nil then
        tasks[#tasks + 1] = { i, task.spawn(call[1], unpack(call[2], 1, call[2].n)) }
      end
    end
    collect(tasks, results)
    local failed = 0
    for i = 1, #list do
      if errors.is(results[i]) then failed = failed + 1 end
    end
    return results, failed
  end
end

return M
