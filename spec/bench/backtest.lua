-- The backtest benchmark: `make bench`. Each figure beside the plain C loop of the same run.
local ffi = require "ffi"
local host = require "moontide.lua_host"
local cjson = require "cjson"
package.path = host.exe:match "^(.*)/[^/]*/[^/]*$" .. "/?.lua;" .. package.path
local keep = require("spec.bench.figures").keep

local loop = ... or "build/bench_loop"
local COUNT, RUNS = tonumber(os.getenv "BENCH_BARS") or 2000000, tonumber(os.getenv "BENCH_RUNS") or 5

local folder = io.popen("mktemp -d"):read "*l"
local series = require("moontide.backtest.synthetic").series {
  symbol = "BTCUSDT",
  interval = "1m",
  seed = 42,
  count = COUNT,
}
do
  local file = assert(io.open(folder .. "/columns", "wb"))
  file:write(ffi.string(series.open_e8, COUNT * 8), ffi.string(series.close_e8, COUNT * 8))
  file:close()
end

local function write(name, text)
  local file = assert(io.open(folder .. "/" .. name, "wb"))
  file:write(text)
  file:close()
  return folder .. "/" .. name
end

local head = [[
local ta = require "moontide.ta"
return {
  symbols = { "BTCUSDT" }, interval = "1m",
  on_start = function(self) self.fast, self.slow, self.want, self.crossings = ta.ema(12), ta.ema(26), 0, 0 end,
]]
local signal = head
  .. [[
  on_bar = function(self, bar)
    local close = bar.close
    local fast, slow = self.fast(close), self.slow(close)
    if not slow then return end
    local want = fast > slow and 1 or fast < slow and -1 or self.want
    if want ~= self.want then
      self.want = want
      self.crossings = self.crossings + 1
    end
  end,
}
]]
local whole = head
  .. [[
  on_bar = function(self, bar)
    local close = bar.close
    local fast, slow = self.fast(close), self.slow(close)
    if not slow then return end
    local position = self:position(bar.symbol)
    local want = fast > slow and 1 or fast < slow and -1 or position
    local delta = want - position
    if delta ~= 0 then
      local order, err = api.create_order{ symbol = bar.symbol, side = delta > 0 and "BUY" or "SELL", type = "MARKET",
                                           quantity = math.abs(delta) }
      if not order and err.kind ~= "stopped" then error(tostring(err)) end
    end
  end,
}
]]
-- Each change of position cut into 400 slices sent at once: the exchange's 300 orders in ten seconds bind.
local sliced = head
  .. [[
  on_bar = function(self, bar)
    local close = bar.close
    local fast, slow = self.fast(close), self.slow(close)
    if not slow then return end
    local position = self:position(bar.symbol)
    local want = fast > slow and 4 or fast < slow and -4 or position
    local delta = want - position
    if math.abs(delta) < 0.005 then return end
    local side, tasks = delta > 0 and "BUY" or "SELL", {}
    for i = 1, math.floor(math.abs(delta) * 100 + 0.5) do
      tasks[i] = api.async.create_order{ symbol = bar.symbol, side = side, type = "MARKET", quantity = 0.01 }
    end
    for _, t in ipairs(tasks) do t:wait() end
  end,
}
]]

-- A limit order rests in every bar, about half of them touched; the inside of those bars is drawn.
local resting = [[
return {
  symbols = { "BTCUSDT" }, interval = "1m",
  on_bar = function(self, bar)
    api.cancel_all_orders { symbol = bar.symbol }
    local buys = self:position(bar.symbol) <= 0
    api.create_order { symbol = bar.symbol, side = buys and "BUY" or "SELL", type = "LIMIT", quantity = 1,
                       price = market.round_price(bar.symbol, bar.close * (buys and 0.9998 or 1.0002)) }
  end,
}
]]

local function run_loop(trading)
  local pipe = io.popen(("%s %s/columns %d %d %d"):format(loop, folder, COUNT, RUNS, trading))
  local seconds, equity, orders = pipe:read("*a"):match "(%S+) (%S+) (%S+)"
  pipe:close()
  return tonumber(seconds), tonumber(equity), tonumber(orders)
end

local open = write(
  "open.json",
  cjson.encode {
    symbols = {},
    rateLimits = {
      { rateLimitType = "REQUEST_WEIGHT", interval = "MINUTE", intervalNum = 1, limit = 10000000 },
      { rateLimitType = "ORDERS", interval = "SECOND", intervalNum = 10, limit = 1000000 },
      { rateLimitType = "ORDERS", interval = "MINUTE", intervalNum = 1, limit = 1000000 },
    },
  }
)
local brackets = write(
  "brackets.json",
  [=[[{"symbol":"BTCUSDT","brackets":[{"bracket":1,"initialLeverage":125,"notionalCap":80000000000,"notionalFloor":0,"maintMarginRatio":0.004,"cum":0}]}]]=]
)

