#include "cli/options.h"

#include <stddef.h>

static const struct option_spec options[] = {
    { "symbol", OPTION_VALUE, "S", "what the strategy trades (default BTCUSDT)" },
    { NULL, 0, NULL, NULL },
};

const struct command command_new = {
    "new",
    "new NAME [options]",
    "Makes a folder with a strategy, its spec and its configuration, which run at once.",
    options,
    "new",
    0,
};
