-- Breaks the gateway on purpose, one rule at a time, in a copy of the tree, and checks that the simulation of orders
-- notices: `make mutants`. The copy that is not broken must have no finding, each broken one at least one.
local SEEDS, ORDERS = { 1, 2 }, 100000

local GATEWAY, TRACKER = "runtime/execution/gateway.c", "runtime/execution/outcome_tracker.c"

-- `from` must stand exactly once in the file: a change that no longer applies is an error.
local mutations = {
  {
    what = "a request is stamped before it waits",
    {
      GATEWAY,
      "    op->attempt++;\n    if (g->intents",
      "    op->attempt++;\n    op->call.timestamp_us = exchange_of(g);\n    if (g->intents",
    },
    { GATEWAY, "    int64_t stamp_us = exchange_of(g);", "    int64_t stamp_us = op->call.timestamp_us;" },
  },
  {
    what = "a lost answer counts as a refusal",
    {
      GATEWAY,
      "    api_call_fail(op, 0, 0, problem);\n    end_unknown(g, op);",
      "    gateway_refuse(g, op, 0, problem);",
    },
  },
  {
    what = "a request does not wait for the clock",
    { GATEWAY, "    if (needs_the_clock(g, op)) {", "    if (needs_the_clock(g, op) && !op) {" },
  },
  {
    what = "an order is sent again before its absence is proven",
    { TRACKER, "p->state == PART_OPEN && is_final(d, p)", "p->state == PART_OPEN && (is_final(d, p) || p)" },
  },
  {
    what = "a cancel is dropped",
    {
      GATEWAY,
      "    list_remove(&g->unstamped, op);\n",
      "    if (op) return;\n    list_remove(&g->unstamped, op);\n",
    },
  },
  {
    what = "a lost answer means that nothing was sent",
    {
      GATEWAY,
      "    api_call_fail(op, 0, 0, problem);\n    end_unknown(g, op);",
      "    gateway_unsent(g, op, problem);",
    },
  },
  {
    what = "an order does not wait for its intent",
    {
      GATEWAY,
      "intent_log_hold(g->intents, op, exchange_of(g))) return;",
      "intent_log_hold(g->intents, op, exchange_of(g)) && !op) return;",
    },
  },
  {
    what = "an order leaves though its intent could not be written",
    { GATEWAY, "    if (!err) {\n        leave(g, op);", "    if (!err || op) {\n        leave(g, op);" },
  },
  {
    what = "a cancelled call still waits for the clock",
    { GATEWAY, "    list_remove(&g->unstamped, op);\n", "" },
  },
  {
    what = "what is unresolved is forgotten when its caller gives up",
    { GATEWAY, "    outcome_tracker_abandon(g->tracker, op);\n", "" },
  },
  {
    what = "an answer to an earlier attempt counts",
    { GATEWAY, "    return op->attempt == token >> 32 && op", "    return op" },
  },
}

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

-- Output and whether it succeeded.
local function run(command)
  local pipe = assert(io.popen(command .. ' 2>&1; echo "exit $?"'))
  local text = pipe:read "*a"
  pipe:close()
  local output, status = text:match "^(.*)exit (%d+)\n$"
  return output, status == "0"
end

local function replace(text, path, from, to)
  local first, last = text:find(from, 1, true)
  if not first then error(path .. ": no longer there: " .. from, 0) end
  if text:find(from, last + 1, true) then error(path .. ": stands more than once: " .. from, 0) end
  return text:sub(1, first - 1) .. to .. text:sub(last + 1)
end

local folder = run("mktemp -d"):gsub("%s+$", "")
run(
  ("cp -a Makefile runtime lua spec %s/ && mkdir %s/build && cp -a build/obj build/moontide build/cdef* build/testing* build/*.so %s/build/"):format(
    folder,
    folder,
    folder
  )
)

local function build()
  local output, good = run(("make -C %s --no-print-directory all"):format(folder))
  if not good then error("does not build:\n" .. output, 0) end
end

-- The first finding in words; nil: none. A failed assertion is one too.
local function simulate()
  for _, seed in ipairs(SEEDS) do
    local output, good = run(
      ("cd %s && timeout 300 build/moontide script spec/mutants/orders.lua %d %d"):format(
        folder,
        seed,
        ORDERS
      )
    )
    local count, text = output:match "(%d+) findings (.-)%s*$"
    if not good or not count then return "stopped: " .. (output:match "[^\n]+" or "without a word") end
    if tonumber(count) > 0 then return ("%s findings, the first: %s"):format(count, text) end
  end
end

local missed = 0

local function try(mutation)
  local before = {}
  for _, change in ipairs(mutation) do
    local path = folder .. "/" .. change[1]
    before[path] = before[path] or read(path)
    write(path, replace(read(path), change[1], change[2], change[3]))
  end
  build()
  local found = simulate()
  for path, text in pairs(before) do
    write(path, text)
  end
  missed = missed + (found and 0 or 1)
  print(
    ("%-8s %s%s"):format(
      found and "noticed" or "MISSED",
      mutation.what,
      found and "\n         " .. found or ""
    )
  )
  io.stdout:flush()
end

local ok, problem = pcall(function()
  build()
  local found = simulate()
  if found then error("the gateway as it stands: " .. found, 0) end
  print(("no finding in %d orders of the gateway as it stands"):format(#SEEDS * ORDERS))
  for _, mutation in ipairs(mutations) do
    try(mutation)
  end
end)
run("rm -rf " .. folder)
if not ok then
  io.stderr:write("mutants: ", tostring(problem), "\n")
  return 1
end
print(("%d of %d noticed"):format(#mutations - missed, #mutations))
return missed == 0 and 0 or 1
