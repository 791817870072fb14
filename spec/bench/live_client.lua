-- The script that spec/bench/live.lua runs live: BENCH_COUNT calls, BENCH_FLIGHT at a time, of BENCH_CALL ("price", "query" or "order").
-- Prints what spec/bench/http.c prints: calls a second, p50, p99, p99.9 in microseconds, microseconds of processor a call.
local ffi = require "ffi"
local host = require "moontide.lua_host"

-- A plain script's top runs twice: once to learn what it declares.
pcall(
  ffi.cdef,
  [[
  struct bench_usage { long user_s, user_us, system_s, system_us, rest[14]; };
  int bench_getrusage(int, struct bench_usage *) __asm__("getrusage");
]]
)
local usage = ffi.new "struct bench_usage"
local function processor_us()
  ffi.C.bench_getrusage(0, usage)
  return tonumber(usage.user_s + usage.system_s) * 1e6 + tonumber(usage.user_us + usage.system_us)
end

local count, flight, what =
  tonumber(os.getenv "BENCH_COUNT"), tonumber(os.getenv "BENCH_FLIGHT"), os.getenv "BENCH_CALL"
local warm = 500 + flight
local left, done, took, start, work = count + warm, 0, {}, nil, nil
local book = assert(api.get_book_ticker { symbol = "BTCUSDT" })
local price = math.floor(book.bidPrice * 0.97)

-- Crosses nothing, so it expires: the book stays as it is.
local function order()
  return api.create_order {
    symbol = "BTCUSDT",
    side = "BUY",
    type = "LIMIT",
    timeInForce = "IOC",
    quantity = 0.002,
    price = price,
  }
end
local first = what == "query" and assert(order())

local calls = {
  price = function() return api.get_ticker_price { symbol = "BTCUSDT", share = false } end,
  query = function() return api.get_order { symbol = "BTCUSDT", orderId = first.orderId, share = false } end,
  order = order,
}

local function worker()
  local call, last = calls[what], host.monotonic()
  while left > 0 do
    left = left - 1
    local reply, err = call()
    if not reply then error(tostring(err)) end
    local now = host.monotonic()
    done = done + 1
    if done == warm then
      start, work = now, processor_us()
    end
    if done > warm then took[#took + 1] = (now - last) * 1e6 end
    last = now
  end
end

local tasks = {}
for i = 1, flight do
  tasks[i] = api.spawn(worker)
end
for i = 1, flight do
  local _, problem = tasks[i]:wait()
  if problem then error(problem) end
end
local gone, worked = host.monotonic() - start, processor_us() - work
table.sort(took)
local function at(share) return took[math.max(1, math.floor(#took * share))] end
print(("%.0f %.1f %.1f %.1f %.2f"):format(#took / gone, at(0.5), at(0.99), at(0.999), worked / #took))
