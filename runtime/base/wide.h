// wide.h: sums of volume, which grow beyond what one int64_t of 1e-8 holds (92 billion): two of them.
//
// Form     value = high * 2^62 + low, in units of 1e-8; neither is negative, and high is 0 for nearly all.
// Range    some 4e27 of the asset; what goes beyond stays there.
#ifndef MT_BASE_WIDE_H
#define MT_BASE_WIDE_H

#include <stddef.h>
#include <stdint.h>

enum { WIDE_TEXT_MAX = 48 };

// Adds one volume to another.
void wide_add(int64_t *low, int64_t *high, int64_t add_low, int64_t add_high);

// Adds a * b of two e8 numbers, rounded half up.
void wide_add_product(int64_t *low, int64_t *high, int64_t a_e8, int64_t b_e8);

// Takes a part of a volume away; it may not be more than there is.
void wide_take(int64_t *low, int64_t *high, int64_t part_low, int64_t part_high);

// As dec_parse_round (base/dec.h), without a sign where it is wide. ERR_SYNTAX, ERR_OVERFLOW.
int wide_parse_round(const char *text, size_t size, int64_t *low, int64_t *high);

// As dec_print; decimals -1: as many as it needs.
int wide_print(char out[WIDE_TEXT_MAX], int64_t low, int64_t high, int decimals);

// Decimals needed to write it exactly: 0 to 8.
int wide_decimals(int64_t low, int64_t high);

// a / b as e8, rounded; b is not zero. DEC_MAX where it does not fit.
int64_t wide_ratio_e8(int64_t a_low, int64_t a_high, int64_t b_low, int64_t b_high);

// As one number: the nearest below that fits.
int64_t wide_narrow(int64_t low, int64_t high);

double wide_to_double(int64_t low, int64_t high);

#endif
