// run_record.c: the items of a recording written and read.
#include "record/run_record.h"

#include "api/metrics.h"
#include "base/assert.h"
#include "data/columns.h"
#include "record/record_forms.h"
#include "trade/saved_record.h"
#include "world/world.h"
#include "trade/stream_event.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(COLUMN_COUNT == 14, "struct run_record holds a bar");

// ---- values ----

static void put_difference(struct saved_out *o, int64_t *past, int64_t v) {
    saved_put_int(o, (int64_t)((uint64_t)v - (uint64_t)*past));
    *past = v;
}

static int64_t get_difference(struct saved_in *in, int64_t *past) {
    *past = (int64_t)((uint64_t)*past + (uint64_t)saved_get_int(in));
    return *past;
}

static void get_into(struct saved_in *in, void *to, size_t size) {
    const uint8_t *from = saved_get_bytes(in, size);
    if (in->bad)
        memset(to, 0, size);
    else
        memcpy(to, from, size);
}

// What this version calls a number of the file's; 0 and bad when it has none of that name.
static int32_t get_number(struct saved_in *in, const struct record_forms_numbers *n) {
    int32_t i = saved_get_index(in, n->count);
    if (in->bad || n->ours[i] < 0) in->bad = true;
    return in->bad ? 0 : n->ours[i];
}

static void *take_from_arena(void *ctx, size_t size) { return arena_take(ctx, size); }

// ---- rows ----

static void put_rows(struct run_record_out *out, const struct saved_table *t, const void *rows,
                     int32_t count) {
    if (!t->has_lists) {
        out->rows = (struct record_file_rows){ t, rows, count };
        return;
    }
    for (int32_t i = 0; i < count; i++)
        saved_put_record(&out->bytes, t, (const char *)rows + (size_t)i * t->size);
}

static void *get_rows(struct saved_in *in, int32_t kind, int32_t count) {
    const struct saved_table *t = saved_record_table(kind);
    bool good = t && count > 0 && count <= in->end - in->at;   // each takes a byte and more
    char *rows = good ? in->take(in->ctx, (size_t)t->size * (size_t)count) : NULL;
    if (!rows) in->bad = true;
    for (int32_t i = 0; i < count && !in->bad; i++) saved_get_record(in, t, rows + (size_t)i * t->size);
    return in->bad ? NULL : rows;
}

// ---- answers ----

static void put_answer(struct run_record_out *out, const struct api_call *op) {
    struct saved_out *o = &out->bytes;
    const struct saved_table *t = saved_record_table(op->kind);
    bool rows = op->code == 0 && op->kind != RECORD_ERROR && op->kind != RECORD_NONE &&
                op->settle == SETTLE_DONE && op->rows && op->count > 0 && t;
    saved_put_unsigned(o, op->settle);
    saved_put_unsigned(o, op->kind);
    saved_put_unsigned(o, (uint64_t)((op->list ? 1 : 0) | (op->message[0] ? 2 : 0) |
                                     (op->call.batch_count ? 4 : 0) | (rows ? 8 : 0)));
    saved_put_int(o, op->status);
    saved_put_int(o, op->code);
    saved_put_int(o, op->count);
    if (op->message[0]) saved_put_text(o, op->message, strlen(op->message));
    if (op->call.batch_count) {
        saved_put_unsigned(o, op->call.batch_count);
        for (int32_t i = 0; i < op->call.batch_count; i++) {
            saved_put_int(o, op->batch_code[i]);
            if (op->batch_code[i] != 0) saved_put_text(o, op->batch_message[i], strlen(op->batch_message[i]));
        }
    }
    if (rows) put_rows(out, t, op->rows, op->count);
}

static void get_message(struct saved_in *in, char *to, size_t room_for) {
    size_t size;
    const char *text = saved_get_text(in, &size);
    if (size >= room_for) size = room_for - 1;
    memcpy(to, text, size);
    to[size] = 0;
}

static void get_answer(struct saved_in *in, const struct record_forms_names *names, struct run_record *r) {
    r->settle = (uint8_t)saved_get_index(in, SETTLE_COUNT);
    r->rows_kind = (uint8_t)get_number(in, &names->kinds);
    uint64_t what = saved_get_unsigned(in);
    r->list = (what & 1) != 0;
    r->http_status = (int32_t)saved_get_int(in);
    r->code = (int32_t)saved_get_int(in);
    r->count = (int32_t)saved_get_int(in);
    r->message[0] = 0;
    r->batch_count = 0;
    r->rows = NULL;
    if (what & 2) get_message(in, r->message, sizeof r->message);
    if (what & 4) {
        r->batch_count = saved_get_index(in, CALL_CANCEL_BATCH_MAX + 1);
        for (int32_t i = 0; i < r->batch_count; i++) {
            r->batch_code[i] = (int32_t)saved_get_int(in);
            r->batch_message[i][0] = 0;
            if (r->batch_code[i] != 0) get_message(in, r->batch_message[i], sizeof r->batch_message[i]);
        }
    }
    if (what & 8) r->rows = get_rows(in, r->rows_kind, r->count);
}

