---The options of a command are a table of rows, beside the code that reads them. From the rows come parsing (options/parse.lua),
---`--help` (help.lua), the completion of shells (completion.lua) and docs/commands.md (reference.lua). Bounds and defaults stand in a
---row and nowhere else.
local failures = require "moontide.failure"
local types = require "moontide.options.types"

local M = {}

---@class Option
---@field name string without the dashes
---@field type string flag, or a key of types.types: text file folder number integer duration size choice time interval symbol url pair
---@field value string? the value's name in help
---@field unit string? s or ms (duration), MB (size)
---@field min number?
---@field max number?
---@field default any? the value when it is left out
---@field shown string? what help names as the default, where that is no value of the row
---@field choices string[]? of a choice
---@field empty boolean? of a text: may be empty
---@field schemes string[]? of a url; `bare`: without a path; `example`: shown when it is wrong
---@field repeated boolean? may be given several times: its value is a list
---@field words boolean? the words that follow it, up to the next option, are its values too
---@field short string? a letter by which a dash names it too
---@field needs string|string[]|nil an option, or one of several, without which it means nothing
---@field setting string? also a key of moontide.conf.lua, in this table there ("" for none); what reads the file fills in the default
---@field check (fun(text: string): any, string?)? reads a value that no type describes; nil and what was expected
---@field hidden boolean? for the program's own use
---@field help string? what it does, without its default and its choices, which are added

---@class OptionGroup: Option[]
---@field title string of the group in help

---@class Arguments
---@field name string in usage, SCRIPT
---@field what string what one is called in messages: script
---@field min integer?
---@field max integer?
---@field unless string? an option that makes them needless
---@field first string[]? the words that the first argument may be
---@field type string? of arguments: file, folder, or run (names of runs), for completion

---@class Command
---@field usage string after "moontide "
---@field options (Option|OptionGroup)[] rows of its own, then groups
---@field arguments Arguments? none: it takes options only
---@field exclusive string[][]? options of which one at most may be given
---@field raw boolean? its arguments are passed through unparsed, as a list
---@field notes string? a paragraph below the summary
---@field run fun(options: table): integer the exit status

---All rows of a command, or of a list of groups, in the order of help.
---@param list (Option|OptionGroup)[]
---@return Option[]
function M.rows(list)
  local rows = {}
  local function add(part)
    if part.name then
      rows[#rows + 1] = part
    else
      for _, inner in ipairs(part) do
        add(inner)
      end
    end
  end
  for _, part in ipairs(list) do
    add(part)
  end
  return rows
end

local function shown(rows)
  local list = {}
  for _, row in ipairs(rows) do
    if not row.hidden then list[#list + 1] = row end
  end
  return list
end

---The rows as help shows them: those of the command's own, then each group with its title.
---@param list (Option|OptionGroup)[]
---@return { title: string?, rows: Option[] }[]
function M.sections(list)
  local own, sections = { rows = {} }, {}
  local function add(part)
    if part.name then
      own.rows[#own.rows + 1] = part
    elseif part.title then
      sections[#sections + 1] = { title = part.title, rows = shown(M.rows(part)) }
    else
      for _, inner in ipairs(part) do
        add(inner)
      end
    end
  end
  for _, part in ipairs(list) do
    add(part)
  end
  own.rows = shown(own.rows)
  if #own.rows > 0 then table.insert(sections, 1, own) end
  return sections
end

---A row with something changed.
---@param row Option
---@param changes table
---@return Option
function M.with(row, changes)
  local copy = {}
  for k, v in pairs(row) do
    copy[k] = v
  end
  for k, v in pairs(changes) do
    copy[k] = v
  end
  return copy
end

---The rows of a group that are named, in this order.
---@param group Option[]
---@param names string[]
---@return Option[]
function M.pick(group, names)
  local by_name, list = {}, {}
  for _, row in ipairs(M.rows(group)) do
    by_name[row.name] = row
  end
  for i, name in ipairs(names) do
    list[i] = by_name[name] or error("no option " .. name, 2)
  end
  return list
end

---Reads a value, or fails the command with a line that says what is wrong, where, and what is expected.
---@param row Option
---@param text any
---@param where string? "--name"
---@return any
function M.value(row, text, where)
  local value, problem, status = types.read(row, text)
  if value == nil then
    failures.raise(status or 2, "%s %s: %s", where or "--" .. row.name, tostring(text), problem)
  end
  return value
end

---A setting of a run: the option, else what moontide.conf.lua keeps, else the default.
---@param row Option
---@param options table of the command line
---@param kept any what the file says; nil: nothing
---@param where string the file and the key, for messages
---@return any
function M.setting(row, options, kept, where)
  if options[row.name] ~= nil then return options[row.name] end
  if kept == nil then return row.default end
  if row.type == "flag" then
    if type(kept) ~= "boolean" then
      failures.raise(2, "%s %s: expected true or false", where, tostring(kept))
    end
    return kept
  end
  if type(kept) ~= "string" and type(kept) ~= "number" then
    failures.raise(2, "%s: expected a number or a text, not a %s", where, type(kept))
  end
  return M.value(row, kept, where)
end

local function needed(row, options)
  if not row.needs then return true end
  for _, name in ipairs(type(row.needs) == "table" and row.needs or { row.needs }) do
    if options[name] ~= nil then return true end
  end
  return false
end

---Fills in the defaults of what was left out, where it has a meaning.
---@param list (Option|OptionGroup)[]
---@param options table
---@return table options
function M.fill(list, options)
  for _, row in ipairs(M.rows(list)) do
    if options[row.name] == nil and not row.setting and needed(row, options) then
      options[row.name] = row.default
    end
  end
  return options
end

---Options that come from a table of Lua instead of the command line: checked, with defaults filled in.
---@param list (Option|OptionGroup)[]
---@param given table<string, any>
---@param prefix string before the option's name in messages
---@return table options
function M.complete(list, given, prefix)
  local options = {}
  for k, v in pairs(given) do
    options[k] = v
  end
  for _, row in ipairs(M.rows(list)) do
    local v = given[row.name]
    if v ~= nil and row.type ~= "flag" and not row.repeated then
      options[row.name] = M.value(row, v, prefix .. row.name)
    end
  end
  return M.fill(list, options)
end

return M
