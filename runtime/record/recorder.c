// recorder.c: what came of each call of the pump, made into the items of a recording.
#include "record/recorder.h"

#include "api/metrics.h"
#include "base/assert.h"
#include "data/columns.h"
#include "venue/binance/encode.h"
#include "world/world.h"
#include "trade/stream_event.h"

#include <stdlib.h>
#include <string.h>

struct slot {
    int64_t number;
    bool reported;
};

struct recorded_timer {
    int32_t id, number;
};

struct recorder {
    struct record_file_writer *writer;
    const struct world_view *view;
    struct symbol *symbols;
    int32_t symbol_count;
    struct run_record_past past;
    struct run_record_out out;
    struct run_record item;   // its scalars are set anew for each
    struct slot *slots;       // by op slot
    int32_t slot_size;
    struct recorded_timer *timers;   // not yet fired
    int32_t timer_count, timer_size, timer_numbers;
    int64_t calls;
};

// The first of all items, before the world has a time.
static void write_names(struct recorder *r) {
    r->item.kind = RUN_RECORD_NAMES;
    run_record_encode(&r->out, &r->past, &r->item, NULL);
    record_file_put(r->writer, RUN_RECORD_NAMES, r->out.bytes.at, r->out.bytes.size, r->out.rows);
}

int recorder_open(const char *path, const struct world_view *view, const struct symbol *symbols,
                  int32_t symbol_count, struct recorder **out, struct errmsg *e) {
    struct recorder *r = calloc(1, sizeof *r);
    ASSERT(r != NULL);
    int err = record_file_writer_open(path, RECORD_FILE_OF_RUN, &r->writer, e);
    if (err) {
        free(r);
        return err;
    }
    r->view = view;
    r->symbols = malloc(sizeof *symbols * (size_t)symbol_count);
    ASSERT(r->symbols != NULL);
    memcpy(r->symbols, symbols, sizeof *symbols * (size_t)symbol_count);
    r->symbol_count = symbol_count;
    write_names(r);
    *out = r;
    return ERR_OK;
}

static void write_view(struct recorder *r) {
    if (run_record_encode_view(&r->out, &r->past, r->view, r->symbol_count))
        record_file_put(r->writer, RUN_RECORD_VIEW, r->out.bytes.at, r->out.bytes.size, r->out.rows);
}

static void write_item(struct recorder *r, int32_t kind, const struct api_call *op) {
    write_view(r);
    r->item.kind = (uint8_t)kind;
    r->item.now_us = r->view->now_us;
    run_record_encode(&r->out, &r->past, &r->item, op);
    record_file_put(r->writer, (uint8_t)kind, r->out.bytes.at, r->out.bytes.size, r->out.rows);
}

static void write_rows(struct recorder *r, int32_t kind, const void *rows, int32_t count) {
    r->item.rows = rows;
    r->item.count = count;
    write_item(r, kind, NULL);
}

void recorder_rules(struct recorder *r) { write_rows(r, RUN_RECORD_RULES, r->symbols, r->symbol_count); }

void recorder_config(struct recorder *r, const struct api_config *config) {
    write_rows(r, RUN_RECORD_CONFIG, config, 1);
}

void recorder_text(struct recorder *r, int32_t kind, const void *text, size_t size) {
    r->item.text = text;
    r->item.text_size = size;
    write_item(r, kind, NULL);
}

void recorder_feed(struct recorder *r, int16_t symbol, int32_t interval, int32_t feed) {
    r->item.symbol = symbol;
    r->item.interval = interval;
    r->item.feed = feed;
    write_item(r, RUN_RECORD_FEED, NULL);
}

void recorder_begin(struct recorder *r) { write_item(r, RUN_RECORD_BEGIN, NULL); }

static struct slot *slot_of(struct recorder *r, const struct api_call *op) {
    if (op->slot >= r->slot_size) {
        int32_t size = r->slot_size ? r->slot_size : 64;
        while (size <= op->slot) size *= 2;
        r->slots = realloc(r->slots, sizeof *r->slots * (size_t)size);
        ASSERT(r->slots != NULL);
        memset(r->slots + r->slot_size, 0, sizeof *r->slots * (size_t)(size - r->slot_size));
        r->slot_size = size;
    }
    return &r->slots[op->slot];
}

void recorder_submit(struct recorder *r, const struct api_call *op) {
    char text[RUN_RECORD_TEXT_MAX];
    size_t size = call_encode(&op->call, r->symbols, text, sizeof text);
    *slot_of(r, op) = (struct slot){ ++r->calls, false };
    struct run_record *i = &r->item;
    i->endpoint = op->call.endpoint;
    i->priority = op->request.priority;
    i->retries = op->request.retries_max;
    i->no_share = op->no_share;
    i->deadline_us = op->request.deadline_us != 0 ? op->request.deadline_us - r->past.now_us : 0;
    i->done = op->done;
    i->text = text;
    i->text_size = size < sizeof text ? size : sizeof text - 1;
    write_item(r, RUN_RECORD_SUBMIT, op);
}

