---Specs of strategies: a market written down bar by bar, a simulated exchange in virtual time, and what came of it.
---
---    local world = testing.world { bars = { 100, 101, 102, 99 }, symbol = "BTCUSDT" }
---    world:run "my_strategy.lua"
---    world:expect_orders { { side = "BUY", type = "MARKET" }, { side = "SELL" } }
---
---Inside `it` and `before_each`, `api.*`, `market` and `log` work on the last world made in that test; without one, on a
---calm market of seven days of BTCUSDT. api.sleep(3600) is over at once.
local ffi = require "ffi"
local C = require "moontide.core"
local errors = require "moontide.error"
local faults_module = require "moontide.run.faults"
local groups = require "moontide.options.groups"
local loader = require "moontide.run.loader"
local log_module = require "moontide.run.log"
local market_module = require "moontide.api.market"
local option_table = require "moontide.options"
local records = require "moontide.api.records"
local scripted = require "moontide.testing.market"
local stats = require "moontide.stats"
local runner = require "moontide.run.runner"
local strategy_module = require "moontide.run.strategy"
local task = require "moontide.run.task"

local M = {} -- on_world and on_open are set by moontide.testing.runner

---A market to test on, and its exchange.
---@class WorldOptions
---@field symbol? string of `bars`, `trades` and `funding` that are plain lists; BTCUSDT when left out
---@field bars? table[]|number[]|table<string, table> by symbol, or of one: each a close, { open, high, low, close, volume } or { gap = N } for N missing bars
---@field marks? table[]|number[]|table<string, table> klines of the mark price beside the bars, written as they are
---@field trades? table[]|table<string, table> instead of bars: each { seconds from the start, price, quantity }; bars are made of them
---@field funding? table[]|table<string, table> each { at = seconds from the start, rate = ratio }
---@field faults? table[] rules as of a fault file (see docs/exchange.md): { { fault = "lose_reply", call = "POST /fapi/v1/order" } }
---@field interval? Interval of the bars written down; when left out that of the strategy, else 1m
---@field start? string|integer of the first bar: "2023-01-01", or ms since the epoch
---@field latency? number ms one way; 0 when left out
---@field capital? number USDT; 10000 when left out
---@field maker? number ratio; 0.0002 when left out
---@field taker? number ratio; 0.0005 when left out
---@field slippage? number basis points of taker fills; 0 when left out
---@field leverage? integer times the margin; 20 when left out
---@field margin? "crossed"|"isolated"
---@field hedge? boolean long and short side by side
---@field path? "random"|"adverse"|"nearest"|"ohlc"|"olhc" how the price moves inside a bar
---@field touch? "through"|"at" whether a limit order fills when the price goes through it, or already at it
---@field seed? integer of math.random and of the exchange's chance

---A line that a script logged, "info" and above.
---@class LogLine
---@field level string
---@field text string
---@field time integer ms since the epoch

---One market and exchange, and what was done there.
---@class TestWorld
---@field options WorldOptions
---@field lines LogLine[] what scripts logged
---@field printed string[] what scripts printed, line by line
---@field refused { request: table, error: ApiError }[] orders that came back with an error
local World = {}
World.__index = World

-- As a failed assertion where busted runs, else as an error.
local function fail(level, format, ...)
  local message = format:format(...)
  if package.loaded["moontide.testing.runner"] then require("busted").fail(message, level + 1) end
  error(message, level + 1)
end

local function guarded(level, fn, ...)
  local ok, value = pcall(fn, ...)
  if not ok then error(tostring(value), level + 1) end
  return value
end

local function by_symbol(o, what, symbol)
  local list = o[what]
  if list == nil then return {} end
  if type(list) ~= "table" then error(("%s: expected a list, not a %s"):format(what, type(list)), 0) end
  return type(next(list)) == "string" and list or { [symbol] = list }
end

local calm -- the series of the market of those who describe none

