---Indicators that the runtime feeds: `self:indicator("rsi", 14)` in a strategy. Each is fed with the closed bars of every
---symbol of the run, one instance a symbol, before on_bar hears of the bar.
local M = {}

---@class FedIndicator
---@field name string
---@field arguments any[] as the script gave them
---@field inputs string[]
---@field outputs string[]
---@field count integer of results
---@field last table<string, table> by symbol: the results at its last bar
---@field make fun(): function
---@field fed table<string, function> by symbol
local FedIndicator = {}
FedIndicator.__index = FedIndicator

-- What a script holds of one: a function, so that nothing of the runtime is in reach.
local function reader(fed)
  return function(symbol)
    local values = fed.last[symbol or fed.only]
    if values then return unpack(values, 1, fed.count) end
    if symbol == nil and not fed.only then
      error(
        ("the run has several symbols: name the one whose %s you mean, as indicator(bar.symbol)"):format(
          fed.name
        ),
        2
      )
    end
    if symbol ~= nil and fed.known[symbol] == nil then
      error(("no symbol '%s' in this run"):format(tostring(symbol)), 2)
    end
    return nil
  end
end

local function keep(values, count, ...)
  for i = 1, count do
    values[i] = (select(i, ...))
  end
end

local function keep_one(values, _, x) values[1] = x end

function FedIndicator:feed(bar)
  local symbol = bar.symbol
  local f, values = self.fed[symbol], self.last[symbol]
  if not f then
    f, values = self.make(), {}
    self.fed[symbol], self.last[symbol] = f, values
  end
  local i = self.inputs
  self.keep(
    values,
    self.count,
    f(bar[i[1]], i[2] and bar[i[2]], i[3] and bar[i[3]], i[4] and bar[i[4]], i[5] and bar[i[5]])
  )
end

---@class IndicatorSet
---@field list FedIndicator[]
---@field count integer
---@field on_change fun()? hears that one was added
---@field seen (fun(symbol: string, list: FedIndicator[]))? hears of every bar that was fed: for the report's page
local Set = {}
Set.__index = Set

---The indicators of one strategy.
---@param seen (fun(symbol: string, list: FedIndicator[]))?
---@return IndicatorSet
function M.new(seen) return setmetatable({ list = {}, count = 0, seen = seen }, Set) end

---Adds one; raises, in the line of the caller's caller, on a name or parameters that are wrong.
---@param world World
---@param name string
---@param ... any its parameters
---@return fun(symbol?: string): ... # its results at the last closed bar
function Set:add(world, name, ...)
  local ta = require "moontide.ta" -- thousands of lines, which a run without one does not load
  local form = type(name) == "string" and ta.form(name)
  if not form then
    local near = type(name) == "string" and require("moontide.options.suggest").nearest(name, ta.names())
    error(
      ("there is no indicator '%s'%s"):format(
        tostring(name),
        near and ("; did you mean %s?"):format(near) or ""
      ),
      3
    )
  end
  for _, field in ipairs(form.inputs) do
    if not M.fields[field] then
      error(("ta.%s takes %s, which a bar does not have: feed it yourself"):format(name, field), 3)
    end
  end
  local arguments, count = { ... }, select("#", ...)
  local function make() return form.make(unpack(arguments, 1, count)) end
  local ok, problem = pcall(make)
  if not ok then error((tostring(problem):gsub("^[^:]+:%d+: ", "")), 3) end
  local known = {}
  for _, symbol in pairs(world.symbol_names) do
    known[symbol] = true
  end
  local fed = setmetatable({
    name = name,
    arguments = arguments,
    inputs = form.inputs,
    outputs = form.outputs,
    count = #form.outputs,
    keep = #form.outputs == 1 and keep_one or keep,
    last = {},
    fed = {},
    make = make,
    known = known,
    only = world.symbol_count == 1 and next(known) or nil,
  }, FedIndicator)
  self.list[#self.list + 1] = fed
  self.count = #self.list
  if self.on_change then self.on_change() end
  return reader(fed)
end

---Feeds a closed bar to all.
---@param bar Bar
function Set:feed(bar)
  for i = 1, self.count do
    self.list[i]:feed(bar)
  end
  if self.seen then self.seen(bar.symbol, self.list) end
end

---The fields of a bar that an indicator may take.
M.fields = {
  open = true,
  high = true,
  low = true,
  close = true,
  volume = true,
  open_time = true,
  taker_buy_volume = true,
}

return M
