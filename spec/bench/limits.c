// limits.c: what the API manager makes of an exchange's budget, in virtual time, beside a sleep loop and a
// token bucket.
//
// The exchange is modelled exactly: fixed windows on its own clock, 429 with Retry-After when one is full, a
// ban (418) of two minutes, doubling, after twenty refusals in one window. Everything is seeded; only the
// last table measures the machine.
#include "api/clock.h"
#include "api/dispatcher.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NEVER INT64_MAX

enum {
    WEIGHT_1M = 1200,
    ORDERS_1S = 10,
    ORDERS_1M = 600,
    READS = 2000,
    ORDERS = 300,
    RING = 1 << 16,
    BACKLOG = 400,
    SYNCS = 3
};
static const int64_t SECOND = 1000000, MINUTE = 60000000,
                     PHASE = 17300000;   // the runs begin 17.3 s into a minute

enum kind { READ, ORDER, TIME };
enum start { START_CLEAN, START_LIMITED, START_BANNED };

struct scenario {
    const char *name;
    int64_t latency_us;   // there and back
    int64_t offset_us;    // the exchange's clock minus ours; nobody is told
    double others;        // share of the weight that another client spends
    enum start start;
};

struct message {
    int64_t at_us;
    int32_t index;
    enum kind kind;
    int32_t status, used_weight;
    int64_t retry_after_us, server_us;
};

struct ring {
    struct message items[RING];
    uint32_t head, tail;
};

struct server {
    int64_t offset_us, banned_until_us, ban_us;   // on the exchange's clock
    int64_t minute, second;                       // windows now counted
    int32_t weight, orders_1s, orders_1m, refused_in_window;
    int64_t others, refused, reads, orders, banned;
};

struct sim {
    const struct scenario *s;
    struct server server;
    struct ring up, down;
    int64_t now, next_other;
    uint64_t random;
    int64_t wanted_reads, wanted_orders;   // -1: without end
    int64_t done_reads, done_orders, finished_us;
    void *client;
};

static void push(struct ring *r, struct message m) {
    if (r->tail - r->head == RING) abort();
    r->items[r->tail++ % RING] = m;
}

