-- Clocks that differ, and jump, in virtual time.
local C = require "spec.support.c"
local virtual = require "spec.support.virtual_live"

local function order(api)
  return api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 }
end

local function offset(v) return tonumber(C.live_figures(v.session.l).clock_offset_us) / 1e6 end

describe("clocks in virtual time", function()
  it(
    "the exchange's clock jumps on: refused for its stamp, an order is stamped anew and executed once",
    function()
      local got, err, before, after
      local v = virtual.run {
        script = function(v, api)
          v:run_for(2)
          before = offset(v)
          v:clock_jump(30)
          got, err = order(api)
          v:run_for(2)
          after = offset(v)
        end,
      }
      assert.is_nil(v.failure, v.failure)
      assert.equal("FILLED", got and got.status, tostring(err))
      assert.equal(1, #v:orders())
      assert.near(0, before, 0.01)
      assert.near(30, after, 0.01)
    end
  )

  for _, skew in ipairs { -20, -3, 3, 20 } do
    it(
      ("stamps are taken %d s off for a while: each order is executed all the same, once"):format(skew),
      function()
        local good = 0
        local v = virtual.run {
          script = function(v, api)
            v:run_for(2)
            v:faults { { fault = "skew", delay = skew, to = 150 } }
            for _ = 1, 8 do
              if order(api) then good = good + 1 end
              v:run_for(30)
            end
          end,
        }
        assert.is_nil(v.failure, v.failure)
        assert.equal(8, good, v:log())
        assert.equal(8, #v:orders())
      end
    )
  end

  it("a second each way is measured, and orders are stamped so that they are taken", function()
    local v = virtual.run {
      latency = 1,
      jitter = 0.5,
      script = function(v, api)
        for _ = 1, 5 do
          assert(order(api))
          v:run_for(5)
        end
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.equal(5, #v:orders())
    assert.is_true(math.abs(tonumber(v.figures.clock_offset_us)) < 0.5e6)
    assert.is_true(tonumber(v.figures.clock_uncertainty_us) > 0.5e6)
    for _, e in ipairs(v:audit()) do
      assert.is_true(e.code == nil or e.code == 0, tostring(e.code))
    end
  end)

  it("no order leaves before the clock is known", function()
    local v = virtual.run {
      exchange = { faults = { { fault = "error", call = "GET /fapi/v1/time", status = 500, to = 8 } } },
      script = function(_, api) assert(order(api)) end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.equal(1, #v:orders())
    assert.is_true(v:audit()[1].time / 1000 >= 1700000040 + 8)
  end)
end)
