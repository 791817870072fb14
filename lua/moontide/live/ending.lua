---What is done to the account when a run ends: open orders go unless --keep-orders, positions when that was asked for.
---All of it with CRITICAL priority, so that nothing else of this process stands in its way.
local C = require "moontide.native"

local M = {}

local PATIENCE_S = 20   -- for one call, its retries included
local SETTLING_S = 5    -- beyond recvWindow: the exchange's grace, and a few questions

-- Not by its metatable, which a script can reach.
local function text(err)
  local code = rawget(err, "code")
  return ("%s%s: %s"):format(err.kind, code and " " .. code or "", err.message)
end

-- Each told, so that a reader of the log knows what became of them.
local function cancel_open_orders(s, name)
  local orders, err = s.api.get_open_orders { symbol = name, priority = "CRITICAL", timeout = s.patience or PATIENCE_S }
  if orders and #orders == 0 then return true end
  local ok, problem = s.api.cancel_all_orders { symbol = name, priority = "CRITICAL", timeout = s.patience or PATIENCE_S }
  if not ok then
    s.log.error("%s: open orders could not be cancelled: %s", name, text(problem))
    return false
  end
  if orders then s.log.info("%s: %d open orders cancelled", name, #orders)
  else s.log.warn("%s: open orders were cancelled, how many is not known: %s", name, text(err)) end
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
      symbol = p.symbol, side = p.positionAmt > 0 and "SELL" or "BUY", type = "MARKET", quantity = quantity,
      positionSide = hedge and p.positionSide or nil, reduceOnly = not hedge or nil, priority = "CRITICAL", timeout = s.patience or PATIENCE_S,
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
  local rows, err = s.api.get_position_info { symbol = name, priority = "CRITICAL", timeout = s.patience or PATIENCE_S, share = false }
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
    local ok, err = s.api.request("POST", "/fapi/v1/countdownCancelAll", { symbol = name, countdownTime = 0 },
      { priority = "CRITICAL", timeout = s.patience or PATIENCE_S })
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
  local until_us = world.now() + (recv_window + SETTLING_S) * 1e6
  while count > 0 and world.now() < until_us do
    world.pass_time(0.02)
    count = C.live_orders_under_way(s.l)
  end
  if count > 0 then s.log.error("of %d orders it is not known what became of them", count) end
  return count == 0
end

---@param s LiveSession names, api, log, keep_orders, flatten
---@return boolean # whether all that was wanted is done
function M.run(s)
  local good = true
  s.api.start()   -- should the script have stopped its API manager
  for _, name in ipairs(s.names) do
    if s.flatten or not s.keep_orders then good = cancel_open_orders(s, name) and good end
    if s.flatten then good = flatten(s, name) and good end
  end
  return good
end

return M
