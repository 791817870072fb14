// exchange_main.c: the process around a local exchange: loop, clock, signals, figures.
#include "server/exchange_main.h"

#include "base/alloc.h"
#include "base/units.h"
#include "net/server.h"
#include "store/whole_file.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 5, BURST_US = 4000, SAVE_EVERY_MS = 10000 };
#define BURST_STEP_US INT64_C(250000)

struct exchange_main {
    struct exchange_main_options o;
    uv_loop_t loop;
    struct server *server;
    struct exchange_server *local;
    uv_timer_t tick, saver;
    uv_idle_t burst;
    uv_signal_t signals[2];
    int64_t start_us;    // exchange time, and
    uint64_t start_ns;   // the monotonic clock at the start
    int64_t burst_us;    // exchange time when it runs as fast as it goes
    bool closing;
    int lock;   // on the state file; -1: there is none
};

static int64_t wall_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

static void read_clock(void *ctx, int64_t *now_us, int64_t *wall) {
    struct exchange_main *m = ctx;
    int64_t gone_us = (int64_t)((uv_hrtime() - m->start_ns) / 1000);
    *wall = m->o.speed == 1 ? 0 : wall_us();
    if (m->o.speed == 0)
        *now_us = m->burst_us;
    else if (m->o.speed == 1)
        *now_us = m->start_us + gone_us;
    else
        *now_us = m->start_us + (int64_t)((double)gone_us * m->o.speed);
}

// ---- the account between runs ----

static int save(const struct exchange_main *m, struct errmsg *e) {
    size_t size;
    void *bytes = exchange_server_save(m->local, &size);
    int err = bytes ? whole_file_write(m->o.state, bytes, size, e)
                    : errmsg_set(e, ERR_NO_MEMORY, "no memory to save the account");
    free(bytes);
    return err;
}

static void on_save(uv_timer_t *h) {
    struct errmsg e;
    if (save(h->data, &e)) fprintf(stderr, "moontide exchange: %s\n", e.text);
}

static void stop(struct exchange_main *m) {
    if (m->closing) return;
    m->closing = true;
    server_close(m->server);
    uv_close((uv_handle_t *)&m->tick, NULL);
    uv_close((uv_handle_t *)&m->saver, NULL);
    uv_close((uv_handle_t *)&m->burst, NULL);
    for (int i = 0; i < 2; i++) uv_close((uv_handle_t *)&m->signals[i], NULL);
}

static void on_signal(uv_signal_t *h, int number) {
    (void)number;
    stop(h->data);
}

static void on_tick(uv_timer_t *h) {
    struct exchange_main *m = h->data;
    int64_t now, wall;
    read_clock(m, &now, &wall);
    exchange_server_advance(m->local, now, wall);
}

// As fast as it goes: a few milliseconds of work between looks at the sockets.
static void on_burst(uv_idle_t *h) {
    struct exchange_main *m = h->data;
    uint64_t until = uv_hrtime() + BURST_US * 1000;
    while (uv_hrtime() < until) {
        m->burst_us += BURST_STEP_US;
        exchange_server_advance(m->local, m->burst_us, wall_us());
    }
    if (!m->o.local.loop && exchange_server_figures(m->local).data_ended) stop(m);
}

static void on_closed(void *ctx, struct conn *c) { exchange_server_closed(ctx, c); }

int exchange_main_open(const struct exchange_main_options *o, struct exchange_main **out, struct errmsg *e) {
    struct exchange_main *m = alloc_zeroed(1, sizeof *m);
    m->o = *o;
    uv_loop_init(&m->loop);
    uv_loop_configure(&m->loop, UV_LOOP_BLOCK_SIGNAL, SIGPROF);
    signal(SIGPIPE, SIG_IGN);
    m->start_us = m->burst_us = wall_us();
    m->start_ns = uv_hrtime();
    void *state = NULL;
    m->lock = -1;
    int err = o->state ? whole_file_lock(o->state, &m->lock, e) : ERR_OK;
    if (err == ERR_FULL)
        errmsg_set(e, err, "--state %s: another exchange has this account; give this one a file of its own",
                   o->state);
    if (!err && o->state) err = whole_file_read(o->state, &state, &m->o.local.state_size, e);
    m->o.local.state = state;
    if (!err) err = exchange_server_new(&m->o.local, m->start_us, &m->local, e);
    if (err == ERR_FORMAT && o->state) {
        char what[sizeof e->text];
        memcpy(what, e->text, sizeof what);
        errmsg_set(e, err, "--state %s: %.400s", o->state, what);
    }
    free(state);
    m->o.local.state = NULL;
    struct server_options server = { .address = o->address,
                                     .port = o->port,
                                     .certificate = o->certificate,
                                     .key = o->key,
                                     .request_s = o->request_s,
                                     .closed = on_closed };
    if (!err) {
        struct exchange_server_clock clock = { m, read_clock };
        exchange_server_serve(m->local, &clock, &server.hooks);
        err = server_new(&m->loop, &server, &m->server, e);
    }
    if (err) {
        exchange_server_free(m->local);
        uv_loop_close(&m->loop);
        if (m->lock >= 0) close(m->lock);
        free(m);
        return err;
    }
    *out = m;
    return ERR_OK;
}

int32_t exchange_main_port(const struct exchange_main *m) { return server_port(m->server); }

int exchange_main_run(struct exchange_main *m, struct errmsg *e) {
    static const int numbers[2] = { SIGINT, SIGTERM };
    for (int i = 0; i < 2; i++) {
        uv_signal_init(&m->loop, &m->signals[i]);
        m->signals[i].data = m;
        uv_signal_start(&m->signals[i], on_signal, numbers[i]);
    }
    uv_timer_init(&m->loop, &m->tick);
    uv_timer_init(&m->loop, &m->saver);
    uv_idle_init(&m->loop, &m->burst);
    m->tick.data = m->saver.data = m->burst.data = m;
    if (m->o.state) uv_timer_start(&m->saver, on_save, SAVE_EVERY_MS, SAVE_EVERY_MS);
    if (m->o.speed == 0)
        uv_idle_start(&m->burst, on_burst);
    else
        uv_timer_start(&m->tick, on_tick, TICK_MS, TICK_MS);
    uv_run(&m->loop, UV_RUN_DEFAULT);
    return m->o.state ? save(m, e) : ERR_OK;
}

struct exchange_server_figures exchange_main_figures(const struct exchange_main *m) {
    return exchange_server_figures(m->local);
}

void exchange_main_free(struct exchange_main *m) {
    if (!m) return;
    stop(m);
    uv_run(&m->loop, UV_RUN_DEFAULT);
    server_free(m->server);
    exchange_server_free(m->local);
    uv_loop_close(&m->loop);
    if (m->lock >= 0) close(m->lock);
    free(m);
}
