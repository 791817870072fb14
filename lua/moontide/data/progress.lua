---How far a download has come: on a terminal, and nowhere else.
local host = require "moontide.lua_host"

local M = {}

local WIDTH, EVERY_S, RATE_S = 24, 0.2, 5

---@param n number
---@return string # "1.8 MB"
function M.bytes(n)
  if n < 1e3 then return ("%d B"):format(n) end
  if n < 1e6 then return ("%.1f kB"):format(n / 1e3) end
  if n < 1e9 then return ("%.1f MB"):format(n / 1e6) end
  return ("%.2f GB"):format(n / 1e9)
end

local function time_left(seconds)
  if seconds < 90 then return ("%d s left"):format(math.ceil(seconds)) end
  if seconds < 5400 then return ("%d min left"):format(math.ceil(seconds / 60)) end
  return ("%.1f h left"):format(seconds / 3600)
end

---The line: what share of the bytes known to be wanted has come, how quickly, and how long the rest takes.
---@param done number
---@param expected number
---@param rate number bytes a second
---@return string
function M.line(done, expected, rate)
  local share = expected > 0 and math.min(done / expected, 1) or 0
  local filled = math.floor(share * WIDTH)
  local left = rate > 0 and expected > done and ", " .. time_left((expected - done) / rate) or ""
  return ("downloading [%s%s] %3d%% %s of %s, %s/s%s"):format(
    ("#"):rep(filled),
    ("."):rep(WIDTH - filled),
    share * 100,
    M.bytes(done),
    M.bytes(expected),
    M.bytes(rate),
    left
  )
end

---@param quiet boolean?
---@return { update: fun(pool: TransferPool)?, clear: fun(), label: fun(text: string) }
function M.new(quiet)
  local shown = false
  local function clear()
    if shown then io.stderr:write "\r\27[K" end
    shown = false
  end
  if quiet or not host.isatty(2) then return { clear = clear, label = function() end } end
  local function show(text)
    shown = true
    io.stderr:write("\r\27[K", text)
    io.stderr:flush()
  end
  local last, since, base = host.monotonic(), host.monotonic(), 0
  local rate = 0
  local function update(pool)
    local now = host.monotonic()
    if now - last < EVERY_S then return end
    last = now
    local got = pool:received()
    if now - since > RATE_S or rate == 0 then
      rate = (got - base) / math.max(now - since, 0.001)
      since, base = now, got
    end
    show(M.line(math.min(got, pool.expected), pool.expected, rate))
  end
  return { update = update, clear = clear, label = show }
end

return M
