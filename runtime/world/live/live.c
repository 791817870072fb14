// live.c: what comes next for the script of a live world; its parts, and who hears of what.
#include "world/live/live.h"

#include "api/clock.h"
#include "api/histogram.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/num.h"
#include "base/units.h"
#include "process/heartbeat.h"
#include "world/live/account.h"
#include "world/live/budgets.h"
#include "world/live/coins.h"
#include "world/live/core.h"
#include "world/live/dead_man.h"
#include "world/live/halt.h"
#include "world/live/journal.h"
#include "world/live/keep_alive.h"
#include "world/live/ledger.h"
#include "world/live/log_lines.h"
#include "world/live/market.h"
#include "world/live/order_book.h"
#include "world/live/positions.h"
#include "world/live/refusals.h"
#include "world/live/risk.h"
#include "world/live/rules.h"
#include "world/live/sockets.h"
#include "world/live/stop.h"
#include "world/live/summary.h"
#include "world/live/wire.h"
#include "world/live/ws_orders.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPORTS_A_TURN = 32 };
#define STREAM_AGE_US INT64_C(85800000000)   // ten minutes before the exchange ends it
#define RECONCILE_US INT64_C(60000000)
#define STREAM_SILENCE_US INT64_C(40000000)
#define SLEEP_MAX_US INT64_C(3600000000)

// The turns of the loop, and what is only between them and the script.
struct live_turns {
    int32_t opened;   // parts
    uv_timer_t alarm;
    struct control_socket *control;
    void (*tap)(void *ctx, const struct stream_event *event);
    void *tap_ctx;
    uv_poll_t watch;   // what live_watch was told of
    bool watching, watched;
    int64_t start_wall_us, client_ids;
    int64_t script_since_us;                 // when the script got the loop; 0: not yet
    int64_t held_us;                         // the longest it held it, not yet told
    int32_t unturned;                        // reports since the loop last turned
    int64_t ready_us;                        // since when the script has waited for something to handle
    int64_t cause_us;                        // when what is being handled could be; 0: nothing is
    uint32_t reactions[HISTOGRAM_BUCKETS];   // from then until an order went to the transport
};

int64_t live_monotonic_us(const struct live *l) { return l->time.now_us(l->time.ctx); }

int64_t live_peek_now(const struct live *l) { return l->epoch_us + live_monotonic_us(l); }

int64_t live_now(struct live *l) {
    l->pump.view.now_us = live_peek_now(l);
    return l->pump.view.now_us;
}

int64_t live_exchange_now(struct live *l) { return live_now(l) + clock_offset_us(live_wire_clock(l)); }

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

// An answer to any call, before anybody hears that it has settled.
static void settled(void *ctx, struct request *r, enum settle settle, int64_t now_us) {
    if (settle == SETTLE_DONE) live_positions_answered(ctx, r->user);
    pump_settled(ctx, r, settle, now_us);
}

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
    if (!live_wire_key(l) && !l->simulation && endpoint_info(op->call.endpoint)->security != SEC_NONE) {
        live_now(l);
        pump_refuse(&l->pump, op, "no API key: this run only looks at the market (--market-only)");
        return;
    }
    name_orders(l, op);
    char why[160] = "";
    if (!live_rules_allow(l, op, why)) {
        live_now(l);
        pump_refuse(&l->pump, op, why);
        return;
    }
    bool good = live_risk_gate(l, op, why);
    live_now(l);
    if (good) {
        end_counts_sent(&l->end_counts, op);
        pump_submit(&l->pump, op);
        return;
    }
    l->figures.refused_by_risk_limits++;
    pump_refuse(&l->pump, op, why);
}

struct api_call *internal_call_take(struct live *l, int32_t endpoint, uint8_t priority) {
    struct api_call *op = pump_call(l);
    op->call.endpoint = (uint16_t)endpoint;
    op->call.symbol = SYMBOL_NONE;
    op->request.priority = priority;
    op->request.retries_max = 3;
    op->no_share = true;
    return op;
}

void internal_call_submit(struct live *l, struct api_call *call, pump_done done, int64_t number) {
    live_now(l);
    pump_submit_internal(&l->pump, call, done, l, number);
}

