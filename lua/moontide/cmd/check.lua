---`moontide check SCRIPT --data PATH...`
local cmd = require "moontide.cmd"
local checks = require "moontide.research.checks"
local groups = require "moontide.options.groups"
local json = require "moontide.report.json"
local loader = require "moontide.run.loader"
local log_module = require "moontide.run.log"
local progress = require "moontide.progress"
local runs = require "moontide.research.runs"
local strategy_module = require "moontide.run.strategy"

local M = {
  usage = "check SCRIPT --data PATH... [options]",
  arguments = { name = "SCRIPT", what = "script", min = 1, max = 1, type = "file" },
  exclusive = { { "data", "synthetic" } },
  notes = "Status 1 when a check fails: for continuous integration.",
  options = {
    {
      title = "checks",
      {
        name = "seeds",
        type = "integer",
        value = "N",
        min = 2,
        max = 1000,
        default = 10,
        help = "of the inside of bars",
      },
    },
    groups.data,
    groups.script,
    groups.account,
    groups.latency,
    groups.fills,
    groups.rules,
    { title = "result", groups.result[1] },
    groups.log,
  },
}

local CUTS = { 0.3, 0.6, 0.85 }
local NEIGHBOURHOOD = 0.1

-- Seeded faults of an exchange that is overloaded, and of one that loses answers.
local scenarios = {
  { "429", [[{ fault = "error", status = 429, share = 0.02, retry_after = 5 }]] },
  { "5xx", [[{ fault = "error", status = 503, share = 0.05 }]] },
  {
    "lost replies",
    [[{ fault = "lose_reply", class = "orders", share = 0.05 }, { fault = "lose_request", class = "orders", share = 0.05 }]],
  },
}

-- What stands in place of a cost that is none: doubled, it would stay none.
local function doubled(value, least) return value > 0 and value * 2 or least end

local function cost_variants(options)
  local latency, slippage = doubled(options.latency, 100), doubled(options.slippage, 1)
  return {
    {
      name = "fees",
      what = "fees doubled",
      options = {
        maker = options.maker > 0 and options.maker * 2 or options.maker,
        taker = options.taker * 2,
      },
    },
    { name = "slippage", what = ("slippage of %g bp"):format(slippage), options = { slippage = slippage } },
    { name = "latency", what = ("latency of %g ms"):format(latency), options = { latency = latency } },
  }
end

