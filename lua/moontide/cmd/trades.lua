---`moontide trades NAME`: what a live run's orders came to, from its journal; also of a run that is over.
local cjson = require "cjson"
local cmd = require "moontide.cmd"
local folder = require "moontide.live.folder"
local log_module = require "moontide.run.log"
local pretty = require "moontide.repl.pretty"
local run_file = require "moontide.live.run_file"
local status = require "moontide.cmd.status"

local M = {
  usage = "trades NAME [--json | --csv]",
  arguments = { name = "NAME", what = "run", min = 1, max = 1, type = "run" },
  exclusive = { { "json", "csv" } },
  options = {
    {
      name = "last",
      type = "integer",
      value = "N",
      min = 1,
      max = 1e6,
      default = 50,
      help = "so many at most",
    },
    { name = "json", type = "flag", help = "an array of objects" },
    { name = "csv", type = "flag", help = "comma-separated, with a line of names" },
  },
}

local columns = { "time", "symbol", "side", "type", "quantity", "price", "value", "status", "orderId", "run" }
local READ_MOST = 1000000

-- Orders that were filled, the oldest first.
local function filled(list)
  local out = {}
  for _, o in ipairs(list) do
    if o.executed > 0 then
      out[#out + 1] = {
        time = o.made_time,
        symbol = o.symbol,
        side = o.side,
        type = o.type,
        quantity = o.executed,
        price = o.average,
        value = math.floor(o.executed * o.average * 1e8 + 0.5) / 1e8,
        status = o.status,
        orderId = o.orderId,
        clientOrderId = o.clientOrderId,
        run = o.run,
      }
    end
  end
  return out
end

local function csv(list)
  print(table.concat(columns, ",") .. ",clientOrderId")
  for _, t in ipairs(list) do
    local row = {}
    for i, name in ipairs(columns) do
      local value = t[name]
      row[i] = type(value) == "number" and ("%.15g"):format(value) or tostring(value or "")
    end
    row[#row + 1] = t.clientOrderId
    print(table.concat(row, ","))
  end
end

local function text(name, list, left)
  print(("%s: %d filled orders%s"):format(name, #list, left > 0 and " (the last; --last N for more)" or ""))
  if #list == 0 then return end
  local rows = {}
  for i, t in ipairs(list) do
    rows[i] = setmetatable({ time = log_module.time_text(t.time * 1000) }, { __index = t })
  end
  print(pretty.grid(columns, rows, 240))
end

---@param options table
---@return integer status
function M.run(options)
  local name = options[1]
  local place, problem = folder.path(name)
  if not place then cmd.fail(2, "%s", problem) end
  local facts = run_file.read(place)
  if facts and facts.mode == "paper" then
    cmd.fail(
      1,
      "'%s' is a run on paper, whose orders are in no journal; its report has them (moontide paper --trades FILE)",
      name
    )
  end
  local list, wrong = status.orders(place, false, READ_MOST)
  if not list then cmd.fail(1, "%s", wrong) end
  local all = filled(list)
  local left = math.max(0, #all - options.last)
  local last = {}
  for i = left + 1, #all do
    last[#last + 1] = all[i]
  end
  if options.json then
    print(cjson.encode(setmetatable(last, cjson.array_mt)))
  elseif options.csv then
    csv(last)
  else
    text(name, last, left)
  end
  return 0
end

return M
