---What is newer than the archive, asked of the exchange itself: by the API manager, at LOW priority, within the limits that all runs of
---this address share.
local ffi = require "ffi"
local C = require "moontide.core"
local api_module = require "moontide.api"
local connect = require "moontide.live.connect"
local exchange_info = require "moontide.run.exchange_info"
local failures = require "moontide.failure"
local loader = require "moontide.run.loader"
local pump = require "moontide.run.pump"
local requests = require "moontide.api.requests"
local setup = require "moontide.backtest.setup"
local task = require "moontide.run.task"
local world_module = require "moontide.run.world"

ffi.cdef "void (*signal(int, void (*)(int)))(int);"

local M = {}

local PATIENCE_US = 3600e6
local WORKERS = 4 -- questions under way
local TRIES = 5
local SIGNALS = { 2, 15, 1, 10 } -- INT, TERM, HUP, USR1: whatever is asked here may be broken off at any time

---@class Rest
---@field info table exchangeInfo
---@field known table<string, table> its entries by symbol
local Rest = {}
Rest.__index = Rest

---@param options table url, ca-file, proxy, config
---@return Rest? rest
---@return string? problem
function M.open(options)
  local own = {}
  for k, v in pairs(options) do
    own[k] = v
  end
  own["stream-url"] = own["stream-url"] or "wss://none.invalid" -- no stream is opened
  local o, at = connect.options(own, false, true)
  local info, problem = connect.ask_exchange_info(o, at)
  if not info then return nil, problem end
  local known = exchange_info.entries(info, at.rest .. "/fapi/v1/exchangeInfo")
  return setmetatable({ o = o, at = at, info = info, known = known, options = own }, Rest)
end

---The symbols that trade, sorted.
---@param quote string? only those in this coin
---@return string[]
function Rest:trading(quote)
  local names = {}
  for name, s in pairs(self.known) do
    if s.status == "TRADING" and (not quote or s.quoteAsset == quote) then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

---@param symbol string
---@return boolean
function Rest:trades(symbol)
  local s = self.known[symbol]
  return s ~= nil and s.status == "TRADING"
end

local function rules(self, names)
  local decimals = {}
  for _, name in ipairs(names) do
    local price, quantity = exchange_info.decimals(self.known[name], "exchangeInfo")
    decimals[name] = { price_decimals = price or 8, quantity_decimals = quantity or 8 }
  end
  return setup.symbols(names, decimals, { info = self.info, info_source = self.at.rest }, function() end)
end

-- A world without streams, of some symbols.
local function make_world(self, names)
  local o, message, out = self.o, ffi.new "struct errmsg", ffi.new "struct live *[1]"
  o.requests_only = true
  connect.share(o, self.at)
  local symbols, rate_limits = rules(self, names)
  o.api = loader.configuration(self.options, rate_limits)
  o.api.queue_timeout_us = PATIENCE_US
  -- A world without streams is made for clearing up, which no signal may end; this may be ended as before.
  local before = {}
  for i, number in ipairs(SIGNALS) do
    before[i] = ffi.C.signal(number, nil)
  end
  local status = C.live_new(o, symbols, #names, out, message)
  for i, number in ipairs(SIGNALS) do
    ffi.C.signal(number, before[i])
  end
  if status ~= 0 then return nil, ffi.string(message.text) end
  local symbol_names = {}
  for i, name in ipairs(names) do
    symbol_names[i - 1] = name
  end
  local world
  local log = loader.log({ ["log-level"] = "error" }, function() return world and world:now() end)
  world = world_module.new {
    pump = pump.live,
    bt = out[0],
    symbols = symbols,
    symbol_names = symbol_names,
    symbol_count = #names,
    log = log,
    feed = function() error "no bars" end,
  }
  world.config, world.rate_limits = o.api, rate_limits
  if C.live_start(out[0], 20e6, message) ~= 0 then
    world:close()
    return nil, ffi.string(message.text)
  end
  return world
end

---@class Asker
---@field world World
---@field requests Requests
---@field api table
local Asker = {}
Asker.__index = Asker

---The exchange's time.
---@return number us
function Asker:now() return self.world:now() + self.world.pump.clock_offset(self.world.bt) * 1e6 end

---One question; `each(rows, count)` gets the records of the answer, good until it returns.
---@param path string
---@param params table
---@param each fun(rows: ffi.cdata*, count: integer)
---@return integer? count
---@return ApiError? err
function Asker:ask(path, params, each)
  local r, endpoint, err = self.requests, C.endpoint_find("GET", path), nil
  for try = 1, TRIES do
    local op = r:new(endpoint)
    local problem = r:fill(op.call, path, params, 2)
    if problem then
      r.pump.op_free(r.bt, op)
      return requests.invalid(problem)
    end
    r:set_options(op, { priority = "LOW" }, 2)
    err = r:settle(op)
    if not err then
      local count = op.rows ~= nil and op.count or 0
      if count > 0 then each(op.rows, count) end
      r.pump.op_free(r.bt, op)
      return count
    end
    if err.kind == "rejected" or err.kind == "invalid" or err.kind == "stopped" then break end
    if try < TRIES then self.api.sleep(2 ^ try) end
  end
  return nil, err
end

---Runs jobs, several side by side; all of at most C.SYMBOLS_MAX symbols.
---@param names string[] their symbols, all known to the exchange
---@param jobs (fun(asker: Asker))[]
---@return string? problem
function Rest:run(names, jobs)
  local world, problem = make_world(self, names)
  if not world then return problem end
  task.install()
  local asker =
    setmetatable({ world = world, requests = requests.new(world), api = api_module.new(world) }, Asker)
  local next_job = 0
  local function work()
    while next_job < #jobs do
      next_job = next_job + 1
      jobs[next_job](asker)
    end
  end
  local main = task.spawn(function()
    local workers = {}
    for i = 1, math.min(WORKERS, #jobs) do
      workers[i] = work
    end
    asker.api.all(workers)
    C.live_stop(world.bt)
  end)
  local dead
  world:run(main, function(t)
    if not t.ok then dead = dead or t end
  end)
  world:close()
  if dead then failures.raise(1, "%s", tostring(dead.traceback)) end
  return nil
end

return M
