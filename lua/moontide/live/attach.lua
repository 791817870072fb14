---The REPL's end in a running process: what `moontide attach` sends over the control socket is run here. A connection only reads
---unless it says that it writes: then its code runs in a copy of this process (live/reading.lua), where it can change nothing of
---the run, and end no more than the copy.
local cjson = require "cjson"
local at_hand = require "moontide.repl.at_hand"
local host = require "moontide.lua_host"
local control = require "moontide.live.control_socket"
local evaluator = require "moontide.repl.evaluator"
local eval = require "moontide.repl.eval"
local pretty = require "moontide.repl.pretty"
local log_module = require "moontide.run.log"
local reading = require "moontide.live.reading"
local rows = require "moontide.repl.rows"
local state_form = require "moontide.run.state_form"
local task = require "moontide.run.task"

local M = {}

local clock = os.clock

local COMPUTING_S = 1 -- how long typed code may hold the loop at a time, and compute where it only reads
local CONNECTIONS_KEPT = 32

local function too_long(since)
  if host.monotonic() - since > COMPUTING_S then
    return ("stopped after %d s: the strategy shares this thread"):format(COMPUTING_S)
  end
  return nil
end

-- In a copy of this process: what it waits for holds nobody up, so only what it computes counts. A new process counts from 0.
local function too_much()
  return clock() > COMPUTING_S and ("stopped after %d s of computing"):format(COMPUTING_S) or nil
end

---Where the code of a connection runs: the script's globals behind a table of its own, `self` the strategy.
---@param s LiveSession
---@param write boolean
---@param print_to fun(text: string)?
---@return table
local function environment(s, write, print_to)
  local env = { self = s.script.self }
  if print_to then env.print = function(...) print_to(pretty.printed(...)) end end
  at_hand.fill(env, s.script.env, s.api)
  return setmetatable(env, { __index = s.script.env, __newindex = write and s.script.env or nil })
end

local function engine_of(s)
  if not s.engine then
    s.engine = evaluator.new {
      world = s.world,
      api = s.api,
      env = s.script.env,
      mode = s.mode,
      simulated = false,
      describe = function()
        return ("%s '%s': %s on %s; now %s"):format(
          s.mode,
          s.name,
          table.concat(s.names, " "),
          s.at and s.at.rest or "?",
          log_module.time_text(s.world:now())
        )
      end,
      reload = function()
        local ok, problem = require("moontide.live.reload").now(s)
        if not ok then return nil, problem end
        return s.path .. " is reloaded"
      end,
    }
    s.connections, s.connection_order = {}, {}
  end
  return s.engine
end

-- What is kept of a connection between its lines.
local function connection_of(s, request)
  local token = tostring(request.token or "")
  engine_of(s)
  local c = s.connections[token]
  if not c then
    c = { send = function() end }
    s.connections[token] = c
    table.insert(s.connection_order, token)
    if #s.connection_order > CONNECTIONS_KEPT then
      s.connections[table.remove(s.connection_order, 1)] = nil
    end
  end
  local write = request.write == true
  if not c.env or c.write ~= write or c.script ~= s.script then -- a reloaded script has globals of its own
    c.write, c.script = write, s.script
    c.env = environment(s, write, function(text) c.send { print = text } end)
  end
  return c
end

-- Parks the handler until what it started has ended.
local function wait_for(start)
  local me, over, answer = task.current(), false, nil
  local handle = start(function(...)
    over, answer = true, { ... }
    task.make_ready(me)
  end)
  while not over do
    task.park()
  end
  return answer, handle
end

-- What a connection that reads has defined, as far as it is plain data, for its next line: that runs in another copy.
local function keep(env)
  local values = {}
  for name, value in pairs(env) do
    if type(name) == "string" and name ~= "self" and name ~= "api" and name ~= "print" then
      local ok = state_form.encode { value }
      if ok then values[name] = value end
    end
  end
  local text = next(values) ~= nil and state_form.encode(values)
  return text and state_form.to_hex(text) or nil
end

-- A line that only reads, in a copy of this process.
local function read_line(s, c, request, line)
  local ok, text, kept = reading.run(s, {
    print = function(printed) c.send { print = printed } end,
    began = function(cancel) c.running = { cancel = cancel } end,
  }, function(api, done, print_to)
    local env = environment(s, false, print_to)
    at_hand.fill(env, s.script.env, api)
    for name, value in pairs(c.kept and state_form.decode(state_form.from_hex(c.kept)) or {}) do
      env[name] = rows.adopt(value)
    end
    local engine = engine_of(s)
    engine.api = api
    engine:submit(line, {
      width = tonumber(request.width) or 100,
      color = request.color == true,
      env = env,
      read_only = true,
      reason = too_much,
      done = function(good, answer) done(good, answer, keep(env)) end,
    })
  end)
  c.running = nil
  if ok then c.kept = kept end
  return { text = text, failed = not ok }
end

-- A line of `moontide attach`: { text, failed }.
control.on("repl", function(s, request, client)
  local c = connection_of(s, request)
  c.send = client.send
  local line = tostring(request.line)
  if not c.write then return read_line(s, c, request, line) end
  if s.recorder then s.recorder.note("code was run from outside: " .. line) end
  local answer = wait_for(
    function(done)
      c.running = engine_of(s):submit(line, {
        width = tonumber(request.width) or 100,
        color = request.color == true,
        env = c.env,
        read_only = not c.write,
        reason = too_long,
        done = done,
      })
    end
  )
  c.running = nil
  return { text = answer[2], failed = not answer[1] }
end)

-- Ends the line that waits: what it waits for goes on.
control.on("cancel", function(s, request)
  local c = connection_of(s, request)
  if c.running then c.running.cancel "cancelled" end
  return {}
end)

control.on("complete", function(s, request)
  local c = connection_of(s, request)
  local found = engine_of(s):complete(tostring(request.text), c.env)
  return {
    start = found.start,
    list = #found.list > 0 and found.list or nil,
    hint = found.hint,
    close = found.close,
  }
end)

-- A chunk that only reads, in a copy of this process: its values as text, joined in JSON.
local function read_chunk(s, chunk)
  local ok, text = reading.run(s, { print = function() end }, function(api, done, print_to)
    local env = environment(s, false, print_to)
    env.api = api
    eval.run(chunk, env, {
      reason = too_much,
      read_only = true,
      done = function(good, values)
        if not good then return done(false, values[1]) end
        local results = { n = values.n }
        for i = 1, values.n do
          results[i] = tostring(values[i])
        end
        done(
          true,
          cjson.encode {
            list = results.n > 0 and { unpack(results, 1, results.n) } or cjson.null,
            n = results.n,
          }
        )
      end,
    })
  end)
  if not ok then return nil, text end
  local answer = cjson.decode(text)
  return { results = answer.n > 0 and answer.list or {}, count = answer.n }
end

-- Runs a chunk or an expression, for programs; `results` are its values as text.
control.on("eval", function(s, request)
  local code, write = tostring(request.code), request.write == true
  local chunk, problem = eval.compile(code, "attach")
  if not chunk then return nil, problem end
  if not write then return read_chunk(s, chunk) end
  if s.recorder then s.recorder.note("code was run from outside: " .. code) end
  local answer = wait_for(
    function(done)
      return eval.run(chunk, environment(s, write), { reason = too_long, read_only = not write, done = done })
    end
  )
  local ok, values = answer[1], answer[2]
  if not ok then return nil, values[1] end
  local results = {}
  for i = 1, values.n do
    results[i] = tostring(values[i])
  end
  return { results = results, count = values.n }
end)

return M
