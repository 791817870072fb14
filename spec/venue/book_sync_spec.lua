-- The local order book: its chain of updates, its repairs, and a recording of the real exchange.
local ffi = require "ffi"
local C = require "spec.support.c"
local cjson = require "cjson"

local symbols = ffi.new "struct symbol[1]"
assert(C.symbol_rules_builtin("BTCUSDT", symbols[0]) == 0)
local function list() return ffi.new("struct symbol_list", { symbols, 1 }) end

local function levels(rows)
  local out = ffi.new("struct level_record[?]", math.max(#rows, 1))
  for i, r in ipairs(rows) do
    out[i - 1].price_e8, out[i - 1].qty_e8 = C.dec_from_double(r[1]), C.dec_from_double(r[2])
  end
  return out
end

local kept = {} -- what the C side borrows

local function event(from, to, previous, bids, asks)
  local b, a = levels(bids or {}), levels(asks or {})
  local e = ffi.new("struct depth_event", {
    first_id = from,
    last_id = to,
    previous_id = previous,
    bid_count = #(bids or {}),
    ask_count = #(asks or {}),
    bids = b,
    asks = a,
  })
  kept[#kept + 1] = { b, a, e }
  return e
end

local function snapshot(id, bids, asks)
  local b, a = levels(bids), levels(asks)
  local d = ffi.new(
    "struct depth_record",
    { last_update_id = id, bid_count = #bids, ask_count = #asks, bids = b, asks = a }
  )
  kept[#kept + 1] = { b, a, d }
  return d
end

local function side(book, which)
  local count = ffi.new "int32_t[1]"
  local rows, text = C.book_sync_side(book, which, count), {}
  for i = 0, count[0] - 1 do
    text[#text + 1] = ("%g:%g"):format(tonumber(rows[i].price_e8) / 1e8, tonumber(rows[i].qty_e8) / 1e8)
  end
  return table.concat(text, " ")
end

local function new() return ffi.gc(C.book_sync_new(), C.book_sync_free) end
local BIDS, ASKS = { { 100, 1 }, { 99, 2 }, { 98, 3 } }, { { 101, 1 }, { 102, 2 }, { 103, 3 } }

describe("the local order book", function()
  after_each(function() kept = {} end)

  it("is the snapshot and every change after it, those before it left out", function()
    local b = new()
    assert.equal(C.BOOK_WAITS, C.book_sync_event(b, event(1, 5, 0, { { 100, 9 } })))
    assert.equal(C.BOOK_WAITS, C.book_sync_event(b, event(6, 10, 5, { { 99, 0 } }, { { 101, 4 } })))
    assert.is_true(C.book_sync_has_events(b))
    assert.equal(C.BOOK_GOOD, C.book_sync_snapshot(b, snapshot(7, BIDS, ASKS), 1000)) -- within the second
    assert.equal("100:1 98:3", side(b, C.SIDE_BUY))
    assert.equal("101:4 102:2 103:3", side(b, C.SIDE_SELL))
    assert.equal(
      C.BOOK_GOOD,
      C.book_sync_event(b, event(14, 20, 10, { { 100.5, 2 }, { 97, 0 } }, { { 102, 0 } }))
    ) -- ids may skip; pu counts
    assert.equal("100.5:2 100:1 98:3", side(b, C.SIDE_BUY))
    assert.equal("101:4 103:3", side(b, C.SIDE_SELL))
    assert.equal(20, tonumber(C.book_sync_id(b)))
    -- The same once more, as from a second connection.
    assert.equal(C.BOOK_GOOD, C.book_sync_event(b, event(6, 10, 5, { { 99, 7 } })))
    assert.equal(C.BOOK_GOOD, C.book_sync_event(b, event(14, 20, 10, { { 100.5, 9 } })))
    assert.equal("100.5:2 100:1 98:3", side(b, C.SIDE_BUY))
    assert.equal(0, tonumber(C.book_sync_repairs(b)))
  end)

  it("is given up when an update is missing, and is never handed out meanwhile", function()
    local b = new()
    C.book_sync_event(b, event(1, 5, 0))
    C.book_sync_snapshot(b, snapshot(5, BIDS, ASKS), 1000)
    assert.equal(C.BOOK_WAITS, C.book_sync_event(b, event(12, 15, 11, { { 100, 5 } }))) -- 6 to 11 were lost
    assert.equal("", side(b, C.SIDE_BUY))
    assert.equal(1, tonumber(C.book_sync_repairs(b)))
    assert.equal(C.BOOK_WAITS, C.book_sync_snapshot(b, snapshot(9, BIDS, ASKS), 1000)) -- older than what waits
    assert.equal("", side(b, C.SIDE_BUY))
    assert.equal(C.BOOK_WAITS, C.book_sync_event(b, event(16, 18, 15, { { 99, 4 } })))
    assert.equal(C.BOOK_GOOD, C.book_sync_snapshot(b, snapshot(12, BIDS, ASKS), 1000))
    assert.equal("100:5 99:4 98:3", side(b, C.SIDE_BUY))
    C.book_sync_lost(b)
    assert.equal(C.BOOK_WAITS, C.book_sync_state(b))
    assert.equal("", side(b, C.SIDE_SELL))
  end)

  it("is given up when it is crossed, and when a cut snapshot runs thin", function()
    local b = new()
    C.book_sync_event(b, event(1, 5, 0))
    C.book_sync_snapshot(b, snapshot(5, BIDS, ASKS), 1000)
    assert.equal(C.BOOK_WAITS, C.book_sync_event(b, event(6, 6, 5, { { 101, 1 } })))
    local many_bids, many_asks = {}, {}
    for i = 1, 25 do
      many_bids[i], many_asks[i] = { 100 - i, 1 }, { 100 + i, 1 }
    end
    C.book_sync_event(b, event(7, 7, 6))
    assert.equal(C.BOOK_GOOD, C.book_sync_snapshot(b, snapshot(7, many_bids, many_asks), 25))
    C.book_sync_event(b, event(8, 8, 7, { { 60, 3 } })) -- beyond the edge: not known whole, hence not kept
    assert.falsy(side(b, C.SIDE_BUY):find "60:")
    local gone = {}
    for i = 1, 6 do
      gone[i] = { 100 - i, 0 }
    end
    assert.equal(C.BOOK_WAITS, C.book_sync_event(b, event(9, 9, 8, gone)))
  end)

  it("follows the real exchange: after each update its best prices are those the exchange told", function()
    local path = "../shared/data/recordings/hftbacktest/usdm_btcusdt_20240808.gz"
    local file = io.open(path)
    if not file then
      pending("no recording of a real book beside the project (" .. path .. ")")
      return
    end
    file:close()
    local arena, message = ffi.new "struct arena", ffi.new "struct errmsg"
    local rows, count, is_list = ffi.new "void *[1]", ffi.new "int32_t[1]", ffi.new "bool[1]"
    local function read(kind, type, text)
      C.arena_reset(arena)
      assert(
        C.record_read_text(kind, text, #text, list(), arena, rows, count, is_list, message) == 0,
        ffi.string(message.text)
      )
      return ffi.cast(type, rows[0])
    end
    local b = new()
    local told, tops, updates = {}, {}, 0 -- told: best prices by update id; tops: the book's after an update
    local pipe = io.popen("zcat '" .. path .. "'")
    local function top(which)
      local n = ffi.new "int32_t[1]"
      local r = C.book_sync_side(b, which, n)
      return ("%.2f %.3f"):format(tonumber(r[0].price_e8) / 1e8, tonumber(r[0].qty_e8) / 1e8)
    end
    for line in pipe:lines() do
      local text = line:match "^%d+ (.*)$"
      local data = text:match '^{"stream":"[^"]*","data":(.*)}$'
      if not data then
        -- Without an edge: the price leaves the snapshot's 1000 levels within these minutes, and there is no second one.
        C.book_sync_snapshot(b, read(C.RECORD_DEPTH, "struct depth_record *", text), 1e6)
      elseif data:find('"e":"depthUpdate"', 1, true) then
        local e = read(C.RECORD_DEPTH_EVENT, "struct depth_event *", data)
        updates = updates + 1
        if C.book_sync_event(b, e) == C.BOOK_GOOD then
          tops[#tops + 1] = { id = tonumber(e.last_id), text = top(C.SIDE_BUY) .. " " .. top(C.SIDE_SELL) }
        end
      elseif data:find('"e":"bookTicker"', 1, true) then
        local t = cjson.decode(data)
        told[#told + 1] = { id = t.u, text = ("%.2f %.3f %.2f %.3f"):format(t.b, t.B, t.a, t.A) }
      end
    end
    pipe:close()
    C.arena_free(arena)
    local at, equal, compared = 0, 0, 0
    for _, t in ipairs(tops) do
      while told[at + 1] and told[at + 1].id <= t.id do
        at = at + 1
      end
      if told[at] then compared = compared + 1 end
      if told[at] and told[at].text == t.text then equal = equal + 1 end
    end
    assert.equal(6551, updates)
    assert.equal(0, tonumber(C.book_sync_repairs(b)))
    assert.is_true(compared > 6500, compared .. " compared")
    assert.equal(compared, equal)
  end)
end)
