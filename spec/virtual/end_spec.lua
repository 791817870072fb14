-- How a run ends in virtual time while its user stream is silent: what was missed is asked for and told, and the journal is right.
local ffi = require "ffi"
local C = require "spec.support.c"
local virtual = require "spec.support.virtual_live"

local function journal_of(v)
  local rows, count, message =
    ffi.new "struct journal_order *[1]", ffi.new "int64_t[1]", ffi.new "struct errmsg"
  local path = v.folder .. "/home/runs/virtual/journal.db"
  assert(C.journal_orders(path, false, 0, rows, count, message) == 0, ffi.string(message.text))
  local status = {}
  for i = 0, tonumber(count[0]) - 1 do
    status[ffi.string(rows[0][i].client_id)] = ffi.string(rows[0][i].status)
  end
  C.journal_release(rows[0])
  return status
end

describe("the end of a run in virtual time", function()
  it("tells the fills that a silent stream has not told, before on_stop", function()
    local told, at_stop = 0, nil
    local v = virtual.run {
      strategy = {
        on_fill = function() told = told + 1 end,
        on_stop = function() at_stop = told end,
      },
      play = function(run, api, market)
        run:run_for(1)
        assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 })
        run:run_for(1)
        run:dead "user" -- and nothing says so
        for i = 1, 5 do
          assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 })
          local id = "rests-" .. i
          assert(api.create_order {
            symbol = "BTCUSDT",
            side = "BUY",
            type = "LIMIT",
            quantity = 0.01,
            price = market.round_price("BTCUSDT", run:best() * 0.97),
            newClientOrderId = id,
          })
          assert(api.cancel_order { symbol = "BTCUSDT", origClientOrderId = id })
        end
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.equal(#v:fills(), at_stop)
    assert.is_true(at_stop >= 6)
    local status = journal_of(v)
    for i = 1, 5 do
      assert.equal("CANCELED", status["rests-" .. i])
    end
  end)

  it("writes a cancel's answer to the journal, whatever the stream tells", function()
    local v = virtual.run {
      script = function(run, api, market)
        run:run_for(1)
        run:dead "user"
        local order = {
          symbol = "BTCUSDT",
          side = "BUY",
          type = "LIMIT",
          quantity = 0.01,
          price = market.round_price("BTCUSDT", run:best() * 0.97),
          newClientOrderId = "rests",
        }
        assert(api.create_order(order))
        assert(api.cancel_order { symbol = "BTCUSDT", origClientOrderId = "rests" })
        run:run_for(0.2)
        run:crash()
      end,
    }
    assert.equal("CANCELED", journal_of(v).rests)
  end)
end)
