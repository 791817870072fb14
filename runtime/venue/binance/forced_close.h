// forced_close.h: orders that the exchange makes itself, known by their client ids. Pure.
#ifndef MT_VENUE_BINANCE_FORCED_CLOSE_H
#define MT_VENUE_BINANCE_FORCED_CLOSE_H

// "liquidation", "adl" (auto-deleveraging), "settlement" (of a symbol that is delisted) or "delivery"; "": an order like others.
const char *forced_close_kind(const char *client_id);

#endif
