// gateway.c: holds, stamps and sends admitted requests, and says what their answers mean. The states are drawn in
// gateway.h; in words:
//
//     attempt begins --> JOURNAL   intent_log_hold said yes; left by gateway_written
//                    --> CLOCK     in `unstamped`; left by gateway_clock_answered
//                    --> SENT      stamped, tracked and with the link; left by one of the five answers
//     answered       --> SKEW      in `skewed`; left by gateway_clock_answered
//                    --> over      dispatcher_reply; an unknown outcome goes on in the outcome tracker
//     cancelled      --> over      from any state, and for what is unresolved a stand-in takes over
#include "execution/gateway.h"

#include "execution/answer_check.h"
#include "execution/slow_down.h"

#include "base/array.h"
#include "base/assert.h"
#include "base/outcome.h"
#include "base/units.h"
#include "venue/binance/endpoint.h"
#include "venue/binance/error_code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEN_SECONDS_US (10 * SECOND_US)
#define CLOCK_ERROR_US (60 * MINUTE_US)   // an intent may bear the time of a clock that was not measured
#define CODE_CLIENT_ID_TAKEN (-4116)
#define STATUS_OK 200

struct call_list {
    struct api_call **items;
    int32_t count, room;
};

struct gateway {
    struct gateway_options o;
    struct dispatcher *dispatcher;
    struct outcome_tracker *tracker;   // NULL: lossless
    struct intent_log *intents;        // NULL: no journal
    const char *(*journal_problem)(void *ctx);
    void *journal_ctx;
    struct call_list unstamped, skewed;
    bool clock_asked;
    struct slow_down slow_down;
    struct gateway_figures figures;
};

// ---- time ----

static int64_t now_of(const struct gateway *g) { return g->o.time.now_us(g->o.time.ctx); }
static int64_t exchange_of(const struct gateway *g) { return g->o.time.exchange_us(g->o.time.ctx); }

static bool clock_is_known(const struct gateway *g) {
    return !g->o.link.ask_clock || g->o.time.uncertainty_us(g->o.time.ctx) != GATEWAY_CLOCK_UNKNOWN;
}

// The least the exchange's clock may show now.
static int64_t exchange_at_least(void *ctx) {
    const struct gateway *g = ctx;
    int64_t uncertainty_us = g->o.time.uncertainty_us(g->o.time.ctx);
    return uncertainty_us == GATEWAY_CLOCK_UNKNOWN ? INT64_MIN : exchange_of(g) - uncertainty_us;
}

// ---- calls that wait for the clock ----

static void list_add(struct call_list *l, struct api_call *op) {
    ASSERT(op->request.state == REQUEST_IN_FLIGHT);
    ARRAY_ROOM(l->items, l->room, l->count + 1);
    l->items[l->count++] = op;
    ASSERT(l->count <= l->room);
}

static void list_remove_at(struct call_list *l, int32_t i) {
    ASSERT(i >= 0 && i < l->count);
    ASSERT(l->count <= l->room);
    l->count--;
    memmove(l->items + i, l->items + i + 1, sizeof *l->items * (size_t)(l->count - i));
}

static void list_remove(struct call_list *l, const struct api_call *op) {
    for (int32_t i = l->count - 1; i >= 0; i--) {
        if (l->items[i] == op) list_remove_at(l, i);
    }
}

// The first that came goes first.
static struct api_call *list_take(struct call_list *l) {
    ASSERT(l->count > 0);
    struct api_call *op = l->items[0];
    list_remove_at(l, 0);
    return op;
}

static bool list_has(const struct call_list *l, const struct api_call *op) {
    for (int32_t i = 0; i < l->count; i++) {
        if (l->items[i] == op) return true;
    }
    return false;
}

static bool waits_for_clock(const struct gateway *g, const struct api_call *op) {
    return list_has(&g->unstamped, op) || list_has(&g->skewed, op);
}

// ---- the answer, for the dispatcher ----

// The attempt is over: whatever else comes of it comes too late.
static void end_attempt(struct gateway *g, struct api_call *op, const struct dispatch_reply *reply) {
    ASSERT(g->dispatcher != NULL);
    ASSERT(reply->outcome < OUTCOME_COUNT);
    if (op->request.state != REQUEST_IN_FLIGHT) return;   // it was given up meanwhile
    ASSERT(!waits_for_clock(g, op));                      // what is answered waits for nothing
    op->attempt++;
    dispatcher_reply(g->dispatcher, &op->request, reply, now_of(g));
}

