-- Runs that end by count: --bars, --events, --orders, on paper and live.
local live_run = require "spec.support.live_run"
local lx = require "spec.support.local_exchange"

-- Tells each bar when its handler is over: no end cuts that short.
local bars = [[
return { symbols = { "BTCUSDT" },
  on_bar = function(self, bar) self.n = (self.n or 0) + 1 api.sleep(0.05) print("bar", self.n) end,
  on_stop = function(self) print("stop", self.n) end }]]

local plain_bars = [[
local n = 0
for bar in market.bars("BTCUSDT", "1m") do n = n + 1 end
print("bars", n)]]

local trades = [[
return { symbols = { "BTCUSDT" },
  on_trade = function(self) self.n = (self.n or 0) + 1 end,
  on_stop = function(self) print("stop", self.n) end }]]

-- One is filled, one is cancelled, one is refused by the exchange, one never leaves: the risk limits refuse it.
local orders = [[
return { symbols = { "BTCUSDT" },
  on_start = function(self)
    local function order(o)
      o.symbol, o.side, o.type, o.quantity = "BTCUSDT", "BUY", o.price and "LIMIT" or "MARKET", o.quantity or 0.01
      return api.create_order(o)
    end
    local price = market.round_price("BTCUSDT", assert(api.get_ticker_price { symbol = "BTCUSDT" }).price * 0.97)
    print("limits", select(2, order { quantity = 900 }).kind)
    print("refused", select(2, order { price = price, timeInForce = "GTX", reduceOnly = true }).kind)
    print("market", assert(order {}).status)
    local rests = assert(order { price = price })
    api.spawn(function()
      api.sleep(0.3)
      print("cancelled", assert(api.cancel_order { symbol = "BTCUSDT", orderId = rests.orderId }).status)
    end)
  end,
  on_order = function(self, o) print("heard", o.status) end,
  on_stop = function() print "stop" end }]]

-- All of them in the one way that tells the script nothing.
local deaf_orders = [[
for i = 1, 100 do
  assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 })
  api.sleep(0.05)
end
print "all of them"]]

describe("a run that ends by count", function()
  local fast, x, r
  setup(function()
    fast = lx.start { "--no-limits", "--speed", "240", "--symbols", "BTCUSDT" }
    x = lx.start { "--no-limits", "--symbols", "BTCUSDT", "--wallet", "1000000" }
  end)
  teardown(function()
    fast:stop()
    x:stop()
  end)
  after_each(function()
    if r then r:close() end
    r = nil
  end)

  local function ends(at, text, arguments, command)
    r = live_run.start(at, { text }, arguments, command)
    assert.equal(0, r:wait(), r:err())
    return r:out()
  end

  for _, command in ipairs { "live", "paper" } do
    it(("--bars N: N bars are handled, the last to its end (%s)"):format(command), function()
      local out = ends(fast, bars, { "--bars", "3" }, command)
      assert.matches("^bar\t1\nbar\t2\nbar\t3\nstop\t3\n", out)
      r:close()
      out = ends(fast, plain_bars, { "--bars", "2" }, command)
      assert.matches("^bars\t2\n", out)
    end)

    it(
      ("--events N: N events of the streams are delivered (%s)"):format(command),
      function() assert.matches("^stop\t5\n", ends(x, trades, { "--events", "5" }, command)) end
    )

    it(("--orders N: N orders have ended, and the script has heard of it (%s)"):format(command), function()
      local limits = { "--orders", "3", "--max-order-notional", "5000000" }
      local out = ends(x, orders, limits, command)
      for _, line in ipairs {
        "limits\tinvalid",
        "refused\trejected",
        "market\tFILLED",
        "heard\tCANCELED\nstop\n",
      } do
        -- The answer to the cancel may come after its event.
        local told = out:gsub("cancelled\tCANCELED\n", "")
        assert.truthy(told:find(line, 1, true), line .. " is not in:\n" .. out .. r:err())
      end
    end)
  end

  it("--orders N ends a script that hears of no order's end", function()
    local out = ends(x, deaf_orders, { "--orders", "2" })
    assert.falsy(out:find("all of them", 1, true), out)
  end)

  it("counts are whole numbers of at least one", function()
    for _, case in ipairs { { "--bars", "0" }, { "--events", "1.5" }, { "--orders", "x" } } do
      r = live_run.start(x, { bars }, case)
      assert.equal(2, r:wait())
      assert.truthy(
        r:err():find(("%s %s: expected an integer >= 1"):format(case[1], case[2]), 1, true),
        r:err()
      )
      r:close()
    end
  end)
end)
