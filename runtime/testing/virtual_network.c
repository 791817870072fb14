// virtual_network.c: time, packets and connections of a network without sockets.
//
//     client                      the heap of what is due                     exchange
//     pipe_open   -> CONNECT       --latency-->  a connection is made      -> CONNECTED --latency--> connected
//     pipe_write  -> REQUEST_BYTES --latency-->  conn_feed, conn_output    -> ANSWER_BYTES ---------> bytes
//     pipe_close  -> CLIENT_END    --latency-->  the connection is freed
//                                   conn_ended, reset, a cut, refused      -> SERVER_END -----------> closed
//
// A step of time (the clock's wait): the loop turns, and when nothing came of it time jumps to what is due next.
#include "testing/virtual_private.h"

#include "base/assert.h"
#include "net/conn.h"
#include "server/exchange_server_private.h"
#include "world/live/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK_START_US INT64_C(1000000000)   // a monotonic clock has some other beginning than the epoch

struct pipe {
    struct virtual_network *v;
    struct pipe *next;
    char place[PIPE_PLACE_MAX];
    const struct pipe_hooks *hooks;
    void *owner;                     // the client; NULL: it has closed
    struct conn *server;             // NULL: not there yet, or ended
    bool asked, over;                // the client has ended it; the server's end was sent, or it was cut
    bool lost;                       // cut: what was on its way never arrives
    bool dead;                       // nothing arrives any more, and nobody knows
    int64_t request_us, answer_us;   // when the last packet each way arrives
    int32_t under_way;               // packets
};

struct rule {
    struct rule *next;
    uint8_t action;   // enum virtual_action
    int64_t until_us;
    char place[PIPE_PLACE_MAX];
};

struct plan {
    uint8_t action;
    int64_t for_us;
    char place[PIPE_PLACE_MAX];
};

struct burial {
    struct burial *next;
    void (*bury)(void *block);
    void *block;
};

struct virtual_network {
    struct virtual_network_options o;
    struct network table;
    struct live_clock clock;
    struct conn_hooks hooks;
    int64_t now_us, tick_us, clock_ahead_us;   // tick: when the exchange looks next
    uint64_t order;
    struct heap heap;
    struct heap_slot *slots;
    struct pipe *pipes;
    struct rule *rules;
    struct burial *burials;
    struct rng latency, bytes;
    struct virtual_network_figures figures;
    char *asked;
    bool woken;
};

// ---- what is due ----

static void push(struct virtual_network *v, void *item, int64_t at_us) {
    if (v->heap.count == v->heap.capacity) {
        v->heap.capacity = v->heap.capacity ? v->heap.capacity * 2 : 256;
        v->slots = realloc(v->slots, sizeof *v->slots * (size_t)v->heap.capacity);
        ASSERT(v->slots != NULL);
        v->heap.slots = v->slots;
    }
    heap_push(&v->heap, item, at_us, v->order++);
}

void virtual_alarm_stop(struct virtual_network *v, struct alarm *a) {
    if (a->owner && a->index >= 0) heap_remove(&v->heap, a->index);
    a->index = -1;
}

void virtual_alarm_set(struct virtual_network *v, struct alarm *a, void (*fn)(void *owner), void *owner,
                       int64_t after_us) {
    virtual_alarm_stop(v, a);
    *a = (struct alarm){ .index = -1, .kind = DUE_ALARM, .alarm = fn, .owner = owner };
    push(v, a, v->now_us + after_us);
}

int64_t virtual_now_us(const struct virtual_network *v) { return v->now_us; }

int64_t virtual_network_now_us(const struct virtual_network *v) {
    return v->o.start_us + v->now_us - CLOCK_START_US;
}

void virtual_random(struct virtual_network *v, unsigned char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)rng_below(&v->bytes, 256);
}

void virtual_count_request(struct virtual_network *v, bool answered) {
    v->figures.requests += !answered;
    v->figures.answers += answered;
}

void virtual_bury(struct virtual_network *v, void (*bury)(void *block), void *block) {
    struct burial *b = malloc(sizeof *b);
    ASSERT(b != NULL);
    *b = (struct burial){ v->burials, bury, block };
    v->burials = b;
}

static void bury_all(struct virtual_network *v) {
    while (v->burials) {
        struct burial *b = v->burials;
        v->burials = b->next;
        b->bury(b->block);
        free(b);
    }
}

// ---- rules of the script ----

