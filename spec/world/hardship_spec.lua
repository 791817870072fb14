-- Processes stopped, killed in their last moments, or set on one symbol together.
local control = require "moontide.live.control_socket"
local host = require "moontide.lua_host"
local live_run = require "spec.support.live_run"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

local SIGKILL, SIGSTOP, SIGCONT = 9, 19, 18

describe("a live run", function()
  local x, r
  setup(function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT,ETHUSDT", "--wallet", "1000000" } end)
  teardown(function() x:stop() end)
  after_each(function()
    x:no_faults()
    if r then r:close() end
    r = nil
    for _, symbol in ipairs { "BTCUSDT", "ETHUSDT" } do
      x:signed("DELETE", "/fapi/v1/allOpenOrders", { symbol = symbol })
    end
  end)

  local function open_orders(symbol)
    return #x:signed("GET", "/fapi/v1/openOrders", { symbol = symbol or "BTCUSDT" }).json
  end
  local function worker(name)
    return (control.ask(r:path(name, "supervisor.sock"), { cmd = "status" }) or {}).pid
  end

  local function rests(symbol, more)
    return ([[ return { symbols = { "%s" }, on_start = function()
      local t = assert(api.get_ticker_price { symbol = "%s" })
      assert(api.create_order { symbol = "%s", side = "BUY", type = "LIMIT", quantity = 0.1, price = market.round_price("%s", t.price * 0.95) })
      print "rests" io.stdout:flush() end, %s } ]]):format(symbol, symbol, symbol, symbol, more or "")
  end

  it(
    "whose worker is stopped for too long is killed, its orders cancelled; what it was is no more when it is let go on",
    function()
      r = live_run.start(
        x,
        { rests "BTCUSDT" },
        { "--hang-seconds", "1", "--on-failure", "halt", "--recv-window", "1000" }
      )
      r:wait_for "rests"
      local pid = worker()
      r:kill(SIGSTOP, pid)
      r:wait_for "script hangs for 1."
      r:kill(SIGCONT, pid)
      assert.equal(1, r:wait())
      assert.equal(0, open_orders())
    end
  )

  it("that is stopped as a whole goes on where it was", function()
    r = live_run.start(
      x,
      { rests("BTCUSDT", "timer = 0.1, on_timer = function() print 'beats' io.stdout:flush() end") },
      { "--hang-seconds", "1" }
    )
    r:wait_for "beats"
    local pid = worker()
    r:kill(SIGSTOP)
    r:kill(SIGSTOP, pid)
    lx.sleep(1.5) -- beyond what a worker may hang, and what a supervisor takes for a rest of its own
    r:kill(SIGCONT)
    r:wait_for "this process was stopped for " -- the worker, a little later
    r:kill(SIGCONT, pid)
    local before = #r:out()
    lx.wait_for("it to go on", function() return #r:out() > before + 20 end)
    assert.equal(pid, worker())
    assert.equal(1, open_orders())
    r:kill(15)
    assert.equal(0, r:wait(), r:err())
    assert.equal(0, open_orders())
  end)

  it("does not lose or double an order while the exchange stands still", function()
    local folder = run.folder()
    finally(function() run.remove(folder) end)
    local config = run.write(
      folder .. "/c.lua",
      "return { request_timeout = 1, max_retries = 10, retry_quota = 1000, failure_threshold = 1000, failure_rate = 1, enable_adaptive_throttling = false }"
    )
    r = live_run.start(x, {
      [[
      print "begins" io.stdout:flush()
      api.sleep(0.3)
      local good = 0
      for i = 1, 20 do
        local o, err = api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.001, newClientOrderId = "still-" .. i }
        if not o then print(i, err) end
        good = good + (o and o.executedQty or 0)
        api.sleep(0.02)
      end
      print("bought", math.floor(good * 1000 + 0.5)) ]],
    }, { "--config", config, "--recv-window", "1000", "--stream-silence", "2" })
    r:wait_for "begins"
    lx.wait_for("an order", function() return x:signed("GET", "/fapi/v3/positionRisk", {}).json[1] end)
    r:kill(SIGSTOP, x.pid)
    r:wait_for "silence"
    r:kill(SIGCONT, x.pid)
    assert.equal(0, r:wait(), r:err())
    assert.truthy(r:out():find("bought\t20\n", 1, true), r:out() .. r:err())
    assert.equal("0.020", x:signed("GET", "/fapi/v3/positionRisk", {}).json[1].positionAmt)
  end)

  it("killed in its on_stop leaves no orders", function()
    r = live_run.start(
      x,
      { rests("BTCUSDT", "on_stop = function() print 'stopping' io.stdout:flush() api.sleep(5) end") },
      { "--recv-window", "1000" }
    )
    r:wait_for "rests"
    local pid = worker()
    r:kill(15)
    r:wait_for "stopping"
    r:kill(SIGKILL, pid)
    assert.equal(1, r:wait())
    assert.equal(0, open_orders())
    local runs = run.moontide({ "status", "script", "--runs" }, "MOONTIDE_HOME=" .. r.home).out
    assert.truthy(runs:find("killed by SIGKILL", 1, true), runs)
  end)

  it("is warned that another trades its symbol", function()
    r = live_run.start(x, { a = rests "BTCUSDT", b = rests "BTCUSDT", c = rests "ETHUSDT" })
    lx.wait_for("all to begin", function() return select(2, r:out():gsub("rests", "")) == 3 end)
    lx.wait_for(
      "a word about it",
      function() return r:err():find("BTCUSDT is traded by run '[ab]' too: the position is one") end
    )
    assert.falsy(r:err():find("ETHUSDT is traded", 1, true))
  end)

  it("tells its secret to nobody: recording, log, attached, metrics, journal, files of its folder", function()
    local folder = run.folder()
    finally(function() run.remove(folder) end)
    r = live_run.start(x, {
      [[ return { symbols = { "BTCUSDT" }, timer = 0.1, on_timer = function(self)
      if self.done then return end
      self.done = true
      assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.001 })
      print(select(2, api.request("GET", "/fapi/v1/nothing", { symbol = "BTCUSDT" }, { signed = true })))
      print(select(2, api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 900 }))
      local function show(t, depth) for k, v in pairs(t) do if type(v) == "table" and depth < 6 then show(v, depth + 1) else io.write(tostring(k), "=", tostring(v), " ") end end end
      show(api.get_metrics(), 0)
      for k, v in pairs(_G) do io.write(tostring(k), " ", tostring(v), " ") end
      print "shown" io.stdout:flush()
    end } ]],
    }, { "--record", folder .. "/r.rec", "--log-level", "debug" })
    if not pcall(function() r:wait_for("shown") end) then error(r:err()) end
    local attached = io.popen(
      ("printf 'api.get_metrics()\\nself\\napi\\nos.getenv and os.getenv \"MOONTIDE_API_SECRET\"\\n' | MOONTIDE_HOME=%s '%s' attach script 2>&1"):format(
        r.home,
        host.exe
      )
    )
    local typed = attached:read "*a"
    attached:close()
    local status = run.moontide({ "status", "--json" }, "MOONTIDE_HOME=" .. r.home).out
    r:kill(15)
    assert.equal(0, r:wait(), r:err())
    local all = { r:out(), r:err(), typed, status }
    for path in io.popen(("find %s %s -type f"):format(r.home, folder)):lines() do
      all[#all + 1] = run.read(path)
    end
    assert.is_true(#typed > 200 and #status > 100 and #all > 6, typed)
    for i, text in ipairs(all) do
      assert.is_nil(text:find(x.secret, 1, true), "the secret is in text " .. i)
      assert.is_nil(text:find "signature=%x%x%x%x", "a signature is in text " .. i)
    end
  end)
end)
