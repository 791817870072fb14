// exposure.h: orders that may still fill: from before they are sent until it is known that they are over. What a position may
// become is what it is and all of these. Pure.
//
//     about to be sent --> own key, counts whole --+-- refused, or certainly not executed --> gone
//                                                  +-- a reply, the stream or a listing shows it --> the exchange's id, what is left
//                                                                      over --> gone, and its id is not believed to be open again
//
// Keys     an order counts under a number of its own until it has the exchange's id. Client ids are the script's to choose and to use
//          twice: they are only a hint to which of the orders under way an event belongs, and no order's place is taken by another's.
// Told     by calls about to be sent, by replies, by the user stream and by listings of open orders. What is executed no longer counts
//          here: the position holds it from the same moment (account_view.h).
// Doubt    an order of unknown outcome counts until the outcome is known. What a listing of all open orders no longer shows
//          is over.
// Owner    exposure_free. One thread.
#ifndef MT_EXECUTION_EXPOSURE_H
#define MT_EXECUTION_EXPOSURE_H

#include "trade/call.h"
#include "trade/record.h"

#include <stdbool.h>
#include <stdint.h>

struct exposure;

struct exposure *exposure_new(void);   // NULL when memory is short
void exposure_free(struct exposure *x);

// Whether an order of this client id is under way, or of unknown outcome: until the exchange's id of it is known another one could
// not be told from it.
bool exposure_names(const struct exposure *x, const char *client_id);

// A new order or an amendment is about to be sent, when the symbol's price is price_e8: the key under which it counts.
uint64_t exposure_sent(struct exposure *x, const struct call *c, int64_t price_e8);
// It certainly never took effect.
void exposure_failed(struct exposure *x, uint64_t key);

// The reply to what was sent under `key` (0: to something else) shows an order.
void exposure_reply(struct exposure *x, uint64_t key, const struct order_record *o, int64_t now_us);
void exposure_algo_reply(struct exposure *x, uint64_t key, const struct algo_record *a, int64_t now_us);
void exposure_algo_cancelled(struct exposure *x, int16_t symbol, int64_t algo_id);

// The stream, or a listing of open orders.
void exposure_order(struct exposure *x, const struct order_record *o, int64_t now_us);
void exposure_algo(struct exposure *x, const struct algo_record *a, int64_t now_us);

// All open orders are about to be listed; they have been: what was known at from_us and was not among them is over.
void exposure_listing(struct exposure *x);
void exposure_listed(struct exposure *x, int64_t from_us);

// What may still be filled of a symbol that way, in one side's position; reducing orders are left out.
struct exposure_sum {
    int64_t quantity_e8;
    int64_t
        premium_e8;   // by how much they are worth more at their own prices than at price_e8, where those are higher
};
// `but` is an amendment: the order it is about is left out, if it is certain which one that is; NULL: none.
struct exposure_sum exposure_open(const struct exposure *x, int16_t symbol, uint8_t position_side,
                                  uint8_t side, const struct call *but, int64_t price_e8);
int32_t exposure_count(const struct exposure *x);
// What all that may still be filled of a symbol may cost when it is filled, reducing orders too: rate_e8 of the notional, and
// of orders under way what their limit prices allow to be lost against the price when they were sent.
int64_t exposure_cost_e8(const struct exposure *x, int16_t symbol, int64_t price_e8, int64_t rate_e8);

// Whether the order that an amendment is about is known, and to be one that only reduces.
bool exposure_reduces(const struct exposure *x, const struct call *amendment);

#endif
