// stream_hub.c: who has subscribed to what, and the messages they get.
#include "base/alloc.h"
#include "base/array.h"
#include "base/units.h"
#include "server/stream_hub_private.h"

#include "base/dec.h"
#include "venue/binance/field.h"
#include "trade/interval.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIFF_MAX = 8192 };

struct stream_hub *stream_hub_new(const struct stream_hub_options *o, struct exchange *x,
                                  const struct symbol *symbols, int32_t symbol_count, struct faults *faults) {
    struct stream_hub *s = alloc_zeroed(1, sizeof *s);
    s->o = *o;
    s->x = x;
    s->symbols = symbols;
    s->symbol_count = symbol_count;
    s->faults = faults;
    s->room = s->wrapped_room = 65536;
    s->text = alloc_bytes(s->room);
    s->wrapped = alloc_bytes(s->wrapped_room);
    s->diff = alloc_bytes(DIFF_MAX * sizeof *s->diff);
    for (int i = 0; i < SIDE_COUNT; i++) s->sides[i] = alloc_bytes(DIFF_MAX * sizeof *s->sides[i]);
    return s;
}

void stream_hub_free(struct stream_hub *s) {
    if (!s) return;
    while (s->subs) stream_hub_close(s, s->subs);
    struct hub_stream *t, *next;
    HASH_ITER (hh, s->all, t, next) {
        HASH_DEL(s->all, t);
        free(t->subs);
        free(t);
    }
    for (int i = 0; i < SIDE_COUNT; i++) free(s->sides[i]);
    free(s->diff);
    free(s->text);
    free(s->wrapped);
    free(s);
}

int64_t stream_hub_messages(const struct stream_hub *s) { return s->messages; }

// ---- subscribing ----

static int32_t place_among(struct hub_stream *const *list, int32_t count, const char *name) {
    for (int32_t i = 0; i < count; i++) {
        if (strcmp(list[i]->name, name) == 0) return i;
    }
    return -1;
}

static struct hub_stream *stream_named(struct stream_hub *s, const char *name, int64_t now_us) {
    struct hub_stream *t = NULL;
    HASH_FIND_STR(s->all, name, t);
    if (t) return t;
    t = alloc_zeroed(1, sizeof *t);
    snprintf(t->name, sizeof t->name, "%s", name);
    stream_name_read(name, s->symbols, s->symbol_count, &t->is);
    t->next_us = now_us - (t->is.every_us ? now_us % t->is.every_us : 0) + t->is.every_us;
    if (t->is.symbol >= 0 && t->is.family == STREAM_DEPTH)
        t->last_id = exchange_book_of(s->x, t->is.symbol)->update_id;
    if (t->is.symbol >= 0 && t->is.family == STREAM_AGG_TRADE)
        t->last_id = exchange_tape(s->x, t->is.symbol)->aggregate_count;
    HASH_ADD_STR(s->all, name, t);
    return t;
}

static bool is_user_key(const char *name) {
    if (strlen(name) != 64) return false;
    for (; *name; name++) {
        if (!isalnum((unsigned char)*name)) return false;
    }
    return true;
}

static void subscribe_key(struct stream_hub *s, struct subscriber *sub, const char *key, const char *events) {
    for (int32_t i = 0; i < sub->key_count; i++) {
        if (strcmp(sub->keys[i].key, key) == 0) return;
    }
    if (sub->key_count == KEYS_OF_ONE_MAX || !stream_carried(sub->route, STREAM_USER, s->o.legacy_all))
        return;
    struct user_key *k = &sub->keys[sub->key_count++];
    snprintf(k->key, sizeof k->key, "%s", key);
    snprintf(k->events, sizeof k->events, "%s", events);
    k->alive = exchange_listen_key(s->x, key);
}

void stream_hub_subscribe(struct stream_hub *s, struct subscriber *sub, const char *name, int64_t now_us) {
    if (strlen(name) >= STREAM_NAME_MAX || sub->count == STREAMS_OF_ONE_MAX) return;
    if (is_user_key(name)) {
        subscribe_key(s, sub, name, "");
        return;
    }
    if (place_among(sub->streams, sub->count, name) >= 0) return;
    struct hub_stream *t = stream_named(s, name, now_us);
    ARRAY_ROOM(sub->streams, sub->size, sub->count + 1);
    sub->streams[sub->count++] = t;
    ARRAY_ROOM(t->subs, t->size, t->count + 1);
    t->subs[t->count++] = sub;
}

