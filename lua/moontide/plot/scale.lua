---The axis of values: where a value stands, round numbers to label it with, and how they are written.
local M = {}

---@class PlotScale
---@field low number
---@field high number above low
local Scale = {}
Scale.__index = Scale

---A scale from the lowest to the highest value. Where there is but one value it stands in the middle.
---@param low number
---@param high number
---@return PlotScale
function M.new(low, high)
  if low == high then
    local room = low == 0 and 1 or math.abs(low) * 0.01
    low, high = low - room, high + room
  end
  return setmetatable({ low = low, high = high }, Scale)
end

---The step, from the top, on which a value stands: the highest value on the first, the lowest on the last.
---@param value number
---@param steps integer how many there are
---@return integer # 0 to steps - 1
function Scale:at(value, steps)
  local share = (self.high / 2 - value / 2) / (self.high / 2 - self.low / 2) -- halves: the whole may be past all doubles
  return math.max(0, math.min(steps - 1, math.floor(share * (steps - 1) + 0.5)))
end

---The row of character cells (four dots high) in which a value's dot stands.
---@param value number
---@param rows integer
---@return integer # from the top, from 0
function Scale:row(value, rows) return math.floor(self:at(value, 4 * rows) / 4) end

---A round number (1, 2 or 5 times a power of ten) that is not below `least`.
---@param least number above 0
---@return number
function M.round_step(least)
  local power = 10 ^ math.floor(math.log10(least))
  for _, factor in ipairs { 1, 2, 5 } do
    if power * factor >= least * (1 - 1e-9) then return power * factor end
  end
  return power * 10
end

---Round values on the scale, rising.
---@param most integer how many at most, above 0
---@return number[] values
---@return number step
function Scale:ticks(most)
  local step = M.round_step(math.max((self.high - self.low) / math.max(most, 1), 1e-300))
  local first, list = math.ceil(self.low / step - 1e-9), {}
  for i = 0, most do
    local value = (first + i) * step
    if value > self.high * (self.high > 0 and 1 + 1e-12 or 1 - 1e-12) then break end
    list[#list + 1] = value
  end
  return list, step
end

local units = { { 1e12, "T" }, { 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" } }

---A value of the axis, with as many digits as its steps need.
---@param value number
---@param step number
---@param short boolean? with k, M, G, T for thousands
---@return string
function M.label(value, step, short)
  local unit = ""
  if short then
    for _, u in ipairs(units) do
      if math.abs(value) >= u[1] then
        value, step, unit = value / u[1], step / u[1], u[2]
        break
      end
    end
  end
  local decimals = math.max(0, -math.floor(math.log10(step) + 1e-9)) + 0 -- of minus zero a zero
  if decimals > 10 or math.abs(value) >= 1e15 then return ("%.6g"):format(value) .. unit end
  if math.abs(value) < step / 2 then value = 0 end -- no "-0"
  return ("%." .. ("%d"):format(decimals) .. "f"):format(value) .. unit
end

return M
