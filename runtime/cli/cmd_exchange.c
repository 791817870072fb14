#include "cli/options.h"

#include <stddef.h>

static const struct option_spec options[] = {
    { "port", OPTION_VALUE, "N", "where to listen (default 9090; 0: any free port)" },
    { "listen", OPTION_VALUE, "ADDRESS", "the address to listen on (default 127.0.0.1: this machine only)" },
    { "symbols", OPTION_VALUE, "S,S...", "symbols of the made market (default BTCUSDT,ETHUSDT,SOLUSDT,BNBUSDT,XRPUSDT)" },
    { "synthetic", OPTION_VALUE, "SEED", "the seed of the made market (default 1)" },
    { "data", OPTION_LIST, "PATH", "bars or trades to replay instead (CSV, gz, zip; of bars also a folder)" },
    { "symbol", OPTION_VALUE, "S", "the symbol of the data, where file names do not tell it" },
    { "interval", OPTION_VALUE, "I", "the interval of the data, where file names do not tell it" },
    { "allow-gaps", OPTION_FLAG, NULL, "accept missing bars in the data" },
    { "store", OPTION_VALUE, "DIR", "where imported data is kept (default ~/.cache/moontide)" },
    { "history", OPTION_VALUE, "N", "bars of the data that lie in the past at the start (default 1500, at most half); of trades: minutes" },
    { "loop", OPTION_FLAG, NULL, "begin the replay again where the data end (default: the market falls still)" },
    { "speed", OPTION_VALUE, "X|max", "how much faster than the wall clock the exchange's runs (default 1)" },
    { "rate", OPTION_VALUE, "N", "orders a second of other traders in the first symbol (default 20)" },
    { "volatility", OPTION_VALUE, "R", "standard deviation of a day's return of the made market (default 0.03)" },
    { "wallet", OPTION_VALUE, "USDT", "the account's starting balance (default 10000)" },
    { "leverage", OPTION_VALUE, "N", "of every symbol at the start (default 20)" },
    { "public-key", OPTION_LIST, "FILE", "an RSA or Ed25519 public key (PEM) that may sign; its API key is printed" },
    { "key-rights", OPTION_VALUE, "withdraw", "what apiRestrictions tells of the keys that trade (default: no withdrawals)" },
    { "exchange-info", OPTION_VALUE, "FILE", "rules of the symbols from a saved exchangeInfo reply" },
    { "leverage-brackets", OPTION_VALUE, "FILE", "and brackets from a saved leverageBracket reply" },
    { "weight-limit", OPTION_VALUE, "N", "request weight a minute (default 2400)" },
    { "order-limits", OPTION_VALUE, "N,M", "orders in 10 seconds and in a minute (default 300,1200)" },
    { "no-limits", OPTION_FLAG, NULL, "count requests but refuse none" },
    { "state", OPTION_VALUE, "FILE", "keep the account in this file between runs (written at the end and every 10 s)" },
    { "faults", OPTION_VALUE, "FILE", "rules of what goes wrong (docs/exchange.md)" },
    { "tls", OPTION_LIST, "FILE", "serve TLS: the certificate and then, given again, the key (PEM)" },
    { "client-timeout", OPTION_VALUE, "S", "seconds a client has to send a whole request (default 10)" },
    { "legacy-streams", OPTION_FLAG, NULL, "addresses without /public, /market or /private carry all streams" },
    { "stream-life", OPTION_VALUE, "S", "seconds a stream connection lives (default 86400)" },
    { "ping", OPTION_VALUE, "S", "seconds between server pings (default 180)" },
    { NULL, 0, NULL, NULL },
};

const struct command command_exchange = {
    "exchange", "exchange [--port N] [--data PATH... | --synthetic SEED] [options]",
    "Runs a Binance-compatible futures exchange on this machine, for any client.",
    options, "exchange", 0,
};
