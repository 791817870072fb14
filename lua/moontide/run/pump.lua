---The C side of a world, under one set of names: the backtest's pump and that of a real exchange.
---Calls: free, op, op_free, submit, wait, next, timer, dispatcher, last, client_id, view, events;
---of the API manager: configure, manager_start, manager_stop, strain, metrics;
---of paper and live also stop, control_socket_open, control, held_us, halt_asked, halt, dead_man_failed, news. All that a script can see comes through these (see moontide/recorder.lua).
local C = require "moontide.core"

local function of(prefix)
  local dispatcher = C[prefix .. "dispatcher"]
  return {
    configure = function(w, config, now_us) C.dispatcher_configure(dispatcher(w), config, now_us) end,
    manager_start = function(w) C.dispatcher_start(dispatcher(w)) end,
    manager_stop = function(w, now_us) C.dispatcher_stop(dispatcher(w), now_us) end,
    strain = function(w, costs, now_us) return C.dispatcher_strain(dispatcher(w), costs, now_us) end,
    metrics = function(w, now_us) return C.dispatcher_metrics(dispatcher(w), now_us) end,
    free = C[prefix .. "free"],
    view = C[prefix .. "view"],
    op = C[prefix .. "op"],
    op_free = C[prefix .. "op_free"],
    submit = C[prefix .. "submit"],
    wait = C[prefix .. "wait"],
    next = C[prefix .. "next"],
    timer = C[prefix .. "timer"],
    dispatcher = dispatcher,
    last = C[prefix .. "last_e8"],
    client_id = C[prefix .. "client_id"],
    events = C[prefix .. "events"],
    book = prefix == "live_" and function(w, symbol, found) return C.live_book(w, symbol, found) end or nil,
  }
end

local live = of "live_"
live.tap, live.clock_offset =
  C.live_tap, function(w) return tonumber(C.live_figures(w).clock_offset_us) / 1e6 end
live.stop_within = function(w, seconds) C.live_stop_within(w, seconds * 1e6) end
live.stop, live.stopping, live.control_socket_open, live.control =
  C.live_stop, C.live_stopping, C.live_control_open, C.live_control
live.held_us, live.halt_asked, live.halt = C.live_held_us, C.live_halt_asked, C.live_halt
live.dead_man_failed, live.news = C.live_dead_man_failed, C.live_log_next

return { backtest = of "backtest_", live = live }
