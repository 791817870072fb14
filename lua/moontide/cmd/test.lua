---`moontide test [SPEC...]`: busted inside the runtime (see moontide.testing). Ends with one line "N passed, N failed", unless
---another output format is asked for: then standard output is that format's alone.
local cmd = require "moontide.cmd"
local host = require "moontide.lua_host"
local option_table = require "moontide.options"

local M = {
  usage = "test [SPEC...] [--jobs N] [busted options]",
  raw = true,
  arguments = { name = "SPEC...", what = "spec", type = "file" },
  options = {
    {
      name = "jobs",
      type = "integer",
      value = "N",
      min = 1,
      max = 64,
      help = "run so many files at once, each in a process of its own",
    },
  },
  notes = "SPEC may be notebooks of the REPL (FILE.md) instead. Busted's own options (--filter, --tags, -o TAP...) are listed by: moontide test --help",
}

-- Busted's options whose value is an argument of its own; other words are specs.
local with_value = {}
for name in
  ([[-p --pattern --exclude-pattern -e -o --output -C --directory -f --config-file --coverage-config-file -t --tags
  --exclude-tags --filter --filter-out -m --lpath --cpath -r --run --repeat --seed --lang --loaders --helper -Xoutput -Xhelper
  --Xoutput --Xhelper]]):gmatch "%S+"
do
  with_value[name] = true
end

-- Whether a spec is named, and whether what is printed is for people.
local function look_at(args)
  local spec, plain, help, i = nil, true, false, 1
  while i <= #args do
    local a = args[i]
    if
      a:find "^%-o"
      or a:find "^%-%-output"
      or a == "-l"
      or a == "--list"
      or a == "--version"
      or a == "-h"
      or a == "--help"
    then
      plain = false
    end
    if a == "-h" or a == "--help" then help = true end
    if with_value[a] then
      i = i + 1
    elseif a:sub(1, 1) ~= "-" then
      spec = spec or a
      if not host.file_mode(a) then cmd.fail(2, "%s: no such file or folder", a) end
    end
    i = i + 1
  end
  return spec, plain, help
end

