---Whether a result is more than luck: probabilistic and deflated Sharpe ratios, least lengths of a record, the probability
---of backtest overfitting, White's reality check and Hansen's SPA by the stationary bootstrap.
---
---Sharpe ratios here are per period, not annualised; kurtosis is 3 for a normal law.
local normal = require "moontide.research.normal"

local M = {}

local EULER = 0.5772156649015329

---@class ReturnMoments
---@field count integer
---@field mean number
---@field deviation number sample form, n - 1
---@field skewness number
---@field kurtosis number
---@field sharpe number? nil where nothing varies

---Mean, deviation, skewness and kurtosis of a list of returns.
---@param returns number[]
---@return ReturnMoments
function M.moments(returns)
  local n, mean = #returns, 0
  for i = 1, n do
    mean = mean + returns[i] / n
  end
  local m2, m3, m4 = 0, 0, 0
  for i = 1, n do
    local d = returns[i] - mean
    m2, m3, m4 = m2 + d * d / n, m3 + d * d * d / n, m4 + d * d * d * d / n
  end
  local deviation = n > 1 and math.sqrt(m2 * n / (n - 1)) or 0
  local flat = m2 <= 1e-30
  return {
    count = n,
    mean = mean,
    deviation = deviation,
    skewness = flat and 0 or m3 / m2 ^ 1.5,
    kurtosis = flat and 3 or m4 / (m2 * m2),
    sharpe = not flat and deviation > 0 and mean / deviation or nil,
  }
end

-- Variance of an estimated Sharpe ratio times the number of periods (Mertens 2002).
local function sharpe_variance(sharpe, skewness, kurtosis)
  return 1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe * sharpe
end

---Probabilistic Sharpe ratio (Bailey and Lopez de Prado 2012): the probability that the true ratio exceeds `benchmark`.
---@param sharpe number per period
---@param periods integer
---@param skewness number
---@param kurtosis number
---@param benchmark number? per period; 0 when left out
---@return number? p nil where the moments allow none
function M.psr(sharpe, periods, skewness, kurtosis, benchmark)
  local variance = sharpe_variance(sharpe, skewness, kurtosis)
  if variance <= 0 or periods < 2 then return nil end
  return normal.cdf((sharpe - (benchmark or 0)) * math.sqrt(periods - 1) / math.sqrt(variance))
end

---Expected largest of n independent standard normal draws (Bailey and Lopez de Prado 2014); 0 for a single one.
---@param n number of trials, at least 1
---@return number z
function M.expected_best(n)
  if n <= 1 then return 0 end
  return (1 - EULER) * normal.quantile(1 - 1 / n) + EULER * normal.quantile(1 - 1 / (n * math.exp(1)))
end

---Deflated Sharpe ratio (2014): the probabilistic ratio against what the best of n trials of no skill would show.
---@param sharpe number of the best, per period
---@param periods integer
---@param skewness number
---@param kurtosis number
---@param trials number how many were tried
---@param variance number of the trials' Sharpe ratios, per period
---@return number? dsr probability that the best is more than luck
---@return number benchmark the ratio that luck alone is expected to show
function M.dsr(sharpe, periods, skewness, kurtosis, trials, variance)
  local benchmark = math.sqrt(variance) * M.expected_best(trials)
  return M.psr(sharpe, periods, skewness, kurtosis, benchmark), benchmark
end

---Independent trials that n correlated ones come to: rho + (1 - rho) n.
---@param n number
---@param correlation number mean correlation of the trials' returns
---@return number
function M.effective_trials(n, correlation)
  local rho = math.min(math.max(correlation, 0), 1)
  return rho + (1 - rho) * n
end

---Least length of a record at which a Sharpe ratio differs from `benchmark` with a confidence (2012).
---@param sharpe number per period
---@param benchmark number per period
---@param skewness number
---@param kurtosis number
---@param confidence number? 0.95 when left out
---@return number periods infinite where the ratio is not above the benchmark
function M.minimum_track_record(sharpe, benchmark, skewness, kurtosis, confidence)
  if sharpe <= benchmark then return math.huge end
  local z = normal.quantile(confidence or 0.95) / (sharpe - benchmark)
  return 1 + sharpe_variance(sharpe, skewness, kurtosis) * z * z
end

---Least length of a backtest at which the best of n trials of no skill is not expected to reach a Sharpe ratio.
---@param trials number
---@param annual_sharpe number
---@return number years
function M.minimum_backtest_length(trials, annual_sharpe)
  local z = M.expected_best(trials) / annual_sharpe
  return z * z
end

-- ---- overfitting --------------------------------------------------------------------------------------------------

-- Sums of returns and of their squares by trial and block, so that a choice of blocks is a few additions.
local function block_sums(columns, blocks)
  local rows = #columns[1]
  local size = math.floor(rows / blocks)
  local sums, squares = {}, {}
  for k, column in ipairs(columns) do
    local s, q = {}, {}
    for b = 1, blocks do
      local sum, square = 0, 0
      for i = (b - 1) * size + 1, b * size do
        sum, square = sum + column[i], square + column[i] * column[i]
      end
      s[b], q[b] = sum, square
    end
    sums[k], squares[k] = s, q
  end
  return sums, squares, size
