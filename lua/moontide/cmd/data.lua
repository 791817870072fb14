---`moontide data`: download, import, info, doctor, export, rm, synth.
local ffi = require "ffi"
local C = require "moontide.core"
local cmd = require "moontide.cmd"
local data_folder = require "moontide.backtest.data_folder"
local groups = require "moontide.options.groups"
local live_groups = require "moontide.options.live_groups"
local log_module = require "moontide.run.log"
local option_table = require "moontide.options"
local segments = require "moontide.data.segments"
local setup = require "moontide.backtest.setup"
local synthetic = require "moontide.backtest.synthetic"

local store, allow_gaps = unpack(option_table.pick(groups.data, { "store", "allow-gaps" }))

local download_options = {
  title = "of download",
  { name = "all-symbols", type = "flag", help = "every symbol that trades now" },
  {
    name = "universe",
    type = "flag",
    help = "every symbol that the archive ever had, those that trade no more too",
  },
  {
    name = "quote",
    type = "symbol",
    value = "COIN",
    needs = { "all-symbols", "universe" },
    help = "of those, only the symbols in this coin: USDT",
  },
  {
    name = "connections",
    type = "integer",
    value = "N",
    min = 1,
    max = 32,
    default = 4,
    help = "files under way at once; fewer while the archive refuses",
  },
  {
    name = "archive",
    type = "url",
    schemes = { "https", "http" },
    example = "https://data.binance.vision",
    value = "URL",
    shown = "https://data.binance.vision",
    help = "the archive, or a mirror of it",
  },
  {
    name = "listing",
    type = "url",
    schemes = { "https", "http" },
    example = "https://s3-ap-northeast-1.amazonaws.com/data.binance.vision",
    value = "URL",
    shown = "that of the archive's bucket; with --archive: the same place",
    help = "where the archive's files are listed (S3)",
  },
  { name = "no-rest", type = "flag", help = "only the archive; the exchange itself is not asked" },
  option_table.pick(live_groups.connection, { "url", "ca-file", "proxy" }),
  option_table.pick(groups.script, { "config" }),
}

-- Options of `data synth` alone.
local synth_options = {
  title = "of synth",
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
}

