// used_ids.h: client order ids that were used before, and the order that the exchange made of each. Pure.
//
// Why      an exchange takes a client id again once its order is over. Asked for an order by such an id, it may show the
//          older one. Only what this program has been told tells the two apart: the exchange's own id of the older order,
//          never a time, since clocks differ.
// Own ids  ids that the runtime makes are never used twice, and are not kept.
// Owner    the caller's struct; used_ids_free gives its memory back.
#ifndef MT_EXECUTION_USED_IDS_H
#define MT_EXECUTION_USED_IDS_H

#include <stdbool.h>
#include <stdint.h>

// What the ids that the worlds make begin with.
#define USED_IDS_LIVE "mt-"
#define USED_IDS_BACKTEST "moontide-"

struct used_id;

struct used_ids {
    struct used_id *orders, *algos;   // the exchange keeps ids of conditional orders apart
};                                    // all zero: none

// The exchange made the order `id` of this client id; the latest counts.
void used_ids_add(struct used_ids *u, const char *client_id, bool algo, int64_t id);

// The order that was made of it last; 0: none is known.
int64_t used_ids_find(const struct used_ids *u, const char *client_id, bool algo);

void used_ids_free(struct used_ids *u);

// Whether the runtime made it.
bool used_ids_own(const char *client_id);

#endif
