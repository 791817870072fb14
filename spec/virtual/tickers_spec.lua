-- Market data of a live run that is not of its own symbols, in virtual time.
local virtual = require "spec.support.virtual_live"

describe("lists of all symbols in a live run", function()
  it("hand on every symbol that the exchange answered", function()
    local tickers, prices, books, marks
    local v = virtual.run {
      exchange = { others = { "ETHUSDT", "SOLUSDT" } },
      script = function(_, api)
        tickers, prices = assert(api.get_ticker_24h {}), assert(api.get_ticker_price {})
        books, marks = assert(api.get_book_ticker {}), assert(api.get_mark_price {})
      end,
    }
    assert.is_nil(v.failure, v.failure)
    for _, list in ipairs { tickers, prices, books, marks } do
      local names = {}
      for i, row in ipairs(list) do
        names[i] = row.symbol
      end
      table.sort(names)
      assert.are.same({ "BTCUSDT", "ETHUSDT", "SOLUSDT" }, names)
    end
    for _, row in ipairs(prices) do
      if row.symbol == "ETHUSDT" then assert.is_true(row.price > 1000 and row.price < 10000) end
    end
  end)

  it("are of one symbol when one is asked for", function()
    local one
    local v = virtual.run {
      exchange = { others = { "ETHUSDT" } },
      script = function(_, api) one = assert(api.get_ticker_24h { symbol = "BTCUSDT" }) end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.are.equal("BTCUSDT", one.symbol)
  end)
end)
