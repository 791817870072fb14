#include "host/paper.h"

#include "base/assert.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 10000,  MISSED_MAX = 1000, FUNDINGS_MAX = 1000 };
#define PAUSE_FIRST_US INT64_C(200000)
#define PAUSE_LONGEST_US INT64_C(30000000)
#define LOOK_AGAIN_US INT64_C(1000000)

// Our own clock is only nearly the exchange's: what it tells of its time counts.
static void heard(struct paper *p, int64_t event_us) {
    if (event_us > p->now_us) p->now_us = event_us;
}

// ---- what is read -----------------------------------------------------------------------------------------------

static void failed(struct live *l, struct paper_symbol *s) {
    s->asked = false;
    if (l->paper->look_due_us == 0) l->paper->look_due_us = live_now(l) + LOOK_AGAIN_US;
}

static struct op *question(struct live *l, int32_t endpoint, int16_t symbol) {
    struct op *op = inner_op(l, endpoint, PRIORITY_HIGH);
    op->call.symbol = symbol;
    op->call.given = UINT64_C(1) << P_SYMBOL;
    return op;
}

static void ask(struct live *l, struct op *op, void (*done)(struct live *l, struct inner *i)) {
    inner_submit(l, op, done, (void *)l->paper->round);
}

static int16_t asked_of(const struct inner *i) { return i->op->call.symbol; }
static bool stale(const struct live *l, const struct inner *i) { return (intptr_t)i->ctx != l->paper->round; }

static void begin_if_known(struct live *l) {
    struct paper *p = l->paper;
    for (int32_t k = 0; k < l->list.count; k++) {
        const struct paper_symbol *s = &p->symbols[k];
        bool funded = !p->resumed || s->funding_known;
        if (!s->depth_known || s->last_e8 == 0 || s->mark.mark_e8 == 0 || !funded) return;
    }
    if (!p->x) paper_begin(l);
}

static void trade_told(struct live *l, int16_t symbol, const struct agg_trade_record *t) {
    struct paper_symbol *s = &l->paper->symbols[symbol];
    s->trade_id = t->id;
    s->last_e8 = t->price_e8;
    if (l->paper->x) follow_trade(l->paper->x, symbol, t->price_e8, t->qty_e8, t->buyer_maker, paper_clock(l));
}

static void on_missed_trades(struct live *l, struct inner *i);

static void ask_missed_trades(struct live *l, int16_t symbol) {
    struct op *op = question(l, EP_AGG_TRADES, symbol);
    op->call.from_id = l->paper->symbols[symbol].trade_id + 1;
    op->call.limit = MISSED_MAX;
    op->call.given |= UINT64_C(1) << P_FROM_ID | UINT64_C(1) << P_LIMIT;
    ask(l, op, on_missed_trades);
}

// Then those of the stream that came while the ones before them were fetched.
static void on_missed_trades(struct live *l, struct inner *i) {
    int16_t symbol = asked_of(i);
    struct paper_symbol *s = &l->paper->symbols[symbol];
    const struct agg_trade_record *rows = i->op->rows;
    int32_t count = i->op->settle == SETTLE_DONE ? i->op->count : 0;
    if (stale(l, i)) return;
    int64_t until = s->held_count > 0 ? s->held[0].id : INT64_MAX;
    for (int32_t k = 0; k < count && rows[k].id < until; k++) trade_told(l, symbol, &rows[k]);
    if (count == MISSED_MAX && rows[count - 1].id < until) {
        ask_missed_trades(l, symbol);
        return;
    }
    for (int32_t k = 0; k < s->held_count; k++) trade_told(l, symbol, &s->held[k]);
    s->held_count = 0;
    s->catching_up = false;
    s->known = true;
}

static void on_depth(struct live *l, struct inner *i) {
    struct paper *p = l->paper;
    int16_t symbol = asked_of(i);
    struct paper_symbol *s = &p->symbols[symbol];
    const struct depth_record *d = i->op->rows;
    if (stale(l, i)) return;
    if (i->op->settle != SETTLE_DONE || i->op->count != 1) {
        failed(l, s);
        return;
    }
    s->bid_count = d->bid_count < PAPER_DEPTH ? d->bid_count : PAPER_DEPTH;
    s->ask_count = d->ask_count < PAPER_DEPTH ? d->ask_count : PAPER_DEPTH;
    memcpy(s->bids, d->bids, sizeof *s->bids * (size_t)s->bid_count);
    memcpy(s->asks, d->asks, sizeof *s->asks * (size_t)s->ask_count);
    bool newest = d->last_update_id >= s->update_id;     // else the stream has told of a later book already
    if (newest) s->update_id = d->last_update_id;
    s->depth_known = true;
    if (p->x && newest) follow_depth(p->x, symbol, s->bids, s->bid_count, s->asks, s->ask_count, paper_clock(l));
    if (s->catching_up) ask_missed_trades(l, symbol);
    else s->known = true;
    begin_if_known(l);
}

