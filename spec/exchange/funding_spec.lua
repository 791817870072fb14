-- Funding, index and mark price of the local exchange, over real sockets; its clock runs fast.
local lx = require "spec.support.local_exchange"
local websocket = require "spec.support.websocket"

local EIGHT_HOURS = 8 * 3600 * 1000

describe("moontide exchange: funding", function()
  local x
  setup(
    function()
      x = lx.start {
        "--no-limits",
        "--speed",
        "5000",
        "--rate",
        "0.05",
        "--symbols",
        "BTCUSDT,ETHUSDT",
        "--ping",
        "1000000",
        "--stream-life",
        "10000000",
      }
    end
  )
  teardown(function() x:stop() end)

  it("has a past: three days of payments, and bars of mark price, index and premium", function()
    local rates = x:public("/fapi/v1/fundingRate", { symbol = "BTCUSDT" }).json
    assert.is_true(#rates >= 8)
    for i, r in ipairs(rates) do
      assert.equal(0, r.fundingTime % EIGHT_HOURS)
      assert.is_true(i == 1 or r.fundingTime == rates[i - 1].fundingTime + EIGHT_HOURS)
      assert.is_true(math.abs(tonumber(r.fundingRate)) < 0.003 and tonumber(r.markPrice) > 10000)
    end
    local both = x:public("/fapi/v1/fundingRate", { limit = 4 }).json
    assert.same({ both[1].fundingTime, both[3].fundingTime }, { both[2].fundingTime, both[4].fundingTime })
    assert.equal(both[1].fundingTime + EIGHT_HOURS, both[3].fundingTime)
    local first = x:public(
      "/fapi/v1/fundingRate",
      { symbol = "BTCUSDT", startTime = rates[2].fundingTime, limit = 2 }
    ).json
    assert.same(
      { rates[2].fundingTime, rates[3].fundingTime },
      { first[1].fundingTime, first[2].fundingTime }
    )

    local range = { symbol = "BTCUSDT", pair = "BTCUSDT", interval = "8h", limit = 4 }
    local bars = x:public("/fapi/v1/klines", range).json
    for _, name in ipairs { "markPriceKlines", "indexPriceKlines" } do
      local rows = x:public("/fapi/v1/" .. name, range).json
      assert.equal(4, #rows)
      assert.near(1, rows[2][5] / bars[2][5], 0.003)
      assert.same({ "0", "0" }, { rows[2][6], rows[2][8] })
      assert.truthy(rows[2][2]:find "^%d+%.%d%d%d%d%d%d%d%d$")
    end
    local premium = x:public("/fapi/v1/premiumIndexKlines", range).json[2]
    assert.is_true(tonumber(premium[3]) >= tonumber(premium[4]) and math.abs(tonumber(premium[5])) < 0.003)
  end)

  it("the mark price stream tells what premiumIndex tells", function()
    local s = websocket.open(x.port, "/market/ws/btcusdt@markPrice@1s")
    local e = s:json()
    s:close()
    local now = x:public("/fapi/v1/premiumIndex", { symbol = "BTCUSDT" }).json
    assert.near(1, e.p / now.markPrice, 0.02)
    assert.near(1, e.i / e.p, 0.003)
    assert.equal(0, e.T % EIGHT_HOURS)
    assert.is_true(e.T > e.E and e.T <= e.E + EIGHT_HOURS)
    assert.equal("0.00010000", now.interestRate)
    assert.not_equal(0, tonumber(e.r))
  end)

  it("a position pays or is paid at each stamp: income, event and wallet agree", function()
    local key = x:raw("POST", "/fapi/v1/listenKey", { "X-MBX-APIKEY: " .. x.key }, "").json.listenKey
    local s = websocket.open(x.port, "/private/ws/" .. key)
    assert.equal("FILLED", x:order { type = "MARKET", quantity = "0.05" }.json.status)
    local paid = lx.wait_for("two payments", function() -- the listen key's hour is less than a second here
      x:raw("PUT", "/fapi/v1/listenKey", { "X-MBX-APIKEY: " .. x.key }, "")
      local rows = x:signed("GET", "/fapi/v1/income", { incomeType = "FUNDING_FEE" }).json
      return #rows >= 2 and rows
    end)
    local rates = {}
    for _, r in ipairs(x:public("/fapi/v1/fundingRate", { symbol = "BTCUSDT" }).json) do
      rates[r.fundingTime] = r
    end
    for i = 1, 2 do
      local rate = rates[paid[i].time]
      assert.not_nil(rate, "no rate at the time of the payment")
      assert.near(-0.05 * rate.markPrice * rate.fundingRate, tonumber(paid[i].income), 1e-6)
      local event = s:until_(function(m) return m.e == "ACCOUNT_UPDATE" and m.a.m == "FUNDING_FEE" end)
      assert.equal(tonumber(paid[i].income), tonumber(event.a.B[1].bc))
      assert.equal(0, #event.a.P)
      assert.equal("BTCUSDT", event.a.S)
    end
    s:close()
  end)
end)
