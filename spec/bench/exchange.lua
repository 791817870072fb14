-- The local exchange beside nginx serving a static file of the same size: requests a second and the 99th percentile at 1
-- and 64 connections; signed orders; fan-out of streams; memory. Server on processor 0, load on processor 1.
--     moontide script spec/bench/exchange.lua FANOUT_PROGRAM
local fanout = ...
package.path = require("moontide.lua_host").exe:match "^(.*)/[^/]*/[^/]*$" .. "/?.lua;" .. package.path
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"
local keep = require("spec.bench.figures").keep

local SECONDS = tonumber(os.getenv "BENCH_SECONDS") or 4

local function shell(command)
  local pipe = io.popen(command)
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local function pin(pid) shell(("taskset -acp 0 %d 2>/dev/null"):format(pid)) end

---Requests a second, the 99th percentile in ms, and answers that were not 2xx.
local function load(url, connections, extra)
  local text = shell(
    ("%s taskset -c 1 wrk -t1 -c%d -d%ds --latency %s '%s' 2>&1"):format(
      extra and extra[1] or "",
      connections,
      extra and extra[3] or SECONDS,
      extra and extra[2] or "",
      url
    )
  )
  local rate = tonumber(text:match "Requests/sec:%s+([%d.]+)")
  local value, unit = text:match "99%%%s+([%d.]+)(%a+)"
  assert(rate and value, text)
  local ms = tonumber(value) * ({ us = 0.001, ms = 1, s = 1000 })[unit]
  return rate, ms, tonumber(text:match "Non%-2xx or 3xx responses: (%d+)" or "0")
end

local function nginx(folder, body)
  run.write(folder .. "/price", body)
  run.write(
    folder .. "/nginx.conf",
    ([[
worker_processes 1; daemon off; pid FOLDER/pid; error_log FOLDER/errors;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 100000000; default_type application/json; open_file_cache max=10;
  server { listen 127.0.0.1:29381; root FOLDER; } }
]]):gsub("FOLDER", folder)
  )
  shell(("chmod 755 %s; nginx -c %s/nginx.conf >/dev/null 2>&1 &"):format(folder, folder))
  lx.wait_for("nginx", function() return tonumber(run.read(folder .. "/pid")) end)
  local pid = tonumber(run.read(folder .. "/pid"))
  for child in shell("pgrep -P " .. pid):gmatch "%d+" do
    pin(tonumber(child))
  end
  return pid
end

local function memory_mb(pid)
  return tonumber(run.read("/proc/" .. pid .. "/status"):match "VmRSS:%s+(%d+)") / 1024
end

print "The local exchange, one thread (server on one processor, load on the other)"
print(("  %-44s %12s %9s %8s"):format("", "per second", "p99 ms", "ratio"))
local function row(name, rate, ms, ratio)
  if ratio then keep(name, ratio, "more") end
  print(
    ("  %-44s %12.0f %9s %8s"):format(
      name,
      rate,
      ms and ("%.2f"):format(ms) or "",
      ratio and ("%.2f"):format(ratio) or "1.00"
    )
  )
end

local folder = run.folder()
local x = lx.start { "--no-limits", "--symbols", "BTCUSDT,ETHUSDT,SOLUSDT" }
pin(x.pid)
local body = x:public("/fapi/v1/ticker/price", { symbol = "BTCUSDT" }).body
local server = nginx(folder, body)
for _, connections in ipairs { 1, 64 } do
  local base, base_ms = load("http://127.0.0.1:29381/price", connections)
  row(("nginx, a file of %d bytes, %d connections"):format(#body, connections), base, base_ms)
  for _, path in ipairs { "ticker/price?symbol=BTCUSDT", "depth?symbol=BTCUSDT&limit=20" } do
    local rate, ms, bad = load(x.url .. "/fapi/v1/" .. path, connections)
    assert(bad == 0, bad .. " answers were errors")
    row(("%s, %d connections"):format(path:match "^[^?]+", connections), rate, ms, rate / base)
  end
end
shell("kill " .. server)

-- Orders that cross nothing: accepted, judged by margin and filters, expired; each answer is a whole order.
local function orders(seconds, connections)
  local price = ("%.1f"):format(math.floor(x:best() * 0.97))
  local lines = { x.key }
  for i = 1, 5000 do
    local text = lx.query {
      { "symbol", "BTCUSDT" },
      { "side", "BUY" },
      { "type", "LIMIT" },
      { "timeInForce", "IOC" },
      { "quantity", "0.002" },
      { "price", price },
      { "newClientOrderId", "bench-" .. i },
      { "recvWindow", 600000 },
      { "timestamp", ("%.0f"):format(lx.now_ms()) },
    }
    lines[#lines + 1] = "/fapi/v1/order?" .. text .. "&signature=" .. lx.signature(x.secret, text)
  end
  run.write(folder .. "/orders", table.concat(lines, "\n") .. "\n")
  return load(
    x.url,
    connections,
    { "BENCH_ORDERS=" .. folder .. "/orders", "-s " .. run.root .. "/spec/bench/signed_orders.lua", seconds }
  )
end

local rate, ms, bad = orders(SECONDS, 64)
assert(bad == 0, bad .. " orders were refused")
row("signed orders (HMAC), 64 connections", rate, ms, rate / 30000)
print "    (ratio to 30,000 a second)"

local before, made = memory_mb(x.pid), x:audit("?limit=0").total
orders(math.ceil(math.max(1, 1000000 - made) / rate), 64)
local total = x:audit("?limit=0").total
local kept = memory_mb(x.pid)
print(
  ("  %-44s %12.0f MB (%.0f MB at %d orders; %.0f bytes an order)"):format(
    ("memory after %d orders"):format(total),
    kept,
    before,
    made,
    (kept - before) * 1048576 / (total - made)
  )
)
x:stop()

x = lx.start { "--no-limits", "--symbols", "BTCUSDT", "--rate", "2000" }
pin(x.pid)
for _, stream in ipairs { "btcusdt@trade", "btcusdt@bookTicker", "btcusdt@depth@100ms" } do
  local one = tonumber(
    shell(("taskset -c 1 %s %d /public/ws/%s 1 %d"):format(fanout, x.port, stream, SECONDS)):match "^%d+"
  )
  local all, bytes = shell(
    ("taskset -c 1 %s %d /public/ws/%s 100 %d"):format(fanout, x.port, stream, SECONDS)
  ):match "^(%d+) (%d+)"
  row(stream .. ", 100 subscribers: messages", tonumber(all), nil, tonumber(all) / one / 100)
  print(
    ("    (%d a second to one subscriber, so ratio to 100 of them; %.0f MB a second)"):format(
      one,
      tonumber(bytes) / 1e6
    )
  )
end
x:stop()
run.remove(folder)