static void on_price(struct live *l, struct inner *i) {
    struct paper_symbol *s = &l->paper->symbols[asked_of(i)];
    const struct ticker_record *t = i->op->rows;
    if (i->op->settle != SETTLE_DONE || i->op->count != 1) failed(l, s);
    else if (s->last_e8 == 0) s->last_e8 = t->last_e8;
    begin_if_known(l);
}

static void on_mark(struct live *l, struct inner *i) {
    struct paper_symbol *s = &l->paper->symbols[asked_of(i)];
    const struct mark_record *m = i->op->rows;
    if (i->op->settle != SETTLE_DONE || i->op->count != 1) failed(l, s);
    else if (s->mark.mark_e8 == 0) s->mark = *m;
    begin_if_known(l);
}

static void on_funding(struct live *l, struct inner *i) {
    struct paper_symbol *s = &l->paper->symbols[asked_of(i)];
    if (stale(l, i)) return;
    if (i->op->settle != SETTLE_DONE) {
        failed(l, s);
        return;
    }
    size_t size = sizeof *s->funding * (size_t)i->op->count;
    free(s->funding);
    s->funding = malloc(size ? size : 1);
    ASSERT(s->funding != NULL);
    if (size) memcpy(s->funding, i->op->rows, size);
    s->funding_count = i->op->count;
    s->funding_known = true;
    begin_if_known(l);
}

static void ask_missed_funding(struct live *l, int16_t symbol) {
    struct op *op = question(l, EP_FUNDING_RATE, symbol);
    op->call.start_us = l->paper->account.saved_us + 1000;
    op->call.end_us = exchange_now(l);
    op->call.limit = FUNDINGS_MAX;
    op->call.given |= UINT64_C(1) << P_START_TIME | UINT64_C(1) << P_END_TIME | UINT64_C(1) << P_LIMIT;
    ask(l, op, on_funding);
}

// Reads, of each symbol that is not known, what the streams do not tell at once.
static void look(struct live *l) {
    struct paper *p = l->paper;
    p->look_due_us = 0;
    if (p->books.state != STREAM_RUNNING || p->trades.state != STREAM_RUNNING) return;
    for (int16_t k = 0; k < l->list.count; k++) {
        struct paper_symbol *s = &p->symbols[k];
        if (s->asked) continue;
        s->asked = true;
        if (s->last_e8 == 0) ask(l, question(l, EP_TICKER_PRICE, k), on_price);
        if (s->mark.mark_e8 == 0) ask(l, question(l, EP_PREMIUM_INDEX, k), on_mark);
        if (p->resumed && !s->funding_known) ask_missed_funding(l, k);
        if (s->known) continue;
        struct op *op = question(l, EP_DEPTH, k);
        op->call.limit = PAPER_DEPTH;
        op->call.given |= UINT64_C(1) << P_LIMIT;
        ask(l, op, on_depth);
    }
}

// ---- what is told -----------------------------------------------------------------------------------------------

static void depth_event(struct live *l, const struct depth_event *d) {
    struct paper *p = l->paper;
    struct paper_symbol *s = &p->symbols[d->symbol];
    heard(p, d->event_us);
    if (d->last_id < s->update_id) return;
    s->update_id = d->last_id;
    if (p->x && s->depth_known) {
        int32_t bids = d->bid_count < PAPER_DEPTH ? d->bid_count : PAPER_DEPTH, asks = d->ask_count < PAPER_DEPTH ? d->ask_count : PAPER_DEPTH;
        follow_depth(p->x, d->symbol, d->bids, bids, d->asks, asks, paper_clock(l));
    }
}

