// reconnect.c: how long to wait before a connection is opened again.
#include "execution/reconnect.h"

#include "base/assert.h"

#include <stdbool.h>

#define FIRST_US INT64_C(200000)
#define OPENED_LONGEST_US INT64_C(5000000)   // the server is there
#define LONGEST_US INT64_C(30000000)

void reconnect_opened(struct reconnect *r, int64_t now_us) {
    ASSERT(r->pause_us >= 0);
    r->opened_us = now_us;
}

int64_t reconnect_closed(struct reconnect *r, int64_t now_us) {
    ASSERT(r->pause_us >= 0);
    bool opened = r->opened_us != 0, lasted = opened && now_us - r->opened_us >= REOPEN_LASTED_US;
    int64_t longest_us = opened ? OPENED_LONGEST_US : LONGEST_US;
    if (lasted) r->pause_us = 0;
    int64_t wait_us = !opened && r->pause_us == 0 ? FIRST_US
                      : r->pause_us < longest_us  ? r->pause_us
                                                  : longest_us;
    r->pause_us = wait_us == 0 ? FIRST_US : wait_us * 2;
    r->opened_us = 0;
    ASSERT(wait_us >= 0 && wait_us <= LONGEST_US);
    return wait_us;
}
