local cjson = require "cjson"
local run = require "spec.support.run"

-- A snippet as it stands when every field is left as it is.
local function filled(snippet)
  local text = table.concat(snippet.body, "\n")
  text = text:gsub("%${%d+|([^,|]*)[^}]*}", "%1"):gsub("%${%d+:([^}]*)}", "%1")
  return (text:gsub("%$%d", ""))
end

describe("the snippets for VS Code", function()
  local snippets = cjson.decode(run.read(run.root .. "/examples/vscode/moontide.code-snippets"))

  it("are Lua, and each stands in their README", function()
    local readme = run.read(run.root .. "/examples/vscode/README.md")
    for name, snippet in pairs(snippets) do
      assert(load(filled(snippet), name))
      assert.truthy(readme:find("`" .. snippet.prefix .. "`", 1, true), name)
    end
  end)

  local function backtest(folder, text)
    run.write(folder .. "/s.lua", text)
    local r = run.moontide {
      "backtest",
      folder .. "/s.lua",
      "--synthetic",
      "1",
      "--bars",
      "60000",
      "--json",
      folder .. "/out.json",
      "--quiet",
    }
    assert.equal(0, r.status, r.err)
    assert.equal("", r.err)
    return cjson.decode(run.read(folder .. "/out.json")), r.out
  end

  it("run: the strategy enters and leaves, orders are taken, the chart is drawn", function()
    local folder = run.folder()
    local result = backtest(folder, filled(snippets["Moontide: strategy"]))
    assert.is_true(result.trades > 0)
    assert.equal(0, result.rejected + result.refused)
    local orders = filled(snippets["Moontide: market order"])
      .. "\n"
      .. filled(snippets["Moontide: limit order"])
    orders = orders:gsub("local order, err = ", "order, err = ")
    local text = "local done\nlocal strategy = { symbols = { 'BTCUSDT' }, interval = '5m', timer = 60 }\n"
      .. filled(snippets["Moontide: fill handler"])
      .. "\n"
      .. filled(snippets["Moontide: timer handler"])
      .. "\nfunction strategy:on_bar(bar)\nif done then return end\ndone = true\nlocal order, err\n"
      .. orders
      .. "\nend\nfunction strategy:on_stop()\n"
      .. filled(snippets["Moontide: chart"])
      .. "\nend\nreturn strategy\n"
    local out
    result, out = backtest(folder, text)
    assert.equal(2, result.orders)
    assert.equal(0, result.rejected + result.refused)
    assert.truthy(out:find("a EMA 20", 1, true))
    backtest(folder, (filled(snippets["Moontide: plain script"]):gsub("log.info", "log.debug")))
    run.remove(folder)
  end)

  it("test: the spec runs on the strategy", function()
    local folder = run.folder()
    os.execute(("mkdir -p '%s/spec'"):format(folder))
    run.write(folder .. "/strategy.lua", filled(snippets["Moontide: strategy"]))
    run.write(folder .. "/spec/strategy_spec.lua", filled(snippets["Moontide: spec"]))
    local r = run.moontide({ "test" }, nil, folder)
    run.remove(folder)
    assert.equal(0, r.status, r.out .. r.err)
    assert.matches("1 passed, 0 failed", r.out)
  end)
end)
