---The figures of a benchmark that can be compared with those of another day and machine: ratios to the baseline of the same
---run, shares, bytes an order. Each is a line of the file that BENCH_FIGURES names; without it they are only printed.
local M = {}

local file = os.getenv "BENCH_FIGURES"

---@param name string the same in every run
---@param value number
---@param better "more"|"less" which way is the better one
function M.keep(name, value, better)
  assert(better == "more" or better == "less")
  assert(not name:find "[\t\n]")
  if not file then return end
  local out = assert(io.open(file, "a"))
  out:write(("%s\t%.6g\t%s\n"):format(name, value, better))
  out:close()
end

return M
