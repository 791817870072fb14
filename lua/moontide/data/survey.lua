---Which files `moontide data doctor` looks at, and what each is of: told by their names and folders, wherever they lie.
local C = require "moontide.core"
local data_folder = require "moontide.backtest.data_folder"
local failures = require "moontide.failure"
local ffi = require "ffi"
local host = require "moontide.lua_host"
local kinds = require "moontide.data.kinds"

local M = {}

---@class SurveyFile
---@field path string
---@field name string
---@field symbol string
---@field kind DataKind
---@field interval string? of bars; nil: its name does not tell

---@class SurveySeries
---@field symbol string
---@field kind DataKind
---@field interval string?
---@field root string the folder in which its relatives lie: other intervals, trades
---@field files SurveyFile[]

local lower_kinds = {}
for _, k in ipairs(kinds.list) do
  lower_kinds[k.name:lower()] = k
end

local function fits(name)
  local low = name:lower()
  return low:find "%.csv$" or low:find "%.csv%.gz$" or low:find "%.zip$"
end

local function walk(path, out)
  local names = host.list_folder(path)
  if not names then
    if fits(path) then out[#out + 1] = path end
    return
  end
  table.sort(names)
  for _, name in ipairs(names) do
    if name:sub(1, 1) ~= "." then walk(path .. "/" .. name, out) end
  end
end

-- What a file is: by the parts of its name, then by the folders above it. Nil: none of ours.
local function describe(path, given)
  local name = path:match "[^/]*$"
  local symbol, interval = ffi.new("char[?]", C.SERIES_SYMBOL_MAX), ffi.new "int32_t[1]"
  local named = C.import_name(path, symbol, interval)
  local kind
  for part in name:gsub("%.csv.*$", ""):gsub("%.zip$", ""):gmatch "[^%-]+" do
    kind = kind or lower_kinds[part:lower()]
  end
  for part in path:sub(1, #path - #name):gmatch "[^/]+" do
    local above = lower_kinds[part:lower()]
    if above and (not kind or kind.name == "klines") and (above.bars or interval[0] < 0) then kind = above end
  end
  kind = kind or kinds.by_name.klines
  local text = given.symbol or named and ffi.string(symbol) or nil
  if not text then return nil end
  return {
    path = path,
    name = name,
    symbol = text,
    kind = kind,
    interval = kind.bars and interval[0] >= 0 and ffi.string(C.interval_names[interval[0]]) or nil,
  }
end

-- The folder below which a file's relatives lie: what only says what the file is does not part them.
local function root_of(file)
  local root = file.path:match "^(.*)/[^/]*$" or "."
  while true do
    local last = root:match "[^/]+$"
    if not last then return root end
    local says = C.interval_find(last) >= 0
      or last == file.symbol
      or lower_kinds[last:lower()] ~= nil
      or last == "daily"
      or last == "monthly"
    if not says then return root end
    root = root:match "^(.*)/[^/]*$" or "."
  end
end

---The series of these words: paths, or symbols of the folder of data.
---@param words string[]
---@param options table folder, symbol, interval, kinds
---@return SurveySeries[]
function M.series(words, options)
  local base = data_folder.path(options.folder)
  local paths = {}
  for _, word in ipairs(words) do
    local folder = base and word:find "^[%w_\128-\255]+$" and base .. "/" .. word:upper()
    local path = (not host.file_mode(word) and folder and host.file_mode(folder)) and folder or word
    if not host.file_mode(path) then
      failures.raise(
        1,
        "%s: no such file or folder, and no such symbol in %s",
        word,
        base or "a folder of data"
      )
    end
    walk((path:gsub("(.)/+$", "%1")), paths)
  end
  local by_key, list, wanted = {}, {}, {}
  for _, name in ipairs(options.interval or {}) do
    wanted[name] = true
  end
  for _, path in ipairs(paths) do
    local file = describe(path, options)
    local kind_wanted = not options.kinds
      or file and ("," .. options.kinds:lower() .. ","):find("," .. file.kind.name:lower() .. ",", 1, true)
    if file and kind_wanted and (not options.interval or not file.interval or wanted[file.interval]) then
      local root = root_of(file)
      local key = table.concat({ root, file.symbol, file.kind.name, file.interval or "?" }, "\n")
      if not by_key[key] then
        by_key[key] =
          { symbol = file.symbol, kind = file.kind, interval = file.interval, root = root, files = {} }
        list[#list + 1] = by_key[key]
      end
      table.insert(by_key[key].files, file)
    end
  end
  if #list == 0 then
    failures.raise(1, "%s: no files of market data there (.csv, .csv.gz, .zip)", words[1] or base or "")
  end
  return list
end

return M
