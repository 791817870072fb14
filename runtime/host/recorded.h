// recorded.h: what a recording holds: everything a run's script could see, and all it asked for, in the order of the pump's
// calls. Written by host/recorder.h, read by host/replay.h and by `moontide explain`.
//
// A run is a sequence of calls of the pump (lua/moontide/pump.lua). Each leaves one item with its result and with the time
// afterwards; an item RECORDED_VIEW before it says what else of the view the script can read has changed with it.
#ifndef MT_HOST_RECORDED_H
#define MT_HOST_RECORDED_H

#include "host/live.h"
#include "host/recording.h"
#include "venue/record_read.h"

enum recorded_kind {
    RECORDED_NONE,
    RECORDED_ABOUT,       // text: JSON about the run
    RECORDED_RULES,       // text: struct symbol of each symbol
    RECORDED_CONFIG,      // text: struct api_config
    RECORDED_FEED,        // symbol, interval -> feed
    RECORDED_BEGIN,       // the script begins
    RECORDED_VIEW,        // applied to the reader's view
    RECORDED_SUBMIT,      // endpoint, priority, retries, alone, deadline_us, text; done and answer when it settled at once
    RECORDED_WAIT,        // status; number, and the answer when it is 0
    RECORDED_NEXT,        // next, and what that comes with
    RECORDED_TIMER,       // timer, delay_us
    RECORDED_CLIENT_ID,   // text
    RECORDED_METRICS,     // text: struct metrics_snapshot; shared
    RECORDED_STRAIN,      // value
    RECORDED_BOOK,        // symbol; done: known, then book
    RECORDED_CONFIGURE,   // text: a struct api_config
    RECORDED_START, RECORDED_STOP,
    RECORDED_ARRIVED,     // event of the account, when it came; the script hears of it later or never
    RECORDED_PRICE,       // symbol, price_e8: the last one, when it came
    RECORDED_NOTE,        // text: what came from outside and no replay can repeat
    RECORDED_OVER,        // the script has ended; text: how it failed, or ""
    RECORDED_CLOSED,      // clock offset in `value`, seconds: the process ended in order
    RECORDED_KIND_COUNT
};

enum { RECORDED_TEXT_MAX = 8192 };   // of a call

struct recorded {
    uint8_t kind;                  // enum recorded_kind
    uint8_t next;                  // enum backtest_next_kind
    uint8_t priority, retries;
    uint8_t settle, rows_kind;     // enum settle, enum record_kind
    bool done, alone, recovered, list;
    uint16_t endpoint;
    int16_t symbol;
    int32_t interval, feed, timer, status;
    int32_t code, http_status, count;
    int64_t now_us;
    int64_t number;                // of a call, from 1; 0: none of the script's
    int64_t deadline_us, delay_us, shared, price_e8;
    double value;
    const char *text;              // valid until the next item
    size_t text_size;
    const void *rows;              // the answer's, valid until the next item
    int64_t bar[10];               // enum column of data/columns.h
    struct backtest_event event;
    struct notice notice;
    struct live_book book;         // its levels valid until the next item
    char message[160];
    int32_t batch_count;
    int32_t batch_code[CALL_CANCEL_BATCH_MAX];
    char batch_message[CALL_CANCEL_BATCH_MAX][96];
};

// A fingerprint of how the structs lie that recordings hold as they are.
uint64_t recorded_layout(void);

// ---- writing -------------------------------------------------------------------------------------------------------

struct recorded_out { uint8_t *at; size_t size, room; };

// What an encoder and a decoder remember to write and read differences.
struct recorded_past {
    int64_t now_us, number;
    int64_t bar[BACKTEST_FEEDS_MAX][10];
    struct backtest_position position[EXCHANGE_SYMBOLS_MAX][POSITION_SIDE_COUNT];
    int64_t last_e8[EXCHANGE_SYMBOLS_MAX], wallet_e8;
    int64_t price_e8[EXCHANGE_SYMBOLS_MAX];
};

// The payload of an item into `out` (emptied first). The answer of a call is taken from `op` when `done`.
void recorded_encode(struct recorded_out *out, struct recorded_past *past, const struct recorded *r, const struct op *op);

// What has changed in the view of `symbol_count` symbols: false when nothing has.
bool recorded_encode_view(struct recorded_out *out, struct recorded_past *past, const struct backtest_view *view, int32_t symbol_count);

// ---- reading -------------------------------------------------------------------------------------------------------

struct recorded_reader;

int recorded_open(const char *path, struct recorded_reader **out, struct errmsg *e);
void recorded_close(struct recorded_reader *r);

// The next item into *to, with changes of the view applied to `past` (see recorded_past_of). False at the end.
bool recorded_next(struct recorded_reader *r, struct recorded *to);

const struct recorded_past *recorded_past_of(const struct recorded_reader *r);
enum recording_end recorded_end(const struct recorded_reader *r);
int64_t recorded_offset(const struct recorded_reader *r);

#endif
