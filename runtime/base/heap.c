// heap.c: a binary min-heap whose items know their place in it.
#include "base/heap.h"

#include "base/assert.h"

#include <stdbool.h>
#include <stddef.h>

void heap_init(struct heap *h, struct heap_slot *slots, int32_t capacity, uint32_t index_offset) {
    ASSERT(h);
    ASSERT(slots || capacity == 0);
    h->slots = slots;
    h->count = 0;
    h->capacity = capacity;
    h->index_offset = index_offset;
}

static bool before(const struct heap_slot *a, const struct heap_slot *b) {
    return a->key != b->key ? a->key < b->key : a->tie < b->tie;
}

static void set_index(const struct heap *h, void *item, int32_t index) {
    *(int32_t *)(void *)((char *)item + h->index_offset) = index;
}

static void place(struct heap *h, int32_t index, struct heap_slot slot) {
    h->slots[index] = slot;
    set_index(h, slot.item, index);
}

static void sift_up(struct heap *h, int32_t index, struct heap_slot slot) {
    while (index > 0) {
        int32_t parent = (index - 1) / 2;
        if (!before(&slot, &h->slots[parent])) break;
        place(h, index, h->slots[parent]);
        index = parent;
    }
    place(h, index, slot);
}

static void sift_down(struct heap *h, int32_t index, struct heap_slot slot) {
    for (;;) {
        int32_t child = 2 * index + 1;
        if (child >= h->count) break;
        if (child + 1 < h->count && before(&h->slots[child + 1], &h->slots[child])) child++;
        if (!before(&h->slots[child], &slot)) break;
        place(h, index, h->slots[child]);
        index = child;
    }
    place(h, index, slot);
}

static void settle_slot(struct heap *h, int32_t index, struct heap_slot slot) {
    if (index > 0 && before(&slot, &h->slots[(index - 1) / 2]))
        sift_up(h, index, slot);
    else
        sift_down(h, index, slot);
}

void heap_push(struct heap *h, void *item, int64_t key, uint64_t tie) {
    ASSERT(item);
    ASSERT(h->count < h->capacity);
    int32_t index = h->count++;
    sift_up(h, index, (struct heap_slot){ key, tie, item });
}

void heap_remove(struct heap *h, int32_t index) {
    ASSERT(index >= 0);
    ASSERT(index < h->count);
    set_index(h, h->slots[index].item, -1);
    h->count--;
    if (index < h->count) settle_slot(h, index, h->slots[h->count]);
}

void heap_update(struct heap *h, int32_t index, int64_t key) {
    ASSERT(index >= 0);
    ASSERT(index < h->count);
    struct heap_slot slot = h->slots[index];
    slot.key = key;
    settle_slot(h, index, slot);
}

void heap_rebuild(struct heap *h) {
    for (int32_t i = h->count / 2 - 1; i >= 0; i--) sift_down(h, i, h->slots[i]);
}
