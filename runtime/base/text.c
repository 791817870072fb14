// text.c: integers as text, and text that grows within bounds.
#include "base/text.h"

#include "base/err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int32_t id_print(char out[24], int64_t value) {
    char digits[24];
    int32_t count = 0;
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[count++] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude);
    int32_t length = 0;
    if (value < 0) out[length++] = '-';
    while (count) out[length++] = digits[--count];
    out[length] = '\0';
    return length;
}

int id_parse(const char *text, size_t size, int64_t *out) {
    bool negative = size > 0 && text[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == size) return ERR_SYNTAX;
    int64_t value = 0;
    for (; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') return ERR_SYNTAX;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, text[i] - '0', &value)) {
            return ERR_OVERFLOW;
        }
    }
    *out = negative ? -value : value;
    return 0;
}

void text_add(struct text_out *o, const char *bytes, size_t size) {
    // The last byte is the end's, as it is for text_put.
    size_t room = o->length < o->size ? o->size - o->length - 1 : 0, fits = size < room ? size : room;
    if (fits > 0) memcpy(o->at + o->length, bytes, fits);
    if (o->length < o->size) o->at[o->length + fits] = 0;
    o->length += size;
}

void text_put(struct text_out *o, const char *format, ...) {
    va_list args;
    va_start(args, format);
    size_t room = o->length < o->size ? o->size - o->length : 0;
    int length = vsnprintf(room ? o->at + o->length : NULL, room, format, args);
    va_end(args);
    if (length > 0) o->length += (size_t)length;
}
