-- The strategy of an order storm (order_storm.lua writes the line with its parameters above it): orders of every kind up to LAST by
-- several tasks. What an order is depends on its number alone. The file `said` has what it is about to send and what it was told, a
-- line each, at once: a killed process has told all it was told, and its next life goes on from there. self.state counts the fills.
-- luacheck: globals LAST TASKS PAUSE SYMBOL PREFIX QUANTUM LEAST api market log
local out, next_one, running, ending

local function say(...) out:write(table.concat({ ... }, " ") .. "\n") end

local function kind_of(n)
  if n % 20 >= 1 and n % 20 <= 4 then return "market" end -- in batches
  return ({ [3] = "rest", [7] = "amend", [10] = "rest", [11] = "stop", [14] = "ioc" })[n % 16] or "market"
end

local function order(self, n)
  local kind, lots = kind_of(n), LEAST + n % 5
  local o = { symbol = SYMBOL, type = "MARKET", newClientOrderId = PREFIX .. n }
  o.side = n % 2 == 0 and "BUY" or "SELL"
  if kind == "rest" or kind == "amend" then
    o.side, o.type, o.price = "BUY", "LIMIT", market.round_price(SYMBOL, self:last_price(SYMBOL) * 0.93)
  elseif kind == "ioc" then
    local factor = o.side == "BUY" and 1.001 or 0.999
    o.type, o.timeInForce, lots = "LIMIT", "IOC", lots * 10
    o.price = market.round_price(SYMBOL, self:last_price(SYMBOL) * factor)
  elseif kind == "stop" then
    o.side, o.type = "SELL", "STOP_MARKET"
    o.stopPrice = market.round_price(SYMBOL, self:last_price(SYMBOL) * 0.95)
  end
  o.quantity = lots * QUANTUM
  return o, kind
end

-- "told NUMBER STATUS EXECUTED", or the kind of the error. When the run ends, the rest is for the next life.
local function told(n, r, err)
  local why = err or not r.status and r
  if why and why.kind == "stopped" then ending = true end
  say("told", n, r and r.status or "E:" .. (r == nil and err.kind or r.kind), r and r.executedQty or 0)
end

local function send(self, n)
  local o, kind = order(self, n)
  say("send", n, kind)
  local r, err = api.create_order(o)
  told(n, r, err)
  if kind == "amend" then
    local by = { symbol = SYMBOL, side = "BUY", origClientOrderId = o.newClientOrderId }
    by.quantity, by.price = o.quantity + QUANTUM, o.price
    local m, why = api.modify_order(by)
    say("amended", n, m and "ok" or "E:" .. why.kind, m and m.origQty or 0)
  end
  if kind == "rest" or kind == "amend" or kind == "stop" then
    local c, why = api.cancel_order { symbol = SYMBOL, origClientOrderId = o.newClientOrderId }
    say("cancelled", n, c and c.status or "E:" .. why.kind)
  end
end

local function send_batch(self, n)
  local list = {}
  for i = 0, 3 do
    list[i + 1] = order(self, n + i)
    say("send", n + i, "market")
  end
  local r, err = api.batch_orders(list)
  for i = 0, 3 do
    local one = r and r[i + 1]
    if one and one.status and one.clientOrderId then
      told(n + i, one)
    else
      told(n + i, nil, one or err)
    end
  end
end

local function work(self)
  while next_one <= LAST and not ending do
    local n = next_one
    local batch = n % 20 == 1 and n + 3 <= LAST
    next_one = n + (batch and 4 or 1)
    if batch then
      send_batch(self, n)
    else
      send(self, n)
    end
    if PAUSE > 0 then api.sleep(PAUSE) end
  end
  running = running - 1
  if running == 0 and not ending then say "finished" end
end

local function count(self, fill)
  local s, lots = self.state, math.floor(fill.qty / QUANTUM + 0.5)
  s.fills = (s.fills or 0) + 1
  s.lots = (s.lots or 0) + (fill.side == "BUY" and lots or -lots)
  s.ids = ((s.ids or 0) + fill.tradeId) % 2 ^ 50
end

return {
  symbols = { SYMBOL },
  interval = "1m",
  on_start = function(self)
    next_one, running = 1, TASKS
    local said = io.open "said"
    for n in (said and said:read "*a" or ""):gmatch "send (%d+) %a+\n" do
      next_one = math.max(next_one, n + 1)
    end
    out = io.open("said", "a")
    out:setvbuf "no"
    out:write "\n" -- after a line that a kill cut short
    for _ = 1, TASKS do
      api.spawn(function() work(self) end)
    end
  end,
  on_fill = function(self, fill)
    count(self, fill) -- kept with the note that it was told, in one transaction
    say("fill", fill.tradeId, fill.clientOrderId)
  end,
  on_stop = function(self)
    local s = self.state
    say(
      "state",
      s.fills or 0,
      s.lots or 0,
      ("%.0f"):format(s.ids or 0),
      math.floor(self:position(SYMBOL) / QUANTUM + 0.5)
    )
  end,
}
