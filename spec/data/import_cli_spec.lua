local run = require "spec.support.run"

describe("importing bars", function()
  local folder
  local rows = {}
  for i = 1, 20 do
    rows[i] = { 20000 + i, 20010 + i, 19990 + i, 20005 + i }
  end
  local text = run.csv(rows)

  setup(function() folder = run.folder() end)
  teardown(function() run.remove(folder) end)

  local function info(...)
    local r = run.moontide { "data", "info", ... }
    return r, r.out:match "(%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x)\n"
  end

  it("says of a path that is not there that it is not, and of any other why it cannot be read", function()
    local file = run.write(folder .. "/BTCUSDT-1m-2023-05.csv", text)
    for path, why in pairs {
      [folder .. "/nothing"] = "no such file or folder",
      [file .. "/beyond.csv"] = "no such file or folder",
      [folder .. "/" .. ("x"):rep(300)] = "cannot be read: File name too long",
    } do
      local r = info(path)
      assert.not_equal(0, r.status)
      assert.truthy(r.err:find(path .. ": " .. why, 1, true), r.err)
    end
  end)

  it("reads plain, gzipped and zipped archives, with and without a header, in ms and us, alike", function()
    local bare = text:gsub("^[^\n]*\n", "")
    local us = bare:gsub("(%d%d%d%d%d%d%d%d%d%d%d%d%d),", "%1000,")
    local files = {
      run.write(folder .. "/BTCUSDT-1m-2023-01.csv", text),
      run.write(folder .. "/BTCUSDT-1m-2023-01-bare.csv", bare),
      run.write(folder .. "/BTCUSDT-1m-2023-01-us.csv", us),
    }
    os.execute(
      ("cd '%s' && gzip -k BTCUSDT-1m-2023-01.csv && zip -q BTCUSDT-1m-2023-02.zip BTCUSDT-1m-2023-01.csv"):format(
        folder
      )
    )
    files[4], files[5] = folder .. "/BTCUSDT-1m-2023-01.csv.gz", folder .. "/BTCUSDT-1m-2023-02.zip"
    local _, first = info(files[1])
    assert.is_truthy(first)
    for _, file in ipairs(files) do
      local r, hash = info(file)
      assert.are.equal(0, r.status, r.err)
      assert.are.equal(first, hash, file)
      assert.matches("BTCUSDT%s+1m%s+20 bars", r.out)
    end
  end)

  it("reads any CSV whose header names the columns", function()
    local file = run.write(
      folder .. "/daily.csv",
      "Date,Open,High,Low,Close,Volume\n2004-08-19,100,104.06,95.96,100.34,22351900\n"
        .. "2004-08-20,101.01,109.08,100.5,108.31,11428600\n"
    )
    local r = run.moontide { "data", "info", file, "--symbol", "GOOG" }
    assert.are.equal(0, r.status, r.err)
    assert.matches("GOOG%s+1d%s+2 bars  2004%-08%-19 00:00:00 to 2004%-08%-20", r.out)
  end)

  it("joins files by time, and accepts gaps only when told to", function()
    local sub = folder .. "/parts"
    os.execute("mkdir -p '" .. sub .. "'")
    run.write(sub .. "/BTCUSDT-1m-b.csv", run.csv(rows, 1672531200000 + 20 * 60000))
    run.write(sub .. "/BTCUSDT-1m-a.csv", text)
    local r = run.moontide { "data", "info", sub }
    assert.are.equal(0, r.status, r.err)
    assert.matches("40 bars", r.out)
    run.write(sub .. "/BTCUSDT-1m-c.csv", run.csv(rows, 1672531200000 + 50 * 60000))
    r = run.moontide { "data", "info", sub }
    assert.are.equal(1, r.status)
    assert.matches("BTCUSDT%-1m%-c%.csv", r.err)
    assert.matches("10 bars", r.err)
    r = run.moontide { "data", "info", sub, "--allow-gaps" }
    assert.are.equal(0, r.status, r.err)
    assert.matches("60 bars.*10 gaps", r.out)
  end)

  it("reuses the store, and makes it anew when a source changes", function()
    local store = folder .. "/store"
    local file = run.write(folder .. "/ETHUSDT-1m-2023-01.csv", text)
    local function hash_of()
      return run.moontide({ "data", "info", file, "--store", store }).out:match "(%x+)\n$"
    end
    local first = hash_of()
    local function stamp() return io.popen(("stat -c %%i '%s'/*.mtb"):format(store)):read "*a" end
    local before = stamp()
    assert.are.equal(first, hash_of())
    assert.are.equal(before, stamp())
    run.write(file, (text:gsub("20005", "20006")))
    assert.are_not.equal(first, hash_of())
    assert.are_not.equal(before, stamp())
  end)

  it("makes a market that imports as the same bars", function()
    local out = folder .. "/SOLUSDT-1m-synth.csv.gz"
    local made =
      run.moontide { "data", "synth", "--out", out, "--symbol", "SOLUSDT", "--bars", "3000", "--seed", "5" }
    assert.are.equal(0, made.status, made.err)
    local _, hash = info(out)
    assert.are.equal(made.out:match "(%x+)\n$", hash)
  end)
end)
