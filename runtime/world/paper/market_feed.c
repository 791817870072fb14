// market_feed.c: the real market of a paper account: order books, trades, mark prices, funding.
#include "world/live/log_lines.h"
#include "world/live/market.h"
#include "world/paper/private.h"

#include "base/assert.h"
#include "venue/binance/event_shape.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 10000, MISSED_MAX = 1000, FUNDINGS_MAX = 1000 };
#define LOOK_AGAIN_US INT64_C(1000000)

// Our own clock is only nearly the exchange's: what it tells of its time counts.
static void see_time(struct paper *p, int64_t event_us) {
    if (event_us > p->now_us) p->now_us = event_us;
}

// ---- what is read ----

static void failed(struct live *l, struct paper_symbol *s) {
    s->asked = false;
    if (paper_of(l)->look_due_us == 0) paper_of(l)->look_due_us = live_now(l) + LOOK_AGAIN_US;
}

static struct api_call *question(struct live *l, int32_t endpoint, int16_t symbol) {
    struct api_call *op = internal_call_take(l, endpoint, PRIORITY_HIGH);
    op->call.symbol = symbol;
    op->call.given = UINT64_C(1) << P_SYMBOL;
    return op;
}

static void ask(struct live *l, struct api_call *op, pump_done done) {
    internal_call_submit(l, op, done, paper_of(l)->round);
}

static bool stale(const struct live *l, int64_t round) { return round != paper_of(l)->round; }

static void begin_if_known(struct live *l) {
    struct paper *p = paper_of(l);
    for (int32_t k = 0; k < l->list.count; k++) {
        const struct paper_symbol *s = &p->symbols[k];
        bool funded = !p->resumed || s->funding_known;
        if (!s->depth_known || s->last_e8 == 0 || s->mark.mark_e8 == 0 || !funded) return;
    }
    if (!p->x) paper_begin(l);
}

static void on_depth(void *ctx, struct api_call *call, int64_t number) {
    (void)number;
    struct live *l = ctx;
    struct paper *p = paper_of(l);
    int16_t symbol = call->call.symbol;
    struct paper_symbol *s = &p->symbols[symbol];
    const struct depth_record *d = call->rows;
    if (stale(l, number)) return;
    if (call->settle != SETTLE_DONE || call->count != 1) {
        failed(l, s);
        return;
    }
    s->bid_count = d->bid_count < PAPER_DEPTH ? d->bid_count : PAPER_DEPTH;
    s->ask_count = d->ask_count < PAPER_DEPTH ? d->ask_count : PAPER_DEPTH;
    memcpy(s->bids, d->bids, sizeof *s->bids * (size_t)s->bid_count);
    memcpy(s->asks, d->asks, sizeof *s->asks * (size_t)s->ask_count);
    s->shallow = false;
    bool newest = d->last_update_id >= s->update_id;   // else the stream has told of a later book already
    if (newest) s->update_id = d->last_update_id;
    s->depth_known = true;
    if (p->x && newest)
        mirror_depth(p->x, symbol, s->bids, s->bid_count, s->asks, s->ask_count, paper_clock(l));
    begin_if_known(l);
}

static void on_price(void *ctx, struct api_call *call, int64_t number) {
    (void)number;
    struct live *l = ctx;
    struct paper_symbol *s = &paper_of(l)->symbols[call->call.symbol];
    const struct ticker_record *t = call->rows;
    if (call->settle != SETTLE_DONE || call->count != 1)
        failed(l, s);
    else if (s->last_e8 == 0)
        s->last_e8 = t->last_e8;
    begin_if_known(l);
}

static void on_mark(void *ctx, struct api_call *call, int64_t number) {
    (void)number;
    struct live *l = ctx;
    struct paper_symbol *s = &paper_of(l)->symbols[call->call.symbol];
    const struct mark_record *m = call->rows;
    if (call->settle != SETTLE_DONE || call->count != 1)
        failed(l, s);
    else if (s->mark.mark_e8 == 0)
        s->mark = *m, s->mark_us = live_now(l);
    begin_if_known(l);
}

static void on_funding(void *ctx, struct api_call *call, int64_t number) {
    (void)number;
    struct live *l = ctx;
    struct paper_symbol *s = &paper_of(l)->symbols[call->call.symbol];
    if (stale(l, number)) return;
    if (call->settle != SETTLE_DONE) {
        failed(l, s);
        return;
    }
    size_t size = sizeof *s->funding * (size_t)call->count;
    free(s->funding);
    s->funding = malloc(size ? size : 1);
    ASSERT(s->funding != NULL);
    if (size) memcpy(s->funding, call->rows, size);
    s->funding_count = call->count;
    s->funding_known = true;
    begin_if_known(l);
}

