// queue.c: the waiting requests in lanes of one level and one strategy.
//
//   level    CRITICAL    HIGH        NORMAL      LOW
//   lane 0   a - b       .           e           .      a lane: one strategy, one request class
//   lane 1   .           c           f - g - h   i
//   lane 2   .           d           .           .
//                 ^ ageing moves the oldest of a lane to the end of the lane on its left, as far as HIGH
#include "api/queue.h"

#include "base/assert.h"

#include <stddef.h>
#include <string.h>

void queue_init(struct queue *q) { memset(q, 0, sizeof *q); }

static struct queue_level *level_of(struct queue *q, const struct request *r) {
    ASSERT(r->level < PRIORITY_COUNT);
    return &q->levels[r->level];
}

static uint64_t bit_of(const struct request *r) { return UINT64_C(1) << (r->strategy % QUEUE_LANES); }

static struct queue_lane *lane_of(struct queue_level *level, const struct request *r) {
    ASSERT(r->request_class < REQUEST_CLASSES_MAX);
    return &level->lanes[r->request_class][r->strategy % QUEUE_LANES];
}

void queue_skip_lane(struct queue_skip *skip, const struct request *r) {
    ASSERT(r->request_class < REQUEST_CLASSES_MAX);
    skip->lanes[r->request_class] |= bit_of(r);
}

// NULL: at the end.
static void insert_before(struct queue *q, struct request *r, struct request *next) {
    ASSERT(!next || next->level == r->level);
    ASSERT(r->next == NULL && r->prev == NULL);
    struct queue_level *level = level_of(q, r);
    struct queue_lane *lane = lane_of(level, r);
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
    ASSERT(level->count > 0);
    ASSERT(lane->head != NULL && lane->tail != NULL);
    level->busy[r->request_class] |= bit_of(r);
}

void queue_push(struct queue *q, struct request *r) { insert_before(q, r, NULL); }

void queue_push_back_in_order(struct queue *q, struct request *r) {
    ASSERT(r->id > 0);
    // Only others that came back, or aged ones, can be older, so the walk is as short as the workers are few.
    enum { WALK_MAX = 256 };
    struct request *next = lane_of(level_of(q, r), r)->head;
    for (int32_t i = 0; next && next->id < r->id && i < WALK_MAX; i++) next = next->next;
    insert_before(q, r, next);
}

void queue_remove(struct queue *q, struct request *r) {
    struct queue_level *level = level_of(q, r);
    struct queue_lane *lane = lane_of(level, r);
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
    if (!lane->head) level->busy[r->request_class] &= ~bit_of(r);
    level->count--;
    ASSERT(level->count >= 0);
    ASSERT((lane->head == NULL) == (lane->tail == NULL));
    r->next = r->prev = NULL;
}

void queue_promote(struct queue *q, struct request *r) {
    ASSERT(r->level > PRIORITY_HIGH);
    queue_remove(q, r);
    r->level--;
    queue_push(q, r);
}

struct request *queue_head(const struct queue *q, int32_t level, const struct queue_skip *skip) {
    ASSERT(level >= 0 && level < PRIORITY_COUNT);
    const struct queue_level *l = &q->levels[level];
    uint64_t busy[REQUEST_CLASSES_MAX], any = 0;
    for (int32_t i = 0; i < REQUEST_CLASSES_MAX; i++) any |= busy[i] = l->busy[i] & ~skip->lanes[i];
    if (!any) return NULL;
    uint64_t later = any & (~UINT64_C(0) << l->cursor);
    int32_t lane = __builtin_ctzll(later ? later : any);
    struct request *oldest = NULL;
    for (int32_t i = 0; i < REQUEST_CLASSES_MAX; i++) {
        struct request *head = busy[i] >> lane & 1 ? l->lanes[i][lane].head : NULL;
        if (head && (!oldest || head->id < oldest->id)) oldest = head;
    }
    ASSERT(oldest != NULL);
    ASSERT(oldest->level == level);
    return oldest;
}

void queue_turn(struct queue *q, const struct request *r) {
    ASSERT(r->level < PRIORITY_COUNT);
    q->levels[r->level].cursor = (r->strategy + 1) % QUEUE_LANES;
}

struct request *queue_newest(const struct queue *q, int32_t level) {
    ASSERT(level >= 0 && level < PRIORITY_COUNT);
    struct request *newest = NULL;
    for (int32_t i = 0; i < REQUEST_CLASSES_MAX; i++)
        for (uint64_t busy = q->levels[level].busy[i]; busy; busy &= busy - 1) {
            struct request *tail = q->levels[level].lanes[i][__builtin_ctzll(busy)].tail;
            if (tail->priority == level && (!newest || tail->id > newest->id)) newest = tail;
        }
    return newest;
}

int64_t queue_oldest_us(const struct queue *q) {
    int64_t oldest = INT64_MAX;
    for (int32_t k = 0; k < PRIORITY_COUNT * REQUEST_CLASSES_MAX; k++) {
        const struct queue_level *l = &q->levels[k / REQUEST_CLASSES_MAX];
        for (uint64_t busy = l->busy[k % REQUEST_CLASSES_MAX]; busy; busy &= busy - 1) {
            const struct request *head = l->lanes[k % REQUEST_CLASSES_MAX][__builtin_ctzll(busy)].head;
            if (head->submitted_us < oldest) oldest = head->submitted_us;
        }
    }
    return oldest;
}

int32_t queue_count(const struct queue *q) {
    int32_t count = 0;
    for (int32_t level = 0; level < PRIORITY_COUNT; level++) count += q->levels[level].count;
    return count;
}
