// account_view.c: positions and the wallet as a script sees them.
#include "execution/account_view.h"

#include "base/alloc.h"
#include "base/array.h"
#include "base/assert.h"
#include "base/dec.h"
#include "base/num.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum { DELTAS_MAX = 256 };

struct order_key {
    int64_t id, symbol;
};   // no padding: hashed as bytes

// What an order has executed, as far as anyone has said.
struct seen_order {
    struct order_key key;
    int64_t executed_e8, quote_e8;
    int64_t updated_us, heard_us;   // by the exchange's clock, by ours
    char client_id[CLIENT_ID_MAX];
    bool over;
    UT_hash_handle hh;
};

// Known, and not yet told by the account. `quantity_e8` has the sign of what it does to the amount.
struct fill {
    struct order_key order;
    int64_t quantity_e8, price_e8;
    int64_t commission_e8, expected_e8;   // as told, and what is still to be told, by the rate seen last
    int64_t after_us;                     // no message heard before that (our time) holds it
    int64_t until_us;                     // it happened then at the latest, by the exchange's clock
    int64_t heard_us;
    uint8_t side;            // enum position_side
    bool exact, in_wallet;   // exact: it happened at until_us
};

// By how much a message has moved an amount that no known fill accounts for.
struct delta {
    int64_t quantity_e8, at_us, heard_us;
    int16_t symbol;
    uint8_t side;
};

struct told {
    int64_t at_us, heard_us;
};

struct account_view {
    struct position_view *out;
    int64_t *out_wallet_e8;
    struct position_view positions[SYMBOLS_MAX * POSITION_SIDE_COUNT];
    struct told told[SYMBOLS_MAX * POSITION_SIDE_COUNT], wallet_told;
    int64_t wallet_e8, asked_exchange_us;
    int64_t rate_e8;   // of commission, as the last event of a taker's fill had it; 0: none yet
    struct seen_order *orders;
    struct fill *fills;
    int32_t fill_count, fill_room;
    struct delta deltas[DELTAS_MAX];   // oldest first
    int32_t delta_count;
};

static int32_t place_of(int64_t symbol, uint8_t side) {
    ASSERT(symbol >= 0 && symbol < SYMBOLS_MAX);
    ASSERT(side < POSITION_SIDE_COUNT);
    return (int32_t)symbol * POSITION_SIDE_COUNT + side;
}

static bool same_way(int64_t a, int64_t b) { return (a > 0 && b > 0) || (a < 0 && b < 0); }

struct account_view *account_view_new(struct position_view *positions, int64_t *wallet_e8) {
    ASSERT(positions != NULL);
    ASSERT(wallet_e8 != NULL);
    struct account_view *v = calloc(1, sizeof *v);
    if (!v) return NULL;
    v->out = positions;
    v->out_wallet_e8 = wallet_e8;
    return v;
}

void account_view_free(struct account_view *v) {
    if (!v) return;
    struct seen_order *o, *next;
    HASH_ITER (hh, v->orders, o, next) {
        HASH_DEL(v->orders, o);
        free(o);
    }
    free(v->fills);
    free(v);
}

// ---- what is seen ----

// Adds a fill to a position: its entry price, and what is realised. Both as the exchange computes them.
static int64_t add_fill(struct position_view *p, int64_t quantity_e8, int64_t price_e8) {
    ASSERT(quantity_e8 != 0);
    int64_t before = p->amount_e8;
    p->amount_e8 += quantity_e8;
    if (before == 0 || same_way(before, quantity_e8)) {
        __int128 worth = (__int128)num_abs(before) * p->entry_e8 + (__int128)num_abs(quantity_e8) * price_e8;
        __int128 amount = num_abs(p->amount_e8);
        p->entry_e8 = (int64_t)((worth + amount / 2) / amount);
        return 0;
    }
    int64_t closed = num_min(num_abs(before), num_abs(quantity_e8));
    int64_t gain = dec_mul_round(closed, price_e8 - p->entry_e8);
    if (p->amount_e8 == 0)
        p->entry_e8 = 0;
    else if (!same_way(before, p->amount_e8))
        p->entry_e8 = price_e8;   // it has turned round
    return before > 0 ? gain : -gain;
}