// The last subscriber gone, a stream is forgotten.
static void leave(struct stream_hub *s, struct hub_stream *t, const struct subscriber *sub) {
    for (int32_t i = 0; i < t->count; i++) {
        if (t->subs[i] == sub) {
            t->subs[i] = t->subs[--t->count];
            break;
        }
    }
    if (t->count > 0) return;
    HASH_DEL(s->all, t);
    free(t->subs);
    free(t);
}

void stream_hub_unsubscribe(struct stream_hub *s, struct subscriber *sub, const char *name) {
    for (int32_t i = 0; i < sub->key_count; i++) {
        if (strcmp(sub->keys[i].key, name) == 0) sub->keys[i] = sub->keys[--sub->key_count];
    }
    int32_t at = place_among(sub->streams, sub->count, name);
    if (at < 0) return;
    struct hub_stream *t = sub->streams[at];
    sub->streams[at] = sub->streams[--sub->count];
    leave(s, t, sub);
}

// ---- addresses ----

int stream_hub_address(const char *path, const char *query) {
    (void)query;
    enum stream_route route;
    const char *rest = stream_route_strip(path, &route);
    bool good = strcmp(rest, "/stream") == 0 || strcmp(rest, "/ws") == 0 ||
                (strncmp(rest, "/ws/", 4) == 0 && rest[4]);
    return good ? 0 : 404;
}

static void subscribe_list(struct stream_hub *s, struct subscriber *sub, char *list, int64_t now_us) {
    char *rest = list;
    for (char *name; (name = strsep(&rest, "/")) != NULL;) {
        stream_unescape(name);
        // "/ws/7": ccxt numbers its connections; a number names no stream.
        if (*name && strspn(name, "0123456789") != strlen(name)) stream_hub_subscribe(s, sub, name, now_us);
    }
}

// "listenKey=K&events=A/B&listenKey=..." and "streams=a/b".
static void subscribe_query(struct stream_hub *s, struct subscriber *sub, char *query, int64_t now_us) {
    char *rest = query, *key = NULL;
    for (char *pair; (pair = strsep(&rest, "&")) != NULL;) {
        if (strncmp(pair, "streams=", 8) == 0) {
            subscribe_list(s, sub, pair + 8, now_us);
        } else if (strncmp(pair, "listenKey=", 10) == 0) {
            if (key) subscribe_key(s, sub, key, "");
            key = pair + 10;
        } else if (strncmp(pair, "events=", 7) == 0 && key) {
            stream_unescape(pair + 7);
            subscribe_key(s, sub, key, pair + 7);
            key = NULL;
        }
    }
    if (key) subscribe_key(s, sub, key, "");
}

struct subscriber *stream_hub_open(struct stream_hub *s, struct conn *c, const char *path, const char *query,
                                   int64_t now_us) {
    struct subscriber *sub = alloc_zeroed(1, sizeof *sub);
    sub->conn = c;
    sub->opened_us = sub->pinged_us = sub->ponged_us = now_us;
    const char *rest = stream_route_strip(path, &sub->route);
    sub->combined = strcmp(rest, "/stream") == 0;
    sub->next = s->subs;
    if (s->subs) s->subs->previous = sub;
    s->subs = sub;
    char *copy = alloc_text(strncmp(rest, "/ws/", 4) == 0 ? rest + 4 : ""), *pairs = alloc_text(query);
    subscribe_list(s, sub, copy, now_us);
    subscribe_query(s, sub, pairs, now_us);
    free(copy);
    free(pairs);
    return sub;
}

void stream_hub_close(struct stream_hub *s, struct subscriber *sub) {
    while (sub->count > 0) leave(s, sub->streams[--sub->count], sub);
    if (sub->previous)
        sub->previous->next = sub->next;
    else
        s->subs = sub->next;
    if (sub->next) sub->next->previous = sub->previous;
    stream_late_free(&sub->late);
    free(sub->streams);
    free(sub);
}

// ---- frames ----

