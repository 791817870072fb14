// replay.c: a recording played back to a script, call by call.
#include "record/replay.h"

#include "base/assert.h"
#include "base/text.h"
#include "data/columns.h"
#include "record/record_forms.h"
#include "venue/binance/encode.h"
#include "venue/binance/endpoint.h"
#include "trade/record.h"
#include "trade/names.h"
#include "trade/interval.h"
#include "world/world.h"
#include "trade/stream_event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAID_MAX = RUN_RECORD_TEXT_MAX + 512 };

struct replayed_feed {
    struct series series;
    int64_t capacity;
    int16_t symbol;
    bool open;
};

struct replayed_timer {
    int32_t id, number;
};

struct replay {
    struct world_view view;
    struct run_record_reader *reader;
    struct run_record item;   // the next of the pump's, when `peeked`
    bool peeked, changed;     // changed: the view's, with that item
    char *about;
    size_t about_size;
    struct symbol *symbols;
    int32_t symbol_count;
    struct api_config *config;
    struct metrics_snapshot metrics;
    struct api_call_pool *ops;
    struct api_call **calls;   // by number - 1; NULL once it has settled
    int64_t call_count, call_size;
    struct replayed_timer *timers;
    int32_t timer_count, timer_size, timer_numbers;
    struct replayed_feed feeds[WORLD_FEEDS_MAX];
    struct stream_event event;
    int64_t events;
    int32_t state;
    char recorded[SAID_MAX], did[SAID_MAX];
};

static void *must(void *block) {
    ASSERT(block != NULL);
    return block;
}

// ---- the recording ----

// The next item of the pump's own; false: there is none, and the state says why.
static bool peek(struct replay *r) {
    if (r->state != REPLAY_RUNNING) return false;
    while (!r->peeked) {
        if (!run_record_next(r->reader, &r->item)) {
            r->state = run_record_end(r->reader) == RECORD_FILE_DAMAGED ? REPLAY_DAMAGED : REPLAY_CUT;
            return false;
        }
        if (r->item.kind == RUN_RECORD_VIEW)
            r->changed = true;
        else if (r->item.kind != RUN_RECORD_ARRIVED && r->item.kind != RUN_RECORD_PRICE)
            r->peeked = true;
    }
    if (r->item.kind == RUN_RECORD_NOTE) {
        r->state = REPLAY_NOTED;
        struct text_out o = { r->recorded, sizeof r->recorded, 0 };
        text_put(&o, "%.*s", (int)(r->item.text_size < 4000 ? r->item.text_size : 4000), r->item.text);
        return false;
    }
    return true;
}

// Its time and what else of the view came with it.
static void take(struct replay *r) {
    const struct run_record_past *p = run_record_past_of(r->reader);
    r->peeked = false;
    r->view.now_us = r->item.now_us;
    if (!r->changed) return;
    r->changed = false;
    r->view.wallet_e8 = p->wallet_e8;
    memcpy(r->view.last_e8, p->last_e8, sizeof r->view.last_e8[0] * (size_t)r->symbol_count);
    memcpy(r->view.position, p->position, sizeof r->view.position[0] * (size_t)r->symbol_count);
}

// ---- saying what differs ----

static void say_call(struct text_out *o, const struct run_record *i) {
    const struct endpoint_info *info = endpoint_info(i->endpoint);
    text_put(o, "%s %s %.*s (priority %s", http_method_name(info->method), info->path, (int)i->text_size,
             i->text, priority_name(i->priority));
    if (i->deadline_us != 0) text_put(o, ", timeout %.6g s", (double)i->deadline_us / 1e6);
    if (i->retries != 20) text_put(o, ", %d retries", i->retries);
    if (i->no_share) text_put(o, ", not shared");
    text_put(o, ")");
}

