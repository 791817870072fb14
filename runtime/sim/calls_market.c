// calls_market.c: market data. A market of bars has no book and no other traders: depth and best prices stand
// one
// tick either side of the last price (docs/backtest.md). A market with a book answers from its book and tape.
#include "sim/calls_market.h"

#include "base/assert.h"
#include "base/wide.h"
#include "sim/price_path.h"
#include "sim/query_range.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    KLINES_DEFAULT = 500,
    DEPTH_MAX = 20,
    BOOK_DEPTH_DEFAULT = 500,
    BOOK_DEPTH_MAX = 1000,
    FUNDING_DEFAULT = 100,
    TRADES_DEFAULT = 500,
    HISTORICAL_DEFAULT = 100,
    DAY_HOURS = 24
};
#define LEVEL_QTY_E8 (INT64_C(1000) * DEC_ONE)

// Where mark price and index are the last price, there is no premium.
static void no_premium(struct kline_record *rows, int32_t count) {
    ASSERT(count >= 0);
    for (int32_t i = 0; i < count; i++)
        rows[i].open_e8 = rows[i].high_e8 = rows[i].low_e8 = rows[i].close_e8 = 0;
}

static struct bars *mark_bars(const struct market *m, int32_t endpoint) {
    if (!m->mark) return NULL;
    return endpoint == EP_INDEX_KLINES     ? &m->mark->index_bars
           : endpoint == EP_MARK_KLINES    ? &m->mark->mark_bars
           : endpoint == EP_PREMIUM_KLINES ? &m->mark->premium_bars
                                           : NULL;
}

// Klines of mark price, index or premium where the driver has them. *known: it has.
static int32_t other_klines(const struct exchange *x, const struct call *c, int64_t start_us, int64_t end_us,
                            int32_t limit, struct kline_record *rows, bool *known) {
    bool wanted =
        c->endpoint == EP_MARK_KLINES || c->endpoint == EP_INDEX_KLINES || c->endpoint == EP_PREMIUM_KLINES;
    if (!wanted || !x->hooks.other_klines) return -1;
    int32_t count = x->hooks.other_klines(x->hooks.ctx, c->endpoint, c->symbol, c->interval, start_us, end_us,
                                          limit, x->now_us, rows);
    ASSERT(count <= limit);
    *known = count != -2;
    return count;
}

// The market of a call that needs a price; NULL and the refusal before there is one.
static struct market *priced(struct exchange *x, const struct call *c, struct reply *r) {
    struct market *m = market_of(x, c, r);
    if (!m || m->listing != LISTED_LATER) return m;
    ASSERT(m->last_e8 == 0);
    reply_fail(r, -1121, NULL);
    return NULL;
}

static void klines(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    if (!market_of(x, c, r)) return;
    if (!call_given(c, P_INTERVAL)) {
        reply_fail(r, -1102, "interval");
        return;
    }
    if (c->contract_type != CONTRACT_PERPETUAL) {
        reply_fail(r, -1121, NULL);   // a contract that is not traded here
        return;
    }
    int32_t limit = query_range_limit(c, KLINES_DEFAULT);
    int64_t end = query_range_end_us(c);
    int64_t start = !call_given(c, P_START_TIME) ? 0 : c->start_us > 0 ? c->start_us : 1;
    struct kline_record *rows = scratch_rows(x, limit, sizeof *rows);
    int32_t count = -1;
    struct market *m = &x->markets[c->symbol];
    struct bars *marks = mark_bars(m, c->endpoint);
    bool others = false;
    if (marks) {
        bars_fill(marks, x->now_us);
        count = bars_klines(marks, c->interval, start, end, limit, rows);
    } else if (m->tape) {
        tape_fill(m->tape, x->now_us);
        count = tape_klines(m->tape, c->interval, start, end, limit, rows);
    } else {
        count = other_klines(x, c, start, end, limit, rows, &others);
    }
    if (!marks && !m->tape && !others && x->hooks.klines) {
        count = x->hooks.klines(x->hooks.ctx, c->symbol, c->interval, start, end, limit, x->now_us, rows);
    }
    if (c->endpoint == EP_PREMIUM_KLINES && !marks && !others && count >= 0) no_premium(rows, count);
    if (count < 0)
        reply_fail(r, -1120, NULL);
    else
        reply_rows(r, endpoint_info(c->endpoint)->record, true, count, rows);
}

