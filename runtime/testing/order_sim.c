#include "testing/order_sim_private.h"

#include "api/config.h"
#include "base/assert.h"
#include "venue/binance/symbol_rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- the client: its transport ----

static void tell(struct sim *s, struct api_call *op, const struct dispatch_reply *reply) {
    if (op->request.state == REQUEST_IN_FLIGHT)
        dispatcher_reply(s->dispatcher, &op->request, reply, s->now_us);
}

static void tell_outcome(struct sim *s, struct api_call *op, enum outcome outcome) {
    tell(s, op, &(struct dispatch_reply){ .outcome = outcome });
}

static void measure(struct sim *s) {
    if (s->measuring) return;
    s->measuring = true;
    sim_push(s, (struct event){ .at_us = s->now_us + sim_between(s, 2 * MS, 100 * MS),
                                .kind = CLOCK_ANSWERS,
                                .life = s->life });
}

static void leave(void *ctx, struct api_call *op) {
    struct sim *s = ctx;
    if (op->request.mutating &&
        !s->clock_known) {   // a stamp of a clock that is not measured may be good for later than is thought
        ASSERT(s->unstamped_count < SKEWED_MAX);
        s->unstamped[s->unstamped_count++] = op;
        return;
    }
    int64_t stamp_us = sim_believed_now(s);
    s->report->attempts++;
    if (op->request.mutating) outcome_tracker_sent(s->resolver, op, stamp_us, RECV_WINDOW);
    sim_push(s, (struct event){ .at_us = s->now_us + ANSWER_TIMEOUT,
                                .kind = TIMES_OUT,
                                .life = s->life,
                                .op = op,
                                .attempt = op->attempt });
    if (sim_chance(s, 15)) {
        tell(s, op, &(struct dispatch_reply){ .outcome = OUTCOME_NOT_EXECUTED, .unsent = true });
        return;
    }
    if (sim_chance(s, 20)) return;   // lost on its way
    struct packet *p = calloc(1, sizeof *p);
    ASSERT(p != NULL);
    s->under_way++;
    p->call = op->call;
    if (op->call.batch) {
        memcpy(p->batch, op->batch, sizeof *op->batch * op->call.batch_count);
        p->call.batch = p->batch;
    }
    p->answer.call = p->call;
    p->op = op;
    p->attempt = op->attempt;
    p->life = s->life;
    p->stamp_us = stamp_us;
    p->lose_answer = sim_chance(s, 30);
    p->error_before = sim_chance(s, 25);
    p->error_after = !p->error_before && sim_chance(s, 25);
    static const int32_t statuses[] = { 503, 500, 502, 504, 408 };
    p->error_status = statuses[sim_between(s, p->error_after ? 1 : 0, 4)];
    p->back_us = sim_chance(s, 10) ? sim_between(s, SECOND, 8 * SECOND) : sim_between(s, MS, 50 * MS);
    int64_t there_us = sim_chance(s, 10) ? sim_between(s, SECOND, 12 * SECOND) : sim_between(s, MS, 50 * MS);
    sim_push(s, (struct event){ .at_us = s->now_us + there_us, .kind = ARRIVES, .body = p });
}

static void refuse(void *ctx, struct api_call *op) {
    op->status = op->code = op->count = 0;
    op->kind = RECORD_ERROR;
    tell_outcome(ctx, op, OUTCOME_REFUSED);
}

static void on_send(void *ctx, struct request *r, int64_t now_us) {
    (void)now_us;
    struct sim *s = ctx;
    struct api_call *op = r->user;
    op->attempt++;
    if (intent_log_hold(s->intents, op, sim_believed_now(s))) {
        if (s->o.broken != SIM_SKIPS_JOURNAL) return;
        op->intent = INTENT_DOWN;
    }
    leave(s, op);
}

static void on_cancel(void *ctx, struct request *r) {
    struct sim *s = ctx;
    struct api_call *op = r->user;
    op->attempt++;
    outcome_tracker_abandon(s->resolver, op);
    for (int32_t i = 0; i < s->skewed_count; i++) {
        if (s->skewed[i] == op) s->skewed[i--] = s->skewed[--s->skewed_count];
    }
    for (int32_t i = 0; i < s->unstamped_count; i++) {
        if (s->unstamped[i] == op) s->unstamped[i--] = s->unstamped[--s->unstamped_count];
    }
}

