-- The dead man's switch in virtual time: the exchange cancels our orders when it has not heard of us for so long.
local virtual = require "spec.support.virtual_live"

local COUNTDOWN = "POST /fapi/v1/countdownCancelAll"

-- A run with one order far below the market, that lasts `seconds` more.
local function with_order(o, seconds, fn)
  o.script = function(v, api, market)
    local price = market.round_price("BTCUSDT", v:best() * 0.95)
    assert(api.create_order {
      symbol = "BTCUSDT",
      side = "BUY",
      type = "LIMIT",
      quantity = 0.01,
      price = price,
      newClientOrderId = "rests",
    })
    if fn then fn(v, api) end
    v:run_for(seconds)
  end
  o.settings = o.settings or {}
  o.settings.run = { dead_man_seconds = 60 }
  return virtual.run(o)
end

local function renewals(v)
  local times = {}
  for _, e in ipairs(v:audit()) do
    if e.call == COUNTDOWN and e.executed then times[#times + 1] = e.time end
  end
  return times
end

describe("the dead man's switch in virtual time", function()
  it("is renewed at a third of its time, for as long as the run lives", function()
    local v = with_order({}, 1800)
    assert.is_nil(v.failure, v.failure)
    local times = renewals(v)
    assert.is_true(#times >= 90 and #times <= 92, #times)
    for i = 2, #times - 1 do
      local between = (times[i] - times[i - 1]) / 1000
      assert.is_true(between > 19.9 and between < 20.5, between)
    end
    assert.equal("CANCELED", v:orders()[1].status) -- at the end of the run, by the run
    assert.truthy(v:logged "1 open orders cancelled", v:log())
  end)

  it(
    "cancels when the network is gone for longer than its time, and the run hears of it afterwards",
    function()
      local before, after, heard
      local v = with_order({}, 60, function(v)
        v:run_for(30)
        v:dead "all"
        v:silence("all", 100)
        before = v:orders()[1].status
        v:run_for(95)
        after = v:orders()[1].status
        v:wait_until(function() return v:logged "user stream: connected again" end, 120)
        v:run_for(5)
        heard = tonumber(require("spec.support.c").live_risk(v.session.l).open_orders)
      end)
      assert.is_nil(v.failure, v.failure)
      assert.equal("NEW", before)
      assert.equal("CANCELED", after)
      assert.equal(0, heard)
    end
  )

  it("is not touched off by a network that is gone for less", function()
    local after
    local v = with_order({}, 60, function(v)
      v:run_for(30)
      v:silence("all", 30)
      v:run_for(60)
      after = v:orders()[1].status
    end)
    assert.is_nil(v.failure, v.failure)
    assert.equal("NEW", after)
  end)

  it("is disarmed at an orderly end that keeps orders", function()
    local v = with_order({ options = { ["keep-orders"] = true } }, 10)
    assert.is_nil(v.failure, v.failure)
    v:pass(600)
    assert.equal("NEW", v:orders()[1].status)
  end)

  it("does the cancelling for a run that is killed", function()
    local v = with_order({}, 0, function(v)
      v:run_for(10)
      v:crash()
    end)
    assert.equal("NEW", v:orders()[1].status)
    v:pass(61)
    assert.equal("CANCELED", v:orders()[1].status)
  end)

  it("says so when the exchange cannot be told, and tries each second", function()
    local armed
    local v = with_order({ settings = virtual.undaunted }, 5, function(v)
      v:run_for(5)
      v:faults { { fault = "error", call = COUNTDOWN, status = 400, code = -1000 } }
      v:run_for(40)
      v:no_faults()
      v:run_for(3)
      armed = tonumber(require("spec.support.c").live_figures(v.session.l).dead_man_armed)
    end)
    assert.is_nil(v.failure, v.failure)
    assert.truthy(v:logged "could not be renewed", v:log())
    assert.is_true(tonumber(v.figures.dead_man_failed) >= 15)
    assert.is_true(armed >= 2)
    assert.equal("CANCELED", v:orders()[1].status)
  end)

  it("is the run's, and not the script's to set or end", function()
    local err
    local v = with_order(
      {},
      40,
      function(_, api)
        err = select(
          2,
          api.request(
            "POST",
            "/fapi/v1/countdownCancelAll",
            { symbol = "BTCUSDT", countdownTime = 0 },
            { signed = true }
          )
        )
      end
    )
    assert.is_nil(v.failure, v.failure)
    assert.truthy(tostring(err):find("the dead man's switch is the run's", 1, true), tostring(err))
    assert.is_true(#renewals(v) >= 3)
  end)
end)
