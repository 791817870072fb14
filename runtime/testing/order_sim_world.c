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

void sim_finding(struct sim *s, int64_t number, const char *what) {
    if (s->report->findings++ > 0) return;
    const struct order *o = &s->orders[number];
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
int64_t sim_believed_now(const struct sim *s) { return s->now_us + s->believed_offset_us; }

// ---- the journal ----

int64_t sim_number_of(const char *client_id) {
    return client_id[0] == 's' ? strtoll(client_id + 1, NULL, 10) : -1;
}

static void write_down(struct sim *s, struct journal_write w) {
    struct write_list *l = &s->waiting;
    if (l->count == l->size) {
        l->size = l->size ? l->size * 2 : 64;
        l->items = realloc(l->items, sizeof *l->items * (size_t)l->size);
        ASSERT(l->items != NULL);
    }
    l->items[l->count++] = w;
}

void sim_intend(void *ctx, const struct journal_intent *i, uint64_t tag) {
    write_down(ctx, (struct journal_write){ .number = sim_number_of(i->client_id),
                                            .executed_e8 = i->made_us,
                                            .tag = tag,
                                            .intent = true });
}

void sim_settle(void *ctx, const struct journal_outcome *o) {
    int64_t number = sim_number_of(o->client_id);
    bool over = o->status[0] && strcmp(o->status, "NEW") != 0 && strcmp(o->status, "PARTIALLY_FILLED") != 0;
    struct journal_write w = {
        .number = number, .state = o->state, .executed_e8 = o->executed_e8, .over = over
    };
    if (number >= 0) write_down(ctx, w);
}

// As the statements of store/journal.c do.
void sim_carry_out(struct sim *s) {
    for (int32_t i = 0; i < s->carried.count; i++) {
        const struct journal_write *w = &s->carried.items[i];
        struct order *o = &s->orders[w->number];
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
        bool told_well = !failed || s->o.broken == SIM_IGNORES_COMMITS;
        intent_log_down(s->intents, s->carried.items[i].tag, told_well ? ERR_OK : ERR_IO);
    }
}

// ---- the exchange and the network ----

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
    ASSERT(api_call_keep_reply(&p->answer, r));
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

static void answer_error(struct packet *p, int32_t status, int32_t code, const char *message) {
    p->answer.status = status;
    p->answer.code = code;
    p->answer.count = 0;
    p->answer.list = false;
    p->answer.kind = RECORD_ERROR;
    snprintf(p->answer.message, sizeof p->answer.message, "%s", message);
}

void sim_free_packet(struct sim *s, struct packet *p) {
    s->under_way--;
    free(p->answer.rows);
    free(p);
}

void sim_arrive(struct sim *s, struct packet *p) {
    int64_t age_us = sim_exchange_now(s) - p->stamp_us;
    if (age_us > RECV_WINDOW || age_us < -SECOND) {
        s->report->late_arrivals += age_us > RECV_WINDOW;
        answer_error(p, 400, -1021, "Timestamp for this request is outside of the recvWindow.");
    } else if (p->error_before) {
        bool says_so = p->error_status == 503;
        answer_error(p, p->error_status, says_so ? -1008 : 0,
                     "Request throttled by system-level protection.");
    } else {
        s->arriving = p;
        exchange_call(s->exchange, &p->call, 0, sim_exchange_now(s));
        s->arriving = NULL;
        ASSERT(p->answered);
        if (p->error_after)
            answer_error(p, p->error_status, p->error_status == 408 ? -1007 : 0,
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
