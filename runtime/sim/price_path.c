// price_path.c: the price inside an open bar.
#include "sim/price_path.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/num.h"
#include "sim/adverse.h"
#include "sim/algo.h"
#include "sim/bar_variance.h"
#include "sim/mark_bar.h"
#include "sim/match.h"
#include "trade/interval.h"

#include <stdlib.h>

struct drawn_path {
    struct random_path path;
    bool begun;   // for the bar now open
};

static bool is_drawn(const struct exchange *x) {
    return x->config.path == PATH_RANDOM || x->config.path == PATH_ADVERSE;
}

// ---- lines ----

static void lay(struct market *m, bool low_first) {
    const struct exchange_bar *b = &m->bar;
    int64_t length = b->close_us + BAR_CLOSE_US - b->open_us;
    ASSERT(length > BAR_CLOSE_US * 3);
    m->path_us[0] = b->open_us;
    m->path_us[1] = b->open_us + length / 3;
    m->path_us[2] = b->open_us + length * 2 / 3;
    m->path_us[3] = b->close_us;
    m->path_e8[0] = b->open_e8;
    m->path_e8[1] = low_first ? b->low_e8 : b->high_e8;
    m->path_e8[2] = low_first ? b->high_e8 : b->low_e8;
    m->path_e8[3] = b->close_e8;
    m->segment = 0;
}

void price_path_lay(const struct exchange *x, struct market *m) {
    const struct exchange_bar *b = &m->bar;
    if (is_drawn(x)) return;
    bool low_nearer = b->open_e8 - b->low_e8 <= b->high_e8 - b->open_e8;
    lay(m, x->config.path == PATH_OLHC || (x->config.path == PATH_NEAREST && low_nearer));
}

static int64_t line_price_e8(const struct market *m, int64_t now_us) {
    ASSERT(m->open || m->segment >= 0);
    ASSERT(m->segment >= 0 && m->segment <= 3);
    int k = m->segment;
    while (k < 2 && now_us >= m->path_us[k + 1]) k++;
    if (now_us <= m->path_us[k]) return m->path_e8[k];
    if (now_us >= m->path_us[k + 1]) return m->path_e8[k + 1];
    int64_t span = m->path_us[k + 1] - m->path_us[k];
    return m->path_e8[k] + dec_mul_div_round(m->path_e8[k + 1] - m->path_e8[k], now_us - m->path_us[k], span);
}

static void line_extremes(const struct market *m, int64_t now_us, int64_t *low, int64_t *high) {
    int64_t now = line_price_e8(m, now_us);
    *low = num_min(*low, now);
    *high = num_max(*high, now);
    for (int k = 1; k < 4 && m->path_us[k] <= now_us; k++) {
        *low = num_min(*low, m->path_e8[k]);
        *high = num_max(*high, m->path_e8[k]);
    }
}

static int64_t line_time(const struct market *m, int64_t from_us, int64_t level_e8) {
    ASSERT(m->segment >= 0 && m->segment < 3);
    int64_t t0 = m->path_us[m->segment], p0 = m->path_e8[m->segment];
    int64_t span = m->path_us[m->segment + 1] - t0;
    wide_e16 distance = m->path_e8[m->segment + 1] - p0;
    if (distance == 0) return from_us;
    wide_e16 part = (wide_e16)(level_e8 - p0) * span;
    if (distance < 0) {
        distance = -distance;
        part = -part;
    }
    int64_t t = part <= 0 ? t0 : t0 + (int64_t)((part + distance - 1) / distance);   // up to the microsecond
    return num_max(t, from_us);
}

// When the running line touches a level, and which price that is; false when it does not.
static bool line_reach(const struct market *m, int64_t *when_us, int64_t *touch_e8) {
    ASSERT(m->segment >= 0 && m->segment < 3);
    int64_t here = m->last_e8, from_us = m->last_us, end = m->path_e8[m->segment + 1];
    *when_us = from_us;
    *touch_e8 = here;
    if (here <= m->reach_low_e8 || here >= m->reach_high_e8)
        return true;   // already there: the account changed since
    if (end < here && end <= m->reach_low_e8)
        *touch_e8 = m->reach_low_e8;
    else if (end > here && end >= m->reach_high_e8)
        *touch_e8 = m->reach_high_e8;
    else
        return false;
    *when_us = line_time(m, from_us, *touch_e8);
    return true;
}

static struct path_event line_next(struct market *m) {
    struct path_event e = { .market = m, .kind = PATH_TOUCH };
    if (!line_reach(m, &e.when_us, &e.price_e8)) {
        e.kind = PATH_CORNER;
        e.when_us = m->path_us[m->segment + 1];
    }
    return e;
}

static int64_t line_wake_us(const struct exchange *x, const struct market *m) {
    struct market look = *m;
    bool corners = m->trailing_count > 0 || x->held_count > 1;
    for (; look.segment < 3; look.segment++) {
        int64_t t, p;
        if (line_reach(&look, &t, &p)) return t;
        look.last_us = look.path_us[look.segment + 1];
        look.last_e8 = look.path_e8[look.segment + 1];
        if (corners) return look.last_us;
    }
    return INT64_MAX;
}

