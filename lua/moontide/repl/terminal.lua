---The REPL at a terminal: lines typed, texts shown, log lines above the prompt. Where lines go is its `target`: a world in this
---process (moontide.repl.evaluator), or another process's (moontide.cmd.attach).
local ffi = require "ffi"
local C = require "moontide.core"
local failures = require "moontide.failure"
local commands = require "moontide.repl.commands"
local complete = require "moontide.repl.complete"
local evaluator = require "moontide.repl.evaluator"
local history = require "moontide.repl.history"
local palette = require "moontide.palette"
local programs = require "moontide.repl.programs"
local shorthand = require "moontide.repl.shorthand"

local M = {}

local SIGINT = 2

---@class Terminal
---@field target table submit(line, o), complete(text, reply), prompt(), may_leave(reply), leave()
---@field terminal ffi.cdata*
---@field edits boolean there is a terminal
---@field failed boolean a line failed
local Terminal = {}
Terminal.__index = Terminal

---@param target table
---@return Terminal
function M.new(target)
  local out, message = ffi.new "struct terminal *[1]", ffi.new "struct errmsg"
  if C.terminal_open(out, message) ~= 0 then failures.raise(1, "%s", ffi.string(message.text)) end
  local f = setmetatable({ target = target, terminal = out[0], failed = false }, Terminal)
  f.edits = C.terminal_edits(f.terminal)
  f.coloured = f.edits and palette.wanted()
  f.history = f.edits and history.path() or nil
  for _, line in ipairs(f.history and history.read(f.history) or {}) do
    C.terminal_remember(f.terminal, line)
  end
  return f
end

---Colours text for the screen.
---@param text string
---@param code string of the terminal: "31" red
---@param in_prompt boolean? it takes no room there
function Terminal:paint(text, code, in_prompt)
  if not self.coloured then return text end
  local mark = in_prompt and "\1" or ""
  return ("%s\27[%sm%s%s%s\27[0m%s"):format(mark, code, mark, text, mark, mark)
end

---Prints above the line that is being typed.
---@param text string without its last end of line
---@param file file*? standard output when left out
function Terminal:print(text, file)
  if self.muted or self.closed then return end
  C.terminal_hide(self.terminal)
  io.stdout:flush()
  file = file or io.stdout
  file:write(text, "\n")
  file:flush()
  C.terminal_show(self.terminal)
end

function Terminal:width() return self.edits and math.max(20, C.terminal_columns(self.terminal) - 1) or 120 end

