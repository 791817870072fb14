---`moontide record`: a market's streams written as they come into segments, with what did not come told between them.
local ffi = require "ffi"
local C = require "moontide.core"
local cjson = require "cjson"
local failures = require "moontide.failure"
local host = require "moontide.lua_host"
local sequences = require "moontide.data.sequences"

local M = {}

local WAKE_US = 200000
local PAUSE_S, PAUSE_MAX_S = 0.5, 30
local SNAPSHOT_PAUSE_S = 1 -- between two questions for one book
local SNAPSHOT_LEVELS = 1000
local NO_ROWS = ffi.new "struct record_file_rows"

---The streams that can be recorded: the end of a stream's name, and the connection that brings it.
M.streams = {
  bookTicker = { suffix = "@bookTicker", path = "public" },
  depth = { suffix = "@depth@100ms", path = "public" },
  aggTrades = { suffix = "@aggTrade", path = "market" },
  trades = { suffix = "@trade", path = "public" },
  markPrice = { suffix = "@markPrice@1s", path = "market" },
  liquidations = { suffix = "@forceOrder", path = "market" },
}

---@class MarketRecorder
local Recorder = {}
Recorder.__index = Recorder

-- ---- segments -----------------------------------------------------------------------------------------------------

local function put(self, kind, time_us, text)
  local item = ffi.string(ffi.new("int64_t[1]", time_us), 8) .. text
  C.record_file_put(self.writer, kind, item, #item, NO_ROWS)
end

local function put_table(self, kind, time_us, fields) put(self, kind, time_us, cjson.encode(fields)) end

local function finish(self)
  if not self.writer then return end
  local figures = ffi.new "struct record_file_figures"
  local writer = self.writer
  self.writer = nil
  local status = C.record_file_writer_close(writer, figures, self.message)
  if status ~= 0 then
    failures.raise(1, "%s does not hold everything: %s", self.path, ffi.string(self.message.text))
  end
  self.bytes = self.bytes + tonumber(figures.file_bytes)
end

-- A segment begins: the name is its first moment, and a number where one is there of that second.
local function begin(self, time_us)
  finish(self)
  local out, stem = ffi.new "struct record_file_writer *[1]", os.date("!%Y-%m-%dT%H-%M-%SZ", time_us / 1e6)
  for number = 1, 1000 do
    self.path = ("%s/%s%s.market"):format(self.folder, stem, number == 1 and "" or "-" .. number)
    local status = C.record_file_writer_open(self.path, C.RECORD_FILE_OF_MARKET, out, self.message)
    if status == 0 then break end
    if status ~= C.ERR_FULL or number == 1000 then failures.raise(1, "%s", ffi.string(self.message.text)) end
  end
  self.writer = out[0]
  self.segments, self.begun_us = self.segments + 1, time_us
  put_table(self, C.MARKET_ABOUT, time_us, {
    symbols = self.symbols,
    streams = self.names,
    rest = self.rest,
    source = self.stream_url,
    continues = self.segments > 1,
  })
  self.sequences:renew()
end

local function size_of(path)
  local file = io.open(path, "rb")
  if not file then return 0 end
  local size = file:seek "end"
  file:close()
  return size
end

local function rotate(self, time_us)
  local span = self.rotate_s * 1e6
  if math.floor(time_us / span) ~= math.floor(self.begun_us / span) then return begin(self, time_us) end
  local now = host.monotonic()
  if now < self.size_at then return end
  self.size_at = now + 0.5
  if C.record_file_writer_stopped(self.writer) then finish(self) end -- which says why
  if size_of(self.path) >= self.rotate_bytes then begin(self, time_us) end
end

-- ---- what comes ---------------------------------------------------------------------------------------------------

local function connect(self, c)
  if C.market_streams_connect(self.m, c.number, c.url, self.message) ~= 0 then
    failures.raise(2, "%s", ffi.string(self.message.text))
  end
  c.retry_at = nil
end

local inputs = {}

inputs[C.MARKET_INPUT_OPENED] = function(self, input)
  local c = self.connections[tonumber(input.number)]
  c.pause = PAUSE_S
  put_table(self, C.MARKET_KNOWN, input.time_us, { known = "connected", streams = c.path })
end

inputs[C.MARKET_INPUT_CLOSED] = function(self, input)
  local c = self.connections[tonumber(input.number)]
  local why = ffi.string(input.text, input.size)
  put_table(self, C.MARKET_GAP, input.time_us, { gap = "disconnected", streams = c.path, why = why })
  if c.path == "public" then self.sequences:lost_books() end
  self.gaps = self.gaps + 1
  self.notice(("the %s streams ended: %s; connecting again in %g s"):format(c.path, why, c.pause))
  c.retry_at, c.pause = host.monotonic() + c.pause, math.min(c.pause * 2, PAUSE_MAX_S)
end

local kinds = { gap = C.MARKET_GAP, known = C.MARKET_KNOWN }

local function find(self, time_us, finding)
  if not finding then return end
  if finding.kind == "gap" then self.gaps = self.gaps + 1 end
  put_table(self, kinds[finding.kind], time_us, finding.fields)
end

inputs[C.MARKET_INPUT_TEXT] = function(self, input)
  local text = ffi.string(input.text, input.size)
  local good, message = pcall(cjson.decode, text)
  local data = good and type(message) == "table" and message.data
  local gap, known
  if type(data) == "table" then
    good, gap, known = pcall(self.sequences.message, self.sequences, data)
  else
    good = false
  end
  if not good then
    self.gaps = self.gaps + 1
    return put_table(self, C.MARKET_GAP, input.time_us, { gap = "unreadable", text = text })
  end
  find(self, input.time_us, gap)
  put(self, C.MARKET_MESSAGE, input.time_us, text)
  find(self, input.time_us, known)
  self.messages = self.messages + 1
end

inputs[C.MARKET_INPUT_ANSWER] = function(self, input)
  local symbol = self.symbols[tonumber(input.number)]
  self.asked[symbol] = nil
  self.ask_at[symbol] = host.monotonic() + math.max(SNAPSHOT_PAUSE_S, input.retry_after_s)
  local text = ffi.string(input.text, input.size)
  local good, snapshot = pcall(cjson.decode, text)
  if input.status ~= 200 or not good or type(snapshot) ~= "table" or not tonumber(snapshot.lastUpdateId) then
    if input.status == 429 or input.status == 418 then -- whoever asks on is banned: none is asked for
      self.silent_until = host.monotonic() + math.max(input.retry_after_s, 10)
    end
    return self.notice(
      ("no snapshot of %s: %s"):format(symbol, input.status == 0 and text or "HTTP " .. input.status)
    )
  end
  put(self, C.MARKET_SNAPSHOT, input.time_us, ('{"symbol":"%s","depth":%s}'):format(symbol, text))
  find(self, input.time_us, self.sequences:snapshot(symbol, snapshot.lastUpdateId))
end

inputs[C.MARKET_INPUT_SIGNAL] = function(self) self.over = true end

-- Questions for the books that are not known.
local function ask(self)
  local now, wanted = host.monotonic(), {}
  if now < self.silent_until then return end
  for _, symbol in ipairs(self.sequences:wanted()) do
    wanted[symbol] = true
  end
  for number, symbol in ipairs(self.symbols) do
    if wanted[symbol] and not self.asked[symbol] and now >= (self.ask_at[symbol] or 0) then
      local url = ("%s/fapi/v1/depth?symbol=%s&limit=%d"):format(self.rest, symbol, SNAPSHOT_LEVELS)
      if C.market_streams_ask(self.m, number, url, self.message) ~= 0 then
        failures.raise(1, "%s", ffi.string(self.message.text))
      end
      self.asked[symbol] = true
    end
  end
end

local function take(self, input)
  rotate(self, tonumber(input.time_us))
  inputs[input.kind](self, input)
end

---@class MarketRecorderOptions
---@field symbols string[]
---@field streams string[] names of M.streams
---@field rest string
---@field stream_url string
---@field folder string
---@field rotate_bytes number
---@field rotate_s number
---@field seconds number?
---@field events number?
---@field proxy string?
---@field ca_file string?
---@field silence_s number
---@field notice fun(line: string)

local function connections(o)
  local by_path, list = {}, {}
  for _, name in ipairs(o.streams) do
    local s = M.streams[name]
    if not by_path[s.path] then
      list[#list + 1] = { path = s.path, number = #list, names = {}, pause = PAUSE_S }
      by_path[s.path] = list[#list]
    end
    for _, symbol in ipairs(o.symbols) do
      table.insert(by_path[s.path].names, symbol:lower() .. s.suffix)
    end
  end
  local numbered = {}
  for _, c in ipairs(list) do
    c.url = ("%s/%s/stream?streams=%s"):format(o.stream_url, c.path, table.concat(c.names, "/"))
    numbered[c.number] = c
  end
  return numbered
end

---@param o MarketRecorderOptions
---@return MarketRecorder
function M.new(o)
  local out, message = ffi.new "struct market_streams *[1]", ffi.new "struct errmsg"
  local options = ffi.new(
    "struct market_streams_options",
    { proxy = o.proxy, ca_file = o.ca_file, silence_ms = o.silence_s * 1000 }
  )
  if C.market_streams_new(options, out, message) ~= 0 then
    failures.raise(1, "%s", ffi.string(message.text))
  end
  return setmetatable({
    m = ffi.gc(out[0], C.market_streams_free),
    message = message,
    symbols = o.symbols,
    names = o.streams,
    rest = o.rest,
    stream_url = o.stream_url,
    folder = o.folder,
    rotate_bytes = o.rotate_bytes,
    rotate_s = o.rotate_s,
    seconds = o.seconds,
    events = o.events,
    notice = o.notice,
    connections = connections(o),
    sequences = sequences.new(),
    asked = {},
    ask_at = {},
    silent_until = 0,
    size_at = 0,
    messages = 0,
    gaps = 0,
    segments = 0,
    bytes = 0,
  }, Recorder)
end

local function record(self)
  local input, ends = ffi.new "struct market_input", self.seconds and host.monotonic() + self.seconds
  begin(self, os.time() * 1e6)
  for number = 0, #self.connections do
    connect(self, self.connections[number])
  end
  while not self.over do
    if C.market_streams_next(self.m, WAKE_US, input) then take(self, input) end
    local now = host.monotonic()
    for number = 0, #self.connections do
      local c = self.connections[number]
      if c.retry_at and now >= c.retry_at then connect(self, c) end
    end
    ask(self)
    if ends and now >= ends or self.events and self.messages >= self.events then self.over = true end
  end
end

---Records until a signal, or as long as was asked. What was written before a failure is kept.
function Recorder:run()
  local ok, failure = pcall(record, self)
  local finished, problem = pcall(finish, self)
  C.market_streams_free(ffi.gc(self.m, nil))
  if not ok then error(failure, 0) end
  if not finished then error(problem, 0) end
end

return M
