-- What recording a run costs, what it takes on disk, and how fast it is replayed: `make bench`. In a backtest, so that nothing but
-- the pump is around it; in this thread's own processor time, since another one packs and writes.
local ffi = require "ffi"
local backtest = require "moontide.backtest.session"
local pump = require "moontide.run.pump"
local recorder_module = require "moontide.record.recorder"
local replay = require "moontide.record.replay"
local runner = require "moontide.run.runner"

package.path = require("moontide.lua_host").exe:match "^(.*)/[^/]*/[^/]*$" .. "/?.lua;" .. package.path
local keep = require("spec.bench.figures").keep

ffi.cdef [[ struct bench_timespec { long s, ns; }; int clock_gettime(int, struct bench_timespec *); ]]
local CLOCK_THREAD_CPUTIME_ID = 3
local now = ffi.new "struct bench_timespec"
local function seconds()
  ffi.C.clock_gettime(CLOCK_THREAD_CPUTIME_ID, now)
  return tonumber(now.s) + tonumber(now.ns) / 1e9
end

local COUNT, RUNS = tonumber(os.getenv "BENCH_BARS") or 200000, tonumber(os.getenv "BENCH_RUNS") or 5
local folder = io.popen("mktemp -d"):read "*l"
local file, script = folder .. "/run.rec", folder .. "/script.lua"
local source = [[
  local ta = require "moontide.ta"
  return { symbols = { "BTCUSDT" }, interval = "1m",
    on_start = function(self) self.fast, self.slow = ta.ema(12), ta.ema(26) end,
    on_bar = function(self, bar)
      local fast, slow = self.fast(bar.close), self.slow(bar.close)
      if not slow then return end
      local position = self:position(bar.symbol)
      local delta = (fast > slow and 1 or -1) * 0.01 - position
      if delta ~= 0 then
        api.create_order { symbol = bar.symbol, side = delta > 0 and "BUY" or "SELL", type = "MARKET", quantity = math.abs(delta) }
      end
    end,
    on_fill = function(self, fill) self.fills = (self.fills or 0) + 1 end } ]]
do
  local f = assert(io.open(script, "wb"))
  f:write(source)
  f:close()
end
local series = require("moontide.backtest.synthetic").series {
  symbol = "BTCUSDT",
  interval = "1m",
  seed = 42,
  count = COUNT,
}
local data = { series = { BTCUSDT = series }, names = { "BTCUSDT" }, funding = {} }
local silent = { fields = function() end, shows = {}, error = print }

-- One run; its seconds, and what was recorded when `record`.
local function once(record)
  local recorder, figures
  local face = record and setmetatable({}, { __index = pump.backtest }) or pump.backtest
  local s = backtest.open({ quiet = true, symbol = { "BTCUSDT" } }, script, {
    data = data,
    print = function() end,
    notice = function() end,
    pump = face,
    log = function() return silent end,
  })
  local world = s.world
  if record then
    os.remove(file)
    local log = {
      fields = function(_, _, list) figures = { items = list[2][2], bytes = list[3][2] } end,
      error = print,
    }
    recorder = recorder_module.open(file, {
      name = "bench",
      restarted = false,
      pump = pump.backtest,
      bt = world.bt,
      symbols = world.symbols,
      symbol_count = 1,
      interval = "1m",
      feed = function() return 0, 0 end,
      config = world.config,
      log = log,
      about = {
        mode = "backtest",
        script = script,
        source = source,
        sets = {},
        params = {},
        symbols = { "BTCUSDT" },
        interval = "1m",
        seed = 1,
        rate_limits = world.rate_limits,
        load_us = "0",
      },
    })
    for name, fn in pairs(recorder.pump) do
      face[name] = fn
    end
    recorder.feed("BTCUSDT")
    s.script.self.on_stop = recorder.before()
    recorder.begin()
  end
  local started = seconds()
  local failure = runner.run(world, s.script.self)
  local took = seconds() - started
  assert(not failure, failure)
  world:close()
  return took, figures
end

local function best(fn)
  local least, extra = math.huge, nil
  for _ = 1, RUNS do
    local took, more = fn()
    if took < least then
      least, extra = took, more
    end
  end
  return least, extra
end

local without = best(function() return once(false) end)
local with, figures = best(function() return once(true) end)
local result
local replayed = best(function()
  local started = seconds()
  result = replay.run(script, file, { options = { quiet = true }, print = function() end })
  return seconds() - started
end)
assert(result.state == "same", replay.text(result, file))
io.write(("recording: %d bars, %d events and %d calls\n"):format(COUNT, result.events, result.calls))
io.write(
  ("  %-34s %10.0f ns an item (%.2f s without, %.2f s with)\n"):format(
    "cost on the script's thread",
    (with - without) / figures.items * 1e9,
    without,
    with
  )
)
io.write(
  ("  %-34s %10.1f bytes (%.1f MB)\n"):format(
    "an event on disk",
    figures.bytes / result.events,
    figures.bytes / 1e6
  )
)
io.write(
  ("  %-34s %10.2f million events a second, %.0f times as fast as the market\n"):format(
    "replay",
    result.events / replayed / 1e6,
    COUNT * 60 / replayed
  )
)
keep("bytes an event", figures.bytes / result.events, "less")
keep("run that is recorded, to one that is not", with / without, "less")
os.execute("rm -rf " .. folder)
