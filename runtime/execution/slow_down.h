// slow_down.h: for how long nothing is sent after an answer that asks for that: 429, 418, a firewall's page. Pure.
//
// Told     by the header Retry-After, or by the time in the text of a ban; the later of the two. Longer than the longest ban there
//          is counts as that.
// Untold   two minutes after a 418, one after anything else, and twice as long each time that the first request afterwards meets
//          the same: who goes on asking makes a ban longer.
// Source   the exchange's notes on HTTP return codes: bans grow from two minutes to three days.
#ifndef MT_EXECUTION_SLOW_DOWN_H
#define MT_EXECUTION_SLOW_DOWN_H

#include <stdint.h>

struct slow_down {
    int32_t in_a_row;   // pauses of which nobody told how long they are to be
    int64_t until_us;   // the end of the last of those
};

struct slow_down_answer {
    int32_t status, code;    // of HTTP, and of the body; 0: none
    const char *text;        // the body's; "" when there is none
    int64_t retry_after_s;   // 0: not said
    int64_t exchange_us;     // the exchange's time
};

// Microseconds from now_us; 0: the caller's own short pause will do (a window of orders, which cancels do not count in).
int64_t slow_down_pause_us(struct slow_down *s, const struct slow_down_answer *a, int64_t now_us);

// It listens again.
void slow_down_over(struct slow_down *s, int64_t now_us);

#endif
