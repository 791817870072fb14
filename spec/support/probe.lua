---The connections of one request or stream at a time (C side: world/live/probe.h), for specs.
local ffi = require "ffi"
local C = require "spec.support.c"

ffi.cdef [[
  int setenv(const char *, const char *, int);
  int unsetenv(const char *);
]]

local M = {}
local Probe = {}
Probe.__index = Probe

---@param o { ca_file: string?, proxy: string?, timeout: number?, environment: table<string, string>? }? seconds; variables that hold until it is closed
function M.open(o)
  o = o or {}
  for name, value in pairs(o.environment or {}) do
    ffi.C.setenv(name, value, 1)
  end
  local out, message = ffi.new "struct probe *[1]", ffi.new "struct errmsg"
  local options = ffi.new(
    "struct probe_options",
    { ca_file = o.ca_file, proxy = o.proxy, timeout_us = (o.timeout or 60) * 1e6 }
  )
  assert(C.probe_new(options, out, message) == 0)
  return setmetatable({ p = ffi.gc(out[0], C.probe_free), message = message, o = o }, Probe)
end

---The status and the body; nil and why.
function Probe:ask(method, url)
  local answer = ffi.new "struct probe_answer"
  if C.probe_ask(self.p, method, url, "key", answer, self.message) ~= 0 then
    return nil, ffi.string(self.message.text)
  end
  return answer.status, ffi.string(answer.body, answer.size)
end

---Opens a stream and closes it: microseconds; nil and why.
function Probe:stream(url)
  local took = ffi.new "int64_t[1]"
  if C.probe_stream(self.p, url, took, self.message) ~= 0 then return nil, ffi.string(self.message.text) end
  return tonumber(took[0])
end

function Probe:close()
  C.probe_free(ffi.gc(self.p, nil))
  for name in pairs(self.o.environment or {}) do
    ffi.C.unsetenv(name)
  end
end

return M
