---Archives for specs: zips of rows as data.binance.vision has them, in a folder that spec/support/archive_server.lua serves.
local ffi = require "ffi"
local program = require "spec.support.program"
local run = require "spec.support.run"

ffi.cdef "unsigned long crc32(unsigned long, const char *, unsigned);"

local M = {}
local Archive = {}
Archive.__index = Archive

local DAY_MS = 86400000
M.HEADER =
  "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n"

local function le(value, bytes)
  local out = {}
  for i = 1, bytes do
    out[i] = string.char(value % 256)
    value = math.floor(value / 256)
  end
  return table.concat(out)
end

---A zip of one stored file.
---@param name string
---@param text string
---@return string
function M.zip(name, text)
  local crc = tonumber(ffi.C.crc32(0, text, #text))
  local facts = le(20, 2)
    .. le(0, 2)
    .. le(0, 2)
    .. le(0, 2)
    .. le(0x5421, 2)
    .. le(crc, 4)
    .. le(#text, 4)
    .. le(#text, 4)
    .. le(#name, 2)
  local here = "PK\3\4" .. facts .. le(0, 2) .. name .. text
  local central = "PK\1\2"
    .. le(20, 2)
    .. facts
    .. le(0, 2)
    .. le(0, 2)
    .. le(0, 2)
    .. le(0, 2)
    .. le(0, 4)
    .. le(0, 4)
    .. name
  return here
    .. central
    .. "PK\5\6"
    .. le(0, 4)
    .. le(1, 2)
    .. le(1, 2)
    .. le(#central, 4)
    .. le(#here, 4)
    .. le(0, 2)
end

---The row of a bar; its prices follow from its time alone, so that files agree wherever they overlap.
---@param ms number open time
---@param step number ms
---@param scale integer? 1000: stamps in microseconds
---@return string
function M.bar(ms, step, scale)
  local n = ms / 60000
  local open, close = 20000 + n % 977 / 10, 20000 + (n * 7) % 991 / 10
  local high, low = math.max(open, close) + 0.5, math.min(open, close) - 0.5
  scale = scale or 1
  local last = scale == 1 and ms + step - 1 or (ms + step) * 1000 - 1
  return ("%.0f,%.1f,%.1f,%.1f,%.1f,%d.125,%.0f,%d.5,%d,1.5,30000.25,0\n"):format(
    ms * scale,
    open,
    high,
    low,
    close,
    n % 50 + 1,
    last,
    (n % 50 + 1) * 20000,
    n % 90 + 1
  )
end

---@param from number ms
---@param to number ms
---@param step number ms
---@param o { header: boolean?, scale: integer?, skip: (fun(ms: number): boolean)?, doubled: boolean? }?
---@return string
function M.bars(from, to, step, o)
  o = o or {}
  local out = { o.header == false and "" or M.HEADER }
  for ms = from, to - step, step do
    if not (o.skip and o.skip(ms)) then
      out[#out + 1] = M.bar(ms, step, o.scale)
      if o.doubled then out[#out + 1] = out[#out] end
    end
  end
  return table.concat(out)
end

---@param text string "2023-02-01"
---@return number
function M.ms(text) return require("moontide.options.types").time(text) / 1000 end

local function month_end(name)
  local y, m = name:match "^(%d+)-(%d+)$"
  return M.ms(("%04d-%02d-01"):format(m == "12" and y + 1 or y, m % 12 + 1))
end

---Puts a file into the archive.
---@param path string below data/futures/um/
---@param bytes string
function Archive:put(path, bytes)
  local whole = self.folder .. "/data/futures/um/" .. path
  os.execute(("mkdir -p '%s'"):format(whole:match "^(.*)/"))
  run.write(whole, bytes)
end

function Archive:remove(path) os.remove(self.folder .. "/data/futures/um/" .. path) end

---Hourly bars (or of another step) of a month ("2023-02") or a day ("2023-02-03").
---@param symbol string
---@param when string
---@param o table? as M.bars; also kind, interval, step
function Archive:klines(symbol, when, o)
  o = o or {}
  local kind, interval, step = o.kind or "klines", o.interval or "1h", o.step or 3600000
  local every = #when == 7 and "monthly" or "daily"
  local from = M.ms(#when == 7 and when .. "-01" or when)
  local to = #when == 7 and month_end(when) or from + DAY_MS
  local stem = ("%s-%s-%s"):format(symbol, interval, when)
  local path = ("%s/%s/%s/%s/%s.zip"):format(every, kind, symbol, interval, stem)
  self:put(path, M.zip(stem .. ".csv", o.text or M.bars(from, to, step, o)))
  return path
end

---How it behaves from now on (see archive_server.lua); nil: well.
function Archive:faults(text) run.write(self.folder .. "/faults", text or "") end

---The requests whose path holds this text, since the server began or `forget`.
function Archive:asked(text)
  local count = 0
  for line in self.server:log():sub((self.read or 0) + 1):gmatch "[^\n]+" do
    if line:find(text, 1, true) then count = count + 1 end
  end
  return count
end

function Archive:forget() self.read = #self.server:log() end

function Archive:stop()
  self.server:stop()
  run.remove(self.folder)
end

function M.start()
  local folder = run.folder()
  os.execute(("mkdir -p '%s/data'"):format(folder))
  local self = setmetatable({ folder = folder, server = program.start("archive_server", folder) }, Archive)
  self.url = ("http://127.0.0.1:%d"):format(self.server.ports[1])
  return self
end

return M