static void ask_missed_funding(struct live *l, int16_t symbol) {
    struct api_call *op = question(l, EP_FUNDING_RATE, symbol);
    op->call.start_us = paper_of(l)->account.saved_us + 1000;
    op->call.end_us = live_exchange_now(l);
    op->call.limit = FUNDINGS_MAX;
    op->call.given |= UINT64_C(1) << P_START_TIME | UINT64_C(1) << P_END_TIME | UINT64_C(1) << P_LIMIT;
    ask(l, op, on_funding);
}

// Reads, of each symbol that is not known, what the streams do not tell at once.
static void look(struct live *l) {
    struct paper *p = paper_of(l);
    p->look_due_us = 0;
    if (!p->books_open) return;
    for (int16_t k = 0; k < l->list.count; k++) {
        struct paper_symbol *s = &p->symbols[k];
        if (s->asked) continue;
        s->asked = true;
        if (s->last_e8 == 0) ask(l, question(l, EP_TICKER_PRICE, k), on_price);
        if (s->mark.mark_e8 == 0) ask(l, question(l, EP_PREMIUM_INDEX, k), on_mark);
        if (p->resumed && !s->funding_known) ask_missed_funding(l, k);
        if (s->depth_known) continue;
        struct api_call *op = question(l, EP_DEPTH, k);
        op->call.limit = PAPER_DEPTH;
        op->call.given |= UINT64_C(1) << P_LIMIT;
        ask(l, op, on_depth);
    }
}

// ---- what is told ----

static void depth_event(struct live *l, const struct depth_event *d) {
    struct paper *p = paper_of(l);
    struct paper_symbol *s = &p->symbols[d->symbol];
    see_time(p, d->event_us);
    if (d->last_id < s->update_id) return;
    s->update_id = d->last_id;
    if (p->x && s->depth_known) {
        s->bid_count = d->bid_count < PAPER_DEPTH ? d->bid_count : PAPER_DEPTH;
        s->ask_count = d->ask_count < PAPER_DEPTH ? d->ask_count : PAPER_DEPTH;
        s->shallow = false;
        mirror_depth(p->x, d->symbol, d->bids, s->bid_count, d->asks, s->ask_count, paper_clock(l));
    }
}

static void quote_event(struct live *l, const struct ticker_event *q) {
    struct paper *p = paper_of(l);
    const struct ticker_record *t = &q->ticker;
    struct paper_symbol *s = &p->symbols[t->symbol];
    see_time(p, q->event_us);
    if (t->update_id < s->update_id) return;
    s->update_id = t->update_id;
    struct level_record bid = { t->bid_e8, t->bid_qty_e8 }, ask = { t->ask_e8, t->ask_qty_e8 };
    if (!p->x || !s->depth_known) return;
    mirror_quote(p->x, t->symbol, &bid, &ask, paper_clock(l));
    s->shallow = mirror_visible(p->x, t->symbol, SIDE_BUY) * 2 < s->bid_count ||
                 mirror_visible(p->x, t->symbol, SIDE_SELL) * 2 < s->ask_count;
}

void paper_trade(struct live *l, const struct agg_trade_record *t) {
    int16_t symbol = t->symbol;
    struct paper *p = paper_of(l);
    see_time(p, t->time_us);
    p->symbols[symbol].last_e8 = t->price_e8;
    if (p->x) mirror_trade(p->x, symbol, t->price_e8, t->qty_e8, t->buyer_maker, paper_clock(l));
}

void paper_mark(struct live *l, const struct mark_event *m) {
    struct paper *p = paper_of(l);
    struct paper_symbol *s = &p->symbols[m->mark.symbol];
    see_time(p, m->event_us);
    s->mark = m->mark;
    s->mark_us = live_now(l);
    if (p->x)
        mirror_mark(p->x, m->mark.symbol, m->mark.mark_e8, m->mark.next_funding_us, m->mark.funding_rate_e8,
                    paper_clock(l));
}

// ---- quotes and depth ----

// On a connection of its own: events of the full depth and of a part of it look the same.
static void on_closed(void *ctx, struct ws_client *w, const char *why);

static void on_message(void *ctx, struct ws_client *w, const char *text, size_t size) {
    struct live *l = ctx;
    live_now(l);
    live_wake(l);
    l->figures.stream_messages++;
    union {
        struct depth_event depth;
        struct ticker_event quote;
    } u;
    struct json *j = &l->heard;
    struct arena *rows = &l->heard_rows;
    struct errmsg e;
    arena_reset(rows);
    if (json_parse(j, text, size) != ERR_OK) {
        live_log_malformed(l, "order book stream", text, size);
        on_closed(l, w, "a message that is not JSON");
        return;
    }
    int32_t name = json_get(j, 0, "e", NULL);
    bool depth = json_is(j, name, "depthUpdate"), quote = json_is(j, name, "bookTicker");
    if (!event_whole(j, 0)) return;
    if (depth && record_from(RECORD_DEPTH_EVENT, j, 0, &l->list, rows, &u, &e) == ERR_OK)
        depth_event(l, &u.depth);
    if (quote && record_from(RECORD_BOOK_TICKER_EVENT, j, 0, &l->list, rows, &u, &e) == ERR_OK)
        quote_event(l, &u.quote);
}

