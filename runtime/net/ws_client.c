// ws_client.c: a WebSocket connection over libcurl's sockets; what its bytes mean is net/ws_protocol's.
#include "net/ws_client.h"

#include "net/curl_loop.h"
#include "net/ws_protocol.h"

#include <openssl/rand.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_SIZE = 65536, READS_A_TURN = 16, UNSENT_MAX = 1 << 20 };

// OpenSSL wants what it could not write yet at the same place again.
struct unsent {
    struct unsent *next;
    size_t size, done;
    char bytes[];
};

struct ws_client {
    struct ws_hooks hooks;
    uv_loop_t *loop;
    struct curl_loop *curl;
    CURL *easy;
    uv_timer_t timer;
    uv_poll_t poll;   // of the socket, once it is connected
    int events;
    bool connecting, polling, closing;
    int handles;
    char *address, *port, *path, *name;   // address: in brackets where IPv6 needs them
    uint64_t begun_ms;
    int64_t connect_timeout_ms;
    struct ws_protocol *protocol;
    struct unsent *first, *last;
    size_t unsent_size;
    char problem[CURL_ERROR_SIZE], failed[CURL_ERROR_SIZE];
    char buffer[READ_SIZE];
};

// ---- writing ----

static void on_poll(uv_poll_t *poll, int status, int events);
static void on_timer(uv_timer_t *timer);

static void want(struct ws_client *w, int events) {
    if (!w->polling || w->failed[0] || ws_protocol_has_ended(w->protocol) || events == w->events) return;
    w->events = events;
    uv_poll_start(&w->poll, events, on_poll);
}

// No hook is called from inside of a call to send something: the loop tells it.
static void fail_later(struct ws_client *w, const char *what, const char *why) {
    if (w->failed[0]) return;
    snprintf(w->failed, sizeof w->failed, "%s%s%s", what, *why ? ": " : "", why);
    if (w->polling) uv_poll_stop(&w->poll);
    uv_timer_start(&w->timer, on_timer, 0, 0);
}

static void drop_first(struct ws_client *w) {
    struct unsent *u = w->first;
    w->first = u->next;
    if (!w->first) w->last = NULL;
    w->unsent_size -= u->size;
    free(u);
}

static void flush(struct ws_client *w) {
    while (w->first && !w->failed[0]) {
        struct unsent *u = w->first;
        size_t sent = 0;
        w->problem[0] = 0;
        CURLcode code = curl_easy_send(w->easy, u->bytes + u->done, u->size - u->done, &sent);
        if (code == CURLE_AGAIN) break;
        if (code != CURLE_OK) {
            fail_later(w, "it cannot be written to", curl_loop_problem(w->easy, code, w->problem));
            return;
        }
        u->done += sent;
        if (u->done == u->size) drop_first(w);
    }
    want(w, UV_READABLE | (w->first ? UV_WRITABLE : 0));
}

static void put(void *ctx, const char *bytes, size_t size) {
    struct ws_client *w = ctx;
    struct unsent *u = w->unsent_size + size <= UNSENT_MAX ? malloc(sizeof *u + size) : NULL;
    if (!u) {
        fail_later(w, "the server does not read what it is sent", "");
        return;
    }
    *u = (struct unsent){ .size = size };
    memcpy(u->bytes, bytes, size);
    if (w->last)
        w->last->next = u;
    else
        w->first = u;
    w->last = u;
    w->unsent_size += size;
    flush(w);
}

// ---- reading ----

// Until nothing is left, for what TLS holds ready the socket does not announce; but not for ever, should more
// and more come: a socket that can be written to calls again at once.
static void receive(struct ws_client *w) {
    for (int i = 0; i < READS_A_TURN; i++) {
        size_t size = 0;
        w->problem[0] = 0;
        CURLcode code = curl_easy_recv(w->easy, w->buffer, READ_SIZE, &size);
        if (code == CURLE_AGAIN) {
            want(w, UV_READABLE | (w->first ? UV_WRITABLE : 0));
            return;
        }
        if (code != CURLE_OK)
            ws_protocol_fail(w->protocol, "%s", curl_loop_problem(w->easy, code, w->problem));
        else if (size == 0)
            ws_protocol_fail(w->protocol, "the server ended the connection%s",
                             ws_client_is_open(w) ? "" : " before it had answered");
        else
            ws_protocol_feed(w->protocol, w->buffer, size);
        if (ws_protocol_has_ended(w->protocol)) return;
    }
    want(w, UV_READABLE | UV_WRITABLE);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct ws_client *w = poll->data;
    if (status == 0 && events & UV_WRITABLE) flush(w);
    receive(w);
    if (status < 0)
        ws_protocol_fail(w->protocol, "%s", uv_strerror(status));   // else what was read has told why
}

