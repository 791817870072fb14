---What a list of trades leaves open: leaving some out (jackknife), drawing them anew (bootstrap) and in another order (Monte
---Carlo of the drawdown). Pure; seeded.
local ffi = require "ffi"
local C = require "moontide.core"
local paths = require "moontide.report.paths"

local M = {}

local function generator(seed)
  local rng = ffi.new "struct rng"
  C.rng_init(rng, seed)
  return function(bound) return tonumber(C.rng_below(rng, bound)) + 1 end
end

---The deepest fall of an account from its highest so far, as a share of that.
---@param capital number
---@param results number[] of trades, in their order
---@return number
function M.drawdown(capital, results)
  local equity, peak, worst = capital, capital, 0
  for _, x in ipairs(results) do
    equity = equity + x
    peak = math.max(peak, equity)
    worst = math.max(worst, (peak - equity) / peak)
  end
  return worst
end

---Sums of as many results, drawn with replacement.
---@param results number[]
---@param rounds integer
---@param seed integer
---@return number[] sums sorted
function M.bootstrap(results, rounds, seed)
  local draw, sums, count = generator(seed), {}, #results
  for r = 1, rounds do
    local sum = 0
    for _ = 1, count do
      sum = sum + results[draw(count)]
    end
    sums[r] = sum
  end
  table.sort(sums)
  return sums
end

---Drawdowns of the same results in other orders.
---@param capital number
---@param results number[]
---@param rounds integer
---@param seed integer
---@return number[] drawdowns sorted
function M.shuffled_drawdowns(capital, results, rounds, seed)
  local draw, list, drawdowns = generator(seed), { unpack(results) }, {}
  for r = 1, rounds do
    for i = #list, 2, -1 do
      local j = draw(i)
      list[i], list[j] = list[j], list[i]
    end
    drawdowns[r] = M.drawdown(capital, list)
  end
  table.sort(drawdowns)
  return drawdowns
end

---The sum without the best of the results.
---@param results number[]
---@param count integer how many are left out
---@return number
function M.without_best(results, count)
  local sorted, sum = { unpack(results) }, 0
  table.sort(sorted)
  for i = 1, #sorted - count do
    sum = sum + sorted[i]
  end
  return sum
end

---The value below which a share of a sorted list lies.
M.quantile = paths.quantile

return M
