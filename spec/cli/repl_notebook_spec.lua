local host = require "moontide.lua_host"
local pty = require "spec.support.pty"
local run = require "spec.support.run"

describe("what a session of the REPL leaves:", function()
  local home, p
  before_each(function() home = run.folder() end)
  after_each(function()
    if p then p:kill() end
    p = nil
    run.remove(home)
  end)

  local function moontide(arguments, lines)
    run.write(home .. "/in", table.concat(lines or {}, "\n") .. "\n")
    os.execute(
      ("cd %s && MOONTIDE_HOME=%s/home '%s' %s <in >out 2>err; echo $? >status"):format(
        home,
        home,
        host.exe,
        arguments
      )
    )
    return run.read(home .. "/out"), run.read(home .. "/err"), tonumber(run.read(home .. "/status"))
  end

  local typed = {
    "x = 20; x",
    ":step 3",
    "for i = 1, 2 do",
    "  x = x + i",
    "end",
    "api_secret = 'Hd83jsf0293jfsd'",
    "x + 19",
    "nothing.at.all",
    ":mode",
    ":back 1",
    ":save code.lua",
    ":notebook book.md",
  }

  it(":save keeps the code that ran, without secrets; :notebook what moontide test runs again", function()
    local out, err = moontide("repl --synthetic 1 --bars 50", typed)
    assert.truthy(out:find("3 chunks in code.lua\n5 chunks in book.md\n", 1, true), out .. err)
    assert.equal("x = 20; x\nfor i = 1, 2 do\n  x = x + i\nend\nx + 19\n", run.read(home .. "/code.lua"))
    local book = run.read(home .. "/book.md")
    assert.truthy(book:find("<!-- moontide repl --synthetic=1 --bars=50 -->", 1, true), book)
    assert.falsy(book:find("secret", 1, true), book)
    local status
    out, err, status = moontide "test book.md"
    assert.equal("5 passed, 0 failed\n", out, err)
    assert.equal(0, status)

    run.write(home .. "/book.md", (book:gsub("\n42\n", "\n43\n")))
    out, err, status = moontide "test book.md"
    assert.equal("4 passed, 1 failed\n", out)
    assert.truthy(err:find("the answer is 42; the notebook has 43", 1, true), err)
    assert.equal(1, status)

    run.write(home .. "/book.md", (book:gsub("x %+ 19", "x + nil")))
    out, err, status = moontide "test book.md"
    assert.equal("4 passed, 1 failed\n", out)
    assert.truthy(err:find("arithmetic", 1, true), err)
    assert.equal(1, status)
  end)

  it("files are not written over, and what is no notebook is said", function()
    local _, err = moontide(
      "repl",
      { "1", ":save code.lua", ":save code.lua", ":notebook book.txt", ":save", ":notebook" }
    )
    for _, text in ipairs {
      "code.lua is there already",
      "a notebook is a Markdown file",
      "to which file? :save",
      "to which file? :notebook",
    } do
      assert.truthy(err:find(text, 1, true), err)
    end
    run.write(home .. "/none.md", "# text\n")
    local out, problem, status = moontide "test none.md"
    assert.equal("0 passed, 1 failed\n", out)
    assert.truthy(problem:find("says where its chunks run", 1, true), problem)
    assert.equal(1, status)
    run.write(home .. "/live.md", "<!-- moontide repl --live -->\n```lua\n1\n```\n")
    _, problem, status = moontide "test live.md"
    assert.truthy(problem:find("is not run again", 1, true), problem)
    assert.equal(1, status)
    run.write(home .. "/shell.md", "<!-- moontide repl ;touch${IFS}made -->\n```lua\n1\n```\n")
    moontide "test shell.md"
    assert.equal(nil, (host.file_mode(home .. "/made")))
  end)

  it("commands say what they need, and show values in other ways", function()
    local out, err = moontide("repl", {
      ":expand rows{ { a = 1, b = 'x' } }",
      ":profile local s = 0; for i = 1, 3e6 do s = s + i % 7 end",
      ":time 1 + 1",
      ":page rows{ { n = 1 } }:where{ n = 1 }",
      ":step",
      ":goto",
      ":doc",
      ":profile",
      ":page",
      ":edit",
    })
    assert.truthy(out:find("-- 1 --\na  1\nb  x\n", 1, true), out)
    assert.truthy(out:find("samples of its time", 1, true), out)
    for _, text in ipairs {
      ":step needs a backtest",
      ":goto needs a backtest",
      "about which name? :doc",
      "which expression? :profile EXPR",
      "which expression? :page EXPR",
      ":edit needs a terminal",
    } do
      assert.truthy(err:find(text, 1, true), text .. ": " .. err)
    end
  end)

  it(":edit runs what the editor leaves, and :page uses the pager", function()
    run.write(home .. "/editor", '#!/bin/sh\nsed -i s/old/new/ "$1"\n')
    run.write(home .. "/pager", "#!/bin/sh\nsed s/^/paged:/\n")
    os.execute(("chmod +x %s/editor %s/pager"):format(home, home))
    p = pty.start(
      { "repl" },
      { home = home, environment = { VISUAL = home .. "/editor", PAGER = home .. "/pager" } }
    )
    p:wait_for "sim>"
    p:enter "'the old one'"
    p:send ":edit\r"
    p:wait_for "\n'the new one'\n\"the new one\"\nsim>"
    p:send ":page 'text'\r"
    p:wait_for '\npaged:"text"\nsim>'
  end)
end)
