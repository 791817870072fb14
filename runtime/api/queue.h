// queue.h: the waiting requests by level and strategy. First-in-first-out in a lane (one level, one strategy,
// one request class: an order that waits for its budget keeps no market data waiting behind it), round-robin
// between the strategies of a level; which level to look at is the caller's business.
//
// Owner    the caller owns the struct and the requests, which are linked through next and prev. No
//          allocation.
// Lanes    strategies share lanes when they are equal modulo QUEUE_LANES.
// Bounds   none here: the dispatcher counts, because requests in backoff belong to the bound as well.
#ifndef MT_API_QUEUE_H
#define MT_API_QUEUE_H

#include "api/request.h"

enum { QUEUE_LANES = 64 };

struct queue_lane {
    struct request *head, *tail;
};

struct queue_level {
    uint64_t busy[REQUEST_CLASSES_MAX];   // by class, a bit for each lane that holds a request
    int32_t cursor;                       // the strategy whose turn it is
    int32_t count;
    struct queue_lane lanes[REQUEST_CLASSES_MAX][QUEUE_LANES];
};

// Lanes to pass over, as `busy`.
struct queue_skip {
    uint64_t lanes[REQUEST_CLASSES_MAX];
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

// The next head of `level`: of the first strategy, beginning with the one whose turn it is, that has a lane
// outside `skip`, the oldest of those lanes' heads. NULL: none.
struct request *queue_head(const struct queue *q, int32_t level, const struct queue_skip *skip);

// Adds r's lane.
void queue_skip_lane(struct queue_skip *skip, const struct request *r);

// r's strategy has had its turn.
void queue_turn(struct queue *q, const struct request *r);

// The newest request at a level whose own priority is that level; NULL: none.
struct request *queue_newest(const struct queue *q, int32_t level);

// Submission time of the oldest head; INT64_MAX when nothing waits.
int64_t queue_oldest_us(const struct queue *q);

int32_t queue_count(const struct queue *q);

#endif
