---`moontide data download`: which series are wanted, the archive, then what is newer, and what is said of it.
local ffi = require "ffi"
local C = require "moontide.core"
local archive_module = require "moontide.data.archive"
local calendar = require "moontide.data.calendar"
local data_folder = require "moontide.backtest.data_folder"
local failures = require "moontide.failure"
local kinds = require "moontide.data.kinds"
local newer_module = require "moontide.data.newer"
local pool_module = require "moontide.data.pool"
local progress = require "moontide.data.progress"
local rest_module = require "moontide.data.rest"
local series_download = require "moontide.data.series_download"

local M = {}

local HOLES_SHOWN = 8

---@class Download
---@field options table
---@field base string
---@field pool TransferPool
---@field archive Archive
---@field rest Rest? nil: not to be had, or not wanted
---@field notice fun(line: string)
---@field bar table

-- ---- what is wanted -------------------------------------------------------------------------------------------------

local function kinds_of(options)
  local list, seen = {}, {}
  for word in (options.kinds or "klines,fundingRate"):gmatch "[^,%s]+" do
    local kind
    for _, k in ipairs(kinds.list) do
      if k.name:lower() == word:lower() then kind = k end
    end
    if not kind then
      local names = {}
      for i, k in ipairs(kinds.list) do
        names[i] = k.name
      end
      failures.raise(2, "--kinds: no such kind '%s'; the archive has %s", word, table.concat(names, ", "))
    end
    if not seen[kind] then list[#list + 1] = kind end
    seen[kind] = true
  end
  if #list == 0 then failures.raise(2, "--kinds: names none") end
  return list
end

local function in_quote(names, quote)
  if not quote then return names end
  local list = {}
  for _, name in ipairs(names) do
    if name:sub(-#quote) == quote then list[#list + 1] = name end
  end
  return list
end

-- Every symbol that the archive ever had klines of, those that trade no more too.
local function universe(self)
  local names, problem
  self.pool:spawn(function()
    local seen = {}
    for _, every in ipairs { "monthly", "daily" } do
      local found, why = self.archive:folders(("data/futures/um/%s/klines/"):format(every))
      if not found then
        problem = why
        return
      end
      for _, name in ipairs(found) do
        seen[name] = true
      end
    end
    names = {}
    for name in pairs(seen) do
      names[#names + 1] = name
    end
    table.sort(names)
  end)
  self.pool:run()
  if problem then failures.raise(1, "%s", problem) end
  return in_quote(names, self.options.quote)
end

local function symbols_of(self)
  local options, given = self.options, { unpack(self.options, 2) }
  local every = options["all-symbols"] or options.universe
  if every and #given > 0 then
    failures.raise(2, "--%s takes no symbols beside it", options.universe and "universe" or "all-symbols")
  end
  if options.universe then return universe(self) end
  if options["all-symbols"] then
    if not self.rest then
      failures.raise(
        1,
        "--all-symbols asks the exchange which symbols trade: %s",
        self.rest_problem or "not with --no-rest"
      )
    end
    return self.rest:trading(options.quote)
  end
  if #given == 0 then
    failures.raise(2, "missing symbols; usage: moontide data download SYMBOL... --from TIME")
  end
  local names, seen = {}, {}
  for _, word in ipairs(given) do
    local name = word:upper()
    if not name:find "^[%w_\128-\255]+$" or #name >= C.SYMBOL_NAME_MAX then
      failures.raise(2, "'%s' is not a symbol; expected letters and digits, such as BTCUSDT", word)
    end
    if not seen[name] then names[#names + 1] = name end
    seen[name] = true
  end
  return names
end

local function series_of(self, names)
  local list, options = {}, self.options
  local intervals = options.interval or { "1m" }
  for _, symbol in ipairs(names) do
    for _, kind in ipairs(kinds_of(options)) do
      for _, interval in ipairs(kind.bars and intervals or { false }) do
        local key = { symbol = symbol, kind = kind, interval = interval or nil }
        list[#list + 1] = series_download.new(self.base, key, options.from, options.to or self.now_us)
      end
    end
  end
  return list
end

-- ---- the exchange itself --------------------------------------------------------------------------------------------

local function ask_rest(self, series)
  local batch, names, seen, pending = {}, {}, {}, {}
  local function flush()
    if #batch == 0 then return end
    local problem = self.rest:run(names, batch)
    for _, p in ipairs(pending) do
      p.series.rest_rows = p.newer.rows
      if problem or p.newer.problem then
        table.insert(
          p.series.problems,
          ("%s: by REST: %s"):format(kinds.title(p.series.key), problem or p.newer.problem)
        )
      end
      p.series.folder:tidy()
      p.series.folder:save()
    end
    batch, names, seen, pending = {}, {}, {}, {}
  end
  for _, s in ipairs(series) do
    local symbol = s.key.symbol
    local holes = s:for_rest(self.rest:trades(symbol))
    if #holes > 0 then
      if not seen[symbol] and #names == C.SYMBOLS_MAX then flush() end
      if not seen[symbol] then names[#names + 1] = symbol end
      seen[symbol] = true
      local newer = { folder = s.folder, key = s.key, rows = 0 }
      pending[#pending + 1] = { series = s, newer = newer }
      batch[#batch + 1] = newer_module.job(newer, holes)
    end
  end
  if #batch > 0 then self.bar.label "asking the exchange for what is newer" end
  flush()
end

-- ---- what is said ---------------------------------------------------------------------------------------------------

local function tell(self, s)
  local title, key = kinds.title(s.key), s.key
  for _, note in ipairs(s.notes) do
    self.notice(note)
  end
  for _, problem in ipairs(s.problems) do
    io.stderr:write("moontide data: ", problem, "\n")
  end
  local r = s:result(self.now_us)
  if not r.from then
    print(("%-36s nothing there from %s to %s"):format(title, calendar.text(s.from), calendar.text(s.to)))
    return
  end
  local got = {}
  if s.fetched > 0 then
    got[1] = ("%d file%s fetched (%s)"):format(
      s.fetched,
      s.fetched == 1 and "" or "s",
      progress.bytes(s.bytes)
    )
  end
  if (s.rest_rows or 0) > 0 then got[#got + 1] = ("%d rows by REST"):format(s.rest_rows) end
  print(
    ("%-36s %s to %s, %s%s"):format(
      title,
      calendar.text(r.from),
      calendar.text(r.to),
      #got > 0 and table.concat(got, ", ") or "up to date",
      r.begins and "; the first there is" or ""
    )
  )
  for i, hole in ipairs(r.missing) do
    if i > HOLES_SHOWN and #r.missing > HOLES_SHOWN + 1 then
      print(("  missing: and %d more (moontide data doctor %s)"):format(#r.missing - HOLES_SHOWN, key.symbol))
      break
    end
    local bars = s:bars_in(hole)
    print(
      ("  missing: %s to %s%s"):format(
        calendar.text(hole[1]),
        calendar.text(hole[2]),
        bars and (" (%d bar%s)"):format(bars, bars == 1 and "" or "s") or ""
      )
    )
  end
  if r.ends then
    local symbol = self.rest and not self.rest:trades(key.symbol)
    print(
      ("  ends %s: %s"):format(
        calendar.text(r.to),
        symbol and "the symbol trades no more"
          or not key.kind.rest and "newer days come with the archive"
          or self.rest and "the exchange told no more"
          or "what is newer was not asked for"
      )
    )
  end
end

local function summary(self, series, failed)
  local bytes, files, unread = 0, 0, {}
  for _, s in ipairs(series) do
    bytes, files = bytes + s.bytes, files + s.fetched
    if not s.key.kind.used then unread[s.key.kind.name] = true end
  end
  print(("%d files, %s fetched into %s"):format(files, progress.bytes(bytes), self.base))
  local list = {}
  for name in pairs(unread) do
    list[#list + 1] = name
  end
  table.sort(list)
  if #list > 0 then
    print(("%s: kept as files, checked; backtests do not read them"):format(table.concat(list, ", ")))
  end
  if failed == 0 and #series > 0 and not self.options.folder then
    print(("use them: moontide backtest SCRIPT --data %s"):format(series[1].key.symbol))
  elseif failed == 0 and #series > 0 then
    print(("use them: moontide backtest SCRIPT --data %s/%s"):format(self.base, series[1].key.symbol))
  end
end

-- ---- the command ----------------------------------------------------------------------------------------------------

local function begin(options)
  if not options.from then failures.raise(2, "data download needs --from TIME (2023-02-01)") end
  local now_us = tonumber(C.live_clock_wall_us(nil))
  if options.from >= (options.to or now_us) then
    failures.raise(
      2,
      "--from %s is not before %s",
      calendar.text(options.from),
      options.to and "--to" or "now"
    )
  end
  local base = data_folder.path(options.folder)
  if not base then failures.raise(2, "no folder for the data: give --folder DIR, or set MOONTIDE_DATA") end
  if C.store_folder(base) ~= 0 then failures.raise(1, "%s: cannot be made", base) end
  if not C.disk_lock(base .. "/.lock") then
    failures.raise(1, "%s: another download is writing there (or it cannot be written)", base)
  end
  local bar = progress.new(options.quiet)
  local function notice(line)
    bar.clear()
    if not options.quiet then io.stderr:write("note: ", line, "\n") end
  end
  local message = ffi.new "struct errmsg"
  if C.proxy_check(options.proxy, message) ~= 0 then
    failures.raise(2, "%s%s", options.proxy and "--" or "the environment's ", ffi.string(message.text))
  end
  local pool = pool_module.new {
    proxy = options.proxy,
    ca_file = options["ca-file"],
    connections = options.connections,
    notice = notice,
    tell = bar.update,
  }
  local self = { options = options, base = base, now_us = now_us, bar = bar, notice = notice, pool = pool }
  self.archive = archive_module.new(pool, options.archive, options.listing)
  if not options["no-rest"] then
    self.rest, self.rest_problem = rest_module.open(options)
    if not self.rest then
      notice(
        ("the exchange cannot be asked: %s; what is newer than the archive is left out"):format(
          self.rest_problem
        )
      )
    end
  end
  return self
end

---@param options table of the command line; the symbols behind the action's name
---@return integer status 1 when something could not be fetched
function M.run(options)
  local self = begin(options)
  kinds_of(options) -- before anything is asked for
  local series = series_of(self, symbols_of(self))
  for _, s in ipairs(series) do
    self.pool:spawn(function() s:run(self.archive) end)
  end
  self.pool:run()
  self.pool:close()
  if self.rest then ask_rest(self, series) end
  self.bar.clear()
  local failed = 0
  for _, s in ipairs(series) do
    tell(self, s)
    failed = failed + #s.problems
  end
  summary(self, series, failed)
  return failed > 0 and 1 or 0
end

return M
