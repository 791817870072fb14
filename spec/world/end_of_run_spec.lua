-- Whose orders go when a run ends: its own, and not what somebody else has open on the same symbol.
local control = require "moontide.live.control_socket"
local live_run = require "spec.support.live_run"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

local SIGKILL, SIGTERM, SIGUSR1 = 9, 15, 10

describe("when a live run ends", function()
  local x, r, low
  setup(function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT", "--wallet", "1000000" } end)
  teardown(function() x:stop() end)

  -- What stands open at the exchange by client id, plain and conditional, in order.
  local function open_ids()
    local ids = {}
    for _, o in ipairs(x:signed("GET", "/fapi/v1/openOrders", {}).json) do
      ids[#ids + 1] = o.clientOrderId
    end
    for _, o in ipairs(x:signed("GET", "/fapi/v1/openAlgoOrders", {}).json) do
      ids[#ids + 1] = o.clientAlgoId
    end
    table.sort(ids)
    return ids
  end

  before_each(function()
    low = math.floor(x:best() * 0.9)
    -- Somebody's position with its stop, and an order to buy more.
    x:order { type = "MARKET", quantity = "0.010", newClientOrderId = "hand-bought" }
    x:order { price = low, newClientOrderId = "hand-buys" }
    assert.equal(
      200,
      x:signed("POST", "/fapi/v1/algoOrder", {
        algoType = "CONDITIONAL",
        symbol = "BTCUSDT",
        side = "SELL",
        type = "STOP_MARKET",
        quantity = "0.010",
        triggerPrice = low,
        reduceOnly = "true",
        clientAlgoId = "hand-stop",
      }).status
    )
    assert.same({ "hand-buys", "hand-stop" }, open_ids())
  end)
  after_each(function()
    if r then r:close() end
    r = nil
    x:no_faults()
    for _, path in ipairs { "allOpenOrders", "algoOpenOrders" } do
      x:signed("DELETE", "/fapi/v1/" .. path, { symbol = "BTCUSDT" })
    end
    local p = x:signed("GET", "/fapi/v3/positionRisk", {}).json[1]
    if p then
      x:order { side = "SELL", type = "MARKET", quantity = p.positionAmt, newClientOrderId = "hand-sells" }
    end
  end)

  local function script(prefix)
    return (
      ([[ return { symbols = { "BTCUSDT" }, on_start = function()
      local p = assert(api.get_ticker_price { symbol = "BTCUSDT" }).price
      assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = market.round_price("BTCUSDT", p * 0.95), newClientOrderId = "PRE-buys" })
      assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "STOP_MARKET", quantity = 0.01, stopPrice = market.round_price("BTCUSDT", p * 1.05), newClientOrderId = "PRE-stop" })
      assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = market.round_price("BTCUSDT", p * 0.96) })
      print "rests" io.stdout:flush() end } ]]):gsub("PRE", prefix)
    )
  end
  local function started(scripts, arguments)
    r = live_run.start(x, scripts, arguments or { "--recv-window", "1000" })
    local count = 0
    for _ in pairs(scripts) do
      count = count + 1
    end
    lx.wait_for("all to have ordered", function() return select(2, r:out():gsub("rests", "")) == count end)
    assert.equal(2 + 3 * count, #open_ids())
    return r
  end

  it("in order, its own orders go, and nobody else's", function()
    started { script "mine" }:kill(SIGTERM)
    assert.equal(0, r:wait(), r:err())
    assert.same({ "hand-buys", "hand-stop" }, open_ids())
    assert.truthy(r:err():find("BTCUSDT: 3 open orders cancelled", 1, true), r:err())
    assert.truthy(r:err():find("BTCUSDT: 2 open orders are not this run's, and are left", 1, true), r:err())
  end)

  it("killed, its own orders go, and nobody else's", function()
    started({ script "mine" }, { "--on-failure", "halt", "--recv-window", "1000" })
    r:kill(SIGKILL, control.ask(r:path(nil, "supervisor.sock"), { cmd = "status" }).pid)
    assert.equal(1, r:wait(), r:err())
    assert.same({ "hand-buys", "hand-stop" }, open_ids())
  end)

  it("beside another of the same symbol, the other's stay", function()
    started({ a = script "a", b = script "b" }, { "--recv-window", "1000" })
    assert.is_table(control.ask(r:path("a", "supervisor.sock"), { cmd = "stop" }))
    lx.wait_for("a's to be gone", function() return #open_ids() == 5 end)
    local ids = table.concat(open_ids(), " ")
    assert.truthy(ids:find("b-buys b-stop hand-buys hand-stop", 1, true), ids)
    r:kill(SIGTERM)
    assert.equal(0, r:wait(), r:err())
    assert.same({ "hand-buys", "hand-stop" }, open_ids())
  end)

  it("and one of its orders was filled or cancelled in that moment, that is no failure", function()
    started { script "mine" }
    x:faults {
      {
        fault = "error",
        call = "DELETE /fapi/v1/order",
        status = 400,
        code = -2011,
        message = "Unknown order sent.",
        most = 1,
      },
    }
    r:kill(SIGTERM)
    assert.equal(0, r:wait(), r:err())
    assert.falsy(r:err():find("could not be cancelled", 1, true), r:err())
  end)

  it("by the kill switch all orders of its symbols go but a stop that protects a position", function()
    started { script "mine" }:kill(SIGUSR1)
    r:wait()
    assert.same({ "hand-stop" }, open_ids())
    assert.truthy(r:err():find("BTCUSDT 0.01 at ", 1, true), r:err())
    assert.truthy(r:err():find("1 conditional orders that close it are kept", 1, true), r:err())
  end)

  it("by the kill switch, told to cancel stops, or with its positions closed, all orders go", function()
    r = started({ script "mine" }, { "--recv-window", "1000", "--cancel-stops" })
    r:kill(SIGUSR1)
    r:wait()
    assert.same({}, open_ids())
    assert.truthy(r:err():find("no order protects it", 1, true), r:err())
    r:close()
    x:order { price = low, newClientOrderId = "hand-again" }
    r = live_run.start(
      x,
      { 'return { symbols = { "BTCUSDT" }, on_start = function() print "rests" io.stdout:flush() end }' }
    )
    r:wait_for "rests"
    local stopped = run.moontide({ "stop", "script", "--flatten" }, "MOONTIDE_HOME=" .. r.home)
    assert.equal(0, stopped.status, stopped.err)
    assert.same({}, open_ids())
    assert.same({}, x:signed("GET", "/fapi/v3/positionRisk", {}).json)
  end)

  it("and its journal was taken away, all go rather than none", function()
    started { script "mine" }
    assert(os.remove(r:path(nil, "journal.db")))
    r:kill(SIGTERM)
    r:wait()
    assert.same({ "hand-stop" }, open_ids()) -- it only closes what is held
    assert.truthy(
      r:err():find("which open orders are this run's is not known: all are cancelled", 1, true),
      r:err()
    )
  end)
end)
