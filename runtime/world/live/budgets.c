// budgets.c: limits shared with other processes of this machine. They need one clock for all: ours begins where theirs
// does.
#include "world/live/budgets.h"

#include "base/alloc.h"
#include "process/shared_budget.h"
#include "world/live/log_lines.h"

#include <stdio.h>
#include <stdlib.h>

struct live_budgets {
    struct shared_budget *of[BUDGET_SCOPE_COUNT];
    bool told[BUDGET_SCOPE_COUNT];
    char problem[160];
};

int live_budgets_open(struct live *l, struct errmsg *e) {
    struct live_budgets *b = l->budgets = alloc_zeroed(1, sizeof *l->budgets);
    for (int i = 0; i < BUDGET_SCOPE_COUNT; i++) {
        if (!l->o.budgets[i] || l->o.clock) continue;   // a clock of its own is nobody else's
        b->of[i] = shared_budget_open(NULL, l->o.budgets[i], l->o.api.edge_guard_us, e);
        if (!b->of[i]) {
            snprintf(b->problem, sizeof b->problem, "%.150s", e->text);
            continue;
        }
        l->epoch_us = shared_budget_base(b->of[i], l->epoch_us);
    }
    return ERR_OK;   // a run without sharing is a run
}

void live_budgets_use(struct live *l) {
    for (int i = 0; i < BUDGET_SCOPE_COUNT; i++) {
        struct shared_budget *s = l->budgets->of[i];
        if (!s) continue;
        dispatcher_share(l->pump.dispatcher, i, shared_budget_get(s), shared_budget_member(s),
                         shared_budget_lock(s), live_now(l));
    }
}

void live_budgets_tell(struct live *l) {
    struct live_budgets *b = l->budgets;
    for (int i = 0; b && i < BUDGET_SCOPE_COUNT; i++) {
        const char *why = b->of[i] && !b->told[i] ? shared_budget_problem(b->of[i]) : NULL;
        if (!why) continue;
        b->told[i] = true;
        live_log_warn(l,
                      "limits of the %s are no longer shared with other processes (%s): this one goes on "
                      "with its own share",
                      i == BUDGET_ADDRESS ? "address" : "account", why);
    }
}

const char *live_sharing_problem(const struct live *l) {
    return l->budgets->problem[0] ? l->budgets->problem : NULL;
}

void live_budgets_close(struct live *l) {
    for (int i = 0; l->budgets && i < BUDGET_SCOPE_COUNT; i++) shared_budget_close(l->budgets->of[i]);
    free(l->budgets);
}
