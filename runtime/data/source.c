// source.c: the bytes of a .csv, .csv.gz or .zip, unpacked by libarchive.
#include "data/source.h"

#include "base/assert.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BLOCK_SIZE = 1 << 18 };

struct source {
    const char *path;
    struct archive *archive;
    bool zip;
    bool ended;
};

bool name_ends(const char *name, const char *ending) {
    size_t name_size = strlen(name);
    size_t ending_size = strlen(ending);
    return name_size >= ending_size && strcasecmp(name + name_size - ending_size, ending) == 0;
}

bool source_name_fits(const char *name) {
    return name_ends(name, ".csv") || name_ends(name, ".csv.gz") || name_ends(name, ".zip");
}

static int archive_failed(struct source *s, struct errmsg *e) {
    int number = archive_errno(s->archive);
    if (number == ENOENT) return errmsg_set(e, ERR_NOT_FOUND, "%s: no such file", s->path);
    if (number == EACCES || number == EIO || number == EISDIR)
        return errmsg_set(e, ERR_IO, "%s: cannot be read: %s", s->path, strerror(number));
    if (number == ENOMEM) return errmsg_set(e, ERR_NO_MEMORY, "%s: no memory to unpack it", s->path);
    const char *text = archive_error_string(s->archive);
    return errmsg_set(e, ERR_FORMAT, "%s: damaged or cut short: %s", s->path,
                      text ? text : "cannot be unpacked");
}

static int next_entry(struct source *s, struct archive_entry **entry, struct errmsg *e) {
    int result = archive_read_next_header(s->archive, entry);
    if (result == ARCHIVE_EOF) {
        *entry = NULL;
        return 0;
    }
    // A warning here is about a name that the locale cannot show; its bytes are sound.
    return result >= ARCHIVE_WARN ? 0 : archive_failed(s, e);
}

static bool entry_is_csv(struct archive_entry *entry) {
    const char *name = archive_entry_pathname(entry);
    if (archive_entry_filetype(entry) == AE_IFDIR || !name) return false;
    return name_ends(name, ".csv") && !strstr(name, "__MACOSX");
}

static int find_csv(struct source *s, struct errmsg *e) {
    struct archive_entry *entry = NULL;
    do {
        int err = next_entry(s, &entry, e);
        if (err) return err;
    } while (s->zip && entry && !entry_is_csv(entry));
    if (!entry && s->zip) return errmsg_set(e, ERR_FORMAT, "%s: holds no .csv file", s->path);
    s->ended = !entry;
    return 0;
}

int source_open(const char *path, struct source **out, struct errmsg *e) {
    struct source *s = calloc(1, sizeof *s);
    int err = ERR_NO_MEMORY;
    *out = NULL;
    if (!s) return errmsg_set(e, ERR_NO_MEMORY, "%s: no memory to read it", path);
    s->path = path;
    s->zip = name_ends(path, ".zip");
    s->archive = archive_read_new();
    if (!s->archive) {
        errmsg_set(e, ERR_NO_MEMORY, "%s: no memory to read it", path);
        goto fail;
    }
    if (s->zip) {
        archive_read_support_format_zip(s->archive);
    } else {
        archive_read_support_filter_gzip(s->archive);
        archive_read_support_format_raw(s->archive);
        archive_read_support_format_empty(s->archive);
    }
    if (archive_read_open_filename(s->archive, path, BLOCK_SIZE) != ARCHIVE_OK) {
        err = archive_failed(s, e);
        goto fail;
    }
    err = find_csv(s, e);
    if (err) goto fail;
    *out = s;
    return 0;
fail:
    source_close(s);
    return err;
}

// A second CSV in a zip would be lost silently, so it is refused.
static int check_alone(struct source *s, struct errmsg *e) {
    struct archive_entry *entry = NULL;
    do {
        int err = next_entry(s, &entry, e);
        if (err) return err;
    } while (entry && !entry_is_csv(entry));
    if (!entry) return 0;
    return errmsg_set(e, ERR_FORMAT, "%s: holds more than one .csv file; unpack it into a folder", s->path);
}

int source_read(struct source *s, const void **block, size_t *size, struct errmsg *e) {
    ASSERT(s->archive != NULL);
    *size = 0;
    *block = NULL;
    while (!s->ended && *size == 0) {
        la_int64_t offset;
        int result = archive_read_data_block(s->archive, block, size, &offset);
        if (result == ARCHIVE_EOF) {
            *size = 0;
            s->ended = true;
            return s->zip ? check_alone(s, e) : 0;
        }
        if (result < ARCHIVE_OK) return archive_failed(s, e);
    }
    return 0;
}

int64_t source_used(const struct source *s) { return archive_filter_bytes(s->archive, -1); }

void source_close(struct source *s) {
    if (!s) return;
    if (s->archive) archive_read_free(s->archive);
    free(s);
}
