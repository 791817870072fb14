-- Two thousand orders over real sockets through faults of every kind, the process killed at random moments and started again.
local C = require "spec.support.c"
local host = require "moontide.host"
local journal = require "spec.support.journal"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

local ffi = require "ffi"
local seed = tonumber(os.getenv "MOONTIDE_SEED") or 1
local orders = tonumber(os.getenv "MOONTIDE_KILL_ORDERS") or 2000
local kills = tonumber(os.getenv "MOONTIDE_KILLS") or 6

local function quote(s) return "'" .. tostring(s):gsub("'", "'\\''") .. "'" end

-- Orders first..last by sixty tasks; each says what it is about to send, and what it was told. What it sends depends on the number
-- alone. io.write goes out at once: a killed process has told all it was told.
local script = [[
local function quantity(n) return (2 + n %% 5) / 1000 end
io.stdout:setvbuf "no"
api.sleep(0)
local first, last = %d, %d
local next_one, tasks = first, {}
local function send(n)
  local o = { symbol = "BTCUSDT", side = n %% 2 == 0 and "BUY" or "SELL", type = "MARKET", quantity = quantity(n), newClientOrderId = "k-" .. n }
  io.write("send ", n, "\n")
  local r, err = api.create_order(o)
  io.write("told ", n, " ", r and r.status or err.kind, " ", r and r.executedQty or 0, "\n")
end
local function send_batch(n)
  local list = {}
  for i = 0, 3 do
    list[i + 1] = { symbol = "BTCUSDT", side = (n + i) %% 2 == 0 and "BUY" or "SELL", type = "MARKET", quantity = quantity(n + i), newClientOrderId = "k-" .. n + i }
    io.write("send ", n + i, "\n")
  end
  local r, err = api.batch_orders(list)
  for i = 0, 3 do
    local one = r and r[i + 1] or err
    io.write("told ", n + i, " ", one.status and type(one.status) == "string" and one.status or one.kind, " ", one.executedQty or 0, "\n")
  end
end
for k = 1, 60 do
  tasks[k] = api.spawn(function()
    while next_one <= last do
      local n = next_one
      local batch = n %% 10 == 1 and n + 3 <= last
      next_one = n + (batch and 4 or 1)
      if batch then send_batch(n) else send(n) end
    end
  end)
end
api.all(tasks)
io.write "finished\n"
]]

