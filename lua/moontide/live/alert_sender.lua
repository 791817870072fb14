---The process that sends alerts: reads what runs have written into their folders, sends each to its targets, and tries again, ever
---more slowly, what did not get through. It trades nothing and runs no script; its end is no run's.
local ffi = require "ffi"
local cjson = require "cjson"
local alerts = require "moontide.live.alerts"
local host = require "moontide.lua_host"
local targets = require "moontide.live.alert_targets"

ffi.cdef "int kill(int, int); int usleep(unsigned);"

local M = {}

local POLL_US, QUEUE_MOST, WAIT_MAX_S, END_S = 200000, 1000, 300, 10

local function note(format, ...) io.stderr:write("moontide alerts: ", format:format(...), "\n") end

-- One run's lines, from where the last sender left off: `alerts.sent` has how far.
local function outbox(folder)
  local path, mark = alerts.place(folder), alerts.place(folder) .. ".sent"
  local kept = io.open(mark, "rb")
  local at = kept and tonumber(kept:read "*a") or 0
  if kept then kept:close() end
  local self = {}

  function self.take(give)
    local file = io.open(path, "rb")
    if not file then return end
    local size = file:seek "end"
    if size < at then -- a new one was begun: what the old one still holds comes first
      local old = io.open(path .. ".1", "rb")
      if old then
        old:seek("set", at)
        for line in old:lines() do
          give(line)
        end
        old:close()
      end
      at = 0
    end
    file:seek("set", at)
    local text = file:read "*a" or ""
    file:close()
    local whole = text:match "^.*\n"
    if not whole then return end
    for line in whole:gmatch "[^\n]+" do
      give(line)
    end
    at = at + #whole
    self.moved = true
  end

  -- Only once everything that was taken is out, so that a sender that dies loses nothing; it may send twice.
  function self.done()
    if self.moved then host.replace_file(mark, tostring(at)) end
    self.moved = false
  end
  return self
end

local function add(queues, line)
  local ok, alert = pcall(cjson.decode, line)
  if not ok or type(alert) ~= "table" or not targets.severities[alert.severity] then return end
  for _, q in ipairs(queues) do
    if targets.severities[alert.severity] >= q.target.least then
      if #q >= QUEUE_MOST then
        table.remove(q, 1)
        q.lost = q.lost + 1
      end
      q[#q + 1] = alert
    end
  end
end

-- The first of a queue, if its time has come.
local function step(q)
  if #q == 0 or host.monotonic() < q.not_before then return end
  local outcome = targets.send(q.target, q[1])
  if outcome.ok then
    if q.failed > 0 then note("%s takes alerts again", q.target.kind) end
    q.failed = 0
    table.remove(q, 1)
  elseif outcome.again then
    q.failed = q.failed + 1
    local wait = math.min(WAIT_MAX_S, outcome.wait or 2 ^ math.min(q.failed - 1, 9))
    q.not_before = host.monotonic() + wait
    if q.failed == 1 then note("%s: %s; tried again", q.target.kind, outcome.problem) end
  else
    note("%s refuses an alert: %s; it is given up", q.target.kind, outcome.problem)
    table.remove(q, 1)
  end
end

local function waiting(queues)
  for _, q in ipairs(queues) do
    if #q > 0 then return true end
  end
  return false
end

---Sends until the process `parent` is gone, and what is left then, for a while.
---@param list table[] targets
---@param folders string[] of runs
---@param parent integer
function M.serve(list, folders, parent)
  local queues, boxes = {}, {}
  for i, t in ipairs(list) do
    queues[i] = { target = t, failed = 0, not_before = 0, lost = 0 }
  end
  for i, folder in ipairs(folders) do
    boxes[i] = outbox(folder)
  end
  local until_s
  repeat
    if not until_s and ffi.C.kill(parent, 0) ~= 0 then until_s = host.monotonic() + END_S end
    local ended = until_s ~= nil
    for _, box in ipairs(boxes) do
      box.take(function(line) add(queues, line) end)
    end
    for _, q in ipairs(queues) do
      step(q)
    end
    if not waiting(queues) then
      for _, box in ipairs(boxes) do
        box.done()
      end
      if ended then return end
      ffi.C.usleep(POLL_US)
    else
      ffi.C.usleep(POLL_US / 10)
    end
  until until_s and host.monotonic() > until_s
end

local function quote(text) return "'" .. tostring(text):gsub("'", "'\\''") .. "'" end

---Starts a sender for runs, apart from this process: it has until then what is left to send.
---@param options table of the command line
---@param folders string[] of runs
---@param parent integer whose end is the sender's
function M.start(options, folders, parent)
  local words = { "setsid", quote(host.exe), "alert", "serve" }
  for _, folder in ipairs(folders) do
    words[#words + 1] = quote(folder)
  end
  words[#words + 1] = "--parent=" .. parent
  if options.config then words[#words + 1] = "--config=" .. quote(options.config) end
  os.execute(table.concat(words, " ") .. " </dev/null >/dev/null &")
end

return M
