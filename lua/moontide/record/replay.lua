---Replays a recorded run (C side: record/replay.h): `moontide backtest SCRIPT --replay FILE`.
local ffi = require "ffi"
local cjson = require "cjson"
local C = require "moontide.core"
local api_module = require "moontide.api"
local failures = require "moontide.failure"
local host = require "moontide.lua_host"
local loader = require "moontide.run.loader"
local log_module = require "moontide.run.log"
local market_module = require "moontide.api.market"
local pump_module = require "moontide.run.pump"
local state = require "moontide.run.state_form"
local runner = require "moontide.run.runner"
local strategy_module = require "moontide.run.strategy"
local task = require "moontide.run.task"
local walls = require "moontide.run.walls"
local world_module = require "moontide.run.world"

local M = {}

---What a recording says of its run; fails the command when it cannot be read.
---@param path string
---@return ffi.cdata* replay struct replay
---@return table about
function M.open(path)
  local out, message = ffi.new "struct replay *[1]", ffi.new "struct errmsg"
  if C.replay_open(path, out, message) ~= 0 then failures.raise(1, "%s", ffi.string(message.text)) end
  local size = ffi.new "size_t[1]"
  local text = C.replay_about(out[0], size)
  local ok, about = pcall(cjson.decode, ffi.string(text, size[0]))
  if not ok or type(about) ~= "table" or type(about.source) ~= "string" or type(about.symbols) ~= "table" then
    failures.raise(1, "%s is damaged: what it says of its run cannot be read", path)
  end
  about.load_us = tonumber(about.load_us) or 0 -- a text there: JSON numbers are cut to fewer digits
  return out[0], about
end

---Where a script of a replay may keep files: beside the recording, never among those of the run.
---@param file string
---@return string
function M.data_folder(file) return file .. ".data" end

-- The pump of a replay. When it is over, the task that asked rests for good and the world stops.
local function pump_of(r, stop)
  local function check(...)
    if C.replay_state(r) ~= C.REPLAY_RUNNING then
      stop()
      if task.current() then task.park() end
    end
    return ...
  end
  local pump = pump_module.of(C.replay_functions())
  for _, name in ipairs {
    "submit",
    "wait",
    "next",
    "timer",
    "client_id",
    "configure",
    "manager_start",
    "manager_stop",
    "strain",
    "metrics",
    "book",
  } do
    local call = pump[name]
    pump[name] = function(...) return check(call(...)) end
  end
  return pump, check
end

---The state a run began with, and the check of it after each handler, as the run had them.
---@param world World
---@param self Strategy
---@param about table
function M.give_state(world, self, about)
  if about.state then self.state = assert(state.decode(state.from_hex(about.state))) end
  world.after_handler = function()
    local text, problem = state.encode(world.strategy.state)
    if not text then error(problem, 0) end
  end
end

---@class ReplayResult
---@field state string "same" | "cut" | "damaged" | "noted" | "diverged"
---@field events integer what the script was told
---@field calls integer what it asked for
---@field time number milliseconds since the epoch, where it ends
---@field offset integer in the file
---@field recorded string? diverged: what the recorded run did; noted: what came from outside
---@field did string? what the script does now
---@field changed boolean the script is another than the one recorded

local states = {
  [C.REPLAY_SAME] = "same",
  [C.REPLAY_CUT] = "cut",
  [C.REPLAY_DAMAGED] = "damaged",
  [C.REPLAY_NOTED] = "noted",
  [C.REPLAY_DIVERGED] = "diverged",
  [C.REPLAY_RUNNING] = "cut",
}

