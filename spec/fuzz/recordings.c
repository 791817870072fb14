// recordings.c: recordings of runs under libFuzzer: read item by item, and played back to a script that asks for whatever
// the recording holds next.
//
// The first byte of an input says whether the rest are frames of a file (odd) or the items of one frame (even), whose sizes
// and checksum are then made to fit.
#include "api/config.h"
#include "base/saved.h"
#include "fuzz.h"
#include "record/record_forms.h"
#include "record/replay.h"
#include "record/run_record.h"
#include "world/world.h"

#include <zlib.h>

enum { FRAME_HEAD = 12, INPUT_MAX = 1 << 16 };

static void put_u32(uint8_t *at, uint32_t v) {
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(v >> 8 * i);
}

// The file's size.
static size_t make_file(uint8_t *file, const uint8_t *data, size_t size, bool frames) {
    saved_head_put(file, "moontide record", 1, SAVED_HEAD_SIZE);
    uint8_t *at = file + SAVED_HEAD_SIZE;
    if (frames) {
        memcpy(at, data, size);
        return SAVED_HEAD_SIZE + size;
    }
    // Packed as it stands: blocks that are stored, so that making them costs little.
    uint8_t *to = at + FRAME_HEAD;
    for (size_t left = size, part; left > 0; left -= part, data += part) {
        part = left < 65535 ? left : 65535;
        const uint8_t block[] = { 0, (uint8_t)part, (uint8_t)(part >> 8), (uint8_t)~part,
                                  (uint8_t)(~part >> 8) };
        memcpy(to, block, sizeof block);
        memcpy(to + sizeof block, data, part);
        to += sizeof block + part;
    }
    memcpy(to, "\0\0\0\377\377", 5);   // ends at a byte
    uint32_t packed = (uint32_t)(to + 5 - (at + FRAME_HEAD));
    put_u32(at, (uint32_t)size);
    put_u32(at + 4, packed);
    put_u32(at + 8, (uint32_t)crc32(0, at + FRAME_HEAD, packed));
    return SAVED_HEAD_SIZE + FRAME_HEAD + packed;
}

static void read_all(const char *path) {
    struct run_record_reader *rd;
    struct run_record r;
    struct errmsg e;
    if (run_record_open(path, &rd, &e)) return;
    volatile size_t sum = 0;
    memset(&r, 0, sizeof r);
    while (run_record_next(rd, &r)) {
        for (size_t i = 0; i < r.text_size; i++) sum = sum + (uint8_t)r.text[i];
        if (r.kind >= RUN_RECORD_KIND_COUNT || r.settle >= SETTLE_COUNT) abort();
    }
    run_record_close(rd);
}

// A script that does what the recording holds as far as that can be seen from outside.
static void play(const char *path, uint8_t what) {
    struct replay *r;
    struct errmsg e;
    if (replay_open(path, &r, &e)) return;
    const struct world_functions *f = replay_functions();
    int32_t count;
    size_t size;
    replay_about(r, &size);
    replay_rules(r, &count);
    replay_config(r);
    struct api_call *op = NULL;
    for (int16_t k = 0; k < 2; k++) replay_feed(r, k, what % INTERVAL_COUNT);
    replay_begin(r);
    for (int i = 0; i < 64 && replay_state(r) == REPLAY_RUNNING; i++) {
        if (what & 1 && !op) {
            op = f->op(r);
            op->call.endpoint = EP_TIME;
            f->submit(r, op);
        }
        if (op && (what & 2)) f->wait(r, op, true);
        if (what & 4) f->timer(r, 1000000, i);
        if (what & 8) f->metrics(r, 0);
        int32_t next = f->next(r, true);
        if (next < 0) break;
        struct world_view *v = f->view(r);
        if (next == WORLD_EVENT && v->event->kind >= RECORD_COUNT) abort();
        if (next == WORLD_BAR && (v->bar_index < 0 || v->bar_index >= v->series->count)) abort();
    }
    replay_over(r, "");
    struct replay_report report = replay_report(r);
    if (report.state == REPLAY_DIVERGED && (!report.recorded || !report.did)) abort();
    f->free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t file[SAVED_HEAD_SIZE + FRAME_HEAD + 2 * INPUT_MAX + 64];
    if (size < 3 || size > INPUT_MAX) return 0;
    const char *path = fuzz_file(".rec", file, make_file(file, data + 2, size - 2, (data[0] & 1) != 0));
    read_all(path);
    play(path, data[1]);
    return 0;
}

// ---- first inputs ----

static struct saved_out items;

static void put_item(uint8_t kind, const struct run_record_out *o) {
    saved_put_bytes(&items, &kind, 1);
    struct saved_out rows = { 0 };
    if (o->rows.table) saved_put_record(&rows, o->rows.table, o->rows.rows);
    saved_put_unsigned(&items, o->bytes.size + rows.size);
    saved_put_bytes(&items, o->bytes.at, o->bytes.size);
    saved_put_bytes(&items, rows.at, rows.size);
    saved_out_free(&rows);
}

static void put(const struct run_record *r) {
    static struct run_record_past past;
    static struct run_record_out out;
    run_record_encode(&out, &past, r, NULL);
    put_item(r->kind, &out);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    if (!fuzz_seeding()) return 0;
    struct api_config config;
    api_config_defaults(&config);
    struct stream_event event = { .kind = RECORD_ORDER_UPDATE, .time_us = 1700000041000000 };
    event.u.order.order = (struct order_record){ .order_id = 7, .orig_qty_e8 = 100000, .client_id = "a" };
    saved_put_bytes(&items, "\0\7", 2);
    put(&(struct run_record){ .kind = RUN_RECORD_NAMES });
    put(&(struct run_record){ .kind = RUN_RECORD_ABOUT, .text = "{}", .text_size = 2 });
    put(&(struct run_record){
        .kind = RUN_RECORD_RULES, .rows = (void *)(uintptr_t)fuzz_symbols(), .count = FUZZ_SYMBOLS });
    put(&(struct run_record){ .kind = RUN_RECORD_CONFIG, .rows = &config });
    put(&(struct run_record){ .kind = RUN_RECORD_FEED });
    put(&(struct run_record){ .kind = RUN_RECORD_FEED, .symbol = 1, .feed = 1 });
    put(&(struct run_record){ .kind = RUN_RECORD_BEGIN });
    fuzz_seed("begun", items.at, items.size);
    put(&(struct run_record){ .kind = RUN_RECORD_NEXT,
                              .next = WORLD_BAR,
                              .now_us = 1700000040000000,
                              .bar = { 1700000040000000, 5, 6, 4, 5, 9 } });
    put(&(struct run_record){ .kind = RUN_RECORD_NEXT, .next = WORLD_EVENT, .event = event });
    put(&(struct run_record){ .kind = RUN_RECORD_NEXT, .next = WORLD_NOTICE });
    put(&(struct run_record){ .kind = RUN_RECORD_PRICE, .price_e8 = 5 });
    put(&(struct run_record){ .kind = RUN_RECORD_BOOK, .symbol = 1 });
    put(&(struct run_record){ .kind = RUN_RECORD_TIMER, .delay_us = 1000000 });
    put(&(struct run_record){ .kind = RUN_RECORD_NOTE, .text = "x", .text_size = 1 });
    fuzz_seed("events", items.at, items.size);
    exit(0);
}
