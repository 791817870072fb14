-- Settings of the account and its symbols: what each call changes, refuses and answers.
local ffi = require "ffi"
local C = require "spec.support.c"
local exchange = require "spec.support.exchange"

local function num(v) return tonumber(v) / 1e8 end
local flat = { 60000, 60000, 60000, 60000 }

describe("settings", function()
  local x
  after_each(function() x:close() end)

  local function begin(options)
    x = exchange.new(options)
    x:bar(0, flat)
    x:bar(0, { 3000, 3000, 3000, 3000 }, 1)
    x:until_(59.9995)
    x:bar(1, flat)
    x:bar(1, { 3000, 3000, 3000, 3000 }, 1)
    return x
  end
  local function named(name)
    local out = {}
    for _, e in ipairs(x.events) do
      if e.name == name then out[#out + 1] = e end
    end
    return out
  end

  describe("leverage", function()
    it("answers with its notional, and tells a change once", function()
      begin { events = true }
      local row = x:call("EP_LEVERAGE", { leverage = 50 }).row
      assert.equal(50, row.leverage)
      assert.equal(0, row.symbol)
      local most = tonumber(C.symbol_notional_max(C.exchange_symbol(x.x, 0), 50))
      assert.is_true(most > 0)
      assert.equal(most, tonumber(row.notional_max_e8))
      x:call("EP_LEVERAGE", { leverage = 50 })
      assert.equal(1, #named "config")
      assert.same({ 50, 0 }, { named("config")[1].leverage, named("config")[1].symbol })
      local configs = x:call "EP_SYMBOL_CONFIG"
      assert.is_true(configs.list)
      local config = configs.row
      assert.same({ 50, most }, { config.leverage, tonumber(config.notional_max_e8) })
      assert.equal(-1102, x:call("EP_LEVERAGE").code)
      assert.not_equal(0, x:call("EP_LEVERAGE", { no_symbol = true, leverage = 5 }).code)
    end)

    it("rises as long as the position is within the notional of the higher one", function()
      begin { leverage = 1, wallet = 1e9 }
      local most = num(C.symbol_notional_max(C.exchange_symbol(x.x, 0), 125))
      local quantity = math.floor(most / 60000 * 1000) / 1000
      x:market("SIDE_SELL", quantity)
      assert.equal(-quantity, x:position())
      assert.equal(0, x:call("EP_LEVERAGE", { leverage = 125 }).code)
      x:call("EP_LEVERAGE", { leverage = 1 })
      x:market("SIDE_SELL", 0.001 + (most - quantity * 60000 >= 60 and 0.001 or 0))
      assert.equal(-2027, x:call("EP_LEVERAGE", { leverage = 125 }).code)
      assert.equal(1, x:call("EP_SYMBOL_CONFIG").row.leverage)
    end)

    it("falls only as far as the account can carry what is held and ordered", function()
      begin { leverage = 20, wallet = 1000 }
      x:market("SIDE_BUY", 0.1) -- 6000 of notional: 600 of margin at 10, 1200 at 5
      assert.equal(0, x:call("EP_LEVERAGE", { leverage = 10 }).code)
      assert.equal(-2028, x:call("EP_LEVERAGE", { leverage = 5 }).code)
      assert.equal(10, x:call("EP_SYMBOL_CONFIG").row.leverage)
      x:market("SIDE_SELL", 0.1)
      assert.equal(0, x:call("EP_LEVERAGE", { leverage = 20 }).code)
      x:limit("SIDE_BUY", 0.1, 59000)
      assert.equal(-2028, x:call("EP_LEVERAGE", { leverage = 5 }).code)
      x:call "EP_CANCEL_ALL"
      assert.equal(0, x:call("EP_LEVERAGE", { leverage = 1 }).code)
    end)

    it("falls as long as anything at all is left available", function()
      -- 0.1 at 60000 with a fee of 3: 600 of margin at a leverage of 10.
      for wallet, expected in pairs { [603.00000001] = 0, [603] = -2028 } do
        begin { leverage = 20, wallet = wallet }
        x:market("SIDE_BUY", 0.1)
        assert.equal(expected, x:call("EP_LEVERAGE", { leverage = 10 }).code, wallet)
        x:close()
      end
      begin()
    end)

    it("does not fall under an isolated position", function()
      begin { leverage = 20, isolated = true }
      assert.equal(0, x:call("EP_LEVERAGE", { leverage = 10 }).code)
      x:market("SIDE_BUY", 0.01)
      assert.equal(-4161, x:call("EP_LEVERAGE", { leverage = 9 }).code)
      assert.equal(0, x:call("EP_LEVERAGE", { leverage = 10 }).code)
      assert.equal(0, x:call("EP_LEVERAGE", { leverage = 11 }).code)
    end)
  end)

  describe("margin type", function()
    it("changes only without orders and position, each refused with its own code", function()
      begin()
      local function set(t) return x:call("EP_MARGIN_TYPE", { margin_type = t }).code end
      assert.equal(-1102, x:call("EP_MARGIN_TYPE").code)
      assert.equal(-4046, set "MARGIN_CROSSED")
      assert.equal(0, set "MARGIN_ISOLATED")
      assert.equal(C.MARGIN_ISOLATED, x:call("EP_SYMBOL_CONFIG").row.margin_type)
      assert.equal(C.MARGIN_CROSSED, x:call("EP_SYMBOL_CONFIG", { symbol = 1 }).row.margin_type)
      assert.equal(0, set "MARGIN_CROSSED")
      x:limit("SIDE_BUY", 0.01, 59000)
      assert.equal(-4047, set "MARGIN_ISOLATED")
      x:call "EP_CANCEL_ALL"
      x:algo { side = "SIDE_BUY", type = "ORDER_STOP_MARKET", quantity = 0.01, stop_price = 61000 }
      assert.equal(-4047, set "MARGIN_ISOLATED")
      x:call "EP_ALGO_CANCEL_ALL"
      x:market("SIDE_BUY", 0.01)
      assert.equal(-4048, set "MARGIN_ISOLATED")
      x:market("SIDE_SELL", 0.01)
      assert.equal(0, set "MARGIN_ISOLATED")
    end)

    it("isolated and multi-assets mode exclude each other", function()
      begin { events = true }
      assert.equal(-1102, x:call("EP_MULTI_ASSETS_SET", { no_symbol = true }).code)
      assert.equal(-4171, x:call("EP_MULTI_ASSETS_SET", { no_symbol = true, multi_assets = false }).code)
      assert.is_false(x:call("EP_MULTI_ASSETS_GET", { no_symbol = true }).row.flag)
      assert.equal(0, x:call("EP_MULTI_ASSETS_SET", { no_symbol = true, multi_assets = true }).code)
      assert.is_true(x:call("EP_MULTI_ASSETS_GET", { no_symbol = true }).row.flag)
      assert.same({ 1, true }, { #named "assets", named("assets")[1].multi_assets })
      local config = x:call("EP_ACCOUNT_CONFIG", { no_symbol = true }).row
      assert.same({ false, true }, { config.flag, config.multi_assets })
      assert.equal(-4168, x:call("EP_MARGIN_TYPE", { margin_type = "MARGIN_ISOLATED" }).code)
      x:limit("SIDE_BUY", 0.1, 2900, { symbol = 1 })
      assert.equal(-4170, x:call("EP_MULTI_ASSETS_SET", { no_symbol = true, multi_assets = false }).code)
      x:call("EP_CANCEL_ALL", { symbol = 1 })
      assert.equal(0, x:call("EP_MULTI_ASSETS_SET", { no_symbol = true, multi_assets = false }).code)
      assert.equal(0, x:call("EP_MARGIN_TYPE", { symbol = 1, margin_type = "MARGIN_ISOLATED" }).code)
      assert.equal(-4167, x:call("EP_MULTI_ASSETS_SET", { no_symbol = true, multi_assets = true }).code)
      assert.equal(2, #named "assets")
    end)
  end)

  it("the position mode changes only when nothing of any symbol is ordered or held", function()
    begin()
    local function set(dual)
      return x:call("EP_POSITION_MODE_SET", { no_symbol = true, dual_side = dual }).code
    end
    local function get() return x:call("EP_POSITION_MODE_GET", { no_symbol = true }).row.flag end
    assert.equal(-1102, x:call("EP_POSITION_MODE_SET", { no_symbol = true }).code)
    assert.is_false(get())
    assert.equal(-4059, set(false))
    x:limit("SIDE_BUY", 0.1, 2900, { symbol = 1 })
    assert.equal(-4067, set(true))
    x:call("EP_CANCEL_ALL", { symbol = 1 })
    x:market("SIDE_BUY", 0.1, { symbol = 1 })
    assert.equal(-4068, set(true))
    x:market("SIDE_SELL", 0.1, { symbol = 1 })
    assert.equal(0, set(true))
    assert.is_true(get())
    assert.is_true(x:call("EP_ACCOUNT_CONFIG", { no_symbol = true }).row.flag)
    assert.equal(-4059, set(true))
  end)

  describe("isolated margin", function()
    local function change(amount, how, more)
      local t = { amount = amount, margin_change = how }
      for k, v in pairs(more or {}) do
        t[k] = v
      end
      return x:call("EP_POSITION_MARGIN", t)
    end

    it("is moved between the wallet and one position", function()
      begin { isolated = true, leverage = 10, events = true, wallet = 10000 }
      assert.equal(-4055, change(0, 1).code)
      assert.equal(-4055, change(-1, 1).code)
      assert.equal(-4054, change(1, 1).code) -- no position
      x:market("SIDE_BUY", 0.1) -- 600 of margin
      local before = num(x:call("EP_POSITION_RISK").row.isolated_wallet_e8)
      assert.near(600, before, 1e-8)
      local row = change(100, 1).row
      assert.same({ 100, 1 }, { num(row.amount_e8), row.type })
      assert.near(700, num(x:call("EP_POSITION_RISK").row.isolated_wallet_e8), 1e-8)
      row = change(40, 2).row
      assert.same({ 40, 2 }, { num(row.amount_e8), row.type })
      assert.near(660, num(x:call("EP_POSITION_RISK").row.isolated_wallet_e8), 1e-8)
      assert.equal(-4051, change(60.00000001, 2).code) -- below its initial margin
      assert.equal(0, change(60, 2).code)
      assert.equal(-4051, change(0.00000001, 2).code)
      local available = num(x:call("EP_BALANCE", { no_symbol = true }).row.available_e8)
      assert.equal(-4050, change(available + 0.00000001, 1).code)
      assert.equal(0, change(available, 1).code)
      assert.equal(0, num(x:call("EP_BALANCE", { no_symbol = true }).row.available_e8))
    end)

    it("stays with a position that loses, as far as its loss; what it wins cannot be taken out", function()
      begin { isolated = true, leverage = 10 }
      x:market("SIDE_BUY", 0.1)
      change(100, 1)
      x:until_(119.9995)
      x:pass(2, { 59500, 59500, 59500, 59500 }) -- 50 lost; 595 of margin is asked at the mark price
      assert.equal(-4051, change(55.00000001, 2).code)
      assert.equal(0, change(55, 2).code)
      x:pass(3, { 61000, 61000, 61000, 61000 }) -- 100 won; 610 of margin is asked, 645 is there
      assert.equal(-4051, change(35.00000001, 2).code)
      assert.equal(0, change(35, 2).code)
    end)

    it("is nothing of a crossed position, and of one side in hedge mode", function()
      begin()
      x:market("SIDE_BUY", 0.1)
      assert.equal(-4049, change(1, 1).code)
      x:close()
      begin { isolated = true, dual_side = true }
      x:market("SIDE_SELL", 0.1, { position_side = "POSITION_SHORT" })
      assert.equal(-4061, change(1, 1).code)
      assert.equal(-4054, change(1, 1, { position_side = "POSITION_LONG" }).code)
      local before = num(x:call("EP_POSITION_RISK").rows[2].isolated_wallet_e8)
      assert.equal(0, change(1, 1, { position_side = "POSITION_SHORT" }).code)
      assert.near(before + 1, num(x:call("EP_POSITION_RISK").rows[2].isolated_wallet_e8), 1e-8)
    end)
  end)

  it("a countdown cancels the symbol's orders when it runs out, and 0 stops it", function()
    begin()
    assert.equal(-1102, x:call("EP_COUNTDOWN_CANCEL").code)
    assert.equal(-1102, x:call("EP_COUNTDOWN_CANCEL", { countdown_us = -1 }).code)
    x:limit("SIDE_BUY", 0.01, 59000)
    x:limit("SIDE_BUY", 0.1, 2900, { symbol = 1 })
    local row = x:call("EP_COUNTDOWN_CANCEL", { countdown_us = 5000000 }).row
    assert.same({ 5000, 0 }, { tonumber(row.number), row.symbol })
    x:until_(64.9)
    x:call("EP_COUNTDOWN_CANCEL", { countdown_us = 0 })
    x:until_(70)
    assert.equal(2, #x:call("EP_OPEN_ORDERS", { no_symbol = true }).rows)
    x:call("EP_COUNTDOWN_CANCEL", { countdown_us = 1000000 })
    x:until_(70.999999)
    assert.equal(2, #x:call("EP_OPEN_ORDERS", { no_symbol = true }).rows)
    x:until_(71)
    local left = x:call("EP_OPEN_ORDERS", { no_symbol = true }).rows
    assert.same({ 1, 1 }, { #left, left[1].symbol })
  end)

  it("fees and brackets are those of the configuration and the rules", function()
    begin()
    local row = x:call("EP_COMMISSION_RATE", { symbol = 1 }).row
    assert.same({ 0.0002, 0.0005, 1 }, { num(row.maker_e8), num(row.taker_e8), row.symbol })
    assert.not_equal(0, x:call("EP_COMMISSION_RATE", { no_symbol = true }).code)
    local function check(list, symbol)
      local s = C.exchange_symbol(x.x, symbol)
      assert.equal(symbol, list.symbol)
      assert.equal(s.bracket_count, list.bracket_count)
      for k = 0, s.bracket_count - 1 do
        local got, want = list.brackets[k], s.brackets[k]
        assert.same({
          k + 1,
          tonumber(want.cap_e8),
          tonumber(want.floor_e8),
          tonumber(want.maint_ratio_e8),
          tonumber(want.cum_e8),
          want.leverage_max,
        }, {
          got.bracket,
          tonumber(got.cap_e8),
          tonumber(got.floor_e8),
          tonumber(got.ratio_e8),
          tonumber(got.cum_e8),
          got.leverage,
        })
      end
    end
    local all = x:call("EP_LEVERAGE_BRACKET", { no_symbol = true }).rows
    assert.equal(2, #all)
    check(all[1], 0)
    check(all[2], 1)
    local one = x:call("EP_LEVERAGE_BRACKET", { symbol = 1 }).rows
    assert.equal(1, #one)
    check(one[1], 1)
    local configs = x:call("EP_SYMBOL_CONFIG", { no_symbol = true }).rows
    assert.same({ 2, 0, 1 }, { #configs, configs[1].symbol, configs[2].symbol })
  end)

  describe("the listen key", function()
    local HOUR = 3600
    local function key(endpoint) return x:call(endpoint, { no_symbol = true }) end
    local function text(reply) return ffi.string(reply.row.key) end

    it("is one for the account, lives an hour from the last call, and is another one afterwards", function()
      begin()
      assert.equal(-1125, key("EP_LISTEN_KEY_KEEP").code)
      assert.equal(-1125, key("EP_LISTEN_KEY_CLOSE").code)
      local first = text(key "EP_LISTEN_KEY_NEW")
      assert.equal(64, #first)
      assert.truthy(first:match "^%w+$")
      assert.is_true(C.exchange_listen_key(x.x, first))
      assert.is_false(C.exchange_listen_key(x.x, first:sub(1, 63)))
      local at = tonumber(x.now - 1700006400 * 1000000ULL) / 1e6
      x:until_(at + HOUR - 1)
      assert.equal(first, text(key "EP_LISTEN_KEY_KEEP"))
      x:until_(at + 2 * HOUR - 2)
      assert.equal(first, text(key "EP_LISTEN_KEY_NEW"))
      at = at + 3 * HOUR - 2
      x:until_(at - 0.000001)
      assert.is_true(C.exchange_listen_key(x.x, first))
      x:until_(at)
      assert.is_false(C.exchange_listen_key(x.x, first))
      assert.equal(-1125, key("EP_LISTEN_KEY_KEEP").code)
      local second = text(key "EP_LISTEN_KEY_NEW")
      assert.not_equal(first, second)
      assert.equal(0, key("EP_LISTEN_KEY_CLOSE").code)
      assert.is_false(C.exchange_listen_key(x.x, second))
      local third = text(key "EP_LISTEN_KEY_NEW") -- at the same time as the second
      assert.not_equal(second, third)
      C.exchange_drop_listen_key(x.x)
      assert.is_false(C.exchange_listen_key(x.x, third))
    end)
  end)
end)
