-- Who may ask the local exchange: programs of this machine, and no page that a browser shows; and in words of HTTP that all readers
-- understand alike.
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"
local socket = require "spec.support.socket"
local websocket = require "spec.support.websocket"
require "spec.support.websocket"

describe("moontide exchange: who may ask", function()
  local x
  setup(function() x = lx.start { "--symbols", "BTCUSDT", "--no-limits", "--host", "box.example" } end)
  teardown(function() x:stop() end)

  -- The status of the answer to raw bytes; nil when there is none.
  local function status(bytes)
    local s = socket.connect(x.port)
    s:send(bytes)
    local reply = s:receive(10)
    s:close()
    return reply and tonumber(reply:match "^HTTP/1.1 (%d+)")
  end

  local function get(headers, path)
    return status(("GET %s HTTP/1.1\r\n%s\r\n"):format(path or "/fapi/v1/time", headers))
  end

  it("serves names and addresses of this machine, and no other name that leads here", function()
    for _, host in ipairs {
      "127.0.0.1",
      "127.0.0.1:" .. x.port,
      "localhost",
      "LOCALHOST:9090",
      "[::1]:1",
      "10.0.0.7",
      "box.example",
      "BOX.example:80",
    } do
      assert.equal(200, get("Host: " .. host .. "\r\n"), host)
    end
    for _, host in ipairs {
      "evil.example",
      "evil.example:9090",
      "localhost.evil.example",
      "127.0.0.1.evil.example",
      "evil.example:127.0.0.1",
      "127.0.0.1@evil.example",
      "box.example.evil",
      "",
      "[::1",
      "localhost:80:80",
      ("a"):rep(300),
      "127.0.0.1/",
      "local host",
    } do
      assert.is_true((get("Host: " .. host .. "\r\n") or 0) >= 400, host)
    end
    assert.equal(400, get "Host: localhost\r\nHost: evil.example\r\n")
    assert.equal(400, get "Host: localhost\r\nHost: localhost\r\n")
  end)

  it("serves no page from elsewhere, be it by a stream", function()
    for _, origin in ipairs {
      "http://localhost:3000",
      "http://127.0.0.1:" .. x.port,
      "http://[::1]:5",
      "https://box.example",
    } do
      assert.equal(200, get("Origin: " .. origin .. "\r\n"), origin)
    end
    for _, origin in ipairs {
      "https://evil.example",
      "null",
      "http://127.0.0.1.evil.example",
      "http://10.0.0.7",
      "localhost",
      "",
      "http://localhost.evil.example",
    } do
      assert.equal(403, get("Origin: " .. origin .. "\r\n"), origin)
    end
    assert.equal(403, get "Sec-Fetch-Site: cross-site\r\n")
    assert.equal(200, get "Sec-Fetch-Site: same-origin\r\n")
    local shake =
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    assert.equal(101, get(shake, "/ws-fapi/v1"))
    assert.equal(101, get(shake .. "Host: localhost\r\nOrigin: http://localhost\r\n", "/ws-fapi/v1"))
    assert.equal(403, get(shake .. "Origin: https://evil.example\r\n", "/ws-fapi/v1"))
    assert.equal(403, get(shake .. "Host: evil.example\r\n", "/public/ws"))
  end)

  it("shows its own pages to who has the token of this start", function()
    assert.equal(401, get("", "/moontide/audit"))
    assert.equal(401, get("X-Moontide-Token: \r\n", "/moontide/audit"))
    assert.equal(401, get("X-Moontide-Token: " .. ("0"):rep(32) .. "\r\n", "/moontide/faults"))
    assert.equal(401, get("X-Moontide-Token: " .. x.token .. "0\r\n", "/moontide/faults"))
    assert.equal(200, get("X-Moontide-Token: " .. x.token .. "\r\n", "/moontide/audit"))
    assert.equal(32, #x.token)
    assert.equal(200, x:raw("GET", "/moontide/faults").status)
    assert.equal(
      401,
      status "POST /moontide/shock?symbol=BTCUSDT&factor=0.6 HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
    )
  end)

  it("says to who has no token what to send, and where it comes from", function()
    local session = require("spec.support.http").session()
    local reply = session:request("GET", x.url .. "/moontide/audit", {})
    session:close()
    assert.equal(401, reply.status)
    for _, word in ipairs { "X-Moontide-Token: TOKEN", "printed", "MOONTIDE_EXCHANGE_TOKEN" } do
      assert.truthy(reply.body:find(word, 1, true), reply.body)
    end
  end)

  it("takes the token that its environment names, and no weak one", function()
    local token = ("Kx-9_"):rep(4)
    local other = lx.start({ "--symbols", "BTCUSDT" }, "MOONTIDE_EXCHANGE_TOKEN=" .. token)
    local s, printed = socket.connect(other.port), other.token
    s:send("GET /moontide/audit HTTP/1.1\r\nX-Moontide-Token: " .. token .. "\r\n\r\n")
    local reply = s:receive(10)
    s:close()
    other:stop()
    assert.equal(token, printed)
    assert.truthy(reply and reply:find "^HTTP/1.1 200", reply)
    for _, weak in ipairs { "short", ("x"):rep(65), ("x"):rep(20) .. "!" } do
      local r = run.moontide({ "exchange", "--port", "0" }, ("MOONTIDE_EXCHANGE_TOKEN='%s'"):format(weak))
      assert.equal(2, r.status)
      assert.truthy(r.err:find "MOONTIDE_EXCHANGE_TOKEN must have 16 to 64", r.err)
    end
  end)

  it("refuses what two readers of HTTP could take for different requests", function()
    local post = "POST /fapi/v1/listenKey HTTP/1.1\r\nHost: localhost\r\n"
    for name, bytes in pairs {
      ["a space before the colon"] = post .. "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
      ["a tab before the colon"] = post .. "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
      ["a name that is no token"] = post .. "Content Length: 3\r\n\r\nabc",
      ["a header without a name"] = post .. ": chunked\r\n\r\n",
      ["a header without a colon"] = post .. "Transfer-Encoding\r\n\r\n",
      ["a folded header"] = post .. "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
      ["a folded first header"] = "GET /fapi/v1/time HTTP/1.1\r\n Host: localhost\r\n\r\n",
      ["two lengths"] = post .. "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
      ["two lengths in one"] = post .. "Content-Length: 3, 3\r\n\r\nabc",
      ["a length and chunks"] = post .. "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      ["chunks and a length"] = post .. "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
      ["another coding"] = post .. "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      ["a coding of a name like it"] = post .. "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
      ["chunks twice"] = post .. "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
      ["chunks of HTTP/1.0"] = "POST /fapi/v1/listenKey HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      ["a length with a sign"] = post .. "Content-Length: +3\r\n\r\nabc",
      ["a line that ends in LF"] = "GET /fapi/v1/time HTTP/1.1\nHost: localhost\r\n\r\n",
      ["headers that end in LF"] = "GET /fapi/v1/time HTTP/1.1\r\nHost: localhost\n\r\n",
      ["a head that ends in LF"] = "GET /fapi/v1/time HTTP/1.1\r\nHost: localhost\r\n\n",
      ["a CR within a line"] = "GET /fapi/v1/time HTTP/1.1\r\nX: a\rb\r\n\r\n",
      ["a NUL"] = "GET /fapi/v1/time HTTP/1.1\r\nX: a\0b\r\n\r\n",
    } do
      assert.equal(400, status(bytes), name)
    end
  end)

  it("serves requests one after another on a connection, however their bytes come", function()
    local one = "POST /fapi/v1/listenKey HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
      .. "GET /fapi/v1/time HTTP/1.1\r\nHost: localhost\r\n\r\n"
      .. "DELETE /fapi/v1/listenKey HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc\r\n"
      .. "GET /fapi/v1/ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    for _, step in ipairs { 1, 2, 7, #one } do
      local s, got = socket.connect(x.port), ""
      for i = 1, #one, step do
        s:send(one:sub(i, i + step - 1))
      end
      for _ = 1, 50 do
        local bytes = s:receive(10)
        if not bytes or bytes == "" then break end
        got = got .. bytes
      end
      s:close()
      local count = select(2, got:gsub("HTTP/1%.1 ", ""))
      assert.equal(4, count, step .. ": " .. got)
      assert.equal(2, select(2, got:gsub("HTTP/1%.1 200", "")), got)
    end
    -- What stands after a whole request is looked at as the first was.
    local s = socket.connect(x.port)
    s:send "GET /fapi/v1/ping HTTP/1.1\r\n\r\nGET /fapi/v1/ping HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n"
    local got = s:receive(10) or ""
    while got:find "HTTP/1.1 4" == nil do
      got = got .. assert(s:receive(10))
    end
    assert.truthy(got:find "^HTTP/1.1 200.*HTTP/1.1 400")
    s:close()
  end)

  it("is asked by its own clients as before", function()
    local s = websocket.open(x.port, "/public/ws")
    assert.is_truthy(s)
    s:close()
  end)
end)
