// api_fuzz.c: random schedules of the API manager against a model of the server's windows.
//
// A case: a random configuration, 8 to 40 requests, a server whose clock is off by up to the stated
// uncertainty, random latency, faults, cancellations. The model books a request in the server's window at its
// time of arrival. In a third of the cases two dispatchers share one budget, and one of them may die with
// what it has under way.
#include "testing/api_fuzz.h"

#include "base/units.h"
#include "api/dispatcher.h"
#include "base/assert.h"
#include "base/err.h"
#include "base/rng.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { REQUESTS_MAX = 40, ROWS_MAX = 4, STEPS_MAX = 20000, CLIENTS_MAX = 2 };

struct row {
    int64_t interval_us;
    int32_t limit, kind;
};

struct fuzz_client {
    struct dispatcher *d;
    int32_t streak[REQUEST_CLASSES_MAX];   // failures in a row; -1: this class is no longer modelled
    int64_t closed_until_us[REQUEST_CLASSES_MAX];
    int32_t probes[REQUEST_CLASSES_MAX];   // sent while open
};

struct job {
    struct request r;
    struct fuzz_client *client;
    int64_t start_us, reply_us;   // reply_us: INT64_MAX when not in flight
    int64_t known_us;             // when a doubt is over; INT64_MAX: there is none
    int32_t settled, sends;
    bool submitted, critical_probe;
    enum outcome outcome;
};

struct arrival {
    int64_t at_us;
    int32_t cost[LIMIT_KIND_COUNT];
};

struct world {
    struct rng rng;
    struct fuzz_client clients[CLIENTS_MAX];
    int32_t client_count;
    struct budget shared[BUDGET_SCOPE_COUNT];
    struct budget_lock lock;
    int32_t lock_depth;
    int64_t death_us;   // of the second client; INT64_MAX: it lives
    struct api_config config;
    struct job jobs[REQUESTS_MAX];
    struct arrival arrivals[REQUESTS_MAX * 8];
    struct row rows[ROWS_MAX];
    int32_t job_count, arrival_count, row_count;
    int64_t now_us, server_offset_us, latency_max_us;
    int32_t fault_percent;
    bool instant;
    const char *broken;
};

static int64_t between(struct world *w, int64_t low, int64_t high) {
    return low + (int64_t)rng_below(&w->rng, (uint64_t)(high - low + 1));
}

static void check(struct world *w, bool holds, const char *what) {
    if (!holds && !w->broken) w->broken = what;
}

static void arrive(struct world *w, struct job *j, int64_t at_us) {
    ASSERT(w->arrival_count < REQUESTS_MAX * 8);
    struct arrival *a = &w->arrivals[w->arrival_count++];
    a->at_us = at_us;
    memcpy(a->cost, j->r.cost, sizeof a->cost);
}

static void check_order(struct world *w, const struct job *sent) {
    for (int32_t i = 0; i < w->job_count; i++) {
        const struct job *j = &w->jobs[i];
        if (j->client == sent->client && j->submitted && !j->settled && j->sends == 0 &&
            j->r.priority == sent->r.priority && j->r.strategy == sent->r.strategy &&
            j->r.request_class == sent->r.request_class && j->r.level == sent->r.level)
            check(w, j->r.id >= sent->r.id, "order within a level, strategy and class");
    }
}

static void check_breaker(struct world *w, struct job *j) {
    int32_t c = j->r.request_class;
    struct fuzz_client *client = j->client;
    j->critical_probe = false;
    if (client->streak[c] < 0 || w->now_us >= client->closed_until_us[c]) return;
    check(w, j->r.priority == PRIORITY_CRITICAL, "only CRITICAL passes an open breaker");
    check(w, ++client->probes[c] == 1, "one early probe at a time");
    j->critical_probe = true;
}

static enum outcome draw_outcome(struct world *w) {
    if (between(w, 0, 99) >= w->fault_percent) return between(w, 0, 9) == 0 ? OUTCOME_REFUSED : OUTCOME_DONE;
    return (enum outcome)between(w, OUTCOME_NOT_EXECUTED, OUTCOME_TIMEOUT);
}

