-- `--state FILE`: the account goes on where it was.
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

describe("moontide exchange --state", function()
  local folder
  before_each(function() folder = run.folder() end)
  after_each(function() run.remove(folder) end)

  local function start(more)
    local arguments = { "--state", folder .. "/account", "--symbols", "BTCUSDT,ETHUSDT", "--no-limits" }
    for _, a in ipairs(more or {}) do
      arguments[#arguments + 1] = a
    end
    return lx.start(arguments)
  end

  it("keeps wallet, positions, settings, open orders and history", function()
    local x = start()
    local bid = x:best()
    x:signed("POST", "/fapi/v1/leverage", { symbol = "ETHUSDT", leverage = 7 })
    x:signed("POST", "/fapi/v1/marginType", { symbol = "ETHUSDT", marginType = "ISOLATED" })
    assert.equal("FILLED", x:order({ type = "MARKET", quantity = "0.02" }).json.status)
    assert.equal(
      "FILLED",
      x:order({ symbol = "ETHUSDT", side = "SELL", type = "MARKET", quantity = "0.5" }).json.status
    )
    local open = x:order({ price = ("%.1f"):format(math.floor(bid * 0.96)), newClientOrderId = "kept" }).json
    assert.equal(
      200,
      x:signed("POST", "/fapi/v1/algoOrder", {
        algoType = "CONDITIONAL",
        symbol = "BTCUSDT",
        side = "SELL",
        type = "STOP_MARKET",
        closePosition = "true",
        triggerPrice = ("%.1f"):format(math.floor(bid * 0.9)),
        clientAlgoId = "stop",
      }).status
    )
    local function facts(e)
      local account = e:signed("GET", "/fapi/v3/account", {}).json
      local rows = {}
      for i, p in ipairs(e:signed("GET", "/fapi/v3/positionRisk", {}).json) do
        rows[i] = p.symbol
          .. " "
          .. p.positionAmt
          .. " "
          .. p.entryPrice
          .. " "
          .. p.breakEvenPrice
          .. " "
          .. p.isolatedWallet
      end
      return {
        wallet = account.totalWalletBalance,
        rows = rows,
        trades = #e:signed("GET", "/fapi/v1/userTrades", { symbol = "BTCUSDT" }).json,
        orders = #e:signed("GET", "/fapi/v1/allOrders", { symbol = "BTCUSDT" }).json,
        income = #e:signed("GET", "/fapi/v1/income", {}).json,
        algos = #e:signed("GET", "/fapi/v1/openAlgoOrders", {}).json,
        config = e:signed("GET", "/fapi/v1/symbolConfig", { symbol = "ETHUSDT" }).json,
      }
    end
    local before, price = facts(x), x:best()
    x:stop()
    x = start { "--synthetic", "9" }
    finally(function() x:stop() end)
    assert.same(before, facts(x))
    local again = x:signed("GET", "/fapi/v1/openOrders", { symbol = "BTCUSDT" }).json
    assert.equal(open.orderId, again[1].orderId)
    assert.equal("kept", again[1].clientOrderId)
    assert.near(price, x:best(), price * 0.01) -- the made market goes on at its price
    assert.equal(
      "CANCELED",
      x:signed("DELETE", "/fapi/v1/order", { symbol = "BTCUSDT", origClientOrderId = "kept" }).json.status
    )
    local closed = x:order({ side = "SELL", type = "MARKET", quantity = "0.02", reduceOnly = "true" }).json
    assert.equal("FILLED", closed.status)
    assert.equal(open.orderId + 1, closed.orderId) -- ids go on, whatever the seed
  end)

  it("is one exchange's at a time", function()
    local x = start()
    finally(function() x:stop() end)
    local r = run.moontide { "exchange", "--port", "0", "--state", folder .. "/account" }
    assert.equal(1, r.status)
    assert.equal(
      ("moontide exchange: --state %s/account: another exchange has this account; give this one a file of its own\n"):format(
        folder
      ),
      r.err
    )
  end)

  it("refuses what is not whole or not its own in one line, and leaves it alone", function()
    start():stop()
    local good = run.read(folder .. "/account")
    local at = math.floor(#good / 2)
    for text, expected in pairs {
      ["nonsense"] = "not the state of an exchange",
      [good:sub(1, -10)] = "damaged: its length",
      [good:sub(1, at - 1) .. string.char((good:byte(at) + 1) % 256) .. good:sub(at + 1)] = "damaged: the checksum",
    } do
      run.write(folder .. "/account", text)
      local r = run.moontide { "exchange", "--port", "0", "--state", folder .. "/account" }
      assert.equal(1, r.status)
      assert.truthy(r.err:find(expected, 1, true), r.err)
      assert.equal(text, run.read(folder .. "/account"))
    end
    run.write(folder .. "/account", good)
    local r =
      run.moontide { "exchange", "--port", "0", "--state", folder .. "/account", "--symbols", "BTCUSDT" }
    assert.truthy(r.err:find("it knows ETHUSDT, which this exchange does not trade", 1, true), r.err)
    r = run.moontide { "exchange", "--port", "0", "--state", folder }
    assert.equal(1, r.status)
    assert.truthy(r.err:find("cannot read " .. folder, 1, true), r.err)
  end)
end)
