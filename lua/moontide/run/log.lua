---The global `log`: lines on standard error, stamped with the run's clock; as text or, one object a line, as JSON.
local cjson = require "cjson"

local M = {}

local levels = { debug = 1, info = 2, warn = 3, error = 4 }
M.levels, M.formats = levels, { text = true, json = true }

---@param us number microseconds since the epoch
---@return string # "2023-02-01 00:10:00"
function M.time_text(us) return os.date("!%Y-%m-%d %H:%M:%S", math.floor(us / 1e6)) end

local function text_line(level, stamp, message, fields)
  local parts = { (stamp and stamp .. " " or "") .. level:upper() .. " " .. message }
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

  function log.fields(level, message, fields)
    if not log.shows[level] then return end
    local t = now()
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
        text = text:format(unpack(values, 1, select("#", ...)))
      end
      log.fields(name, text)
    end
  end
  return log
end

return M
