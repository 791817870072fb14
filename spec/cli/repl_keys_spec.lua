local pty = require "spec.support.pty"
local run = require "spec.support.run"

describe("the keys of the REPL:", function()
  local home, p
  before_each(function() home = run.folder() end)
  after_each(function()
    if p then p:kill() end
    p = nil
    run.remove(home)
  end)
  local function start(o)
    o = o or {}
    o.home = home
    p = pty.start({ "repl" }, o)
    p:wait_for "sim>"
  end
  local function paste(text) p:send("\27[200~" .. text .. "\27[201~") end
  local function ends_with(text)
    return function(screen) return screen:sub(-#text) == text end
  end

  it("a pasted block runs as one, its locals with it", function()
    start()
    paste 'local ta = require "moontide.ta"\rlocal ema = ta.ema(2)\r\rfor i = 1, 2 do\r\tema(i)\rend\rprint("ran", ema(3) ~= nil)\r'
    p:wait_for(function(text) return text:find "ran%s*true\nsim>$" end)
    assert.falsy(p:show():find("nil value", 1, true), p:show())
    -- As a terminal sends it that keeps the ends of lines.
    paste "local x = 20\nlocal y = 22\nprint(x + y)\n"
    p:wait_for "\n42\nsim>"
  end)

  it("a pasted text that does not end its line waits to be looked at", function()
    start()
    paste "a = 1\rb = 2\rprint(a + b)"
    p:wait_for(ends_with "sim> a = 1\nb = 2\nprint(a + b)")
    p:send " -- looked at\r"
    p:wait_for "\n3\nsim>"
    p:send "print()"
    p:wait_for(ends_with "print()")
    p:send "\27[D"
    paste "'put in'"
    p:wait_for(ends_with "print('put in')")
    p:send "\r"
    p:wait_for "\nput in\nsim>"
  end)

  it("a backspace behind an end of line runs nothing", function()
    start()
    paste "print 'no'\n--"
    p:wait_for(ends_with "\n--")
    p:send "\127\127"
    p:send "\127"
    p:wait_for(ends_with "sim> print 'no'")
    p:send "\3"
    p:wait_for "^C\nsim>"
    assert.falsy(p:show():find("\nno", 1, true), p:show())
  end)

  it("what a paste holds of keys and colours does nothing", function()
    start()
    paste "1 + \27[31m\1\8 1"
    p:wait_for(ends_with "1 + [31m 1")
  end)

  it("a chunk of several lines comes back whole, also in the next run", function()
    start()
    p:send "for i = 1, 2 do\r"
    p:wait_for " ..."
    p:send "print('line ' .. i)\r"
    p:send "end\r"
    p:wait_for "line 1\nline 2\nsim>"
    p:send "\27[A"
    p:wait_for(ends_with "sim> for i = 1, 2 do\nprint('line ' .. i)\nend")
    p:send "\r"
    p:wait_for "end\nline 1\nline 2\nsim>"
    p:send "\4"
    assert.equal(0, p:wait())
    p:kill()
    start()
    p:send "\27[A"
    p:wait_for(ends_with "sim> for i = 1, 2 do\nprint('line ' .. i)\nend")
  end)

  it("Ctrl-R searches key by key, older with each further one", function()
    start()
    for _, line in ipairs { "first = 'alpha'", "second = 'beta'", "third = 'alpine'" } do
      p:enter(line)
    end
    p:send "\18"
    p:wait_for(ends_with "(reverse-i-search)`':")
    p:send "al"
    p:wait_for(ends_with "(reverse-i-search)`al': third = 'alpine'")
    p:send "\18"
    p:wait_for(ends_with "(reverse-i-search)`al': first = 'alpha'")
    p:send "x"
    p:wait_for(ends_with "(failed reverse-i-search)`alx': first = 'alpha'")
    p:send "\127\127\127bet"
    p:wait_for(ends_with "(reverse-i-search)`bet': second = 'beta'")
    p:send "\7" -- back to the line before
    p:wait_for(ends_with "\nsim>")
    p:send "\18fir"
    p:wait_for(ends_with "`fir': first = 'alpha'")
    p:send "\5" -- the end of the line, which is taken
    p:wait_for(ends_with "sim> first = 'alpha'")
    p:send "; first\r"
    p:wait_for '\n"alpha"\nsim>'
    p:send "\18third\r"
    p:wait_for(ends_with "sim> third = 'alpine'\nsim>")
    p:send "\18fir"
    p:wait_for "`fir': first"
    p:send "\3"
    p:wait_for(ends_with "^C\nsim>")
    assert.truthy(p:enter "third":find('"alpine"', 1, true))
  end)

  it("log lines come above a line of several", function()
    start()
    p:enter "api.spawn(function() api.sleep(0.3) print 'from a task' end); nil"
    paste "a = 1\nb = 2"
    p:wait_for(ends_with "from a task\nsim> a = 1\nb = 2")
  end)
end)
