// heap.h: a binary min-heap of borrowed items ordered by (key, tie); each item carries its own index, so that
// any of them can be removed or moved without a search.
//
// Owner    the caller owns the slots and the items; the heap allocates nothing.
// Item     has an int32_t somewhere, at `index_offset`, which the heap keeps: -1 when the item is not in the
//          heap.
#ifndef MT_BASE_HEAP_H
#define MT_BASE_HEAP_H

#include <stdint.h>

struct heap_slot {
    int64_t key;
    uint64_t tie;
    void *item;
};

struct heap {
    struct heap_slot *slots;
    int32_t count, capacity;
    uint32_t index_offset;
};

void heap_init(struct heap *h, struct heap_slot *slots, int32_t capacity, uint32_t index_offset);

// The heap must have room: capacity is the caller's invariant.
void heap_push(struct heap *h, void *item, int64_t key, uint64_t tie);
void heap_remove(struct heap *h, int32_t index);

// Gives the item at `index` another key.
void heap_update(struct heap *h, int32_t index, int64_t key);

// Restores the order after keys were changed in place, in `slots`.
void heap_rebuild(struct heap *h);

#endif
