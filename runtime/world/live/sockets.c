// sockets.c: the connections that streams come by.
//
//                open                 opened
//     CLOSED ------------> OPENING ------------> RUNNING --renew_us--> RUNNING with `next` opening beside it
//        ^  retry_us         |                     |  ^                   |  opened, names confirmed: next_ready
//        +-------------------+---------------------+  |                   |  (what it brings is held)
//          closed: later, by reconnect.h              +-------------------+  switch_us, or the old one broke:
//                                                        take_over, then what was held is looked at
//
// The user stream has no address of its own: to open it is to ask for a listen key first (`reopen`).
#include "world/live/sockets.h"

#include "execution/reconnect.h"
#include "world/live/log_lines.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 10000, NAMES_A_MESSAGE = 200 };
#define OVERLAP_US INT64_C(1000000)
#define NAMES_EVERY_US INT64_C(250000)

struct held_text {
    char *text;
    size_t size;
};

struct stream {
    const struct live_socket_user *user;
    struct ws_client *socket;
    struct ws_client *next;   // takes over before the exchange ends the old one
    uint8_t state;            // enum stream_state
    bool was_open, next_ready;
    int64_t retry_us, renew_us, switch_us;
    struct reconnect reopen;
    char **names;   // subscribed to
    int32_t name_count, name_size, name_sent;
    int64_t name_us;          // not before: messages to the exchange are rationed
    struct held_text *held;   // what `next` has brought until it takes over
    int32_t held_count, held_size;
};

struct live_sockets {
    struct stream streams[STREAM_COUNT];
    char listen_key[80];
};

static void on_message(void *ctx, struct ws_client *w, const char *text, size_t size);
static void on_opened(void *ctx, struct ws_client *w);
static void on_closed(void *ctx, struct ws_client *w, const char *why);

static const char *const paths[STREAM_COUNT] = { "/market/ws", "/public/ws", "/private/ws/" };
static const char *const titles[STREAM_COUNT] = { "market stream", "public stream", "user stream" };

static enum stream_which which_of(const struct live *l, const struct stream *s) {
    return (enum stream_which)(s - l->sockets->streams);
}

static struct stream *stream_of(struct live *l, const struct ws_client *w) {
    struct stream *s = l->sockets->streams;
    while (s->socket != w && s->next != w) s++;
    return s;
}

static bool connect_to(struct live *l, const struct stream *s, struct ws_client **out, struct errmsg *e) {
    char url[2048];
    enum stream_which which = which_of(l, s);
    snprintf(url, sizeof url, "%s%s%s", l->o.stream_url, paths[which],
             which == STREAM_USER ? l->sockets->listen_key : "");
    struct ws_options o = { .url = url,
                            .proxy = l->o.proxy,
                            .ca_file = l->o.ca_file,
                            .connect_timeout_ms = CONNECT_MS,
                            .silence_ms = l->o.stream_silence_us / 1000 };
    struct ws_hooks hooks = { l, on_opened, on_message, on_closed };
    return l->network.ws_open(l->network.ctx, &o, &hooks, out, e) == ERR_OK;
}

static void retry_later(struct live *l, struct stream *s, const char *why) {
    s->state = STREAM_CLOSED;
    int64_t now = live_now(l), wait_us = reconnect_closed(&s->reopen, now);
    s->retry_us = now + wait_us;
    live_log_warn(l, "%s: %s; again in %.1f s", titles[which_of(l, s)], why, (double)wait_us / 1e6);
}

static void open_stream(struct live *l, struct stream *s) {
    struct errmsg e;
    s->retry_us = 0;
    if (connect_to(l, s, &s->socket, &e))
        s->state = STREAM_OPENING;
    else
        retry_later(l, s, e.text);
}

void live_sockets_expect_user(struct live *l) { l->sockets->streams[STREAM_USER].state = STREAM_OPENING; }

void live_sockets_open_user(struct live *l, const char *listen_key) {
    snprintf(l->sockets->listen_key, sizeof l->sockets->listen_key, "%s", listen_key);
    open_stream(l, &l->sockets->streams[STREAM_USER]);
}

void live_sockets_retry_user(struct live *l) {
    retry_later(l, &l->sockets->streams[STREAM_USER], "could not get a listen key");
}

// ---- names ----

// They go by SUBSCRIBE: an address has an end.
static void send_names(struct live *l, const struct stream *s, struct ws_client *w, int32_t first) {
    for (int32_t at = first; at < s->name_count; at += NAMES_A_MESSAGE) {
        struct json_object *o = json_object_new_object(), *list = json_object_new_array();
        int32_t end = at + NAMES_A_MESSAGE < s->name_count ? at + NAMES_A_MESSAGE : s->name_count;
        for (int32_t i = at; i < end; i++) json_object_array_add(list, json_object_new_string(s->names[i]));
        json_object_object_add(o, "method", json_object_new_string("SUBSCRIBE"));
        json_object_object_add(o, "params", list);
        json_object_object_add(o, "id", json_object_new_int(end));
        const char *text =
            json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
        l->network.ws_send(w, text, strlen(text));
        json_object_put(o);
    }
}

