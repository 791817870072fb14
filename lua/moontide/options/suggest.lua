---"Did you mean": the known word that is nearest to one that is not known.
local M = {}

-- The edits (a letter put in, left out, changed, or two exchanged) that lead from one word to another.
local function distance(a, b)
  local before, last = {}, {}
  for j = 0, #b do
    last[j] = j
  end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      row[j] = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], before[j - 2] + 1)
      end
    end
    before, last = last, row
  end
  return last[#b]
end

---@param word string
---@param known string[]
---@return string? # nil when none is near
function M.nearest(word, known)
  local best, least = nil, math.floor(#word / 3) + 1
  for _, candidate in ipairs(known) do
    local d = distance(word, candidate)
    if d < least then
      best, least = candidate, d
    end
  end
  return best
end

---The end of a message about a word that is not known: "; did you mean X?", or nothing.
---@param word string
---@param known string[]
---@return string
function M.hint(word, known)
  local nearest = M.nearest(word, known)
  return nearest and ("; did you mean %s?"):format(nearest) or ""
end

return M
