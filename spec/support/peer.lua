---A TCP peer for specs: each connection is a coroutine that reads, writes and waits as its misbehaviour asks. To be run as a
---program of its own (`moontide script`), started by `start` below.
local bit = require "bit"
local ffi = require "ffi"
local host = require "moontide.lua_host"

ffi.cdef [[
  struct peer_address { uint16_t family, port; uint32_t low; uint8_t high[20]; };
  struct peer_poll { int fd; short events, revents; };
  int socket(int, int, int);
  int bind(int, const void *, unsigned);
  int listen(int, int);
  int accept4(int, void *, unsigned *, int);
  int connect(int, const void *, unsigned);
  int getsockname(int, void *, unsigned *);
  int setsockopt(int, int, int, const void *, unsigned);
  long send(int, const void *, size_t, int);
  long recv(int, void *, size_t, int);
  int poll(void *, unsigned long, int);
  int close(int);
]]

local C = ffi.C
local IN, OUT, AGAIN, IN_PROGRESS, NONBLOCK, NOSIGNAL = 1, 4, 11, 115, 2048, 0x4000
local M = {}
local waiting = {} -- coroutine -> { fd, events, till }

local function swap(port) return bit.bor(bit.lshift(bit.band(port, 255), 8), bit.rshift(port, 8)) end

-- "127.0.0.1" or "::1".
local function address(name, port)
  local a = ffi.new "struct peer_address"
  a.port = swap(port)
  if name == "::1" then
    a.family, a.high[15] = 10, 1
    return a, 28
  end
  a.family, a.low = 2, 0x0100007f
  return a, 16
end

local Conn = {}
Conn.__index = Conn

local function wait(fd, events, seconds)
  waiting[coroutine.running()] = { fd = fd, events = events, till = seconds and host.monotonic() + seconds }
  return coroutine.yield()
end

---Lets others work for so long.
function M.sleep(seconds) wait(-1, 0, seconds) end

---What has come: nil at the end, "" after `seconds` without anything.
function Conn:read(seconds)
  local buffer = self.buffer
  while true do
    local size = C.recv(self.fd, buffer, 65536, 0)
    if size > 0 then return ffi.string(buffer, size) end
    if size == 0 or ffi.errno() ~= AGAIN then return nil end
    if not wait(self.fd, IN, seconds) then return "" end
  end
end

---False when the other side has gone.
function Conn:write(bytes)
  local p, left = ffi.cast("const char *", bytes), #bytes
  while left > 0 do
    local size = C.send(self.fd, p, left, NOSIGNAL)
    if size > 0 then
      p, left = p + size, left - tonumber(size)
    elseif ffi.errno() ~= AGAIN then
      return false
    else
      wait(self.fd, OUT)
    end
  end
  return true
end

---Up to and with `stop`; what came after it waits in `self.rest`. nil when the end came first.
function Conn:head(stop)
  local got = self.rest or ""
  while true do
    local _, at = got:find(stop or "\r\n\r\n", 1, true)
    if at then
      self.rest = got:sub(at + 1)
      return got:sub(1, at)
    end
    local more = self:read()
    if not more then return nil end
    got = got .. more
  end
end

---The next `size` bytes; nil when the end came first.
function Conn:take(size)
  local got = self.rest or ""
  while #got < size do
    local more = self:read()
    if not more then return nil end
    got = got .. more
  end
  self.rest = got:sub(size + 1)
  return got:sub(1, size)
end

function Conn:close()
  if self.fd >= 0 then C.close(self.fd) end
  self.fd = -1
end

local function conn(fd) return setmetatable({ fd = fd, buffer = ffi.new "char[65536]" }, Conn) end

---@param port integer of 127.0.0.1
function M.connect(port)
  local fd = C.socket(2, 1 + NONBLOCK, 0)
  local a, size = address("127.0.0.1", port)
  if C.connect(fd, a, size) ~= 0 and ffi.errno() ~= IN_PROGRESS then return nil end
  wait(fd, OUT)
  local self = conn(fd)
  if C.send(fd, "", 0, NOSIGNAL) ~= 0 then
    self:close()
    return nil
  end
  return self
