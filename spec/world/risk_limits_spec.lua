-- The limits of a live run, each tried by a script that means to get around it, over real sockets.
local live_run = require "spec.support.live_run"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

local helpers = [[
  local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
  local function at(share) return market.round_price("BTCUSDT", t.price * share) end
  local function show(name, value, err) print(name, value and (value.status or value.algoStatus or "sent") or err.message) io.stdout:flush() return value end
  local function order(o)
    o.symbol, o.side, o.type = "BTCUSDT", o.side or "BUY", o.type or "LIMIT"
    if o.type == "LIMIT" then o.price = o.price or at(0.97) end
    return o
  end
  local function try(name, o) return show(name, api.create_order(order(o))) end
  -- Once the account's stream has told what decides it: for as long as the answer is not `wanted`.
  local function try_till(name, o, wanted)
    local value, err
    for _ = 1, 600 do
      value, err = api.create_order(order(o))
      if wanted == "taken" and value or not value and err.message:find(wanted, 1, true) then break end
      api.sleep(0.1)
    end
    return show(name, value, err)
  end
]]

describe("limits that a script cannot lift", function()
  local x, home, apart, held_back
  setup(function()
    x = lx.start { "--no-limits", "--symbols", "BTCUSDT,ETHUSDT", "--wallet", "1000000" }
    -- What is to be asked at a start costs more than it may spend. It waits for half a minute, while the others are tried.
    apart = lx.start { "--no-limits", "--symbols", "BTCUSDT" }
    local narrow = run.write(apart.folder .. "/narrow.lua", "return { weight_per_minute = 10 }")
    held_back = live_run.start(apart, { helpers }, { "--config", narrow })
  end)
  teardown(function()
    held_back:close()
    apart:stop()
    x:stop()
  end)
  before_each(function() home = run.folder() end)
  after_each(function()
    run.remove(home)
    x:signed("DELETE", "/fapi/v1/allOpenOrders", { symbol = "BTCUSDT" })
    x:signed("DELETE", "/fapi/v1/algoOpenOrders", { symbol = "BTCUSDT" })
    for _, p in ipairs(x:signed("GET", "/fapi/v3/positionRisk", {}).json) do
      x:signed("POST", "/fapi/v1/order", {
        symbol = p.symbol,
        side = tonumber(p.positionAmt) > 0 and "SELL" or "BUY",
        type = "MARKET",
        quantity = (p.positionAmt:gsub("-", "")),
        positionSide = p.positionSide ~= "BOTH" and p.positionSide or nil,
        reduceOnly = p.positionSide == "BOTH" and "true" or nil,
      })
    end
  end)

  local function live(script, arguments, place)
    local folder = run.folder()
    local path = run.write(folder .. "/limits.lua", helpers .. script)
    local r = run.moontide(
      { "live", path, "--url", (place or x).url, unpack(arguments or {}) },
      (place or x):environment(home)
    )
    run.remove(folder)
    return r
  end

  local function expect(r, lines)
    for _, line in ipairs(lines) do
      assert.truthy(r.out:find(line), line .. " is not in:\n" .. r.out .. r.err)
    end
  end

  -- The largest order that reached the exchange since `first`.
  local function largest(first)
    local most = 0
    for _, e in ipairs(x:audit("?limit=100000&from=" .. first).entries) do
      local quantity = e.executed and tonumber(e.quantity or (e.params and e.params.quantity)) or 0
      if quantity > most then most = quantity end
    end
    return most
  end

  it("can be checked from the first handler on: a price is known by then", function()
    x:faults { { fault = "delay", call = "GET /fapi/v1/ticker/price", delay = 2 } }
    local folder = run.folder()
    local path = run.write(
      folder .. "/first.lua",
      [[
      return { symbols = { "BTCUSDT" }, on_start = function()
        local order, err = api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.002 }
        print(order and order.status or err)
      end }]]
    )
    local r = run.moontide(
      { "live", path, "--url", x.url, "--max-order-notional", "1000", "--orders", "1" },
      x:environment(home)
    )
    x:no_faults()
    run.remove(folder)
    assert.equal("FILLED\n", r.out, r.err)
  end)

  it("an order's size holds by every way of sending", function()
    local first = x:audit("?limit=0").total
    local r = live(
      [[
      try("plain", { quantity = 0.1 })
      try("text", { quantity = "0.1" })
      try("market", { quantity = 0.1, type = "MARKET" })
      try("stop", { quantity = 0.1, type = "STOP_MARKET", stopPrice = at(1.03) })
      try("low sell", { quantity = 0.031, side = "SELL", price = at(0.93) })
      try("enormous", { quantity = "89999999.999" })
      try("closing", { quantity = 0.1, type = "MARKET", closePosition = true })
      show("raw", api.request("POST", "/fapi/v1/order", { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = "0.1" }))
      show("raw algo", api.request("POST", "/fapi/v1/algoOrder", { symbol = "BTCUSDT", side = "BUY", type = "STOP_MARKET", algoType = "CONDITIONAL", quantity = "0.1", triggerPrice = at(1.03) }))
      show("batch", api.batch_orders { order { quantity = 0.001 * 10 }, order { quantity = 0.1 } })
      local many = api.batch_request { { "create_order", order { quantity = 0.1 } }, { "create_order", order { quantity = 0.1 } } }
      print("many", many[1].message, many[2].message)
      print("raw batch", pcall(function() return api.request("POST", "/fapi/v1/batchOrders", { batchOrders = '[{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":"0.1"}]' }) end))
      print("async", select(2, api.async.create_order(order { quantity = 0.1 }):wait()).message)
      local o = try("small", { quantity = 0.01 })
      show("amend", api.modify_order { symbol = "BTCUSDT", side = "BUY", orderId = o.orderId, quantity = 0.1, price = at(0.97) })
      show("raw amend", api.request("PUT", "/fapi/v1/order", { symbol = "BTCUSDT", side = "BUY", orderId = o.orderId, quantity = "0.1", price = at(0.97), reduceOnly = true }))
      show("amend away", api.modify_order { symbol = "BTCUSDT", side = "BUY", orderId = o.orderId, quantity = 0.01, price = at(0.5) })
      show("good amend", api.modify_order { symbol = "BTCUSDT", side = "BUY", orderId = o.orderId, quantity = 0.02, price = at(0.97) })
    ]],
      { "--limit", "BTCUSDT:order=2000" }
    )
    assert.equal(0, r.status, r.err)
    expect(r, {
      "plain\trisk limit: an order of",
      "text\trisk limit: an order of",
      "market\trisk limit: an order of",
      "stop\trisk limit: an order of",
      "low sell\trisk limit: an order of 2",
      "enormous\t",
      "closing\trisk limit: an order of",
      "raw\trisk limit: an order of",
      "raw algo\trisk limit: an order of",
      "batch\trisk limit: an order of",
      "many\trisk limit: an order of",
      "async\trisk limit: an order of",
      "small\tNEW",
      "amend\trisk limit: an order of",
      "raw amend\t",
      "amend away\trisk limit: price",
      "good amend\tNEW",
    })
    assert.falsy(r.out:find("raw amend\tNEW", 1, true))
    assert.falsy(r.out:find("enormous\tNEW", 1, true))
    assert.is_true(largest(first) <= 0.02)
    for _, e in ipairs(x:audit("?limit=100000&from=" .. first).entries) do
      assert.not_equal("POST /fapi/v1/batchOrders", e.executed and e.call)
    end
  end)

  it("a position's size counts what is open, and what was just filled", function()
    local r = live(
      [[
      try("one", { quantity = 0.015 })
      try("two", { quantity = 0.015 })
      try("other side", { quantity = 0.015, side = "SELL", price = at(1.03) })
      try("three", { quantity = 0.02 })
      local tasks = {}
      for i = 1, 10 do tasks[i] = api.spawn(function() return api.create_order(order { quantity = 0.014, type = "MARKET" }) end) end
      local filled = 0
      for _, o in ipairs(api.all(tasks)) do if o.status == "FILLED" then filled = filled + 1 end end
      print("filled", filled)
      for i = 1, 5 do try("again", { quantity = 0.014, type = "MARKET" }) end
      try("reduce", { quantity = 0.014, type = "MARKET", side = "SELL", reduceOnly = true })
      try_till("after", { quantity = 0.013, type = "MARKET" }, "taken")
      api.cancel_all_orders { symbol = "BTCUSDT" }
      try_till("room", { quantity = 0.02, type = "MARKET" }, "taken")
    ]],
      { "--max-position-notional", "3000" }
    )
    assert.equal(0, r.status, r.err)
    expect(r, {
      "one\tNEW",
      "two\tNEW",
      "other side\tNEW",
      "three\trisk limit: a position %(with what is open%) of 3",
      "filled\t1\n",
      "again\trisk limit: a position",
      "reduce\tFILLED",
      "after\tFILLED",
      "room\tFILLED",
    })
    assert.falsy(r.out:find("again\tFILLED", 1, true))
  end)

  it("in hedge mode both sides count, and what closes one passes", function()
    local own = lx.start { "--no-limits", "--symbols", "BTCUSDT", "--wallet", "1000000" }
    finally(function() own:stop() end)
    assert.equal(200, own:signed("POST", "/fapi/v1/positionSide/dual", { dualSidePosition = "true" }).status)
    local r = live(
      [[
      try("long", { quantity = 0.02, type = "MARKET", positionSide = "LONG" })
      try("short", { quantity = 0.02, type = "MARKET", side = "SELL", positionSide = "SHORT" })
      try("small short", { quantity = 0.01, type = "MARKET", side = "SELL", positionSide = "SHORT" })
      try("more", { quantity = 0.01, type = "MARKET", positionSide = "LONG" })
      try("close", { quantity = 0.02, type = "MARKET", side = "SELL", positionSide = "LONG" })
    ]],
      { "--max-position-notional", "2200" },
      own
    )
    assert.equal(0, r.status, r.err)
    expect(r, {
      "long\tFILLED",
      "\nshort\trisk limit: a position",
      "small short\tFILLED",
      "more\trisk limit: a position",
      "close\tFILLED",
    })
  end)

  it("the number of open orders", function()
    local r = live(
      [[
      for i = 1, 4 do try("order" .. i, { quantity = 0.002 }) end
      try("stop", { quantity = 0.002, type = "STOP_MARKET", stopPrice = at(1.05) })
      local o = assert(api.cancel_order { symbol = "BTCUSDT", orderId = assert(api.get_open_orders { symbol = "BTCUSDT" })[1].orderId })
      try_till("place", { quantity = 0.002 }, "taken")
    ]],
      { "--max-open-orders", "3" }
    )
    assert.equal(0, r.status, r.err)
    expect(r, {
      "order3\tNEW",
      "order4\trisk limit: 3 orders are open already",
      "stop\trisk limit: 3 orders are open already",
      "place\tNEW",
    })
  end)

  it("a day's loss, which a restart does not undo", function()
    local script = [[
      try("first", { quantity = 0.02, type = "MARKET" })
      try("back", { quantity = 0.02, type = "MARKET", side = "SELL", reduceOnly = true })
      try_till("more", { quantity = 0.002 }, "risk limit: a loss today")
    ]]
    local r = live(script, { "--max-daily-loss", "1.4" })
    assert.equal(0, r.status, r.err)
    expect(r, { "first\tFILLED", "back\tFILLED", "more\trisk limit: a loss today" })
    r = live(script, { "--max-daily-loss", "1.4" })
    assert.equal(0, r.status, r.err)
    expect(r, { "first\trisk limit: a loss today" })
  end)

  it("a breach may pull the kill switch", function()
    local r = live(
      [[
      try("rests", { quantity = 0.002 })
      try("beyond", { quantity = 0.1 })
      try_till("after", { quantity = 0.002 }, "risk limit: the run is halted")
      api.sleep(30)
    ]],
      { "--max-order-notional", "2000", "--on-breach", "halt" }
    )
    assert.equal(0, r.status, r.err)
    expect(r, { "rests\tNEW", "beyond\trisk limit: an order of", "after\trisk limit: the run is halted" })
    assert.truthy(r.err:find("kill switch", 1, true), r.err)
    assert.equal(0, #x:signed("GET", "/fapi/v1/openOrders", { symbol = "BTCUSDT" }).json)
  end)

  it("symbols; and limits of a symbol from moontide.conf.lua, of which the tighter counts", function()
    local r = live("print 'never'", { "--allowed-symbols", "ETHUSDT" })
    assert.equal(1, r.status)
    assert.equal("", r.out)
    assert.truthy(r.err:find("BTCUSDT may not be traded here: allowed are ETHUSDT", 1, true), r.err)
    r = live("print 'never'", { "--limit", "BTCUSTD:order=1000" }) -- misspelt: it would hold nothing
    assert.equal(2, r.status)
    assert.truthy(
      r.err:find("limits of BTCUSTD (--limit, risk.limits): the exchange has no such symbol", 1, true),
      r.err
    )
    local conf = run.write(
      home .. "/limits.conf.lua",
      "return { risk = { max_order_notional = 5000, limits = { BTCUSDT = { order = 1000 } } } }"
    )
    r =
      live([[ try("beyond", { quantity = 0.02 }) try("within", { quantity = 0.01 }) ]], { "--config", conf })
    assert.equal(0, r.status, r.err)
    expect(r, { "beyond\trisk limit: an order of 1", "within\tNEW" })
    run.write(conf, "return { safety = { limits = { BTCUSDT = { order = 1000 } } } }") -- the table's older name
    r = live([[ try("beyond", { quantity = 0.02 }) ]], { "--config", conf })
    expect(r, { "beyond\trisk limit: an order of 1" })
    for _, case in ipairs {
      { "return { risk = {}, safety = {} }", "risk and safety are the same table; keep risk" },
      { "return { risk = { max_order = 1 } }", "risk has no key 'max_order'" },
      { "return { risk = { limits = { BTCUSDT = { size = 1 } } } }", "order and position" },
      {
        "return { run = { on_crash = 'pray' } }",
        "run.on_crash pray: expected one of cancel, flatten, keep",
      },
    } do
      run.write(conf, case[1])
      r = live("print 'never'", { "--config", conf })
      assert.equal(2, r.status)
      assert.truthy(r.err:find(case[2], 1, true), r.err)
    end
  end)

  it("hold on paper too", function()
    local r = live_run.start(
      x,
      { helpers .. [[ try("big", { quantity = 0.1 }) try("small", { quantity = 0.002 }) ]] },
      { "--max-order-notional", "2000" },
      "paper"
    )
    finally(function() r:close() end)
    assert.equal(0, r:wait(), r:err())
    assert.truthy(r:out():find("big\trisk limit: an order of", 1, true), r:out())
    assert.truthy(r:out():find("small\tNEW", 1, true), r:out())
  end)

  it("a start that the limits hold back says so, and does not doubt the key", function()
    assert.equal(1, held_back:wait())
    assert.truthy(
      held_back:err():find(
        "no room within the limits (the configuration's, or the exchange's with what other programs use) within 30 s",
        1,
        true
      ),
      held_back:err()
    )
  end)
end)
