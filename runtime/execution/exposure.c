// exposure.c: orders that may still fill, by symbol and side.
#include "execution/exposure.h"

#include "base/array.h"
#include "base/assert.h"
#include "base/num.h"
#include "venue/binance/endpoint.h"

#include <stdlib.h>
#include <string.h>

enum { OVER_MAX = 1024 };
#define LISTED_AFTER_US INT64_C(3000000)   // so long a listing may not show an order that was accepted

struct order_id {
    int64_t id;   // the exchange's; 0: not known yet
    int16_t symbol;
    bool algo;
};

struct entry {
    uint64_t key;
    struct order_id order;
    char client_id[CLIENT_ID_MAX];
    int64_t quantity_e8;   // as it was sent
    int64_t left_e8;       // as is known
    int64_t most_e8;       // by an amendment under way: no less counts while there is one
    int64_t price_e8;      // the highest of its prices; 0: none
    int64_t adverse_e8;    // by how much a unit of it may be worse off at its limit price; 0 once it rests
    int64_t known_us;      // since when the exchange is known to have it
    int32_t amendments;    // under way
    uint8_t side, position_side;
    bool reduces, either;   // either: which way it goes is not known
    bool listed;
};

struct exposure {
    struct entry *entries;
    int32_t count, room;
    uint64_t keys;
    struct order_id over[OVER_MAX];   // the last ones that ended
    int32_t over_at;
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

// ---- which entry ----

static struct entry *by_key(const struct exposure *x, uint64_t key) {
    ASSERT(x->count <= x->room);
    for (int32_t i = 0; key != 0 && i < x->count; i++) {
        if (x->entries[i].key == key) return &x->entries[i];
    }
    return NULL;
}

static bool same_order(struct order_id a, struct order_id b) {
    return a.id == b.id && a.symbol == b.symbol && a.algo == b.algo;
}

static struct entry *by_order(const struct exposure *x, struct order_id order) {
    ASSERT(order.id != 0);
    for (int32_t i = 0; i < x->count; i++) {
        if (same_order(x->entries[i].order, order)) return &x->entries[i];
    }
    return NULL;
}

// An order under way that an event of this client id may be about: one that looks the same.
static struct entry *under_way(const struct exposure *x, struct order_id order, const char *client_id,
                               uint8_t side, int64_t quantity_e8) {
    for (int32_t i = 0; client_id[0] && i < x->count; i++) {
        struct entry *e = &x->entries[i];
        bool same = e->order.id == 0 && e->order.symbol == order.symbol && e->order.algo == order.algo;
        if (same && e->side == side && e->quantity_e8 == quantity_e8 && strcmp(e->client_id, client_id) == 0)
            return e;
    }
    return NULL;
}

bool exposure_names(const struct exposure *x, const char *client_id) {
    ASSERT(client_id[0] != '\0');
    for (int32_t i = 0; i < x->count; i++) {
        const struct entry *e = &x->entries[i];
        if (e->order.id == 0 && strcmp(e->client_id, client_id) == 0) return true;
    }
    return false;
}

static bool amends(const struct entry *e, const struct call *c) {
    if (e->order.algo || e->order.symbol != c->symbol) return false;
    bool by_id = c->order_id == 0 || (e->order.id != 0 && e->order.id == c->order_id);
    bool by_name = !c->orig_client_id[0] || strcmp(e->client_id, c->orig_client_id) == 0;
    return by_id && by_name && (c->order_id != 0 || c->orig_client_id[0]);
}

// The one order that an amendment can be about; NULL: none, or that is not certain.
static struct entry *amended(const struct exposure *x, const struct call *c) {
    struct entry *found = NULL;
    ASSERT(c->endpoint == EP_ORDER_MODIFY);
    for (int32_t i = 0; i < x->count; i++) {
        if (!amends(&x->entries[i], c)) continue;
        if (found) return NULL;
        found = &x->entries[i];
    }
    return found;
}

// ---- life ----

static bool was_over(const struct exposure *x, struct order_id order) {
    ASSERT(x->over_at >= 0 && x->over_at < OVER_MAX);
    for (int32_t i = 0; i < OVER_MAX; i++) {
        if (same_order(x->over[i], order)) return true;
    }
    return false;
}

static void drop(struct exposure *x, struct entry *e) {
    ASSERT(e >= x->entries && e < x->entries + x->count);
    *e = x->entries[--x->count];
    ASSERT(x->count >= 0);
}

static void end(struct exposure *x, struct order_id order, struct entry *e) {
    ASSERT(order.id != 0);
    if (!was_over(x, order)) {
        x->over[x->over_at] = order;
        x->over_at = (x->over_at + 1) % OVER_MAX;
    }
    if (e) drop(x, e);
}

static struct entry *add(struct exposure *x) {
    ARRAY_ROOM(x->entries, x->room, x->count + 1);
    struct entry *e = &x->entries[x->count++];
    memset(e, 0, sizeof *e);
    e->key = ++x->keys;
    ASSERT(e->key != 0);
    return e;
}

static bool reducing_side(uint8_t side, uint8_t position_side) {
    ASSERT(position_side < POSITION_SIDE_COUNT);
    return (position_side == POSITION_LONG && side == SIDE_SELL) ||
           (position_side == POSITION_SHORT && side == SIDE_BUY);
}

static int64_t highest(int64_t a, int64_t b, int64_t c) { return num_max(a, num_max(b, c)); }

// ---- what is sent ----

static uint64_t sent_amendment(struct exposure *x, const struct call *c) {
    struct entry *e = amended(x, c);
    if (!e) {   // of an order not known, or of one of several: as one more, whichever way it goes
        e = add(x);
        e->order.symbol = c->symbol;
        e->left_e8 = num_max(c->quantity_e8, 0);
        e->quantity_e8 = c->quantity_e8;
        e->price_e8 = c->price_e8;
        e->position_side = c->position_side;
        e->either = true;
        return e->key;
    }
    e->most_e8 = num_max(e->amendments > 0 ? e->most_e8 : 0, c->quantity_e8);
    e->price_e8 = num_max(e->price_e8, c->price_e8);
    e->amendments++;
    return e->key;
}

uint64_t exposure_sent(struct exposure *x, const struct call *c, int64_t price_e8) {
    ASSERT(c->side < SIDE_COUNT && c->position_side < POSITION_SIDE_COUNT);
    if (c->endpoint == EP_ORDER_MODIFY) return sent_amendment(x, c);
    struct entry *e = add(x);
    memcpy(e->client_id, c->client_id, CLIENT_ID_MAX);
    e->order = (struct order_id){ 0, c->symbol, c->endpoint == EP_ALGO_NEW };
    e->left_e8 = num_max(c->quantity_e8, 0);
    e->quantity_e8 = c->quantity_e8;
    e->price_e8 = highest(c->price_e8, c->stop_price_e8, c->activate_price_e8);
    if (c->type == ORDER_LIMIT && c->price_e8 != 0 && price_e8 != 0)
        e->adverse_e8 = num_max(c->side == SIDE_BUY ? c->price_e8 - price_e8 : price_e8 - c->price_e8, 0);
    e->side = c->side;
    e->position_side = c->position_side;
    e->reduces = c->reduce_only || (e->order.algo && c->close_position && c->quantity_e8 == 0) ||
                 reducing_side(c->side, c->position_side);
    return e->key;
}

// One amendment less is under way. False: the entry stood for the amendment alone, and is gone.
static bool amendment_over(struct exposure *x, struct entry *e) {
    ASSERT(e->either || e->order.id != 0 || e->amendments >= 0);
    if (e->either) {
        drop(x, e);
        return false;
    }
    if (e->amendments > 0) e->amendments--;
    return true;
}

void exposure_failed(struct exposure *x, uint64_t key) {
    ASSERT(key <= x->keys);
    struct entry *e = by_key(x, key);
    if (!e) return;
    if (e->either || e->amendments > 0)
        amendment_over(x, e);
    else if (e->order.id == 0)
        drop(x, e);
}

// ---- what is shown ----

static bool is_open(const struct order_record *o) {
    ASSERT(o->status < STATUS_COUNT);
    return o->status == STATUS_NEW || o->status == STATUS_PARTIALLY_FILLED;
}

static void show(struct entry *e, const struct order_record *o, int64_t now_us) {
    ASSERT(o->order_id != 0);
    if (e->order.id == 0) e->known_us = now_us;
    e->order = (struct order_id){ o->order_id, o->symbol, false };
    memcpy(e->client_id, o->client_id, CLIENT_ID_MAX);
    e->quantity_e8 = o->orig_qty_e8;
    e->left_e8 = num_max(o->orig_qty_e8 - o->executed_qty_e8, 0);
    if (e->amendments == 0) e->price_e8 = highest(o->price_e8, o->stop_price_e8, o->activate_price_e8);
    e->side = o->side;
    e->position_side = o->position_side;
    e->reduces = o->reduce_only || o->close_position || reducing_side(o->side, o->position_side);
    e->either = false;
    e->adverse_e8 = 0;
    e->listed = true;
}

static void show_algo(struct entry *e, const struct algo_record *a, int64_t now_us) {
    ASSERT(a->algo_id != 0);
    if (e->order.id == 0) e->known_us = now_us;
    e->order = (struct order_id){ a->algo_id, a->symbol, true };
    memcpy(e->client_id, a->client_id, CLIENT_ID_MAX);
    e->left_e8 = num_max(a->quantity_e8, 0);
    e->quantity_e8 = a->quantity_e8;
    e->price_e8 = highest(a->price_e8, a->trigger_price_e8, a->activate_price_e8);
    e->side = a->side;
    e->position_side = a->position_side;
    e->reduces = a->reduce_only || a->close_position || reducing_side(a->side, a->position_side);
    e->listed = true;
}

// The entry of an order that is open: its own, that of a call under way, or a new one.
static struct entry *place(struct exposure *x, uint64_t key, const struct order_record *o) {
    ASSERT(is_open(o));
    struct order_id order = { o->order_id, o->symbol, false };
    struct entry *sent = by_key(x, key), *e = by_order(x, order);
    if (e && sent && sent != e &&
        sent->order.id == 0) {   // an event was taken for one of another call, or came first
        drop(x, sent);
        return by_order(x, order);
    }
    if (e) return e;
    if (sent && sent->order.id == 0 && !sent->either) return sent;
    e = under_way(x, order, o->client_id, o->side, o->orig_qty_e8);
    return e ? e : add(x);
}

void exposure_order(struct exposure *x, const struct order_record *o, int64_t now_us) {
    ASSERT(o->side < SIDE_COUNT && o->position_side < POSITION_SIDE_COUNT);
    if (o->order_id == 0 || o->symbol < 0) return;
    struct order_id order = { o->order_id, o->symbol, false };
    if (!is_open(o)) {
        struct entry *e = by_order(x, order);
        bool again = was_over(x, order);
        if (!e && !again) e = under_way(x, order, o->client_id, o->side, o->orig_qty_e8);
        end(x, order, e);
        return;
    }
    if (!was_over(x, order)) show(place(x, 0, o), o, now_us);
}

void exposure_reply(struct exposure *x, uint64_t key, const struct order_record *o, int64_t now_us) {
    ASSERT(key <= x->keys);
    ASSERT(o->side < SIDE_COUNT && o->position_side < POSITION_SIDE_COUNT);
    if (o->order_id == 0 || o->symbol < 0) return;
    struct order_id order = { o->order_id, o->symbol, false };
    struct entry *sent = by_key(x, key);
    if (sent && (sent->amendments > 0 || sent->either) && !amendment_over(x, sent)) sent = NULL;
    if (is_open(o) && !was_over(x, order)) {
        show(place(x, sent ? key : 0, o), o, now_us);
        return;
    }
    if (sent && sent->order.id == 0) drop(x, sent);
    end(x, order, by_order(x, order));
}

// ---- conditional orders ----

// The order that it became counts in its place, until that is over.
static void triggered(struct exposure *x, const struct algo_record *a, struct entry *e, int64_t now_us) {
    struct order_id algo = { a->algo_id, a->symbol, true }, became = { a->actual_order_id, a->symbol, false };
    ASSERT(became.id != 0);
    bool known = by_order(x, became) != NULL || was_over(x, became);
    if (!known && e) {
        e->order = became;
        e->known_us = now_us;
        e = NULL;
    }
    end(x, algo, e);
}

static void algo_as(struct exposure *x, uint64_t key, const struct algo_record *a, int64_t now_us) {
    ASSERT(a->side < SIDE_COUNT && a->position_side < POSITION_SIDE_COUNT);
    ASSERT(a->algo_status < ALGO_STATUS_COUNT);
    if (a->algo_id == 0 || a->symbol < 0) return;
    struct order_id order = { a->algo_id, a->symbol, true };
    if (was_over(x, order)) {
        struct entry *late = by_key(x, key);
        if (late && late->order.id == 0) drop(x, late);
        return;
    }
    struct entry *e = by_order(x, order), *sent = by_key(x, key);
    if (e && sent && sent != e && sent->order.id == 0) {
        drop(x, sent);
        e = by_order(x, order);
    }
    if (!e) e = sent ? sent : under_way(x, order, a->client_id, a->side, a->quantity_e8);
    bool became = a->algo_status == ALGO_TRIGGERED && a->actual_order_id != 0;
    bool waits =
        a->algo_status == ALGO_NEW || a->algo_status == ALGO_TRIGGERING || a->algo_status == ALGO_TRIGGERED;
    if (waits) show_algo(e ? e : add(x), a, now_us);
    if (became)
        triggered(x, a, by_order(x, order), now_us);
    else if (!waits)
        end(x, order, e);
}

void exposure_algo(struct exposure *x, const struct algo_record *a, int64_t now_us) {
    algo_as(x, 0, a, now_us);
}

void exposure_algo_reply(struct exposure *x, uint64_t key, const struct algo_record *a, int64_t now_us) {
    algo_as(x, key, a, now_us);
}

void exposure_algo_cancelled(struct exposure *x, int16_t symbol, int64_t algo_id) {
    if (algo_id == 0 || symbol < 0) return;
    struct order_id order = { algo_id, symbol, true };
    end(x, order, by_order(x, order));
}

// ---- listings ----

void exposure_listing(struct exposure *x) {
    for (int32_t i = 0; i < x->count; i++) x->entries[i].listed = false;
}

void exposure_listed(struct exposure *x, int64_t from_us) {
    ASSERT(x->count <= x->room);
    for (int32_t i = 0; i < x->count; i++) {
        struct entry *e = &x->entries[i];
        bool old = e->order.id != 0 && e->known_us < from_us - LISTED_AFTER_US;
        if (!old || e->listed || e->amendments > 0) continue;
        end(x, e->order, e);
        i--;
    }
}

// ---- sums ----

static int64_t counted(const struct entry *e) {
    ASSERT(e->left_e8 >= 0 && e->amendments >= 0);
    return e->amendments > 0 ? num_max(e->left_e8, e->most_e8) : e->left_e8;
}

static int64_t notional(int64_t quantity_e8, int64_t price_e8) {
    __int128 product = (__int128)quantity_e8 * price_e8 / 100000000;
    return product > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)product;
}

