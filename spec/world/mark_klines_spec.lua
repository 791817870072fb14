-- Klines of the mark price beside the bars of a backtest.
local run = require "spec.support.run"

local START = 1672531200000
local HOUR = 3600000

local SCRIPT = [[return { symbols = { "BTCUSDT" }, interval = "1h", on_bar = function(self, b)
  self.n = (self.n or 0) + 1
  if self.n == 1 then api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.1 } end
  if self.n == 20 then
    for _, row in ipairs(api.get_income { incomeType = "FUNDING_FEE" }) do print(row.income) end
  end
end }]]

local function income(marks)
  local folder = run.folder()
  local rows = {}
  for i = 1, 24 do
    rows[i] = { 20000, 20010, 19990, 20000 }
  end
  os.execute(("mkdir -p '%s/klines' '%s/markPriceKlines' '%s/fundingRate'"):format(folder, folder, folder))
  run.write(folder .. "/klines/BTCUSDT-1h-2023-01.csv", run.csv(rows, START, HOUR))
  run.write(
    folder .. "/fundingRate/BTCUSDT-fundingRate-2023-01.csv",
    ("calc_time,funding_interval_hours,last_funding_rate\n%d,8,0.0001\n%d,8,0.0002\n"):format(
      START + 8 * HOUR,
      START + 16 * HOUR
    )
  )
  if marks then
    run.write(folder .. "/markPriceKlines/BTCUSDT-8h-2023-01.csv", run.csv(marks, START, 8 * HOUR))
  end
  local r = run.moontide {
    "backtest",
    run.write(folder .. "/s.lua", SCRIPT),
    "--data",
    folder,
    "--json",
    "-",
  }
  run.remove(folder)
  assert.are.equal(0, r.status, r.err)
  return r.err
end

