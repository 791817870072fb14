// sources.c: sources of a store file, told by their digests.
#include "data/sources.h"

#include "base/assert.h"
#include "base/units.h"
#include "data/disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEX = DISK_DIGEST_HEX };

// A change within the grain of the file system's clock may leave no trace in its times.
#define GRAIN_NS (2 * SECOND_US * 1000)

static const char *options_line(bool allow_gaps) { return allow_gaps ? "gaps allowed\n" : "gaps refused\n"; }

char *sources_text(const struct source_file *files, int32_t count, bool allow_gaps, struct errmsg *e) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) return errmsg_set(e, ERR_NO_MEMORY, "no memory for %d files", count), NULL;
    fputs(options_line(allow_gaps), out);
    int err = 0;
    for (int32_t i = 0; !err && i < count; i++) {
        char digest[HEX + 1];
        const struct file_stamp *s = &files[i].stamp;
        if (!disk_digest(files[i].path, digest))
            err = errmsg_set(e, ERR_IO, "%s: cannot be read: %s", files[i].path, strerror(errno));
        else
            fprintf(out, "%lld %lld %lld %llu %s %s\n", (long long)s->size, (long long)s->mtime_ns,
                    (long long)s->ctime_ns, (unsigned long long)s->inode, digest, files[i].real);
    }
    if (fclose(out) != 0 && !err) err = errmsg_set(e, ERR_NO_MEMORY, "no memory for %d files", count);
    if (!err) return text;
    free(text);
    return NULL;
}

// The line of one file, which ends before `end`.
static bool same_file(const char *line, const char *end, int64_t written_ns, const struct source_file *f) {
    struct file_stamp was;
    char digest[HEX + 1], now[HEX + 1];
    long long size, mtime_ns, ctime_ns;
    unsigned long long inode;
    int used = 0;
    if (sscanf(line, "%lld %lld %lld %llu %64[0-9a-f] %n", &size, &mtime_ns, &ctime_ns, &inode, digest,
               &used) != 5 ||
        used == 0 || line + used > end || strlen(digest) != HEX)
        return false;
    size_t length = (size_t)(end - line - used);
    if (strlen(f->real) != length || memcmp(line + used, f->real, length) != 0) return false;
    was = (struct file_stamp){ size, mtime_ns, ctime_ns, inode };
    if (was.size != f->stamp.size) return false;
    if (file_stamp_same(&was, &f->stamp) && was.ctime_ns < written_ns - GRAIN_NS) return true;
    return disk_digest(f->path, now) && strcmp(now, digest) == 0;
}

bool sources_same(const char *text, int64_t written_ns, const struct source_file *files, int32_t count,
                  bool allow_gaps) {
    ASSERT(count > 0);
    const char *options = options_line(allow_gaps);
    if (strncmp(text, options, strlen(options)) != 0) return false;
    const char *line = text + strlen(options);
    for (int32_t i = 0; i < count; i++) {
        const char *end = strchr(line, '\n');
        if (!end || !same_file(line, end, written_ns, &files[i])) return false;
        line = end + 1;
    }
    return *line == '\0';
}
