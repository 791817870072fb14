-- The heap beside a sorted list that does the same: random pushes, removals and changes of keys.
local ffi = require "ffi"
require "spec.support.c"
local seed = require "spec.support.seed"
local C = ffi.C

if not pcall(ffi.typeof, "struct heap") then
  ffi.cdef [[
    struct heap_slot { int64_t key; uint64_t tie; void *item; };
    struct heap { struct heap_slot *slots; int32_t count, capacity; uint32_t index_offset; };
    void heap_init(struct heap *h, struct heap_slot *slots, int32_t capacity, uint32_t index_offset);
    void heap_push(struct heap *h, void *item, int64_t key, uint64_t tie);
    void heap_remove(struct heap *h, int32_t index);
    void heap_update(struct heap *h, int32_t index, int64_t key);
    void heap_rebuild(struct heap *h);
  ]]
end
ffi.cdef "struct heap_spec_item { int64_t before; int32_t index, number; };"

local MOST = 64

describe("a heap", function()
  local items, slots, h
  before_each(function()
    items = ffi.new("struct heap_spec_item[?]", MOST)
    slots = ffi.new("struct heap_slot[?]", MOST)
    h = ffi.new "struct heap"
    C.heap_init(h, slots, MOST, ffi.offsetof("struct heap_spec_item", "index"))
  end)

  local function item_of(slot) return ffi.cast("struct heap_spec_item *", slot.item) end

  -- Every item knows its place, and none stands above one that comes before it. One assertion a call: there are thousands.
  local function check(count)
    local wrong = h.count ~= count and "count" or nil
    for i = 0, h.count - 1 do
      if item_of(slots[i]).index ~= i then wrong = "index of slot " .. i end
      local parent = slots[math.max(0, math.floor((i - 1) / 2))]
      local ordered = parent.key < slots[i].key or (parent.key == slots[i].key and parent.tie < slots[i].tie)
      if i > 0 and not ordered then wrong = "order of slot " .. i end
    end
    assert.is_nil(wrong)
  end

  it("gives items by key, equal ones by their tie, through any pushes, removals and changes", function()
    math.randomseed(seed)
    local model, free, tie = {}, {}, 0
    for i = 0, MOST - 1 do
      items[i].number, items[i].index = i, -1
      free[#free + 1] = i
    end
    for _ = 1, 2000 do
      local what = math.random(4)
      if what <= 2 and #free > 0 then
        local n, key = table.remove(free), math.random(-20, 20)
        tie = tie + 1
        C.heap_push(h, items + n, key, tie)
        model[#model + 1] = { key = key, tie = tie, n = n }
      elseif what == 3 and #model > 0 then
        local gone = table.remove(model, math.random(#model))
        C.heap_remove(h, items[gone.n].index)
        assert.equal(-1, items[gone.n].index)
        free[#free + 1] = gone.n
      elseif #model > 0 then
        local moved = model[math.random(#model)]
        moved.key = math.random(-20, 20)
        C.heap_update(h, items[moved.n].index, moved.key)
      end
      check(#model)
    end
    table.sort(model, function(a, b)
      if a.key ~= b.key then return a.key < b.key end
      return a.tie < b.tie
    end)
    for _, wanted in ipairs(model) do
      assert.equal(wanted.n, item_of(slots[0]).number)
      C.heap_remove(h, 0)
    end
    assert.equal(0, h.count)
  end)

  it("is in order again after keys were changed in place", function()
    math.randomseed(seed + 1)
    for count = 1, MOST do
      C.heap_init(h, slots, MOST, ffi.offsetof("struct heap_spec_item", "index"))
      for i = 0, count - 1 do
        C.heap_push(h, items + i, i, i)
      end
      for i = 0, count - 1 do
        slots[i].key = math.random(100)
      end
      C.heap_rebuild(h)
      check(count)
    end
  end)
end)
