---`moontide sweep SCRIPT --data PATH... --set fast=5..30:5`, and `moontide sweep merge LEDGER...`
local cmd = require "moontide.cmd"
local groups = require "moontide.options.groups"
local host = require "moontide.lua_host"
local json = require "moontide.report.json"
local ledger_module = require "moontide.research.ledger"
local loader = require "moontide.run.loader"
local output = require "moontide.report.output"
local pages = require "moontide.page"
local progress = require "moontide.progress"
local shell = require "moontide.shell"
local search = require "moontide.research.search"
local space = require "moontide.research.space"
local sweep = require "moontide.research.sweep"
local text = require "moontide.research.text"
local trial = require "moontide.research.trial"
local verdict = require "moontide.research.verdict"
local walk_forward = require "moontide.research.walk_forward"

local function without(group, name)
  local rows = { title = group.title }
  for _, row in ipairs(group) do
    if row.name ~= name then rows[#rows + 1] = row end
  end
  return rows
end

local M = {
  usage = "sweep SCRIPT --data PATH... [--set NAME=FROM..TO:STEP] [options]",
  arguments = { name = "SCRIPT", what = "script", min = 1, type = "file" },
  exclusive = { { "data", "synthetic" } },
  notes = "moontide sweep merge FILE... takes the trials of other machines' ledgers into this one's.",
  options = {
    {
      title = "parameters",
      {
        name = "set",
        type = "pair",
        value = "NAME=RANGE",
        repeated = true,
        help = "5..30:5 (from, to, step), 5..30, or a,b,c; without any: all parameters that the script declares with bounds",
      },
      { name = "where", type = "text", value = "CONDITION", help = "trials that count: fast < slow" },
      {
        name = "method",
        type = "choice",
        value = "METHOD",
        choices = { "grid", "random", "sobol", "halving", "evolution" },
        default = "grid",
        help = "every combination; or --trials of them by chance, spread evenly, halved over time, or evolved",
      },
      {
        name = "trials",
        type = "integer",
        value = "N",
        min = 1,
        max = 1000000,
        help = "how many trials the other methods take; the grid then takes its first N",
      },
      {
        name = "objective",
        type = "text",
        value = "FIGURE",
        default = "sharpe",
        help = "what is best: net_profit, sharpe, sortino, calmar... or an expression of them",
      },
    },
    {
      title = "walk-forward",
      {
        name = "train",
        type = "duration",
        unit = "s",
        value = "TIME",
        min = 60,
        help = "choose parameters in windows of this length: 90d",
      },
      {
        name = "test",
        type = "duration",
        unit = "s",
        value = "TIME",
        min = 60,
        needs = "train",
        help = "and try them in the window that follows: 30d",
      },
      {
        name = "embargo",
        type = "duration",
        unit = "s",
        value = "TIME",
        min = 0,
        default = 0,
        needs = "train",
        help = "left out between the two",
      },
      {
        name = "anchored",
        type = "flag",
        needs = "train",
        help = "every training begins at the start of the data",
      },
    },
    {
      title = "how it runs",
      {
        name = "jobs",
        type = "integer",
        value = "N",
        min = 1,
        max = 1024,
        shown = "the processors",
        help = "processes at once",
      },
      {
        name = "shard",
        type = "text",
        value = "I/N",
        help = "run only the I-th of N parts, for several machines; merge the ledgers then",
      },
      { name = "resume", type = "flag", help = "take trials from the ledger that stand there already" },
      {
        name = "results",
        type = "file",
        value = "FILE",
        shown = "~/.local/state/moontide/trials.db",
        help = "the ledger: every trial ever run, in SQLite",
      },
      { name = "batch", type = "file", value = "FILE", hidden = true, help = "the trials of one process" },
    },
    groups.data,
    without(groups.script, "set"),
    groups.account,
    groups.latency,
    groups.fills,
    groups.rules,
    groups.faults,
    {
      title = "result",
      {
        name = "top",
        type = "integer",
        value = "N",
        min = 1,
        max = 100000,
        default = 10,
        help = "rows that are printed",
      },
      groups.result[1],
    },
    groups.page,
    groups.log,
  },
}

local function parameter_sets(options)
  local sets = {}
  for _, pair in ipairs(options.set or {}) do
    local name, value = pair:match "^([%w_]+)=(.*)$"
    if not name then cmd.fail(2, "--set %s: expected NAME=RANGE, such as fast=5..30:5", pair) end
    if sets[name] then cmd.fail(2, "--set %s: the parameter stands twice", name) end
    sets[name] = value
  end
  return sets
end

local function seeded(seed)
  local s = seed % 2147483646 + 1
  for _ = 1, 8 do
    s = 16807 * s % 2147483647
  end
  return function() -- Park and Miller's: a double holds it exactly, so it is the same everywhere
    s = 16807 * s % 2147483647
    return s / 2147483647
  end
end

local function load_script(path, options)
  local script = loader.load(path, {
    log = loader.log(options, function() return nil end),
    print = function() end,
    seed = options.seed,
    sandbox = nil,
  })
  return script, host.sha256(script.source):sub(1, 16)
end

-- Trials by the method, checked against what the script declares.
local function plan(options, script, path)
  local declared = script.self and script.self.params
  local sets = parameter_sets(options)
  for name in pairs(sets) do
    if not declared or declared[name] == nil then
      local known = {}
      for n in pairs(declared or {}) do
        known[#known + 1] = n
      end
      table.sort(known)
      cmd.fail(
        2,
        "--set %s: %s has no such parameter; it has: %s%s",
        name,
        path,
        #known > 0 and table.concat(known, ", ") or "none",
        require("moontide.options.suggest").hint(name, known)
      )
    end
  end
  local dimensions = space.dimensions(sets, declared, path)
  local where = options.where and space.expression(options.where, "where")
  local list
  if options.method == "grid" then
    list = space.grid(dimensions, where)
    for i = #list, (options.trials or #list) + 1, -1 do
      list[i] = nil
    end
  else
    if not options.trials then cmd.fail(2, "--method %s needs --trials N", options.method) end
    if options.method == "evolution" then return dimensions, nil, where end
    if options.method == "random" or options.method == "halving" then
      list = space.random(dimensions, options.trials, where, seeded(options.seed))
    else
      list = space.sobol(dimensions, options.trials, where)
    end
  end
  if #list == 0 then cmd.fail(2, "no combination is left: --where %s holds for none", options.where or "") end
  return dimensions, list, where
end

-- What a method that looks at results before it goes on has tried on the whole period, and how many trials it took in all.
local function searched(o, options, dimensions, list, where)
  if options.method == "evolution" then
    local tried = search.evolution(
      dimensions,
      options.trials,
      where,
      seeded(options.seed),
      function(trials) return search.scores(o, trials) end
    )
    if #tried == 0 then
      cmd.fail(2, "no combination is left: --where %s holds for none", options.where or "")
    end
    return tried, #tried
  end
  if options.method ~= "halving" then return list, #list end
  search.scores(o, { list[1] }) -- says what the period is
  local first = sweep.rows(
    { list[1] },
    o.ledger:trials(o.script_hash, sweep.options_text(o.argv), o.seed),
    o.objective
  )[1]
  local result = first.trial.result
  return search.halving(o, list, result.from, result.to), #list
end

local function shard(options, list)
  if not options.shard then return list end
  local i, n = options.shard:match "^(%d+)/(%d+)$"
  i, n = tonumber(i), tonumber(n)
  if not i or i < 1 or n < 1 or i > n then
    cmd.fail(2, "--shard %s: expected I/N, such as 1/4", options.shard)
  end
  local part = {}
  for k = i, #list, n do
    part[#part + 1] = list[k]
  end
  return part
end

local function document(options, path, rows, v, forward)
  local list = setmetatable({}, json.list)
  for i, row in ipairs(rows) do
    list[i] = { params = row.values, score = row.score, result = row.trial.result }
  end
  return {
    script = path,
    objective = options.objective,
    seed = options.seed,
    trials = list,
    verdict = v,
    walk_forward = forward,
  }
end

local function write_json(options, value)
  local out = json.encode(value) .. "\n"
  if options.json == "-" then
    io.write(out)
    return
  end
  local file, problem = io.open(options.json, "wb")
  if not file then cmd.fail(1, "cannot write --json %s", problem) end
  file:write(out)
  file:close()
end

local function width() return tonumber(os.getenv "COLUMNS") or 120 end

local function merge(options)
  local ledger = ledger_module.open(options.results or ledger_module.default_path())
  for i = 2, #options do
    local file = io.open(options[i], "rb")
    if not file then cmd.fail(1, "cannot read the ledger %s", options[i]) end
    file:close()
    print(("%s: %d trials"):format(options[i], ledger:merge(options[i])))
  end
  if #options < 2 then cmd.fail(2, "merge needs the files of other ledgers: moontide sweep merge FILE...") end
  ledger:close()
  return 0
end

-- Runs what is not in the ledger (all of it, unless --resume) and ranks it.
local function run_all(o, options, list)
  local key = sweep.options_text(options.argv)
  local looked = options.method == "halving" or options.method == "evolution" -- they were run while it searched
  local known, texts = (options.resume or looked) and o.ledger:trials(o.script_hash, key, o.seed) or {}, {}
  for _, values in ipairs(list) do
    local params = space.text(values)
    if not known[params] then texts[#texts + 1] = params end
  end
  sweep.run(
    { argv = options.argv, script = o.script, ledger = o.ledger.path, jobs = o.jobs, progress = o.progress },
    texts
  )
  return sweep.rows(list, o.ledger:trials(o.script_hash, key, o.seed), o.objective)
end

local function forward_result(o, options, list, rows)
  if not options.train then return nil end
  if not options.test then
    cmd.fail(2, "--train needs --test: the length of the windows that are not trained on")
  end
  local first = rows[1].trial.result
  local windows = walk_forward.windows(first.from, first.to, {
    train = options.train,
    test = options.test,
    embargo = options.embargo,
    anchored = options.anchored,
  })
  return walk_forward.run(o, list, windows)
end

-- The page of what was found.
---@param p SweepPage but for what the options say
local function write_page(options, p)
  p.objective, p.method, p.seed = options.objective, options.method, options.seed
  p.command = require("moontide.page.run").command("sweep", p.script, options.argv)
  pages.write(options.report, require("moontide.page.sweep").document(p))
  pages.tell(options)
end

---@param options table
---@return integer status
function M.run(options)
  local path = options[1]
  if path == "merge" then return merge(options) end
  if #options > 1 then cmd.fail(2, "one script at a time: %s is too many", options[2]) end
  output.check(options, { "json", "report" })
  if options.report then pages.check "report" end
  local ledger = ledger_module.open(options.results or ledger_module.default_path())
  local seed = tostring(options.seed)
  if options.batch then
    trial.batch(
      options,
      path,
      options.batch,
      ledger,
      { options = sweep.options_text(options.argv), seed = seed }
    )
    ledger:close()
    return 0
  end
  local objective = space.expression(options.objective, "objective")
  local script, script_hash = load_script(path, options)
  local dimensions, list, where = plan(options, script, path)
  if options.shard and (options.method == "halving" or options.method == "evolution") then
    cmd.fail(2, "--shard and --method %s: each part would look at its own results alone", options.method)
  end
  list = list and shard(options, list)
  local o = {
    script = path,
    script_hash = script_hash,
    argv = options.argv,
    ledger = ledger,
    seed = seed,
    jobs = options.jobs or shell.processors(),
    objective = objective,
    progress = progress.counter(options, "sweep", "trials"),
  }
  local taken
  list, taken = searched(o, options, dimensions, list, where)
  local rows = run_all(o, options, list)
  if not rows[1] or not rows[1].score then
    local why = rows[1] and rows[1].trial.result.failure
    cmd.fail(1, "no trial has a %s%s", options.objective, why and ": the script failed: " .. why or "")
  end
  local forward = forward_result(o, options, list, rows)
  local best = rows[1].trial
  local v =
    verdict.of(rows, math.max(taken, ledger:count(best.data, best.strategy)), seeded(options.seed + 1))
  ledger:close()
  if options.report then
    write_page(
      options,
      { script = path, dimensions = dimensions, rows = rows, verdict = v, forward = forward }
    )
  end
  if options.json then write_json(options, document(options, path, rows, v, forward)) end
  if options.json == "-" then return 0 end
  io.write(text.best(rows, options.objective, options.top), "\n")
  local map = text.heat_map(rows, dimensions, width())
  if map then io.write(map, "\n") end
  if forward then io.write(text.walk_forward(forward, options.objective), "\n") end
  io.write(text.verdict(v))
  return 0
end

return M
