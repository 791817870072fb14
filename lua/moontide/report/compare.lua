---Results of backtests side by side: what differs in what they were, and which figure is best in which.
local cjson = require "cjson"
local failures = require "moontide.failure"
local json = require "moontide.report.json"
local text_width = require "moontide.text_width"

local M = {}

---@class ComparedFigure
---@field key string of the JSON
---@field label string
---@field form "money"|"share"|"ratio"|"count"|"time"
---@field best "most"|"least"|nil what of it is better; nil: neither

---@type ComparedFigure[]
M.figures = {
  { key = "net_profit", label = "net profit", form = "money", best = "most" },
  { key = "return", label = "return", form = "share", best = "most" },
  { key = "annual_return", label = "annualised return", form = "share", best = "most" },
  { key = "buy_and_hold", label = "buy and hold", form = "share" },
  { key = "alpha", label = "alpha", form = "ratio", best = "most" },
  { key = "beta", label = "beta", form = "ratio" },
  { key = "volatility", label = "volatility", form = "share", best = "least" },
  { key = "sharpe", label = "Sharpe ratio", form = "ratio", best = "most" },
  { key = "sortino", label = "Sortino ratio", form = "ratio", best = "most" },
  { key = "calmar", label = "Calmar ratio", form = "ratio", best = "most" },
  { key = "max_drawdown", label = "maximum drawdown", form = "share", best = "least" },
  { key = "longest_drawdown_s", label = "longest drawdown", form = "time", best = "least" },
  { key = "worst_day", label = "worst day", form = "share", best = "most" },
  { key = "exposure", label = "exposure", form = "share" },
  { key = "trades", label = "trades", form = "count" },
  { key = "win_rate", label = "won", form = "share", best = "most" },
  { key = "profit_factor", label = "profit factor", form = "ratio", best = "most" },
  { key = "expectancy", label = "expectancy", form = "money", best = "most" },
  { key = "sqn", label = "SQN", form = "ratio", best = "most" },
  { key = "fees", label = "fees", form = "money", best = "least" },
  { key = "funding", label = "funding", form = "money", best = "most" },
  { key = "rejected", label = "orders rejected", form = "count", best = "least" },
  { key = "liquidations", label = "liquidations", form = "count", best = "least" },
}

---@class ComparedRun
---@field label string
---@field path string
---@field result table as decoded from the JSON

local function refuse(path, text, ...) failures.raise(1, "%s " .. text, path, ...) end

-- Raises where a document is no result of a backtest.
local function check(path, r)
  if type(r) ~= "table" then refuse(path, "is no result: expected what backtest --json wrote") end
  if type(r.trials) == "table" and r.verdict then
    refuse(path, "is the result of a sweep; compare takes those of backtest --json")
  end
  for _, field in ipairs { { "strategy", "string" }, { "net_profit", "number" }, { "fingerprint", "table" } } do
    if type(r[field[1]]) ~= field[2] then
      refuse(path, "is no result of backtest --json: it has no %s", field[1])
    end
  end
end

---@param path string
---@return table result
function M.read(path)
  local file, problem = io.open(path, "rb")
  if not file then failures.raise(1, "cannot read %s", problem) end
  local text = file:read "*a"
  file:close()
  if not text then refuse(path, "cannot be read as a file") end
  local ok, result = pcall(cjson.decode, text)
  if not ok then
    refuse(
      path,
      "is no JSON: expected what backtest --json wrote (%s)",
      (tostring(result):gsub("^.-:%d+: ", ""))
    )
  end
  check(path, result)
  return result
end

local function text_of(v)
  if v == nil or v == cjson.null then return "" end
  if type(v) == "table" then
    local parts = {}
    for i, x in ipairs(v) do
      parts[i] = text_of(x)
    end
    return table.concat(parts, " ")
  end
  if type(v) == "number" then return json.encode(v) end
  return (tostring(v):gsub("%c", "?")) -- a file of another's must not steer the terminal
end

-- Names of files without what all of them share: their folders and `.json`, where they still differ.
local function labels(paths)
  local short, seen = {}, {}
  for i, path in ipairs(paths) do
    short[i] = text_of(path:match "([^/]+)$" or path):gsub("%.json$", "")
    seen[short[i]] = (seen[short[i]] or 0) + 1
  end
  for i, path in ipairs(paths) do
    if seen[short[i]] > 1 then short[i] = text_of(path) end
  end
  return short
end

---@param paths string[]
---@return ComparedRun[]
function M.load(paths)
  local runs, names = {}, labels(paths)
  for i, path in ipairs(paths) do
    runs[i] = { path = path, label = names[i], result = M.read(path) }
  end
  return runs
end

local function object(v) return type(v) == "table" and v or {} end

local function known(v) return type(v) == "number" and v == v and math.abs(v) ~= math.huge end

local function same(list)
  for i = 2, #list do
    if list[i] ~= list[1] then return false end
  end
  return true
end

---@class ComparedRow
---@field label string
---@field key string
---@field form string
---@field values (number|false)[] false where a run has none
---@field best boolean[] by the run; none where all are equal or the figure has no better

---@param figure ComparedFigure
---@param runs ComparedRun[]
---@param judged boolean
---@return ComparedRow
local function row(figure, runs, judged)
  local values, best, top, count = {}, {}, nil, 0
  local sign = figure.best == "least" and -1 or 1
  for i, run in ipairs(runs) do
    local v = run.result[figure.key]
    values[i] = known(v) and v or false
    if values[i] then
      count = count + 1
      top = math.max(top or -math.huge, values[i] * sign)
    end
  end
  local marked = judged and figure.best and count > 1 and not same(values)
  for i, v in ipairs(values) do
    best[i] = (marked and v and v * sign == top) or false
  end
  return { label = figure.label, key = figure.key, form = figure.form, values = values, best = best }
