-- A run that is killed, and the next one, in virtual time: the outcome of what was sent is known before the first handler.
local ffi = require "ffi"
local C = require "spec.support.c"
local virtual = require "spec.support.virtual_live"

local ORDER = "POST /fapi/v1/order"

local function buy(api, id, more)
  local o = { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01, newClientOrderId = id }
  for k, value in pairs(more or {}) do
    o[k] = value
  end
  return api.create_order(o)
end

local function executed(v, id)
  local n = 0
  for _, e in ipairs(v:audit()) do
    if e.executed and e.call == ORDER and e.clientOrderId == id then n = n + 1 end
  end
  return n
end

-- The run after one that was killed: its orders, as told before the first handler, and then.
local function again(before, o)
  o = o or {}
  o.after = before
  o.strategy = {
    on_start = function() print "first handler" end,
    on_order = function(_, order) print("order", order.clientOrderId, order.status, order.recovered) end,
    on_fill = function(_, f) print("fill", f.tradeId, f.recovered) end,
  }
  o.play = function(v) v:run_for(5) end
  local v = virtual.run(o)
  assert.is_nil(v.failure, v.failure)
  return v
end

local function killed(script, o)
  o = o or {}
  o.script = script
  return virtual.run(o)
end

describe("a run that was killed, in virtual time", function()
  it(
    "at each moment of an order's way: it is executed once or never, and the next run knows which",
    function()
      local arrived, missing = 0, 0
      for after = 0, 24, 2 do -- milliseconds
        local v = killed(function(v, api)
          v:run_for(1)
          api.spawn(function() buy(api, "one") end)
          v:run_for(after / 1000 + 0.0001)
          v:crash()
        end, { latency = 0.01, jitter = 0 })
        v = again(v)
        local times = executed(v, "one")
        local found, lost = v:logged "was carried out", v:logged "never arrived"
        -- From the 20th on the answer was in, and its outcome in the journal: nothing is left to clear up.
        assert.equal(times == 1 and after < 20, found ~= nil, after .. "\n" .. v:log())
        assert.equal(times == 0, lost ~= nil, after .. "\n" .. v:log())
        assert.is_true(times <= 1)
        assert.equal(times * 0.01, v:position())
        arrived, missing = arrived + times, missing + 1 - times
      end
      assert.is_true(arrived > 3 and missing >= 0, arrived .. " " .. missing)
    end
  )

  it("with an order open: it is adopted, and told to the script as recovered", function()
    local v = killed(function(v, api, market)
      assert(buy(api, "rests", { type = "LIMIT", price = market.round_price("BTCUSDT", v:best() * 0.95) }))
      v:run_for(1)
      v:crash()
    end)
    v = again(v, { options = { ["keep-orders"] = true } })
    assert.truthy(v:logged "stands open: adopted", v:log())
    assert.truthy(v:logged "order\trests\tNEW\ttrue", v:log())
    assert.equal("NEW", v:orders()[1].status)
  end)

  it(
    "with a conditional order open that only its answer told of: the journal knows it by its own id",
    function()
      local placed
      local v = killed(function(v, api, market)
        v:silence("user", 60)
        local trigger = market.round_price("BTCUSDT", v:best() * 0.97)
        placed = assert(buy(api, "guard", { side = "SELL", type = "STOP_MARKET", stopPrice = trigger }))
        v:run_for(0.5)
        v:crash()
      end)
      assert.is_nil(v.failure, v.failure)
      local rows, count, message =
        ffi.new "struct journal_order *[1]", ffi.new "int64_t[1]", ffi.new "struct errmsg"
      local path = v.left .. "/runs/virtual/journal.db"
      assert(C.journal_orders(path, true, 0, rows, count, message) == 0, ffi.string(message.text))
      local list = ffi.gc(rows[0], C.journal_release)
      assert.equal(1, tonumber(count[0]))
      assert.equal("guard", ffi.string(list[0].client_id))
      assert.equal(tonumber(placed.orderId), tonumber(list[0].order_id))
      assert.equal("NEW", ffi.string(list[0].status))
      assert.equal(C.JOURNAL_ACCEPTED, list[0].state)
    end
  )

  it("with an order open, and it is to go: it is cancelled before the first handler", function()
    local v = killed(function(v, api, market)
      assert(buy(api, "rests", { type = "LIMIT", price = market.round_price("BTCUSDT", v:best() * 0.95) }))
      v:run_for(1)
      v:crash()
    end)
    v = again(v, { options = { ["restart-orders"] = "cancel" } })
    assert.equal("CANCELED", v:orders()[1].status)
    assert.is_nil(v:logged "order\trests\tNEW")
  end)

  it("with an order whose answer was lost: the next run finds it", function()
    local v = killed(function(v, api)
      v:run_for(1)
      v:dead "user"
      v:faults {
        { fault = "lose_reply", call = ORDER },
        { fault = "error", call = "GET /fapi/v1/order", status = 503 },
      }
      api.spawn(function() buy(api, "one") end)
      v:run_for(20)
      v:crash()
    end)
    v:no_faults()
    v = again(v)
    assert.truthy(v:logged "was carried out", v:log())
    assert.equal(1, executed(v, "one"))
    assert.equal(0.01, v:position())
  end)

  it(
    "with a request under way that arrives after the next run's start: absence is not believed too early",
    function()
      local v = killed(function(v, api)
        v:run_for(1)
        v:faults { { fault = "late", call = ORDER, delay = 4, most = 1 } }
        api.spawn(function() buy(api, "one") end)
        v:run_for(0.05)
        v:crash()
      end, { options = { ["recv-window"] = 10000 } })
      v = again(v, { options = { ["recv-window"] = 10000 } })
      assert.equal(1, executed(v, "one"))
      assert.truthy(v:logged "was carried out", v:log())
      assert.is_nil(v:logged "never arrived")
    end
  )

  it(
    "holds back the next run's first handler until all is known, however long the exchange is silent",
    function()
      local v = killed(function(v, api)
        v:run_for(1)
        v:faults { { fault = "error", call = "GET /fapi/v1/order", status = 503 } }
        v:dead "all"
        api.spawn(function() buy(api, "one") end)
        v:run_for(0.05)
        v:crash()
      end)
      local next_run = virtual.run {
        after = v,
        strategy = { on_start = function() print "first handler" end },
        play = function() end,
      }
      assert.truthy(
        next_run.failure:find("the outcome of 1 orders of the last run was not known within 30 s", 1, true),
        next_run.failure
      )
      assert.is_nil(next_run:logged "first handler")
    end
  )
end)
