// record_file.c: frames of a recording packed and written by a thread, and read.
#include "record/record_file.h"

#include "base/assert.h"
#include "base/saved.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

static const struct form {
    const char *magic, *what;
} forms[] = { [RECORD_FILE_OF_RUN] = { "moontide record", "a recording" },
              [RECORD_FILE_OF_MARKET] = { "moontide market", "a segment of market data" } };
static const char magic_before[8] = "MTRECORD";   // of the form that held structs as they lay in memory
enum { VERSION_OLDEST = 1, VERSION = 1 };

enum { FRAME_HEAD = 12, WAITING_MAX = RECORD_FILE_FRAME_MAX / 2 };

struct block {
    uint8_t *at;
    size_t size, room;
};

static bool block_room(struct block *b, size_t more) {
    if (b->room - b->size >= more) return true;
    size_t room = b->room ? b->room : 65536;
    while (room - b->size < more) room *= 2;
    uint8_t *at = realloc(b->at, room);
    if (!at) return false;
    b->at = at;
    b->room = room;
    return true;
}

static void put_u32(uint8_t *at, uint32_t v) {
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get_u32(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

// ---- writing ----

// An item as it waits: this, its bytes, and its records as they lie in memory.
struct waiting_item {
    uint8_t kind;
    uint32_t size;
    struct record_file_rows rows;   // `rows` is void
};

struct record_file_writer {
    int fd;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct block waiting;   // under the lock, as `ending` and `items`
    bool ending, dropped, failed;
    int64_t items;
    // The thread's own.
    struct block taken, packed;
    struct saved_out raw, records;   // a frame's items in their form; the records of one of them
    z_stream z;
    int error;   // errno of the write that failed
    int64_t raw_bytes, file_bytes;
};

static bool write_all(struct record_file_writer *w, const uint8_t *at, size_t size) {
    while (size > 0) {
        ssize_t n = write(w->fd, at, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            w->error = n < 0 ? errno : EIO;
            return false;
        }
        at += n;
        size -= (size_t)n;
        w->file_bytes += n;
    }
    return true;
}

// What has been taken, in the form of the file.
static void give_form(struct record_file_writer *w) {
    w->raw.size = 0;
    for (size_t at = 0; at < w->taken.size;) {
        struct waiting_item item;
        memcpy(&item, w->taken.at + at, sizeof item);
        const uint8_t *payload = w->taken.at + at + sizeof item, *rows = payload + item.size;
        w->records.size = 0;
        for (int32_t i = 0; item.rows.table && i < item.rows.count; i++)
            saved_put_record(&w->records, item.rows.table, rows + (size_t)i * item.rows.table->size);
        saved_put_bytes(&w->raw, &item.kind, 1);
        saved_put_unsigned(&w->raw, item.size + w->records.size);
        saved_put_bytes(&w->raw, payload, item.size);
        saved_put_bytes(&w->raw, w->records.at, w->records.size);
        at += sizeof item + item.size;
        if (item.rows.table) at += (size_t)item.rows.count * item.rows.table->size;
    }
}

static void write_frame(struct record_file_writer *w) {
    struct block *p = &w->packed;
    p->size = 0;
    if (w->error != 0) return;
    give_form(w);
    if (!block_room(p, FRAME_HEAD + deflateBound(&w->z, (uLong)w->raw.size) + 16)) {
        w->error = ENOMEM;
        return;
    }
    w->z.next_in = w->raw.at;
    w->z.avail_in = (uInt)w->raw.size;
    w->z.next_out = p->at + FRAME_HEAD;
    w->z.avail_out = (uInt)(p->room - FRAME_HEAD);
    int status = deflate(&w->z, Z_SYNC_FLUSH);
    ASSERT(status == Z_OK && w->z.avail_in == 0 && w->z.avail_out > 0);
    size_t packed = p->room - FRAME_HEAD - w->z.avail_out;
    put_u32(p->at, (uint32_t)w->raw.size);
    put_u32(p->at + 4, (uint32_t)packed);
    put_u32(p->at + 8, (uint32_t)crc32(0, p->at + FRAME_HEAD, (uInt)packed));
    w->raw_bytes += (int64_t)w->raw.size;
    write_all(w, p->at, FRAME_HEAD + packed);
}

static void *write_on(void *ctx) {
    struct record_file_writer *w = ctx;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->waiting.size == 0 && !w->ending) pthread_cond_wait(&w->more, &w->lock);
        if (!w->ending) {
            // Gather for a while: small frames pack badly.
            struct timespec until;
            clock_gettime(CLOCK_MONOTONIC, &until);
            until.tv_nsec += RECORD_FILE_FLUSH_MS * 1000000L;
            until.tv_sec += until.tv_nsec / 1000000000;
            until.tv_nsec %= 1000000000;
            while (!w->ending && pthread_cond_timedwait(&w->more, &w->lock, &until) == 0) continue;
        }
        bool last = w->ending;
        struct block taken = w->waiting;
        w->waiting = (struct block){ w->taken.at, 0, w->taken.room };
        w->taken = taken;
        pthread_mutex_unlock(&w->lock);
        if (w->taken.size > 0) write_frame(w);
        if (last) return NULL;
        pthread_mutex_lock(&w->lock);
        w->failed = w->error != 0;
    }
}

