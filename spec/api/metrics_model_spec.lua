-- What the manager counts against the plainest second count of the same calls: every call is kept and summed anew.
local ffi = require "ffi"
local C = require "spec.support.c"
local seed = require "spec.support.seed"

local MINUTE = 60000000
local GOOD = { [C.SETTLE_DONE] = true, [C.SETTLE_REFUSED] = true }

-- The middle of the bucket of a duration: below 32 us the duration itself, then 32 equal parts of each power of two.
local function middle(us)
  if us < 32 then return us end
  local power = 32
  while power * 2 <= us do
    power = power * 2
  end
  local part = power / 32
  return power + math.floor((us - power) / part) * part + math.floor(part / 2)
end

-- The smallest of `values`' middles at or below which `share` of them lie.
local function quantile(values, share)
  table.sort(values)
  local at = math.max(1, math.ceil(share * #values - 1e-9))
  return values[at] and middle(values[at]) or 0
end

local function sum(rows, name, where)
  local n = 0
  for _, row in ipairs(rows) do
    if row[name] and (not where or where(row)) then n = n + (row[name] == true and 1 or row[name]) end
  end
  return n
end

local function draw(random, now)
  local kind = random(3)
  local row = {
    now = now,
    minute = math.floor(now / MINUTE),
    class = random(0, 2),
    endpoint = ({ 0, 5, 62, 63, 64, 900 })[random(6)],
  }
  if kind == 1 then
    row.sent, row.attempts = true, random(1, 3)
  elseif kind == 2 then
    row.answered, row.failed, row.slowed = true, random(3) == 1, random(4) == 1
    row.latency = random(4) == 1 and random(0, 40) or random(0, 3000000)
  else
    row.settled, row.how = true, random(0, tonumber(C.SETTLE_COUNT) - 1)
    row.succeeded = GOOD[row.how] or false
  end
  return row
end

local function count(m, row)
  local r = ffi.new "struct request"
  r.request_class, r.endpoint, r.attempts = row.class, row.endpoint, row.attempts or 1
  if row.sent then C.metrics_sent(m, r, row.now) end
  if row.answered then C.metrics_answered(m, r, row.failed, row.slowed, row.latency, row.now) end
  if row.settled then C.metrics_settled(m, row.how, row.now) end
end

local function latencies(rows, where)
  local out, longest, total = {}, 0, 0
  for _, row in ipairs(rows) do
    if row.answered and (not where or where(row)) then
      out[#out + 1] = row.latency
      longest, total = math.max(longest, row.latency), total + row.latency
    end
  end
  return out, longest, total
end

local function check_whole(s, rows)
  local all, longest, total = latencies(rows)
  assert.equal(sum(rows, "sent"), tonumber(s.sent))
  assert.equal(#all, tonumber(s.answered))
  assert.equal(sum(rows, "sent", function(row) return row.attempts > 1 end), tonumber(s.retries))
  local settled = sum(rows, "settled")
  assert.near(settled > 0 and sum(rows, "succeeded") / settled or 1, s.success_rate, 1e-12)
  assert.near(#all > 0 and total / #all or 0, s.average_response_us, 1e-6)
  assert.equal(longest, tonumber(s.max_us))
  for share, got in pairs { [0.5] = s.p50_us, [0.95] = s.p95_us, [0.99] = s.p99_us } do
    assert.equal(math.min(quantile(all, share), longest), tonumber(got), "quantile " .. share)
  end
  for how = 0, tonumber(C.SETTLE_COUNT) - 1 do
    assert.equal(sum(rows, "settled", function(row) return row.how == how end), tonumber(s.settled[how]))
  end
  for class = 0, 2 do
    local of = function(row) return row.class == class end
    assert.equal(sum(rows, "sent", of), tonumber(s.class_sent[class]))
    assert.equal(sum(rows, "failed", of), tonumber(s.class_failed[class]))
  end
  for _, endpoint in ipairs { 0, 4, 5, 62, 63 } do
    local of = function(row) return math.min(row.endpoint, 63) == endpoint end
    local _, most, taken = latencies(rows, of)
    local e = s.endpoints[endpoint]
    assert.equal(sum(rows, "answered", of), tonumber(e.count))
    assert.equal(sum(rows, "failed", of), tonumber(e.failed))
    assert.equal(taken, tonumber(e.latency_sum_us))
    assert.equal(most, tonumber(e.latency_max_us))
  end
end

-- Minutes in which something was counted and that are younger than 180, the present one last whatever it holds.
local function check_minutes(s, rows, now)
  local present, by = math.floor(now / MINUTE), {}
  for _, row in ipairs(rows) do
    if row.minute > present - 180 then
      by[row.minute] = by[row.minute] or {}
      table.insert(by[row.minute], row)
    end
  end
  by[present] = by[present] or {}
  local minutes = {}
  for minute in pairs(by) do
    minutes[#minutes + 1] = minute
  end
  table.sort(minutes)
  local at = 0
  for _, minute in ipairs(minutes) do
    -- The first minute is there from the start, and one that was only looked at too: skip what holds nothing.
    while s.minutes[at].minute < minute and s.minutes[at].sent + s.minutes[at].answered == 0 do
      at = at + 1
    end
    local got, of = s.minutes[at], by[minute]
    assert.equal(minute, tonumber(got.minute))
    for _, name in ipairs { "sent", "answered", "failed", "slowed", "settled", "succeeded" } do
      assert.equal(sum(of, name), got[name], name)
    end
    local _, longest, total = latencies(of)
    assert.equal(total, tonumber(got.latency_sum_us))
    assert.equal(longest, tonumber(got.latency_max_us))
    at = at + 1
  end
  assert.equal(at, s.minute_count)
  assert.equal(sum(by[present], "sent"), tonumber(s.requests_this_minute))
end

-- Of the present minute and the one right before it.
local function check_recent(m, rows, now)
  local present, near = math.floor(now / MINUTE), {}
  for _, row in ipairs(rows) do
    if row.minute >= present - 1 then near[#near + 1] = row end
  end
  local r = C.metrics_recent(m, now)
  local all = latencies(near)
  assert.equal(sum(near, "settled"), tonumber(r.settled))
  assert.equal(sum(near, "succeeded"), tonumber(r.succeeded))
  assert.equal(#all, tonumber(r.answered))
  assert.equal(quantile(all, 0.95), tonumber(r.p95_us))
end

describe("the manager's figures", function()
  it("are those of every call counted anew, over minutes with and without traffic", function()
    for round = 1, 6 do
      math.randomseed(seed * 100 + round)
      local random = math.random
      local m, s = ffi.new "struct metrics", ffi.new "struct metrics_snapshot"
      local now, rows = random(0, 3) * MINUTE, {}
      C.metrics_init(m, now)
      for step = 1, 400 do
        -- Mostly within a minute; at times exactly to its end, into the next, or hours on.
        local jump = random(30)
        now = jump == 1 and (math.floor(now / MINUTE) + 1) * MINUTE
          or jump == 2 and now + 2 * MINUTE
          or jump == 3 and round == 6 and now + random(170, 400) * MINUTE
          or now + random(0, 300000)
        local row = draw(random, now)
        rows[#rows + 1] = row
        count(m, row)
        if step % 20 == 0 then
          if step % 40 == 0 then now = now + random(0, 2) * MINUTE end
          check_recent(m, rows, now)
          C.metrics_snapshot_fill(m, s, now)
          assert.equal(now, tonumber(s.now_us))
          check_whole(s, rows)
          check_minutes(s, rows, now)
        end
      end
    end
  end)

  it("put a duration into a bucket whose middle is at most a sixty-fourth away", function()
    for power = 0, 35 do
      for _, offset in ipairs { -1, 0, 1, 7 } do
        local us = math.max(0, 2 ^ power + offset)
        local bucket = C.histogram_bucket(us)
        if bucket < 1023 then assert.equal(middle(us), tonumber(C.histogram_middle_us(bucket))) end
      end
    end
    assert.equal(0, C.histogram_bucket(-5))
    assert.equal(31, C.histogram_bucket(31))
    assert.equal(32, C.histogram_bucket(32))
    assert.equal(1023, C.histogram_bucket(2 ^ 50)) -- beyond the last: counted there
  end)
end)
