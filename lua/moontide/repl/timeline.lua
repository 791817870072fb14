---Moving through the time of a backtest. Forwards it runs; backwards it runs again from the start, which is exact because a run
---is deterministic: the same data, the same seed, and the same lines typed at the same moments (those typed before the moment
---that is gone back to; later ones are undone with it).
local log_module = require "moontide.run.log"
local report = require "moontide.report"
local types = require "moontide.options.types"
local strategy_module = require "moontide.run.strategy"

local M = {}

local units = { s = 1, m = 60, h = 3600, d = 86400 }

-- A moment as "2023-02-01T12:30", milliseconds, or "+90m" from now.
local function moment(text, now_us)
  local count, unit = text:match "^%+(%d+%.?%d*)([smhd])$"
  if count then return now_us + tonumber(count) * units[unit] * 1e6 end
  local us = types.time(text)
  if us then return us end
  return nil,
    ("'%s' is no moment; 2023-02-01, 2023-02-01T12:30, milliseconds, or from now: +90m, +6h, +2d"):format(
      text
    )
end

local function count_of(text, name)
  if text == "" then return 1 end
  local n = tonumber(text)
  if not n or n < 1 or n ~= math.floor(n) then
    return nil, (":%s %s: how many bars? a whole number, 1 or more"):format(name, text)
  end
  return n
end

---@class Timeline
---@field typed table[] what was typed: { turns, bars, us, line } or { ..., cancels = true }
---@field wanted table? where the next run is to stand: { bars, until_us }, and what is typed on the way
---@field commands table<string, ReplCommand>

---@param o { clock: (fun(): ReplClock), session: (fun(): BacktestSession), again: fun(), stopped: fun(), path: string } `again` leaves this run for another, `stopped` hears that it does not get there
---@return Timeline
function M.new(o)
  local t = { typed = {}, commands = {} }

  local function now_us() return o.session().world:now() end

  ---Where the run stands, in one line.
  function t.where()
    local s, clock = o.session(), o.clock()
    local world = s.world
    local parts = { log_module.time_text(now_us()), ("bar %d"):format(clock.bars) }
    local equity = tonumber(world.view.wallet_e8) / 1e8
    for i = 0, world.symbol_count - 1 do
      local p, last = world.view.position[i], tonumber(world.pump.last(world.bt, i)) / 1e8
      local amount = 0
      for side = 0, 2 do
        local held = tonumber(p[side].amount_e8) / 1e8
        amount = amount + held
        if held ~= 0 then equity = equity + held * (last - tonumber(p[side].entry_e8) / 1e8) end
      end
      if i < 3 then
        parts[#parts + 1] = ("%s %.10g%s"):format(
          world.symbol_names[i],
          last,
          amount ~= 0 and (" position %.10g"):format(amount) or ""
        )
      end
    end
    parts[#parts + 1] = ("equity %.2f"):format(equity)
    if clock.at_end then parts[#parts + 1] = "the data end here" end
    return table.concat(parts, "  ")
  end

  ---Remembers that something was typed here.
  function t.record(entry)
    local clock = o.clock()
    entry.turns, entry.bars, entry.us = clock.turns, clock.bars, now_us()
    t.typed[#t.typed + 1] = entry
  end

  local function forward(goal, done)
    local clock = o.clock()
    if clock.at_end then
      done(false, "the data end here; :back or :goto lead back")
      return nil
    end
    goal.reached = function() done(true, t.where()) end
    clock.goal = goal
    return {
      cancel = function()
        clock.goal = nil
        done(false, "stopped at " .. t.where())
      end,
    }
  end

  local function again(goal, keep, done)
    local kept = {}
    for _, entry in ipairs(t.typed) do
      if keep(entry) then kept[#kept + 1] = entry end
    end
    t.typed = kept
    t.wanted = { goal = goal, done = function() done(true, t.where()) end }
    o.again()
    return {
      cancel = function()
        o.clock().goal = nil
        t.wanted = nil
        o.stopped()
        done(false, "stopped at " .. t.where())
      end,
    }
  end

  local function command(name, usage, help, direct)
    t.commands[name] = {
      usage = usage,
      help = help,
      direct = function(_, argument, line)
        local handle, problem = direct(argument, line.done)
        if problem then line.done(false, problem) end
        return handle
      end,
    }
  end

  command(
    "step",
    ":step [N]",
    "lets N bars pass (1), to the end of what the script does with the last",
    function(argument, done)
      local n, problem = count_of(argument, "step")
      if not n then return nil, problem end
      return forward({ bars = o.clock().bars + n }, done)
    end
  )

  local function run_to(us, done)
    if us < now_us() then
      return again({ until_us = us }, function(entry) return entry.us < us end, done)
    end
    return forward({ until_us = us }, done)
  end

  command(
    "run",
    ":run [TIME]",
    "runs until a moment (2023-02-01T12:30, +6h), or to the end",
    function(argument, done)
      if argument == "" then return forward({}, done) end
      local us, problem = moment(argument, now_us())
      if not us then return nil, problem end
      if us < now_us() then return nil, ("%s is past; :goto leads back"):format(argument) end
      return run_to(us, done)
    end
  )

  command("goto", ":goto TIME", "goes to a moment, before or behind", function(argument, done)
    if argument == "" then return nil, "where to? :goto TIME" end
    local us, problem = moment(argument, now_us())
    if not us then return nil, problem end
    return run_to(us, done)
  end)

  command(
    "back",
    ":back [N]",
    "goes back N bars (1): what came later, typed lines too, is undone",
    function(argument, done)
      local n, problem = count_of(argument, "back")
      if not n then return nil, problem end
      local bars = math.max(0, o.clock().bars - n)
      return again({ bars = bars }, function(entry) return entry.bars < bars end, done)
    end
  )

  command(
    "reload",
    ":reload",
    "loads the script again and runs it to this same moment: what a change would have done",
    function(_, done)
      local ok, problem = pcall(strategy_module.compile, o.path)
      if not ok then return nil, tostring(problem) end -- the run goes on with the old one
      local bars, us = o.clock().bars, now_us()
      if o.clock().bar_us == us then
        return again({ bars = bars }, function() return true end, done)
      end
      return again({ until_us = us }, function() return true end, done)
    end
  )

  t.commands.report = {
    usage = ":report",
    help = "the result so far, as moontide backtest prints it",
    run = function()
      local s = o.session()
      local r = report.build(s.world, {
        script = s.path,
        source = s.script.source,
        params = s.params,
        params_text = s.params_text,
        names = s.names,
        capital = s.capital,
        from = s.from,
        to = s.to,
        interval = s.interval,
        elapsed = 0,
        setup = 0,
        seed = s.seed,
        until_us = now_us() + 1000,
      }) -- a bar's end is told in its last millisecond
      return (report.table_text(r):gsub("\n+fingerprint.*$", ""))
    end,
  }

  return t
end

return M
