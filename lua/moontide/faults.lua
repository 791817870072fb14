---Fault files: a Lua table of rules by which requests are lost, delayed or answered with errors (C side: sim/faults.h).
---
---    return { seed = 7,
---      { fault = "lose_reply", call = "POST /fapi/v1/order", share = 0.01 },
---      { fault = "error", class = "market", status = 503, message = "Service Unavailable", from = 60, to = 120 },
---    }
---
---Fields of a rule: fault (no_connection, lose_request, lose_reply, error, error_after, delay); call ("METHOD /path") or
---class (orders, market, account), else all; share (0 to 1, default 1); from, to (seconds from the start); most (strikes
---at most so often); status, code, message, retry_after (of errors); delay (seconds).
local ffi = require "ffi"
local C = require "moontide.native"
local cmd = require "moontide.cmd"

local M = {}

local classes = { orders = C.CLASS_ORDER, market = C.CLASS_MARKET, account = C.CLASS_ACCOUNT }
local fields = { fault = "string", call = "string", class = "string", share = "number", from = "number", to = "number",
                 most = "number", status = "number", code = "number", message = "string", retry_after = "number",
                 delay = "number" }
local kinds, kind_names = {}, {}
for i = 1, C.FAULT_KIND_COUNT - 1 do
  kind_names[i] = ffi.string(C.fault_kind_name(i))
  kinds[kind_names[i]] = i
end

---Reads a fault file; fails the command with one line on what is wrong in it.
---@param path string
---@param start_us number time that `from` and `to` count from
---@return ffi.cdata* faults struct faults
function M.load(path, start_us)
  local chunk, problem = loadfile(path, "t", {})
  if not chunk then cmd.fail(1, "--faults: %s", problem) end
  local ok, rules = pcall(chunk)
  if not ok then cmd.fail(1, "--faults: %s", tostring(rules)) end
  if type(rules) ~= "table" then cmd.fail(1, "--faults %s: it must return a table of rules", path) end
  local faults = ffi.new "struct faults"
  C.faults_init(faults, rules.seed or 1)
  for i, r in ipairs(rules) do
    local function wrong(text, ...) cmd.fail(1, "--faults %s: rule %d: %s", path, i, text:format(...)) end
    if type(r) ~= "table" then wrong "a table is wanted" end
    for name, value in pairs(r) do
      if not fields[name] then wrong("no field '%s'", tostring(name)) end
      if type(value) ~= fields[name] then wrong("%s must be a %s", name, fields[name]) end
    end
    local rule = ffi.new("struct fault_rule", { share = r.share or 1, endpoint = -1, request_class = -1 })
    rule.kind = kinds[r.fault] or wrong("fault = '%s'; one of %s is wanted", tostring(r.fault), table.concat(kind_names, ", "))
    if r.call then
      local method, address = r.call:match "^(%u+) (%S+)$"
      rule.endpoint = C.endpoint_find(method or "", address or "")
      if rule.endpoint < 0 then wrong("no call '%s'; as \"POST /fapi/v1/order\"", r.call) end
    end
    if r.class then rule.request_class = classes[r.class] or wrong("class = '%s'; orders, market or account", r.class) end
    rule.from_us, rule.to_us = start_us + (r.from or 0) * 1e6, r.to and start_us + r.to * 1e6 or 0
    rule.most, rule.status, rule.code = r.most or 0, r.status or 503, r.code or 0
    rule.retry_after_s, rule.delay_us = r.retry_after or 0, (r.delay or 0) * 1e6
    ffi.copy(rule.message, (r.message or ""):sub(1, ffi.sizeof(rule.message) - 1))
    local status = C.faults_add(faults, rule)
    if status ~= 0 then
      wrong(i > C.FAULT_RULES_MAX and "too many rules" or "share is above 0 and at most 1, status 400 to 599, delay above 0")
    end
  end
  return faults
end

return M
