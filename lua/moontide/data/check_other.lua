---Checks of what is neither bars nor trades: funding rates, best prices, depth by bands, metrics.
local ffi = require "ffi"
local C = require "moontide.core"
local calendar = require "moontide.data.calendar"
local each_block = require("moontide.data.check_trades").each_block

local M = {}

local HOUR_US, MINUTE_US = 3600e6, 60e6
local RATE_E8 = 3e6 -- 3 % at once: beyond the exchange's own bounds

local function place(file, line) return ("%s: line %d"):format(file.path, line) end

local function faults(found, file, list, count)
  for i = 0, tonumber(count) - 1 do
    found:add("fault", "row", place(file, list[i].line), ffi.string(list[i].text))
  end
end

---@param series SurveySeries
---@param found Findings
local function funding(series, found)
  local last
  for _, file in ipairs(series.files) do
    local rows, message = ffi.new "struct rows", ffi.new "struct errmsg"
    if C.rows_survey(file.path, false, rows, message) ~= 0 then
      found:add("fault", "file", file.path, (ffi.string(message.text):gsub("^.-: ", "", 1)))
    end
    faults(found, file, rows.faults, rows.fault_count)
    for i = 0, tonumber(rows.count) - 1 do
      local time, rate = tonumber(rows.bars[i].values[0]), tonumber(rows.bars[i].values[1])
      local minute = math.floor(time / MINUTE_US + 0.5)
      local step = last and minute - last
      if step == 0 then
        found:add("fault", "double", place(file, rows.lines[i]), "%s stands twice", calendar.text(time))
      elseif step and step < 0 then
        found:add(
          "fault",
          "order",
          place(file, rows.lines[i]),
          "%s stands behind %s",
          calendar.text(time),
          calendar.text(last * MINUTE_US)
        )
      elseif step and step * MINUTE_US > 8 * HOUR_US + 5 * MINUTE_US then
        found:add(
          "fault",
          "gap",
          place(file, rows.lines[i]),
          "%.0f hours after the funding before",
          step / 60
        )
      end
      if math.abs(rate) > RATE_E8 then
        found:add("note", "outlier", place(file, rows.lines[i]), "a rate of %.3f %%", rate / 1e6)
      end
      last = math.max(last or minute, minute)
    end
    C.rows_free(rows)
  end
end

local I, D, T, N = C.TABLE_INTEGER, C.TABLE_DECIMAL, C.TABLE_STAMP, C.TABLE_SKIP

---@param series SurveySeries
---@param found Findings
local function book_ticker(series, found)
  local id
  for _, file in ipairs(series.files) do
    each_block(file, { I, D, D, D, D, T, T }, found, function(b)
      for i = 0, tonumber(b.count) - 1 do
        local now = b.values[0][i]
        if id and now == id then
          found:add("fault", "double", place(file, b.lines[i]), "update %d stands twice", tonumber(now))
        elseif id and now < id then
          found:add(
            "fault",
            "order",
            place(file, b.lines[i]),
            "update %d stands behind %d",
            tonumber(now),
            tonumber(id)
          )
        end
        if b.values[1][i] >= b.values[3][i] then
          found:add("fault", "crossed", place(file, b.lines[i]), "the best bid is not below the best ask")
        end
        if not id or now > id then id = now end
      end
      faults(found, file, b.faults, b.fault_count)
    end)
  end
end

-- Rows of times: how they follow each other. In the archive itself rows of metrics stand in no order, and some twice.
local function timed(types, step_us)
  return function(series, found)
    for _, file in ipairs(series.files) do
      local seen, times, unsorted, doubled, last = {}, {}, 0, 0, nil
      each_block(file, types, found, function(b)
        for i = 0, tonumber(b.count) - 1 do
          local t = tonumber(b.values[0][i])
          if last and t < last then unsorted = unsorted + 1 end
          if step_us and seen[t] then doubled = doubled + 1 end
          if not seen[t] then times[#times + 1] = t end
          seen[t], last = true, t
        end
        faults(found, file, b.faults, b.fault_count)
      end)
      table.sort(times)
      if unsorted > 0 then
        found:add("note", "order", file.path, "%d rows stand behind later ones", unsorted)
      end
      if doubled > 0 then
        found:add("note", "double", file.path, "%d rows are of a time that stands there already", doubled)
      end
      for i = 2, step_us and #times or 0 do
        if times[i] - times[i - 1] > step_us * 1.5 then
          found:add(
            "note",
            "gap",
            file.path,
            "nothing from %s to %s",
            calendar.text(times[i - 1]),
            calendar.text(times[i])
          )
        end
      end
    end
  end
end

---@type table<string, fun(series: SurveySeries, found: Findings)>
M.by_kind = {
  fundingRate = funding,
  bookTicker = book_ticker,
  metrics = timed({ T, N }, 5 * MINUTE_US),
  bookDepth = timed { T, D, D, D },
}

return M
