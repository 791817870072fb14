---Many requests at once: api.batch_orders and api.batch_request (described in moontide/meta/calls.lua).
local bit = require "bit"
local ffi = require "ffi"
local C = require "moontide.core"
local errors = require "moontide.error"
local task = require "moontide.run.task"

local M = {}

local function conditional_type(kit, o) return kit.conditional[o.type] end

local Costs = ffi.typeof("int32_t[$]", tonumber(C.LIMIT_KIND_COUNT))

---@param api table gets the calls
---@param kit table of api.lua: what it takes to make, send and read a call
function M.install(api, kit)
  local world, bt, pump = kit.world, kit.world.bt, kit.world.pump
  local row_size = C.record_table(C.RECORD_ORDER).size

  -- Puts one order into a batch op; nil or an error text.
  local function add_order(op, index, o, what)
    if conditional_type(kit, o) then return "conditional orders cannot be batched" end
    if o.type == nil then return "type is missing" end
    local call = C.api_call_batch_item(op, index)
    return kit.fill(call, what, o, 4) or kit.complete_order(call, false)
  end

  -- Sends a batch of `count` orders: a list of orders and errors, or nil, err when the request as a whole failed.
  local function send(op, count, options)
    op.call.batch_count = count
    op.call.given = bit.bor(op.call.given, bit.lshift(1ULL, C.P_BATCH))
    kit.set_options(op, options, 4)
    local err = kit.settle(op)
    if err then return nil, err end
    local results = {}
    for i = 0, count - 1 do
      if op.batch_code[i] ~= 0 then
        results[i + 1] = errors.new("rejected", ffi.string(op.batch_message[i]), op.batch_code[i], 400)
      else
        results[i + 1] = kit.build[C.RECORD_ORDER](ffi.cast("const char *", op.rows) + i * row_size)
      end
    end
    pump.op_free(bt, op)
    return results
  end

  function api.batch_orders(list)
    if type(list) ~= "table" then error("api.batch_orders takes a list of orders", 2) end
    task.check_can_wait "api.batch_orders"
    if #list < 1 or #list > C.CALL_BATCH_MAX then
      return kit.invalid("a batch holds 1 to %d orders, not %d", C.CALL_BATCH_MAX, #list)
    end
    local op = kit.new_op(C.EP_BATCH_NEW)
    for i, o in ipairs(list) do
      if type(o) ~= "table" then error(("api.batch_orders: entry %d is not a table"):format(i), 2) end
      local problem = add_order(op, i - 1, o, "api.batch_orders")
      if problem then return kit.drop(op, ("order %d: %s"):format(i, problem)) end
    end
    return send(op, #list)
  end

  -- Whether `count` orders press less on the budgets in one request than each in its own.
  local function saves(count)
    local costs, ops =
      { ffi.new(Costs), ffi.new(Costs) }, { kit.new_op(C.EP_BATCH_NEW), kit.new_op(C.EP_ORDER_NEW) }
    ops[1].call.batch_count = count
    for k, op in ipairs(ops) do
      C.api_call_price(op)
      for kind = 0, C.LIMIT_KIND_COUNT - 1 do
        costs[k][kind] = op.request.cost[kind] * (k == 2 and count or 1)
      end
      op.call.batch_count = 0
      pump.op_free(bt, op)
    end
    return pump.strain(bt, costs[1], world.view.now_us) < pump.strain(bt, costs[2], world.view.now_us)
  end

  -- The call of one entry: a function, its arguments. Raises what is the programmer's mistake.
  local function call_of(entry, i)
    if type(entry) ~= "table" then error(("api.batch_request: entry %d is not a table"):format(i), 3) end
    local name = entry[1]
    if type(name) == "string" and name:match "^%u+$" then
      return api.request, { n = 4, unpack(entry, 1, 4) }
    end
    if type(name) ~= "string" or not api.async[name] or name:match "^batch" then
      error(("api.batch_request: entry %d: no call named '%s'"):format(i, tostring(name)), 3)
    end
    return api[name], { n = #entry - 1, unpack(entry, 2) }
  end

  -- Gathers plain orders by five into batch ops; those that cannot be sent get their error at once.
  local function gather(list, results)
    local chunks, indexes = {}, {}
    for i, entry in ipairs(list) do
      local o = entry[1] == "create_order" and type(entry[2]) == "table" and entry[2] or nil
      for option in pairs(kit.call_options) do
        if o and o[option] ~= nil then o = nil end -- sent as it asks to be
      end
      if o and not conditional_type(kit, o) then indexes[#indexes + 1] = i end
    end
    local most = tonumber(C.CALL_BATCH_MAX)
    if #indexes < 2 or not saves(math.min(#indexes, most)) then return chunks end
    local chunk
    for _, i in ipairs(indexes) do
      chunk = chunk or { op = kit.new_op(C.EP_BATCH_NEW) }
      local problem = add_order(chunk.op, #chunk, list[i][2], "api.batch_request")
      if problem then
        results[i] = errors.new("invalid", problem)
      else
        chunk[#chunk + 1] = i
        if #chunk == most then
          chunks[#chunks + 1], chunk = chunk, nil
        end
      end
    end
    -- A rest too small to save anything is sent one by one.
    if chunk and #chunk > 1 and saves(#chunk) then
      chunks[#chunks + 1] = chunk
    elseif chunk then
      pump.op_free(bt, chunk.op)
    end
    return chunks
  end

  function api.batch_request(list)
    if type(list) ~= "table" then error("api.batch_request takes a list of requests", 2) end
    task.check_can_wait "api.batch_request"
    local results, calls, tasks = {}, {}, {}
    for i, entry in ipairs(list) do
      calls[i] = { call_of(entry, i) }
    end
    for _, chunk in ipairs(gather(list, results)) do
      for _, i in ipairs(chunk) do
        calls[i] = nil
      end
      tasks[#tasks + 1] = { chunk, task.spawn(send, chunk.op, #chunk) }
    end
    for i = 1, #list do
      local call = calls[i]
      if call and results[i] == nil then
        tasks[#tasks + 1] = { i, task.spawn(call[1], unpack(call[2], 1, call[2].n)) }
      end
    end
    for _, t in ipairs(tasks) do
      t[2].waited = true
    end
    for _, t in ipairs(tasks) do
      local value, err = t[2]:wait()
      if value == nil and getmetatable(err) ~= errors.class then error(err or "no result", 0) end
      if type(t[1]) == "number" then
        results[t[1]] = value == nil and err or value
      else
        for k, i in ipairs(t[1]) do
          results[i] = value and value[k] or err
        end
      end
    end
    local failed = 0
    for i = 1, #list do
      if getmetatable(results[i]) == errors.class then failed = failed + 1 end
    end
    return results, failed
  end
end

return M
