-- What is to be seen of a run day by day: its log file, its trades, its result of the day.
local cjson = require "cjson"
local live_run = require "spec.support.live_run"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"
local wait = require "spec.support.wait"

describe("a live run, looked at", function()
  local x, r
  setup(function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT", "--wallet", "1000000" } end)
  teardown(function() x:stop() end)
  after_each(function()
    if r then r:close() end
    r = nil
  end)

  local SCRIPT = [[
    api.sleep(0)
    local first = assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 })
    local o = assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01,
      price = market.round_price("BTCUSDT", first.avgPrice * 0.97) })
    assert(api.cancel_order { symbol = "BTCUSDT", orderId = o.orderId })
    assert(api.create_order { symbol = "BTCUSDT", side = "SELL", type = "MARKET", quantity = 0.01, reduceOnly = true })
    for i = 1, 40 do log.info("word %d", i) end
    log.warn "all said"
    api.sleep(1000) ]]

  local function command(...) return run.moontide({ ... }, "MOONTIDE_HOME=" .. r.home) end

  it("keeps a log that moontide logs shows while it runs and after, over its rotations", function()
    r = live_run.start(x, { SCRIPT }, { "--log-size", "0.01", "--log-keep", "3" })
    r:wait_for "all said"
    wait.till("the log", function() return run.read(r:path(nil, "log")):find "all said" end)
    local last = command("logs", "script", "--lines", "3")
    assert.equal(0, last.status, last.err)
    local words = {}
    for line in last.out:gmatch "[^\n]+" do
      words[#words + 1] = line:match "%u+ .*$"
    end
    assert.same({ "INFO word 39", "INFO word 40", "WARN all said" }, words)
    r:kill(15)
    assert.equal(0, r:wait())
    -- To its end, which --follow finds too.
    local whole = command("logs", "script", "-f", "--lines", "1000")
    assert.equal(0, whole.status, whole.err)
    assert.truthy(whole.out:find("INFO word 1\n", 1, true))
    assert.truthy(whole.out:find "INFO ended: net ")
    local none = command("logs", "other")
    assert.same({ 1, "moontide logs: there is no run 'other'\n" }, { none.status, none.err })
  end)

  it("lists what was filled, from its journal, and the day's result", function()
    r = live_run.start(x, { SCRIPT })
    r:wait_for "all said"
    local status = cjson.decode(command("status", "script", "--json").out)[1]
    assert.is_true(status.profit_today < 0) -- two takers' fees and a spread
    local shown = command("status", "script").out
    assert.truthy(shown:find "today", shown)
    assert.truthy(
      shown:find(("%+.2f"):format(status.profit_today), 1, true) or shown:find "today +equity",
      shown
    )
    r:kill(15)
    r:wait()
    local list = cjson.decode(command("trades", "script", "--json").out)
    assert.equal(2, #list)
    assert.same({ "BUY", "SELL" }, { list[1].side, list[2].side })
    for _, t in ipairs(list) do
      assert.equal(0.01, t.quantity)
      assert.is_true(math.abs(t.value - 0.01 * t.price) < 1e-8)
    end
    local csv = command("trades", "script", "--csv").out
    assert.truthy(
      csv:find(
        "^time,symbol,side,type,quantity,price,value,status,orderId,run,clientOrderId\n%d+,BTCUSDT,BUY,MARKET,0.01,"
      )
    )
    assert.truthy(command("trades", "script").out:find "^script: 2 filled orders\n")
    local one = cjson.decode(command("trades", "script", "--json", "--last", "1").out)
    assert.same({ 1, "SELL" }, { #one, one[1].side })
  end)

  it("goes on without a log file where none can be, and refuses one that was asked for", function()
    local refused = live_run.whole(x, "api.sleep(0)", { "--log-file", "/nowhere/log" })
    assert.equal(1, refused.status)
    assert.truthy(
      refused.err:find("--log-file: cannot write the log file /nowhere/log: ", 1, true),
      refused.err
    )
    local full = live_run.whole(x, "api.sleep(0)", { "--log-file", "/dev/full", "--trusted" })
    assert.equal(0, full.status, full.err)
    assert.truthy(
      full.err:find("the log file /dev/full cannot be written (No space left on device)", 1, true),
      full.err
    )
    local none = live_run.whole(x, "api.sleep(0)", { "--log-file", "none" })
    assert.equal(0, none.status, none.err)
  end)
end)
