// log_file.h: a file of lines that never holds who writes to it, and never grows beyond its bound.
//
// Thread   log_file_write puts lines into a buffer of LOG_FILE_PENDING_MAX bytes; a thread writes them. A disk that
//          is slow, full or gone costs lines, never time: what has no room in the buffer, or could not be written, is
//          dropped and counted, and the count is written as soon as the file takes lines again.
// Rotation before a line would take the file beyond max_bytes it becomes PATH.1, PATH.1 becomes PATH.2, to PATH.keep;
//          the oldest goes. max_bytes 0: another process does that; a file that was moved away is opened anew.
// Owner    log_file_close waits LOG_FILE_END_MS at most for what is left. Mode 0600. Any thread may write.
#ifndef MT_PROCESS_LOG_FILE_H
#define MT_PROCESS_LOG_FILE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { LOG_FILE_PENDING_MAX = 1 << 20, LOG_FILE_END_MS = 2000, LOG_FILE_KEEP_MAX = 100 };

struct log_file;

// ERR_IO, in one line, when the file cannot be opened now.
int log_file_open(const char *path, int64_t max_bytes, int32_t keep, struct log_file **out, struct errmsg *e);
void log_file_close(struct log_file *f);   // NULL: nothing

// Whole lines, each with its end of line.
void log_file_write(struct log_file *f, const char *lines, size_t size);

// The errno of what keeps the file from being written, each time it begins, once; 0: nothing new.
int32_t log_file_trouble(struct log_file *f);
int64_t log_file_dropped(struct log_file *f);   // lines, since the start

#endif