static void quote_event(struct live *l, const struct ticker_event *q) {
    struct paper *p = l->paper;
    const struct ticker_record *t = &q->ticker;
    struct paper_symbol *s = &p->symbols[t->symbol];
    heard(p, q->event_us);
    if (t->update_id < s->update_id) return;
    s->update_id = t->update_id;
    struct level_record bid = { t->bid_e8, t->bid_qty_e8 }, ask = { t->ask_e8, t->ask_qty_e8 };
    if (p->x && s->depth_known) follow_quote(p->x, t->symbol, &bid, &ask, paper_clock(l));
}

static void trade_event(struct live *l, const struct agg_trade_event *a) {
    struct paper_symbol *s = &l->paper->symbols[a->trade.symbol];
    heard(l->paper, a->event_us);
    if (s->numbered && a->trade.id <= s->trade_id) return;
    if (!s->catching_up) {
        s->numbered = true;
        trade_told(l, a->trade.symbol, &a->trade);
        return;
    }
    if (s->held_count == s->held_size) {
        s->held_size = s->held_size ? s->held_size * 2 : 64;
        s->held = realloc(s->held, sizeof *s->held * (size_t)s->held_size);
        ASSERT(s->held != NULL);
    }
    s->held[s->held_count++] = a->trade;
}

static void mark_event(struct live *l, const struct mark_event *m) {
    struct paper *p = l->paper;
    struct paper_symbol *s = &p->symbols[m->mark.symbol];
    heard(p, m->event_us);
    s->mark = m->mark;
    if (p->x) follow_mark(p->x, m->mark.symbol, m->mark.mark_e8, m->mark.next_funding_us, m->mark.funding_rate_e8, paper_clock(l));
}

static void event(struct live *l, const char *name, struct json_object *o) {
    union { struct depth_event depth; struct ticker_event quote; struct agg_trade_event trade; struct mark_event mark; } u;
    static const struct { const char *name; int32_t kind; } kinds[] = {
        { "depthUpdate", RECORD_DEPTH_EVENT }, { "bookTicker", RECORD_BOOK_TICKER_EVENT },
        { "aggTrade", RECORD_AGG_TRADE_EVENT }, { "markPriceUpdate", RECORD_MARK_EVENT },
    };
    struct arena arena = { 0 };
    struct errmsg e;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(name, kinds[i].name) != 0 || record_read(kinds[i].kind, o, &l->list, &arena, &u, &e) != ERR_OK) continue;
        switch (kinds[i].kind) {
        case RECORD_DEPTH_EVENT: depth_event(l, &u.depth); break;
        case RECORD_BOOK_TICKER_EVENT: quote_event(l, &u.quote); break;
        case RECORD_AGG_TRADE_EVENT: trade_event(l, &u.trade); break;
        default: mark_event(l, &u.mark); break;
        }
    }
    arena_free(&arena);
}

// ---- sockets ----------------------------------------------------------------------------------------------------

static void subscribe(struct live *l, struct stream *s) {
    static const char *const families[2][2] = { { "bookTicker", "depth20@100ms" }, { "aggTrade", "markPrice@1s" } };
    const char *const *names = families[s == &l->paper->trades];
    size_t room = 64 + (size_t)l->list.count * 2 * (SYMBOL_NAME_MAX + 24), at = 0;
    char *text = malloc(room);
    ASSERT(text != NULL);
    at = (size_t)snprintf(text, room, "{\"method\":\"SUBSCRIBE\",\"params\":[");
    for (int32_t k = 0; k < l->list.count; k++) {
        for (int i = 0; i < 2; i++) {
            if (k + i > 0) text[at++] = ',';
            text[at++] = '"';
            for (const char *c = l->symbols[k].name; *c; c++) text[at++] = (char)tolower((unsigned char)*c);
            at += (size_t)snprintf(text + at, room - at, "@%s\"", names[i]);
        }
    }
    at += (size_t)snprintf(text + at, room - at, "],\"id\":1}");
    ws_client_send(s->socket, text, at);
    free(text);
}

static struct stream *stream_of(struct live *l, const struct ws_client *w) {
    return l->paper->books.socket == w ? &l->paper->books : &l->paper->trades;
}

static void on_opened(void *ctx, struct ws_client *w) {
    struct live *l = ctx;
    struct stream *s = stream_of(l, w);
    live_now(l);
    live_stir(l);
    if (s->was_open) l->figures.stream_reconnects++;
    s->state = STREAM_RUNNING;
    s->pause_us = PAUSE_FIRST_US;
    s->was_open = true;
    subscribe(l, s);
    look(l);
}

