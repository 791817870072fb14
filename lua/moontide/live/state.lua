---self.state of a paper or live run: plain data that outlives the process. Written to the run's journal after each handler that
---changed it, read before the first handler of the next run (as bytes: run/state_form.lua).
local ffi = require "ffi"
local C = require "moontide.core"
local failures = require "moontide.failure"
local state_form = require "moontide.run.state_form"

local M = {}

local NAME = "state"
local TOLD = 0xffffffffffffffffULL -- nobody waits for the write, but its failure is told (world/live/journal.c)

---What the run before has kept; fails the command when it cannot be read.
---@param run_folder string
---@param options table of the command line
---@param on_paper boolean
---@return { text: string, state: table }? kept
function M.find(run_folder, options, on_paper)
  local path = run_folder .. "/journal.db"
  if options["forget-state"] or (on_paper and options.reset) then return nil end
  local value, size, message = ffi.new "char *[1]", ffi.new "size_t[1]", ffi.new "struct errmsg"
  local status = C.journal_get(path, NAME, value, size, message)
  if status == C.ERR_NOT_FOUND then return nil end
  if status ~= 0 then failures.raise(1, "%s", ffi.string(message.text)) end
  local text = ffi.string(value[0], size[0])
  C.journal_release(value[0])
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
  local journal = C.live_journal(s.l)
  local last, unused = kept and kept.text, state_form.encode {}
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
    C.journal_put(journal, NAME, text, #text, TOLD)
  end
  function s.world.after_handler() keep(true) end
  function s.world.after_tasks() keep(false) end -- who wakes it all the time is told once
end

return M
