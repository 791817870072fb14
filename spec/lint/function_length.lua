---Checks that no function is longer than a reader can hold in mind: 100 lines in Lua, 70 in C. `make lint` runs it.
---
---    moontide script spec/lint/function_length.lua [figures]

local MOST = { lua = 100, c = 70 }
local FOLDERS = { lua = "lua strategies examples", c = "runtime" }

-- What opens a block that `end` or `until` closes; `while` and `for` open theirs by `do`.
local opens = { ["function"] = true, ["do"] = true, ["if"] = true, ["repeat"] = true }
local closes = { ["end"] = true, ["until"] = true }

local function files(folders, ending)
  local list, pipe = {}, assert(io.popen(("find %s -name '*.%s' | sort"):format(folders, ending)))
  for path in pipe:lines() do
    list[#list + 1] = path
  end
  pipe:close()
  return list
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

-- Strings and comments of Lua give way to blanks, their lines stay.
local function blank(text)
  local function lines_of(part) return (part:gsub("[^\n]", " ")) end
  local out, at = {}, 1
  while at <= #text do
    local from = text:find("[%-%[\"']", at)
    if not from then break end
    out[#out + 1] = text:sub(at, from - 1)
    local to
    local long = text:match("^%-%-%[(=*)%[", from) or text:match("^%[(=*)%[", from)
    local quote = text:match("^[\"']", from)
    if long then
      to = select(2, text:find("]" .. long .. "]", from, true)) or #text
    elseif text:find("^%-%-", from) then
      to = (text:find("\n", from, true) or #text + 1) - 1
    elseif quote then
      to = from + 1
      while to <= #text and text:sub(to, to) ~= quote do
        to = to + (text:sub(to, to) == "\\" and 2 or 1)
      end
    end
    out[#out + 1] = to and lines_of(text:sub(from, to)) or text:sub(from, from)
    at = (to or from) + 1
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

---Calls found(name, first_line, last_line) of each function of a Lua text.
local function lua_functions(text, found)
  local stack, number = {}, 0
  for line in (blank(text) .. "\n"):gmatch "([^\n]*)\n" do
    number = number + 1
    for at, word in line:gmatch "()([%a_][%w_]*)" do
      if opens[word] then
        local name = word == "function" and (line:match("^%s+([%w_.:]+)", at + 8) or "function")
        stack[#stack + 1] = { name = name, line = number }
      elseif closes[word] then
        local block = table.remove(stack)
        if block.name then found(block.name, block.line, number) end
      end
    end
  end
  assert(#stack == 0, "a block that never ends")
end

---The same of a C text as clang-format leaves it: a definition begins and ends in the first column.
local function c_functions(text, found)
  local number, head, first = 0, nil, nil
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    number = number + 1
    if line:find "^}" then
      if first and line == "}" then found(head:match "([%w_]+)%(" or head, first, number) end
      first, head = nil, nil
    elseif line:find "^[%a_]" and not first then
      head, first = line, number
    elseif not line:find "^[%s)]" then
      first = nil
    end
    if first and line:find ";$" and not line:find "^%s" then first = nil end
  end
end

local with_figures, failed = (...) == "figures", false
for _, language in ipairs { { "lua", lua_functions }, { "c", c_functions } } do
  local ending, functions = unpack(language)
  local count, over_60, longest = 0, 0, { 0 }
  for _, path in ipairs(files(FOLDERS[ending], ending)) do
    functions(read(path), function(name, first, last)
      local length = last - first + 1
      count = count + 1
      if length > 60 then over_60 = over_60 + 1 end
      if length > longest[1] then longest = { length, path, name } end
      if length > MOST[ending] then
        io.stderr:write(
          ("%s:%d: %s has %d lines; %d are the most\n"):format(path, first, name, length, MOST[ending])
        )
        failed = true
      end
    end)
  end
  if with_figures then
    print(
      ("%-4s %5d functions, %d over 60 lines, the longest %d (%s %s)"):format(
        ending,
        count,
        over_60,
        longest[1],
        longest[2],
        longest[3]
      )
    )
  end
end
return failed and 1 or 0