static bool on_doubt(void *ctx, struct request *r, int64_t now_us) {
    struct sim *s = ctx;
    return outcome_tracker_unknown(s->resolver, r->user, now_us);
}

static void time_out(struct sim *s, const struct event *e) {
    struct api_call *op = e->op;
    if (op->attempt != e->attempt || op->request.state != REQUEST_IN_FLIGHT) return;
    for (int32_t i = 0; i < s->skewed_count; i++) {
        if (s->skewed[i] == op) return;   // answered: it waits for the clock
    }
    op->attempt++;
    bool blind = s->o.broken == SIM_RESENDS_AT_ONCE && op->request.mutating;
    tell_outcome(s, op,
                 blind                  ? OUTCOME_NOT_EXECUTED
                 : op->request.mutating ? OUTCOME_UNKNOWN
                                        : OUTCOME_TIMEOUT);
}

static void take_answer(struct sim *s, struct packet *p) {
    struct api_call *op = p->op;
    if (p->life != s->life || op->attempt != p->attempt || op->request.state != REQUEST_IN_FLIGHT) return;
    ASSERT(api_call_copy_answer(op, &p->answer));
    memcpy(op->batch_code, p->answer.batch_code, sizeof op->batch_code);
    enum outcome outcome = op->status == 200 ? OUTCOME_DONE : outcome_tracker_outcome(op);
    if (outcome == OUTCOME_CLOCK_SKEW) {
        ASSERT(s->skewed_count < SKEWED_MAX);
        s->skewed[s->skewed_count++] = op;
        s->clock_known = false;
        s->believed_offset_us =
            s->own_offset_us;   // what was measured no longer holds: our own clock until it is measured anew
        s->report->skews++;
        measure(s);
    } else {
        tell_outcome(s, op, outcome);
    }
}

static void clock_answered(struct sim *s) {
    s->measuring = false;
    s->clock_known = true;
    s->believed_offset_us = s->offset_us + sim_between(s, -UNCERTAINTY, UNCERTAINTY);
    dispatcher_clock(s->dispatcher, s->believed_offset_us, UNCERTAINTY);
    while (s->unstamped_count > 0) leave(s, s->unstamped[--s->unstamped_count]);
    while (s->skewed_count > 0) tell_outcome(s, s->skewed[--s->skewed_count], OUTCOME_CLOCK_SKEW);
}

// ---- the client: doubts ----

static struct api_call *take_op(void *ctx) {
    struct api_call *op = api_call_take(((struct sim *)ctx)->ops);
    ASSERT(op != NULL);
    return op;
}

static void on_settled(void *ctx, struct request *r, enum settle how, int64_t now_us);

static void submit(struct sim *s, struct api_call *op) {
    const struct endpoint_info *info = endpoint_info(op->call.endpoint);
    struct call_cost cost = endpoint_cost(&op->call);
    struct request *r = &op->request;
    r->user = op;
    r->endpoint = op->call.endpoint;
    r->request_class = info->request_class;
    r->mutating = info->mutating;
    r->cost[LIMIT_WEIGHT] = cost.weight;
    r->cost[LIMIT_ORDERS] = cost.orders_10s;
    r->cost[LIMIT_ORDERS_LONG] = cost.orders_1m;
    int err = dispatcher_submit(s->dispatcher, r, s->now_us);
    if (err) on_settled(s, r, err == ERR_FULL ? SETTLE_QUEUE_FULL : SETTLE_STOPPED, s->now_us);
}

static void ask(void *ctx, struct api_call *query, uint64_t number) {
    query->lookup = number;
    submit(ctx, query);
}

static void give_up_order(struct sim *s, const struct order_record *r);
static void cancel_conditional(struct sim *s, const struct algo_record *a);