void stream_hub_frame(struct stream_hub *s, struct subscriber *sub, int64_t now_us) {
    if (now_us - sub->second_us >= SECOND_US) {
        sub->second_us = now_us;
        sub->frames = 0;
    }
    if (++sub->frames > s->o.messages_per_second) conn_close_websocket(sub->conn, 1008, "Too many requests");
}

void stream_hub_pong(struct stream_hub *s, struct subscriber *sub, const char *payload, size_t size,
                     int64_t now_us) {
    (void)s;
    char wanted[24];
    int length = snprintf(wanted, sizeof wanted, "%lld", (long long)(sub->pinged_us / 1000));
    if (size == (size_t)length && memcmp(payload, wanted, size) == 0)
        sub->ponged_us = now_us;   // unsolicited ones do not count
}

// ---- sending ----

static void make(struct stream_hub *s, int32_t kind, const void *record) {
    s->size = record_json(s->text, s->room, kind, record, s->symbols);
    if (s->size < s->room) return;
    ARRAY_ROOM(s->text, s->room, s->size + 1);
    s->size = record_json(s->text, s->room, kind, record, s->symbols);
}

static size_t wrap(struct stream_hub *s, const char *name) {
    ARRAY_ROOM(s->wrapped, s->wrapped_room, s->size + strlen(name) + 32);
    int head = sprintf(s->wrapped, "{\"stream\":\"%s\",\"data\":", name);
    memcpy(s->wrapped + head, s->text, s->size);
    s->wrapped[(size_t)head + s->size] = '}';
    return (size_t)head + s->size + 1;
}

// One message to one subscriber, unless a fault strikes it.
static void deliver(struct stream_hub *s, struct subscriber *sub, const char *text, size_t size,
                    bool user_data, int64_t now_us) {
    const struct fault_rule *fault =
        s->faults->count > 0 ? faults_judge_stream(s->faults, user_data, now_us) : NULL;
    if (fault && fault->kind == FAULT_STREAM_GAP) return;
    if (fault && fault->kind == FAULT_STREAM_DROP) {
        conn_reset(sub->conn);
        return;
    }
    if (fault && fault->kind == FAULT_LISTEN_KEY_LOSS) {
        exchange_drop_listen_key(s->x);
        return;
    }
    s->messages++;
    bool late = fault && fault->kind == FAULT_STREAM_LATE;
    if (late || stream_late_waits(&sub->late)) {
        int64_t delay_us = late ? faults_delay_us(s->faults, fault) : 0;
        stream_late_add(&sub->late, text, size, now_us - s->faults->ahead_us + delay_us);
        return;
    }
    conn_send(sub->conn, text, size);
    if (fault && fault->kind == FAULT_STREAM_TWICE) conn_send(sub->conn, text, size);
}

static void broadcast(struct stream_hub *s, struct hub_stream *t, int64_t now_us) {
    size_t wrapped = 0;
    for (int32_t i = 0; i < t->count; i++) {
        struct subscriber *sub = t->subs[i];
        if (!stream_carried(sub->route, t->is.family, s->o.legacy_all)) continue;
        if (sub->combined && wrapped == 0) wrapped = wrap(s, t->name);
        deliver(s, sub, sub->combined ? s->wrapped : s->text, sub->combined ? wrapped : s->size, false,
                now_us);
    }
}

static void send_record(struct stream_hub *s, struct hub_stream *t, int32_t kind, const void *record,
                        int64_t now_us) {
    make(s, kind, record);
    broadcast(s, t, now_us);
}

void stream_hub_trade(struct stream_hub *s, const struct trade_record *trade, int64_t now_us) {
    if (!s->all) return;
    char name[STREAM_NAME_MAX];
    size_t at = 0;
    for (const char *c = s->symbols[trade->symbol].name; *c; c++)
        name[at++] = (char)tolower((unsigned char)*c);
    memcpy(name + at, "@trade", 7);
    struct hub_stream *t = NULL;
    HASH_FIND_STR(s->all, name, t);
    if (!t) return;
    struct trade_event e = { now_us, *trade };
    send_record(s, t, RECORD_TRADE_EVENT, &e, now_us);
}