static void answer(struct world *w, struct job *j);

static void on_send(void *ctx, struct request *r, int64_t now_us) {
    struct world *w = ctx;
    struct job *j = r->user;
    check(w, !j->settled, "no send after the settlement");
    check(w, now_us < r->submitted_us + r->queue_timeout_us, "no send after the queue timeout");
    check(w, r->deadline_us == 0 || now_us < r->deadline_us, "no send after the deadline");
    check(w, now_us >= r->not_before_us, "no send before the backoff is over");
    int32_t slots = w->config.workers + (r->priority == PRIORITY_CRITICAL ? w->config.critical_workers : 0);
    check(w, dispatcher_in_flight(j->client->d) <= slots, "no more in flight than workers");
    if (j->sends == 0) check_order(w, j);
    check_breaker(w, j);
    j->sends++;
    j->outcome = draw_outcome(w);
    int64_t there_us = w->instant ? 0 : between(w, 0, w->latency_max_us);
    j->reply_us = now_us + there_us + (w->instant ? 0 : between(w, 0, w->latency_max_us));
    arrive(w, j, now_us + there_us + w->server_offset_us);
    if (w->instant) answer(w, j);
}

static void on_cancel(void *ctx, struct request *r) {
    struct world *w = ctx;
    struct job *j = r->user;
    check(w, j->reply_us != INT64_MAX || j->known_us != INT64_MAX,
          "cancels only what is in flight or in doubt");
    // It arrives all the same: on_send has booked it, possibly later than now.
    bool doubt = j->known_us != INT64_MAX;
    j->reply_us = j->known_us = INT64_MAX;
    if (doubt) return;
    j->client->streak[r->request_class] = -1;
}

static bool on_doubt(void *ctx, struct request *r, int64_t now_us) {
    struct world *w = ctx;
    struct job *j = r->user;
    check(w, r->mutating, "only what changes state is doubted");
    check(w, j->known_us == INT64_MAX, "doubted once an attempt");
    if (between(w, 0, 3) == 0) return false;
    j->known_us = now_us + between(w, 0, 5 * SECOND_US);
    return true;
}

static void clear_up(struct world *w, struct job *j) {
    static const enum outcome outcomes[] = { OUTCOME_DONE, OUTCOME_REFUSED, OUTCOME_NOT_EXECUTED,
                                             OUTCOME_UNKNOWN };
    check(w, j->r.state == REQUEST_UNRESOLVED, "in doubt until it is known");
    j->known_us = INT64_MAX;
    dispatcher_resolve(j->client->d, &j->r, outcomes[between(w, 0, 3)], w->now_us);
}

static void on_settled(void *ctx, struct request *r, enum settle how, int64_t now_us) {
    struct world *w = ctx;
    struct job *j = r->user;
    j->settled++;
    check(w, j->settled == 1, "settles once");
    check(w, j->reply_us == INT64_MAX && j->known_us == INT64_MAX,
          "settles only when out of flight and doubt");
    check(w, r->state == REQUEST_IDLE, "idle when settled");
    check(w, r->deadline_us == 0 || now_us <= r->deadline_us || j->start_us >= r->deadline_us, "deadline");
    if (j->sends == 0) check(w, now_us <= r->submitted_us + r->queue_timeout_us, "queue timeout");
    if (r->mutating && how == SETTLE_UNKNOWN) check(w, j->sends > 0, "unknown only when sent");
}

