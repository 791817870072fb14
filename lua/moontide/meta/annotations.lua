---Reads the LuaLS annotations of what users see: for `:help NAME` of the REPL, docs/api.md, and the check in `make lint`.
---
---A description's paragraph that begins with "Errors:" says what may go wrong ("Errors: none." where nothing can).
local M = {}

-- File under lua/moontide, the table its functions are written on there, and what users call that.
local sources = {
  { file = "meta/calls.lua", owners = { api = "api." } },
  { file = "meta/records.lua", owners = {} },
  {
    file = "meta/script.lua",
    owners = { market = "market.", log = "log.", plot = "plot.", Chart = "chart:", Strategy = "self:" },
  },
  { file = "api/market.lua", owners = {} },
  { file = "api/notices.lua", owners = {} },
  { file = "error.lua", owners = {} },
  { file = "run/task.lua", owners = { Task = "task:" } },
  { file = "ta/init.lua", owners = { M = "ta." }, module = true },
  { file = "ta/averages.lua", owners = { M = "ta." }, module = true },
  { file = "ta/momentum.lua", owners = { M = "ta." }, module = true },
  { file = "ta/oscillators.lua", owners = { M = "ta." }, module = true },
  { file = "ta/trend.lua", owners = { M = "ta." }, module = true },
  { file = "ta/volatility.lua", owners = { M = "ta." }, module = true },
  { file = "ta/volume.lua", owners = { M = "ta." }, module = true },
  { file = "ta/statistics.lua", owners = { M = "ta." }, module = true },
  { file = "ta/levels.lua", owners = { M = "ta." }, module = true },
  { file = "ta/patterns.lua", owners = { M = "ta." }, module = true },
  { file = "ta/compose.lua", owners = { M = "ta." }, module = true },
  { file = "stats.lua", owners = { M = "stats." }, module = true },
  { file = "testing/init.lua", owners = { M = "testing.", World = "world:" }, module = true },
}

---The files that hold what scripts can use, below lua/moontide.
---@return string[]
function M.files()
  local list = {}
  for i, source in ipairs(sources) do
    list[i] = source.file
  end
  return list
end

---@class AnnotatedPart
---@field name string? of a parameter, a field, or a result that has one
---@field type string
---@field text string

---@class Annotation
---@field name string as users write it: "api.create_order", "self:position", "on_bar", "Order"
---@field kind "function"|"handler"|"class"|"alias"
---@field arguments string[]? of a function, as written
---@field summary string the first paragraph
---@field text string[] the paragraphs, without what may go wrong
---@field params AnnotatedPart[]
---@field returns AnnotatedPart[]
---@field fields AnnotatedPart[] of a class
---@field parent string? the class it extends
---@field type string? of an alias
---@field errors string? what may go wrong
---@field file string
---@field line integer

-- Cuts a type off the front of `text`: types hold blanks inside brackets and behind ":", "," and "|".
local function cut_type(text)
  local depth, last, i = 0, "", 1
  while i <= #text do
    local c = text:sub(i, i)
    if c:find "[%(<{%[]" then
      depth = depth + 1
    elseif c:find "[%)>}%]]" then
      depth = depth - 1
    elseif c == '"' then
      i = text:find('"', i + 1, true) or #text
    elseif c:find "%s" and depth == 0 then
      if not last:find "[:,|]" and not text:find("^%s*|", i) then break end
    end
    if not c:find "%s" then last = c end
    i = i + 1
  end
  return text:sub(1, i - 1), (text:sub(i):gsub("^%s*#?%s*", ""))
end

