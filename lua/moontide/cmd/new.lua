---`moontide new NAME`: a folder with a strategy, its spec and its configuration, which run at once.
local ffi = require "ffi"
local C = require "moontide.core"
local cmd = require "moontide.cmd"
local host = require "moontide.lua_host"
local stubs = require "moontide.meta.stubs"

local M = {
  usage = "new NAME [options]",
  arguments = { name = "NAME", what = "name", min = 1, max = 1 },
  options = {
    { name = "symbol", type = "symbol", value = "S", default = "BTCUSDT", help = "what the strategy trades" },
    {
      name = "types",
      type = "flag",
      help = "in a folder NAME that is there: writes the annotations for editors anew (NAME/types), and nothing else",
    },
  },
}

-- Where it is put, and the template it is made of.
local files = {
  { "NAME.lua", "strategy.lua" },
  { "spec/NAME_spec.lua", "spec.lua" },
  { "moontide.conf.lua", "moontide.conf.lua" },
  { "README.md", "README.md" },
}

local NAME_MAX = 40 -- the run's folder is named after it (process/run_folder.h)

local function read(path)
  local file, problem = io.open(path, "rb")
  if not file then cmd.fail(1, "%s", problem) end
  local text = file:read "*a"
  file:close()
  return text
end

-- A price of the symbol for the specs: in the middle of what the exchange's rules allow, of two digits.
local function price_of(symbol)
  local rules = ffi.new "struct symbol"
  if C.symbol_rules_builtin(symbol, rules) ~= 0 then return "100" end
  local middle = math.sqrt(tonumber(rules.price_min_e8) / 1e8 * (tonumber(rules.price_max_e8) / 1e8))
  local unit = 10 ^ (math.floor(math.log(middle) / math.log(10)) - 1)
  return ("%.10g"):format(math.floor(middle / unit + 0.5) * unit)
end

local function make_folder(path)
  local ok, problem = host.make_folder(path)
  if not ok then cmd.fail(1, "cannot make the folder %s: %s", path, problem) end
end

-- Of the folder itself: the same on every machine.
local LUARC = [[
{
  "runtime.version": "LuaJIT",
  "workspace.library": ["types"],
  "workspace.checkThirdParty": false,
  "diagnostics.globals": ["describe", "it", "before_each", "after_each"]
}
]]

local function put_file(path, text)
  local ok, problem = host.replace_file(path, text)
  if not ok then cmd.fail(1, "%s", problem) end
end

-- What editors read. The folder of types is this program's alone, and is written anew.
local function write_types(path)
  if not host.file_mode(path .. "/types") then make_folder(path .. "/types") end
  for _, file in ipairs(stubs.files()) do
    put_file(path .. "/types/" .. file.name, file.text)
  end
  if not host.file_mode(path .. "/.luarc.json") then put_file(path .. "/.luarc.json", LUARC) end
end

---@param options table
---@return integer status
function M.run(options)
  local path = options[1]
  path = #path > 1 and path:gsub("/+$", "") or path
  if options.types then
    if not host.file_mode(path) then cmd.fail(1, "no folder %s", path) end
    write_types(path)
    io.write(("%s/types has what scripts can use in this version, for editors\n"):format(path))
    return 0
  end
  local name = path:match "[^/]*$"
  if name:find "%.lua$" then cmd.fail(2, "'%s': give the name without .lua", name) end
  if not name:find "^%a[%w_%-]*$" or #name > NAME_MAX then
    cmd.fail(
      2,
      "'%s' is not a name for a strategy: a letter, then letters, digits, _ and -, at most %d",
      name,
      NAME_MAX
    )
  end
  if ("/" .. path .. "/"):find("/../", 1, true) then
    cmd.fail(
      2,
      "%s lies outside of this folder; go there first (cd %s), then moontide new %s",
      path,
      path:match "^(.*)/" or "..",
      name
    )
  end
  local symbol = options.symbol
  if host.file_mode(path) then
    cmd.fail(1, "%s is there already, and is left alone; choose another name", path)
  end

  local words = { NAME = name, SYMBOL = symbol, PRICE = price_of(symbol) }
  local home = package.moontide_home -- luacheck: ignore 143
  make_folder(path)
  make_folder(path .. "/spec")
  local function put(file, text) put_file(path .. "/" .. file, text) end
  for _, file in ipairs(files) do
    local text = read(home .. "/lua/moontide/template/" .. file[2])
    put((file[1]:gsub("NAME", name)), (text:gsub("%f[%w]%u+%f[%W]", words)))
  end
  write_types(path)
  io.write(
    ("%s is there. Next:\n\n  cd %s\n  moontide backtest %s.lua --synthetic 1\n  moontide test\n"):format(
      path,
      path,
      name
    ),
    ("  moontide paper %s.lua            the real market, play money\n"):format(name)
  )
  return 0
end

return M
