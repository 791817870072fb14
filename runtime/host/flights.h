// flights.h: identical requests under way at once are sent once and answered to all.
//
// Reads    market data joins what is queued or in flight. Reads of the account or of orders join only while nothing has
//          been heard or done since that might change the answer (flights_changed).
// Modify   a new price for an order whose last modify still waits in the queue takes that one's place; both get the
//          answer to the new one.
// Never    what has a deadline of its own, is more urgent than the one under way, or is marked `alone`.
#ifndef MT_HOST_FLIGHTS_H
#define MT_HOST_FLIGHTS_H

#include "host/ops.h"

struct flights;

struct flights *flights_new(void);   // NULL when memory is short
void flights_free(struct flights *f);

// True: op waits for the answer of another, and is not to be submitted. False: submit it; others may join it.
bool flights_join(struct flights *f, struct op *op);

// op has settled: nobody joins it any more. Its followers, in the order in which they came, linked by next_follower.
struct op *flights_end(struct flights *f, struct op *op);

// Something has changed, or may have changed, the account.
void flights_changed(struct flights *f);

#endif
