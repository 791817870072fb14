#include "world/paper/paper.h"

#include "base/assert.h"
#include "base/units.h"
#include "sim/snapshot.h"
#include "store/whole_file.h"
#include "world/world.h"
#include "trade/stream_event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define NEVER INT64_MAX
#define SAVE_AFTER_US INT64_C(2000000)   // a change is on disk by then
#define SAVE_SHARE 20                    // and saving takes no more than this part of the time
#define VALUE_EVERY_US INT64_C(250000)

struct parcel {
    struct call call, batch[CALL_BATCH_MAX];
    int64_t ids[CALL_CANCEL_BATCH_MAX];
    char client_ids[CALL_CANCEL_BATCH_MAX][CLIENT_ID_MAX];
    uint64_t token;   // of the attempt
    int64_t at_us, give_up_us;
    struct parcel *next;
};

struct letter {
    int64_t at_us;
    bool is_answer;   // else an event
    uint64_t token;   // of the attempt that is answered
    struct stream_event event;
    struct letter *next;
};

static void *must(void *block) {
    ASSERT(block != NULL);
    return block;
}

int64_t paper_clock(struct live *l) {
    int64_t now = live_exchange_now(l);
    if (now > l->paper->now_us) l->paper->now_us = now;
    return l->paper->now_us;
}

// ---- there ----

static bool of_the_account(int32_t endpoint) {
    bool listen_key =
        endpoint == EP_LISTEN_KEY_NEW || endpoint == EP_LISTEN_KEY_KEEP || endpoint == EP_LISTEN_KEY_CLOSE;
    return listen_key || endpoint_info(endpoint)->security == SEC_SIGNED;
}

static bool needs_a_price(int32_t endpoint) {
    return endpoint == EP_ORDER_NEW || endpoint == EP_ORDER_TEST || endpoint == EP_ORDER_MODIFY ||
           endpoint == EP_BATCH_NEW || endpoint == EP_BATCH_MODIFY || endpoint == EP_ALGO_NEW;
}

// The call with all it points to: it arrives also when its sender has given it up.
static struct parcel *pack(const struct api_call *op) {
    struct parcel *p = must(calloc(1, sizeof *p));
    const struct call *c = &op->call;
    p->call = *c;
    if (c->batch) {
        ASSERT(c->batch_count <= CALL_BATCH_MAX);
        memcpy(p->batch, c->batch, sizeof *c->batch * c->batch_count);
        p->call.batch = p->batch;
    }
    if (c->ids) {
        memcpy(p->ids, c->ids, sizeof p->ids);
        p->call.ids = p->ids;
    }
    if (c->client_ids) {
        memcpy(p->client_ids, c->client_ids, sizeof p->client_ids);
        p->call.client_ids = (const char(*)[CLIENT_ID_MAX])p->client_ids;
    }
    return p;
}

static void paper_send(void *ctx, struct api_call *op, int64_t stamp_us) {
    struct live *l = ctx;
    struct paper *p = l->paper;
    if (!of_the_account(op->call.endpoint)) {
        p->wire.send(p->wire.ctx, op, stamp_us);
        return;
    }
    struct parcel *out = pack(op);
    out->token = gateway_token(op);
    out->at_us = live_now(l) + l->o.paper.latency_us;
    out->give_up_us = out->at_us + l->o.http_timeout_us;
    *p->up_end = out;
    p->up_end = &out->next;
}

// What is on its way to the account arrives all the same.
static void paper_cancel(void *ctx, struct api_call *op) {
    struct live *l = ctx;
    if (!of_the_account(op->call.endpoint)) l->paper->wire.cancel(l->paper->wire.ctx, op);
}

static bool paper_ask_clock(void *ctx) {
    struct live *l = ctx;
    return l->paper->wire.ask_clock(l->paper->wire.ctx);
}

struct gateway_link paper_link(struct live *l) {
    return (struct gateway_link){ l, paper_send, paper_cancel, paper_ask_clock };
}

// No answer will come: as from a network that is dead.
static void give_up(struct live *l, const struct parcel *out) {
    struct api_call *op = gateway_waiting(l->gateway, out->token);
    if (op) gateway_unsent(l->gateway, op, "the market is not known: its streams are cut");
}

static bool may_arrive(const struct live *l, const struct parcel *out) {
    if (!l->paper->x) return false;
    return !needs_a_price(out->call.endpoint) ||
           paper_sees(l, out->call.batch ? SYMBOL_NONE : out->call.symbol);
}

