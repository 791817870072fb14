---Checks of one series of bars: rows, order, doubles, the grid, gaps, close times, volumes, ticks, zero volume, outliers.
local ffi = require "ffi"
local C = require "moontide.core"
local bar_columns = require "moontide.data.bar_columns"
local calendar = require "moontide.data.calendar"
local outliers = require "moontide.data.check_prices"

local M = {}

local QUIET_BARS, QUIET_US = 10, 600e6 -- without a trade for so many bars, and so long

---@class BarCheck
---@field series SurveySeries
---@field found Findings
---@field bars BarColumns
---@field interval integer
---@field broken boolean? a file could not be read to its end

local function interval_of(series, rows)
  if series.interval then return C.interval_find(series.interval) end
  local least
  for i = 1, tonumber(rows.count) - 1 do
    local step = rows.bars[i].values[0] - rows.bars[i - 1].values[0]
    if step > 0 and (not least or step < least) then least = step end
  end
  return least and C.grid_interval_of(least) or -1
end

local function place(file, line) return ("%s: line %d"):format(file.path, line) end

-- In the order of the file's lines.
local function check_lines(self, file, rows, interval)
  local found, step = self.found, C.interval_us(interval)
  local others = 0
  for i = 0, tonumber(rows.count) - 1 do
    local b = rows.bars[i]
    local open = b.values[0]
    if i > 0 and open < rows.bars[i - 1].values[0] then
      found:add(
        "fault",
        "order",
        place(file, rows.lines[i]),
        "%s stands behind %s",
        calendar.text(tonumber(open)),
        calendar.text(tonumber(rows.bars[i - 1].values[0]))
      )
    end
    if C.interval_floor(interval, open) ~= open then
      others = others + 1
      found:add(
        "fault",
        "grid",
        place(file, rows.lines[i]),
        "%s begins no bar of %s",
        calendar.text(tonumber(open)),
        ffi.string(C.interval_names[interval])
      )
    end
    if b.values[5] > 0 and b.values[8] > b.values[5] and b.values[10] == 0 then
      found:add("fault", "volume", place(file, rows.lines[i]), "the takers bought more than was traded")
    end
  end
  -- A bar that closes at another time, where the bars around it are there.
  for i = 1, tonumber(rows.count) - 2 do
    local b, open = rows.bars[i], rows.bars[i].values[0]
    local next_open = C.grid_next(interval, open)
    local beside = rows.bars[i + 1].values[0] == next_open
      and C.grid_next(interval, rows.bars[i - 1].values[0]) == open
    if b.close_us ~= 0 and beside and (b.close_us > next_open or b.close_us < next_open - 1000000) then
      found:add(
        "fault",
        "close time",
        place(file, rows.lines[i]),
        "the bar of %s closes at %s",
        calendar.text(tonumber(open)),
        calendar.text(tonumber(b.close_us))
      )
    end
  end
  return step
end

local function read_file(self, number, file)
  local rows, message = ffi.new "struct rows", ffi.new "struct errmsg"
  local found = self.found
  if C.rows_survey(file.path, file.kind.signed or false, rows, message) ~= 0 then
    found:add(
      "fault",
      "file",
      file.path,
      (ffi.string(message.text):gsub("^" .. file.path:gsub("%p", "%%%0") .. ": ", ""))
    )
    self.broken = true
  end
  for i = 0, tonumber(rows.fault_count) - 1 do
    found:add("fault", "row", place(file, rows.faults[i].line), ffi.string(rows.faults[i].text))
  end
  if rows.count > 0 and not rows.funding then
    local interval = self.interval >= 0 and self.interval or interval_of(self.series, rows)
    if interval < 0 then
      found:add("fault", "grid", file.path, "its rows do not lie an interval of the exchange's apart")
    else
      self.interval = interval
      check_lines(self, file, rows, interval)
      self.bars:add(rows, number)
    end
  end
  C.rows_free(rows)
end

-- ---- over all files -------------------------------------------------------------------------------------------------

local function place_of(self, b) return place(self.series.files[b.file], b.line) end

local function gaps(self)
  local rows, found = self.bars.rows, self.found
  for i = 1, self.bars.count - 1 do
    local a, b = rows[i - 1].open_us, rows[i].open_us
    local missing = tonumber(C.grid_missing(self.interval, a, b))
    if missing > 0 then
      found:add(
        "fault",
        "gap",
        place_of(self, rows[i]),
        "%d bar%s missing from %s to %s",
        missing,
        missing == 1 and " is" or "s are",
        calendar.text(tonumber(C.grid_next(self.interval, a))),
        calendar.text(tonumber(b))
      )
    end
  end
end

