// synth.c: a market from a seed. Everything on the way to a price is addition, multiplication and square
// root, which IEEE 754 rounds exactly, so the same seed gives the same bars on every machine.
#include "data/synth.h"

#include "base/num.h"
#include "data/columns.h"

#include "base/dec.h"
#include "base/rng.h"
#include "trade/record.h"
#include "trade/interval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double day_us = 86400e6;

struct walk {
    struct rng rng;
    double price, start;
    double calm;    // volatility's own level around 1
    double drift;   // of a step, changes sign now and then
    double step;    // standard deviation of a step at calm 1
    int64_t tick_e8;
};

static int64_t on_tick(const struct walk *w) {
    int64_t e8 = dec_round_to(dec_from_double(w->price), w->tick_e8);
    return num_max(e8, w->tick_e8);
}

// One quarter of a bar.
static void walk_step(struct walk *w) {
    // Mean reversion of the level keeps years of minutes within bounds without showing inside a day.
    double pull = (w->start - w->price) / (w->start + w->price) * 2 * w->step * w->step * 0.5;
    double change = w->drift + pull + w->step * w->calm * rng_normal(&w->rng);
    if (change > 0.2) change = 0.2;
    if (change < -0.2) change = -0.2;
    w->price *= 1 + change;
}

static void walk_mood(struct walk *w) {
    w->calm += 0.003 * (1 - w->calm) + 0.03 * w->calm * rng_normal(&w->rng);
    if (w->calm < 0.3) w->calm = 0.3;
    if (w->calm > 4) w->calm = 4;
    if (rng_double(&w->rng) < 1.0 / 2000) w->drift = w->step * 0.003 * rng_normal(&w->rng);
}

int synth_bars(const struct synth_options *o, struct series *out, struct errmsg *e) {
    if (o->count < 1 || o->tick_e8 < 1 || o->step_e8 < 1 || o->price_e8 < o->tick_e8) {
        return errmsg_set(e, ERR_INVALID,
                          "a made market needs at least one bar and a price of at least a tick");
    }
    if (interval_floor(o->interval, o->start_us) != o->start_us) {
        return errmsg_set(e, ERR_INVALID, "the first bar must begin on the interval's grid");
    }
    int64_t *columns[COLUMN_COUNT];
    memset(out, 0, sizeof *out);
    if (columns_alloc(out, o->count, columns))
        return errmsg_set(e, ERR_NO_MEMORY, "not enough memory for the bars");
    memcpy(out->symbol, o->symbol, sizeof out->symbol);
    out->interval = o->interval;
    out->interval_us = interval_us(o->interval);

    struct walk w = { .price = dec_to_double(o->price_e8),
                      .start = dec_to_double(o->price_e8),
                      .calm = 1,
                      .tick_e8 = o->tick_e8 };
    w.step = o->volatility * sqrt((double)out->interval_us / day_us / 4);
    rng_init(&w.rng, o->seed);
    int64_t t = o->start_us;
    double base_volume =
        2e6 * sqrt((double)out->interval_us / 60e6) / w.start;   // some two million USDT a minute
    for (int64_t i = 0; i < o->count; i++) {
        int64_t open = on_tick(&w), high = open, low = open, close = open;
        double before = w.price, travelled = 0;
        for (int quarter = 0; quarter < 4; quarter++) {
            double from = w.price;
            walk_step(&w);
            travelled += fabs(w.price - from);
            close = on_tick(&w);
            if (close > high) high = close;
            if (close < low) low = close;
        }
        walk_mood(&w);
        double hour = (double)(t % (int64_t)day_us) / 3600e6;
        double rhythm = 0.6 + 0.8 * (1 - fabs(hour - 14) / 14);   // busiest in the afternoon, UTC
        double volume =
            base_volume * rhythm * (0.3 + rng_double(&w.rng)) * (0.5 + travelled / before / w.step / 4);
        int64_t volume_e8 = dec_floor_to(dec_from_double(volume), o->step_e8);
        columns[COLUMN_OPEN_US][i] = t;
        columns[COLUMN_OPEN][i] = open;
        columns[COLUMN_HIGH][i] = high;
        columns[COLUMN_LOW][i] = low;
        columns[COLUMN_CLOSE][i] = close;
        columns[COLUMN_VOLUME][i] = volume_e8;
        columns[COLUMN_QUOTE_VOLUME][i] = dec_mul_round(volume_e8, (open + close) / 2);
        columns[COLUMN_TRADES][i] = 1 + (int64_t)(volume / (base_volume + 1e-9) * 400);
        int64_t taker = dec_floor_to(dec_from_double(volume * (0.35 + 0.3 * rng_double(&w.rng))), o->step_e8);
        columns[COLUMN_TAKER_VOLUME][i] = taker;
        columns[COLUMN_TAKER_QUOTE_VOLUME][i] = dec_mul_round(taker, (open + close) / 2);
        t = interval_floor(o->interval,
                           t + out->interval_us + (o->interval == INTERVAL_1MO ? (int64_t)(5 * day_us) : 0));
    }
    if (columns_finish(out)) {
        series_close(out);
        return errmsg_set(e, ERR_NO_MEMORY, "the bars could not be hashed");
    }
    return 0;
}