// Sums of trades that can grow no more.
static void push_aggregates(struct stream_hub *s, struct hub_stream *t, int64_t now_us) {
    const struct tape *tape = exchange_tape(s->x, t->is.symbol);
    if (tape->aggregate_count - t->last_id > TAPE_AGGREGATES)
        t->last_id = tape->aggregate_count - TAPE_AGGREGATES;
    while (t->last_id < tape->aggregate_count) {
        const struct agg_trade_record *a = &tape->aggregates[t->last_id % TAPE_AGGREGATES];
        bool last = t->last_id == tape->aggregate_count - 1;
        if (last && now_us - a->time_us < 100000) break;
        t->last_id++;
        struct agg_trade_event e = { now_us, *a };
        send_record(s, t, RECORD_AGG_TRADE_EVENT, &e, now_us);
    }
}

static void send_kline(struct stream_hub *s, struct hub_stream *t, int64_t at_us, bool closed,
                       int64_t now_us) {
    struct kline_event e = { .event_us = now_us, .interval = t->is.interval, .closed = closed };
    if (!tape_bar(exchange_tape(s->x, t->is.symbol), t->is.interval, at_us, &e.bar, &e.first_id, &e.last_id))
        return;
    if (e.first_id == 0 && e.bar.trades == 0) e.last_id = -1, e.first_id = -1;
    send_record(s, t, t->is.family == STREAM_KLINE ? RECORD_KLINE_EVENT : RECORD_CONTINUOUS_KLINE_EVENT, &e,
                now_us);
}

static void push_kline(struct stream_hub *s, struct hub_stream *t, int64_t now_us) {
    struct tape *tape = exchange_tape(s->x, t->is.symbol);
    tape_fill(tape, now_us);
    int64_t open_us = interval_floor(t->is.interval, now_us);
    if (t->last_id != 0 && open_us > t->last_id)
        send_kline(s, t, t->last_id, true, now_us);   // the bar before is final
    bool changed = tape->trade_count != t->last_seen || t->last_id != open_us;
    t->last_seen = tape->trade_count;
    t->last_id = open_us;
    if (changed) send_kline(s, t, now_us, false, now_us);
}

// Rows of the exchange's own replies: market data as it tells it, at no weight.
static void push_mark(struct stream_hub *s, struct hub_stream *t, int64_t now_us) {
    struct mark_event events[SYMBOLS_MAX];
    int32_t first = t->is.symbol >= 0 ? t->is.symbol : 0, count = t->is.symbol >= 0 ? 1 : s->symbol_count;
    for (int32_t i = 0; i < count; i++) {
        events[i].event_us = now_us;
        exchange_mark(s->x, (int16_t)(first + i), &events[i].mark);
    }
    if (t->is.symbol >= 0) {
        send_record(s, t, RECORD_MARK_EVENT, events, now_us);
        return;
    }
    ARRAY_ROOM(s->text, s->room, (size_t)count * 512);
    s->size = record_json_list(s->text, s->room, RECORD_MARK_EVENT, events, count, s->symbols);
    broadcast(s, t, now_us);
}

static void push_ticker(struct stream_hub *s, struct hub_stream *t, int64_t now_us) {
    struct ticker_event events[SYMBOLS_MAX];
    int32_t kind = t->is.family == STREAM_TICKER ? RECORD_TICKER_EVENT : RECORD_MINI_TICKER_EVENT, count = 0;
    int64_t seen = 0;
    for (int32_t i = 0; i < s->symbol_count; i++) {
        if (t->is.symbol >= 0 && i != t->is.symbol) continue;
        seen += exchange_tape(s->x, (int16_t)i)->trade_count;
        events[count].event_us = now_us;
        exchange_ticker(s->x, (int16_t)i, &events[count++].ticker);
    }
    if (seen == t->last_seen) return;
    t->last_seen = seen;
    if (t->is.symbol >= 0) {
        send_record(s, t, kind, events, now_us);
        return;
    }
    ARRAY_ROOM(s->text, s->room, (size_t)count * 640);
    s->size = record_json_list(s->text, s->room, kind, events, count, s->symbols);
    broadcast(s, t, now_us);
}

