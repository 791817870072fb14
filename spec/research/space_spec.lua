-- Ranges of parameters, and the lists of trials made of them.
local space = require "moontide.research.space"

local function refused(text, f, ...)
  local ok, problem = pcall(f, ...)
  assert.is_false(ok)
  assert.truthy(
    tostring(problem.message or problem):find(text, 1, true),
    tostring(problem.message or problem)
  )
end

describe("ranges", function()
  it("are read as they are typed", function()
    assert.are.same({ 5, 10, 15 }, space.dimension("a", "5..15:5").values)
    assert.are.same({ 5, 10, 15 }, space.dimension("a", "5..19:5").values)
    assert.are.same({ 1, 2, 3 }, space.dimension("a", "1..3").values)
    assert.are.same({ 0.1, 0.2, 0.3 }, space.dimension("a", "0.1..0.3:0.1").values)
    assert.are.same({ "fast", 2, true }, space.dimension("a", "fast,2,true").values)
    assert.are.same({ 7 }, space.dimension("a", "7").values)
    local continuous = space.dimension("a", "0.5..1")
    assert.is_nil(continuous.values)
    assert.are.same({ 0.5, 1 }, { continuous.low, continuous.high })
  end)

  it("that are wrong are refused with the reason", function()
    refused("the range ends before it begins", space.dimension, "a", "9..5:1")
    refused("the step must be above 0", space.dimension, "a", "1..5:0")
    refused("x is no number", space.dimension, "a", "x..5")
    refused("stands twice", space.dimension, "a", "1,2,1")
    refused("a value is missing between commas", space.dimension, "a", "1,,2")
    refused("take a larger step", space.dimension, "a", "0..1:0.0000001")
  end)

  it("come from the script's own bounds when none is typed", function()
    local list = space.dimensions({}, { fast = { 12, min = 2, max = 60, step = 20 }, plain = 3 }, "s.lua")
    assert.are.equal(1, #list)
    assert.are.same({ 2, 22, 42 }, list[1].values)
    refused("nothing to sweep", space.dimensions, {}, { plain = 3 }, "s.lua")
  end)
end)

describe("lists of trials", function()
  local a, b = space.dimension("a", "1..3"), space.dimension("b", "10,20")

  it("grid: every combination that the condition allows, in order", function()
    local texts = {}
    for i, t in ipairs(space.grid({ a, b }, space.expression("a * 10 ~= b", "where"))) do
      texts[i] = space.text(t)
    end
    assert.are.same({ "a=1 b=20", "a=2 b=10", "a=3 b=10", "a=3 b=20" }, texts)
  end)

  it("sobol: the published sequence", function()
    local next, points = space.sobol_points(3), {}
    for i = 1, 7 do
      points[i] = next()
    end
    assert.are.same({
      { 0.5, 0.5, 0.5 },
      { 0.75, 0.25, 0.25 },
      { 0.25, 0.75, 0.75 },
      { 0.375, 0.375, 0.625 },
      { 0.875, 0.875, 0.125 },
      { 0.625, 0.125, 0.875 },
      { 0.125, 0.625, 0.375 },
    }, points)
  end)

  it(
    "sobol: each power of two of points falls into each part of each range alike, in every dimension",
    function()
      local next, counts = space.sobol_points(space.SOBOL_MOST), {}
      for k = 1, space.SOBOL_MOST do
        counts[k] = {}
      end
      local zero = {} -- the point 0 is left out
      for k = 1, space.SOBOL_MOST do
        zero[k] = 0
      end
      local point = zero
      for _ = 1, 256 do
        for k = 1, space.SOBOL_MOST do
          local cell = math.floor(point[k] * 256)
          counts[k][cell] = (counts[k][cell] or 0) + 1
        end
        point = next()
      end
      for k = 1, space.SOBOL_MOST do
        for cell = 0, 255 do
          assert(
            counts[k][cell] == 1,
            ("dimension %d, cell %d: %s"):format(k, cell, tostring(counts[k][cell]))
          )
        end
      end
    end
  )

  it("chance and sobol stop where the ranges hold no more", function()
    local s = 1
    local function random()
      s = 16807 * s % 2147483647
      return s / 2147483647
    end
    assert.are.equal(6, #space.random({ a, b }, 50, nil, random))
    assert.are.equal(6, #space.sobol({ a, b }, 50))
    assert.are.equal(4, #space.sobol({ a, b }, 4))
  end)

  it("an expression that is none is refused", function()
    refused("--where fast <", space.expression, "fast <", "where")
    local f = space.expression("no_such + 1", "where")
    refused("no_such", f, {})
  end)
end)
