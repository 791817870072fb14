---Checks of a series against others: bars of a longer interval are made of those of a shorter one; symbols that ended before the rest.
local ffi = require "ffi"
local C = require "moontide.core"
local calendar = require "moontide.data.calendar"

local M = {}

local VOLUME = 1e-6 -- relative: sums of what other programs rounded

local function fits(finer, coarser)
  return finer.interval < coarser.interval
    and finer.bars.count > 0
    and (coarser.interval == C.INTERVAL_1MO or tonumber(
      C.interval_us(coarser.interval) % C.interval_us(finer.interval)
    ) == 0)
    and finer.bars.rows[0].open_us < coarser.bars.rows[coarser.bars.count - 1].open_us
    and finer.bars.rows[finer.bars.count - 1].open_us >= coarser.bars.rows[0].open_us
end

-- The parts of one bar: what they come to, or nil where some are missing.
local function sum_of(finer, at, from, to)
  local rows, count = finer.bars.rows, finer.bars.count
  local made, i, due = nil, at, from
  while i < count and rows[i].open_us < to do
    local b = rows[i]
    if b.open_us ~= due then return nil, i end
    if not made then made = { open = b.open, high = b.high, low = b.low, volume = 0, trades = 0 } end
    made.high, made.low = b.high > made.high and b.high or made.high, b.low < made.low and b.low or made.low
    made.close, made.volume, made.trades = b.close, made.volume + b.volume_d, made.trades + tonumber(b.trades)
    due = C.grid_next(finer.interval, due)
    i = i + 1
  end
  return made and due >= to and made or nil, i
end

local function compare(finer, coarser)
  local rows, at = coarser.bars.rows, 0
  local name = ffi.string(C.interval_names[finer.interval])
  local found, files = coarser.found, coarser.series.files
  for i = 0, coarser.bars.count - 1 do
    local b = rows[i]
    local to = C.grid_next(coarser.interval, b.open_us)
    while at < finer.bars.count and finer.bars.rows[at].open_us < b.open_us do
      at = at + 1
    end
    local made
    made, at = sum_of(finer, at, b.open_us, to)
    if made then
      local differ = {}
      for _, part in ipairs { "open", "high", "low", "close" } do
        if made[part] ~= b[part] then differ[#differ + 1] = part end
      end
      local volume = math.abs(made.volume - b.volume_d) > VOLUME * math.max(made.volume, b.volume_d)
      local where = ("%s: line %d"):format(files[b.file].path, b.line)
      local when = calendar.text(tonumber(b.open_us))
      if #differ > 0 then
        found:add(
          "fault",
          "interval",
          where,
          "the bar of %s has another %s than its bars of %s",
          when,
          table.concat(differ, ", "),
          name
        )
      elseif volume and made.volume > 0 and b.volume_d > 0 then
        found:add(
          "note",
          "interval",
          where,
          "the bar of %s has %.3f %% more volume than its bars of %s",
          when,
          (b.volume_d / made.volume - 1) * 100,
          name
        )
      end
    end
  end
end

---Each series against the next finer one of the same symbol and kind that overlaps it.
---@param checks BarCheck[]
function M.intervals(checks)
  for _, coarser in ipairs(checks) do
    local best
    for _, finer in ipairs(checks) do
      local related = finer.series.root == coarser.series.root
        and finer.series.symbol == coarser.series.symbol
        and finer.series.kind == coarser.series.kind
      if
        related
        and coarser.bars.count > 0
        and fits(finer, coarser)
        and (not best or finer.interval > best.interval)
      then
        best = finer
      end
    end
    if best then compare(best, coarser) end
  end
end

---Symbols whose data end while those of others go on: told for what was downloaded together.
---@param checks BarCheck[]
function M.survivors(checks)
  local latest = {}
  local function group(c)
    return table.concat({ c.series.root:match "^(.*)/" or "", c.series.kind.name, c.interval }, "\n")
  end
  local function last(c) return tonumber(C.grid_next(c.interval, c.bars.rows[c.bars.count - 1].open_us)) end
  for _, c in ipairs(checks) do
    if c.bars.count > 0 then latest[group(c)] = math.max(latest[group(c)] or 0, last(c)) end
  end
  for _, c in ipairs(checks) do
    local ends = c.bars.count > 0 and c.series.downloaded and last(c)
    if ends and latest[group(c)] - ends > 2 * calendar.DAY_US then
      local b = c.bars.rows[c.bars.count - 1]
      c.found:add(
        "note",
        "ended",
        ("%s: line %d"):format(c.series.files[b.file].path, b.line),
        "%s ends %s, others go on to %s: it trades no more, or was not fetched to the end",
        c.series.symbol,
        calendar.text(ends),
        calendar.text(latest[group(c)])
      )
    end
  end
end

return M
