-- Live: orders by the WebSocket API. What holds for REST holds for it: sent once, found again, limits kept.
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"
local live = require("spec.support.live_run").whole

local WALK = [[
  local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
  local price = market.round_price("BTCUSDT", t.price * 0.97)
  local o = assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01, newClientOrderId = "w.a:b/c_d-1" })
  print("market", o.status, o.clientOrderId, o.avgPrice > 0)
  local rest = assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = price })
  local changed = assert(api.modify_order { symbol = "BTCUSDT", orderId = rest.orderId, side = "BUY", quantity = 0.02, price = price })
  print("modified", changed.origQty)
  print("cancelled", assert(api.cancel_order { symbol = "BTCUSDT", orderId = rest.orderId }).status)
  local stop = assert(api.create_order { symbol = "BTCUSDT", side = "SELL", type = "STOP_MARKET", quantity = 0.01, stopPrice = price, reduceOnly = true })
  print("stop", stop.status)
  print("stop gone", (api.cancel_order { symbol = "BTCUSDT", algoId = stop.algoId }) ~= nil)
  local none, err = api.cancel_order { symbol = "BTCUSDT", orderId = 1 }
  print("refused", none, err.kind, err.code, err.status)
  none, err = api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 900 }
  print("too much", none, err.kind, err.code)
  print("closed", assert(api.create_order { symbol = "BTCUSDT", side = "SELL", type = "MARKET", quantity = 0.01, reduceOnly = true }).status)
]]

-- Requests of the walk: an order of an id that is not known is looked for among plain and conditional ones.
local CALLS = 10

local function walked(r)
  assert.equal(0, r.status, r.err)
  for _, line in ipairs {
    "market\tFILLED\tw.a:b/c_d-1\ttrue",
    "modified\t0.02",
    "cancelled\tCANCELED",
    "stop\tNEW",
    "stop gone\ttrue",
    "refused\tnil\trejected\t-2011\t400",
    "too much\tnil\trejected\t-4005",
    "closed\tFILLED",
  } do
    assert.truthy(r.out:find(line, 1, true), line .. " is not in:\n" .. r.out .. r.err)
  end
end

-- Of the script's calls; the dead man's switch goes by REST.
local function by_channel(x, from)
  local rest, ws = 0, 0
  for _, e in ipairs(x:audit("?limit=100000&from=" .. from).entries) do
    if e.channel == "ws" then
      ws = ws + 1
    elseif e.call ~= "POST /fapi/v1/countdownCancelAll" then
      rest = rest + 1
    end
  end
  return rest, ws
end