// What waits for the market lets pass what does not.
static void arrivals(struct live *l, int64_t now_us) {
    struct paper *p = l->paper;
    for (struct parcel **at = &p->up; *at;) {
        struct parcel *out = *at;
        bool arrives = out->at_us <= now_us && may_arrive(l, out);
        if (!arrives && now_us < out->give_up_us) {
            at = &out->next;
            continue;
        }
        *at = out->next;
        if (!out->next) p->up_end = at;
        if (arrives) {
            if (endpoint_info(out->call.endpoint)->mutating) p->dirty = true;
            exchange_call(p->x, &out->call, out->token, paper_clock(l));
        } else {
            give_up(l, out);
        }
        free(out);
    }
}

// ---- and back ----

static struct letter *letter_new(struct live *l) {
    struct paper *p = l->paper;
    struct letter *n = must(calloc(1, sizeof *n));
    n->at_us = live_now(l) + l->o.paper.latency_us;
    *p->down_end = n;
    p->down_end = &n->next;
    return n;
}

static void on_reply(void *ctx, uint64_t token, const struct reply *reply, int64_t now_us) {
    (void)now_us;
    struct live *l = ctx;
    struct api_call *op = gateway_waiting(l->gateway, token);
    if (!op) return;
    ASSERT(api_call_keep_reply(op, reply));
    struct letter *n = letter_new(l);
    n->is_answer = true;
    n->token = token;
}

static void on_event(void *ctx, int32_t kind, const void *record, int64_t now_us) {
    struct live *l = ctx;
    struct letter *n = letter_new(l);
    n->event.time_us = now_us;
    n->event.kind = (uint8_t)kind;
    if (kind == RECORD_ORDER_UPDATE)
        memcpy(&n->event.u.order, record, sizeof n->event.u.order);
    else if (kind == RECORD_ALGO_UPDATE)
        memcpy(&n->event.u.algo, record, sizeof n->event.u.algo);
    else
        memcpy(&n->event.u.account, record, sizeof n->event.u.account);
    l->paper->dirty = true;
}

static void take_answer(struct live *l, uint64_t token) {
    struct api_call *op = gateway_waiting(l->gateway, token);
    if (!op) return;
    op->used_weight_1m = -1;   // the real exchange's business: this one sees only the account's share of it
    gateway_answered(l->gateway, op);
}

static void tell_event(struct live *l, const struct stream_event *e) {
    coalesce_changed(l->flights);
    gateway_on_event(l->gateway, e->kind, &e->u);
    if (e->kind == RECORD_ACCOUNT_UPDATE) {
        const struct account_update_record *u = &e->u.account;
        l->view.wallet_e8 = u->wallet_e8;
        if (u->symbol != SYMBOL_NONE) {
            l->view.position[u->symbol][u->position_side] =
                (struct position_view){ u->amount_e8, u->entry_price_e8 };
        }
    }
    live_push_event(l, e);
}

static void letters(struct live *l, int64_t now_us) {
    struct paper *p = l->paper;
    while (p->down && p->down->at_us <= now_us) {
        struct letter *n = p->down;
        p->down = n->next;
        if (!p->down) p->down_end = &p->down;
        if (n->is_answer)
            take_answer(l, n->token);
        else
            tell_event(l, &n->event);
        free(n);
    }
}

// ---- what the account is worth ----

static void end_day(struct paper *p, int64_t now_us, int64_t equity_e8) {
    if (p->day_count == p->day_size) {
        p->day_size = p->day_size ? p->day_size * 2 : 64;
        p->day_us = must(realloc(p->day_us, sizeof *p->day_us * (size_t)p->day_size));
        p->day_equity_e8 = must(realloc(p->day_equity_e8, sizeof *p->day_equity_e8 * (size_t)p->day_size));
    }
    p->day_us[p->day_count] = now_us - now_us % DAY_US;
    p->day_equity_e8[p->day_count++] = equity_e8;
}

static bool holds(const struct live *l) {
    for (int16_t k = 0; k < l->list.count; k++) {
        for (int side = 0; side < POSITION_SIDE_COUNT; side++) {
            if (exchange_position_e8(l->paper->x, k, side) != 0) return true;
        }
    }
    return false;
}

