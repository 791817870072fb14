---Fault files: a Lua table of rules by which requests are lost, delayed or answered with errors (C side: sim/faults.h).
---
---    return { seed = 7,
---      { fault = "lose_reply", call = "POST /fapi/v1/order", share = 0.01 },
---      { fault = "error", class = "market", status = 503, message = "Service Unavailable", from = 60, to = 120 },
---    }
---
---Fields of a rule: fault (no_connection, lose_request, lose_reply, error, error_after, delay; of `moontide exchange`
---also late, reset, slow_body, malformed, wrong_body, skew, stream_drop, stream_gap, stream_twice, stream_late,
---listen_key_loss); call ("METHOD /path") or
---class (orders, market, account), else all; share (0 to 1, default 1); from, to (seconds from the start); most (strikes
---at most so often); status, code, message, retry_after (of errors); delay, jitter
---(seconds; jitter is the mean of an exponential addition).
local ffi = require "ffi"
local C = require "moontide.core"
local failures = require "moontide.failure"
local cjson = require "cjson"

local M = {}

---Makes faults of a table of rules.
---@param rules table
---@param start_us number time that `from` and `to` count from
---@param server boolean? whether faults that only a server knows are allowed
---@return ffi.cdata*? faults struct faults
---@return string? problem
function M.of(rules, start_us, server)
  if type(rules) ~= "table" then return nil, "it must return a table of rules" end
  -- An empty Lua table is an object to cjson.
  local encoded, text = pcall(cjson.encode, { seed = rules.seed or 1, rules = { 0, unpack(rules) } })
  if not encoded then return nil, tostring(text) end
  text = text:gsub("%[0,?", "[", 1)
  local faults, message = ffi.new "struct faults", ffi.new "struct errmsg"
  if C.fault_rules_read(text, start_us, server or false, faults, message) ~= 0 then
    return nil, ffi.string(message.text)
  end
  return faults
end

---Reads a fault file; fails the command with one line on what is wrong in it.
---@param path string
---@param start_us number time that `from` and `to` count from
---@param server boolean? whether faults that only a server knows are allowed
---@return ffi.cdata* faults struct faults
function M.load(path, start_us, server)
  local chunk, problem = loadfile(path, "t", {})
  if not chunk then failures.raise(1, "--faults: %s", problem) end
  local ok, rules = pcall(chunk)
  if not ok then failures.raise(1, "--faults: %s", tostring(rules)) end
  local faults
  faults, problem = M.of(rules, start_us, server)
  if not faults then failures.raise(1, "--faults %s: %s", path, problem) end
  return faults
end

return M
