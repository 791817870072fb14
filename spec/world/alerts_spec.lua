-- Alerts over real sockets: each service's form, what is told of a failure, outages, and that no secret is said.
local cjson = require "cjson"
local ffi = require "ffi"
local live_run = require "spec.support.live_run"
local lx = require "spec.support.local_exchange"
local program = require "spec.support.program"
local run = require "spec.support.run"
local wait = require "spec.support.wait"

ffi.cdef "int chmod(const char *, unsigned);"

describe("alerts", function()
  local folder, service, x, r
  setup(function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT", "--wallet", "1000000" } end)
  teardown(function() x:stop() end)
  before_each(function()
    folder = run.folder()
    service = program.start("alert_service", folder)
  end)
  after_each(function()
    if r then r:close() end
    r = nil
    service:stop()
    run.remove(folder)
  end)

  local function got()
    local list = {}
    for line in service:log():gmatch "[^\n]+" do
      if line:sub(1, 1) == "{" then list[#list + 1] = cjson.decode(line) end
    end
    return list
  end
  local function url(path) return ("http://127.0.0.1:%d%s"):format(service.ports[1], path) end
  local function config(text)
    return run.write(folder .. "/conf.lua", "return { alerts = { " .. text .. " } }")
  end
  local function secret(name, text)
    local path = run.write(folder .. "/" .. name, text .. "\n")
    ffi.C.chmod(path, 384) -- 0600
    return path
  end
  local function test(...) return run.moontide { "alert", "test", "--config", folder .. "/conf.lua", ... } end

  it("reach each kind of service in its form, signed where there is a secret", function()
    config(
      ([[to = {
        { kind = "telegram", chat = "42", token_file = %q, api = %q },
        { kind = "discord", url_file = %q },
        { kind = "slack", url = %q },
        { kind = "ntfy", url = %q, token_file = %q },
        { kind = "webhook", url = %q, secret_file = %q },
        { kind = "command", command = "cat > %s/said; echo $MOONTIDE_ALERT_SEVERITY >> %s/said" },
      }]]):format(
        secret("telegram", "7:HIDDEN"),
        url "",
        secret("discord", url "/discord/HIDDEN"),
        url "/slack",
        url "/topic",
        secret("ntfy", "HIDDEN-ntfy"),
        url "/hook",
        secret("hook", "HIDDEN-hook"),
        folder,
        folder
      )
    )
    local told = test()
    assert.equal(0, told.status, told.out .. told.err)
    assert.equal(6, select(2, told.out:gsub(" sent\n", "")))
    assert.is_nil((told.out .. told.err):find "HIDDEN")
    local telegram, discord, slack, ntfy, hook = unpack(got())
    local line = "[CRITICAL] test: moontide can reach you here"
    assert.equal("/bot7:HIDDEN/sendMessage", telegram.path)
    assert.same({ chat_id = "42", text = line }, cjson.decode(telegram.body))
    assert.equal("/discord/HIDDEN", discord.path)
    assert.equal(line, cjson.decode(discord.body).content)
    assert.same({ parse = {} }, cjson.decode(discord.body).allowed_mentions)
    assert.same({ text = line }, cjson.decode(slack.body))
    assert.same({ "/topic", line }, { ntfy.path, ntfy.body })
    assert.truthy(ntfy.head:find "Priority: 5")
    assert.truthy(ntfy.head:find "Authorization: Bearer HIDDEN%-ntfy")
    local stamp = hook.head:match "X%-Moontide%-Timestamp: (%d+)"
    local signature = hook.head:match "X%-Moontide%-Signature: sha256=(%x+)"
    local signed = run.write(folder .. "/signed", stamp .. "." .. hook.body)
    local pipe = io.popen(("openssl dgst -sha256 -hmac HIDDEN-hook '%s' 2>/dev/null"):format(signed))
    local reference = pipe:read("*a"):match "= (%x+)"
    pipe:close()
    if reference then assert.equal(reference, signature) end
    assert.equal(64, #signature)
    assert.equal("moontide can reach you here", cjson.decode(hook.body).text)
    assert.equal(line .. "\ncritical\n", run.read(folder .. "/said"))
  end)

  it("that fail are told of without address and secret", function()
    config(
      ([[to = { { kind = "slack", url = %q }, { kind = "command", command = "exit 3" } }]]):format(
        url "/HIDDEN"
      )
    )
    run.write(folder .. "/answers", "403")
    local told = test()
    assert.same(
      { 1, "1  slack     failed: answered 403\n2  command   failed: the command failed\n", "" },
      { told.status, told.out, told.err }
    )
    config [[to = { { kind = "slack", url = "http://127.0.0.1:1/HIDDEN" } }]]
    told = test()
    assert.same({ 1, "1  slack     failed: no answer\n" }, { told.status, told.out })
    local open = run.write(folder .. "/open", "x")
    ffi.C.chmod(open, 420) -- 0644
    config(([[to = { { kind = "slack", url_file = %q } }]]):format(open))
    assert.truthy(test().err:find "can be read by others: chmod 600 it")
    config [[to = { { kind = "pigeon" } }]]
    assert.equal(2, test().status)
  end)

  it(
    "of a run come through an outage in order, once each; what repeats is folded, what is not wanted silent",
    function()
      config(
        ([[severity = "info", silence = { "hush" }, to = { { kind = "webhook", url = %q }, { kind = "slack", url = %q, severity = "critical" } }]]):format(
          url "/hook",
          url "/slack"
        )
      )
      run.write(folder .. "/answers", "429 1")
      r = live_run.start(x, {
        [[
      api.sleep(0)
      api.alert("first", { severity = "info" })
      for i = 1, 5 do api.alert("price is " .. i) end
      api.alert "hush now"
      log.warn "a warning"
      api.alert("last", { severity = "critical" })
      assert(not pcall(api.alert, "x", { severity = "loud" }))
      print "said" io.stdout:flush()
      api.sleep(1000) ]],
      }, { "--config", folder .. "/conf.lua" })
      r:wait_for "said"
      wait.till("two refusals", function() return #got() >= 2 end)
      run.write(folder .. "/answers", "cut")
      local before = #got()
      wait.till("one that was cut", function() return #got() > before end)
      run.write(folder .. "/answers", "200")
      local function through(path)
        local texts = {}
        for _, g in ipairs(got()) do
          if g.status == 200 and g.path == path then
            local said = cjson.decode(g.body).text
            if not said:find "held? the loop" and not said:find "holds the loop" then
              texts[#texts + 1] = said
            end
          end
        end
        return texts
      end
      wait.till("all of it", function() return #through "/hook" >= 4 and #through "/slack" >= 1 end)
      assert.same({ "first", "price is 1", "a warning", "last" }, through "/hook")
      assert.same({ "[CRITICAL] script: last" }, through "/slack")
      r:kill(15)
      assert.equal(0, r:wait())
      assert.truthy(r:err():find("moontide alerts: webhook: answered 429; tried again", 1, true), r:err())
      assert.truthy(r:err():find("moontide alerts: webhook takes alerts again", 1, true), r:err())
    end
  )

  it(
    "that one target does not take wait for it over a restart, and come to the others no second time",
    function()
      config(
        ([[to = { { kind = "slack", url = %q }, { kind = "webhook", url = "http://127.0.0.1:1/" } }]]):format(
          url "/slack"
        )
      )
      local text = [[api.sleep(0) api.alert "one" print "said" io.stdout:flush() api.sleep(1000)]]
      r = live_run.start(x, { text }, { "--config", folder .. "/conf.lua" })
      r:wait_for "said"
      wait.till("the first", function() return #got() >= 1 end)
      wait.till("the mark", function() return run.read(r:path(nil, "alerts.sent")):find "^[1-9]%d*\n0\n$" end)
      r:kill(15)
      assert.equal(0, r:wait())
      -- The other target is there now.
      config(
        ([[to = { { kind = "slack", url = %q }, { kind = "webhook", url = %q } }]]):format(
          url "/slack",
          url "/hook"
        )
      )
      local sender = ("%s alert serve '%s' --parent=999999999 --config=%s/conf.lua 2>&1"):format(
        require("moontide.lua_host").exe,
        r:path(),
        folder
      )
      os.execute(sender)
      local by_path = {}
      for _, g in ipairs(got()) do
        -- A slow machine makes a run warn of more.
        if cjson.decode(g.body).text:find "one$" then by_path[g.path] = (by_path[g.path] or 0) + 1 end
      end
      assert.same({ ["/slack"] = 1, ["/hook"] = 1 }, by_path)
    end
  )

  it("tell that a worker was killed and started again", function()
    config(([[to = { { kind = "slack", url = %q } }]]):format(url "/slack"))
    r = live_run.start(x, { [[api.sleep(0) print "lives" io.stdout:flush() api.sleep(1000)]] }, {
      "--config",
      folder .. "/conf.lua",
    })
    r:wait_for "lives"
    r:kill(9, r:ask({ cmd = "status" }).pid)
    wait.till("the alert", function() return service:log():find("script was killed by SIGKILL", 1, true) end)
    -- In its log too.
    wait.till(
      "the line",
      function() return run.read(r:path(nil, "log")):find("ERROR script was killed by SIGKILL", 1, true) end
    )
  end)
end)
