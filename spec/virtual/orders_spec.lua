-- Orders whose requests or answers are lost, late or refused, in virtual time: each is executed once, and its caller hears the truth.
local virtual = require "spec.support.virtual_live"

local ORDER, QUERY = "POST /fapi/v1/order", "GET /fapi/v1/order"

-- How often the exchange executed each client id.
local function executed(v)
  local times = {}
  for _, e in ipairs(v:audit()) do
    if e.executed and e.call == ORDER then times[e.clientOrderId] = (times[e.clientOrderId] or 0) + 1 end
  end
  return times
end

local function buy(api, id, more)
  local o = { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01, newClientOrderId = id }
  for k, value in pairs(more or {}) do
    o[k] = value
  end
  return api.create_order(o)
end

-- One order under these rules: what its caller got, and the run.
local function one(rules, more, options)
  local got, err, took
  local v = virtual.run {
    options = options,
    script = function(v, api)
      v:run_for(1)
      if rules then v:faults(rules) end
      local began = v:now()
      got, err = buy(api, "one", more)
      took = v:now() - began
      v:run_for(1)
    end,
  }
  assert.is_nil(v.failure, v.failure)
  return v, got, err, took
end

describe("orders in virtual time", function()
  it("an answer that is lost: the order is found, and its caller gets its fill", function()
    local v, got, err, took = one { { fault = "lose_reply", call = ORDER, most = 1 } }
    assert.equal("FILLED", got and got.status, tostring(err))
    assert.same({ one = 1 }, executed(v))
    assert.equal(0.01, v:position())
    assert.equal(1, tonumber(v.figures.resolved_found))
    assert.is_true(took < 1, took) -- the user stream tells it before any time is up
  end)

  it("a request that is lost: it is sent once more only when its stamp is too old to be taken", function()
    local v, got, err, took = one { { fault = "lose_request", call = ORDER, most = 1 } }
    assert.equal("FILLED", got and got.status, tostring(err))
    assert.same({ one = 1 }, executed(v))
    assert.equal(1, tonumber(v.figures.resolved_absent))
    assert.is_true(took > 5, took) -- recvWindow
  end)

  for _, status in ipairs { 500, 502, 503, 504 } do
    it(("an order that was executed and answered with %d is found, not sent again"):format(status), function()
      local v, got, err = one { { fault = "error_after", call = ORDER, status = status, most = 1 } }
      assert.equal("FILLED", got and got.status, tostring(err))
      assert.same({ one = 1 }, executed(v))
      assert.equal(0.01, v:position())
    end)
  end

  it("a request that arrives late, after its caller's time: executed once", function()
    local v, got, err = one { { fault = "late", call = ORDER, delay = 12, most = 1 } }
    assert.equal("FILLED", got and got.status, tostring(err))
    local times = executed(v)
    assert.equal(1, times.one)
  end)

  it("a request that arrives late within recvWindow, while it is being looked up: executed once", function()
    local v, got, err = one(
      { { fault = "late", call = ORDER, delay = 4, most = 1 } },
      nil,
      { ["recv-window"] = 5000 }
    )
    assert.equal("FILLED", got and got.status, tostring(err))
    assert.same({ one = 1 }, executed(v))
  end)

  it("an answer that cannot be read tells that something was done: it is looked up", function()
    for _, fault in ipairs { "malformed", "reset" } do
      local v, got, err = one { { fault = fault, call = ORDER, most = 1 } }
      assert.equal("FILLED", got and got.status, fault .. " " .. tostring(err))
      assert.same({ one = 1 }, executed(v))
    end
  end)

  it("while nothing can be asked the outcome stays unknown; as soon as it can be, it is found", function()
    local got, err, took
    local v = virtual.run {
      script = function(v, api)
        v:run_for(1)
        v:silent_answers("requests", 90)
        v:dead("user")
        local began = v:now()
        got, err = buy(api, "one")
        took = v:now() - began
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.equal("FILLED", got and got.status, tostring(err))
    assert.same({ one = 1 }, executed(v))
    assert.is_true(took >= 30, took) -- not before somebody could tell
  end)

  it("the user stream tells first what became of an order whose answer is lost", function()
    local v, got, err, took = one {
      { fault = "lose_reply", call = ORDER, most = 1 },
      { fault = "error", call = QUERY, status = 503, to = 60 },
    }
    assert.equal("FILLED", got and got.status, tostring(err))
    assert.same({ one = 1 }, executed(v))
    assert.equal(1, tonumber(v.figures.resolved_heard))
    assert.is_true(took < 15, took)
  end)

  it("connections that are cut under a request: executed once, whichever way it got", function()
    for after = 0, 30, 3 do -- milliseconds after the order left
      local got, err
      local v = virtual.run {
        latency = 0.01,
        jitter = 0,
        script = function(v, api)
          v:run_for(1)
          v:cut("requests", 0, after / 1000 + 0.0005)
          got, err = buy(api, "one")
        end,
      }
      assert.is_nil(v.failure, v.failure)
      assert.equal("FILLED", got and got.status, after .. ": " .. tostring(err))
      assert.same({ one = 1 }, executed(v))
      assert.equal(0.01, v:position())
    end
  end)

  it("while no connection can be made nothing has left, and it is tried again", function()
    local got, err
    local v = virtual.run {
      settings = virtual.undaunted,
      script = function(v, api)
        v:run_for(1)
        v:refuse("requests", 1)
        v:cut("requests")
        v:run_for(0.1)
        got, err = buy(api, "one")
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.equal("FILLED", got and got.status, tostring(err))
    assert.same({ one = 1 }, executed(v))
    assert.is_true(tonumber(v.figures.unsent) > 0)
  end)

  it("a cancel whose answer is lost: the order is gone, and its caller hears so", function()
    local done, err
    local v = virtual.run {
      script = function(v, api, market)
        local bid = v:best()
        local o = assert(buy(api, "rests", {
          type = "LIMIT",
          timeInForce = "GTC",
          price = market.round_price("BTCUSDT", bid * 0.95),
        }))
        v:faults { { fault = "lose_reply", call = "DELETE /fapi/v1/order", most = 1 } }
        done, err = api.cancel_order { symbol = "BTCUSDT", orderId = o.orderId }
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.equal("CANCELED", done and done.status, tostring(err))
    assert.equal("CANCELED", v:orders()[1].status)
  end)

  it("a batch whose answer is lost: each of its orders is found", function()
    local list, err
    local v = virtual.run {
      script = function(v, api)
        v:run_for(1)
        v:faults { { fault = "lose_reply", call = "POST /fapi/v1/batchOrders", most = 1 } }
        local batch = {}
        for i = 1, 4 do
          batch[i] = {
            symbol = "BTCUSDT",
            side = "BUY",
            type = "MARKET",
            quantity = 0.01,
            newClientOrderId = "b" .. i,
          }
        end
        list, err = api.batch_orders(batch)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.equal(4, list and #list, tostring(err))
    for _, o in ipairs(list) do
      assert.equal("FILLED", o.status)
    end
    assert.equal(4, #v:orders())
    assert.near(0.04, v:position(), 1e-12)
  end)

  it(
    "hundreds of orders under all faults at once: none twice, none lost, every caller told the truth",
    function()
      for seed = 1, 3 do
        local believed = {}
        local v = virtual.run {
          seed = seed,
          exchange = { wallet = 1000000, order_limits = { 100000, 100000 }, weight_limit = 1000000, rate = 5 },
          settings = virtual.undaunted,
          options = { ["recv-window"] = 400 },
          script = function(v, api, market)
            v:faults {
              { fault = "lose_reply", call = ORDER, share = 0.08 },
              { fault = "lose_request", call = ORDER, share = 0.05 },
              { fault = "no_connection", call = ORDER, share = 0.05 },
              { fault = "reset", call = ORDER, share = 0.05 },
              { fault = "error_after", call = ORDER, status = 502, share = 0.05 },
              { fault = "error", call = ORDER, status = 503, share = 0.05 },
              { fault = "error", call = ORDER, status = 503, code = -1008, share = 0.05 },
              { fault = "malformed", call = ORDER, share = 0.03 },
              { fault = "delay", call = ORDER, delay = 0.05, jitter = 0.05, share = 0.1 },
              { fault = "late", call = ORDER, delay = 0.3, jitter = 0.1, share = 0.05 },
              { fault = "lose_reply", call = QUERY, share = 0.1 },
              { fault = "error", call = QUERY, status = 500, share = 0.1 },
              { fault = "stream_drop", class = "account", share = 0.02 },
            }
            for at = 5, 200, 7 do
              v:cut("requests", 0, at)
            end
            local price = market.round_price("BTCUSDT", v:best() * 0.98)
            local tasks = {}
            for k = 1, 10 do
              tasks[k] = api.spawn(function()
                for i = 1, 20 do
                  local id = ("once-%d-%d"):format(k, i)
                  local o, problem = buy(api, id, { type = "LIMIT", timeInForce = "IOC", price = price })
                  believed[id] = o and "executed" or problem.kind .. " " .. tostring(problem)
                end
              end)
            end
            api.all(tasks)
          end,
        }
        assert.is_nil(v.failure, v.failure)
        local times, count = executed(v), 0
        for id, what in pairs(believed) do
          count = count + 1
          assert.equal("executed", what, id)
          assert.equal(1, times[id], id)
        end
        assert.equal(200, count)
        for id, n in pairs(times) do
          assert.equal(1, n, id)
        end
      end
    end
  )
end)
