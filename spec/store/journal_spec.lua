local ffi = require "ffi"
local C = require "spec.support.c"
local host = require "moontide.lua_host"
local journal = require "spec.support.journal"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

ffi.cdef [[
  struct sqlite3;
  int sqlite3_open(const char *, struct sqlite3 **);
  int sqlite3_exec(struct sqlite3 *, const char *, void *, void *, void *);
  int sqlite3_close(struct sqlite3 *);
  struct moontide_rlimit { unsigned long soft, hard; };
  int moontide_getrlimit(int, struct moontide_rlimit *) __asm__("getrlimit");
  int moontide_setrlimit(int, const struct moontide_rlimit *) __asm__("setrlimit");
  void (*journal_spec_signal(int, void (*)(int)))(int) __asm__("signal");
]]

local FSIZE, SIGXFSZ = 1, 25

-- Runs `fn` while no file of this process may grow beyond a kilobyte.
local function with_full_disk(fn)
  local was, now = ffi.new "struct moontide_rlimit", ffi.new "struct moontide_rlimit"
  local handler = ffi.C.journal_spec_signal(SIGXFSZ, ffi.cast("void (*)(int)", 1)) -- ignored: a write then gives an error
  assert(ffi.C.moontide_getrlimit(FSIZE, was) == 0)
  now.soft, now.hard = 1024, was.hard
  assert(ffi.C.moontide_setrlimit(FSIZE, now) == 0)
  local ok, problem = pcall(fn)
  assert(ffi.C.moontide_setrlimit(FSIZE, was) == 0)
  ffi.C.journal_spec_signal(SIGXFSZ, handler)
  if not ok then error(problem, 0) end
end

