// mark.c: index price, mark price, premium and funding rate.
#include "sim/mark.h"

#include "base/assert.h"
#include "base/dec.h"
#include "base/units.h"
#include "trade/interval.h"

#include <math.h>
#include <string.h>

static const double BASIS_SD = 0.0003, BASIS_US = 4 * 3600e6;   // its usual size, and how long it lasts
static const double MIDDLE_US = 3e6, GAP_US = 30e6;             // what is averaged over
static const double SAMPLE_US = 5e6;
static const double INTEREST = 0.0001, CLAMP = 0.0005, RATE_MAX = 0.02;
static const int64_t IMPACT_MARGIN_E8 = INT64_C(200) * DEC_ONE;   // at the highest leverage

void mark_init(struct mark *m, const struct symbol *s, int16_t symbol, uint64_t seed, int64_t now_us) {
    ASSERT(s->tick_e8 > 0);
    memset(m, 0, sizeof *m);
    rng_init(&m->rng, seed);
    m->basis = BASIS_SD * rng_normal(&m->rng);
    m->interval_us = (s->funding_interval_h > 0 ? s->funding_interval_h : 8) * HOUR_US;
    m->impact_e8 = IMPACT_MARGIN_E8 * s->brackets[0].leverage_max;
    m->interest_e8 = dec_from_double(INTEREST * (double)m->interval_us / (8 * (double)HOUR_US));
    m->next_us = now_us - now_us % m->interval_us + m->interval_us;
    m->index_bars.symbol = m->mark_bars.symbol = m->premium_bars.symbol = symbol;
}

void mark_free(struct mark *m) {
    bars_free(&m->index_bars);
    bars_free(&m->mark_bars);
    bars_free(&m->premium_bars);
}

// Straight lines instead of exponentials: the same on every machine.
static double part(int64_t time_us, double of_us) {
    double p = (double)time_us / of_us;
    return p < 1 ? p : 1;
}

static double bounded(double v, double most) {
    ASSERT(most >= 0);
    return v < -most ? -most : v > most ? most : v;
}

