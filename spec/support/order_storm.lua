---Orders over real sockets through faults of every kind, clocks that are off, and `kill -9` of workers and supervisors; several
---strategies at once, each of its own run and symbol on one exchange. Afterwards the exchange's books, the journals and what the
---scripts were told are compared, order by order and fill by fill. Ends by count.
local ffi = require "ffi"
local cjson = require "cjson"
local C = require "spec.support.c"
local control = require "moontide.live.control_socket"
local host = require "moontide.lua_host"
local journal = require "spec.support.journal"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

local M = {}

---The counts of a report that must be 0.
M.DIFFERENCES = { "lost", "duplicated", "misstated", "fills_untold", "fills_twice", "positions_differ" }

---@class StormReport
---@field orders integer what the scripts sent
---@field executed integer of these, by the exchange
---@field fills integer by the exchange
---@field told_unknown integer calls that ended before the outcome was known
---@field cut_off integer calls that a kill cut off
---@field kills integer
---@field struck table<string, integer> faults, by kind
---@field lost integer
---@field duplicated integer
---@field misstated integer
---@field fills_untold integer
---@field fills_twice integer
---@field positions_differ integer
---@field problems string[] each difference in words

local ALL_SYMBOLS = {
  { name = "BTCUSDT", quantum = 0.001, least = 2 },
  { name = "ETHUSDT", quantum = 0.001, least = 10 },
  { name = "BNBUSDT", quantum = 0.01, least = 2 },
  { name = "SOLUSDT", quantum = 1, least = 1 },
}

local CONFIG =
  [[return { max_retries = 10, retry_quota = 1000000, failure_threshold = 100000, failure_rate = 1, enable_adaptive_throttling = false,
  request_timeout = 0.8, workers = 60, initial_backoff = 0.02, max_backoff = 0.2, orders_per_second = 0, weight_per_minute = 0,
  requests_per_minute = 0 }]]

local function quote(s) return "'" .. tostring(s):gsub("'", "'\\''") .. "'" end

-- ---- what goes wrong ----

local SENDING = { "POST /fapi/v1/order", "POST /fapi/v1/batchOrders", "POST /fapi/v1/algoOrder" }
local CHANGING = { "PUT /fapi/v1/order", "DELETE /fapi/v1/order", "DELETE /fapi/v1/algoOrder" }

