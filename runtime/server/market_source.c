// market_source.c: where the prices come from: bars and trades of files, or other traders alone.
#include "base/units.h"
#include "server/exchange_server_private.h"

#include "base/dec.h"
#include "base/num.h"
#include "data/columns.h"
#include "sim/bar_variance.h"
#include "sim/snapshot.h"

#include <stdio.h>

static struct kline_record bar_of(const struct series *s, int64_t i, int64_t shift_us) {
    struct kline_record k = columns_kline(s, i);
    k.open_us += shift_us;
    k.close_us += shift_us;
    return k;
}

static void scale_bar(struct kline_record *k, int64_t to, int64_t from, int64_t tick) {
    int64_t *prices[] = { &k->open_e8, &k->high_e8, &k->low_e8, &k->close_e8 };
    for (int i = 0; i < 4; i++) *prices[i] = dec_round_to(dec_mul_div_round(*prices[i], to, from), tick);
}

// Puts the past on the tape; the replay, or the synthetic market, begins now.
static int open_market(struct exchange_server *l, int16_t k) {
    const struct series *s = &l->o.series[k];
    int64_t from = l->o.replay_from[k];
    int64_t begins_us = from < s->count ? s->open_us[from] : s->open_us[s->count - 1] + s->interval_us;
    struct market_replay *r = &l->replays[k];
    *r = (struct market_replay){ .next = from, .shift_us = l->now_us - begins_us };
    int64_t last = from > 0 ? s->close_e8[from - 1] : s->open_e8[0];
    int64_t kept = l->snapshot && from == s->count ? snapshot_price(l->snapshot, k) : 0;
    int64_t was = last;
    if (kept > 0) last = kept;   // a synthetic market goes on at the price it had, its past moved there
    exchange_open_book(l->x, k, l->now_us, last);
    struct tape *t = exchange_tape(l->x, k);
    for (int64_t i = 0; i < from; i++) {
        struct kline_record bar = bar_of(s, i, r->shift_us);
        if (last != was) scale_bar(&bar, last, was, l->symbols[k].tick_e8);
        tape_history(t, &bar);
    }
    return ERR_OK;
}

// ---- replayed trades ----

static int open_trades(struct exchange_server *l, int16_t k, struct errmsg *e) {
    struct market_replay *r = &l->replays[k];
    trade_file_close(r->file);
    r->file = NULL;
    int err = trade_file_open(l->o.trade_paths[k], l->o.trade_path_counts[k], &r->file, e);
    if (err) return err;
    int got = trade_file_next(r->file, &r->row, e);
    if (got == 0) return errmsg_set(e, ERR_FORMAT, "%s: holds no trades", l->o.trade_paths[k][0]);
    return got < 0 ? got : ERR_OK;
}

// The trades of the past go on the tape alone; the replay begins with the minute of now.
static int open_traded_market(struct exchange_server *l, int16_t k, struct errmsg *e) {
    struct market_replay *r = &l->replays[k];
    int err = open_trades(l, k, e);
    if (err) return err;
    int64_t first_us = r->row.time_us - r->row.time_us % MINUTE_US,
            begins_us = first_us + l->o.trade_history_us;
    r->shift_us = l->now_us - begins_us;
    exchange_open_book(l->x, k, l->now_us, dec_round_to(r->row.price_e8, l->symbols[k].tick_e8));
    struct tape *t = exchange_tape(l->x, k);
    int64_t id = l->now_us / 1000 - 1000000000, last = 0;
    while (r->row.time_us < begins_us) {
        last = dec_round_to(r->row.price_e8, l->symbols[k].tick_e8);
        tape_trade(t, id++, last, r->row.qty_e8, r->row.buyer_maker, r->row.time_us + r->shift_us);
        int got = trade_file_next(r->file, &r->row, e);
        if (got < 0) return got;
        if (got == 0)
            return errmsg_set(
                e, ERR_FORMAT,
                "%s: all of its trades lie in the past; a smaller --history leaves some to replay",
                l->o.trade_paths[k][0]);
    }
    return ERR_OK;
}

