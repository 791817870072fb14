---`moontide data import|info|synth`
local ffi = require "ffi"
local C = require "moontide.core"
local cmd = require "moontide.cmd"
local log_module = require "moontide.run.log"
local setup = require "moontide.backtest.setup"
local synthetic = require "moontide.backtest.synthetic"

local M = {}

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
  if #paths == 0 then cmd.fail(2, "which files? usage: moontide data %s PATH...", options[1]) end
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
  local out = options.out
  if not out then cmd.fail(2, "synth needs --out FILE (.csv or .csv.gz)") end
  if options[2] then cmd.fail(2, "synth takes no file to read: '%s'", options[2]) end
  local interval = options.interval or "1m"
  if C.interval_find(interval) < 0 then
    cmd.fail(2, "--interval %s: no such interval; 1m, 5m, 1h, 1d...", interval)
  end
  local symbol = (options.symbol or "BTCUSDT"):upper()
  if #symbol >= C.SYMBOL_NAME_MAX or not symbol:find "^[%w_]+$" then
    cmd.fail(2, "--symbol %s: not a symbol", symbol)
  end
  local series = synthetic.series {
    symbol = symbol,
    interval = interval,
    seed = setup.number(options, "seed", 1, 0),
    count = setup.number(options, "bars", 525600, 1, 50000000),
    price = setup.number(options, "price", nil, 1e-6, 1e7),
    volatility = setup.number(options, "volatility", nil, 0.0001, 0.5),
    from = options.from and setup.time(options.from, "from"),
  }
  local message = ffi.new "struct errmsg"
  if C.synth_write_csv(series, out, message) ~= 0 then cmd.fail(1, "%s", ffi.string(message.text)) end
  describe(series)
  return 0
end

local actions = { import = import, info = import, synth = synth }

function M.run(options)
  local action = actions[options[1] or ""]
  if not action then
    cmd.fail(
      2,
      "%s; usage: moontide data import|info PATH... | data synth --out FILE",
      options[1] and ("no such action '%s'"):format(options[1]) or "what should be done?"
    )
  end
  return action(options)
end

return M
