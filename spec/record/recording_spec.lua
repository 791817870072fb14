-- Runs recorded over real sockets, with faults, and replayed: moontide live --record, moontide backtest --replay.
local ffi = require "ffi"
local C = require "spec.support.c"
local lx = require "spec.support.local_exchange"
local recorded = require "spec.support.recorded"
local run = require "spec.support.run"

local handlers = [[
  return {
    symbols = { "BTCUSDT", "ETHUSDT" }, interval = "1m", timer = 0.3, params = { quantity = { 0.01 } },
    on_start = function(self) self.count = 0 print("start", self:wallet(), self:now(), os.time(), os.date "!%F") end,
    on_bar = function(self, bar)
      self.count = self.count + 1
      local order, err = api.create_order { symbol = bar.symbol, side = self.count % 2 == 0 and "SELL" or "BUY", type = "MARKET", quantity = self.params.quantity }
      print("bar", bar.symbol, bar.open_time, bar.close, bar.volume, order and order.avgPrice or err.kind, self:position(bar.symbol), self:equity(), math.random())
      if self.count % 3 == 0 then
        local book, m = assert(api.get_order_book { symbol = bar.symbol, limit = 5 }), api.get_metrics()
        print("book", book.bids[1].price, #book.asks, book.asks[5].qty, m.sent, m.average_response_time)
      end
      local refused, why = api.create_order { symbol = bar.symbol, side = "BUY", type = "LIMIT", quantity = 990, price = market.round_price(bar.symbol, bar.close * 0.97) }
      print("refused", refused and refused.status, why)
      local batch = api.batch_request { { "create_order", { symbol = bar.symbol, side = "BUY", type = "LIMIT", quantity = 0.1, price = market.round_price(bar.symbol, bar.close * 0.97) } },
        { "create_order", { symbol = bar.symbol, side = "BUY", type = "LIMIT", quantity = 0.1, price = market.round_price(bar.symbol, bar.close * 0.96) } } }
      print("batch", batch[1].orderId, batch[2].orderId)
      if batch[1].orderId then print("cancelled", (api.cancel_order { symbol = bar.symbol, orderId = batch[1].orderId, timeout = 5 } or {}).status) end
    end,
    on_order = function(self, o) print("order", o.clientOrderId, o.status, o.recovered) end,
    on_fill = function(self, f) print("fill", f.price, f.qty, f.commission, f.realizedPnl, f.time) end,
    on_position = function(self, p) print("position", p.symbol, p.positionAmt, p.walletBalance) end,
    on_timer = function(self, now)
      local got = api.all { function() return api.get_ticker_price { symbol = "BTCUSDT" } end, function() api.sleep(0.02) return 7 end }
      print("timer", now, got[1].price or got[1].error.kind, got[2])
    end,
    on_stop = function(self) print("stop", self:position "BTCUSDT", os.clock()) end,
  } ]]

local plain = [[
  local beats = 0
  api.spawn(function()
    while true do
      api.sleep(0.1)
      beats = beats + 1
      print("beat", beats, api.now())
    end
  end)
  local account
  repeat account = api.get_account_info() until account   -- a busy machine may be too late for its recvWindow
  print("account", account.totalWalletBalance, #account.positions)
  local tasks = {}
  for i = 1, 5 do
    tasks[i] = api.async.get_klines { symbol = "BTCUSDT", interval = "1m", limit = i, priority = i % 2 == 0 and "LOW" or nil }
  end
  for i = 1, 5 do print("klines", #assert(tasks[i]:wait())) end
  local count = 0
  for bar in market.bars("BTCUSDT", "1m") do
    count = count + 1
    local order, err = api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = market.round_price("BTCUSDT", bar.close * 0.98) }
    print(bar, order and order.status or err, beats, (select(2, market.book("BTCUSDT", 3))))
    local book = market.book("BTCUSDT", 3)
    if book then print("book", book.bid, book.asks[3].qty, #book.bids, book.last_update_id) end
    if count == 4 then break end
  end
  api.sleep(0.25) ]]

local events = [[
  return { symbols = { "BTCUSDT" },
    on_trade = function(self, t)
      self.trades = (self.trades or 0) + 1
      print("trade", t.price, t.qty, t.id, t.recovered)
      if self.trades ~= 10 then return end
      local order, err = api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 }
      print(order and order.status or err.kind)
    end,
    on_book = function(self, b) self.books = (self.books or 0) + 1 if self.books % 10 == 0 then print("book", b.bid, b.askQty) end end,
    on_stop = function(self) print(self.trades, self.books) end } ]]

local failing = [[
  return { symbols = { "BTCUSDT" }, on_bar = function(self, bar)
    print(assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = market.round_price("BTCUSDT", bar.close * 0.98) }).status)
    local nothing
    return nothing.field
  end } ]]

