---Requests of a script: filled from its tables, sent through the API manager, and answered with a Lua value or an error.
local bit = require "bit"
local ffi = require "ffi"
local C = require "moontide.core"
local errors = require "moontide.error"
local records = require "moontide.api.records"

local M = {}

---err.kind of a request that settled so, by enum settle.
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
M.settle_kinds = settle_kinds

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
M.call_options = { priority = true, timeout = true, retries = true, share = true }
local call_options = M.call_options

local RETRIES_MAX = 20
local P_SYMBOL, PARAM_COUNT, P_TIMESTAMP = C.P_SYMBOL, C.PARAM_COUNT, C.P_TIMESTAMP
local SYMBOL_BIT, CLIENT_ID_BIT = bit.lshift(1ULL, C.P_SYMBOL), bit.lshift(1ULL, C.P_CLIENT_ID)

local message = ffi.new "struct errmsg" -- read as soon as it is written

-- Parameter names to numbers, each looked up once.
local param_of = setmetatable({}, {
  __index = function(t, name)
    local index = type(name) == "string" and C.param_find(name) or -1
    rawset(t, name, index)
    return index
  end,
})

local wait_reasons = {}
for i = 0, C.WAIT_REASON_COUNT - 1 do
  wait_reasons[i] = ffi.string(C.wait_reason_name(i))
end

-- What makes or changes orders: refused while a strategy is warmed up.
local opens = {
  [tonumber(C.EP_ORDER_NEW)] = true,
  [tonumber(C.EP_ALGO_NEW)] = true,
  [tonumber(C.EP_ORDER_MODIFY)] = true,
  [tonumber(C.EP_BATCH_NEW)] = true,
  [tonumber(C.EP_BATCH_MODIFY)] = true,
}

---@class Requests
---@field world World
---@field build table<integer, fun(row: ffi.cdata*): table> a record's Lua value, by its kind
local Requests = {}
Requests.__index = Requests

---@param world World
---@return Requests
function M.new(world)
  local R = records.new(world.symbol_names)
  local r = setmetatable({
    world = world,
    bt = world.bt,
    pump = world.pump,
    view = world.view,
    build = R.build,
    list_of = R.list,
  }, Requests)
  -- The methods stand in the object itself: one that is found by way of the metatable costs the interpreter a call, and each
  -- order takes a dozen.
  for name, method in pairs(Requests) do
    if type(method) == "function" then r[name] = method end
  end
  return r
end

---The error of a call that must not be sent.
---@param text string a format
---@param ... any
---@return nil
---@return ApiError
function M.invalid(text, ...)
  return nil, errors.new("invalid", select("#", ...) > 0 and text:format(...) or text)
end

---An operation for one request; it is the caller's until it is sent or dropped.
---@param endpoint integer
---@return ffi.cdata* op struct api_call
function Requests:new(endpoint)
  local op = self.pump.op(self.bt)
  op.call.endpoint = endpoint
  return op
end

local places = {
  [C.EP_ORDER_NEW] = true,
  [C.EP_ALGO_NEW] = true,
  [C.EP_BATCH_NEW] = true,
  [C.EP_ORDER_MODIFY] = true,
  [C.EP_BATCH_MODIFY] = true,
}

---Counts an order that was refused before sending, by what refused it: a filter's name, else the sort of mistake.
---@param endpoint integer
---@param problem string
function Requests:count_refusal(endpoint, problem)
  if not places[endpoint] then return end
  local world = self.world
  world.refusals = world.refusals or {}
  local reason = problem:find "is missing" and "parameter missing"
    or problem:match "%u+_[%u_]*%u"
    or problem:find "no symbol" and "unknown symbol"
    or "parameter"
  world.refusals[reason] = (world.refusals[reason] or 0) + 1
  if world.on_refusal then world.on_refusal(reason, problem) end
end

---Gives back an operation that must not be sent.
---@param op ffi.cdata*
---@param problem string
---@return nil
---@return ApiError
function Requests:drop(op, problem)
  self:count_refusal(op.call.endpoint, problem)
  self.pump.op_free(self.bt, op)
  return M.invalid(problem)
end

-- Puts one parameter into the call; nil or an error text.
function Requests:set(call, name, param, value)
  if param == P_SYMBOL then
    local index = self.world.symbol_index[value]
    if not index then return ("no symbol '%s' in this run"):format(tostring(value)) end
    call.symbol = index
    call.given = bit.bor(call.given, SYMBOL_BIT)
    return nil
  end
  local kind = type(value)
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

---Fills the call from a table of parameters. A name that does not exist is the programmer's mistake, and raises.
---@param call ffi.cdata* struct call
---@param what string the call's name, for the message
---@param o table
---@param level integer who called, for the message
---@return string? problem
function Requests:fill(call, what, o, level)
  for name, value in pairs(o) do
    if not call_options[name] then
      local param = param_of[name]
      if param < 0 then error(("%s: no parameter named '%s'"):format(what, tostring(name)), level + 1) end
      local problem = self:set(call, name, param, value)
      if problem then return problem end
    end
  end
  return nil
end

---Tick and step, before the request costs anything: a mis-sized order is refused here, never rounded silently.
---@param call ffi.cdata*
---@return string? problem
function Requests:check_grid(call)
  if C.order_rules_grid(call, self.world.symbols[call.symbol], message) ~= 0 then
    return ffi.string(message.text)
  end
  return nil
end

---Completes a new order's call: where it goes, its reply, its id.
---@param call ffi.cdata*
---@return string? problem
function Requests:complete_order(call)
  if C.order_rules_complete(call, message) ~= 0 then return ffi.string(message.text) end
  if bit.band(call.given, CLIENT_ID_BIT) == 0 then self.pump.client_id(self.bt, call) end
  return self:check_grid(call)
