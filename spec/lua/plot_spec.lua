local canvas_module = require "moontide.plot.canvas"
local plot = require "moontide.plot"
local run = require "spec.support.run"
local scale = require "moontide.plot.scale"
local seed = require "spec.support.seed"
local text_width = require "moontide.text_width"
local time_axis = require "moontide.plot.time_axis"

local START = 1672531200000 -- 2023-01-01 00:00 UTC
local HOUR = 3600000

local function lines_of(text)
  local list = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    list[#list + 1] = line
  end
  return list
end

local function plain(text) return (text:gsub("\27%[[%d;]*m", "")) end

local function bar(i, open, high, low, close, volume)
  return {
    open_time = START + (i - 1) * HOUR,
    close_time = START + i * HOUR - 1,
    open = open,
    high = high,
    low = low,
    close = close,
    volume = volume or 0,
  }
end

-- Whether a row of a chart has dots or glyphs left of its axis.
local function drawn(line) return line:match("^(.-)[│┤%a]?[^│┤]*$"):find "[^ ]" ~= nil end

-- The rows of the main pane: those above the first line across.
local function pane(text, height)
  local list, lines = {}, lines_of(text)
  for i, line in ipairs(lines) do
    if line:find "──" then
      for k = i - height, i - 1 do
        list[#list + 1] = lines[k]
      end
      return list
    end
  end
  return list
end

describe("charts as text", function()
  math.randomseed(seed)

  describe("are exact:", function()
    it("a line from corner to corner", function()
      local chart = plot({ 0, 1, 2, 3 }, { width = 12, height = 2, color = false })
      -- Nine columns beside an axis of three: eighteen dots across, eight down. The dot of 2 is the third from above.
      assert.same({
        "last 3",
        "high 3",
        "low 0",
        "4 values",
        "    ⢀⡠⠔⠒⠉┤ 2",
        "⣀⠤⠔⠊⠁    ┤ 0",
        "─────────┘",
      }, { unpack(lines_of(chart:text():gsub("  +$", "")), 1, 7) })
    end)

    it("candles: rising ones thin, falling ones solid, wicks and bodies by the half row", function()
      local bars = {
        bar(1, 10, 14, 8, 12), -- rises
        bar(2, 12, 15, 11, 11), -- falls
        bar(3, 11, 11, 11, 11), -- stands still
      }
      local rows = pane(plot(bars, { width = 40, height = 4, color = false }):text(), 4)
      -- Eight half rows from 15 down to 8, one a unit: row 1 is 15 and 14, row 4 is 9 and 8.
      local glyphs = {}
      for i, line in ipairs(rows) do
        local c = {}
        for column = 1, 12 do
          local at, n = "", 0
          for ch in line:gmatch "[%z\1-\127\194-\244][\128-\191]*" do
            n = n + 1
            if n == column then at = ch end
          end
          c[column] = at
        end
        -- Three columns a bar, the candle in the second.
        glyphs[i] = c[2] .. c[5] .. c[8]
      end
      assert.same({ "╷│ ", "╽╽ ", "┃▀╹", "│  " }, glyphs)
    end)

    it("dots of braille, and a row in the colours of its cells", function()
      local c = canvas_module.new(3, 1)
      c:line(0, 0, 3, 3, "up")
      c:put(2, 0, "▲", "down")
      assert.equal("⠑⢄▲", c:text(0, false))
      assert.equal("\27[32m⠑⢄\27[0m\27[31m▲\27[0m", c:text(0, true))
      c:dot(4, 0)
      assert.equal("⠑⢄▲", c:text(0, false)) -- a glyph that does not yield
    end)

    it("round values, and no digit more than their steps need", function()
      assert.same({ 0, 5, 10 }, (scale.new(0, 10):ticks(3)))
      assert.same({ -1, 0, 1 }, (scale.new(-1.2, 1.9):ticks(4)))
      assert.equal("0.0", scale.label(-1e-17, 0.1))
      assert.equal("27350.50", scale.label(27350.5, 0.01))
      assert.equal("12.5M", scale.label(12500000, 500000, true))
      assert.equal("0.00000123", scale.label(1.23e-6, 1e-8))
      assert.equal("1e+18", scale.label(1e18, 1e17))
    end)

    it("small prices written out", function()
      local text = plot({ 0.00001234, 0.00001251 }, { width = 60 }):text { color = false }
      assert.truthy(text:find("last 0.00001251 (+1.38 %)  high 0.00001251  low 0.00001234", 1, true))
    end)

    it("round moments of the calendar", function()
      local function texts(from, to, most)
        local list = {}
        for i, t in ipairs(time_axis.ticks(from, to, most)) do
          list[i] = t.text
        end
        return table.concat(list, " ")
      end
      assert.equal(
        "2023 06:00 12:00 18:00 Jan 02",
        texts(START, START + 24 * HOUR, 4):gsub("Jan 01", "2023"),
        nil
      )
      assert.equal("2023 Feb Mar Apr", texts(START, START + 100 * 24 * HOUR, 4))
      assert.equal("2024 2025", texts(START + 1, START + 800 * 24 * HOUR, 3))
      -- 2024 has a 29th of February.
      assert.equal("Feb 28 Feb 29 Mar 01", texts(1709078400000, 1709251200000, 3))
    end)
  end)

  describe("lose nothing:", function()
    local function spread(count, random)
      local list = {}
      for i = 1, count do
        list[i] = 100 + random()
      end
      return list
    end

    it("the highest and the lowest of a million values are drawn, wherever they stand", function()
      for _ = 1, 3 do
        local n = 1000000
        local list = spread(n, math.random)
        local up, down = math.random(n), math.random(n)
        if up == down then down = down % n + 1 end
        list[up], list[down] = 200, 0
        local rows = pane(plot(list, { width = 60, height = 10, color = false }):text(), 10)
        assert.equal(10, #rows)
        assert.is_true(drawn(rows[1]), "the peak at " .. up)
        assert.is_true(drawn(rows[10]), "the trough at " .. down)
        -- They stand in the columns of their own.
        local columns = 60 - 6
        local function column(line)
          local at = 0
          for ch in line:gmatch "[%z\1-\127\194-\244][\128-\191]*" do
            if ch ~= " " then return at end
            at = at + 1
          end
        end
        assert.is_true(math.abs(column(rows[1]) - math.floor((up - 1) / (n - 1) * columns)) <= 1)
        assert.is_true(math.abs(column(rows[10]) - math.floor((down - 1) / (n - 1) * columns)) <= 1)
      end
    end)

    it("bars that share a column keep their highest high and lowest low", function()
      for _, count in ipairs { 5, 50, 500, 5000 } do
        local bars = {}
        for i = 1, count do
          bars[i] = bar(i, 100, 101, 99, 100, i)
        end
        local up, down = math.random(count), math.random(count)
        bars[up].high, bars[down].low = 150, 50
        local rows = pane(plot(bars, { width = 70, height = 12, color = false }):text(), 12)
        assert.equal(12, #rows)
        assert.is_true(drawn(rows[1]))
        assert.is_true(drawn(rows[12]))
      end
    end)

    it("candles are of as many bars each, but for the first", function()
      local bars = {}
      for i = 1, 101 do
        bars[i] = bar(i, 100, 101, 99, 100, 10)
      end
      local text = plot(bars, { width = 70, height = 10, color = false }):text()
      assert.truthy(text:find("2 bars a candle", 1, true))
      -- 51 candles: the first has one bar, and so half of the volume of the others.
      local lines, at = lines_of(text), nil
      for i, line in ipairs(lines) do
        at = at or line:find("volume", 1, true) and i
      end
      assert.equal(1, (lines[at + 1]:find(" " .. ("█"):rep(50), 1, true)))
      assert.equal(1, (lines[at + 2]:find(("█"):rep(51), 1, true)))
    end)

    it("holes break a line, and a value between two holes is a dot", function()
      local nan = 0 / 0
      local list = { nan, 1, nan, 1, 1 / 0, 1, -1 / 0, 1, [11] = 1 }
      local rows = pane(plot(list, { width = 60, height = 5, color = false }):text(), 5)
      local dots = 0
      for _, line in ipairs(rows) do
        for ch in line:gmatch "\226[\160-\163][\128-\191]" do
          local mask = (ch:byte(2) - 0xa0) * 64 + ch:byte(3) - 0x80
          while mask > 0 do
            dots = dots + mask % 2
            mask = math.floor(mask / 2)
          end
        end
      end
      assert.equal(5, dots)
    end)
  end)

  it("never pass the width, and are the same with and without colour", function()
    local names = { "EMA", "合约 long name of a line", "third" }
    for _, width in ipairs { 1, 2, 3, 7, 12, 19, 20, 33, 60, 80, 120, 200 } do
      for _, magnitude in ipairs { 1e-8, 1, 27350, 1e9, 1e15, 1e300 } do
        for _, count in ipairs { 1, 2, 30, 400 } do
          local bars, line, trades = {}, {}, {}
          for i = 1, count do
            local o, c = magnitude * (1 + math.random()), magnitude * (1 + math.random())
            bars[i] = bar(i, o, math.max(o, c), math.min(o, c), c, math.random() * 1e6)
            line[i] = math.random() < 0.9 and c or nil
            trades[i] = { time = bars[i].open_time, price = c, side = i % 2 == 0 and "BUY" or "SELL" }
          end
          local what =
            { bars, trades, [names[1]] = line, [names[2]] = line, [names[3]] = { data = line, pane = "RSI" } }
          local chart = plot(what, { title = "a title that is long enough", width = width })
          local text = chart:text { color = false }
          for _, l in ipairs(lines_of(text)) do
            assert.is_true(text_width.width_of(l) <= width, ("%d: %s"):format(width, l))
          end
          assert.equal(text, (plain(chart:text { color = true }):gsub(" +\n", "\n")))
          assert.equal(text, chart:text { color = false }) -- drawing changes nothing
        end
      end
    end
  end)

  it("draw one value, equal values and none", function()
    for _, list in ipairs { { 3 }, { 5, 5, 5 }, { 0 }, { -2, -2 } } do
      local some = false
      for _, line in ipairs(pane(plot(list, { width = 50, height = 7 }):text { color = false }, 7)) do
        some = some or drawn(line)
      end
      assert.is_true(some)
    end
    assert.equal("nothing to plot", plot({}):text())
    assert.truthy(plot({ 0 / 0, 0 / 0 }):text({ width = 40 }):find("no values", 1, true))
    assert.truthy(
      plot({ { time = START, value = 3 } }):text({ width = 60 }):find("2023-01-01 00:00 UTC", 1, true)
    )
  end)

  it("put a buy below its candle and a sell above, and a line without its warm-up where it ends", function()
    local bars, ema = {}, {}
    for i = 1, 10 do
      bars[i] = bar(i, 100, 110, 90, 100)
    end
    for i = 1, 5 do
      ema[i] = 100
    end
    local trades = {
      { time = bars[3].open_time + 5, price = 100, side = "BUY" },
      { time = bars[7].open_time, price = 100, side = "SELL" },
      { time = START - 1, price = 1e6, side = "BUY" }, -- before the chart: neither drawn nor counted
      { time = START + 10 * HOUR, price = 1e6, side = "BUY" }, -- after it
    }
    local text = plot({ bars, trades, ema = ema, width = 60, height = 10 }):text { color = false }
    local rows = pane(text, 10)
    local function find(glyph)
      for r, line in ipairs(rows) do
        local at = 0
        for ch in line:gmatch "[%z\1-\127\194-\244][\128-\191]*" do
          if ch == glyph then return r, at end
          at = at + 1
        end
      end
    end
    local sell_row, sell_column = find "▼"
    local buy_row, buy_column = find "▲"
    assert.same({ 1, 10 }, { sell_row, buy_row })
    assert.same({ 6 * 3 + 1, 2 * 3 + 1 }, { sell_column, buy_column })
    local line_row
    for r, line in ipairs(rows) do
      if line:find "\226[\160-\163]" then line_row = line_row or r end
    end
    assert.is_not_nil(line_row)
    local at = 0
    for ch in rows[line_row]:gmatch "[%z\1-\127\194-\244][\128-\191]*" do
      if ch:find "^\226[\160-\163]" then break end
      at = at + 1
    end
    assert.is_true(at >= 5 * 3) -- five values beside ten bars: the last five
    assert.truthy(text:find("a ema", 1, true))
  end)

  it("say what cannot be drawn, where it was asked", function()
    local function problem(...)
      local ok, err = pcall(plot, ...)
      assert.is_false(ok)
      return tostring(err)
    end
    assert.truthy(problem(nil, "rate limit"):find("plot has nothing to draw: rate limit", 1, true))
    assert.truthy(problem("x"):find("this is a string", 1, true))
    assert.truthy(problem({ { 1, 2 }, wrong = { {} } }):find("'wrong' is none of them", 1, true))
    assert.truthy(problem({ 1 }, { width = 0 }):find("width is a whole number from 1 to 1000", 1, true))
  end)

  it(
    "are there in a script, and without colour where no terminal is; the equity is drawn there only when asked for",
    function()
      local folder = run.folder()
      local script = run.write(
        folder .. "/s.lua",
        [[
      return { symbols = { "BTCUSDT" }, on_stop = function()
        print(plot { 1, 2, 3 })
        print(getmetatable(plot { 1 }), getmetatable(plot))
      end }]]
      )
      local r = run.moontide { "backtest", script, "--synthetic", "1", "--bars", "20", "--quiet" }
      local asked =
        run.moontide { "backtest", script, "--synthetic", "1", "--bars", "20", "--quiet", "--plot" }
      run.remove(folder)
      assert.equal(0, r.status, r.err)
      assert.truthy(r.out:find("3 values", 1, true))
      assert.truthy(r.out:find("false\tfalse", 1, true))
      assert.is_nil(r.out:find("\27", 1, true))
      assert.is_nil(r.out:find("equity (USDT)", 1, true)) -- piped: the result alone
      assert.truthy(asked.out:find("equity (USDT)", 1, true))
      assert.equal(r.out, asked.out:sub(1, #r.out))
    end
  )
end)
