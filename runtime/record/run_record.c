#include "record/run_record.h"

#include "api/metrics.h"
#include "base/assert.h"
#include "data/columns.h"
#include "venue/binance/endpoint.h"
#include "trade/record.h"
#include "venue/binance/field.h"
#include "world/world.h"
#include "trade/stream_event.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(COLUMN_COUNT == 10, "struct run_record holds a bar");

// ---- the layout of what is held as it is ----

static uint64_t mix(uint64_t h, const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++) h = (h ^ at[i]) * UINT64_C(1099511628211);   // FNV-1a
    return h;
}

static uint64_t mix_number(uint64_t h, uint64_t n) { return mix(h, &n, sizeof n); }

uint64_t run_record_layout(void) {
    uint64_t h = mix_number(UINT64_C(14695981039346656037), 1);   // the version of this file's own format
    const size_t sizes[] = { sizeof(struct symbol),
                             sizeof(struct api_config),
                             sizeof(struct notice),
                             sizeof(struct metrics_snapshot),
                             sizeof(struct order_update_record),
                             sizeof(struct algo_update_record),
                             sizeof(struct account_update_record) };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) h = mix_number(h, sizes[i]);
    for (int32_t kind = 0; kind < RECORD_COUNT; kind++) {
        const struct record_table *t = record_table(kind);
        if (!t) continue;
        h = mix_number(mix_number(h, (uint64_t)kind), t->size);
        for (int32_t i = 0; i < t->field_count; i++) {
            const struct field *f = &t->fields[i];
            h = mix_number(mix(h, f->name, strlen(f->name)), (uint64_t)f->type << 32 | f->offset);
        }
    }
    for (int32_t i = 0; i < EP_COUNT; i++) h = mix(h, endpoint_info(i)->path, strlen(endpoint_info(i)->path));
    return h;
}

// ---- values ----

static uint8_t *room(struct run_record_out *o, size_t more) {
    if (o->room - o->size < more) {
        size_t wanted = o->room ? o->room : 4096;
        while (wanted - o->size < more) wanted *= 2;
        o->at = realloc(o->at, wanted);
        ASSERT(o->at != NULL);
        o->room = wanted;
    }
    return o->at + o->size;
}

static void put_bytes(struct run_record_out *o, const void *bytes, size_t size) {
    uint8_t *at = room(o, size);
    if (size) memcpy(at, bytes, size);
    o->size += size;
}

static void put_unsigned(struct run_record_out *o, uint64_t v) {
    uint8_t *at = room(o, 10), *start = at;
    for (; v >= 128; v >>= 7) *at++ = (uint8_t)(v | 128);
    *at++ = (uint8_t)v;
    o->size += (size_t)(at - start);
}

// Small numbers of either sign in few bytes.
static void put_int(struct run_record_out *o, int64_t v) {
    put_unsigned(o, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}
static void put_difference(struct run_record_out *o, int64_t *past, int64_t v) {
    put_int(o, (int64_t)((uint64_t)v - (uint64_t)*past));
    *past = v;
}

static void put_text(struct run_record_out *o, const char *text, size_t size) {
    put_unsigned(o, size);
    put_bytes(o, text, size);
}

struct in {
    const uint8_t *at, *end;
    bool bad;
};

static const uint8_t *get_bytes(struct in *in, size_t size) {
    static const uint8_t nothing[1];
    if (in->bad || size > (size_t)(in->end - in->at)) {
        in->bad = true;
        return nothing;
    }
    in->at += size;
    return in->at - size;
}

static void get_into(struct in *in, void *to, size_t size) {
    const uint8_t *from = get_bytes(in, size);
    if (in->bad)
        memset(to, 0, size);
    else
        memcpy(to, from, size);
}

static uint64_t get_unsigned(struct in *in) {
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        uint8_t byte = *get_bytes(in, 1);
        if (in->bad) return 0;
        v |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return v;
    }
    in->bad = true;
    return 0;
}

static int64_t get_int(struct in *in) {
    uint64_t v = get_unsigned(in);
    return (int64_t)(v >> 1 ^ -(v & 1));
}

static int64_t get_difference(struct in *in, int64_t *past) {
    *past = (int64_t)((uint64_t)*past + (uint64_t)get_int(in));
    return *past;
}

// A number of [0, below).
static int32_t get_index(struct in *in, int64_t below) {
    uint64_t v = get_unsigned(in);
    if (v >= (uint64_t)below) in->bad = true;
    return in->bad ? 0 : (int32_t)v;
}

