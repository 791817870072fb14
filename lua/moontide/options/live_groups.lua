---Options of what runs on an exchange over the network: live, paper, and what looks at one.
local groups = require "moontide.options.groups"
local option_table = require "moontide.options"

local M = {}

-- ---- an exchange over the network ---------------------------------------------------------------------------------

M.connection = {
  title = "connection",
  {
    name = "url",
    type = "url",
    schemes = { "https", "http" },
    bare = true,
    example = "https://fapi.binance.com",
    value = "URL",
    shown = "https://fapi.binance.com",
    help = "the exchange's REST address",
  },
  {
    name = "stream-url",
    type = "url",
    schemes = { "wss", "ws" },
    example = "wss://fstream.binance.com",
    value = "URL",
    shown = "wss://fstream.binance.com; with --url on this machine: the same place",
    help = "its streams",
  },
  {
    name = "ca-file",
    type = "input",
    value = "FILE",
    help = "certificates to trust instead of the system's (PEM)",
  },
  {
    name = "proxy",
    type = "text",
    empty = true,
    value = "URL",
    shown = "the environment's",
    help = "a proxy for requests and streams: http, https, socks5h...",
  },
}

M.streams = {
  title = "streams",
  {
    name = "stream-age",
    type = "duration",
    unit = "s",
    value = "S",
    min = 0.1,
    max = 86400,
    default = 85800,
    help = "replace a stream's connection at this age; the exchange ends it at 86400",
  },
  {
    name = "stream-silence",
    type = "duration",
    unit = "s",
    value = "S",
    min = 0.1,
    max = 600,
    default = 40,
    help = "a stream that says nothing for so long, and does not answer a ping, is connected anew",
  },
}

M.key = {
  title = "account",
  {
    name = "yes-real-money",
    type = "flag",
    help = "needed for any exchange that is not on this machine",
  },
  {
    name = "key-file",
    type = "file",
    value = "FILE",
    shown = "MOONTIDE_API_KEY and MOONTIDE_API_SECRET of the environment",
    help = 'a file of mode 0600 that returns { key = ..., secret = ..., kind = "hmac" }',
  },
  {
    name = "market-only",
    type = "flag",
    help = "run without a key: market data, and no account; calls that need one answer `invalid`",
  },
  {
    name = "recv-window",
    type = "duration",
    unit = "ms",
    value = "MS",
    min = 1,
    max = 60000,
    default = 5000,
    help = "how many milliseconds old a request may be when it arrives",
  },
}

M.orders = {
  title = "orders",
  {
    name = "restart-orders",
    type = "choice",
    value = "HOW",
    choices = { "adopt", "cancel" },
    default = "adopt",
    setting = "",
    help = "open orders that the last run had perhaps sent",
  },
  {
    name = "order-channel",
    type = "choice",
    value = "C",
    choices = { "rest", "ws" },
    default = "rest",
    setting = "",
    help = "ws: orders by the WebSocket API, by REST only while it cannot be reached",
  },
  {
    name = "ws-api-url",
    type = "url",
    schemes = { "wss", "ws" },
    example = "wss://ws-fapi.binance.com/ws-fapi/v1",
    value = "URL",
    shown = "wss://ws-fapi.binance.com/ws-fapi/v1, or that of --url on this machine",
    help = "the WebSocket API",
  },
  {
    name = "reconcile",
    type = "duration",
    unit = "s",
    value = "S",
    min = 0.5,
    max = 3600,
    default = 60,
    help = "while orders are open, how often to ask whether the account's stream has left something out",
  },
  {
    name = "warm-connections",
    type = "integer",
    value = "N",
    min = 0,
    max = 64,
    shown = "2",
    help = "connections kept open before they are needed",
  },
  {
    name = "dead-man-seconds",
    type = "duration",
    unit = "s",
    value = "S",
    min = 0,
    max = 86400,
    default = 60,
    setting = "run",
    help = "no heartbeat for this many seconds: the exchange cancels our orders; 0: never",
  },
  {
    name = "on-crash",
    type = "choice",
    value = "WHAT",
    choices = { "cancel", "flatten", "keep" },
    default = "cancel",
    setting = "run",
    help = "a killed worker's orders are cancelled, cancelled and its positions closed, or kept",
  },
}

