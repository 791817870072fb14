-- self.state of live and paper runs, over real sockets against `moontide exchange`.
local ffi = require "ffi"
local C = require "moontide.core"
local live_run = require "spec.support.live_run"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"
local wait = require "spec.support.wait"
local state = require "moontide.run.state_form"

-- What the journal of a run keeps now.
local function kept(path)
  local value, size, message = ffi.new "char *[1]", ffi.new "size_t[1]", ffi.new "struct errmsg"
  if C.journal_get(path, "state", value, size, message) ~= 0 then return nil end
  local text = ffi.string(value[0], size[0])
  C.journal_release(value[0])
  return state.decode(text)
end

describe("self.state, encoded", function()
  it("comes back as it was, to the last digit", function()
    local value = {
      n = 0.1 + 0.2,
      big = 2 ^ 53,
      small = 5e-324,
      minus = -1.5,
      inf = math.huge,
      yes = true,
      no = false,
      text = 'line\n\0\255 "é"',
      empty = {},
      list = { 1, 2, { 3, { deep = "er" } } },
      holes = { [1] = "a", [3] = "c" },
      [1] = "number",
      ["1"] = "text",
      [2.5] = "half",
      [""] = "no name",
    }
    assert.are.same(value, state.decode(state.encode(value)))
  end)

  it("has equal bytes for equal states, however they came to be", function()
    local one, two = { a = 1, b = { 2, 3 }, c = "x" }, {}
    for i = 1, 100 do
      two["gone" .. i] = i
    end
    for i = 1, 100 do
      two["gone" .. i] = nil
    end
    two.c, two.b, two.a = "x", {}, 1
    two.b[2], two.b[1] = 3, 2
    assert.are.equal(state.encode(one), state.encode(two))
    assert.are_not.equal(state.encode(one), state.encode { a = 1, b = { 2, 3 }, c = "y" })
  end)

  it("refuses what is no plain data, naming the place", function()
    local loop = { inner = {} }
    loop.inner.back = loop
    local deep = {}
    for _ = 1, 200 do
      deep = { deep }
    end
    local cases = {
      {
        { ema = print },
        "self%.state%.ema is a function: state is plain data %(strings, numbers, booleans, tables of them%)",
      },
      { { list = { 1, { x = io.stdout } } }, "self%.state%.list%[2%]%.x is userdata" },
      { { last = 1LL }, "self%.state%.last is a C value %(bar:totable%(%) makes a table of a bar%)" },
      { { ["a b"] = coroutine.create(print) }, 'self%.state%["a b"%] is a coroutine' },
      { { [true] = 1 }, "self%.state has a key that is a boolean: keys are strings or numbers" },
      { { o = setmetatable({}, {}) }, "self%.state%.o is a table with a metatable" },
      { loop, "self%.state%.inner%.back leads back to self%.state: state cannot hold itself" },
      { { deep = deep }, "self%.state is nested too deeply" },
      { { text = ("x"):rep(1100000) }, "self%.state takes 1%.0 MB when it is saved; 1 MB are the most" },
      { 5, "self%.state is a number: it must stay a table" },
    }
    for _, case in ipairs(cases) do
      local text, problem = state.encode(case[1])
      assert.is_nil(text)
      assert.matches(case[2], problem)
    end
    local shared = {}
    assert.are.same({ a = {}, b = {} }, state.decode(state.encode { a = shared, b = shared }))
  end)

  it("tells damage and other versions from a state", function()
    assert.are.same({ nil, "it is of another version" }, { state.decode "\9abc" })
    assert.are.same({ nil, "it is damaged" }, { state.decode "\1\255\255" })
  end)
end)