void recorder_wait(struct recorder *r, const struct api_call *op, int32_t status) {
    struct slot *s = slot_of(r, op);
    r->item.number = s->number;
    r->item.status = status;
    if (status == 0) s->reported = true;
    write_item(r, RUN_RECORD_WAIT, op);
}

static void take_bar(struct recorder *r) {
    const struct world_view *v = r->view;
    r->item.feed = v->feed;
    r->item.recovered = v->bar_recovered;
    for (int c = 0; c < COLUMN_COUNT; c++) {
        const int64_t *column = columns_get(v->series, c);
        r->item.bar[c] = column ? column[v->bar_index] : 0;
    }
}

// A timer of the script's own; false: somebody else's.
static bool take_timer(struct recorder *r) {
    for (int32_t i = 0; i < r->timer_count; i++) {
        if (r->timers[i].id != r->view->timer) continue;
        r->item.timer = r->timers[i].number;
        r->timers[i] = r->timers[--r->timer_count];
        return true;
    }
    return false;
}

bool recorder_next(struct recorder *r, int32_t kind) {
    const struct api_call *op = NULL;
    struct slot *s;
    r->item.next = (uint8_t)kind;
    switch (kind) {
    case WORLD_BAR: take_bar(r); break;
    case WORLD_EVENT: r->item.event = *r->view->event; break;
    case WORLD_CALL:
        op = r->view->op;
        s = slot_of(r, op);
        // Told of already by recorder_wait, or of a slot that has been taken anew.
        if (s->number == 0 || s->reported || !op->done) return s->number != 0;
        s->reported = r->item.done = true;
        r->item.number = s->number;
        break;
    case WORLD_TIMER:
        if (!take_timer(r)) return false;
        break;
    case WORLD_NOTICE: r->item.notice = r->view->notice; break;
    case WORLD_END: break;
    default: return false;
    }
    write_item(r, RUN_RECORD_NEXT, op);
    return true;
}

void recorder_timer(struct recorder *r, int64_t delay_us, int32_t timer) {
    if (r->timer_count == r->timer_size) {
        r->timer_size = r->timer_size ? r->timer_size * 2 : 32;
        r->timers = realloc(r->timers, sizeof *r->timers * (size_t)r->timer_size);
        ASSERT(r->timers != NULL);
    }
    r->timers[r->timer_count++] = (struct recorded_timer){ timer, ++r->timer_numbers };
    r->item.timer = r->timer_numbers;
    r->item.delay_us = delay_us;
    write_item(r, RUN_RECORD_TIMER, NULL);
}

void recorder_client_id(struct recorder *r, const struct call *call) {
    recorder_text(r, RUN_RECORD_CLIENT_ID, call->client_id, strlen(call->client_id));
}

void recorder_metrics(struct recorder *r, const struct metrics_snapshot *snapshot) {
    r->item.shared = r->view->shared;
    write_rows(r, RUN_RECORD_METRICS, snapshot, 1);
}

void recorder_book(struct recorder *r, int16_t symbol, const struct live_book *book) {
    r->item.symbol = symbol;
    r->item.done = book != NULL;
    if (book) r->item.book = *book;
    write_item(r, RUN_RECORD_BOOK, NULL);
}

void recorder_strain(struct recorder *r, double strain) {
    r->item.value = strain;
    write_item(r, RUN_RECORD_STRAIN, NULL);
}

void recorder_configure(struct recorder *r, const struct api_config *config) {
    write_rows(r, RUN_RECORD_CONFIGURE, config, 1);
}

void recorder_mark(struct recorder *r, int32_t kind) { write_item(r, kind, NULL); }

// The view is not looked at: its changes belong to the pump's call that is under way.
static void write_beside(struct recorder *r, int32_t kind) {
    r->item.kind = (uint8_t)kind;
    r->item.now_us = r->view->now_us;
    run_record_encode(&r->out, &r->past, &r->item, NULL);
    record_file_put(r->writer, (uint8_t)kind, r->out.bytes.at, r->out.bytes.size, r->out.rows);
}

void recorder_arrived(void *ctx, const struct stream_event *event) {
    struct recorder *r = ctx;
    if (event->kind == RECORD_TICKER_PRICE) {
        r->item.symbol = event->u.book.symbol;
        r->item.price_e8 = event->u.book.last_e8;
        write_beside(r, RUN_RECORD_PRICE);
        return;
    }
    bool account = event->kind == RECORD_ORDER_UPDATE || event->kind == RECORD_ALGO_UPDATE ||
                   event->kind == RECORD_ACCOUNT_UPDATE;
    if (!account) return;   // the market's come with the script's own
    r->item.event = *event;
    write_beside(r, RUN_RECORD_ARRIVED);
}

int recorder_close(struct recorder *r, double clock_offset, struct record_file_figures *figures,
                   struct errmsg *e) {
    r->item.value = clock_offset;
    write_item(r, RUN_RECORD_CLOSED, NULL);
    int err = record_file_writer_close(r->writer, figures, e);
    saved_out_free(&r->out.bytes);
    free(r->slots);
    free(r->timers);
    free(r->symbols);
    free(r);
    return err;
}
