---`moontide status [NAME]`: the runs that are going on, each asked over its control socket.
local cjson = require "cjson"
local cmd = require "moontide.cmd"
local control = require "moontide.live.control"
local folder = require "moontide.live.folder"
local pretty = require "moontide.repl.pretty"

local M = {}

local ASK_S = 2

local function duration(ms)
  local s = math.max(0, math.floor(ms / 1000))
  if s < 60 then return s .. " s" end
  if s < 3600 then return ("%d m %02d s"):format(math.floor(s / 60), s % 60) end
  if s < 86400 then return ("%d h %02d m"):format(math.floor(s / 3600), math.floor(s / 60) % 60) end
  return ("%d d %02d h"):format(math.floor(s / 86400), math.floor(s / 3600) % 24)
end

local function positions_text(positions)
  local parts = {}
  for symbol, p in pairs(positions or {}) do
    if p.position ~= 0 then parts[#parts + 1] = ("%s %.10g"):format(symbol, p.position) end
  end
  table.sort(parts)
  return #parts > 0 and table.concat(parts, ", ") or "flat"
end

-- The fullest window.
local function limits_text(limits)
  local best, share
  for _, w in ipairs(limits or {}) do
    local s = w.limit > 0 and w.used / w.limit or 0
    if not share or s > share then best, share = w, s end
  end
  return best and ("%d %% %s"):format(share * 100 + 0.5, best.kind) or ""
end

---What each run says of itself.
---@param name string? only this one
---@return table[] runs { name, pid, status?, problem? }
function M.ask(name)
  local runs = {}
  for _, run in ipairs(folder.running()) do
    if not name or run.name == name then
      local answer, problem = control.ask(run.folder .. "/control.sock", { cmd = "status" }, ASK_S)
      run.status = answer and answer.ok and answer or nil
      run.problem = not run.status and (problem or answer and answer.error or "no answer") or nil
      runs[#runs + 1] = run
    end
  end
  return runs
end

---@param runs table[] of M.ask
---@param width integer
---@return string
function M.table(runs, width)
  local rows = {}
  for i, run in ipairs(runs) do
    local s = run.status
    if s then
      rows[i] = {
        name = run.name, mode = s.mode, pid = s.pid, up = duration(s.now_ms - s.started_ms), position = positions_text(s.positions),
        profit = s.profit and ("%+.2f"):format(s.profit) or "", equity = ("%.2f"):format(s.equity), queue = ("%d+%d"):format(s.queue, s.in_flight),
        limits = limits_text(s.limits), breaker = s.breaker, ["p99 ms"] = ("%.1f"):format((s.p99 or 0) * 1e3), script = s.script,
      }
    else
      rows[i] = { name = run.name, mode = "?", pid = run.pid, up = "", position = "does not answer", profit = "", equity = "", queue = "", limits = "",
                  breaker = "", ["p99 ms"] = "", script = "" }
    end
  end
  return pretty.grid({ "name", "mode", "pid", "up", "position", "profit", "equity", "queue", "limits", "breaker", "p99 ms", "script" }, rows, width)
end

---@param options table
---@return integer status
function M.run(options)
  if options[2] then cmd.fail(2, "one run at a time; '%s' is one too many", options[2]) end
  local runs = M.ask(options[1])
  if options.json then
    local list = setmetatable({}, cjson.array_mt)
    for i, run in ipairs(runs) do list[i] = run.status or { name = run.name, pid = run.pid, problem = run.problem } end
    print(#list > 0 and cjson.encode(list) or "[]")
  elseif #runs > 0 then
    print(M.table(runs, 160))
    for _, run in ipairs(runs) do
      if run.status and run.status.last_error then print(("%s, last warning: %s"):format(run.name, run.status.last_error)) end
    end
  elseif not options[1] then
    print "nothing is running"
  end
  if options[1] and #runs == 0 then cmd.fail(1, "no run '%s' is going on", options[1]) end
  for _, run in ipairs(runs) do if run.problem then return 1 end end
  return 0
end

return M
