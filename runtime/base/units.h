// units.h: spans of time in microseconds, the one unit of time in C (suffix _us).
#ifndef MT_BASE_UNITS_H
#define MT_BASE_UNITS_H

#include <stdint.h>

#define MS_US INT64_C(1000)
#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

// A time that never comes: what is due then is not due at all.
#define NEVER_US INT64_MAX

#endif
