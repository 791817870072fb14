// account.h: the wallet, the positions and what they are worth.
//
// Wallet   start + realized - fees + funding + insurance, always; asserted after every booking.
// Crossed  positions share the wallet less what is set apart for isolated ones.
#ifndef MT_SIM_ACCOUNT_H
#define MT_SIM_ACCOUNT_H

#include "sim/engine.h"

// Changes a position by a fill of `signed_qty_e8` and books result and fee; returns the realized result.
int64_t account_fill(struct exchange *x, struct market *m, int32_t position_side, int64_t signed_qty_e8,
                     int64_t price_e8, int64_t fee_e8, int64_t trade_id);

int64_t position_entry_e8(const struct position *p);
int64_t position_unrealized_e8(const struct position *p, int64_t mark_e8);
int64_t position_maintenance_e8(const struct market *m, const struct position *p, int64_t mark_e8);
int64_t position_margin_e8(const struct market *m, const struct position *p, int64_t mark_e8);
int64_t position_break_even_e8(const struct position *p);
int64_t order_margin_e8(const struct market *m, const int64_t open_notional_e8[SIDE_COUNT], bool dual_side);

// Sums over the crossed positions, at the last prices.
int64_t account_cross_wallet_e8(const struct exchange *x);
int64_t account_cross_unrealized_e8(const struct exchange *x);
int64_t account_unrealized_e8(const struct exchange *x);
int64_t account_maintenance_e8(const struct exchange *x, bool cross_only);
int64_t account_position_margin_e8(const struct exchange *x);
int64_t account_order_margin_e8(const struct exchange *x);
int64_t account_available_e8(const struct exchange *x);

// Crossed maintenance margin has reached the crossed margin balance.
bool account_exhausted(const struct exchange *x);

// The price of `m` at which the position (isolated) or the account (crossed) is liquidated; 0: none.
// *falling: whether it is reached by falling. *whole: nothing of it lies beyond its eighth decimal.
int64_t liquidation_price_e8(const struct exchange *x, const struct market *m, int32_t position_side,
                             bool *falling, bool *whole);

void account_funding(struct exchange *x, struct market *m, const struct funding *f);

// Books money outside of trading: liquidation fees (negative) and what the insurance fund covers.
bool account_transfer(struct exchange *x, int64_t amount_e8);   // false: so much is not free
void account_insurance(struct exchange *x, struct market *m, int64_t amount_e8);
bool market_flat(const struct market *m);

#endif
