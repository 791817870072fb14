-- Connections kept open before they are needed, in virtual time.
local virtual = require "spec.support.virtual_live"

describe("kept connections in virtual time", function()
  -- How long three orders at once take, in seconds.
  local function burst(o)
    local took
    o.latency, o.jitter = 0.05, 0
    o.script = function(v, api)
      v:run_for(45)
      local tasks, began = {}, v:now()
      for i = 1, 3 do
        tasks[i] = api.spawn(
          function()
            assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 })
          end
        )
      end
      api.all(tasks)
      took = v:now() - began
      if o.after_burst then o.after_burst(v, api) end
    end
    local v = virtual.run(o)
    assert.is_nil(v.failure, v.failure)
    return took, v
  end

  it("a burst of orders pays for no handshake", function()
    local took, v = burst { options = { ["warm-connections"] = 3 } }
    assert.near(0.1, took, 0.001) -- there and back
    assert.equal(3, #v:orders())
  end)

  it("connections that the exchange has cut are made again before they are needed", function()
    local second
    local _, v = burst {
      options = { ["warm-connections"] = 3 },
      after_burst = function(v, api)
        v:cut "requests"
        v:run_for(25)
        local began = v:now()
        assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 })
        second = v:now() - began
      end,
    }
    assert.near(0.1, second, 0.001)
    assert.equal(4, #v:orders())
  end)
end)
