#include "cli/options.h"

#include <stddef.h>

const struct command command_test = {
    "test",
    "test [SPEC...] [--jobs N] [busted options]",
    "Runs busted specs inside the runtime (default: spec/), N files at once. Busted's own options pass "
    "through.",
    NULL,
    "test",
    1,
};

const struct command command_script = {
    "script",
    "script FILE [ARGUMENT...]",
    "Runs a Lua file with the runtime's modules at hand: a tool, a benchmark.",
    NULL,
    "script",
    1,
};