static void model_breaker(struct world *w, const struct job *j) {
    int32_t c = j->r.request_class;
    bool failed =
        j->outcome == OUTCOME_NOT_EXECUTED || j->outcome == OUTCOME_UNKNOWN || j->outcome == OUTCOME_TIMEOUT;
    bool neutral = j->outcome == OUTCOME_SLOW_DOWN || j->outcome == OUTCOME_CLOCK_SKEW;
    struct fuzz_client *client = j->client;
    if (client->streak[c] < 0) return;
    if (j->critical_probe) {
        client->probes[c]--;
        if (!failed && !neutral) client->streak[c] = -1;   // half-open now: the model ends here
        return;
    }
    if (client->closed_until_us[c] > 0 || neutral) return;
    client->streak[c] = failed ? client->streak[c] + 1 : 0;
    if (client->streak[c] >= w->config.failure_threshold)
        client->closed_until_us[c] = w->now_us + w->config.recovery_timeout_us;
}

static void answer(struct world *w, struct job *j) {
    struct dispatch_reply reply = { .outcome = j->outcome };
    if (j->outcome == OUTCOME_SLOW_DOWN) reply.retry_after_us = between(w, 0, 2 * SECOND_US);
    j->reply_us = INT64_MAX;
    model_breaker(w, j);
    dispatcher_reply(j->client->d, &j->r, &reply, w->now_us);
}

static void make_limits(struct world *w) {
    static const int64_t intervals[] = { SECOND_US, 2 * SECOND_US, 10 * SECOND_US };
    w->row_count = (int32_t)between(w, 1, ROWS_MAX);
    struct api_config *c = &w->config;
    for (int32_t i = 0; i < w->row_count; i++) {
        struct row *row = &w->rows[i];
        *row = (struct row){ intervals[between(w, 0, 2)], (int32_t)between(w, 2, 20),
                             (int32_t)between(w, 0, 2) };
        for (int32_t k = 0; k < i; k++)
            if (w->rows[k].kind == row->kind && w->rows[k].interval_us == row->interval_us)
                row->limit = w->rows[k].limit;
        ASSERT(api_config_limit(c, row->kind, row->interval_us, row->limit) == ERR_OK);
    }
}

static void make_config(struct world *w) {
    struct api_config *c = &w->config;
    api_config_defaults(c);
    make_limits(w);
    c->workers = (int32_t)between(w, 1, 8);
    c->critical_workers = (int32_t)between(w, 0, 2);
    c->alert_limit_usage = between(w, 0, 3) == 0 ? 0.5 : 0;
    c->max_queue_size = (int32_t)between(w, 5, 60);
    c->aging_interval_us = between(w, 0, 3) * SECOND_US / 2;
    c->request_timeout_us = 600 * (int64_t)SECOND_US;
    c->initial_backoff_us = between(w, 1, 500000);
    c->failure_threshold = (int32_t)between(w, 2, 6);
    c->failure_rate = 0;
    c->recovery_timeout_us = between(w, 1, 5 * SECOND_US);
    c->half_open_probes = (int32_t)between(w, 1, 3);
    c->critical_reserve = between(w, 0, 1) ? 0.2 : 0;
    c->enable_adaptive_throttling = between(w, 0, 3) == 0;
    c->edge_guard_us = 0;
    c->seed = rng_next(&w->rng);
}

static void make_job(struct world *w, struct job *j) {
    static const int64_t timeouts[] = { 100000, 3 * SECOND_US, 60 * SECOND_US };
    struct request *r = &j->r;
    j->client = &w->clients[between(w, 0, w->client_count - 1)];
    j->start_us = between(w, 0, 1) ? between(w, 0, 12 * SECOND_US) : 0;
    j->reply_us = j->known_us = INT64_MAX;
    r->user = j;
    for (int32_t k = 0; k < LIMIT_KIND_COUNT; k++) r->cost[k] = (int32_t)between(w, 0, 3);
    r->priority = (uint8_t)between(w, 0, PRIORITY_COUNT - 1);
    r->strategy = (uint16_t)between(w, 0, 2);
    r->request_class = (uint8_t)between(w, 0, 1);
    r->mutating = between(w, 0, 1);
    r->retries_max = (uint8_t)between(w, 0, 3);
    r->queue_timeout_us = timeouts[between(w, 0, 2)];
    r->deadline_us = between(w, 0, 3) == 0 ? j->start_us + between(w, 1, 20 * SECOND_US) : 0;
}

