---The normal law: distribution function and quantile, to the accuracy of a double.
local ffi = require "ffi"

ffi.cdef "double erfc(double x);"

local M = {}

---Distribution function of the standard normal law.
---@param x number
---@return number p
function M.cdf(x) return 0.5 * ffi.C.erfc(-x / math.sqrt(2)) end

local function density(x) return math.exp(-x * x / 2) / math.sqrt(2 * math.pi) end

---Quantile of the standard normal law: Newton's method with Halley's correction on the distribution function, from a start
---by the tail's leading term. Infinite at 0 and 1.
---@param p number share from 0 to 1
---@return number x
function M.quantile(p)
  if p <= 0 then return -math.huge end
  if p >= 1 then return math.huge end
  if p > 0.5 then return -M.quantile(1 - p) end
  local t = math.sqrt(-2 * math.log(p))
  local x = -(
    t
    - (2.515517 + 0.802853 * t + 0.010328 * t * t)
      / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t ^ 3)
  )
  for _ = 1, 4 do -- the start is good to 4.5e-4 (Abramowitz and Stegun 26.2.23); each step cubes the error
    local e = (M.cdf(x) - p) / density(x)
    x = x - e / (1 + x * e / 2)
  end
  return x
end

return M
