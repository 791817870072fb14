-- Streams of a live run in virtual time: cut, silent, refused, replaced before their end, without a listen key.
local virtual = require "spec.support.virtual_live"

-- A script that tells its fills, and trades a little for so many seconds.
local function trader(seconds, each)
  return {
    on_fill = function(_, f) print(("fill %s %s %s"):format(f.tradeId, f.qty, tostring(f.recovered))) end,
  }, function(v, api)
    local began, k = v:now(), 0
    while v:now() < began + seconds do
      k = k + 1
      api.create_order {
        symbol = "BTCUSDT",
        side = k % 2 == 0 and "SELL" or "BUY",
        type = "MARKET",
        quantity = 0.01,
      }
      v:run_for(each or 0.5)
    end
    v:run_for(5)
  end
end

local function told(v)
  local list, recovered = {}, 0
  for _, line in ipairs(v.lines) do
    local id, qty, again = line:match "^fill (%S+) (%S+) (%S+)"
    if id then
      list[#list + 1] = { id = id, qty = tonumber(qty) }
      if again == "true" then recovered = recovered + 1 end
    end
  end
  return list, recovered
end

-- Each fill of the exchange, once and in order.
local function compare(v)
  local list, recovered = told(v)
  local truth = v:fills()
  assert.equal(#truth, #list, v:log())
  for i, t in ipairs(truth) do
    assert.equal(t.id, list[i].id)
    assert.near(t.qty, list[i].qty, 1e-12)
  end
  return recovered, #truth
end

describe("streams in virtual time", function()
  it("a user stream that is cut while it trades: every fill is told once and in order", function()
    local strategy, play = trader(20)
    local v = virtual.run {
      strategy = strategy,
      play = function(v, api)
        for at = 1, 19, 3 do
          v:cut("user", 0, at)
        end
        play(v, api)
      end,
    }
    assert.is_nil(v.failure)
    local _, count = compare(v)
    assert.is_true(count >= 35)
    assert.is_true(tonumber(v.figures.stream_reconnects) >= 6, v:log())
  end)

  it("what is lost with a connection that cannot be made again for a while is asked for, once", function()
    local strategy, play = trader(20)
    local v = virtual.run {
      strategy = strategy,
      play = function(v, api)
        v:refuse("user", 8, 3)
        v:cut("user", 0, 3.01)
        play(v, api)
      end,
    }
    assert.is_nil(v.failure)
    local recovered, count = compare(v)
    assert.is_true(recovered >= 10 and recovered < count, recovered .. " of " .. count .. "\n" .. v:log())
    assert.truthy(v:logged "Connection refused")
    assert.truthy(v:logged "user stream: connected again")
  end)

  it("a connection that is dead though nobody ended it is found out by a ping without an answer", function()
    local strategy, play = trader(30, 2)
    local v = virtual.run {
      strategy = strategy,
      options = { ["stream-silence"] = 6 },
      play = function(v, api)
        v:dead("user", 0, 2)
        play(v, api)
      end,
    }
    assert.is_nil(v.failure)
    assert.truthy(v:logged "silence: no answer to a ping", v:log())
    compare(v)
  end)
end)
