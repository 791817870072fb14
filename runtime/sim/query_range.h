// query_range.h: the rows a list call asks for, judged before it is answered: how many, and of what time
// (section
// 4).
#ifndef MT_SIM_QUERY_RANGE_H
#define MT_SIM_QUERY_RANGE_H

#include "sim/engine.h"

// False with the refusal: a limit out of bounds (-1130), an end before its start (-1023), too long a time
// (-1127, -4165), or a first id beside times (-1128).
bool query_range_holds(const struct call *c, struct reply *r);

// The last microsecond of the millisecond a call ends with: rows are told in milliseconds, and one of that
// time belongs.
int64_t query_range_end_us(const struct call *c);

// The limit that is given, else `otherwise`.
int32_t query_range_limit(const struct call *c, int32_t otherwise);

#endif
