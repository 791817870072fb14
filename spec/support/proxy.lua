-- A proxy for specs: moontide script THIS PORT [USER:PASSWORD|-] [LISTEN]
-- Leads every name to 127.0.0.1:PORT. Prints the ports of: an HTTP proxy (LISTEN, where given), a SOCKS5 proxy (with USER:PASSWORD where given), one that
-- takes requests and never answers, one that ends the connection instead. Then a line for each request.
package.path = "./?.lua;" .. package.path
local bit = require "bit"
local peer = require "spec.support.peer"

local given = { ... }
local port, secret = tonumber(given[1]), given[2] ~= "-" and given[2] or nil

local function base64(text)
  local letters, out = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", {}
  for i = 1, #text, 3 do
    local a, b, c = text:byte(i, i + 2)
    local n = bit.bor(bit.lshift(a, 16), bit.lshift(b or 0, 8), c or 0)
    for k = 0, 3 do
      local at = bit.band(bit.rshift(n, 18 - 6 * k), 63) + 1
      out[#out + 1] = (k == 2 and not b or k == 3 and not c) and "=" or letters:sub(at, at)
    end
  end
  return table.concat(out)
end

local function pass_on(conn, first, up)
  local other = peer.connect(port)
  if not other then return end
  if first then other:write(first) end
  peer.relay(conn, other, up)
  other:close()
end

local function http(conn)
  local head = conn:head()
  if not head then return end
  local method, target = head:match "^(%u+) (%S+)"
  if secret and not head:lower():find("proxy-authorization: basic " .. base64(secret):lower(), 1, true) then
    peer.log("407 %s", target)
    conn:write 'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="spec"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
    return
  end
  if method == "CONNECT" then
    peer.log("CONNECT %s", target)
    conn:write "HTTP/1.1 200 Connection established\r\n\r\n"
    pass_on(conn)
  else
    -- Requests of a kept connection come one by one, each at the beginning of what is read.
    local function plainly(bytes)
      return (
        bytes:gsub("^(%u+) (http://[^/]+)(%S*)", function(word, place, path)
          peer.log("%s %s%s", word, place, path:match "^[^?]*")
          return word .. " " .. path
        end)
      )
    end
    pass_on(conn, plainly(head), plainly)
  end
end

local function socks(conn)
  local hello = conn:take(2)
  local methods = hello and conn:take(hello:byte(2))
  if not methods then return end
  conn:write(secret and "\5\2" or "\5\0")
  if secret then
    local user = conn:take(2)
    user = conn:take(user:byte(2))
    local size = conn:take(1)
    local good = user .. ":" .. conn:take(size:byte()) == secret
    conn:write(good and "\1\0" or "\1\1")
    if not good then
      peer.log "SOCKS refused"
      return
    end
  end
  local request = conn:take(4)
  if not request then return end
  local name = request:byte(4) == 3 and conn:take(conn:take(1):byte())
    or conn:take(request:byte(4) == 1 and 4 or 16)
  local to = conn:take(2)
  peer.log("SOCKS %s:%d", request:byte(4) == 3 and name or "address", to:byte(1) * 256 + to:byte(2))
  conn:write "\5\0\0\1\127\0\0\1\0\0"
  pass_on(conn)
end

local function silent(conn)
  conn:head()
  peer.log "silent"
  conn:read()
end

local function ending(conn)
  conn:head()
  peer.log "ending"
end

peer.log(
  "ports %d %d %d %d",
  peer.listen(http, { port = tonumber(given[3]) }),
  peer.listen(socks),
  peer.listen(silent),
  peer.listen(ending)
)
peer.run()
