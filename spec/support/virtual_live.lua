---A live run of this process against an exchange of this process, over a network without sockets, on a clock that jumps to what
---is due next (runtime/testing/virtual_network.h): hours take milliseconds, and the same seed gives the same bytes.
---
---    local v = virtual.run {
---      script = function(v, api) v:cut "user"; v:run_for(5) ... end, -- a plain script, or
---      strategy = { on_bar = ... }, play = function(v, api) ... end, -- handlers, and what happens meanwhile
---      seed = 1, exchange = { rate = 2 }, options = { ["stream-silence"] = 4 }, settings = { ... },
---    }
---    assert.is_truthy(v:logged "connected again")
---
---What runs is what ships: lua/moontide/live/session.lua from its first line to its last.
local ffi = require "ffi"
local cjson = require "cjson"
local C = require "spec.support.c"
local T = require "spec.support.testing_lib"
local faults = require "moontide.run.faults"
local commands = { live = require "moontide.cmd.live", paper = require "moontide.cmd.paper" }
local log_module = require "moontide.run.log"
local parse = require "moontide.options.parse"
local host = require "moontide.lua_host"
local local_exchange = require "spec.support.local_exchange"
local run = require "spec.support.run"
local session = require "moontide.live.session"

ffi.cdef "int chmod(const char *, unsigned);"

local M = {}

---Settings for runs whose requests mostly fail: no breaker, no throttle, many attempts.
M.undaunted = dofile(run.root .. "/spec/support/many_faults.conf.lua")

local START_US = 1700000040000000LL -- 2023-11-14 22:14:00
local KEY = ("k"):rep(64)
local PLACES =
  { user = "/private", market = "/market", public = "/public", api = "/ws-fapi", requests = "http", all = "" }
local PRICES = { BTCUSDT = 65000, BTCUSDC = 65000, BNBUSDC = 600, ETHUSDT = 3200, SOLUSDT = 150 }

---@class VirtualRun
---@field lines string[] what was logged, and printed
---@field failure string? what M.open, M.start or M.run of the session gave or raised
---@field started boolean
---@field status fun(): table
local Run = {}
Run.__index = Run

local home = run.folder()
M.home = newproxy(true) -- removed when the spec file is over
getmetatable(M.home).__gc = function() run.remove(home) end
local count = 0

-- ---- the exchange ----

