-- Real clients trade on the local exchange: the exchange's own connector, ccxt and the npm package `binance`, each through
-- a flow of some seventy checks and more. `make test` installs them into build/clients.
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

local folder = run.root .. "/build/clients"

local function installed()
  local pipe = io.popen "command -v node"
  local node = pipe:read "*l"
  pipe:close()
  local file = io.open(folder .. "/node_modules/ccxt/package.json")
  if file then file:close() end
  return node and file
end

describe("moontide exchange: real clients", function()
  for _, client in ipairs { { "official", 120 }, { "ccxt", 55 }, { "binance", 70 } } do
    local name, checks = client[1], client[2]
    it(name, function()
      if not installed() then
        pending "node or build/clients/node_modules is missing; `make clients` installs them"
        return
      end
      local x = lx.start()
      finally(function() x:stop() end)
      local out = run.folder()
      os.execute(
        (
          "cp %s/spec/clients/*.mjs %s/ && cd %s && MOONTIDE_REST=%s MOONTIDE_WS=%s MOONTIDE_KEY=%s MOONTIDE_SECRET=%s "
          .. "node %s.mjs >%s/out 2>&1; echo $? >%s/status"
        ):format(
          run.root,
          folder,
          folder,
          x.url,
          x.url:gsub("^http", "ws"),
          x.key,
          x.secret,
          name,
          out,
          out
        )
      )
      local text, status = "\n" .. run.read(out .. "/out"), tonumber(run.read(out .. "/status"))
      run.remove(out)
      local wrong = {}
      for line in text:gmatch "\n(not ok [^\n]*)" do
        wrong[#wrong + 1] = line
      end
      assert.equal(0, status, #wrong > 0 and table.concat(wrong, "\n") or text)
      assert.is_true(select(2, text:gsub("\nok ", "")) >= checks, text)
    end)
  end
end)