// What the account told and the fills that it has not.
static void show(struct account_view *v) {
    memcpy(v->out, v->positions, sizeof v->positions);
    int64_t wallet = v->wallet_e8;
    for (int32_t i = 0; i < v->fill_count; i++) {
        const struct fill *f = &v->fills[i];
        int64_t realised = add_fill(&v->out[place_of(f->order.symbol, f->side)], f->quantity_e8, f->price_e8);
        if (!f->in_wallet) wallet += realised - f->commission_e8 - f->expected_e8;
    }
    *v->out_wallet_e8 = wallet;
}

// ---- fills and what the account told ----

// Drops what has become nothing.
static void drop_empty(struct account_view *v) {
    int32_t kept = 0;
    for (int32_t i = 0; i < v->fill_count; i++) {
        if (v->fills[i].quantity_e8 != 0) v->fills[kept++] = v->fills[i];
    }
    v->fill_count = kept;
    kept = 0;
    for (int32_t i = 0; i < v->delta_count; i++) {
        if (v->deltas[i].quantity_e8 != 0) v->deltas[kept++] = v->deltas[i];
    }
    v->delta_count = kept;
}

// As much of one as the other accounts for, when both go the same way.
static void cancel_out(int64_t *fill_e8, int64_t *delta_e8) {
    if (!same_way(*fill_e8, *delta_e8)) return;
    int64_t both = num_min(num_abs(*fill_e8), num_abs(*delta_e8));
    both = *fill_e8 > 0 ? both : -both;
    *fill_e8 -= both;
    *delta_e8 -= both;
}

// Whether a message of that time may hold (part of) a fill that is known.
static bool may_hold(const struct fill *f, int64_t at_us, int64_t heard_us) {
    if (heard_us < f->after_us) return false;
    return at_us == f->until_us || (!f->exact && at_us < f->until_us);
}

// What is known of fills takes its part of it; what is left waits for fills that are not known yet.
static void add_delta(struct account_view *v, struct delta d) {
    for (int32_t i = 0; i < v->fill_count; i++) {
        struct fill *f = &v->fills[i];
        if (f->order.symbol == d.symbol && f->side == d.side && may_hold(f, d.at_us, d.heard_us))
            cancel_out(&f->quantity_e8, &d.quantity_e8);
    }
    if (d.quantity_e8 == 0) return;
    if (v->delta_count == DELTAS_MAX)
        memmove(v->deltas, v->deltas + 1, sizeof *v->deltas * (size_t)--v->delta_count);
    v->deltas[v->delta_count++] = d;
    ASSERT(v->delta_count <= DELTAS_MAX);
}

static void tell_position(struct account_view *v, const struct account_update_record *u, int64_t heard_us) {
    int32_t at = place_of(u->symbol, u->position_side);
    int64_t moved = u->amount_e8 - v->positions[at].amount_e8, now_us = u->transaction_us;
    v->positions[at] = (struct position_view){ u->amount_e8, u->entry_price_e8 };
    v->told[at] = (struct told){ now_us, heard_us };
    for (int32_t i = 0; i < v->fill_count; i++) {
        struct fill *f = &v->fills[i];
        if (f->order.symbol != u->symbol || f->side != u->position_side) continue;
        if (f->until_us >= now_us || heard_us < f->after_us) continue;
        moved -= f->quantity_e8;   // it is older: whatever the message says, this is in it
        f->quantity_e8 = 0;
    }
    add_delta(v, (struct delta){ moved, now_us, heard_us, u->symbol, u->position_side });
}

static void tell_wallet(struct account_view *v, int64_t wallet_e8, int64_t at_us, int64_t heard_us) {
    v->wallet_e8 = wallet_e8;
    v->wallet_told = (struct told){ at_us, heard_us };
    for (int32_t i = 0; i < v->fill_count; i++) {
        struct fill *f = &v->fills[i];
        if (f->until_us < at_us && heard_us >= f->after_us) f->in_wallet = true;
    }
}

bool account_view_told(struct account_view *v, const struct account_update_record *u, bool asked,
                       int64_t heard_us) {
    bool taken = true;
    if (asked || u->transaction_us >= v->wallet_told.at_us)
        tell_wallet(v, u->wallet_e8, u->transaction_us, heard_us);
    // A funding payment moves the wallet alone: the exchange names the position without its amount.
    if (u->symbol >= 0 && u->reason != ACCOUNT_FUNDING_FEE) {
        int32_t at = place_of(u->symbol, u->position_side);
        if (asked || u->transaction_us >= v->told[at].at_us)
            tell_position(v, u, heard_us);
        else
            taken = u->amount_e8 == v->positions[at].amount_e8;
    }
    drop_empty(v);
    show(v);
    return taken;
}

