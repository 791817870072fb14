---Transfers of many files at once (C side: net/download.h): tasks that wait for theirs, a bounded number under way, and what fails
---for a while tried again, more slowly and fewer at once, as a server under load asks for.
local ffi = require "ffi"
local C = require "moontide.core"
local failures = require "moontide.failure"
local host = require "moontide.lua_host"

local M = {}

local ATTEMPTS = 8 -- that bring nothing, one after the other
local PAUSE_S, PAUSE_MAX_S = 0.25, 30
local WAKE_US = 200000
local SUCCESSES_A_SLOT = 4
-- What passes: a firewall under load (403), a limit, a server that fails, no answer at all (0), a part that is none (416).
local passing = { [0] = true, [403] = true, [408] = true, [416] = true, [429] = true }

---@class Transfer
---@field url string
---@field path string? of the file; nil: into memory
---@field etag string? see net/download.h
---@field size number? bytes that are expected, for the progress
---@field ok boolean?
---@field status integer?
---@field body string? of what went into memory
---@field problem string? why it failed
---@field attempts integer?
---@field not_before number?

---@class TransferPool
---@field tell fun(pool: TransferPool)? called now and then
---@field notice fun(line: string)
---@field expected number bytes of all files asked for
---@field done_bytes number of files that are done
local Pool = {}
Pool.__index = Pool

---@param o { proxy: string?, ca_file: string?, connections: integer, notice: fun(line: string), tell: fun(pool: TransferPool)? }
---@return TransferPool
function M.new(o)
  local out, message = ffi.new "struct downloads *[1]", ffi.new "struct errmsg"
  local options = ffi.new("struct downloads_options", {
    proxy = o.proxy,
    ca_file = o.ca_file,
    connect_timeout_ms = 10000,
    stall_s = 30,
  })
  if C.downloads_new(options, out, message) ~= 0 then failures.raise(1, "%s", ffi.string(message.text)) end
  return setmetatable({
    d = ffi.gc(out[0], C.downloads_free),
    message = message,
    notice = o.notice,
    tell = o.tell,
    most = o.connections,
    slots = o.connections,
    successes = 0,
    queue = {},
    active = {},
    active_count = 0,
    last_number = 0,
    ready = {},
    alive = 0,
    hold_until = 0,
    expected = 0,
    done_bytes = 0,
    refusals = 0,
  }, Pool)
end

---Starts a task; it runs within `run`.
---@param fn function
function Pool:spawn(fn)
  self.alive = self.alive + 1
  table.insert(self.ready, coroutine.create(fn))
end

---Within a task: waits until all of these have ended.
---@param transfers Transfer[]
function Pool:await(transfers)
  local me, left = coroutine.running(), #transfers
  if left == 0 then return end
  for _, t in ipairs(transfers) do
    t.attempts, t.not_before = 0, 0
    self.expected = self.expected + (t.size or 0)
    t.ended = function()
      left = left - 1
      if left == 0 then table.insert(self.ready, me) end
    end
    table.insert(self.queue, t)
  end
  coroutine.yield()
end

---Within a task: the body of an address, or why there is none.
---@param url string
---@return string? body
---@return string? problem
---@return integer? status
function Pool:get(url)
  local t = { url = url }
  self:await { t }
  if t.ok then return t.body end
  return nil, t.problem, t.status
end

local function finish(self, t)
  if t.ok then self.done_bytes = self.done_bytes + (t.size or 0) end
  if not t.ok then self.expected = self.expected - (t.size or 0) end
  t.ended()
end

-- Fewer at once, and none for a while.
local function back_off(self, t, e)
  self.slots, self.successes = math.max(1, math.floor(self.slots / 2)), 0
  local pause = math.min(PAUSE_S * 2 ^ (t.attempts - 1), PAUSE_MAX_S) * (0.5 + math.random() / 2)
  pause = math.max(pause, math.min(e.retry_after_s, 300))
  t.not_before = host.monotonic() + pause
  if e.status == 403 or e.status == 429 then self.hold_until = math.max(self.hold_until, t.not_before) end
end

local function settle(self, e)
  local t = self.active[tonumber(e.number)]
  self.active[tonumber(e.number)] = nil
  self.active_count = self.active_count - 1
  t.status = e.status
  if e.whole then
    t.ok, t.body = true, not t.path and ffi.string(e.body, e.size) or nil
    self.successes = self.successes + 1
    if self.successes % SUCCESSES_A_SLOT == 0 then self.slots = math.min(self.slots + 1, self.most) end
    return finish(self, t)
  end
  local why = ffi.string(e.problem)
  t.problem = ("%s: %s"):format(t.url:match "^[^?]*", why)
  if e.received > 0 then t.attempts = 0 end -- it comes, if slowly
  t.attempts = t.attempts + 1
  local passes = (passing[e.status] or e.status >= 500 or e.status < 300)
    and not why:find "^cannot be written"
  if not passes or t.attempts >= ATTEMPTS then return finish(self, t) end
  if e.status == 416 and t.path then os.remove(t.path) end -- what stands there is no part of it
  self.refusals = self.refusals + 1
  if self.refusals == 1 then self.notice(t.problem .. "; trying again") end
  back_off(self, t, e)
  table.insert(self.queue, t)
end

local function start(self)
  local now, i = host.monotonic(), 1
  while self.active_count < self.slots and now >= self.hold_until and i <= #self.queue do
    local t = self.queue[i]
    if t.not_before > now then
      i = i + 1
    else
      table.remove(self.queue, i)
      self.last_number = self.last_number + 1
      local call = ffi.new("struct download_call", {
        url = t.url,
        path = t.path,
        etag = t.etag,
        number = self.last_number,
      })
      if C.downloads_start(self.d, call, self.message) == 0 then
        self.active[self.last_number], self.active_count = t, self.active_count + 1
      else
        t.problem = ffi.string(self.message.text)
        finish(self, t)
      end
    end
  end
end

---Bytes that have come in all, of files and of all else.
---@return number
function Pool:received() return tonumber(C.downloads_received(self.d)) end

---Runs until every task has ended. What a task raises is raised here.
function Pool:run()
  local e = ffi.new "struct download_end"
  while self.alive > 0 do
    while #self.ready > 0 do
      local co = table.remove(self.ready, 1)
      local ok, problem = coroutine.resume(co)
      if not ok then error(failures.is(problem) and problem or debug.traceback(co, tostring(problem)), 0) end
      if coroutine.status(co) == "dead" then self.alive = self.alive - 1 end
    end
    start(self)
    if #self.ready == 0 and self.alive > 0 and C.downloads_wait(self.d, WAKE_US, e) then settle(self, e) end
    if self.tell then self.tell(self) end
  end
end

---Gives the connections back.
function Pool:close() C.downloads_free(ffi.gc(self.d, nil)) end

return M
