// query_range.c: how many rows of what time a list call may ask for.
#include "sim/query_range.h"

#include "base/assert.h"
#include "base/units.h"

// `most` rows; the time that may be asked for at once, 0: any; whether a first id may not stand beside times.
struct query_range {
    int32_t most;
    int64_t longest_us;
    bool id_alone;
};

static struct query_range range_of(int32_t endpoint) {
    switch (endpoint) {
    case EP_KLINES:
    case EP_CONTINUOUS_KLINES:
    case EP_INDEX_KLINES:
    case EP_MARK_KLINES:
    case EP_PREMIUM_KLINES: return (struct query_range){ 1500, 0, false };
    case EP_AGG_TRADES: return (struct query_range){ 1000, HOUR_US, true };
    case EP_HISTORICAL_TRADES: return (struct query_range){ 500, 0, false };
    case EP_ALL_ORDERS: return (struct query_range){ 1000, 7 * DAY_US, false };
    case EP_USER_TRADES: return (struct query_range){ 1000, 7 * DAY_US, true };
    case EP_FORCE_ORDERS: return (struct query_range){ 100, 0, false };
    default: return (struct query_range){ 1000, 0, false };
    }
}

static bool too_long(int64_t longest_us, struct reply *r) {
    ASSERT(longest_us > 0);
    ASSERT(r->code == 0);
    return longest_us == HOUR_US ? reply_fail(r, -1127, "1") : reply_fail(r, -4165, "7");
}

bool query_range_holds(const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    if (c->endpoint == EP_DEPTH) return true;   // a limit of its own kind
    struct query_range range = range_of(c->endpoint);
    bool start = call_given(c, P_START_TIME), end = call_given(c, P_END_TIME);
    if (call_given(c, P_LIMIT) && (c->limit < 1 || c->limit > range.most))
        return reply_fail(r, -1130, "limit");
    if (range.id_alone && call_given(c, P_FROM_ID) && (start || end)) return reply_fail(r, -1128, NULL);
    if (!start || !end) return true;
    if (c->start_us > c->end_us) return reply_fail(r, -1023, NULL);
    return range.longest_us == 0 || c->end_us - c->start_us <= range.longest_us
               ? true
               : too_long(range.longest_us, r);
}

int64_t query_range_end_us(const struct call *c) {
    return call_given(c, P_END_TIME) ? c->end_us + 999 : INT64_MAX;
}

int32_t query_range_limit(const struct call *c, int32_t otherwise) {
    ASSERT(otherwise > 0);
    return call_given(c, P_LIMIT) ? c->limit : otherwise;
}