end

local function add(list, label, runs, get)
  local texts = {}
  for i, run in ipairs(runs) do
    texts[i] = text_of(get(run.result))
  end
  if not same(texts) then list[#list + 1] = { label = label, values = texts } end
end

-- The names in an object of any of the results, in order.
local function names_of(runs, key)
  local seen, names = {}, {}
  for _, run in ipairs(runs) do
    for name in pairs(object(run.result[key])) do
      if not seen[name] then
        seen[name], names[#names + 1] = true, name
      end
    end
  end
  table.sort(names)
  return names
end

-- Texts of the notes on data, funding and the like that one result has and another has not.
local function note_texts(runs)
  local seen, list = {}, {}
  for _, run in ipairs(runs) do
    for _, note in ipairs(object(run.result.notes)) do
      if
        type(note) == "table"
        and note.kind ~= "open"
        and type(note.text) == "string"
        and not seen[note.text]
      then
        seen[note.text], list[#list + 1] = true, note.text
      end
    end
  end
  return list
end

---What the runs were: the settings in which they differ.
---@param runs ComparedRun[]
---@return { label: string, values: string[] }[]
function M.differences(runs)
  local list = {}
  local function plain(label, key)
    add(list, label, runs, function(r) return r[key] end)
  end
  plain("strategy", "strategy")
  add(list, "script's fingerprint", runs, function(r) return r.fingerprint.script end)
  for _, name in ipairs(names_of(runs, "params")) do
    add(list, name, runs, function(r) return object(r.params)[name] end)
  end
  plain("symbols", "symbols")
  plain("interval", "interval")
  plain("from", "from_text")
  plain("to", "to_text")
  plain("bars", "bars")
  add(list, "data's fingerprint", runs, function(r) return r.fingerprint.data end)
  plain("coin", "coin")
  plain("capital", "capital")
  for _, name in ipairs(names_of(runs, "options")) do
    add(list, "--" .. name, runs, function(r) return object(r.options)[name] end)
  end
  return list
end

---@class Comparison
---@field runs ComparedRun[]
---@field differences { label: string, values: string[] }[]
---@field rows ComparedRow[]
---@field notes string[] what to know before figures are held against each other

-- What makes figures hard to hold against each other.
local function warnings(runs)
  local list = setmetatable({}, json.list)
  local function differ(get)
    local values = {}
    for i, run in ipairs(runs) do
      values[i] = text_of(get(run.result))
    end
    return not same(values)
  end
  local coins = differ(function(r) return r.coin end)
  local capital = differ(function(r) return r.capital end)
  if coins then list[#list + 1] = "The money is not in one coin: sums of money are not marked." end
  if capital then list[#list + 1] = "The capital differs: sums of money are not marked." end
  if differ(function(r) return r.from end) or differ(function(r) return r.to end) then
    list[#list + 1] = "The periods differ: a figure may be better for its market alone."
  elseif differ(function(r) return r.fingerprint.data end) then
    list[#list + 1] = "The data differ: a figure may be better for its market alone."
  end
  for _, text in ipairs(note_texts(runs)) do
    local of, all = {}, true
    for i, run in ipairs(runs) do
      local has = false
      for _, note in ipairs(object(run.result.notes)) do
        has = has or type(note) == "table" and note.text == text
      end
      all = all and has
      if has then of[#of + 1] = runs[i].label end
    end
    if not all then list[#list + 1] = ("%s only: %s"):format(table.concat(of, ", "), text_of(text)) end
  end
  return list, coins or capital
end

---@param runs ComparedRun[]
---@return Comparison
function M.of(runs)
  local notes, money_differs = warnings(runs)
  local rows = {}
  for i, figure in ipairs(M.figures) do
    rows[i] = row(figure, runs, not (money_differs and figure.form == "money"))
  end
  return { runs = runs, differences = M.differences(runs), rows = rows, notes = notes }
end

local function duration(s)
  if s < 60 then return ("%.0f s"):format(s) end
  if s < 3600 then return ("%.1f min"):format(s / 60) end
  if s < 86400 then return ("%.1f h"):format(s / 3600) end
  return ("%.1f d"):format(s / 86400)
end

local forms = {
  money = function(v) return ("%.2f"):format(v) end,
  share = function(v) return ("%.2f %%"):format(v * 100) end,
  ratio = function(v) return ("%.2f"):format(v) end,
  count = function(v) return ("%d"):format(v) end,
  time = duration,
}

---The comparison as text: a column a run, `*` behind the best.
---@param c Comparison
---@return string
function M.text(c)
  local lines = { { "" } }
  for i, run in ipairs(c.runs) do
    lines[1][i + 1] = run.label .. "  "
  end
  for _, d in ipairs(c.differences) do
    local line = { d.label }
    for i, text in ipairs(d.values) do
      line[i + 1] = (text == "" and (d.label:find "^%-%-" and "default" or "none") or text) .. "  "
    end
    lines[#lines + 1] = line
  end
  lines[#lines + 1] = { "" }
  for _, r in ipairs(c.rows) do
    local line, some = { r.label }, false
    for i, v in ipairs(r.values) do
      some = some or v ~= false
      line[i + 1] = (v and forms[r.form](v) or "n/a") .. (r.best[i] and " *" or "  ")
    end
    if some then lines[#lines + 1] = line end
  end
  local parts = { table.concat(text_width.aligned(lines), "\n"), "", "* the best of its line" }
  for _, note in ipairs(c.notes) do
    parts[#parts + 1] = note
  end
  return table.concat(parts, "\n") .. "\n"
end

return M
