// order_store.c: blocks of orders, the lists of open ones, and the two indexes by client id.
//
// Open orders are in a hash from the moment they wait or rest: a new id must be checked against them. All
// others are only indexed when somebody asks by client id, because most runs never do and every order would
// pay for it.
#include "sim/order_store.h"

#include "base/alloc.h"
#include "base/array.h"
#include "base/assert.h"
#include "sim/book_match.h"

#include <stdlib.h>

static void **block_for(void **blocks, int64_t count, int64_t *size, size_t item) {
    ASSERT(count >= 0);
    ASSERT(item > 0);
    if (count % POOL_BLOCK != 0) return blocks;
    int64_t block = count / POOL_BLOCK;
    ARRAY_ROOM(blocks, *size, block + 1);
    blocks[block] = alloc_zeroed(POOL_BLOCK, item);
    return blocks;
}

struct order *order_at(const struct exchange *x, int64_t index) {
    ASSERT(index >= 0 && index < x->order_count);
    return &x->order_blocks[index / POOL_BLOCK][index % POOL_BLOCK];
}

struct algo *algo_at(const struct exchange *x, int64_t index) {
    ASSERT(index >= 0 && index < x->algo_count);
    return &x->algo_blocks[index / POOL_BLOCK][index % POOL_BLOCK];
}

struct order *order_new(struct exchange *x) {
    x->order_blocks = (struct order **)block_for((void **)x->order_blocks, x->order_count,
                                                 &x->order_blocks_size, sizeof(struct order));
    int64_t index = x->order_count++;
    struct order *o = order_at(x, index);
    o->r.order_id = x->config.order_id_first + index;
    ASSERT(o->place == PLACE_NONE);
    ASSERT(o->r.order_id > 0);
    return o;
}

struct algo *algo_new(struct exchange *x) {
    x->algo_blocks = (struct algo **)block_for((void **)x->algo_blocks, x->algo_count, &x->algo_blocks_size,
                                               sizeof(struct algo));
    int64_t index = x->algo_count++;
    struct algo *a = algo_at(x, index);
    a->r.algo_id = ALGO_ID_FIRST + index;
    ASSERT(!a->open);
    return a;
}

void order_store_free(struct exchange *x) {
    struct open_id *entry, *after;
    HASH_ITER (hh, x->open_ids, entry, after) {
        HASH_DEL(x->open_ids, entry);
        free(entry);
    }
    HASH_CLEAR(hh, x->open_algo_ids);
    for (int64_t i = 0; i * POOL_BLOCK < x->order_count; i++) free(x->order_blocks[i]);
    for (int64_t i = 0; i * POOL_BLOCK < x->algo_count; i++) free(x->algo_blocks[i]);
    free(x->order_blocks);
    free(x->algo_blocks);
    free(x->id_slots);
}

// To look through a few is cheaper than to hash one, and most accounts have no more.
static int32_t few_find(const struct exchange *x, const struct order *o) {
    ASSERT(x->few_id_count >= 0 && x->few_id_count <= OPEN_IDS_FEW);
    for (int32_t i = 0; i < x->few_id_count; i++)
        if (x->few_ids[i] == o) return i;
    return -1;
}

static void open_id_add(struct exchange *x, struct order *o) {
    ASSERT(few_find(x, o) < 0);
    if (x->few_id_count < OPEN_IDS_FEW) {
        x->few_ids[x->few_id_count++] = o;
        return;
    }
    struct open_id *entry = alloc_zeroed(1, sizeof *entry);
    entry->order = o;
    HASH_ADD_KEYPTR(hh, x->open_ids, o->r.client_id, strlen(o->r.client_id), entry);
}

static void open_id_drop(struct exchange *x, const struct order *o) {
    int32_t i = few_find(x, o);
    if (i >= 0) {
        x->few_ids[i] = x->few_ids[--x->few_id_count];
        return;
    }
    struct open_id *entry = NULL, *after;
    HASH_FIND_STR(x->open_ids, o->r.client_id, entry);
    if (entry && entry->order != o) {   // two of one id: none but a foreign account file has them
        HASH_ITER (hh, x->open_ids, entry, after)
            if (entry->order == o) break;
    }
    ASSERT(entry != NULL && entry->order == o);
    HASH_DEL(x->open_ids, entry);
    free(entry);
}

