---The command line of a command, read by its table of options. GNU's habits hold: --name VALUE, --name=VALUE, abbreviations that are
---not ambiguous, options and arguments in any order, `--` before arguments that begin with a dash.
local failures = require "moontide.failure"
local option_table = require "moontide.options"
local suggest = require "moontide.options.suggest"

local M = {}

local HELP = { name = "help", type = "flag" }

local function joined(names, word)
  local list = {}
  for i, name in ipairs(names) do
    list[i] = "--" .. name
  end
  return table.concat(list, word)
end

---@class Parser
---@field name string of the command
---@field rows Option[]
---@field by_name table<string, Option>
---@field by_short table<string, Option> by the dash and its letter
---@field words string[] what is read
---@field at integer the word that is read next
---@field out table

---The row of an option as it was typed: whole, or the beginning of one name only.
---@param p Parser
---@param typed string without its dashes
---@return Option
local function find(p, typed)
  if p.by_name[typed] then return p.by_name[typed] end
  local found, names = nil, {}
  for _, row in ipairs(p.rows) do
    if not row.hidden then
      if row.name:sub(1, #typed) == typed then
        found, names[#names + 1] = row, row.name
      end
    end
  end
  if #names == 1 then return found end
  if #names > 1 then failures.raise(2, "--%s may mean %s; write it in full", typed, joined(names, ", ")) end
  local known = {}
  for i, row in ipairs(p.rows) do
    known[i] = row.name
  end
  local nearest = suggest.nearest(typed, known)
  failures.raise(
    2,
    "no such option --%s;%s see moontide help %s",
    typed,
    nearest and (" did you mean --%s?"):format(nearest) or "",
    p.name
  )
end

local function keep(p, row, text)
  local value = option_table.value(row, text)
  if not row.repeated then
    p.out[row.name], p.out.given[row.name] = value, text
  else
    for place, v in pairs { [p.out] = value, [p.out.given] = text } do
      place[row.name] = place[row.name] or {}
      table.insert(place[row.name], v)
    end
  end
  table.insert(p.out.argv, ("--%s=%s"):format(row.name, text))
end

-- Whether a word is an option of this command: not the value of the one before it, which was then left out.
local function is_option(p, word)
  local name = word:match "^%-%-([^=]+)"
  return name ~= nil and p.by_name[name] ~= nil
end

-- Whether help is all that is asked for.
local function take_option(p, word)
  local typed, value = word:match "^%-%-([^=]*)=(.*)$"
  local row = find(p, typed or word:sub(3))
  if row.type == "flag" then
    if row.name == "help" then return true end
    if value then failures.raise(2, "--%s takes no value", row.name) end
    p.out[row.name], p.out.given[row.name] = true, true
    table.insert(p.out.argv, "--" .. row.name)
    return false
  end
  if not value then
    value = p.words[p.at]
    if not value or is_option(p, value) then
      failures.raise(
        2,
        "--%s needs a value: --%s %s; see moontide help %s",
        row.name,
        row.name,
        row.value,
        p.name
      )
    end
    p.at = p.at + 1
  end
  keep(p, row, value)
  -- --data a.zip b.zip, --tls CERT KEY: the words that follow belong to the option, as a shell's glob gives them.
  while row.words and p.words[p.at] and p.words[p.at]:sub(1, 1) ~= "-" do
    keep(p, row, p.words[p.at])
    p.at = p.at + 1
  end
  return false
end

local function list_of(names) return type(names) == "string" and { names } or names end

local function check_company(command, rows, given)
  for _, row in ipairs(rows) do
    if row.needs and given[row.name] ~= nil then
      local there = false
      for _, name in ipairs(list_of(row.needs)) do
        there = there or given[name] ~= nil
      end
      if not there then
        failures.raise(2, "--%s belongs to %s", row.name, joined(list_of(row.needs), " or "))
      end
    end
  end
  for _, names in ipairs(command.exclusive or {}) do
    local first
    for _, name in ipairs(names) do
      if given[name] ~= nil then
        if first then failures.raise(2, "--%s and --%s exclude each other; give one of them", first, name) end
        first = name
      end
    end
  end
end

local function words_of(list) return table.concat(list, ", ", 1, #list - 1) .. " or " .. list[#list] end

-- An argument that is one of several words.
local function check_first(a, word)
  for _, known in ipairs(a.first) do
    if word == known then return end
  end
  failures.raise(2, "no such %s '%s'; expected %s", a.what, word, words_of(a.first))
end

local function check_arguments(command, rows, out)
  local a = command.arguments
  if not a then
    if out[1] then failures.raise(2, "'%s'? this command takes options only", out[1]) end
    return
  end
  if a.max and out[a.max + 1] then
    failures.raise(2, "one %s at a time; '%s' is one too many", a.what, out[a.max + 1])
  end
  if a.first and out[1] then check_first(a, out[1]) end
  if (a.min or 0) <= #out or (a.unless and out[a.unless]) then return end
  -- The words after --data are its files: `backtest --data bars.csv first.lua` names no script.
  for _, row in ipairs(rows) do
    local taken = row.words and out.given[row.name]
    if taken and #taken > 1 then
      failures.raise(
        2,
        "missing %s: '%s' was read as a value of --%s; put the %s first",
        a.what,
        taken[#taken],
        row.name,
        a.what
      )
    end
  end
  if a.first then failures.raise(2, "missing %s: %s", a.what, words_of(a.first)) end
  failures.raise(2, "missing %s; usage: moontide %s", a.what, command.usage)
end

---Reads the words after the command's name; fails the command with one line on what is wrong.
---@param name string of the command
---@param command Command
---@param words string[]
---@return table options values by name, arguments by number; `given`: as they were typed, by name; `argv`: the options as --name=value; `help`: true when that is all that is asked for
function M.parse(name, command, words)
  local out = { given = {}, argv = {} }
  local rows = option_table.rows(command.options)
  rows[#rows + 1] = HELP
  local p = { name = name, rows = rows, by_name = {}, by_short = {}, words = words, at = 1, out = out }
  for _, row in ipairs(rows) do
    p.by_name[row.name] = row
    if row.short then p.by_short["-" .. row.short] = row end
  end
  while p.at <= #words do
    local word = words[p.at]
    p.at = p.at + 1
    if word == "--" then
      for i = p.at, #words do
        out[#out + 1] = words[i]
      end
      break
    elseif word == "-h" then
      return { help = true }
    elseif word:sub(1, 2) == "--" then
      if take_option(p, word) then return { help = true } end
    elseif p.by_short[word] then
      take_option(p, "--" .. p.by_short[word].name)
    elseif word:sub(1, 1) == "-" and word ~= "-" then
      failures.raise(2, "no such option %s; see moontide help %s", word, name)
    else
      out[#out + 1] = word
    end
  end
  check_arguments(command, rows, out)
  check_company(command, rows, out.given)
  return option_table.fill(command.options, out)
end

return M
