-- The law of the inside of a bar: on a market without drift and without fees no strategy earns or loses by how the path
-- within bars is made. MOONTIDE_LAW_BARS: how many bars (a larger run finds smaller faults).
local driftless = require "spec.support.driftless"
local seed = require "spec.support.seed"

local BARS = tonumber(os.getenv "MOONTIDE_LAW_BARS") or 2200
local LOOKS = BARS * 2.5
local DEVIATION = 0.005
local LATENCIES = { 0, 250, 5000, 60000 } -- ms

local function market_of(number, steps, clustered)
  return driftless.bars {
    seed = seed * 1000 + number,
    bars = BARS,
    steps = steps,
    deviation = DEVIATION,
    clustered = clustered,
  }
end

local function options(bars, second, interval, more)
  local o = {
    bars = bars,
    second = second,
    interval = interval,
    longer = interval == "1h" and "4h" or "5m",
    deviation = DEVIATION,
    seed = seed,
  }
  for k, v in pairs(more or {}) do
    o[k] = v
  end
  return o
end

local function judged(entry, o, only_losing)
  o.trades = math.min(BARS * entry.looks, LOOKS)
  local mean, error_of_mean, count = driftless.run(entry, o)
  local off = mean / error_of_mean
  assert(count >= math.min(BARS, 2000) / 4, ("%s: %d trades only"):format(entry[1], count))
  assert(
    off < 4 and (only_losing or off > -4),
    ("%s: %+.4f of a bar's deviation a trade, %+.1f standard errors, %d trades (seed %d)"):format(
      entry[1],
      mean,
      off,
      count,
      seed
    )
  )
end

describe("without drift and fees nothing earns or loses inside bars", function()
  local markets = {}
  local function market(name)
    markets[name] = markets[name]
      or (
        name == "hours" and { market_of(1, 120), market_of(2, 120) }
        or { market_of(3, 120, true), market_of(4, 120, true) }
      )
    return markets[name][1], markets[name][2]
  end

  for n, entry in ipairs(driftless.catalogue) do
    local latency, touch = LATENCIES[n % 4 + 1], n % 3 == 0 and "at" or "through"
    it(("of an hour: %s, latency %d ms, touch %s"):format(entry[1], latency, touch), function()
      local bars, second = market "hours"
      judged(entry, options(bars, second, "1h", { latency = latency, touch = touch }))
    end)
  end

  -- A mark price that lags the last one by a step, or by four, beside a premium.
  local marked = {}
  for n, entry in ipairs(driftless.marked) do
    for _, path in ipairs { "random", n % 3 == 1 and "adverse" or nil } do
      it(("of an hour, by the mark price: %s, %s path"):format(entry[1], path), function()
        local lag = n % 2 == 0 and 4 or 1
        if not marked[lag] then
          local bars, marks = driftless.bars {
            seed = seed * 1000 + 4 + lag,
            bars = BARS,
            steps = 120,
            deviation = DEVIATION,
            lag = lag,
          }
          marked[lag] = { bars, marks }
        end
        local bars, marks = marked[lag][1], marked[lag][2]
        judged(entry, options(bars, nil, "1h", { marks = marks, path = path }), path == "adverse")
      end)
    end
  end

  for n, entry in ipairs(driftless.catalogue) do
    if n % 3 == 1 then
      it(("of a minute, with changing volatility: %s"):format(entry[1]), function()
        local bars, second = market "minutes"
        judged(entry, options(bars, second, "1m"))
      end)
    end
  end

  for n, entry in ipairs(driftless.catalogue) do
    if n % 4 == 2 then
      it(("and with the adverse path nothing earns: %s"):format(entry[1]), function()
        local bars, second = market "hours"
        judged(entry, options(bars, second, "1h", { path = "adverse" }), true)
      end)
    end
  end
end)