static void say(char *to, const struct run_record *i) {
    struct text_out o = { to, SAID_MAX, 0 };
    switch (i->kind) {
    case RUN_RECORD_SUBMIT: say_call(&o, i); break;
    case RUN_RECORD_WAIT: text_put(&o, "waits for the answer to call %lld", (long long)i->number); break;
    case RUN_RECORD_NEXT: text_put(&o, "waits for the next event"); break;
    case RUN_RECORD_TIMER: text_put(&o, "sleeps for %.6f s", (double)i->delay_us / 1e6); break;
    case RUN_RECORD_CLIENT_ID: text_put(&o, "makes an order"); break;
    case RUN_RECORD_FEED:
        text_put(&o, "asks for bars of symbol %d, interval %s", i->symbol + 1, interval_names[i->interval]);
        break;
    case RUN_RECORD_BOOK: text_put(&o, "reads the order book of symbol %d", i->symbol + 1); break;
    case RUN_RECORD_METRICS: text_put(&o, "reads api.get_metrics"); break;
    case RUN_RECORD_STRAIN: text_put(&o, "gathers orders into a batch"); break;
    case RUN_RECORD_CONFIGURE: text_put(&o, "calls api.configure"); break;
    case RUN_RECORD_START: text_put(&o, "calls api.start"); break;
    case RUN_RECORD_STOP: text_put(&o, "calls api.stop"); break;
    case RUN_RECORD_BEGIN: text_put(&o, "begins"); break;
    case RUN_RECORD_OVER:
        if (i->text_size == 0)
            text_put(&o, "ends");
        else
            text_put(&o, "fails: %.*s", (int)strcspn(i->text, "\n"), i->text);
        break;
    default: text_put(&o, "ends"); break;
    }
}

static void diverge(struct replay *r, const struct run_record *did) {
    r->state = REPLAY_DIVERGED;
    r->view.now_us = r->item.now_us;
    say(r->recorded, &r->item);
    say(r->did, did);
}

// Whether the recording goes on with what the script does now.
static bool expect(struct replay *r, const struct run_record *did) {
    if (!peek(r)) return false;
    if (r->item.kind == did->kind) return true;
    diverge(r, did);
    return false;
}

static bool expect_kind(struct replay *r, int32_t kind) {
    struct run_record did = { .kind = (uint8_t)kind, .text = "" };
    return expect(r, &did);
}

// ---- answers ----

static void settle(struct replay *r, struct api_call *op) {
    const struct run_record *i = &r->item;
    struct reply reply = { .status = i->http_status,
                           .code = i->code,
                           .kind = i->rows_kind,
                           .list = i->list,
                           .count = i->count,
                           .rows = i->rows,
                           .used_weight_1m = -1,
                           .order_count_10s = -1,
                           .order_count_1m = -1 };
    memcpy(reply.message, i->message, sizeof reply.message);
    for (int32_t k = 0; k < i->batch_count; k++) {
        reply.batch_code[k] = i->batch_code[k];
        reply.batch_message[k] = i->batch_message[k];
    }
    if (!i->rows) {
        free(op->rows);
        op->rows = NULL;
        op->rows_size = 0;
    }
    MUST(api_call_keep_reply(op, &reply));
    memcpy(op->message, i->message, sizeof op->message);
    op->settle = i->settle;
    op->done = true;
}

static struct api_call *call_of(const struct replay *r, int64_t number) {
    return number >= 1 && number <= r->call_count ? r->calls[number - 1] : NULL;
}

// ---- the pump ----

static struct world_view *view(void *world) {
    struct replay *r = world;
    return &r->view;
}
static int64_t last_e8(void *world, int16_t symbol) {
    struct replay *r = world;
    return r->view.last_e8[symbol];
}
static void want_events(void *world, uint64_t mask) {
    (void)world;
    (void)mask;
}
static struct api_call *take_call(void *world) {
    struct replay *r = world;
    return must(api_call_take(r->ops));
}
static void give_call(void *world, struct api_call *op) {
    struct replay *r = world;
    api_call_give(r->ops, op);
}

