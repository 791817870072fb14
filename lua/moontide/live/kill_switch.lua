---The kill switch of a run: nothing but reducing orders leaves any more, open orders go, positions too when that is wanted; then the
---run ends, or stays and refuses. Pulled by SIGUSR1, a file, the control socket, the supervisor, or a breach of the risk limits.
local bit = require "bit"
local C = require "moontide.core"
local ending = require "moontide.live.ending"
local shutdown = require "moontide.live.shutdown"
local journal = require "moontide.live.journal"
local task = require "moontide.run.task"

local M = {}

local ROUNDS = 20

-- What was on its way when the switch was pulled may arrive after the first cancelling.
local function clear(s)
  for _ = 1, ROUNDS do
    local left = shutdown.run(s) and shutdown.all_open_orders(s)
    if left and #left == 0 then return true end
    if s.world:now() > s.deadline_us then return false end
    s.api.sleep(0.2)
  end
  return false
end

---@param s LiveSession
function M.pull(s)
  if s.halted then return end
  s.halted = true
  s.world.pump.halt(s.world.bt)
  s.flatten = s.flatten or s.settings.halt_flatten or bit.band(C.heartbeat_commands(), C.HEART_FLATTEN) ~= 0
  journal.note(s, "kill switch" .. (s.flatten and ", positions closed" or ""))
  s.log.error(
    "kill switch: no new orders; open orders are being cancelled%s",
    s.flatten and ", positions closed" or ""
  )
  local clearing = task.spawn(function()
    ending.set_deadline(s)
    local kept = s.keep_orders
    s.keep_orders = false
    local trades = s.mode == "paper" or s.at.key ~= ""
    local ok, good = true, true
    if trades then
      ok, good = pcall(clear, s)
    end
    s.keep_orders = kept
    if not (ok and good) then
      s.log.error(
        "kill switch: not everything could be cancelled or closed: %s",
        ok and "orders keep appearing" or tostring(good)
      )
    end
    if s.settings.on_halt == "stay" then
      s.log.warn "halted; the run goes on without new orders"
      s.deadline_us, s.told_late = nil, nil
    else
      s.world.pump.stop(s.world.bt)
    end
  end)
  clearing.outside = true -- none of the script's doing: a recording leaves it out
end

return M