-- ---- bounds of a run ----------------------------------------------------------------------------------------------

M.limits = {
  title = "limits of risk",
  {
    name = "max-order-notional",
    type = "number",
    value = "USDT",
    min = 0,
    max = 1e10,
    default = 0,
    shown = "no limit",
    setting = "risk",
    help = "refuse any larger order; reducing ones pass",
  },
  {
    name = "max-position-notional",
    type = "number",
    value = "USDT",
    min = 0,
    max = 1e10,
    default = 0,
    shown = "no limit",
    setting = "risk",
    help = "refuse orders that would make a symbol's position larger, its open orders counted as filled",
  },
  {
    name = "max-daily-loss",
    type = "number",
    value = "USDT",
    min = 0,
    max = 1e10,
    default = 0,
    shown = "no limit",
    setting = "risk",
    help = "refuse all but reducing orders once equity has fallen so far in the UTC day",
  },
  {
    name = "max-open-orders",
    type = "integer",
    value = "N",
    min = 0,
    max = 1e6,
    default = 0,
    shown = "no limit",
    setting = "risk",
    help = "refuse more open orders",
  },
  {
    name = "limit",
    type = "text",
    value = "S:order=N,position=N",
    repeated = true,
    help = "limits of one symbol, in USDT; in moontide.conf.lua: risk.limits",
  },
  {
    name = "allowed-symbols",
    type = "text",
    value = "S,S",
    setting = "risk",
    shown = "all it names",
    help = "refuse to run with any other symbol",
  },
  {
    name = "on-breach",
    type = "choice",
    value = "WHAT",
    choices = { "refuse", "halt" },
    default = "refuse",
    setting = "risk",
    help = "an order beyond a limit is refused, or pulls the kill switch too",
  },
  {
    name = "max-orders-per-minute",
    type = "integer",
    value = "N",
    min = 0,
    max = 1e6,
    default = 0,
    shown = "no limit",
    setting = "risk",
    help = "refuse more new and amended orders",
  },
  {
    name = "price-collar",
    type = "number",
    value = "RATIO",
    min = 0,
    max = 100,
    default = 0.1,
    setting = "risk",
    help = "refuse prices further from the mark price, else the last one, than this ratio; 0: any",
  },
}

M.run = {
  title = "run",
  {
    name = "name",
    type = "text",
    value = "NAME",
    shown = "the script's",
    help = "the run's name, by which status, attach and stop find it",
  },
  {
    name = "for",
    type = "duration",
    unit = "s",
    value = "S",
    min = 0.1,
    max = 1e9,
    help = "end this many seconds after the script began",
  },
  {
    name = "bars",
    type = "integer",
    value = "N",
    min = 1,
    help = "end when N bars have been delivered to the script, and handled",
  },
  {
    name = "events",
    type = "integer",
    value = "N",
    min = 1,
    help = "end when N events of the streams (trades, books, updates of orders and positions) have",
  },
  {
    name = "orders",
    type = "integer",
    value = "N",
    min = 1,
    help = "end when N orders of the script have ended: filled, cancelled, expired or refused by the exchange",
  },
  { name = "watch", type = "flag", help = "reload the script whenever its file changes; self.state goes on" },
  {
    name = "forget-state",
    type = "flag",
    help = "begin with an empty self.state instead of that of the run before",
  },
  {
    name = "record",
    type = "file",
    value = "FILE",
    help = "record all that the script sees and does, for backtest --replay and for explain; in a folder, each run has a file of its own",
  },
  {
    name = "journal-sync",
    type = "choice",
    value = "HOW",
    choices = { "normal", "full" },
    default = "normal",
    setting = "",
    help = "normal: the journal survives a killed process; full: a power cut too (slower)",
  },
}

