// market.c: the market as the streams tell it: bars, trades, prices, and what was missed of them.
#include "world/live/market.h"

#include "trade/interval.h"
#include "world/live/log_lines.h"
#include "world/live/order_book.h"
#include "world/live/sockets.h"
#include "world/live/wire.h"

#include "base/alloc.h"
#include "base/units.h"
#include "base/assert.h"
#include "data/columns.h"
#include "venue/binance/event_shape.h"
#include "trade/names.h"
#include "trade/stream_event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CATCH_UP_BARS = 1000, CATCH_UP_TRADES = 1000 };

struct bar_feed {
    struct series series;   // grows; what the script's bars point to
    int64_t capacity;
    int16_t symbol;
    int32_t interval;
    bool catching_up;   // missed bars are being fetched: those of the stream wait
};

// The trades of a symbol: their ids leave nothing out.
struct trade_feed {
    bool wanted, catching_up;
    int64_t last_id, last_us;
    struct agg_trade_record *held;
    int32_t held_count, held_size;
};

struct live_market {
    struct bar_feed feeds[WORLD_FEEDS_MAX];
    int32_t feed_count;
    int64_t last_bar_us[WORLD_FEEDS_MAX];   // open time of the last bar delivered or queued
    struct trade_feed trades[SYMBOLS_MAX];
    bool prices_answered;   // the first prices have been asked for: without one no limit can be checked
    int64_t mark_e8[SYMBOLS_MAX], mark_us[SYMBOLS_MAX];   // mark prices, and when they came
    int64_t best_id[SYMBOLS_MAX], best_us[SYMBOLS_MAX];   // of the last best prices told
};

// The last prices, before the first bar tells one.
static void on_prices(void *ctx, struct api_call *call, int64_t number) {
    (void)number;
    struct live *l = ctx;
    const struct ticker_record *rows = call->rows;
    for (int32_t k = 0; call->settle == SETTLE_DONE && k < call->count; k++) {
        if (rows[k].symbol >= 0)
            l->pump.view.last_e8[rows[k].symbol] = rows[k].last_e8;   // else of one that has no name
    }
    l->market->prices_answered = true;
}

// ---- bars ----

// Room for another bar: columns move, the series that scripts hold stays where it is.
static void add_bar(struct live *l, int32_t number, const struct kline_record *k, bool recovered) {
    struct bar_feed *f = &l->market->feeds[number];
    if (k->open_us <= l->market->last_bar_us[number]) return;   // known already
    int64_t at = f->series.count;
    int64_t values[COLUMN_COUNT];
    columns_of_kline(k, values);
    MUST(columns_append(&f->series, &f->capacity, values) == ERR_OK);
    l->market->last_bar_us[number] = k->open_us;
    struct pump_delivery d = { .feed = number,
                               .bar = at,
                               .arrived_us = l->pump.view.now_us,
                               .time_us = k->open_us + f->series.interval_us,
                               .recovered = recovered };
    live_push(l, &d);
}

static void catch_up(struct live *l);

static void on_missed_bars(void *ctx, struct api_call *call, int64_t number) {
    struct live *l = ctx;
    int32_t feed = (int32_t)number;
    l->market->feeds[feed].catching_up = false;
    if (call->settle != SETTLE_DONE || l->ended) return;
    const struct kline_record *rows = call->rows;
    int64_t now = live_exchange_now(l);
    for (int32_t k = 0; k < call->count; k++) {
        bool finished =
            k + 1 < call->count || rows[k].close_us < now;   // a later one has begun, or its time is over
        if (!finished || rows[k].open_us <= l->market->last_bar_us[feed]) continue;
        l->figures.bars_recovered++;
        add_bar(l, feed, &rows[k], true);
    }
    if (call->count == CATCH_UP_BARS) catch_up(l);   // a full page: there may be more
}