local function make_symbols(names)
  local symbols, series = ffi.new("struct symbol[?]", #names), ffi.new("struct series[?]", #names)
  local from, message = ffi.new("int64_t[?]", #names), ffi.new "struct errmsg"
  for i, name in ipairs(names) do
    local s = symbols[i - 1]
    if C.symbol_rules_builtin(name, s) ~= 0 then assert(C.symbol_rules_guess(name, 1, 3, s) == 0) end
    local o = ffi.new("struct synth_options", { symbol = name, interval = C.INTERVAL_1M, volatility = 0.03 })
    o.start_us, o.count, o.seed = START_US - 240 * 60000000LL, 240, i
    o.price_e8 = C.dec_from_double(PRICES[name])
    o.tick_e8, o.step_e8 = s.tick_e8, s.step_e8
    assert(C.synth_bars(o, series[i - 1], message) == 0, ffi.string(message.text))
    from[i - 1] = 240
  end
  return symbols, series, from
end

---@param o { rate: number?, wallet: number?, faults: table?, others: string[]?, stream_life: number?, ping: number?, weight_limit: integer?, order_limits: integer[]?, state: ffi.cdata*? }
local function make_exchange(names, seed, o)
  local l, kept = ffi.new "struct exchange_server_options", {}
  kept.symbols, kept.series, kept.from = make_symbols(names)
  l.symbols, l.symbol_count, l.series, l.replay_from = kept.symbols, #names, kept.series, kept.from
  l.seed, l.volatility, l.rate = seed, 0.03, o.rate or 1
  l.stream_life_us, l.ping_us = (o.stream_life or 86400) * 1e6, (o.ping or 180) * 1e6
  l.exchange.wallet_e8 = C.dec_from_double(o.wallet or 10000)
  l.exchange.maker_e8, l.exchange.taker_e8, l.exchange.leverage = 20000, 50000, 20
  l.exchange.enforce_limits, l.exchange.weight_1m = true, o.weight_limit or 2400
  l.exchange.orders_10s, l.exchange.orders_1m = unpack(o.order_limits or { 300, 1200 })
  C.faults_init(l.faults, seed)
  if o.faults then l.faults = assert(faults.of(o.faults, 0, true)) end
  local key = l.keys[0]
  ffi.copy(key.id, KEY)
  key.kind, key.text, key.trades, l.key_count = C.KEY_HMAC, "secret", true, 1
  local out, message = ffi.new "struct exchange_server *[1]", ffi.new "struct errmsg"
  assert(C.exchange_server_new(l, START_US, out, message) == 0, ffi.string(message.text))
  kept.options = l
  return out[0], kept
end

-- ---- the world ----

local function write_files(self, o)
  count = count + 1
  self.folder = ("%s/%d"):format(home, count)
  host.make_folder(self.folder)
  host.make_folder(self.folder .. "/home")
  if o.after then o.after:keep_files(self.folder) end
  ffi.C.setenv("MOONTIDE_HOME", self.folder .. "/home", 1)
  local settings = { run = { trusted = true }, risk = {} }
  for name, value in pairs(o.settings or {}) do
    if type(value) == "table" and settings[name] then
      for k, v in pairs(value) do
        settings[name][k] = v
      end
    else
      settings[name] = value
    end
  end
  self.settings = settings
  local parts = {}
  local function add(t, indent)
    for name, value in pairs(t) do
      if type(value) == "table" then
        parts[#parts + 1] = ("%s%s = {"):format(indent, name)
        add(value, indent .. " ")
        parts[#parts + 1] = indent .. "},"
      else
        parts[#parts + 1] = ("%s%s = %s,"):format(
          indent,
          name,
          type(value) == "string" and ("%q"):format(value) or tostring(value)
        )
      end
    end
  end
  parts[1] = "return {"
  add(settings, "")
  parts[#parts + 1] = "}"
  run.write(self.folder .. "/moontide.conf.lua", table.concat(parts, "\n"))
  local body = 'local v = require("spec.support.virtual_live").current\n'
  if o.strategy then
    body = body .. "return v:handlers(function() return api, market end)\n"
  else
    body = body .. "api.sleep(0)\nv:play(api, market)\n"
  end
  run.write(self.folder .. "/script.lua", body)
  run.write(self.folder .. "/key", ('return { key = "%s", secret = "secret" }'):format(KEY))
  ffi.C.chmod(self.folder .. "/key", 384) -- 0600
end

-- As the command line would have them.
local function options_of(self, o)
  local words = { self.folder .. "/script.lua", "--url", "http://127.0.0.1:1", "--name", "virtual" }
  local function add(name, value)
    words[#words + 1] = "--" .. name
    if value ~= true then words[#words + 1] = tostring(value) end
  end
  add("config", self.folder .. "/moontide.conf.lua")
  for _, name in ipairs(self.names) do
    add("symbol", name)
  end
  local mode = o.paper and "paper" or "live"
  if not o.anonymous and not o.paper then add("key-file", self.folder .. "/key") end
  for name, value in pairs(o.options or {}) do
    add(name, value)
  end
  local options = parse.parse(mode, commands[mode], words)
  options.clock = T.virtual_network_clock(self.network)
  options.network = T.virtual_network_table(self.network)
  return options
end

-- With what the session and its script say taken down.
local function captured(self, fn)
  local write, print_before = log_module.write, _G.print
  log_module.write = function(line) self.lines[#self.lines + 1] = line end
  _G.print = function(...) -- luacheck: ignore 122
    local parts = { ... }
    for i = 1, select("#", ...) do
      parts[i] = tostring(parts[i])
    end
    self.lines[#self.lines + 1] = table.concat(parts, "\t")
  end
  local ok, problem = xpcall(fn, function(e) return e end)
  log_module.write, _G.print = write, print_before -- luacheck: ignore 122
  return ok, problem
end

---What the session's strategy is: the spec's handlers, and its play beside them.
function Run:handlers(given)
  local strategy, play = self.o.strategy, self.o.play
  local on_start = strategy.on_start
  function strategy.on_start(me)
    if on_start then on_start(me) end
    if play then
      local api, market = given()
      api.spawn(function() self:play(api, market) end)
    end
  end
  return strategy
end

function Run:play(api, market)
  self.api, self.market = api, market
  local ok, problem = pcall(self.o.play or self.o.script, self, api, market)
  if not ok then self.broken = problem end
  if not ok or self.o.strategy then C.live_stop(self.session.l) end
end

---Runs it from start to end.
---@param o table see above; also: paper (a simulated account), symbols, latency, jitter, tick (seconds), anonymous, plan = { { "cut", "user", at =, seconds = }... } before the start
---@return VirtualRun
function M.run(o)
  if M.current and M.current ~= o.after then M.current:close() end
  local self = setmetatable({ o = o, lines = {}, names = o.symbols or { "BTCUSDT" } }, Run)
  M.current = self
  local seed = o.seed or 1
  local before = o.after
  if before then -- the same exchange, network and folder
    self.x, self.kept, self.network, before.closed = before.x, before.kept, before.network, true
  else
    local listed = { unpack(self.names) }
    for _, name in ipairs(o.exchange and o.exchange.others or {}) do
      listed[#listed + 1] = name
    end
    self.x, self.kept = make_exchange(listed, seed, o.exchange or {})
  end
  self.network = self.network
    or T.virtual_network_new(ffi.new("struct virtual_network_options", {
      exchange = self.x,
      seed = seed,
      start_us = START_US,
      latency_us = (o.latency or 0.005) * 1e6,
      jitter_us = (o.jitter or 0.003) * 1e6,
      tick_us = (o.tick or 0.05) * 1e6,
    }))
  self.sim = T.virtual_network_exchange(self.network) -- the account as it truly is
  write_files(self, o)
  for _, p in ipairs(o.plan or {}) do
    self:plan(p[1], p[2], p.seconds, p.at)
  end
  local s
  local ok, problem = captured(self, function()
    s = session.open(options_of(self, o), self.folder .. "/script.lua", o.paper and "paper" or nil)
    self.session = s
    s.at_end = function()
      self.figures, self.risk = C.live_figures(s.l), C.live_risk(s.l)
    end
    session.start(s)
    self.started = true
    self.failure = session.run(s)
  end)
  if not ok then self.failure = type(problem) == "table" and problem.message or tostring(problem) end
  if self.broken then error(self.broken, 0) end
  return self
end

-- ---- what a script does to the world ----

local actions = {
  cut = T.VIRTUAL_CUT,
  dead = T.VIRTUAL_DEAD,
  silence = T.VIRTUAL_SILENCE,
  silent_answers = T.VIRTUAL_SILENT_ANSWERS,
  refuse = T.VIRTUAL_REFUSE,
  latency = T.VIRTUAL_LATENCY,
  clock_jump = T.VIRTUAL_CLOCK_JUMP,
}

---@param action string "cut", "dead", "silence", "silent_answers", "refuse", "latency", "clock_jump"
---@param place string? user, market, public, api, requests, all (default)
---@param seconds number? for how long, or how much
---@param at number? seconds from now
function Run:plan(action, place, seconds, at)
  local where = place and (PLACES[place] or error("no such place: " .. place, 2)) or ""
  T.virtual_network_plan(self.network, actions[action], where, (at or 0) * 1e6, (seconds or 0) * 1e6)
end

for name in pairs(actions) do
  Run[name] = function(self, place, seconds, at) self:plan(name, place, seconds, at) end
end
function Run:latency(seconds) self:plan("latency", nil, seconds) end
function Run:clock_jump(seconds) self:plan("clock_jump", nil, seconds) end

---Lets virtual time pass.
function Run:run_for(seconds) self.api.sleep(seconds) end

---Lets time pass until a condition holds; fails after `seconds` (60) of virtual time.
function Run:wait_until(condition, seconds)
  local deadline = self:now() + (seconds or 60)
  while true do
    local value = condition()
    if value then return value end
    if self:now() > deadline then error("waited in vain:\n" .. table.concat(self.lines, "\n"), 2) end
    self.api.sleep(0.05)
  end
end

---Seconds since the start.
function Run:now() return tonumber(T.virtual_network_now_us(self.network) - START_US) / 1e6 end

-- What a kill would leave of the run's folder, for the next one.
function Run:keep_files(to)
  local from = self.left or self.folder .. "/home"
  os.execute(("cp -R %s/. %s/home && cd %s/home/runs/virtual && rm -f lock *.sock"):format(from, to, to))
end

---As if its process were killed at this moment: nothing more of it runs, nothing more is sent; the next run (`after`) finds the
---files as they are now.
function Run:crash()
  self.left = self.folder .. "/left"
  os.execute(("cp -R %s/home %s"):format(self.folder, self.left))
  self.session.finished, self.session.orderly = true, true
  self.session.world:stop()
  self.api.sleep(1)
end

---The kill switch, as its file.
function Run:halt() run.write(self.session.folder .. "/halt", "") end

function Run:stop() C.live_stop(self.session.l) end

---Fault rules of the exchange from now on (see lua/moontide/run/faults.lua), by the names its page knows.
function Run:faults(rules)
  local text = self:ask("POST", "/moontide/faults", cjson.encode { seed = 1, rules = rules })
  assert(not text.error and not text.code, text.error or text.msg)
end

function Run:no_faults() self:ask("DELETE", "/moontide/faults") end

-- ---- what became of it ----

local function index_of(self, symbol)
  for k, name in ipairs(self.names) do
    if name == (symbol or self.names[1]) then return k - 1 end
  end
  error("no such symbol: " .. symbol, 3)
end

---A request past the network: its decoded body.
function Run:ask(method, target, body, head)
  return cjson.decode(ffi.string(T.virtual_network_ask(self.network, method, target, head or "", body or "")))
end

---A signed request past the network, of somebody else with the account's key.
function Run:signed(method, path, params)
  local text = local_exchange.query(params)
  local stamp = tonumber(T.virtual_network_now_us(self.network)) / 1000
  text = text .. (text == "" and "" or "&") .. ("recvWindow=60000&timestamp=%.0f"):format(stamp)
  text = text .. "&signature=" .. local_exchange.signature("secret", text)
  return self:ask(method, path .. "?" .. text, "", "X-MBX-APIKEY: " .. KEY .. "\r\n")
end

---An order of somebody else with the account's key.
function Run:order(t)
  local params =
    { symbol = self.names[1], side = "BUY", type = "MARKET", quantity = "0.010", newOrderRespType = "RESULT" }
  for k, v in pairs(t) do
    params[k] = v
  end
  if params.type == "LIMIT" and not params.timeInForce then params.timeInForce = "GTC" end
  return self:signed("POST", "/fapi/v1/order", params)
end

---The best bid and ask as the exchange has them.
function Run:best(symbol)
  local t = ffi.new "struct ticker_record"
  C.exchange_ticker(self.sim, index_of(self, symbol), t)
  return tonumber(t.bid_e8) / 1e8, tonumber(t.ask_e8) / 1e8
end

---What the exchange was asked for orders, and what came of it.
function Run:audit() return self:ask("GET", "/moontide/audit?limit=100000").entries end

---The account as the exchange has it.
function Run:position(symbol)
  return tonumber(C.exchange_position_e8(self.sim, index_of(self, symbol), C.POSITION_BOTH)) / 1e8
end

---The orders the exchange has taken, oldest first.
function Run:orders()
  local list, hidden = {}, ffi.new "bool[1]"
  local n = 0
  while true do
    local o = C.exchange_order_at(self.sim, n, hidden)
    n = n + 1
    if o == nil and not hidden[0] then return list end
    if o ~= nil then
      list[#list + 1] = {
        id = tonumber(o.order_id),
        client_id = ffi.string(o.client_id),
        status = ffi.string(C.order_status_names[o.status]),
        executed = tonumber(o.executed_qty_e8) / 1e8,
        quantity = tonumber(o.orig_qty_e8) / 1e8,
      }
    end
  end
end

---The account's fills as the exchange has them, oldest first.
function Run:fills()
  local list = {}
  for i = 0, tonumber(C.exchange_fill_count(self.sim)) - 1 do
    local t = C.exchange_fill(self.sim, i)
    list[#list + 1] = { id = ("%.0f"):format(tonumber(t.id)), qty = tonumber(t.qty_e8) / 1e8 }
  end
  return list
end

---The first line of the log with this text (plain), and how many there are.
---@return string? line
---@return integer count
function Run:logged(text)
  local first, n = nil, 0
  for _, line in ipairs(self.lines) do
    if line:find(text, 1, true) then
      first, n = first or line, n + 1
    end
  end
  return first, n
end

function Run:log() return table.concat(self.lines, "\n") end

---Requests that were sent over HTTP so far.
function Run:requests() return tonumber(T.virtual_network_figures(self.network).requests) end

---Lets time pass after the run.
function Run:pass(seconds) T.virtual_network_pass(self.network, seconds * 1e6) end

---Gives everything back; the next M.run does so too.
function Run:close()
  if self.closed then return end
  self.closed = true
  if self.started and not self.session.closed then self.session.world:close() end
  T.virtual_network_free(self.network)
  C.exchange_server_free(self.x)
  for i = 0, #self.names - 1 do
    C.series_close(self.kept.series[i])
  end
  if M.current == self then M.current = nil end
end

return M