// ---- a random path ----

static uint64_t path_key(const struct exchange *x, const struct market *m) {
    uint64_t key = x->config.path_seed * 0x9e3779b97f4a7c15u + (uint64_t)m->bar.open_us;
    for (const char *c = m->s->name; *c; c++) key = (key ^ (uint8_t)*c) * 0x100000001b3u;
    key = (key ^ (key >> 32)) * 0xd6e8feb86659fd93u;
    return key ^ (key >> 32);
}

// The path of the open bar, begun when it is first needed.
static struct random_path *path_of(const struct exchange *x, const struct market *m) {
    ASSERT(m->drawn != NULL);
    struct random_path *p = &m->drawn->path;
    if (m->drawn->begun) return p;
    struct exchange_bar around[2 * BARS_AROUND];
    int32_t count = x->hooks.bars_around
                        ? x->hooks.bars_around(x->hooks.ctx, m->index, m->bar.open_us, BARS_AROUND, around)
                        : 0;
    ASSERT(count <= 2 * BARS_AROUND);
    uint64_t key = path_key(x, m);
    double draw = (double)(key * 0x9e3779b97f4a7c15u >> 11) * 0x1p-53;
    random_path_begin(p, &m->bar, m->s->tick_e8, key,
                      bar_variance(&m->bar, around, count, m->s->tick_e8, draw));
    m->drawn->begun = true;
    return p;
}

static bool still_quiet(const void *ctx, int64_t low_e8, int64_t high_e8) {
    return !algos_trail_reach(ctx, low_e8, high_e8);
}

// Who follows the extremes: trailing orders, and an account whose positions together may not be worth enough.
static bool follows(const struct exchange *x, const struct market *m) {
    if (m->trailing_count > 0) return true;
    if (x->held_count < 2) return false;
    int64_t low, high;
    mark_bar_extremes(m, &low, &high);
    return !crossed_safe(x, m->index, low, high);
}

static struct path_event drawn_next(const struct exchange *x, struct market *m) {
    struct path_event e = { .market = m, .when_us = m->bar.close_us, .kind = PATH_CLOSE };
    struct path_watch watch = { .low_e8 = m->reach_low_e8,
                                .high_e8 = m->reach_high_e8,
                                .pieces = follows(x, m),
                                .quiet = m->trailing_count > 0 ? still_quiet : NULL,
                                .ctx = m };
    if (adverse_stop(x, m, &e.price_e8)) {
        e.kind = PATH_STOP;
        e.when_us = num_max(m->last_us, m->bar.open_us + 1);
        return e;
    }
    if (m->last_e8 <= watch.low_e8 ||
        m->last_e8 >= watch.high_e8) {   // already there: the account changed since
        e.kind = PATH_TOUCH;
        e.when_us = m->last_us;
        e.price_e8 = m->last_e8;
        return e;
    }
    if (!watch.pieces && m->bar.low_e8 > watch.low_e8 && m->bar.high_e8 < watch.high_e8) return e;
    if (!random_path_next(path_of(x, m), m->last_us, &watch, &e.piece)) return e;
    e.kind = PATH_PIECE;
    e.when_us = e.piece.end_us;
    return e;
}

static void follow(struct exchange *x, struct market *m, int64_t price_e8) {
    mark_bar_move(m, price_e8);
    algos_trail(x, m);
}

// ---- both ----

void price_path_begin(struct exchange *x, struct market *m) {
    ASSERT(m->bar.low_e8 <= m->bar.open_e8 && m->bar.open_e8 <= m->bar.high_e8);
    ASSERT(m->bar.low_e8 <= m->bar.close_e8 && m->bar.close_e8 <= m->bar.high_e8);
    if (!is_drawn(x)) {
        lay(m, true);   // a price for what is matched now
        return;
    }
    if (!m->drawn) m->drawn = alloc_zeroed(1, sizeof *m->drawn);
    m->drawn->begun = false;
}

void price_path_free(struct market *m) {
    free(m->drawn);
    m->drawn = NULL;
}

int64_t price_path_price_e8(const struct exchange *x, const struct market *m, int64_t now_us) {
    if (!is_drawn(x)) return line_price_e8(m, now_us);
    if (now_us <= m->bar.open_us) return m->bar.open_e8;
    return now_us >= m->bar.close_us ? m->bar.close_e8 : random_path_price_e8(path_of(x, m), now_us);
}

void price_path_extremes(const struct exchange *x, const struct market *m, int64_t now_us, int64_t *low,
                         int64_t *high) {
    *low = *high = m->bar.open_e8;
    if (!is_drawn(x)) {
        line_extremes(m, now_us, low, high);
        return;
    }
    int64_t touched_low, touched_high, now = price_path_price_e8(x, m, now_us);
    *low = num_min(*low, now);
    *high = num_max(*high, now);
    if (now_us <= m->bar.open_us) return;
    if (!random_path_range(path_of(x, m), m->bar.open_us, now_us, &touched_low, &touched_high)) return;
    *low = num_min(*low, dec_ceil_to(touched_low, m->s->tick_e8));
    *high = num_max(*high, dec_floor_to(touched_high, m->s->tick_e8));
}

