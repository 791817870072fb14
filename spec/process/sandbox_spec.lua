-- What a script of a paper or live run cannot do, tried by such a script; and that all else works as ever.
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

describe("sandbox", function()
  local x, folder
  setup(function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT", "--wallet", "1000000" } end)
  teardown(function() x:stop() end)
  before_each(function() folder = run.folder() end)
  after_each(function() run.remove(folder) end)

  -- Runs a plain script; its output by line.
  local function try(script, arguments, command)
    local path = run.write(folder .. "/script.lua", script)
    local r = run.moontide(
      { command or "live", path, "--url", x.url, "--name", "boxed", unpack(arguments or {}) },
      ("MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s MOONTIDE_HOME=%s/home FRIENDLY=yes MY_TOKEN=no"):format(
        x.key,
        x.secret,
        folder
      )
    )
    return r
  end

  -- Each is an expression that must be nil or false, or fail; these once the run is under way.
  local closed_running = {
    "api.spawn(function() end).co",
    "getmetatable(api.spawn(function() end))",
    "pcall(function() api.spawn(function() end).read_only = false end)",
    "getmetatable(select(2, api.get_order { symbol = 'BTCUSDT', orderId = 1 }))",
    "pcall(api.all, { {} })",
    "pcall(api.request, at 'GET', '/fapi/v1/time')",
  }
  -- And these from the first line on.
  local closed = {
    "os.execute",
    "os.exit",
    "os.remove",
    "os.rename",
    "os.tmpname",
    "os.setlocale",
    "io.popen",
    "io.tmpfile",
    "io.input",
    "io.output",
    "jit",
    "package",
    "ffi",
    "getfenv",
    "setfenv",
    "newproxy",
    "dofile",
    "loadfile",
    "module",
    "debug.getupvalue",
    "debug.sethook",
    "debug.getregistry",
    "debug.setmetatable",
    "debug.getinfo",
    "string.dump",
    "('').dump",
    "getmetatable('')",
    "getmetatable(io.stdout)",
    "require 'ffi'",
    "require 'jit'",
    "require 'debug'",
    "require 'package'",
    "require 'os'.execute",
    "require 'moontide.core'",
    "require 'moontide.lua_host'",
    "require 'moontide.cmd'",
    "require 'moontide.live.session'",
    "require 'moontide.run.task'",
    "require '../script'",
    "require '/etc/passwd'",
    "require 'lfs'",
    "require 'socket'",
    "io.open('/etc/passwd')",
    "io.open('../run.json')",
    "io.open('../../boxed/journal.db')",
    "io.open('x/../../y', 'w')",
    "io.lines('/etc/passwd')",
    "io.open('/tmp/moontide_sandbox_out', 'w')",
    "load('\\27LJ')",
    "loadstring('\\27LJ')",
    "load(function() return nil end, 'x', 'b') and nil",
    "os.getenv 'MOONTIDE_API_SECRET'",
    "os.getenv 'MOONTIDE_API_KEY'",
    "os.getenv 'MY_TOKEN'",
    "os.getenv 'https_proxy'",
    "collectgarbage 'stop'",
    "_G.os.execute",
    "load 'return os.execute'()",
    "loadstring 'return ffi'()",
    "(load('return getfenv or package', 'x', 't'))()",
    "coroutine.wrap(function() return os.execute end)()",
    "getmetatable(_G)",
    "rawget(_G, 'ffi')",
    "cjson",
    "io.open(at '/etc/hostname')",
    "io.open('x', mode 'w')",
    "io.lines(at '/etc/hostname')",
    "io.open({})",
    "load(at 'return 1')",
    "loadstring(at 'return 1')",
    "require(at 'ffi')",
    "os.getenv(at 'FRIENDLY')",
    "io.stdout.__index",
    "io.stdout.__gc",
    "io.stdout:close()",
    "io.stdout.read(io.stdout.read)",
    "getmetatable(io.open('f', 'w'))",
    "io.open('f', 'w').__index",
    "log.listeners",
    "log.shows",
  }

  it("keeps a script from all that reaches beyond it", function()
    -- What says something else each time it is asked to be a text.
    local lines = {
      [[local function at(target)
        local o = setmetatable({ sub = function() return "x" end, gmatch = function() return function() end end, find = function() end,
            upper = function() return target end }, { __concat = function() return ("/.."):rep(40) .. target end })
        return setmetatable({}, { __tostring = function() return o end })
      end
      local function mode(m) return { find = function() end, gsub = function() return m end } end]],
    }
    local function add(expression)
      lines[#lines + 1] = ("do local ok, v = pcall(function() return %s end) print(%q, ok and v and 'OPEN' or 'closed') end"):format(
        expression,
        expression
      )
    end
    for _, expression in ipairs(closed) do
      add(expression)
    end
    lines[#lines + 1] = "api.sleep(0)"
    for _, expression in ipairs(closed_running) do
      add(expression)
    end
    local r = try(table.concat(lines, "\n"))
    assert.equal(0, r.status, r.err)
    local seen = 0
    for line in r.out:gmatch "[^\n]+" do
      assert.truthy(line:find("\tclosed$"), line)
      seen = seen + 1
    end
    assert.equal(2 * #closed + #closed_running, seen) -- a plain script's top runs twice
  end)

  it(
    "gives a script plain Lua: nothing that is reached from what it has is a pointer or can be bent",
    function()
      local r = try(
        [[
      return { symbols = { "BTCUSDT" }, on_bar = function(self, bar)
        if self.state.done then return end
        self.state.done = true
        local order, err = api.get_order { symbol = "BTCUSDT", orderId = 1 }
        local things = { _G, self, bar:totable(), err, api.get_account_info(), api.get_metrics(), api.get_exchange_info(),
          api.async.get_ticker_price { symbol = "BTCUSDT" }, coroutine.running(), getmetatable(bar), getmetatable(1LL) }
        local seen, found = {}, 0
        local function walk(v, path)
          local kind = type(v)
          if kind == "cdata" or (kind == "userdata" and v ~= require "cjson".null) then print("FOUND", path, kind) end
          if kind ~= "table" or seen[v] then return end
          seen[v], found = true, found + 1
          if getmetatable(v) then print("FOUND", path, "a metatable") end
          for k, x in next, v do walk(k, path .. ".key") walk(x, path .. "." .. tostring(k)) end
        end
        for i, v in pairs(things) do walk(v, tostring(i)) end
        print("walked", found > 20)
        for _, name in ipairs { "_series", "_index", "_symbol", "_recovered", "series", 0, 1, -1, 1LL, true, "__index" } do
          if bar[name] ~= nil then print("FOUND", "bar." .. tostring(name)) end
          if pcall(function() bar[name] = 1 end) then print("FOUND", "writes bar." .. tostring(name)) end
        end
        for _, f in ipairs { function() return bar + 1 end, function() return bar - bar end, function() return #bar end, function() return bar() end,
            function() return bar .. "" end, function() return next(bar) end, function() return bar < bar end, function() setmetatable(bar, {}) end } do
          if pcall(f) then print("FOUND", "a bar does sums") end
        end
        print(tostring(bar):find "0x", getmetatable(bar))
        print(bar.close == bar:totable().close, bar.symbol, bar.interval, bar.open_time % 60000)
      end }]],
        { "--bars", "1", "--forget-state" }
      )
      assert.equal(0, r.status, r.err)
      assert.equal("walked\ttrue\nnil\tffi\ntrue\tBTCUSDT\t1m\t0\n", r.out)
    end
  )

  it("counts a list once: code that runs while a batch is read makes it no longer", function()
    local r = try [[
      local price = market.round_price("BTCUSDT", api.get_ticker_price { symbol = "BTCUSDT" }.price * 0.95)
      local list, read = {}, 0
      list[1] = setmetatable({}, { __index = function() read = read + 1 for i = 2, 40 do list[i] = list[1] end end })
      print(api.batch_orders(list))
      print(read, #api.batch_orders { { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = price } })
    ]]
    assert.equal(0, r.status, r.err)
    assert.equal("nil\tinvalid: order 1: type is missing\n0\t1\n", r.out)
  end)

  it("has nothing of the runtime's own to break", function()
    local r = try [[
      string.format = function() error "broken" end
      table.sort, math.floor, coroutine.yield, coroutine.resume = nil, nil, nil, nil
      pairs, ipairs, tostring, error, setmetatable = nil, nil, nil, nil, nil
      log.info, log.error, log.warn, log.fields = nil, nil, nil, nil
      local t = api.get_ticker_price { symbol = "BTCUSDT" }
      api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = market.round_price("BTCUSDT", t.price * 0.95) }
      for name in next, api do api[name] = function() return true end end
      print "still here"
    ]]
    assert.equal(0, r.status, r.err)
    assert.equal("still here\n", r.out)
    assert.truthy(r.err:find("1 open orders cancelled", 1, true), r.err)
    assert.equal(0, #x:signed("GET", "/fapi/v1/openOrders", {}).json)
  end)

  it("cannot keep the end of a run from cancelling, whatever it does to what it was given", function()
    for _, ending in ipairs {
      "self.symbols[1], self.params, self.on_stop = nil, nil, nil",
      "self.on_stop = function() error 'no' end",
      "self.state = nil",
      "setmetatable(self.state, { __index = self })",
      "getmetatable(select(2, api.get_order { symbol = 'BTCUSDT', orderId = 1 })).__tostring = error",
      "local m = getmetatable(api.spawn(function() end)) for name in pairs(m.__index) do m.__index[name] = nil end",
    } do
      local r = try([[
        return { symbols = { "BTCUSDT" }, on_error = function() end,
          on_start = function(self)
            local t = api.get_ticker_price { symbol = "BTCUSDT" }
            assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = market.round_price("BTCUSDT", t.price * 0.95) })
            ]] .. ending .. [[
          end }]], { "--for", "0.1", "--forget-state" })
      assert.truthy(r.err:find("1 open orders cancelled", 1, true), ending .. "\n" .. r.err)
      assert.equal(0, #x:signed("GET", "/fapi/v1/openOrders", {}).json, ending)
    end
  end)

  it("leaves a script what it needs", function()
    run.write(
      folder .. "/helper.lua",
      "local M = {} function M.twice(v) return 2 * v end M.name = ... leaked = 7 return M"
    )
    local r = try [[
      local helper, ta, bit = require "helper", require "moontide.ta", require "bit"
      api.sleep(0)
      print(helper.twice(21), helper.name, require "helper" == helper, leaked)
      print(ta.sma(2)(1) == nil, bit.band(7, 3), math.floor(1.5), ("x"):rep(3), string.format("%d", 4), #table.concat { "a", "b" })
      local co = coroutine.wrap(function() return api.get_ticker_price { symbol = "BTCUSDT" }.price > 0 end)
      print(co(), pcall(error, "e"), select("#", 1, 2), load "return 1 + 1"(), loadstring("return leaked")(), type(os.time()), os.getenv "FRIENDLY")
      local f = assert(io.open("notes.txt", "w"))
      f:write "kept" f:close()
      print(io.open("notes.txt"):read "*a", require "cjson".encode { 1 }, debug.traceback "t" ~= nil, collectgarbage "count" > 0)
      for line in io.lines "notes.txt" do print(line) end
    ]]
    assert.equal(0, r.status, r.err)
    assert.equal(
      "42\thelper\ttrue\t7\ntrue\t3\t1\txxx\t4\t2\ntrue\tfalse\t2\t2\t7\tnumber\tyes\nkept\t[1]\ttrue\ttrue\nkept\n",
      r.out
    )
    assert.equal("kept", run.read(folder .. "/home/runs/boxed/data/notes.txt"))
  end)

  it("holds on paper too, and not where the script is trusted", function()
    local script = "api.sleep(0) print(os.execute ~= nil, pcall(require, 'ffi'))"
    local r = try(script, {}, "paper")
    assert.equal(0, r.status, r.err)
    assert.truthy(r.out:find("^false\tfalse"), r.out)
    r = try(script, { "--trusted" }, "paper")
    assert.truthy(r.out:find("^true\ttrue"), r.out)
    r = try(script, { "--trusted" })
    assert.truthy(r.out:find("^true\ttrue"), r.out)
  end)

  it("takes no bytecode for a script", function()
    local r = try(string.dump(function() return 1 end))
    assert.equal(1, r.status)
    assert.truthy(r.err:find("attempt to load", 1, true), r.err)
  end)
end)
