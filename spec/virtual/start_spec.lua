-- The start of a live run in virtual time: an exchange that is silent, refuses, limits, or comes late.
local virtual = require "spec.support.virtual_live"

local function nothing(v) v:run_for(1) end

describe("the start in virtual time", function()
  it("fails in one line when the exchange cannot be reached", function()
    local v = virtual.run { script = nothing, plan = { { "refuse", "all", seconds = 1000 } } }
    assert.truthy(v.failure:find "^http://127.0.0.1:1/fapi/v1/exchangeInfo: Connection refused", v.failure)
    assert.is_nil(v.started)
  end)

  it("fails when the exchange says nothing, after its time", function()
    local v = virtual.run { script = nothing, plan = { { "silence", "all", seconds = 1000 } } }
    assert.truthy(v.failure:find("Connection timed out", 1, true), v.failure)
    assert.is_true(v:now() >= 5 and v:now() < 11, v:now())
  end)

  it("fails when there are no streams to be had, and names them", function()
    local v = virtual.run { script = nothing, plan = { { "refuse", "market", seconds = 1000 } } }
    assert.truthy(v.failure:find("no stream within 30 s", 1, true), v.failure)
    assert.truthy(v.failure:find("Connection refused", 1, true), v.failure)
    assert.is_true(v:now() >= 30 and v:now() < 31, v:now())
  end)

  it("waits for streams that come late", function()
    local v = virtual.run {
      script = nothing,
      plan = { { "refuse", "market", seconds = 12 }, { "refuse", "user", seconds = 9 } },
    }
    assert.is_nil(v.failure, v.failure)
    assert.truthy(v.started)
    assert.is_true(v:now() > 12 and v:now() < 25, v:now())
  end)

  it("an account that answers late, or with errors for a while, is waited for", function()
    local v = virtual.run {
      settings = virtual.undaunted,
      exchange = {
        faults = {
          { fault = "error", class = "account", status = 503, to = 10 },
          { fault = "delay", class = "account", delay = 2, from = 10 },
        },
      },
      script = nothing,
    }
    assert.is_nil(v.failure, v.failure)
    assert.is_true(v:now() > 10, v:now())
  end)

  it("a key that the exchange does not know ends it, in one line", function()
    local v = virtual.run {
      exchange = {
        faults = {
          { fault = "error", class = "account", status = 401, code = -2015, message = "Invalid API-key" },
        },
      },
      script = nothing,
    }
    assert.equal("http://127.0.0.1:1/fapi/v1/listenKey answered 401, -2015: Invalid API-key", v.failure)
    assert.is_true(v:now() < 1.5, v:now())
  end)

  it("any answer but 200 to any of its calls ends it at once, in one line with status and text", function()
    for _, case in ipairs {
      { 451, 0, "Service unavailable from a restricted location", "answered 451: Service unavailable from" },
      { 401, -2014, "API-key format invalid.", "answered 401, -2014: API-key format invalid." },
      { 400, -1022, "Signature is not valid.", "answered 400, -1022: Signature is not valid." },
      { 403, nil, nil, "answered 403: a firewall's page (403): 403 Forbidden" },
      { 407, nil, nil, "answered 407: the proxy wants a login (407)" },
      { 302, nil, nil, "answered 302: a redirect, which is not followed" },
      { 418, -1003, "Way too many requests", "answered 418, -1003: Way too many requests" },
      { 404, nil, nil, "answered 404: a page of something between: 404 Not Found" },
    } do
      for _, call in ipairs {
        "GET /fapi/v1/exchangeInfo",
        "GET /fapi/v1/time",
        "POST /fapi/v1/listenKey",
        "GET /fapi/v1/openOrders",
        "GET /fapi/v1/openAlgoOrders",
        "GET /fapi/v1/userTrades",
        "GET /fapi/v3/account",
        "GET /fapi/v3/positionRisk",
      } do
        local path = call:match " (.*)"
        local v = virtual.run {
          exchange = {
            faults = { { fault = "error", call = call, status = case[1], code = case[2], message = case[3] } },
          },
          script = nothing,
        }
        local line = ("http://127.0.0.1:1%s %s"):format(path, case[4])
        assert.equal(line, v.failure and v.failure:sub(1, #line))
        assert.is_nil(v.failure:find "\n")
        assert.is_true(v:now() < 2, path .. " " .. v:now())
      end
    end
  end)

  it("what passes is waited for: 503 and 429 to its first calls", function()
    for _, call in ipairs { "GET /fapi/v1/exchangeInfo", "GET /fapi/v1/time", "POST /fapi/v1/listenKey" } do
      local v = virtual.run {
        exchange = {
          faults = {
            { fault = "error", call = call, status = 503, most = 2 },
            { fault = "error", call = call, status = 429, code = -1003, retry_after = 2, most = 1 },
          },
        },
        script = nothing,
      }
      assert.is_nil(v.failure, call .. tostring(v.failure))
    end
  end)

  it("an exchange that fails for as long as it is asked is told with what it said last", function()
    local v = virtual.run {
      exchange = { faults = { { fault = "error", call = "POST /fapi/v1/listenKey", status = 502 } } },
      script = nothing,
    }
    assert.truthy(v.failure:find("no account", 1, true), v.failure)
    assert.truthy(
      v.failure:find("/fapi/v1/listenKey answered 502: a gateway's page: 502 Bad Gateway", 1, true),
      v.failure
    )
  end)

  it("without a key is refused, with what to do about it", function()
    local v = virtual.run { anonymous = true, script = nothing }
    assert.truthy(v.failure:find("no API key", 1, true), v.failure)
    assert.truthy(v.failure:find("--market-only", 1, true), v.failure)
    assert.is_nil(v.started)
  end)

  it("to look only: market data, and no request that needs a key", function()
    local err, order_err
    local v = virtual.run {
      anonymous = true,
      options = { ["market-only"] = true },
      script = function(v, api)
        v:run_for(61)
        err = select(2, api.get_balance())
        order_err =
          select(2, api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 })
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.truthy(tostring(err):find("no API key", 1, true), tostring(err))
    assert.equal("invalid", err.kind)
    assert.equal("invalid", order_err.kind)
    assert.truthy(tostring(order_err):find("--market-only", 1, true), tostring(order_err))
    assert.equal(0, #v:audit())
  end)
end)
