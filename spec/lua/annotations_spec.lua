local bit = require "bit"
local ffi = require "ffi"
local C = require "moontide.core"
local annotations = require "moontide.meta.annotations"
local api_module = require "moontide.api"
local run = require "spec.support.run"
local strategy = require "moontide.run.strategy"

-- The names a run really offers, by what users call them.
local function offered()
  local folder = run.folder()
  local path = run.write(
    folder .. "/s.lua",
    [[
    return { symbols = { "BTCUSDT" }, on_start = function(self)
      for name, v in pairs(api) do if type(v) == "function" then print("api." .. name) end end
      for name in pairs(api.async) do print("async." .. name) end
      for name in pairs(market) do print("market." .. name) end
      for name, v in pairs(log) do if type(v) == "function" then print("log." .. name) end end
      for name in pairs(plot) do print("plot." .. name) end
      for name, v in pairs(debug.getmetatable(plot { 1 }).__index) do
        if type(v) == "function" and not name:find "^_" then print("chart:" .. name) end
      end
      for name in pairs(debug.getmetatable(self).__index) do print("self:" .. name) end
      for _, module in ipairs { "ta", "stats", "testing" } do
        for name in pairs(require("moontide." .. module)) do print(module .. "." .. name) end
      end
      for name, v in pairs(debug.getmetatable(require("moontide.testing").world()).__index) do
        if type(v) == "function" and not name:find "^_" then print("world:" .. name) end
      end
    end }]]
  )
  local r = run.moontide {
    "backtest",
    path,
    "--synthetic",
    "1",
    "--bars",
    "2",
    "--quiet",
    "--json",
    folder .. "/out.json",
  }
  run.remove(folder)
  assert.are.equal(0, r.status, r.err)
  local names = {}
  for name in r.out:gmatch "([%w_]+[%.:][%w_]+)\n" do
    names[name] = true
  end
  return names
end

local function class_fields(name)
  local fields = {}
  local entry = assert(annotations.find(name), "no class " .. name)
  while entry do
    for _, f in ipairs(entry.fields) do
      fields[f.name] = f
    end
    entry = entry.parent and entry.parent ~= "CallOptions" and annotations.find(entry.parent)
  end
  return fields
end