static void end_as(struct gateway *g, struct api_call *op, enum outcome outcome) {
    end_attempt(g, op, &(struct dispatch_reply){ .outcome = outcome });
}

// What it did is not known. A request that changes nothing has at least done no harm.
static void end_unknown(struct gateway *g, struct api_call *op) {
    end_as(g, op, op->request.mutating ? OUTCOME_UNKNOWN : OUTCOME_TIMEOUT);
}

static void add_used(struct dispatch_reply *reply, uint8_t kind, int64_t interval_us, int32_t used) {
    ASSERT(interval_us > 0);
    if (used < 0) return;   // not told
    ASSERT(reply->used_count < (int32_t)(sizeof reply->used / sizeof *reply->used));
    reply->used[reply->used_count].kind = kind;
    reply->used[reply->used_count].interval_us = interval_us;
    reply->used[reply->used_count++].used = used;
}

// What an error means; the venue's table knows. Only one rule is ours: a client id that is taken when the order is sent
// for a second time is taken by the order itself, so an earlier attempt arrived after all.
static enum outcome classify(const struct api_call *op) {
    ASSERT(op->status != STATUS_OK);
    if (op->code == CODE_CLIENT_ID_TAKEN && op->request.attempts > 1) return OUTCOME_UNKNOWN;
    return error_code_outcome(op->status, op->code, op->message, true, op->request.mutating);
}

static void release_skewed(struct gateway *g) {
    while (g->skewed.count > 0) end_as(g, list_take(&g->skewed), OUTCOME_CLOCK_SKEW);
    ASSERT(g->skewed.count == 0);
}

// Its stamp was refused, so a clock was set: it is measured anew before the dispatcher hears of it and sends once more.
// Until then no other request gets a stamp of the old clock either.
static void hold_for_skew(struct gateway *g, struct api_call *op) {
    ASSERT(!waits_for_clock(g, op));
    g->figures.skewed++;
    if (!g->o.link.ask_clock) {
        end_as(g, op, OUTCOME_CLOCK_SKEW);
        return;
    }
    op->attempt++;
    list_add(&g->skewed, op);
    g->o.time.forget_exchange_us(g->o.time.ctx);
    if (!gateway_ask_clock(g)) release_skewed(g);
}

int64_t gateway_slow_down_us(struct gateway *g, int32_t status, int32_t code, const char *text,
                             int32_t retry_after_s) {
    struct slow_down_answer a = { status, code, text, retry_after_s, exchange_of(g) };
    return slow_down_pause_us(&g->slow_down, &a, now_of(g));
}

void gateway_answered(struct gateway *g, struct api_call *op) {
    ASSERT(!waits_for_clock(g, op));   // what is answered has left
    g->figures.answered++;
    if (op->status == STATUS_OK && !answer_check_fits(op)) {
        gateway_unreadable(g, op, "an answer about another order");
        return;
    }
    struct dispatch_reply reply = { .outcome = OUTCOME_DONE };
    if (op->status != STATUS_OK) {
        reply.outcome = classify(op);
        reply.retry_after_us = (int64_t)op->retry_after_s * 1000000;
    }
    if (reply.outcome == OUTCOME_SLOW_DOWN) {
        reply.retry_after_us = gateway_slow_down_us(g, op->status, op->code, op->message, op->retry_after_s);
        if (g->o.world.slowed) g->o.world.slowed(g->o.world.ctx, op, reply.retry_after_us);
    } else {
        slow_down_over(&g->slow_down, now_of(g));
    }
    if (reply.outcome == OUTCOME_CLOCK_SKEW) {
        hold_for_skew(g, op);
        return;
    }
    if (reply.outcome == OUTCOME_DONE && g->tracker) outcome_tracker_made(g->tracker, op);
    add_used(&reply, LIMIT_WEIGHT, MINUTE_US, op->used_weight_1m);
    add_used(&reply, LIMIT_ORDERS, TEN_SECONDS_US, op->order_count_10s);
    add_used(&reply, LIMIT_ORDERS, MINUTE_US, op->order_count_1m);
    end_attempt(g, op, &reply);
}

