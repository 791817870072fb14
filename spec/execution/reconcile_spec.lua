-- What was missed while the user data stream was silent, found by asking: pure, event by event.
local ffi = require "ffi"
local C = require "spec.support.c"

local DAY = 86400000000
local NOW = 20000 * DAY

local function e8(x) return C.dec_from_double(x) end

-- An order as listed or as an update carries it.
local function order(t)
  local o = ffi.new "struct order_record"
  o.order_id, o.symbol, o.side, o.type = t.id, t.symbol or 0, C.SIDE_BUY, t.type or C.ORDER_LIMIT
  o.orig_qty_e8, o.executed_qty_e8, o.price_e8, o.avg_price_e8 =
    e8(t.qty or 1), e8(t.done or 0), e8(t.price or 100), e8(t.avg or t.price or 100)
  o.cum_quote_e8 = e8((t.done or 0) * (t.avg or t.price or 100))
  o.status, o.time_us, o.update_us = t.status or C.STATUS_NEW, t.time or NOW, t.update or t.time or NOW
  return o
end

local function trade(t)
  local r = ffi.new "struct trade_record"
  r.id, r.order_id, r.symbol, r.price_e8, r.qty_e8, r.time_us, r.maker =
    t.id, t.order, t.symbol or 0, e8(t.price or 100), e8(t.qty), t.time, true
  r.quote_qty_e8 = e8((t.price or 100) * t.qty)
  r.commission_e8 = e8(0.01)
  return r
end

local function update(execution, t)
  local e = ffi.new "struct stream_event"
  e.kind, e.time_us = C.RECORD_ORDER_UPDATE, t.at or t.time or NOW
  local u = e.u.order
  u.order, u.execution, u.transaction_us, u.event_us = order(t), execution, e.time_us, e.time_us
  u.trade_id, u.last_qty_e8 = t.trade or 0, e8(t.last or 0)
  return e
end

local names = {
  [tonumber(C.EXEC_NEW)] = "NEW",
  [tonumber(C.EXEC_TRADE)] = "TRADE",
  [tonumber(C.EXEC_CANCELED)] = "CANCELED",
  [tonumber(C.EXEC_EXPIRED)] = "EXPIRED",
  [tonumber(C.EXEC_AMENDMENT)] = "AMENDMENT",
}

