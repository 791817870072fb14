---The equity of a run as a chart for the terminal.
local plot = require "moontide.plot"

local M = {}

local ROWS, WIDTH_MOST = 8, 120

---A chart of what the account was worth at every bar, where that was kept, else at the end of each UTC day. Points that share a
---column are thinned by their lowest and highest, so that the deepest fall stays.
---@param world World
---@param r table the result
---@return Chart
function M.equity(world, r)
  local view = world.view
  local count, us, e8 = tonumber(view.point_count), view.point_us, view.point_equity_e8
  local from = 0
  if count == 0 then
    count, us, e8, from = tonumber(view.day_count), view.day_us, view.day_equity_e8, 1 -- the first is the start
    count = math.max(0, count - 1)
  end
  local last_ms = math.max(r.from, r.to, count > 0 and tonumber(us[from + count - 1]) / 1000 or 0)
  local chart = plot.of_layers({
    {
      kind = "line",
      count = count + 2,
      money = true,
      time = function(i)
        if i == 1 then return r.from end
        return i == count + 2 and last_ms or math.max(r.from, tonumber(us[from + i - 2]) / 1000)
      end,
      value = function(i)
        if i == 1 then return r.capital end
        return i == count + 2 and r.final_equity or tonumber(e8[from + i - 2]) / 1e8
      end,
    },
  }, { title = "equity (" .. r.coin .. ")", height = ROWS, width_most = WIDTH_MOST })
  return chart
end

return M
