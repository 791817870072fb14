-- Clients that misbehave are shed, and hurt nobody else.
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"
require "spec.support.websocket" -- poll
local socket = require "spec.support.socket"
local websocket = require "spec.support.websocket"

describe("moontide exchange: bad clients", function()
  local x
  setup(function() x = lx.start { "--symbols", "BTCUSDT", "--client-timeout", "1", "--no-limits" } end)
  teardown(function() x:stop() end)

  -- Everybody else is served.
  local function unhurt()
    for _ = 1, 5 do
      assert.equal(200, x:public("/fapi/v1/time").status)
    end
  end

  local function memory_mb()
    return tonumber(run.read("/proc/" .. x.pid .. "/status"):match "VmRSS:%s+(%d+)") / 1024
  end

  it("one that sends a byte a second is cut", function()
    local s = socket.connect(x.port)
    local ended
    for c in ("GET /fapi/v1/time HTTP/1.1\r\n"):gmatch "." do
      s:send(c)
      if s:receive(0.4) == nil then
        ended = true
        break
      end
    end
    assert.is_true(ended)
    s:close()
    unhurt()
  end)

  it("one that never reads is cut, its answers not kept for ever", function()
    local s = socket.connect(x.port)
    local request = ("GET /fapi/v1/depth?symbol=BTCUSDT&limit=1000 HTTP/1.1\r\n\r\n"):rep(1000)
    for _ = 1, 100 do
      if not s:send(request) then break end
      unhurt()
    end
    lx.wait_for("the cut", function() return not s:send "x" end)
    s:close()
    assert.is_true(memory_mb() < 400, memory_mb() .. " MB")
  end)

  it("a thousand connections stand beside others", function()
    local all = {}
    for i = 1, 1000 do
      all[i] = assert(socket.connect(x.port))
    end
    unhurt()
    for i = 1, 1000, 50 do
      all[i]:send "GET /fapi/v1/ping HTTP/1.1\r\n\r\n"
      assert.truthy(all[i]:receive(60):find("200 OK", 1, true))
    end
    for _, s in ipairs(all) do
      s:close()
    end
    unhurt()
  end)

  it("a head without an end is answered 431, a long body 413, a long line likewise", function()
    for _, text in ipairs { "GET / HTTP/1.1\r\nX-Long: ", "GET /" } do
      local s = socket.connect(x.port)
      s:send(text)
      local reply
      lx.wait_for("the refusal", function()
        s:send(("a"):rep(8192))
        reply = s:receive(0.01)
        return reply ~= ""
      end)
      assert.truthy(reply == nil or reply:find("^HTTP/1.1 431"), tostring(reply))
      s:close()
    end
    local s = socket.connect(x.port)
    s:send "POST /fapi/v1/order HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n"
    local reply = ""
    lx.wait_for("the refusal", function()
      s:send(("a"):rep(8192))
      reply = s:receive(0.01)
      return reply ~= ""
    end)
    assert.truthy(reply == nil or reply:find "^HTTP/1.1 413", tostring(reply))
    s:close()
    unhurt()
    assert.is_true(memory_mb() < 400)
  end)

  it("what is no HTTP, no handshake or no frame is refused or cut", function()
    for _, text in ipairs {
      "\22\3\1\2\0\1\0\1",
      "HELLO\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
      "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n",
    } do
      local s = socket.connect(x.port)
      s:send(text)
      local reply = s:receive(60)
      assert.truthy(reply == nil or reply:find "^HTTP/1.1 4", text)
      s:close()
    end
    for _, bytes in ipairs {
      "\129\5hello",
      ("\255"):rep(20),
      "\131\128\0\0\0\0",
      "\129\255\127\255\255\255\255\255\255\255\0\0\0\0abc",
    } do
      local ws = websocket.open(x.port, "/market/ws")
      ws:send_raw(bytes)
      assert.is_false(ws:text())
      ws:close()
    end
    for _, path in ipairs {
      "/fapi/v1/depth?symbol=%",
      "/fapi/v1/depth?symbol=%zz",
      "/fapi/v1/depth?symbol=%00",
      "/fapi/v1/depth?" .. ("a=b&"):rep(100),
    } do
      assert.equal(400, x:raw("GET", path).status, path)
    end
    unhurt()
  end)

  it("pipelined requests are answered in their order, also behind one that is late", function()
    x:faults { { fault = "delay", call = "GET /fapi/v1/time", delay = 0.2 } }
    local s = socket.connect(x.port)
    s:send(
      "GET /fapi/v1/time HTTP/1.1\r\n\r\nGET /fapi/v1/ping HTTP/1.1\r\n\r\nGET /fapi/v1/nothing HTTP/1.1\r\nConnection: close\r\n\r\n"
    )
    local all = ""
    repeat
      local part = s:receive(60)
      all = all .. (part or "")
    until not part
    s:close()
    x:no_faults()
    assert.truthy(all:find('"serverTime".*{}.*404 Not Found'), all)
  end)

  it("the command line says what is wrong in one line", function()
    for _, case in ipairs {
      { { "exchange", "--port", "x" }, 2, "--port x: expected an integer from 0 to 65535" },
      { { "exchange", "here" }, 2, "takes options only" },
      {
        { "exchange", "--port", tostring(x.port) },
        1,
        "cannot listen on 127.0.0.1 port " .. x.port .. ": address already in use",
      },
      { { "exchange", "--listen", "nowhere", "--port", "0" }, 1, "nowhere is not an IP address" },
      { { "exchange", "--tls", "a", "--port", "0" }, 2, "--tls needs two files" },
      {
        { "exchange", "--tls", "/nowhere/a", "/nowhere/b", "--port", "0" },
        1,
        "/nowhere/a: no certificate in PEM there",
      },
      { { "exchange", "--symbols", "BTC-USDT" }, 2, "'BTC-USDT' is not a symbol" },
      { { "exchange", "--speed", "fast" }, 2, "--speed fast: expected a number from 0.01 to 100000, or max" },
      { { "exchange", "--loop" }, 2, "--loop belongs to --data" },
      { { "exchange", "--data", "/nowhere" }, 1, "/nowhere" },
      { { "exchange", "--faults", "/nowhere" }, 1, "/nowhere" },
      { { "exchange", "--state", "" }, 2, "--state : expected the name of a file" },
      { { "exchange", "--order-limits", "5" }, 2, "such as 300,1200" },
      { { "exchange", "--public-key", "/dev/null", "--port", "0" }, 1, "the key is not" },
    } do
      local r = run.moontide(case[1])
      assert.equal(case[2], r.status, table.concat(case[1], " ") .. ": " .. r.err)
      assert.truthy(r.err:find(case[3], 1, true), r.err)
      assert.equal(1, select(2, r.err:gsub("\n", "")), r.err)
    end
  end)
end)
