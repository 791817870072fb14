// account.c: the account's events: the user data stream, and what was missed while it was silent.
//
// A round of questions, each stage asked when all answers to the one before are in; a failed answer begins it anew:
//
//     begin --> LISTS --> FILLS --> MISSING --(none)--> ACCOUNT --> DONE --> finish: what nobody told is told now
//                ^                  |   ^                  ^
//                | an answer failed |   +--(some)          +-- LOOK skips it
//                +------------------+
//
//     LEARN  the first round: what was before the run. Nothing is told to the script.
//     LOOK   now and then, with low priority: does the stream leave something out? If so, TELL follows.
//     TELL   after a gap: what the stream tells meanwhile is held, and looked at when the round is over.
#include "world/live/account.h"

#include "base/alloc.h"
#include "base/dec.h"
#include "base/units.h"
#include "execution/reconcile.h"
#include "world/live/journal.h"
#include "world/live/ledger.h"
#include "world/live/log_lines.h"
#include "world/live/positions.h"
#include "world/live/risk.h"
#include "world/live/sockets.h"
#include "world/live/wire.h"

#include "base/assert.h"
#include "venue/binance/account_event.h"
#include "venue/binance/event_shape.h"
#include "world/world.h"
#include "trade/stream_event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 1000, EXPECTED_MAX = 256, HASTY_AFTER = 12, MISSING_AT_ONCE = 16 };
// A listen key lives an hour; a 48th of a connection's age, as that may be set shorter.
#define KEY_EVERY_US INT64_C(1800000000)
#define KEY_SHORTEST_US INT64_C(1000000)
#define MARGIN_US INT64_C(60000000)       // asked for once more: clocks are not exact
#define LISTED_US (INT64_C(6) * DAY_US)   // lists reach back seven days at most
#define FORGET_US INT64_C(180000000)
#define LOOK_IDLE_US INT64_C(1800000000)   // when no order is open and no position held
#define EXPECT_US INT64_C(3000000)         // so long the stream may take to tell what a reply has told
#define RECENT_US INT64_C(2000000)         // what is younger may be on its way yet
#define RETRY_US INT64_C(400000)
#define MALFORMED_LOOK_US INT64_C(1000000)   // after an event that cannot be read
#define BIT(param) (UINT64_C(1) << (param))

enum ask { ASK_LISTS, ASK_FILLS, ASK_MISSING, ASK_ACCOUNT, ASK_DONE };

// What an order's reply said, to be told by the stream soon.
struct expectation {
    int64_t id, executed_e8, due_us;
    int16_t symbol;
    bool algo, over;
};

struct live_account {
    struct reconciliation *known;
    bool ready;                 // what was before the run has been learned
    bool learned;               // in a round of questions
    bool traded;                // something of the account has been told, or done
    bool last_begun;            // the round at the end
    int64_t last_recovered;     // what had been told late when it began
    bool busy, failed, again;   // asking; an answer failed; asked once more when done
    uint8_t failed_as;          // enum settle of the last one that did
    uint8_t mode, stage;        // enum reconcile_mode; what is being asked
    int32_t asked, attempts, spread;
    int64_t retry_us, sent_us, verified_us, look_us;
    int64_t lists_asked_us;      // in a round: when open orders were asked for, by our time
    int64_t account_asked_us;    // in a round: when the account was asked, by our time
    struct stream_event *held;   // came while asking
    int32_t held_count, held_size;
    int64_t key_due_us;   // when the listen key is to be prolonged
    struct expectation *expected;
    int32_t expected_count, expected_size;
    // By symbol: the exchange's time of the last fill told and of the last change of a position told, and until when
    // the change that a fill brings is to come (0: it has).
    int64_t filled_us[SYMBOLS_MAX], changed_us[SYMBOLS_MAX], change_due_us[SYMBOLS_MAX];
};

static void begin(struct live *l, enum reconcile_mode mode);

static bool delivering(const struct live_account *a) { return a->busy && a->mode != RECONCILE_LOOK; }

// ---- events of the stream ----

static void deliver(struct live *l, const struct stream_event *e) { live_event(l, e, EVENT_ACCOUNT); }

static void hold(struct live_account *a, const struct stream_event *e) {
    if (a->held_count == a->held_size) {
        a->held_size = a->held_size ? a->held_size * 2 : 64;
        a->held = realloc(a->held, sizeof *a->held * (size_t)a->held_size);
        ASSERT(a->held != NULL);
    }
    a->held[a->held_count++] = *e;
}

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