void paper_value(struct live *l) {
    struct paper *p = l->paper;
    struct world_view *v = &l->view;
    if (!p->x) return;
    int64_t now = p->now_us, equity = exchange_equity_e8(p->x);
    if (p->day_count == 0 || now - now % DAY_US > p->day_us[p->day_count - 1])
        end_day(p, now, v->equity_e8 ? v->equity_e8 : equity);
    v->equity_e8 = equity;
    if (equity >= v->peak_e8) {
        v->peak_e8 = equity;
        v->peak_candidate_us = now;
    } else if (v->peak_e8 - equity > v->drawdown_e8) {
        v->drawdown_e8 = v->peak_e8 - equity;
        v->drawdown = (double)v->drawdown_e8 / (double)v->peak_e8;
        v->peak_us = v->peak_candidate_us;
        v->trough_us = now;
    }
    v->day_count = p->day_count;
    v->day_us = p->day_us;
    v->day_equity_e8 = p->day_equity_e8;
    int64_t gone = p->point_us ? now - p->point_us : 0;
    p->point_us = now;
    p->account.lasted_us += gone;
    if (holds(l)) p->account.held_us += gone;
}

// ---- the account on disk ----

// Then the days (time and equity of each), a CRC-32 of all before, and the bytes of sim/snapshot.h.
struct paper_head {
    char magic[16];
    uint32_t version, size;
    struct paper_account account;
    int64_t peak_e8, drawdown_e8, peak_us, trough_us, candidate_us, equity_e8, day_count;
    double drawdown;
};

static const char paper_magic[16] = "moontide paper";
enum { PAPER_VERSION = 1 };

static char *account_bytes(struct live *l, size_t *total) {
    struct paper *p = l->paper;
    const struct world_view *v = &l->view;
    size_t size, days = sizeof(int64_t) * (size_t)p->day_count;
    void *bytes = must(exchange_save(p->x, &size));
    struct paper_head h;
    memset(&h, 0, sizeof h);
    memcpy(h.magic, paper_magic, sizeof h.magic);
    p->account.saved_us = p->now_us;
    h.version = PAPER_VERSION;
    h.size = sizeof h;
    h.account = p->account;
    h.peak_e8 = v->peak_e8;
    h.drawdown_e8 = v->drawdown_e8;
    h.drawdown = v->drawdown;
    h.peak_us = v->peak_us;
    h.trough_us = v->trough_us;
    h.candidate_us = v->peak_candidate_us;
    h.equity_e8 = v->equity_e8;
    h.day_count = p->day_count;
    char *all = must(malloc(sizeof h + 2 * days + sizeof(uint32_t) + size)), *at = all;
    memcpy(at, &h, sizeof h);
    at += sizeof h;
    if (days) memcpy(at, p->day_us, days);
    at += days;
    if (days) memcpy(at, p->day_equity_e8, days);
    at += days;
    uint32_t sum = (uint32_t)crc32_z(0, (const unsigned char *)all, (size_t)(at - all));
    memcpy(at, &sum, sizeof sum);
    at += sizeof sum;
    memcpy(at, bytes, size);
    *total = (size_t)(at - all) + size;
    free(bytes);
    return all;
}

// The disk is waited for on a thread of libuv's, never on the loop's.
struct write_job {
    uv_work_t work;
    struct live *l;
    const char *path;
    char *bytes;
    size_t size;
    struct errmsg e;
    int err;
};

static void write_bytes(uv_work_t *work) {
    struct write_job *j = work->data;
    j->err = whole_file_write(j->path, j->bytes, j->size, &j->e);
}

static void written(uv_work_t *work, int status) {
    (void)status;
    struct write_job *j = work->data;
    if (j->err) fprintf(stderr, "moontide paper: %s\n", j->e.text);
    if (j->err) j->l->paper->dirty = true;
    j->l->paper->writing = false;
    free(j->bytes);
    free(j);
}

static void save_if_due(struct live *l, int64_t now_us) {
    struct paper *p = l->paper;
    if (!p->state_path || !p->dirty || !p->x || p->writing) return;
    if (p->save_due_us == 0) p->save_due_us = now_us + SAVE_AFTER_US;
    if (now_us < p->save_due_us) return;
    int64_t began_us = live_monotonic_us(l);
    struct write_job *j = must(calloc(1, sizeof *j));
    j->work.data = j;
    j->l = l;
    j->path = p->state_path;
    j->bytes = account_bytes(l, &j->size);
    p->dirty = false;
    p->writing = true;
    ASSERT(uv_queue_work(&l->loop, &j->work, write_bytes, written) == 0);
    int64_t took_us = live_monotonic_us(l) - began_us;
    p->save_due_us = took_us * SAVE_SHARE > SAVE_AFTER_US ? now_us + took_us * SAVE_SHARE : 0;
}

