local run = require "spec.support.run"

-- With one symbol the world passes quiet bars without opening them; with two it opens every one. What a script that
-- trades the first alone earns must not depend on it.
describe("skipping quiet bars", function()
  for case in ("MARKET nearest, LIMIT nearest, STOP nearest, LIMIT random, STOP random"):gmatch "[^,]+" do
    local kind, path = case:match "(%S+) (%S+)"
    it("changes nothing: " .. kind .. ", path " .. path, function()
      local folder = run.folder()
      local script = run.write(
        folder .. "/s.lua",
        ([[
        local ta, kind, n = require "moontide.ta", %q, 0
        local fast, slow = ta.ema(30), ta.ema(90)
        return { symbols = { "BTCUSDT" }, interval = "1m", on_bar = function(self, bar)
          if bar.symbol ~= "BTCUSDT" then return end
          n = n + 1
          local f, s = fast(bar.close), slow(bar.close)
          if not s then return end
          local held = self:position("BTCUSDT")
          if kind == "LIMIT" and n %% 50 == 0 then
            api.cancel_all_orders{ symbol = "BTCUSDT" }
            api.create_order{ symbol = "BTCUSDT", side = held > 0 and "SELL" or "BUY", type = "LIMIT", quantity = 0.02,
              price = market.round_price("BTCUSDT", bar.close * (held > 0 and 1.002 or 0.998)) }
          elseif kind == "STOP" and n %% 50 == 0 then
            api.cancel_all_orders{ symbol = "BTCUSDT" }
            api.create_order{ symbol = "BTCUSDT", side = held > 0 and "SELL" or "BUY", type = "STOP_MARKET", quantity = 0.02,
              stopPrice = market.round_price("BTCUSDT", bar.close * (held > 0 and 0.998 or 1.002)) }
          elseif kind == "MARKET" then
            local delta = (f > s and 0.02 or -0.02) - held
            if math.abs(delta) > 1e-9 then
              api.create_order{ symbol = "BTCUSDT", side = delta > 0 and "BUY" or "SELL", type = "MARKET", quantity = math.abs(delta) }
            end
          end
        end }]]):format(kind)
      )
      local function result(...)
        local r = run.moontide {
          "backtest",
          script,
          "--synthetic",
          "9",
          "--bars",
          "20000",
          "--path",
          path,
          "--json",
          "-",
          ...,
        }
        assert.are.equal(0, r.status, r.err)
        return require("cjson").decode(r.out)
      end
      local alone = result()
      local both = result("--symbol", "BTCUSDT", "--symbol", "ETHUSDT")
      run.remove(folder)
      assert.is_true(alone.fills > 20)
      for _, key in ipairs { "fills", "orders", "fees", "final_equity", "max_drawdown" } do
        assert.are.equal(both[key], alone[key], key)
      end
      assert.are.equal(both.fingerprint.trades, alone.fingerprint.trades)
    end)
  end
end)
