---Clears up what a worker left behind that was killed: a process of its own, which runs no script. It cancels the run's open orders
---until the exchange says that none is left, and none can still arrive.
local ffi = require "ffi"
local C = require "moontide.core"
local api_module = require "moontide.api"
local failures = require "moontide.failure"
local connect = require "moontide.live.connect"
local ending = require "moontide.live.ending"
local shutdown = require "moontide.live.shutdown"
local folder = require "moontide.live.folder"
local host = require "moontide.lua_host"
local loader = require "moontide.run.loader"
local pump = require "moontide.run.pump"
local run_file = require "moontide.live.run_file"
local settings = require "moontide.live.settings"
local setup = require "moontide.backtest.setup"
local task = require "moontide.run.task"
local records = require "moontide.api.records"
local world_module = require "moontide.run.world"

ffi.cdef "int usleep(unsigned); int getppid(void);"

local M = {}

local ALONE_S = 600
local parent, begun = ffi.C.getppid(), host.monotonic()

local GRACE_US = 2000000 -- beyond the time in which the exchange takes a request, as in world/live/wire.c

-- It tries for as long as its supervisor lives; without one, a while longer.
local function give_up_alone(name)
  if ffi.C.getppid() == parent or host.monotonic() - begun < ALONE_S then return end
  failures.raise(
    1,
    "run '%s': its orders could not be cancelled in %d minutes, and nobody is left who waits for it",
    name,
    ALONE_S / 60
  )
end

-- Until when, by our clock, an order of the worker's may still arrive: those in its journal without an outcome, and one that
-- was on its way when it died.
local function last_arrival_us(path, recv_window_us)
  local rows, count, message =
    ffi.new "struct journal_order *[1]", ffi.new "int64_t[1]", ffi.new "struct errmsg"
  local now_us = tonumber(C.live_clock_us())
  local until_us = now_us + recv_window_us + GRACE_US
  local journal = path .. "/journal.db"
  if not host.file_mode(journal) or C.journal_orders(journal, true, 1000, rows, count, message) ~= 0 then
    return until_us, 0
  end
  local open = tonumber(count[0])
  C.journal_release(rows[0])
  return open > 0 and until_us or now_us, open -- an order is in the journal before it leaves
end

-- For as long as it takes: the orders are out there.
local function patient_exchange_info(o, at, name, log)
  local pause = 1
  while true do
    local info, problem, silence = connect.ask_exchange_info(o, at)
    if info then return info end
    local rest = silence or pause
    log.error("cleaning up: %s; again in %.0f s", problem, rest)
    local until_s = host.monotonic() + rest
    repeat
      give_up_alone(name)
      ffi.C.usleep(math.min(1, rest) * 1e6)
    until host.monotonic() >= until_s
    pause = math.min(pause * 2, 10)
  end
end

-- The positions that stay, and what the account's income of the run's symbols comes to since the run began.
local function tell(s, started_ms)
  for _, name in ipairs(s.names) do
    for _, p in ipairs(s.held and s.held[name] or {}) do
      s.log.warn("%s stays open", ending.position_text(p))
    end
  end
  local sums, mine = { REALIZED_PNL = 0, COMMISSION = 0, FUNDING_FEE = 0 }, {}
  for _, name in ipairs(s.names) do
    mine[name] = true
  end
  local rows = started_ms
    and s.api.get_income {
      startTime = math.floor(started_ms),
      limit = 1000,
      priority = "CRITICAL",
      timeout = s.patience,
    }
  if not rows then return end
  for _, row in ipairs(rows) do
    if mine[row.symbol] and sums[row.incomeType] then
      sums[row.incomeType] = sums[row.incomeType] + row.income
    end
  end
  s.log.info(
    "ended by force: net %.2f %s since it began (realized %.2f, fees %.2f, funding %.2f), by the account's income%s",
    sums.REALIZED_PNL + sums.COMMISSION + sums.FUNDING_FEE,
    records.coin_of(s.names[1]),
    sums.REALIZED_PNL,
    -sums.COMMISSION,
    sums.FUNDING_FEE,
    #rows == 1000 and ", of which 1000 rows were read" or ""
  )
