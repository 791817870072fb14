-- Proxies, for requests and streams alike: a name that only the proxy can lead anywhere, over real sockets.
local lx = require "spec.support.local_exchange"
local program = require "spec.support.program"
local run = require "spec.support.run"
local live_run = require "spec.support.live_run"
local probe = require "spec.support.probe"

local HANDLERS = [[
  return { symbols = { "BTCUSDT" },
    on_start = function()
      local o = assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 })
      print("order", o.status)
    end,
    on_fill = function(_, f) print("fill", f.qty) io.stdout:flush() end,
  } ]]

describe("a proxy", function()
  local folder, x, plain, proxy, asking
  setup(function()
    folder = run.folder()
    os.execute(
      (
        "cd %s && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem -subj /CN=exchange.invalid "
        .. "-addext subjectAltName=DNS:exchange.invalid,DNS:api.invalid 2>/dev/null"
      ):format(folder)
    )
    x = lx.start {
      "--no-limits",
      "--symbols",
      "BTCUSDT",
      "--host",
      "exchange.invalid",
      "--host",
      "api.invalid",
      "--tls",
      folder .. "/cert.pem",
      folder .. "/key.pem",
    }
    plain = lx.start { "--no-limits", "--symbols", "BTCUSDT" }
    proxy = program.start("proxy", x.port)
    asking = program.start("proxy", x.port, "trader:pa5sword")
  end)
  teardown(function()
    proxy:stop()
    asking:stop()
    plain:stop()
    x.session:close()
    require("ffi").C.kill(x.pid, 2)
    run.remove(folder)
  end)

  -- There is no such host: what arrives has come by the proxy.
  local function far(script, arguments, environment)
    local at = ("//exchange.invalid:%d"):format(x.port)
    local all = { "--stream-url", "wss:" .. at, "--yes-real-money", "--ca-file", folder .. "/cert.pem" }
    for _, a in ipairs(arguments or {}) do
      all[#all + 1] = a
    end
    return live_run.whole(
      { url = "https:" .. at, key = x.key, secret = x.secret },
      script,
      all,
      ("MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s %s"):format(x.key, x.secret, environment or "")
    )
  end

  local function ran(r)
    assert.equal(0, r.status, r.err)
    assert.truthy(r.out:find("order\tFILLED", 1, true), r.out .. r.err)
    assert.truthy(r.out:find("fill\t0.0", 1, true), r.out .. r.err)
    assert.truthy(r.err:find("reconnects=0", 1, true), r.err)
  end

  it("carries all of a live run by CONNECT: requests, market and user streams", function()
    local before = proxy:count "CONNECT exchange.invalid"
    ran(
      far(
        HANDLERS,
        { "--orders", "1", "--proxy", "http://127.0.0.1:" .. proxy.ports[1], "--warm-connections", "0" }
      )
    )
    local tunnels = proxy:count "CONNECT exchange.invalid" - before
    assert.is_true(tunnels >= 4, tunnels .. " tunnels") -- the rules' request, those of the run, two streams
    assert.equal(0, proxy:count "GET")
  end)

  it("carries orders by the WebSocket API too", function()
    local r = far(HANDLERS, {
      "--orders",
      "1",
      "--proxy",
      "http://127.0.0.1:" .. proxy.ports[1],
      "--order-channel",
      "ws",
      "--ws-api-url",
      ("wss://api.invalid:%d/ws-fapi/v1"):format(x.port),
    })
    ran(r)
    assert.truthy(r.err:find "by_websocket=[1-9]", r.err)
    assert.equal(1, proxy:count "CONNECT api.invalid")
  end)

  it("may be of SOCKS, which resolves the names too", function()
    ran(far(HANDLERS, { "--orders", "1", "--proxy", "socks5h://127.0.0.1:" .. proxy.ports[2] }))
    assert.is_true(proxy:count "SOCKS exchange.invalid" >= 4, proxy:log())
  end)

  it("takes name and password from the environment, and nothing of them is told", function()
    for i, kind in ipairs { "http", "socks5h" } do
      local r = far(
        HANDLERS,
        { "--orders", "1" },
        ("https_proxy=%s://trader:pa5sword@127.0.0.1:%d"):format(kind, asking.ports[i])
      )
      ran(r)
      assert.falsy((r.out .. r.err):find("pa5sword", 1, true))
    end
    local r = far(HANDLERS, {}, "https_proxy=http://trader:wr0ng@127.0.0.1:" .. asking.ports[1])
    assert.equal(1, r.status)
    assert.truthy(r.err:find("the proxy asks for a name and a password (407)", 1, true), r.err)
    assert.falsy(r.err:find("wr0ng", 1, true))
  end)

  it("is refused in one line when it is none, or shows a password to everybody", function()
    local r = far(HANDLERS, { "--proxy", "http://trader:pa5sword@127.0.0.1:1" })
    assert.equal(2, r.status)
    assert.truthy(r.err:find("a password on the command line can be read by everybody", 1, true), r.err)
    assert.falsy(r.err:find("pa5sword", 1, true))
    r = far(HANDLERS, { "--proxy", "gopher://127.0.0.1:70" })
    assert.equal(2, r.status)
    assert.truthy(r.err:find("--proxy: unknown kind of proxy gopher", 1, true), r.err)
    r = far(HANDLERS, {}, "https_proxy=ftp://trader:pa5sword@127.0.0.1:1")
    assert.equal(1, r.status)
    assert.truthy(r.err:find("the environment's https_proxy: unknown kind of proxy ftp", 1, true), r.err)
    assert.falsy(r.err:find("pa5sword", 1, true))
  end)

  it("is passed by for the hosts of no_proxy, by requests and streams alike", function()
    local nowhere = "http://127.0.0.1:1"
    local key = ("MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s "):format(plain.key, plain.secret)
    ran(
      live_run.whole(
        plain,
        HANDLERS,
        { "--orders", "1" },
        key .. "http_proxy=" .. nowhere .. " no_proxy=elsewhere,127.0.0.1"
      )
    )
    ran(live_run.whole(plain, HANDLERS, { "--orders", "1", "--proxy", nowhere }, key .. "NO_PROXY=127.0.0.1"))
    local r =
      live_run.whole(plain, HANDLERS, { "--orders", "1", "--proxy", nowhere }, key .. "NO_PROXY=elsewhere")
    assert.equal(1, r.status)
    assert.truthy(r.err:find("127.0.0.1 port 1", 1, true), r.err)
    for environment, way in pairs { [""] = true, ["127.0.0.1"] = false } do
      local p = probe.open { proxy = nowhere, environment = { no_proxy = environment } }
      local took, problem = p:stream(plain.url:gsub("^http", "ws") .. "/market/ws")
      p:close()
      if way then
        assert.truthy(problem:find("port 1", 1, true), problem)
      else
        assert.is_number(took, problem)
      end
    end
  end)

  it(
    "that is of no use is named with its reason, for streams as for requests, and waited for no longer than allowed",
    function()
      local url = ("wss://exchange.invalid:%d/market/ws"):format(x.port)
      for i, expected in pairs { [3] = "timed? ?out", [4] = "Proxy CONNECT aborted" } do
        local p = probe.open { proxy = "http://127.0.0.1:" .. proxy.ports[i], timeout = 0.5 }
        local took, problem = p:stream(url)
        p:close()
        assert.equal(nil, took)
        assert.truthy(problem:find(expected), problem)
      end
      local p = probe.open { proxy = "http://127.0.0.1:" .. asking.ports[1] }
      local _, problem = p:stream(url)
      p:close()
      assert.truthy(problem:find("the proxy asks for a name and a password (407)", 1, true), problem)
    end
  )

  it("that goes away takes the streams along, and they come back with it", function()
    local own = program.start("proxy", plain.port)
    local port = own.ports[1]
    local r = live_run.start(plain, { HANDLERS }, { "--proxy", "http://127.0.0.1:" .. port })
    finally(function()
      r:close()
      own:stop()
    end)
    r:wait_for "fill\t0.0"
    assert.is_true(own:count(("CONNECT 127.0.0.1:%d"):format(plain.port)) >= 2, own:log()) -- the streams
    assert.is_true(own:count "GET http://127.0.0.1" >= 2, own:log())
    own:stop()
    r:wait_for "WARN market stream: the server ended the connection; again in 0.0 s"
    r:wait_for(("port %d after"):format(port))
    r:wait_for "again in 0.4 s"
    own = program.start("proxy", plain.port, "-", port)
    r:wait_for "INFO market stream: connected again"
    r:wait_for "INFO user stream: connected again"
    r:kill(2)
    assert.equal(0, r:wait(), r:err())
  end)
end)
