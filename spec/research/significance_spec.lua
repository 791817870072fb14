-- The statistics of sweeps against published values, and against what they promise on noise and on a planted edge.
local normal = require "moontide.research.normal"
local significance = require "moontide.research.significance"

local function near(expected, got, tolerance)
  local within = math.abs(expected - got) < (tolerance or 1e-9) -- false for NaN
  if not within then error(("expected %.15g, got %.15g"):format(expected, got), 2) end
end

-- Uniform numbers of a linear congruential generator.
local function uniform(seed)
  local s = seed
  return function()
    s = tonumber((1103515245ULL * s + 12345ULL) % 2147483648ULL) -- more digits than a double has
    return s / 2147483648
  end
end

-- NumPy's RandomState(seed).standard_normal: Mersenne twister (Matsumoto and Nishimura 1998) and the polar method.
local function numpy_normal(seed)
  local bit = require "bit"
  local mt, at, kept = { [0] = seed }, 624, nil
  for i = 1, 623 do
    local before = bit.bxor(mt[i - 1], bit.rshift(mt[i - 1], 30))
    mt[i] = bit.tobit(tonumber((1812433253ULL * (before % 4294967296) + i) % 4294967296ULL))
  end
  local function word()
    if at == 624 then
      for k = 0, 623 do
        local y = bit.bor(bit.band(mt[k], 0x80000000), bit.band(mt[(k + 1) % 624], 0x7fffffff))
        local odd = bit.band(y, 1) == 1 and 0x9908b0df or 0
        mt[k] = bit.bxor(mt[(k + 397) % 624], bit.rshift(y, 1), odd)
      end
      at = 0
    end
    local y = mt[at]
    at = at + 1
    y = bit.bxor(y, bit.rshift(y, 11))
    y = bit.bxor(y, bit.band(bit.lshift(y, 7), 0x9d2c5680))
    y = bit.bxor(y, bit.band(bit.lshift(y, 15), 0xefc60000))
    return bit.bxor(y, bit.rshift(y, 18))
  end
  local function double()
    local a, b = bit.rshift(word(), 5), bit.rshift(word(), 6)
    return (a * 67108864 + b) / 9007199254740992
  end
  return function()
    if kept then
      local x = kept
      kept = nil
      return x
    end
    local x, y, r
    repeat
      x, y = 2 * double() - 1, 2 * double() - 1
      r = x * x + y * y
    until r < 1 and r ~= 0
    local f = math.sqrt(-2 * math.log(r) / r)
    kept = f * x
    return f * y
  end
end

describe("the normal law", function()
  it("is that of the tables", function()
    near(0.975, normal.cdf(1.959963984540054), 1e-15)
    near(1.959963984540054, normal.quantile(0.975), 1e-14)
    near(-4.753424308822899, normal.quantile(1e-6), 1e-12)
    for _, p in ipairs { 1e-12, 0.01, 0.3, 0.5, 0.9, 0.999999 } do
      near(1, normal.cdf(normal.quantile(p)) / p, 1e-12)
    end
  end)
end)

