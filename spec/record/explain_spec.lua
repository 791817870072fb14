-- `moontide explain` on runs recorded over real sockets: each known difference stands in its column.
local cjson = require "cjson"
local lx = require "spec.support.local_exchange"
local recorded = require "spec.support.recorded"
local run = require "spec.support.run"

local turns = [[
  return { symbols = { "BTCUSDT" }, interval = "1m", params = { quantity = { 0.5 } },
    on_start = function(self)
      self.count = 0
      self.warm = #assert(api.get_klines { symbol = "BTCUSDT", interval = "1m", limit = 30 })
    end,
    on_bar = function(self, bar)
      self.count = self.count + 1
      local order, err = api.create_order { symbol = bar.symbol, side = self.count % 2 == 1 and "BUY" or "SELL", type = "MARKET", quantity = self.params.quantity }
      print(self.count, self.warm, order and order.status or err)
    end,
    on_stop = function(self)
      local held = self:position "BTCUSDT"
      if held ~= 0 then api.create_order { symbol = "BTCUSDT", side = held > 0 and "SELL" or "BUY", type = "MARKET", quantity = math.abs(held) } end
    end } ]]

local resting = [[
  local count = 0
  for bar in market.bars("BTCUSDT", "1m") do
    local orders = assert(api.batch_orders { { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.1, price = market.round_price("BTCUSDT", bar.close * 1.001) },
      { symbol = "BTCUSDT", side = "SELL", type = "LIMIT", quantity = 0.1, price = market.round_price("BTCUSDT", bar.close * 1.02) } })
    print(orders[1].status, orders[2].status)
    count = count + 1
    if count == 3 then break end
  end ]]

local without_bars =
  [[ print(assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.1 }).status) ]]

local on_trades = [[
  return { symbols = { "BTCUSDT" }, on_trade = function(self, t) self.count = (self.count or 0) + 1 end,
    on_start = function(self) assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.1 }) end } ]]

