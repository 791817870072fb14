---Segments of `moontide record` read again: what they hold, whether they are whole, and their items as text.
local ffi = require "ffi"
local C = require "moontide.core"
local calendar = require "moontide.data.calendar"
local cjson = require "cjson"
local failures = require "moontide.failure"
local host = require "moontide.lua_host"
local progress = require "moontide.data.progress"

local M = {}

local ENDING = "%.market$"

local names = {
  [C.MARKET_ABOUT] = "about",
  [C.MARKET_MESSAGE] = "message",
  [C.MARKET_SNAPSHOT] = "snapshot",
  [C.MARKET_GAP] = "gap",
  [C.MARKET_KNOWN] = "known",
}

-- The segments of a word: the file itself, or those of a folder in the order of their time.
local function of_path(path)
  if path:find(ENDING) then return { path } end
  local list = {}
  for _, name in ipairs(host.list_folder(path) or {}) do
    local stem, number = name:match "^(.-Z)%-?(%d*)%.market$"
    if stem then
      list[#list + 1] = { path = path .. "/" .. name, stem = stem, number = tonumber(number) or 1 }
    end
  end
  table.sort(list, function(a, b)
    if a.stem ~= b.stem then return a.stem < b.stem end
    return a.number < b.number
  end)
  for i, s in ipairs(list) do
    list[i] = s.path
  end
  return list
end

---The segments that the words of a command mean; nil when the first means none. A mix with other paths is refused.
---@param options table words behind the action's name
---@return string[]?
function M.chosen(options)
  local list
  for i = 2, #options do
    local found = of_path(options[i])
    if #found == 0 and list then
      failures.raise(2, "%s is no segment of market data, as %s is", options[i], list[1])
    elseif #found > 0 and i > 2 and not list then
      failures.raise(2, "%s is no segment of market data, as %s is", options[2], found[1])
    end
    for _, path in ipairs(found) do
      list = list or {}
      list[#list + 1] = path
    end
  end
  return list
end

local ends = {
  [C.RECORD_FILE_CUT] = "is cut off at byte %d: its writer was killed there, or is at work; what is before is whole",
  [C.RECORD_FILE_DAMAGED] = "is damaged at byte %d; what is before is whole, what is behind is not read",
}

---Reads a segment from its beginning: `each(kind, time_us, text)` for every item; kind as enum market_item.
---@param path string
---@param each fun(kind: integer, time_us: number, text: string)
---@return string? problem where it ends before its time: what is wrong, with the file and the place
function M.read(path, each)
  local out, message = ffi.new "struct record_file *[1]", ffi.new "struct errmsg"
  if C.record_file_open(path, C.RECORD_FILE_OF_MARKET, out, message) ~= 0 then
    failures.raise(1, "%s", ffi.string(message.text))
  end
  local file = ffi.gc(out[0], C.record_file_close)
  local item, stamp, bad = ffi.new "struct record_file_item", ffi.new "int64_t[1]", nil
  while not bad and C.record_file_next(file, item) do
    if not names[item.kind] or item.size < 8 then
      bad = ("%s has an item that is none, before byte %d"):format(path, tonumber(C.record_file_offset(file)))
    else
      ffi.copy(stamp, item.data, 8)
      each(item.kind, tonumber(stamp[0]), ffi.string(item.data + 8, tonumber(item.size) - 8))
    end
  end
  local how = ends[tonumber(C.record_file_end(file))]
  local at = tonumber(C.record_file_offset(file))
  C.record_file_close(ffi.gc(file, nil))
  return bad or how and (path .. " " .. how:format(at)) or nil
end

---@param path string
---@return table facts
function M.facts(path)
  local f = { path = path, messages = 0, gaps = 0, snapshots = 0, symbols = {}, streams = {}, findings = {} }
  f.problem = M.read(path, function(kind, time_us, text)
    f.from_us, f.to_us = f.from_us or time_us, time_us
    if kind == C.MARKET_MESSAGE then
      f.messages = f.messages + 1
    elseif kind == C.MARKET_SNAPSHOT then
      f.snapshots = f.snapshots + 1
    elseif kind == C.MARKET_ABOUT then
      local good, about = pcall(cjson.decode, text)
      if good and type(about) == "table" then
        f.symbols, f.streams = about.symbols or {}, about.streams or {}
      end
    elseif kind == C.MARKET_GAP then
      f.gaps = f.gaps + 1
      f.findings[f.gaps] = { time_us = time_us, text = text }
    end
  end)
  local file = io.open(path, "rb")
  f.bytes = file and file:seek "end" or 0
  if file then file:close() end
  return f
end

---`data info` of segments.
---@param list string[]
---@param options table json
---@return integer status
function M.info(list, options)
  local all = {}
  for i, path in ipairs(list) do
    all[i] = M.facts(path)
    all[i].findings = nil
  end
  if options.json then
    print(cjson.encode { segments = all })
    return 0
  end
  for _, f in ipairs(all) do
    print(
      ("%s  %s  %s to %s  %d messages  %d gaps  %d snapshots  %s"):format(
        f.path,
        table.concat(f.symbols, ","),
        f.from_us and calendar.text(f.from_us) or "-",
        f.to_us and calendar.text(f.to_us) or "-",
        f.messages,
        f.gaps,
        f.snapshots,
        progress.bytes(f.bytes)
      )
    )
    if f.problem then print("  " .. f.problem) end
  end
  return 0
end

---`data doctor` of segments: status 1 when something is missing or damaged.
---@param list string[]
---@param options table json
---@return integer status
function M.doctor(list, options)
  local all, bad = {}, 0
  for i, path in ipairs(list) do
    all[i] = M.facts(path)
    bad = bad + all[i].gaps + (all[i].problem and 1 or 0)
  end
  if options.json then
    for _, f in ipairs(all) do
      setmetatable(f.findings, cjson.array_mt)
    end
    print(cjson.encode { segments = all, findings = bad })
    return bad == 0 and 0 or 1
  end
  for _, f in ipairs(all) do
    for _, g in ipairs(f.findings) do
      print(("%s  %s  %s"):format(f.path, calendar.text(g.time_us), g.text))
    end
    if f.problem then print(f.problem) end
  end
  print(("%d segments, %d findings"):format(#all, bad))
  return bad == 0 and 0 or 1
end

local function quote(text) return '"' .. text:gsub('"', '""') .. '"' end

local writers = {
  jsonl = function(kind, time_us, text)
    return ('{"time_us":%d,"item":"%s","body":%s}\n'):format(time_us, names[kind], text)
  end,
  csv = function(kind, time_us, text) return ("%d,%s,%s\n"):format(time_us, names[kind], quote(text)) end,
}

---`data export` of segments: each item a line, in the order of arrival.
---@param list string[]
---@param options table out, from, to
---@return integer status
function M.export(list, options)
  local form = options.out:match "%.(%a+)$"
  local write = writers[form]
  if not write then failures.raise(2, "--out %s: segments are written as .jsonl or .csv", options.out) end
  local part = options.out .. ".part"
  local file, problem = io.open(part, "wb")
  if not file then failures.raise(1, "cannot write %s", problem) end
  if form == "csv" then file:write "time_us,item,body\n" end
  local count, from, to = 0, options.from or -math.huge, options.to or math.huge
  local ok, failure = pcall(function()
    for _, path in ipairs(list) do
      local cut = M.read(path, function(kind, time_us, text)
        if time_us < from or time_us >= to then return end
        count = count + 1
        if not file:write(write(kind, time_us, text)) then failures.raise(1, "cannot write %s", part) end
      end)
      if cut and not options.quiet then io.stderr:write("note: ", cut, "\n") end
    end
  end)
  local closed, why = file:close()
  if not ok or not closed then
    os.remove(part)
    error(not ok and failure or failures.raise(1, "cannot write %s: %s", part, why), 0)
  end
  local renamed, trouble = os.rename(part, options.out)
  if not renamed then failures.raise(1, "cannot write %s", trouble) end
  print(("%d items of %d segments in %s"):format(count, #list, options.out))
  return 0
end

return M
