---`moontide compare A.json B.json...`
local compare = require "moontide.report.compare"
local groups = require "moontide.options.groups"
local output = require "moontide.report.output"
local pages = require "moontide.page"

local M = {
  usage = "compare A.json B.json... [options]",
  arguments = { name = "FILE", what = "result", min = 2, type = "file" },
  notes = "The files are results of moontide backtest --json.",
  options = { groups.page, { title = "log", { name = "quiet", type = "flag", help = "print no note" } } },
}

---@param options table
---@return integer status
function M.run(options)
  output.check(options, { "report" })
  if options.report then pages.check "report" end
  local paths = {}
  for i = 1, #options do
    paths[i] = options[i]
  end
  local c = compare.of(compare.load(paths))
  io.write(compare.text(c))
  if options.report then
    pages.write(options.report, require("moontide.page.compare").document(c))
    pages.tell(options)
  end
  return 0
end

return M