static void send_new_names(struct live *l, struct stream *s, int64_t now_us) {
    send_names(l, s, s->socket, s->name_sent);
    if (s->next && l->network.ws_is_open(s->next)) send_names(l, s, s->next, s->name_sent);
    s->name_sent = s->name_count;
    s->name_us = now_us + NAMES_EVERY_US;
}

void live_sockets_subscribe(struct live *l, enum stream_which which, const char *name) {
    struct stream *s = &l->sockets->streams[which];
    for (int32_t i = 0; i < s->name_count; i++) {
        if (strcmp(s->names[i], name) == 0) return;
    }
    if (s->name_count == s->name_size) {
        s->name_size = s->name_size ? s->name_size * 2 : 16;
        s->names = realloc(s->names, sizeof *s->names * (size_t)s->name_size);
        ASSERT(s->names != NULL);
    }
    s->names[s->name_count] = strdup(name);
    ASSERT(s->names[s->name_count] != NULL);
    s->name_count++;
    if (l->started && s->state == STREAM_CLOSED && s->retry_us == 0) open_stream(l, s);
}

// ---- replacing a connection before its end ----

static void drop_held(struct stream *s) {
    for (int32_t i = 0; i < s->held_count; i++) free(s->held[i].text);
    s->held_count = 0;
}

static void drop_next(struct live *l, struct stream *s) {
    if (s->next) l->network.ws_close(s->next);
    s->next = NULL;
    s->next_ready = false;
    s->switch_us = 0;
    drop_held(s);
}

static void hold(struct stream *s, const char *text, size_t size) {
    if (s->held_count == s->held_size) {
        s->held_size = s->held_size ? s->held_size * 2 : 64;
        s->held = realloc(s->held, sizeof *s->held * (size_t)s->held_size);
        ASSERT(s->held != NULL);
    }
    char *copy = malloc(size + 1);
    ASSERT(copy != NULL);
    memcpy(copy, text, size);
    copy[size] = 0;
    s->held[s->held_count++] = (struct held_text){ copy, size };
}

static int64_t overlap_us(const struct live *l) {
    return l->o.stream_age_us / 4 < OVERLAP_US ? l->o.stream_age_us / 4 : OVERLAP_US;
}

static void next_is_ready(struct live *l, struct stream *s) {
    s->next_ready = true;
    s->switch_us = live_now(l) + overlap_us(l);   // what was on its way to the old one arrives meanwhile
}

static void handle(struct live *l, struct stream *s, const char *text, size_t size);

// The new connection takes over. What it brought is looked at now: what the old one told too is known by its
// number.
static void take_over(struct live *l, struct stream *s) {
    struct held_text *held = s->held;
    int32_t count = s->held_count;
    if (s->socket) l->network.ws_close(s->socket);
    s->socket = s->next;
    s->next = NULL;
    s->next_ready = false;
    s->switch_us = 0;
    s->held = NULL;
    s->held_count = s->held_size = 0;
    s->state = STREAM_RUNNING;
    s->renew_us = live_now(l) + l->o.stream_age_us;
    for (int32_t i = 0; i < count; i++) {
        handle(l, s, held[i].text, held[i].size);
        free(held[i].text);
    }
    free(held);
}

static void renew(struct live *l, struct stream *s, int64_t now_us) {
    s->renew_us = now_us + l->o.stream_age_us / 16 + 1;   // should this attempt fail
    struct errmsg e;
    if (!connect_to(l, s, &s->next, &e)) s->next = NULL;
}

// ---- events of connections ----

static void opened(struct live *l, struct stream *s, bool again) {
    if (again) l->figures.stream_reconnects++;
    s->user->opened(l, which_of(l, s), again);
}

static void on_opened(void *ctx, struct ws_client *w) {
    struct live *l = ctx;
    struct stream *s = stream_of(l, w);
    live_wake(l);
    if (w == s->next) {
        if (s->name_count > 0)
            send_names(l, s, w, 0);
        else
            next_is_ready(l, s);
        return;
    }
    bool again = s->was_open;
    s->state = STREAM_RUNNING;
    reconnect_opened(&s->reopen, live_now(l));
    if (again) live_log_info(l, "%s: connected again", titles[which_of(l, s)]);
    s->was_open = true;
    s->renew_us = live_now(l) + l->o.stream_age_us;
    s->name_sent = 0;
    if (s->name_count > 0) send_new_names(l, s, live_now(l));
    opened(l, s, again);
}

static void on_closed(void *ctx, struct ws_client *w, const char *why) {
    struct live *l = ctx;
    struct stream *s = stream_of(l, w);
    live_wake(l);
    if (w == s->next) {
        live_log_info(l, "%s: the connection that was to replace it: %s", titles[which_of(l, s)], why);
        drop_next(l, s);
        return;
    }
    l->network.ws_close(w);
    s->socket = NULL;
    if (s->next_ready) {
        // What was on its way to the old one is lost: a gap, but a short one.
        live_log_info(l, "%s: %s; its replacement takes over", titles[which_of(l, s)], why);
        opened(l, s, true);
        take_over(l, s);
        return;
    }
    drop_next(l, s);
    retry_later(l, s, why);
    if (s->user->closed) s->user->closed(l, which_of(l, s));
}

