local processes = require "moontide.processes"

-- Runs commands, `most` at a time; what happened, in order.
local function all(commands, most)
  local next_one, log, lines = 1, {}, {}
  processes.run {
    next = function(running)
      if #running >= most or not commands[next_one] then return nil end
      local job = { name = next_one, command = commands[next_one] }
      next_one = next_one + 1
      log[#log + 1] = "begin " .. job.name
      return job
    end,
    line = function(job, text)
      lines[job.name] = lines[job.name] or {}
      table.insert(lines[job.name], text)
    end,
    ended = function(job, status) log[#log + 1] = ("end %d %d"):format(job.name, status) end,
  }
  return log, lines
end

describe("processes side by side", function()
  it("are told of line by line, the last one also without its end, and how they ended", function()
    local log, lines = all({ "printf 'a\\n\\nb'", "exit 3", "echo x; exec sh -c 'kill -9 $$'", "true" }, 1)
    assert.same({
      "begin 1",
      "end 1 0",
      "begin 2",
      "end 2 3",
      "begin 3",
      "end 3 137",
      "begin 4",
      "end 4 0",
    }, log)
    assert.same({ { "a", "", "b" }, nil, { "x" } }, lines)
  end)

  it("run as many at once as may begin", function()
    -- Each of the first two ends only when the other one runs too.
    local folder = require("spec.support.run").folder()
    finally(function() require("spec.support.run").remove(folder) end)
    local function meets(mine, other)
      return ("touch %s/%s; until [ -e %s/%s ]; do sleep 0.01; done"):format(folder, mine, folder, other)
    end
    local log = all({ meets("a", "b"), meets("b", "a"), "true" }, 2)
    assert.same({ "begin 1", "begin 2" }, { log[1], log[2] })
    assert.equal("begin 3", log[4]) -- when one of them had ended
  end)

  it("tell of long output whole", function()
    local _, lines = all({ "for i in 1 2 3; do head -c 100000 /dev/zero | tr '\\0' x; echo; done" }, 1)
    assert.same({ 100000, 100000, 100000 }, { #lines[1][1], #lines[1][2], #lines[1][3] })
  end)

  it("have ended when what was told of them raises", function()
    local folder = require("spec.support.run").folder()
    finally(function() require("spec.support.run").remove(folder) end)
    local count = 0
    local ok, problem = pcall(processes.run, {
      next = function()
        count = count + 1
        return count <= 2
            and { command = count == 1 and "echo 1" or ("sleep 0.1; touch %s/through"):format(folder) }
          or nil
      end,
      line = function() error("enough", 0) end,
      ended = function() end,
    })
    assert.same({ false, "enough" }, { ok, problem })
    assert.truthy(require("moontide.lua_host").file_mode(folder .. "/through"))
  end)
end)
