---This very program on a terminal of its own, for specs: keys go in, and what a person would see comes out.
local ffi = require "ffi"
local host = require "moontide.lua_host"
local lx = require "spec.support.local_exchange"

ffi.cdef [[
struct moontide_winsize { unsigned short rows, columns, x, y; };
int forkpty(int *, char *, const void *, const struct moontide_winsize *);
int execv(const char *, char *const *);
int setenv(const char *, const char *, int);
int unsetenv(const char *);
void _exit(int);
int waitpid(int, int *, int);
struct moontide_pollfd { int fd; short events, revents; };
int poll(void *, unsigned long, int);
long read(int, void *, unsigned long);
long write(int, const void *, unsigned long);
int close(int);
]]

local M = {}
local Pty = {}
Pty.__index = Pty

-- The screen as a terminal would show it: what libedit and the REPL write, and no more.
local Screen = {}
Screen.__index = Screen

local function new_screen(rows, columns)
  local s =
    setmetatable({ rows = rows, columns = columns, lines = {}, row = 1, column = 1, text = "" }, Screen)
  for i = 1, rows do
    s.lines[i] = {}
  end
  return s
end

function Screen:down()
  if self.row < self.rows then
    self.row = self.row + 1
  else
    table.remove(self.lines, 1)
    self.lines[self.rows] = {}
  end
end

function Screen:put(character)
  if self.column > self.columns then
    self.column = 1
    self:down()
  end
  self.lines[self.row][self.column] = character
  self.column = self.column + 1
end

local function clear(line, from, to)
  for i = from, to do
    line[i] = nil
  end
end

local sequences = {
  A = function(s, n) s.row = math.max(1, s.row - math.max(n, 1)) end,
  B = function(s, n) s.row = math.min(s.rows, s.row + math.max(n, 1)) end,
  C = function(s, n) s.column = math.min(s.columns, s.column + math.max(n, 1)) end,
  D = function(s, n) s.column = math.max(1, s.column - math.max(n, 1)) end,
  H = function(s, _, a, b)
    s.row, s.column = tonumber(a) or 1, tonumber(b) or 1
  end,
  K = function(s) clear(s.lines[s.row], s.column, s.columns) end,
  J = function(s)
    clear(s.lines[s.row], s.column, s.columns)
    for i = s.row + 1, s.rows do
      s.lines[i] = {}
    end
  end,
  P = function(s, n)
    for _ = 1, math.max(n, 1) do
      for i = s.column, s.columns do
        s.lines[s.row][i] = s.lines[s.row][i + 1]
      end
    end
  end,
  ["@"] = function(s, n)
    for _ = 1, math.max(n, 1) do
      for i = s.columns, s.column + 1, -1 do
        s.lines[s.row][i] = s.lines[s.row][i - 1]
      end
      s.lines[s.row][s.column] = " "
    end
  end,
}

function Screen:write(bytes)
  local text = self.text .. bytes
  local i = 1
  while i <= #text do
    local c = text:sub(i, i)
    if c == "\27" then
      local parameters, letter = text:match("^%[([%d;?]*)([%a@])", i + 1)
      if letter then
        local a, b = parameters:match "^(%d*);?(%d*)"
        if sequences[letter] then sequences[letter](self, tonumber(a) or 0, a, b) end
        i = i + 2 + #parameters + 1
      elseif #text - i < 12 and not text:find("^[^%[]", i + 1) then
        break -- the rest is still to come
      else
        i = i + 2
      end
    else
      if c == "\r" then
        self.column = 1
      elseif c == "\n" then
        self:down()
      elseif c == "\b" then
        self.column = math.max(1, self.column - 1)
      elseif c:byte() >= 32 then
        local character = text:match("^[\194-\244][\128-\191]+", i) or c
        self:put(character)
        i = i + #character - 1
      end
      i = i + 1
    end
  end
  self.text = text:sub(i)
end

function Screen:show()
  local out = {}
  for r = 1, self.rows do
    local line = {}
    for k = 1, self.columns do
      line[k] = self.lines[r][k] or " "
    end
    out[r] = (table.concat(line):gsub(" +$", ""))
  end
  return (table.concat(out, "\n"):gsub("\n+$", ""))
end

