// exposure.c: orders that may still fill, by symbol and side.
#include "execution/exposure.h"

#include "base/array.h"
#include "base/assert.h"
#include "venue/binance/endpoint.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    char id[CLIENT_ID_MAX];
    int64_t order_id, remaining_e8, before_e8, sent_us;   // before_e8: of an amendment under way, what it was
    int16_t symbol;
    uint8_t side, position_side;
    bool reduces, known, algo;   // known: the exchange has spoken of it
};

struct exposure {
    struct entry *entries;
    int32_t count, room;
};

struct exposure *exposure_new(void) {
    return calloc(1, sizeof(struct exposure));
}

void exposure_free(struct exposure *x) {
    if (!x) return;
    ASSERT(x->count <= x->room);
    free(x->entries);
    free(x);
}

static struct entry *by_id(const struct exposure *x, const char *id) {
    ASSERT(x->count >= 0 && x->count <= x->room);
    for (int32_t i = 0; id[0] && i < x->count; i++) {
        if (strcmp(x->entries[i].id, id) == 0) return &x->entries[i];
    }
    return NULL;
}

static struct entry *of_amendment(const struct exposure *x, const struct call *c) {
    ASSERT(c->endpoint == EP_ORDER_MODIFY);
    if (c->orig_client_id[0]) return by_id(x, c->orig_client_id);
    for (int32_t i = 0; c->order_id != 0 && i < x->count; i++) {
        if (!x->entries[i].algo && x->entries[i].order_id == c->order_id && x->entries[i].symbol == c->symbol)
            return &x->entries[i];
    }
    return NULL;
}

static void drop(struct exposure *x, struct entry *e) {
    ASSERT(e >= x->entries && e < x->entries + x->count);
    *e = x->entries[--x->count];
    ASSERT(x->count >= 0);
}

static struct entry *add(struct exposure *x, const char *id) {
    ASSERT(memchr(id, '\0', CLIENT_ID_MAX) != NULL);
    struct entry *e = by_id(x, id);
    if (e) return e;
    ARRAY_ROOM(x->entries, x->room, x->count + 1);
    e = &x->entries[x->count++];
    memset(e, 0, sizeof *e);
    memcpy(e->id, id, CLIENT_ID_MAX);
    ASSERT(x->count <= x->room);
    return e;
}

static bool reducing_side(uint8_t side, uint8_t position_side) {
    ASSERT(position_side < POSITION_SIDE_COUNT);
    return (position_side == POSITION_LONG && side == SIDE_SELL) ||
           (position_side == POSITION_SHORT && side == SIDE_BUY);
}

void exposure_sent(struct exposure *x, const struct call *c, int64_t now_us) {
    ASSERT(c->side < SIDE_COUNT && c->position_side < POSITION_SIDE_COUNT);
    if (c->endpoint == EP_ORDER_MODIFY) {
        struct entry *old = of_amendment(x, c);
        if (!old) return;
        old->before_e8 = old->remaining_e8;
        if (c->quantity_e8 > old->remaining_e8) old->remaining_e8 = c->quantity_e8;
        ASSERT(old->remaining_e8 >= c->quantity_e8);   // the worst of before and after
        return;
    }
    if (!c->client_id[0]) return;
    struct entry *e = add(x, c->client_id);
    ASSERT(strcmp(e->id, c->client_id) == 0);
    e->remaining_e8 = c->quantity_e8;
    e->sent_us = now_us;
    e->symbol = c->symbol;
    e->side = c->side;
    e->position_side = c->position_side;
    e->algo = c->endpoint == EP_ALGO_NEW;
    e->reduces = c->reduce_only || (e->algo && c->close_position) || reducing_side(c->side, c->position_side);
}

void exposure_failed(struct exposure *x, const struct call *c) {
    ASSERT(c->endpoint < EP_COUNT);
    struct entry *e = c->endpoint == EP_ORDER_MODIFY ? of_amendment(x, c) : by_id(x, c->client_id);
    if (!e) return;
    if (c->endpoint == EP_ORDER_MODIFY)
        e->remaining_e8 = e->before_e8;
    else if (!e->known)
        drop(x, e);
}

static bool is_open(const struct order_record *o) {
    ASSERT(o->status < STATUS_COUNT);
    return o->status == STATUS_NEW || o->status == STATUS_PARTIALLY_FILLED;
}

void exposure_reply(struct exposure *x, const struct order_record *o) {
    struct entry *e = by_id(x, o->client_id);
    if (!e) return;
    e->known = true;
    e->order_id = o->order_id;
    if (!is_open(o) && o->executed_qty_e8 == 0) drop(x, e);
}

void exposure_order(struct exposure *x, const struct order_record *o) {
    ASSERT(o->side < SIDE_COUNT && o->position_side < POSITION_SIDE_COUNT);
    if (!is_open(o)) {
        struct entry *e = by_id(x, o->client_id);
        if (e) drop(x, e);
        return;
    }
    struct entry *e = add(x, o->client_id);
    e->known = true;
    e->order_id = o->order_id;
    e->remaining_e8 = e->before_e8 = o->orig_qty_e8 - o->executed_qty_e8;
    e->symbol = o->symbol;
    e->side = o->side;
    e->position_side = o->position_side;
    e->reduces = o->reduce_only || o->close_position || reducing_side(o->side, o->position_side);
}

void exposure_algo(struct exposure *x, const struct algo_record *a) {
    ASSERT(a->side < SIDE_COUNT && a->position_side < POSITION_SIDE_COUNT);
    ASSERT(a->algo_status < ALGO_STATUS_COUNT);
    if (a->algo_status != ALGO_NEW) {
        struct entry *e = by_id(x, a->client_id);
        if (e) drop(x, e);
        return;
    }
    struct entry *e = add(x, a->client_id);
    e->known = e->algo = true;
    e->order_id = a->algo_id;
    e->remaining_e8 = a->quantity_e8;
    e->symbol = a->symbol;
    e->side = a->side;
    e->position_side = a->position_side;
    e->reduces = a->reduce_only || a->close_position || reducing_side(a->side, a->position_side);
}

static void forget(struct exposure *x, int64_t now_us) {
    ASSERT(x->count >= 0);
    for (int32_t i = 0; i < x->count; i++) {
        if (!x->entries[i].known && now_us - x->entries[i].sent_us > EXPOSURE_FORGET_US)
            drop(x, &x->entries[i--]);
    }
}

int64_t exposure_open_e8(struct exposure *x, int16_t symbol, uint8_t position_side, uint8_t side,
                         const struct call *but, int64_t now_us) {
    ASSERT(side < SIDE_COUNT && position_side < POSITION_SIDE_COUNT);
    forget(x, now_us);
    const struct entry *left_out = but ? of_amendment(x, but) : NULL;
    int64_t sum = 0;
    for (int32_t i = 0; i < x->count; i++) {
        const struct entry *e = &x->entries[i];
        if (e == left_out || e->reduces || e->symbol != symbol || e->side != side) continue;
        bool hedge = position_side != POSITION_BOTH;
        if (!hedge || e->position_side == position_side) sum += e->remaining_e8;
    }
    return sum;
}

int32_t exposure_count(struct exposure *x, int64_t now_us) {
    forget(x, now_us);
    ASSERT(x->count >= 0 && x->count <= x->room);
    return x->count;
}

bool exposure_reduces(const struct exposure *x, const struct call *amendment) {
    ASSERT(amendment->endpoint == EP_ORDER_MODIFY);
    const struct entry *e = of_amendment(x, amendment);
    return e && e->reduces;
}
