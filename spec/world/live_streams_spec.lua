-- Live: what a script is told of its account and the market while streams are cut, thinned, doubled and replaced.
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"
local waiting = require "spec.support.wait"
local live_run = require "spec.support.live_run"

local live = live_run.whole

-- All fills of the account since `from` (ms), as the exchange has them.
local function true_fills(x, symbol, from)
  local all, id = {}, nil
  repeat
    local page = x:signed(
      "GET",
      "/fapi/v1/userTrades",
      { symbol = symbol, limit = 1000, fromId = id, startTime = not id and from or nil }
    ).json
    for _, t in ipairs(page) do
      all[#all + 1] = t
    end
    id = #page > 0 and ("%.0f"):format(page[#page].id + 1)
  until #page < 1000
  return all
end

-- Lines "fill SYMBOL ID QTY RECOVERED" against the exchange's own list.
local function compare_fills(r, truth)
  local seen, count, recovered = {}, 0, 0
  for id, qty, again in r.out:gmatch "fill (%u+ %d+) (%S+) (%S+)\n" do -- ids are a symbol's own
    assert.is_nil(seen[id], "fill " .. id .. " was told twice")
    seen[id] = tonumber(qty)
    count = count + 1
    if again == "true" then recovered = recovered + 1 end
  end
  for _, t in ipairs(truth) do
    local id = ("%s %.0f"):format(t.symbol, t.id)
    assert.is_number(seen[id], "fill " .. id .. " was never told\n" .. r.err)
    assert.near(tonumber(t.qty), seen[id], 1e-12)
  end
  assert.equal(#truth, count)
  return recovered
end

describe("moontide live: streams", function()
  local x
  setup(function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT,ETHUSDT", "--wallet", "1000000" } end)
  teardown(function() x:stop() end)
  after_each(function() x:no_faults() end)

  it("tells every fill and every end of an order once, whatever becomes of the streams", function()
    local from = lx.now_ms() - 1
    x:faults {
      { fault = "stream_drop", class = "account", share = 0.01 },
      { fault = "stream_gap", class = "account", share = 0.05 },
      { fault = "stream_twice", class = "account", share = 0.2 },
      { fault = "listen_key_loss", share = 0.002 },
    }
    local r = live_run.till(
      x,
      [[
      local placed, ended, told = {}, {}, {}
      return { symbols = { "BTCUSDT", "ETHUSDT" },
        on_fill = function(self, f)
          print(("fill %s %s %s %s"):format(f.symbol, f.tradeId, f.qty, tostring(f.recovered)))
          told[f.orderId] = (told[f.orderId] or 0) + f.qty
          -- In the order of each order's own life: what is filled so far is the sum of what has been told.
          if math.abs(told[f.orderId] - f.order.executedQty) > 1e-9 then print("out of turn", f.tradeId, told[f.orderId], f.order.executedQty) end
        end,
        on_order = function(self, o)
          if ended[o.orderId] then print("after its end", o.orderId, o.status) end
          if o.status == "FILLED" or o.status == "CANCELED" or o.status == "EXPIRED" then ended[o.orderId] = o.status end
        end,
        on_start = function(self)
          local tasks = {}
          for k = 1, 6 do
            tasks[k] = api.spawn(function()
              local symbol = k % 2 == 0 and "BTCUSDT" or "ETHUSDT"
              local t = assert(api.get_ticker_price { symbol = symbol })
              for i = 1, 60 do
                local side, kind = (i + k) % 4 < 2 and "BUY" or "SELL", i % 5
                local o, err
                if kind == 0 then
                  o, err = api.create_order { symbol = symbol, side = "BUY", type = "LIMIT", quantity = 0.01, price = market.round_price(symbol, t.price * 0.95) }
                  if o then
                    placed[#placed + 1] = o.orderId
                    api.cancel_order { symbol = symbol, orderId = o.orderId }
                  end
                else
                  o, err = api.create_order { symbol = symbol, side = side, type = "MARKET", quantity = 0.01 }
                  if o then placed[#placed + 1] = o.orderId end
                end
                if not o then print("refused", tostring(err)) end
                api.sleep(0.03)
              end
            end)
          end
          api.spawn(function()
            api.all(tasks)
            for _ = 1, 150 do
              local open = 0
              for _, id in ipairs(placed) do if not ended[id] then open = open + 1 end end
              if open == 0 then break end
              api.sleep(0.1)
            end
            local missing = 0
            for _, id in ipairs(placed) do if not ended[id] then missing = missing + 1 end end
            print("placed " .. #placed .. " without an end " .. missing)
          end)
        end,
        on_stop = function(self) print(("position %.3f %.3f"):format(self:position "BTCUSDT", self:position "ETHUSDT")) end,
      } ]],
      { "placed " }
    )
    assert.equal(0, r.status, r.err)
    local placed, missing = r.out:match "placed (%d+) without an end (%d+)"
    assert.equal("360", placed, r.out:sub(1, 2000) .. r.err)
    assert.equal("0", missing, r.err)
    assert.falsy(r.out:find "out of turn", r.out:match "out of turn[^\n]*")
    assert.falsy(r.out:find "after its end", r.out:match "after its end[^\n]*")
    local truth = true_fills(x, "BTCUSDT", from)
    for _, t in ipairs(true_fills(x, "ETHUSDT", from)) do
      truth[#truth + 1] = t
    end
    assert.is_true(#truth >= 288)
    local recovered = compare_fills(r, truth)
    assert.is_true(recovered > 5, recovered .. " recovered\n" .. r.err)
    assert.truthy(r.err:find "reconnects=[1-9]", r.err)
    assert.truthy(r.err:find "told_twice=[1-9]", r.err)
    local held = {}
    for _, p in ipairs(x:signed("GET", "/fapi/v3/positionRisk", {}).json) do
      held[p.symbol] = tonumber(p.positionAmt)
    end
    assert.truthy(
      r.out:find(("position %.3f %.3f"):format(held.BTCUSDT or 0, held.ETHUSDT or 0), 1, true),
      r.out:match "position[^\n]*"
    )
  end)

  it(
    "asks for all that happened while it heard nothing: orders of others, amended, cancelled, conditional ones; page by page",
    function()
      local folder = run.folder()
      finally(function()
        local pid = tonumber(run.read(folder .. "/pid"))
        if pid then
          require("ffi").C.kill(pid, 15)
          waiting.till_ended(pid)
        end
        run.remove(folder)
      end)
      local path = run.write(
        folder .. "/script.lua",
        [[
      return { symbols = { "ETHUSDT" },
        on_start = function() print "started" io.stdout:flush() end,
        on_fill = function(self, f) print(("fill %s %s %s %s"):format(f.symbol, f.tradeId, f.qty, tostring(f.recovered))) end,
        on_order = function(self, o)
          print(("order %s %s %s %s %s"):format(o.clientOrderId, o.status, o.origQty, o.executedQty, tostring(o.recovered)))
          io.stdout:flush()
        end,
        on_position = function(self, p) print(("position %.2f %s"):format(p.positionAmt, tostring(p.recovered))) end,
      } ]]
      )
      local from = lx.now_ms() - 1
      os.execute(
        ("MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s %s live %s --url %s >%s/out 2>%s/err & echo $! >%s/pid"):format(
          x.key,
          x.secret,
          require("moontide.lua_host").exe,
          path,
          x.url,
          folder,
          folder,
          folder
        )
      )
      local function out() return run.read(folder .. "/out") end
      local function wait(text)
        lx.wait_for(text, function() return out():find(text, 1, true) end)
      end
      wait "started"
      local bid = x:best "ETHUSDT"
      local function order(t)
        t.symbol = "ETHUSDT"
        local reply = x:order(t)
        assert.equal(200, reply.status, reply.body)
        return reply.json
      end
      local function price(factor) return ("%.2f"):format(math.floor(bid * factor * 100) / 100) end
      order { type = "LIMIT", newClientOrderId = "rests", quantity = "0.10", price = price(0.9) }
      order { type = "LIMIT", newClientOrderId = "amended", quantity = "0.10", price = price(0.91) }
      wait "order amended NEW"
      -- Nothing is heard from now on; a new listen key is not to be had for a while.
      x:faults {
        { fault = "listen_key_loss", class = "account", most = 1 },
        { fault = "error", call = "POST /fapi/v1/listenKey", status = 503 },
      }
      order { type = "LIMIT", newClientOrderId = "trigger", quantity = "0.10", price = price(0.92) } -- its event ends the key
      for i = 1, 1100 do
        order {
          type = "MARKET",
          side = i % 2 == 0 and "SELL" or "BUY",
          quantity = "0.010",
          newClientOrderId = "m" .. i,
        }
      end
      lx.sleep(0.005) -- times are milliseconds
      x:signed("DELETE", "/fapi/v1/order", { symbol = "ETHUSDT", origClientOrderId = "rests" })
      local changed = x:signed("PUT", "/fapi/v1/order", {
        symbol = "ETHUSDT",
        origClientOrderId = "amended",
        side = "BUY",
        quantity = "0.20",
        price = price(0.91),
      })
      assert.equal(200, changed.status, changed.body)
      order { type = "LIMIT", newClientOrderId = "brief", quantity = "0.10", price = price(0.93) }
      x:signed("DELETE", "/fapi/v1/order", { symbol = "ETHUSDT", origClientOrderId = "brief" })
      local algo = x:signed("POST", "/fapi/v1/algoOrder", {
        algoType = "CONDITIONAL",
        symbol = "ETHUSDT",
        side = "SELL",
        type = "STOP_MARKET",
        quantity = "0.010",
        triggerPrice = price(0.8),
        clientAlgoId = "stop",
      })
      assert.equal(200, algo.status, algo.body)
      x:signed("DELETE", "/fapi/v1/algoOrder", { clientAlgoId = "stop" })
      local last = order { type = "MARKET", quantity = "0.050", newClientOrderId = "last" }
      assert.equal("FILLED", last.status)
      x:no_faults()
      wait "order last FILLED"
      order { type = "MARKET", side = "SELL", quantity = "0.050", newClientOrderId = "after" }
      wait "order after FILLED"
      require("ffi").C.kill(tonumber(run.read(folder .. "/pid")), 15)
      lx.wait_for("its end", function() return run.read(folder .. "/err"):find "ended" end)
      local r = { out = out(), err = run.read(folder .. "/err") }
      local truth = true_fills(x, "ETHUSDT", from)
      local recovered = compare_fills(r, truth)
      assert.is_true(recovered >= 1101, recovered .. " recovered")
      assert.is_true(
        recovered < #truth,
        ("%d of %d recovered\n%s\n%s"):format(recovered, #truth, r.out:sub(-600), r.err)
      )
      for _, line in ipairs {
        "order rests NEW 0.1 0 nil",
        "order rests CANCELED 0.1 0 true",
        "order amended NEW 0.2 0 true",
        "order brief NEW 0.1 0 true",
        "order brief CANCELED 0.1 0 true",
        "order stop NEW 0.01 0 true",
        "order stop CANCELED 0.01 0 true",
        "order last FILLED 0.05 0.05 true",
        "order after FILLED 0.05 0.05 nil",
      } do
        local _, times = r.out:gsub(line:gsub("%p", "%%%0"), "")
        assert.equal(1, times, line .. " told " .. times .. " times\n" .. r.err)
      end
      -- In the order of their time: fills by rising id, an order's news before its end.
      local before = 0
      for id in r.out:gmatch "fill %u+ (%d+)" do
        assert.is_true(tonumber(id) > before)
        before = tonumber(id)
      end
      assert.is_true(before > 0)
      assert.is_true(r.out:find("order m1 NEW", 1, true) < r.out:find("order m1 FILLED", 1, true))
      assert.is_true(r.out:find("order m1100 FILLED", 1, true) < r.out:find("order rests CANCELED", 1, true))
      assert.truthy(r.out:find("position %-?%d+%.%d+ true", 1), "a position is told, marked")
    end
  )

  it(
    "replaces connections before the exchange ends them: nothing is missed, nothing is told twice, nothing had to be asked for",
    function()
      local brief =
        lx.start { "--no-limits", "--symbols", "BTCUSDT", "--wallet", "1000000", "--stream-life", "2" }
      finally(function() brief:stop() end)
      local from = lx.now_ms() - 1
      local r = live_run.till(
        brief,
        [[
      local last, trades, best
      return { symbols = { "BTCUSDT" },
        on_fill = function(self, f) print(("fill %s %s %s %s"):format(f.symbol, f.tradeId, f.qty, tostring(f.recovered))) end,
        on_trade = function(self, t)
          if last and tonumber(t.id) ~= last + 1 then print("hole", last, t.id) end
          if t.recovered then print("trade recovered", t.id) end
          if not (t.symbol == "BTCUSDT" and t.price > 0 and t.qty > 0 and type(t.maker) == "boolean" and t.time > 1e12) then print("what is this?") end
          last, trades = tonumber(t.id), (trades or 0) + 1
        end,
        on_book = function(self, b)
          if best and tonumber(b.updateId) <= tonumber(best.updateId) then print("backwards", best.updateId, b.updateId) end
          if not (b.symbol == "BTCUSDT" and b.bid > 0 and b.ask > b.bid and b.bidQty > 0 and b.askQty > 0) then print("what is this?") end
          best = b
        end,
        on_order = function(self, o) if o.status == "FILLED" then self.filled = (self.filled or 0) + 1 end end,
        timer = 0.02,
        on_timer = function(self)
          self.n = (self.n or 0) + 1
          if self.n > 200 and self.filled == 200 and trades > 50 and best and not self.said then self.said = print "enough" or true end
          if self.n > 200 then return end
          assert(api.create_order { symbol = "BTCUSDT", side = self.n % 2 == 0 and "SELL" or "BUY", type = "MARKET", quantity = 0.01 })
        end,
      } ]],
        { "enough" },
        { "--stream-age", "1.2" }
      )
      assert.equal(0, r.status, r.err)
      assert.equal(0, compare_fills(r, true_fills(brief, "BTCUSDT", from)), r.err)
      for _, word in ipairs { "hole", "recovered", "backwards", "what is this" } do
        assert.falsy(r.out:find(word, 1, true), r.out:match(word .. "[^\n]*"))
      end
      local swaps = tonumber(r.err:match "reconnects=0 swaps=(%d+)")
      assert.is_true(swaps and swaps >= 6, r.err) -- three streams for four seconds, twice each at least
    end
  )

  it("goes on when the exchange is begun anew, and its ids with it", function()
    local folder = run.folder()
    local before, after = lx.start { "--no-limits", "--symbols", "BTCUSDT", "--rate", "400" }, nil
    local path = run.write(
      folder .. "/script.lua",
      [[
      return { symbols = { "BTCUSDT" },
        on_trade = function(self, t)
          local id = tonumber(t.id)
          if self.last and id < self.last then print "anew" end
          self.last, self.told = id, (self.told or 0) + 1
          if self.told % 200 == 0 then print("trades", self.told) end
        end }]]
    )
    local pipe = io.popen(
      ("MOONTIDE_HOME=%s/home %s live %s --url %s --market-only >%s/out 2>&1 & echo $!"):format(
        folder,
        require("moontide.lua_host").exe,
        path,
        before.url,
        folder
      )
    )
    local pid = tonumber(pipe:read "*l")
    pipe:close()
    local function out() return run.read(folder .. "/out") end
    finally(function()
      require("ffi").C.kill(pid, 15)
      waiting.till_ended(pid)
      if after then after:stop() end
      run.remove(folder)
    end)
    lx.wait_for("trades", function() return out():find "trades\t1000" end) -- seen while it runs: what is printed is not kept back
    before:stop()
    after =
      lx.start { "--no-limits", "--symbols", "BTCUSDT", "--rate", "20", "--port", tostring(before.port) }
    lx.wait_for("trades of the new exchange", function() return out():find "\nanew" end)
  end)

  it(
    "prolongs the listen key; one that the exchange does not know any more is replaced, and what was missed asked for",
    function()
      x:faults {
        { fault = "error", call = "PUT /fapi/v1/listenKey", status = 400, code = -1125, most = 1 },
        { fault = "delay", call = "PUT /fapi/v1/listenKey", delay = 0.001 },
        { fault = "delay", call = "POST /fapi/v1/listenKey", delay = 0.001 },
      }
      local r = live_run.start(
        x,
        { 'return { symbols = { "BTCUSDT" }, on_start = function() end }' },
        { "--stream-age", "30" }
      )
      finally(function() r:close() end)
      local rules
      lx.wait_for("the key to be prolonged again", function()
        rules = x:raw("GET", "/moontide/faults").json
        return rules[1].struck == 1 and rules[2].struck >= 1
      end)
      r:wait_for "connected again"
      r:kill(15)
      assert.equal(0, r:wait(), r:err())
      rules = x:raw("GET", "/moontide/faults").json
      assert.equal(1, rules[1].struck)
      assert.is_true(rules[2].struck >= 1, "prolonged " .. rules[2].struck .. " times more")
      assert.equal(2, rules[3].struck) -- at the start, and the new one
      assert.truthy(r:err():find("reconnects=1 ", 1, true), r:err())
    end
  )

  it("keeps an order book that is the exchange's, or none at all while updates are missing", function()
    local slow = lx.start { "--no-limits", "--symbols", "BTCUSDT", "--speed", "0.2" }
    finally(function() slow:stop() end)
    slow:faults {
      { fault = "stream_gap", class = "market", share = 0.08 },
      { fault = "stream_drop", class = "market", share = 0.02 },
      { fault = "stream_twice", class = "market", share = 0.2 },
    }
    local r = live(
      slow,
      [[
      local first, err = market.book "BTCUSDT"
      print("at first", first, err.kind)
      local same, wrong, none, there = 0, 0, 0, 0
      local function text(side) local t = {} for i = 1, 20 do t[i] = ("%.2f %.3f"):format(side[i].price or side[i][1], side[i].qty or side[i][2]) end return table.concat(t, ",") end
      for _ = 1, 600 do
        local d = assert(api.get_order_book { symbol = "BTCUSDT", limit = 20 })
        local b = market.book("BTCUSDT", 20)
        if not b then none = none + 1
        else
          there = there + 1
          if not (b.bid < b.ask and b.in_sync and math.abs(b.spread - (b.ask - b.bid)) < 1e-9 and #b.bids == 20) then wrong = wrong + 1 end
          if b.last_update_id == d.lastUpdateId then
            same = same + 1
            if text(b.bids) ~= text(d.bids) or text(b.asks) ~= text(d.asks) then wrong = wrong + 1 end
          end
        end
        api.sleep(0.01)
      end
      print("same", same > 5, "wrong", wrong, "none", none > 3, "there", there > 200, same, none, there)
    ]]
    )
    assert.equal(0, r.status, r.err)
    assert.truthy(r.out:find("at first\tnil\tnetwork", 1, true), r.out)
    assert.truthy(r.out:find("same\ttrue\twrong\t0\tnone\ttrue\tthere\ttrue", 1, true), r.out .. r.err)
  end)

  it("has no order book in a backtest, and says so", function()
    local out = run.backtest(
      [[
      local book, err = market.book "BTCUSDT"
      print(book, err.kind, err.message)
    ]],
      { { 1, 2, 1, 2 }, { 2, 3, 2, 3 } }
    )
    assert.truthy(
      (out.out .. out.err):find("nil\tinvalid\tmarket.book: there is no order book in a backtest", 1, true),
      out.out .. out.err
    )
  end)
end)
