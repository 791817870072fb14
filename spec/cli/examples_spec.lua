-- Every example runs as its README says, and does what it claims.
local run = require "spec.support.run"

local function example(name, arguments)
  local all = { "backtest", run.root .. "/examples/" .. name, "--synthetic", "1", "--bars", "1000", "--latency", "50" }
  for _, a in ipairs(arguments or {}) do all[#all + 1] = a end
  local r = run.moontide(all)
  assert.equal(0, r.status, name .. ": " .. r.err)
  assert.falsy(r.err:find("WARN", 1, true), name .. ": " .. r.err)
  return r.out
end

describe("examples", function()
  it("migrating from sleep: each step does the same work, none slower than the one before", function()
    local readme = run.read(run.root .. "/examples/migrating_from_sleep/README.md")
    local last = math.huge
    for _, step in ipairs { "1_sleep", "2_no_pauses", "3_at_once", "4_batches", "5_what_matters_first" } do
      local bars, took = example("migrating_from_sleep/" .. step .. ".lua"):match "(%d+) bars read, 20 orders placed and cancelled in ([%d.]+) s"
      assert.equal("400", bars, step)
      assert.is_true(tonumber(took) <= last, step .. " took " .. took)
      last = tonumber(took)
      local told = readme:match("`" .. step .. "%.lua`[^\n]*| ([%d.]+) s |")
      assert.equal(told, took, step .. ": the README's time")
    end
  end)

  it("presets: each runs with its settings", function()
    example "presets/conservative.lua"
    local quotes = example "presets/high_frequency.lua"
    assert.is_true(tonumber(quotes:match "orders / fills%s+(%d+)") > 0, quotes)
    local bars, pages, failed = example("presets/data_collection.lua"):match "(%d+) bars in (%d+) pages, (%d+) failed"
    assert.equal("100", pages)
    assert.equal("0", failed)
    assert.is_true(tonumber(bars) > 40000)
  end)
end)
