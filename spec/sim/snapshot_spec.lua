-- The account of an exchange saved and taken up again, in virtual time.
local ffi = require "ffi"
local C = require "spec.support.c"
local exchange = require "spec.support.exchange"
local saved = require "spec.support.saved"

ffi.cdef "void free(void *);"

local seed = tonumber(os.getenv "MOONTIDE_SEED") or 1
local MAGIC, VERSION, HEAD = "moontide account", 3, 32
local e8 = exchange.e8

-- An exchange with two mirrored markets.
local function mirrored(options)
  local x = exchange.new(options or { wallet = 100000 })
  for symbol, price in pairs { [0] = 60000, [1] = 3000 } do
    C.mirror_open(x.x, symbol, e8(price), x.now)
    C.mirror_mark(x.x, symbol, e8(price), 0, 0, x.now)
    local levels = ffi.new("struct level_record[4]")
    for i = 0, 1 do
      levels[i].price_e8, levels[i].qty_e8 = e8(price - 1 - i), e8(5 + i)
      levels[2 + i].price_e8, levels[2 + i].qty_e8 = e8(price + 1 + i), e8(5 + i)
    end
    C.mirror_depth(x.x, symbol, levels, 2, levels + 2, 2, x.now)
  end
  return x
end

-- One that has traded, by chance: orders that rest, fill and end, conditional ones, settings.
local function traded(random, options)
  local x = mirrored(options)
  for i = 1, 30 do
    local symbol = random(2)
    local price = symbol == 0 and 60000 or 3000
    local side = random(2) == 0 and "SIDE_BUY" or "SIDE_SELL"
    local what = random(5)
    local call = { symbol = symbol, side = side, client_id = random(2) == 0 and ("id-%d"):format(i) or nil }
    if what < 2 then
      call.type, call.quantity = "ORDER_MARKET", (1 + random(20)) / 100
    elseif what < 4 then
      call.type, call.time_in_force, call.quantity = "ORDER_LIMIT", "TIF_GTC", (1 + random(20)) / 100
      call.price = side == "SIDE_BUY" and price - 10 - random(20) or price + 10 + random(20)
    else
      call.type, call.quantity = "ORDER_STOP_MARKET", (1 + random(20)) / 100
      call.stop_price = side == "SIDE_BUY" and price + 50 or price - 50
    end
    x:call(what == 4 and "EP_ALGO_NEW" or "EP_ORDER_NEW", call)
    if random(6) == 0 then x:call("EP_CANCEL_ALL", { symbol = symbol }) end
    x.now = x.now + 1000000ULL
  end
  return x
end

local function bytes_of(x)
  local size = ffi.new "size_t[1]"
  local bytes = C.snapshot_save(x.x, size)
  local text = ffi.string(bytes, size[0])
  ffi.C.free(bytes)
  return text
end

