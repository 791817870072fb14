//   level    CRITICAL    HIGH        NORMAL      LOW
//   lane 0   a - b       .           e           .
//   lane 1   .           c           f - g - h   i
//   lane 2   .           d           .           .
//                 ^ ageing moves the oldest of a lane to the end of the lane on its left, as far as HIGH
#include "api/queue.h"

#include "base/assert.h"

#include <stddef.h>
#include <string.h>

void queue_init(struct queue *q) {
    memset(q, 0, sizeof *q);
}

static struct queue_level *level_of(struct queue *q, const struct request *r) {
    ASSERT(r->level < PRIORITY_COUNT);
    return &q->levels[r->level];
}

uint64_t queue_lane_bit(const struct request *r) {
    return UINT64_C(1) << (r->strategy % QUEUE_LANES);
}

// NULL: at the end.
static void insert_before(struct queue *q, struct request *r, struct request *next) {
    struct queue_level *level = level_of(q, r);
    struct queue_lane *lane = &level->lanes[r->strategy % QUEUE_LANES];
    r->next = next;
    r->prev = next ? next->prev : lane->tail;
    if (r->prev)
        r->prev->next = r;
    else
        lane->head = r;
    if (next)
        next->prev = r;
    else
        lane->tail = r;
    level->count++;
    level->busy |= queue_lane_bit(r);
}

void queue_push(struct queue *q, struct request *r) {
    insert_before(q, r, NULL);
}

void queue_push_back_in_order(struct queue *q, struct request *r) {
    // Only others that came back, or aged ones, can be older, so the walk is as short as the workers are few.
    enum { WALK_MAX = 256 };
    struct request *next = level_of(q, r)->lanes[r->strategy % QUEUE_LANES].head;
    for (int32_t i = 0; next && next->id < r->id && i < WALK_MAX; i++)
        next = next->next;
    insert_before(q, r, next);
}

void queue_remove(struct queue *q, struct request *r) {
    struct queue_level *level = level_of(q, r);
    struct queue_lane *lane = &level->lanes[r->strategy % QUEUE_LANES];
    ASSERT(level->count > 0);
    ASSERT(r->prev ? r->prev->next == r : lane->head == r);
    ASSERT(r->next ? r->next->prev == r : lane->tail == r);
    if (r->prev)
        r->prev->next = r->next;
    else
        lane->head = r->next;
    if (r->next)
        r->next->prev = r->prev;
    else
        lane->tail = r->prev;
    if (!lane->head)
        level->busy &= ~queue_lane_bit(r);
    level->count--;
    r->next = r->prev = NULL;
}

void queue_promote(struct queue *q, struct request *r) {
    ASSERT(r->level > PRIORITY_HIGH);
    queue_remove(q, r);
    r->level--;
    queue_push(q, r);
}

struct request *queue_head(const struct queue *q, int32_t level, uint64_t skip) {
    const struct queue_level *l = &q->levels[level];
    uint64_t busy = l->busy & ~skip;
    if (!busy)
        return NULL;
    uint64_t later = busy & (~UINT64_C(0) << l->cursor);
    return l->lanes[__builtin_ctzll(later ? later : busy)].head;
}

void queue_turn(struct queue *q, const struct request *r) {
    q->levels[r->level].cursor = (r->strategy + 1) % QUEUE_LANES;
}

struct request *queue_newest(const struct queue *q, int32_t level) {
    struct request *newest = NULL;
    for (uint64_t busy = q->levels[level].busy; busy; busy &= busy - 1) {
        struct request *tail = q->levels[level].lanes[__builtin_ctzll(busy)].tail;
        if (tail->priority == level && (!newest || tail->id > newest->id))
            newest = tail;
    }
    return newest;
}

int64_t queue_oldest_us(const struct queue *q) {
    int64_t oldest = INT64_MAX;
    for (int32_t level = 0; level < PRIORITY_COUNT; level++)
        for (uint64_t busy = q->levels[level].busy; busy; busy &= busy - 1) {
            const struct request *head = q->levels[level].lanes[__builtin_ctzll(busy)].head;
            if (head->submitted_us < oldest)
                oldest = head->submitted_us;
        }
    return oldest;
}

int32_t queue_count(const struct queue *q) {
    int32_t count = 0;
    for (int32_t level = 0; level < PRIORITY_COUNT; level++)
        count += q->levels[level].count;
    return count;
}
