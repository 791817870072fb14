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
    assert.truthy(v.failure:find("no account (is the key right?)", 1, true), v.failure)
  end)

  it("without a key: market data only, and no request that needs one", function()
    local err
    local v = virtual.run {
      anonymous = true,
      script = function(v, api)
        v:run_for(61)
        err = select(2, api.get_balance())
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.truthy(tostring(err):find("no API key", 1, true), tostring(err))
    assert.equal(0, #v:audit())
  end)
end)
