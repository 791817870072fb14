---The files of one series in the folder of data: what each covers, as an index beside them remembers it (.moontide-index). The index is
---a cache: it is made anew of the files wherever it is missing or does not fit them.
---
---    name, stamp, ETag, digest, rows, bytes, spans          one line a file, between tabs
---    (absent), spans                                         times for which the exchange itself had nothing
local ffi = require "ffi"
local C = require "moontide.core"
local archive = require "moontide.data.archive"
local calendar = require "moontide.data.calendar"
local host = require "moontide.lua_host"
local kinds = require "moontide.data.kinds"
local spans_of = require "moontide.data.spans"

local M = {}

local INDEX, ABSENT = ".moontide-index", "(absent)"
local HOUR_US = 3600e6
-- Of the weakest: what stands in a stronger file too may go.
local STRENGTH = { rest = 1, day = 2, month = 3 }

---@class FolderFile
---@field name string
---@field stamp string as host.file_stamp has it
---@field etag string "" when it is not known
---@field digest string? of the CHECKSUM that it was checked against
---@field rows number? of bars and funding rates
---@field bytes number
---@field spans Spans
---@field first_us number? of the first row
---@field last_us number? of the last
---@field strength integer

---@class SeriesFolder
---@field path string
---@field key SeriesKey
---@field files table<string, FolderFile> by name
---@field absent Spans
---@field damaged { name: string, problem: string }[] files that cannot be used
local Folder = {}
Folder.__index = Folder

local function span_text(spans)
  local out = {}
  for i, s in ipairs(spans) do
    out[i] = ("%.0f-%.0f"):format(s[1], s[2])
  end
  return table.concat(out, ",")
end

