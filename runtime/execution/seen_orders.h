// seen_orders.h: which of the last few thousand orders were conditional ones, by their ids. Pure.
//
// Why      the exchange keeps conditional orders apart, so a call that names an order by an id goes to one place or the
//          other; each order adds two ids, so that it must cost next to nothing.
// Owner    the caller's struct, all zero at first; nothing is allocated.
// Ids      texts: the exchange's numbers and client ids alike, as the script has them.
#ifndef MT_EXECUTION_SEEN_ORDERS_H
#define MT_EXECUTION_SEEN_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

// So many ids are known at least, and twice as many at most. The tables are never more than half full.
enum { SEEN_ORDERS_MAX = 4096, SEEN_ORDERS_SLOTS = 2 * SEEN_ORDERS_MAX };

struct seen_orders {
    uint64_t
        slots[2][SEEN_ORDERS_SLOTS];   // a hash of 62 bits, and whether it is a conditional order's; 0: free
    int32_t young;                     // which of the two is filled; the other is what was before
    int32_t count;                     // ids in it
};

enum seen { SEEN_UNKNOWN = -1, SEEN_PLAIN, SEEN_CONDITIONAL };

void seen_orders_add(struct seen_orders *s, const char *id, bool conditional);

// enum seen
int32_t seen_orders_find(const struct seen_orders *s, const char *id);

#endif
