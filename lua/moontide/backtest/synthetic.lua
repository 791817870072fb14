---Bars of a synthetic market, for runs without data.
local ffi = require "ffi"
local C = require "moontide.core"
local failures = require "moontide.failure"

local M = {}

-- Where a synthetic market starts, for symbols whose usual price is known roughly.
local usual_prices =
  { BTCUSDT = 20000, ETHUSDT = 1500, BNBUSDT = 300, SOLUSDT = 25, LTCUSDT = 80, BCHUSDT = 130 }

---Makes the bars of one symbol; raises a failure when that is impossible.
---@param o { symbol: string, interval: string, seed: number, count: number, price: number?, volatility: number?, from: number? }
---@return ffi.cdata* series struct series, freed with its last reference
function M.series(o)
  local options, message = ffi.new "struct synth_options", ffi.new "struct errmsg"
  local rules = ffi.new "struct symbol"
  if C.symbol_rules_builtin(o.symbol, rules) ~= 0 then C.symbol_rules_guess(o.symbol, 4, 1, rules) end
  ffi.copy(options.symbol, o.symbol)
  options.interval = C.interval_find(o.interval)
  options.start_us = C.interval_floor(options.interval, o.from or 1672531200000000)
  options.count, options.seed = o.count, o.seed
  options.price_e8 = C.dec_round_to(C.dec_from_double(o.price or usual_prices[o.symbol] or 10), rules.tick_e8)
  options.tick_e8, options.step_e8 = rules.tick_e8, rules.step_e8
  options.volatility = o.volatility or 0.03
  local series = ffi.new "struct series"
  if C.synth_bars(options, series, message) ~= 0 then
    failures.raise(1, "synth: %s", ffi.string(message.text))
  end
  return ffi.gc(series, C.series_close)
end

return M
