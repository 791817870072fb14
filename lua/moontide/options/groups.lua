---Options that several commands share, group by group. A command lists groups, or rows picked from them, beside rows of its own.

local M = {}

-- ---- what a script is given ---------------------------------------------------------------------------------------

M.data = {
  title = "market data",
  {
    name = "data",
    type = "file",
    value = "PATH...",
    repeated = true,
    words = true,
    help = "files or folders of bars (.csv, .csv.gz, .zip), or a downloaded symbol (see data download)",
  },
  {
    name = "synthetic",
    type = "integer",
    value = "SEED",
    min = 0,
    help = "instead of --data: a market made from a seed",
  },
  {
    name = "bars",
    type = "integer",
    value = "N",
    min = 2,
    max = 50000000,
    default = 525600,
    needs = "synthetic",
    help = "with --synthetic: bars to make; 525600 is a year of minutes",
  },
  {
    name = "from",
    type = "time",
    value = "TIME",
    help = "first moment: 2023-02-01, 2023-02-01T12:30 or milliseconds; UTC",
  },
  { name = "to", type = "time", value = "TIME", help = "end, not included" },
  { name = "allow-gaps", type = "flag", help = "accept missing bars in the data" },
  {
    name = "store",
    type = "folder",
    value = "DIR",
    shown = "~/.cache/moontide",
    help = "where imported data is kept",
  },
}

M.rules = {
  title = "rules of the symbols",
  {
    name = "exchange-info",
    type = "file",
    value = "FILE",
    help = "symbol rules from a saved exchangeInfo reply",
  },
  {
    name = "leverage-brackets",
    type = "file",
    value = "FILE",
    help = "brackets from a saved leverageBracket reply",
  },
}

M.script = {
  title = "script",
  {
    name = "symbol",
    type = "symbol",
    value = "S",
    repeated = true,
    shown = "the script's",
    help = "a symbol to trade",
  },
  {
    name = "interval",
    type = "interval",
    value = "I",
    shown = "the script's",
    help = "bars given to the script: 1m, 5m, 1h...",
  },
  { name = "set", type = "pair", value = "NAME=VALUE", repeated = true, help = "a parameter of the script" },
  { name = "seed", type = "integer", value = "N", min = 0, default = 1, help = "the seed of math.random" },
  {
    name = "config",
    type = "file",
    value = "FILE",
    shown = "moontide.conf.lua, where it exists",
    help = "settings of the API manager and of the run",
  },
}

-- ---- the simulated exchange ---------------------------------------------------------------------------------------

M.account = {
  title = "simulated account",
  {
    name = "capital",
    type = "number",
    value = "USDT",
    min = 0.01,
    max = 1e10,
    default = 10000,
    help = "starting wallet in USDT",
  },
  {
    name = "maker",
    type = "number",
    value = "RATE",
    min = -0.01,
    max = 0.1,
    default = 0.0002,
    help = "maker fee rate",
  },
  {
    name = "taker",
    type = "number",
    value = "RATE",
    min = -0.01,
    max = 0.1,
    default = 0.0005,
    help = "taker fee rate",
  },
  {
    name = "leverage",
    type = "integer",
    value = "N",
    min = 1,
    max = 125,
    default = 20,
    help = "of every symbol at the start",
  },
  {
    name = "margin",
    type = "choice",
    value = "TYPE",
    choices = { "crossed", "isolated" },
    default = "crossed",
    help = "margin type of every symbol at the start",
  },
  { name = "hedge", type = "flag", help = "hedge mode: a long and a short position a symbol" },
}

M.latency = {
  title = "latency",
  {
    name = "latency",
    type = "duration",
    unit = "ms",
    value = "MS",
    min = 0,
    max = 60000,
    default = 0,
    help = "milliseconds one way; a request travels it, and so does its answer",
  },
}

M.fills = {
  title = "simulated fills",
  {
    name = "slippage",
    type = "number",
    value = "BP",
    min = 0,
    max = 1000,
    default = 0,
    help = "against every taker fill, in basis points",
  },
  {
    name = "impact",
    type = "text",
    value = "MODEL",
    default = "none",
    check = function(text) return require("moontide.options.impact").check(text) end,
    help = "how far an order's size moves its price: none, fixed:BP, share:K or sqrt:K",
  },
  {
    name = "path",
    type = "choice",
    value = "RULE",
    choices = { "random", "adverse", "nearest", "ohlc", "olhc" },
    default = "random",
    help = "how the price moves inside a bar",
  },
  {
    name = "touch",
    type = "choice",
    value = "RULE",
    choices = { "through", "at" },
    default = "through",
    help = "a resting order fills when the price goes through it, or reaches it",
  },
}

M.faults = {
  title = "faults",
  {
    name = "faults",
    type = "file",
    value = "FILE",
    help = "a Lua table of rules by which requests are lost, late or answered with errors",
  },
}

---All that a backtest session reads (backtest/session.lua), whoever opens it.
M.backtest = { M.data, M.script, M.account, M.latency, M.fills, M.rules, M.faults }

-- ---- what is printed and written ----------------------------------------------------------------------------------

M.result = {
  title = "result",
  {
    name = "json",
    type = "output",
    value = "FILE",
    help = "the result as one JSON document; - for standard output and nothing else",
  },
  {
    name = "trades",
    type = "output",
    value = "FILE.csv",
    help = "the trades, those open at the end included, with reasons of entry and exit",
  },
  { name = "fills", type = "output", value = "FILE.csv", help = "every execution" },
  { name = "orders", type = "output", value = "FILE.csv", help = "every order, conditional ones included" },
  { name = "equity", type = "output", value = "FILE.csv", help = "the equity at every bar" },
}

M.page = {
  title = "page",
  {
    name = "report",
    type = "output",
    value = "FILE.html",
    help = "one page with charts, trades and orders, to look at in a browser; it needs no network",
  },
  { name = "open", type = "flag", needs = "report", help = "show the page (xdg-open)" },
}

M.log = {
  title = "log",
  {
    name = "log-level",
    type = "choice",
    value = "LEVEL",
    choices = { "debug", "info", "warn", "error" },
    shown = "info",
    help = "debug tells each request's life in a line",
  },
  {
    name = "log-format",
    type = "choice",
    value = "FORM",
    choices = { "text", "json" },
    default = "text",
    help = "json: an object a line",
  },
  { name = "quiet", type = "flag", help = "no notices, no progress, no log lines below warnings" },
}

return M
