-- Orders of every kind over real sockets through faults, clocks that are off, and kills of workers and supervisors: what the exchange
-- has, what the journal says and what the script was told agree, order by order and fill by fill. `make soak` runs the same longer.
local storm = require "spec.support.order_storm"

local seed = tonumber(os.getenv "MOONTIDE_SEED") or 1

it(
  "a storm of 300 orders: none lost, duplicated or misstated, each fill told once, positions equal",
  function()
    io.stderr:write(("orders in a storm: seed %d (make test SEED=%d)\n"):format(seed, seed))
    local r = storm.run { orders = 300, strategies = 2, kills = 4, seed = seed }
    assert.same({}, r.problems)
    for _, what in ipairs(storm.DIFFERENCES) do
      assert.equal(0, r[what], what)
    end
    assert.equal(300, r.orders)
    assert.is_true(r.executed > 200, r.executed)
    assert.is_true(r.fills > 100, r.fills)
    assert.is_true(r.kills > 0)
    for _, fault in ipairs { "lose_reply", "error", "error_after" } do
      assert.is_true((r.struck[fault] or 0) > 0, fault)
    end
  end
)