// ---- events and bars ----

// Those that struct stream_event has room for.
static bool is_event(int32_t kind) {
    return kind == RECORD_ORDER_UPDATE || kind == RECORD_ALGO_UPDATE || kind == RECORD_ACCOUNT_UPDATE ||
           kind == RECORD_AGG_TRADE || kind == RECORD_BOOK_TICKER || kind == RECORD_TICKER_PRICE ||
           kind == RECORD_MARGIN_CALL;
}

static void put_event(struct run_record_out *out, const struct stream_event *e) {
    struct saved_out *o = &out->bytes;
    ASSERT(is_event(e->kind));
    saved_put_unsigned(o, e->kind);
    saved_put_unsigned(o, e->recovered);
    saved_put_int(o, e->time_us);
    put_rows(out, saved_record_table(e->kind), &e->u, 1);
}

static void get_event(struct saved_in *in, const struct record_forms_names *names, struct stream_event *e) {
    memset(e, 0, sizeof *e);
    e->kind = (uint8_t)get_number(in, &names->kinds);
    e->recovered = saved_get_unsigned(in) != 0;
    e->time_us = saved_get_int(in);
    if (is_event(e->kind))
        saved_get_record(in, saved_record_table(e->kind), &e->u);
    else
        in->bad = true;
}

// The higher parts of volumes are written of bars that have any; the flag beside `recovered` says so.
enum { BAR_RECOVERED = 1, BAR_WIDE = 2 };

static void put_bar(struct saved_out *o, struct run_record_past *past, const struct run_record *r) {
    bool wide = false;
    for (int c = COLUMN_VOLUME_HIGH; c < COLUMN_COUNT; c++) wide = wide || r->bar[c] != 0;
    saved_put_unsigned(o, (uint64_t)r->feed);
    saved_put_unsigned(o, (r->recovered ? BAR_RECOVERED : 0U) | (wide ? BAR_WIDE : 0U));
    for (int c = 0; c < COLUMN_VOLUME_HIGH; c++) put_difference(o, &past->bar[r->feed][c], r->bar[c]);
    for (int c = COLUMN_VOLUME_HIGH; wide && c < COLUMN_COUNT; c++) saved_put_int(o, r->bar[c]);
}

static void get_bar(struct saved_in *in, struct run_record_past *past, struct run_record *r) {
    r->feed = saved_get_index(in, WORLD_FEEDS_MAX);
    uint64_t what = saved_get_unsigned(in);
    r->recovered = (what & BAR_RECOVERED) != 0;
    for (int c = 0; c < COLUMN_VOLUME_HIGH; c++) r->bar[c] = get_difference(in, &past->bar[r->feed][c]);
    for (int c = COLUMN_VOLUME_HIGH; c < COLUMN_COUNT; c++)
        r->bar[c] = (what & BAR_WIDE) != 0 ? saved_get_int(in) : 0;
}

// ---- order books ----

static void put_levels(struct saved_out *o, const struct level_record *levels, int32_t count) {
    int64_t price = 0;
    saved_put_unsigned(o, (uint64_t)count);
    for (int32_t i = 0; i < count; i++) {
        put_difference(o, &price, levels[i].price_e8);
        saved_put_int(o, levels[i].qty_e8);
    }
}

static const struct level_record *get_levels(struct saved_in *in, int32_t *count) {
    int64_t price = 0;
    *count = saved_get_index(in, in->end - in->at + 1);   // each takes two bytes and more
    struct level_record *levels = *count > 0 ? in->take(in->ctx, sizeof *levels * (size_t)*count) : NULL;
    if (!levels) *count = 0;
    for (int32_t i = 0; i < *count; i++) {
        levels[i].price_e8 = get_difference(in, &price);
        levels[i].qty_e8 = saved_get_int(in);
    }
    return levels;
}

static void put_book(struct saved_out *o, const struct run_record *r) {
    saved_put_unsigned(o, (uint64_t)r->symbol);
    saved_put_unsigned(o, r->done);
    if (!r->done) return;
    saved_put_int(o, r->book.last_update_id);
    saved_put_int(o, r->book.time_us);
    put_levels(o, r->book.bids, r->book.bid_count);
    put_levels(o, r->book.asks, r->book.ask_count);
}

