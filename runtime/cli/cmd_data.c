#include "cli/options.h"

#include <stddef.h>

static const struct option_spec options[] = {
    { "symbol", OPTION_VALUE, "S", "the symbol, where file names do not tell it" },
    { "interval", OPTION_VALUE, "I", "the interval, where file names do not tell it (synth: 1m)" },
    { "allow-gaps", OPTION_FLAG, NULL, "accept missing bars" },
    { "store", OPTION_VALUE, "DIR", "where imported data is kept (default ~/.cache/moontide)" },
    { "out", OPTION_VALUE, "FILE", "synth: the CSV to write (.csv or .csv.gz)" },
    { "seed", OPTION_VALUE, "N", "synth: the seed (default 1)" },
    { "bars", OPTION_VALUE, "N", "synth: how many bars (default 525600)" },
    { "price", OPTION_VALUE, "P", "synth: the first price (default that of the symbol)" },
    { "volatility", OPTION_VALUE, "R", "synth: standard deviation of a day's return (default 0.03)" },
    { "from", OPTION_VALUE, "T", "synth: time of the first bar (default 2023-01-01)" },
    { NULL, 0, NULL, NULL },
};

const struct command command_data = {
    "data",
    "data import|info PATH... | data synth --out FILE [options]",
    "Imports bars into the store, tells what is in files, or makes a market from a seed.",
    options,
    "data",
    0,
};
