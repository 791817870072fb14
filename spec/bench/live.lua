-- A call from Lua, through limits, queue, signature and JSON, beside a C program that sends requests made beforehand by libcurl's
-- multi interface; and what a live process costs while nothing happens. At one in flight server and client share a processor
-- (waking another, halted one costs more than all else here), at 64 they have one each.
--     moontide script spec/bench/live.lua HTTP_PROGRAM
local http_program = ...
local host = require "moontide.lua_host"
package.path = host.exe:match "^(.*)/[^/]*/[^/]*$" .. "/?.lua;" .. package.path
local lx = require "spec.support.local_exchange"
local keep = require("spec.bench.figures").keep
local run = require "spec.support.run"
local journal = require "spec.support.journal"

local COUNT = tonumber(os.getenv "BENCH_COUNT") or 20000
local folder = run.folder()

local function shell(command)
  local pipe = io.popen(command)
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local function row(name, r, ratio, note)
  if ratio then keep(name, ratio, "more") end
  print(
    ("  %-46s %9.0f %8.1f %8.1f %9s %8s %7s  %s"):format(
      name,
      r.rate,
      r.p50,
      r.p99,
      r.p999 and ("%.1f"):format(r.p999) or "",
      r.cpu and ("%.1f"):format(r.cpu) or "",
      ratio and ("%.2f"):format(ratio) or "1.00",
      note or ""
    )
  )
end

