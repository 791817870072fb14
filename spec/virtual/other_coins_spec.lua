-- Accounts whose money is not USDT, in virtual time: contracts that are settled in USDC.
local C = require "spec.support.c"
local virtual = require "spec.support.virtual_live"

local function trade(api, side, quantity)
  return api.create_order { symbol = "BTCUSDC", side = side, type = "MARKET", quantity = quantity }
end

describe("in virtual time, contracts settled in USDC", function()
  it("have their wallet, fees and result in USDC", function()
    local fills, wallet, balance, account, trades, position = {}, nil, nil, nil, nil, nil
    local v = virtual.run {
      symbols = { "BTCUSDC" },
      strategy = { on_start = function() end, on_fill = function(_, f) fills[#fills + 1] = f end },
      play = function(v, api)
        assert(trade(api, "BUY", 0.25))
        v:run_for(2)
        position = assert(api.get_position_info { symbol = "BTCUSDC" })[1]
        assert(trade(api, "SELL", 0.25))
        v:run_for(3)
        wallet = tonumber(v.session.world.view.wallet_e8) / 1e8
        balance, account = assert(api.get_balance()), assert(api.get_account_info())
        trades = assert(api.get_my_trades { symbol = "BTCUSDC" })
      end,
    }
    assert.is_nil(v.failure, v.failure)
    local realized, fees = 0, 0
    for i, f in ipairs(fills) do
      assert.equal("USDC", f.commissionAsset)
      assert.equal("USDC", trades[i].commissionAsset)
      assert.equal(f.commission, trades[i].commission)
      realized, fees = realized + f.realizedPnl, fees + f.commission
    end
    assert.is_true(fees > 10) -- 0.05 % of some 32,500
    assert.is_near(10000 + realized - fees, wallet, 1e-6)
    assert.equal("USDC", position.marginAsset)
    assert.equal("USDC", balance[1].asset)
    assert.equal("USDC", account.assets[1].asset)
    assert.is_near(wallet, account.assets[1].walletBalance, 1e-6)
    local net = v.lines[#v.lines]:match "ended: net (%-?[%d.]+) USDC"
    assert.is_near(realized - fees, tonumber(net), 0.011)
  end)

  it("count a loss in USDC for --max-daily-loss, told by the stream or asked for", function()
    for name, stream in pairs { ["the stream"] = true, ["asked for"] = false } do
      local err
      local v = virtual.run {
        symbols = { "BTCUSDC" },
        options = { ["max-daily-loss"] = 20 },
        script = function(v, api)
          if not stream then v:silence("user", 60) end
          for _ = 1, 60 do -- fees of about 0.65 a turn
            if not trade(api, "BUY", 0.01) then break end
            trade(api, "SELL", 0.01)
            v:run_for(0.5)
          end
          err = select(2, trade(api, "BUY", 0.01))
        end,
      }
      assert.is_nil(v.failure, name .. tostring(v.failure))
      assert.truthy(tostring(err):find("max%-daily%-loss"), name .. ": " .. tostring(err))
    end
  end)

  it("count a fee in BNB by its price in USDC", function()
    local fills = {}
    local v = virtual.run {
      symbols = { "BTCUSDC" },
      exchange = { others = { "BNBUSDC" } },
      strategy = { on_start = function() end, on_fill = function(_, f) fills[#fills + 1] = f end },
      play = function(v, api)
        v:ask("POST", "/moontide/fees?symbol=BNBUSDC")
        v:run_for(2)
        assert(trade(api, "BUY", 0.25))
        v:run_for(1)
        assert(trade(api, "SELL", 0.25))
        v:run_for(3)
        assert.is_true(C.live_risk(v.session.l).equity_e8 > 0)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    local coins = 0
    for _, f in ipairs(fills) do
      assert.equal("BNB", f.commissionAsset)
      coins = coins + f.commission
    end
    local fees = tonumber(v.lines[#v.lines]:match "fees (%d+%.%d+)")
    assert.is_near(coins * 600, fees, coins * 600 * 0.05) -- its price moves a little
  end)

  it("are not traded beside those settled in USDT", function()
    local v = virtual.run { symbols = { "BTCUSDT", "BTCUSDC" }, script = function() end }
    assert.truthy(tostring(v.failure):find("BTCUSDT is settled in USDT, BTCUSDC in USDC", 1, true), v.failure)
  end)
end)
