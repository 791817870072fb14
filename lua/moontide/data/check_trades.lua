---Checks of trades, one by one as they stand in their files: order, ids, and whether the bars beside them are made of them.
local ffi = require "ffi"
local C = require "moontide.core"
local calendar = require "moontide.data.calendar"

local M = {}

local I, D, T, B = C.TABLE_INTEGER, C.TABLE_DECIMAL, C.TABLE_STAMP, C.TABLE_BOOLEAN
local forms = {
  aggTrades = {
    types = { I, D, D, I, I, T, B },
    id = 0,
    price = 1,
    quantity = 2,
    first = 3,
    last = 4,
    time = 5,
  },
  trades = { types = { I, D, D, D, T, B }, id = 0, price = 1, quantity = 2, time = 4 },
}
local SMALL = 0.02 -- of the volume: what the exchange's own liquidations trade is in no aggregate trade

---@class TradeCheck
---@field found Findings
---@field form table
---@field last { id: ffi.cdata*, last: ffi.cdata*, time: ffi.cdata* }?
---@field bars BarColumns?
---@field interval integer?

local function place(file, line) return ("%s: line %d"):format(file.path, line) end

-- ---- bars made of the trades ----------------------------------------------------------------------------------------

-- The bar that is being made; a bar is compared when trades stand before and behind it.
local function compare(self, made)
  local bars = self.bars
  local rows, count = bars.rows, bars.count
  while self.at < count and rows[self.at].open_us < made.open_us do
    local b = rows[self.at]
    if self.whole and b.open_us >= self.whole and b.volume_d > 0 then
      self.found:add(
        "fault",
        "trades",
        made.place,
        "no trade of the bar of %s, which has some",
        calendar.text(tonumber(b.open_us))
      )
    end
    self.at = self.at + 1
  end
  if self.at >= count or rows[self.at].open_us ~= made.open_us then return end
  local b = rows[self.at]
  self.at = self.at + 1
  self.compared = self.compared + 1
  local differ = {}
  for _, name in ipairs { "open", "high", "low", "close" } do
    if b[name] ~= made[name] then differ[#differ + 1] = name end
  end
  local off = b.volume_d > 0 and made.volume / 1e8 / b.volume_d - 1 or 0
  local when = calendar.text(tonumber(b.open_us))
  if #differ > 0 then
    self.found:add(
      "fault",
      "trades",
      made.place,
      "the bar of %s has another %s than its trades",
      when,
      table.concat(differ, ", ")
    )
  elseif math.abs(off) > 1e-6 then
    local level = off < 0 and -off <= SMALL and "note" or "fault"
    self.found:add(
      level,
      "trades",
      made.place,
      "the trades of the bar of %s are %+.3f %% of its volume",
      when,
      off * 100
    )
  end
end

local function into_bar(self, time, price, quantity, where)
  local open = C.interval_floor(self.interval, time)
  local made = self.made
  if not made or made.open_us ~= open then
    if made and open < made.open_us then return end
    if made and self.whole and made.open_us >= self.whole then compare(self, made) end
    -- The first bar may have begun before the first trade of the data.
    if not made then self.whole = self.starts == open and open or C.grid_next(self.interval, open) end
    made = { open_us = open, open = price, high = price, low = price, volume = 0, place = where() }
    self.made = made
  end
  made.high, made.low = price > made.high and price or made.high, price < made.low and price or made.low
  made.close, made.volume = price, made.volume + tonumber(quantity)
end

-- ---- rows -----------------------------------------------------------------------------------------------------------

local function check_ids(self, file, block, i)
  local form, v, last, found = self.form, block.values, self.last, self.found
  local id, time = v[form.id][i], v[form.time][i]
  if form.first and v[form.last][i] < v[form.first][i] then
    found:add("fault", "ids", place(file, block.lines[i]), "its last trade's id is below its first's")
  end
  if last then
    local step = tonumber(id - last.id)
    if step == 0 then
      found:add("fault", "double", place(file, block.lines[i]), "trade %d stands twice", tonumber(id))
    elseif step < 0 then
      found:add(
        "fault",
        "order",
        place(file, block.lines[i]),
        "trade %d stands behind %d",
        tonumber(id),
        tonumber(last.id)
      )
    elseif form.first and step > 1 then
      found:add(
        "fault",
        "ids",
        place(file, block.lines[i]),
        "%d trades are missing: %d follows %d",
        step - 1,
        tonumber(id),
        tonumber(last.id)
      )
    elseif form.first and v[form.first][i] ~= last.last + 1 then
      found:add(
        "fault",
        "ids",
        place(file, block.lines[i]),
        "it begins with trade %d where %d is due",
        tonumber(v[form.first][i]),
        tonumber(last.last + 1)
      )
    end
    if time < last.time and step > 0 then
      found:add(
        "fault",
        "order",
        place(file, block.lines[i]),
        "its time lies before that of the trade before it"
      )
    end
  end
  if not last or id > last.id then
    self.last = { id = id, last = form.first and v[form.last][i] or id, time = time }
  end
end

local function check_block(self, file, block)
  local form, v = self.form, block.values
  for i = 0, tonumber(block.count) - 1 do
    local before = self.last
    check_ids(self, file, block, i)
    if v[form.price][i] <= 0 or v[form.quantity][i] <= 0 then
      self.found:add("fault", "row", place(file, block.lines[i]), "price and quantity are above 0")
    elseif self.bars and before ~= self.last then
      into_bar(
        self,
        v[form.time][i],
        v[form.price][i],
        v[form.quantity][i],
        function() return place(file, block.lines[i]) end
      )
    end
  end
  for i = 0, tonumber(block.fault_count) - 1 do
    self.found:add("fault", "row", place(file, block.faults[i].line), ffi.string(block.faults[i].text))
  end
end

---Goes through all blocks of a file.
---@param file SurveyFile
---@param types integer[]
---@param found Findings
---@param each fun(block: ffi.cdata*)
function M.each_block(file, types, found, each)
  local out, message, block =
    ffi.new "struct table *[1]", ffi.new "struct errmsg", ffi.new "struct table_block"
  local status = C.table_open(file.path, ffi.new("uint8_t[?]", #types, types), #types, out, message)
  if status == 0 then
    repeat
      status = C.table_next(out[0], block, message)
      if status == 1 then each(block) end
    until status ~= 1
    C.table_close(out[0])
  end
  if status ~= 0 then
    found:add("fault", "file", file.path, (ffi.string(message.text):gsub("^.-: ", "", 1)))
  end
end

---@param series SurveySeries
---@param found Findings
---@param bars BarCheck? bars of the same symbol: the finest
---@return TradeCheck
function M.run(series, found, bars)
  local self = { found = found, form = forms[series.kind.name], at = 0, compared = 0 }
  if bars and bars.bars.count > 0 and bars.interval >= 0 then
    self.bars, self.interval = bars.bars, bars.interval
  end
  local period = calendar.period((series.files[1].name:gsub("%.gz$", "")))
  self.starts = period
  for _, file in ipairs(series.files) do
    M.each_block(file, self.form.types, found, function(block) check_block(self, file, block) end)
  end
  -- The last bar is whole when the data go on to its end, which only the file's name can tell.
  local _, ends = calendar.period((series.files[#series.files].name:gsub("%.gz$", "")))
  local made = self.made
  if
    made
    and self.whole
    and made.open_us >= self.whole
    and tonumber(C.grid_next(self.interval, made.open_us)) <= ends
  then
    compare(self, made)
  end
  return self
end

return M
