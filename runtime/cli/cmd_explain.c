#include "cli/options.h"

#include <stddef.h>

static const struct option_spec options[] = {
    { "script", OPTION_VALUE, "FILE", "this script instead of the one inside the recording" },
    { "trusted", OPTION_FLAG, NULL, "let it use all of Lua (default: a sandbox)" },
    { "data", OPTION_LIST, "PATH...",
      "the market of that time: finer bars, what the recording lacks, funding rates (as for backtest)" },
    { "maker", OPTION_VALUE, "R", "maker fee rate of the backtest (default 0.0002)" },
    { "taker", OPTION_VALUE, "R", "taker fee rate (default 0.0005)" },
    { "slippage", OPTION_VALUE, "BP",
      "against every taker fill of the backtest, in basis points (default 0)" },
    { "latency", OPTION_VALUE, "MS", "one way, in the backtest (default 0)" },
    { "leverage", OPTION_VALUE, "N", "of every symbol in the backtest (default 20)" },
    { "margin", OPTION_VALUE, "TYPE", "crossed or isolated (default crossed)" },
    { "path", OPTION_VALUE, "RULE", "inside a bar: adverse, nearest, ohlc or olhc (default adverse)" },
    { "touch", OPTION_VALUE, "RULE",
      "a resting order fills when the price goes through it, or reaches it: through, at" },
    { "orders", OPTION_VALUE, "N",
      "how many orders are shown, those with the largest differences (default 10; 0: none)" },
    { "store", OPTION_VALUE, "DIR", "where imported data is kept (default ~/.cache/moontide)" },
    { "json", OPTION_VALUE, "FILE",
      "all of it as one JSON document; - for standard output and nothing else" },
    { NULL, 0, NULL, NULL },
};

const struct command command_explain = {
    "explain",
    "explain RECORDING [options]",
    "Says why a recorded run came to another result than its backtest: data, latency, fills, fees, "
    "refusals...",
    options,
    "explain",
    0,
};
