// store.c: one file of columns on disk, mapped read-only.
#include "data/store.h"

#include "data/columns.h"
#include "data/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STORE_VERSION = 2, ENDIAN_MARK = 0x01020304 };

static const char store_magic[8] = "MTBARS\r\n";

struct store_header {
    char magic[8];
    uint32_t version, endian;
    int64_t count, gap_count;
    uint64_t sources_size, data_offset, file_size;
    int32_t interval, price_decimals, quantity_decimals, column_count;
    char symbol[SERIES_SYMBOL_MAX];
    char hash[72];
};
_Static_assert(sizeof(struct store_header) == 176, "the store's header has no padding and no surprises");
_Static_assert(offsetof(struct store_header, count) == 16 &&
                   offsetof(struct store_header, data_offset) == 40 &&
                   offsetof(struct store_header, interval) == 56 &&
                   offsetof(struct store_header, hash) == 104,
               "files are mapped by this header: another order of its fields needs another STORE_VERSION");
_Static_assert(COLUMN_COUNT == 14 && COLUMN_OPEN_US == 0 && COLUMN_TAKER_QUOTE_VOLUME == 9,
               "files hold their columns in this order");

static uint64_t to_page(uint64_t size) { return (size + COLUMN_PAGE - 1) / COLUMN_PAGE * COLUMN_PAGE; }

static void header_fill(struct store_header *h, const char *sources, const struct series *s) {
    memset(h, 0, sizeof *h);
    memcpy(h->magic, store_magic, sizeof h->magic);
    h->version = STORE_VERSION;
    h->endian = ENDIAN_MARK;
    h->count = s->count;
    h->gap_count = s->gap_count;
    h->sources_size = strlen(sources);
    h->data_offset = to_page(sizeof *h + h->sources_size);
    h->file_size = h->data_offset + column_stride(s->count) * COLUMN_COUNT;
    h->interval = s->interval;
    h->price_decimals = s->price_decimals;
    h->quantity_decimals = s->quantity_decimals;
    h->column_count = COLUMN_COUNT;
    memcpy(h->symbol, s->symbol, sizeof h->symbol);
    memcpy(h->hash, s->hash, sizeof s->hash);
}

// A header is the one wanted when writing it anew from what it claims gives the same bytes.
static bool header_sound(const struct store_header *h, const char *sources, uint64_t file_size,
                         struct series *s) {
    struct store_header expected;
    if (h->count <= 0 || h->count > (int64_t)(file_size / (COLUMN_COUNT * sizeof(int64_t)))) return false;
    if (h->price_decimals < 0 || h->price_decimals > 8) return false;
    if (h->quantity_decimals < 0 || h->quantity_decimals > 8 || h->gap_count < 0) return false;
    if (memchr(h->hash, '\0', sizeof h->hash) != h->hash + 64) return false;
    s->count = h->count;
    s->gap_count = h->gap_count;
    s->price_decimals = h->price_decimals;
    s->quantity_decimals = h->quantity_decimals;
    memcpy(s->hash, h->hash, sizeof s->hash);
    header_fill(&expected, sources, s);
    return memcmp(h, &expected, sizeof expected) == 0 && h->file_size == file_size;
}

int store_open(const char *path, const char *sources, struct series *out) {
    struct series s = *out;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return ERR_NOT_FOUND;
    char *map = MAP_FAILED;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > (off_t)sizeof(struct store_header))
        map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED) return ERR_NOT_FOUND;

    const struct store_header *h = (const void *)map;
    if (!header_sound(h, sources, (uint64_t)st.st_size, &s) ||
        memcmp(map + sizeof *h, sources, h->sources_size) != 0) {
        munmap(map, (size_t)st.st_size);
        return ERR_NOT_FOUND;
    }
    s.owned = map;
    s.owned_size = (int64_t)st.st_size;
    columns_bind(&s, map + h->data_offset);
    *out = s;
    return 0;
}

char *store_sources(const char *path, int64_t *written_ns) {
    struct store_header h;
    struct stat st;
    char *text = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    bool good = fstat(fd, &st) == 0 && pread(fd, &h, sizeof h, 0) == (ssize_t)sizeof h &&
                memcmp(h.magic, store_magic, sizeof h.magic) == 0 && h.version == STORE_VERSION &&
                h.sources_size < (uint64_t)st.st_size;
    if (good) text = malloc((size_t)h.sources_size + 1);
    if (text && pread(fd, text, (size_t)h.sources_size, sizeof h) == (ssize_t)h.sources_size) {
        text[h.sources_size] = '\0';
        *written_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    } else {
        free(text);
        text = NULL;
    }
    close(fd);
    return text;
}

static int write_at(int fd, const void *data, size_t size, uint64_t offset) {
    const char *at = data;
    while (size > 0) {
        ssize_t written = pwrite(fd, at, size, (off_t)offset);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return ERR_IO;
        at += written;
        size -= (size_t)written;
        offset += (uint64_t)written;
    }
    return 0;
}

static int write_all(int fd, const char *sources, const struct series *s) {
    struct store_header h;
    header_fill(&h, sources, s);
    if (ftruncate(fd, (off_t)h.file_size) != 0) return ERR_IO;
    if (write_at(fd, &h, sizeof h, 0) || write_at(fd, sources, h.sources_size, sizeof h)) return ERR_IO;
    size_t stride = column_stride(s->count);
    for (int i = 0; i < COLUMN_COUNT; i++) {
        size_t size = (size_t)s->count * sizeof(int64_t);
        if (i >= COLUMN_VOLUME_HIGH && columns_all_zero(s, i))
            continue;   // a hole in the file reads as zeros
        if (write_at(fd, columns_get(s, i), size, h.data_offset + (size_t)i * stride)) return ERR_IO;
    }
    return fsync(fd) == 0 ? 0 : ERR_IO;
}

int store_write(const char *path, const char *sources, const struct series *s, struct errmsg *e) {
    char temp[PATH_MAX];
    if ((size_t)snprintf(temp, sizeof temp, "%s.XXXXXX", path) >= sizeof temp)
        return errmsg_set(e, ERR_IO, "%s: path too long", path);
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0) return errmsg_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    int err = write_all(fd, sources, s);
    int number = errno;
    if (close(fd) != 0 && !err) {
        err = ERR_IO;
        number = errno;
    }
    if (!err && rename(temp, path) != 0) {
        err = ERR_IO;
        number = errno;
    }
    if (err) {
        unlink(temp);
        return errmsg_set(e, ERR_IO, "%s: %s", path, strerror(number));
    }
    disk_sync_folder(path);
    return 0;
}

int store_folder(const char *folder) {
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s", folder) >= sizeof path) return ERR_IO;
    for (char *at = path + 1; *at; at++) {
        if (*at != '/') continue;
        *at = '\0';
        (void)!mkdir(path, 0777);   // the last one tells whether all went well
        *at = '/';
    }
    struct stat st;
    (void)!mkdir(path, 0777);
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? 0 : ERR_IO;
}
