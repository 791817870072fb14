#include "process/heartbeat.h"
#include "world/live/private.h"
#include "world/paper/paper.h"

#include "base/assert.h"
#include "base/dec.h"
#include "data/columns.h"
#include "trade/interval.h"
#include "world/world.h"
#include "trade/stream_event.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEVER INT64_MAX

enum { REPORTS_A_TURN = 32 };
#define STREAM_AGE_US INT64_C(85800000000)   // ten minutes before the exchange ends it
#define RECONCILE_US INT64_C(60000000)
#define STREAM_SILENCE_US INT64_C(40000000)
#define SLEEP_MAX_US INT64_C(3600000000)
#define HALT_LOOK_US INT64_C(500000)

static void *must(void *block) {
    ASSERT(block != NULL);
    return block;
}

int64_t live_monotonic_us(const struct live *l) { return l->time.now_us(l->time.ctx); }

int64_t live_peek_now(const struct live *l) { return l->epoch_us + live_monotonic_us(l); }

int64_t live_now(struct live *l) {
    l->pump.view.now_us = live_peek_now(l);
    return l->pump.view.now_us;
}

int64_t live_exchange_now(struct live *l) { return live_now(l) + clock_offset_us(&l->wire.clock); }

// ---- calls ----

static void tell_account(void *world, struct api_call *call, enum settle settle, int64_t now_us) {
    (void)now_us;
    live_account_settled(world, call, settle);
}

static void tell_risk(void *world, struct api_call *call, enum settle settle, int64_t now_us) {
    (void)now_us;
    live_risk_settled(world, call, settle);
}

static void tell_gateway(void *world, struct api_call *call, enum settle settle, int64_t now_us) {
    gateway_settled(((struct live *)world)->gateway, call, settle, now_us);
}

static void tell_end_counts(void *world, struct api_call *call, enum settle settle, int64_t now_us) {
    (void)now_us;
    struct live *l = world;
    if (end_counts_settled(&l->end_counts, call, settle)) live_stop_counted(l);
}

// Who hears of a settled request that may have changed the account.
static const pump_listener settled_listeners[] = { tell_account, tell_risk, tell_gateway, tell_end_counts,
                                                   NULL };

// An order nobody named (by api.request) could not be found again.
static void name_orders(struct live *l, struct api_call *op) {
    bool single = op->call.endpoint == EP_ORDER_NEW || op->call.endpoint == EP_ALGO_NEW;
    if (single && op->call.client_id[0] == 0) live_client_id(l, &op->call);
    for (int32_t i = 0; op->call.endpoint == EP_BATCH_NEW && op->call.batch && i < op->call.batch_count;
         i++) {
        if (op->batch[i].client_id[0] == 0) live_client_id(l, &op->batch[i]);
    }
}

int32_t live_orders_under_way(const struct live *l) {
    return l->pump.changing + gateway_unresolved(l->gateway);
}

static void submit(void *world, struct api_call *op) {
    struct live *l = world;
    if (live_overdue(l)) {   // nothing of it leaves
        op->settle = SETTLE_CANCELLED;
        op->done = true;
        return;
    }
    name_orders(l, op);
    char why[160] = "";
    bool good = live_risk_gate(l, op, why);
    live_now(l);
    if (good) {
        end_counts_sent(&l->end_counts, op);
        pump_submit(&l->pump, op);
        return;
    }
    l->figures.refused_by_safety++;
    pump_refuse(&l->pump, op, why);
}

struct api_call *internal_call_take(struct live *l, int32_t endpoint, uint8_t priority) {
    struct api_call *op = pump_call(l);
    op->call.endpoint = (uint16_t)endpoint;
    op->call.symbol = SYMBOL_NONE;
    op->request.priority = priority;
    op->request.retries_max = 3;
    op->alone = true;
    return op;
}

void internal_call_submit(struct live *l, struct api_call *call, pump_done done, int64_t number) {
    live_now(l);
    pump_submit_internal(&l->pump, call, done, l, number);
}

void live_client_id(struct live *l, struct call *call) {
    // The start, to the microsecond, and the process make ids of all runs differ. As text they are in the
    // order of their making: the journal's index then grows at its end, where that is cheapest.
    snprintf(call->client_id, CLIENT_ID_MAX, "mt-%013llx-%x-%08llx", (unsigned long long)l->start_wall_us,
             (unsigned)getpid(), (unsigned long long)++l->client_ids);
    call->given |= UINT64_C(1) << P_CLIENT_ID;
}