describe("events recovered", function()
  local r, view
  before_each(function()
    r = ffi.gc(C.reconcile_new(), C.reconcile_free)
    view = ffi.new "struct world_view"
  end)

  local events, count = ffi.new "const struct stream_event *[1]", ffi.new "int32_t[1]"

  local function text(e)
    assert.is_true(e.recovered)
    local at = tonumber(e.time_us - NOW)
    if e.kind == C.RECORD_ORDER_UPDATE then
      local u = e.u.order
      local status = ffi.string(C.order_status_names[u.order.status])
      local fill = u.trade_id ~= 0 and (" #%d %g"):format(tonumber(u.trade_id), tonumber(u.last_qty_e8) / 1e8)
        or ""
      return ("%d %s %s %g/%g%s @%d"):format(
        tonumber(u.order.order_id),
        names[u.execution],
        status,
        tonumber(u.order.executed_qty_e8) / 1e8,
        tonumber(u.order.orig_qty_e8) / 1e8,
        fill,
        at
      )
    elseif e.kind == C.RECORD_ALGO_UPDATE then
      return ("algo %d %s @%d"):format(
        tonumber(e.u.algo.order.algo_id),
        ffi.string(C.algo_status_names[e.u.algo.order.algo_status]),
        at
      )
    end
    local u = e.u.account
    if u.reason == C.ACCOUNT_FUNDING_FEE then
      return ("funding %g @%d"):format(tonumber(u.balance_change_e8) / 1e8, at)
    end
    return ("position %d %g wallet %g @%d"):format(
      u.symbol,
      tonumber(u.amount_e8) / 1e8,
      tonumber(u.wallet_e8) / 1e8,
      at
    )
  end

  local function finish(mode, hasty)
    local status = C.reconcile_finish(
      r,
      mode or C.RECONCILE_TELL,
      view.position[0],
      view.wallet_e8,
      NOW + 1000000,
      hasty or false,
      events,
      count
    )
    if status ~= 0 then return status end
    local list = {}
    for i = 0, count[0] - 1 do
      list[i + 1] = text(events[0][i])
    end
    return list
  end

  it("an exchange begun anew counts its orders from the start: another client id is another order", function()
    local function named(e, name)
      e.u.order.order.client_id = name
      return e
    end
    assert.is_true(C.reconcile_take(r, named(update(C.EXEC_NEW, { id = 1 }), "before")))
    assert.is_true(
      C.reconcile_take(
        r,
        named(update(C.EXEC_CANCELED, { id = 1, at = NOW + 5, status = C.STATUS_CANCELED }), "before")
      )
    )
    assert.is_false(C.reconcile_take(r, named(update(C.EXEC_NEW, { id = 1 }), "before")))
    assert.is_true(C.reconcile_take(r, named(update(C.EXEC_NEW, { id = 1, at = NOW + 50 }), "after")))
    assert.is_true(C.reconcile_any_open(r))
    assert.is_true(
      C.reconcile_take(
        r,
        named(update(C.EXEC_CANCELED, { id = 1, at = NOW + 60, status = C.STATUS_CANCELED }), "after")
      )
    )
    assert.is_false(C.reconcile_any_open(r))
  end)

  it("a fill, an end, a new order: in the order of their time, and never again", function()
    assert.is_true(C.reconcile_take(r, update(C.EXEC_NEW, { id = 1, qty = 2 })))
    assert.is_true(C.reconcile_take(
      r,
      update(C.EXEC_TRADE, {
        id = 1,
        qty = 2,
        done = 0.5,
        trade = 11,
        last = 0.5,
        at = NOW + 10,
        status = C.STATUS_PARTIALLY_FILLED,
      })
    ))
    C.reconcile_begin(r, NOW - 100)
    C.reconcile_order(
      r,
      order { id = 1, qty = 2, done = 1.25, status = C.STATUS_CANCELED, update = NOW + 90 }
    )
    C.reconcile_order(
      r,
      order {
        id = 2,
        done = 1,
        status = C.STATUS_FILLED,
        time = NOW + 40,
        update = NOW + 60,
        type = C.ORDER_MARKET,
      }
    )
    for _, t in ipairs {
      { id = 11, order = 1, qty = 0.5, time = NOW + 10 },
      { id = 12, order = 1, qty = 0.25, time = NOW + 30 },
      { id = 13, order = 2, qty = 0.4, time = NOW + 40 },
      { id = 14, order = 1, qty = 0.5, time = NOW + 50 },
      { id = 15, order = 2, qty = 0.6, time = NOW + 60 },
      { id = 15, order = 2, qty = 0.6, time = NOW + 60 },
    } do
      C.reconcile_trade(r, trade(t))
    end
    assert.same({
      "1 TRADE PARTIALLY_FILLED 0.75/2 #12 0.25 @30",
      "2 NEW NEW 0/1 @40",
      "2 TRADE PARTIALLY_FILLED 0.4/1 #13 0.4 @40",
      "1 TRADE PARTIALLY_FILLED 1.25/2 #14 0.5 @50",
      "2 TRADE FILLED 1/1 #15 0.6 @60",
      "1 CANCELED CANCELED 1.25/2 @90",
    }, finish())
    -- What the new connection brings of all this is known.
    for _, e in ipairs {
      update(C.EXEC_TRADE, { id = 1, done = 1.25, trade = 14, last = 0.5, at = NOW + 50 }),
      update(C.EXEC_NEW, { id = 2, at = NOW + 40 }),
      update(C.EXEC_TRADE, { id = 2, done = 1, trade = 15, last = 0.6, at = NOW + 60 }),
      update(C.EXEC_CANCELED, { id = 1, done = 1.25, status = C.STATUS_CANCELED, at = NOW + 90 }),
    } do
      assert.is_false(C.reconcile_take(r, e))
    end
    C.reconcile_begin(r, NOW - 100)
    C.reconcile_order(
      r,
      order { id = 1, qty = 2, done = 1.25, status = C.STATUS_CANCELED, update = NOW + 90 }
    )
    C.reconcile_trade(r, trade { id = 15, order = 2, qty = 0.6, time = NOW + 60 })
    assert.same({}, finish())
    assert.is_false(C.reconcile_any_open(r))
  end)

  it("a fill that was left out between others is not counted twice", function()
    C.reconcile_take(r, update(C.EXEC_NEW, { id = 1, qty = 6, type = C.ORDER_MARKET }))
    -- Of three fills the first was lost: the sums of those that came hold it already.
    C.reconcile_take(
      r,
      update(
        C.EXEC_TRADE,
        { id = 1, qty = 6, done = 3, trade = 12, last = 2, at = NOW + 10, status = C.STATUS_PARTIALLY_FILLED }
      )
    )
    C.reconcile_take(
      r,
      update(
        C.EXEC_TRADE,
        { id = 1, qty = 6, done = 6, trade = 13, last = 3, at = NOW + 11, status = C.STATUS_FILLED }
      )
    )
    C.reconcile_begin(r, NOW - 100)
    C.reconcile_order(
      r,
      order { id = 1, qty = 6, done = 6, status = C.STATUS_FILLED, update = NOW + 11, type = C.ORDER_MARKET }
    )
    for id, qty in ipairs { 1, 2, 3 } do
      C.reconcile_trade(r, trade { id = 10 + id, order = 1, qty = qty, time = NOW + 8 + id })
    end
    assert.same({ "1 TRADE FILLED 6/6 #11 1 @11" }, finish())
  end)

  it("fills listed later than their order are waited for, and told without waiting only in haste", function()
    C.reconcile_begin(r, NOW - 100)
    C.reconcile_order(r, order { id = 5, done = 1, status = C.STATUS_FILLED, update = NOW + 9 })
    C.reconcile_trade(r, trade { id = 50, order = 5, qty = 0.25, time = NOW + 8 })
    assert.equal(C.ERR_TIMEOUT, finish())
    C.reconcile_begin(r, NOW - 100)
    C.reconcile_order(r, order { id = 5, done = 1, status = C.STATUS_FILLED, update = NOW + 9 })
    C.reconcile_trade(r, trade { id = 50, order = 5, qty = 0.25, time = NOW + 8 })
    C.reconcile_trade(r, trade { id = 51, order = 5, qty = 0.75, time = NOW + 9 })
    assert.same(
      { "5 NEW NEW 0/1 @0", "5 TRADE PARTIALLY_FILLED 0.25/1 #50 0.25 @8", "5 TRADE FILLED 1/1 #51 0.75 @9" },
      finish()
    )
    C.reconcile_begin(r, NOW - 100)
    C.reconcile_order(r, order { id = 6, done = 1, status = C.STATUS_EXPIRED, update = NOW + 9 })
    assert.equal(C.ERR_TIMEOUT, finish())
    assert.same({ "6 NEW NEW 0/1 @0", "6 EXPIRED EXPIRED 0/1 @9" }, finish(C.RECONCILE_TELL, true))
  end)

  it(
    "what was before the run is learned and told to nobody; orders of then are known when they fill",
    function()
      C.reconcile_begin(r, NOW - 100)
      C.reconcile_order(
        r,
        order { id = 1, qty = 3, done = 1, status = C.STATUS_PARTIALLY_FILLED, time = NOW - DAY }
      )
      C.reconcile_trade(r, trade { id = 10, order = 1, qty = 0.5, time = NOW - 50 })
      C.reconcile_position(r, nil)
      finish(C.RECONCILE_LEARN)
      assert.is_true(C.reconcile_any_open(r))
      assert.is_true(
        C.reconcile_follows(r, update(C.EXEC_TRADE, { id = 1, done = 1.5, trade = 11, last = 0.5 }))
      )
      assert.is_false(
        C.reconcile_follows(r, update(C.EXEC_TRADE, { id = 1, done = 2, trade = 12, last = 0.5 }))
      ) -- half a coin was lost in between
      assert.is_false(
        C.reconcile_follows(r, update(C.EXEC_TRADE, { id = 9, done = 1, trade = 13, last = 1 }))
      ) -- and here the order itself
      assert.is_false(C.reconcile_take(r, update(C.EXEC_TRADE, { id = 1, done = 1, trade = 10, last = 0.5 })))
      C.reconcile_begin(r, NOW - 100)
      local missing = ffi.new "struct reconcile_missing[4]"
      assert.equal(1, C.reconcile_missing(r, missing, 4)) -- known to be open, and no longer listed as such
      assert.equal(1, tonumber(missing[0].id))
      C.reconcile_order(
        r,
        order { id = 1, qty = 3, done = 3, status = C.STATUS_FILLED, time = NOW - DAY, update = NOW + 20 }
      )
      C.reconcile_trade(r, trade { id = 10, order = 1, qty = 0.5, time = NOW - 50 })
      C.reconcile_trade(r, trade { id = 20, order = 1, qty = 2, time = NOW + 20 })
      assert.same({ "1 TRADE FILLED 3/3 #20 2 @20" }, finish())
    end
  )

  it(
    "orders that must be asked for by themselves; one that the exchange has forgotten is cancelled",
    function()
      C.reconcile_take(r, update(C.EXEC_NEW, { id = 1 }))
      C.reconcile_take(r, update(C.EXEC_NEW, { id = 2 }))
      C.reconcile_begin(r, NOW - 100)
      C.reconcile_order(r, order { id = 2 })
      C.reconcile_trade(r, trade { id = 30, order = 3, qty = 1, time = NOW + 5 })
      C.reconcile_trade(r, trade { id = 31, order = 3, qty = 1, time = NOW + 6 })
      local missing = ffi.new "struct reconcile_missing[4]"
      assert.equal(2, C.reconcile_missing(r, missing, 4))
      assert.same({ 1, 3 }, { tonumber(missing[0].id), tonumber(missing[1].id) })
      C.reconcile_gone(r, missing[0])
      C.reconcile_order(
        r,
        order { id = 3, qty = 2, done = 2, status = C.STATUS_FILLED, time = NOW + 5, update = NOW + 6 }
      )
      assert.equal(0, C.reconcile_missing(r, missing, 4))
      assert.same({
        "1 CANCELED CANCELED 0/1 @0",
        "3 NEW NEW 0/2 @5",
        "3 TRADE PARTIALLY_FILLED 1/2 #30 1 @5",
        "3 TRADE FILLED 2/2 #31 1 @6",
      }, finish())
    end
  )

  it("a position is no older than the last fill of its symbol, whatever its answer says", function()
    C.reconcile_take(r, update(C.EXEC_NEW, { id = 1, qty = 2 }))
    C.reconcile_take(r, update(C.EXEC_NEW, { id = 2, qty = 2, symbol = 1 }))
    C.reconcile_begin(r, NOW - 100)
    for symbol = 0, 1 do
      local at = NOW + 20 + 30 * symbol
      C.reconcile_order(
        r,
        order { id = symbol + 1, symbol = symbol, qty = 2, done = 2, status = C.STATUS_FILLED, update = at }
      )
      C.reconcile_trade(r, trade { id = 9, symbol = symbol, order = symbol + 1, qty = 2, time = at })
      local p = ffi.new "struct position_record"
      p.amount_e8, p.entry_price_e8, p.update_us, p.symbol = e8(2), e8(100), NOW + 4, symbol
      C.reconcile_position(r, p)
    end
    C.reconcile_wallet(r, e8(490))
    local told = {}
    for _, line in ipairs(finish()) do
      if line:find "^position" then told[#told + 1] = line end
    end
    assert.same({ "position 0 2 wallet 490 @20", "position 1 2 wallet 490 @50" }, told)
  end)

  it("amendments, conditional orders, positions, funding", function()
    C.reconcile_take(r, update(C.EXEC_NEW, { id = 1, price = 100 }))
    view.position[0][0].amount_e8 = e8(1)
    view.wallet_e8 = e8(500)
    C.reconcile_begin(r, NOW - 100)
    C.reconcile_order(r, order { id = 1, price = 90, qty = 2, update = NOW + 7 })
    local a = ffi.new "struct algo_record"
    a.algo_id, a.algo_status, a.create_us, a.update_us = 77, C.ALGO_CANCELED, NOW + 1, NOW + 2
    C.reconcile_algo(r, a)
    local p = ffi.new "struct position_record"
    p.amount_e8, p.entry_price_e8, p.update_us, p.symbol = e8(0.25), e8(100), NOW + 4, 0
    C.reconcile_position(r, p)
    C.reconcile_wallet(r, e8(490))
    local n = ffi.new "struct income_record"
    n.type, n.income_e8, n.time_us, n.symbol = C.INCOME_FUNDING_FEE, e8(-1.5), NOW + 3, 0
    C.reconcile_income(r, n)
    assert.same({
      "algo 77 NEW @1",
      "algo 77 CANCELED @2",
      "funding -1.5 @3",
      "position 0 0.25 wallet 490 @4",
      "1 AMENDMENT NEW 0/2 @7",
    }, finish())
    -- Told by the stream after all: known. What is newer is not.
    local e = ffi.new "struct stream_event"
    e.kind = C.RECORD_ACCOUNT_UPDATE
    local u = e.u.account
    u.reason, u.balance_change_e8, u.transaction_us, u.symbol = C.ACCOUNT_FUNDING_FEE, e8(-1.5), NOW + 40, -1
    assert.is_false(C.reconcile_take(r, e))
    u.reason, u.balance_change_e8, u.amount_e8, u.transaction_us, u.symbol =
      C.ACCOUNT_ORDER, 0, e8(0.25), NOW + 4, 0
    assert.is_false(C.reconcile_take(r, e))
    u.amount_e8, u.transaction_us = e8(0.5), NOW + 9
    assert.is_true(C.reconcile_take(r, e))
    assert.is_false(C.reconcile_take(r, e))
    assert.is_false(
      C.reconcile_take(r, update(C.EXEC_AMENDMENT, { id = 1, price = 90, qty = 2, at = NOW + 7 }))
    )
    assert.is_true(
      C.reconcile_take(r, update(C.EXEC_AMENDMENT, { id = 1, price = 95, qty = 2, at = NOW + 8 }))
    )
    local algo = ffi.new "struct stream_event"
    algo.kind = C.RECORD_ALGO_UPDATE
    algo.u.algo.order.algo_id, algo.u.algo.order.algo_status, algo.u.algo.transaction_us =
      77, C.ALGO_NEW, NOW + 1
    assert.is_false(C.reconcile_take(r, algo))
  end)

  it("a look changes nothing; what is over and old is forgotten", function()
    C.reconcile_take(r, update(C.EXEC_NEW, { id = 1 }))
    for _ = 1, 2 do
      C.reconcile_begin(r, NOW - 100)
      C.reconcile_order(r, order { id = 1, done = 1, status = C.STATUS_FILLED, update = NOW + 2 })
      C.reconcile_trade(r, trade { id = 8, order = 1, qty = 1, time = NOW + 2 })
      assert.same({ "1 TRADE FILLED 1/1 #8 1 @2" }, finish(C.RECONCILE_LOOK))
    end
    assert.is_false(C.reconcile_delivered(r, 0, 1, e8(1), true))
    assert.same({ "1 TRADE FILLED 1/1 #8 1 @2" }, finish())
    assert.is_true(C.reconcile_delivered(r, 0, 1, e8(1), true))
    C.reconcile_forget(r, NOW + 2)
    assert.is_true(C.reconcile_delivered(r, 0, 1, e8(1), true))
    C.reconcile_forget(r, NOW + 3)
    assert.is_false(C.reconcile_delivered(r, 0, 1, e8(1), true))
  end)

  it(
    "any mixture of losses, doubles and gaps: each event of an order once, in the order of its life",
    function()
      math.randomseed(require "spec.support.seed")
      local random = math.random
      for _ = 1, 150 do
        local known = ffi.gc(C.reconcile_new(), C.reconcile_free)
        local orders, truth, clock, trade_id = {}, {}, NOW, 0
        local told, open_ids = {}, {}
        -- What happens at the exchange: each step one event of one order.
        local function step()
          clock = clock + random(1, 5) * 1000
          local o = open_ids[random(1, #open_ids + 1)]
          if not o then
            o = { id = #orders + 1, qty = random(1, 4), done = 0, price = 100, time = clock, fills = {} }
            orders[o.id] = o
            open_ids[#open_ids + 1] = o
            o.status = C.STATUS_NEW
            return update(C.EXEC_NEW, o), o.id .. " NEW"
          end
          o.update, o.at = clock, clock
          local function over()
            for i, other in ipairs(open_ids) do
              if other == o then
                table.remove(open_ids, i)
                break
              end
            end
          end
          if random() < 0.25 then
            o.status = C.STATUS_CANCELED
            over()
            return update(C.EXEC_CANCELED, o), o.id .. " CANCELED"
          end
          trade_id = trade_id + 1
          o.done, o.trade, o.last = o.done + 1, trade_id, 1
          o.status = o.done == o.qty and C.STATUS_FILLED or C.STATUS_PARTIALLY_FILLED
          o.fills[#o.fills + 1] = { id = trade_id, order = o.id, qty = 1, time = clock }
          if o.done == o.qty then over() end
          local e = update(C.EXEC_TRADE, o)
          o.trade, o.last = nil, nil
          return e, o.id .. " #" .. trade_id
        end
        local function tell(e)
          local u = e.u.order
          local what = u.trade_id ~= 0 and "#" .. tonumber(u.trade_id) or names[u.execution]
          told[#told + 1] = tonumber(u.order.order_id) .. " " .. what
        end
        -- Everything the exchange lists, at this moment.
        local function ask(from)
          C.reconcile_begin(known, from)
          for _, o in ipairs(orders) do
            local listed = o.time >= from or o.status == C.STATUS_NEW or o.status == C.STATUS_PARTIALLY_FILLED
            if listed then C.reconcile_order(known, order(o)) end
            for _, t in ipairs(o.fills) do
              if t.time >= from then C.reconcile_trade(known, trade(t)) end
            end
          end
          local missing = ffi.new "struct reconcile_missing[16]"
          while true do
            local n = C.reconcile_missing(known, missing, 16)
            if n == 0 then break end
            for i = 0, n - 1 do
              C.reconcile_order(known, order(orders[tonumber(missing[i].id)]))
            end
          end
          assert.equal(
            0,
            C.reconcile_finish(
              known,
              C.RECONCILE_TELL,
              view.position[0],
              view.wallet_e8,
              clock,
              false,
              events,
              count
            )
          )
          for i = 0, count[0] - 1 do
            tell(events[0][i])
          end
        end
        local verified = NOW
        for _ = 1, random(3, 8) do
          -- Connected: heard, sometimes twice, sometimes not at all.
          for _ = 1, random(1, 12) do
            local e, what = step()
            truth[#truth + 1] = what
            if random() < 0.9 then
              for _ = 1, random(1, 2) do
                if not C.reconcile_follows(known, e) then
                  local now = clock
                  ask(verified)
                  verified = now
                end
                if C.reconcile_take(known, e) then tell(e) end
              end
            end
          end
          -- Cut: some things happen; then the new connection, whose first events come while the questions are under way.
          for _ = 1, random(0, 10) do
            truth[#truth + 1] = select(2, step())
          end
          local held = {}
          for _ = 1, random(0, 3) do
            local e, what = step()
            held[#held + 1], truth[#truth + 1] = e, what
          end
          local now = clock
          ask(verified)
          for _, e in ipairs(held) do
            if C.reconcile_take(known, e) then tell(e) end
          end
          verified = now
          if random() < 0.3 then C.reconcile_forget(known, verified - 5000) end
        end
        local function by_order(list)
          local by, times = {}, {}
          for _, what in ipairs(list) do
            times[what] = (times[what] or 0) + 1
            assert.equal(1, times[what], what)
            local id, rest = what:match "^(%d+) (.*)$"
            by[id] = (by[id] or "") .. " " .. rest
          end
          return by
        end
        assert.same(by_order(truth), by_order(told))
      end
    end
  )
end)
