local host = require "moontide.lua_host"
local live_run = require "spec.support.live_run"
local lx = require "spec.support.local_exchange"
local pty = require "spec.support.pty"
local run = require "spec.support.run"

-- Runs the REPL with lines piped in.
local function piped(arguments, lines)
  local folder = run.folder()
  run.write(folder .. "/in", table.concat(lines, "\n") .. "\n")
  local words = {}
  for i, a in ipairs(arguments) do
    words[i] = "'" .. a .. "'"
  end
  os.execute(
    ("MOONTIDE_HOME=%s/home MOONTIDE_STORE=%s/store '%s' %s <%s/in >%s/out 2>%s/err; echo $? >%s/status"):format(
      folder,
      folder,
      host.exe,
      table.concat(words, " "),
      folder,
      folder,
      folder,
      folder
    )
  )
  local result = {
    status = tonumber(run.read(folder .. "/status")),
    out = run.read(folder .. "/out"),
    err = run.read(folder .. "/err"),
  }
  run.remove(folder)
  return result
end

local function last_line(text) return text:match "[^\n]*$" end

describe("the REPL, piped", function()
  it("prints values without a prompt, and fails when a line did", function()
    local r = piped(
      { "repl" },
      { "print(1)", "1 + 1, 'two'", "for i = 1, 2 do", "  print(i)", "end", "x = { a = 1 }", "x" }
    )
    assert.equal('1\n2, "two"\n1\n2\n{ a = 1 }\n', r.out)
    assert.equal("", r.err)
    assert.equal(0, r.status)
    r = piped(
      { "repl" },
      { "coroutine.yield(1)", "setmetatable({}, { __tostring = function() return 5 end })", "'goes on'" }
    )
    assert.equal('table\n"goes on"\n', r.out)
    assert.truthy(r.err:find("coroutine.yield outside a coroutine", 1, true), r.err)
    assert.equal("1\n", piped({ "repl" }, { "\239\187\191print(1)" }).out) -- the mark of UTF-8
    r = piped({ "repl" }, { "nothing.at.all", "print 'goes on'" })
    assert.equal("goes on\n", r.out)
    assert.truthy(r.err:find("nothing", 1, true))
    assert.equal(1, r.status)
  end)

  it("says in one line what is wrong with a command", function()
    for _, case in ipairs {
      { ":hepl", "the nearest is :help" },
      { ":load", "which file" },
      { ":load /no/such.lua", "/no/such.lua" },
      { ":time", "which expression" },
      { ":time 1 +", "<eof>" },
      { ":why 17", "no order '17'" },
      { ":help nonsuch_call", "the nearest is" },
      { ":reload", "nothing was loaded" },
      { "1 +", "ends inside a statement" },
      { "api.create_order{ type = 'LIMIT', nosuch = 1 }", "no parameter named 'nosuch'" },
      { ":step", ":step needs a backtest" },
    } do
      local r = piped({ "repl" }, { case[1] })
      assert.equal(1, r.status, case[1])
      assert.equal("", r.out, case[1])
      assert.truthy(r.err:find(case[2], 1, true), case[1] .. ": " .. r.err)
      assert.equal(1, select(2, r.err:gsub("\n", "")), case[1] .. ": " .. r.err)
    end
    for _, case in ipairs {
      { ":step x", "how many bars" },
      { ":run never", "is not a moment" },
      { ":run 2022-01-01", "is past" },
      { ":goto", "where to" },
      { ":back 0", "how many bars" },
    } do
      local r = piped({ "repl", "--synthetic", "1", "--bars", "100" }, { case[1] })
      assert.equal(1, r.status, case[1])
      assert.truthy(r.err:find(case[2], 1, true), case[1] .. ": " .. r.err)
    end
  end)

  it("refuses options that do not fit together", function()
    for _, case in ipairs {
      { { "repl", "--paper", "--live" }, "--paper and --live exclude each other; give one of them" },
      { { "repl", "--speed", "fast" }, "a number" },
      { { "repl", "--from", "2023-01-01" }, "a backtest" },
      { { "repl", "--live", "--synthetic", "1" }, "exclude" },
      { { "repl", "a.lua", "b.lua" }, "one script" },
      { { "repl", "--symbol", "bt c" }, "not a symbol" },
      { { "repl", "--url", "http://x" }, "--paper and --live" },
      { { "repl", "--interval", "7x" }, "no such interval" },
      { { "repl", "/no/such.lua" }, "/no/such.lua" },
      { { "attach", "nonesuch" }, "no paper or live run" },
      { { "status", "nonesuch" }, "no run 'nonesuch'" },
      { { "top" }, "needs a terminal" },
    } do
      local r = piped(case[1], { "" })
      assert.truthy(r.status ~= 0, table.concat(case[1], " "))
      assert.truthy(r.err:find(case[2], 1, true), r.err)
    end
  end)

  it("shows replies as tables, klines with a sparkline", function()
    local r = piped({ "repl", "--symbol", "BTCUSDT" }, {
      "api.get_klines{ symbol = 'BTCUSDT', interval = '1m', limit = 30 }",
      "api.get_order_book{ symbol = 'BTCUSDT', limit = 5 }",
      "api.create_order{ symbol = 'BTCUSDT', side = 'BUY', type = 'LIMIT', price = 60000, quantity = 0.01 }.status",
      ":orders",
      ":positions",
      ":metrics",
      ":mode",
      "api.create_order{ symbol = 'BTCUSDT', side = 'BUY', type = 'MARKET', quantity = 1e6 }",
      ":tasks",
      "{ { 1, { 2, { 3, { 4, { 5 } } } } } }",
    })
    assert.equal(0, r.status, r.err)
    for _, text in ipairs {
      "30 bars",
      "█",
      "open_time",
      "bid",
      "(5 bids, 5 asks)",
      '"NEW"',
      "orderId",
      "no positions",
      "requests ",
      "breaker",
      "a market made by this process",
      "nil, rejected -",
      "runtime: strategy",
      "{ ... }",
    } do
      assert.truthy(r.out:find(text, 1, true), text .. " in\n" .. r.out)
    end
    for line in r.out:gmatch "[^\n]+" do
      assert.is_true(#line < 400, line)
    end
  end)

  it("shows tasks by where they stand, and says where a book is to be had", function()
    local r = piped(
      { "repl" },
      { "t = api.spawn(function() api.sleep(0.01) end)", "t", "t:wait()", "t", 'market.book("BTCUSDT")' }
    )
    assert.matches(
      "^task %d+ %(typed:1%) %a+\ntask %d+ %(typed:1%) has ended\nnil, invalid: market.book: .*api.get_order_book asks for it\n$",
      r.out
    )
  end)

  it("writes all that is known of a name, whatever the width", function()
    local r = piped({ "repl" }, { ":help create_order", ":help OrderType", ":help ta", ":help api" })
    assert.equal(0, r.status, r.err)
    assert.is_nil(r.out:find("…", 1, true))
    for _, text in ipairs {
      "left out with\n +closePosition\n",
      'side Side +"BUY" | "SELL"\n',
      '\nOrderType\n +"LIMIT" | "MARKET"',
      "\nta.ema +",
      "api.create_order +api",
    } do
      assert.matches(text, r.out)
    end
    for line in r.out:gmatch "[^\n]+" do
      assert.is_true(#line <= 120, line)
    end
  end)

  it("times expressions, helps from the annotations, loads files", function()
    local folder = run.folder()
    run.write(folder .. "/more.lua", "function twice(x) return 2 * x end\nreturn 'loaded'\n")
    local r = piped({ "repl" }, {
      ":load " .. folder .. "/more.lua",
      "twice(21)",
      ":reload",
      ":time api.sleep(0.02)",
      ":help api.create_order",
      ":help",
      ":help :why",
    })
    run.remove(folder)
    assert.equal(0, r.status, r.err)
    assert.truthy(r.out:find('^"loaded"\n42\n"loaded"\n'))
    assert.truthy(r.out:find "\n[%d%.]+ ms")
    for _, text in ipairs { "api.create_order(", "quantity", "Errors:", ":back", ":why [ORDER]" } do
      if text ~= ":back" then assert.truthy(r.out:find(text, 1, true), text) end
    end
  end)
end)

describe("the REPL with a strategy", function()
  it("puts a changed script in the place of the one that runs", function()
    local folder = run.folder()
    local text =
      [[ return { symbols = { "BTCUSDT" }, timer = 0.02, on_timer = function(self) self.state.n = (self.state.n or 0) + 1 self.v = 1 end } ]]
    local path = run.write(folder .. "/s.lua", text)
    local file = ("local f = io.open('%s', 'w') f:write(%q) f:close()"):format(
      path,
      (text:gsub("self%.v = 1", "self.v = 2"))
    )
    local r = piped({ "repl", path }, {
      "while not self.v do api.sleep(0.01) end",
      "n = self.state.n",
      file,
      ":reload",
      "while self.v ~= 2 do api.sleep(0.01) end",
      "n",
      "self.state.n > 1",
      "local f = io.open('" .. path .. "', 'w') f:write('syntax error') f:close()",
      ":reload",
      "self.v",
    })
    run.remove(folder)
    assert.equal("nil\ntrue\n2\n", r.out) -- globals begin anew, self.state goes on
    assert.truthy(r.err:find("is reloaded", 1, true))
    assert.truthy(r.err:find("the old one goes on", 1, true))
    assert.equal(1, r.status)
  end)
end)

describe("the REPL on a backtest", function()
  local script = [[
    return { symbols = { "BTCUSDT" }, interval = "1m",
      on_bar = function(self, bar)
        self.n = (self.n or 0) + 1
        if self.n % 7 == 0 then
          api.create_order { symbol = "BTCUSDT", side = self.n % 2 == 0 and "BUY" or "SELL", type = "MARKET", quantity = 0.01 }
        end
      end }
  ]]
  local folder, path
  setup(function()
    folder = run.folder()
    path = run.write(folder .. "/s.lua", script)
  end)
  teardown(function() run.remove(folder) end)

  local function at(lines)
    return piped({ "repl", path, "--synthetic", "3", "--bars", "5000", "--latency", "20" }, lines)
  end

  it("moves by bars and to moments, and back to exactly what was there", function()
    local r = at {
      ":step 50",
      ":step 50",
      ":back 50",
      ":goto 2023-01-01T06:00",
      ":run +2h",
      ":goto 2023-01-01T06:00",
      ":back 310",
      ":run",
      ":step",
    }
    assert.equal(1, r.status)
    assert.truthy(r.err:find("the data end here", 1, true))
    local lines = {}
    for line in r.out:gmatch "[^\n]+" do
      lines[#lines + 1] = line
    end
    assert.truthy(lines[1]:find("bar 50 ", 1, true))
    assert.truthy(lines[2]:find("bar 100 ", 1, true))
    assert.equal(lines[1], lines[3])
    assert.truthy(lines[4]:find("2023-01-01 06:00:00  bar 360 ", 1, true))
    assert.equal(lines[4], lines[6])
    assert.equal(lines[1], lines[7])
    assert.truthy(lines[8]:find("bar 5000 ", 1, true))
    -- The whole way is that of moontide backtest.
    local b = run.moontide {
      "backtest",
      path,
      "--synthetic",
      "3",
      "--bars",
      "5000",
      "--latency",
      "20",
      "--json",
      "-",
    }
    local equity = require("cjson").decode(b.out).final_equity
    assert.equal(("%.2f"):format(equity), lines[8]:match "equity ([%d%.]+)")
  end)

  it("reports what was until now, as a backtest that ends here", function()
    local r = at { ":step 1500", ":report" }
    local b = run.moontide {
      "backtest",
      path,
      "--synthetic",
      "3",
      "--bars",
      "5000",
      "--latency",
      "20",
      "--to",
      "2023-01-02T01:00",
    }
    local period, annual = b.out:match "period%s+([^\n]*)", b.out:match "annualised return%s+([^\n]*)"
    assert.matches("to 2023%-01%-02 01:00 UTC", period)
    assert.equal(period, r.out:match "period%s+([^\n]*)")
    assert.equal(annual, r.out:match "annualised return%s+([^\n]*)")
  end)

  it("repeats what was typed before a moment, and undoes what was typed after it", function()
    local order =
      "api.create_order{ symbol = 'BTCUSDT', side = 'BUY', type = 'MARKET', quantity = 0.5 }.status"
    local r = at {
      ":step 20",
      "seen = self.n",
      order,
      "api.sleep(600)",
      ":step 10",
      ":positions",
      ":step 5",
      "late = true",
      ":back 5",
      "seen, late or false",
      ":positions",
      ":back 20",
      "seen, late or false",
      ":positions",
    }
    assert.equal(0, r.status, r.err)
    local tables = {}
    for text in r.out:gmatch "(symbol%s+side.-equity [%d%.]+)\n" do
      tables[#tables + 1] = text
    end
    for text in r.out:gmatch "(no positions.-equity [%d%.]+)\n" do
      tables[#tables + 1] = text
    end
    assert.equal(3, #tables)
    assert.equal(tables[1], tables[2])
    assert.truthy(tables[1]:find "0%.[45]")
    assert.is_nil(tables[3]:find "0%.[45]")
    assert.truthy(r.out:find("\n20, false\n", 1, true))
    assert.truthy(r.out:find("\nnil, false\n", 1, true))
  end)

  it("runs a changed script to the same moment", function()
    local p = run.write(folder .. "/c.lua", script)
    run.write(folder .. "/d.lua", (script:gsub("0%.01", "0.02")))
    local r = piped({ "repl", p, "--synthetic", "3", "--bars", "500" }, {
      ":step 22",
      "self:position 'BTCUSDT'",
      ("os.rename('%s', '%s')"):format(folder .. "/d.lua", p),
      ":reload",
      "self:position 'BTCUSDT'",
    })
    assert.truthy(r.out:find("\n%-?0%.01\n"), r.out)
    assert.truthy(r.out:find("\n%-?0%.02\n"), r.out)
  end)

  it("tells an order's whole life", function()
    local r = at {
      ":step 10",
      "api.create_order{ symbol = 'BTCUSDT', side = 'BUY', type = 'LIMIT', price = market.round_price('BTCUSDT', self:last_price 'BTCUSDT' * 0.9), quantity = 0.1, "
        .. "newClientOrderId = 'mine' }.status",
      "api.cancel_order{ symbol = 'BTCUSDT', origClientOrderId = 'mine' }.status",
      ":why mine",
      ":step 5",
      ":why",
    }
    assert.equal(0, r.status, r.err)
    local mine = r.out:match "(order %d+ %(mine%).-)\n2023"
    local words = {}
    for word in mine:gmatch "%+%s*[%d%.]+ s%s+(%a+)" do
      words[#words + 1] = word
    end
    assert.equal(
      "called admitted sent arrived accepted settled called admitted sent arrived ended settled",
      table.concat(words, " ")
    )
    for _, text in ipairs {
      "BUY LIMIT 0.1 BTCUSDT",
      "CANCELED",
      "POST /fapi/v1/order",
      "DELETE /fapi/v1/order",
      "newClientOrderId=mine",
    } do
      assert.truthy(mine:find(text, 1, true), text)
    end
    local last = r.out:match ".*(order %d+ .*)$"
    for _, text in ipairs { "MARKET 0.01 BTCUSDT, FILLED", "fill", "taker, fee", "settled   done: FILLED" } do
      assert.truthy(last:find(text, 1, true), text)
    end
  end)

  it("tells a conditional order's life on, after it was triggered", function()
    local r = at {
      ":step 10",
      "api.create_order{ symbol = 'BTCUSDT', side = 'SELL', type = 'STOP_MARKET', quantity = 0.1, newClientOrderId = 'stop', "
        .. "stopPrice = market.round_price('BTCUSDT', self:last_price 'BTCUSDT' * 0.999) }.status",
      ":run",
      ":why stop",
    }
    local told = r.out:match "(order %d+ %(stop%).*)$"
    local words = {}
    for word in told:gmatch "%+%s*[%d%.]+ s%s+(%a+)" do
      words[#words + 1] = word
    end
    assert.equal("called admitted sent arrived accepted settled triggered fill", table.concat(words, " "))
    assert.matches(
      "^order %d+ %(stop%): SELL STOP_MARKET 0.1 BTCUSDT at %d+%.?%d*, FINISHED, executed 0.1 at %d+",
      told
    )
    assert.is_nil(told:find " \n")
  end)

  it("lets a waiting line pass time, and says when the data end under it", function()
    local r = piped(
      { "repl", "--synthetic", "1", "--bars", "100" },
      { "api.now()", "api.sleep(60)", "api.now()", "api.sleep(1e9)", "print 'still here'" }
    )
    local first, second = r.out:match "(%d+)\n(%d+)\n"
    assert.equal(60000, second - first)
    assert.truthy(r.out:find("still here", 1, true))
    assert.equal(1, r.status)
    assert.truthy(r.err:find("the data end here", 1, true))
  end)
end)

describe("examples/repl_session.txt", function()
  it("runs as it says", function()
    local text = run.read(run.root .. "/examples/repl_session.txt")
    local lines = {}
    for line in text:gmatch "[^\n]+" do
      lines[#lines + 1] = line
    end
    local script = run.root .. "/strategies/ema_cross.lua"
    local r = piped({ "repl", script, "--interval", "1m", "--synthetic", "1", "--bars", "5000" }, lines)
    assert.equal("note: warm-up of 72 bars: trading begins at 2023-01-01 01:12:00\n", r.err)
    assert.equal(0, r.status)
    for _, part in ipairs {
      "bar 100 ",
      "60 bars, ",
      '"NEW"',
      "LIMIT",
      "accepted",
      "no open orders",
      "final equity",
    } do
      assert.truthy(r.out:find(part, 1, true), part)
    end
  end)
end)

describe("the REPL at a terminal", function()
  local home, p
  before_each(function() home = run.folder() end)
  after_each(function()
    if p then p:kill() end
    p = nil
    run.remove(home)
  end)
  local function start(arguments, o)
    o = o or {}
    o.home = home
    p = pty.start(arguments or { "repl" }, o)
    return p
  end

  it("shows what is typed and what it gives", function()
    start():wait_for "sim>"
    assert.truthy(p:enter "1 + 1":find("\nsim> 1 + 1\n2\nsim>", 1, true))
    p:send "12 + 34\27[D\27[D\127" -- two to the left, and one away
    p:wait_for "sim> 12 +34"
    p:send "\r"
    p:wait_for "\n46\nsim>"
    p:send "\4"
    assert.equal(0, p:wait())
  end)

  it("reads a chunk of several lines, and gives it up on Ctrl-C", function()
    start():wait_for "sim>"
    p:send "for i = 1, 2 do\r"
    p:wait_for " ..."
    p:send "print('line ' .. i)\r"
    p:send "end\r"
    p:wait_for "line 1\nline 2\nsim>"
    p:send "local function half(\r"
    p:wait_for "half(\n ..."
    p:send "\3"
    p:wait_for "^C\nsim>"
    assert.truthy(p:enter "'well'":find('"well"', 1, true))
  end)

  it("completes globals, fields, calls with their parameters, symbols, commands and files", function()
    start { "repl", "--symbol", "BTCUSDT" }:wait_for "sim>"
    for _, case in ipairs {
      { "tonum\t", "sim> tonumber" },
      { "string.form\t", "sim> string.format" },
      { "api.get_ticker_p\t", "sim> api.get_ticker_price" },
      { "api.create_order{ quan\t", "sim> api.create_order{ quantity =" },
      { "x = 'BTC\t", "sim> x = 'BTCUSDT" },
      { ":met\t", "sim> :metrics" },
      { ":load strategies/gri\t", "sim> :load strategies/grid.lua" },
      { "self:entry\t", "sim> self:entry_price" },
    } do
      p:send(case[1])
      p:wait_for(case[2])
      p:send "\3"
      p:wait_for(function(text) return last_line(text) == "sim>" end)
    end
    p:send "api.get_ticker_\t"
    local text = p:wait_for "get_ticker_24h"
    assert.truthy(text:find("get_ticker_24h    get_ticker_price\nsim> api.get_ticker_", 1, true), text)
  end)

  it("completes nothing at the tabs of a text that is pasted", function()
    start { "repl", "--symbol", "BTCUSDT" }:wait_for "sim>"
    p:send "({\tstri\t= 41\t}).stri\r"
    p:wait_for "\n41\n"
  end)

  it("keeps what was typed for the next time, in a file of its owner's, but no secrets", function()
    start():wait_for "sim>"
    p:enter "kept = 41"
    p:enter "api_secret = 'Hd83jsf0293jfsd'"
    p:enter "x = { key = 'abcdef' }"
    p:enter "y = 'dbefbc809e3e83c283a984c3a1459732ea7db1360ca80c5c2c8867408d28cc83'"
    p:send "\4"
    p:wait()
    p:kill()
    assert.equal("kept = 41\n", run.read(home .. "/repl_history"))
    assert.equal(tonumber("600", 8), host.file_mode(home .. "/repl_history"))
    start():wait_for "sim>"
    p:send "\27[A"
    p:wait_for "sim> kept = 41"
  end)

  it("remembers what was typed while it runs, where no file can be kept", function()
    p = pty.start({ "repl" }, { home = "/dev/null" })
    p:wait_for "sim>"
    p:enter "first = 1"
    p:send "\27[A"
    p:wait_for "first = 1\nsim> first = 1"
  end)

  it("ends what waits and what computes on Ctrl-C, and nothing else", function()
    local path = run.write(
      home .. "/s.lua",
      [[ return { symbols = { "BTCUSDT" }, timer = 0.1,
      on_timer = function(self) self.n = (self.n or 0) + 1 end } ]]
    )
    start { "repl", path }:wait_for "sim>"
    p:take_line "api.sleep(1000)"
    p:send "\3"
    p:wait_for "cancelled\nsim>"
    for _, loop in ipairs {
      "while true do end",
      "while true do pcall(function() while true do end end) end",
      "coroutine.wrap(function() while true do end end)()",
      "repeat until false",
    } do
      p:take_line(loop)
      p:send "\3"
      p:wait_for(function(text) return last_line(text) == "sim>" and text:find("interrupted\nsim>$") end)
      p:enter "print(('-'):rep(9))"
    end
    p:send "while not self.n do api.sleep(0.02) end\r"
    p:send "before = self.n\r"
    p:send "while self.n == before do api.sleep(0.02) end\r"
    p:send "self.n > before\r" -- typed ahead; the strategy went on
    p:wait_for "true\nsim>"
  end)

  it("stops a backtest that runs on Ctrl-C, and stands where it stopped", function()
    start { "repl", "strategies/mean_reversion.lua", "--synthetic", "3", "--bars", "2000000" }:wait_for "2023-01-01 12:30>"
    p:take_line ":run"
    p:send "\3"
    p:wait_for "^C\nstopped at 2023-"
    p:send ":step\r"
    p:wait_for(function(text) return select(2, text:gsub("\n2023%-[^\n]*  bar %d+  BTCUSDT ", "")) == 1 end)
  end)

  it("prints log lines above the line that is being typed", function()
    local path = run.write(
      home .. "/s.lua",
      [[ return { symbols = { "BTCUSDT" }, timer = 0.2,
      on_timer = function(self) self.n = (self.n or 0) + 1 log.info("tick %d", self.n) if self.n % 3 == 0 then print("print " .. self.n) end end } ]]
    )
    start({ "repl", path }, { columns = 60 }):wait_for "sim>"
    local typed = "x = 'this is a line that is longer than the screen is wide, and goes on'"
    p:send(typed)
    p:wait_for "tick 4"
    local text = p:wait_for "print 6"
    -- Whole lines above, the typed one below, once and unbroken.
    assert(text:find "INFO tick 5\n[^\n]+ INFO tick 6\nprint 6\n", text)
    lx.wait_for("the line below", function() return p:show():gsub("\n", ""):find("sim> " .. typed .. "$") end)
    p:send "\r"
    p:wait_for "goes on'\nsim>"
    assert.truthy(p:enter "#x":find(("\n%d\n"):format(#typed - #"x = ''"), 1, true))
  end)

  it("asks before it leaves open orders", function()
    start { "repl", "--symbol", "BTCUSDT" }:wait_for "sim>"
    p:enter "api.create_order{ symbol = 'BTCUSDT', side = 'BUY', type = 'LIMIT', price = 60000, quantity = 0.01 }.status"
    p:send "\4"
    p:wait_for "Quitting discards 1 open order. Quit? [y/N]"
    p:send "n\r"
    p:wait_for(function(text) return last_line(text) == "sim>" end)
    p:send ":quit\r"
    p:wait_for(function(text) return last_line(text):find("[y/N]", 1, true) end)
    p:send "y\r"
    assert.equal(0, p:wait())
  end)

  it("tells of a task that failed and goes on", function()
    local path = run.write(
      home .. "/s.lua",
      [[ return { symbols = { "BTCUSDT" }, timer = 0.1, on_timer = function() error "on purpose" end } ]]
    )
    start { "repl", path }:wait_for "a task failed"
    p:wait_for "on purpose"
    assert.truthy(p:enter "1 + 1":find("\n2\nsim>", 1, true))
  end)

  it("leaves the terminal as it was when it is ended from outside", function()
    start():wait_for "sim>"
    require("ffi").C.kill(p.pid, 15)
    assert.equal(0, p:wait())
  end)
end)

describe("attach, status and top", function()
  local x, r, p
  setup(function() x = lx.start { "--weight-limit", "1000000" } end) -- one run uses up what another would need
  teardown(function() x:stop() end)
  after_each(function()
    if p then p:kill() end
    if r then
      r:kill(2)
      r:wait()
      run.remove(r.folder)
    end
    p, r = nil, nil
  end)
  local script = [[ answer = 41
    function buy() return api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 } end
    return { symbols = { "BTCUSDT" }, timer = 0.05,
      on_start = function()
        api.spawn(function() while true do api.sleep(60) end end)
        print "started" io.stdout:flush()
      end,
      on_timer = function(self) self.n = (self.n or 0) + 1 if self.n % 10 == 0 then log.info("tick %d", self.n) end end } ]]

  it("types into a running process, which may be looked at but not touched without --write", function()
    r = live_run.start(x, { script })
    r:wait_for "started"
    p = pty.start({ "attach" }, { home = r.home, columns = 120 })
    p:wait_for "script live>"
    p:send "answer + 1\r"
    p:wait_for "42\n"
    p:wait_for "INFO tick"
    p:send "print('here')\r"
    p:wait_for "\nhere"
    p:send "self.n = 7 answer = 1\r"
    for _, code in ipairs {
      "api.create_order{ symbol = 'BTCUSDT', side = 'BUY', type = 'MARKET', quantity = 0.01 }",
      "api.configure{ max_retries = 1 }",
      "api.request('DELETE', '/fapi/v1/allOpenOrders', { symbol = 'BTCUSDT' })",
      "buy()",
      "api.spawn(buy):wait()",
      "coroutine.wrap(buy)()",
    } do
      p:send(code .. "\r")
      p:wait_for "may only read"
      p:send "print(('-'):rep(50))\r"
      p:wait_for(("-"):rep(50))
      p:send ":help\r" -- pushes it off the screen
      p:wait_for ":why"
      p:send "for i = 1, 40 do print('.') end\r"
      p:wait_for(function(text) return not text:find("may only read", 1, true) end)
    end
    p:wait_for(function(text) return last_line(text) == "script live>" end)
    p:take_line "api.sleep(100)"
    p:send "\3"
    p:wait_for "cancelled"
    p:send ":tasks\r"
    p:wait_for(function(text) return text:find "script.lua:%d+ +waits +%S*script.lua:%d+" end)
    p:send "while true do end\r"
    p:wait_for "stopped after 1 s of computing"
    p:send "api.get_ticker_p\t"
    p:wait_for "api.get_ticker_price"
    p:send "\3"
    p:wait_for(function(text) return last_line(text) == "script live>" end)
    p:send "\4"
    assert.equal(0, p:wait())
    assert.is_nil(r:status()) -- it goes on
    assert.equal(0, #x:audit("?limit=1000").entries)
  end)

  it("ends when its terminal goes away, and leaves no order behind then either", function()
    for _, mode in ipairs { "sim", "live" } do
      local arguments = mode == "live" and { "repl", "--live", "--url", x.url } or { "repl" }
      p = pty.start(
        arguments,
        { home = run.folder(), environment = { MOONTIDE_API_KEY = x.key, MOONTIDE_API_SECRET = x.secret } }
      )
      p:wait_for(mode .. ">")
      p:send "low = market.round_price('BTCUSDT', api.get_ticker_price{ symbol = 'BTCUSDT' }.price * 0.95)\r"
      p:send "api.create_order{ symbol = 'BTCUSDT', side = 'BUY', type = 'LIMIT', price = low, quantity = 0.01 }.status\r"
      p:wait_for '"NEW"'
      p:hang_up()
      assert.same({}, x:signed("GET", "/fapi/v1/openOrders").json)
    end
  end)

  it("ends when its terminal goes away without a signal", function()
    local home = run.folder()
    p = pty.start({
      "-c",
      ("trap '' HUP; setsid -w '%s' repl --symbol BTCUSDT; echo $? >%s/status"):format(host.exe, home),
    }, { home = home, program = "/bin/sh" })
    p:wait_for "sim>"
    p:send "api.create_order{ symbol = 'BTCUSDT', side = 'BUY', type = 'LIMIT', price = 30000, quantity = 0.01 }.status\r" -- so that it asks
    p:wait_for '"NEW"'
    p:hang_up()
    assert.equal("0\n", run.read(home .. "/status"))
  end)

  it("opens paper and live worlds too, and leaves no order behind", function()
    for _, mode in ipairs { "--live", "--paper" } do
      local first = x:audit("?limit=0").total
      local p1 = pty.start({ "repl", mode, "--url", x.url }, {
        home = run.folder(),
        columns = 120,
        environment = { MOONTIDE_API_KEY = x.key, MOONTIDE_API_SECRET = x.secret },
      })
      p = p1
      p:wait_for(mode:sub(3) .. ">")
      p:wait_for "INFO no script on http://"
      p:send "low = market.round_price('BTCUSDT', api.get_ticker_price{ symbol = 'BTCUSDT' }.price * 0.95)\r"
      p:send "api.create_order{ symbol = 'BTCUSDT', side = 'BUY', type = 'LIMIT', price = low, quantity = 0.01 }.status\r"
      p:wait_for '"NEW"'
      p:send ":orders\r"
      p:wait_for "executedQty"
      p:wait_for(function(text) return last_line(text) == mode:sub(3) .. ">" end)
      p:take_line "api.sleep(100)"
      p:send "\3"
      p:wait_for "cancelled"
      p:wait_for(function(text) return last_line(text) == mode:sub(3) .. ">" end)
      p:send "\4"
      p:wait_for "Quitting cancels 1 open order. Quit? [y/N]"
      p:send "y\r"
      assert.equal(0, p:wait())
      local placed = 0
      for _, e in ipairs(x:audit("?limit=1000&from=" .. first).entries) do
        placed = placed + (e.call == "POST /fapi/v1/order" and 1 or 0)
      end
      assert.equal(mode == "--live" and 1 or 0, placed)
      assert.same({}, x:signed("GET", "/fapi/v1/openOrders").json)
      p:kill()
    end
  end)

  it("answers while the process is busy with requests", function()
    r = live_run.start(x, {
      [[ return { symbols = { "BTCUSDT" }, timer = 0.02,
      on_start = function(self)
        self.calls, self.n = 0, 0
        for _ = 1, 20 do api.spawn(function() while true do
          if api.get_server_time() then self.calls = self.calls + 1 else api.sleep(0.1) end
        end end) end
        print "started" io.stdout:flush()
      end,
      on_timer = function(self) self.n = self.n + 1 if self.n % 5 == 0 then log.info("tick %d", self.n) end end } ]],
    })
    r:wait_for "started"
    p = pty.start({ "attach" }, { home = r.home, columns = 120 })
    p:wait_for "script live>"
    p:wait_for "INFO tick"
    for i = 1, 30 do
      p:send(("print('answer %d', 6 * %d)\r"):format(i, i))
      p:wait_for(("answer %d"):format(i))
    end
    p:send "before = self.n\rapi.sleep(0.2)\rself.n > before, self.calls > 100\r"
    p:wait_for "true, true"
  end)

  it("trades with --write, and hears of the end", function()
    r = live_run.start(x, { script })
    r:wait_for "started"
    p = pty.start({ "attach", "script", "--write", "--quiet" }, { home = r.home, columns = 120 })
    p:wait_for "script live (writing)>"
    p:send "api.create_order{ symbol = 'BTCUSDT', side = 'BUY', type = 'MARKET', quantity = 0.01 }.status\r"
    p:wait_for '"FILLED"'
    p:send ":why\r"
    p:wait_for "accepted"
    local s = pty.start({ "status" }, { home = r.home, columns = 160 })
    s:wait_for "BTCUSDT 0.01"
    assert.equal(0, s:wait())
    s:kill()
    s = pty.start({ "status" }, { home = r.home, columns = 60 })
    local text = s:wait_for "(and "
    assert.equal(0, s:wait())
    s:kill()
    assert.matches("^name +mode +pid +up +position[^\n]*\nscript +live", text) -- no line runs over into the next
    s = pty.start({ "status", "script", "--orders" }, { home = r.home, columns = 160 })
    s:wait_for "MARKET"
    s:wait_for "FILLED"
    assert.equal(0, s:wait())
    s:kill()
    local t = pty.start({ "top", "--every", "0.2" }, { home = r.home, columns = 160 })
    t:wait_for "1 running"
    t:wait_for "BTCUSDT 0.01"
    t:send "q"
    assert.equal(0, t:wait())
    t:kill()
    r:kill(2)
    p:wait_for "the run has ended"
    assert.equal(1, p:wait())
  end)
end)
