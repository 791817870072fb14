#include "cli/options.h"

#include <stddef.h>

static const struct option_spec options[] = {
    { "capital", OPTION_VALUE, "N", "wallet of a new account in USDT (default 10000)" },
    { "reset", OPTION_FLAG, NULL, "begin a new account; the old one is gone" },
    { "state", OPTION_VALUE, "FILE", "where the account is kept (default: in the folder of the run)" },
    { "maker", OPTION_VALUE, "R", "maker fee rate (default 0.0002)" },
    { "taker", OPTION_VALUE, "R", "taker fee rate (default 0.0005)" },
    { "latency", OPTION_VALUE, "MS", "one way; a request travels it, and so does its answer (default 20)" },
    { "leverage", OPTION_VALUE, "N", "of every symbol of a new account (default 20)" },
    { "margin", OPTION_VALUE, "TYPE", "of a new account: crossed or isolated (default crossed)" },
    { "hedge", OPTION_FLAG, NULL, "a new account in hedge mode: a long and a short position a symbol" },
    { "json", OPTION_VALUE, "FILE",
      "the result as one JSON document; - for standard output and nothing else" },
    { "trades", OPTION_VALUE, "FILE.csv", "the closed trades" },
    { "assumptions", OPTION_FLAG, NULL, "print what the simulation assumes, and stop" },
#include "cli/run_options.h"
    { NULL, 0, NULL, NULL },
};

const struct command command_paper = {
    "paper",
    "paper SCRIPT... [options]",
    "Runs a strategy on a real exchange's market with an account of play money; no key is needed.",
    options,
    "paper",
    0,
};
