local at_hand = require "moontide.repl.at_hand"
local pretty = require "moontide.repl.pretty"
local rows = require "moontide.repl.rows"
local run = require "spec.support.run"
local state_form = require "moontide.run.state_form"

describe("rows", function()
  local function trades()
    return rows.new {
      { symbol = "BTCUSDT", side = "BUY", qty = 2, price = 10.5 },
      { symbol = "ETHUSDT", side = "SELL", qty = 1, price = 3 },
      { symbol = "BTCUSDT", side = "SELL", qty = 4, price = 11 },
      { symbol = "SOLUSDT", side = "BUY", qty = 3 },
    }
  end
  local function column(list, name)
    local out = {}
    for i, record in ipairs(list) do
      out[i] = record[name]
    end
    return out
  end

  it("are chosen by fields, by several values, by functions", function()
    local t = trades()
    assert.same({ 2, 4 }, column(t:where { symbol = "BTCUSDT" }, "qty"))
    assert.same({ 4 }, column(t:where { symbol = "BTCUSDT", side = "SELL" }, "qty"))
    assert.same({ 1, 3 }, column(t:where { symbol = { "ETHUSDT", "SOLUSDT" } }, "qty"))
    assert.same({ 4, 3 }, column(t:where { qty = function(v) return v > 2 end }, "qty"))
    assert.same({ 4 }, column(t:where(function(r) return r.qty * (r.price or 0) > 40 end), "qty"))
    assert.equal(4, #t)
  end)

  it("are sorted by several fields, without a field last, and alike in their order", function()
    local t = trades()
    assert.same({ 1, 2, 3, 4 }, column(t:sort "qty", "qty"))
    assert.same({ 3, 10.5, 11 }, column(t:sort "price", "price"))
    assert.equal("SOLUSDT", t:sort("price")[4].symbol)
    assert.equal("SOLUSDT", t:sort("-price")[4].symbol)
    assert.same({ 3, 2, 4, 1 }, column(t:sort("side", "-qty"), "qty"))
    assert.same({ 2, 3, 1, 4 }, column(t:sort "side", "qty"))
  end)

  it("are counted and summed by group", function()
    local g = trades():group("symbol", { qty = "sum", price = "mean" })
    assert.same({ "BTCUSDT", "ETHUSDT", "SOLUSDT" }, column(g, "symbol"))
    assert.same({ 2, 1, 1 }, column(g, "count"))
    assert.same({ 6, 1, 3 }, column(g, "sum_qty"))
    assert.equal(10.75, g[1].mean_price)
    assert.equal(nil, g[3].mean_price)
    assert.equal(
      "symbol   count  mean_price  sum_qty\nBTCUSDT      2       10.75        6",
      pretty.value(g):match "^[^\n]*\n[^\n]*"
    )
    assert.same({ { side = "BUY", count = 2, min_qty = 2 }, { side = "SELL", count = 2, min_qty = 1 } }, {
      { side = "BUY", count = 2, min_qty = trades():group("side", { qty = "min" })[1].min_qty },
      { side = "SELL", count = 2, min_qty = trades():group("side", { qty = "min" })[2].min_qty },
    })
  end)

  it("are written as CSV, with the columns that were chosen", function()
    local t = rows.new { { a = 0.1, b = 'say "x", y' }, { a = 2 ^ 53 } }
    assert.equal('a,b\n0.1,"say ""x"", y"\n9007199254740992,\n', t:csv())
    assert.equal("qty,side\n2,BUY\n1,SELL\n", trades():select("qty", "side"):head(2):csv())
    local folder = run.folder()
    assert.equal("4 rows in " .. folder .. "/t.csv", trades():csv(folder .. "/t.csv"))
    assert.equal(trades():csv(), run.read(folder .. "/t.csv"))
    run.remove(folder)
    local ok, problem = pcall(function() trades():csv "/no/such/place.csv" end)
    assert.falsy(ok)
    assert.truthy(problem:find("/no/such/place.csv", 1, true), problem)
  end)

  it("name the field that was meant", function()
    for _, f in ipairs {
      function() trades():where { simbol = "BTCUSDT" } end,
      function() trades():sort "-symbl" end,
      function() trades():select "sybol" end,
      function() trades():group "symboll" end,
    } do
      local ok, problem = pcall(f)
      assert.falsy(ok)
      assert.truthy(problem:find("did you mean symbol?", 1, true), problem)
    end
    assert.equal(0, #trades():where { side = "HOLD" })
    assert.equal("no rows", pretty.value(trades():where { side = "HOLD" }))
  end)

  it("are shown with a line a field when that is wanted", function()
    local text = pretty.value(trades():head(1), { expanded = true })
    assert.equal("-- 1 --\nsymbol  BTCUSDT\nside    BUY\nprice   10.5\nqty     2", text)
  end)

  it("are kept in a state as the plain list that they are", function()
    local kept = state_form.decode(state_form.encode { list = rows.new { { id = 1 } } })
    assert.same({ list = { { id = 1 } } }, kept)
    assert.equal(nil, getmetatable(kept.list))
  end)

  it("are what api.get_... answers to typed code, and the script sees none of it", function()
    local list = { { id = 1 }, { id = 2 } }
    local globals = { api = { get_list = function() return list end, create = function() return list end } }
    local env = at_hand.over(globals, globals.api)
    assert.same({ 2 }, column(env.api.get_list():where { id = 2 }, "id"))
    assert.equal(nil, getmetatable(list))
    assert.equal(list, env.api.create())
    assert.equal(nil, rawget(globals, "rows"))
    assert.equal(nil, rawget(globals, "ta"))
    env.x = 5
    assert.equal(5, globals.x)
    globals = { rows = 7, api = globals.api }
    assert.equal(7, at_hand.over(globals, globals.api).rows)
  end)
end)
