-- The proof that orders are safe, at length: a million in virtual time, and twenty thousand over real sockets, through faults, clocks
-- that are off, and kills. One table of what was found. `make soak`.
local ffi = require "ffi"
local C = require "spec.support.testing_lib"
local storm = require "spec.support.order_storm"

local seed = tonumber(os.getenv "MOONTIDE_SEED") or 1
local simulated = tonumber(os.getenv "MOONTIDE_SIM_ORDERS") or 1000000
local over_sockets = tonumber(os.getenv "MOONTIDE_SOAK_ORDERS") or 20000

local WORLD = 100000 -- orders of one simulated world: its exchange keeps them all

local function add(sum, r)
  for name, value in pairs(r) do
    sum[name] = (sum[name] or 0) + value
  end
end

local function simulate()
  local sum = { problems = {} }
  local done, world = 0, 0
  while done < simulated do
    local count = math.min(simulated - done, WORLD)
    local o = ffi.new("struct order_sim_options", { seed = seed + 1000 * world, orders = count })
    local r, text = ffi.new "struct order_sim_report", ffi.new "char[300]"
    if C.order_sim(o, r, text, 300) ~= 0 then sum.problems[#sum.problems + 1] = ffi.string(text) end
    add(sum, {
      orders = tonumber(r.orders),
      executed = tonumber(r.executed),
      kills = tonumber(r.kills),
      told_unknown = tonumber(r.told_unknown),
      cut_off = tonumber(r.cut_off),
      lost = tonumber(r.lost),
      duplicated = tonumber(r.duplicated),
      misstated = tonumber(r.misstated),
      positions_differ = tonumber(r.positions_differ),
      faults = tonumber(r.lost_answers + r.late_arrivals + r.skews + r.commits_failed),
      hours = tonumber(r.virtual_us) / 3600e6,
    })
    done, world = done + count, world + 1
  end
  return sum
end

local function with_commas(n)
  local text = ("%.0f"):format(n):reverse():gsub("(%d%d%d)", "%1,"):reverse()
  return (text:gsub("^,", ""))
end

local ROWS = {
  { "orders", "orders" },
  { "executed", "executed" },
  { "fills", "fills" },
  { "faults", "requests struck by faults" },
  { "kills", "kills" },
  { "cut_off", "calls cut off by a kill" },
  { "told_unknown", "calls told that the outcome is unknown" },
  { "lost", "lost" },
  { "duplicated", "duplicated" },
  { "misstated", "misstated" },
  { "fills_untold", "fills never told" },
  { "fills_twice", "fills told twice" },
  { "positions_differ", "positions that differ" },
}

local function print_table(a, b)
  print(("%-40s %12s %12s"):format("", "simulated", "sockets"))
  for _, row in ipairs(ROWS) do
    local x, y = a[row[1]], b[row[1]]
    print(("%-40s %12s %12s"):format(row[2], x and with_commas(x) or "-", y and with_commas(y) or "-"))
  end
  print(("seed %d; %.0f hours of virtual time, %.0f s of this machine's"):format(seed, a.hours, b.seconds))
end

it(("%d simulated orders and %d over sockets"):format(simulated, over_sockets), function()
  local a = simulate()
  local began = os.time()
  local b =
    storm.run { orders = over_sockets, strategies = 4, kills = math.ceil(over_sockets / 250), seed = seed }
  b.seconds, b.faults = os.time() - began, 0
  for _, count in pairs(b.struck) do
    b.faults = b.faults + count
  end
  print_table(a, b)
  assert.same({}, a.problems)
  assert.same({}, b.problems)
  for _, what in ipairs(storm.DIFFERENCES) do
    assert.equal(0, a[what] or 0, what)
    assert.equal(0, b[what], what)
  end
end)
