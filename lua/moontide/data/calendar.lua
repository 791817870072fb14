---Days and months of UTC, as the names of archives tell them. Times are microseconds; days and months are numbers in a row.
local types = require "moontide.options.types"

local M = { DAY_US = 86400000000 }

---@param us number
---@return integer day days since 1970-01-01
function M.day_of(us) return math.floor(us / M.DAY_US) end

---@param day integer
---@return string # "2023-02-01"
function M.day_name(day)
  return os.date("!%Y-%m-%d", day * 86400) --[[@as string]]
end

---@param us number
---@return integer month months since year 0
function M.month_of(us)
  local name = M.day_name(M.day_of(us))
  return tonumber(name:sub(1, 4)) * 12 + tonumber(name:sub(6, 7)) - 1
end

---@param month integer
---@return string # "2023-02"
function M.month_name(month) return ("%04d-%02d"):format(math.floor(month / 12), month % 12 + 1) end

---@param month integer
---@return number us its first moment
function M.month_start(month) return types.time(M.month_name(month) .. "-01") end

---The time that a file's name tells: of a day or of a month.
---@param name string BTCUSDT-1m-2023-02-01.zip
---@return number? from_us nil when it tells none
---@return number to_us
---@return "day"|"month" unit
function M.period(name)
  local stem = name:gsub("%.%a+$", "")
  local day = stem:match "%-(%d%d%d%d%-%d%d%-%d%d)$"
  local from = day and types.time(day)
  if from then return from, from + M.DAY_US, "day" end
  local month = stem:match "%-(%d%d%d%d%-%d%d)$"
  from = month and types.time(month .. "-01")
  if not from then return nil, 0, "day" end
  return from, M.month_start(M.month_of(from) + 1), "month"
end

---@param us number
---@return string # "2023-02-01 12:30"
function M.text(us)
  return os.date("!%Y-%m-%d %H:%M", math.floor(us / 1e6)) --[[@as string]]
end

return M