-- --jobs N is ours: taken out of the arguments. Returns N, the specs that are named, and the other arguments.
local function jobs_of(args)
  local jobs, specs, rest, i = nil, {}, {}, 1
  while i <= #args do
    local a = args[i]
    if a == "--jobs" or a:find "^%-%-jobs=" then
      local value = a:match "=(.*)$"
      if not value then
        i = i + 1
        value = args[i]
      end
      if not value then cmd.fail(2, "--jobs needs a value: --jobs N") end
      jobs = option_table.value(M.options[1], value)
    elseif with_value[a] then
      rest[#rest + 1], rest[#rest + 2] = a, args[i + 1]
      i = i + 1
    elseif a:sub(1, 1) == "-" then
      rest[#rest + 1] = a
    else
      specs[#specs + 1] = a
    end
    i = i + 1
  end
  return jobs, specs, rest
end

-- Busted takes a wish for help as an error: it is told to `out`, without what it adds around it.
local function told_to(out, fn)
  return function()
    local stderr = io.stderr
    io.stderr = { -- luacheck: ignore 122
      write = function(_, text)
        out:write(
          (
            text
              :gsub("^[^\n]-error: Usage:[^\n]*", "usage: moontide test [SPEC...] [busted options]")
              :gsub("; re%-run with %-%-help for usage%.", "")
          )
        )
      end,
    }
    local ok, e = pcall(fn)
    io.stderr = stderr -- luacheck: ignore 122
    if not ok then error(e, 0) end
  end
end

-- An output format that busted has not would end in a traceback of busted's.
local function check_format(args)
  for i, a in ipairs(args) do
    local format = (a == "-o" or a == "--output") and args[i + 1] or a:match "^%-%-output=(.+)$"
    if
      format
      and not package.searchpath("busted.outputHandlers." .. format, package.path)
      and not package.searchpath(format, "./?.lua;" .. package.path)
      and not host.file_mode(format)
    then
      cmd.fail(
        2,
        "%s %s: no such output format; busted has plainTerminal, utfTerminal, TAP, json, junit and others",
        a,
        format
      )
    end
  end
end

-- Notebooks of the REPL, when those are what is named; nil otherwise.
local function run_notebooks(words)
  local books = 0
  for _, word in ipairs(words) do
    if word:find "%.md$" then books = books + 1 end
  end
  if books == 0 then return nil end
  if books < #words then cmd.fail(2, "notebooks (.md) are run alone, without specs and options") end
  local passed, failed = 0, 0
  for _, path in ipairs(words) do
    if not host.file_mode(path) then cmd.fail(2, "%s: no such file or folder", path) end
    local good, bad = require("moontide.testing.notebook").run(
      path,
      function(text) io.stderr:write(text, "\n") end
    )
    passed, failed = passed + good, failed + bad
  end
  io.stdout:write(("%d passed, %d failed\n"):format(passed, failed))
  return failed == 0 and 0 or 1
end

function M.run(options)
  local notebooks = run_notebooks(options)
  if notebooks then return notebooks end
  local args = { [0] = "moontide test" }
  for i, a in ipairs(options) do
    args[i] = a
  end
  check_format(args)
  local jobs, specs, rest = jobs_of(args)
  local spec, plain, help = look_at(jobs and specs or args)
  if jobs then
    if not spec and not host.file_mode "spec" then
      cmd.fail(2, "missing specs: there is no folder spec here; usage: moontide test --jobs N [SPEC...]")
    end
    return require("moontide.testing.jobs").run(host.exe, spec and specs or { "spec" }, rest, jobs)
  end
  if plain then args[#args + 1] = "--output=plainTerminal" end
  if not spec then
    if plain and not host.file_mode "spec" then
      cmd.fail(2, "missing specs: there is no folder spec here; usage: moontide test [SPEC...]")
    end
    args[#args + 1] = "spec"
  end
  _G.arg = args
  package.path = "./?.lua;./?/init.lua;" .. package.path -- specs require "spec.support.x"

  -- The runner makes its own busted; count what that one reports.
  local counts = {}
  local make_core = require "busted.core"
  package.loaded["busted.core"] = function()
    local busted = make_core()
    require("moontide.testing.runner").install(busted)
    busted.subscribe({ "test", "end" }, function(_, _, status)
      counts[status] = (counts[status] or 0) + 1
      return nil, true
    end)
    -- Errors inside a test are told by its end; these are those of files and describes.
    busted.subscribe({ "error" }, function(element)
      if element.descriptor ~= "it" then counts.error = (counts.error or 0) + 1 end
      return nil, true
    end)
    return busted
  end

  local exit = {}
  local real_exit = os.exit
  os.exit = function(code) -- luacheck: ignore 122
    exit.code = code
    error(exit, 0)
  end
  -- Busted names itself by the file that calls it.
  local call = load('require "busted.runner" { standalone = false }', "@moontide test")
  local ok, e = pcall(help and told_to(io.stdout, call) or call)
  os.exit = real_exit -- luacheck: ignore 122
  if not ok and e ~= exit and e ~= nil then -- busted ends a failed run with error()
    io.stderr:write("moontide test: ", tostring(e), "\n")
    return 1
  end
  local failed = (counts.failure or 0) + (counts.error or 0)
  io.stdout:flush()
  if help then return 0 end
  if not ok and exit.code ~= 0 and exit.code ~= true and not next(counts) then return 2 end -- busted has said what is wrong
  if plain then
    local skipped = counts.pending and (", %d skipped"):format(counts.pending) or ""
    print(("%d passed, %d failed%s"):format(counts.success or 0, failed, skipped))
  end
  if plain and next(counts) == nil then
    io.stderr:write "moontide test: no test ran\n"
    return 1
  end
  local code = exit.code
  if code == true or code == 0 or (code == nil and ok) then return failed > 0 and 1 or 0 end
  return 1
end

return M
