-- What `make install` and `make deb` put where, and that it works from there.
local host = require "moontide.lua_host"
local run = require "spec.support.run"

local function shell(line)
  local pipe = io.popen(("cd '%s' && { %s; } 2>&1; echo; echo $?"):format(run.root, line))
  local text = pipe:read "*a"
  pipe:close()
  local out, status = text:match "^(.*)\n(%d+)\n$"
  return out:gsub("\n$", ""), tonumber(status)
end

local function has(tool) return os.execute(("command -v %s >/dev/null 2>&1"):format(tool)) == 0 end

describe("the manual page", function()
  local page = require("moontide.options.man").page(require("moontide.cmd").list, "1.2.3")

  it("has every command and option that is not the program's own", function()
    local rows = require("moontide.options").rows
    for _, entry in ipairs(require("moontide.cmd").list) do
      assert.truthy(page:find("\n.SS " .. entry[1] .. "\n", 1, true), entry[1])
      for _, row in ipairs(rows(require("moontide.cmd." .. entry[1]).options)) do
        if not row.hidden then
          assert.truthy(page:find("\\-\\-" .. row.name:gsub("%-", "\\-"), 1, true), row.name)
        end
      end
    end
  end)

  it("is read without a warning", function()
    if not has "man" or not has "groff" then pending "man is not installed" end
    local folder = run.folder()
    local file = run.write(folder .. "/moontide.1", page)
    local out, status =
      shell(("LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 '%s' >/dev/null"):format(file))
    run.remove(folder)
    assert.equal("", out)
    assert.equal(0, status)
  end)
end)

describe("make install", function()
  if not has "make" then
    return it("needs make", function() pending "make is not installed" end)
  end
  -- The program that runs this, as it is: nothing is built here.
  local binary = host.exe
  local folder, root

  setup(function()
    folder = run.folder()
    root = folder .. "/root"
    local out, status = shell(
      ("env -u MAKEFLAGS make --no-print-directory install-files -o '%s' BINARY='%s' DESTDIR='%s' PREFIX=/usr"):format(
        binary,
        binary,
        root
      )
    )
    assert(status == 0, out)
  end)
  teardown(function() run.remove(folder) end)

  it("puts a program there that runs from where it lies", function()
    local program = root .. "/usr/bin/moontide"
    local out, status = shell(
      ("cd '%s' && '%s' backtest '%s/usr/share/moontide/strategies/ema_cross.lua' --synthetic 1 --bars 2000 --quiet"):format(
        folder,
        program,
        root
      )
    )
    assert.equal(0, status, out)
  end)

  it("puts documents, manual page, completion and unit there", function()
    for _, file in ipairs {
      "share/doc/moontide/README.md",
      "share/doc/moontide/live.md",
      "share/moontide/examples/README.md",
      "share/bash-completion/completions/moontide",
      "share/zsh/site-functions/_moontide",
      "share/man/man1/moontide.1",
    } do
      assert.truthy(#run.read(root .. "/usr/" .. file) > 100, file)
    end
    local unit = run.read(root .. "/usr/lib/systemd/system/moontide@.service")
    assert.truthy(unit:find("\nExecStart=/usr/bin/moontide ", 1, true))
    assert.is_nil(unit:find("@PREFIX@", 1, true))
  end)

  it("puts a unit there that systemd understands", function()
    if not has "systemd-analyze" then pending "systemd-analyze is not installed" end
    local unit =
      run.read(root .. "/usr/lib/systemd/system/moontide@.service"):gsub("/usr/bin/moontide", "/bin/true")
    local file = run.write(folder .. "/moontide@try.service", unit)
    local out = shell(("SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no '%s'"):format(file))
    assert.is_nil(out:find("moontide@try.service", 1, true), out)
  end)

  it("takes all of it away again", function()
    local out, status =
      shell(("env -u MAKEFLAGS make --no-print-directory uninstall DESTDIR='%s' PREFIX=/usr"):format(root))
    assert.equal(0, status, out)
    assert.equal("", (shell(("find '%s' -type f"):format(root))))
  end)
end)
