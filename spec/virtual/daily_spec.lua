-- What a run says of itself as hours and days go by, in virtual time: heartbeat lines, and what a day came to.
local virtual = require "spec.support.virtual_live"

describe("a run that goes on for long", function()
  local function lines_with(v, text)
    local found = {}
    for _, line in ipairs(v.lines) do
      if line:find(text, 1, true) then found[#found + 1] = line end
    end
    return found
  end

  it("says every so often how it stands", function()
    local v = virtual.run {
      options = { heartbeat = 600 },
      script = function(run, api)
        assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.02 })
        run:run_for(3700)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    local beats = lines_with(v, "heartbeat")
    assert.equal(6, #beats)
    for _, line in ipairs(beats) do
      assert.truthy(
        line:find 'INFO heartbeat equity=%d+%.?%d* today=%-?%d+%.?%d* positions="BTCUSDT 0.02" open_orders=0 queue=0'
      )
      assert.truthy(line:find "lag_ms=")
    end
  end)

  it("says nothing with --heartbeat 0, but what each UTC day came to", function()
    local fills
    local v = virtual.run {
      options = { heartbeat = 0 },
      script = function(run, api)
        run:run_for(60)
        assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.02 })
        run:run_for(7200) -- 22:14 and two hours: the day ends
        fills = #lines_with(run, " day 2023-11-14")
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.equal(0, #lines_with(v, "heartbeat"))
    assert.equal(1, fills)
    local line = lines_with(v, " day 2023-11-14")[1]
    local result, equity =
      line:match "day 2023%-11%-14: ([+-][%d.]+) USDT, equity ([%d.]+); since 22:14: realized 0.00, fees %d"
    assert.truthy(result, line)
    -- The account began with 10000: the day's result is what it has more.
    assert.is_true(math.abs(10000 + tonumber(result) - tonumber(equity)) < 0.011, line)
    assert.truthy(line:find("open: BTCUSDT 0.02 at ", 1, true), line)
  end)
end)
