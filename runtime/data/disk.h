// disk.h: files that stand whole or not at all, and their digests.
//
// Errors   ERR_IO with one line in `e`; what was there before is then unchanged.
#ifndef MT_DATA_DISK_H
#define MT_DATA_DISK_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DISK_DIGEST_HEX = 64 };

// SHA-256 of a file's bytes in hexadecimal digits; false when it cannot be read, and errno says why.
bool disk_digest(const char *path, char out[DISK_DIGEST_HEX + 1]);

// Makes what was renamed in the folder of `path` survive a power cut. A failure loses the newest file at worst.
void disk_sync_folder(const char *path);

// Flushes `temporary` and gives it the name `path`, whatever stood there.
int disk_keep(const char *temporary, const char *path, struct errmsg *e);

// Writes a whole file under a temporary name beside it, and keeps it.
int disk_write(const char *path, const void *bytes, size_t size, struct errmsg *e);

// Cuts what follows the last whole line of a file, and gives its size; 0 when there is none.
int64_t disk_cut_to_line(const char *path);

// Bytes of a file, -1: none there.
int64_t disk_size(const char *path);

// Holds `path` against other processes as long as this one lives; false: another has it, or it cannot be made.
bool disk_lock(const char *path);

#endif
