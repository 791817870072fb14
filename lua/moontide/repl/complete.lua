---What the Tab key offers: globals, fields, names of `api` with their parameters, symbols, file names, commands.
local annotations = require "moontide.meta.annotations"
local complete_strings = require "moontide.repl.complete_strings"
local shell = require "moontide.shell"

local M = {}

local keywords = {
  "and",
  "break",
  "do",
  "else",
  "elseif",
  "end",
  "false",
  "for",
  "function",
  "if",
  "in",
  "local",
  "nil",
  "not",
  "or",
  "repeat",
  "return",
  "then",
  "true",
  "until",
  "while",
}

-- A field as the language would read it, without what a metatable's function might do.
local function field(t, name)
  for _ = 1, 10 do
    if type(t) ~= "table" then return nil end
    local v = rawget(t, name)
    if v ~= nil then return v end
    local meta = debug.getmetatable(t)
    t = meta and rawget(meta, "__index")
  end
  return nil
end

local function names_of(t, into)
  for _ = 1, 10 do
    if type(t) == "string" then t = string end
    if type(t) ~= "table" then return end
    for name in pairs(t) do
      if type(name) == "string" and name:find "^[%a_][%w_]*$" then into[name] = true end
    end
    local meta = debug.getmetatable(t)
    t = meta and rawget(meta, "__index")
  end
end

M.field, M.names_of = field, names_of

---The value that a path of names leads to.
---@param env table
---@param path string "api", "order.fills"
---@return any
function M.resolve(env, path)
  local value = env
  for name in path:gmatch "[%w_]+" do
    value = field(value, name)
  end
  return value
end

