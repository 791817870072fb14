---The global `log`: lines on standard error, stamped with the run's clock; as text or, one object a line, as JSON.
local cjson = require "cjson"

local M = {}

local levels = { debug = 1, info = 2, warn = 3, error = 4 }
M.levels, M.formats = levels, { text = true, json = true }

---@param us number microseconds since the epoch
---@return string # "2023-02-01 00:10:00"
function M.time_text(us) return os.date("!%Y-%m-%d %H:%M:%S", math.floor(us / 1e6)) end

local function text_of(message, fields)
  local parts = { message }
  for _, f in ipairs(fields or {}) do
    if f[2] ~= nil then
      parts[#parts + 1] = ("%s=%s"):format(
        f[1],
        type(f[2]) == "string" and f[2]:find " " and ("%q"):format(f[2]) or tostring(f[2])
      )
    end
  end
  return table.concat(parts, " ")
end

local function text_line(level, stamp, message, fields)
  return (stamp and stamp .. " " or "") .. level:upper() .. " " .. text_of(message, fields)
end

-- By hand only in that the keys keep their order; the values are the library's.
local function json_line(level, stamp, message, fields)
  local parts = {}
  local function add(name, value)
    if value ~= nil then parts[#parts + 1] = cjson.encode(name) .. ":" .. cjson.encode(value) end
  end
  add("time", stamp)
  add("level", level)
  add("message", message)
  for _, f in ipairs(fields or {}) do
    add(f[1], f[2])
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- Where the lines of this process's logs go.
function M.write(line) io.stderr:write(line, "\n") end

-- Identical lines are written once and counted (log.fold): warnings and errors whatever stands between them, others in a row.
local FOLDED_MOST = 10000

local function folding(write_line)
  local counts, order, last = {}, {}, nil
  local fold = {}

  local function tell(f)
    if f.times > f.told then
      write_line(f.level, f.at, ("%d more times: %s"):format(f.times - f.told, f.text))
      f.told = f.times
    end
  end

  -- True: the line has been said before, and is only counted.
  function fold.take(level, text, at)
    local loud = level == "warn" or level == "error"
    local f = loud and counts[level .. text] or (last and last.level == level and last.text == text and last)
    if not loud and last and last ~= f then
      tell(last)
      last = nil
    end
    if f then
      f.times, f.at = f.times + 1, at
      return true
    end
    f = { level = level, text = text, times = 1, told = 1, at = at }
    if not loud then
      last = f
    elseif #order < FOLDED_MOST then
      counts[level .. text] = f
      order[#order + 1] = f
    end
    return false
  end

  function fold.finish()
    if last then tell(last) end
    local said = {}
    for _, f in ipairs(order) do
      tell(f)
      if f.times > 1 then said[#said + 1] = { level = f.level, text = f.text, times = f.times } end
    end
    table.sort(said, function(a, b)
      if a.times ~= b.times then return a.times > b.times end
      return a.text < b.text
    end)
    return said
  end
  return fold
end

-- By the log: what folds its lines, and what writes a line of it for that.
local folds, retellers = setmetatable({}, { __mode = "k" }), setmetatable({}, { __mode = "k" })

---From now on identical lines of a log are counted instead of written again.
---@param log table
function M.fold(log) folds[log] = folding(retellers[log]) end

---Writes what was only counted so far, and ends the counting.
---@param log table
---@return { level: string, text: string, times: integer }[] # warnings and errors said more than once, the most frequent first
function M.flush(log)
  local said = folds[log] and folds[log].finish() or {}
  folds[log] = nil
  return said
end

---@param now fun(): number? the run's clock in microseconds
---@param least string the lowest level shown
---@param form string? "text" (default) or "json"
---@return table log with debug, info, warn, error (format, ...), fields(level, message, { { name, value }... }), shows[level], listeners (fn(line, level) each)
function M.new(now, least, form)
  local threshold = levels[least] or levels.info
  local line_of = form == "json" and json_line or text_line
  local log = { shows = {}, listeners = {} }
  for name, level in pairs(levels) do
    log.shows[name] = level >= threshold
  end

  local function retell(level, t, text) M.write(line_of(level, t and M.time_text(t), text)) end
  retellers[log] = retell

  function log.fields(level, message, fields)
    if not log.shows[level] then return end
    local t = now()
    local fold = folds[log]
    if fold and level ~= "debug" and fold.take(level, text_of(message, fields), t) then return end
    local line = line_of(level, t and M.time_text(t), message, fields)
    M.write(line)
    for _, listener in ipairs(log.listeners) do
      listener(line, level)
    end
  end

  for name in pairs(levels) do
    log[name] = function(format, ...)
      if not log.shows[name] then return end
      local text = tostring(format)
      if select("#", ...) > 0 then
        local values = { ... }
        for i = 1, select("#", ...) do
          if type(values[i]) ~= "number" and type(values[i]) ~= "string" then
            values[i] = tostring(values[i])
          end
        end
        local made, line = pcall(string.format, text, unpack(values, 1, select("#", ...)))
        if not made then error(("log.%s: %s"):format(name, line), 2) end
        text = line
      end
      log.fields(name, text)
    end
  end
  return log
end

return M
