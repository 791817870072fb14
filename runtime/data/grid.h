// grid.h: times of bars: stepping along an interval's grid.
#ifndef MT_DATA_GRID_H
#define MT_DATA_GRID_H

#include <stddef.h>
#include <stdint.h>

// The open of the bar after the one that opens at t_us (which lies on the grid).
int64_t grid_next(int32_t interval, int64_t t_us);

// Bars that fit between the bars opening at a_us and b_us > a_us, both on the grid.
int64_t grid_missing(int32_t interval, int64_t a_us, int64_t b_us);

// The interval whose bars lie `spacing_us` apart (a month: 28 to 31 days), or -1.
int32_t grid_interval_of(int64_t spacing_us);

#endif
