---The option --impact: how far an order's size moves its own price (C side: sim/impact.h; formulas: docs/backtest.md).
local C = require "moontide.core"

local M = {}

local models = {
  none = { C.IMPACT_NONE, 0 },
  fixed = { C.IMPACT_FIXED },
  share = { C.IMPACT_SHARE, 0.1 },
  sqrt = { C.IMPACT_SQRT, 1 },
}

---Reads none, fixed:BP, share[:K], sqrt[:K].
---@param text string
---@return { text: string, model: integer, coefficient: number }?
---@return string? problem
function M.read(text)
  local name, number = tostring(text):match "^(%a+):?(.*)$"
  local entry = name and models[name:lower()]
  local k = entry and (number == "" and entry[2] or number:find "^%d*%.?%d+$" and tonumber(number)) or nil
  if not k or k > 1000 or (entry == models.none and number ~= "") then
    return nil, "expected none, fixed:BP (basis points), share:K or sqrt:K, with a number from 0 to 1000"
  end
  name = name:lower()
  return {
    text = name == "none" and name or ("%s:%.10g"):format(name, k),
    model = entry[1],
    coefficient = name == "fixed" and k / 10000 or k,
  }
end

---For the table of options.
---@param text string
---@return string? text as given, when it can be read
---@return string? problem
function M.check(text)
  local impact, problem = M.read(text)
  return impact and impact.text, problem
end

return M
