---`moontide data import|info|synth`
local ffi = require "ffi"
local C = require "moontide.core"
local cmd = require "moontide.cmd"
local groups = require "moontide.options.groups"
local log_module = require "moontide.run.log"
local option_table = require "moontide.options"
local setup = require "moontide.backtest.setup"
local synthetic = require "moontide.backtest.synthetic"

local store, allow_gaps = unpack(option_table.pick(groups.data, { "store", "allow-gaps" }))

-- Options of `data synth` alone.
local synth_options = {
  title = "of synth",
  { name = "out", type = "output", value = "FILE", help = "the CSV to write (.csv or .csv.gz)" },
  { name = "seed", type = "integer", value = "N", min = 0, default = 1, help = "the seed" },
  {
    name = "bars",
    type = "integer",
    value = "N",
    min = 1,
    max = 50000000,
    default = 525600,
    help = "how many bars; 525600 is a year of minutes",
  },
  {
    name = "price",
    type = "number",
    value = "P",
    min = 1e-6,
    max = 1e7,
    shown = "that of the symbol",
    help = "the first price",
  },
  {
    name = "volatility",
    type = "number",
    value = "RATIO",
    min = 0.0001,
    max = 0.5,
    default = 0.03,
    help = "standard deviation of a day's return",
  },
  { name = "from", type = "time", value = "TIME", shown = "2023-01-01", help = "time of the first bar" },
}

local M = {
  usage = "data import|info PATH... | data synth --out FILE [options]",
  arguments = {
    name = "ACTION",
    what = "action",
    first = { "import", "info", "synth" },
    min = 1,
    type = "file",
  },
  options = {
    { name = "symbol", type = "symbol", value = "S", help = "the symbol, where the file name has none" },
    {
      name = "interval",
      type = "interval",
      value = "I",
      shown = "synth: 1m",
      help = "the interval, where the file name has none",
    },
    allow_gaps,
    store,
    synth_options,
  },
}

local function describe(s)
  local last = s.open_us[s.count - 1]
  io.write(
    ("%-14s %-4s %10d bars  %s to %s  %d gaps  decimals %d/%d  %s\n"):format(
      ffi.string(s.symbol),
      ffi.string(C.interval_names[s.interval]),
      tonumber(s.count),
      log_module.time_text(tonumber(s.open_us[0])),
      log_module.time_text(tonumber(last)),
      tonumber(s.gap_count),
      s.price_decimals,
      s.quantity_decimals,
      ffi.string(s.hash):sub(1, 16)
    )
  )
end

local function import(options)
  local paths = { unpack(options, 2) }
  if #paths == 0 then cmd.fail(2, "missing files; usage: moontide data %s PATH...", options[1]) end
  local result = setup.import(paths, {
    symbol = options.symbol,
    interval = options.interval,
    store = options.store,
    allow_gaps = options["allow-gaps"],
    notice = function(line) io.stderr:write("note: ", line, "\n") end,
  })
  for i = 0, result.series_count - 1 do
    describe(result.series[i])
  end
  for i = 0, result.other_count - 1 do
    io.write(ffi.string(C.series_kind_names[result.others[i].kind]), "of ")
    describe(result.others[i])
  end
  for i = 0, result.funding_count - 1 do
    local f = result.funding[i]
    io.write(
      ("%-14s %-4s %10d rates %s to %s\n"):format(
        ffi.string(f.symbol),
        "fund",
        tonumber(f.count),
        log_module.time_text(tonumber(f.time_us[0])),
        log_module.time_text(tonumber(f.time_us[f.count - 1]))
      )
    )
  end
  return 0
end

local function synth(options)
  if not options.out then cmd.fail(2, "synth needs --out FILE (.csv or .csv.gz)") end
  if options[2] then cmd.fail(2, "synth takes no file to read: '%s'", options[2]) end
  local series = synthetic.series {
    symbol = options.symbol or "BTCUSDT",
    interval = options.interval or "1m",
    seed = options.seed,
    count = options.bars,
    price = options.price,
    volatility = options.volatility,
    from = options.from,
  }
  local message = ffi.new "struct errmsg"
  if C.synth_write_csv(series, options.out, message) ~= 0 then cmd.fail(1, "%s", ffi.string(message.text)) end
  describe(series)
  return 0
end

local actions = { import = import, info = import, synth = synth }

---@param options table
---@return integer status
function M.run(options)
  if options[1] ~= "synth" then
    for _, row in ipairs(synth_options) do
      if options.given[row.name] then cmd.fail(2, "--%s belongs to data synth", row.name) end
    end
  end
  return actions[options[1]](options)
end

return M