// ---- what the protocol asks for ----

static void on_timer(uv_timer_t *timer) {
    struct ws_client *w = timer->data;
    if (w->failed[0])
        ws_protocol_fail(w->protocol, "%s", w->failed);
    else
        ws_protocol_alarm(w->protocol);
}

static void set_alarm(void *ctx, int64_t ms) {
    struct ws_client *w = ctx;
    if (w->closing || (w->failed[0] && ms > 0)) return;   // what has failed is told at once
    if (ms > 0)
        uv_timer_start(&w->timer, on_timer, (uint64_t)ms, 0);
    else
        uv_timer_stop(&w->timer);
}

static bool random_bytes(void *ctx, unsigned char *bytes, size_t size) {
    (void)ctx;
    return RAND_bytes(bytes, (int)size) == 1;
}

static void on_opened(void *ctx) {
    struct ws_client *w = ctx;
    w->hooks.opened(w->hooks.ctx, w);
}

static void on_message(void *ctx, const char *text, size_t size) {
    struct ws_client *w = ctx;
    w->hooks.message(w->hooks.ctx, w, text, size);
}

static void on_ended(void *ctx, const char *why) {
    struct ws_client *w = ctx;
    if (w->polling) uv_poll_stop(&w->poll);
    w->hooks.closed(w->hooks.ctx, w, why);
}

// ---- connecting ----

