-- What the exchange refuses for its limits, in virtual time: 429, 418, and orders of a window.
local virtual = require "spec.support.virtual_live"

local function price_of(v, market) return market.round_price("BTCUSDT", v:best() * 0.98) end

local function ioc(api, price)
  return api.create_order {
    symbol = "BTCUSDT",
    side = "BUY",
    type = "LIMIT",
    timeInForce = "IOC",
    quantity = 0.01,
    price = price,
  }
end

describe("limits in virtual time", function()
  it("429: nothing is sent until Retry-After is over; then the request is repeated", function()
    local took, got, err
    local v = virtual.run {
      script = function(v, api)
        v:run_for(2)
        v:faults {
          {
            fault = "error",
            call = "GET /fapi/v3/balance",
            status = 429,
            code = -1003,
            retry_after = 20,
            most = 1,
          },
        }
        local began = v:now()
        got, err = api.get_balance()
        took = v:now() - began
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.truthy(got, tostring(err))
    assert.is_true(took >= 20 and took < 30, took)
  end)

  it("418: banned, nothing at all is sent until the ban is over", function()
    local sent_before, sent_in_ban, err, answered
    local v = virtual.run {
      options = { ["warm-connections"] = 0 },
      script = function(v, api)
        v:run_for(2)
        v:faults {
          {
            fault = "error",
            call = "GET /fapi/v3/balance",
            status = 418,
            code = -1003,
            retry_after = 120,
            most = 1,
          },
        }
        api.spawn(function() err = select(2, api.get_balance()) end)
        v:run_for(1)
        sent_before = v:requests()
        v:run_for(115)
        sent_in_ban = v:requests() - sent_before
        v:run_for(5)
        answered = api.get_balance()
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.equal(0, sent_in_ban)
    assert.equal("rate_limited", err and err.kind) -- at once: it could not leave in time
    assert.truthy(answered, v:log())
  end)

  -- What is sent until `seconds` after a refusal of the account's balance, and what follows.
  local function met(fault, seconds)
    local r = {}
    fault.fault, fault.call, fault.most = "error", "GET /fapi/v3/balance", fault.most or 1
    r.v = virtual.run {
      options = { ["warm-connections"] = 0 },
      script = function(v, api)
        v:run_for(2)
        local more = fault.more
        fault.more = nil
        v:faults { fault }
        r.err = select(2, api.get_balance())
        local before = v:requests()
        v:run_for(seconds)
        r.meanwhile = v:requests() - before
        v:run_for(3)
        r.answer, r.err_again = api.get_balance()
        if more then more(v, api, r) end
      end,
    }
    assert.is_nil(r.v.failure, r.v.failure)
    return r
  end

  it("418 without Retry-After: silent until the time in its text", function()
    local until_ms = 1700000040000 + 100000
    local r = met({ status = 418, code = -1003, message = ("banned until %d."):format(until_ms) }, 96)
    assert.equal("rate_limited", r.err.kind)
    assert.equal(0, r.meanwhile)
    assert.truthy(r.answer, tostring(r.err_again))
    assert.equal(1, select(2, r.v:logged "nothing is sent for"))
    assert.truthy(r.v:logged "status 418 -1003 (banned until", r.v:log())
  end)

  it("418 with neither: silent for two minutes, and for four when it is met again", function()
    local again
    local r = met({
      status = 418,
      code = -1003,
      message = "Way too many requests",
      most = 2,
      more = function(v, api, r)
        again = v:requests()
        v:run_for(235)
        again = v:requests() - again
        v:run_for(6)
        r.answer = api.get_balance()
      end,
    }, 118)
    assert.equal(0, r.meanwhile)
    assert.equal("rate_limited", r.err_again.kind)
    assert.equal(0, again)
    assert.truthy(r.answer)
  end)

  it("a firewall's page is named, and left alone for a minute", function()
    local r = met({ status = 403 }, 57)
    assert.equal("rate_limited", r.err.kind)
    assert.truthy(tostring(r.err):find("a firewall's page (403): 403 Forbidden", 1, true), tostring(r.err))
    assert.equal(0, r.meanwhile)
    assert.truthy(r.answer)
    assert.equal(1, select(2, r.v:logged "a firewall's page (403)"))
  end)

  it("a proxy that wants a login is named, asked again with pauses, and no order was executed", function()
    local err, count
    local v = virtual.run {
      script = function(v, api)
        v:run_for(2)
        v:faults { { fault = "error", call = "POST /fapi/v1/order", status = 407 } }
        local before = v:requests()
        err =
          select(2, api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 })
        count = v:requests() - before
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.equal("network", err.kind)
    assert.truthy(tostring(err):find("the proxy wants a login (407)", 1, true), tostring(err))
    assert.is_true(count >= 2 and count < 12, count)
    assert.equal(0, v:position())
  end)

  it("a page with status 200 is no answer: a read is repeated, an order looked up", function()
    local got, order
    local v = virtual.run {
      settings = virtual.undaunted,
      script = function(v, api)
        v:run_for(2)
        v:faults {
          { fault = "error", call = "GET /fapi/v3/balance", status = 200, most = 2 },
          { fault = "error_after", call = "POST /fapi/v1/order", status = 200, most = 1 },
        }
        got = api.get_balance()
        order = api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 }
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.truthy(got)
    assert.equal(0.01, order.executedQty)
    assert.equal(0.01, v:position())
  end)

  it("orders of ten seconds and of a minute: all are sent in time, none is refused", function()
    local good, took = 0, nil
    local v = virtual.run {
      exchange = { order_limits = { 50, 120 }, wallet = 1000000 },
      script = function(v, api, market)
        local price, tasks, began = price_of(v, market), {}, v:now()
        for i = 1, 200 do
          tasks[i] = api.spawn(function()
            if ioc(api, price) then good = good + 1 end
          end)
        end
        api.all(tasks)
        took = v:now() - began
      end,
      settings = { queue_timeout = 300 },
    }
    assert.is_nil(v.failure, v.failure)
    assert.equal(200, good)
    assert.is_true(took > 20 and took < 130, took)
    for _, e in ipairs(v:audit()) do
      assert.is_true(e.code == nil or e.code == 0, tostring(e.code))
    end
    for _, m in ipairs(v:ask("GET", "/moontide/audit?limit=0").windows) do
      assert.is_true(m.orders <= 120 and m.mostOrders10s <= 50)
    end
  end)

  it("weight that somebody else uses up is seen in the answers' headers, and left to him", function()
    local refused, done = 0, 0
    local v = virtual.run {
      exchange = { weight_limit = 200 },
      options = { ["warm-connections"] = 0 },
      script = function(v, api)
        v:run_for(61)
        for _ = 1, 30 do -- the other one
          v:ask("GET", "/fapi/v1/exchangeInfo")
          v:signed("GET", "/fapi/v3/account", {})
        end
        for _ = 1, 20 do
          local _, err = api.get_account_info()
          if err and err.code == -1003 then
            refused = refused + 1
          else
            done = done + 1
          end
        end
      end,
      settings = { queue_timeout = 300 },
    }
    assert.is_nil(v.failure, v.failure)
    assert.equal(20, done)
    assert.equal(0, refused)
  end)

  it("banned before it starts: the clock is asked for once, not each second", function()
    local v = virtual.run {
      exchange = {
        faults = {
          {
            fault = "error",
            call = "GET /fapi/v1/time",
            status = 418,
            code = -1003,
            retry_after = 25,
            to = 25,
          },
        },
      },
      script = function(v) v:run_for(1) end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.is_true(v:requests() < 24, v:requests())
    assert.is_true(v:now() > 25 and v:now() < 30, v:now())
  end)

  it("an urgent cancel passes what waits for the limits", function()
    local cancelled, waited
    local v = virtual.run {
      exchange = { order_limits = { 20, 1200 }, wallet = 1000000 },
      settings = { queue_timeout = 300 },
      script = function(v, api, market)
        local price = price_of(v, market)
        local o = assert(
          api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = price }
        )
        for _ = 1, 60 do
          api.spawn(function() ioc(api, price) end)
        end
        v:run_for(1)
        local began = v:now()
        cancelled = api.cancel_order { symbol = "BTCUSDT", orderId = o.orderId }
        waited = v:now() - began
        v:run_for(40)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.equal("CANCELED", cancelled and cancelled.status)
    assert.is_true(waited < 0.1, waited)
  end)
end)
