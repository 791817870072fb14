---Rows that the exchange tells by REST, as files of the archive's form beside those of the archive: of a day each, of a month where rows
---are few. They stand until the archive has a file of that time.
local ffi = require "ffi"
local C = require "moontide.core"
local calendar = require "moontide.data.calendar"
local host = require "moontide.lua_host"
local kinds = require "moontide.data.kinds"
local spans_of = require "moontide.data.spans"

local M = {}

local BARS = 499 -- the most for two of weight
local FUNDINGS, TRADES = 1000, 1000
local HOUR_US = 3600e6

---@class Newer
---@field folder SeriesFolder
---@field key SeriesKey
---@field rows integer that have come
---@field problem string?

local buffer = ffi.new("char[?]", C.ARCHIVE_ROW_MAX)
local function row_text(print, record, ...) return ffi.string(buffer, print(buffer, record, ...)) end

-- Rows gathered by the file they belong to.
local function gather(key, monthly)
  local files, stem = {}, kinds.stem(key)
  return files,
    function(us, text)
      local name = monthly and calendar.month_name(calendar.month_of(us))
        or calendar.day_name(calendar.day_of(us))
      name = stem .. name .. ".csv"
      local file = files[name]
      if not file then
        file = {}
        files[name] = file
      end
      file[#file + 1] = { us = us, text = text }
    end
end

-- The rows of a file that is there already, without its header.
local function old_rows(path, add)
  local file = io.open(path, "rb")
  if not file then return end
  for line in file:lines() do
    local ms = tonumber(line:match "^(%d+),")
    if ms then add(ms * 1000, line .. "\n") end
  end
  file:close()
end

-- Writes the files that rows have come for, those that stood there before included.
local function write(newer, files, header)
  local folder, message = newer.folder, ffi.new "struct errmsg"
  local names = {}
  for name in pairs(files) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local rows, seen, out = files[name], {}, { ffi.string(header) }
    old_rows(
      folder.path .. "/" .. name,
      function(us, text) rows[#rows + 1] = { us = us, text = text, old = true } end
    )
    table.sort(rows, function(a, b) return a.us < b.us or a.us == b.us and (a.old and not b.old or false) end)
    for _, row in ipairs(rows) do
      if not seen[row.us] then out[#out + 1] = row.text end
      seen[row.us] = true
    end
    local text = table.concat(out)
    if C.disk_write(folder.path .. "/" .. name, text, #text, message) ~= 0 then
      return ffi.string(message.text)
    end
    local problem = folder:add(name)
    if problem then return problem end
  end
  folder:save()
end

-- ---- bars -----------------------------------------------------------------------------------------------------------

local function bars(newer, asker, from, to)
  local key, problem = newer.key, nil
  local interval = C.interval_find(key.interval)
  local files, put = gather(key, interval >= C.INTERVAL_1D)
  local closed = tonumber(C.interval_floor(interval, asker:now()))
  local last = math.min(to, closed)
  local at = from
  while at < last do
    local seen
    local count, err = asker:ask(key.kind.path, {
      symbol = key.symbol,
      interval = key.interval,
      startTime = at / 1000,
      endTime = math.ceil(last / 1000) - 1,
      limit = BARS,
    }, function(rows, count)
      rows = ffi.cast("const struct kline_record *", rows)
      for i = 0, count - 1 do
        local open = tonumber(rows[i].open_us)
        if open >= at and open < last then
          put(open, row_text(C.archive_kline_row, rows[i]))
          seen, newer.rows = open, newer.rows + 1
        end
      end
    end)
    if not count then
      problem = tostring(err)
      break
    end
    if not seen then break end
    at = seen + 1000
    if count < BARS then break end
  end
  problem = write(newer, files, C.archive_kline_header) or problem
  -- What it did not give of a time that is past will not come.
  if not problem then
    for _, hole in ipairs(spans_of.holes(newer.folder:spans(), from, last)) do
      newer.folder:add_absent(hole[1], hole[2])
    end
  end
  return problem
end

-- ---- funding rates --------------------------------------------------------------------------------------------------

local function funding(newer, asker, from, to)
  local key, found, at, problem = newer.key, {}, from, nil
  while at < to do
    local last
    local count, err = asker:ask(key.kind.path, {
      symbol = key.symbol,
      startTime = at / 1000,
      endTime = math.ceil(to / 1000) - 1,
      limit = FUNDINGS,
    }, function(rows, count)
      rows = ffi.cast("const struct funding_record *", rows)
      for i = 0, count - 1 do
        last = tonumber(rows[i].time_us)
        if last >= at and last < to then found[#found + 1] = ffi.new("struct funding_record", rows[i]) end
      end
    end)
    if not count then
      problem = tostring(err)
      break
    end
    if count < FUNDINGS or not last then break end
    at = last + 1000
  end
  -- REST does not say the hours between two; the distance to the one before does.
  local files, put = gather(key, true)
  for i, f in ipairs(found) do
    local before, after = found[i - 1], found[i + 1]
    local step = before and f.time_us - before.time_us or after and after.time_us - f.time_us or 8 * HOUR_US
    local hours = math.max(1, math.min(24, math.floor(tonumber(step) / HOUR_US + 0.5)))
    put(tonumber(f.time_us), row_text(C.archive_funding_row, f, hours))
    newer.rows = newer.rows + 1
  end
  return write(newer, files, C.archive_funding_header) or problem
end

-- ---- trades ---------------------------------------------------------------------------------------------------------

-- The last id of a file of aggTrades; nil when it holds none.
local function last_id(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local size = file:seek "end"
  file:seek("set", math.max(0, size - 1000))
  local id
  for line in file:lines() do
    id = tonumber(line:match "^(%d+),") or id
  end
  file:close()
  return id
end

-- The id of the first trade at or after a time.
local function first_id(newer, asker, from, to)
  while from < to do
    local id
    local count, err = asker:ask(newer.key.kind.path, {
      symbol = newer.key.symbol,
      startTime = from / 1000,
      endTime = math.min(from + HOUR_US, to) / 1000 - 1,
      limit = 1,
    }, function(rows) id = tonumber(ffi.cast("const struct agg_trade_record *", rows)[0].id) end)
    if not count then return nil, tostring(err) end
    if id then return id end
    from = from + HOUR_US
  end
end

-- What stands of a day: what was broken off, or the file itself, which grows while the day lasts.
local function begin_part(path, part)
  if not host.file_mode(part) then
    local file = io.open(path, "rb")
    local out = assert(io.open(part, "wb"))
    out:write(file and file:read "*a" or ffi.string(C.archive_trade_header))
    out:close()
    if file then file:close() end
  elseif C.disk_cut_to_line(part) == 0 then
    os.remove(part)
    return begin_part(path, part)
  end
  return last_id(part)
end

-- One day of trades; true when all of it that is past has come.
local function trades_of_day(newer, asker, day)
  local key, folder, message = newer.key, newer.folder, ffi.new "struct errmsg"
  local name = kinds.stem(key) .. calendar.day_name(day) .. ".csv"
  local path, part = folder.path .. "/" .. name, ("%s/.%s.part"):format(folder.path, name)
  local from, to, problem = day * calendar.DAY_US, (day + 1) * calendar.DAY_US, nil
  local before = begin_part(path, part)
  local id = before and before + 1
  if not id then
    id, problem = first_id(newer, asker, from, math.min(to, asker:now()))
  end
  local out = assert(io.open(part, "ab"))
  local over = not id
  while not over do
    local lines = {}
    local count, err = asker:ask(
      key.kind.path,
      { symbol = key.symbol, fromId = id, limit = TRADES },
      function(rows, n)
        rows = ffi.cast("const struct agg_trade_record *", rows)
        for i = 0, n - 1 do
          if tonumber(rows[i].time_us) >= to then
            over = true
            break
          end
          lines[#lines + 1], id = row_text(C.archive_trade_row, rows[i]), tonumber(rows[i].id) + 1
        end
      end
    )
    if not count then
      problem = tostring(err)
      break
    end
    newer.rows = newer.rows + #lines
    out:write(table.concat(lines))
    out:flush()
    over = over or count < TRADES
  end
  out:close()
  if last_id(part) and not problem then
    if C.disk_keep(part, path, message) ~= 0 then return ffi.string(message.text) end
    folder:add(name)
    folder:save()
  elseif not last_id(part) then
    os.remove(part)
  end
  return problem
end

local function trades(newer, asker, from, to)
  for day = calendar.day_of(from), calendar.day_of(math.min(to, asker:now()) - 1) do
    local problem = trades_of_day(newer, asker, day)
    if problem then return problem end
  end
end

local by_kind = { klines = bars, funding = funding, trades = trades }

---A job for Rest:run: asks for what is missing of a series.
---@param newer Newer
---@param holes Spans
---@return fun(asker: Asker)
function M.job(newer, holes)
  return function(asker)
    for _, hole in ipairs(holes) do
      newer.problem = by_kind[newer.key.kind.rest](newer, asker, hole[1], hole[2])
      if newer.problem then return end
    end
  end
end

return M