-- Bars of a longer interval under the name of a shorter one are all gaps: said once.
local function mislabelled(self)
  local rows, count = self.bars.rows, self.bars.count
  if count < 4 then return false end
  local least
  for i = 1, count - 1 do
    local step = rows[i].open_us - rows[i - 1].open_us
    if not least or step < least then least = step end
  end
  if least <= C.interval_us(self.interval) or self.interval >= C.INTERVAL_1W then return false end
  self.found:add(
    "fault",
    "interval",
    self.series.files[rows[0].file].path,
    "its rows lie at least %d s apart and are no bars of %s",
    tonumber(least) / 1e6,
    ffi.string(C.interval_names[self.interval])
  )
  return true
end

local function quiet(self)
  local rows, count, begun = self.bars.rows, self.bars.count, nil
  local any = false
  for i = 0, count - 1 do
    any = any or rows[i].volume_d > 0
  end
  if not any then return end -- a source without volumes
  for i = 0, count do
    local still = i < count and rows[i].volume_d == 0
    if still and not begun then begun = i end
    if not still and begun then
      local bars = i - begun
      if bars >= QUIET_BARS and bars * tonumber(C.interval_us(self.interval)) >= QUIET_US then
        self.found:add(
          "note",
          "zero volume",
          place_of(self, rows[begun]),
          "%d bars without a trade from %s to %s",
          bars,
          calendar.text(tonumber(rows[begun].open_us)),
          calendar.text(tonumber(C.grid_next(self.interval, rows[i - 1].open_us)))
        )
      end
      begun = nil
    end
  end
end

-- What was paid lies between the lowest and the highest price times what was traded.
local function turnover(self)
  local rows = self.bars.rows
  for i = 0, self.bars.count - 1 do
    local b = rows[i]
    if b.quote_d > 0 and b.volume_d > 0 then
      local price = b.quote_d / b.volume_d * 1e8
      if price < tonumber(b.low) * 0.9999 - 1 or price > tonumber(b.high) * 1.0001 + 1 then
        self.found:add(
          "fault",
          "volume",
          place_of(self, b),
          "quote_volume / volume is %.8g, outside of its low and high",
          price / 1e8
        )
      end
    elseif (b.quote_d > 0) ~= (b.volume_d > 0) and self.quoted then
      self.found:add("fault", "volume", place_of(self, b), "one of volume and quote_volume is zero")
    end
  end
end

-- Whether a source has quote volumes at all.
local function has_quotes(bars)
  for i = 0, bars.count - 1 do
    if bars.rows[i].quote_d > 0 then return true end
  end
  return false
end

-- The first file begins behind, or the last ends before, the time that its name tells.
local function ends(self)
  local bars, files = self.bars, self.series.files
  local first, last = bars.rows[0], bars.rows[bars.count - 1]
  local from, to = tonumber(first.open_us), tonumber(C.grid_next(self.interval, last.open_us))
  local earliest, latest
  for _, file in ipairs(files) do
    local begins, over = calendar.period((file.name:gsub("%.gz$", "")))
    if begins then
      earliest, latest = math.min(earliest or begins, begins), math.max(latest or over, over)
    end
  end
  -- What came by REST stands under the day's name while the day lasts.
  local by_rest = self.series.downloaded and files[last.file].name:find "%.csv$"
  if latest and to < latest and not by_rest then
    self.found:add(
      "note",
      "ends",
      place_of(self, last),
      "the data end %s, before what the file's name tells: the symbol ended, or the file was cut",
      calendar.text(to)
    )
  end
  local step = tonumber(C.interval_us(self.interval))
  if
    earliest
    and from >= earliest + step
    and not (self.series.downloaded and files[first.file].name:find "%.csv$")
  then
    self.found:add(
      "note",
      "begins",
      place_of(self, first),
      "the data begin %s, behind what the file's name tells: the symbol was new, or the file was cut",
      calendar.text(from)
    )
  end
end

---@param series SurveySeries
---@param found Findings
---@return BarCheck
function M.run(series, found)
  local self = {
    series = series,
    found = found,
    bars = bar_columns.new(),
    interval = series.interval and C.interval_find(series.interval) or -1,
  }
  for number, file in ipairs(series.files) do
    read_file(self, number, file)
  end
  self.bars:settle(
    function(first, second, same)
      found:add(
        same and "note" or "fault",
        "double",
        place_of(self, second),
        "%s stands twice, %s (first: %s)",
        calendar.text(tonumber(first.open_us)),
        same and "with the same numbers" or "with other numbers",
        place_of(self, first)
      )
    end
  )
  if self.bars.count == 0 or self.interval < 0 then return self end
  if mislabelled(self) then return self end
  gaps(self)
  ends(self)
  local traded = series.kind.name == "klines"
  if traded then
    self.quoted = has_quotes(self.bars)
    quiet(self)
    turnover(self)
  end
  local function tell(level, sort, b, text, ...) found:add(level, sort, place_of(self, b), text, ...) end
  outliers.run(self.bars, self.interval, traded, series.kind.signed, tell)
  return self
end

return M
