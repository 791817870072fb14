// paper.c: the account of a paper run: its exchange, what it is worth, its life on disk.
#include "world/paper/private.h"

#include "api/clock.h"
#include "world/live/risk.h"
#include "world/live/wire.h"

#include "base/assert.h"
#include "base/units.h"
#include "world/world.h"
#include "trade/stream_event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEVER INT64_MAX
#define VALUE_EVERY_US INT64_C(250000)

static void *must(void *block) {
    ASSERT(block != NULL);
    return block;
}

int64_t paper_clock(struct live *l) {
    int64_t now = live_exchange_now(l);
    if (now > paper_of(l)->now_us) paper_of(l)->now_us = now;
    return paper_of(l)->now_us;
}

// ---- what the account is worth ----

static bool holds(const struct live *l) {
    for (int16_t k = 0; k < l->list.count; k++) {
        for (int side = 0; side < POSITION_SIDE_COUNT; side++) {
            if (exchange_position_e8(paper_of(l)->x, k, side) != 0) return true;
        }
    }
    return false;
}

void paper_value(struct live *l) {
    struct paper *p = paper_of(l);
    struct world_view *v = &l->pump.view;
    if (!p->x) return;
    int64_t now = p->now_us, equity = exchange_equity_e8(p->x);
    if (v->day_count == 0) {
        if (v->equity_e8 == 0) v->equity_e8 = equity;
        equity_begin(&l->pump.equity, v, now);
    }
    equity_skip_days(&l->pump.equity, now);
    equity_sample(&l->pump.equity, v, now, equity);
    int64_t gone = p->point_us ? now - p->point_us : 0;
    p->point_us = now;
    p->account.lasted_us += gone;
    if (holds(l)) p->account.held_us += gone;
}

// ---- the account on disk ----

static void *account_bytes(struct live *l, size_t *size) {
    struct paper *p = paper_of(l);
    const struct world_view *v = &l->pump.view;
    p->account.saved_us = p->now_us;
    struct account_saved s = { .account = p->account,
                               .peak_e8 = v->peak_e8,
                               .drawdown_e8 = v->drawdown_e8,
                               .drawdown = v->drawdown,
                               .peak_us = v->peak_us,
                               .trough_us = v->trough_us,
                               .peak_candidate_us = v->peak_candidate_us,
                               .equity_e8 = v->equity_e8,
                               .day_count = (int32_t)v->day_count,
                               .script = { p->run, p->state, p->state_size } };
    s.days = must(calloc((size_t)v->day_count + 1, sizeof *s.days));
    for (int64_t i = 0; i < v->day_count; i++)
        s.days[i] = (struct account_day){ v->day_us[i], v->day_equity_e8[i] };
    void *bytes = account_file_encode(&s, p->x, size);
    account_saved_free(&s);
    return bytes;
}

static void save_if_due(struct live *l, int64_t now_us) {
    struct paper *p = paper_of(l);
    if (!p->x || !account_file_due(&p->file, now_us)) return;
    int64_t began_us = live_monotonic_us(l);
    size_t size;
    void *bytes = account_bytes(l, &size);
    account_file_write_later(&p->file, &l->loop, bytes, size, now_us, live_monotonic_us(l) - began_us);
}

static int read_account(struct live *l, struct errmsg *e) {
    struct paper *p = paper_of(l);
    struct world_view *v = &l->pump.view;
    struct account_saved s;
    int err = account_file_read(&p->file, l->symbols, l->list.count, &s, &p->snapshot, e);
    if (err || !p->snapshot) return err;
    for (int32_t i = 0; i < s.day_count; i++)
        equity_add_day(&l->pump.equity, v, s.days[i].us, s.days[i].equity_e8);
    p->account = s.account;
    v->peak_e8 = s.peak_e8;
    v->drawdown_e8 = s.drawdown_e8;
    v->drawdown = s.drawdown;
    v->peak_us = s.peak_us;
    v->trough_us = s.trough_us;
    v->peak_candidate_us = s.peak_candidate_us;
    v->equity_e8 = s.equity_e8;
    p->resumed = true;
    account_saved_free(&s);
    return ERR_OK;
}

// ---- life ----

static int paper_open(struct live *l, struct errmsg *e) {
    struct paper *p = must(calloc(1, sizeof *p));
    l->simulated = p;
    p->symbols = must(calloc((size_t)l->list.count, sizeof *p->symbols));
    paper_link_open(l);
    l->o.paper.exchange.event_mask = UINT64_C(1) << RECORD_ORDER_UPDATE | UINT64_C(1) << RECORD_ALGO_UPDATE |
                                     UINT64_C(1) << RECORD_ACCOUNT_UPDATE;
    p->account.told_id = -1;
    p->account.capital_e8 = l->o.paper.exchange.wallet_e8;
    int err = account_file_open(&p->file, l->o.paper.state_path, e);
    if (err || !p->file.path || l->o.paper.reset) return err;
    err = read_account(l, e);
    struct paper_kept kept;
    if (err || (err = paper_kept(p->file.path, &kept, e)) != ERR_OK || !kept.run) return err;
    paper_keep(l, kept.run, kept.state, kept.state_size);   // until the script's is told
    paper_kept_free(&kept);
    p->file.dirty = false;
    return ERR_OK;
}

