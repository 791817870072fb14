#include "host/streams.h"

#include "base/assert.h"
#include "base/dec.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum { NAME_MAX_SIZE = 96, STREAMS_OF_ONE_MAX = 1024, EVENTS_MAX = 128, DIFF_MAX = 8192, KEYS_OF_ONE_MAX = 8 };
#define SECOND_US INT64_C(1000000)

enum family { STREAM_TRADE, STREAM_AGG_TRADE, STREAM_KLINE, STREAM_CONTINUOUS_KLINE, STREAM_MARK, STREAM_MINI_TICKER,
              STREAM_TICKER, STREAM_BOOK_TICKER, STREAM_DEPTH, STREAM_PARTIAL_DEPTH, STREAM_FORCE_ORDER, STREAM_USER,
              STREAM_SILENT };

struct stream {
    char name[NAME_MAX_SIZE];
    enum family family;
    int16_t symbol;                // SYMBOL_NONE: all of them
    uint8_t interval;
    int32_t levels;
    int64_t every_us, next_us;     // 0: at once
    int64_t last_id;               // depth: the last u; aggregates and trades: the last sent
    int64_t last_seen;             // something that changes as the content does
    struct subscriber **subs;
    int32_t count, size;
    UT_hash_handle hh;
};

struct user_key { char key[68]; char events[EVENTS_MAX]; bool alive; };

struct subscriber {
    struct conn *conn;
    enum stream_route route;
    bool combined, closing;
    struct stream **streams;
    int32_t count, size;
    struct user_key keys[KEYS_OF_ONE_MAX];
    int32_t key_count;
    int64_t opened_us, pinged_us, ponged_us, second_us;
    int32_t frames;                // in the second that began at second_us
    struct subscriber *previous, *next;
};

struct streams {
    struct streams_options o;
    struct exchange *x;
    const struct symbol *symbols;
    int32_t symbol_count;
    struct faults *faults;
    struct stream *all;            // uthash, by name
    struct subscriber *subs;
    char *text;                    // a message, and the same wrapped
    size_t room, size;
    char *wrapped;
    size_t wrapped_room;
    int64_t messages;
    int64_t checked_us;
    struct book_diff *diff;
    struct level_record *sides[SIDE_COUNT];
};

struct streams *streams_new(const struct streams_options *o, struct exchange *x, const struct symbol *symbols,
                            int32_t symbol_count, struct faults *faults) {
    struct streams *s = calloc(1, sizeof *s);
    ASSERT(s != NULL);
    s->o = *o;
    s->x = x;
    s->symbols = symbols;
    s->symbol_count = symbol_count;
    s->faults = faults;
    s->room = s->wrapped_room = 65536;
    s->text = malloc(s->room);
    s->wrapped = malloc(s->wrapped_room);
    s->diff = malloc(DIFF_MAX * sizeof *s->diff);
    for (int i = 0; i < SIDE_COUNT; i++) s->sides[i] = malloc(DIFF_MAX * sizeof *s->sides[i]);
    ASSERT(s->text && s->wrapped && s->diff && s->sides[0] && s->sides[1]);
    return s;
}

