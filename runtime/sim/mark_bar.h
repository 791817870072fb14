// mark_bar.h: the mark price inside a bar, where the data have klines of it beside the bars.
//
// Model    a bar and its mark kline say eight prices and nothing of how they went together. The mark price is the last
//          one smoothed, beside a premium that hardly changes within a bar; so it comes to a level when the last price has
//          passed it by as much as the extremes of both differ on that side:
//
//              falling to `level` when the last price is at level - (mark low - low)
//              rising  to `level` when it is at               level + (high - mark high)
//
//          A level of the mark price thereby is one of the last price, which moves as if there were no marks, and it is
//          met if and only if the kline has it. What the mark price is shown as in between maps the range of the bar on
//          that of the kline in a straight line; at the bar's open and close it is the kline's. Of a bar without
//          movement the mark price touches both extremes at the open and then stands at its close.
// Error    on made markets without drift orders by the mark price earn and lose nothing within a few hundredths of a
//          bar's deviation (spec/world/driftless_spec.lua). What is shown may differ from what triggers by as much as the
//          extremes differ, in truth basis points. A wick that the mark price did not have is drawn without it, as the
//          data say; who compares both prices inside such a bar learns that it has one.
// Units    e8.
#ifndef MT_SIM_MARK_BAR_H
#define MT_SIM_MARK_BAR_H

#include "sim/engine.h"

// Whether the open bar (or the one that closed last) has a mark kline.
bool mark_bar_on(const struct market *m);

// The mark price while the last one stands at last_e8, within the bar.
int64_t mark_bar_price_e8(const struct market *m, int64_t last_e8);

// The lowest and the highest that the mark price may have come to when the last one stands at last_e8.
int64_t mark_bar_low_e8(const struct market *m, int64_t last_e8);
int64_t mark_bar_high_e8(const struct market *m, int64_t last_e8);

// The nearest last price, a multiple of the tick or the bar's extreme, at which the mark price has fallen or risen to
// `mark_e8`; LEVEL_NONE_LOW or LEVEL_NONE_HIGH: it does not get there.
int64_t mark_bar_level_e8(const struct market *m, int64_t mark_e8, bool falling);

// Makes what the path looks out for anew: levels of the last price, and those of the mark price as levels of the last.
void mark_bar_reach(struct market *m);

// Whether the mark price has come to m->mark_low_e8 (falling) or m->mark_high_e8; of any market with a mark price.
bool mark_bar_touched(const struct market *m, bool falling);

// The last price becomes last_e8, and the mark price what belongs to it.
void mark_bar_move(struct market *m, int64_t last_e8);

// The same on the way to a level: where it is one of the mark price, that stands there.
void mark_bar_touch(struct market *m, int64_t last_e8);

// The bar of `m` opens, or passes unseen: its mark kline, told before, is in force; true: levels must be made anew,
// because a mark price of its own begins or ends.
bool mark_bar_begin(struct market *m);

// The open is matched: a bar without movement has its mark kline's extremes now.
void mark_bar_opened(struct exchange *x, struct market *m);

// The bar has come to its close: so has the mark price.
void mark_bar_close(struct exchange *x, struct market *m);

// Extremes of what positions are valued at, in the bar of `m`.
void mark_bar_extremes(const struct market *m, int64_t *low_e8, int64_t *high_e8);

#endif
