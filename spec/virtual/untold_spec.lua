-- Fills that a run could not tell of before its end, in virtual time: the next run tells them, once.
local virtual = require "spec.support.virtual_live"

local ORDERS = 8

-- A strategy that counts what it is told of fills, by trade.
local function strategy(told)
  return {
    on_fill = function(_, fill)
      local id = tostring(fill.tradeId)
      told[id] = (told[id] or 0) + 1
    end,
  }
end

local function trade(api, client_id)
  return api.create_order {
    symbol = "BTCUSDT",
    side = "BUY",
    type = "MARKET",
    quantity = 0.01,
    newClientOrderId = client_id,
  }
end

-- Every fill that the exchange has was told in one of the runs, and once.
local function assert_once(told, exchange)
  local count = 0
  for _, fill in ipairs(exchange:fills()) do
    count = count + 1
    assert.equal(1, told[fill.id], ("fill %s, the %dth"):format(fill.id, count))
  end
  assert.is_true(count >= ORDERS, count)
  for _ in pairs(told) do
    count = count - 1
  end
  assert.equal(0, count) -- and no other
end

local function next_run(told, before)
  local after = virtual.run {
    after = before,
    strategy = strategy(told),
    play = function(v) v:run_for(5) end,
  }
  assert.is_nil(after.failure, after.failure)
  return after
end

describe("fills that a run could not tell in virtual time", function()
  for killed_at = 0, ORDERS do
    it(("killed after order %d, while the stream is silent"):format(killed_at), function()
      local told = {}
      local v = virtual.run {
        strategy = strategy(told),
        play = function(run, api)
          run:run_for(1)
          for i = 1, ORDERS do
            if i == killed_at then run:dead "user" end
            assert(trade(api))
            run:run_for(0.3)
          end
          run:crash()
        end,
      }
      assert.is_nil(v.failure, v.failure)
      local missed = #v:fills()
      for _ in pairs(told) do
        missed = missed - 1
      end
      assert.equal(killed_at > 0, missed > 0)
      local after = next_run(told, v)
      assert_once(told, after)
      next_run(told, after)
      assert_once(told, after)
    end)
  end

  for name, id_of in pairs {
    ["that the script named"] = function(i) return "mine-" .. i end,
    ["of one name, used again and again"] = function() return "mine" end,
  } do
    it("of orders " .. name .. ", killed while the stream is silent", function()
      local told = {}
      local v = virtual.run {
        strategy = strategy(told),
        play = function(run, api)
          run:run_for(1)
          for i = 1, ORDERS do
            if i == 3 then run:dead "user" end
            assert(trade(api, id_of(i)))
            run:run_for(0.3)
          end
          run:crash()
        end,
      }
      assert.is_nil(v.failure, v.failure)
      local after = next_run(told, v)
      assert_once(told, after)
      next_run(told, after)
      assert_once(told, after)
    end)
  end

  it("that ended while nothing could be asked", function()
    local told = {}
    local v = virtual.run {
      strategy = strategy(told),
      play = function(run, api)
        run:run_for(1)
        for i = 1, ORDERS do
          if i == 5 then run:dead "user" end
          assert(trade(api))
        end
        run:dead "all"
      end,
    }
    assert_once(told, next_run(told, v))
  end)

  it("of an order that is filled in part, and goes on while no process is there", function()
    local told = {}
    local v = virtual.run {
      strategy = strategy(told),
      play = function(run, api, market)
        run:run_for(1)
        for _ = 1, ORDERS do
          assert(trade(api))
        end
        for k = 0, 3 do -- takes what lies there, and rests with the rest
          local price = market.round_price("BTCUSDT", select(2, run:best()) - k)
          local o = { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 2, price = price }
          assert(api.create_order(o))
        end
        run:run_for(0.5)
        run:dead "user"
        run:run_for(1)
        run:crash()
      end,
      exchange = { wallet = 10000000 },
    }
    assert.is_nil(v.failure, v.failure)
    v:pass(30)
    assert_once(told, next_run(told, v))
  end)
end)