static void enter(void *ctx) {
    struct world *w = ctx;
    check(w, w->lock_depth++ < BUDGET_SCOPE_COUNT, "a lock is entered once");
}

static void leave(void *ctx) {
    struct world *w = ctx;
    check(w, w->lock_depth-- > 0, "a lock is left once");
}

static void make_client(struct world *w, int32_t index, int64_t offset_us, int64_t uncertainty_us) {
    struct transport transport = { w, on_send, on_cancel, on_doubt };
    struct fuzz_client *client = &w->clients[index];
    client->d = dispatcher_new(&w->config, &transport, on_settled, w, w->now_us);
    ASSERT(client->d);
    for (int32_t scope = 0; w->client_count > 1 && scope < BUDGET_SCOPE_COUNT; scope++) {
        int32_t member = budget_join(&w->shared[scope], (uint64_t)index + 1);
        ASSERT(member == index);
        dispatcher_share(client->d, scope, &w->shared[scope], member, &w->lock, w->now_us);
    }
    dispatcher_clock(client->d, offset_us, uncertainty_us);
}

static void make_clients(struct world *w, int64_t offset_us, int64_t uncertainty_us) {
    w->client_count = between(w, 0, 2) == 0 ? CLIENTS_MAX : 1;
    w->lock = (struct budget_lock){ w, enter, leave };
    w->death_us =
        w->client_count > 1 && between(w, 0, 2) == 0 ? w->now_us + between(w, 0, 5 * SECOND_US) : INT64_MAX;
    for (int32_t scope = 0; scope < BUDGET_SCOPE_COUNT; scope++) budget_init(&w->shared[scope], 0);
    for (int32_t i = 0; i < w->client_count; i++) make_client(w, i, offset_us, uncertainty_us);
}

// The second client is killed: nobody hears of its requests again, its seat is cleared by the first.
static void die(struct world *w) {
    struct fuzz_client *dead = &w->clients[1];
    w->death_us = INT64_MAX;
    for (int32_t i = 0; i < w->job_count; i++) {
        struct job *j = &w->jobs[i];
        if (j->client != dead) continue;
        j->submitted = true;
        j->settled = 1;
        j->reply_us = j->known_us = INT64_MAX;
        j->r.state = REQUEST_IDLE;
    }
    dispatcher_free(dead->d);
    dead->d = NULL;
    for (int32_t scope = 0; scope < BUDGET_SCOPE_COUNT; scope++)
        budget_leave(&w->shared[scope], 1, w->now_us);
}

static void make_world(struct world *w, uint64_t seed) {
    memset(w, 0, sizeof *w);
    rng_init(&w->rng, seed);
    make_config(w);
    int64_t uncertainty_us = between(w, 0, 300000);
    int64_t offset_us = between(w, -5 * SECOND_US, 5 * SECOND_US);
    w->server_offset_us = offset_us + between(w, -uncertainty_us, uncertainty_us);
    w->latency_max_us = between(w, 0, 2) == 0 ? 0 : between(w, 1, 400000);
    w->fault_percent = between(w, 0, 1) ? 0 : (int32_t)between(w, 1, 80);
    w->instant = between(w, 0, 4) == 0;
    w->now_us = between(w, 0, 100 * (int64_t)SECOND_US);
    int64_t begin_us = w->now_us;
    make_clients(w, offset_us, uncertainty_us);
    w->job_count = (int32_t)between(w, 8, REQUESTS_MAX);
    for (int32_t i = 0; i < w->job_count; i++) {
        make_job(w, &w->jobs[i]);
        w->jobs[i].start_us += begin_us;
        if (w->jobs[i].r.deadline_us > 0) w->jobs[i].r.deadline_us += begin_us;
    }
}

static void submit(struct world *w, struct job *j) {
    j->submitted = true;
    j->start_us = w->now_us;
    int err = dispatcher_submit(j->client->d, &j->r, w->now_us);
    if (err != ERR_OK) {
        check(w, err == ERR_FULL, "refused only when full");
        j->settled++;
    }
}