local function span_list(text)
  local out = {}
  for from, to in text:gmatch "(%-?%d+)%-(%d+)" do
    out[#out + 1] = { tonumber(from), tonumber(to) }
  end
  return out
end

local function read_index(path)
  local known, absent = {}, {}
  local file = io.open(path .. "/" .. INDEX, "rb")
  if not file then return known, absent end
  for line in file:lines() do
    local f = {}
    for part in (line .. "\t"):gmatch "([^\t]*)\t" do
      f[#f + 1] = part
    end
    if f[1] == ABSENT then
      absent = span_list(f[2] or "")
    elseif #f == 9 then
      known[f[1]] = {
        name = f[1],
        stamp = f[2],
        etag = f[3],
        digest = f[4] ~= "" and f[4] or nil,
        rows = tonumber(f[5]),
        bytes = tonumber(f[6]) or 0,
        spans = span_list(f[7]),
        first_us = tonumber(f[8]),
        last_us = tonumber(f[9]),
      }
    end
  end
  file:close()
  return known, absent
end

local function strength(name)
  if not name:find "%.zip$" then return STRENGTH.rest end
  local _, _, unit = calendar.period(name)
  return STRENGTH[unit]
end

-- The digest in the CHECKSUM beside a file.
local function kept_digest(path)
  local file = io.open(path .. ".CHECKSUM", "rb")
  if not file then return nil end
  local digest = file:read("*a"):match "^(%x+)"
  file:close()
  return digest and #digest == 64 and digest:lower() or nil
end

-- Bars: the times of its rows. Else the time that its name tells; of what comes by REST, as far as it goes.
local function cover(entry, path, key)
  local from, to = calendar.period(entry.name)
  if not (key.kind.bars or key.kind.rest == "funding") then
    entry.spans = from and { { from, to } } or {}
    return nil
  end
  local c, message = ffi.new "struct coverage", ffi.new "struct errmsg"
  if C.coverage_read(path, key.kind.signed or false, c, message) ~= 0 then
    C.coverage_free(c)
    return ffi.string(message.text)
  end
  entry.rows = tonumber(c.rows)
  entry.first_us, entry.last_us = tonumber(c.times_us[0]), tonumber(c.times_us[c.count - 1])
  if key.kind.bars then
    local interval = C.interval_find(key.interval)
    local count = C.coverage_spans(c, interval, nil, 0)
    local list = ffi.new("struct coverage_span[?]", count)
    C.coverage_spans(c, interval, list, count)
    entry.spans = {}
    for i = 0, count - 1 do
      entry.spans[i + 1] = { tonumber(list[i].from_us), tonumber(list[i].to_us) }
    end
  elseif strength(entry.name) > STRENGTH.rest then
    entry.spans = { { from, to } }
  else
    entry.spans = { { from, entry.last_us + HOUR_US } }
  end
  C.coverage_free(c)
  return nil
end

---Looks at a file that has come, or that the index does not know.
---@param name string
---@param etag string?
---@param digest string? nil: that of the CHECKSUM beside it, which its bytes are then checked against
---@return string? problem it is not to be used
function Folder:add(name, etag, digest)
  local path = self.path .. "/" .. name
  local entry = {
    name = name,
    stamp = host.file_stamp(path),
    etag = etag or "",
    digest = digest,
    bytes = tonumber(C.disk_size(path)),
    spans = {},
    strength = strength(name),
  }
  if not digest then
    entry.digest = kept_digest(path)
    if entry.digest and archive.digest_of(path) ~= entry.digest then
      return path .. ": its bytes are no longer those that were checked (" .. name .. ".CHECKSUM)"
    end
  end
  local problem = cover(entry, path, self.key)
  if problem then return problem end
  self.files[name] = entry
  self.changed = true
  return nil
end

---Takes a file away, with its CHECKSUM.
---@param name string
function Folder:remove(name)
  os.remove(self.path .. "/" .. name)
  os.remove(self.path .. "/" .. name .. ".CHECKSUM")
  self.files[name] = nil
  self.changed = true
end

---What its files hold together.
---@return Spans
function Folder:spans()
  local all = {}
  for _, entry in pairs(self.files) do
    for _, span in ipairs(entry.spans) do
      all[#all + 1] = span
    end
  end
  return spans_of.union(all)
end

---The files in the order of their names.
---@return FolderFile[]
function Folder:list()
  local list = {}
  for _, entry in pairs(self.files) do
    list[#list + 1] = entry
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

---Takes away the files whose every row stands in a stronger one: the days of a month that has come, what REST told of a day that the
---archive now has.
---@return string[] names
function Folder:tidy()
  local gone = {}
  for _, entry in ipairs(self:list()) do
    local stronger = {}
    for _, other in pairs(self.files) do
      if other.strength > entry.strength then
        for _, span in ipairs(other.spans) do
          stronger[#stronger + 1] = span
        end
      end
    end
    if #stronger > 0 and #spans_of.minus(entry.spans, spans_of.union(stronger)) == 0 then
      gone[#gone + 1] = entry.name
      self:remove(entry.name)
    end
  end
  return gone
end

---Takes away what a process that was killed has left: temporary files, and parts of files that are there. Only for who holds the
---folder of data.
function Folder:sweep()
  for _, name in ipairs(host.list_folder(self.path) or {}) do
    local stem = kinds.stem(self.key)
    local ours = name:sub(1, #stem) == stem or name:sub(1, #INDEX) == INDEX
    local of = name:match "^%.(.+%.zip)%.%w*%.part$"
    if ours and name:find "%.tmp%-%d+$" or of and self.files[of] then os.remove(self.path .. "/" .. name) end
  end
end

---Remembers that the exchange itself has nothing there.
---@param from number
---@param to number
function Folder:add_absent(from, to)
  self.absent[#self.absent + 1] = { from, to }
  self.absent = spans_of.union(self.absent)
  self.changed = true
end

---Writes the index, when something has changed.
function Folder:save()
  if not self.changed then return end
  local lines = { ABSENT .. "\t" .. span_text(self.absent) }
  for _, e in ipairs(self:list()) do
    lines[#lines + 1] = table.concat({
      e.name,
      e.stamp,
      e.etag,
      e.digest or "",
      e.rows and ("%.0f"):format(e.rows) or "",
      ("%.0f"):format(e.bytes),
      span_text(e.spans),
      e.first_us and ("%.0f"):format(e.first_us) or "",
      e.last_us and ("%.0f"):format(e.last_us) or "",
    }, "\t")
  end
  if host.replace_file(self.path .. "/" .. INDEX, table.concat(lines, "\n") .. "\n") then
    self.changed = false
  end
end

---@param base string the folder of data
---@param key SeriesKey
---@return SeriesFolder
function M.open(base, key)
  local self = setmetatable({
    path = base .. "/" .. kinds.folder(key),
    key = key,
    files = {},
    damaged = {},
    changed = false,
  }, Folder)
  local known
  known, self.absent = read_index(self.path)
  local names = host.list_folder(self.path) or {}
  table.sort(names)
  local stem = kinds.stem(key)
  for _, name in ipairs(names) do
    if name:sub(1, #stem) == stem and (name:find "%.zip$" or name:find "%.csv$") then
      local entry = known[name]
      if entry and entry.stamp == host.file_stamp(self.path .. "/" .. name) then
        entry.strength = strength(name)
        self.files[name] = entry
      else
        local problem = self:add(name)
        if problem then self.damaged[#self.damaged + 1] = { name = name, problem = problem } end
      end
    end
  end
  return self
end

---The series that a folder of data holds.
---@param base string
---@return SeriesKey[] in the order of their names
function M.series(base)
  local list = {}
  local function sorted(path)
    local names = host.list_folder(path) or {}
    table.sort(names)
    return names
  end
  for _, symbol in ipairs(sorted(base)) do
    for _, kind in ipairs(symbol:sub(1, 1) ~= "." and kinds.list or {}) do
      local path = ("%s/%s/%s"):format(base, symbol, kind.name)
      if kind.bars then
        local intervals = sorted(path)
        table.sort(intervals, function(a, b) return C.interval_find(a) < C.interval_find(b) end)
        for _, name in ipairs(intervals) do
          if C.interval_find(name) >= 0 then
            list[#list + 1] = { symbol = symbol, kind = kind, interval = name == "1mo" and "1M" or name }
          end
        end
      elseif host.file_mode(path) then
        list[#list + 1] = { symbol = symbol, kind = kind }
      end
    end
  end
  return list
end

return M
