// array.h: one way for arrays to grow. An array is three fields of its owner: the items, how many there are,
// and how many there is room for.
//
//     ARRAY_ROOM(b->items, b->room, b->count + 1);   // now b->items[b->count++] may be written
//
// Items    start as NULL with room 0, move when they grow, and are freed with free().
// Errors   none: short of memory stops the program (base/alloc.h).
#ifndef MT_BASE_ARRAY_H
#define MT_BASE_ARRAY_H

#include <stddef.h>
#include <stdint.h>

// The room to have when `count` items must fit and `room` do: doubled until they do.
int64_t array_wanted(int64_t room, int64_t count);

// The items with room for `room` of `item_size` bytes each.
void *array_resize(void *items, int64_t room, size_t item_size);

// Makes room for `count` items in all; `room` is an integer of any type and is kept up. Its arguments are
// named more than once: no side effects in them.
#define ARRAY_ROOM(items, room, count)                                                                       \
    do {                                                                                                     \
        if ((count) > (room)) {                                                                              \
            int64_t array_wanted_ = array_wanted((int64_t)(room), (int64_t)(count));                         \
            (items) = array_resize((items), array_wanted_, sizeof *(items));                                 \
            (room) = (__typeof__(room))array_wanted_;                                                        \
        }                                                                                                    \
    } while (0)

#endif
