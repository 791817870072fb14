// order_sim_books.c: compares what the exchange executed, what the journal says and what the script was told.
#include "testing/order_sim_private.h"

static void compare(struct sim *s, int64_t number, int64_t *position_e8) {
    const struct sim_order *o = &s->orders[number];
    const struct order_record *truth = o->order_id ? exchange_order(s->exchange, o->order_id) : NULL;
    int64_t executed_e8 = truth ? truth->executed_qty_e8 : 0;
    s->report->executed += o->accepted > 0;
    *position_e8 += o->side == SIDE_BUY ? o->booked_e8 : -o->booked_e8;
    if (o->accepted > 1) sim_finding(s, number, &s->report->duplicated, "executed more than once");
    if (o->accepted > 0 && !o->in_journal)
        sim_finding(s, number, &s->report->lost, "sent without an intent in the journal");
    if (o->in_journal && o->booked == JOURNAL_INTENT)
        sim_finding(s, number, &s->report->lost, "left open in the journal");
    if (o->in_journal && o->accepted > 0 && o->booked != JOURNAL_ACCEPTED)
        sim_finding(s, number, &s->report->lost, "lost: the exchange has it, the journal says no");
    if (o->booked == JOURNAL_ACCEPTED && o->accepted == 0)
        sim_finding(s, number, &s->report->lost, "the journal has what the exchange has not");
    if (o->booked_e8 != executed_e8)
        sim_finding(s, number, &s->report->misstated,
                    "the journal's executed quantity is not the exchange's");
    if (o->belief == BELIEF_DONE && (o->accepted != 1 || o->believed_e8 != executed_e8))
        sim_finding(s, number, &s->report->misstated, "told as done, and it is not so");
    if ((o->belief == BELIEF_REFUSED || o->belief == BELIEF_NOT) && o->accepted != 0)
        sim_finding(s, number, &s->report->misstated, "told as not executed, and it was");
    if (o->belief == BELIEF_WAITS || o->belief == BELIEF_NONE)
        sim_finding(s, number, &s->report->lost, "never told");
    if (truth && o->belief == BELIEF_DONE && !o->unsure && truth->orig_qty_e8 != o->quantity_e8)
        sim_finding(s, number, &s->report->misstated, "of another size");
}

void sim_compare_books(struct sim *s) {
    int64_t position_e8 = 0;
    for (int64_t i = 0; i < s->made; i++) compare(s, i, &position_e8);
    if (position_e8 != exchange_position_e8(s->exchange, 0, POSITION_BOTH))
        sim_finding(s, 0, &s->report->positions_differ, "positions differ");
}

// What nobody asks for any more must not stand open, or only the next process would find out.
void sim_compare_journal(struct sim *s) {
    for (int64_t i = 0; i < s->made; i++) {
        const struct sim_order *o = &s->orders[i];
        if (o->in_journal && o->booked == JOURNAL_INTENT && !o->write_failed)
            sim_finding(s, i, &s->report->lost, "open in the journal, and nobody asks for it");
    }
}