// ---- timers and deliveries ----

static void set_timer(void *world, int64_t delay_us, int32_t id) {
    struct live *l = world;
    int64_t now = live_now(l);
    pump_timer_at(&l->pump, delay_us > NEVER - 1 - now ? NEVER - 1 : now + (delay_us > 0 ? delay_us : 0), id);
}

void live_price(struct live *l, int16_t symbol, int64_t price_e8) {
    if (l->pump.view.last_e8[symbol] == price_e8) return;
    l->pump.view.last_e8[symbol] = price_e8;
    if (!l->tap) return;
    struct stream_event e = { .time_us = l->pump.view.now_us, .kind = RECORD_TICKER_PRICE };
    e.u.book.symbol = symbol;
    e.u.book.last_e8 = price_e8;
    l->tap(l->tap_ctx, &e);
}

// One that was recovered may go before the last one that the run is to deliver.
void live_push(struct live *l, const struct pump_delivery *d) {
    pump_push(&l->pump, d);
    if (d->recovered && l->end_counts.to_deliver > 0) l->end_counts.to_deliver++;
}

static void push_event(struct live *l, const struct stream_event *e) {
    struct pump_delivery d = { .feed = -1,
                               .recovered = e->recovered,
                               .arrived_us = l->pump.view.now_us,
                               .time_us = e->time_us,
                               .event = *e };
    live_push(l, &d);
}

void live_push_event(struct live *l, const struct stream_event *e) {
    live_risk_on_event(l, e);
    if (l->tap) l->tap(l->tap_ctx, e);
    if (l->events_wanted >> e->kind & 1) push_event(l, e);
    if (end_counts_event(&l->end_counts, e)) live_stop_counted(l);
}

static int32_t deliver(struct live *l) {
    const struct pump_delivery *d = pump_next_delivery(&l->pump);
    // What waited behind another handler is no work of the runtime's: that is the lag.
    l->cause_us = d->arrived_us > l->ready_us ? d->arrived_us : l->ready_us;
    end_counts_delivered(&l->end_counts, d->feed >= 0);
    if (d->feed < 0) return WORLD_EVENT;
    l->pump.view.series = &l->feeds[d->feed].series;
    return WORLD_BAR;
}

// ---- the pump ----

void live_wake(struct live *l) {
    if (l->time.wake)
        l->time.wake(l->time.ctx);
    else
        uv_stop(&l->loop);
}

static void on_alarm(uv_timer_t *t) { (void)t; }

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// The loop is entered, and left for the script.
static void loop_in(struct live *l) {
    int64_t held = l->script_since_us ? live_monotonic_us(l) - l->script_since_us : 0;
    if (held > LIVE_HELD_US && held > l->held_us) l->held_us = held;
    heartbeat_phase(HEART_LOOP);
}

static int32_t loop_out(struct live *l, int32_t what) {
    l->script_since_us = live_monotonic_us(l);
    heartbeat_phase(HEART_SCRIPT);
    return what;
}

void live_ask_halt(struct live *l) {
    if (!l->halted) l->halt_asked = l->halted = true;
}

static void look_for_halt(struct live *l, int64_t now_us) {
    if (now_us < l->halt_look_us) return;
    l->halt_look_us = now_us + HALT_LOOK_US;
    for (int i = 0; i < 2; i++) {
        if (l->halt_files[i] && access(l->halt_files[i], F_OK) == 0) live_ask_halt(l);
    }
}

static bool has_own_news(const struct live *l) {
    return l->control && (l->held_us > 0 || l->halt_asked || l->tell_dead_man || live_log_waiting(l) ||
                          control_socket_waiting(l->control));
}

int64_t live_held_us(struct live *l) {
    int64_t held = l->held_us;
    l->held_us = 0;
    return held;
}

bool live_halt_asked(struct live *l) {
    bool asked = l->halt_asked;
    l->halt_asked = false;
    return asked;
}

bool live_dead_man_failed(struct live *l) {
    bool failed = l->tell_dead_man;
    l->tell_dead_man = false;
    return failed;
}

void live_halt(struct live *l) {
    l->halted = true;
    risk_limits_halt(&l->safety);
}