end

---@param call ffi.cdata*
---@param endpoint integer
---@return string? problem names the first parameter that the endpoint requires and the call lacks
function Requests:missing(call, endpoint) -- luacheck: ignore 212
  local lack = bit.band(C.endpoint_info(endpoint).required, bit.bnot(call.given))
  for param = 0, PARAM_COUNT - 1 do
    if bit.band(lack, bit.lshift(1ULL, param)) ~= 0 and param ~= P_TIMESTAMP then
      return ffi.string(C.param_info(param).name) .. " is missing"
    end
  end
  return nil
end

---Puts a call's own options into its request.
---@param op ffi.cdata*
---@param o table? priority, timeout, retries, share
---@param level integer who called, for errors of the programmer
function Requests:set_options(op, o, level)
  local request = op.request
  request.priority = C.endpoint_info(op.call.endpoint).priority
  request.retries_max = RETRIES_MAX -- the configuration's max_retries is the bound
  if not o then return end
  if o.priority then
    request.priority = priorities[o.priority]
      or error(("no such priority '%s'; CRITICAL, HIGH, NORMAL, LOW"):format(tostring(o.priority)), level)
  end
  if o.timeout then
    if type(o.timeout) ~= "number" or o.timeout ~= o.timeout or o.timeout <= 0 then
      error("timeout takes seconds, more than 0", level)
    end
    request.deadline_us = self.view.now_us + math.floor(math.min(o.timeout, 1e9) * 1e6)
  end
  if o.retries then
    if type(o.retries) ~= "number" or o.retries < 0 or o.retries > RETRIES_MAX then
      error("retries takes a number from 0 to 20", level)
    end
    request.retries_max = o.retries
  end
  op.no_share = o.share == false
end

-- The error of an operation that has settled without being executed.
local function failure(op)
  -- Refused by this process: the risk limits, or a journal that cannot be written.
  if op.settle == C.SETTLE_REFUSED and op.status == 0 and op.code == 0 then
    return errors.new("invalid", ffi.string(op.message))
  end
  if op.code ~= 0 or op.settle == C.SETTLE_REFUSED then
    local kind = settle_kinds[op.settle] or "rejected"
    return errors.new(kind, ffi.string(op.message), op.code, op.status)
  end
  local kind = settle_kinds[op.settle] or "network"
  -- Not the exchange's own word, but its place was answered in: what by is worth knowing.
  if op.status ~= 0 and op.message[0] ~= 0 and op.settle ~= C.SETTLE_STOPPED then
    return errors.new(kind, ffi.string(op.message), nil, op.status)
  end
  if op.settle == C.SETTLE_STOPPED then
    return errors.new(kind, "the API manager was stopped (api.start takes work again)")
  end
  return errors.new(kind, settle_texts[kind] or kind)
end

-- The life of a request in one line.
function Requests:log_life(op)
  local request, info = op.request, C.endpoint_info(op.call.endpoint)
  local waits = {}
  for i = 1, C.WAIT_REASON_COUNT - 1 do
    if bit.band(request.waits, bit.lshift(1, i)) ~= 0 then waits[#waits + 1] = wait_reasons[i] end
  end
  self.world.log.fields("debug", "request", {
    { "id", tonumber(request.id) },
    { "call", ("%s %s"):format(ffi.string(C.http_method_name(info.method)), ffi.string(info.path)) },
    { "priority", ffi.string(C.priority_name(request.priority)) },
    { "waited", tonumber(request.waited_us) / 1e6 },
    { "why", #waits > 0 and table.concat(waits, ",") or "-" },
    { "attempts", request.attempts },
    { "took", tonumber(self.view.now_us - request.submitted_us) / 1e6 },
    {
      "outcome",
      op.leader ~= 0 and "as request " .. tonumber(op.leader) or ffi.string(C.settle_name(op.settle)),
    },
    { "code", op.code ~= 0 and op.code or nil },
  })
end

---Submits and waits. Nil when it was executed, and the operation holds the answer; otherwise the error, and the operation is
---back in the pool, or, when the run ended before, with the world: it is still out there.
---@param op ffi.cdata*
---@return ApiError?
function Requests:settle(op)
  local world = self.world
  if world.warming and opens[op.call.endpoint] then
    self.pump.op_free(self.bt, op)
    return errors.new("invalid", "no orders while bars of before are fed to on_bar (bar.warmup is true)")
  end
  if not world:perform(op) then return errors.new("stopped", settle_texts.stopped) end
  if world.log.shows.debug then self:log_life(op) end
  if world.trace then world.trace(op) end -- see repl/trace.lua
  if op.settle == C.SETTLE_DONE then return nil end
  local err = failure(op)
  if err.kind == "invalid" then self:count_refusal(op.call.endpoint, err.message) end
  self.pump.op_free(self.bt, op)
  return err
end

---Sends the call of `op` and returns the reply as a Lua value; the operation goes back to the pool.
---@param op ffi.cdata*
---@param o table? the call's own options
---@return any? reply
---@return ApiError? err
function Requests:perform(op, o)
  self:set_options(op, o, 4)
  local err = self:settle(op)
  if err then return nil, err end
  local result
  if op.kind == C.RECORD_NONE or op.rows == nil then
    result = op.list and {} or true
  elseif op.list then
    result = op.count > 0 and self.list_of(op.kind, op.rows, op.count) or {}
  else
    result = self.build[op.kind](op.rows)
  end
  self.pump.op_free(self.bt, op)
  return result
end

return M
