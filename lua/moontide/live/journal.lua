---The journal of a live run (C side: world/live/journal.c): opened, what the last run left open told, and closed.
local ffi = require "ffi"
local C = require "moontide.core"
local failures = require "moontide.failure"
local groups = require "moontide.options.live_groups"
local option_table = require "moontide.options"
local run_ends = require "moontide.live.run_ends"

local M = {}

local RESTART, SYNC = groups.row "restart-orders", groups.row "journal-sync"

---Opens the run's journal; fails the command when it cannot be written. Orders on paper are not journalled: their account is
---kept whole.
---@param s LiveSession
---@param run table settings of the run (loader.configuration)
function M.open(s, run)
  local path, message = s.folder .. "/journal.db", ffi.new "struct errmsg"
  local file = s.options.config or "moontide.conf.lua"
  local sync = option_table.setting(SYNC, s.options, run.journal_sync, file .. ": journal_sync")
  local restart = option_table.setting(RESTART, s.options, run.restart_orders, file .. ": restart_orders")
  run_ends.write(s.folder, run_ends.UNSEEN) -- the folder is ours, so nobody else writes; what is wrong with the file is told next
  local status = C.live_journal_open(s.l, path, sync == "full", message)
  if status == 0 and s.mode ~= "paper" and s.at.key ~= "" then
    status = C.live_journal_orders(s.l, path, restart == "cancel", message)
  end
  if status ~= 0 then
    s.world:close()
    failures.raise(1, "%s", ffi.string(message.text))
  end
  local journal = C.live_journal(s.l)
  s.journalled = true
  C.journal_run(journal, s.title, table.concat(s.names, " "), C.live_clock_wall_us(s.options.clock))
end

---What became of the orders that the last run had perhaps sent; after the start.
---@param s LiveSession
function M.tell(s)
  local count = ffi.new "int32_t[1]"
  local rows = C.live_restarts(s.l, count)
  for i = 0, count[0] - 1 do
    local r = rows[i]
    local fields = { { "client_id", ffi.string(r.client_id) }, { "symbol", ffi.string(r.symbol) } }
    local text = r.taken and "an order of the last run is over, without a fill"
      or "an order of the last run never arrived"
    if r.found then
      text = r.open and "an order of the last run stands open: adopted"
        or "an order of the last run was carried out"
      fields[3], fields[4] = { "status", ffi.string(r.status) }, { "executed", tonumber(r.executed_e8) / 1e8 }
    end
    s.log.fields(r.found and "warn" or "info", text, fields)
  end
end

---How it ended, for those who look later.
---@param s LiveSession
---@param how string
function M.close(s, how)
  how = how:match "[^\n]*"
  C.live_journal_end(s.l, how:sub(1, C.JOURNAL_HOW_MAX - 1))
  local kept = C.live_journal(s.l)
  if s.journalled and C.journal_flush(kept) ~= 0 then
    s.log.error(
      "the journal's last lines could not be written (%s); the next start looks up what became of the orders",
      ffi.string(C.journal_problem(kept))
    )
  end
end

---One line of what happened to the run itself; nothing where no journal is kept.
---@param s LiveSession
---@param text string
function M.note(s, text)
  if s.journalled then C.journal_note(C.live_journal(s.l), text, C.live_clock_wall_us(s.options.clock)) end
end

return M