void gateway_unreadable(struct gateway *g, struct api_call *op, const char *problem) {
    ASSERT(problem != NULL);
    api_call_fail(op, STATUS_OK, 0, problem);
    end_unknown(g, op);
}

void gateway_lost(struct gateway *g, struct api_call *op, const char *problem) {
    ASSERT(problem != NULL);
    g->figures.lost++;
    api_call_fail(op, 0, 0, problem);
    end_unknown(g, op);
}

void gateway_unsent(struct gateway *g, struct api_call *op, const char *problem) {
    ASSERT(problem != NULL);
    g->figures.unsent++;
    api_call_fail(op, 0, 0, problem);
    end_attempt(g, op, &(struct dispatch_reply){ .outcome = OUTCOME_NOT_EXECUTED, .unsent = true });
}

void gateway_refuse(struct gateway *g, struct api_call *op, int32_t code, const char *problem) {
    ASSERT(problem != NULL);
    ASSERT(op->request.state != REQUEST_UNRESOLVED);   // it may have been executed
    api_call_fail(op, 0, code, problem);
    end_as(g, op, OUTCOME_REFUSED);
}

uint64_t gateway_token(const struct api_call *op) {
    ASSERT(op->slot >= 0);
    return (uint64_t)op->attempt << 32 | (uint32_t)op->slot;
}

struct api_call *gateway_waiting(const struct gateway *g, uint64_t token) {
    struct api_call *op = api_call_at(g->o.calls, (int32_t)(token & INT32_MAX));
    ASSERT(op->slot == (int32_t)(token & INT32_MAX));
    return op->attempt == token >> 32 && op->request.state == REQUEST_IN_FLIGHT ? op : NULL;
}

// ---- the attempt ----

// The stamp of a clock that is not measured may be good for longer than is thought: that such a request never arrived
// could not be proven.
static bool needs_the_clock(const struct gateway *g, const struct api_call *op) {
    ASSERT(op->call.endpoint < EP_COUNT);
    return op->request.mutating && !clock_is_known(g) &&
           endpoint_info(op->call.endpoint)->security == SEC_SIGNED;
}

// Nothing holds it back but perhaps the clock.
static void leave(struct gateway *g, struct api_call *op) {
    ASSERT(!waits_for_clock(g, op));
    ASSERT(op->request.state == REQUEST_IN_FLIGHT && op->intent != INTENT_WAITS);
    if (needs_the_clock(g, op)) {
        list_add(&g->unstamped, op);
        return;
    }
    int64_t stamp_us = exchange_of(g);
    if (g->tracker && op->request.mutating)
        outcome_tracker_sent(g->tracker, op, stamp_us, g->o.recv_window_us);
    ASSERT(g->tracker == NULL || op->request.state == REQUEST_IN_FLIGHT);
    g->figures.sent++;
    g->o.link.send(g->o.link.ctx, op, stamp_us);
}

static void on_send(void *ctx, struct request *r, int64_t now_us) {
    (void)now_us;
    struct gateway *g = ctx;
    struct api_call *op = r->user;
    ASSERT(r->state == REQUEST_IN_FLIGHT);
    ASSERT(op->lookup == 0 || !r->mutating);   // what the gateway itself asks changes nothing
    ASSERT(&op->request == r && !waits_for_clock(g, op));
    op->attempt++;
    if (g->intents && intent_log_hold(g->intents, op, exchange_of(g))) return;
    leave(g, op);
}

void gateway_written(struct gateway *g, uint64_t tag, int err) {
    struct api_call *op = g->intents ? intent_log_down(g->intents, tag, err) : NULL;
    if (!op) return;   // no intent of an order, or the order was given up meanwhile
    ASSERT(op->request.state == REQUEST_IN_FLIGHT);   // it waited for nothing but this
    ASSERT(!waits_for_clock(g, op));                  // the journal comes before the clock
    if (!err) {
        leave(g, op);
        return;
    }
    char text[160];
    const char *why = g->journal_problem ? g->journal_problem(g->journal_ctx) : "";
    snprintf(text, sizeof text, "nothing was sent: the journal cannot be written: %.90s", why);
    gateway_refuse(g, op, 0, text);
}

