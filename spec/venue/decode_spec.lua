-- A request on the wire, read: pairs, percent escapes, values and their refusals, lists.
local ffi = require "ffi"
local C = require "spec.support.c"

local symbols = ffi.new "struct symbol[2]"
assert(C.symbol_rules_builtin("BTCUSDT", symbols[0]) == 0)
assert(C.symbol_rules_builtin("ETHUSDT", symbols[1]) == 0)

local function pairs_of(...)
  local p, r = ffi.new "struct wire_params", ffi.new "struct refusal"
  for _, text in ipairs { ... } do
    if not C.decode_add_query(p, text, #text, r) then return nil, r.code, ffi.string(r.text) end
  end
  return p
end

local function read(endpoint, query, body)
  local p, code, text = pairs_of(query, body or "")
  if not p then return nil, code, text end
  local out, r = ffi.new "struct wire_call", ffi.new "struct refusal"
  if not C.decode_decode(p, C[endpoint], symbols, 2, out, r) then
    return nil, r.code, ffi.string(r.text), r.status
  end
  return out.call, out
end

local function found(p, name)
  local value = C.decode_find(p, name)
  return value ~= nil and ffi.string(value) or nil
end

describe("a request's pairs", function()
  it("are read with their escapes, names without case", function()
    local p = pairs_of "a=1&Bc=%20x%2By+z&empty=&alone&&d=%C3%a9%7E"
    assert.equal("1", found(p, "A"))
    assert.equal(" x+y z", found(p, "bc"))
    assert.equal("", found(p, "empty"))
    assert.equal("", found(p, "alone"))
    assert.equal("é~", found(p, "d"))
    assert.is_nil(found(p, "x"))
    assert.equal(5, p.count)
  end)

  it("are refused with broken escapes and zero bytes, and with any that ends too early", function()
    for _, text in ipairs {
      "a=%",
      "a=%2",
      "a=%2G",
      "a=%G2",
      "a=%00",
      "%=1",
      "a=1%0",
      "a=%/0",
      "a=%:0",
      "a=%@0",
      "a=%g0",
      "a=%`0",
    } do
      local p, code = pairs_of(text)
      assert.is_nil(p, text)
      assert.equal(-1100, code, text)
    end
    for _, text in ipairs { "a=%20", "a=%aF", "a=%Fa", "a=%09", "a=%90" } do
      assert.not_nil(pairs_of(text), text)
    end
  end)

  it("stand once in the query and once in the body, and the query wins", function()
    local _, code, text = pairs_of "a=1&A=2"
    assert.same({ -1101, "Duplicate values for a parameter detected." }, { code, text })
    _, code = pairs_of("a=1", "b=2&b=3")
    assert.equal(-1101, code)
    local p = pairs_of("a=1", "a=2&b=3")
    assert.same({ "1", "3" }, { found(p, "a"), found(p, "b") })
  end)

  it("are so many and so long at most", function()
    local names = {}
    for i = 1, C.WIRE_PAIRS_MAX do
      names[i] = "n" .. i .. "="
    end
    assert.equal(C.WIRE_PAIRS_MAX, pairs_of(table.concat(names, "&")).count)
    names[#names + 1] = "more="
    local _, code, text = pairs_of(table.concat(names, "&"))
    assert.same({ -1101, "Too many parameters." }, { code, text })
    local room = C.WIRE_TEXT_MAX - 2 - 1 -- "a" and its end, and the end of the value
    assert.not_nil(pairs_of("a=" .. ("x"):rep(room)))
    _, code = pairs_of("a=" .. ("x"):rep(room + 1))
    assert.equal(-1100, code)
  end)

  it("may be added as they are, escapes and all", function()
    local p, r = ffi.new "struct wire_params", ffi.new "struct refusal"
    assert.is_true(C.decode_add(p, "a", "%20+", r))
    assert.equal("%20+", found(p, "a"))
    assert.is_true(C.decode_add(p, "b", ("x"):rep(C.WIRE_TEXT_MAX - 2 - 5 - 2 - 1), r))
    assert.is_false(C.decode_add(p, "c", "", r))
    assert.equal(-1100, r.code)
    p = ffi.new "struct wire_params"
    assert.is_true(C.decode_add(p, "a", "1", r))
    assert.is_true(C.decode_add(p, "A", "2", r)) -- what was there before wins
    assert.equal("1", found(p, "a"))
  end)
end)

describe("a call on the wire", function()
  local order = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.01&price=60000.5&timestamp=1"

  it("is read as it is meant", function()
    local c = read("EP_ORDER_NEW", order .. "&reduceOnly=true&newClientOrderId=a-1&qty=7&nonsense=1")
    assert.same({ 0, C.SIDE_SELL, C.ORDER_LIMIT, C.TIF_GTC, 1000000, 6000050000000, true, "a-1" }, {
      c.symbol,
      c.side,
      c.type,
      c.time_in_force,
      tonumber(c.quantity_e8),
      tonumber(c.price_e8),
      c.reduce_only,
      ffi.string(c.client_id),
    })
    assert.is_true(C.call_given(c, C.P_PRICE))
    assert.is_false(C.call_given(c, C.P_STOP_PRICE))
    assert.equal(1, read("EP_ORDER_NEW", (order:gsub("BTCUSDT", "ETHUSDT"))).symbol)
    assert.equal(-1, read("EP_ORDER_NEW", (order:gsub("BTCUSDT", "NONSUCH"))).symbol)
  end)

  it("names what is missing and what is empty", function()
    for name, code in pairs { symbol = -1102, side = -1102, type = -1102 } do
      local _, got, text = read("EP_ORDER_NEW", (order:gsub("%f[%a]" .. name .. "=[^&]*&?", "")))
      assert.equal(code, got)
      assert.truthy(text:find("'" .. name .. "'", 1, true), text)
      _, got, text = read("EP_ORDER_NEW", (order:gsub("%f[%a]" .. name .. "=[^&]*", name .. "=")))
      assert.equal(-1105, got)
      assert.truthy(text:find("'" .. name .. "'", 1, true), text)
    end
    local _, code, text = read("EP_INDEX_KLINES", "interval=1m")
    assert.equal(-1102, code)
    assert.truthy(text:find("'pair'", 1, true), text)
    assert.equal(0, read("EP_INDEX_KLINES", "interval=1m&pair=BTCUSDT").symbol)
    _, code = read("EP_INDEX_KLINES", "interval=1m&symbol=BTCUSDT") -- which is not its name there
    assert.equal(-1102, code)
    _, code = read("EP_KLINES", "interval=1m&pair=BTCUSDT")
    assert.equal(-1102, code)
  end)

  it("refuses a value that cannot be by its own code", function()
    for change, code in pairs {
      ["side=UP"] = -1117,
      ["type=FAST"] = -1116,
      ["timeInForce=SOON"] = -1115,
      ["newOrderRespType=ALL"] = -1136,
      ["positionSide=TOP"] = -4060,
      ["workingType=LAST"] = -4031,
      ["priceMatch=BEST"] = -5037,
      ["selfTradePreventionMode=SOME"] = -5039,
      ["newClientOrderId=" .. ("x"):rep(37)] = -4015,
      ["newClientOrderId=a%20b"] = -1100,
      ["quantity=1e3"] = -1100,
      ["quantity=-1"] = -1100,
      ["quantity=.5"] = -1100,
      ["quantity=5."] = -1100,
      ["quantity=%2B5"] = -1100,
      ["quantity=0.123456789"] = -1111,
      ["quantity=99999999999999"] = -1111,
      ["quantity=x"] = -1102,
      ["goodTillDate=x"] = -1102,
      ["reduceOnly=maybe"] = -1102,
    } do
      local name = change:match "^(%w+)="
      local query = order:gsub("%f[%a]" .. name .. "=[^&]*&?", "") .. "&" .. change
      local _, got, text, status = read("EP_ORDER_NEW", query)
      assert.equal(code, got, change .. ": " .. tostring(text))
      assert.equal(400, status)
    end
    assert.not_nil(read("EP_ORDER_NEW", order .. "&newClientOrderId=" .. ("x"):rep(36)))
    local _, code = read("EP_KLINES", "symbol=BTCUSDT&interval=7m")
    assert.equal(-1120, code)
    _, code = read("EP_KLINES", "symbol=BTCUSDT&interval=1mo")
    assert.equal(-1120, code)
    assert.not_nil(read("EP_KLINES", "symbol=BTCUSDT&interval=1M"))
    _, code = read("EP_CONTINUOUS_KLINES", "pair=BTCUSDT&interval=1m&contractType=WEEKLY")
    assert.equal(-4104, code)
    _, code = read("EP_MARGIN_TYPE", "symbol=BTCUSDT&marginType=NONE")
    assert.equal(-1130, code)
  end)

  it("means by `type` what its endpoint means", function()
    assert.equal(2, read("EP_POSITION_MARGIN", "symbol=BTCUSDT&amount=1&type=2").margin_change)
    assert.equal(C.ORDER_MARKET, read("EP_ORDER_NEW", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1").type)
  end)

  it("has decimals of one to twenty digits on each side of the point", function()
    local function quantity(text)
      return read("EP_ORDER_NEW", (order:gsub("quantity=[^&]*", function() return "quantity=" .. text end)))
    end
    for text, e8 in pairs {
      ["1"] = 100000000,
      ["0000000000000000001.5"] = 150000000,
      ["1.50000000000000000000"] = 150000000,
      ["09"] = 900000000,
    } do
      assert.equal(e8, tonumber(quantity(text).quantity_e8), text)
    end
    for _, text in ipairs { ("0"):rep(20) .. "1", "1." .. ("0"):rep(21), "1.", ".1", "1.1.1", "1 " } do
      local c, code = quantity((text:gsub(" ", "%%20")))
      assert.is_nil(c, text)
      assert.is_true(code == -1100 or code == -1102, text .. " " .. code)
    end
  end)
end)

describe("a list on the wire", function()
  local function escape(text)
    return (text:gsub("[^%w]", function(c) return ("%%%02x"):format(c:byte()) end))
  end
  local function entry(more)
    return ([[{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"0.01",%s}]]):format(
      more
    )
  end

  it("of orders reads each for itself", function()
    local rows =
      { entry '"price":"60000"', entry '"price":60001.5', entry '"price":"dear"', entry '"price":""', "7" }
    local c, out = read("EP_BATCH_NEW", "batchOrders=" .. escape("[" .. table.concat(rows, ",") .. "]"))
    assert.equal(5, c.batch_count)
    assert.is_true(C.call_given(c, C.P_BATCH))
    assert.is_true(c.batch == out.batch)
    assert.equal(60000, tonumber(c.batch[0].price_e8) / 1e8)
    assert.equal(60001.5, tonumber(c.batch[1].price_e8) / 1e8)
    assert.same({ 0, 0, -1102, -1105, 0 }, {
      c.batch[0].refused_code,
      c.batch[1].refused_code,
      c.batch[2].refused_code,
      c.batch[3].refused_code,
      c.batch[4].refused_code,
    })
    assert.truthy(ffi.string(c.batch[2].refused_text):find "price")
    assert.same({ C.EP_ORDER_NEW, 0 }, { c.batch[0].endpoint, c.batch[0].symbol })
    assert.same({ C.EP_ORDER_NEW, -1 }, { c.batch[4].endpoint, c.batch[4].symbol })
    c = read("EP_BATCH_MODIFY", "batchOrders=" .. escape("[" .. rows[1] .. "]"))
    assert.equal(C.EP_ORDER_MODIFY, c.batch[0].endpoint)
  end)

  it("counts what is too many, which the exchange refuses", function()
    local rows = {}
    for i = 1, 300 do
      rows[i] = "{}"
      if i == 6 or i == 255 or i == 256 or i == 300 then
        local c = read("EP_BATCH_NEW", "batchOrders=" .. escape("[" .. table.concat(rows, ",") .. "]"))
        assert.equal(math.min(i, 255), c.batch_count)
      end
    end
  end)

  it("of ids takes numbers and texts of numbers, of client ids texts", function()
    local c = read("EP_BATCH_CANCEL", "symbol=BTCUSDT&orderIdList=" .. escape '[123,"456", 9007199254740993]')
    assert.equal(3, c.batch_count)
    assert.same(
      { "123LL", "456LL", "9007199254740993LL" },
      { tostring(c.ids[0]), tostring(c.ids[1]), tostring(c.ids[2]) }
    )
    assert.is_true(C.call_given(c, C.P_ID_LIST))
    assert.is_false(C.call_given(c, C.P_CLIENT_ID_LIST))
    c = read("EP_BATCH_CANCEL", "symbol=BTCUSDT&origClientOrderIdList=" .. escape '["a","b-2"]')
    assert.same(
      { 2, "a", "b-2" },
      { c.batch_count, ffi.string(c.client_ids[0]), ffi.string(c.client_ids[1]) }
    )
    assert.is_true(C.call_given(c, C.P_CLIENT_ID_LIST))
    local ten = {}
    for i = 1, 11 do
      ten[i] = tostring(i)
    end
    c = read("EP_BATCH_CANCEL", "symbol=BTCUSDT&orderidlist=" .. escape("[" .. table.concat(ten, ",") .. "]"))
    assert.same({ 11, 10 }, { c.batch_count, tonumber(c.ids[9]) })
  end)

  it("is refused where it is none", function()
    for _, text in ipairs { "", "x", "{}", "7", "[1", "[1]]", "[1] x" } do
      local _, code = read("EP_BATCH_NEW", "batchOrders=" .. escape(text))
      assert.equal(text == "" and -1102 or -1130, code, text)
      if text ~= "" then
        _, code = read("EP_BATCH_CANCEL", "symbol=BTCUSDT&orderIdList=" .. escape(text))
        assert.equal(-1130, code, text)
        _, code = read("EP_BATCH_CANCEL", "symbol=BTCUSDT&origClientOrderIdList=" .. escape(text))
        assert.equal(-1130, code, text)
      end
    end
    local _, code = read("EP_BATCH_NEW", "timestamp=1")
    assert.equal(-1102, code)
    assert.not_nil(read("EP_BATCH_NEW", "batchOrders=" .. escape "[] \r\n\t"))
    assert.not_nil(read("EP_BATCH_NEW", "batchOrders=" .. escape(("["):rep(15) .. ("]"):rep(15))))
    _, code = read("EP_BATCH_NEW", "batchOrders=" .. escape(("["):rep(18) .. ("]"):rep(18)))
    assert.equal(-1130, code)
  end)
end)
