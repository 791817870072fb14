---The C side of a world, under one set of names: the backtest's pump and that of a real exchange.
---Calls: free, op, op_free, submit, wait, next, timer, dispatcher, last, client_id, view, events;
---of paper and live also stop, control_open, control.
local C = require "moontide.native"

local function of(prefix)
  return {
    free = C[prefix .. "free"], view = C[prefix .. "view"], op = C[prefix .. "op"], op_free = C[prefix .. "op_free"],
    submit = C[prefix .. "submit"], wait = C[prefix .. "wait"], next = C[prefix .. "next"], timer = C[prefix .. "timer"],
    dispatcher = C[prefix .. "dispatcher"], last = C[prefix .. "last_e8"], client_id = C[prefix .. "client_id"],
    events = C[prefix .. "events"], book = prefix == "live_" and C.live_book or nil,
  }
end

local live = of "live_"
live.stop, live.control_open, live.control = C.live_stop, C.live_control_open, C.live_control

return { backtest = of "backtest_", live = live }