static void known(void *ctx, struct api_call *op, enum outcome outcome) {
    struct sim *s = ctx;
    if (op->request.state == REQUEST_UNRESOLVED) {
        dispatcher_resolve(s->dispatcher, &op->request, outcome, s->now_us);
        return;
    }
    s->reopened_left -= op->alone;   // so marked by reopen
    intent_log_known(s->intents, op, outcome, sim_believed_now(s));
    const struct algo_record *algo = op->rows;
    if (op->alone && outcome == OUTCOME_DONE && op->call.endpoint == EP_ORDER_NEW) give_up_order(s, op->rows);
    if (op->alone && outcome == OUTCOME_DONE && op->call.endpoint == EP_ALGO_NEW &&
        algo->algo_status == ALGO_NEW && !s->calm)
        cancel_conditional(s, algo);
    api_call_give(s->ops, op);
}

static int64_t exchange_floor(void *ctx) {
    const struct sim *s = ctx;
    if (s->o.broken == SIM_TRUSTS_ABSENCE) return INT64_MAX / 2;
    return s->clock_known ? sim_believed_now(s) - UNCERTAINTY : INT64_MIN;
}

// ---- the script ----

static void set(struct call *c, int32_t param) { c->given |= UINT64_C(1) << param; }

static void describe(struct sim *s, struct call *c, int64_t number, bool market) {
    struct order *o = &s->orders[number];
    bool too_large = sim_chance(s, 20);
    o->side = (uint8_t)sim_between(s, 0, 1);
    o->quantity_e8 = too_large ? 900000 * INT64_C(100000000) : sim_between(s, 3, 20) * STEP_E8;
    o->belief = BELIEF_WAITS;
    c->symbol = 0;
    c->side = o->side;
    c->type = market ? ORDER_MARKET : ORDER_LIMIT;
    c->quantity_e8 = o->quantity_e8;
    c->resp_type = RESP_RESULT;
    c->endpoint = EP_ORDER_NEW;
    set(c, P_SYMBOL), set(c, P_SIDE), set(c, P_TYPE), set(c, P_QUANTITY), set(c, P_CLIENT_ID),
        set(c, P_RESP_TYPE);
    snprintf(c->client_id, CLIENT_ID_MAX, "s%" PRId64, number);
    if (market) return;
    c->side = o->side = SIDE_BUY;
    c->price_e8 = LOW_E8;
    c->time_in_force = sim_chance(s, 400) ? TIF_IOC : TIF_GTC;
    set(c, P_PRICE), set(c, P_TIME_IN_FORCE);
}

// A stop far below the price.
static void make_conditional(struct sim *s, struct call *c, int64_t number) {
    struct order *o = &s->orders[number];
    o->algo = true;
    o->side = c->side = SIDE_SELL;
    c->endpoint = EP_ALGO_NEW;
    c->type = ORDER_STOP_MARKET;
    c->stop_price_e8 = LOW_E8;
    c->given &= ~(UINT64_C(1) << P_RESP_TYPE);
    set(c, P_STOP_PRICE);
}

static void hand_over(struct sim *s, struct api_call *op) {
    op->request.priority = PRIORITY_HIGH;
    op->request.retries_max = 20;
    if (sim_chance(s, 50)) op->request.deadline_us = s->now_us + sim_between(s, 100 * MS, 9 * SECOND);
    s->pending++;
    submit(s, op);
}

static void act(struct sim *s) {
    struct api_call *op = take_op(s);
    int64_t left = s->o.orders - s->made;
    int32_t batch = left >= 5 && sim_chance(s, 100) ? (int32_t)sim_between(s, 2, 5) : 0;
    for (int32_t i = 0; i < batch; i++) {
        struct call *c = api_call_batch_item(op, i);
        ASSERT(c != NULL);
        describe(s, c, s->made++, true);
    }
    if (batch) {
        op->call.endpoint = EP_BATCH_NEW;
        op->call.batch_count = (uint8_t)batch;
        set(&op->call, P_BATCH);
    } else {
        bool market = !sim_chance(s, 300);
        describe(s, &op->call, s->made, market);
        if (market && sim_chance(s, 80)) make_conditional(s, &op->call, s->made);
        s->made++;
    }
    hand_over(s, op);
}

static void cancel_conditional(struct sim *s, const struct algo_record *a) {
    struct api_call *op = take_op(s);
    op->call.endpoint = EP_ALGO_CANCEL;
    op->call.algo_id = a->algo_id;
    set(&op->call, P_ALGO_ID);
    hand_over(s, op);
}

