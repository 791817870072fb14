---What a run has to alert of, on its way out: lines in `alerts` of its folder, written by a thread (process/log_file.h) and read by
---the process that sends them (live/alert_sender.lua). The run waits for neither.
local cjson = require "cjson"
local log_file = require "moontide.live.log_file"
local tasks = require "moontide.api.tasks"
local targets = require "moontide.live.alert_targets"

local M = {}

local FOLD_S, SIZE_MAX, KNOWN_MOST = 300, 1048576, 1000
local severity_of = { warn = "warning", error = "critical" }

---@param folder string of a run
---@return string
function M.place(folder) return folder .. "/alerts" end

-- Numbers make no other alert: what differs by a price is one.
local function kind_of(severity, text) return severity .. text:gsub("%d+", "#") end

---The alerts of a run, written into its folder.
---@param o { folder: string, run: string, settings: table, now: fun(): number } now in milliseconds
---@return { raise: fun(severity: string, text: string), close: fun() }? alerts
---@return string? problem
function M.open(o)
  local file, problem = log_file.open(M.place(o.folder), SIZE_MAX, 1)
  if not file then return nil, problem end
  local least = targets.severities[o.settings.severity or "warning"]
  local fold_ms, silence = (o.settings.fold or FOLD_S) * 1000, o.settings.silence or {}
  local known, count = {}, 0

  local function raise(severity, text)
    if targets.severities[severity] < least then return end
    for _, part in ipairs(silence) do
      if text:find(part, 1, true) then return end
    end
    local now, kind = o.now(), kind_of(severity, text)
    local k = known[kind]
    if k and now < k.until_ms then
      k.times = k.times + 1
      return
    end
    if not k and count >= KNOWN_MOST then
      known, count = {}, 0
    end
    if not k then count = count + 1 end
    known[kind] = { until_ms = now + fold_ms, times = 0 }
    file.write(cjson.encode {
      time = now,
      severity = severity,
      run = o.run,
      text = text,
      times = k and k.times > 0 and k.times or nil,
    })
  end
  return { raise = raise, close = file.close }
end

-- A line of a log without its stamp and its level.
local function bare(line)
  if line:sub(1, 1) == "{" then
    local ok, fields = pcall(cjson.decode, line)
    return ok and fields.message or line
  end
  return line:match "^[%d%-]* ?[%d:]* ?%u+ (.*)$" or line
end

---The alerts of a log: its warnings and errors, as they are said.
---@param log table
---@param raise fun(severity: string, text: string)
function M.listen(log, raise)
  table.insert(log.listeners, function(line, level)
    if severity_of[level] and not log.alerting then raise(severity_of[level], bare(line)) end
  end)
end

---Lets a run alert, when its settings have somewhere to.
---@param s LiveSession with its folder
function M.attach(s)
  local settings = targets.settings(s.options)
  if not settings then return end
  local alerts, problem = M.open {
    folder = s.folder,
    run = s.name,
    settings = settings,
    now = function() return math.floor((s.world and s.world:now() or os.time() * 1e6) / 1000) end,
  }
  if not alerts then
    s.log.warn("no alerts: %s", problem)
    return
  end
  s.alerts = alerts
  M.listen(s.log, alerts.raise)
end

---`api.alert` of a script: into the log, and out where alerts go.
---@param log table
---@param alerts { raise: fun(severity: string, text: string) }?
---@param severity "info"|"warning"|"critical"
---@param text string
function M.tell(log, alerts, severity, text)
  log.alerting = true
  log[tasks.alert_levels[severity]]("%s", "alert: " .. text)
  log.alerting = nil
  if alerts then alerts.raise(severity, text) end
end

return M