describe("moontide explain", function()
  local x, folder, made

  setup(function()
    x = lx.start { "--no-limits", "--symbols", "BTCUSDT", "--speed", "60" }
    folder = run.folder()
    -- A minute of the exchange's time is a second of ours: that an order is on its way for a moment makes it no old one.
    local patient = "--recv-window 60000"
    -- The account of `live` is one; those of `paper` are each their own.
    made = recorded.make(x, folder, {
      live = { script = turns, arguments = "--bars 5 " .. patient },
      dear = { script = turns, command = "paper", arguments = "--bars 4 --name dear --taker 0.002" },
      late = { script = turns, command = "paper", arguments = "--bars 4 --name late --latency 400" },
      poor = { script = turns, command = "paper", arguments = "--bars 4 --name poor --capital 1500" },
      resting = { script = resting, command = "paper", arguments = "--name resting" },
      none = { script = without_bars, command = "paper", arguments = "--name none" },
      trades = { script = on_trades, command = "paper", arguments = "--events 300 --name trades" },
      killed = { script = turns, command = "paper", arguments = "--name killed", kill = { "FILLED", 3 } },
      leaves = {
        script = turns:gsub("on_stop.*", "}"),
        command = "paper",
        arguments = "--bars 1 --name two",
      },
    })
    made.stays = recorded.make(
      x,
      folder,
      { stays = { script = turns, command = "paper", arguments = "--bars 2 --name two" } }
    ).stays
    x:faults {
      {
        fault = "error",
        call = "POST /fapi/v1/order",
        status = 400,
        code = -2019,
        message = "Margin is insufficient.",
        most = 2,
      },
    }
    made.refused =
      recorded.make(x, folder, { refused = { script = turns, arguments = "--bars 4 " .. patient } }).refused
  end)
  teardown(function()
    run.remove(folder)
    x:stop()
  end)

  local function explain(name, arguments)
    local all = { "explain", made[name].file, "--json", "-" }
    for _, a in ipairs(arguments or {}) do
      all[#all + 1] = a
    end
    local r = run.moontide(all)
    assert.equal(0, r.status, r.err .. made[name].err)
    local e = cjson.decode(r.out)
    local sum, by_cause = 0, {}
    for cause, v in pairs(e.causes) do
      sum, by_cause[cause] = sum + v, 0
    end
    assert.near(e.actual - e.simulated, e.difference, 1e-6)
    assert.near(e.difference, sum + e.residual, 1e-6)
    assert.near(0, e.residual, 1e-6, name .. "\n" .. r.out)
    assert.equal(0, e.unseen)
    for _, order in ipairs(e.orders) do
      local own = 0
      for cause, v in pairs(order.parts) do
        own, by_cause[cause] = own + v, by_cause[cause] + v
      end
      assert.near(order.difference, own, 1e-6)
    end
    for cause, v in pairs(by_cause) do
      if v ~= 0 then assert.near(e.causes[cause], v, 1e-6, cause) end
    end
    return e, r
  end

  local function filled(e)
    local notional = 0
    for _, o in ipairs(e.orders) do
      notional = notional + o.actual.quantity * o.actual.price
    end
    return notional
  end

  it("finds the same decisions, and the prices that differed", function()
    local e = explain "live"
    assert.is_true(#e.orders >= 4, #e.orders)
    assert.is_nil(e.diverged)
    for _, cause in ipairs {
      "path",
      "missed_fills",
      "extra_fills",
      "refusals",
      "carried",
      "other_orders",
      "transfers",
    } do
      assert.equal(0, e.causes[cause], cause)
    end
    -- Funding as well, unless the hour of one fell into the runs.
    if #x:signed("GET", "/fapi/v1/income", { incomeType = "FUNDING_FEE" }).json == 0 then
      assert.equal(0, e.causes.funding, "funding")
    end
    assert.is_true(math.abs(e.causes.fees) < 0.05) -- the same rate of slightly other prices
    assert.is_true(e.causes.data ~= 0 or e.causes.fill_price ~= 0)
    local o = e.orders[1]
    assert.same(
      { "BTCUSDT", "BUY", "MARKET", 0.5, 0.5, 0.5 },
      { o.symbol, o.side, o.type, o.quantity, o.actual.quantity, o.simulated.quantity }
    )
    assert.is_true(o.actual.price > 1000 and math.abs(o.actual.price / o.simulated.price - 1) < 0.02)
  end)

  it("puts other fee rates under fees", function()
    local e = explain "live"
    local dearer = explain("live", { "--taker", "0.001" })
    assert.near(e.causes.fees + 0.0005 * filled(e), dearer.causes.fees, filled(e) * 0.0005 * 0.02)
    for _, cause in ipairs { "data", "latency", "fill_price", "path", "refusals" } do
      assert.near(e.causes[cause], dearer.causes[cause], 1e-6, cause)
    end
    local dear = explain "dear"
    assert.near(-0.0015 * filled(dear), dear.causes.fees, filled(dear) * 0.0015 * 0.02)
  end)

  it("puts slippage of the backtest under data, and its sign is the trader's", function()
    local e, slipped = explain "live", explain("live", { "--slippage", "10" })
    assert.near(e.causes.data + 0.001 * filled(e), slipped.causes.data, filled(e) * 0.001 * 0.02) -- reality was better by as much
    assert.near(e.causes.fill_price, slipped.causes.fill_price, 1e-6)
  end)

  it("puts prices that moved on the way under latency", function()
    -- 400 ms there and back again, a minute each second: half a minute of the market.
    local late = explain "late"
    assert.is_nil(late.diverged)
    local moved = 0
    for _, o in ipairs(late.orders) do
      moved = moved + math.abs(o.parts.latency or 0)
    end
    assert.is_true(moved > 0, cjson.encode(late.orders)) -- how much, and with which sign: spec/lua/attribute_spec.lua
  end)

  it("puts refused orders under refusals, with the exchange's words", function()
    local e = explain "refused"
    local refused = {}
    for _, o in ipairs(e.orders) do
      if o.refusal then refused[#refused + 1] = o end
    end
    assert.equal(2, #refused, cjson.encode(e.orders))
    local sum = 0
    for _, o in ipairs(refused) do
      assert.equal("rejected -2019: Margin is insufficient.", o.refusal)
      assert.equal(0, o.actual.quantity)
      if o.simulated.quantity > 0 then sum = sum + o.parts.refusals end
    end
    assert.near(sum, e.causes.refusals, 1e-6)
    local first = refused[1]
    assert.equal(0.5, first.simulated.quantity)
    local text = run.moontide { "explain", made.refused.file }.out
    assert.truthy(
      text:find("refused", 1, true) and text:find("rejected -2019: Margin is insufficient.", 1, true),
      text
    )

    e = explain "poor" -- half a bitcoin takes more margin than it has, on paper as in the backtest
    assert.truthy(e.orders[1].refusal and e.orders[1].simulated_refusal, cjson.encode(e.orders))
    assert.equal(0, e.difference)
  end)

  it("calls decisions of another script the path, and says where they part", function()
    local script =
      run.write(folder .. "/bolder.lua", (turns:gsub("quantity = { 0.5 }", "quantity = { 0.7 }")))
    local e = explain("live", { "--script", script })
    assert.is_true(e.causes.path ~= 0)
    assert.equal(e.orders[1].context, e.diverged.context)
    assert.equal(0, e.causes.data)
    local text = run.moontide { "explain", made.live.file, "--script", script }.out
    assert.truthy(text:find "the decisions differ from the bar of %d+%-%d+%-%d+ %d+:%d+:%d+ on: ", text)
    assert.truthy(
      run.moontide { "explain", made.live.file }.out:find("both runs made the same decisions", 1, true)
    )
  end)

  it("reads batches, resting orders and plain scripts", function()
    local e = explain "resting"
    assert.is_true(#e.orders >= 2 and #e.orders % 2 == 0, #e.orders)
    assert.is_nil(e.diverged)
    local bought = 0
    for _, o in ipairs(e.orders) do
      if o.side == "BUY" then bought = bought + o.actual.quantity end
      assert.equal("LIMIT", o.type)
    end
    assert.is_true(bought >= 0.1)
  end)

  it("knows what was held before", function()
    local e, before = explain "stays", explain "leaves"
    local held = 0
    for _, o in ipairs(before.orders) do
      held = held + (o.side == "BUY" and 1 or -1) * o.actual.quantity
    end
    assert.near(0.5, held, 1e-9)
    assert.is_true(e.causes.carried ~= 0)
  end)

  it("explains what a killed process left", function()
    local e = explain "killed"
    assert.is_false(e.whole)
    assert.is_true(#e.orders >= 2)
  end)

  it("makes bars of the trades a script was told; without either it asks for data", function()
    local e = explain "trades"
    assert.equal(1, #e.orders)
    assert.equal(0.1, e.orders[1].simulated.quantity)
    local r = run.moontide { "explain", made.none.file }
    assert.equal(1, r.status)
    assert.truthy(
      r.err:find(
        "no bars of BTCUSDT in the recording, nor trades; give the market of that time with --data",
        1,
        true
      ),
      r.err
    )
  end)

  it("begins and ends with the session, not with the bars around it", function()
    local slow = lx.start { "--no-limits", "--symbols", "BTCUSDT" }
    finally(function() slow:stop() end)
    local timed = recorded.make(slow, folder, {
      timed = {
        command = "paper",
        arguments = "--orders 6 --name timed",
        script = [[
      return { symbols = { "BTCUSDT" }, timer = 0.5, on_trade = function() end,
        on_start = function(self)
          self.side = "BUY"
          api.spawn(function()
            while true do
              api.sleep(0.7)
              api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.1, price = 1000 }
            end
          end)
        end,
        on_timer = function(self)
          api.create_order { symbol = "BTCUSDT", side = self.side, type = "MARKET", quantity = 0.1 }
          self.side = self.side == "BUY" and "SELL" or "BUY"
        end } ]],
      },
    }).timed
    assert.equal(0, timed.status, run.read(folder .. "/timed.err"))
    local r = run.moontide { "explain", timed.file, "--json", "-" }
    assert.equal(0, r.status, r.err)
    local e = cjson.decode(r.out)
    -- A span holds one event more than intervals, of each of the two.
    local simulated, seconds = 0, (e.to - e.from) / 1000
    for _, o in ipairs(e.orders) do
      if o.simulated and o.simulated ~= cjson.null then simulated = simulated + 1 end
    end
    assert.is_true(
      simulated >= 2 and simulated <= math.floor(seconds / 0.5) + math.floor(seconds / 0.7) + 2,
      ("%d orders in %.3f s"):format(simulated, seconds)
    )
    assert.near(0, e.residual, 1e-6)
  end)

  it("takes the market from files", function()
    -- A run without bars beside a file of bars that cost 70000: what the backtest then pays stands under prices.
    local items = require("moontide.explain.session").read(made.none.file)
    local open_us = math.floor(items.first.us / 60e6) * 60e6
    local rows = {}
    for i = 1, 60 do
      rows[i] = { 70000, 70000, 70000, 70000, 10 }
    end
    local file =
      run.write(folder .. "/BTCUSDT-1m-2026-01.csv", run.csv(rows, math.floor(open_us / 1000 - 600000)))
    local x_none = explain("none", { "--data", file })
    assert.equal(70000, x_none.orders[1].simulated.price)
    assert.near(
      0.1 * (70000 - x_none.orders[1].actual.price),
      x_none.causes.data + x_none.causes.latency + x_none.causes.fill_price,
      1e-6
    )
  end)

  it("says in one line what is wrong", function()
    local bad = run.write(folder .. "/bad.rec", "no recording at all")
    for _, case in ipairs {
      { { "explain" }, 2, "missing recording; usage: moontide explain RECORDING" },
      { { "explain", "a", "b" }, 2, "one recording at a time; 'b' is one too many" },
      { { "explain", folder .. "/nosuch" }, 1, "cannot read" },
      { { "explain", bad }, 1, "is not a recording" },
      { { "explain", made.live.file, "--script", folder .. "/nosuch.lua" }, 1, "cannot read the script" },
      { { "explain", made.live.file, "--taker", "many" }, 2, "--taker" },
      { { "explain", made.live.file, "--orders", "-1" }, 2, "--orders" },
      { { "explain", made.live.file, "--data", folder .. "/nosuch.csv" }, 1, "nosuch.csv" },
    } do
      local r = run.moontide(case[1])
      assert.equal(case[2], r.status, r.err)
      assert.truthy(r.err:find(case[3], 1, true), r.err)
      assert.equal(1, select(2, r.err:gsub("\n", "")), r.err)
    end
  end)
end)
