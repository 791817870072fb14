---`moontide exchange` as a child process for specs, and a client of it over real sockets.
local ffi = require "ffi"
local cjson = require "cjson"
local C = require "spec.support.c"
local host = require "moontide.lua_host"
local http = require "spec.support.http"
local run = require "spec.support.run"
local wait = require "spec.support.wait"

ffi.cdef "int kill(int, int);"

local M = {}
local Exchange = {}
Exchange.__index = Exchange

M.sleep, M.wait_for = wait.sleep, wait.till

-- What live runs have remembered of its limits is of no use to the next exchange on this port.
local function forget_budgets(port)
  os.execute(("rm -f /dev/shm/moontide-*_%d.budget /dev/shm/moontide-*_%d-*.budget"):format(port, port))
end

---@param arguments string[]? of the command, besides the port
---@param environment string? "NAME=value ...", for it alone
function M.start(arguments, environment)
  local folder = run.folder()
  local words = { "exec", host.exe, "exchange", "--port", "0" }
  for _, a in ipairs(arguments or {}) do
    words[#words + 1] = "'" .. a .. "'"
  end
  local pipe = io.popen(
    ("%s MOONTIDE_STORE=%s/store %s >%s/out 2>%s/err </dev/null & echo $!"):format(
      environment or "",
      folder,
      table.concat(words, " "):gsub("^exec ", ""),
      folder,
      folder
    )
  )
  local self =
    setmetatable({ pid = tonumber(pipe:read "*l"), folder = folder, session = http.session() }, Exchange)
  pipe:close()
  local ok, banner = pcall(M.wait_for, "the exchange's banner", function()
    local text = run.read(folder .. "/out")
    return text:find "\n  token%s+%S+ " and text
  end)
  if not ok then
    error("moontide exchange did not start: " .. run.read(folder .. "/err") .. run.read(folder .. "/out"), 2)
  end
  self.banner = banner
  self.url = banner:match "REST%s+(%S+)"
  self.port = tonumber(self.url:match ":(%d+)$")
  forget_budgets(self.port) -- of one that was killed
  self.token = banner:match "\n  token%s+(%S+)"
  self.key, self.secret = banner:match "API key%s+(%x+)\n%s+secret%s+(%x+)"
  self.reading_key, self.reading_secret = banner:match "read%-only%s+(%x+)\n%s+secret%s+(%x+)"
  return self
end

---The variables of the environment with which a run trades there: "NAME=value ...", for a command line.
---@param self { key: string, secret: string } an exchange
---@param home string? where its folder of runs is
function M.environment(self, home)
  return ("%sMOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s"):format(
    home and ("MOONTIDE_HOME=%s "):format(home) or "",
    self.key,
    self.secret
  )
end
Exchange.environment = M.environment

---Stops it and tells what it wrote at the end.
function Exchange:stop()
  self.session:close()
  ffi.C.kill(self.pid, 2)
  wait.till_ended(self.pid)
  forget_budgets(self.port)
  local out, err = run.read(self.folder .. "/out"), run.read(self.folder .. "/err")
  run.remove(self.folder)
  assert(err == "" and out:find "stopped after", "moontide exchange ended badly: " .. err .. out)
  return out, err
end

local function signature(secret, text)
  local key, message = ffi.new "struct signing_key *[1]", ffi.new "struct errmsg"
  assert(C.signing_key_new(C.KEY_HMAC, secret, key, message) == 0)
  local out = ffi.new "char[1400]"
  C.signature_make(key[0], text, #text, out)
  C.signing_key_free(key[0])
  return ffi.string(out)
end
M.signature = signature

local function escape(v)
  return (tostring(v):gsub("[^%w%-_%.~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

---Pairs in the order of their names, or as given when the table is a list of { name, value }.
function M.query(params)
  local list = {}
  for name, value in pairs(params or {}) do
    if type(name) == "number" then
      list[name] = value[1] .. "=" .. escape(value[2])
    else
      list[#list + 1] = name .. "=" .. escape(value)
    end
  end
  if not (params and params[1]) then table.sort(list) end
  return table.concat(list, "&")
end

function M.now_ms()
  local now = ffi.new "struct { long s, us; }"
  return tonumber(ffi.C.moontide_gettimeofday(now, nil) == 0 and now.s * 1000 + now.us / 1000)
end
ffi.cdef [[ int moontide_gettimeofday(void *, void *) __asm__("gettimeofday"); ]]

---A raw request; JSON replies are decoded into `json`.
function Exchange:raw(method, path, headers, body, session)
  if path:find "^/moontide/" then
    local own = { "X-Moontide-Token: " .. self.token }
    for i, line in ipairs(headers or {}) do
      own[i + 1] = line
    end
    headers = own
  end
  local reply, problem = (session or self.session):request(method, self.url .. path, headers, body)
  if not reply then return nil, problem end
  local ok, value = pcall(cjson.decode, reply.body)
  reply.json = ok and value or nil
  return reply
end

function Exchange:public(path, params)
  return self:raw("GET", path .. (params and "?" .. M.query(params) or ""))
end

---A signed request. o: body (the parameters go there), key, secret, stamp (ms), window, session.
function Exchange:signed(method, path, params, o)
  o = o or {}
  local text = M.query(params)
  local tail = (text == "" and "" or "&")
    .. "recvWindow="
    .. (o.window or 5000)
    .. "&timestamp="
    .. ("%.0f"):format(o.stamp or M.now_ms())
  text = text .. tail
  text = text .. "&signature=" .. signature(o.secret or self.secret, text)
  local headers = { "X-MBX-APIKEY: " .. (o.key or self.key) }
  if o.body then
    headers[2] = "Content-Type: application/x-www-form-urlencoded"
    return self:raw(method, path, headers, text, o.session)
  end
  return self:raw(
    method,
    path .. "?" .. text,
    headers,
    (method == "POST" or method == "PUT") and "" or nil,
    o.session
  )
end

function Exchange:order(t)
  local params =
    { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = "0.010", newOrderRespType = "RESULT" }
  for k, v in pairs(t) do
    params[k] = v
  end
  if params.type == "LIMIT" and not params.timeInForce then params.timeInForce = "GTC" end
  return self:signed("POST", "/fapi/v1/order", params)
end

---The best bid and ask of a symbol, as numbers.
function Exchange:best(symbol)
  local t = self:public("/fapi/v1/ticker/bookTicker", { symbol = symbol or "BTCUSDT" }).json
  return tonumber(t.bidPrice), tonumber(t.askPrice)
end

function Exchange:audit(query) return self:raw("GET", "/moontide/audit" .. (query or "")).json end

---Sets fault rules at run time.
function Exchange:faults(rules)
  local reply = self:raw("POST", "/moontide/faults", {}, cjson.encode { seed = 1, rules = rules })
  assert(reply.status == 200, reply.body)
end

function Exchange:no_faults() self:raw("DELETE", "/moontide/faults") end

return M