local function faults()
  local list = {}
  local function add(calls, rules)
    for _, call in ipairs(calls) do
      for _, f in ipairs(rules) do
        local rule = { call = call }
        for k, v in pairs(f) do
          rule[k] = v
        end
        list[#list + 1] = rule
      end
    end
  end
  add(SENDING, {
    { fault = "lose_reply", share = 0.03 },
    { fault = "lose_request", share = 0.02 },
    { fault = "no_connection", share = 0.02 },
    { fault = "reset", share = 0.02 },
    { fault = "error_after", status = 502, share = 0.02 },
    { fault = "error", status = 503, share = 0.02 },
    { fault = "malformed", share = 0.01 },
    { fault = "late", delay = 0.05, jitter = 0.2, share = 0.04 },
    { fault = "delay", delay = 0.05, jitter = 0.1, share = 0.05 },
  })
  add(CHANGING, {
    { fault = "lose_reply", share = 0.03 },
    { fault = "lose_request", share = 0.02 },
    { fault = "error_after", status = 500, share = 0.02 },
  })
  for _, f in ipairs {
    { fault = "error", call = "POST /fapi/v1/order", status = 503, code = -1008, share = 0.01 },
    {
      fault = "error",
      call = "POST /fapi/v1/order",
      status = 429,
      code = -1003,
      retry_after = 1,
      share = 0.0005,
    },
    { fault = "lose_reply", call = "GET /fapi/v1/order", share = 0.05 },
    { fault = "error", call = "GET /fapi/v1/order", status = 500, share = 0.1 },
    { fault = "stream_gap", class = "account", share = 0.03 },
    { fault = "stream_twice", class = "account", share = 0.03 },
    { fault = "stream_drop", class = "account", share = 0.001 },
    { fault = "stream_late", class = "account", delay = 0.05, jitter = 0.3, share = 0.03 },
    { fault = "listen_key_loss", class = "account", share = 0.0002 },
  } do
    list[#list + 1] = f
  end
  return list
end

-- How far the exchange's clock is off, in seconds, after `share` of the orders: it stands, jumps and drifts.
local function skew(share, clock)
  local part = math.floor(share * 8)
  if part == 0 then return 0 end
  if part == 1 then return 3 end
  if part == 2 then return 1.2 end
  if part == 3 then return -1.2 end
  if part == 4 then return math.floor(clock / 1.5) % 2 == 0 and 2.5 or -2.5 end
  if part == 5 then return (share * 8 - part) * 3 end
  return part == 6 and -3 or 0
end

-- ---- one run, through its lives ----

local Life = {}
Life.__index = Life

local function new_run(x, folder, index, o)
  local symbol, prefix = ALL_SYMBOLS[index], ("s%d-"):format(index)
  local name = "storm" .. index
  local self =
    setmetatable({ folder = folder, name = name, symbol = symbol, prefix = prefix, x = x, lives = 0 }, Life)
  self.last = math.floor(o.orders / o.strategies)
  self.home = ("%s/home/runs/%s"):format(folder, name)
  self.path = run.write(
    ("%s/%s.lua"):format(folder, name),
    ("LAST, TASKS, PAUSE, SYMBOL, PREFIX, QUANTUM, LEAST = %d, %d, %g, %q, %q, %g, %d\n"):format(
      self.last,
      o.tasks or 15,
      o.pause or 0,
      symbol.name,
      prefix,
      symbol.quantum,
      symbol.least
    ) .. run.read(run.root .. "/spec/support/order_storm_script.lua")
  )
  self.words = {}
  for i, word in ipairs {
    "--url",
    x.url,
    "--config",
    folder .. "/c.lua",
    "--recv-window",
    "400",
    "--restarts",
    "1000",
    "--max-open-orders",
    "5000",
    unpack(o.arguments or {}),
  } do
    self.words[i] = quote(word)
  end
  return self
end

function Life:start()
  self.lives = self.lives + 1
  local pipe = io.popen(
    ("cd %s; export MOONTIDE_HOME=%s/home MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s; { %s live %s %s >>%s.out 2>>%s.err </dev/null & p=$!; echo $p; wait $p; echo $? >%s.status.%d; } 2>/dev/null &"):format(
      self.folder,
      self.folder,
      self.x.key,
      self.x.secret,
      quote(host.exe),
      quote(self.path),
      table.concat(self.words, " "),
      self.name,
      self.name,
      self.name,
      self.lives
    )
  )
  self.pid = tonumber(pipe:read "*l")
  pipe:close()
end

function Life:said() return run.read(self.home .. "/data/said") end
function Life:err() return run.read(("%s/%s.err"):format(self.folder, self.name)):sub(-3000) end
function Life:ended()
  return run.read(("%s/%s.status.%d"):format(self.folder, self.name, self.lives)):match "%d+\n"
end
-- What was sent so far. The file grows to megabytes: only its new part is read.
function Life:sent()
  local file = io.open(self.home .. "/data/said", "rb")
  if not file then return 0 end
  file:seek("set", self.at or 0)
  local text = file:read "*a"
  file:close()
  local whole = text:match "^.*\n" or ""
  self.at = (self.at or 0) + #whole
  self.count = (self.count or 0) + select(2, whole:gsub("send %d+ ", ""))
  if whole:find "finished\n" then self.finished = true end
  return self.count
end
function Life:worker()
  local status = control.ask(self.home .. "/supervisor.sock", { cmd = "status" }, 1)
  return status and status.pid
end

function Life:wait_for(what, condition, seconds)
  lx.wait_for(
    function() return ("%s of %s:\n%s"):format(what, self.name, self:err()) end,
    condition,
    seconds or 120
  )
end

function Life:wait_ended()
  self:wait_for("the end", function() return self:ended() and C.run_folder_holder(self.home) == 0 end)
end

-- A kill as `whom` says. After that of a worker its supervisor starts another; else the run is started anew.
function Life:kill(whom)
  local victim = whom ~= "supervisor" and self:worker()
  if whom ~= "supervisor" and not victim then return false end -- between two workers
  if whom ~= "worker" then ffi.C.kill(self.pid, 9) end
  if victim then ffi.C.kill(victim, 9) end
  if whom ~= "worker" then self.starts_again = true end
  return true
end

-- The next life, once the last one has let go of the folder.
function Life:start_again()
  if not self.starts_again or not self:ended() or C.run_folder_holder(self.home) ~= 0 then return end
  self.starts_again = false
  self:start()
end

-- ---- the course of a storm ----

local WHOM = { "both", "worker", "supervisor", "both" }

local function course(x, runs, o)
  local rules, times, kills, share = faults(), 0, 0, 0
  local last = runs[1].last * #runs
  local next_kill, seed = {}, o.seed * 1000
  for i, r in ipairs(runs) do
    r:start()
    next_kill[i] = math.random(20, math.max(21, math.floor(2 * last / (o.kills + 1))))
  end
  local function set_faults()
    times = times + 1
    local list = { { fault = "skew", delay = skew(share, times * 0.3) } }
    if list[1].delay == 0 then list = {} end
    for _, f in ipairs(rules) do
      list[#list + 1] = f
    end
    local reply = x:raw("POST", "/moontide/faults", {}, cjson.encode { seed = seed + times, rules = list })
    assert(reply.status == 200, reply.body)
  end
  local turn = 0
  while true do
    local sent, done = 0, true
    for i, r in ipairs(runs) do
      local mine = r:sent()
      sent = sent + mine
      done = done and r.finished and not r.starts_again
      r:start_again()
      if kills < o.kills and not r.starts_again and not r.finished and mine * #runs >= next_kill[i] then
        if r:kill(WHOM[math.random(#WHOM)]) then
          kills = kills + 1
          next_kill[i] = mine * #runs
            + math.random(20, math.max(21, math.floor(2 * last * #runs / (o.kills + 1))))
        end
      elseif not r.starts_again and r:ended() then
        error(("%s has ended: %s"):format(r.name, r:err()), 0)
      end
    end
    share = sent / last
    if done then break end
    if turn % 6 == 0 then set_faults() end
    turn = turn + 1
    lx.sleep(0.05)
  end
  return kills
end

-- The runs end in order, in peace; then one more life of each settles what is left, and says what it knows.
local function ending(x, runs)
  x:no_faults()
  for _ = 1, 2 do
    for _, r in ipairs(runs) do
      local said = #r:said()
      if r:ended() then
        r:start()
        r:wait_for("its last life", function() return r:said():find("finished\n", said + 1, true) end)
      end
      ffi.C.kill(r.pid, 15)
    end
    for _, r in ipairs(runs) do
      r:wait_ended()
    end
  end
end

-- ---- the comparison ----

-- What a script said, over all its lives.
local function read_said(text)
  local s = { sent = {}, told = {}, cancelled = {}, amended = {}, fills = {}, twice = {} }
  for line in text:gmatch "[^\n]+" do
    local n, kind = line:match "^send (%d+) (%a+)$"
    if n then
      if s.sent[tonumber(n)] then s.twice[#s.twice + 1] = tonumber(n) end
      s.sent[tonumber(n)] = kind
    end
    local t, status, quantity = line:match "^told (%d+) (%S+) (%S+)$"
    if t then
      if s.told[tonumber(t)] then s.twice[#s.twice + 1] = tonumber(t) end
      s.told[tonumber(t)] = { status = status, quantity = tonumber(quantity) }
    end
    local c, what = line:match "^cancelled (%d+) (%S+)$"
    if c then s.cancelled[tonumber(c)] = what end
    local m, how, size = line:match "^amended (%d+) (%S+) (%S+)$"
    if m then s.amended[tonumber(m)] = { status = how, quantity = tonumber(size) } end
    local id = line:match "^fill (%d+) %S+$"
    if id then s.fills[id] = (s.fills[id] or 0) + 1 end
    local fills, lots, ids, position = line:match "^state (%d+) (%-?%d+) (%d+) (%-?%d+)$"
    if fills then
      s.state =
        { fills = tonumber(fills), lots = tonumber(lots), ids = tonumber(ids), position = tonumber(position) }
    end
  end
  return s
end

local function all_audit(x)
  local list, from = {}, 0
  repeat
    local page = x:audit(("?limit=10000&from=%d"):format(from))
    for _, e in ipairs(page.entries) do
      list[#list + 1] = e
    end
    from = from + #page.entries
  until #page.entries == 0
  return list
end

local function all_fills(x, symbol)
  local list, from = {}, 0
  repeat
    local page = x:signed(
      "GET",
      "/fapi/v1/userTrades",
      { symbol = symbol, limit = 1000, fromId = from },
      { window = 60000 }
    ).json
    for _, t in ipairs(page) do
      list[#list + 1] = t
      from = math.max(from, t.id + 1)
    end
  until #page == 0
  return list
end

local function compare_order(bad, n, told, books, booked)
  local times, e = books.times[n] or 0, books.last[n]
  if times > 1 then bad("duplicated", n, "executed %d times", times) end
  if not booked then
    if times > 0 then bad("lost", n, "executed, and not in the journal") end
    if told and told.status:sub(1, 2) ~= "E:" then
      bad("lost", n, "told %s, and not in the journal", told.status)
    end
    return
  end
  if booked.state == C.JOURNAL_INTENT then
    bad("lost", n, "left open in the journal")
  elseif (booked.state == C.JOURNAL_ACCEPTED) ~= (times > 0) then
    bad("lost", n, "the journal says %d, executed %d times", booked.state, times)
  end
  local executed = e and tonumber(e.executedQty) or 0
  if times > 0 and e.status ~= "" then -- of a conditional order that never became another there is none
    if math.abs(booked.executed / 1e8 - executed) > 1e-9 then
      bad("misstated", n, "executed %g, the journal says %g", executed, booked.executed / 1e8)
    end
    if booked.status ~= e.status then
      bad("misstated", n, "is %s, the journal says %s", e.status, booked.status)
    end
  end
  if not told then return end
  local failed = told.status:sub(1, 2) == "E:"
  if failed and told.status ~= "E:unknown_outcome" and told.status ~= "E:stopped" and times > 0 then
    bad("misstated", n, "told %s, and executed", told.status)
  end
  if not failed and times == 0 then bad("lost", n, "told %s, and never executed", told.status) end
  if not failed and told.quantity > executed + 1e-9 then
    bad("misstated", n, "told that %g is executed, and %g is", told.quantity, executed)
  end
end

local function compare_run(x, r, entries, report)
  local said, text = read_said(r:said()), {}
  local function bad(what, n, form, ...)
    report[what] = report[what] + 1
    if #report.problems < 30 then
      report.problems[#report.problems + 1] = ("%s: %s%s: %s"):format(what, r.prefix, n, form:format(...))
    end
  end
  local books, booked = { times = {}, last = {} }, {}
  for _, e in ipairs(entries) do
    local n = e.clientOrderId
      and tonumber(e.clientOrderId:match("^" .. r.prefix:gsub("%-", "%%-") .. "(%d+)$"))
    if n and e.executed and e.code == 0 and e.call:find "^POST" then
      books.times[n], books.last[n] = (books.times[n] or 0) + 1, e
    end
  end
  local lots = 0
  for _, b in ipairs(assert(journal.orders(r.home .. "/journal.db"))) do
    local n = tonumber(b.client_id:match "(%d+)$")
    booked[n] = b
    if b.endpoint == nil or not tostring(b.endpoint):find "algo" then
      lots = lots + (b.side == "BUY" and 1 or -1) * math.floor(b.executed / 1e8 / r.symbol.quantum + 0.5)
    end
  end
  for _, n in ipairs(said.twice) do
    bad("duplicated", n, "sent or told twice")
  end
  for n = 1, r.last do
    if not said.sent[n] then bad("lost", n, "never sent") end
    compare_order(bad, n, said.told[n], books, booked[n])
    local c, e = said.cancelled[n], books.last[n]
    if c == "CANCELED" and e and e.status ~= "" and e.status ~= "CANCELED" then
      bad("misstated", n, "told that it is cancelled, and it is %s", e.status)
    end
    report.orders = report.orders + 1
    report.executed = report.executed + math.min(1, books.times[n] or 0)
    report.told_unknown = report.told_unknown
      + (said.told[n] and said.told[n].status == "E:unknown_outcome" and 1 or 0)
    report.cut_off = report.cut_off + (said.told[n] and 0 or 1)
  end
  -- Fills: the sums that the script keeps in its state are those of the exchange's fills.
  local fills, ids, held = all_fills(x, r.symbol.name), 0, 0
  for _, f in ipairs(fills) do
    local q = math.floor(f.qty / r.symbol.quantum + 0.5)
    ids = (ids + f.id) % 2 ^ 50
    held = held + (f.side == "BUY" and q or -q)
    if not said.fills[tostring(f.id)] then bad("fills_untold", f.id, "a fill that was never told") end
  end
  report.fills = report.fills + #fills
  local s = said.state or { fills = -1 }
  if s.fills > #fills then
    bad("fills_twice", "fills", "the script counts %d, the exchange %d", s.fills, #fills)
  end
  if s.fills < #fills then
    bad("fills_untold", "fills", "the script counts %d, the exchange %d", s.fills, #fills)
  end
  if s.fills == #fills and s.ids ~= ids then bad("fills_twice", "fills", "one twice and another never") end
  local p = x:signed("GET", "/fapi/v3/positionRisk", { symbol = r.symbol.name }, { window = 60000 }).json[1]
  local there = math.floor((p and tonumber(p.positionAmt) or 0) / r.symbol.quantum + 0.5)
  for name, amount in pairs {
    ["its fills"] = held,
    ["the journal"] = lots,
    ["the script's fills"] = s.lots,
    ["the script's view"] = s.position,
  } do
    if amount ~= there then text[#text + 1] = ("%s %d"):format(name, amount) end
  end
  table.sort(text)
  if #text > 0 then
    bad("positions_differ", "position", "the exchange %d, %s", there, table.concat(text, ", "))
  end
  for _, o in
    ipairs(x:signed("GET", "/fapi/v1/openOrders", { symbol = r.symbol.name }, { window = 60000 }).json)
  do
    bad("lost", o.clientOrderId, "still open")
  end
end

---@param o { orders: integer, strategies: integer, kills: integer, seed: integer, tasks: integer?, pause: number?, keep: boolean? }
---@return StormReport
function M.run(o)
  math.randomseed(o.seed)
  local names = {}
  for i = 1, o.strategies do
    names[i] = ALL_SYMBOLS[i].name
  end
  local x = lx.start {
    "--no-limits",
    "--order-limits",
    "1000000,1000000",
    "--weight-limit",
    "100000000",
    "--symbols",
    table.concat(names, ","),
    "--wallet",
    "100000000",
  }
  local folder, runs = run.folder(), {}
  run.write(folder .. "/c.lua", CONFIG)
  local report =
    { orders = 0, executed = 0, fills = 0, told_unknown = 0, cut_off = 0, struck = {}, problems = {} }
  for _, what in ipairs(M.DIFFERENCES) do
    report[what] = 0
  end
  local ok, problem = pcall(function()
    for i = 1, o.strategies do
      runs[i] = new_run(x, folder, i, o)
    end
    report.kills = course(x, runs, o)
    ending(x, runs)
    local entries = all_audit(x)
    for _, e in ipairs(entries) do
      if e.fault ~= "none" then report.struck[e.fault] = (report.struck[e.fault] or 0) + 1 end
    end
    for _, r in ipairs(runs) do
      compare_run(x, r, entries, report)
    end
  end)
  for _, r in ipairs(runs) do
    if r.pid and not r:ended() then
      local worker = r:worker()
      ffi.C.kill(r.pid, 9)
      if worker then ffi.C.kill(worker, 9) end
    end
  end
  pcall(x.no_faults, x)
  pcall(x.stop, x)
  if o.keep then
    io.stderr:write("kept: ", folder, "\n")
  else
    run.remove(folder)
  end
  if not ok then error(problem, 0) end
  return report
end

return M
