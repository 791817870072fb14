---One process of a sweep: runs trials of a batch one after another on data that are loaded once, and writes each to the
---ledger as it ends, so that a kill loses what is under way and no more.
local figures = require "moontide.report.figures"
local report = require "moontide.report"
local runner = require "moontide.run.runner"
local session = require "moontide.backtest.session"
local stats = require "moontide.stats"

local M = {}

-- The figures that a trial keeps.
M.figures = {
  "net_profit",
  "return",
  "annual_return",
  "sharpe",
  "sortino",
  "calmar",
  "max_drawdown",
  "volatility",
  "profit_factor",
  "expectancy",
  "sqn",
  "trades",
  "win_rate",
  "exposure",
  "fees",
  "funding",
  "orders",
  "fills",
  "rejected",
  "liquidations",
  "from",
  "to",
  "bars",
  "coin",
}

local function copy(t)
  local c = {}
  for k, v in pairs(t) do
    c[k] = v
  end
  return c
end

-- What a run came to: its figures, fingerprints and daily returns.
local function outcome(s, options, path, failure)
  local r = report.build(s.world, session.about(s, options, path))
  local kept = { trades_fingerprint = r.fingerprint.trades }
  for _, name in ipairs(M.figures) do
    kept[name] = r[name]
  end
  if failure then kept.failure = tostring(failure):match "^[^\n]*" end
  local _, equity = figures.daily(s.world.view, r.from * 1000, r.to * 1000)
  return {
    result = kept,
    returns = stats.returns(equity),
    data = r.fingerprint.data,
    script = r.fingerprint.script,
    strategy = r.strategy,
  }
end

local function nothing() end

---Runs one trial.
---@param options table of the command line; left as it is
---@param path string the script
---@param sets string[] NAME=VALUE
---@param data BacktestBars? loaded before
---@return { result: table, returns: number[], data: string, script: string, strategy: string } outcome
---@return BacktestBars data
function M.run(options, path, sets, data)
  local o = copy(options)
  o.set = sets
  o.quiet, o["log-level"] = true, "error"
  local s = session.open(o, path, {
    print = nothing,
    notice = nothing,
    data = data,
  })
  math.randomseed(o.seed)
  local failure = runner.run(s.world, s.script.self, s.script.plain and s.script.chunk or nil)
  local result = outcome(s, o, path, failure)
  s.world:close()
  return result, s.data
end

---Runs the trials of a batch file, a line of NAME=VALUE pairs each (separated by tabs), and writes them to the ledger.
---Prints a line "done" for each.
---@param options table of the command line
---@param path string the script
---@param batch string file
---@param ledger Ledger
---@param key { options: string, seed: string }
function M.batch(options, path, batch, ledger, key)
  local data
  for line in io.lines(batch) do
    local sets = {}
    for pair in (line .. "\t"):gmatch "([^\t]*)\t" do
      if pair ~= "" then sets[#sets + 1] = pair end
    end
    local t
    t, data = M.run(options, path, sets, data)
    ledger:put {
      data = t.data,
      strategy = t.strategy,
      script = t.script,
      options = key.options,
      params = table.concat(sets, " "),
      seed = key.seed,
      result = t.result,
      returns = t.returns,
    }
    io.write "done\n"
    io.flush()
  end
end

return M