static void day_statistics(struct exchange *x, const struct market *m, struct ticker_record *t) {
    ASSERT(m->index >= 0 && m->index < x->symbol_count);
    struct kline_record rows[DAY_HOURS];
    int32_t count = 0;
    if (x->hooks.klines) {
        count =
            x->hooks.klines(x->hooks.ctx, m->index, INTERVAL_1H, 0, INT64_MAX, DAY_HOURS, x->now_us, rows);
    }
    t->open_e8 = t->high_e8 = t->low_e8 = m->last_e8;
    t->close_us = x->now_us;
    for (int32_t i = 0; i < count; i++) {
        if (i == 0) {
            t->open_e8 = rows[i].open_e8;
            t->open_us = rows[i].open_us;
        }
        if (rows[i].high_e8 > t->high_e8) t->high_e8 = rows[i].high_e8;
        if (rows[i].low_e8 < t->low_e8) t->low_e8 = rows[i].low_e8;
        wide_add(&t->volume_e8, &t->volume_high, rows[i].volume_e8, rows[i].volume_high);
        wide_add(&t->quote_volume_e8, &t->quote_volume_high, rows[i].quote_volume_e8,
                 rows[i].quote_volume_high);
        t->count += rows[i].trades;
    }
    t->change_e8 = t->last_e8 - t->open_e8;
    if (t->open_e8 != 0)
        t->change_percent_e8 = dec_mul_div_round(t->change_e8, INT64_C(100) * DEC_ONE, t->open_e8);
    bool traded = t->volume_e8 != 0 || t->volume_high != 0;
    t->weighted_avg_e8 =
        traded ? wide_ratio_e8(t->quote_volume_e8, t->quote_volume_high, t->volume_e8, t->volume_high)
               : t->last_e8;
}

static void book_ticker_fill(struct exchange *x, const struct market *m, int32_t kind,
                             struct ticker_record *t) {
    ASSERT(m->index >= 0 && m->index < x->symbol_count);
    const struct level_record *bid = book_level(m->book, SIDE_BUY, 0),
                              *ask = book_level(m->book, SIDE_SELL, 0);
    if (bid) t->bid_e8 = bid->price_e8, t->bid_qty_e8 = bid->qty_e8;
    if (ask) t->ask_e8 = ask->price_e8, t->ask_qty_e8 = ask->qty_e8;
    t->update_id = m->book->update_id;
    if (kind != RECORD_TICKER_24H) return;
    tape_fill(m->tape, x->now_us);
    tape_day(m->tape, x->now_us, t);
}

static void ticker_fill(struct exchange *x, const struct market *m, int32_t kind, struct ticker_record *t) {
    *t = (struct ticker_record){ .symbol = m->index, .last_e8 = m->last_e8, .time_us = x->now_us };
    if (m->book) {
        book_ticker_fill(x, m, kind, t);
        return;
    }
    if (m->last_e8 != 0) {
        t->bid_e8 = m->last_e8 - m->s->tick_e8;
        t->ask_e8 = m->last_e8 + m->s->tick_e8;
        t->bid_qty_e8 = t->ask_qty_e8 = LEVEL_QTY_E8;
    }
    if (kind == RECORD_TICKER_24H) day_statistics(x, m, t);
}

static void mark_fill(const struct exchange *x, const struct market *m, struct mark_record *t) {
    ASSERT(m->index >= 0 && m->index < x->symbol_count);
    const struct mark *own = m->mark;
    if (own) {
        *t = (struct mark_record){ .mark_e8 = own->mark_e8,
                                   .index_e8 = own->index_e8,
                                   .settle_e8 = own->index_e8,
                                   .funding_rate_e8 = own->rate_e8,
                                   .interest_rate_e8 = own->interest_e8,
                                   .next_funding_us = own->next_us,
                                   .time_us = x->now_us,
                                   .symbol = m->index };
        return;
    }
    int64_t next = m->funding_done < m->funding_count ? m->funding[m->funding_done].time_us : 0;
    int64_t rate =
        m->funding_done > 0 ? m->funding[m->funding_done - 1].rate_e8 : 0;   // never one still to come
    *t = (struct mark_record){ .mark_e8 = market_mark_e8(m),
                               .index_e8 = market_mark_e8(m),
                               .settle_e8 = market_mark_e8(m),
                               .funding_rate_e8 = rate,
                               .next_funding_us = next,
                               .time_us = x->now_us,
                               .symbol = m->index };
}

void exchange_ticker(struct exchange *x, int16_t symbol, struct ticker_record *out) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    ticker_fill(x, &x->markets[symbol], RECORD_TICKER_24H, out);
}

