-- How a run ended stands in its journal, also when it was killed.
local host = require "moontide.lua_host"
local live_run = require "spec.support.live_run"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

local cjson = require "cjson"

describe("how a run ended", function()
  local x, r
  setup(function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT", "--wallet", "1000000" } end)
  teardown(function() x:stop() end)
  after_each(function()
    if r then r:close() end
    r = nil
  end)

  local function status(...) return run.moontide({ "status", "script", ... }, "MOONTIDE_HOME=" .. r.home) end
  local function runs() return cjson.decode(status("--runs", "--json").out).script end
  -- Another life of the same run.
  local function again(text)
    run.write(r.folder .. "/script.lua", text)
    return run.moontide(
      { "live", r.folder .. "/script.lua", "--no-supervisor", "--url", x.url, "--recv-window", "1000" },
      x:environment(r.home)
    )
  end

  it("is told by the supervisor that killed it, and by the next start when nobody saw it", function()
    r = live_run.start(x, {
      [[
      api.sleep(0)
      local lives = io.open "lives"
      local n = lives and #lives:read "*a" or 0
      local more = io.open("lives", "a")
      more:write "x"
      more:close()
      assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 })
      print("life", n) io.stdout:flush()
      if n == 0 then while true do end end
      api.sleep(1000) ]],
    }, { "--hang-seconds", "0.5", "--recv-window", "1000" })
    r:wait_for("life\t1")
    local first, second = unpack(runs())
    assert.truthy(first.how:find "^killed by the supervisor: hangs for [%d.]+ s$", first.how)
    assert.is_true(first.ended_time >= first.started_time and first.ended_time <= second.started_time)
    assert.equal(1, first.orders)
    assert.equal("goes on", second.how)
    assert.is_nil(second.ended_time)
    -- By somebody else; then all of it at once.
    local worker = r:ask({ cmd = "status" }).pid
    r:kill(9, worker)
    r:wait_for("life\t2")
    assert.equal("killed by SIGKILL", runs()[2].how)
    r:kill(9, r:ask({ cmd = "status" }).pid)
    r:kill(9)
    r:wait()
    assert.equal("not ended in order: killed, or its journal could not be written", runs()[3].how)
    local s = status()
    assert.equal(1, s.status)
    assert.truthy(
      s.err:find(
        "no run 'script' is going on; run 3 not ended in order: killed, or its journal could not be written\n",
        1,
        true
      ),
      s.err
    )
    assert.equal(0, again("api.sleep(0)").status)
    local all = runs()
    assert.same(
      { "not ended in order: killed, or its journal could not be written", "stopped" },
      { all[3].how, all[4].how }
    )
    assert.is_nil(all[3].ended_time)
    assert.truthy(status("--orders").out:find("run 4 stopped at 20%d%d%-", 1))
    assert.truthy(
      status("--runs", "--last", "1").out:find "^script: 1 runs %(the last; %-%-last N for more%)\n.*stopped"
    )
  end)

  it("is told by itself when it ends in order: stopped, failed, halted, not started at all", function()
    r = live_run.start(x, { [[ api.sleep(0.1) error "on purpose" ]] })
    assert.equal(1, r:wait())
    assert.truthy(runs()[1].how:find("^failed: .*on purpose"), runs()[1].how)
    run.write(r:path() .. "halt", "")
    assert.equal(1, again("api.sleep(0)").status) -- no run at all: the switch is there
    assert.equal(1, #runs())
    os.remove(r:path() .. "halt")
    os.execute("mkdir -p " .. r:path() .. "control.sock/in-the-way")
    assert.equal(1, again("api.sleep(0)").status)
    assert.truthy(runs()[2].how:find "^did not start: .*control.sock", runs()[2].how)
    os.execute("rm -r " .. r:path() .. "control.sock")
    local halting = run.write(r.folder .. "/script.lua", "api.sleep(0.2) print 'here' api.sleep(1000)")
    os.execute(
      ("MOONTIDE_HOME=%s MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s '%s' live %s --url %s >%s/out2 2>&1 &"):format(
        r.home,
        x.key,
        x.secret,
        host.exe,
        halting,
        x.url,
        r.folder
      )
    )
    lx.wait_for("the run", function() return run.read(r.folder .. "/out2"):find "here" end)
    assert.equal(0, run.moontide({ "stop", "--halt", "script" }, "MOONTIDE_HOME=" .. r.home).status)
    assert.equal("stopped by the kill switch", runs()[3].how)
  end)
end)
