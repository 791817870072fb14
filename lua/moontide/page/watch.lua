---What a run does not keep by itself and its page shows: the life of its calls, what was refused or had to wait, what the limit
---windows held, and the values of the script's indicators. It only listens: a run that is watched does the same as one that is not.
local ffi = require "ffi"
local C = require "moontide.core"
local trace_module = require "moontide.repl.trace"

local M = {}

local EVENTS = 4000 -- kept of each sort
local MINUTE, TEN_SECONDS = 60e6, 10e6

---@class Watch
---@field trace table of repl/trace.lua
---@field events table[] { us, kind, symbol?, text, seconds?, times? }, in the order they happened
---@field left_out integer events beyond those kept
---@field weight table<number, number> used in each minute, by its number
---@field orders table<number, number>
---@field orders_10s table<number, number> by the number of the ten seconds
---@field indicators table[] by the order in which they were asked for
local Watch = {}
Watch.__index = Watch

function Watch:event(us, kind, symbol, text, seconds)
  local before = self.events[#self.events]
  if
    before
    and before.us == us
    and before.kind == kind
    and before.text == text
    and before.symbol == symbol
  then
    before.times, before.seconds = (before.times or 1) + 1, seconds and math.max(seconds, before.seconds)
    return
  end
  local n = self.counts[kind] or 0
  self.counts[kind] = n + 1
  if n >= EVENTS then
    self.left_out = self.left_out + 1
    return
  end
  self.events[#self.events + 1] = { us = us, kind = kind, symbol = symbol, text = text, seconds = seconds }
end

local function count(windows, slot, cost)
  if cost > 0 then windows[slot] = (windows[slot] or 0) + cost end
end

-- A call has settled: what it took from the windows when it was sent, and what held it back or refused it.
function Watch:settled(world, op)
  local r = op.request
  local sent = tonumber(r.sent_us)
  if sent > 0 and op.leader == 0 then
    local orders = r.cost[C.LIMIT_ORDERS]
    count(self.weight, math.floor(sent / MINUTE), r.cost[C.LIMIT_WEIGHT])
    count(self.orders, math.floor(sent / MINUTE), orders)
    count(self.orders_10s, math.floor(sent / TEN_SECONDS), orders)
  end
  local symbol = op.call.symbol >= 0 and world.symbol_names[op.call.symbol] or nil
  local what = ffi.string(C.endpoint_info(op.call.endpoint).path):match "[^/]+$"
  local now = tonumber(world.view.now_us)
  if r.waited_us > 0 then
    local reasons = {}
    for i = 1, tonumber(C.WAIT_REASON_COUNT) - 1 do
      if math.floor(r.waits / 2 ^ i) % 2 == 1 then
        reasons[#reasons + 1] = ffi.string(C.wait_reason_name(i))
      end
    end
    local seconds = tonumber(r.waited_us) / 1e6
    self:event(tonumber(r.submitted_us), "wait", symbol, what .. ": " .. table.concat(reasons, ", "), seconds)
  end
  if op.settle ~= C.SETTLE_DONE then
    local text = op.code ~= 0 and ("%d: %s"):format(op.code, ffi.string(op.message))
      or ffi.string(C.settle_name(op.settle))
    self:event(now, op.settle == C.SETTLE_REFUSED and "rejected" or "failed", symbol, what .. ": " .. text)
  end
end

local function label(fed, output)
  local words = {}
  for i, value in ipairs(fed.arguments) do
    words[i] = tostring(value)
  end
  local name = ("%s(%s)"):format(fed.name, table.concat(words, ", "))
  return fed.count > 1 and name .. " " .. fed.outputs[output] or name
end

local function row(fed, output, symbol)
  return {
    label = label(fed, output),
    symbol = symbol,
    count = 0,
    capacity = 1024,
    us = ffi.new "double[1024]",
    value = ffi.new "double[1024]",
  }
end

local function add(r, us, value)
  if r.count == r.capacity then
    r.capacity = r.capacity * 2
    local times, values = ffi.new("double[?]", r.capacity), ffi.new("double[?]", r.capacity)
    ffi.copy(times, r.us, r.count * 8)
    ffi.copy(values, r.value, r.count * 8)
    r.us, r.value = times, values
  end
  r.us[r.count], r.value[r.count] = us, value
  r.count = r.count + 1
end

-- Keeps the indicators' values at every bar of a symbol.
function Watch:fed(world, symbol, list)
  local rows = self.rows[symbol]
  if not rows then
    rows = {}
    self.rows[symbol] = rows
  end
  local us = tonumber(world.view.now_us)
  for i = 1, #list do
    local fed = list[i]
    local values = fed.last[symbol]
    local outputs = rows[fed]
    if not outputs then
      outputs = {}
      for k = 1, fed.count do
        outputs[k] = row(fed, k, symbol)
        self.indicators[#self.indicators + 1] = outputs[k]
      end
      rows[fed] = outputs
    end
    for k = 1, fed.count do
      local value = values and values[k]
      if type(value) == "number" and value == value then add(outputs[k], us, value) end
    end
  end
end

---Listens to a world from now on.
---@param world World
---@return Watch
function M.attach(world)
  local self = setmetatable({
    trace = trace_module.new(world),
    events = {},
    counts = {},
    left_out = 0,
    weight = {},
    orders = {},
    orders_10s = {},
    rows = {},
    indicators = {},
  }, Watch)
  local life = world.trace
  function world.trace(op)
    life(op)
    self:settled(world, op)
  end
  function world.on_refusal(reason, problem)
    self:event(tonumber(world.view.now_us), "refused", nil, reason .. ": " .. problem)
  end
  function world.indicators_seen(symbol, list) self:fed(world, symbol, list) end
  return self
end

return M
