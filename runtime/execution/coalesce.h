// coalesce.h: identical requests under way at once are sent once and answered to all.
//
// Reads    market data joins what is queued or in flight. Reads of the account or of orders join only while
//          nothing has been heard or done since that might change the answer (coalesce_changed).
// Modify   a new price for an order whose last modify still waits in the queue takes that one's place; both
//          get the answer to the new one.
// Never    what has a deadline of its own, is more urgent than the one under way, or is marked `no_share`.
#ifndef MT_EXECUTION_COALESCE_H
#define MT_EXECUTION_COALESCE_H

#include "execution/api_call.h"

struct coalescer;

struct coalescer *coalesce_new(void);   // NULL when memory is short
void coalesce_free(struct coalescer *f);

// True: op waits for the answer of another, and is not to be submitted. False: submit it; others may join it.
bool coalesce_join(struct coalescer *f, struct api_call *op);

// op has settled: nobody joins it any more. Its followers, in the order in which they came, linked by
// next_follower.
struct api_call *coalesce_end(struct coalescer *f, struct api_call *op);

// Something has changed, or may have changed, the account.
void coalesce_changed(struct coalescer *f);

#endif
