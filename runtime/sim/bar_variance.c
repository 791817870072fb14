// bar_variance.c: the variance of a bar, drawn from its posterior on a grid.
#include "sim/bar_variance.h"

#include "base/assert.h"
#include "sim/bridge.h"
#include "trade/interval.h"

#include <math.h>

enum { GRID = 21, GRID_MIDDLE = GRID / 2 };

static const double GRID_STEP =
    1.18920711500272106672;       // the fourth root of 2: from 1/5.7 to 5.7 of what is expected
static const double KEPT = 0.9;   // weight of a bar further away by one
static const double RANGE_PART = 0.5,
                    CLOSE_PART = 0.38629436111989061883;   // Garman and Klass: 1/2 and 2 ln 2 - 1
static const double EFFICIENCY = 0.27;   // variance of their estimate of one bar, in units of its square
static const double VARIES_MIN = 0.03, VARIES_MAX = 1.5, VARIES_ALONE = 0.5;

// Of one bar, as a part of its price squared. Extremes are taken half a tick outwards, as where they are drawn.
static double estimate(const struct exchange_bar *b, int64_t tick_e8) {
    ASSERT(b->open_e8 > 0);
    double range = (double)(b->high_e8 - b->low_e8 + tick_e8) / (double)b->open_e8,
           moved = (double)(b->close_e8 - b->open_e8) / (double)b->open_e8;
    return RANGE_PART * range * range - CLOSE_PART * moved * moved;
}

static double weight_of(const struct exchange_bar *bar, const struct exchange_bar *other) {
    int64_t length = bar->close_us + BAR_CLOSE_US - bar->open_us,
            apart = (other->open_us - bar->open_us) / length;
    double weight = 1;
    for (int64_t i = apart < 0 ? -apart : apart; i > 1 && weight > 1e-3; i--) weight *= KEPT;
    return weight;
}

struct expected {
    double variance;   // as a part of the price squared
    double varies;     // variance of its logarithm from bar to bar
};

static struct expected expect(const struct exchange_bar *bar, const struct exchange_bar *around,
                              int32_t count, int64_t tick_e8) {
    double sum = 0, squares = 0, weights = 0, weights2 = 0;
    for (int32_t i = 0; i < count; i++) {
        double w = weight_of(bar, &around[i]), v = estimate(&around[i], tick_e8);
        sum += w * v;
        squares += w * v * v;
        weights += w;
        weights2 += w * w;
    }
    if (count < 4) return (struct expected){ estimate(bar, tick_e8), VARIES_ALONE };
    double mean = sum / weights, spread = squares / weights / (mean * mean) - 1;
    // What they differ by beyond the estimate's own error is the market's; part of it is known from the mean.
    double varies = (spread - EFFICIENCY) / (1 + EFFICIENCY) + EFFICIENCY * weights2 / (weights * weights);
    if (!(varies > VARIES_MIN)) varies = VARIES_MIN;
    return (struct expected){ mean, varies < VARIES_MAX ? varies : VARIES_MAX };
}

// exp(-x) for x >= 0, by halving: no library's exponential (sim/bridge.h).
static double falling(double x) {
    ASSERT(x >= 0);
    if (x > 60) return 0;
    double y = x / 64, e = 1 - y * (1 - y / 2 * (1 - y / 3 * (1 - y / 4 * (1 - y / 5 * (1 - y / 6)))));
    for (int i = 0; i < 6; i++) e *= e;
    return e;
}

double bar_variance(const struct exchange_bar *bar, const struct exchange_bar *around, int32_t count,
                    int64_t tick_e8, double draw) {
    ASSERT(count >= 0 && count <= 2 * BARS_AROUND);
    ASSERT(draw >= 0 && draw < 1);
    struct expected expected = expect(bar, around, count, tick_e8);
    double price = (double)bar->open_e8, half = (double)tick_e8 / 2,
           step = 0.17328679513998632735;   // ln 2 / 4
    struct bridge b = { price, (double)bar->close_e8, (double)bar->low_e8 - half, (double)bar->high_e8 + half,
                        1 };
    double variances[GRID], weights[GRID], total = 0, at = expected.variance * price * price;
    for (int i = 0; i < GRID_MIDDLE; i++) at /= GRID_STEP;
    for (int i = 0; i < GRID; i++, at *= GRID_STEP) {
        // A lognormal prior whose mean, not median, is what the bars around say.
        double away = (i - GRID_MIDDLE) * step + expected.varies / 2;
        b.variance = variances[i] = at;
        total += weights[i] = falling(away * away / (2 * expected.varies)) * bridge_likelihood(&b);
    }
    if (!(total > 0)) return expected.variance * price * price;
    double left = draw * total;
    for (int i = 0; i < GRID; i++) {
        if (left < weights[i]) {   // even within the cell, so that a narrow posterior is not a comb
            double part = left / weights[i] - 0.5;
            return variances[i] * (1 + part * step);
        }
        left -= weights[i];
    }
    return variances[GRID - 1];
}