static void submit(void *world, struct api_call *op) {
    struct replay *r = world;
    char text[RUN_RECORD_TEXT_MAX];
    size_t size = call_encode(&op->call, r->symbols, text, sizeof text);
    const struct request *q = &op->request;
    struct run_record did = { .kind = RUN_RECORD_SUBMIT,
                              .endpoint = op->call.endpoint,
                              .priority = q->priority,
                              .retries = q->retries_max,
                              .no_share = op->no_share,
                              .deadline_us = q->deadline_us != 0 ? q->deadline_us - r->view.now_us : 0,
                              .text = text,
                              .text_size = size < sizeof text ? size : sizeof text - 1 };
    if (!expect(r, &did)) return;
    const struct run_record *i = &r->item;
    bool same = i->endpoint == did.endpoint && i->priority == did.priority && i->retries == did.retries &&
                i->no_share == did.no_share && i->deadline_us == did.deadline_us &&
                i->text_size == did.text_size && memcmp(i->text, did.text, did.text_size) == 0;
    if (!same) {
        diverge(r, &did);
        return;
    }
    take(r);
    if (r->call_count == r->call_size) {
        r->call_size = r->call_size ? r->call_size * 2 : 256;
        r->calls = must(realloc(r->calls, sizeof *r->calls * (size_t)r->call_size));
    }
    r->calls[r->call_count++] = op;
    if (i->done) settle(r, op);
}

static int32_t wait_for(void *world, struct api_call *op, bool wants) {
    struct replay *r = world;
    (void)wants;
    struct run_record did = { .kind = RUN_RECORD_WAIT, .text = "" };
    for (int64_t n = r->call_count; n > 0 && did.number == 0; n--) {
        if (r->calls[n - 1] == op) did.number = n;
    }
    // A run with a control socket has tasks of its own, beside which a call may wait in another way.
    if (peek(r) && r->item.kind == RUN_RECORD_NEXT) return 1;
    if (!expect(r, &did)) return -1;
    if (r->item.number != did.number || did.number == 0) {
        diverge(r, &did);
        return -1;
    }
    take(r);
    if (r->item.status == 0) {
        settle(r, op);
        r->calls[did.number - 1] = NULL;
        r->events++;
    }
    return r->item.status;
}

static void add_bar(struct replay *r) {
    struct replayed_feed *f = &r->feeds[r->item.feed];
    if (f->series.count == f->capacity) {
        struct series larger = f->series;
        int64_t *columns[COLUMN_COUNT], count = f->series.count,
                                        capacity = f->capacity ? 2 * f->capacity : 4096;
        MUST(columns_alloc(&larger, capacity, columns) == 0);
        for (int c = 0; c < COLUMN_COUNT && count > 0; c++)
            memcpy(columns[c], columns_get(&f->series, c), (size_t)count * sizeof(int64_t));
        series_close(&f->series);
        f->series = larger;
        f->series.count = count;
        f->capacity = capacity;
    }
    for (int c = 0; c < COLUMN_COUNT; c++)
        ((int64_t *)(uintptr_t)columns_get(&f->series, c))[f->series.count] = r->item.bar[c];
    r->view.series = &f->series;
    r->view.bar_index = f->series.count++;
    r->view.feed = r->item.feed;
    r->view.bar_recovered = r->item.recovered;
}

static bool fire_timer(struct replay *r) {
    for (int32_t i = 0; i < r->timer_count; i++) {
        if (r->timers[i].number != r->item.timer) continue;
        r->view.timer = r->timers[i].id;
        r->timers[i] = r->timers[--r->timer_count];
        return true;
    }
    return false;
}

static int32_t next(void *world, bool wants) {
    struct replay *r = world;
    (void)wants;
    if (!expect_kind(r, RUN_RECORD_NEXT)) return -1;
    take(r);
    bool good = true;
    struct api_call *op;
    switch (r->item.next) {
    case WORLD_BAR:
        good = r->feeds[r->item.feed].open;
        if (good) add_bar(r);
        break;
    case WORLD_EVENT:
        r->event = r->item.event;
        r->view.event = &r->event;
        break;
    case WORLD_CALL:
        op = call_of(r, r->item.number);
        good = op != NULL && r->item.done;
        if (!good) break;
        settle(r, op);
        r->view.op = op;
        r->calls[r->item.number - 1] = NULL;
        break;
    case WORLD_TIMER: good = fire_timer(r); break;
    case WORLD_NOTICE: r->view.notice = r->item.notice; break;
    case WORLD_END: break;
    default: good = false;
    }
    if (!good) {
        r->state = REPLAY_DAMAGED;   // something the script never asked for
        return -1;
    }
    if (r->item.next != WORLD_END) r->events++;
    return r->item.next;
}

