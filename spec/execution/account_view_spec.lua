-- Positions and the wallet as a script sees them: what the account told, and what orders show before it does.
local ffi = require "ffi"
local C = require "spec.support.c"
local seed = require "spec.support.seed"

local E8 = 100000000

-- Numbers from a seed: random(), random(from, to).
local function generator(run)
  local state = (seed * 7919 + run * 104729) % 2147483647
  return function(from, to)
    state = state * 48271 % 2147483647
    local value = state / 2147483647
    return from and from + math.floor(value * (to - from + 1)) or value
  end
end

local SIDES = { BOTH = 0, LONG = 1, SHORT = 2 }

local function e8(n) return ffi.cast("int64_t", math.floor(n * E8 + 0.5)) end

-- A view with its own account; quantities in units, times in seconds.
local function new_view()
  local me = { positions = ffi.new("struct position_view[?]", C.SYMBOLS_MAX * C.POSITION_SIDE_COUNT) }
  me.wallet = ffi.new "int64_t[1]"
  me.v = ffi.gc(C.account_view_new(me.positions, me.wallet), C.account_view_free)
  function me:at(side) return self.positions[SIDES[side or "BOTH"]] end
  function me:amount(side) return tonumber(self:at(side).amount_e8) / E8 end
  function me:entry(side) return tonumber(self:at(side).entry_e8) / E8 end
  function me:money() return tonumber(self.wallet[0]) / E8 end
  local function order_record(o)
    local r = ffi.new "struct order_record"
    r.order_id, r.symbol = o.id, o.symbol or 0
    r.side = o.side == "SELL" and C.SIDE_SELL or C.SIDE_BUY
    r.position_side = SIDES[o.position_side or "BOTH"]
    r.type = o.limit and C.ORDER_LIMIT or C.ORDER_MARKET
    r.orig_type = r.type
    r.orig_qty_e8, r.executed_qty_e8 = e8(o.quantity), e8(o.executed)
    r.cum_quote_e8 = e8(o.quote)
    r.avg_price_e8 = e8(o.executed > 0 and o.quote / o.executed or 0)
    r.update_us = o.at * 1e6
    r.status = o.executed >= o.quantity - 1e-9 and C.STATUS_FILLED
      or o.executed > 0 and C.STATUS_PARTIALLY_FILLED
      or C.STATUS_NEW
    ffi.copy(r.client_id, o.client_id or ("c" .. o.id))
    return r
  end
  -- asked, heard: by our clock
  function me:reply(o, made, asked, heard)
    C.account_view_reply(self.v, order_record(o), made, asked * 1e6, heard * 1e6)
  end
  function me:event(o, last, price, fee, heard)
    local u = ffi.new "struct order_update_record"
    u.order = order_record(o)
    u.transaction_us = o.at * 1e6
    u.execution = last > 0 and C.EXEC_TRADE or C.EXEC_NEW
    u.last_qty_e8, u.last_price_e8, u.commission_e8 = e8(last), e8(price), e8(fee or 0)
    C.account_view_event(self.v, u, heard * 1e6)
  end
  function me:told(a, heard, asked)
    local u = ffi.new "struct account_update_record"
    u.symbol, u.funded, u.reason = a.symbol or 0, C.SYMBOL_NONE, a.reason or C.ACCOUNT_ORDER
    u.position_side = SIDES[a.position_side or "BOTH"]
    u.amount_e8, u.entry_price_e8, u.wallet_e8 = e8(a.amount), e8(a.entry), e8(a.wallet)
    u.transaction_us = a.at * 1e6
    return C.account_view_told(self.v, u, asked or false, heard * 1e6)
  end
  return me
end

