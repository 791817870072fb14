// collect.h: which files an import reads, and what their names say.
//
// Owner    collect_free releases the list, also after an error.
#ifndef MT_DATA_COLLECT_H
#define MT_DATA_COLLECT_H

#include "data/import.h"

#include <stdbool.h>
#include <stdint.h>

struct source_file {
    char *path;   // as the user would write it: for messages
    char *real;   // absolute, without links: for the store
    int64_t size, mtime_ns;
    char symbol[SERIES_SYMBOL_MAX];
    int32_t interval;   // -1: not told by the name
    bool named;         // given by name, not found in a folder
    bool funding;
};

struct source_list {
    struct source_file *files;   // no file twice
    int32_t count, capacity;
};

// Finds the files of options->paths that the options want, in depth and in the order of their names.
int collect_sources(const struct import_options *o, struct source_list *out, struct errmsg *e);

// Size and modification time as they are now; ERR_NOT_FOUND.
int collect_stat(const char *path, int64_t *size, int64_t *mtime_ns);

void collect_free(struct source_list *l);

// printf to options->notice.
void import_notice(const struct import_options *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
