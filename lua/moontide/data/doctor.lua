---`moontide data doctor`: looks for what makes data wrong, file by file and against each other.
local archive = require "moontide.data.archive"
local cjson = require "cjson"
local check_bars = require "moontide.data.check_bars"
local check_other = require "moontide.data.check_other"
local check_relatives = require "moontide.data.check_relatives"
local check_trades = require "moontide.data.check_trades"
local data_folder = require "moontide.backtest.data_folder"
local failures = require "moontide.failure"
local findings = require "moontide.data.findings"
local host = require "moontide.lua_host"
local kinds = require "moontide.data.kinds"
local survey = require "moontide.data.survey"

local M = {}

-- A file that is no longer what its CHECKSUM says.
local function digests(series, found)
  for _, file in ipairs(series.files) do
    local sum = io.open(file.path .. ".CHECKSUM", "rb")
    if sum then
      local digest = sum:read("*a"):match "^%s*(%x+)"
      sum:close()
      if not digest or archive.digest_of(file.path) ~= digest:lower() then
        found:add(
          "fault",
          "digest",
          file.path,
          "its bytes are not those of its CHECKSUM: they changed since they were checked"
        )
      end
    end
  end
end

local function title(s) return kinds.title { symbol = s.symbol, kind = s.kind, interval = s.interval } end

-- The finest bars of the same symbol beside a series of trades.
local function finest(checks, s)
  local best
  for _, c in ipairs(checks) do
    local related = c.series.root == s.root and c.series.symbol == s.symbol and c.series.kind.name == "klines"
    if related and c.bars.count > 0 and (not best or c.interval < best.interval) then best = c end
  end
  return best
end

local function examine(list)
  local checks = {}
  for _, s in ipairs(list) do
    s.found = findings.new()
    digests(s, s.found)
    if s.kind.bars then checks[#checks + 1] = check_bars.run(s, s.found) end
  end
  check_relatives.intervals(checks)
  check_relatives.survivors(checks)
  for _, s in ipairs(list) do
    if s.kind.name == "aggTrades" or s.kind.name == "trades" then
      check_trades.run(s, s.found, finest(checks, s))
    elseif not s.kind.bars then
      check_other.by_kind[s.kind.name](s, s.found)
    end
  end
end

local function words_of(options)
  local words = { unpack(options, 2) }
  if #words > 0 then return words end
  local base = data_folder.path(options.folder)
  if not base or not host.file_mode(base) then
    failures.raise(2, "missing paths or symbols; usage: moontide data doctor PATH|SYMBOL...")
  end
  return { base }
end

local function document(list)
  local out = {}
  for _, s in ipairs(list) do
    local files = {}
    for i, file in ipairs(s.files) do
      files[i] = file.path
    end
    out[#out + 1] = {
      symbol = s.symbol,
      kind = s.kind.name,
      interval = s.interval,
      files = files,
      findings = setmetatable(s.found.list, cjson.array_mt),
    }
  end
  return out
end

---@param options table
---@return integer status 1 when there are faults
function M.run(options)
  local list = survey.series(words_of(options), options)
  local base = data_folder.path(options.folder)
  for _, s in ipairs(list) do
    s.downloaded = base ~= nil and s.root:sub(1, #base) == base
  end
  examine(list)
  local faults, notes = 0, 0
  for _, s in ipairs(list) do
    faults, notes = faults + s.found:count "fault", notes + s.found:count "note"
  end
  if options.json then
    print(cjson.encode { series = document(list), faults = faults, notes = notes })
    return faults > 0 and 1 or 0
  end
  for _, s in ipairs(list) do
    local count = #s.found.list
    print(
      ("%-36s %d file%s: %s"):format(
        title(s),
        #s.files,
        #s.files == 1 and "" or "s",
        count == 0 and "nothing found"
          or ("%d faults, %d notes"):format(s.found:count "fault", s.found:count "note")
      )
    )
    s.found:print(print, options.all)
  end
  print(("%d series: %d faults, %d notes"):format(#list, faults, notes))
  return faults > 0 and 1 or 0
end

return M
