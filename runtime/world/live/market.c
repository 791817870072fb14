#include "world/live/private.h"
#include "world/paper/paper.h"

#include "base/assert.h"
#include "data/columns.h"
#include "venue/binance/event_shape.h"
#include "trade/names.h"
#include "trade/stream_event.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CATCH_UP_BARS = 1000, CATCH_UP_TRADES = 1000 };

// "btcusdt@kline_1m"
void live_market_subscribe(struct live *l, enum stream_which which, int16_t symbol, const char *rest) {
    char name[96];
    size_t at = 0;
    for (const char *c = l->symbols[symbol].name; *c; c++) name[at++] = (char)tolower((unsigned char)*c);
    snprintf(name + at, sizeof name - at, "@%s", rest);
    live_sockets_subscribe(l, which, name);
}

// The last prices, before the first bar tells one.
static void on_prices(void *ctx, struct api_call *call, int64_t number) {
    (void)number;
    struct live *l = ctx;
    const struct ticker_record *rows = call->rows;
    for (int32_t k = 0; call->settle == SETTLE_DONE && k < call->count; k++) {
        if (rows[k].symbol >= 0)
            l->pump.view.last_e8[rows[k].symbol] = rows[k].last_e8;   // else of one that has no name
    }
    l->prices_answered = true;
}

// ---- bars ----

// Room for another bar: columns move, the series that scripts hold stays where it is.
static void add_bar(struct live *l, int32_t number, const struct kline_record *k, bool recovered) {
    struct bar_feed *f = &l->feeds[number];
    if (k->open_us <= l->last_bar_us[number]) return;   // known already
    int64_t at = f->series.count;
    const int64_t values[COLUMN_COUNT] = {
        k->open_us,   k->open_e8,         k->high_e8, k->low_e8,          k->close_e8,
        k->volume_e8, k->quote_volume_e8, k->trades,  k->taker_volume_e8, k->taker_quote_volume_e8
    };
    ASSERT(columns_append(&f->series, &f->capacity, values) == ERR_OK);
    l->last_bar_us[number] = k->open_us;
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
    l->feeds[feed].catching_up = false;
    if (call->settle != SETTLE_DONE || l->ended) return;
    const struct kline_record *rows = call->rows;
    int64_t now = live_exchange_now(l);
    for (int32_t k = 0; k < call->count; k++) {
        bool finished =
            k + 1 < call->count || rows[k].close_us < now;   // a later one has begun, or its time is over
        if (!finished || rows[k].open_us <= l->last_bar_us[feed]) continue;
        l->figures.bars_recovered++;
        add_bar(l, feed, &rows[k], true);
    }
    if (call->count == CATCH_UP_BARS) catch_up(l);   // a full page: there may be more
}

// Bars that ended while nobody listened.
static void catch_up(struct live *l) {
    for (int32_t n = 0; n < l->feed_count; n++) {
        struct bar_feed *f = &l->feeds[n];
        if (l->last_bar_us[n] == 0 || f->catching_up) continue;
        struct api_call *op = internal_call_take(l, EP_KLINES, PRIORITY_HIGH);
        op->call.symbol = f->symbol;
        op->call.interval = (uint8_t)f->interval;
        op->call.start_us = l->last_bar_us[n] + 1000;
        op->call.limit = CATCH_UP_BARS;
        op->call.given = UINT64_C(1) << P_SYMBOL | UINT64_C(1) << P_INTERVAL | UINT64_C(1) << P_START_TIME |
                         UINT64_C(1) << P_LIMIT;
        f->catching_up = true;
        internal_call_submit(l, op, on_missed_bars, n);
    }
}

static void on_kline(struct live *l, const struct kline_event *k) {
    live_price(l, k->bar.symbol, k->bar.close_e8);
    for (int32_t n = 0; k->closed && n < l->feed_count; n++) {
        const struct bar_feed *f = &l->feeds[n];
        if (f->symbol != k->bar.symbol || f->interval != k->interval) continue;
        int64_t expected = l->last_bar_us[n] + f->series.interval_us;
        if (l->last_bar_us[n] != 0 && f->interval <= INTERVAL_1D && k->bar.open_us > expected)
            catch_up(l);   // one was missed
        else if (!f->catching_up)
            add_bar(l, n, &k->bar, false);
    }
}

// ---- trades ----

// An id that is not above the last one, of a later time: the exchange was begun anew, and its ids with it.
static void tell_trade(struct live *l, const struct agg_trade_record *t, bool recovered) {
    if (t->price_e8 <= 0) return;   // no trade
    struct trade_feed *f = &l->trades[t->symbol];
    if (t->id <= f->last_id && t->time_us <= f->last_us) return;   // told already
    f->last_id = t->id;
    f->last_us = t->time_us;
    if (l->paper) paper_trade(l, t->symbol, t);
    live_price(l, t->symbol, t->price_e8);
    struct stream_event e = {
        .time_us = t->time_us, .kind = RECORD_AGG_TRADE, .recovered = recovered, .u.trade = *t
    };
    if (recovered) l->figures.events_recovered++;
    live_push_event(l, &e);
}

static void catch_up_trades(struct live *l, int16_t symbol);

// Those missed, then those that came meanwhile.
static void on_missed_trades(void *ctx, struct api_call *call, int64_t number) {
    (void)number;
    struct live *l = ctx;
    int16_t symbol = call->call.symbol;
    struct trade_feed *f = &l->trades[symbol];
    f->catching_up = false;
    if (l->ended) return;
    const struct agg_trade_record *rows = call->rows;
    int32_t count = call->settle == SETTLE_DONE ? call->count : 0;
    for (int32_t k = 0; k < count; k++) {
        struct agg_trade_record t = rows[k];
        t.symbol = symbol;   // the reply does not name it
        tell_trade(l, &t, true);
    }
    if (call->settle != SETTLE_DONE) return;   // the next trade asks again
    if (count == CATCH_UP_TRADES && (f->held_count == 0 || f->last_id + 1 < f->held[0].id)) {
        catch_up_trades(l, symbol);
        return;
    }
    for (int32_t k = 0; k < f->held_count; k++)
        tell_trade(l, &f->held[k], false);   // what is not listed does not exist
    f->held_count = 0;
}

