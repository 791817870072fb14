#include "host/live_private.h"

#include "base/assert.h"
#include "data/columns.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 10000, SILENCE_MS = 400000, CATCH_UP_BARS = 1000 };
#define PAUSE_FIRST_US INT64_C(200000)
#define PAUSE_LONGEST_US INT64_C(30000000)
#define KEY_EVERY_US INT64_C(1800000000)   // a key lives an hour

// ---- the account ------------------------------------------------------------------------------------------------

// Positions and wallet as the exchange has them now; those it does not list are flat.
static void on_account(struct live *l, struct inner *i) {
    const struct op *op = i->op;
    if (op->settle != SETTLE_DONE || op->count != 1) return;
    const struct account_record *a = op->rows;
    l->view.wallet_e8 = a->wallet_e8;
    l->account_known = true;
}

static void on_positions(struct live *l, struct inner *i) {
    const struct op *op = i->op;
    if (op->settle != SETTLE_DONE) return;
    memset(l->view.position, 0, sizeof l->view.position);
    const struct position_record *rows = op->rows;
    for (int32_t k = 0; k < op->count; k++) {
        struct backtest_position *p = &l->view.position[rows[k].symbol][rows[k].position_side];
        *p = (struct backtest_position){ rows[k].amount_e8, rows[k].entry_price_e8 };
    }
}

// The last prices, before the first bar tells one.
static void on_prices(struct live *l, struct inner *i) {
    const struct ticker_record *rows = i->op->rows;
    for (int32_t k = 0; i->op->settle == SETTLE_DONE && k < i->op->count; k++) l->view.last_e8[rows[k].symbol] = rows[k].last_e8;
}

void account_read(struct live *l) {
    inner_submit(l, inner_op(l, EP_ACCOUNT, PRIORITY_HIGH), on_account, NULL);
    inner_submit(l, inner_op(l, EP_POSITION_RISK, PRIORITY_HIGH), on_positions, NULL);
}

static void believe(struct live *l, const struct account_update_record *u) {
    l->view.wallet_e8 = u->wallet_e8;
    if (u->symbol == SYMBOL_NONE) return;
    struct backtest_position *p = &l->view.position[u->symbol][u->position_side];
    *p = (struct backtest_position){ u->amount_e8, u->entry_price_e8 };
}

static void user_event(struct live *l, const char *name, struct json_object *o) {
    static const struct { const char *name; int32_t kind; } kinds[] = {
        { "ORDER_TRADE_UPDATE", RECORD_ORDER_UPDATE }, { "ALGO_UPDATE", RECORD_ALGO_UPDATE },
        { "ACCOUNT_UPDATE", RECORD_ACCOUNT_UPDATE },
    };
    struct errmsg e;
    struct arena arena = { 0 };
    struct delivery d = { .feed = -1, .arrived_us = l->view.now_us };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, name) != 0) continue;
        flights_changed(l->flights);
        d.event.kind = (uint8_t)kinds[i].kind;
        if (record_read(kinds[i].kind, o, &l->list, &arena, &d.event.u, &e) != ERR_OK) break;   // of a symbol not of this run
        if (kinds[i].kind == RECORD_ORDER_UPDATE) d.event.time_us = d.event.u.order.transaction_us;
        else if (kinds[i].kind == RECORD_ALGO_UPDATE) d.event.time_us = d.event.u.algo.transaction_us;
        else d.event.time_us = d.event.u.account.transaction_us;
        if (kinds[i].kind == RECORD_ACCOUNT_UPDATE) believe(l, &d.event.u.account);
        if ((l->events_wanted >> kinds[i].kind & 1) != 0) live_push(l, &d);
    }
    arena_free(&arena);
}

// ---- bars -------------------------------------------------------------------------------------------------------

// Room for another bar: columns move, the series that scripts hold stays where it is.
static void grow_feed(struct bar_feed *f) {
    struct series larger = f->series;
    int64_t *columns[COLUMN_COUNT];
    int64_t capacity = f->capacity * 2, count = f->series.count;
    ASSERT(columns_alloc(&larger, capacity, columns) == 0);
    for (int c = 0; c < COLUMN_COUNT; c++) memcpy(columns[c], columns_get(&f->series, c), (size_t)count * sizeof(int64_t));
    f->series.count = f->capacity;
    series_close(&f->series);
    f->series = larger;
    f->series.count = count;
    f->capacity = capacity;
}

static void add_bar(struct live *l, int32_t number, const struct kline_record *k) {
    struct bar_feed *f = &l->feeds[number];
    if (k->open_us <= l->last_bar_us[number]) return;   // known already
    if (f->series.count == f->capacity) grow_feed(f);
    int64_t at = f->series.count++;
    const int64_t values[COLUMN_COUNT] = { k->open_us, k->open_e8, k->high_e8, k->low_e8, k->close_e8, k->volume_e8,
                                           k->quote_volume_e8, k->trades, k->taker_volume_e8, k->taker_quote_volume_e8 };
    for (int c = 0; c < COLUMN_COUNT; c++) ((int64_t *)(uintptr_t)columns_get(&f->series, c))[at] = values[c];
    l->last_bar_us[number] = k->open_us;
    struct delivery d = { .feed = number, .bar = at, .arrived_us = l->view.now_us };
    live_push(l, &d);
}

