// snapshot.h: the account of an exchange as it is saved: wallet, positions, settings, every order, fill and
// booking, so that a stopped exchange goes on where it was. Pure: the bytes go to, and come from, the caller.
//
// Form     tagged fields (base/saved.h), one record a market, order, conditional order, fill and booking. A
//          later version reads what this one has written; what it adds is absent there and has its preset.
// Input    is foreign. A snapshot that was read holds nothing that an exchange could not have come to: ids
//          count on, symbols and enums exist, fills are no more than their orders, sums agree.
// Market   the book and the tape are not kept. A made market begins at the last prices kept (snapshot_price).
#ifndef MT_SIM_SNAPSHOT_H
#define MT_SIM_SNAPSHOT_H

#include "base/saved.h"
#include "sim/exchange.h"

#include <stddef.h>

struct snapshot;

// The fields alone, for a file that holds more.
void snapshot_put(struct saved_out *out, const struct exchange *x);
// ERR_FORMAT with one line: damaged, or it knows symbols that are not among these. `in` is borrowed for the
// call.
int snapshot_get(struct saved_in *in, const struct symbol *symbols, int32_t symbol_count,
                 struct snapshot **out, struct errmsg *e);

// A whole file of it; the bytes are malloc'ed.
void *snapshot_save(const struct exchange *x, size_t *size);
int snapshot_read(const void *bytes, size_t size, const struct symbol *symbols, int32_t symbol_count,
                  struct snapshot **out, struct errmsg *e);
void snapshot_free(struct snapshot *s);

// The last price of a symbol, 0 when there is none.
int64_t snapshot_price(const struct snapshot *s, int16_t symbol);

// x is new, of the same symbols, its books are open and furnished: open orders enter them as if sent now.
void snapshot_restore(struct exchange *x, const struct snapshot *s);

#endif
