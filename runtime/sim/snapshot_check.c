// snapshot_check.c: what a file says is believed only as far as an exchange could have come to it. The bounds
// keep every later product and sum of money within 64 bits.
#include "sim/snapshot_check.h"

#include "trade/symbol.h"

#define AMOUNT_MOST_E8 (INT64_C(1000000000000000000))            // 10^10, of a quantity, a price or a result
#define MONEY_MOST_E8 (INT64_C(4000000000000000000))             // of a wallet and of sums over its life
#define NOTIONAL_MOST_E16 ((wide_e16)AMOUNT_MOST_E8 * DEC_ONE)   // of all positions, of all open orders
#define TIME_MOST_US (INT64_C(100000000000000000))               // beyond the year 5000

static int64_t magnitude(int64_t v) { return v < 0 ? -v : v; }

static bool amount(int64_t v) { return v >= -AMOUNT_MOST_E8 && v <= AMOUNT_MOST_E8; }
static bool positive(int64_t v) { return v >= 0 && v <= AMOUNT_MOST_E8; }
static bool money(int64_t v) { return v >= -MONEY_MOST_E8 && v <= MONEY_MOST_E8; }
static bool moment(int64_t us) { return us >= 0 && us <= TIME_MOST_US; }
static bool count(int64_t v) { return v >= 0 && v < INT64_MAX / 2; }

static int bad(struct errmsg *e, const char *what, int64_t number) {
    return errmsg_set(e, ERR_FORMAT, "damaged: %s %lld does not agree with the rest", what,
                      (long long)number + 1);
}

// What it began with must be money, too.
static bool totals_good(const struct snapshot *s) {
    const struct exchange_totals *t = &s->account.totals;
    bool counts = count(t->orders) && count(t->liquidations) && count(t->rejected) && count(t->canceled) &&
                  count(t->expired) && count(t->rate_limited) && t->notional_e8 >= 0;
    bool sums = amount(t->maker_fees_e8) && amount(t->taker_fees_e8) && money(t->fees_e8) &&
                money(t->funding_e8) && money(t->realized_e8) && money(t->insurance_e8) &&
                money(s->account.wallet_e8);
    if (!counts || !sums || t->fees_e8 != t->maker_fees_e8 + t->taker_fees_e8) return false;
    wide_e16 first =
        (wide_e16)s->account.wallet_e8 - t->realized_e8 + t->fees_e8 - t->funding_e8 - t->insurance_e8;
    if (first < -MONEY_MOST_E8 || first > MONEY_MOST_E8) return false;
    return t->fills == s->fill_count && t->maker_fills >= 0 && t->maker_fills <= t->fills &&
           t->inside_fills >= 0 && t->inside_fills <= t->fills && money(t->inside_realized_e8);
}

static int check_account(const struct snapshot *s, struct errmsg *e) {
    const struct snapshot_account *a = &s->account;
    int64_t isolated = 0;
    for (int32_t i = 0; i < s->market_count; i++) {
        for (int k = 0; k < POSITION_SIDE_COUNT; k++) {
            int64_t part = s->markets[i].positions[k].isolated_e8;
            if (!positive(part) || !positive(isolated + part)) return bad(e, "market", i);
            isolated += part;
        }
    }
    bool good = a->isolated_e8 == isolated && a->order_id_first > 0 && a->order_id_first < INT64_MAX / 2 &&
                totals_good(s);
    if (good) return ERR_OK;
    return errmsg_set(e, ERR_FORMAT, "damaged: the sums of the account do not agree");
}

// ---- markets ----

// The entry price that the cost stands for must be one; of a product of 128 bits first its size is looked at.
static bool position_good(const struct snapshot *s, const struct position *p, int32_t side) {
    if (!amount(p->amount_e8) || !amount(p->realized_e8) || !amount(p->costs_e8) || !moment(p->update_us))
        return false;
    if (p->cost_e16 > NOTIONAL_MOST_E16 || p->cost_e16 < -NOTIONAL_MOST_E16) return false;
    if (p->amount_e8 == 0) return p->cost_e16 == 0 && p->isolated_e8 == 0;
    if ((side == POSITION_BOTH) == s->account.dual_side) return false;
    if (side != POSITION_BOTH && (side == POSITION_LONG) != (p->amount_e8 > 0)) return false;
    wide_e16 entry = p->cost_e16 / p->amount_e8;
    return entry >= 0 && entry <= AMOUNT_MOST_E8;
}

