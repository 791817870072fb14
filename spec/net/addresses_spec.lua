-- Names of several addresses, for requests and streams alike: one that does not answer must not cost the time of a connection.
local lx = require "spec.support.local_exchange"
local live_run = require "spec.support.live_run"
local peer = require "spec.support.peer"
local probe = require "spec.support.probe"

-- `localhost` is ::1 first, and the local exchange listens on 127.0.0.1 alone.
local function by_name(x) return (x.url:gsub("127%.0%.0%.1", "localhost")) end

local function in_time(fn)
  local p = probe.open { timeout = 8 }
  local from = lx.now_ms()
  local value, problem = fn(p)
  local took = lx.now_ms() - from
  p:close()
  assert.truthy(value, problem)
  assert.is_true(took < 3000, ("%.0f ms"):format(took))
end

local function connects(x)
  in_time(function(p)
    local status, body = p:ask("GET", by_name(x) .. "/fapi/v1/ping")
    return status == 200, body
  end)
  in_time(function(p) return p:stream(by_name(x):gsub("^http", "ws") .. "/market/ws") end)
end

describe("a name of several addresses", function()
  it("is reached by the one that accepts, when the first refuses", function()
    local x = lx.start { "--no-limits", "--symbols", "BTCUSDT" }
    finally(function() x:stop() end)
    connects(x)
    local r = live_run.whole({ url = by_name(x), key = x.key, secret = x.secret }, [[
      return { symbols = { "BTCUSDT" },
        on_start = function()
          print("order", assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 }).status)
        end,
        on_fill = function() print "fill" end,
      } ]], { "--for", "1.5", "--order-channel", "ws" })
    assert.equal(0, r.status, r.err)
    assert.truthy(r.out:find("order\tFILLED", 1, true) and r.out:find("fill", 1, true), r.out .. r.err)
    assert.truthy(r.err:find("by_websocket=1 ", 1, true) and r.err:find("reconnects=0", 1, true), r.err)
  end)

  it("is reached by the one that accepts, when the first never answers", function()
    local port = peer.clogged()
    if not port then pending "no IPv6 here" return end
    local x = lx.start { "--no-limits", "--symbols", "BTCUSDT", "--port", port }
    finally(function() x:stop() end)
    assert.equal(port, x.port)
    connects(x)
  end)

  it("that is none costs nothing but its own request, and leaves nothing behind that later ones would stumble over", function()
    local x = lx.start { "--no-limits", "--symbols", "BTCUSDT" }
    finally(function() x:stop() end)
    in_time(function(p)
      for _ = 1, 3 do
        local status, problem = p:ask("GET", "http://nosuch.invalid/fapi/v1/ping")
        assert.equal(nil, status)
        assert.truthy(problem:find("Could not resolve host: nosuch.invalid", 1, true), problem)
        local _, why = p:stream "ws://nosuch.invalid/market/ws"
        assert.truthy(why:find("Could not resolve host: nosuch.invalid", 1, true), why)
        assert.is_number(p:stream(x.url:gsub("^http", "ws") .. "/market/ws"))
        assert.equal(200, (p:ask("GET", x.url .. "/fapi/v1/ping")))
      end
      return true
    end)
  end)
end)
