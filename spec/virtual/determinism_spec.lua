-- The same seed, exchange and script: the same bytes.
local virtual = require "spec.support.virtual_live"

local function log(seed)
  local v = virtual.run {
    seed = seed,
    symbols = { "BTCUSDT", "ETHUSDT" },
    exchange = { rate = 10, wallet = 100000 },
    settings = virtual.undaunted,
    options = { ["log-level"] = "debug" },
    strategy = {
      on_bar = function(_, b) print("bar", b.symbol, b.time, b.close, b.recovered) end,
      on_trade = function(_, t) print("trade", t.symbol, t.id, t.price, t.qty, t.recovered) end,
      on_order = function(_, o)
        print("order", o.symbol, o.clientOrderId, o.orderId, o.status, o.executedQty, o.recovered)
      end,
      on_fill = function(_, f) print("fill", f.symbol, f.tradeId, f.price, f.qty, f.recovered) end,
    },
    play = function(v, api)
      v:faults {
        { fault = "lose_reply", class = "orders", share = 0.1 },
        { fault = "error", class = "orders", status = 503, share = 0.1 },
        { fault = "delay", class = "orders", delay = 0.05, jitter = 0.2, share = 0.3 },
        { fault = "stream_gap", share = 0.02 },
        { fault = "stream_drop", share = 0.005 },
      }
      v:cut("all", 0, 30)
      v:silence("requests", 5, 45)
      for i = 1, 100 do
        local symbol = i % 2 == 0 and "BTCUSDT" or "ETHUSDT"
        api.spawn(
          function()
            api.create_order {
              symbol = symbol,
              side = i % 3 == 0 and "SELL" or "BUY",
              type = "MARKET",
              quantity = 0.01,
            }
          end
        )
        v:run_for(1.5)
      end
    end,
  }
  assert.is_nil(v.failure, v.failure)
  return (v:log():gsub("/tmp/[^ ]*script%.lua", "SCRIPT")), v:now()
end

describe("virtual time", function()
  it("gives the same log, byte for byte, for the same seed, and another for another", function()
    local first, at = log(7)
    local second, again = log(7)
    assert.equal(at, again)
    if first ~= second then -- where they part
      local a, b = first:gmatch "[^\n]*", second:gmatch "[^\n]*"
      for line in a do
        assert.equal(line, b())
      end
    end
    assert.is_true(first == second)
    local _, lines = first:gsub("\n", "")
    assert.is_true(lines > 500, lines)
    for _, text in ipairs { "bar\tBTCUSDT", "trade\tETHUSDT", "FILLED", "fill\t", "connected again", "true" } do
      assert.truthy(first:find(text, 1, true), text)
    end
    assert.is_true(log(8) ~= first)
  end)
end)