local function add_tag(entry, tag, rest)
  if tag == "param" or tag == "field" then
    local name, after = rest:match "^(%S+)%s*(.*)$"
    local optional = name:sub(-1) == "?"
    local type_text, text = cut_type(after)
    local list = tag == "param" and entry.params or entry.fields
    list[#list + 1] = {
      name = optional and name:sub(1, -2) or name,
      type = type_text .. (optional and "?" or ""),
      text = text,
    }
  elseif tag == "return" then
    local type_text, text = cut_type(rest)
    local name
    -- "Order? order as it is now": a name, then words; behind "#" there are words alone.
    if not rest:find "%s#" then
      name, text = text:match "^([%w_]*)%s*(.*)$"
    end
    if type_text ~= "nil" then
      entry.returns[#entry.returns + 1] = { type = type_text, name = name ~= "" and name or nil, text = text }
    end
    entry.says_returns = true
  elseif tag == "class" then
    entry.kind = "class"
    entry.name, entry.parent = rest:match "^([%w_]+)%s*:?%s*([%w_]*)"
    if entry.parent == "" then entry.parent = nil end
  elseif tag == "alias" then
    entry.kind = "alias"
    entry.name, entry.type = rest:match "^(%S+)%s+(.*)$"
  end
end

local function finish_text(entry, lines)
  local paragraphs, current = {}, {}
  for _, line in ipairs(lines) do
    if line == "" then
      if #current > 0 then
        paragraphs[#paragraphs + 1], current = table.concat(current, " "), {}
      end
    else
      current[#current + 1] = line
    end
  end
  if #current > 0 then paragraphs[#paragraphs + 1] = table.concat(current, " ") end
  for _, paragraph in ipairs(paragraphs) do
    local errors = paragraph:match "^Errors: (.*)$"
    if errors then
      entry.errors = errors
    else
      entry.text[#entry.text + 1] = paragraph
    end
  end
  entry.summary = entry.text[1] or ""
end

local function arguments_of(text)
  local list = {}
  for name in text:gmatch "[%w_%.]+" do
    list[#list + 1] = name
  end
  return list
end

-- The entries of one block of comments and the line of code below it.
local function read_block(block, code, source, line, add)
  local entry, words = nil, {}
  local function begin(at)
    entry =
      { kind = "function", text = {}, params = {}, returns = {}, fields = {}, file = source.file, line = at }
    return entry
  end
  begin(line)
  local function close()
    finish_text(entry, words)
    if entry.name then add(entry) end
    words = {}
  end
  for i, text in ipairs(block) do
    local tag, rest = text:match "^@(%w+)%s*(.*)$"
    if tag == "alias" then
      local kept = words
      words = {}
      local outer = entry
      begin(line + i - 1)
      add_tag(entry, tag, rest)
      close()
      entry, words = outer, kept
    elseif tag then
      if tag == "class" and entry.kind == "class" then
        close()
        begin(line + i - 1)
      end
      add_tag(entry, tag, rest)
    else
      words[#words + 1] = text
    end
  end
  if entry.kind == "class" then return close() end
  local owner, separator, name, arguments = code:match "^%s*function%s+([%w_]+)([%.:])([%w_]+)%((.-)%)"
  local prefix = owner and source.owners[owner]
  if not prefix or name:find "^_" then return end
  local handler = owner == "Strategy" and name:find "^on_"
  entry.kind = handler and "handler" or "function"
  entry.name = (handler and "" or prefix) .. name
  entry.arguments = arguments_of(arguments)
  entry.line = line + #block
  entry.method = separator == ":"
  close()
end

local function read_source(folder, source, add)
  local file = io.open(folder .. "/" .. source.file, "rb")
  if not file then return end
  local block, number = {}, 0
  for line in file:lines() do
    number = number + 1
    local text = line:match "^%s*%-%-%-(.*)$"
    if text then
      block[#block + 1] = text:gsub("^%s+", "")
    else
      local starts = line:find "^%s*function " ~= nil
      if #block > 0 or starts then read_block(block, line, source, number - #block, add) end
      block = {}
    end
  end
  if #block > 0 then read_block(block, "", source, number - #block + 1, add) end
  file:close()
end

local home = package.moontide_home -- luacheck: ignore 143
local cache

---Everything that is described, in the order of the files.
---@return Annotation[] entries
function M.all()
  if cache then return cache end
  local list = {}
  for _, source in ipairs(sources) do
    read_source(home .. "/lua/moontide", source, function(entry) list[#list + 1] = entry end)
  end
  cache = list
  return list
end

---What is described under a name: "api.create_order", "create_order", "self:position", "on_bar", "Order"...
---@param name string letter case does not count; a last part is enough where it is the only one
---@return Annotation? entry
function M.find(name)
  name = name:gsub("^moontide%.", ""):gsub("%(.*$", "")
  local wanted, call, other = name:lower(), nil, nil
  for _, entry in ipairs(M.all()) do
    local full = entry.name:lower()
    if entry.name == name then return entry end
    local is_call = entry.kind == "function" or entry.kind == "handler"
    if is_call and (full == wanted or full:match "[^%.:]+$" == wanted) then call = call or entry end
    if full == wanted then other = other or entry end
  end
  return call or other
end

---How a function is called: "api.sleep(seconds)".
---@param entry Annotation of a function
---@return string text
function M.signature(entry)
  if entry.kind ~= "function" and entry.kind ~= "handler" then return entry.name end
  return ("%s(%s)"):format(entry.name, table.concat(entry.arguments, ", "))
end

local function is_number(type_text) return type_text:find "^number" or type_text:find "^integer" end

---What is missing in the descriptions: one line each, with file and line.
---@return string[] problems
function M.problems()
  local list = {}
  local function problem(entry, text, ...)
    list[#list + 1] = ("lua/moontide/%s:%d: %s: "):format(entry.file, entry.line, entry.name)
      .. text:format(...)
  end
  for _, entry in ipairs(M.all()) do
    if entry.kind == "function" or entry.kind == "handler" then
      if entry.summary == "" then problem(entry, "nothing says what it does") end
      local described = {}
      for _, p in ipairs(entry.params) do
        described[p.name] = true
        if p.type == "" then problem(entry, "parameter %s has no type", p.name) end
        if p.text == "" and not p.type:find '^"' and not (p.type == "number" and p.name == "seconds") then
          problem(entry, "parameter %s is not described", p.name)
        end
      end
      for _, name in ipairs(entry.arguments) do
        if not described[name] then problem(entry, "parameter %s has no @param", name) end
        described[name] = nil
      end
      for name in pairs(described) do
        problem(entry, "@param %s is no parameter of it", name)
      end
      if not entry.says_returns then
        problem(entry, "nothing says what it returns (@return; nil where that is nothing)")
      end
      for _, r in ipairs(entry.returns) do
        if is_number(r.type) and r.text == "" then problem(entry, "the unit of its result is not told") end
      end
      if entry.kind == "function" and not entry.errors then
        problem(entry, 'nothing says what may go wrong ("Errors: ...")')
      end
    elseif entry.kind == "class" then
      if entry.summary == "" and #entry.fields > 0 and not entry.parent then
        problem(entry, "nothing says what it is")
      end
      for _, f in ipairs(entry.fields) do
        if is_number(f.type) and f.text == "" then problem(entry, "the unit of %s is not told", f.name) end
      end
    end
  end
  return list
end

return M