end

local function sharpe_of(sum, square, n)
  local variance = (square - sum * sum / n) / (n - 1)
  if variance <= 1e-30 then return 0 end
  return sum / n / math.sqrt(variance)
end

-- Calls `each` with every choice of half the blocks, as an array of booleans.
local function each_half(blocks, each)
  local chosen = {}
  local function go(from, left)
    if left == 0 then return each(chosen) end
    for b = from, blocks - left + 1 do
      chosen[b] = true
      go(b + 1, left - 1)
      chosen[b] = false
    end
  end
  for b = 1, blocks do
    chosen[b] = false
  end
  go(1, blocks / 2)
end

---@class Overfitting
---@field splits integer
---@field pbo number probability of backtest overfitting: share of splits whose best in-sample is below the median out of it
---@field mean_logit number
---@field loss_share number share of splits whose best loses out of sample
---@field slope number of the out-of-sample on the in-sample Sharpe ratio of the best

-- One split: Sharpe ratios of all trials in and out of sample into the arrays given.
local function split_sharpes(chosen, sums, squares, blocks, n, inside, outside)
  for k = 1, #sums do
    local si, qi, so, qo = 0, 0, 0, 0
    for b = 1, blocks do
      if chosen[b] then
        si, qi = si + sums[k][b], qi + squares[k][b]
      else
        so, qo = so + sums[k][b], qo + squares[k][b]
      end
    end
    inside[k], outside[k] = sharpe_of(si, qi, n), sharpe_of(so, qo, n)
  end
end