static void connected(struct ws_client *w) {
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(w->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (fd != CURL_SOCKET_BAD) curl_loop_let_go(w->curl, fd);
    if (fd == CURL_SOCKET_BAD || uv_poll_init_socket(w->loop, &w->poll, fd) != 0) {
        ws_protocol_fail(w->protocol, "the connection is of no use");
        return;
    }
    w->poll.data = w;
    w->polling = true;
    w->handles++;
    int64_t left = w->connect_timeout_ms - (int64_t)(uv_now(w->loop) - w->begun_ms);
    char host[512];
    snprintf(host, sizeof host, "%s:%s", w->address, w->port);
    w->connecting = false;
    ws_protocol_begin(w->protocol, host, w->path, left, w->connect_timeout_ms);
}

static void turned(void *ctx) {
    struct ws_client *w = ctx;
    int left;
    CURLMsg *message = w->closing ? NULL : curl_multi_info_read(curl_loop_multi(w->curl), &left);
    if (!message || message->msg != CURLMSG_DONE || !w->connecting) return;
    CURLcode code = message->data.result;
    if (code == CURLE_OK)
        connected(w);
    else
        ws_protocol_fail(w->protocol, "%s", curl_loop_problem(w->easy, code, w->problem));
}

static void free_all(struct ws_client *w) {
    ws_protocol_free(w->protocol);
    while (w->first) drop_first(w);
    curl_free(w->address);
    curl_free(w->port);
    free(w->path);
    free(w->name);
    free(w);
}

static void one_gone(void *ctx) {
    struct ws_client *w = ctx;
    if (--w->handles == 0) free_all(w);
}

static void handle_gone(uv_handle_t *handle) { one_gone(handle->data); }

static bool read_url(struct ws_client *w, const char *url) {
    CURLU *u = curl_url();
    char *scheme = NULL, *path = NULL, *query = NULL;
    bool good = u && curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
                curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                curl_url_get(u, CURLUPART_HOST, &w->address, 0) == CURLUE_OK;
    bool tls = good && strcmp(scheme, "wss") == 0;
    good = good && (tls || strcmp(scheme, "ws") == 0);
    if (good) {
        if (curl_url_get(u, CURLUPART_PORT, &w->port, 0) != CURLUE_OK) {
            curl_url_set(u, CURLUPART_PORT, tls ? "443" : "80", 0);
            good = curl_url_get(u, CURLUPART_PORT, &w->port, 0) == CURLUE_OK;
        }
        curl_url_get(u, CURLUPART_PATH, &path, 0);
        curl_url_get(u, CURLUPART_QUERY, &query, 0);
        size_t size = (path ? strlen(path) : 1) + (query ? strlen(query) : 0) + 2;
        w->path = malloc(size);
        if (w->path)
            snprintf(w->path, size, "%s%s%s", path ? path : "/", query ? "?" : "", query ? query : "");
    }
    if (good) {
        // As libcurl knows it: of the same kinds are the proxies of the environment.
        size_t size = strlen(w->address) + strlen(w->port) + 16;
        w->name = malloc(size);
        if (w->name) snprintf(w->name, size, "%s://%s:%s/", tls ? "https" : "http", w->address, w->port);
    }
    curl_free(scheme);
    curl_free(path);
    curl_free(query);
    curl_url_cleanup(u);
    return good && w->path && w->name;
}

static bool begin(struct ws_client *w, const struct ws_options *o) {
    struct connection_options options = { .proxy = o->proxy,
                                          .ca_file = o->ca_file,
                                          .connect_timeout_ms = o->connect_timeout_ms };
    w->connecting = true;
    w->easy = curl_loop_easy(w->curl, &options, w->problem);
    if (!w->easy) return false;
    curl_easy_setopt(w->easy, CURLOPT_URL, w->name);
    curl_easy_setopt(w->easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(w->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(w->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    return curl_multi_add_handle(curl_loop_multi(w->curl), w->easy) == CURLM_OK;
}

int ws_client_open(uv_loop_t *loop, const struct ws_options *o, const struct ws_hooks *hooks,
                   struct ws_client **out, struct errmsg *e) {
    struct ws_client *w = calloc(1, sizeof *w);
    if (!w) return errmsg_set(e, ERR_NO_MEMORY, "no memory for a connection");
    w->loop = loop;
    w->hooks = *hooks;
    w->connect_timeout_ms = o->connect_timeout_ms;
    struct ws_protocol_hooks protocol = { .ctx = w,
                                          .put = put,
                                          .random = random_bytes,
                                          .alarm = set_alarm,
                                          .opened = on_opened,
                                          .message = on_message,
                                          .ended = on_ended };
    w->protocol = ws_protocol_new(&protocol, o->silence_ms);
    if (!w->protocol) {
        free_all(w);
        return errmsg_set(e, ERR_NO_MEMORY, "no memory for a connection");
    }
    uv_update_time(loop);   // the script may have held it
    w->begun_ms = uv_now(loop);
    if (!read_url(w, o->url)) {
        free_all(w);
        return errmsg_set(e, ERR_INVALID, "%s is not the address of a WebSocket (ws://host:port/path)",
                          o->url);
    }
    int err = curl_loop_new(loop, turned, w, &w->curl, e);
    if (err) {
        free_all(w);
        return err;
    }
    uv_timer_init(loop, &w->timer);
    w->timer.data = w;
    w->handles = 2;   // the timer, and libcurl's
    if (!begin(w, o)) {
        ws_client_close(w);
        return errmsg_set(e, ERR_NO_MEMORY, "no memory for a connection");
    }
    *out = w;
    return ERR_OK;
}

void ws_client_send(struct ws_client *w, const char *text, size_t size) {
    ws_protocol_send(w->protocol, text, size);
}

int ws_client_is_open(const struct ws_client *w) { return ws_protocol_is_open(w->protocol); }

void ws_client_close(struct ws_client *w) {
    if (w->closing) return;
    ws_protocol_close(w->protocol);
    w->closing = true;
    w->connecting = false;
    if (w->polling) uv_close((uv_handle_t *)&w->poll, handle_gone);   // before libcurl closes the socket
    if (w->easy) {
        curl_multi_remove_handle(curl_loop_multi(w->curl), w->easy);
        curl_easy_cleanup(w->easy);
    }
    curl_loop_close(w->curl, one_gone, w);
    uv_close((uv_handle_t *)&w->timer, handle_gone);
}
