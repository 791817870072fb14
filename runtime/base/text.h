// text.h: integers as text, for ids that no double holds; text printed piece by piece.
#ifndef MT_BASE_TEXT_H
#define MT_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

// Text that grows within bounds: what does not fit at[0..size-1] is counted in `length` and dropped.
struct text_out {
    char *at;
    size_t size, length;
};
void text_put(struct text_out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add(struct text_out *o, const char *bytes,
              size_t size);   // as they are; many times quicker than a format

// Prints value in decimal, terminated; returns the length.
int32_t id_print(char out[24], int64_t value);

// Parses [-]digits; 0, ERR_SYNTAX or ERR_OVERFLOW.
int id_parse(const char *text, size_t size, int64_t *out);

#endif
