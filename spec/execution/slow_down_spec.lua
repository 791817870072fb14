-- For how long nothing is sent after an answer that asks for that.
local ffi = require "ffi"
local C = require "spec.support.c"

local S, MINUTE, DAY = 1000000, 60 * 1000000, 86400 * 1000000
local NOW, EXCHANGE = 1000 * S, 1700000000 * S
local BAN_TEXT =
  "Way too many requests; IP banned until %d. Please use the websocket for live updates to avoid bans."

local function pause(s, answer, now)
  local text = answer.text or ""
  local a = ffi.new("struct slow_down_answer", {
    status = answer.status or 429,
    code = answer.code or 0,
    text = text,
    retry_after_s = answer.retry_after or 0,
    exchange_us = EXCHANGE,
  })
  return tonumber(C.slow_down_pause_us(s, a, now or NOW))
end
local function once(answer) return pause(ffi.new "struct slow_down", answer) end

describe("the pause after an answer that asks for one", function()
  it(
    "is what the header or the text says, the later of the two, and never longer than the longest ban",
    function()
      for _, case in ipairs {
        { { retry_after = 1 }, S },
        { { retry_after = 7 }, 7 * S },
        { { status = 418, retry_after = 120 }, 2 * MINUTE },
        { { retry_after = 3 * 86400 }, 3 * DAY },
        { { retry_after = 3 * 86400 + 1 }, 3 * DAY },
        { { retry_after = 2 ^ 53 }, 3 * DAY },
        { { text = BAN_TEXT:format(EXCHANGE / 1000 + 5000) }, 5 * S },
        { { text = BAN_TEXT:format(EXCHANGE / 1000 + 1) }, 1000 },
        { { text = BAN_TEXT:format(EXCHANGE / 1000 + 4 * 86400000) }, 3 * DAY },
        { { text = BAN_TEXT:format(EXCHANGE / 1000 + 5000), retry_after = 4 }, 5 * S },
        { { text = BAN_TEXT:format(EXCHANGE / 1000 + 5000), retry_after = 6 }, 6 * S },
        { { text = BAN_TEXT:format(EXCHANGE / 1000 - 5000), retry_after = 6 }, 6 * S },
        -- A ban that is over, or a header that says nothing, tells nothing.
        { { text = BAN_TEXT:format(EXCHANGE / 1000) }, MINUTE },
        { { text = BAN_TEXT:format(EXCHANGE / 1000 - 1) }, MINUTE },
        { { retry_after = -1 }, MINUTE },
        -- Told of too many orders, too.
        { { code = -1015, retry_after = 3 }, 3 * S },
      } do
        assert.equal(case[2], once(case[1]), require("cjson").encode(case[1]))
      end
    end
  )

  it("is a minute, two after a ban, when nobody says; none after too many orders alone", function()
    assert.equal(MINUTE, once { status = 429 })
    assert.equal(MINUTE, once { status = 429, code = -1003 })
    assert.equal(MINUTE, once { status = 403 })
    assert.equal(2 * MINUTE, once { status = 418 })
    assert.equal(2 * MINUTE, once { status = 418, code = -1003 })
    assert.equal(0, once { status = 429, code = -1015 })
    assert.equal(0, once { status = 400, code = -1015 })
    assert.equal(2 * MINUTE, once { status = 418, code = -1015 })
  end)

  it("doubles each time that the first request afterwards meets the same, up to the longest ban", function()
    for status, first in pairs { [429] = MINUTE, [418] = 2 * MINUTE } do
      local s, now = ffi.new "struct slow_down", NOW
      for i = 0, 20 do
        local expected = math.min(first * 2 ^ math.min(i, 11), 3 * DAY)
        assert.equal(
          expected,
          pause(s, { status = status }, now),
          status .. " for the " .. i + 1 .. "th time"
        )
        -- What was on its way when the pause began does not make it longer.
        assert.equal(expected, pause(s, { status = status }, now))
        assert.equal(1, pause(s, { status = status }, now + expected - 1))
        now = now + expected
      end
    end
  end)

  it("begins small again once a request was answered after it, not by one that was on its way", function()
    local s = ffi.new "struct slow_down"
    assert.equal(MINUTE, pause(s, {}, NOW))
    C.slow_down_over(s, NOW + MINUTE - 1)
    assert.equal(2 * MINUTE, pause(s, {}, NOW + MINUTE))
    C.slow_down_over(s, NOW + 3 * MINUTE)
    assert.equal(MINUTE, pause(s, {}, NOW + 3 * MINUTE))
  end)

  it("that was told leaves the doubling as it is", function()
    local s = ffi.new "struct slow_down"
    for _ = 1, 3 do
      assert.equal(5 * S, pause(s, { retry_after = 5 }))
    end
    assert.equal(0, pause(s, { code = -1015 }))
    assert.equal(MINUTE, pause(s, {}))
  end)
end)
