---The methods every strategy has (`self:position`...), described in moontide/meta/script.lua.
local C = require "moontide.core"

local M = {}

local sides = { LONG = C.POSITION_LONG, SHORT = C.POSITION_SHORT, BOTH = C.POSITION_BOTH }

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
    local sum = tonumber(view.wallet_e8) / 1e8
    for i = 0, world.symbol_count - 1 do
      local last = tonumber(world.pump.last(world.bt, i)) / 1e8
      for side = 0, 2 do
        local p = view.position[i][side]
        if p.amount_e8 ~= 0 then
          sum = sum + tonumber(p.amount_e8) / 1e8 * (last - tonumber(p.entry_e8) / 1e8)
        end
      end
    end
    return sum
  end

  function m.indicator(self, name, ...) return world.indicators_of(self):add(world, name, ...) end

  function m.now(_) return math.floor(tonumber(view.now_us) / 1000) end
  return m
end

return M
