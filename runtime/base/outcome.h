// outcome.h: how one attempt at a request ended, whatever the venue. The venue's table turns replies into
// these.
#ifndef MT_BASE_OUTCOME_H
#define MT_BASE_OUTCOME_H

#include <stdbool.h>

enum outcome {
    OUTCOME_DONE,           // executed, here is the reply
    OUTCOME_REFUSED,        // a business refusal: do not repeat unchanged, not a failure of the venue
    OUTCOME_NOT_EXECUTED,   // certainly not executed (5xx of that kind, connection never made): may be
                            // repeated
    OUTCOME_SLOW_DOWN,      // over a limit or banned: the gate closes until retry-after
    OUTCOME_CLOCK_SKEW,     // the stamp was outside the window: resynchronise, then once more
    OUTCOME_UNKNOWN,        // may have been executed: never repeated blindly when it changes state
    OUTCOME_TIMEOUT,        // no answer in time to a request that changes nothing: may be repeated
    OUTCOME_COUNT
};

#endif
