-- What the exchange does to the account itself, and to its contracts, in virtual time: liquidations, margin calls, deposits and
-- withdrawals, changed filters, a symbol that stops trading.
local virtual = require "spec.support.virtual_live"

local function buy(api, quantity, more)
  local o = { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = quantity }
  for k, v in pairs(more or {}) do
    o[k] = v
  end
  return api.create_order(o)
end

local function move(v, amount)
  local answer = v:ask("POST", "/moontide/transfer?amount=" .. amount)
  assert.is_nil(answer.error)
end

local function change(v, query)
  local answer = v:ask("POST", "/moontide/symbol?symbol=BTCUSDT&" .. query)
  assert.is_nil(answer.error)
end

describe("in virtual time", function()
  it("a liquidation is a fill that says what it is, and a margin call comes before it", function()
    local fills, calls, positions = {}, {}, {}
    local v = virtual.run {
      exchange = { wallet = 1000 },
      strategy = {
        on_start = function() end,
        on_fill = function(_, f) fills[#fills + 1] = f end,
        on_margin_call = function(_, c) calls[#calls + 1] = c end,
        on_position = function(_, p) positions[#positions + 1] = p end,
      },
      play = function(v, api)
        assert(buy(api, 0.25))
        v:run_for(2)
        for _ = 1, 6 do
          v:ask("POST", "/moontide/shock?symbol=BTCUSDT&factor=0.97")
          v:run_for(20)
        end
        v:run_for(5)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.equal(0, v:position())
    assert.is_true(#fills >= 2, v:log())
    local last = fills[#fills]
    assert.equal("liquidation", last.forced)
    assert.equal("SELL", last.side)
    assert.equal(0.25, last.qty)
    assert.is_true(last.realizedPnl < 0)
    assert.equal("liquidation", last.order.forced)
    assert.is_nil(fills[1].forced)
    assert.equal(0, positions[#positions].positionAmt)
    assert.equal("BTCUSDT", calls[1].symbol)
    assert.equal(0.25, calls[1].positionAmt)
    assert.is_true(calls[1].unrealizedProfit < 0)
    assert.truthy(v:logged "margin call: BTCUSDT 0.25 at mark price", v:log())
  end)

  it("a deposit makes no profit and a withdrawal no loss, whoever tells of them", function()
    for name, stream in pairs { ["the stream"] = true, ["the account's income"] = false } do
      local refused, risk_before, risk_after
      local C = require "spec.support.c"
      local v = virtual.run {
        options = { ["max-daily-loss"] = 100 },
        strategy = { on_start = function() end, on_position = function() end },
        play = function(v, api)
          assert(buy(api, 0.01))
          v:run_for(2)
          risk_before = C.live_risk(v.session.l)
          if not stream then v:silence("user", 30) end
          move(v, -5000)
          v:run_for(60)
          refused = select(2, buy(api, 0.01))
          risk_after = C.live_risk(v.session.l)
          move(v, 3000)
          v:run_for(5)
        end,
      }
      assert.is_nil(v.failure, name .. tostring(v.failure))
      assert.is_nil(refused, name .. ": " .. tostring(refused))
      local change_of = tonumber(risk_after.equity_e8 - risk_before.equity_e8) / 1e8
      assert.is_true(math.abs(change_of) < 50, name .. change_of)
      assert.truthy(v.lines[#v.lines]:find "ended: net %-?%d?%d%.%d%d USDT", v.lines[#v.lines])
    end
  end)

  it(
    "a loss stays a loss beside a deposit, and one made before a restart is none of the new run's",
    function()
      local err
      local before = virtual.run {
        options = { ["max-daily-loss"] = 20 },
        script = function(v, api)
          move(v, 1000)
          v:run_for(2)
          for _ = 1, 60 do -- fees of about 0.65 a turn
            if not buy(api, 0.01) then break end
            api.create_order {
              symbol = "BTCUSDT",
              side = "SELL",
              type = "MARKET",
              quantity = 0.01,
              reduceOnly = true,
            }
            v:run_for(0.5)
          end
          err = select(2, buy(api, 0.01))
        end,
      }
      assert.is_nil(before.failure, before.failure)
      assert.truthy(tostring(err):find("max%-daily%-loss"), tostring(err))
      local after
      local v = virtual.run {
        after = before,
        options = { ["max-daily-loss"] = 20 },
        script = function(_, api) after = select(2, buy(api, 0.01)) end,
      }
      assert.is_nil(v.failure, v.failure)
      assert.truthy(tostring(after):find("max%-daily%-loss"), tostring(after))
    end
  )

  it("a fee paid in another coin is told in that coin, and counts by its worth", function()
    for name, symbols in pairs { ["of the run's own"] = { "BTCUSDT", "ETHUSDT" }, asked = { "BTCUSDT" } } do
      local C = require "spec.support.c"
      local fills, trades, wallet, risk = {}, nil, nil, {}
      local v = virtual.run {
        symbols = symbols,
        exchange = { others = #symbols == 1 and { "ETHUSDT" } or nil },
        strategy = { on_start = function() end, on_fill = function(_, f) fills[#fills + 1] = f end },
        play = function(v, api)
          v:ask("POST", "/moontide/fees?symbol=ETHUSDT")
          v:run_for(2)
          risk[1] = C.live_risk(v.session.l)
          assert(buy(api, 0.25))
          v:run_for(1)
          local p = v.session.world.view
          assert(api.create_order { symbol = "BTCUSDT", side = "SELL", type = "MARKET", quantity = 0.25 })
          v:run_for(3)
          wallet = tonumber(p.wallet_e8) / 1e8
          trades = api.get_my_trades { symbol = "BTCUSDT" }
          risk[2] = C.live_risk(v.session.l)
        end,
      }
      assert.is_nil(v.failure, name .. tostring(v.failure))
      local coins, realized = 0, 0
      for i, f in ipairs(fills) do
        assert.equal("ETH", f.commissionAsset)
        assert.equal("ETH", trades[i].commissionAsset)
        assert.equal(f.commission, trades[i].commission)
        coins, realized = coins + f.commission, realized + f.realizedPnl
      end
      assert.is_near(10000 + realized, wallet, 1e-6) -- no fee has left it
      local worth = coins * 3200
      local line = v.lines[#v.lines]
      local fees = tonumber(line:match "fees (%d+%.%d+)")
      assert.is_near(worth, fees, worth * 0.05) -- its price moves a little
      local loss = tonumber(risk[2].equity_e8 - risk[1].equity_e8) / 1e8
      assert.is_near(realized - fees, loss, 0.02)
    end
  end)

  it("changed filters apply within the hour, or as soon as one refuses an order", function()
    local first, second, good, third
    local v = virtual.run {
      script = function(v, api, market)
        local price = v:best() * 0.97
        local function rest(quantity)
          return api.create_order {
            symbol = "BTCUSDT",
            side = "BUY",
            type = "LIMIT",
            quantity = quantity,
            price = price,
          }
        end
        price = math.floor(price / 50) * 50 + 10
        change(v, "tickSize=50")
        first = select(2, rest(0.01))
        v:run_for(3)
        second = select(2, rest(0.01))
        price = market.round_price("BTCUSDT", price)
        good = rest(0.01)
        change(v, "stepSize=0.01")
        v:run_for(3700)
        third = select(2, rest(0.025))
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.equal(-4014, first.code) -- the exchange's own word
    assert.truthy(good, v:log())
    assert.equal("invalid", second.kind)
    assert.equal("invalid", third.kind)
    assert.truthy(v:logged "BTCUSDT: the exchange has changed its rules", v:log())
    assert.truthy(v:logged "tick 50 (was 0.1)", v:log())
    assert.truthy(v:logged "step 0.01 (0.001)", v:log())
  end)

  it("rules that no contract can have are not taken over, and a line says so", function()
    local order
    local v = virtual.run {
      script = function(v, api)
        change(v, "minQty=2000") -- more than the most that one order may be
        v:run_for(3700)
        order = api.create_order {
          symbol = "BTCUSDT",
          side = "BUY",
          type = "LIMIT",
          quantity = 0.01,
          price = math.floor(v:best() * 0.97),
        }
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.truthy(
      v:logged "the rules that the exchange tells now are not taken over: these are no rules of a contract",
      v:log()
    )
    assert.is_nil(v:logged "has changed its rules", v:log())
    assert.is_nil(order) -- the exchange goes by them
  end)

  it("a symbol that stops trading is told, its orders refused, its cancels not", function()
    local first, second, cancelled, later
    local v = virtual.run {
      symbols = { "BTCUSDT", "ETHUSDT" },
      script = function(v, api, market)
        local o = assert(api.create_order {
          symbol = "BTCUSDT",
          side = "BUY",
          type = "LIMIT",
          quantity = 0.01,
          price = market.round_price("BTCUSDT", v:best() * 0.97),
        })
        change(v, "status=SETTLING")
        first = select(2, buy(api, 0.01))
        v:run_for(3)
        second = select(2, buy(api, 0.01))
        cancelled = api.cancel_order { symbol = "BTCUSDT", orderId = o.orderId }
        assert(api.create_order { symbol = "ETHUSDT", side = "BUY", type = "MARKET", quantity = 0.1 })
        change(v, "status=TRADING")
        v:run_for(3700)
        later = buy(api, 0.01)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.equal(-4108, first.code)
    assert.equal("invalid", second.kind)
    assert.truthy(tostring(second):find("BTCUSDT does not trade now: its status is SETTLING", 1, true))
    assert.truthy(cancelled)
    assert.truthy(later, v:log())
    assert.equal(1, select(2, v:logged "BTCUSDT does not trade any more: its status is SETTLING"))
    assert.equal(1, select(2, v:logged "BTCUSDT trades again"))
  end)
end)
