// impact.h: how far an order that takes moves its own price, as a ratio of it. Bars have no depth: these are models.
//
//     IMPACT_FIXED   ratio = k                                     k: a share of the price
//     IMPACT_SHARE   ratio = k * (quantity / volume)^2             volume: the bar's; zipline's VolumeShareSlippage, k 0.1
//     IMPACT_SQRT    ratio = k * volatility * sqrt(quantity / volume)
//                    volume and volatility of the same span before the bar (a day); k about 1. Toth et al., "Anomalous
//                    Price Impact and the Critical Nature of Liquidity in Financial Markets", Phys. Rev. X 1 (2011)
//
// The ratio is bounded by IMPACT_MOST_E8. A volume of zero: none is known, and the two that need it move nothing.
#ifndef MT_SIM_IMPACT_H
#define MT_SIM_IMPACT_H

#include <stdint.h>

enum impact_model { IMPACT_NONE, IMPACT_FIXED, IMPACT_SHARE, IMPACT_SQRT };
enum { IMPACT_MOST_E8 = 50000000 };

int64_t impact_ratio_e8(int32_t model, int64_t coefficient_e8, int64_t qty_e8, int64_t volume_e8,
                        int64_t volatility_e8);

#endif
