---Looks at a page in the machine's Chromium (spec/page/browser.mjs).
local cjson = require "cjson"
local run = require "spec.support.run"

local M = {}

local clients = run.root .. "/build/clients"

local function first_line(command)
  local pipe = io.popen(command)
  local line = pipe:read "*l"
  pipe:close()
  return line
end

---What is missing here for a look at pages; nil when nothing is.
---@return string?
function M.missing()
  if not require("moontide.page").present() then return "build/page is missing; `make page` fetches it" end
  local file = io.open(clients .. "/node_modules/playwright-core/package.json")
  if not file then
    return "build/clients/node_modules/playwright-core is missing; `make clients` installs it"
  end
  file:close()
  if not first_line "command -v node" then return "node is missing" end
  if not first_line "command -v chromium" then
    return "chromium is missing; apt-get install chromium lets a browser look at the page"
  end
end

---@param folder string
---@return table seen what browser.mjs tells of page.html in the folder
function M.look(folder)
  os.execute(
    ("MOONTIDE_CLIENTS=%s CHROMIUM=%s timeout -k 10 500 node %s/spec/page/browser.mjs %s/page.html >%s/out 2>%s/err"):format(
      clients,
      first_line "command -v chromium",
      run.root,
      folder,
      folder,
      folder
    )
  )
  local ok, seen = pcall(cjson.decode, run.read(folder .. "/out"))
  assert(ok, run.read(folder .. "/err"))
  return seen
end

return M