-- Values beside each number that the script declares, within its bounds.
local function neighbour_variants(options, path)
  local script = loader.load(path, {
    log = loader.log(options, function() return nil end),
    print = function() end,
    seed = options.seed,
  })
  local declared = script.self and script.self.params
  local values = strategy_module.parameters(declared, loader.sets(options.set), path)
  local names, list = {}, {}
  for name, value in pairs(values) do
    if type(value) == "number" then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local d, value = declared[name], values[name]
    local bounds = type(d) == "table" and d or {}
    local step = bounds.step or math.abs(value) * NEIGHBOURHOOD
    local whole = value % 1 == 0 and (bounds.min or 0) % 1 == 0 and (bounds.max or 0) % 1 == 0
    if whole then step = math.max(1, math.floor(step + 0.5)) end
    for _, sign in ipairs { -1, 1 } do
      local other = value + sign * step
      if bounds.min then other = math.max(other, bounds.min) end
      if bounds.max then other = math.min(other, bounds.max) end
      if other ~= value then
        list[#list + 1] = { name = ("%s=%.6g"):format(name, other), set = { [name] = other } }
      end
    end
  end
  return list
end

local function fault_files(seed)
  local list = {}
  for _, scenario in ipairs(scenarios) do
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write(("return { seed = %d, %s }\n"):format(seed, scenario[2]))
    file:close()
    list[#list + 1] = { name = scenario[1], path = path, rows = true, options = { faults = path } }
  end
  return list
end

-- All runs but the base, whose result says where the data are cut.
local function variants_of(options, path, base)
  local v =
    { costs = cost_variants(options), neighbours = neighbour_variants(options, path), cuts = {}, seeds = {} }
  local from, to = base.result.from, base.result.to
  for _, share in ipairs(CUTS) do
    local at = math.floor((from + share * (to - from)) / 60000) * 60000
    v.cuts[#v.cuts + 1] = { name = ("cut %d"):format(at), at = at, rows = true, options = { to = at } }
  end
  local later = math.floor((from + 0.1 * (to - from)) / 60000) * 60000
  v.later = { name = "later", rows = true, options = { from = later } }
  for i = 1, options.seeds - 1 do
    v.seeds[i] = { name = ("seed %d"):format(options.seed + i), options = { seed = options.seed + i } }
  end
  v.faults = fault_files(options.seed)
  return v
end

local function all_of(v)
  local list = { v.later }
  for _, part in ipairs { v.cuts, v.seeds, v.costs, v.neighbours, v.faults } do
    for _, one in ipairs(part) do
      list[#list + 1] = one
    end
  end
  return list
end

local function verdicts(options, base, v, found)
  local cuts, seeds, neighbours, list = {}, { base }, {}, {}
  for i, cut in ipairs(v.cuts) do
    cuts[i] = { at = cut.at, text = log_module.time_text(cut.at * 1000), run = found[cut.name] }
  end
  for _, seed in ipairs(v.seeds) do
    seeds[#seeds + 1] = found[seed.name]
  end
  for i, n in ipairs(v.neighbours) do
    neighbours[i] = { name = n.name, run = found[n.name] }
  end
  local function add(c) list[#list + 1] = c end
  add(checks.look_ahead(base, cuts))
  add(checks.warm_up(base, found[v.later.name]))
  add(checks.inside_bars(seeds))
  for _, cost in ipairs(v.costs) do
    add(checks.cost(base, cost.name, found[cost.name], cost.what))
  end
  for _, c in ipairs(checks.jackknife(base.trades)) do
    add(c)
  end
  for _, c in ipairs(checks.trades_by_chance(base.trades, base.result.capital, options.seed)) do
    add(c)
  end
  add(checks.neighbours(base, neighbours))
  for _, fault in ipairs(v.faults) do
    add(checks.faults(base, fault.name, found[fault.name]))
  end
  return list
end

local function show(options, path, base, list)
  local r, failed = base.result, 0
  local lines = {
    ("%s  %s  %s"):format(path, table.concat(r.symbols, " "), r.interval or ""),
    ("  net profit %.2f USDT of %.0f (%.2f %%), %d trades, drawdown %.2f %%"):format(
      r.net_profit,
      r.capital,
      r["return"] * 100,
      r.trades,
      r.max_drawdown * 100
    ),
    "",
  }
  for _, c in ipairs(list) do
    if c.verdict == "FAIL" then failed = failed + 1 end
    lines[#lines + 1] = ("%-5s %-16s %s"):format(c.verdict, c.name, c.text)
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = failed == 0
      and (r.net_profit > 0 and "No check failed." or "No check failed, but the run does not earn.")
    or ("%d of %d checks failed."):format(failed, #list)
  if options.json ~= "-" then io.write(table.concat(lines, "\n"), "\n") end
  return failed
end

local function write_json(options, path, base, list, failed)
  local out = json.encode {
    script = path,
    seed = options.seed,
    failed = failed,
    checks = setmetatable(list, json.list),
    result = {
      net_profit = base.result.net_profit,
      trades = base.result.trades,
      capital = base.result.capital,
    },
  } .. "\n"
  if options.json == "-" then return io.write(out) end
  local file, problem = io.open(options.json, "wb")
  if not file then cmd.fail(1, "cannot write --json %s", problem) end
  file:write(out)
  file:close()
end

---@param options table
---@return integer status
function M.run(options)
  local path = options[1]
  if options.json and options.json ~= "-" then
    local file, problem = io.open(options.json, "ab")
    if not file then cmd.fail(1, "cannot write --json %s", problem) end
    file:close()
  end
  local base = runs.need(runs.run(options.argv, path, { { name = "base", rows = true } }), "base")
  if base.result.orders == 0 then
    cmd.fail(1, "%s sends no order on these data: there is nothing to check", path)
  end
  local v = variants_of(options, path, base)
  local found = runs.run(options.argv, path, all_of(v), progress.counter(options, "check", "runs"))
  for _, fault in ipairs(v.faults) do
    os.remove(fault.path)
  end
  local list = verdicts(options, base, v, found)
  local failed = show(options, path, base, list)
  if options.json then write_json(options, path, base, list, failed) end
  return failed > 0 and 1 or 0
end

M.loads_script = true

return M