static int64_t median(int64_t a, int64_t b, int64_t c) {
    int64_t low = a < b ? a : b, high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

static void walk_basis(struct mark *m, int64_t time_us) {
    double p = part(time_us, BASIS_US);
    m->basis += BASIS_SD * sqrt(2 * p) * rng_normal(&m->rng) - m->basis * p;
}

static void sample_premium(struct mark *m, double premium) {
    m->samples++;
    m->premium_sum += premium * (double)m->samples;
    m->weight += (double)m->samples;
    double average = m->premium_sum / m->weight;
    double rate = average + bounded(INTEREST - average, CLAMP);
    m->rate_e8 = dec_from_double(bounded(rate, RATE_MAX) * (double)m->interval_us / (8 * (double)HOUR_US));
    m->premium_e8 = dec_from_double(premium);
}

// Index and mark for a middle of the book and a last price.
static void price(struct mark *m, double middle, int64_t last_e8, int64_t time_us, int64_t now_us) {
    ASSERT(now_us >= 0);
    m->middle = m->stepped_us == 0 ? middle : m->middle + (middle - m->middle) * part(time_us, MIDDLE_US);
    double index = m->middle * (1 + m->basis);
    m->gap = m->stepped_us == 0 ? middle - index : m->gap + (middle - index - m->gap) * part(time_us, GAP_US);
    double ahead = (double)(m->next_us - now_us) / (double)m->interval_us * dec_to_double(m->rate_e8);
    m->index_e8 = dec_from_double(index);
    m->mark_e8 = median(dec_from_double(index * (1 + ahead)), dec_from_double(index + m->gap), last_e8);
    m->stepped_us = now_us;
}

// ---- the past ----

static int64_t largest(int64_t a, int64_t b, int64_t c) {
    int64_t most = a > b ? a : b;
    return most > c ? most : c;
}

// A finished minute from the close before it to this one, over the extremes of `like` times `ratio`.
static void add_past(struct bars *b, const struct kline_record *like, int64_t close, double ratio) {
    int64_t open = b->count > 0 ? b->minutes[b->count - 1].close_e8 : close;
    int64_t high = ratio > 0 ? dec_from_double(dec_to_double(like->high_e8) * ratio) : close;
    int64_t low = ratio > 0 ? dec_from_double(dec_to_double(like->low_e8) * ratio) : close;
    struct kline_record k = { .open_us = like->open_us,
                              .close_us = like->close_us,
                              .open_e8 = open,
                              .close_e8 = close,
                              .high_e8 = largest(open, close, high),
                              .low_e8 = -largest(-open, -close, -low),
                              .trades = 60 };
    bars_add(b, &k);
}

bool mark_past(struct mark *m, const struct kline_record *minute, struct funding_record *paid) {
    int64_t end_us = minute->close_us + BAR_CLOSE_US, time_us = end_us - minute->open_us;
    double close = dec_to_double(minute->close_e8);
    walk_basis(m, time_us);
    price(m, close, minute->close_e8, time_us, end_us);
    sample_premium(m, close / dec_to_double(m->index_e8) - 1);
    add_past(&m->index_bars, minute, m->index_e8, 1 + m->basis);
    add_past(&m->mark_bars, minute, m->mark_e8, dec_to_double(m->mark_e8) / close);
    add_past(&m->premium_bars, minute, m->premium_e8, 0);
    if (end_us < m->next_us) return false;
    *paid = (struct funding_record){ .time_us = m->next_us, .rate_e8 = m->rate_e8, .mark_e8 = m->mark_e8 };
    mark_paid(m, end_us);
    return true;
}

// ---- now ----

// What `notional_e8` would cost on average, from the best price on; the worst price when the side is too
// thin.
static double impact_price(const struct book *b, int32_t side, int64_t notional_e8) {
    ASSERT(notional_e8 > 0);
    double left = dec_to_double(notional_e8), spent = 0, got = 0;
    const struct level_record *level;
    for (int32_t i = 0; left > 0 && (level = book_level(b, side, i)) != NULL; i++) {
        double at = dec_to_double(level->price_e8), value = at * dec_to_double(level->qty_e8);
        if (value > left) value = left;
        spent += value;
        got += value / at;
        left -= value;
    }
    return got > 0 ? spent / got : 0;
}

void mark_step(struct mark *m, const struct book *b, int64_t last_e8, int64_t now_us) {
    ASSERT(last_e8 > 0);
    int64_t time_us = m->stepped_us == 0 ? MARK_STEP_US : now_us - m->stepped_us;
    int64_t bid = book_best_e8(b, SIDE_BUY), ask = book_best_e8(b, SIDE_SELL);
    bool whole = bid != 0 && ask != 0;
    double middle = whole                ? (dec_to_double(bid) + dec_to_double(ask)) / 2
                    : m->stepped_us == 0 ? dec_to_double(last_e8)
                                         : m->middle;
    walk_basis(m, time_us);
    price(m, middle, last_e8, time_us, now_us);
    if (whole && (double)(now_us - m->sampled_us) >= SAMPLE_US) {
        double index = dec_to_double(m->index_e8);
        double over = impact_price(b, SIDE_BUY, m->impact_e8) - index,
               under = index - impact_price(b, SIDE_SELL, m->impact_e8);
        sample_premium(m, ((over > 0 ? over : 0) - (under > 0 ? under : 0)) / index);
        m->sampled_us = now_us;
    }
    bars_price(&m->index_bars, m->index_e8, now_us);
    bars_price(&m->mark_bars, m->mark_e8, now_us);
    bars_price(&m->premium_bars, m->premium_e8, now_us);
}

void mark_paid(struct mark *m, int64_t now_us) {
    ASSERT(m->next_us > 0);
    m->samples = 0;
    m->premium_sum = m->weight = 0;
    while (m->next_us <= now_us) m->next_us += m->interval_us;
}