// The best prices, when they or their quantities have changed.
static void push_book_ticker(struct stream_hub *s, struct hub_stream *t, int64_t now_us) {
    for (int32_t i = 0; i < s->symbol_count; i++) {
        if (t->is.symbol >= 0 && i != t->is.symbol) continue;
        const struct book *b = exchange_book_of(s->x, (int16_t)i);
        const struct level_record *bid = book_level(b, SIDE_BUY, 0), *ask = book_level(b, SIDE_SELL, 0);
        if (!bid || !ask || (t->is.symbol >= 0 && b->update_id == t->last_id)) continue;
        int64_t seen = bid->price_e8 * 31 + bid->qty_e8 * 37 + ask->price_e8 * 41 + ask->qty_e8;
        t->last_id = b->update_id;
        if (t->is.symbol >= 0 && seen == t->last_seen) continue;
        t->last_seen = seen;
        struct ticker_event e = { now_us,
                                  { .bid_e8 = bid->price_e8,
                                    .bid_qty_e8 = bid->qty_e8,
                                    .ask_e8 = ask->price_e8,
                                    .ask_qty_e8 = ask->qty_e8,
                                    .time_us = now_us,
                                    .update_id = b->update_id,
                                    .symbol = (int16_t)i } };
        send_record(s, t, RECORD_BOOK_TICKER_EVENT, &e, now_us);
    }
}

static void push_depth(struct stream_hub *s, struct hub_stream *t, int64_t now_us) {
    const struct book *b = exchange_book_of(s->x, t->is.symbol);
    if (b->update_id == t->last_id) return;
    struct depth_event e = { .event_us = now_us,
                             .transaction_us = now_us,
                             .first_id = t->last_id + 1,
                             .last_id = b->update_id,
                             .previous_id = t->last_id,
                             .symbol = t->is.symbol,
                             .bids = s->sides[SIDE_BUY],
                             .asks = s->sides[SIDE_SELL] };
    int32_t counts[SIDE_COUNT] = { 0, 0 };
    if (t->is.family == STREAM_DEPTH) {
        int32_t rows = book_changes(b, t->last_id, s->diff, DIFF_MAX);
        t->last_id = b->update_id;
        if (rows < 0 || rows == DIFF_MAX)
            return;   // too much to tell: the chain breaks, and readers begin anew
        for (int32_t i = 0; i < rows; i++) {
            struct book_diff *d = &s->diff[i];
            s->sides[d->side][counts[d->side]++] = (struct level_record){ d->price_e8, d->qty_e8 };
        }
    } else {
        t->last_id = b->update_id;
        const struct level_record *level;
        for (int k = 0; k < SIDE_COUNT; k++) {
            while (counts[k] < t->is.levels && (level = book_level(b, k, counts[k])) != NULL)
                s->sides[k][counts[k]++] = *level;
        }
    }
    e.bid_count = counts[SIDE_BUY];
    e.ask_count = counts[SIDE_SELL];
    send_record(s, t, RECORD_DEPTH_EVENT, &e, now_us);
}

static void push(struct stream_hub *s, struct hub_stream *t, int64_t now_us) {
    switch (t->is.family) {
    case STREAM_AGG_TRADE: push_aggregates(s, t, now_us); break;
    case STREAM_KLINE:
    case STREAM_CONTINUOUS_KLINE: push_kline(s, t, now_us); break;
    case STREAM_MARK: push_mark(s, t, now_us); break;
    case STREAM_MINI_TICKER:
    case STREAM_TICKER: push_ticker(s, t, now_us); break;
    case STREAM_BOOK_TICKER: push_book_ticker(s, t, now_us); break;
    case STREAM_DEPTH:
    case STREAM_PARTIAL_DEPTH: push_depth(s, t, now_us); break;
    default: break;   // pushed as they happen, or never
    }
}

// ---- the user data stream ----

static bool wants(const struct user_key *k, const char *event) {
    if (!k->events[0]) return true;
    size_t size = strlen(event);
    for (const char *at = k->events; (at = strstr(at, event)) != NULL; at += size) {
        bool starts = at == k->events || at[-1] == '/', ends = at[size] == 0 || at[size] == '/';
        if (starts && ends) return true;
    }
    return false;
}

static void send_user(struct stream_hub *s, const char *event, int64_t now_us) {
    for (struct subscriber *sub = s->subs; sub; sub = sub->next) {
        for (int32_t i = 0; i < sub->key_count; i++) {
            struct user_key *k = &sub->keys[i];
            if (!exchange_listen_key(s->x, k->key) || !wants(k, event)) continue;
            k->alive = true;
            size_t wrapped = sub->combined ? wrap(s, k->key) : 0;
            deliver(s, sub, wrapped ? s->wrapped : s->text, wrapped ? wrapped : s->size, true, now_us);
        }
    }
}

