// equity.c: what an account was worth over time.
#include "world/equity.h"

#include "base/array.h"
#include "base/assert.h"
#include "base/units.h"
#include "world/world.h"

#include <stdlib.h>

static void append(int64_t **us, int64_t **values, int64_t *count, int64_t *room, int64_t t_us,
                   int64_t value) {
    ASSERT(*count <= *room);
    int64_t values_room = *room;
    ARRAY_ROOM(*us, *room, *count + 1);
    ARRAY_ROOM(*values, values_room, *count + 1);
    (*us)[*count] = t_us;
    (*values)[(*count)++] = value;
}

void equity_close(struct equity_track *t) {
    free(t->day_us);
    free(t->day_equity_e8);
    free(t->point_us);
    free(t->point_equity_e8);
    *t = (struct equity_track){ 0 };
}

void equity_add_day(struct equity_track *t, struct world_view *v, int64_t day_us, int64_t equity_e8) {
    append(&t->day_us, &t->day_equity_e8, &v->day_count, &t->day_capacity, day_us, equity_e8);
    v->day_us = t->day_us;
    v->day_equity_e8 = t->day_equity_e8;
    t->day_end_us = day_us + DAY_US;
}

void equity_begin(struct equity_track *t, struct world_view *v, int64_t now_us) {
    ASSERT(v->day_count == 0);
    equity_add_day(t, v, now_us - now_us % DAY_US, v->equity_e8);
}

void equity_skip_days(struct equity_track *t, int64_t now_us) {
    int64_t today_us = now_us - now_us % DAY_US;
    if (t->day_end_us < today_us) t->day_end_us = today_us;
}

static void keep_deepest(struct drawdown list[DRAWDOWNS_KEPT], struct drawdown fall) {
    for (int i = 0; i < DRAWDOWNS_KEPT; i++) {
        if (fall.depth <= list[i].depth) continue;
        struct drawdown moved = list[i];
        list[i] = fall;
        fall = moved;
    }
}

static void look_at_fall(struct equity_track *t, const struct world_view *v, int64_t t_us,
                         int64_t equity_e8) {
    ASSERT(v->peak_e8 >= 0);
    struct drawdown *f = &t->fall;
    if (equity_e8 >= v->peak_e8) {
        if (f->depth == 0) return;
        f->end_us = t_us;
        keep_deepest(t->deepest, *f);
        if (t_us - f->peak_us > t->longest_us) t->longest_us = t_us - f->peak_us;
        *f = (struct drawdown){ 0 };
        return;
    }
    double depth = (double)(v->peak_e8 - equity_e8) / (double)v->peak_e8;
    if (depth <= f->depth) return;
    *f = (struct drawdown){ v->peak_candidate_us, t_us, 0, v->peak_e8, equity_e8, depth };
}

int32_t equity_drawdowns(const struct equity_track *t, int64_t now_us, struct drawdown out[DRAWDOWNS_KEPT],
                         int64_t *longest_us) {
    for (int i = 0; i < DRAWDOWNS_KEPT; i++) out[i] = t->deepest[i];
    if (t->fall.depth > 0) keep_deepest(out, t->fall);
    int64_t under_way = t->fall.depth > 0 ? now_us - t->fall.peak_us : 0;
    *longest_us = under_way > t->longest_us ? under_way : t->longest_us;
    int32_t count = 0;
    while (count < DRAWDOWNS_KEPT && out[count].depth > 0) count++;
    return count;
}

static void look_at_peak(struct world_view *v, int64_t t_us, int64_t equity_e8) {
    if (equity_e8 > v->peak_e8) {
        v->peak_e8 = equity_e8;
        v->peak_candidate_us = t_us;
        return;
    }
    if (equity_e8 == v->peak_e8 || equity_e8 == v->equity_e8) return;
    int64_t fall_e8 = v->peak_e8 - equity_e8;
    if (fall_e8 > v->drawdown_e8) v->drawdown_e8 = fall_e8;
    double ratio = (double)fall_e8 / (double)v->peak_e8;
    if (ratio > v->drawdown) {
        v->drawdown = ratio;
        v->peak_us = v->peak_candidate_us;
        v->trough_us = t_us;
    }
}

void equity_sample(struct equity_track *t, struct world_view *v, int64_t t_us, int64_t equity_e8) {
    while (t_us >= t->day_end_us) equity_add_day(t, v, t->day_end_us, v->equity_e8);
    if (equity_e8 != v->equity_e8) look_at_fall(t, v, t_us, equity_e8);
    look_at_peak(v, t_us, equity_e8);
    v->equity_e8 = equity_e8;
    if (!t->points) return;
    append(&t->point_us, &t->point_equity_e8, &v->point_count, &t->point_capacity, t_us, equity_e8);
    v->point_us = t->point_us;
    v->point_equity_e8 = t->point_equity_e8;
}
