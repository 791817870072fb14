#include "cli/options.h"

#include <stddef.h>

static const struct option_spec options[] = {
    { "data", OPTION_LIST, "PATH...", "files or folders of bars (.csv, .csv.gz, .zip); may be repeated" },
    { "synthetic", OPTION_VALUE, "SEED", "instead of --data: a market made from a seed" },
    { "bars", OPTION_VALUE, "N", "with --synthetic: bars to make (default 525600, a year of minutes)" },
    { "replay", OPTION_VALUE, "FILE", "instead of --data: a run recorded with --record; says where the script now does something else" },
    { "symbol", OPTION_LIST, "S", "trade this symbol instead of the script's (repeat for several)" },
    { "interval", OPTION_VALUE, "I", "bars given to the script: 1m, 5m, 1h... (default the script's)" },
    { "from", OPTION_VALUE, "T", "first moment: 2023-02-01, 2023-02-01T12:30 or milliseconds; UTC" },
    { "to", OPTION_VALUE, "T", "end, not included" },
    { "set", OPTION_LIST, "NAME=VALUE", "a parameter of the script; may be repeated" },
    { "capital", OPTION_VALUE, "N", "starting wallet in USDT (default 10000)" },
    { "maker", OPTION_VALUE, "R", "maker fee rate (default 0.0002)" },
    { "taker", OPTION_VALUE, "R", "taker fee rate (default 0.0005)" },
    { "slippage", OPTION_VALUE, "BP", "against every taker fill, in basis points (default 0)" },
    { "latency", OPTION_VALUE, "MS", "one way; a request travels it, and so does its answer (default 0)" },
    { "leverage", OPTION_VALUE, "N", "of every symbol at the start (default 20)" },
    { "margin", OPTION_VALUE, "TYPE", "crossed or isolated (default crossed)" },
    { "hedge", OPTION_FLAG, NULL, "hedge mode: a long and a short position a symbol" },
    { "path", OPTION_VALUE, "RULE", "inside a bar: adverse, nearest, ohlc or olhc (default adverse)" },
    { "touch", OPTION_VALUE, "RULE", "a resting order fills when the price goes through it, or reaches it: through, at" },
    { "exchange-info", OPTION_VALUE, "FILE", "symbol rules from a saved exchangeInfo reply" },
    { "leverage-brackets", OPTION_VALUE, "FILE", "brackets from a saved leverageBracket reply" },
    { "allow-gaps", OPTION_FLAG, NULL, "accept missing bars in the data" },
    { "config", OPTION_VALUE, "FILE", "configuration of the API manager (default ./moontide.conf.lua if there)" },
    { "faults", OPTION_VALUE, "FILE", "a Lua table of rules by which requests are lost, late or answered with errors" },
    { "store", OPTION_VALUE, "DIR", "where imported data is kept (default ~/.cache/moontide)" },
    { "seed", OPTION_VALUE, "N", "of math.random and of the retry jitter (default 1)" },
    { "json", OPTION_VALUE, "FILE", "the result as one JSON document; - for standard output and nothing else" },
    { "trades", OPTION_VALUE, "FILE.csv", "the closed trades" },
    { "equity", OPTION_VALUE, "FILE.csv", "the equity at every bar" },
    { "assumptions", OPTION_FLAG, NULL, "print what the simulation assumes, and stop" },
    { "log-level", OPTION_VALUE, "LEVEL", "debug (each request's life in a line), info, warn or error (default info)" },
    { "log-format", OPTION_VALUE, "FORM", "text or json, an object a line (default text)" },
    { "quiet", OPTION_FLAG, NULL, "no notices, no progress, no log lines below warnings" },
    { NULL, 0, NULL, NULL },
};

const struct command command_backtest = {
    "backtest", "backtest SCRIPT --data PATH... [options]",
    "Runs a strategy on past bars: its api.* calls go through the API manager to a simulated exchange.",
    options, "backtest", 0,
};
