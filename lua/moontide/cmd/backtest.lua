---`moontide backtest SCRIPT --data PATH...`
local C = require "moontide.core"
local cmd = require "moontide.cmd"
local groups = require "moontide.options.groups"
local host = require "moontide.lua_host"
local loader = require "moontide.run.loader"
local log_module = require "moontide.run.log"
local pages = require "moontide.page"
local paths = require "moontide.report.paths"
local progress = require "moontide.progress"
local report = require "moontide.report"
local session = require "moontide.backtest.session"
local runner = require "moontide.run.runner"

local M = {
  usage = "backtest SCRIPT --data PATH... [options]",
  arguments = { name = "SCRIPT", what = "script", min = 1, max = 1, unless = "assumptions", type = "file" },
  exclusive = { { "data", "synthetic", "replay" }, { "paths", "replay" } },
  options = {
    {
      name = "replay",
      type = "file",
      value = "FILE",
      help = "instead of --data: a run recorded with --record; says where the script now does something else",
    },
    {
      name = "paths",
      type = "integer",
      value = "N",
      min = 2,
      max = 10000,
      help = "repeats the run with N seeds from --seed on and shows the spread that the inside of bars leaves open",
    },
    {
      name = "plot",
      type = "flag",
      help = "a chart of the equity below the result; at a terminal it is shown unless --quiet is given",
    },
    { name = "assumptions", type = "flag", help = "print what the simulation assumes, and stop" },
    groups.data,
    groups.script,
    groups.account,
    groups.latency,
    groups.fills,
    groups.rules,
    groups.faults,
    groups.result,
    groups.page,
    groups.log,
  },
}

-- The run so far is that of the first seed.
local function spread(options, path, result, bar)
  local seed, told = options.seed, nil
  if bar then told = function(done) bar.update("paths", done + 1, options.paths, "runs") end end
  local results = paths.run(options.argv, path, seed + 1, options.paths - 1, told)
  if bar then bar.clear() end
  table.insert(results, 1, result)
  return paths.summary(results, seed)
end

---@param options table
---@return integer status
function M.run(options)
  if options.assumptions then
    io.write(require("moontide.backtest.assumptions").text)
    return 0
  end
  local path = options[1]
  if options.replay then return require("moontide.record.replay").command(options, path) end
  local quiet, said = options.quiet or false, {}
  local function notice(line)
    said[#said + 1] = line
    if not quiet then io.stderr:write("note: ", line, "\n") end
  end
  report.check_files(options)
  if options.report then pages.check "report" end
  if options.json == "-" then
    options.plot = nil
  elseif not quiet and host.isatty(1) then
    options.plot = true
  end
  local bar = progress.new(options)
  local started = host.monotonic()
  local s = session.open(
    options,
    path,
    { print = options.json == "-" and loader.print_aside or print, notice = notice, bar = bar }
  )
  local world, self = s.world, s.script.self
  log_module.fold(world.log)
  if bar then
    world.on_tick = function()
      bar.update("running", tonumber(world.view.bars), tonumber(world.view.bars_total))
    end
    if self and self.on_bar then
      local inner, count = self.on_bar, 0
      self.on_bar = function(me, b)
        count = count + 1
        if count % 65536 == 0 then world.on_tick() end
        return inner(me, b)
      end
    end
  end

  local watch = options.report and require("moontide.page.watch").attach(world)
  math.randomseed(options.seed)
  local run_started = host.monotonic()
  local failure = runner.run(world, self, s.script.plain and s.script.chunk or nil)
  local finished = host.monotonic()
  if bar then bar.clear() end
  local folded = log_module.flush(world.log)
  if failure then
    local at = log_module.time_text(world:now())
    cmd.fail(1, "%s failed at %s: %s", path, at, failure)
  end
  local about = session.about(s, options, path)
  about.said, about.folded, about.trades = said, folded, options.trades
  local result = report.build(world, about)
  result.options = require("moontide.page.run").options(options.argv)
  if options.paths then result.paths = spread(options, path, result, bar) end
  if watch then
    local page = require "moontide.page.run"
    pages.write(
      options.report,
      page.document(result, {
        world = world,
        watch = watch,
        command = page.command("backtest", path, options.argv),
      })
    )
  end
  result.begun, result.run_s, result.setup_s = started, finished - run_started, run_started - started
  report.write(result, options, world, C.backtest_exchange(world.bt))
  world:close()
  if watch then pages.tell(options) end
  return 0
end

M.loads_script = true

return M