// A resting order is amended now and then, and cancelled.
static void follow_up(struct sim *s, const struct api_call *done) {
    const struct order_record *r = done->rows;
    struct order *o = &s->orders[sim_number_of(r->client_id)];
    bool amend = done->call.endpoint == EP_ORDER_NEW && sim_chance(s, 400);
    struct api_call *op = take_op(s);
    struct call *c = &op->call;
    c->endpoint = amend ? EP_ORDER_MODIFY : EP_ORDER_CANCEL;
    c->symbol = 0;
    c->order_id = r->order_id;
    memcpy(c->orig_client_id, r->client_id, CLIENT_ID_MAX);
    set(c, P_SYMBOL), set(c, P_ORDER_ID);
    if (amend) {
        o->unsure = true;
        c->side = o->side;
        c->price_e8 = LOW_E8;
        c->quantity_e8 = o->quantity_e8 + STEP_E8;
        set(c, P_SIDE), set(c, P_PRICE), set(c, P_QUANTITY);
    }
    hand_over(s, op);
}

// What an earlier life left open is cancelled by the next.
static void give_up_order(struct sim *s, const struct order_record *r) {
    if (s->calm || r->status != STATUS_NEW) return;
    struct api_call *op = take_op(s);
    op->call.endpoint = EP_ORDER_CANCEL;
    op->call.symbol = 0;
    op->call.order_id = r->order_id;
    memcpy(op->call.orig_client_id, r->client_id, CLIENT_ID_MAX);
    set(&op->call, P_SYMBOL), set(&op->call, P_ORDER_ID);
    hand_over(s, op);
}

static enum belief belief_of(enum settle how) {
    switch (how) {
    case SETTLE_DONE: return BELIEF_DONE;
    case SETTLE_REFUSED: return BELIEF_REFUSED;
    case SETTLE_UNKNOWN: return BELIEF_UNKNOWN;
    default: return BELIEF_NOT;
    }
}

static void told_new(struct sim *s, const struct api_call *op, int32_t i, enum settle how) {
    const struct call *c = op->call.endpoint == EP_BATCH_NEW ? &op->call.batch[i] : &op->call;
    const struct order_record *row = op->rows;
    int64_t number = sim_number_of(c->client_id);
    struct order *o = &s->orders[number];
    enum belief belief = belief_of(how);
    if (how == SETTLE_DONE && op->call.endpoint == EP_BATCH_NEW && op->batch_code[i] != 0)
        belief = BELIEF_REFUSED;
    if (o->belief != BELIEF_WAITS) sim_finding(s, number, "told twice");
    o->belief = (uint8_t)belief;
    if (belief == BELIEF_DONE && o->algo) {
        if (((const struct algo_record *)op->rows)->quantity_e8 != o->quantity_e8)
            sim_finding(s, number, "told of another size");
    } else if (belief == BELIEF_DONE) {
        o->believed_e8 = row[i].executed_qty_e8;
        if (row[i].orig_qty_e8 != o->quantity_e8) sim_finding(s, number, "told of another size");
    }
    s->report->told_done += belief == BELIEF_DONE;
    s->report->told_refused += belief == BELIEF_REFUSED;
    s->report->told_not_executed += belief == BELIEF_NOT;
    s->report->told_unknown += belief == BELIEF_UNKNOWN;
}

