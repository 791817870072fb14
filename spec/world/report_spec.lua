local cjson = require "cjson"
local run = require "spec.support.run"

local START = 1704067200000 -- 2024-01-01

-- Backtests a script on files { name = rows or text } in a folder of their own, with all that it can write.
local function backtest(script, files, arguments)
  local folder = run.folder()
  local path = run.write(folder .. "/script.lua", script)
  local all = { "backtest", path, "--data" }
  os.execute(("mkdir %s/data"):format(folder))
  for name, rows in pairs(files) do
    local text = type(rows) == "table" and run.csv(rows, rows.start or START, rows.step) or rows
    run.write(("%s/data/%s"):format(folder, name), text)
  end
  all[#all + 1] = folder .. "/data"
  for _, kind in ipairs { "trades", "fills", "orders" } do
    all[#all + 1], all[#all + 2] = "--" .. kind, ("%s/%s.csv"):format(folder, kind)
  end
  all[#all + 1], all[#all + 2] = "--json", folder .. "/out.json"
  for _, a in ipairs(arguments or {}) do
    all[#all + 1] = a
  end
  local r = run.moontide(all)
  for _, kind in ipairs { "trades", "fills", "orders" } do
    r[kind] = {}
    local head
    for line in run.read(("%s/%s.csv"):format(folder, kind)):gmatch "[^\n]+" do
      local row, i = {}, 0
      for cell in (line .. ","):gmatch "([^,]*)," do
        i = i + 1
        row[head and head[i] or i] = cell
      end
      if head then
        r[kind][#r[kind] + 1] = row
      else
        head = row
      end
    end
  end
  assert.are.equal(0, r.status, r.err)
  r.json = cjson.decode(run.read(folder .. "/out.json"))
  run.remove(folder)
  assert.are.equal(0, r.status, r.err)
  return r
end

local function note(r, kind)
  for _, n in ipairs(r.json.notes) do
    if n.kind == kind then return n end
  end
end

-- A note is on standard error, in the table and in the document.
local function said(r, kind)
  local n = assert(note(r, kind), "no note of " .. kind)
  assert.truthy(r.err:find("note: " .. n.text, 1, true), r.err)
  local words = n.text:match "^%S+ %S+ %S+"
  assert.truthy(r.out:find("  - " .. words, 1, true), r.out)
  return n
end

local function flat(count, price, volume)
  local rows = {}
  for i = 1, count do
    rows[i] = { price, price, price, price, volume }
  end
  return rows
end

local buys_once = [[return { symbols = { "BTCUSDT" }, interval = "1m", on_bar = function(self, b)
  if self.done then return end
  self.done = true
  assert(api.create_order { symbol = b.symbol, side = "BUY", type = "MARKET", quantity = %s })
end }]]

describe("a liquidation in a backtest", function()
  local script = [[return { symbols = { "BTCUSDT" }, interval = "1m",
    on_fill = function(_, f) print("fill", f.side, f.qty, f.order.type) end,
    on_order = function(_, o) print("order", o.type, o.status) end,
    on_bar = function(self, b)
      self.n = (self.n or 0) + 1
      if self.n == 1 then
        api.set_margin_type { symbol = b.symbol, marginType = "ISOLATED" }
        api.set_leverage { symbol = b.symbol, leverage = 50 }
        assert(api.create_order { symbol = b.symbol, side = "BUY", type = "MARKET", quantity = 5 })
      elseif self.n == 5 then
        local a = api.get_account_info {}
        print("sums", self:wallet(), self:equity(), a.totalWalletBalance, a.totalMarginBalance)
      end
    end }]]
  local rows = flat(6, 40000)
  rows[3] = { 40000, 40000, 38000, 38000 }
  for i = 4, 6 do
    rows[i] = { 38000, 38000, 38000, 38000 }
  end

  it("is heard by on_fill and on_order, and leaves the wallet that the account has", function()
    for _, latency in ipairs { 0, 200 } do
      local r = backtest(script, { ["BTCUSDT-1m-2024-01.csv"] = rows }, { "--latency", latency })
      assert.truthy(r.out:find "fill\tBUY\t5\tMARKET", r.out)
      assert.truthy(r.out:find "fill\tSELL\t5\t", r.out)
      -- The margin of 200,000 / 50 and the fee of 100 are gone, no more.
      assert.truthy(r.out:find("sums\t5900\t5900\t5900\t5900", 1, true), r.out)
      assert.are.equal(-4100, r.json.net_profit)
      assert.are.equal(-4100, r.json.realized - r.json.fees - r.json.liquidation_fees)
      assert.are.equal("liquidation", r.trades[1].exit_reason)
      assert.are.equal("-4100", r.trades[1].pnl)
      assert.are.equal("LIQUIDATION", r.fills[2].order_type)
    end
  end)
end)

describe("a report", function()
  it("shows lines of the account that add up to the last digit", function()
    local r = backtest(
      [[return { symbols = { "BTCUSDT" }, interval = "1m", on_bar = function(self, b)
        local side = self:position(b.symbol) > 0 and "SELL" or "BUY"
        api.create_order { symbol = b.symbol, side = side, type = "MARKET", quantity = side == "BUY" and 0.013 or 0.007 }
      end }]],
      {
        ["BTCUSDT-1m-2024-01.csv"] = {
          { 40001.1, 40100, 40000, 40033.3 },
          { 40033.3, 40100, 40000, 40077.7 },
          { 40077.7, 40100, 40000, 40011.9 },
          { 40011.9, 40100, 40000, 40055.5 },
        },
      }
    )
    local function line(name)
      local whole, part = r.out:match("\n  " .. name .. " +(%-?%d+)%.(%d%d%d%d%d%d%d%d) USDT")
      assert(whole, name .. r.out)
      return tonumber(whole .. part)
    end
    assert.are.equal(
      line "net profit",
      line "realized" + line "unrealized" - line "fees" - line "liquidation fees"
    )
    local j = r.json
    local sum = j.realized + j.unrealized - j.fees + j.funding_booked - j.liquidation_fees
    assert.is_near(j.net_profit, sum, 1e-9)
  end)

  it("tells of positions and orders that are left open", function()
    local rows = flat(5, 40000)
    rows[5] = { 40000, 40100, 40000, 40100 }
    local r = backtest(
      [[return { symbols = { "BTCUSDT" }, interval = "1m", on_bar = function(self, b)
        if self.done then return end
        self.done = true
        assert(api.create_order { symbol = b.symbol, side = "BUY", type = "MARKET", quantity = 0.2 })
        assert(api.create_order { symbol = b.symbol, side = "SELL", type = "LIMIT", timeInForce = "GTC",
                                  price = 41000, quantity = 0.1 })
        assert(api.create_order { symbol = b.symbol, side = "SELL", type = "STOP_MARKET", stopPrice = 39000,
                                  quantity = 0.2, reduceOnly = true })
      end }]],
      { ["BTCUSDT-1m-2024-01.csv"] = rows }
    )
    assert.truthy(
      r.out:find("BTCUSDT LONG           0.2 at 40000, last 40100, unrealised 20.00 USDT", 1, true)
    )
    assert.truthy(r.out:find("LIMIT 0.1 at 41000", 1, true), r.out)
    assert.truthy(r.out:find("STOP_MARKET 0.2 from 39000", 1, true), r.out)
    assert.are.equal(1, #r.json.open_positions)
    assert.are.equal(20, r.json.open_positions[1].unrealized)
    assert.are.equal(20, r.json.unrealized)
    assert.are.equal(2, #r.json.open_orders)
    said(r, "open")
    said(r, "open_orders")
    -- Of the trades it is the one that ended with the run: 20 less the fee of 8,000 * 0.05 %.
    assert.are.equal(1, #r.trades)
    local t = r.trades[1]
    assert.are.same({ "end", "20", "16" }, { t.exit_reason, t.unrealized, t.pnl })
    assert.are.equal("2024-01-01T00:05:00.000Z", t.exit_time_text)
    assert.are.same(0, r.json.trades)
    local open = 0
    for _, o in ipairs(r.orders) do
      if o.status == "NEW" then open = open + 1 end
    end
    assert.are.equal(2, open)
  end)

  it("counts orders that were refused before sending beside those that the exchange refused", function()
    local r = backtest(
      [[return { symbols = { "BTCUSDT" }, interval = "1m", on_bar = function(self, b)
        local function order(o)
          o.symbol, o.side = b.symbol, "BUY"
          local _, err = api.create_order(o)
          log.warn("refused: %s", err.kind)
        end
        order { type = "LIMIT", timeInForce = "GTC", price = 39000.05, quantity = 0.1 }
        order { type = "LIMIT", timeInForce = "GTC", price = 39000, quantity = 0.00001 }
        order { type = "LIMIT", timeInForce = "GTC", price = 39000, quantity = 0.00001 }
        order { quantity = 1 }
        order { type = "MARKET", quantity = 900 }
      end }]],
      { ["BTCUSDT-1m-2024-01.csv"] = flat(10, 40000) }
    )
    assert.are.equal(40, r.json.refused)
    assert.are.equal(10, r.json.refusals.PRICE_FILTER)
    assert.are.equal(20, r.json.refusals.LOT_SIZE)
    assert.are.equal(10, r.json.refusals["parameter missing"])
    assert.are.equal(10, r.json.rejected)
    said(r, "refused")
    -- The log says each of its two texts once, and at the end how often.
    local _, lines = r.err:gsub("WARN refused: invalid", "")
    assert.are.equal(1, lines)
    assert.truthy(r.err:find("39 more times: refused: invalid", 1, true), r.err)
    assert.are.equal(40, note(r, "log").figures.times)
  end)

  it("says which prices are off the tick and what that cost", function()
    local rows = {}
    for i = 1, 10 do
      local p = i <= 6 and 40000.07 or 40000
      rows[i] = { p, p, p, p }
    end
    local r = backtest(buys_once:format "2", { ["BTCUSDT-1m-2024-01.csv"] = rows })
    local n = said(r, "tick")
    assert.are.same({ 6, 10, 0.1 }, { n.figures.off_tick, n.figures.rows, n.figures.tick })
    -- Bought two at 40,000.10 where the data say 40,000.07.
    assert.is_near(0.06, n.figures.cost_a_fill, 1e-9)
    assert.is_nil(
      note(backtest(buys_once:format "2", { ["BTCUSDT-1m-2024-01.csv"] = flat(3, 40000) }), "tick")
    )
  end)

  local hourly = { step = 3600000 }
  for i = 1, 72 do
    hourly[i] = { 40000, 40000, 40000, 40000 }
  end
  local function rates(hours)
    local lines = { "calc_time,funding_interval_hours,last_funding_rate" }
    for _, h in ipairs(hours) do
      lines[#lines + 1] = ("%d,8,0.0001"):format(START + h * 3600000)
    end
    return table.concat(lines, "\n") .. "\n"
  end
  local all_rates = { 0, 8, 16, 24, 32, 40, 48, 56, 64 }

  it("shows funding as n/a where the rates are not there or end early", function()
    local hold = buys_once:gsub("1m", "1h"):format "0.1"
    local files = { ["BTCUSDT-1h-2024-01.csv"] = hourly }
    local r = backtest(hold, files)
    assert.are.equal(cjson.null, r.json.funding)
    assert.truthy(r.out:find "\n  funding +n/a\n", r.out)
    said(r, "funding")
    said(r, "mark")
    files["BTCUSDT-fundingRate-2024-01.csv"] = rates { 0, 8, 16, 24 }
    r = backtest(hold, files)
    assert.are.equal(cjson.null, r.json.funding)
    assert.is_near(-1.2, r.json.funding_booked, 1e-9) -- three payments of 4,000 * 0.01 %
    assert.truthy(said(r, "funding").text:find("to 2024-01-02 00:00", 1, true))
    files["BTCUSDT-fundingRate-2024-01.csv"] = rates(all_rates)
    r = backtest(hold, files)
    assert.is_nil(note(r, "funding"))
    assert.is_near(-3.2, r.json.funding, 1e-9)
    assert.are.equal("-3.2", r.trades[1].funding)
    files["BTCUSDT-fundingRate-2024-01.csv"] = rates { 0, 8, 48, 56, 64 }
    assert.truthy(said(backtest(hold, files), "funding").text:find("holes", 1, true))
  end)

  it("says which fills went beyond the volume of their bar, and which bars have none", function()
    local rows = flat(6, 40000, 3)
    rows[5][5] = 0
    local r = backtest(
      [[return { symbols = { "BTCUSDT" }, interval = "1m", on_bar = function(self, b)
        self.n = (self.n or 0) + 1
        if self.n > 2 then return end
        for _ = 1, self.n do
          assert(api.create_order { symbol = b.symbol, side = "BUY", type = "MARKET", quantity = 2 })
        end
      end }]],
      { ["BTCUSDT-1m-2024-01.csv"] = rows },
      { "--capital", "1000000" }
    )
    -- Two in the second bar fit; the third bar's first does, its second makes four of three.
    local n = said(r, "volume")
    assert.are.equal(1, n.figures.fills)
    assert.is_near(4 / 3, n.figures.largest, 1e-12)
    assert.is_near(1 / 3, n.figures.share, 1e-12)
    assert.are.equal(1, said(r, "no_volume").figures.bars)
  end)

  it("says where the symbols' bars do not cover the same time", function()
    local late = flat(3, 2000)
    late.start = START + 600000
    local both = [[return { symbols = { "BTCUSDT", "ETHUSDT" }, interval = "1m", on_bar = function() end }]]
    local r =
      backtest(both, { ["BTCUSDT-1m-2024-01.csv"] = flat(5, 40000), ["ETHUSDT-1m-2024-01.csv"] = late })
    local n = said(r, "periods")
    assert.truthy(n.text:find("never meet", 1, true), n.text)
    assert.are.equal(START + 600000, n.figures.ETHUSDT.from)
    r = backtest(
      both,
      { ["BTCUSDT-1m-2024-01.csv"] = flat(5, 40000), ["ETHUSDT-1m-2024-01.csv"] = flat(5, 2000) }
    )
    assert.is_nil(note(r, "periods"))
  end)
end)

describe("files of a result", function()
  it("are refused before the run when they cannot be written", function()
    local folder = run.folder()
    local script = run.write(
      folder .. "/s.lua",
      [[return { symbols = { "BTCUSDT" }, interval = "1m",
      on_start = function() print "it ran" end, on_bar = function() end }]]
    )
    for _, kind in ipairs { "json", "trades", "fills", "orders", "equity" } do
      for _, target in ipairs { "/proc/none.csv", folder, folder .. "/no/such/folder" } do
        local r = run.moontide { "backtest", script, "--synthetic", "1", "--bars", "2", "--" .. kind, target }
        assert.is_true(r.status == 1 or r.status == 2, kind .. target)
        assert.is_nil(r.out:find "it ran")
        assert.truthy(r.err:find("--" .. kind, 1, true), r.err)
      end
    end
    local same = folder .. "/one.csv"
    local r = run.moontide {
      "backtest",
      script,
      "--synthetic",
      "1",
      "--bars",
      "2",
      "--trades",
      same,
      "--fills",
      same,
    }
    assert.are.equal(2, r.status)
    assert.is_nil(r.out:find "it ran")
    run.remove(folder)
  end)

  it("counts money in the coin that the contracts are settled in, and no two coins as one", function()
    local rows =
      { { 20000, 20010, 19990, 20010 }, { 20010, 20020, 20000, 20020 }, { 20020, 20030, 20010, 20030 } }
    local once = [[
      local done
      return { interval = "1m", on_bar = function(_, b)
        if done then return end
        done = true
        api.create_order { symbol = b.symbol, side = "BUY", type = "MARKET", quantity = 0.01 }
        for _, r in ipairs(api.get_balance()) do print("holds", r.asset) end
      end }
    ]]
    local r = backtest(once, { ["BTCUSDC-1m-2024-01.csv"] = rows })
    assert.equal("USDC", r.json.coin)
    assert.truthy(r.out:find("holds\tUSDC", 1, true), r.out)
    assert.is_nil(r.out:find("USDT", 1, true), r.out)
    assert.is_nil(r.err:find("USDT", 1, true), r.err)
    local folder = run.folder()
    local path = run.write(folder .. "/script.lua", once)
    for _, name in ipairs { "BTCUSDC", "BTCUSDT" } do
      run.write(("%s/%s-1m-2024-01.csv"):format(folder, name), run.csv(rows, START))
    end
    local both = run.moontide { "backtest", path, "--data", folder }
    run.remove(folder)
    assert.equal(2, both.status)
    assert.truthy(both.err:find("a run counts its money in one coin", 1, true), both.err)
  end)
end)
