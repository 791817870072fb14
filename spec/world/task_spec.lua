local run = require "spec.support.run"

local rows = {}
for i = 1, 10 do
  rows[i] = { 20000 + i, 20010 + i, 19990 + i, 20005 + i }
end

-- Runs `body` once, in the first bar, and returns what it printed.
local function printed(body)
  local folder = run.folder()
  local path = run.write(
    folder .. "/s.lua",
    ([[
    local done
    return { symbols = { "BTCUSDT" }, interval = "1m", on_bar = function(self, bar)
      if done then return end
      done = true
      %s
    end }]]):format(body)
  )
  local data = run.write(folder .. "/BTCUSDT-1m-2023-01.csv", run.csv(rows))
  local r = run.moontide { "backtest", path, "--data", data, "--json", folder .. "/out.json" }
  run.remove(folder)
  assert.are.equal(0, r.status, r.err)
  return (r.out:gsub("\n\n.*", ""):gsub("s  BTCUSDT  1m\n.*", ""))
end

describe("a task", function()
  it(
    "sleeps on the run's clock while others go on",
    function()
      assert.are.equal(
        "a 0\nb 0\nb 5000\na 10000\ndone 10000\n",
        printed [[
      local t0 = api.now()
      local a = api.spawn(function() print("a " .. api.now() - t0) api.sleep(10) print("a " .. api.now() - t0) end)
      local b = api.spawn(function() print("b " .. api.now() - t0) api.sleep(5) print("b " .. api.now() - t0) end)
      a:wait() b:wait()
      print("done " .. api.now() - t0)]]
      )
    end
  )

  it(
    "gives its results to whoever waits, an error as nil, err",
    function()
      assert.are.equal(
        "1 2\nnil boom\n",
        printed [[
      local a = api.spawn(function() return 1, 2 end)
      local x, y = a:wait()
      print(x .. " " .. y)
      local ok, err = api.spawn(function() error("boom", 0) end):wait()
      print(tostring(ok) .. " " .. tostring(err))]]
      )
    end
  )

  it(
    "runs several calls at once and waits for all",
    function()
      assert.are.equal(
        "FILLED FILLED invalid\n",
        printed [[
      local function buy(q) return function() return api.create_order{ symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = q } end end
      local r = api.all{ buy(0.01), buy(0.02), buy(0.0001) }
      print(r[1].status .. " " .. r[2].status .. " " .. r[3].error.kind)]]
      )
    end
  )

  it(
    "leaves an error among the results of api.all, whichever is over first",
    function()
      assert.are.equal(
        "slow late\n",
        printed [[
      local r = api.all{ function() api.sleep(5) return "slow" end, function() api.sleep(1) error("late", 0) end }
      print(r[1] .. " " .. r[2].error)]]
      )
    end
  )

  it(
    "waits inside pcall, iterators, metamethods and the script's own coroutines",
    function()
      assert.are.equal(
        "pcall true FILLED\niterator FILLED\nindex FILLED\ncoroutine FILLED 7\n",
        printed [[
      local function buy() api.sleep(1) return api.create_order{ symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 } end
      api.spawn(function() for i = 1, 5 do api.sleep(0.3) end end)
      local ok, o = pcall(buy)
      print("pcall " .. tostring(ok) .. " " .. o.status)
      for order in function(_, last) if not last then return buy() end end do print("iterator " .. order.status) end
      local lazy = setmetatable({}, { __index = function() return buy().status end })
      print("index " .. lazy.anything)
      local co = coroutine.wrap(function() local order = buy() coroutine.yield(order.status) return 7 end)
      print("coroutine " .. co() .. " " .. co())]]
      )
    end
  )

  it("is told plainly where nothing can wait", function()
    local out = printed [[
      local ok, e = pcall(table.sort, { 1, 2, 3 }, function(a, b) api.sleep(1) return a < b end)
      print(e)
      ok, e = pcall(string.gsub, "x", "x", function() api.get_server_time() end)
      print(e)]]
    assert.matches("api.sleep waits, and inside a table.sort comparator nothing can wait", out)
    assert.matches("api.get_server_time waits, and inside a string.gsub callback nothing can wait", out)
  end)

  it(
    "raises on a parameter that does not exist",
    function()
      assert.matches(
        "api.create_order: no parameter named 'quantiy'",
        printed [[
      local ok, e = pcall(api.create_order, { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantiy = 1 })
      print(e)]]
      )
    end
  )
end)