describe("a recorded run", function()
  local x, alone, folder, made

  setup(function()
    local function exchange()
      local one = lx.start {
        "--no-limits",
        "--symbols",
        "BTCUSDT,ETHUSDT",
        "--wallet",
        "1000000",
        "--speed",
        "60",
        "--stream-life",
        "120",
      } -- cut every two seconds
      one:faults {
        { fault = "lose_reply", call = "POST /fapi/v1/order", share = 0.1 },
        { fault = "lose_request", call = "POST /fapi/v1/order", share = 0.1 },
        { fault = "error", call = "POST /fapi/v1/order", status = 503, share = 0.1 },
        { fault = "reset", call = "GET /fapi/v1/ticker/price", share = 0.2 },
        { fault = "error", call = "GET /fapi/v1/ticker/price", status = 500, share = 0.2 },
        { fault = "delay", call = "POST /fapi/v1/order", delay = 0.05, jitter = 0.05, share = 0.3 },
      }
      return one
    end
    -- Each cut of a stream is followed by questions; one after another every two seconds they would spend the limits that all
    -- runs on one exchange share. So the longest run has an exchange, and with it limits, of its own.
    x, alone = exchange(), exchange()
    folder = run.folder()
    -- A second of ours is a minute of the exchange.
    local fast = "--recv-window 60000 --config " .. run.root .. "/spec/support/many_faults.conf.lua"
    made = recorded.make(x, folder, {
      plain = { script = plain, arguments = fast },
      events = { script = events, arguments = "--recv-window 60000 --events 25000" },
      failing = { script = failing, arguments = fast },
      paper = { script = handlers, command = "paper", arguments = "--bars 3 --name paper-one" },
      killed = { script = handlers, arguments = fast, kill = { "bar", 4 } },
      halted = { script = handlers, arguments = fast, kill = { "bar", 2 }, signal = "USR1" },
    })
    made.handlers = recorded.make(alone, folder, {
      handlers = { script = handlers, arguments = "--bars 12 " .. fast },
    }).handlers
  end)
  teardown(function()
    run.remove(folder)
    x:stop()
    alone:stop()
  end)

  local function same(name, how)
    local m = made[name]
    local r = recorded.replay(m.script, m.file)
    local events_told, calls = r.out:match("(%d+) events, (%d+) calls: " .. how)
    assert.truthy(events_told, name .. ":\n" .. r.out .. r.err .. m.err)
    return r.out:gsub("%d+ events, %d+ calls: the same[^\n]*\n$", ""),
      tonumber(events_told),
      tonumber(calls),
      r
  end

  -- What a script prints holds whatever it saw, to the last digit.
  for _, name in ipairs { "handlers", "plain", "events" } do
    it(("replays to the byte: %s"):format(name), function()
      assert.equal(0, made[name].status, made[name].err)
      local out, events_told, calls, r = same(name, "the same\n")
      assert.equal(0, r.status)
      assert.equal(out, made[name].out:sub(1, #out))
      assert.is_true(#made[name].out - #out < 200) -- tasks beside a plain script go on while its orders are cancelled
      assert.is_true(events_told >= 20 and calls >= 1, ("%d events, %d calls"):format(events_told, calls))
    end)
  end

  it("saw what it should: bars, fills, refusals, a book", function()
    for _, word in ipairs {
      "bar\tETHUSDT",
      "fill\t",
      "refused\tnil\trejected",
      "batch\t%d",
      "book\t",
      "timer\t",
      "position\tBTCUSDT",
      "cancelled\tCANCELED",
    } do
      assert.truthy(made.handlers.out:find(word), word .. "\n" .. made.handlers.out .. made.handlers.err)
    end
    assert.truthy(made.handlers.err:find "reconnects=[1-9]", made.handlers.err)
    assert.truthy(made.plain.out:find "book\t%d", made.plain.out)
  end)

  it("replays a paper run", function()
    local out, events_told = same("paper", "the same\n")
    assert.equal(out, made.paper.out:sub(1, #out)) -- the account's report comes after it
    assert.is_true(events_told > 10)
  end)

  it("replays a run that failed, to the same failure", function()
    assert.equal(1, made.failing.status)
    local out, _, calls, r = same("failing", "the same\n")
    assert.equal(made.failing.out, out)
    assert.equal(1, calls)
    assert.equal(0, r.status)
  end)

  it("replays what a killed process left", function()
    local out, events_told, _, r = same("killed", "the same, as far as the recording goes")
    assert.equal(0, r.status)
    assert.is_true(events_told > 5)
    local printed = made.killed.out -- what stood in its buffer is lost
    assert.equal(printed:sub(1, #out), out:sub(1, #printed))
  end)

  it("replays a run whose kill switch was pulled: what that did is not the script's", function()
    local out, _, _, r = same("halted", "the same\n")
    assert.equal(0, r.status)
    assert.equal(out, made.halted.out:sub(1, #out))
    assert.truthy(made.halted.err:find("kill switch: no new orders", 1, true), made.halted.err)
  end)

  it("says where a script does something else", function()
    local r = recorded.replay(made.handlers.script, made.handlers.file, { "--set", "quantity=0.02" })
    assert.equal(1, r.status)
    -- The first order, and no other: all before it is the same.
    local event, call = r.out:match "differs after event (%d+) %(%d+%-%d+%-%d+ %d+:%d+:%d+%), at call (%d+)\n"
    assert.truthy(event, r.out)
    local before = r.out:match "^(.*)differs"
    assert.equal(before, made.handlers.out:sub(1, #before))
    local was, now =
      r.out:match "recorded  POST /fapi/v1/order ([^ ]+)[^\n]*\n  now       POST /fapi/v1/order ([^ ]+)"
    assert.equal((was:gsub("quantity=0.01", "quantity=0.02")), now)
    assert.is_nil(before:find "bar\t")
    assert.is_true(tonumber(call) >= 1)

    local function changed(from, to)
      local script = run.write(folder .. "/changed.lua", (handlers:gsub(from, to)))
      return recorded.replay(script, made.handlers.file).out
    end
    assert.truthy(
      changed("api.sleep%(0.02%)", "api.sleep(0.03)"):find(
        "recorded  sleeps for 0.020000 s\n  now       sleeps for 0.030000 s",
        1,
        true
      )
    )
    assert.truthy(
      changed("local refused, why = .-\n", "local refused, why\n"):find(
        "the script is not the one recorded",
        1,
        true
      )
    )
    assert.truthy(
      changed("local got =", "api.get_metrics() local got ="):find("now       reads api.get_metrics", 1, true)
    )
    assert.truthy(
      changed('print%("stop"', "api.cancel_all_orders { symbol = 'BTCUSDT' } print(\"stop\""):find(
        "recorded  ends\n  now       DELETE /fapi/v1/allOpenOrders",
        1,
        true
      )
    )
    assert.truthy(changed('print%("start"', 'print("another"'):find("the same", 1, true)) -- what is printed decides nothing
  end)

  it("gives the result as JSON", function()
    local m = made.handlers
    local r = recorded.replay(m.script, m.file, { "--json", "-" })
    local x_same = require("cjson").decode(r.out)
    assert.same({ "same", false }, { x_same.state, x_same.changed })
    r = recorded.replay(m.script, m.file, { "--json", "-", "--set", "quantity=0.02" })
    assert.equal(1, r.status)
    assert.equal("diverged", require("cjson").decode(r.out).state)
  end)

  it("is readable up to wherever it is cut off", function()
    local bytes, cut = run.read(made.handlers.file), folder .. "/cut.rec"
    local all, ending = recorded.items(made.handlers.file)
    assert.equal(C.RECORD_FILE_WHOLE, ending)
    local longest = 0
    for k = 1, 300 do
      local size = math.floor(#bytes * k / 300) - k % 7
      run.write(cut, bytes:sub(1, size))
      local items, how = recorded.items(cut)
      if items then
        assert.is_true(how == C.RECORD_FILE_CUT or how == C.RECORD_FILE_WHOLE, tostring(how))
        for i, item in ipairs(items) do
          if all[i] ~= item then assert.equal(all[i], item) end -- busted's own comparing takes its time
        end
        assert.is_true(#items >= longest)
        longest = #items
      else
        assert.is_true(size < 32 and (how:find "is not a recording" or how:find "is damaged") ~= nil, how)
      end
    end
    assert.is_true(longest > #all / 2)
    for _, size in ipairs { math.floor(#bytes * 0.4), math.floor(#bytes * 0.8) } do
      run.write(cut, bytes:sub(1, size))
      local r = recorded.replay(made.handlers.script, cut)
      assert.truthy(
        r.out:find(": the same, as far as the recording goes (it is cut off at byte", 1, true),
        r.out .. r.err
      )
      assert.equal(0, r.status)
    end
  end)

  it("says in one line what is wrong with a file that is damaged", function()
    local bytes, bad = run.read(made.handlers.file), folder .. "/bad.rec"
    local all = recorded.items(made.handlers.file)
    local seed = 7
    local function random(n)
      seed = (seed * 16807) % 2147483647
      return seed % n
    end
    for _ = 1, 300 do
      local at = random(#bytes) + 1
      run.write(
        bad,
        bytes:sub(1, at - 1) .. string.char((bytes:byte(at) + 1 + random(255)) % 256) .. bytes:sub(at + 1)
      )
      local items, how = recorded.items(bad)
      if items then
        assert.is_true(how == C.RECORD_FILE_DAMAGED or how == C.RECORD_FILE_CUT, tostring(how)) -- cut: a size that leads past the end
        for i, item in ipairs(items) do
          if all[i] ~= item then assert.equal(all[i], item) end -- busted's own comparing takes its time
        end
      else
        assert.is_true(at <= 32)
      end
    end
    local function line(path)
      local r = recorded.replay(made.handlers.script, path)
      assert.equal(1, r.status, r.out)
      return r.err .. (r.out:match "[^\n]*\n$" or "")
    end
    run.write(bad, "bars, bars, bars, and more bars")
    assert.equal(("moontide backtest: %s is not a recording\n"):format(bad), line(bad))
    run.write(bad, "MTRECORD12345678" .. bytes:sub(33))
    assert.truthy(line(bad):find "was recorded by an older version of moontide; replay it with that one")
    assert.truthy(line(folder .. "/none.rec"):find "cannot read .*none.rec: No such file")
    local at = math.floor(#bytes * 0.7)
    local how
    repeat -- a frame's size, made larger, reads as a file that is cut
      run.write(bad, bytes:sub(1, at) .. string.char((bytes:byte(at + 1) + 1) % 256) .. bytes:sub(at + 2))
      at, how = at + 1, select(2, recorded.items(bad))
    until how == C.RECORD_FILE_DAMAGED
    assert.truthy(line(bad):find "events, %d+ calls: the same, up to where .* is damaged %(byte %d+")
  end)

  it("reads no further than the bytes go, whatever they say", function()
    local path, message = folder .. "/odd.rec", ffi.new "struct errmsg"
    local seed = 11
    local function random(n)
      seed = (seed * 16807) % 2147483647
      return seed % n
    end
    for round = 1, 200 do
      os.remove(path)
      local out = ffi.new "struct record_file_writer *[1]"
      assert.equal(0, C.record_file_writer_open(path, C.RECORD_FILE_OF_RUN, out, message))
      for _ = 1, 40 do
        local parts = {}
        for i = 1, random(60) do
          parts[i] = string.char(random(round % 2 == 0 and 256 or 12))
        end
        local payload = table.concat(parts)
        C.record_file_put(
          out[0],
          random(tonumber(C.RUN_RECORD_KIND_COUNT)),
          payload,
          #payload,
          ffi.new "struct record_file_rows"
        )
      end
      assert.equal(0, C.record_file_writer_close(out[0], ffi.new "struct record_file_figures", message))
      local items = assert(recorded.items(path))
      assert.is_true(#items <= 40)
    end
  end)

  it("is never written over a file, and fails in one line where it cannot be made", function()
    local m = made.handlers
    local r = run.moontide({ "live", m.script, "--url", x.url, "--record", m.file }, x:environment())
    assert.equal(1, r.status)
    assert.truthy(
      r.err:find("--record: " .. m.file .. " is there already; a recording never replaces a file", 1, true),
      r.err
    )
    r = run.moontide({ "live", m.script, "--url", x.url, "--record", "/none/such.rec" }, x:environment())
    assert.equal(1, r.status)
    assert.truthy(
      r.err:find("--record: cannot write /none/such.rec: No such file or directory", 1, true),
      r.err
    )
  end)
end)

describe("recordings of several runs", function()
  local x, folder, recordings
  local script = [[
    return { symbols = { "BTCUSDT" }, on_trade = function() end,
      on_start = function(self)
        self.state.runs = (self.state.runs or 0) + 1
        for _ = 1, self.state.runs do print("price", assert(api.get_ticker_price { symbol = "BTCUSDT" }).price) end
      end } ]]

  setup(function()
    x = lx.start { "--no-limits", "--symbols", "BTCUSDT" }
    folder = run.folder()
    recordings = folder .. "/recordings"
    os.execute("mkdir " .. recordings)
  end)
  teardown(function()
    run.remove(folder)
    x:stop()
  end)

  local function live(arguments)
    local all = { "live", "--url", x.url, "--events", "3" }
    for _, a in ipairs(arguments) do
      all[#all + 1] = a
    end
    return run.moontide(all, x:environment(folder .. "/home"))
  end

  local function files()
    local list = {}
    for name in io.popen("ls " .. recordings):lines() do
      list[#list + 1] = name
    end
    return list
  end

  it("have a file each in a folder; what a run began with is part of its recording", function()
    local path = run.write(folder .. "/counts.lua", script)
    local r = live { path, "--record", recordings }
    assert.equal(0, r.status, r.err)
    r = live { path, "--record", recordings }
    assert.equal(0, r.status, r.err)
    local found = files()
    assert.equal(2, #found)
    for i, name in ipairs(found) do
      assert.truthy(name:find "^counts%-%d+%-%d+%.rec", name)
      local replayed = recorded.replay(path, recordings .. "/" .. name)
      assert.equal(0, replayed.status)
      assert.equal(i, select(2, replayed.out:gsub("price\t", "")), replayed.out)
      assert.truthy(replayed.out:find(("%d calls: the same"):format(i), 1, true), replayed.out)
    end
  end)

  it("need a folder where several scripts run, and a worker that is started again its own file", function()
    local one, two = run.write(folder .. "/one.lua", script), run.write(folder .. "/two.lua", script)
    local r = live { one, two, "--record", folder .. "/one.rec" }
    assert.equal(2, r.status)
    assert.truthy(r.err:find("several scripts need a folder there", 1, true), r.err)
    r = live { one, two, "--record", recordings }
    assert.equal(0, r.status, r.err)
    local names = table.concat(files(), " ")
    assert.truthy(names:find "one%-%d" and names:find "two%-%d", names)

    local crash = run.write(
      folder .. "/crash.lua",
      ([[
      local ffi = require "ffi"
      return { on_start = function(self)
        assert(api.get_ticker_price { symbol = "BTCUSDT" })
        api.sleep(0.4)
        local file = io.open "%s/crashed"
        if file then return end
        io.open("%s/crashed", "w"):close()
        pcall(ffi.cdef, "void abort(void);")
        ffi.C.abort()   -- a wrong address would be an orderly end under a sanitizer
      end, on_trade = function() end } ]]):format(folder, folder)
    )
    r = live { crash, "--record", folder .. "/crash.rec", "--trusted" }
    assert.truthy(r.err:find "starts again in", r.err)
    for _, name in ipairs { "crash.rec", "crash.rec.2" } do
      local replayed = recorded.items(folder .. "/" .. name)
      assert.is_true(replayed ~= nil and #replayed > 5, name .. "\n" .. r.err)
    end
  end)
end)
