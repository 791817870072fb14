-- What one side writes the other reads: calls as query strings, records as JSON.
local ffi = require "ffi"
local bit = require "bit"
local cjson = require "cjson"
local C = require "spec.support.c"
local fill = require "spec.support.filled_record"

local symbols = ffi.new "struct symbol[2]"
assert(
  C.symbol_rules_builtin("BTCUSDT", symbols[0]) == 0 and C.symbol_rules_builtin("ETHUSDT", symbols[1]) == 0
)
local list = ffi.new("struct symbol_list", { symbols, 2 })

local values = {
  symbol = "ETHUSDT",
  side = "SELL",
  type = "LIMIT",
  positionSide = "LONG",
  timeInForce = "GTX",
  quantity = "0.125",
  price = "1234.5",
  stopPrice = "1200.25",
  reduceOnly = "true",
  closePosition = "true",
  activatePrice = "1300",
  callbackRate = "1.5",
  workingType = "MARK_PRICE",
  priceProtect = "true",
  newClientOrderId = "a.b:c/d_e-1",
  newOrderRespType = "RESULT",
  selfTradePreventionMode = "EXPIRE_BOTH",
  goodTillDate = "1700000000000",
  orderId = "9007199254740993",
  origClientOrderId = "mine",
  algoId = "3000000000003505",
  clientAlgoId = "algo-1",
  algoType = "CONDITIONAL",
  interval = "4h",
  limit = "77",
  startTime = "1600000000000",
  endTime = "1600000099000",
  fromId = "12345678901234",
  leverage = "9",
  marginType = "ISOLATED",
  amount = "12.5",
  dualSidePosition = "true",
  incomeType = "FUNDING_FEE",
  countdownTime = "5000",
  priceMatch = "QUEUE_5",
  multiAssetsMargin = "true",
  modifyId = "9007199254740995",
  contractType = "NEXT_QUARTER",
}