// A fill changes a position: the two are told apart from each other, and either message may be left out.
static void pair_change(struct live *l, const struct stream_event *e) {
    struct live_account *a = l->account;
    if (e->kind == RECORD_ACCOUNT_UPDATE && e->u.account.symbol >= 0) {
        int16_t k = e->u.account.symbol;
        a->changed_us[k] = later(a->changed_us[k], e->u.account.transaction_us);
        if (a->changed_us[k] >= a->filled_us[k]) a->change_due_us[k] = 0;
    }
    if (e->kind != RECORD_ORDER_UPDATE || e->u.order.execution != EXEC_TRADE) return;
    int16_t k = e->u.order.order.symbol;
    a->filled_us[k] = later(a->filled_us[k], e->u.order.transaction_us);
    if (a->filled_us[k] > a->changed_us[k] && a->change_due_us[k] == 0)
        a->change_due_us[k] = l->pump.view.now_us + EXPECT_US;
}

static void take(struct live *l, const struct stream_event *e) {
    l->account->traded = true;
    if (!reconcile_take(l->account->known, e)) {
        l->figures.events_twice++;
        return;
    }
    deliver(l, e);
    pair_change(l, e);
    int64_t look_us = l->pump.view.now_us + l->o.reconcile_us;   // something goes on: no idle time
    if (look_us < l->account->look_us) l->account->look_us = look_us;
}

static void on_event(struct live *l, const struct stream_event *e) {
    struct live_account *a = l->account;
    if (!delivering(a) && !reconcile_follows(a->known, e))
        begin(l, RECONCILE_TELL);   // something before it was lost
    if (delivering(a) || !a->ready)
        hold(a, e);
    else
        take(l, e);
}

static void on_account_update(struct live *l, const struct json *j) {
    struct live_account_event found;
    account_event_read(j, &l->list, &l->heard_rows, &found);
    for (int32_t i = 0; i < found.count; i++) {
        struct account_update_record *u = &found.rows[i];
        if (!found.wallet_known) u->wallet_e8 = u->cross_wallet_e8 = live_positions_told_wallet_e8(l);
        struct stream_event e = { .kind = RECORD_ACCOUNT_UPDATE,
                                  .time_us = u->transaction_us,
                                  .u.account = *u };
        on_event(l, &e);
    }
}

// Something has happened that is not known: the exchange is asked for all of it.
static void malformed(struct live *l, const char *what) {
    live_log_malformed(l, "user stream", what, strlen(what));
    int64_t look_us = l->pump.view.now_us + MALFORMED_LOOK_US;
    if (look_us < l->account->look_us) l->account->look_us = look_us;
}

// Of each position named: told at once, it is no part of the account's story.
static void on_margin_call(struct live *l, const struct json *j) {
    struct errmsg problem;
    int32_t list = json_get(j, 0, "p", NULL);
    for (int32_t row = json_first(j, list); row != JSON_NONE; row = json_next(j, list, row)) {
        struct stream_event e = { .kind = RECORD_MARGIN_CALL };
        struct margin_call_record *m = &e.u.margin_call;
        if (record_from(RECORD_MARGIN_CALL_POSITION, j, row, &l->list, &l->heard_rows, &e.u, &problem) !=
            ERR_OK)
            continue;
        m->event_us = json_integer(j, json_get(j, 0, "E", NULL), 0) * 1000;
        e.time_us = m->event_us;
        char amount[DEC_TEXT_MAX], mark[DEC_TEXT_MAX];
        dec_print_short(amount, m->amount_e8);
        dec_print_short(mark, m->mark_price_e8);
        live_log_warn(l, "margin call: %s %s at mark price %s: add margin or reduce, else it is liquidated",
                      l->symbols[m->symbol].name, amount, mark);
        live_event(l, &e, EVENT_NEWS);
    }
}