describe("annotations", function()
  it(
    "are complete: every function has its parameters, results and errors described, every number its unit",
    function() assert.are.same({}, annotations.problems()) end
  )

  it("describe every name a run offers, and no other", function()
    local there, described = offered(), {}
    for _, entry in ipairs(annotations.all()) do
      if entry.kind == "function" and entry.name:find "^[%w_]+[%.:]" then described[entry.name] = true end
    end
    for _, field in ipairs(annotations.find("ApiAsync").fields) do
      described["async." .. field.name] = true
    end
    for name in pairs(there) do
      assert(described[name], name .. " is not described")
    end
    for name in pairs(described) do
      if not name:find "^task:" then assert(there[name], name .. " does not exist") end
    end
  end)

  it("describe every handler that runs, and no other", function()
    local described = {}
    for _, entry in ipairs(annotations.all()) do
      if entry.kind == "handler" then described[entry.name] = true end
    end
    for _, name in ipairs(strategy.handlers) do
      assert(described[name], name .. " is not described")
      described[name] = nil
    end
    assert.is_nil(next(described))
  end)

  it("give each reply exactly the fields of the C tables", function()
    local kinds = {
      Order = { "ORDER_QUERY", "ORDER_AMENDED" },
      AlgoOrder = "ALGO_QUERY",
      MyTrade = "TRADE",
      Kline = "KLINE",
      Balance = "BALANCE",
      Position = "POSITION",
      Account = "ACCOUNT",
      AccountAsset = "ACCOUNT_ASSET",
      AccountPosition = "ACCOUNT_POSITION",
      Income = "INCOME",
      Ticker24h = "TICKER_24H",
      TickerPrice = "TICKER_PRICE",
      BookTicker = "BOOK_TICKER",
      MarkPrice = "MARK",
      FundingRate = "FUNDING",
      AggTrade = "AGG_TRADE",
      RecentTrade = "RECENT_TRADE",
      OrderBook = "DEPTH",
      BookLevel = "LEVEL",
      LeverageReply = "LEVERAGE",
      CommissionRate = "COMMISSION",
      LeverageBrackets = "BRACKET_LIST",
      LeverageBracket = "BRACKET",
      StatusReply = "STATUS",
      ServerTime = "SERVER_TIME",
      PositionMode = "POSITION_MODE",
      MarginChange = "MARGIN_CHANGE",
      AlgoCancel = "ALGO_CANCEL",
    }
    for class, kind in pairs(kinds) do
      local fields = class_fields(class)
      local names = {}
      for _, name in ipairs(type(kind) == "table" and kind or { kind }) do
        local record = C.record_table(C["RECORD_" .. name])
        for i = 0, record.field_count - 1 do
          names[ffi.string(record.fields[i].name)] = true
        end
      end
      for name in pairs(names) do
        assert(fields[name], class .. "." .. name .. " is not described")
      end
      for name in pairs(fields) do
        -- What on_order adds.
        assert(
          names[name] or (class == "Order" and name == "recovered"),
          ("%s.%s does not exist"):format(class, name)
        )
      end
    end
  end)

  it("give each call exactly the parameters it takes, needed ones without a question mark", function()
    for call, endpoint in pairs(api_module.calls) do
      local entry = assert(annotations.find("api." .. call), call)
      local class = entry.params[1].type:gsub("%?$", "")
      local fields = class == "CallOptions" and {} or class_fields(class)
      local info = C.endpoint_info(C[endpoint])
      for param = 0, tonumber(C.PARAM_COUNT) - 1 do
        local flag = bit.lshift(1ULL, param)
        if param ~= C.P_TIMESTAMP and param ~= C.P_RECV_WINDOW and bit.band(info.params, flag) ~= 0 then
          local name = ffi.string(C.param_info(param).name)
          if param == C.P_MARGIN_CHANGE then name = "change_type" end
          local field = assert(fields[name], ("%s: %s.%s is not described"):format(call, class, name))
          if bit.band(info.required, flag) ~= 0 and class ~= "OrderQuery" then -- a conditional order needs no symbol
            assert(field.type:sub(-1) ~= "?", ("%s: %s.%s is needed"):format(call, class, name))
          end
          fields[name] = nil
        end
      end
      if class == "OrderQuery" then
        fields.algoId, fields.clientAlgoId = nil, nil
      end
      assert.is_nil(next(fields), ("%s: %s takes no %s"):format(call, class, tostring(next(fields))))
    end
  end)

  it("are found by name, in any case, or by the last part alone", function()
    local entry = annotations.find "API.Create_Order"
    assert.are.equal("api.create_order", entry.name)
    assert.are.equal(entry, annotations.find "create_order")
    assert.are.equal(entry, annotations.find "api.create_order(o)")
    assert.are.same({ { name = "o", type = "OrderRequest", text = "the order" } }, entry.params)
    assert.are.same({
      { name = "order", type = "Order?", text = "as the exchange has it now" },
      { name = "err", type = "ApiError?", text = "" },
    }, entry.returns)
    assert.matches("unknown_outcome", entry.errors)
    assert.matches("^Sends one order", entry.summary)
    assert.are.equal("meta/calls.lua", entry.file)
    assert.are.equal("self:equity", annotations.find("equity").name)
    assert.are.equal("self:position", annotations.find("position").name)
    assert.are.equal("class", annotations.find("Position").kind)
    assert.are.equal("OrderBook", annotations.find("orderbook").name)
    assert.are.equal("on_bar", annotations.find("on_bar").name)
    assert.is_nil(annotations.find "no_such_thing")
  end)

  it("read types that hold blanks", function()
    local log = annotations.find "log.fields"
    assert.are.equal("{ [1]: string, [2]: any }[]?", log.params[3].type)
    assert.are.equal("name and value of each, in their order", log.params[3].text)
    local bands = annotations.find "ta.donchian"
    assert.are.equal("fun(high: number, low: number): number?, number?, number?", bands.returns[1].type)
    assert.are.equal("upper, lower, middle", bands.returns[1].text)
  end)

  it("fail the check when docs/api.md is behind", function()
    local folder = run.folder()
    local r = run.moontide({ "script", run.root .. "/docs/generate_api.lua", "--check" }, nil, folder)
    run.remove(folder)
    assert.are.equal(1, r.status)
    assert.matches("docs/api.md is behind", r.err)
  end)
end)
