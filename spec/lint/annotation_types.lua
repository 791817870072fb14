---Checks the annotations of the Lua code: every type that one names is declared, and no class is declared in two places, so that
---an editor with the Lua language server shows what is meant.
---
---    moontide script spec/lint/annotation_types.lua

local BUILT_IN = {}
for name in
  (
    "any nil boolean true false number integer string table function thread userdata lightuserdata unknown void self "
    .. "file ffi.cdata ffi.ctype"
  ):gmatch "%S+"
do
  BUILT_IN[name] = true
end

local declared = {} -- name: { file, line, kind }
local used = {} -- { name, place }
local failed = false

local function breach(format, ...)
  failed = true
  io.stderr:write(format:format(...), "\n")
end

-- ---- the types of a line, by a reader of their grammar ----

-- Reads one type from the front of `text`, calls name(word) for each that it names, and returns what follows; nil where there is
-- none.
local read_type

local function skip(text) return (text:gsub("^%s+", "")) end

-- name, name?, name: type, ... of fun(...); up to the closing bracket.
local function read_arguments(text, name)
  text = skip(text)
  while text:sub(1, 1) ~= ")" do
    local rest = text:match "^%.%.%.(.*)$" or text:match "^[%w_]+%??(.*)$"
    if not rest then return nil end
    text = skip(rest)
    if text:sub(1, 1) == ":" then
      text = read_type(text:sub(2), name)
      if not text then return nil end
      text = skip(text)
    end
    if text:sub(1, 1) == "," then
      text = skip(text:sub(2))
    elseif text:sub(1, 1) ~= ")" then
      return nil
    end
  end
  return text:sub(2)
end

-- fun(...): type, type
local function read_function(text, name)
  text = read_arguments(text, name)
  if not text then return nil end
  local after = text:match "^%s*:(.*)$"
  if not after then return text end
  text = read_type(after, name)
  while text and text:find "^,%s*[%w_%.%(%{]" do
    local more = read_type(text:sub(2), name)
    if not more then break end
    text = more
  end
  return text
end

-- { name: type, [type]: type, name?: type }
local function read_fields(text, name)
  text = skip(text)
  while text:sub(1, 1) ~= "}" do
    local rest
    if text:sub(1, 1) == "[" then
      rest = read_type(text:sub(2), name)
      rest = rest and skip(rest):match "^%](.*)$"
    else
      rest = text:match "^[%w_]+%??(.*)$"
    end
    rest = rest and skip(rest):match "^:(.*)$"
    rest = rest and read_type(rest, name)
    if not rest then return nil end
    text = skip(rest)
    if text:sub(1, 1) == "," or text:sub(1, 1) == ";" then
      text = skip(text:sub(2))
    elseif text:sub(1, 1) ~= "}" then
      return nil
    end
  end
  return text:sub(2)
end

local function read_one(text, name)
  local quoted = text:match '^"[^"]*"(.*)$' or text:match "^'[^']*'(.*)$" or text:match "^%-?%d+(.*)$"
  if quoted then return quoted end
  local first = text:sub(1, 1)
  if first == "{" then return read_fields(text:sub(2), name) end
  if first == "(" then
    local rest = read_type(text:sub(2), name)
    return rest and skip(rest):match "^%)(.*)$"
  end
  local arguments = text:match "^fun%((.*)$"
  if arguments then return read_function(arguments, name) end
  if text:find "^fun%f[^%w_]" then return text:sub(4) end
  local word, rest = text:match "^([%a_][%w_%.]*)%*?(.*)$"
  if text:sub(1, 3) == "..." then
    word, rest = text:match "^%.%.%.([%a_][%w_%.]*)(.*)$"
    if not word then return text:sub(4) end
  end
  if not word then return nil end
  if rest:sub(1, 1) == "<" then
    repeat
      rest = read_type(rest:sub(2), name)
      if not rest then return nil end
      rest = skip(rest)
    until rest:sub(1, 1) ~= ","
    rest = rest:match "^>(.*)$"
    if not rest then return nil end
  end
  name((word:gsub("%.$", "")))
  return rest
end

function read_type(text, name)
  text = read_one(skip(text), name)
  while text do
    local first = text:sub(1, 1)
    if text:sub(1, 2) == "[]" then
      text = text:sub(3)
    elseif first == "?" or (first == "*" and not text:find "^%*%w") then
      text = text:sub(2)
    elseif text:find "^%s*|%s*[^|]" then
      text = read_one(text:gsub("^%s*|%s*", ""), name)
    else
      return text
    end
  end
  return nil
end

-- ---- a file ----

local function read_line(file, number, text, generics)
  local place = ("%s:%d"):format(file, number)
  local tag, rest = text:match "^@(%w+)%s*(.*)$"
  if not tag then return end
  local function name(word)
    if not BUILT_IN[word] and not generics[word] then used[#used + 1] = { name = word, place = place } end
  end
  local function types(part)
    if not read_type(part, name) then breach("%s: not understood as a type: %s", place, part) end
  end
  local function declare(word, kind)
    local before = declared[word]
    if before then breach("%s: %s is declared at %s already", place, word, before) end
    declared[word] = ("%s (%s)"):format(place, kind)
  end
  if tag == "class" then
    local word, parents = rest:gsub("^%(%w+%)%s*", ""):match "^([%w_%.]+)%s*:?%s*(.*)$"
    declare(word, "class")
    while rest:find ":" and parents:find "^[%w_%.]" do
      name(parents:match "^[%w_%.]+")
      parents = parents:match "^[%w_%.]+%s*,%s*(.*)$" or ""
    end
  elseif tag == "alias" then
    local word, meaning = rest:match "^([%w_%.]+)%s*(.*)$"
    declare(word, "alias")
    if meaning ~= "" then types(meaning) end
  elseif tag == "generic" then
    for word in rest:gmatch "[%w_]+" do
      generics[word] = true
    end
  elseif tag == "param" then
    types(rest:match "^%S+%s+(.*)$" or "")
  elseif tag == "field" then
    local after = rest:gsub("^private%s+", ""):gsub("^protected%s+", ""):gsub("^public%s+", "")
    types(after:match "^%[[^%]]*%]%s+(.*)$" or after:match "^%S+%s+(.*)$" or "")
  elseif tag == "return" or tag == "type" or tag == "overload" or tag == "cast" then
    types(rest)
  end
end

local function read_text(path, text)
  local number, generics = 0, {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    number = number + 1
    local annotation = line:match "^%s*%-%-%-%s*(@.*)$"
    if annotation then
      read_line(path, number, annotation, generics)
    elseif not line:find "^%s*%-%-" then
      generics = {}
    end
  end
end

local function resolve()
  for _, u in ipairs(used) do
    if not declared[u.name] then breach("%s: no class or alias %s", u.place, u.name) end
  end
  declared, used = {}, {}
end

local pipe = assert(io.popen "find lua strategies examples -name '*.lua' | sort")
for path in pipe:lines() do
  local file = assert(io.open(path, "rb"))
  read_text(path, file:read "*a")
  file:close()
end
pipe:close()
resolve()

-- What `moontide new` gives an editor stands alone.
for _, file in ipairs(require("moontide.meta.stubs").files()) do
  read_text("types/" .. file.name, file.text)
end
resolve()
return failed and 1 or 0
