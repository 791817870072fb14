#include "base/outcome.h"

const char *outcome_name(enum outcome outcome) {
    switch (outcome) {
    case OUTCOME_DONE: return "done";
    case OUTCOME_REFUSED: return "refused";
    case OUTCOME_NOT_EXECUTED: return "not_executed";
    case OUTCOME_SLOW_DOWN: return "slow_down";
    case OUTCOME_CLOCK_SKEW: return "clock_skew";
    case OUTCOME_UNKNOWN: return "unknown_outcome";
    case OUTCOME_TIMEOUT: return "timeout";
    case OUTCOME_COUNT: break;
    }
    return "?";
}
