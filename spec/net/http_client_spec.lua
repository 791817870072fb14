-- The HTTP edge by itself (through host/probe), against peers over real sockets.
local ffi = require "ffi"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

local function probe(o)
  local p = require("spec.support.probe").open(o)
  return function(method, url) return p:ask(method, url) end
end

describe("the HTTP client", function()
  local folder, x, peer, h2, dropping, silent
  setup(function()
    folder = run.folder()
    os.execute(
      (
        "cd %s && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem -subj /CN=localhost "
        .. "-addext subjectAltName=IP:127.0.0.1 2>/dev/null"
      ):format(folder)
    )
    x = lx.start { "--symbols", "BTCUSDT,ETHUSDT", "--tls", folder .. "/cert.pem", folder .. "/key.pem" }
    if os.execute "command -v node >/dev/null" == 0 then
      local pipe = io.popen(
        ("node %s/spec/support/peer.mjs %s/cert.pem %s/key.pem >%s/peer 2>&1 & echo $!"):format(
          run.root,
          folder,
          folder,
          folder
        )
      )
      peer = pipe:read "*l"
      pipe:close()
      h2, dropping, silent = lx.wait_for(
        "the peer",
        function() return run.read(folder .. "/peer"):match "(%d+) (%d+) (%d+)\n" end
      )
      h2, dropping, silent = run.read(folder .. "/peer"):match "(%d+) (%d+) (%d+)\n"
    end
  end)
  teardown(function()
    x.session:close()
    ffi.C.kill(x.pid, 2)
    if peer then os.execute("kill " .. peer) end
    run.remove(folder)
  end)
  local function needs_node()
    if not peer then pending "node is not installed: no peer with HTTP/2" end
    return peer
  end

  it("takes a server's word only with a certificate it can verify, for the name it asked for", function()
    local _, problem = probe()("GET", x.url .. "/fapi/v1/ping")
    assert.truthy(problem and problem:find("certificate", 1, true), problem)
    local ask = probe { ca_file = folder .. "/cert.pem" }
    assert.equal(200, (ask("GET", x.url .. "/fapi/v1/ping")))
    _, problem = ask("GET", (x.url:gsub("127%.0%.0%.1", "localhost")) .. "/fapi/v1/ping") -- the certificate is for the address alone
    assert.truthy(problem and problem:find("localhost", 1, true), problem)
  end)

  it("asks for long answers in gzip and hands them over plain", function()
    local status, body = probe { ca_file = folder .. "/cert.pem" }("GET", x.url .. "/fapi/v1/exchangeInfo")
    assert.equal(200, status)
    assert.equal(2, #require("cjson").decode(body).symbols)
  end)

  it("speaks HTTP/2 where it is offered", function()
    if not needs_node() then return end
    local status, body =
      probe { ca_file = folder .. "/cert.pem" }("GET", ("https://127.0.0.1:%s/"):format(h2))
    assert.equal(200, status)
    assert.equal("2.0", require("cjson").decode(body).version)
  end)

  it("goes through a proxy when it is told one", function()
    -- The local exchange takes any request it is sent: that it was sent one for another name shows the way it took.
    local plain = lx.start { "--symbols", "BTCUSDT", "--host", "nosuch.invalid" }
    finally(function() plain:stop() end)
    local status, body = probe { proxy = plain.url }("GET", "http://nosuch.invalid/fapi/v1/ping")
    assert.equal(404, status)
    assert.truthy(body:find("Path http://nosuch.invalid/fapi/v1/ping", 1, true), body)
    local _, problem = probe { proxy = "http://127.0.0.1:1" }("GET", plain.url .. "/fapi/v1/ping")
    assert.truthy(problem:find("127.0.0.1 port 1", 1, true), problem)
  end)

  it("sends no request twice when a kept connection dies, whatever its method", function()
    if not needs_node() then return end
    local base = "http://127.0.0.1:" .. dropping
    for i, method in ipairs { "POST", "PUT", "DELETE", "GET" } do
      local ask = probe()
      assert.equal(200, (ask(method, base .. "/order")))
      local status, problem = ask(method, base .. "/order") -- read by the peer, and the connection cut
      assert.equal(nil, status, method)
      assert.truthy(problem:find("/order: ", 1, true), problem)
      local _, count = probe()("GET", base .. "/count")
      assert.equal(2 * i, tonumber(count), method)
    end
  end)

  it("gives up on a peer that never answers, in time", function()
    if not needs_node() then return end
    local status, problem = probe { timeout = 0.4 }("GET", ("http://127.0.0.1:%s/"):format(silent))
    assert.equal(nil, status)
    assert.truthy(problem:find("timed out", 1, true), problem)
  end)
end)
