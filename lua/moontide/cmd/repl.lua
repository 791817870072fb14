---`moontide repl [SCRIPT]`: Lua typed into a world: the embedded exchange, a backtest, paper or live.
local C = require "moontide.core"
local at_hand = require "moontide.repl.at_hand"
local backtest = require "moontide.backtest.session"
local clock_module = require "moontide.repl.clock"
local cmd = require "moontide.cmd"
local evaluator = require "moontide.repl.evaluator"
local pretty = require "moontide.repl.pretty"
local terminal = require "moontide.repl.terminal"
local groups = require "moontide.options.groups"
local host = require "moontide.lua_host"
local live_groups = require "moontide.options.live_groups"
local log_module = require "moontide.run.log"
local synthetic_world = require "moontide.repl.synthetic_world"
local option_table = require "moontide.options"
local transcript = require "moontide.repl.transcript"
local runner = require "moontide.run.runner"
local task = require "moontide.run.task"
local timeline_module = require "moontide.repl.timeline"

-- Puts the changed script in place of the one that runs; typed code then sees the new one's globals.
local function reloader(s, path, engine)
  if not path then return nil end
  return function()
    local ok, problem = require("moontide.live.reload").now(s)
    if not ok then return nil, problem end
    s.script.env.self = s.script.self
    engine().env = at_hand.over(s.script.env, s.api)
    return nil -- the log says so
  end
end

local IDLE = package.moontide_home .. "/lua/moontide/repl/no_script.lua" -- luacheck: ignore 143

local pick, market_data = option_table.pick, groups.data

-- What only some worlds take.
local of_backtest = {
  title = "of a backtest",
  pick(market_data, { "bars", "from", "to", "allow-gaps", "store" }),
  groups.fills,
  groups.rules,
  groups.faults,
}
local of_embedded = {
  title = "of the embedded exchange",
  {
    name = "speed",
    type = "number",
    value = "X",
    min = 0.01,
    max = 10000,
    default = 1,
    help = "how much faster than the wall clock its time runs",
  },
  {
    name = "volatility",
    type = "number",
    value = "RATIO",
    min = 0,
    max = 0.5,
    default = 0.03,
    help = "standard deviation of a day's return",
  },
}
local of_exchange = {
  title = "of paper and live",
  pick(live_groups.run, { "name" }),
  live_groups.connection,
  live_groups.key,
  live_groups.limits,
  pick(live_groups.supervisor, { "keep-orders" }),
}

local M = {
  usage = "repl [SCRIPT] [--data PATH... | --synthetic SEED | --paper | --live] [options]",
  arguments = { name = "SCRIPT", what = "script", max = 1, type = "file" },
  exclusive = { { "paper", "live", "data", "synthetic" } },
  options = {
    { name = "paper", type = "flag", help = "on the market of a real exchange, orders in a simulated one" },
    { name = "live", type = "flag", help = "on a real exchange" },
    option_table.with(market_data[1], {
      help = "on a backtest of these bars, whose time stands still until it is moved",
    }),
    option_table.with(market_data[2], { help = "on a backtest of a market made from a seed" }),
    groups.script,
    groups.account,
    groups.latency,
    of_embedded,
    of_backtest,
    of_exchange,
    groups.log,
  },
}

local function refuse(options, group, what)
  for _, row in ipairs(option_table.rows(group)) do
    if options.given[row.name] ~= nil then cmd.fail(2, "--%s belongs to %s", row.name, what) end
  end
end

local function mode_of(options)
  local mode = options.live and "live"
    or options.paper and "paper"
    or (options.data or options.synthetic) and "backtest"
    or "sim"
  if mode ~= "backtest" then refuse(options, of_backtest, "a backtest: --data PATH or --synthetic SEED") end
  if mode ~= "sim" then
    refuse(options, of_embedded, "the embedded exchange, without --data, --paper and --live")
  end
  if mode ~= "paper" and mode ~= "live" then refuse(options, of_exchange, "--paper and --live") end
  return mode