describe("calls on the wire", function()
  it("every parameter of every call comes back as it was", function()
    local out, params, decoded =
      ffi.new "char[8192]", ffi.new "struct wire_params", ffi.new "struct wire_call"
    local refusal, message = ffi.new "struct refusal", ffi.new "struct errmsg"
    for endpoint = 0, tonumber(C.EP_COUNT) - 1 do
      local info, call = C.endpoint_info(endpoint), ffi.new "struct call"
      call.endpoint, call.symbol = endpoint, -1
      for name, value in pairs(values) do
        local param = name == "type" and endpoint == C.EP_POSITION_MARGIN and -1 or C.param_find(name)
        if param >= 0 and bit.band(info.params, bit.lshift(1ULL, param)) ~= 0 then
          if param == C.P_SYMBOL then
            call.symbol = 1
            call.given = bit.bor(call.given, bit.lshift(1ULL, param))
          else
            assert.equal(
              0,
              C.call_set_text(call, param, value, message),
              name .. ": " .. ffi.string(message.text)
            )
          end
        end
      end
      if endpoint == C.EP_POSITION_MARGIN then C.call_set_text(call, C.P_MARGIN_CHANGE, "2", message) end
      if endpoint ~= C.EP_BATCH_NEW and endpoint ~= C.EP_BATCH_MODIFY then
        local size = tonumber(C.call_encode(call, symbols, out, 8192))
        params.count, params.used, refusal.code = 0, 0, 0
        assert.is_true(C.decode_add_query(params, out, size, refusal))
        assert.is_true(
          C.decode_decode(params, endpoint, symbols, 2, decoded, refusal),
          ffi.string(info.path) .. ": " .. ffi.string(refusal.text) .. " " .. ffi.string(out)
        )
        assert.equal(call.given, decoded.call.given, ffi.string(info.path) .. " " .. ffi.string(out))
        local a, b =
          ffi.string(ffi.cast("char *", call), ffi.offsetof("struct call", "batch_count")),
          ffi.string(ffi.cast("char *", decoded.call), ffi.offsetof("struct call", "batch_count"))
        assert.is_true(a == b, ffi.string(info.path) .. " " .. ffi.string(out))
      end
    end
  end)

  it("a batch and lists of ids, percent-encoded", function()
    local out, params, decoded, refusal =
      ffi.new "char[8192]", ffi.new "struct wire_params", ffi.new "struct wire_call", ffi.new "struct refusal"
    local call, batch = ffi.new "struct call", ffi.new "struct call[2]"
    call.endpoint, call.batch, call.batch_count, call.given =
      C.EP_BATCH_NEW, batch, 2, bit.lshift(1ULL, C.P_BATCH)
    for i = 0, 1 do
      batch[i].endpoint, batch[i].symbol, batch[i].given = C.EP_ORDER_NEW, i, bit.lshift(1ULL, C.P_SYMBOL)
      C.call_set_text(batch[i], C.P_SIDE, "BUY", nil)
      C.call_set_text(batch[i], C.P_QUANTITY, "0.5", nil)
      C.call_set_text(batch[i], C.P_CLIENT_ID, "b" .. i, nil)
    end
    local size = tonumber(C.call_encode(call, symbols, out, 8192))
    assert.falsy(ffi.string(out):find '[%[%]"{}]')
    assert.is_true(C.decode_add_query(params, out, size, refusal))
    assert.is_true(
      C.decode_decode(params, C.EP_BATCH_NEW, symbols, 2, decoded, refusal),
      ffi.string(refusal.text)
    )
    assert.equal(2, decoded.call.batch_count)
    assert.equal(1, decoded.batch[1].symbol)
    assert.equal("b1", ffi.string(decoded.batch[1].client_id))
    local ids = ffi.new("int64_t[2]", { 9007199254740993LL, 7 })
    call = ffi.new "struct call"
    call.endpoint, call.symbol, call.ids, call.batch_count = C.EP_BATCH_CANCEL, 0, ids, 2
    call.given = bit.bor(bit.lshift(1ULL, C.P_SYMBOL), bit.lshift(1ULL, C.P_ID_LIST))
    size = tonumber(C.call_encode(call, symbols, out, 8192))
    params.count, params.used = 0, 0
    assert.is_true(C.decode_add_query(params, out, size, refusal))
    assert.is_true(C.decode_decode(params, C.EP_BATCH_CANCEL, symbols, 2, decoded, refusal))
    assert.equal(9007199254740993LL, decoded.ids[0])
  end)
end)

