---Requests one at a time before there is a run, or without one (C side: world/live/probe.h).
local ffi = require "ffi"
local cjson = require "cjson"
local C = require "moontide.core"

local M = {}

---@class Probe
---@field clock_offset_us number added to our clock for stamps
local Probe = {}
Probe.__index = Probe

---@class ProbeAnswer
---@field status integer HTTP
---@field body string
---@field json any the body decoded, nil when it is no JSON
---@field took_us number from the first byte out to the last one in
---@field used_weight integer? of the minute, where the exchange tells it
---@field retry_after integer seconds after which the exchange wants to be asked again; 0: it does not say

---@param o ffi.cdata* struct live_options
---@param at { rest: string, streams: string, key: string }
---@return Probe? probe
---@return string? problem
function M.new(o, at)
  local out, message = ffi.new "struct probe *[1]", ffi.new "struct errmsg"
  local options = ffi.new("struct probe_options", {
    ca_file = o.ca_file,
    proxy = o.proxy,
    timeout_us = o.http_timeout_us,
    clock = o.clock,
    network = o.network,
  })
  if C.probe_new(options, out, message) ~= 0 then return nil, ffi.string(message.text) end
  local self = setmetatable({ p = ffi.gc(out[0], C.probe_free), at = at, o = o, clock_offset_us = 0 }, Probe)
  if at.key ~= "" then
    local key = ffi.new "struct signing_key *[1]"
    if C.signing_key_new(o.key_kind, o.secret, key, message) ~= 0 then
      return nil, ffi.string(message.text)
    end
    self.signing_key = ffi.gc(key[0], C.signing_key_free)
  end
  return self
end

---@param method string
---@param url string whole
---@param key string?
---@return ProbeAnswer? answer nil when none came
---@return string? problem
function Probe:ask(method, url, key)
  local answer, message = ffi.new "struct probe_answer", ffi.new "struct errmsg"
  if C.probe_ask(self.p, method, url, key, answer, message) ~= 0 then return nil, ffi.string(message.text) end
  local body = ffi.string(answer.body, answer.size)
  local ok, value = pcall(cjson.decode, body)
  return {
    status = answer.status,
    body = body,
    json = ok and value or nil,
    took_us = tonumber(answer.took_us),
    used_weight = answer.used_weight_1m >= 0 and answer.used_weight_1m or nil,
    retry_after = answer.retry_after_s,
  }
end

local function page(answer)
  local out = ffi.new("char[?]", C.FOREIGN_PAGE_TEXT)
  C.foreign_page_describe(answer.status, answer.body, #answer.body, out)
  return ffi.string(out)
end

---What an answer of 200 is that is not what was asked for.
---@param answer ProbeAnswer
---@return string
function M.no_reply(answer)
  if answer.json ~= nil then return "is not the reply of a futures exchange" end
  return ("answered %d: %s"):format(answer.status, page(answer))
end

---What an answer that is not 200 says: its code and text, or what seems to have answered in the exchange's place.
---@param answer ProbeAnswer
---@return string
function M.refusal(answer)
  local said = type(answer.json) == "table" and answer.json or {}
  if type(said.msg) == "string" and said.msg ~= "" then
    local code = tonumber(said.code)
    return ("answered %d%s: %s"):format(
      answer.status,
      code and code ~= 0 and (", %d"):format(code) or "",
      said.msg:gsub("%c", " "):sub(1, 200)
    )
  end
  return ("answered %d: %s"):format(answer.status, page(answer))
end

---Lets time pass.
---@param seconds number
function Probe:wait(seconds) C.probe_wait(self.p, seconds * 1e6) end

---A public read.
---@param path string with its query
---@return ProbeAnswer?
---@return string? problem
function Probe:get(path) return self:ask("GET", self.at.rest .. path) end

---A signed call without parameters.
---@param method string
---@param path string
---@param base string? another address than the exchange's
---@return ProbeAnswer?
---@return string? problem
function Probe:signed(method, path, base)
  local stamp = tonumber(C.live_clock_wall_us(self.o.clock)) + self.clock_offset_us
  local text = ("recvWindow=%d&timestamp=%.0f"):format(
    tonumber(self.o.recv_window_us) / 1000,
    math.floor(stamp / 1000)
  )
  local out = ffi.new("char[?]", C.SIGNATURE_TEXT_MAX)
  C.signature_make(self.signing_key, text, #text, out)
  local signature = ffi.string(out):gsub("[+/=]", function(c) return ("%%%02X"):format(c:byte()) end)
  return self:ask(
    method,
    (base or self.at.rest) .. path .. "?" .. text .. "&signature=" .. signature,
    self.at.key
  )
end

---A call that needs the key, and no signature.
function Probe:keyed(method, path) return self:ask(method, self.at.rest .. path, self.at.key) end

---Opens a stream and closes it.
---@param url string
---@return number? took_us
---@return string? problem
function Probe:stream(url)
  local took, message = ffi.new "int64_t[1]", ffi.new "struct errmsg"
  if C.probe_stream(self.p, url, took, message) ~= 0 then return nil, ffi.string(message.text) end
  return tonumber(took[0])
end

---Gives the connections back at once.
function Probe:close()
  C.probe_free(ffi.gc(self.p, nil))
  self.p = nil
end

return M
