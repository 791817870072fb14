// fault_rules.h: fault rules as JSON, in the form of a fault file.
//
//     [ {"fault": "lose_reply", "call": "POST /path/of/order", "share": 0.01},
//       {"fault": "error", "class": "market", "status": 503, "message": "Service Unavailable.", "from": 60,
//       "to": 120} ]
//
// or {"seed": 7, "rules": [...]}. Fields: fault (a name of fault_kind_name), call ("METHOD /path") or class
// (orders, market, account), share, from, to, delay, jitter (seconds), most, status, code, message,
// retry_after.
#ifndef MT_SIM_FAULT_RULES_H
#define MT_SIM_FAULT_RULES_H

#include "base/err.h"
#include "sim/faults.h"

#include <stdbool.h>

// Replaces the rules of *f. Times count from start_us. `server`: the kinds of a server alone are allowed too.
// ERR_INVALID or ERR_SYNTAX with the number of the rule and what is wrong; *f is then unchanged.
int fault_rules_read(const char *json, int64_t start_us, bool server, struct faults *f, struct errmsg *e);

// The rules in force and how often each struck, as JSON; as record_json.
size_t fault_rules_print(const struct faults *f, char *out, size_t size);

#endif
