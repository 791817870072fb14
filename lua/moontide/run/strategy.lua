---Loads a script, and runs it in a world: the handler form (a returned table) or the plain form (no table returned).
local bit = require "bit"
local C = require "moontide.core"
local failures = require "moontide.failure"
local records = require "moontide.api.records"
local task = require "moontide.run.task"

local M = {}

local handlers = {
  "on_start",
  "on_bar",
  "on_order",
  "on_fill",
  "on_position",
  "on_funding",
  "on_timer",
  "on_error",
  "on_stop",
  "on_trade",
  "on_book",
  "on_circuit",
  "on_alert",
}
M.handlers = handlers

---@class Strategy
---@field symbols string[]?
---@field interval string?
---@field params table?
---@field timer number? seconds between calls of on_timer

---Compiles a script; fails the command with one line on a missing file or a syntax error.
---@param path string
---@param source string? its text, when that is known already
---@return function chunk
---@return string source
function M.compile(path, source)
  if not source then
    local file, problem = io.open(path, "rb")
    if not file then failures.raise(1, "cannot read the script: %s", problem) end
    source = file:read "*a"
    file:close()
  end
  if not source then failures.raise(1, "cannot read the script: %s is not a file", path) end
  local chunk, message = load(source, "@" .. path, "t")
  if not chunk then failures.raise(1, "%s", message) end
  return chunk, source
end