static void subscribe(struct live *l) {
    struct json_object *o = json_object_new_object(), *list = json_object_new_array();
    for (int32_t k = 0; k < l->list.count; k++) {
        char name[SYMBOL_NAME_MAX + 24];
        size_t at = 0;
        for (const char *c = l->symbols[k].name; *c; c++) name[at++] = (char)tolower((unsigned char)*c);
        snprintf(name + at, sizeof name - at, "@bookTicker");
        json_object_array_add(list, json_object_new_string(name));
        snprintf(name + at, sizeof name - at, "@depth%d@100ms", PAPER_DEPTH);
        json_object_array_add(list, json_object_new_string(name));
    }
    json_object_object_add(o, "method", json_object_new_string("SUBSCRIBE"));
    json_object_object_add(o, "params", list);
    json_object_object_add(o, "id", json_object_new_int(1));
    const char *text =
        json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    l->network.ws_send(paper_of(l)->books, text, strlen(text));
    json_object_put(o);
}

static void retry_later(struct live *l, const char *why) {
    struct paper *p = paper_of(l);
    int64_t now = live_now(l), wait_us = reconnect_closed(&p->reopen, now);
    p->retry_us = now + wait_us;
    live_log_warn(l, "order book stream: %s; again in %.1f s", why, (double)wait_us / 1e6);
}

static void on_opened(void *ctx, struct ws_client *w) {
    (void)w;
    struct live *l = ctx;
    struct paper *p = paper_of(l);
    live_wake(l);
    if (p->books_were_open) {
        l->figures.stream_reconnects++;
        live_log_info(l, "order book stream: connected again");
    }
    p->books_open = p->books_were_open = true;
    reconnect_opened(&p->reopen, live_now(l));
    subscribe(l);
    if (p->books_open) look(l);
}

static void on_closed(void *ctx, struct ws_client *w, const char *why) {
    struct live *l = ctx;
    struct paper *p = paper_of(l);
    live_wake(l);
    l->network.ws_close(w);
    p->books = NULL;
    p->books_open = false;
    p->round++;
    for (int32_t k = 0; k < l->list.count; k++) {
        struct paper_symbol *s = &p->symbols[k];
        s->asked = s->depth_known = s->shallow = false;
        s->update_id = 0;
    }
    retry_later(l, why);
}

static void open_books(struct live *l) {
    char url[2048];
    struct errmsg e;
    snprintf(url, sizeof url, "%s/public/ws", l->o.stream_url);
    struct ws_options o = { .url = url,
                            .proxy = l->o.proxy,
                            .ca_file = l->o.ca_file,
                            .connect_timeout_ms = CONNECT_MS,
                            .silence_ms = l->o.stream_silence_us / 1000 };
    struct ws_hooks hooks = { l, on_opened, on_message, on_closed };
    if (l->network.ws_open(l->network.ctx, &o, &hooks, &paper_of(l)->books, &e) != ERR_OK)
        retry_later(l, e.text);
}

// ---- life ----

void paper_start(struct live *l) {
    struct paper *p = paper_of(l);
    if (!p) return;
    p->started = true;
    open_books(l);
}

void paper_stop(struct live *l) {
    struct paper *p = paper_of(l);
    p->started = false;
    if (p->books) l->network.ws_close(p->books);
    p->books = NULL;
}

bool paper_ready(const struct live *l) {
    return !paper_of(l) || (paper_of(l)->x && paper_sees(l, SYMBOL_NONE));
}

static bool sees(const struct live *l, int32_t symbol) {
    const struct paper_symbol *s = &paper_of(l)->symbols[symbol];
    bool fresh = l->pump.view.now_us - s->mark_us < MARK_AGE_US;
    return fresh && s->depth_known && !s->shallow && live_market_current(l, (int16_t)symbol);
}

bool paper_sees(const struct live *l, int16_t symbol) {
    if (symbol >= 0 && symbol < l->list.count) return sees(l, symbol);
    for (int32_t k = 0; k < l->list.count; k++) {
        if (!sees(l, k)) return false;
    }
    return true;
}

void paper_advance(struct live *l, int64_t now_us) {
    struct paper *p = paper_of(l);
    if (!p->started) return;
    if (!p->books && now_us >= p->retry_us) open_books(l);
    if (p->look_due_us != 0 && now_us >= p->look_due_us) look(l);
}

int64_t paper_due_us(const struct live *l) {
    const struct paper *p = paper_of(l);
    if (!p->started) return INT64_MAX;
    int64_t due = p->books ? INT64_MAX : p->retry_us;
    return p->look_due_us != 0 && p->look_due_us < due ? p->look_due_us : due;
}
