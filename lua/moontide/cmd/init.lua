---The commands, and the command line: which command is meant, its options, and what it throws turned into one clear line and an
---exit status. A new command is a file in this folder, which returns its table of options with `run` (see moontide.options,
---Command), and a line in the list.
local failures = require "moontide.failure"

local M = {}

---Names in the order of help, and what each does in one line.
M.list = {
  {
    "backtest",
    "Runs a strategy on past bars: its api.* calls go through the API manager to a simulated exchange.",
  },
  {
    "sweep",
    "Backtests a strategy over ranges of its parameters, and says whether the best is more than luck.",
  },
  {
    "compare",
    "Lays results of backtests beside each other: figures, what differs, equity curves on a page.",
  },
  {
    "check",
    "Tries a strategy: look-ahead, costs, chance, single trades, parameters, faults. A verdict line each.",
  },
  { "data", "Downloads history, says what is there and whether it is right, exports it, or makes a market." },
  { "record", "Records a market's streams: compressed, checked, and with what did not come told in them." },
  { "paper", "Runs a strategy on a real exchange's market with an account of play money; no key is needed." },
  {
    "explain",
    "Says why a recorded run came to another result than its backtest: data, latency, fills, fees, refusals...",
  },
  { "live", "Runs strategies on a real exchange, each in a process of its own, under a supervisor." },
  { "stop", "Stops runs by name: their open orders are cancelled, also of a run whose script hangs." },
  { "repl", "Lua typed into a running world: a made market, a backtest moved step by step, paper or live." },
  { "attach", "The REPL of a running paper or live process; leaving it leaves that running." },
  { "status", "Lists running paper and live processes: position, profit, queue, limits, breaker." },
  { "logs", "Prints the log of a run, also of one that is over; --follow goes on with what comes." },
  { "trades", "Lists the filled orders of a live run from its journal, also of one that is over." },
  { "alert", "Sends a test alert to every target of the configuration: moontide alert test." },
  { "top", "The table of moontide status, kept up to date. q leaves." },
  {
    "doctor",
    "Checks what a live run needs: configuration, key, clock, reachability, limits, streams, disk.",
  },
  { "exchange", "Runs a Binance-compatible futures exchange on this machine, for any client." },
  { "new", "Makes a folder with a strategy, its spec and its configuration, which run at once." },
  {
    "test",
    "Runs busted specs inside the runtime (default: spec/), N files at once. Busted's own options pass through.",
  },
  { "script", "Runs a Lua file with the runtime's modules at hand: a tool, a benchmark." },
  { "completion", "Prints a script by which a shell completes commands, options and their values." },
  { "help", "Explains a command (moontide help backtest) or the settings (moontide help config)." },
  { "version", "Prints the version." },
}

local aliases = { ["--help"] = "help", ["-h"] = "help", ["--version"] = "version" }

---Ends the command: see failures.raise.
M.fail = failures.raise

---All commands in a line each.
---@return string
function M.overview()
  local lines = {
    ("moontide %s: write a strategy in Lua, backtest it, run it\n\nusage: moontide COMMAND [options]\n"):format(
      require("moontide.lua_host").version
    ),
  }
  for _, entry in ipairs(M.list) do
    lines[#lines + 1] = ("  %-10s %s"):format(entry[1], entry[2])
  end
  return table.concat(lines, "\n") .. "\n"
end

---Ends the command for a word that is no command's name.
---@param name string
function M.unknown(name)
  local names = {}
  for i, entry in ipairs(M.list) do
    names[i] = entry[1]
  end
  local nearest = require("moontide.options.suggest").nearest(name, names)
  failures.raise(
    2,
    "no such command '%s';%s moontide help lists them",
    name,
    nearest and (" did you mean '%s'?"):format(nearest) or ""
  )
end

---What a command does; nil for a word that is no command's name.
---@param name string
---@return string?
function M.summary(name)
  for _, entry in ipairs(M.list) do
    if entry[1] == name then return entry[2] end
  end
end

local function run(name, words)
  local summary = M.summary(name) or M.unknown(name)
  local command = require("moontide.cmd." .. name)
  if not command.loads_script then -- else as the script begins
    require("moontide.run.compiler").start()
  end
  if command.raw then return command.run(words) end
  local options = require("moontide.options.parse").parse(name, command, words)
  if options.help then
    io.write(require("moontide.options.help").of(summary, command))
    return 0
  end
  return command.run(options)
end

-- What went wrong in code of the script that was loaded, called by the runtime where it expects none (a metamethod of what the
-- script returned): the script's failure, not ours. Nil when no line of the script is on the way there.
local function loaded_script(traceback)
  local path = failures.script
  if not path or not traceback:find(path .. ":", 1, true) then return nil end
  local ok, failure = pcall(failures.raise, 1, "%s failed: %s", path, traceback)
  return not ok and failure or nil
end

---Runs the command that is named first in the words of a command line.
---@param words string[] without the program's own name
---@return integer status
function M.main(words)
  local name = table.remove(words, 1)
  if not name then
    io.stderr:write(M.overview())
    return 2
  end
  name = aliases[name] or name
  local ok, result = xpcall(function() return run(name, words) end, function(e)
    if failures.is(e) then return e end
    local traceback = debug.traceback(require("moontide.run.task").error_text(e), 2)
    return loaded_script(traceback) or traceback
  end)
  if ok then return result or 0 end
  local who = M.summary(name) and "moontide " .. name or "moontide"
  if failures.is(result) then
    io.stderr:write(who, ": ", result.message, "\n")
    return result.status
  end
  io.stderr:write(who, ": internal error, please report it: ", result, "\n")
  return 1
end

return M
