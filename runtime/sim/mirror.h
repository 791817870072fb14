// mirror.h: a market that mirrors another exchange's, for paper trading: its book, trades, mark prices and
// funding rates are handed in as they come, and the account trades against them without moving them. Pure.
//
// Takers   take what the book shows, level by level. What they took is there again when another quantity of
//          that level is reported.
// Makers   stand behind all that is shown at their price when they come; beyond the levels shown, behind all
//          that is there when their price comes into view. A trade against their side at their price takes
//          what is before them first. Who leaves a level leaves from behind them, as long as anyone stands
//          there. A trade beyond their price, and a quote of the other side at or beyond it, would have met
//          them: they fill with as much as was traded or is quoted. Always at their own price, never a better
//          one.
// Triggers by the last trade's price or the mark price, as the order says; liquidation by the mark price.
// Time     as everywhere in sim/: `now_us` never falls. What is handed in is taken as true from now on.
#ifndef MT_SIM_MIRROR_H
#define MT_SIM_MIRROR_H

#include "sim/exchange.h"

// From now on the symbol is mirrored: no bars, no other traders. `last_e8` is the price of the last trade.
void mirror_open(struct exchange *x, int16_t symbol, int64_t last_e8, int64_t now_us);

// The book as far as it is shown, the best prices first. Levels that are not in it are gone or out of view.
void mirror_depth(struct exchange *x, int16_t symbol, const struct level_record *bids, int32_t bid_count,
                  const struct level_record *asks, int32_t ask_count, int64_t now_us);

// The best prices alone.
void mirror_quote(struct exchange *x, int16_t symbol, const struct level_record *bid,
                  const struct level_record *ask, int64_t now_us);

// How many levels of a side are shown.
int32_t mirror_visible(const struct exchange *x, int16_t symbol, int32_t side);

// A trade of others; `buyer_maker`: the taker sold.
void mirror_trade(struct exchange *x, int16_t symbol, int64_t price_e8, int64_t qty_e8, bool buyer_maker,
                  int64_t now_us);

// The mark price; and the next funding with its rate as it stands, which may be set anew until it is paid
// (0: none is known).
void mirror_mark(struct exchange *x, int16_t symbol, int64_t mark_e8, int64_t funding_us, int64_t rate_e8,
                 int64_t now_us);

#endif