// Bars that ended while nobody listened.
static void catch_up(struct live *l) {
    for (int32_t n = 0; n < l->market->feed_count; n++) {
        struct bar_feed *f = &l->market->feeds[n];
        if (l->market->last_bar_us[n] == 0 || f->catching_up) continue;
        struct api_call *op = internal_call_take(l, EP_KLINES, PRIORITY_HIGH);
        op->call.symbol = f->symbol;
        op->call.interval = (uint8_t)f->interval;
        op->call.start_us = l->market->last_bar_us[n] + 1000;
        op->call.limit = CATCH_UP_BARS;
        op->call.given = UINT64_C(1) << P_SYMBOL | UINT64_C(1) << P_INTERVAL | UINT64_C(1) << P_START_TIME |
                         UINT64_C(1) << P_LIMIT;
        f->catching_up = true;
        internal_call_submit(l, op, on_missed_bars, n);
    }
}

static void on_kline(struct live *l, const struct kline_event *k) {
    live_price(l, k->bar.symbol, k->bar.close_e8);
    for (int32_t n = 0; n < l->market->feed_count; n++) {
        const struct bar_feed *f = &l->market->feeds[n];
        if (f->symbol != k->bar.symbol || f->interval != k->interval) continue;
        int64_t expected = l->market->last_bar_us[n] + f->series.interval_us;
        bool missed =
            l->market->last_bar_us[n] != 0 && f->interval <= INTERVAL_1D && k->bar.open_us > expected;
        // A bar that only forms tells that those before it are over; the message of their end has a second to come.
        if (missed && (k->closed || live_exchange_now(l) > k->bar.open_us + SECOND_US))
            catch_up(l);
        else if (!missed && k->closed && !f->catching_up)
            add_bar(l, n, &k->bar, false);
    }
}

// ---- trades ----

// An id that is not above the last one, of a later time: the exchange was begun anew, and its ids with it.
static void deliver_trade(struct live *l, const struct agg_trade_record *t, bool recovered) {
    if (t->price_e8 <= 0) return;   // no trade
    struct trade_feed *f = &l->market->trades[t->symbol];
    if (t->id <= f->last_id && t->time_us <= f->last_us) return;   // told already
    f->last_id = t->id;
    f->last_us = t->time_us;
    if (l->simulation) l->simulation->trade(l, t);
    live_price(l, t->symbol, t->price_e8);
    struct stream_event e = {
        .time_us = t->time_us, .kind = RECORD_AGG_TRADE, .recovered = recovered, .u.trade = *t
    };
    if (recovered) l->figures.events_recovered++;
    live_event(l, &e, EVENT_NEWS);
}

static void catch_up_trades(struct live *l, int16_t symbol);

// Those missed, then those that came meanwhile.
static void on_missed_trades(void *ctx, struct api_call *call, int64_t number) {
    (void)number;
    struct live *l = ctx;
    int16_t symbol = call->call.symbol;
    struct trade_feed *f = &l->market->trades[symbol];
    f->catching_up = false;
    if (l->ended) return;
    const struct agg_trade_record *rows = call->rows;
    int32_t count = call->settle == SETTLE_DONE ? call->count : 0, told = 0;
    int64_t known_id = f->last_id;
    for (int32_t k = 0; k < count; k++) {
        struct agg_trade_record t = rows[k];
        t.symbol = symbol;   // the reply does not name it
        deliver_trade(l, &t, true);
    }
    if (call->settle != SETTLE_DONE) return;   // the next trade asks again
    if (count == CATCH_UP_TRADES && (f->held_count == 0 || f->last_id + 1 < f->held[0].id)) {
        catch_up_trades(l, symbol);
        return;
    }
    // What came meanwhile may have a hole of its own, behind the end of what was listed: it is asked for in turn.
    // When nothing was listed that was not known, what is missing does not exist.
    bool listed = f->last_id != known_id;
    while (told < f->held_count && (!listed || f->held[told].id <= f->last_id + 1))
        deliver_trade(l, &f->held[told++], false);
    f->held_count -= told;
    if (f->held_count == 0) return;
    memmove(f->held, f->held + told, sizeof *f->held * (size_t)f->held_count);
    catch_up_trades(l, symbol);
}