static const char *get_text(struct in *in, size_t *size) {
    uint64_t n = get_unsigned(in);
    const char *text = (const char *)get_bytes(in, n);
    *size = in->bad ? 0 : n;
    return text;
}

// ---- rows ----

static void put_rows(struct run_record_out *o, int32_t kind, const void *rows, int32_t count) {
    const struct record_table *t = record_table(kind);
    if (!t || count <= 0 || !rows) return;
    size_t start = o->size;
    put_bytes(o, rows, (size_t)t->size * (size_t)count);
    for (int32_t k = 0; k < t->field_count; k++) {
        const struct field *f = &t->fields[k];
        for (int32_t i = 0; f->type == FIELD_LIST && i < count; i++) {
            const char *row = (const char *)rows + i * t->size;
            const void *list;
            int32_t inner;
            memcpy(&list, row + f->offset, sizeof list);
            memcpy(&inner, row + f->count_offset, sizeof inner);
            memset(o->at + start + (size_t)i * t->size + f->offset, 0,
                   sizeof list);   // an address says nothing later
            put_rows(o, f->kind, list, inner);
        }
    }
}

static void *get_rows(struct in *in, struct arena *arena, int32_t kind, int32_t count, int depth) {
    const struct record_table *t = record_table(kind);
    if (!t || count <= 0) return NULL;
    size_t size = (size_t)t->size * (size_t)count;
    const uint8_t *from = get_bytes(in, size);
    char *rows = in->bad || depth > 4 ? NULL : arena_take(arena, size);
    if (!rows) {
        in->bad = true;
        return NULL;
    }
    memcpy(rows, from, size);
    for (int32_t k = 0; k < t->field_count; k++) {
        const struct field *f = &t->fields[k];
        for (int32_t i = 0; f->type == FIELD_LIST && i < count; i++) {
            char *row = rows + i * t->size;
            int32_t inner;
            memcpy(&inner, row + f->count_offset, sizeof inner);
            const void *list = get_rows(in, arena, f->kind, inner, depth + 1);
            memcpy(row + f->offset, &list, sizeof list);
        }
    }
    return rows;
}

// ---- answers ----

static void put_answer(struct run_record_out *o, const struct api_call *op) {
    bool rows = op->code == 0 && op->kind != RECORD_ERROR && op->kind != RECORD_NONE &&
                op->settle == SETTLE_DONE && op->rows;
    put_unsigned(o, op->settle);
    put_unsigned(o, op->kind);
    put_unsigned(o, (uint64_t)((op->list ? 1 : 0) | (op->message[0] ? 2 : 0) |
                               (op->call.batch_count ? 4 : 0) | (rows ? 8 : 0)));
    put_int(o, op->status);
    put_int(o, op->code);
    put_int(o, op->count);
    if (op->message[0]) put_text(o, op->message, strlen(op->message));
    if (op->call.batch_count) {
        put_unsigned(o, op->call.batch_count);
        for (int32_t i = 0; i < op->call.batch_count; i++) {
            put_int(o, op->batch_code[i]);
            if (op->batch_code[i] != 0) put_text(o, op->batch_message[i], strlen(op->batch_message[i]));
        }
    }
    if (rows) put_rows(o, op->kind, op->rows, op->count);
}

static void get_message(struct in *in, char *to, size_t room_for) {
    size_t size;
    const char *text = get_text(in, &size);
    if (size >= room_for) size = room_for - 1;
    memcpy(to, text, size);
    to[size] = 0;
}

static void get_answer(struct in *in, struct arena *arena, struct run_record *r) {
    r->settle = (uint8_t)get_index(in, SETTLE_COUNT);
    r->rows_kind = (uint8_t)get_index(in, RECORD_COUNT);
    uint64_t what = get_unsigned(in);
    r->list = (what & 1) != 0;
    r->http_status = (int32_t)get_int(in);
    r->code = (int32_t)get_int(in);
    r->count = (int32_t)get_int(in);
    r->message[0] = 0;
    r->batch_count = 0;
    r->rows = NULL;
    if (what & 2) get_message(in, r->message, sizeof r->message);
    if (what & 4) {
        r->batch_count = get_index(in, CALL_CANCEL_BATCH_MAX + 1);
        for (int32_t i = 0; i < r->batch_count; i++) {
            r->batch_code[i] = (int32_t)get_int(in);
            r->batch_message[i][0] = 0;
            if (r->batch_code[i] != 0) get_message(in, r->batch_message[i], sizeof r->batch_message[i]);
        }
    }
    if (what & 8) r->rows = get_rows(in, arena, r->rows_kind, r->count, 0);
}

