-- Names of several addresses, for requests and streams alike: one that does not answer must not cost the time of a connection.
local ffi = require "ffi"
local lx = require "spec.support.local_exchange"
local live_run = require "spec.support.live_run"
local peer = require "spec.support.peer"
local probe = require "spec.support.probe"
local program = require "spec.support.program"

local function by_name(port) return ("http://localhost:%d"):format(port) end

-- Within a time that is shorter than that of a connection to who never answers.
local function in_time(fn)
  local p = probe.open { timeout = 60 }
  local value, problem = fn(p)
  p:close()
  assert.truthy(value, problem)
end

local function connects(port)
  in_time(function(p)
    local status, body = p:ask("GET", by_name(port) .. "/fapi/v1/ping")
    return status == 200, body
  end)
  in_time(function(p) return p:stream(by_name(port):gsub("^http", "ws") .. "/market/ws") end)
end

-- Which of the two is asked first is the resolver's choice: each is once the one that is of no use.
describe("a name of several addresses", function()
  local x
  setup(function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT" } end)
  teardown(function() x:stop() end)

  -- A way to the exchange on ::1, at `port` when it is given; nil without IPv6.
  local function on_ipv6(port)
    local taken, fd = peer.listen(nil, { address = "::1", port = port })
    if not taken then return nil end
    ffi.C.close(fd)
    return program.start("hostile", x.port, "::1/" .. taken)
  end

  local function runs(port)
    local r = live_run.whole(
      { url = by_name(port), key = x.key, secret = x.secret },
      [[
      return { symbols = { "BTCUSDT" },
        on_start = function()
          print("order", assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 }).status)
        end,
        on_fill = function() print "fill" end,
      } ]],
      { "--orders", "1", "--order-channel", "ws" }
    )
    assert.equal(0, r.status, r.err)
    assert.truthy(r.out:find("order\tFILLED", 1, true) and r.out:find("fill", 1, true), r.out .. r.err)
    assert.truthy(r.err:find("by_websocket=1 ", 1, true) and r.err:find("reconnects=0", 1, true), r.err)
  end

  it("is reached by the one that accepts, when the other refuses", function()
    connects(x.port)
    runs(x.port)
    local six = on_ipv6()
    if not six then
      pending "no IPv6 here"
      return
    end
    finally(function() six:stop() end)
    connects(six.ports[1])
    runs(six.ports[1])
  end)

  it("is reached by the one that accepts, when the other never answers", function()
    local port, stop = peer.clogged "::1"
    if not port then
      pending "no IPv6 here"
      return
    end
    local own = lx.start { "--no-limits", "--symbols", "BTCUSDT", "--port", port }
    assert.equal(port, own.port)
    connects(port)
    own:stop()
    stop()
    port, stop = peer.clogged "127.0.0.1"
    local six = on_ipv6(port)
    finally(function()
      six:stop()
      stop()
    end)
    connects(port)
    runs(port)
  end)

  it(
    "that is none costs nothing but its own request, and leaves nothing behind that later ones would stumble over",
    function()
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
    end
  )
end)