static void run_due(struct live *l) {
    int64_t now = live_now(l);
    if (dispatcher_next_us(l->pump.dispatcher) <= now) dispatcher_run(l->pump.dispatcher, now);
    live_wire_pump(l, now);
    live_market_advance(l, now);
    paper_pump(l, now);
    live_dead_man_pump(l, now);
    live_risk_pump(l, now);
    keep_alive_pump(l, now);
    look_for_halt(l, now);
    if (l->stop_at_us != 0 && now >= l->stop_at_us) live_stop(l);
}

// The system's clock: the loop sleeps by itself, an hour at most.
static void sleep_by_loop(struct live *l, int64_t rest_us) {
    if (rest_us <= 0) {
        uv_run(&l->loop, UV_RUN_NOWAIT);
        return;
    }
    uint64_t ms = rest_us > SLEEP_MAX_US ? SLEEP_MAX_US / 1000 : (uint64_t)(rest_us + 999) / 1000;
    uv_update_time(&l->loop);
    uv_timer_start(&l->alarm, on_alarm, ms, 0);
    uv_run(&l->loop, UV_RUN_ONCE);
    uv_timer_stop(&l->alarm);
}

void live_sleep(struct live *l, int64_t until_us) {
    int64_t rest_us = until_us == NEVER ? NEVER : until_us - l->pump.view.now_us;
    if (l->time.wait)
        l->time.wait(l->time.ctx, &l->loop, until_us == NEVER ? NEVER : until_us - l->epoch_us);
    else
        sleep_by_loop(l, rest_us);
}

// Lets the loop turn once, sleeping at most until something is due.
static void turn(struct live *l, bool sleep) {
    int64_t now = live_now(l), due = least(dispatcher_next_us(l->pump.dispatcher),
                                           least(live_wire_next_us(l), live_market_due_us(l)));
    due = least(due, least(paper_next_us(l), least(keep_alive_next_us(l), live_dead_man_next_us(l))));
    due = least(due, least(pump_timer_us(&l->pump), live_stop_due_us(l)));
    if (l->halt_files[0]) due = least(due, l->halt_look_us);
    if (heartbeat_joined()) due = least(due, now + HEART_REST_US);
    heartbeat_phase(HEART_LOOP);
    live_sleep(l, sleep ? due : now);
    run_due(l);
}

// What can be reported without waiting; -1: nothing.
static int32_t ready(struct live *l, bool wants) {
    if (dispatcher_notice(l->pump.dispatcher, &l->pump.view.notice)) return WORLD_NOTICE;
    if (has_own_news(l)) return WORLD_CONTROL;
    if (l->watched) {
        l->watched = false;
        return WORLD_INPUT;
    }
    if (pump_has_settled(&l->pump)) {
        pump_next_settled(&l->pump);
        return WORLD_CALL;
    }
    if (pump_timer_us(&l->pump) <= l->pump.view.now_us) {
        pump_next_timer(&l->pump);
        return WORLD_TIMER;
    }
    if (wants && l->stopping && (l->end_counts.to_deliver == 0 || live_overdue(l))) return WORLD_END;
    if (wants && l->pump.delivery_count > 0) return deliver(l);
    return -1;
}

static int32_t next(void *world, bool wants) {
    struct live *l = world;
    if (wants) {   // the handler of the last one is over
        l->cause_us = 0;
        l->ready_us = live_now(l);
        if (l->end_counts.reached) live_stop(l);
    }
    loop_in(l);
    // Answers that came together are reported together: a look at the sockets for each would cost more than
    // they do.
    if (pump_has_settled(&l->pump) && l->unturned < REPORTS_A_TURN) {
        l->unturned++;
        live_now(l);
    } else {
        l->unturned = 0;
        turn(l, false);
    }
    for (;;) {
        int32_t kind = ready(l, wants);
        if (kind >= 0) return loop_out(l, kind);
        if (!wants && l->stopping && (live_overdue(l) || (l->pump.pending == 0 && l->pump.timers.count == 0)))
            return loop_out(l, WORLD_END);
        turn(l, true);
    }
}

// 0: settled; 1: something else is to be handled first; 2: the run is over.
static int32_t wait_for(void *world, struct api_call *op, bool wants) {
    struct live *l = world;
    l->pump.awaited = op;
    if (op->done) pump_forget_report(&l->pump, op);
    loop_in(l);
    run_due(l);
    while (!op->done && !pump_has_settled(&l->pump) && !live_overdue(l)) {
        if (pump_timer_us(&l->pump) <= l->pump.view.now_us) break;
        if (dispatcher_notice_count(l->pump.dispatcher) > 0 || has_own_news(l) || l->watched) break;
        if (wants && (l->stopping || l->end_counts.reached || l->pump.delivery_count > 0))
            break;   // the strategy is not held back by a task that asks and asks
        turn(l, true);
    }
    l->pump.awaited = NULL;
    if (live_overdue(l) && (!op->done || op->settle == SETTLE_CANCELLED)) return loop_out(l, 2);
    return loop_out(l, op->done ? 0 : 1);
}

