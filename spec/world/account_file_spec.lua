-- The file of a paper account: world/paper/account_file.h.
local ffi = require "ffi"
local C = require "spec.support.c"
local exchange = require "spec.support.exchange"
local saved = require "spec.support.saved"

ffi.cdef "void free(void *);"

local seed = tonumber(os.getenv "MOONTIDE_SEED") or 1
local MAGIC, VERSION, HEAD = "moontide paper", 2, 32

local function account_of(random)
  local s, days = ffi.new "struct account_saved", ffi.new("struct account_day[3]")
  s.account.started_us, s.account.capital_e8 = random(1e9), random(1e9)
  s.account.held_us, s.account.lasted_us, s.account.saved_us = random(1000), 1000 + random(1e9), random(1e9)
  s.peak_e8, s.drawdown_e8, s.equity_e8, s.drawdown =
    random(1e9), random(1e9), -random(1e9), random(1000) / 997
  s.peak_us, s.trough_us, s.peak_candidate_us = random(1e9), random(1e9), random(1e9)
  for i = 0, 2 do
    days[i].us, days[i].equity_e8 = i * 86400000000, random(1e9)
  end
  s.days, s.day_count = days, 3
  return s, days
end

local function encode(s, x)
  local size = ffi.new "size_t[1]"
  local bytes = C.account_file_encode(s, x.x, size)
  local text = ffi.string(bytes, size[0])
  ffi.C.free(bytes)
  return text
end

---@return string? again the same account written once more
---@return string why
local function decode(x, bytes)
  local s, snapshot = ffi.new "struct account_saved", ffi.new "struct snapshot *[1]"
  local why = ffi.new "struct errmsg"
  if C.account_file_decode(bytes, #bytes, C.exchange_symbol(x.x, 0), 2, s, snapshot, why) ~= 0 then
    return nil, ffi.string(why.text)
  end
  local y = exchange.new { wallet = 1 }
  for symbol = 0, 1 do
    C.mirror_open(y.x, symbol, exchange.e8(60000), y.now)
  end
  C.snapshot_restore(y.x, snapshot[0])
  local again = encode(s, y)
  y:close()
  C.snapshot_free(snapshot[0])
  C.account_saved_free(s)
  return again, ""
end

describe("the file of a paper account", function()
  local x, bytes, random
  before_each(function()
    random = saved.random(seed)
    x = exchange.new { wallet = 5000 }
    for symbol = 0, 1 do
      C.mirror_open(x.x, symbol, exchange.e8(60000), x.now)
    end
    x:limit("SIDE_BUY", 0.01, 59000, { client_id = "rests" })
    bytes = encode(account_of(random), x)
  end)
  after_each(function() x:close() end)

  it("comes back as it was", function()
    for _ = 1, 50 do
      local one = encode(account_of(random), x)
      assert.equal(one, decode(x, one), "seed " .. seed)
    end
  end)

  it("is read past fields that this version does not know", function()
    local more = saved.bytes_field(77, "new") .. saved.number_field(78, 1)
    assert.equal(bytes, decode(x, saved.sealed(bytes .. more, MAGIC, VERSION)))
  end)

  it("is refused in one line when it is cut off or spoilt at any byte", function()
    for at = 1, #bytes do
      for _, text in ipairs { bytes:sub(1, at - 1), saved.flip(bytes, at, random(8)) } do
        local again, why = decode(x, text)
        assert.is_nil(again)
        assert.is_true(#why > 0 and not why:find "\n", why)
      end
    end
  end)

  it("is refused, or an account, when its checksum was made to fit", function()
    for at = HEAD + 1, #bytes do
      for _, text in ipairs { bytes:sub(1, at - 1), saved.flip(bytes, at, random(8)) } do
        local again, why = decode(x, saved.sealed(text, MAGIC, VERSION))
        assert.is_true(again ~= nil or (#why > 0 and not why:find "\n"), why)
      end
    end
  end)

  it("is read by every later version", function()
    local file = assert(io.open("spec/golden/paper-2.account", "rb"))
    local golden = file:read "*a"
    file:close()
    local s, snapshot = ffi.new "struct account_saved", ffi.new "struct snapshot *[1]"
    local why = ffi.new "struct errmsg"
    local err = C.account_file_decode(golden, #golden, C.exchange_symbol(x.x, 0), 2, s, snapshot, why)
    assert.equal(0, err, ffi.string(why.text))
    assert.equal(3, s.day_count)
    assert.equal(86400000000, tonumber(s.days[1].us))
    assert.equal(5000, tonumber(s.account.capital_e8) / 1e8)
    assert.equal(0.125, s.drawdown)
    C.snapshot_free(snapshot[0])
    C.account_saved_free(s)
  end)
end)