void price_path_now(struct exchange *x, struct market *m) {
    ASSERT(m->last_us <= x->now_us);
    if (!m->open || m->last_us == x->now_us) return;
    int64_t low, high;
    if (is_drawn(x) && m->trailing_count > 0 &&
        random_path_range(path_of(x, m), m->last_us, x->now_us, &low, &high)) {
        follow(x, m, dec_ceil_to(low, m->s->tick_e8));
        follow(x, m, dec_floor_to(high, m->s->tick_e8));
    }
    mark_bar_move(m, price_path_price_e8(x, m, x->now_us));
    m->last_us = x->now_us;
}

struct path_event price_path_next(const struct exchange *x, struct market *m) {
    ASSERT(m->open);
    return is_drawn(x) ? drawn_next(x, m) : line_next(m);
}

int64_t price_path_wake_us(const struct exchange *x, struct market *m) {
    ASSERT(m->open);
    if (!is_drawn(x)) return line_wake_us(x, m);
    struct path_event e = drawn_next(x, m);
    return e.kind == PATH_CLOSE ? INT64_MAX : e.when_us;
}

static void touch(struct exchange *x, struct market *m, int64_t price_e8) {
    for (int32_t i = 0; x->held_count > 1 && i < x->open_count; i++)
        price_path_now(x, &x->markets[x->open_list[i]]);
    mark_bar_touch(m, price_e8);
    m->last_us = x->now_us;
    match_triggered(x, m);
    liquidate_if_exhausted(x);
    levels_refresh(x);
}

static void corner(struct exchange *x, struct market *m, int64_t price_e8) {
    m->last_us = x->now_us;
    follow(x, m, price_e8);
    liquidate_if_exhausted(x);
    levels_refresh(x);
}

// On from the price where the market stands to `target`, over every level between.
static void walk(struct exchange *x, struct market *m, int64_t target_e8) {
    for (;;) {
        int64_t here = m->last_e8, level;
        if (here <= m->reach_low_e8 || here >= m->reach_high_e8)
            level = here;
        else if (target_e8 < here && target_e8 <= m->reach_low_e8)
            level = m->reach_low_e8;
        else if (target_e8 > here && target_e8 >= m->reach_high_e8)
            level = m->reach_high_e8;
        else
            return;
        touch(x, m, level);
    }
}

static void play_piece(struct exchange *x, struct market *m, const struct path_piece *piece) {
    int64_t tick = m->s->tick_e8;
    mark_bar_move(m, piece->start_e8);
    for (int i = 0; i < 2; i++) {
        bool low = piece->low_first == (i == 0);
        int64_t extreme = low ? piece->low_e8 : piece->high_e8;
        if (piece->touching) walk(x, m, extreme);
        int64_t shown = low ? num_min(dec_ceil_to(extreme, tick), m->last_e8)
                            : num_max(dec_floor_to(extreme, tick), m->last_e8);
        corner(x, m, shown);
    }
    if (piece->touching) walk(x, m, piece->end_e8);
    corner(x, m, piece->end_e8);
    if (x->held_count > 1)
        m->dirty = x->any_dirty = true;   // the others' liquidation prices hang on this one
}

// At the stop's own trigger, or where the path stands if that is worse.
static void stop_out(struct exchange *x, struct market *m) {
    int64_t level = 0;
    struct algo *a = adverse_stop(x, m, &level);
    ASSERT(a != NULL);
    price_path_now(x, m);
    int64_t here = m->last_e8;
    m->last_e8 = a->r.side == SIDE_SELL ? num_min(level, here) : num_max(level, here);
    algo_trigger(x, a);
    m->last_e8 = here;
    m->dirty = x->any_dirty = true;
    liquidate_if_exhausted(x);
}

static void close_bar(struct exchange *x, struct market *m) {
    m->open = false;
    for (int32_t i = 0; i < x->open_count; i++) {
        if (x->open_list[i] == m->index) {
            x->open_list[i] = x->open_list[--x->open_count];
            break;
        }
    }
}

void price_path_play(struct exchange *x, const struct path_event *e) {
    struct market *m = e->market;
    ASSERT(m->open);
    ASSERT(e->when_us >= m->last_us);
    switch (e->kind) {
    case PATH_TOUCH: touch(x, m, e->price_e8); break;
    case PATH_PIECE: play_piece(x, m, &e->piece); break;
    case PATH_CORNER:
        m->segment++;
        corner(x, m, m->path_e8[m->segment]);
        if (m->segment < 3) break;
        mark_bar_close(x, m);
        close_bar(x, m);
        break;
    case PATH_STOP: stop_out(x, m); break;
    case PATH_CLOSE:
        corner(x, m, m->bar.close_e8);
        mark_bar_close(x, m);
        adverse_closed(x, m);
        close_bar(x, m);
        break;
    }
}
