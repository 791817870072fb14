---The process that sends alerts: reads what runs have written into their folders, sends each to its targets, and tries again, ever
---more slowly, what did not get through. It trades nothing and runs no script; its end is no run's.
local ffi = require "ffi"
local cjson = require "cjson"
local alerts = require "moontide.live.alerts"
local host = require "moontide.lua_host"
local shell = require "moontide.shell"
local targets = require "moontide.live.alert_targets"

ffi.cdef "int kill(int, int); int usleep(unsigned);"

local M = {}

local POLL_US, QUEUE_MOST, WAIT_MAX_S, END_S, BURST = 200000, 1000, 300, 10, 10

local function note(format, ...) io.stderr:write("moontide alerts: ", format:format(...), "\n") end

-- How far each target has come in a run's lines, by its place in the list: `alerts.sent`, an offset a line.
local function read_marks(path, count)
  local marks, file = {}, io.open(path, "rb")
  for i = 1, count do
    marks[i] = file and tonumber(file:read "*l") or 0
  end
  if file then file:close() end
  return marks
end

-- One run's lines, from where the last sender left off.
local function outbox(folder, count)
  local path, mark = alerts.place(folder), alerts.place(folder) .. ".sent"
  local marks = read_marks(mark, count)
  local self, at, kept = {}, marks[1] or 0, table.concat(marks, "\n")
  for _, m in ipairs(marks) do
    at = math.min(at, m)
  end

  -- `give` gets each line with where it begins, and the marks of those who have had it lie beyond that.
  function self.take(give)
    local file = io.open(path, "rb")
    if not file then return end
    if file:seek "end" < at then -- a new one was begun: what the old one still holds comes first
      local old = io.open(path .. ".1", "rb")
      if old then
        old:seek("set", at)
        for line in old:lines() do
          give(line, 0, {})
        end
        old:close()
      end
      at, marks = 0, {}
    end
    file:seek("set", at)
    local whole = (file:read "*a" or ""):match "^.*\n" or ""
    file:close()
    for line in whole:gmatch "([^\n]*)\n" do
      give(line, at, marks)
      at = at + #line + 1
    end
  end

  -- Only what is out is marked, so that a sender that dies loses nothing; it may send one twice.
  function self.mark(queues)
    local now = {}
    for i, q in ipairs(queues) do
      now[i] = at
      for _, waiting in ipairs(q) do
        if waiting.box == self then
          now[i] = waiting.from
          break
        end
      end
    end
    local text = table.concat(now, "\n")
    if text ~= kept and host.replace_file(mark, text .. "\n") then kept = text end
  end
  return self
end

local function add(queues, box, line, from, marks)
  local ok, alert = pcall(cjson.decode, line)
  if not ok or type(alert) ~= "table" or not targets.severities[alert.severity] then return end
  for i, q in ipairs(queues) do
    if targets.severities[alert.severity] >= q.target.least and from >= (marks[i] or 0) then
      if #q >= QUEUE_MOST then
        table.remove(q, 1)
        if q.lost == 0 then note("%s: more than %d alerts wait; the oldest go", q.target.kind, QUEUE_MOST) end
        q.lost = q.lost + 1
      end
      q[#q + 1] = { alert = alert, box = box, from = from }
    end
  end
end

-- The first of a queue, if its time has come.
local function step(q)
  if #q == 0 or host.monotonic() < q.not_before then return end
  local outcome = targets.send(q.target, q[1].alert)
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
    boxes[i] = outbox(folder, #list)
  end
  local until_s
  repeat
    if not until_s and ffi.C.kill(parent, 0) ~= 0 then until_s = host.monotonic() + END_S end
    local ended = until_s ~= nil
    for _, box in ipairs(boxes) do
      box.take(function(line, from, marks) add(queues, box, line, from, marks) end)
    end
    for _, q in ipairs(queues) do
      for _ = 1, BURST do
        step(q)
      end
    end
    for _, box in ipairs(boxes) do
      box.mark(queues)
    end
    if ended and not waiting(queues) then return end
    ffi.C.usleep(POLL_US)
  until until_s and host.monotonic() > until_s
end

---Starts a sender for runs, apart from this process: it has until then what is left to send.
---@param options table of the command line
---@param folders string[] of runs
---@param parent integer whose end is the sender's
function M.start(options, folders, parent)
  local words = { "setsid", shell.quote(host.exe), "alert", "serve" }
  for _, folder in ipairs(folders) do
    words[#words + 1] = shell.quote(folder)
  end
  words[#words + 1] = "--parent=" .. parent
  if options.config then words[#words + 1] = "--config=" .. shell.quote(options.config) end
  os.execute(table.concat(words, " ") .. " </dev/null >/dev/null &")
end

return M