static void on_missed_bars(struct live *l, struct inner *i) {
    int32_t number = (int32_t)(intptr_t)i->ctx;
    l->feeds[number].catching_up = false;
    if (i->op->settle != SETTLE_DONE) return;
    const struct kline_record *rows = i->op->rows;
    int64_t now = exchange_now(l);
    for (int32_t k = 0; k < i->op->count; k++) {
        bool finished = k + 1 < i->op->count || rows[k].close_us < now;   // a later one has begun, or its time is over
        if (!finished || rows[k].open_us <= l->last_bar_us[number]) continue;
        l->figures.bars_recovered++;
        add_bar(l, number, &rows[k]);
    }
}

// Bars that ended while nobody listened.
static void catch_up(struct live *l) {
    for (int32_t n = 0; n < l->feed_count; n++) {
        struct bar_feed *f = &l->feeds[n];
        if (l->last_bar_us[n] == 0 || f->catching_up) continue;
        struct op *op = inner_op(l, EP_KLINES, PRIORITY_HIGH);
        op->call.symbol = f->symbol;
        op->call.interval = (uint8_t)f->interval;
        op->call.start_us = l->last_bar_us[n] + 1000;
        op->call.limit = CATCH_UP_BARS;
        op->call.given = UINT64_C(1) << P_SYMBOL | UINT64_C(1) << P_INTERVAL | UINT64_C(1) << P_START_TIME | UINT64_C(1) << P_LIMIT;
        f->catching_up = true;
        inner_submit(l, op, on_missed_bars, (void *)(intptr_t)n);
    }
}

static void market_event(struct live *l, const char *name, struct json_object *o) {
    struct kline_event k;
    struct errmsg e;
    struct arena arena = { 0 };
    if (strcmp(name, "kline") == 0 && record_read(RECORD_KLINE_EVENT, o, &l->list, &arena, &k, &e) == ERR_OK) {
        l->view.last_e8[k.bar.symbol] = k.bar.close_e8;
        for (int32_t n = 0; k.closed && n < l->feed_count; n++) {
            const struct bar_feed *f = &l->feeds[n];
            if (f->symbol != k.bar.symbol || f->interval != k.interval) continue;
            int64_t expected = l->last_bar_us[n] + f->series.interval_us;
            if (l->last_bar_us[n] != 0 && f->interval <= INTERVAL_1D && k.bar.open_us > expected) catch_up(l);   // one was missed
            else if (!f->catching_up) add_bar(l, n, &k.bar);
        }
    }
    arena_free(&arena);
}

// ---- sockets ----------------------------------------------------------------------------------------------------

static void on_message(void *ctx, struct ws_client *w, const char *text, size_t size);
static void on_opened(void *ctx, struct ws_client *w);
static void on_closed(void *ctx, struct ws_client *w, const char *why);

static void open_stream(struct live *l, struct stream *s, const char *path) {
    char url[2048];
    struct errmsg e;
    snprintf(url, sizeof url, "%s%s", l->stream_url, path);
    struct ws_options o = { .url = url, .ca_file = l->ca_file, .connect_timeout_ms = CONNECT_MS, .silence_ms = SILENCE_MS };
    struct ws_hooks hooks = { l, on_opened, on_message, on_closed };
    if (ws_client_open(&l->loop, &o, &hooks, &s->socket, &e) == ERR_OK) s->state = STREAM_OPENING;
    else s->retry_us = live_now(l) + s->pause_us;
}

static void open_market(struct live *l) {
    char path[64] = "/market/ws";
    open_stream(l, &l->market, path);
}

// Names go by SUBSCRIBE: an address has an end. FEEDS_MAX of them fit one message.
static void subscribe_market(struct live *l, int32_t first) {
    char text[8192];
    size_t at = 0;
    for (int32_t n = first; n < l->feed_count; n++) {
        if (n == first) at = (size_t)sprintf(text, "{\"method\":\"SUBSCRIBE\",\"params\":[");
        if (n != first) text[at++] = ',';
        text[at++] = '"';
        for (const char *c = l->symbols[l->feeds[n].symbol].name; *c; c++) text[at++] = (char)tolower((unsigned char)*c);
        at += (size_t)sprintf(text + at, "@kline_%s\"", interval_names[l->feeds[n].interval]);
        if (n == l->feed_count - 1) {
            at += (size_t)sprintf(text + at, "],\"id\":%d}", n + 1);
            ws_client_send(l->market.socket, text, at);
        }
    }
}

static void key_failed(struct live *l) {
    l->listen_key[0] = 0;
    l->user.state = STREAM_CLOSED;
    l->user.retry_us = live_now(l) + l->user.pause_us;
    l->user.pause_us = l->user.pause_us * 2 < PAUSE_LONGEST_US ? l->user.pause_us * 2 : PAUSE_LONGEST_US;
}