static void do_events(struct world *w) {
    for (int32_t i = 0; i < w->job_count; i++) {
        struct job *j = &w->jobs[i];
        if (!j->submitted && j->start_us <= w->now_us)
            submit(w, j);
        else if (j->reply_us <= w->now_us)
            answer(w, j);
        else if (j->known_us <= w->now_us)
            clear_up(w, j);
        else if ((j->r.state == REQUEST_QUEUED ||
                  (j->r.state == REQUEST_UNRESOLVED && between(w, 0, 9) == 0)) &&
                 j->submitted && !j->settled && between(w, 0, 300) == 0)
            dispatcher_cancel(j->client->d, &j->r, w->now_us);
    }
}

static int64_t next_event_us(const struct world *w) {
    int64_t next_us = w->death_us;
    for (int32_t i = 0; i < w->client_count; i++) {
        int64_t client_us = w->clients[i].d ? dispatcher_next_us(w->clients[i].d) : INT64_MAX;
        next_us = client_us < next_us ? client_us : next_us;
    }
    for (int32_t i = 0; i < w->job_count; i++) {
        const struct job *j = &w->jobs[i];
        if (!j->submitted && j->start_us < next_us) next_us = j->start_us;
        if (j->reply_us < next_us) next_us = j->reply_us;
        if (j->known_us < next_us) next_us = j->known_us;
    }
    return next_us;
}

static int64_t window_of(int64_t at_us, int64_t interval_us) {
    int64_t window = at_us / interval_us;
    return at_us % interval_us < 0 ? window - 1 : window;
}

static void check_windows(struct world *w) {
    for (int32_t k = 0; k < w->row_count; k++) {
        const struct row *row = &w->rows[k];
        for (int32_t i = 0; i < w->arrival_count; i++) {
            int32_t used = 0;
            int64_t window = window_of(w->arrivals[i].at_us, row->interval_us);
            for (int32_t n = 0; n < w->arrival_count; n++)
                if (window_of(w->arrivals[n].at_us, row->interval_us) == window)
                    used += w->arrivals[n].cost[row->kind];
            check(w, used <= row->limit, "no window exceeded");
        }
    }
}

static void run_case(struct world *w) {
    int32_t steps = 0;
    for (;;) {
        int64_t next_us = next_event_us(w);
        if (next_us == INT64_MAX || w->broken) break;
        if (next_us > w->now_us) w->now_us = next_us;
        if (w->now_us >= w->death_us) die(w);
        do_events(w);
        for (int32_t i = 0; i < w->client_count; i++)
            if (w->clients[i].d) dispatcher_run(w->clients[i].d, w->now_us);
        if (++steps > STEPS_MAX) check(w, false, "comes to rest");
    }
    check_windows(w);
    for (int32_t i = 0; i < w->job_count; i++)
        check(w, w->jobs[i].settled == 1, "every request settles exactly once, and none starves");
    for (int32_t i = 0; i < w->client_count; i++)
        check(w,
              !w->clients[i].d ||
                  dispatcher_in_flight(w->clients[i].d) + dispatcher_in_doubt(w->clients[i].d) == 0,
              "nothing in flight or in doubt at the end");
    check(w, w->lock_depth == 0, "every lock is left");
}

int64_t api_fuzz(uint64_t seed, int64_t cases, char *report, size_t size) {
    static struct world w;
    for (int64_t i = 0; i < cases; i++) {
        make_world(&w, seed + (uint64_t)i);
        run_case(&w);
        for (int32_t k = 0; k < w.client_count; k++) dispatcher_free(w.clients[k].d);
        if (w.broken) {
            snprintf(report, size, "case %" PRId64 ", seed %" PRIu64 ": %s", i + 1, seed + (uint64_t)i,
                     w.broken);
            return i + 1;
        }
    }
    if (size > 0) report[0] = 0;
    return 0;
}