// ---- life ----

void live_events(struct live *l, uint64_t mask) {
    l->events_wanted = mask;
    live_market_wanted(l);
}

static void on_control(void *ctx) { live_wake(ctx); }

int live_control_open(struct live *l, const char *path, struct errmsg *e) {
    return control_socket_open(&l->loop, path, on_control, l, &l->control, e);
}

static void on_watched(uv_poll_t *p, int status, int events) {
    (void)status;
    (void)events;
    struct live *l = p->data;
    l->watched = true;
    live_wake(l);
}

void live_watch(struct live *l, int fd) {
    if (l->watching) uv_poll_stop(&l->watch);
    if (fd >= 0 && !l->watching) uv_poll_init(&l->loop, &l->watch, fd);   // one descriptor a run
    if (fd >= 0) uv_poll_start(&l->watch, UV_READABLE, on_watched);
    l->watch.data = l;
    l->watching = l->watching || fd >= 0;
}

struct live_figures live_figures(const struct live *l) {
    struct live_figures f = l->figures;
    struct gateway_figures g = gateway_figures(l->gateway);
    struct outcome_tracker_figures doubts = g.outcomes;
    f.sent = g.sent;
    f.answered = g.answered;
    f.lost = g.lost;
    f.unsent = g.unsent;
    f.resolved_found = doubts.found + doubts.refused;
    f.resolved_heard = doubts.heard;
    f.resolved_absent = doubts.absent;
    f.in_doubt = gateway_unresolved(l->gateway);
    f.clock_offset_us = clock_offset_us(&l->wire.clock);
    f.reaction_p50_us = histogram_quantile_us(l->reactions, f.reactions, 0.5);
    f.reaction_p99_us = histogram_quantile_us(l->reactions, f.reactions, 0.99);
    f.reaction_p999_us = histogram_quantile_us(l->reactions, f.reactions, 0.999);
    f.clock_uncertainty_us = clock_uncertainty_us(&l->wire.clock, l->pump.view.now_us);
    return f;
}

int32_t live_deliver(struct live *l, int16_t symbol, int32_t interval) {
    ASSERT(symbol >= 0 && symbol < l->list.count);
    if (l->feed_count == FEEDS_MAX) return ERR_FULL;
    struct bar_feed *f = &l->feeds[l->feed_count];
    int64_t *columns[COLUMN_COUNT];
    f->capacity = 4096;
    if (columns_alloc(&f->series, f->capacity, columns)) return ERR_NO_MEMORY;
    snprintf(f->series.symbol, sizeof f->series.symbol, "%s", l->symbols[symbol].name);
    f->series.interval = interval;
    f->series.interval_us = interval_us(interval);
    f->series.count = 0;
    f->symbol = symbol;
    f->interval = interval;
    int32_t number = l->feed_count++;
    if (l->started) live_market_added(l, number);
    return number;
}

// Limits shared with other processes of this machine need one clock for all: ours begins where theirs does.
static void share_open(struct live *l) {
    struct errmsg e;
    for (int i = 0; i < BUDGET_SCOPE_COUNT; i++) {
        if (!l->o.budgets[i] || l->o.clock) continue;   // a clock of its own is nobody else's
        l->shared[i] = shared_budget_open(NULL, l->o.budgets[i], l->o.api.edge_guard_us, &e);
        if (!l->shared[i]) {
            snprintf(l->sharing_problem, sizeof l->sharing_problem, "%.150s", e.text);
            continue;
        }
        l->epoch_us = shared_budget_base(l->shared[i], l->epoch_us);
    }
    l->start_wall_us = live_peek_now(l);
}

static void share_use(struct live *l) {
    for (int i = 0; i < BUDGET_SCOPE_COUNT; i++) {
        if (l->shared[i])
            dispatcher_share(l->pump.dispatcher, i, shared_budget_get(l->shared[i]),
                             shared_budget_member(l->shared[i]), shared_budget_lock(l->shared[i]),
                             live_now(l));
    }
}

