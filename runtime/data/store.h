// store.h: one file of columns on disk, mapped read-only; written whole or not at all.
//
// Layout   a header of fixed size, the sources as text (data/sources.h), then at a page boundary the columns as in data/columns.h. Numbers in the machine's own byte order,
//          marked.
// Trust    a file is used only when its sizes, sources, symbol and interval are exactly those expected.
#ifndef MT_DATA_STORE_H
#define MT_DATA_STORE_H

#include "data/series.h"

#include "base/err.h"

#include <stddef.h>

// Maps `path` into *out (symbol and interval set by the caller). ERR_NOT_FOUND: none there, or not the one
// wanted.
int store_open(const char *path, const char *sources, struct series *out);

// The sources of the file at `path` as text, freed by the caller, and when it was written; NULL: none that can be used.
char *store_sources(const char *path, int64_t *written_ns);

// Writes `s` at `path` under a temporary name, flushes and renames it. ERR_IO.
int store_write(const char *path, const char *sources, const struct series *s, struct errmsg *e);

// Makes the folder and those above it; 0 or ERR_IO.
int store_folder(const char *folder);

#endif
