// ledger.c: sums over the account's events. A position that was there before counts from the first price that the run saw.
#include "world/live/ledger.h"

#include "base/alloc.h"
#include "base/array.h"
#include "base/dec.h"
#include "base/units.h"
#include "world/live/coins.h"

#include <stdlib.h>

#define SAME_US (5 * SECOND_US)

struct live_ledger {
    bool begun;
    struct live_result sums;
    struct position_view taken[SYMBOLS_MAX][POSITION_SIDE_COUNT];   // over from before
    int64_t first_e8[SYMBOLS_MAX];                                  // the first price seen; 0: none yet
    struct transfer {
        int64_t time_us, amount_e8;
        bool fee;
    } * transfers;
    int32_t transfer_count, transfer_room;
};

void live_ledger_begin(struct live *l) {
    struct live_ledger *g = l->ledger;
    if (g->begun) return;
    g->begun = true;
    for (int32_t k = 0; k < l->list.count; k++) {
        for (int side = 0; side < POSITION_SIDE_COUNT; side++)
            g->taken[k][side] = l->pump.view.position[k][side];
    }
    live_ledger_pump(l, l->pump.view.now_us);
}

void live_ledger_pump(struct live *l, int64_t now_us) {
    (void)now_us;
    struct live_ledger *g = l->ledger;
    if (!g->begun) return;
    for (int32_t k = 0; k < l->list.count; k++) {
        if (g->first_e8[k] == 0) g->first_e8[k] = l->pump.view.last_e8[k];
    }
}

static void on_order(struct live_result *r, const struct order_update_record *u) {
    if (u->execution != EXEC_TRADE && u->execution != EXEC_CALCULATED) return;
    r->fills += u->last_qty_e8 != 0;
    r->fees_e8 += u->commission_e8;
    r->realized_e8 += u->realized_pnl_e8;
}

static void add_transfer(struct live_ledger *g, int64_t amount_e8, int64_t time_us, bool fee) {
    ARRAY_ROOM(g->transfers, g->transfer_room, g->transfer_count + 1);
    g->transfers[g->transfer_count++] = (struct transfer){ time_us, amount_e8, fee };
}

// The stream and the income tell of one a little apart.
void live_ledger_transfer(struct live *l, int64_t amount_e8, int64_t time_us) {
    struct live_ledger *g = l->ledger;
    for (int32_t i = 0; i < g->transfer_count; i++) {
        const struct transfer *t = &g->transfers[i];
        if (!t->fee && t->amount_e8 == amount_e8 && llabs(t->time_us - time_us) < SAME_US) return;
    }
    add_transfer(g, amount_e8, time_us, false);
}

// Booked as what has come in without being earned: what the wallet holds is so much too good a result.
void live_ledger_coin_fee(struct live *l, int64_t worth_e8) {
    struct live_ledger *g = l->ledger;
    if (g->begun) g->sums.fees_e8 += worth_e8;
    add_transfer(g, worth_e8, l->pump.view.now_us, true);
}

int64_t live_ledger_transfers_e8(const struct live *l, int64_t since_us) {
    int64_t sum = 0;
    for (int32_t i = 0; i < l->ledger->transfer_count; i++) {
        if (l->ledger->transfers[i].time_us >= since_us) sum += l->ledger->transfers[i].amount_e8;
    }
    return sum;
}

static void on_account(struct live_result *r, const struct account_update_record *u) {
    if (u->reason == ACCOUNT_FUNDING_FEE) r->funding_e8 += u->balance_change_e8;
    if (u->reason == ACCOUNT_INSURANCE_CLEAR) r->fees_e8 -= u->balance_change_e8;
}

void live_ledger_on_event(struct live *l, const struct stream_event *e) {
    const struct account_update_record *u = &e->u.account;
    if (e->kind == RECORD_ACCOUNT_UPDATE && u->reason >= ACCOUNT_DEPOSIT && u->balance_change_e8 != 0)
        live_ledger_transfer(l, u->balance_change_e8, u->transaction_us);
    if (!l->ledger->begun) return;
    if (e->kind == RECORD_ORDER_UPDATE && e->u.order.coin_commission_e8 != 0)
        live_coins_fee(l, e->u.order.commission_asset, e->u.order.coin_commission_e8);
    if (e->kind == RECORD_ORDER_UPDATE) on_order(&l->ledger->sums, &e->u.order);
    if (e->kind == RECORD_ACCOUNT_UPDATE) on_account(&l->ledger->sums, &e->u.account);
}

// What positions are worth at a price, less what they cost.
static int64_t open_e8(const struct position_view *positions, int64_t price_e8, bool *whole) {
    int64_t sum = 0;
    for (int side = 0; side < POSITION_SIDE_COUNT; side++) {
        const struct position_view *p = &positions[side];
        if (p->amount_e8 == 0) continue;
        if (price_e8 == 0)
            *whole = false;
        else
            sum += dec_mul_round(p->amount_e8, price_e8 - p->entry_e8);
    }
    return sum;
}

struct live_result live_result(const struct live *l) {
    const struct live_ledger *g = l->ledger;
    struct live_result r = g->sums;
    r.whole = true;
    for (int32_t k = 0; k < l->list.count; k++) {
        r.unrealized_e8 += open_e8(l->pump.view.position[k], l->pump.view.last_e8[k], &r.whole) -
                           open_e8(g->taken[k], g->first_e8[k], &r.whole);
    }
    r.net_e8 = r.realized_e8 - r.fees_e8 + r.funding_e8 + r.unrealized_e8;
    return r;
}

int live_ledger_open(struct live *l, struct errmsg *e) {
    (void)e;
    l->ledger = alloc_zeroed(1, sizeof *l->ledger);
    return ERR_OK;
}

void live_ledger_close(struct live *l) {
    if (l->ledger) free(l->ledger->transfers);
    free(l->ledger);
}