local function data_of(o)
  local interval, start_us = o.interval or "1m", scripted.start(o.start)
  local symbol = o.symbol or "BTCUSDT"
  local data = { series = {}, names = {}, funding = {}, mark = {}, others = {} }
  if not o.bars and not o.trades then
    if o.symbol or o.interval or o.start then
      local closes = {}
      for i = 1, 1440 do
        closes[i] = symbol == "BTCUSDT" and 20000 or 100
      end
      data.series[symbol] = scripted.series(symbol, closes, interval, start_us)
    else
      if not calm then
        local closes = {}
        for i = 1, 7 * 1440 do
          closes[i] = 20000
        end
        calm = scripted.series("BTCUSDT", closes, "1m", start_us)
      end
      data.series.BTCUSDT = calm
    end
  end
  local step_s = C.interval_find(interval) >= 0 and tonumber(C.interval_us(C.interval_find(interval))) / 1e6
    or 60
  for name, trades in pairs(by_symbol(o, "trades", symbol)) do
    data.series[name] = scripted.series(name, scripted.bars_of(trades, step_s), interval, start_us)
  end
  for name, bars in pairs(by_symbol(o, "bars", symbol)) do
    data.series[name] = scripted.series(name, bars, interval, start_us)
  end
  for name, marks in pairs(by_symbol(o, "marks", symbol)) do
    local series = scripted.series(name, marks, interval, start_us)
    series.kind = C.SERIES_MARK
    data.mark[name], data.others[name] = series, { [C.SERIES_MARK] = series }
  end
  for name, rows in pairs(by_symbol(o, "funding", symbol)) do
    data.funding[name] = scripted.funding(rows, start_us)
  end
  for name in pairs(data.series) do
    data.names[#data.names + 1] = name
  end
  table.sort(data.names)
  return data, start_us
end

local known = {}
for name in
  ("symbol bars marks trades funding faults interval start latency capital maker taker slippage leverage margin hedge path touch seed"):gmatch "%a+"
do
  known[name] = true
end

---Describes a market and its exchange. Nothing runs yet; the globals of this test work on it from now on.
---
---Errors: raises on an option that does not exist and on a market that cannot be (a high below the open, no bar).
---@param options WorldOptions? the calm market when left out
---@return TestWorld world
function M.world(options)
  options = options or {}
  for name in pairs(options) do
    if not known[name] then error(("testing.world: no option '%s'"):format(tostring(name)), 2) end
  end
  local world = setmetatable({ options = options, lines = {}, printed = {}, refused = {} }, World)
  local ok, data, start_us = pcall(data_of, options)
  if not ok then error("testing.world: " .. tostring(data), 2) end
  world.data, world.start_us = data, start_us
  if options.faults then
    local faults, problem = faults_module.of(options.faults, world.start_us)
    if not faults then error("testing.world: faults: " .. problem, 2) end
    world.faults = faults
  end
  if M.on_world then M.on_world(world) end
  return world
end

-- Keeps what comes of orders that the exchange or the manager refuses.
local function watch_orders(world, api)
  local refused = world.refused
  local create, batch = api.create_order, api.batch_orders
  local function note(request, order, err)
    if order == nil and errors.is(err) then refused[#refused + 1] = { request = request, error = err } end
    return order, err
  end
  api.create_order = function(o) return note(o, create(o)) end
  api.batch_orders = function(list)
    local results, err = batch(list)
    for i, result in ipairs(results or {}) do
      if errors.is(result) then refused[#refused + 1] = { request = list[i], error = result } end
    end
    return results, err
  end
  for _, name in ipairs { "create_order", "batch_orders" } do
    local call = api[name]
    api.async[name] = function(o) return task.spawn(call, o) end
  end
end

-- The log and print of a script, kept instead of shown.
local function listening(world, now)
  local log = log_module.new(now, "info")
  function log.fields(level, message, fields)
    local parts = { message }
    for _, f in ipairs(fields or {}) do
      parts[#parts + 1] = ("%s=%s"):format(f[1], tostring(f[2]))
    end
    world.lines[#world.lines + 1] =
      { level = level, text = table.concat(parts, " "), time = math.floor(now() / 1000) }
  end
  return log,
    function(...)
      local parts = {}
      for i = 1, select("#", ...) do
        parts[i] = tostring((select(i, ...)))
      end
      world.printed[#world.printed + 1] = table.concat(parts, "\t")
    end
end

-- Makes the exchange and its clock for a script: its file, or one at hand.
local function open(world, script, params)
  if world.closed then error("the test of this world is over", 3) end
  if world.session then error("this world has run already: make another with testing.world", 3) end
  local o, session = world.options, nil
  local function now() return session and session.world:now() or world.start_us end
  local log, print_aside = listening(world, now)
  local path = type(script) == "string" and script or "the spec"
  if type(script) == "string" then
    script = guarded(3, loader.load, path, { log = log, print = print_aside, seed = o.seed or 1, now = now })
  else
    script.env.log = log
  end
  -- Bars of which nobody has said how long they are are as long as the strategy asks for.
  local asked = script.self and script.self.interval
  if asked and not o.interval then
    world.data = guarded(3, data_of, setmetatable({ interval = asked }, { __index = o }))
  end

  local options = { quiet = true, symbol = world.data.names, set = {} }
  for _, name in ipairs {
    "latency",
    "capital",
    "maker",
    "taker",
    "slippage",
    "leverage",
    "margin",
    "hedge",
    "path",
    "touch",
    "seed",
  } do
    options[name] = o[name]
  end
  for name, value in pairs(params or {}) do
    options.set[#options.set + 1] = ("%s=%s"):format(
      name,
      type(value) == "number" and ("%.17g"):format(value) or tostring(value)
    )
  end
  options = guarded(3, option_table.complete, groups.backtest, options, "testing.world: ")
  session = guarded(3, require("moontide.backtest.session").open, options, path, {
    data = world.data,
    faults = world.faults,
    script = script,
    print = print_aside,
    notice = function() end,
    log = function() return log end,
  })
  -- Freed with its last reference: a test may leave some anywhere.
  world.session, world.bt = session, ffi.gc(session.world.bt, session.world.pump.free)
  watch_orders(world, session.api)
  session.market = session.script.env.market
  return session
end

-- The world as the globals of a test use it, without a strategy.
function World:_open()
  if not self.session then
    open(self, { plain = true, env = {}, chunk = function() end, source = "" })
    if M.on_open then M.on_open(self) end
  end
  return self.session
end

function World:_close()
  self.closed, self.session = true, nil
end

---Runs a strategy from the first bar to the end of the data.
---
---Errors: raises when the script cannot be loaded, when one of its handlers fails, and when the world has run before.
---@param script string|table|function its file; or its table of handlers; or a function that runs as a plain script does
---@param params table<string, any>? values of its parameters, in place of their defaults
---@return TestWorld world this one
function World:run(script, params)
  local loaded = script
  if type(script) == "table" then
    loaded =
      { plain = false, env = {}, source = "", self = guarded(2, strategy_module.check, script, "the spec") }
  elseif type(script) == "function" then
    loaded = { plain = true, env = {}, source = "", chunk = script }
  elseif type(script) ~= "string" then
    error("world:run takes a file, a table of handlers or a function", 2)
  end
  local session = open(self, loaded, params)
  if M.on_world then M.on_world(self) end
  math.randomseed(self.options.seed or 1)
  task.install()
  local failure = task.apart(function()
    market_module.new(session.world) -- bars know their symbol by the world made last
    return runner.run(
      session.world,
      session.script.self,
      session.script.plain and session.script.chunk or nil
    )
  end)
  if failure then error(failure, 2) end
  return self
end

local function opened(world, level)
  if world.closed then error("the test of this world is over", level + 1) end
  if not world.session then
    error("nothing has run in this world yet: world:run(script), or calls of api", level + 1)
  end
  return world.session.world, C.backtest_exchange(world.bt)
end

local function matches(record, wanted)
  for name, value in pairs(wanted) do
    local there = record[name]
    if type(value) == "number" and type(there) == "number" then
      if math.abs(there - value) > 1e-9 * math.max(1, math.abs(value)) then return false end
    elseif there ~= value then
      return false
    end
  end
  return true
end

local function chosen(list, wanted)
  if not wanted then return list end
  local out = {}
  for _, record in ipairs(list) do
    if matches(record, wanted) then out[#out + 1] = record end
  end
  return out
end

---The orders the exchange took, plain and conditional, in the order of their arrival.
---
---Errors: raises when nothing has run yet.
---@param wanted table? only those with these fields: { side = "BUY", status = "NEW" }
---@return Order[] orders as they are at the end
function World:orders(wanted)
  local world, exchange = opened(self, 2)
  local R = records.new(world.symbol_names)
  local hidden, list, n = ffi.new "bool[1]", {}, 0
  while true do
    local record = C.exchange_order_at(exchange, n, hidden)
    if record == nil then break end
    if not hidden[0] then list[#list + 1] = R.build[C.RECORD_ORDER_QUERY](record) end
    n = n + 1
  end
  n = 0
  while true do
    local record = C.exchange_algo_at(exchange, n)
    if record == nil then break end
    local made = record.actual_order_id ~= 0 and C.exchange_order(exchange, record.actual_order_id) or nil
    local order = R.build[C.RECORD_ALGO_QUERY](record)
    if made ~= nil then
      local filled = R.build[C.RECORD_ORDER_QUERY](made)
      records.one_face(order, filled.executedQty, filled.avgPrice, filled.cumQuote)
    else
      records.one_face(order)
    end
    list[#list + 1] = order
    n = n + 1
  end
  for i, order in ipairs(list) do
    order._place = i
  end
  table.sort(list, function(a, b)
    if a.time ~= b.time then return a.time < b.time end
    return a._place < b._place
  end)
  for _, order in ipairs(list) do
    order._place = nil
  end
  return chosen(list, wanted)
end

---The fills of one's own orders, oldest first.
---
---Errors: raises when nothing has run yet.
---@param wanted table? only those with these fields: { side = "BUY", maker = true }
---@return MyTrade[] fills
function World:fills(wanted)
  local world, exchange = opened(self, 2)
  local build = records.constructor(C.RECORD_TRADE, world.symbol_names, {})
  local list = {}
  for i = 0, tonumber(C.exchange_fill_count(exchange)) - 1 do
    list[i + 1] = build(C.exchange_fill(exchange, i))
  end
  return chosen(list, wanted)
end

---Round trips: from the fill that opened a position to the one that closed it.
---
---Errors: raises when nothing has run yet.
---@return table[] trades as of stats.trades
function World:trades()
  opened(self, 2)
  return stats.trades(self:fills())
end

---What is held by the exchange's books.
---
---Errors: raises when nothing has run yet, and on a symbol that is not of this world.
---@param symbol string? needed where there are several
---@param side PositionSide? of a hedging account; the sum of all when left out
---@return number amount base asset; negative: short
function World:position(symbol, side)
  local world, exchange = opened(self, 2)
  local index = world.symbol_index[symbol or self.data.names[1]]
    or error(("no symbol '%s' in this world"):format(tostring(symbol)), 2)
  if side then return tonumber(C.exchange_position_e8(exchange, index, C["POSITION_" .. side])) / 1e8 end
  local sum = 0
  for i = 0, 2 do
    sum = sum + tonumber(C.exchange_position_e8(exchange, index, i))
  end
  return sum / 1e8
end

---The account's worth at the last prices.
---
---Errors: raises when nothing has run yet.
---@return number equity USDT
function World:equity()
  local _, exchange = opened(self, 2)
  return tonumber(C.exchange_equity_e8(exchange)) / 1e8
end

---The wallet balance, without open results.
---
---Errors: raises when nothing has run yet.
---@return number balance USDT
function World:wallet()
  local _, exchange = opened(self, 2)
  return tonumber(C.exchange_wallet_e8(exchange)) / 1e8
end

---Whether some line of the log holds a text.
---
---Errors: none.
---@param text string plain, no pattern
---@param level "debug"|"info"|"warn"|"error"|nil of this level only
---@return boolean found
function World:logged(text, level)
  for _, line in ipairs(self.lines) do
    if (not level or line.level == level) and line.text:find(text, 1, true) then return true end
  end
  return false
end

local order_fields = {
  "symbol",
  "side",
  "type",
  "quantity",
  "origQty",
  "price",
  "stopPrice",
  "status",
  "reduceOnly",
  "timeInForce",
}
local fill_fields = { "symbol", "side", "qty", "price", "maker", "realizedPnl" }

local function line_of(record, fields)
  local parts = {}
  for _, name in ipairs(fields) do
    local value = record[name]
    if value ~= nil and value ~= 0 and value ~= false and not (name == "quantity" and record.origQty) then
      parts[#parts + 1] = ("%s=%s"):format(
        name,
        type(value) == "number" and ("%.10g"):format(value) or tostring(value)
      )
    end
  end
  return table.concat(parts, " ")
end

local function wanted_line(wanted)
  local names = {}
  for name in pairs(wanted) do
    names[#names + 1] = name
  end
  table.sort(names)
  local parts = {}
  for i, name in ipairs(names) do
    parts[i] = ("%s=%s"):format(name, tostring(wanted[name]))
  end
  return table.concat(parts, " ")
end

local function expect(what, list, wanted, fields)
  local problem
  if #list ~= #wanted then problem = ("%d %s expected, there are %d"):format(#wanted, what, #list) end
  for i = 1, math.min(#list, #wanted) do
    if not problem and not matches(list[i], wanted[i]) then
      problem = ("%s %d is not { %s }"):format(what, i, wanted_line(wanted[i]))
    end
  end
  if not problem then return end
  local lines = { problem .. "; they are:" }
  for i, record in ipairs(list) do
    lines[#lines + 1] = ("  %d  %s"):format(i, line_of(record, fields))
  end
  if #list == 0 then lines[#lines] = problem end
  fail(3, "%s", table.concat(lines, "\n"))
end

---Asserts which orders the exchange took, in their order: as many as given, each with the given fields.
---
---Errors: fails the test with the list of those there were.
---@param wanted table[] { { side = "BUY", type = "LIMIT", price = 99.5 }, ... }
---@return TestWorld world this one
function World:expect_orders(wanted)
  opened(self, 2)
  local list = self:orders()
  for _, order in ipairs(list) do
    order.quantity = order.quantity or order.origQty
  end
  expect("orders", list, wanted, order_fields)
  return self
end

---Asserts which fills there were, in their order: as many as given, each with the given fields.
---
---Errors: fails the test with the list of those there were.
---@param wanted table[] { { side = "BUY", price = 100 }, ... }
---@return TestWorld world this one
function World:expect_fills(wanted)
  opened(self, 2)
  expect("fills", self:fills(), wanted, fill_fields)
  return self
end

---Asserts what is held at the end.
---
---Errors: fails the test.
---@param amount number base asset; negative: short
---@param symbol string? needed where there are several
---@return TestWorld world this one
function World:expect_position(amount, symbol)
  opened(self, 2)
  local there = self:position(symbol)
  if math.abs(there - amount) > 1e-9 then
    fail(2, "a position of %.10g expected, there is %.10g", amount, there)
  end
  return self
end

---Closes that rise or fall in equal steps, for `bars`: testing.ramp(100, 110, 5) is 100, 102.5, 105, 107.5, 110.
---
---Errors: raises on fewer than two bars.
---@param from number quote asset
---@param to number quote asset
---@param count integer how many bars
---@return number[] closes quote asset
function M.ramp(from, to, count)
  if type(count) ~= "number" or count < 2 then error("testing.ramp: two bars at least", 2) end
  local closes = {}
  for i = 1, count do
    closes[i] = from + (to - from) * (i - 1) / (count - 1)
  end
  return closes
end

---Closes that swing as a sine does around a middle, for `bars`.
---
---Errors: raises on fewer than two bars.
---@param middle number quote asset
---@param reach number quote asset: how far it swings
---@param period number bars of one swing
---@param count integer how many bars
---@return number[] closes quote asset
function M.wave(middle, reach, period, count)
  if type(count) ~= "number" or count < 2 then error("testing.wave: two bars at least", 2) end
  local closes = {}
  for i = 1, count do
    closes[i] = middle + reach * math.sin(2 * math.pi * (i - 1) / period)
  end
  return closes
end

---Lists put one behind the other, for `bars` of several phases.
---
---Errors: none.
---@param ... table[]|number[] the lists
---@return table[] list
function M.join(...)
  local list = {}
  for i = 1, select("#", ...) do
    for _, entry in ipairs((select(i, ...))) do
      list[#list + 1] = entry
    end
  end
  return list
end

return M
