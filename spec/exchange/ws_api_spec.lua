-- The WebSocket API of the local exchange over a real socket.
local ffi = require "ffi"
local C = require "spec.support.c"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"
local websocket = require "spec.support.websocket"

describe("moontide exchange: WebSocket API", function()
  local x, s, folder, ed_key
  setup(function()
    folder = run.folder()
    os.execute(
      ("openssl genpkey -algorithm ed25519 -out %s/ed.pem 2>/dev/null; openssl pkey -in %s/ed.pem -pubout -out %s/ed.pub"):format(
        folder,
        folder,
        folder
      )
    )
    x = lx.start { "--public-key", folder .. "/ed.pub" }
    ed_key = x.banner:match "Ed25519 key%s+(%x+)"
    s = websocket.open(x.port, "/ws-fapi/v1")
  end)
  teardown(function()
    s:close()
    x:stop()
    run.remove(folder)
  end)

  local number = 0
  local function ask(method, params, extra)
    number = number + 1
    local request = { id = number, method = method, params = params }
    for k, v in pairs(extra or {}) do
      request[k] = v
    end
    s:ask(request)
    local reply = s:json()
    assert.equal(number, reply.id)
    return reply
  end

  -- Parameters sorted by name and joined, values as they stand.
  local function text_of(params)
    local names, list = {}, {}
    for name in pairs(params) do
      names[#names + 1] = name
    end
    table.sort(names)
    for i, name in ipairs(names) do
      local v = params[name]
      list[i] = name .. "=" .. (type(v) == "number" and ("%.14g"):format(v) or tostring(v))
    end
    return table.concat(list, "&")
  end

  local function signed(params)
    params.apiKey, params.timestamp = x.key, math.floor(lx.now_ms())
    params.signature = lx.signature(x.secret, text_of(params))
    return params
  end

  it("answers market calls with weights of the address", function()
    local r = ask("ticker.price", { symbol = "BTCUSDT" })
    assert.equal(200, r.status)
    assert.equal("BTCUSDT", r.result.symbol)
    assert.equal("REQUEST_WEIGHT", r.rateLimits[1].rateLimitType)
    assert.is_true(r.rateLimits[1].count >= 6) -- the handshake costs 5
    assert.equal(5, #ask("depth", { symbol = "BTCUSDT", limit = 5 }).result.bids)
    assert.is_string(ask("ticker.book", { symbol = "BTCUSDT" }).result.bidPrice)
    assert.is_nil(ask("ticker.price", { symbol = "BTCUSDT" }, { returnRateLimits = false }).rateLimits)
    local function used() return ask("ping", {}).rateLimits[1].count end
    local before = used()
    ask("session.status", {})
    assert.equal(before + 3, used()) -- two, and one for asking
    local wrong = ask("ticker.price", { symbol = "NOSUCH" })
    assert.equal(400, wrong.status)
    assert.equal(-1121, wrong.error.code)
    assert.equal(400, ask("order.dance", {}).status)
    s:send '{"id":"abc-1","method":"ticker.price","params":{"symbol":"ETHUSDT"}}'
    assert.equal("abc-1", s:json().id)
  end)

  it("places, amends, queries and cancels an order, and tells refusals as REST does", function()
    local price = ("%.1f"):format(math.floor(x:best() * 0.97))
    local placed = ask(
      "order.place",
      signed {
        symbol = "BTCUSDT",
        side = "BUY",
        type = "LIMIT",
        timeInForce = "GTC",
        quantity = "0.010",
        price = price,
        newClientOrderId = "ws-1",
      }
    )
    assert.equal(200, placed.status, placed.error and placed.error.msg)
    assert.equal("NEW", placed.result.status)
    assert.equal(3, #placed.rateLimits)
    assert.equal(1, placed.rateLimits[3].count)
    assert.equal(
      "ws-1",
      ask("order.status", signed { symbol = "BTCUSDT", orderId = placed.result.orderId }).result.clientOrderId
    )
    local changed = ask(
      "order.modify",
      signed { symbol = "BTCUSDT", side = "BUY", origClientOrderId = "ws-1", quantity = 0.02, price = price }
    )
    assert.equal("0.020", changed.result.origQty)
    assert.equal(
      "CANCELED",
      ask("order.cancel", signed { symbol = "BTCUSDT", origClientOrderId = "ws-1" }).result.status
    )
    assert.equal(
      -2011,
      ask("order.cancel", signed { symbol = "BTCUSDT", origClientOrderId = "ws-1" }).error.code
    )
    local bad = signed { symbol = "BTCUSDT", orderId = 1 }
    bad.signature = ("0"):rep(64)
    assert.equal(-1022, ask("order.status", bad).error.code)
    assert.equal(-1102, ask("order.status", { apiKey = x.key, symbol = "BTCUSDT" }).error.code)
    assert.equal(401, ask("account.status", { timestamp = 1, signature = "00" }).status)
    assert.equal("ws", x:audit("?clientOrderId=ws-1").entries[1].channel)
  end)

  it("tells account, positions and balances in both versions", function()
    assert.equal(5, #ask("account.status", signed {}).result.positions)
    assert.equal(0, #ask("v2/account.status", signed {}).result.positions)
    assert.equal(5, #ask("account.position", signed {}).result)
    assert.equal(0, #ask("v2/account.position", signed {}).result)
    assert.equal("USDT", ask("v2/account.balance", signed {}).result[1].asset)
    local key = ask("userDataStream.start", { apiKey = x.key }).result.listenKey
    assert.equal(64, #key)
    assert.equal(key, ask("userDataStream.ping", { apiKey = x.key }).result.listenKey)
    assert.equal(200, ask("userDataStream.stop", { apiKey = x.key }).status)
    assert.equal(-1125, ask("userDataStream.ping", { apiKey = x.key }).error.code)
  end)

  it("logs a session on with an Ed25519 key alone, after which key and signature may stay out", function()
    assert.equal(400, ask("session.logon", signed {}).status) -- an HMAC key
    local params = { apiKey = ed_key, timestamp = math.floor(lx.now_ms()) }
    local key, message, out = ffi.new "struct signing_key *[1]", ffi.new "struct errmsg", ffi.new "char[1400]"
    assert.equal(0, C.signing_key_new(C.KEY_ED25519, run.read(folder .. "/ed.pem"), key, message))
    local text = text_of(params)
    C.signature_make(key[0], text, #text, out)
    C.signing_key_free(key[0])
    params.signature = ffi.string(out)
    local on = ask("session.logon", params)
    assert.equal(200, on.status, on.error and on.error.msg)
    assert.equal(ed_key, on.result.apiKey)
    assert.equal(200, ask("account.balance", { timestamp = math.floor(lx.now_ms()) }).status)
    assert.equal(-1102, ask("account.balance", {}).error.code)
    assert.equal(ed_key, ask("session.status", {}).result.apiKey)
    ask("session.logout", {})
    assert.equal(401, ask("account.balance", { timestamp = math.floor(lx.now_ms()) }).status)
  end)

  it("executes an order that a fault keeps back when it arrives, though its connection has gone", function()
    finally(function()
      x:no_faults()
      x:signed("DELETE", "/fapi/v1/allOpenOrders", { symbol = "BTCUSDT" })
    end)
    x:faults { { fault = "late", call = "POST /fapi/v1/order", delay = 0.3 } }
    local function late(id)
      return signed {
        symbol = "BTCUSDT",
        side = "BUY",
        type = "LIMIT",
        timeInForce = "GTC",
        quantity = "0.002",
        newClientOrderId = id,
        price = ("%.1f"):format(math.floor(x:best() * 0.97)),
      }
    end
    assert.equal("NEW", ask("order.place", late "late-told").result.status)
    x:faults { { fault = "late", call = "POST /fapi/v1/order", delay = 3 } }
    local other = websocket.open(x.port, "/ws-fapi/v1")
    other:ask { id = 1, method = "order.place", params = late "late-gone" }
    lx.wait_for(
      "the fault to strike",
      function() return x:raw("GET", "/moontide/faults").json[1].struck == 1 end
    )
    other:close()
    local entry = lx.wait_for(
      "it to arrive",
      function() return x:audit("?clientOrderId=late-gone").entries[1] end
    )
    assert.is_true(entry.executed)
    assert.is_false(entry.told)
    assert.equal("NEW", entry.status)
  end)
end)
