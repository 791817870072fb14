local cjson = require "cjson"
local annotations = require "moontide.meta.annotations"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

describe("moontide new", function()
  local folder
  before_each(function() folder = run.folder() end)
  after_each(function() run.remove(folder) end)

  local function new(...) return run.moontide({ "new", ... }, nil, folder) end

  it("makes a strategy whose backtest, specs and paper run work at once", function()
    local r = new "first"
    assert.are.equal(0, r.status, r.err)
    local place = folder .. "/first"
    local said = {}
    for line in r.out:gmatch "\n  moontide ([^\n]+)" do
      said[#said + 1] = line:gsub("%s%s+.*$", "")
    end
    assert.are.same({ "backtest first.lua --synthetic 1", "test", "paper first.lua" }, said)

    local backtest = run.moontide(
      { "backtest", "first.lua", "--synthetic", "1", "--bars", "20000", "--json", "-", "--quiet" },
      nil,
      place
    )
    assert.are.equal(0, backtest.status, backtest.err)
    assert.is_true(cjson.decode(backtest.out).trades > 0)

    local tests = run.moontide({ "test" }, nil, place)
    assert.are.equal(0, tests.status, tests.out .. tests.err)
    assert.matches("5 passed, 0 failed\n$", tests.out)

    local x = lx.start { "--no-limits", "--legacy-streams" }
    local paper = run.moontide({ "paper", "first.lua", "--url", x.url, "--for", "0.5" }, nil, place)
    x:stop()
    assert.are.equal(0, paper.status, paper.err)
    assert.matches("0 trades so far, equity 10000.00", paper.err)
  end)

  it("passes the spec that docs/writing.md shows", function()
    new "first"
    local shown = run.read(run.root .. "/docs/writing.md"):match "```lua\n(local testing.-)```"
    run.write(folder .. "/first/spec/shown_spec.lua", shown)
    local tests = run.moontide({ "test", "spec/shown_spec.lua" }, nil, folder .. "/first")
    assert.are.equal(0, tests.status, tests.out)
    assert.matches("2 passed", tests.out)
  end)

  it("suits the symbol", function()
    assert.are.equal(0, new("cheap", "--symbol", "dogeusdt").status)
    assert.matches('symbols = { "DOGEUSDT" }', run.read(folder .. "/cheap/cheap.lua"))
    local tests = run.moontide({ "test" }, nil, folder .. "/cheap")
    assert.are.equal(0, tests.status, tests.out)
  end)

  it(
    "leaves nothing of the template's own names, and gives editors all annotations, without a path of this machine",
    function()
      new "my-bot_2"
      for _, name in ipairs { "my-bot_2.lua", "spec/my-bot_2_spec.lua", "README.md", "moontide.conf.lua" } do
        local text = run.read(folder .. "/my-bot_2/" .. name)
        assert.is_true(#text > 50, name)
        for _, word in ipairs { "NAME", "SYMBOL", "PRICE" } do
          assert.is_nil(text:find("%f[%w]" .. word .. "%f[%W]"), name .. ": " .. word)
        end
      end
      local place = folder .. "/my-bot_2/"
      local luarc = run.read(place .. ".luarc.json")
      assert.is_nil(luarc:find '"/' or luarc:find(run.root, 1, true)) -- no place of this machine
      local library = place .. cjson.decode(luarc)["workspace.library"][1]
      -- All that is written about, each file a piece of Lua, and the module that it describes.
      local pipe = io.popen(("cat '%s'/*.lua"):format(library))
      local all = pipe:read "*a"
      pipe:close()
      for _, entry in ipairs(annotations.all()) do
        if entry.kind == "class" or entry.kind == "alias" then
          local line = ("---@%s %s"):format(entry.kind, entry.name)
          assert.truthy(all:find(line .. "%f[^%w_]"), line)
        else
          assert.truthy(all:find(entry.name:match "[%w_]+$" .. "(", 1, true), entry.name)
        end
      end
      local files = io.popen(("ls '%s'/*.lua"):format(library))
      for file in files:lines() do
        assert(loadfile(file))
      end
      files:close()
      assert.matches("^%-%-%-@meta moontide.ta\n", run.read(library .. "/moontide_ta.lua"))
    end
  )

  it("writes the types of a folder anew, and nothing else there", function()
    new "first"
    run.write(folder .. "/first/first.lua", "mine")
    run.write(folder .. "/first/.luarc.json", "{}")
    run.write(folder .. "/first/types/moontide_ta.lua", "old")
    local r = new("first", "--types")
    assert.are.equal(0, r.status, r.err)
    assert.are.equal("mine", run.read(folder .. "/first/first.lua"))
    assert.are.equal("{}", run.read(folder .. "/first/.luarc.json"))
    assert.is_true(#run.read(folder .. "/first/types/moontide_ta.lua") > 100)
    assert.are.equal("moontide new: no folder absent\n", new("absent", "--types").err)
  end)

  it("never overwrites", function()
    new "first"
    run.write(folder .. "/first/first.lua", "mine")
    local r = new "first"
    assert.are.equal(1, r.status)
    assert.are.equal("moontide new: first is there already, and is left alone; choose another name\n", r.err)
    assert.are.equal("mine", run.read(folder .. "/first/first.lua"))
  end)

  it("says in one line what is wrong", function()
    local cases = {
      { {}, 2, "missing name; usage: moontide new NAME" },
      { { "a", "b" }, 2, "'b' is one too many" },
      { { "9lives" }, 2, "'9lives' is not a name for a strategy" },
      {
        { "../up" },
        2,
        "%.%./up lies outside of this folder; go there first %(cd %.%.%), then moontide new up",
      },
      { { "a/../../up" }, 2, "lies outside of this folder" },
      { { "../" }, 2, "'%.%.' is not a name for a strategy" },
      { { ("x"):rep(60) }, 2, "at most 40" },
      { { "nowhere/bot" }, 1, "cannot make the folder nowhere/bot: No such file or directory" },
      { { "bot", "--symbol", "BTC/USDT" }, 2, "%-%-symbol BTC/USDT: not a symbol" },
    }
    for _, case in ipairs(cases) do
      local r = new(unpack(case[1]))
      assert.are.equal(case[2], r.status, r.err)
      assert.matches("^moontide new: [^\n]*" .. case[3] .. "[^\n]*\n$", r.err)
    end
  end)
end)
