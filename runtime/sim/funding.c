// funding.c: mark prices, and the payments that fall due on them.
#include "sim/funding.h"

#include "base/alloc.h"
#include "base/array.h"
#include "base/assert.h"
#include "sim/account.h"
#include "sim/match.h"

#include <stdlib.h>

static void append(struct market *m, int64_t time_us, int64_t rate_e8, int64_t mark_e8) {
    ASSERT(mark_e8 >= 0);
    ASSERT(m->funding_count == 0 || time_us > m->funding[m->funding_count - 1].time_us);
    ARRAY_ROOM(m->funding, m->funding_size, m->funding_count + 1);
    m->funding[m->funding_count++] = (struct funding){ time_us, rate_e8, mark_e8 };
}

int exchange_funding(struct exchange *x, int16_t symbol, int64_t time_us, int64_t rate_e8, int64_t mark_e8) {
    if (symbol < 0 || symbol >= x->symbol_count || mark_e8 < 0) return ERR_INVALID;
    struct market *m = &x->markets[symbol];
    if (m->mark) return ERR_INVALID;   // its payments are its own
    if (m->funding_count > 0 && time_us <= m->funding[m->funding_count - 1].time_us) return ERR_INVALID;
    if (time_us < x->now_us) return ERR_INVALID;
    append(m, time_us, rate_e8, mark_e8);
    if (m->funding[m->funding_done].time_us < x->timer_us) x->timer_us = m->funding[m->funding_done].time_us;
    return ERR_OK;
}

static void step(struct exchange *x, struct market *m) {
    ASSERT(m->mark != NULL);
    ASSERT(m->book != NULL);
    mark_step(m->mark, m->book, m->last_e8, x->now_us);
    m->mark_e8 = m->mark->mark_e8;
    ASSERT(m->mark_e8 > 0);
}

// The past of the tape gets its index, mark price and payments; the coming payment stands in the list with
// the rate as it is now.
void exchange_make_mark(struct exchange *x, int16_t symbol, uint64_t seed) {
    struct market *m = &x->markets[symbol];
    ASSERT(m->book != NULL && m->visible == NULL && m->mark == NULL && m->funding_count == 0);
    const struct bars *past = &m->tape->bars;
    m->mark = alloc_bytes(sizeof *m->mark);
    mark_init(m->mark, m->s, symbol, seed, past->count > 0 ? past->minutes[0].open_us : x->now_us);
    for (int64_t i = 0; i < past->count; i++) {
        struct funding_record paid;
        if (mark_past(m->mark, &past->minutes[i], &paid)) append(m, paid.time_us, paid.rate_e8, paid.mark_e8);
    }
    m->funding_done = m->funding_count;
    step(x, m);
    mark_paid(m->mark, x->now_us);   // nothing before now is still to be paid
    append(m, m->mark->next_us, m->mark->rate_e8, 0);
    m->dirty = x->any_dirty = true;
}

int64_t funding_next_us(const struct market *m) {
    ASSERT(m->funding_done <= m->funding_count);
    int64_t next = m->funding_done < m->funding_count ? m->funding[m->funding_done].time_us : INT64_MAX;
    if (m->mark && m->mark->stepped_us + MARK_STEP_US < next) next = m->mark->stepped_us + MARK_STEP_US;
    return next;
}

static void pay(struct exchange *x, struct market *m) {
    ASSERT(m->funding_done < m->funding_count);
    ASSERT(m->funding[m->funding_done].time_us <= x->now_us);
    struct funding *f = &m->funding[m->funding_done++];
    if (f->mark_e8 == 0) f->mark_e8 = market_mark_e8(m);
    bool isolated = m->margin_type == MARGIN_ISOLATED;
    bool had = !market_flat(m);
    int64_t before = x->wallet_e8;
    account_funding(x, m, f);
    int32_t side = x->dual_side ? POSITION_LONG : POSITION_BOTH;
    if (x->dual_side && m->positions[POSITION_LONG].amount_e8 == 0) side = POSITION_SHORT;
    if (had) emit_account(x, m, isolated ? side : -1, ACCOUNT_FUNDING_FEE, x->wallet_e8 - before);
    if (!m->mark) return;
    mark_paid(m->mark, x->now_us);
    append(m, m->mark->next_us, m->mark->rate_e8, 0);
}

void funding_run(struct exchange *x, struct market *m) {
    ASSERT(m->funding_done <= m->funding_count);
    if (m->mark && m->mark->stepped_us + MARK_STEP_US <= x->now_us) {
        step(x, m);
        m->funding[m->funding_count - 1].rate_e8 = m->mark->rate_e8;
        m->moved = x->any_moved = true;
    }
    while (m->funding_done < m->funding_count && m->funding[m->funding_done].time_us <= x->now_us) pay(x, m);
}