// The last price of a contract, 0: none yet. One beyond its own bounds was never a price of it.
static bool price_good(const struct symbol *rules, int64_t e8) {
    return positive(e8) && (e8 == 0 || e8 >= rules->tick_e8) &&
           (rules->price_max_e8 == 0 || e8 <= rules->price_max_e8);
}

static int check_markets(struct snapshot *s, const struct symbol *symbols, int32_t symbol_count,
                         struct errmsg *e) {
    wide_e16 notional = 0;
    if (s->market_count == 0) return errmsg_set(e, ERR_FORMAT, "damaged: it has no market");
    for (int32_t i = 0; i < s->market_count; i++) {
        const struct snapshot_market *m = &s->markets[i];
        s->index[i] = (int16_t)symbol_find(symbols, symbol_count, m->name);
        if (s->index[i] < 0)
            return errmsg_set(e, ERR_FORMAT, "it knows %s, which this exchange does not trade", m->name);
        for (int32_t k = 0; k < i; k++) {
            if (s->index[k] == s->index[i]) return bad(e, "market", i);
        }
        bool good = price_good(&symbols[s->index[i]], m->last_e8) && m->leverage >= 1 && count(m->trade_id) &&
                    count(m->notional_max_e8);
        for (int32_t side = 0; good && side < POSITION_SIDE_COUNT; side++) {
            const struct position *p = &m->positions[side];
            good = position_good(s, p, side);
            if (good) notional += (wide_e16)magnitude(p->amount_e8) * m->last_e8;
            good = good && notional <= NOTIONAL_MOST_E16;
        }
        if (!good) return bad(e, "market", i);
    }
    return ERR_OK;
}

// ---- orders ----

static bool symbol_good(const struct snapshot *s, int16_t symbol) {
    return symbol >= 0 && symbol < s->market_count;
}

static bool is_open(uint8_t status) { return status == STATUS_NEW || status == STATUS_PARTIALLY_FILLED; }

// An order that stands in a book.
static bool resting_good(const struct snapshot *s, const struct snapshot_order *o) {
    const struct order_record *r = &o->r;
    if (o->hidden || !is_open(r->status) || r->type != ORDER_LIMIT || r->price_e8 <= 0) return false;
    if (!r->client_id[0] || r->executed_qty_e8 >= r->orig_qty_e8) return false;
    return (r->position_side == POSITION_BOTH) != s->account.dual_side;
}

static bool order_good(const struct snapshot *s, int64_t i) {
    const struct snapshot_order *o = &s->orders[i];
    const struct order_record *r = &o->r;
    if (r->order_id != s->account.order_id_first + i || !symbol_good(s, r->symbol)) return false;
    bool amounts = positive(r->price_e8) && positive(r->avg_price_e8) && positive(r->orig_qty_e8) &&
                   positive(r->executed_qty_e8) && positive(r->cum_quote_e8) && positive(r->stop_price_e8) &&
                   amount(r->activate_price_e8) && amount(r->callback_rate_e8);
    bool times = moment(r->good_till_us) && moment(r->time_us) && moment(r->update_us);
    if (!amounts || !times || r->executed_qty_e8 > r->orig_qty_e8) return false;
    if (r->status == STATUS_FILLED && r->executed_qty_e8 != r->orig_qty_e8) return false;
    if (o->algo >= s->algo_count || (o->algo >= 0 && s->algos[o->algo].open)) return false;
    if (o->place == PLACE_WAITING) return false;   // no bar opens in a market with a book
    return o->place == PLACE_RESTING ? resting_good(s, o) : !is_open(r->status);
}