static bool is_of(const struct pipe *p, const char *place) {
    return strncmp(p->place, place, strlen(place)) == 0;
}

static int64_t rule_until(const struct virtual_network *v, const struct pipe *p, int action) {
    int64_t until = 0;
    for (const struct rule *r = v->rules; r; r = r->next) {
        if (r->action == action && r->until_us > until && is_of(p, r->place)) until = r->until_us;
    }
    return until;
}

// Until when a packet is held back; 0: it is not.
static int64_t held_until(const struct virtual_network *v, const struct pipe *p, int kind) {
    bool answer = kind == DUE_CONNECTED || kind == DUE_ANSWER_BYTES || kind == DUE_SERVER_END;
    int64_t all = rule_until(v, p, VIRTUAL_SILENCE),
            answers = answer ? rule_until(v, p, VIRTUAL_SILENT_ANSWERS) : 0;
    return all > answers ? all : answers;
}

// ---- pipes ----

static void send_packet(struct pipe *p, int kind, const char *bytes, size_t size) {
    struct virtual_network *v = p->v;
    struct due *d = malloc(sizeof *d + size);
    ASSERT(d != NULL);
    *d = (struct due){ .index = -1, .kind = (uint8_t)kind, .owner = p, .size = size };
    if (size) memcpy(d->bytes, bytes, size);
    bool to_server = kind == DUE_CONNECT || kind == DUE_REQUEST_BYTES || kind == DUE_CLIENT_END;
    int64_t *last_us = to_server ? &p->request_us : &p->answer_us;
    int64_t at_us =
        v->now_us + v->o.latency_us + (int64_t)rng_below(&v->latency, (uint64_t)v->o.jitter_us + 1);
    if (at_us < *last_us) at_us = *last_us;   // bytes of a connection keep their order
    *last_us = at_us;
    p->under_way++;
    v->figures.packets++;
    push(v, d, at_us);
}

struct pipe *pipe_open(struct virtual_network *v, const char *place, const struct pipe_hooks *hooks,
                       void *owner) {
    struct pipe *p = calloc(1, sizeof *p), **at = &v->pipes;
    ASSERT(p != NULL && owner != NULL);
    p->v = v;
    p->hooks = hooks;
    p->owner = owner;
    snprintf(p->place, sizeof p->place, "%s", place);
    while (*at) at = &(*at)->next;   // in the order of their making
    *at = p;
    send_packet(p, DUE_CONNECT, "", 0);
    return p;
}

void pipe_write(struct pipe *p, const char *bytes, size_t size) {
    if (!p->asked && !p->lost) send_packet(p, DUE_REQUEST_BYTES, bytes, size);
}

void pipe_own(struct pipe *p, void *owner) { p->owner = owner; }

void pipe_close(struct pipe *p) {
    p->owner = NULL;
    if (!p->asked && !p->lost) send_packet(p, DUE_CLIENT_END, "", 0);
    p->asked = true;
}

static void server_gone(struct pipe *p) {
    if (!p->server) return;
    exchange_server_closed(p->v->o.exchange, p->server);
    conn_free(p->server);
    p->server = NULL;
    p->v->figures.open--;
}

static void send_end(struct pipe *p, const char *why) {
    if (p->over) return;
    p->over = true;
    send_packet(p, DUE_SERVER_END, why, strlen(why) + 1);
}

static void flush(struct pipe *p) {
    size_t size;
    const char *bytes = conn_output(p->server, &size);
    if (size) send_packet(p, DUE_ANSWER_BYTES, bytes, size);
    if (size) conn_sent(p->server, size);
    if (!conn_ended(p->server)) return;
    send_end(p, conn_resets(p->server) ? "Recv failure: Connection reset by peer" : "the server ended it");
    server_gone(p);
}

static void flush_all(struct virtual_network *v) {
    for (struct pipe *p = v->pipes; p; p = p->next) {
        if (p->server) flush(p);
    }
}

static void free_ended(struct virtual_network *v) {
    struct pipe **at = &v->pipes;
    while (*at) {
        struct pipe *p = *at;
        if (p->owner || p->server || p->under_way > 0) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        free(p);
    }
}

static void cut(struct virtual_network *v, const char *place) {
    for (struct pipe *p = v->pipes; p; p = p->next) {
        if (!is_of(p, place) || p->lost || p->dead) continue;
        v->figures.cuts++;
        server_gone(p);
        p->lost = true;
        p->over = false;
        if (p->owner) send_end(p, "Recv failure: Connection reset by peer");
    }
}

