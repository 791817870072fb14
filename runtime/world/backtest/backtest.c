#include "base/units.h"
#include "world/backtest/private.h"

#include "venue/binance/endpoint.h"
#include "trade/interval.h"
#include "world/world.h"
#include "trade/stream_event.h"

#include <stdlib.h>
#include <string.h>

int64_t backtest_bar_close_us(const struct series *s, int64_t i) {
    if (s->interval < INTERVAL_1W) return s->open_us[i] + s->interval_us - 1000;
    // Weeks start on Mondays and months differ: the bar ends where the next one of the grid begins.
    return interval_floor(s->interval,
                          s->open_us[i] + s->interval_us + (s->interval == INTERVAL_1MO ? 2 * DAY_US : 0)) -
           1000;
}

const struct market *backtest_market_of(const struct backtest *b, int16_t symbol) {
    for (int32_t i = 0; i < b->market_count; i++) {
        if (b->markets[i].symbol == symbol) return &b->markets[i];
    }
    return NULL;
}

// Shows the exchange the last of the bars that passed while it was idle.
static void catch_up(struct backtest *b) {
    b->idle_bars = 0;
    if (!b->behind) return;
    b->behind = false;
    const struct market *m = &b->markets[0];
    const struct series *s = m->series;
    int64_t i = m->next - 1;
    struct exchange_bar bar = { s->open_us[i], b->view.now_us, s->open_e8[i],  s->high_e8[i],
                                s->low_e8[i],  s->close_e8[i], s->volume_e8[i] };
    exchange_fast_forward(b->exchange, m->symbol, &bar);
    b->view.last_e8[m->symbol] = s->close_e8[i];
}

// --- operations ----

struct api_call *backtest_op(struct backtest *b) {
    return must(api_call_take(b->ops));
}

void backtest_op_free(struct backtest *b, struct api_call *op) { api_call_give(b->ops, op); }

static void push_settled(struct backtest *b, struct api_call *op) {
    if (b->settled_head == b->settled_count) b->settled_head = b->settled_count = 0;
    if (b->settled_count == b->settled_capacity) {
        b->settled_capacity = b->settled_capacity ? 2 * b->settled_capacity : 64;
        b->settled = must(realloc(b->settled, sizeof *b->settled * (size_t)b->settled_capacity));
    }
    b->settled[b->settled_count++] = op;
}

static void end_op(struct backtest *b, struct api_call *op, enum settle settle) {
    op->settle = (uint8_t)settle;
    op->done = true;
    b->pending--;
    if (op != b->awaited) push_settled(b, op);
}

static void on_settled(void *ctx, struct request *r, enum settle settle, int64_t now_us) {
    struct backtest *b = ctx;
    struct api_call *op = r->user;
    b->view.waited_us += r->waited_us;
    if (r->mutating) coalesce_changed(b->flights);
    struct api_call *follower = coalesce_end(b->flights, op);
    if (gateway_settled(b->gateway, op, settle, now_us)) {
        b->pending--;
        api_call_give(b->ops, op);
        return;
    }
    end_op(b, op, settle);
    while (follower) {
        struct api_call *next = follower->next_follower;
        if (!api_call_copy_answer(follower, op)) must(NULL);
        end_op(b, follower, settle);
        follower = next;
    }
}

void backtest_submit(struct backtest *b, struct api_call *op) {
    catch_up(b);
    const struct endpoint_info *info = endpoint_info(op->call.endpoint);
    struct request *r = &op->request;
    r->user = op;
    r->endpoint = op->call.endpoint;
    r->request_class = info->request_class;
    r->mutating = info->mutating;
    r->submitted_us = b->view.now_us;
    api_call_price(op);
    bool fresh = op->call.endpoint == EP_ORDER_NEW || op->call.endpoint == EP_ALGO_NEW;
    if (b->faults && fresh && op->call.client_id[0] == 0)
        backtest_client_id(b, &op->call);   // to be found again by
    b->pending++;
    if (coalesce_join(b->flights, op)) {
        b->view.shared++;
        return;
    }
    b->dispatcher_dirty = true;
    int status = dispatcher_submit(b->dispatcher, r, b->view.now_us);
    if (status != 0)
        on_settled(b, r, status == ERR_FULL ? SETTLE_QUEUE_FULL : SETTLE_STOPPED, b->view.now_us);
}