// ---- events and bars ----

static void put_event(struct run_record_out *o, const struct stream_event *e) {
    put_unsigned(o, e->kind);
    put_unsigned(o, e->recovered);
    put_int(o, e->time_us);
    put_bytes(o, &e->u, record_table(e->kind)->size);
}

static void get_event(struct in *in, struct stream_event *e) {
    memset(e, 0, sizeof *e);
    e->kind = (uint8_t)get_index(in, RECORD_COUNT);
    e->recovered = get_unsigned(in) != 0;
    e->time_us = get_int(in);
    const struct record_table *t = record_table(e->kind);
    if (!t || t->size > sizeof e->u)
        in->bad = true;
    else
        get_into(in, &e->u, t->size);
}

static void put_bar(struct run_record_out *o, struct run_record_past *past, const struct run_record *r) {
    put_unsigned(o, (uint64_t)r->feed);
    put_unsigned(o, r->recovered);
    for (int c = 0; c < COLUMN_COUNT; c++) put_difference(o, &past->bar[r->feed][c], r->bar[c]);
}

static void get_bar(struct in *in, struct run_record_past *past, struct run_record *r) {
    r->feed = get_index(in, WORLD_FEEDS_MAX);
    r->recovered = get_unsigned(in) != 0;
    for (int c = 0; c < COLUMN_COUNT; c++) r->bar[c] = get_difference(in, &past->bar[r->feed][c]);
}

// ---- order books ----

static void put_levels(struct run_record_out *o, const struct level_record *levels, int32_t count) {
    int64_t price = 0;
    put_unsigned(o, (uint64_t)count);
    for (int32_t i = 0; i < count; i++) {
        put_difference(o, &price, levels[i].price_e8);
        put_int(o, levels[i].qty_e8);
    }
}

static const struct level_record *get_levels(struct in *in, struct arena *arena, int32_t *count) {
    int64_t price = 0;
    *count = get_index(in, in->end - in->at + 1);   // each takes two bytes and more
    struct level_record *levels = *count > 0 ? arena_take(arena, sizeof *levels * (size_t)*count) : NULL;
    if (!levels) *count = 0;
    for (int32_t i = 0; i < *count; i++) {
        levels[i].price_e8 = get_difference(in, &price);
        levels[i].qty_e8 = get_int(in);
    }
    return levels;
}

static void put_book(struct run_record_out *o, const struct run_record *r) {
    put_unsigned(o, (uint64_t)r->symbol);
    put_unsigned(o, r->done);
    if (!r->done) return;
    put_int(o, r->book.last_update_id);
    put_int(o, r->book.time_us);
    put_levels(o, r->book.bids, r->book.bid_count);
    put_levels(o, r->book.asks, r->book.ask_count);
}

static void get_book(struct in *in, struct arena *arena, struct run_record *r) {
    r->symbol = (int16_t)get_index(in, SYMBOLS_MAX);
    r->done = get_unsigned(in) != 0;
    if (!r->done) return;
    r->book.last_update_id = get_int(in);
    r->book.time_us = get_int(in);
    r->book.bids = get_levels(in, arena, &r->book.bid_count);
    r->book.asks = get_levels(in, arena, &r->book.ask_count);
}

// ---- the view ----

enum view_tag { VIEW_WALLET, VIEW_POSITION, VIEW_LAST, VIEW_TAG_COUNT };

bool run_record_encode_view(struct run_record_out *o, struct run_record_past *past,
                            const struct world_view *v, int32_t symbol_count) {
    o->size = 0;
    size_t n = (size_t)symbol_count;
    if (v->wallet_e8 != past->wallet_e8) {
        put_unsigned(o, VIEW_WALLET);
        put_difference(o, &past->wallet_e8, v->wallet_e8);
    }
    if (memcmp(v->last_e8, past->last_e8, sizeof *v->last_e8 * n) != 0) {
        for (int32_t k = 0; k < symbol_count; k++) {
            if (v->last_e8[k] == past->last_e8[k]) continue;
            put_unsigned(o, VIEW_LAST);
            put_unsigned(o, (uint64_t)k);
            put_difference(o, &past->last_e8[k], v->last_e8[k]);
        }
    }
    if (memcmp(v->position, past->position, sizeof *v->position * n) != 0) {
        for (int32_t k = 0; k < symbol_count; k++) {
            for (int32_t side = 0; side < POSITION_SIDE_COUNT; side++) {
                const struct position_view *p = &v->position[k][side];
                struct position_view *q = &past->position[k][side];
                if (p->amount_e8 == q->amount_e8 && p->entry_e8 == q->entry_e8) continue;
                put_unsigned(o, VIEW_POSITION);
                put_unsigned(o, (uint64_t)k);
                put_unsigned(o, (uint64_t)side);
                put_difference(o, &q->amount_e8, p->amount_e8);
                put_difference(o, &q->entry_e8, p->entry_e8);
            }
        }
    }
    return o->size > 0;
}

