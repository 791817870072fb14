-- `moontide paper`: live data of the local exchange over real sockets, orders in the simulated one of the process.
local ffi = require "ffi"
local cjson = require "cjson"
local control = require "moontide.live.control_socket"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"
local websocket = require "spec.support.websocket"

local function quote(s) return "'" .. tostring(s):gsub("'", "'\\''") .. "'" end

-- A folder with a script, in which paper runs keep their account.
local Desk = {}
Desk.__index = Desk

local function desk(x, script)
  local self = setmetatable({ x = x, folder = run.folder(), runs = 0, started = {} }, Desk)
  self.path = run.write(self.folder .. "/script.lua", script)
  return self
end

-- Starts a run, and does not wait for it.
function Desk:start(arguments, environment, path)
  self.runs = self.runs + 1
  local out = ("%s/run%d"):format(self.folder, self.runs)
  local words = { environment or "MOONTIDE_API_KEY=", "MOONTIDE_API_SECRET=" }
  if environment then words = { environment } end
  for _, w in ipairs {
    "MOONTIDE_HOME=" .. quote(self.folder .. "/home"),
    quote(require("moontide.lua_host").exe),
    "paper",
    quote(path or self.path),
    "--url",
    self.x.url,
    self.supervised and "" or "--no-supervisor",
  } do
    words[#words + 1] = w
  end
  for _, a in ipairs(arguments or {}) do
    words[#words + 1] = quote(a)
  end
  local pipe = io.popen(
    ("cd %s; (env %s >%s.out 2>%s.err </dev/null & echo $! >%s.pid; wait $!; echo $? >%s.status) >/dev/null 2>&1 & echo ok"):format(
      self.folder,
      table.concat(words, " "),
      out,
      out,
      out,
      out
    )
  )
  pipe:read "*l"
  pipe:close()
  lx.wait_for("the run's start", function() return run.read(out .. ".pid"):match "%d+" end)
  local r = {
    out = function() return run.read(out .. ".out") end,
    err = function() return run.read(out .. ".err") end,
    pid = tonumber(run.read(out .. ".pid")),
    status = function() return tonumber(run.read(out .. ".status"):match "%d+") end,
  }
  self.started[self.runs] = r
  return r
end

-- Runs to the end.
function Desk:run(arguments, environment)
  local r = self:start(arguments, environment)
  lx.wait_for("the run's end", r.status)
  return { status = r.status(), out = r.out(), err = r.err() }
end

-- Ends what a failed assertion has left running, too.
function Desk:close()
  for _, r in ipairs(self.started) do
    if not r.status() then ffi.C.kill(r.pid, 9) end
  end
  run.remove(self.folder)
end

describe("moontide paper", function()
  local x, d
  setup(function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT,ETHUSDT", "--legacy-streams" } end)
  teardown(function() x:stop() end)
  after_each(function()
    x:no_faults()
    if d then
      d:close()
      d = nil
    end
  end)

  it(
    "fills market, limit and stop orders at prices that the market really showed, the exchange never hearing of one",
    function()
      -- Everything the exchange tells of its market, as anybody can hear it.
      local ear = websocket.open(x.port, "/ws/btcusdt@depth20@100ms/btcusdt@bookTicker/btcusdt@aggTrade")
      d = desk(
        x,
        [[
      return { symbols = { "BTCUSDT" },
        on_start = function(self)
          local function place(o) o.symbol = "BTCUSDT" return api.create_order(o) end
          api.sleep(0.5)   -- until the book is one that the streams have told
          for i = 1, 4 do
            local side = i % 2 == 1 and "BUY" or "SELL"
            local o = assert(place { side = side, type = "MARKET", quantity = 0.4, newClientOrderId = "m" .. i })
            print("market", o.status, o.executedQty)
          end
          assert(place { side = "BUY", type = "MARKET", quantity = 0.1 })
          local q = assert(api.get_book_ticker { symbol = "BTCUSDT" })
          local round = function(p) return market.round_price("BTCUSDT", p) end
          self.left = 3
          assert(place { side = "BUY", type = "LIMIT", quantity = 0.02, price = round(q.bidPrice - 0.3), newClientOrderId = "at-bid" })
          assert(place { side = "SELL", type = "LIMIT", quantity = 0.02, price = round(q.askPrice + 0.3), newClientOrderId = "at-ask" })
          local function stop(side, away)
            local o
            for _ = 1, 50 do   -- the market may be there before the order
              local now = assert(api.get_book_ticker { symbol = "BTCUSDT" })
              o = place { side = side, type = "STOP_MARKET", quantity = 0.01, stopPrice = round(now.bidPrice + away), newClientOrderId = "stop-" .. side }
              if o then break end
            end
            assert(o)
          end
          stop("SELL", -1)
          stop("BUY", 2)
        end,
        on_fill = function(self, f)
          print("fill", f.side, f.price, f.qty, f.maker, f.clientOrderId, f.time)
          io.stdout:flush()
        end,
      } ]]
      )
      local before = x:audit("?limit=0").total
      local r = d:start { "--for", "60", "--latency", "5" } -- as a rule it is told to end long before
      local shown, offers = { BUY = {}, SELL = {} }, { BUY = {}, SELL = {} } -- by the taker's side; what a resting order may meet
      local function note(side, price, time)
        shown[side][("%.2f"):format(price)] = true
        local met = offers[side]
        met[#met + 1] = { price = tonumber(price), time = time }
      end
      local function listen()
        local m = ear:json(0.1)
        if not m then return end
        if m.e == "bookTicker" then
          note("BUY", m.a, m.E)
          note("SELL", m.b, m.E)
        end
        for _, level in ipairs(m.e == "depthUpdate" and m.a or {}) do
          note("BUY", level[1], m.E)
        end
        for _, level in ipairs(m.e == "depthUpdate" and m.b or {}) do
          note("SELL", level[1], m.E)
        end
        if m.e == "aggTrade" then
          for _, list in pairs(offers) do
            list[#list + 1] = { price = tonumber(m.p), time = m.T }
          end
        end
      end
      -- Until a limit and a stop have filled, or the run's time is over.
      local function enough()
        local out = r.out()
        return out:find "true\tat%-" and out:find "stop%-%u+" or r.status()
      end
      while not enough() do
        listen()
      end
      for _ = 1, 20 do
        listen()
      end
      ffi.C.kill(r.pid, 15)
      lx.wait_for("the run's end", r.status)
      ear:close()
      assert.equal(0, r.status(), r.err())
      assert.equal(4, select(2, r.out():gsub("market\tFILLED\t0.4", "")), r.out() .. r.err())
      local takers, makers = 0, 0
      for side, price, maker, time in r.out():gmatch "fill\t(%u+)\t([%d.]+)\t[%d.]+\t(%a+)\t%S+\t(%d+)" do
        if maker == "false" then
          takers = takers + 1
          assert.truthy(
            shown[side][("%.2f"):format(price)],
            ("%s at %s was on no side of the book"):format(side, price)
          )
        else
          makers = makers + 1
          local p, met = tonumber(price), false
          for _, o in ipairs(offers[side]) do
            met = met
              or (side == "BUY" and o.price <= p or side == "SELL" and o.price >= p)
                and math.abs(o.time - time) < 1000
          end
          assert.truthy(met, ("%s at %s met nobody"):format(side, price))
        end
      end
      assert.truthy(takers >= 6 and makers >= 1, r.out())
      assert.equal(before, x:audit("?limit=0").total)
    end
  )

  it("runs the very file of a backtest, and ends in the same report", function()
    local script = [[
      return { symbols = { "BTCUSDT" }, interval = "1m", params = { quantity = { 0.01 } },
        on_bar = function(self, bar)
          if self:position(bar.symbol) ~= 0 then return end
          local o = assert(api.create_order { symbol = bar.symbol, side = "BUY", type = "MARKET", quantity = self.params.quantity })
          print("bought", o.status, o.executedQty, api.get_account_info() ~= nil)
        end,
      } ]]
    local fast = lx.start { "--speed", "60", "--symbols", "BTCUSDT", "--rate", "2" }
    finally(function() fast:stop() end)
    d = desk(fast, script)
    local past = run.moontide {
      "backtest",
      d.path,
      "--synthetic",
      "1",
      "--bars",
      "50",
      "--json",
      d.folder .. "/past.json",
    }
    assert.truthy(past.out:find("bought\tFILLED\t0.01\ttrue", 1, true), past.out .. past.err)
    local r = d:run { "--bars", "4", "--set", "quantity=0.02", "--json", d.folder .. "/paper.json" }
    assert.equal(0, r.status, r.err)
    assert.truthy(r.out:find("bought\tFILLED\t0.02\ttrue", 1, true), r.out .. r.err)
    local a, b =
      cjson.decode(run.read(d.folder .. "/past.json")), cjson.decode(run.read(d.folder .. "/paper.json"))
    for key in pairs(a) do
      assert.truthy(b[key] ~= nil, key)
    end
    assert.equal(1, b.orders)
    assert.truthy(b.fills >= 1 and b.fees > 0 and b.final_equity < 10050 and b.exposure > 0)
    assert.near(b.final_equity - b.capital, b.net_profit, 1e-9)
    assert.truthy(r.out:find("BTCUSDT +0.02 at"), r.out)
  end)

  it("runs every strategy that is shipped", function()
    local fast = lx.start { "--speed", "120", "--symbols", "BTCUSDT,ETHUSDT", "--rate", "2", "--no-limits" }
    finally(function() fast:stop() end)
    d = desk(fast, "")
    local runs = {}
    for path in io.popen("ls " .. run.root .. "/strategies/*.lua"):lines() do
      runs[path] = d:start({ "--interval", "1m", "--bars", "4", "--json", "-" }, nil, path)
    end
    local count = 0
    for path, r in pairs(runs) do
      lx.wait_for(path, r.status, 300) -- many at once
      assert.equal(0, r.status(), path .. r.err())
      local result = cjson.decode(r.out())
      assert.truthy(result.bars >= 1, path .. r.err())
      -- A strategy that ends in the market is warned of it, and of nothing else; one on a slow machine of that.
      local rest = r.err():gsub("[^\n]*WARN [^\n]* stays open; [^\n]*", "")
      assert.falsy(rest:gsub("[^\n]*WARN [^\n]* held the loop for [^\n]*", ""):find "WARN", r.err())
      count = count + 1
    end
    assert.truthy(count >= 4)
  end)

  it(
    "keeps the account between runs, whether they end in order or are killed; --reset begins anew",
    function()
      d = desk(
        x,
        [[
      local o = assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 })
      local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
      assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = market.round_price("BTCUSDT", t.price * 0.9), newClientOrderId = "low-" .. #api.get_my_trades { symbol = "BTCUSDT" } })
      api.set_leverage { symbol = "BTCUSDT", leverage = 7 }
      local p = assert(api.get_position_info { symbol = "BTCUSDT" })[1]
      print("position", p.positionAmt, "orders", #api.get_open_orders { symbol = "BTCUSDT" }, "history", #api.get_order_history { symbol = "BTCUSDT" })
      io.stdout:flush()
      if os.getenv "STAY" then api.sleep(60) end ]]
      )
      local state = d.folder .. "/home/runs/script-paper/paper.account"
      local r = d:run { "--capital", "5000", "--keep-orders", "--price-collar", "0" }
      assert.equal(0, r.status, r.err)
      assert.truthy(r.out:find("position\t0.01\torders\t1\thistory\t2", 1, true), r.out .. r.err)
      assert.truthy(r.err:find("a new account: wallet 5000.00 USDT", 1, true), r.err)
      local saved = run.read(state)

      local killed = d:start({ "--keep-orders", "--price-collar", "0" }, "STAY=1")
      lx.wait_for(
        "the second run's orders",
        function()
          return killed.out():find("position\t0.02\torders\t2\thistory\t4", 1, true) or killed.status()
        end
      )
      assert.truthy(
        killed.out():find("position\t0.02\torders\t2\thistory\t4", 1, true),
        killed.out() .. killed.err()
      )
      local other = d:run { "--quiet" }
      assert.equal(1, other.status)
      assert.truthy(other.err:find("run 'script-paper' is going on already", 1, true), other.err)
      lx.wait_for("the account on disk", function()
        local now = run.read(state)
        return #now > #saved and now
      end)
      ffi.C.kill(killed.pid, 9)
      lx.wait_for("its end", killed.status)

      r = d:run { "--capital", "9", "--price-collar", "0" }
      assert.equal(0, r.status, r.err)
      assert.truthy(r.out:find("position\t0.03\torders\t3\thistory\t6", 1, true), r.out .. r.err)
      assert.truthy(
        r.err:find("goes on", 1, true) and r.err:find("--capital is of a new account", 1, true),
        r.err
      )
      assert.truthy(r.err:find("3 open orders cancelled", 1, true), r.err)
      assert.truthy(r.out:find("capital +5000.00 USDT"), r.out)
      r = d:run { "--reset", "--price-collar", "0" }
      assert.truthy(r.out:find("position\t0.01\torders\t1\thistory\t2", 1, true), r.out .. r.err)
      assert.truthy(r.out:find("capital +10000.00 USDT"), r.out)
    end
  )

  it("goes on with the account when a killed worker is replaced, also after --reset", function()
    d = desk(
      x,
      [[
      return { symbols = { "BTCUSDT" }, on_start = function(self)
        print("holds", self:position "BTCUSDT")
        assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 })
        print "bought"
        io.stdout:flush()
      end } ]]
    )
    local state = d.folder .. "/home/runs/script-paper/paper.account"
    d.supervised = true
    local r = d:start { "--reset", "--keep-orders", "--for", "60" }
    lx.wait_for(
      "the account with its position",
      -- the client id of an order is a text of its own in the file
      function() return r.out():find "bought" and run.read(state):find(("[%w_-]"):rep(20)) end
    )
    local worker = control.ask(d.folder .. "/home/runs/script-paper/control.sock", { cmd = "status" }).pid
    ffi.C.kill(worker, 9)
    lx.wait_for(
      "the second worker",
      function() return select(2, r.out():gsub("bought", "")) == 2 or r.status() end
    )
    ffi.C.kill(r.pid, 15)
    lx.wait_for("the run's end", r.status)
    assert.truthy(r.out():find("holds\t0\nbought\nholds\t0.01\nbought", 1, true), r.out() .. r.err())
  end)

  it("needs no key and uses none; refuses what the exchange refuses", function()
    d = desk(
      x,
      [[
      local function try(name, o)
        o.symbol = o.symbol or "BTCUSDT"
        o.side = o.side or "BUY"
        local order, err = api.create_order(o)
        print(name, order and order.status or err.code or err.kind)
      end
      local q = assert(api.get_book_ticker { symbol = "BTCUSDT" })
      local low = market.round_price("BTCUSDT", q.bidPrice * 0.97)
      local ether = api.get_ticker_price { symbol = "ETHUSDT" }.price
      try("margin", { type = "MARKET", quantity = 100 })
      try("notional", { type = "LIMIT", symbol = "ETHUSDT", quantity = 0.001, price = market.round_price("ETHUSDT", ether) })
      try("post-only", { type = "LIMIT", quantity = 0.01, price = market.round_price("BTCUSDT", q.askPrice + 20), timeInForce = "GTX" })
      try("trigger", { type = "STOP_MARKET", quantity = 0.01, stopPrice = low })
      try("reduce", { type = "MARKET", quantity = 0.01, reduceOnly = true })
      try("step", { type = "LIMIT", quantity = 0.0105, price = low })
      local none, err = api.cancel_order { symbol = "BTCUSDT", orderId = 1 }
      print("cancel", err.code)
      print("real", api.get_klines { symbol = "ETHUSDT", interval = "1m", limit = 3 } ~= nil, #api.get_agg_trades { symbol = "ETHUSDT", limit = 2 }) ]]
    )
    local r = d:run(
      { "--max-order-notional", "0", "--symbol", "BTCUSDT", "--symbol", "ETHUSDT" },
      "MOONTIDE_API_KEY=nonsense"
    )
    assert.equal(0, r.status, r.err)
    for _, line in ipairs {
      "margin\t-2019",
      "notional\t-4164",
      "post-only\t-5022",
      "trigger\t-2021",
      "reduce\t-2022",
      "step\tinvalid",
      "cancel\t-2011",
      "real\ttrue\t2",
    } do
      assert.truthy(r.out:find(line, 1, true), line .. " is not in:\n" .. r.out .. r.err)
    end
  end)

  it(
    "goes on when the streams are cut: orders wait for the market, bars and trades missed are fetched",
    function()
      local fast = lx.start {
        "--speed",
        "40",
        "--symbols",
        "BTCUSDT",
        "--no-limits",
        "--stream-life",
        "30",
        "--rate",
        "2",
      } -- cut every 0.75 s
      finally(function() fast:stop() end)
      d = desk(
        fast,
        [[
      for i = 1, 8 do
        local o, err = api.create_order { symbol = "BTCUSDT", side = i % 2 == 1 and "BUY" or "SELL", type = "MARKET", quantity = 0.01 }
        print("order", o and o.status or err)
        api.sleep(0.3)
      end ]]
      )
      local r = d:run {}
      assert.equal(0, r.status, r.err)
      assert.equal(8, select(2, r.out:gsub("order\tFILLED", "")), r.out .. r.err)
      assert.truthy(r.err:find "reconnects=[2-9]", r.err)
      assert.truthy(r.out:find("positions\n  none", 1, true), r.out)
    end
  )

  it(
    "fills nothing on a market it cannot see: orders fail as on a dead network, cancels and reads go on",
    function()
      local gone = lx.start { "--symbols", "BTCUSDT" }
      d = desk(
        gone,
        [[
      local q = assert(api.get_book_ticker { symbol = "BTCUSDT" })
      assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = market.round_price("BTCUSDT", q.bidPrice * 0.95), newClientOrderId = "far" })
      print "ready"
      io.stdout:flush()
      while not io.open "gone" do api.sleep(0.05) end
      api.sleep(0.1)
      local o, err = api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 }
      print("order", o, err and err.kind)
      o, err = api.cancel_order { symbol = "BTCUSDT", origClientOrderId = "far" }
      print("cancel", o and o.status or err)
      print("wallet", api.get_account_info().totalWalletBalance) ]]
      )
      run.write(
        d.folder .. "/quick.lua",
        "return { request_timeout = 0.2, max_retries = 1, initial_backoff = 0.02 }"
      )
      local r = d:start { "--config", d.folder .. "/quick.lua", "--trusted" }
      local ready = pcall(lx.wait_for, "the first order", function() return r.out():find "ready" end, 10)
      gone:stop()
      assert.truthy(ready, r.err())
      run.write(d.folder .. "/gone", "")
      lx.wait_for("the run's end", r.status)
      assert.equal(0, r.status(), r.err())
      for _, line in ipairs { "order\tnil\tnetwork", "cancel\tCANCELED", "wallet\t10000\n" } do
        assert.truthy(r.out():find(line, 1, true), line .. " is not in:\n" .. r.out() .. r.err())
      end
    end
  )

  it("pays funding at its times, also those of the time it was away", function()
    local fast = lx.start {
      "--speed",
      "40000",
      "--symbols",
      "BTCUSDT",
      "--no-limits",
      "--rate",
      "0.01",
      "--ping",
      "86400000",
      "--stream-life",
      "86400000",
    } -- eight hours in 0.7 s
    finally(function() fast:stop() end)
    d = desk(
      fast,
      [[
      local function paid() return #api.get_income { symbol = "BTCUSDT", incomeType = "FUNDING_FEE" } end
      print("income", paid())
      if paid() == 0 then assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 }) end
      for _ = 1, 200 do
        if paid() > 0 then break end
        api.sleep(0.05)
      end
      print("paid", paid()) ]]
    )
    local r = d:run()
    assert.equal(0, r.status, r.err)
    assert.truthy(r.out:find("income\t0\n", 1, true), r.out .. r.err)
    local paid = tonumber(r.out:match "paid\t(%d+)")
    assert.truthy(paid > 0, r.out .. r.err)
    lx.wait_for("what was paid while it did not run", function()
      r = d:run()
      assert.equal(0, r.status, r.err)
      return tonumber(r.out:match "income\t(%d+)") > paid
    end)
  end)

  it("says in one line what is wrong", function()
    d = desk(x, "print(1) api.sleep(0)")
    local function try(arguments)
      local r = run.moontide(arguments)
      return r.status, r.err, r.out
    end
    local broken = run.write(d.folder .. "/broken", "moontide paper\0\0not really")
    for _, case in ipairs {
      { { "paper" }, 2, "missing script; usage: moontide paper SCRIPT" },
      { { "paper", d.path, d.path }, 2, "two scripts make one run's name" },
      {
        { "paper", d.path, "--url", "http://127.0.0.1:1", "--state", d.folder .. "/s" },
        1,
        "127.0.0.1:1/fapi/v1/exchangeInfo",
      },
      {
        { "paper", d.path, "--url", x.url, "--capital", "-1", "--state", d.folder .. "/s" },
        2,
        "--capital -1",
      },
      {
        { "paper", d.path, "--url", x.url, "--margin", "none", "--state", d.folder .. "/s" },
        2,
        "expected crossed or isolated",
      },
      { { "paper", d.path, "--url", x.url, "--state", broken }, 1, "--reset begins anew" },
      { { "paper", d.path, "--url", x.url, "--name", "../x" }, 2, "is not a name for a run" },
      { { "paper", d.path, "--url", x.url, "--yes-real-money" }, 2, "no such option" },
    } do
      local status, err = try(case[1])
      assert.equal(case[2], status, err)
      assert.truthy(err:find(case[3], 1, true), err)
      assert.equal(1, select(2, err:gsub("\n", "")), err)
    end
    local status, _, out = try { "paper", "--assumptions" }
    assert.equal(0, status)
    assert.truthy(
      run.read("docs/paper.md"):find(out, 1, true),
      "docs/paper.md repeats what --assumptions prints"
    )
  end)

  it("refuses an account of symbols that the run does not trade", function()
    d = desk(x, [[ print(api.get_position_info { symbol = market.symbols()[1] } ~= nil) ]])
    assert.equal(0, d:run({ "--symbol", "BTCUSDT" }).status)
    local r = d:run { "--symbol", "ETHUSDT" }
    assert.equal(1, r.status)
    assert.truthy(r.err:find("it knows BTCUSDT", 1, true), r.err)
    assert.equal(0, d:run({ "--symbol", "ETHUSDT", "--symbol", "BTCUSDT" }).status)
  end)
end)