static bool algo_good(const struct snapshot *s, int64_t i) {
    const struct snapshot_algo *a = &s->algos[i];
    const struct algo_record *r = &a->r;
    if (r->algo_id != ALGO_ID_FIRST + i || !symbol_good(s, r->symbol)) return false;
    bool amounts = positive(r->quantity_e8) && positive(r->trigger_price_e8) && positive(r->price_e8) &&
                   positive(r->activate_price_e8) && positive(r->callback_rate_e8) &&
                   positive(r->actual_price_e8) && positive(a->extreme_e8);
    bool times =
        moment(r->create_us) && moment(r->update_us) && moment(r->trigger_us) && moment(r->good_till_us);
    bool conditional = r->type >= ORDER_STOP && r->type <= ORDER_TRAILING_STOP_MARKET;
    bool made = r->actual_order_id == 0 || (r->actual_order_id >= s->account.order_id_first &&
                                            r->actual_order_id - s->account.order_id_first < s->order_count);
    if (!amounts || !times || !conditional || !made || !r->client_id[0]) return false;
    if (a->open != (r->algo_status == ALGO_NEW)) return false;
    return !a->open || (r->position_side == POSITION_BOTH) != s->account.dual_side;
}

// What an open conditional order may be worth once it triggers.
static wide_e16 algo_worth_e16(const struct snapshot *s, const struct algo_record *r) {
    int64_t price = s->markets[r->symbol].last_e8;
    if (r->price_e8 > price) price = r->price_e8;
    if (r->trigger_price_e8 > price) price = r->trigger_price_e8;
    return (wide_e16)r->quantity_e8 * price;
}

// Two orders of one account that meet would have ended each other; otherwise the best prices of both sides.
static bool meets_own(const struct order_record *r, int64_t *bids, int64_t *asks) {
    int64_t *bid = &bids[r->symbol], *ask = &asks[r->symbol];
    if (r->side == SIDE_BUY && r->price_e8 > *bid) *bid = r->price_e8;
    if (r->side == SIDE_SELL && (*ask == 0 || r->price_e8 < *ask)) *ask = r->price_e8;
    return *bid != 0 && *ask != 0 && *bid >= *ask;
}

static int check_orders(const struct snapshot *s, struct errmsg *e) {
    int64_t bids[SYMBOLS_MAX] = { 0 }, asks[SYMBOLS_MAX] = { 0 };
    wide_e16 holds = 0;
    int32_t open = 0;
    for (int64_t i = 0; i < s->order_count; i++) {
        const struct order_record *r = &s->orders[i].r;
        if (!order_good(s, i)) return bad(e, "order", i);
        if (s->orders[i].place != PLACE_RESTING) continue;
        holds += (wide_e16)(r->orig_qty_e8 - r->executed_qty_e8) * r->price_e8;
        if (holds > NOTIONAL_MOST_E16 || meets_own(r, bids, asks)) return bad(e, "order", i);
    }
    for (int64_t i = 0; i < s->algo_count; i++) {
        const struct snapshot_algo *a = &s->algos[i];
        open += a->open;
        bool good = algo_good(s, i) && open <= ALGO_OPEN_MAX;
        if (!good || (a->open && algo_worth_e16(s, &a->r) > NOTIONAL_MOST_E16))
            return bad(e, "conditional order", i);
    }
    return ERR_OK;
}

// ---- bookings ----

static int check_bookings(const struct snapshot *s, struct errmsg *e) {
    for (int64_t i = 0; i < s->fill_count; i++) {
        const struct trade_record *t = &s->fills[i];
        bool good = symbol_good(s, t->symbol) && count(t->id) && count(t->order_id) &&
                    positive(t->price_e8) && positive(t->qty_e8) && positive(t->quote_qty_e8) &&
                    amount(t->realized_pnl_e8) && amount(t->commission_e8) && moment(t->time_us);
        if (!good) return bad(e, "fill", i);
    }
    for (int64_t i = 0; i < s->income_count; i++) {
        const struct income_record *r = &s->incomes[i];
        bool good = (r->symbol == SYMBOL_NONE || symbol_good(s, r->symbol)) && amount(r->income_e8) &&
                    moment(r->time_us) && count(r->id) && count(r->trade_id);
        if (!good) return bad(e, "booking", i);
    }
    return ERR_OK;
}

int snapshot_check(struct snapshot *s, const struct symbol *symbols, int32_t symbol_count, struct errmsg *e) {
    int err = check_markets(s, symbols, symbol_count, e);
    if (!err) err = check_account(s, e);
    if (!err) err = check_orders(s, e);
    return err ? err : check_bookings(s, e);
}
