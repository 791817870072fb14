// probe.c: requests one at a time, without a run.
#include "world/live/probe.h"

#include "net/network.h"
#include "venue/binance/header_name.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

enum { CONNECT_MS = 5000 };

struct probe {
    uv_loop_t loop;
    struct live_clock time;
    struct network network;
    struct http_client *http;
    int64_t timeout_us;
    char *ca_file, *proxy;
    char *body;
    struct probe_answer *answer;
    char problem[300];
    bool done, answered;
};

// libuv runs timers before it sleeps: an answer that one of them brought about must not wait for a next
// event.
static void settle(struct probe *p) {
    p->done = true;
    if (p->time.wake)
        p->time.wake(p->time.ctx);
    else
        uv_stop(&p->loop);
}

static void wait_for_it(struct probe *p) {
    while (!p->done) {
        if (p->time.wait)
            p->time.wait(p->time.ctx, &p->loop, INT64_MAX);
        else
            uv_run(&p->loop, UV_RUN_ONCE);
    }
}

static void on_answer(void *ctx, void *user, const struct http_answer *a) {
    struct probe *p = ctx;
    (void)user;
    settle(p);
    p->answered = a->fate == HTTP_ANSWERED && (p->body = malloc(a->size + 1)) != NULL;
    snprintf(p->problem, sizeof p->problem, "%s", a->problem);
    if (!p->answered) return;
    memcpy(p->body, a->body, a->size);
    p->body[a->size] = 0;
    *p->answer =
        (struct probe_answer){ a->status, a->used_weight_1m, a->retry_after_s, a->took_us, p->body, a->size };
}

int probe_new(const struct probe_options *o, struct probe **out, struct errmsg *e) {
    struct probe *p = calloc(1, sizeof *p);
    if (!p) return errmsg_set(e, ERR_NO_MEMORY, "no memory for a request");
    uv_loop_init(&p->loop);
    p->time = o->clock ? *o->clock : live_clock_system();
    p->network = o->network ? *o->network : network_system(&p->loop);
    p->timeout_us = o->timeout_us;
    p->ca_file = o->ca_file ? strdup(o->ca_file) : NULL;
    p->proxy = o->proxy ? strdup(o->proxy) : NULL;
    struct http_client_options http = { .proxy = o->proxy,
                                        .ca_file = o->ca_file,
                                        .connect_timeout_ms = CONNECT_MS,
                                        .timeout_ms = o->timeout_us / 1000,
                                        .used = { .weight_1m = HEADER_USED_WEIGHT_1M } };
    int err = p->network.http_new(p->network.ctx, &http, on_answer, p, &p->http, e);
    if (err) {
        probe_free(p);
        return err;
    }
    *out = p;
    return ERR_OK;
}

void probe_free(struct probe *p) {
    if (!p) return;
    if (p->http) p->network.http_close(p->http);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    if (p->http) p->network.http_free(p->http);
    uv_loop_close(&p->loop);
    free(p->body);
    free(p->ca_file);
    free(p->proxy);
    free(p);
}

int probe_ask(struct probe *p, const char *method, const char *url, const char *key, struct probe_answer *out,
              struct errmsg *e) {
    char header[300];
    struct http_call call = { .method = method, .url = url, .long_answer = true };
    if (key) {
        snprintf(header, sizeof header, HEADER_API_KEY ": %s", key);
        call.headers[0] = header;
    }
    free(p->body);
    p->body = NULL;
    p->done = p->answered = false;
    p->answer = out;
    if (!p->network.http_send(p->http, &call, p))
        return errmsg_set(e, ERR_NO_MEMORY, "no memory for a request");
    wait_for_it(p);
    if (p->answered) return ERR_OK;
    // A signed address stays out of the message.
    return errmsg_set(e, ERR_IO, "%.*s: %s", (int)strcspn(url, "?"), url,
                      p->problem[0] ? p->problem : "no memory for the answer");
}

static void on_rested(uv_timer_t *t) { (void)t; }

void probe_wait(struct probe *p, int64_t us) {
    int64_t until_us = p->time.now_us(p->time.ctx) + us;
    uv_timer_t timer;
    uv_timer_init(&p->loop, &timer);
    while (p->time.now_us(p->time.ctx) < until_us) {
        if (p->time.wait) {
            p->time.wait(p->time.ctx, &p->loop, until_us);
            continue;
        }
        int64_t left_us = until_us - p->time.now_us(p->time.ctx);
        uv_update_time(&p->loop);
        uv_timer_start(&timer, on_rested, left_us > 0 ? (uint64_t)(left_us + 999) / 1000 : 0, 0);
        uv_run(&p->loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&p->loop, UV_RUN_NOWAIT);
}

static void on_opened(void *ctx, struct ws_client *w) {
    struct probe *p = ctx;
    (void)w;
    settle(p);
    p->answered = true;
}

static void on_message(void *ctx, struct ws_client *w, const char *text, size_t size) {
    (void)ctx, (void)w, (void)text, (void)size;
}

static void on_closed(void *ctx, struct ws_client *w, const char *why) {
    struct probe *p = ctx;
    (void)w;
    settle(p);
    snprintf(p->problem, sizeof p->problem, "%s", why);
}

int probe_stream(struct probe *p, const char *url, int64_t *took_us, struct errmsg *e) {
    struct ws_options o = {
        .url = url, .proxy = p->proxy, .ca_file = p->ca_file, .connect_timeout_ms = p->timeout_us / 1000
    };
    struct ws_hooks hooks = { p, on_opened, on_message, on_closed };
    struct ws_client *w;
    int64_t start_us = p->time.now_us(p->time.ctx);
    p->done = p->answered = false;
    int err = p->network.ws_open(p->network.ctx, &o, &hooks, &w, e);
    if (err) return err;
    wait_for_it(p);
    *took_us = p->time.now_us(p->time.ctx) - start_us;
    p->network.ws_close(w);
    return p->answered ? ERR_OK : errmsg_set(e, ERR_IO, "%s: %s", url, p->problem);
}

int64_t probe_free_bytes(const char *folder) {
    struct statvfs s;
    return statvfs(folder, &s) == 0 ? (int64_t)s.f_bavail * (int64_t)s.f_frsize : -1;
}