M.supervisor = {
  title = "supervisor and kill switch",
  {
    name = "keep-orders",
    type = "flag",
    default = false,
    setting = "run",
    help = "leave open orders open at the end; else they are cancelled",
  },
  {
    name = "memory",
    type = "size",
    unit = "MB",
    value = "MB",
    min = 32,
    max = 1048576,
    default = 512,
    setting = "run",
    help = "memory a worker may hold before it is killed",
  },
  {
    name = "hang-seconds",
    type = "duration",
    unit = "s",
    value = "S",
    min = 0.2,
    max = 86400,
    default = 10,
    setting = "run",
    help = "a script that holds the loop longer is killed, its orders cancelled",
  },
  {
    name = "stop-seconds",
    type = "duration",
    unit = "s",
    value = "S",
    min = 0.1,
    max = 3600,
    default = 10,
    setting = "run",
    help = "what a script has left to do at its end (on_stop, a plain script's last lines) may take so long",
  },
  {
    name = "stop-timeout",
    type = "duration",
    unit = "s",
    value = "S",
    min = 1,
    max = 86400,
    setting = "run",
    shown = "stop-seconds + 20",
    help = "a run that was asked to end has ended after so long, whatever its script and the exchange do",
  },
  {
    name = "cancel-stops",
    type = "flag",
    default = false,
    setting = "run",
    help = "at the end cancel also conditional orders that only close a position; else they stay with it",
  },
  {
    name = "on-failure",
    type = "choice",
    value = "WHAT",
    choices = { "restart", "halt" },
    default = "restart",
    setting = "run",
    help = "whether a worker that crashed, hung or grew is started again",
  },
  {
    name = "restarts",
    type = "integer",
    value = "N",
    min = 0,
    max = 1000,
    default = 3,
    setting = "run",
    help = "restarts within an hour before moontide stops trying",
  },
  {
    name = "on-halt",
    type = "choice",
    value = "WHAT",
    choices = { "stop", "stay" },
    default = "stop",
    setting = "run",
    help = "after the kill switch the run ends, or stays and refuses new orders",
  },
  {
    name = "halt-flatten",
    type = "flag",
    default = false,
    setting = "run",
    help = "the kill switch closes positions too",
  },
  {
    name = "halt-file",
    type = "file",
    value = "FILE",
    setting = "run",
    help = "a file that is the kill switch, beside `halt` in the run's folder",
  },
  {
    name = "heartbeat",
    type = "duration",
    unit = "s",
    value = "S",
    min = 0,
    max = 86400,
    default = 900,
    setting = "run",
    help = "a log line every so often: equity, today's result, positions, age of the last bar, lag; 0: none",
  },
  {
    name = "log-file",
    type = "file",
    value = "FILE",
    shown = "`log` in the folder of the run",
    setting = "run",
    help = "where the log is kept besides standard error; none: nowhere",
  },
  {
    name = "log-size",
    type = "size",
    unit = "MB",
    value = "SIZE",
    min = 0.01,
    max = 100000,
    default = 10,
    setting = "run",
    help = "a log file that would grow beyond this becomes FILE.1, and a new one is begun",
  },
  {
    name = "log-keep",
    type = "integer",
    value = "N",
    min = 0,
    max = 100,
    default = 5,
    setting = "run",
    help = "so many older log files are kept",
  },
  {
    name = "trusted",
    type = "flag",
    default = false,
    setting = "run",
    help = "let the script use all of Lua: ffi, os, io, C modules; else it runs in a sandbox",
  },
  {
    name = "no-supervisor",
    type = "flag",
    help = "the bare worker process, nobody watching it: for debuggers",
  },
  { name = "worker", type = "text", value = "FD:PID:N", hidden = true },
}

---All that a live session reads (live/session.lua), whoever opens it.
M.live =
  { M.run, groups.script, M.connection, M.streams, M.key, M.orders, M.limits, M.supervisor, groups.log }

---Options that `moontide live` and `moontide paper` have in common.
M.shared_run = { M.run, groups.script, M.limits, M.supervisor, M.connection, M.streams, groups.log }

---A row of a live session by its name.
---@param name string
---@return Option
function M.row(name) return option_table.pick(M.live, { name })[1] end

---The rows whose values are kept in a table of moontide.conf.lua too.
---@param place "run"|"risk"
---@return Option[]
function M.settings(place)
  local list = {}
  for _, row in ipairs(option_table.rows(M.live)) do
    if row.setting == place then list[#list + 1] = row end
  end
  return list
end

return M
