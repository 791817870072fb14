// random_path.h: the price inside a bar as a random path, drawn where somebody looks.
//
// The path is one of those a driftless market could have taken given the bar's open, high, low and close
// (sim/bridge.h). It is a function of its key (seed, symbol, open time) and of the bar alone: a tree of halves, whose
// every number is a hash of its place, so that all who look see the same path, however often and in whatever order they
// look and whatever orders rest; what nobody asks for is not drawn.
//
//     bar [open .. close] --+-- first half --+-- ... down to a piece of at most a quarter of a second
//                           +-- second half  +--
//
// A piece's movement happens at its end: up to then the price is the one it began with. So nothing can be seen before
// it happens. The price shown is the multiple of the tick that the path touched last, which on a coarse tick too leaves
// no way to foresee it: given all that was seen, the price shown is the mean of what comes.
//
// Owner    the caller owns struct random_path (20 KB); random_path_begin takes it up anew for a bar.
// Units    prices e8, times microseconds, variance in e8 squared.
#ifndef MT_SIM_RANDOM_PATH_H
#define MT_SIM_RANDOM_PATH_H

#include "sim/bridge.h"
#include "sim/exchange.h"

enum { PATH_LEVELS = 22 };

struct path_node {
    struct bridge bridge;
    uint64_t index;                   // 1: the bar; 2i and 2i + 1: the halves of i; 0: nothing yet
    int64_t shown_e8, shown_end_e8;   // the price shown at its start and at its end
};

struct path_place {   // the node looked at last on one level of the tree, with what is known of its halves
    struct path_node node, half[2];
    struct bridge_cut cut;
    int64_t middle_e8;
    bool is_cut;
};

struct random_path {
    uint64_t key;
    int64_t open_us, length_us, tick_e8, low_e8, high_e8;
    int32_t leaf_level;
    struct path_place look[PATH_LEVELS],
        search[PATH_LEVELS];   // for prices asked for, and for what comes next
};

// What the next event depends on: levels (touched at or below, at or above), and whether what lies between is to be
// told of piece by piece, because somebody follows the extremes.
struct path_watch {
    int64_t low_e8, high_e8;
    bool pieces;
    bool (*quiet)(const void *ctx, int64_t low_e8,
                  int64_t high_e8);   // NULL, or whether a piece with these extremes
                                      // can be told of whole
    const void *ctx;
};

// A stretch of the path that ends at end_us, with the extremes it touches.
struct path_piece {
    int64_t end_us, start_e8, low_e8, high_e8, end_e8;
    bool low_first;
    bool touching;   // a level is touched, or may be: follow it from its start over both extremes to its end
};

void random_path_begin(struct random_path *p, const struct exchange_bar *bar, int64_t tick_e8, uint64_t key,
                       double variance);

// The price shown at now_us, from the open to the close of the bar.
int64_t random_path_price_e8(struct random_path *p, int64_t now_us);

// The extremes touched by what happens after from_us and until to_us; false when that is nothing.
bool random_path_range(struct random_path *p, int64_t from_us, int64_t to_us, int64_t *low_e8,
                       int64_t *high_e8);

// The first piece that ends after from_us and matters; false when none does before the bar closes.
bool random_path_next(struct random_path *p, int64_t from_us, const struct path_watch *watch,
                      struct path_piece *out);

#endif
