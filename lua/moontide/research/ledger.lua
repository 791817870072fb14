---The ledger: every trial that was ever run, in an SQLite file, a row a trial. A sweep's own table is a part of it.
---
---A trial is known by its data, script, options, parameters and seed: two runs of one are one row, so that the count of trials
---is the true one. Rows hold no time of day: the same sweep gives the same rows.
local ffi = require "ffi"
local cjson = require "cjson"
local failures = require "moontide.failure"
local json = require "moontide.report.json"
local shell = require "moontide.shell"

ffi.cdef [[
typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;
int sqlite3_open_v2(const char *, sqlite3 **, int, const char *);
int sqlite3_close_v2(sqlite3 *);
int sqlite3_exec(sqlite3 *, const char *, void *, void *, char **);
int sqlite3_busy_timeout(sqlite3 *, int);
const char *sqlite3_errmsg(sqlite3 *);
int sqlite3_prepare_v2(sqlite3 *, const char *, int, sqlite3_stmt **, const char **);
int sqlite3_bind_text(sqlite3_stmt *, int, const char *, int, intptr_t);
int sqlite3_bind_blob(sqlite3_stmt *, int, const void *, int, intptr_t);
int sqlite3_step(sqlite3_stmt *);
int sqlite3_finalize(sqlite3_stmt *);
const unsigned char *sqlite3_column_text(sqlite3_stmt *, int);
const void *sqlite3_column_blob(sqlite3_stmt *, int);
int sqlite3_column_bytes(sqlite3_stmt *, int);
int64_t sqlite3_column_int64(sqlite3_stmt *, int);
]]

local C = ffi.C
local OPEN_READWRITE_CREATE, OK, ROW, DONE, TRANSIENT = 6, 0, 100, 101, -1
local VERSION = 1

local M = {}

---@class Ledger
---@field path string
---@field db ffi.cdata*
local Ledger = {}
Ledger.__index = Ledger

function Ledger:fail(what)
  failures.raise(1, "%s %s: %s", what, self.path, ffi.string(C.sqlite3_errmsg(self.db)))
end

function Ledger:exec(sql)
  if C.sqlite3_exec(self.db, sql, nil, nil, nil) ~= OK then self:fail "cannot write the ledger" end
end