// Hashing an id costs about as much as the rest of an order. An id the exchange made itself is met by no
// other, so it stays out of the hash; whoever asks for it finds it through the index of all orders.
void order_link(struct exchange *x, struct order *o, uint8_t place) {
    ASSERT(o->r.status == STATUS_NEW || o->r.status == STATUS_PARTIALLY_FILLED);
    ASSERT(o->r.executed_qty_e8 < o->r.orig_qty_e8);
    ASSERT(o->open_notional_e8 >= 0);
    ASSERT(o->place == PLACE_NONE);
    ASSERT(place != PLACE_NONE);
    struct market *m = &x->markets[o->r.symbol];
    struct order_list *list = place == PLACE_WAITING ? &m->waiting : &m->resting;
    o->place = place;
    o->next = NULL;
    o->previous = list->last;
    if (list->last)
        list->last->next = o;
    else
        list->first = o;
    list->last = o;
    list->count++;
    ASSERT((list->count == 1) == (list->first == list->last));
    m->open_notional_e8[o->r.side] += o->open_notional_e8;
    if (place == PLACE_RESTING && o->r.reduce_only) m->reduce_count++;
    if (place == PLACE_RESTING && m->book) book_join(m, o);
    if (!o->generated) open_id_add(x, o);
    m->dirty = x->any_dirty = true;
}

void order_unlink(struct exchange *x, struct order *o) {
    ASSERT(o->place != PLACE_NONE);
    struct market *m = &x->markets[o->r.symbol];
    struct order_list *list = o->place == PLACE_WAITING ? &m->waiting : &m->resting;
    if (o->previous)
        o->previous->next = o->next;
    else
        list->first = o->next;
    if (o->next)
        o->next->previous = o->previous;
    else
        list->last = o->previous;
    list->count--;
    ASSERT((list->count == 0) == (list->first == NULL));
    ASSERT((list->first == NULL) == (list->last == NULL));
    m->open_notional_e8[o->r.side] -= o->open_notional_e8;
    if (o->place == PLACE_RESTING && o->r.reduce_only) m->reduce_count--;
    ASSERT(m->reduce_count >= 0);
    if (o->place == PLACE_RESTING && m->book) book_leave(m, o);
    ASSERT(list->count >= 0);
    ASSERT(m->open_notional_e8[o->r.side] >= 0);
    if (!o->generated) open_id_drop(x, o);
    o->place = PLACE_NONE;
    o->previous = o->next = NULL;
    m->dirty = x->any_dirty = true;
}

void algo_link(struct exchange *x, struct algo *a) {
    ASSERT(x->algo_open >= 0);
    ASSERT(!a->open);
    struct market *m = &x->markets[a->r.symbol];
    a->open = true;
    a->next = NULL;
    a->previous = m->algos.last;
    if (m->algos.last)
        m->algos.last->next = a;
    else
        m->algos.first = a;
    m->algos.last = a;
    m->algos.count++;
    ASSERT((m->algos.count == 1) == (m->algos.first == m->algos.last));
    x->algo_open++;
    if (a->r.type == ORDER_TRAILING_STOP_MARKET) m->trailing_count++;
    if (a->r.close_position || a->r.reduce_only) m->reduce_count++;
    HASH_ADD_STR(x->open_algo_ids, r.client_id, a);
    m->dirty = x->any_dirty = true;
}

void algo_unlink(struct exchange *x, struct algo *a) {
    ASSERT(a->open);
    struct market *m = &x->markets[a->r.symbol];
    if (a->previous)
        a->previous->next = a->next;
    else
        m->algos.first = a->next;
    if (a->next)
        a->next->previous = a->previous;
    else
        m->algos.last = a->previous;
    a->previous = a->next = NULL;
    a->open = false;
    m->algos.count--;
    x->algo_open--;
    ASSERT(x->algo_open >= 0);
    ASSERT((m->algos.count == 0) == (m->algos.first == NULL));
    if (a->r.type == ORDER_TRAILING_STOP_MARKET) m->trailing_count--;
    if (a->r.close_position || a->r.reduce_only) m->reduce_count--;
    ASSERT(m->reduce_count >= 0);
    ASSERT(m->trailing_count >= 0);
    HASH_DEL(x->open_algo_ids, a);
    m->dirty = x->any_dirty = true;
}

struct order *order_find_open_id(const struct exchange *x, const char *client_id) {
    for (int32_t i = 0; i < x->few_id_count; i++)
        if (strcmp(x->few_ids[i]->r.client_id, client_id) == 0) return x->few_ids[i];
    struct open_id *entry = NULL;
    if (x->open_ids) HASH_FIND_STR(x->open_ids, client_id, entry);
    return entry ? entry->order : NULL;
}