describe("moontide live: orders by the WebSocket API", function()
  local x
  setup(function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT", "--wallet", "1000000" } end)
  teardown(function() x:stop() end)
  after_each(function() x:no_faults() end)

  it("places, amends and cancels, plain and conditional orders, signed one by one", function()
    local from = x:audit("?limit=0").total
    walked(live(x, WALK, { "--order-channel", "ws" }))
    local rest, ws = by_channel(x, from)
    assert.equal(0, rest)
    assert.equal(CALLS, ws)
  end)

  it("logs on once with an Ed25519 key; as moontide.conf.lua says", function()
    local folder, own = run.folder(), nil
    finally(function()
      if own then own:stop() end
      run.remove(folder)
    end)
    os.execute(
      ("openssl genpkey -algorithm ed25519 -out %s/private.pem 2>/dev/null && openssl pkey -in %s/private.pem -pubout -out %s/public.pem"):format(
        folder,
        folder,
        folder
      )
    )
    own = lx.start {
      "--no-limits",
      "--symbols",
      "BTCUSDT",
      "--wallet",
      "1000000",
      "--public-key",
      folder .. "/public.pem",
    }
    local key = own.banner:match "Ed25519 key%s+(%x+)"
    run.write(
      folder .. "/key.lua",
      ("return { key = %q, secret = %q, kind = 'ed25519' }"):format(key, run.read(folder .. "/private.pem"))
    )
    os.execute("chmod 600 " .. folder .. "/key.lua")
    local conf = run.write(folder .. "/conf.lua", 'return { order_channel = "ws", max_retries = 3 }')
    walked(live(own, WALK, { "--key-file", folder .. "/key.lua", "--config", conf }, "NOTHING=1"))
    local rest, ws = by_channel(own, 0)
    assert.equal(0, rest)
    assert.equal(CALLS, ws)
  end)

  it("sends an order once, whatever becomes of requests, replies and the connection", function()
    local folder = run.folder()
    finally(function() run.remove(folder) end)
    local conf = run.write(
      folder .. "/conf.lua",
      run
        .read(run.root .. "/spec/support/many_faults.conf.lua")
        :gsub("return {", "return { request_timeout = 0.5, ", 1)
    )
    local from = x:audit("?limit=0").total
    x:faults {
      { fault = "lose_reply", call = "POST /fapi/v1/order", share = 0.04 },
      { fault = "lose_request", call = "POST /fapi/v1/order", share = 0.03 },
      { fault = "reset", call = "POST /fapi/v1/order", share = 0.03 },
      { fault = "no_connection", call = "POST /fapi/v1/order", share = 0.02 },
      { fault = "error_after", call = "POST /fapi/v1/order", status = 504, share = 0.04 },
      { fault = "error", call = "POST /fapi/v1/order", status = 503, share = 0.04 },
      { fault = "malformed", call = "POST /fapi/v1/order", share = 0.02 },
      { fault = "delay", call = "POST /fapi/v1/order", delay = 0.05, jitter = 0.3, share = 0.1 },
    }
    local r = live(
      x,
      [[
      local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
      local price, tasks = market.round_price("BTCUSDT", t.price * 0.98), {}
      for k = 1, 16 do
        tasks[k] = api.spawn(function()
          for i = 1, 8 do
            local id = ("ws-%d-%d"):format(k, i)
            local o, err = api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", timeInForce = "IOC", quantity = 0.01, price = price, newClientOrderId = id }
            print(id, o and "executed" or err.kind)
          end
        end)
      end
      api.all(tasks)
    ]],
      { "--order-channel", "ws", "--recv-window", "400", "--stream-age", "1.5", "--config", conf }
    )
    assert.equal(0, r.status, r.err)
    local executed, believed, count, over_ws = {}, {}, 0, 0
    for _, e in ipairs(x:audit("?limit=100000&from=" .. from).entries) do
      if e.channel == "ws" then over_ws = over_ws + 1 end
      if e.executed and e.call == "POST /fapi/v1/order" then
        executed[e.clientOrderId] = (executed[e.clientOrderId] or 0) + 1
      end
    end
    for id, what in r.out:gmatch "(ws%-%d+%-%d+)\t([%w_]+)" do
      count, believed[id] = count + 1, what
      assert.equal("executed", what, id)
    end
    assert.equal(128, count, r.out .. r.err)
    for id in pairs(believed) do
      assert.equal(1, executed[id], id)
    end
    assert.is_true(over_ws > 20, over_ws .. " over WebSocket\n" .. r.err)
    assert.falsy(r.err:find("found_after_all=0", 1, true), r.err)
    assert.falsy(r.err:find("never_arrived=0", 1, true), r.err)
  end)

  it("goes by REST while there is no connection, and refuses a channel that does not exist", function()
    local from = x:audit("?limit=0").total
    walked(live(x, WALK, { "--order-channel", "ws", "--ws-api-url", "ws://127.0.0.1:1/ws-fapi/v1" }))
    local rest, ws = by_channel(x, from)
    assert.equal(CALLS, rest)
    assert.equal(0, ws)
    local r = live(x, WALK, { "--order-channel", "pigeon" })
    assert.equal(2, r.status)
    assert.truthy(r.err:find("--order-channel pigeon: expected rest or ws", 1, true), r.err)
    r = live(x, WALK, { "--order-channel", "ws", "--ws-api-url", "ws://203.0.113.1/ws-fapi/v1" })
    assert.equal(2, r.status)
    assert.truthy(r.err:find("over wss only", 1, true), r.err)
  end)

  it("keeps within the exchange's limits by what its replies tell of their use", function()
    local tight = lx.start { "--symbols", "BTCUSDT", "--wallet", "1000000", "--order-limits", "50,2000" }
    finally(function() tight:stop() end)
    local r = live(
      tight,
      [[
      local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
      local price, refused = market.round_price("BTCUSDT", t.price * 0.98), 0
      local start = api.get_server_time()
      for i = 1, 70 do
        local o, err = api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", timeInForce = "IOC", quantity = 0.01, price = price }
        if not o then print("refused", i, tostring(err)) end
      end
      print "done"
    ]],
      { "--order-channel", "ws" }
    )
    assert.equal(0, r.status, r.err)
    assert.truthy(r.out:find "^done", r.out)
    for _, e in ipairs(tight:audit("?limit=1000").entries) do
      assert.is_true(e.code == nil or e.code == 0, tostring(e.code))
    end
  end)
end)