---Runs a script on what a recording tells, and compares what it does.
---@param path string of the script
---@param file string the recording
---@param o { options: table, print: function }
---@return ReplayResult
function M.run(path, file, o)
  local r, about = M.open(file)
  local world
  local function now() return world and world:now() or about.load_us end
  local log = loader.log(o.options, function() return world and world:now() end)
  local script = loader.load(path, {
    log = log,
    print = o.print,
    seed = about.seed,
    now = now,
    sandbox = about.sandbox and M.data_folder(file) or nil,
  })
  local self = script.self
  local sets = next(o.options.set or {}) and loader.sets(o.options.set) or about.sets
  local params = strategy_module.parameters(self and self.params, sets, path)
  local count = ffi.new "int32_t[1]"
  local rules = C.replay_rules(r, count)
  local symbols = ffi.new("struct symbol[?]", count[0])
  ffi.copy(symbols, rules, ffi.sizeof(symbols))
  local config = ffi.new "struct api_config"
  ffi.copy(config, C.replay_config(r), ffi.sizeof(config))
  local symbol_names, index_of = {}, {}
  for i, name in ipairs(about.symbols) do
    symbol_names[i - 1] = name
    index_of[name] = i - 1
  end
  local pump, check = pump_of(r, function() world:stop() end)
  world = world_module.new {
    pump = pump,
    bt = r,
    symbols = symbols,
    symbol_names = symbol_names,
    symbol_count = count[0],
    log = log,
    feed = function(symbol, interval)
      local index = index_of[symbol] or error(("no symbol '%s' in this run"):format(tostring(symbol)), 4)
      local wanted = C.interval_find(interval or about.interval)
      if wanted < 0 then error(("no such interval '%s'"):format(tostring(interval)), 4) end
      local feed = C.replay_feed(r, index, wanted)
      check()
      return feed, index
    end,
  }
  world.config, world.rate_limits = config, about.rate_limits
  local api = api_module.new(world)
  script.env.api, script.env.market = api, market_module.new(world)
  local function over(failure)
    C.replay_over(r, failure or "")
    check()
  end
  local chunk
  if self then
    self.symbols, self.params, self.interval = about.symbols, params, about.interval
    M.give_state(world, self, about)
    for _, name in ipairs(about.symbols) do
      world:subscribe(name, about.interval)
    end
    loader.listen(world, api)
    local on_stop = self.on_stop
    self.on_stop = function(me)
      if on_stop then on_stop(me) end
      over()
    end
  else
    chunk = function()
      script.chunk()
      over()
    end
  end
  C.replay_begin(r)
  math.randomseed(about.seed)
  if C.replay_state(r) == C.REPLAY_RUNNING then
    local failure = runner.run(world, self, chunk)
    C.replay_over(r, failure or "") -- unless its own end has said so
  end
  local report = C.replay_report(r)
  local result = {
    state = states[report.state],
    events = tonumber(report.events),
    calls = tonumber(report.calls),
    time = tonumber(report.now_us) / 1000,
    offset = tonumber(report.offset),
    changed = host.sha256(script.source) ~= about.sha256,
  }
  if report.state == C.REPLAY_DIVERGED or report.state == C.REPLAY_NOTED then
    result.recorded, result.did = ffi.string(report.recorded), ffi.string(report.did)
  end
  world:close()
  return result
end

local function stamp(ms) return log_module.time_text(ms * 1000) end

---The result in words.
---@param x ReplayResult
---@param file string
---@return string
function M.text(x, file)
  local count = ("%d events, %d calls"):format(x.events, x.calls)
  if x.state == "same" then return count .. ": the same\n" end
  if x.state == "cut" then
    return ("%s: the same, as far as the recording goes (it is cut off at byte %d, %s)\n"):format(
      count,
      x.offset,
      stamp(x.time)
    )
  end
  if x.state == "damaged" then
    return ("%s: the same, up to where %s is damaged (byte %d, %s)\n"):format(
      count,
      file,
      x.offset,
      stamp(x.time)
    )
  end
  if x.state == "noted" then
    return ("%s: the same, up to %s, when %s\n"):format(count, stamp(x.time), x.recorded)
  end
  return ("differs after event %d (%s), at call %d%s\n  recorded  %s\n  now       %s\n"):format(
    x.events,
    stamp(x.time),
    x.calls + 1,
    x.changed and "; the script is not the one recorded" or "",
    x.recorded,
    x.did
  )
end

-- Whether the recorded run was in the sandbox, and so its script is here.
local function in_sandbox(file)
  local r, about = M.open(file)
  C.replay_free(r)
  return about.sandbox == true
end

-- A script that was in the sandbox is held by the system too.
local function run_held(path, options)
  local held = in_sandbox(options.replay)
    and {
      script = path,
      read = { options.replay, options.config or "moontide.conf.lua" },
      beside = { options.json ~= "-" and options.json or nil },
      data = M.data_folder(options.replay),
    }
  local problem = held and walls.enter(held)
  if problem then io.stderr:write("note: ", problem, "\n") end
  local ok, x = pcall(
    M.run,
    path,
    options.replay,
    { options = options, print = options.json and loader.print_aside or print }
  )
  if held then walls.leave(held) end
  if not ok then error(x, 0) end
  return x
end

---The command.
---@param options table
---@param path string
---@return integer status
function M.command(options, path)
  local x = run_held(path, options)
  local good = x.state == "same" or x.state == "cut" or x.state == "noted"
  if options.json then
    local text = cjson.encode(x) .. "\n"
    if options.json == "-" then
      io.write(text)
    else
      local ok, problem = host.replace_file(options.json, text)
      if not ok then failures.raise(1, "%s", problem) end
    end
  end
  if options.json ~= "-" then io.write(M.text(x, options.replay)) end
  return good and 0 or 1
end

return M
