---`moontide explain RECORDING`: what happened, what the backtest says, and the difference by cause (docs/explain.md).
local cjson = require "cjson"
local C = require "moontide.core"
local attribute = require "moontide.explain.attribute"
local cmd = require "moontide.cmd"
local groups = require "moontide.options.groups"
local host = require "moontide.lua_host"
local log_module = require "moontide.run.log"
local option_table = require "moontide.options"
local recording = require "moontide.explain.session"
local replay = require "moontide.record.replay"
local simulate = require "moontide.explain.simulate"
local walls = require "moontide.run.walls"

-- What the backtest of the session is told by options; the rest it has from the recording.
local simulated = option_table.pick(
  { groups.account, groups.latency, groups.fills },
  { "maker", "taker", "slippage", "latency", "leverage", "margin", "path", "touch" }
)

local M = {
  usage = "explain RECORDING [options]",
  arguments = { name = "RECORDING", what = "recording", min = 1, max = 1, type = "file" },
  options = {
    {
      name = "script",
      type = "file",
      value = "FILE",
      help = "this script instead of the one inside the recording",
    },
    { name = "trusted", type = "flag", help = "let it use all of Lua; else it runs in a sandbox" },
    option_table.with(groups.data[1], {
      help = "the market of that time: finer bars, what the recording lacks, funding rates (as for backtest)",
    }),
    {
      name = "orders",
      type = "integer",
      value = "N",
      min = 0,
      max = 1e6,
      default = 10,
      help = "how many orders are shown, those with the largest differences; 0: none",
    },
    option_table.pick(groups.data, { "store" })[1],
    groups.result[1],
    { title = "the backtest", unpack(simulated) },
  },
}

local words = {
  data = "prices of bars, where the script saw others",
  latency = "the price moved while orders were on their way",
  fill_price = "filled at other prices than those of the moment",
  missed_fills = "the backtest filled what was not filled",
  extra_fills = "filled, where the backtest did not",
  fees = "other fee rates than the backtest's",
  refusals = "orders that were not taken",
  path = "orders that only one of the runs made",
  funding = "funding paid or received",
  carried = "positions from before the session",
  other_orders = "fills of orders that are not the script's",
  transfers = "money that came or went otherwise",
}

local function stamp(us) return log_module.time_text(us) end

local function side_text(x)
  if not x then return "not asked" end
  if x.quantity == 0 then return "no fill" end
  return ("%.8g at %.10g"):format(x.quantity, x.price)
end

local function largest_part(order)
  local name, most = "-", 0
  for cause, v in pairs(order.parts) do
    if math.abs(v) > most then
      name, most = cause, math.abs(v)
    end
  end
  return (name:gsub("_", " "))
end

