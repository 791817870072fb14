// backtest.c: a backtest: virtual time from one event of the market to the next.
#include "base/num.h"
#include "base/units.h"
#include "world/backtest/private.h"

#include "venue/binance/endpoint.h"
#include "trade/interval.h"
#include "world/world.h"
#include "trade/stream_event.h"

#include <stdlib.h>
#include <string.h>

int64_t backtest_bar_close_us(const struct series *s, int64_t i) {
    if (s->interval < INTERVAL_1W) return s->open_us[i] + s->interval_us - BAR_CLOSE_US;
    // Weeks start on Mondays and months differ: the bar ends where the next one of the grid begins.
    return interval_floor(s->interval,
                          s->open_us[i] + s->interval_us + (s->interval == INTERVAL_1MO ? 2 * DAY_US : 0)) -
           BAR_CLOSE_US;
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
    struct exchange_bar bar = { s->open_us[i], b->pump.view.now_us, s->open_e8[i],  s->high_e8[i],
                                s->low_e8[i],  s->close_e8[i],      s->volume_e8[i] };
    marks_tell(b, &b->markets[0], i);
    exchange_fast_forward(b->exchange, m->symbol, &bar);
    b->pump.view.last_e8[m->symbol] = s->close_e8[i];
}

// --- operations ----

static void tell_gateway(void *world, struct api_call *call, enum settle settle, int64_t now_us) {
    gateway_settled(((struct backtest *)world)->gateway, call, settle, now_us);
}

// Who hears of a settled request that may have changed the account.
static const pump_listener settled_listeners[] = { tell_gateway, NULL };

// "moontide-1", "moontide-2"...
static void name_order(void *world, struct call *call) {
    struct backtest *b = world;
    char digits[24];
    int count = 0;
    for (int64_t n = ++b->client_ids; n > 0; n /= 10) digits[count++] = (char)('0' + n % 10);
    enum { PREFIX = sizeof USED_IDS_BACKTEST - 1 };
    memcpy(call->client_id, USED_IDS_BACKTEST, PREFIX);
    for (int i = 0; i < count; i++) call->client_id[PREFIX + i] = digits[count - 1 - i];
    call->client_id[PREFIX + count] = '\0';
    call->given |= 1ull << P_CLIENT_ID;
}

void backtest_submit_internal(struct backtest *b, struct api_call *call, pump_done done, int64_t number) {
    catch_up(b);
    if (pump_submit_internal(&b->pump, call, done, b, number)) b->dispatcher_dirty = true;
}

static void submit(void *world, struct api_call *op) {
    struct backtest *b = world;
    catch_up(b);
    bool fresh = op->call.endpoint == EP_ORDER_NEW || op->call.endpoint == EP_ALGO_NEW;
    if (b->faults && fresh && op->call.client_id[0] == 0) name_order(b, &op->call);   // to be found again by
    if (pump_submit(&b->pump, op)) b->dispatcher_dirty = true;
}

static void set_timer(void *world, int64_t delay_us, int32_t id) {
    struct backtest *b = world;
    int64_t now = b->pump.view.now_us;
    int64_t at = delay_us > NEVER - 1 - now ? NEVER - 1 : now + (delay_us > 0 ? delay_us : 0);
    b->idle_bars = 0;
    pump_timer_at(&b->pump, at, id);
}

// Equity at the close of the bars that end at t_us; called once for each such instant.
static void sample(struct backtest *b, int64_t t_us) {
    equity_sample(&b->pump.equity, &b->pump.view, t_us, exchange_equity_e8(b->exchange));
}

// --- the pump ----

struct exchange_bar backtest_bar_at(const struct series *s, int64_t i) {
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
    b->pump.view.last_e8[m->symbol] = m->series->close_e8[i];
    b->pump.view.bars++;
}

// A symbol whose bars end while others go on is traded no more.
static void delist_ended(struct backtest *b) {
    for (int32_t i = 0; i < b->market_count; i++) {
        struct market *m = &b->markets[i];
        bool ended = m->next == m->series->count && m->open_close_us == NEVER;
        if (!ended || m->delisted || b->pump.view.now_us >= b->last_close_us) continue;
        m->delisted = true;
        exchange_listing(b->exchange, m->symbol, LISTED_NO_MORE, b->pump.view.now_us);
    }
}