static void told(struct sim *s, const struct api_call *op, enum settle how) {
    bool fresh = op->call.endpoint == EP_ORDER_NEW || op->call.endpoint == EP_BATCH_NEW ||
                 op->call.endpoint == EP_ALGO_NEW;
    int32_t count = op->call.endpoint == EP_BATCH_NEW ? op->call.batch_count : 1;
    for (int32_t i = 0; fresh && i < count; i++) told_new(s, op, i, how);
    if (op->call.endpoint == EP_ORDER_MODIFY) {
        struct order *o = &s->orders[sim_number_of(op->call.orig_client_id)];
        if (how == SETTLE_DONE) o->quantity_e8 = op->call.quantity_e8;
        o->unsure = how == SETTLE_UNKNOWN;
    }
    if (op->call.endpoint == EP_ALGO_NEW || op->call.endpoint == EP_ALGO_CANCEL) {
        const struct algo_record *a = op->rows;
        if (how == SETTLE_DONE && op->call.endpoint == EP_ALGO_NEW && a->algo_status == ALGO_NEW && !s->calm)
            cancel_conditional(s, a);
        return;
    }
    bool open =
        how == SETTLE_DONE && op->kind != RECORD_ERROR && count == 1 && op->call.endpoint != EP_ORDER_CANCEL;
    const struct order_record *row = op->rows;
    if (open && op->call.endpoint != EP_BATCH_NEW && row->status == STATUS_NEW && !s->calm) follow_up(s, op);
}

static void on_settled(void *ctx, struct request *r, enum settle how, int64_t now_us) {
    struct sim *s = ctx;
    struct api_call *op = r->user;
    op->settle = (uint8_t)how;
    if (op->lookup != 0) {
        outcome_tracker_answered(s->resolver, op->lookup, op, now_us);
    } else {
        outcome_tracker_ended(s->resolver, op);
        intent_log_settled(s->intents, op, how, sim_believed_now(s));
        s->pending--;
        told(s, op, how);
    }
    api_call_give(s->ops, op);
}

// ---- lives ----

static void free_client(struct sim *s) {
    struct outcome_tracker_figures f = outcome_tracker_figures(s->resolver);
    s->report->found += f.found;
    s->report->heard += f.heard;
    s->report->absent += f.absent;
    dispatcher_free(s->dispatcher);
    outcome_tracker_free(s->resolver);
    intent_log_free(s->intents);
    api_call_pool_free(s->ops);
    s->life = 0;
}

static void kill_client(struct sim *s) {
    s->report->kills++;
    // A commit under way may have been finished by the kernel, though nobody was told.
    if (s->committing && sim_between(s, 0, 1)) sim_carry_out(s);
    s->committing = s->measuring = s->clock_known = false;
    s->waiting.count = s->carried.count = s->skewed_count = s->unstamped_count = s->pending =
        s->reopened_left = 0;
    free_client(s);
    for (int64_t i = 0; i < s->made; i++) {
        if (s->orders[i].belief == BELIEF_WAITS) s->orders[i].belief = BELIEF_CUT_OFF, s->report->cut_off++;
    }
    sim_push(s, (struct event){ .at_us = s->now_us + sim_between(s, 10 * MS, 2 * SECOND), .kind = BIRTH });
}

static void reopen(struct sim *s) {
    for (int64_t i = 0; i < s->made; i++) {
        struct order *o = &s->orders[i];
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
        struct api_call *op = take_op(s);
        ASSERT(intent_log_reopen(s->intents, &row, op) == ERR_OK);
        op->alone = true;
        s->reopened_left++;
        s->report->reopened++;
        outcome_tracker_reopen(s->resolver, op, o->made_us - 3600 * SECOND,
                               taken ? 0 : sim_believed_now(s) + UNCERTAINTY + RECV_WINDOW, s->now_us);
    }
}

static void give_birth(struct sim *s) {
    struct api_config config;
    struct transport transport = { s, on_send, on_cancel, on_doubt };
    struct outcome_tracker_hooks resolver = { s, take_op, ask, known, exchange_floor };
    struct intent_log_hooks intents = { s, sim_intend, sim_settle, leave, refuse };
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
    s->resolver = outcome_tracker_new(&resolver);
    s->intents = intent_log_new(&intents, s->ops, &s->list);
    s->dispatcher = dispatcher_new(&config, &transport, on_settled, s, s->now_us);
    ASSERT(s->ops && s->resolver && s->intents && s->dispatcher);
    s->kill_in = sim_between(s, 1, 12000);
    s->own_offset_us = s->believed_offset_us = s->offset_us + sim_between(s, -40 * SECOND, 40 * SECOND);
    s->reopened_left = -1;   // not before the clock is known
    measure(s);
    sim_push(s, (struct event){ .at_us = s->now_us + MS, .kind = SCRIPT_ACTS, .life = s->life });
}

