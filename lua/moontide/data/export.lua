---`moontide data export`: bars of any source as one CSV of the archive's form, of a longer interval where that is asked for.
local ffi = require "ffi"
local C = require "moontide.core"
local calendar = require "moontide.data.calendar"
local data_folder = require "moontide.backtest.data_folder"
local failures = require "moontide.failure"
local setup = require "moontide.backtest.setup"

local M = {}

local FOREVER = 9e15

-- The bars of the wanted interval, or the finest of which they can be made.
local function choose(result, interval)
  local best
  for i = 0, result.series_count - 1 do
    local s = result.series[i]
    if ffi.string(s.symbol) ~= ffi.string(result.series[0].symbol) then
      failures.raise(
        2,
        "the data hold several symbols (%s, %s...): name one",
        ffi.string(result.series[0].symbol),
        ffi.string(s.symbol)
      )
    end
    local fits = not interval or s.interval == interval or s.interval < interval
    if fits and (not best or s.interval == interval) then best = s end
  end
  return best or failures.raise(1, "no bars of that interval, nor finer ones, in the data")
end

---@param options table
---@param interval string?
---@return integer status
function M.run(options, interval)
  local paths = { unpack(options, 2) }
  if #paths == 0 then
    failures.raise(2, "missing symbol or files; usage: moontide data export SYMBOL|PATH... --out FILE")
  end
  for i, path in ipairs(paths) do
    local base = options.folder
    paths[i] = base and path:find "^[%w_]+$" and base .. "/" .. path:upper() or path
  end
  local result = setup.import(data_folder.resolve(paths), {
    symbol = options.symbol,
    store = options.store,
    allow_gaps = options["allow-gaps"],
    notice = function(text)
      if not options.quiet then io.stderr:write("note: ", text, "\n") end
    end,
  })
  local wanted, message = interval and C.interval_find(interval) or nil, ffi.new "struct errmsg"
  local s = ffi.new("struct series", choose(result, wanted))
  s.owned = nil -- the import's
  if wanted and s.interval ~= wanted then
    local longer = ffi.gc(ffi.new "struct series", C.series_close)
    if C.series_resample(s, wanted, longer, message) ~= 0 then
      failures.raise(1, "%s", ffi.string(message.text))
    end
    s = longer
  end
  local first, last = tonumber(s.open_us[0]), tonumber(s.open_us[s.count - 1])
  C.series_clip(s, options.from or 0, options.to or FOREVER)
  if s.count == 0 then
    failures.raise(
      1,
      "no bars in that range; the data run from %s to %s",
      calendar.text(first),
      calendar.text(last)
    )
  end
  if C.series_write_csv(s, options.out, message) ~= 0 then
    failures.raise(1, "%s", ffi.string(message.text))
  end
  print(
    ("%s %s: %d bars from %s to %s in %s"):format(
      ffi.string(s.symbol),
      ffi.string(C.interval_names[s.interval]),
      tonumber(s.count),
      calendar.text(tonumber(s.open_us[0])),
      calendar.text(tonumber(s.open_us[s.count - 1])),
      options.out
    )
  )
  local _ = result -- holds the columns
  return 0
end

return M