void exchange_mark(const struct exchange *x, int16_t symbol, struct mark_record *out) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    mark_fill(x, &x->markets[symbol], out);
}

// Calls that give one object with a symbol and a list of all without.
static void per_symbol(struct exchange *x, const struct call *c, struct reply *r, int32_t kind) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    bool one = call_given(c, P_SYMBOL);
    if (one && !priced(x, c, r)) return;
    int32_t first = one ? c->symbol : 0, last = one ? c->symbol : x->symbol_count - 1, count = 0;
    bool mark = kind == RECORD_MARK;
    size_t size = mark ? sizeof(struct mark_record) : sizeof(struct ticker_record);
    char *rows = scratch_rows(x, last - first + 1, size);
    for (int32_t i = first; i <= last; i++) {
        if (x->markets[i].listing == LISTED_LATER) continue;
        void *row = rows + (size_t)count++ * size;
        if (mark)
            mark_fill(x, &x->markets[i], row);
        else
            ticker_fill(x, &x->markets[i], kind, row);
    }
    reply_rows(r, kind, !one, count, rows);
}

static void book_depth(struct exchange *x, const struct market *m, const struct call *c, struct reply *r) {
    ASSERT(m->book != NULL);
    ASSERT(r->code == 0);
    static const int32_t allowed[] = { 5, 10, 20, 50, 100, 500, 1000 };
    int32_t limit = call_given(c, P_LIMIT) ? c->limit : BOOK_DEPTH_DEFAULT;
    bool good = false;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) good = good || limit == allowed[i];
    if (limit > BOOK_DEPTH_MAX) {
        reply_fail(r, -1130, "limit");
        return;
    }
    if (!good) {
        char text[48];   // as seen on the wire, not as the list of codes has it
        snprintf(text, sizeof text, "%d is not valid depth limit", limit);
        reply_fail_text(r, -4021, text);
        return;
    }
    struct {
        struct depth_record record;
        struct level_record side[SIDE_COUNT][BOOK_DEPTH_MAX];
    } * all;
    all = scratch_rows(x, 1, sizeof *all);
    int32_t counts[SIDE_COUNT];
    for (int k = 0; k < SIDE_COUNT; k++) {
        const struct level_record *level;
        counts[k] = 0;
        while (counts[k] < limit && (level = book_level(m->book, k, counts[k])) != NULL)
            all->side[k][counts[k]++] = *level;
    }
    all->record = (struct depth_record){ .last_update_id = m->book->update_id,
                                         .event_us = x->now_us,
                                         .symbol = m->index,
                                         .transaction_us = x->now_us,
                                         .bid_count = counts[SIDE_BUY],
                                         .ask_count = counts[SIDE_SELL],
                                         .bids = all->side[SIDE_BUY],
                                         .asks = all->side[SIDE_SELL] };
    reply_rows(r, RECORD_DEPTH, false, 1, &all->record);
}

static void depth(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    const struct market *m = priced(x, c, r);
    if (!m) return;
    if (m->book) {
        book_depth(x, m, c, r);
        return;
    }
    int32_t limit = call_given(c, P_LIMIT) ? c->limit : DEPTH_MAX;
    if (limit > DEPTH_MAX) limit = DEPTH_MAX;
    if (limit < 1) {
        reply_fail(r, -1130, "limit");
        return;
    }
    struct {
        struct depth_record record;
        struct level_record bids[DEPTH_MAX], asks[DEPTH_MAX];
    } * all;
    all = scratch_rows(x, 1, sizeof *all);
    int32_t bids = 0, asks = m->last_e8 != 0 ? limit : 0;
    for (int32_t i = 0; i < asks; i++) {
        int64_t step = m->s->tick_e8 * (i + 1);
        all->asks[i] = (struct level_record){ m->last_e8 + step, LEVEL_QTY_E8 };
        if (m->last_e8 > step) all->bids[bids++] = (struct level_record){ m->last_e8 - step, LEVEL_QTY_E8 };
    }
    all->record = (struct depth_record){ .last_update_id = x->now_us,
                                         .event_us = x->now_us,
                                         .symbol = m->index,
                                         .transaction_us = x->now_us,
                                         .bid_count = bids,
                                         .ask_count = asks,
                                         .bids = all->bids,
                                         .asks = all->asks };
    reply_rows(r, RECORD_DEPTH, false, 1, &all->record);
}