describe("records on the wire", function()
  local arena = ffi.new "struct arena"
  local rows, count, is_list, message =
    ffi.new "void *[1]", ffi.new "int32_t[1]", ffi.new "bool[1]", ffi.new "struct errmsg"
  after_each(function() C.arena_reset(arena) end)
  teardown(function() C.arena_free(arena) end)

  local function read(kind, text)
    local status = C.record_read_text(kind, text, #text, list, arena, rows, count, is_list, message)
    return status, status == 0 and rows[0] or ffi.string(message.text)
  end

  it("every kind, written, read and written again, is the same text", function()
    local kinds = 0
    for kind = 1, tonumber(C.RECORD_COUNT) - 1 do
      local t = C.record_table(kind)
      -- Of an asset's row only the wallet is read: the sums of all assets stand beside the rows.
      if
        t ~= nil
        and t.field_count > 0
        and kind ~= C.RECORD_LEVEL
        and ffi.string(t.name) ~= "account_asset"
      then
        local keep, memory, out = {}, ffi.new("char[?]", t.size + 16), ffi.new "char[16384]"
        fill(kind, memory, keep, 9007199254740993LL)
        C.record_json(out, 16384, kind, memory, symbols)
        local text = ffi.string(out)
        local status, row
        if t.array ~= 0 then
          text = "[" .. text .. "]"
          status, row = read(kind, text)
          assert.equal(0, status, tostring(row))
          C.record_json_list(out, 16384, kind, row, 1, symbols)
        else
          status, row = read(kind, text)
          assert.equal(0, status, ffi.string(t.name) .. ": " .. tostring(row))
          C.record_json(out, 16384, kind, row, symbols)
        end
        assert.equal(text, ffi.string(out), ffi.string(t.name))
        kinds = kinds + 1
      end
    end
    assert.is_true(kinds > 50)
  end)

  it(
    "takes the mark price for the mark price and not for its average, a trade's whole quantity and not that without RPI",
    function()
      local status, row = read(
        C.RECORD_MARK_EVENT,
        cjson.encode {
          e = "markPriceUpdate",
          E = 1717000000123,
          s = "BTCUSDT",
          p = "67011.50000000",
          ap = "66000.00000000",
          i = "67009.1",
          P = "67008.0",
          r = "0.00010000",
          T = 1717027200000,
        }
      )
      assert.equal(0, status, tostring(row))
      assert.equal(6701150000000LL, ffi.cast("struct mark_event *", row).mark.mark_e8)
      status, row = read(
        C.RECORD_AGG_TRADE_EVENT,
        cjson.encode {
          e = "aggTrade",
          E = 1717000000123,
          s = "BTCUSDT",
          a = 7,
          p = "67012.30",
          q = "0.012",
          nq = "0.002",
          f = 1,
          l = 3,
          T = 1717000000100,
          m = true,
        }
      )
      assert.equal(0, status, tostring(row))
      assert.equal(1200000LL, ffi.cast("struct agg_trade_event *", row).trade.qty_e8)
    end
  )

  it("is lenient where nothing hangs on it and strict where money does", function()
    local order = {
      orderId = 1,
      symbol = "BTCUSDT",
      status = "NEW",
      side = "BUY",
      price = 5,
      timeInForce = "GTE_GTC",
      novelty = { 1 },
    }
    local status, row = read(C.RECORD_ORDER, cjson.encode(order))
    assert.equal(0, status, tostring(row))
    assert.equal(500000000LL, ffi.cast("struct order_record *", row).price_e8)
    order.status = "PONDERING"
    status, row = read(C.RECORD_ORDER, cjson.encode(order))
    assert.is_true(status ~= 0)
    assert.truthy(row:find("field status: 'PONDERING'", 1, true))
    order.status, order.symbol = "NEW", "NOSUCH"
    assert.truthy(select(2, read(C.RECORD_ORDER, cjson.encode(order))):find("no symbol 'NOSUCH'", 1, true))
    assert.equal(0, (read(C.RECORD_ORDER, cjson.encode { order }))) -- a list leaves strangers out
    assert.equal(0, count[0])
    assert.truthy(select(2, read(C.RECORD_ORDER, "<html>")):find("not JSON", 1, true))
    order.symbol, order.price = "BTCUSDT", "cheap"
    assert.truthy(select(2, read(C.RECORD_ORDER, cjson.encode(order))):find("field price: 'cheap'", 1, true))
  end)

  it("believes no answer that leaves out the symbol, the side or the status", function()
    local order = { orderId = 1, symbol = "BTCUSDT", status = "NEW", side = "BUY", price = "5" }
    for _, name in ipairs { "symbol", "side", "status" } do
      for _, value in ipairs { false, cjson.null, "" } do
        local poor = {}
        for k, v in pairs(order) do
          poor[k] = v
        end
        poor[name] = value or nil
        local status, problem = read(C.RECORD_ORDER, cjson.encode(poor))
        assert.equal(C.ERR_FORMAT, status, name)
        assert.truthy(problem:find("field " .. name, 1, true), problem)
      end
    end
  end)

  it("reads a booking that is of no symbol", function()
    local row = { symbol = "", incomeType = "TRANSFER", income = "-1", time = 1, tranId = 1, tradeId = "" }
    for _, symbol in ipairs { "", false } do
      row.symbol = symbol or nil
      local status, record = read(C.RECORD_INCOME, cjson.encode(row))
      assert.equal(0, status, tostring(record))
      assert.equal(C.SYMBOL_NONE, ffi.cast("struct income_record *", record).symbol)
    end
  end)

  it(
    "refuses a list longer than any answer, whose few bytes on the wire would be gigabytes as records",
    function()
      local status, problem = read(C.RECORD_ORDER, "[" .. ("{},"):rep(100001) .. "{}]")
      assert.equal(C.ERR_FORMAT, status)
      assert.truthy(problem:find("a list of 100002", 1, true), problem)
    end
  )
end)