void live_client_id(struct live *l, struct call *call) {
    // The start, to the microsecond, and the process make ids of all runs differ. As text they are in the
    // order of their making: the journal's index then grows at its end, where that is cheapest.
    snprintf(call->client_id, CLIENT_ID_MAX, USED_IDS_LIVE "%013llx-%x-%08llx",
             (unsigned long long)l->turns->start_wall_us, (unsigned)getpid(),
             (unsigned long long)++l->turns->client_ids);
    call->given |= UINT64_C(1) << P_CLIENT_ID;
}

void live_reacted(struct live *l, const struct api_call *call) {
    const struct live_turns *t = l->turns;
    bool places = call->call.endpoint == EP_ORDER_NEW || call->call.endpoint == EP_ALGO_NEW ||
                  call->call.endpoint == EP_BATCH_NEW;
    if (!places || call->request.attempts > 1 || t->cause_us == 0 || call->request.submitted_us < t->cause_us)
        return;
    l->turns->reactions[histogram_bucket(live_now(l) - t->cause_us)]++;
    l->figures.reactions++;
}

// ---- timers and deliveries ----

static void set_timer(void *world, int64_t delay_us, int32_t id) {
    struct live *l = world;
    int64_t now = live_now(l);
    pump_timer_at(&l->pump,
                  delay_us > INT64_MAX - 1 - now ? INT64_MAX - 1 : now + (delay_us > 0 ? delay_us : 0), id);
}

void live_price(struct live *l, int16_t symbol, int64_t price_e8) {
    if (l->pump.view.last_e8[symbol] == price_e8) return;
    l->pump.view.last_e8[symbol] = price_e8;
    if (!l->turns->tap) return;
    struct stream_event e = { .time_us = l->pump.view.now_us, .kind = RECORD_TICKER_PRICE };
    e.u.book.symbol = symbol;
    e.u.book.last_e8 = price_e8;
    l->turns->tap(l->turns->tap_ctx, &e);
}

// One that was recovered may go before the last one that the run is to deliver.
void live_push(struct live *l, const struct pump_delivery *d) {
    pump_push(&l->pump, d);
    if (d->recovered && l->end_counts.to_deliver > 0) l->end_counts.to_deliver++;
}

static void journal_event(struct live *l, const struct stream_event *e) {
    gateway_journal_event(l->gateway, e->kind, &e->u);
}
static void track_event(struct live *l, const struct stream_event *e) {
    gateway_on_event(l->gateway, e->kind, &e->u);
}

static void keep_position(struct live *l, const struct stream_event *e) {
    if (live_positions_on_event(l, e)) live_account_doubt(l);
}

static void tap_event(struct live *l, const struct stream_event *e) {
    if (l->turns->tap) l->turns->tap(l->turns->tap_ctx, e);
}

static void push_event(struct live *l, const struct stream_event *e) {
    if ((l->events_wanted >> e->kind & 1) == 0) {
        live_journal_told(l, e);
        return;
    }
    struct pump_delivery d = { .feed = -1,
                               .recovered = e->recovered,
                               .arrived_us = l->pump.view.now_us,
                               .time_us = e->time_us,
                               .event = *e };
    live_push(l, &d);
}

static void count_event(struct live *l, const struct stream_event *e) {
    if (end_counts_event(&l->end_counts, e)) live_stop_counted(l);
}

// Who hears of an event, in this order, and at which stages of what is known of it.
static const struct {
    void (*on_event)(struct live *l, const struct stream_event *e);
    uint32_t stages;   // bits of enum live_event_stage
} event_listeners[] = {
    { track_event, EVENT_HEARD },
    { journal_event, EVENT_LEARNED | EVENT_ACCOUNT },
    { keep_position, EVENT_LEARNED | EVENT_ACCOUNT },
    { live_risk_on_event, EVENT_ACCOUNT | EVENT_NEWS },
    { tap_event, EVENT_ACCOUNT | EVENT_NEWS },
    { push_event, EVENT_ACCOUNT | EVENT_NEWS },
    { count_event, EVENT_ACCOUNT | EVENT_NEWS },
    { live_ledger_on_event, EVENT_ACCOUNT },
};

void live_event(struct live *l, const struct stream_event *e, enum live_event_stage stage) {
    for (size_t i = 0; i < sizeof event_listeners / sizeof *event_listeners; i++) {
        if (event_listeners[i].stages & stage) event_listeners[i].on_event(l, e);
    }
}

