---Values as a person reads them: tables indented and cut, replies of the exchange as aligned tables, klines with a sparkline.
local ffi = require "ffi"
local errors = require "moontide.error"
local Bar = require("moontide.api.market").Bar
local rows_module = require "moontide.repl.rows"
local plot = require "moontide.plot"
local text_width = require "moontide.text_width"

local M = {}

---@class PrettyOptions
---@field width integer? columns of the screen (100)
---@field depth integer? how deep tables are shown (4)
---@field rows integer? of a table of records (20)
---@field items integer? of any other table (40)
---@field expanded boolean? a table of records: each record with a line a field
---@field color boolean? charts are coloured

local TEXT_MAX = 400

-- Columns that a reader looks for first; the others follow by name.
local order = {}
for i, name in ipairs {
  "symbol",
  "asset",
  "time",
  "open_time",
  "orderId",
  "algoId",
  "side",
  "positionSide",
  "type",
  "status",
  "price",
  "stopPrice",
  "origQty",
  "qty",
  "quoteQty",
  "executedQty",
  "avgPrice",
  "positionAmt",
  "entryPrice",
  "markPrice",
  "unRealizedProfit",
  "unrealizedProfit",
  "liquidationPrice",
  "leverage",
  "balance",
  "availableBalance",
  "crossUnPnl",
  "bid",
  "ask",
  "bidPrice",
  "bidQty",
  "askPrice",
  "askQty",
  "lastPrice",
  "open",
  "high",
  "low",
  "close",
  "volume",
  "incomeType",
  "income",
  "realizedPnl",
  "commission",
  "timeInForce",
  "reduceOnly",
  "clientOrderId",
} do
  order[name] = i
end

local cut, pad, width_of = text_width.cut, text_width.pad, text_width.width_of
M.cut, M.pad, M.width_of = cut, pad, width_of

local function number_text(v)
  if v ~= v then return "nan" end
  if v == math.huge then
    return "inf"
  elseif v == -math.huge then
    return "-inf"
  end
  if v == math.floor(v) and math.abs(v) < 2 ^ 53 then return ("%d"):format(v) end
  return ("%.10g"):format(v)
end

local function time_text(ms)
  local text = os.date("!%Y-%m-%d %H:%M:%S", math.floor(ms / 1000))
  return ms % 1000 == 0 and text or ("%s.%03d"):format(text, ms % 1000)
end
M.time_text = time_text

-- A field of the exchange's: its stamps are milliseconds since the epoch.
local function field_text(name, v)
  if type(v) == "number" then
    if v > 1e12 and v < 1e13 and type(name) == "string" and name:find "[tT]ime$" then return time_text(v) end
    return number_text(v)
  end
  return v == nil and "" or tostring(v)
end

local function quoted(s)
  local text = #s > TEXT_MAX and s:sub(1, TEXT_MAX) .. "…" or s
  return '"'
    .. text:gsub('[%c"\\\127]', function(c)
      local short = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ['"'] = '\\"', ["\\"] = "\\\\" }
      return short[c] or ("\\%d"):format(c:byte())
    end)
    .. '"'
end

local function is_scalar(v)
  local t = type(v)
  return t == "number" or t == "string" or t == "boolean" or t == "nil"
end

