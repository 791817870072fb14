---The manual page moontide(1), from the same tables as parsing and `--help`.
local help = require "moontide.options.help"
local option_table = require "moontide.options"

local M = {}

-- A backslash and a dash are roff's own; a dot or an apostrophe at the beginning of a line would be a request.
local function roff(text)
  text = text:gsub("\\", "\\e"):gsub("%-", "\\-")
  return (("\n" .. text):gsub("\n([.'])", "\n\\&%1"):sub(2))
end

local head = [[
.SH NAME
moontide \- write a trading strategy in Lua, backtest it, run it
.SH SYNOPSIS
.B moontide
.I COMMAND
[options]
.SH DESCRIPTION
One program in which a strategy is written in Lua, tried on past bars, and run as the same file on paper and live
(Binance USD\-M futures).
.PP
Options are written
.B \-\-name VALUE
or
.BR \-\-name=VALUE ,
in full or abbreviated as long as no other option begins the same way.
.SH COMMANDS
]]

local tail = [[
.SH EXIT STATUS
0 when all went well, 1 when something failed, 2 when the command line or a setting is wrong: nothing was done then.
.SH ENVIRONMENT
.TP
.B MOONTIDE_HOME
the folder of runs and their journals
.TP
.BR MOONTIDE_API_KEY ", " MOONTIDE_API_SECRET
the key of the exchange, where no
.B \-\-key\-file
is given
.SH FILES
.TP
.I moontide.conf.lua
settings, read from the working folder;
.B moontide help config
lists them
.SH SEE ALSO
The documentation in the folder
.I share/doc/moontide
of the installation, and
.BR "moontide help" .
]]

local function command(lines, name, summary, of)
  lines[#lines + 1] = (".SS %s\n.B %s\n.PP\n%s"):format(
    roff(name),
    roff("moontide " .. of.usage),
    roff(summary)
  )
  if of.notes then lines[#lines + 1] = (".PP\n.nf\n%s\n.fi"):format(roff((of.notes:gsub("^\n+", "")))) end
  for _, part in ipairs(option_table.sections(of.options)) do
    if part.title then
      lines[#lines + 1] = (".PP\n%s:"):format(roff(part.title:sub(1, 1):upper() .. part.title:sub(2)))
    end
    for _, row in ipairs(part.rows) do
      lines[#lines + 1] = (".TP\n.B %s\n%s"):format(roff(help.left(row)), roff(help.text(row)))
    end
  end
end

---@param commands { [1]: string, [2]: string }[] names and summaries
---@param version string
---@return string
function M.page(commands, version)
  local lines = {}
  for _, entry in ipairs(commands) do
    command(lines, entry[1], entry[2], require("moontide.cmd." .. entry[1]))
  end
  return ('.TH MOONTIDE 1 "" "moontide %s" "User Commands"\n'):format(roff(version))
    .. head
    .. table.concat(lines, "\n")
    .. "\n"
    .. tail
end

return M
