// end_counts.c: counts what ends a run, see end_counts.h.
#include "world/live/end_counts.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

void end_counts_free(struct end_counts *c) {
    free(c->sent);
    *c = (struct end_counts){ 0 };
}

static bool last(int64_t *left) { return *left > 0 && --*left == 0; }

void end_counts_delivered(struct end_counts *c, bool bar) {
    if (last(bar ? &c->bars : &c->events)) c->reached = true;
    if (c->to_deliver > 0) c->to_deliver--;
}

static bool places(const struct call *call) {
    return call->endpoint == EP_ORDER_NEW || call->endpoint == EP_ALGO_NEW;
}

static void add(struct end_counts *c, const char *id) {
    if (c->sent_count == c->sent_size) {
        c->sent_size = c->sent_size ? c->sent_size * 2 : 16;
        c->sent = realloc(c->sent, sizeof *c->sent * (size_t)c->sent_size);
        ASSERT(c->sent != NULL);
    }
    memcpy(c->sent[c->sent_count++], id, CLIENT_ID_MAX);
}

static bool ended(struct end_counts *c, const char *id) {
    for (int32_t i = 0; i < c->sent_count; i++) {
        if (strcmp(c->sent[i], id) != 0) continue;
        memcpy(c->sent[i], c->sent[--c->sent_count], CLIENT_ID_MAX);
        return last(&c->orders);
    }
    return false;
}

void end_counts_sent(struct end_counts *c, const struct api_call *op) {
    if (c->orders == 0) return;
    if (places(&op->call)) add(c, op->call.client_id);
    for (int32_t i = 0; op->call.batch && i < op->call.batch_count; i++) {
        if (places(&op->batch[i])) add(c, op->batch[i].client_id);
    }
}

bool end_counts_settled(struct end_counts *c, const struct api_call *op, enum settle settle) {
    bool done = settle == SETTLE_DONE, all = false;
    if (c->orders == 0 || settle == SETTLE_UNKNOWN) return false;
    if (places(&op->call) && !done) all = ended(c, op->call.client_id);
    for (int32_t i = 0; op->call.batch && i < op->call.batch_count; i++) {
        if (!done || op->batch_code[i] != 0) all = ended(c, op->batch[i].client_id) || all;
    }
    return all;
}

static bool order_over(uint8_t status) { return status != STATUS_NEW && status != STATUS_PARTIALLY_FILLED; }

static bool algo_over(uint8_t status) {
    return status == ALGO_CANCELED || status == ALGO_FINISHED || status == ALGO_REJECTED ||
           status == ALGO_EXPIRED;
}

bool end_counts_event(struct end_counts *c, const struct stream_event *e) {
    if (c->orders == 0) return false;
    if (e->kind == RECORD_ORDER_UPDATE && order_over(e->u.order.order.status))
        return ended(c, e->u.order.order.client_id);
    return e->kind == RECORD_ALGO_UPDATE && algo_over(e->u.algo.order.algo_status) &&
           ended(c, e->u.algo.order.client_id);
}
