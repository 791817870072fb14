-- The journal of a live run over real sockets: what is in it, what a killed process leaves, and how the next one clears it up.
local ffi = require "ffi"
local C = require "spec.support.c"
local host = require "moontide.lua_host"
local journal = require "spec.support.journal"
local live_run = require "spec.support.live_run"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

local function quote(s) return "'" .. tostring(s):gsub("'", "'\\''") .. "'" end

describe("a live run's journal", function()
  local x, folder, home
  setup(function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT,ETHUSDT", "--wallet", "1000000" } end)
  teardown(function() x:stop() end)
  before_each(function()
    folder = run.folder()
    home = folder .. "/home"
  end)
  after_each(function()
    x:no_faults()
    x:signed("DELETE", "/fapi/v1/allOpenOrders", { symbol = "BTCUSDT" })
    run.remove(folder)
  end)

  -- A run of its own; `before` stands before the program's name in the shell. What is to happen while it runs is done by
  -- `meanwhile`, which gets its process.
  local function live(script, arguments, before, meanwhile)
    local path = run.write(folder .. "/script.lua", script)
    local words = { before or "", quote(host.exe), "live", path, "--no-supervisor", "--url", x.url }
    for _, a in ipairs(arguments or {}) do
      words[#words + 1] = quote(a)
    end
    os.execute(
      ("cd %s && rm -f pid status && export MOONTIDE_HOME=%s MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s; { %s >out 2>err </dev/null & echo $! >pid; wait $!; echo $? >status; } %s"):format(
        folder,
        home,
        x.key,
        x.secret,
        table.concat(words, " "),
        meanwhile and "2>/dev/null &" or ""
      )
    )
    if meanwhile then
      local pid = lx.wait_for(
        "the process",
        function() return tonumber(run.read(folder .. "/pid"):match "%d+\n") end
      )
      local ok, problem = pcall(meanwhile, pid)
      if not ok then ffi.C.kill(pid, 9) end
      lx.wait_for("the end", function() return run.read(folder .. "/status"):find "%d+\n" end)
      if not ok then error(problem, 0) end
    end
    return {
      status = tonumber(run.read(folder .. "/status")),
      out = run.read(folder .. "/out"),
      err = run.read(folder .. "/err"),
    }
  end

  local function rows(open_only)
    local by_id = {}
    for _, o in ipairs(assert(journal.orders(home .. "/runs/script/journal.db", open_only))) do
      by_id[o.client_id] = o
    end
    return by_id
  end

  -- Writes into a journal as a process would have done that was killed then.
  local function left_behind(id, made, symbol)
    os.execute("mkdir -p " .. home .. "/runs/script")
    local j = assert(journal.open(home .. "/runs/script/journal.db"))
    C.journal_run(j.j, "script.lua", "BTCUSDT", 1)
    j:intend(id, 0, { made = made * 1000, symbol = symbol })
    j:turn()
    j:close()
  end

  it("holds each order, what became of it, and its last word from the stream", function()
    local r = live(
      [[
      local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
      local low = market.round_price("BTCUSDT", t.price * 0.97)
      local function limit(id, more)
        local o = { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = low, newClientOrderId = id }
        for k, v in pairs(more or {}) do o[k] = v end
        return o
      end
      assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.02, newClientOrderId = "market" })
      assert(api.create_order { symbol = "BTCUSDT", side = "SELL", type = "MARKET", quantity = 0.02, newClientOrderId = "close" })
      assert(api.create_order(limit "rests"))
      assert(not api.create_order(limit("refused", { quantity = 900, timeInForce = "GTX" })))
      assert(api.create_order { symbol = "BTCUSDT", side = "SELL", type = "STOP_MARKET", quantity = 0.01, stopPrice = low, newClientOrderId = "stop" })
      local list = assert(api.batch_orders { limit "batch-1", limit("batch-2", { quantity = 900 }), limit "batch-3" })
      print(#list)
      local own = assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = low })
      print("own", own.clientOrderId)
      assert(api.cancel_order { symbol = "BTCUSDT", orderId = own.orderId })
      -- Orders of the general call are named and journalled too; one without a symbol is none.
      local plain = assert(api.request("POST", "/fapi/v1/order", { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 }))
      print("plain", plain.clientOrderId)
      print("none", (select(2, api.request("POST", "/fapi/v1/order", { side = "BUY", type = "MARKET", quantity = 0.01 })).code))
      io.open("goes on", "w"):close()
      io.stdout:flush()
      repeat api.sleep(0.02) until io.open "told"
    ]],
      {},
      nil,
      function() -- the stream's word
        lx.wait_for("the last word of what has ended, and the script", function()
          local ended = 0
          for _, o in ipairs(journal.orders(home .. "/runs/script/journal.db") or {}) do
            local own = o.client_id:find "^mt%-" ~= nil
            if own and (o.status == "CANCELED" or o.status == "FILLED") then ended = ended + 1 end
          end
          return ended == 2 and run.read(folder .. "/out"):find "none\t"
        end)
        run.write(home .. "/runs/script/data/told", "")
      end
    )
    assert.equal(0, r.status, r.err)
    local own = r.out:match "own\t(%S+)"
    assert.truthy(own:match "^mt%-%x+%-%x+%-00000001$" and #own <= 36, own)
    local all = rows()
    local told = {}
    local plain = r.out:match "plain\t(mt%-%x+%-%x+%-00000002)\n"
    assert.truthy(plain and r.out:find("none\t-1102", 1, true), r.out)
    assert.same({ C.JOURNAL_ACCEPTED, "FILLED" }, { all[plain].state, all[plain].status })
    all[plain] = nil
    for id, o in pairs(all) do
      told[id == own and "own" or id] = { o.state, o.status }
    end
    assert.same({
      market = { C.JOURNAL_ACCEPTED, "FILLED" },
      close = { C.JOURNAL_ACCEPTED, "FILLED" },
      rests = { C.JOURNAL_ACCEPTED, "CANCELED" },
      refused = { C.JOURNAL_REFUSED, "" },
      stop = { C.JOURNAL_ACCEPTED, "CANCELED" },
      ["batch-1"] = { C.JOURNAL_ACCEPTED, "CANCELED" },
      ["batch-2"] = { C.JOURNAL_REFUSED, "" },
      ["batch-3"] = { C.JOURNAL_ACCEPTED, "CANCELED" },
      own = { C.JOURNAL_ACCEPTED, "CANCELED" },
    }, told)
    assert.equal(2000000, all.market.executed)
    assert.truthy(all.market.price > 0 and all.market.order_id > 0)
    assert.truthy(all.refused.code < 0)
  end)

  it(
    "an order does not leave when its intent cannot be written: it is refused, an alert is raised",
    function()
      local first = x:audit("?limit=0").total
      local r = live(
        [[
      local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
      local price, sent = market.round_price("BTCUSDT", t.price * 0.97), 0
      for i = 1, 400 do
        local o, err = api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", timeInForce = "IOC", quantity = 0.01, price = price, newClientOrderId = "full-" .. i }
        if not o then print("refused", i, err.kind, err.message) break end
        sent = sent + 1
      end
      print("sent", sent)
    ]],
        {},
        "ulimit -f 300;"
      )
      local refused =
        tonumber(r.out:match "refused\t(%d+)\tinvalid\tnothing was sent: the journal cannot be written: ")
      assert.truthy(refused and refused > 3, r.out .. r.err)
      assert.truthy(r.err:find("alert rule=journal raised=true", 1, true), r.err)
      local received = {}
      for _, e in ipairs(x:audit("?limit=100000&from=" .. first).entries) do
        received[e.clientOrderId] = true
      end
      assert.truthy(received["full-" .. refused - 1])
      assert.falsy(received["full-" .. refused])
    end
  )

  it("an order does not leave when the journal was taken away under the run", function()
    local first = x:audit("?limit=0").total
    local r = live(
      [[
      local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
      local function try(id)
        local o, err = api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", timeInForce = "IOC", quantity = 0.01,
          price = market.round_price("BTCUSDT", t.price * 0.97), newClientOrderId = id }
        print(id, o and o.status, err and err.message)
      end
      try "there"
      assert(os.remove(os.getenv "MOONTIDE_HOME" .. "/runs/script/journal.db"))
      try "gone"
    ]],
      { "--trusted" }
    )
    assert.truthy(r.out:find("there\tEXPIRED", 1, true), r.out .. r.err)
    assert.truthy(
      r.out:find(
        "gone\tnil\tnothing was sent: the journal cannot be written: its file was removed or replaced",
        1,
        true
      ),
      r.out .. r.err
    )
    for _, e in ipairs(x:audit("?limit=100&from=" .. first).entries) do
      assert.not_equal("gone", e.clientOrderId)
    end
  end)

  it("the outcome of what a killed process sent is known before the first handler", function()
    local price, made = math.floor(x:best() * 0.97), lx.now_ms()
    -- One that arrived and rests, one that was filled, one that never arrived.
    x:order { price = price, newClientOrderId = "left-rests" }
    x:order { type = "MARKET", quantity = "0.010", newClientOrderId = "left-filled" }
    for _, id in ipairs { "left-rests", "left-filled", "left-absent" } do
      left_behind(id, made)
    end
    local r = live(
      [[
      return { symbols = { "BTCUSDT" },
        on_start = function(self)
          print("open", #assert(api.get_open_orders { symbol = "BTCUSDT" }), self:position "BTCUSDT" > 0)
        end,
        on_order = function(self, o) if o.recovered then print("told", o.clientOrderId, o.status) end end }
    ]],
      { "--events", "2", "--keep-orders", "--recv-window", "1000" }
    )
    assert.equal(0, r.status, r.err)
    assert.truthy(r.out:find("open\t1\ttrue", 1, true), r.out .. r.err)
    assert.truthy(r.out:find("told\tleft-rests\tNEW", 1, true), r.out .. r.err)
    assert.truthy(r.out:find("told\tleft-filled\tFILLED", 1, true), r.out .. r.err)
    assert.truthy(
      r.err:find("an order of the last run stands open: adopted client_id=left-rests", 1, true),
      r.err
    )
    assert.truthy(r.err:find("an order of the last run never arrived client_id=left-absent", 1, true), r.err)
    local all = rows()
    assert.same({ C.JOURNAL_ACCEPTED, "NEW" }, { all["left-rests"].state, all["left-rests"].status })
    assert.same({ C.JOURNAL_ACCEPTED, "FILLED" }, { all["left-filled"].state, all["left-filled"].status })
    assert.equal(C.JOURNAL_ABSENT, all["left-absent"].state)
    local unfinished = {}
    for id in pairs(rows(true)) do
      unfinished[#unfinished + 1] = id
    end
    assert.same({ "left-rests" }, unfinished)

    -- Cancelled, when that is wanted.
    x:signed("DELETE", "/fapi/v1/allOpenOrders", { symbol = "BTCUSDT" })
    x:order { price = price, newClientOrderId = "left-again" }
    left_behind("left-again", made)
    r = live(
      "print('open', #assert(api.get_open_orders { symbol = 'BTCUSDT' }))",
      { "--restart-orders", "cancel", "--keep-orders" }
    )
    assert.truthy(r.out:find("open\t0", 1, true), r.out .. r.err)
    assert.truthy(
      r.err:find("carried out client_id=left-again symbol=BTCUSDT status=CANCELED", 1, true),
      r.err
    )

    -- Not while nothing can be found out.
    left_behind("left-unclear", made)
    x:faults { { fault = "error", call = "GET /fapi/v1/order", status = 500 } }
    r = live("api.sleep(0) print 'never'", {}, nil, function(pid)
      lx.wait_for("the question", function() return x:raw("GET", "/moontide/faults").json[1].struck >= 1 end)
      ffi.C.kill(pid, 2)
    end)
    assert.equal(1, r.status)
    assert.equal("", r.out)
    assert.truthy(
      r.err:find("stopped before the outcome of 1 orders of the last run was known", 1, true),
      r.err
    )
    assert.equal(C.JOURNAL_INTENT, rows(true)["left-unclear"].state)
    x:no_faults()

    left_behind("left-other", made, "SOLUSDT")
    r = live "api.sleep(0) print 'never'"
    assert.equal(1, r.status)
    assert.equal("", r.out)
    assert.truthy(
      r.err:find(
        "an order of SOLUSDT from the last run has no known outcome (left-other): run with --symbol SOLUSDT too",
        1,
        true
      ),
      r.err
    )
  end)

  it(
    "a process killed between sending and the answer: the order is in the journal, and the next run finds it",
    function()
      -- Nothing tells it: the answer is late, the stream silent.
      x:faults {
        { fault = "delay", call = "POST /fapi/v1/order", delay = 30 },
        { fault = "stream_gap", class = "account" },
      }
      local script = [[
      local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
      print "sending" io.stdout:flush()
      api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01, newClientOrderId = "cut-off" }
    ]]
      local r = live_run.start(x, { script }, { "--no-supervisor" })
      finally(function() r:close() end)
      home = r.home
      lx.wait_for("the order at the exchange", function()
        for _, e in ipairs(x:audit("?limit=100000").entries) do
          if e.clientOrderId == "cut-off" then return true end
        end
      end)
      r:kill(9)
      r:wait()
      x:no_faults()
      assert.equal(C.JOURNAL_INTENT, rows(true)["cut-off"].state)
      local again = live "api.sleep(0)"
      assert.equal(0, again.status, again.err)
      assert.same({ C.JOURNAL_ACCEPTED, "FILLED" }, { rows()["cut-off"].state, rows()["cut-off"].status })
    end
  )

  it("full sync and bad values", function()
    local r = live(
      [[ print(assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01, newClientOrderId = "synced" }).status) ]],
      { "--journal-sync", "full" }
    )
    assert.equal("FILLED\n", r.out, r.err)
    assert.equal("FILLED", rows().synced.status)
    r = live("print 'never' api.sleep(0)", { "--journal-sync", "sometimes" })
    assert.equal(2, r.status, r.err)
    assert.truthy(r.err:find("--journal-sync sometimes: expected normal or full", 1, true), r.err)
    local config = run.write(folder .. "/c.lua", "return { restart_orders = 'keep' }")
    r = live("print 'never' api.sleep(0)", { "--config", config })
    assert.equal(2, r.status)
    assert.truthy(r.err:find("c.lua: restart_orders keep: expected adopt or cancel", 1, true), r.err)
  end)
end)