-- An exchange's account: fills give replies, events of orders and of the account.
local function new_exchange()
  local x = { wallet = 1000, places = {}, next_id = 1 }
  local function place(side)
    x.places[side] = x.places[side] or { amount = 0, entry = 0 }
    return x.places[side]
  end
  function x.amount(_, side) return place(side or "BOTH").amount end
  -- One fill of an order: changes the account; gives the order's event and the account's.
  function x:fill(o, quantity, price, at)
    local p = place(o.position_side or "BOTH")
    local signed = o.side == "SELL" and -quantity or quantity
    local before, fee = p.amount, quantity * price * 0.0005
    p.amount = math.floor((before + signed) * 1e4 + 0.5) / 1e4
    if before * signed >= 0 then
      p.entry = (math.abs(before) * p.entry + quantity * price) / math.abs(p.amount)
    else
      local closed = math.min(math.abs(before), quantity)
      self.wallet = self.wallet + closed * (price - p.entry) * (before > 0 and 1 or -1)
      if p.amount == 0 then
        p.entry = 0
      elseif p.amount * before < 0 then
        p.entry = price
      end
    end
    self.wallet = self.wallet - fee
    o.executed, o.quote, o.at = o.executed + quantity, o.quote + quantity * price, at
    local order = {}
    for k, v in pairs(o) do
      order[k] = v
    end
    return {
      order = order,
      last = quantity,
      price = price,
      fee = fee,
      account = {
        position_side = o.position_side,
        amount = p.amount,
        entry = p.entry,
        wallet = self.wallet,
        at = at,
      },
    }
  end
  function x:order(o)
    o.id, o.executed, o.quote = self.next_id, 0, 0
    self.next_id = self.next_id + 1
    return o
  end
  return x
end

local function tell_event(view, f, heard) view:event(f.order, f.last, f.price, f.fee, heard) end

