-- The options of commands: how a command line is read by its table, and that every table is whole.
local cmd = require "moontide.cmd"
local option_table = require "moontide.options"
local parse = require "moontide.options.parse"
local run = require "spec.support.run"
local types = require "moontide.options.types"

local function row(name, kind, more)
  return option_table.with({ name = name, type = kind, value = "V", help = "of no use" }, more or {})
end

local command = {
  usage = "toy FILE [options]",
  arguments = { name = "FILE", what = "file", min = 1, max = 2 },
  exclusive = { { "loud", "quiet" } },
  options = {
    row("loud", "flag"),
    row("quiet", "flag"),
    row("count", "integer", { min = 1, default = 3 }),
    row("wait", "duration", { unit = "s", min = 0.1 }),
    row("delay", "duration", { unit = "ms" }),
    row("room", "size", { unit = "MB" }),
    {
      title = "more",
      row("name", "text", { repeated = true }),
      row("data", "file", { repeated = true, words = true }),
      row("colour", "choice", { choices = { "red", "green", "blue" }, default = "red" }),
      row("from", "time"),
      row("depth", "number", { needs = "loud", default = 0.5 }),
      row("kept", "integer", { setting = "run", default = 7 }),
      row("inside", "text", { hidden = true }),
    },
  },
}

local function read(...) return parse.parse("toy", command, { ... }) end

local function refused(...)
  local ok, e = pcall(read, ...)
  assert.is_false(ok, table.concat({ ... }, " "))
  assert.equal(2, e.status)
  return e.message
end

describe("a command line", function()
  it("gives values of the row's type, and defaults for what is left out", function()
    local o = read("a", "--count", "12", "--wait=1.5", "--colour", "BLUE", "b")
    assert.same({ "a", "b" }, { o[1], o[2] })
    assert.equal(12, o.count)
    assert.equal(1.5, o.wait)
    assert.equal("blue", o.colour)
    assert.same({ count = "12", wait = "1.5", colour = "BLUE" }, o.given)
    o = read "a"
    assert.equal(3, o.count)
    assert.equal("red", o.colour)
    assert.is_nil(o.wait)
    assert.is_nil(o.kept) -- moontide.conf.lua has a say first
    assert.is_nil(o.depth) -- without --loud it means nothing
    assert.equal(0.5, read("a", "--loud").depth)
  end)

  it("holds to GNU's habits", function()
    assert.equal(5, read("--cou", "5", "a").count)
    assert.equal(5, read("--cou=5", "a").count)
    assert.is_true(read("a", "--lo").loud)
    assert.same({ "x", "y=z" }, read("a", "--name", "x", "--name=y=z").name)
    assert.equal(9, read("a", "--count", "1", "--count", "9").count)
    local o = read("--loud", "--", "--count", "-")
    assert.same({ "--count", "-" }, { o[1], o[2] })
    assert.equal(3, o.count)
    assert.is_true(read("--help").help)
    assert.is_true(read("-h").help)
    assert.equal(-2, read("a", "--loud", "--depth", "-2").depth)
  end)

  it("lets --data have the words that follow it", function()
    local o = read("a", "--data", "1.csv", "2.csv", "--loud", "b")
    assert.same({ "1.csv", "2.csv" }, o.data)
    assert.same({ "a", "b" }, { o[1], o[2] })
  end)

  it("is kept word by word for who starts the same command again", function()
    local o = read("a", "--cou", "5", "--loud", "--name", "x", "--name", "--odd")
    assert.same({ "--count=5", "--loud", "--name=x", "--name=--odd" }, o.argv)
    local again = read("a", unpack(o.argv))
    assert.same(o, again)
  end)

  it("says what is wrong, and what is expected", function()
    assert.equal(
      "no such option --cuont; did you mean --count? see moontide help toy",
      refused("a", "--cuont", "1")
    )
    assert.equal("no such option --xyzzy; see moontide help toy", refused("a", "--xyzzy"))
    assert.equal("no such option -x; see moontide help toy", refused("a", "-x"))
    assert.equal("--d may mean --delay, --data, --depth; write it in full", refused("a", "--d", "1"))
    assert.equal("--count needs a value: --count V; see moontide help toy", refused("a", "--count"))
    assert.equal("--count needs a value: --count V; see moontide help toy", refused("a", "--count", "--loud"))
    assert.equal("--loud takes no value", refused("a", "--loud=1"))
    assert.equal("--count 0: expected an integer >= 1", refused("a", "--count", "0"))
    assert.equal("--colour pink: expected one of red, green, blue", refused("a", "--colour", "pink"))
    assert.equal("--loud and --quiet exclude each other; give one of them", refused("a", "--quiet", "--loud"))
    assert.equal("--depth belongs to --loud", refused("a", "--depth", "1"))
    assert.equal("missing file; usage: moontide toy FILE [options]", refused "--loud")
    assert.equal("one file at a time; 'c' is one too many", refused("a", "b", "c"))
    assert.equal(
      "missing file: 'a' was read as a value of --data; put the file first",
      refused("--data", "1.csv", "a")
    )
    assert.equal(
      "no such option --insid; did you mean --inside? see moontide help toy",
      refused("a", "--insid", "1")
    )
  end)
end)

