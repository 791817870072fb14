-- The local exchange's WebSocket side over real sockets: market streams, the user data stream, control messages.
local lx = require "spec.support.local_exchange"
local websocket = require "spec.support.websocket"

describe("moontide exchange: streams", function()
  local x, open
  setup(function() x = lx.start { "--no-limits", "--rate", "60" } end)
  teardown(function() x:stop() end)
  before_each(function() open = {} end)
  after_each(function()
    for _, s in ipairs(open) do
      s:close()
    end
  end)

  local function connect(path)
    local s, status = websocket.open(x.port, path)
    assert.is_truthy(s, path .. " answered " .. tostring(status))
    open[#open + 1] = s
    return s
  end

  local shapes = {
    { "/public/ws/btcusdt@bookTicker", "bookTicker", { "u", "s", "b", "B", "a", "A", "T", "E" } },
    { "/public/ws/btcusdt@trade", "trade", { "t", "p", "q", "X", "m", "T" } },
    { "/public/ws/btcusdt@depth@100ms", "depthUpdate", { "U", "u", "pu", "b", "a" } },
    { "/public/ws/btcusdt@depth20@500ms", "depthUpdate", { "U", "u", "pu", "b", "a" } },
    { "/public/ws/!bookTicker", "bookTicker", { "u", "s", "b", "a" } },
    { "/market/ws/btcusdt@aggTrade", "aggTrade", { "a", "p", "q", "nq", "f", "l", "T", "m" } },
    { "/market/ws/btcusdt@kline_1m", "kline", { "k" } },
    { "/market/ws/btcusdt_perpetual@continuousKline_1m", "continuous_kline", { "ps", "ct", "k" } },
    { "/market/ws/btcusdt@markPrice@1s", "markPriceUpdate", { "p", "i", "P", "r", "T" } },
    { "/market/ws/btcusdt@miniTicker", "24hrMiniTicker", { "c", "o", "h", "l", "v", "q" } },
    { "/market/ws/btcusdt@ticker", "24hrTicker", { "p", "P", "w", "c", "Q", "O", "C", "F", "L", "n" } },
  }
  it("each stream pushes its event in its shape", function()
    local sockets = {}
    for i, shape in ipairs(shapes) do
      sockets[i] = connect(shape[1])
    end
    for i, shape in ipairs(shapes) do
      local e = sockets[i]:json()
      assert.is_table(e, shape[1])
      assert.equal(shape[2], e.e, shape[1])
      assert.is_number(e.E, shape[1])
      for _, field in ipairs(shape[3]) do
        assert.not_nil(e[field], shape[1] .. " lacks " .. field)
      end
    end
  end)

  it("all-market streams are lists of every symbol", function()
    local names, sockets = { "!miniTicker@arr", "!ticker@arr", "!markPrice@arr@1s" }, {}
    for i, name in ipairs(names) do
      sockets[i] = connect("/market/ws/" .. name)
    end
    for i, name in ipairs(names) do
      assert.equal(5, #sockets[i]:json(), name)
    end
  end)

  it("a book kept by snapshot and U, u, pu is the exchange's own book", function()
    local s = connect "/public/ws/btcusdt@depth@100ms"
    local first = s:json()
    local snapshot = x:public("/fapi/v1/depth", { symbol = "BTCUSDT", limit = 1000 }).json
    local sides = { b = {}, a = {} }
    for _, l in ipairs(snapshot.bids) do
      sides.b[l[1]] = l[2]
    end
    for _, l in ipairs(snapshot.asks) do
      sides.a[l[1]] = l[2]
    end
    local last, events, e = nil, 0, first
    while events < 15 do
      if last then assert.equal(last, e.pu, "the chain breaks") end
      if e.u >= snapshot.lastUpdateId then
        if events == 0 then
          assert.is_true(e.U <= snapshot.lastUpdateId + 1, "a gap before the first event")
        end
        for side, levels in pairs(sides) do
          for _, l in ipairs(e[side]) do
            levels[l[1]] = tonumber(l[2]) > 0 and l[2] or nil
          end
        end
        events = events + 1
      end
      last = e.u
      e = s:json()
    end
    -- A snapshot as of a known event: ask until one falls on the chain's end.
    for _ = 1, 200 do
      local again = x:public("/fapi/v1/depth", { symbol = "BTCUSDT", limit = 20 }).json
      while e and e.u <= again.lastUpdateId do
        for side, levels in pairs(sides) do
          for _, l in ipairs(e[side]) do
            levels[l[1]] = tonumber(l[2]) > 0 and l[2] or nil
          end
        end
        last, e = e.u, s:json()
      end
      if last == again.lastUpdateId then
        for _, l in ipairs(again.bids) do
          assert.equal(l[2], sides.b[l[1]], "bid " .. l[1])
        end
        for _, l in ipairs(again.asks) do
          assert.equal(l[2], sides.a[l[1]], "ask " .. l[1])
        end
        return
      end
    end
    error "no snapshot fell on an event"
  end)

  it("trades of a stream follow each other without a hole and add up to their aggregates", function()
    local s = connect "/public/stream?streams=ethusdt@trade"
    local before
    for _ = 1, 40 do
      local m = s:json()
      assert.equal("ethusdt@trade", m.stream)
      if before then assert.equal(before + 1, m.data.t) end
      before = m.data.t
    end
  end)

  it("subscribes, lists, unsubscribes and sets properties, echoing ids of any kind", function()
    local s = connect "/market/ws"
    s:ask { method = "SUBSCRIBE", params = { "btcusdt@markPrice@1s", "nosuch@aggTrade" }, id = 7 }
    local text = select(2, s:until_(function(m) return m.id ~= nil end))
    assert.equal('{"result":null,"id":7}', text)
    s:ask { method = "LIST_SUBSCRIPTIONS", id = "0123456789abcdef0123456789abcdef" }
    local listed = s:until_(function(m) return m.id == "0123456789abcdef0123456789abcdef" end)
    assert.same({ "btcusdt@markPrice@1s", "nosuch@aggTrade" }, listed.result)
    assert.equal("markPriceUpdate", s:until_(function(m) return m.e end).e)
    s:ask { method = "SET_PROPERTY", params = { "combined", true }, id = 8 }
    assert.equal("btcusdt@markPrice@1s", s:until_(function(m) return m.stream end).stream)
    s:ask { method = "UNSUBSCRIBE", params = { "btcusdt@markPrice@1s" }, id = 9 }
    s:until_(function(m) return m.id == 9 end)
    assert.is_nil(s:text(1.5))
    s:ask { method = "DANCE", id = 10 }
    local m = s:json()
    assert.equal(2, m.error.code)
    assert.truthy(m.error.msg:find("unknown variant DANCE", 1, true))
    s:ask { method = "GET_PROPERTY", params = { "nothing" }, id = 11 }
    assert.equal(0, s:json().error.code)
    s:send '{"method":"LIST_SUBSCRIPTIONS","id":12} and more'
    assert.equal(3, s:json().error.code)
    assert.is_false(s:text())
  end)

  it("a route carries its own families alone, an unrouted address the public ones", function()
    local a, b, c =
      connect "/public/ws/btcusdt@aggTrade",
      connect "/ws/btcusdt@aggTrade",
      connect "/market/ws/btcusdt@bookTicker"
    assert.is_nil(a:text(1))
    assert.is_nil(b:text(0.1))
    assert.is_nil(c:text(0.1))
    assert.equal("bookTicker", connect("/ws/btcusdt@bookTicker"):json().e)
    for _, path in ipairs { "/ws/", "/stream/", "/nowhere", "/public" } do
      local s, status = websocket.open(x.port, path)
      assert.is_nil(s, path)
      assert.equal(404, status, path)
    end
  end)

  it("a symbol in capitals is no stream's", function()
    local s = connect "/public/stream?streams=BTCUSDT@depth@100ms/btcusdt@bookTicker"
    for _ = 1, 20 do
      assert.equal("btcusdt@bookTicker", s:json().stream)
    end
  end)

  it("tells what is open on the symbol, and a conditional order from trigger to end", function()
    local key = x:raw("POST", "/fapi/v1/listenKey", { "X-MBX-APIKEY: " .. x.key }, "").json.listenKey
    local user = connect("/private/ws/" .. key)
    local bid = x:best "XRPUSDT"
    local low = ("%.4f"):format(bid * 0.98)
    for i = 1, 2 do
      x:order { symbol = "XRPUSDT", quantity = "100", price = low }
      local told = user:until_(function(m) return m.e == "ORDER_TRADE_UPDATE" and m.o.x == "NEW" end).o
      assert.near(i * 100 * tonumber(low), tonumber(told.b), 1e-6)
      assert.equal("0", told.a)
    end
    x:signed("DELETE", "/fapi/v1/allOpenOrders", { symbol = "XRPUSDT" })
    assert.equal("FILLED", x:order({ symbol = "XRPUSDT", type = "MARKET", quantity = "100" }).json.status)
    x:signed("POST", "/fapi/v1/algoOrder", {
      algoType = "CONDITIONAL",
      symbol = "XRPUSDT",
      side = "SELL",
      type = "STOP_MARKET",
      closePosition = "true",
      triggerPrice = low,
    })
    assert.equal(200, x:raw("POST", "/moontide/shock?symbol=XRPUSDT&factor=0.95", {}, "").status)
    local states, last = {}, nil
    user:until_(function(m)
      if m.e ~= "ALGO_UPDATE" then return false end
      states[#states + 1], last = m.o.X, m.o
      if m.o.X == "TRIGGERED" then assert.equal("MARKET 0", m.o.act .. " " .. m.o.aq) end
      return m.o.X == "FINISHED"
    end)
    assert.same({ "NEW", "TRIGGERING", "TRIGGERED", "FINISHED" }, states)
    assert.equal("MARKET 100", last.act .. " " .. last.aq)
    assert.truthy(last.ai:find "^%d+$")
  end)

  it("the user data stream tells an order's life in order, in each form of address", function()
    local key = x:raw("POST", "/fapi/v1/listenKey", { "X-MBX-APIKEY: " .. x.key }, "").json.listenKey
    assert.equal(64, #key)
    assert.equal(key, x:raw("POST", "/fapi/v1/listenKey", { "X-MBX-APIKEY: " .. x.key }, "").json.listenKey)
    local bare = connect("/private/ws/" .. key)
    local query = connect("/private/ws?listenKey=" .. key)
    local some = connect("/private/ws?listenKey=" .. key .. "&events=ACCOUNT_UPDATE")
    local combined = connect("/private/stream?listenKey=" .. key)
    local asked = connect "/private/stream"
    asked:ask { method = "SUBSCRIBE", params = { key }, id = 1 }
    asked:until_(function(m) return m.id == 1 end)
    local legacy = connect("/ws/" .. key)
    local made =
      x:order { symbol = "ETHUSDT", type = "MARKET", quantity = "0.02", newClientOrderId = "told" }.json
    local seen = {}
    for _, s in ipairs { bare, query } do
      local kinds = {}
      local filled = s:until_(function(m)
        kinds[#kinds + 1] = m.e == "ORDER_TRADE_UPDATE" and m.o.x or m.e
        if m.e == "ORDER_TRADE_UPDATE" then assert.equal("told", m.o.c) end
        return m.e == "ORDER_TRADE_UPDATE" and m.o.X == "FILLED"
      end)
      assert.equal(made.orderId, filled.o.i)
      assert.equal("NEW", kinds[1])
      assert.truthy(table.concat(kinds, " "):find "ACCOUNT_UPDATE TRADE_LITE TRADE")
      seen[#seen + 1] = table.concat(kinds, " ")
    end
    assert.equal(seen[1], seen[2])
    assert.equal("ACCOUNT_UPDATE", some:json().e)
    assert.equal(key, combined:json().stream)
    assert.equal("ORDER_TRADE_UPDATE", asked:json().data.e)
    assert.is_nil(legacy:text(0.3))
    x:signed("POST", "/fapi/v1/leverage", { symbol = "ETHUSDT", leverage = 7 })
    local config = bare:until_(function(m) return m.e == "ACCOUNT_CONFIG_UPDATE" end)
    assert.same({ s = "ETHUSDT", l = 7 }, config.ac)
    for _, mode in ipairs { true, false } do
      assert.equal(
        200,
        x:signed("POST", "/fapi/v1/multiAssetsMargin", { multiAssetsMargin = tostring(mode) }).status
      )
      assert.same({ j = mode }, bare:until_(function(m) return m.e == "ACCOUNT_CONFIG_UPDATE" end).ai)
    end
    x:order { symbol = "ETHUSDT", side = "SELL", type = "MARKET", quantity = "0.02", reduceOnly = "true" }
    assert.equal(200, x:raw("DELETE", "/fapi/v1/listenKey", { "X-MBX-APIKEY: " .. x.key }).status)
    local ended = bare:until_(function(m) return m.e == "listenKeyExpired" end)
    assert.equal(key, ended.listenKey)
    x:signed("POST", "/fapi/v1/leverage", { symbol = "ETHUSDT", leverage = 9 })
    assert.is_nil(bare:text(0.5))
    assert.is_true(
      key ~= x:raw("POST", "/fapi/v1/listenKey", { "X-MBX-APIKEY: " .. x.key }, "").json.listenKey
    )
  end)

  it("a liquidation is called for, executed and told on the streams", function()
    local key = x:raw("POST", "/fapi/v1/listenKey", { "X-MBX-APIKEY: " .. x.key }, "").json.listenKey
    local user, market = connect("/private/ws/" .. key), connect "/market/ws/solusdt@forceOrder"
    x:signed("POST", "/fapi/v1/marginType", { symbol = "SOLUSDT", marginType = "ISOLATED" })
    x:signed("POST", "/fapi/v1/leverage", { symbol = "SOLUSDT", leverage = 20 })
    assert.equal("FILLED", x:order { symbol = "SOLUSDT", type = "MARKET", quantity = "10" }.json.status)
    assert.equal(200, x:raw("POST", "/moontide/shock?symbol=SOLUSDT&factor=0.9", {}, "").status)
    local call = user:until_(function(m) return m.e == "MARGIN_CALL" end)
    assert.equal("ISOLATED", call.p[1].mt)
    local forced = user:until_(function(m) return m.e == "ORDER_TRADE_UPDATE" and m.o.x == "CALCULATED" end)
    assert.truthy(forced.o.c:find "^autoclose%-")
    assert.equal("SOLUSDT", market:json().o.s)
    assert.equal("LIQUIDATION", forced.o.o)
    local list =
      x:signed("GET", "/fapi/v1/forceOrders", { symbol = "SOLUSDT", autoCloseType = "LIQUIDATION" }).json
    assert.same({ 1, "LIMIT" }, { #list, list[1].type }) -- REST knows the types alone that an order may be made with
    assert.equal(
      "LIMIT",
      x:signed("GET", "/fapi/v1/order", { symbol = "SOLUSDT", orderId = list[1].orderId }).json.type
    )
  end)

  it("counts a client's frames and cuts one that sends more than ten a second", function()
    local s = connect "/market/ws"
    for i = 1, 14 do
      s:ask { method = "LIST_SUBSCRIPTIONS", id = i }
    end
    local ended
    for _ = 1, 20 do
      ended = s:text(1) == false
      if ended then break end
    end
    assert.is_true(ended)
    assert.equal(1008, s.close_code)
  end)

  it("pings with a payload, wants it back, and ends a connection's life", function()
    local short = lx.start { "--ping", "0.3", "--stream-life", "2.5", "--symbols", "BTCUSDT" }
    finally(function() short:stop() end)
    local alive, mute = websocket.open(short.port, "/market/ws"), websocket.open(short.port, "/market/ws")
    mute.mute = true
    local api = websocket.open(short.port, "/ws-fapi/v1") -- likewise, though its messages are not counted
    for i = 1, 20 do
      api:ask { id = i, method = "ticker.price", params = { symbol = "BTCUSDT" } }
    end
    for i = 1, 20 do
      assert.equal(i, api:json().id)
    end
    -- Both are read in turn, so that each answers its pings in time.
    local function still(s) return s:text(0.1) ~= false end
    local alive_open, api_open = true, true
    repeat
      alive_open, api_open = alive_open and still(alive), api_open and still(api)
    until not alive_open and not api_open
    for _, s in ipairs { alive, api } do
      assert.equal(1001, s.close_code)
      assert.is_true(s.pings >= 5, s.pings .. " pings")
      s:close()
    end
    assert.is_false(mute:text())
    assert.equal(1008, mute.close_code)
    mute:close()
  end)

  it("with --legacy-streams an unrouted address carries everything", function()
    local old = lx.start { "--legacy-streams", "--symbols", "BTCUSDT" }
    finally(function() old:stop() end)
    local s = websocket.open(old.port, "/ws/btcusdt@aggTrade/btcusdt@kline_1m")
    assert.is_table(s:until_(function(m) return m.e == "kline" end))
    local key = old:raw("POST", "/fapi/v1/listenKey", { "X-MBX-APIKEY: " .. old.key }, "").json.listenKey
    local user = websocket.open(old.port, "/stream?streams=" .. key)
    old:order { type = "MARKET", quantity = "0.003" }
    assert.equal(key, user:json().stream)
    s:close()
    user:close()
  end)
end)
