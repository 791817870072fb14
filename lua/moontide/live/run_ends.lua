---How the runs of a journal ended (C side: store/journal_runs.h). One that ends in order says so itself; of one that was killed its
---supervisor tells, else the next start.
local ffi = require "ffi"
local C = require "moontide.core"
local host = require "moontide.lua_host"

local M = {}

---What is written of a run whose end nobody saw.
M.UNSEEN = "not ended in order: killed, or its journal could not be written"

---Ends the runs that do not say how they ended; their processes must be gone.
---@param folder string of the run
---@param how string
---@param at_us number? when; left out: not known
---@param since_us number? only runs begun then or later
---@return string? problem
function M.write(folder, how, at_us, since_us)
  local path, message = folder .. "/journal.db", ffi.new "struct errmsg"
  if not host.file_mode(path) then return nil end
  if C.journal_runs_end(path, how:sub(1, C.JOURNAL_HOW_MAX - 1), at_us or 0, since_us or 0, message) ~= 0 then
    return ffi.string(message.text)
  end
end

---The last runs of a journal, the oldest first.
---@param folder string of the run
---@param limit integer
---@return { run: integer, script: string, symbols: string, started_ms: integer, ended_ms: integer?, how: string?, orders: integer }[]? runs times in milliseconds; `how` is nil while nobody has said
---@return string? problem
function M.read(folder, limit)
  local rows, count, message =
    ffi.new "struct journal_run_row *[1]", ffi.new "int64_t[1]", ffi.new "struct errmsg"
  if C.journal_runs(folder .. "/journal.db", limit, rows, count, message) ~= 0 then
    return nil, ffi.string(message.text)
  end
  local list = {}
  for i = 0, tonumber(count[0]) - 1 do
    local r = rows[0][i]
    local how = ffi.string(r.how)
    list[i + 1] = {
      run = tonumber(r.run),
      script = ffi.string(r.script),
      symbols = ffi.string(r.symbols),
      started_ms = math.floor(tonumber(r.started_us) / 1000),
      ended_ms = r.ended_us ~= 0 and math.floor(tonumber(r.ended_us) / 1000) or nil,
      how = how ~= "" and how or nil,
      orders = tonumber(r.orders),
    }
  end
  C.journal_release(rows[0])
  return list
end

return M
