// match.h: plain orders: checks at entry, matching at the price of the moment, touches along the path,
// endings.
//
//     place --+-- bar open: enter --+-- crosses: filled, taker
//             |                     +-- rests ------- touched: filled, maker
//             +-- no price: rests when it does not cross the last one, else waits for the open, then enter
#ifndef MT_SIM_MATCH_H
#define MT_SIM_MATCH_H

#include "sim/engine.h"

// The stream's `er`.
enum expiry_reason {
    REASON_NONE = 0,
    REASON_STP = 1,
    REASON_IOC = 2,
    REASON_IOC_STP = 3,
    REASON_REDUCE = 4,
    REASON_LIQUIDATED = 5,
    REASON_MARKET = 9
};

// Checks a new order and creates it. False: its answer comes later (never when !may_wait). *out: the row to
// answer.
bool order_place(struct exchange *x, const struct call *c, uint64_t token, bool may_wait, struct reply *r,
                 struct order_record *out);

// The checks alone; 0 and the reply untouched, or false with the refusal.
bool order_check(struct exchange *x, const struct call *c, struct reply *r);
bool order_modify(struct exchange *x, const struct call *c, struct reply *r, struct order_record *out);
bool order_cancel(struct exchange *x, const struct call *c, struct reply *r, struct order_record *out);

// Ends an open order; `reason` is the stream's `er`.
void order_end(struct exchange *x, struct order *o, uint8_t status, uint8_t reason);
void orders_cancel_all(struct exchange *x, struct market *m);

// Shared with algo.c: the order a trigger makes. Refusal code, or 0.
int32_t order_from_algo(struct exchange *x, struct algo *a);
bool position_side_check(const struct exchange *x, const struct call *c, struct reply *r);
bool order_only_reduces(const struct exchange *x, const struct call *c);

// Whether an order can only make a position smaller.
bool order_closes(const struct order *o);

// What the position lets an order of this side close.
int64_t reducible_e8(const struct market *m, uint8_t side, uint8_t position_side);

// A bar of `m` is open at m->last_e8: waiting orders first, then what the open has passed.
void match_waiting(struct exchange *x, struct market *m);

// Fills an order at a price: cut to the position when it may only reduce, the rest expires.
void order_execute(struct exchange *x, struct market *m, struct order *o, int64_t price_e8, bool maker);
void order_announce(struct exchange *x, struct order *o);

// Books one fill of an order that rests nowhere, with its events.
void record_fill(struct exchange *x, struct market *m, struct order *o, int64_t qty_e8, int64_t price_e8,
                 bool maker, int64_t fee_rate_e8);

// Drops reducing orders that have nothing left to reduce.
void drop_reducers(struct exchange *x, struct market *m);

// trigger_levels.c. Whatever the price m->last_e8 triggers, nearest first.
void match_triggered(struct exchange *x, struct market *m);

// Brings the trigger levels and the timer up to date.
void levels_refresh(struct exchange *x);
void liquidate_if_exhausted(struct exchange *x);
// Ends all orders of a market, conditional ones included, in the exchange's own name.
void orders_expire(struct exchange *x, struct market *m, uint8_t reason);
void orders_expire_due(struct exchange *x, struct market *m);

void emit_account(struct exchange *x, const struct market *m, int32_t position_side, uint8_t reason,
                  int64_t change_e8);

#endif
