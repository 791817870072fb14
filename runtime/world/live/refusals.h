// refusals.h: answers of something else than a willing exchange: what ends a start at once, and what is said when nothing
// may be sent for a while.
#ifndef MT_WORLD_LIVE_REFUSALS_H
#define MT_WORLD_LIVE_REFUSALS_H

#include "world/live/core.h"

int live_refusals_open(struct live *l, struct errmsg *e);
void live_refusals_close(struct live *l);

// An answer that is not 200, to a request of the runtime's own or of the script's; `code` 0 and the text of
// foreign_page_describe when it is not the exchange's word.
void live_refusals_answer(struct live *l, int32_t endpoint, int32_t status, int32_t code, const char *text);

// Nothing is sent for so long; told once a pause.
void live_refusals_pause(struct live *l, int32_t status, int32_t code, const char *text, int64_t pause_us);

// While the run starts: what makes going on useless (a wrong key, a firewall, a ban), in one line; NULL: nothing. And the last
// answer of all that was not 200, for who waited in vain; "": none.
const char *live_refusals_fatal(const struct live *l);
const char *live_refusals_last(const struct live *l);
void live_refusals_started(struct live *l);   // from now on nothing is fatal

#endif
