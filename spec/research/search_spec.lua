-- Searches that look at results before they go on.
local cjson = require "cjson"
local run = require "spec.support.run"
local search = require "moontide.research.search"
local space = require "moontide.research.space"

local function seeded(seed)
  local s = seed
  for _ = 1, 8 do
    s = 16807 * s % 2147483647
  end
  return function()
    s = 16807 * s % 2147483647
    return s / 2147483647
  end
end

local ranges = { { name = "a", low = -5, high = 5 }, { name = "b", low = -5, high = 5 } }

-- A hill with its top, 0, at (1, -2).
local function hill(v) return -((v.a - 1) ^ 2 + (v.b + 2) ^ 2) end

local function evolve(count, seed, where)
  local best, batches = -math.huge, 0
  local tried = search.evolution(ranges, count, where, seeded(seed), function(trials)
    batches = batches + 1
    local scores = {}
    for _, v in ipairs(trials) do
      scores[space.text(v)] = hill(v)
      best = math.max(best, hill(v))
    end
    return scores
  end)
  return tried, best, batches
end

describe("differential evolution", function()
  it("climbs a hill that chance does not, with as many trials", function()
    local nearer = 0
    for seed = 1, 10 do
      local _, best = evolve(200, seed)
      local by_chance = -math.huge
      for _, v in ipairs(space.random(ranges, 200, nil, seeded(seed + 100))) do
        by_chance = math.max(by_chance, hill(v))
      end
      assert.is_true(best > -0.05, best)
      if best > by_chance then nearer = nearer + 1 end
    end
    assert.is_true(nearer >= 9, nearer)
  end)

  it("tries as many different trials as asked for, the same for a seed", function()
    local one, two = evolve(50, 3), evolve(50, 3)
    assert.are.same(one, two)
    assert.are.equal(50, #one)
    local seen = {}
    for _, v in ipairs(one) do
      assert.is_nil(seen[space.text(v)])
      seen[space.text(v)] = true
      assert.is_true(v.a >= -5 and v.a <= 5 and v.b >= -5 and v.b <= 5)
    end
  end)

  it("keeps to the condition", function()
    local tried, best = evolve(100, 5, function(v) return v.a < 0 end)
    for _, v in ipairs(tried) do
      assert.is_true(v.a < 0)
    end
    assert.is_true(best > -1.2, best) -- the best that is allowed: -1, at the edge
  end)

  it("ends where the ranges hold no more", function()
    local few = { { name = "a", values = { 1, 2, 3 } }, { name = "b", values = { 1, 2 } } }
    local tried = search.evolution(few, 100, nil, seeded(1), function(trials)
      local scores = {}
      for _, v in ipairs(trials) do
        scores[space.text(v)] = v.a + v.b
      end
      return scores
    end)
    assert.is_true(#tried <= 6 and #tried >= 4, #tried)
  end)
end)

describe("successive halving", function()
  it("gives the period a third at a time while enough are left", function()
    assert.are.same({ 1 }, search.rungs(5))
    assert.are.same({ 1 / 3, 1 }, search.rungs(6))
    local rungs = search.rungs(60)
    assert.are.equal(4, #rungs)
    assert.is_near(1 / 27, rungs[1], 1e-12)
  end)
end)

describe("moontide sweep --method", function()
  local folder
  before_each(function()
    folder = run.folder()
    run.write(
      folder .. "/s.lua",
      [[
return { symbols = { "BTCUSDT" }, interval = "1m", params = { every = { 20, min = 5, max = 200 }, hold = { 5, min = 1, max = 200 } },
  on_bar = function(self, bar)
    self.n = (self.n or 0) + 1
    if self.n % self.params.every == 0 then self:target(bar.symbol, 0.1) end
    if self.n % self.params.every == self.params.hold then self:target(bar.symbol, 0) end
  end }
]]
    )
  end)
  after_each(function() run.remove(folder) end)

  local function sweep(...)
    local r = run.moontide({
      "sweep",
      "s.lua",
      "--synthetic=3",
      "--bars=3000",
      "--set=every=10..100",
      "--set=hold=1..50",
      "--where=hold < every",
      "--json=-",
      "--objective=net_profit",
      ...,
    }, nil, folder)
    return r, r.status == 0 and cjson.decode(r.out)
  end

  it("evolution is the same on one process and on two", function()
    local one, document = sweep("--method=evolution", "--trials=20", "--results=a.db", "--jobs=1")
    local two = sweep("--method=evolution", "--trials=20", "--results=b.db", "--jobs=2")
    assert.are.equal(0, one.status, one.err)
    assert.are.equal(one.out, two.out)
    assert.are.equal(20, #document.trials)
    assert.are.equal(20, document.verdict.trials)
  end)

  it("halving tries all on a part and the better third on the whole, and all of them count", function()
    local r, document = sweep("--method=halving", "--trials=18", "--results=a.db")
    assert.are.equal(0, r.status, r.err)
    assert.are.equal(2, #document.trials) -- 18, 6, 2
    assert.is_true(document.verdict.trials >= 18)
    assert.is_true(document.trials[1].result.bars > 2900)
  end)

  it("is refused in shards, which would each see a part of the results", function()
    local r = sweep("--method=halving", "--trials=18", "--results=a.db", "--shard=1/2")
    assert.are.equal(2, r.status)
    assert.is_truthy(r.err:find "each part would look at its own results alone")
  end)
end)
