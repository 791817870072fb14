-- Orders by the WebSocket API in virtual time: its connection cut, silent, replaced; answers lost.
local virtual = require "spec.support.virtual_live"

local ORDER = "POST /fapi/v1/order"

local function buy(api, id)
  return api.create_order {
    symbol = "BTCUSDT",
    side = "BUY",
    type = "MARKET",
    quantity = 0.01,
    newClientOrderId = id,
  }
end

-- Executed orders by their client id, and how many requests for orders came by each channel.
local function truth(v)
  local times, channels = {}, { rest = 0, ws = 0 }
  for _, e in ipairs(v:audit()) do
    if e.call == ORDER then channels[e.channel] = channels[e.channel] + 1 end
    if e.executed and e.call == ORDER then times[e.clientOrderId] = (times[e.clientOrderId] or 0) + 1 end
  end
  return times, channels
end

local function run(script, o)
  o = o or {}
  o.script = script
  o.options = o.options or {}
  o.options["order-channel"] = "ws"
  local v = virtual.run(o)
  assert.is_nil(v.failure, v.failure)
  return v
end

describe("orders by the WebSocket API in virtual time", function()
  it("go by it; while its connection is gone by REST, and by it again when it is back", function()
    local v = run(function(v, api)
      for i = 1, 60 do
        assert(buy(api, "o" .. i))
        if i == 20 then
          v:refuse("api", 8)
          v:cut "api"
        end
        v:run_for(0.5)
      end
    end)
    local times, channels = truth(v)
    for i = 1, 60 do
      assert.equal(1, times["o" .. i], i)
    end
    assert.is_true(channels.ws >= 35 and channels.rest >= 10, channels.ws .. " " .. channels.rest)
    assert.truthy(v:logged "orders go by REST until then", v:log())
    assert.truthy(v:logged "WebSocket API: connected again", v:log())
    assert.near(0.6, v:position(), 1e-9)
  end)

  it("cut while an order is under way: whichever way it got, it is executed once", function()
    for after = 0, 24, 3 do -- milliseconds
      local got, err
      local v = run(function(v, api)
        v:run_for(1)
        v:cut("api", 0, after / 1000 + 0.0005)
        got, err = buy(api, "one")
      end, { latency = 0.01, jitter = 0 })
      assert.equal("FILLED", got and got.status, after .. ": " .. tostring(err))
      assert.equal(1, truth(v).one)
      assert.equal(0.01, v:position())
    end
  end)

  it("answers that are lost, late or cannot be read: looked up, executed once", function()
    for _, rule in ipairs {
      { fault = "lose_reply" },
      { fault = "lose_request" },
      { fault = "malformed" },
      { fault = "reset" },
      { fault = "error_after", status = 504 },
      { fault = "late", delay = 11 },
    } do
      local got, err
      rule.call, rule.most = ORDER, 1
      local v = run(function(v, api)
        v:run_for(1)
        v:faults { rule }
        got, err = buy(api, "one")
      end)
      assert.equal("FILLED", got and got.status, rule.fault .. " " .. tostring(err))
      assert.equal(1, truth(v).one, rule.fault)
    end
  end)

  it("a connection that is dead is found out by its silence, and replaced", function()
    local v = run(function(v, api)
      v:run_for(1)
      v:dead "api"
      v:run_for(45)
      assert(buy(api, "one"))
    end)
    local times, channels = truth(v)
    assert.equal(1, times.one)
    assert.equal(1, channels.ws)
    assert.truthy(v:logged "WebSocket API: silence: no answer to a ping", v:log())
  end)

  it("connections are replaced before their end: all orders go by WebSocket, none waits", function()
    local slowest = 0
    local v = run(function(v, api)
      for i = 1, 300 do
        local began = v:now()
        assert(buy(api, "o" .. i))
        slowest = math.max(slowest, v:now() - began)
        v:run_for(1)
      end
    end, { options = { ["stream-age"] = 50 }, exchange = { stream_life = 60, wallet = 1e6 } })
    local times, channels = truth(v)
    for i = 1, 300 do
      assert.equal(1, times["o" .. i], i)
    end
    assert.equal(0, channels.rest)
    assert.is_true(slowest < 0.05, slowest)
    assert.equal(0, tonumber(v.figures.stream_reconnects), v:log())
    assert.is_true(tonumber(v.figures.stream_swaps) >= 8)
  end)
end)
