-- Limits, bans, faults and the audit of the local exchange.
local http = require "spec.support.http"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"
local websocket = require "spec.support.websocket"

-- Runs fn on an exchange of its own within one window of so many seconds: again, when a window has ended meanwhile.
local function within(window, arguments, fn)
  repeat
    local x = lx.start(arguments)
    local began = math.floor(lx.now_ms() / 1000 / window)
    local ok, problem = pcall(fn, x)
    local whole = math.floor(lx.now_ms() / 1000 / window) == began
    x:stop()
    if whole and not ok then error(problem, 0) end
  until whole
end

describe("moontide exchange: limits", function()
  it("counts weight exactly, answers 429 with Retry-After, and bans who goes on", function()
    within(60, { "--weight-limit", "20", "--symbols", "BTCUSDT" }, function(x)
      local last = 0
      for _ = 1, 10 do
        local reply = x:public("/fapi/v1/ticker/bookTicker", { symbol = "BTCUSDT" })
        assert.equal(200, reply.status)
        assert.equal(last + 2, tonumber(reply.head["x-mbx-used-weight-1m"]))
        last = last + 2
      end
      local over = x:public("/fapi/v1/ping")
      assert.equal(429, over.status)
      assert.equal(-1003, over.json.code)
      assert.truthy(over.json.msg:find("current limit is 20 requests per minute", 1, true))
      assert.is_true(tonumber(over.head["retry-after"]) <= 60)
      local banned
      local before = lx.now_ms()
      for _ = 1, 12 do
        banned = x:public("/fapi/v1/ping")
        if banned.status == 418 then break end
      end
      assert.equal(418, banned.status)
      local until_ms = tonumber(banned.json.msg:match "banned until (%d+)%.")
      assert.is_true(until_ms - 120000 >= before - 1 and until_ms - 120000 <= lx.now_ms(), until_ms)
      assert.near(120, tonumber(banned.head["retry-after"]), 2)
      local windows = x:audit().windows
      assert.is_true(windows[#windows].refused >= 10)
    end)
  end)

  it("counts orders in ten seconds and a minute and refuses with -1015; cancels go on", function()
    within(10, { "--order-limits", "5,100", "--symbols", "BTCUSDT" }, function(x)
      local price = ("%.1f"):format(math.floor(x:best() * 0.97))
      for i = 1, 5 do
        local reply = x:order { price = price, newClientOrderId = "n" .. i }
        assert.equal(200, reply.status, reply.body)
        assert.equal(i, tonumber(reply.head["x-mbx-order-count-10s"]))
        assert.equal(i, tonumber(reply.head["x-mbx-order-count-1m"]))
      end
      local over = x:order { price = price, newClientOrderId = "n6" }
      assert.equal(429, over.status)
      assert.equal(-1015, over.json.code)
      assert.equal(
        "CANCELED",
        x:signed("DELETE", "/fapi/v1/order", { symbol = "BTCUSDT", origClientOrderId = "n1" }).json.status
      )
      local refused = x:audit("?clientOrderId=n6").entries[1]
      assert.equal(-1015, refused.code)
      assert.is_false(refused.executed)
      assert.equal(-1100, x:order({ price = price, newClientOrderId = 'no"id' }).json.code)
      local entries = x:audit().entries
      assert.equal(-1100, entries[#entries].code)
      assert.equal("", entries[#entries].clientOrderId)
    end)
  end)
end)

describe("moontide exchange: faults", function()
  local x
  setup(function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT", "--rate", "100" } end)
  teardown(function() x:stop() end)
  after_each(function() x:no_faults() end)

  -- `lost`: no reply comes, and none is waited for long.
  local count = 0
  local function order(lost)
    local session = lost and http.session { timeout = 1 }
    count = count + 1
    local id = "f" .. count
    local price = ("%.1f"):format(math.floor(x:best() * 0.97))
    local reply, problem = x:signed("POST", "/fapi/v1/order", {
      symbol = "BTCUSDT",
      side = "BUY",
      type = "LIMIT",
      timeInForce = "GTC",
      quantity = "0.002",
      price = price,
      newClientOrderId = id,
    }, { session = session })
    local entry = lx.wait_for(
      "the audit's entry",
      function() return x:audit("?clientOrderId=" .. id).entries[1] end
    )
    if session then session:close() end
    return reply, problem, entry
  end
  local function only(fault, more)
    local rule = { fault = fault, call = "POST /fapi/v1/order" }
    for k, v in pairs(more or {}) do
      rule[k] = v
    end
    x:faults { rule }
  end

  it("a lost reply: the order stands, the client hears nothing", function()
    only "lose_reply"
    local reply, _, entry = order(true)
    assert.is_nil(reply)
    assert.is_true(entry.executed)
    assert.is_false(entry.told)
    assert.equal("NEW", entry.status)
  end)

  it("a lost request and a refused connection: nothing stands", function()
    for _, kind in ipairs { "lose_request", "no_connection" } do
      only(kind)
      local reply, _, entry = order(true)
      assert.is_nil(reply, kind)
      assert.is_false(entry.executed, kind)
      assert.equal(kind, entry.fault)
    end
    local status =
      x:signed("GET", "/fapi/v1/order", { symbol = "BTCUSDT", origClientOrderId = "f" .. count }).json
    assert.equal(-2013, status.code)
  end)

  it("errors before and after execution, with each documented body", function()
    for _, case in ipairs {
      { 408, { code = -1007 } },
      { 500, { code = -1000 } },
      { 503, { code = -1000, msg = "Unknown error, please check your request or try again later." } },
    } do
      only("error", { status = case[1] })
      local reply, _, entry = order()
      assert.equal(case[1], reply.status)
      for k, v in pairs(case[2]) do
        assert.equal(v, reply.json[k])
      end
      assert.is_false(entry.executed)
    end
    only("error_after", { status = 502 })
    local reply, _, entry = order()
    assert.equal(502, reply.status)
    assert.truthy(reply.body:find "^<html>")
    assert.equal("text/html", reply.head["content-type"])
    assert.is_true(entry.executed)
    only("error", { status = 404 })
    assert.truthy(order().body:find "404 Not Found")
    only("error", { status = 401 })
    assert.equal(-2015, order().json.code)
    only("error", { status = 429, code = -1015 })
    assert.truthy(order().json.msg:find("current limit is %d+ orders per 10 SECOND"))
    only("error", { status = 418, retry_after = 60 })
    local before = lx.now_ms()
    local until_ms = tonumber(order().json.msg:match "banned until (%d+)%.")
    assert.is_true(until_ms - 60000 >= before - 1 and until_ms - 60000 <= lx.now_ms(), until_ms)
    only("error", { status = 503, code = -1008 })
    assert.truthy(order().json.msg:find "throttled by system%-level protection")
    only("error", { status = 429, retry_after = 3 })
    assert.equal("3", order().head["retry-after"])
  end)

  it("a reset in the middle of the reply, a slow body, JSON cut short", function()
    only "reset"
    local reply, problem, entry = order()
    assert.is_nil(reply)
    assert.is_string(problem)
    assert.is_true(entry.executed)
    only("slow_body", { delay = 0.4 })
    local before = lx.now_ms()
    reply = order()
    assert.equal(200, reply.status)
    assert.equal("NEW", reply.json.status)
    assert.is_true(lx.now_ms() - before > 300)
    only "malformed"
    reply = order()
    assert.equal(200, reply.status)
    assert.is_nil(reply.json)
    assert.truthy(reply.body:find '^{"orderId":')
  end)

  it("delays drawn from a distribution, the same for a seed", function()
    only("delay", { delay = 0.1, jitter = 0.1 })
    local before = lx.now_ms()
    assert.equal(200, order().status)
    assert.is_true(lx.now_ms() - before >= 100)
    assert.equal(1, x:raw("GET", "/moontide/faults").json[1].struck)
  end)

  it(
    "a request that arrives late: it is executed then, also when its client has gone, or refused as too old",
    function()
      only("late", { delay = 0.5 })
      local before = lx.now_ms()
      local reply, _, entry = order()
      assert.equal("NEW", reply.json.status)
      assert.is_true(entry.executed and entry.told)
      assert.equal("late", entry.fault)
      assert.is_true(lx.now_ms() - before >= 500 and entry.time - before >= 500)
      local price = ("%.1f"):format(math.floor(x:best() * 0.97))
      local function late_order(id, o)
        return x:signed("POST", "/fapi/v1/order", {
          symbol = "BTCUSDT",
          side = "BUY",
          type = "LIMIT",
          timeInForce = "GTC",
          quantity = "0.002",
          price = price,
          newClientOrderId = id,
        }, o)
      end
      assert.equal(-1021, late_order("late-old", { window = 300 }).json.code)
      local refused = x:audit("?clientOrderId=late-old").entries[1]
      assert.is_false(refused.executed)
      assert.equal(-1021, refused.code)
      only("late", { delay = 2 })
      before = lx.now_ms()
      local impatient = http.session { timeout = 0.3 }
      assert.is_nil((late_order("late-gone", { session = impatient, body = true, window = 30000 })))
      impatient:close()
      local function status()
        return x:signed("GET", "/fapi/v1/order", { symbol = "BTCUSDT", origClientOrderId = "late-gone" }).json
      end
      lx.wait_for("it to arrive", function() return status().status == "NEW" end)
      entry = x:audit("?clientOrderId=late-gone").entries[1]
      assert.is_true(entry.executed and entry.time - before >= 2000)
      assert.is_false(entry.told)
    end
  )

  it("a clock that is off: all its stamps are", function()
    local off = lx.start { "--no-limits", "--symbols", "BTCUSDT" }
    finally(function() off:stop() end)
    local key = off:raw("POST", "/fapi/v1/listenKey", { "X-MBX-APIKEY: " .. off.key }).json.listenKey
    local user = websocket.open(off.port, "/private/ws/" .. key)
    local trades = websocket.open(off.port, "/public/ws/btcusdt@trade")
    -- Stamps with what they would be by our clock, before and after; the stamp itself.
    local function stamped(by)
      local before = lx.now_ms() + by
      local reply = off:public "/fapi/v1/time"
      local t = reply.json.serverTime
      assert.is_true(t >= before - 2 and t <= lx.now_ms() + by + 2, t - before)
      local date = reply.head.date
      local hour, minute, second = date:match "(%d+):(%d+):(%d+) GMT"
      assert.near(math.floor(t / 1000) % 86400, hour * 3600 + minute * 60 + second, 1)
      local function told_now(name, ms)
        assert.is_true(
          ms >= before - 2 and ms <= lx.now_ms() + by + 2,
          ("%s: %d ms"):format(name, ms - before)
        )
      end
      before = lx.now_ms() + by
      local function send(stamp)
        local o = {
          symbol = "BTCUSDT",
          side = "BUY",
          type = "MARKET",
          quantity = "0.010",
          newOrderRespType = "RESULT",
        }
        return off:signed("POST", "/fapi/v1/order", o, { stamp = stamp })
      end
      local sent = send(lx.now_ms() + by)
      assert.equal(200, sent.status)
      told_now("updateTime", sent.json.updateTime)
      local e = user:until_(
        function(m) return m.e == "ORDER_TRADE_UPDATE" and m.o.i == sent.json.orderId and m.o.X == "FILLED" end
      )
      told_now("E", e.E)
      told_now("T", e.T)
      told_now("o.T", e.o.T)
      local trade = trades:until_(function(m) return m.e == "trade" and m.T >= before end)
      told_now("trade E", trade.E)
      told_now("trade T", trade.T)
      assert.equal(-1021, send(lx.now_ms() + by - 6000).json.code)
      assert.equal(-1021, send(lx.now_ms() + by + 2000).json.code)
    end
    stamped(0)
    off:faults { { fault = "skew", delay = 7 } } -- ahead at once
    stamped(7000)
    off:faults { { fault = "skew", delay = 6.7 } } -- back slowly
    local last = 0
    lx.wait_for("the clock to be 6.7 s ahead", function()
      local t = off:public("/fapi/v1/time").json.serverTime
      assert.is_true(t >= last)
      last = t
      return t <= lx.now_ms() + 6700
    end)
    stamped(6700)
  end)

  it("a stream that is late: what is held back comes after its delay, and what follows behind it", function()
    local key = x:raw("POST", "/fapi/v1/listenKey", { "X-MBX-APIKEY: " .. x.key }, "").json.listenKey
    local user = websocket.open(x.port, "/private/ws/" .. key)
    x:faults { { fault = "stream_late", class = "account", delay = 0.3, most = 1 } }
    local ids = {}
    for i = 1, 3 do
      ids[i] = tostring(order().json.orderId)
    end
    local first = user:until_(function(m) return m.e == "ORDER_TRADE_UPDATE" end)
    assert.is_true(lx.now_ms() - first.E >= 300)
    local seen, last_event = { tostring(first.o.i) }, first.E
    while #seen < 3 do
      local m = user:json()
      assert.is_true(m.E >= last_event)
      last_event = m.E
      if m.e == "ORDER_TRADE_UPDATE" and tostring(m.o.i) ~= seen[#seen] then
        seen[#seen + 1] = tostring(m.o.i)
      end
    end
    assert.same(ids, seen)
    user:close()
    assert.equal(400, x:raw("POST", "/moontide/faults", {}, '[{"fault":"stream_late"}]').status)
    x:no_faults()
  end)

  it("streams dropped, with gaps, twice; a listen key lost; a client id struck at most so often", function()
    local s = websocket.open(x.port, "/public/ws/btcusdt@trade")
    x:faults { { fault = "stream_twice", class = "market" } }
    local a = s:until_(function(m) return m.t end)
    local b = s:json()
    for _ = 1, 1000 do -- the first may have come before the rule
      if a.t == b.t then break end
      a, b = b, s:json()
    end
    assert.equal(a.t, b.t)
    x:faults { { fault = "stream_gap", class = "market", share = 0.5 } }
    local last, gaps = nil, 0
    for _ = 1, 1000 do -- what lay in the socket when the rule came has none
      local m = s:json()
      if last and m.t > last + 1 then gaps = gaps + 1 end
      last = m.t
      if gaps > 3 then break end
    end
    assert.is_true(gaps > 3, gaps .. " gaps")
    x:faults { { fault = "stream_drop", class = "market", most = 1 } }
    local ended
    repeat
      ended = s:text()
    until not ended
    assert.is_false(ended)
    s:close()
    x:no_faults()
    local key = x:raw("POST", "/fapi/v1/listenKey", { "X-MBX-APIKEY: " .. x.key }, "").json.listenKey
    local user = websocket.open(x.port, "/private/ws/" .. key)
    x:faults { { fault = "listen_key_loss", most = 1 } }
    order()
    assert.equal("listenKeyExpired", user:json().e)
    user:close()
  end)

  it("refuses rules that make no sense, and keeps those in force", function()
    only "lose_reply"
    for body, text in pairs {
      ["nonsense"] = "not JSON",
      ["{}"] = "expected a list of rules",
      ['[{"fault":"lost"}]'] = "rule 1: fault = 'lost'",
      ['[{"fault":"delay"}]'] = "delay above 0",
      ['[{"fault":"late"}]'] = "delay above 0",
      ['[{"fault":"late","delay":-1}]'] = "delay above 0",
      ['[{"fault":"error","status":199}]'] = "status 200 to 599",
      ['[{"fault":"reset","call":"GET /x"}]'] = "no call 'GET /x'",
      ['[{"fault":"reset","shade":1}]'] = "no field 'shade'",
      ['[{"fault":"reset","share":"x"}]'] = "share must be a number",
    } do
      local reply = x:raw("POST", "/moontide/faults", {}, body)
      assert.equal(400, reply.status, body)
      assert.truthy(reply.json.error:find(text, 1, true), reply.body)
    end
    assert.equal("lose_reply", x:raw("GET", "/moontide/faults").json[1].fault)
  end)

  it("reads a fault file, its times counted from the start", function()
    local folder = run.folder()
    run.write(
      folder .. "/faults.lua",
      [[return { { fault = "error", status = 503, call = "GET /fapi/v1/time", to = 1.5 },
        { fault = "error", status = 503, call = "GET /fapi/v1/depth", to = 1e6 },
        { fault = "error", status = 503, call = "GET /fapi/v1/ping", from = 1e6 } }]]
    )
    local other = lx.start { "--faults", folder .. "/faults.lua", "--symbols", "BTCUSDT" }
    finally(function()
      other:stop()
      run.remove(folder)
    end)
    assert.equal(503, other:public("/fapi/v1/depth", { symbol = "BTCUSDT" }).status)
    assert.equal(200, other:public("/fapi/v1/ping").status)
    lx.wait_for("the maintenance's end", function() return other:public("/fapi/v1/time").status == 200 end)
  end)
end)

describe("moontide exchange: hosts of clients", function()
  it("serves TLS", function()
    local folder = run.folder()
    os.execute(
      (
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout %s/key.pem -out %s/cert.pem -days 2 -subj /CN=localhost "
        .. "-addext subjectAltName=IP:127.0.0.1 2>/dev/null"
      ):format(folder, folder)
    )
    local x = lx.start { "--tls", folder .. "/cert.pem", folder .. "/key.pem", "--symbols", "BTCUSDT" }
    finally(function()
      x:stop()
      run.remove(folder)
    end)
    assert.truthy(x.url:find "^https:")
    local trusting = http.session { ca = folder .. "/cert.pem" }
    for _ = 1, 20 do
      local reply = x:raw("GET", "/fapi/v1/depth?symbol=BTCUSDT&limit=1000", {}, nil, trusting)
      assert.equal(200, reply.status)
      assert.is_true(#reply.json.bids > 400)
    end
    trusting:close()
    assert.is_nil(x:public("/fapi/v1/time")) -- an unknown certificate
  end)

  it("packs long bodies for who takes gzip", function()
    local x = lx.start { "--symbols", "BTCUSDT" }
    finally(function() x:stop() end)
    local packed = http.session { encoding = "gzip" }
    local reply = x:raw("GET", "/fapi/v1/depth?symbol=BTCUSDT&limit=1000", {}, nil, packed)
    assert.equal("gzip", reply.head["content-encoding"])
    assert.is_true(tonumber(reply.head["content-length"]) < #reply.body / 2)
    assert.is_true(#reply.json.asks > 400)
    packed:close()
  end)

  it("replays bars so that its own bars are theirs", function()
    local folder, rows = run.folder(), {}
    for i = 1, 40 do
      rows[i] = { 100 + i, 103 + i, 98 + i, 101 + i, 50 }
    end
    run.write(folder .. "/BTCUSDT-1m-2023-01.csv", run.csv(rows))
    local x = lx.start {
      "--data",
      folder .. "/BTCUSDT-1m-2023-01.csv",
      "--history",
      "20",
      "--speed",
      "600",
      "--no-limits",
    }
    finally(function()
      x:stop()
      run.remove(folder)
    end)
    local bars = lx.wait_for("ten bars of the replay", function()
      local list = x:public("/fapi/v1/klines", { symbol = "BTCUSDT", interval = "1m", limit = 100 }).json
      return #list > 33 and list
    end)
    local start
    for i, b in ipairs(bars) do
      if b[2] == "101.00" then start = i end -- the first row of the data
    end
    assert.is_number(start)
    for i = 1, 32 do
      local b, r = bars[start + i - 1], rows[i]
      for k = 1, 4 do
        assert.equal(("%.2f"):format(r[k]), b[k + 1], ("bar %d, column %d"):format(i, k))
      end
      assert.near(50, tonumber(b[6]), 1e-9, "volume of bar " .. i)
    end
    assert.equal(200, x:signed("GET", "/fapi/v2/account", {}).status) -- stamps by the wall's clock
  end)

  it(
    "replays bars of few trades, of takers on one side: open, high, low and close are still the file's",
    function()
      local folder, lines, rows = run.folder(), {}, {}
      local bars = {
        { 60000, 60030, 59980, 60010 },
        { 60010, 60010, 60010, 60010 },
        { 60010, 60050, 60010, 60020 },
        { 60020, 60020, 59990, 60000 },
      }
      for i = 1, 40 do
        local bar, units = bars[(i - 1) % #bars + 1], ({ 4, 1, 3, 37, 5, 59, 61, 200 })[(i * 3) % 8 + 1]
        local least = ({ 4, 1, 3, 3 })[(i - 1) % #bars + 1]
        units = math.max(units, least)
        local bought = ({ 0, units, math.floor(units / 2), 1 })[i % 4 + 1]
        rows[i] = { bar[1], bar[2], bar[3], bar[4], units / 1000 }
        local t = 1672531200000 + (i - 1) * 60000
        lines[i] = ("%d,%d,%d,%d,%d,%.3f,%d,0,0,%.3f,0,0"):format(
          t,
          bar[1],
          bar[2],
          bar[3],
          bar[4],
          units / 1000,
          t + 59999,
          bought / 1000
        )
      end
      run.write(folder .. "/BTCUSDT-1m-2023-01.csv", table.concat(lines, "\n") .. "\n")
      local x = lx.start {
        "--data",
        folder .. "/BTCUSDT-1m-2023-01.csv",
        "--history",
        "2",
        "--speed",
        "1200",
        "--no-limits",
      }
      finally(function()
        x:stop()
        run.remove(folder)
      end)
      local list = lx.wait_for("forty bars", function()
        local got = x:public("/fapi/v1/klines", { symbol = "BTCUSDT", interval = "1m", limit = 100 }).json
        return #got > 40 and got
      end)
      for i, r in ipairs(rows) do
        for k = 1, 4 do
          assert.equal(("%.2f"):format(r[k]), list[i][k + 1], ("bar %d, column %d"):format(i, k))
        end
        assert.near(r[5], tonumber(list[i][6]), 1e-9, "volume of bar " .. i)
        if i > 2 then assert.equal(lines[i]:match "0,0,([%d.]+),0,0$", list[i][10], "bought in bar " .. i) end
      end
    end
  )

  it("as fast as it goes it ends with the longest data, its last bar traded", function()
    local folder = run.folder()
    local function data(symbol, count, first)
      local rows = {}
      for i = 1, count do
        rows[i] = { first + i, first + i + 2, first + i - 1, first + i + 1, 50 }
      end
      run.write(("%s/%s-1m-2023-01.csv"):format(folder, symbol), run.csv(rows))
      return ("%s/%s-1m-2023-01.csv"):format(folder, symbol)
    end
    local short, long, account = data("BTCUSDT", 20, 20000), data("ETHUSDT", 40, 3000), folder .. "/account"
    local r = run.moontide {
      "exchange",
      "--port",
      "0",
      "--data",
      short,
      long,
      "--history",
      "4",
      "--speed",
      "max",
      "--state",
      account,
    }
    assert.equal(0, r.status, r.err)
    -- A made market goes on at the prices that were kept.
    local x = lx.start { "--symbols", "BTCUSDT,ETHUSDT", "--rate", "0.01", "--state", account }
    finally(function()
      x:stop()
      run.remove(folder)
    end)
    assert.near(20021, x:best "BTCUSDT", 5)
    assert.near(3041, x:best "ETHUSDT", 2)
  end)

  it("replays trades of files, times moved to now, and tells them on its tape", function()
    local folder, lines =
      run.folder(),
      { "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker" }
    local start = 1704067200000
    for i = 0, 599 do -- ten minutes, one a second
      lines[#lines + 1] = ("%d,%.1f,0.01%d,%d,%d,%d,%s"):format(
        i,
        42000 + i % 50,
        i % 10,
        i,
        i,
        start + i * 1000,
        i % 3 == 0 and "true" or "false"
      )
    end
    run.write(folder .. "/BTCUSDT-aggTrades-2024-01-01.csv", table.concat(lines, "\n") .. "\n")
    local x = lx.start {
      "--data",
      folder .. "/BTCUSDT-aggTrades-2024-01-01.csv",
      "--history",
      "5",
      "--speed",
      "300",
      "--no-limits",
    }
    finally(function()
      x:stop()
      run.remove(folder)
    end)
    local bars = lx.wait_for("eight minutes", function()
      local list = x:public("/fapi/v1/klines", { symbol = "BTCUSDT", interval = "1m", limit = 100 }).json
      return #list >= 9 and list
    end)
    local sum = 0
    for i = 0, 59 do
      sum = sum + 0.01 + (i % 10) / 1000
    end
    for m = 1, 8 do
      local at = (m - 1) * 60
      assert.equal(("%.2f"):format(42000 + at % 50), bars[m][2], "open of minute " .. m)
      assert.equal(("%.2f"):format(42000 + (at + 59) % 50), bars[m][5], "close of minute " .. m)
      assert.near(sum, tonumber(bars[m][6]), 1e-9)
      assert.equal(60, bars[m][9])
    end
    assert.near(lx.now_ms(), bars[6][1], 130000) -- the replay began with the minute of the start
    local trade = x:public("/fapi/v1/trades", { symbol = "BTCUSDT", limit = 1 }).json[1]
    assert.truthy(trade.qty:find "^0%.01%d$", trade.qty)
  end)

  it("refuses files of trades that are none, in one line", function()
    local folder = run.folder()
    finally(function() run.remove(folder) end)
    local path = folder .. "/BTCUSDT-trades-2024-01.csv"
    for text, expected in pairs {
      [""] = "holds no trades",
      ["a,b,c\n1,2,3\n"] = "line 1: no trades: expected columns price, quantity, time and is_buyer_maker",
      ["1,100,1,100,1704067200000,true\n2,x,1,100,1704067200001,true\n"] = "line 2: a price or quantity that is not a number",
      ["1,100,1,100,1704067200000,true\n2,100,1,100,1704067100001,true\n"] = "line 2: earlier than the trade before it",
      ["1,100,1,100,1704067200000,perhaps\n"] = "line 1: is_buyer_maker is neither true nor false",
      ["1,100,1,100,1704067200000,true\n2,100\n"] = "line 2: not as many fields",
    } do
      run.write(path, text)
      local r = run.moontide { "exchange", "--port", "0", "--data", path }
      assert.equal(1, r.status, expected)
      assert.truthy(r.err:find(expected, 1, true), r.err)
    end
    local r = run.moontide { "exchange", "--port", "0", "--data", path, folder }
    assert.equal(2, r.status)
    assert.truthy(r.err:find("cannot be mixed", 1, true), r.err)
  end)
end)
