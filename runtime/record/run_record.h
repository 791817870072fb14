// run_record.h: what a recording holds: everything a run's script could see, and all it asked for, in the order
// of the pump's calls. Written by record/recorder.h, read by record/replay.h and by `moontide explain`.
//
// A run is a sequence of calls of the pump (lua/moontide/run/pump.lua). Each leaves one item with its result
// and with the time afterwards; an item RUN_RECORD_VIEW before it says what else of the view the script can
// read has changed with it.
//
// Form     an item is what its kind always has, in order (varints; times, prices of bars and numbers of calls
//          as differences), and what later versions add behind it, which a reader of before passes over as it
//          passes over kinds that it does not know. Records are tagged fields (trade/saved_record.h); endpoints
//          and kinds of records have the numbers that RUN_RECORD_NAMES gives them.
#ifndef MT_RECORD_RUN_RECORD_H
#define MT_RECORD_RUN_RECORD_H

#include "world/live/live.h"
#include "base/saved.h"
#include "record/record_file.h"
#include "venue/binance/record_read.h"
#include "world/world.h"
#include "trade/stream_event.h"

enum run_record_kind {
    RUN_RECORD_NONE,
    RUN_RECORD_ABOUT,       // text: JSON about the run
    RUN_RECORD_RULES,       // rows, count: struct symbol of each symbol
    RUN_RECORD_CONFIG,      // rows: a struct api_config
    RUN_RECORD_FEED,        // symbol, interval -> feed
    RUN_RECORD_BEGIN,       // the script begins
    RUN_RECORD_VIEW,        // applied to the reader's view
    RUN_RECORD_SUBMIT,      // endpoint, priority, retries, alone, deadline_us, text; done and answer when it
                            // settled at once
    RUN_RECORD_WAIT,        // status; number, and the answer when it is 0
    RUN_RECORD_NEXT,        // next, and what that comes with
    RUN_RECORD_TIMER,       // timer, delay_us
    RUN_RECORD_CLIENT_ID,   // text
    RUN_RECORD_METRICS,     // rows: a struct metrics_snapshot; shared
    RUN_RECORD_STRAIN,      // value
    RUN_RECORD_BOOK,        // symbol; done: known, then book
    RUN_RECORD_CONFIGURE,   // rows: a struct api_config
    RUN_RECORD_START,
    RUN_RECORD_STOP,
    RUN_RECORD_ARRIVED,   // event of the account, when it came; the script hears of it later or never
    RUN_RECORD_PRICE,     // symbol, price_e8: the last one, when it came
    RUN_RECORD_NOTE,      // text: what came from outside and no replay can repeat
    RUN_RECORD_OVER,      // the script has ended; text: how it failed, or ""
    RUN_RECORD_CLOSED,    // clock offset in `value`, seconds: the process ended in order
    RUN_RECORD_NAMES,     // of numbers, before all others; the reader's own
    RUN_RECORD_KIND_COUNT
};

enum { RUN_RECORD_TEXT_MAX = 8192 };   // of a call

struct run_record {
    uint8_t kind;   // enum run_record_kind
    uint8_t next;   // enum world_next
    uint8_t priority, retries;
    uint8_t settle, rows_kind;   // enum settle, enum record_kind
    bool done, no_share, recovered, list;
    uint16_t endpoint;
    int16_t symbol;
    int32_t interval, feed, timer, status;
    int32_t code, http_status, count;
    int64_t now_us;
    int64_t number;   // of a call, from 1; 0: none of the script's
    int64_t deadline_us, delay_us, shared, price_e8;
    double value;
    const char *text;   // valid until the next item
    size_t text_size;
    const void *rows;   // the answer's, or what the kind says; valid until the next item
    int64_t bar[14];    // enum column of data/columns.h
    struct stream_event event;
    struct notice notice;
    struct live_book book;   // its levels valid until the next item
    char message[160];
    int32_t batch_count;
    int32_t batch_code[CALL_CANCEL_BATCH_MAX];
    char batch_message[CALL_CANCEL_BATCH_MAX][96];
};

// ---- writing ----

struct run_record_out {
    struct saved_out bytes;
    struct record_file_rows rows;   // behind the bytes; borrowed from what was encoded
};

// What an encoder and a decoder remember to write and read differences.
struct run_record_past {
    int64_t now_us, number;
    int64_t bar[WORLD_FEEDS_MAX][14];
    struct position_view position[SYMBOLS_MAX][POSITION_SIDE_COUNT];
    int64_t last_e8[SYMBOLS_MAX], wallet_e8;
    int64_t price_e8[SYMBOLS_MAX];
};

// The payload of an item into `out` (emptied first). The answer of a call is taken from `op` when `done`.
void run_record_encode(struct run_record_out *out, struct run_record_past *past, const struct run_record *r,
                       const struct api_call *op);

// What has changed in the view of `symbol_count` symbols: false when nothing has.
bool run_record_encode_view(struct run_record_out *out, struct run_record_past *past,
                            const struct world_view *view, int32_t symbol_count);

// ---- reading ----

struct run_record_reader;

int run_record_open(const char *path, struct run_record_reader **out, struct errmsg *e);
void run_record_close(struct run_record_reader *r);

// The next item into *to, with changes of the view applied to `past` (see run_record_past_of). False at the
// end.
bool run_record_next(struct run_record_reader *r, struct run_record *to);

const struct run_record_past *run_record_past_of(const struct run_record_reader *r);
enum record_file_end run_record_end(const struct run_record_reader *r);
int64_t run_record_offset(const struct run_record_reader *r);

#endif
