// histogram.h: durations counted in buckets of fixed memory, for their quantiles: exact below 32 us, then 32
// buckets a power of two, a relative error of at most 1/32; up to about 2^36 us.
#ifndef MT_API_HISTOGRAM_H
#define MT_API_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 1024 };

int32_t histogram_bucket(int64_t us);
int64_t histogram_middle_us(int32_t bucket);

// The duration below which `share` of what was counted lies; 0 when there is none.
int64_t histogram_quantile_us(const uint32_t buckets[HISTOGRAM_BUCKETS], int64_t count, double share);

#endif