static void get_view(struct in *in, struct run_record_past *past) {
    while (in->at < in->end && !in->bad) {
        int32_t tag = get_index(in, VIEW_TAG_COUNT);
        if (tag == VIEW_WALLET) {
            get_difference(in, &past->wallet_e8);
            continue;
        }
        int32_t k = get_index(in, SYMBOLS_MAX);
        if (tag == VIEW_LAST) {
            get_difference(in, &past->last_e8[k]);
            continue;
        }
        struct position_view *p = &past->position[k][get_index(in, POSITION_SIDE_COUNT)];
        get_difference(in, &p->amount_e8);
        get_difference(in, &p->entry_e8);
    }
}

// ---- items ----

static void put_number(struct run_record_out *o, struct run_record_past *past, int64_t number) {
    put_difference(o, &past->number, number);
}

static void put_next(struct run_record_out *o, struct run_record_past *past, const struct run_record *r,
                     const struct api_call *op) {
    put_unsigned(o, r->next);
    switch (r->next) {
    case WORLD_BAR: put_bar(o, past, r); break;
    case WORLD_EVENT: put_event(o, &r->event); break;
    case WORLD_CALL:
        put_number(o, past, r->number);
        put_unsigned(o, r->done);
        if (r->done) put_answer(o, op);
        break;
    case WORLD_TIMER: put_int(o, r->timer); break;
    case WORLD_NOTICE: put_bytes(o, &r->notice, sizeof r->notice); break;
    default: break;
    }
}

void run_record_encode(struct run_record_out *o, struct run_record_past *past, const struct run_record *r,
                       const struct api_call *op) {
    o->size = 0;
    put_difference(o, &past->now_us, r->now_us);
    switch (r->kind) {
    case RUN_RECORD_FEED:
        put_int(o, r->symbol);
        put_int(o, r->interval);
        put_int(o, r->feed);
        break;
    case RUN_RECORD_SUBMIT:
        put_unsigned(o, r->endpoint);
        put_unsigned(o, (uint64_t)(r->priority | (r->alone ? 8 : 0) | (r->done ? 16 : 0)));
        put_unsigned(o, r->retries);
        put_int(o, r->deadline_us);
        put_text(o, r->text, r->text_size);
        if (r->done) put_answer(o, op);
        break;
    case RUN_RECORD_WAIT:
        put_int(o, r->status);
        put_number(o, past, r->number);
        if (r->status == 0) put_answer(o, op);
        break;
    case RUN_RECORD_NEXT: put_next(o, past, r, op); break;
    case RUN_RECORD_TIMER:
        put_int(o, r->timer);
        put_int(o, r->delay_us);
        break;
    case RUN_RECORD_METRICS: put_int(o, r->shared); /* fall through */
    case RUN_RECORD_ABOUT:
    case RUN_RECORD_RULES:
    case RUN_RECORD_CONFIG:
    case RUN_RECORD_CLIENT_ID:
    case RUN_RECORD_CONFIGURE:
    case RUN_RECORD_NOTE:
    case RUN_RECORD_OVER: put_text(o, r->text, r->text_size); break;
    case RUN_RECORD_STRAIN:
    case RUN_RECORD_CLOSED: put_bytes(o, &r->value, sizeof r->value); break;
    case RUN_RECORD_ARRIVED: put_event(o, &r->event); break;
    case RUN_RECORD_BOOK: put_book(o, r); break;
    case RUN_RECORD_PRICE:
        put_unsigned(o, (uint64_t)r->symbol);
        put_difference(o, &past->price_e8[r->symbol], r->price_e8);
        break;
    default: break;
    }
}

struct run_record_reader {
    struct record_file *file;
    struct run_record_past past;
    struct arena arena;
    bool bad;
};