// --- timers ----

static bool timer_before(const struct timer *x, const struct timer *y) {
    return x->at_us != y->at_us ? x->at_us < y->at_us : x->order < y->order;
}

static void timer_swap(struct timer *x, struct timer *y) {
    struct timer t = *x;
    *x = *y;
    *y = t;
}

void backtest_timer(struct backtest *b, int64_t delay_us, int32_t id) {
    if (b->timer_count == b->timer_capacity) {
        b->timer_capacity = b->timer_capacity ? 2 * b->timer_capacity : 16;
        b->timers = must(realloc(b->timers, sizeof *b->timers * (size_t)b->timer_capacity));
    }
    int64_t at =
        delay_us > NEVER - 1 - b->view.now_us ? NEVER - 1 : b->view.now_us + (delay_us > 0 ? delay_us : 0);
    b->idle_bars = 0;
    int32_t i = b->timer_count++;
    b->timers[i] = (struct timer){ at, b->timer_order++, id };
    while (i > 0 && timer_before(&b->timers[i], &b->timers[(i - 1) / 2])) {
        timer_swap(&b->timers[i], &b->timers[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static int32_t timer_pop(struct backtest *b) {
    int32_t id = b->timers[0].id;
    b->timers[0] = b->timers[--b->timer_count];
    for (int32_t i = 0;;) {
        int32_t least = i;
        for (int32_t child = 2 * i + 1; child <= 2 * i + 2 && child < b->timer_count; child++) {
            if (timer_before(&b->timers[child], &b->timers[least])) least = child;
        }
        if (least == i) return id;
        timer_swap(&b->timers[i], &b->timers[least]);
        i = least;
    }
}

// --- equity ----

static void append(int64_t **us, int64_t **values, int64_t *count, int64_t *capacity, int64_t t,
                   int64_t value) {
    if (*count == *capacity) {
        *capacity = *capacity ? 2 * *capacity : 512;
        *us = must(realloc(*us, sizeof **us * (size_t)*capacity));
        *values = must(realloc(*values, sizeof **values * (size_t)*capacity));
    }
    (*us)[*count] = t;
    (*values)[(*count)++] = value;
}

static void close_day(struct backtest *b) {
    append(&b->day_us, &b->day_equity, &b->view.day_count, &b->day_capacity, b->day_end_us,
           b->view.equity_e8);
    b->view.day_us = b->day_us;
    b->view.day_equity_e8 = b->day_equity;
}

// Equity at the close of the bars that end at t_us; called once for each such instant.
static void sample(struct backtest *b, int64_t t_us) {
    struct world_view *v = &b->view;
    while (t_us >= b->day_end_us) {
        close_day(b);
        b->day_end_us += DAY_US;
    }
    int64_t equity = exchange_equity_e8(b->exchange);
    if (equity > v->peak_e8) {
        v->peak_e8 = equity;
        v->peak_candidate_us = t_us;
    } else if (equity < v->peak_e8 && equity != v->equity_e8) {
        int64_t fall = v->peak_e8 - equity;
        if (fall > v->drawdown_e8) v->drawdown_e8 = fall;
        double ratio = (double)fall / (double)v->peak_e8;
        if (ratio > v->drawdown) {
            v->drawdown = ratio;
            v->peak_us = v->peak_candidate_us;
            v->trough_us = t_us;
        }
    }
    v->equity_e8 = equity;
    if (b->record_points) {
        append(&b->point_us, &b->point_equity, &v->point_count, &b->point_capacity, t_us, equity);
        v->point_us = b->point_us;
        v->point_equity_e8 = b->point_equity;
    }
}

// --- the pump ----

static int64_t min_us(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max_us(int64_t a, int64_t b) { return a > b ? a : b; }

static struct exchange_bar bar_at(const struct series *s, int64_t i) {
    return (struct exchange_bar){ s->open_us[i],  backtest_bar_close_us(s, i),
                                  s->open_e8[i],  s->high_e8[i],
                                  s->low_e8[i],   s->close_e8[i],
                                  s->volume_e8[i] };
}

static void feed_look(struct feed *f) {
    f->due_us = f->next < f->series->count ? backtest_bar_close_us(f->series, f->next) : NEVER;
}

static void feed_step(struct feed *f) {
    f->next++;
    feed_look(f);
}

static bool position_open(const struct backtest *b) {
    for (int32_t i = 0; i < b->market_count; i++) {
        for (int32_t side = 0; side < POSITION_SIDE_COUNT; side++) {
            if (exchange_position_e8(b->exchange, b->markets[i].symbol, side) != 0) return true;
        }
    }
    return false;
}

static void count_bar(struct backtest *b, const struct market *m, int64_t i) {
    b->view.last_e8[m->symbol] = m->series->close_e8[i];
    b->view.bars++;
}

static void close_bars(struct backtest *b) {
    bool closed = false;
    for (int32_t i = 0; i < b->market_count; i++) {
        struct market *m = &b->markets[i];
        if (m->open_close_us > b->view.now_us) continue;
        count_bar(b, m, m->next - 1);
        m->open_close_us = NEVER;
        if (position_open(b)) b->view.bars_exposed++;
        closed = true;
    }
    if (closed) sample(b, b->view.now_us);
}

static void open_bars(struct backtest *b) {
    for (int32_t i = 0; i < b->market_count; i++) {
        struct market *m = &b->markets[i];
        if (m->next >= m->series->count || m->series->open_us[m->next] > b->view.now_us) continue;
        struct exchange_bar bar = bar_at(m->series, m->next++);
        m->open_close_us = bar.close_us;
        b->view.last_e8[m->symbol] = bar.open_e8;
        exchange_bar(b->exchange, m->symbol, &bar, b->view.now_us);
    }
}

static int64_t next_us(struct backtest *b) {
    int64_t t = latency_link_next_us(b);
    if (b->timer_count) t = min_us(t, b->timers[0].at_us);
    t = min_us(t, b->dispatcher_dirty ? b->view.now_us : dispatcher_next_us(b->dispatcher));
    t = min_us(t, exchange_next_us(b->exchange));
    if (b->made) t = min_us(t, synthetic_market_next_us(b->made));
    t = min_us(t, max_us(b->view.now_us, gateway_next_us(b->gateway)));
    for (int32_t i = 0; i < b->market_count; i++) {
        const struct market *m = &b->markets[i];
        if (m->open_close_us != NEVER)
            t = min_us(t, m->open_close_us);
        else if (m->next < m->series->count)
            t = min_us(t, m->series->open_us[m->next]);
    }
    return t;
}

static bool work_left(const struct backtest *b) {
    if (b->made) return true;
    for (int32_t i = 0; i < b->market_count; i++) {
        if (b->markets[i].open_close_us != NEVER || b->markets[i].next < b->markets[i].series->count)
            return true;
    }
    return latency_link_busy(b);
}

// Lets the world move to its next instant; false when there is none. Time ends with the last bar: only what
// is already under way still arrives, so a script that sleeps for ever ends too.
static bool advance(struct backtest *b) {
    catch_up(b);
    int64_t t = next_us(b);
    b->paused = false;
    if (t == NEVER || (t > b->view.now_us && !work_left(b))) return false;
    if (t > b->view.now_us && t > b->until_us) {
        b->paused = true;
        if (b->until_us > b->view.now_us) b->view.now_us = b->until_us;
        return false;
    }
    if (t > b->view.now_us) b->view.now_us = t;
    int64_t now = b->view.now_us;
    if (b->made && synthetic_market_advance(b->made, now)) {
        for (int32_t i = 0; i < b->feed_count; i++) feed_look(&b->feeds[i]);
    }
    exchange_advance(b->exchange, now);
    close_bars(b);
    open_bars(b);
    latency_link_advance(b, now);
    gateway_pump(b->gateway, now);
    b->dispatcher_dirty = false;
    dispatcher_run(b->dispatcher, now);
    return true;
}

// The feed whose bar is the first to deliver, or NULL.
static struct feed *feed_due(struct backtest *b) {
    struct feed *first = NULL;
    for (int32_t i = 0; i < b->feed_count; i++) {
        struct feed *f = &b->feeds[i];
        if (f->due_us <= b->view.now_us && (!first || f->due_us < first->due_us)) first = f;
    }
    return first;
}

static int32_t deliver_bar(struct backtest *b, struct feed *f) {
    b->view.series = f->series;
    b->view.bar_index = f->next;
    b->view.feed = (int32_t)(f - b->feeds);
    int64_t lag = b->view.now_us - f->due_us;
    if (lag > b->view.lag_us) b->view.lag_us = lag;
    feed_step(f);
    return WORLD_BAR;
}

static int32_t deliver_event(struct backtest *b, const struct stream_event *event) {
    b->delivered = *event;
    latency_link_event_pop(b);
    b->view.event = &b->delivered;
    return WORLD_EVENT;
}

// A flat account with nothing open: how many bars may pass before the day ends or something is due in the
// exchange.
static void count_idle_bars(struct backtest *b) {
    int64_t until = min_us(exchange_fast_forward_until(b->exchange), b->day_end_us);
    const struct market *m = &b->markets[0];
    if (until == INT64_MIN || m->series->interval >= INTERVAL_1W) return;
    int64_t end = series_at_or_after(m->series, until - m->series->interval_us + 1000);
    b->idle_bars = end > m->next ? end - m->next : 0;
}

// One of them: the bar passes without a look at its prices. The exchange hears of the last one later.
static int32_t pass_idle_bar(struct backtest *b) {
    struct market *m = &b->markets[0];
    struct feed *f = &b->feeds[0];
    b->idle_bars--;
    b->behind = true;
    b->view.now_us = f->due_us;
    b->view.bars++;
    b->view.bar_index = f->next;
    m->next++;
    // Within the run the next bar is there and shorter than a week; its close needs no calendar.
    if (b->idle_bars > 0)
        f->due_us = m->series->open_us[++f->next] + m->series->interval_us - 1000;
    else
        feed_step(f);
    return WORLD_BAR;
}

// The whole bar of the only market passes without touching anything: the common case of a backtest, kept
// short.
static bool skip_quiet_bar(struct backtest *b) {
    struct market *m = &b->markets[0];
    struct feed *f = &b->feeds[0];
    if (b->market_count != 1 || b->feed_count != 1 || f->series != m->series || f->next != m->next)
        return false;
    if (b->pending || b->timer_count || b->dispatcher_dirty || m->open_close_us != NEVER) return false;
    if (dispatcher_notice_count(b->dispatcher) > 0) return false;
    int64_t i = m->next;
    catch_up(b);
    if (f->due_us > b->until_us) return false;
    if (i >= m->series->count || b->up.count || b->down.count || b->events.count) return false;
    if (!exchange_can_fast_forward(b->exchange, m->symbol, m->series->low_e8[i], m->series->high_e8[i],
                                   f->due_us))
        return false;
    struct exchange_bar bar = { m->series->open_us[i],  f->due_us,
                                m->series->open_e8[i],  m->series->high_e8[i],
                                m->series->low_e8[i],   m->series->close_e8[i],
                                m->series->volume_e8[i] };
    exchange_fast_forward(b->exchange, m->symbol, &bar);
    b->view.now_us = f->due_us;
    m->next++;
    count_bar(b, m, i);
    bool exposed = b->view.position[m->symbol][POSITION_BOTH].amount_e8 != 0 ||
                   b->view.position[m->symbol][POSITION_LONG].amount_e8 != 0 ||
                   b->view.position[m->symbol][POSITION_SHORT].amount_e8 != 0;
    if (exposed) b->view.bars_exposed++;
    // A flat account's equity stands still: only a new day or a wish for every point makes a sample worth
    // taking.
    if (exposed || b->exposed || b->record_points || f->due_us >= b->day_end_us) sample(b, f->due_us);
    b->exposed = exposed;
    if (!exposed && !b->record_points) count_idle_bars(b);
    return true;
}

int32_t backtest_next(struct backtest *b, bool wants) {
    if (b->idle_bars > 0 && wants && b->feeds[0].due_us <= b->until_us) return pass_idle_bar(b);
    if (wants && skip_quiet_bar(b)) return deliver_bar(b, &b->feeds[0]);
    for (;;) {
        if (dispatcher_notice_count(b->dispatcher) > 0) {
            dispatcher_notice(b->dispatcher, &b->view.notice);
            return WORLD_NOTICE;
        }
        if (b->settled_head < b->settled_count) {
            b->view.op = b->settled[b->settled_head++];
            return WORLD_CALL;
        }
        if (b->timer_count && b->timers[0].at_us <= b->view.now_us) {
            b->view.timer = timer_pop(b);
            return WORLD_TIMER;
        }
        if (wants) {
            struct stream_event *event = latency_link_event(b);
            struct feed *feed = feed_due(b);
            if (event && (!feed || event->time_us <= feed->due_us)) return deliver_event(b, event);
            if (feed) return deliver_bar(b, feed);
        }
        if (!advance(b)) return b->paused ? WORLD_PAUSE : WORLD_END;
    }
}

int32_t backtest_wait(struct backtest *b, struct api_call *op, bool wants) {
    b->awaited = op;
    int32_t result = 0;
    if (op->done) {
        // It settled inside the submit, before anyone waited: take its report back.
        if (b->settled_head < b->settled_count && b->settled[b->settled_count - 1] == op) b->settled_count--;
    }
    while (!op->done) {
        if (b->settled_head < b->settled_count || dispatcher_notice_count(b->dispatcher) > 0 ||
            (b->timer_count && b->timers[0].at_us <= b->view.now_us)) {
            result = 1;
            break;
        }
        if (wants && (latency_link_event(b) || feed_due(b))) {
            result = 1;
            break;
        }
        if (!advance(b)) {
            result = b->paused ? 1 : 2;
            break;
        }
    }
    b->awaited = NULL;
    return result;
}

// --- life ----

struct backtest *backtest_new(const struct backtest_options *o, const struct symbol *symbols,
                              int32_t symbol_count, struct errmsg *e) {
    struct backtest *b = calloc(1, sizeof *b);
    if (!b) {
        errmsg_set(e, ERR_NO_MEMORY, "not enough memory");
        return NULL;
    }
    struct exchange_config config = o->exchange;
    config.event_mask |= 1ull << RECORD_ACCOUNT_UPDATE;   // the script's positions come from it
    struct exchange_hooks hooks = {
        .ctx = b, .reply = latency_link_on_reply, .event = latency_link_on_event, .klines = backtest_klines
    };
    b->ops = must(api_call_pool_new());
    b->flights = must(coalesce_new());
    if (o->faults) {
        b->faults = must(malloc(sizeof *b->faults));
        *b->faults = *o->faults;
        config.event_mask |= 1ull << RECORD_ORDER_UPDATE | 1ull << RECORD_ALGO_UPDATE;   // it listens
    }
    b->latency_us = o->latency_us;
    b->from_us = o->from_us;
    b->until_us = NEVER;
    b->record_points = o->record_points;
    b->exchange = must(exchange_new(&config, symbols, symbol_count, &hooks, 0));
    b->gateway = latency_link_gateway(b, o->faults != NULL);
    struct transport transport = gateway_transport(b->gateway);
    b->dispatcher = must(dispatcher_new(&o->api, &transport, on_settled, b, 0));
    gateway_attach(b->gateway, b->dispatcher);
    b->view.wallet_e8 = b->view.equity_e8 = b->view.peak_e8 = config.wallet_e8;
    return b;
}

void backtest_free(struct backtest *b) {
    if (!b) return;
    dispatcher_free(b->dispatcher);
    synthetic_market_free(b->made);
    exchange_free(b->exchange);
    coalesce_free(b->flights);
    gateway_free(b->gateway);
    free(b->faults);
    api_call_pool_free(b->ops);
    free(b->settled);
    latency_link_free(b);
    free(b->timers);
    free(b->day_us);
    free(b->day_equity);
    free(b->point_us);
    free(b->point_equity);
    free(b);
}

struct world_view *backtest_view(struct backtest *b) {
    return &b->view;
}

struct exchange *backtest_exchange(struct backtest *b) {
    catch_up(b);
    return b->exchange;
}

int64_t backtest_last_e8(struct backtest *b, int16_t symbol) {
    if (b->made) return exchange_last_e8(b->exchange, symbol);
    if (b->behind && b->markets[0].symbol == symbol)
        return b->markets[0].series->close_e8[b->markets[0].next - 1];
    return b->view.last_e8[symbol];
}

struct dispatcher *backtest_dispatcher(struct backtest *b) {
    return b->dispatcher;
}

int backtest_market(struct backtest *b, int16_t symbol, const struct series *s) {
    if (b->market_count == WORLD_FEEDS_MAX || s->count == 0 || backtest_market_of(b, symbol))
        return ERR_INVALID;
    b->markets[b->market_count++] = (struct market){ s, 0, NEVER, symbol };
    b->view.bars_total += s->count;
    return 0;
}

int32_t backtest_deliver(struct backtest *b, int16_t symbol, const struct series *s) {
    if (b->feed_count == WORLD_FEEDS_MAX) return ERR_INVALID;
    catch_up(b);
    struct feed *f = &b->feeds[b->feed_count];
    *f = (struct feed){ s, -1, NEVER, symbol };
    if (b->started) f->next = series_at_or_after(s, interval_floor(s->interval, b->view.now_us)) - 1;
    feed_step(f);
    while (b->started && f->due_us <= b->view.now_us) feed_step(f);   // what is past is past
    return b->feed_count++;
}

int32_t backtest_deliver_synthetic(struct backtest *b, int16_t symbol, int32_t interval) {
    if (b->feed_count == WORLD_FEEDS_MAX) return ERR_INVALID;
    const struct series *s = synthetic_market_bars(b->made, symbol, interval);
    if (!s) return ERR_NO_MEMORY;
    b->feeds[b->feed_count] = (struct feed){ s, s->count, NEVER, symbol };
    return b->feed_count++;
}

int backtest_funding(struct backtest *b, int16_t symbol, const struct funding_series *f, int64_t from_us,
                     int64_t to_us) {
    for (int64_t i = 0; i < f->count; i++) {
        if (f->time_us[i] < from_us || f->time_us[i] > to_us) continue;
        int status = exchange_funding(b->exchange, symbol, f->time_us[i], f->rate_e8[i], 0);
        if (status != 0) return status;
    }
    return 0;
}

void backtest_events(struct backtest *b, uint64_t mask) { b->events_wanted = mask; }

static void leave_history(struct backtest *b) {
    for (int32_t i = 0; i < b->market_count; i++) {
        struct market *m = &b->markets[i];
        m->next = series_at_or_after(m->series, b->from_us);
        b->view.bars_total -= m->next;
        if (m->next > 0) b->view.last_e8[m->symbol] = m->series->close_e8[m->next - 1];
    }
    for (int32_t i = 0; i < b->feed_count; i++) {
        struct feed *f = &b->feeds[i];
        f->next = series_at_or_after(f->series, b->from_us) - 1;
        feed_step(f);
    }
}

int backtest_start(struct backtest *b, struct errmsg *e) {
    int64_t first = NEVER;
    for (int32_t i = 0; i < b->market_count; i++) first = min_us(first, b->markets[i].series->open_us[0]);
    if (first == NEVER) return errmsg_set(e, ERR_NOT_FOUND, "no bars to run on");
    if (b->from_us > first) {
        first = b->from_us;
        leave_history(b);
    }
    b->view.now_us = first;
    b->view.peak_candidate_us = b->view.peak_us = b->view.trough_us = first;
    b->day_end_us = interval_floor(INTERVAL_1D, first);
    close_day(b);   // the value before the first day
    b->day_end_us += DAY_US;
    exchange_advance(b->exchange, first);
    b->dispatcher_dirty = b->started = true;
    return 0;
}

int backtest_synthetic_market(struct backtest *b, const struct synthetic_options *o, int32_t symbol_count,
                              int64_t start_us, struct errmsg *e) {
    b->view.now_us = start_us;
    b->view.peak_candidate_us = b->view.peak_us = b->view.trough_us = start_us;
    b->day_end_us = NEVER;   // nobody draws its equity
    exchange_advance(b->exchange, start_us);
    b->made = synthetic_market_new(o, b->exchange, symbol_count, start_us);
    if (!b->made) return errmsg_set(e, ERR_NO_MEMORY, "no memory for a market");
    b->dispatcher_dirty = b->started = true;
    return ERR_OK;
}

void backtest_until(struct backtest *b, int64_t until_us) { b->until_us = until_us; }

int32_t backtest_pending(const struct backtest *b) { return b->pending; }

int64_t backtest_due_us(struct backtest *b) {
    if (b->idle_bars > 0) return b->feeds[0].due_us;
    return next_us(b);
}

void backtest_client_id(struct backtest *b, struct call *call) {
    char digits[24];
    int count = 0;
    for (int64_t n = ++b->client_ids; n > 0; n /= 10) digits[count++] = (char)('0' + n % 10);
    memcpy(call->client_id, "moontide-", 9);
    for (int i = 0; i < count; i++) call->client_id[9 + i] = digits[count - 1 - i];
    call->client_id[9 + count] = '\0';
    call->given |= 1ull << P_CLIENT_ID;
}
