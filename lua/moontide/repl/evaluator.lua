---Where a typed line goes: code or a command, run in a world, answered by a text. It knows nothing of terminals and sockets.
local at_hand = require "moontide.repl.at_hand"
local commands = require "moontide.repl.commands"
local complete = require "moontide.repl.complete"
local eval = require "moontide.repl.eval"
local hints = require "moontide.repl.hints"
local pretty = require "moontide.repl.pretty"
local trace = require "moontide.repl.trace"
local transcript = require "moontide.repl.transcript"

local M = {}

---@class Evaluator
---@field world World
---@field api table
---@field env table where typed code runs
---@field mode string "sim" | "backtest" | "paper" | "live"
---@field simulated boolean the exchange is in this process and can be looked into
---@field latency_us number? its one-way latency
---@field trace table? calls kept for :why
---@field commands table<string, ReplCommand>
---@field describe fun(): string
---@field quit fun()? asks to leave
---@field transcript Transcript
---@field started string? the command that began it, as a comment of Markdown
---@field reload (fun(): string?, string?)? puts the changed script in place; in a task
---@field submit fun(self: Evaluator, line: string, o: table): Evaluation?
local Evaluator = {}
Evaluator.__index = Evaluator

---@param o { world: World, api: table, env: table, mode: string, simulated: boolean, latency_us: number?, describe: (fun(): string), quit: fun()?, reload: (fun(): string?, string?)?, commands: table?, transcript: Transcript?, started: string? }
---@return Evaluator
function M.new(o)
  local engine = setmetatable({
    world = o.world,
    api = o.api,
    env = at_hand.over(o.env, o.api),
    mode = o.mode,
    simulated = o.simulated,
    latency_us = o.latency_us,
    describe = o.describe,
    quit = o.quit,
    reload = o.reload,
    commands = {},
    transcript = o.transcript or transcript.new(),
    started = o.started,
  }, Evaluator)
  for name, c in pairs(commands.list) do
    engine.commands[name] = c
  end
  for name, c in pairs(o.commands or {}) do
    engine.commands[name] = c
  end
  if not o.quit then engine.commands.quit = nil end
  engine.trace = trace.new(o.world)
  return engine
end

---Whether more lines may make it whole.
---@param text string
---@return boolean
function M.incomplete(text)
  if text:find "^%s*:" then return false end
  local chunk, _, incomplete = eval.compile(text)
  return chunk == nil and incomplete == true
end

---Runs one line (or a chunk of several).
---@param line string
---@param o { width: integer, color: boolean?, reason: (fun(since: number): string?), done: fun(ok: boolean, text: string?), read_only: boolean?, env: table?, again: boolean? }
---@return Evaluation? # nil: it is done already
function Evaluator:submit(line, o)
  if not o.again then -- what is typed again on the way back in time is kept already
    local done = o.done
    o = setmetatable({
      done = function(ok, text)
        self.transcript:add(line, ok, text)
        done(ok, text)
      end,
    }, { __index = o })
  end
  local env = o.env or self.env
  local shown = { width = o.width, rows = 20, env = env, color = o.color }
  local name, argument = line:match "^%s*:(%S*)%s*(.-)%s*$"
  if name then
    local command = self.commands[name]
    if name == "" then
      o.done(false, "a command has a name; :help lists them")
      return nil
    end
    if not command and commands.elsewhere[name] then
      o.done(false, (":%s needs %s"):format(name, commands.elsewhere[name]))
      return nil
    end
    if not command then
      o.done(
        false,
        ("no command :%s; the nearest is :%s"):format(name, commands.nearest(name, self.commands))
      )
      return nil
    end
    if command.direct then return command.direct(self, argument, o) end
    return eval.start(function() return command.run(self, argument, shown) end, {
      reason = o.reason,
      read_only = o.read_only,
      done = function(ok, values)
        if not ok then return o.done(false, values[1]) end
        if values[1] == nil and values[2] then return o.done(false, values[2]) end
        o.done(true, values[1])
      end,
    })
  end
  local chunk, problem = eval.compile(line)
  if not chunk then
    o.done(false, problem)
    return nil
  end
  return eval.run(chunk, env, {
    reason = o.reason,
    read_only = o.read_only,
    done = function(ok, values)
      if not ok then
        local meant = hints.of_error(values[1], line, env)
        return o.done(false, values[1] .. (meant and ("; did you mean %s?"):format(meant) or ""))
      end
      if values[1] ~= nil then rawset(env, "_", values[1]) end -- for the next line
      local shows, text = pcall(pretty.values, values, shown)
      local meant = values.n == 1 and values[1] == nil and hints.of_nil(line, env)
      o.done(shows, meant and ("%s (did you mean %s?)"):format(text, meant) or text)
    end,
  })
end

---@param text string the line up to the cursor
---@param env table?
---@return Completion
function Evaluator:complete(text, env)
  local names, symbols = {}, {}
  for name in pairs(self.commands) do
    names[#names + 1] = name
  end
  for i = 0, self.world.symbol_count - 1 do
    symbols[i + 1] = self.world.symbol_names[i]
  end
  return complete.find(text, {
    env = env or self.env,
    symbols = symbols,
    commands = names,
    order_ids = function() return trace.ids(self.trace, 50) end,
  })
end

return M
