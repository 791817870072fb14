---The methods every strategy has (`self:position`...), described in moontide/meta/script.lua.
local C = require "moontide.core"
local brackets_module = require "moontide.portfolio.brackets"
local sizing = require "moontide.portfolio.sizing"
local strategy_module = require "moontide.run.strategy"
local targets = require "moontide.portfolio.targets"

local M = {}

local sides = { LONG = C.POSITION_LONG, SHORT = C.POSITION_SHORT, BOTH = C.POSITION_BOTH }

-- Raises what went wrong in the line of the script: the modules name the call.
local function in_callers_line(ok, ...)
  if ok then return ... end
  error((...), 3)
end

-- Sizes, targets and orders that belong together.
local function install_portfolio(m, world)
  local host = {
    position = function(symbol) return m.position(nil, symbol) end,
    equity = function() return m.equity() end,
    last = function(symbol) return m.last_price(nil, symbol) end,
  }
  setmetatable(host, { __index = function(_, name) return world[name] end }) -- api and market are made behind the world
  local function watch()
    local mask = strategy_module.event_mask(world.strategy)
    if world.pump.events then world.pump.events(world.bt, mask) end
  end
  local brackets = brackets_module.new(host, function() return world.strategy.state end, world.log, watch)
  world.brackets = brackets

  function m.size(_, symbol, o)
    local last = m.last_price(nil, symbol)
    return in_callers_line(pcall(sizing.quantity, world.market, symbol, o, m.equity(), last))
  end
  function m.target(_, symbol, amount) return in_callers_line(pcall(targets.target, host, symbol, amount)) end
  function m.scale(_, symbol, factor)
    if type(factor) ~= "number" or factor < 0 or factor ~= factor then
      error("self:scale: the factor is a number, 0 or more, not " .. tostring(factor), 2)
    end
    return in_callers_line(pcall(targets.target, host, symbol, m.position(nil, symbol) * factor))
  end
  function m.rebalance(_, weights, o) return in_callers_line(pcall(targets.rebalance, host, weights, o)) end
  function m.bracket(_, o) return in_callers_line(pcall(brackets.bracket, brackets, o)) end
  function m.guard(_, symbol, o) return in_callers_line(pcall(brackets.guard, brackets, symbol, o)) end
  function m.trail(_, symbol, distance)
    return in_callers_line(pcall(brackets.trail, brackets, symbol, distance))
  end
  function m.oco(_, orders) return in_callers_line(pcall(brackets.oco, brackets, orders)) end
end

---@param world World
---@return table<string, function>
function M.of(world)
  local view, index_of = world.view, world.symbol_index
  local m = {}

  local function held(symbol, side)
    local i = index_of[symbol]
    if not i then error(("no symbol '%s' in this run"):format(tostring(symbol)), 3) end
    return view.position[i][side]
  end

  function m.position(_, symbol, side)
    if side then
      local p = held(symbol, sides[side] or error("side is LONG, SHORT or BOTH", 2))
      return tonumber(p.amount_e8) / 1e8
    end
    local i = index_of[symbol]
    if not i then error(("no symbol '%s' in this run"):format(tostring(symbol)), 2) end
    local p = view.position[i]
    return tonumber(p[0].amount_e8 + p[1].amount_e8 + p[2].amount_e8) / 1e8
  end

  function m.entry_price(_, symbol, side) return tonumber(held(symbol, sides[side or "BOTH"]).entry_e8) / 1e8 end

  function m.last_price(_, symbol)
    local i = index_of[symbol]
    if not i then error(("no symbol '%s' in this run"):format(tostring(symbol)), 2) end
    return tonumber(world.pump.last(world.bt, i)) / 1e8
  end

  function m.wallet(_) return tonumber(view.wallet_e8) / 1e8 end

  function m.equity(_)
    local sum, value = tonumber(view.wallet_e8) / 1e8, world.pump.mark or world.pump.last
    for i = 0, world.symbol_count - 1 do
      local price = tonumber(value(world.bt, i)) / 1e8
      for side = 0, 2 do
        local p = view.position[i][side]
        if p.amount_e8 ~= 0 then
          sum = sum + tonumber(p.amount_e8) / 1e8 * (price - tonumber(p.entry_e8) / 1e8)
        end
      end
    end
    return sum
  end

  -- In parentheses, so that no tail call hides the script's line from what the call raises.
  function m.indicator(self, name, ...) return (world.indicators_of(self):add(world, name, ...)) end

  function m.now(_) return math.floor(tonumber(view.now_us) / 1000) end
  install_portfolio(m, world)
  return m
end

return M
