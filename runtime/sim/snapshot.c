#include "sim/snapshot.h"

#include "base/array.h"
#include "base/assert.h"
#include "sim/account.h"
#include "sim/book_match.h"
#include "sim/match.h"
#include "sim/order_store.h"

#include <stdlib.h>
#include <zlib.h>

enum { STATE_VERSION = 2 };
static const char state_magic[16] = "moontide account";

struct saved_order {
    struct order_record r;
    int64_t hold_e8;
    int32_t algo;
    uint8_t place;
    bool announced, hidden, generated;
};
struct saved_algo {
    struct algo_record r;
    int64_t extreme_e8;
    bool open;
};
struct saved_market {
    char name[SYMBOL_NAME_MAX];
    int64_t last_e8, trade_id, notional_max_e8;
    int32_t leverage;
    uint8_t margin_type;
    struct position positions[POSITION_SIDE_COUNT];
};

struct state_head {   // a whole number of 16 bytes: what follows holds 128-bit sums
    _Alignas(16) char magic[16];
    uint32_t version, sizes[5];
    int32_t market_count;
    int64_t order_count, algo_count, fill_count, income_count;
    int64_t wallet_e8, isolated_e8, order_id_first;
    bool dual_side, multi_assets;
    struct exchange_totals totals;
};

static const uint32_t struct_sizes[5] = { sizeof(struct saved_order), sizeof(struct saved_algo),
                                          sizeof(struct saved_market), sizeof(struct trade_record),
                                          sizeof(struct income_record) };

static size_t state_size(const struct state_head *h) {
    return sizeof *h + (size_t)h->market_count * sizeof(struct saved_market) +
           (size_t)h->order_count * sizeof(struct saved_order) +
           (size_t)h->algo_count * sizeof(struct saved_algo) +
           (size_t)h->fill_count * sizeof(struct trade_record) +
           (size_t)h->income_count * sizeof(struct income_record) + sizeof(uint32_t);
}

static char *put(char *at, const void *row, size_t size) {
    memcpy(at, row, size);
    return at + size;
}

static int32_t algo_index(const struct order *o) {
    return o->algo ? (int32_t)(o->algo->r.algo_id - ALGO_ID_FIRST) : -1;
}

void *exchange_save(const struct exchange *x, size_t *size) {
    struct state_head h;
    memset(&h, 0, sizeof h);   // padding too: equal states are equal bytes
    memcpy(h.magic, state_magic, sizeof h.magic);
    memcpy(h.sizes, struct_sizes, sizeof h.sizes);
    h.version = STATE_VERSION;
    h.market_count = x->symbol_count;
    h.order_count = x->order_count;
    h.algo_count = x->algo_count;
    h.fill_count = x->fill_count;
    h.income_count = x->income_count;
    h.wallet_e8 = x->wallet_e8;
    h.isolated_e8 = x->isolated_e8;
    h.order_id_first = x->config.order_id_first;
    h.dual_side = x->dual_side;
    h.multi_assets = x->multi_assets;
    h.totals = x->totals;
    *size = state_size(&h);
    char *bytes = malloc(*size), *at = bytes;
    if (!bytes) return NULL;
    at = put(at, &h, sizeof h);
    for (int32_t i = 0; i < x->symbol_count; i++) {
        const struct market *m = &x->markets[i];
        struct saved_market s;
        memset(&s, 0, sizeof s);
        memcpy(s.name, m->s->name, sizeof s.name);
        s.last_e8 = m->last_e8;
        s.trade_id = m->trade_id;
        s.notional_max_e8 = m->notional_max_e8;
        s.leverage = m->leverage;
        s.margin_type = m->margin_type;
        memcpy(s.positions, m->positions, sizeof s.positions);
        at = put(at, &s, sizeof s);
    }
    for (int64_t i = 0; i < x->order_count; i++) {
        const struct order *o = order_at(x, i);
        struct saved_order s;
        memset(&s, 0, sizeof s);
        s.r = o->r;
        s.hold_e8 = o->hold_e8;
        s.algo = algo_index(o);
        s.place = o->place;
        s.announced = o->announced;
        s.hidden = o->hidden;
        s.generated = o->generated;
        at = put(at, &s, sizeof s);
    }
    for (int64_t i = 0; i < x->algo_count; i++) {
        const struct algo *a = algo_at(x, i);
        struct saved_algo s;
        memset(&s, 0, sizeof s);
        s.r = a->r;
        s.extreme_e8 = a->extreme_e8;
        s.open = a->open;
        at = put(at, &s, sizeof s);
    }
    if (x->fill_count) at = put(at, x->fills, (size_t)x->fill_count * sizeof *x->fills);
    if (x->income_count) at = put(at, x->incomes, (size_t)x->income_count * sizeof *x->incomes);
    uint32_t sum = (uint32_t)crc32_z(0, (const unsigned char *)bytes, (size_t)(at - bytes));
    put(at, &sum, sizeof sum);
    return bytes;
}

static const struct saved_market *market_at(const void *bytes, int32_t i) {
    return (const struct saved_market *)((const char *)bytes + sizeof(struct state_head)) + i;
}

static bool counts_sane(const struct state_head *h) {
    int64_t most = INT64_C(1) << 32;
    return h->market_count > 0 && h->market_count <= SYMBOLS_MAX && h->order_count >= 0 &&
           h->order_count < most && h->order_id_first > 0 && h->order_id_first < INT64_MAX / 2 &&
           h->algo_count >= 0 && h->algo_count < most && h->fill_count >= 0 && h->fill_count < most &&
           h->income_count >= 0 && h->income_count < most;
}

