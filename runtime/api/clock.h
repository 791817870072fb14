// clock.h: how far the exchange's clock is ahead of ours, and how sure we are. Pure; allocates nothing.
//
// Rule     a request sent at s and answered at r was stamped with the exchange's time t somewhere between:
//          the offset lies in [t - r, t + resolution - s]. Each answer cuts that interval down; between
//          answers it widens by the drift that two quartz clocks may show (Marzullo, "Maintaining the Time in
//          a Distributed System", 1983).
// Errors   an answer that contradicts all before it (a clock was set, or one server of several is off) widens
//          the interval to hold both; the answers that follow settle which was right.
// Units    microseconds on the dispatcher's monotonic clock.
#ifndef MT_API_CLOCK_H
#define MT_API_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum { CLOCK_DRIFT_PPM = 50 };   // per side; cheap quartz is specified so

struct server_clock {
    int64_t low_us, high_us;   // the offset lies between, at at_us
    int64_t at_us;
    int32_t samples, contradictions;
};

void clock_init(struct server_clock *c);

// The exchange said server_us (rounded down to resolution_us) in the answer to what was sent at sent_us and
// received at received_us. What was received before it was sent, or longer than an hour ago, says nothing and
// is ignored.
void clock_sample(struct server_clock *c, int64_t sent_us, int64_t received_us, int64_t server_us,
                  int64_t resolution_us);

bool clock_known(const struct server_clock *c);

// The exchange's clock minus ours (0 before the first sample), and how far off that may be (an hour before
// it).
int64_t clock_offset_us(const struct server_clock *c);
int64_t clock_uncertainty_us(const struct server_clock *c, int64_t now_us);

#endif
