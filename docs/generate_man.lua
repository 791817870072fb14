-- Writes the manual page moontide(1), made from the commands' tables of options: `build/moontide script docs/generate_man.lua`.
io.write(
  require("moontide.options.man").page(require("moontide.cmd").list, require("moontide.lua_host").version)
)
return 0
