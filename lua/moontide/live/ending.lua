---How a run is brought to its end, within its time: nothing new is sent, what is under way is settled, the account is left as it was
---asked for; and what the run came to, as its last lines.
local bit = require "bit"
local ffi = require "ffi"
local C = require "moontide.core"
local records = require "moontide.api.records"
local shutdown = require "moontide.live.shutdown"

local M = {}

local FOREVER_US = 0x7fffffffffffffffLL
local WORKERS_PART = 0.6 -- of the time of an end; the rest is its supervisor's, should this process not have done all

---Until when all has to be done, on the run's clock.
---@param s LiveSession
function M.set_deadline(s)
  local asked_us = tonumber(C.live_stop_asked_us(s.l))
  if asked_us == 0 then asked_us = s.world:now() end
  local part = C.heartbeat_joined() and WORKERS_PART or 1
  s.deadline_us = s.deadline_us or asked_us + s.settings.stop_timeout * part * 1e6
end

---What is done at the end of a run that may have orders: nothing new is sent, what is under way is settled, open orders are
---cancelled (positions closed), the exchange's countdowns are ended.
---@param s LiveSession
---@param recv_window_s number
---@param on_paper boolean
function M.get_out(s, recv_window_s, on_paper)
  if s.finished then return end
  local l, world = s.l, s.world
  s.finished, world.closing = true, true
  M.set_deadline(s)
  s.flatten = s.flatten or bit.band(C.heartbeat_commands(), C.HEART_FLATTEN) ~= 0
  C.live_stop_within(l, FOREVER_US)
  C.live_halt(l) -- from here on nothing but what gets us out
  local settled = shutdown.settle(s, recv_window_s)
  s.orderly = shutdown.run(s) and settled
  C.live_dead_man_end(l)
  local watched = {}
  for i, name in ipairs(s.names) do
    if C.live_dead_man_used(l, i - 1) and s.settings.dead_man_seconds > 0 and not on_paper then
      watched[#watched + 1] = name
    end
  end
  if s.orderly then shutdown.disarm(s, watched) end -- else the exchange does it
  world.closing = false
  C.live_stop_within(l, 0) -- tasks that ask on and on get no answer any more
end

local function money(e8) return tonumber(e8) / 1e8 end

local function counters(l, log)
  local f = C.live_figures(l)
  if f.reactions > 0 then
    log.fields("info", "event to order", {
      { "orders", tonumber(f.reactions) },
      { "p50_us", tonumber(f.reaction_p50_us) },
      { "p99_us", tonumber(f.reaction_p99_us) },
      { "p999_us", tonumber(f.reaction_p999_us) },
    })
  end
  log.fields("info", "counters", {
    { "requests", tonumber(f.sent) },
    { "by_websocket", tonumber(f.sent_by_websocket) },
    { "lost", tonumber(f.lost) },
    { "found_after_all", tonumber(f.resolved_found) },
    { "never_arrived", tonumber(f.resolved_absent) },
    { "refused_by_risk_limits", tonumber(f.refused_by_risk_limits) },
    { "stream_messages", tonumber(f.stream_messages) },
    { "reconnects", tonumber(f.stream_reconnects) },
    { "swaps", tonumber(f.stream_swaps) },
    { "recovered", tonumber(f.events_recovered) },
    { "told_twice", tonumber(f.events_twice) },
    { "bars_recovered", tonumber(f.bars_recovered) },
    { "clock_offset_ms", math.floor(tonumber(f.clock_offset_us) / 1000 + 0.5) },
  })
end

local side_names = { [0] = "BOTH", "LONG", "SHORT" }

-- As the exchange told them at the end, else as its stream has.
local function positions(s)
  local list, world = {}, s.world
  for i, name in ipairs(s.names) do
    local rows = s.held and s.held[name]
    if rows then
      for _, p in ipairs(rows) do
        list[#list + 1] = p
      end
    else
      local last = money(world.pump.last(world.bt, i - 1))
      for side = 0, 2 do
        local p = world.view.position[i - 1][side]
        local amount, entry = money(p.amount_e8), money(p.entry_e8)
        if amount ~= 0 then
          list[#list + 1] = {
            symbol = name,
            positionSide = side_names[side],
            positionAmt = amount,
            entryPrice = entry,
            unRealizedProfit = last > 0 and amount * (last - entry) or nil,
          }
        end
      end
    end
  end
  return list
end
M.positions = positions

---A position in words: `BTCUSDT 0.01 at 65000 (unrealized -1.20 USDT)`.
---@param p table symbol, positionSide, positionAmt, entryPrice, unRealizedProfit?
---@return string
function M.position_text(p)
  return ("%s%s %.10g at %.10g (%s)"):format(
    p.symbol,
    p.positionSide ~= "BOTH" and " " .. p.positionSide or "",
    p.positionAmt,
    p.entryPrice,
    p.unRealizedProfit and ("unrealized %.2f %s"):format(p.unRealizedProfit, records.coin_of(p.symbol))
      or "its worth is not known"
  )
end

---Positions that stay, each with what protects it.
---@param s LiveSession
---@return table[] positions
function M.tell_positions(s)
  local list = positions(s)
  for _, p in ipairs(list) do
    local kept = s.kept and s.kept[p.symbol] or 0
    s.log.warn(
      "%s stays open; %s",
      M.position_text(p),
      kept > 0 and ("%d conditional orders that close it are kept (--cancel-stops cancels them)"):format(kept)
        or s.keep_orders and "its orders are kept"
        or "no order protects it"
    )
  end
  return list
end

---The last lines of a run: its counters, the positions that stay, its result.
---@param s LiveSession
function M.tell(s)
  counters(s.l, s.log)
  if s.mode ~= "paper" and s.at.key == "" then
    s.log.info "ended: market data only, no order was sent"
    return
  end
  local list = M.tell_positions(s)
  local texts = {}
  for i, p in ipairs(list) do
    texts[i] = M.position_text(p)
  end
  local r = C.live_result(s.l)
  local asset, amount, number = ffi.new("char[?]", C.ASSET_NAME_MAX), ffi.new "int64_t[1]", 0
  while C.live_coins_unpriced(s.l, number, asset, amount) do
    s.log.warn(
      "fees of %.8g %s are not in the result: their worth is not known",
      money(amount[0]),
      ffi.string(asset)
    )
    number = number + 1
  end
  s.log.info(
    "ended: net %.2f %s (realized %.2f, fees %.2f, funding %.2f, unrealized %.2f%s), %d fills; %s",
    money(r.net_e8),
    records.coin_of(s.world.symbol_names[0]),
    money(r.realized_e8),
    money(r.fees_e8),
    money(r.funding_e8),
    money(r.unrealized_e8),
    r.whole and "" or ", without positions whose price is not known",
    tonumber(r.fills),
    #texts > 0 and "open: " .. table.concat(texts, ", ") or "no position is open"
  )
end

---What a run finds when it starts: positions, and how many orders are open.
---@param s LiveSession
function M.tell_taken_over(s)
  local texts = {}
  for i, p in ipairs(positions(s)) do
    texts[i] = M.position_text(p)
  end
  local orders = C.live_risk(s.l).open_orders
  if #texts == 0 and orders == 0 then return end
  s.log.warn(
    "taken over: %s; %d open orders",
    #texts > 0 and table.concat(texts, ", ") or "no position",
    orders
  )
end

return M