describe("journal", function()
  local folder, path
  before_each(function()
    folder = run.folder()
    path = folder .. "/journal.db"
  end)
  after_each(function() run.remove(folder) end)

  it("tells each write once, in order, and carries those of a turn out in one commit", function()
    local j = assert(journal.open(path))
    C.journal_run(j.j, "a.lua", "BTCUSDT", 5)
    for n = 1, 50 do
      j:intend("o-" .. n, n)
    end
    assert.equal(0, #j.told) -- nothing is down before the loop has turned
    j:turn()
    local expected = {}
    for n = 1, 50 do
      expected[n] = n
    end
    assert.same(expected, j.told)
    assert.equal(1, tonumber(C.journal_figures(j.j).commits))
    j:close()
    local rows = journal.orders(path)
    assert.equal(50, #rows)
    assert.same({
      client_id = "o-7",
      state = C.JOURNAL_INTENT,
      status = "",
      symbol = "BTCUSDT",
      side = "BUY",
      endpoint = "POST /fapi/v1/order",
      executed = 0,
      price = 0,
      order_id = 0,
      quantity = 100000,
      made = 1,
      run = 1,
      code = 0,
    }, rows[7])
    assert.equal("600", run.read("/dev/null") and ("%o"):format(host.file_mode(path)))
  end)

  it("keeps what is settled: an answer that comes late undoes nothing", function()
    local j = assert(journal.open(path))
    for n = 1, 5 do
      j:intend("o-" .. n, 0)
    end
    j:settle(
      "o-1",
      C.JOURNAL_ACCEPTED,
      { order_id = 77, status = "FILLED", executed = 100000, price = 5e12, at = 9 }
    )
    j:settle("o-1", C.JOURNAL_ACCEPTED, { order_id = 77, status = "NEW", at = 8 }) -- the reply, behind the stream
    j:settle("o-2", C.JOURNAL_REFUSED, { code = -2019 })
    j:settle("o-3", C.JOURNAL_ABSENT)
    j:intend("o-3", 0, { made = 44 }) -- sent once more
    j:settle("o-4", C.JOURNAL_ACCEPTED, { status = "PARTIALLY_FILLED", executed = 40000, price = 5e12 })
    j:settle("o-4", C.JOURNAL_REFUSED, { code = -1 })
    j:settle("nobody", C.JOURNAL_REFUSED)
    j:turn()
    j:close()
    local rows = journal.orders(path)
    assert.equal(5, #rows)
    assert.same(
      { C.JOURNAL_ACCEPTED, "FILLED", 100000, 77 },
      { rows[1].state, rows[1].status, rows[1].executed, rows[1].order_id }
    )
    assert.same({ C.JOURNAL_REFUSED, -2019 }, { rows[2].state, rows[2].code })
    assert.same({ C.JOURNAL_INTENT, 44 }, { rows[3].state, rows[3].made })
    assert.same(
      { C.JOURNAL_ACCEPTED, "PARTIALLY_FILLED", 40000 },
      { rows[4].state, rows[4].status, rows[4].executed }
    )
    local open = journal.orders(path, true)
    assert.same({ "o-3", "o-4", "o-5" }, { open[1].client_id, open[2].client_id, open[3].client_id })
  end)

  it("a client id used again after its order has ended is another order", function()
    local j = assert(journal.open(path))
    j:intend("mine", 0)
    j:settle("mine", C.JOURNAL_ACCEPTED, { status = "FILLED", executed = 100000 })
    j:intend("mine", 0)
    j:settle("mine", C.JOURNAL_REFUSED, { code = -1111 })
    j:turn()
    j:close()
    local rows = journal.orders(path)
    assert.same({ C.JOURNAL_ACCEPTED, C.JOURNAL_REFUSED }, { rows[1].state, rows[2].state })
  end)

  it("what becomes of an older order of a client id is not taken for what becomes of the last one", function()
    for _, together in ipairs { true, false } do
      path = folder .. (together and "/together.db" or "/apart.db")
      local j = assert(journal.open(path))
      local function next_process()
        if together then return end
        j:turn()
        j:close()
        j = assert(journal.open(path))
      end
      j:intend("mine", 0)
      j:settle("mine", C.JOURNAL_ACCEPTED, { order_id = 100, status = "PARTIALLY_FILLED", executed = 40000 })
      next_process()
      j:intend("mine", 0)
      next_process()
      j:settle("mine", C.JOURNAL_ACCEPTED, { order_id = 100, status = "FILLED", executed = 100000 })
      j:turn()
      local rows = journal.orders(path)
      assert.equal(2, #rows)
      assert.same({ "FILLED", 100000, 100 }, { rows[1].status, rows[1].executed, rows[1].order_id })
      assert.same(
        { C.JOURNAL_INTENT, "", 0, 0 },
        { rows[2].state, rows[2].status, rows[2].executed, rows[2].order_id }
      )
      j:settle("mine", C.JOURNAL_ACCEPTED, { order_id = 101, status = "NEW" })
      j:settle("mine", C.JOURNAL_ACCEPTED, { order_id = 100, status = "FILLED", executed = 100000 })
      j:turn()
      j:close()
      rows = journal.orders(path)
      assert.same(
        { C.JOURNAL_ACCEPTED, "NEW", 0, 101 },
        { rows[2].state, rows[2].status, rows[2].executed, rows[2].order_id }
      )
      assert.same({ "FILLED", 100000, 100 }, { rows[1].status, rows[1].executed, rows[1].order_id })
    end
  end)

  it("of an order that is told of often keeps the last word, also when a commit of it failed", function()
    local j = assert(journal.open(path))
    j:intend("o-1", 0)
    j:settle("o-1", C.JOURNAL_ACCEPTED, { order_id = 7, status = "NEW", at = 1 })
    j:settle(
      "o-1",
      C.JOURNAL_ACCEPTED,
      { order_id = 7, status = "PARTIALLY_FILLED", executed = 30000, price = 5e12, at = 2 }
    )
    j:turn()
    with_full_disk(function()
      j:settle(
        "o-1",
        C.JOURNAL_ACCEPTED,
        { status = "FILLED", executed = 100000, price = 6e12, at = 3, tag = 1 }
      )
      j:intend("o-2", 2)
      j:turn()
    end)
    assert.same({ 1, 2 }, j.errors)
    local row = journal.orders(path)[1]
    assert.same({ "PARTIALLY_FILLED", 30000 }, { row.status, row.executed })
    j:settle("o-1", C.JOURNAL_ACCEPTED, { status = "FILLED", executed = 100000, price = 6e12, at = 3 }) -- told once more
    j:intend("o-2", 0)
    j:settle("o-2", C.JOURNAL_REFUSED, { code = -2019 })
    j:turn()
    j:close()
    local rows = journal.orders(path)
    assert.equal(2, #rows)
    assert.same(
      { "FILLED", 100000, 6e12, 7 },
      { rows[1].status, rows[1].executed, rows[1].price, rows[1].order_id }
    )
    assert.same({ C.JOURNAL_REFUSED, -2019 }, { rows[2].state, rows[2].code })
  end)

  it("knows an order however many came after it", function()
    local j = assert(journal.open(path))
    for n = 1, 1500 do
      j:intend("o-" .. n, 0)
      if n % 100 == 0 then j:turn() end
    end
    for n = 1, 1500, 7 do
      j:settle("o-" .. n, C.JOURNAL_ACCEPTED, { order_id = n, status = "FILLED", executed = n })
    end
    j:turn()
    j:close()
    for n, row in ipairs(journal.orders(path)) do
      local told = n % 7 == 1
      assert.same(
        { "o-" .. n, told and "FILLED" or "", told and n or 0 },
        { row.client_id, row.status, row.executed }
      )
    end
  end)

  it("keeps named values, bytes and all, from run to run", function()
    local j = assert(journal.open(path))
    C.journal_run(j.j, "a.lua", "BTCUSDT", 5)
    C.journal_put(j.j, "state", "first", 5, 0)
    C.journal_put(j.j, "state", "a\0b", 3, 1)
    assert.equal(0, C.journal_flush(j.j))
    assert.equal("a\0b", journal.get(path, "state")) -- down, though the loop has not turned
    assert.same({ 1 }, j.told)
    C.journal_run_end(j.j, "stopped", 6)
    j:close()
    j = assert(journal.open(path))
    assert.equal(2, tonumber(C.journal_run_number(j.j)))
    j:close()
    assert.equal("a\0b", journal.get(path, "state"))
    assert.truthy(select(2, journal.get(path, "other")):find "nothing is kept as 'other'")
  end)

  for _, mode in ipairs { "", "full" } do
    it(
      "a killed process has written all that it was told is down" .. (mode == "" and "" or " (full)"),
      function()
        local pipe = io.popen(
          ("%s script spec/support/journal_writer.lua %s %s >%s/out & echo $!"):format(
            host.exe,
            path,
            mode,
            folder
          )
        )
        local pid = pipe:read "*l"
        pipe:close()
        lx.wait_for("some writes", function() return #run.read(folder .. "/out") > 300 end)
        os.execute("kill -9 " .. pid)
        local told = 0
        for number in run.read(folder .. "/out"):gmatch "(%d+)\n" do
          told = tonumber(number)
        end
        local rows = assert(journal.orders(path))
        assert.truthy(told > 10 and #rows >= told, ("%d told, %d found"):format(told, #rows))
        for n = 1, #rows do
          assert.equal("order-" .. n, rows[n].client_id)
        end
      end
    )
  end

  it("a commit that fails is told, and keeps nothing", function()
    os.execute(
      ("ulimit -f 400; %s script spec/support/journal_writer.lua %s >%s/out 2>&1"):format(
        host.exe,
        path,
        folder
      )
    )
    local out = run.read(folder .. "/out")
    local failed = tonumber(out:match "failed (%d+)\n$")
    assert.truthy(failed, out)
    local rows = assert(journal.orders(path))
    assert.equal(failed - 1, #rows)
  end)

  it("brings a file of an older version up to its own, with all that is in it", function()
    local j = assert(journal.open(path))
    j:intend("old", 1)
    j:turn()
    j:close()
    local db = ffi.new "struct sqlite3 *[1]"
    assert.equal(0, ffi.C.sqlite3_open(path, db))
    assert.equal(
      0,
      ffi.C.sqlite3_exec(
        db[0],
        "ALTER TABLE orders DROP COLUMN told_e8; ALTER TABLE orders ADD COLUMN final_us INTEGER NOT NULL DEFAULT 0; PRAGMA user_version = 1",
        nil,
        nil,
        nil
      )
    )
    ffi.C.sqlite3_close(db[0])
    assert.equal("old", assert(journal.orders(path))[1].client_id)
    j = assert(journal.open(path))
    j:settle("old", C.JOURNAL_ACCEPTED, { order_id = 7, status = "NEW" })
    j:intend("new", 1)
    j:turn()
    j:close()
    local rows = assert(journal.orders(path))
    assert.same(
      { "old", 7, "new", 2 },
      { rows[1].client_id, tonumber(rows[1].order_id), rows[2].client_id, #rows }
    )
  end)

  it("takes no row for an order that no journal has written", function()
    for _, change in ipairs {
      "client_id = ''",
      "client_id = '" .. ("x"):rep(60) .. "'",
      "client_id = x'610062'",
      "state = 99",
      "state = 257",
      "state = 'open'",
      "quantity_e8 = -5",
      "price_e8 = -9.3e18",
      "order_id = -7",
    } do
      os.remove(path)
      local j = assert(journal.open(path))
      j:intend("a", 1)
      j:turn()
      j:close()
      local db = ffi.new "struct sqlite3 *[1]"
      assert.equal(0, ffi.C.sqlite3_open(path, db))
      assert.equal(0, ffi.C.sqlite3_exec(db[0], "UPDATE orders SET " .. change, nil, nil, nil))
      ffi.C.sqlite3_close(db[0])
      local rows, problem = journal.orders(path)
      if change == "state = 'open'" then -- a word counts as 0, as SQLite has it: an intent
        assert.equal(C.JOURNAL_INTENT, rows[1].state)
      else
        assert.is_nil(rows, change)
        assert.truthy(problem:find("journal.db: damaged: the row of order", 1, true), problem)
      end
    end
  end)

  it("says in one line what a file is that is no journal", function()
    run.write(path, ("no database at all "):rep(100))
    local _, problem = journal.open(path)
    assert.truthy(problem:find("journal.db: not a journal, or a damaged one", 1, true), problem)
    os.remove(path)
    assert(journal.open(path)):close()
    os.execute(
      ("%s script /dev/stdin <<'X'\nlocal f = io.open('%s', 'r+b') f:seek('set', 60) f:write('\\0\\0\\0\\9') f:close()\nX"):format(
        host.exe,
        path
      )
    )
    _, problem = journal.open(path)
    assert.truthy(problem:find "written by a newer moontide %(version 9; this one knows 3%)", problem)
    _, problem = journal.open "/nowhere/journal.db"
    assert.truthy(
      problem:find("/nowhere/journal.db: cannot be written (No such file or directory)", 1, true),
      problem
    )
    _, problem = journal.orders(folder .. "/none.db")
    assert.truthy(problem:find "none.db: no such journal", problem)
  end)
end)

describe("run folder", function()
  ffi.cdef [[
    int setenv(const char *, const char *, int); int unsetenv(const char *); int close(int);
    int fork(void); int kill(int, int); int waitpid(int, int *, int);
  ]]
  local out, message = ffi.new "char[512]", ffi.new "struct errmsg"
  local folder, before
  before_each(function()
    before = os.getenv "MOONTIDE_HOME"
    folder = run.folder()
    ffi.C.setenv("MOONTIDE_HOME", folder .. "/home", 1)
  end)
  after_each(function()
    if before then
      ffi.C.setenv("MOONTIDE_HOME", before, 1)
    else
      ffi.C.unsetenv "MOONTIDE_HOME"
    end
    run.remove(folder)
  end)

  it("is made for its owner alone, and locked by one process", function()
    assert.equal(0, C.run_folder_make("ema-1", out, message))
    local path = ffi.string(out)
    assert.equal(folder .. "/home/runs/ema-1", path)
    assert.equal("700", ("%o"):format(host.file_mode(path)))
    assert.equal(0, C.run_folder_holder(path))
    local fd = C.run_folder_lock(path, message)
    assert.truthy(fd > 0)
    assert.truthy(C.run_folder_holder(path) > 0)
    assert.equal(C.ERR_FULL, C.run_folder_lock(path, message))
    assert.truthy(ffi.string(message.text):find "run 'ema%-1' is going on already %(process %d+%)")
    ffi.C.close(fd)
    assert.equal(0, C.run_folder_holder(path))
  end)

  it("is never taken by who only looks whether anybody has it", function()
    assert.equal(0, C.run_folder_make("looked-at", out, message))
    local path = ffi.string(out)
    ffi.C.close(C.run_folder_lock(path, message))
    local looker = ffi.C.fork()
    if looker == 0 then
      while true do
        C.run_folder_holder(path)
      end
    end
    local refused
    for _ = 1, 20000 do
      local fd = C.run_folder_lock(path, message)
      if fd < 0 then refused = ffi.string(message.text) end
      ffi.C.close(fd)
    end
    ffi.C.kill(looker, 9)
    ffi.C.waitpid(looker, nil, 0)
    assert.is_nil(refused)
  end)

  it("has a name that is a name", function()
    for _, name in ipairs { "", "a/b", "..", ".x", ("x"):rep(60), "a b" } do
      assert.equal(C.ERR_INVALID, C.run_folder_path(name, out, message), name)
    end
    local name = ffi.new "char[48]"
    for script, expected in pairs {
      ["strategies/ema_cross.lua"] = "ema_cross",
      ["my bot!.lua"] = "my_bot_",
      [".x.lua"] = "_x",
    } do
      assert.equal(0, C.run_folder_name(script, name, message))
      assert.equal(expected, ffi.string(name))
    end
  end)
end)