static void close_bars(struct backtest *b) {
    bool closed = false;
    for (int32_t i = 0; i < b->market_count; i++) {
        struct market *m = &b->markets[i];
        if (m->open_close_us > b->pump.view.now_us) continue;
        count_bar(b, m, m->next - 1);
        m->open_close_us = NEVER;
        if (position_open(b)) b->pump.view.bars_exposed++;
        closed = true;
    }
    if (!closed) return;
    delist_ended(b);
    sample(b, b->pump.view.now_us);
}

static void open_bars(struct backtest *b) {
    for (int32_t i = 0; i < b->market_count; i++) {
        struct market *m = &b->markets[i];
        if (m->next >= m->series->count || m->series->open_us[m->next] > b->pump.view.now_us) continue;
        if (b->impact != IMPACT_NONE) liquidity_tell(b, m, m->next);
        marks_tell(b, m, m->next);
        struct exchange_bar bar = backtest_bar_at(m->series, m->next++);
        m->open_close_us = bar.close_us;
        b->pump.view.last_e8[m->symbol] = bar.open_e8;
        exchange_bar(b->exchange, m->symbol, &bar, b->pump.view.now_us);
    }
}

static int64_t next_us(struct backtest *b) {
    int64_t t = latency_link_next_us(b);
    t = num_min(t, pump_timer_us(&b->pump));
    t = num_min(t, b->dispatcher_dirty ? b->pump.view.now_us : dispatcher_next_us(b->pump.dispatcher));
    t = num_min(t, exchange_next_us(b->exchange));
    if (b->made) t = num_min(t, synthetic_market_next_us(b->made));
    t = num_min(t, num_max(b->pump.view.now_us, gateway_next_us(b->gateway)));
    for (int32_t i = 0; i < b->market_count; i++) {
        const struct market *m = &b->markets[i];
        if (m->open_close_us != NEVER)
            t = num_min(t, m->open_close_us);
        else if (m->next < m->series->count)
            t = num_min(t, m->series->open_us[m->next]);
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
    if (t == NEVER || (t > b->pump.view.now_us && !work_left(b))) return false;
    if (t > b->pump.view.now_us && t > b->until_us) {
        b->paused = true;
        if (b->until_us > b->pump.view.now_us) b->pump.view.now_us = b->until_us;
        return false;
    }
    if (t > b->pump.view.now_us) b->pump.view.now_us = t;
    int64_t now = b->pump.view.now_us;
    if (b->made && synthetic_market_advance(b->made, now)) {
        for (int32_t i = 0; i < b->feed_count; i++) feed_look(&b->feeds[i]);
    }
    exchange_advance(b->exchange, now);
    close_bars(b);
    open_bars(b);
    latency_link_advance(b, now);
    gateway_pump(b->gateway, now);
    b->dispatcher_dirty = false;
    dispatcher_run(b->pump.dispatcher, now);
    return true;
}

// The feed whose bar is the first to deliver, or NULL.
static struct feed *feed_due(struct backtest *b) {
    struct feed *first = NULL;
    for (int32_t i = 0; i < b->feed_count; i++) {
        struct feed *f = &b->feeds[i];
        if (f->due_us <= b->pump.view.now_us && (!first || f->due_us < first->due_us)) first = f;
    }
    return first;
}

static int32_t deliver_bar(struct backtest *b, struct feed *f) {
    b->pump.view.series = f->series;
    b->pump.view.bar_index = f->next;
    b->pump.view.feed = (int32_t)(f - b->feeds);
    int64_t lag = b->pump.view.now_us - f->due_us;
    if (lag > b->pump.view.lag_us) b->pump.view.lag_us = lag;
    feed_step(f);
    return WORLD_BAR;
}

static int32_t deliver_event(struct backtest *b, const struct stream_event *event) {
    b->delivered = *event;
    latency_link_event_pop(b);
    b->pump.view.event = &b->delivered;
    return WORLD_EVENT;
}

// A flat account with nothing open: how many bars may pass before the day ends or something is due in the
// exchange.
static void count_idle_bars(struct backtest *b) {
    int64_t until = num_min(exchange_fast_forward_until(b->exchange), b->pump.equity.day_end_us);
    const struct market *m = &b->markets[0];
    if (until == INT64_MIN || m->series->interval >= INTERVAL_1W) return;
    int64_t end = series_at_or_after(m->series, until - m->series->interval_us + BAR_CLOSE_US);
    b->idle_bars = end > m->next ? end - m->next : 0;
}

// One of them: the bar passes without a look at its prices. The exchange hears of the last one later.
static int32_t pass_idle_bar(struct backtest *b) {
    struct market *m = &b->markets[0];
    struct feed *f = &b->feeds[0];
    b->idle_bars--;
    b->behind = true;
    b->pump.view.now_us = f->due_us;
    b->pump.view.bars++;
    b->pump.view.bar_index = f->next;
    m->next++;
    // Within the run the next bar is there and shorter than a week; its close needs no calendar.
    if (b->idle_bars > 0)
        f->due_us = m->series->open_us[++f->next] + m->series->interval_us - BAR_CLOSE_US;
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
    if (b->pump.under_way || b->pump.timers.count || b->dispatcher_dirty || m->open_close_us != NEVER)
        return false;
    if (dispatcher_notice_count(b->pump.dispatcher) > 0) return false;
    int64_t i = m->next;
    catch_up(b);
    if (f->due_us > b->until_us) return false;
    if (i >= m->series->count || b->up.count || b->down.count || b->events.count) return false;
    marks_tell(b, m, i);
    if (!exchange_can_fast_forward(b->exchange, m->symbol, m->series->low_e8[i], m->series->high_e8[i],
                                   f->due_us))
        return false;
    struct exchange_bar bar = { m->series->open_us[i],  f->due_us,
                                m->series->open_e8[i],  m->series->high_e8[i],
                                m->series->low_e8[i],   m->series->close_e8[i],
                                m->series->volume_e8[i] };
    exchange_fast_forward(b->exchange, m->symbol, &bar);
    b->pump.view.now_us = f->due_us;
    m->next++;
    count_bar(b, m, i);
    bool exposed = b->pump.view.position[m->symbol][POSITION_BOTH].amount_e8 != 0 ||
                   b->pump.view.position[m->symbol][POSITION_LONG].amount_e8 != 0 ||
                   b->pump.view.position[m->symbol][POSITION_SHORT].amount_e8 != 0;
    if (exposed) b->pump.view.bars_exposed++;
    // A flat account's equity stands still: only a new day or a wish for every point makes a sample worth
    // taking.
    if (exposed || b->exposed || b->pump.equity.points || f->due_us >= b->pump.equity.day_end_us)
        sample(b, f->due_us);
    b->exposed = exposed;
    if (!exposed && !b->pump.equity.points) count_idle_bars(b);
    return true;
}

static int32_t next(void *world, bool wants) {
    struct backtest *b = world;
    if (b->idle_bars > 0 && wants && b->feeds[0].due_us <= b->until_us) return pass_idle_bar(b);
    if (wants && skip_quiet_bar(b)) return deliver_bar(b, &b->feeds[0]);
    for (;;) {
        if (dispatcher_notice_count(b->pump.dispatcher) > 0) {
            dispatcher_notice(b->pump.dispatcher, &b->pump.view.notice);
            return WORLD_NOTICE;
        }
        if (pump_has_settled(&b->pump)) {
            pump_next_settled(&b->pump);
            return WORLD_CALL;
        }
        if (pump_timer_us(&b->pump) <= b->pump.view.now_us) {
            pump_next_timer(&b->pump);
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

static int32_t wait_for(void *world, struct api_call *op, bool wants) {
    struct backtest *b = world;
    b->pump.awaited = op;
    int32_t result = 0;
    if (op->done) pump_forget_report(&b->pump, op);
    while (!op->done) {
        if (pump_has_settled(&b->pump) || dispatcher_notice_count(b->pump.dispatcher) > 0 ||
            pump_timer_us(&b->pump) <= b->pump.view.now_us) {
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
    b->pump.awaited = NULL;
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
    struct exchange_hooks hooks = { .ctx = b,
                                    .reply = latency_link_on_reply,
                                    .event = latency_link_on_event,
                                    .klines = backtest_klines,
                                    .other_klines = marks_klines,
                                    .bars_around = backtest_bars_around };
    pump_open(&b->pump, b, settled_listeners);
    if (o->faults) {
        b->faults = must(malloc(sizeof *b->faults));
        *b->faults = *o->faults;
        config.event_mask |= 1ull << RECORD_ORDER_UPDATE | 1ull << RECORD_ALGO_UPDATE;   // it listens
    }
    b->latency_us = o->latency_us;
    b->impact = o->exchange.impact;
    b->always_listed = o->always_listed;
    b->from_us = o->from_us;
    b->until_us = NEVER;
    b->pump.equity.points = o->record_points;
    b->exchange = must(exchange_new(&config, symbols, symbol_count, &hooks, 0));
    b->gateway = latency_link_gateway(b, o->faults != NULL);
    struct transport transport = gateway_transport(b->gateway);
    b->pump.dispatcher = must(dispatcher_new(&o->api, &transport, pump_settled, &b->pump, 0));
    gateway_attach(b->gateway, b->pump.dispatcher);
    b->pump.view.wallet_e8 = b->pump.view.equity_e8 = b->pump.view.peak_e8 = config.wallet_e8;
    return b;
}

void backtest_free(struct backtest *b) {
    if (!b) return;
    synthetic_market_free(b->made);
    exchange_free(b->exchange);
    gateway_free(b->gateway);
    free(b->faults);
    latency_link_free(b);
    pump_close(&b->pump);
    free(b);
}

struct exchange *backtest_exchange(struct backtest *b) {
    catch_up(b);
    return b->exchange;
}

const struct equity_track *backtest_equity(const struct backtest *b) { return &b->pump.equity; }

static int64_t last_e8(void *world, int16_t symbol) {
    struct backtest *b = world;
    if (b->made) return exchange_last_e8(b->exchange, symbol);
    if (b->behind && b->markets[0].symbol == symbol)
        return b->markets[0].series->close_e8[b->markets[0].next - 1];
    return b->pump.view.last_e8[symbol];
}

int backtest_market(struct backtest *b, int16_t symbol, const struct series *s) {
    if (b->market_count == WORLD_FEEDS_MAX || s->count == 0 || backtest_market_of(b, symbol))
        return ERR_INVALID;
    b->markets[b->market_count++] = (struct market){ .series = s, .open_close_us = NEVER, .symbol = symbol };
    b->pump.view.bars_total += s->count;
    return 0;
}

int32_t backtest_deliver(struct backtest *b, int16_t symbol, const struct series *s) {
    if (b->feed_count == WORLD_FEEDS_MAX) return ERR_INVALID;
    catch_up(b);
    struct feed *f = &b->feeds[b->feed_count];
    *f = (struct feed){ s, -1, NEVER, symbol };
    if (b->started) f->next = series_at_or_after(s, interval_floor(s->interval, b->pump.view.now_us)) - 1;
    feed_step(f);
    while (b->started && f->due_us <= b->pump.view.now_us) feed_step(f);   // what is past is past
    return b->feed_count++;
}

int32_t backtest_deliver_synthetic(struct backtest *b, int16_t symbol, int32_t interval) {
    if (b->feed_count == WORLD_FEEDS_MAX) return ERR_INVALID;
    const struct series *s = synthetic_market_bars(b->made, symbol, interval);
    if (!s) return ERR_NO_MEMORY;
    b->feeds[b->feed_count] = (struct feed){ s, s->count, NEVER, symbol };
    return b->feed_count++;
}

int backtest_other(struct backtest *b, int16_t symbol, const struct series *s) {
    for (int32_t i = 0; i < b->market_count; i++) {
        struct market *m = &b->markets[i];
        if (m->symbol != symbol) continue;
        if (s->kind <= SERIES_TRADES || s->kind >= SERIES_KIND_COUNT || s->count == 0) return ERR_INVALID;
        m->others[s->kind] = s;
        return ERR_OK;
    }
    return ERR_INVALID;
}

static int64_t mark_e8(void *world, int16_t symbol) {
    struct backtest *b = world;
    struct exchange_bar forming;
    const struct market *m = backtest_market_of(b, symbol);
    if (!m || b->behind || !m->others[SERIES_MARK]) return last_e8(world, symbol);
    if (exchange_mark_forming(b->exchange, symbol, b->pump.view.now_us, &forming)) return forming.close_e8;
    struct mark_record now;
    exchange_mark(b->exchange, symbol, &now);
    return now.mark_e8;
}

static int64_t mark_at_e8(const struct series *mark, int64_t t_us) {
    if (!mark) return 0;
    int64_t i = series_at_or_after(mark, t_us);
    return i < mark->count && mark->open_us[i] == t_us ? mark->open_e8[i] : 0;
}

int backtest_funding(struct backtest *b, int16_t symbol, const struct funding_series *f,
                     const struct series *mark, int64_t from_us, int64_t to_us) {
    for (int64_t i = 0; i < f->count; i++) {
        if (f->time_us[i] < from_us || f->time_us[i] > to_us) continue;
        int status = exchange_funding(b->exchange, symbol, f->time_us[i], f->rate_e8[i],
                                      mark_at_e8(mark, f->time_us[i]));
        if (status != 0) return status;
    }
    return 0;
}

static void want_events(void *world, uint64_t mask) {
    struct backtest *b = world;
    b->events_wanted = mask;
    exchange_want_events(b->exchange, mask);
}

static void leave_history(struct backtest *b) {
    for (int32_t i = 0; i < b->market_count; i++) {
        struct market *m = &b->markets[i];
        m->next = series_at_or_after(m->series, b->from_us);
        b->pump.view.bars_total -= m->next;
        if (m->next > 0) b->pump.view.last_e8[m->symbol] = m->series->close_e8[m->next - 1];
    }
    for (int32_t i = 0; i < b->feed_count; i++) {
        struct feed *f = &b->feeds[i];
        f->next = series_at_or_after(f->series, b->from_us) - 1;
        feed_step(f);
    }
}

// Tells the exchange which symbols have no price at the start: their bars begin later.
static void list_markets(struct backtest *b, int64_t first_us) {
    if (b->always_listed) return;   // last_close_us stays 0: none ends before it
    for (int32_t i = 0; i < b->market_count; i++) {
        const struct market *m = &b->markets[i];
        b->last_close_us = num_max(b->last_close_us, backtest_bar_close_us(m->series, m->series->count - 1));
        if (m->next == 0 && m->series->open_us[0] > first_us)
            exchange_listing(b->exchange, m->symbol, LISTED_LATER, first_us);
    }
}

int backtest_start(struct backtest *b, struct errmsg *e) {
    int64_t first = NEVER;
    for (int32_t i = 0; i < b->market_count; i++) first = num_min(first, b->markets[i].series->open_us[0]);
    if (first == NEVER) return errmsg_set(e, ERR_NOT_FOUND, "no bars to run on");
    if (b->from_us > first) {
        first = b->from_us;
        leave_history(b);
    }
    b->pump.view.now_us = first;
    b->pump.view.peak_candidate_us = b->pump.view.peak_us = b->pump.view.trough_us = first;
    equity_begin(&b->pump.equity, &b->pump.view, first);
    exchange_advance(b->exchange, first);
    list_markets(b, first);
    b->dispatcher_dirty = b->started = true;
    return 0;
}

int backtest_synthetic_market(struct backtest *b, const struct synthetic_options *o, int32_t symbol_count,
                              int64_t start_us, struct errmsg *e) {
    b->pump.view.now_us = start_us;
    b->pump.view.peak_candidate_us = b->pump.view.peak_us = b->pump.view.trough_us = start_us;
    b->pump.equity.day_end_us = NEVER;   // nobody draws its equity
    exchange_advance(b->exchange, start_us);
    b->made = synthetic_market_new(o, b->exchange, symbol_count, start_us);
    if (!b->made) return errmsg_set(e, ERR_NO_MEMORY, "no memory for a market");
    b->dispatcher_dirty = b->started = true;
    return ERR_OK;
}

void backtest_until(struct backtest *b, int64_t until_us) { b->until_us = until_us; }

int32_t backtest_pending(const struct backtest *b) { return b->pump.under_way; }

int64_t backtest_due_us(struct backtest *b) {
    if (b->idle_bars > 0) return b->feeds[0].due_us;
    return next_us(b);
}

// ---- as the script's side uses it ----

static void free_world(void *world) { backtest_free(world); }

const struct world_functions *backtest_functions(void) {
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
        .mark = mark_e8,
        .client_id = name_order,
        .events = want_events,
        .configure = pump_configure,
        .manager_start = pump_manager_start,
        .manager_stop = pump_manager_stop,
        .strain = pump_strain,
        .metrics = pump_metrics,
    };
    return &functions;
}