-- Counts in its state ten times a second, up to 20; says with what it began.
local counter = [[
return { symbols = { "BTCUSDT" }, timer = 0.02,
  on_start = function(self)
    print("began with", self.state.n, self.state.orders and #self.state.orders)
    self.state.n, self.state.orders = self.state.n or 0, self.state.orders or {}
    io.stdout:flush()
  end,
  on_timer = function(self)
    if self.state.n >= 20 then return end
    self.state.n = self.state.n + 1
    self.state.orders[#self.state.orders + 1] = { id = "x" .. self.state.n, price = 0.1 * self.state.n }
  end }]]

describe("self.state of a run", function()
  local x, r
  setup(function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT" } end)
  teardown(function() x:stop() end)
  after_each(function()
    if r then
      r:close()
      r = nil
    end
  end)

  for _, command in ipairs { "live", "paper" } do
    it(("outlives kill -9 (%s)"):format(command), function()
      r = live_run.start(x, { counter }, { "--no-supervisor" }, command)
      local journal = r:path(command == "paper" and "script-paper" or "script", "journal.db")
      lx.wait_for("the last state on disk", function()
        local now = kept(journal)
        return now and now.n == 20
      end)
      r:kill(9)
      wait.till_ended(r.pid)
      local again = run.moontide(
        { command, r.folder .. "/script.lua", "--url", x.url, "--for", "0.3" },
        x:environment(r.home)
      )
      assert.are.equal(0, again.status, again.err)
      assert.matches("began with\t20\t20\n", again.out)
      assert.matches("self.state of the run before goes on %(%d+ bytes%)", again.err)
      assert.are.equal("x20", kept(journal).orders[20].id)
      again = run.moontide(
        { command, r.folder .. "/script.lua", "--url", x.url, "--for", "0.1", "--forget-state" },
        x:environment(r.home)
      )
      assert.matches("began with\tnil\tnil\n", again.out)
    end)
  end

  it("is kept when a task beside the handlers has changed it", function()
    r = live_run.start(x, {
      [[return { symbols = { "BTCUSDT" }, interval = "1h",
      on_start = function(self)
        api.spawn(function()
          self.state.n = 1
          api.sleep(1)
          self.state.n = 2
          api.sleep(3600)
        end)
      end,
      on_bar = function() end }]],
    }, {}, "paper")
    lx.wait_for("the state on disk", function()
      local now = kept(r:path("script-paper", "journal.db"))
      return now and now.n == 2
    end)
  end)

  it("that cannot be kept is told of once a change, and holds no handler back", function()
    r = live_run.start(x, {
      [[return { symbols = { "BTCUSDT" }, timer = 0.05,
      on_start = function() api.spawn(function() while true do api.sleep(0.02) end end) end,
      on_error = function(_, err) print("told", err) io.stdout:flush() end,
      on_timer = function(self)
        self.state.n = (self.state.n or 0) + 1
        self.state.bad = self.state.n % 10 == 5 and print or nil
        print("tick", self.state.n)
        io.stdout:flush()
      end }]],
    }, {}, "paper")
    r:wait_for "tick\t20\n"
    assert.are.equal(
      2,
      select(2, r:out():match "^(.-)tick\t20\n":gsub("told\tself.state.bad is a function", ""))
    )
  end)

  it(
    "of a run whose start found no room for its journal begins empty: the file that is left stops nobody",
    function()
      for _, command in ipairs { "live", "paper" } do
        local folder = run.folder()
        local path = run.write(
          folder .. "/s.lua",
          [[return { on_start = function(self) print("begins", next(self.state)) self.state.x = 1 end }]]
        )
        local journal = ("%s/home/runs/%s/journal.db"):format(folder, command == "paper" and "s-paper" or "s")
        assert(os.execute(("mkdir -p %s && : >%s"):format(journal:match "^(.*)/", journal)))
        local begun =
          run.moontide({ command, path, "--url", x.url, "--for", "0.1" }, x:environment(folder .. "/home"))
        local left = kept(journal)
        run.remove(folder)
        assert.are.equal(0, begun.status, begun.err)
        assert.matches("begins\tnil\n", begun.out)
        assert.are.equal(1, left and left.x)
      end
    end
  )

  it("fails the run when it holds what cannot be kept", function()
    local folder = run.folder()
    local path = run.write(
      folder .. "/s.lua",
      [[return { on_start = function(self) self.state.ema = { fn = print } end }]]
    )
    local failed =
      run.moontide({ "paper", path, "--url", x.url, "--for", "5" }, "MOONTIDE_HOME=" .. folder .. "/home")
    run.remove(folder)
    assert.are.equal(1, failed.status)
    assert.matches("self.state.ema.fn is a function: state is plain data", failed.err)
  end)

  it("of a recorded run is what its replay begins with", function()
    local folder = run.folder()
    local home = "MOONTIDE_HOME=" .. folder .. "/home"
    local path = run.write(
      folder .. "/s.lua",
      [[
      return { timer = 0.05, on_start = function(self) self.state.runs = (self.state.runs or 0) + 1 end,
        on_timer = function(self)
          if self.done then return end
          self.done = true
          for _ = 1, self.state.runs do api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 } end
        end }]]
    )
    for i = 1, 2 do
      local out = run.moontide(
        { "paper", path, "--url", x.url, "--orders", tostring(i), "--record", folder .. "/rec" .. i },
        home
      )
      assert.are.equal(0, out.status, out.err)
    end
    local replayed = run.moontide({ "backtest", path, "--replay", folder .. "/rec2" }, home)
    run.remove(folder)
    assert.are.equal(0, replayed.status, replayed.err .. replayed.out)
  end)

  it("starts empty in a backtest", function()
    local folder = run.folder()
    local path = run.write(
      folder .. "/s.lua",
      [[return { on_start = function(self) print(next(self.state)) self.state.x = 1 end, on_bar = function() end }]]
    )
    for _ = 1, 2 do
      local out =
        run.moontide { "backtest", path, "--synthetic", "1", "--bars", "5", "--json", folder .. "/out.json" }
      assert.matches("^nil\n", out.out)
    end
    run.remove(folder)
  end)
end)