static void catch_up_trades(struct live *l, int16_t symbol) {
    struct trade_feed *f = &l->trades[symbol];
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
    struct trade_feed *f = &l->trades[t->symbol];
    if (!f->wanted) return;
    bool hole = f->last_id != 0 && t->id > f->last_id + 1;
    if (!f->catching_up && !hole) {
        tell_trade(l, t, false);
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
    l->mark_e8[m->mark.symbol] = m->mark.mark_e8;
    l->mark_us[m->mark.symbol] = l->pump.view.now_us;
    if (l->paper) paper_mark(l, m);
}

static void on_best(struct live *l, const struct ticker_record *t) {
    if (t->update_id <= l->best_id[t->symbol] && t->time_us <= l->best_us[t->symbol])
        return;   // told by the connection before
    l->best_id[t->symbol] = t->update_id;
    l->best_us[t->symbol] = t->time_us;
    struct stream_event e = { .time_us = t->time_us, .kind = RECORD_BOOK_TICKER, .u.book = *t };
    live_push_event(l, &e);
}

static void odd(struct live *l, const char *what) {
    live_log_malformed(l, "market streams", what, strlen(what));
}

void live_market_event(struct live *l, const struct json *j) {
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
        odd(l, "an event without what it is to tell");
        return;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!json_is(j, name, kinds[i].name)) continue;
        int err = record_from(kinds[i].kind, j, 0, &l->list, &l->heard_rows, &u, &e);
        if (err != ERR_OK && err != ERR_NOT_FOUND) odd(l, e.text);   // else of a symbol not of this run
        if (err != ERR_OK) return;
        switch (kinds[i].kind) {
        case RECORD_KLINE_EVENT: on_kline(l, &u.bar); break;
        case RECORD_AGG_TRADE_EVENT: on_trade(l, &u.trade.trade); break;
        case RECORD_DEPTH_EVENT: live_book_event(l, &u.depth); break;
        case RECORD_MARK_EVENT: on_mark(l, &u.mark); break;
        default: on_best(l, &u.best.ticker);
        }
    }
}

void live_market_opened(struct live *l, enum stream_which which, bool again) {
    if (!again || which != STREAM_MARKET) return;
    catch_up(l);
    for (int16_t k = 0; k < l->list.count; k++) {
        if (l->trades[k].wanted) catch_up_trades(l, k);
    }
}

void live_market_closed(struct live *l, enum stream_which which) {
    if (which == STREAM_PUBLIC) live_books_lost(l);
}

static void subscribe_feed(struct live *l, int32_t n) {
    char rest[32];
    snprintf(rest, sizeof rest, "kline_%s", interval_names[l->feeds[n].interval]);
    live_market_subscribe(l, STREAM_MARKET, l->feeds[n].symbol, rest);
}

void live_market_added(struct live *l, int32_t feed) { subscribe_feed(l, feed); }

void live_market_wanted(struct live *l) {
    for (int16_t k = 0; l->started && k < l->list.count; k++) {
        if (l->paper || (l->events_wanted >> RECORD_AGG_TRADE & 1) != 0) {
            l->trades[k].wanted = true;
            live_market_subscribe(l, STREAM_MARKET, k, "aggTrade");
        }
        if ((l->events_wanted >> RECORD_BOOK_TICKER & 1) != 0)
            live_market_subscribe(l, STREAM_PUBLIC, k, "bookTicker");
    }
}

// ---- life ----

void live_market_start(struct live *l) {
    l->started = true;
    internal_call_submit(l, internal_call_take(l, EP_TICKER_PRICE, PRIORITY_HIGH), on_prices, 0);
    for (int32_t n = 0; n < l->feed_count; n++) subscribe_feed(l, n);
    for (int16_t k = 0; (l->wire.key || l->paper) && k < l->list.count; k++)
        live_market_subscribe(l, STREAM_MARKET, k, "markPrice@1s");
    live_market_wanted(l);
    if (l->wire.key) live_account_open(l);
}

static bool up(const struct stream *s) { return s->name_count == 0 || s->state == STREAM_RUNNING; }

bool live_market_running(const struct live *l) {
    bool account = !l->wire.key || (l->account.ready && l->streams[STREAM_USER].state == STREAM_RUNNING);
    return account && l->prices_answered && live_ws_orders_running(l) && up(&l->streams[STREAM_MARKET]) &&
           up(&l->streams[STREAM_PUBLIC]);
}

void live_market_advance(struct live *l, int64_t now_us) {
    if (l->ended || !l->started) return;
    live_sockets_advance(l, now_us);
    live_account_advance(l, now_us);
    live_ws_orders_advance(l, now_us);
}

int64_t live_market_due_us(const struct live *l) {
    if (l->ended || !l->started) return INT64_MAX;
    int64_t due = live_sockets_due_us(l), account = live_account_due_us(l), orders = live_ws_orders_due_us(l);
    if (account < due) due = account;
    return orders < due ? orders : due;
}

void live_market_stop(struct live *l) {
    l->ended = true;
    live_sockets_close(l);
    live_ws_orders_close(l);
    live_account_close(l);
    live_books_close(l);
    for (int16_t k = 0; k < SYMBOLS_MAX; k++) free(l->trades[k].held);
}
