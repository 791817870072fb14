// wide.c: sums of volume in two numbers.
#include "base/wide.h"

#include "base/assert.h"
#include "base/dec.h"
#include "base/err.h"

#include <stdbool.h>
#include <string.h>

typedef __int128 wide;

enum { LOW_BITS = 62 };
static const int64_t LOW_MASK = (INT64_C(1) << LOW_BITS) - 1;

static wide whole(int64_t low, int64_t high) {
    ASSERT(low >= 0);
    ASSERT(high >= 0);
    return ((wide)high << LOW_BITS) + low;
}

static void put(wide value, int64_t *low, int64_t *high) {
    wide most = ((wide)LOW_MASK << LOW_BITS) + LOW_MASK;
    if (value > most) value = most;
    ASSERT(value >= 0);
    *low = (int64_t)(value & LOW_MASK);
    *high = (int64_t)(value >> LOW_BITS);
}

void wide_add(int64_t *low, int64_t *high, int64_t add_low, int64_t add_high) {
    put(whole(*low, *high) + whole(add_low, add_high), low, high);
}

void wide_add_product(int64_t *low, int64_t *high, int64_t a_e8, int64_t b_e8) {
    put(whole(*low, *high) + ((wide)a_e8 * b_e8 + DEC_ONE / 2) / DEC_ONE, low, high);
}

void wide_take(int64_t *low, int64_t *high, int64_t part_low, int64_t part_high) {
    put(whole(*low, *high) - whole(part_low, part_high), low, high);
}

int wide_parse_round(const char *text, size_t size, int64_t *low, int64_t *high) {
    *high = 0;
    int err = dec_parse_round(text, size, low);
    if (err != ERR_OVERFLOW) return err;
    wide value = 0;
    int decimals = -1;   // none yet
    bool up = false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (text[i] < '0' || text[i] > '9') return ERR_OVERFLOW;
        if (decimals >= 8) {
            if (decimals++ == 8) up = text[i] >= '5';
            continue;
        }
        value = value * 10 + (text[i] - '0');
        if (decimals >= 0) decimals++;
        if (value > (wide)INT64_MAX * INT64_C(1000000000)) return ERR_OVERFLOW;
    }
    for (int i = decimals < 0 ? 0 : decimals; i < 8; i++) {
        value *= 10;
        if (value > (wide)INT64_MAX * INT64_C(1000000000)) return ERR_OVERFLOW;
    }
    put(value + up, low, high);
    return 0;
}

int wide_decimals(int64_t low, int64_t high) {
    wide value = whole(low, high);
    int decimals = 8;
    for (; decimals > 0 && value % 10 == 0; value /= 10) decimals--;
    return decimals;
}

int wide_print(char out[WIDE_TEXT_MAX], int64_t low, int64_t high, int decimals) {
    if (decimals < 0) decimals = wide_decimals(low, high);
    ASSERT(decimals <= 8);
    wide value = whole(low, high);
    for (int i = decimals; i < 8; i++) value /= 10;
    char digits[WIDE_TEXT_MAX];
    int count = 0, length = 0;
    do {
        digits[count++] = (char)('0' + (int)(value % 10));
        value /= 10;
        if (count == decimals) digits[count++] = '.';
    } while (value != 0 || (decimals > 0 && count <= decimals + 1));
    ASSERT(count < WIDE_TEXT_MAX);
    while (count > 0) out[length++] = digits[--count];
    out[length] = '\0';
    return length;
}

int64_t wide_ratio_e8(int64_t a_low, int64_t a_high, int64_t b_low, int64_t b_high) {
    wide a = whole(a_low, a_high), b = whole(b_low, b_high);
    ASSERT(b > 0);
    wide units = a / b, rest = a % b, value = units;
    for (int i = 0; i < 8; i++) {   // digit by digit: a times 1e8 does not always fit
        if (value > INT64_MAX / 10) return DEC_MAX;
        rest *= 10;
        value = value * 10 + rest / b;
        rest %= b;
    }
    if (rest * 2 >= b) value++;
    return value > INT64_MAX ? DEC_MAX : (int64_t)value;
}

int64_t wide_narrow(int64_t low, int64_t high) {
    wide value = whole(low, high);
    return value > INT64_MAX ? DEC_MAX : (int64_t)value;
}

double wide_to_double(int64_t low, int64_t high) { return (double)whole(low, high) / 1e8; }
