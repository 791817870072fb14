---`moontide attach [NAME]`: the REPL of a running process, through its control socket. The line is edited here and run there.
local ffi = require "ffi"
local cjson = require "cjson"
local C = require "moontide.core"
local cmd = require "moontide.cmd"
local commands = require "moontide.repl.commands"
local folder = require "moontide.live.folder"
local terminal = require "moontide.repl.terminal"
local host = require "moontide.lua_host"
local status = require "moontide.live.status"

local M = {
  usage = "attach [NAME] [--write] [--quiet]",
  arguments = { name = "NAME", what = "run", max = 1, type = "run" },
  options = {
    {
      name = "write",
      type = "flag",
      help = "what is typed may trade and change settings; without it, it may only look",
    },
    { name = "quiet", type = "flag", help = "without the run's log lines" },
  },
}

local json = cjson.new()
json.encode_invalid_numbers "null"
json.decode_invalid_numbers(false)

---The run that is meant: by its name, or the only one there is; fails the command otherwise.
---@param name string?
---@return { name: string, pid: integer, folder: string }
function M.which(name)
  local list = folder.running()
  local names = {}
  for i, run in ipairs(list) do
    if run.name == name then return run end
    names[i] = run.name
  end
  if #list == 0 then
    cmd.fail(1, "no paper or live run is going on%s", name and (" (nor one named '%s')"):format(name) or "")
  end
  if name then cmd.fail(1, "no run '%s' is going on; there is: %s", name, table.concat(names, ", ")) end
  if #list > 1 then cmd.fail(2, "which run? there are: %s", table.concat(names, ", ")) end
  return list[1]
end

-- The connection: requests with an answer each, and lines that come in between.
local function connect(run)
  local message = ffi.new "struct errmsg"
  local path = run.folder .. "/control.sock"
  local fd = C.control_socket_connect(path, message)
  if fd < 0 then cmd.fail(1, "%s", ffi.string(message.text)) end
  local c = { fd = fd, waiting = {}, last = 0 }

  function c.ask(request, on_answer, on_more)
    c.last = c.last + 1
    request.id = c.last
    c.waiting[c.last] = { on_answer = on_answer, on_more = on_more }
    local text = json.encode(request)
    if C.control_socket_write(fd, text, #text) ~= 0 then c.lost = true end
  end

  -- One line of the other end's; false when it has gone.
  function c.take()
    local line, size = ffi.new "char *[1]", ffi.new "size_t[1]"
    local err = C.control_socket_read(fd, 5e6, line, size)
    if err ~= 0 then
      c.lost = true
      return
    end
    local ok, answer = pcall(json.decode, ffi.string(line[0], size[0]))
    C.control_socket_line_free(line[0])
    local w = ok and type(answer) == "table" and c.waiting[answer.id]
    if not w then return end
    if answer.more then
      if w.on_more then w.on_more(answer) end
      return
    end
    c.waiting[answer.id] = nil
    if w.on_answer then w.on_answer(answer) end
  end
  return c
end

---@param options table
---@return integer status
function M.run(options)
  local run = M.which(options[1])
  local c = connect(run)
  local write = options.write or false
  local token = ("%d-%.0f"):format(status.pid, host.monotonic() * 1e6)
  local leaving = false
  local target, front = {}, nil

  function target.submit(_, line, o)
    if line:find "^%s*:quit%s*$" then
      leaving = true
      o.done(true, nil)
      return nil
    end
    -- What is written stands here too; looking it up there would hold the strategy back.
    local topic = line:match "^%s*:help%s+([%a_][%w_%.:]*)%s*$"
    if topic and not commands.list[topic] then
      local text, problem = commands.explain(topic, o.width)
      o.done(text ~= nil, text or problem)
      return nil
    end
    c.ask(
      { cmd = "repl", line = line, width = o.width, color = o.color, write = write, token = token },
      function(answer)
        if not answer.ok then return o.done(false, answer.error) end
        o.done(not answer.failed, answer.text ~= cjson.null and answer.text or nil)
      end,
      function(more)
        if more.print then front:print(more.print) end
      end
    )
    return { cancel = function() c.ask { cmd = "cancel", token = token, write = write } end }
  end

  function target.complete(_, text, reply)
    c.ask({ cmd = "complete", text = text, write = write, token = token }, function(answer)
      if answer.ok then
        reply { start = answer.start, list = answer.list or {}, hint = answer.hint, close = answer.close }
      end
    end)
  end

  local about
  c.ask({ cmd = "status" }, function(answer) about = answer end)
  while not about and not c.lost do
    c.take()
  end
  if c.lost or not about.ok then
    cmd.fail(1, "run '%s' (process %d) does not answer; its script may hold the loop", run.name, run.pid)
  end

  function target.prompt()
    return ("%s %s%s"):format(run.name, about.mode, write and " (writing)" or ""), write and "31;1" or "35"
  end
  function target.leave() leaving = true end
  function target.may_leave(reply) reply(nil) end

  front = terminal.new(target)
  if front.edits then
    front:print(
      ("attached to %s (%s, process %d), %s; :help lists commands, Ctrl-D leaves it running"):format(
        run.name,
        about.mode,
        run.pid,
        write and "writing: what is typed here trades" or "reading only (--write to trade)"
      )
    )
  end
  if front.edits and not options.quiet then
    c.ask({ cmd = "log", lines = 0, follow = true }, nil, function(more)
      if more.line then front:print(front:paint(more.line, "2"), io.stderr) end
    end)
  end
  front:listen()
  front:read()
  while not leaving and not c.lost do
    local ready = C.terminal_wait(front.terminal, -1, c.fd)
    if ready >= 2 then c.take() end
    if not leaving and ready % 2 == 1 then front:input() end
  end
  if c.lost and not leaving then front:print("the run has ended", io.stderr) end
  C.control_socket_hang_up(c.fd)
  local gone = c.lost and not leaving
  front:close()
  return (gone or front.failed and not front.edits) and 1 or 0
end

return M
