---Whether the best of a sweep is more than luck: the statistics of research/significance over its trials, and one sentence.
local significance = require "moontide.research.significance"
local stats = require "moontide.stats"

local M = {}

-- The most trials whose returns the bootstrap resamples: the best ones, since others cannot be the largest.
local MOST_RESAMPLED = 300

-- Mean correlation of the columns, by the variance of the mean of their standardised returns.
local function mean_correlation(columns, moments)
  local n, rows, sum = #columns, #columns[1], 0
  if n < 2 then return 0 end
  for i = 1, rows do
    local z = 0
    for k, column in ipairs(columns) do
      if moments[k].sharpe then z = z + (column[i] - moments[k].mean) / moments[k].deviation end
    end
    sum = sum + z * z / (n * n)
  end
  local variance = sum / (rows - 1)
  return math.min(math.max((variance * n - 1) / (n - 1), 0), 1)
end

---@class Verdict
---@field trials integer in the ledger, of this strategy on these data
---@field effective_trials number independent ones that they come to
---@field days integer
---@field sharpe number? of the best, a year
---@field psr number? probability that its true ratio is above 0, the search left aside
---@field dsr number? the same against what the best of so many trials of no skill shows
---@field luck_sharpe number? what that is, a year
---@field minimum_track_record_days number?
---@field pbo number? probability of backtest overfitting
---@field reality_check number? White's p
---@field spa number? Hansen's p
---@field more_than_luck boolean? nil where too little is known
---@field sentence string

local function columns_of(rows)
  local columns, days = {}, nil
  for _, row in ipairs(rows) do
    local returns = row.trial.returns
    if not row.trial.result.failure and #returns > 1 and (not days or #returns == days) then
      days = #returns
      columns[#columns + 1] = returns
    end
  end
  return columns, days or 0
end

local function sentence(v)
  if v.days < 30 or not v.dsr then
    return ("Too little is known to tell skill from luck: %d daily returns."):format(v.days)
  end
  local tried = ("the best of %d trials"):format(v.trials)
  if v.more_than_luck then
    return ("More than luck would explain: %s keeps a deflated Sharpe ratio of %.3f (0.95 asked for) and Hansen's p is %.3f."):format(
      tried,
      v.dsr,
      v.spa
    )
  end
  return ("No more than luck explains: %s shows a Sharpe ratio of %.2f a year where luck alone is expected to show %.2f (deflated Sharpe ratio %.3f, Hansen's p %.3f)."):format(
    tried,
    v.sharpe,
    v.luck_sharpe,
    v.dsr,
    v.spa or 1
  )
end

---Judges a sweep.
---@param rows SweepRow[] the best first
---@param count integer trials in the ledger
---@param random fun(): number uniform in [0, 1), seeded
---@return Verdict
function M.of(rows, count, random)
  local columns, days = columns_of(rows)
  local v = { trials = math.max(count, #rows), days = days, effective_trials = math.max(count, #rows) }
  if #columns > 0 and days >= 30 then
    local moments, sharpes = {}, {}
    for k, column in ipairs(columns) do
      moments[k] = significance.moments(column)
      sharpes[#sharpes + 1] = moments[k].sharpe or 0
    end
    local best, year = moments[1], math.sqrt(365)
    if best.sharpe then
      v.effective_trials = significance.effective_trials(v.trials, mean_correlation(columns, moments))
      local variance = (stats.stdev(sharpes) or 0) ^ 2
      if variance <= 0 then variance = 1 / days end -- a single trial: the spread of a ratio without skill
      v.sharpe = best.sharpe * year
      v.psr = significance.psr(best.sharpe, days, best.skewness, best.kurtosis, 0)
      v.dsr, v.luck_sharpe =
        significance.dsr(best.sharpe, days, best.skewness, best.kurtosis, v.effective_trials, variance)
      v.luck_sharpe = v.luck_sharpe * year
      v.minimum_track_record_days =
        significance.minimum_track_record(best.sharpe, 0, best.skewness, best.kurtosis)
      local o = significance.pbo(columns, days >= 320 and 16 or 8)
      v.pbo = o and o.pbo
      local s = significance.snooping({ unpack(columns, 1, MOST_RESAMPLED) }, random)
      if s then
        v.reality_check, v.spa = s.reality_check, s.spa
      end
      v.more_than_luck = v.dsr ~= nil and v.dsr >= 0.95 and (v.spa or 1) <= 0.05
    end
  end
  v.sentence = sentence(v)
  return v
end

return M