static void get_next(struct in *in, struct run_record_reader *rd, struct run_record *r) {
    r->next = (uint8_t)get_index(in, WORLD_CONTROL + 1);
    switch (r->next) {
    case WORLD_BAR: get_bar(in, &rd->past, r); break;
    case WORLD_EVENT: get_event(in, &r->event); break;
    case WORLD_CALL:
        r->number = get_difference(in, &rd->past.number);
        r->done = get_unsigned(in) != 0;
        if (r->done) get_answer(in, &rd->arena, r);
        break;
    case WORLD_TIMER: r->timer = (int32_t)get_int(in); break;
    case WORLD_NOTICE: get_into(in, &r->notice, sizeof r->notice); break;
    default: break;
    }
}

static void decode(struct in *in, struct run_record_reader *rd, struct run_record *r) {
    uint64_t bits;
    r->now_us = get_difference(in, &rd->past.now_us);
    switch (r->kind) {
    case RUN_RECORD_FEED:
        r->symbol = (int16_t)get_int(in);
        r->interval = (int32_t)get_int(in);
        r->feed = (int32_t)get_int(in);
        if (r->feed < 0 || r->feed >= WORLD_FEEDS_MAX || r->interval < 0 || r->interval >= INTERVAL_COUNT)
            in->bad = true;
        if (r->symbol < 0 || r->symbol >= SYMBOLS_MAX) in->bad = true;
        break;
    case RUN_RECORD_SUBMIT:
        r->endpoint = (uint16_t)get_index(in, EP_COUNT);
        bits = get_unsigned(in);
        r->priority = bits & 7;
        r->alone = (bits & 8) != 0;
        r->done = (bits & 16) != 0;
        r->retries = (uint8_t)get_index(in, 256);
        r->deadline_us = get_int(in);
        r->text = get_text(in, &r->text_size);
        if (r->done) get_answer(in, &rd->arena, r);
        break;
    case RUN_RECORD_WAIT:
        r->status = (int32_t)get_int(in);
        r->number = get_difference(in, &rd->past.number);
        if (r->status == 0) get_answer(in, &rd->arena, r);
        break;
    case RUN_RECORD_NEXT: get_next(in, rd, r); break;
    case RUN_RECORD_TIMER:
        r->timer = (int32_t)get_int(in);
        r->delay_us = get_int(in);
        break;
    case RUN_RECORD_METRICS: r->shared = get_int(in); /* fall through */
    case RUN_RECORD_ABOUT:
    case RUN_RECORD_RULES:
    case RUN_RECORD_CONFIG:
    case RUN_RECORD_CLIENT_ID:
    case RUN_RECORD_CONFIGURE:
    case RUN_RECORD_NOTE:
    case RUN_RECORD_OVER: r->text = get_text(in, &r->text_size); break;
    case RUN_RECORD_STRAIN:
    case RUN_RECORD_CLOSED: get_into(in, &r->value, sizeof r->value); break;
    case RUN_RECORD_ARRIVED: get_event(in, &r->event); break;
    case RUN_RECORD_BOOK: get_book(in, &rd->arena, r); break;
    case RUN_RECORD_PRICE:
        r->symbol = (int16_t)get_index(in, SYMBOLS_MAX);
        r->price_e8 = get_difference(in, &rd->past.price_e8[r->symbol]);
        break;
    default: break;
    }
}

bool run_record_next(struct run_record_reader *rd, struct run_record *r) {
    struct record_file_item item;
    if (rd->bad || !record_file_next(rd->file, &item)) return false;
    arena_reset(&rd->arena);
    r->kind = item.kind;
    r->done = r->alone = r->recovered = r->list = false;
    r->number = 0;
    r->rows = NULL;
    r->text = "";
    r->text_size = 0;
    struct in in = { item.data, item.data + item.size, false };
    if (r->kind == RUN_RECORD_VIEW)
        get_view(&in, &rd->past);
    else if (r->kind < RUN_RECORD_KIND_COUNT)
        decode(&in, rd, r);
    rd->bad = in.bad || r->kind == RUN_RECORD_NONE || r->kind >= RUN_RECORD_KIND_COUNT;
    if (r->kind == RUN_RECORD_VIEW) r->now_us = rd->past.now_us;
    return !rd->bad;
}

int run_record_open(const char *path, struct run_record_reader **out, struct errmsg *e) {
    struct run_record_reader *r = calloc(1, sizeof *r);
    ASSERT(r != NULL);
    int err = record_file_open(path, run_record_layout(), &r->file, e);
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
