---What a run says of itself as it goes: a heartbeat line every so often, and as a UTC day ends what the day came to.
local bit = require "bit"
local C = require "moontide.core"
local ending = require "moontide.live.ending"
local records = require "moontide.api.records"
local status = require "moontide.live.status"

local M = {}

local DAY_MS = 86400000

local function money(e8) return tonumber(e8) / 1e8 end
local function cents(x) return math.floor(x * 100 + 0.5) / 100 end
local function day_text(ms) return os.date("!%Y-%m-%d", math.floor(ms / 1000)) end

local function has_account(s) return s.mode == "paper" or s.at.key ~= "" end

local function positions_text(positions)
  local parts = {}
  for symbol, p in pairs(positions) do
    if p.sides then
      for side, held in pairs(p.sides) do
        parts[#parts + 1] = ("%s %s %.10g"):format(symbol, side, held.position)
      end
    elseif p.position ~= 0 then
      parts[#parts + 1] = ("%s %.10g"):format(symbol, p.position)
    end
  end
  table.sort(parts)
  return #parts > 0 and table.concat(parts, ", ") or "flat"
end

local function heartbeat(s)
  local now = status.read(s)
  local fields = {}
  local function add(name, value) fields[#fields + 1] = { name, value } end
  if has_account(s) then
    add("equity", cents(now.equity))
    add("today", cents(now.profit_today))
    add("positions", positions_text(now.positions))
    add("open_orders", now.open_orders)
  end
  add("queue", now.queue + now.in_flight)
  if now.breaker ~= "closed" then add("breaker", now.breaker) end
  if now.last_bar_ms then add("bar_age_s", math.floor((now.now_ms - now.last_bar_ms) / 1000)) end
  add("lag_ms", math.floor(now.lag * 1e4 + 0.5) / 10)
  s.log.fields("info", "heartbeat", fields)
end

-- What the day that goes on began with.
local function begin_day(s)
  s.day = {
    ms = math.floor(s.world:now() / 1000),
    equity = money(C.live_risk(s.l).day_equity_e8),
    result = C.live_result(s.l),
  }
end

local function end_day(s)
  local day = s.day
  begin_day(s)
  if not has_account(s) then return end
  local was, is, texts = day.result, s.day.result, {}
  for i, p in ipairs(ending.positions(s)) do
    texts[i] = ending.position_text(p)
  end
  local whole = day.ms % DAY_MS < 60000
  s.log.info(
    "day %s: %+.2f %s, equity %.2f; %srealized %.2f, fees %.2f, funding %.2f, %d fills; %s",
    day_text(day.ms),
    s.day.equity - day.equity,
    records.coin_of(s.world.symbol_names[0]),
    s.day.equity,
    whole and "" or ("since %s: "):format(os.date("!%H:%M", math.floor(day.ms / 1000))),
    money(is.realized_e8 - was.realized_e8),
    money(is.fees_e8 - was.fees_e8),
    money(is.funding_e8 - was.funding_e8),
    tonumber(is.fills - was.fills),
    #texts > 0 and "open: " .. table.concat(texts, ", ") or "no position is open"
  )
end

---From now on the run says how it stands; after its start.
---@param s LiveSession
function M.begin(s)
  C.live_summary_begin(s.l, s.settings.heartbeat * 1e6)
  begin_day(s)
end

---Says what is due; of world.on_control.
---@param s LiveSession
function M.tell(s)
  local due = C.live_summary_due(s.l)
  if due == 0 or s.finished then return end
  if bit.band(due, C.LIVE_DAY_ENDED) ~= 0 then end_day(s) end
  if bit.band(due, C.LIVE_HEARTBEAT_DUE) ~= 0 then heartbeat(s) end
end

return M
