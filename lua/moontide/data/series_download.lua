---Brings one series up to date from the archive: which files of it are needed, and fetching them. The newest months and what a month
---lacks come as days; what is there already, and is still what the archive has, is not fetched again.
local C = require "moontide.core"
local calendar = require "moontide.data.calendar"
local kinds = require "moontide.data.kinds"
local series_folder = require "moontide.data.series_folder"
local spans_of = require "moontide.data.spans"

local M = {}

local MONTH_FROM_DAYS = 10 -- fewer days than that are fetched one by one
local DAY_US = calendar.DAY_US

---@class SeriesDownload
---@field key SeriesKey
---@field folder SeriesFolder
---@field from number
---@field to number
---@field fetched integer files
---@field bytes number of them
---@field problems string[]
---@field notes string[]
---@field first_us number? where the archive's files begin, as far as its listing tells
---@field last_us number? and end
local Series = {}
Series.__index = Series

---@param base string the folder of data
---@param key SeriesKey
---@param from number
---@param to number
---@return SeriesDownload
function M.new(base, key, from, to)
  local folder = base .. "/" .. kinds.folder(key)
  if key.kind.bars then -- the first bar that begins there
    local interval = C.interval_find(key.interval)
    local open = C.interval_floor(interval, from)
    if open < from then open = C.grid_next(interval, open) end
    from = tonumber(open)
  end
  local made = C.store_folder(folder) == 0
  local self = setmetatable({
    key = key,
    from = from,
    to = to,
    fetched = 0,
    bytes = 0,
    problems = {},
    notes = {},
    tried = {},
    damaged = {},
  }, Series)
  if not made then
    self.problems[1] = folder .. ": cannot be made"
    return self
  end
  self.folder = series_folder.open(base, key)
  -- What no longer is what it was is fetched again, where the archive has it.
  for _, bad in ipairs(self.folder.damaged) do
    self.notes[#self.notes + 1] = bad.problem
    self.damaged[bad.name] = true
  end
  return self
end

---What is still missing of the time that is wanted.
---@return Spans
function Series:missing() return spans_of.holes(self.folder:spans(), self.from, self.to) end

local function sum(spans)
  local total = 0
  for _, s in ipairs(spans) do
    total = total + s[2] - s[1]
  end
  return total
end

-- ---- what the archive has -------------------------------------------------------------------------------------------

local function by_period(files, from, to)
  local list = {}
  for _, file in ipairs(files) do
    local begins, ends = calendar.period(file.name)
    if begins and ends > from and begins < to then
      file.from, file.to = begins, ends
      list[#list + 1] = file
    end
  end
  return list
end

local function note_ends(self, files)
  for _, file in ipairs(files) do
    local begins, ends = calendar.period(file.name)
    if begins then
      self.first_us = math.min(self.first_us or begins, begins)
      self.last_us = math.max(self.last_us or ends, ends)
    end
  end
end

local function list(self, archive, every, from)
  local name = from and kinds.stem(self.key) .. calendar.day_name(calendar.day_of(from)) or nil
  local files, problem = archive:list(kinds.prefix(self.key, every), name)
  if not files then
    self.problems[#self.problems + 1] = problem
    return {}
  end
  note_ends(self, files)
  return by_period(files, self.from, self.to)
end

-- ---- fetching -------------------------------------------------------------------------------------------------------

-- One file, unless it is there and still the archive's.
local function bring(self, archive, file)
  local folder, digest = self.folder, nil
  local entry = folder.files[file.name]
  self.tried[file.name] = true
  if entry and entry.etag == file.etag and file.etag ~= "" then return end
  if entry then
    local problem
    digest, problem = archive:checksum(file)
    if problem then
      self.problems[#self.problems + 1] = problem
      return
    end
    if digest and digest == entry.digest then
      entry.etag, folder.changed = file.etag, true
      return
    end
  end
  local got, problem, unsummed = archive:fetch(file, folder.path, digest)
  if not got then
    self.problems[#self.problems + 1] = problem
    return
  end
  if unsummed then
    self.notes[#self.notes + 1] = file.key .. ": the archive has no CHECKSUM of it; kept unchecked"
  end
  if entry and entry.digest and entry.digest ~= got then
    self.notes[#self.notes + 1] = ("%s: replaced in the archive since it was fetched (SHA-256 %s, was %s)"):format(
      file.name,
      got:sub(1, 16),
      entry.digest:sub(1, 16)
    )
  end
  problem = folder:add(file.name, file.etag, got)
  if problem then -- as the archive has it, and useless
    folder:remove(file.name)
    self.problems[#self.problems + 1] = problem .. " (as the archive has it; not used)"
    return
  end
  self.fetched, self.bytes = self.fetched + 1, self.bytes + file.size
end

-- All of them at once; the pool bounds how many are under way.
local function bring_all(self, archive, files)
  local pool, left, me = archive.pool, #files, coroutine.running()
  if left == 0 then return end
  for _, file in ipairs(files) do
    pool:spawn(function()
      bring(self, archive, file)
      left = left - 1
      if left == 0 then table.insert(pool.ready, me) end
    end)
  end
  coroutine.yield()
  self.folder:save()
end

-- The files of which some of what is missing is to be had, and those that are there and may have been replaced.
local function wanted(self, files, least_us)
  local out, missing = {}, self:missing()
  for _, file in ipairs(files) do
    local there = self.folder.files[file.name]
    local lacks = sum(spans_of.within(missing, file.from, file.to))
    if not self.tried[file.name] and (there or lacks > least_us or self.damaged[file.name]) then
      out[#out + 1] = file
    end
  end
  return out
end

---Fetches what the archive has of it; within a task of the pool.
---@param archive Archive
function Series:run(archive)
  if not self.folder then return end
  local months = self.key.kind.monthly and list(self, archive, "monthly") or {}
  local daily = self.key.kind.daily
  bring_all(self, archive, wanted(self, months, daily and MONTH_FROM_DAYS * DAY_US or 0))
  local missing = self:missing()
  local from = missing[1] and missing[1][1]
  for _, entry in pairs(self.folder.files) do -- days that may have been replaced
    local begins, ends, unit = calendar.period(entry.name)
    if begins and unit == "day" and entry.name:find "%.zip$" and ends > self.from and begins < self.to then
      from = math.min(from or begins, begins)
    end
  end
  if daily and from then
    bring_all(self, archive, wanted(self, list(self, archive, "daily", from), 0))
    bring_all(self, archive, wanted(self, months, 0)) -- of days that the archive has only within their month
  end
  self.folder:tidy()
  self.folder:sweep()
  self.folder:save()
end

-- ---- what remains ---------------------------------------------------------------------------------------------------

---From when on it is to be asked for by REST; nil: nothing is missing.
---@param listed boolean whether the exchange trades it
---@return Spans
function Series:for_rest(listed)
  if not self.folder or not self.key.kind.rest or not listed then return {} end
  local begins = self.from
  local first = self.folder:spans()[1]
  -- Before the archive's first file there is nothing, and after it what the files have is checked.
  if self.first_us and first and self.first_us >= self.from then begins = math.max(begins, first[1]) end
  return spans_of.minus(spans_of.holes(self.folder:spans(), begins, self.to), self.folder.absent)
end

---What a user is to know of it.
---@param now_us number
---@return { from: number?, to: number?, rows: number?, bytes: number, missing: Spans, begins: boolean, ends: boolean }
function Series:result(now_us)
  local spans = self.folder and self.folder:spans() or {}
  local inside = spans_of.within(spans, self.from, self.to)
  local out = { bytes = 0, missing = {}, begins = false, ends = false }
  for _, entry in pairs(self.folder and self.folder.files or {}) do
    out.bytes = out.bytes + entry.bytes
  end
  if #inside == 0 then return out end
  out.from, out.to = inside[1][1], inside[#inside][2]
  local last = math.min(self.to, now_us)
  if self.key.kind.bars then
    last = math.min(last, tonumber(C.interval_floor(C.interval_find(self.key.interval), last)))
  else
    last = math.min(last, calendar.day_of(now_us) * DAY_US)
  end
  -- Nothing before the first row is missing where the archive itself begins there.
  local known_first = self.first_us and self.first_us >= calendar.month_start(calendar.month_of(self.from))
  out.begins = out.from > self.from and (known_first or not self.first_us)
  out.ends = out.to < last
  out.missing = spans_of.holes(inside, out.begins and out.from or self.from, out.to)
  if self.key.kind.rest == "funding" then out.missing = {} end
  return out
end

---How many bars a hole is of; nil for what is no bars.
---@param hole number[]
---@return integer?
function Series:bars_in(hole)
  if not self.key.kind.bars then return nil end
  return math.max(
    1,
    math.floor((hole[2] - hole[1]) / tonumber(C.interval_us(C.interval_find(self.key.interval))) + 0.5)
  )
end

return M
