local ffi = require "ffi"
local C = require "spec.support.c"
local host = require "moontide.lua_host"
local live_run = require "spec.support.live_run"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"
local wait = require "spec.support.wait"

ffi.cdef "unsigned geteuid(void);"

local S = 1000000
local LIMIT = 1000

local function directory()
  local dir = os.tmpname()
  os.remove(dir)
  assert(os.execute("mkdir " .. dir))
  return dir
end

local function open(dir, name)
  local message = ffi.new "struct errmsg"
  local s = C.shared_budget_open(dir, name, 5000, message)
  return s ~= nil and s or nil, ffi.string(message.text)
end

-- What is done with a budget is done under its lock.
local function held(s, fn)
  local lock = C.shared_budget_lock(s)
  lock.enter(lock.ctx)
  fn(C.shared_budget_get(s))
  lock.leave(lock.ctx)
end

-- Sums the sendings of all processes by window of the machine's clock.
local function by_window(outputs)
  local windows = {}
  for _, text in ipairs(outputs) do
    for at in text:gmatch "%d+" do
      local w = math.floor(tonumber(at) / S)
      windows[w] = (windows[w] or 0) + 1
    end
  end
  local list = {}
  for w, n in pairs(windows) do
    list[#list + 1] = { w, n }
  end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

describe("shared budget", function()
  local dir
  before_each(function() dir = directory() end)
  after_each(function() os.execute("rm -rf " .. dir) end)

  it("counts its members and gives seats back", function()
    local a = assert(open(dir, "x"))
    local b = assert(open(dir, "x"))
    assert.equal(2, C.shared_budget_members(a))
    C.shared_budget_close(b)
    assert.equal(1, C.shared_budget_members(a))
    C.shared_budget_close(a)
  end)

  it("goes on, alone if need be, whatever a spoiled file says of who has what under way", function()
    local member, members = ffi.sizeof "struct budget_member", ffi.offsetof("struct budget", "members")
    local head = 32 -- of the file, before the budget
    local function spoil(at, bytes)
      local file = assert(io.open(("%s/moontide-%d-x.budget"):format(dir, ffi.C.geteuid()), "r+b"))
      file:seek("set", at)
      file:write(bytes)
      file:close()
    end
    local function number(n) return ffi.string(ffi.new("int64_t[1]", n), 8) end
    local owner = ffi.offsetof("struct budget_member", "owner")
    local outstanding = ffi.offsetof("struct budget_member", "outstanding")
    -- A seat of nobody's with something under way; one of a dead process with more than all together.
    for _, who in ipairs { 0, 77 } do
      local a = assert(open(dir, "x"))
      C.shared_budget_close(a)
      spoil(head + members + 3 * member + owner, number(who))
      spoil(head + members + 3 * member + outstanding, number(50))
      spoil(head + ffi.offsetof("struct budget", "seats"), ffi.string(ffi.new("int32_t[1]", 4), 4))
      local b, problem = open(dir, "x")
      assert.is_true(b ~= nil or problem:find "damaged" ~= nil, problem)
      if b then
        assert.equal(1, C.shared_budget_members(b))
        C.shared_budget_close(b)
      end
      os.execute("rm -f " .. dir .. "/*")
    end
    -- The books of one who lives.
    local a = assert(open(dir, "x"))
    local cost, mine = ffi.new("int32_t[?]", C.LIMIT_KIND_COUNT), C.shared_budget_member(a)
    cost[0] = 3
    held(a, function(budget) C.budget_take(budget, mine, cost, 1 * S) end)
    spoil(head + members + mine * member + outstanding, number(1))
    held(a, function(budget) C.budget_done(budget, mine, cost, 2 * S) end)
    assert.truthy(ffi.string(C.shared_budget_problem(a)):find "damaged")
    C.shared_budget_close(a)
  end)

  it("remembers what was spent when all are gone", function()
    local now = math.floor(host.monotonic() * 1e6)
    local cost = ffi.new("int32_t[?]", C.LIMIT_KIND_COUNT)
    cost[C.LIMIT_WEIGHT] = 7
    local a = assert(open(dir, "x"))
    held(a, function(budget)
      C.limiter_set(budget.limiter, C.LIMIT_WEIGHT, 86400 * S, 10, 0, now)
      C.budget_take(budget, C.shared_budget_member(a), cost, now)
    end)
    C.shared_budget_close(a)
    local b = assert(open(dir, "x"))
    assert.equal(7, C.limiter_used(C.shared_budget_get(b).limiter, 0))
    C.shared_budget_close(b)
  end)

  it("removes files in which nobody sits and whose windows are long past, and no others", function()
    local uid = io.popen "id -u":read "*l"
    local function there(name)
      return host.file_mode(("%s/moontide-%s-%s.budget"):format(dir, uid, name)) ~= nil
    end
    local now = math.floor(host.monotonic() * 1e6)
    local cost = ffi.new("int32_t[?]", C.LIMIT_KIND_COUNT)
    cost[C.LIMIT_WEIGHT] = 7
    local function spend(name, interval, at)
      local s = assert(open(dir, name))
      held(s, function(budget)
        C.limiter_set(budget.limiter, C.LIMIT_WEIGHT, interval, 10, 0, at)
        C.budget_take(budget, C.shared_budget_member(s), cost, at)
        C.budget_done(budget, C.shared_budget_member(s), cost, at)
      end)
      return s
    end
    C.shared_budget_close(spend("long-ago", 60 * S, now - 300 * S))
    C.shared_budget_close(spend("just-now", 60 * S, now))
    C.shared_budget_close(spend("today", 86400 * S, now - 300 * S))
    local banned = spend("banned", 60 * S, now - 300 * S)
    held(banned, function(budget) C.limiter_gate(budget.limiter, now + 600 * S) end)
    C.shared_budget_close(banned)
    local sat_in = spend("sat-in", 60 * S, now - 300 * S)
    run.write(("%s/moontide-%s-other.budget"):format(dir, uid), "of another version")
    -- One whose holder was killed in its seat.
    local pipe = io.popen(
      ("exec '%s' script spec/support/budget_member.lua %s 600 1000 </dev/null 2>&1 & echo $!"):format(
        host.exe,
        dir
      )
    )
    local holder = tonumber(pipe:read "*l")
    wait.till("it to sit", function() return there "spec" and run.read(dir .. "/seated") ~= "" end)
    ffi.C.kill(holder, 9)
    pipe:close()
    wait.till_ended(holder)
    os.remove(dir .. "/seated")
    assert.is_true(there "spec")
    local s = assert(open(dir, "x"))
    for name, stays in pairs {
      ["long-ago"] = false,
      ["just-now"] = true,
      today = true,
      banned = true,
      ["sat-in"] = true,
      other = true,
      x = true,
    } do
      assert.equal(stays, there(name), name)
    end
    -- The dead one's seat is given back, and what it had under way is spent for as long as it may count.
    lx.wait_for("the dead one's file to go", function()
      C.shared_budget_close(s)
      s = assert(open(dir, "x"))
      return not there "spec"
    end)
    C.shared_budget_close(s)
    C.shared_budget_close(sat_in)
    C.shared_budget_close((assert(open(dir, "y"))))
    assert.is_false(there "sat-in")
  end)

  it(
    "is nothing that its users depend on: spoiled, cut off or held for ever, each goes on with its own share",
    function()
      local uid = io.popen("id -u"):read "*l"
      local cost = ffi.new("int32_t[?]", C.LIMIT_KIND_COUNT)
      cost[C.LIMIT_WEIGHT] = 1
      local path = ("%s/moontide-%s-x.budget"):format(dir, uid)
      local function spoil(from, to, byte)
        local file = assert(io.open(path, "r+b"))
        file:seek("set", from)
        file:write(string.char(byte):rep(to - from))
        file:close()
      end
      local ways = {
        all_ones = function() spoil(16, 5648, 255) end,
        all_zero = function() spoil(0, 5648, 0) end,
        emptied = function() assert(io.open(path, "w")):close() end,
        cut_off = function() os.execute(("truncate -s 100 '%s'"):format(path)) end,
        longer = function() spoil(5648, 9000, 255) end,
      }
      local size = C.shared_budget_open(dir, "size", 5000, ffi.new "struct errmsg")
      C.shared_budget_close(size)
      -- And every eighth byte by itself.
      for at = 0, 2100, 8 do
        ways["byte " .. at] = function() spoil(at, at + 8, 255) end
        ways["sign " .. at] = function() spoil(at + 7, at + 8, 127) end
      end
      for name, spoil_it in pairs(ways) do
        os.remove(path)
        local a, b = assert(open(dir, "x")), assert(open(dir, "x"))
        local now = math.floor(host.monotonic() * 1e6)
        for _, s in ipairs { a, b } do
          held(s, function(budget)
            C.limiter_set(budget.limiter, C.LIMIT_WEIGHT, 60 * S, 100, 0, now)
            C.budget_take(budget, C.shared_budget_member(s), cost, now)
          end)
        end
        spoil_it()
        local waits = {}
        for i, s in ipairs { a, b } do
          held(s, function(budget)
            waits[i] = tonumber(
              C.budget_wait_us(budget, C.shared_budget_member(s), cost, C.PRIORITY_CRITICAL, now, nil)
            )
            if waits[i] == 0 then C.budget_take(budget, C.shared_budget_member(s), cost, now) end
            C.budget_done(budget, C.shared_budget_member(s), cost, now)
          end)
          assert.is_true(waits[i] < 200 * S, name .. ": waits " .. waits[i])
        end
        C.shared_budget_close(a)
        C.shared_budget_close(b)
      end
      -- Held by a process that was stopped in the middle.
      os.remove(path)
      local a, b = assert(open(dir, "x")), assert(open(dir, "x"))
      local lock = C.shared_budget_lock(b)
      lock.enter(lock.ctx)
      held(a, function(budget)
        local now = math.floor(host.monotonic() * 1e6)
        assert.equal(
          0,
          tonumber(C.budget_wait_us(budget, C.shared_budget_member(a), cost, C.PRIORITY_CRITICAL, now, nil))
        )
      end)
      assert.truthy(ffi.string(C.shared_budget_problem(a)):find "held them for too long")
      assert.equal(nil, C.shared_budget_problem(b) ~= nil or nil)
      lock.leave(lock.ctx)
      C.shared_budget_close(a)
      C.shared_budget_close(b)
    end
  )

  it("is one for all who open it while others sweep", function()
    local script = run.write(
      dir .. "/opens.lua",
      [[
      local ffi, C, host = require "ffi", require "moontide.core", require "moontide.lua_host"
      local message = ffi.new "struct errmsg"
      local dir, name, count = ...
      for _ = 1, tonumber(count) do
        local s = C.shared_budget_open(dir, name, 5000, message)
        assert(s ~= nil, ffi.string(message.text))
        -- While it sits there, whoever opens the same name finds it.
        assert(C.shared_budget_members(s) >= 1)
        local again = C.shared_budget_open(dir, name, 5000, message)
        assert(C.shared_budget_members(again) >= 2)
        assert(C.shared_budget_members(s) >= 2)
        C.shared_budget_close(again)
        C.shared_budget_close(s)
      end
      print "through" ]]
    )
    local pipes = {}
    for i = 1, 4 do
      pipes[i] = io.popen(("'%s' script %s %s n%d 400 2>&1"):format(host.exe, script, dir, i % 2))
    end
    for i = 1, 4 do
      assert.equal("through\n", pipes[i]:read "*a")
      pipes[i]:close()
    end
  end)

  it("refuses names and files that are not its own, saying what is wrong", function()
    local s, text = open(dir, "../x")
    assert.is_nil(s)
    assert.matches("letters, digits", text)
    s, text = open(dir .. "/nowhere", "x")
    assert.is_nil(s)
    assert.matches("No such file", text)
    local file = io.open(("%s/moontide-%d-y.budget"):format(dir, tonumber((io.popen "id -u":read "*l"))), "w")
    file:write "something else"
    file:close()
    os.execute("chmod 600 " .. dir .. "/*")
    s, text = open(dir, "y")
    assert.is_nil(s)
    assert.matches("another version", text)
    os.execute("chmod 644 " .. dir .. "/*")
    s, text = open(dir, "y")
    assert.is_nil(s)
    assert.matches("open to others", text)
  end)

  it("has one clock for all: the first to sit in it names it, and what it remembers moves along", function()
    local a = assert(open(dir, "x"))
    assert.equal(5000, tonumber(C.shared_budget_base(a, 5000)))
    held(a, function(budget) C.limiter_gate(budget.limiter, 9000) end)
    local b = assert(open(dir, "x"))
    assert.equal(5000, tonumber(C.shared_budget_base(b, 7000)))
    C.shared_budget_close(a)
    assert.equal(7500, tonumber(C.shared_budget_base(b, 7500)))
    assert.equal(11500, tonumber(C.shared_budget_get(b).limiter.gate_us))
    C.shared_budget_close(b)
    -- Two that come at once: neither sits alone when it asks.
    a, b = assert(open(dir, "new")), assert(open(dir, "new"))
    assert.equal(6000, tonumber(C.shared_budget_base(a, 6000)))
    assert.equal(6000, tonumber(C.shared_budget_base(b, 7000)))
    C.shared_budget_close(a)
    C.shared_budget_close(b)
  end)

  it(
    "is what live processes spend from: together they keep the exchange's limit, and a ban is known to all",
    function()
      local x = lx.start { "--symbols", "BTCUSDT", "--wallet", "1000000" }
      -- Each alone would spend 1500 of the 2400 a minute has.
      local script = [[ return { symbols = { "BTCUSDT" }, on_start = function()
      local done, failed = 0, 0
      local tasks = {}
      for i = 1, 4 do tasks[i] = api.spawn(function()
        for _ = 1, 75 do
          local t, err = api.get_order_book { symbol = "BTCUSDT", limit = 500, share = false, timeout = 5 }
          if t then done = done + 1 else failed = failed + 1 if err.status == 429 or err.status == 418 then print("BANNED") end end
        end
      end) end
      api.all(tasks)
      print("done", done, failed) io.stdout:flush()
    end } ]]
      local r = live_run.start(x, { a = script, b = script })
      finally(function()
        r:close()
        x:stop()
      end)
      lx.wait_for("both to be through", function() return select(2, r:out():gsub("done	", "")) == 2 end)
      assert.falsy(r:out():find "BANNED", r:out())
      local refused, spent = 0, 0
      for _, e in ipairs(x:audit("?limit=100000").entries) do
        if e.status == 429 or e.status == 418 then refused = refused + 1 end
      end
      for done in r:out():gmatch "done	(%d+)" do
        spent = spent + 10 * tonumber(done)
      end
      assert.equal(0, refused)
      assert.is_true(spent > 2000, "spent " .. spent)
    end
  )

  it("holds one limit over twenty processes, of which some are killed", function()
    local pipes, outputs = {}, {}
    for i = 1, 20 do
      local kill = i <= 4 and ("timeout -s KILL 1.%d "):format(i) or "" -- in whatever moment that is
      pipes[i] = io.popen(
        ("%s%s script spec/support/budget_member.lua %s 4 %d 2>&1"):format(kill, host.exe, dir, LIMIT)
      )
    end
    for i = 1, 20 do
      outputs[i] = pipes[i]:read "*a"
      pipes[i]:close()
      if i > 4 then assert.is_nil(outputs[i]:find "moontide", outputs[i]) end
    end
    local windows = by_window(outputs)
    assert.is_true(#windows >= 4)
    for i, w in ipairs(windows) do
      assert.is_true(w[2] <= LIMIT, ("window %d: %d sent"):format(i, w[2]))
    end
    -- The killed ones print nothing, so only the windows after their end are whole.
    local most = 0
    for i = 3, #windows do
      most = math.max(most, windows[i][2])
    end
    assert.is_true(most >= 0.95 * LIMIT, ("only %d sent in a second"):format(most))
    local s = assert(open(dir, "spec"))
    assert.equal(1, C.shared_budget_members(s))
    C.shared_budget_close(s)
  end)
end)
