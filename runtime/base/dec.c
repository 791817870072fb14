// dec.c: exact decimals: read, printed, multiplied and rounded.
#include "base/dec.h"

#include "base/assert.h"
#include "base/e16.h"
#include "base/err.h"

#include <math.h>
#include <stdbool.h>

typedef __int128 wide;

static int64_t narrow(wide v) {
    if (v > (wide)INT64_MAX) return DEC_MAX;
    if (v < -(wide)INT64_MAX) return -DEC_MAX;
    return (int64_t)v;
}

static wide div_round(wide a, wide b) {
    wide q = a / b;
    wide r = a % b;
    wide r2 = (r < 0 ? -r : r) * 2;
    wide b1 = b < 0 ? -b : b;
    if (r2 >= b1) q += ((a < 0) == (b < 0)) ? 1 : -1;
    return q;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads the exponent "e-05" at text[i]; 0 or ERR_SYNTAX.
static int parse_exponent(const char *text, size_t size, size_t i, int *out) {
    bool negative = false;
    if (i < size && (text[i] == '+' || text[i] == '-')) negative = text[i++] == '-';
    if (i >= size) return ERR_SYNTAX;
    int value = 0;
    for (; i < size; i++) {
        if (!is_digit(text[i])) return ERR_SYNTAX;
        if (value < 1000) value = value * 10 + (text[i] - '0');
    }
    *out = negative ? -value : value;
    return 0;
}

static int parse(const char *text, size_t size, bool round, int64_t *out_e8) {
    size_t i = 0;
    bool negative = false;
    if (i < size && (text[i] == '-' || text[i] == '+')) negative = text[i++] == '-';

    wide mantissa = 0;   // all digits read that can matter
    int decimals = 0;    // how many of them stand behind the point
    bool point = false;
    bool any = false;
    int exponent = 0;
    for (; i < size; i++) {
        char c = text[i];
        if (is_digit(c)) {
            any = true;
            if (mantissa > (wide)INT64_MAX * 1000000) {
                if (!point) return ERR_OVERFLOW;
                if (c != '0' && !round) return ERR_OVERFLOW;
                continue;   // far below 1e-8 of any number in range
            }
            mantissa = mantissa * 10 + (c - '0');
            if (point) decimals++;
        } else if (c == '.' && !point) {
            point = true;
        } else if ((c == 'e' || c == 'E') && any) {
            if (parse_exponent(text, size, i + 1, &exponent)) return ERR_SYNTAX;
            break;
        } else {
            return ERR_SYNTAX;
        }
    }
    if (!any) return ERR_SYNTAX;

    int shift = 8 - decimals + exponent;
    for (; shift > 0 && mantissa != 0; shift--) {
        mantissa *= 10;
        if (mantissa > (wide)INT64_MAX) return ERR_OVERFLOW;
    }
    if (shift < 0 && mantissa != 0) {
        wide divisor = 1;
        for (; shift < 0; shift++) {
            if (divisor > (wide)INT64_MAX * 10000000) {
                if (!round) return ERR_OVERFLOW;
                mantissa = 0;
                divisor = 1;
                break;
            }
            divisor *= 10;
        }
        if (!round && mantissa % divisor != 0) return ERR_OVERFLOW;
        mantissa = div_round(mantissa, divisor);
    }
    if (mantissa > (wide)INT64_MAX) return ERR_OVERFLOW;
    *out_e8 = negative ? -(int64_t)mantissa : (int64_t)mantissa;
    return 0;
}

int dec_parse(const char *text, size_t size, int64_t *out_e8) { return parse(text, size, false, out_e8); }

int dec_parse_round(const char *text, size_t size, int64_t *out_e8) {
    return parse(text, size, true, out_e8);
}

int dec_print(char out[DEC_TEXT_MAX], int64_t value_e8, int decimals) {
    ASSERT(decimals >= 0 && decimals <= 8);
    uint64_t magnitude = value_e8 < 0 ? 0 - (uint64_t)value_e8 : (uint64_t)value_e8;
    int cut = 8 - decimals;
    for (int i = 0; i < cut; i++) magnitude /= 10;
    char digits[DEC_TEXT_MAX];
    int count = 0;
    bool zero = magnitude == 0;
    do {
        digits[count++] = (char)('0' + magnitude % 10);
        magnitude /= 10;
        if (count == decimals) digits[count++] = '.';
    } while (magnitude != 0 || (decimals > 0 && count <= decimals + 1));
    int length = 0;
    if (value_e8 < 0 && !zero) out[length++] = '-';
    while (count > 0) out[length++] = digits[--count];
    out[length] = '\0';
    return length;
}

int dec_decimals(int64_t value_e8) {
    int decimals = 8;
    while (decimals > 0 && value_e8 % 10 == 0) {
        value_e8 /= 10;
        decimals--;
    }
    return decimals;
}

int dec_print_short(char out[DEC_TEXT_MAX], int64_t value_e8) {
    return dec_print(out, value_e8, dec_decimals(value_e8));
}

int64_t dec_mul_trunc(int64_t a_e8, int64_t b_e8) { return narrow((wide)a_e8 * b_e8 / DEC_ONE); }

// 1e8 is 2^8 times 5^8: what is left after a shift mostly fits 64 bits, whose division by a constant is a multiplication.
int64_t e16_round(__int128 value_e16) {
    enum { SHIFT = 8, ODD = 390625 };
    _Static_assert(DEC_ONE == (int64_t)ODD << SHIFT, "the two factors of a scale of eight decimals");
    unsigned __int128 magnitude =
        value_e16 < 0 ? -(unsigned __int128)value_e16 : (unsigned __int128)value_e16;
    if (magnitude >> (64 + SHIFT) != 0) return narrow(div_round(value_e16, DEC_ONE));
    uint64_t high = (uint64_t)(magnitude >> SHIFT);
    uint64_t rest = (high % ODD) << SHIFT | ((uint64_t)magnitude & ((1 << SHIFT) - 1));
    int64_t quotient = (int64_t)(high / ODD + (rest >= DEC_ONE / 2));
    return value_e16 < 0 ? -quotient : quotient;
}

int64_t dec_mul_round(int64_t a_e8, int64_t b_e8) { return e16_round((wide)a_e8 * b_e8); }

int64_t dec_div_trunc(int64_t a_e8, int64_t b_e8) {
    ASSERT(b_e8 != 0);
    return narrow((wide)a_e8 * DEC_ONE / b_e8);
}

int64_t dec_div_round(int64_t a_e8, int64_t b_e8) {
    ASSERT(b_e8 != 0);
    return narrow(div_round((wide)a_e8 * DEC_ONE, b_e8));
}

int64_t dec_mul_div_round(int64_t a, int64_t b, int64_t c) {
    ASSERT(c != 0);
    return narrow(div_round((wide)a * b, c));
}

int64_t dec_floor_to(int64_t value_e8, int64_t step_e8) {
    ASSERT(step_e8 > 0);
    int64_t rest = value_e8 % step_e8;
    if (rest < 0) rest += step_e8;
    return value_e8 - rest;
}

int64_t dec_ceil_to(int64_t value_e8, int64_t step_e8) {
    int64_t low = dec_floor_to(value_e8, step_e8);
    return low == value_e8 ? low : narrow((wide)low + step_e8);
}

int64_t dec_round_to(int64_t value_e8, int64_t step_e8) {
    int64_t low = dec_floor_to(value_e8, step_e8);
    int64_t rest = value_e8 - low;
    return rest >= step_e8 - rest ? narrow((wide)low + step_e8) : low;
}

double dec_to_double(int64_t value_e8) { return (double)value_e8 / 1e8; }

int64_t dec_from_double(double value) {
    if (isnan(value)) return 0;
    double scaled = value * 1e8;
    if (scaled >= 9.2e18) return DEC_MAX;
    if (scaled <= -9.2e18) return -DEC_MAX;
    return llround(scaled);
}
