// order_sim.h: orders in a world that goes wrong, in virtual time, by a seed; then everybody's books are
// compared.
//
// World    a script of a kind (market, limit, conditional, cancel, amend, batches) that gives up some of its
//          calls; the very dispatcher and gateway of a live run; a journal whose commits take their time and
//          may fail; a network that loses, delays and cuts; an exchange (sim/exchange.h) that answers with
//          5xx before and after it executes, whose clock jumps ahead and whose stream has gaps and says
//          things twice. At random steps the client's process is killed: all it held is gone, what was
//          committed is there, what was on the network still arrives, and a new one clears up what is open
//          before its script goes on.
// Books    what the exchange executed, what the journal says in the end, what the script was told: no order
//          twice, none lost, none of another size, the same position. And no request that changes something
//          bears a stamp of another time than that at which it left.
// Broken   a world that lies to the gateway: the comparison must notice each lie. That it notices a gateway
//          that is broken itself is shown by spec/mutants/gateway.lua.
#ifndef MT_TESTING_ORDER_SIM_H
#define MT_TESTING_ORDER_SIM_H

#include <stddef.h>
#include <stdint.h>

enum order_sim_broken {
    SIM_SOUND,
    SIM_RESENDS_AT_ONCE,   // the network says of what was not answered in time that it was not sent
    SIM_SKIPS_JOURNAL,     // the journal says of an intent that it is down before it is
    SIM_TRUSTS_ABSENCE,    // the clock shows a time by which nothing can be accepted any more
    SIM_FORGETS_RESTART,   // what was open at a start is taken for not executed
    SIM_IGNORES_COMMITS,   // the journal says of a failed commit that it is down
    SIM_BROKEN_COUNT
};

struct order_sim_options {
    uint64_t seed;
    int64_t orders;
    int32_t broken;
};   // broken: enum order_sim_broken

struct order_sim_report {
    int64_t orders, executed, told_done, told_refused, told_not_executed, told_unknown,
        cut_off;   // cut_off: killed while they waited
    int64_t attempts, kills, commits, commits_failed, found, heard, absent, reopened, lost_answers,
        late_arrivals, skews, given_up;
    int64_t virtual_us;
    int64_t findings;   // differences between the books: the sum of
    int64_t lost, duplicated, misstated, positions_differ;
};

// The differences found; the first in words in `text` ("" when there is none).
int64_t order_sim(const struct order_sim_options *o, struct order_sim_report *report, char *text,
                  size_t size);

#endif