function Terminal:listen()
  if self.ended or self.closed or (self.leaving and not self.question) then return end
  local prompt
  if self.question then
    prompt = self.question.text
  elseif self.buffer then
    prompt = (" "):rep(self.indent or 2) .. "... "
  else
    local name, code = self.target.prompt()
    self.indent = math.max(0, #name - 2)
    prompt = self:paint(name, code or "36", true) .. "> "
  end
  C.terminal_listen(self.terminal, prompt)
end

-- Shows the answer to a line.
local function show(self, ok, text)
  local paged = self.paged and self.edits and not self.target.no_shell
  self.paged = nil
  if not ok then
    self.failed = true
    self:print(self:paint(tostring(text), "31"), not self.edits and io.stderr or nil)
  elseif text and not (paged and programs.page(text)) then
    self:print(text)
  end
end

local function finish(self, ok, text)
  self.busy = nil
  show(self, ok, text)
  self:listen()
  self:read()
end

function Terminal:submit(line)
  self.paged = line:find "^%s*:page%s" ~= nil
  if not line:find "^%s*:" then self.typed = line end
  if self.edits and history.add(self.history, line) then C.terminal_remember(self.terminal, line) end
  local at_once, done = true, false
  local handle = self.target:submit(line, {
    width = self:width(),
    color = self.coloured,
    reason = function() return C.terminal_signal(self.terminal, true) == SIGINT and "interrupted" or nil end,
    done = function(ok, text)
      if done then return end
      done = true
      local stopped = C.terminal_signal(self.terminal, false) == SIGINT or self.caught -- a Ctrl-C was for this line
      self.caught = nil
      if stopped and self.edits then io.stdout:write "\n" end -- behind the ^C
      if at_once then
        self.answer = { ok, text }
      else
        finish(self, ok, text)
      end
    end,
  })
  at_once = false
  self.busy = not done and (handle or true) or nil
  if done then
    self.busy = nil
    show(self, self.answer[1], self.answer[2])
    self:listen()
  end
end

-- `:edit`: what was typed last, in the user's editor; what comes of it is run.
function Terminal:edit()
  local text, problem
  if not self.edits then
    problem = ":edit needs a terminal"
  elseif self.target.no_shell then
    problem = self.target.no_shell
  else
    text, problem = programs.edit(self.typed or "")
  end
  if text and text ~= "" then
    self:print(text)
    return self:submit(text)
  end
  if problem then show(self, false, problem) end
  self:listen()
end

-- A command of the shell, which has the terminal until it ends.
function Terminal:run_shell(line, command)
  if self.edits and history.add(self.history, line) then C.terminal_remember(self.terminal, line) end
  if self.target.no_shell or command == "" then
    show(self, false, self.target.no_shell or "which command? !COMMAND, as !ls")
  else
    io.stdout:flush()
    if os.execute(command) ~= 0 then self.failed = true end
  end
  self:listen()
end

function Terminal:line(text)
  local question = self.question
  if question then
    self.question = nil
    question.answer(text:lower():find "^%s*y" ~= nil)
    return
  end
  local whole = self.buffer and self.buffer .. "\n" .. text or text
  if whole:find "^%s*$" then
    self.buffer = nil
    return self:listen()
  end
  if not self.buffer then
    local shell = shorthand.shell(whole)
    if shell then return self:run_shell(whole, shell) end
    whole = shorthand.expand(whole)
    if whole:find "^%s*:edit%s*$" then return self:edit() end
  end
  if evaluator.incomplete(whole) then
    self.buffer = whole
    return self:listen()
  end
  self.buffer = nil
  self:submit(whole)
end

---Leaves; asks first when orders are open.
---@param at_once boolean? asks nothing
function Terminal:leave(at_once)
  if at_once or not self.edits then
    self.ended = true
    return self.target.leave()
  end
  self.leaving = true -- whatever ends meanwhile shows no prompt
  self.target.may_leave(function(warning)
    if not warning then
      self.ended = true
      return self.target.leave()
    end
    self.question = {
      text = warning .. " Quit? [y/N] ",
      answer = function(yes)
        self.leaving = false
        if not yes then return self:listen() end
        self.ended = true
        self.target.leave()
      end,
    }
    self:listen()
    self:read()
  end)
end

local function tab(self)
  local text = ffi.string(C.terminal_text(self.terminal)):sub(1, C.terminal_cursor(self.terminal))
  if self.buffer then text = self.buffer .. "\n" .. text end
  self.target:complete(text, function(c)
    local more = complete.common(c)
    if more ~= "" then C.terminal_insert(self.terminal, more) end
    if #c.list > 1 and more == "" then
      local list, rest = c.list, 0
      if #list > 120 then
        rest = #list - 120
        list = { unpack(list, 1, 120) }
      end
      self:print(complete.columns(list, self:width()) .. (rest > 0 and ("\n(%d more)"):format(rest) or ""))
    elseif more == "" and c.hint then
      self:print(commands.wrap(c.hint, self:width(), ""))
    end
  end)
end

---Takes what the terminal has; called whenever terminal_fd can be read.
function Terminal:read()
  while not self.ended and not self.closed do
    local kind = C.terminal_read(self.terminal)
    if kind == C.TERMINAL_NONE then return end
    if kind == C.TERMINAL_LINE then
      self:line(ffi.string(C.terminal_text(self.terminal)))
    elseif kind == C.TERMINAL_TAB then
      tab(self)
    elseif self.question then -- Ctrl-D as the answer
      self.question = nil
      self:print ""
      self.ended = true
      self.target.leave()
    else
      if self.buffer and not self.edits then
        self.failed = true
        self:print("the input ends inside a statement: " .. self.buffer:match "[^\n]*", io.stderr)
      end
      self.buffer = nil
      if self.edits then io.stdout:write "\n" end
      self:leave()
    end
  end
end

---Signals and input.
function Terminal:input()
  local signal = C.terminal_signal(self.terminal, true)
  if signal == SIGINT and self.busy == nil then
    C.terminal_signal(self.terminal, false)
    self.buffer = nil
    local question = self.question
    if question then
      self.question = nil
      C.terminal_drop(self.terminal)
      question.answer(false)
      return
    end
    if not self.edits then return self:leave(true) end
    C.terminal_drop(self.terminal)
    self:listen()
  elseif signal == SIGINT then
    C.terminal_signal(self.terminal, false)
    self.caught = true
    if type(self.busy) == "table" then self.busy.cancel "cancelled" end
  elseif signal ~= 0 then
    C.terminal_signal(self.terminal, false)
    self:leave(true)
  end
  self:read()
end

function Terminal:close()
  if self.closed then return end
  C.terminal_hide(self.terminal)
  io.stdout:flush()
  self.closed = true
  C.terminal_close(self.terminal)
end

return M