int record_file_writer_open(const char *path, enum record_file_form form, struct record_file_writer **out,
                            struct errmsg *e) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return errmsg_set(e, ERR_FULL, "%s is there already; a recording never replaces a file", path);
    if (fd < 0) return errmsg_set(e, ERR_IO, "cannot write %s: %s", path, strerror(errno));
    struct record_file_writer *w = calloc(1, sizeof *w);
    ASSERT(w != NULL);
    w->fd = fd;
    uint8_t head[SAVED_HEAD_SIZE];
    saved_head_put(head, forms[form].magic, VERSION, sizeof head);   // frames have checksums of their own
    ASSERT(deflateInit2(&w->z, 6, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&w->more, &clock);
    pthread_condattr_destroy(&clock);
    write_all(w, head, sizeof head);
    MUST(pthread_create(&w->thread, NULL, write_on, w) == 0);
    *out = w;
    return ERR_OK;
}

void record_file_put(struct record_file_writer *w, uint8_t kind, const void *payload, size_t size,
                     struct record_file_rows rows) {
    ASSERT(!rows.table || !rows.table->has_lists);
    struct waiting_item item = { kind, (uint32_t)size, rows };
    size_t rows_size = rows.table ? (size_t)rows.count * rows.table->size : 0;
    size_t more = sizeof item + size + rows_size;
    pthread_mutex_lock(&w->lock);
    struct block *b = &w->waiting;
    bool first = b->size == 0;
    if (!w->dropped && b->size + more <= WAITING_MAX && block_room(b, more)) {
        uint8_t *at = b->at + b->size;
        memcpy(at, &item, sizeof item);
        if (size) memcpy(at + sizeof item, payload, size);
        if (rows_size) memcpy(at + sizeof item + size, rows.rows, rows_size);
        b->size += more;
        w->items++;
    } else {
        w->dropped = true;   // a hole would be worse than an end
    }
    pthread_mutex_unlock(&w->lock);
    if (first) pthread_cond_signal(&w->more);
}

bool record_file_writer_stopped(struct record_file_writer *w) {
    pthread_mutex_lock(&w->lock);
    bool stopped = w->failed || w->dropped;
    pthread_mutex_unlock(&w->lock);
    return stopped;
}

int record_file_writer_close(struct record_file_writer *w, struct record_file_figures *figures,
                             struct errmsg *e) {
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    pthread_mutex_unlock(&w->lock);
    pthread_cond_signal(&w->more);
    pthread_join(w->thread, NULL);
    if (close(w->fd) != 0 && w->error == 0) w->error = errno;
    *figures = (struct record_file_figures){ w->items, w->raw_bytes, w->file_bytes };
    int err = ERR_OK;
    if (w->error != 0)
        err = errmsg_set(e, ERR_IO, "%s", strerror(w->error));
    else if (w->dropped)
        err = errmsg_set(e, ERR_IO, "the disk did not keep up");
    deflateEnd(&w->z);
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
    free(w->waiting.at);
    free(w->taken.at);
    free(w->packed.at);
    saved_out_free(&w->raw);
    saved_out_free(&w->records);
    free(w);
    return err;
}

// ---- reading ----

struct record_file {
    FILE *file;
    z_stream z;
    struct block packed, raw;
    size_t at;        // in raw
    int64_t offset;   // of the frame being read
    enum record_file_end end;
};

