-- Accounts that hold several coins, as the exchange tells of them.
local ffi = require "ffi"
local C = require "spec.support.c"

local function account(assets, total)
  local symbols = ffi.new "struct symbol[1]"
  assert(C.symbol_rules_builtin("BTCUSDT", symbols[0]) == 0)
  local text = ([[{"totalWalletBalance":"%s","totalUnrealizedProfit":"1.5","assets":[%s],"positions":[]}]]):format(
    total,
    assets
  )
  local list = ffi.new("struct symbol_list", { symbols, 1 })
  local rows, count, is_list = ffi.new "void *[1]", ffi.new "int32_t[1]", ffi.new "bool[1]"
  local arena, e = ffi.new "struct arena", ffi.new "struct errmsg"
  local err = C.record_read_text(C.RECORD_ACCOUNT, text, #text, list, arena, rows, count, is_list, e)
  assert(err == 0, ffi.string(e.text))
  local a = ffi.cast("const struct account_record *", rows[0])
  local out =
    { wallet = tonumber(a.wallet_e8), usdt = tonumber(a.coin_wallet_e8), open = tonumber(a.unrealized_e8) }
  C.arena_free(arena)
  return out
end

local function coin(name, balance)
  return ([[{"asset":"%s","walletBalance":"%s","unrealizedProfit":"0.25","marginBalance":"%s"}]]):format(
    name,
    balance,
    balance
  )
end

describe("an account with several coins", function()
  it("has the USDT wallet of USDT, wherever it stands in the list", function()
    for _, list in ipairs {
      { coin("BNB", "3.0"), coin("USDC", "500.0"), coin("USDT", "120.5") },
      { coin("USDT", "120.5"), coin("BNB", "3.0") },
    } do
      assert.same(
        { wallet = 250000000000, usdt = 12050000000, open = 150000000 },
        account(table.concat(list, ","), "2500.0")
      )
    end
  end)

  it(
    "without USDT has none, and keeps its sums",
    function()
      assert.same(
        { wallet = 99900000000, usdt = 0, open = 150000000 },
        account(coin("USDC", "999.0"), "999.0")
      )
    end
  )
end)
