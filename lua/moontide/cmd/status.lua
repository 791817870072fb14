---`moontide status [NAME]`: the runs that are going on, each asked over its control socket; with --orders what their journals hold.
local ffi = require "ffi"
local cjson = require "cjson"
local C = require "moontide.core"
local cmd = require "moontide.cmd"
local control = require "moontide.live.control_socket"
local folder = require "moontide.live.folder"
local host = require "moontide.lua_host"
local log_module = require "moontide.run.log"
local pretty = require "moontide.repl.pretty"
local records = require "moontide.api.records"
local run_ends = require "moontide.live.run_ends"

local M = {
  usage = "status [NAME] [--orders | --runs] [--json]",
  arguments = { name = "NAME", what = "run", max = 1, type = "run" },
  exclusive = { { "orders", "runs" } },
  options = {
    {
      name = "orders",
      type = "flag",
      help = "instead, the orders in the run's journal; with NAME also of a run that is over",
    },
    {
      name = "runs",
      type = "flag",
      help = "instead, the runs in the journal, and how each ended; with NAME also of a run that is over",
    },
    {
      name = "last",
      type = "integer",
      value = "N",
      min = 1,
      max = 1e6,
      needs = { "orders", "runs" },
      shown = "50 orders, 20 runs",
      help = "so many of them at most",
    },
    { name = "json", type = "flag", help = "everything each run says of itself, as one JSON document" },
  },
}

local journal_states = { [0] = "intent", "accepted", "refused", "absent", "unsent" } -- enum journal_state of store/journal.h

local ASK_S = 2

-- Tables fit the terminal: what has no room is named below them. In a pipe or a file nothing is left out.
local function columns() return host.isatty(1) and C.terminal_columns(nil) or 240 end

local function duration(ms)
  local s = math.max(0, math.floor(ms / 1000))
  if s < 60 then return s .. " s" end
  if s < 3600 then return ("%d m %02d s"):format(math.floor(s / 60), s % 60) end
  if s < 86400 then return ("%d h %02d m"):format(math.floor(s / 3600), math.floor(s / 60) % 60) end
  return ("%d d %02d h"):format(math.floor(s / 86400), math.floor(s / 3600) % 24)
end

-- How old the last bar is; as a word that fits a column.
local function age(ms)
  local s = math.max(0, math.floor(ms / 1000))
  if s < 600 then return s .. " s" end
  return s < 36000 and math.floor(s / 60) .. " m" or math.floor(s / 3600) .. " h"
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
    if not share or s > share then
      best, share = w, s
    end
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
      run.supervised = not run.status
          and control.ask(run.folder .. "/supervisor.sock", { cmd = "status" }, ASK_S)
        or nil
      -- One that has ended in order is over, though its supervisor waits for others.
      if not run.supervised or run.supervised.state ~= "ended" then runs[#runs + 1] = run end
    end
  end
  return runs
end

-- Of a run that does not answer, what its supervisor sees.
local function seen_from_outside(run)
  local s = run.supervised
  if not s then return "does not answer" end
  if s.state ~= "running" then return s.state end
  return s.in_script and ("script holds the loop, %.1f s"):format(s.quiet) or "starting"
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
        name = run.name,
        mode = s.mode,
        pid = s.pid,
        up = duration(s.now_ms - s.started_ms),
        position = positions_text(s.positions),
        profit = s.profit and ("%+.2f"):format(s.profit) or "",
        today = s.profit_today and ("%+.2f"):format(s.profit_today) or "",
        bar = s.last_bar_ms and age(s.now_ms - s.last_bar_ms) or "",
        equity = ("%.2f"):format(s.equity),
        queue = ("%d+%d"):format(s.queue, s.in_flight),
        limits = limits_text(s.limits),
        breaker = s.breaker,
        ["p99 ms"] = ("%.1f"):format((s.p99 or 0) * 1e3),
        script = s.script,
      }
    else
      rows[i] = {
        name = run.name,
        mode = "?",
        pid = run.pid,
        up = "",
        position = seen_from_outside(run),
        profit = "",
        today = "",
        bar = "",
        equity = "",
        queue = "",
        limits = "",
        breaker = "",
        ["p99 ms"] = "",
        script = "",
      }
    end
  end
  return pretty.grid({
    "name",
    "mode",
    "pid",
    "up",
    "position",
    "profit",
    "today",
    "equity",
    "bar",
    "queue",
    "limits",
    "breaker",
    "p99 ms",
    "script",
  }, rows, width)
end

local function number(e8) return tonumber(e8) / 1e8 end

