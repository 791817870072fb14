---A backtest repeated over seeds: what the inside of bars, which the data do not tell, leaves open of the main figures.
local cjson = require "cjson"
local failures = require "moontide.failure"
local host = require "moontide.lua_host"
local processes = require "moontide.processes"
local shell = require "moontide.shell"

local M = {}

---The figures told of, in the order of the table.
M.figures = { "net_profit", "return", "max_drawdown", "sharpe", "trades", "win_rate", "fees" }

-- Options of the first run alone.
local own = {
  paths = true,
  seed = true,
  json = true,
  trades = true,
  fills = true,
  orders = true,
  equity = true,
  report = true,
  open = true,
  plot = true,
  quiet = true,
  ["log-level"] = true,
}

local function command(argv, script, seed)
  local words = { shell.quote(host.exe), "backtest", shell.quote(script) }
  for _, word in ipairs(argv) do
    if not own[word:match "^%-%-([%w-]+)"] then words[#words + 1] = shell.quote(word) end
  end
  words[#words + 1] = ("--seed=%d --json=- --quiet --log-level=error 2>/dev/null </dev/null"):format(seed)
  return table.concat(words, " ")
end

---Runs a script once more for each seed, as many at once as there are processors, each in a process of its own.
---@param argv string[] the options of the command line, as --name=value
---@param script string
---@param first integer the first seed
---@param count integer
---@param progress fun(done: integer)?
---@return table[] results their JSON documents, by seed
function M.run(argv, script, first, count, progress)
  local results, most, begun, done, failed = {}, shell.processors(), 0, 0, nil
  processes.run {
    next = function(running)
      if failed or begun == count or #running >= most then return nil end
      begun = begun + 1
      return { number = begun, command = command(argv, script, first + begun - 1), lines = {} }
    end,
    line = function(job, text) table.insert(job.lines, text) end,
    ended = function(job)
      local ok, document = pcall(cjson.decode, table.concat(job.lines, "\n"))
      if not ok or type(document) ~= "table" then
        failed = math.min(failed or job.number, job.number)
        return
      end
      results[job.number], done = document, done + 1
      if progress then progress(done) end
    end,
  }
  if failed then
    failures.raise(1, "--paths: the run with --seed %d failed; run it alone to see why", first + failed - 1)
  end
  return results
end

---The value below which a share of the sorted list lies, interpolated between its neighbours.
---@param sorted number[]
---@param share number 0.5 is the median
---@return number
function M.quantile(sorted, share)
  local at = 1 + (#sorted - 1) * share
  local below = math.floor(at)
  local above = math.min(below + 1, #sorted)
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below)
end

---What results of several seeds come to.
---@param results table[]
---@param seed integer the first
---@return table # runs, seed, figures: by name { median, low (5 %), high (95 %), least, most, count }
function M.summary(results, seed)
  local figures = {}
  for _, name in ipairs(M.figures) do
    local values = {}
    for _, r in ipairs(results) do
      if type(r[name]) == "number" then values[#values + 1] = r[name] end
    end
    table.sort(values)
    if #values > 0 then
      figures[name] = {
        median = M.quantile(values, 0.5),
        low = M.quantile(values, 0.05),
        high = M.quantile(values, 0.95),
        least = values[1],
        most = values[#values],
        count = #values,
      }
    end
  end
  return { runs = #results, seed = seed, figures = figures }
end

return M
