local host = require "moontide.lua_host"
local pty = require "spec.support.pty"
local run = require "spec.support.run"

describe("the habits of people at a prompt:", function()
  local home, p
  before_each(function() home = run.folder() end)
  after_each(function()
    if p then p:kill() end
    p = nil
    run.remove(home)
  end)

  -- Runs the REPL with lines piped in; both outputs together.
  local function piped(lines, arguments)
    run.write(home .. "/in", table.concat(lines, "\n") .. "\n")
    os.execute(
      ("MOONTIDE_HOME=%s/home '%s' repl %s <%s/in >%s/out 2>&1; echo $? >%s/status"):format(
        home,
        host.exe,
        arguments or "",
        home,
        home,
        home
      )
    )
    return run.read(home .. "/out"), tonumber(run.read(home .. "/status"))
  end

  it("statements with a value behind them, the last value as _, tables printed", function()
    local out, status = piped {
      "x = 1; x",
      "_ + 1",
      "local a = 'x;y'; a",
      "for i = 1, 1 do print(i); end",
      "print({ a = 1 }, 5)",
      "x = 3; return x",
      "x =",
      "4",
      "x",
    }
    assert.equal('1\n2\n"x;y"\n1\n{ a = 1 }\t5\n3\n4\n', out)
    assert.equal(0, status)
  end)

  it("help, ?NAME, NAME?, !COMMAND, exit and quit", function()
    local list = piped { ":help" }
    for _, line in ipairs { "help", "?", "help()" } do
      assert.equal(list, (piped { line }), line)
    end
    local about = piped { ":help api.sleep" }
    assert.truthy(about:find("api.sleep(seconds)", 1, true), about)
    for _, line in ipairs { "?api.sleep", "api.sleep?", "help api.sleep" } do
      assert.equal(about, (piped { line }), line)
    end
    local out, status = piped { "!echo of the shell", "!false", "1" }
    assert.equal("of the shell\n1\n", out)
    assert.equal(1, status)
    for _, line in ipairs { "exit", "quit", "exit()", "quit()" } do
      assert.equal("", (piped { line, "1" }), line)
      assert.equal("", (piped({ line, "1" }, "--synthetic 1 --bars 50")), line)
    end
  end)

  it("a name that is mistyped is answered by the one that is there", function()
    for line, wanted in pairs {
      ['api.get_klins{ symbol = "BTCUSDT" }'] = "did you mean api.get_klines?",
      ["api.get_klins"] = "nil (did you mean api.get_klines?)",
      ["string.fromat('x')"] = "did you mean string.format?",
      ["markt.symbols()"] = "did you mean market?",
      ["tonumbr('1')"] = "did you mean tonumber?",
      ["order = { price = 1 }; order.prcie()"] = "did you mean order.price?",
    } do
      local out = piped { line }
      assert.truthy(out:find(wanted, 1, true), line .. ": " .. out)
    end
    assert.equal("nil\n", (piped { "quite_unlike_anything" }))
    assert.equal("nil\n", (piped { "nil" }))
  end)

  it("help fits the screen", function()
    p = pty.start({ "repl" }, { home = home, columns = 60 })
    p:wait_for "sim>"
    p:send "help\r"
    p:wait_for(
      function(text) return text:match "[^\n]*$" == "sim>" and text:find("Ctrl-D leaves", 1, true) end
    )
    local words = p:show():gsub("%s+", " ")
    assert.truthy(
      words:find("an order's whole life, by its id or client id; the last one placed when left out", 1, true),
      p:show()
    )
    assert.truthy(words:find("limits, breakers, latency", 1, true), p:show())
  end)

  it("Tab offers in quotes what the parameter takes, and closes them", function()
    p = pty.start({ "repl", "--symbol", "BTCUSDT" }, { home = home })
    p:wait_for "sim>"
    for _, case in ipairs {
      { 'api.create_order{ side = "B\t', 'side = "BUY"' },
      { "api.create_order{ side = 'S\t", "side = 'SELL'" },
      { 'api.create_order{ type = "MA\t', 'type = "MARKET"' },
      { 'api.create_order{ timeInForce = "gt\t', 'timeInForce = "gt' },
      { 'api.create_order{ symbol = "B\t', 'symbol = "BTCUSDT"' },
      { 'api.get_klines{ symbol = "BTCUSDT", interval = "15\t', 'interval = "15m"' },
      { 'market.bars("BTCUSDT", "30\t', '"BTCUSDT", "30m"' },
      { 'market.rules("B\t', 'market.rules("BTCUSDT"' },
      { 'x = order.status == "FI\t', '== "FILLED"' },
      { 'require "moontide.te\t', 'require "moontide.testing"' },
    } do
      p:send(case[1])
      p:wait_for(case[2])
      p:send "\3"
      p:wait_for(function(text) return text:match "[^\n]*$" == "sim>" end)
    end
    p:send 'api.create_order{ side = "\t'
    p:wait_for "\nBUY   SELL\n"
  end)
end)
