// dispatcher.h: the API manager's heart. Requests in, "send this now" out, outcomes in, results out.
//
//   submitted -> queued -> admitted -> in flight -> settled, or back to queued with a not-before time
//                                      in flight -> in doubt -> settled, or back to queued once proven not
//                                      executed
//
// Admission asks, in this order: breaker, throttle, every limit window the request touches, a free worker.
//
// Pure     reads no clock and does no I/O: the caller passes now_us (any monotonic origin) and calls
//          dispatcher_run when dispatcher_next_us says so, after each submit and after each reply. Limit
//          windows lie on the exchange's clock: wall = now_us + the offset given by dispatcher_clock.
// Owner    the caller owns requests and config; the dispatcher allocates once, in dispatcher_new.
// Re-entry `send` may call dispatcher_reply for the same request before it returns (a transport that answers
// at
//          once) and `settled` may call dispatcher_submit; neither may call dispatcher_run.
// Threads  none; one thread calls everything.
#ifndef MT_API_DISPATCHER_H
#define MT_API_DISPATCHER_H

#include "api/budget.h"
#include "api/metrics.h"
#include "api/notice.h"
#include "api/request.h"
#include "api/config.h"
#include "base/outcome.h"

#include <stdint.h>

struct dispatcher;

// What the dispatcher needs of the world below it.
struct transport {
    void *ctx;
    // Starts the attempt. The transport must later (or at once, from inside) call dispatcher_reply exactly
    // once.
    void (*send)(void *ctx, struct request *r, int64_t now_us);
    // Gives up an attempt in flight, or what is in doubt: no dispatcher_reply or dispatcher_resolve may
    // follow. May be NULL.
    void (*cancel)(void *ctx, struct request *r);
    // A mutating request may or may not have been executed. True: it is found out, and dispatcher_resolve is
    // called later (not from inside); meanwhile r holds no worker and ends only by its deadline. NULL or
    // false: r settles SETTLE_UNKNOWN. Also asked when nobody waits for r any more; `cancel` then follows at
    // once. Needs `cancel`.
    bool (*doubt)(void *ctx, struct request *r, int64_t now_us);
};

// Called once for each submitted request, when it is over; the request is the caller's again.
typedef void (*dispatcher_settled)(void *ctx, struct request *r, enum settle settle, int64_t now_us);

// One answer, as the transport and the venue's tables understood it.
struct dispatch_reply {
    enum outcome outcome;
    bool unsent;              // with OUTCOME_NOT_EXECUTED: not a byte left, so its budget returns
    int64_t retry_after_us;   // 0: not said; otherwise from now
    int32_t used_count;       // corrections from used-weight and order-count headers
    struct {
        uint8_t kind;
        int64_t interval_us;
        int32_t used;
    } used[4];
};

// NULL only when memory is short. `config` is copied.
struct dispatcher *dispatcher_new(const struct api_config *config, const struct transport *transport,
                                  dispatcher_settled settled, void *settled_ctx, int64_t now_us);
void dispatcher_free(struct dispatcher *d);

// 0; ERR_FULL when the queue is full and nothing may make way; ERR_STOPPED. Only 0 leads to a `settled` call,
// which may come before this returns (already certain that it cannot be admitted in time).
int dispatcher_submit(struct dispatcher *d, struct request *r, int64_t now_us);

// Sends what may be sent and settles what is overdue.
void dispatcher_run(struct dispatcher *d, int64_t now_us);

// When dispatcher_run has something to do next; INT64_MAX: nothing until a reply or a submit.
int64_t dispatcher_next_us(const struct dispatcher *d);

// The answer to the attempt in flight.
void dispatcher_reply(struct dispatcher *d, struct request *r, const struct dispatch_reply *reply,
                      int64_t now_us);

// What became of a request in doubt: done, refused, certainly not executed (it may be sent again), or still
// unknown.
void dispatcher_resolve(struct dispatcher *d, struct request *r, enum outcome outcome, int64_t now_us);

// Ends a queued request (settles it SETTLE_CANCELLED) or gives up one in flight (settles SETTLE_UNKNOWN when
// mutating, else SETTLE_CANCELLED). No effect on an idle request.
void dispatcher_cancel(struct dispatcher *d, struct request *r, int64_t now_us);

// Refuses new work and settles what waits as SETTLE_STOPPED; what is in flight runs out. dispatcher_start
// takes work again.
void dispatcher_stop(struct dispatcher *d, int64_t now_us);
void dispatcher_start(struct dispatcher *d);

// Changes the configuration; what is queued stays queued.
void dispatcher_configure(struct dispatcher *d, const struct api_config *config, int64_t now_us);

// Spends from `budget` in place of one's own for that scope, as its member `member`, holding `lock` around
// each use; both are borrowed until dispatcher_free. Before the first submit. Windows of the configuration
// are set in it; the last member to configure one wins.
void dispatcher_share(struct dispatcher *d, int32_t scope, struct budget *budget, int32_t member,
                      const struct budget_lock *lock, int64_t now_us);

// Which of two ways to send the same presses less on the budgets; see limiter_strain.
double dispatcher_strain(struct dispatcher *d, const int32_t cost[], int64_t now_us);

// The time until which the venue wants to hear nothing (429, 418); in the past: it listens. And that it said so in
// the answer to a request that is none of the dispatcher's.
int64_t dispatcher_gate_us(struct dispatcher *d);
void dispatcher_gate(struct dispatcher *d, int64_t until_us);

// The oldest thing it has to tell, taken out; false: nothing. The last NOTICES_MAX are kept.
enum { NOTICES_MAX = 64 };
int32_t dispatcher_notice_count(const struct dispatcher *d);
bool dispatcher_notice(struct dispatcher *d, struct notice *out);

// A watcher outside has seen an alert rise or fall: told as those of its own, once a change.
void dispatcher_alert(struct dispatcher *d, int32_t rule, bool raised, double value, int64_t now_us);

// The exchange's clock minus ours, and how far off that may be; both in microseconds.
void dispatcher_clock(struct dispatcher *d, int64_t offset_us, int64_t uncertainty_us);

// Requests waiting at a priority, in flight, and in doubt.
int32_t dispatcher_queued(const struct dispatcher *d, int32_t priority);
int32_t dispatcher_in_flight(const struct dispatcher *d);
int32_t dispatcher_in_doubt(const struct dispatcher *d);

// Everything api.get_metrics shows; see metrics.h. Valid until the next call on d.
const struct metrics_snapshot *dispatcher_metrics(struct dispatcher *d, int64_t now_us);

#endif
