-- One process of many that share a budget, for spec/process/shared_budget_spec.lua: moontide script THIS DIR SECONDS LIMIT
-- Pushes requests of weight 1 as fast as one budget of LIMIT a second allows, each answered after 3 ms, and prints the
-- time of each sending in microseconds of the machine's monotonic clock.
local ffi = require "ffi"
package.path = "./?.lua;" .. package.path
local C = require "spec.support.c"
require "spec.support.interpreted"
local host = require "moontide.lua_host"
ffi.cdef "int usleep(unsigned);"

local given = { ... }
local dir, seconds, limit = given[1], tonumber(given[2]), tonumber(given[3])
local LATENCY, WANTED = 3000, 8
local config, message = ffi.new "struct api_config", ffi.new "struct errmsg"
C.api_config_defaults(config)
for name, value in pairs {
  weight_per_second = limit,
  weight_per_minute = 0,
  requests_per_minute = 0,
  orders_per_second = 0,
  critical_reserve = 0,
  workers = 4,
} do
  assert(C.api_config_set_number(config, name, value, message) == 0, ffi.string(message.text))
end
local shared = C.shared_budget_open(dir, "spec", 5000, message)
assert(shared ~= nil, ffi.string(message.text))
local seated = assert(io.open(dir .. "/seated", "wb"))
seated:write "yes"
seated:close()

local function now() return math.floor(host.monotonic() * 1e6) end
local under_way, sent, held = {}, {}, 0
local on_send = ffi.cast("void (*)(void *, struct request *, int64_t)", function(_, r, now_us)
  sent[#sent + 1] = tostring(tonumber(now_us))
  under_way[#under_way + 1] = { r = r, at = tonumber(now_us) + LATENCY }
end)
local on_settled = ffi.cast("dispatcher_settled", function() held = held - 1 end)
local d = C.dispatcher_new(config, ffi.new("struct transport", { send = on_send }), on_settled, nil, now())
C.dispatcher_share(
  d,
  C.BUDGET_ADDRESS,
  C.shared_budget_get(shared),
  C.shared_budget_member(shared),
  C.shared_budget_lock(shared),
  now()
)
local reply = ffi.new("struct dispatch_reply", { outcome = C.OUTCOME_DONE })

local requests, stop = {}, now() + seconds * 1e6
for i = 1, WANTED do
  requests[i] = ffi.new "struct request"
end
while now() < stop do
  local t = now()
  while under_way[1] and under_way[1].at <= t do
    C.dispatcher_reply(d, table.remove(under_way, 1).r, reply, t)
  end
  for _, r in ipairs(requests) do
    if r.state == C.REQUEST_IDLE then
      ffi.fill(r, ffi.sizeof "struct request")
      r.cost[C.LIMIT_WEIGHT], r.priority = 1, C.PRIORITY_NORMAL
      if C.dispatcher_submit(d, r, t) == 0 then held = held + 1 end
    end
  end
  C.dispatcher_run(d, t)
  local next_us = tonumber(C.dispatcher_next_us(d))
  if under_way[1] then next_us = math.min(next_us, under_way[1].at) end
  local wait = math.min(next_us, stop) - now()
  if wait > 0 then C.usleep(math.min(wait, 50000)) end
end
io.write(table.concat(sent, "\n"), "\n")
os.exit(0, false) -- with requests still under way, as a process ends that is killed politely
