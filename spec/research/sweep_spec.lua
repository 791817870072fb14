-- `moontide sweep` as a user runs it.
local cjson = require "cjson"
local run = require "spec.support.run"

local script = [[
local ta = require "moontide.ta"
return {
  symbols = { "BTCUSDT" }, interval = "1m",
  params = { fast = { 12, min = 2, max = 60 }, slow = { 26, min = 5, max = 240 } },
  on_start = function(self) self.fast, self.slow, self.want = ta.ema(self.params.fast), ta.ema(self.params.slow), 0 end,
  on_bar = function(self, bar)
    local fast, slow = self.fast(bar.close), self.slow(bar.close)
    if not slow then return end
    local want = fast > slow and 0.01 or -0.01
    local delta = want - self:position(bar.symbol)
    if math.abs(delta) > 1e-9 then
      api.create_order{ symbol = bar.symbol, side = delta > 0 and "BUY" or "SELL", type = "MARKET",
                        quantity = math.abs(delta) }
    end
  end,
}
]]

describe("moontide sweep", function()
  local folder

  before_each(function()
    folder = run.folder()
    local file = assert(io.open(folder .. "/s.lua", "wb"))
    file:write(script)
    file:close()
  end)

  after_each(function() run.remove(folder) end)

  local function sweep(...)
    return run.moontide({
      "sweep",
      "s.lua",
      "--synthetic=3",
      "--bars=4000",
      "--results=ledger.db",
      ...,
    }, nil, folder)
  end

  local grid = { "--set=fast=5..15:5", "--set=slow=10..40:10", "--where=fast < slow" }

  it("gives the same table twice, on one process and on three", function()
    local one = sweep(grid[1], grid[2], grid[3], "--json=-", "--jobs=1")
    local three = sweep(grid[1], grid[2], grid[3], "--json=-", "--jobs=3", "--results=other.db")
    assert.are.equal(0, one.status, one.err)
    assert.are.equal(one.out, three.out)
    local document = cjson.decode(one.out)
    assert.are.equal(10, #document.trials) -- 3 x 4 less (10, 10) and (15, 10)
    for i = 2, 10 do
      assert(document.trials[i - 1].score >= document.trials[i].score)
    end
    assert.are.equal(10, document.verdict.trials)
  end)

  it("a trial comes to what the backtest of these parameters comes to", function()
    local document = cjson.decode(sweep(grid[1], grid[2], grid[3], "--json=-").out)
    local best = document.trials[1]
    local alone = run.moontide({
      "backtest",
      "s.lua",
      "--synthetic=3",
      "--bars=4000",
      "--json=-",
      "--set=fast=" .. best.params.fast,
      "--set=slow=" .. best.params.slow,
    }, nil, folder)
    local result = cjson.decode(alone.out)
    for _, name in ipairs { "net_profit", "sharpe", "trades", "fees", "max_drawdown" } do
      assert.are.equal(result[name], best.result[name], name)
    end
    assert.are.equal(result.fingerprint.trades, best.result.trades_fingerprint)
  end)

  it("goes on where it was ended, and keeps count of all trials ever", function()
    assert.are.equal(0, sweep("--set=fast=5", "--set=slow=20,30", "--quiet").status)
    local sqlite = io.popen(("cp %s/ledger.db %s/before.db"):format(folder, folder))
    sqlite:close()
    local more = sweep("--set=fast=5", "--set=slow=20,30,40", "--resume", "--json=-")
    assert.are.equal(0, more.status, more.err)
    local document = cjson.decode(more.out)
    assert.are.equal(3, #document.trials)
    assert.are.equal(3, document.verdict.trials)
    -- The script's text changes: its trials are new ones, and the count goes on.
    local file = assert(io.open(folder .. "/s.lua", "ab"))
    file:write "-- another version\n"
    file:close()
    local again = cjson.decode(sweep("--set=fast=5", "--set=slow=20", "--json=-").out)
    assert.are.equal(4, again.verdict.trials)
  end)

  it("shards of several machines come to the whole", function()
    local whole = cjson.decode(sweep(grid[1], grid[2], grid[3], "--json=-", "--results=whole.db").out)
    assert.are.equal(0, sweep(grid[1], grid[2], grid[3], "--shard=1/2", "--results=a.db").status)
    assert.are.equal(0, sweep(grid[1], grid[2], grid[3], "--shard=2/2", "--results=b.db").status)
    local merged = run.moontide({ "sweep", "merge", "b.db", "--results=a.db" }, nil, folder)
    assert.are.equal(0, merged.status, merged.err)
    assert.matches("b.db: 5 trials", merged.out)
    local all = cjson.decode(sweep(grid[1], grid[2], grid[3], "--resume", "--json=-", "--results=a.db").out)
    assert.are.same(whole.trials, all.trials)
  end)

  it("walk-forward: what is chosen in training is run on the window behind it", function()
    local r = sweep(
      grid[1],
      grid[2],
      "--train=12h",
      "--test=6h",
      "--embargo=1h",
      "--json=-",
      "--objective=net_profit"
    )
    assert.are.equal(0, r.status, r.err)
    local w = cjson.decode(r.out).walk_forward
    -- 4000 minutes: windows begin at 0, 6, 12... hours while 19 hours behind them are in the 66.7 hours there are.
    assert.are.equal(8, #w.windows)
    for i, row in ipairs(w.windows) do
      assert.are.equal(12 * 3600000, row.train_to - row.train_from)
      assert.are.equal(3600000, row.test_from - row.train_to)
      if i > 1 then assert.are.equal(w.windows[i - 1].test_to, row.test_from) end
      local fast, slow = row.params:match "fast=(%d+) slow=(%d+)"
      local alone = run.moontide({
        "backtest",
        "s.lua",
        "--synthetic=3",
        "--bars=4000",
        "--json=-",
        ("--from=%d"):format(row.test_from),
        ("--to=%d"):format(row.test_to),
        "--set=fast=" .. fast,
        "--set=slow=" .. slow,
      }, nil, folder)
      if i <= 2 then assert.are.equal(cjson.decode(alone.out).net_profit, row.test.net_profit) end
      if i == 2 then break end
    end
  end)

  it("says what is wrong in one line", function()
    for _, case in ipairs {
      { { "--set=fsat=1..3" }, "--set fsat: s.lua has no such parameter; it has: fast, slow" },
      { { "--set=fast=3..1" }, "the range ends before it begins" },
      { { "--set=fast=5..6", "--where=fast >" }, "--where fast >" },
      { { "--set=fast=5..6", "--where=fast > 9" }, "no combination is left" },
      { { "--set=fast=5..6", "--method=random" }, "--method random needs --trials N" },
      { { "--set=fast=5..6", "--shard=3/2" }, "--shard 3/2: expected I/N" },
      { { "--set=fast=5..6", "--train=10d" }, "--train needs --test" },
    } do
      local r = sweep(unpack(case[1]))
      assert.are.equal(2, r.status, r.err .. r.out)
      assert.truthy(r.err:find(case[2], 1, true), r.err)
      assert.are.equal(1, select(2, r.err:gsub("\n", "")), r.err)
    end
    local file = assert(io.open(folder .. "/broken.db", "wb"))
    file:write "this is no database of SQLite's, but a text that stands in its place"
    file:close()
    local r = sweep("--set=fast=5..6", "--results=broken.db")
    assert.are.equal(1, r.status)
    assert.matches("broken.db: file is not a database", r.err)
  end)
end)
