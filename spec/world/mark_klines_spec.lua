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
    assert.truthy(marked:find("funding goes by the mark prices", 1, true), marked)
  end)
end)