const char *live_sharing_problem(const struct live *l) {
    return l->sharing_problem[0] ? l->sharing_problem : NULL;
}

int live_new(const struct live_options *o, const struct symbol *symbols, int32_t symbol_count,
             struct live **out, struct errmsg *e) {
    struct live *l = calloc(1, sizeof *l);
    if (!l) return errmsg_set(e, ERR_NO_MEMORY, "no memory for a run");
    l->o = *o;
    l->time = o->clock ? *o->clock : live_clock_system();
    l->epoch_us = l->time.wall_us(l->time.ctx) - live_monotonic_us(l);
    share_open(l);
    if (l->o.stream_age_us == 0) l->o.stream_age_us = STREAM_AGE_US;
    if (l->o.reconcile_us == 0) l->o.reconcile_us = RECONCILE_US;
    if (l->o.stream_silence_us == 0) l->o.stream_silence_us = STREAM_SILENCE_US;
    l->account.known = must(reconcile_new());
    l->symbols = must(malloc(sizeof *symbols * (size_t)symbol_count));
    memcpy(l->symbols, symbols, sizeof *symbols * (size_t)symbol_count);
    l->list = (struct symbol_list){ l->symbols, symbol_count };
    l->rest_url = must(strdup(o->rest_url));
    l->stream_url = must(strdup(o->stream_url));
    l->ws_api_url = must(strdup(o->ws_api_url ? o->ws_api_url : ""));
    l->ca_file = o->ca_file ? strdup(o->ca_file) : NULL;
    l->proxy = o->proxy ? strdup(o->proxy) : NULL;
    for (int i = 0; i < 2; i++) l->halt_files[i] = o->halt_files[i] ? strdup(o->halt_files[i]) : NULL;
    pump_open(&l->pump, l, settled_listeners);
    risk_limits_init(&l->safety, &o->safety);
    l->exposure = must(exposure_new());
    uv_loop_init(&l->loop);
    l->network = o->network ? *o->network : network_system(&l->loop);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);   // a journal that may not grow is a commit that fails
    uv_timer_init(&l->loop, &l->alarm);
    live_stop_open(l);
    int err = live_wire_open(l, e);
    if (!err && o->paper.on) err = paper_open(l, e);
    if (!err) {
        struct gateway_link link = l->paper ? paper_link_gateway(l) : live_wire_link(l);
        l->gateway = live_wire_gateway(l, &link);
        struct transport transport = gateway_transport(l->gateway);
        l->pump.dispatcher = must(dispatcher_new(&o->api, &transport, pump_settled, &l->pump, live_now(l)));
        gateway_attach(l->gateway, l->pump.dispatcher);
        share_use(l);
        *out = l;
        return ERR_OK;
    }
    live_free(l);
    return err;
}

void live_free(struct live *l) {
    if (!l) return;
    live_market_stop(l);
    paper_close(l);
    live_wire_close(l);
    live_journal_finish(l);
    control_socket_close(l->control);
    uv_close((uv_handle_t *)&l->alarm, NULL);
    if (l->watching) uv_close((uv_handle_t *)&l->watch, NULL);
    live_stop_close(l);
    while (uv_run(&l->loop, UV_RUN_DEFAULT) != 0) {
    }   // what is called back may stop it (live_wake) before all is closed
    live_wire_free(l);
    uv_loop_close(&l->loop);
    for (int32_t i = 0; i < l->feed_count; i++) {
        l->feeds[i].series.count = l->feeds[i].capacity;
        series_close(&l->feeds[i].series);
    }
    exposure_free(l->exposure);
    gateway_free(l->gateway);
    live_journal_free(l);
    end_counts_free(&l->end_counts);
    arena_free(&l->heard_rows);
    json_free(&l->heard);
    free(l->symbols);
    free(l->rest_url);
    free(l->stream_url);
    free(l->ws_api_url);
    free(l->ca_file);
    free(l->proxy);
    for (int i = 0; i < 2; i++) free(l->halt_files[i]);
    pump_close(&l->pump);
    for (int i = 0; i < BUDGET_SCOPE_COUNT; i++) shared_budget_close(l->shared[i]);
    free(l);
}

// Of the exchange's limits other runs and other programs take their part: something waits though nothing is
// on its way.
static bool waits_for_limits(const struct live *l) {
    int32_t queued = l->account.failed_as == SETTLE_RATE_LIMITED;
    for (int32_t p = 0; p < PRIORITY_COUNT; p++) queued += dispatcher_queued(l->pump.dispatcher, p);
    return queued > 0 && dispatcher_in_flight(l->pump.dispatcher) == 0;
}

