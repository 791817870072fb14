---The document of a sweep's page: its trials, what the ledger makes of them, and the windows of a walk-forward.
local json = require "moontide.report.json"
local pack = require "moontide.page.pack"

local M = {}

-- Trials that a page carries, the best first: some hundred kilobytes.
local TRIALS = 20000

---Figures of a trial that the page shows, in this order behind its score.
M.figures = {
  "net_profit",
  "return",
  "sharpe",
  "sortino",
  "max_drawdown",
  "trades",
  "win_rate",
  "profit_factor",
  "fees",
}

local NONE = 0 / 0 -- written as null, and leaves no hole in a list

local function listed(list) return setmetatable(list, json.list) end

local function columns(rows, dimensions)
  local count = math.min(#rows, TRIALS)
  local out = { values = listed {}, figures = listed {}, score = listed {}, failure = {} }
  for k, d in ipairs(dimensions) do
    local column = listed {}
    for i = 1, count do
      local value = rows[i].values[d.name]
      column[i] = value == nil and NONE or value
    end
    out.values[k] = column
  end
  for k, name in ipairs(M.figures) do
    local column = listed {}
    for i = 1, count do
      local value = rows[i].trial.result[name]
      column[i] = type(value) == "number" and value or NONE
    end
    out.figures[k] = column
  end
  for i = 1, count do
    out.score[i] = rows[i].score or NONE
    local failure = rows[i].trial.result.failure
    if failure then out.failure[tostring(i - 1)] = tostring(failure) end
  end
  return out
end

local function named(dimensions)
  local list = listed {}
  for k, d in ipairs(dimensions) do
    list[k] = { name = d.name, values = d.values and listed { unpack(d.values) }, low = d.low, high = d.high }
  end
  return list
end

local function figures_of(result)
  local out = {}
  for _, name in ipairs { "net_profit", "return", "annual_return", "sharpe", "max_drawdown", "trades" } do
    out[name] = result[name]
  end
  return out
end

---@param w WalkForward
local function forward(w)
  local windows, stability = listed {}, listed {}
  for i, row in ipairs(w.windows) do
    windows[i] = {
      train_from = row.train_from,
      train_to = row.train_to,
      test_from = row.test_from,
      test_to = row.test_to,
      params = row.params,
      values = row.values,
      score = row.score,
      test_score = row.test_score,
      train = figures_of(row.train),
      test = figures_of(row.test),
    }
  end
  local names = {}
  for name in pairs(w.stability) do
    names[#names + 1] = name
  end
  table.sort(names)
  for i, name in ipairs(names) do
    local s = w.stability[name]
    stability[i] = { name = name, distinct = s.distinct, least = s.least, most = s.most }
  end
  return {
    windows = windows,
    stability = stability,
    efficiency = w.efficiency,
    profitable = w.profitable,
    net_profit = w.net_profit,
  }
end

---@class SweepPage
---@field script string path
---@field objective string
---@field method string
---@field seed integer
---@field command string that gives the same again
---@field dimensions Dimension[]
---@field rows SweepRow[] the best first
---@field verdict Verdict
---@field forward WalkForward?

---@param o SweepPage
---@return table document
function M.document(o)
  local name = o.script:match "([^/]+)$" or o.script
  local best = o.rows[1].trial
  local verdict = {}
  for key, value in pairs(o.verdict) do
    verdict[key] = value
  end
  if verdict.minimum_track_record_days == math.huge then verdict.minimum_track_record_days = "never" end
  local text = json.encode(columns(o.rows, o.dimensions))
  return {
    kind = "sweep",
    version = 1,
    title = ("%s: %s"):format(name, o.forward and "walk-forward" or "sweep"),
    name = name,
    objective = o.objective,
    method = o.method,
    seed = o.seed,
    command = o.command,
    from = best.result.from,
    to = best.result.to,
    data = best.data,
    coin = best.result.coin,
    dimensions = named(o.dimensions),
    figures = listed { unpack(M.figures) },
    trials = pack.deflated(text, #text),
    run = #o.rows,
    verdict = verdict,
    forward = o.forward and forward(o.forward),
  }
end

return M