static void shut(struct live *l, struct stream *s) {
    if (s->socket) ws_client_close(s->socket);
    s->socket = NULL;
    s->state = STREAM_CLOSED;
    s->retry_us = live_now(l) + s->pause_us;
    s->pause_us = s->pause_us * 2 < PAUSE_LONGEST_US ? s->pause_us * 2 : PAUSE_LONGEST_US;
}

// Both begin anew: a market of which only the half is heard is not known.
static void on_closed(void *ctx, struct ws_client *w, const char *why) {
    (void)why;
    (void)w;
    struct live *l = ctx;
    struct paper *p = l->paper;
    live_now(l);
    live_stir(l);
    shut(l, &p->books);
    shut(l, &p->trades);
    p->round++;
    for (int32_t k = 0; k < l->list.count; k++) {
        struct paper_symbol *s = &p->symbols[k];
        s->known = s->asked = s->depth_known = s->numbered = false;
        s->update_id = 0;
        s->held_count = 0;
        s->catching_up = s->trade_id != 0;
    }
}

static void on_message(void *ctx, struct ws_client *w, const char *text, size_t size) {
    (void)w;
    struct live *l = ctx;
    live_now(l);
    live_stir(l);
    l->figures.stream_messages++;
    struct json_tokener *reader = json_tokener_new_ex(16);
    struct json_object *o = reader ? json_tokener_parse_ex(reader, text, (int)size) : NULL, *name = NULL;
    if (reader) json_tokener_free(reader);
    if (json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, "e", &name)) event(l, json_object_get_string(name), o);
    json_object_put(o);
}

// Marks come every second: their silence is a dead network. Books of quiet symbols may be silent for long.
static void open_stream(struct live *l, struct stream *s) {
    bool books = s == &l->paper->books;
    char url[2048];
    struct errmsg e;
    snprintf(url, sizeof url, "%s%s", l->stream_url, books ? "/public/ws" : "/market/ws");
    struct ws_options o = { .url = url, .ca_file = l->ca_file, .connect_timeout_ms = CONNECT_MS, .silence_ms = books ? 400000 : 10000 };
    struct ws_hooks hooks = { l, on_opened, on_message, on_closed };
    s->state = STREAM_OPENING;
    if (ws_client_open(&l->loop, &o, &hooks, &s->socket, &e) == ERR_OK) return;
    s->state = STREAM_CLOSED;
    s->retry_us = live_now(l) + s->pause_us;
}

// ---- life -------------------------------------------------------------------------------------------------------

void paper_start(struct live *l) {
    struct paper *p = l->paper;
    if (!p) return;
    p->started = true;
    p->books.pause_us = p->trades.pause_us = PAUSE_FIRST_US;
    open_stream(l, &p->books);
    open_stream(l, &p->trades);
}

void paper_stop(struct live *l) {
    struct paper *p = l->paper;
    p->started = false;
    if (p->books.socket) ws_client_close(p->books.socket);
    if (p->trades.socket) ws_client_close(p->trades.socket);
    p->books.socket = p->trades.socket = NULL;
}

bool paper_ready(const struct live *l) { return !l->paper || (l->paper->x && paper_sees(l, SYMBOL_NONE)); }

bool paper_sees(const struct live *l, int16_t symbol) {
    const struct paper *p = l->paper;
    if (symbol >= 0 && symbol < l->list.count) return p->symbols[symbol].known;
    for (int32_t k = 0; k < l->list.count; k++) {
        if (!p->symbols[k].known) return false;
    }
    return true;
}

void paper_advance(struct live *l, int64_t now_us) {
    struct paper *p = l->paper;
    if (!p->started) return;
    if (p->books.state == STREAM_CLOSED && now_us >= p->books.retry_us) open_stream(l, &p->books);
    if (p->trades.state == STREAM_CLOSED && now_us >= p->trades.retry_us) open_stream(l, &p->trades);
    if (p->look_due_us != 0 && now_us >= p->look_due_us) look(l);
}

int64_t paper_due_us(const struct live *l) {
    const struct paper *p = l->paper;
    int64_t due = INT64_MAX;
    if (!p->started) return due;
    if (p->books.state == STREAM_CLOSED) due = p->books.retry_us;
    if (p->trades.state == STREAM_CLOSED && p->trades.retry_us < due) due = p->trades.retry_us;
    if (p->look_due_us != 0 && p->look_due_us < due) due = p->look_due_us;
    return due;
}
