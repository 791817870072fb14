-- Orders over real sockets through faults of every kind, the processes killed at random moments and started again: two thousand by
-- bare workers; some hundreds by the WebSocket API under a supervisor, which is killed too.
local C = require "spec.support.c"
local control = require "moontide.live.control_socket"
local host = require "moontide.lua_host"
local journal = require "spec.support.journal"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

local ffi = require "ffi"
local seed = tonumber(os.getenv "MOONTIDE_SEED") or 1
local many = tonumber(os.getenv "MOONTIDE_KILL_ORDERS") or 2000
local kills = tonumber(os.getenv "MOONTIDE_KILLS") or 6

local function quote(s) return "'" .. tostring(s):gsub("'", "'\\''") .. "'" end

-- Orders up to `last` by `count` tasks; each says what it is about to send, and what it was told, in a file, from which the next
-- life of the script knows where to go on. What it sends depends on the number alone. A line goes out at once: a killed process has
-- told all it was told. Of every `resting` orders one rests below the market, for whoever clears up after it.
local script = [[
api.sleep(0)
local last, count, pause, resting, price = %d, %d, %g, %d, %s
local function quantity(n) return (2 + n %% 5) / 1000 end
local next_one, tasks = 1, {}
local said = io.open "said"
for n in (said and said:read "*a" or ""):gmatch "send (%%d+)\n" do next_one = math.max(next_one, n + 1) end
local out = io.open("said", "a")
out:setvbuf "no"
local function say(...) out:write(table.concat({ ... }, " ") .. "\n") end
local function order(n)
  local rests = resting > 0 and n %% resting == 0
  return { symbol = "BTCUSDT", side = (n %% 2 == 0 or rests) and "BUY" or "SELL", type = rests and "LIMIT" or "MARKET", price = rests and price or nil,
           quantity = quantity(n), newClientOrderId = "k-" .. n }
end
local function send(n)
  say("send", n)
  local r, err = api.create_order(order(n))
  say("told", n, r and r.status or err.kind, r and r.executedQty or 0)
end
local function send_batch(n)
  local list = {}
  for i = 0, 3 do
    list[i + 1] = order(n + i)
    say("send", n + i)
  end
  local r, err = api.batch_orders(list)
  for i = 0, 3 do
    local one = r and r[i + 1] or err
    say("told", n + i, one.status and type(one.status) == "string" and one.status or one.kind, one.executedQty or 0)
  end
end
for k = 1, count do
  tasks[k] = api.spawn(function()
    while next_one <= last do
      local n = next_one
      local batch = n %% 10 == 1 and n + 3 <= last
      next_one = n + (batch and 4 or 1)
      if batch then send_batch(n) else send(n) end
      if pause > 0 then api.sleep(pause) end
    end
  end)
end
api.all(tasks)
say "finished"
]]

local config =
  [[return { max_retries = 10, retry_quota = 100000, failure_threshold = 100000, failure_rate = 1,
  enable_adaptive_throttling = false, request_timeout = 0.6, workers = 60, initial_backoff = 0.02, max_backoff = 0.2 }]]

