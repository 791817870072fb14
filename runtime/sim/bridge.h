// bridge.h: a Brownian path between two known prices whose lowest and highest are known too, cut in halves.
//
// A bridge starts at `start`, ends at `end`, and touches both `low` and `high` on its way; `variance` is that of
// the free motion over its span. bridge_cut draws where it stands at the middle of its span, and in which half it
// meets each extreme; bridge_half then draws the extremes a half still lacks. Each half is a bridge again, so a bar
// (open, high, low, close) can be refined as far as anyone looks, in any order.
//
// Source   the refinement is that of Beskos, Peluchetti, Roberts, "epsilon-strong simulation of the Brownian path"
//          (Bernoulli 18, 2012), with exact extremes in place of layers; the kernel of the motion between two walls
//          is the classical pair of series (images and sines: Borodin, Salminen, "Handbook of Brownian Motion");
//          the law of a path given open, high, low and close: Riedel, "The value of the high, low and close in the
//          estimation of Brownian motion" (Stat Inference Stoch Process 24, 2021).
// Error    series are cut where a term is below 1e-5 of the whole. The middle is drawn from its density on 12 to 32
//          points with cell masses of fourth order: its mean is right to 1e-4 and its variance to 1e-3 of the range.
//          Extremes are inverted to 1e-5 of a probability. A range beyond 9 or below 0.3 standard deviations is drawn
//          as if it were that.
// Pure     plain arithmetic and square roots only, no library exponentials: the same bytes on every machine.
#ifndef MT_SIM_BRIDGE_H
#define MT_SIM_BRIDGE_H

#include <stdbool.h>

struct bridge {
    double start, end, low, high;   // low <= start, end <= high
    double variance;                // > 0
};

struct bridge_cut {
    double middle;
    bool high_left,
        low_left;   // the half that meets the extreme; when both do, the one it is met in by the draw
};

// Uniform draws in [0, 1). The range must not be empty: low < high.
struct bridge_cut bridge_cut(const struct bridge *b, double draw_middle, double draw_way);
struct bridge bridge_half(const struct bridge *b, const struct bridge_cut *cut, bool right, double draw_first,
                          double draw_second);

// Whether the low is met before the high, for a span too short to be cut again: from the two shortest ways alone.
bool bridge_low_first(const struct bridge *b, double draw);

// The density of ending at `end` with these extremes, as a function of the variance.
double bridge_likelihood(const struct bridge *b);

#endif
