---Typed code: compiled, run as a task of the world it is typed into, and its values shown. The REPL at a terminal and the
---control socket of a running process (`moontide attach`) both come here.
local host = require "moontide.lua_host"
local pretty = require "moontide.repl.pretty"
local task = require "moontide.run.task"

local M = {}

-- Code of the runtime itself, which is not broken off in the middle.
local OURS = "@" .. package.moontide_home .. "/lua/moontide/" -- luacheck: ignore 143

local CHECK_EVERY = 1000 -- instructions

-- `x = 1; x`: statements, and an expression behind the last of them.
local function with_last_value(code, name)
  for at = #code - 1, 2, -1 do
    local c = code:sub(at, at)
    if
      (c == ";" or c == "\n")
      and code:find("%S", at + 1)
      and not code:find("^%s*return%f[^%w_]", at + 1)
    then
      local before, last = code:sub(1, at), code:sub(at + 1)
      if load(before, name, "t") and load("return " .. last, name, "t") then
        return load(before .. " return " .. last, name, "t")
      end
    end
  end
  return nil
end

---@param code string
---@param name string? of the chunk in messages ("typed")
---@return function? chunk
---@return string? problem
---@return boolean? incomplete more lines may mend it
function M.compile(code, name)
  name = "=" .. (name or "typed")
  code = code:gsub("^\239\187\191", "") -- a file of some editors begins with the mark of UTF-8
  local chunk, as_value = load("return " .. code, name, "t")
  if chunk then return chunk end
  local as_statement
  chunk, as_statement = load(code, name, "t")
  chunk = chunk or with_last_value(code, name)
  if chunk then return chunk end
  local function ends_early(problem)
    if problem:find "unfinished string" then return false end -- no further line can mend that
    return problem:find "near '?<eof>'?$" ~= nil or problem:find "unfinished long" ~= nil
  end
  local early = ends_early(as_value)
  return nil, early and as_value or as_statement, early or ends_early(as_statement)
end

-- Watches a task whenever it computes: `reason` is asked now and then, and what it answers breaks the code off, past any
-- pcall of its own. Compiled code asks nothing, so typed code is never compiled.
local function guard(o)
  local broken, since
  local function check()
    broken = broken or o.reason(since)
    if not broken then return end
    debug.sethook(check, "", 1)
    local running = debug.getinfo(2, "S")
    if running and running.source:sub(1, #OURS) == OURS then return end
    error(broken, 0)
  end
  return {
    enter = function()
      since = host.monotonic()
      debug.sethook(check, "", CHECK_EVERY)
    end,
    leave = function() debug.sethook() end,
  }
end

-- What an error says, with the lines of the user's files it came through.
local function explain(err)
  if type(err) ~= "string" then return pretty.value(err) end
  if err:sub(1, #OURS - 1) == OURS:sub(2) then err = err:gsub("^.-:%d+: ", "") end -- where in the runtime is of no concern
  local lines = { err }
  for line in debug.traceback("", 3):gmatch "[^\n]+" do
    local place = line:match "^%s+([^:]+%.lua:%d+):"
    if place and not place:find("/moontide/", 1, true) and not err:find(place, 1, true) then
      lines[#lines + 1] = "  from " .. place
    end
  end
  return table.concat(lines, "\n")
end

---@class Evaluation
---@field task Task
---@field cancel fun(why: string) ends it where it waits; what it waits for goes on

---Runs a function as a task, on behalf of somebody who typed.
---@param fn fun(): any ...
---@param o { reason: (fun(since: number): string?), read_only: boolean?, done: fun(ok: boolean, values: table) } `reason` tells why to break off; `done` hears of the end: values with n, or { message }
---@return Evaluation
function M.start(fn, o)
  local ended = false
  local function finish(ok, values)
    if ended then return end
    ended = true
    o.done(ok, values)
  end
  local t = task.spawn(function()
    local values
    local ok, err = xpcall(function()
      local function keep(...) values = { n = select("#", ...), ... } end
      keep(fn())
    end, explain)
    finish(ok, ok and values or { tostring(err) })
  end)
  t.guard, t.read_only, t.reported, t.outside = guard(o), o.read_only, true, true
  t.on_failure = function(problem) finish(false, { problem }) end -- it ended otherwise than by an error
  return {
    task = t,
    cancel = function(why)
      task.kill(t, why)
      finish(false, { why })
    end,
  }
end

---Runs code in an environment. As `M.start`; the chunk and what it defines are interpreted, so that they can be broken off.
---@param chunk function
---@param env table
---@param o table
---@return Evaluation
function M.run(chunk, env, o)
  setfenv(chunk, env)
  jit.off(chunk, true)
  return M.start(chunk, o)
end

return M
