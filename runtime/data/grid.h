// grid.h: times of bars: reading stamps and dates, writing them, stepping along an interval's grid.
#ifndef MT_DATA_GRID_H
#define MT_DATA_GRID_H

#include <stddef.h>
#include <stdint.h>

enum { STAMP_TEXT_MAX = 40 };

// Seconds, milliseconds or microseconds (told by magnitude), or YYYY-MM-DD[ T]HH:MM[:SS[.fff]][Z|+00:00].
// ERR_SYNTAX when it is neither.
int stamp_parse(const char *text, size_t size, int64_t *out_us);

// "2023-03-24 12:39" with seconds only where they are not zero; returns `out`.
const char *stamp_text(char out[STAMP_TEXT_MAX], int64_t t_us);

// The open of the bar after the one that opens at t_us (which lies on the grid).
int64_t grid_next(int32_t interval, int64_t t_us);

// Bars that fit between the bars opening at a_us and b_us > a_us, both on the grid.
int64_t grid_missing(int32_t interval, int64_t a_us, int64_t b_us);

// The interval whose bars lie `spacing_us` apart (a month: 28 to 31 days), or -1.
int32_t grid_interval_of(int64_t spacing_us);

#endif
