-- A log file of bounded size, written by a thread: what is in it, how it is rotated, and that a full disk holds nobody.
local ffi = require "ffi"
local C = require "spec.support.c"
local run = require "spec.support.run"
local wait = require "spec.support.wait"

describe("a log file", function()
  local folder, file
  before_each(function() folder = run.folder() end)
  after_each(function()
    if file then C.log_file_close(file) end
    file = nil
    run.remove(folder)
  end)

  local function open(path, max_bytes, keep)
    local out, message = ffi.new "struct log_file *[1]", ffi.new "struct errmsg"
    if C.log_file_open(path, max_bytes, keep, out, message) ~= 0 then return ffi.string(message.text) end
    file = out[0]
  end
  local function close()
    C.log_file_close(file)
    file = nil
  end
  local function write(line) C.log_file_write(file, line .. "\n", #line + 1) end
  local function there(path)
    local f = io.open(path, "rb")
    if f then f:close() end
    return f ~= nil
  end

  it("holds every line in order, over its rotations, and no file is beyond the bound", function()
    local path = folder .. "/log"
    open(path, 1000, 3)
    for i = 1, 60 do
      write(("line %03d %s"):format(i, ("x"):rep(31))) -- 41 bytes with its end: 24 to a file
    end
    close()
    local all = ""
    for _, name in ipairs { ".2", ".1", "" } do
      local text = run.read(path .. name)
      assert.is_true(#text <= 1000 and #text > 0)
      all = all .. text
    end
    assert.is_false(there(path .. ".3"))
    local count = 0
    for number in all:gmatch "line (%d+)" do
      count = count + 1
      assert.equal(count, tonumber(number))
    end
    assert.equal(60, count)
  end)

  it("keeps so many older files as it was told, the newest", function()
    local path = folder .. "/log"
    open(path, 50, 2)
    for i = 1, 9 do
      write(("line %d %s"):format(i, ("x"):rep(30)))
    end
    close()
    assert.truthy(run.read(path):find "line 9")
    assert.truthy(run.read(path .. ".1"):find "line 8")
    assert.truthy(run.read(path .. ".2"):find "line 7")
    assert.is_false(there(path .. ".3"))
  end)

  it("goes on where it was, and in a new one when somebody moved it away", function()
    local path = folder .. "/log"
    run.write(path, "before\n")
    open(path, 0, 0)
    write "one"
    wait.till("the line", function() return run.read(path) == "before\none\n" end)
    assert(os.rename(path, folder .. "/moved"))
    write "two"
    close()
    assert.equal("two\n", run.read(path))
    assert.equal("before\none\n", run.read(folder .. "/moved"))
  end)

  it("on a full disk loses lines, counts them and says why once", function()
    open("/dev/full", 0, 0)
    write "one"
    write "two"
    wait.till("the trouble", function() return C.log_file_dropped(file) == 2 end)
    assert.equal(28, C.log_file_trouble(file)) -- ENOSPC
    assert.equal(0, C.log_file_trouble(file))
    write "three"
    wait.till("the third", function() return C.log_file_dropped(file) == 3 end)
    assert.equal(0, C.log_file_trouble(file))
  end)

  it("that nobody takes lines of fills its buffer and no more: who writes does not wait", function()
    local path = folder .. "/pipe"
    os.execute("mkfifo " .. path)
    local holder = io.open(path, "r+b") -- so that opening does not wait; nobody reads
    open(path, 0, 0)
    local line = ("x"):rep(999)
    for _ = 1, 3000 do -- 3 MB into a pipe of 64 KB and a buffer of 1 MB, twice
      write(line)
    end
    assert.is_true(C.log_file_dropped(file) >= 800)
    local reader = io.popen(("timeout 3 cat %s >/dev/null"):format(path))
    close()
    holder:close()
    reader:close()
  end)

  it(
    "says what is wrong with a path at once",
    function()
      assert.equal(
        ("cannot write the log file %s/none/log: No such file or directory"):format(folder),
        open(folder .. "/none/log", 0, 0)
      )
    end
  )
end)
