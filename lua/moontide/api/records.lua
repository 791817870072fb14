---Turns C records into Lua tables. One constructor a kind is generated from the C field table (trade/record.h), so
---that what a script sees and what goes over a wire come from the same lines.
local ffi = require "ffi"
local C = require "moontide.core"

local M = {}

local buffer = ffi.new "char[24]"

---@param value ffi.cdata* int64_t
---@return string
function M.id_text(value) return ffi.string(buffer, C.id_print(buffer, value)) end

---Gives a conditional order the fields of a plain one, so that both have one face. What was filled is that of the order its
---trigger made; of one that has not been triggered nothing is.
---@param algo table
---@param executed number? base asset, filled of that order
---@param average number? quote asset, of those fills
---@param quote number? quote asset, filled of that order
---@return table algo
function M.one_face(algo, executed, average, quote)
  algo.orderId, algo.clientOrderId, algo.status = algo.algoId, algo.clientAlgoId, algo.algoStatus
  algo.type, algo.origType = algo.orderType, algo.orderType
  algo.stopPrice, algo.origQty, algo.time = algo.triggerPrice, algo.quantity, algo.createTime
  algo.priceRate = algo.callbackRate
  algo.executedQty, algo.avgPrice = executed or 0, average or 0
  algo.cumQuote = quote or algo.executedQty * algo.avgPrice
  return algo
end

-- How a field reads: a Lua expression over `p` (const char * to the record). %d is the field's offset.
local readers = {
  [C.FIELD_INT32] = "tonumber(cast(i32, p + %d)[0])",
  [C.FIELD_INT64] = "tonumber(cast(i64, p + %d)[0])",
  [C.FIELD_INT32_TEXT] = "tonumber(cast(i32, p + %d)[0])",
  [C.FIELD_INT_TEXT] = "tonumber(cast(i64, p + %d)[0])",
  [C.FIELD_ID] = "id_text(cast(i64, p + %d)[0])",
  [C.FIELD_MS] = "floor(tonumber(cast(i64, p + %d)[0]) / 1000)",
  [C.FIELD_BOOL] = "cast(u8, p + %d)[0] ~= 0",
  [C.FIELD_PRICE] = "tonumber(cast(i64, p + %d)[0]) / 1e8",
  [C.FIELD_SYMBOL] = "(symbols[cast(i16, p + %d)[0]] or '')",
}
for _, kind in ipairs { "QTY", "DEC8", "DEC", "NUMBER" } do
  readers[C["FIELD_" .. kind]] = readers[C.FIELD_PRICE]
end

local enum_names = setmetatable({}, { __mode = "k" })

-- The names of an enum as a Lua table by value; `names` holds at least as many as `upto`.
local function names_of(names)
  local key = tostring(names)
  if not enum_names[key] then
    enum_names[key] = setmetatable({}, {
      __index = function(t, i)
        local text = ffi.string(names[i])
        rawset(t, i, text)
        return text
      end,
    })
  end
  return enum_names[key]
end