static void on_cancel(void *ctx, struct request *r) {
    struct gateway *g = ctx;
    struct api_call *op = r->user;
    ASSERT(g->tracker != NULL);
    ASSERT(&op->request == r);
    ASSERT(r->state == REQUEST_IN_FLIGHT || r->state == REQUEST_UNRESOLVED);
    list_remove(&g->unstamped, op);
    list_remove(&g->skewed, op);
    outcome_tracker_abandon(g->tracker, op);
    if (g->o.link.cancel) g->o.link.cancel(g->o.link.ctx, op);
    ASSERT(!waits_for_clock(g, op));
    op->attempt++;
}

static bool on_doubt(void *ctx, struct request *r, int64_t now_us) {
    struct gateway *g = ctx;
    ASSERT(g->tracker != NULL);
    ASSERT(r->mutating && r->user != NULL);
    if (outcome_tracker_unknown(g->tracker, r->user, now_us)) return true;
    intent_log_absent(r->user);   // it was given up before it left
    return false;
}

bool gateway_ask_clock(struct gateway *g) {
    ASSERT(g->o.link.ask_clock != NULL);
    if (!g->clock_asked) g->clock_asked = g->o.link.ask_clock(g->o.link.ctx);
    return g->clock_asked;
}

bool gateway_clock_asked(const struct gateway *g) { return g->clock_asked; }

void gateway_clock_answered(struct gateway *g) {
    g->clock_asked = false;
    release_skewed(g);
    while (g->unstamped.count > 0 && clock_is_known(g)) leave(g, list_take(&g->unstamped));
}

// ---- unknown outcomes ----

static struct api_call *take_call(void *ctx) {
    struct gateway *g = ctx;
    struct api_call *op = api_call_take(g->o.calls);
    ASSERT(op != NULL);   // an order whose outcome is unknown cannot be left alone
    return op;
}

static void ask(void *ctx, struct api_call *query, uint64_t number) {
    struct gateway *g = ctx;
    ASSERT(number != 0 && query->lookup == 0);
    query->lookup = number;
    g->o.world.look_up(g->o.world.ctx, query);
}

static void on_known(void *ctx, struct api_call *op, enum outcome outcome) {
    struct gateway *g = ctx;
    ASSERT(outcome == OUTCOME_DONE || outcome == OUTCOME_REFUSED || outcome == OUTCOME_NOT_EXECUTED);
    ASSERT(op->request.mutating || op->request.state == REQUEST_IDLE);
    if (op->request.state == REQUEST_UNRESOLVED) {
        dispatcher_resolve(g->dispatcher, &op->request, outcome, now_of(g));
        return;
    }
    ASSERT(op->request.state == REQUEST_IDLE);   // its caller went on without it
    if (g->intents) intent_log_known(g->intents, op, outcome, exchange_of(g));
    if (g->o.world.resolved) g->o.world.resolved(g->o.world.ctx, op, outcome);
    api_call_give(g->o.calls, op);
}

bool gateway_settled(struct gateway *g, struct api_call *op, enum settle settle, int64_t now_us) {
    ASSERT(settle < SETTLE_COUNT);
    ASSERT(op->request.state == REQUEST_IDLE && !waits_for_clock(g, op));
    op->settle = (uint8_t)settle;
    if (op->lookup != 0) {
        ASSERT(g->tracker != NULL);
        ASSERT(!op->request.mutating);
        outcome_tracker_answered(g->tracker, op->lookup, op, now_us);
        op->lookup = 0;
        return true;
    }
    if (!op->request.mutating) return false;
    if (g->tracker) outcome_tracker_ended(g->tracker, op);
    if (g->intents) intent_log_settled(g->intents, op, settle, exchange_of(g));
    if (g->intents && settle == SETTLE_DONE && !intent_log_makes(op))
        intent_log_shown(g->intents, op, exchange_of(g));
    return false;
}

void gateway_on_event(struct gateway *g, int32_t kind, const void *record) {
    ASSERT(record != NULL);
    if (!g->tracker) return;
    if (kind == RECORD_ORDER_UPDATE) outcome_tracker_on_order(g->tracker, record);
    if (kind == RECORD_ALGO_UPDATE) outcome_tracker_on_algo(g->tracker, record);
}

