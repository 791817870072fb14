-- Streams of a live run in virtual time: cut, silent, refused, replaced before their end, without a listen key.
local virtual = require "spec.support.virtual_live"

-- A script that tells its fills, and trades a little for so many seconds.
local function trader(seconds, each)
  return {
    on_fill = function(_, f) print(("fill %s %s %s"):format(f.tradeId, f.qty, tostring(f.recovered))) end,
  }, function(v, api)
    local began, k = v:now(), 0
    while v:now() < began + seconds do
      k = k + 1
      api.create_order {
        symbol = "BTCUSDT",
        side = k % 2 == 0 and "SELL" or "BUY",
        type = "MARKET",
        quantity = 0.01,
      }
      v:run_for(each or 0.5)
    end
    v:run_for(5)
  end
end

local function told(v)
  local list, recovered = {}, 0
  for _, line in ipairs(v.lines) do
    local id, qty, again = line:match "^fill (%S+) (%S+) (%S+)"
    if id then
      list[#list + 1] = { id = id, qty = tonumber(qty) }
      if again == "true" then recovered = recovered + 1 end
    end
  end
  return list, recovered
end

-- Each fill of the exchange, once and in order.
local function compare(v)
  local list, recovered = told(v)
  local truth = v:fills()
  assert.equal(#truth, #list, v:log())
  for i, t in ipairs(truth) do
    assert.equal(t.id, list[i].id)
    assert.near(t.qty, list[i].qty, 1e-12)
  end
  return recovered, #truth
end

describe("streams in virtual time", function()
  it("a user stream that is cut while it trades: every fill is told once and in order", function()
    local strategy, play = trader(20)
    local v = virtual.run {
      strategy = strategy,
      play = function(v, api)
        for at = 1, 19, 3 do
          v:cut("user", 0, at)
        end
        play(v, api)
      end,
    }
    assert.is_nil(v.failure)
    local _, count = compare(v)
    assert.is_true(count >= 35)
    assert.is_true(tonumber(v.figures.stream_reconnects) >= 6, v:log())
  end)

  it("what is lost with a connection that cannot be made again for a while is asked for, once", function()
    local strategy, play = trader(20)
    local v = virtual.run {
      strategy = strategy,
      play = function(v, api)
        v:refuse("user", 8, 3)
        v:cut("user", 0, 3.01)
        play(v, api)
      end,
    }
    assert.is_nil(v.failure)
    local recovered, count = compare(v)
    assert.is_true(recovered >= 10 and recovered < count, recovered .. " of " .. count .. "\n" .. v:log())
    assert.truthy(v:logged "Connection refused")
    assert.truthy(v:logged "user stream: connected again")
  end)

  it("a connection that is dead though nobody ended it is found out by a ping without an answer", function()
    local strategy, play = trader(30, 2)
    local v = virtual.run {
      strategy = strategy,
      options = { ["stream-silence"] = 6 },
      play = function(v, api)
        v:dead("user", 0, 2)
        play(v, api)
      end,
    }
    assert.is_nil(v.failure)
    assert.truthy(v:logged "silence: no answer to a ping", v:log())
    compare(v)
  end)

  it("a user stream that leaves messages out is found out by looking, though nothing came after", function()
    local v = virtual.run {
      strategy = {
        on_order = function(_, o) print("order", o.clientOrderId, o.status, o.recovered) end,
        on_fill = function(_, f) print(("fill %s %s %s"):format(f.tradeId, f.qty, tostring(f.recovered))) end,
      },
      play = function(v, api, market)
        assert(api.create_order {
          symbol = "BTCUSDT",
          side = "BUY",
          type = "LIMIT",
          quantity = 0.01,
          price = market.round_price("BTCUSDT", v:best() * 0.97),
          newClientOrderId = "quiet",
        })
        v:run_for(1)
        v:faults { { fault = "stream_gap", class = "account", share = 1 } }
        v:ask("POST", "/moontide/shock?symbol=BTCUSDT&factor=0.9")
        v:wait_until(function() return v:orders()[1].status == "FILLED" end, 600)
        v:run_for(70) -- it looks every minute while orders are open
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.truthy(v:logged "order\tquiet\tNEW\tnil", v:log())
    assert.truthy(v:logged "order\tquiet\tFILLED\ttrue", v:log())
    local recovered = compare(v)
    assert.is_true(recovered >= 1)
    assert.equal(0, tonumber(v.figures.stream_reconnects))
  end)

  it("a position is true soon after, whichever of a fill's messages was left out", function()
    local at_end
    local v = virtual.run {
      strategy = { on_stop = function(self) at_end = self:position "BTCUSDT" end },
      play = function(v, api)
        v:run_for(2)
        v:faults { { fault = "stream_gap", class = "account", share = 0.4 } }
        for i = 1, 30 do
          local side = i % 3 == 0 and "SELL" or "BUY"
          assert(api.create_order { symbol = "BTCUSDT", side = side, type = "MARKET", quantity = 0.01 })
          v:run_for(6)
          assert.near(v:position(), v.session.script.self:position "BTCUSDT", 1e-12)
        end
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.near(0.1, at_end, 1e-12)
    assert.is_true(tonumber(v.figures.events_recovered) > 5)
    assert.equal(0, tonumber(v.figures.stream_reconnects))
  end)

  it("what others did while nothing was heard is told, in the order of its time", function()
    local v = virtual.run {
      exchange = { wallet = 1e6, weight_limit = 1e6, order_limits = { 1e6, 1e6 } },
      strategy = {
        on_order = function(_, o)
          print(("order %s %s %s"):format(o.clientOrderId, o.status, tostring(o.recovered)))
        end,
        on_fill = function(_, f) print(("fill %s %s %s"):format(f.tradeId, f.qty, tostring(f.recovered))) end,
      },
      play = function(v)
        v:run_for(2)
        local price = ("%.1f"):format(math.floor(v:best() * 0.95))
        v:order { type = "LIMIT", price = price, newClientOrderId = "rests" }
        v:run_for(1)
        v:refuse("user", 20)
        v:cut "user"
        v:run_for(1)
        for i = 1, 1100 do -- more than a page
          v:order { side = i % 2 == 0 and "SELL" or "BUY", newClientOrderId = "m" .. i }
        end
        v:run_for(1)
        v:signed("DELETE", "/fapi/v1/order", { symbol = "BTCUSDT", origClientOrderId = "rests" })
        v:order { type = "LIMIT", price = price, newClientOrderId = "brief" }
        v:signed("DELETE", "/fapi/v1/order", { symbol = "BTCUSDT", origClientOrderId = "brief" })
        v:order { newClientOrderId = "last" }
        v:run_for(40)
        v:order { side = "SELL", newClientOrderId = "after" }
        v:run_for(2)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    local recovered, count = compare(v)
    assert.is_true(recovered >= 1101 and recovered < count, recovered .. " of " .. count)
    for _, line in ipairs {
      "order rests NEW nil",
      "order rests CANCELED true",
      "order brief NEW true",
      "order brief CANCELED true",
      "order last FILLED true",
      "order after FILLED nil",
    } do
      local _, times = v:logged(line)
      assert.equal(1, times, line)
    end
    local log = v:log()
    assert.is_true(log:find("order m1 NEW", 1, true) < log:find("order m1 FILLED", 1, true))
    assert.is_true(log:find("order m1100 FILLED", 1, true) < log:find("order rests CANCELED", 1, true))
  end)

  it(
    "a day and more: connections are replaced before the exchange ends them, the listen key is prolonged",
    function()
      local v = virtual.run {
        tick = 1,
        exchange = { rate = 0.01 },
        strategy = {
          on_bar = function(_, b) print(("bar %.0f %s"):format(b.open_time, tostring(b.recovered))) end,
        },
        play = function(v) v:run_for(25 * 3600) end,
      }
      assert.is_nil(v.failure, v.failure)
      assert.equal(0, tonumber(v.figures.stream_reconnects), v:logged "again in")
      assert.equal(2, tonumber(v.figures.stream_swaps)) -- of the market, of the user
      assert.equal(0, tonumber(v.figures.bars_recovered))
      local before, bars = nil, 0
      for _, line in ipairs(v.lines) do
        local at = tonumber(line:match "^bar (%d+)")
        if at then
          bars = bars + 1
          assert.is_true(not before or at == before + 60000, line)
          before = at
        end
      end
      assert.is_true(bars >= 1499, bars)
    end
  )

  it("an old connection that breaks while its replacement is being made loses nothing", function()
    local strategy, play = trader(40, 0.3)
    local v = virtual.run {
      strategy = strategy,
      options = { ["stream-age"] = 10 },
      play = function(v, api)
        for at = 9.9, 40, 10.05 do
          v:cut("user", 0, at)
        end
        play(v, api)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    compare(v)
  end)

  it("a replacement that cannot be had: the old connection goes on, and another is tried", function()
    local strategy, play = trader(60, 1)
    local v = virtual.run {
      strategy = strategy,
      options = { ["stream-age"] = 20 },
      play = function(v, api)
        v:refuse("user", 8, 18)
        play(v, api)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    local recovered = compare(v)
    assert.equal(0, recovered)
    assert.equal(0, tonumber(v.figures.stream_reconnects), v:log())
    assert.is_true(tonumber(v.figures.stream_swaps) >= 2)
    assert.truthy(v:logged "the connection that was to replace it: Connection refused", v:log())
  end)

  it("a listen key that is gone is replaced, and what was missed is asked for", function()
    local strategy, play = trader(20)
    local v = virtual.run {
      strategy = strategy,
      play = function(v, api)
        v:run_for(2)
        v:faults { { fault = "listen_key_loss", share = 0.1 } }
        play(v, api)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    compare(v)
    assert.is_true(tonumber(v.figures.stream_reconnects) >= 1)
  end)

  it("no listen key can be got for a while: one is asked for again and again", function()
    local strategy, play = trader(40, 1)
    local v = virtual.run {
      strategy = strategy,
      settings = virtual.undaunted,
      play = function(v, api)
        v:run_for(2)
        v:faults { { fault = "error", call = "POST /fapi/v1/listenKey", status = 503, to = 15 } }
        v:cut "user"
        play(v, api)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    local recovered = compare(v)
    assert.is_true(recovered >= 5, recovered)
    assert.truthy(v:logged "user stream: connected again", v:log())
  end)

  it("the market's stream is cut, silent and thinned: each bar is told once and in order", function()
    local v = virtual.run {
      exchange = { rate = 0.5 },
      symbols = { "BTCUSDT", "ETHUSDT" },
      strategy = {
        on_bar = function(_, b)
          print(("bar %s %.0f %s"):format(b.symbol, b.open_time, tostring(b.recovered)))
        end,
      },
      play = function(v)
        v:faults { { fault = "stream_gap", class = "market", share = 0.7 } }
        v:cut("market", 0, 100)
        v:refuse("market", 400, 500)
        v:cut("market", 0, 500)
        v:dead("market", 0, 1200)
        v:run_for(1800)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    local before, bars = {}, 0
    for _, line in ipairs(v.lines) do
      local symbol, at = line:match "^bar (%u+) (%d+)"
      if at then
        bars = bars + 1
        assert.is_true(not before[symbol] or tonumber(at) == before[symbol] + 60000, line .. "\n" .. v:log())
        before[symbol] = tonumber(at)
      end
    end
    assert.is_true(bars >= 58, bars .. "\n" .. v:log())
    assert.is_true(tonumber(v.figures.bars_recovered) >= 10)
  end)

  it("trades of the market: each once and in order, though the stream is cut and thinned", function()
    local v = virtual.run {
      exchange = { rate = 20, weight_limit = 1e6 },
      latency = 0.03,
      strategy = { on_trade = function(_, t) print("trade", t.id, t.recovered) end },
      play = function(v)
        v:faults {
          { fault = "stream_gap", class = "market", share = 0.1 },
          { fault = "delay", call = "GET /fapi/v1/aggTrades", delay = 0.3 }, -- there are holes in what comes meanwhile
        }
        for at = 3, 14, 3 do
          v:cut("market", 0, at)
        end
        v:run_for(16)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    local before, trades, recovered = nil, 0, 0
    for _, line in ipairs(v.lines) do
      local id, again = line:match "^trade\t(%d+)\t(%w+)"
      if id then
        trades = trades + 1
        if again == "true" then recovered = recovered + 1 end
        assert.is_true(
          not before or tonumber(id) == before + 1,
          line .. " after " .. tostring(before) .. "\n" .. v:log():sub(-3000)
        )
        before = tonumber(id)
      end
    end
    assert.is_true(trades > 200 and recovered > 5, trades .. " " .. recovered)
  end)

  it("the order book is the exchange's, or none at all while updates are missing", function()
    local wrong, none, good = 0, 0, 0
    local v = virtual.run {
      exchange = { rate = 20 },
      latency = 0,
      jitter = 0,
      tick = 0.01,
      script = function(v, _, market)
        v:faults { { fault = "stream_gap", class = "market", share = 0.02 } }
        for at = 10, 100, 20 do
          v:cut("public", 0, at)
        end
        for _ = 1, 400 do
          v:run_for(0.25)
          local book = market.book "BTCUSDT"
          if not book then
            none = none + 1
          elseif book.bid >= book.ask then
            wrong = wrong + 1
          else
            good = good + 1
          end
        end
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.equal(0, wrong)
    assert.is_true(good > 200, good .. " " .. none)
    assert.is_true(none > 0)
  end)
end)
