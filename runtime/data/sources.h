// sources.h: what a file of the store was made of, so that a changed source is noticed by its bytes.
//
// Text     one line for the options, then one a file: size, modification and change time in ns, inode, SHA-256 of its
//          bytes, path.
// Trust    a file is what it was when its bytes have the same digest. They are not read again while its size, both times
//          and its inode are what they were, and the store was written well after the last change: a write that keeps
//          size and modification time moves the change time, which no program can set.
#ifndef MT_DATA_SOURCES_H
#define MT_DATA_SOURCES_H

#include "base/err.h"
#include "data/collect.h"

#include <stdbool.h>
#include <stdint.h>

// The text of files as they are now; freed by the caller. NULL and `e` when one cannot be read.
char *sources_text(const struct source_file *files, int32_t count, bool allow_gaps, struct errmsg *e);

// Whether `text`, stored at written_ns, tells of the same options, the same paths in the same order, and the same bytes.
bool sources_same(const char *text, int64_t written_ns, const struct source_file *files, int32_t count,
                  bool allow_gaps);

#endif