end

-- What all worlds have in common: the screen takes what is printed and logged, the engine what is typed.
local function new_target()
  local target = {}
  function target.complete(_, text, reply) reply(target.engine:complete(text)) end
  function target.submit(_, line, o) return target.engine:submit(line, o) end
  return target
end

local function route_output(front)
  _G.print = function(...) front():print(pretty.printed(...)) end
  log_module.write = function(line)
    local f = front()
    if f and not f.closed then
      f:print(f.edits and f:paint(line, "2") or line, io.stderr)
    else
      io.stderr:write(line, "\n")
    end
  end
end

-- What to say of open orders before leaving, by `text_of(count, "1 open order")`; nil when there are none.
local function warn_of_orders(open_orders, text_of)
  return function(reply)
    local text
    local handle = task.spawn(function()
      local orders, err = open_orders()
      if not orders then
        text = ("Whether orders are open cannot be known (%s)."):format(tostring(err))
      elseif #orders > 0 then
        text = text_of(#orders, ("%d open order%s"):format(#orders, #orders == 1 and "" or "s"))
      end
      reply(text)
    end)
    handle.reported = true
  end
end

local function banner(front, mode, text)
  if front.edits then
    front:print(
      ("moontide %s, %s: %s\n:help lists commands, Tab completes, Ctrl-D leaves"):format(
        host.version,
        mode,
        text
      )
    )
  end
end

local function on_failure(front)
  return function(dead)
    front:print(front:paint("a task failed: " .. dead.traceback, "31"), not front.edits and io.stderr or nil)
  end
end

-- How this was started, for notebooks; a seed that was left out is one of its own each time.
local function started(options, path)
  local words = { "<!-- moontide repl" }
  if path and path ~= IDLE then words[#words + 1] = path end
  for _, word in ipairs(options.argv) do
    words[#words + 1] = word
  end
  return table.concat(words, " ") .. " -->"
end

local function describe_account(options) return ("%.12g USDT"):format(options.capital) end

-- ---- the embedded exchange --------------------------------------------------------------------------------------------

local function run_made(options, path)
  local target, world = new_target(), nil
  local front = terminal.new(target)
  route_output(function() return front end)
  local clock = clock_module.new(front.terminal, {
    made = true,
    speed = options.speed,
    world = function() return world end,
  })
  local ok, s = pcall(synthetic_world.open, options, path or IDLE, {
    log = function(now) return require("moontide.run.loader").log(options, now) end,
    print = print,
    clock = clock,
  })
  if not ok then
    front:close()
    error(s, 0)
  end
  world = s.world
  s.script.env.self = s.script.self
  local engine
  engine = evaluator.new {
    reload = reloader(s, path, function() return engine end),
    world = world,
    api = s.api,
    env = s.script.env,
    mode = "sim",
    simulated = true,
    latency_us = s.latency_us,
    quit = function() front:leave() end,
    started = started(options, path),
    describe = function()
      return ("sim: a market made by this process from a seed, by the wall clock%s; %s; now %s"):format(
        options.given.speed and " times " .. options.given.speed or "",
        table.concat(s.names, " "),
        log_module.time_text(world:now())
      )
    end,
  }
  target.engine = engine
  function target.prompt() return "sim", "36" end
  function target.leave() clock.quitting = true end
  target.may_leave = warn_of_orders(
    function() return engine.api.get_open_orders {} end,
    function(_, orders) return ("Quitting discards %s."):format(orders) end
  )
  function world.on_input() front:input() end
  world.on_failure = on_failure(front)
  banner(
    front,
    "sim",
    ("%s on a made market, %s"):format(table.concat(s.names, " "), describe_account(options))
  )
  front:listen()
  local failure = runner.run(world, s.script.self, s.script.plain and function()
    s.script.chunk()
    task.park()
  end or nil)
  world:close()
  front:close()
  if failure then cmd.fail(1, "%s", failure) end
  return front
end

-- ---- a backtest -------------------------------------------------------------------------------------------------------

---@class BacktestRepl a session, and those that take its place when time is moved back
---@field options table
---@field path string of the script
---@field target table
---@field front table
---@field timeline table
---@field clock ReplClock of the session that runs
---@field session BacktestSession
---@field data BacktestBars? loaded by the first session

local function open_backtest(r)
  local options, front = r.options, r.front
  r.clock = clock_module.new(
    front.terminal,
    { made = false, world = function() return r.session and r.session.world end }
  )
  r.session = backtest.open(options, r.path, {
    pump = r.clock.pump,
    print = print,
    data = r.data,
    notice = function(line)
      if not options.quiet and not r.data then front:print("note: " .. line, io.stderr) end
    end,
  })
  local session, world = r.session, r.session.world
  r.data = session.data
  session.path, session.interval, session.seed = r.path, options.interval, options.given.seed or "1"
  session.script.env.self = session.script.self
  world.on_input = function() front:input() end
  world.on_failure = on_failure(front)
  r.target.engine = evaluator.new {
    world = world,
    api = session.api,
    env = session.script.env,
    mode = "backtest",
    simulated = true,
    latency_us = session.latency_us,
    quit = function() front:leave(true) end,
    started = started(options, r.path),
    transcript = r.transcript,
    commands = r.timeline.commands,
    describe = function() return "backtest: time stands still while nothing waits; " .. r.timeline:where() end,
  }
end

-- A line in the session that runs; what it is recorded as, when it is typed the first time.
local function submit_line(r, line, o, first)
  local timeline, this = r.timeline, r.clock
  local moves = timeline.commands[line:match "^%s*:(%w+)" or ""] ~= nil
  if first and not moves and not line:find "^%s*:quit%s*$" then timeline:record { line = line } end
  this.busy = not moves
  local handle = r.target.engine:submit(line, {
    width = o.width,
    color = o.color,
    reason = o.reason,
    again = not first,
    done = function(ok, text)
      if not moves then this.busy = false end
      this.starved = nil
      o.done(ok, text)
    end,
  })
  if not handle then return nil end
  local function cancel(why)
    if first and not moves then timeline:record { cancels = true } end
    this.busy = false
    handle.cancel(why)
  end
  this.starved = function() cancel "the data end here, and nothing answers any more" end
  return { cancel = cancel }
end

-- The lines typed before, typed again on the way.
local function typed_again(r)
  local list, running = {}, nil
  for i, entry in ipairs(r.timeline.typed) do
    list[i] = {
      turns = entry.turns,
      cancels = entry.cancels,
      fn = function()
        if entry.cancels then
          if running then running.cancel "cancelled" end
          return
        end
        running = submit_line(
          r,
          entry.line,
          { width = 100, reason = function() return nil end, done = function() running = nil end },
          false
        )
      end,
    }
  end
  return list
end

-- Opens a session; what it throws leaves the screen as it was found.
local function open_or_close(r)
  local ok, problem = pcall(open_backtest, r)
  if ok then return end
  r.front.muted = false
  r.front:close()
  error(problem, 0)
end

-- Runs the session, and those that follow it, until the user leaves; the failure of the last, if there was one.
local function run_sessions(r)
  while true do
    math.randomseed(r.options.seed)
    local s = r.session
    local failure = runner.run(s.world, s.script.self, s.script.plain and function()
      s.script.chunk()
      task.park()
    end or nil)
    s.world:close()
    local wanted = r.timeline.wanted
    if not r.clock.leaving or not wanted then return failure end
    r.timeline.wanted = nil
    open_or_close(r) -- a script that does not load any more: the old session is gone
    r.clock.script = typed_again(r)
    r.clock.goal = wanted.goal
    r.clock.goal.reached = function()
      r.front.muted = false
      wanted.done()
    end
  end
end

local function run_backtest(options, path)
  local target = new_target()
  local front = terminal.new(target)
  route_output(function() return front end)
  options.plot = true -- the equity of every bar is kept, for :report
  local r = {
    options = options,
    path = path or IDLE,
    target = target,
    front = front,
    transcript = transcript.new(), -- of all sessions
  }
  r.timeline = timeline_module.new {
    clock = function() return r.clock end,
    session = function() return r.session end,
    again = function()
      r.clock.leaving = true
      front.muted = true
      r.session.world:stop()
    end,
    stopped = function() front.muted = false end,
    path = r.path,
  }
  function target.submit(_, line, o) return submit_line(r, line, o, true) end
  function target.prompt() return log_module.time_text(r.session.world:now()):sub(1, 16), "33" end
  function target.leave() r.clock.quitting = true end
  function target.may_leave(reply) reply(nil) end
  open_or_close(r)
  banner(
    front,
    "backtest",
    r.timeline:where() .. "\n:step, :run, :back, :goto move through time, :why tells an order's life"
  )
  front:listen()
  local failure = run_sessions(r)
  front:close()
  if failure then cmd.fail(1, "%s", failure) end
  return front
end

-- ---- paper and live ---------------------------------------------------------------------------------------------------

local function run_live(options, path, mode)
  local ending, session = require "moontide.live.shutdown", require "moontide.live.session"
  options.name = options.name or (not path and (mode == "paper" and "repl-paper" or "repl")) or nil
  local target, front = new_target(), nil
  target.no_shell = "another program would hold the trading while it has the terminal; use another terminal"
  route_output(function() return front end)
  options.title = not path and "no script" or nil -- instead of the path
  options.trusted = true -- who types here may do what he likes
  local s = session.open(options, path or IDLE, mode)
  session.start(s)
  front = terminal.new(target)
  local world = s.world
  s.script.env.self = s.script.self
  local engine
  engine = evaluator.new {
    reload = reloader(s, path, function() return engine end),
    world = world,
    api = s.api,
    env = s.script.env,
    mode = mode,
    simulated = false,
    quit = function() front:leave() end,
    started = started(options, path),
    describe = function()
      return ("%s: %s on %s; now %s"):format(
        mode,
        table.concat(s.names, " "),
        s.at.rest,
        log_module.time_text(world:now())
      )
    end,
  }
  target.engine = engine
  function target.prompt() return mode, mode == "live" and "31;1" or "32" end
  function target.leave() world.pump.stop(world.bt) end
  target.may_leave = warn_of_orders(function() return ending.all_open_orders(s) end, function(count, orders)
    if options["keep-orders"] then return ("%s %s open."):format(orders, count == 1 and "stays" or "stay") end
    return ("Quitting cancels %s."):format(orders)
  end)
  function world.on_input()
    front:input()
    -- Nobody reads any more: what is typed, or a terminal that has gone, must not keep the end from coming.
    if front.ended then C.live_watch(s.l, -1) end
  end
  world.on_failure = on_failure(front)
  banner(front, mode, ("%s on %s"):format(table.concat(s.names, " "), s.at.rest))
  front:listen()
  C.live_watch(s.l, C.terminal_fd(front.terminal))
  task.spawn(function() front:read() end) -- what has come already
  local failure = session.run(s)
  front:close()
  if failure then cmd.fail(1, "%s", failure) end
  return front
end

---@param options table
---@return integer status
function M.run(options)
  local path = options[1]
  local mode = mode_of(options)
  task.install()
  task.watch()
  local front
  if mode == "sim" then
    front = run_made(options, path)
  elseif mode == "backtest" then
    front = run_backtest(options, path)
  else
    front = run_live(options, path, mode)
  end
  return front.failed and not front.edits and 1 or 0
end

return M
