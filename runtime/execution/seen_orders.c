// seen_orders.c: two open hash tables; when one is full the older is forgotten and takes its place.
#include "execution/seen_orders.h"

#include "base/assert.h"

#include <string.h>

enum { BIT_CONDITIONAL = 1, BIT_USED = 2 };

static uint64_t key_of(const char *id) {
    uint64_t h = UINT64_C(14695981039346656037);
    for (; *id; id++) h = (h ^ (uint8_t)*id) * UINT64_C(1099511628211);
    h ^= h >> 32;   // the last letters differ most, and reach the low bits alone
    h *= UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 29;
    return (h & ~(uint64_t)BIT_CONDITIONAL) | BIT_USED;
}

// Where the key stands, or would.
static uint32_t slot_of(const uint64_t *slots, uint64_t key) {
    ASSERT((key & BIT_USED) != 0);
    uint32_t i = (uint32_t)(key >> 40) % SEEN_ORDERS_SLOTS;
    while (slots[i] != 0 && (slots[i] & ~(uint64_t)BIT_CONDITIONAL) != key) i = (i + 1) % SEEN_ORDERS_SLOTS;
    return i;
}

void seen_orders_add(struct seen_orders *s, const char *id, bool conditional) {
    ASSERT(id != NULL);
    ASSERT(s->count >= 0 && s->count <= SEEN_ORDERS_MAX);
    uint64_t key = key_of(id);
    uint32_t i = slot_of(s->slots[s->young], key);
    if (s->slots[s->young][i] == 0) s->count++;
    s->slots[s->young][i] = key | (conditional ? BIT_CONDITIONAL : 0);
    if (s->count <= SEEN_ORDERS_MAX) return;
    s->young = !s->young;
    s->count = 0;
    memset(s->slots[s->young], 0, sizeof s->slots[s->young]);
}

int32_t seen_orders_find(const struct seen_orders *s, const char *id) {
    ASSERT(id != NULL);
    ASSERT(s->young == 0 || s->young == 1);
    uint64_t key = key_of(id);
    for (int32_t k = 0; k < 2; k++) {
        const uint64_t *slots = s->slots[k == 0 ? s->young : !s->young];
        uint64_t found = slots[slot_of(slots, key)];
        if (found != 0) return (found & BIT_CONDITIONAL) ? SEEN_CONDITIONAL : SEEN_PLAIN;
    }
    return SEEN_UNKNOWN;
}