static void script_acts(struct sim *s) {
    if (s->reopened_left < 0 && s->clock_known) {
        s->reopened_left = 0;
        reopen(s);
    }
    int64_t wait_us = sim_between(s, MS, 40 * MS);
    if (s->reopened_left == 0 && s->made < s->o.orders && s->pending < PENDING_MAX) act(s);
    if (s->made < s->o.orders || s->reopened_left != 0)
        sim_push(s, (struct event){ .at_us = s->now_us + wait_us, .kind = SCRIPT_ACTS, .life = s->life });
}

// ---- the course of things ----

static void handle(struct sim *s, const struct event *e) {
    bool alive = e->life == s->life && s->life != 0;
    switch (e->kind) {
    case ARRIVES: sim_arrive(s, e->body); break;
    case ANSWERS:
        take_answer(s, e->body);
        sim_free_packet(s, e->body);
        break;
    case TIMES_OUT:
        if (alive) time_out(s, e);
        break;
    case STREAMS: {
        const struct sim_stream_event *u = e->body;
        if (alive && u->kind == RECORD_ALGO_UPDATE) {
            outcome_tracker_on_algo(s->resolver, &u->u.algo);
            intent_log_on_algo(s->intents, &u->u.algo);
        } else if (alive) {
            outcome_tracker_on_order(s->resolver, &u->u.order);
            intent_log_on_order(s->intents, &u->u.order);
        }
        free(e->body);
        s->streaming--;
        break;
    }
    case COMMITS:
        if (alive) sim_commit_done(s);
        break;
    case CLOCK_ANSWERS:
        if (alive) clock_answered(s);
        break;
    case SCRIPT_ACTS:
        if (alive) script_acts(s);
        break;
    default: give_birth(s);
    }
}

static int64_t next_us(const struct sim *s) {
    int64_t next = s->heap_count ? s->heap[0].at_us : INT64_MAX;
    if (s->life == 0) return next;
    int64_t d = dispatcher_next_us(s->dispatcher), r = outcome_tracker_next_us(s->resolver);
    next = d < next ? d : next;
    return r < next ? r : next;
}

// False when nothing will happen any more.
static bool step(struct sim *s) {
    int64_t next = next_us(s);
    if (next == INT64_MAX) return false;
    if (next > s->now_us) s->now_us = next;
    if (sim_chance(s, 1) && sim_between(s, 0, 9) == 0)
        s->offset_us += sim_between(s, 0, 20 * SECOND);   // the exchange's clock was set
    exchange_advance(s->exchange, sim_exchange_now(s));
    if (s->heap_count && s->heap[0].at_us <= s->now_us) {
        struct event e = sim_pop(s);
        handle(s, &e);
    }
    if (s->life == 0) return true;
    outcome_tracker_pump(s->resolver, s->now_us);
    dispatcher_run(s->dispatcher, s->now_us);
    sim_start_commit(s);
    if (!s->calm && --s->kill_in <= 0) kill_client(s);
    return true;
}

static bool at_rest(const struct sim *s) {
    return s->life != 0 && s->reopened_left == 0 && s->pending == 0 && s->under_way == 0 &&
           s->streaming == 0 && outcome_tracker_count(s->resolver) == 0 && !s->committing &&
           s->waiting.count == 0 && s->made == s->o.orders;
}

// ---- the books ----

