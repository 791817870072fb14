---What a script sees of Lua in a paper or live run, unless it is trusted: nothing that starts programs, ends the process, reaches
---into the runtime or leaves the run's data folder. Made of copies, so that what a script changes is its own.
---
---Closed: os.execute, exit, remove, rename...; io.popen and files elsewhere; ffi, jit, debug, package; bytecode; setfenv and getfenv;
---the string table behind the methods of strings. Environment variables that look like secrets are not there.
local cjson = require "cjson"
local host = require "moontide.lua_host"
local script_files = require "moontide.run.script_files"

local M = {}

-- Modules of ours that are made for scripts.
M.modules = { ["moontide.ta"] = true, ["moontide.stats"] = true }

local plain = {
  "assert",
  "error",
  "ipairs",
  "next",
  "pairs",
  "pcall",
  "rawequal",
  "rawget",
  "rawset",
  "select",
  "setmetatable",
  "getmetatable",
  "tonumber",
  "tostring",
  "type",
  "unpack",
  "xpcall",
  "_VERSION",
}

local function copy(t, without)
  local out = {}
  for name, value in pairs(t) do
    if name ~= without then out[name] = value end
  end
  return out
end

local function restricted_os(run_os)
  return {
    time = run_os.time,
    date = run_os.date,
    clock = run_os.clock,
    difftime = os.difftime,
    getenv = function(name)
      if type(name) ~= "string" then error("os.getenv takes a name", 2) end
      local upper = name:upper()
      for _, word in ipairs { "MOONTIDE", "KEY", "SECRET", "TOKEN", "PASS", "CREDENTIAL", "AUTH", "PROXY" } do
        if upper:find(word, 1, true) then return nil end
      end
      return os.getenv(name)
    end,
  }
end

-- Text alone, with the script's own globals.
local function restricted_load(env)
  return function(chunk, name, _, its_env)
    if type(chunk) == "function" then
      local parts = {}
      for part in chunk do
        if part == "" then break end
        if type(part) ~= "string" then return nil, "load takes texts" end
        parts[#parts + 1] = part
      end
      chunk = table.concat(parts)
    end
    if type(chunk) ~= "string" then error("load takes a text, or a function that gives texts", 2) end
    if name ~= nil and type(name) ~= "string" then error("the name of a chunk is a text", 2) end
    if its_env ~= nil and type(its_env) ~= "table" then error("globals are a table", 2) end
    return load(chunk, name or "=(load)", "t", its_env or env)
  end
end

-- Our modules for scripts, cjson without its switches, and plain Lua files beside the script.
local function restricted_require(env, script_folder, known, files)
  local loaded, loading = {}, {}
  return function(name)
    if type(name) ~= "string" then error("require takes a module's name", 2) end
    if known[name] ~= nil then return known[name] end
    if loaded[name] ~= nil then return loaded[name] end
    if M.modules[name] then
      loaded[name] = copy(require(name))
      return loaded[name]
    end
    if not name:find "^[%w_%-]+[%w_%-%.]*$" or name:find("..", 1, true) or name:find "^moontide%." then
      error(("module '%s' is not for scripts (run with --trusted if it is meant)"):format(name), 2)
    end
    local path = script_folder .. "/" .. name:gsub("%.", "/") .. ".lua"
    local stamp, file = host.file_stamp(path), io.open(path, "rb")
    if not file then
      error(
        ("module '%s' not found: no file %s (a sandboxed script requires plain Lua files beside it)"):format(
          name,
          path
        ),
        2
      )
    end
    local source = file:read "*a"
    file:close()
    if files then files[#files + 1] = { path = path, stamp = stamp } end
    local chunk, problem = load(source, "@" .. path, "t", env)
    if not chunk then error(problem, 2) end
    if loading[name] then error(("module '%s' requires itself"):format(name), 2) end
    loading[name] = true
    local value = chunk(name)
    loading[name] = nil
    loaded[name] = value == nil and true or value
    return loaded[name]
  end
end

-- Strings carry their methods with them: what those lead to is closed for the whole process.
local strings_closed = false
local function close_strings()
  if strings_closed then return end -- a script that is reloaded comes here again
  strings_closed = true
  rawset(string, "dump", nil)
  getmetatable("").__metatable = false
end

---Fills a script's table of globals.
---@param env table
---@param o { folder: string, script: string, os: table, print: function, log: table, files: table? } files: gets those it requires; folder: where it may keep files; os: that of the run's clock
function M.fill(env, o)
  close_strings()
  for _, name in ipairs(plain) do
    env[name] = _G[name]
  end
  env._G = env
  env.math, env.table, env.coroutine, env.bit, env.string =
    copy(math), copy(table), copy(coroutine), copy(require "bit"), copy(string, "dump")
  env.io, env.os = script_files.new(o.folder), restricted_os(o.os)
  local traceback = debug.traceback
  env.debug = { traceback = function(...) return traceback(...) end }
  env.load = restricted_load(env)
  local load_text = env.load
  env.loadstring = function(text, name)
    if type(text) ~= "string" then error("loadstring takes a text", 2) end
    return load_text(text, name)
  end
  env.collectgarbage = function(what, argument)
    what = what or "collect"
    if what ~= "collect" and what ~= "count" and what ~= "step" then
      error(("collectgarbage '%s' is not for scripts"):format(tostring(what)), 2)
    end
    return collectgarbage(what, argument)
  end
  local json = cjson.new()
  local known = {
    bit = env.bit,
    math = env.math,
    string = env.string,
    table = env.table,
    coroutine = env.coroutine,
    io = env.io,
    os = env.os,
    cjson = { encode = json.encode, decode = json.decode, null = cjson.null },
  }
  env.require = restricted_require(env, o.script:match "^(.*)/[^/]*$" or ".", known, o.files)
  env.print, env.log = o.print, {}
  for _, name in ipairs { "debug", "info", "warn", "error", "fields" } do
    env.log[name] = o.log[name]
  end
end

return M
