---Records a run (C side: record/recorder.h): stands between the script and the pump, through which comes all that it can see.
---What is not recorded, and so must not differ when a run is replayed: files, the environment, other programs.
local ffi = require "ffi"
local cjson = require "cjson"
local C = require "moontide.core"
local failures = require "moontide.failure"
local host = require "moontide.lua_host"
local task = require "moontide.run.task"

local M = {}

---@class Recorder
---@field pump table as of moontide.run.pump, for the script's world
---@field feed fun(symbol: string, interval: string?): integer, integer
---@field begin fun() just before the script's first handler
---@field over fun(failure: string?) the script has ended; what comes after is the runtime's own
---@field note fun(text: string) something from outside that no replay can repeat
---@field before fun(fn: fun()): fun() a function that first says that the script is over

local function is_folder(path)
  local there = io.open(path .. "/.")
  if there then there:close() end
  return there ~= nil
end
M.is_folder = is_folder

-- The file: in a folder, one named by the run and the time. A restarted worker begins another beside the first.
local function create(given, o)
  local out, message = ffi.new "struct recorder *[1]", ffi.new "struct errmsg"
  local base = is_folder(given) and ("%s/%s-%s.rec"):format(given, o.name, os.date "!%Y%m%d-%H%M%S") or given
  local path, number = base, 1
  while true do
    local status = C.recorder_open(path, o.pump.view(o.bt), o.symbols, o.symbol_count, out, message)
    if status == 0 then return out[0], path end
    if status ~= C.ERR_FULL or not (o.restarted or base ~= given) then
      failures.raise(1, "--record: %s", ffi.string(message.text))
    end
    number = number + 1
    path = ("%s.%d"):format(base, number)
  end
end

-- The functions of a world, which record what the script does through them. `mine` says whether it is the script that calls.
local function recording(r, inner, mine)
  local pump = setmetatable({}, { __index = inner })
  function pump.submit(w, op)
    inner.submit(w, op)
    if mine() then C.recorder_submit(r, op) end
  end
  function pump.wait(w, op, wants)
    local status = inner.wait(w, op, wants)
    if mine() then C.recorder_wait(r, op, status) end
    return status
  end
  function pump.timer(w, delay_us, id)
    inner.timer(w, delay_us, id)
    if mine() then C.recorder_timer(r, delay_us, id) end
  end
  function pump.client_id(w, call)
    inner.client_id(w, call)
    if mine() then C.recorder_client_id(r, call) end
  end
  function pump.metrics(w, now_us)
    local snapshot = inner.metrics(w, now_us)
    if mine() then C.recorder_metrics(r, snapshot) end
    return snapshot
  end
  function pump.strain(w, costs, now_us)
    local strain = inner.strain(w, costs, now_us)
    if mine() then C.recorder_strain(r, strain) end
    return strain
  end
  function pump.book(w, symbol, found, count)
    local known = inner.book(w, symbol, found, count)
    found.bid_count, found.ask_count = math.min(found.bid_count, count), math.min(found.ask_count, count)
    if mine() then C.recorder_book(r, symbol, known and found or nil) end
    return known
  end
  function pump.configure(w, config, now_us)
    inner.configure(w, config, now_us)
    if mine() then C.recorder_configure(r, config) end
  end
  function pump.manager_start(w)
    inner.manager_start(w)
    if mine() then C.recorder_mark(r, C.RUN_RECORD_START) end
  end
  function pump.manager_stop(w, now_us)
    inner.manager_stop(w, now_us)
    if mine() then C.recorder_mark(r, C.RUN_RECORD_STOP) end
  end
  return pump
end

-- Closes the file, which is whole only then, and says what is in it.
local function close(r, path, log, offset)
  local figures, message = ffi.new "struct record_file_figures", ffi.new "struct errmsg"
  if C.recorder_close(r, offset, figures, message) ~= 0 then
    log.error("--record %s: the recording is cut short: %s", path, ffi.string(message.text))
    return
  end
  log.fields(
    "info",
    "recorded",
    { { "file", path }, { "items", tonumber(figures.items) }, { "bytes", tonumber(figures.file_bytes) } }
  )
end

---Begins a recording; fails the command when the file cannot be made.
---@param given string a file, or a folder for one
---@param o { name: string, restarted: boolean, pump: table, bt: ffi.cdata*, symbols: ffi.cdata*, symbol_count: integer, index_of: table<string, integer>, interval: string, feed: function, config: ffi.cdata*, log: table, about: table }
---@return Recorder
function M.open(given, o)
  local inner, bt = o.pump, o.bt
  local r, path = create(given, o)
  local over, current = false, task.current
  o.about.version, o.about.sha256 = host.version, host.sha256(o.about.source)
  local about = cjson.encode(o.about)
  C.recorder_text(r, C.RUN_RECORD_ABOUT, about, #about)
  C.recorder_rules(r)
  C.recorder_config(r, o.config)
  if inner.tap then inner.tap(bt, C.recorder_arrived, r) end

  -- Whether what happens is the script's doing.
  local function mine()
    if over then return false end
    local t = current()
    return not (t and t.outside)
  end

  local pump = recording(r, inner, mine)
  function pump.next(w, wants)
    local kind = inner.next(w, wants)
    if not over then C.recorder_next(r, kind) end
    return kind
  end
  function pump.free(w)
    if inner.tap then inner.tap(w, nil, nil) end
    close(r, path, o.log, inner.clock_offset and inner.clock_offset(w) or 0)
    over = true
    inner.free(w)
  end

  local recorder = { pump = pump }
  function recorder.feed(symbol, interval)
    local feed, index = o.feed(symbol, interval)
    if mine() then C.recorder_feed(r, index, C.interval_find(interval or o.interval), feed) end
    return feed, index
  end
  function recorder.begin() C.recorder_begin(r) end
  function recorder.over(failure)
    if over then return end
    failure = failure or ""
    C.recorder_text(r, C.RUN_RECORD_OVER, failure, #failure)
    over = true
  end
  function recorder.note(text)
    if not over then C.recorder_text(r, C.RUN_RECORD_NOTE, text, #text) end
  end
  function recorder.before(fn)
    return function()
      recorder.over()
      if fn then fn() end
    end
  end
  return recorder
end

return M
