-- Lists of the account: orders, trades, income, conditional orders. Which rows a call gets, in what order, and the figures of
-- positions and account by their formulas.
local C = require "spec.support.c"
local exchange = require "spec.support.exchange"

local START = 1700006400 * 1000000
local function num(v) return tonumber(v) / 1e8 end
local flat = { 60000, 60000, 60000, 60000 }
local flat_eth = { 3000, 3000, 3000, 3000 }

describe("the account's", function()
  local x
  after_each(function() x:close() end)

  local function begin(options)
    x = exchange.new(options)
    x:bar(0, flat)
    x:bar(0, flat_eth, 1)
    return x
  end

  -- Times in seconds since the start, as `start` and `to`; others as they are.
  local function rows(endpoint, t)
    t = t or {}
    if t.start then t.start_us = START + t.start * 1000000 end
    if t.to then t.end_us = START + t.to * 1000000 end
    local reply = x:call(endpoint, t)
    assert.equal(0, reply.code, reply.message)
    return reply.rows
  end
  local function ids(list, field, first)
    local out = {}
    for i, row in ipairs(list) do
      out[i] = tonumber(row[field]) - first
    end
    return table.concat(out, " ")
  end

  describe("orders", function()
    local first
    -- Six orders, a second apart: 0, 1, 3, 5 of BTCUSDT and 2, 4 of ETHUSDT; 1 and 4 are cancelled.
    before_each(function()
      begin()
      for i = 0, 5 do
        x:until_(i + 1)
        local eth = i == 2 or i == 4
        local reply = x:limit(
          "SIDE_BUY",
          eth and 0.1 or 0.01,
          eth and 2900 or 59000 - i,
          { symbol = eth and 1 or 0, client_id = "mine-" .. i }
        )
        if i == 0 then first = reply.row.order_id end
        if i == 1 or i == 4 then
          x:call("EP_ORDER_CANCEL", { symbol = eth and 1 or 0, order_id = reply.row.order_id })
        end
      end
      first = tonumber(first)
    end)
    local function list(endpoint, t) return ids(rows(endpoint, t), "order_id", first) end

    it("are listed oldest first: the latest without a start, from there on with one", function()
      assert.equal("0 1 3 5", list "EP_ALL_ORDERS")
      assert.equal("2 4", list("EP_ALL_ORDERS", { symbol = 1 }))
      assert.equal("3 5", list("EP_ALL_ORDERS", { limit = 2 }))
      assert.equal("0 1", list("EP_ALL_ORDERS", { limit = 2, start = 0 }))
      assert.equal("1 3", list("EP_ALL_ORDERS", { limit = 2, start = 2 }))
      assert.equal("1 3 5", list("EP_ALL_ORDERS", { order_id = first + 1 }))
      assert.equal("1 3", list("EP_ALL_ORDERS", { order_id = first + 1, limit = 2 }))
      assert.equal("3 5", list("EP_ALL_ORDERS", { order_id = first + 2 }))
      assert.equal("0 1 3", list("EP_ALL_ORDERS", { to = 4 }))
      assert.equal("1 3", list("EP_ALL_ORDERS", { to = 4, limit = 2 }))
      assert.equal("1", list("EP_ALL_ORDERS", { start = 2, to = 2 }))
      assert.equal("", list("EP_ALL_ORDERS", { start = 3, to = 3 }))
    end)

    it("that are open are all of them, of one symbol or of any", function()
      assert.equal("0 3 5", list "EP_OPEN_ORDERS")
      assert.equal("2", list("EP_OPEN_ORDERS", { symbol = 1 }))
      assert.equal("0 3 5 2", list("EP_OPEN_ORDERS", { no_symbol = true }))
    end)

    it("one is found by either id, and as an open one only while it is", function()
      local function code(endpoint, t) return x:call(endpoint, t).code end
      assert.equal(first, tonumber(x:call("EP_ORDER_GET", { order_id = first }).row.order_id))
      assert.equal(first + 1, tonumber(x:call("EP_ORDER_GET", { orig_client_id = "mine-1" }).row.order_id))
      assert.equal(-1102, code("EP_ORDER_GET", {}))
      assert.equal(-2013, code("EP_ORDER_GET", { order_id = first + 2 })) -- of the other symbol
      assert.equal(0, code("EP_ORDER_GET", { order_id = first + 2, symbol = 1 }))
      assert.equal(-2013, code("EP_ORDER_GET", { order_id = first + 6 }))
      assert.equal(-2013, code("EP_ORDER_GET", { orig_client_id = "mine-9" }))
      assert.equal(0, code("EP_OPEN_ORDER", { order_id = first }))
      assert.equal(-2013, code("EP_OPEN_ORDER", { order_id = first + 1 }))
      assert.equal(0, code("EP_ORDER_GET", { order_id = first + 1 }))
    end)
  end)

  describe("trades and income", function()
    local first_id, first_order
    -- Five fills, ten seconds apart: 0, 1, 3 of BTCUSDT and 2, 4 of ETHUSDT.
    before_each(function()
      begin { events = true }
      for i = 0, 4 do
        x:until_(10 * i + 1)
        local eth = i == 2 or i == 4
        local reply =
          x:market(i % 2 == 0 and "SIDE_BUY" or "SIDE_SELL", eth and 0.1 or 0.01, { symbol = eth and 1 or 0 })
        assert.equal(0, reply.code)
        if i == 0 then
          first_id, first_order = tonumber(x:fill(1).id), tonumber(reply.row.order_id)
        end
      end
    end)
    local function trades(t) return ids(rows("EP_USER_TRADES", t), "id", first_id) end

    it("trades are listed oldest first, and narrowed by time, order and id", function()
      local known = trades()
      assert.equal(3, #rows "EP_USER_TRADES")
      assert.equal("0", known:sub(1, 1))
      local at = {}
      for n in known:gmatch "%d+" do
        at[#at + 1] = tonumber(n)
      end
      local function of(...)
        local out = {}
        for i, n in ipairs { ... } do
          out[i] = at[n]
        end
        return table.concat(out, " ")
      end
      assert.equal(of(2, 3), trades { limit = 2 })
      assert.equal(of(1, 2), trades { limit = 2, start = 0 })
      assert.equal(of(2), trades { limit = 1, start = 11 })
      assert.equal(of(2, 3), trades { start = 11 })
      assert.equal(of(1, 2), trades { to = 11 })
      assert.equal(of(2), trades { to = 11, limit = 1 })
      assert.equal(of(2, 3), trades { from_id = first_id + at[2] })
      assert.equal(of(2), trades { from_id = first_id + at[2], limit = 1 })
      assert.equal(of(3), trades { from_id = first_id + at[2] + 1 })
      assert.equal(of(1), trades { order_id = first_order })
      assert.equal(of(2), trades { order_id = first_order + 1 })
      assert.equal(2, #rows("EP_USER_TRADES", { symbol = 1 }))
    end)

    it("income is listed in pages, by type, symbol and time", function()
      local function income(t)
        t.no_symbol = t.symbol == nil
        local out = {}
        for i, row in ipairs(rows("EP_INCOME", t)) do
          out[i] = ("%d%s"):format(
            (tonumber(row.time_us) - START) / 10000000,
            row.type == C.INCOME_COMMISSION and "c" or row.type == C.INCOME_REALIZED_PNL and "p" or "t"
          )
        end
        return table.concat(out, " ")
      end
      local fees = { income_type = "INCOME_COMMISSION" }
      assert.equal("0c 1c 2c 3c 4c", income(fees))
      local function fee(t)
        t.income_type = "INCOME_COMMISSION"
        return income(t)
      end
      assert.equal("0c 1c 3c", fee { symbol = 0 })
      assert.equal("2c 4c", fee { symbol = 1 })
      assert.equal("3c 4c", fee { limit = 2 })
      assert.equal("3c 4c", fee { limit = 2, page = 1 })
      assert.equal("1c 2c", fee { limit = 2, page = 2 })
      assert.equal("0c", fee { limit = 2, page = 3 })
      assert.equal("", fee { limit = 2, page = 4 })
      assert.equal("0c 1c", fee { limit = 2, start = 0 })
      assert.equal("2c 3c", fee { limit = 2, page = 2, start = 0 })
      assert.equal("1c 2c", fee { start = 11, to = 21 })
      assert.equal("0c 1c", fee { to = 11 })
      assert.equal(-1130, x:call("EP_INCOME", { no_symbol = true, page = 0 }).code)
      assert.equal(0, x:call("EP_INCOME", { no_symbol = true, page = 1 }).code)
      local total = 0
      for _, row in ipairs(rows("EP_INCOME", { no_symbol = true })) do
        if row.type ~= C.INCOME_TRANSFER then total = total + num(row.income_e8) end
      end
      assert.near(x:wallet() - 10000, total, 1e-8)
    end)
  end)

  describe("conditional orders", function()
    local first
    -- Four, a second apart: 0, 1, 3 of BTCUSDT and 2 of ETHUSDT; 1 is cancelled.
    before_each(function()
      begin()
      for i = 0, 3 do
        x:until_(i + 1)
        local reply = x:algo {
          symbol = i == 2 and 1 or 0,
          side = "SIDE_BUY",
          type = "ORDER_STOP_MARKET",
          quantity = i == 2 and 0.1 or 0.01,
          stop_price = i == 2 and 3100 or 61000 + i,
          client_id = "if-" .. i,
        }
        assert.equal(0, reply.code)
        if i == 0 then first = tonumber(reply.row.algo_id) end
        if i == 1 then x:call("EP_ALGO_CANCEL", { algo_id = reply.row.algo_id }) end
      end
    end)
    local function list(endpoint, t) return ids(rows(endpoint, t), "algo_id", first) end

    it("are listed as orders are", function()
      assert.equal("0 1 3", list "EP_ALGO_ALL")
      assert.equal("2", list("EP_ALGO_ALL", { symbol = 1 }))
      assert.equal("1 3", list("EP_ALGO_ALL", { limit = 2 }))
      assert.equal("0 1", list("EP_ALGO_ALL", { limit = 2, start = 0 }))
      assert.equal("1 3", list("EP_ALGO_ALL", { algo_id = first + 1 }))
      assert.equal("3", list("EP_ALGO_ALL", { algo_id = first + 2 }))
      assert.equal("1", list("EP_ALGO_ALL", { start = 2, to = 2 }))
      assert.equal("0 1", list("EP_ALGO_ALL", { to = 2 }))
      assert.equal("0 3", list "EP_ALGO_OPEN")
      assert.equal("0 2 3", list("EP_ALGO_OPEN", { no_symbol = true }))
      assert.equal("3", list("EP_ALGO_OPEN", { algo_id = first + 3 }))
      assert.equal("", list("EP_ALGO_OPEN", { algo_id = first + 1 }))
      assert.not_equal(0, x:call("EP_ALGO_ALL", { no_symbol = true }).code)
    end)

    it("one is found by either id", function()
      assert.equal(-1102, x:call("EP_ALGO_GET", { no_symbol = true }).code)
      assert.equal(-2013, x:call("EP_ALGO_GET", { no_symbol = true, algo_id = first + 4 }).code)
      assert.equal(
        first + 1,
        tonumber(x:call("EP_ALGO_GET", { no_symbol = true, algo_id = first + 1 }).row.algo_id)
      )
    end)
  end)

  it("liquidations are listed the newest first, and there are none by deleveraging", function()
    x = exchange.new { wallet = 1000, leverage = 100 }
    x:bar(0, flat)
    x:bar(0, flat_eth, 1)
    x:market("SIDE_BUY", 0.5)
    x:until_(59.9995)
    x:pass(1, { 60000, 60000, 50000, 50000 })
    assert.equal(0, x:position())
    local all = rows("EP_FORCE_ORDERS", { no_symbol = true })
    assert.is_true(#all > 0)
    for i = 2, #all do
      assert.is_true(all[i].order_id < all[i - 1].order_id)
    end
    assert.equal(#all, #rows("EP_FORCE_ORDERS", { symbol = 0 }))
    assert.equal(0, #rows("EP_FORCE_ORDERS", { symbol = 1 }))
    assert.equal(1, #rows("EP_FORCE_ORDERS", { no_symbol = true, limit = 1 }))
    assert.is_true(rows("EP_FORCE_ORDERS", { no_symbol = true, limit = 1 })[1].order_id == all[1].order_id)
    assert.equal(0, #rows("EP_FORCE_ORDERS", { no_symbol = true, to = 59 }))
    assert.equal(#all, #rows("EP_FORCE_ORDERS", { no_symbol = true, start = 60 }))
    assert.equal(0, #rows("EP_FORCE_ORDERS", { no_symbol = true, auto_close = "AUTO_CLOSE_ADL" }))
    assert.equal(#all, #rows("EP_FORCE_ORDERS", { no_symbol = true, auto_close = "AUTO_CLOSE_LIQUIDATION" }))
  end)

  it(
    "positions are listed where something is held or ordered, and the deleveraging queue where held",
    function()
      begin()
      local function symbols(endpoint, t)
        local out = {}
        for i, row in ipairs(rows(endpoint, t)) do
          out[i] = row.symbol
        end
        return table.concat(out, " ")
      end
      local any = function() return { no_symbol = true } end
      assert.equal("", symbols("EP_POSITION_RISK", any()))
      assert.equal("1", symbols("EP_POSITION_RISK", { symbol = 1 }))
      x:limit("SIDE_BUY", 0.1, 2900, { symbol = 1 })
      assert.equal("1", symbols("EP_POSITION_RISK", any()))
      x:market("SIDE_SELL", 0.01)
      assert.equal("0 1", symbols("EP_POSITION_RISK", any()))
      x:call("EP_CANCEL_ALL", { symbol = 1 })
      assert.equal("0", symbols("EP_POSITION_RISK", any()))
      assert.equal("0", symbols("EP_ADL_QUANTILE", any()))
      assert.equal("1", symbols("EP_ADL_QUANTILE", { symbol = 1 }))
      local adl = rows("EP_ADL_QUANTILE", any())[1]
      assert.same({ 0, 0, 1 }, { adl.longs, adl.shorts, adl.both })
      x:market("SIDE_BUY", 0.01)
      assert.equal(0, #rows("EP_ADL_QUANTILE", any()))
      x:close()
      begin { dual_side = true }
      x:market("SIDE_SELL", 0.01, { position_side = "POSITION_SHORT" })
      adl = rows("EP_ADL_QUANTILE", any())[1]
      assert.same({ 0, 1, 0 }, { adl.longs, adl.shorts, adl.both })
      assert.equal("0", symbols("EP_POSITION_RISK", any()))
      assert.equal("0 0", symbols("EP_POSITION_RISK", { symbol = 0 }))
      x:limit("SIDE_BUY", 0.01, 59000, { position_side = "POSITION_LONG" })
      assert.equal("0 0", symbols("EP_POSITION_RISK", any()))
    end
  )

  it("figures follow their formulas, crossed and isolated", function()
    for _, isolated in ipairs { false, true } do
      begin { leverage = 10, isolated = isolated }
      x:market("SIDE_BUY", 0.1)
      x:limit("SIDE_BUY", 0.05, 59000)
      x:market("SIDE_SELL", 1, { symbol = 1 })
      x:until_(59.9995)
      x:bar(1, { 60100, 60100, 60100, 60100 })
      x:bar(1, { 3010, 3010, 3010, 3010 }, 1)
      local fees = 0.0005 * (6000 + 3000)
      local wallet = 10000 - fees
      local btc, eth =
        rows("EP_POSITION_RISK", { symbol = 0 })[1], rows("EP_POSITION_RISK", { symbol = 1 })[1]
      local function check(row, want)
        for name, value in pairs(want) do
          assert.near(value, num(row[name]), 1e-7, name)
        end
      end
      check(btc, {
        amount_e8 = 0.1,
        entry_price_e8 = 60000,
        mark_price_e8 = 60100,
        unrealized_e8 = 10,
        notional_e8 = 6010,
        position_margin_e8 = 601,
        order_margin_e8 = 295,
        initial_margin_e8 = 601 + 295,
        bid_notional_e8 = 2950,
        ask_notional_e8 = 0,
        isolated_wallet_e8 = isolated and 600 or 0,
        isolated_margin_e8 = isolated and 610 or 0,
      })
      check(eth, {
        amount_e8 = -1,
        unrealized_e8 = -10,
        notional_e8 = -3010,
        position_margin_e8 = 301,
        order_margin_e8 = 0,
        isolated_wallet_e8 = isolated and 300 or 0,
        isolated_margin_e8 = isolated and 290 or 0,
      })
      assert.same({ 10, 1 }, { btc.leverage, btc.adl })
      local a = x:call("EP_ACCOUNT", { no_symbol = true }).row
      local crossed = isolated and wallet - 900 or wallet
      local unrealized_crossed = 0 -- +10 and -10, or both isolated
      check(a, {
        wallet_e8 = wallet,
        coin_wallet_e8 = wallet,
        unrealized_e8 = 0,
        margin_balance_e8 = wallet,
        position_margin_e8 = 902,
        order_margin_e8 = 295,
        initial_margin_e8 = 902 + 295,
        cross_wallet_e8 = crossed,
        cross_unrealized_e8 = unrealized_crossed,
        available_e8 = isolated and crossed - 295 or crossed - 902 - 295,
        max_withdraw_e8 = isolated and crossed - 295 or crossed - 902 - 295,
      })
      check(x:call("EP_BALANCE", { no_symbol = true }).row, {
        wallet_e8 = wallet,
        cross_wallet_e8 = crossed,
        available_e8 = isolated and crossed - 295 or crossed - 902 - 295,
      })
      x:close()
    end
    begin()
  end)

  it("what may be withdrawn counts no gain that is not realized", function()
    begin { leverage = 125 }
    x:market("SIDE_BUY", 0.1)
    x:until_(59.9995)
    x:bar(1, { 66000, 66000, 66000, 66000 })
    local b = x:call("EP_BALANCE", { no_symbol = true }).row
    local wallet = 10000 - 3
    assert.near(600, num(b.cross_unrealized_e8), 1e-8)
    assert.near(wallet + 600 - 6600 / 125, num(b.available_e8), 1e-7)
    assert.near(wallet, num(b.max_withdraw_e8), 1e-8)
  end)

  it("limits of orders are those of the configuration", function()
    begin()
    local list = rows("EP_RATE_LIMIT_ORDER", { no_symbol = true })
    assert.equal(2, #list)
    assert.same({ C.RATE_SECOND, 10, 300 }, { list[1].interval, list[1].interval_num, list[1].limit })
    assert.same({ C.RATE_MINUTE, 1, 1200 }, { list[2].interval, list[2].interval_num, list[2].limit })
  end)

  it("orders and conditional orders are read one by one from the first to the last", function()
    begin()
    local ffi = require "ffi"
    local hidden = ffi.new "bool[1]"
    local id = x:limit("SIDE_BUY", 0.01, 59000).row.order_id
    x:limit("SIDE_BUY", 0.01, 60000.1, { time_in_force = "TIF_GTX" }) -- would take: refused, in no history
    assert.is_true(C.exchange_order_at(x.x, 0, hidden).order_id == id)
    assert.is_false(hidden[0])
    local refused = C.exchange_order_at(x.x, 1, hidden)
    if refused ~= nil then
      assert.is_true(hidden[0])
      assert.is_true(C.exchange_order_at(x.x, 2, hidden) == nil)
    end
    assert.is_true(C.exchange_algo_at(x.x, 0) == nil)
    x:algo { side = "SIDE_BUY", type = "ORDER_STOP_MARKET", quantity = 0.01, stop_price = 61000 }
    assert.is_true(C.exchange_algo_at(x.x, 0) ~= nil)
    assert.is_true(C.exchange_algo_at(x.x, 1) == nil)
    assert.equal(1, #rows "EP_ALL_ORDERS")
  end)
end)
