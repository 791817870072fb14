-- Some thousand orders of one run over real sockets through faults: memory stays flat, and nothing is sent twice. `make soak`.
local cjson = require "cjson"
local journal = require "spec.support.journal"
local live_run = require "spec.support.live_run"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

local orders = tonumber(os.getenv "MOONTIDE_SOAK_ORDERS") or 20000

local script = [[
local count = 0
local function one()
  count = count + 1
  local n = count   -- others count on while this one waits
  local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
  local market = n % 3 ~= 0
  local o = { symbol = "BTCUSDT", side = n % 2 == 0 and "BUY" or "SELL", type = market and "MARKET" or "LIMIT", quantity = 0.003, newClientOrderId = "soak-" .. n }
  if not market then o.side, o.price = "BUY", _G.market.round_price("BTCUSDT", t.price * 0.97) end
  local r = api.create_order(o)
  if r and not market then
    api.modify_order { symbol = "BTCUSDT", side = "BUY", orderId = r.orderId, price = o.price, quantity = 0.004 }
    api.cancel_order { symbol = "BTCUSDT", orderId = r.orderId }
  end
  if n % 50 == 0 then api.batch_orders { { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.003 }, { symbol = "BTCUSDT", side = "SELL", type = "MARKET", quantity = 0.003 } } end
end
return {
  symbols = { "BTCUSDT" },
  on_start = function() end,
  on_order = function() end, on_fill = function() end, on_position = function() end, on_trade = function() end,
  on_timer = function(self)
    for _ = 1, 4 do self.running = (self.running or 0) + 1 api.spawn(function() pcall(one) self.running = self.running - 1 end) end
  end,
  timer = 0.05,
}
]]

local function resident_kb(pid)
  return tonumber(run.read(("/proc/%d/status"):format(pid)):match "VmRSS:%s+(%d+)")
end

local function median(list, from, to)
  local some = {}
  for i = math.max(1, math.floor(#list * from)), math.floor(#list * to) do
    some[#some + 1] = list[i]
  end
  table.sort(some)
  return some[math.floor(#some / 2) + 1]
end

it(("%d calls for orders over sockets: flat memory, none sent twice"):format(orders), function()
  local x = lx.start {
    "--no-limits",
    "--order-limits",
    "100000,100000",
    "--weight-limit",
    "1000000",
    "--symbols",
    "BTCUSDT",
    "--wallet",
    "10000000",
  }
  local call = "POST /fapi/v1/order"
  x:faults {
    { fault = "lose_reply", call = call, share = 0.02 },
    { fault = "lose_request", call = call, share = 0.01 },
    { fault = "no_connection", call = call, share = 0.02 },
    { fault = "reset", call = call, share = 0.02 },
    { fault = "error_after", call = call, status = 502, share = 0.01 },
    { fault = "error", call = call, status = 503, share = 0.02 },
    { fault = "stream_gap", class = "account", share = 0.01 },
    { fault = "stream_twice", class = "account", share = 0.02 },
    { fault = "stream_drop", share = 0.0002 },
  }
  local r = live_run.start(x, { script }, {
    "--no-supervisor",
    "--config",
    run.root .. "/spec/support/many_faults.conf.lua",
    "--recv-window",
    "1000",
  })
  finally(function()
    r:close()
    x:no_faults()
    x:stop()
  end)
  r:wait_for("bars of", 20)
  local client, exchange = {}, {}
  local seen = 0
  while x:audit("?limit=0").total < orders do
    lx.wait_for("more orders", function() return x:audit("?limit=0").total >= seen + orders / 200 end)
    seen = x:audit("?limit=0").total
    local kb = resident_kb(r.pid)
    assert.truthy(kb, "it has ended: " .. r:err())
    client[#client + 1], exchange[#exchange + 1] = kb, resident_kb(x.pid)
  end
  r:kill(15)
  assert.equal(0, r:wait(60), r:err())
  local early, late = median(client, 0.4, 0.6), median(client, 0.9, 1)
  io.stderr:write(
    ("client: %.1f MB after half of the time, %.1f MB at the end; exchange (keeps all its orders): %.1f and %.1f MB\n"):format(
      early / 1024,
      late / 1024,
      median(exchange, 0.4, 0.6) / 1024,
      median(exchange, 0.9, 1) / 1024
    )
  )
  assert.truthy(late < early * 1.05 + 1024, cjson.encode(client))

  local executed, count = {}, 0
  local first = 0
  repeat
    local page = x:audit("?limit=10000&from=" .. first)
    for _, e in ipairs(page.entries) do
      first = first + 1
      if e.executed and e.call == call then
        executed[e.clientOrderId] = (executed[e.clientOrderId] or 0) + 1
        count = count + 1
        assert.equal(1, executed[e.clientOrderId], e.clientOrderId)
      end
    end
  until #page.entries == 0
  for _, o in ipairs(assert(journal.orders(r:path(nil, "journal.db")))) do
    if o.client_id:find "^soak" then assert.equal(executed[o.client_id] ~= nil, o.state == 1, o.client_id) end
  end
  io.stderr:write(("%d orders executed, each once\n"):format(count))
  assert.truthy(count > orders / 5, count)
end)
