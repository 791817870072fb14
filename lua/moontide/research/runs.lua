---Backtests in processes of their own, several at once, with some options changed: what `moontide check` compares.
local cjson = require "cjson"
local failures = require "moontide.failure"
local host = require "moontide.lua_host"
local processes = require "moontide.processes"
local shell = require "moontide.shell"

local M = {}

-- Options of the command that asks for the runs, not of these.
local own = {
  json = true,
  seeds = true,
  quiet = true,
  ["log-level"] = true,
  jobs = true,
  trades = true,
  fills = true,
  orders = true,
}

---@class Variant
---@field name string
---@field options table<string, any>? options in place of those given: { taker = 0.001 }
---@field set table<string, any>? parameters in place of those given
---@field rows boolean? whether orders and fills are wanted too

---@class RunResult
---@field result table the run's JSON document
---@field orders table[]? by variant.rows
---@field fills table[]?
---@field trades table[]?
---@field failure string? why it could not be run; nothing else is there then
---@field status integer? the process's, where it failed

local function command(argv, script, v, base)
  local words = { shell.quote(host.exe), "backtest", shell.quote(script) }
  for _, word in ipairs(argv) do
    local name, value = word:match "^%-%-([%w-]+)=?(.*)$"
    local parameter = name == "set" and value:match "^([%w_]+)="
    local replaced = v.options and v.options[name] ~= nil or parameter and v.set and v.set[parameter] ~= nil
    if not own[name] and not replaced then words[#words + 1] = shell.quote(word) end
  end
  -- In the order of their names: the same command each time.
  local extra = {}
  for name, value in pairs(v.options or {}) do
    extra[#extra + 1] = ("--%s=%s"):format(name, tostring(value))
  end
  for name, value in pairs(v.set or {}) do
    extra[#extra + 1] = ("--set=%s=%s"):format(
      name,
      type(value) == "number" and ("%.17g"):format(value) or value
    )
  end
  if v.rows then
    for _, what in ipairs { "orders", "fills", "trades" } do
      extra[#extra + 1] = ("--%s=%s.%s"):format(what, base, what)
    end
  end
  table.sort(extra)
  for _, word in ipairs(extra) do
    words[#words + 1] = shell.quote(word)
  end
  words[#words + 1] = ("--json=- --quiet --log-level=error 2>%s </dev/null || echo $? >%s"):format(
    shell.quote(base .. ".problem"),
    shell.quote(base .. ".status")
  )
  return table.concat(words, " ")
end

-- The rows of a table that we have written: no cell holds a comma but a client id, which stands behind all that is asked for.
local function read_rows(path)
  local rows, names = {}, nil
  for line in io.lines(path) do
    local cells = {}
    for cell in (line .. ","):gmatch "([^,]*)," do
      cells[#cells + 1] = cell
    end
    if not names then
      names = cells
    else
      local row = {}
      for i, name in ipairs(names) do
        row[name] = tonumber(cells[i]) or cells[i]
      end
      rows[#rows + 1] = row
    end
  end
  return rows
end

local function finish(v, base, text)
  local ok, document = pcall(cjson.decode, text)
  local found = { result = ok and type(document) == "table" and document or nil }
  if not found.result then
    local file = io.open(base .. ".problem", "rb")
    local problem = file and file:read "*a" or ""
    if file then file:close() end
    file = io.open(base .. ".status", "rb")
    found.status = file and tonumber(file:read "*l") or 1
    if file then file:close() end
    found.failure = problem:match "moontide backtest: ([^\n]*)"
      or problem:match "[^\n]+"
      or "the process died"
  elseif v.rows then
    for _, what in ipairs { "orders", "fills", "trades" } do
      found[what] = read_rows(base .. "." .. what)
    end
  end
  for _, what in ipairs { "orders", "fills", "trades", "problem", "status" } do
    os.remove(base .. "." .. what)
  end
  return found
end

---Runs variants, as many at once as there are processors.
---@param argv string[] the options of the command line, as --name=value
---@param script string
---@param variants Variant[]
---@param progress fun(done: integer, total: integer)?
---@return table<string, RunResult> results by the variants' names
function M.run(argv, script, variants, progress)
  local results, most, begun, done = {}, shell.processors(), 0, 0
  processes.run {
    next = function(running)
      if begun == #variants or #running >= most then return nil end
      begun = begun + 1
      local v, base = variants[begun], os.tmpname()
      return { variant = v, base = base, command = command(argv, script, v, base), lines = {} }
    end,
    line = function(job, text) table.insert(job.lines, text) end,
    ended = function(job)
      results[job.variant.name] = finish(job.variant, job.base, table.concat(job.lines, "\n"))
      os.remove(job.base)
      done = done + 1
      if progress then progress(done, #variants) end
    end,
  }
  return results
end

---The result of a run that the others are compared with; ends the command when it could not be run.
---@param results table<string, RunResult>
---@param name string
---@return RunResult
function M.need(results, name)
  local found = results[name]
  if found.failure then failures.raise(found.status == 2 and 2 or 1, "%s", found.failure) end
  return found
end

return M