---Probability of backtest overfitting by combinatorially symmetric cross-validation (Bailey, Borwein, Lopez de Prado, Zhu).
---Returns are cut into `blocks` equal blocks of rows, left-over rows at the end are not used.
---@param columns number[][] returns by trial, all of one length
---@param blocks integer? even; 16 when left out
---@return Overfitting? nil for fewer than two trials or two rows a block
function M.pbo(columns, blocks)
  blocks = blocks or 16
  if #columns < 2 or #columns[1] < 2 * blocks then return nil end
  local sums, squares, size = block_sums(columns, blocks)
  local n, inside, outside = size * blocks / 2, {}, {}
  local splits, bad, losses, logits = 0, 0, 0, 0
  local sx, sy, sxx, sxy = 0, 0, 0, 0
  each_half(blocks, function(chosen)
    split_sharpes(chosen, sums, squares, blocks, n, inside, outside)
    local best = 1
    for k = 2, #inside do
      if inside[k] > inside[best] then best = k end
    end
    local rank, score = 1, outside[best]
    for k = 1, #outside do
      if outside[k] < score then rank = rank + 1 end
    end
    local share = rank / (#columns + 1)
    local logit = math.log(share / (1 - share))
    splits, logits = splits + 1, logits + logit
    if logit <= 0 then bad = bad + 1 end
    if score < 0 then losses = losses + 1 end
    local x = inside[best]
    sx, sy, sxx, sxy = sx + x, sy + score, sxx + x * x, sxy + x * score
  end)
  local spread = splits * sxx - sx * sx
  return {
    splits = splits,
    pbo = bad / splits,
    mean_logit = logits / splits,
    loss_share = losses / splits,
    slope = spread > 1e-30 and (splits * sxy - sx * sy) / spread or 0,
  }
end

-- ---- the bootstrap --------------------------------------------------------------------------------------------------

local function autocovariance(list, mean, lag)
  local sum = 0
  for i = lag + 1, #list do
    sum = sum + (list[i] - mean) * (list[i - lag] - mean)
  end
  return sum / #list
end

---Length of the blocks of the stationary and of the circular bootstrap (Politis and White 2004, corrected by Patton, Politis
---and White 2009).
---@param list number[]
---@return number stationary
---@return number circular
function M.block_length(list)
  local n, mean = #list, 0
  for i = 1, n do
    mean = mean + list[i] / n
  end
  local longest = math.ceil(math.min(3 * math.sqrt(n), n / 3))
  local variance = autocovariance(list, mean, 0)
  if n < 8 or variance <= 1e-30 then return 1, 1 end
  local quiet = math.max(5, math.floor(math.log(n) / math.log(10)))
  local most = math.ceil(math.sqrt(n)) + quiet
  local bound = 2 * math.sqrt(math.log(n) / math.log(10) / n)
  -- m: the first lag of `quiet` insignificant autocorrelations in a row, as the authors' program counts it.
  local m, run = nil, 0
  for lag = 1, math.min(most, n - 1) do
    if math.abs(autocovariance(list, mean, lag)) / variance < bound then
      run = run + 1
      if run == quiet then
        m = lag - quiet + 1
        break
      end
    else
      run = 0
    end
  end
  m = math.max(m or math.min(most, n - 1), 1)
  local reach = math.min(2 * m, most)
  local g, spectrum = 0, variance
  for lag = 1, math.min(reach, n - 1) do
    local weight = lag / reach <= 0.5 and 1 or 2 * (1 - lag / reach)
    local covariance = autocovariance(list, mean, lag)
    g = g + 2 * weight * lag * covariance
    spectrum = spectrum + 2 * weight * covariance
  end
  local function of(d)
    if d <= 1e-300 then return 1 end
    return math.min(math.max((2 * g * g / d) ^ (1 / 3) * n ^ (1 / 3), 1), longest)
  end
  return of(2 * spectrum * spectrum), of(4 / 3 * spectrum * spectrum)
end

---Indexes of one sample of the stationary bootstrap (Politis and Romano 1994): at each step a new start with probability
---1 / length, else the next index, wrapping.
---@param n integer
---@param length number mean length of a block
---@param random fun(): number uniform in [0, 1)
---@param into integer[] filled with n indexes from 1
function M.resample(n, length, random, into)
  local q, at = 1 / math.max(length, 1), 0
  for i = 1, n do
    if i == 1 or random() < q then
      at = math.floor(random() * n) + 1
    else
      at = at % n + 1
    end
    into[i] = at
  end
end

local function means_of(columns)
  local means, n = {}, #columns[1]
  for k, column in ipairs(columns) do
    local sum = 0
    for i = 1, n do
      sum = sum + column[i]
    end
    means[k] = sum / n
  end
  return means
end

-- Hansen's variance of a mean under the stationary bootstrap.
local function bootstrap_variance(column, mean, q)
  local n = #column
  local sum = autocovariance(column, mean, 0)
  for i = 1, n - 1 do
    local kernel = (n - i) / n * (1 - q) ^ i + i / n * (1 - q) ^ (n - i)
    if kernel < 1e-8 and i < n / 2 then break end
    sum = sum + 2 * kernel * autocovariance(column, mean, i)
  end
  return sum
end

---@class DataSnooping
---@field reality_check number White's p: that the best of trials of no skill shows as much
---@field spa number Hansen's p, consistent form
---@field spa_lower number
---@field spa_upper number
---@field block_length number
---@field samples integer

-- What each trial's mean is moved by in Hansen's three forms: lower, consistent, upper.
local function recentred(means, deviations, n)
  local threshold = math.sqrt(2 * math.log(math.log(n)))
  local lower, consistent, upper = {}, {}, {}
  for k, mean in ipairs(means) do
    upper[k] = mean
    consistent[k] = mean >= -deviations[k] / math.sqrt(n) * threshold and mean or 0
    lower[k] = math.max(mean, 0)
  end
  return lower, consistent, upper
end

---White's reality check and Hansen's test of superior predictive ability: is the best trial better than the benchmark by
---more than the search explains?
---@param columns number[][] returns less the benchmark's, by trial, all of one length
---@param random fun(): number uniform in [0, 1), seeded
---@param o { samples: integer?, block_length: number? }? samples: 1000 when left out
---@return DataSnooping? nil for fewer than 16 periods or when nothing varies
function M.snooping(columns, random, o)
  o = o or {}
  local n, samples = #columns[1], o.samples or 1000
  if n < 16 then return nil end
  local means, best = means_of(columns), 1
  for k = 2, #columns do
    if means[k] > means[best] then best = k end
  end
  local length = o.block_length or (M.block_length(columns[best]))
  local deviations, root = {}, math.sqrt(n)
  for k, column in ipairs(columns) do
    deviations[k] = math.sqrt(math.max(bootstrap_variance(column, means[k], 1 / length), 0))
  end
  local lower, consistent, upper = recentred(means, deviations, n)
  local largest, studentised = -math.huge, 0
  for k, mean in ipairs(means) do
    largest = math.max(largest, root * mean)
    if deviations[k] > 1e-15 then studentised = math.max(studentised, root * mean / deviations[k]) end
  end
  local counts, indexes = { white = 0, lower = 0, consistent = 0, upper = 0 }, {}
  for _ = 1, samples do
    M.resample(n, length, random, indexes)
    local white, l, c, u = -math.huge, 0, 0, 0
    for k, column in ipairs(columns) do
      local sum = 0
      for i = 1, n do
        sum = sum + column[indexes[i]]
      end
      local mean, deviation = sum / n, deviations[k]
      white = math.max(white, root * (mean - means[k]))
      if deviation > 1e-15 then
        l = math.max(l, root * (mean - lower[k]) / deviation)
        c = math.max(c, root * (mean - consistent[k]) / deviation)
        u = math.max(u, root * (mean - upper[k]) / deviation)
      end
    end
    if white >= largest then counts.white = counts.white + 1 end
    if l >= studentised then counts.lower = counts.lower + 1 end
    if c >= studentised then counts.consistent = counts.consistent + 1 end
    if u >= studentised then counts.upper = counts.upper + 1 end
  end
  return {
    reality_check = counts.white / samples,
    spa = counts.consistent / samples,
    spa_lower = counts.lower / samples,
    spa_upper = counts.upper / samples,
    block_length = length,
    samples = samples,
  }
end

return M