static void on_key(struct live *l, struct inner *i) {
    if (l->stopping && l->ended) return;
    if (i->op->settle != SETTLE_DONE || i->op->count != 1) {
        key_failed(l);
        return;
    }
    char path[160];
    snprintf(l->listen_key, sizeof l->listen_key, "%s", ((const struct listen_key_record *)i->op->rows)->key);
    snprintf(path, sizeof path, "/private/ws/%s", l->listen_key);
    l->key_due_us = live_now(l) + KEY_EVERY_US;
    open_stream(l, &l->user, path);
}

static void open_user(struct live *l) {
    l->user.state = STREAM_OPENING;
    inner_submit(l, inner_op(l, EP_LISTEN_KEY_NEW, PRIORITY_HIGH), on_key, NULL);
}

static struct stream *stream_of(struct live *l, const struct ws_client *w) { return l->market.socket == w ? &l->market : &l->user; }

static void on_opened(void *ctx, struct ws_client *w) {
    struct live *l = ctx;
    struct stream *s = stream_of(l, w);
    live_stir(l);
    bool again = s->was_open;
    s->state = STREAM_RUNNING;
    s->pause_us = PAUSE_FIRST_US;
    s->was_open = true;
    if (again) l->figures.stream_reconnects++;
    if (s == &l->market) {
        subscribe_market(l, 0);
        if (again) catch_up(l);
    } else if (again) {
        account_read(l);   // what was told meanwhile, nobody heard
    }
}

static void on_closed(void *ctx, struct ws_client *w, const char *why) {
    (void)why;
    struct live *l = ctx;
    struct stream *s = stream_of(l, w);
    live_stir(l);
    ws_client_close(w);
    s->socket = NULL;
    s->state = STREAM_CLOSED;
    s->retry_us = live_now(l) + s->pause_us;
    s->pause_us = s->pause_us * 2 < PAUSE_LONGEST_US ? s->pause_us * 2 : PAUSE_LONGEST_US;
}

static void on_message(void *ctx, struct ws_client *w, const char *text, size_t size) {
    struct live *l = ctx;
    live_now(l);
    live_stir(l);
    l->figures.stream_messages++;
    struct json_tokener *reader = json_tokener_new_ex(16);
    struct json_object *o = reader ? json_tokener_parse_ex(reader, text, (int)size) : NULL, *name = NULL;
    if (reader) json_tokener_free(reader);
    if (json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, "e", &name)) {
        const char *event = json_object_get_string(name);
        if (stream_of(l, w) == &l->market) market_event(l, event, o);
        else if (strcmp(event, "listenKeyExpired") == 0) on_closed(l, w, event);
        else user_event(l, event, o);
    }
    json_object_put(o);
}

// ---- time -------------------------------------------------------------------------------------------------------

static void on_prolonged(struct live *l, struct inner *i) {
    if (i->op->settle == SETTLE_DONE || !l->user.socket) return;
    on_closed(l, l->user.socket, "the listen key is gone");
}

void streams_advance(struct live *l, int64_t now_us) {
    if (l->ended) return;
    if (l->market.retry_us != 0 && l->market.state == STREAM_CLOSED && now_us >= l->market.retry_us) open_market(l);
    if (l->user.retry_us != 0 && l->user.state == STREAM_CLOSED && now_us >= l->user.retry_us) open_user(l);
    if (l->key_due_us != 0 && now_us >= l->key_due_us && l->user.state == STREAM_RUNNING) {
        l->key_due_us = now_us + KEY_EVERY_US;
        inner_submit(l, inner_op(l, EP_LISTEN_KEY_KEEP, PRIORITY_HIGH), on_prolonged, NULL);
    }
}

int64_t streams_due_us(const struct live *l) {
    int64_t due = INT64_MAX;
    if (l->ended) return due;
    if (l->market.retry_us != 0 && l->market.state == STREAM_CLOSED) due = l->market.retry_us;
    if (l->user.retry_us != 0 && l->user.state == STREAM_CLOSED && l->user.retry_us < due) due = l->user.retry_us;
    if (l->key_due_us != 0 && l->user.state == STREAM_RUNNING && l->key_due_us < due) due = l->key_due_us;
    return due;
}

void streams_added(struct live *l, int32_t feed) {
    if (l->market.state == STREAM_RUNNING) subscribe_market(l, feed);
    else if (l->market.state == STREAM_CLOSED && l->market.retry_us == 0) open_market(l);
}

void streams_start(struct live *l) {
    l->started = true;
    l->market.pause_us = l->user.pause_us = PAUSE_FIRST_US;
    inner_submit(l, inner_op(l, EP_TICKER_PRICE, PRIORITY_HIGH), on_prices, NULL);
    if (l->feed_count > 0) open_market(l);
    if (l->key) open_user(l);
}

void streams_stop(struct live *l) {
    l->ended = true;
    if (l->market.socket) ws_client_close(l->market.socket);
    if (l->user.socket) ws_client_close(l->user.socket);
    l->market.socket = l->user.socket = NULL;
}
