-- A market with a limit order book: places in the queue, partial fills, what other traders do to it. Pure.
local ffi = require "ffi"
local C = require "spec.support.c"
require "spec.support.interpreted"

local E8 = 1e8
-- How long the other traders' flow is watched, in seconds of the market.
local FLOW_SECONDS = tonumber(os.getenv "MOONTIDE_FLOW_SECONDS") or 60
local START = 1700006400 * 1000000ULL

local function e8(v) return ffi.cast("int64_t", math.floor(v * E8 + 0.5)) end
local function num(v) return tonumber(v) / E8 end

local bits = {
  symbol = "P_SYMBOL",
  side = "P_SIDE",
  type = "P_TYPE",
  time_in_force = "P_TIME_IN_FORCE",
  quantity_e8 = "P_QUANTITY",
  price_e8 = "P_PRICE",
  reduce_only = "P_REDUCE_ONLY",
  client_id = "P_CLIENT_ID",
  resp_type = "P_RESP_TYPE",
  stp_mode = "P_STP_MODE",
  order_id = "P_ORDER_ID",
  orig_client_id = "P_ORIG_CLIENT_ID",
  stop_price_e8 = "P_STOP_PRICE",
  price_match = "P_PRICE_MATCH",
}

---An exchange of one symbol (BTCUSDT) with an empty book, last price 60000.
local function new()
  local self = { events = {}, prints = {}, now = START }
  local symbols, config, hooks =
    ffi.new "struct symbol[1]", ffi.new "struct exchange_config", ffi.new "struct exchange_hooks"
  assert(C.symbol_rules_builtin("BTCUSDT", symbols[0]) == 0)
  config.wallet_e8, config.maker_e8, config.taker_e8, config.leverage = e8(1e6), 20000, 50000, 20
  config.event_mask = bit.bnot(0ULL)
  self.keep = {
    ffi.cast("void (*)(void *, uint64_t, const struct reply *, int64_t)", function(_, _, r)
      local row
      if r.code == 0 and (r.kind == C.RECORD_ORDER or r.kind == C.RECORD_ORDER_AMENDED) and not r.list then
        row = ffi.new("struct order_record")
        ffi.copy(row, r.rows, ffi.sizeof(row))
      end
      self.reply = { code = r.code, status = r.status, message = ffi.string(r.message), order = row }
    end),
    ffi.cast("void (*)(void *, int32_t, const void *, int64_t)", function(_, kind, record)
      if kind ~= C.RECORD_ORDER_UPDATE then return end
      local u = ffi.cast("const struct order_update_record *", record)
      self.events[#self.events + 1] = {
        execution = ffi.string(C.execution_names[u.execution]),
        id = ffi.string(u.order.client_id),
        status = ffi.string(C.order_status_names[u.order.status]),
        qty = num(u.last_qty_e8),
        price = num(u.last_price_e8),
        maker = u.maker,
        reason = u.expiry_reason,
      }
    end),
    ffi.cast(
      "void (*)(void *, const struct trade_record *, int64_t)",
      function(_, t)
        self.prints[#self.prints + 1] =
          { price = num(t.price_e8), qty = num(t.qty_e8), buyer_maker = t.maker, id = tonumber(t.id) }
      end
    ),
  }
  hooks.reply, hooks.event, hooks.trade = self.keep[1], self.keep[2], self.keep[3]
  self.x = ffi.gc(C.exchange_new(config, symbols, 1, hooks, self.now), C.exchange_free)
  C.exchange_open_book(self.x, 0, 1000000, e8(60000))
  return self
end

local M = {}
function M.add(self, side, price, qty)
  C.exchange_background_add(self.x, 0, side, e8(price), e8(qty), self.now)
end
function M.cancel(self, side, price, qty)
  C.exchange_background_cancel(self.x, 0, side, e8(price), e8(qty), self.now)
end
function M.take(self, side, qty, limit)
  return num(C.exchange_background_take(self.x, 0, side, e8(qty), e8(limit), self.now))
end
function M.level(self, side, price) return num(C.book_qty_e8(C.exchange_book_of(self.x, 0), side, e8(price))) end

---Calls the exchange; prices and quantities as numbers.
function M.call(self, endpoint, t)
  local c = ffi.new "struct call"
  c.endpoint, c.symbol, c.given = C[endpoint], 0, bit.lshift(1ULL, tonumber(C.P_SYMBOL))
  local function put(field, value)
    c[field] = value
    c.given = bit.bor(c.given, bit.lshift(1ULL, tonumber(C[bits[field]])))
  end
  for k, v in pairs(t) do
    if k == "quantity" or k == "price" or k == "stop_price" then
      put(k .. "_e8", e8(v))
    else
      put(k, v)
    end
  end
  self.now = self.now + 1000
  C.exchange_call(self.x, c, 0, self.now)
  return self.reply
end

function M.order(self, t)
  local all =
    { type = C.ORDER_LIMIT, side = C.SIDE_BUY, time_in_force = C.TIF_GTC, resp_type = C.RESP_RESULT }
  for k, v in pairs(t) do
    all[k] = v
  end
  if all.type == C.ORDER_MARKET then all.time_in_force = nil end
  return M.call(self, "EP_ORDER_NEW", all)
end

local BUY, SELL = tonumber(C.SIDE_BUY), tonumber(C.SIDE_SELL)
local asks =
  { { SELL, 60001, 1 }, { SELL, 60002, 2 }, { SELL, 60003, 3 }, { BUY, 59999, 1 }, { BUY, 59998, 2 } }

local function book(levels)
  local b = new()
  for k, f in pairs(M) do
    b[k] = f
  end
  for _, l in ipairs(levels or asks) do
    b:add(l[1], l[2], l[3])
  end
  return b
end

local function status(reply) return ffi.string(C.order_status_names[reply.order.status]) end

describe("a market with a book", function()
  it("a market order walks the levels and pays each its price", function()
    local b = book()
    local r = b:order { type = C.ORDER_MARKET, quantity = 4 }
    assert.equal("FILLED", status(r))
    assert.near((60001 + 2 * 60002 + 60003) / 4, num(r.order.avg_price_e8), 1e-8)
    assert.equal(3, #b.prints)
    assert.same({ 60003, 1, false }, { b.prints[3].price, b.prints[3].qty, b.prints[3].buyer_maker })
    assert.equal(2, b:level(SELL, 60003))
    assert.equal(0, b:level(SELL, 60001))
  end)

  it(
    "what a market order cannot fill within the take bound expires with reason 9; an empty side refuses it",
    function()
      local b = book()
      local r = b:order { type = C.ORDER_MARKET, quantity = 7 }
      assert.equal("EXPIRED", status(r))
      assert.equal(6, num(r.order.executed_qty_e8))
      assert.equal(9, b.events[#b.events].reason)
      assert.equal(-4131, b:order({ type = C.ORDER_MARKET, quantity = 1 }).code)
      b:add(SELL, 64000, 5) -- beyond 5 % of 60003
      assert.equal(-4131, b:order({ type = C.ORDER_MARKET, quantity = 1 }).code)
    end
  )

  it("a limit order takes what crosses and rests with the rest, behind who was there", function()
    local b = book()
    local r = b:order { price = 60001, quantity = 3, client_id = "a" }
    assert.equal("PARTIALLY_FILLED", status(r))
    assert.equal(2, b:level(BUY, 60001))
    assert.same({ "NEW", "TRADE" }, { b.events[1].execution, b.events[2].execution })
    b:add(BUY, 60001, 5)
    assert.equal(3, b:take(SELL, 3, 60001))
    assert.equal("FILLED", b.events[#b.events].status)
    assert.is_true(b.events[#b.events].maker)
    assert.equal(4, b:level(BUY, 60001))
  end)

  it("a resting order waits its turn: those before it first, and it moves up as they leave", function()
    local b = book()
    b:order { price = 59999, quantity = 2, client_id = "q" } -- 1 before it
    b:add(BUY, 59999, 10) -- and 10 behind
    assert.equal(0.5, b:take(SELL, 0.5, 59999))
    assert.equal(1, #b.events)
    assert.equal(1, b:take(SELL, 1, 59999))
    assert.equal("PARTIALLY_FILLED", b.events[#b.events].status)
    assert.equal(0.5, b.events[#b.events].qty)
    assert.equal(2, b:take(SELL, 2, 59999))
    assert.equal("FILLED", b.events[#b.events].status)
    assert.equal(9.5, b:level(BUY, 59999))
    local ids = {}
    for i, p in ipairs(b.prints) do
      ids[i] = p.id
    end
    for i = 2, #ids do
      assert.equal(ids[i - 1] + 1, ids[i])
    end
  end)

  it("others who cancel leave from before and behind in proportion", function()
    local b = book { { BUY, 59999, 3 }, { SELL, 60001, 1 } }
    b:order { price = 59999, quantity = 1, client_id = "q" }
    b:add(BUY, 59999, 6)
    b:cancel(BUY, 59999, 6) -- 9 others stood there: 3 before
    assert.equal(4, b:level(BUY, 59999))
    b:take(SELL, 1, 59999)
    assert.equal(1, #b.events) -- 2 had left from before the order
    b:take(SELL, 1, 59999)
    assert.equal("FILLED", b.events[#b.events].status)
    b:cancel(BUY, 59999, 100)
    assert.equal(0, b:level(BUY, 59999))
  end)

  it("others who all leave take nothing of the account's orders with them", function()
    local b = book { { BUY, 59999, 3 }, { SELL, 60001, 1 } }
    b:order { price = 59999, quantity = 1, client_id = "1" }
    b:add(BUY, 59999, 6)
    b:order { price = 59999, quantity = 1, client_id = "2" }
    for _ = 1, 7 do
      b:cancel(BUY, 59999, 1.237)
    end -- some are left, in steps of their own
    b:cancel(BUY, 59999, 100)
    assert.equal(2, b:level(BUY, 59999))
    b:take(SELL, 1, 59999)
    assert.same({ "1", "FILLED" }, { b.events[#b.events].id, b.events[#b.events].status })
    assert.equal("CANCELED", status(b:call("EP_ORDER_CANCEL", { orig_client_id = "2" })))
    assert.equal(0, b:level(BUY, 59999))
  end)

  it("cancelling gives the level back its size and moves later orders of the account up", function()
    local b = book()
    local first = b:order { price = 59999, quantity = 2, client_id = "1" }
    b:order { price = 59999, quantity = 1, client_id = "2" }
    assert.equal(4, b:level(BUY, 59999))
    assert.equal(0, b:call("EP_ORDER_CANCEL", { order_id = first.order.order_id }).code)
    assert.equal(2, b:level(BUY, 59999))
    b:take(SELL, 2, 59999)
    assert.equal("FILLED", b.events[#b.events].status)
    assert.equal("2", b.events[#b.events].id)
  end)

  it("an amended order loses its place, and takes when its new price crosses", function()
    local b = book()
    local o = b:order { price = 59998, quantity = 1 }
    local r =
      b:call("EP_ORDER_MODIFY", { order_id = o.order.order_id, side = BUY, quantity = 2, price = 60002 })
    assert.equal("FILLED", status(r))
    assert.equal(2, b:level(BUY, 59998))
    assert.equal(1, b:level(SELL, 60002))
  end)

  it("post-only, fill-or-kill and immediate-or-cancel hold to the book", function()
    local b = book()
    assert.equal(-5022, b:order({ price = 60001, quantity = 1, time_in_force = C.TIF_GTX }).code)
    assert.equal(-5021, b:order({ price = 60002, quantity = 3.5, time_in_force = C.TIF_FOK }).code)
    assert.equal("FILLED", status(b:order { price = 60002, quantity = 3, time_in_force = C.TIF_FOK }))
    local r = b:order { price = 60003, quantity = 5, time_in_force = C.TIF_IOC }
    assert.equal("EXPIRED", status(r))
    assert.equal(3, num(r.order.executed_qty_e8))
    assert.equal(2, b.events[#b.events].reason)
  end)

  it("self-trade prevention: each mode, after what stood before", function()
    for mode, expected in pairs {
      STP_EXPIRE_MAKER = { "EXPIRED_IN_MATCH", "PARTIALLY_FILLED" },
      STP_EXPIRE_TAKER = { "NEW", "EXPIRED_IN_MATCH" },
      STP_EXPIRE_BOTH = { "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH" },
    } do
      local b = book { { SELL, 60001, 1 }, { BUY, 59999, 1 } }
      local mine = b:order { side = SELL, price = 60001, quantity = 2, client_id = "mine" }
      local r = b:order { price = 60001, quantity = 4, stp_mode = C[mode], client_id = "taker" }
      assert.equal(1, num(r.order.executed_qty_e8), mode)
      local now = C.exchange_order(b.x, mine.order.order_id)
      assert.equal(expected[1], ffi.string(C.order_status_names[now.status]), mode)
      local taker = C.exchange_order(b.x, r.order.order_id)
      assert.equal(expected[2], ffi.string(C.order_status_names[taker.status]), mode)
    end
  end)

  it("reduce-only is cut to the position, resting too", function()
    local b = book()
    b:order { type = C.ORDER_MARKET, quantity = 1 }
    local r = b:order { side = SELL, price = 60002, quantity = 1, reduce_only = true, client_id = "r" }
    assert.equal("NEW", status(r))
    b:order { type = C.ORDER_MARKET, side = SELL, quantity = 0.4 }
    b:take(BUY, 10, 60002)
    local now = C.exchange_order(b.x, r.order.order_id)
    assert.equal("EXPIRED", ffi.string(C.order_status_names[now.status]))
    assert.equal(0.6, num(now.executed_qty_e8))
    assert.equal(0LL, C.exchange_position_e8(b.x, 0, 0))
  end)

  it("a price matched with the book", function()
    local b = book()
    local function price(match, side)
      local r =
        b:order { price_match = C[match], quantity = 0.01, side = side or BUY, time_in_force = C.TIF_GTC }
      return r.code == 0 and num(r.order.price_e8) or tonumber(r.code)
    end
    assert.equal(59999, price "MATCH_QUEUE")
    assert.equal(60001, price "MATCH_OPPONENT")
    assert.equal(-5041, price "MATCH_OPPONENT_20")
    assert.equal(60001, price("MATCH_QUEUE", SELL))
  end)

  it("a stop triggers on the tape's price and takes from the book", function()
    local b = book()
    b:order { type = C.ORDER_MARKET, quantity = 1 }
    b:call("EP_ALGO_NEW", { side = SELL, type = C.ORDER_STOP_MARKET, quantity = 1, stop_price = 59998.5 })
    b:take(SELL, 2, 59998)
    assert.equal("FILLED", b.events[#b.events].status)
    assert.equal(59998, b.events[#b.events].price)
    assert.equal(0LL, C.exchange_position_e8(b.x, 0, 0))
  end)

  it("a differential of the book tells each changed level once, as it is now", function()
    local b = book()
    local before = C.exchange_book_of(b.x, 0).update_id
    b:add(BUY, 59997, 1)
    b:add(BUY, 59997, 2)
    b:take(BUY, 1, 60001)
    local rows = ffi.new "struct book_diff[16]"
    assert.equal(2, C.book_changes(C.exchange_book_of(b.x, 0), before, rows, 16))
    assert.same(
      { 59997, 3, 60001, 0 },
      { num(rows[0].price_e8), num(rows[0].qty_e8), num(rows[1].price_e8), num(rows[1].qty_e8) }
    )
    assert.equal(before + 3, C.exchange_book_of(b.x, 0).update_id)
  end)

  it(
    "a differential holds what was changed since, newest states, as far as it is remembered and there is room",
    function()
      math.randomseed(3)
      local b = book {}
      local k = C.exchange_book_of(b.x, 0)
      local changes, now, begun = {}, {}, tonumber(k.update_id)
      local rows = ffi.new "struct book_diff[64]"
      local function check(since, max)
        local n = C.book_changes(k, since, rows, max)
        local wanted, seen = {}, {}
        for i = #changes, 1, -1 do
          local c = changes[i]
          if c.id > since and not seen[c.key] and #wanted < max then
            seen[c.key] = true
            table.insert(wanted, 1, ("%s %g"):format(c.key, now[c.key]))
          end
        end
        local got = {}
        for i = 0, n - 1 do
          got[i + 1] = ("%d:%g %g"):format(rows[i].side, num(rows[i].price_e8), num(rows[i].qty_e8))
        end
        assert.same(wanted, got)
      end
      for i = 1, 400 do
        local side = math.random(0, 1)
        local price = side == BUY and 59990 - math.random(8) or 60010 + math.random(8)
        local key = ("%d:%g"):format(side, price)
        if (now[key] or 0) > 0 and math.random(3) == 1 then
          b:cancel(side, price, now[key])
          now[key] = 0
        else
          b:add(side, price, 1)
          now[key] = (now[key] or 0) + 1
        end
        changes[#changes + 1] = { id = tonumber(k.update_id), key = key }
        if i % 10 == 0 then
          local id = tonumber(k.update_id)
          for _, since in ipairs { id, id - 1, id - 2, id - 7, begun, begun - 5, id - 100 } do
            check(since, 64)
          end
          check(begun, 1)
          check(begun, 0)
          check(begun, 5)
        end
      end
      local id = tonumber(k.update_id)
      for _ = 1, C.BOOK_CHANGES_MAX - (id - begun) do
        b:add(BUY, 59000, 1)
      end
      assert.equal(C.BOOK_CHANGES_MAX, tonumber(k.update_id) - begun)
      assert.equal(17, C.book_changes(k, begun, rows, 64))
      b:add(BUY, 59000, 1)
      assert.equal(-1, C.book_changes(k, begun, rows, 64)) -- one more than is remembered
      assert.equal(1, C.book_changes(k, begun + 401, rows, 64))
    end
  )

  it("other traders' flow keeps the book whole for a hundred thousand events of any seed", function()
    for seed = 1, 3 do
      local b = book {}
      local options =
        ffi.new("struct flow_options", { seed = seed, volatility = 0.2, rate = 2000, spread_ticks = 2 })
      b:order { price = 59990, quantity = 0.5, client_id = "in the way" }
      local flow = C.flow_new(options, b.x, 1, b.now)
      C.flow_advance(flow, b.now + FLOW_SECONDS * 1000000)
      local k = C.exchange_book_of(b.x, 0)
      for side = 0, 1 do
        assert.is_true(k.count[side] > 100, "side " .. side .. " has " .. k.count[side])
        for i = 1, k.count[side] - 1 do
          local level = k.levels[side][i]
          local better = level.price_e8 > k.levels[side][i - 1].price_e8
          if better ~= (side == BUY) or level.qty_e8 <= 0 or level.qty_e8 % 100000 ~= 0 then
            error(
              ("level %d of side %d: %s after %s, quantity %s"):format(
                i,
                side,
                tostring(level.price_e8),
                tostring(k.levels[side][i - 1].price_e8),
                tostring(level.qty_e8)
              )
            )
          end
        end
      end
      assert.is_true(C.book_best_e8(k, BUY) < C.book_best_e8(k, SELL))
      assert.is_true(#b.prints > 15 * FLOW_SECONDS)
      C.flow_free(flow)
    end
  end)

  it("an order far from the market stays there, and the others' book goes on without it", function()
    for seed = 1, 2 do
      local b = book {}
      local options =
        ffi.new("struct flow_options", { seed = seed, volatility = 0.5, rate = 200, spread_ticks = 2 })
      local flow = C.flow_new(options, b.x, 1, b.now)
      C.flow_advance(flow, b.now + 1000000)
      b.now = b.now + 1000000
      local function call(endpoint, t) -- a call comes a millisecond later
        C.flow_advance(flow, b.now + 1000)
        return endpoint and b:call(endpoint, t) or b:order(t)
      end
      call(nil, { price = 45000, quantity = 0.01, client_id = "low" })
      call(nil, { side = C.SIDE_SELL, price = 80000, quantity = 0.01, client_id = "high" })
      for i = 1, 40 do
        call(nil, { price = 59000 - 10 * i, quantity = 0.01 })
      end
      local k = C.exchange_book_of(b.x, 0)
      for _ = 1, math.ceil(FLOW_SECONDS / 5) do -- two minutes in which the price goes far further than the book is deep
        b.now = b.now + 10000000
        C.flow_advance(flow, b.now)
        for side = 0, 1 do
          local near = k.levels[side][k.count[side] - 300].price_e8
          assert.is_true(math.abs(tonumber(near - C.book_best_e8(k, side))) < 500 * E8, "the book has a hole")
        end
      end
      local least, most = math.huge, 0
      for _, t in ipairs(b.prints) do
        least, most = math.min(least, t.price), math.max(most, t.price)
      end
      assert.is_true(least > 50000 and most < 70000, least .. " to " .. most)
      for id, at in pairs { low = 45000, high = 80000 } do
        assert.equal(0.01, b:level(id == "low" and BUY or SELL, at))
        assert.equal("CANCELED", status(call("EP_ORDER_CANCEL", { orig_client_id = id })))
        assert.equal(0, b:level(id == "low" and BUY or SELL, at))
      end
      C.flow_free(flow)
    end
  end)

  it("has room for as many levels as there are", function()
    local b = book {}
    for i = 1, 5000 do
      b:add(BUY, 59990 - i / 10, 1)
    end
    assert.equal(5000, C.exchange_book_of(b.x, 0).count[BUY])
    for i = 1, 5000 do
      assert.equal(1, b:level(BUY, 59990 - i / 10))
    end
  end)
end)
