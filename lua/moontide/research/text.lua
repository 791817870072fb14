---What a sweep prints: the best rows, a heat map, the verdict.
local log_module = require "moontide.run.log"
local text_width = require "moontide.text_width"

local M = {}

local function number(x, form)
  if type(x) ~= "number" then return "n/a" end
  return (form or "%.2f"):format(x)
end

local function figures_of(r)
  if r.failure then return { "failed", "", "", "", "", "" } end
  return {
    number(r.net_profit),
    number(r["return"] and r["return"] * 100),
    number(r.sharpe),
    number(r.max_drawdown and r.max_drawdown * 100),
    number(r.trades, "%d"),
    number(r.win_rate and r.win_rate * 100, "%.1f"),
  }
end

---@param rows SweepRow[]
---@param objective string
---@param count integer rows shown
---@return string
function M.best(rows, objective, count)
  local list =
    { { "parameters", objective, "net profit", "return %", "sharpe", "drawdown %", "trades", "wins %" } }
  for i = 1, math.min(count, #rows) do
    local row = rows[i]
    local line = { row.params, number(row.score, "%.4g") }
    for _, cell in ipairs(figures_of(row.trial.result)) do
      line[#line + 1] = cell
    end
    list[#list + 1] = line
  end
  return table.concat(text_width.aligned(list), "\n") .. "\n"
end

local SHADES = { " ", "\226\150\145", "\226\150\146", "\226\150\147", "\226\150\136" }

-- The mean score of all rows with these two values.
local function means(rows, a, b)
  local sums, counts, xs, ys, seen_x, seen_y = {}, {}, {}, {}, {}, {}
  for _, row in ipairs(rows) do
    local x, y = row.values[b], row.values[a]
    if not seen_x[x] then
      seen_x[x], xs[#xs + 1] = true, x
    end
    if not seen_y[y] then
      seen_y[y], ys[#ys + 1] = true, y
    end
    if row.score then
      local key = tostring(x) .. "\0" .. tostring(y)
      sums[key], counts[key] = (sums[key] or 0) + row.score, (counts[key] or 0) + 1
    end
  end
  local function before(p, q)
    if type(p) == "number" and type(q) == "number" then return p < q end
    return tostring(p) < tostring(q)
  end
  table.sort(xs, before)
  table.sort(ys, before)
  return xs,
    ys,
    function(x, y)
      local key = tostring(x) .. "\0" .. tostring(y)
      return counts[key] and sums[key] / counts[key]
    end
end

---A heat map of the objective over two parameters, the mean over the others; nil where fewer than two vary or one has too
---many values for the width.
---@param rows SweepRow[]
---@param dimensions Dimension[]
---@param width integer columns of the terminal
---@return string?
function M.heat_map(rows, dimensions, width)
  local varied = {}
  for _, d in ipairs(dimensions) do
    if d.values and #d.values > 1 then varied[#varied + 1] = d.name end
  end
  if #varied < 2 then return nil end
  local a, b = varied[1], varied[2]
  local xs, ys, mean = means(rows, a, b)
  local label = #a
  for _, y in ipairs(ys) do
    label = math.max(label, #tostring(y))
  end
  if label + 2 + 2 * #xs > width or #ys > 60 then return nil end
  local low, high = math.huge, -math.huge
  for _, y in ipairs(ys) do
    for _, x in ipairs(xs) do
      local m = mean(x, y)
      if m then
        low, high = math.min(low, m), math.max(high, m)
      end
    end
  end
  if low > high then return nil end
  if #rows * 2 < #xs * #ys then return nil end -- mostly dots: a search, and no grid
  local lines = {
    ("%s down, %s across from %s to %s; dark is %.4g, light is %.4g, a dot was not run"):format(
      a,
      b,
      tostring(xs[1]),
      tostring(xs[#xs]),
      high,
      low
    ),
  }
  for _, y in ipairs(ys) do
    local cells = {}
    for i, x in ipairs(xs) do
      local m = mean(x, y)
      local shade = m and math.floor((m - low) / math.max(high - low, 1e-300) * 4.999) + 1
      cells[i] = shade and SHADES[shade]:rep(2) or " ."
    end
    lines[#lines + 1] = ("%" .. label .. "s  %s"):format(tostring(y), table.concat(cells))
  end
  return table.concat(lines, "\n") .. "\n"
end

---@param v Verdict
---@return string
function M.verdict(v)
  local rows = {
    { "trials of this strategy on these data, ever", ("%d"):format(v.trials) },
    { "  independent ones that they come to", number(v.effective_trials, "%.1f") },
    { "daily returns", ("%d"):format(v.days) },
    { "Sharpe ratio of the best, a year", number(v.sharpe) },
    { "  that luck alone is expected to show", number(v.luck_sharpe) },
    { "probabilistic Sharpe ratio (above 0)", number(v.psr, "%.3f") },
    { "deflated Sharpe ratio", number(v.dsr, "%.3f") },
    {
      "least record for 95 %, days",
      v.minimum_track_record_days == math.huge and "never" or number(v.minimum_track_record_days, "%.0f"),
    },
    { "probability of backtest overfitting", number(v.pbo, "%.3f") },
    { "White's reality check, p", number(v.reality_check, "%.3f") },
    { "Hansen's SPA, p", number(v.spa, "%.3f") },
  }
  return table.concat(text_width.aligned(rows), "\n") .. "\n\n" .. v.sentence .. "\n"
end

local function day(ms) return log_module.time_text(ms * 1000):sub(1, 10) end

---@param w WalkForward
---@param objective string
---@return string
function M.walk_forward(w, objective)
  local list = { { "training", "test", "parameters", objective, "in test", "net profit", "return %" } }
  for _, row in ipairs(w.windows) do
    list[#list + 1] = {
      day(row.train_from) .. ".." .. day(row.train_to),
      day(row.test_from) .. ".." .. day(row.test_to),
      row.params == "" and "none" or row.params,
      number(row.score, "%.4g"),
      number(row.test_score, "%.4g"),
      number(row.test.net_profit),
      number(row.test["return"] and row.test["return"] * 100),
    }
  end
  local lines = text_width.aligned(list)
  lines[#lines + 1] = ""
  lines[#lines + 1] = ("net profit of the tests %s, %.0f %% of them with a profit, efficiency %s"):format(
    number(w.net_profit),
    w.profitable * 100,
    number(w.efficiency)
  )
  local names = {}
  for name in pairs(w.stability) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local s = w.stability[name]
    lines[#lines + 1] = ("%s: %d different in %d windows%s"):format(
      name,
      s.distinct,
      #w.windows,
      s.least and (", from %g to %g"):format(s.least, s.most) or ""
    )
  end
  return table.concat(lines, "\n") .. "\n"
end

return M