void live_sockets_break(struct live *l, enum stream_which which, const char *why) {
    struct stream *s = &l->sockets->streams[which];
    drop_next(l, s);
    if (s->socket) on_closed(l, s->socket, why);
}

static void handle(struct live *l, struct stream *s, const char *text, size_t size) {
    if (json_parse(&l->heard, text, size) != ERR_OK) {
        // Whatever it told is lost: as after a cut, what was missed is asked for.
        live_log_malformed(l, titles[which_of(l, s)], text, size);
        live_sockets_break(l, which_of(l, s), "a message that is not JSON");
        return;
    }
    if (json_get(&l->heard, 0, "e", NULL) == JSON_NONE) {   // an answer to SUBSCRIBE
        bool good = json_get(&l->heard, 0, "result", NULL) != JSON_NONE &&
                    json_get(&l->heard, 0, "error", NULL) == JSON_NONE;
        if (!good) live_log_malformed(l, titles[which_of(l, s)], text, size);
        return;
    }
    s->user->message(l, &l->heard);
}

static void on_message(void *ctx, struct ws_client *w, const char *text, size_t size) {
    struct live *l = ctx;
    struct stream *s = stream_of(l, w);
    live_now(l);
    live_wake(l);
    l->figures.stream_messages++;
    if (w != s->next) {
        handle(l, s, text, size);
        return;
    }
    hold(s, text, size);
    bool answer = !s->next_ready && s->name_count > 0 && size < 64 &&
                  strstr(s->held[s->held_count - 1].text, "\"result\":null");
    if (answer) next_is_ready(l, s);
}

// ---- time ----

void live_sockets_pump(struct live *l, int64_t now_us) {
    if (l->ended || !l->started) return;
    for (int which = 0; which < STREAM_COUNT; which++) {
        struct stream *s = &l->sockets->streams[which];
        if (s->state == STREAM_CLOSED && s->retry_us != 0 && now_us >= s->retry_us) {
            if (s->user->reopen)
                s->user->reopen(l);
            else
                open_stream(l, s);
        }
        if (s->state != STREAM_RUNNING) continue;
        if (!s->next && now_us >= s->renew_us) renew(l, s, now_us);
        if (s->next_ready && now_us >= s->switch_us) {
            l->figures.stream_swaps++;
            take_over(l, s);
        }
        if (s->name_sent < s->name_count && now_us >= s->name_us) send_new_names(l, s, now_us);
    }
}

int64_t live_sockets_next_us(const struct live *l) {
    int64_t due = INT64_MAX;
    if (l->ended || !l->started) return due;
    for (int which = 0; which < STREAM_COUNT; which++) {
        const struct stream *s = &l->sockets->streams[which];
        if (s->state == STREAM_CLOSED && s->retry_us != 0 && s->retry_us < due) due = s->retry_us;
        if (s->state != STREAM_RUNNING) continue;
        if (!s->next && s->renew_us < due) due = s->renew_us;
        if (s->next_ready && s->switch_us < due) due = s->switch_us;
        if (s->name_sent < s->name_count && s->name_us < due) due = s->name_us;
    }
    return due;
}

// "btcusdt@kline_1m"
void live_sockets_subscribe_symbol(struct live *l, enum stream_which which, int16_t symbol,
                                   const char *rest) {
    char name[96];
    size_t at = 0;
    for (const char *c = l->symbols[symbol].name; *c; c++) name[at++] = (char)tolower((unsigned char)*c);
    snprintf(name + at, sizeof name - at, "@%s", rest);
    live_sockets_subscribe(l, which, name);
}

bool live_sockets_running(const struct live *l, enum stream_which which) {
    return l->sockets->streams[which].state == STREAM_RUNNING;
}

bool live_sockets_up(const struct live *l, enum stream_which which) {
    return l->sockets->streams[which].name_count == 0 || live_sockets_running(l, which);
}

void live_sockets_use(struct live *l, enum stream_which which, const struct live_socket_user *user) {
    l->sockets->streams[which].user = user;
}

int live_sockets_open(struct live *l, struct errmsg *e) {
    (void)e;
    l->sockets = alloc_zeroed(1, sizeof *l->sockets);
    return ERR_OK;
}

void live_sockets_close(struct live *l) { free(l->sockets); }

void live_sockets_stop(struct live *l) {
    for (int which = 0; which < STREAM_COUNT; which++) {
        struct stream *s = &l->sockets->streams[which];
        drop_next(l, s);
        if (s->socket) l->network.ws_close(s->socket);
        s->socket = NULL;
        for (int32_t i = 0; i < s->name_count; i++) free(s->names[i]);
        free(s->names);
        free(s->held);
        *s = (struct stream){ 0 };
    }
}
