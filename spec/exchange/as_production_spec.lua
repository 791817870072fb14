-- What production refuses or takes, and a client would else find out only there.
local lx = require "spec.support.local_exchange"

describe("moontide exchange, as production", function()
  local x
  setup(function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT" } end)
  teardown(function() x:stop() end)

  local function price(factor) return ("%.1f"):format(x:best "BTCUSDT" * factor) end

  local function order(changes)
    local p = {
      symbol = "BTCUSDT",
      side = "BUY",
      type = "LIMIT",
      timeInForce = "GTC",
      quantity = "0.010",
      price = price(0.97),
    }
    for name, value in pairs(changes) do
      p[name] = value
    end
    return x:signed("POST", "/fapi/v1/order", p)
  end

  local function conditional(changes)
    local p = {
      algoType = "CONDITIONAL",
      symbol = "BTCUSDT",
      side = "SELL",
      type = "STOP_MARKET",
      triggerPrice = price(0.9),
    }
    for name, value in pairs(changes) do
      p[name] = value
    end
    return x:signed("POST", "/fapi/v1/algoOrder", p)
  end

  it("takes numbers only in plain digits", function()
    for _, text in ipairs { "1e-2", "+0.01", ".01", "1.", "-0.01", "1E0", "000000000000000000000.01" } do
      local r = order { quantity = text }
      assert.equal(400, r.status, text)
      assert.equal(-1100, r.json.code, text .. ": " .. r.body)
      assert.truthy(r.body:find("parameter 'quantity'", 1, true), r.body)
    end
    assert.equal(200, order({ quantity = "0.0100" }).status)
  end)

  it("takes booleans in any case of letters", function()
    for _, text in ipairs { "TRUE", "True", "true", "FALSE", "False", "false" } do
      local r = conditional { quantity = "0.010", priceProtect = text }
      assert.equal(200, r.status, text .. ": " .. r.body)
      assert.equal(text:lower() == "true", r.json.priceProtect)
    end
    assert.equal(-1102, conditional({ quantity = "0.010", priceProtect = "yes" }).json.code)
  end)

  it("lets one stop and one take-profit that close the position rest in a direction", function()
    local market = { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = "0.010" }
    assert.equal(200, x:signed("POST", "/fapi/v1/order", market).status)
    assert.equal(200, conditional({ closePosition = "true" }).status)
    local second = conditional { closePosition = "true", triggerPrice = price(0.91) }
    assert.equal(-4130, second.json.code, second.body)
    assert.equal(
      200,
      conditional({ type = "TAKE_PROFIT_MARKET", triggerPrice = price(1.1), closePosition = "true" }).status
    )
    -- Gone, it makes room for the next.
    x:signed("DELETE", "/fapi/v1/algoOpenOrders", { symbol = "BTCUSDT" })
    assert.equal(200, conditional({ closePosition = "true", triggerPrice = price(0.91) }).status)
  end)

  it("says what is wrong with a goodTillDate", function()
    local r = order { timeInForce = "GTD", goodTillDate = "1796020000" }
    assert.equal(-5040, r.json.code)
    assert.equal(
      "The goodTillDate timestamp must be greater than the current time plus 600 seconds and smaller than 253402300799000.",
      r.json.msg
    )
  end)

  it("says of an amended order how its price is matched", function()
    local made = order({}).json
    local amended = x:signed("PUT", "/fapi/v1/order", {
      symbol = "BTCUSDT",
      orderId = made.orderId,
      side = "BUY",
      quantity = "0.010",
      priceMatch = "QUEUE",
    })
    assert.equal("QUEUE", amended.json.priceMatch, amended.body)
    local later = x:signed("GET", "/fapi/v1/order", { symbol = "BTCUSDT", orderId = made.orderId })
    assert.equal("QUEUE", later.json.priceMatch)
    amended = x:signed("PUT", "/fapi/v1/order", {
      symbol = "BTCUSDT",
      orderId = made.orderId,
      side = "BUY",
      quantity = "0.010",
      price = price(0.95),
    })
    assert.equal("NONE", amended.json.priceMatch, amended.body)
  end)
end)