static int64_t first(const struct ring *r) {
    return r->head == r->tail ? NEVER : r->items[r->head % RING].at_us;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static double uniform(struct sim *sim) {
    sim->random = sim->random * 6364136223846793005u + 1442695040888963407u;
    return ((double)(sim->random >> 11) + 0.5) / 9007199254740992.0;
}

// --- the exchange ----

static void turn_windows(struct server *v, int64_t t) {
    if (t / MINUTE != v->minute) {
        v->minute = t / MINUTE;
        v->weight = v->orders_1m = v->refused_in_window = 0;
    }
    if (t / SECOND != v->second) {
        v->second = t / SECOND;
        v->orders_1s = 0;
    }
}

static int64_t whole_seconds(int64_t us) { return (us + SECOND - 1) / SECOND * SECOND; }

static void serve(struct sim *sim, struct message *m) {
    struct server *v = &sim->server;
    int64_t t = sim->now + v->offset_us;
    turn_windows(v, t);
    m->status = 200;
    if (t < v->banned_until_us) {
        m->status = 418;
        m->retry_after_us = whole_seconds(v->banned_until_us - t);
        v->refused++;
        return;
    }
    bool order = m->kind == ORDER;
    if (order ? v->orders_1s >= ORDERS_1S || v->orders_1m >= ORDERS_1M : v->weight >= WEIGHT_1M) {
        m->status = 429;
        m->retry_after_us = whole_seconds(
            (order && v->orders_1m < ORDERS_1M ? (v->second + 1) * SECOND : (v->minute + 1) * MINUTE) - t);
        v->refused++;
        if (++v->refused_in_window == 20) {
            v->banned_until_us = t + v->ban_us;
            v->ban_us *= 2;
            v->banned++;
        }
        return;
    }
    if (order) {
        v->orders_1s++;
        v->orders_1m++;
        v->orders++;
    } else {
        v->weight++;
        v->reads += m->kind == READ;
    }
    m->used_weight = v->weight;
    m->server_us = t / 1000 * 1000;
}

static void other_client(struct sim *sim) {
    struct server *v = &sim->server;
    turn_windows(v, sim->now + v->offset_us);
    if (v->weight < WEIGHT_1M) {
        v->weight++;
        v->others++;
    }
    sim->next_other =
        sim->now + (int64_t)(-log(uniform(sim)) * (double)MINUTE / (WEIGHT_1M * sim->s->others)) + 1;
}

static void send_up(struct sim *sim, enum kind kind, int32_t index) {
    push(&sim->up,
         (struct message){ .at_us = sim->now + sim->s->latency_us / 2, .index = index, .kind = kind });
}

// Counts what is done; true when the wanted number is.
static void count_done(struct sim *sim, enum kind kind) {
    sim->done_reads += kind == READ;
    sim->done_orders += kind == ORDER;
    if (sim->wanted_reads >= 0 && sim->done_reads == sim->wanted_reads &&
        sim->done_orders == sim->wanted_orders)
        sim->finished_us = sim->now;
}

// Whether the client has another one of a kind to begin, `begun` of them begun.
static bool has_more(const struct sim *sim, enum kind kind, int64_t begun) {
    int64_t wanted = kind == READ ? sim->wanted_reads : sim->wanted_orders;
    return wanted < 0 || begun < wanted;
}

// --- the clients ----

struct client {
    const char *name;
    void (*begin)(struct sim *sim);
    void (*run)(struct sim *sim);
    int64_t (*next)(const struct sim *sim);
    void (*reply)(struct sim *sim, const struct message *m);
    void (*end)(struct sim *sim);
};

// Moontide: everything through the dispatcher; it learns the clock from its own requests for the time.
struct ours {
    struct dispatcher *dispatcher;
    struct server_clock clock;
    struct request requests[2 * BACKLOG + 1];
    int64_t begun[2];
    int32_t waiting[2], synced;
};

static void ours_submit(struct sim *sim, enum kind kind, int32_t index) {
    struct ours *o = sim->client;
    struct request *r = &o->requests[index];
    *r = (struct request){ .user = sim,
                           .priority = kind == TIME ? PRIORITY_CRITICAL : PRIORITY_NORMAL,
                           .retries_max = 20 };
    r->cost[LIMIT_WEIGHT] = kind != ORDER;
    r->cost[LIMIT_ORDERS] = kind == ORDER;
    r->request_class = kind == ORDER ? REQUEST_CLASS_ORDER : REQUEST_CLASS_MARKET;
    if (dispatcher_submit(o->dispatcher, r, sim->now) != 0) abort();
}

static enum kind ours_kind(int32_t index) {
    return index == 2 * BACKLOG ? TIME : index < BACKLOG ? READ : ORDER;
}

static void ours_send(void *ctx, struct request *r, int64_t now_us) {
    (void)now_us;
    struct sim *sim = ctx;
    int32_t index = (int32_t)(r - ((struct ours *)sim->client)->requests);
    send_up(sim, ours_kind(index), index);
}

static void ours_begin_one(struct sim *sim, int32_t index) {
    struct ours *o = sim->client;
    enum kind kind = ours_kind(index);
    if (!has_more(sim, kind, o->begun[kind])) return;
    o->begun[kind]++;
    ours_submit(sim, kind, index);
}

static void ours_settled(void *ctx, struct request *r, enum settle settle, int64_t now_us) {
    struct sim *sim = ctx;
    struct ours *o = sim->client;
    int32_t index = (int32_t)(r - o->requests);
    if (ours_kind(index) != TIME) {
        if (settle == SETTLE_DONE)
            count_done(sim, ours_kind(index));
        else
            o->begun[ours_kind(index)]--;
        ours_begin_one(sim, index);
        return;
    }
    dispatcher_clock(o->dispatcher, clock_offset_us(&o->clock), clock_uncertainty_us(&o->clock, now_us));
    if (settle == SETTLE_DONE && ++o->synced == SYNCS) {
        for (int32_t i = 0; i < 2 * BACKLOG; i++) ours_begin_one(sim, i);
    } else {
        ours_submit(sim, TIME, index);
    }
}

static void ours_begin(struct sim *sim) {
    struct ours *o = calloc(1, sizeof *o);
    struct api_config c;
    api_config_defaults(&c);
    api_config_limit(&c, LIMIT_WEIGHT, MINUTE, WEIGHT_1M);
    api_config_limit(&c, LIMIT_ORDERS, SECOND, ORDERS_1S);
    api_config_limit(&c, LIMIT_ORDERS, MINUTE, ORDERS_1M);
    c.workers = 256;
    c.critical_reserve = 0;
    c.queue_timeout_us = 86400 * SECOND;
    if (!o) abort();
    sim->client = o;
    o->dispatcher =
        dispatcher_new(&c, &(struct transport){ sim, ours_send, NULL, NULL }, ours_settled, sim, sim->now);
    clock_init(&o->clock);
    ours_submit(sim, TIME, 2 * BACKLOG);
}

static void ours_run(struct sim *sim) { dispatcher_run(((struct ours *)sim->client)->dispatcher, sim->now); }

static int64_t ours_next(const struct sim *sim) {
    return dispatcher_next_us(((const struct ours *)sim->client)->dispatcher);
}

static void ours_reply(struct sim *sim, const struct message *m) {
    struct ours *o = sim->client;
    struct request *r = &o->requests[m->index];
    struct dispatch_reply reply = { .outcome = m->status == 200 ? OUTCOME_DONE : OUTCOME_SLOW_DOWN,
                                    .retry_after_us = m->retry_after_us };
    if (m->status == 200 && m->kind != ORDER) {
        reply.used_count = 1;
        reply.used[0].kind = LIMIT_WEIGHT;
        reply.used[0].interval_us = MINUTE;
        reply.used[0].used = m->used_weight;
    }
    if (m->status == 200 && m->kind == TIME)
        clock_sample(&o->clock, r->sent_us, sim->now, m->server_us, 1000);
    dispatcher_reply(o->dispatcher, r, &reply, sim->now);
}

static void ours_end(struct sim *sim) {
    dispatcher_free(((struct ours *)sim->client)->dispatcher);
    free(sim->client);
}

// The sleep loop: one call after the other, the rate's pause after each answer; one loop a kind.
struct sleeper {
    int64_t due[2], begun[2];
};

static void sleep_begin(struct sim *sim) { sim->client = calloc(1, sizeof(struct sleeper)); }

static void sleep_run(struct sim *sim) {
    struct sleeper *o = sim->client;
    for (enum kind k = READ; k <= ORDER; k++) {
        if (o->due[k] > sim->now || !has_more(sim, k, o->begun[k])) continue;
        o->begun[k]++;
        o->due[k] = NEVER;
        send_up(sim, k, 0);
    }
}

static int64_t sleep_next(const struct sim *sim) {
    const struct sleeper *o = sim->client;
    return least(has_more(sim, READ, o->begun[READ]) ? o->due[READ] : NEVER,
                 has_more(sim, ORDER, o->begun[ORDER]) ? o->due[ORDER] : NEVER);
}

static void sleep_reply(struct sim *sim, const struct message *m) {
    struct sleeper *o = sim->client;
    if (m->status == 200)
        count_done(sim, m->kind);
    else
        o->begun[m->kind]--;
    o->due[m->kind] = sim->now + MINUTE / (m->kind == READ ? WEIGHT_1M : ORDERS_1M);
}

static void plain_end(struct sim *sim) { free(sim->client); }

// The token bucket: a window's worth in the bucket, refilled evenly, as many in flight as it has tokens.
struct bucket {
    double tokens[2];
    int64_t at_us, begun[2];
};

static const double bucket_size[2] = { WEIGHT_1M, ORDERS_1S };
static const double bucket_rate[2] = { (double)WEIGHT_1M / 60e6, (double)ORDERS_1M / 60e6 };

static void bucket_begin(struct sim *sim) {
    struct bucket *o = sim->client = calloc(1, sizeof *o);
    o->at_us = sim->now;
    memcpy(o->tokens, bucket_size, sizeof o->tokens);
}

static void bucket_run(struct sim *sim) {
    struct bucket *o = sim->client;
    for (enum kind k = READ; k <= ORDER; k++) {
        o->tokens[k] = fmin(bucket_size[k], o->tokens[k] + (double)(sim->now - o->at_us) * bucket_rate[k]);
        for (; o->tokens[k] >= 1 && has_more(sim, k, o->begun[k]); o->tokens[k] -= 1) {
            o->begun[k]++;
            send_up(sim, k, 0);
        }
    }
    o->at_us = sim->now;
}

static int64_t bucket_next(const struct sim *sim) {
    const struct bucket *o = sim->client;
    int64_t next = NEVER;
    for (enum kind k = READ; k <= ORDER; k++)
        if (has_more(sim, k, o->begun[k]))
            next = least(next, o->at_us + 1 + (int64_t)(fmax(0, 1 - o->tokens[k]) / bucket_rate[k]));
    return next;
}

static void bucket_reply(struct sim *sim, const struct message *m) {
    struct bucket *o = sim->client;
    if (m->status == 200)
        count_done(sim, m->kind);
    else
        o->begun[m->kind]--;
}

static const struct client clients[] = {
    { "moontide", ours_begin, ours_run, ours_next, ours_reply, ours_end },
    { "sleep loop", sleep_begin, sleep_run, sleep_next, sleep_reply, plain_end },
    { "token bucket", bucket_begin, bucket_run, bucket_next, bucket_reply, plain_end },
};

// A figure that can be compared with another day's: a line of the file that BENCH_FIGURES names (figures.lua).
static void keep(const char *scenario, const char *what, double value) {
    const char *path = getenv("BENCH_FIGURES");
    FILE *out = path ? fopen(path, "a") : NULL;
    if (!out) return;
    fprintf(out, "%s, %s\t%.6g\tmore\n", scenario, what, value);
    fclose(out);
}

// --- runs ----

static struct sim *new_sim(const struct scenario *s, int64_t reads, int64_t orders) {
    struct sim *sim = calloc(1, sizeof *sim);
    if (!sim) abort();
    sim->s = s;
    sim->random = 42;
    sim->server.offset_us = s->offset_us + PHASE;
    sim->server.ban_us = 2 * MINUTE;
    sim->next_other = s->others > 0 ? 0 : NEVER;
    sim->wanted_reads = reads;
    sim->wanted_orders = orders;
    sim->finished_us = NEVER;
    turn_windows(&sim->server, sim->server.offset_us);
    if (s->start == START_LIMITED) sim->server.weight = WEIGHT_1M;   // somebody has just spent it all
    if (s->start == START_BANNED) sim->server.banned_until_us = sim->server.offset_us + 2 * MINUTE;
    return sim;
}

static void run(struct sim *sim, const struct client *c, int64_t until_us) {
    c->begin(sim);
    while (sim->finished_us == NEVER) {
        c->run(sim);
        int64_t t = least(least(first(&sim->up), first(&sim->down)), least(sim->next_other, c->next(sim)));
        if (t > until_us) break;
        if (t > sim->now) sim->now = t;
        if (sim->next_other <= sim->now) other_client(sim);
        while (first(&sim->up) <= sim->now) {
            struct message m = sim->up.items[sim->up.head++ % RING];
            serve(sim, &m);
            m.at_us = sim->now + sim->s->latency_us / 2;
            push(&sim->down, m);
        }
        while (first(&sim->down) <= sim->now) {
            struct message m = sim->down.items[sim->down.head++ % RING];
            c->reply(sim, &m);
        }
    }
    c->end(sim);
}

// What a client that knows the exchange's clock and the others' plans would take: all a window has left, as
// it opens.
static int64_t ideal_us(const struct scenario *s) {
    int64_t ready = s->start == START_BANNED ? 2 * MINUTE : 0, t = ready, reads = READS, orders = ORDERS,
            end = 0;
    int64_t offset = s->offset_us + PHASE;
    bool spent = s->start == START_LIMITED;
    while (reads > 0) {
        int64_t window_end = ((t + offset) / MINUTE + 1) * MINUTE - offset;
        int64_t room = spent ? 0 : WEIGHT_1M;   // as the window opens, before the others come
        reads -= room;
        if (room > 0) end = t;
        spent = false;
        t = window_end;
    }
    for (t = ready; orders > 0; t = ((t + offset) / SECOND + 1) * SECOND - offset) {
        orders -= ORDERS_1S;
        if (t > end) end = t;
    }
    return end + s->latency_us;
}

static void compare(const struct scenario *s) {
    double ideal = (double)ideal_us(s) / 1e6;
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
        struct sim *sim = new_sim(s, READS, ORDERS);
        run(sim, &clients[i], 3600 * SECOND);
        double took = (double)sim->finished_us / 1e6;
        int64_t refused = sim->server.refused, banned = sim->server.banned;
        char time[32];
        snprintf(time, sizeof time, sim->finished_us == NEVER ? "> 1 hour" : "%.2f s", took);
        free(sim);

        // Without end, over the ten whole minutes after the present one or the ban.
        sim = new_sim(s, -1, -1);
        int64_t offset = sim->server.offset_us;
        int64_t from = ((s->start == START_BANNED ? 2 * MINUTE : 0) + offset) / MINUTE + 1;
        struct sim *before = NULL;
        run(sim, &clients[i], from * MINUTE - offset - 1);
        int64_t reads = sim->server.reads, orders = sim->server.orders, others = sim->server.others;
        before = sim;
        sim = new_sim(s, -1, -1);
        run(sim, &clients[i], (from + 10) * MINUTE - offset - 1);
        double weight_used =
            (double)(sim->server.reads - reads) / (double)(10 * WEIGHT_1M - (sim->server.others - others));
        double orders_used = (double)(sim->server.orders - orders) / (10 * ORDERS_1M);
        refused += sim->server.refused;
        banned += sim->server.banned;
        printf("  %-24s %-13s %10s %8.2fx %9.2f %% %9.2f %% %8ld %6ld\n", i == 0 ? s->name : "",
               clients[i].name, time, sim->finished_us == NEVER && took > 1e12 ? 0 : ideal / took,
               100 * weight_used, 100 * orders_used, (long)refused, (long)banned);
        if (i == 0) {   // ours
            keep(s->name, "weight used", weight_used);
            keep(s->name, "orders used", orders_used);
        }
        free(before);
        free(sim);
    }
}

