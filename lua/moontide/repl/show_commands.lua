---Commands that show what an expression gives in another way: whole, a line a field, how long it takes, where the time goes.
local host = require "moontide.lua_host"
local eval = require "moontide.repl.eval"
local pretty = require "moontide.repl.pretty"

---@type table<string, ReplCommand>
local M = {}

-- Runs an expression that was given to a command: its values, or nil and what is wrong.
local function values_of(argument, usage, o)
  if argument == "" then return nil, ("which expression? %s"):format(usage) end
  local chunk, problem = eval.compile(argument)
  if not chunk then return nil, problem end
  setfenv(chunk, o.env)
  jit.off(chunk, true)
  local function keep(...) return { n = select("#", ...), ... } end
  return keep(chunk())
end

local function seconds_text(s)
  if s < 0.001 then return ("%.1f us"):format(s * 1e6) end
  return s < 1 and ("%.2f ms"):format(s * 1e3) or ("%.3f s"):format(s)
end

M.time = {
  usage = ":time EXPR",
  help = "how long an expression takes: on this machine's clock, and on the world's",
  run = function(engine, argument, o)
    local before, world_before = host.monotonic(), engine.world:now()
    local values, problem = values_of(argument, ":time EXPR", o)
    if not values then return nil, problem end
    local took, world_took = host.monotonic() - before, (engine.world:now() - world_before) / 1e6
    local text, line = pretty.values(values, o), seconds_text(took)
    if math.abs(world_took - took) > 0.01 then
      line = line .. (", %.3f s of the world's time"):format(world_took)
    end
    return (text and text .. "\n" or "") .. line
  end,
}

M.page = {
  usage = ":page EXPR",
  help = "the whole of a value, not cut, in the pager ($PAGER, less) at a terminal",
  run = function(_, argument, o)
    local values, problem = values_of(argument, ":page EXPR", o)
    if not values then return nil, problem end
    local all = { width = o.width, rows = 1e6, items = 1e6, depth = 20, env = o.env }
    return pretty.values(values, all)
  end,
}

M.expand = {
  usage = ":expand EXPR",
  help = "a table of records with a line a field, where the columns find no room",
  run = function(_, argument, o)
    local values, problem = values_of(argument, ":expand EXPR", o)
    if not values then return nil, problem end
    return pretty.values(values, { width = o.width, rows = o.rows, expanded = true })
  end,
}

local PLACES_SHOWN = 15

M.profile = {
  usage = ":profile EXPR",
  help = "where an expression spends its time, by line; in a backtest :profile api.sleep(86400) measures a day of the strategy",
  run = function(_, argument, o)
    local profiler = require "jit.profile"
    local counts, total = {}, 0
    profiler.start("li1", function(thread, samples)
      local place = profiler.dumpstack(thread, "pl", 1):gsub("^%[string .-%]", "typed")
      counts[place] = (counts[place] or 0) + samples
      total = total + samples
    end)
    local began = host.monotonic()
    local ok, values, problem = pcall(values_of, argument, ":profile EXPR", o)
    local took = host.monotonic() - began
    profiler.stop()
    if not ok then error(values, 0) end
    if not values then return nil, problem end
    local rows = {}
    for place, count in pairs(counts) do
      rows[#rows + 1] = { place = place, samples = count, share = ("%.1f %%"):format(count / total * 100) }
    end
    table.sort(rows, function(a, b)
      if a.samples ~= b.samples then return a.samples > b.samples end
      return a.place < b.place
    end)
    local head = ("%s, %d samples of its time"):format(seconds_text(took), total)
    if #rows == 0 then return head .. "; too short to see where" end
    local shown = { unpack(rows, 1, PLACES_SHOWN) }
    local more = #rows - #shown
    return head
      .. "\n"
      .. pretty.grid({ "share", "samples", "place" }, shown, o.width)
      .. (more > 0 and ("\n(%d more places)"):format(more) or "")
  end,
}

return M