static void on_message(struct live *l, const struct json *j) {
    struct errmsg problem;
    struct stream_event e = { 0 };
    int32_t name = json_get(j, 0, "e", NULL);
    arena_reset(&l->heard_rows);
    bool order = json_is(j, name, "ORDER_TRADE_UPDATE"), algo = json_is(j, name, "ALGO_UPDATE"),
         account = json_is(j, name, "ACCOUNT_UPDATE");
    if (account_event_key_expired(j)) {
        live_sockets_break(l, STREAM_USER, "its listen key has expired");
        return;
    }
    if (json_is(j, name, "MARGIN_CALL")) on_margin_call(l, j);
    if (!order && !algo && !account) return;
    if (!event_whole(j, 0)) {
        malformed(l, "an event with fields missing");
        return;
    }
    coalesce_changed(l->pump.coalescer);   // of symbols that are not this run's too
    if (account) {
        on_account_update(l, j);
        return;
    }
    e.kind = order ? RECORD_ORDER_UPDATE : RECORD_ALGO_UPDATE;
    int err = record_from(e.kind, j, 0, &l->list, &l->heard_rows, &e.u, &problem);
    if (err == ERR_NOT_FOUND) return;   // of a symbol not of this run
    if (err != ERR_OK) {
        malformed(l, problem.text);
        return;
    }
    if (order && e.u.order.commission_asset[0]) {
        e.u.order.coin_commission_e8 = e.u.order.commission_e8;
        e.u.order.commission_e8 = 0;
    }
    e.time_us = order ? e.u.order.transaction_us : e.u.algo.transaction_us;
    live_event(l, &e, EVENT_HEARD);
    on_event(l, &e);
}

// ---- asking for what was missed ----

static void begin(struct live *l, enum reconcile_mode mode) {
    struct live_account *a = l->account;
    if (!a->busy) {
        a->busy = true;
        a->mode = a->ready ? (uint8_t)mode : RECONCILE_LEARN;
        a->stage = ASK_LISTS;
        a->failed = a->again = false;
        a->attempts = 0;
        a->retry_us = 0;
    } else if (a->mode == RECONCILE_LOOK && mode == RECONCILE_TELL) {
        a->mode = RECONCILE_TELL;   // begun anew when the answers asked for are in
        a->failed = true;
    } else if (mode == RECONCILE_TELL) {
        a->again = true;
    }
    live_wake(l);
}

void live_account_doubt(struct live *l) { begin(l, RECONCILE_TELL); }

static struct api_call *question(struct live *l, int32_t endpoint, int16_t symbol) {
    struct api_call *op =
        internal_call_take(l, endpoint, l->account->mode == RECONCILE_LOOK ? PRIORITY_LOW : PRIORITY_HIGH);
    if (symbol == SYMBOL_NONE) return op;
    op->call.symbol = symbol;
    op->call.given = BIT(P_SYMBOL);
    return op;
}

static void since(const struct live *l, struct api_call *op) {
    op->call.start_us = l->account->verified_us - MARGIN_US;
    op->call.limit = PAGE;
    op->call.given |= BIT(P_START_TIME) | BIT(P_LIMIT);
}

static void answered(void *ctx, struct api_call *call, int64_t number);

static void put_question(struct live *l, struct api_call *op) {
    l->account->asked++;
    internal_call_submit(l, op, answered, 0);
}

// The page after a full one goes on from the last id.
static void next_page(struct live *l, const struct api_call *page, uint64_t param, int64_t id) {
    struct api_call *op = question(l, page->call.endpoint, page->call.symbol);
    op->call.limit = PAGE;
    op->call.given |= BIT(P_LIMIT) | BIT(param);
    if (param == P_FROM_ID)
        op->call.from_id = id + 1;
    else if (param == P_ORDER_ID)
        op->call.order_id = id + 1;
    else
        op->call.algo_id = id + 1;
    put_question(l, op);
}