void gateway_journal_event(struct gateway *g, int32_t kind, const void *record) {
    ASSERT(record != NULL);
    if (!g->intents) return;
    if (kind == RECORD_ORDER_UPDATE) intent_log_on_order(g->intents, record);
    if (kind == RECORD_ALGO_UPDATE) intent_log_on_algo(g->intents, record);
}

int gateway_reopen(struct gateway *g, const struct journal_order *o, struct api_call *op) {
    ASSERT(g->intents != NULL && op != NULL);
    return intent_log_reopen(g->intents, o, op);
}

// The process that sent it is gone: the request bears a stamp of before now, or, had its clock not been measured when
// the intent was made, a time of making that is off.
void gateway_find_out(struct gateway *g, struct api_call *op, int64_t made_us, bool taken) {
    ASSERT(g->tracker != NULL && op != NULL);
    ASSERT(op->intent == INTENT_DOWN || op->intent == INTENT_TAKEN);
    ASSERT(clock_is_known(g));
    int64_t final_us = exchange_of(g) + g->o.time.uncertainty_us(g->o.time.ctx) + g->o.recv_window_us;
    outcome_tracker_reopen(g->tracker, op, made_us - CLOCK_ERROR_US, taken ? 0 : final_us, now_of(g));
}

void gateway_id_used(struct gateway *g, const char *client_id, bool algo, int64_t id) {
    ASSERT(client_id != NULL);
    if (g->tracker) outcome_tracker_used(g->tracker, client_id, algo, id);
}

void gateway_pump(struct gateway *g, int64_t now_us) {
    if (g->tracker) outcome_tracker_pump(g->tracker, now_us);
}

int64_t gateway_next_us(const struct gateway *g) {
    return g->tracker ? outcome_tracker_next_us(g->tracker) : INT64_MAX;
}

int32_t gateway_unresolved(const struct gateway *g) {
    return g->tracker ? outcome_tracker_count(g->tracker) : 0;
}

struct gateway_figures gateway_figures(const struct gateway *g) {
    struct gateway_figures f = g->figures;
    if (g->tracker) f.outcomes = outcome_tracker_figures(g->tracker);
    return f;
}

// ---- life ----

struct gateway *gateway_new(const struct gateway_options *options) {
    struct gateway *g = calloc(1, sizeof *g);
    if (!g) return NULL;
    g->o = *options;
    ASSERT(g->o.link.send && g->o.time.now_us && g->o.time.exchange_us && g->o.time.uncertainty_us &&
           g->o.calls);
    ASSERT(g->o.recv_window_us >= 0);
    ASSERT(!g->o.link.ask_clock || g->o.time.forget_exchange_us);
    if (g->o.lossless) return g;
    ASSERT(g->o.world.look_up != NULL);
    struct outcome_tracker_hooks hooks = { g, take_call, ask, on_known, exchange_at_least };
    g->tracker = outcome_tracker_new(&hooks);
    if (g->tracker) return g;
    free(g);
    return NULL;
}

void gateway_free(struct gateway *g) {
    if (!g) return;
    ASSERT(g->unstamped.count >= 0 && g->skewed.count >= 0);
    outcome_tracker_free(g->tracker);
    intent_log_free(g->intents);
    free(g->unstamped.items);
    free(g->skewed.items);
    free(g);
}

struct transport gateway_transport(struct gateway *g) {
    ASSERT(g->o.lossless == (g->tracker == NULL));
    bool lossless = g->o.lossless;
    return (struct transport){ g, on_send, lossless ? NULL : on_cancel, lossless ? NULL : on_doubt };
}

void gateway_attach(struct gateway *g, struct dispatcher *d) {
    ASSERT(d && !g->dispatcher);
    g->dispatcher = d;
}

bool gateway_journal(struct gateway *g, const struct intent_log_hooks *hooks,
                     const struct symbol_list *symbols) {
    ASSERT(hooks != NULL && symbols != NULL);
    ASSERT(!g->o.lossless);
    ASSERT(!g->intents);
    g->intents = intent_log_new(hooks, g->o.calls, symbols);
    g->journal_problem = hooks->problem;
    g->journal_ctx = hooks->ctx;
    return g->intents != NULL;
}