describe("mark-price klines beside the bars", function()
  it("value what funding is paid on, and leave the bars what they are", function()
    -- 0.1 of 20,000 at 0.01 % and 0.02 %.
    local plain = income(nil)
    assert.truthy(plain:find("-0.2\n-0.4\n", 1, true), plain)
    assert.truthy(plain:find("no mark prices in the data", 1, true), plain)
    -- The marks at 08:00 and 16:00 are 21,000 and 22,000: the opens of their klines.
    local marked = income {
      { 20500, 21000, 20500, 21000 },
      { 21000, 22000, 21000, 22000 },
      { 22000, 22000, 21500, 21900 },
    }
    assert.truthy(marked:find("-0.21\n-0.44\n", 1, true), marked)
    assert.falsy(marked:find("no mark prices in the data", 1, true), marked)
    assert.truthy(
      marked:find("funding goes by the mark prices of the data; as their klines of 8h are longer", 1, true),
      marked
    )
  end)

  local BARS = {
    { 20000, 20010, 19990, 20000 },
    { 20000, 20010, 19990, 20000 },
    { 20000, 20010, 15000, 20000 }, -- a wick
    { 20000, 20010, 19000, 20000 },
    { 20000, 20010, 19990, 20000 },
  }
  local MARKS = {
    { 20010, 20020, 20000, 20010 },
    { 20010, 20020, 20000, 20010 },
    { 20010, 20020, 19900, 20005 },
    { 20005, 20020, 19500, 20010 },
    { 20010, 20040, 20000, 20030 },
  }
  local function backtest(script, files, ...)
    local folder = run.folder()
    os.execute(
      ("mkdir -p '%s/klines' '%s/markPriceKlines' '%s/indexPriceKlines' '%s/premiumIndexKlines'"):format(
        folder,
        folder,
        folder,
        folder
      )
    )
    run.write(folder .. "/klines/BTCUSDT-1h-2023-01.csv", run.csv(BARS, START, HOUR))
    for name, text in pairs(files) do
      run.write(folder .. "/" .. name, text)
    end
    local r = run.moontide {
      "backtest",
      run.write(folder .. "/s.lua", script),
      "--data",
      folder,
      "--json",
      "-",
      ...,
    }
    run.remove(folder)
    assert.are.equal(0, r.status, r.err)
    return r.err, r.out
  end
  local MARKED = { ["markPriceKlines/BTCUSDT-1h-2023-01.csv"] = run.csv(MARKS, START, HOUR) }

  it("liquidate and trigger in a backtest, and value the account", function()
    local said = backtest(
      [[return { symbols = { "BTCUSDT" }, interval = "1h", on_bar = function(self, b)
      self.n = (self.n or 0) + 1
      if self.n == 1 then
        api.set_leverage { symbol = "BTCUSDT", leverage = 20 }
        api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.1 }
        api.create_order { symbol = "BTCUSDT", side = "SELL", type = "STOP_MARKET", closePosition = true,
          stopPrice = 19600, workingType = "MARK_PRICE" }
      end
      local mark = api.get_mark_price { symbol = "BTCUSDT" }
      print(self.n, self:position("BTCUSDT"), mark.markPrice, ("%.4f"):format(self:equity() - self:wallet()))
    end, on_fill = function(self, f) print("fill", f.side, f.price) end }]],
      MARKED,
      "--capital",
      "300",
      "--leverage",
      "20"
    )
    -- 300 less the fee of 1 are the margin: due at 17,078, which the wick to 15,000 passes and the mark price does not.
    assert.truthy(said:find("2\t0.1\t20010\t1.0000\n", 1, true), said)
    assert.truthy(said:find("3\t0.1\t20005\t0.5000\n", 1, true), said)
    -- The last price's low is 500 below the mark price's.
    assert.truthy(said:find("fill\tSELL\t19100\n", 1, true), said)
    assert.truthy(said:find("4\t0\t20010\t0.0000\n", 1, true), said)
    assert.truthy(said:find("triggers by MARK_PRICE go by the mark prices of the data\n", 1, true), said)
  end)

  it("are what get_mark_klines answers, closed ones and the forming one as far as it has come", function()
    local script = [[return { symbols = { "BTCUSDT" }, interval = "1h", on_bar = function(self, b)
      self.n = (self.n or 0) + 1
      if self.n == 3 then
        for _, k in ipairs(api.get_mark_klines { symbol = "BTCUSDT", interval = "1h" }) do
          print("mark", k.open, k.high, k.low, k.close)
        end
        for _, k in ipairs(api.get_index_klines { symbol = "BTCUSDT", interval = "1h" }) do
          print("index", k.open, k.high, k.low, k.close)
        end
        for _, k in ipairs(api.get_premium_klines { symbol = "BTCUSDT", interval = "1h" }) do
          print("premium", k.open, k.high, k.low, k.close)
        end
        api.sleep(1800)
        local rows = api.get_mark_klines { symbol = "BTCUSDT", interval = "1h" }
        local k, mark = rows[#rows], api.get_mark_price { symbol = "BTCUSDT" }
        print("forming", #rows, k.open, k.close == mark.markPrice, k.high <= 20020 and k.low >= 19500)
      end
    end }]]
    local files = {
      ["markPriceKlines/BTCUSDT-1h-2023-01.csv"] = run.csv(MARKS, START, HOUR),
      ["indexPriceKlines/BTCUSDT-1h-2023-01.csv"] = run.csv({
        { 20001, 20002, 20000, 20001 },
        { 20001, 20003, 20000, 20002 },
      }, START, HOUR),
      ["premiumIndexKlines/BTCUSDT-1h-2023-01.csv"] = run.csv({
        { -0.0001, 0.0002, -0.0003, -0.0002 },
        { -0.0002, 0, -0.0002, -0.0001 },
      }, START, HOUR),
    }
    local said = backtest(script, files)
    assert.truthy(
      said:find(
        "mark\t20010\t20020\t20000\t20010\nmark\t20010\t20020\t20000\t20010\nmark\t20010\t20020\t19900\t20005\n",
        1,
        true
      ),
      said
    )
    assert.truthy(
      said:find(
        "index\t20001\t20002\t20000\t20001\nindex\t20001\t20003\t20000\t20002\npremium\t-0.0001\t0.0002\t-0.0003\t-0.0002\npremium\t-0.0002\t0\t-0.0002\t-0.0001\n",
        1,
        true
      ),
      said
    )
    assert.truthy(said:find("forming\t4\t20005\ttrue\ttrue\n", 1, true), said)
  end)

  it(
    "of minutes make those of the hours beside the bars, and are not seen before the hour is over",
    function()
      local minutes = {}
      for i = 1, 5 * 60 do
        local at = 20010 + i % 7
        minutes[i] = { at, at + 1, at - 1, at }
      end
      minutes[125][3] = 19500 -- in the third hour
      local said = backtest(
        [[return { symbols = { "BTCUSDT" }, interval = "1h", on_bar = function(self, b)
      self.n = (self.n or 0) + 1
      if self.n == 2 then
        api.sleep(1800)
        local rows = api.get_mark_klines { symbol = "BTCUSDT", interval = "1m", limit = 1 }
        print("minute", (rows[1].open_time - 1672531200000) / 60000)
      elseif self.n == 3 then
        local rows = api.get_mark_klines { symbol = "BTCUSDT", interval = "1h", limit = 1 }
        print("hour", rows[1].open, rows[1].high, rows[1].low, rows[1].close)
      end
    end }]],
        { ["markPriceKlines/BTCUSDT-1m-2023-01.csv"] = run.csv(minutes, START, 60000) }
      )
      assert.truthy(said:find("hour\t20012\t20017\t19500\t20015\n", 1, true), said)
      assert.truthy(said:find("minute\t12", 1, true), said)
    end
  )
end)
