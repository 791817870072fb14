-- Several things at once: tasks wait without holding up each other. Time is the run's: a backtest jumps.
--
--   moontide backtest examples/tasks.lua --synthetic 1 --bars 300
local start = api.now()
local function after() return ("%d s"):format((api.now() - start) / 1000) end

-- A task of one's own runs when this one waits.
local ticker = api.spawn(function(name)
  for i = 1, 3 do
    api.sleep(10)
    print(name, i, after()) --> tick	1	10 s
  end
  return "done"
end, "tick")

-- Its results come from wait; an error it raised as nil, err.
print(ticker:wait(), after()) --> done	30 s
local _, err = api.spawn(function() error("boom", 0) end):wait()
print(err) --> boom

-- Any call as a task: both are under way at once.
local price = api.async.get_ticker_price { symbol = "BTCUSDT" }
local balance = api.async.get_balance()
print(price:wait().price > 0, #balance:wait() > 0) --> true	true

-- Functions or tasks, all at once, results in order; one that fails is { error = ... } in its place.
local results = api.all {
  function()
    api.sleep(5)
    return "five"
  end,
  function()
    api.sleep(2)
    return "two"
  end,
  function() error("three", 0) end,
}
print(results[1], results[2], results[3].error, after()) --> five	two	three	35 s
