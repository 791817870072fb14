// rules.c: exchangeInfo, read again and again.
#include "world/live/rules.h"

#include "base/alloc.h"
#include "base/dec.h"
#include "base/units.h"
#include "venue/binance/symbol_reply.h"
#include "venue/binance/symbol_rules.h"
#include "world/live/log_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_US HOUR_US
#define SOON_US (MINUTE_US)   // a filter that refuses order after order is not asked about each time

struct live_rules {
    int64_t due_us, asked_us;
    bool asking;
    struct json json;
};

static void answered(void *ctx, struct api_call *call, int64_t number) {
    (void)number;
    struct live *l = ctx;
    if (l->ended) return;
    struct live_rules *r = l->rules;
    r->asking = false;
    r->due_us = live_now(l) + (call->settle == SETTLE_DONE ? EVERY_US : SOON_US);
}

void live_rules_pump(struct live *l, int64_t now_us) {
    struct live_rules *r = l->rules;
    if (!l->started || l->o.requests_only || l->simulation) return;
    if (r->due_us == 0) r->due_us = now_us + EVERY_US;   // read right before the run began
    if (r->asking || now_us < r->due_us) return;
    r->asking = true;
    r->asked_us = now_us;
    internal_call_submit(l, internal_call_take(l, EP_EXCHANGE_INFO, PRIORITY_NORMAL), answered, 0);
}

int64_t live_rules_next_us(const struct live *l) {
    const struct live_rules *r = l->rules;
    return r->asking || r->due_us == 0 ? INT64_MAX : r->due_us;
}

static void tell_change(struct live *l, const struct symbol *was, const struct symbol *is) {
    char a[4][DEC_TEXT_MAX], b[4][DEC_TEXT_MAX];
    const int64_t before[] = { was->tick_e8, was->step_e8, was->qty_min_e8, was->notional_min_e8 },
                  after[] = { is->tick_e8, is->step_e8, is->qty_min_e8, is->notional_min_e8 };
    for (int i = 0; i < 4; i++) {
        dec_print_short(a[i], before[i]);
        dec_print_short(b[i], after[i]);
    }
    live_log_warn(
        l,
        "%s: the exchange has changed its rules: tick %s (was %s), step %s (%s), least quantity %s (%s), "
        "least notional %s (%s)",
        is->name, b[0], a[0], b[1], a[1], b[2], a[2], b[3], a[3]);
}

// The status and the filters; what else is known of the symbol stays.
static void take(struct live *l, struct symbol *known, const struct symbol *told) {
    struct symbol was = *known, is = *known;
    struct errmsg e;
    symbol_reply_merge(&is, told);
    if (symbol_rules_check(&is, &e) == ERR_OK)
        *known = is;
    else   // an order by such rules would be of a size nobody meant
        live_log_warn(l, "%s: the rules that the exchange tells now are not taken over: %.200s", known->name,
                      e.text);
    memcpy(known->status, told->status, sizeof known->status);
    bool changed = symbol_trades(&was) != symbol_trades(known);
    if (changed || (!symbol_trades(known) && strcmp(was.status, known->status) != 0)) {
        if (symbol_trades(known))
            live_log_warn(l, "%s trades again", known->name);
        else
            live_log_warn(l, "%s does not trade any more: its status is %s; new orders are refused",
                          known->name, known->status);
    }
    memcpy(was.status, known->status, sizeof was.status);
    if (memcmp(&was, known, sizeof was) != 0) tell_change(l, &was, known);
}

void live_rules_read(struct live *l, const char *body, size_t size) {
    struct live_rules *r = l->rules;
    struct json *j = &r->json;
    if (json_parse(j, body, size) != ERR_OK) return;
    int32_t list = json_get(j, 0, "symbols", NULL), found = 0;
    if (json_kind(j, list) != JSON_LIST) return;
    for (int32_t row = json_first(j, list); row != JSON_NONE; row = json_next(j, list, row)) {
        char name[SYMBOL_NAME_MAX];
        struct symbol told;
        json_copy(j, json_get(j, row, "symbol", NULL), name, sizeof name);
        int32_t k = symbol_find(l->symbols, l->list.count, name);
        if (k < 0 || symbol_reply_read(j, row, &told) != ERR_OK) continue;
        found++;
        take(l, &l->symbols[k], &told);
    }
    if (found > 0 && found < l->list.count)
        live_log_warn(l, "exchangeInfo no longer lists all symbols of this run");
}

void live_rules_refused(struct live *l, int32_t code) {
    static const int32_t filters[] = { -1013, -1111, -4001, -4002, -4003, -4004, -4005, -4006, -4013,
                                       -4014, -4023, -4108, -4140, -4141, -4164, -5024, -5029 };
    struct live_rules *r = l->rules;
    bool of_filter = false;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) of_filter = of_filter || filters[i] == code;
    if (!of_filter || r->asking || l->simulation) return;
    int64_t now = live_now(l),
            soon = r->asked_us == 0 || now >= r->asked_us + SOON_US ? now : r->asked_us + SOON_US;
    if (r->due_us == 0 || soon < r->due_us) r->due_us = soon;
    live_wake(l);
}

static bool tradable(const struct live *l, const struct call *c, char why[160]) {
    if (c->symbol < 0 || symbol_trades(&l->symbols[c->symbol])) return true;
    snprintf(why, 160, "%s does not trade now: its status is %s", l->symbols[c->symbol].name,
             l->symbols[c->symbol].status);
    return false;
}

bool live_rules_allow(const struct live *l, const struct api_call *op, char why[160]) {
    int32_t e = op->call.endpoint;
    bool places = e == EP_ORDER_NEW || e == EP_ALGO_NEW || e == EP_ORDER_MODIFY;
    bool batch = e == EP_BATCH_NEW || e == EP_BATCH_MODIFY;
    if (places) return tradable(l, &op->call, why);
    for (int32_t i = 0; batch && op->call.batch && i < op->call.batch_count; i++) {
        if (!tradable(l, &op->batch[i], why)) return false;
    }
    return true;
}

int live_rules_open(struct live *l, struct errmsg *e) {
    (void)e;
    l->rules = alloc_zeroed(1, sizeof *l->rules);
    return ERR_OK;
}

void live_rules_close(struct live *l) {
    if (!l->rules) return;
    json_free(&l->rules->json);
    free(l->rules);
}
