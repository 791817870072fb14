---Where alerts go: the services, each an alert made into a request of its kind; and what is read of moontide.conf.lua for it.
local bit = require "bit"
local ffi = require "ffi"
local cjson = require "cjson"
local C = require "moontide.core"
local failures = require "moontide.failure"
local host = require "moontide.lua_host"
local settings_file = require "moontide.run.settings_file"
local shell = require "moontide.shell"

local M = {}

M.severities = { info = 1, warning = 2, critical = 3 }
local TIMEOUT_MS = 10000
local marks = { info = "", warning = "[warning] ", critical = "[CRITICAL] " }

---@class Alert
---@field time number ms since the epoch
---@field severity "info"|"warning"|"critical"
---@field run string
---@field text string
---@field times integer? how often it was said meanwhile

local function line_of(a)
  return ("%s%s: %s%s"):format(
    marks[a.severity] or "",
    a.run,
    a.text,
    a.times and (" (%d more times)"):format(a.times) or ""
  )
end

-- A secret by `NAME`, `NAME_env` (a variable) or `NAME_file` (of mode 0600); what is wrong never tells it.
local function secret(t, name, where)
  if t[name .. "_env"] then
    local value = os.getenv(t[name .. "_env"])
    if not value or value == "" then
      failures.raise(1, "%s: the variable %s is not set", where, t[name .. "_env"])
    end
    return value
  elseif t[name .. "_file"] then
    local path = t[name .. "_file"]
    local file, mode = io.open(path, "rb"), host.file_mode(path)
    if not file then failures.raise(1, "%s: cannot read %s", where, path) end
    local value = file:read("*a"):match "^%s*(.-)%s*$"
    file:close()
    if bit.band(mode, 63) ~= 0 then
      failures.raise(1, "%s: %s can be read by others: chmod 600 it", where, path)
    end
    return value
  end
  return t[name]
end

