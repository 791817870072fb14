// stamp.h: the stamps of data files read as times, and times written for people.
//
// Read     Unix seconds (also with a fraction), milliseconds, microseconds, nanoseconds, told by their size;
//          20250102, 202501021530, 20250102153000; and dates of numbers with or without a time of day:
//
//              2025-01-02  2025/01/02  2025.01.02  02.01.2025  01/02/2025  01-02-2025
//              15:30  15:30:00.000  153000  3:30 PM  03-PM       behind a space or a T
//              Z  UTC  +02:00  +0200  +02                        behind the time of day; none: UTC
//
// Two ways  dd.mm.yyyy has its day first. Of 01/02/2025 and 01-02-2025 one file may mean the month first and
//          another the day: stamp_read gives such a date packed, and the whole file tells (stamp_unpack).
#ifndef MT_DATA_STAMP_H
#define MT_DATA_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STAMP_TEXT_MAX = 40 };

// A date whose first two numbers may be day and month either way.
struct stamp_two_ways {
    int16_t year;
    int8_t first, second;
    int64_t clock_us;   // what is to be added to its midnight
};

// *two_ways is set when the date is one of two; *out_us is void then. ERR_SYNTAX when it is no stamp.
int stamp_read(const char *text, size_t size, int64_t *out_us, bool *two_ways, struct stamp_two_ways *date);

// The time of such a date; ERR_SYNTAX when there is no such day.
int stamp_settle(const struct stamp_two_ways *date, bool day_first, int64_t *out_us);

// As stamp_read, and refuses dates that may be one of two.
int stamp_parse(const char *text, size_t size, int64_t *out_us);

// Whether the text is a time of day alone: 15:30, 15:30:00, 153000.
bool stamp_is_clock(const char *text, size_t size);

// "2023-03-24 12:39" with seconds only where they are not zero; returns `out`.
const char *stamp_text(char out[STAMP_TEXT_MAX], int64_t t_us);

#endif
