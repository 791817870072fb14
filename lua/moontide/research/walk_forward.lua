---Walk-forward: the best parameters of a training window, run on the test window that follows it, window after window. A
---trial of a training window ends with it, so that nothing of the test is ever read when parameters are chosen.
local failures = require "moontide.failure"
local space = require "moontide.research.space"
local sweep = require "moontide.research.sweep"

local M = {}

---@class Window
---@field train_from integer ms
---@field train_to integer ms, not included
---@field test_from integer ms
---@field test_to integer ms, not included

---Cuts a period into windows.
---@param from number ms
---@param to number ms
---@param o { train: number, test: number, embargo: number, anchored: boolean } seconds
---@return Window[]
function M.windows(from, to, o)
  local list, begin = {}, from
  local train, test, embargo = o.train * 1000, o.test * 1000, o.embargo * 1000
  while true do
    local train_to = begin + train
    local test_from = train_to + embargo
    if test_from + test > to then break end
    list[#list + 1] = {
      train_from = o.anchored and from or begin,
      train_to = train_to,
      test_from = test_from,
      test_to = test_from + test,
    }
    begin = begin + test
  end
  if #list == 0 then
    failures.raise(
      2,
      "--train and --test need %.1f days, the data have %.1f",
      (train + embargo + test) / 86400000,
      (to - from) / 86400000
    )
  end
  return list
end

local function with_range(argv, from, to)
  local list = {}
  for _, word in ipairs(argv) do
    local name = word:match "^%-%-([%w-]+)"
    if name ~= "from" and name ~= "to" then list[#list + 1] = word end
  end
  list[#list + 1] = ("--from=%d"):format(from)
  list[#list + 1] = ("--to=%d"):format(to)
  return list
end

---The rows of some trials between two moments, from the ledger where they stand there.
---@param o table as of M.run
---@param trials table[] values by name
---@param from number ms
---@param to number ms, not included
---@return SweepRow[]
function M.rows_between(o, trials, from, to)
  local argv = with_range(o.argv, from, to)
  local texts, key = {}, sweep.options_text(argv)
  local known = o.ledger:trials(o.script_hash, key, o.seed)
  for _, values in ipairs(trials) do
    local text = space.text(values)
    if not known[text] then texts[#texts + 1] = text end
  end
  sweep.run(
    { argv = argv, script = o.script, ledger = o.ledger.path, jobs = o.jobs, progress = o.progress },
    texts
  )
  return sweep.rows(trials, o.ledger:trials(o.script_hash, key, o.seed), o.objective)
end

---@class WalkForwardRow : Window
---@field params string of the best in training; "" where none had a score
---@field train table its figures there
---@field test table its figures in the test
---@field score number? of the training
---@field test_score number?

---@class WalkForward
---@field windows WalkForwardRow[]
---@field efficiency number? mean annual return of the tests by that of the trainings, nil where the latter is not above 0
---@field profitable number share of tests with a profit
---@field net_profit number sum over the tests
---@field returns number[] daily ones of the tests, one after another
---@field stability table<string, table> by parameter: least, most, distinct

local function stability(rows)
  local by_name = {}
  for _, row in ipairs(rows) do
    for name, value in pairs(row.values or {}) do
      local s = by_name[name] or { seen = {}, distinct = 0 }
      by_name[name] = s
      if not s.seen[value] then
        s.seen[value], s.distinct = true, s.distinct + 1
      end
      if type(value) == "number" then
        s.least, s.most = math.min(s.least or value, value), math.max(s.most or value, value)
      end
    end
  end
  for _, s in pairs(by_name) do
    s.seen = nil
  end
  return by_name
end

---Runs a walk-forward.
---@param o table script, script_hash, argv, ledger, seed, jobs, objective, progress
---@param trials table[] values by name
---@param windows Window[]
---@return WalkForward
function M.run(o, trials, windows)
  local rows, returns, profit, won = {}, {}, 0, 0
  local inside, outside, counted = 0, 0, 0
  for i, w in ipairs(windows) do
    local best = M.rows_between(o, trials, w.train_from, w.train_to)[1]
    local row = {
      train_from = w.train_from,
      train_to = w.train_to,
      test_from = w.test_from,
      test_to = w.test_to,
      params = "",
      train = {},
      test = {},
    }
    if best and best.score then
      local tested = M.rows_between(o, { best.values }, w.test_from, w.test_to)[1]
      row.params, row.values, row.score = best.params, best.values, best.score
      row.train, row.test, row.test_score = best.trial.result, tested.trial.result, tested.score
      profit = profit + (row.test.net_profit or 0)
      won = won + ((row.test.net_profit or 0) > 0 and 1 or 0)
      for _, x in ipairs(tested.trial.returns) do
        returns[#returns + 1] = x
      end
      if row.train.annual_return and row.test.annual_return then
        inside, outside = inside + row.train.annual_return, outside + row.test.annual_return
        counted = counted + 1
      end
    end
    rows[i] = row
  end
  return {
    windows = rows,
    efficiency = counted > 0 and inside > 0 and outside / inside or nil,
    profitable = won / #rows,
    net_profit = profit,
    returns = returns,
    stability = stability(rows),
  }
end

return M