// A fill has become known: what of it the account has told by now is taken off, the rest is added.
static void know_fill(struct account_view *v, struct fill *f) {
    int16_t symbol = (int16_t)f->order.symbol;
    int32_t at = place_of(symbol, f->side);
    bool told = v->told[at].at_us > f->until_us && v->told[at].heard_us >= f->after_us;
    for (int32_t i = 0; i < v->delta_count; i++) {
        struct delta *d = &v->deltas[i];
        if (d->symbol != symbol || d->side != f->side) continue;
        if (may_hold(f, d->at_us, d->heard_us) || (told && d->at_us > f->until_us))
            cancel_out(&f->quantity_e8, &d->quantity_e8);
    }
    if (f->quantity_e8 != 0 && told) {   // another fill has hidden it in what the account told
        add_delta(
            v, (struct delta){ -f->quantity_e8, v->told[at].at_us, v->told[at].heard_us, symbol, f->side });
    } else if (f->quantity_e8 != 0) {
        f->in_wallet = v->wallet_told.at_us > f->until_us && v->wallet_told.heard_us >= f->after_us;
        ARRAY_ROOM(v->fills, v->fill_room, v->fill_count + 1);
        v->fills[v->fill_count++] = *f;
    }
    drop_empty(v);
}

// ---- what orders have executed ----

static struct seen_order *seen(struct account_view *v, const struct order_record *o, bool *first) {
    struct order_key key = { o->order_id, o->symbol };
    struct seen_order *s;
    HASH_FIND(hh, v->orders, &key, sizeof key, s);
    *first = !s;
    if (s && s->over && s->client_id[0] && strcmp(s->client_id, o->client_id) != 0) {
        HASH_DEL(v->orders, s);   // an exchange that was begun anew counts from the start again
        free(s);
        s = NULL;
    }
    if (s) return s;
    s = alloc_zeroed(1, sizeof *s);
    s->key = key;
    memcpy(s->client_id, o->client_id, CLIENT_ID_MAX);
    HASH_ADD(hh, v->orders, key, sizeof s->key, s);
    return s;
}

static int64_t quote_of(const struct order_record *o) {
    return o->cum_quote_e8 != 0 ? o->cum_quote_e8 : dec_mul_round(o->avg_price_e8, o->executed_qty_e8);
}

static int64_t signed_by(uint8_t side, int64_t quantity_e8) {
    return side == SIDE_BUY ? quantity_e8 : -quantity_e8;
}

static int64_t commission(const struct account_view *v, int64_t quantity_e8, int64_t price_e8) {
    return dec_mul_round(dec_mul_round(num_abs(quantity_e8), price_e8), v->rate_e8);
}

static void learn_rate(struct account_view *v, const struct order_update_record *u) {
    int64_t worth_e8 = dec_mul_round(u->last_qty_e8, u->last_price_e8);
    if (u->execution == EXEC_TRADE && !u->maker && worth_e8 > 0 && u->commission_e8 >= 0)
        v->rate_e8 = dec_div_round(u->commission_e8, worth_e8);
}

// The order as it is now; its fill of so much before that is known.
static void keep(struct seen_order *s, const struct order_record *o, int64_t at_us, int64_t heard_us) {
    if (o->executed_qty_e8 > s->executed_e8) {
        s->executed_e8 = o->executed_qty_e8;
        s->quote_e8 = quote_of(o);
    }
    s->over = s->over || (o->status != STATUS_NEW && o->status != STATUS_PARTIALLY_FILLED);
    s->updated_us = num_max(s->updated_us, at_us);
    s->heard_us = num_max(s->heard_us, heard_us);
}

static struct fill fill_of(const struct seen_order *s, const struct order_record *o) {
    int64_t quantity = o->executed_qty_e8 - s->executed_e8;
    ASSERT(quantity > 0);
    int64_t price = dec_div_round(quote_of(o) - s->quote_e8, quantity);
    return (struct fill){ .order = s->key,
                          .quantity_e8 = signed_by(o->side, quantity),
                          .price_e8 = price > 0 ? price : o->avg_price_e8,
                          .side = o->position_side };
}