describe("a value", function()
  local function value(r, text) return (types.read(r, text)) end

  it("is a number in decimal notation and within its bounds", function()
    local r = row("x", "number", { min = -1, max = 10 })
    for text, expected in pairs { ["1"] = 1, ["-0.5"] = -0.5, [".5"] = 0.5, ["1e1"] = 10, ["+2"] = 2 } do
      assert.equal(expected, value(r, text), text)
    end
    for _, text in ipairs { "", "x", "nan", "inf", "0x1", "1 ", "1,5", "11", "-1.1", "1e", "--1" } do
      assert.is_nil(value(r, text), text)
    end
    assert.is_nil(value(row("x", "integer"), "1.5"))
    assert.is_nil(value(row("x", "integer"), "1e300"))
    assert.equal(1e6, value(row("x", "integer"), "1e6"))
  end)

  it("may have a unit of its own", function()
    local s, ms, mb =
      row("x", "duration", { unit = "s" }),
      row("x", "duration", { unit = "ms" }),
      row("x", "size", { unit = "MB" })
    for text, expected in pairs {
      ["90"] = 90,
      ["90s"] = 90,
      ["15m"] = 900,
      ["1h30m"] = 5400,
      ["250ms"] = 0.25,
      ["1.5h"] = 5400,
      ["2d"] = 172800,
    } do
      assert.equal(expected, value(s, text), text)
    end
    assert.equal(20, value(ms, "20"))
    assert.equal(2000, value(ms, "2s"))
    for text, expected in pairs { ["512"] = 512, ["512MB"] = 512, ["2GB"] = 2048, ["1.5G"] = 1536 } do
      assert.equal(expected, value(mb, text), text)
    end
    for _, text in ipairs { "", "s", "10q", "1h30", "m5", "1..5s" } do
      assert.is_nil(value(s, text), text)
    end
  end)

  it("is a moment that the calendar has", function()
    local r = row("x", "time")
    assert.equal(1675209600000000, value(r, "2023-02-01"))
    assert.equal(1675254600000000, value(r, "2023-02-01T12:30"))
    assert.equal(1675254601000000, value(r, "2023-02-01 12:30:01Z"))
    assert.equal(1675254600000000, value(r, "1675254600000"))
    assert.equal(1709164800000000, value(r, "2024-02-29"))
    for _, text in ipairs { "2023-02-29", "2023-13-01", "2023-2-1", "2023-02-01T24:00", "yesterday", "" } do
      assert.is_nil(value(r, text), text)
    end
  end)

  it("is a URL of its scheme, without the slash at its end", function()
    local r =
      row("x", "url", { schemes = { "https", "http" }, bare = true, example = "https://fapi.binance.com" })
    assert.equal("https://fapi.binance.com", value(r, "https://fapi.binance.com/"))
    for _, text in ipairs { "nope", "ftp://x", "https://", "https://a/b", "https://a b" } do
      assert.is_nil(value(r, text), text)
    end
  end)
end)

