// num.h: the smaller, the larger and the size of 64-bit integers: amounts (_e8) and times (_us) alike.
//
// Included by .c files only: its bodies stand here, and the headers that specs load by FFI have none.
#ifndef MT_BASE_NUM_H
#define MT_BASE_NUM_H

#include <stdint.h>

static inline int64_t num_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t num_max(int64_t a, int64_t b) { return a > b ? a : b; }

// INT64_MIN has no positive counterpart: no amount and no time is ever that.
static inline int64_t num_abs(int64_t v) { return v < 0 ? -v : v; }

#endif