void streams_free(struct streams *s) {
    if (!s) return;
    while (s->subs) streams_close(s, s->subs);
    struct stream *t, *next;
    HASH_ITER(hh, s->all, t, next) {
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

int64_t streams_messages(const struct streams *s) { return s->messages; }

// ---- names ------------------------------------------------------------------------------------------------------

static int16_t symbol_named(const struct streams *s, const char *name, size_t size) {
    char upper[SYMBOL_NAME_MAX];
    if (size == 0 || size >= sizeof upper) return SYMBOL_NONE;
    for (size_t i = 0; i < size; i++) upper[i] = (char)toupper((unsigned char)name[i]);
    upper[size] = 0;
    return (int16_t)symbol_find(s->symbols, s->symbol_count, upper);
}

static bool speed_of(const char *text, int64_t *every_us) {
    if (*text == 0) *every_us = 250000;
    else if (strcmp(text, "@100ms") == 0) *every_us = 100000;
    else if (strcmp(text, "@500ms") == 0) *every_us = 500000;
    else if (strcmp(text, "@250ms") == 0) *every_us = 250000;
    else return false;
    return true;
}

static bool mark_speed(const char *text, int64_t *every_us) {
    if (*text != 0 && strcmp(text, "@1s") != 0) return false;
    *every_us = *text ? SECOND_US : 3 * SECOND_US;
    return true;
}

static void parse_all_market(struct stream *t) {
    const char *name = t->name;
    if (strcmp(name, "!bookTicker") == 0) t->family = STREAM_BOOK_TICKER, t->every_us = 5 * SECOND_US;
    else if (strcmp(name, "!miniTicker@arr") == 0) t->family = STREAM_MINI_TICKER, t->every_us = SECOND_US;
    else if (strcmp(name, "!ticker@arr") == 0) t->family = STREAM_TICKER, t->every_us = SECOND_US;
    else if (strcmp(name, "!forceOrder@arr") == 0) t->family = STREAM_FORCE_ORDER;
    else if (strncmp(name, "!markPrice@arr", 14) == 0 && mark_speed(name + 14, &t->every_us)) t->family = STREAM_MARK;
}

static void parse_depth(struct stream *t, const char *rest) {
    char *end;
    long levels = strtol(rest, &end, 10);
    if (!speed_of(end, &t->every_us)) return;
    if (end == rest) t->family = STREAM_DEPTH;
    else if (levels == 5 || levels == 10 || levels == 20) t->family = STREAM_PARTIAL_DEPTH, t->levels = (int32_t)levels;
}

static bool kline_of(struct stream *t, enum family family, const char *interval) {
    int32_t found = interval_find(interval);
    if (found < 0) return false;
    t->family = family;
    t->interval = (uint8_t)found;
    t->every_us = 250000;
    return true;
}

// What a name stands for; STREAM_SILENT for one that never pushes.
static void parse_name(const struct streams *s, struct stream *t) {
    t->family = STREAM_SILENT;
    t->symbol = SYMBOL_NONE;
    if (t->name[0] == '!') {
        parse_all_market(t);
        return;
    }
    const char *at = strchr(t->name, '@');
    if (!at) return;
    const char *what = at + 1;
    size_t size = (size_t)(at - t->name);
    const char *contract = memchr(t->name, '_', size);
    if (strncmp(what, "continuousKline_", 16) == 0) {
        if (contract && size - (size_t)(contract - t->name) == 10 && strncmp(contract, "_perpetual", 10) == 0) {
            t->symbol = symbol_named(s, t->name, (size_t)(contract - t->name));
            if (t->symbol >= 0) kline_of(t, STREAM_CONTINUOUS_KLINE, what + 16);
        }
        return;
    }
    t->symbol = symbol_named(s, t->name, size);
    if (t->symbol < 0) return;
    if (strcmp(what, "trade") == 0) t->family = STREAM_TRADE;
    else if (strcmp(what, "aggTrade") == 0) t->family = STREAM_AGG_TRADE, t->every_us = 100000;
    else if (strncmp(what, "kline_", 6) == 0) kline_of(t, STREAM_KLINE, what + 6);
    else if (strncmp(what, "markPrice", 9) == 0 && mark_speed(what + 9, &t->every_us)) t->family = STREAM_MARK;
    else if (strcmp(what, "miniTicker") == 0) t->family = STREAM_MINI_TICKER, t->every_us = 2 * SECOND_US;
    else if (strcmp(what, "ticker") == 0) t->family = STREAM_TICKER, t->every_us = 2 * SECOND_US;
    else if (strcmp(what, "bookTicker") == 0) t->family = STREAM_BOOK_TICKER;
    else if (strncmp(what, "depth", 5) == 0) parse_depth(t, what + 5);
    else if (strcmp(what, "forceOrder") == 0) t->family = STREAM_FORCE_ORDER;
}

static bool carries(const struct streams *s, enum stream_route route, enum family family) {
    bool is_public = family == STREAM_BOOK_TICKER || family == STREAM_DEPTH || family == STREAM_PARTIAL_DEPTH ||
                     family == STREAM_TRADE;
    switch (route) {
    case ROUTE_PUBLIC: return is_public;
    case ROUTE_MARKET: return !is_public && family != STREAM_USER;
    case ROUTE_PRIVATE: return family == STREAM_USER;
    default: return is_public || s->o.legacy_all;
    }
}

// ---- subscribing ------------------------------------------------------------------------------------------------

static int32_t place_among(struct stream *const *list, int32_t count, const char *name) {
    for (int32_t i = 0; i < count; i++) {
        if (strcmp(list[i]->name, name) == 0) return i;
    }
    return -1;
}

static void *grown(void *list, int32_t count, int32_t *size, size_t item) {
    if (count < *size) return list;
    *size = *size ? *size * 2 : 8;
    list = realloc(list, (size_t)*size * item);
    ASSERT(list != NULL);
    return list;
}

static struct stream *stream_named(struct streams *s, const char *name, int64_t now_us) {
    struct stream *t = NULL;
    HASH_FIND_STR(s->all, name, t);
    if (t) return t;
    t = calloc(1, sizeof *t);
    ASSERT(t != NULL);
    snprintf(t->name, sizeof t->name, "%s", name);
    parse_name(s, t);
    t->next_us = now_us - (t->every_us ? now_us % t->every_us : 0) + t->every_us;
    if (t->symbol >= 0 && t->family == STREAM_DEPTH) t->last_id = exchange_book_of(s->x, t->symbol)->update_id;
    if (t->symbol >= 0 && t->family == STREAM_AGG_TRADE) t->last_id = exchange_tape(s->x, t->symbol)->aggregate_count;
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

static void subscribe_key(struct streams *s, struct subscriber *sub, const char *key, const char *events) {
    for (int32_t i = 0; i < sub->key_count; i++) {
        if (strcmp(sub->keys[i].key, key) == 0) return;
    }
    if (sub->key_count == KEYS_OF_ONE_MAX || !carries(s, sub->route, STREAM_USER)) return;
    struct user_key *k = &sub->keys[sub->key_count++];
    snprintf(k->key, sizeof k->key, "%s", key);
    snprintf(k->events, sizeof k->events, "%s", events);
    k->alive = exchange_listen_key(s->x, key);
}

static void subscribe(struct streams *s, struct subscriber *sub, const char *name, int64_t now_us) {
    if (strlen(name) >= NAME_MAX_SIZE || sub->count == STREAMS_OF_ONE_MAX) return;
    if (is_user_key(name)) {
        subscribe_key(s, sub, name, "");
        return;
    }
    if (place_among(sub->streams, sub->count, name) >= 0) return;
    struct stream *t = stream_named(s, name, now_us);
    sub->streams = grown(sub->streams, sub->count, &sub->size, sizeof *sub->streams);
    sub->streams[sub->count++] = t;
    t->subs = grown(t->subs, t->count, &t->size, sizeof *t->subs);
    t->subs[t->count++] = sub;
}

// The last subscriber gone, a stream is forgotten.
static void leave(struct streams *s, struct stream *t, const struct subscriber *sub) {
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

static void unsubscribe(struct streams *s, struct subscriber *sub, const char *name) {
    for (int32_t i = 0; i < sub->key_count; i++) {
        if (strcmp(sub->keys[i].key, name) == 0) sub->keys[i] = sub->keys[--sub->key_count];
    }
    int32_t at = place_among(sub->streams, sub->count, name);
    if (at < 0) return;
    struct stream *t = sub->streams[at];
    sub->streams[at] = sub->streams[--sub->count];
    leave(s, t, sub);
}

// ---- addresses --------------------------------------------------------------------------------------------------

// What follows the route: "/ws...", "/stream...".
static const char *strip_route(const char *path, enum stream_route *route) {
    static const struct { const char *prefix; enum stream_route route; } routes[] = {
        { "/public/", ROUTE_PUBLIC }, { "/market/", ROUTE_MARKET }, { "/private/", ROUTE_PRIVATE },
    };
    *route = ROUTE_LEGACY;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        size_t size = strlen(routes[i].prefix);
        if (strncmp(path, routes[i].prefix, size) != 0) continue;
        *route = routes[i].route;
        return path + size - 1;
    }
    return path;
}

int streams_address(const char *path, const char *query) {
    (void)query;
    enum stream_route route;
    const char *rest = strip_route(path, &route);
    bool good = strcmp(rest, "/stream") == 0 || strcmp(rest, "/ws") == 0 || (strncmp(rest, "/ws/", 4) == 0 && rest[4]);
    return good ? 0 : 404;
}

static void unescape(char *text) {   // names in an address may be percent-encoded: %40 is @
    char *out = text;
    for (; *text; text++) {
        unsigned code;
        if (text[0] == '%' && isxdigit((unsigned char)text[1]) && isxdigit((unsigned char)text[2]) &&
            sscanf(text + 1, "%2x", &code) == 1 && code != 0) {
            *out++ = (char)code;
            text += 2;
        } else {
            *out++ = *text;
        }
    }
    *out = 0;
}

static void subscribe_list(struct streams *s, struct subscriber *sub, char *list, int64_t now_us) {
    char *rest = list;
    for (char *name; (name = strsep(&rest, "/")) != NULL;) {
        unescape(name);
        // "/ws/7": ccxt numbers its connections; a number names no stream.
        if (*name && strspn(name, "0123456789") != strlen(name)) subscribe(s, sub, name, now_us);
    }
}

// "listenKey=K&events=A/B&listenKey=..." and "streams=a/b".
static void subscribe_query(struct streams *s, struct subscriber *sub, char *query, int64_t now_us) {
    char *rest = query, *key = NULL;
    for (char *pair; (pair = strsep(&rest, "&")) != NULL;) {
        if (strncmp(pair, "streams=", 8) == 0) {
            subscribe_list(s, sub, pair + 8, now_us);
        } else if (strncmp(pair, "listenKey=", 10) == 0) {
            if (key) subscribe_key(s, sub, key, "");
            key = pair + 10;
        } else if (strncmp(pair, "events=", 7) == 0 && key) {
            unescape(pair + 7);
            subscribe_key(s, sub, key, pair + 7);
            key = NULL;
        }
    }
    if (key) subscribe_key(s, sub, key, "");
}

struct subscriber *streams_open(struct streams *s, struct conn *c, const char *path, const char *query, int64_t now_us) {
    struct subscriber *sub = calloc(1, sizeof *sub);
    ASSERT(sub != NULL);
    sub->conn = c;
    sub->opened_us = sub->pinged_us = sub->ponged_us = now_us;
    const char *rest = strip_route(path, &sub->route);
    sub->combined = strcmp(rest, "/stream") == 0;
    sub->next = s->subs;
    if (s->subs) s->subs->previous = sub;
    s->subs = sub;
    char *copy = strdup(strncmp(rest, "/ws/", 4) == 0 ? rest + 4 : ""), *pairs = strdup(query);
    ASSERT(copy && pairs);
    subscribe_list(s, sub, copy, now_us);
    subscribe_query(s, sub, pairs, now_us);
    free(copy);
    free(pairs);
    return sub;
}

void streams_close(struct streams *s, struct subscriber *sub) {
    while (sub->count > 0) leave(s, sub->streams[--sub->count], sub);
    if (sub->previous) sub->previous->next = sub->next; else s->subs = sub->next;
    if (sub->next) sub->next->previous = sub->previous;
    free(sub->streams);
    free(sub);
}

// ---- control messages (section 7.2) -----------------------------------------------------------------------------

static void send_json(struct subscriber *sub, struct json_object *o) {
    const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    conn_send(sub->conn, text, strlen(text));
    json_object_put(o);
}

static void send_result(struct subscriber *sub, struct json_object *result, struct json_object *id) {
    struct json_object *o = json_object_new_object();
    json_object_object_add(o, "result", result);
    json_object_object_add(o, "id", json_object_get(id));
    send_json(sub, o);
}

static void send_problem(struct subscriber *sub, int code, const char *text, struct json_object *id, bool with_id) {
    struct json_object *o = json_object_new_object(), *error = json_object_new_object();
    json_object_object_add(error, "code", json_object_new_int(code));
    json_object_object_add(error, "msg", json_object_new_string(text));
    json_object_object_add(o, "error", error);
    if (with_id) json_object_object_add(o, "id", json_object_get(id));
    send_json(sub, o);
}

static struct json_object *subscriptions(const struct subscriber *sub) {
    struct json_object *list = json_object_new_array();
    for (int32_t i = 0; i < sub->count; i++) json_object_array_add(list, json_object_new_string(sub->streams[i]->name));
    for (int32_t i = 0; i < sub->key_count; i++) json_object_array_add(list, json_object_new_string(sub->keys[i].key));
    return list;
}

static void change(struct streams *s, struct subscriber *sub, bool add, struct json_object *params, struct json_object *id,
                   int64_t now_us) {
    if (!json_object_is_type(params, json_type_array)) {
        send_problem(sub, 2, "Invalid request: missing field `params` at line 1 column 1", id, true);
        return;
    }
    for (size_t i = 0; i < json_object_array_length(params); i++) {
        struct json_object *item = json_object_array_get_idx(params, i);
        if (!json_object_is_type(item, json_type_string)) {
            send_problem(sub, 2, "Invalid request: stream names must be strings", id, true);
            return;
        }
        if (add) subscribe(s, sub, json_object_get_string(item), now_us);
        else unsubscribe(s, sub, json_object_get_string(item));
    }
    send_result(sub, NULL, id);
}

static void property(struct subscriber *sub, bool set, struct json_object *params, struct json_object *id) {
    struct json_object *name = NULL, *value = NULL;
    if (json_object_is_type(params, json_type_array)) {
        name = json_object_array_get_idx(params, 0);
        value = json_object_array_get_idx(params, 1);
    }
    if (!json_object_is_type(name, json_type_string)) {
        send_problem(sub, 2, "Invalid request: property name must be a string", id, true);
    } else if (strcmp(json_object_get_string(name), "combined") != 0) {
        send_problem(sub, 0, "Unknown property", id, true);
    } else if (!set) {
        send_result(sub, json_object_new_boolean(sub->combined), id);
    } else if (!json_object_is_type(value, json_type_boolean)) {
        send_problem(sub, 1, "Invalid value type: expected Boolean", id, true);
    } else {
        sub->combined = json_object_get_boolean(value);
        send_result(sub, NULL, id);
    }
}

static void control(struct streams *s, struct subscriber *sub, struct json_object *o, int64_t now_us) {
    struct json_object *method = NULL, *params = NULL, *id = NULL;
    json_object_object_get_ex(o, "method", &method);
    json_object_object_get_ex(o, "params", &params);
    json_object_object_get_ex(o, "id", &id);
    if (!json_object_is_type(method, json_type_string)) {
        send_problem(sub, 2, "Invalid request: missing field `method` at line 1 column 1", id, true);
        return;
    }
    bool good_id = !id || json_object_is_type(id, json_type_string) ||
                   (json_object_is_type(id, json_type_int) && json_object_get_int64(id) >= 0);
    if (!good_id) {
        send_problem(sub, 2, "Invalid request: request ID must be an unsigned integer", id, true);
        return;
    }
    const char *name = json_object_get_string(method);
    if (strcmp(name, "SUBSCRIBE") == 0) change(s, sub, true, params, id, now_us);
    else if (strcmp(name, "UNSUBSCRIBE") == 0) change(s, sub, false, params, id, now_us);
    else if (strcmp(name, "LIST_SUBSCRIPTIONS") == 0) send_result(sub, subscriptions(sub), id);
    else if (strcmp(name, "SET_PROPERTY") == 0) property(sub, true, params, id);
    else if (strcmp(name, "GET_PROPERTY") == 0) property(sub, false, params, id);
    else {
        char text[200];
        snprintf(text, sizeof text, "Invalid request: unknown variant %.40s, expected one of SUBSCRIBE, UNSUBSCRIBE, "
                 "LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY at line 1 column %zu", name, strlen(name) + 12);
        send_problem(sub, 2, text, id, true);
    }
}

void streams_message(struct streams *s, struct subscriber *sub, const char *text, size_t size, int64_t now_us) {
    struct json_tokener *reader = json_tokener_new_ex(16);
    ASSERT(reader != NULL);
    struct json_object *o = json_tokener_parse_ex(reader, text, (int)size);
    bool whole = o && json_tokener_get_error(reader) == json_tokener_success && json_object_is_type(o, json_type_object);
    if (whole) {
        control(s, sub, o, now_us);
    } else {
        send_problem(sub, 3, "Invalid JSON: expected value at line 1 column 1", NULL, false);
        conn_close_websocket(sub->conn, 1008, "Invalid request");
    }
    json_object_put(o);
    json_tokener_free(reader);
}

void streams_frame(struct streams *s, struct subscriber *sub, int64_t now_us) {
    if (now_us - sub->second_us >= SECOND_US) {
        sub->second_us = now_us;
        sub->frames = 0;
    }
    if (++sub->frames > s->o.messages_per_second) conn_close_websocket(sub->conn, 1008, "Too many requests");
}

void streams_pong(struct streams *s, struct subscriber *sub, const char *payload, size_t size, int64_t now_us) {
    (void)s;
    char wanted[24];
    int length = snprintf(wanted, sizeof wanted, "%lld", (long long)(sub->pinged_us / 1000));
    if (size == (size_t)length && memcmp(payload, wanted, size) == 0) sub->ponged_us = now_us;   // unsolicited ones do not count
}

// ---- sending ----------------------------------------------------------------------------------------------------

static void make_room(char **text, size_t *room, size_t size) {
    if (size <= *room) return;
    *room = size * 2;
    *text = realloc(*text, *room);
    ASSERT(*text != NULL);
}

static void make(struct streams *s, int32_t kind, const void *record) {
    s->size = record_json(s->text, s->room, kind, record, s->symbols);
    if (s->size < s->room) return;
    make_room(&s->text, &s->room, s->size + 1);
    s->size = record_json(s->text, s->room, kind, record, s->symbols);
}

static size_t wrap(struct streams *s, const char *name) {
    make_room(&s->wrapped, &s->wrapped_room, s->size + strlen(name) + 32);
    int head = sprintf(s->wrapped, "{\"stream\":\"%s\",\"data\":", name);
    memcpy(s->wrapped + head, s->text, s->size);
    s->wrapped[(size_t)head + s->size] = '}';
    return (size_t)head + s->size + 1;
}

// One message to one subscriber, unless a fault strikes it.
static void deliver(struct streams *s, struct subscriber *sub, const char *text, size_t size, bool user_data, int64_t now_us) {
    const struct fault_rule *fate = s->faults->count > 0 ? faults_judge_stream(s->faults, user_data, now_us) : NULL;
    if (fate && fate->kind == FAULT_STREAM_GAP) return;
    if (fate && fate->kind == FAULT_STREAM_DROP) {
        conn_reset(sub->conn);
        return;
    }
    if (fate && fate->kind == FAULT_LISTEN_KEY_LOSS) {
        exchange_drop_listen_key(s->x);
        return;
    }
    conn_send(sub->conn, text, size);
    s->messages++;
    if (fate && fate->kind == FAULT_STREAM_TWICE) conn_send(sub->conn, text, size);
}

static void broadcast(struct streams *s, struct stream *t, int64_t now_us) {
    size_t wrapped = 0;
    for (int32_t i = 0; i < t->count; i++) {
        struct subscriber *sub = t->subs[i];
        if (!carries(s, sub->route, t->family)) continue;
        if (sub->combined && wrapped == 0) wrapped = wrap(s, t->name);
        deliver(s, sub, sub->combined ? s->wrapped : s->text, sub->combined ? wrapped : s->size, false, now_us);
    }
}

static void send_record(struct streams *s, struct stream *t, int32_t kind, const void *record, int64_t now_us) {
    make(s, kind, record);
    broadcast(s, t, now_us);
}

void streams_trade(struct streams *s, const struct trade_record *trade, int64_t now_us) {
    if (!s->all) return;
    char name[NAME_MAX_SIZE];
    size_t at = 0;
    for (const char *c = s->symbols[trade->symbol].name; *c; c++) name[at++] = (char)tolower((unsigned char)*c);
    memcpy(name + at, "@trade", 7);
    struct stream *t = NULL;
    HASH_FIND_STR(s->all, name, t);
    if (!t) return;
    struct trade_event e = { now_us, *trade };
    send_record(s, t, RECORD_TRADE_EVENT, &e, now_us);
}

// Sums of trades that can grow no more.
static void push_aggregates(struct streams *s, struct stream *t, int64_t now_us) {
    const struct tape *tape = exchange_tape(s->x, t->symbol);
    if (tape->aggregate_count - t->last_id > TAPE_AGGREGATES) t->last_id = tape->aggregate_count - TAPE_AGGREGATES;
    while (t->last_id < tape->aggregate_count) {
        const struct agg_trade_record *a = &tape->aggregates[t->last_id % TAPE_AGGREGATES];
        bool last = t->last_id == tape->aggregate_count - 1;
        if (last && now_us - a->time_us < 100000) break;
        t->last_id++;
        struct agg_trade_event e = { now_us, *a };
        send_record(s, t, RECORD_AGG_TRADE_EVENT, &e, now_us);
    }
}

static void send_kline(struct streams *s, struct stream *t, int64_t at_us, bool closed, int64_t now_us) {
    struct kline_event e = { .event_us = now_us, .interval = t->interval, .closed = closed };
    if (!tape_bar(exchange_tape(s->x, t->symbol), t->interval, at_us, &e.bar, &e.first_id, &e.last_id)) return;
    if (e.first_id == 0 && e.bar.trades == 0) e.last_id = -1, e.first_id = -1;
    send_record(s, t, t->family == STREAM_KLINE ? RECORD_KLINE_EVENT : RECORD_CONTINUOUS_KLINE_EVENT, &e, now_us);
}

static void push_kline(struct streams *s, struct stream *t, int64_t now_us) {
    struct tape *tape = exchange_tape(s->x, t->symbol);
    tape_fill(tape, now_us);
    int64_t open_us = interval_floor(t->interval, now_us);
    if (t->last_id != 0 && open_us > t->last_id) send_kline(s, t, t->last_id, true, now_us);   // the bar before is final
    bool changed = tape->trade_count != t->last_seen || t->last_id != open_us;
    t->last_seen = tape->trade_count;
    t->last_id = open_us;
    if (changed) send_kline(s, t, now_us, false, now_us);
}

// Rows of the exchange's own replies: market data as it tells it, at no weight.
static void push_mark(struct streams *s, struct stream *t, int64_t now_us) {
    struct mark_event events[EXCHANGE_SYMBOLS_MAX];
    int32_t first = t->symbol >= 0 ? t->symbol : 0, count = t->symbol >= 0 ? 1 : s->symbol_count;
    for (int32_t i = 0; i < count; i++) {
        events[i].event_us = now_us;
        exchange_mark(s->x, (int16_t)(first + i), &events[i].mark);
    }
    if (t->symbol >= 0) {
        send_record(s, t, RECORD_MARK_EVENT, events, now_us);
        return;
    }
    make_room(&s->text, &s->room, (size_t)count * 512);
    s->size = record_json_list(s->text, s->room, RECORD_MARK_EVENT, events, count, s->symbols);
    broadcast(s, t, now_us);
}

static void push_ticker(struct streams *s, struct stream *t, int64_t now_us) {
    struct ticker_event events[EXCHANGE_SYMBOLS_MAX];
    int32_t kind = t->family == STREAM_TICKER ? RECORD_TICKER_EVENT : RECORD_MINI_TICKER_EVENT, count = 0;
    int64_t seen = 0;
    for (int32_t i = 0; i < s->symbol_count; i++) {
        if (t->symbol >= 0 && i != t->symbol) continue;
        seen += exchange_tape(s->x, (int16_t)i)->trade_count;
        events[count].event_us = now_us;
        exchange_ticker(s->x, (int16_t)i, &events[count++].ticker);
    }
    if (seen == t->last_seen) return;
    t->last_seen = seen;
    if (t->symbol >= 0) {
        send_record(s, t, kind, events, now_us);
        return;
    }
    make_room(&s->text, &s->room, (size_t)count * 640);
    s->size = record_json_list(s->text, s->room, kind, events, count, s->symbols);
    broadcast(s, t, now_us);
}

// The best prices, when they or their quantities have changed.
static void push_book_ticker(struct streams *s, struct stream *t, int64_t now_us) {
    for (int32_t i = 0; i < s->symbol_count; i++) {
        if (t->symbol >= 0 && i != t->symbol) continue;
        const struct book *b = exchange_book_of(s->x, (int16_t)i);
        const struct level_record *bid = book_level(b, SIDE_BUY, 0), *ask = book_level(b, SIDE_SELL, 0);
        if (!bid || !ask || (t->symbol >= 0 && b->update_id == t->last_id)) continue;
        int64_t seen = bid->price_e8 * 31 + bid->qty_e8 * 37 + ask->price_e8 * 41 + ask->qty_e8;
        t->last_id = b->update_id;
        if (t->symbol >= 0 && seen == t->last_seen) continue;
        t->last_seen = seen;
        struct ticker_event e = { now_us, { .bid_e8 = bid->price_e8, .bid_qty_e8 = bid->qty_e8, .ask_e8 = ask->price_e8,
                                            .ask_qty_e8 = ask->qty_e8, .time_us = now_us, .update_id = b->update_id,
                                            .symbol = (int16_t)i } };
        send_record(s, t, RECORD_BOOK_TICKER_EVENT, &e, now_us);
    }
}

static void push_depth(struct streams *s, struct stream *t, int64_t now_us) {
    const struct book *b = exchange_book_of(s->x, t->symbol);
    if (b->update_id == t->last_id) return;
    struct depth_event e = { .event_us = now_us, .transaction_us = now_us, .first_id = t->last_id + 1,
                             .last_id = b->update_id, .previous_id = t->last_id, .symbol = t->symbol,
                             .bids = s->sides[SIDE_BUY], .asks = s->sides[SIDE_SELL] };
    int32_t counts[SIDE_COUNT] = { 0, 0 };
    if (t->family == STREAM_DEPTH) {
        int32_t rows = book_changes(b, t->last_id, s->diff, DIFF_MAX);
        t->last_id = b->update_id;
        if (rows < 0 || rows == DIFF_MAX) return;   // too much to tell: the chain breaks, and readers begin anew
        for (int32_t i = 0; i < rows; i++) {
            struct book_diff *d = &s->diff[i];
            s->sides[d->side][counts[d->side]++] = (struct level_record){ d->price_e8, d->qty_e8 };
        }
    } else {
        t->last_id = b->update_id;
        const struct level_record *level;
        for (int k = 0; k < SIDE_COUNT; k++) {
            while (counts[k] < t->levels && (level = book_level(b, k, counts[k])) != NULL) s->sides[k][counts[k]++] = *level;
        }
    }
    e.bid_count = counts[SIDE_BUY];
    e.ask_count = counts[SIDE_SELL];
    send_record(s, t, RECORD_DEPTH_EVENT, &e, now_us);
}

static void push(struct streams *s, struct stream *t, int64_t now_us) {
    switch (t->family) {
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

// ---- the user data stream ---------------------------------------------------------------------------------------

static bool wants(const struct user_key *k, const char *event) {
    if (!k->events[0]) return true;
    size_t size = strlen(event);
    for (const char *at = k->events; (at = strstr(at, event)) != NULL; at += size) {
        bool starts = at == k->events || at[-1] == '/', ends = at[size] == 0 || at[size] == '/';
        if (starts && ends) return true;
    }
    return false;
}

static void send_user(struct streams *s, const char *event, int64_t now_us) {
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

static void send_force_order(struct streams *s, const struct order_update_record *u, int64_t now_us) {
    char name[NAME_MAX_SIZE];
    size_t at = 0;
    for (const char *c = s->symbols[u->order.symbol].name; *c; c++) name[at++] = (char)tolower((unsigned char)*c);
    memcpy(name + at, "@forceOrder", 12);
    const char *names[] = { name, "!forceOrder@arr" };
    for (int i = 0; i < 2; i++) {
        struct stream *t = NULL;
        HASH_FIND_STR(s->all, names[i], t);
        if (t) send_record(s, t, RECORD_FORCE_ORDER_EVENT, u, now_us);
    }
}

void streams_user_event(struct streams *s, int32_t kind, const void *record, int64_t now_us) {
    const struct order_update_record *u = kind == RECORD_ORDER_UPDATE ? record : NULL;
    if (u && u->execution == EXEC_TRADE) {
        make(s, RECORD_TRADE_LITE, record);
        send_user(s, "TRADE_LITE", now_us);
    }
    if (u && u->execution == EXEC_CALCULATED && s->all) send_force_order(s, u, now_us);
    make(s, kind, record);
    const char *event = kind == RECORD_ORDER_UPDATE ? "ORDER_TRADE_UPDATE" : kind == RECORD_ALGO_UPDATE ? "ALGO_UPDATE" :
                        kind == RECORD_ACCOUNT_UPDATE ? "ACCOUNT_UPDATE" :
                        kind == RECORD_CONFIG_UPDATE ? "ACCOUNT_CONFIG_UPDATE" : "MARGIN_CALL";
    send_user(s, event, now_us);
}

static void expire_keys(struct streams *s, struct subscriber *sub, int64_t now_us) {
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

// ---- time -------------------------------------------------------------------------------------------------------

static void look_after(struct streams *s, struct subscriber *sub, int64_t now_us) {
    expire_keys(s, sub, now_us);
    if (now_us - sub->opened_us >= s->o.life_us) {
        conn_close_websocket(sub->conn, 1001, "The connection has lived its life");
    } else if (now_us - sub->ponged_us > s->o.ping_us * 10 / 3) {
        conn_close_websocket(sub->conn, 1008, "Pong timeout");
    } else if (now_us - sub->pinged_us >= s->o.ping_us) {
        char payload[24];
        int size = snprintf(payload, sizeof payload, "%lld", (long long)(now_us / 1000));
        sub->pinged_us = now_us;
        conn_ping(sub->conn, payload, (size_t)size);
    }
}

void streams_pump(struct streams *s, int64_t now_us) {
    for (struct stream *t = s->all; t; t = t->hh.next) {
        if (t->every_us == 0) {
            if (t->family == STREAM_BOOK_TICKER) push_book_ticker(s, t, now_us);
            continue;
        }
        if (now_us < t->next_us) continue;
        t->next_us = now_us - now_us % t->every_us + t->every_us;
        push(s, t, now_us);
    }
    if (now_us - s->checked_us < 100000) return;
    s->checked_us = now_us;
    for (struct subscriber *sub = s->subs; sub; sub = sub->next) look_after(s, sub, now_us);
}
