// coalesce.c: requests under way by what they ask, and who shares their answer.
#include "execution/coalesce.h"

#include "base/assert.h"
#include "venue/binance/endpoint.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct shared_request {
    struct call key;   // no padding differs: calls are cleared before they are filled
    struct api_call *leader;
    uint64_t age;   // coalescer.age when it was submitted
    UT_hash_handle hh;
};

struct coalescer {
    struct shared_request *by_key;
    uint64_t age;
};

struct coalescer *coalesce_new(void) {
    return calloc(1, sizeof(struct coalescer));
}

void coalesce_free(struct coalescer *f) {
    if (!f) return;
    struct shared_request *shared, *next;
    HASH_ITER (hh, f->by_key, shared, next) {
        ASSERT(shared->leader != NULL);
        HASH_DEL(f->by_key, shared);
        free(shared);
    }
    free(f);
}

static void drop(struct coalescer *f, struct shared_request *shared) {
    ASSERT(shared->age <= f->age);
    ASSERT(shared->leader->shared == shared);
    HASH_DEL(f->by_key, shared);
    shared->leader->shared = NULL;
    ASSERT(shared->leader->shared == NULL);
    free(shared);
}

static void make_key(const struct api_call *op, struct call *key) {
    ASSERT(op->call.batch_count == 0 && op->call.batch == NULL);   // the key is its bytes
    memcpy(key, &op->call, sizeof *key);
    key->timestamp_us = key->recv_window_us = 0;
    if (key->endpoint != EP_ORDER_MODIFY) return;
    key->price_e8 = key->quantity_e8 = 0;   // the same order, whatever its new price
    key->given &= ~(UINT64_C(1) << P_PRICE | UINT64_C(1) << P_QUANTITY);
}

static bool may_join(const struct coalescer *f, const struct shared_request *shared,
                     const struct api_call *op) {
    ASSERT(shared->leader != op);
    ASSERT(shared->leader->shared == shared && shared->age <= f->age);
    const struct request *r = &shared->leader->request;
    if (op->request.priority < r->priority) return false;
    if (op->call.endpoint == EP_ORDER_MODIFY) return r->state == REQUEST_QUEUED && r->attempts == 0;
    return endpoint_info(op->call.endpoint)->request_class == REQUEST_CLASS_MARKET || shared->age == f->age;
}

bool coalesce_join(struct coalescer *f, struct api_call *op) {
    ASSERT(op->request.state == REQUEST_IDLE);
    bool modify = op->call.endpoint == EP_ORDER_MODIFY;
    ASSERT(!op->shared && !op->followers);
    if (op->no_share || op->request.deadline_us != 0 || op->call.batch_count) return false;
    if (endpoint_info(op->call.endpoint)->mutating && !modify) return false;
    struct call key;
    make_key(op, &key);
    struct shared_request *shared;
    HASH_FIND(hh, f->by_key, &key, sizeof key, shared);
    ASSERT(!shared || shared->key.endpoint == op->call.endpoint);
    if (shared && may_join(f, shared, op)) {
        ASSERT(shared->leader->request.state != REQUEST_IDLE);
        if (modify) memcpy(&shared->leader->call, &op->call, sizeof op->call);
        struct api_call **end = &shared->leader->followers;
        while (*end) end = &(*end)->next_follower;
        *end = op;
        op->next_follower = NULL;
        return true;
    }
    if (shared) drop(f, shared);
    shared = malloc(sizeof *shared);
    if (!shared) return false;
    memcpy(&shared->key, &key, sizeof key);
    shared->leader = op;
    shared->age = f->age;
    HASH_ADD(hh, f->by_key, key, sizeof shared->key, shared);
    op->shared = shared;
    ASSERT(shared->leader == op && shared->age == f->age);
    return false;
}

struct api_call *coalesce_end(struct coalescer *f, struct api_call *op) {
    ASSERT(!op->shared || op->shared->leader == op);
    if (op->shared) drop(f, op->shared);
    struct api_call *followers = op->followers;
    op->followers = NULL;
    ASSERT(!op->shared && !op->followers);
    return followers;
}

void coalesce_changed(struct coalescer *f) {
    ASSERT(f->age < UINT64_MAX);
    f->age++;
}
