---Notebooks (:notebook of the REPL): their chunks run again, in the world that their first line names. A chunk that fails is a failure,
---and so is an answer of one line that is another in a backtest, which is the same each time.
local host = require "moontide.lua_host"
local shell = require "moontide.shell"

local M = {}

local MARK = "-- end of chunk --"

---@class Notebook
---@field arguments string of moontide repl
---@field chunks { code: string, answer: string?, line: integer }[]

---@param text string
---@return Notebook? notebook
---@return string? problem
function M.read(text)
  local book = { arguments = text:match "<!%-%- moontide repl ?([^\n]-) ?%-%->", chunks = {} }
  if not book.arguments then return nil, "no line <!-- moontide repl ... --> says where its chunks run" end
  local number, fence, kind, from, lines = 0, nil, nil, nil, nil
  for line in (text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    if fence and line == fence then
      local body = table.concat(lines, "\n")
      if kind == "lua" or kind == "moontide" then
        book.chunks[#book.chunks + 1] = { code = body, line = from }
      elseif kind == "text" and #book.chunks > 0 then
        book.chunks[#book.chunks].answer = body
      end
      fence = nil
    elseif fence then
      lines[#lines + 1] = line
    elseif line:find "^```+%a*$" then
      fence, kind = line:match "^(```+)(%a*)$"
      from, lines = number + 1, {}
    end
  end
  if fence then return nil, ("line %d: the block does not end"):format(from - 1) end
  if #book.chunks == 0 then return nil, "no block of Lua in it" end
  return book
end

local function read(path)
  local file, problem = io.open(path, "rb")
  if not file then return nil, problem end
  local text = file:read "*a"
  file:close()
  return text, not text and "cannot be read" or nil
end

-- What each chunk wrote, the errors, and the status.
local function run_chunks(book)
  local base = os.tmpname()
  local file = assert(io.open(base, "w"))
  for _, chunk in ipairs(book.chunks) do
    -- A line for itself is what a pipe takes for a chunk; what has several goes in one piece.
    local code = chunk.code:find "\n" and "do " .. chunk.code .. "\nend" or chunk.code
    file:write(code, "\n", ("print %q\n"):format(MARK))
  end
  file:close()
  local words = { shell.quote(host.exe), "repl" }
  for word in book.arguments:gmatch "%S+" do
    words[#words + 1] = shell.quote(word)
  end
  local command = ("%s <%s >%s.out 2>%s.err"):format(table.concat(words, " "), base, base, base)
  local status = os.execute(command)
  local out, err = read(base .. ".out"), read(base .. ".err")
  for _, name in ipairs { base, base .. ".out", base .. ".err" } do
    os.remove(name)
  end
  return out or "", err or "", status == 0 or status == true
end

---Runs a notebook.
---@param path string
---@param print_to fun(text: string)
---@return integer passed chunks
---@return integer failed
function M.run(path, print_to)
  local text, problem = read(path)
  local book
  if text then
    book, problem = M.read(text)
  end
  if not book then
    print_to(("%s: %s"):format(path, problem))
    return 0, 1
  end
  if book.arguments:find "%-%-live" or book.arguments:find "%-%-paper" then
    print_to(path .. ": a notebook of a paper or live run is not run again: its orders would be sent again")
    return 0, 1
  end
  local out, err, good = run_chunks(book)
  local exact = book.arguments:find "%-%-data" or book.arguments:find "%-%-synthetic"
  local passed, failed, at = 0, 0, 1
  for _, chunk in ipairs(book.chunks) do
    local from, to = out:find(MARK .. "\n", at, true)
    local answer = from and out:sub(at, from - 1):gsub("\n$", "")
    local wanted = exact and not chunk.code:find "\n" and chunk.answer
    if wanted and wanted:find "\n" then wanted = nil end -- made for the width of another screen
    if not answer then
      print_to(("%s:%d: the chunk did not run"):format(path, chunk.line))
      failed = failed + 1
    elseif wanted and answer:match "[^\n]*$" ~= wanted then
      print_to(("%s:%d: the answer is %s; the notebook has %s"):format(path, chunk.line, answer, wanted))
      failed = failed + 1
    else
      passed = passed + 1
    end
    at = to and to + 1 or at
  end
  if not good then
    print_to(("%s: a chunk failed:\n%s"):format(path, err:gsub("\n+$", "")))
    if failed == 0 then
      passed, failed = passed - 1, 1
    end
  end
  return passed, failed
end

return M
