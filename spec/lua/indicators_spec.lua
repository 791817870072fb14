-- Every indicator against an outside reference: TA-Lib, trading-signals (both from npm), or its definition computed the slow
-- way, to 1e-9. The bar at which it first speaks is checked too: that is its warm-up convention.
local cjson = require "cjson"
local ta = require "moontide.ta"
local run = require "spec.support.run"

-- A market of 600 bars from a linear congruential generator, on a tick of 0.01, with gaps between close and open.
local function market()
  local s = 12345
  local function uniform()
    s = (1103515245 * s + 12345) % 2147483648
    return s / 2147483648
  end
  local function tick(x) return math.floor(x * 100 + 0.5) / 100 end
  local bars =
    { open = {}, high = {}, low = {}, close = {}, volume = {}, taker_buy_volume = {}, open_time = {} }
  local price = 100
  for i = 1, 600 do
    local from = price + (uniform() - 0.5) * 0.3
    local to = from + (uniform() + uniform() + uniform() - 1.5) * 1.2
    bars.open[i], bars.close[i] = tick(from), tick(to)
    bars.high[i] =
      math.max(tick(math.max(from, to) + uniform() * uniform() * 0.8), bars.open[i], bars.close[i])
    bars.low[i] =
      math.min(tick(math.min(from, to) - uniform() * uniform() * 0.8), bars.open[i], bars.close[i])
    bars.volume[i] = math.floor(uniform() * 1000 + 1)
    bars.taker_buy_volume[i] = math.floor(bars.volume[i] * uniform())
    bars.open_time[i] = (i - 1) * 3600000
    price = to
  end
  return bars
end
local bars = market()
local rows = #bars.close

-- Results of an indicator over the bars: an array a result, with false where it does not speak.
local function results(indicator, inputs)
  local columns = {}
  for i, field in ipairs(inputs) do
    columns[i] = bars[field]
  end
  return { ta.over(indicator, unpack(columns)) }
end

local function near(expected, got, what)
  local scale = math.max(1, math.abs(expected))
  local within = math.abs(expected - got) <= 1e-9 * scale -- false for NaN
  if not within then error(("%s: expected %.17g, got %.17g"):format(what, expected, got), 2) end
end

