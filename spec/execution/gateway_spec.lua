-- The gateway alone, in virtual time: what leaves when, with which stamp, and what its answer means.
local ffi = require "ffi"
local C = require "spec.support.c"
require "spec.support.interpreted"

local S, MS = 1000000, 1000
local RECV_WINDOW, GRACE = 5 * S, 2 * S
local START, OFFSET = 1700000025 * S, 3600 * S -- the exchange's clock is an hour ahead

-- What the gateway stands on. `w` is made anew by each test; the callbacks, of which LuaJIT has few, are for all.
local w

local function name_of(op)
  local id = ffi.string(op.call.client_id)
  return id ~= "" and id or ffi.string(op.call.orig_client_id)
end

local link_send = ffi.cast("void (*)(void *, struct api_call *, int64_t)", function(_, op, stamp)
  local sent = { op = op, name = name_of(op), token = C.gateway_token(op), stamp = tonumber(stamp) }
  w.sent[#w.sent + 1] = sent
  if w.on_send then w.on_send(sent) end
end)
local link_cancel = ffi.cast(
  "void (*)(void *, struct api_call *)",
  function(_, op) w.cancelled[#w.cancelled + 1] = name_of(op) end
)
local link_ask = ffi.cast("bool (*)(void *)", function()
  w.clock_asked = w.clock_asked + 1
  return w.clock_can_be_asked
end)
local time_now = ffi.cast("int64_t (*)(void *)", function() return w.now end)
local time_exchange = ffi.cast("int64_t (*)(void *)", function() return w.now + w.offset end)
local time_uncertainty = ffi.cast(
  "int64_t (*)(void *)",
  function() return w.clock_known and 0 or 0x7fffffffffffffffLL end
)
local time_forget = ffi.cast("void (*)(void *)", function() w.clock_known = false end)
local on_settled = ffi.cast("dispatcher_settled", function(_, r, how, now)
  local op = ffi.cast("struct api_call *", r.user)
  if not C.gateway_settled(w.gateway, op, how, now) then
    w.settled[name_of(op)] = ffi.string(C.settle_name(how))
    w.message = ffi.string(op.message)
    w.executed = op.count == 1 and tonumber(ffi.cast("struct order_record *", op.rows).executed_qty_e8)
  end
  C.api_call_give(w.calls, op)
end)
local function submit(op)
  local info = C.endpoint_info(op.call.endpoint)
  op.request.user, op.request.endpoint = op, op.call.endpoint
  op.request.request_class, op.request.mutating = info.request_class, info.mutating
  C.api_call_price(op)
  assert.equal(0, C.dispatcher_submit(w.dispatcher, op.request, w.now))
end
local look_up = ffi.cast("void (*)(void *, struct api_call *)", function(_, op)
  w.asked[#w.asked + 1] = name_of(op)
  w.priority = op.request.priority
  submit(op)
end)
local resolved = ffi.cast(
  "void (*)(void *, struct api_call *, enum outcome)",
  function(_, op, outcome) w.resolved[name_of(op)] = tonumber(outcome) end
)
local intend = ffi.cast(
  "void (*)(void *, const struct journal_intent *, uint64_t)",
  function(_, i, tag) w.intents[ffi.string(i.client_id)] = tag end
)
local states = { [0] = "intent", "accepted", "refused", "absent", "unsent" }
local settle = ffi.cast(
  "void (*)(void *, const struct journal_outcome *)",
  function(_, o) w.journal[ffi.string(o.client_id)] = states[o.state] end
)
local problem_text = ffi.new("char[40]", "disk full")
local problem = ffi.cast("const char *(*)(void *)", function() return problem_text end)

local symbol = ffi.new "struct symbol"
assert(C.symbol_rules_builtin("BTCUSDT", symbol) == 0)
local symbols = ffi.new("struct symbol_list", { symbol, 1 })

local function world(set)
  w = {
    now = START,
    offset = OFFSET,
    clock_known = true,
    clock_can_be_asked = true,
    clock_asked = 0,
    sent = {},
    cancelled = {},
    settled = {},
    asked = {},
    resolved = {},
    intents = {},
    journal = {},
  }
  for k, v in pairs(set or {}) do
    w[k] = v
  end
  w.calls = ffi.gc(C.api_call_pool_new(), C.api_call_pool_free)
  local o = ffi.new "struct gateway_options"
  o.link = { send = link_send, cancel = link_cancel, ask_clock = link_ask }
  o.time = {
    now_us = time_now,
    exchange_us = time_exchange,
    uncertainty_us = time_uncertainty,
    forget_exchange_us = time_forget,
  }
  o.world = { look_up = look_up, resolved = resolved }
  o.calls, o.recv_window_us, o.lossless = w.calls, RECV_WINDOW, w.lossless or false
  w.gateway = ffi.gc(C.gateway_new(o), C.gateway_free)
  if w.journalled then
    local hooks = ffi.new("struct intent_log_hooks", { intend = intend, settle = settle, problem = problem })
    assert.is_true(C.gateway_journal(w.gateway, hooks, symbols))
    w.symbol = symbol -- the list only points to it
  end
  local config = ffi.new "struct api_config"
  C.api_config_defaults(config)
  config.backoff_jitter, config.initial_backoff_us = 0, 10 * MS
  config.orders_per_10s, config.orders_per_minute = 300, 1200
  w.transport = C.gateway_transport(w.gateway)
  w.dispatcher = ffi.gc(C.dispatcher_new(config, w.transport, on_settled, nil, w.now), C.dispatcher_free)
  C.gateway_attach(w.gateway, w.dispatcher)
end

-- All that is due until then happens.
local function advance(us)
  local until_us = w.now + us
  for _ = 1, 1000 do
    C.gateway_pump(w.gateway, w.now)
    C.dispatcher_run(w.dispatcher, w.now)
    local next_us = C.gateway_next_us(w.gateway)
    local dispatcher_us = C.dispatcher_next_us(w.dispatcher)
    if dispatcher_us < next_us then next_us = dispatcher_us end
    if next_us > until_us then break end
    if next_us > w.now then w.now = tonumber(next_us) end
  end
  w.now = until_us
end

local function call(endpoint, id, set)
  local op = C.api_call_take(w.calls)
  op.call.endpoint, op.call.symbol = endpoint, 0
  op.call.given = 1 -- the symbol
  op.request.priority, op.request.retries_max = C.PRIORITY_HIGH, 3
  if id then ffi.copy(op.call.client_id, id) end
  for k, v in pairs(set or {}) do
    op.request[k] = v
  end
  submit(op)
  advance(0)
  return op
end

local function order(id, set) return call(C.EP_ORDER_NEW, id, set) end

local function answer(sent, status, code, text)
  local op = C.gateway_waiting(w.gateway, sent.token)
  if op == nil then return false end
  C.api_call_fail(op, status, code or 0, text or "")
  C.gateway_answered(w.gateway, op)
  return true
end

-- The order as the exchange shows it.
local function show(sent, id, executed)
  local op = C.gateway_waiting(w.gateway, sent.token)
  if op == nil then return false end
  local row = ffi.new "struct order_record"
  row.order_id, row.orig_qty_e8, row.executed_qty_e8 = 7, 100, executed or 0
  row.time_us = w.now + w.offset
  ffi.copy(row.client_id, id)
  local reply = ffi.new("struct reply", { status = 200, kind = C.RECORD_ORDER, count = 1, rows = row })
  reply.used_weight_1m, reply.order_count_10s, reply.order_count_1m = -1, -1, -1
  assert.is_true(C.api_call_keep_reply(op, reply))
  C.gateway_answered(w.gateway, op)
  return true
end

local function written(id, err) C.gateway_written(w.gateway, w.intents[id], err or 0) end

local function clock_answered(known)
  w.clock_known = known
  C.gateway_clock_answered(w.gateway)
end

local function last() return w.sent[#w.sent] end

describe("gateway", function()
  it("stamps an order when it leaves, which is when its intent is written", function()
    world { journalled = true }
    order "a"
    assert.equal(0, #w.sent)
    advance(2 * S)
    written "a"
    assert.equal(1, #w.sent)
    assert.equal(START + 2 * S + OFFSET, last().stamp)
    assert.is_true(show(last(), "a", 50))
    assert.equal("done", w.settled.a)
    assert.equal(50, w.executed)
    assert.equal("accepted", w.journal.a)
  end)

  it("sends nothing when the intent cannot be written", function()
    world { journalled = true }
    order "a"
    written("a", C.ERR_IO)
    assert.equal(0, #w.sent)
    assert.equal("rejected", w.settled.a)
    assert.truthy(w.message:find("nothing was sent: the journal cannot be written: disk full", 1, true))
  end)

  it("holds what changes something until the clock is known, in the order of coming; reads go on", function()
    world { clock_known = false }
    order "a"
    order "b"
    call(C.EP_PING)
    assert.equal(1, #w.sent)
    assert.equal(C.EP_PING, last().op.call.endpoint)
    clock_answered(false) -- the measurement failed
    assert.equal(1, #w.sent)
    advance(S)
    clock_answered(true)
    assert.same({ "a", "b" }, { w.sent[2].name, w.sent[3].name })
    assert.equal(START + S + OFFSET, last().stamp)
  end)

  it("measures the clock after a stamp was refused, sends once more, and then no more", function()
    world()
    order "a"
    answer(last(), 400, -1021)
    order "b" -- no other request gets a stamp of the old clock
    assert.equal(1, w.clock_asked)
    assert.equal(1, #w.sent)
    w.offset = 2 * OFFSET
    clock_answered(true)
    advance(0)
    assert.equal(3, #w.sent)
    for _, sent in ipairs { w.sent[2], w.sent[3] } do
      assert.equal(START + 2 * OFFSET, sent.stamp)
    end
    assert.is_nil(w.settled.a)
    for _, sent in ipairs { w.sent[2], w.sent[3] } do
      if sent.name == "a" then answer(sent, 400, -1021) end
    end
    clock_answered(true)
    assert.equal("rejected", w.settled.a)
  end)

  it("does not wait for a clock that cannot be asked for", function()
    world { clock_can_be_asked = false }
    order "a"
    answer(last(), 400, -1021)
    advance(S)
    assert.equal(1, #w.sent) -- again with the dispatcher, and held: no stamp can be trusted
    clock_answered(true)
    assert.equal(2, #w.sent)
  end)

  -- What an answer means: to an order, and to a request that changes nothing.
  local cases = {
    { 400, -2019, "", "rejected", "rejected" },
    { 503, -1008, "", "again", "again" },
    { 503, 0, "Service Unavailable.", "again", "again" },
    { 503, 0, "Unknown error, please check your request or try again later.", "unknown", "again" },
    { 500, 0, "", "unknown", "again" },
    { 408, -1007, "", "unknown", "again" },
    { 400, -1006, "", "unknown", "again" },
    { 400, -1001, "", "unknown", "again" },
    { 400, -4116, "", "rejected", "rejected" },
  }
  for _, case in ipairs(cases) do
    local status, code, text, of_order, of_read = unpack(case)
    it(("takes status %d, code %d, %q for %s of an order"):format(status, code, text, of_order), function()
      for _, endpoint in ipairs { C.EP_ORDER_NEW, C.EP_PING } do
        local means = endpoint == C.EP_PING and of_read or of_order
        world()
        call(endpoint, endpoint == C.EP_ORDER_NEW and "a" or nil)
        answer(w.sent[1], status, code, text)
        advance(50 * MS)
        local settled = endpoint == C.EP_PING and w.settled[""] or w.settled.a
        assert.equal(means == "rejected" and "rejected" or nil, settled)
        assert.equal(means == "unknown" and 1 or 0, C.gateway_unresolved(w.gateway))
        assert.equal(means == "rejected" and 1 or 2, #w.sent)
        if means == "unknown" then assert.equal(C.EP_ORDER_GET, last().op.call.endpoint) end
        if means == "again" then assert.equal(endpoint, last().op.call.endpoint) end
      end
    end)
  end

  it("slows down when told to, and says for how long", function()
    world()
    order "a"
    local op = C.gateway_waiting(w.gateway, last().token)
    op.retry_after_s = 7
    answer(last(), 429, -1003)
    advance(6 * S)
    assert.equal(1, #w.sent)
    advance(2 * S)
    assert.equal(2, #w.sent)
  end)

  it("takes a client id that is taken at the second attempt for its own order", function()
    world()
    order "a"
    answer(last(), 503, -1008)
    advance(S)
    answer(last(), 400, -4116)
    advance(0)
    assert.equal(1, C.gateway_unresolved(w.gateway))
    show(last(), "a")
    advance(0)
    assert.equal("done", w.settled.a)
  end)

  it("tells the dispatcher what is used of the limits, once for every world", function()
    world()
    order "a"
    local op = C.gateway_waiting(w.gateway, last().token)
    op.used_weight_1m, op.order_count_10s, op.order_count_1m = 1234, 56, 78
    answer(last(), 400, -2019)
    local metrics = C.dispatcher_metrics(w.dispatcher, w.now)
    local seen = {}
    for i = 0, metrics.window_count - 1 do
      local window = metrics.windows[i]
      seen[("%d/%d"):format(window.kind, tonumber(window.interval_us) / S)] = tonumber(window.used)
    end
    assert.equal(1234, seen[C.LIMIT_WEIGHT .. "/60"])
    assert.equal(56, seen[C.LIMIT_ORDERS .. "/10"])
    assert.equal(78, seen[C.LIMIT_ORDERS_LONG .. "/60"])
  end)

  for name, doubtful in pairs {
    ["lost"] = function(op) C.gateway_lost(w.gateway, op, "no answer in time") end,
    ["unreadable"] = function(op) C.gateway_unreadable(w.gateway, op, "not JSON") end,
  } do
    it(
      "looks up an order whose answer is " .. name .. ", before all else, and gives its caller what it finds",
      function()
        world()
        order "a"
        doubtful(w.sent[1].op)
        advance(0)
        assert.same({ "a" }, w.asked)
        assert.equal(C.PRIORITY_CRITICAL, w.priority)
        show(last(), "a", 30)
        advance(0)
        assert.equal("done", w.settled.a)
        assert.equal(30, w.executed)
      end
    )
  end

  it("looks up an order whose answer is about another", function()
    world()
    order "a"
    show(last(), "other", 30)
    advance(0)
    assert.same({ "a" }, w.asked)
    assert.is_nil(w.settled.a)
  end)

  it("sends a lost order again only when it can no longer be accepted", function()
    world()
    w.on_send = function(sent)
      if sent.op.call.endpoint == C.EP_ORDER_GET then answer(sent, 400, -2013, "Order does not exist.") end
    end
    order "a"
    C.gateway_lost(w.gateway, w.sent[1].op, "")
    local orders = function()
      local count = 0
      for _, sent in ipairs(w.sent) do
        count = count + (sent.name == "a" and sent.op.call.endpoint == C.EP_ORDER_NEW and 1 or 0)
      end
      return count
    end
    advance(RECV_WINDOW + GRACE - MS)
    assert.is_true(#w.asked > 2)
    assert.equal(1, orders())
    advance(100 * MS)
    assert.equal(2, orders())
  end)

  it("does not take an old answer for proof when the exchange's clock was set since the question", function()
    world()
    order "a"
    C.gateway_lost(w.gateway, w.sent[1].op, "")
    advance(0)
    local question = last()
    assert.equal(C.EP_ORDER_GET, question.op.call.endpoint)
    advance(S)
    w.offset = w.offset + 60 * S -- set ahead while the answer is on its way
    answer(question, 400, -2013, "Order does not exist.")
    C.gateway_pump(w.gateway, w.now)
    assert.equal(1, C.gateway_unresolved(w.gateway))
    advance(S) -- asked again, after the clock was set: now it is proof
    answer(last(), 400, -2013, "Order does not exist.")
    advance(S)
    assert.equal(C.EP_ORDER_NEW, last().op.call.endpoint)
  end)

  it("hears from the stream before any answer", function()
    world()
    order "a"
    local update = ffi.new "struct order_update_record"
    update.execution, update.transaction_us = C.EXEC_NEW, w.now + w.offset
    update.order.order_id, update.order.orig_qty_e8 = 7, 100
    ffi.copy(update.order.client_id, "a")
    C.gateway_on_event(w.gateway, C.RECORD_ORDER_UPDATE, update)
    C.gateway_lost(w.gateway, w.sent[1].op, "")
    advance(0)
    assert.equal("done", w.settled.a)
    assert.equal(0, #w.asked)
  end)

  it("gives up a call wherever it waits; it never leaves, and the journal says so", function()
    for _, case in ipairs {
      { journalled = true, unwritten = true, state = "unsent" },
      { journalled = true, clock_known = false, state = "absent" },
    } do
      world(case)
      local op = order "a"
      if not case.unwritten then written "a" end
      C.dispatcher_cancel(w.dispatcher, op.request, w.now)
      assert.equal("unknown_outcome", w.settled.a)
      if case.unwritten then written "a" end
      clock_answered(true)
      advance(0)
      assert.equal(0, #w.sent)
      assert.equal(case.state, w.journal.a)
    end
  end)

  it("finds out what became of an order that was given up in flight; its late answer finds nobody", function()
    world { journalled = true }
    local op = order "a"
    written "a"
    local sent = last()
    C.dispatcher_cancel(w.dispatcher, op.request, w.now)
    assert.equal("a", w.cancelled[1])
    assert.equal("unknown_outcome", w.settled.a)
    assert.is_false(show(sent, "a"))
    assert.is_nil(w.journal.a)
    advance(0)
    show(last(), "a")
    advance(0)
    assert.equal(C.OUTCOME_DONE, w.resolved.a)
    assert.equal("accepted", w.journal.a)
  end)

  it("names an attempt by its token: an answer counts once, and none of an earlier attempt", function()
    world()
    order "a"
    local first = last()
    assert.is_true(answer(first, 503, -1008))
    assert.is_false(answer(first, 400, -2019))
    advance(S)
    assert.equal(2, #w.sent)
    assert.is_false(answer(first, 400, -2019))
    assert.is_true(answer(last(), 400, -2019))
    assert.equal("rejected", w.settled.a)
  end)

  it("sends again what never left, with a new stamp", function()
    world()
    order "a"
    C.gateway_unsent(w.gateway, w.sent[1].op, "no connection")
    advance(S)
    assert.equal(2, #w.sent)
    assert.is_true(last().stamp > w.sent[1].stamp)
    assert.equal(0, #w.asked)
  end)

  it("asks nothing of a world in which no answer is lost", function()
    world { lossless = true }
    assert.is_true(w.transport.cancel == nil and w.transport.doubt == nil)
    order "a"
    show(last(), "a", 10)
    assert.equal("done", w.settled.a)
  end)

  it("asks for an order that an earlier process left open", function()
    world { journalled = true }
    local row = ffi.new("struct journal_order", { quantity_e8 = 100, made_us = START + OFFSET })
    ffi.copy(row.symbol, "BTCUSDT")
    ffi.copy(row.endpoint, "POST /fapi/v1/order")
    ffi.copy(row.client_id, "old")
    local op = C.api_call_take(w.calls)
    assert.equal(0, C.gateway_reopen(w.gateway, row, op))
    C.gateway_find_out(w.gateway, op, row.made_us, false)
    advance(0)
    assert.same({ "old" }, w.asked)
    show(last(), "old", 100)
    advance(0)
    assert.equal(C.OUTCOME_DONE, w.resolved.old)
    assert.equal("accepted", w.journal.old)
    ffi.copy(row.symbol, "NOSUCH")
    assert.equal(C.ERR_NOT_FOUND, C.gateway_reopen(w.gateway, row, C.api_call_take(w.calls)))
  end)
end)
