---self.state of a paper or live run: plain data that outlives the process. Written to the run's journal after each handler that
---changed it, read before the first handler of the next run (as bytes: run/state_form.lua).
---
---A paper account is saved with the state of the same moment. After a kill the journal's state may know of fills that the account has
---lost: then the account's counts, and both go on from where the account does.
local ffi = require "ffi"
local C = require "moontide.core"
local failures = require "moontide.failure"
local state_form = require "moontide.run.state_form"

local M = {}

local NAME = "state"
local FILL = "state_fill" -- on paper: the last fill that the state knows of
local TOLD = 0xffffffffffffffffULL -- nobody waits for the write, but its failure is told (world/live/journal.c)

-- A named value of the journal; nil: it has none.
local function journal_value(path, name)
  local value, size, message = ffi.new "char *[1]", ffi.new "size_t[1]", ffi.new "struct errmsg"
  local status = C.journal_get(path, name, value, size, message)
  if status == C.ERR_NOT_FOUND then return nil end
  if status ~= 0 then failures.raise(1, "%s", ffi.string(message.text)) end
  local text = ffi.string(value[0], size[0])
  C.journal_release(value[0])
  return text
end

-- The state that a paper account was saved with, when the journal's knows of other fills than it; nil: the journal's counts.
local function account_state(run_folder, options, known)
  local kept, message = ffi.new "struct paper_kept", ffi.new "struct errmsg"
  local path = options.state or run_folder .. "/paper.account"
  if C.paper_kept(path, kept, message) ~= 0 or kept.run == nil then return nil end -- who opens the account says what is wrong
  local run, text = ffi.string(kept.run), ffi.string(kept.state, kept.state_size)
  local told = ("%.0f"):format(tonumber(kept.told_id))
  C.paper_kept_free(kept)
  if run ~= run_folder:match "[^/]+$" or known == told then return nil end
  return text
end

---What the run before has kept; fails the command when it cannot be read.
---@param run_folder string
---@param options table of the command line
---@param on_paper boolean
---@return { text: string, state: table }? kept
function M.find(run_folder, options, on_paper)
  local path = run_folder .. "/journal.db"
  if options["forget-state"] or (on_paper and options.reset) then return nil end
  local text = journal_value(path, NAME)
  if on_paper then text = account_state(run_folder, options, journal_value(path, FILL)) or text end
  if not text or text == "" then return nil end
  local state, problem = state_form.decode(text)
  if not state then
    failures.raise(
      1,
      "the state kept in %s cannot be read (%s); --forget-state begins without",
      path,
      problem
    )
  end
  return { text = text, state = state }
end

---Gives the strategy the state of the run before, and keeps it from now on.
---@param s LiveSession with its journal open
---@param kept { text: string, state: table }? as of M.find
function M.keep(s, kept)
  local journal, on_paper, run = C.live_journal(s.l), s.mode == "paper", s.folder:match "[^/]+$"
  local last, unused = kept and kept.text, state_form.encode {}
  local function write(text)
    C.journal_put(journal, NAME, text, #text, TOLD)
    if not on_paper then return end
    local fill = ("%.0f"):format(tonumber(C.paper_told(s.l)))
    C.journal_put(journal, FILL, fill, #fill, TOLD)
    C.paper_keep(s.l, run, text, #text)
  end
  if kept then
    s.script.self.state = kept.state
    if last ~= unused then s.log.info("self.state of the run before goes on (%d bytes)", #last) end
  end
  local told -- what is wrong with it, since it was said
  local function keep(again)
    local text, problem = state_form.encode(s.world.strategy.state)
    if not text then
      local known = problem == told
      told = problem
      if known and not again then return end
      error(problem, 0)
    end
    told = nil
    if text == last then return end
    last = text
    write(text)
  end
  if on_paper then s.keep_with_account = function() C.paper_keep(s.l, run, last or "", #(last or "")) end end
  function s.world.after_handler() keep(true) end
  function s.world.after_tasks() keep(false) end -- who wakes it all the time is told once
end

return M