static int32_t deliver(struct live *l) {
    const struct pump_delivery *d = pump_next_delivery(&l->pump);
    // What waited behind another handler is no work of the runtime's: that is the lag.
    l->turns->cause_us = d->arrived_us > l->turns->ready_us ? d->arrived_us : l->turns->ready_us;
    end_counts_delivered(&l->end_counts, d->feed >= 0);
    if (d->feed >= 0) l->figures.bar_us = d->time_us;
    if (d->feed < 0) {
        live_journal_told(l, &d->event);
        return WORLD_EVENT;
    }
    l->pump.view.series = live_market_series(l, d->feed);
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

// The loop is entered, and left for the script.
static void loop_in(struct live *l) {
    int64_t held = l->turns->script_since_us ? live_monotonic_us(l) - l->turns->script_since_us : 0;
    if (held > LIVE_HELD_US && held > l->turns->held_us) l->turns->held_us = held;
    heartbeat_phase(HEART_LOOP);
}

static int32_t loop_out(struct live *l, int32_t what) {
    live_budgets_tell(l);
    l->turns->script_since_us = live_monotonic_us(l);
    heartbeat_phase(HEART_SCRIPT);
    return what;
}

static bool has_own_news(const struct live *l) {
    return l->turns->control &&
           (l->turns->held_us > 0 || live_halt_waits(l) || live_dead_man_has_failed(l) ||
            live_log_waiting(l) || live_summary_waits(l) || control_socket_waiting(l->turns->control));
}

int64_t live_held_us(struct live *l) {
    int64_t held = l->turns->held_us;
    l->turns->held_us = 0;
    return held;
}

// ---- the parts ----

static int simulation_open(struct live *l, struct errmsg *e) {
    l->simulation = l->o.simulation;
    return l->simulation ? l->simulation->open(l, e) : ERR_OK;
}

static int64_t simulation_next_us(const struct live *l) {
    return l->simulation ? l->simulation->next_us(l) : INT64_MAX;
}

static void simulation_pump(struct live *l, int64_t now_us) {
    if (l->simulation) l->simulation->pump(l, now_us);
}

static void simulation_stop(struct live *l) {
    if (l->simulated) l->simulation->stop(l);
}

// In the order in which they are opened, pumped and closed. `stop` ends what the loop has of them, `close` frees them
// once the loop has nothing more to say; NULL: nothing to do.
static const struct live_part {
    int (*open)(struct live *l, struct errmsg *e);
    int64_t (*next_us)(const struct live *l);   // when it has something to do
    void (*pump)(struct live *l, int64_t now_us);
    void (*stop)(struct live *l);
    void (*close)(struct live *l);
} parts[] = {
    { .open = live_log_open, .close = live_log_close },
    { .open = live_refusals_open, .close = live_refusals_close },
    { live_coins_open, live_coins_next_us, live_coins_pump, NULL, live_coins_close },
    { live_rules_open, live_rules_next_us, live_rules_pump, NULL, live_rules_close },
    { live_ledger_open, NULL, live_ledger_pump, NULL, live_ledger_close },
    { live_wire_open, live_wire_next_us, live_wire_pump, live_wire_stop, live_wire_close },
    { live_sockets_open, live_sockets_next_us, live_sockets_pump, live_sockets_stop, live_sockets_close },
    { .open = live_positions_open, .close = live_positions_close },
    { live_account_open, live_account_next_us, live_account_pump, NULL, live_account_close },
    { live_ws_orders_open, live_ws_orders_next_us, live_ws_orders_pump, live_ws_orders_stop,
      live_ws_orders_close },
    { .open = live_books_open, .close = live_books_close },
    { .open = live_market_open, .close = live_market_close },
    { simulation_open, simulation_next_us, simulation_pump, simulation_stop, NULL },
    { live_dead_man_open, live_dead_man_next_us, live_dead_man_pump, NULL, live_dead_man_close },
    { live_risk_open, live_risk_next_us, live_risk_pump, NULL, live_risk_close },
    { keep_alive_open, keep_alive_next_us, keep_alive_pump, NULL, keep_alive_close },
    { live_journal_new, NULL, NULL, live_journal_stop, live_journal_close },
    { live_halt_open, live_halt_next_us, live_halt_pump, NULL, live_halt_close },
    { live_summary_open, live_summary_next_us, live_summary_pump, NULL, live_summary_close },
    { live_stop_open, live_stop_next_us, live_stop_pump, live_stop_stop, live_stop_close },
};
enum { PARTS = sizeof parts / sizeof *parts };

static void run_due(struct live *l) {
    int64_t now = live_now(l);
    if (dispatcher_next_us(l->pump.dispatcher) <= now) dispatcher_run(l->pump.dispatcher, now);
    for (int i = 0; i < PARTS; i++) {
        if (parts[i].pump) parts[i].pump(l, now);
    }
}

// The system's clock: the loop sleeps by itself, an hour at most.
static void sleep_by_loop(struct live *l, int64_t rest_us) {
    if (rest_us <= 0) {
        uv_run(&l->loop, UV_RUN_NOWAIT);
        return;
    }
    uint64_t ms = rest_us > SLEEP_MAX_US ? SLEEP_MAX_US / 1000 : (uint64_t)(rest_us + 999) / 1000;
    uv_update_time(&l->loop);
    uv_timer_start(&l->turns->alarm, on_alarm, ms, 0);
    uv_run(&l->loop, UV_RUN_ONCE);
    uv_timer_stop(&l->turns->alarm);
}

void live_sleep(struct live *l, int64_t until_us) {
    if (until_us < l->pump.view.now_us)
        until_us = l->pump.view.now_us;   // what is due at once may be as old as time
    int64_t rest_us = until_us == INT64_MAX ? INT64_MAX : until_us - l->pump.view.now_us;
    if (l->time.wait)
        l->time.wait(l->time.ctx, &l->loop, until_us == INT64_MAX ? INT64_MAX : until_us - l->epoch_us);
    else
        sleep_by_loop(l, rest_us);
}

// Lets the loop turn once, sleeping at most until something is due.
static void turn(struct live *l, bool sleep) {
    int64_t now = live_now(l), due = num_min(dispatcher_next_us(l->pump.dispatcher), pump_timer_us(&l->pump));
    for (int i = 0; i < PARTS; i++) {
        if (parts[i].next_us) due = num_min(due, parts[i].next_us(l));
    }
    if (heartbeat_joined()) due = num_min(due, now + HEART_REST_US);
    heartbeat_phase(HEART_LOOP);
    live_sleep(l, sleep ? due : now);
    run_due(l);
}

// What can be reported without waiting; -1: nothing.
static int32_t ready(struct live *l, bool wants) {
    if (dispatcher_notice(l->pump.dispatcher, &l->pump.view.notice)) return WORLD_NOTICE;
    if (has_own_news(l)) return WORLD_CONTROL;
    if (l->turns->watched) {
        l->turns->watched = false;
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
    if (wants && l->stopping) {
        bool asked = live_overdue(l) || live_account_last_round(l);
        if (live_overdue(l) || (asked && l->end_counts.to_deliver == 0)) return WORLD_END;
    }
    if (wants && l->pump.delivery_count > 0) return deliver(l);
    return -1;
}

static int32_t next(void *world, bool wants) {
    struct live *l = world;
    if (wants) {   // the handler of the last one is over
        l->turns->cause_us = 0;
        l->turns->ready_us = live_now(l);
        if (l->end_counts.reached) live_stop(l);
    }
    loop_in(l);
    // Answers that came together are reported together: a look at the sockets for each would cost more than
    // they do.
    if (pump_has_settled(&l->pump) && l->turns->unturned < REPORTS_A_TURN) {
        l->turns->unturned++;
        live_now(l);
    } else {
        l->turns->unturned = 0;
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
        if (dispatcher_notice_count(l->pump.dispatcher) > 0 || has_own_news(l) || l->turns->watched) break;
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
    return control_socket_open(&l->loop, path, on_control, l, &l->turns->control, e);
}

static void on_watched(uv_poll_t *p, int status, int events) {
    (void)status;
    (void)events;
    struct live *l = p->data;
    l->turns->watched = true;
    live_wake(l);
}

void live_watch(struct live *l, int fd) {
    if (l->turns->watching) uv_poll_stop(&l->turns->watch);
    if (fd >= 0 && !l->turns->watching)
        uv_poll_init(&l->loop, &l->turns->watch, fd);   // one descriptor a run
    if (fd >= 0) uv_poll_start(&l->turns->watch, UV_READABLE, on_watched);
    l->turns->watch.data = l;
    l->turns->watching = l->turns->watching || fd >= 0;
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
    f.clock_offset_us = clock_offset_us(live_wire_clock(l));
    f.reaction_p50_us = histogram_quantile_us(l->turns->reactions, f.reactions, 0.5);
    f.reaction_p99_us = histogram_quantile_us(l->turns->reactions, f.reactions, 0.99);
    f.reaction_p999_us = histogram_quantile_us(l->turns->reactions, f.reactions, 0.999);
    f.clock_uncertainty_us = clock_uncertainty_us(live_wire_clock(l), l->pump.view.now_us);
    return f;
}

const struct symbol *live_symbols(const struct live *l) { return l->symbols; }

static const char *copy_of(const char *text) { return text ? alloc_text(text) : NULL; }

static void copy_options(struct live *l, const struct live_options *o) {
    l->o = *o;
    l->o.rest_url = alloc_text(o->rest_url);
    l->o.stream_url = alloc_text(o->stream_url);
    l->o.ws_api_url = alloc_text(o->ws_api_url ? o->ws_api_url : "");
    l->o.ca_file = copy_of(o->ca_file);
    l->o.proxy = copy_of(o->proxy);
    for (int i = 0; i < 2; i++) l->o.halt_files[i] = copy_of(o->halt_files[i]);
    if (l->o.stream_age_us == 0) l->o.stream_age_us = STREAM_AGE_US;
    if (l->o.reconcile_us == 0) l->o.reconcile_us = RECONCILE_US;
    if (l->o.stream_silence_us == 0) l->o.stream_silence_us = STREAM_SILENCE_US;
}

static void free_options(struct live *l) {
    const char *texts[] = { l->o.rest_url, l->o.stream_url,    l->o.ws_api_url,   l->o.ca_file,
                            l->o.proxy,    l->o.halt_files[0], l->o.halt_files[1] };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free((char *)texts[i]);
}

static int open_parts(struct live *l, struct errmsg *e) {
    int err = ERR_OK;
    while (!err && l->turns->opened < PARTS) err = parts[l->turns->opened++].open(l, e);
    // The key's texts are the caller's, who wipes them.
    l->o.api_key = l->o.secret = NULL;
    return err;
}

static void open_gateway(struct live *l) {
    struct gateway_link link = l->simulation ? l->simulation->link(l) : live_wire_link(l);
    l->gateway = live_wire_gateway(l, &link);
    struct transport transport = gateway_transport(l->gateway);
    l->pump.dispatcher = alloc_checked(dispatcher_new(&l->o.api, &transport, settled, &l->pump, live_now(l)));
    gateway_attach(l->gateway, l->pump.dispatcher);
    live_budgets_use(l);
}

int live_new(const struct live_options *o, const struct symbol *symbols, int32_t symbol_count,
             struct live **out, struct errmsg *e) {
    struct live *l = alloc_zeroed(1, sizeof *l);
    l->turns = alloc_zeroed(1, sizeof *l->turns);
    copy_options(l, o);
    l->time = o->clock ? *o->clock : live_clock_system();
    l->epoch_us = l->time.wall_us(l->time.ctx) - live_monotonic_us(l);
    live_budgets_open(l, e);
    l->turns->start_wall_us = live_peek_now(l);
    l->symbols = alloc_bytes(sizeof *symbols * (size_t)symbol_count);
    memcpy(l->symbols, symbols, sizeof *symbols * (size_t)symbol_count);
    l->list = (struct symbol_list){ l->symbols, symbol_count };
    pump_open(&l->pump, l, settled_listeners);
    uv_loop_init(&l->loop);
    l->network = o->network ? *o->network : network_system(&l->loop);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);   // a journal that may not grow is a commit that fails
    uv_timer_init(&l->loop, &l->turns->alarm);
    int err = open_parts(l, e);
    if (err) {
        live_free(l);
        return err;
    }
    open_gateway(l);
    *out = l;
    return ERR_OK;
}

void live_free(struct live *l) {
    if (!l) return;
    l->ended = true;
    for (int i = 0; i < l->turns->opened; i++) {
        if (parts[i].stop) parts[i].stop(l);
    }
    control_socket_close(l->turns->control);
    uv_close((uv_handle_t *)&l->turns->alarm, NULL);
    if (l->turns->watching) uv_close((uv_handle_t *)&l->turns->watch, NULL);
    while (uv_run(&l->loop, UV_RUN_DEFAULT) != 0) {
    }   // what is called back may stop it (live_wake) before all is closed
    gateway_free(l->gateway);
    for (int i = 0; i < l->turns->opened; i++) {
        if (parts[i].close) parts[i].close(l);
    }
    uv_loop_close(&l->loop);
    end_counts_free(&l->end_counts);
    arena_free(&l->heard_rows);
    json_free(&l->heard);
    pump_close(&l->pump);
    live_budgets_close(l);
    free(l->symbols);
    free_options(l);
    free(l->turns);
    free(l);
}

// Of the exchange's limits other runs and other programs take their part: something waits though nothing is
// on its way.
static bool waits_for_limits(const struct live *l) {
    int32_t queued = live_account_limited(l);
    for (int32_t p = 0; p < PRIORITY_COUNT; p++) queued += dispatcher_queued(l->pump.dispatcher, p);
    return queued > 0 && dispatcher_in_flight(l->pump.dispatcher) == 0;
}

static bool everything_runs(const struct live *l) {
    return live_account_ready(l) && live_market_running(l) && live_ws_orders_running(l) &&
           (!l->simulation || l->simulation->ready(l)) && live_journal_left(l) == 0;
}

// What was answered will not change in time: a wrong key, a firewall, a ban.
static bool start_is_vain(struct live *l, int64_t until_us, struct errmsg *e) {
    if (l->o.requests_only) return false;
    const char *line = live_refusals_fatal(l);
    int64_t gate_us = dispatcher_gate_us(l->pump.dispatcher);
    if (!line && gate_us <= until_us) return false;
    if (!line) line = live_refusals_last(l);
    if (line[0])
        errmsg_set(e, ERR_IO, "%s", line);
    else
        errmsg_set(e, ERR_IO, "%s: this address is to send nothing for %lld s", l->o.rest_url,
                   (long long)((gate_us - live_now(l)) / SECOND_US));
    return true;
}

int live_start(struct live *l, int64_t timeout_us, struct errmsg *e) {
    int64_t until = live_now(l) + timeout_us;
    gateway_ask_clock(l->gateway);
    bool asked = false;
    while (live_now(l) < until && !l->stopping) {
        bool clock = clock_known(live_wire_clock(l));
        if (clock && l->o.requests_only) return ERR_OK;
        if (clock && !asked) {
            asked = true;
            live_journal_reopen(l);
            l->started = true;
            live_market_start(l);
            if (live_wire_key(l)) live_account_start(l);
            if (l->simulation) l->simulation->start(l);
        }
        if (clock && everything_runs(l)) {
            live_refusals_started(l);
            live_ledger_begin(l);
            return loop_out(l, ERR_OK);
        }
        turn(l, true);
        if (start_is_vain(l, until, e)) return ERR_IO;
    }
    if (l->stopping && live_journal_left(l) > 0) {   // no handler may run
        return errmsg_set(e, ERR_STOPPED, "stopped before the outcome of %d orders of the last run was known",
                          live_journal_left(l));
    }
    if (l->stopping) return ERR_OK;
    if (clock_known(live_wire_clock(l)) && live_journal_left(l) > 0) {
        return errmsg_set(e, ERR_TIMEOUT,
                          "%s: the outcome of %d orders of the last run was not known within %lld s",
                          l->o.rest_url, live_journal_left(l), (long long)(timeout_us / 1000000));
    }
    return errmsg_set(
        e, ERR_TIMEOUT, "%s: no %s within %lld s%s%s%s%s", l->o.rest_url,
        !clock_known(live_wire_clock(l)) ? "answer"
        : waits_for_limits(l)
            ? "room within the limits (the configuration's, or the exchange's with what other programs use)"
        : live_wire_key(l) && !live_account_known(l) ? "account (is the key right?)"
                                                     : "stream",
        (long long)(timeout_us / 1000000), live_refusals_last(l)[0] ? "; " : "", live_refusals_last(l),
        live_log_waiting(l) ? "; " : "", live_log_last(l));
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
    l->turns->tap = tap;
    l->turns->tap_ctx = ctx;
}

static int64_t measured_offset_us(void *world) { return clock_offset_us(live_wire_clock(world)); }
static void stop(void *world) { live_stop(world); }
static bool stopping(void *world) { return live_stopping(world); }
static void stop_within(void *world, int64_t within_us) { live_stop_within(world, within_us); }

static int open_control(void *world, const char *path, struct errmsg *e) {
    return live_control_open(world, path, e);
}

static struct control_socket *control(void *world) { return ((struct live *)world)->turns->control; }

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