static void next_trade(struct exchange_server *l, int16_t k) {
    struct market_replay *r = &l->replays[k];
    struct errmsg e;
    int64_t last_us = r->row.time_us;
    int got = trade_file_next(r->file, &r->row, &e);
    if (got == 1) return;
    if (got == 0 && l->o.loop && open_trades(l, k, &e) == ERR_OK) {
        r->shift_us += last_us + 1000 - r->row.time_us;
        return;
    }
    if (got < 0)
        fprintf(stderr, "moontide exchange: %s; the market of %s stands still\n", e.text, l->symbols[k].name);
    r->ended = true;
}

// ---- what comes next ----

static int64_t replay_next_us(const struct exchange_server *l, int16_t k) {
    const struct market_replay *r = &l->replays[k];
    if (r->ended) return INT64_MAX;   // its file may be gone
    if (r->file) return r->row.time_us + r->shift_us;
    const struct series *s = &l->o.series[k];
    return r->next < s->count ? s->open_us[r->next] + r->shift_us : INT64_MAX;
}

static int32_t bars_around(const struct series *s, int64_t at, int64_t shift_us, struct exchange_bar *rows) {
    int64_t end = num_min(at + BARS_AROUND + 1, s->count);
    int32_t count = 0;
    for (int64_t i = num_max(at - BARS_AROUND, 0); i < end; i++) {
        if (i == at) continue;
        struct kline_record k = bar_of(s, i, shift_us);
        rows[count++] = (struct exchange_bar){ .open_us = k.open_us,
                                               .close_us = k.close_us,
                                               .open_e8 = k.open_e8,
                                               .high_e8 = k.high_e8,
                                               .low_e8 = k.low_e8,
                                               .close_e8 = k.close_e8 };
    }
    return count;
}

static void follow_bar(struct exchange_server *l, int16_t k) {
    const struct series *s = &l->o.series[k];
    struct market_replay *r = &l->replays[k];
    struct kline_record bar = bar_of(s, r->next, r->shift_us);
    struct exchange_bar around[2 * BARS_AROUND];
    int32_t count = bars_around(s, r->next, r->shift_us, around);
    flow_bar(l->flow, k, &bar, around, count);
    if (++r->next < s->count) return;
    if (l->o.loop) {
        r->next = l->o.replay_from[k];
        r->shift_us += s->open_us[s->count - 1] + s->interval_us - s->open_us[r->next];
    }
}

static void replay_step(struct exchange_server *l, int16_t k) {
    struct market_replay *r = &l->replays[k];
    if (!r->file) {
        follow_bar(l, k);
        return;
    }
    flow_print(l->flow, k, r->row.buyer_maker ? SIDE_SELL : SIDE_BUY, r->row.price_e8, r->row.qty_e8,
               r->row.time_us + r->shift_us);
    next_trade(l, k);
}

// Once nothing of any symbol is left to trade: the last bar is over, too.
static bool all_ended(const struct exchange_server *l, int64_t now_us) {
    bool replayed = false;
    for (int16_t k = 0; k < l->o.symbol_count; k++) {
        const struct market_replay *r = &l->replays[k];
        if (r->file && !r->ended) return false;
        if (r->ended) {
            replayed = true;
            continue;
        }
        const struct series *s = &l->o.series[k];
        bool bars = l->o.replay_from[k] < s->count;
        if (bars && (r->next < s->count || now_us < s->open_us[s->count - 1] + s->interval_us + r->shift_us))
            return false;
        replayed = replayed || bars;
    }
    return replayed;
}

// Other traders until now; bars and trades handed over at their time.
void exchange_server_market_advance(struct exchange_server *l, int64_t now_us) {
    for (;;) {
        int16_t first = 0;
        for (int16_t k = 1; k < l->o.symbol_count; k++) {
            if (replay_next_us(l, k) < replay_next_us(l, first)) first = k;
        }
        int64_t next_us = replay_next_us(l, first);
        if (next_us > now_us) break;
        flow_advance(l->flow, next_us - 1);
        replay_step(l, first);
    }
    flow_advance(l->flow, now_us);
    exchange_advance(l->x, now_us);
    l->data_ended = l->data_ended || all_ended(l, now_us);
}

int exchange_server_market_open(struct exchange_server *l, int16_t k, struct errmsg *e) {
    return l->o.trade_path_counts ? open_traded_market(l, k, e) : open_market(l, k);
}
