-- What is made of answers that are not the exchange's own, and of when it wants to be asked again.
local ffi = require "ffi"
local C = require "spec.support.c"

local function describe_page(status, body)
  local out = ffi.new("char[?]", C.FOREIGN_PAGE_TEXT)
  C.foreign_page_describe(status, body, #body, out)
  return ffi.string(out)
end

describe("an answer of something between", function()
  it("is named by its status, and its title or first words", function()
    for _, case in ipairs {
      {
        403,
        "<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY>x</BODY></HTML>",
        "a firewall's page (403): ERROR: The request could not be satisfied",
      },
      { 407, "", "the proxy wants a login (407), and empty" },
      {
        302,
        "<html><body>Moved <b>here</b></body></html>",
        "a redirect, which is not followed: Moved here",
      },
      { 502, "<title></title>\n\n Bad   Gateway\r\n", "a gateway's page: Bad Gateway" },
      { 451, "not here", "refused from this place (451): not here" },
      {
        200,
        "<html><title>Welcome to the hotel</title>",
        "a page in place of the answer (a proxy or a login page between?): Welcome to the hotel",
      },
      { 500, "\0\1\255\254<", "a gateway's page, and empty" },
    } do
      assert.equal(case[3], describe_page(case[1], case[2]))
    end
  end)

  it("is one line of printable text, however long or odd it is", function()
    for _, body in ipairs { ("x"):rep(100000), ("<"):rep(5000), "<title>" .. ("\n\27[31m"):rep(900), "<title" } do
      local text = describe_page(503, body)
      assert.is_nil(text:find "[%c\128-\255]")
      assert.is_true(#text < 160)
    end
  end)
end)

describe("Retry-After", function()
  local function seconds(headers, now_s)
    local r = ffi.new "struct retry_after"
    for _, h in ipairs(headers) do
      C.retry_after_take(r, h[1], #h[1], h[2], #h[2])
    end
    return C.retry_after_seconds(r, now_s or 0)
  end

  it("is seconds, or a date by the server's own clock, else by ours", function()
    assert.equal(0, seconds {})
    assert.equal(7, seconds { { "Retry-After", " 7\r\n" } })
    assert.equal(7, seconds { { "retry-after", "7" }, { "Content-Type", "9" } })
    local date = "Fri, 31 Dec 1999 23:59:59 GMT" -- 946684799
    assert.equal(
      59,
      seconds({ { "Date", "Fri, 31 Dec 1999 23:59:00 GMT" }, { "Retry-After", date } }, 1700000000)
    )
    assert.equal(9, seconds({ { "Retry-After", date } }, 946684790))
    assert.equal(0, seconds({ { "Retry-After", date } }, 946684900)) -- it is over
  end)

  it("that is neither counts as not said, and one beyond all bounds as long", function()
    for _, value in ipairs { "soon", "-5", "", "1e3", "7 s", ("9"):rep(3) .. "x" } do
      assert.equal(0, seconds { { "Retry-After", value } }, value)
    end
    assert.equal(2147483647, seconds { { "Retry-After", ("9"):rep(40) } })
  end)
end)

describe("the silence after a 418 or a 429", function()
  local S = 1000000
  local now_ms = 1700000000000

  local function pause(s, a, now_us)
    return tonumber(C.slow_down_pause_us(
      s,
      ffi.new("struct slow_down_answer", {
        status = a.status or 418,
        code = a.code or -1003,
        text = a.text or "",
        retry_after_s = a.retry_after or 0,
        exchange_us = now_ms * 1000,
      }),
      now_us or 0
    )) / S
  end

  it("is as long as the header or the text says, whichever is later, three days at most", function()
    local s = ffi.new "struct slow_down"
    local function text(seconds) return ("IP banned until %d."):format(now_ms + seconds * 1000) end
    assert.equal(5, pause(s, { retry_after = 5 }))
    assert.equal(60, pause(s, { text = text(60) }))
    assert.equal(60, pause(s, { text = text(60), retry_after = 5 }))
    assert.equal(90, pause(s, { text = text(60), retry_after = 90 }))
    assert.equal(259200, pause(s, { retry_after = 2147483647 }))
    assert.equal(259200, pause(s, { text = "IP banned until 99999999999999." }))
    assert.equal(0, s.in_a_row)
  end)

  it(
    "is minutes and doubles where nothing says how long; what was already on its way does not count",
    function()
      local s = ffi.new "struct slow_down"
      assert.equal(120, pause(s, { text = "banned until 12." })) -- no time
      assert.equal(119, pause(s, {}, 1 * S))
      assert.equal(240, pause(s, {}, 121 * S))
      C.slow_down_over(s, 130 * S) -- an answer from before
      assert.equal(480, pause(s, {}, 400 * S))
      C.slow_down_over(s, 2000 * S)
      assert.equal(60, pause(s, { status = 429 }, 2000 * S))
      assert.equal(120, pause(s, { status = 403, code = 0 }, 2100 * S))
      for i = 1, 40 do
        assert.is_true(pause(s, {}, 1e9 * S * i) <= 259200)
      end
    end
  )

  it(
    "does not hold cancels back for a window of orders",
    function() assert.equal(0, pause(ffi.new "struct slow_down", { status = 429, code = -1015 })) end
  )
end)
