// slow_down.c: how long to be silent.
#include "execution/slow_down.h"

#include "base/assert.h"
#include "base/num.h"
#include "base/units.h"
#include "venue/binance/error_code.h"

#define LONGEST_US (3 * DAY_US)
enum { DOUBLINGS_MAX = 11, BANNED = 418, CODE_TOO_MANY_ORDERS = -1015, LONGEST_S = 3 * 86400 };

static int64_t told_us(const struct slow_down_answer *a) {
    int64_t header_us = num_max(num_min(a->retry_after_s, LONGEST_S), 0) * SECOND_US;
    int64_t end_us = error_code_ban_end_ms(a->text) * 1000, text_us = 0;
    if (end_us > a->exchange_us) text_us = num_min(end_us - a->exchange_us, LONGEST_US);
    return num_max(header_us, text_us);
}

int64_t slow_down_pause_us(struct slow_down *s, const struct slow_down_answer *a, int64_t now_us) {
    ASSERT(a->text != NULL);
    ASSERT(s->in_a_row >= 0 && s->in_a_row <= DOUBLINGS_MAX);
    int64_t pause_us = told_us(a);
    if (pause_us > 0) return pause_us;
    if (a->code == CODE_TOO_MANY_ORDERS && a->status != BANNED) return 0;
    if (now_us < s->until_us) return s->until_us - now_us;   // it was on its way already when the pause began
    pause_us = (a->status == BANNED ? 2 * MINUTE_US : MINUTE_US) << s->in_a_row;
    pause_us = num_min(pause_us, LONGEST_US);
    if (s->in_a_row < DOUBLINGS_MAX) s->in_a_row++;
    s->until_us = now_us + pause_us;
    ASSERT(pause_us > 0);
    return pause_us;
}

void slow_down_over(struct slow_down *s, int64_t now_us) {
    ASSERT(s->in_a_row >= 0);
    if (now_us >= s->until_us) s->in_a_row = 0;
    ASSERT(s->in_a_row <= DOUBLINGS_MAX);
}