// The account as it was, and the fundings of the time it was away; each takes an instant of its own.
static void take_up(struct live *l) {
    struct paper *p = paper_of(l);
    snapshot_restore(p->x, p->snapshot);
    snapshot_free(p->snapshot);
    p->snapshot = NULL;
    for (int16_t k = 0; k < l->list.count; k++) {
        const struct paper_symbol *s = &p->symbols[k];
        for (int32_t i = 0; i < s->funding_count; i++) {
            exchange_funding(p->x, k, ++p->now_us, s->funding[i].rate_e8, s->funding[i].mark_e8);
        }
    }
    exchange_advance(p->x, p->now_us);
}

// What the account held open counts for the limits, as from a listing.
static void tell_open_orders(struct live *l) {
    const struct exchange *x = paper_of(l)->x;
    bool hidden = false;
    const struct order_record *o = exchange_order_at(x, 0, &hidden);
    for (int64_t n = 0; o || hidden; o = exchange_order_at(x, ++n, &hidden)) {
        struct stream_event e = { .kind = RECORD_ORDER_UPDATE };
        if (!o) continue;
        e.u.order.order = *o;
        live_risk_on_event(l, &e);
    }
    const struct algo_record *a = exchange_algo_at(x, 0);
    for (int64_t n = 0; a; a = exchange_algo_at(x, ++n)) {
        struct stream_event e = { .kind = RECORD_ALGO_UPDATE };
        e.u.algo.order = *a;
        live_risk_on_event(l, &e);
    }
    live_risk_account_known(l);
}

// Fills that the account has and the run before did not tell of.
static void tell_fills(struct live *l) {
    struct paper *p = paper_of(l);
    int64_t count = exchange_fill_count(p->x), told_id = p->account.told_id;
    if (told_id == INT64_MAX) p->account.told_id = count > 0 ? exchange_fill(p->x, count - 1)->id : -1;
    for (int64_t i = 0; i < count; i++) {
        const struct trade_record *t = exchange_fill(p->x, i);
        const struct order_record *o = exchange_order(p->x, t->order_id);
        if (t->id <= told_id || !o) continue;
        struct stream_event e = { .kind = RECORD_ORDER_UPDATE, .time_us = t->time_us, .recovered = true };
        e.u.order = (struct order_update_record){ .event_us = t->time_us,
                                                  .transaction_us = t->time_us,
                                                  .order = *o,
                                                  .last_qty_e8 = t->qty_e8,
                                                  .last_price_e8 = t->price_e8,
                                                  .commission_e8 = t->commission_e8,
                                                  .realized_pnl_e8 = t->realized_pnl_e8,
                                                  .trade_id = t->id,
                                                  .maker = t->maker,
                                                  .execution = o->type == ORDER_LIQUIDATION ? EXEC_CALCULATED
                                                                                            : EXEC_TRADE };
        memcpy(e.u.order.commission_asset, t->commission_asset, sizeof t->commission_asset);
        live_event(l, &e, EVENT_NEWS);
    }
}

static void paper_was_told(struct live *l, const struct stream_event *e) {
    struct paper *p = paper_of(l);
    if (!p || e->kind != RECORD_ORDER_UPDATE || e->u.order.trade_id <= p->account.told_id) return;
    bool fill = e->u.order.execution == EXEC_TRADE || e->u.order.execution == EXEC_CALCULATED;
    if (!fill) return;
    p->account.told_id = e->u.order.trade_id;
    p->file.dirty = true;
}

void paper_keep(struct live *l, const char *run, const char *state, size_t size) {
    struct paper *p = paper_of(l);
    if (!p) return;
    free(p->run);
    free(p->state);
    p->run = must(strdup(run));
    p->state = must(malloc(size + 1));
    memcpy(p->state, state, size);
    p->state_size = size;
    p->file.dirty = true;
}

int64_t paper_told(const struct live *l) { return paper_of(l) ? paper_of(l)->account.told_id : -1; }

int paper_kept(const char *path, struct paper_kept *kept, struct errmsg *e) {
    void *bytes = NULL;
    struct account_script s;
    *kept = (struct paper_kept){ .run = NULL };
    int err = account_file_script(path, &bytes, &s, &kept->told_id, e);
    if (err || !bytes) return err;
    size_t name = strlen(s.run) + 1;
    kept->run = must(malloc(name + s.state_size + 1));
    kept->state = memcpy(kept->run + name, s.state, s.state_size);
    kept->state_size = s.state_size;
    memcpy(kept->run, s.run, name);
    free(bytes);
    return ERR_OK;
}