int live_start(struct live *l, int64_t timeout_us, struct errmsg *e) {
    int64_t until = live_now(l) + timeout_us;
    gateway_ask_clock(l->gateway);
    bool asked = false;
    while (live_now(l) < until && !l->stopping) {
        bool clock = clock_known(&l->wire.clock);
        if (clock && l->o.requests_only) return ERR_OK;
        if (clock && !asked) {
            asked = true;
            live_journal_reopen(l);
            live_market_start(l);
            paper_start(l);
        }
        if (clock && live_market_running(l) && paper_ready(l) && l->journal.restarts_left == 0)
            return loop_out(l, ERR_OK);
        turn(l, true);
    }
    if (l->stopping && l->journal.restarts_left > 0) {   // no handler may run
        return errmsg_set(e, ERR_STOPPED, "stopped before %d orders of the last run could be cleared up",
                          l->journal.restarts_left);
    }
    if (l->stopping) return ERR_OK;
    if (clock_known(&l->wire.clock) && l->journal.restarts_left > 0) {
        return errmsg_set(e, ERR_TIMEOUT,
                          "%s: %d orders of the last run could not be cleared up within %lld s", l->rest_url,
                          l->journal.restarts_left, (long long)(timeout_us / 1000000));
    }
    return errmsg_set(
        e, ERR_TIMEOUT, "%s: no %s within %lld s%s%s", l->rest_url,
        !clock_known(&l->wire.clock) ? "answer"
        : waits_for_limits(l)
            ? "room within the limits (the configuration's, or the exchange's with what other programs use)"
        : l->wire.key && !l->account_known ? "account (is the key right?)"
                                           : "stream",
        (long long)(timeout_us / 1000000), live_log_waiting(l) ? "; " : "", live_log_last(l));
}

// ---- as the script's side uses it ----

static void free_world(void *world) { live_free(world); }
static int64_t last_e8(void *world, int16_t symbol) {
    return ((struct live *)world)->pump.view.last_e8[symbol];
}
static void name_order(void *world, struct call *call) { live_client_id(world, call); }
static void want_events(void *world, uint64_t mask) { live_events(world, mask); }
static bool book(void *world, int16_t symbol, struct live_book *out) { return live_book(world, symbol, out); }

static void set_tap(void *world, void (*tap)(void *ctx, const struct stream_event *event), void *ctx) {
    struct live *l = world;
    l->tap = tap;
    l->tap_ctx = ctx;
}

static int64_t measured_offset_us(void *world) {
    return clock_offset_us(&((struct live *)world)->wire.clock);
}
static void stop(void *world) { live_stop(world); }
static bool stopping(void *world) { return live_stopping(world); }
static void stop_within(void *world, int64_t within_us) { live_stop_within(world, within_us); }

static int open_control(void *world, const char *path, struct errmsg *e) {
    return live_control_open(world, path, e);
}

static struct control_socket *control(void *world) { return ((struct live *)world)->control; }

static int64_t held_us(void *world) { return live_held_us(world); }
static bool halt_asked(void *world) { return live_halt_asked(world); }
static void halt(void *world) { live_halt(world); }
static bool dead_man_failed(void *world) { return live_dead_man_failed(world); }
static bool log_next(void *world, struct live_line *out) { return live_log_next(world, out); }

const struct world_functions *live_functions(void) {
    static const struct world_functions functions = {
        .free = free_world,
        .view = pump_view,
        .op = pump_call,
        .op_free = pump_call_free,
        .submit = submit,
        .wait = wait_for,
        .next = next,
        .timer = set_timer,
        .last = last_e8,
        .client_id = name_order,
        .events = want_events,
        .configure = pump_configure,
        .manager_start = pump_manager_start,
        .manager_stop = pump_manager_stop,
        .strain = pump_strain,
        .metrics = pump_metrics,
        .book = book,
        .tap = set_tap,
        .clock_offset_us = measured_offset_us,
        .stop = stop,
        .stopping = stopping,
        .stop_within = stop_within,
        .control_socket_open = open_control,
        .control = control,
        .held_us = held_us,
        .halt_asked = halt_asked,
        .halt = halt,
        .dead_man_failed = dead_man_failed,
        .log_next = log_next,
    };
    return &functions;
}
