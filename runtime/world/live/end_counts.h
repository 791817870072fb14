// end_counts.h: ends of a run that are counted, not timed: after so many bars or stream events delivered to
// the script, or once so many orders of the script have ended. Pure.
//
// Orders    one counts when it is filled, cancelled, expired or refused by the exchange, a conditional one
// when it,
//           or the order that it became, is. What was never sent (refused by the run's own limits) counts for
//           nothing, and so does an order of which nobody knows yet what became of it.
// Owner     end_counts_free. One thread.
#ifndef MT_WORLD_LIVE_END_COUNTS_H
#define MT_WORLD_LIVE_END_COUNTS_H

#include "execution/api_call.h"
#include "trade/stream_event.h"

#include <stdbool.h>
#include <stdint.h>

struct end_counts {
    int64_t bars, events, orders;   // still to come before the run ends; 0: no such end
    bool reached;         // a bar or an event was the last one: the run ends when its handler is over
    int64_t to_deliver;   // the last order has ended: events that the script hears of before the run's end
    char (*sent)[CLIENT_ID_MAX];   // client ids of orders that have not ended
    int32_t sent_count, sent_size;
};

void end_counts_free(struct end_counts *c);

// A bar, or an event, has been handed to the script.
void end_counts_delivered(struct end_counts *c, bool bar);

// Orders of the script are about to be sent. The request has settled, or the stream told of an order: true
// when that was the end of the last order to be counted.
void end_counts_sent(struct end_counts *c, const struct api_call *op);
bool end_counts_settled(struct end_counts *c, const struct api_call *op, enum settle settle);
bool end_counts_event(struct end_counts *c, const struct stream_event *e);

#endif