local function sorted_names(t)
  local names = {}
  for name in pairs(t) do
    names[#names + 1] = name
  end
  table.sort(names, function(a, b)
    local x, y = order[a] or 999, order[b] or 999
    if x ~= y then return x < y end
    if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
    return tostring(a) < tostring(b)
  end)
  return names
end

-- A table whose names are all words and whose values are all scalars: one row of a reply.
local function is_record(t)
  if type(t) ~= "table" or next(t) == nil or debug.getmetatable(t) then return false end
  for name, v in pairs(t) do
    if type(name) ~= "string" or not (is_scalar(v) or (type(v) == "table" and next(v) == nil)) then
      return false
    end
  end
  return true
end

local function is_list(t)
  local count = 0
  for _ in pairs(t) do
    count = count + 1
  end
  return count > 0 and count == #t
end

---Rows with a head, aligned; numbers to the right. Columns that find no room are named below.
---@param columns string[]
---@param rows table[] by column name, texts or numbers
---@param width integer
---@return string
function M.grid(columns, rows, width)
  local widths, right = {}, {}
  local cells = {}
  for k, name in ipairs(columns) do
    widths[k], right[k] = width_of(name), true
    for i, row in ipairs(rows) do
      cells[i] = cells[i] or {}
      local text = cut(field_text(name, row[name]):gsub("%c", " "), 40)
      cells[i][k] = text
      widths[k] = math.max(widths[k], width_of(text))
      if type(row[name]) ~= "number" and row[name] ~= nil and row[name] ~= "" then right[k] = false end
    end
  end
  local shown, used, left_out = {}, 0, {}
  for k, name in ipairs(columns) do
    local needs = widths[k] + (#shown > 0 and 2 or 0)
    if #shown == 0 or used + needs <= width then
      shown[#shown + 1] = k
      used = used + needs
    else
      left_out[#left_out + 1] = name
    end
  end
  local lines = {}
  local function line(texts)
    local parts = {}
    for i, k in ipairs(shown) do
      parts[i] = pad(texts[k], widths[k], right[k])
    end
    lines[#lines + 1] = (table.concat(parts, "  "):gsub("%s+$", ""))
  end
  line(columns)
  for i = 1, #rows do
    line(cells[i])
  end
  if #left_out > 0 then lines[#lines + 1] = cut(("(and %s)"):format(table.concat(left_out, ", ")), width) end
  return table.concat(lines, "\n")
end

local levels = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }

---@param values number[]
---@param width integer the most characters; more values are thinned out, the last one stays
---@return string
function M.sparkline(values, width)
  local low, high = math.huge, -math.huge
  for _, v in ipairs(values) do
    low, high = math.min(low, v), math.max(high, v)
  end
  local count = math.min(#values, width)
  local parts = {}
  for i = 1, count do
    local v = values[count == 1 and #values or math.floor((i - 1) * (#values - 1) / (count - 1) + 1.5)]
    parts[i] = levels[high > low and math.floor((v - low) / (high - low) * 7 + 0.5) + 1 or 4]
  end
  return table.concat(parts)
end

local function is_kline(t)
  return type(t) == "table" and t.open_time and t.close and t.high and t.low and t.open
end

local function klines_text(list, o)
  local closes, rows = {}, {}
  local low, high = math.huge, -math.huge
  for i, k in ipairs(list) do
    closes[i] = k.close
    low, high = math.min(low, k.low), math.max(high, k.high)
  end
  local shown = math.min(#list, math.floor(o.rows / 2))
  for i = #list - shown + 1, #list do
    rows[#rows + 1] = list[i]
  end
  local first, last = list[1], list[#list]
  local head = ("%d bars, %s to %s, %s to %s, change %+.2f %%"):format(
    #list,
    time_text(first.open_time),
    time_text(last.open_time),
    number_text(low),
    number_text(high),
    first.open ~= 0 and (last.close / first.open - 1) * 100 or 0
  )
  local text = head
    .. "\n"
    .. M.sparkline(closes, math.min(o.width, 100))
    .. "\n"
    .. M.grid({ "open_time", "open", "high", "low", "close", "volume", "trades" }, rows, o.width)
  if shown < #list then text = text .. ("\n(the last %d)"):format(shown) end
  return text
end

local function is_book(t) return type(t) == "table" and type(t.bids) == "table" and type(t.asks) == "table" end

local function book_text(book, o)
  local most = math.floor(o.rows / 2)
  local rows = {}
  for i = math.min(#book.asks, most), 1, -1 do
    rows[#rows + 1] = { price = book.asks[i].price, ask = book.asks[i].qty }
  end
  for i = 1, math.min(#book.bids, most) do
    rows[#rows + 1] = { price = book.bids[i].price, bid = book.bids[i].qty }
  end
  return M.grid({ "bid", "price", "ask" }, rows, o.width)
    .. ("\n(%d bids, %d asks)"):format(#book.bids, #book.asks)
end

local function record_text(t, o)
  local names, lines, widest = sorted_names(t), {}, 0
  for _, name in ipairs(names) do
    widest = math.max(widest, width_of(name))
  end
  for i, name in ipairs(names) do
    local v = t[name]
    local text = type(v) == "table" and "{}"
      or type(v) == "string" and v == "" and '""'
      or field_text(name, v)
    lines[i] = cut(pad(name, widest) .. "  " .. text, o.width)
  end
  return table.concat(lines, "\n")
end

local function records_text(list, o)
  local shown = math.min(#list, o.rows)
  local rows, names = {}, {}
  for i = 1, shown do
    rows[i] = list[i]
    for name, v in pairs(list[i]) do
      if type(v) ~= "table" then names[name] = true end
    end
  end
  local columns = rows_module.columns(list) or sorted_names(names)
  local text
  if o.expanded then
    local parts = {}
    for i, row in ipairs(rows) do
      parts[i] = ("-- %d --\n"):format(i) .. record_text(row, o)
    end
    text = table.concat(parts, "\n")
  else
    text = M.grid(columns, rows, o.width)
  end
  if shown < #list then text = text .. ("\n(%d more)"):format(#list - shown) end
  return text
end

local value_text

local function function_text(f)
  local info = debug.getinfo(f, "S")
  if info.what == "C" then return "function (built in)" end
  return ("function (%s:%d)"):format(info.short_src, info.linedefined)
end

-- `taken`: columns of the first line that something else stands in.
local function plain_table(t, o, depth, seen, indent, taken)
  if seen[t] then return "{ the same table again }" end
  if next(t) == nil then return "{}" end
  if depth >= o.depth then return "{ ... }" end
  seen[t] = true
  local parts, count, done = {}, 0, {}
  local function add(text) parts[#parts + 1] = text end
  local function inner(v, name) return value_text(v, o, depth + 1, seen, indent .. "  ", width_of(name) + 1) end -- a comma follows
  for i, v in ipairs(t) do
    done[i] = true
    count = count + 1
    if count > o.items then break end
    add(inner(v, ""))
  end
  for _, name in ipairs(sorted_names(t)) do
    if not done[name] and not (type(name) == "number" and count > o.items) then
      count = count + 1
      if count > o.items then break end
      local key = type(name) == "string" and name:find "^[%a_][%w_]*$" and name
        or ("[%s]"):format(type(name) == "string" and quoted(name) or tostring(name))
      add(key .. " = " .. inner(t[name], key .. " = "))
    end
  end
  seen[t] = nil
  local total = 0
  for _ in pairs(t) do
    total = total + 1
  end
  if total > o.items then add(("... %d more"):format(total - o.items)) end
  local line = "{ " .. table.concat(parts, ", ") .. " }"
  if #indent + taken + width_of(line) <= o.width and not line:find "\n" then return line end
  return "{\n" .. indent .. "  " .. table.concat(parts, ",\n" .. indent .. "  ") .. "\n" .. indent .. "}"
end

function value_text(v, o, depth, seen, indent, taken)
  local t = type(v)
  if t == "string" then return quoted(v) end
  if t == "number" then return number_text(v) end
  if t == "function" then return function_text(v) end
  if t ~= "table" then return tostring(v) end
  local meta = debug.getmetatable(v) -- one that is hidden too
  if meta == errors.class or (meta and rawget(meta, "__tostring")) then
    local ok, text = pcall(tostring, v)
    return ok and type(text) == "string" and text or "table"
  end
  return plain_table(v, o, depth, seen, indent, taken)
end

---@param o PrettyOptions?
local function with_defaults(o)
  o = o or {}
  return {
    width = o.width or 100,
    depth = o.depth or 4,
    rows = o.rows or 20,
    items = o.items or 40,
    expanded = o.expanded,
  }
end

---One value.
---@param v any
---@param o PrettyOptions?
---@return string # of one line or several, without an end of line
function M.value(v, o)
  if plot.is_chart(v) then return v:text { width = o and o.width or 100, color = o and o.color or false } end
  o = with_defaults(o)
  if rows_module.is(v) and #v == 0 then return "no rows" end
  if type(v) == "table" and (not debug.getmetatable(v) or rows_module.is(v)) then -- hidden ones are of values with a text of their own
    if is_book(v) then return book_text(v, o) end
    if is_list(v) then
      if is_kline(v[1]) and not o.expanded and not rows_module.columns(v) then return klines_text(v, o) end
      local records = true
      for i = 1, #v do
        records = records and is_record(v[i])
      end
      if records then return records_text(v, o) end
    elseif is_record(v) then
      local line = plain_table(v, { width = o.width, depth = 2, items = 6 }, 0, {}, "", 0)
      local count = 0
      for _ in pairs(v) do
        count = count + 1
      end
      if count > 2 then return record_text(v, o) end
      return line
    end
  end
  if type(v) == "cdata" and ffi.istype(Bar, v) then return record_text(v:totable(), o) end
  return value_text(v, o, 0, {}, "", 0)
end

---What an expression gave: one line when each value is short, else one below the other.
---@param values table with `n`
---@param o PrettyOptions?
---@return string? # nil: nothing to show
function M.values(values, o)
  local n = values.n
  while n > 1 and values[n] == nil and values[1] ~= nil do
    n = n - 1
  end -- a call's err, when there was none
  if n == 0 then return nil end
  local parts, short = {}, true
  for i = 1, n do
    parts[i] = M.value(values[i], o)
    short = short and not parts[i]:find "\n"
  end
  local line = table.concat(parts, ", ")
  if short and width_of(line) <= with_defaults(o).width then return line end
  return table.concat(parts, "\n")
end

---What `print` writes: as the language's own, but tables as the REPL shows them.
---@param ... any
---@return string
function M.printed(...)
  local parts = {}
  for i = 1, select("#", ...) do
    local v = select(i, ...)
    parts[i] = type(v) == "table" and M.value(v) or tostring(v)
  end
  return table.concat(parts, "\t")
end

return M
