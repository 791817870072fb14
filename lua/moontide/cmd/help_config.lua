---`moontide help config`
local M = {}

function M.run()
  io.write(require("moontide.api.manager_settings").help(), require("moontide.live.settings").help())
  return 0
end

return M
