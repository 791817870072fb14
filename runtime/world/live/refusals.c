// refusals.c: what a start may not survive, and pauses that a reader of the log should know of.
#include "world/live/refusals.h"

#include "base/alloc.h"
#include "base/units.h"
#include "venue/binance/error_code.h"
#include "world/live/log_lines.h"

#include <stdio.h>
#include <stdlib.h>

enum { BANNED = 418, FIREWALL = 403, LINE_SIZE = 480 };
#define TOLD_AGAIN_US (2 * SECOND_US)   // a pause that ends so much later than the one told is another one

struct live_refusals {
    char fatal[LINE_SIZE], last[LINE_SIZE];
    bool started;
    int64_t paused_until_us;
};

// Asked for one by one at the start: that the exchange does not know an order is an answer, too.
static bool about_one_order(int32_t endpoint) {
    return endpoint == EP_ORDER_GET || endpoint == EP_ALGO_GET || endpoint_info(endpoint)->mutating;
}

static bool is_fatal(int32_t endpoint, int32_t status, int32_t code, const char *text) {
    if (status < 300 || status >= 500 || status == 408 || status == 429) return false;
    if (status == BANNED || status == FIREWALL) return false;   // a pause follows, which may be over in time
    if (code == 0) return true;   // a proxy's or a firewall's word: asking again does not change it
    bool wrong_key = code == -1022 || code == -2014 || code == -2015 || code == -2017 || code == -1002;
    if (wrong_key) return true;
    bool key = endpoint == EP_LISTEN_KEY_NEW;
    return (key || !about_one_order(endpoint)) &&
           error_code_outcome(status, code, text, true, endpoint_info(endpoint)->mutating) == OUTCOME_REFUSED;
}

void live_refusals_answer(struct live *l, int32_t endpoint, int32_t status, int32_t code, const char *text) {
    struct live_refusals *r = l->refusals;
    if (r->started) return;
    const struct endpoint_info *info = endpoint_info(endpoint);
    char number[24] = "";
    if (code != 0) snprintf(number, sizeof number, ", %d", code);
    snprintf(r->last, sizeof r->last, "%s%s answered %d%s: %s", l->o.rest_url, info->path, status, number,
             text);
    if (!r->fatal[0] && is_fatal(endpoint, status, code, text))
        snprintf(r->fatal, sizeof r->fatal, "%s", r->last);
}

void live_refusals_pause(struct live *l, int32_t status, int32_t code, const char *text, int64_t pause_us) {
    struct live_refusals *r = l->refusals;
    int64_t until_us = live_now(l) + pause_us;
    if (pause_us < SECOND_US || until_us < r->paused_until_us + TOLD_AGAIN_US) return;
    r->paused_until_us = until_us;
    char number[24] = "";
    if (code != 0) snprintf(number, sizeof number, " %d", code);
    live_log_warn(l, "%s: status %d%s (%.150s); nothing is sent for %.0f s", l->o.rest_url, status, number,
                  text, (double)pause_us / 1e6);
}

const char *live_refusals_fatal(const struct live *l) {
    return l->refusals->fatal[0] ? l->refusals->fatal : NULL;
}

const char *live_refusals_last(const struct live *l) { return l->refusals->last; }

void live_refusals_started(struct live *l) { l->refusals->started = true; }

int live_refusals_open(struct live *l, struct errmsg *e) {
    (void)e;
    l->refusals = alloc_zeroed(1, sizeof *l->refusals);
    return ERR_OK;
}

void live_refusals_close(struct live *l) { free(l->refusals); }
