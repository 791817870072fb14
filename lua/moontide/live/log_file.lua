---The log of a run as a file (C side: process/log_file.h): every line of its `log`, written by a thread of its own. A disk that is
---slow or full costs lines, never the run.
local ffi = require "ffi"
local C = require "moontide.core"
local failures = require "moontide.failure"
local log_module = require "moontide.run.log"

ffi.cdef "char *strerror(int);"

local M = {}

---Where a run's log is, when no option says so.
---@param folder string of the run
---@return string
function M.place(folder) return folder .. "/log" end

---@class LogFile
---@field path string
---@field write fun(line: string)
---@field close fun()

---@param path string
---@param max_bytes number 0: no bound, another process rotates
---@param keep integer how many older files stay
---@return LogFile? file
---@return string? problem
function M.open(path, max_bytes, keep)
  local out, message = ffi.new "struct log_file *[1]", ffi.new "struct errmsg"
  if C.log_file_open(path, max_bytes, keep, out, message) ~= 0 then return nil, ffi.string(message.text) end
  local f = ffi.gc(out[0], C.log_file_close)
  local file = { path = path }

  function file.write(line)
    if not f then return end
    local text = line:gsub("\n", "\n  ") .. "\n" -- a line of several begins no other
    C.log_file_write(f, text, #text)
    local trouble = C.log_file_trouble(f)
    if trouble ~= 0 then -- not through the log, whose lines come here
      log_module.write(
        ("moontide: the log file %s cannot be written (%s); the run goes on without it"):format(
          path,
          ffi.string(ffi.C.strerror(trouble))
        )
      )
    end
  end

  function file.close()
    if f then C.log_file_close(ffi.gc(f, nil)) end
    f = nil
  end
  return file
end

---Opens a run's log file and lets its log write there; fails the command when the file was asked for and cannot be written.
---@param s LiveSession with its folder
---@return string? path
function M.attach(s)
  local asked = s.settings.log_file
  if asked == "none" then return nil end
  local path = asked or M.place(s.folder)
  local file, problem = M.open(path, s.settings.log_size * 1048576, s.settings.log_keep)
  if not file then
    if asked then failures.raise(1, "--log-file: %s", problem) end
    s.log.warn("%s; the run goes on without it", problem)
    return nil
  end
  s.log_file = file
  table.insert(s.log.listeners, file.write)
  return path
end

---What a supervisor says of a run stands in the run's log file too; the run itself rotates it.
---@param log table the supervisor's
---@param workers { name: string, folder: string }[]
---@param settings RunSettings
function M.share(log, workers, settings)
  if settings.log_file == "none" then return end
  local files = {}
  for i, w in ipairs(workers) do
    files[i] = M.open(settings.log_file or M.place(w.folder), 0, 0)
  end
  table.insert(log.listeners, function(line)
    for i, w in ipairs(workers) do
      if files[i] and (#workers == 1 or line:find(w.name, 1, true)) then files[i].write(line) end
    end
  end)
end

---The last line of a run's log, which its log does not tell, and the end.
---@param s LiveSession
---@param text string?
function M.finish(s, text)
  if s.alerts then
    if text then s.alerts.raise("critical", text) end
    s.alerts.close()
  end
  if not s.log_file then return end
  if text then s.log_file.write(text) end
  s.log_file.close()
end

return M
