// text.h: integers as text, for ids that no double holds.
#ifndef MT_BASE_TEXT_H
#define MT_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

// Prints value in decimal, terminated; returns the length.
int32_t id_print(char out[24], int64_t value);

// Parses [-]digits; 0, ERR_SYNTAX or ERR_OVERFLOW.
int id_parse(const char *text, size_t size, int64_t *out);

#endif
