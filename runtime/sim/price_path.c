// price_path.c: the price inside an open bar.
#include "sim/price_path.h"

#include "base/assert.h"
#include "base/num.h"

enum { CLOSE_MS_US = 1000 };   // a bar ends one millisecond before the next begins

void price_path_begin(struct market *m, bool low_first) {
    const struct exchange_bar *b = &m->bar;
    int64_t length = b->close_us + CLOSE_MS_US - b->open_us;
    ASSERT(length > CLOSE_MS_US * 3);
    ASSERT(b->low_e8 <= b->open_e8 && b->open_e8 <= b->high_e8);
    ASSERT(b->low_e8 <= b->close_e8 && b->close_e8 <= b->high_e8);
    m->path_us[0] = b->open_us;
    m->path_us[1] = b->open_us + length / 3;
    m->path_us[2] = b->open_us + length * 2 / 3;
    m->path_us[3] = b->close_us;
    m->path_e8[0] = b->open_e8;
    m->path_e8[1] = low_first ? b->low_e8 : b->high_e8;
    m->path_e8[2] = low_first ? b->high_e8 : b->low_e8;
    m->path_e8[3] = b->close_e8;
    m->segment = 0;
}

static bool low_is_nearer(const struct exchange_bar *b) {
    return b->open_e8 - b->low_e8 <= b->high_e8 - b->open_e8;
}

bool price_path_low_first(const struct exchange *x, const struct market *m) {
    if (x->config.path == PATH_OHLC) return false;
    if (x->config.path == PATH_OLHC) return true;
    if (x->config.path == PATH_NEAREST) return low_is_nearer(&m->bar);
    int64_t amount = 0;
    for (int k = 0; k < POSITION_SIDE_COUNT; k++) amount += m->positions[k].amount_e8;
    if (amount != 0) return amount > 0;
    bool buys = m->open_notional_e8[SIDE_BUY] > 0, sells = m->open_notional_e8[SIDE_SELL] > 0;
    for (const struct algo *a = m->algos.first; a;
         a = a->next) {   // entries by trigger: a buy stop is filled high
        if (a->r.reduce_only || a->r.close_position) continue;
        bool above = (a->r.type == ORDER_STOP || a->r.type == ORDER_STOP_MARKET ||
                      a->r.type == ORDER_TRAILING_STOP_MARKET) == (a->r.side == SIDE_BUY);
        if (above)
            sells = true;
        else
            buys = true;
    }
    if (buys != sells) return sells;   // entries wait below: the high first, and the other way round
    return low_is_nearer(&m->bar);
}

int64_t price_path_price_e8(const struct market *m, int64_t now_us) {
    ASSERT(m->open || m->segment >= 0);
    ASSERT(m->segment >= 0 && m->segment <= 3);
    int k = m->segment;
    while (k < 2 && now_us >= m->path_us[k + 1]) k++;
    if (now_us <= m->path_us[k]) return m->path_e8[k];
    if (now_us >= m->path_us[k + 1]) return m->path_e8[k + 1];
    int64_t span = m->path_us[k + 1] - m->path_us[k];
    return m->path_e8[k] + dec_mul_div_round(m->path_e8[k + 1] - m->path_e8[k], now_us - m->path_us[k], span);
}

static int64_t trigger_time(const struct market *m, int64_t from_us, int64_t level_e8) {
    ASSERT(m->segment >= 0 && m->segment < 3);
    int64_t t0 = m->path_us[m->segment], p0 = m->path_e8[m->segment];
    int64_t span = m->path_us[m->segment + 1] - t0;
    wide_e16 distance = m->path_e8[m->segment + 1] - p0;
    if (distance == 0) return from_us;
    wide_e16 part = (wide_e16)(level_e8 - p0) * span;
    if (distance < 0) {
        distance = -distance;
        part = -part;
    }
    int64_t t = part <= 0 ? t0 : t0 + (int64_t)((part + distance - 1) / distance);   // up to the microsecond
    return num_max(t, from_us);
}

bool price_path_reach(const struct market *m, int64_t from_us, int64_t low_e8, int64_t high_e8,
                      int64_t *trigger_us, int64_t *touch_e8) {
    ASSERT(m->segment >= 0 && m->segment < 3);
    int64_t here = m->last_e8;
    if (here <= low_e8 || here >= high_e8) {   // already there: the account changed since
        *trigger_us = from_us;
        *touch_e8 = here;
        return true;
    }
    int64_t end = m->path_e8[m->segment + 1];
    int64_t level;
    if (end < here && end <= low_e8)
        level = low_e8;
    else if (end > here && end >= high_e8)
        level = high_e8;
    else
        return false;
    *trigger_us = trigger_time(m, from_us, level);
    *touch_e8 = level;
    return true;
}