static void read_answer(struct live *l, const struct api_call *op) {
    struct reconciliation *r = l->account->known;
    const struct order_record *orders = op->rows;
    const struct algo_record *algos = op->rows;
    const struct trade_record *trades = op->rows;
    const struct position_record *positions = op->rows;
    const struct income_record *incomes = op->rows;
    int32_t last = op->count - 1;
    bool full = op->count == PAGE;
    switch (op->call.endpoint) {
    case EP_OPEN_ORDERS:
    case EP_ORDER_GET:
    case EP_ALL_ORDERS:
        live_risk_listed(l, op);
        for (int32_t k = 0; k < op->count; k++) reconcile_order(r, &orders[k]);
        if (full && op->call.endpoint == EP_ALL_ORDERS) next_page(l, op, P_ORDER_ID, orders[last].order_id);
        break;
    case EP_ALGO_GET:
    case EP_ALGO_OPEN:
    case EP_ALGO_ALL:
        live_risk_listed(l, op);
        for (int32_t k = 0; k < op->count; k++) reconcile_algo(r, &algos[k]);
        if (full && op->call.endpoint == EP_ALGO_ALL) next_page(l, op, P_ALGO_ID, algos[last].algo_id);
        break;
    case EP_USER_TRADES:
        for (int32_t k = 0; k < op->count; k++) reconcile_trade(r, &trades[k]);
        if (full) next_page(l, op, P_FROM_ID, trades[last].id);
        break;
    case EP_POSITION_RISK:
        reconcile_position(r, NULL);
        for (int32_t k = 0; k < op->count; k++) reconcile_position(r, &positions[k]);
        break;
    case EP_ACCOUNT: reconcile_wallet(r, ((const struct account_record *)op->rows)->coin_wallet_e8); break;
    default:
        for (int32_t k = 0; k < op->count; k++) {
            bool moved = op->call.income_type == INCOME_TRANSFER;
            if (!moved)
                reconcile_income(r, &incomes[k]);
            else if (!incomes[k].asset[0])
                live_ledger_transfer(l, incomes[k].income_e8, incomes[k].time_us);
        }
    }
}

static void start_over(struct live *l) {
    struct live_account *a = l->account;
    a->stage = ASK_LISTS;
    a->failed = false;
    a->retry_us = live_now(l) + RETRY_US * (a->attempts < 8 ? a->attempts + 1 : 8);
    a->attempts++;
}

static void look_later(struct live *l) {
    bool active = reconcile_any_open(l->account->known);
    for (int32_t k = 0; k < l->list.count && !active; k++) {
        for (int side = 0; side < POSITION_SIDE_COUNT; side++)
            active = active || l->pump.view.position[k][side].amount_e8 != 0;
    }
    l->account->look_us = live_now(l) + (active ? l->o.reconcile_us : LOOK_IDLE_US);
}

// What came over the stream meanwhile comes after.
static void release_held(struct live *l) {
    struct live_account *a = l->account;
    struct stream_event *held = a->held;
    int32_t count = a->held_count;
    a->held = NULL;
    a->held_count = a->held_size = 0;
    for (int32_t i = 0; i < count; i++) take(l, &held[i]);
    free(held);
}

// All of before the questions has been told.
static void verified(struct live *l) {
    struct live_account *a = l->account;
    a->verified_us = a->sent_us;
    reconcile_forget(a->known, a->sent_us - FORGET_US);
    live_positions_forget(l, a->sent_us - FORGET_US);
}

static void finish(struct live *l) {
    struct live_account *a = l->account;
    const struct stream_event *events;
    int32_t count;
    if (reconcile_finish(a->known, a->mode, live_positions_told(l), live_positions_told_wallet_e8(l),
                         a->sent_us, a->attempts >= HASTY_AFTER, &events, &count) != ERR_OK) {
        start_over(l);   // fills are listed a little after their orders
        return;
    }
    a->busy = false;
    live_risk_all_listed(l, a->lists_asked_us);
    look_later(l);
    if (a->mode == RECONCILE_LOOK) {
        int32_t old = 0;
        while (old < count && events[old].time_us > a->sent_us - RECENT_US) old++;
        if (old < count)
            begin(l, RECONCILE_TELL);
        else
            verified(l);
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        if (a->mode == RECONCILE_LEARN) {
            live_event(l, &events[i], EVENT_LEARNED);
            if (reconcile_left(a->known, &events[i])) live_event(l, &events[i], EVENT_NEWS);
            continue;
        }
        l->figures.events_recovered++;
        deliver(l, &events[i]);
    }
    if (a->mode == RECONCILE_LEARN) {
        a->learned = true;
        live_risk_account_known(l);
    }
    live_positions_asked(l, a->account_asked_us, a->sent_us);
    a->ready = true;
    memset(a->change_due_us, 0, sizeof a->change_due_us);   // positions were asked for
    verified(l);
    if (a->again)
        begin(l, RECONCILE_TELL);
    else
        release_held(l);
}

static void answered(void *ctx, struct api_call *call, int64_t number) {
    (void)number;
    struct live *l = ctx;
    struct live_account *a = l->account;
    if (l->ended) return;
    a->asked--;
    const struct api_call *op = call;
    bool one = op->call.endpoint == EP_ORDER_GET || op->call.endpoint == EP_ALGO_GET;
    if (op->settle == SETTLE_DONE && !a->failed) {
        read_answer(l, op);
    } else if (one && op->settle == SETTLE_REFUSED && op->code == -2013) {
        bool algo = op->call.endpoint == EP_ALGO_GET;
        struct reconcile_missing gone = { algo ? op->call.algo_id : op->call.order_id, op->call.symbol,
                                          algo };
        reconcile_gone(a->known, &gone);
    } else {
        a->failed = true;
        a->failed_as = op->settle;
    }
    live_wake(l);
}

