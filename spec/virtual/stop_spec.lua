-- The end of a live run in virtual time: orders cancelled, unknown outcomes waited for, a network that is gone.
local virtual = require "spec.support.virtual_live"

local ORDER = "POST /fapi/v1/order"

local function resting(v, api, market, id)
  return assert(api.create_order {
    symbol = "BTCUSDT",
    side = "BUY",
    type = "LIMIT",
    quantity = 0.01,
    price = market.round_price("BTCUSDT", v:best() * 0.95),
    newClientOrderId = id,
  })
end

local function statuses(v)
  local list = {}
  for _, o in ipairs(v:orders()) do
    list[o.client_id] = o.status
  end
  return list
end

describe("the end of a run in virtual time", function()
  it("cancels its own orders, and leaves those of others", function()
    local v = virtual.run {
      script = function(v, api, market)
        resting(v, api, market, "ours")
        v:order {
          type = "LIMIT",
          price = ("%.1f"):format(math.floor(v:best() * 0.94)),
          newClientOrderId = "theirs",
        }
        v:run_for(2)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.same({ ours = "CANCELED", theirs = "NEW" }, statuses(v))
    assert.truthy(v:logged "1 open orders are not this run's, and are left", v:log())
  end)

  it("waits for what is not known yet, then cancels it too", function()
    local v = virtual.run {
      strategy = { on_start = function() end },
      play = function(v, api, market)
        v:dead "user"
        v:faults {
          { fault = "lose_reply", call = ORDER },
          { fault = "error", call = "GET /fapi/v1/order", status = 503, to = v:now() + 8 },
        }
        api.spawn(function() resting(v, api, market, "unknown") end)
        v:run_for(0.5)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.same({ unknown = "CANCELED" }, statuses(v))
  end)

  it("cancels again when the exchange refuses for a while", function()
    local v = virtual.run {
      settings = virtual.undaunted,
      script = function(v, api, market)
        resting(v, api, market, "ours")
        v:faults {
          { fault = "error", call = "GET /fapi/v1/openOrders", status = 503, most = 3 },
          { fault = "lose_reply", call = "DELETE /fapi/v1/allOpenOrders", most = 1 },
        }
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.same({ ours = "CANCELED" }, statuses(v))
  end)

  it("cannot cancel while the network is gone, says so, and leaves it to the dead man's switch", function()
    local v = virtual.run {
      script = function(v, api, market)
        resting(v, api, market, "ours")
        v:run_for(5)
        v:silence("all", 1000)
      end,
    }
    assert.truthy(v.failure and v.failure:find("check its open orders", 1, true), tostring(v.failure))
    assert.truthy(v:logged "could not be cancelled", v:log())
    v:pass(120)
    assert.same({ ours = "CANCELED" }, statuses(v))
  end)

  it("asked to by a halt: no order is taken any more, all orders of its symbols go", function()
    local err
    local v = virtual.run {
      settings = { run = { on_halt = "stay" } },
      strategy = { on_start = function() end },
      play = function(v, api, market)
        resting(v, api, market, "ours")
        v:order {
          type = "LIMIT",
          price = ("%.1f"):format(math.floor(v:best() * 0.94)),
          newClientOrderId = "theirs",
        }
        v:halt()
        v:run_for(3)
        err =
          select(2, api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 })
        v:run_for(60)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.same({ ours = "CANCELED", theirs = "CANCELED" }, statuses(v))
    assert.truthy(err and tostring(err):find("halt", 1, true), tostring(err))
    assert.equal(0, v:position())
  end)

  it("by a halt that flattens: its position is closed", function()
    local v = virtual.run {
      settings = { run = { halt_flatten = true } },
      strategy = { on_start = function() end },
      play = function(v, api)
        assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.05 })
        v:run_for(1)
        v:halt()
        v:run_for(60)
      end,
    }
    assert.equal(0, v:position())
    assert.truthy(v:logged "the position of 0.05 closed", v:log())
  end)

  -- The time from being asked to end until the end, and the log, of a run whose tasks do as they like.
  local function ended(o)
    local asked
    local v = virtual.run {
      settings = { run = { stop_seconds = 4, stop_timeout = 15, dead_man_seconds = 0 } },
      exchange = o.exchange,
      strategy = o.strategy or { on_start = function() end },
      play = function(v, api, market)
        o.play(v, api, market)
        asked = v:now()
      end,
    }
    return v:now() - asked, v
  end

  local function busy(v, api, market)
    resting(v, api, market, "ours")
    for i = 1, 8 do
      api.spawn(function()
        while true do
          local r = api.get_klines {
            symbol = "BTCUSDT",
            interval = "1m",
            limit = 400 + i,
            priority = "LOW",
            timeout = 300,
            share = false,
          }
          if not r then api.sleep(0.2) end
        end
      end)
    end
    v:run_for(20)
  end

  it("comes at once though tasks ask on and on and the minute's weight is spent", function()
    local took, v = ended { play = busy, exchange = { weight_limit = 400 } }
    assert.is_nil(v.failure, v.failure)
    assert.same({ ours = "CANCELED" }, statuses(v))
    assert.is_true(took < 4, took .. v:log())
  end)

  it("comes within its time whatever the exchange and the script do", function()
    for name, case in pairs {
      silent = { play = function(v) v:silence("all", 1000) end },
      failing = {
        play = function(v) v:faults { { fault = "error", status = 503 } } end,
      },
      slow = { play = function(v) v:latency(4) end },
      ["asked for silence"] = {
        play = function(v, api)
          v:faults { { fault = "error", call = "GET /fapi/v3/balance", status = 418, retry_after = 600 } }
          api.get_balance()
        end,
      },
      ["an order under way"] = {
        play = function(v, api)
          v:faults { { fault = "lose_reply" } }
          for _ = 1, 3 do
            api.spawn(
              function()
                api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 }
              end
            )
          end
          v:run_for(0.1)
        end,
      },
      ["an on_stop that asks on and on"] = {
        strategy = {
          on_start = function() end,
          on_stop = function()
            while true do
              virtual.current.api.get_ticker_price { symbol = "BTCUSDT", share = false }
            end
          end,
        },
        play = function() end,
      },
    } do
      local took, v = ended {
        strategy = case.strategy,
        play = function(v, api, market)
          resting(v, api, market, "ours")
          v:run_for(1)
          case.play(v, api, market)
        end,
      }
      assert.is_true(took <= 16, name .. " " .. took)
      assert.truthy(v:logged "ended: net", name)
    end
  end)

  -- One that buys and protects itself, and what is asked of its end.
  local function protected(settings, options)
    return virtual.run {
      settings = { run = settings or {} },
      options = options,
      strategy = { on_start = function() end },
      play = function(v, api, market)
        assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.05 })
        local bid = v:best()
        for id, o in pairs {
          stop = { side = "SELL", type = "STOP_MARKET", quantity = 0.05, reduceOnly = true, stopPrice = 0.95 },
          all = { side = "SELL", type = "STOP_MARKET", closePosition = true, stopPrice = 0.94 },
          entry = { side = "BUY", type = "STOP_MARKET", quantity = 0.05, stopPrice = 1.05 },
          wrong = { side = "BUY", type = "STOP_MARKET", quantity = 0.05, reduceOnly = true, stopPrice = 1.06 },
        } do
          o.symbol, o.stopPrice = "BTCUSDT", market.round_price("BTCUSDT", bid * o.stopPrice)
          o.newClientOrderId = id
          assert(api.create_order(o))
        end
        resting(v, api, market, "rests")
        v:run_for(2)
      end,
    }
  end
  local function left(v)
    local ids = {}
    for _, path in ipairs { "openOrders", "openAlgoOrders" } do
      for _, o in ipairs(v:signed("GET", "/fapi/v1/" .. path, {})) do
        ids[#ids + 1] = o.clientAlgoId or o.clientOrderId
      end
    end
    table.sort(ids)
    return table.concat(ids, " ")
  end

  it("that leaves a position says so, and leaves it what protects it", function()
    local v = protected()
    assert.is_nil(v.failure, v.failure)
    assert.equal("all stop", left(v))
    assert.truthy(v:logged "2 conditional orders that close it are kept", v:log())
    local line = v:logged "stays open"
    assert.truthy(line and line:find "BTCUSDT 0%.05 at %d+.* %(unrealized %-?%d+%.%d%d USDT%)", v:log())
    local last = v.lines[#v.lines]
    assert.truthy(last:find("ended: net ", 1, true), last)
    assert.truthy(last:find("1 fills; open: BTCUSDT 0.05 at ", 1, true), last)
  end)

  it("cancels what protects it only when told to, or when the position is closed", function()
    assert.equal("", left(protected { cancel_stops = true }))
    local v = protected({}, { ["keep-orders"] = true })
    assert.equal("all entry rests stop wrong", left(v))
    v = protected { halt_flatten = true }
    assert.equal("all stop", left(v))
  end)

  it("says what it came to, in its last line, as its fills and fees were", function()
    local v = virtual.run {
      script = function(v, api)
        assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.05 })
        assert(api.create_order { symbol = "BTCUSDT", side = "SELL", type = "MARKET", quantity = 0.05 })
        v:run_for(2)
      end,
    }
    local realized, fees = 0, 0
    for _, row in ipairs(v:signed("GET", "/fapi/v1/income", {})) do
      if row.incomeType == "REALIZED_PNL" then realized = realized + row.income end
      if row.incomeType == "COMMISSION" then fees = fees - row.income end
    end
    assert.is_true(fees > 1)
    local line = ("ended: net %.2f USDT (realized %.2f, fees %.2f, funding 0.00, unrealized 0.00), %%d+ fills; no position is open$"):format(
      realized - fees,
      realized,
      fees
    )
    assert.truthy(v.lines[#v.lines]:find((line:gsub("[%(%)%-]", "%%%0"))), v.lines[#v.lines])
  end)

  it("the next start says what it takes over", function()
    local before = protected()
    local v = virtual.run { after = before, script = function(v) v:run_for(1) end }
    local line = v:logged "taken over: BTCUSDT 0.05 at "
    assert.truthy(line and line:find("2 open orders", 1, true), v:log())
    assert.truthy(v.lines[#v.lines]:find("0 fills; open: BTCUSDT 0.05", 1, true), v.lines[#v.lines])
  end)

  it("a handler that is under way has its time, and no more", function()
    local v = virtual.run {
      settings = { run = { stop_seconds = 10 } },
      strategy = {
        on_start = function() print "begun" end,
        on_stop = function() virtual.current.api.sleep(1000) end,
      },
      play = function(v, api, market)
        resting(v, api, market, "ours")
        v:run_for(1)
      end,
    }
    assert.same({ ours = "CANCELED" }, statuses(v))
    assert.is_true(v:now() < 60, v:now())
  end)
end)