// Checks the file's own part; the exchange's bytes begin at *at.
static int check_head(const char *bytes, size_t size, size_t *at, struct errmsg *e) {
    struct paper_head h;
    uint32_t sum;
    if (size < sizeof h || memcmp(bytes, paper_magic, sizeof paper_magic) != 0)
        return errmsg_set(e, ERR_FORMAT, "not a paper account");
    memcpy(&h, bytes, sizeof h);
    if (h.version != PAPER_VERSION || h.size != sizeof h) {
        return errmsg_set(e, ERR_FORMAT, "written by another version of moontide");
    }
    size_t most = (size - sizeof h) / (2 * sizeof(int64_t));
    bool whole = h.day_count >= 0 && (uint64_t)h.day_count <= most;
    *at = sizeof h + (whole ? 2 * sizeof(int64_t) * (size_t)h.day_count : 0) + sizeof sum;
    if (!whole || *at > size)
        return errmsg_set(e, ERR_FORMAT, "damaged: its length is not what its head says");
    memcpy(&sum, bytes + *at - sizeof sum, sizeof sum);
    if (sum != (uint32_t)crc32_z(0, (const unsigned char *)bytes, *at - sizeof sum)) {
        return errmsg_set(e, ERR_FORMAT, "damaged: the checksum does not hold");
    }
    return ERR_OK;
}

// The exchange's bytes are moved to the beginning of p->saved: they hold structs, and so must be aligned as
// malloc gives them.
static int take_head(struct live *l, struct errmsg *e) {
    struct paper *p = l->paper;
    struct world_view *v = &l->view;
    size_t at = 0;
    int err = check_head(p->saved, p->saved_size, &at, e);
    if (err) return err;
    struct paper_head h;
    memcpy(&h, p->saved, sizeof h);
    const char *days = (const char *)p->saved + sizeof h;
    for (int64_t i = 0; i < h.day_count; i++) {
        int64_t row[2];
        memcpy(&row[0], days + (size_t)i * sizeof(int64_t), sizeof(int64_t));
        memcpy(&row[1], days + (size_t)(h.day_count + i) * sizeof(int64_t), sizeof(int64_t));
        end_day(p, row[0], row[1]);
    }
    p->account = h.account;
    v->peak_e8 = h.peak_e8;
    v->drawdown_e8 = h.drawdown_e8;
    v->drawdown = h.drawdown;
    v->peak_us = h.peak_us;
    v->trough_us = h.trough_us;
    v->peak_candidate_us = h.candidate_us;
    v->equity_e8 = h.equity_e8;
    memmove(p->saved, (const char *)p->saved + at, p->saved_size - at);
    p->saved_size -= at;
    p->resumed = true;
    return state_check(p->saved, p->saved_size, l->symbols, l->list.count, e);
}

static int take_lock(struct paper *p, struct errmsg *e) {
    int err = whole_file_lock(p->state_path, &p->lock, e);
    if (err != ERR_FULL) return err;
    return errmsg_set(e, ERR_FULL,
                      "%s: another paper run has this account; --name or --state gives this one its own",
                      p->state_path);
}

static int read_account(struct live *l, struct errmsg *e) {
    struct paper *p = l->paper;
    int err = take_lock(p, e);
    if (err || l->o.paper.reset) return err;
    err = whole_file_read(p->state_path, &p->saved, &p->saved_size, e);
    if (err || !p->saved) return err;
    err = take_head(l, e);
    if (!err) return ERR_OK;
    char what[256];
    snprintf(what, sizeof what, "%.255s", e->text);
    return errmsg_set(e, err, "%s: %s; --reset begins anew", p->state_path, what);
}

// ---- life ----

int paper_open(struct live *l, struct errmsg *e) {
    struct paper *p = must(calloc(1, sizeof *p));
    l->paper = p;
    p->wire = live_wire_link(l);
    p->symbols = must(calloc((size_t)l->list.count, sizeof *p->symbols));
    p->up_end = &p->up;
    p->down_end = &p->down;
    p->lock = -1;
    l->o.paper.exchange.event_mask = UINT64_C(1) << RECORD_ORDER_UPDATE | UINT64_C(1) << RECORD_ALGO_UPDATE |
                                     UINT64_C(1) << RECORD_ACCOUNT_UPDATE;
    p->account.capital_e8 = l->o.paper.exchange.wallet_e8;
    if (!l->o.paper.state_path) return ERR_OK;
    p->state_path = must(strdup(l->o.paper.state_path));
    return read_account(l, e);
}

// The account as it was, and the fundings of the time it was away; each takes an instant of its own.
static void take_up(struct live *l) {
    struct paper *p = l->paper;
    exchange_restore(p->x, p->saved);
    free(p->saved);
    p->saved = NULL;
    for (int16_t k = 0; k < l->list.count; k++) {
        const struct paper_symbol *s = &p->symbols[k];
        for (int32_t i = 0; i < s->funding_count; i++) {
            exchange_funding(p->x, k, ++p->now_us, s->funding[i].rate_e8, s->funding[i].mark_e8);
        }
    }
    exchange_advance(p->x, p->now_us);
}