// What the run before could not tell of its orders' fills is found with what was before this run.
static void seed(struct live *l) {
    struct live_account *a = l->account;
    int32_t count;
    const struct live_restart *restarts = live_restarts(l, &count);
    for (int32_t i = 0; i < count; i++) {
        const struct live_restart *r = &restarts[i];
        if (!r->found || r->algo || r->executed_e8 <= r->told_e8) continue;
        reconcile_seed(a->known, r->number, r->order_id, r->told_e8);
        if (r->made_us < a->verified_us) a->verified_us = r->made_us;
    }
    if (a->verified_us < a->sent_us - LISTED_US) a->verified_us = a->sent_us - LISTED_US;
}

static void ask_lists(struct live *l) {
    struct live_account *a = l->account;
    a->sent_us = live_exchange_now(l);
    if (a->verified_us == 0) {
        a->verified_us = a->sent_us;
        seed(l);
    }
    reconcile_begin(a->known, a->verified_us - MARGIN_US);
    a->lists_asked_us = live_now(l);
    live_risk_listing(l);
    for (int16_t k = 0; k < l->list.count; k++) {
        put_question(l, question(l, EP_OPEN_ORDERS, k));
        put_question(l, question(l, EP_ALGO_OPEN, k));
        if (a->mode == RECONCILE_LOOK) continue;
        struct api_call *orders = question(l, EP_ALL_ORDERS, k), *algos = question(l, EP_ALGO_ALL, k);
        since(l, orders);
        put_question(l, orders);
        since(l, algos);
        put_question(l, algos);
    }
}

// Of the day, for its loss: a run that begins does not know of any.
static void ask_transfers(struct live *l) {
    struct api_call *moved = question(l, EP_INCOME, SYMBOL_NONE);
    since(l, moved);
    if (l->account->mode == RECONCILE_LEARN)
        moved->call.start_us = l->account->sent_us - l->account->sent_us % DAY_US;
    moved->call.income_type = INCOME_TRANSFER;
    moved->call.given |= BIT(P_INCOME_TYPE);
    put_question(l, moved);
}

static void ask_account(struct live *l) {
    l->account->account_asked_us = live_now(l);
    put_question(l, question(l, EP_ACCOUNT, SYMBOL_NONE));
    put_question(l, question(l, EP_POSITION_RISK, SYMBOL_NONE));
    // It is heavy: after a gap only where a limit hangs on it.
    if (l->account->mode == RECONCILE_LEARN || l->o.risk.daily_loss_e8 != 0) ask_transfers(l);
    if ((l->events_wanted >> RECORD_ACCOUNT_UPDATE & 1) == 0 || l->account->mode == RECONCILE_LEARN) return;
    struct api_call *income = question(l, EP_INCOME, SYMBOL_NONE);
    since(l, income);
    income->call.income_type = INCOME_FUNDING_FEE;
    income->call.given |= BIT(P_INCOME_TYPE);
    put_question(l, income);
}

static bool ask_missing(struct live *l) {
    struct reconcile_missing missing[MISSING_AT_ONCE];
    int32_t count = reconcile_missing(l->account->known, missing, MISSING_AT_ONCE);
    for (int32_t i = 0; i < count; i++) {
        const struct reconcile_missing *m = &missing[i];
        struct api_call *op = question(l, m->algo ? EP_ALGO_GET : EP_ORDER_GET, m->symbol);
        op->call.order_id = m->algo ? 0 : m->id;
        op->call.algo_id = m->algo ? m->id : 0;
        op->call.given |= m->algo ? BIT(P_ALGO_ID) : BIT(P_ORDER_ID);
        put_question(l, op);
    }
    return count > 0;
}