static int64_t sum_of(int64_t a, int64_t b) { return a > INT64_MAX / 2 - b ? INT64_MAX / 2 : a + b; }

struct exposure_sum exposure_open(const struct exposure *x, int16_t symbol, uint8_t position_side,
                                  uint8_t side, const struct call *but, int64_t price_e8) {
    const struct entry *left_out = but ? amended(x, but) : NULL;
    struct exposure_sum sum = { 0, 0 };
    for (int32_t i = 0; i < x->count; i++) {
        const struct entry *e = &x->entries[i];
        if (e->reduces || e->order.symbol != symbol) continue;
        if (!e->either && (e->side != side || e->position_side != position_side)) continue;
        int64_t quantity = counted(e);
        // What another amendment of the same order may make of it counts all the same.
        if (e == left_out) {
            if (e->amendments == 0) continue;
            quantity = e->most_e8;
        }
        sum.quantity_e8 = sum_of(sum.quantity_e8, quantity);
        if (e->price_e8 > price_e8)
            sum.premium_e8 = sum_of(sum.premium_e8, notional(quantity, e->price_e8 - price_e8));
    }
    ASSERT(sum.quantity_e8 >= 0);
    return sum;
}

int32_t exposure_count(const struct exposure *x) {
    ASSERT(x->count >= 0 && x->count <= x->room);
    return x->count;
}

int64_t exposure_cost_e8(const struct exposure *x, int16_t symbol, int64_t price_e8, int64_t rate_e8) {
    int64_t sum = 0;
    for (int32_t i = 0; i < x->count; i++) {
        const struct entry *e = &x->entries[i];
        if (e->order.symbol != symbol) continue;
        sum = sum_of(sum, notional(counted(e), e->adverse_e8));
        sum = sum_of(sum, notional(notional(counted(e), num_max(e->price_e8, price_e8)), rate_e8));
    }
    ASSERT(sum >= 0);
    return sum;
}

bool exposure_reduces(const struct exposure *x, const struct call *amendment) {
    ASSERT(amendment->endpoint == EP_ORDER_MODIFY);
    const struct entry *e = amended(x, amendment);
    return e && e->reduces;
}
