// source.h: the bytes of a .csv, .csv.gz or .zip (the one CSV in it), unpacked by libarchive.
//
// Errors   ERR_NOT_FOUND, ERR_IO, ERR_FORMAT (damaged or cut short, no CSV in a zip), each with one line in
//          `e`.
#ifndef MT_DATA_SOURCE_H
#define MT_DATA_SOURCE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source;

// `path` is borrowed until source_close.
int source_open(const char *path, struct source **out, struct errmsg *e);

// The next block, valid until the next call; *size is 0 at the end.
int source_read(struct source *s, const void **block, size_t *size, struct errmsg *e);

// Bytes of the file used up so far.
int64_t source_used(const struct source *s);

void source_close(struct source *s);

// True when `name` ends in `.csv`, `.csv.gz` or `.zip`, in any case.
bool source_name_fits(const char *name);

// True when `name` ends in `ending`, in any case.
bool name_ends(const char *name, const char *ending);

#endif
