---What the Tab key offers inside quotes: the words that the parameter takes, symbols, modules of `require`, file names.
local annotations = require "moontide.meta.annotations"

local M = {}

---Whether the text ends inside a string, and what of it is there.
---@param text string
---@return string? inside
---@return string? quote
---@return string? before the text up to the quote
function M.open(text)
  local quote, from
  local i = 1
  while i <= #text do
    local c = text:sub(i, i)
    if quote then
      if c == "\\" then
        i = i + 1
      elseif c == quote then
        quote = nil
      end
    elseif c == '"' or c == "'" then
      quote, from = c, i + 1
    end
    i = i + 1
  end
  if not quote then return nil end
  return text:sub(from), quote, text:sub(1, from - 2)
end

-- The words of a type that is a list of them: "BUY"|"SELL", or an alias of such a list.
local function words_of(type_text)
  local list = {}
  for _ = 1, 3 do
    for word in type_text:gmatch '"([^"]+)"' do
      list[#list + 1] = word
    end
    if #list > 0 then return list end
    local entry = annotations.find((type_text:gsub("[%?%[%]]", ""):gsub("|nil", "")))
    if not entry or entry.kind ~= "alias" then return nil end
    type_text = entry.type
  end
  return nil
end

local function plain(name) return (name:gsub("%?$", "")) end

-- What a field may be by its name alone, in any record of the exchange (order.status == "...").
local function words_of_field(name)
  local list, seen = {}, {}
  for _, entry in ipairs(annotations.all()) do
    for _, f in ipairs(entry.kind == "class" and entry.fields or {}) do
      for _, word in ipairs(plain(f.name or "") == name and words_of(f.type) or {}) do
        if not seen[word] then list[#list + 1] = word end
        seen[word] = true
      end
    end
  end
  return #list > 0 and list or nil
end

-- The function whose parentheses the end of the text stands in, and which of its arguments.
local function open_call(text)
  local depth, index, i = 0, 1, #text
  while i > 0 do
    local c = text:sub(i, i)
    if c:find "[%)%]}]" then
      depth = depth + 1
    elseif c:find "[%(%[{]" then
      if depth == 0 then return c == "(" and text:sub(1, i - 1):match "([%a_][%w_%.:]*)%s*$" or nil, index end
      depth = depth - 1
    elseif c == "," and depth == 0 then
      index = index + 1
    end
    i = i - 1
  end
  return nil
end

local function modules()
  local list = {}
  for _, name in ipairs { "ta", "stats", "testing" } do
    list[#list + 1] = "moontide." .. name
  end
  return list
end

---What may stand in quotes behind a text; nil where nothing is known of it, so that symbols and files are offered.
---@param before string the text up to the quote
---@param o { symbols: string[], parameters: AnnotatedPart[]? } parameters: of the call whose braces this is in
---@return string[]? words
function M.words(before, o)
  if before:find "require%s*%(?%s*$" then return modules() end
  local name = before:match "([%a_][%w_]*)%s*[=~]?=%s*$"
  if name == "symbol" then return o.symbols end
  if name then
    for _, p in ipairs(o.parameters or {}) do
      if plain(p.name) == name then return words_of(p.type) end
    end
    return words_of_field(name)
  end
  local call, index = open_call(before)
  local entry = call and annotations.find(call)
  local parameter = entry and entry.params[index]
  if not parameter then return nil end
  if parameter.name and plain(parameter.name) == "symbol" then return o.symbols end
  return words_of(parameter.type)
end

return M
