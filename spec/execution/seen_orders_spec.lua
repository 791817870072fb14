-- Which orders were conditional ones, by the ids that a script names them by.
local ffi = require "ffi"
local C = require "spec.support.c"

describe("orders that a run has seen", function()
  local s

  before_each(function() s = ffi.new "struct seen_orders" end)

  it("are known by either id, each as what it is", function()
    assert.equal(C.SEEN_UNKNOWN, C.seen_orders_find(s, "1000001"))
    C.seen_orders_add(s, "1000001", false)
    C.seen_orders_add(s, "3000000000000001", true)
    C.seen_orders_add(s, "my-stop", true)
    assert.equal(C.SEEN_PLAIN, C.seen_orders_find(s, "1000001"))
    assert.equal(C.SEEN_CONDITIONAL, C.seen_orders_find(s, "3000000000000001"))
    assert.equal(C.SEEN_CONDITIONAL, C.seen_orders_find(s, "my-stop"))
    assert.equal(C.SEEN_UNKNOWN, C.seen_orders_find(s, "my-stop2"))
    assert.equal(C.SEEN_UNKNOWN, C.seen_orders_find(s, ""))
  end)

  it("are what they were last", function()
    C.seen_orders_add(s, "a", true)
    C.seen_orders_add(s, "a", false)
    assert.equal(C.SEEN_PLAIN, C.seen_orders_find(s, "a"))
    assert.equal(1, s.count)
  end)

  it("stay known for 4096 ids more, and are forgotten after 8194", function()
    for i = 1, 4096 + 2 do
      C.seen_orders_add(s, ("id-%d"):format(i), i % 3 == 0)
    end
    for i = 1, 4096 + 2 do
      assert.equal(
        i % 3 == 0 and C.SEEN_CONDITIONAL or C.SEEN_PLAIN,
        C.seen_orders_find(s, ("id-%d"):format(i))
      )
    end
    for i = 4096 + 3, 3 * 4096 + 3 do
      C.seen_orders_add(s, ("id-%d"):format(i), false)
    end
    for i = 1, 4097 do
      assert.equal(C.SEEN_UNKNOWN, C.seen_orders_find(s, ("id-%d"):format(i)))
    end
    for i = 2 * 4096 + 3, 3 * 4096 + 3 do
      assert.equal(C.SEEN_PLAIN, C.seen_orders_find(s, ("id-%d"):format(i)))
    end
  end)
end)
