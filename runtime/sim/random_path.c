// random_path.c: the tree of halves of a bar, and the ways through it.
#include "sim/random_path.h"

#include "base/assert.h"
#include "base/dec.h"
#include "base/num.h"

#include <math.h>
#include <string.h>

enum { PIECE_US = 250000, TELL_LEVEL = 6 };   // pieces told of are at most a 64th of the bar

enum draw {
    DRAW_MIDDLE,
    DRAW_WAY,
    DRAW_LEFT,
    DRAW_RIGHT = DRAW_LEFT + 2,
    DRAW_SHOWN = DRAW_RIGHT + 2,
    DRAW_ORDER,
    DRAWS
};

static uint64_t mixed(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

// Uniform in [0, 1), the same for the same place.
static double drawn(const struct random_path *p, uint64_t index, int draw) {
    ASSERT(draw < DRAWS);
    uint64_t at = mixed(p->key + (index * DRAWS + (uint64_t)draw) * 0x9e3779b97f4a7c15u);
    return (double)(mixed(at ^ p->key) >> 11) * 0x1p-53;
}

// When the node's span begins (part 0), is half over (1), ends (2).
static int64_t node_us(const struct random_path *p, int level, uint64_t index, int part) {
    int shift = level + 1;
    uint64_t at = ((index - (UINT64_C(1) << level)) << 1) + (uint64_t)part;
    ASSERT(at <= UINT64_C(1) << shift);
    return p->open_us + (int64_t)(((unsigned __int128)(uint64_t)p->length_us * at) >> shift);
}

static int64_t touched_low_e8(const struct random_path *p, const struct bridge *b) {
    return num_max(p->low_e8, (int64_t)ceil(b->low));
}

static int64_t touched_high_e8(const struct random_path *p, const struct bridge *b) {
    return num_min(p->high_e8, (int64_t)floor(b->high));
}

void random_path_begin(struct random_path *p, const struct exchange_bar *bar, int64_t tick_e8, uint64_t key,
                       double variance) {
    ASSERT(tick_e8 > 0);
    ASSERT(variance > 0);
    ASSERT(bar->low_e8 <= bar->high_e8);
    p->key = key;
    p->open_us = bar->open_us;
    p->length_us = bar->close_us - bar->open_us;
    p->tick_e8 = tick_e8;
    p->low_e8 = bar->low_e8;
    p->high_e8 = bar->high_e8;
    p->leaf_level = 0;
    while (p->leaf_level < PATH_LEVELS - 1 && p->length_us >> p->leaf_level > PIECE_US) p->leaf_level++;
    for (int i = 0; i < PATH_LEVELS; i++) {
        p->look[i].node.index = p->search[i].node.index = 0;
        p->look[i].is_cut = p->search[i].is_cut = false;
    }
    // The extremes are multiples of the tick that were touched while the next ones were not: half a tick further, on
    // average, which also keeps an open that is an extreme off the wall.
    double half = (double)tick_e8 / 2;
    struct path_node root = { .bridge = { (double)bar->open_e8, (double)bar->close_e8,
                                          (double)bar->low_e8 - half, (double)bar->high_e8 + half, variance },
                              .index = 1,
                              .shown_e8 = bar->open_e8,
                              .shown_end_e8 = bar->close_e8 };
    p->look[0].node = p->search[0].node = root;
}

// The multiple of the tick touched last when a span that began with `before` shown ends at `price`: of the two beside
// the price each as often as it is near, where both were touched.
static int64_t shown_e8(const struct random_path *p, const struct bridge *b, int64_t before, double price,
                        double draw) {
    int64_t low = touched_low_e8(p, b), high = touched_high_e8(p, b);
    int64_t below = dec_floor_to((int64_t)floor(price), p->tick_e8), above = below + p->tick_e8;
    bool has_below = low <= below && below <= high, has_above = low <= above && above <= high;
    if (has_below && has_above) return draw * (double)p->tick_e8 < price - (double)below ? above : below;
    return has_below ? below : has_above ? above : before;
}

static void half_of(const struct random_path *p, struct path_place *at, bool right) {
    if (at->half[right].index != 0) return;
    uint64_t index = at->node.index;
    int draw = right ? DRAW_RIGHT : DRAW_LEFT;
    at->half[right] =
        (struct path_node){ .bridge = bridge_half(&at->node.bridge, &at->cut, right, drawn(p, index, draw),
                                                  drawn(p, index, draw + 1)),
                            .index = 2 * index + right };
}

// Makes the next level of `places` that half of the node on `level`.
static void descend(const struct random_path *p, struct path_place *places, int level, bool right) {
    struct path_place *at = &places[level], *next = at + 1;
    ASSERT(level + 1 < PATH_LEVELS);
    ASSERT(at->node.index != 0);
    if (next->node.index == 2 * at->node.index + right) return;
    if (!at->is_cut) {
        uint64_t index = at->node.index;
        at->cut = bridge_cut(&at->node.bridge, drawn(p, index, DRAW_MIDDLE), drawn(p, index, DRAW_WAY));
        at->half[0].index = at->half[1].index = 0;
        half_of(p, at, false);
        at->middle_e8 =
            shown_e8(p, &at->half[0].bridge, at->node.shown_e8, at->cut.middle, drawn(p, index, DRAW_SHOWN));
        at->is_cut = true;
    }
    half_of(p, at, right);
    next->node = at->half[right];
    next->node.shown_e8 = right ? at->middle_e8 : at->node.shown_e8;
    next->node.shown_end_e8 = right ? at->node.shown_end_e8 : at->middle_e8;
    next->is_cut = false;
}

// Too short, or too flat, to be cut again.
static bool is_leaf(const struct random_path *p, const struct path_node *n, int level) {
    ASSERT(level <= p->leaf_level);
    return level == p->leaf_level || n->bridge.high - n->bridge.low < 1e-6 * (double)p->tick_e8;
}

int64_t random_path_price_e8(struct random_path *p, int64_t now_us) {
    ASSERT(p->look[0].node.index == 1);
    if (now_us >= p->open_us + p->length_us) return p->look[0].node.shown_end_e8;
    int level = 0;
    for (;; level++) {
        const struct path_node *n = &p->look[level].node;
        int64_t low = touched_low_e8(p, &n->bridge), high = touched_high_e8(p, &n->bridge);
        bool still =
            dec_ceil_to(low, p->tick_e8) >= n->shown_e8 && dec_floor_to(high, p->tick_e8) <= n->shown_e8;
        if (is_leaf(p, n, level) || (still && n->shown_e8 == n->shown_end_e8)) return n->shown_e8;
        descend(p, p->look, level, now_us >= node_us(p, level, n->index, 1));
    }
}

// From a node to the next one in time that does not lie within it: level, or -1 past the last.
static int step_over(const struct random_path *p, struct path_place *places, int level) {
    ASSERT(level >= 0);
    while (level > 0 && places[level].node.index % 2 == 1) level--;
    if (level == 0) return -1;
    descend(p, places, level - 1, true);
    return level;
}

bool random_path_range(struct random_path *p, int64_t from_us, int64_t to_us, int64_t *low_e8,
                       int64_t *high_e8) {
    ASSERT(from_us <= to_us);
    bool any = false;
    for (int level = 0; level >= 0;) {
        const struct path_node *n = &p->look[level].node;
        int64_t start = node_us(p, level, n->index, 0), end = node_us(p, level, n->index, 2);
        bool leaf = is_leaf(p, n, level);
        if (start >= to_us || (leaf && end > to_us)) break;
        if (end <= from_us) {
            level = step_over(p, p->look, level);
            continue;
        }
        if (!leaf && (start < from_us || end > to_us)) {
            descend(p, p->look, level, from_us >= node_us(p, level, n->index, 1));
            level++;
            continue;
        }
        int64_t low = touched_low_e8(p, &n->bridge), high = touched_high_e8(p, &n->bridge);
        *low_e8 = any ? num_min(*low_e8, low) : low;
        *high_e8 = any ? num_max(*high_e8, high) : high;
        any = true;
        level = step_over(p, p->look, level);
    }
    return any;
}

static struct path_piece piece_of(const struct random_path *p, int level, bool touching) {
    const struct path_node *n = &p->search[level].node;
    return (struct path_piece){ .end_us = node_us(p, level, n->index, 2),
                                .low_e8 = touched_low_e8(p, &n->bridge),
                                .high_e8 = touched_high_e8(p, &n->bridge),
                                .start_e8 = n->shown_e8,
                                .end_e8 = n->shown_end_e8,
                                .low_first = bridge_low_first(&n->bridge, drawn(p, n->index, DRAW_ORDER)),
                                .touching = touching };
}

bool random_path_next(struct random_path *p, int64_t from_us, const struct path_watch *watch,
                      struct path_piece *out) {
    ASSERT(p->search[0].node.index == 1);
    for (int level = 0; level >= 0;) {
        const struct path_node *n = &p->search[level].node;
        if (node_us(p, level, n->index, 2) <= from_us) {
            level = step_over(p, p->search, level);
            continue;
        }
        int64_t low = touched_low_e8(p, &n->bridge), high = touched_high_e8(p, &n->bridge);
        bool leaf = is_leaf(p, n, level), whole = leaf || node_us(p, level, n->index, 0) >= from_us;
        bool quiet = low > watch->low_e8 && high < watch->high_e8;
        if (quiet && !watch->pieces) {
            level = step_over(p, p->search, level);
            continue;
        }
        bool told = quiet && whole && (level >= TELL_LEVEL || leaf) &&
                    (!watch->quiet || watch->quiet(watch->ctx, low, high));
        if (told || leaf) {
            *out = piece_of(p, level, !told);
            return true;
        }
        descend(p, p->search, level, from_us >= node_us(p, level, n->index, 1));
        level++;
    }
    return false;
}