static void get_book(struct saved_in *in, struct run_record *r) {
    r->symbol = (int16_t)saved_get_index(in, in->index_count);
    r->done = saved_get_unsigned(in) != 0;
    if (!r->done) return;
    r->book.last_update_id = saved_get_int(in);
    r->book.time_us = saved_get_int(in);
    r->book.bids = get_levels(in, &r->book.bid_count);
    r->book.asks = get_levels(in, &r->book.ask_count);
}

// ---- the view ----

enum view_tag { VIEW_WALLET, VIEW_POSITION, VIEW_LAST, VIEW_TAG_COUNT };

bool run_record_encode_view(struct run_record_out *out, struct run_record_past *past,
                            const struct world_view *v, int32_t symbol_count) {
    struct saved_out *o = &out->bytes;
    o->size = 0;
    out->rows.table = NULL;
    size_t n = (size_t)symbol_count;
    if (v->wallet_e8 != past->wallet_e8) {
        saved_put_unsigned(o, VIEW_WALLET);
        put_difference(o, &past->wallet_e8, v->wallet_e8);
    }
    if (memcmp(v->last_e8, past->last_e8, sizeof *v->last_e8 * n) != 0) {
        for (int32_t k = 0; k < symbol_count; k++) {
            if (v->last_e8[k] == past->last_e8[k]) continue;
            saved_put_unsigned(o, VIEW_LAST);
            saved_put_unsigned(o, (uint64_t)k);
            put_difference(o, &past->last_e8[k], v->last_e8[k]);
        }
    }
    if (memcmp(v->position, past->position, sizeof *v->position * n) != 0) {
        for (int32_t k = 0; k < symbol_count; k++) {
            for (int32_t side = 0; side < POSITION_SIDE_COUNT; side++) {
                const struct position_view *p = &v->position[k][side];
                struct position_view *q = &past->position[k][side];
                if (p->amount_e8 == q->amount_e8 && p->entry_e8 == q->entry_e8) continue;
                saved_put_unsigned(o, VIEW_POSITION);
                saved_put_unsigned(o, (uint64_t)k);
                saved_put_unsigned(o, (uint64_t)side);
                put_difference(o, &q->amount_e8, p->amount_e8);
                put_difference(o, &q->entry_e8, p->entry_e8);
            }
        }
    }
    return o->size > 0;
}

static void get_view(struct saved_in *in, struct run_record_past *past) {
    while (in->at < in->end && !in->bad) {
        uint64_t tag = saved_get_unsigned(in);
        if (tag >= VIEW_TAG_COUNT) return;   // of a later version: what it adds stands last
        if (tag == VIEW_WALLET) {
            get_difference(in, &past->wallet_e8);
            continue;
        }
        int32_t k = saved_get_index(in, in->index_count);
        if (tag == VIEW_LAST) {
            get_difference(in, &past->last_e8[k]);
            continue;
        }
        struct position_view *p = &past->position[k][saved_get_index(in, POSITION_SIDE_COUNT)];
        get_difference(in, &p->amount_e8);
        get_difference(in, &p->entry_e8);
    }
}

// ---- items ----

static void put_number(struct saved_out *o, struct run_record_past *past, int64_t number) {
    put_difference(o, &past->number, number);
}

static void put_next(struct run_record_out *out, struct run_record_past *past, const struct run_record *r,
                     const struct api_call *op) {
    struct saved_out *o = &out->bytes;
    saved_put_unsigned(o, r->next);
    switch (r->next) {
    case WORLD_BAR: put_bar(o, past, r); break;
    case WORLD_EVENT: put_event(out, &r->event); break;
    case WORLD_CALL:
        put_number(o, past, r->number);
        saved_put_unsigned(o, r->done);
        if (r->done) put_answer(out, op);
        break;
    case WORLD_TIMER: saved_put_int(o, r->timer); break;
    case WORLD_NOTICE: saved_put_record(o, &record_forms_notice, &r->notice); break;
    default: break;
    }
}

