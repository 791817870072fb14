local cjson = require "cjson"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

describe("moontide doctor", function()
  local x, folder
  setup(function()
    x = lx.start { "--symbols", "BTCUSDT,ETHUSDT" }
    folder = run.folder()
  end)
  teardown(function()
    x:stop()
    run.remove(folder)
  end)
  after_each(function() x:no_faults() end)

  ---Its checks by name, the exit status, and the run.
  local function doctor(arguments, environment)
    local all = { "doctor", "--url", x.url, "--json" }
    for _, a in ipairs(arguments or {}) do
      all[#all + 1] = a
    end
    local r = run.moontide(all, ("MOONTIDE_HOME=%s/home %s"):format(folder, environment or x:environment()))
    local by_name = {}
    local document = r.status <= 1 and r.out ~= "" and cjson.decode(r.out)
    for _, check in ipairs(document and document.checks or {}) do
      by_name[check.name] = check
    end
    return by_name, r, document
  end

  it("finds nothing to mend where all is well, and says what it found in a line each", function()
    local checks, r, document = doctor()
    assert.equal(0, r.status, r.out .. r.err)
    assert.equal(0, document.failed)
    for _, name in ipairs {
      "configuration",
      "disk",
      "reachability",
      "latency",
      "clock",
      "rules",
      "limits",
      "market streams",
      "key",
      "position mode",
      "margin mode",
      "balance",
      "open orders",
      "user stream",
    } do
      assert.equal("ok", checks[name] and checks[name].state, name)
    end
    assert.truthy(checks.rules.text:find("2 symbols trade", 1, true))
    r = run.moontide({ "doctor", "--url", x.url }, "MOONTIDE_HOME=" .. folder .. "/home")
    assert.equal(0, r.status, r.err)
    assert.truthy(r.out:find "ok    clock +ours is %d+ ms", r.out)
    assert.truthy(r.out:find "%-%-    key +none given", r.out)
    assert.truthy(r.out:find "%d+ ok, %d warnings, 0 failures\n$", r.out)
  end)

  it("says what is wrong with a key, and never shows it", function()
    local checks, r = doctor({}, ("MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s"):format(x.key, ("a"):rep(64)))
    assert.equal(1, r.status)
    assert.truthy(checks.key.text:find("the secret does not belong to the key", 1, true), checks.key.text)
    checks, r = doctor({}, ("MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s"):format(("b"):rep(64), x.secret))
    assert.equal(1, r.status)
    assert.truthy(
      checks.key.text:find("401, -2015", 1, true) or checks.key.text:find("401, -2014", 1, true),
      checks.key.text
    )
    assert.falsy((r.out .. r.err):find(x.secret, 1, true))
  end)

  it("warns of a key that may do more than trade, and of one that may not trade", function()
    local checks = doctor()
    assert.equal("ok", checks["key rights"].state) -- an address to be bound to means nothing on this machine
    local r
    checks, r =
      doctor({}, ("MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s"):format(x.reading_key, x.reading_secret))
    assert.equal(1, r.status)
    assert.equal("ok", checks.key.state)
    assert.truthy(r.out:find("may not trade futures", 1, true), r.out)
    local loose = lx.start { "--symbols", "BTCUSDT", "--key-rights", "withdraw" }
    finally(function() loose:stop() end)
    r = run.moontide({ "doctor", "--url", loose.url }, loose:environment(folder .. "/home"))
    assert.equal(0, r.status, r.out .. r.err)
    assert.truthy(r.out:find "warn  key rights +the key may withdraw: nothing here needs that", r.out)
    r = run.moontide { "exchange", "--key-rights", "everything" }
    assert.equal(2, r.status)
    assert.truthy(r.err:find("--key-rights everything", 1, true), r.err)
  end)

  it("tells a clock that is off, a position mode, orders that are open", function()
    local bid = x:best()
    assert.equal(200, x:order { price = ("%.1f"):format(math.floor(bid * 0.97)) }.status)
    local checks = doctor()
    assert.truthy(checks["open orders"].text:find "^1 are open", checks["open orders"].text)
    x:signed("DELETE", "/fapi/v1/allOpenOrders", { symbol = "BTCUSDT" })
    assert.equal(200, x:signed("POST", "/fapi/v1/positionSide/dual", { dualSidePosition = "true" }).status)
    checks = doctor()
    assert.truthy(checks["position mode"].text:find "^hedge", checks["position mode"].text)
    x:signed("POST", "/fapi/v1/positionSide/dual", { dualSidePosition = "false" })
    local off = lx.start() -- its clock is set back slowly, so it is of no use to others afterwards
    finally(function() off:stop() end)
    off:faults { { fault = "skew", delay = 30 } }
    local r = run.moontide({ "doctor", "--url", off.url }, off:environment(folder .. "/home"))
    assert.equal(0, r.status, r.out)
    assert.truthy(r.out:find "warn  clock +.-ours is %d%d%d%d%d ms behind", r.out)
    assert.truthy(r.out:find "\n *ok +key ", r.out) -- stamps are corrected by what was measured
  end)

  it("says how to mend a bad configuration, no network, no room", function()
    local config = run.write(folder .. "/bad.lua", "return { wokers = 3 }")
    local checks, r = doctor { "--config", config }
    assert.equal(1, r.status)
    assert.truthy(
      checks.configuration.text:find("did you mean 'workers'", 1, true),
      checks.configuration.text
    )
    r = run.moontide({ "doctor", "--url", "http://127.0.0.1:1" }, "MOONTIDE_HOME=" .. folder .. "/home")
    assert.equal(1, r.status)
    assert.truthy(r.out:find("FAIL  reachability    http://127.0.0.1:1/fapi/v1/ping: ", 1, true), r.out)
    assert.truthy(r.out:find("a proxy needed (--proxy)?", 1, true))
    run.write(folder .. "/file", "")
    checks, r = doctor({}, "MOONTIDE_HOME=" .. folder .. "/file")
    assert.equal(1, r.status)
    assert.truthy(checks.disk.text:find("make it writable, or set MOONTIDE_HOME", 1, true), checks.disk.text)
    local banned = lx.start { "--symbols", "BTCUSDT", "--weight-limit", "3" }
    finally(function() banned:stop() end)
    for _ = 1, 10 do
      banned:public "/fapi/v1/time"
    end
    r = run.moontide({ "doctor", "--url", banned.url }, "MOONTIDE_HOME=" .. folder .. "/home")
    assert.equal(1, r.status)
    assert.truthy(r.out:find "FAIL  reachability .* has banned this address for now", r.out)
    r = run.moontide { "doctor", "now" }
    assert.equal(2, r.status)
  end)
end)