local function figures(text)
  local n = {}
  assert(text:find "^[%d. ]+\n$", text)
  for number in text:gmatch "[%d.]+" do
    n[#n + 1] = tonumber(number)
  end
  return { rate = n[1], p50 = n[2], p99 = n[3], p999 = n[4], cpu = n[5] }
end

-- The middle one of three by its p50, runs taken in turn.
local function middle(list)
  table.sort(list, function(a, b) return a.p50 < b.p50 end)
  return list[math.ceil(#list / 2)]
end

local config = run.write(
  folder .. "/fast.lua",
  "return { weight_per_minute = 0, requests_per_minute = 0, orders_per_second = 0, workers = 64 }\n"
)

local with_exchange

local function measure(tls, flight, what, client_processor)
  local function bare(x)
    local function signed(params)
      params[#params + 1] = { "recvWindow", 60000 }
      params[#params + 1] = { "timestamp", ("%.0f"):format(lx.now_ms()) }
      local text = lx.query(params)
      return text .. "&signature=" .. lx.signature(x.secret, text)
    end
    local order = signed {
      { "symbol", "BTCUSDT" },
      { "side", "BUY" },
      { "type", "LIMIT" },
      { "timeInForce", "IOC" },
      { "quantity", "0.002" },
      { "price", math.floor(x.bid * 0.97) },
      { "newOrderRespType", "RESULT" },
    }
    local base = x.url .. "/fapi/v1/"
    local arguments
    if what == "price" then
      arguments = ("GET '%sticker/price?symbol=BTCUSDT' - -"):format(base)
    elseif what == "query" then
      local id = shell(
        ("curl -s %s -H 'X-MBX-APIKEY: %s' -d '%s' '%sorder'"):format(
          tls and "--cacert " .. tls or "",
          x.key,
          order,
          base
        )
      ):match '"orderId":(%d+)'
      arguments = ("GET '%sorder?%s' - %s"):format(
        base,
        signed { { "symbol", "BTCUSDT" }, { "orderId", id } },
        x.key
      )
    else
      arguments = ("POST '%sorder' '%s' %s"):format(base, order, x.key)
    end
    return figures(
      shell(
        ("taskset -c %d %s %s %d %d %s 2>&1"):format(
          client_processor,
          http_program,
          arguments,
          COUNT,
          flight,
          tls or ""
        )
      )
    )
  end
  local function ours(x)
    return figures(
      shell(
        (
          "MOONTIDE_HOME=%s/home MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s BENCH_COUNT=%d BENCH_FLIGHT=%d BENCH_CALL=%s "
          .. "taskset -c %d %s live %s/spec/bench/live_client.lua --url %s --symbol BTCUSDT --config %s --quiet --trusted --no-supervisor %s 2>&1"
        ):format(
          folder,
          x.key,
          x.secret,
          COUNT,
          flight,
          what,
          client_processor,
          host.exe,
          run.root,
          x.url,
          config,
          tls and "--ca-file " .. tls or ""
        )
      )
    )
  end
  local a, b = {}, {}
  for i = 1, 3 do
    a[i], b[i] = with_exchange(tls, bare), with_exchange(tls, ours)
  end
  local where = ("%s, %d in flight"):format(tls and "TLS" or "HTTP", flight)
  local c, m = middle(a), middle(b)
  row(("libcurl alone: %s, %s"):format(what, where), c)
  row(
    ("api.%s, %s"):format(
      ({ price = "get_ticker_price", query = "get_order", order = "create_order" })[what],
      where
    ),
    m,
    m.rate / c.rate,
    flight == 1 and ("%+.1f us"):format(m.p50 - c.p50) or ""
  )
  return m
end

print "A call from Lua beside bare libcurl (microseconds; ratio: calls a second to libcurl's)"
print "  (price: nothing signed; query: signed, an order decoded; order: besides, its intent in the journal before it leaves, its"
print "   outcome after, and two events of the user stream, none of which libcurl alone has)"
print(("  %-46s %9s %8s %8s %9s %8s %7s"):format("", "a second", "p50", "p99", "p99.9", "cpu", "ratio"))
shell(
  (
    "cd %s && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem -subj /CN=localhost "
    .. "-addext subjectAltName=IP:127.0.0.1,DNS:localhost 2>/dev/null"
  ):format(folder)
)
local certificate = folder .. "/cert.pem"

-- A new one for each run: what one has left behind is nothing the next should read at its start.
function with_exchange(tls, fn)
  local arguments = {
    "--no-limits",
    "--weight-limit",
    "100000000",
    "--order-limits",
    "100000000,100000000",
    "--symbols",
    "BTCUSDT",
  }
  if tls then
    for _, a in ipairs { "--tls", certificate, folder .. "/key.pem" } do
      arguments[#arguments + 1] = a
    end
  end
  local x = lx.start(arguments)
  shell(("taskset -acp 0 %d"):format(x.pid))
  x.bid = tonumber(
    shell(("curl -s --cacert %s '%s/fapi/v1/ticker/bookTicker?symbol=BTCUSDT'"):format(certificate, x.url)):match '"bidPrice":"([%d.]+)"'
  )
  local result = fn(x)
  x.session:close()
  shell(("kill %d"):format(x.pid))
  return result
end

local order
for _, tls in ipairs { false, certificate } do
  for _, what in ipairs { "price", "query", "order" } do
    local m = measure(tls, 1, what, 0)
    order = order or what == "order" and m
    measure(tls, 64, what, 1)
  end
end
local modules = run.root .. "/build/clients/node_modules"
if io.open(modules .. "/ccxt/package.json") then
  local c = with_exchange(
    false,
    function(x)
      return figures(
        shell(
          ("BENCH_MODULES=%s taskset -c 0 node %s/spec/bench/ccxt_client.mjs %s %s %s 3000 order 2>&1"):format(
            modules,
            run.root,
            x.url,
            x.key,
            x.secret
          )
        )
      )
    end
  )
  row("ccxt createOrder, HTTP, 1 in flight", c, order.p50 / c.p50, "(ratio: our p50 to ccxt's)")
else
  print "  (ccxt: not installed; make clients)"
end

-- A commit of the journal for every intent, and for a hundred at a time.
print "The journal (commits a second, each waited for)"
for _, mode in ipairs { "normal", "full" } do
  for _, batch in ipairs { 1, 100 } do
    local j = assert(journal.open(("%s/%s-%d.db"):format(folder, mode, batch), mode == "full"))
    local started, commits = host.monotonic(), 0
    while host.monotonic() - started < 1.5 do
      commits = commits + 1
      for i = 1, batch do
        j:intend(("o-%d-%d"):format(commits, i), i)
      end
      j:turn()
    end
    local rate = commits / (host.monotonic() - started)
    print(
      ("  %-46s %9.0f   %9.0f orders a second"):format(
        ('journal_sync = "%s", %d orders a commit'):format(mode, batch),
        rate,
        rate * batch
      )
    )
    j:close()
  end
end

-- From the bytes of a trade on a stream, through the script's handler and the journal, until libcurl has the order's bytes.
local reacting = run.write(
  folder .. "/react.lua",
  [[
return { symbols = { "BTCUSDT" }, on_trade = function(_, t)
  assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", timeInForce = "IOC", quantity = 0.002, price = math.floor(t.price * 0.97) })
end }
]]
)
local quick = lx.start {
  "--no-limits",
  "--weight-limit",
  "100000000",
  "--order-limits",
  "100000000,100000000",
  "--symbols",
  "BTCUSDT",
  "--rate",
  "20",
}
shell(("taskset -acp 0 %d"):format(quick.pid))
local said = shell(
  ("MOONTIDE_HOME=%s/home MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s taskset -c 1 %s live %s --url %s --config %s --for 12 --no-supervisor 2>&1"):format(
    folder,
    quick.key,
    quick.secret,
    host.exe,
    reacting,
    quick.url,
    config
  )
)
local orders, p50, p99, p999 = said:match "orders=(%d+) p50_us=(%d+) p99_us=(%d+) p999_us=(%d+)"
assert(orders, said)
print(
  ("Event to order (trade in, order out), %s orders: p50 %s us, p99 %s us, p99.9 %s us"):format(
    orders,
    p50,
    p99,
    p999
  )
)
quick.session:close()
shell("kill " .. quick.pid)

-- A strategy on bars of a minute: nearly nothing happens.
local plain = lx.start { "--symbols", "BTCUSDT" }
local script =
  run.write(folder .. "/idle.lua", 'return { symbols = { "BTCUSDT" }, on_bar = function() end }\n')
local pid = tonumber(
  shell(
    ("MOONTIDE_HOME=%s/home MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s %s live %s --url %s --quiet >/dev/null 2>&1 & echo $!"):format(
      folder,
      plain.key,
      plain.secret,
      host.exe,
      script,
      plain.url
    )
  )
)
local function ticks()
  local fields = {}
  for word in run.read("/proc/" .. pid .. "/stat"):match "%) (.*)$":gmatch "%S+" do
    fields[#fields + 1] = word
  end
  return tonumber(fields[12]) + tonumber(fields[13])
end
lx.sleep(3)
local before = ticks()
lx.sleep(10)
print(
  ("An idle live process: %.1f MB resident, %.2f %% of a processor"):format(
    tonumber(run.read("/proc/" .. pid .. "/status"):match "VmRSS:%s+(%d+)") / 1024,
    (ticks() - before) / 10
  )
)
shell("kill " .. pid)
lx.sleep(0.5)
plain:stop()
run.remove(folder)