-- name of the reference = { indicator, its own name for inputs, results compared (1 when left out), starts later allowed }
local cases = {
  ["ema sma"] = { ta.ema(14, "sma"), "ema" },
  ["ema first"] = { ta.ema(14), "ema" },
  sma = { ta.sma(14) },
  wma = { ta.wma(14) },
  dema = { ta.dema(10) },
  tema = { ta.tema(10) },
  ["trima even"] = { ta.trima(12), "trima" },
  ["trima odd"] = { ta.trima(13), "trima" },
  kama = { ta.kama(10) },
  t3 = { ta.t3(5) },
  linreg = { ta.linreg(14) },
  midpoint = { ta.midpoint(14) },
  midprice = { ta.midprice(14) },
  hma = { ta.hma(16) },
  alma = { ta.alma(9) },
  vwma = { ta.vwma(14) },
  frama = { ta.frama(16) },
  zlema = { ta.zlema(14) },
  mcginley = { ta.mcginley(14) },
  super_smoother = { ta.super_smoother(10) },
  rma = { ta.rma(14) },
  alligator = { ta.alligator() },
  rsi = { ta.rsi(14) },
  mom = { ta.mom(10) },
  roc = { ta.roc(10) },
  cmo = { ta.cmo(14) },
  trix = { ta.trix(10) },
  tsi = { ta.tsi() },
  coppock = { ta.coppock() },
  kst = { ta.kst() },
  dpo = { ta.dpo(20) },
  connors_rsi = { ta.connors_rsi() },
  laguerre_rsi = { ta.laguerre_rsi() },
  pmo = { ta.pmo() },
  cfo = { ta.cfo(14) },
  psychological = { ta.psychological(12) },
  stoch = { ta.stoch(14, 3, 3) },
  ["stoch fast"] = { ta.stoch(14, 1, 3), "stoch" },
  stoch_rsi = { ta.stoch_rsi(14, 14, 1, 3) },
  williams_r = { ta.williams_r(14) },
  cci = { ta.cci(20) },
  mfi = { ta.mfi(14) },
  ultimate = { ta.ultimate() },
  bop = { ta.bop() },
  awesome = { ta.awesome() },
  accelerator = { ta.accelerator() },
  fisher = { ta.fisher(10) },
  smi = { ta.smi() },
  stc = { ta.stc() },
  wave_trend = { ta.wave_trend() },
  demarker = { ta.demarker() },
  elder_ray = { ta.elder_ray(13) },
  qstick = { ta.qstick(8) },
  pgo = { ta.pgo() },
  imi = { ta.imi(14) },
  rvi = { ta.rvi(10) },
  ["di plus"] = { ta.di(14), "di" },
  ["di minus"] = { ta.di(14), "di", 2 },
  dx = { ta.dx(14) },
  adx = { ta.adx(14) },
  adxr = { ta.adxr(14) },
  aroon = { ta.aroon(14) },
  vortex = { ta.vortex(14) },
  supertrend = { ta.supertrend(10, 3) },
  sar = { ta.sar() },
  ichimoku = { ta.ichimoku() },
  vhf = { ta.vhf(28) },
  choppiness = { ta.choppiness(14) },
  mass_index = { ta.mass_index(25) },
  stdev = { ta.stdev(20) },
  variance = { ta.variance(20) },
  bollinger = { ta.bollinger(20, 2) },
  true_range = { ta.true_range() },
  atr = { ta.atr(14) },
  natr = { ta.natr(14) },
  keltner = { ta.keltner() },
  donchian = { ta.donchian(20) },
  acceleration_bands = { ta.acceleration_bands(20) },
  chandelier = { ta.chandelier() },
  chaikin_volatility = { ta.chaikin_volatility(10) },
  mean_deviation = { ta.mean_deviation(14) },
  ulcer = { ta.ulcer(14) },
  rogers_satchell = { ta.rogers_satchell(10) },
  obv = { ta.obv() },
  ad = { ta.ad() },
  adosc = { ta.adosc() },
  cmf = { ta.cmf(20) },
  emv = { ta.emv(14) },
  force = { ta.force(13) },
  klinger = { ta.klinger() },
  nvi = { ta.nvi() },
  pvi = { ta.pvi() },
  pvt = { ta.pvt() },
  pvo = { ta.pvo() },
  rvol = { ta.rvol(20) },
  highest = { ta.highest(14) },
  lowest = { ta.lowest(14) },
  sum = { ta.sum(14) },
  ["regression slope"] = { ta.regression(14), "regression" },
  ["regression intercept"] = { ta.regression(14), "regression", 2 },
  ["regression forecast"] = { ta.regression(14), "regression", 4 },
  correlation = { ta.correlation(20), inputs = { "close", "open" } },
  beta = { ta.beta(20), inputs = { "close", "open" } },
}

-- Those whose first values come from another start and then agree: bars from the first of ours until they are compared.
-- Wave trend of trading-signals begins with the rounding error of its first bar divided by itself.
local settles = { macd = 300, wave_trend = 400 }
cases.macd = { ta.macd() }

