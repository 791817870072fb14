-- `moontide live` against the local exchange over real sockets.
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"
local wait = require "spec.support.wait"
local live_run = require "spec.support.live_run"

local live = live_run.whole

describe("moontide live", function()
  local x, wrong_key
  setup(function()
    x = lx.start { "--no-limits", "--symbols", "BTCUSDT,ETHUSDT", "--wallet", "1000000" }
    -- It asks for half a minute before it gives up: that goes by while the others are tried.
    wrong_key = live_run.start({ url = x.url, key = x.key, secret = "wrong" }, { "api.get_account_info()" })
  end)
  teardown(function()
    wrong_key:close()
    x:stop()
  end)
  after_each(function() x:no_faults() end)

  it("runs a strategy: calls, fills, positions, on_stop; open orders are cancelled at the end", function()
    local r = live_run.till(
      x,
      [[
      return {
        symbols = { "BTCUSDT" }, interval = "1m",
        on_start = function(self)
          local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
          local o = assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01, newClientOrderId = "first" })
          print("order", o.status, o.avgPrice > 0, self:position "BTCUSDT")
          local rest = assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01,
            price = market.round_price("BTCUSDT", t.price * 0.97), newClientOrderId = "rests" })
          print("rests", rest.status)
          local none, err = api.cancel_order { symbol = "BTCUSDT", orderId = 1 }
          print("refused", none, err.kind, err.code)
          none, err = api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = t.price + 0.03 }
          print("invalid", none, err.kind)
          local orders = assert(api.batch_orders { { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01,
            price = market.round_price("BTCUSDT", t.price * 0.96) }, { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 900, price = market.round_price("BTCUSDT", t.price * 0.96) } })
          print("batch", orders[1].status, orders[2].code)
        end,
        on_fill = function(self, f) print("fill", f.clientOrderId, f.qty, f.maker) end,
        on_position = function(self, p) print("position", p.positionAmt, self:position "BTCUSDT") end,
        on_stop = function(self)
          local o = assert(api.create_order { symbol = "BTCUSDT", side = "SELL", type = "MARKET", quantity = 0.01, reduceOnly = true })
          print("closed", o.status)
        end,
      }
    ]],
      { "fill\tfirst\t", "position\t0.01\t0.01", "batch\t" }
    )
    assert.equal(0, r.status, r.err)
    for _, line in ipairs {
      "order\tFILLED\ttrue",
      "rests\tNEW",
      "refused\tnil\trejected\t-2011",
      "invalid\tnil\tinvalid",
      "batch\tNEW\t-",
      "fill\tfirst\t",
      "position\t0.01\t0.01",
      "closed\tFILLED",
    } do
      assert.truthy(r.out:find(line, 1, true), line .. " is not in:\n" .. r.out .. r.err)
    end
    assert.truthy(r.err:find("2 open orders cancelled", 1, true), r.err)
    assert.equal(0, #x:signed("GET", "/fapi/v1/openOrders", {}).json)
    assert.equal(0, #x:signed("GET", "/fapi/v3/positionRisk", {}).json)
  end)

  it("sends an order once, whatever becomes of requests and replies", function()
    local first = x:audit("?limit=0").total
    x:faults {
      { fault = "lose_reply", call = "POST /fapi/v1/order", share = 0.08 },
      { fault = "lose_request", call = "POST /fapi/v1/order", share = 0.05 },
      { fault = "no_connection", call = "POST /fapi/v1/order", share = 0.05 },
      { fault = "reset", call = "POST /fapi/v1/order", share = 0.05 },
      { fault = "error_after", call = "POST /fapi/v1/order", status = 502, share = 0.05 },
      { fault = "error", call = "POST /fapi/v1/order", status = 503, share = 0.05 },
      { fault = "error", call = "POST /fapi/v1/order", status = 503, code = -1008, share = 0.05 },
      { fault = "malformed", call = "POST /fapi/v1/order", share = 0.03 },
      { fault = "delay", call = "POST /fapi/v1/order", delay = 0.05, jitter = 0.05, share = 0.1 },
      { fault = "lose_reply", call = "GET /fapi/v1/order", share = 0.1 },
      { fault = "error", call = "GET /fapi/v1/order", status = 500, share = 0.1 },
    }
    local r = live(
      x,
      [[
      local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
      local price, tasks = market.round_price("BTCUSDT", t.price * 0.98), {}
      for k = 1, 60 do
        tasks[k] = api.spawn(function()
          for i = 1, 5 do
            local id = ("once-%d-%d"):format(k, i)
            local o, err = api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", timeInForce = "IOC", quantity = 0.01, price = price, newClientOrderId = id }
            print(id, o and "executed" or err.kind)
          end
        end)
      end
      api.all(tasks)
    ]],
      { "--recv-window", "400", "--config", run.root .. "/spec/support/many_faults.conf.lua" }
    )
    assert.equal(0, r.status, r.err)
    local executed, believed, unknown = {}, {}, 0
    for _, e in ipairs(x:audit("?limit=100000&from=" .. first).entries) do
      if e.executed and e.call == "POST /fapi/v1/order" then
        executed[e.clientOrderId] = (executed[e.clientOrderId] or 0) + 1
      end
    end
    local count = 0
    for id, what in r.out:gmatch "(once%-%d+%-%d+)\t([%w_]+)" do
      count = count + 1
      believed[id] = what
      if what == "unknown_outcome" then unknown = unknown + 1 end
    end
    assert.equal(300, count, r.out .. r.err)
    assert.equal(0, unknown)
    local doubles = {}
    for id, n in pairs(executed) do
      if n > 1 then doubles[#doubles + 1] = id .. " " .. n end
      assert.equal("executed", believed[id], id)
    end
    assert.same({}, doubles)
    for id, what in pairs(believed) do
      if what == "executed" then assert.equal(1, executed[id], id) end
    end
    assert.truthy(r.err:find "found_after_all=%d", r.err)
    assert.falsy(r.err:find("found_after_all=0", 1, true), r.err)
  end)

  it("lets no task that asks without a rest hold back what happens, nor the end", function()
    local own = lx.start { "--no-limits", "--symbols", "BTCUSDT" } -- it uses up the minute's limits
    finally(function() own:stop() end)
    local r = live_run.till(
      own,
      [[
      return { symbols = { "BTCUSDT" }, timer = 0.1,
        on_start = function(self) api.spawn(function() while api.get_ticker_price { symbol = "BTCUSDT" } do self.asked = (self.asked or 0) + 1 end end) end,
        on_trade = function(self) self.trades = (self.trades or 0) + 1 end, on_timer = function(self)
          self.timers = (self.timers or 0) + 1
          if (self.asked or 0) > 20 and (self.trades or 0) > 3 and self.timers > 3 and not self.said then self.said = print "none is held back" or true end
        end,
        on_stop = function(self) print "stop" end }
    ]],
      { "none is held back" }
    )
    assert.equal(0, r.status, r.err)
    assert.equal("none is held back\nstop\n", r.out, r.err)
  end)

  it(
    "believes no answer that is about another order, or about none: it is found out by asking, and not sent again",
    function()
      local first = x:audit("?limit=0").total
      local other = '{"orderId":7,"symbol":"%s","status":"FILLED","clientOrderId":"%s","price":"1","avgPrice":"1","origQty":"%s","executedQty":"%s",'
        .. '"cumQuote":"1","timeInForce":"GTC","type":"LIMIT","side":"BUY","positionSide":"BOTH","updateTime":1}'
      local new, cancel, get, batch =
        "POST /fapi/v1/order", "DELETE /fapi/v1/order", "GET /fapi/v1/order", "POST /fapi/v1/batchOrders"
      local rules = {}
      local function lie(call, text)
        rules[#rules + 1] = { fault = "wrong_body", call = call, message = text, most = 1 }
      end
      lie(new, other:format("BTCUSDT", "somebody", "5", "5"))
      lie(new, other:format("ETHUSDT", "lie-2", "0.01", "0.01"))
      lie(new, other:format("BTCUSDT", "lie-3", "0.01", "-3"))
      lie(new, other:format("BTCUSDT", "lie-4", "0.01", "99999999999999999999"))
      lie(new, "")
      lie(new, "<html><body>Sorry</body></html>")
      lie(get, other:format("BTCUSDT", "somebody", "5", "5")) -- the look-up of the first
      lie(cancel, other:format("BTCUSDT", "somebody", "5", "5"))
      lie(batch, "[" .. other:format("BTCUSDT", "lie-7", "0.01", "0.01") .. "]")
      x:faults(rules)
      local r = live(
        x,
        [[
      local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
      local price, ids = market.round_price("BTCUSDT", t.price * 0.98), {}
      local function order(i) return { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = price, newClientOrderId = "lie-" .. i } end
      for i = 1, 6 do
        local o, err = api.create_order(order(i))
        print(i, o and o.status, o and o.executedQty, o and o.clientOrderId == "lie-" .. i, err and err.message)
        ids[i] = o and o.orderId
      end
      local o, err = api.cancel_order { symbol = "BTCUSDT", orderId = ids[1] }
      print("cancel", o and o.status, o and o.orderId == ids[1], err and err.message)
      local done = assert(api.batch_orders { order(7), order(8) })
      print("batch", done[1].status, done[2].status, done[2].clientOrderId)
    ]],
        { "--config", run.root .. "/spec/support/many_faults.conf.lua" }
      )
      assert.equal(0, r.status, r.err)
      for i = 1, 6 do
        assert.truthy(r.out:find(("%d\tNEW\t0\ttrue\tnil\n"):format(i), 1, true), r.out .. r.err)
      end
      assert.truthy(
        r.out:find("cancel\tCANCELED\ttrue\tnil\nbatch\tNEW\tNEW\tlie-8\n", 1, true),
        r.out .. r.err
      )
      local executed = {}
      for _, e in ipairs(x:audit("?limit=1000&from=" .. first).entries) do
        if e.executed and e.call:find "^POST" and e.clientOrderId:find "^lie" then
          executed[e.clientOrderId] = (executed[e.clientOrderId] or 0) + 1
        end
      end
      local once = {}
      for i = 1, 8 do
        once["lie-" .. i] = 1
      end
      assert.same(once, executed)
    end
  )

  it("refuses what the risk limits forbid before it is sent; reducing passes", function()
    local first = x:audit("?limit=0").total
    local r = live(
      x,
      [[
      local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
      local function try(name, o)
        o.symbol, o.side, o.type = "BTCUSDT", o.side or "BUY", o.type or "LIMIT"
        if o.type == "LIMIT" then o.price = market.round_price("BTCUSDT", t.price * (o.at or 0.97)) end
        o.at = nil
        local order, err = api.create_order(o)
        print(name, order and order.status or err.message)
        return order
      end
      try("order", { quantity = 0.1 })
      try("collar", { quantity = 0.01, at = 0.85 })
      try("first", { quantity = 0.015, type = "MARKET" })
      try("position", { quantity = 0.02, type = "MARKET" })
      try("reduce", { quantity = 0.015, type = "MARKET", side = "SELL", reduceOnly = true })
      try("third", { quantity = 0.002, at = 0.96 })
      try("too many", { quantity = 0.002, at = 0.96 })
      local done, err = api.batch_orders { { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.5 }, { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.002 } }
      print("batch", done and done[1].message or err.message)
    ]],
      { "--max-order-notional", "2000", "--max-position-notional", "1500", "--max-orders-per-minute", "3" }
    )
    assert.equal(0, r.status, r.err)
    for _, line in ipairs {
      "order\trisk limit: an order of 6",
      "collar\trisk limit: price 5",
      "first\tFILLED",
      "position\trisk limit: a position ",
      "reduce\tFILLED",
      "third\tNEW",
      "too many\trisk limit: 3 orders within a minute already",
      "batch\trisk limit: an order of 3",
    } do
      assert.truthy(r.out:find(line, 1, true), line .. " is not in:\n" .. r.out .. r.err)
    end
    local sent = 0
    for _, e in ipairs(x:audit("?limit=1000&from=" .. first).entries) do
      sent = sent + (e.call == "POST /fapi/v1/order" and 1 or 0)
    end
    assert.equal(3, sent)
    assert.truthy(r.err:find "refused_by_risk_limits=%d", r.err)
    assert.falsy(r.err:find("refused_by_risk_limits=0", 1, true), r.err)
  end)

  it("goes on after the streams are cut; a listen key that is lost is replaced", function()
    x:faults { { fault = "listen_key_loss", most = 1 } }
    local r = live_run.till(
      x,
      [[
      return { symbols = { "ETHUSDT" },
        on_start = function(self)
          for i = 1, 2 do
            assert(api.create_order { symbol = "ETHUSDT", side = i == 1 and "BUY" or "SELL", type = "MARKET", quantity = 0.1, newClientOrderId = "cut-" .. i })
            api.sleep(1.5)
          end
          print("position", self:position "ETHUSDT")
        end,
        on_fill = function(self, f) print("fill", f.clientOrderId) end,
      } ]],
      { "position\t0\n", "fill\tcut-2" } -- read anew after the first was lost
    )
    assert.equal(0, r.status, r.err)
    assert.truthy(r.err:find "reconnects=[1-9]", r.err)
  end)

  it("--for counts from when the script began, however long the exchange takes before", function()
    x:faults { { fault = "delay", delay = 0.4 } }
    local r = live(
      x,
      [[
      return { symbols = { "BTCUSDT" }, on_start = function(self) self.began = api.now() end,
        on_stop = function(self) print(api.now() - self.began) end }
    ]],
      { "--for", "0.6" }
    )
    x:no_faults()
    assert.equal(0, r.status, r.err)
    assert.is_true((tonumber(r.out) or 0) >= 590, r.out .. r.err)
  end)

  it("a clock that is off is measured, also when it jumps", function()
    local off = lx.start { "--no-limits", "--symbols", "BTCUSDT" } -- its clock stays off
    finally(function() off:stop() end)
    off:faults { { fault = "skew", delay = 30 } }
    local r = live(
      off,
      [[
      local o, err = api.get_account_info()
      print("account", o ~= nil, err)
    ]],
      {}
    )
    assert.truthy(r.out:find("account\ttrue", 1, true), r.out .. r.err)
    assert.truthy(r.err:find "clock_offset_ms=[23]%d%d%d%d\n", r.err)
    off:faults { { fault = "skew", delay = 30 }, { fault = "skew", delay = 30, from = 1.5 } }
    r = live(
      off,
      [[
      api.sleep(2)
      local o, err = api.get_account_info()
      print("account", o ~= nil, err)
    ]],
      {}
    )
    assert.truthy(r.out:find("account\ttrue", 1, true), r.out .. r.err)
  end)

  it("delivers bars as they close, and those missed while the stream was cut", function()
    local fast = lx.start { "--speed", "120", "--symbols", "BTCUSDT", "--no-limits", "--stream-life", "150" } -- cut every 1.25 s
    finally(function() fast:stop() end)
    local r = live(
      fast,
      [[
      local last, count = nil, 0
      for bar in market.bars("BTCUSDT", "1m") do
        if last and bar.open_time ~= last + 60000 then print("gap", last, bar.open_time) end
        last, count = bar.open_time, count + 1
        print("bar", bar.open <= bar.high and bar.close >= bar.low and bar.volume > 0)
        if count == 6 then break end
      end
    ]],
      { "--market-only" },
      "NOTHING=1"
    )
    assert.equal(0, r.status, r.err)
    assert.equal(6, select(2, r.out:gsub("bar\ttrue", "")), r.out .. r.err)
    assert.falsy(r.out:find "gap", r.out)
  end)

  it(
    "goes on when its own requests that keep connections open are refused at once, as by a full queue or an open circuit",
    function()
      local folder = run.folder()
      finally(function() run.remove(folder) end)
      local config = run.write(folder .. "/c.lua", "return { max_queue_size = 1 }") -- what the start asks for fills it
      local r = live(
        x,
        [[ api.sleep(0.2) print "goes on" ]],
        { "--config", config, "--hang-seconds", "5", "--on-failure", "halt", "--market-only" },
        "MOONTIDE_API_KEY= MOONTIDE_API_SECRET="
      )
      assert.equal(0, r.status, r.err)
      assert.equal("goes on\n", r.out)
    end
  )

  it("keeps as many connections open as it is told, before there is a request for them", function()
    local folder, own = run.folder(), lx.start { "--no-limits", "--symbols", "BTCUSDT" } -- one whose budget nobody else spends
    finally(function()
      own:stop()
      run.remove(folder)
    end)
    local path =
      run.write(folder .. "/quiet.lua", 'return { symbols = { "BTCUSDT" }, on_bar = function() end }')
    local function connections(warm)
      local pipe = io.popen(
        ("MOONTIDE_HOME=%s/home MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s %s live %s --url %s --no-supervisor --warm-connections %d >%s/out 2>&1 & echo $!"):format(
          folder,
          own.key,
          own.secret,
          require("moontide.lua_host").exe,
          path,
          own.url,
          warm,
          folder
        )
      )
      local pid = tonumber(pipe:read "*l")
      pipe:close()
      local most, port = 0, (":%04X 01"):format(own.port)
      lx.wait_for("the run", function() return run.read(folder .. "/out"):find("bars of", 1, true) end)
      local function look()
        local count = 0
        for line in run.read "/proc/net/tcp":gmatch "[^\n]+" do
          if line:find("%x+:%x+ %x+" .. port) then count = count + 1 end
        end
        most = math.max(most, count)
        return most >= warm
      end
      -- Perhaps only after the second round of pings: those of the start may find slots taken.
      if warm > 0 then
        pcall(lx.wait_for, "the connections", look)
      else
        for _ = 1, 40 do
          look()
          lx.sleep(0.02)
        end
      end
      os.execute("kill " .. pid)
      wait.till_ended(pid)
      return most
    end
    local none = connections(0)
    local many = connections(10) -- as many as there are worker slots
    assert.truthy(many >= 10 and many > none + 3, ("%d with 10 warm ones, %d without"):format(many, none))
  end)

  it("ends in order on a signal, and in one line when something is wrong", function()
    local folder = run.folder()
    finally(function() run.remove(folder) end)
    local r = live_run.till(
      x,
      [[
      return { symbols = { "BTCUSDT" }, on_start = function() print "started" end, on_stop = function() print "stopped" end } ]],
      { "started" }
    )
    assert.equal("started\nstopped\n", r.out, r.err)
    assert.equal(0, r.status)

    local key_file =
      run.write(folder .. "/key.lua", ('return { key = "%s", secret = "%s" }'):format(x.key, x.secret))
    os.execute("chmod 644 " .. key_file)
    local plain = run.write(folder .. "/plain.lua", "print(api.get_account_info() ~= nil)")
    local function try(arguments, environment)
      local result = run.moontide(arguments, environment)
      return result.status, result.err, result.out
    end
    for _, case in ipairs {
      { { "live" }, 2, "missing script; usage: moontide live SCRIPT" },
      { { "live", plain }, 2, "trades real money; say --yes-real-money" },
      { { "live", plain, "--url", "http://203.0.113.1:9", "--yes-real-money" }, 2, "over https only" },
      { { "live", plain, "--url", x.url }, 1, "no API key: set MOONTIDE_API_KEY and MOONTIDE_API_SECRET" },
      {
        { "live", plain, "--url", "http://127.0.0.1:1", "--market-only" },
        1,
        "http://127.0.0.1:1/fapi/v1/exchangeInfo: ",
      },
      {
        { "live", plain, "--url", x.url, "--symbol", "NOSUCH", "--market-only" },
        1,
        "the exchange does not trade NOSUCH",
      },
      { { "live", plain, "--url", x.url, "--key-file", key_file }, 1, "others may read it; chmod 600" },
      { { "live", plain, "--url", x.url, "--key-file", folder .. "/none" }, 1, "no such file" },
      { { "live", folder .. "/missing.lua", "--url", x.url, "--market-only" }, 1, "cannot read the script" },
    } do
      local status, err = try(case[1], "NOTHING=1")
      assert.equal(case[2], status, err)
      assert.truthy(err:find(case[3], 1, true), err)
      assert.falsy(err:find(x.secret, 1, true))
    end
    os.execute("chmod 600 " .. key_file)
    local status, err, out = try({ "live", plain, "--url", x.url, "--key-file", key_file }, "NOTHING=1")
    assert.equal(0, status, err)
    assert.equal("true\n", out)
    assert.equal(1, wrong_key:wait())
    assert.truthy(
      wrong_key:err():find("-1022: Signature for this request is not valid", 1, true),
      wrong_key:err()
    )
  end)
end)
