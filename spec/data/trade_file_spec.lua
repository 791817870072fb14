-- Files of trades, read row by row: what each archive's columns mean, and what is refused.
local ffi = require "ffi"
require "spec.support.c"
local C = ffi.C

ffi.cdef [[
  struct trade_row { int64_t time_us, price_e8, qty_e8; bool buyer_maker; };
  struct trade_file;
  int trade_file_open(const char *const *paths, int32_t count, struct trade_file **out, struct errmsg *e);
  int trade_file_next(struct trade_file *f, struct trade_row *row, struct errmsg *e);
  void trade_file_close(struct trade_file *f);
]]

-- The trades of files that hold these texts, as lines; or nil and what is wrong.
local function read(...)
  local paths, count = {}, select("#", ...)
  for i, text in ipairs { ... } do
    paths[i] = os.tmpname() .. ".csv"
    local file = assert(io.open(paths[i], "wb"))
    file:write(text)
    file:close()
  end
  local list, out, e =
    ffi.new("const char *[?]", count, paths), ffi.new "struct trade_file *[1]", ffi.new "struct errmsg"
  local rows, row = {}, ffi.new "struct trade_row"
  local status = C.trade_file_open(list, count, out, e)
  while status == 0 do
    local got = C.trade_file_next(out[0], row, e)
    if got ~= 1 then
      status = got
      break
    end
    rows[#rows + 1] = ("%d %g %g %s"):format(
      tonumber(row.time_us) / 1000,
      tonumber(row.price_e8) / 1e8,
      tonumber(row.qty_e8) / 1e8,
      row.buyer_maker and "sold" or "bought"
    )
  end
  if out[0] ~= nil then C.trade_file_close(out[0]) end
  for _, path in ipairs(paths) do
    os.remove(path)
    os.remove((path:gsub("%.csv$", "")))
  end
  if status ~= 0 then return nil, ffi.string(e.text) end
  return rows
end

describe("a file of trades", function()
  local T = 1700000000000

  it("is known by its header, whatever the order of its columns, or by how many there are", function()
    local expected = { T .. " 100.5 2 sold", T + 1 .. " 101 0.5 bought" }
    for _, text in ipairs {
      ("agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n1,100.5,2,1,1,%d,true\n2,101,0.5,2,2,%d,false\n"):format(
        T,
        T + 1
      ),
      ("id,price,qty,quote_qty,time,is_buyer_maker\n1,100.5,2,201,%d,TRUE\n2,101,0.5,50.5,%d,False\n"):format(
        T,
        T + 1
      ),
      ("is_buyer_maker,timestamp,QTY,Price\ntrue,%d,2,100.5\nfalse,%d,0.5,101\n"):format(T, T + 1),
      ("1,100.5,2,1,1,%d,true\n2,101,0.5,2,2,%d,false\n"):format(T, T + 1),
      ("1,100.5,2,201,%d,true\n2,101,0.5,50.5,%d,false"):format(T, T + 1),
      ("1,100.5,2,201,%d,true\r\n2,101,0.5,50.5,%d,false\r\n"):format(T, T + 1),
      ("1,100.5,2,201,%d,true\n\n2,101,0.5,50.5,%d,false\n"):format(T, T + 1),
      -- A trade of nothing is none.
      ("1,100.5,2,201,%d,true\n2,7,0,0,%d,true\n3,101,0.5,50.5,%d,false\n"):format(T, T, T + 1),
    } do
      local rows, why = read(text)
      assert.same(expected, rows, why)
    end
  end)

  it("goes on in the next one, each with a first row of its own; equal times are in order", function()
    local rows, why =
      read(("1,100,1,100,%d,true\n"):format(T), ("price,qty,time,is_buyer_maker\n101,1,%d,false\n"):format(T))
    assert.same({ T .. " 100 1 sold", T .. " 101 1 bought" }, rows, why)
    rows, why = read(("1,100,1,100,%d,true\n"):format(T), ("2,100,1,100,%d,true\n"):format(T - 1))
    assert.is_nil(rows)
    assert.truthy(why:find("line 1: earlier than the trade before it", 1, true), why)
  end)

  it("is refused with the line that is wrong", function()
    local good = ("1,100,1,100,%d,true\n"):format(T)
    for text, expected in pairs {
      [good .. ("2,0,1,100,%d,true\n"):format(T)] = "line 2: a price of zero or a negative quantity",
      [good .. ("2,-1,1,100,%d,true\n"):format(T)] = "line 2: a price of zero or a negative quantity",
      [good .. ("2,100,-1,100,%d,true\n"):format(T)] = "line 2: a price of zero or a negative quantity",
      [good .. ("2,x,1,100,%d,true\n"):format(T)] = "line 2: a price or quantity that is not a number",
      [good .. ("2,100,,100,%d,true\n"):format(T)] = "line 2: a price or quantity that is not a number",
      [good .. "2,100,1,100,soon,true\n"] = "line 2: not a time",
      [good .. ("2,100,1,100,%d,yes\n"):format(T)] = "line 2: is_buyer_maker is neither true nor false",
      [good .. ("2,100,1,100,%d,truer\n"):format(T)] = "line 2: is_buyer_maker is neither true nor false",
      [good .. ("2,100,1,100,%d,1\n"):format(T)] = "line 2: is_buyer_maker is neither true nor false",
      [good .. ("2,100,1,100,%d,true\n"):format(T - 1)] = "line 2: earlier than the trade before it",
      [good .. ("2,100,1,100,%d,true\n"):format(T) .. ("3,100,1,100,%d\n"):format(T)] = "line 3: not as many fields as the first line has",
      [good .. ("3,100,1,100,%d,true,9\n"):format(T)] = "line 2: not as many fields as the first line has",
      [good .. good] = "line 2: the trade before it once more",
      [("5,100,1,100,%d,true\n4,100,1,100,%d,true\n"):format(T, T)] = "line 2: its id is below",
      ["1,2,3\n"] = "line 1: no trades: expected columns price, quantity, time and is_buyer_maker",
      ["price,qty,time\n"] = "line 1: no trades: expected columns price, quantity, time and is_buyer_maker",
      ["price,time,is_buyer_maker\n"] = "line 1: no trades: expected columns price, quantity, time and is_buyer_maker",
    } do
      local rows, why = read(text)
      assert.is_nil(rows, text)
      assert.truthy(why:find(expected, 1, true), why)
    end
  end)
end)
