// collect.h: which files an import reads, and what their names say.
//
// Owner    collect_free releases the list, also after an error.
#ifndef MT_DATA_COLLECT_H
#define MT_DATA_COLLECT_H

#include "data/import.h"

#include <stdbool.h>
#include <stdint.h>

// What the file system tells of a file without its bytes.
struct file_stamp {
    int64_t size, mtime_ns, ctime_ns;
    uint64_t inode;
};

struct source_file {
    char *path;   // as the user would write it: for messages
    char *real;   // absolute, without links: for the store
    struct file_stamp stamp;
    char symbol[SERIES_SYMBOL_MAX];
    int32_t interval;   // -1: not told by the name
    bool named;         // given by name, not found in a folder
    bool funding;
    uint8_t kind;   // enum series_kind
};

struct source_list {
    struct source_file *files;   // no file twice
    int32_t count, capacity;
};

// Finds the files of options->paths that the options want, in depth and in the order of their names.
int collect_sources(const struct import_options *o, struct source_list *out, struct errmsg *e);

// The stamp as it is now; ERR_NOT_FOUND.
int collect_stat(const char *path, struct file_stamp *out);
bool file_stamp_same(const struct file_stamp *a, const struct file_stamp *b);

void collect_free(struct source_list *l);

// printf to options->notice.
void import_notice(const struct import_options *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
