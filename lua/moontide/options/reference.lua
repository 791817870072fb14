---docs/commands.md: every command with its options, from the same tables as parsing and `--help`.
local help = require "moontide.options.help"
local option_table = require "moontide.options"
local types = require "moontide.options.types"

local M = {}

local function cell(text) return (text:gsub("|", "\\|")) end

local function value_text(row)
  if row.type == "flag" then return "" end
  local text = row.choices and table.concat(row.choices, ", ")
    or row.type == "duration" and types.unit_names[row.unit]
    or row.type == "size" and row.unit
    or row.type == "pair" and "NAME=VALUE"
    or (row.type == "output" or row.type == "input") and "file"
    or row.type == "time" and "date"
    or row.type
  local bounds = types.bounds(row)
  return bounds and ("%s %s"):format(text, bounds) or text
end

local function meaning(row)
  local text = row.help
  if row.repeated then text = text .. "; may be repeated" end
  if row.setting then
    local key = row.name:gsub("-", "_")
    text = ("%s; also `%s` in moontide.conf.lua"):format(
      text,
      row.setting == "" and key or row.setting .. "." .. key
    )
  end
  return text
end

local function rows_of(lines, list)
  lines[#lines + 1] = "| option | value | default | |\n|---|---|---|---|"
  for _, row in ipairs(list) do
    lines[#lines + 1] = ("| `%s` | %s | %s | %s |"):format(
      help.left(row),
      cell(value_text(row)),
      cell(help.default_text(row) or ""),
      cell(meaning(row))
    )
  end
  lines[#lines + 1] = ""
end

local function section(lines, name, summary, command)
  lines[#lines + 1] = ("## %s\n\n`moontide %s`\n\n%s\n"):format(name, command.usage, summary)
  if command.notes then lines[#lines + 1] = command.notes .. "\n" end
  for _, part in ipairs(option_table.sections(command.options)) do
    if part.title then
      lines[#lines + 1] = ("**%s**\n"):format(part.title:sub(1, 1):upper() .. part.title:sub(2))
    end
    rows_of(lines, part.rows)
  end
end

---@param commands { [1]: string, [2]: string }[] names and summaries
---@return string
function M.page(commands)
  local lines = {
    "# Commands\n",
    "Made from the tables of options in `lua/moontide` by `make docs`. `moontide help COMMAND` says the same in a terminal, and",
    "`moontide completion bash` or `zsh` prints a script by which the shell completes commands, options and their values.\n",
    "Options are written `--name VALUE` or `--name=VALUE`, in full or abbreviated as long as no other option begins the same way;",
    "`--` stands before arguments that begin with a dash. A duration may have units of its own (`90s`, `15m`, `1h30m`, `250ms`), a",
    "size too (`2GB`).",
    "A wrong option ends the command with one line and exit status 2, before anything is done.\n",
  }
  for _, entry in ipairs(commands) do
    section(lines, entry[1], entry[2], require("moontide.cmd." .. entry[1]))
  end
  return (table.concat(lines, "\n"):gsub("\n+$", "")) .. "\n"
end

return M
