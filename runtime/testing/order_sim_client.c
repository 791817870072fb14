// order_sim_client.c: the client's process: the gateway on a network, a journal and a clock that go wrong; its lives.
#include "testing/order_sim_private.h"

#include "api/config.h"
#include "base/assert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// ---- what time it is ----

static int64_t now_us(void *ctx) { return ((const struct sim *)ctx)->now_us; }

int64_t sim_client_exchange_us(void *ctx) {
    const struct sim *s = ctx;
    return s->now_us + (clock_known(&s->clock) ? clock_offset_us(&s->clock) : s->own_offset_us);
}

static int64_t uncertainty_us(void *ctx) {
    const struct sim *s = ctx;
    if (!clock_known(&s->clock)) return GATEWAY_CLOCK_UNKNOWN;
    if (s->o.broken == SIM_TRUSTS_ABSENCE) return -1000000 * SECOND;   // as if any time had passed
    return clock_uncertainty_us(&s->clock, s->now_us);
}

static void forget_exchange_us(void *ctx) { clock_init(&((struct sim *)ctx)->clock); }

// ---- who the gateway serves ----

struct api_call *sim_take_call(struct sim *s) {
    struct api_call *op = api_call_take(s->ops);
    ASSERT(op != NULL);
    return op;
}

static void on_settled(void *ctx, struct request *r, enum settle how, int64_t at_us) {
    struct sim *s = ctx;
    struct api_call *op = r->user;
    if (!gateway_settled(s->gateway, op, how, at_us)) {
        s->pending--;
        sim_script_told(s, op, how);
    }
    api_call_give(s->ops, op);
}

void sim_submit(struct sim *s, struct api_call *op) {
    const struct endpoint_info *info = endpoint_info(op->call.endpoint);
    struct request *r = &op->request;
    r->user = op;
    r->endpoint = op->call.endpoint;
    r->request_class = info->request_class;
    r->mutating = info->mutating;
    api_call_price(op);
    int err = dispatcher_submit(s->dispatcher, r, s->now_us);
    if (err) on_settled(s, r, err == ERR_FULL ? SETTLE_QUEUE_FULL : SETTLE_STOPPED, s->now_us);
}

static void look_up(void *ctx, struct api_call *query) { sim_submit(ctx, query); }

static void resolved(void *ctx, struct api_call *op, enum outcome outcome) {
    struct sim *s = ctx;
    s->reopened_left -= op->no_share;   // so marked by reopen
    if (op->no_share && outcome == OUTCOME_DONE) sim_script_resolved(s, op);
}

static struct gateway *new_gateway(struct sim *s) {
    struct gateway_options o = { .link = { s, sim_send, NULL, sim_ask_clock },
                                 .time = { s, now_us, sim_client_exchange_us, uncertainty_us,
                                           forget_exchange_us },
                                 .world = { s, look_up, resolved },
                                 .calls = s->ops,
                                 .recv_window_us = RECV_WINDOW };
    struct gateway *g = gateway_new(&o);
    ASSERT(g != NULL);
    return g;
}

// ---- lives ----

void sim_free_client(struct sim *s) {
    struct gateway_figures f = gateway_figures(s->gateway);
    s->report->attempts += f.sent;
    s->report->skews += f.skewed;
    s->report->found += f.outcomes.found;
    s->report->heard += f.outcomes.heard;
    s->report->absent += f.outcomes.absent;
    dispatcher_free(s->dispatcher);
    gateway_free(s->gateway);
    api_call_pool_free(s->ops);
    s->life = 0;
}

void sim_kill_client(struct sim *s) {
    s->report->kills++;
    // A commit under way may have been finished by the kernel, though nobody was told.
    if (s->committing && sim_between(s, 0, 1)) sim_carry_out(s);
    s->committing = false;
    s->waiting.count = s->carried.count = s->pending = s->reopened_left = 0;
    sim_free_client(s);
    for (int64_t i = 0; i < s->made; i++) {
        if (s->orders[i].belief == BELIEF_WAITS) s->orders[i].belief = BELIEF_CUT_OFF, s->report->cut_off++;
    }
    sim_push(s, (struct event){ .at_us = s->now_us + sim_between(s, 10 * MS, 2 * SECOND), .kind = BIRTH });
}

static void reopen(struct sim *s) {
    for (int64_t i = 0; i < s->made; i++) {
        struct sim_order *o = &s->orders[i];
        bool taken = o->booked == JOURNAL_ACCEPTED;
        if (!o->in_journal || (o->booked != JOURNAL_INTENT && (!taken || o->over))) continue;
        if (s->o.broken == SIM_FORGETS_RESTART) {
            o->booked = JOURNAL_ABSENT;
            continue;
        }
        struct journal_order row = { .state = o->booked, .symbol = "BTCUSDT", .quantity_e8 = o->quantity_e8 };
        snprintf(row.endpoint, sizeof row.endpoint, "POST %s",
                 endpoint_info(o->algo ? EP_ALGO_NEW : EP_ORDER_NEW)->path);
        snprintf(row.client_id, sizeof row.client_id, "s%" PRId64, i);
        struct api_call *op = sim_take_call(s);
        int err = gateway_reopen(s->gateway, &row, op);
        ASSERT(err == ERR_OK);
        op->no_share = true;
        s->reopened_left++;
        s->report->reopened++;
        gateway_find_out(s->gateway, op, o->made_us, taken);
    }
}

void sim_give_birth(struct sim *s) {
    struct api_config config;
    struct intent_log_hooks journal = { s, sim_intend, sim_settle, NULL };
    api_config_defaults(&config);
    config.request_timeout_us = 600 * SECOND;
    config.workers = 32;
    config.orders_per_10s = 2000;   // so that few wait in the queue when the process is killed
    config.orders_per_minute = 12000;
    config.weight_per_minute = 100000;
    config.requests_per_second = config.requests_per_minute = config.orders_per_second =
        config.weight_per_second = 0;
    config.failure_threshold = 20;
    config.initial_backoff_us = 50 * MS;
    config.recovery_timeout_us = 2 * SECOND;
    config.seed = rng_next(&s->rng);
    s->life = ++s->lives;
    s->ops = api_call_pool_new();
    ASSERT(s->ops != NULL);
    s->gateway = new_gateway(s);
    bool journalled = gateway_journal(s->gateway, &journal, &s->list);
    struct transport transport = gateway_transport(s->gateway);
    s->dispatcher = dispatcher_new(&config, &transport, on_settled, s, s->now_us);
    ASSERT(journalled && s->dispatcher);
    gateway_attach(s->gateway, s->dispatcher);
    s->kill_in = sim_between(s, 1, 12000);
    clock_init(&s->clock);
    s->own_offset_us = s->offset_us + sim_between(s, -40 * SECOND, 40 * SECOND);
    s->reopened_left = -1;   // not before the clock is known
    gateway_ask_clock(s->gateway);
    sim_push(s, (struct event){ .at_us = s->now_us + MS, .kind = SCRIPT_ACTS, .life = s->life });
}

// What earlier lives left open is found out before the script acts.
void sim_client_begins(struct sim *s) {
    if (s->reopened_left >= 0 || !clock_known(&s->clock)) return;
    s->reopened_left = 0;
    reopen(s);
}
