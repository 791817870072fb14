// histogram.c: which bucket a duration falls into, and what a bucket stands for.
#include "api/histogram.h"

#include "base/assert.h"

int32_t histogram_bucket(int64_t us) {
    if (us < 32) return us > 0 ? (int32_t)us : 0;
    int32_t shift = 63 - __builtin_clzll((uint64_t)us) - 5;
    int32_t bucket = (shift + 1) * 32 + (int32_t)((us >> shift) - 32);
    ASSERT(bucket >= 0);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

int64_t histogram_middle_us(int32_t bucket) {
    ASSERT(bucket >= 0 && bucket < HISTOGRAM_BUCKETS);
    if (bucket < 32) return bucket;
    int32_t shift = bucket / 32 - 1;
    return ((int64_t)(bucket % 32 + 32) << shift) + ((INT64_C(1) << shift) >> 1);
}

int64_t histogram_quantile_us(const uint32_t buckets[HISTOGRAM_BUCKETS], int64_t count, double share) {
    ASSERT(count >= 0);
    ASSERT(share >= 0 && share <= 1);
    double wanted = share * (double)count, seen = 0;
    for (int32_t i = 0; i < HISTOGRAM_BUCKETS && count > 0; i++) {
        seen += buckets[i];
        if (seen >= wanted && buckets[i] > 0) return histogram_middle_us(i);
    }
    return 0;
}