// ---- packets arrive ----

static void accept_client(struct pipe *p) {
    struct virtual_network *v = p->v;
    if (rule_until(v, p, VIRTUAL_REFUSE) > v->now_us) {
        p->lost = true;
        send_end(p, "Connection refused");
        return;
    }
    p->server = conn_new(&v->hooks);
    ASSERT(p->server != NULL);
    v->figures.open++;
    v->figures.opened++;
    send_packet(p, DUE_CONNECTED, "", 0);
}

static void client_hears_end(struct pipe *p, const char *why) {
    void *owner = p->owner;
    p->owner = NULL;
    p->asked = true;
    if (owner) p->hooks->closed(owner, why);
}

static void arrive(struct pipe *p, const struct due *d) {
    if (p->dead || (p->lost && d->kind != DUE_SERVER_END)) return;
    switch (d->kind) {
    case DUE_CONNECT: accept_client(p); break;
    case DUE_CONNECTED:
        if (p->owner) p->hooks->connected(p->owner);
        break;
    case DUE_REQUEST_BYTES:
        if (p->server) conn_feed(p->server, d->bytes, d->size);
        flush_all(p->v);
        break;
    case DUE_ANSWER_BYTES:
        if (p->owner) p->hooks->bytes(p->owner, d->bytes, d->size);
        break;
    case DUE_CLIENT_END: server_gone(p); break;
    default: client_hears_end(p, d->bytes);
    }
}

// ---- plans ----

static void carry_out(struct virtual_network *v, const struct plan *plan) {
    if (plan->action == VIRTUAL_CUT) {
        cut(v, plan->place);
    } else if (plan->action == VIRTUAL_DEAD) {
        for (struct pipe *p = v->pipes; p; p = p->next) p->dead = p->dead || is_of(p, plan->place);
    } else if (plan->action == VIRTUAL_LATENCY) {
        v->o.latency_us = plan->for_us;
    } else if (plan->action == VIRTUAL_CLOCK_JUMP) {
        v->clock_ahead_us += plan->for_us;
    } else {
        struct rule *r = calloc(1, sizeof *r);
        ASSERT(r != NULL);
        *r = (struct rule){ .next = v->rules, .action = plan->action, .until_us = v->now_us + plan->for_us };
        memcpy(r->place, plan->place, sizeof r->place);
        v->rules = r;
    }
}

void virtual_network_plan(struct virtual_network *v, int32_t action, const char *place, int64_t after_us,
                          int64_t for_us) {
    struct plan plan = { .action = (uint8_t)action, .for_us = for_us };
    snprintf(plan.place, sizeof plan.place, "%s", place);
    if (after_us <= 0) {
        carry_out(v, &plan);
        return;
    }
    struct due *d = malloc(sizeof *d + sizeof plan);
    ASSERT(d != NULL);
    *d = (struct due){ .index = -1, .kind = DUE_PLAN, .size = sizeof plan };
    memcpy(d->bytes, &plan, sizeof plan);
    push(v, d, v->now_us + after_us);
}

// ---- time ----

static void happen(struct virtual_network *v, struct due *d) {
    if (d->kind == DUE_ALARM) {
        d->alarm(d->owner);
        return;
    }
    if (d->kind == DUE_PLAN) {
        struct plan plan;
        memcpy(&plan, d->bytes, sizeof plan);
        carry_out(v, &plan);
        free(d);
        return;
    }
    struct pipe *p = d->owner;
    int64_t until_us = p->lost ? 0 : held_until(v, p, d->kind);
    if (until_us > v->now_us) {
        push(v, d, until_us);
        return;
    }
    p->under_way--;
    arrive(p, d);
    free(d);
}

static int64_t exchange_time(const struct virtual_network *v) {
    return virtual_network_now_us(v) + v->clock_ahead_us;
}

static void tick(struct virtual_network *v) {
    if (v->now_us < v->tick_us) return;
    v->tick_us = v->now_us + v->o.tick_us;
    exchange_server_advance(v->o.exchange, exchange_time(v), 0);
    flush_all(v);
}

static int64_t next_us(const struct virtual_network *v) {
    int64_t first = v->heap.count > 0 ? v->heap.slots[0].key : INT64_MAX;
    return first < v->tick_us ? first : v->tick_us;
}