static int check_head(const char *path, const struct form *form, FILE *file, struct errmsg *e) {
    uint8_t head[SAVED_HEAD_SIZE];
    size_t size = fread(head, 1, sizeof head, file);
    if (size >= sizeof magic_before && memcmp(head, magic_before, sizeof magic_before) == 0)
        return errmsg_set(e, ERR_FORMAT,
                          "%s was recorded by an older version of moontide; replay it with that one", path);
    struct errmsg why;
    int err = saved_head_check(head, size, form->magic, VERSION_OLDEST, VERSION, form->what, &why);
    return err ? errmsg_set(e, err, "%s is %.400s", path, why.text) : ERR_OK;
}

int record_file_open(const char *path, enum record_file_form form, struct record_file **out,
                     struct errmsg *e) {
    FILE *file = fopen(path, "rbe");
    if (!file) return errmsg_set(e, ERR_IO, "cannot read %s: %s", path, strerror(errno));
    int err = check_head(path, &forms[form], file, e);
    if (err) {
        fclose(file);
        return err;
    }
    struct record_file *r = calloc(1, sizeof *r);
    ASSERT(r != NULL && inflateInit2(&r->z, -15) == Z_OK);
    r->file = file;
    r->offset = SAVED_HEAD_SIZE;
    *out = r;
    return ERR_OK;
}

static bool ends(struct record_file *r, enum record_file_end end) {
    r->end = end;
    return false;
}

static bool read_frame(struct record_file *r) {
    uint8_t head[FRAME_HEAD];
    size_t got = fread(head, 1, sizeof head, r->file);
    if (got == 0) return ends(r, RECORD_FILE_WHOLE);
    if (got < sizeof head) return ends(r, RECORD_FILE_CUT);
    size_t raw = get_u32(head), packed = get_u32(head + 4);
    if (raw == 0 || raw > RECORD_FILE_FRAME_MAX ||
        packed > RECORD_FILE_FRAME_MAX + (RECORD_FILE_FRAME_MAX >> 8))
        return ends(r, RECORD_FILE_DAMAGED);
    r->packed.size = r->raw.size = r->at = 0;
    // Room as the bytes come: a damaged size takes no memory that is not there to be read.
    while (r->packed.size < packed) {
        size_t piece = packed - r->packed.size < 1 << 20 ? packed - r->packed.size : 1 << 20;
        MUST(block_room(&r->packed, piece));
        got = fread(r->packed.at + r->packed.size, 1, piece, r->file);
        r->packed.size += got;
        if (got < piece) return ends(r, RECORD_FILE_CUT);
    }
    if (crc32(0, r->packed.at, (uInt)packed) != get_u32(head + 8)) return ends(r, RECORD_FILE_DAMAGED);
    r->z.next_in = r->packed.at;
    r->z.avail_in = (uInt)packed;
    for (;;) {
        if (!block_room(&r->raw, 65536)) return ends(r, RECORD_FILE_DAMAGED);
        size_t room = r->raw.room - r->raw.size;
        r->z.next_out = r->raw.at + r->raw.size;
        r->z.avail_out = (uInt)room;
        int status = inflate(&r->z, Z_SYNC_FLUSH);
        r->raw.size += room - r->z.avail_out;
        if (r->raw.size > raw || (status != Z_OK && status != Z_BUF_ERROR))
            return ends(r, RECORD_FILE_DAMAGED);
        if (r->z.avail_in == 0 && r->z.avail_out > 0) break;
    }
    if (r->raw.size != raw) return ends(r, RECORD_FILE_DAMAGED);
    r->offset += (int64_t)(sizeof head + packed);
    return true;
}

bool record_file_next(struct record_file *r, struct record_file_item *item) {
    if (r->end != RECORD_FILE_GOES_ON) return false;
    if (r->at == r->raw.size && !read_frame(r)) return false;
    item->kind = r->raw.at[r->at++];
    size_t size = 0;
    for (int shift = 0;; shift += 7) {
        if (shift > 28 || r->at == r->raw.size) return ends(r, RECORD_FILE_DAMAGED);
        uint8_t byte = r->raw.at[r->at++];
        size |= (size_t)(byte & 127) << shift;
        if (byte < 128) break;
    }
    if (size > r->raw.size - r->at) return ends(r, RECORD_FILE_DAMAGED);
    item->data = r->raw.at + r->at;
    item->size = size;
    r->at += size;
    return true;
}

enum record_file_end record_file_end(const struct record_file *r) { return r->end; }
int64_t record_file_offset(const struct record_file *r) { return r->offset; }

void record_file_close(struct record_file *r) {
    if (!r) return;
    fclose(r->file);
    inflateEnd(&r->z);
    free(r->packed.at);
    free(r->raw.at);
    free(r);
}
