local ffi = require "ffi"
local cjson = require "cjson"
local C = require "spec.support.c"

local symbols = ffi.new "struct symbol[1]"
C.symbol_rules_builtin("BTCUSDT", symbols)

local function json(kind, record)
  local out = ffi.new "char[8192]"
  local length = tonumber(C.record_json(out, 8192, kind, record, symbols))
  assert.is_true(length < 8192)
  return ffi.string(out), length
end

local function zeroed(kind)
  local size = C.record_table(kind).size
  local record = ffi.new("uint64_t[?]", size / 8 + 1)
  return record
end

describe("record", function()
  it("writes every kind as JSON that parses and holds its fields", function()
    for kind = 0, C.RECORD_COUNT - 1 do
      local t = C.record_table(kind)
      if t ~= nil then
        local value = cjson.decode((json(kind, zeroed(kind))))
        for i = 0, t.field_count - 1 do
          local absent = t.fields[i].zero == C.ZERO_ABSENT and t.fields[i].type ~= C.FIELD_SYMBOL
          if t.array == 0 then
            assert.equal(absent, value[ffi.string(t.fields[i].name)] == nil, ffi.string(t.name))
          end
        end
        if t.array == 1 then assert.equal(t.field_count, #value) end
      end
    end
  end)

  it("writes an order as the exchange does", function()
    local o = ffi.new "struct order_record"
    o.order_id, o.price_e8, o.orig_qty_e8 = 22542179, 6700000000000LL, 1000000
    o.update_us, o.client_id = 1717000000123000LL, 'a"\\\n'
    local text = json(C.RECORD_ORDER, o)
    assert.matches('"price":"67000.00"', text, 1, true)
    local v = cjson.decode(text)
    assert.equal("0.010", v.origQty)
    assert.equal('a"\\\n', v.clientOrderId)
    assert.equal("BTCUSDT", v.symbol)
    assert.equal(1717000000123, v.updateTime)
    assert.equal("NONE", v.priceMatch)
    assert.is_false(v.reduceOnly)
  end)

  it("writes a bar as an array", function()
    local k = ffi.new "struct kline_record[2]"
    k[0].open_us, k[0].open_e8, k[0].volume_e8, k[0].trades =
      1789478160000000LL, 7693620000000LL, 2068000000, 878
    local out = ffi.new "char[1024]"
    C.record_json_list(out, 1024, C.RECORD_KLINE, k, 2, symbols)
    local v = cjson.decode(ffi.string(out))
    assert.equal(2, #v)
    assert.same(
      { 1789478160000, "76936.20", "20.680", 878, "0" },
      { v[1][1], v[1][2], v[1][6], v[1][9], v[1][12] }
    )
  end)

  it("writes book levels with the precision of the book's symbol", function()
    local bids = ffi.new("struct level_record[1]", { { 7691490000000LL, 587800000 } })
    local d = ffi.new("struct depth_record", { bid_count = 1, bids = bids })
    local v = cjson.decode((json(C.RECORD_DEPTH, d)))
    assert.same({ { "76914.90", "5.878" } }, v.bids)
    assert.same({}, v.asks)
  end)

  it("nests stream messages as documented", function()
    local u = ffi.new "struct order_update_record"
    u.order.order_id, u.last_qty_e8, u.execution, u.order.status = 7, 1000000, C.EXEC_TRADE, C.STATUS_FILLED
    local v = cjson.decode((json(C.RECORD_ORDER_UPDATE, u)))
    assert.equal("ORDER_TRADE_UPDATE", v.e)
    assert.same({ "TRADE", "FILLED", 7, "0.01", "0" }, { v.o.x, v.o.X, v.o.i, v.o.l, v.o.er })

    local a = ffi.new("struct account_update_record", { wallet_e8 = 12262412345678LL, margin_type = 1 })
    v = cjson.decode((json(C.RECORD_ACCOUNT_UPDATE, a)))
    assert.equal("122624.12345678", v.a.B[1].wb)
    assert.same({ "BTCUSDT", "isolated" }, { v.a.P[1].s, v.a.P[1].mt })
    a.symbol, a.funded = C.SYMBOL_NONE, C.SYMBOL_NONE
    assert.is_nil(cjson.decode((json(C.RECORD_ACCOUNT_UPDATE, a))).a.S)
    assert.same({}, cjson.decode((json(C.RECORD_ACCOUNT_UPDATE, a))).a.P)
  end)

  it("cuts what does not fit and says how long it would be", function()
    local o, small = ffi.new "struct order_record", ffi.new "char[16]"
    local whole, length = json(C.RECORD_ORDER, o)
    assert.equal(length, tonumber(C.record_json(small, 16, C.RECORD_ORDER, o, symbols)))
    assert.equal(whole:sub(1, 15), ffi.string(small))
    assert.equal(length, tonumber(C.record_json(nil, 0, C.RECORD_ORDER, o, symbols)))
  end)
end)
