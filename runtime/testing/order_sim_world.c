// order_sim_world.c: what the client has around it: time and chance, a journal, a network, an exchange.
#include "testing/order_sim_private.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- chance ----

int64_t sim_between(struct sim *s, int64_t low, int64_t high) {
    return low + (int64_t)rng_below(&s->rng, (uint64_t)(high - low + 1));
}
bool sim_chance(struct sim *s, int32_t per_mille) {
    return !s->calm && (int32_t)rng_below(&s->rng, 1000) < per_mille;
}

void sim_finding(struct sim *s, int64_t number, int64_t *kind, const char *what) {
    ++*kind;
    if (s->report->findings++ > 0) return;
    const struct sim_order *o = &s->orders[number];
    snprintf(s->text, s->text_size,
             "seed %" PRIu64 ", order s%" PRId64 ": %s (taken %d times, told %d, journal %d)", s->o.seed,
             number, what, o->accepted, o->belief, o->in_journal ? o->booked : -1);
}

// ---- time ----

static bool is_before(const struct event *a, const struct event *b) {
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void sim_push(struct sim *s, struct event e) {
    if (s->heap_count == s->heap_size) {
        s->heap_size = s->heap_size ? s->heap_size * 2 : 1024;
        s->heap = realloc(s->heap, sizeof *s->heap * (size_t)s->heap_size);
        ASSERT(s->heap != NULL);
    }
    e.order = s->event_order++;
    int32_t i = s->heap_count++;
    for (; i > 0 && is_before(&e, &s->heap[(i - 1) / 2]); i = (i - 1) / 2) s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = e;
}

struct event sim_pop(struct sim *s) {
    struct event first = s->heap[0], last = s->heap[--s->heap_count];
    int32_t i = 0;
    for (;;) {
        int32_t child = 2 * i + 1;
        if (child >= s->heap_count) break;
        if (child + 1 < s->heap_count && is_before(&s->heap[child + 1], &s->heap[child])) child++;
        if (!is_before(&s->heap[child], &last)) break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = last;
    return first;
}

int64_t sim_exchange_now(const struct sim *s) { return s->now_us + s->offset_us; }

// ---- the journal ----

int64_t sim_number_of(const char *client_id) {
    return client_id[0] == 's' ? strtoll(client_id + 1, NULL, 10) : -1;
}

static void write_down(struct sim *s, struct sim_journal_write w) {
    struct write_list *l = &s->waiting;
    if (l->count == l->size) {
        l->size = l->size ? l->size * 2 : 64;
        l->items = realloc(l->items, sizeof *l->items * (size_t)l->size);
        ASSERT(l->items != NULL);
    }
    l->items[l->count++] = w;
}

void sim_intend(void *ctx, const struct journal_intent *i, uint64_t tag) {
    write_down(ctx, (struct sim_journal_write){ .number = sim_number_of(i->client_id),
                                                .executed_e8 = i->made_us,
                                                .tag = tag,
                                                .intent = true });
    struct sim *s = ctx;
    if (s->o.broken == SIM_SKIPS_JOURNAL) gateway_written(s->gateway, tag, ERR_OK);   // and it is not
}

void sim_settle(void *ctx, const struct journal_outcome *o) {
    int64_t number = sim_number_of(o->client_id);
    bool over = o->status[0] && strcmp(o->status, "NEW") != 0 && strcmp(o->status, "PARTIALLY_FILLED") != 0;
    struct sim_journal_write w = {
        .number = number, .state = o->state, .executed_e8 = o->executed_e8, .over = over
    };
    if (number >= 0) write_down(ctx, w);
}

// As the statements of store/journal.c do.
void sim_carry_out(struct sim *s) {
    for (int32_t i = 0; i < s->carried.count; i++) {
        const struct sim_journal_write *w = &s->carried.items[i];
        struct sim_order *o = &s->orders[w->number];
        if (w->intent) {
            o->in_journal = true;
            o->made_us = w->executed_e8;
            if (o->booked != JOURNAL_ACCEPTED && o->booked != JOURNAL_REFUSED) o->booked = JOURNAL_INTENT;
        } else if (o->in_journal) {
            if (o->booked != JOURNAL_ACCEPTED) o->booked = w->state;
            o->over = o->over || w->over;
            if (w->executed_e8 > o->booked_e8) o->booked_e8 = w->executed_e8;
        }
    }
}

void sim_start_commit(struct sim *s) {
    if (s->committing || s->waiting.count == 0 || s->life == 0) return;
    struct write_list l = s->carried;
    s->carried = s->waiting;
    s->waiting = l;
    s->waiting.count = 0;
    s->committing = true;
    int64_t took_us = sim_chance(s, 2)    ? sim_between(s, SECOND, 6 * SECOND)
                      : sim_chance(s, 50) ? sim_between(s, MS, 300 * MS)
                                          : sim_between(s, 20, 500);
    sim_push(s, (struct event){ .at_us = s->now_us + took_us, .kind = COMMITS, .life = s->life });
}

void sim_commit_done(struct sim *s) {
    bool failed = sim_chance(s, 4);
    s->committing = false;
    s->report->commits++;
    s->report->commits_failed += failed;
    if (!failed) sim_carry_out(s);
    for (int32_t i = 0; i < s->carried.count; i++) {
        const struct sim_journal_write *w = &s->carried.items[i];
        bool told_well = !failed || s->o.broken == SIM_IGNORES_COMMITS;
        s->orders[w->number].write_failed |= failed;
        gateway_written(s->gateway, w->tag, told_well ? ERR_OK : ERR_IO);
    }
}

// ---- the network ----

static int64_t way_us(struct sim *s, int64_t longest_us) {
    bool slow = sim_chance(s, s->now_us < s->trouble_until_us ? 200 : 10);
    return slow ? sim_between(s, SECOND, longest_us) : sim_between(s, MS, 50 * MS);
}

static void decide_fate(struct sim *s, struct packet *p) {
    p->lose_answer = sim_chance(s, 30);
    p->error_before = sim_chance(s, 25);
    p->error_after = !p->error_before && sim_chance(s, 25);
    static const int32_t statuses[] = { 503, 500, 502, 504, 408 };
    p->error_status = statuses[sim_between(s, p->error_after ? 1 : 0, 4)];
    p->back_us = way_us(s, 8 * SECOND);
}

void sim_send(void *ctx, struct api_call *op, int64_t stamp_us) {
    struct sim *s = ctx;
    sim_push(s, (struct event){ .at_us = s->now_us + ANSWER_TIMEOUT,
                                .kind = TIMES_OUT,
                                .life = s->life,
                                .token = gateway_token(op) });
    if (sim_chance(s, 15)) {
        gateway_unsent(s->gateway, op, "no connection");
        return;
    }
    if (sim_chance(s, 20)) return;   // lost on its way
    struct packet *p = calloc(1, sizeof *p);
    ASSERT(p != NULL);
    s->under_way++;
    p->call = op->call;
    if (op->call.batch) {
        memcpy(p->batch, op->batch, sizeof *op->batch * op->call.batch_count);
        p->call.batch = p->batch;
    }
    p->answer.call = p->call;
    p->token = gateway_token(op);
    p->life = s->life;
    p->stamp_us = stamp_us;
    p->left_us = s->now_us;
    p->clock_sets = s->clock_sets;
    bool stale = s->measured_sets != s->clock_sets || clock_uncertainty_us(&s->clock, s->now_us) > SECOND;
    p->stamp_excused = clock_known(&s->clock) && stale;
    decide_fate(s, p);
    int64_t at_us = s->now_us + way_us(s, 12 * SECOND);
    sim_push(s, (struct event){ .at_us = at_us, .kind = ARRIVES, .body = p });
}

void sim_time_out(struct sim *s, uint64_t token) {
    struct api_call *op = gateway_waiting(s->gateway, token);
    if (!op) return;
    if (s->o.broken == SIM_RESENDS_AT_ONCE && op->request.mutating)
        gateway_unsent(s->gateway, op, "");
    else
        gateway_lost(s->gateway, op, "no answer in time");
}

void sim_take_answer(struct sim *s, struct packet *p) {
    struct api_call *op = p->life == s->life ? gateway_waiting(s->gateway, p->token) : NULL;
    if (!op) return;
    bool kept = api_call_copy_answer(op, &p->answer);
    ASSERT(kept);
    memcpy(op->batch_code, p->answer.batch_code, sizeof op->batch_code);
    gateway_answered(s->gateway, op);
}

// The exchange reads its clock when it is asked, or when its answer arrives: both are possible.
bool sim_ask_clock(void *ctx) {
    struct sim *s = ctx;
    bool lost = sim_chance(s, 100);
    s->clock_asked_us = s->now_us;
    s->clock_server_us = lost ? -1 : sim_between(s, 0, 1) ? sim_exchange_now(s) : 0;
    s->asked_sets = s->clock_sets;
    int64_t took_us = lost ? sim_between(s, SECOND, 4 * SECOND) : sim_between(s, 2 * MS, 100 * MS);
    sim_push(s, (struct event){ .at_us = s->now_us + took_us, .kind = CLOCK_ANSWERS, .life = s->life });
    return true;
}

void sim_clock_answers(struct sim *s) {
    if (s->clock_server_us < 0) {
        sim_push(s, (struct event){ .at_us = s->now_us + SECOND, .kind = CLOCK_DUE, .life = s->life });
    } else {
        s->measured_sets = s->clock_server_us ? s->asked_sets : s->clock_sets;
        int64_t server_us = s->clock_server_us ? s->clock_server_us : sim_exchange_now(s);
        clock_sample(&s->clock, s->clock_asked_us, s->now_us, server_us / MS * MS, MS);
        dispatcher_clock(s->dispatcher, clock_offset_us(&s->clock),
                         clock_uncertainty_us(&s->clock, s->now_us));
    }
    gateway_clock_answered(s->gateway);
}

// ---- the exchange ----

static void count_accepted(struct sim *s, const struct call *c, const struct order_record *row) {
    int64_t number = sim_number_of(c->client_id);
    s->orders[number].accepted++;
    s->orders[number].order_id = row->order_id;
}

void sim_on_reply(void *ctx, uint64_t token, const struct reply *r, int64_t now_us) {
    (void)token;
    (void)now_us;
    struct sim *s = ctx;
    struct packet *p = s->arriving;
    ASSERT(p != NULL);
    p->answered = true;
    MUST(api_call_keep_reply(&p->answer, r));
    const struct order_record *rows = r->rows;
    if (p->call.endpoint == EP_ORDER_NEW && r->code == 0) count_accepted(s, &p->call, rows);
    if (p->call.endpoint == EP_ALGO_NEW && r->code == 0)
        s->orders[sim_number_of(p->call.client_id)].accepted++;
    for (int32_t i = 0; p->call.endpoint == EP_BATCH_NEW && r->code == 0 && i < p->call.batch_count; i++) {
        if (r->batch_code[i] == 0) count_accepted(s, &p->call.batch[i], &rows[i]);
    }
}

void sim_on_event(void *ctx, int32_t kind, const void *record, int64_t now_us) {
    (void)now_us;
    struct sim *s = ctx;
    if ((kind != RECORD_ORDER_UPDATE && kind != RECORD_ALGO_UPDATE) || s->life == 0 ||
        s->now_us < s->silent_until_us || sim_chance(s, 30))
        return;
    if (sim_chance(s, 2)) s->silent_until_us = s->now_us + sim_between(s, SECOND, 10 * SECOND);
    for (int32_t times = sim_chance(s, 20) ? 2 : 1; times > 0; times--) {
        struct sim_stream_event *e = malloc(sizeof *e);
        ASSERT(e != NULL);
        s->streaming++;
        e->life = s->life;
        e->kind = kind;
        if (kind == RECORD_ALGO_UPDATE)
            memcpy(&e->u.algo, record, sizeof e->u.algo);
        else
            memcpy(&e->u.order, record, sizeof e->u.order);
        int64_t at_us = s->now_us + sim_between(s, MS, 40 * MS);
        if (at_us < s->last_stream_us) at_us = s->last_stream_us;
        s->last_stream_us = at_us;
        sim_push(s, (struct event){ .at_us = at_us, .kind = STREAMS, .life = s->life, .body = e });
    }
}

void sim_free_packet(struct sim *s, struct packet *p) {
    s->under_way--;
    free(p->answer.rows);
    free(p);
}

// A request that changes something is stamped as it leaves, by a clock that is known: only a slow way or a clock that
// was set can make its stamp bad.
static void check_stamp(struct sim *s, const struct packet *p) {
    bool slow = s->now_us - p->left_us > RECV_WINDOW - SECOND;
    if (slow || p->stamp_excused || p->clock_sets != s->clock_sets) return;
    if (!endpoint_info(p->call.endpoint)->mutating) return;
    const struct call *c = p->call.batch ? p->call.batch : &p->call;
    int64_t number = sim_number_of(c->client_id[0] ? c->client_id : c->orig_client_id);
    sim_finding(s, number >= 0 ? number : 0, &s->report->misstated, "its stamp is not of the time it left");
}

void sim_arrive(struct sim *s, struct packet *p) {
    int64_t age_us = sim_exchange_now(s) - p->stamp_us;
    if (age_us > RECV_WINDOW || age_us < -SECOND) {
        s->report->late_arrivals += age_us > RECV_WINDOW;
        check_stamp(s, p);
        api_call_fail(&p->answer, 400, -1021, "Timestamp for this request is outside of the recvWindow.");
    } else if (p->error_before) {
        bool says_so = p->error_status == 503;
        api_call_fail(&p->answer, p->error_status, says_so ? -1008 : 0,
                      "Request throttled by system-level protection.");
    } else {
        s->arriving = p;
        exchange_call(s->exchange, &p->call, 0, sim_exchange_now(s));
        s->arriving = NULL;
        ASSERT(p->answered);
        if (p->error_after)
            api_call_fail(&p->answer, p->error_status, p->error_status == 408 ? -1007 : 0,
                          "Unknown error, please check your request or try again later.");
    }
    if (p->lose_answer || p->life != s->life) {
        s->report->lost_answers += p->lose_answer;
        sim_free_packet(s, p);
        return;
    }
    sim_push(s,
             (struct event){ .at_us = s->now_us + p->back_us, .kind = ANSWERS, .life = p->life, .body = p });
}
