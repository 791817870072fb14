-- What a saved exchange may say: every field at its bound and one step beyond it. The file is taken apart by the form of
-- base/saved.h, one value in it changed, and sealed again.
local ffi = require "ffi"
local bit = require "bit"
local C = require "spec.support.c"
local exchange = require "spec.support.exchange"
local saved = require "spec.support.saved"

ffi.cdef "void free(void *);"

local MAGIC, VERSION, HEAD = "moontide account", 3, 32
local ACCOUNT, MARKET, ORDER, ALGO, FILL, INCOME = 1, 2, 3, 4, 5, 6
local e8 = exchange.e8
local int64 = function(v) return ffi.cast("int64_t", v) end
local E18 = int64(1000000000) * 1000000000

-- ---- the form ----

local function varint(v)
  v = ffi.cast("uint64_t", v)
  local out = {}
  while v >= 128 do
    out[#out + 1] = string.char(tonumber(v % 128) + 128)
    v = v / 128
  end
  return table.concat(out) .. string.char(tonumber(v))
end
local function zigzag(v)
  v = int64(v)
  return ffi.cast("uint64_t", bit.bxor(bit.lshift(v, 1), bit.arshift(v, 63)))
end
local function read_varint(bytes, at)
  local v, shift = 0ULL, 0
  while true do
    local b = bytes:byte(at)
    v = v + bit.lshift(ffi.cast("uint64_t", b % 128), shift)
    at, shift = at + 1, shift + 7
    if b < 128 then return v, at end
  end
end

-- A record as its fields in order: { tag, wire, value } where value is the varint or the bytes.
local function fields_of(bytes)
  local out, at = {}, 1
  while at <= #bytes do
    local key, value
    key, at = read_varint(bytes, at)
    local tag, wire = tonumber(key) / 4, tonumber(key) % 4
    tag = math.floor(tag)
    value, at = read_varint(bytes, at)
    if wire == 2 then
      local size = tonumber(value)
      value, at = bytes:sub(at, at + size - 1), at + size
    end
    out[#out + 1] = { tag, wire, value }
  end
  return out
end
local function bytes_of_fields(fields)
  local out = {}
  for i, f in ipairs(fields) do
    out[i] = varint(f[1] * 4 + f[2]) .. (f[2] == 2 and varint(#f[3]) .. f[3] or varint(f[3]))
  end
  return table.concat(out)
end

-- Parts of a list of structs: each with its length before it.
local function parts_of(bytes)
  local out, at = {}, 1
  while at <= #bytes do
    local size
    size, at = read_varint(bytes, at)
    out[#out + 1], at = bytes:sub(at, at + tonumber(size) - 1), at + tonumber(size)
  end
  return out
end
local function bytes_of_parts(parts)
  local out = {}
  for i, part in ipairs(parts) do
    out[i] = varint(#part) .. part
  end
  return table.concat(out)
end

-- `path` goes down by tags; { tag, n } means the n-th of that tag, and "part n" the n-th struct of a list.
local function changed(bytes, path, value, depth)
  depth = depth or 1
  local step = path[depth]
  if type(step) == "string" then
    local parts = parts_of(bytes)
    for k = #parts + 1, 3 do
      parts[k] = "" -- of the three sides
    end
    local n = tonumber(step:match "%d+")
    parts[n] = changed(parts[n], path, value, depth + 1)
    return bytes_of_parts(parts)
  end
  local tag, n = type(step) == "table" and step[1] or step, type(step) == "table" and step[2] or 1
  local fields, seen, place = fields_of(bytes), 0, nil
  for i, f in ipairs(fields) do
    if f[1] == tag then
      seen = seen + 1
      if seen == n then place = i end
    end
  end
  local last = depth == #path
  if not place then -- a field at its preset is not written: it goes where its tag belongs
    place = 1
    while fields[place] and fields[place][1] < tag do
      place = place + 1
    end
    table.insert(fields, place, { tag, 2, "" })
  end
  if last then
    fields[place][2] = type(value) == "string" and 2 or 0
    fields[place][3] = type(value) == "string" and value or zigzag(value)
  else
    fields[place][3] = changed(fields[place][3], path, value, depth + 1)
  end
  return bytes_of_fields(fields)
end

-- 128 bits, little-endian, as two halves.
local function wide(low, high)
  local halves = ffi.new("int64_t[2]", low, high or (low < 0 and -1 or 0))
  return ffi.string(halves, 16)
end
-- v * 1e8 as 128 bits, by halves of 32 bits; v is not negative.
local function times_e8(v)
  local upper = ffi.cast("uint64_t", bit.rshift(v, 32)) * 100000000
  local lower = ffi.cast("uint64_t", bit.band(v, 0xffffffffLL)) * 100000000
  local low = bit.lshift(upper, 32) + lower
  local high = bit.rshift(upper, 32) + (low < lower and 1 or 0)
  return wide(ffi.cast("int64_t", low), ffi.cast("int64_t", high))
end

-- ---- the exchange ----

local function mirrored(options)
  local x = exchange.new(options or { wallet = 100000 })
  for symbol, price in pairs { [0] = 60000, [1] = 3000 } do
    C.mirror_open(x.x, symbol, e8(price), x.now)
    C.mirror_mark(x.x, symbol, e8(price), 0, 0, x.now)
    local levels = ffi.new("struct level_record[2]")
    levels[0].price_e8, levels[0].qty_e8 = e8(price - 1), e8(5)
    levels[1].price_e8, levels[1].qty_e8 = e8(price + 1), e8(5)
    C.mirror_depth(x.x, symbol, levels, 1, levels + 1, 1, x.now)
  end
  return x
end

describe("a saved exchange", function()
  local x, bytes

  -- Orders: 1 filled (a long of 0.1), 2 resting, 3 cancelled, 4 of the conditional order that fired; conditional orders: 1 open,
  -- 2 cancelled; symbol 2 without a position.
  setup(function()
    x = mirrored()
    x:market("SIDE_BUY", 0.1)
    x:limit("SIDE_BUY", 0.2, 59000, { client_id = "rests" })
    local gone = x:limit("SIDE_BUY", 0.2, 58000).row
    x:call("EP_ORDER_CANCEL", { order_id = gone.order_id })
    x:algo {
      side = "SIDE_SELL",
      type = "ORDER_STOP_MARKET",
      quantity = 0.05,
      stop_price = 50000,
      client_id = "waits",
    }
    local algo =
      x:algo { side = "SIDE_SELL", type = "ORDER_STOP_MARKET", quantity = 0.05, stop_price = 51000 }.row
    x:call("EP_ALGO_CANCEL", { algo_id = algo.algo_id })
    local size = ffi.new "size_t[1]"
    local memory = C.snapshot_save(x.x, size)
    bytes = ffi.string(memory, size[0])
    ffi.C.free(memory)
  end)
  teardown(function() x:close() end)

  local function read(text)
    local out, why = ffi.new "struct snapshot *[1]", ffi.new "struct errmsg"
    local err = C.snapshot_read(text, #text, C.exchange_symbol(x.x, 0), 2, out, why)
    if err ~= 0 then return ffi.string(why.text) end
    C.snapshot_free(out[0])
    return "good"
  end
  local function with(...)
    local body = bytes:sub(HEAD + 1)
    for i = 1, select("#", ...), 2 do
      local path, value = select(i, ...)
      body = changed(body, path, value)
    end
    return read(saved.sealed(bytes:sub(1, HEAD) .. body, MAGIC, VERSION))
  end

  it("is read when nothing is changed in it", function()
    assert.equal("good", read(bytes))
    assert.equal("good", with())
    assert.equal("good", with({ ACCOUNT, 1 }, e8(100000)))
  end)

  -- { what, path, values that are good, values that are not }: a value alone is a change of that field.
  local function check(rows, said)
    for _, row in ipairs(rows) do
      local what, path, good, damaged = unpack(row)
      for _, value in ipairs(good) do
        assert.equal("good", with(path, value), what .. " " .. tostring(value))
      end
      for _, value in ipairs(damaged) do
        local why = with(path, value)
        assert.truthy(
          why:find("damaged: " .. said, 1, true),
          ("%s %s: %s"):format(what, tostring(value), why)
        )
      end
    end
  end
  local far = int64(0x7fffffffffffffffLL) / 2
  local later = int64(100000000000000000LL)

  it("has sums that agree and stay within their bounds", function()
    local T = function(tag) return { ACCOUNT, 6, tag } end
    local totals = C.exchange_totals(x.x)
    local fills = int64(totals.fills)
    local begun = e8(100000)
    local money = 4 * E18
    check({
      { "wallet", { ACCOUNT, 1 }, { 0, money / 2 }, { money + 1, -money - 1 } },
      { "isolated", { ACCOUNT, 2 }, { 0 }, { 1, -1 } },
      { "first id", { ACCOUNT, 3 }, {}, { 0, -1, far } },
      { "orders", T(1), { 0, far - 1 }, { -1, far } },
      { "fills", T(2), { fills }, { fills + 1, fills - 1 } },
      { "liquidations", T(3), { 0, far - 1 }, { -1, far } },
      { "rejected", T(4), { 0, far - 1 }, { -1, far } },
      { "cancelled", T(5), { 0, far - 1 }, { -1, far } },
      { "expired", T(6), { 0, far - 1 }, { -1, far } },
      { "fees", T(7), {}, { totals.fees_e8 + 1, totals.fees_e8 - 1, 0 } },
      { "maker fees", T(8), {}, { totals.maker_fees_e8 + 1 } },
      { "funding", T(10), { 0, money / 2, -money / 2 }, { money + 1, -money - 1 } },
      { "realized", T(11), { 0, money / 2, -money / 2 }, { money + 1, -money - 1 } },
      { "insurance", T(12), { 0, money / 2 }, { money + 1, -money - 1 } },
      { "notional", T(13), { 0, E18 }, { -1 } },
      { "refused by limits", T(14), { 0, far - 1 }, { -1, far } },
      { "maker fills", T(15), { 0, fills }, { -1, fills + 1 } },
      { "fills inside bars", T(16), { 0, fills }, { -1, fills + 1 } },
      { "realized inside bars", T(17), { money, -money }, { money + 1, -money - 1 } },
    }, "the sums")
    -- What it began with: wallet - realized + fees - funding - insurance.
    local wallet = ffi.cast("int64_t", C.exchange_wallet_e8(x.x))
    assert.is_true(wallet + totals.fees_e8 == begun)
    for _, tag in ipairs { 10, 11, 12 } do
      assert.equal("good", with(T(tag), begun - money))
      assert.truthy(with(T(tag), begun - money - 1):find "the sums")
    end
    assert.equal("good", with({ ACCOUNT, 1 }, money, T(11), money))
    assert.truthy(with({ ACCOUNT, 1 }, money, T(11), -money):find "the sums")
    assert.equal("good", with(T(8), E18, T(9), -E18, T(7), 0))
    assert.truthy(with(T(8), E18 + 1, T(9), -E18 - 1, T(7), 0):find "the sums")
    assert.truthy(with(T(9), E18 + 1, T(8), -E18 - 1, T(7), 0):find "the sums")
  end)

  it("has markets and positions that can be", function()
    local function M(tag) return { { MARKET, 1 }, tag } end
    local function P(tag) return { { MARKET, 1 }, 7, "part 1", tag } end
    local function flat(tag) return { { MARKET, 2 }, 7, "part 1", tag } end
    local s = C.exchange_symbol(x.x, 0)
    local cost, twice = times_e8(int64(600010000000)), times_e8(int64(1200020000000)) -- 0.1 at 60001
    check({
      {
        "last price",
        M(2),
        { 0, s.tick_e8, s.price_max_e8 },
        { -1, s.tick_e8 - 1, s.price_max_e8 + 1, E18 + 1 },
      },
      { "trades", M(3), { 0, far - 1 }, { -1, far } },
      { "notional", M(4), { 0, far - 1 }, { -1, far } },
      { "amount", P(1), { 10000001, 9999999 }, { 0, -10000000, E18 + 1, -E18 - 1 } },
      {
        "cost",
        P(2),
        { wide(0), cost, twice },
        { wide(-10000000), wide(0, 0x7fffffffffffffffLL), wide(0, -0x7fffffffffffffffLL) },
      },
      { "realized", P(4), { E18, -E18 }, { E18 + 1, -E18 - 1 } },
      { "costs", P(5), { E18, -E18 }, { E18 + 1, -E18 - 1 } },
      { "time", P(6), { 0, later }, { -1, later + 1 } },
    }, "market 1")
    check({
      { "cost of nothing", flat(2), { wide(0) }, { wide(1), wide(-1) } },
      { "isolated margin of nothing", flat(3), {}, { 1, -1 } },
      { "realized", flat(4), { E18 }, { E18 + 1 } },
    }, "market 2")
    -- The entry price is cost / amount, at most ten billion.
    assert.equal("good", with(P(1), 1, P(2), times_e8(int64(10000000000))))
    assert.equal("good", with(P(1), 1, P(2), wide(E18)))
    assert.truthy(with(P(1), 1, P(2), wide(E18 + 1)):find "market 1")
    assert.equal("good", with(P(1), -1, P(2), wide(-E18)))
    assert.truthy(with(P(1), -1, P(2), wide(1)):find "market 1")
    -- All positions together are worth ten billion at most.
    local most = int64(166666) * 100000000 + 66666666
    assert.equal("good", with(P(1), most, P(2), wide(0)))
    assert.truthy(with(P(1), most + 100000000, P(2), wide(0)):find "market 1")
    -- A side of hedge mode, and one-way mode, exclude each other; a long is bought and a short is sold.
    local function side(n, tag) return { { MARKET, 1 }, 7, "part " .. n, tag } end
    assert.truthy(with(side(2, 1), 1):find "market 1")
    local dual = { ACCOUNT, 4 }
    assert.truthy(with(dual, 1):find "market 1")
    local function hedged(n, amount)
      return with(
        dual,
        1,
        P(1),
        0,
        P(2),
        wide(0),
        side(n, 1),
        amount,
        { { ORDER, 2 }, 3 },
        0,
        { { ORDER, 2 }, 1, 16 },
        3,
        { { ALGO, 1 }, 3 },
        0,
        { { ALGO, 1 }, 1, 15 },
        1
      )
    end
    assert.equal("good", hedged(2, 1))
    assert.equal("good", hedged(3, -1))
    assert.truthy(hedged(2, -1):find "market 1")
    assert.truthy(hedged(3, 1):find "market 1")
    -- Isolated margin is part of the account's.
    assert.truthy(with(P(3), 5):find "the sums")
    assert.equal("good", with(P(3), 5, { ACCOUNT, 2 }, 5))
    assert.truthy(with(P(3), -5, { ACCOUNT, 2 }, -5):find "market 1")
    assert.equal("good", with(P(3), E18, { ACCOUNT, 2 }, E18))
    assert.truthy(with(P(3), E18 + 1, { ACCOUNT, 2 }, E18 + 1):find "market 1")
    -- Two markets of one name.
    assert.truthy(with({ { MARKET, 2 }, 1 }, "BTCUSDT"):find "market 2")
    assert.truthy(with({ { MARKET, 2 }, 1 }, "NONSUCH"):find("NONSUCH", 1, true))
  end)

  it("has orders that can be", function()
    local function O(n, tag) return { { ORDER, n }, 1, tag } end
    local function own(n, tag) return { { ORDER, n }, tag } end
    local function id(n)
      return ffi.cast("int64_t", C.exchange_order_at(x.x, n - 1, ffi.new "bool[1]").order_id)
    end
    -- 1 is filled, 2 rests, 3 is cancelled.
    check({
      { "id", O(2, 1), { id(2) }, { id(2) + 1, id(2) - 1 } },
      { "price", O(2, 2), { 1, e8(59000) }, { 0, -1, E18 + 1 } },
      { "average price", O(2, 3), { 0, E18 }, { -1, E18 + 1 } },
      { "quantity", O(2, 4), { 1 }, { 0, -1, E18 + 1 } },
      { "executed", O(2, 5), { 0, 19999999 }, { -1, 20000000, 20000001 } },
      { "quote", O(2, 6), { 0, E18 }, { -1, E18 + 1 } },
      { "stop price", O(2, 7), { 0, E18 }, { -1, E18 + 1 } },
      { "activation", O(2, 8), { E18, -E18 }, { E18 + 1, -E18 - 1 } },
      { "callback", O(2, 9), { E18, -E18 }, { E18 + 1, -E18 - 1 } },
      { "good till", O(2, 10), { 0, later }, { -1, later + 1 } },
      { "time", O(2, 11), { 0, later }, { -1, later + 1 } },
      { "update", O(2, 12), { 0, later }, { -1, later + 1 } },
      { "client id", O(2, 14), { "x" }, { "" } },
      { "symbol", O(2, 15), { 1 }, { -1 } },
      {
        "status",
        O(2, 16),
        { C.STATUS_NEW, C.STATUS_PARTIALLY_FILLED },
        { C.STATUS_CANCELED, C.STATUS_EXPIRED, C.STATUS_FILLED },
      },
      { "type", O(2, 18), { C.ORDER_LIMIT }, { C.ORDER_MARKET, C.ORDER_STOP } },
      { "position side", O(2, 21), { 0 }, { 1, 2 } },
      { "conditional order", own(2, 2), { -1, 1 }, { 0, 2 } },
      { "place", own(2, 3), { 2 }, { 0, 1 } },
      { "hidden", own(2, 5), { 0 }, { 1 } },
    }, "order 2")
    check({
      { "executed of a filled one", O(1, 5), { 10000000 }, { 9999999, 10000001, 0 } },
      {
        "status",
        O(1, 16),
        { C.STATUS_FILLED, C.STATUS_CANCELED },
        { C.STATUS_NEW, C.STATUS_PARTIALLY_FILLED },
      },
      { "place", own(1, 3), { 0 }, { 1, 2 } },
    }, "order 1")
    check({ { "executed of a cancelled one", O(3, 5), { 0, 20000000 }, { 20000001 } } }, "order 3")
    -- What rests is worth ten billion at most: 0.2 at 5e10 would be just that.
    assert.equal("good", with(O(2, 2), 1000000000000, O(2, 4), E18 / 10000))
    assert.truthy(with(O(2, 2), E18, O(2, 4), 100000001):find "order 2")
    assert.equal("good", with(O(2, 2), E18, O(2, 4), 100000000))
    -- Two of one account that meet.
    local function two(side, price)
      return with(O(3, 16), 0, own(3, 3), 2, O(3, 20), side, O(3, 2), price, O(3, 14), "other")
    end
    assert.equal("good", two(C.SIDE_SELL, e8(59000) + 1))
    assert.truthy(two(C.SIDE_SELL, e8(59000)):find "order 3")
    assert.equal("good", two(C.SIDE_BUY, e8(59000)))
    assert.equal("good", two(C.SIDE_BUY, e8(60000)))
  end)

  it("has conditional orders that can be", function()
    local function A(n, tag) return { { ALGO, n }, 1, tag } end
    local function own(n, tag) return { { ALGO, n }, tag } end
    local first = ffi.cast("int64_t", C.exchange_algo_at(x.x, 0).algo_id)
    local order = ffi.cast("int64_t", C.exchange_order_at(x.x, 0, ffi.new "bool[1]").order_id)
    check({
      { "id", A(1, 1), { first }, { first + 1, 0 } },
      { "made order", A(1, 2), { 0, order, order + 2 }, { order - 1, order + 3, -1 } },
      { "quantity", A(1, 3), { 0, 1000000 }, { -1, E18 + 1 } },
      { "trigger price", A(1, 4), { 0, e8(70000) }, { -1, E18 + 1 } },
      { "price", A(1, 5), { 0, e8(70000) }, { -1, E18 + 1 } },
      { "activation", A(1, 6), { 0, E18 }, { -1, E18 + 1 } },
      { "callback", A(1, 7), { 0, E18 }, { -1, E18 + 1 } },
      { "price it got", A(1, 8), { 0, E18 }, { -1, E18 + 1 } },
      { "created", A(1, 9), { 0, later }, { -1, later + 1 } },
      { "updated", A(1, 10), { 0, later }, { -1, later + 1 } },
      { "triggered", A(1, 11), { 0, later }, { -1, later + 1 } },
      { "good till", A(1, 12), { 0, later }, { -1, later + 1 } },
      { "client id", A(1, 13), { "x" }, { "" } },
      { "symbol", A(1, 14), { 1 }, { -1 } },
      { "status", A(1, 15), { C.ALGO_NEW }, { C.ALGO_CANCELED, C.ALGO_FINISHED } },
      {
        "type",
        A(1, 17),
        { C.ORDER_STOP, C.ORDER_TRAILING_STOP_MARKET, C.ORDER_TAKE_PROFIT },
        { C.ORDER_LIMIT, C.ORDER_MARKET, C.ORDER_LIQUIDATION },
      },
      { "position side", A(1, 19), { 0 }, { 1, 2 } },
      { "extreme", own(1, 2), { 0, E18 }, { -1, E18 + 1 } },
      { "open", own(1, 3), { 1 }, { 0 } },
    }, "conditional order 1")
    check({
      { "position side of one that has ended", A(2, 19), { 0, 1, 2 }, {} },
      { "open", own(2, 3), { 0 }, { 1 } },
      { "status", A(2, 15), { C.ALGO_CANCELED, C.ALGO_EXPIRED }, { C.ALGO_NEW } },
    }, "conditional order 2")
    -- What an open one may be worth, at the highest of its prices and the last: ten billion at most.
    assert.equal("good", with(A(1, 3), 100000000, A(1, 4), E18))
    assert.truthy(with(A(1, 3), 100000001, A(1, 4), E18):find "conditional order 1")
    assert.equal("good", with(A(1, 3), 100000000, A(1, 5), E18))
    assert.truthy(with(A(1, 3), 100000001, A(1, 5), E18):find "conditional order 1")
    assert.equal("good", with(A(1, 3), E18 / 60000, A(1, 4), 1))
    assert.truthy(with(A(1, 3), E18 / 60000 + 1, A(1, 4), 1):find "conditional order 1")
    assert.equal("good", with(A(2, 3), E18, A(2, 4), E18)) -- it has ended
  end)

  it("has fills and bookings that can be", function()
    local function F(tag) return { FILL, tag } end
    local function I(tag) return { INCOME, tag } end
    check({
      { "id", F(1), { 0, far - 1 }, { -1, far } },
      { "order", F(2), { 0, far - 1 }, { -1, far } },
      { "price", F(3), { 0, E18 }, { -1, E18 + 1 } },
      { "quantity", F(4), { 0, E18 }, { -1, E18 + 1 } },
      { "quote", F(5), { 0, E18 }, { -1, E18 + 1 } },
      { "realized", F(6), { E18, -E18 }, { E18 + 1, -E18 - 1 } },
      { "commission", F(7), { E18, -E18 }, { E18 + 1, -E18 - 1 } },
      { "time", F(8), { 0, later }, { -1, later + 1 } },
      { "symbol", F(9), { 0, 1 }, { -1 } },
    }, "fill 1")
    check({
      { "income", I(1), { E18, -E18 }, { E18 + 1, -E18 - 1 } },
      { "time", I(2), { 0, later }, { -1, later + 1 } },
      { "id", I(3), { 0, far - 1 }, { -1, far } },
      { "trade", I(4), { 0, far - 1 }, { -1, far } },
      { "symbol", I(5), { -1, 0, 1 }, {} },
    }, "booking 1")
  end)
end)