// Time jumps to what is due next, until_us at most, and what is due happens.
static void step(struct virtual_network *v, int64_t until_us) {
    int64_t at_us = next_us(v);
    if (until_us < at_us) at_us = until_us;
    if (at_us > v->now_us) v->now_us = at_us;
    tick(v);
    while (v->heap.count > 0 && v->heap.slots[0].key <= v->now_us) {
        struct due *d = v->heap.slots[0].item;
        heap_remove(&v->heap, 0);
        happen(v, d);
    }
}

static void wait_until(void *ctx, uv_loop_t *loop, int64_t until_us) {
    struct virtual_network *v = ctx;
    v->woken = false;
    bury_all(v);
    free_ended(v);
    uv_run(loop, UV_RUN_NOWAIT);
    if (!v->woken) step(v, until_us);
}

void virtual_network_pass(struct virtual_network *v, int64_t us) {
    int64_t until_us = v->now_us + us;
    while (v->now_us < until_us) step(v, until_us);
    bury_all(v);
}

static void wake(void *ctx) { ((struct virtual_network *)ctx)->woken = true; }
static int64_t read_now(void *ctx) { return ((struct virtual_network *)ctx)->now_us; }
static int64_t read_wall(void *ctx) { return virtual_network_now_us(ctx); }

static void read_exchange_clock(void *ctx, int64_t *now_us, int64_t *wall_us) {
    *now_us = exchange_time(ctx);
    *wall_us = 0;
}

// ---- past the network ----

const char *virtual_network_ask(struct virtual_network *v, const char *method, const char *target,
                                const char *head, const char *body) {
    size_t room = strlen(target) + strlen(head) + strlen(body) + 256, size;
    char *text = malloc(room);
    ASSERT(text != NULL);
    int length = snprintf(text, room, "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n%s\r\n%s",
                          method, target, strlen(body), head, body);
    struct conn *c = conn_new(&v->hooks);
    ASSERT(c != NULL);
    conn_feed(c, text, (size_t)length);
    const char *out = conn_output(c, &size);
    free(text);
    free(v->asked);
    v->asked = strndup(out, size);
    ASSERT(v->asked != NULL);
    exchange_server_closed(v->o.exchange, c);
    conn_free(c);
    flush_all(v);
    char *head_end = strstr(v->asked, "\r\n\r\n");
    return head_end ? head_end + 4 : v->asked;
}

void virtual_address(const char *url, char host[256], const char **target) {
    const char *begin = strstr(url, "://"), *slash;
    begin = begin ? begin + 3 : url;
    slash = strchr(begin, '/');
    snprintf(host, 256, "%.*s", (int)(slash ? slash - begin : (long)strlen(begin)), begin);
    *target = slash ? slash : "/";
}

// ---- life ----

struct virtual_network *virtual_network_new(const struct virtual_network_options *o) {
    struct virtual_network *v = calloc(1, sizeof *v);
    ASSERT(v != NULL && o->tick_us > 0);
    v->o = *o;
    v->now_us = CLOCK_START_US;
    v->tick_us = v->now_us + o->tick_us;
    v->clock = (struct live_clock){ v, read_now, read_wall, wait_until, wake };
    v->table = virtual_ws_table(virtual_http_table((struct network){ .ctx = v }));
    heap_init(&v->heap, NULL, 0, offsetof(struct due, index));
    rng_init(&v->latency, o->seed);
    rng_init(&v->bytes, o->seed + 1);
    struct exchange_server_clock clock = { v, read_exchange_clock };
    exchange_server_serve(o->exchange, &clock, &v->hooks);
    return v;
}

void virtual_network_free(struct virtual_network *v) {
    if (!v) return;
    bury_all(v);
    for (int32_t i = 0; i < v->heap.count; i++) {
        struct due *d = v->heap.slots[i].item;
        if (d->kind != DUE_ALARM) free(d);
    }
    while (v->pipes) {
        struct pipe *p = v->pipes;
        v->pipes = p->next;
        server_gone(p);
        free(p);
    }
    while (v->rules) {
        struct rule *r = v->rules;
        v->rules = r->next;
        free(r);
    }
    free(v->slots);
    free(v->asked);
    free(v);
}

const struct network *virtual_network_table(const struct virtual_network *v) { return &v->table; }
const struct live_clock *virtual_network_clock(const struct virtual_network *v) { return &v->clock; }

struct exchange *virtual_network_exchange(const struct virtual_network *v) {
    return v->o.exchange->x;
}

struct virtual_network_figures virtual_network_figures(const struct virtual_network *v) {
    return v->figures;
}