local function run_script(name, text, bars, extra)
  local path = write(name .. ".lua", text)
  local best
  for _ = 1, RUNS do
    local pipe = io.popen(
      ("%s backtest %s --synthetic 42 --bars %d --capital 10000000 --taker 0.0004 --leverage-brackets %s --quiet --json - %s"):format(
        host.exe,
        path,
        bars,
        brackets,
        extra or ""
      )
    )
    local r = cjson.decode(pipe:read "*a")
    pipe:close()
    if not best or r.run_s < best.run_s then best = r end
  end
  return best
end

local function row(name, value, note) print(("  %-52s %12s   %s"):format(name, value, note or "")) end

print(("backtest: %d bars of 1m, EMA(12)/EMA(26), best of %d runs"):format(COUNT, RUNS))
local c_signal, _, c_crossings = run_loop(0)
row(
  "C loop, signal only (baseline)",
  ("%.2f ms"):format(c_signal * 1e3),
  ("1.0x  %d crossings"):format(c_crossings)
)
local a = run_script("signal", signal, COUNT)
row(
  "(a) Lua handler, signal only",
  ("%.2f ms"):format(a.run_s * 1e3),
  ("%.2fx  (at most 3)"):format(a.run_s / c_signal)
)

local c_whole, c_equity, c_orders = run_loop(1)
row(
  "C loop, whole strategy (baseline)",
  ("%.2f ms"):format(c_whole * 1e3),
  ("1.0x  %d orders, equity %.6f"):format(c_orders, c_equity)
)
local b = run_script("whole", whole, COUNT, "--exchange-info " .. open)
row(
  "(b) whole strategy through API manager and exchange",
  ("%.2f ms"):format(b.run_s * 1e3),
  ("%.2fx  (at most 20)  %d orders, equity %.6f"):format(b.run_s / c_whole, b.fills, b.final_equity)
)
row(
  "    an order, there and back",
  ("%.2f us"):format((b.run_s - a.run_s) / b.fills * 1e6),
  "(b - a) / orders"
)
row(
  "    equity equals the C loop's to six decimals",
  math.abs(b.final_equity - c_equity) < 5e-7 and "yes" or "NO",
  ("difference %.9f"):format(b.final_equity - c_equity)
)
local c = run_script("whole", whole, COUNT)
row(
  "(c) the same, the exchange's real limits",
  ("%.2f ms"):format(c.run_s * 1e3),
  ("%.2fx of (b)  waited %.1f s, profit %.2f against %.2f"):format(
    c.run_s / b.run_s,
    c.waited_s,
    c.net_profit,
    b.net_profit
  )
)
local rests = math.min(COUNT, 200000)
local lines = run_script("resting", resting, rests, "--path nearest --exchange-info " .. open)
local random = run_script("resting", resting, rests, "--exchange-info " .. open)
row(
  ("(d) %d bars, an order resting in each, --path nearest"):format(rests),
  ("%.2f ms"):format(lines.elapsed_s * 1e3),
  ("baseline  %d fills"):format(lines.fills)
)
row(
  "(d) the same on random paths",
  ("%.2f ms"):format(random.elapsed_s * 1e3),
  ("%.2fx  (at most 2)  %d fills"):format(random.elapsed_s / lines.elapsed_s, random.fills)
)
keep("(a) signal only, to the C loop", a.run_s / c_signal, "less")
keep("(b) whole strategy, to the C loop", b.run_s / c_whole, "less")
keep("(c) the real limits, to (b)", c.run_s / b.run_s, "less")
keep("(d) random paths, to the nearest", random.elapsed_s / lines.elapsed_s, "less")
keep("bytes an order", ((b.peak_memory or 0) - (a.peak_memory or 0)) / b.fills, "less")
local few = math.min(COUNT, 5000)
local free = run_script("sliced", sliced, few, "--exchange-info " .. open)
local bound = run_script("sliced", sliced, few)
row(
  ("(c') %d bars, orders cut in 400-800 slices, no limit"):format(few),
  ("%.2f ms"):format(free.run_s * 1e3),
  ("%d orders, refused %d, profit %.4f"):format(free.fills, free.rate_limited, free.net_profit)
)
row(
  "(c') the same, the real limits binding",
  ("%.2f ms"):format(bound.run_s * 1e3),
  ("%d orders, refused %d, waited %.0f s, profit %.4f"):format(
    bound.fills,
    bound.rate_limited,
    bound.waited_s,
    bound.net_profit
  )
)

local start = host.monotonic()
for _ = 1, 10 do
  os.execute(
    ("%s backtest %s --synthetic 42 --bars 2 --quiet --json - >/dev/null"):format(
      host.exe,
      folder .. "/signal.lua"
    )
  )
end
row("start-up, process to report, two bars", ("%.1f ms"):format((host.monotonic() - start) * 100), "")
row("peak memory of (a)", ("%.1f MB"):format((a.peak_memory or 0) / 1e6), "all ten columns in memory")
row(
  "peak memory of (b)",
  ("%.1f MB"):format((b.peak_memory or 0) / 1e6),
  ("%.0f bytes an order more"):format(((b.peak_memory or 0) - (a.peak_memory or 0)) / b.fills)
)
os.execute("rm -rf " .. folder)