describe("the tables of options", function()
  it("are whole: every row has a type, a help, and a default that it would take", function()
    for _, entry in ipairs(cmd.list) do
      local c, seen = require("moontide.cmd." .. entry[1]), {}
      assert.equal("function", type(c.run), entry[1])
      assert.equal(entry[1], c.usage:match "^%S+")
      for _, r in ipairs(option_table.rows(c.options)) do
        local where = entry[1] .. " --" .. r.name
        assert.is_nil(seen[r.name], where .. " is there twice")
        seen[r.name] = true
        assert.truthy(r.type == "flag" or types.types[r.type], where)
        assert.truthy(r.type == "flag" or r.value, where)
        assert.truthy(r.hidden or r.help, where)
        if r.type ~= "flag" and r.default ~= nil then
          assert.equal(r.default, (types.read(r, r.default)), where)
        end
        for _, name in ipairs(type(r.needs) == "table" and r.needs or { r.needs }) do
          assert.truthy(option_table.pick(c.options, { name }), where)
        end
      end
      for _, names in ipairs(c.exclusive or {}) do
        option_table.pick(c.options, names)
      end
    end
  end)

  it("explain every command, help and version too", function()
    for _, entry in ipairs(cmd.list) do
      local r = run.moontide { "help", entry[1] }
      assert.equal(0, r.status, r.err)
      assert.truthy(r.out:find("usage: moontide " .. entry[1], 1, true), r.out)
      assert.equal("", r.err)
    end
    local overview = run.moontide { "--help" }
    assert.equal(0, overview.status)
    assert.equal(overview.out, run.moontide({ "help" }).out)
    local none = run.moontide {}
    assert.equal(2, none.status)
    assert.equal(overview.out, none.err)
    assert.equal(run.moontide({ "version" }).out, run.moontide({ "--version" }).out)
    local r = run.moontide { "help", "bactest" }
    assert.equal(2, r.status)
    assert.equal(
      "moontide help: no such command 'bactest'; did you mean 'backtest'? moontide help lists them\n",
      r.err
    )
    assert.equal(run.moontide({ "help", "top" }).out, run.moontide({ "top", "--help" }).out)
  end)
end)

describe("moontide completion", function()
  local function words(shell, line)
    local script = ([[
      source /dev/stdin <<'END'
%s
END
      COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _moontide; echo "${COMPREPLY[*]}"]]):format(
      run.moontide({ "completion", shell }).out,
      line
    )
    local folder = run.folder()
    local file = run.write(folder .. "/try.sh", script)
    local pipe = io.popen(("cd '%s' && bash '%s' 2>&1"):format(run.root, file))
    local out = pipe:read "*a"
    pipe:close()
    run.remove(folder)
    return (out:gsub("\n$", ""))
  end

  it("completes commands, options, choices and files in bash", function()
    for line, expected in pairs {
      ["moontide ba"] = "backtest",
      ["moontide backtest --pa"] = "--paths --path",
      ["moontide backtest --path ''"] = "random adverse nearest ohlc olhc",
      ["moontide backtest --path = ad"] = "adverse",
      ["moontide backtest strategies/ema"] = "strategies/ema_cross.lua",
      ["moontide data s"] = "synth",
      ["moontide help ver"] = "version",
      ["moontide live x.lua --clean"] = "",
      ["moontide live x.lua --for ''"] = "",
    } do
      assert.equal(expected, words("bash", line), line)
    end
  end)

  it("speaks the language of zsh", function()
    if os.execute "command -v zsh >/dev/null" ~= 0 then pending "zsh is not installed" end
    local folder = run.folder()
    local file = run.write(folder .. "/_moontide", run.moontide({ "completion", "zsh" }).out)
    assert.equal(0, os.execute(("zsh -n '%s'"):format(file)))
    run.remove(folder)
  end)

  it("knows bash and zsh", function()
    local r = run.moontide { "completion", "fish" }
    assert.equal(2, r.status)
    assert.equal("moontide completion: no such shell 'fish'; expected bash or zsh\n", r.err)
    assert.equal(2, run.moontide({ "completion" }).status)
  end)
end)
