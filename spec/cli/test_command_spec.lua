local cjson = require "cjson"
local run = require "spec.support.run"

-- Runs `moontide test` in a folder of a user's own that holds the files given.
local function test(files, arguments)
  local folder = run.folder()
  os.execute(("mkdir -p '%s/spec' '%s/more specs'"):format(folder, folder))
  for name, text in pairs(files) do
    run.write(folder .. "/" .. name, text)
  end
  local words = { "test" }
  for _, a in ipairs(arguments or {}) do
    words[#words + 1] = a
  end
  local r = run.moontide(words, nil, folder)
  run.remove(folder)
  return r
end

local strategy = [[
return { symbols = { "BTCUSDT" }, on_bar = function(self, bar)
  print("a bar")
  log.warn("a bar")
  if self:position(bar.symbol) == 0 then api.create_order{ symbol = bar.symbol, side = "BUY", type = "MARKET", quantity = 0.01 } end
end }]]

local good = [[
local testing = require "moontide.testing"
describe("mine", function()
  it("buys once", function()
    local world = testing.world { bars = { 20000, 20100, 20200 } }
    world:run "mine.lua"
    world:expect_orders { { side = "BUY" } }
    assert.are.same({ "a bar", "a bar", "a bar" }, world.printed)
  end)
  it("calls #slow", function()
    assert(api.create_order{ symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 })
    api.sleep(3600)
  end)
end)]]

local bad = [[describe("bad", function()
  it("fails", function() assert.are.equal(1, 2) end)
  it("forgets a task", function() api.spawn(function() error "loose" end) api.sleep(1) end)
  it("waits for nothing", function() local t t = api.spawn(function() t:wait() end) t:wait() end)
end)]]

describe("moontide test", function()
  it("runs ./spec of a user's own folder", function()
    local r = test { ["mine.lua"] = strategy, ["spec/mine_spec.lua"] = good }
    assert.are.equal(0, r.status, r.out .. r.err)
    assert.matches("2 passed, 0 failed\n$", r.out)
    assert.are.equal("", r.err)
  end)

  it("runs the file or folder it is given", function()
    local files = { ["mine.lua"] = strategy, ["more specs/a_spec.lua"] = good, ["spec/bad_spec.lua"] = bad }
    assert.matches("2 passed, 0 failed\n$", test(files, { "more specs" }).out)
    assert.matches("2 passed, 0 failed\n$", test(files, { "more specs/a_spec.lua" }).out)
    assert.matches("1 passed, 0 failed\n$", test(files, { "--tags", "slow", "more specs" }).out)
  end)

  it("fails with what failed, with file and line", function()
    local r = test { ["spec/bad_spec.lua"] = bad }
    assert.are.equal(1, r.status)
    assert.matches("bad_spec.lua:2: Expected objects to be equal", r.out)
    assert.matches("bad_spec.lua:3: loose", r.out)
    assert.matches("the test waits for something that never happens", r.out)
    assert.matches("0 passed, 3 failed\n$", r.out)
  end)

  it("prints TAP, JSON and JUnit and nothing else", function()
    local files = { ["mine.lua"] = strategy, ["spec/mine_spec.lua"] = good }
    assert.are.equal(
      "ok 1 - mine buys once\nok 2 - mine calls #slow\n1..2\n",
      test(files, { "-o", "TAP" }).out
    )
    local document = cjson.decode(test(files, { "--output=json" }).out)
    assert.are.equal(2, #document.successes)
    local junit = test(files, { "-o", "junit" }).out
    assert.matches("^%s*<.*</testsuites>%s*$", junit)
    files["spec/bad_spec.lua"] = bad
    local r = test(files, { "-o", "TAP" })
    assert.are.equal(1, r.status)
    assert.matches("not ok 1 %- bad fails\n", r.out)
  end)

  it("lists its tests", function()
    local r = test({ ["spec/mine_spec.lua"] = good }, { "--list" })
    assert.matches("spec/mine_spec.lua:3: mine buys once", r.out)
    assert.is_nil(r.out:find("passed", 1, true))
  end)

  it("tells busted's options", function()
    local r = test({}, { "--help" })
    assert.are.equal(0, r.status)
    assert.matches("^usage: moontide test %[SPEC...%] %[busted options%]\n", r.out)
    assert.matches("%-%-filter=PATTERN", r.out)
    assert.are.equal("", r.err)
  end)

  it("says in one line that there is no spec", function()
    local r = test({}, { "nothing_spec.lua" })
    assert.are.equal(2, r.status)
    assert.are.equal("moontide test: nothing_spec.lua: no such file or folder\n", r.err)
    local folder = run.folder()
    r = run.moontide({ "test" }, nil, folder)
    run.remove(folder)
    assert.are.equal(2, r.status)
    assert.are.equal(
      "moontide test: missing specs: there is no folder spec here; usage: moontide test [SPEC...]\n",
      r.err
    )
    r = test({ ["spec/mine_spec.lua"] = good }, { "--bogus" })
    assert.are.equal(2, r.status)
    assert.matches("^moontide test: error: unknown/bad flag: %-%-bogus", r.err)
    assert.are.equal("", r.out)
  end)

  it("runs files side by side, and sums up what they say", function()
    local died =
      'describe("d", function() it("dies", function() require("ffi").cdef "void abort(void);" require("ffi").C.abort() end) end)'
    local mixed =
      'describe("b", function() it("fails", function() assert.equal(1, 2) end) it("waits", function() pending "for better days" end) end)'
    local r = test({
      ["spec/mine_spec.lua"] = good,
      ["spec/bad_spec.lua"] = mixed,
      ["spec/died_spec.lua"] = died,
      ["mine.lua"] = strategy,
    }, { "--jobs", "3" })
    assert.are.equal(1, r.status)
    assert.matches("ok    spec/mine_spec.lua +%d+ passed", r.out)
    assert.matches("FAIL  spec/bad_spec.lua.*Expected objects to be equal", r.out)
    assert.matches("FAIL  spec/died_spec.lua", r.out)
    assert.matches("%d+ passed, 2 failed, 1 skipped\n$", r.out)
    r = test(
      { ["spec/mine_spec.lua"] = good },
      { "--jobs=2", "spec/mine_spec.lua", "--filter", "nothing is called so" }
    )
    assert.matches("0 passed, 0 failed\n$", r.out)
    assert.are.equal(1, r.status) -- no test ran
    r = test({ ["spec/mine_spec.lua"] = "local nothing = 1" }, { "spec" })
    assert.are.equal(1, r.status)
    assert.matches("moontide test: no test ran\n$", r.err)
    r = test({ ["spec/mine_spec.lua"] = good }, { "-o", "nope", "spec" })
    assert.are.equal(2, r.status)
    assert.matches("^moontide test: %-o nope: no such output format[^\n]*\n$", r.err)
    r = test({}, { "--jobs", "many" })
    assert.are.equal(2, r.status)
    assert.matches("%-%-jobs many: expected an integer from 1 to 64", r.err)
  end)

  it("runs twice as many files at once where they wait for processes of their own", function()
    local files = {}
    for i = 1, 4 do -- each ends only when all of them run
      files[("spec/w%d_spec.lua"):format(i)] = ([[ -- local_exchange
        it("meets the others", function()
          io.open("here%d", "w"):close()
          local n = 0
          for k = 1, 4 do
            while not io.open("here" .. k) and n < 3000 do os.execute "sleep 0.02" n = n + 1 end
            assert(io.open("here" .. k))
          end
        end) ]]):format(i)
    end
    local r = test(files, { "--jobs", "2" })
    assert.are.equal(0, r.status, r.out .. r.err)
    assert.matches("4 passed, 0 failed\n$", r.out)
  end)
end)
