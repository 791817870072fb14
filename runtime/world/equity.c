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
    look_at_peak(v, t_us, equity_e8);
    v->equity_e8 = equity_e8;
    if (!t->points) return;
    append(&t->point_us, &t->point_equity_e8, &v->point_count, &t->point_capacity, t_us, equity_e8);
    v->point_us = t->point_us;
    v->point_equity_e8 = t->point_equity_e8;
}
