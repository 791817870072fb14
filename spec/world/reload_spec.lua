-- A changed script in the place of the one that runs, over real sockets against `moontide exchange`.
local live_run = require "spec.support.live_run"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

-- Says its version in each timer; counts in its state.
local function script(version, extra)
  return ([[
local version = "%s"
return { symbols = { "BTCUSDT" }, timer = 0.05,
  on_start = function(self) print("start " .. version, self.state.n, self.mine) self.mine = version io.stdout:flush() end,
  on_timer = function(self)
    self.state.n = (self.state.n or 0) + 1
    print("tick " .. version)
    io.stdout:flush()
  end,
  on_stop = function() print("stop " .. version) end,
  %s
}]]):format(version, extra or "")
end

describe("a reload", function()
  local x, r
  setup(function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT" } end)
  teardown(function() x:stop() end)
  after_each(function()
    if r then
      r:close()
      r = nil
    end
  end)

  local function write(text) run.write(r.folder .. "/script.lua", text) end
  -- As editors do it: the new text beside the old file, then renamed over it.
  local function rename(text)
    run.write(r.folder .. "/script.lua~", text)
    assert(os.rename(r.folder .. "/script.lua~", r.folder .. "/script.lua"))
  end
  local function ask() return r:ask({ cmd = "reload" }, "script-paper") end
  local function count(pattern) return select(2, r:out():gsub(pattern, "")) end

  for _, command in ipairs { "paper", "live" } do
    it(
      ("by --watch takes a file that was renamed or written over, and keeps self.state alone (%s)"):format(
        command
      ),
      function()
        r = live_run.start(x, { script "one" }, { "--watch" }, command)
        r:wait_for "tick one"
        rename(script "two")
        r:wait_for "tick two"
        assert.matches("start one\tnil\tnil\n", r:out())
        assert.matches("start two\t%d+\tnil\n", r:out())
        assert.matches("script.lua is reloaded", r:err())
        local ones = count "tick one"
        write(script "three")
        r:wait_for "tick three"
        assert.are.equal(ones, count "tick one") -- nothing of the old one ran any more
        assert.is_nil(r:out():find("stop", 1, true))
        r:kill(15)
        assert.are.equal(0, r:wait())
        assert.matches("stop three\n", r:out())
        assert.are.equal(1, count "stop")
      end
    )
  end

  for _, arguments in ipairs { { "--watch" }, { "--watch", "--trusted" } } do
    it("by --watch takes a changed file beside the script " .. (arguments[2] or "in the sandbox"), function()
      r = live_run.start(x, { script "one" }, arguments, "paper")
      r:wait_for "tick one"
      run.write(r.folder .. "/version.lua", "return 'two'")
      rename((script "one":gsub('"one"', 'require "version"')))
      r:wait_for "tick two"
      run.write(r.folder .. "/version.lua", "return 'three'")
      r:wait_for "tick three"
      assert.are.equal(2, select(2, r:err():gsub("is reloaded", "")))
    end)
  end

  it("of a script that cannot be loaded leaves the old one running, with one line that says why", function()
    r = live_run.start(x, { script "one" }, { "--watch" }, "paper")
    r:wait_for "tick one"
    local cases = {
      { "return { on_bar = function( }", "script.lua:1: <name> or '...' expected near '}'" },
      { "error 'top'", "script.lua:1: top" },
      { "return { symbols = { 'BTCUSDT' } }", "returned a table without a handler" },
      { "return 5", "returned a number" },
      {
        "for bar in market.bars('BTCUSDT', '1m') do end",
        "a plain script cannot take the place of a running one",
      },
      { script("bad", "params = { x = {} },"), "parameter 'x' has no default" },
      { (script "bad":gsub('print%("start', "error 'at the start' print(\"start")), "on_start: " },
    }
    for _, case in ipairs(cases) do
      local before = count "tick one"
      rename(case[1])
      r:wait_for(case[2])
      lx.wait_for("the old one to go on", function() return count "tick one" > before + 1 end)
    end
    assert.are.equal(#cases, select(2, r:err():gsub("is not reloaded, the old one goes on: ", "")))
    assert.is_nil(r:out():find("tick bad", 1, true))
    rename(script "good")
    r:wait_for "tick good"
  end)

  -- A task of its own, which counts on and asks the exchange.
  local function with_task(version, more)
    return (
      script(version):gsub(
        "on_start = function%(self%)",
        ([[%%0
      api.spawn(function()
        while true do
          api.sleep(0.05)
          print("task %s")
          io.stdout:flush()
        end
      end)
      %s]]):format(version, more or ""):gsub("%%", "%%%%"):gsub("%%%%0", "%%0")
      )
    )
  end

  it("ends the tasks that the old script began, and those of one that cannot start", function()
    r = live_run.start(x, { with_task "one" }, {}, "paper")
    r:wait_for "task one"
    write(with_task("bad", "api.sleep(0.2) error 'no start'"))
    local answer = ask()
    assert.matches("no start", answer.error or require("cjson").encode(answer))
    local ones, bads = count "task one", count "task bad"
    lx.wait_for("the old one's task to go on", function() return count "task one" > ones + 2 end)
    assert.are.equal(bads, count "task bad")
    write(with_task "two")
    assert.is_true(ask().ok)
    ones = count "task one"
    lx.wait_for("the new one's task", function() return count "task two" > 3 end)
    assert.are.equal(ones, count "task one")
  end)

  it("lets a task of the old script that waits for an answer do what follows it", function()
    r = live_run.start(x, {
      (
        with_task(
          "one",
          [[
      api.spawn(function()
        local order = api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 }
        print("entered")
        io.stdout:flush()
        for _ = 1, 20 do assert(api.get_open_orders { symbol = "BTCUSDT" }) end
        print("then its stop", order.status)
        io.stdout:flush()
        api.sleep(0)
        print "too much"
      end)]]
        )
      ),
    }, { "--latency", "20" }, "paper")
    r:wait_for "entered"
    write(with_task "two")
    assert.is_true(ask().ok)
    r:wait_for "then its stop\tFILLED"
    r:wait_for "task two"
    assert.are.equal(0, count "too much")
  end)

  it("waits until no handler runs", function()
    r = live_run.start(
      x,
      { (script "one":gsub('print%("tick', 'print "under way" api.sleep(0.7) print("tick')) },
      {},
      "paper"
    )
    r:wait_for "under way"
    write(script "two")
    local answer = assert(ask())
    assert.is_true(answer.ok, answer.error)
    assert.matches("tick one\nstart two\t1", r:out())
  end)

  it("by the control socket answers what is wrong", function()
    r = live_run.start(x, { script "one" }, {}, "paper")
    r:wait_for "tick one"
    write "return {"
    local answer = assert(ask())
    assert.is_false(answer.ok)
    assert.matches("script.lua:1: ", answer.error)
    assert.is_nil(answer.error:find "\n")
    os.remove(r.folder .. "/script.lua")
    answer = assert(ask())
    assert.matches("cannot read the script", answer.error)
    write(script "two")
    assert.is_true(ask().ok)
    r:wait_for "tick two"
  end)

  it("listens for what the new script wants to hear", function()
    r = live_run.start(x, { script "one" }, {}, "paper")
    r:wait_for "tick one"
    write(
      (
        script(
          "two",
          [[on_order = function(_, order) print("heard " .. order.status) io.stdout:flush() end,]]
        ):gsub(
          "self.state.n = %(",
          [[
        if not self.sent then
          self.sent = true
          api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 }
        end
        self.state.n = (]]
        )
      )
    )
    assert.is_true(ask().ok)
    r:wait_for "heard FILLED"
  end)

  it("is not for plain scripts, nor for runs that are recorded", function()
    r = live_run.start(x, { "while true do api.sleep(0.05) end" }, {}, "paper")
    lx.wait_for("the socket", function()
      local answer = ask()
      return answer and answer.error and answer.error:find("a plain script cannot be reloaded", 1, true)
    end)
    local refused = run.moontide {
      "paper",
      r.folder .. "/script.lua",
      "--url",
      x.url,
      "--watch",
      "--record",
      r.folder .. "/rec",
    }
    assert.are.equal(2, refused.status)
    assert.matches("%-%-watch and %-%-record", refused.err)
  end)
end)
