-- What the README tells a new user of the local exchange to run, run as it stands there.
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

local function blocks(language)
  local list = {}
  for text in run.read(run.root .. "/README.md"):gmatch("```" .. language .. "\n(.-)```") do
    list[#list + 1] = text
  end
  return list
end

describe("README: the local exchange", function()
  local x, folder
  setup(function()
    x, folder = lx.start(), run.folder()
  end)
  teardown(function()
    x:stop()
    run.remove(folder)
  end)

  local function as_here(text)
    return (
      text
        :gsub("127%.0%.0%.1:9090", "127.0.0.1:" .. x.port)
        :gsub("%f[%w]KEY%f[%W]", x.key)
        :gsub("%f[%w]SECRET%f[%W]", x.secret)
    )
  end

  local function output(command)
    local pipe = io.popen(command .. " 2>&1")
    local text = pipe:read "*a"
    pipe:close()
    return text
  end

  it("curl with a signed request", function()
    if output "command -v curl" == "" then
      pending "curl is missing"
      return
    end
    run.write(folder .. "/order.sh", as_here(blocks("sh")[1]))
    local text = output("sh " .. folder .. "/order.sh")
    assert.truthy(text:find('"status":"FILLED"', 1, true), text)
  end)

  it("Node's ccxt", function()
    local modules = run.root .. "/build/clients/node_modules"
    if output "command -v node" == "" or not io.open(modules .. "/ccxt/package.json") then
      pending "node or build/clients/node_modules is missing; `make clients` installs them"
      return
    end
    run.write(folder .. "/order.cjs", as_here(blocks("js")[1]))
    local text = output(("NODE_PATH=%s node %s/order.cjs"):format(modules, folder))
    assert.truthy(text:find "^closed %d+", text)
  end)
end)
