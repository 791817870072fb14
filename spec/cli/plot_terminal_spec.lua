local pty = require "spec.support.pty"
local run = require "spec.support.run"
local text_width = require "moontide.text_width"

-- What `moontide backtest` writes to a terminal.
local function backtest(more, o)
  local words = { "backtest", run.root .. "/strategies/ema_cross.lua", "--synthetic", "3", "--bars", "20000" }
  for _, word in ipairs(more) do
    words[#words + 1] = word
  end
  o.home, o.rows = run.folder(), 60
  local p = pty.start(words, o)
  local status = p:wait(60)
  p:take(0)
  local seen = p.seen:gsub("\r", "")
  p:kill()
  run.remove(o.home)
  assert.equal(0, status, seen)
  return seen
end

local function plain(text) return (text:gsub("\27%[[%d;]*[mK]", "")) end

describe("charts at a terminal", function()
  for _, width in ipairs { 60, 133 } do
    it("take its width and colours: a backtest of " .. width .. " columns", function()
      local seen = backtest({}, { columns = width, environment = { NO_COLOR = "" } })
      local chart = seen:match "(\27%[1mequity %(USDT%).-)\n%d+ bars in"
      assert.is_not_nil(chart, seen)
      local widest = 0
      for line in plain(chart):gmatch "[^\n]+" do
        widest = math.max(widest, text_width.width_of(line))
      end
      assert.is_true(widest <= width)
      assert.is_true(widest > math.min(width, 120) - 8) -- all of it, but no more than 120
      assert.truthy(chart:find("\27[33m", 1, true)) -- the line
    end)
  end

  it("have no colour where NO_COLOR is set, and are left out by --quiet", function()
    local seen = backtest({}, { columns = 80 })
    assert.truthy(seen:find("\nequity (USDT)  2023-01-04 00:00 to ", 1, true))
    assert.is_nil(seen:find "\27%[[%d;]*m")
    seen = backtest({ "--quiet" }, { columns = 80 })
    assert.truthy(seen:find("final equity", 1, true))
    assert.is_nil(seen:find("equity (USDT)", 1, true))
  end)

  it("end the REPL's :report, and are what an expression shows", function()
    local home = run.folder()
    local p = pty.start({
      "repl",
      run.root .. "/strategies/ema_cross.lua",
      "--synthetic",
      "3",
      "--bars",
      "20000",
    }, { home = home, columns = 90, rows = 60 })
    p:wait_for "00:00>"
    p:enter ":run 2023-01-06"
    local text = p:enter ":report"
    assert.truthy(text:find("equity (USDT)  2023-01-04 00:00 to 2023-01-06 00:00 UTC", 1, true), text)
    text = p:enter 'plot{ { 1, 2, 3 }, title = "three" }'
    assert.truthy(text:find("\nthree\nlast 3 (+200.00 %)  high 3  low 1  3 values\n", 1, true), text)
    text = p:enter 'plot(nil, "no bars")'
    assert.truthy(text:find("plot has nothing to draw: no bars", 1, true), text)
    p:kill()
    run.remove(home)
  end)
end)