static int by_time(const void *a, const void *b) {
    const struct funding_record *p = a, *q = b;
    return p->time_us != q->time_us ? (p->time_us > q->time_us) - (p->time_us < q->time_us)
                                    : p->symbol - q->symbol;
}

// In the order of time. Without a start the latest rows, with one the oldest that match (section 4.1).
static void funding_rates(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    if (call_given(c, P_SYMBOL) && !market_of(x, c, r)) return;
    int32_t limit = query_range_limit(c, FUNDING_DEFAULT), count = 0;
    int64_t end = query_range_end_us(c), total = 0;
    for (int32_t k = 0; k < x->symbol_count; k++) total += x->markets[k].funding_done;
    struct funding_record *rows = scratch_rows(x, total, sizeof *rows);
    for (int32_t k = 0; k < x->symbol_count; k++) {
        const struct market *m = &x->markets[k];
        if (call_given(c, P_SYMBOL) && k != c->symbol) continue;
        for (int64_t i = 0; i < m->funding_done; i++) {
            const struct funding *f = &m->funding[i];
            if (f->time_us < c->start_us || f->time_us > end) continue;
            rows[count++] = (struct funding_record){
                .time_us = f->time_us, .rate_e8 = f->rate_e8, .mark_e8 = f->mark_e8, .symbol = (int16_t)k
            };
        }
    }
    if (!call_given(c, P_SYMBOL)) qsort(rows, (size_t)count, sizeof *rows, by_time);
    bool onward = call_given(c, P_START_TIME);
    int32_t left_out = count > limit ? count - limit : 0;
    reply_rows(r, RECORD_FUNDING, true, count - left_out, onward ? rows : rows + left_out);
}

// Rows of a ring of `size`, numbered from 0 to total - 1: those a call wants, oldest first. From an id or a
// time on the first ones, else the newest.
static void book_trades(struct exchange *x, const struct market *m, const struct call *c, struct reply *r) {
    ASSERT(m->book != NULL);
    ASSERT(r->code == 0);
    const struct tape *t = m->tape;
    int32_t limit = query_range_limit(c, c->endpoint == EP_HISTORICAL_TRADES ? HISTORICAL_DEFAULT
                                                                             : TRADES_DEFAULT),
            count = 0;
    bool sums = c->endpoint == EP_AGG_TRADES;
    int64_t total = sums ? t->aggregate_count : t->trade_count, size = sums ? TAPE_AGGREGATES : TAPE_TRADES;
    int64_t first = total > size ? total - size : 0;
    bool onward = call_given(c, P_FROM_ID) || call_given(c, P_START_TIME);
    int64_t end_us = query_range_end_us(c);
    while (call_given(c, P_END_TIME) && total > first &&
           (sums ? t->aggregates[(total - 1) % TAPE_AGGREGATES].time_us
                 : t->trades[(total - 1) % TAPE_TRADES].time_us) > end_us)
        total--;
    if (!onward && total - first > limit) first = total - limit;
    struct trade_record *plain = sums ? NULL : scratch_rows(x, limit, sizeof *plain);
    struct agg_trade_record *sum = sums ? scratch_rows(x, limit, sizeof *sum) : NULL;
    for (int64_t i = first; i < total && count < limit; i++) {
        const struct trade_record *p = &t->trades[i % TAPE_TRADES];
        const struct agg_trade_record *a = &t->aggregates[i % TAPE_AGGREGATES];
        int64_t id = sums ? a->id : p->id, time_us = sums ? a->time_us : p->time_us;
        if (id < c->from_id || time_us < c->start_us || time_us > end_us) continue;
        if (sums)
            sum[count++] = *a;
        else
            plain[count++] = *p;
    }
    reply_rows(r, sums ? RECORD_AGG_TRADE : RECORD_RECENT_TRADE, true, count,
               sums ? (void *)sum : (void *)plain);
}

// Of a market of bars the last price, as the one trade anybody can know of.
static void trades(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    const struct market *m = priced(x, c, r);
    if (!m) return;
    if (m->book) {
        book_trades(x, m, c, r);
        return;
    }
    int32_t count = m->last_e8 != 0;
    if (c->endpoint == EP_AGG_TRADES) {
        struct agg_trade_record *row = scratch_rows(x, 1, sizeof *row);
        *row = (struct agg_trade_record){ .id = 1,
                                          .price_e8 = m->last_e8,
                                          .qty_e8 = m->s->qty_min_e8,
                                          .first_id = 1,
                                          .last_id = 1,
                                          .time_us = x->now_us,
                                          .symbol = m->index };
        reply_rows(r, RECORD_AGG_TRADE, true, count, row);
        return;
    }
    struct trade_record *row = scratch_rows(x, 1, sizeof *row);
    *row = (struct trade_record){ .id = 1,
                                  .price_e8 = m->last_e8,
                                  .qty_e8 = m->s->qty_min_e8,
                                  .quote_qty_e8 = dec_mul_round(m->last_e8, m->s->qty_min_e8),
                                  .time_us = x->now_us,
                                  .symbol = m->index };
    reply_rows(r, RECORD_RECENT_TRADE, true, count, row);
}

