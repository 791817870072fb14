// impact.c: the models of market impact.
#include "sim/impact.h"

#include "base/assert.h"
#include "base/dec.h"
#include "base/num.h"

#include <math.h>

int64_t impact_ratio_e8(int32_t model, int64_t coefficient_e8, int64_t qty_e8, int64_t volume_e8,
                        int64_t volatility_e8) {
    ASSERT(coefficient_e8 >= 0);
    ASSERT(qty_e8 >= 0 && volume_e8 >= 0 && volatility_e8 >= 0);
    double k = dec_to_double(coefficient_e8), ratio = 0;
    double share = volume_e8 > 0 ? (double)qty_e8 / (double)volume_e8 : 0;
    if (model == IMPACT_FIXED) ratio = k;
    if (model == IMPACT_SHARE) ratio = k * share * share;
    if (model == IMPACT_SQRT) ratio = k * dec_to_double(volatility_e8) * sqrt(share);
    return num_min(dec_from_double(ratio), IMPACT_MOST_E8);
}