void run_record_encode(struct run_record_out *out, struct run_record_past *past, const struct run_record *r,
                       const struct api_call *op) {
    struct saved_out *o = &out->bytes;
    o->size = 0;
    out->rows.table = NULL;
    put_difference(o, &past->now_us, r->now_us);
    switch (r->kind) {
    case RUN_RECORD_FEED:
        saved_put_int(o, r->symbol);
        saved_put_int(o, r->interval);
        saved_put_int(o, r->feed);
        break;
    case RUN_RECORD_SUBMIT:
        saved_put_unsigned(o, r->endpoint);
        saved_put_unsigned(o, (uint64_t)(r->priority | (r->no_share ? 8 : 0) | (r->done ? 16 : 0)));
        saved_put_unsigned(o, r->retries);
        saved_put_int(o, r->deadline_us);
        saved_put_text(o, r->text, r->text_size);
        if (r->done) put_answer(out, op);
        break;
    case RUN_RECORD_WAIT:
        saved_put_int(o, r->status);
        put_number(o, past, r->number);
        if (r->status == 0) put_answer(out, op);
        break;
    case RUN_RECORD_NEXT: put_next(out, past, r, op); break;
    case RUN_RECORD_TIMER:
        saved_put_int(o, r->timer);
        saved_put_int(o, r->delay_us);
        break;
    case RUN_RECORD_METRICS:
        saved_put_int(o, r->shared);
        record_forms_put_metrics(o, r->rows);
        break;
    case RUN_RECORD_NAMES: record_forms_put_names(o); break;
    case RUN_RECORD_RULES: record_forms_put_rules(o, r->rows, r->count); break;
    case RUN_RECORD_CONFIG:
    case RUN_RECORD_CONFIGURE: record_forms_put_config(o, r->rows); break;
    case RUN_RECORD_ABOUT:
    case RUN_RECORD_CLIENT_ID:
    case RUN_RECORD_NOTE:
    case RUN_RECORD_OVER: saved_put_text(o, r->text, r->text_size); break;
    case RUN_RECORD_STRAIN:
    case RUN_RECORD_CLOSED: saved_put_bytes(o, &r->value, sizeof r->value); break;
    case RUN_RECORD_ARRIVED: put_event(out, &r->event); break;
    case RUN_RECORD_BOOK: put_book(o, r); break;
    case RUN_RECORD_PRICE:
        saved_put_unsigned(o, (uint64_t)r->symbol);
        put_difference(o, &past->price_e8[r->symbol], r->price_e8);
        break;
    default: break;
    }
}

struct run_record_reader {
    struct record_file *file;
    struct run_record_past past;
    struct arena arena;
    struct record_forms_names names;
    int32_t symbol_count;   // of the rules, SYMBOLS_MAX before them
    bool bad;
};

static void get_next(struct saved_in *in, struct run_record_reader *rd, struct run_record *r) {
    r->next = (uint8_t)saved_get_index(in, WORLD_CONTROL + 1);
    switch (r->next) {
    case WORLD_BAR: get_bar(in, &rd->past, r); break;
    case WORLD_EVENT: get_event(in, &rd->names, &r->event); break;
    case WORLD_CALL:
        r->number = get_difference(in, &rd->past.number);
        r->done = saved_get_unsigned(in) != 0;
        if (r->done) get_answer(in, &rd->names, r);
        break;
    case WORLD_TIMER: r->timer = (int32_t)saved_get_int(in); break;
    case WORLD_NOTICE: saved_get_record(in, &record_forms_notice, &r->notice); break;
    default: break;
    }
}

// What is given as a struct, or several, in r->rows.
static void get_form(struct saved_in *in, struct run_record_reader *rd, struct run_record *r) {
    size_t size = r->kind == RUN_RECORD_METRICS ? sizeof(struct metrics_snapshot)
                  : r->kind == RUN_RECORD_RULES ? sizeof(struct symbol) * SYMBOLS_MAX
                                                : sizeof(struct api_config);
    void *rows = in->take(in->ctx, size);
    if (!rows) in->bad = true;
    if (in->bad) return;
    switch (r->kind) {
    case RUN_RECORD_METRICS:
        r->shared = saved_get_int(in);
        record_forms_get_metrics(in, &rd->names, rows);
        break;
    case RUN_RECORD_NAMES: record_forms_get_names(in, &rd->names); return;
    case RUN_RECORD_RULES:
        r->count = rd->symbol_count = record_forms_get_rules(in, rows);
        if (r->count == 0) in->bad = true;
        break;
    default: record_forms_get_config(in, rows); break;
    }
    r->rows = rows;
}

