#include "cli/options.h"

#include <stddef.h>

static const struct option_spec attach_options[] = {
    { "write", OPTION_FLAG, NULL, "what is typed may trade and change settings (default: it may only look)" },
    { "quiet", OPTION_FLAG, NULL, "without the run's log lines" },
    { NULL, 0, NULL, NULL },
};

const struct command command_attach = {
    "attach",
    "attach [NAME] [--write] [--quiet]",
    "The REPL of a running paper or live process; leaving it leaves that running.",
    attach_options,
    "attach",
    0,
};

static const struct option_spec status_options[] = {
    { "orders", OPTION_FLAG, NULL,
      "instead, the orders in the run's journal; with NAME also of a run that is over" },
    { "runs", OPTION_FLAG, NULL,
      "instead, the runs in the journal, and how each ended; with NAME also of a run that is over" },
    { "last", OPTION_VALUE, "N", "with --orders or --runs: so many at most (default 50, 20)" },
    { "json", OPTION_FLAG, NULL, "everything each run says of itself, as one JSON document" },
    { NULL, 0, NULL, NULL },
};

const struct command command_status = {
    "status",
    "status [NAME] [--orders | --runs] [--json]",
    "Lists running paper and live processes: position, profit, queue, limits, breaker.",
    status_options,
    "status",
    0,
};

static const struct option_spec top_options[] = {
    { "every", OPTION_VALUE, "S", "seconds between looks (default 1)" },
    { NULL, 0, NULL, NULL },
};

const struct command command_top = {
    "top", "top [--every S]", "The table of moontide status, kept up to date. q leaves.", top_options, "top",
    0,
};
