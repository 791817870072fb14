---Runs this very program as a user would, in a folder of its own.
local ffi = require "ffi"
local host = require "moontide.lua_host"

local M = {}

ffi.cdef "int setenv(const char *, const char *, int);"

local function quote(s) return "'" .. tostring(s):gsub("'", "'\\''") .. "'" end

local function read(path)
  local file = io.open(path, "rb")
  if not file then return "" end
  local text = file:read "*a"
  file:close()
  return text
end

---A new empty folder, removed by `M.remove`.
function M.folder()
  local pipe = io.popen "mktemp -d"
  local path = pipe:read "*l"
  pipe:close()
  return path
end

function M.remove(path) os.execute("rm -rf " .. quote(path)) end

function M.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

M.read = read

-- What is started in another way finds no runs of the user's, nor leaves any.
local home = M.folder()
ffi.C.setenv("MOONTIDE_HOME", home, 1)
M.home = newproxy(true)
getmetatable(M.home).__gc = function() M.remove(home) end
M.root = host.exe:match "^(.*)/[^/]*/[^/]*$"

---@param arguments string[]
---@param environment string? "NAME=value ..." put before the command
---@param place string? the folder it runs in
---@return { status: integer, out: string, err: string }
function M.moontide(arguments, environment, place)
  local folder = M.folder()
  local words = {
    place and "cd " .. quote(place) .. " &&" or "",
    "MOONTIDE_HOME=" .. quote(folder .. "/home"),
    environment or "",
    "MOONTIDE_STORE=" .. quote(folder .. "/store"),
    quote(host.exe),
  }
  for _, a in ipairs(arguments) do
    words[#words + 1] = quote(a)
  end
  local command = ("%s >%s/out 2>%s/err </dev/null; echo $? >%s/status"):format(
    table.concat(words, " "),
    folder,
    folder,
    folder
  )
  os.execute(command)
  local result = {
    status = tonumber(read(folder .. "/status")),
    out = read(folder .. "/out"),
    err = read(folder .. "/err"),
  }
  M.remove(folder)
  return result
end

---Bars as an archive CSV: rows of { open, high, low, close }, minute by minute from 2023-01-01 unless `start` (ms).
function M.csv(rows, start, step)
  local lines = {
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore",
  }
  start, step = start or 1672531200000, step or 60000
  for i, r in ipairs(rows) do
    local t = start + (i - 1) * step
    lines[#lines + 1] = ("%d,%s,%s,%s,%s,%s,%d,0,0,0,0,0"):format(
      t,
      r[1],
      r[2],
      r[3],
      r[4],
      r[5] or 10,
      t + step - 1
    )
  end
  return table.concat(lines, "\n") .. "\n"
end

---Backtests a script text on rows of bars; returns the run and, when it succeeded, its JSON document.
function M.backtest(script, rows, arguments)
  local folder = M.folder()
  local path = M.write(folder .. "/script.lua", script)
  local data = M.write(folder .. "/BTCUSDT-1m-2023-01.csv", M.csv(rows))
  local all = { "backtest", path, "--data", data, "--json", "-" }
  for _, a in ipairs(arguments or {}) do
    all[#all + 1] = a
  end
  local run = M.moontide(all)
  M.remove(folder)
  local document = run.status == 0 and require("cjson").decode(run.out) or nil
  return run, document
end

return M
