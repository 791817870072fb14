// book_sync.h: a copy of the exchange's order book, kept by a snapshot and the differential stream (wire
// contract, 7.4). Pure: events and snapshots are handed in. It verifies that no event is missing and says
// when it needs a new snapshot; a copy that may be wrong is never handed out.
//
// Chain    each event's `pu` is the `u` of the one before. The first after a snapshot must span the
//          snapshot's id.
// Edge     of a side, what lies beyond a snapshot's last level is not known, hence not kept.
// Owner    book_sync_free; levels are borrowed until the next event or snapshot.
#ifndef MT_VENUE_BINANCE_BOOK_SYNC_H
#define MT_VENUE_BINANCE_BOOK_SYNC_H

#include "trade/record.h"

#include <stdbool.h>
#include <stdint.h>

struct book_sync;

struct book_sync *book_sync_new(void);   // NULL when memory is short
void book_sync_free(struct book_sync *b);

enum book_state {
    BOOK_WAITS,   // for a snapshot: ask for one once an event has come
    BOOK_GOOD
};

// Events wait until there is a snapshot. One that does not follow makes the book wait again. Events known
// already change nothing.
enum book_state book_sync_event(struct book_sync *b, const struct depth_event *e);

// `limit` levels were asked for. A snapshot older than the events that wait leaves the book waiting: ask once
// more.
enum book_state book_sync_snapshot(struct book_sync *b, const struct depth_record *d, int32_t limit);

// The stream was cut.
void book_sync_lost(struct book_sync *b);

enum book_state book_sync_state(const struct book_sync *b);
bool book_sync_has_events(const struct book_sync *b);   // some wait for a snapshot
const struct level_record *book_sync_side(const struct book_sync *b, int32_t side,
                                          int32_t *count);   // best first; BOOK_GOOD only
int64_t book_sync_id(const struct book_sync *b);             // last update applied
int64_t book_sync_time_us(const struct book_sync *b);        // of the last event or snapshot
int64_t book_sync_repairs(const struct book_sync *b);        // how often a good book had to be given up

#endif