local function matching(names, start)
  local list = {}
  for name in pairs(names) do
    if name:sub(1, #start) == start then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

local function as_set(list)
  local set = {}
  for _, name in ipairs(list) do
    set[name] = true
  end
  return set
end

---The parameters a call takes, those it inherits included.
---@param name string as "create_order"
---@return AnnotatedPart[]
function M.parameters(name)
  local entry = annotations.find("api." .. name)
  local list, seen = {}, {}
  local function add_class(class)
    local c = annotations.find(class)
    if not c or c.kind ~= "class" or seen[class] then return end
    seen[class] = true
    for _, f in ipairs(c.fields) do
      list[#list + 1] = f
    end
    if c.parent then add_class(c.parent) end
  end
  for _, p in ipairs(entry and entry.params or {}) do
    add_class((p.type:gsub("[%?%[%]]", "")))
  end
  return list
end

-- Files whose path begins so; folders end in "/".
local function files(start)
  local folder, name = start:match "^(.*/)([^/]*)$"
  folder, name = folder or "", name or start
  local where = folder == "" and "." or folder:gsub("^~/", (os.getenv "HOME" or "") .. "/")
  local pipe = io.popen(("ls -1ap %s 2>/dev/null"):format(shell.quote(where)))
  local list = {}
  for entry in pipe:lines() do
    if
      entry ~= "./"
      and entry ~= "../"
      and entry:sub(1, #name) == name
      and (name ~= "" or entry:sub(1, 1) ~= ".")
    then
      list[#list + 1] = folder .. entry
    end
  end
  pipe:close()
  table.sort(list)
  return list
end

-- The call whose table of parameters the end of the text stands in, and what was given already.
local function open_call(text)
  local depth, i = 0, #text
  while i > 0 do
    local c = text:sub(i, i)
    if c == "}" then
      depth = depth + 1
    elseif c == "{" then
      if depth == 0 then
        local name = text:sub(1, i - 1):match "api%.([%w_]+)%s*%(?%s*$"
          or text:sub(1, i - 1):match "api%.async%.([%w_]+)%s*%(?%s*$"
        if not name then return nil end
        local given = {}
        for word in text:sub(i + 1):gmatch "([%a_][%w_]*)%s*=" do
          given[word] = true
        end
        return name, given
      end
      depth = depth - 1
    end
    i = i - 1
  end
  return nil
end

---@class Completion
---@field start string what the candidates go on from: the end of the text
---@field list string[] candidates
---@field hint string? to be shown when there is nothing to add
---@field close string? the quote that ends the only candidate

---@param text string the line up to the cursor
---@param o { env: table, symbols: string[], commands: string[], order_ids: (fun(): string[])? }
---@return Completion
function M.find(text, o)
  local command = text:match "^%s*:(%w*)$"
  if command then return { start = command, list = matching(as_set(o.commands), command) } end
  local argument
  command, argument = text:match "^%s*:(%w+)%s+(.*)$"
  if command == "load" then return { start = argument, list = files(argument) } end
  if command == "help" then
    local names = as_set(o.commands)
    for _, entry in ipairs(annotations.all()) do
      names[entry.name] = true
    end
    return { start = argument, list = matching(names, argument) }
  end
  if command == "why" then
    return { start = argument, list = matching(as_set(o.order_ids and o.order_ids() or {}), argument) }
  end

  local inside, quote, before = complete_strings.open(text)
  if inside then
    local call = open_call(before)
    local words =
      complete_strings.words(before, { symbols = o.symbols, parameters = call and M.parameters(call) })
    if words then
      local list = matching(as_set(words), inside)
      if #list == 0 then list = matching(as_set(words), inside:upper()) end
      return { start = inside, list = list, close = quote }
    end
    local list = matching(as_set(o.symbols), inside:upper())
    if inside:upper() ~= inside and inside ~= "" then list = {} end
    if #list > 0 and not inside:find "/" then return { start = inside, list = list, close = quote } end
    return { start = inside, list = files(inside), close = quote }
  end

  local path, word = text:match "([%a_][%w_%.:]*[%.:])([%w_]*)$"
  if path then
    local value = M.resolve(o.env, path)
    if type(value) == "cdata" then return { start = word, list = {} } end
    local names = {}
    names_of(value, names)
    local list = matching(names, word)
    local hint
    if #list == 1 and list[1] == word then
      local entry = annotations.find(path .. word)
      hint = entry and annotations.signature(entry) .. (entry.summary ~= "" and "  " .. entry.summary or "")
    end
    return { start = word, list = list, hint = hint }
  end

  word = text:match "[%a_][%w_]*$" or ""
  local name, given = open_call(text:sub(1, #text - #word))
  if name and text:sub(1, #text - #word):find "[{,]%s*$" then
    local names = {}
    for _, p in ipairs(M.parameters(name)) do
      local plain = p.name:gsub("%?$", "")
      if not given[plain] then names[plain .. " = "] = true end
    end
    return { start = word, list = matching(names, word) }
  end
  if word == "" then return { start = "", list = {} } end
  local names = as_set(keywords)
  names_of(o.env, names)
  return { start = word, list = matching(names, word) }
end

---What all candidates have in common beyond what is there.
---@param c Completion
---@return string
function M.common(c)
  local first = c.list[1]
  if not first then return "" end
  local length = #first
  for _, name in ipairs(c.list) do
    while name:sub(1, length) ~= first:sub(1, length) do
      length = length - 1
    end
  end
  local more = first:sub(#c.start + 1, length)
  return #c.list == 1 and c.close and not first:find "/$" and more .. c.close or more
end

---Candidates in columns.
---@param list string[]
---@param width integer
---@return string
function M.columns(list, width)
  local widest, names = 0, {}
  for i, name in ipairs(list) do
    names[i] = name:match "([^/]+/?)$" or name
    widest = math.max(widest, #names[i])
  end
  local count = math.max(1, math.floor((width + 2) / (widest + 2)))
  local rows = math.ceil(#names / count)
  local lines = {}
  for r = 1, rows do
    local parts = {}
    for k = 0, count - 1 do
      local name = names[k * rows + r]
      if name then parts[#parts + 1] = name .. (" "):rep(widest - #name) end
    end
    lines[r] = (table.concat(parts, "  "):gsub("%s+$", ""))
  end
  return table.concat(lines, "\n")
end

return M