---@param arguments string[] of moontide
---@param o { home: string, rows: integer?, columns: integer?, environment: table<string, string>?, program: string? } program: another one
function M.start(arguments, o)
  local size = ffi.new("struct moontide_winsize", o.rows or 40, o.columns or 100)
  local words = { o.program or host.exe, unpack(arguments) }
  local argv = ffi.new("char *[?]", #words + 1)
  for i, w in ipairs(words) do
    argv[i - 1] = ffi.cast("char *", w)
  end
  local fd = ffi.new "int[1]"
  io.stdout:flush()
  local pid = ffi.C.forkpty(fd, nil, nil, size)
  if pid == 0 then
    ffi.C.setenv("TERM", "vt100", 1)
    ffi.C.setenv("MOONTIDE_HOME", o.home, 1)
    ffi.C.setenv("HOME", o.home, 1)
    ffi.C.setenv("NO_COLOR", "1", 1)
    for name, value in pairs(o.environment or {}) do
      ffi.C.setenv(name, value, 1)
    end
    ffi.C.execv(words[1], argv)
    ffi.C._exit(127)
  end
  return setmetatable(
    { pid = pid, fd = fd[0], seen = "", screen = new_screen(o.rows or 40, o.columns or 100) },
    Pty
  )
end

local buffer = ffi.new "char[65536]"

-- Takes what has come; false when the other end has gone.
function Pty:take(ms)
  local p = ffi.new("struct moontide_pollfd[1]", { { self.fd, 1, 0 } })
  while ffi.C.poll(p, 1, ms or 0) > 0 do
    local size = tonumber(ffi.C.read(self.fd, buffer, 65536))
    if size <= 0 then return false end
    local text = ffi.string(buffer, size)
    self.seen = self.seen .. text
    self.screen:write(text)
    ms = 0
  end
  return true
end

function Pty:send(text) ffi.C.write(self.fd, text, #text) end

function Pty:show()
  self:take(0)
  return self.screen:show()
end

---Waits until the screen holds a text (or fn(screen) is true).
function Pty:wait_for(what, seconds)
  local text
  local ok = pcall(lx.wait_for, tostring(what), function()
    self:take(10)
    text = self.screen:show()
    if type(what) == "function" then return what(text) end
    return text:find(what, 1, true)
  end, seconds or 20)
  if not ok then error(("waited in vain for %s; the screen:\n%s"):format(tostring(what), text), 2) end
  return text
end

---Types a line and waits until it was taken: the cursor stands at the beginning of the next. (What is typed ahead is lost when
---Ctrl-C comes, as the kernel's terminals have it.)
function Pty:take_line(line)
  self:send(line)
  self:wait_for(line)
  self:send "\r"
  self:wait_for(function() return self.screen.column == 1 end)
end

---Types a line and waits for the next prompt: first for the line itself, as the prompt before it looks like the next one.
function Pty:enter(line, prompt)
  self:send(line)
  local typed = line:gsub("%s", "")
  self:wait_for(function(text) return text:gsub("%s", ""):sub(-#typed) == typed end) -- it may be broken anywhere
  self:send "\r"
  return self:wait_for(function(text)
    local last = text:match "[^\n]*$"
    return last:find((prompt or "^%S.*> $") .. "$") or last:find "^%S.*>$"
  end)
end

---Waits for its end: the exit status.
function Pty:wait(seconds)
  local status = ffi.new "int[1]"
  local ok = pcall(lx.wait_for, "its end", function()
    self:take(0)
    return ffi.C.waitpid(self.pid, status, 1) == self.pid
  end, seconds or 20)
  if not ok then
    self:kill()
    error("it does not end; the screen:\n" .. self.screen:show(), 2)
  end
  self.gone = true
  return math.floor(status[0] / 256) % 256
end

---The terminal goes away, as when its window is closed; waits for the end.
function Pty:hang_up(seconds)
  ffi.C.close(self.fd)
  local ok = pcall(
    lx.wait_for,
    "its end",
    function() return ffi.C.waitpid(self.pid, nil, 1) == self.pid end,
    seconds or 30
  )
  if not ok then
    self:kill()
    error("it goes on without a terminal", 2)
  end
  self.gone = true
end

function Pty:kill()
  if not self.gone then
    ffi.C.kill(self.pid, 9)
    ffi.C.waitpid(self.pid, nil, 0)
    self.gone = true
  end
  if self.fd then ffi.C.close(self.fd) end
  self.fd = nil
end

return M
