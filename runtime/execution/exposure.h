// exposure.h: orders that may still fill: from before they are sent until the stream has told that they are
// over. What a position may become is what it is and all of these. Pure.
//
// Told      by calls about to be sent, by replies, and by the user stream. A reply that says "filled" does
//           not end an order here: the position says so only when the stream does, and nothing may fall
//           between the two.
// Doubt     an order of which nothing more is heard counts for EXPOSURE_FORGET_US.
// Owner     exposure_free. One thread.
#ifndef MT_EXECUTION_EXPOSURE_H
#define MT_EXECUTION_EXPOSURE_H

#include "trade/call.h"
#include "trade/record.h"

#include <stdbool.h>
#include <stdint.h>

#define EXPOSURE_FORGET_US INT64_C(600000000)

struct exposure;

struct exposure *exposure_new(void);   // NULL when memory is short
void exposure_free(struct exposure *x);

// A new order or an amendment is about to be sent; and it certainly never took effect.
void exposure_sent(struct exposure *x, const struct call *c, int64_t now_us);
void exposure_failed(struct exposure *x, const struct call *c);

// An order as a reply shows it, and as the stream or a listing of open orders does.
void exposure_reply(struct exposure *x, const struct order_record *o);
void exposure_order(struct exposure *x, const struct order_record *o);
void exposure_algo(struct exposure *x, const struct algo_record *a);

// What may still be filled of a symbol that way, reducing orders left out. In hedge mode of one side's
// position. `but` is an amendment: the order it is about is left out; NULL: none.
int64_t exposure_open_e8(struct exposure *x, int16_t symbol, uint8_t position_side, uint8_t side,
                         const struct call *but, int64_t now_us);
int32_t exposure_count(struct exposure *x, int64_t now_us);

// Whether the order that an amendment is about is known to be one that only reduces.
bool exposure_reduces(const struct exposure *x, const struct call *amendment);

#endif