void account_view_reply(struct account_view *v, const struct order_record *o, bool made, int64_t asked_us,
                        int64_t heard_us) {
    if (o->order_id == 0 || o->symbol < 0 || o->executed_qty_e8 < 0) return;
    bool first;
    struct seen_order *s = seen(v, o, &first);
    if (o->executed_qty_e8 > s->executed_e8) {
        struct fill f = fill_of(s, o);
        bool at_once = o->orig_type == ORDER_MARKET || o->type == ORDER_MARKET;
        f.after_us = first ? (made ? asked_us : 0) : s->heard_us;
        f.until_us = o->update_us;
        f.heard_us = heard_us;
        f.exact = made && at_once;
        f.expected_e8 = commission(v, f.quantity_e8, f.price_e8);
        // Of an order that nobody told of, from before the account was last asked.
        bool old = first && !made && o->update_us <= v->asked_exchange_us;
        if (!old) know_fill(v, &f);
    }
    keep(s, o, o->update_us, heard_us);
    show(v);
}

// What a reply has said before is known more exactly now: when it happened, and what it cost.
static void refine(struct account_view *v, const struct seen_order *s, const struct order_update_record *u) {
    int64_t left = s->executed_e8 - u->order.executed_qty_e8;   // of what is known, after this fill
    for (int32_t i = 0; i < v->fill_count; i++) {
        struct fill *f = &v->fills[i];
        if (f->order.id != s->key.id || f->order.symbol != s->key.symbol) continue;
        if (u->execution != EXEC_TRADE) continue;
        f->commission_e8 += u->commission_e8;
        f->expected_e8 -= num_min(f->expected_e8, commission(v, u->last_qty_e8, u->last_price_e8));
        const struct told *t = &v->told[place_of(s->key.symbol, f->side)];
        if (left == 0) {
            f->expected_e8 = 0;
            f->until_us = num_min(f->until_us, u->transaction_us);
        } else if (u->transaction_us < t->at_us && t->heard_us >= f->after_us &&
                   num_abs(f->quantity_e8) > left) {
            f->quantity_e8 = signed_by(u->order.side, left);   // what came before is in what the account told
        }
        if (f->until_us < t->at_us && t->heard_us >= f->after_us) f->quantity_e8 = 0;
    }
    drop_empty(v);
}

void account_view_event(struct account_view *v, const struct order_update_record *u, int64_t heard_us) {
    const struct order_record *o = &u->order;
    if (o->order_id == 0 || o->symbol < 0 || o->executed_qty_e8 < 0) return;
    learn_rate(v, u);
    bool first;
    struct seen_order *s = seen(v, o, &first);
    if (o->executed_qty_e8 > s->executed_e8) {
        struct fill f = fill_of(s, o);
        bool whole = num_abs(f.quantity_e8) == u->last_qty_e8;   // else some before it was not told
        if (first && !whole &&
            u->last_qty_e8 > 0)   // of an order of before: what it had executed is in what was told
            f.quantity_e8 = signed_by(o->side, u->last_qty_e8);
        if (whole && u->last_price_e8 > 0) f.price_e8 = u->last_price_e8;
        f.commission_e8 = u->commission_e8;
        f.until_us = u->transaction_us;
        f.heard_us = heard_us;
        f.exact = whole;
        f.after_us = 0;
        know_fill(v, &f);
    } else {
        refine(v, s, u);
    }
    keep(s, o, u->transaction_us, heard_us);
    show(v);
}

void account_view_asked(struct account_view *v, int64_t asked_us, int64_t exchange_us) {
    v->asked_exchange_us = exchange_us;
    for (int32_t i = 0; i < v->fill_count; i++) {
        if (v->fills[i].heard_us < asked_us) v->fills[i].quantity_e8 = 0;
    }
    drop_empty(v);
    show(v);
}

const struct position_view *account_view_told_positions(const struct account_view *v) { return v->positions; }
int64_t account_view_told_wallet_e8(const struct account_view *v) { return v->wallet_e8; }

void account_view_forget(struct account_view *v, int64_t before_us) {
    struct seen_order *s, *next;
    HASH_ITER (hh, v->orders, s, next) {
        if (!s->over || s->updated_us >= before_us) continue;
        HASH_DEL(v->orders, s);
        free(s);
    }
}
