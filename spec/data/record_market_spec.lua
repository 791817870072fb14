-- `moontide record` against the local exchange over real sockets: what is written is what came, what did not come is told, and a
-- killed writer leaves whole what it had written.
local cjson = require "cjson"
local ffi = require "ffi"
local host = require "moontide.lua_host"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"
local segments = require "moontide.data.segments"
local sequences = require "moontide.data.sequences"
local wait = require "spec.support.wait"
local C = require "spec.support.c"

local function items(path)
  local list = {}
  local problem = segments.read(
    path,
    function(kind, time_us, text) list[#list + 1] = { kind = kind, time_us = time_us, text = text } end
  )
  return list, problem
end

local function of_folder(folder) return segments.chosen { "info", folder } end

local function update(first, last, before)
  return { e = "depthUpdate", s = "BTCUSDT", U = first, u = last, pu = before }
end

describe("the chain of a book", function()
  it("is known by a snapshot that the first update straddles, or follows", function()
    for _, id in ipairs { 12, 15, 10 } do
      local s = sequences.new()
      s:message(update(5, 9, 4))
      s:message(update(11, 15, 10))
      local known = s:snapshot("BTCUSDT", id)
      assert.same({ known = "book", symbol = "BTCUSDT", lastUpdateId = id }, known.fields)
      assert.same({}, s:wanted())
    end
  end)

  it("asks again for a snapshot that is too old, and waits for one that is ahead", function()
    local s = sequences.new()
    s:message(update(11, 15, 10))
    assert.is_nil(s:snapshot("BTCUSDT", 9))
    assert.same({ "BTCUSDT" }, s:wanted())
    assert.is_nil(s:snapshot("BTCUSDT", 18))
    assert.same({}, s:wanted())
    local gap, known = s:message(update(17, 20, 15))
    assert.is_nil(gap)
    assert.equal(18, known.fields.lastUpdateId)
  end)

  it("breaks where an update names another one before it, and wants a snapshot then", function()
    local s = sequences.new()
    s:message(update(11, 15, 10))
    s:snapshot("BTCUSDT", 12)
    local gap = s:message(update(21, 25, 20))
    assert.same({ gap = "chain", event = "depthUpdate", symbol = "BTCUSDT", last = 15, pu = 20 }, gap.fields)
    assert.same({ "BTCUSDT" }, s:wanted())
    assert.equal("repeated", s:message(update(21, 25, 20)).fields.gap)
  end)

  it("counts the ids of trades", function()
    local s = sequences.new()
    assert.is_nil(s:message { e = "aggTrade", s = "BTCUSDT", a = 7 })
    assert.is_nil(s:message { e = "aggTrade", s = "BTCUSDT", a = 8 })
    assert.is_nil(s:message { e = "aggTrade", s = "ETHUSDT", a = 3 })
    assert.same(
      { gap = "ids", event = "aggTrade", symbol = "BTCUSDT", last = 8, next = 11 },
      s:message({ e = "aggTrade", s = "BTCUSDT", a = 11 }).fields
    )
    assert.equal("repeated", s:message({ e = "aggTrade", s = "BTCUSDT", a = 11 }).fields.gap)
  end)
end)

describe("moontide record", function()
  local exchange, folder
  before_each(function() folder = run.folder() end)
  after_each(function()
    if exchange then exchange:stop() end
    exchange = nil
    run.remove(folder)
  end)

  local function record(arguments)
    local words = { "record", "BTCUSDT", "--url", exchange.url, "--to", folder .. "/m" }
    for _, a in ipairs(arguments) do
      words[#words + 1] = a
    end
    return run.moontide(words)
  end

  -- Every update of depth in a segment lies on the chain, from its snapshot on.
  local function check_book(list)
    local s, known = sequences.new(), 0
    for _, item in ipairs(list) do
      if item.kind == C.MARKET_MESSAGE then
        local message = cjson.decode(item.text)
        local gap, k = s:message(message.data)
        assert.is_nil(gap)
        known = known + (k and 1 or 0)
      elseif item.kind == C.MARKET_SNAPSHOT then
        local snapshot = cjson.decode(item.text)
        known = known + (s:snapshot(snapshot.symbol, snapshot.depth.lastUpdateId) and 1 or 0)
      end
    end
    return known
  end

  it("writes what comes, with a snapshot to each book, in segments that are read alone", function()
    exchange = lx.start { "--symbols", "BTCUSDT" }
    local r =
      record { "--streams", "depth,aggTrades,bookTicker", "--events", "600", "--rotate-size", "0.004" }
    assert.equal("", r.err)
    assert.equal(0, r.status)
    local list, messages = of_folder(folder .. "/m"), 0
    assert.is_true(#list > 1)
    local first = items(list[1])
    assert.equal(C.MARKET_ABOUT, first[1].kind)
    assert.equal(1, check_book(first))
    for _, path in ipairs(list) do
      local all, problem = items(path)
      assert.is_nil(problem)
      for _, item in ipairs(all) do
        messages = messages + (item.kind == C.MARKET_MESSAGE and 1 or 0)
        assert.are_not.equal(C.MARKET_GAP, item.kind)
      end
    end
    assert.equal(600, messages)
    local out = folder .. "/all.jsonl"
    assert.equal(0, run.moontide({ "data", "export", folder .. "/m", "--out", out }).status)
    local again = 0
    for line in io.lines(out) do
      again = again + (cjson.decode(line).item == "message" and 1 or 0)
    end
    assert.equal(600, again)
    assert.equal(0, run.moontide({ "data", "doctor", folder .. "/m" }).status)
  end)

  it("tells of messages that were left out, and of connections that were cut", function()
    local faults = folder .. "/faults.lua"
    run.write(
      faults,
      [[return { { fault = "stream_gap", class = "market", share = 0.05 },
        { fault = "stream_drop", class = "market", share = 0.005, most = 2 } }]]
    )
    exchange = lx.start { "--symbols", "BTCUSDT", "--faults", faults }
    local r = record { "--streams", "depth,aggTrades", "--events", "400" }
    assert.equal(0, r.status, r.err)
    local kinds = {}
    for _, path in ipairs(of_folder(folder .. "/m")) do
      for _, item in ipairs((items(path))) do
        if item.kind == C.MARKET_GAP then kinds[cjson.decode(item.text).gap] = true end
      end
    end
    assert.is_true(kinds.chain or kinds.ids)
    assert.equal(1, run.moontide({ "data", "doctor", folder .. "/m" }).status)
  end)

  it("ends with the reason when the disk takes no more, and keeps what it took", function()
    exchange = lx.start { "--symbols", "BTCUSDT" }
    -- A file of 8 KB (of 16 where sh is bash) is as full as a disk.
    os.execute(
      ("trap '' XFSZ; ulimit -f 16; exec '%s' record BTCUSDT --streams bookTicker,aggTrades --url %s --to %s/m >%s/out 2>%s/err </dev/null"):format(
        host.exe,
        exchange.url,
        folder,
        folder,
        folder
      )
    )
    assert.is_truthy(run.read(folder .. "/err"):find "%.market does not hold everything: File too large")
    local list, problem = items(of_folder(folder .. "/m")[1])
    if list[1] then assert.equal(C.MARKET_ABOUT, list[1].kind) end -- else its first frame was larger
    assert.is_truthy(problem:find "is cut off at byte %d+")
  end)

  it("leaves whole what was written when it is killed", function()
    exchange = lx.start { "--symbols", "BTCUSDT" }
    local pipe = io.popen(
      ("exec '%s' record BTCUSDT --url %s --to %s/m >/dev/null 2>&1 </dev/null & echo $!"):format(
        host.exe,
        exchange.url,
        folder
      )
    )
    local pid = tonumber(pipe:read "*l")
    pipe:close()
    -- Bytes alone do not tell: a snapshot has thousands, and the frame that is being written may not be whole.
    wait.till("some messages on disk", function()
      local list = of_folder(folder .. "/m")
      if not list or #run.read(list[1]) <= 4000 then return false end
      local readable, written = pcall(items, list[1])
      return readable and #written > 10
    end)
    ffi.C.kill(pid, 9)
    wait.till_ended(pid)
    local path = of_folder(folder .. "/m")[1]
    local whole = items(path)
    assert.is_true(#whole > 10)
    -- Cut at other places: what is read is always the beginning of what was there.
    local bytes, cut = run.read(path), folder .. "/cut.market"
    for size = 64, #bytes - 1, math.max(1, math.floor(#bytes / 60)) do
      run.write(cut, bytes:sub(1, size))
      local good, list = pcall(items, cut)
      if good then
        for i, item in ipairs(list) do
          assert.same(whole[i], item)
        end
      end
    end
    run.write(cut, bytes:sub(1, #bytes - 3))
    local r = run.moontide { "data", "info", cut }
    assert.equal(0, r.status)
    assert.is_truthy(r.out:find("cut.market is cut off at byte ", 1, true))
    local middle = math.floor(#bytes / 2)
    local flipped = string.char((bytes:byte(middle) + 1) % 256)
    run.write(cut, bytes:sub(1, middle - 1) .. flipped .. bytes:sub(middle + 1))
    r = run.moontide { "data", "doctor", cut }
    assert.equal(1, r.status)
    run.write(cut, "time,price\n1,2\n")
    r = run.moontide { "data", "export", cut, "--out", folder .. "/x.csv" }
    assert.equal(1, r.status)
    assert.is_truthy(r.err:find("cut.market is ", 1, true))
    assert.is_nil(host.file_mode(folder .. "/x.csv"))
  end)
end)