static void send_force_order(struct stream_hub *s, const struct order_update_record *u, int64_t now_us) {
    char name[STREAM_NAME_MAX];
    size_t at = 0;
    for (const char *c = s->symbols[u->order.symbol].name; *c; c++)
        name[at++] = (char)tolower((unsigned char)*c);
    memcpy(name + at, "@forceOrder", 12);
    const char *names[] = { name, "!forceOrder@arr" };
    for (int i = 0; i < 2; i++) {
        struct hub_stream *t = NULL;
        HASH_FIND_STR(s->all, names[i], t);
        if (t) send_record(s, t, RECORD_FORCE_ORDER_EVENT, u, now_us);
    }
}

void stream_hub_user_event(struct stream_hub *s, int32_t kind, const void *record, int64_t now_us) {
    const struct order_update_record *u = kind == RECORD_ORDER_UPDATE ? record : NULL;
    if (u && u->execution == EXEC_TRADE) {
        make(s, RECORD_TRADE_LITE, record);
        send_user(s, "TRADE_LITE", now_us);
    }
    if (u && u->execution == EXEC_CALCULATED && s->all) send_force_order(s, u, now_us);
    make(s, kind, record);
    const char *event = kind == RECORD_ORDER_UPDATE     ? "ORDER_TRADE_UPDATE"
                        : kind == RECORD_ALGO_UPDATE    ? "ALGO_UPDATE"
                        : kind == RECORD_ACCOUNT_UPDATE ? "ACCOUNT_UPDATE"
                        : kind == RECORD_CONFIG_UPDATE || kind == RECORD_ASSETS_UPDATE
                            ? "ACCOUNT_CONFIG_UPDATE"
                            : "MARGIN_CALL";
    send_user(s, event, now_us);
}

static void expire_keys(struct stream_hub *s, struct subscriber *sub, int64_t now_us) {
    for (int32_t i = 0; i < sub->key_count; i++) {
        struct user_key *k = &sub->keys[i];
        bool alive = exchange_listen_key(s->x, k->key);
        if (k->alive && !alive) {
            struct listen_key_record e = { .event_us = now_us };
            snprintf(e.key, sizeof e.key, "%s", k->key);
            make(s, RECORD_LISTEN_KEY_EXPIRED, &e);
            size_t wrapped = sub->combined ? wrap(s, k->key) : 0;
            conn_send(sub->conn, wrapped ? s->wrapped : s->text, wrapped ? wrapped : s->size);
            s->messages++;
        }
        k->alive = alive;
    }
}

// ---- time ----

static void look_after(struct stream_hub *s, struct subscriber *sub, int64_t now_us) {
    expire_keys(s, sub, now_us);
    if (now_us - sub->opened_us >= s->o.life_us) {
        conn_close_websocket(sub->conn, 1001, "The connection has reached its maximum age");
    } else if (now_us - sub->ponged_us > s->o.ping_us * 10 / 3) {
        conn_close_websocket(sub->conn, 1008, "Pong timeout");
    } else if (now_us - sub->pinged_us >= s->o.ping_us) {
        char payload[24];
        int size = snprintf(payload, sizeof payload, "%lld", (long long)(now_us / 1000));
        sub->pinged_us = now_us;
        conn_ping(sub->conn, payload, (size_t)size);
    }
}

void stream_hub_pump(struct stream_hub *s, int64_t now_us) {
    for (struct hub_stream *t = s->all; t; t = t->hh.next) {
        if (t->is.every_us == 0) {
            if (t->is.family == STREAM_BOOK_TICKER) push_book_ticker(s, t, now_us);
            continue;
        }
        if (now_us < t->next_us) continue;
        t->next_us = now_us - now_us % t->is.every_us + t->is.every_us;
        push(s, t, now_us);
    }
    for (struct subscriber *sub = s->subs; sub; sub = sub->next)
        stream_late_send(&sub->late, sub->conn, now_us - s->faults->ahead_us);
    if (now_us - s->checked_us < 100000) return;
    s->checked_us = now_us;
    for (struct subscriber *sub = s->subs; sub; sub = sub->next) look_after(s, sub, now_us);
}
