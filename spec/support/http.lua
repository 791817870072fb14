---HTTP over real sockets for specs, by libcurl. One kept-alive connection a session.
local ffi = require "ffi"

ffi.cdef [[
  typedef void CURL;
  struct curl_slist;
  CURL *curl_easy_init(void);
  void curl_easy_reset(CURL *);
  int curl_easy_setopt(CURL *, int, ...);
  int curl_easy_perform(CURL *);
  int curl_easy_getinfo(CURL *, int, ...);
  void curl_easy_cleanup(CURL *);
  const char *curl_easy_strerror(int);
  struct curl_slist *curl_slist_append(struct curl_slist *, const char *);
  void curl_slist_free_all(struct curl_slist *);
]]
local curl = ffi.load "libcurl.so.4"

local URL, WRITEFUNCTION, HEADERFUNCTION, CUSTOMREQUEST, POSTFIELDS, HTTPHEADER =
  10002, 20011, 20079, 10036, 10015, 10023
local POSTFIELDSIZE, TIMEOUT_MS, ENCODING, CAINFO, NOSIGNAL = 60, 155, 10102, 10065, 99
local RESPONSE_CODE = 0x200002

local M = {}
local Session = {}
Session.__index = Session

local sink = {}
local on_body = ffi.cast("size_t (*)(char *, size_t, size_t, void *)", function(bytes, size, count)
  sink.body[#sink.body + 1] = ffi.string(bytes, size * count)
  return size * count
end)
local on_head = ffi.cast("size_t (*)(char *, size_t, size_t, void *)", function(bytes, size, count)
  local name, value = ffi.string(bytes, size * count):match "^([^:]+):%s*(.-)%s*$"
  if name then sink.head[name:lower()] = value end
  return size * count
end)

---@param o { timeout: number?, ca: string? }? seconds; a certificate to trust
function M.session(o) return setmetatable({ handle = curl.curl_easy_init(), o = o or {} }, Session) end

local function long(v) return ffi.cast("long", v) end

---@param method string
---@param url string
---@param headers string[]?
---@param body string?
---@return { status: integer, body: string, head: table<string, string> }? reply nil when none came
---@return string? problem
function Session:request(method, url, headers, body)
  local h, list = self.handle, nil
  curl.curl_easy_reset(h)
  curl.curl_easy_setopt(h, URL, ffi.cast("const char *", url))
  curl.curl_easy_setopt(h, CUSTOMREQUEST, ffi.cast("const char *", method))
  curl.curl_easy_setopt(h, NOSIGNAL, long(1))
  curl.curl_easy_setopt(h, TIMEOUT_MS, long((self.o.timeout or 60) * 1000))
  if self.o.encoding then curl.curl_easy_setopt(h, ENCODING, ffi.cast("const char *", self.o.encoding)) end
  if self.o.ca then curl.curl_easy_setopt(h, CAINFO, ffi.cast("const char *", self.o.ca)) end
  for _, line in ipairs(headers or {}) do
    list = curl.curl_slist_append(list, line)
  end
  if list then curl.curl_easy_setopt(h, HTTPHEADER, list) end
  if body then
    curl.curl_easy_setopt(h, POSTFIELDSIZE, long(#body))
    curl.curl_easy_setopt(h, POSTFIELDS, ffi.cast("const char *", body))
  end
  curl.curl_easy_setopt(h, WRITEFUNCTION, on_body)
  curl.curl_easy_setopt(h, HEADERFUNCTION, on_head)
  sink = { body = {}, head = {} }
  local code = curl.curl_easy_perform(h)
  if list then curl.curl_slist_free_all(list) end
  if code ~= 0 then return nil, ffi.string(curl.curl_easy_strerror(code)) end
  local status = ffi.new "long[1]"
  curl.curl_easy_getinfo(h, RESPONSE_CODE, status)
  return { status = tonumber(status[0]), body = table.concat(sink.body), head = sink.head }
end
jit.off(Session.request) -- libcurl calls back into Lua

function Session:close()
  curl.curl_easy_cleanup(self.handle)
  self.handle = nil
end

return M
