#include "cli/options.h"

#include <stddef.h>

static const struct option_spec options[] = {
    { "yes-real-money", OPTION_FLAG, NULL, "needed for any exchange that is not on this machine" },
    { "url", OPTION_VALUE, "URL", "the exchange's REST address (default https://fapi.binance.com)" },
    { "stream-url", OPTION_VALUE, "URL", "its streams (default wss://fstream.binance.com; with --url on this machine: the same place)" },
    { "key-file", OPTION_VALUE, "FILE", "a file of mode 0600 that returns { key = ..., secret = ..., kind = \"hmac\" }; else\n"
                                        "                     MOONTIDE_API_KEY and MOONTIDE_API_SECRET of the environment" },
    { "name", OPTION_VALUE, "NAME", "the run's name, by which status, attach and stop find it (default: the script's)" },
    { "symbol", OPTION_LIST, "S", "a symbol to trade; the script's own list when left out" },
    { "interval", OPTION_VALUE, "I", "interval of the bars; the script's own when left out, else 1m" },
    { "set", OPTION_LIST, "NAME=VALUE", "a parameter of the script" },
    { "config", OPTION_VALUE, "FILE", "settings of the API manager (default moontide.conf.lua, where it exists)" },
    { "max-order-notional", OPTION_VALUE, "USDT", "refuse any larger order (reducing ones pass)" },
    { "max-position-notional", OPTION_VALUE, "USDT", "refuse orders that would make a symbol's position larger" },
    { "max-daily-loss", OPTION_VALUE, "USDT", "refuse all but reducing orders once equity has fallen so far in the UTC day" },
    { "max-orders-per-minute", OPTION_VALUE, "N", "refuse more new and amended orders" },
    { "price-collar", OPTION_VALUE, "R", "refuse prices further from the last one than this ratio (default 0.1; 0: any)" },
    { "for", OPTION_VALUE, "S", "end by itself after so many seconds" },
    { "keep-orders", OPTION_FLAG, NULL, "leave open orders open at the end (default: they are cancelled)" },
    { "stream-age", OPTION_VALUE, "S", "replace a stream's connection at this age (default 85800; the exchange ends it at 86400)" },
    { "stream-silence", OPTION_VALUE, "S", "a stream silent for so long, and after a ping, is dead (default 40)" },
    { "recv-window", OPTION_VALUE, "MS", "how old a request may be when it arrives (default 5000)" },
    { "ca-file", OPTION_VALUE, "FILE", "certificates to trust instead of the system's (PEM)" },
    { "proxy", OPTION_VALUE, "URL", "an HTTP proxy for requests (default: the environment's)" },
    { "seed", OPTION_VALUE, "N", "the seed of math.random (default 1)" },
    { "no-supervisor", OPTION_FLAG, NULL, "the bare worker process, nobody watching it: for debuggers" },
    { "quiet", OPTION_FLAG, NULL, "warnings and errors only" },
    { "log-level", OPTION_VALUE, "L", "debug, info, warn or error (default info)" },
    { "log-format", OPTION_VALUE, "F", "text or json" },
    { NULL, 0, NULL, NULL },
};

const struct command command_live = {
    "live", "live SCRIPT --yes-real-money [options]",
    "Runs a strategy on a real exchange.",
    options, "live", 0,
};
