-- The form in which records are saved: base/saved.h, with the tables of trade/saved_record.h.
local ffi = require "ffi"
local C = require "spec.support.c"
local saved = require "spec.support.saved"

local seed = tonumber(os.getenv "MOONTIDE_SEED") or 1

-- Each table once, by the name of its struct.
local tables = {}
for kind = 0, tonumber(C.RECORD_COUNT) - 1 do
  local t = C.saved_record_table(kind)
  if t ~= nil and t.field_count > 0 then tables[ffi.string(t.name)] = t end
end
tables.symbol = C.saved_record_symbol

-- The members of the structs of a header.
local function members_of(path)
  local structs = {}
  for name, body in io.open(path):read("*a"):gsub("//[^\n]*", ""):gmatch "struct ([%w_]+) (%b{})" do
    local list = {}
    for declaration in body:sub(2, -2):gmatch "[^;]+" do
      for piece in declaration:gmatch "[^,]+" do
        list[#list + 1] = piece:gsub("%b[]", ""):match "([%w_]+)%s*$"
      end
    end
    structs[name] = list
  end
  return structs
end

describe("saved records", function()
  it("hold every member of every struct", function()
    local count = 0
    for _, path in ipairs { "runtime/trade/record.h", "runtime/trade/symbol.h" } do
      for name, members in pairs(members_of(path)) do
        local t, there = tables[name], {}
        for i = 0, t and t.field_count - 1 or -1 do
          there[ffi.string(t.fields[i].name)] = true
          -- how long a list is stands with the list
          if t.fields[i].type == C.SAVED_LIST then
            there[ffi.string(t.fields[i].name):gsub("s$", "") .. "_count"] = true
          end
        end
        for _, member in ipairs(t and members or {}) do
          assert.is_true(there[member] ~= nil, ("struct %s: %s has no saved field"):format(name, member))
          count = count + 1
        end
      end
    end
    assert.is_true(count > 250, tostring(count))
  end)

  it("have a table for each kind that has a record, of the same size", function()
    for kind = 0, tonumber(C.RECORD_COUNT) - 1 do
      local record, t = C.record_table(kind), C.saved_record_table(kind)
      assert.equal(record ~= nil, t ~= nil)
      if record ~= nil then assert.equal(record.size, t.size, ffi.string(record.name)) end
    end
  end)

  it("keep their tags apart and rising", function()
    for name, t in pairs(tables) do
      for i = 1, t.field_count - 1 do
        assert.is_true(t.fields[i].tag > t.fields[i - 1].tag, name .. " " .. ffi.string(t.fields[i].name))
      end
    end
  end)

  it("come back as they were", function()
    local random = saved.random(seed)
    for name, t in pairs(tables) do
      for _ = 1, 20 do
        local record = saved.filled(t, random)
        local bytes = saved.write(t, record)
        local good, read = saved.read(t, bytes)
        assert.is_true(good, name)
        assert.equal(bytes, saved.write(t, read), name .. ", seed " .. seed)
        if not t.has_lists then assert.equal(ffi.string(record, t.size), ffi.string(read, t.size), name) end
      end
    end
  end)

  it("are read past fields that this version does not know", function()
    local random = saved.random(seed)
    local unknown = saved.number_field(500, 77)
      .. saved.eight_bytes_field(501)
      .. saved.bytes_field(502, "new")
    for name, t in pairs(tables) do
      local bytes = saved.write(t, saved.filled(t, random))
      for _, more in ipairs { unknown .. bytes, bytes .. unknown } do
        local good, read = saved.read(t, more)
        assert.is_true(good, name)
        assert.equal(bytes, saved.write(t, read), name)
      end
    end
  end)

  it("give a field that is absent its preset", function()
    for name, t in pairs(tables) do
      local good, read = saved.read(t, "")
      assert.is_true(good, name)
      for i = 0, t.field_count - 1 do
        local f = t.fields[i]
        if f.type == C.SAVED_INDEX then
          assert.equal(C.SYMBOL_NONE, ffi.cast("int16_t *", read + f.offset)[0])
        elseif f.type == C.SAVED_INT64 then
          assert.equal(0, tonumber(ffi.cast("int64_t *", read + f.offset)[0]))
        end
      end
    end
  end)

  it("are refused, or read within their bounds, when cut off or spoilt at any byte", function()
    local random, refused, all = saved.random(seed), 0, 0
    for name, t in pairs(tables) do
      local bytes = saved.write(t, saved.filled(t, random))
      for at = 1, #bytes do
        local spoilt = saved.flip(bytes, at, random(8))
        for _, text in ipairs { bytes:sub(1, at - 1), spoilt } do
          local good, read = saved.read(t, text)
          all = all + 1
          if not good then refused = refused + 1 end
          for i = 0, good and t.field_count - 1 or -1 do
            local f = t.fields[i]
            if f.type == C.SAVED_UINT8 and f.most > 0 then
              assert.is_true(ffi.cast("uint8_t *", read + f.offset)[0] <= f.most, name)
            elseif f.type == C.SAVED_BOOL then
              assert.is_true(ffi.cast("uint8_t *", read + f.offset)[0] <= 1, name)
            elseif f.type == C.SAVED_INDEX then
              local index = ffi.cast("int16_t *", read + f.offset)[0]
              assert.is_true(index >= -1 and index < C.SAVED_INDEX_MAX, name)
            end
          end
        end
      end
    end
    assert.is_true(refused > all / 4 and refused < all, ("%d of %d"):format(refused, all))
  end)

  it("have numbers of enums that files of before know: new ones stand at the end", function()
    local known = {
      side_names = "BUY SELL",
      order_type_names = "LIMIT MARKET STOP STOP_MARKET TAKE_PROFIT TAKE_PROFIT_MARKET TRAILING_STOP_MARKET LIQUIDATION",
      tif_names = "GTC IOC FOK GTX GTD",
      position_side_names = "BOTH LONG SHORT",
      order_status_names = "NEW PARTIALLY_FILLED FILLED CANCELED EXPIRED EXPIRED_IN_MATCH REJECTED",
      working_type_names = "CONTRACT_PRICE MARK_PRICE",
      margin_type_names = "CROSSED ISOLATED",
      stp_mode_names = "EXPIRE_MAKER EXPIRE_TAKER EXPIRE_BOTH NONE",
      price_match_names = "NONE OPPONENT OPPONENT_5 OPPONENT_10 OPPONENT_20 QUEUE QUEUE_5 QUEUE_10 QUEUE_20",
      income_type_names = "TRANSFER REALIZED_PNL FUNDING_FEE COMMISSION INSURANCE_CLEAR",
      execution_names = "NEW TRADE CANCELED EXPIRED AMENDMENT CALCULATED",
      account_reason_names = "ORDER FUNDING_FEE MARGIN_TRANSFER INSURANCE_CLEAR DEPOSIT WITHDRAW WITHDRAW_REJECT ADMIN_DEPOSIT ADMIN_WITHDRAW ASSET_TRANSFER AUTO_EXCHANGE COIN_SWAP_DEPOSIT COIN_SWAP_WITHDRAW ADJUSTMENT",
    }
    for list, names in pairs(known) do
      local i = 0
      for name in names:gmatch "%S+" do
        assert.equal(name, ffi.string(C[list][i]), list)
        i = i + 1
      end
    end
  end)
end)
