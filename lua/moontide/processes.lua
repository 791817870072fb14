---Child processes side by side: each begins when the caller lets it, and what it prints is told line by line as it comes.
local ffi = require "ffi"

ffi.cdef [[
struct moontide_processes_pollfd { int fd; short events, revents; };
int moontide_processes_poll(struct moontide_processes_pollfd *, unsigned long, int) __asm__("poll");
long moontide_processes_read(int, void *, unsigned long) __asm__("read");
int fileno(void *);
]]

local M = {}

local POLLIN, EINTR = 1, 4
local SIZE = 65536
local buffer = ffi.new("char[?]", SIZE)

-- Behind all that a command has printed comes this, and its exit status.
local END = "\30"

---@class ProcessJob
---@field command string for the shell; its standard output is what is told

---@class RunningJob
---@field job ProcessJob
---@field pipe file*
---@field fd integer
---@field rest string what is no whole line yet

local function begin(job)
  local pipe = assert(io.popen(("(%s\n); printf '\\036%%d' $?"):format(job.command)))
  return { job = job, pipe = pipe, fd = ffi.C.fileno(pipe), rest = "" }
end

-- Takes what has come of one; its exit status when that is all.
local function take(r, line)
  local count = tonumber(ffi.C.moontide_processes_read(r.fd, buffer, SIZE))
  if count < 0 and ffi.errno() == EINTR then return nil end
  if count > 0 then
    local text = r.rest .. ffi.string(buffer, count)
    local from, at = 1, text:find("\n", 1, true)
    while at do
      if line then line(r.job, text:sub(from, at - 1)) end
      from = at + 1
      at = text:find("\n", from, true)
    end
    r.rest = text:sub(from)
    return nil
  end
  local last, status = r.rest:match("^(.*)" .. END .. "(%d+)$")
  if line and last and last ~= "" then line(r.job, last) end
  return tonumber(status) or 255
end

local function wait(running)
  local set = ffi.new("struct moontide_processes_pollfd[?]", #running)
  for i, r in ipairs(running) do
    set[i - 1].fd, set[i - 1].events = r.fd, POLLIN
  end
  ffi.C.moontide_processes_poll(set, #running, -1)
  local ready = {}
  for i, r in ipairs(running) do
    if set[i - 1].revents ~= 0 then ready[#ready + 1] = r end
  end
  return ready
end

local function close_all(running)
  for _, r in ipairs(running) do
    r.pipe:close() -- waits for its end
  end
end

---Runs jobs until all have ended and `next` has none.
---
---Errors: what a callback raises is passed on, once the processes that run have ended.
---@param o { next: (fun(running: ProcessJob[]): ProcessJob?), line: (fun(job: ProcessJob, text: string))?, ended: fun(job: ProcessJob, status: integer) } next: the job to begin beside those that run; nil: none for now
function M.run(o)
  local running = {}
  local function jobs()
    local list = {}
    for i, r in ipairs(running) do
      list[i] = r.job
    end
    return list
  end
  local function turn()
    local job = o.next(jobs())
    while job do
      running[#running + 1] = begin(job)
      job = o.next(jobs())
    end
    if #running == 0 then return false end
    for _, r in ipairs(wait(running)) do
      local status = take(r, o.line)
      if status then
        for i, other in ipairs(running) do
          if other == r then
            table.remove(running, i)
            break
          end
        end
        r.pipe:close()
        o.ended(r.job, status)
      end
    end
    return true
  end
  local ok, more
  repeat
    ok, more = pcall(turn)
  until not ok or not more
  if ok then return end
  close_all(running)
  error(more, 0)
end

return M