local function sign(key_text, text)
  local out, message = ffi.new "struct signing_key *[1]", ffi.new "struct errmsg"
  if C.signing_key_new(C.KEY_HMAC, key_text, out, message) ~= 0 then return nil end
  local signature = ffi.new("char[?]", C.SIGNATURE_TEXT_MAX)
  local made = C.signature_make(out[0], text, #text, signature)
  C.signing_key_free(out[0])
  return made == 0 and ffi.string(signature) or nil
end

local JSON = "Content-Type: application/json"

-- By the kind of target: its URL, headers and body; `t` has its secrets read.
local kinds = {}

function kinds.telegram(t, a)
  local url = ("%s/bot%s/sendMessage"):format(t.api or "https://api.telegram.org", t.token)
  return url, { JSON }, cjson.encode { chat_id = t.chat, text = line_of(a):sub(1, 4000) }
end

function kinds.discord(t, a)
  -- Nobody is called by what a text happens to contain.
  return t.url,
    { JSON },
    cjson.encode {
      content = line_of(a):sub(1, 1900),
      allowed_mentions = { parse = setmetatable({}, cjson.array_mt) },
    }
end

function kinds.slack(t, a)
  local text = line_of(a):gsub("&", "&amp;"):gsub("<", "&lt;"):gsub(">", "&gt;")
  return t.url, { JSON }, cjson.encode { text = text }
end

function kinds.ntfy(t, a)
  local headers = { "Title: moontide " .. a.run, "Priority: " .. M.severities[a.severity] + 2 }
  if t.token then headers[#headers + 1] = "Authorization: Bearer " .. t.token end
  return t.url, headers, line_of(a)
end

function kinds.webhook(t, a)
  local body = cjson.encode {
    time = a.time,
    severity = a.severity,
    run = a.run,
    text = a.text,
    times = a.times,
  }
  local headers = { JSON }
  if t.secret then
    local stamp = tostring(os.time())
    headers[2] = "X-Moontide-Timestamp: " .. stamp
    headers[3] = "X-Moontide-Signature: sha256=" .. (sign(t.secret, stamp .. "." .. body) or "")
  end
  return t.url, headers, body
end

-- A program gets the line on its standard input.
local function run_command(t, a)
  local done = os.execute(
    ("printf '%%s\\n' %s | MOONTIDE_ALERT_SEVERITY=%s timeout 30 sh -c %s >/dev/null 2>&1"):format(
      shell.quote(line_of(a)),
      a.severity,
      shell.quote(t.command)
    )
  )
  return done == true or done == 0
end

local function post(t, a)
  local url, headers, body = kinds[t.kind](t, a)
  local lines = ffi.new("const char *[?]", #headers + 1)
  for i, line in ipairs(headers) do
    lines[i - 1] = line
  end
  local answer = ffi.new "struct http_post_answer"
  C.http_post(url, lines, body, #body, TIMEOUT_MS, answer)
  return answer
end

---@class AlertOutcome
---@field ok boolean
---@field again boolean? worth another attempt
---@field wait number? seconds that the service asks for
---@field problem string? without address and secret

---Sends one alert to one target, and waits for the answer.
---@param t table of M.read
---@param a Alert
---@return AlertOutcome
function M.send(t, a)
  if t.kind == "command" then
    local ok = run_command(t, a)
    return { ok = ok, again = not ok, problem = not ok and "the command failed" or nil }
  end
  local answer = post(t, a)
  local status = answer.status
  if status >= 200 and status < 300 then return { ok = true } end
  if status == 0 then return { ok = false, again = true, problem = "no answer" } end
  local wait = answer.retry_after_s
  if status == 429 and wait == 0 then -- Telegram and Discord say it in the body
    local text = ffi.string(answer.body):match '"retry_after"%s*:%s*([%d.]+)'
    wait = text and math.ceil(tonumber(text)) or 0
  end
  return {
    ok = false,
    again = status == 408 or status == 429 or status >= 500,
    wait = wait > 0 and wait or nil,
    problem = ("answered %d"):format(status),
  }
end

local needed = {
  telegram = { "token", "chat" },
  discord = { "url" },
  slack = { "url" },
  ntfy = { "url" },
  webhook = { "url" },
  command = { "command" },
}

local function target(given, where)
  if type(given) ~= "table" or not needed[given.kind] then
    failures.raise(2, "%s: kind is telegram, discord, slack, ntfy, webhook or command", where)
  end
  local t = { kind = given.kind, chat = given.chat, api = given.api, command = given.command }
  for _, name in ipairs { "token", "url", "secret" } do
    t[name] = secret(given, name, where)
  end
  for _, name in ipairs(needed[t.kind]) do
    if not t[name] then failures.raise(2, "%s: %s needs %s", where, t.kind, name) end
  end
  t.least = M.severities[given.severity or "info"]
    or failures.raise(2, "%s: severity is info, warning or critical", where)
  return t
end

---The alerts of moontide.conf.lua as they stand there; nil: there are none.
---@param options table
---@return { to: table[], severity: string?, fold: number?, silence: string[]? }? alerts
---@return string? path
function M.settings(options)
  local settings, path = settings_file.read(options)
  local alerts = settings and settings.alerts
  if alerts == nil then return nil end
  if type(alerts) ~= "table" or type(alerts.to) ~= "table" then
    failures.raise(2, "%s: alerts is a table with `to`, a list of targets", path)
  end
  if not M.severities[alerts.severity or "warning"] then
    failures.raise(2, "%s: alerts.severity is info, warning or critical", path)
  end
  if alerts.fold ~= nil and not (type(alerts.fold) == "number" and alerts.fold >= 0) then
    failures.raise(2, "%s: alerts.fold is seconds, 0 or more", path)
  end
  if alerts.silence ~= nil and type(alerts.silence) ~= "table" then
    failures.raise(2, "%s: alerts.silence is a list of texts", path)
  end
  return alerts, path
end

---The targets, their secrets read; fails the command on what is wrong with them.
---@param options table
---@return table[]? targets
function M.read(options)
  local alerts, path = M.settings(options)
  if not alerts then return nil end
  local list = {}
  for i, given in ipairs(alerts.to) do
    list[i] = target(given, ("%s: alerts.to[%d]"):format(path, i))
  end
  return list
end

return M
