#include "cli/options.h"

#include <stddef.h>

static const struct option_spec options[] = {
    { "yes-real-money", OPTION_FLAG, NULL, "needed for any exchange that is not on this machine" },
    { "key-file", OPTION_VALUE, "FILE",
      "a file of mode 0600 that returns { key = ..., secret = ..., kind = \"hmac\" }; else\n"
      "                     MOONTIDE_API_KEY and MOONTIDE_API_SECRET of the environment" },
    { "restart-orders", OPTION_VALUE, "HOW",
      "orders that the last run had perhaps sent and that stand open: adopt (default) or cancel" },
    { "order-channel", OPTION_VALUE, "C",
      "rest (default) or ws: orders by the WebSocket API, by REST only while it cannot be reached;\n"
      "                     order_channel in moontide.conf.lua says the same" },
    { "ws-api-url", OPTION_VALUE, "URL",
      "the WebSocket API (default wss://ws-fapi.binance.com/ws-fapi/v1, or that of --url on this machine)" },
    { "reconcile", OPTION_VALUE, "S",
      "while orders are open, ask so often whether the account's stream has left something out (default "
      "60)" },
    { "recv-window", OPTION_VALUE, "MS", "how old a request may be when it arrives (default 5000)" },
    { "warm-connections", OPTION_VALUE, "N", "connections kept open before they are needed (default 2)" },
    { "on-crash", OPTION_VALUE, "WHAT",
      "of a killed worker: cancel its orders (default), flatten its positions too, or keep both" },
    { "dead-man-seconds", OPTION_VALUE, "S",
      "the exchange cancels our orders when it has not heard of us for so long (default 60; 0: never)" },
    { "clean-up", OPTION_VALUE, "", NULL },
#include "cli/run_options.h"
    { NULL, 0, NULL, NULL },
};

const struct command command_live = {
    "live",
    "live SCRIPT... --yes-real-money [options]",
    "Runs strategies on a real exchange, each in a process of its own, under a supervisor.",
    options,
    "live",
    0,
};
