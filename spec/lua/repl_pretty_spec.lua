local complete = require "moontide.repl.complete"
local eval = require "moontide.repl.eval"
local history = require "moontide.repl.history"
local pretty = require "moontide.repl.pretty"

describe("the REPL's texts", function()
  local function widest(text)
    local most = 0
    for line in text:gmatch "[^\n]+" do
      most = math.max(most, pretty.width_of(line))
    end
    return most
  end

  it("cut what is deep, long and wide, and know a table that holds itself", function()
    local loop = { name = "loop" }
    loop.me = loop
    assert.equal('{ me = { the same table again }, name = "loop" }', pretty.value(loop))
    assert.equal("{ { { { ... } } } }", pretty.value({ { { { 1 } } } }, { depth = 3 }))
    local many = {}
    for i = 1, 1000 do
      many[i] = i
    end
    assert.truthy(pretty.value(many):find("... 960 more", 1, true))
    local records = {}
    for i = 1, 50 do
      records[i] = { symbol = "BTCUSDT" }
      for k = 1, 30 do
        records[i]["field" .. k] = ("x"):rep(k)
      end
    end
    local text = pretty.value(records, { width = 60, rows = 7 })
    assert.is_true(widest(text) <= 60)
    assert.equal(10, select(2, text:gsub("\n", "")) + 1) -- head, seven rows, what has no room, how many more
    assert.truthy(text:find("(43 more)", 1, true))
    assert.truthy(#pretty.value(("long "):rep(10000)) < 500)
    assert.equal('"a\\n\\27b"', pretty.value "a\n\27b") -- nothing that a terminal would obey
  end)

  it(
    "break where the screen ends, whatever stands before a table, and count a wide character as two",
    function()
      for width = 30, 60 do
        assert.is_true(
          widest(
            pretty.value(
              { a = { b = { "one", "two", "three" }, of_a_long_name = { "four", "five", "six" } } },
              { width = width }
            )
          ) <= width
        )
      end
      assert.equal(
        "{\n  name = {\n    10000,\n    20000,\n    30000\n  },\n  x = 1\n}",
        pretty.value({ name = { 10000, 20000, 30000 }, x = 1 }, { width = 32 })
      )
      assert.equal(
        "{\n  name = { 10000, 20000, 30000 },\n  x = 1\n}",
        pretty.value({ name = { 10000, 20000, 30000 }, x = 1 }, { width = 33 })
      )
      assert.equal(12, pretty.width_of "币安人生USDT")
      assert.equal("币安…", pretty.cut("币安人生", 6))
      assert.equal(
        "symbol        price\n币安人生USDT    1.5\nBTCUSDT           2",
        pretty.value { { symbol = "币安人生USDT", price = 1.5 }, { symbol = "BTCUSDT", price = 2 } }
      )
    end
  )

  it("show a task as what it is, though a script sees nothing inside it", function()
    local task = require "moontide.run.task"
    local t = task.spawn(function() end)
    assert.equal("task is ready", (pretty.value(t):gsub(" %d+ %b()", "")))
    task.kill(t, "enough")
    assert.equal("task was ended: enough", (pretty.value(t):gsub(" %d+ %b()", "")))
  end)

  it("tell an order's life in its order, though an exchange has milliseconds only", function()
    local trace = require "moontide.repl.trace"
    local call = {
      what = "POST /fapi/v1/order",
      parameters = {},
      symbol = "BTCUSDT",
      priority = "HIGH",
      submitted_us = 1700000000123400,
      sent_us = 1700000000123450,
      settled_us = 1700000000124700,
      waited_us = 0,
      waits = {},
      attempts = 1,
      settle = "done",
      client_id = "mine",
      order_id = "7",
      places = true,
      row = { status = "FILLED", executedQty = 1, avgPrice = 100 },
    }
    local api = {
      get_order = function()
        return {
          side = "BUY",
          type = "LIMIT",
          origQty = 1,
          symbol = "BTCUSDT",
          status = "FILLED",
          executedQty = 1,
          price = 101,
          avgPrice = 100,
          time = 1700000000123,
          updateTime = 1700000000124,
        }
      end,
      get_my_trades = function()
        return {
          { qty = 1, price = 100, commission = 0.05, realizedPnl = 0, maker = false, time = 1700000000124 },
        }
      end,
    }
    local text = assert(
      trace.why(
        { calls = { call }, first = 1, last = 1 },
        nil,
        nil,
        { api = api, simulated = false, width = 100 }
      )
    )
    local words = {}
    for word in text:gmatch " s  (%a+)" do
      words[#words + 1] = word
    end
    assert.equal("called admitted sent accepted fill settled", table.concat(words, " "))
    assert.truthy(
      text:find("order 7 (mine): BUY LIMIT 1 BTCUSDT at 101, FILLED, executed 1 at 100\n", 1, true),
      text
    )
  end)

  it("draw prices as a line of blocks, however many there are", function()
    local values = {}
    for i = 1, 1000 do
      values[i] = i
    end
    local line = pretty.sparkline(values, 50)
    assert.equal(50, pretty.width_of(line))
    assert.equal("▁", line:sub(1, 3))
    assert.equal("█", line:sub(-3))
    assert.equal("▄▄▄", pretty.sparkline({ 5, 5, 5 }, 10))
  end)

  it("show stamps of the exchange as times, nil at the end of a call's results not at all", function()
    assert.truthy(
      pretty
        .value({ symbol = "BTCUSDT", updateTime = 1700000000123, price = 1 })
        :find("2023-11-14 22:13:20.123", 1, true)
    )
    assert.equal("true", pretty.values { n = 2, true, nil })
    assert.equal("nil, nil", pretty.values { n = 2, nil, nil })
    assert.is_nil(pretty.values { n = 0 })
  end)
end)

describe("a typed line", function()
  it("asks for more when it is not whole, and only then", function()
    for text, incomplete in pairs {
      ["for i = 1, 2 do"] = true,
      ["x = {"] = true,
      ["f("] = true,
      ["1 +"] = true,
      ["if a then b() else"] = true,
      ["[[ long"] = true,
      ["function f()"] = true,
      ["x ="] = true,
      ["1 + 1"] = false,
      ["x = 5"] = false,
      ["x = )"] = false,
      ["foo bar"] = false,
      ["'open"] = false,
    } do
      local chunk, _, more = eval.compile(text)
      assert.equal(incomplete, chunk == nil and more == true, text)
    end
  end)

  it("is not kept when it may hold a secret", function()
    for line, secret in pairs {
      ["api_secret = 'abc'"] = true,
      ["local key = [[x]]"] = true,
      ["c = { apiKey = 'x' }"] = true,
      ["conf['secret'] = y"] = true,
      ["PASSWORD: x"] = true,
      ["os.setenv('MOONTIDE_API_SECRET', z)"] = true,
      ["h = 'dbefbc809e3e83c283a984c3a1459732ea7db1360ca80c5c2c8867408d28cc83'"] = true,
      ["-----BEGIN PRIVATE KEY-----"] = true,
      ["set('token', 'x')"] = true,
      ["keys(t)"] = false,
      ["api.get_klines{ symbol = 'BTCUSDT' }"] = false,
      ["x = monkey + 1"] = false,
      ["for k, v in pairs(api) do print(k) end"] = false,
    } do
      assert.equal(secret, history.is_secret(line), line)
    end
  end)

  it("is completed by what stands before the cursor", function()
    local o = {
      env = {
        api = { get_balance = print, get_bars = print, create_order = print },
        deep = { er = { field = 1 } },
      },
      symbols = { "BTCUSDT", "BNBUSDT" },
      commands = { "help", "history" },
    }
    local function list(text) return table.concat(complete.find(text, o).list, " ") end
    assert.equal("get_balance get_bars", list "x = api.get_ba")
    assert.equal("field", list "deep.er.f")
    assert.equal("help history", list ":h")
    assert.equal("BNBUSDT BTCUSDT", list "f('B")
    assert.equal("quantity = ", list "api.create_order{ symbol = 'BTCUSDT', quan")
    assert.equal("", list "api.create_order{ quantity = 1, quan")
    assert.equal("", list "nosuch.thing.")
    assert.equal("while", list "whil")
  end)
end)
