// curl_loop.c: one libcurl multi handle driven by a libuv loop.
#include "net/curl_loop.h"

#include "net/proxy.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// idle: of a kept connection that nobody uses. connection: libcurl tells when it closes it (its other
// sockets, by which a thread that resolves a name wakes it, are closed without a word).
struct poller {
    uv_poll_t poll;
    struct curl_loop *loop;
    curl_socket_t fd;
    int events;
    bool idle, connection;
};

struct curl_loop {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    void (*turned)(void *ctx);
    void *ctx;
    struct poller **polls;   // by socket; kept while the connection lives: making one is dear
    int poll_count, handles;
    bool closing;
    void (*gone)(void *ctx);
    void *gone_ctx;
};

static void act(struct curl_loop *c, curl_socket_t fd, int flags) {
    int running;
    curl_multi_socket_action(c->multi, fd, flags, &running);
    c->turned(c->ctx);
}

static void on_timer(uv_timer_t *t) { act(t->data, CURL_SOCKET_TIMEOUT, 0); }

static int set_timer(CURLM *multi, long ms, void *data) {
    (void)multi;
    struct curl_loop *c = data;
    if (c->closing) return 0;
    if (ms < 0)
        uv_timer_stop(&c->timer);
    else
        uv_timer_start(&c->timer, on_timer, (uint64_t)ms, 0);
    return 0;
}

// ---- sockets ----

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct poller *p = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    if (p->idle) {   // the server has closed it, and libcurl finds that out when it takes it
        uv_poll_stop(poll);
        p->events = 0;
        return;
    }
    if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
    act(p->loop, p->fd, flags);
}

static void handle_gone(struct curl_loop *c) {
    if (--c->handles > 0) return;
    void (*gone)(void *ctx) = c->gone;
    void *ctx = c->gone_ctx;
    free(c->polls);
    free(c);
    gone(ctx);
}

static void timer_gone(uv_handle_t *handle) { handle_gone(handle->data); }

static void poller_gone(uv_handle_t *handle) {
    struct poller *p = handle->data;
    struct curl_loop *c = p->loop;
    free(p);
    handle_gone(c);
}

static struct poller *poller_of(const struct curl_loop *c, curl_socket_t fd) {
    return fd >= 0 && fd < c->poll_count ? c->polls[fd] : NULL;
}

static bool room_for(struct curl_loop *c, curl_socket_t fd) {
    if (fd < c->poll_count) return fd >= 0;
    int count = c->poll_count ? c->poll_count : 64;
    while (count <= fd) count *= 2;
    struct poller **larger = realloc(c->polls, sizeof(struct poller *) * (size_t)count);
    if (!larger) return false;
    memset(larger + c->poll_count, 0, sizeof(struct poller *) * (size_t)(count - c->poll_count));
    c->polls = larger;
    c->poll_count = count;
    return true;
}

static struct poller *poller_for(struct curl_loop *c, curl_socket_t fd) {
    struct poller *p = poller_of(c, fd);
    if (p || !room_for(c, fd)) return p;
    p = calloc(1, sizeof *p);
    if (!p || uv_poll_init_socket(c->loop, &p->poll, fd) != 0) {
        free(p);
        return NULL;
    }
    p->poll.data = p;
    p->loop = c;
    p->fd = fd;
    c->polls[fd] = p;
    c->handles++;
    return p;
}

void curl_loop_let_go(struct curl_loop *c, curl_socket_t fd) {
    struct poller *p = poller_of(c, fd);
    if (!p) return;
    uv_poll_stop(&p->poll);
    uv_close((uv_handle_t *)&p->poll, poller_gone);
    c->polls[fd] = NULL;
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data) {
    (void)easy;
    (void)socket_data;
    struct curl_loop *c = data;
    if (c->closing) return 0;
    if (what == CURL_POLL_REMOVE) {
        struct poller *p = poller_of(c, fd);
        if (!p) return 0;
        if (!p->connection) {
            curl_loop_let_go(c, fd);
            return 0;
        }
        // Watched on as it is: the next request on this connection then costs no system call. Writable would
        // fire for ever.
        p->idle = true;
        if (p->events & UV_WRITABLE) {
            uv_poll_stop(&p->poll);
            p->events = 0;
        }
        return 0;
    }
    struct poller *p = poller_for(c, fd);
    if (!p) return -1;
    p->idle = false;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    if (events != p->events) uv_poll_start(&p->poll, events, on_poll);
    p->events = events;
    return 0;
}

static int made_socket(void *data, curl_socket_t fd, curlsocktype purpose) {
    (void)purpose;
    struct poller *p = poller_for(data, fd);
    if (p) p->connection = true;
    return p ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

static int close_socket(void *data, curl_socket_t fd) {
    curl_loop_let_go(data, fd);
    return close(fd);
}

// ---- settings ----

CURL *curl_loop_easy(struct curl_loop *c, const struct connection_options *o, char *problem) {
    CURL *easy = curl_easy_init();
    if (!easy) return NULL;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, problem);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, made_socket);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, c);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, c);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    // A name that is given up may still be being resolved: the thread that does it is left to itself, for to
    // wait for it would hold the loop for as long as the name server is silent.
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    // Without a proxy libcurl would ask the environment for one at every request.
    if (o->proxy) curl_easy_setopt(easy, CURLOPT_PROXY, o->proxy);
    if (!proxy_possible(o->proxy)) {
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    }
    if (o->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca_file);
        curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, o->ca_file);
    }
    return easy;
}

const char *curl_loop_problem(CURL *easy, CURLcode code, char *problem) {
    long answer = 0;
    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &answer);
    if (!problem[0]) snprintf(problem, CURL_ERROR_SIZE, "%s", curl_easy_strerror(code));
    if (answer == 407)
        snprintf(problem, CURL_ERROR_SIZE,
                 "the proxy asks for a name and a password (407): http://user:password@host:port");
    return problem;
}

// ---- life ----

int curl_loop_new(uv_loop_t *loop, void (*turned)(void *ctx), void *ctx, struct curl_loop **out,
                  struct errmsg *e) {
    static bool started;
    if (!started && curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return errmsg_set(e, ERR_NO_MEMORY, "libcurl cannot start");
    started = true;
    struct curl_loop *c = calloc(1, sizeof *c);
    if (!c || !(c->multi = curl_multi_init())) {
        free(c);
        return errmsg_set(e, ERR_NO_MEMORY, "no memory for connections");
    }
    c->loop = loop;
    c->turned = turned;
    c->ctx = ctx;
    uv_timer_init(loop, &c->timer);
    c->timer.data = c;
    c->handles = 1;
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    *out = c;
    return ERR_OK;
}

CURLM *curl_loop_multi(struct curl_loop *c) { return c->multi; }

void curl_loop_close(struct curl_loop *c, void (*gone)(void *ctx), void *ctx) {
    c->closing = true;
    c->gone = gone;
    c->gone_ctx = ctx;
    curl_multi_cleanup(c->multi);
    for (curl_socket_t fd = 0; fd < c->poll_count; fd++) curl_loop_let_go(c, fd);
    uv_close((uv_handle_t *)&c->timer, timer_gone);
}
