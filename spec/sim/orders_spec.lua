-- Orders in a world that goes wrong, in virtual time: see runtime/testing/order_sim.h.
local C = require "spec.support.testing_lib"
local ffi = require "ffi"

local seed = tonumber(os.getenv "MOONTIDE_SEED") or 1
local orders = tonumber(os.getenv "MOONTIDE_SIM_ORDERS") or 100000

local function sim(the_seed, count, broken)
  local o =
    ffi.new("struct order_sim_options", { seed = the_seed, orders = count, broken = broken or C.SIM_SOUND })
  local report, text = ffi.new "struct order_sim_report", ffi.new "char[300]"
  local findings = tonumber(C.order_sim(o, report, text, 300))
  return findings, ffi.string(text), report
end

describe("simulated orders", function()
  it(
    ("none of %d is duplicated, lost or mis-sized, whatever is lost, late, refused, full or killed"):format(
      orders
    ),
    function()
      io.stderr:write(("orders under faults: seed %d (make test SEED=%d)\n"):format(seed, seed))
      -- Worlds of 100,000: an exchange keeps all its orders.
      local done, world = 0, 0
      while done < orders do
        local count = math.min(orders - done, 100000)
        local findings, text, r = sim(seed + 1000 * world, count)
        assert.equal(0, findings, text)
        -- It did go wrong, in every way.
        for _, name in ipairs {
          "executed",
          "told_refused",
          "told_not_executed",
          "told_unknown",
          "cut_off",
          "kills",
          "commits_failed",
          "found",
          "heard",
          "absent",
          "reopened",
          "lost_answers",
          "late_arrivals",
          "skews",
          "given_up",
        } do
          assert.truthy(tonumber(r[name]) > count / 10000, ("%s: %d"):format(name, tonumber(r[name])))
        end
        assert.truthy(r.executed > count * 0.8)
        done, world = done + count, world + 1
      end
    end
  )

  it("small worlds of many seeds", function()
    for n = 1, 200 do
      local findings, text = sim(seed * 1000 + n, 300)
      assert.equal(0, findings, text)
    end
  end)

  for rule, of in pairs {
    SIM_RESENDS_AT_ONCE = { "executed more than once" },
    SIM_SKIPS_JOURNAL = { "sent without an intent in the journal" },
    SIM_TRUSTS_ABSENCE = { "executed more than once", "lost: the exchange has it, the journal says no" },
    SIM_FORGETS_RESTART = { "lost: the exchange has it, the journal says no" },
    SIM_IGNORES_COMMITS = { "sent without an intent in the journal" },
  } do
    it("notices a world that lies: " .. rule, function()
      local findings, text = sim(7, 20000, C[rule])
      assert.truthy(findings > 5, findings)
      local found = false
      for _, what in ipairs(of) do
        found = found or text:find(what, 1, true) ~= nil
      end
      assert.truthy(found, text)
    end)
  end
end)
