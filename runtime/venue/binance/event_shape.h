// event_shape.h: whether a stream's event holds what its handling relies on: reading fills in zeros for what
// is absent, and a price of zero, or the first symbol for one not named, would be believed. Pure.
#ifndef MT_VENUE_BINANCE_EVENT_SHAPE_H
#define MT_VENUE_BINANCE_EVENT_SHAPE_H

#include "base/json.h"

#include <stdbool.h>

// True for kinds of events that are not known here, too.
bool event_whole(const struct json *j, int32_t event);

// Of a position in ACCOUNT_UPDATE.
bool position_whole(const struct json *j, int32_t position);

#endif