static uint64_t id_hash(const char *id) {
    uint64_t h = UINT64_C(14695981039346656037);
    for (; *id; id++) h = (h ^ (uint8_t)*id) * UINT64_C(1099511628211);
    return h ^ (h >> 29);
}

// Puts order `index` in the table; a later order of the same id takes the place of the earlier (section 6).
static void id_put(struct exchange *x, int32_t index) {
    ASSERT(index >= 0 && index < x->order_count);
    const struct order *o = order_at(x, index);
    uint64_t mask = (uint64_t)x->id_size - 1;
    uint64_t slot = id_hash(o->r.client_id) & mask;
    while (x->id_slots[slot] >= 0) {
        if (strcmp(order_at(x, x->id_slots[slot])->r.client_id, o->r.client_id) == 0) break;
        slot = (slot + 1) & mask;
    }
    x->id_slots[slot] = index;
}

static void id_index_update(struct exchange *x) {
    ASSERT(x->id_indexed <= x->order_count);
    if (x->order_count * 2 > x->id_size) {
        int64_t size = x->id_size ? x->id_size : 1024;
        while (x->order_count * 2 > size) size *= 2;
        free(x->id_slots);
        x->id_slots = alloc_bytes((size_t)size * sizeof *x->id_slots);
        memset(x->id_slots, 0xff, (size_t)size * sizeof *x->id_slots);
        x->id_size = size;
        ASSERT((size & (size - 1)) == 0);
        ASSERT(x->order_count * 2 <= size);
        x->id_indexed = 0;
    }
    for (; x->id_indexed < x->order_count; x->id_indexed++) {
        if (!order_at(x, x->id_indexed)->hidden) id_put(x, (int32_t)x->id_indexed);
    }
}

static struct order *order_find_any_id(struct exchange *x, const char *client_id) {
    id_index_update(x);
    if (x->id_size == 0) return NULL;
    uint64_t mask = (uint64_t)x->id_size - 1;
    for (uint64_t slot = id_hash(client_id) & mask; x->id_slots[slot] >= 0; slot = (slot + 1) & mask) {
        struct order *o = order_at(x, x->id_slots[slot]);
        if (strcmp(o->r.client_id, client_id) == 0) return o;
    }
    return NULL;
}

struct order *order_find(struct exchange *x, int16_t symbol, int64_t order_id, const char *client_id) {
    ASSERT(symbol < x->symbol_count);
    struct order *o = NULL;
    if (order_id != 0) {
        int64_t index = order_id - x->config.order_id_first;
        if (order_id >= x->config.order_id_first && index < x->order_count) o = order_at(x, index);
    } else if (client_id[0]) {
        o = order_find_open_id(x, client_id);
        if (!o) o = order_find_any_id(x, client_id);
    }
    if (!o || o->hidden || o->r.symbol != symbol) return NULL;
    return o;
}

// Conditional orders are few: past ones are looked for from the newest back.
struct algo *algo_find(struct exchange *x, int64_t algo_id, const char *client_id) {
    if (algo_id != 0) {
        int64_t index = algo_id - ALGO_ID_FIRST;
        return algo_id >= ALGO_ID_FIRST && index < x->algo_count ? algo_at(x, index) : NULL;
    }
    struct algo *a = NULL;
    if (x->open_algo_ids) HASH_FIND_STR(x->open_algo_ids, client_id, a);
    for (int64_t i = x->algo_count - 1; !a && i >= 0; i--) {
        if (strcmp(algo_at(x, i)->r.client_id, client_id) == 0) a = algo_at(x, i);
    }
    return a;
}

static uint64_t mix(uint64_t v) {
    v = (v ^ (v >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    v = (v ^ (v >> 27)) * UINT64_C(0x94d049bb133111eb);
    return v ^ (v >> 31);
}

void client_id_make(char out[CLIENT_ID_MAX], uint64_t number) {
    static const char letters[65] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyzab";
    for (int half = 0; half < 2; half++) {
        uint64_t v = mix(number * 2 + (uint64_t)half + UINT64_C(0x9e3779b97f4a7c15));
        for (int i = 0; i < 11; i++, v >>= 5) out[half * 11 + i] = letters[v & 63];
    }
    out[22] = 0;
}

int32_t client_id_check(const char *id) {
    size_t size = strlen(id);
    if (size == 0 || size >= CLIENT_ID_MAX) return -4015;
    for (const char *p = id; *p; p++) {
        bool good = (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') ||
                    *p == '.' || *p == ':' || *p == '/' || *p == '_' || *p == '-';
        if (!good) return -1100;
    }
    return 0;
}
