// positions.c: the script's view of positions and the wallet in a live run: what the account has told, and what orders show.
#include "world/live/positions.h"

#include "base/alloc.h"
#include "execution/account_view.h"

int live_positions_open(struct live *l, struct errmsg *e) {
    (void)e;
    l->positions = alloc_checked(account_view_new(&l->pump.view.position[0][0], &l->pump.view.wallet_e8));
    return ERR_OK;
}

void live_positions_close(struct live *l) { account_view_free(l->positions); }

// A simulated account's events never come behind its answers.
bool live_positions_on_event(struct live *l, const struct stream_event *e) {
    int64_t heard_us = e->recovered ? 0 : l->pump.view.now_us;
    if (l->simulation) {
        if (e->kind == RECORD_ACCOUNT_UPDATE) pump_apply_account(&l->pump, &e->u.account);
        return false;
    }
    if (e->kind == RECORD_ORDER_UPDATE) account_view_event(l->positions, &e->u.order, heard_us);
    if (e->kind != RECORD_ACCOUNT_UPDATE) return false;
    return !account_view_told(l->positions, &e->u.account, e->recovered, l->pump.view.now_us);
}

void live_positions_answered(struct live *l, const struct api_call *call) {
    bool orders =
        call->kind == RECORD_ORDER || call->kind == RECORD_ORDER_AMENDED || call->kind == RECORD_ORDER_QUERY;
    if (l->simulation || !orders) return;
    bool made = call->call.endpoint == EP_ORDER_NEW || call->call.endpoint == EP_BATCH_NEW;
    const struct order_record *rows = call->rows;
    for (int32_t i = 0; i < call->count; i++)
        account_view_reply(l->positions, &rows[i], made, call->request.submitted_us, l->pump.view.now_us);
}

void live_positions_asked(struct live *l, int64_t asked_us, int64_t exchange_us) {
    account_view_asked(l->positions, asked_us, exchange_us);
}

void live_positions_forget(struct live *l, int64_t before_us) {
    account_view_forget(l->positions, before_us);
}

const struct position_view *live_positions_told(const struct live *l) {
    return account_view_told_positions(l->positions);
}

int64_t live_positions_told_wallet_e8(const struct live *l) {
    return account_view_told_wallet_e8(l->positions);
}