describe("orders through kills", function()
  it(("none of %d is duplicated, lost or mis-sized; journal, audit and script agree"):format(orders), function()
    io.stderr:write(("orders through kills: seed %d (make test SEED=%d)\n"):format(seed, seed))
    math.randomseed(seed)
    local x = lx.start { "--no-limits", "--order-limits", "100000,100000", "--weight-limit", "1000000", "--symbols", "BTCUSDT", "--wallet", "10000000" }
    local folder = run.folder()
    finally(function()
      x:no_faults()
      x:stop()
      run.remove(folder)
    end)
    local faults = {}
    for _, call in ipairs { "POST /fapi/v1/order", "POST /fapi/v1/batchOrders" } do
      for _, f in ipairs {
        { fault = "lose_reply", share = 0.03 }, { fault = "lose_request", share = 0.02 }, { fault = "no_connection", share = 0.03 }, { fault = "reset", share = 0.03 },
        { fault = "error_after", status = 502, share = 0.02 }, { fault = "error", status = 503, share = 0.02 }, { fault = "error", status = 503, code = -1008, share = 0.02 },
        { fault = "malformed", share = 0.02 }, { fault = "delay", delay = 0.05, jitter = 0.1, share = 0.1 },
      } do
        f.call = call
        faults[#faults + 1] = f
      end
    end
    faults[#faults + 1] = { fault = "lose_reply", call = "GET /fapi/v1/order", share = 0.05 }
    faults[#faults + 1] = { fault = "error", call = "GET /fapi/v1/order", status = 500, share = 0.1 }
    faults[#faults + 1] = { fault = "stream_gap", class = "account", share = 0.05 }
    faults[#faults + 1] = { fault = "stream_twice", class = "account", share = 0.05 }
    faults[#faults + 1] = { fault = "stream_drop", class = "account", share = 0.002 }
    x:faults(faults)

    local config = run.write(folder .. "/c.lua", [[return { max_retries = 10, retry_quota = 100000, failure_threshold = 100000, failure_rate = 1,
      enable_adaptive_throttling = false, request_timeout = 0.6, workers = 60, initial_backoff = 0.02, max_backoff = 0.2 }]])
    local rounds = 0
    -- One life of the process: the shell tells its pid and, later, its exit status.
    local function start(first, last)
      rounds = rounds + 1
      local path = run.write(folder .. "/k.lua", script:format(first, last))
      local pipe = io.popen(("cd %s; export MOONTIDE_HOME=%s/home MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s; { %s live %s --no-supervisor --url %s --config %s --recv-window 400 >out.%d 2>err.%d </dev/null & p=$!; echo $p; wait $p; echo $? >status.%d; } 2>/dev/null &")
        :format(folder, folder, x.key, x.secret, quote(host.exe), path, x.url, config, rounds, rounds, rounds))
      local pid = tonumber(pipe:read "*l")
      return pid, pipe
    end
    local function out(round) return run.read(("%s/out.%d"):format(folder, round)) end
    local function ended(round) return run.read(("%s/status.%d"):format(folder, round)):match "%d+\n" end

    -- What the script said, over all its lives.
    local sent, told, next_one, killed = {}, {}, 1, 0
    local function read(round)
      for line in out(round):gmatch "[^\n]+" do
        local n = tonumber(line:match "^send (%d+)$")
        if n then
          assert.falsy(sent[n], "sent in two lives: " .. n)
          sent[n], next_one = true, math.max(next_one, n + 1)
        end
        local t, status, quantity = line:match "^told (%d+) (%S+) (%S+)$"
        if t then
          assert.falsy(told[tonumber(t)], "told twice: " .. t)
          told[tonumber(t)] = { status = status, quantity = tonumber(quantity) }
        end
      end
    end
    repeat
      local pid, pipe = start(next_one, orders)
      local round = rounds
      if killed < kills then
        local enough = math.random(1, 1.5 * orders / (kills + 1))
        lx.wait_for("orders under way", function() return select(2, out(round):gsub("told", "")) >= enough or ended(round) end, 60)
        ffi.C.kill(pid, 9)
        killed = killed + 1
      end
      lx.wait_for("its end", function() return ended(round) end, 120)
      pipe:close()
      read(round)
      assert.truthy(rounds < kills + 10, "it does not come to an end: " .. run.read(("%s/err.%d"):format(folder, round)))
    until out(round):find "finished"
    x:no_faults()
    -- The last look at what the last life left open (nothing, normally).
    local _, pipe = start(orders + 1, orders)
    lx.wait_for("the last look", function() return ended(rounds) end, 30)
    pipe:close()
    assert.truthy(out(rounds):find "finished", run.read(("%s/err.%d"):format(folder, rounds)))

    local executed, quantity = {}, {}
    for _, e in ipairs(x:audit("?limit=100000").entries) do
      local n = tonumber((e.clientOrderId or ""):match "^k%-(%d+)$")
      if n and e.executed then executed[n], quantity[n] = (executed[n] or 0) + 1, tonumber(e.quantity) end
    end
    local booked, position, accepted = {}, 0, 0
    for _, o in ipairs(assert(journal.orders(folder .. "/home/runs/k/journal.db"))) do booked[tonumber(o.client_id:match "^k%-(%d+)$")] = o end
    local problems = {}
    local function check(holds, n, what) if not holds then problems[#problems + 1] = ("k-%d: %s"):format(n, what) end end
    for n = 1, orders do
      local size = (2 + n % 5) / 1000
      local o, t, times = booked[n], told[n], executed[n] or 0
      check(sent[n], n, "never sent")
      check(times <= 1, n, "executed " .. times .. " times")
      check(times == 0 or math.abs(quantity[n] - size) < 1e-9, n, "of another size")
      check(o or times == 0, n, "executed without an intent in the journal")
      if o then
        check((o.state == C.JOURNAL_ACCEPTED) == (times == 1), n, ("journal says %d, executed %d times"):format(o.state, times))
        check(o.state ~= C.JOURNAL_INTENT, n, "left open")
        check(o.quantity == size * 1e8, n, "another quantity in the journal")
        check(o.state ~= C.JOURNAL_ACCEPTED or o.executed == o.quantity, n, ("the journal's executed quantity %d of %d, %s"):format(o.executed, o.quantity, o.status))
        position = position + (n % 2 == 0 and 1 or -1) * o.executed
      end
      if t and t.status == "FILLED" then check(times == 1 and math.abs(t.quantity - size) < 1e-9, n, "told as filled") end
      if t and t.status ~= "FILLED" and t.status ~= "unknown_outcome" then check(times == 0, n, "told " .. t.status .. ", and executed") end
      if t and t.status == "FILLED" then accepted = accepted + 1 end
    end
    assert.same({}, problems)
    local p = x:signed("GET", "/fapi/v3/positionRisk", {}).json[1]
    assert.equal(math.floor(position + 0.5), math.floor((p and tonumber(p.positionAmt) or 0) * 1e8 + 0.5))
    assert.truthy(accepted > orders * 0.4, accepted)
    assert.truthy(killed > kills / 2, killed)
  end)
end)
