// faults.h: what goes wrong between a client and the exchange, by rules and a seed. Pure.
//
// A rule's request_class also tells streams apart: REQUEST_CLASS_ACCOUNT is user data, REQUEST_CLASS_MARKET
// market data. Rules are asked in their order for each request; the first that strikes applies. The same
// seed and requests meet the same faults.
#ifndef MT_SIM_FAULTS_H
#define MT_SIM_FAULTS_H

#include "base/rng.h"

#include <stdbool.h>
#include <stdint.h>

enum { FAULT_RULES_MAX = 64 };

enum fault_kind {
    FAULT_NONE,
    FAULT_NO_CONNECTION,   // not a byte leaves
    FAULT_LOSE_REQUEST,    // sent, never arrives; no answer
    FAULT_LOSE_REPLY,      // executed; the answer is lost
    FAULT_ERROR,           // not executed; answered with status and code
    FAULT_ERROR_AFTER,     // executed, and answered with status and code all the same
    FAULT_DELAY,           // executed; the answer is late
    // Of a server alone (moontide exchange).
    FAULT_LATE,    // arrives late, is judged and executed only then, whether or not the client still waits
    FAULT_RESET,   // executed; the connection is reset in the middle of the answer
    FAULT_SLOW_BODY,         // executed; the answer's body trickles in over the delay
    FAULT_MALFORMED,         // executed; the answer's body is JSON cut short
    FAULT_WRONG_BODY,        // executed; the answer's body is the rule's message, whatever that says
    FAULT_SKEW,              // the exchange's clock is off by delay_us (either way)
    FAULT_STREAM_DROP,       // a stream's connection is cut instead of the message
    FAULT_STREAM_GAP,        // a message of a stream is left out
    FAULT_STREAM_TWICE,      // a message of a stream comes twice
    FAULT_LISTEN_KEY_LOSS,   // the listen key ends as it is used for a message
    FAULT_STREAM_LATE,       // a message of a stream comes after the delay, and what follows it behind it
    FAULT_KIND_COUNT
};

enum {
    FAULT_REQUEST_FIRST = FAULT_NO_CONNECTION,
    FAULT_REQUEST_LAST = FAULT_WRONG_BODY,
    FAULT_STREAM_FIRST = FAULT_STREAM_DROP,
    FAULT_STREAM_LAST = FAULT_STREAM_LATE
};

struct fault_rule {
    int64_t from_us, to_us;   // strikes within; to_us 0: for ever
    int64_t delay_us;         // of answers; of the clock
    int64_t jitter_us;        // on top of a delay, nearly exponentially distributed: 7/8 of it on average
    double share;             // of the requests it concerns, (0, 1]
    int32_t endpoint;         // -1: any
    int32_t request_class;    // -1: any
    int32_t most;             // strikes at most so often; 0: no bound
    int32_t status, code;     // of the errors; one below 400 is a page of something between
    int32_t retry_after_s;
    int32_t struck;   // so far; kept by faults_judge
    uint8_t kind;     // enum fault_kind
    char message[512];
};

struct faults {
    struct rng rng;
    int64_t ahead_us;   // of a clock with skew: how far the times it asks with are ahead of the rules'
    int32_t count;
    struct fault_rule rules[FAULT_RULES_MAX];
};

void faults_init(struct faults *f, uint64_t seed);

// A copy of the rule is added. ERR_FULL, or ERR_INVALID: a kind, share or bound that cannot be.
int faults_add(struct faults *f, const struct fault_rule *rule);

// The rule that strikes a request that leaves now, or NULL.
const struct fault_rule *faults_judge(struct faults *f, int32_t endpoint, int32_t request_class,
                                      int64_t now_us);

// The same for a message of a stream: to a user data stream or of market data.
const struct fault_rule *faults_judge_stream(struct faults *f, bool user_data, int64_t now_us);

// A delay drawn for a rule, and how far the clock should be off at a time without skew.
int64_t faults_delay_us(struct faults *f, const struct fault_rule *rule);
int64_t faults_skew_us(const struct faults *f, int64_t now_us);

const char *fault_kind_name(int32_t kind);   // "no_connection", "lose_request"...; NULL past the last

#endif
