-- The form of recordings over time: files of before and of later versions, and files that were made to harm.
local ffi = require "ffi"
local C = require "spec.support.c"
local recorded = require "spec.support.recorded"
local run = require "spec.support.run"
local saved = require "spec.support.saved"

local seed = tonumber(os.getenv "MOONTIDE_SEED") or 1
local GOLDEN, SCRIPT = "spec/golden/run-1.rec", "spec/golden/recorded.lua"

-- The items of a recording as they are written: { kind, payload }.
local function items_of(path)
  local out, why = ffi.new "struct record_file *[1]", ffi.new "struct errmsg"
  assert(C.record_file_open(path, C.RECORD_FILE_OF_RUN, out, why) == 0, ffi.string(why.text))
  local item, list = ffi.new "struct record_file_item", {}
  while C.record_file_next(out[0], item) do
    list[#list + 1] = { item.kind, ffi.string(item.data, item.size) }
  end
  C.record_file_close(out[0])
  return list
end

local function write(path, items)
  local out, why = ffi.new "struct record_file_writer *[1]", ffi.new "struct errmsg"
  os.remove(path)
  assert(C.record_file_writer_open(path, C.RECORD_FILE_OF_RUN, out, why) == 0, ffi.string(why.text))
  local none = ffi.new "struct record_file_rows"
  for _, item in ipairs(items) do
    C.record_file_put(out[0], item[1], item[2], #item[2], none)
  end
  assert(C.record_file_writer_close(out[0], ffi.new "struct record_file_figures", why) == 0)
end

describe("a recording", function()
  local folder
  setup(function() folder = run.folder() end)
  teardown(function() run.remove(folder) end)

  it("is replayed by every later version", function()
    local r = recorded.replay(SCRIPT, GOLDEN)
    assert.equal("90 events, 12 calls: the same\n", r.out, r.err)
  end)

  it("is replayed past items and parts of items that this version does not know", function()
    local items = {}
    for _, item in ipairs(items_of(GOLDEN)) do
      local payload = item[2]
      if item[1] == C.RUN_RECORD_NEXT or item[1] == C.RUN_RECORD_SUBMIT then
        payload = payload .. "\200\200new"
      end
      if item[1] == C.RUN_RECORD_VIEW then payload = payload .. "\100new" end
      items[#items + 1] = { item[1], payload }
      items[#items + 1] = { 200, "of a later version" }
    end
    write(folder .. "/later.rec", items)
    local r = recorded.replay(SCRIPT, folder .. "/later.rec")
    assert.equal("90 events, 12 calls: the same\n", r.out, r.err)
  end)

  it("tells its numbers by their names: another version may count otherwise", function()
    local items = items_of(GOLDEN)
    assert.equal(tonumber(C.RUN_RECORD_NAMES), items[1][1])
    items[1][2] = items[1][2]:gsub("POST /fapi/v1/order%f[^%w/]", "POST /fapi/v1/gone!", 1)
    write(folder .. "/other.rec", items)
    local r = recorded.replay(SCRIPT, folder .. "/other.rec")
    assert.truthy(r.out:find("damaged", 1, true), r.out .. r.err)
  end)

  it("is read up to where it makes sense, whatever its bytes were made into", function()
    local random, path = saved.random(seed), folder .. "/spoilt.rec"
    local items, damaged, all = items_of(GOLDEN), 0, 0
    local size = 0
    for _, item in ipairs(items) do
      size = size + #item[2]
    end
    for target = 1 + random(17), size, 17 do
      local before, spoilt = 0, {}
      for i, item in ipairs(items) do
        local at = target - before
        local inside = at >= 1 and at <= #item[2]
        spoilt[i] = inside and { item[1], saved.flip(item[2], at, random(8)) } or item
        before = before + #item[2]
      end
      write(path, spoilt)
      local _, ending = recorded.items(path)
      all, damaged = all + 1, damaged + (ending == C.RECORD_FILE_DAMAGED and 1 or 0)
      local out, why = ffi.new "struct replay *[1]", ffi.new "struct errmsg"
      if C.replay_open(path, out, why) == 0 then
        C.replay_free(out[0])
      else
        assert.truthy(ffi.string(why.text):find "damaged", ffi.string(why.text))
      end
    end
    assert.is_true(damaged > 10 and damaged < all, ("%d of %d"):format(damaged, all))
  end)
end)