local function faults()
  local list = {}
  for _, call in ipairs { "POST /fapi/v1/order", "POST /fapi/v1/batchOrders" } do
    for _, f in ipairs {
      { fault = "lose_reply", share = 0.03 },
      { fault = "lose_request", share = 0.02 },
      { fault = "no_connection", share = 0.03 },
      { fault = "reset", share = 0.03 },
      { fault = "error_after", status = 502, share = 0.02 },
      { fault = "error", status = 503, share = 0.02 },
      { fault = "error", status = 503, code = -1008, share = 0.02 },
      { fault = "malformed", share = 0.02 },
      { fault = "late", delay = 0.05, jitter = 0.2, share = 0.05 },
      { fault = "delay", delay = 0.05, jitter = 0.1, share = 0.1 },
    } do
      f.call = call
      list[#list + 1] = f
    end
  end
  list[#list + 1] = { fault = "lose_reply", call = "GET /fapi/v1/order", share = 0.05 }
  list[#list + 1] = { fault = "error", call = "GET /fapi/v1/order", status = 500, share = 0.1 }
  list[#list + 1] = { fault = "stream_gap", class = "account", share = 0.05 }
  list[#list + 1] = { fault = "stream_twice", class = "account", share = 0.05 }
  list[#list + 1] = { fault = "stream_drop", class = "account", share = 0.002 }
  return list
end

---Sends orders through kills, and compares what the exchange, the journal and the script say of each.
---@param o { orders: integer, kills: string[], tasks: integer, pause: number, resting: integer, arguments: string[] } kills: "process", "worker" (then its supervisor
---starts another), "supervisor" (the worker ends in order), "both"
local function through_kills(o)
  io.stderr:write(("orders through kills: seed %d (make test SEED=%d)\n"):format(seed, seed))
  math.randomseed(seed)
  local x = lx.start {
    "--no-limits",
    "--order-limits",
    "100000,100000",
    "--weight-limit",
    "1000000",
    "--symbols",
    "BTCUSDT",
    "--wallet",
    "10000000",
  }
  local folder = run.folder()
  finally(function()
    x:no_faults()
    x:stop()
    run.remove(folder)
  end)
  x:faults(faults())
  local function rest_price() return ("%.1f"):format(x:best() * 0.9) end
  local path, settings =
    run.write(folder .. "/k.lua", script:format(o.orders, o.tasks, o.pause, o.resting, rest_price())),
    run.write(folder .. "/c.lua", config)
  local home = folder .. "/home/runs/k"
  local function said() return run.read(home .. "/data/said") end
  local function sent_so_far() return select(2, said():gsub("send", "")) end -- what was told, kills cut short
  local function err() return run.read(folder .. "/err"):sub(-3000) end
  -- One life of the process: the shell tells its pid and, later, its exit status.
  local lives = 0
  local function start()
    lives = lives + 1
    local words = {}
    for i, a in ipairs(o.arguments) do
      words[i] = quote(a)
    end
    local pipe = io.popen(
      ("cd %s; export MOONTIDE_HOME=%s/home MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s; { %s live %s --url %s --config %s --recv-window 400 %s >>out 2>>err </dev/null & p=$!; echo $p; wait $p; echo $? >status.%d; } 2>/dev/null &"):format(
        folder,
        folder,
        x.key,
        x.secret,
        quote(host.exe),
        path,
        x.url,
        settings,
        table.concat(words, " "),
        lives
      )
    )
    return tonumber(pipe:read "*l"), pipe
  end
  local function ended() return run.read(("%s/status.%d"):format(folder, lives)):match "%d+\n" end
  local function wait_for(what, fn, seconds)
    if not pcall(lx.wait_for, what, fn, seconds) then
      error(("waited in vain for %s; %s"):format(what, err()))
    end
  end
  local function worker() return (control.ask(home .. "/supervisor.sock", { cmd = "status" }, 1) or {}).pid end

  local pid, pipe = start()
  local share = o.orders / (#o.kills + 1)
  for i, whom in ipairs(o.kills) do
    local enough = math.random(math.max(1, (i - 0.9) * share), i * share)
    wait_for("orders under way", function() return sent_so_far() >= enough or ended() end)
    assert.falsy(ended(), err())
    local victim = whom ~= "process" and assert(worker(), err())
    if whom == "process" or whom == "supervisor" or whom == "both" then ffi.C.kill(pid, 9) end
    if whom == "worker" or whom == "both" then ffi.C.kill(victim, 9) end
    if whom == "worker" then
      wait_for("another worker", function()
        local now = worker()
        return now and now ~= victim or ended()
      end)
    else
      wait_for("its end", function() return ended() and C.run_folder_holder(home) == 0 end)
      pipe:close()
      pid, pipe = start()
    end
  end
  wait_for("its end", ended)
  pipe:close()
  assert.truthy(said():find "finished", err())
  x:no_faults()
  -- The last look at what the last life left open (nothing, normally).
  pipe = select(2, start())
  wait_for("the last look", ended)
  pipe:close()
  assert.equal(2, select(2, said():gsub("finished", "")), err())

  -- What the script said, over all its lives.
  local sent, believed = {}, {}
  for line in said():gmatch "[^\n]+" do
    local n = tonumber(line:match "^send (%d+)$")
    if n then
      assert.falsy(sent[n], "sent in two lives: " .. n)
      sent[n] = true
    end
    local t, status, quantity = line:match "^told (%d+) (%S+) (%S+)$"
    if t then
      assert.falsy(believed[tonumber(t)], "told twice: " .. t)
      believed[tonumber(t)] = { status = status, quantity = tonumber(quantity) }
    end
  end
  local executed, quantity, by_websocket = {}, {}, 0
  for _, e in ipairs(x:audit("?limit=100000").entries) do
    local n = tonumber((e.clientOrderId or ""):match "^k%-(%d+)$")
    if n and e.executed and e.call:find "^POST" then
      executed[n], quantity[n] = (executed[n] or 0) + 1, tonumber(e.quantity)
      if e.channel == "ws" then by_websocket = by_websocket + 1 end
    end
  end
  local booked, position, accepted = {}, 0, 0
  for _, b in ipairs(assert(journal.orders(home .. "/journal.db"))) do
    booked[tonumber(b.client_id:match "^k%-(%d+)$")] = b
  end
  local problems = {}
  local function check(holds, n, what)
    if not holds then problems[#problems + 1] = ("k-%d: %s"):format(n, what) end
  end
  for n = 1, o.orders do
    local size, rests = (2 + n % 5) / 1000, o.resting > 0 and n % o.resting == 0
    local b, t, times = booked[n], believed[n], executed[n] or 0
    check(sent[n], n, "never sent")
    check(times <= 1, n, "executed " .. times .. " times")
    check(times == 0 or math.abs(quantity[n] - size) < 1e-9, n, "of another size")
    check(b or times == 0, n, "executed without an intent in the journal")
    if b then
      check(
        (b.state == C.JOURNAL_ACCEPTED) == (times == 1),
        n,
        ("journal says %d, executed %d times"):format(b.state, times)
      )
      check(b.state ~= C.JOURNAL_INTENT, n, "left open")
      check(b.quantity == size * 1e8, n, "another quantity in the journal")
      if b.state == C.JOURNAL_ACCEPTED then
        check(
          b.executed == (rests and 0 or b.quantity),
          n,
          ("the journal's executed quantity %d of %d, %s"):format(b.executed, b.quantity, b.status)
        )
        check(not rests or b.status == "CANCELED", n, "rested, and is " .. b.status)
      end
      position = position + (n % 2 == 0 and 1 or -1) * b.executed
    end
    local good = t and t.status == (rests and "NEW" or "FILLED")
    if good then
      check(times == 1 and math.abs(t.quantity - (rests and 0 or size)) < 1e-9, n, "told as " .. t.status)
    end
    if t and not good and t.status ~= "unknown_outcome" and t.status ~= "stopped" then
      check(times == 0, n, "told " .. t.status .. ", and executed")
    end
    if good then accepted = accepted + 1 end
  end
  assert.same({}, problems)
  local p = x:signed("GET", "/fapi/v3/positionRisk", {}).json[1]
  assert.equal(math.floor(position + 0.5), math.floor((p and tonumber(p.positionAmt) or 0) * 1e8 + 0.5))
  assert.equal(0, #x:signed("GET", "/fapi/v1/openOrders", { symbol = "BTCUSDT" }).json)
  assert.truthy(accepted > o.orders * 0.4, accepted)
  return by_websocket
end

describe(
  "orders through kills: none is duplicated, lost or mis-sized; journal, audit and script agree",
  function()
    it(("over %d orders of a bare worker"):format(many), function()
      local whom = {}
      for i = 1, kills do
        whom[i] = "process"
      end
      through_kills {
        orders = many,
        kills = whom,
        tasks = 60,
        pause = 0,
        resting = 0,
        arguments = { "--no-supervisor" },
      }
    end)

    it("under a supervisor, by the WebSocket API: the worker killed, both at once, the supervisor", function()
      local by_websocket = through_kills {
        orders = 320,
        kills = { "worker", "both", "supervisor" },
        tasks = 10,
        pause = 0.02,
        resting = 8,
        arguments = { "--order-channel", "ws" },
      }
      assert.is_true(by_websocket > 20, by_websocket) -- while its connection is down they go by REST
    end)
  end
)
