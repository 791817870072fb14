---What is done to the account when a run ends: its open orders go unless --keep-orders, positions when that was asked for.
---All of it with CRITICAL priority, so that nothing else of this process stands in its way.
local ffi = require "ffi"
local C = require "moontide.core"

local M = {}

local PATIENCE_S = 20 -- for one call, its retries included
local SETTLING_S = 5 -- beyond recvWindow: the exchange's grace, and a few questions

-- Not by its metatable, which a script can reach.
local function text(err)
  local code = rawget(err, "code")
  return ("%s%s: %s"):format(err.kind, code and " " .. code or "", err.message)
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

---The open orders of a symbol that are to go: this run's, or all when it was stopped by the kill switch, when positions are to be
---closed, and on paper, where nobody else has any.
---@param s LiveSession
---@param name string
---@return table[]? orders
---@return integer|table others how many more there are; the error, when there are no orders
function M.open_orders(s, name)
  local orders, err = s.api.get_open_orders {
    symbol = name,
    priority = "CRITICAL",
    timeout = s.patience or PATIENCE_S,
    share = false,
  }
  if not orders then return nil, err end
  local own = (s.flatten or s.halted or not s.journal_path or #orders == 0) and orders or own_of(s, orders)
  return own, #orders - #own
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
    local ok, problem = s.api.cancel_order {
      symbol = o.symbol,
      orderId = not o.algoId and o.orderId or nil,
      algoId = o.algoId,
      priority = "CRITICAL",
      timeout = s.patience or PATIENCE_S,
    }
    if not ok and rawget(problem, "code") ~= GONE then return nil, problem end
  end
  return true
end

-- Each told, so that a reader of the log knows what became of them.
local function cancel_open_orders(s, name)
  local orders, others = M.open_orders(s, name)
  local ok, problem
  if not orders or (#orders > 0 and others == 0) then
    ok, problem =
      s.api.cancel_all_orders { symbol = name, priority = "CRITICAL", timeout = s.patience or PATIENCE_S }
  else
    ok, problem = cancel_each(s, orders)
  end
  if not ok then
    s.log.error("%s: open orders could not be cancelled: %s", name, text(problem))
    return false
  end
  if not orders then
    s.log.warn("%s: open orders were cancelled, how many is not known: %s", name, text(others))
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
      timeout = s.patience or PATIENCE_S,
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

local function flatten(s, name)
  local rows, err = s.api.get_position_info {
    symbol = name,
    priority = "CRITICAL",
    timeout = s.patience or PATIENCE_S,
    share = false,
  }
  if not rows then
    s.log.error("%s: positions cannot be read: %s", name, text(err))
    return false
  end
  local good = true
  for _, p in ipairs(rows) do
    if p.positionAmt ~= 0 then good = close_position(s, p) and good end
  end
  return good
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
      { priority = "CRITICAL", timeout = s.patience or PATIENCE_S }
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
  local until_us = world:now() + (recv_window + SETTLING_S) * 1e6
  while count > 0 and world:now() < until_us do
    world:pass_time(0.02)
    count = C.live_orders_under_way(s.l)
  end
  if count > 0 then s.log.error("the outcome of %d orders is unknown", count) end
  return count == 0
end

---@param s LiveSession names, api, log, keep_orders, flatten, halted, journal_path
---@return boolean # whether all that was wanted is done
function M.run(s)
  local good = true
  s.api.start() -- should the script have stopped its API manager
  for _, name in ipairs(s.names) do
    if s.flatten or not s.keep_orders then good = cancel_open_orders(s, name) and good end
    if s.flatten then good = flatten(s, name) and good end
  end
  return good
end

return M
