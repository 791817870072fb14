local ffi = require "ffi"
local C = require "spec.support.c"

local id = 0
local function request(level, strategy)
  id = id + 1
  local r = ffi.new "struct request"
  r.id, r.priority, r.level, r.strategy, r.submitted_us = id, level, level, strategy or 0, id
  return r
end
local function queue()
  local q = ffi.new "struct queue"
  C.queue_init(q)
  return q
end
local function drain(q, level)
  local out = {}
  while true do
    local r = C.queue_head(q, level, ffi.new "struct queue_skip")
    if r == nil then return out end
    C.queue_turn(q, r)
    C.queue_remove(q, r)
    out[#out + 1] = tonumber(r.id)
  end
end

describe("queue", function()
  it("is first in, first out in a lane", function()
    local q, a, b, c = queue(), request(2), request(2), request(2)
    for _, r in ipairs { a, b, c } do
      C.queue_push(q, r)
    end
    assert.same({ tonumber(a.id), tonumber(b.id), tonumber(c.id) }, drain(q, 2))
  end)

  it("turns between strategies", function()
    local q, a, b, c = queue(), request(2, 1), request(2, 1), request(2, 7)
    for _, r in ipairs { a, b, c } do
      C.queue_push(q, r)
    end
    assert.same({ tonumber(a.id), tonumber(c.id), tonumber(b.id) }, drain(q, 2))
  end)

  it("keeps the classes of a strategy in order, but lets one pass the other", function()
    local q, a, b, c, d = queue(), request(2), request(2), request(2), request(2)
    a.request_class, c.request_class = 1, 1
    for _, r in ipairs { a, b, c, d } do
      C.queue_push(q, r)
    end
    local skip = ffi.new "struct queue_skip"
    C.queue_skip_lane(skip, a)
    assert.equal(tonumber(b.id), tonumber(C.queue_head(q, 2, skip).id))
    assert.same({ tonumber(a.id), tonumber(b.id), tonumber(c.id), tonumber(d.id) }, drain(q, 2))
  end)

  it("removes from the middle, promotes and skips", function()
    local q, a, b, c = queue(), request(3), request(3), request(3)
    for _, r in ipairs { a, b, c } do
      C.queue_push(q, r)
    end
    C.queue_remove(q, b)
    C.queue_promote(q, a)
    assert.equal(2, C.queue_count(q))
    local skip = ffi.new "struct queue_skip"
    C.queue_skip_lane(skip, a)
    assert.is_true(C.queue_head(q, 2, skip) == nil)
    assert.same({ tonumber(a.id) }, drain(q, 2))
    assert.same({ tonumber(c.id) }, drain(q, 3))
  end)

  it("takes a returning request at its old place and knows the newest", function()
    local q, a, b, c = queue(), request(3), request(3), request(3)
    C.queue_push(q, b)
    C.queue_push(q, c)
    C.queue_push_back_in_order(q, a)
    assert.is_true(C.queue_newest(q, 3) == ffi.cast("struct request *", c))
    assert.equal(tonumber(a.id), tonumber(C.queue_oldest_us(q)))
    assert.same({ tonumber(a.id), tonumber(b.id), tonumber(c.id) }, drain(q, 3))
  end)
end)
