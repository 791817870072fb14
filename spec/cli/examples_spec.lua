-- Every example runs as its README says, and does what it claims.
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

local function example(name, arguments)
  local all =
    { "backtest", run.root .. "/examples/" .. name, "--synthetic", "1", "--bars", "1000", "--latency", "50" }
  for _, a in ipairs(arguments or {}) do
    all[#all + 1] = a
  end
  local r = run.moontide(all)
  assert.equal(0, r.status, name .. ": " .. r.err)
  assert.falsy(r.err:find("WARN", 1, true), name .. ": " .. r.err)
  return r.out
end

-- The examples of the README's table that are single files.
local function single_files()
  local names = {}
  for name in run.read(run.root .. "/examples/README.md"):gmatch "%[([%w_]+%.lua)%]" do
    names[#names + 1] = name
  end
  return names
end

describe("examples", function()
  it("are all in the README", function()
    local listed = {}
    for _, name in ipairs(single_files()) do
      listed[name] = true
    end
    local pipe = io.popen(("ls '%s/examples'"):format(run.root))
    for name in pipe:lines() do
      if name:find "%.lua$" and not name:find "%.rules%.lua$" then
        assert.is_true(listed[name], name .. " is not in examples/README.md")
      end
    end
    pipe:close()
  end)

  local exchange
  teardown(function()
    if exchange then exchange:stop() end
  end)

  for _, name in ipairs(single_files()) do
    it(name .. ": its own commands run it, and it prints what it says", function()
      local text, out, count = run.read(run.root .. "/examples/" .. name), "", 0
      local folder = run.folder()
      os.execute(("ln -s '%s/examples' '%s/examples'"):format(run.root, folder))
      for command in text:gmatch "\n%-%-   moontide ([^\n]+)" do
        local words = {}
        for word in command:gsub("%s%s+.*$", ""):gmatch "%S+" do
          words[#words + 1] = word
        end
        for i, word in ipairs(words) do
          if word == "http://127.0.0.1:9090" then
            exchange = exchange or lx.start { "--no-limits", "--symbols", "BTCUSDT", "--legacy-streams" }
            words[i] = exchange.url
          end
        end
        local r = run.moontide(words, ("MOONTIDE_HOME='%s/home'"):format(folder), folder)
        if r.status ~= 0 then run.remove(folder) end
        assert.equal(0, r.status, name .. ": " .. command .. "\n" .. r.err)
        out, count = out .. r.out, count + 1
      end
      run.remove(folder)
      assert.is_true(count > 0, name .. " names no command")
      local at, said = 1, 0
      for expected in text:gmatch "%-%-> ([^\n]+)" do
        local from, to = out:find(expected, at, true)
        assert.truthy(from, ("%s: %q does not come (in its turn) in:\n%s"):format(name, expected, out))
        at, said = to + 1, said + 1
      end
      assert.is_true(said > 0, name .. " says nothing of what it prints")
    end)
  end

  it("testing/ and bot/ pass their specs", function()
    for _, folder in ipairs { "testing", "bot" } do
      local r = run.moontide({ "test", "examples/" .. folder }, nil, run.root)
      assert.equal(0, r.status, r.out .. r.err)
    end
  end)

  it("bot/ runs in a backtest, on paper and live, the same file", function()
    local bot = run.root .. "/examples/bot/bot.lua"
    local backtest =
      run.moontide { "backtest", bot, "--synthetic", "1", "--bars", "20000", "--quiet", "--json", "-" }
    assert.equal(0, backtest.status, backtest.err)
    local result = require("cjson").decode(backtest.out)
    assert.is_true(result.trades > 10)
    assert.equal(0, result.rejected)

    -- Where the averages need not be apart, it takes a side at once: there is history to decide by.
    local x = lx.start { "--no-limits", "--symbols", "BTCUSDT", "--legacy-streams", "--wallet", "10000" }
    for _, command in ipairs { "paper", "live" } do
      local r = run.moontide({
        command,
        bot,
        "--url",
        x.url,
        "--orders",
        "1",
        "--interval",
        "1m",
        "--set",
        "fast=2",
        "--set",
        "slow=3",
        "--set",
        "strength=0",
        "--max-order-notional",
        "6000",
      }, x:environment())
      assert.equal(0, r.status, r.err)
      for _, said in ipairs { "bars of history", "out: the end of the run", "the end: 1 trades, 0 held" } do
        assert.truthy(r.err:find(said, 1, true), command .. ": " .. said .. " is not in:\n" .. r.err)
      end
      assert.falsy(r.err:find("refused", 1, true) and r.err:find "refused: ", r.err)
    end
    -- Live: one order in, its stop, one order out, and nothing left.
    local seen = {}
    for _, order in ipairs(x:signed("GET", "/fapi/v1/allOrders", { symbol = "BTCUSDT" }).json) do
      if order.status == "FILLED" then seen[#seen + 1] = order.side end
    end
    assert.equal(2, #seen)
    assert.not_equal(seen[1], seen[2])
    assert.equal(0, #x:signed("GET", "/fapi/v1/openAlgoOrders", {}).json)
    assert.equal(0, #x:signed("GET", "/fapi/v3/positionRisk", {}).json)
    x:stop()
  end)

  it("migrating from sleep: each step does the same work, none slower than the one before", function()
    local readme = run.read(run.root .. "/examples/migrating_from_sleep/README.md")
    local last = math.huge
    for _, step in ipairs { "1_sleep", "2_no_pauses", "3_at_once", "4_batches", "5_what_matters_first" } do
      local bars, took =
        example("migrating_from_sleep/" .. step .. ".lua"):match "(%d+) bars read, 20 orders placed and cancelled in ([%d.]+) s"
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
    local bars, pages, failed =
      example("presets/data_collection.lua"):match "(%d+) bars in (%d+) pages, (%d+) failed"
    assert.equal("100", pages)
    assert.equal("0", failed)
    assert.is_true(tonumber(bars) > 40000)
  end)
end)
