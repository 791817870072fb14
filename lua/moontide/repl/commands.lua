---The commands of the REPL, the lines that begin with a colon. Each runs as a task of the world, and answers a text.
local annotations = require "moontide.meta.annotations"
local complete = require "moontide.repl.complete"
local pretty = require "moontide.repl.pretty"
local show_commands = require "moontide.repl.show_commands"
local task = require "moontide.run.task"
local trace = require "moontide.repl.trace"

local M = {}

---@class ReplCommand
---@field usage string
---@field help string one line
---@field run fun(engine: Evaluator, argument: string, o: table): string?, string? a text, or nil and what is wrong; in a task
---@field group string?

---@type table<string, ReplCommand>
M.list = {}

local function add(name, usage, help, run) M.list[name] = { usage = usage, help = help, run = run } end

-- How many letters differ between two words.
local function distance(a, b)
  local row = {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local before = row[0]
    row[0] = i
    for j = 1, #b do
      local kept = row[j]
      local same = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = math.min(row[j] + 1, row[j - 1] + 1, before + same)
      before = kept
    end
  end
  return row[#b]
end

---The command that looks most like a word.
---@param word string
---@param list table<string, any>
---@return string
function M.nearest(word, list)
  local best, least
  for name in pairs(list) do
    local d = distance(word, name) - (name:sub(1, #word) == word and 0.5 or 0)
    if not least or d < least or (d == least and name < best) then
      best, least = name, d
    end
  end
  return best
end

local function sorted(list)
  local names = {}
  for name in pairs(list) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

---Words in lines of a width.
---@param text string
---@param width integer
---@param indent string before each line
---@return string
local function wrap(text, width, indent)
  local lines, line = {}, indent
  for word in text:gmatch "%S+" do
    if #line + #word + 1 > width and line ~= indent then
      lines[#lines + 1] = line
      line = indent
    end
    line = line .. (line == indent and "" or " ") .. word
  end
  if line ~= indent then lines[#lines + 1] = line end
  return table.concat(lines, "\n")
end

M.wrap = wrap

-- What a value may be, where its type is a list of words.
local function words_of(type_name)
  local entry = annotations.find((type_name:gsub("%?$", "")))
  return entry and entry.kind == "alias" and (entry.type:gsub("|", " | ")) or nil
end

local function parts_text(parts, width)
  local lines, widest = {}, 0
  for _, p in ipairs(parts) do
    widest = math.max(widest, #(p.name or "") + #p.type + 1)
  end
  widest = math.min(widest, 40)
  for i, p in ipairs(parts) do
    local left = "  " .. pretty.pad((p.name and p.name .. " " or "") .. p.type, widest) .. "  "
    local text = p.text ~= "" and p.text or words_of(p.type) or ""
    local indent = (" "):rep(math.min(#left, widest + 4))
    local body = wrap(text, width - #indent, "")
    lines[i] = (left .. body:gsub("\n", "\n" .. indent)):gsub("%s+$", "")
  end
  return table.concat(lines, "\n")
end

-- What is written about a name; of a call also the fields of the table it takes.
local function described(entry, width)
  local lines = { annotations.signature(entry) }
  for _, paragraph in ipairs(entry.text) do
    lines[#lines + 1] = wrap(paragraph, width, "  ")
  end
  local function section(name, parts)
    if #parts > 0 then
      lines[#lines + 1] = name
      lines[#lines + 1] = parts_text(parts, width)
    end
  end
  if entry.kind == "alias" then lines[#lines + 1] = wrap(words_of(entry.name), width, "  ") end
  section("takes", entry.params)
  local shown = {}
  for _, p in ipairs(entry.params) do
    local class = annotations.find((p.type:gsub("[%?%[%]]", "")))
    while class and class.kind == "class" and not shown[class.name] do
      shown[class.name] = true
      section(class.name, class.fields)
      class = class.parent and annotations.find(class.parent)
    end
  end
  section("returns", entry.returns)
  section("fields", entry.fields)
  if entry.errors then lines[#lines + 1] = wrap("Errors: " .. entry.errors, width, "") end
  lines[#lines + 1] = ("(lua/moontide/%s:%d)"):format(entry.file, entry.line)
  return table.concat(lines, "\n")
end

---What is written about a name: of the api, a handler, a class.
---@param name string
---@param width integer
---@return string? text
---@return string? problem when nothing is, with the nearest name
function M.explain(name, width)
  local entry = annotations.find(name)
  local names, inside = {}, {}
  for _, e in ipairs(annotations.all()) do
    names[e.name] = true
    local start = e.name:match "^(%w+)[%.:]"
    if start == name then inside[#inside + 1] = e.name end
  end
  local list = #inside > 0 and complete.columns(inside, width) or nil
  if entry then return described(entry, width) .. (list and "\n" .. list or "") end
  if list then return list end
  return nil, ("nothing is written about '%s'; the nearest is %s"):format(name, M.nearest(name, names))
end

add(
  "help",
  ":help [NAME]",
  "this list, or what is written about a name: api.create_order, on_bar, Order, :why",
  function(engine, argument, o)
    local list = engine.commands
    if argument == "" then
      local lines, widest = {}, 0
      for _, name in ipairs(sorted(list)) do
        widest = math.max(widest, #list[name].usage)
      end
      for _, name in ipairs(sorted(list)) do
        local left = "  " .. pretty.pad(list[name].usage, widest) .. "  "
        lines[#lines + 1] = left
          .. wrap(list[name].help, o.width - #left, ""):gsub("\n", "\n" .. (" "):rep(#left))
      end
      lines[#lines + 1] = wrap(
        "Anything else is Lua: an expression shows its value, and _ is the last one. !COMMAND runs a command of the shell. "
          .. "Tab completes; Ctrl-C ends what waits; Ctrl-D leaves.",
        o.width,
        ""
      )
      return table.concat(lines, "\n")
    end
    local name = argument:gsub("^:", "")
    if list[name] then return list[name].usage .. "  " .. list[name].help end
    return M.explain(argument, o.width)
  end
)

for name, command in pairs(show_commands) do
  M.list[name] = command
end

add("doc", ":doc NAME", "what is written about a name, as :help NAME", function(engine, argument, o)
  if argument == "" then return nil, "about which name? :doc api.create_order, :doc on_bar, :doc Order" end
  return M.list.help.run(engine, argument, o)
end)

add(
  "edit",
  ":edit",
  "opens what was typed last in $VISUAL, $EDITOR or vi, and runs what comes of it",
  function()
    return nil, ":edit needs a terminal" -- which takes it before it comes here
  end
)

add("save", ":save FILE", "writes the code typed so far that ran to a file of Lua", function(engine, argument)
  if argument == "" then return nil, "to which file? :save FILE.lua" end
  return engine.transcript:save(argument)
end)

add(
  "notebook",
  ":notebook FILE.md",
  "writes code and answers so far as Markdown, which moontide test FILE.md runs again",
  function(engine, argument)
    if argument == "" then return nil, "to which file? :notebook FILE.md" end
    return engine.transcript:notebook(argument, engine.started or "")
  end
)

-- Commands that only some worlds have, and what leads to one.
local of_backtest =
  "a backtest, whose time can be moved: moontide repl [SCRIPT] --data PATH or --synthetic SEED"
M.elsewhere = { quit = "a REPL of its own; Ctrl-D ends this one" }
for _, name in ipairs { "step", "run", "back", "goto", "report" } do
  M.elsewhere[name] = of_backtest
end

add("tasks", ":tasks", "tasks that are not over, and where each waits", function()
  local rows = {}
  for _, t in ipairs(task.all()) do
    if
      t ~= task.current()
      and not (
        t.outside and debug.getinfo(t.fn, "S").source:find("/lua/moontide/live/control_socket.lua", 1, true)
      )
    then
      local info = debug.getinfo(t.fn, "S")
      local at
      for line in debug.traceback(t.co):gmatch "[^\n]+" do
        local place = line:match "^%s+([^:]+:%d+): in"
        if place and not place:find("/moontide/", 1, true) and not at then at = place end
      end
      local name = info.source:match "/lua/moontide/run/([^/]+)%.lua$"
      rows[#rows + 1] = {
        number = t.number,
        began = name and "runtime: " .. (name == "runner" and "strategy" or name)
          or ("%s:%d"):format(info.source:gsub("^[@=]", ""), info.linedefined),
        state = t.queued and "ready" or "waits",
        at = at or "",
      }
    end
  end
  if #rows == 0 then return "no task but this one" end
  return pretty.grid({ "number", "began", "state", "at" }, rows, 120)
end)

add("metrics", ":metrics", "the API manager: queue, limits, breakers, latency", function(engine, _, o)
  local m = engine.api.get_metrics()
  local r = m.rate_limiter
  local lines = {
    ("requests   %d submitted, %d sent, %d in flight, %d retried, %d answered by another's answer"):format(
      m.submitted,
      m.sent,
      m.in_flight,
      m.retries,
      m.shared
    ),
    ("queue      %d (critical %d, high %d, normal %d, low %d), the oldest waits %.3f s"):format(
      m.queue.total_size,
      m.queue.critical,
      m.queue.high,
      m.queue.normal,
      m.queue.low,
      m.queue.oldest_wait
    ),
    ("latency    p50 %.1f ms, p95 %.1f ms, p99 %.1f ms, success %.1f %%"):format(
      r.p50 * 1e3,
      r.p95 * 1e3,
      r.p99 * 1e3,
      r.success_rate * 100
    ),
    ("breaker    orders %s, market %s, account %s; throttle %.2f"):format(
      r.circuits.orders,
      r.circuits.market,
      r.circuits.account,
      r.current_throttle_factor
    ),
  }
  local rows = {}
  for i, w in ipairs(r.rate_limit_state.windows) do
    rows[i] = {
      limit = w.kind,
      seconds = w.interval,
      used = w.used + w.others,
      of = w.limit,
      resets_in = ("%.1f s"):format(w.resets_in),
    }
  end
  if #rows > 0 then
    lines[#lines + 1] = pretty.grid({ "limit", "seconds", "used", "of", "resets_in" }, rows, o.width)
  end
  return table.concat(lines, "\n")
end)

add("orders", ":orders", "open orders", function(engine, _, o)
  local list, err = engine.api.get_open_orders {}
  if not list then return nil, tostring(err) end
  if #list == 0 then return "no open orders" end
  local rows, more = {}, #list - o.rows
  for i = 1, math.min(#list, o.rows) do
    rows[i] = list[i]
  end
  return pretty.grid({
    "symbol",
    "side",
    "type",
    "origQty",
    "price",
    "stopPrice",
    "executedQty",
    "status",
    "orderId",
    "clientOrderId",
    "time",
  }, rows, o.width) .. (more > 0 and ("\n(%d more)"):format(more) or "")
end)

local function number(e8) return tonumber(e8) / 1e8 end

add(
  "positions",
  ":positions",
  "positions and what the account is worth, as the run knows them",
  function(engine, _, o)
    local world, rows = engine.world, {}
    local open = 0
    for i = 0, world.symbol_count - 1 do
      local last = number(world.pump.last(world.bt, i))
      for side, name in ipairs { [0] = "BOTH", "LONG", "SHORT" } do
        local p = world.view.position[i][side]
        if p.amount_e8 ~= 0 then
          local result = number(p.amount_e8) * (last - number(p.entry_e8))
          open = open + result
          rows[#rows + 1] = {
            symbol = world.symbol_names[i],
            side = name,
            amount = number(p.amount_e8),
            entry = number(p.entry_e8),
            last = last,
            unrealized = result,
          }
        end
      end
      local p = world.view.position[i][0]
      if p.amount_e8 ~= 0 then
        local result = number(p.amount_e8) * (last - number(p.entry_e8))
        open = open + result
        rows[#rows + 1] = {
          symbol = world.symbol_names[i],
          side = "BOTH",
          amount = number(p.amount_e8),
          entry = number(p.entry_e8),
          last = last,
          unrealized = result,
        }
      end
    end
    local wallet = number(world.view.wallet_e8)
    local text = #rows > 0
        and pretty.grid({ "symbol", "side", "amount", "entry", "last", "unrealized" }, rows, o.width)
      or "no positions"
    return text .. ("\nwallet %.2f, unrealized %+.2f, equity %.2f"):format(wallet, open, wallet + open)
  end
)

add("mode", ":mode", "which world this is, and its clock", function(engine) return engine.describe() end)

add(
  "why",
  ":why [ORDER]",
  "an order's whole life, by its id or client id; the last one placed when left out",
  function(engine, argument, o)
    if not engine.trace then return nil, "calls are not kept here" end
    return trace.why(engine.trace, engine.world, argument ~= "" and argument or nil, {
      api = engine.api,
      simulated = engine.simulated,
      latency_us = engine.latency_us,
      width = math.max(o.width, 100),
    })
  end
)

add("load", ":load FILE", "runs a file here: what it defines stays", function(engine, argument, o)
  if argument == "" then return nil, "which file? :load FILE" end
  local path = argument:gsub("^~/", (os.getenv "HOME" or "") .. "/")
  local chunk, problem = loadfile(path, "t")
  if not chunk then return nil, problem end
  setfenv(chunk, o.env)
  jit.off(chunk, true)
  local function keep(...) return { n = select("#", ...), ... } end
  local values = keep(chunk())
  engine.loaded = path
  return pretty.values(values, o)
end)

add(
  "reload",
  ":reload",
  "runs the file of the last :load again, else puts the changed script in the place of the one that runs",
  function(engine, _, o)
    if engine.loaded then return M.list.load.run(engine, engine.loaded, o) end
    if not engine.reload then return nil, "nothing was loaded; :load FILE" end
    task.check_may_change ":reload"
    return engine.reload()
  end
)

add("quit", ":quit", "leaves, as Ctrl-D", function(engine)
  if not engine.quit then return nil, "nothing to leave here" end
  engine.quit()
  return nil
end)

return M