static void decode(struct saved_in *in, struct run_record_reader *rd, struct run_record *r) {
    uint64_t bits;
    r->now_us = get_difference(in, &rd->past.now_us);
    switch (r->kind) {
    case RUN_RECORD_FEED:
        r->symbol = (int16_t)saved_get_int(in);
        r->interval = (int32_t)saved_get_int(in);
        r->feed = (int32_t)saved_get_int(in);
        if (r->feed < 0 || r->feed >= WORLD_FEEDS_MAX || r->interval < 0 || r->interval >= INTERVAL_COUNT)
            in->bad = true;
        if (r->symbol < 0 || r->symbol >= rd->symbol_count) in->bad = true;
        break;
    case RUN_RECORD_SUBMIT:
        r->endpoint = (uint16_t)get_number(in, &rd->names.endpoints);
        bits = saved_get_unsigned(in);
        r->priority = bits & 7;
        r->no_share = (bits & 8) != 0;
        r->done = (bits & 16) != 0;
        r->retries = (uint8_t)saved_get_index(in, 256);
        r->deadline_us = saved_get_int(in);
        r->text = saved_get_text(in, &r->text_size);
        if (r->done) get_answer(in, &rd->names, r);
        break;
    case RUN_RECORD_WAIT:
        r->status = (int32_t)saved_get_int(in);
        r->number = get_difference(in, &rd->past.number);
        if (r->status == 0) get_answer(in, &rd->names, r);
        break;
    case RUN_RECORD_NEXT: get_next(in, rd, r); break;
    case RUN_RECORD_TIMER:
        r->timer = (int32_t)saved_get_int(in);
        r->delay_us = saved_get_int(in);
        break;
    case RUN_RECORD_METRICS:
    case RUN_RECORD_NAMES:
    case RUN_RECORD_RULES:
    case RUN_RECORD_CONFIG:
    case RUN_RECORD_CONFIGURE: get_form(in, rd, r); break;
    case RUN_RECORD_ABOUT:
    case RUN_RECORD_CLIENT_ID:
    case RUN_RECORD_NOTE:
    case RUN_RECORD_OVER: r->text = saved_get_text(in, &r->text_size); break;
    case RUN_RECORD_STRAIN:
    case RUN_RECORD_CLOSED: get_into(in, &r->value, sizeof r->value); break;
    case RUN_RECORD_ARRIVED: get_event(in, &rd->names, &r->event); break;
    case RUN_RECORD_BOOK: get_book(in, r); break;
    case RUN_RECORD_PRICE:
        r->symbol = (int16_t)saved_get_index(in, rd->symbol_count);
        r->price_e8 = get_difference(in, &rd->past.price_e8[r->symbol]);
        break;
    default: break;
    }
}

static struct saved_in reading(struct run_record_reader *rd, const struct record_file_item *item) {
    struct saved_in in = saved_in(item->data, item->size);
    in.take = take_from_arena;
    in.ctx = &rd->arena;
    in.index_count = rd->symbol_count;
    return in;
}

// One item; false: the file has no more.
static bool next_item(struct run_record_reader *rd, struct run_record *r) {
    struct record_file_item item;
    if (rd->bad || !record_file_next(rd->file, &item)) return false;
    arena_reset(&rd->arena);
    r->kind = item.kind;
    r->done = r->no_share = r->recovered = r->list = false;
    r->number = 0;
    r->rows = NULL;
    r->text = "";
    r->text_size = 0;
    struct saved_in in = reading(rd, &item);
    if (r->kind == RUN_RECORD_VIEW)
        get_view(&in, &rd->past);
    else if (r->kind < RUN_RECORD_KIND_COUNT)
        decode(&in, rd, r);
    rd->bad = in.bad || r->kind == RUN_RECORD_NONE;
    if (r->kind == RUN_RECORD_VIEW) r->now_us = rd->past.now_us;
    return !rd->bad;
}

// Names are the reader's own; kinds of a later version are passed over.
bool run_record_next(struct run_record_reader *r, struct run_record *to) {
    bool found;
    do found = next_item(r, to);
    while (found && (to->kind == RUN_RECORD_NAMES || to->kind >= RUN_RECORD_KIND_COUNT));
    return found;
}

int run_record_open(const char *path, struct run_record_reader **out, struct errmsg *e) {
    struct run_record_reader *r = calloc(1, sizeof *r);
    ASSERT(r != NULL);
    int err = record_file_open(path, RECORD_FILE_OF_RUN, &r->file, e);
    r->symbol_count = SYMBOLS_MAX;
    if (err)
        free(r);
    else
        *out = r;
    return err;
}

void run_record_close(struct run_record_reader *r) {
    if (!r) return;
    record_file_close(r->file);
    arena_free(&r->arena);
    free(r);
}

const struct run_record_past *run_record_past_of(const struct run_record_reader *r) { return &r->past; }
enum record_file_end run_record_end(const struct run_record_reader *r) {
    return r->bad ? RECORD_FILE_DAMAGED : record_file_end(r->file);
}
int64_t run_record_offset(const struct run_record_reader *r) { return record_file_offset(r->file); }