static void set_timer(void *world, int64_t delay_us, int32_t timer) {
    struct replay *r = world;
    struct run_record did = { .kind = RUN_RECORD_TIMER, .delay_us = delay_us, .text = "" };
    if (!expect(r, &did)) return;
    if (r->item.delay_us != delay_us) {
        diverge(r, &did);
        return;
    }
    take(r);
    if (r->timer_count == r->timer_size) {
        r->timer_size = r->timer_size ? r->timer_size * 2 : 32;
        r->timers = must(realloc(r->timers, sizeof *r->timers * (size_t)r->timer_size));
    }
    r->timers[r->timer_count++] = (struct replayed_timer){ timer, ++r->timer_numbers };
}

static void name_order(void *world, struct call *call) {
    struct replay *r = world;
    if (!expect_kind(r, RUN_RECORD_CLIENT_ID)) return;
    size_t size = r->item.text_size < CLIENT_ID_MAX ? r->item.text_size : CLIENT_ID_MAX - 1;
    memcpy(call->client_id, r->item.text, size);
    call->client_id[size] = 0;
    call->given |= UINT64_C(1) << P_CLIENT_ID;
    take(r);
}

int32_t replay_feed(struct replay *r, int16_t symbol, int32_t interval) {
    struct run_record did = { .kind = RUN_RECORD_FEED, .symbol = symbol, .interval = interval, .text = "" };
    if (!expect(r, &did)) return 0;
    if (r->item.symbol != symbol || r->item.interval != interval) {
        diverge(r, &did);
        return 0;
    }
    take(r);
    struct replayed_feed *f = &r->feeds[r->item.feed];
    if (!f->open) {
        f->open = true;
        f->symbol = symbol;
        snprintf(f->series.symbol, sizeof f->series.symbol, "%s", r->symbols[symbol].name);
        f->series.interval = interval;
        f->series.interval_us = interval_us(interval);
    }
    return r->item.feed;
}

static void expect_plain(struct replay *r, int32_t kind) {
    if (expect_kind(r, kind)) take(r);
}

void replay_begin(struct replay *r) { expect_plain(r, RUN_RECORD_BEGIN); }
static void mark(struct replay *r, int32_t kind) { expect_plain(r, kind); }

static const struct metrics_snapshot *metrics(void *world, int64_t now_us) {
    (void)now_us;   // the recording knows
    struct replay *r = world;
    if (!expect_kind(r, RUN_RECORD_METRICS)) return NULL;
    memcpy(&r->metrics, r->item.rows, sizeof r->metrics);
    r->view.shared = r->item.shared;
    take(r);
    return &r->metrics;
}

static bool book(void *world, int16_t symbol, struct live_book *out) {
    struct replay *r = world;
    struct run_record did = { .kind = RUN_RECORD_BOOK, .symbol = symbol, .text = "" };
    if (!expect(r, &did)) return false;
    if (r->item.symbol != symbol) {
        diverge(r, &did);
        return false;
    }
    take(r);
    if (r->item.done) *out = r->item.book;
    return r->item.done;
}

static double strain(void *world, const int32_t cost[], int64_t now_us) {
    (void)cost;
    (void)now_us;   // the recording knows
    struct replay *r = world;
    if (!expect_kind(r, RUN_RECORD_STRAIN)) return 0;
    take(r);
    return r->item.value;
}

// As they are written: what a struct has between its members says nothing.
static bool same_config(const struct api_config *a, const struct api_config *b) {
    struct saved_out one = { 0 }, other = { 0 };
    record_forms_put_config(&one, a);
    record_forms_put_config(&other, b);
    bool same = one.size == other.size && memcmp(one.at, other.at, one.size) == 0;
    saved_out_free(&one);
    saved_out_free(&other);
    return same;
}

static void configure(void *world, const struct api_config *config, int64_t now_us) {
    (void)now_us;   // the recording knows
    struct replay *r = world;
    struct run_record did = { .kind = RUN_RECORD_CONFIGURE, .text = "" };
    if (!expect(r, &did)) return;
    if (!same_config(r->item.rows, config)) {
        diverge(r, &did);
        strncat(r->did, " with other settings", SAID_MAX - strlen(r->did) - 1);
        return;
    }
    take(r);
}

