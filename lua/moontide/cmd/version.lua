---`moontide version`
local M = {
  usage = "version",
  options = {},
}

---@return integer status
function M.run()
  print("moontide " .. require("moontide.lua_host").version)
  return 0
end

return M
