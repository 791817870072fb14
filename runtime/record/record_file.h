// record_file.h: the file a run's inputs and calls, or a market's streams, are recorded in. What the items
// mean is the matter of who writes them.
//
// File     the head of base/saved.h without a body, then frames: raw size, packed size, CRC-32 of the packed
//          bytes, packed bytes (32-bit little-endian each). The frames together are one deflate stream,
//          flushed at the end of each, so that whatever a killed process has written is readable. A frame
//          holds whole items: kind, size, payload.
// Thread   record_file_put only copies. A thread of the writer's own gives records their form, packs and
//          writes what has gathered, FLUSH_MS after its first byte.
// Owner    record_file_close and record_file_writer_close.
#ifndef MT_RECORD_RECORD_FILE_H
#define MT_RECORD_RECORD_FILE_H

#include "base/err.h"
#include "base/saved.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECORD_FILE_FLUSH_MS = 200, RECORD_FILE_FRAME_MAX = 64 << 20 };

struct record_file_writer;

// What a file says it is; each form is read as itself only.
enum record_file_form {
    RECORD_FILE_OF_RUN,     // record/run_record.h
    RECORD_FILE_OF_MARKET   // a segment of `moontide record`: record/market_streams.h
};

struct record_file_figures {
    int64_t items, raw_bytes, file_bytes;
};

// A new file of mode 0600; one that is there already is an error (ERR_FULL).
int record_file_writer_open(const char *path, enum record_file_form form, struct record_file_writer **out,
                            struct errmsg *e);

// Records at the end of an item. They are copied as they lie; the writer's thread gives them their form
// (base/saved.h), which costs several times the copy. No table that has lists.
struct record_file_rows {
    const struct saved_table *table;   // NULL: none
    const void *rows;
    int32_t count;
};

// Adds an item. Never waits for the disk. What does not fit while the disk is stuck is dropped, and the file
// ends there.
void record_file_put(struct record_file_writer *w, uint8_t kind, const void *payload, size_t size,
                     struct record_file_rows rows);

// Whether the file has ended before its time: the disk is full, or did not keep up. What comes is not written.
bool record_file_writer_stopped(struct record_file_writer *w);

// Writes the rest. ERR_IO and why when the file does not hold everything.
int record_file_writer_close(struct record_file_writer *w, struct record_file_figures *figures,
                             struct errmsg *e);

// ---- reading ----

struct record_file;

struct record_file_item {
    uint8_t kind;
    const uint8_t *data;
    size_t size;
};   // valid until the next one

// How a recording ends, known once record_file_next has said that there is no more.
enum record_file_end {
    RECORD_FILE_GOES_ON,
    RECORD_FILE_WHOLE,    // at the end of a frame
    RECORD_FILE_CUT,      // within a frame: its writer was killed, or is at work
    RECORD_FILE_DAMAGED   // bytes that no writer has written
};

// ERR_IO, ERR_FORMAT: not a recording, or one of a form that is not read here.
int record_file_open(const char *path, enum record_file_form form, struct record_file **out,
                     struct errmsg *e);
bool record_file_next(struct record_file *r, struct record_file_item *item);
enum record_file_end record_file_end(const struct record_file *r);
int64_t record_file_offset(const struct record_file *r);   // of the end, in the file
void record_file_close(struct record_file *r);

#endif