static void compare(struct sim *s, int64_t number, int64_t *position_e8) {
    const struct order *o = &s->orders[number];
    const struct order_record *truth = o->order_id ? exchange_order(s->exchange, o->order_id) : NULL;
    int64_t executed_e8 = truth ? truth->executed_qty_e8 : 0;
    s->report->executed += o->accepted > 0;
    *position_e8 += o->side == SIDE_BUY ? o->booked_e8 : -o->booked_e8;
    if (o->accepted > 1) sim_finding(s, number, "executed more than once");
    if (o->accepted > 0 && !o->in_journal) sim_finding(s, number, "sent without an intent in the journal");
    if (o->in_journal && o->booked == JOURNAL_INTENT) sim_finding(s, number, "left open in the journal");
    if (o->in_journal && o->accepted > 0 && o->booked != JOURNAL_ACCEPTED)
        sim_finding(s, number, "lost: the exchange has it, the journal says no");
    if (o->booked == JOURNAL_ACCEPTED && o->accepted == 0)
        sim_finding(s, number, "the journal has what the exchange has not");
    if (o->booked_e8 != executed_e8)
        sim_finding(s, number, "the journal's executed quantity is not the exchange's");
    if (o->belief == BELIEF_DONE && (o->accepted != 1 || o->believed_e8 != executed_e8))
        sim_finding(s, number, "told as done, and it is not so");
    if ((o->belief == BELIEF_REFUSED || o->belief == BELIEF_NOT) && o->accepted != 0)
        sim_finding(s, number, "told as not executed, and it was");
    if (o->belief == BELIEF_WAITS || o->belief == BELIEF_NONE) sim_finding(s, number, "never told");
    if (truth && o->belief == BELIEF_DONE && !o->unsure && truth->orig_qty_e8 != o->quantity_e8)
        sim_finding(s, number, "of another size");
}

static void compare_all(struct sim *s) {
    int64_t position_e8 = 0;
    for (int64_t i = 0; i < s->made; i++) compare(s, i, &position_e8);
    if (position_e8 != exchange_position_e8(s->exchange, 0, POSITION_BOTH))
        sim_finding(s, 0, "positions differ");
}

static void open_world(struct sim *s) {
    struct exchange_config config = { .wallet_e8 = INT64_C(50000000) * 100000000,
                                      .maker_e8 = 20000,
                                      .taker_e8 = 50000,
                                      .leverage = 20,
                                      .event_mask = UINT64_C(1) << RECORD_ORDER_UPDATE |
                                                    UINT64_C(1) << RECORD_ALGO_UPDATE };
    struct exchange_hooks hooks = { .ctx = s, .reply = sim_on_reply, .event = sim_on_event };
    rng_init(&s->rng, s->o.seed);
    ASSERT(symbol_rules_builtin("BTCUSDT", &s->symbol) == ERR_OK);
    s->list = (struct symbol_list){ &s->symbol, 1 };
    s->orders = calloc((size_t)s->o.orders + 1, sizeof *s->orders);
    ASSERT(s->orders != NULL);
    s->now_us = INT64_C(1700000000) * SECOND;
    s->offset_us = sim_between(s, -20 * SECOND, 20 * SECOND);
    s->exchange = exchange_new(&config, &s->symbol, 1, &hooks, sim_exchange_now(s));
    ASSERT(s->exchange != NULL);
    struct exchange_bar bar = { sim_exchange_now(s),
                                sim_exchange_now(s) + INT64_C(1000000000) * SECOND,
                                PRICE_E8,
                                PRICE_E8,
                                PRICE_E8,
                                PRICE_E8,
                                0 };
    exchange_bar(s->exchange, 0, &bar, sim_exchange_now(s));
}

static void close_world(struct sim *s) {
    if (s->life) free_client(s);
    while (s->heap_count > 0) {
        struct event e = sim_pop(s);
        if (e.kind == ARRIVES || e.kind == ANSWERS) sim_free_packet(s, e.body);
        if (e.kind == STREAMS) free(e.body);
    }
    exchange_free(s->exchange);
    free(s->heap);
    free(s->orders);
    free(s->waiting.items);
    free(s->carried.items);
}

int64_t order_sim(const struct order_sim_options *o, struct order_sim_report *report, char *text,
                  size_t size) {
    struct sim *s = calloc(1, sizeof *s);
    ASSERT(s != NULL && size > 0 && o->orders > 0);
    s->o = *o;
    s->report = report;
    s->text = text;
    s->text_size = size;
    *report = (struct order_sim_report){ .orders = o->orders };
    text[0] = 0;
    open_world(s);
    int64_t begin_us = s->now_us;
    give_birth(s);
    while (s->made < o->orders && step(s)) continue;
    // The last process is killed too; then all goes well, and what is open is cleared up.
    if (s->life) kill_client(s);
    s->calm = true;
    while (!at_rest(s) && step(s)) continue;
    compare_all(s);
    report->virtual_us = s->now_us - begin_us;
    close_world(s);
    free(s);
    return report->findings;
}
