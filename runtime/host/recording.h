// recording.h: the file a run's inputs and calls are recorded in. What the items mean is host/recorded.h's matter.
//
// File     "MTRECORD", the layout's fingerprint, then frames: raw size, packed size, CRC-32 of the packed bytes, packed bytes
//          (32-bit little-endian each). The frames together are one deflate stream, flushed at the end of each, so that
//          whatever a killed process has written is readable. A frame holds whole items: kind, size, payload.
// Thread   recording_put only copies. A thread of the writer's own packs and writes what has gathered, FLUSH_MS after its
//          first byte.
// Owner    recording_close and recording_writer_close.
#ifndef MT_HOST_RECORDING_H
#define MT_HOST_RECORDING_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECORDING_FLUSH_MS = 200, RECORDING_FRAME_MAX = 64 << 20 };

struct recording_writer;

struct recording_figures { int64_t items, raw_bytes, file_bytes; };

// A new file of mode 0600; one that is there already is an error (ERR_FULL).
int recording_writer_open(const char *path, uint64_t layout, struct recording_writer **out, struct errmsg *e);

// Adds an item. Never waits for the disk. What does not fit while the disk is stuck is dropped, and the file ends there.
void recording_put(struct recording_writer *w, uint8_t kind, const void *payload, size_t size);

// Writes the rest. ERR_IO and why when the file does not hold everything.
int recording_writer_close(struct recording_writer *w, struct recording_figures *figures, struct errmsg *e);

// ---- reading -------------------------------------------------------------------------------------------------------

struct recording;

struct recording_item { uint8_t kind; const uint8_t *data; size_t size; };   // valid until the next one

// How a recording ends, known once recording_next has said that there is no more.
enum recording_end {
    RECORDING_GOES_ON,
    RECORDING_WHOLE,     // at the end of a frame
    RECORDING_CUT,       // within a frame: its writer was killed, or is at work
    RECORDING_DAMAGED    // bytes that no writer has written
};

// ERR_IO, ERR_FORMAT: not a recording, or one whose records lie otherwise than `layout` says.
int recording_open(const char *path, uint64_t layout, struct recording **out, struct errmsg *e);
bool recording_next(struct recording *r, struct recording_item *item);
enum recording_end recording_end(const struct recording *r);
int64_t recording_offset(const struct recording *r);   // of the end, in the file
void recording_close(struct recording *r);

#endif
