---Curves with fewer points that tell the same: first, lowest, highest and last of every stretch, and every point that a figure
---of the report names. A curve thinned so has the peaks and troughs of the whole one, at their own times.
local M = {}

---The points of a curve that are kept.
---@param count integer
---@param value fun(i: integer): number from 0
---@param stretches integer
---@param named fun(i: integer): boolean points that must stay
---@return integer[] indexes rising, from 0
function M.indexes(count, value, stretches, named)
  local kept = {}
  if count <= stretches * 4 then
    for i = 0, count - 1 do
      kept[i + 1] = i
    end
    return kept
  end
  local function take(...)
    local list = { ... }
    table.sort(list)
    for _, i in ipairs(list) do
      if kept[#kept] ~= i then kept[#kept + 1] = i end
    end
  end
  for s = 0, stretches - 1 do
    local first, last = math.floor(s * count / stretches), math.floor((s + 1) * count / stretches) - 1
    local low, high, extra = first, first, {}
    for i = first, last do
      local v = value(i)
      if v < value(low) then low = i end
      if v > value(high) then high = i end
      if named(i) then extra[#extra + 1] = i end
    end
    take(first, low, high, last, unpack(extra, 1, math.min(#extra, 100)))
  end
  return kept
end

---The deepest fall from a peak of a list of values, as a share of the peak.
---@param values number[]
---@return number
function M.deepest(values) return (require("moontide.stats").max_drawdown(values)) end

return M