end

local function clear(s, how, until_us)
  local pause, told = 0.2, 0
  while true do
    s.flatten = how == "flatten"
    local left = shutdown.run(s) and shutdown.all_open_orders(s)
    local none = left and #left == 0
    if none and s.world:now() >= until_us then return true end
    if s.deadline_us and s.world:now() >= s.deadline_us then return false end
    if not none then
      told = told + 1
      if told % 10 == 1 then s.log.warn("orders are left, or cannot be seen; trying on") end
    end
    give_up_alone(s.name)
    s.api.sleep(pause)
    pause = math.min(pause * 1.5, 2)
  end
end

-- As connect.decimals, of symbols that may no longer trade.
local function decimals(names, info)
  local out = {}
  for _, s in ipairs(info.symbols) do
    out[s.symbol] = { price_decimals = s.pricePrecision, quantity_decimals = s.quantityPrecision }
  end
  for _, name in ipairs(names) do
    if not out[name] then failures.raise(1, "the exchange no longer knows %s", name) end
  end
  return out
end

---@param options table
---@param path string the script's, for the run's name; it is not read
---@param how string "cancel", "all", "flatten" or "keep", with the seconds it may take behind a colon; all: also orders of the symbols that are not the run's, as the kill switch does
---@return integer status
function M.run(options, path, how)
  local world
  local log = loader.log(options, function() return world and world:now() end)
  local name = folder.name(options, path)
  local at_folder = folder.path(name)
  local begun_us, facts = tonumber(C.live_clock_us()), run_file.read(at_folder) or {}
  local names, seconds = facts.symbols, tonumber(how:match ":([%d.]+)$")
  how = how:match "^%a+"
  if not names or #names == 0 then return 0 end -- it never came so far as to have a symbol
  local o, at = connect.options(options, true, false)
  if at.key == "" then return 0 end
  o.requests_only = true
  connect.share(o, at)
  local info = patient_exchange_info(o, at, name, log)
  local rules, rate_limits = setup.symbols(
    names,
    decimals(names, info),
    { info = info, info_source = at.rest },
    function() end
  )
  o.api = loader.configuration(options, rate_limits)
  local out, message = ffi.new "struct live *[1]", ffi.new "struct errmsg"
  if C.live_new(o, rules, #names, out, message) ~= 0 then
    failures.raise(1, "%s", ffi.string(message.text))
  end
  local symbol_names = {}
  for i, symbol in ipairs(names) do
    symbol_names[i - 1] = symbol
  end
  world = world_module.new {
    pump = pump.live,
    bt = out[0],
    symbols = rules,
    symbol_names = symbol_names,
    symbol_count = #names,
    log = log,
    feed = function() error "no bars" end,
  }
  world.config, world.rate_limits = o.api, rate_limits
  local s = {
    name = name,
    l = out[0],
    world = world,
    api = api_module.new(world),
    names = names,
    log = log,
    keep_orders = how == "keep",
    cancel_stops = settings.run(options).cancel_stops,
    patience = 5,
    halted = how == "all",
    journal_path = at_folder .. "/journal.db",
  }
  local until_us, open = last_arrival_us(at_folder, tonumber(o.recv_window_us))
  if open > 0 then log.warn("%d orders in the journal have no known outcome", open) end
  while C.live_start(out[0], 10e6, message) ~= 0 do
    log.error("cleaning up: %s; trying on", ffi.string(message.text))
    give_up_alone(name)
  end
  task.install()
  if seconds then s.deadline_us = begun_us + seconds * 1e6 end
  local cleared = true
  local main = task.spawn(function()
    if how ~= "keep" then cleared = clear(s, how, until_us) end
    -- What could not be cancelled is left to the exchange's countdown.
    if cleared and settings.run(options).dead_man_seconds > 0 then shutdown.disarm(s, names) end
    tell(s, facts.started_ms)
    C.live_stop(out[0])
  end)
  world:run(main, function() end)
  local good = main.ok and cleared
  if not main.ok then log.error("cleaning up: %s", tostring(main.traceback)) end
  world:close()
  return good and 0 or 1
end

return M