---The orders of a run's journal, the newest last.
---@param folder_path string
---@param open_only boolean only those whose outcome is not known
---@param limit integer
---@return table[]? orders
---@return string? problem
function M.orders(folder_path, open_only, limit)
  local rows, count, message =
    ffi.new "struct journal_order *[1]", ffi.new "int64_t[1]", ffi.new "struct errmsg"
  if C.journal_orders(folder_path .. "/journal.db", open_only, limit, rows, count, message) ~= 0 then
    return nil, ffi.string(message.text)
  end
  local list = {}
  for i = 0, tonumber(count[0]) - 1 do
    local o = rows[0][i]
    list[i + 1] = {
      made_time = math.floor(tonumber(o.made_us) / 1000),
      clientOrderId = ffi.string(o.client_id),
      symbol = ffi.string(o.symbol),
      side = ffi.string(o.side),
      type = ffi.string(o.type),
      quantity = number(o.quantity_e8),
      price = number(o.price_e8),
      journal = journal_states[o.state] or tostring(o.state),
      status = ffi.string(o.status),
      executed = number(o.executed_e8),
      average = number(o.avg_price_e8),
      code = o.code ~= 0 and o.code or nil,
      orderId = o.order_id ~= 0 and records.id_text(o.order_id) or nil,
      run = tonumber(o.run),
    }
  end
  C.journal_release(rows[0])
  local place = {} -- of one moment: as they were written
  for i, o in ipairs(list) do
    place[o] = i
  end
  table.sort(list, function(a, b)
    if a.made_time ~= b.made_time then return a.made_time < b.made_time end
    return place[a] < place[b]
  end)
  return list
end

local order_columns = {
  "made_time",
  "symbol",
  "side",
  "type",
  "quantity",
  "price",
  "journal",
  "status",
  "executed",
  "average",
  "code",
  "orderId",
  "clientOrderId",
  "run",
}

-- Runs asked for by name, be they over, or those that go on.
local function named(options)
  local runs = options[1] and { { name = options[1], folder = folder.path(options[1]) } } or folder.running()
  if options[1] and not runs[1].folder then cmd.fail(2, "'%s' is not the name of a run", options[1]) end
  if #runs == 0 then
    cmd.fail(
      1,
      "nothing is running; moontide status NAME --%s reads the journal of a run that is over",
      options.orders and "orders" or "runs"
    )
  end
  return runs
end

local run_columns = { "run", "started_time", "ended_time", "how", "orders", "symbols", "script" }

-- How a run ended, in words; what nobody has written may still go on.
local function how_of(run, path)
  return run.how or (C.run_folder_holder(path) ~= 0 and "goes on" or run_ends.UNSEEN)
end

-- The end of the last run, in a sentence; nil where there is no journal.
local function last_end(path)
  local list = run_ends.read(path, 1)
  local run = list and list[1]
  if not run then return nil end
  local how = how_of(run, path)
  return how == "goes on" and ("run %d goes on"):format(run.run)
    or ("run %d %s%s"):format(
      run.run,
      how,
      run.ended_ms and " at " .. log_module.time_text(run.ended_ms * 1000) or ""
    )
end

local function run_runs(options)
  local limit = options.last or 20
  local all = {}
  for _, run in ipairs(named(options)) do
    local list, problem = run_ends.read(run.folder, limit)
    if not list then cmd.fail(1, "%s", problem) end
    for i, r in ipairs(list) do
      list[i] = {
        run = r.run,
        started_time = r.started_ms,
        ended_time = r.ended_ms,
        how = how_of(i == #list and r or { how = r.how or run_ends.UNSEEN }, run.folder),
        orders = r.orders,
        symbols = r.symbols,
        script = r.script,
      }
    end
    if options.json then
      all[run.name] = setmetatable(list, cjson.array_mt)
    else
      print(
        ("%s: %d runs%s"):format(run.name, #list, #list == limit and " (the last; --last N for more)" or "")
      )
      if #list > 0 then print(pretty.grid(run_columns, list, columns())) end
    end
  end
  if options.json then print(cjson.encode(all)) end
  return 0
end

local function run_orders(options)
  local limit = options.last or 50
  local runs = named(options)
  local all = {}
  for _, run in ipairs(runs) do
    local list, problem = M.orders(run.folder, false, limit)
    if not list then cmd.fail(1, "%s", problem) end
    if options.json then
      all[run.name] = setmetatable(list, cjson.array_mt)
    else
      print(
        ("%s: %d orders%s"):format(run.name, #list, #list == limit and " (the last; --last N for more)" or "")
      )
      if #list > 0 then print(pretty.grid(order_columns, list, columns())) end
      local ending = last_end(run.folder)
      if ending then print(ending) end
    end
  end
  if options.json then print(cjson.encode(all)) end
  return 0
end

---@param options table
---@return integer status
function M.run(options)
  if options.orders then return run_orders(options) end
  if options.runs then return run_runs(options) end
  local runs = M.ask(options[1])
  if options.json then
    local list = setmetatable({}, cjson.array_mt)
    for i, run in ipairs(runs) do
      list[i] = run.status or { name = run.name, pid = run.pid, problem = run.problem }
    end
    print(#list > 0 and cjson.encode(list) or "[]")
  elseif #runs > 0 then
    print(M.table(runs, columns()))
    for _, run in ipairs(runs) do
      if run.status and run.status.last_error then
        print(("%s, last warning: %s"):format(run.name, run.status.last_error))
      end
    end
  elseif not options[1] then
    print "nothing is running"
  end
  if options[1] and #runs == 0 then
    local path = folder.path(options[1])
    local ending = path and last_end(path)
    cmd.fail(1, "no run '%s' is going on%s", options[1], ending and "; " .. ending or "")
  end
  for _, run in ipairs(runs) do
    if run.problem then return 1 end
  end
  return 0
end

return M
