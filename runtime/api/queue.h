// queue.h: the waiting requests by level and strategy. First-in-first-out in a lane (one level, one strategy),
// round-robin between the lanes of a level; which level to look at is the caller's business.
//
// Owner    the caller owns the struct and the requests, which are linked through next and prev. No allocation.
// Lanes    strategies share a lane when they are equal modulo QUEUE_LANES.
// Bounds   none here: the dispatcher counts, because requests in backoff belong to the bound as well.
#ifndef MT_API_QUEUE_H
#define MT_API_QUEUE_H

#include "api/request.h"

enum { QUEUE_LANES = 64 };

struct queue_lane {
    struct request *head, *tail;
};

struct queue_level {
    uint64_t busy;                  // a bit for each lane that holds a request
    int32_t cursor;                 // the lane whose turn it is
    int32_t count;
    struct queue_lane lanes[QUEUE_LANES];
};

struct queue {
    struct queue_level levels[PRIORITY_COUNT];
};

void queue_init(struct queue *q);

// Behind everything in lane (r->level, r->strategy).
void queue_push(struct queue *q, struct request *r);

// Where its id belongs among the first of its lane: for requests that come back from a failed attempt.
void queue_push_back_in_order(struct queue *q, struct request *r);

void queue_remove(struct queue *q, struct request *r);

// Moves r to the end of its strategy's lane one level up.
void queue_promote(struct queue *q, struct request *r);

// The next head of `level`, beginning with the lane whose turn it is; lanes in `skip` are passed over. NULL: none.
struct request *queue_head(const struct queue *q, int32_t level, uint64_t skip);

// r's lane has had its turn.
void queue_turn(struct queue *q, const struct request *r);

uint64_t queue_lane_bit(const struct request *r);

// The newest request at a level whose own priority is that level; NULL: none.
struct request *queue_newest(const struct queue *q, int32_t level);

// Submission time of the oldest head; INT64_MAX when nothing waits.
int64_t queue_oldest_us(const struct queue *q);

int32_t queue_count(const struct queue *q);

#endif
