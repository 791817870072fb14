-- Each escape of the catalogue is held twice: by the sandbox of Lua with no help of the system, and by the system where all of Lua is open.
local ffi = require "ffi"
local host = require "moontide.lua_host"
local run = require "spec.support.run"
local escapes = require "spec.process.escapes"

ffi.cdef "int kill(int, int);"

describe("a script's ways out", function()
  local folder, victim
  setup(function()
    folder = run.folder()
    os.execute(
      ("cd %s && mkdir data strategy && cp $(ls /usr/lib/*/libz.so.1 | head -1) lib.so"):format(folder)
    )
    local pipe = io.popen "sleep 600 >/dev/null 2>&1 & echo $!"
    victim = tonumber(pipe:read "*l")
    pipe:close()
  end)
  teardown(function()
    ffi.C.kill(victim, 9)
    run.remove(folder)
  end)

  -- What came of each: "OPEN" or "held", by name; nil when the kernel lacks the wall.
  local function try(wall)
    run.write(folder .. "/secret", "the secret")
    run.write(folder .. "/secret.lua", "leaked = true return { leaked = true }")
    run.write(folder .. "/victim", "still here")
    local lines = { "VICTIM = " .. victim }
    for i, e in ipairs(escapes) do
      local skipped = wall == "system" and e.lua_only or wall == "none" and (e.lua_only or e.unsafe)
      if not skipped then
        lines[#lines + 1] = ("do local ok, v = pcall(function() %s end) print(%d, ok and v and 'OPEN' or 'held') end"):format(
          e[2]:gsub("@", folder),
          i
        )
      end
    end
    lines[#lines + 1] = "return { on_bar = function() end }"
    run.write(folder .. "/strategy/script.lua", table.concat(lines, "\n"))
    local r = run.moontide { "script", "spec/support/one_wall.lua", wall, folder }
    assert.equal(0, r.status, r.err)
    local lacking = r.out:match "LACKING\t([^\n]*)"
    if lacking then return nil, lacking end
    local found, count = {}, 0
    for number, what in r.out:gmatch "(%d+)\t(%u*%l*)\n" do
      found[escapes[tonumber(number)][1]] = what
      count = count + 1
    end
    assert.equal(#lines - 2, count, r.out)
    return found, count
  end

  local function all_held(wall)
    local found, count = try(wall)
    if not found then return pending("this kernel does not hold a process: " .. count) end
    local open = {}
    for name, what in pairs(found) do
      if what ~= "held" then open[#open + 1] = name end
    end
    table.sort(open)
    assert.same({}, open)
    assert.is_true(count >= 60, count)
    assert.equal("still here", run.read(folder .. "/victim"))
    assert.is_nil(host.file_mode(folder .. "/out"))
    return count
  end

  it("are open where nothing holds it: the catalogue tries what it says", function()
    local found, count = try "none"
    local open = 0
    for _, what in pairs(found) do
      if what == "OPEN" then open = open + 1 end
    end
    assert.is_true(open >= 45, ("%d of %d"):format(open, count))
    os.execute(
      "rm -f " .. folder .. "/out " .. folder .. "/data/* /tmp/moontide_escape /dev/shm/moontide_escape"
    )
  end)

  it("are closed by the sandbox of Lua alone", function() all_held "lua" end)

  it("are closed by the operating system alone", function() all_held "system" end)
end)
