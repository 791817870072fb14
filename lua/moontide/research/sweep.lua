---Runs the trials of a sweep in processes side by side, and gathers them from the ledger.
local failures = require "moontide.failure"
local host = require "moontide.lua_host"
local processes = require "moontide.processes"
local shell = require "moontide.shell"
local space = require "moontide.research.space"

local M = {}

-- Options that do not change what a trial comes to.
local own = {
  set = true,
  where = true,
  method = true,
  trials = true,
  objective = true,
  jobs = true,
  results = true,
  resume = true,
  shard = true,
  batch = true,
  json = true,
  report = true,
  open = true,
  top = true,
  quiet = true,
  train = true,
  test = true,
  anchored = true,
  embargo = true,
  data = true,
  store = true,
  ["log-level"] = true,
  ["log-format"] = true,
}

---What a trial depends on beside its data, script, parameters and seed: the options in order.
---@param argv string[] as --name=value
---@return string
function M.options_text(argv)
  local list = {}
  for _, word in ipairs(argv) do
    local name = word:match "^%-%-([%w-]+)"
    if not own[name] and name ~= "seed" then list[#list + 1] = word end
  end
  table.sort(list)
  return table.concat(list, " ")
end

-- The command of one process; the batch's file follows.
local function command(argv, script, ledger_path)
  local words = { shell.quote(host.exe), "sweep", shell.quote(script) }
  for _, word in ipairs(argv) do
    local name = word:match "^%-%-([%w-]+)"
    if not own[name] or name == "data" or name == "store" then words[#words + 1] = shell.quote(word) end
  end
  words[#words + 1] = "--results=" .. shell.quote(ledger_path)
  return table.concat(words, " ")
end

-- Small batches at the end, so that no process is left alone with many trials.
local function batches(trials, jobs)
  local list, at = {}, 1
  while at <= #trials do
    local size = math.max(1, math.min(64, math.ceil((#trials - at + 1) / (jobs * 3))))
    list[#list + 1] = { unpack(trials, at, math.min(at + size - 1, #trials)) }
    at = at + size
  end
  return list
end

---Runs trials that are not yet in the ledger.
---@param o { argv: string[], script: string, ledger: string, jobs: integer, progress: fun(done: integer, total: integer)? }
---@param trials string[] NAME=VALUE pairs as space.text gives them
function M.run(o, trials)
  if #trials == 0 then return end
  local folder = os.tmpname()
  os.remove(folder)
  os.execute("mkdir -m 700 " .. shell.quote(folder))
  local names = {}
  for i, batch in ipairs(batches(trials, o.jobs)) do
    local name = folder .. "/" .. i
    local file = assert(io.open(name, "wb"))
    for _, text in ipairs(batch) do
      file:write((text:gsub(" ", "\t")), "\n")
    end
    file:close()
    names[i] = name
  end
  local words = command(o.argv, o.script, o.ledger)
  local begun, done, failed = 0, 0, false
  processes.run {
    next = function(running)
      if begun == #names or #running >= o.jobs then return nil end
      begun = begun + 1
      return {
        command = ("%s --batch=%s 2>>%s/problems </dev/null"):format(
          words,
          shell.quote(names[begun]),
          shell.quote(folder)
        ),
      }
    end,
    line = function() -- one a trial
      done = done + 1
      if o.progress then o.progress(done, #trials) end
    end,
    ended = function(_, status) failed = failed or status ~= 0 end,
  }
  local file = io.open(folder .. "/problems", "rb")
  local problem = file and file:read "*a" or ""
  if file then file:close() end
  os.execute("rm -rf " .. shell.quote(folder))
  if failed then
    local first = problem:match "moontide sweep: ([^\n]*)" or problem:match "([^\n]+)" or "a process died"
    failures.raise(1, "a trial could not be run: %s", first)
  end
end

---@class SweepRow
---@field params string
---@field values table<string, any>
---@field score number? nil where the objective is not defined there or the script failed
---@field trial Trial

---The rows of trials, the best first; those without a score at the end, and equals in the order of their parameters.
---@param trials table[] values by name
---@param found table<string, Trial> by params
---@param objective fun(result: table): any
---@return SweepRow[]
function M.rows(trials, found, objective)
  local rows = {}
  for _, values in ipairs(trials) do
    local params = space.text(values)
    local t = found[params]
    if t then
      local score
      if not t.result.failure then
        score = tonumber(objective(t.result))
        if score and (score ~= score or math.abs(score) == math.huge) then score = nil end
      end
      rows[#rows + 1] = { params = params, values = values, score = score, trial = t }
    end
  end
  table.sort(rows, function(a, b)
    if a.score ~= b.score then
      if not a.score then return false end
      return not b.score or a.score > b.score
    end
    return a.params < b.params
  end)
  return rows
end

return M
