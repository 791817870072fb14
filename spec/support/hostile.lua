-- A WebSocket server that means harm: moontide script THIS PORT ADDRESS[/LISTEN] [MODE...]
-- Stands before the local exchange at PORT and listens on ADDRESS (and LISTEN, where given). Each connection takes the next MODE; those after the last one,
-- and those that ask for anything else than a WebSocket, are passed on as they are. A mode acts in place of the answer to the
-- handshake, or (a frame's) right after it. Prints its port, then what happened to whom.
package.path = "./?.lua;" .. package.path
local bit = require "bit"
local host = require "moontide.lua_host"
local peer = require "spec.support.peer"

local given = { ... }
local port, address, listen = tonumber(given[1]), given[2]:match "^([^/]+)/?(%d*)$"
local modes = { unpack(given, 3) }

local function text(payload)
  assert(#payload < 65536)
  if #payload < 126 then return "\129" .. string.char(#payload) .. payload end
  return "\129\126" .. string.char(bit.rshift(#payload, 8), bit.band(#payload, 255)) .. payload
end

-- In place of the answer to the handshake; the connection stays open after.
local ACCEPTED =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
local answers = {
  garbage = function(c) c:write("\22\3\1\2\0\1\0\1\252\3\3 garbage\n\0\255" .. ("\200x"):rep(2000)) end,
  half = function(c)
    c:write "HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso"
    c:shutdown()
  end,
  drip = function(c)
    for i = 1, 1000 do
      if not c:write(("HTTP/1.1 101 Switching Protocols\r\nX-Slow: " .. ("x"):rep(1000)):sub(i, i)) then
        return
      end
      peer.sleep(0.1)
    end
  end,
  huge = function(c)
    c:write "HTTP/1.1 101 Switching Protocols\r\n"
    for _ = 1, 100000 do
      if not c:write("X-Padding: " .. ("y"):rep(1000) .. "\r\n") then return end
    end
  end,
  accept = function(c) c:write(ACCEPTED:format "bm90IHRoZSByaWdodCBvbmUgYXQgYWxs") end,
  plain = function(c) c:write "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" end,
  refused = function(c) c:write "HTTP/1.1 403 Go\27[31maway\r\nContent-Length: 0\r\n\r\n" end,
  ending = function() end,
  silent = function(c) c:read() end,
}

-- After the handshake.
local frames = {
  opcode = "\131\0",
  rsv = "\193\0",
  masked = "\129\129\1\2\3\4x",
  control = "\137\126\0\128" .. ("p"):rep(128),
  split_control = "\9\0",
  continuation = "\128\1x",
  interrupted = "\1\1{\129\1x",
  large = "\129\127\0\0\0\0\64\0\0\0x",
  endless = "\129\127" .. ("\255"):rep(8),
  utf8 = "\129\2\195\40",
  close_code = "\136\2\0\7",
  close = "\136\18\3\240go\naway\27[31m now",
  half_json = text '{"e":"aggTrade","s":"BTCUSDT","p":"1',
  empty = text "",
  bare = text "7",
  nul = text '{"e":\0}',
  deep = text(("["):rep(60000)),
}

-- Texts that are JSON, and of the wrong shape: none of them ends the connection.
local shapes = {}
for _, value in ipairs {
  "[]",
  '"text"',
  "{}",
  '{"e":5}',
  '{"e":null}',
  '{"e":"nobody knows"}',
  '{"result":7,"id":"x"}',
  '{"error":{"code":2,"msg":"no"},"id":1}',
  '{"stream":"x","data":{"e":"kline"}}',
} do
  shapes[#shapes + 1] = value
end
for _, name in ipairs {
  "kline",
  "aggTrade",
  "markPriceUpdate",
  "bookTicker",
  "depthUpdate",
  "ORDER_TRADE_UPDATE",
  "ALGO_UPDATE",
  "ACCOUNT_UPDATE",
  "TRADE_LITE",
  "ACCOUNT_CONFIG_UPDATE",
} do
  for _, rest in ipairs {
    "",
    ',"s":null',
    ',"s":7',
    ',"s":""',
    ',"s":"BTCUSDT"',
    ',"s":["BTCUSDT"]',
    ',"k":[],"o":[],"a":[],"b":{}',
    ',"k":7,"o":"x","a":null',
    ',"s":"BTCUSDT","p":"-1","q":"x","a":1e400,"b":-0,"u":"9999999999999999999999","U":{},"pu":[],"r":"","T":"soon","A":"","B":""',
    ',"s":"BTCUSDT","a":1,"p":"0","q":"0","T":1,"r":"0","u":1,"U":1,"pu":0,"b":[["1"]],"A":"1","B":"1"',
    ',"k":{"s":"BTCUSDT","t":"x","i":"1m","o":"a","h":"b","l":"c","c":"d","x":1},"o":{"s":"BTCUSDT","c":"a","S":"UP","q":"1","x":"?","X":"?","i":-1,"z":"1","caid":"c","aid":"d"}',
    ',"a":{"m":"ORDER","B":[{"a":"USDT"},7,null],"P":[{"pa":"5","ps":"BOTH","ep":"1"},{"s":"","pa":"5","ps":"BOTH","ep":"1"},{"s":"BTCUSDT","pa":"x","ps":"BOTH","ep":"1"},{"s":"BTCUSDT","pa":"1","ps":"UP","ep":"1"},9]}',
  } do
    shapes[#shapes + 1] = ('{"e":"%s","E":1%s}'):format(name, rest)
  end
end

-- What takes its time, after the handshake.
local slow = {
  shapes = function(c)
    for _, s in ipairs(shapes) do
      c:write(text(s))
    end
  end,
  -- A byte now and then of a message that never ends.
  dripping = function(c)
    c:write "\129\127\0\0\0\0\0\255\0\0"
    while c:write "x" do
      peer.sleep(0.05)
    end
  end,
  -- Pieces without end, each of nothing.
  pieces = function(c)
    c:write "\1\0"
    local piece = ("\0\0"):rep(8000)
    while c:write(piece) do
      peer.sleep(0)
    end
  end,
  -- As fast as it goes, and nothing is read: each ping is to be answered.
  pings = function(c)
    local ping = ("\137\125" .. ("p"):rep(125)):rep(200)
    while c:write(ping) do
    end
  end,
}

-- Answers of the WebSocket API that are none, in turn, to whatever is asked; what is asked is passed on, and answered well after.
local lies, lie =
  {
    '"status":200,"result":{}',
    '"status":200,"result":null',
    '"status":200,"result":[]',
    '"status":"200","result":7',
    '"status":200,"result":{"orderId":1,"symbol":"BTCUSDT","status":"FILLED","clientOrderId":"another","origQty":"1","executedQty":"1","side":"BUY","type":"LIMIT"}',
    '"status":200,"result":{"orderId":"x","status":"WHAT"}',
    '"status":500,"error":{}',
    '"status":0,"error":{}',
    '"status":-7,"error":[1]',
    '"status":503,"error":{"code":"no","msg":{}}',
    '"status":99999999999999999999,"error":{"code":1e99}',
  }, 0
local function lying(c)
  return function(bytes)
    lie = lie % #lies + 1
    for id = 2, 60 do
      c:write(text(('{"id":%d,%s}'):format(id, lies[lie])))
    end
    peer.log("lie %d", lie)
    return bytes
  end
end

local function hold(c, name, since)
  while c:read() do
  end
  peer.log("%s left after %.0f ms", name, (host.monotonic() - since) * 1000)
end

local function pass_on(c, head, name)
  local other = peer.connect(port)
  if not other then return end
  other:write(head)
  local struck
  local up = name == "lies" and lying(c) or nil
  peer.relay(c, other, up, name and not up and function(bytes)
    if struck or not bytes:find("\r\n\r\n", 1, true) then return false end
    struck = host.monotonic()
    peer.log("%s strikes", name)
    if name == "shapes" then -- and goes on
      slow.shapes(c)
      peer.log "shapes told"
      return false
    end
    return true
  end)
  other:close()
  if not struck or name == "shapes" then return end
  if slow[name] then
    slow[name](c)
    peer.log("%s left after %.0f ms", name, (host.monotonic() - struck) * 1000)
  else
    c:write(frames[name])
    hold(c, name, struck)
  end
end

local next_mode = 0
peer.log(
  "ports %d",
  peer.listen(function(c)
    local head = c:head()
    if not head then return end
    head = head .. c.rest
    c.rest = ""
    local name = nil
    if head:lower():find("upgrade: websocket", 1, true) then
      next_mode = next_mode + 1
      name = modes[next_mode]
    end
    if name and answers[name] then
      local since = host.monotonic()
      peer.log("%s strikes", name)
      answers[name](c)
      if name ~= "ending" then hold(c, name, since) end
    else
      assert(not name or frames[name] or slow[name] or name == "lies", name)
      pass_on(c, head, name)
    end
  end, { address = address, port = tonumber(listen) })
)
peer.run()
