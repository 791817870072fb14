---Completion scripts of shells, from the tables of options: commands, options, and values where they are words or files.
local option_table = require "moontide.options"
local types = require "moontide.options.types"

local M = {}

---@class CompletedCommand
---@field name string
---@field summary string
---@field rows Option[] without those for the program's own use
---@field arguments Arguments?

---@param commands { [1]: string, [2]: string }[] names and summaries
---@return CompletedCommand[]
local function gather(commands)
  local list = {}
  for i, entry in ipairs(commands) do
    local command, rows = require("moontide.cmd." .. entry[1]), {}
    for _, row in ipairs(option_table.rows(command.options)) do
      if not row.hidden then rows[#rows + 1] = row end
    end
    rows[#rows + 1] = { name = "help", type = "flag", help = "this command's options" }
    list[i] = { name = entry[1], summary = entry[2], rows = rows, arguments = command.arguments }
  end
  return list
end

-- What a value or an argument may be: "files", "folders", "runs", a list of words; nil where nobody knows.
local function kind_of(part)
  if not part then return nil end
  if part.choices then return part.choices end
  if part.type == "interval" then return types.interval_names() end
  if part.type == "run" then return "runs" end
  local kind = types.types[part.type]
  return kind and (kind.files and "files" or kind.folders and "folders") or nil
end

-- ---- bash ---------------------------------------------------------------------------------------------------------

local bash_head = [==[
# Completion of moontide for bash. In ~/.bashrc: eval "$(moontide completion bash)"
_moontide() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
    local options= first= kind= value=
    COMPREPLY=()
    if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W '%s' -- "$cur")
        return
    fi
    case $command in
]==]

local bash_tail = [==[
    esac
    if [[ -n $value ]]; then
        kind=$value
    elif [[ $cur == -* ]]; then
        kind="words $options"
    elif [[ -n $first ]] && ((COMP_CWORD == 2)); then
        kind="words $first"
    fi
    case $kind in
    words\ *) mapfile -t COMPREPLY < <(compgen -W "${kind#words }" -- "$cur") ;;
    runs) mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" completion runs 2>/dev/null)" -- "$cur") ;;
    files)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        ;;
    folders)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        ;;
    esac
}
complete -F _moontide moontide
]==]

local function bash_kind(kind) return type(kind) == "table" and "words " .. table.concat(kind, " ") or kind end

---@param commands { [1]: string, [2]: string }[]
---@return string
function M.bash(commands)
  local list, names, lines = gather(commands), {}, {}
  for i, c in ipairs(list) do
    local options, a = {}, c.arguments
    names[i] = c.name
    for j, row in ipairs(c.rows) do
      options[j] = "--" .. row.name
    end
    lines[#lines + 1] = ("    %s) options='%s' first='%s' kind='%s' ;;"):format(
      c.name,
      table.concat(options, " "),
      a and a.first and table.concat(a.first, " ") or "",
      bash_kind(kind_of(a)) or ""
    )
  end
  lines[#lines + 1] = "    esac\n    case $command$prev in"
  for _, c in ipairs(list) do
    for _, row in ipairs(c.rows) do
      if row.type ~= "flag" then
        lines[#lines + 1] = ("    %s--%s) value='%s' ;;"):format(
          c.name,
          row.name,
          bash_kind(kind_of(row)) or "anything"
        )
      end
    end
  end
  return bash_head:gsub("%%s", (table.concat(names, " "))) .. table.concat(lines, "\n") .. "\n" .. bash_tail
end

-- ---- zsh ----------------------------------------------------------------------------------------------------------

local zsh_head = [==[
#compdef moontide
# Completion of moontide for zsh. In ~/.zshrc, after compinit: eval "$(moontide completion zsh)"
_moontide_runs() { compadd -- ${(f)"$(moontide completion runs 2>/dev/null)"} }
_moontide() {
  local -a commands
  commands=(
]==]

local zsh_tail = [==[
  esac
}
if [[ $funcstack[1] == _moontide ]]; then _moontide "$@"; else compdef _moontide moontide; fi
]==]

local function zsh_quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function zsh_text(text) return (text:gsub("[%[%]:\\]", "\\%0")) end

local function zsh_action(kind)
  if type(kind) == "table" then return "(" .. table.concat(kind, " ") .. ")" end
  return kind == "files" and "_files"
    or kind == "folders" and "_files -/"
    or kind == "runs" and "_moontide_runs"
    or " "
end

local function zsh_option(row)
  local star = row.repeated and "*" or ""
  if row.type == "flag" then return zsh_quoted(("%s--%s[%s]"):format(star, row.name, zsh_text(row.help))) end
  return zsh_quoted(
    ("%s--%s=[%s]:%s:%s"):format(
      star,
      row.name,
      zsh_text(row.help),
      zsh_text(row.value),
      zsh_action(kind_of(row))
    )
  )
end

---@param commands { [1]: string, [2]: string }[]
---@return string
function M.zsh(commands)
  local list, lines = gather(commands), {}
  for _, c in ipairs(list) do
    lines[#lines + 1] = "    " .. zsh_quoted(c.name .. ":" .. zsh_text(c.summary))
  end
  lines[#lines + 1] = [[
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in]]
  for _, c in ipairs(list) do
    lines[#lines + 1] = ("  %s)\n    _arguments -S \\"):format(c.name)
    for _, row in ipairs(c.rows) do
      lines[#lines + 1] = ("      %s \\"):format(zsh_option(row))
    end
    local a = c.arguments
    if a and a.first then
      lines[#lines + 1] = ("      '1:what:(%s)' \\"):format(table.concat(a.first, " "))
    end
    lines[#lines + 1] = a
        and ("      %s"):format(zsh_quoted(("*:%s:%s"):format(a.what, zsh_action(kind_of(a)))))
      or "      '*:nothing: '"
    lines[#lines + 1] = "    ;;"
  end
  return zsh_head .. table.concat(lines, "\n") .. "\n" .. zsh_tail
end

return M