describe("the view of positions", function()
  it("holds a fill when the reply shows it, and once when the account tells it", function()
    local x, view = new_exchange(), new_view()
    view:told({ amount = 0, entry = 0, wallet = 1000, at = 1 }, 1)
    local o = x:order { side = "BUY", quantity = 2 }
    local f = x:fill(o, 2, 100, 5)
    view:reply(f.order, true, 4, 6)
    assert.near(2, view:amount(), 1e-9)
    assert.near(100, view:entry(), 1e-9)
    tell_event(view, f, 6.1)
    assert.near(2, view:amount(), 1e-9)
    assert.near(1000 - 0.1, view:money(), 1e-9) -- the event told the commission
    view:told(f.account, 6.2)
    assert.near(2, view:amount(), 1e-9)
    assert.near(1000 - 0.1, view:money(), 1e-9)
    view:reply(f.order, false, 7, 8) -- get_order
    assert.near(2, view:amount(), 1e-9)
  end)

  it("holds nothing of a fill that another one has hidden in what the account told", function()
    -- A buy and a sell of 2 have both come to pass when the account is told as before; their replies come after it, in any order.
    for _, buy_first in ipairs { true, false } do
      local x, view = new_exchange(), new_view()
      view:told({ amount = 1, entry = 100, wallet = 1000, at = 1 }, 1)
      x.places.BOTH = { amount = 1, entry = 100 }
      local buy, sell = x:order { side = "BUY", quantity = 2 }, x:order { side = "SELL", quantity = 2 }
      local bought, sold = x:fill(buy, 2, 100, 5), x:fill(sell, 2, 100, 5.1)
      view:told({ amount = 1, entry = 100, wallet = x.wallet, at = 6 }, 6.1)
      assert.near(1, view:amount(), 1e-9)
      view:reply((buy_first and bought or sold).order, true, 4, 7)
      assert.near(1, view:amount(), 1e-9)
      view:reply((buy_first and sold or bought).order, true, 4, 7.1)
      assert.near(1, view:amount(), 1e-9)
      view:told({ amount = 1, entry = 100, wallet = x.wallet, at = 9 }, 9.1)
      assert.near(1, view:amount(), 1e-9)
    end
  end)

  it("holds it once when the account tells it first", function()
    local x, view = new_exchange(), new_view()
    local o = x:order { side = "SELL", quantity = 1 }
    local f = x:fill(o, 1, 100, 5)
    view:told(f.account, 5.5)
    view:reply(f.order, true, 4, 6)
    assert.near(-1, view:amount(), 1e-9)
    tell_event(view, f, 6.1)
    assert.near(-1, view:amount(), 1e-9)
  end)

  it("realises a close and a turn at their prices before the account tells them", function()
    local x, view = new_exchange(), new_view()
    view:told({ amount = 0, entry = 0, wallet = 1000, at = 1 }, 1)
    local first = x:fill(x:order { side = "BUY", quantity = 2 }, 2, 100, 5)
    view:reply(first.order, true, 4, 6)
    local turn = x:fill(x:order { side = "SELL", quantity = 3 }, 3, 110, 7)
    view:reply(turn.order, true, 6.5, 8)
    assert.near(-1, view:amount(), 1e-9)
    assert.near(110, view:entry(), 1e-9)
    assert.near(1000 + 20, view:money(), 1e-9) -- commissions are not known yet
    view:told(first.account, 9)
    assert.near(-1, view:amount(), 1e-9)
    assert.near(1000 - 0.1 + 20, view:money(), 1e-9)
    view:told(turn.account, 9.1)
    assert.near(x.wallet, view:money(), 1e-9)
    assert.near(-1, view:amount(), 1e-9)
  end)

  it("tells fills of one millisecond apart by the amounts", function()
    local x, view = new_exchange(), new_view()
    local a, b = x:order { side = "BUY", quantity = 1 }, x:order { side = "SELL", quantity = 3 }
    local fa, fb = x:fill(a, 1, 100, 5), x:fill(b, 3, 100, 5)
    view:told(fa.account, 5.1) -- of the first only
    view:reply(fa.order, true, 4, 6)
    view:reply(fb.order, true, 4, 6)
    assert.near(-2, view:amount(), 1e-9)
    view:told(fb.account, 6.1)
    assert.near(-2, view:amount(), 1e-9)
  end)

  it("has what a limit order filled in parts once, though one reply shows them together", function()
    local x, view = new_exchange(), new_view()
    local o = x:order { side = "BUY", quantity = 3, limit = true }
    local one, two = x:fill(o, 1, 100, 5), x:fill(o, 2, 100, 6)
    view:told(one.account, 5.1)
    view:reply(two.order, false, 5, 6.1)
    assert.near(3, view:amount(), 1e-9)
    view:told(two.account, 7)
    tell_event(view, one, 7)
    tell_event(view, two, 7)
    assert.near(3, view:amount(), 1e-9)
  end)

  it("is not carried back by a message that comes late, and says so", function()
    local view = new_view()
    assert.is_true(view:told({ amount = 2, entry = 100, wallet = 1000, at = 6 }, 7))
    assert.is_false(view:told({ amount = 1, entry = 100, wallet = 1010, at = 5 }, 7.1))
    assert.near(2, view:amount(), 1e-9)
    assert.near(1000, view:money(), 1e-9)
    -- The account was asked: that is so, whatever its time.
    assert.is_true(view:told({ amount = 1, entry = 100, wallet = 990, at = 4 }, 8, true))
    assert.near(1, view:amount(), 1e-9)
  end)

  it("adds nothing for an old order that is only looked up", function()
    local view = new_view()
    C.account_view_asked(view.v, 10e6, 10e6)
    view:reply({ id = 7, side = "BUY", quantity = 5, executed = 5, quote = 500, at = 3 }, false, 11, 12)
    assert.near(0, view:amount(), 1e-9)
    -- Of what filled after the account was asked it says more than is known.
    view:reply({ id = 8, side = "BUY", quantity = 5, executed = 5, quote = 500, at = 11 }, false, 11, 12)
    assert.near(5, view:amount(), 1e-9)
  end)

  it("takes an order of an exchange begun anew for another", function()
    local view = new_view()
    view:reply(
      { id = 1, client_id = "a", side = "BUY", quantity = 1, executed = 1, quote = 100, at = 3 },
      true,
      2,
      4
    )
    view:reply(
      { id = 1, client_id = "b", side = "BUY", quantity = 1, executed = 1, quote = 100, at = 5 },
      true,
      4,
      6
    )
    assert.near(2, view:amount(), 1e-9)
  end)

  -- What is known at any moment: the fills that a reply or an order's event has shown, and those that a message about the
  -- account of their time or a later one holds. Messages are late by up to a second against the replies and against
  -- each other, and told twice. In every second run some are lost or out of order: then the account is asked
  -- at the end.
  it("is what has been said so far, whatever is late, told twice, lost or out of order", function()
    for run = 1, 80 do
      local strict = run % 2 == 0
      local random = generator(run)
      local x, view = new_exchange(), new_view()
      local hedge = run % 3 == 0
      local now, queue, fills, resting = 0, {}, {}, {}
      view:told({ amount = 0, entry = 0, wallet = 1000, at = 0 }, 0)
      local function later(by, fn) queue[#queue + 1] = { at = now + by, fn = fn, n = #queue } end
      local order_lag, account_lag = random() * 1, random() * 1
      local function emit(f)
        fills[#fills + 1] = f
        f.signed = f.order.side == "SELL" and -f.last or f.last
        local lost, twice = not strict and random() < 0.05, random() < 0.1
        later(strict and order_lag or order_lag * random(), function()
          f.known = true
          tell_event(view, f, now)
        end)
        if lost then return end
        for _ = 1, twice and 2 or 1 do
          later(strict and account_lag or account_lag * random(), function()
            if not view:told(f.account, now) then return end
            for _, other in ipairs(fills) do
              local same = other.order.position_side == f.order.position_side
              if same and other.at <= f.at then other.known = true end
            end
          end)
        end
      end
      local function check(what, always)
        if not strict and not always then return end
        for side in pairs(SIDES) do
          local sum = 0
          for _, f in ipairs(fills) do
            if f.known and (f.order.position_side or "BOTH") == side then sum = sum + f.signed end
          end
          assert.near(sum, view:amount(side), 1e-6, ("run %d at %.3f: %s, %s"):format(run, now, what, side))
        end
      end
      local function fill(o, quantity)
        now = now + 0.001 -- each in its own millisecond
        local f = x:fill(o, quantity, 100 + random(-5, 5), now)
        f.at = now
        emit(f)
        return f
      end
      for step = 1, 150 do
        local side = random() < 0.5 and "BUY" or "SELL"
        local position_side = hedge and (random() < 0.5 and "LONG" or "SHORT") or nil
        local kind = random()
        if kind < 0.5 then -- a market order: its reply is there after some milliseconds
          local asked = now
          local o = x:order { side = side, position_side = position_side, quantity = random(1, 5) }
          local f = fill(o, o.quantity)
          later(0.002 + random() * 0.05, function()
            f.known = true
            view:reply(f.order, true, asked, now)
            check "after a reply"
          end)
        elseif kind < 0.7 then
          local o = x:order { side = side, position_side = position_side, quantity = 4, limit = true }
          resting[#resting + 1] = o
        elseif #resting > 0 then
          local o = resting[1]
          fill(o, 2)
          if o.executed >= 4 then table.remove(resting, 1) end
        end
        local until_at = now + random() * 0.1
        while true do
          table.sort(queue, function(a, b)
            if a.at ~= b.at then return a.at < b.at end
            return a.n < b.n
          end)
          if not queue[1] or queue[1].at > until_at then break end
          now = math.max(now, queue[1].at)
          table.remove(queue, 1).fn()
          if step % 10 == 0 then check "after a message" end
        end
        now = math.max(now, until_at)
      end
      while queue[1] do
        now = math.max(now, queue[1].at)
        table.remove(queue, 1).fn()
      end
      if not strict then -- what a live run does when something was lost: the account is asked
        for side in pairs(SIDES) do
          local p = x.places[side] or { amount = 0, entry = 0 }
          local hedged = side ~= "BOTH" and side or nil
          view:told(
            { position_side = hedged, amount = p.amount, entry = p.entry, wallet = x.wallet, at = now },
            now,
            true
          )
        end
        C.account_view_asked(view.v, now * 1e6 + 1, now * 1e6)
      end
      check("at the end", true)
      for side in pairs(SIDES) do
        assert.near(x:amount(side), view:amount(side), 1e-6)
      end
    end
  end)
end)
