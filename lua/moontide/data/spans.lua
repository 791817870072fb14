---Sets of time: sorted lists of { from, to } in microseconds, `to` not included, that neither touch nor overlap.
local M = {}

---@alias Spans number[][]

---@param list number[][] in any order, also overlapping
---@return Spans
function M.union(list)
  local sorted, out = {}, {}
  for i, span in ipairs(list) do
    sorted[i] = span
  end
  table.sort(sorted, function(a, b) return a[1] < b[1] or a[1] == b[1] and a[2] < b[2] end)
  for _, span in ipairs(sorted) do
    local last = out[#out]
    if last and span[1] <= last[2] then
      last[2] = math.max(last[2], span[2])
    elseif span[2] > span[1] then
      out[#out + 1] = { span[1], span[2] }
    end
  end
  return out
end

---What of [from, to) is not in `spans`.
---@param spans Spans
---@param from number
---@param to number
---@return Spans
function M.holes(spans, from, to)
  local out = {}
  for _, span in ipairs(spans) do
    if span[2] > from and span[1] < to then
      if span[1] > from then out[#out + 1] = { from, span[1] } end
      from = math.max(from, span[2])
    end
  end
  if from < to then out[#out + 1] = { from, to } end
  return out
end

---@param spans Spans
---@param from number
---@param to number
---@return boolean # whether all of [from, to) is in `spans`
function M.covers(spans, from, to) return #M.holes(spans, from, to) == 0 end

---@param spans Spans
---@param from number
---@param to number
---@return Spans # what of `spans` lies in [from, to)
function M.within(spans, from, to)
  local out = {}
  for _, span in ipairs(spans) do
    local a, b = math.max(span[1], from), math.min(span[2], to)
    if a < b then out[#out + 1] = { a, b } end
  end
  return out
end

---@param spans Spans
---@param taken Spans
---@return Spans # what of `spans` is not in `taken`
function M.minus(spans, taken)
  local out = {}
  for _, span in ipairs(spans) do
    for _, hole in ipairs(M.holes(taken, span[1], span[2])) do
      out[#out + 1] = hole
    end
  end
  return out
end

return M
