---What was typed in this session and what it gave: kept for :save (the code) and :notebook (both, as Markdown that `moontide test`
---runs). What may hold a secret is not kept.
local history = require "moontide.repl.history"

local M = {}

local KEPT = 5000

---@class Transcript
---@field entries { line: string, ok: boolean, text: string? }[]
local Transcript = {}
Transcript.__index = Transcript

---@return Transcript
function M.new() return setmetatable({ entries = {} }, Transcript) end

-- Commands that change what the lines behind them give.
local kept = { step = true, run = true, back = true, ["goto"] = true, load = true }

---@param line string
---@param ok boolean
---@param text string? what was shown
function Transcript:add(line, ok, text)
  local command = line:match "^%s*:(%w*)"
  if command and not kept[command] then return end
  if history.is_secret(line) or #self.entries >= KEPT then return end
  self.entries[#self.entries + 1] = { line = line, ok = ok, text = text }
end

local function write(path, text, what)
  local old = io.open(path, "r")
  if old then
    old:close()
    return nil, ("%s is there already; another name, or remove it"):format(path)
  end
  local file, problem = io.open(path, "w")
  if not file then return nil, ("cannot write %s"):format(problem) end
  local ok, why = file:write(text)
  local closed, why_not = file:close()
  if not (ok and closed) then return nil, ("cannot write %s: %s"):format(path, why or why_not) end
  return what
end

local function count_text(n, word) return ("%d %s%s"):format(n, word, n == 1 and "" or "s") end

---The code that ran without a failure, as a file of Lua.
---@param path string
---@return string? done
---@return string? problem
function Transcript:save(path)
  local lines = {}
  for _, entry in ipairs(self.entries) do
    if entry.ok and not entry.line:find "^%s*:" then lines[#lines + 1] = entry.line end
  end
  if #lines == 0 then return nil, "nothing was typed yet that ran" end
  return write(
    path,
    table.concat(lines, "\n") .. "\n",
    ("%s in %s"):format(count_text(#lines, "chunk"), path)
  )
end

-- A fence that does not stand in a text.
local function fenced(kind, text)
  local fence = "```"
  while text:find(fence, 1, true) do
    fence = fence .. "`"
  end
  return ("%s%s\n%s\n%s\n"):format(fence, kind, text, fence)
end

---Code and answers as Markdown.
---@param path string
---@param world string which world this is
---@return string? done
---@return string? problem
function Transcript:notebook(path, world)
  if not path:find "%.md$" then return nil, "a notebook is a Markdown file: :notebook FILE.md" end
  local parts = { ("# %s\n"):format(path:match "([^/]+)%.md$"), world .. "\n" }
  local count = 0
  for _, entry in ipairs(self.entries) do
    if entry.ok then
      count = count + 1
      parts[#parts + 1] = fenced(entry.line:find "^%s*:" and "moontide" or "lua", entry.line)
      if entry.text and entry.text ~= "" then parts[#parts + 1] = fenced("text", entry.text) end
    end
  end
  if count == 0 then return nil, "nothing was typed yet that ran" end
  return write(path, table.concat(parts, "\n"), ("%s in %s"):format(count_text(count, "chunk"), path))
end

return M