-- Runs a statement with texts bound in order (a table { blob = text } binds bytes) and calls `each` for every row.
function Ledger:query(sql, texts, each)
  local out = ffi.new "sqlite3_stmt *[1]"
  if C.sqlite3_prepare_v2(self.db, sql, #sql, out, nil) ~= OK then self:fail "cannot read the ledger" end
  local statement = out[0]
  for i, text in ipairs(texts) do
    if type(text) == "table" then
      C.sqlite3_bind_blob(statement, i, text.blob, #text.blob, TRANSIENT)
    else
      C.sqlite3_bind_text(statement, i, text, #text, TRANSIENT)
    end
  end
  local function column(i)
    local value = C.sqlite3_column_text(statement, i)
    if value == nil then return "" end
    return ffi.string(value, C.sqlite3_column_bytes(statement, i))
  end
  local status = C.sqlite3_step(statement)
  while status == ROW do
    if each then each(column, statement) end
    status = C.sqlite3_step(statement)
  end
  C.sqlite3_finalize(statement)
  if status ~= DONE then self:fail "cannot use the ledger" end
end

---Where the ledger is kept when no file is named: the user's folder of states.
---@return string path
function M.default_path()
  local state = os.getenv "XDG_STATE_HOME"
  if not state or state == "" then state = (os.getenv "HOME" or ".") .. "/.local/state" end
  return state .. "/moontide/trials.db"
end

---Opens the ledger, which is made where there is none; fails the command when the file is something else.
---@param path string
---@return Ledger
function M.open(path)
  local folder = path:match "^(.*)/[^/]*$"
  if folder and folder ~= "" then os.execute("mkdir -p " .. shell.quote(folder)) end
  local out = ffi.new "sqlite3 *[1]"
  local self = setmetatable({ path = path }, Ledger)
  local status = C.sqlite3_open_v2(path, out, OPEN_READWRITE_CREATE, nil)
  self.db = out[0]
  if status ~= OK then self:fail "cannot open the ledger" end
  C.sqlite3_busy_timeout(self.db, 60000)
  local version
  self:query("PRAGMA user_version", {}, function(column) version = tonumber(column(0)) end)
  if version ~= 0 and version ~= VERSION then
    failures.raise(1, "the ledger %s has version %d; this program reads version %d", path, version, VERSION)
  end
  self:exec "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
  self:exec [[
    CREATE TABLE IF NOT EXISTS trial (
      data TEXT NOT NULL, strategy TEXT NOT NULL, script TEXT NOT NULL, options TEXT NOT NULL, params TEXT NOT NULL,
      seed TEXT NOT NULL, result TEXT NOT NULL, returns BLOB NOT NULL,
      PRIMARY KEY (data, script, options, params, seed)) WITHOUT ROWID;
    PRAGMA user_version = 1;
  ]]
  return self
end

---@class Trial
---@field data string fingerprint
---@field strategy string name of the script's file
---@field script string fingerprint
---@field options string what else the run depended on
---@field params string as space.text gives it
---@field seed string
---@field result table figures by name; `failure` where the script failed
---@field returns number[] daily ones

---Writes a trial; one that stands there already is replaced.
---@param t Trial
function Ledger:put(t)
  local doubles = ffi.new("double[?]", math.max(#t.returns, 1))
  for i, x in ipairs(t.returns) do
    doubles[i - 1] = x
  end
  self:query("INSERT OR REPLACE INTO trial VALUES (?,?,?,?,?,?,?,?)", {
    t.data,
    t.strategy,
    t.script,
    t.options,
    t.params,
    t.seed,
    json.encode(t.result), -- every digit of a double
    { blob = ffi.string(doubles, #t.returns * 8) },
  })
end

local function trial_of(column, statement)
  local bytes = C.sqlite3_column_bytes(statement, 7)
  local returns, blob = {}, ffi.cast("const double *", C.sqlite3_column_blob(statement, 7))
  for i = 1, math.floor(bytes / 8) do
    returns[i] = blob[i - 1]
  end
  local ok, result = pcall(cjson.decode, column(6))
  return {
    data = column(0),
    strategy = column(1),
    script = column(2),
    options = column(3),
    params = column(4),
    seed = column(5),
    result = ok and type(result) == "table" and result or { failure = "the ledger's row is damaged" },
    returns = returns,
  }
end

---The trials of a script with certain options, by parameters.
---@param script string fingerprint
---@param options string
---@param seed string
---@return table<string, Trial> by params
function Ledger:trials(script, options, seed)
  local list = {}
  self:query(
    "SELECT * FROM trial WHERE script = ? AND options = ? AND seed = ?",
    { script, options, seed },
    function(column, statement)
      local t = trial_of(column, statement)
      list[t.params] = t
    end
  )
  return list
end

---How many different trials were ever made of a strategy on data, whatever its script looked like and whatever options it had.
---@param data string fingerprint
---@param strategy string
---@return integer
function Ledger:count(data, strategy)
  local count
  self:query(
    "SELECT count(*) FROM trial WHERE data = ? AND strategy = ?",
    { data, strategy },
    function(column) count = tonumber(column(0)) end
  )
  return count
end

---Takes in the trials of another ledger.
---@param path string
---@return integer rows in it
function Ledger:merge(path)
  local other, rows = M.open(path), 0
  other:query("SELECT * FROM trial", {}, function(column, statement)
    self:put(trial_of(column, statement))
    rows = rows + 1
  end)
  other:close()
  return rows
end

function Ledger:close() C.sqlite3_close_v2(self.db) end

return M
