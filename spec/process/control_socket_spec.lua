-- The control socket of a running process, over the real socket.
local ffi = require "ffi"
local bit = require "bit"
local C = require "spec.support.c"
local control = require "moontide.live.control_socket"
local host = require "moontide.lua_host"
local live_run = require "spec.support.live_run"
local lx = require "spec.support.local_exchange"

local trader = [[
  return { symbols = { "BTCUSDT" },
    on_start = function(self)
      assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 })
      log.warn "something to see"
      print "started" io.stdout:flush()
    end,
    on_stop = function() print "stopped" end } ]]

describe("control socket", function()
  local x, r
  setup(function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT", "--wallet", "1000000" } end)
  teardown(function() x:stop() end)
  after_each(function()
    if r then r:close() end
    r = nil
  end)

  it("tells how a run stands", function()
    r = live_run.start(x, { trader = trader })
    r:wait_for "started"
    local s
    lx.wait_for("the position", function()
      s = assert(r:ask { id = 7, cmd = "status" })
      return s.positions.BTCUSDT.position > 0
    end)
    assert.equal(7, s.id)
    assert.is_true(s.ok)
    assert.equal("trader", s.name)
    assert.equal("live", s.mode)
    assert.truthy(s.script:find "trader.lua$")
    assert.same({ "BTCUSDT" }, s.symbols)
    assert.near(0.01, s.positions.BTCUSDT.position, 1e-9)
    assert.is_true(s.positions.BTCUSDT.entry > 0)
    assert.is_true(s.wallet > 900000 and math.abs(s.equity - s.wallet - s.unrealized) < 1e-6)
    assert.equal("closed", s.breaker)
    assert.equal(0, s.queue)
    assert.is_true(s.sent >= 1 and s.started_ms > 1e12 and s.lag >= 0 and s.reconnects == 0)
    assert.truthy(s.last_error:find("something to see", 1, true))
    assert.equal(0, ffi.C.kill(s.pid, 0))
  end)

  it("is the user's alone", function()
    r = live_run.start(x, { trader = trader })
    r:wait_for "started"
    assert.equal(tonumber("600", 8), bit.band(host.file_mode(r:path("trader", "control.sock")), 511))
    assert.equal(tonumber("700", 8), bit.band(host.file_mode(r:path "trader"), 511))
  end)

  it("answers while a handler waits, and many at once", function()
    r = live_run.start(x, {
      [[
      return { symbols = { "BTCUSDT" }, on_start = function()
        local tasks = {}
        for i = 1, 8 do tasks[i] = api.spawn(function() while true do api.get_ticker_price { symbol = "BTCUSDT", share = false } api.sleep(0.05) end end) end
        print "busy" io.stdout:flush()
        api.all(tasks)
      end } ]],
    })
    r:wait_for "busy"
    local message, fds = ffi.new "struct errmsg", {}
    for i = 1, 20 do
      fds[i] = C.control_socket_connect(r:path("script", "control.sock"), message)
    end
    for round = 1, 5 do
      for i = 1, 20 do
        local text = ('{"id":%d,"cmd":"status"}'):format(round * 100 + i)
        assert.equal(0, C.control_socket_write(fds[i], text, #text))
      end
      for i = 1, 20 do
        local line, size = ffi.new "char *[1]", ffi.new "size_t[1]"
        assert.equal(0, C.control_socket_read(fds[i], 5e6, line, size))
        local text = ffi.string(line[0], size[0])
        C.control_socket_line_free(line[0])
        assert.truthy(text:find(('"id":%d[,}]'):format(round * 100 + i)), text)
      end
    end
    for i = 1, 20 do
      C.control_socket_hang_up(fds[i])
    end
  end)

  it("stops a run: on_stop runs, orders go; with flatten positions too", function()
    r = live_run.start(x, { trader = trader })
    r:wait_for "started"
    assert.is_true(assert(r:ask { cmd = "stop", flatten = true }).ok)
    assert.equal(0, r:wait())
    assert.truthy(r:out():find("stopped", 1, true))
    assert.truthy(r:err():find("the position of 0.0%d closed"), r:err())
    assert.equal(0, #x:signed("GET", "/fapi/v3/positionRisk", {}).json)
    assert.is_nil(host.file_mode(r:path("trader", "control.sock"))) -- gone with it
    local answer, problem, kind = r:ask { cmd = "status" }
    assert.is_nil(answer)
    assert.equal("nobody", kind)
    assert.is_string(problem)
  end)

  it("lets code that only reads change nothing and end nothing, whatever it computes or takes", function()
    r = live_run.start(x, {
      [[ answer = { 41 }
      return { symbols = { "BTCUSDT" }, on_start = function(self) self.seen = 3 print "started" io.stdout:flush() end } ]],
    })
    r:wait_for "started"
    local pid = r:ask({ cmd = "status" }).pid
    local function eval(code) return r:ask({ cmd = "eval", code = code }, nil, 60) end
    for code, says in pairs {
      ["('x'):rep(2 ^ 29)"] = "memory",
      ["('a'):rep(40):find(('a*'):rep(30) .. 'b')"] = "it was ended",
      ["(function() local t = { 'x' } for i = 1, 40 do t[1] = t[1] .. t[1] end end)()"] = "memory",
      ["table.concat({ ('x'):rep(2 ^ 27), ('x'):rep(2 ^ 27), ('x'):rep(2 ^ 27) })"] = "memory",
      ["(function() while true do end end)()"] = "",
      ["(function() while true do pcall(function() while true do end end) end end)()"] = "",
      ["(function() local t = {} while true do t[#t + 1] = ('x'):rep(1e6) .. #t end end)()"] = "",
      ["api.all { api.spawn(function() api.sleep(0) error 'broken' end) } and error 'broken'"] = "broken",
      ["coroutine.yield()"] = "",
      ["api.create_order { symbol = 'BTCUSDT' }"] = "may only read",
    } do
      local a = eval(code)
      assert.is_false(a.ok, code)
      assert.truthy(a.error:find(says, 1, true), code .. ": " .. a.error)
    end
    for _, code in ipairs {
      "rawset(answer, 1, 7)",
      "answer[1]",
      "(function() self.seen = 9 self.state.x = 1 self.on_stop = error return self.seen end)()",
      "tostring(io.open('left', 'w'))",
      "(function() for k in pairs(api) do api[k] = error end for k in pairs(string) do string[k] = nil end end)()",
    } do
      eval(code)
    end
    assert.same({ "41", "3", "nil" }, eval("answer[1], self.seen, self.state.x").results)
    assert.is_nil(host.file_mode(r:path("script", "data/left")))
    assert.same({ "true" }, eval("api.get_ticker_price { symbol = 'BTCUSDT' }.price > 0").results)
    local refused = eval "select(2, api.get_order { symbol = 'BTCUSDT', orderId = 1 })"
    assert.truthy(refused.results[1]:find("-2013", 1, true))
    assert.equal(pid, r:ask({ cmd = "status" }).pid)
  end)

  it("counts what code that only reads computes, and not what it waits for", function()
    r = live_run.start(x, {
      [[ return { symbols = { "BTCUSDT" }, on_start = function() print "started" io.stdout:flush() end } ]],
    })
    r:wait_for "started"
    x:faults { { fault = "delay", call = "GET /fapi/v1/ticker/price", delay = 1.2 } } -- more than it may compute
    finally(function() x:no_faults() end)
    local answer = r:ask({
      cmd = "eval",
      code = "(function() local t = api.get_ticker_price { symbol = 'BTCUSDT' } local n = 0 for i = 1, 1e5 do n = n + 1 end return t.price > 0, n end)()",
    }, nil, 60)
    assert.same({ "true", "100000" }, answer.results, answer.error)
  end)

  it("tells what may not be done without a place in the runtime", function()
    r = live_run.start(x, {
      [[ function buy() return api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 } end
      return { symbols = { "BTCUSDT" }, on_start = function() print "started" io.stdout:flush() end } ]],
    })
    r:wait_for "started"
    for code, what in pairs {
      ["select(2, api.spawn(buy):wait())"] = "/fapi/v1/order",
      ["select(2, pcall(coroutine.wrap(buy)))"] = "/fapi/v1/order",
      ["select(2, pcall(buy))"] = "/fapi/v1/order",
    } do
      assert.same(
        { what .. " changes something, and this connection may only read; attach with --write" },
        r:ask({ cmd = "eval", code = code }, nil, 60).results
      )
    end
  end)

  it("runs code in the script's world: reading only, unless asked to write", function()
    r = live_run.start(x, {
      [[ answer = 41
      return { symbols = { "BTCUSDT" }, on_start = function(self) self.seen = 3 print "started" io.stdout:flush() end } ]],
    })
    r:wait_for "started"
    local function eval(code, write) return r:ask { cmd = "eval", code = code, write = write } end
    assert.same({ "42", "3" }, eval("answer + 1, self.seen").results)
    assert.same({ "true" }, eval("api.get_ticker_price { symbol = 'BTCUSDT' }.price > 0").results)
    for _, code in ipairs {
      "api.create_order { symbol = 'BTCUSDT', side = 'BUY', type = 'MARKET', quantity = 0.01 }",
      "api.cancel_all_orders { symbol = 'BTCUSDT' }",
      "api.request('DELETE', '/fapi/v1/allOpenOrders', { symbol = 'BTCUSDT' })",
      "api.async.create_order {}",
      "api.stop()",
    } do
      local a = eval(code)
      assert.is_false(a.ok)
      assert.truthy(a.error:find("may only read", 1, true), a.error)
    end
    eval("answer = 1")
    assert.same({ "41" }, eval("answer").results)
    eval("answer = 2", true)
    assert.same({ "2" }, eval("answer").results)
    assert.same(
      { "FILLED" },
      eval(
        "api.create_order { symbol = 'BTCUSDT', side = 'BUY', type = 'MARKET', quantity = 0.01 }.status",
        true
      ).results
    )
    assert.truthy(eval("nothing.at.all").error:find("nothing", 1, true))
    assert.truthy(eval("1 +").error:find("attach", 1, true))
  end)

  it("shows the log, and goes on showing it", function()
    r = live_run.start(x, {
      [[ return { symbols = { "BTCUSDT" }, timer = 0.05, on_start = function() print "started" io.stdout:flush() end,
      on_timer = function(self) self.n = (self.n or 0) + 1 log.info("tick %d", self.n) end } ]],
    })
    r:wait_for "tick 3"
    local lines = assert(r:ask { cmd = "log", lines = 2 }).lines
    assert.equal(2, #lines)
    assert.truthy(lines[2]:find "INFO tick %d+")
    local message, line, size = ffi.new "struct errmsg", ffi.new "char *[1]", ffi.new "size_t[1]"
    local fd = C.control_socket_connect(r:path("script", "control.sock"), message)
    local request = '{"id":1,"cmd":"log","lines":1,"follow":true}'
    C.control_socket_write(fd, request, #request)
    for _ = 1, 4 do
      assert.equal(0, C.control_socket_read(fd, 5e6, line, size))
      assert.truthy(ffi.string(line[0], size[0]):find "INFO tick %d")
      C.control_socket_line_free(line[0])
    end
    C.control_socket_hang_up(fd)
    assert.is_true(assert(r:ask { cmd = "status" }).ok)
  end)

  it("bears with clients that misbehave", function()
    r = live_run.start(x, { trader = trader })
    r:wait_for "started"
    local path, message = r:path("trader", "control.sock"), ffi.new "struct errmsg"
    local line, size = ffi.new "char *[1]", ffi.new "size_t[1]"
    local function exchange(text)
      local fd = C.control_socket_connect(path, message)
      C.control_socket_write(fd, text, #text)
      local err = C.control_socket_read(fd, 5e6, line, size)
      local reply = err == 0 and ffi.string(line[0], size[0])
      if reply then C.control_socket_line_free(line[0]) end
      C.control_socket_hang_up(fd)
      return reply, err
    end
    assert.truthy(exchange("not json"):find("one line of JSON", 1, true))
    assert.truthy(exchange("[1,2"):find("one line of JSON", 1, true))
    assert.truthy(
      exchange('{"id":1,"cmd":"nonsense"}'):find(
        "no command 'nonsense'; cancel, complete, eval, halt, log",
        1,
        true
      )
    )
    assert.truthy(exchange(("x"):rep(C.CONTROL_SOCKET_LINE_MAX + 10)):find("too long", 1, true))
    -- One that asks and never reads is dropped, and nobody else hears of it.
    local fd = C.control_socket_connect(path, message)
    local many = ('{"cmd":"status"}\n'):rep(2000)
    for _ = 1, 20 do
      if C.control_socket_write(fd, many, #many) ~= 0 then break end
      assert.is_true(assert(r:ask { cmd = "status" }).ok)
    end
    C.control_socket_hang_up(fd)
    -- More than there are places for.
    local fds = {}
    for i = 1, C.CONTROL_SOCKET_CLIENTS_MAX + 10 do
      fds[i] = C.control_socket_connect(path, message)
    end
    for _, f in ipairs(fds) do
      C.control_socket_hang_up(f)
    end
    lx.wait_for("an answer", function()
      local a = r:ask { cmd = "status" }
      return a and a.ok
    end)
  end)

  it("tells two runs of one name apart, by refusing the second", function()
    r = live_run.start(x, { trader = trader })
    r:wait_for "started"
    local second = io.popen(
      ("MOONTIDE_HOME=%s %s live %s/trader.lua --url %s 2>&1"):format(r.home, host.exe, r.folder, x.url)
    )
    local text = second:read "*a"
    second:close()
    assert.truthy(text:find("another process", 1, true) or text:find(tostring(r.pid), 1, true), text)
    local a = assert(control.ask(r:path("trader", "control.sock"), { cmd = "status" }))
    assert.is_true(a.ok)
  end)
end)