local function order_lines(e, count)
  local list = {}
  for i, order in ipairs(e.orders) do
    list[i] = order
  end
  table.sort(list, function(a, b)
    local x, y = math.abs(a.difference), math.abs(b.difference)
    if x ~= y then return x > y end
    return a.time < b.time
  end)
  local lines = {}
  for i = 1, math.min(count, #list) do
    local o = list[i]
    lines[#lines + 1] = ("  %-19s  %-10s %-4s %-10s  %-24s %-24s %14.8f  %s"):format(
      stamp(o.time * 1000),
      o.symbol,
      o.side,
      ("%.8g"):format(o.quantity),
      o.refusal and "refused" or side_text(o.actual),
      o.simulated_refusal and "refused" or side_text(o.simulated),
      o.difference,
      largest_part(o)
    )
    if o.refusal then lines[#lines + 1] = "      " .. o.refusal end
    if o.simulated_refusal then lines[#lines + 1] = "      in the backtest: " .. o.simulated_refusal end
  end
  return lines, #list
end

local function context_text(context)
  local us = tonumber(context)
  return us and ("the bar of " .. stamp(us)) or context == "start" and "its start" or "its end"
end

---The explanation as text.
---@param s RecordedSession
---@param sim SimulatedSession
---@param e Explanation
---@param count integer orders shown
---@return string
function M.text(s, sim, e, count)
  local lines = {}
  local function row(name, v, note)
    if math.abs(v) < 5e-9 then v = 0 end -- not -0
    lines[#lines + 1] = ("  %-24s %16.8f  %s"):format(name, v, note or "")
  end
  lines[1] = ("%s (%s)  %s  %s to %s UTC, %d bars, %d orders"):format(
    s.about.script,
    s.about.mode,
    table.concat(s.names, " "),
    stamp(s.first.us),
    stamp(s.last.us),
    s.bar_count,
    #s.intents
  )
  lines[#lines + 1] = ""
  lines[#lines + 1] = ("  %-24s %16s"):format("", "USDT")
  row("what happened", e.actual)
  row("what the backtest says", e.simulated)
  row("difference", e.difference)
  lines[#lines + 1] = ""
  for _, cause in ipairs(attribute.causes) do
    row((cause:gsub("_", " ")), e.causes[cause], words[cause])
  end
  row("residual", e.residual, "what none of these explains")
  lines[#lines + 1] = ""
  if e.diverged then
    local o = e.diverged
    lines[#lines + 1] = ("the decisions differ from %s on: %s %s %.8g of %s %s; what follows from other decisions is under path"):format(
      context_text(o.context),
      o.side,
      o.type,
      o.quantity,
      o.symbol,
      o.actual and "was asked for, and the backtest did not" or "is the backtest's alone"
    )
  else
    lines[#lines + 1] = "both runs made the same decisions"
  end
  if not s.whole then lines[#lines + 1] = "the recording ends before its script did" end
  if s.unseen > 0 then
    lines[#lines + 1] = ("%d orders were filled, by their answers, beyond the fills that were reported before the end: what these made is in the residual"):format(
      s.unseen
    )
  end
  if s.failure then lines[#lines + 1] = "the script failed: " .. s.failure end
  if sim.failure then lines[#lines + 1] = "the script failed in the backtest: " .. sim.failure end
  local shown, total = order_lines(e, count)
  if #shown > 0 then
    lines[#lines + 1] = ""
    lines[#lines + 1] = ("orders with the largest differences, of %d"):format(total)
    lines[#lines + 1] = ("  %-19s  %-10s %-4s %-10s  %-24s %-24s %14s  %s"):format(
      "asked for",
      "symbol",
      "side",
      "quantity",
      "happened",
      "backtest",
      "difference",
      "mostly"
    )
    for _, line in ipairs(shown) do
      lines[#lines + 1] = line
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

---The explanation as JSON.
---@param s RecordedSession
---@param e Explanation
---@return string
function M.json(s, sim, e)
  local json = cjson.new()
  json.encode_number_precision(14)
  json.encode_sparse_array(true)
  local orders = setmetatable(e.orders, nil)
  return json.encode {
    script = s.about.script,
    mode = s.about.mode,
    symbols = s.names,
    from = s.first.us / 1000,
    to = s.last.us / 1000,
    bars = s.bar_count,
    whole = s.whole,
    failure = s.failure,
    simulated_failure = sim.failure,
    actual = e.actual,
    simulated = e.simulated,
    difference = e.difference,
    causes = e.causes,
    residual = e.residual,
    unseen = s.unseen,
    orders = orders,
    diverged = e.diverged,
  } .. "\n"
end

-- Where imported data is kept, for what may be written.
local function store_folder(options)
  local home, cache = os.getenv "HOME", os.getenv "XDG_CACHE_HOME"
  return options.store
    or os.getenv "MOONTIDE_STORE"
    or (cache and cache .. "/moontide")
    or (home and home .. "/.cache/moontide")
end

local function explain(options, path)
  local s = recording.read(path)
  local sim = simulate.run(s, options)
  local step = C.interval_find(s.about.interval)
  local e = attribute.explain(s, sim, {
    price_at = function(symbol, us) return recording.price_at(s, symbol, us) end,
    step_us = tonumber(C.interval_us(step >= 0 and step or C.INTERVAL_1M)),
  })
  if options.json == "-" then
    io.write(M.json(s, sim, e))
    return 0
  end
  if options.json then
    local ok, problem = host.replace_file(options.json, M.json(s, sim, e))
    if not ok then cmd.fail(1, "%s", problem) end
  end
  io.write(M.text(s, sim, e, options.orders))
  return 0
end

---@param options table
---@return integer status
function M.run(options)
  local path = options[1]
  if options.trusted then return explain(options, path) end
  local o = {
    script = options.script,
    read = { path, unpack(options.data or {}) },
    write = { options.data and store_folder(options) },
    beside = { options.json ~= "-" and options.json or nil },
    data = replay.data_folder(path),
  }
  local problem = walls.enter(o)
  if problem then io.stderr:write("note: ", problem, "\n") end
  local ok, status = pcall(explain, options, path)
  walls.leave(o)
  if not ok then error(status, 0) end
  return status
end

return M
