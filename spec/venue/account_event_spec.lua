-- ACCOUNT_UPDATE with what the exchange puts into it: several assets, both sides of a hedge, symbols of other programs.
local ffi = require "ffi"
local C = require "spec.support.c"

local symbols = ffi.new "struct symbol[2]"
assert(
  C.symbol_rules_builtin("BTCUSDT", symbols[0]) == 0 and C.symbol_rules_builtin("ETHUSDT", symbols[1]) == 0
)

local function read(body)
  local text = ('{"e":"ACCOUNT_UPDATE","E":1700000000123,"T":1700000000120,"a":%s}'):format(body)
  local j, arena = ffi.new "struct json", ffi.new "struct arena"
  local list = ffi.new("struct symbol_list", { symbols, 2 })
  assert(C.json_parse(j, text, #text) == 0)
  local out = ffi.new "struct live_account_event"
  C.account_event_read(j, list, arena, out)
  local lines = {}
  for i = 0, out.count - 1 do
    local u = out.rows[i]
    assert.equal(1700000000123000, tonumber(u.event_us))
    assert.equal(1700000000120000, tonumber(u.transaction_us))
    lines[#lines + 1] = ("%d %s %g @%g wallet %g %+g %s"):format(
      u.symbol,
      ffi.string(C.position_side_names[u.position_side]),
      tonumber(u.amount_e8) / 1e8,
      tonumber(u.entry_price_e8) / 1e8,
      tonumber(u.wallet_e8) / 1e8,
      tonumber(u.balance_change_e8) / 1e8,
      ffi.string(C.account_reason_names[u.reason])
    )
  end
  C.json_free(j)
  C.arena_free(arena)
  return lines, out.wallet_known
end

local function position(symbol, side, amount)
  return ('{"s":"%s","pa":"%s","ep":"100","bep":"101","cr":"2","up":"-1","mt":"cross","iw":"0","ps":"%s","ma":"USDT"}'):format(
    symbol,
    amount,
    side
  )
end

describe("a change of the account", function()
  it("has no time when it bears one that cannot be", function()
    local text =
      '{"e":"ACCOUNT_UPDATE","E":170000000000042000,"T":-9223372036854775808,"a":{"m":"ORDER","P":[{"s":"XRPUSDT"}]}}'
    local j, arena = ffi.new "struct json", ffi.new "struct arena"
    local out = ffi.new "struct live_account_event"
    assert(C.json_parse(j, text, #text) == 0)
    C.account_event_read(j, ffi.new("struct symbol_list", { symbols, 2 }), arena, out)
    assert.same(
      { 1, 0, 0 },
      { out.count, tonumber(out.rows[0].event_us), tonumber(out.rows[0].transaction_us) }
    )
    C.json_free(j)
    C.arena_free(arena)
  end)

  it("tells each position; both sides of a hedge", function()
    local lines, known = read(
      '{"m":"ORDER","B":[{"a":"USDT","wb":"500.5","cw":"400","bc":"0"}],"P":['
        .. position("BTCUSDT", "BOTH", "0")
        .. ","
        .. position("BTCUSDT", "LONG", "0.25")
        .. ","
        .. position("ETHUSDT", "SHORT", "-3")
        .. "]}"
    )
    assert.is_true(known)
    assert.same({
      "0 BOTH 0 @100 wallet 500.5 +0 ORDER",
      "0 LONG 0.25 @100 wallet 500.5 +0 ORDER",
      "1 SHORT -3 @100 wallet 500.5 +0 ORDER",
    }, lines)
  end)

  it("takes the wallet from USDT alone, wherever it stands; without it the wallet is not told", function()
    local lines, known = read(
      '{"m":"ORDER","B":[{"a":"BNB","wb":"7","cw":"7","bc":"0"},{"a":"USDT","wb":"90","cw":"90","bc":"0"}],"P":['
        .. position("BTCUSDT", "BOTH", "1")
        .. "]}"
    )
    assert.is_true(known)
    assert.same({ "0 BOTH 1 @100 wallet 90 +0 ORDER" }, lines)
    lines, known = read('{"m":"ORDER","B":[{"a":"BNB","wb":"7","cw":"7","bc":"0"}],"P":[]}')
    assert.is_false(known)
    assert.same({ "-1 BOTH 0 @0 wallet 0 +0 ORDER" }, lines)
    lines, known = read('{"m":"MARGIN_TYPE_CHANGE","B":[],"P":[' .. position("ETHUSDT", "BOTH", "2") .. "]}")
    assert.is_false(known)
    assert.same({ "1 BOTH 2 @100 wallet 0 +0 ORDER" }, lines)
  end)

  it("leaves symbols of other programs out, and keeps what else it tells; funding has no position", function()
    local lines, known = read(
      '{"m":"ORDER","B":[{"a":"USDT","wb":"80","cw":"80","bc":"0"}],"P":['
        .. position("NOSUCH", "BOTH", "1")
        .. ","
        .. position("ETHUSDT", "BOTH", "2")
        .. "]}"
    )
    assert.is_true(known)
    assert.same({ "1 BOTH 2 @100 wallet 80 +0 ORDER" }, lines)
    lines = read(
      '{"m":"ORDER","B":[{"a":"USDT","wb":"80","cw":"80","bc":"0"}],"P":['
        .. position("NOSUCH", "BOTH", "1")
        .. "]}"
    )
    assert.same({ "-1 BOTH 0 @0 wallet 80 +0 ORDER" }, lines)
    lines = read '{"m":"FUNDING_FEE","B":[{"a":"USDT","wb":"79","cw":"79","bc":"-1"}],"P":[]}'
    assert.same({ "-1 BOTH 0 @0 wallet 79 -1 FUNDING_FEE" }, lines)
  end)
end)