void paper_begin(struct live *l) {
    struct paper *p = l->paper;
    struct exchange_hooks hooks = { .ctx = l, .reply = on_reply, .event = on_event };
    int64_t now = paper_clock(l);
    p->x = must(exchange_new(&l->o.paper.exchange, l->symbols, l->list.count, &hooks, now));
    for (int16_t k = 0; k < l->list.count; k++) {
        const struct paper_symbol *s = &p->symbols[k];
        mirror_open(p->x, k, s->last_e8, now);
        mirror_mark(p->x, k, s->mark.mark_e8, 0, 0, now);
    }
    if (p->saved)
        take_up(l);
    else
        p->account.started_us = now;
    for (int16_t k = 0; k < l->list.count; k++) {
        const struct paper_symbol *s = &p->symbols[k];
        mirror_mark(p->x, k, s->mark.mark_e8, s->mark.next_funding_us, s->mark.funding_rate_e8, p->now_us);
        mirror_depth(p->x, k, s->bids, s->bid_count, s->asks, s->ask_count, p->now_us);
    }
    l->view.wallet_e8 = exchange_wallet_e8(p->x);
    for (int16_t k = 0; k < l->list.count; k++) {
        for (int side = 0; side < POSITION_SIDE_COUNT; side++) {
            l->view.position[k][side] = (struct position_view){ exchange_position_e8(p->x, k, side),
                                                                exchange_entry_e8(p->x, k, side) };
        }
    }
    if (l->view.peak_e8 == 0) {
        l->view.peak_e8 = exchange_equity_e8(p->x);
        l->view.peak_us = l->view.trough_us = l->view.peak_candidate_us = now;
    }
    paper_value(l);
    p->dirty = true;   // a new account is one from its first second
}

void paper_pump(struct live *l, int64_t now_us) {
    struct paper *p = l->paper;
    if (!p) return;
    paper_advance(l, now_us);
    arrivals(l, now_us);
    if (p->x) {
        int64_t at = paper_clock(l);
        if (exchange_next_us(p->x) <= at) exchange_advance(p->x, at);
        if (at - p->point_us >= VALUE_EVERY_US) paper_value(l);
    }
    letters(l, now_us);
    save_if_due(l, now_us);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

int64_t paper_next_us(const struct live *l) {
    const struct paper *p = l->paper;
    if (!p) return NEVER;
    int64_t due = paper_due_us(l);
    if (p->down) due = least(due, p->down->at_us);
    // One that waits for the market is looked at again when a message comes.
    for (const struct parcel *out = p->up; out; out = out->next)
        due = least(due, may_arrive(l, out) ? out->at_us : out->give_up_us);
    if (p->x) {
        int64_t next = exchange_next_us(p->x);
        if (next != NEVER) due = least(due, next - clock_offset_us(&l->clock));
    }
    if (p->save_due_us != 0) due = least(due, p->save_due_us);
    return due;
}

void paper_close(struct live *l) {
    struct paper *p = l->paper;
    struct errmsg e;
    if (!p) return;
    paper_stop(l);
    paper_value(l);
    while (p->writing) uv_run(&l->loop, UV_RUN_ONCE);
    size_t size;
    char *bytes = p->x && p->state_path ? account_bytes(l, &size) : NULL;
    if (bytes && whole_file_write(p->state_path, bytes, size, &e))
        fprintf(stderr, "moontide paper: %s\n", e.text);
    free(bytes);
    exchange_free(p->x);
    for (struct parcel *next; p->up; p->up = next) {
        next = p->up->next;
        free(p->up);
    }
    for (struct letter *next; p->down; p->down = next) {
        next = p->down->next;
        free(p->down);
    }
    for (int32_t k = 0; k < l->list.count; k++) free(p->symbols[k].funding);
    if (p->lock >= 0) close(p->lock);
    free(p->symbols);
    free(p->state_path);
    free(p->saved);
    free(p->day_us);
    free(p->day_equity_e8);
    free(p);
    l->paper = NULL;
}

struct exchange *live_exchange(struct live *l) {
    return l->paper ? l->paper->x : NULL;
}

int64_t live_paper_now(struct live *l) { return paper_clock(l); }

struct paper_account live_paper_account(const struct live *l, bool *resumed) {
    *resumed = l->paper->resumed;
    return l->paper->account;
}