describe("indicators", function()
  local reference

  setup(function()
    local folder = run.root .. "/build/clients"
    if not io.open(folder .. "/node_modules/talib-web/package.json") then return end
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write(cjson.encode(bars))
    file:close()
    local pipe =
      io.popen(("MOONTIDE_CLIENTS=%s node %s/spec/clients/indicators.mjs %s"):format(folder, run.root, path))
    reference = cjson.decode(pipe:read "*a")
    pipe:close()
    os.remove(path)
  end)

  local names = {}
  for name in pairs(cases) do
    names[#names + 1] = name
  end
  table.sort(names)

  for _, name in ipairs(names) do
    it("agrees with the libraries: " .. name, function()
      if not reference then
        pending "node or build/clients/node_modules is missing; `make clients` installs them"
        return
      end
      local case, ref = cases[name], reference[name]
      local form = ta.form(case[2] or name)
      local ours = results(case[1], case.inputs or form.inputs)
      local offset, compared = (case[3] or 1) - 1, 0
      for k, values in ipairs(ref.values) do
        local mine = ours[k + offset]
        for i = 1, rows do
          local theirs = values[i - ref.first]
          if theirs and theirs ~= cjson.null and i > ref.first + (settles[name] or 0) then
            assert(mine[i], ("result %d of bar %d is missing"):format(k, i))
            near(theirs, mine[i], ("result %d of bar %d"):format(k, i))
            compared = compared + 1
          end
        end
      end
      assert(compared >= 150, ("only %d values were compared"):format(compared))
      local first = #ref.values + offset
      for i = 1, ref.first do
        assert(not ours[first][i], ("speaks at bar %d, the reference from bar %d"):format(i, ref.first + 1))
      end
    end)
  end

  -- The values of candle_patterns.json are those of TA-Lib 0.4 (compiled from its C sources) over the bars of `market`.
  it("agrees with TA-Lib in every candle pattern", function()
    local file = assert(io.open(run.root .. "/spec/lua/candle_patterns.json", "rb"))
    local golden = cjson.decode(file:read "*a")
    file:close()
    for _, name in ipairs(ta.pattern_names()) do
      local found = {}
      for _, hit in ipairs(golden[name]) do
        found[hit[1]] = hit[2]
      end
      local ours = results(ta.pattern(name), { "open", "high", "low", "close" })[1]
      for i = 1, rows do
        if ours[i] then
          assert(
            ours[i] == (found[i] or 0),
            ("%s, bar %d: %d, TA-Lib %d"):format(name, i, ours[i], found[i] or 0)
          )
        end
      end
    end
  end)

  it("finds three black crows, which those bars do not hold", function()
    local crows, last = ta.pattern "three_black_crows", nil
    for _ = 1, 12 do
      crows(100, 101.2, 99.8, 101)
    end
    for i = 0, 2 do
      last = crows(100.8 - i, 100.9 - i, 99.6 - i, 99.6 - i)
    end
    assert.are.equal(-100, last)
  end)
end)

-- ---- those no library has: from the definition, the slow way ---------------------------------------------------------

local function mean(list, from, to)
  local sum = 0
  for i = from, to do
    sum = sum + list[i]
  end
  return sum / (to - from + 1)
end

-- The n logarithmic returns up to bar i.
local function returns(i, n)
  local list = {}
  for k = i - n + 1, i do
    list[#list + 1] = math.log(bars.close[k] / bars.close[k - 1])
  end
  return list
end

local function moment(list, power)
  local m, v, sum = mean(list, 1, #list), 0, 0
  for _, x in ipairs(list) do
    v = v + (x - m) ^ 2 / #list
  end
  for _, x in ipairs(list) do
    sum = sum + ((x - m) / math.sqrt(v)) ^ power / #list
  end
  return sum
end

local function sample_variance(list)
  local m, sum = mean(list, 1, #list), 0
  for _, x in ipairs(list) do
    sum = sum + (x - m) ^ 2
  end
  return sum / (#list - 1)
end

local function closes(i, n, field)
  local list = {}
  for k = i - n + 1, i do
    list[#list + 1] = bars[field or "close"][k]
  end
  return list
end

local function root_of(n, term)
  return function(i)
    local sum = 0
    for k = i - n + 1, i do
      sum = sum + term(bars.open[k], bars.high[k], bars.low[k], bars.close[k])
    end
    return math.sqrt(sum / n)
  end
end

local function ema_of(list, n, upto)
  local f
  for i = 1, upto do
    f = f and list[i] * 2 / (n + 1) + f * (n - 1) / (n + 1) or list[i]
  end
  return f
end

local log = math.log
local definitions = {
  apo = { ta.apo(3, 10), function(i) return ema_of(bars.close, 3, i) - ema_of(bars.close, 10, i) end },
  ppo = {
    ta.ppo(3, 10, 5),
    function(i)
      local slow = ema_of(bars.close, 10, i)
      return 100 * (ema_of(bars.close, 3, i) - slow) / slow
    end,
  },
  efficiency_ratio = {
    ta.efficiency_ratio(10),
    function(i)
      local path = 0
      for k = i - 9, i do
        path = path + math.abs(bars.close[k] - bars.close[k - 1])
      end
      return math.abs(bars.close[i] - bars.close[i - 10]) / path
    end,
  },
  sinwma = {
    ta.sinwma(7),
    function(i)
      local sum, weights = 0, 0
      for k = 1, 7 do
        local w = math.sin(math.pi * k / 8)
        sum, weights = sum + w * bars.close[i - 7 + k], weights + w
      end
      return sum / weights
    end,
  },
  vidya = {
    ta.vidya(9),
    function(i)
      local f = bars.close[1]
      for k = 10, i do
        local up, down = 0, 0
        for j = k - 8, k do
          local change = bars.close[j] - bars.close[j - 1]
          up, down = up + math.max(change, 0), down + math.max(-change, 0)
        end
        f = f + 0.2 * math.abs(up - down) / (up + down) * (bars.close[k] - f)
      end
      return f
    end,
  },
  realised = { ta.realised(12, 365), function(i) return math.sqrt(sample_variance(returns(i, 12)) * 365) end },
  parkinson = { ta.parkinson(12), root_of(12, function(_, h, l) return log(h / l) ^ 2 / (4 * log(2)) end) },
  garman_klass = {
    ta.garman_klass(12),
    root_of(12, function(o, h, l, c) return 0.5 * log(h / l) ^ 2 - (2 * log(2) - 1) * log(c / o) ^ 2 end),
  },
  yang_zhang = {
    ta.yang_zhang(12),
    function(i)
      local gaps, moves, inner = {}, {}, 0
      for k = i - 11, i do
        local o, h, l, c = bars.open[k], bars.high[k], bars.low[k], bars.close[k]
        gaps[#gaps + 1], moves[#moves + 1] = log(o / bars.close[k - 1]), log(c / o)
        inner = inner + (log(h / c) * log(h / o) + log(l / c) * log(l / o)) / 12
      end
      local k = 0.34 / (1.34 + 13 / 11)
      return math.sqrt(sample_variance(gaps) + k * sample_variance(moves) + (1 - k) * inner)
    end,
  },
  squeeze = {
    ta.squeeze(20),
    function(i)
      local list, ranges = closes(i, 20), 0
      for k = i - 19, i do
        local before = bars.close[k - 1]
        local high, low = math.max(bars.high[k], before or 0), math.min(bars.low[k], before or math.huge)
        ranges = ranges + (high - low) / 20
      end
      return 2 * math.sqrt(sample_variance(list) * 19 / 20) < 1.5 * ranges and 1 or 0
    end,
  },
  vroc = {
    ta.vroc(5),
    function(i) return 100 * (bars.volume[i] - bars.volume[i - 5]) / bars.volume[i - 5] end,
  },
  vwap = {
    ta.vwap(86400, 2),
    function(i)
      local money, volume = 0, 0
      for k = math.floor((i - 1) / 24) * 24 + 1, i do
        money = money + (bars.high[k] + bars.low[k] + bars.close[k]) / 3 * bars.volume[k]
        volume = volume + bars.volume[k]
      end
      return money / volume
    end,
  },
  anchored_vwap = {
    ta.anchored_vwap(100 * 3600000),
    function(i)
      local money, volume = 0, 0
      for k = 101, i do
        money = money + (bars.high[k] + bars.low[k] + bars.close[k]) / 3 * bars.volume[k]
        volume = volume + bars.volume[k]
      end
      return money / volume
    end,
  },
  cvd = {
    ta.cvd(),
    function(i)
      local sum = 0
      for k = 1, i do
        sum = sum + 2 * bars.taker_buy_volume[k] - bars.volume[k]
      end
      return sum
    end,
  },
  imbalance = {
    ta.imbalance(6),
    function(i)
      local sum, volume = 0, 0
      for k = i - 5, i do
        sum, volume = sum + 2 * bars.taker_buy_volume[k] - bars.volume[k], volume + bars.volume[k]
      end
      return sum / volume
    end,
  },
  zscore = {
    ta.zscore(15),
    function(i)
      local list = closes(i, 15)
      return (bars.close[i] - mean(list, 1, 15)) / math.sqrt(sample_variance(list) * 14 / 15)
    end,
  },
  skewness = { ta.skewness(15), function(i) return moment(closes(i, 15), 3) end },
  kurtosis = { ta.kurtosis(15), function(i) return moment(closes(i, 15), 4) end },
  median = {
    ta.median(8),
    function(i)
      local list = closes(i, 8)
      table.sort(list)
      return (list[4] + list[5]) / 2
    end,
  },
  quantile = {
    ta.quantile(9, 0.3),
    function(i)
      local list = closes(i, 9)
      table.sort(list)
      return list[3] + 0.4 * (list[4] - list[3])
    end,
  },
  percent_rank = {
    ta.percent_rank(25),
    function(i)
      local below = 0
      for k = i - 25, i - 1 do
        if bars.close[k] < bars.close[i] then below = below + 1 end
      end
      return 4 * below
    end,
  },
  covariance = {
    ta.covariance(15),
    function(i)
      local mx, my, sum = mean(bars.close, i - 14, i), mean(bars.open, i - 14, i), 0
      for k = i - 14, i do
        sum = sum + (bars.close[k] - mx) * (bars.open[k] - my) / 15
      end
      return sum
    end,
    inputs = { "close", "open" },
  },
  autocorrelation = {
    ta.autocorrelation(30, 2),
    function(i)
      local mx, my = mean(bars.close, i - 29, i), mean(bars.close, i - 31, i - 2)
      local xx, yy, xy = 0, 0, 0
      for k = i - 29, i do
        local dx, dy = bars.close[k] - mx, bars.close[k - 2] - my
        xx, yy, xy = xx + dx * dx, yy + dy * dy, xy + dx * dy
      end
      return xy / math.sqrt(xx * yy)
    end,
  },
  entropy = {
    ta.entropy(40, 2),
    function(i)
      local counts, sum = {}, 0
      for k = i - 39, i do
        local word = (bars.close[k] > bars.close[k - 1] and "+" or "-")
          .. (bars.close[k - 1] > bars.close[k - 2] and "+" or "-")
        counts[word] = (counts[word] or 0) + 1
      end
      for _, count in pairs(counts) do
        sum = sum - count / 40 * log(count / 40)
      end
      return sum / log(4)
    end,
  },
  heikin_ashi = {
    ta.heikin_ashi(),
    function(i)
      local open, close
      for k = 1, i do
        open = open and (open + close) / 2 or (bars.open[1] + bars.close[1]) / 2
        close = (bars.open[k] + bars.high[k] + bars.low[k] + bars.close[k]) / 4
      end
      return open
    end,
  },
  fractals = {
    ta.fractals(2),
    function(i)
      local h = bars.high
      for k = i - 4, i do
        if k ~= i - 2 and h[k] >= h[i - 2] then return nil end
      end
      return h[i - 2]
    end,
  },
  retracements = {
    ta.retracements(50),
    function(i)
      local high, low = math.max(unpack(bars.high, i - 49, i)), math.min(unpack(bars.low, i - 49, i))
      return high - 0.236 * (high - low)
    end,
  },
}

-- Those shown by hand below.
local by_hand =
  { "zigzag", "hurst", "ofi", "pivots", "fibonacci_pivots", "camarilla", "woodie", "demark", "pattern" }

describe("indicators from their definitions", function()
  for name, case in pairs(definitions) do
    it(name, function()
      local ours, compared = results(case[1], case.inputs or ta.form(name).inputs)[1], 0
      for i = 1, rows do
        if ours[i] then
          near(assert(case[2](i)), ours[i], ("%s, bar %d"):format(name, i))
          compared = compared + 1
        end
      end
      assert(
        compared >= (name == "fractals" and 30 or 400),
        ("only %d values were compared"):format(compared)
      )
    end)
  end

  it("zigzag tells a turn when the move is large enough, and how long ago it was", function()
    local zigzag, told = ta.zigzag(10), {}
    for i, price in ipairs { 100, 105, 120, 115, 107, 100, 108, 112, 130, 118, 116 } do
      local at, kind, age = zigzag(price, price)
      told[i] = at and ("%g %d %d"):format(at, kind, age) or "-"
    end
    assert.are.equal(
      "- - 100 -1 2 100 -1 3 120 1 2 120 1 3 120 1 4 100 -1 2 100 -1 3 100 -1 4 130 1 2",
      table.concat(told, " ")
    )
  end)

  it("hurst is near a half for a random walk and higher for a trend that lasts", function()
    math.randomseed(7)
    local walk, trend = ta.hurst(1024), ta.hurst(1024)
    local x, y, drift, h, t = 0, 0, 0, nil, nil
    for i = 1, 1025 do
      x = x + (math.random() - 0.5) * 0.01
      if i % 64 == 1 then drift = (math.random() - 0.5) * 0.01 end
      y = y + drift + (math.random() - 0.5) * 0.002
      h, t = walk(math.exp(x)), trend(math.exp(y))
    end
    assert(h > 0.4 and h < 0.7, h)
    assert(t > 0.8, t)
  end)

  it("ofi counts what came to the bid and left the ask", function()
    local ofi = ta.ofi(1)
    assert.is_nil(ofi(100, 5, 101, 7))
    assert.are.equal(3, ofi(100, 8, 101, 7)) -- three more at the same bid
    assert.are.equal(4, ofi(100.5, 4, 101, 7)) -- a better bid
    assert.are.equal(7, ofi(100.5, 4, 102, 3)) -- the ask was used up
    assert.are.equal(-4, ofi(100, 9, 102, 3)) -- the bid was used up
  end)

  it("levels", function()
    assert.are.same({ 105, 110, 100, 115, 95, 120, 90 }, { ta.pivots()(110, 100, 105) })
    assert.are.same({ 105, 110, 100, 115, 95 }, { ta.woodie()(110, 100, 105) })
    local p, r1, s1 = ta.demark()(100, 110, 100, 105) -- rose: the high counts twice
    assert.are.same({ 106.25, 112.5, 102.5 }, { p, r1, s1 })
    near(105 + 3.82, (select(2, ta.fibonacci_pivots()(110, 100, 105))), "r1")
    near(105 + 11 / 12, (ta.camarilla()(110, 100, 105)), "r1")
  end)

  it("every indicator is compared with something", function()
    local covered = {}
    for name, case in pairs(cases) do
      covered[case[2] or name] = true
    end
    for name in pairs(definitions) do
      covered[name] = true
    end
    for _, name in ipairs(by_hand) do
      covered[name] = true
    end
    for _, name in ipairs(ta.names()) do
      assert(covered[name], name .. " is compared with nothing")
    end
    assert(#ta.names() >= 130)
  end)

  it("nothing is allocated a value", function()
    jit.off() -- the compiler's own memory would be counted, and what traces of other specs make
    jit.flush()
    finally(jit.on)
    for _, name in ipairs(ta.names()) do
      local form = ta.form(name)
      local made, indicator = pcall(form.make)
      if not made then
        made, indicator = pcall(form.make, name == "pattern" and "hammer" or 14)
      end
      assert(made, indicator)
      local columns = {}
      for i, field in ipairs(form.inputs) do
        columns[i] = bars[field] or bars.close
      end
      local first = columns[1]
      local function pass()
        local a, b, c, d, e =
          first, columns[2] or first, columns[3] or first, columns[4] or first, columns[5] or first
        for i = 1, rows do
          indicator(a[i], b[i], c[i], d[i], e[i])
        end
      end
      pass()
      local grown = math.huge -- of two passes the smaller: the stack may grow once
      for _ = 1, 2 do
        collectgarbage()
        collectgarbage "stop"
        local before = collectgarbage "count"
        pass()
        grown = math.min(grown, (collectgarbage "count" - before) * 1024)
        collectgarbage "restart"
      end
      assert(grown < rows, ("%s: %d bytes"):format(name, grown))
    end
  end)
end)

describe("putting indicators together", function()
  it("cross_over tells the bar at which it crosses, and touching is no crossing", function()
    local cross, at = ta.cross_over(function(x) return x end, 10), {}
    for i, x in ipairs { 8, 10, 9, 11, 12, 10, 11, 9, 13 } do
      if cross(x) then at[#at + 1] = i end
    end
    assert.are.same({ 4, 9 }, at)
    local under, down = ta.cross_under(ta.sma(1), 10), {}
    for i, x in ipairs { 8, 11, 10, 9, 12, 8 } do
      if under(x) then down[#down + 1] = i end
    end
    assert.are.same({ 4, 6 }, down)
    local both, seen = ta.cross(ta.sma(1), ta.sma(3)), {}
    for _, x in ipairs { 1, 2, 3, 4, 1, 1, 5 } do
      seen[#seen + 1] = (both(x))
    end
    assert.are.same({ 0, 0, 0, 0, -1, 0, 1 }, seen)
  end)

  it("chain feeds one into the next", function()
    local chained, rsi, sma = ta.chain(ta.rsi(14), ta.sma(9)), ta.rsi(14), ta.sma(9)
    for i = 1, 60 do
      local strength = rsi(bars.close[i])
      assert.are.equal(strength and sma(strength), chained(bars.close[i]))
    end
  end)

  it("over gives arrays as long as what went in", function()
    local up, down = ta.over(ta.donchian(3), { 1, 2, 3, 2 }, { 0, 1, 2, 1 })
    assert.are.same({ false, false, 3, 3 }, up)
    assert.are.same({ false, false, 0, 1 }, down)
    assert.has_error(
      function() ta.over(ta.donchian(3), { 1, 2 }, { 1 }) end,
      "ta.over: array 2 has 1 values and the first 2"
    )
  end)

  it("window holds the last values", function()
    local w = ta.window(3)
    for x = 1, 5 do
      w.push(x)
    end
    assert.are.same({ 5, 4, 3 }, { w.at(0), w.at(1), w.at(2) })
    assert.is_nil(w.at(3))
    assert.are.equal(3, w.count())
  end)

  it("what is no length is refused in the user's line", function()
    for _, case in ipairs {
      { function() ta.rsi(0) end, "ta.rsi: the length must be a whole number of at least 1, not 0" },
      { function() ta.hma(1.5) end, "ta.hma: the length must be a whole number of at least 2, not 1.5" },
      { function() ta.frama(7) end, "ta.frama: the length must be even, not 7" },
      { function() ta.supertrend(10, -1) end, "ta.supertrend: the width must be a number above 0, not -1" },
      { function() ta.macd(26, 12) end, "ta.macd: fast must be shorter than slow" },
      { function() ta.ema(3, "zero") end, 'ta.ema: the seed is "first" or "sma", not zero' },
    } do
      local ok, message = pcall(case[1])
      assert.is_false(ok)
      assert.truthy(tostring(message):find(case[2], 1, true), message)
      assert.truthy(tostring(message):find("indicators_spec.lua", 1, true), message)
    end
  end)
end)