// --- the queue ----

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct request *sent_last;

static void note_send(void *ctx, struct request *r, int64_t now_us) {
    (void)ctx, (void)now_us;
    sent_last = r;
}

static void note_settled(void *ctx, struct request *r, enum settle settle, int64_t now_us) {
    (void)ctx, (void)r, (void)settle, (void)now_us;
}

static struct dispatcher *queue_of(int32_t count, struct request **requests) {
    struct api_config c;
    api_config_defaults(&c);
    c.max_queue_size = count + 10;
    c.queue_timeout_us = 86400 * SECOND;
    struct dispatcher *d =
        dispatcher_new(&c, &(struct transport){ NULL, note_send, NULL, NULL }, note_settled, NULL, 0);
    *requests = calloc((size_t)count, sizeof **requests);
    if (!d || !*requests) abort();
    for (int32_t i = 0; i < count; i++) {
        (*requests)[i] =
            (struct request){ .priority = PRIORITY_NORMAL, .strategy = (uint16_t)(i % 7), .cost = { 1 } };
        if (dispatcher_submit(d, &(*requests)[i], 0) != 0) abort();
    }
    return d;
}

static void critical_behind(int32_t count) {
    struct request *requests;
    struct dispatcher *d = queue_of(count, &requests);
    dispatcher_run(d, 0);
    struct request urgent = { .priority = PRIORITY_CRITICAL, .cost = { 1 } };
    double start = seconds();
    dispatcher_submit(d, &urgent, 1000);
    dispatcher_run(d, 1000);
    double took = seconds() - start;
    if (sent_last != &urgent) {
        printf("  CRITICAL behind %d NORMAL: NOT SENT AT ONCE\n", count);
        exit(1);
    }
    // A first-in-first-out queue sends it when those before it have been, at the budget's rate.
    printf("  CRITICAL behind %7d NORMAL   %8.2f us   first in, first out at 1,200 a minute: %.0f s\n", count,
           took * 1e6, (double)((count + 1) / WEIGHT_1M) * 60);
    dispatcher_free(d);
    free(requests);
}