describe("significance", function()
  it("deflated Sharpe ratio: the published example and its variations", function()
    local sharpe, variance = 2.5 / math.sqrt(250), 0.5 / 250
    local dsr, benchmark = significance.dsr(sharpe, 1250, -3, 10, 100, variance)
    near(0.9003968345, dsr, 1e-9)
    near(0.1131720, benchmark, 1e-7)
    near(0.9938796415, (significance.dsr(sharpe, 1250, -3, 10, 10, variance)), 1e-9)
    near(0.9505017069, (significance.dsr(sharpe, 1250, -3, 10, 46, variance)), 1e-9)
    near(0.6399149554, (significance.dsr(sharpe, 1250, -3, 10, 1000, variance)), 1e-9)
    near(0.9504908167, (significance.dsr(sharpe, 1250, 0, 3, 88, variance)), 1e-9)
    near(2.5306028932, significance.expected_best(100), 1e-9)
  end)

  it("probabilistic Sharpe ratio and least lengths", function()
    near(0.9132343069, significance.psr(1.585 / math.sqrt(12), 24, -2.448, 10.164), 1e-9)
    local daily = significance.minimum_track_record(2 / math.sqrt(250), 1 / math.sqrt(250), 0, 3)
    near(2.7311878018, daily / 250, 1e-8)
    local weekly = significance.minimum_track_record(2 / math.sqrt(52), 1 / math.sqrt(52), 0, 3)
    near(2.8288335869, weekly / 52, 1e-8)
    local monthly = significance.minimum_track_record(3 / math.sqrt(12), 2.5 / math.sqrt(12), -0.72, 5.78)
    near(27.3529201960, monthly / 12, 1e-8)
    near(4.9980870, significance.minimum_backtest_length(45, 1), 1e-7)
    assert.are.equal(math.huge, significance.minimum_track_record(0.1, 0.1, 0, 3))
  end)

  it("probability of backtest overfitting on eight made strategies", function()
    local random, columns = uniform(12345), {}
    for k = 1, 8 do
      columns[k] = {}
    end
    for t = 1, 240 do
      for k = 1, 8 do
        local u = random() + random() + random()
        columns[k][t] = (u - 1.5) * 0.01 + (k == 1 and 0.0004 or 0)
      end
    end
    near(0.00174929006, columns[1][1], 1e-10)
    local whole = { 0.062710, -0.003439, 0.002457, 0.055025, -0.067541, 0.011092, 0.035096, 0.033735 }
    for k, sharpe in ipairs(whole) do
      near(sharpe, significance.moments(columns[k]).sharpe, 1e-6)
    end
    local o = significance.pbo(columns, 8)
    assert.are.equal(70, o.splits)
    near(0.8285714286, o.pbo)
    near(-0.9382656104, o.mean_logit)
    near(0.7857142857, o.loss_share)
    near(-0.9226452501, o.slope)
  end)

  it("block length: the vector of the reference implementation", function()
    local draw, list = numpy_normal(0), {}
    local first = draw()
    near(1.764052345967664, first, 1e-12)
    local y = first
    for i = 2, 10100 do
      y = 0.3 * y + draw()
      if i > 100 then list[#list + 1] = y end
    end
    local stationary, circular = significance.block_length(list)
    near(13.635665130318229, stationary, 1e-8)
    near(15.608940081363109, circular, 1e-8)
  end)

  it("blocks are longer where returns hang together", function()
    local random, white, linked, last = uniform(7), {}, {}, 0
    for i = 1, 4000 do
      local x = random() + random() + random() + random() - 2
      white[i], last = x, 0.6 * last + x
      linked[i] = last
    end
    assert(significance.block_length(white) < 6)
    local length = significance.block_length(linked)
    assert(length > 20 and length < 50, length)
  end)

  it("a bootstrap sample holds blocks of the length asked for", function()
    local random, into, breaks = uniform(3), {}, 0
    significance.resample(20000, 25, random, into)
    for i = 2, #into do
      if into[i] ~= into[i - 1] % 20000 + 1 then breaks = breaks + 1 end
    end
    assert(math.abs(breaks / 20000 - 1 / 25) < 0.005, breaks)
  end)

  it("of many searches over noise at most one in twenty passes; a true edge is kept", function()
    local s = (tonumber(os.getenv "SEED") or 11) % 2147483646 + 1
    local function random() -- Park and Miller's: within a double's digits, and fast
      s = 16807 * s % 2147483647
      return s / 2147483647
    end
    local function draw() return (random() + random() + random() + random() - 2) * math.sqrt(3) end
    local SEARCHES, TRIALS, DAYS = 120, 10, 250
    local white, spa, kept = 0, 0, 0
    for _ = 1, SEARCHES do
      local columns = {}
      for k = 1, TRIALS do
        columns[k] = {}
        for t = 1, DAYS do
          columns[k][t] = draw()
        end
      end
      local r = significance.snooping(columns, random, { samples = 200, block_length = 2 })
      if r.reality_check < 0.05 then white = white + 1 end
      if r.spa < 0.05 then spa = spa + 1 end
      for t = 1, DAYS do
        columns[3][t] = columns[3][t] + 0.3
      end
      if significance.snooping(columns, random, { samples = 200, block_length = 2 }).spa < 0.05 then
        kept = kept + 1
      end
    end
    -- 5 % of 120 is 6; four standard errors above it are 15.5.
    assert(white <= 15 and spa <= 15, ("%d and %d of %d"):format(white, spa, SEARCHES))
    assert(kept >= 0.9 * SEARCHES, kept)
  end)
end)