end

function M.spawn(fn, ...)
  local co = coroutine.create(fn)
  local ok, problem = coroutine.resume(co, ...)
  if not ok then io.stderr:write(tostring(problem), "\n") end
end

---Passes on what comes, both ways, until one side ends. `up(bytes)` gives what is sent to `other` instead; `down(bytes)`, which
---looks at what came from it, ends it with true.
function M.relay(here, other, up, down)
  local open = true
  M.spawn(function()
    while open do
      local bytes = here.rest ~= "" and here.rest or here:read()
      here.rest = ""
      if not bytes or not open or not other:write(up and up(bytes) or bytes) then break end
    end
    open = false
    other:shutdown()
  end)
  while open do
    local bytes = other.rest and other.rest ~= "" and other.rest or other:read()
    other.rest = ""
    if not bytes or not open or not here:write(bytes) then break end
    if down and down(bytes) then break end
  end
  open = false
end

ffi.cdef "int shutdown(int, int);"
function Conn:shutdown()
  if self.fd >= 0 then C.shutdown(self.fd, 2) end
end

---Listens; each connection runs `fn(conn, number)` and is closed after. The port, and its descriptor.
---@param fn function
---@param at { address: string?, backlog: integer?, port: integer? }?
function M.listen(fn, at)
  at = at or {}
  local name = at.address or "127.0.0.1"
  local a, size = address(name, at.port or 0)
  local fd = C.socket(a.family, 1 + NONBLOCK, 0)
  C.setsockopt(fd, 1, 2, ffi.new("int[1]", 1), 4)
  if fd < 0 or C.bind(fd, a, size) ~= 0 or C.listen(fd, at.backlog or 64) ~= 0 then return nil end
  C.getsockname(fd, a, ffi.new("unsigned[1]", size))
  if fn then
    M.spawn(function()
      local count = 0
      while true do
        local got = C.accept4(fd, nil, nil, NONBLOCK)
        if got < 0 then
          wait(fd, IN)
        else
          count = count + 1
          M.spawn(function(number)
            local c = conn(got)
            fn(c, number)
            c:close()
          end, count)
        end
      end
    end)
  end
  return swap(a.port), fd
end

---A place where connections are neither accepted nor refused: its queue is full. The port, and what ends it.
---@param name "127.0.0.1"|"::1"
---@return integer? port nil when the address is not to be had
---@return fun() stop
function M.clogged(name)
  local port, fd = M.listen(nil, { address = name, backlog = 0 })
  if not port then
    return nil, function() end
  end
  local a, size = address(name, port)
  local all = { fd }
  for _ = 1, 4 do
    all[#all + 1] = C.socket(a.family, 1 + NONBLOCK, 0)
    C.connect(all[#all], a, size)
  end
  return port, function()
    for _, one in ipairs(all) do
      C.close(one)
    end
  end
end

---Runs all of it, for ever.
function M.run()
  io.stdout:flush()
  while true do
    local list, next_at = {}, nil
    for co, w in pairs(waiting) do
      list[#list + 1] = co
      if w.till and (not next_at or w.till < next_at) then next_at = w.till end
    end
    local polls = ffi.new("struct peer_poll[?]", #list + 1)
    for i, co in ipairs(list) do
      polls[i - 1].fd, polls[i - 1].events = waiting[co].fd, waiting[co].events
    end
    local pause = next_at and math.max(0, math.ceil((next_at - host.monotonic()) * 1000)) or -1
    C.poll(polls, #list, pause)
    local now = host.monotonic()
    for i, co in ipairs(list) do
      local w, ready = waiting[co], polls[i - 1].revents ~= 0
      if ready or w.till and now >= w.till then
        waiting[co] = nil
        local ok, problem = coroutine.resume(co, ready)
        if not ok then io.stderr:write(tostring(problem), "\n") end
      end
    end
  end
end

---A line of the log that the spec reads.
function M.log(format, ...)
  io.stdout:write(format:format(...), "\n")
  io.stdout:flush()
end

return M