static void throughput(void) {
    enum { COUNT = 1000000, RUNS = 5 };
    double best = 1e9;
    for (int k = 0; k < RUNS; k++) {
        struct api_config c;
        api_config_defaults(&c);
        for (const char **key =
                 (const char *[]){ "weight_per_minute", "requests_per_minute", "orders_per_second", NULL };
             *key; key++) {
            struct errmsg e;
            if (api_config_set_number(&c, *key, strcmp(*key, "orders_per_second") ? 1e7 : 1e5, &e) != 0)
                abort();
        }
        struct dispatcher *d =
            dispatcher_new(&c, &(struct transport){ NULL, note_send, NULL, NULL }, note_settled, NULL, 0);
        struct request r;
        double start = seconds();
        for (int64_t i = 0; i < COUNT; i++) {
            r = (struct request){ .priority = PRIORITY_NORMAL, .cost = { 1, 1 } };
            dispatcher_submit(d, &r, i);
            dispatcher_run(d, i);
            dispatcher_reply(d, &r, &(struct dispatch_reply){ .outcome = OUTCOME_DONE }, i);
        }
        best = fmin(best, seconds() - start);
        dispatcher_free(d);
    }
    printf("  one request, submitted to settled  %6.0f ns   a worker's round trip at 1 ms: %.0fx\n",
           best * 1e9 / COUNT, 1e6 / (best * 1e9 / COUNT));
    struct request *requests;
    double start = seconds();
    struct dispatcher *d = queue_of(COUNT, &requests);
    double filled = seconds() - start;
    printf("  a request queued at a million      %6.0f ns   %zu bytes each, nothing allocated\n",
           filled * 1e9 / COUNT, sizeof(struct request));
    dispatcher_free(d);
    free(requests);
}

int main(void) {
    static const struct scenario scenarios[] = {
        { "latency 0 ms", 0, 0, 0, START_CLEAN },
        { "latency 50 ms", 50000, 0, 0, START_CLEAN },
        { "latency 250 ms", 250000, 0, 0, START_CLEAN },
        { "clock 500 ms ahead", 50000, 500000, 0, START_CLEAN },
        { "clock 500 ms behind", 50000, -500000, 0, START_CLEAN },
        { "another client, 30 %", 50000, 0, 0.3, START_CLEAN },
        { "after a 429", 50000, 0, 0, START_LIMITED },
        { "after a 418", 50000, 0, 0, START_BANNED },
    };
    printf("\nlimits: %d weight a minute, %d orders a second, virtual time; %d reads and %d orders, then ten "
           "minutes without end\n",
           WEIGHT_1M, ORDERS_1S, READS, ORDERS);
    printf("  %-24s %-13s %10s %9s %11s %11s %8s %6s\n", "", "", "time", "ideal", "weight used",
           "orders used", "refused", "bans");
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) compare(&scenarios[i]);
    printf("\nqueue: CPU time\n");
    critical_behind(500);
    critical_behind(100000);
    throughput();
    return 0;
}
