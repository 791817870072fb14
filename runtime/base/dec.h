// dec.h: exact decimals. A price, a quantity or a sum of money is an int64_t in units of 1e-8 (suffix _e8).
//
// Range    about +-92 billion with eight decimals.
// Errors   ERR_SYNTAX for text that is not a decimal, ERR_OVERFLOW for one out of range or finer than 1e-8.
// Rounding is named by the function; products and quotients pass through 128 bits, and a result that does
// not fit 64 bits saturates to DEC_MAX / -DEC_MAX, which no order and no account can reach unnoticed.
#ifndef MT_BASE_DEC_H
#define MT_BASE_DEC_H

#include <stddef.h>
#include <stdint.h>

enum { DEC_ONE = 100000000 };   // 1.0
enum { DEC_TEXT_MAX = 32 };     // room for any printed decimal and its terminator

#define DEC_MAX INT64_MAX

// Parses [+-]digits[.digits] (and an exponent such as 1e-05, which other tools write). Trailing zeros past
// the eighth decimal are accepted, other digits there are not.
int dec_parse(const char *text, size_t size, int64_t *out_e8);

// As dec_parse, but rounds half away from zero at the eighth decimal (for data made by floating-point tools).
int dec_parse_round(const char *text, size_t size, int64_t *out_e8);

// Prints with exactly `decimals` (0 to 8) decimals, cutting the rest towards zero; returns the length.
int dec_print(char out[DEC_TEXT_MAX], int64_t value_e8, int decimals);

// Prints with as many decimals as the value needs ("0.1", "25"); returns the length.
int dec_print_short(char out[DEC_TEXT_MAX], int64_t value_e8);

// Decimals needed to write value_e8 exactly: 0 to 8.
int dec_decimals(int64_t value_e8);

// a * b and a / b of two e8 numbers as e8; b != 0 for the quotients. trunc: towards zero. round: half away
// from zero.
int64_t dec_mul_trunc(int64_t a_e8, int64_t b_e8);
int64_t dec_mul_round(int64_t a_e8, int64_t b_e8);
int64_t dec_div_trunc(int64_t a_e8, int64_t b_e8);
int64_t dec_div_round(int64_t a_e8, int64_t b_e8);

// a * b / c in one step through 128 bits, rounded half away from zero; c != 0.
int64_t dec_mul_div_round(int64_t a, int64_t b, int64_t c);

// The multiple of step_e8 (> 0) at or below / nearest to (halves up) / at or above value_e8.
int64_t dec_floor_to(int64_t value_e8, int64_t step_e8);
int64_t dec_round_to(int64_t value_e8, int64_t step_e8);
int64_t dec_ceil_to(int64_t value_e8, int64_t step_e8);

// The nearest double, and the nearest e8 of a double (saturating; NaN gives 0).
double dec_to_double(int64_t value_e8);
int64_t dec_from_double(double value);

#endif
