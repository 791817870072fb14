-- For wrk: signed orders, one after the other from a file of request paths (a path a line), the API key in the first line.
-- The file's name is in the environment: BENCH_ORDERS.
-- luacheck: globals request wrk
local file = assert(io.open(os.getenv "BENCH_ORDERS"))
local key = file:read "*l"
local requests = {}
for path in file:lines() do
  requests[#requests + 1] = wrk.format("POST", path, { ["X-MBX-APIKEY"] = key, ["Content-Length"] = "0" })
end
file:close()
local i = 0

function request()
  i = i % #requests + 1
  return requests[i]
end
