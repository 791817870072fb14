// e16.h: products of two decimals, rounded back to one. (Apart from dec.h, which scripts load and 128 bits are foreign to.)
//
// Units    value_e16: scaled by 10^16, the whole product of two e8 numbers, or a sum of such products.
#ifndef MT_BASE_E16_H
#define MT_BASE_E16_H

#include <stdint.h>

// As e8, half away from zero; beyond what 64 bits hold: +-DEC_MAX.
int64_t e16_round(__int128 value_e16);

#endif
