-- Makes docs/commands.md from the commands' tables of options: `build/moontide script docs/generate_commands.lua > docs/commands.md`.
-- With --check: says whether the page is behind.
local page = require("moontide.options.reference").page(require("moontide.cmd").list)

if (...) ~= "--check" then
  io.write(page)
  return 0
end
local file = io.open "docs/commands.md"
if not file or file:read "*a" ~= page then
  io.stderr:write "docs/commands.md is behind the tables of options; make docs\n"
  return 1
end
return 0