void replay_over(struct replay *r, const char *failure) {
    struct run_record did = { .kind = RUN_RECORD_OVER, .text = failure, .text_size = strlen(failure) };
    if (!expect(r, &did)) return;
    if ((r->item.text_size == 0) != (did.text_size == 0)) {
        diverge(r, &did);
        return;
    }
    take(r);
    r->state = REPLAY_SAME;
}

// ---- life ----

static bool take_head(struct replay *r, int32_t kind) {
    return peek(r) && r->item.kind == kind && (r->peeked = false, true);
}

int replay_open(const char *path, struct replay **out, struct errmsg *e) {
    struct replay *r = must(calloc(1, sizeof *r));
    int err = run_record_open(path, &r->reader, e);
    if (err) {
        free(r);
        return err;
    }
    r->ops = must(api_call_pool_new());
    bool good = take_head(r, RUN_RECORD_ABOUT);
    if (good) {
        r->about = must(malloc(r->item.text_size + 1));
        memcpy(r->about, r->item.text, r->item.text_size);
        r->about_size = r->item.text_size;
    }
    good = good && take_head(r, RUN_RECORD_RULES);
    if (good) {
        r->symbol_count = r->item.count;
        r->symbols = must(malloc(sizeof *r->symbols * (size_t)r->symbol_count));
        memcpy(r->symbols, r->item.rows, sizeof *r->symbols * (size_t)r->symbol_count);
    }
    good = good && take_head(r, RUN_RECORD_CONFIG);
    if (good) {
        r->config = must(malloc(sizeof *r->config));
        memcpy(r->config, r->item.rows, sizeof *r->config);
        *out = r;
        return ERR_OK;
    }
    int64_t offset = run_record_offset(r->reader);
    const char *how = r->state == REPLAY_CUT ? "cut off" : "damaged";
    replay_free(r);
    return errmsg_set(e, ERR_FORMAT, "%s is %s at byte %lld, before the script begins", path, how,
                      (long long)offset);
}

void replay_free(struct replay *r) {
    if (!r) return;
    run_record_close(r->reader);
    for (int i = 0; i < WORLD_FEEDS_MAX; i++) series_close(&r->feeds[i].series);
    api_call_pool_free(r->ops);
    free(r->calls);
    free(r->timers);
    free(r->about);
    free(r->symbols);
    free(r->config);
    free(r);
}

const char *replay_about(const struct replay *r, size_t *size) {
    *size = r->about_size;
    return r->about;
}

const struct symbol *replay_rules(const struct replay *r, int32_t *count) {
    *count = r->symbol_count;
    return r->symbols;
}

const struct api_config *replay_config(const struct replay *r) { return r->config; }

int32_t replay_state(const struct replay *r) { return r->state; }

struct replay_report replay_report(const struct replay *r) {
    return (struct replay_report){
        r->state, r->events, r->call_count, r->view.now_us, run_record_offset(r->reader), r->recorded, r->did
    };
}

static void free_world(void *world) { replay_free(world); }
static void manager_start(void *world) { mark(world, RUN_RECORD_START); }

static void manager_stop(void *world, int64_t now_us) {
    (void)now_us;
    mark(world, RUN_RECORD_STOP);
}

// Time goes on after the end of a live run, and so it does here: only the recording's own end is one.
static void stop_within(void *world, int64_t within_us) {
    (void)world;
    (void)within_us;
}

const struct world_functions *replay_functions(void) {
    static const struct world_functions functions = {
        .free = free_world,
        .view = view,
        .op = take_call,
        .op_free = give_call,
        .submit = submit,
        .wait = wait_for,
        .next = next,
        .timer = set_timer,
        .last = last_e8,
        .client_id = name_order,
        .events = want_events,
        .configure = configure,
        .manager_start = manager_start,
        .manager_stop = manager_stop,
        .strain = strain,
        .metrics = metrics,
        .book = book,
        .stop_within = stop_within,
    };
    return &functions;
}
