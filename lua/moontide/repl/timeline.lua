---Moving through the time of a backtest. Forwards it runs; backwards it runs again from the start, which is exact because a run
---is deterministic: the same data, the same seed, and the same lines typed at the same moments (those typed before the moment
---that is gone back to; later ones are undone with it).
local log_module = require "moontide.run.log"
local picture = require "moontide.report.picture"
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
    ("'%s' is not a moment; expected 2023-02-01, 2023-02-01T12:30, milliseconds, or from now: +90m, +6h, +2d"):format(
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
---@field o TimelineRun
local Timeline = {}
Timeline.__index = Timeline

---@class TimelineRun
---@field clock fun(): ReplClock
---@field session fun(): BacktestSession
---@field again fun() leaves this run for another
---@field stopped fun() hears that the other does not get where it was to stand
---@field path string of the script

function Timeline:now_us() return self.o.session().world:now() end

---Where the run stands, in one line.
---@return string
function Timeline:where()
  local clock, world = self.o.clock(), self.o.session().world
  local parts = { log_module.time_text(self:now_us()), ("bar %d"):format(clock.bars) }
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
---@param entry table
function Timeline:record(entry)
  local clock = self.o.clock()
  entry.turns, entry.bars, entry.us = clock.turns, clock.bars, self:now_us()
  self.typed[#self.typed + 1] = entry
end

-- Goes on from here to a goal.
function Timeline:forward(goal, done)
  local clock = self.o.clock()
  if clock.at_end then
    done(false, "the data end here; :back or :goto lead back")
    return nil
  end
  goal.reached = function() done(true, self:where()) end
  clock.goal = goal
  return {
    cancel = function()
      clock.goal = nil
      done(false, "stopped at " .. self:where())
    end,
  }
end

-- Begins anew and goes to a goal; of what was typed, what `keep` wants is typed again.
function Timeline:again(goal, keep, done)
  local kept = {}
  for _, entry in ipairs(self.typed) do
    if keep(entry) then kept[#kept + 1] = entry end
  end
  self.typed = kept
  self.wanted = { goal = goal, done = function() done(true, self:where()) end }
  self.o.again()
  return {
    cancel = function()
      self.o.clock().goal = nil
      self.wanted = nil
      self.o.stopped()
      done(false, "stopped at " .. self:where())
    end,
  }
end

function Timeline:run_to(us, done)
  if us < self:now_us() then
    return self:again({ until_us = us }, function(entry) return entry.us < us end, done)
  end
  return self:forward({ until_us = us }, done)
end

function Timeline:report(o)
  local s = self.o.session()
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
    seed = s.seed,
    until_us = self:now_us() + 1000,
  }) -- a bar's end is told in its last millisecond
  local chart = picture.equity(s.world, r):text { width = o.width, color = o.color or false }
  return report.table_text(r):gsub("\n+fingerprint.*$", "") .. "\n\n" .. chart
end

-- The commands that move through time: each begins a move and returns how it is cancelled, or nil and what is wrong.
local moves = {}

moves.step = {
  usage = ":step [N]",
  help = "lets N bars pass (1), to the end of what the script does with the last",
  move = function(t, argument, done)
    local n, problem = count_of(argument, "step")
    if not n then return nil, problem end
    return t:forward({ bars = t.o.clock().bars + n }, done)
  end,
}

moves.run = {
  usage = ":run [TIME]",
  help = "runs until a moment (2023-02-01T12:30, +6h), or to the end",
  move = function(t, argument, done)
    if argument == "" then return t:forward({}, done) end
    local us, problem = moment(argument, t:now_us())
    if not us then return nil, problem end
    if us < t:now_us() then return nil, ("%s is past; :goto leads back"):format(argument) end
    return t:run_to(us, done)
  end,
}

moves["goto"] = {
  usage = ":goto TIME",
  help = "goes to a moment, before or behind",
  move = function(t, argument, done)
    if argument == "" then return nil, "where to? :goto TIME" end
    local us, problem = moment(argument, t:now_us())
    if not us then return nil, problem end
    return t:run_to(us, done)
  end,
}

moves.back = {
  usage = ":back [N]",
  help = "goes back N bars (1): what came later, typed lines too, is undone",
  move = function(t, argument, done)
    local n, problem = count_of(argument, "back")
    if not n then return nil, problem end
    local bars = math.max(0, t.o.clock().bars - n)
    return t:again({ bars = bars }, function(entry) return entry.bars < bars end, done)
  end,
}

moves.reload = {
  usage = ":reload",
  help = "loads the script again and runs it to this same moment: what a change would have done",
  move = function(t, _, done)
    local ok, problem = pcall(strategy_module.compile, t.o.path)
    if not ok then return nil, tostring(problem) end -- the run goes on with the old one
    local bars, us = t.o.clock().bars, t:now_us()
    local function keep() return true end
    if t.o.clock().bar_us == us then return t:again({ bars = bars }, keep, done) end
    return t:again({ until_us = us }, keep, done)
  end,
}

---@param o TimelineRun
---@return Timeline
function M.new(o)
  local t = setmetatable({ typed = {}, commands = {}, o = o }, Timeline)
  for name, m in pairs(moves) do
    t.commands[name] = {
      usage = m.usage,
      help = m.help,
      direct = function(_, argument, line)
        local handle, problem = m.move(t, argument, line.done)
        if problem then line.done(false, problem) end
        return handle
      end,
    }
  end
  t.commands.report = {
    usage = ":report",
    help = "the result so far, as moontide backtest prints it, with the equity",
    run = function(_, _, shown) return t:report(shown) end,
  }
  return t
end

return M
