// clock.c: the offset of the exchange's clock as an interval that each measurement narrows.
#include "api/clock.h"

#include "base/assert.h"
#include "base/units.h"

// Both clocks may drift, in opposite directions.
static int64_t drift_us(const struct server_clock *c, int64_t now_us) {
    return now_us > c->at_us ? (now_us - c->at_us) / (SECOND_US / (2 * CLOCK_DRIFT_PPM)) : 0;
}

void clock_init(struct server_clock *c) { *c = (struct server_clock){ 0 }; }

bool clock_known(const struct server_clock *c) { return c->samples > 0; }

void clock_sample(struct server_clock *c, int64_t sent_us, int64_t received_us, int64_t server_us,
                  int64_t resolution_us) {
    ASSERT(resolution_us >= 0);
    if (received_us < sent_us || received_us - sent_us > HOUR_US) return;
    int64_t low = server_us - received_us, high = server_us + resolution_us - sent_us;
    if (clock_known(c)) {
        int64_t drift = drift_us(c, received_us);
        int64_t known_low = c->low_us - drift, known_high = c->high_us + drift;
        bool agree = low <= known_high && known_low <= high;
        c->contradictions += !agree;
        if (agree ? known_low > low : known_low < low) low = known_low;
        if (agree ? known_high < high : known_high > high) high = known_high;
    }
    c->low_us = low;
    c->high_us = high;
    c->at_us = received_us;
    c->samples++;
}

int64_t clock_offset_us(const struct server_clock *c) {
    ASSERT(c->low_us <= c->high_us);
    return c->low_us + (c->high_us - c->low_us) / 2;
}

int64_t clock_uncertainty_us(const struct server_clock *c, int64_t now_us) {
    return clock_known(c) ? (c->high_us - c->low_us + 1) / 2 + drift_us(c, now_us) : HOUR_US;
}
