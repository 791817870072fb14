// order_sim.c: the course of a simulation: events one after another, until the last order's outcome is known.
#include "testing/order_sim_private.h"

#include "base/assert.h"
#include "venue/binance/symbol_rules.h"

#include <stdlib.h>

static void handle(struct sim *s, const struct event *e) {
    bool alive = e->life == s->life && s->life != 0;
    switch (e->kind) {
    case ARRIVES: sim_arrive(s, e->body); break;
    case ANSWERS:
        sim_take_answer(s, e->body);
        sim_free_packet(s, e->body);
        break;
    case TIMES_OUT:
        if (alive) sim_time_out(s, e->token);
        break;
    case STREAMS: {
        const struct sim_stream_event *u = e->body;
        if (alive) {
            gateway_on_event(s->gateway, u->kind, &u->u);
            gateway_journal_event(s->gateway, u->kind, &u->u);
        }
        free(e->body);
        s->streaming--;
        break;
    }
    case COMMITS:
        if (alive) sim_commit_done(s);
        break;
    case CLOCK_ANSWERS:
        if (alive) sim_clock_answers(s);
        break;
    case CLOCK_DUE:
        if (alive) gateway_ask_clock(s->gateway);
        break;
    case SCRIPT_ACTS:
        if (alive) sim_client_begins(s);
        if (alive) sim_script_acts(s);
        break;
    case SCRIPT_GIVES_UP:
        if (alive) sim_script_gives_up(s, e);
        break;
    default: sim_give_birth(s);
    }
}

static int64_t next_us(const struct sim *s) {
    int64_t next = s->heap_count ? s->heap[0].at_us : INT64_MAX;
    if (s->life == 0) return next;
    int64_t d = dispatcher_next_us(s->dispatcher), r = gateway_next_us(s->gateway);
    next = d < next ? d : next;
    return r < next ? r : next;
}

// The exchange's clock is set now and then, more often in times of trouble, in which the network is slow as well.
static void set_clock(struct sim *s) {
    bool rare = sim_chance(s, 1) && sim_between(s, 0, 9) == 0;
    if (rare && sim_between(s, 0, 2) == 0)
        s->trouble_until_us = s->now_us + sim_between(s, 2 * SECOND, 12 * SECOND);
    if (!rare && !(s->now_us < s->trouble_until_us && sim_chance(s, 2))) return;
    s->offset_us += sim_between(s, 0, 20 * SECOND);
    s->clock_sets++;
}

// False when nothing will happen any more.
static bool step(struct sim *s) {
    int64_t next = next_us(s);
    if (next == INT64_MAX) return false;
    if (next > s->now_us) s->now_us = next;
    set_clock(s);
    exchange_advance(s->exchange, sim_exchange_now(s));
    if (s->heap_count && s->heap[0].at_us <= s->now_us) {
        struct event e = sim_pop(s);
        handle(s, &e);
    }
    if (s->life == 0) return true;
    gateway_pump(s->gateway, s->now_us);
    dispatcher_run(s->dispatcher, s->now_us);
    sim_start_commit(s);
    if (!s->calm && !s->immortal && --s->kill_in <= 0) sim_kill_client(s);
    return true;
}

static bool is_quiet(const struct sim *s) {
    return s->life != 0 && s->reopened_left == 0 && s->pending == 0 && s->under_way == 0 &&
           s->streaming == 0 && gateway_unresolved(s->gateway) == 0 && !s->committing &&
           s->waiting.count == 0;
}

static bool at_rest(const struct sim *s) { return s->made == s->o.orders && is_quiet(s); }

bool sim_pauses(struct sim *s) {
    if (s->made < s->pause_at) return false;
    if (!is_quiet(s)) return true;
    sim_compare_journal(s);
    s->pause_at += PAUSE_EVERY;
    return false;
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
    if (s->life) sim_free_client(s);
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
    sim_give_birth(s);
    while (s->made < o->orders && step(s)) continue;
    // What is under way ends while things still go wrong.
    s->immortal = true;
    while (!at_rest(s) && step(s)) continue;
    sim_compare_journal(s);
    // The last process is killed too; then all goes well, and what is open is resolved.
    sim_kill_client(s);
    s->calm = true;
    while (!at_rest(s) && step(s)) continue;
    sim_compare_books(s);
    report->virtual_us = s->now_us - begin_us;
    close_world(s);
    free(s);
    return report->findings;
}
