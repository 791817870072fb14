---A backtest of a script that tells a spec what it saw: what its `body` gives to `say(name, value)` in on_start.
local cjson = require "cjson"
local run = require "spec.support.run"

local M = {}

-- Thirty minutes of a market that rises by one a minute.
local rows = {}
for i = 1, 30 do
  rows[i] = { 20000 + i, 20010 + i, 19990 + i, 20000 + i, 1000 }
end

local SCRIPT = [[
local said, cjson = {}, require "cjson"
local function say(name, value) said[name] = value end
local function limit(price, more)
  local o = { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = price }
  for k, v in pairs(more or {}) do o[k] = v end
  return o
end
local function open() return #assert(api.get_open_orders { symbol = "BTCUSDT" }) end
local function clock() return assert(api.get_server_time()).serverTime end
return {
  symbols = { "BTCUSDT" }, interval = "1m",
  on_circuit = function(self, n) self.circuits = self.circuits or {}; table.insert(self.circuits, n) end,
  on_alert = function(self, n) self.alerts = self.alerts or {}; table.insert(self.alerts, n) end,
  on_start = function(self)
    %s
  end,
  on_bar = function() end,
  on_stop = function(self)
    said.circuits, said.alerts = self.circuits, self.alerts
    local f = assert(io.open(%q, "w"))
    f:write(cjson.encode(said))
    f:close()
  end,
}]]

---Runs it to its end, which must be a good one.
---@param body string
---@param arguments string[]?
---@param files table<string, string>? by option ("config"): text of the file that the option names
---@return table said
---@return { status: integer, out: string, err: string } result
function M.by(body, arguments, files)
  local folder = run.folder()
  local out = folder .. "/out.json"
  local all = {}
  for _, a in ipairs(arguments or {}) do
    all[#all + 1] = a
  end
  for option, text in pairs(files or {}) do
    all[#all + 1] = "--" .. option
    all[#all + 1] = run.write(folder .. "/" .. option .. ".lua", text)
  end
  local result = run.backtest(SCRIPT:format(body, out), rows, all)
  local said = run.read(out)
  run.remove(folder)
  assert(result.status == 0, result.err)
  return cjson.decode(said), result
end

return M
