-- Symbols whose bars begin after those of others, or end before them: what names one is answered at once.
local run = require "spec.support.run"

local START = 1672531200000
local MINUTE = 60000

local function flat(count)
  local rows = {}
  for i = 1, count do
    rows[i] = { 100 + i % 2, 102, 99, 100 + i % 2 }
  end
  return rows
end

-- BTCUSDT trades for 300 minutes; SOLUSDT from minute `from` for `count` of them.
local function printed(script, from, count, ...)
  local folder = run.folder()
  local arguments = {
    "backtest",
    run.write(folder .. "/s.lua", script),
    "--data",
    run.write(folder .. "/BTCUSDT-1m-x.csv", run.csv(flat(300), START)),
    "--data",
    run.write(folder .. "/SOLUSDT-1m-x.csv", run.csv(flat(count), START + from * MINUTE)),
    "--path",
    "ohlc",
  }
  for _, a in ipairs { ... } do
    arguments[#arguments + 1] = a
  end
  local r = run.moontide(arguments)
  run.remove(folder)
  assert.are.equal(0, r.status, r.err)
  return r
end

local HEAD = [[
local START = 1672531200000
local function late(b) return math.floor((api.now() - b.close_time) / 60000) end
local function code(ok, err) return ok and "taken" or tostring(err.code) end
local function order(symbol, o)
  o.symbol, o.side, o.quantity = symbol, o.side or "BUY", o.quantity or 10
  return code(api.create_order(o))
end
]]

describe("a symbol that is not listed yet", function()
  local script = HEAD
    .. [[
return { symbols = { "BTCUSDT", "SOLUSDT" }, interval = "1m", on_bar = function(self, b)
  self.late = math.max(self.late or 0, late(b))
  if b.symbol ~= "BTCUSDT" then return end
  self.n = (self.n or 0) + 1
  if self.n == 50 then
    print(order("SOLUSDT", { type = "MARKET" }), order("SOLUSDT", { type = "LIMIT", price = 90, timeInForce = "GTC" }),
      order("SOLUSDT", { type = "LIMIT", price = 90, timeInForce = "FOK" }),
      order("SOLUSDT", { type = "STOP_MARKET", triggerPrice = 120 }),
      order("SOLUSDT", { type = "TRAILING_STOP_MARKET", callbackRate = 1, side = "SELL" }))
    print(code(api.get_ticker_price { symbol = "SOLUSDT" }), code(api.get_order_book { symbol = "SOLUSDT" }),
      code(api.get_mark_price { symbol = "SOLUSDT" }), #api.get_ticker_price {})
    print(code(api.set_leverage { symbol = "SOLUSDT", leverage = 3 }), #api.get_klines { symbol = "SOLUSDT", interval = "1m" })
    print(math.floor((api.now() - START) / 60000))
  elseif self.n == 150 then
    print(order("SOLUSDT", { type = "MARKET" }), #api.get_ticker_price {})
  end
end, on_stop = function(self) print(self.n, self.late) end }]]

  it("is refused with -1121 at once, and taken from its first bar on", function()
    local r = printed(script, 100, 200, "--quiet", "--json", "-")
    assert.are.equal(
      "-1121\t-1121\t-1121\t-1121\t-1121\n-1121\t-1121\t-1121\t1\ntaken\t0\n49\ntaken\t2\n300\t0\n",
      r.err
    )
  end)

  it("is refused as well when requests take their time", function()
    local r = printed(script, 100, 200, "--quiet", "--json", "-", "--latency", "200")
    assert.truthy(r.err:find("-1121\t-1121\t-1121\t-1121\t-1121\n", 1, true), r.err)
    assert.truthy(r.err:find("300\t0\n", 1, true), r.err)
  end)
end)

describe("a symbol whose bars have ended", function()
  local script = HEAD
    .. [[
return { symbols = { "BTCUSDT", "SOLUSDT" }, interval = "1m",
on_order = function(self, o) if o.status == "EXPIRED" then print("expired", o.symbol, o.type) end end,
on_bar = function(self, b)
  self.late = math.max(self.late or 0, late(b))
  if b.symbol ~= "BTCUSDT" then return end
  self.n = (self.n or 0) + 1
  if self.n == 50 then
    order("SOLUSDT", { type = "MARKET" })
    order("SOLUSDT", { type = "LIMIT", price = 90, timeInForce = "GTC" })
    order("SOLUSDT", { type = "STOP_MARKET", triggerPrice = 80, side = "SELL" })
    order("BTCUSDT", { type = "LIMIT", price = 3000, timeInForce = "GTC", side = "SELL", quantity = 1 })
  elseif self.n == 120 then
    print(order("SOLUSDT", { type = "MARKET", side = "SELL" }), order("SOLUSDT", { type = "STOP_MARKET", triggerPrice = 80, side = "SELL" }))
    print(#api.get_open_orders { symbol = "SOLUSDT" }, #api.get_open_orders { symbol = "BTCUSDT" })
    print(self:position "SOLUSDT", code(api.get_ticker_price { symbol = "SOLUSDT" }))
    print(order("BTCUSDT", { type = "MARKET", quantity = 1 }))
  end
end, on_stop = function(self) print(self.n, self.late) end }]]

  it(
    "takes no order any more; what rests on it expires, and its position is kept at its last price",
    function()
      local r = printed(script, 0, 100, "--json", "-")
      assert.truthy(r.err:find("expired\tSOLUSDT\tLIMIT\n", 1, true), r.err)
      assert.truthy(r.err:find("-4108\t-4108\n0\t1\n10\ttaken\ntaken\n300\t0\n", 1, true), r.err)
      -- Bought at 101, the open of the 51st minute; the last close is 100.
      local at =
        "LONG 10 SOLUSDT is still open at the end, unrealised -10.00 USDT: its bars end at 2023-01-01T01:40"
      assert.truthy(r.err:find(at, 1, true), r.err)
    end
  )

  it("is any symbol but those that last as long as the run", function()
    local r = printed(script, 0, 300, "--json", "-")
    assert.falsy(r.err:find("-4108", 1, true), r.err)
    assert.falsy(r.err:find("its bars end", 1, true), r.err)
  end)
end)
