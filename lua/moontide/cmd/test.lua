---`moontide test [SPEC...]`: busted inside the runtime. Ends with one line "N passed, N failed".
local M = {}

local function has_option(args, short, long)
  for _, a in ipairs(args) do
    if a == short or a == long or a:find("^" .. long:gsub("%-", "%%-") .. "=") then return true end
  end
  return false
end

function M.run(options)
  local args = { [0] = "moontide test" }
  for i, a in ipairs(options) do args[i] = a end
  local spec_given = false
  for _, a in ipairs(args) do
    if a:find "^[^-]" and (a:find "_spec%.lua$" or a:find "^spec" or a:find "/") then spec_given = true end
  end
  if not spec_given then args[#args + 1] = "spec" end
  local plain = not has_option(args, "-o", "--output")
  if plain then
    args[#args + 1] = "--output=plainTerminal"
  end
  _G.arg = args
  package.path = "./?.lua;./?/init.lua;" .. package.path   -- specs require "spec.support.x"

  -- The runner makes its own busted; count what that one reports.
  local counts = {}
  local make_core = require "busted.core"
  package.loaded["busted.core"] = function()
    local busted = make_core()
    busted.subscribe({ "test", "end" }, function(_, _, status)
      counts[status] = (counts[status] or 0) + 1
      return nil, true
    end)
    -- Errors inside a test are told by its end; these are those of files and describes.
    busted.subscribe({ "error" }, function(element)
      if element.descriptor ~= "it" then counts.error = (counts.error or 0) + 1 end
      return nil, true
    end)
    return busted
  end

  local exit = {}
  local real_exit = os.exit
  os.exit = function(code) exit.code = code error(exit, 0) end   -- luacheck: ignore 122
  local ok, e = pcall(function() require "busted.runner" { standalone = false } end)
  os.exit = real_exit   -- luacheck: ignore 122
  if not ok and e ~= exit and e ~= nil then   -- busted ends a failed run with error()
    io.stderr:write("moontide test: ", tostring(e), "\n")
    return 1
  end
  local failed = (counts.failure or 0) + (counts.error or 0)
  io.stdout:flush()
  if plain then
    local skipped = counts.pending and (", %d skipped"):format(counts.pending) or ""
    print(("%d passed, %d failed%s"):format(counts.success or 0, failed, skipped))
  end
  local code = exit.code
  if code == true or code == 0 or (code == nil and ok) then return failed > 0 and 1 or 0 end
  return 1
end

return M