// All answers of a stage are in: the next one.
static void step(struct live *l) {
    struct live_account *a = l->account;
    if (a->failed) {
        start_over(l);
        return;
    }
    switch (a->stage) {
    case ASK_LISTS:
        a->stage = ASK_FILLS;
        ask_lists(l);
        break;
    case ASK_FILLS:
        a->stage = ASK_MISSING;
        for (int16_t k = 0; k < l->list.count; k++) {
            struct api_call *fills = question(l, EP_USER_TRADES, k);
            since(l, fills);
            put_question(l, fills);
        }
        break;
    case ASK_MISSING:
        if (!ask_missing(l)) a->stage = a->mode == RECONCILE_LOOK ? ASK_DONE : ASK_ACCOUNT;
        break;
    case ASK_ACCOUNT:
        a->stage = ASK_DONE;
        ask_account(l);
        break;
    default: finish(l);
    }
}

// ---- replies that the stream must tell too ----

static void expect(struct live *l, int16_t symbol, int64_t id, bool algo, int64_t executed_e8, bool over) {
    struct live_account *a = l->account;
    a->traded = true;
    if (a->expected_count == EXPECTED_MAX) return;   // looked at every minute anyway
    if (a->expected_count == a->expected_size) {
        a->expected_size = a->expected_size ? a->expected_size * 2 : 32;
        a->expected = realloc(a->expected, sizeof *a->expected * (size_t)a->expected_size);
        ASSERT(a->expected != NULL);
    }
    a->expected[a->expected_count++] =
        (struct expectation){ id, executed_e8, live_now(l) + EXPECT_US, symbol, algo, over };
}

void live_account_settled(struct live *l, const struct api_call *op, enum settle settle) {
    if (settle == SETTLE_UNKNOWN) l->account->traded = true;
    if (settle != SETTLE_DONE || !l->account->ready || l->ended) return;
    if (op->kind == RECORD_ORDER || op->kind == RECORD_ORDER_QUERY) {
        const struct order_record *o = op->rows;
        for (int32_t k = 0; k < op->count; k++) {
            bool open = o[k].status == STATUS_NEW || o[k].status == STATUS_PARTIALLY_FILLED;
            if (o[k].order_id != 0) expect(l, o[k].symbol, o[k].order_id, false, o[k].executed_qty_e8, !open);
        }
    } else if (op->kind == RECORD_ALGO && op->count == 1) {
        expect(l, op->call.symbol, ((const struct algo_record *)op->rows)->algo_id, true, 0, false);
    } else if (op->kind == RECORD_ALGO_CANCEL && op->count == 1) {
        expect(l, op->call.symbol, ((const struct algo_cancel_record *)op->rows)->algo_id, true, 0, true);
    }
}

static bool delivered(const struct live_account *a, const struct expectation *x) {
    return x->algo ? reconcile_delivered_algo(a->known, x->id, x->over)
                   : reconcile_delivered(a->known, x->symbol, x->id, x->executed_e8, x->over);
}

static void check_expected(struct live *l, int64_t now_us) {
    struct live_account *a = l->account;
    int32_t due = 0;
    bool missed = false;
    while (due < a->expected_count && a->expected[due].due_us <= now_us)
        missed = !delivered(a, &a->expected[due++]) || missed;
    if (due == 0) return;
    a->expected_count -= due;
    memmove(a->expected, a->expected + due, sizeof *a->expected * (size_t)a->expected_count);
    if (missed) begin(l, RECONCILE_TELL);
}

static void check_changes(struct live *l, int64_t now_us) {
    struct live_account *a = l->account;
    for (int32_t k = 0; k < l->list.count; k++) {
        if (a->change_due_us[k] == 0 || now_us < a->change_due_us[k]) continue;
        a->change_due_us[k] = 0;
        begin(l, RECONCILE_TELL);
    }
}

static int64_t changes_due_us(const struct live *l) {
    int64_t due = INT64_MAX;
    for (int32_t k = 0; k < l->list.count; k++) {
        int64_t at_us = l->account->change_due_us[k];
        if (at_us != 0 && at_us < due) due = at_us;
    }
    return due;
}

// A stream may be silent without anybody knowing; the next run would not tell it any more.
bool live_account_last_round(struct live *l) {
    struct live_account *a = l->account;
    if (l->simulation || !live_wire_key(l) || !a->ready) return true;
    if (!a->last_begun) {
        a->last_begun = true;
        if (!a->traded && !reconcile_any_open(a->known)) return true;
        a->last_recovered = l->figures.events_recovered;
        begin(l, RECONCILE_TELL);
    }
    if (a->busy) return false;
    if (l->figures.events_recovered > a->last_recovered) l->end_counts.to_deliver = l->pump.delivery_count;
    a->last_recovered = INT64_MAX;
    return true;
}

