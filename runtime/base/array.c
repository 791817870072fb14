// array.c: how arrays grow.
#include "base/array.h"

#include "base/alloc.h"
#include "base/assert.h"

enum { FIRST_ROOM = 16 };

int64_t array_wanted(int64_t room, int64_t count) {
    ASSERT(room >= 0);
    ASSERT(count > room);
    ASSERT(count <= INT64_MAX / 2);
    int64_t wanted = room ? room * 2 : FIRST_ROOM;
    while (wanted < count) wanted *= 2;
    return wanted;
}

void *array_resize(void *items, int64_t room, size_t item_size) {
    ASSERT(room > 0);
    ASSERT(item_size > 0);
    ASSERT((uint64_t)room <= SIZE_MAX / item_size);
    return alloc_resize(items, (size_t)room * item_size);
}
