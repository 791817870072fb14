---Round moments between two times (UTC), and how each is written under an axis.
local M = {}

local SECOND, MINUTE, HOUR, DAY = 1000, 60000, 3600000, 86400000

-- From the finest to the coarsest; those of months and years follow the calendar.
local steps = {}
for _, n in ipairs { 1, 5, 15, 30 } do
  steps[#steps + 1] = { ms = n * SECOND, form = "%H:%M:%S" }
end
for _, n in ipairs { 1, 5, 15, 30 } do
  steps[#steps + 1] = { ms = n * MINUTE, form = "%H:%M" }
end
for _, n in ipairs { 1, 2, 4, 6, 12 } do
  steps[#steps + 1] = { ms = n * HOUR, form = "%H:%M" }
end
for _, n in ipairs { 1, 2, 5, 10 } do
  steps[#steps + 1] = { ms = n * DAY, form = "%b %d" }
end
for _, n in ipairs { 1, 3, 6 } do
  steps[#steps + 1] = { ms = n * 30.4 * DAY, months = n, form = "%b" }
end
for _, n in ipairs { 1, 2, 5, 10, 20, 50, 100 } do
  steps[#steps + 1] = { ms = n * 365 * DAY, months = n * 12, form = "%Y" }
end

local MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"

-- Month names in English wherever the program runs.
local function date(form, ms)
  local d = os.date("!*t", math.floor(ms / 1000))
  form = form:gsub("%%b", MONTHS:sub(3 * d.month - 2, 3 * d.month))
  return os.date("!" .. form, math.floor(ms / 1000)), d
end

local function text(step, ms)
  local _, d = date("%Y", ms)
  if step.ms < DAY and ms % DAY == 0 then return (date("%b %d", ms)) end
  if step.ms >= DAY and d.month == 1 and d.day == 1 then return ("%d"):format(d.year) end
  return (date(step.form, ms))
end

-- Days since 1970-01-01 of the first day of a month (0 is January of year 0).
local function month_start(index)
  local y, m = math.floor(index / 12), index % 12 + 1
  if m <= 2 then y = y - 1 end
  local era = math.floor(y / 400)
  local of_era = y - era * 400
  local of_year = math.floor((153 * (m + (m > 2 and -3 or 9)) + 2) / 5)
  return (era * 146097 + of_era * 365 + math.floor(of_era / 4) - math.floor(of_era / 100) + of_year - 719468)
    * DAY
end

---The moment in full, as a heading has it: `2023-01-02 03:04`, with seconds where there are some.
---@param ms number milliseconds since the epoch
---@return string
function M.full(ms)
  local seconds = math.floor(ms / 1000)
  return os.date(seconds % 60 == 0 and "!%Y-%m-%d %H:%M" or "!%Y-%m-%d %H:%M:%S", seconds)
end

---@class PlotTick
---@field at number milliseconds, or an index
---@field text string

---Round moments from `from` to `to`, no more than `most`.
---@param from number milliseconds
---@param to number
---@param most integer
---@return PlotTick[]
function M.ticks(from, to, most)
  local step = steps[#steps]
  for _, s in ipairs(steps) do
    if (to - from) / s.ms <= math.max(most, 1) then
      step = s
      break
    end
  end
  local list = {}
  if step.months then
    local d = os.date("!*t", math.floor(from / 1000))
    local month = math.floor((d.year * 12 + d.month - 1) / step.months) * step.months
    while month_start(month) <= to do
      local ms = month_start(month)
      if ms >= from then list[#list + 1] = { at = ms, text = text(step, ms) } end
      month = month + step.months
    end
    return list
  end
  for i = math.ceil(from / step.ms), math.floor(to / step.ms) do
    list[#list + 1] = { at = i * step.ms, text = text(step, i * step.ms) }
  end
  return list
end

return M