// ---- the stream's life ----

static int64_t key_every_us(const struct live *l) {
    int64_t every_us = l->o.stream_age_us / 48;
    return every_us < KEY_SHORTEST_US ? KEY_SHORTEST_US : every_us < KEY_EVERY_US ? every_us : KEY_EVERY_US;
}

static void on_key(void *ctx, struct api_call *call, int64_t number) {
    (void)number;
    struct live *l = ctx;
    if (l->ended) return;
    if (call->settle != SETTLE_DONE || call->count != 1) {
        live_sockets_retry_user(l);
        return;
    }
    l->account->key_due_us = live_now(l) + key_every_us(l);
    live_sockets_open_user(l, ((const struct listen_key_record *)call->rows)->key);
}

void live_account_start(struct live *l) {
    live_sockets_expect_user(l);
    internal_call_submit(l, internal_call_take(l, EP_LISTEN_KEY_NEW, PRIORITY_CRITICAL), on_key, 0);
}

// Its first opening too: what was before the run is learned then. A question that failed while the connection was
// gone is asked again at once: now it can be answered.
static void on_opened(struct live *l, enum stream_which which, bool again) {
    (void)which;
    (void)again;
    begin(l, RECONCILE_TELL);
    l->account->retry_us = 0;
}

static void on_prolonged(void *ctx, struct api_call *call, int64_t number) {
    (void)number;
    struct live *l = ctx;
    if (!l->ended && call->settle == SETTLE_REFUSED)
        live_sockets_break(l, STREAM_USER, "its listen key is gone");
    if (call->settle != SETTLE_DONE) l->account->key_due_us = live_now(l) + key_every_us(l) / 30;
}

// The next questions of a round; those of the first wait until it is known what became of the orders that the run
// before has left.
static bool may_ask(const struct live *l) {
    const struct live_account *a = l->account;
    return a->busy && a->asked == 0 && (a->ready || live_journal_left(l) == 0);
}

void live_account_pump(struct live *l, int64_t now_us) {
    struct live_account *a = l->account;
    if (l->ended || !l->started) return;
    if (!live_wire_key(l)) return;
    if (may_ask(l) && now_us >= a->retry_us) step(l);
    bool running = live_sockets_running(l, STREAM_USER);
    if (!a->ready || !running) return;
    if (now_us >= l->account->key_due_us) {
        l->account->key_due_us = now_us + key_every_us(l);
        internal_call_submit(l, internal_call_take(l, EP_LISTEN_KEY_KEEP, PRIORITY_CRITICAL), on_prolonged,
                             0);
    }
    if (a->busy) return;
    check_expected(l, now_us);
    check_changes(l, now_us);
    if (!a->busy && now_us >= a->look_us) begin(l, RECONCILE_LOOK);
}

int64_t live_account_next_us(const struct live *l) {
    const struct live_account *a = l->account;
    if (l->ended || !l->started || !live_wire_key(l)) return INT64_MAX;
    int64_t due = may_ask(l) ? a->retry_us : INT64_MAX;
    if (!a->ready || !live_sockets_running(l, STREAM_USER)) return due;
    if (l->account->key_due_us < due) due = l->account->key_due_us;
    if (a->busy) return due;
    if (a->expected_count > 0 && a->expected[0].due_us < due) due = a->expected[0].due_us;
    int64_t changes = changes_due_us(l);
    if (changes < due) due = changes;
    return a->look_us < due ? a->look_us : due;
}

bool live_account_ready(const struct live *l) {
    return !live_wire_key(l) || (l->account->ready && live_sockets_running(l, STREAM_USER));
}

bool live_account_known(const struct live *l) { return l->account->learned; }
bool live_account_limited(const struct live *l) { return l->account->failed_as == SETTLE_RATE_LIMITED; }

int live_account_open(struct live *l, struct errmsg *e) {
    (void)e;
    static const struct live_socket_user user = { .opened = on_opened,
                                                  .message = on_message,
                                                  .reopen = live_account_start };
    l->account = alloc_zeroed(1, sizeof *l->account);
    l->account->known = alloc_checked(reconcile_new());
    live_sockets_use(l, STREAM_USER, &user);
    return ERR_OK;
}

void live_account_close(struct live *l) {
    struct live_account *a = l->account;
    if (!a) return;
    reconcile_free(a->known);
    free(a->held);
    free(a->expected);
    free(a);
}
