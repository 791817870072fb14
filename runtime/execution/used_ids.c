// used_ids.c: client order ids that were used before, and the order that the exchange made of each.
#include "execution/used_ids.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "trade/call.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct used_id {
    char client_id[CLIENT_ID_MAX];
    int64_t id;
    UT_hash_handle hh;
};

bool used_ids_own(const char *client_id) {
    ASSERT(client_id != NULL);
    return strncmp(client_id, USED_IDS_LIVE, strlen(USED_IDS_LIVE)) == 0 ||
           strncmp(client_id, USED_IDS_BACKTEST, strlen(USED_IDS_BACKTEST)) == 0;
}

void used_ids_add(struct used_ids *u, const char *client_id, bool algo, int64_t id) {
    size_t length = strlen(client_id);
    ASSERT(length < CLIENT_ID_MAX);
    if (length == 0 || id <= 0 || used_ids_own(client_id)) return;
    struct used_id **set = algo ? &u->algos : &u->orders, *known;
    HASH_FIND(hh, *set, client_id, length, known);
    if (!known) {
        known = alloc_zeroed(1, sizeof *known);
        memcpy(known->client_id, client_id, length);
        HASH_ADD_KEYPTR(hh, *set, known->client_id, length, known);
    }
    known->id = id;
    ASSERT(used_ids_find(u, client_id, algo) == id);
}

int64_t used_ids_find(const struct used_ids *u, const char *client_id, bool algo) {
    ASSERT(client_id != NULL);
    const struct used_id *set = algo ? u->algos : u->orders;
    struct used_id *known = NULL;
    if (set) HASH_FIND(hh, set, client_id, strlen(client_id), known);
    return known ? known->id : 0;
}

static void free_set(struct used_id **set) {
    struct used_id *k, *next;
    HASH_ITER (hh, *set, k, next) {
        ASSERT(k->id > 0);
        HASH_DEL(*set, k);
        free(k);
    }
}

void used_ids_free(struct used_ids *u) {
    free_set(&u->orders);
    free_set(&u->algos);
    ASSERT(u->orders == NULL && u->algos == NULL);
}
