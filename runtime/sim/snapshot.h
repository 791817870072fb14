// state.h: the account of an exchange as bytes: wallet, positions, settings, every order, fill and booking,
// so that a stopped exchange goes on where it was. Pure: the bytes go to, and come from, the caller.
//
// Format   struct state_head, then arrays of the structs it counts, then a CRC-32 of all before. Sizes of the
//          structs are in the head: a file of another build is refused, never misread.
// Market   the book and the tape are not kept. A made market begins at the last prices kept (state_price).
#ifndef MT_SIM_SNAPSHOT_H
#define MT_SIM_SNAPSHOT_H

#include "sim/exchange.h"

#include <stddef.h>

// The bytes, malloc'ed; NULL without memory.
void *exchange_save(const struct exchange *x, size_t *size);

// What bytes are: ERR_FORMAT with one line when they are not whole, not of this build, or know symbols that x
// has not.
int state_check(const void *bytes, size_t size, const struct symbol *symbols, int32_t symbol_count,
                struct errmsg *e);

// The last price of a symbol in checked bytes, 0 when there is none.
int64_t state_price(const void *bytes, const char *symbol);

// Takes checked bytes up. x is new, its books are open and furnished: open orders enter them as if sent now.
void exchange_restore(struct exchange *x, const void *bytes);

#endif