int state_check(const void *bytes, size_t size, const struct symbol *symbols, int32_t symbol_count,
                struct errmsg *e) {
    const struct state_head *h = bytes;
    if (size < sizeof *h || memcmp(h->magic, state_magic, sizeof h->magic) != 0)
        return errmsg_set(e, ERR_FORMAT, "not the state of an exchange");
    if (h->version != STATE_VERSION || memcmp(h->sizes, struct_sizes, sizeof h->sizes) != 0) {
        return errmsg_set(e, ERR_FORMAT, "written by another version of moontide; remove it to begin anew");
    }
    if (!counts_sane(h) || size != state_size(h))
        return errmsg_set(e, ERR_FORMAT, "damaged: its length is not what its head says");
    uint32_t sum;
    memcpy(&sum, (const char *)bytes + size - sizeof sum, sizeof sum);
    if (sum != (uint32_t)crc32_z(0, bytes, size - sizeof sum))
        return errmsg_set(e, ERR_FORMAT, "damaged: the checksum does not hold");
    for (int32_t i = 0; i < h->market_count; i++) {
        if (symbol_find(symbols, symbol_count, market_at(bytes, i)->name) < 0) {
            return errmsg_set(e, ERR_FORMAT, "it knows %s, which this exchange does not trade",
                              market_at(bytes, i)->name);
        }
    }
    return ERR_OK;
}

int64_t state_price(const void *bytes, const char *symbol) {
    const struct state_head *h = bytes;
    for (int32_t i = 0; i < h->market_count; i++) {
        if (strcmp(market_at(bytes, i)->name, symbol) == 0) return market_at(bytes, i)->last_e8;
    }
    return 0;
}

static void restore_market(struct exchange *x, const struct saved_market *s, int16_t *index) {
    *index = (int16_t)symbol_find(x->symbols, x->symbol_count, s->name);
    struct market *m = &x->markets[*index];
    m->leverage = s->leverage;
    m->margin_type = s->margin_type;
    m->notional_max_e8 = s->notional_max_e8;
    if (s->trade_id > m->trade_id) m->trade_id = s->trade_id;
    memcpy(m->positions, s->positions, sizeof m->positions);
    m->dirty = m->moved = true;
}

static const char *restore_orders(struct exchange *x, const char *at, int64_t count, const int16_t *index) {
    for (int64_t i = 0; i < count; i++) {
        struct saved_order s;
        memcpy(&s, at, sizeof s);
        at += sizeof s;
        struct order *o = order_new(x);
        ASSERT(o->r.order_id == s.r.order_id);
        o->r = s.r;
        o->r.symbol = index[s.r.symbol];
        o->hold_e8 = s.hold_e8;
        o->announced = s.announced;
        o->hidden = s.hidden;
        o->generated = s.generated;
    }
    return at;
}

static const char *restore_algos(struct exchange *x, const char *at, int64_t count, const int16_t *index) {
    for (int64_t i = 0; i < count; i++) {
        struct saved_algo s;
        memcpy(&s, at, sizeof s);
        at += sizeof s;
        struct algo *a = algo_new(x);
        ASSERT(a->r.algo_id == s.r.algo_id);
        a->r = s.r;
        a->r.symbol = index[s.r.symbol];
        a->extreme_e8 = s.extreme_e8;
        if (s.open) algo_link(x, a);
    }
    return at;
}

void exchange_restore(struct exchange *x, const void *bytes) {
    const struct state_head *h = bytes;
    int16_t index[SYMBOLS_MAX];
    ASSERT(x->order_count == 0 && x->fill_count == 0);
    x->wallet_e8 = h->wallet_e8;
    x->isolated_e8 = h->isolated_e8;
    x->config.order_id_first = h->order_id_first;
    x->dual_side = h->dual_side;
    x->multi_assets = h->multi_assets;
    x->totals = h->totals;
    // What it all began with, so that wallet and sums go on agreeing.
    x->config.wallet_e8 = h->wallet_e8 - h->totals.realized_e8 + h->totals.fees_e8 - h->totals.funding_e8 -
                          h->totals.insurance_e8;
    x->any_dirty = x->any_moved = true;
    for (int32_t i = 0; i < h->market_count; i++) restore_market(x, market_at(bytes, i), &index[i]);
    const char *orders = (const char *)market_at(bytes, h->market_count);
    const char *at = restore_orders(x, orders, h->order_count, index);
    at = restore_algos(x, at, h->algo_count, index);
    for (int64_t i = 0; i < h->fill_count; i++, at += sizeof *x->fills) {
        ARRAY_ROOM(x->fills, x->fill_size, x->fill_count + 1);
        memcpy(&x->fills[x->fill_count], at, sizeof *x->fills);
        x->fills[x->fill_count].symbol = index[x->fills[x->fill_count].symbol];
        x->fill_count++;
    }
    for (int64_t i = 0; i < h->income_count; i++, at += sizeof *x->incomes) {
        ARRAY_ROOM(x->incomes, x->income_size, x->income_count + 1);
        memcpy(&x->incomes[x->income_count], at, sizeof *x->incomes);
        int16_t *symbol = &x->incomes[x->income_count++].symbol;
        if (*symbol >= 0) *symbol = index[*symbol];
    }
    for (int64_t i = 0; i < h->order_count; i++) {
        struct saved_order s;
        memcpy(&s, orders + (size_t)i * sizeof s, sizeof s);
        struct order *o = order_at(x, i);
        if (s.algo >= 0) o->algo = algo_at(x, s.algo);
        if (s.place == PLACE_NONE) continue;
        struct market *m = &x->markets[o->r.symbol];
        if (m->shown)
            order_link(x, o,
                       PLACE_RESTING);   // it stood there all the time: what it would have met, it meets now
        else
            book_enter(x, m, o);
    }
    book_settle(x);
}