---Parameter values from their declarations and --set; fails the command on an unknown name or a value out of bounds.
---@param declared table? name = { default, min =, max =, step = } or a plain default
---@param given table<string, string>
---@param path string
---@return table values
---@return string text canonical, for the fingerprint
function M.parameters(declared, given, path)
  local values, names = {}, {}
  for name, d in pairs(declared or {}) do
    local default = d
    if type(d) == "table" then default = d[1] end
    if default == nil then failures.raise(1, "%s: parameter '%s' has no default", path, tostring(name)) end
    values[name] = default
    names[#names + 1] = name
  end
  table.sort(names)
  for name, text in pairs(given) do
    local d = declared and declared[name]
    if d == nil then
      failures.raise(
        2,
        "--set %s: the script has no such parameter; it has: %s",
        name,
        #names > 0 and table.concat(names, ", ") or "none"
      )
    end
    local default = values[name]
    if type(default) == "number" then
      local value = tonumber(text)
      if not value or value ~= value then failures.raise(2, "--set %s=%s: a number is wanted", name, text) end
      if type(d) == "table" and ((d.min and value < d.min) or (d.max and value > d.max)) then
        failures.raise(2, "--set %s=%s is outside its bounds %s to %s", name, text, d.min or "-", d.max or "-")
      end
      values[name] = value
    elseif type(default) == "boolean" then
      if text ~= "true" and text ~= "false" then
        failures.raise(2, "--set %s=%s: true or false is wanted", name, text)
      end
      values[name] = text == "true"
    else
      values[name] = text
    end
  end
  local parts = {}
  for i, name in ipairs(names) do
    local v = values[name]
    parts[i] = name .. "=" .. (type(v) == "number" and ("%.17g"):format(v) or tostring(v))
  end
  return values, table.concat(parts, "\n")
end

local function bits(self)
  local mask = 0ULL
  local function want(handler, kind)
    if self[handler] then mask = bit.bor(mask, bit.lshift(1ULL, kind)) end
  end
  want("on_order", C.RECORD_ORDER_UPDATE)
  want("on_fill", C.RECORD_ORDER_UPDATE)
  want("on_order", C.RECORD_ALGO_UPDATE)
  want("on_position", C.RECORD_ACCOUNT_UPDATE)
  want("on_funding", C.RECORD_ACCOUNT_UPDATE)
  want("on_trade", C.RECORD_AGG_TRADE)
  want("on_book", C.RECORD_BOOK_TICKER)
  return mask
end
M.event_mask = bits

---Checks what a script returned. Returns nil for the plain form.
---@param value any
---@param path string
---@return Strategy?
function M.check(value, path)
  if value == nil then return nil end
  if type(value) ~= "table" then
    failures.raise(
      1,
      "%s returned a %s; a strategy returns a table of handlers (on_bar...), or nothing when it is a plain script",
      path,
      type(value)
    )
  end
  local found = false
  for _, name in ipairs(handlers) do
    if value[name] ~= nil then
      if type(value[name]) ~= "function" then failures.raise(1, "%s: %s must be a function", path, name) end
      found = true
    end
  end
  if not found then failures.raise(1, "%s returned a table without a handler; it needs at least on_bar", path) end
  local symbols, seen = value.symbols, {}
  if symbols ~= nil and (type(symbols) ~= "table" or symbols[1] == nil) then
    failures.raise(1, '%s: symbols must be a list of names: { "BTCUSDT" }', path)
  end
  for _, name in ipairs(symbols or {}) do
    if type(name) ~= "string" then
      failures.raise(1, "%s: symbols must be a list of names, but has a %s", path, type(name))
    end
    if seen[name] then failures.raise(1, "%s: symbols has %s twice", path, name) end
    seen[name] = true
  end
  if value.interval ~= nil and type(value.interval) ~= "string" then
    failures.raise(1, '%s: interval must be a text, as "1m"', path)
  end
  return value
end

-- The methods every strategy has, described in moontide/meta/script.lua.
local function methods(world)
  local view, index_of = world.view, world.symbol_index
  local sides = { LONG = C.POSITION_LONG, SHORT = C.POSITION_SHORT, BOTH = C.POSITION_BOTH }
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

  function m.now(_) return math.floor(tonumber(view.now_us) / 1000) end
  return m
end

local function dispatch_event(self, event, R)
  local kind = event.kind
  local recovered = event.recovered or nil -- asked for after the streams had been silent
  if kind == C.RECORD_ORDER_UPDATE then
    local u = event.u.order
    local order = R.build[C.RECORD_ORDER_QUERY](u.order)
    order.recovered = recovered
    if u.execution == C.EXEC_TRADE and self.on_fill then
      self.on_fill(self, {
        symbol = order.symbol,
        side = order.side,
        positionSide = order.positionSide,
        orderId = order.orderId,
        clientOrderId = order.clientOrderId,
        price = tonumber(u.last_price_e8) / 1e8,
        qty = tonumber(u.last_qty_e8) / 1e8,
        commission = tonumber(u.commission_e8) / 1e8,
        realizedPnl = tonumber(u.realized_pnl_e8) / 1e8,
        maker = u.maker,
        time = math.floor(tonumber(u.transaction_us) / 1000),
        tradeId = records.id_text(u.trade_id),
        order = order,
        recovered = recovered,
      })
    end
    if self.on_order then self.on_order(self, order) end
  elseif kind == C.RECORD_ALGO_UPDATE then
    local order = records.one_face(R.build[C.RECORD_ALGO](event.u.algo.order))
    order.recovered = recovered
    if self.on_order then self.on_order(self, order) end
  elseif kind == C.RECORD_ACCOUNT_UPDATE then
    local u = event.u.account
    local symbol = u.symbol >= 0 and R.symbols[u.symbol] or nil
    if u.reason == C.ACCOUNT_FUNDING_FEE then
      if self.on_funding then
        self.on_funding(
          self,
          {
            symbol = symbol,
            amount = tonumber(u.balance_change_e8) / 1e8,
            time = math.floor(tonumber(u.event_us) / 1000),
            recovered = recovered,
          }
        )
      end
    elseif self.on_position and symbol then
      self.on_position(self, {
        symbol = symbol,
        positionAmt = tonumber(u.amount_e8) / 1e8,
        entryPrice = tonumber(u.entry_price_e8) / 1e8,
        unrealizedProfit = tonumber(u.unrealized_e8) / 1e8,
        walletBalance = tonumber(u.wallet_e8) / 1e8,
        time = math.floor(tonumber(u.event_us) / 1000),
        recovered = recovered,
      })
    end
  elseif kind == C.RECORD_AGG_TRADE then
    local t = event.u.trade
    if not self.on_trade then return end -- of a script that has been reloaded meanwhile
    self.on_trade(self, {
      symbol = R.symbols[t.symbol],
      price = tonumber(t.price_e8) / 1e8,
      qty = tonumber(t.qty_e8) / 1e8,
      time = math.floor(tonumber(t.time_us) / 1000),
      maker = t.buyer_maker,
      id = records.id_text(t.id),
      recovered = recovered,
    })
  elseif kind == C.RECORD_BOOK_TICKER then
    local b = event.u.book
    if not self.on_book then return end
    self.on_book(self, {
      symbol = R.symbols[b.symbol],
      bid = tonumber(b.bid_e8) / 1e8,
      bidQty = tonumber(b.bid_qty_e8) / 1e8,
      ask = tonumber(b.ask_e8) / 1e8,
      askQty = tonumber(b.ask_qty_e8) / 1e8,
      time = math.floor(tonumber(b.time_us) / 1000),
      updateId = records.id_text(b.update_id),
    })
  end
end

---Runs a strategy (or a plain chunk) to the end of the data.
---@param world World
---@param self Strategy? the table of handlers
---@param chunk function? the plain form's body
---@return string? failure what an unhandled error said, with its traceback
function M.run(world, self, chunk)
  local failure
  local R = records.new(world.symbol_names)
  R.symbols = world.symbol_names
  local main

  -- What says only that the run is over is no failure: assert(api.get_ticker_price { ... }) in a loop ends so.
  local function is_end(err)
    return world.has_ended() and type(err) == "table" and rawget(err, "kind") == "stopped"
  end

  local function report(dead)
    if dead.ok or dead.reported or is_end(dead.error) then return end
    dead.reported = true
    if dead == main or not dead.waited then
      if self and self.on_error and not failure and dead ~= M.error_task then
        M.error_task = task.spawn(self.on_error, self, dead.error, dead.traceback)
        M.error_task.owner = world.owner
        return
      end
      if world.on_failure then return world.on_failure(dead) end -- the REPL tells of it and goes on
      failure = failure or dead.traceback
      world.stop()
    end
  end

  -- A session that began inside a bar does so again, when its backtest (moontide explain) begins with the bar.
  local function wait_for_begin()
    if world.begins_us and world.now() < world.begins_us then
      world.sleep((world.begins_us - world.now()) / 1e6)
    end
  end

  if self then
    local metatable = { __index = methods(world) }
    local pending_timers, timer_number = 0, 0
    local after = world.after_handler or function() end -- live: keeps self.state
    local after_tasks = world.after_tasks or function() end -- what tasks beside the handlers have changed of it

    local function begin_timer(me)
      if not me.timer or not me.on_timer then return end
      local mine = timer_number
      task.spawn(function()
        wait_for_begin()
        while not world.has_ended() and timer_number == mine do
          world.sleep(me.timer)
          if timer_number == mine then pending_timers = pending_timers + 1 end
        end
      end)
    end

    -- Puts a table of handlers in place; timers of the one before end. `owner` is whose the tasks are that it begins.
    local function take(me, owner)
      self, world.strategy, pending_timers, timer_number = me, me, 0, timer_number + 1
      world.owner = owner
      if main then main.owner = owner end
      setmetatable(me, metatable)
      if me.state == nil then me.state = {} end
    end
    take(self, {})

    ---Puts another table of handlers in place of the one that runs, and starts it: what its on_start failed with. The tasks of
    ---the one before end, or those of the one that failed.
    function world.take_strategy(me)
      local before = world.owner
      take(me, { before = before })
      local ok, problem = xpcall(function()
        if me.on_start then me:on_start() end
      end, debug.traceback)
      world.retire(ok and before or world.owner)
      if not ok then return problem end
      world.owner.before = nil
      begin_timer(me)
      after()
      return nil
    end
    ---Undoes that.
    function world.take_back(me)
      take(me, world.owner.before)
      begin_timer(me)
    end

    local handler, on_bar, on_event, on_wake = self.on_bar
    -- A timer that became due while a handler waited is served when it returns: whether other tasks run meanwhile, the runtime's
    -- among them, makes no difference.
    if world.after_handler or (self.timer and self.on_timer) then
      on_bar = function(bar)
        if self.on_bar then self:on_bar(bar) end
        after()
        if pending_timers > 0 then on_wake() end
      end
      on_event = function(event)
        dispatch_event(self, event, R)
        after()
        if pending_timers > 0 then on_wake() end
      end
    else
      -- A backtest's loop: one call a bar and nothing else.
      local me = self
      on_bar = handler and function(bar) return handler(me, bar) end or function() end
      on_event = function(event) dispatch_event(me, event, R) end
    end
    begin_timer(self)
    -- No handler runs: what asked for such a moment (a reload) has it.
    local function let_change()
      local change = world.between_events
      world.between_events = nil
      if change then change() end
    end
    function on_wake()
      let_change()
      while pending_timers > 0 and not world.has_ended() do -- after the end comes on_stop
        pending_timers = pending_timers - 1
        self:on_timer(math.floor(world.now() / 1000))
        after()
        let_change()
      end
      after_tasks()
    end
    local started, stopped = false, false
    local function body()
      if not started then
        started = true
        wait_for_begin()
        if self.on_start then self:on_start() end
        after()
        if pending_timers > 0 then on_wake() end
      end
      world.main_loop(on_bar, on_event, on_wake)
      if stopped then return end -- on_stop failed, and on_error took that: it is not tried again
      stopped = true
      if not self.on_stop then return after() end
      world.last_words(world.stop_seconds)
      self:on_stop()
      after()
    end
    local function launch()
      main = task.spawn(body)
      main.owner = world.owner
      return main
    end
    launch()
    -- After an error that on_error took, the loop goes on with the next event.
    repeat
      local this = main
      world.run(main, function(dead)
        report(dead)
        if dead == this and not dead.ok and not failure then world.relaunch = true end
      end)
      local again = world.relaunch and not failure
      world.relaunch = false
      if again then launch() end
    until not again
    -- A handler that waits for what no longer comes, or asks on and on, is left behind; on_stop runs all the same.
    if started and not stopped and not world.was_stopped() and self.on_stop then
      stopped = true
      world.log.warn "a handler had not ended when its time was over; its calls were ended"
      world.last_words(world.stop_seconds)
      main = task.spawn(function()
        self:on_stop()
        after()
      end)
      world.run(main, report)
    end
  else
    main = task.spawn(function()
      wait_for_begin()
      return chunk()
    end)
    world.run(main, report)
  end
  return failure
end

return M
