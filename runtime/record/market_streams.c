// market_streams.c: a loop with connections and requests, and a queue of what they brought.
#include "record/market_streams.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "net/http_client.h"
#include "net/ws_client.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CONNECT_MS = 10000, ASK_MS = 20000, SIGNALS = 2 };

struct input {
    struct market_input in;   // its text is one of its own
    struct input *next;
};

struct market_streams {
    uv_loop_t loop;
    uv_timer_t timer;
    uv_signal_t signals[SIGNALS];
    struct market_streams_options o;
    char *proxy, *ca_file;
    struct http_client *http;
    struct ws_client *sockets[MARKET_CONNECTIONS_MAX];
    struct input *first, *last, *given;
    bool timed_out;
};

static void put(struct market_streams *m, struct market_input in) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct input *i = alloc_bytes(sizeof *i);
    in.time_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    char *text = alloc_bytes(in.size + 1);
    if (in.size) memcpy(text, in.text, in.size);
    text[in.size] = '\0';
    in.text = text;
    *i = (struct input){ .in = in };
    if (m->last)
        m->last->next = i;
    else
        m->first = i;
    m->last = i;
}

static void drop(struct input *i) {
    if (!i) return;
    free((void *)(uintptr_t)i->in.text);
    free(i);
}

static int32_t number_of(const struct market_streams *m, const struct ws_client *w) {
    int32_t i = 0;
    while (m->sockets[i] != w) i++;
    ASSERT(i < MARKET_CONNECTIONS_MAX);
    return i;
}

static void on_opened(void *ctx, struct ws_client *w) {
    struct market_streams *m = ctx;
    put(m, (struct market_input){ .kind = MARKET_INPUT_OPENED, .number = number_of(m, w) });
}

static void on_message(void *ctx, struct ws_client *w, const char *text, size_t size) {
    struct market_streams *m = ctx;
    put(m, (struct market_input){
               .kind = MARKET_INPUT_TEXT, .number = number_of(m, w), .text = text, .size = size });
}

static void on_closed(void *ctx, struct ws_client *w, const char *why) {
    struct market_streams *m = ctx;
    int32_t number = number_of(m, w);
    put(m, (struct market_input){
               .kind = MARKET_INPUT_CLOSED, .number = number, .text = why, .size = strlen(why) });
    m->sockets[number] = NULL;
    ws_client_close(w);
}

static void on_answer(void *ctx, void *user, const struct http_answer *a) {
    struct market_input in = { .kind = MARKET_INPUT_ANSWER, .number = (int64_t)(intptr_t)user };
    in.retry_after_s = a->retry_after_s;
    if (a->fate == HTTP_ANSWERED) {
        in.status = a->status;
        in.text = a->body;
        in.size = a->size;
    } else {
        in.text = a->problem ? a->problem : "no answer";
        in.size = strlen(in.text);
    }
    put(ctx, in);
}

static void on_signal(uv_signal_t *s, int number) {
    put(s->data, (struct market_input){ .kind = MARKET_INPUT_SIGNAL, .number = number });
}

static void on_timer(uv_timer_t *t) { ((struct market_streams *)t->data)->timed_out = true; }

int market_streams_new(const struct market_streams_options *o, struct market_streams **out,
                       struct errmsg *e) {
    struct market_streams *m = alloc_zeroed(1, sizeof *m);
    m->proxy = o->proxy ? alloc_text(o->proxy) : NULL;
    m->ca_file = o->ca_file ? alloc_text(o->ca_file) : NULL;
    m->o = (struct market_streams_options){ m->proxy, m->ca_file, o->silence_ms };
    MUST(uv_loop_init(&m->loop) == 0);
    MUST(uv_timer_init(&m->loop, &m->timer) == 0);
    m->timer.data = m;
    static const int numbers[SIGNALS] = { SIGINT, SIGTERM };
    for (int i = 0; i < SIGNALS; i++) {
        MUST(uv_signal_init(&m->loop, &m->signals[i]) == 0);
        m->signals[i].data = m;
        MUST(uv_signal_start(&m->signals[i], on_signal, numbers[i]) == 0);
    }
    struct http_client_options h = {
        .proxy = m->proxy, .ca_file = m->ca_file, .connect_timeout_ms = CONNECT_MS, .timeout_ms = ASK_MS
    };
    int err = http_client_new(&m->loop, &h, on_answer, m, &m->http, e);
    if (err) {
        m->http = NULL;
        market_streams_free(m);
        return err;
    }
    *out = m;
    return ERR_OK;
}

void market_streams_free(struct market_streams *m) {
    if (!m) return;
    for (int i = 0; i < MARKET_CONNECTIONS_MAX; i++)
        if (m->sockets[i]) ws_client_close(m->sockets[i]);
    if (m->http) http_client_close(m->http);
    for (int i = 0; i < SIGNALS; i++) uv_close((uv_handle_t *)&m->signals[i], NULL);
    uv_close((uv_handle_t *)&m->timer, NULL);
    uv_run(&m->loop, UV_RUN_DEFAULT);
    if (m->http) http_client_free(m->http);
    MUST(uv_loop_close(&m->loop) == 0);
    for (struct input *i = m->first, *next; i; i = next) {
        next = i->next;
        drop(i);
    }
    drop(m->given);
    free(m->proxy);
    free(m->ca_file);
    free(m);
}

int market_streams_connect(struct market_streams *m, int32_t number, const char *url, struct errmsg *e) {
    ASSERT(number >= 0 && number < MARKET_CONNECTIONS_MAX && !m->sockets[number]);
    struct ws_options o = { .url = url,
                            .proxy = m->proxy,
                            .ca_file = m->ca_file,
                            .connect_timeout_ms = CONNECT_MS,
                            .silence_ms = m->o.silence_ms };
    struct ws_hooks hooks = { m, on_opened, on_message, on_closed };
    return ws_client_open(&m->loop, &o, &hooks, &m->sockets[number], e);
}

int market_streams_ask(struct market_streams *m, int64_t number, const char *url, struct errmsg *e) {
    struct http_call call = { .method = "GET", .url = url, .long_answer = true };
    if (!http_send(m->http, &call, (void *)(intptr_t)number))
        return errmsg_set(e, ERR_NO_MEMORY, "no memory for a request");
    return ERR_OK;
}

bool market_streams_next(struct market_streams *m, int64_t timeout_us, struct market_input *out) {
    drop(m->given);
    m->given = NULL;
    m->timed_out = false;
    if (m->first)
        uv_run(&m->loop, UV_RUN_NOWAIT);   // signals and arrivals are stamped while a queue is worked off
    else
        uv_timer_start(&m->timer, on_timer, (uint64_t)(timeout_us / 1000), 0);
    while (!m->first && !m->timed_out) uv_run(&m->loop, UV_RUN_ONCE);
    uv_timer_stop(&m->timer);
    if (!m->first) return false;
    m->given = m->first;
    m->first = m->given->next;
    if (!m->first) m->last = NULL;
    *out = m->given->in;
    return true;
}