static void funding_info(struct exchange *x, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    struct funding_info_record *rows = scratch_rows(x, x->symbol_count, sizeof *rows);
    for (int32_t i = 0; i < x->symbol_count; i++) {
        rows[i] = (struct funding_info_record){ DEC_ONE / 50, -DEC_ONE / 50, x->start_us,
                                                x->symbols[i].funding_interval_h, (int16_t)i };
    }
    reply_rows(r, RECORD_FUNDING_INFO, true, x->symbol_count, rows);
}

// What others hold is not simulated: a constant notional at the last price stands for it, with the account's
// own.
static void open_interest(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    const struct market *m = priced(x, c, r);
    if (!m) return;
    struct value_record *row = scratch_rows(x, 1, sizeof *row);
    *row = (struct value_record){ .time_us = x->now_us, .symbol = m->index };
    if (m->last_e8 > 0)
        row->number = dec_floor_to(dec_div_trunc(INT64_C(500000000) * DEC_ONE, m->last_e8), m->s->step_e8);
    for (int k = 0; k < POSITION_SIDE_COUNT; k++) {
        int64_t amount = m->positions[k].amount_e8;
        row->number += amount < 0 ? -amount : amount;
    }
    reply_rows(r, RECORD_OPEN_INTEREST, false, 1, row);
}

// Nobody else is deleveraged here: the risk is low everywhere.
static void adl_risk(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    bool one = call_given(c, P_SYMBOL);
    if (one && !market_of(x, c, r)) return;
    int32_t first = one ? c->symbol : 0, count = one ? 1 : x->symbol_count;
    struct adl_record *rows = scratch_rows(x, count, sizeof *rows);
    for (int32_t i = 0; i < count; i++)
        rows[i] = (struct adl_record){ .update_us = x->now_us, .symbol = (int16_t)(first + i) };
    reply_rows(r, RECORD_ADL_RISK, !one, count, rows);
}

static void server_time(struct exchange *x, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    struct value_record *row = scratch_rows(x, 1, sizeof *row);
    *row = (struct value_record){ .time_us = x->now_us, .symbol = SYMBOL_NONE };
    reply_rows(r, RECORD_SERVER_TIME, false, 1, row);
}

bool calls_market(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(c->endpoint < EP_COUNT);
    switch (c->endpoint) {
    case EP_PING: reply_rows(r, RECORD_EMPTY, false, 0, NULL); return true;
    case EP_TIME: server_time(x, r); return true;
    case EP_EXCHANGE_INFO:
        reply_rows(r, RECORD_EXCHANGE_INFO, false, x->symbol_count, x->symbols);
        return true;
    case EP_DEPTH: depth(x, c, r); return true;
    case EP_TRADES:
    case EP_HISTORICAL_TRADES:
    case EP_AGG_TRADES: trades(x, c, r); return true;
    case EP_KLINES:
    case EP_CONTINUOUS_KLINES:
    case EP_INDEX_KLINES:
    case EP_MARK_KLINES:
    case EP_PREMIUM_KLINES: klines(x, c, r); return true;
    case EP_FUNDING_INFO: funding_info(x, r); return true;
    case EP_ADL_RISK: adl_risk(x, c, r); return true;
    case EP_OPEN_INTEREST: open_interest(x, c, r); return true;
    case EP_PREMIUM_INDEX: per_symbol(x, c, r, RECORD_MARK); return true;
    case EP_FUNDING_RATE: funding_rates(x, c, r); return true;
    case EP_TICKER_24H: per_symbol(x, c, r, RECORD_TICKER_24H); return true;
    case EP_TICKER_PRICE: per_symbol(x, c, r, RECORD_TICKER_PRICE); return true;
    case EP_BOOK_TICKER: per_symbol(x, c, r, RECORD_BOOK_TICKER); return true;
    default: return false;
    }
}
