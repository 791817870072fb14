---What is done to the account when a run ends: its open orders go unless --keep-orders, positions when that was asked for. Where a
---position stays, so do the conditional orders that only close it, unless --cancel-stops.
---All of it with CRITICAL priority, so that nothing else of this process stands in its way, and within the time of the end.
local ffi = require "ffi"
local C = require "moontide.core"

local M = {}

local PATIENCE_S = 20 -- for one call, its retries included
local LEAST_S = 0.5 -- for a call when the time is nearly over
local SETTLING_S = 5 -- beyond recvWindow: the exchange's grace, and a few questions

-- Not by its metatable, which a script can reach.
local function text(err)
  local code = rawget(err, "code")
  return ("%s%s: %s"):format(err.kind, code and " " .. code or "", err.message)
end

local function left_s(s) return s.deadline_us and (s.deadline_us - s.world:now()) / 1e6 or math.huge end

-- For the next call: never so much that nothing is left for those after it.
local function patience(s) return math.max(LEAST_S, math.min(s.patience or PATIENCE_S, left_s(s) / 3)) end

-- The time of the end is over: whoever comes next (a supervisor, the exchange's countdown) does the rest.
local function late(s)
  if left_s(s) > 0 then return false end
  if not s.told_late then
    s.log.error "the time of the end is over (--stop-timeout); not all has been done"
  end
  s.told_late = true
  return true
end

-- Those of the orders that this run's journal knows, of an earlier start too: what was placed by hand, or by another run, is not ours
-- to cancel. An order that a conditional one turned into may bear an id of the exchange's own: it goes, whosever it is.
local function own_of(s, orders)
  local ids, known, message =
    ffi.new("const char *[?]", #orders), ffi.new("bool[?]", #orders), ffi.new "struct errmsg"
  for i, o in ipairs(orders) do
    ids[i - 1] = o.clientOrderId
  end
  if C.journal_knows(s.journal_path, ids, #orders, known, message) ~= 0 then
    s.log.warn(
      "which open orders are this run's is not known: all are cancelled (%s)",
      ffi.string(message.text)
    )
    return orders
  end
  local own = {}
  for i, o in ipairs(orders) do
    if known[i - 1] or (o.origType and o.origType ~= o.type) then own[#own + 1] = o end
  end
  return own
end

local function row_of(rows, side)
  for _, p in ipairs(rows) do
    if p.positionSide == side then return p.positionAmt end
  end
  return 0
end

-- Whether a conditional order can do nothing but close what is held; where it is not known what is held, it may.
local function protects(s, o)
  local rows, side = s.held and s.held[o.symbol], o.positionSide or "BOTH"
  local hedge = side ~= "BOTH"
  local closes = o.closePosition or o.reduceOnly or (hedge and o.side == (side == "LONG" and "SELL" or "BUY"))
  if not o.algoId or not closes then return false end
  if not rows then return true end
  local amount = row_of(rows, side)
  return (amount > 0 and o.side == "SELL") or (amount < 0 and o.side == "BUY")
end

-- Takes out of `orders` what stays with a position.
local function without_protection(s, orders)
  if s.flatten or s.cancel_stops then return orders, 0 end
  local go, kept = {}, 0
  for _, o in ipairs(orders) do
    if protects(s, o) then
      kept = kept + 1
    else
      go[#go + 1] = o
    end
  end
  return go, kept
end

-- What is held of a symbol, into s.held; false: it cannot be told.
local function look(s, name)
  s.held = s.held or {}
  local rows, err =
    s.api.get_position_info { symbol = name, priority = "CRITICAL", timeout = patience(s), share = false }
  s.held[name] = nil
  if not rows then
    s.log.warn("%s: positions cannot be read: %s", name, text(err))
    return false
  end
  local held = {}
  for _, p in ipairs(rows) do
    if p.positionAmt ~= 0 then held[#held + 1] = p end
  end
  s.held[name] = held
  return true
end

---The open orders of a symbol that are to go: this run's, or all when it was stopped by the kill switch, when positions are to be
---closed, and on paper, where nobody else has any.
---@param s LiveSession
---@param name string
---@return table[]? orders
---@return integer|table others how many more there are that are not the run's; the error, when there are no orders
---@return integer kept how many stay with a position
function M.open_orders(s, name)
  local orders, err = s.api.get_open_orders {
    symbol = name,
    priority = "CRITICAL",
    timeout = patience(s),
    share = false,
  }
  if not orders then return nil, err, 0 end
  local own = (s.flatten or s.halted or not s.journal_path or #orders == 0) and orders or own_of(s, orders)
  local go, kept = without_protection(s, own)
  return go, #orders - #own, kept
end

---Those of all symbols of the run.
---@param s LiveSession
---@return table[]? orders
---@return table? err
function M.all_open_orders(s)
  local all = {}
  for _, name in ipairs(s.names) do
    local orders, others = M.open_orders(s, name)
    if not orders then return nil, others end
    for _, o in ipairs(orders) do
      all[#all + 1] = o
    end
  end
  return all
end

local GONE = -2011 -- filled or cancelled meanwhile

local function cancel_each(s, orders)
  for _, o in ipairs(orders) do
    if late(s) then return nil, { kind = "timeout", message = "the time of the end is over" } end
    local ok, problem = s.api.cancel_order {
      symbol = o.symbol,
      orderId = not o.algoId and o.orderId or nil,
      algoId = o.algoId,
      priority = "CRITICAL",
      timeout = patience(s),
    }
    if not ok and rawget(problem, "code") ~= GONE then return nil, problem end
  end
  return true
end

-- One call for all of a symbol where all may go; those that only close a position stay where it is not known what is held.
local function cancel_all(s, name, plain_only)
  if not plain_only then
    return s.api.cancel_all_orders { symbol = name, priority = "CRITICAL", timeout = patience(s) }
  end
  return s.api.request(
    "DELETE",
    "/fapi/v1/allOpenOrders",
    { symbol = name },
    { priority = "CRITICAL", timeout = patience(s) }
  )
end

-- Each told, so that a reader of the log knows what became of them.
local function cancel_open_orders(s, name)
  local orders, others, kept = M.open_orders(s, name)
  local ok, problem
  if not orders then
    ok, problem = cancel_all(s, name, not (s.flatten or s.cancel_stops))
  elseif #orders > 0 and others == 0 and kept == 0 then
    ok, problem = cancel_all(s, name)
  else
    ok, problem = cancel_each(s, orders)
  end
  s.kept = s.kept or {}
  s.kept[name] = kept
  if not ok then
    s.log.error("%s: open orders could not be cancelled: %s", name, text(problem))
    return false
  end
  if not orders then
    s.log.warn("%s: open orders were cancelled, how many is not known: %s", name, text(others))
    if s.flatten or s.cancel_stops then return true end
    s.log.warn("%s: whether conditional orders are left is not known", name)
    return false
  elseif #orders > 0 then
    s.log.info("%s: %d open orders cancelled", name, #orders)
  end
  if orders and others > 0 then
    s.log.info("%s: %d open orders are not this run's, and are left", name, others)
  end
  return true
end

-- A market order takes MARKET_LOT_SIZE at most: a large position goes in pieces.
local function close_position(s, p)
  local symbol = s.world.symbols[s.world.symbol_index[p.symbol]]
  local left, most = math.abs(p.positionAmt), tonumber(symbol.market_qty_max_e8) / 1e8
  while left > 0 do
    local hedge = p.positionSide ~= "BOTH"
    local quantity = tonumber(C.dec_from_double(math.min(left, most > 0 and most or left))) / 1e8
    local order, err = s.api.create_order {
      symbol = p.symbol,
      side = p.positionAmt > 0 and "SELL" or "BUY",
      type = "MARKET",
      quantity = quantity,
      positionSide = hedge and p.positionSide or nil,
      reduceOnly = not hedge or nil,
      priority = "CRITICAL",
      timeout = patience(s),
    }
    if not order then
      s.log.error("%s: the position of %.10g could not be closed: %s", p.symbol, p.positionAmt, text(err))
      return false
    end
    left = tonumber(C.dec_from_double(left - quantity)) / 1e8
  end
  s.log.info("%s: the position of %.10g closed", p.symbol, p.positionAmt)
  return true
end

-- The positions that were there when it was looked; the rest of what could not be closed stays told of.
local function flatten(s, name)
  if not s.held[name] and not look(s, name) then return false end
  local left = {}
  for _, p in ipairs(s.held[name]) do
    if late(s) or not close_position(s, p) then left[#left + 1] = p end
  end
  s.held[name] = left
  return #left == 0
end

---Tells the exchange that it need not watch over us any more: after the run has ended in order.
---@param s LiveSession
---@param names string[] symbols it was asked to watch
---@return boolean
function M.disarm(s, names)
  local good = true
  for _, name in ipairs(names) do
    local ok, err = s.api.request(
      "POST",
      "/fapi/v1/countdownCancelAll",
      { symbol = name, countdownTime = 0 },
      { priority = "CRITICAL", timeout = patience(s) }
    )
    if not ok then
      s.log.warn("%s: the dead man's switch could not be disarmed: %s", name, text(err))
      good = false
    end
  end
  return good
end

---Waits until the outcome of every order is known that was under way: one that arrives after the cancelling would stay. What waits
---in the queue is given up. Nothing else runs meanwhile (world.closing).
---@param s LiveSession
---@param recv_window number seconds in which the exchange still takes a request
---@return boolean # false: some are still not known
function M.settle(s, recv_window)
  local world, pump, bt = s.world, s.world.pump, s.world.bt
  pump.manager_stop(bt, world.view.now_us)
  pump.manager_start(bt)
  local count = C.live_orders_under_way(s.l)
  -- At most half of the time that is left: the cancelling comes after.
  local until_us = world:now() + math.min(recv_window + SETTLING_S, left_s(s) / 2) * 1e6
  while count > 0 and world:now() < until_us do
    world:pass_time(0.02)
    count = C.live_orders_under_way(s.l)
  end
  if count > 0 then s.log.error("the outcome of %d orders is unknown", count) end
  return count == 0
end

---@param s LiveSession names, api, log, keep_orders, cancel_stops, flatten, halted, journal_path, deadline_us
---@return boolean # whether all that was wanted is done
function M.run(s)
  local good = true
  s.api.start() -- should the script have stopped its API manager
  for _, name in ipairs(s.names) do
    if late(s) then return false end
    look(s, name)
    if s.flatten or not s.keep_orders then good = cancel_open_orders(s, name) and good end
    if s.flatten then
      if #(s.held[name] or { 1 }) > 0 then look(s, name) end -- an order may have been filled meanwhile
      good = flatten(s, name) and good
    end
  end
  return good
end

return M
