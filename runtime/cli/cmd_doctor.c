#include "cli/options.h"

#include <stddef.h>

static const struct option_spec options[] = {
    { "url", OPTION_VALUE, "URL", "the exchange's REST address (default https://fapi.binance.com)" },
    { "stream-url", OPTION_VALUE, "URL",
      "its streams (default wss://fstream.binance.com; with --url on this machine: the same place)" },
    { "key-file", OPTION_VALUE, "FILE", "as for moontide live" },
    { "config", OPTION_VALUE, "FILE",
      "settings of the API manager (default moontide.conf.lua, where it exists)" },
    { "recv-window", OPTION_VALUE, "MS", "how old a request may be when it arrives (default 5000)" },
    { "ca-file", OPTION_VALUE, "FILE", "certificates to trust instead of the system's (PEM)" },
    { "proxy", OPTION_VALUE, "URL",
      "a proxy for requests and streams (http, https, socks5h...; default: the environment's)" },
    { "json", OPTION_FLAG, NULL, "one JSON document instead of lines" },
    { NULL, 0, NULL, NULL },
};

const struct command command_doctor = {
    "doctor",
    "doctor [options]",
    "Checks what a live run needs: configuration, key, clock, reachability, limits, streams, disk.",
    options,
    "doctor",
    0,
};