static void catch_up_trades(struct live *l, int16_t symbol) {
    struct trade_feed *f = &l->market->trades[symbol];
    if (f->catching_up || f->last_id == 0) return;
    struct api_call *op = internal_call_take(l, EP_AGG_TRADES, PRIORITY_NORMAL);
    op->call.symbol = symbol;
    op->call.from_id = f->last_id + 1;
    op->call.limit = CATCH_UP_TRADES;
    op->call.given = UINT64_C(1) << P_SYMBOL | UINT64_C(1) << P_FROM_ID | UINT64_C(1) << P_LIMIT;
    f->catching_up = true;
    internal_call_submit(l, op, on_missed_trades, 0);
}

static void on_trade(struct live *l, const struct agg_trade_record *t) {
    struct trade_feed *f = &l->market->trades[t->symbol];
    if (!f->wanted) return;
    bool hole = f->last_id != 0 && t->id > f->last_id + 1;
    if (!f->catching_up && !hole) {
        deliver_trade(l, t, false);
        return;
    }
    if (f->held_count == f->held_size) {
        f->held_size = f->held_size ? f->held_size * 2 : 64;
        f->held = realloc(f->held, sizeof *f->held * (size_t)f->held_size);
        ASSERT(f->held != NULL);
    }
    f->held[f->held_count++] = *t;
    catch_up_trades(l, t->symbol);
}

// ---- the market's streams ----

static void on_mark(struct live *l, const struct mark_event *m) {
    if (m->mark.mark_e8 <= 0) return;   // no price
    l->market->mark_e8[m->mark.symbol] = m->mark.mark_e8;
    l->market->mark_us[m->mark.symbol] = l->pump.view.now_us;
    if (l->simulation) l->simulation->mark(l, m);
}

static void on_best(struct live *l, const struct ticker_record *t) {
    if (t->update_id <= l->market->best_id[t->symbol] && t->time_us <= l->market->best_us[t->symbol])
        return;   // told by the connection before
    l->market->best_id[t->symbol] = t->update_id;
    l->market->best_us[t->symbol] = t->time_us;
    struct stream_event e = { .time_us = t->time_us, .kind = RECORD_BOOK_TICKER, .u.book = *t };
    live_event(l, &e, EVENT_NEWS);
}

static void malformed(struct live *l, const char *what) {
    live_log_malformed(l, "market streams", what, strlen(what));
}

static void on_message(struct live *l, const struct json *j) {
    static const struct {
        const char *name;
        int32_t kind;
    } kinds[] = {
        { "kline", RECORD_KLINE_EVENT },          { "aggTrade", RECORD_AGG_TRADE_EVENT },
        { "markPriceUpdate", RECORD_MARK_EVENT }, { "bookTicker", RECORD_BOOK_TICKER_EVENT },
        { "depthUpdate", RECORD_DEPTH_EVENT },
    };
    union {
        struct depth_event depth;
        struct kline_event bar;
        struct agg_trade_event trade;
        struct mark_event mark;
        struct ticker_event best;
    } u;
    struct errmsg e;
    int32_t name = json_get(j, 0, "e", NULL);
    arena_reset(&l->heard_rows);
    if (!event_whole(j, 0)) {
        malformed(l, "an event with fields missing");
        return;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!json_is(j, name, kinds[i].name)) continue;
        int err = record_from(kinds[i].kind, j, 0, &l->list, &l->heard_rows, &u, &e);
        if (err != ERR_OK && err != ERR_NOT_FOUND) malformed(l, e.text);   // else of a symbol not of this run
        if (err != ERR_OK) return;
        switch (kinds[i].kind) {
        case RECORD_KLINE_EVENT: on_kline(l, &u.bar); break;
        case RECORD_AGG_TRADE_EVENT: on_trade(l, &u.trade.trade); break;
        case RECORD_DEPTH_EVENT: live_books_event(l, &u.depth); break;
        case RECORD_MARK_EVENT: on_mark(l, &u.mark); break;
        default: on_best(l, &u.best.ticker);
        }
    }
}

static void on_opened(struct live *l, enum stream_which which, bool again) {
    if (!again || which != STREAM_MARKET) return;
    catch_up(l);
    for (int16_t k = 0; k < l->list.count; k++) {
        if (l->market->trades[k].wanted) catch_up_trades(l, k);
    }
}

