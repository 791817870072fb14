---The lines typed, kept between runs in a file that only its owner can read. Lines that may hold a secret are not.
local ffi = require "ffi"
local C = require "moontide.core"

local M = {}

local LINES_MAX = 2000
local BREAK = "\31" -- an end of line inside an entry, in the file of one entry a line

-- NAME = "..." or NAME: ... where the name speaks of a secret.
local words = { "secret", "key", "passw", "token", "passphrase" }

---@param line string
---@return boolean # whether it may hold a secret
function M.is_secret(line)
  for _, name in ipairs { "MOONTIDE_API_KEY", "MOONTIDE_API_SECRET" } do
    local value = os.getenv(name)
    if value and #value > 3 and line:find(value, 1, true) then return true end
    if line:find(name, 1, true) then return true end
  end
  local lower = line:lower()
  for _, word in ipairs(words) do
    if lower:find(word .. "[%w_]*[\"'%]]*%s*[=:]") or lower:find(word .. "[%w_]*[\"'%]]*%s*,%s*[\"']") then
      return true
    end
  end
  -- What looks like one: forty and more letters and digits in one piece, both kinds.
  for piece in line:gmatch "[%w%+/_%-]+" do
    if #piece >= 40 and piece:find "%d" and piece:find "%a" then return true end
  end
  return line:find "BEGIN [%u ]*KEY" ~= nil
end

---Where it is kept: beside the folder of the runs. Nil when there is no place.
---@return string? path
function M.path()
  local message, out = ffi.new "struct errmsg", ffi.new("char[?]", C.RUN_PATH_MAX)
  if C.run_folder_path(nil, out, message) ~= 0 then return nil end
  return (ffi.string(out):gsub("/runs$", "")) .. "/repl_history"
end

---The last lines, oldest first.
---@param path string
---@return string[]
function M.read(path)
  local lines = {}
  local file = io.open(path, "rb")
  if not file then return lines end
  for line in file:lines() do
    lines[#lines + 1] = line:gsub(BREAK, "\n")
  end
  file:close()
  local first = math.max(1, #lines - LINES_MAX + 1)
  return { unpack(lines, first) }
end

---Keeps what was typed, a chunk of several lines as one; what may hold a secret is not kept.
---@param path string? nil where there is no place for a file
---@param line string without an end of line behind it
---@return boolean # whether it may be remembered until the end of this run, be there a file or not
function M.add(path, line)
  if line:find "^%s*$" or line:find "%z" or M.is_secret(line) then return false end
  if path then C.terminal_append(path, line:gsub("\n", BREAK) .. "\n", #line + 1) end
  return true
end

return M
