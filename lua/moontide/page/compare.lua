---The document of a page that lays runs over each other.
local json = require "moontide.report.json"

local M = {}

local NONE = 0 / 0 -- written as null

local function listed(list) return setmetatable(list, json.list) end

local function numbers(list)
  local out = listed {}
  for i, v in ipairs(type(list) == "table" and list or {}) do
    out[i] = type(v) == "number" and v or NONE
  end
  return out
end

local function months(result)
  local out = {}
  for _, m in ipairs(type(result.months) == "table" and result.months or {}) do
    if type(m) == "table" and type(m.month) == "string" and type(m["return"]) == "number" then
      out[m.month] = m["return"]
    end
  end
  return out
end

---@param c Comparison
---@return table document
function M.document(c)
  local runs, rows, differences, labels = listed {}, listed {}, listed {}, {}
  for i, run in ipairs(c.runs) do
    local r = run.result
    local days = type(r.equity_by_day) == "table" and r.equity_by_day or {}
    labels[i] = run.label
    runs[i] = {
      label = run.label,
      capital = r.capital,
      time = numbers(days.time),
      equity = numbers(days.equity),
      months = months(r),
    }
  end
  for i, row in ipairs(c.rows) do
    local values = listed {}
    for k, v in ipairs(row.values) do
      values[k] = v or NONE
    end
    rows[i] = {
      key = row.key,
      label = row.label,
      form = row.form,
      values = values,
      best = listed { unpack(row.best) },
    }
  end
  for i, d in ipairs(c.differences) do
    differences[i] = { label = d.label, values = listed { unpack(d.values) } }
  end
  return {
    kind = "compare",
    version = 1,
    title = table.concat(labels, ", ") .. ": compared",
    coin = c.runs[1].result.coin,
    runs = runs,
    rows = rows,
    differences = differences,
    notes = listed { unpack(c.notes) },
  }
end

return M