static void on_closed(struct live *l, enum stream_which which) {
    if (which == STREAM_PUBLIC) live_books_lost(l);
}

static void subscribe_feed(struct live *l, int32_t n) {
    char rest[32];
    snprintf(rest, sizeof rest, "kline_%s", interval_names[l->market->feeds[n].interval]);
    live_sockets_subscribe_symbol(l, STREAM_MARKET, l->market->feeds[n].symbol, rest);
}

void live_market_wanted(struct live *l) {
    for (int16_t k = 0; l->started && k < l->list.count; k++) {
        if (l->simulation || (l->events_wanted >> RECORD_AGG_TRADE & 1) != 0) {
            l->market->trades[k].wanted = true;
            live_sockets_subscribe_symbol(l, STREAM_MARKET, k, "aggTrade");
        }
        if ((l->events_wanted >> RECORD_BOOK_TICKER & 1) != 0)
            live_sockets_subscribe_symbol(l, STREAM_PUBLIC, k, "bookTicker");
    }
}

int32_t live_deliver(struct live *l, int16_t symbol, int32_t interval) {
    ASSERT(symbol >= 0 && symbol < l->list.count);
    if (l->market->feed_count == WORLD_FEEDS_MAX) return ERR_FULL;
    struct bar_feed *f = &l->market->feeds[l->market->feed_count];
    int64_t *columns[COLUMN_COUNT];
    f->capacity = 4096;
    if (columns_alloc(&f->series, f->capacity, columns)) return ERR_NO_MEMORY;
    snprintf(f->series.symbol, sizeof f->series.symbol, "%s", l->symbols[symbol].name);
    f->series.interval = interval;
    f->series.interval_us = interval_us(interval);
    f->series.count = 0;
    f->symbol = symbol;
    f->interval = interval;
    int32_t number = l->market->feed_count++;
    if (l->started) subscribe_feed(l, number);
    return number;
}

const struct series *live_market_series(const struct live *l, int32_t feed) {
    ASSERT(feed >= 0 && feed < l->market->feed_count);
    return &l->market->feeds[feed].series;
}

int64_t live_market_mark_e8(const struct live *l, int16_t symbol, int64_t *at_us) {
    *at_us = l->market->mark_us[symbol];
    return l->market->mark_e8[symbol];
}

bool live_market_current(const struct live *l, int16_t symbol) {
    return live_sockets_running(l, STREAM_MARKET) && !l->market->trades[symbol].catching_up;
}

// ---- life ----

int live_market_open(struct live *l, struct errmsg *e) {
    (void)e;
    static const struct live_socket_user user = { .opened = on_opened,
                                                  .closed = on_closed,
                                                  .message = on_message };
    l->market = alloc_zeroed(1, sizeof *l->market);
    live_sockets_use(l, STREAM_MARKET, &user);
    live_sockets_use(l, STREAM_PUBLIC, &user);
    return ERR_OK;
}

void live_market_close(struct live *l) {
    struct live_market *m = l->market;
    if (!m) return;
    for (int32_t i = 0; i < m->feed_count; i++) {
        m->feeds[i].series.count = m->feeds[i].capacity;
        series_close(&m->feeds[i].series);
    }
    for (int16_t k = 0; k < SYMBOLS_MAX; k++) free(m->trades[k].held);
    free(m);
}

void live_market_start(struct live *l) {
    internal_call_submit(l, internal_call_take(l, EP_TICKER_PRICE, PRIORITY_HIGH), on_prices, 0);
    for (int32_t n = 0; n < l->market->feed_count; n++) subscribe_feed(l, n);
    bool marks = live_wire_key(l) || l->simulation;   // an account needs them
    for (int16_t k = 0; marks && k < l->list.count; k++)
        live_sockets_subscribe_symbol(l, STREAM_MARKET, k, "markPrice@1s");
    live_market_wanted(l);
}

bool live_market_running(const struct live *l) {
    return l->market->prices_answered && live_sockets_up(l, STREAM_MARKET) &&
           live_sockets_up(l, STREAM_PUBLIC);
}