local function expression(field, env)
  local t, offset = field.type, field.offset
  if t == C.FIELD_SYMBOL and field.other_offset ~= 0 then
    return ("(symbols[cast(i16, p + %d)[0]] or text(p + %d))"):format(offset, field.other_offset)
  elseif field.zero == C.ZERO_ABSENT and t == C.FIELD_SYMBOL then
    return ("symbols[cast(i16, p + %d)[0]]"):format(offset)
  elseif field.zero == C.ZERO_ABSENT then
    return ("(cast(i64, p + %d)[0] ~= 0 and %s or nil)"):format(offset, readers[t]:format(offset))
  end
  if (t == C.FIELD_QTY or t == C.FIELD_DEC) and field.high_offset ~= 0 then
    local wide =
      "((tonumber(cast(i64, p + %d)[0]) + tonumber(cast(i64, p + %d)[0]) * 4611686018427387904) / 1e8)"
    return wide:format(offset, field.high_offset)
  end
  if readers[t] then return readers[t]:format(offset) end
  if t == C.FIELD_ID_TEXT then
    return ("(cast(i64, p + %d)[0] == 0 and '' or id_text(cast(i64, p + %d)[0]))"):format(offset, offset)
  elseif t == C.FIELD_ENUM then
    local name = "enum" .. #env
    env[#env + 1] = name
    env[name] = names_of(field.names)
    return ("%s[cast(u8, p + %d)[0]]"):format(name, offset)
  elseif t == C.FIELD_TEXT then
    return ("text(p + %d)"):format(offset)
  elseif t == C.FIELD_COIN then
    return "coin"
  elseif t == C.FIELD_COIN_TEXT then
    return ("(p[%d] ~= 0 and text(p + %d) or coin)"):format(offset, offset)
  elseif t == C.FIELD_CONST then
    return ("%q"):format(ffi.string(field.text))
  elseif t == C.FIELD_CONST_BOOL then
    return ffi.string(field.text) == "true" and "true" or "false"
  elseif t == C.FIELD_CONST_INT then
    local text = ffi.string(field.text)
    return text == "null" and "nil" or text
  elseif t == C.FIELD_OBJECT then
    return ("build[%d](p + %d)"):format(field.kind, offset)
  elseif t == C.FIELD_ONE then
    return ("{ build[%d](p + %d) }"):format(field.kind, offset)
  elseif t == C.FIELD_ONE_IF then
    return ("(cast(i16, p + %d)[0] >= 0 and { build[%d](p + %d) } or {})"):format(
      field.symbol_offset,
      field.kind,
      offset
    )
  elseif t == C.FIELD_LIST then
    return ("list(%d, cast(ptr, p + %d)[0], cast(i32, p + %d)[0])"):format(
      field.kind,
      offset,
      field.count_offset
    )
  end
  return nil
end

---The coin that a contract is settled in, by its name.
---@param name string? nil: of no contract
---@return string
function M.coin_of(name) return ffi.string(C.symbol_rules_coin(name or "")) end

---A run counts its money in one coin.
---@param names string[] its symbols
---@return string? problem a line, where two are settled in different ones
function M.coins_differ(names)
  local first = M.coin_of(names[1])
  for _, name in ipairs(names) do
    local coin = M.coin_of(name)
    if coin ~= first then
      return ("%s is settled in %s, %s in %s: a run counts its money in one coin; trade them in two runs"):format(
        names[1],
        first,
        name,
        coin
      )
    end
  end
end

---Constructors for a run's symbols.
---@param symbols table<integer, string> names by symbol index
---@return table # build[kind](pointer) -> table; list(kind, pointer, count) -> list of tables
function M.new(symbols)
  local R = { build = {}, coin = M.coin_of(symbols[0]) }
  local build = setmetatable(R.build, {
    __index = function(t, kind)
      local made = M.constructor(kind, symbols, R)
      rawset(t, kind, made)
      return made
    end,
  })

  function R.list(kind, pointer, count)
    local size = C.record_table(kind).size
    local rows, p = {}, ffi.cast("const char *", pointer)
    local make = build[kind]
    for i = 1, count do
      rows[i] = make(p + (i - 1) * size)
    end
    return rows
  end
  return R
end

function M.constructor(kind, symbols, R)
  local record = C.record_table(kind)
  assert(record ~= nil, "no field table for record kind " .. kind)
  local env = {
    cast = ffi.cast,
    tonumber = tonumber,
    floor = math.floor,
    id_text = M.id_text,
    text = ffi.string,
    symbols = symbols,
    coin = R.coin,
    build = R.build,
    list = R.list,
    i16 = ffi.typeof "const int16_t *",
    i32 = ffi.typeof "const int32_t *",
    i64 = ffi.typeof "const int64_t *",
    u8 = ffi.typeof "const uint8_t *",
    ptr = ffi.typeof "const char * const *",
    chars = ffi.typeof "const char *",
  }
  local lines, seen = {}, {}
  for i = 0, record.field_count - 1 do
    local field = record.fields[i]
    local name = ffi.string(field.name)
    local value = expression(field, env)
    if value and not seen[name] then
      seen[name] = true
      lines[#lines + 1] = ("    [%q] = %s,"):format(name, value)
    end
  end
  -- Locals are faster than globals of an environment, and a trace may fold them.
  local names = {}
  for name in pairs(env) do
    if type(name) == "string" then names[#names + 1] = name end
  end
  table.sort(names)
  local code = (
    "local env = ...\nlocal %s = env.%s\nreturn function(record)\n  local p = cast(chars, record)\n"
    .. "  return {\n%s\n  }\nend"
  ):format(table.concat(names, ", "), table.concat(names, ", env."), table.concat(lines, "\n"))
  return assert(load(code, "=record." .. ffi.string(record.name)))(env)
end

return M
