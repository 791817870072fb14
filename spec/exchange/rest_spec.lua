-- The local exchange over real sockets: REST as the wire contract states it.
local C = require "spec.support.c"
local ffi = require "ffi"
local lx = require "spec.support.local_exchange"

describe("moontide exchange: REST", function()
  local x
  setup(function() x = lx.start { "--no-limits" } end)
  teardown(function() x:stop() end)

  local function refused(reply, status, code, text)
    assert.equal(status, reply.status, reply.body)
    assert.equal(code, reply.json.code, reply.body)
    if text then assert.truthy(reply.json.msg:find(text, 1, true), reply.body) end
  end

  it("answers every call that needs no key", function()
    for path, params in pairs {
      ["/fapi/v1/ping"] = {},
      ["/fapi/v1/time"] = {},
      ["/fapi/v1/exchangeInfo"] = { symbol = "NOSUCH" },
      ["/fapi/v1/depth"] = { symbol = "BTCUSDT" },
      ["/fapi/v1/trades"] = { symbol = "BTCUSDT" },
      ["/fapi/v1/aggTrades"] = { symbol = "BTCUSDT", limit = 5 },
      ["/fapi/v1/klines"] = { symbol = "BTCUSDT", interval = "1m" },
      ["/fapi/v1/continuousKlines"] = { pair = "BTCUSDT", contractType = "PERPETUAL", interval = "5m" },
      ["/fapi/v1/indexPriceKlines"] = { pair = "BTCUSDT", interval = "1h" },
      ["/fapi/v1/markPriceKlines"] = { symbol = "BTCUSDT", interval = "1h" },
      ["/fapi/v1/premiumIndexKlines"] = { symbol = "BTCUSDT", interval = "1h" },
      ["/fapi/v1/premiumIndex"] = {},
      ["/fapi/v1/fundingRate"] = { symbol = "BTCUSDT" },
      ["/fapi/v1/fundingInfo"] = {},
      ["/fapi/v1/ticker/24hr"] = {},
      ["/fapi/v1/ticker/price"] = {},
      ["/fapi/v2/ticker/price"] = { symbol = "ETHUSDT" },
      ["/fapi/v1/ticker/bookTicker"] = {},
      ["/fapi/v1/openInterest"] = { symbol = "BTCUSDT" },
      ["/fapi/v1/symbolAdlRisk"] = {},
    } do
      local reply = x:public(path, params)
      assert.equal(200, reply.status, path .. " " .. reply.body)
      assert.is_table(reply.json, path)
      assert.truthy(path:find "funding" or reply.head["x-mbx-used-weight-1m"], path)
    end
  end)

  it("answers every signed read", function()
    for path, params in pairs {
      ["/fapi/v1/openOrders"] = {},
      ["/fapi/v1/allOrders"] = { symbol = "BTCUSDT" },
      ["/fapi/v1/userTrades"] = { symbol = "BTCUSDT" },
      ["/fapi/v1/openAlgoOrders"] = {},
      ["/fapi/v1/allAlgoOrders"] = { symbol = "BTCUSDT" },
      ["/fapi/v2/balance"] = {},
      ["/fapi/v3/balance"] = {},
      ["/fapi/v2/account"] = {},
      ["/fapi/v3/account"] = {},
      ["/fapi/v1/accountConfig"] = {},
      ["/fapi/v1/symbolConfig"] = {},
      ["/fapi/v2/positionRisk"] = {},
      ["/fapi/v3/positionRisk"] = {},
      ["/fapi/v1/positionSide/dual"] = {},
      ["/fapi/v1/multiAssetsMargin"] = {},
      ["/fapi/v1/commissionRate"] = { symbol = "BTCUSDT" },
      ["/fapi/v1/leverageBracket"] = {},
      ["/fapi/v1/income"] = {},
      ["/fapi/v1/adlQuantile"] = {},
      ["/fapi/v1/forceOrders"] = {},
      ["/fapi/v1/rateLimit/order"] = {},
    } do
      local reply = x:signed("GET", path, params)
      assert.equal(200, reply.status, path .. " " .. reply.body)
      assert.is_table(reply.json, path)
    end
  end)

  it("tells prices as text, ids and times as numbers, the book in order", function()
    local book = x:public("/fapi/v1/depth", { symbol = "BTCUSDT", limit = 1000 }).json
    assert.is_true(#book.bids > 400 and #book.asks > 400)
    for i = 2, #book.bids do
      assert.is_true(tonumber(book.bids[i][1]) < tonumber(book.bids[i - 1][1]))
    end
    for i = 2, #book.asks do
      assert.is_true(tonumber(book.asks[i][1]) > tonumber(book.asks[i - 1][1]))
    end
    assert.is_true(tonumber(book.bids[1][1]) < tonumber(book.asks[1][1]))
    assert.is_string(book.bids[1][2])
    assert.is_number(book.lastUpdateId)
    assert.same(
      { code = -4021, msg = "3 is not valid depth limit" },
      x:public("/fapi/v1/depth", { symbol = "BTCUSDT", limit = 3 }).json
    )
    refused(x:public("/fapi/v1/depth", { symbol = "BTCUSDT", limit = 1500 }), 400, -1130, "'limit'")
    refused(x:public("/fapi/v1/klines", { symbol = "BTCUSDT", interval = "1m", limit = 1501 }), 400, -1130)
    refused(
      x:public("/fapi/v1/klines", { symbol = "BTCUSDT", interval = "7m" }),
      400,
      -1120,
      "Invalid interval."
    )
    refused(x:public("/fapi/v1/klines", { symbol = "BTCUSDT" }), 400, -1102, "'interval'")
    refused(x:public("/fapi/v1/depth", { symbol = "NOSUCH" }), 400, -1121, "Invalid symbol.")
    refused(x:public("/fapi/v1/nothing"), 404, -5000)
    local day = x:public("/fapi/v1/ticker/24hr", { symbol = "BTCUSDT" }).json
    assert.equal(day.count, day.lastId - day.firstId + 1)
    assert.truthy(day.priceChangePercent:find "^%-?%d+%.?%d?%d?%d?$", day.priceChangePercent)
    local bars = x:public("/fapi/v1/klines", { symbol = "BTCUSDT", interval = "1h", limit = 30 }).json
    assert.equal(30, #bars)
    for i = 2, #bars do
      assert.equal(bars[i - 1][1] + 3600000, bars[i][1])
    end
    assert.equal(bars[1][1] + 3599999, bars[1][7])
  end)

  it(
    "takes parameters from query, body or both, whatever the case of their names, the query first",
    function()
      local bid = x:best()
      local price = ("%.1f"):format(math.floor(bid * 0.97))
      local a = x:signed("POST", "/fapi/v1/order", {
        symbol = "BTCUSDT",
        side = "BUY",
        type = "LIMIT",
        timeInForce = "GTC",
        quantity = "0.01",
        price = price,
      }, { body = true })
      assert.equal(200, a.status, a.body)
      assert.equal(price .. "0", a.json.price)
      local query, body =
        "symbol=BTCUSDT&side=BUY&TYPE=LIMIT&timeinforce=GTC",
        ("quantity=0.01&price=%s&side=SELL&timestamp=%.0f"):format(price, lx.now_ms())
      local signed = body .. "&signature=" .. lx.signature(x.secret, query .. body)
      local b = x:raw("POST", "/fapi/v1/order?" .. query, { "X-MBX-APIKEY: " .. x.key }, signed)
      assert.equal(200, b.status, b.body)
      assert.equal("BUY", b.json.side)
      assert.equal(
        200,
        x:signed(
          "DELETE",
          "/fapi/v1/batchOrders",
          { symbol = "BTCUSDT", orderidlist = ('[%d,"%d"]'):format(a.json.orderId, b.json.orderId) }
        ).status
      )
      refused(x:signed("GET", "/fapi/v1/order", { symbol = "BTCUSDT", orderId = "" }), 400, -1105)
    end
  )

  it("reads the exchange's names alone: what a script may call otherwise is unknown there", function()
    local price = ("%.1f"):format(math.floor(x:best() * 0.97))
    local o = x:order {
      price = price,
      qty = "0.5",
      order_type = "MARKET",
      clientOrderId = "mine",
      reduce_only = "true",
      respType = "ACK",
    }
    assert.equal(200, o.status, o.body)
    assert.equal("0.010", o.json.origQty)
    assert.not_equal("mine", o.json.clientOrderId)
    local batch = x:signed("POST", "/fapi/v1/batchOrders", {
      batchOrders = require "cjson".encode {
        {
          symbol = "BTCUSDT",
          side = "BUY",
          type = "LIMIT",
          timeInForce = "GTC",
          quantity = "0.010",
          qty = "0.5",
          price = price,
        },
      },
    }).json
    assert.equal("0.010", batch[1].origQty)
    assert.equal(200, x:signed("DELETE", "/fapi/v1/allOpenOrders", { symbol = "BTCUSDT" }).status)
    refused(
      x:raw("GET", "/fapi/v1/ticker/price?symbol=BTCUSDT&symbol=ETHUSDT"),
      400,
      -1101,
      "Duplicate values for a parameter detected."
    )
  end)

  it("refuses by key, stamp and signature in the documented order", function()
    local long = ("x"):rep(64)
    refused(x:raw("GET", "/fapi/v2/account"), 401, -2014, "API-key format invalid.")
    refused(x:raw("GET", "/fapi/v2/account?timestamp=1", { "X-MBX-APIKEY: short" }), 401, -2014)
    refused(x:raw("GET", "/fapi/v2/account", { "X-MBX-APIKEY: " .. long }), 400, -1102, "'timestamp'")
    refused(
      x:raw("GET", "/fapi/v2/account?timestamp=abc&signature=00", { "X-MBX-APIKEY: " .. x.key }),
      400,
      -1102,
      "'timestamp'"
    )
    refused(x:signed("GET", "/fapi/v2/account", {}, { key = long }), 401, -2015)
    refused(
      x:signed("GET", "/fapi/v2/account", {}, { secret = "wrong" }),
      400,
      -1022,
      "Signature for this request is not valid."
    )
    refused(
      x:signed("GET", "/fapi/v2/account", {}, { stamp = lx.now_ms() - 6000 }),
      400,
      -1021,
      "outside of the recvWindow"
    )
    refused(
      x:signed("GET", "/fapi/v2/account", {}, { stamp = lx.now_ms() + 1500 }),
      400,
      -1021,
      "1000ms ahead"
    )
    assert.equal(
      200,
      x:signed("GET", "/fapi/v2/account", {}, { stamp = lx.now_ms() - 6000, window = 9000 }).status
    )
    refused(x:raw("GET", "/fapi/v1/historicalTrades?symbol=BTCUSDT"), 401, -2014)
    assert.equal(
      200,
      x:raw("GET", "/fapi/v1/historicalTrades?symbol=BTCUSDT", { "X-MBX-APIKEY: " .. x.key }).status
    )
  end)

  it("lets a reading key read and not trade", function()
    local o = { key = x.reading_key, secret = x.reading_secret }
    assert.equal(200, x:signed("GET", "/fapi/v2/account", {}, o).status)
    refused(x:signed("POST", "/fapi/v1/leverage", { symbol = "BTCUSDT", leverage = 5 }, o), 401, -2015)
    local path = "/sapi/v1/account/apiRestrictions"
    local rights = x:signed("GET", path, {}, o)
    assert.equal(200, rights.status)
    local created = rights.json.createTime
    assert.is_true(created <= lx.now_ms() and created > lx.now_ms() - 3600000)
    local want = {
      ipRestrict = false,
      createTime = created,
      enableReading = true,
      enableFutures = false,
      enableWithdrawals = false,
      enableInternalTransfer = false,
      permitsUniversalTransfer = false,
      enableMargin = false,
      enableSpotAndMarginTrading = false,
      enableVanillaOptions = false,
      enablePortfolioMarginTrading = false,
    }
    assert.same(want, rights.json)
    want.enableFutures = true
    assert.same(want, x:signed("GET", path).json)
    refused(x:signed("GET", path, {}, { secret = "wrong" }), 400, -1022)
    refused(x:raw("GET", path), 401, -2014)
    refused(x:signed("POST", path), 404, -5000)
  end)

  it("refuses orders with the code of each reason", function()
    local bid, ask = x:best()
    local function price(factor) return ("%.1f"):format(bid * factor) end
    refused(x:order { price = price(0.97), symbol = "NOSUCH" }, 400, -1121)
    refused(x:order { price = price(0.97), side = "HOLD" }, 400, -1117)
    refused(x:order { price = price(0.97), type = "WISH" }, 400, -1116)
    refused(x:order { price = price(0.97), timeInForce = "NOW" }, 400, -1115)
    refused(x:order { price = price(0.97), newOrderRespType = "FULL" }, 400, -1136)
    refused(x:order { price = price(0.97), quantity = "x" }, 400, -1102, "'quantity'")
    refused(x:order { price = price(0.97), quantity = "0.0100000001" }, 400, -1111)
    refused(x:order { price = price(0.97), quantity = "0.0105" }, 400, -1111)
    refused(x:order { price = price(0.97) .. "5" }, 400, -4014)
    refused(x:order { price = price(0.97), quantity = "0.000" }, 400, -4003)
    refused(x:order { price = price(0.97), quantity = "5000" }, 400, -4005)
    refused(x:order { price = price(0.97), quantity = "0.0" .. "00" }, 400, -4003)
    refused(x:order { price = price(1.2) }, 400, -4016)
    refused(
      x:order { price = ("%.2f"):format(x:best "ETHUSDT" * 0.97), quantity = "0.001", symbol = "ETHUSDT" },
      400,
      -4164
    )
    refused(x:order { price = price(0.97), quantity = "9" }, 400, -2019, "Margin is insufficient.")
    refused(x:order { price = price(0.97), reduceOnly = "true", side = "SELL" }, 400, -2022)
    refused(x:order { price = price(0.97), positionSide = "LONG" }, 400, -4061)
    refused(x:order { type = "MARKET", timeInForce = "GTC" }, 400, -1106)
    refused(x:order { type = "STOP_MARKET", stopPrice = price(0.9) }, 400, -4120)
    refused(x:order { price = ("%.1f"):format(ask * 1.01), timeInForce = "GTX" }, 400, -5022)
    refused(x:order { price = price(0.97), timeInForce = "FOK" }, 400, -5021)
    refused(x:order { price = price(0.97), newClientOrderId = ("a"):rep(37) }, 400, -4015)
    refused(x:order { price = price(0.97), newClientOrderId = "a b" }, 400, -1100)
    refused(
      x:signed("GET", "/fapi/v1/order", { symbol = "BTCUSDT", orderId = 1 }),
      400,
      -2013,
      "Order does not exist."
    )
    refused(
      x:signed("DELETE", "/fapi/v1/order", { symbol = "BTCUSDT", orderId = 1 }),
      400,
      -2011,
      "Unknown order sent."
    )
    refused(
      x:signed("GET", "/fapi/v1/order", { symbol = "BTCUSDT" }),
      400,
      -1102,
      "Param 'origClientOrderId' or 'orderId' must be sent"
    )
    refused(x:signed("PUT", "/fapi/v1/listenKey", {}), 400, -1125)
    refused(
      x:signed("POST", "/fapi/v1/marginType", { symbol = "BTCUSDT", marginType = "CROSSED" }),
      400,
      -4046,
      "No need to change margin type."
    )
    refused(x:signed("POST", "/fapi/v1/positionSide/dual", { dualSidePosition = "false" }), 400, -4059)
    refused(x:signed("POST", "/fapi/v1/multiAssetsMargin", { multiAssetsMargin = "false" }), 400, -4171)
  end)

  it("places, queries, amends and cancels; a client id is taken once while open", function()
    local bid = x:best()
    local price = ("%.1f"):format(math.floor(bid * 0.98))
    local made = x:order { price = price, newClientOrderId = "mine-1" }
    assert.equal(200, made.status, made.body)
    assert.equal("NEW", made.json.status)
    assert.truthy(made.head["x-mbx-order-count-10s"])
    assert.truthy(made.head["x-mbx-order-count-1m"])
    refused(x:order { price = price, newClientOrderId = "mine-1" }, 400, -4116)
    local found = x:signed("GET", "/fapi/v1/order", { symbol = "BTCUSDT", origClientOrderId = "mine-1" }).json
    assert.equal(made.json.orderId, found.orderId)
    assert.is_number(found.time)
    local put = x:signed("PUT", "/fapi/v1/order", {
      symbol = "BTCUSDT",
      side = "BUY",
      orderId = made.json.orderId,
      quantity = "0.02",
      price = ("%.1f"):format(math.floor(bid * 0.97)),
    })
    assert.equal("0.020", put.json.origQty)
    assert.equal("BTCUSDT", put.json.pair)
    assert.is_nil(put.json.modifyId)
    put = x:signed("PUT", "/fapi/v1/order", {
      symbol = "BTCUSDT",
      side = "BUY",
      orderId = made.json.orderId,
      quantity = "0.03",
      price = price,
      modifyId = "77",
    })
    assert.equal(77, put.json.modifyId)
    local level = x:public("/fapi/v1/depth", { symbol = "BTCUSDT", limit = 1000 }).json
    assert.is_table(level)
    assert.equal(1, #x:signed("GET", "/fapi/v1/openOrders", { symbol = "BTCUSDT" }).json)
    assert.equal(
      "CANCELED",
      x:signed("DELETE", "/fapi/v1/order", { symbol = "BTCUSDT", origClientOrderId = "mine-1" }).json.status
    )
    refused(
      x:signed("GET", "/fapi/v1/openOrder", { symbol = "BTCUSDT", origClientOrderId = "mine-1" }),
      400,
      -2013
    )
    assert.equal(0, #x:signed("GET", "/fapi/v1/openOrders", {}).json)
  end)

  it("fills a market order from the book, level by level, and closes the position again", function()
    local book = x:public("/fapi/v1/depth", { symbol = "SOLUSDT", limit = 20 }).json
    local bought = x:order { symbol = "SOLUSDT", type = "MARKET", quantity = "100" }
    assert.equal(200, bought.status, bought.body)
    assert.equal("FILLED", bought.json.status)
    local average = tonumber(bought.json.avgPrice)
    local bid = tonumber(book.bids[1][1]) -- of a moment ago
    assert.is_true(average > bid * 0.99 and average < bid * 1.01, bought.body)
    local worst = 0
    local trades =
      x:signed("GET", "/fapi/v1/userTrades", { symbol = "SOLUSDT", orderId = bought.json.orderId }).json
    local sum, paid = 0, 0
    for _, t in ipairs(trades) do
      sum, paid = sum + tonumber(t.qty), paid + tonumber(t.quoteQty)
      assert.is_true(tonumber(t.price) > worst, bought.body) -- each level is dearer than the one before
      worst = tonumber(t.price)
      assert.equal("USDT", t.commissionAsset)
      assert.is_false(t.maker)
    end
    assert.near(100, sum, 1e-9)
    assert.near(average, paid / sum, 1e-4)
    local position = x:signed("GET", "/fapi/v3/positionRisk", { symbol = "SOLUSDT" }).json[1]
    assert.near(100, tonumber(position.positionAmt), 1e-9)
    local old = x:signed("GET", "/fapi/v2/positionRisk", { symbol = "SOLUSDT" }).json[1]
    for _, field in ipairs { "leverage", "maxNotionalValue", "marginType", "isAutoAddMargin" } do
      assert.is_nil(position[field], field)
      assert.is_string(old[field], field)
    end
    for _, field in ipairs { "initialMargin", "maintMargin", "adl", "bidNotional", "marginAsset" } do
      assert.is_nil(old[field], field)
      assert.not_nil(position[field], field)
    end
    local wallet = tonumber(x:signed("GET", "/fapi/v3/account", {}).json.totalWalletBalance)
    local sold =
      x:order { symbol = "SOLUSDT", side = "SELL", type = "MARKET", quantity = "100", reduceOnly = "true" }
    assert.equal("FILLED", sold.json.status, sold.body)
    assert.equal(0, #x:signed("GET", "/fapi/v3/positionRisk", {}).json)
    local result = (tonumber(sold.json.avgPrice) - average) * 100
    local fee = tonumber(sold.json.cumQuote) * 0.0005
    assert.near(
      wallet + result - fee,
      tonumber(x:signed("GET", "/fapi/v3/account", {}).json.totalWalletBalance),
      0.01
    )
    local income = x:signed("GET", "/fapi/v1/income", { incomeType = "REALIZED_PNL" }).json
    assert.is_true(#income > 0)
  end)

  it("ACK is the order as accepted, RESULT as it ended", function()
    local ack = x:signed(
      "POST",
      "/fapi/v1/order",
      { symbol = "ETHUSDT", side = "BUY", type = "MARKET", quantity = "0.1" }
    ).json
    assert.equal("NEW", ack.status)
    assert.equal(
      "FILLED",
      x:signed("GET", "/fapi/v1/order", { symbol = "ETHUSDT", orderId = ack.orderId }).json.status
    )
    assert.equal(
      "FILLED",
      x:order { symbol = "ETHUSDT", side = "SELL", type = "MARKET", quantity = "0.1" }.json.status
    )
    local ioc = {
      symbol = "ETHUSDT",
      quantity = "0.1",
      price = ("%.2f"):format(x:best "ETHUSDT" * 0.97),
      timeInForce = "IOC",
    }
    assert.equal("EXPIRED", x:order(ioc).json.status)
    ioc.newOrderRespType = "ACK"
    assert.equal("NEW", x:order(ioc).json.status)
  end)

  it("a resting order is filled by other traders when its turn comes", function()
    local bid = x:best()
    local o = x:order { price = ("%.1f"):format(bid), quantity = "0.003", newClientOrderId = "maker" }
    assert.equal(200, o.status, o.body)
    x:raw("POST", "/moontide/shock?symbol=BTCUSDT&factor=0.998", {}, "") -- the price might have walked away from it
    local filled = lx.wait_for("a fill of the resting order", function()
      local now = x:signed("GET", "/fapi/v1/order", { symbol = "BTCUSDT", origClientOrderId = "maker" }).json
      return now.status == "FILLED" and now
    end)
    assert.equal(("%.2f"):format(bid), filled.price)
    assert.is_true(
      x:signed("GET", "/fapi/v1/userTrades", { symbol = "BTCUSDT", orderId = filled.orderId }).json[1].maker
    )
    assert.equal(
      "FILLED",
      x:order { type = "MARKET", side = "SELL", quantity = "0.003", reduceOnly = "true" }.json.status
    )
  end)

  it("expires the older of the account's own orders that would meet", function()
    local _, ask = x:best "XRPUSDT"
    local resting =
      x:order { symbol = "XRPUSDT", side = "SELL", quantity = "100", price = ("%.4f"):format(ask) }.json
    local taker = x:order {
      symbol = "XRPUSDT",
      side = "BUY",
      quantity = "150000",
      price = ("%.4f"):format(ask * 1.001),
    }.json
    assert.equal(
      "EXPIRED_IN_MATCH",
      x:signed("GET", "/fapi/v1/order", { symbol = "XRPUSDT", orderId = resting.orderId }).json.status
    )
    x:signed("DELETE", "/fapi/v1/allOpenOrders", { symbol = "XRPUSDT" })
    if tonumber(taker.executedQty) > 0 then
      x:order {
        symbol = "XRPUSDT",
        side = "SELL",
        type = "MARKET",
        quantity = taker.executedQty,
        reduceOnly = "true",
      }
    end
  end)

  it("a batch answers entry by entry, and is cancelled by lists of either id", function()
    local bid = x:best()
    local p = ("%.1f"):format(math.floor(bid * 0.975))
    local function entry(t)
      return ('{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"%s","price":%s,"newClientOrderId":"%s"}'):format(
        t[1],
        t[2],
        t[3]
      )
    end
    local batch = "["
      .. entry { "0.01", '"' .. p .. '"', "b1" }
      .. ","
      .. entry { "0.01", p, "b2" }
      .. ","
      .. entry { "x", '"' .. p .. '"', "b3" }
      .. "]"
    local reply = x:signed("POST", "/fapi/v1/batchOrders", { batchOrders = batch })
    assert.equal(200, reply.status, reply.body)
    assert.equal("NEW", reply.json[1].status)
    assert.equal("NEW", reply.json[2].status)
    assert.equal(-1102, reply.json[3].code)
    local unread = {
      { '"newClientOrderId":"two words"', -1100 },
      { '"newClientOrderId":"' .. ("a"):rep(37) .. '"', -4015 },
      { '"reduceOnly":"maybe"', -1102 },
      { '"positionSide":"UP"', -4060 },
      { '"price":1e-9', -1111 },
      { '"side":{}', -1117 },
      { '"newOrderRespType":""', -1105 },
    }
    for _, case in ipairs(unread) do -- what cannot be read is never left out of an order that is placed
      local one = entry { "0.01", p, "b4" }:gsub("}$", "," .. case[1] .. "}")
      if case[1]:find '"price"' then one = one:gsub(',"price":[%d.]+', "", 1) end
      if case[1]:find '"side"' then one = one:gsub('"side":"BUY",', "", 1) end
      if case[1]:find '"newClient' then one = one:gsub(',"newClientOrderId":"b4"', "", 1) end
      assert.equal(
        case[2],
        x:signed("POST", "/fapi/v1/batchOrders", { batchOrders = "[" .. one .. "]" }).json[1].code,
        one
      )
    end
    refused(x:signed("POST", "/fapi/v1/batchOrders", { batchOrders = "[]x" }), 400, -1130)
    assert.equal(2, #x:signed("GET", "/fapi/v1/openOrders", { symbol = "BTCUSDT" }).json)
    local gone = x:signed(
      "DELETE",
      "/fapi/v1/batchOrders",
      { symbol = "BTCUSDT", origClientOrderIdList = '["b1","b2","b3"]' }
    ).json
    assert.equal("CANCELED", gone[1].status)
    assert.equal("CANCELED", gone[2].status)
    assert.same({ code = -2011, msg = "Unknown order sent." }, gone[3])
    local many = {}
    for i = 1, 6 do
      many[i] = entry { "0.01", '"' .. p .. '"', "m" .. i }
    end
    refused(
      x:signed("POST", "/fapi/v1/batchOrders", { batchOrders = "[" .. table.concat(many, ",") .. "]" }),
      400,
      -4082
    )
    refused(x:signed("POST", "/fapi/v1/batchOrders", { batchOrders = "{}" }), 400, -1130)
  end)

  it("refuses rows out of bounds: too many, too long a time, an end before its start", function()
    local now = lx.now_ms()
    local function stamp(ms) return ("%.0f"):format(ms) end
    for _, case in ipairs {
      { "/fapi/v1/klines", { interval = "1m", startTime = stamp(now), endTime = stamp(now - 1) }, -1023 },
      {
        "/fapi/v1/aggTrades",
        { startTime = stamp(now - 3600001), endTime = stamp(now) },
        -1127,
        "More than 1 hours between",
      },
      { "/fapi/v1/aggTrades", { fromId = 1, startTime = stamp(now) }, -1128 },
      { "/fapi/v1/fundingRate", { limit = 1001 }, -1130 },
      { "/fapi/v1/trades", { limit = 0 }, -1130 },
      {
        "/fapi/v1/continuousKlines",
        { pair = "BTCUSDT", contractType = "NEXT_YEAR", interval = "1m" },
        -4104,
      },
      { "/fapi/v1/continuousKlines", { pair = "BTCUSDT", interval = "1m" }, -1102, "'contractType'" },
      { "/fapi/v1/klines", { interval = "1mo" }, -1120 },
      { "/fapi/v1/indexPriceKlines", { interval = "1m" }, -1102, "'pair'" },
      { "/fapi/v1/indexPriceKlines", { pair = "NOSUCH", interval = "1m" }, -4144 },
    } do
      case[2].symbol = "BTCUSDT"
      refused(x:public(case[1], case[2]), 400, case[3], case[4])
    end
    for _, case in ipairs {
      {
        "/fapi/v1/allOrders",
        { startTime = stamp(now - 8 * 86400000), endTime = stamp(now) },
        -4165,
        "7 days",
      },
      { "/fapi/v1/userTrades", { fromId = 1, endTime = stamp(now) }, -1128 },
      { "/fapi/v1/income", { limit = 1001 }, -1130 },
      { "/fapi/v1/forceOrders", { limit = 101 }, -1130 },
      { "/fapi/v1/allAlgoOrders", { limit = 0 }, -1130 },
    } do
      case[2].symbol = "BTCUSDT"
      refused(x:signed("GET", case[1], case[2]), 400, case[3], case[4])
    end
    local first =
      x:public("/fapi/v1/klines", { symbol = "BTCUSDT", interval = "1m", startTime = 0, limit = 1 }).json[1]
    assert.is_true(first[1] < now - 2 * 86400000) -- from the beginning, not the latest
  end)

  it("rows up to a time are the latest before it", function()
    local list = x:public("/fapi/v1/aggTrades", { symbol = "BTCUSDT", limit = 40 }).json
    local at = list[20]
    local before =
      x:public("/fapi/v1/aggTrades", { symbol = "BTCUSDT", endTime = ("%.0f"):format(at.T), limit = 5 }).json
    assert.equal(5, #before)
    assert.is_true(before[5].T <= at.T and before[5].a >= at.a, before[5].a .. " after " .. at.a)
    for i = 2, 5 do
      assert.equal(before[i - 1].a + 1, before[i].a)
    end
    for _ = 1, 3 do
      assert.equal("FILLED", x:order({ type = "MARKET", quantity = "0.002" }).json.status)
    end
    local trades = x:signed("GET", "/fapi/v1/userTrades", { symbol = "BTCUSDT" }).json
    local stamp = ("%.0f"):format(trades[#trades].time) -- of that millisecond too
    for _, path in ipairs { "userTrades", "allOrders", "income" } do
      local rows =
        x:signed("GET", "/fapi/v1/" .. path, { symbol = "BTCUSDT", startTime = stamp, endTime = stamp }).json
      assert.is_true(#rows >= 1, path)
    end
    assert.equal(
      "FILLED",
      x:order({ side = "SELL", type = "MARKET", quantity = "0.006", reduceOnly = "true" }).json.status
    )
    local paid = x:public("/fapi/v1/fundingRate", { symbol = "BTCUSDT" }).json
    local until_ = x:public(
      "/fapi/v1/fundingRate",
      { symbol = "BTCUSDT", endTime = ("%.0f"):format(paid[#paid - 1].fundingTime), limit = 2 }
    ).json
    assert.same({ paid[#paid - 2], paid[#paid - 1] }, until_)
  end)

  it("keeps conditional orders apart, and turns one into an order when its price comes", function()
    local bid, ask = x:best "BNBUSDT"
    assert.equal("FILLED", x:order { symbol = "BNBUSDT", type = "MARKET", quantity = "1" }.json.status)
    local algo = x:signed("POST", "/fapi/v1/algoOrder", {
      algoType = "CONDITIONAL",
      symbol = "BNBUSDT",
      side = "SELL",
      type = "STOP_MARKET",
      closePosition = "true",
      triggerPrice = ("%.2f"):format(bid * 0.99),
      clientAlgoId = "stop-1",
    })
    assert.equal(200, algo.status, algo.body)
    assert.equal("NEW", algo.json.algoStatus)
    assert.same({ "", "" }, { algo.json.activatePrice, algo.json.callbackRate })
    assert.truthy(algo.body:find('"icebergQuantity":null', 1, true))
    assert.equal(0, #x:signed("GET", "/fapi/v1/openOrders", { symbol = "BNBUSDT" }).json)
    assert.equal(1, #x:signed("GET", "/fapi/v1/openAlgoOrders", { symbol = "BNBUSDT" }).json)
    refused(
      x:signed("POST", "/fapi/v1/algoOrder", {
        algoType = "CONDITIONAL",
        symbol = "BNBUSDT",
        side = "SELL",
        type = "STOP_MARKET",
        quantity = "1",
        triggerPrice = ("%.2f"):format(ask * 1.02),
      }),
      400,
      -2021
    )
    assert.equal(200, x:raw("POST", "/moontide/shock?symbol=BNBUSDT&factor=0.97", {}, "").status)
    local done = lx.wait_for("the stop to trigger", function()
      local now = x:signed("GET", "/fapi/v1/algoOrder", { clientAlgoId = "stop-1" }).json
      return now.algoStatus == "FINISHED" and now
    end)
    local order = x:signed("GET", "/fapi/v1/order", { symbol = "BNBUSDT", orderId = done.actualOrderId }).json
    assert.equal("FILLED", order.status)
    assert.equal("STOP_MARKET", order.origType)
    assert.equal(0, #x:signed("GET", "/fapi/v3/positionRisk", {}).json)
  end)

  it("matches a price with the book on request", function()
    lx.wait_for(
      "bids again, after what others have taken",
      function() return #x:public("/fapi/v1/depth", { symbol = "BTCUSDT", limit = 50 }).json.bids == 50 end
    )
    local reply = x:signed("POST", "/fapi/v1/order", {
      symbol = "BTCUSDT",
      side = "BUY",
      type = "LIMIT",
      timeInForce = "GTC",
      quantity = "0.002",
      priceMatch = "QUEUE_20",
      newOrderRespType = "RESULT",
    })
    local o = reply.json
    assert.equal("QUEUE_20", o.priceMatch, reply.body)
    assert.is_true(tonumber(o.price) < x:best() * 1.01)
    assert.equal(
      "CANCELED",
      x:signed("DELETE", "/fapi/v1/order", { symbol = "BTCUSDT", orderId = o.orderId }).json.status
    )
    refused(x:order { price = "60000", priceMatch = "QUEUE" }, 400, -1106)
  end)

  it("hedge mode wants a side and refuses reduceOnly", function()
    assert.equal(200, x:signed("POST", "/fapi/v1/positionSide/dual", { dualSidePosition = "true" }).status)
    refused(x:order { type = "MARKET" }, 400, -4061)
    refused(x:order { type = "MARKET", positionSide = "LONG", reduceOnly = "true" }, 400, -1106)
    assert.equal("FILLED", x:order { type = "MARKET", positionSide = "LONG", quantity = "0.003" }.json.status)
    assert.equal(
      "FILLED",
      x:order { type = "MARKET", side = "SELL", positionSide = "SHORT", quantity = "0.004" }.json.status
    )
    assert.equal(2, #x:signed("GET", "/fapi/v3/positionRisk", {}).json)
    x:order { type = "MARKET", side = "SELL", positionSide = "LONG", quantity = "0.003" }
    x:order { type = "MARKET", side = "BUY", positionSide = "SHORT", quantity = "0.004" }
    assert.equal(0, #x:signed("GET", "/fapi/v3/positionRisk", {}).json)
    assert.equal(200, x:signed("POST", "/fapi/v1/positionSide/dual", { dualSidePosition = "false" }).status)
  end)

  it("cancels all when a countdown runs out", function()
    local bid = x:best()
    x:order { price = ("%.1f"):format(math.floor(bid * 0.97)) }
    local reply =
      x:signed("POST", "/fapi/v1/countdownCancelAll", { symbol = "BTCUSDT", countdownTime = 200 }).json
    assert.same({ symbol = "BTCUSDT", countdownTime = "200" }, reply)
    lx.wait_for(
      "the countdown",
      function() return #x:signed("GET", "/fapi/v1/openOrders", { symbol = "BTCUSDT" }).json == 0 end
    )
  end)

  it(
    "tells the multi-assets mode wherever it is asked for, and refuses what it forbids with code and text",
    function()
      local function mode(on)
        return x:signed("POST", "/fapi/v1/multiAssetsMargin", { multiAssetsMargin = tostring(on) })
      end
      x:signed("DELETE", "/fapi/v1/algoOpenOrders", { symbol = "BTCUSDT" })
      local open = x:order { price = ("%.1f"):format(math.floor(x:best() * 0.97)) }.json
      refused(mode(true), 400, -4170, "Unable to adjust Multi-Assets Mode with open orders")
      assert.equal(
        "CANCELED",
        x:signed("DELETE", "/fapi/v1/order", { symbol = "BTCUSDT", orderId = open.orderId }).json.status
      )
      assert.equal(
        200,
        x:signed("POST", "/fapi/v1/marginType", { symbol = "XRPUSDT", marginType = "ISOLATED" }).status
      )
      refused(mode(true), 400, -4167, "under isolated-margin mode.")
      assert.equal(
        200,
        x:signed("POST", "/fapi/v1/marginType", { symbol = "XRPUSDT", marginType = "CROSSED" }).status
      )
      assert.is_false(x:signed("GET", "/fapi/v1/accountConfig", {}).json.multiAssetsMargin)
      assert.equal(200, mode(true).status)
      for _, path in ipairs { "/fapi/v1/accountConfig", "/fapi/v2/account", "/fapi/v1/multiAssetsMargin" } do
        assert.is_true(x:signed("GET", path, {}).json.multiAssetsMargin, path)
      end
      refused(
        x:signed("POST", "/fapi/v1/marginType", { symbol = "XRPUSDT", marginType = "ISOLATED" }),
        400,
        -4168,
        "under the Multi-Assets mode."
      )
      assert.equal(200, mode(false).status)
    end
  )

  it(
    "pages income, lists orders of all symbols, and answers a conditional order without an id as a missing parameter",
    function()
      assert.equal("FILLED", x:order { type = "MARKET", quantity = "0.004" }.json.status)
      assert.equal("FILLED", x:order { symbol = "ETHUSDT", type = "MARKET", quantity = "0.02" }.json.status)
      local function income(t) return x:signed("GET", "/fapi/v1/income", t).json end
      local all = income { limit = 1000 }
      assert.is_true(#all >= 2)
      local start = all[1].time
      local pages = { income { limit = 1, page = 1 }, income { limit = 1, page = 2 } }
      assert.same({ all[#all], all[#all - 1] }, { pages[1][1], pages[2][1] })
      assert.same(
        { all[1], all[2] },
        { income({ startTime = start, limit = 1 })[1], income({ startTime = start, limit = 1, page = 2 })[1] }
      )
      assert.same({}, income { limit = 1000, page = 2 })
      refused(x:signed("GET", "/fapi/v1/income", { page = 0 }), 400, -1130, "'page'")
      local seen = {}
      for _, o in ipairs(x:signed("GET", "/fapi/v1/allOrders", {}).json) do
        seen[o.symbol] = true
      end
      assert.is_true(seen.BTCUSDT and seen.ETHUSDT)
      refused(x:signed("GET", "/fapi/v1/algoOrder", {}), 400, -1102, "'algoId'")
      assert.same({}, x:signed("GET", "/fapi/v1/forceOrders", { autoCloseType = "ADL" }).json)
      refused(
        x:signed("GET", "/fapi/v1/forceOrders", { autoCloseType = "NONE" }),
        400,
        -1130,
        "'autoCloseType'"
      )
    end
  )

  it(
    "amends a post-only order up to the book's other side, whatever the last price, and reduceOnly of a plain one not at all",
    function()
      local y = lx.start { "--symbols", "BTCUSDT", "--rate", "0.01" } -- a market that all but stands still
      finally(function() y:stop() end)
      local o = y:order { timeInForce = "GTX", price = ("%.1f"):format(math.floor(y:best() * 0.97)) }.json
      local function amend(t)
        t.symbol, t.side, t.quantity, t.orderId = "BTCUSDT", "BUY", "0.010", o.orderId
        return y:signed("PUT", "/fapi/v1/order", t)
      end
      refused(amend { price = o.price, reduceOnly = "true" }, 400, -5047, "not a reduce-only order.")
      local sold = y:order { side = "SELL", type = "MARKET", quantity = "0.001" }.json -- the last price is the bid's
      local bid, ask = y:best()
      assert.is_true(tonumber(sold.avgPrice) < ask)
      local at_last = amend { price = ("%.1f"):format(math.max(tonumber(sold.avgPrice), bid)) }
      assert.equal("NEW", at_last.json.status, at_last.body)
      assert.equal("CANCELED", amend({ price = ("%.1f"):format(ask + 1) }).json.status)
    end
  )

  it("takes the price of a conditional order from the book as it triggers", function()
    local function algo(t)
      t.algoType, t.symbol, t.side, t.quantity = "CONDITIONAL", "BNBUSDT", "SELL", "1"
      return x:signed("POST", "/fapi/v1/algoOrder", t)
    end
    local bid = x:best "BNBUSDT"
    local stop = ("%.2f"):format(bid * 0.99)
    refused(
      algo { type = "STOP", triggerPrice = stop, price = stop, priceMatch = "QUEUE" },
      400,
      -1106,
      "'price'"
    )
    refused(algo { type = "STOP_MARKET", triggerPrice = stop, priceMatch = "QUEUE" }, 400, -5038)
    local now, tries = nil, 0
    lx.wait_for("the stop to trigger", function()
      -- A shock can leave fewer than five levels; then it is rejected (-5041), and another one takes its place.
      if not now or now.algoStatus == "REJECTED" then
        tries = tries + 1
        local lower = ("%.2f"):format(x:best "BNBUSDT" * 0.99)
        local id = "matched-" .. tries
        local made =
          algo { type = "STOP", triggerPrice = lower, priceMatch = "OPPONENT_5", clientAlgoId = id }
        assert.equal("OPPONENT_5", made.json.priceMatch, made.body)
        assert.equal(200, x:raw("POST", "/moontide/shock?symbol=BNBUSDT&factor=0.97", {}, "").status)
      end
      now = x:signed("GET", "/fapi/v1/algoOrder", { clientAlgoId = "matched-" .. tries }).json
      return now.actualOrderId ~= ""
    end)
    local order = x:signed("GET", "/fapi/v1/order", { symbol = "BNBUSDT", orderId = now.actualOrderId }).json
    assert.equal("OPPONENT_5", order.priceMatch)
    assert.equal("LIMIT", order.type)
    assert.is_true(tonumber(order.price) > 0 and tonumber(order.price) < bid)
    x:signed("DELETE", "/fapi/v1/allOpenOrders", { symbol = "BNBUSDT" })
    x:order { symbol = "BNBUSDT", type = "MARKET", quantity = "1", reduceOnly = "true" }
  end)

  it("takes RSA and Ed25519 keys", function()
    local folder = require("spec.support.run").folder()
    os.execute(
      (
        "openssl genpkey -algorithm ed25519 -out %s/ed.pem 2>/dev/null; openssl pkey -in %s/ed.pem -pubout -out %s/ed.pub; "
        .. "openssl genrsa -out %s/rsa.pem 2048 2>/dev/null; openssl pkey -in %s/rsa.pem -pubout -out %s/rsa.pub"
      ):format(folder, folder, folder, folder, folder, folder)
    )
    local other = lx.start {
      "--public-key",
      folder .. "/ed.pub",
      "--public-key",
      folder .. "/rsa.pub",
      "--symbols",
      "BTCUSDT",
    }
    finally(function()
      other:stop()
      require("spec.support.run").remove(folder)
    end)
    for kind, name in pairs { [tonumber(C.KEY_ED25519)] = "Ed25519", [tonumber(C.KEY_RSA)] = "RSA" } do
      local id = other.banner:match(name .. " key%s+(%x+)")
      local text = require("spec.support.run").read(folder .. (name == "RSA" and "/rsa.pem" or "/ed.pem"))
      local key, message, out =
        ffi.new "struct signing_key *[1]", ffi.new "struct errmsg", ffi.new "char[1400]"
      assert.equal(0, C.signing_key_new(kind, text, key, message))
      local query = ("timestamp=%.0f"):format(lx.now_ms())
      assert.equal(0, C.signature_make(key[0], query, #query, out))
      C.signing_key_free(key[0])
      local signed = query .. "&" .. lx.query { signature = ffi.string(out) }
      local reply = other:raw("GET", "/fapi/v3/balance?" .. signed, { "X-MBX-APIKEY: " .. id })
      assert.equal(200, reply.status, name .. " " .. reply.body)
      refused(
        other:raw("GET", "/fapi/v3/balance?recvWindow=4000&" .. signed, { "X-MBX-APIKEY: " .. id }),
        400,
        -1022
      )
    end
  end)
end)
