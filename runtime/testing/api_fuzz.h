// api_fuzz.h: random schedules in virtual time against an independent, exact model of the exchange's windows.
// For specs.
#ifndef MT_TESTING_API_FUZZ_H
#define MT_TESTING_API_FUZZ_H

#include <stddef.h>
#include <stdint.h>

// Runs `cases` cases; case i has seed `seed` + i, so a failing one can be run alone. 0, or the number of the
// failing case counted from 1, with its seed and what was broken in `report`.
int64_t api_fuzz(uint64_t seed, int64_t cases, char *report, size_t size);

#endif
