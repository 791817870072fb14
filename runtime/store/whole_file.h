// whole_file.h: files that are read and written as one piece: a reader sees the old one or the new one, never
// a part.
#ifndef MT_STORE_WHOLE_FILE_H
#define MT_STORE_WHOLE_FILE_H

#include "base/err.h"

#include <stddef.h>

// Written beside (mode 0600), forced to disk, then renamed over the old one. ERR_IO with one line.
int whole_file_write(const char *path, const void *bytes, size_t size, struct errmsg *e);

// The whole of a file, malloc'ed; *bytes stays NULL when there is none.
int whole_file_read(const char *path, void **bytes, size_t *size, struct errmsg *e);

// Keeps other processes from having it, by a lock on PATH.lock, which is there from then on: until *fd is
// closed. ERR_FULL: another has it; ERR_IO. Each with one line, *fd is -1 then.
int whole_file_lock(const char *path, int *fd, struct errmsg *e);

#endif