---@return ffi.cdata*? snapshot
---@return string why
local function read(x, bytes)
  local out, why = ffi.new "struct snapshot *[1]", ffi.new "struct errmsg"
  local err = C.snapshot_read(bytes, #bytes, C.exchange_symbol(x.x, 0), 2, out, why)
  if err ~= 0 then return nil, ffi.string(why.text) end
  return ffi.gc(out[0], C.snapshot_free), ""
end

local function restored(bytes)
  local y = mirrored()
  local snapshot, why = read(y, bytes)
  assert(snapshot, why)
  C.snapshot_restore(y.x, snapshot)
  return y
end

-- What a restored exchange does next: prices move, all is asked for.
local function go_on(y)
  y.now = y.now + 1000000ULL
  for _, price in ipairs { 59990, 60010, 59900, 60100 } do
    local level = ffi.new("struct level_record[2]")
    level[0].price_e8, level[0].qty_e8 = e8(price), e8(1)
    level[1].price_e8, level[1].qty_e8 = e8(price + 1), e8(1)
    C.mirror_quote(y.x, 0, level, level + 1, y.now)
    C.mirror_mark(y.x, 0, e8(price), 0, 0, y.now)
    C.exchange_advance(y.x, y.now)
  end
  for _, endpoint in ipairs {
    "EP_ACCOUNT",
    "EP_POSITION_RISK",
    "EP_ALL_ORDERS",
    "EP_OPEN_ORDERS",
    "EP_USER_TRADES",
  } do
    y:call(endpoint, { symbol = 0 })
  end
  y:call("EP_CANCEL_ALL", { symbol = 0 })
  y:call("EP_ALGO_CANCEL_ALL", { symbol = 0 })
  C.exchange_equity_e8(y.x)
end

describe("a saved exchange", function()
  it("comes back as it was, whatever it has done", function()
    local random = saved.random(seed)
    for round = 1, 20 do
      local x = traded(random, { wallet = 100000, dual_side = false, isolated = round % 2 == 0 })
      local bytes = bytes_of(x)
      local y = restored(bytes)
      assert.equal(bytes, bytes_of(y), ("seed %d, round %d"):format(seed, round))
      assert.equal(tonumber(C.exchange_equity_e8(x.x)), tonumber(C.exchange_equity_e8(y.x)))
      go_on(y)
      x:close()
      y:close()
    end
  end)

  it("is read past fields that this version does not know", function()
    local x = traded(saved.random(seed))
    local bytes = bytes_of(x)
    local more = saved.number_field(900, 5) .. saved.bytes_field(901, "of a later version")
    local y = restored(saved.sealed(bytes .. more, MAGIC, VERSION))
    assert.equal(bytes, bytes_of(y))
    x:close()
    y:close()
  end)

  it("is refused when a price of it is beyond what its contract can have", function()
    local x = traded(saved.random(seed))
    local bytes = bytes_of(x)
    local rules, why = ffi.new "struct symbol[2]", ffi.new "struct errmsg"
    for _, spoil in ipairs {
      function() rules[0].price_max_e8 = C.exchange_last_e8(x.x, 0) - 1 end,
      function() rules[0].tick_e8 = C.exchange_last_e8(x.x, 0) + 1 end,
    } do
      ffi.copy(rules, C.exchange_symbol(x.x, 0), ffi.sizeof(rules))
      spoil()
      local out = ffi.new "struct snapshot *[1]"
      assert.equal(C.ERR_FORMAT, C.snapshot_read(bytes, #bytes, rules, 2, out, why))
      assert.truthy(ffi.string(why.text):find("market 1", 1, true), ffi.string(why.text))
    end
    x:close()
  end)

  it("says so when it was written by another version", function()
    local x = mirrored()
    local bytes = bytes_of(x)
    local _, why = read(x, saved.sealed(bytes, MAGIC, VERSION - 1))
    assert.truthy(why:find("written by an older version of moontide", 1, true), why)
    _, why = read(x, saved.sealed(bytes, MAGIC, VERSION + 1))
    assert.truthy(why:find("written by a newer version of moontide", 1, true), why)
    _, why = read(x, saved.sealed(bytes, "moontide paper", VERSION))
    assert.equal("not the state of an exchange", why)
    x:close()
  end)

  it("is refused in one line when it is cut off or spoilt at any byte", function()
    local random = saved.random(seed)
    local x = traded(random)
    local bytes = bytes_of(x)
    for at = 1, #bytes do
      for _, text in ipairs { bytes:sub(1, at - 1), saved.flip(bytes, at, random(8)) } do
        local snapshot, why = read(x, text)
        assert.is_nil(snapshot)
        assert.is_true(#why > 0 and not why:find "\n", why)
      end
    end
    x:close()
  end)

  it("is refused, or such that an exchange goes on with it, when its checksum was made to fit", function()
    local random, refused, taken = saved.random(seed), 0, 0
    local x = traded(random)
    local bytes = bytes_of(x)
    for at = HEAD + 1, #bytes do
      local text = saved.sealed(saved.flip(bytes, at, random(8)), MAGIC, VERSION)
      local y = mirrored()
      local snapshot, why = read(y, text)
      if snapshot then
        taken = taken + 1
        C.snapshot_restore(y.x, snapshot)
        go_on(y)
        bytes_of(y)
      else
        refused = refused + 1
        assert.is_true(#why > 0 and not why:find "\n", why)
      end
      y:close()
      local cut = saved.sealed(bytes:sub(1, at - 1), MAGIC, VERSION)
      if read(x, cut) then taken = taken + 1 end
    end
    assert.is_true(refused > taken / 4, ("%d refused, %d taken"):format(refused, taken))
    x:close()
  end)

  it("is read by every later version", function()
    local file = assert(io.open("spec/golden/exchange-3.state", "rb"))
    local bytes = file:read "*a"
    file:close()
    local y = restored(bytes)
    assert.equal(99996.99995, tonumber(C.exchange_wallet_e8(y.x)) / 1e8)
    assert.equal(0.1, tonumber(C.exchange_position_e8(y.x, 0, C.POSITION_BOTH)) / 1e8)
    assert.equal(60001, tonumber(C.exchange_entry_e8(y.x, 0, C.POSITION_BOTH)) / 1e8)
    local order = y:call("EP_ORDER_GET", { symbol = 0, orig_client_id = "golden" })
    assert.equal(200, order.status)
    go_on(y)
    y:close()
  end)
end)
