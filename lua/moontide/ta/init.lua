---Streaming indicators: each constructor returns a function that takes the next value (or the parts of the next bar it
---names) and returns the indicator, or nil while it warms up. Constant work and no allocation per value.
---
---The families are files of their own; each has a page in docs/indicators.
local families = {
  "averages",
  "momentum",
  "oscillators",
  "trend",
  "volatility",
  "volume",
  "statistics",
  "levels",
  "patterns",
  "compose",
}

---What an indicator takes of a bar and what it returns, by name: for `self:indicator` and for reports.
---@class IndicatorForm
---@field name string
---@field family string
---@field make function the constructor
---@field inputs string[] fields of a bar, in the order of the indicator's arguments
---@field outputs string[] names of its results

---@class Indicators: IndicatorsAverages, IndicatorsMomentum, IndicatorsOscillators, IndicatorsTrend, IndicatorsVolatility, IndicatorsVolume, IndicatorsStatistics, IndicatorsLevels, IndicatorsPatterns, IndicatorsCompose
local M = {}
local forms = {}

for _, family in ipairs(families) do
  local part = require("moontide.ta." .. family)
  for name, f in pairs(part) do
    if type(f) == "function" then
      M[name] = f
      if family ~= "compose" and name ~= "pattern_names" then
        forms[name] = {
          name = name,
          family = family,
          make = f,
          inputs = part.inputs[name] or { "close" },
          outputs = part.outputs[name] or { name },
        }
      end
    end
  end
end

---What is known of an indicator; nil for a name that is none.
---
---Errors: none.
---@param name string as after `ta.`
---@return IndicatorForm?
function M.form(name) return forms[name] end

---The names of all indicators, in order.
---
---Errors: none.
---@return string[]
function M.names()
  local list = {}
  for name in pairs(forms) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

---The families of indicators, in the order of their pages in docs/indicators.
---
---Errors: none.
---@return string[]
function M.families() return { unpack(families) } end

return M
