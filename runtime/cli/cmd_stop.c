#include "cli/options.h"

#include <stddef.h>

static const struct option_spec options[] = {
    { "all", OPTION_FLAG, NULL, "every run that is going on" },
    { "flatten", OPTION_FLAG, NULL, "close positions too, by reduce-only market orders" },
    { "halt", OPTION_FLAG, NULL,
      "the kill switch: refuse new orders and cancel at once; on_stop runs, and --on-halt counts" },
    { "wait", OPTION_VALUE, "S", "for how long to wait for the end (default 60)" },
    { NULL, 0, NULL, NULL },
};

const struct command command_stop = {
    "stop",
    "stop NAME... [--flatten] [--halt] | stop --all",
    "Stops runs by name: their open orders are cancelled, also of a run whose script hangs.",
    options,
    "stop",
    0,
};