local M = {
  usage = "data download|import|info|doctor|export|rm|synth [SYMBOL|PATH...] [options]",
  arguments = {
    name = "ACTION",
    what = "action",
    first = { "download", "import", "info", "doctor", "export", "rm", "synth" },
    min = 1,
    type = "file",
  },
  exclusive = { { "all-symbols", "universe" }, { "no-rest", "all-symbols" } },
  options = {
    { name = "symbol", type = "symbol", value = "S", help = "the symbol, where the file name has none" },
    {
      name = "interval",
      type = "interval",
      value = "I",
      repeated = true,
      shown = "download, synth: 1m",
      help = "of the bars; of download several; import: where the file name has none",
    },
    {
      name = "from",
      type = "time",
      value = "TIME",
      shown = "synth: 2023-01-01",
      help = "first moment: 2023-02-01, 2023-02-01T12:30 or milliseconds; UTC",
    },
    {
      name = "to",
      type = "time",
      value = "TIME",
      shown = "now, or the end of the data",
      help = "end, not included",
    },
    {
      name = "folder",
      type = "folder",
      value = "DIR",
      shown = "$MOONTIDE_DATA, else ~/.local/share/moontide",
      help = "the folder of downloaded data",
    },
    {
      name = "out",
      type = "output",
      value = "FILE",
      help = "of export, synth: the CSV to write (.csv or .csv.gz); export of segments: .jsonl or .csv",
    },
    {
      name = "kinds",
      type = "text",
      value = "K,K",
      shown = "download: klines,fundingRate; else all",
      help = "klines, fundingRate, markPriceKlines, indexPriceKlines, premiumIndexKlines, aggTrades, trades, bookTicker, bookDepth, metrics",
    },
    { name = "all", type = "flag", help = "doctor: every finding, not the first few of a sort" },
    { name = "json", type = "flag", help = "of info, doctor: one JSON document instead of lines" },
    { name = "quiet", type = "flag", help = "no notes and no progress" },
    allow_gaps,
    store,
    download_options,
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

local function one_interval(options)
  local list = options.interval or {}
  if #list > 1 then cmd.fail(2, "data %s takes one --interval", options[1]) end
  return list[1]
end

---Files, read as a backtest reads them.
local function import(options)
  local paths = { unpack(options, 2) }
  if #paths == 0 then cmd.fail(2, "missing files; usage: moontide data %s PATH...", options[1]) end
  local result = setup.import(data_folder.resolve(paths), {
    symbol = options.symbol,
    interval = one_interval(options),
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

local function info(options)
  local list = segments.chosen(options)
  if list then return segments.info(list, options) end
  if require("moontide.data.info").about_folder(options) then
    return require("moontide.data.info").run(options)
  end
  for _, name in ipairs { "folder", "kinds", "json" } do
    if options.given[name] then cmd.fail(2, "--%s belongs to data info of symbols, not of paths", name) end
  end
  return import(options)
end

local function export(options)
  if not options.out then cmd.fail(2, "export needs --out FILE (.csv or .csv.gz)") end
  local list = segments.chosen(options)
  if list then return segments.export(list, options) end
  return require("moontide.data.export").run(options, one_interval(options))
end

local function remove(options) return require("moontide.data.remove").run(options) end

local function synth(options)
  if not options.out then cmd.fail(2, "synth needs --out FILE (.csv or .csv.gz)") end
  if options[2] then cmd.fail(2, "synth takes no file to read: '%s'", options[2]) end
  local series = synthetic.series {
    symbol = options.symbol or "BTCUSDT",
    interval = one_interval(options) or "1m",
    seed = options.seed,
    count = options.bars,
    price = options.price,
    volatility = options.volatility,
    from = options.from,
  }
  local message = ffi.new "struct errmsg"
  if C.series_write_csv(series, options.out, message) ~= 0 then
    cmd.fail(1, "%s", ffi.string(message.text))
  end
  describe(series)
  return 0
end

local function download(options) return require("moontide.data.download").run(options) end

-- What each action takes beside symbols and paths; every option of these groups belongs to one action or several.
local groups_of = { download = download_options, synth = synth_options }
local takes = {
  download = { "interval", "from", "to", "folder", "quiet", "kinds" },
  import = { "symbol", "interval", "allow-gaps", "store" },
  info = { "symbol", "interval", "allow-gaps", "store", "folder", "kinds", "json" },
  doctor = { "folder", "interval", "symbol", "kinds", "all", "json" },
  export = { "folder", "from", "to", "interval", "out", "symbol", "allow-gaps", "store", "quiet" },
  rm = { "folder", "interval", "kinds" },
  synth = { "symbol", "interval", "from", "out" },
}

local function check_options(action, options)
  local allowed = {}
  for _, name in ipairs(takes[action]) do
    allowed[name] = true
  end
  for _, row in ipairs(option_table.rows { groups_of[action] or {} }) do
    allowed[row.name] = true
  end
  for _, row in ipairs(option_table.rows(M.options)) do
    if options.given[row.name] and not allowed[row.name] then
      cmd.fail(2, "--%s does not belong to data %s", row.name, action)
    end
  end
end

local function doctor(options)
  local list = segments.chosen(options)
  if list then return segments.doctor(list, options) end
  return require("moontide.data.doctor").run(options)
end

local actions = {
  download = download,
  import = import,
  info = info,
  doctor = doctor,
  export = export,
  rm = remove,
  synth = synth,
}

---@param options table
---@return integer status
function M.run(options)
  check_options(options[1], options)
  return actions[options[1]](options)
end

return M