void paper_kept_free(struct paper_kept *kept) {
    free(kept->run);
    *kept = (struct paper_kept){ .run = NULL };
}

void paper_begin(struct live *l) {
    struct paper *p = paper_of(l);
    struct exchange_hooks hooks = { .ctx = l, .reply = paper_link_on_reply, .event = paper_link_on_event };
    int64_t now = paper_clock(l);
    p->x = must(exchange_new(&l->o.paper.exchange, l->symbols, l->list.count, &hooks, now));
    for (int16_t k = 0; k < l->list.count; k++) {
        const struct paper_symbol *s = &p->symbols[k];
        mirror_open(p->x, k, s->last_e8, now);
        mirror_mark(p->x, k, s->mark.mark_e8, 0, 0, now);
    }
    if (p->snapshot)
        take_up(l);
    else
        p->account.started_us = now;
    for (int16_t k = 0; k < l->list.count; k++) {
        const struct paper_symbol *s = &p->symbols[k];
        mirror_mark(p->x, k, s->mark.mark_e8, s->mark.next_funding_us, s->mark.funding_rate_e8, p->now_us);
        mirror_depth(p->x, k, s->bids, s->bid_count, s->asks, s->ask_count, p->now_us);
    }
    l->pump.view.wallet_e8 = exchange_wallet_e8(p->x);
    for (int16_t k = 0; k < l->list.count; k++) {
        for (int side = 0; side < POSITION_SIDE_COUNT; side++) {
            l->pump.view.position[k][side] = (struct position_view){ exchange_position_e8(p->x, k, side),
                                                                     exchange_entry_e8(p->x, k, side) };
        }
    }
    if (l->pump.view.peak_e8 == 0) {
        l->pump.view.peak_e8 = exchange_equity_e8(p->x);
        l->pump.view.peak_us = l->pump.view.trough_us = l->pump.view.peak_candidate_us = now;
    }
    tell_open_orders(l);
    tell_fills(l);
    paper_value(l);
    p->file.dirty = true;   // a new account is one from its first second
}

static void paper_pump(struct live *l, int64_t now_us) {
    struct paper *p = paper_of(l);
    if (!p) return;
    paper_advance(l, now_us);
    paper_link_arrive(l, now_us);
    if (p->x) {
        int64_t at = paper_clock(l);
        if (exchange_next_us(p->x) <= at) exchange_advance(p->x, at);
        if (at - p->point_us >= VALUE_EVERY_US) paper_value(l);
    }
    paper_link_answer(l, now_us);
    save_if_due(l, now_us);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t paper_next_us(const struct live *l) {
    const struct paper *p = paper_of(l);
    if (!p) return NEVER;
    int64_t due = least(paper_due_us(l), paper_link_next_us(l));
    if (p->x) {
        int64_t next = exchange_next_us(p->x);
        if (next != NEVER) due = least(due, next - clock_offset_us(live_wire_clock(l)));
    }
    if (p->file.due_us != 0) due = least(due, p->file.due_us);
    return due;
}

static void paper_close(struct live *l) {
    struct paper *p = paper_of(l);
    if (!p) return;
    paper_stop(l);
    paper_value(l);
    size_t size = 0;
    void *bytes = p->x && p->file.path ? account_bytes(l, &size) : NULL;
    account_file_close(&p->file, &l->loop, bytes, size);
    free(bytes);
    exchange_free(p->x);
    paper_link_close(l);
    for (int32_t k = 0; k < l->list.count; k++) free(p->symbols[k].funding);
    free(p->symbols);
    free(p->run);
    free(p->state);
    snapshot_free(p->snapshot);
    free(p);
    l->simulated = NULL;
}

struct exchange *paper_exchange(struct live *l) {
    return paper_of(l) ? paper_of(l)->x : NULL;
}

int64_t paper_now(struct live *l) { return paper_clock(l); }

struct paper_account paper_account(const struct live *l, bool *resumed) {
    *resumed = paper_of(l)->resumed;
    return paper_of(l)->account;
}

const struct live_simulation *paper_simulation(void) {
    static const struct live_simulation simulation = { .open = paper_open,
                                                       .start = paper_start,
                                                       .ready = paper_ready,
                                                       .next_us = paper_next_us,
                                                       .pump = paper_pump,
                                                       .stop = paper_close,
                                                       .link = paper_link_gateway,
                                                       .trade = paper_trade,
                                                       .mark = paper_mark,
                                                       .told = paper_was_told };
    return &simulation;
}
