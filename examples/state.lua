-- self.state: plain data that a paper or live run finds again after a restart, `kill -9` included. A backtest starts empty.
--
--   moontide backtest examples/state.lua --synthetic 1 --bars 300
--   moontide paper examples/state.lua --url http://127.0.0.1:9090 --for 1
--   moontide paper examples/state.lua --url http://127.0.0.1:9090 --for 1        goes on where the one before stopped
--
-- Prints --> start	1	bars so far	0
--        --> highest	true
--        --> start	1	bars so far	0
--        --> start	2	bars so far	0
return {
  symbols = { "BTCUSDT" },
  interval = "1m",
  timer = 1,
  on_start = function(self)
    -- Strings, numbers, booleans and tables of them; everything else is made anew in on_start.
    local state = self.state
    state.starts = (state.starts or 0) + 1
    state.seen = state.seen or { bars = 0, highest = 0 }
    print("start", state.starts, "bars so far", state.seen.bars)
  end,
  on_bar = function(self, bar)
    local seen = self.state.seen
    seen.bars, seen.highest = seen.bars + 1, math.max(seen.highest, bar.high)
  end,
  on_timer = function() end,
  on_stop = function(self) print("highest", self.state.seen.highest > 0) end,
}
