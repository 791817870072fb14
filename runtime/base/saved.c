// saved.c: tagged fields written and read by tables, and the head of a file made of them.
#include "base/saved.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { WIRE_VARINT, WIRE_EIGHT_BYTES, WIRE_BYTES, WIRE_COUNT };
enum { WIDE_SIZE = 16 };

_Static_assert(sizeof(bool) == 1, "bools are read and written as bytes");
_Static_assert(sizeof(double) == 8, "doubles are read and written as eight bytes");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "eight and sixteen bytes are copied as they lie");

// ---- writing ----

static uint8_t *room(struct saved_out *o, size_t more) {
    if (o->room - o->size < more) {
        size_t wanted = o->room ? o->room : 4096;
        while (wanted - o->size < more) wanted *= 2;
        o->at = realloc(o->at, wanted);
        ASSERT(o->at != NULL);
        o->room = wanted;
    }
    return o->at + o->size;
}

void saved_out_free(struct saved_out *o) {
    free(o->at);
    *o = (struct saved_out){ NULL, 0, 0 };
}

static uint8_t *write_unsigned(uint8_t *at, uint64_t v) {
    for (; v >= 128; v >>= 7) *at++ = (uint8_t)(v | 128);
    *at++ = (uint8_t)v;
    return at;
}

// Small numbers of either sign in few bytes.
static uint64_t zigzag(int64_t v) { return (uint64_t)v << 1 ^ (uint64_t)(v >> 63); }

void saved_put_bytes(struct saved_out *o, const void *bytes, size_t size) {
    uint8_t *at = room(o, size);
    if (size) memcpy(at, bytes, size);
    o->size += size;
}

void saved_put_unsigned(struct saved_out *o, uint64_t v) {
    uint8_t *at = room(o, 10);
    o->size += (size_t)(write_unsigned(at, v) - at);
}

void saved_put_int(struct saved_out *o, int64_t v) { saved_put_unsigned(o, zigzag(v)); }

void saved_put_text(struct saved_out *o, const char *text, size_t size) {
    saved_put_unsigned(o, size);
    saved_put_bytes(o, text, size);
}

static void put_key(struct saved_out *o, uint16_t tag, uint8_t wire) {
    saved_put_unsigned(o, (uint64_t)tag << 2 | wire);
}

// One byte is kept for the length; a longer one moves what was written.
static size_t begin_length(struct saved_out *o) {
    room(o, 1);
    return ++o->size;
}

size_t saved_put_begin(struct saved_out *o, uint16_t tag) {
    put_key(o, tag, WIRE_BYTES);
    return begin_length(o);
}

void saved_put_end(struct saved_out *o, size_t begun) {
    ASSERT(begun > 0 && begun <= o->size);
    size_t size = o->size - begun;
    uint8_t length[10];
    size_t bytes = (size_t)(write_unsigned(length, size) - length);
    if (bytes > 1) {
        room(o, bytes - 1);
        memmove(o->at + begun + bytes - 1, o->at + begun, size);
        o->size += bytes - 1;
    }
    memcpy(o->at + begun - 1, length, bytes);
}

static int64_t whole_number(const struct saved_field *f, const char *at) {
    int64_t v = 0;
    int32_t v32;
    int16_t v16;
    switch (f->type) {
    case SAVED_INT32: memcpy(&v32, at, sizeof v32); return v32;
    case SAVED_INT16:
    case SAVED_INDEX: memcpy(&v16, at, sizeof v16); return v16;
    case SAVED_UINT8:
    case SAVED_BOOL: return *(const uint8_t *)at;
    default: memcpy(&v, at, sizeof v); return v;
    }
}

static int64_t array_item(const struct saved_field *f, const char *at, int32_t i) {
    int64_t v;
    int32_t v32;
    switch (f->type) {
    case SAVED_INT64S: memcpy(&v, at + (size_t)i * sizeof v, sizeof v); return v;
    case SAVED_INT32S: memcpy(&v32, at + (size_t)i * sizeof v32, sizeof v32); return v32;
    default: return at[i];
    }
}

// Up to the last item that is not zero.
static void put_array(struct saved_out *o, const struct saved_field *f, const char *at) {
    int32_t count = f->count;
    while (count > 0 && array_item(f, at, count - 1) == 0) count--;
    if (count == 0) return;
    size_t begun = saved_put_begin(o, f->tag);
    for (int32_t i = 0; i < count; i++) saved_put_int(o, array_item(f, at, i));
    saved_put_end(o, begun);
}

// Up to the last record that is not empty.
static void put_parts(struct saved_out *o, const struct saved_field *f, const char *at) {
    size_t start = o->size, begun = saved_put_begin(o, f->tag), last = begun;
    for (int32_t i = 0; i < f->count; i++) {
        size_t before = o->size;
        saved_put_record(o, f->table, at + (size_t)i * f->table->size);
        if (o->size - before > 1) last = o->size;
    }
    o->size = last > begun ? last : start;
    if (last > begun) saved_put_end(o, begun);
}

static void put_list(struct saved_out *o, const struct saved_field *f, const char *record) {
    const char *rows;
    int32_t count;
    memcpy(&rows, record + f->offset, sizeof rows);
    memcpy(&count, record + f->count_offset, sizeof count);
    if (!rows || count <= 0) return;
    size_t begun = saved_put_begin(o, f->tag);
    for (int32_t i = 0; i < count; i++) saved_put_record(o, f->table, rows + (size_t)i * f->table->size);
    saved_put_end(o, begun);
}

static void put_other(struct saved_out *o, const struct saved_field *f, const char *record) {
    static const char zeros[WIDE_SIZE];
    const char *at = record + f->offset;
    size_t size;
    switch (f->type) {
    case SAVED_DOUBLE:
        if (memcmp(at, zeros, sizeof(double)) == 0) return;
        put_key(o, f->tag, WIRE_EIGHT_BYTES);
        saved_put_bytes(o, at, sizeof(double));
        break;
    case SAVED_WIDE:
        if (memcmp(at, zeros, WIDE_SIZE) == 0) return;
        put_key(o, f->tag, WIRE_BYTES);
        saved_put_text(o, at, WIDE_SIZE);
        break;
    case SAVED_TEXT:
        size = strnlen(at, f->count - 1U);
        if (size == 0) return;
        put_key(o, f->tag, WIRE_BYTES);
        saved_put_text(o, at, size);
        break;
    case SAVED_INT64S:
    case SAVED_INT32S:
    case SAVED_BOOLS: put_array(o, f, at); break;
    case SAVED_PART: {
        size_t start = o->size, begun = saved_put_begin(o, f->tag);
        saved_put(o, f->table, at);
        if (o->size == begun)
            o->size = start;
        else
            saved_put_end(o, begun);
        break;
    }
    case SAVED_PARTS: put_parts(o, f, at); break;
    default: put_list(o, f, record); break;
    }
}

void saved_put(struct saved_out *o, const struct saved_table *t, const void *record) {
    // Keys take at most three bytes and whole numbers ten: one look at the room serves a run of them.
    uint8_t *at = room(o, (size_t)t->field_count * 13);
    for (const struct saved_field *f = t->fields, *end = f + t->field_count; f < end; f++) {
        if (f->type <= SAVED_BOOL) {
            int64_t v = whole_number(f, (const char *)record + f->offset);
            if (v == f->preset) continue;
            at = write_unsigned(at, (uint64_t)f->tag << 2 | WIRE_VARINT);
            at = write_unsigned(at, zigzag(v));
            continue;
        }
        ASSERT(f->type != SAVED_LIST || t->has_lists);
        o->size = (size_t)(at - o->at);
        put_other(o, f, record);
        at = room(o, (size_t)(end - f) * 13);
    }
    o->size = (size_t)(at - o->at);
}

void saved_put_record(struct saved_out *o, const struct saved_table *t, const void *record) {
    size_t begun = begin_length(o);
    saved_put(o, t, record);
    saved_put_end(o, begun);
}

void saved_put_field(struct saved_out *o, uint16_t tag, const struct saved_table *t, const void *record) {
    put_key(o, tag, WIRE_BYTES);
    saved_put_record(o, t, record);
}

// ---- reading ----

struct saved_in saved_in(const void *bytes, size_t size) {
    return (
        struct saved_in){ .at = bytes, .end = (const uint8_t *)bytes + size, .index_count = SAVED_INDEX_MAX };
}

const uint8_t *saved_get_bytes(struct saved_in *in, size_t size) {
    static const uint8_t nothing[1];
    if (in->bad || size > (size_t)(in->end - in->at)) {
        in->bad = true;
        return nothing;
    }
    in->at += size;
    return in->at - size;
}

uint64_t saved_get_unsigned(struct saved_in *in) {
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        uint8_t byte = *saved_get_bytes(in, 1);
        if (in->bad) return 0;
        v |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return v;
    }
    in->bad = true;
    return 0;
}

int64_t saved_get_int(struct saved_in *in) {
    uint64_t v = saved_get_unsigned(in);
    return (int64_t)(v >> 1 ^ -(v & 1));
}

int32_t saved_get_index(struct saved_in *in, int64_t below) {
    uint64_t v = saved_get_unsigned(in);
    if (below <= 0 || v >= (uint64_t)below) in->bad = true;
    return in->bad ? 0 : (int32_t)v;
}

const char *saved_get_text(struct saved_in *in, size_t *size) {
    uint64_t n = saved_get_unsigned(in);
    const char *text = (const char *)saved_get_bytes(in, n);
    *size = in->bad ? 0 : n;
    return text;
}

// What stands in the next `length` bytes, a length before them.
static struct saved_in inner_of(struct saved_in *in) {
    struct saved_in inner = *in;
    size_t size;
    inner.at = (const uint8_t *)saved_get_text(in, &size);
    inner.end = inner.at + size;
    inner.bad = in->bad;
    return inner;
}

static void give_back(struct saved_in *in, const struct saved_in *inner) {
    if (!inner->bad) return;
    in->bad = true;
    in->table = inner->table;
    in->field = inner->field;
}

static void fail(struct saved_in *in, const struct saved_table *t, const struct saved_field *f) {
    in->bad = true;
    in->table = t->name;
    in->field = f->name;
}

static void pass_over(struct saved_in *in, uint64_t wire) {
    size_t size;
    switch (wire) {
    case WIRE_VARINT: saved_get_unsigned(in); break;
    case WIRE_EIGHT_BYTES: saved_get_bytes(in, 8); break;
    case WIRE_BYTES: saved_get_text(in, &size); break;
    default: in->bad = true;
    }
}

static void store(const struct saved_field *f, char *at, int64_t v) {
    int32_t v32 = (int32_t)v;
    int16_t v16 = (int16_t)v;
    switch (f->type) {
    case SAVED_INT32:
    case SAVED_INT32S: memcpy(at, &v32, sizeof v32); break;
    case SAVED_INT16:
    case SAVED_INDEX: memcpy(at, &v16, sizeof v16); break;
    case SAVED_UINT8:
    case SAVED_BOOL:
    case SAVED_BOOLS: *(uint8_t *)at = (uint8_t)v; break;
    default: memcpy(at, &v, sizeof v); break;
    }
}

static bool within(const struct saved_in *in, const struct saved_field *f, int64_t v) {
    if ((f->least != 0 || f->most != 0) && (v < f->least || v > f->most)) return false;
    switch (f->type) {
    case SAVED_INT32:
    case SAVED_INT32S: return v >= INT32_MIN && v <= INT32_MAX;
    case SAVED_INT16: return v >= INT16_MIN && v <= INT16_MAX;
    case SAVED_INDEX: return v >= -1 && v < in->index_count;
    case SAVED_UINT8: return v >= 0 && v <= UINT8_MAX;
    case SAVED_BOOL:
    case SAVED_BOOLS: return v == 0 || v == 1;
    default: return true;
    }
}

static void set_presets(const struct saved_table *t, char *record) {
    for (int32_t i = 0; i < t->field_count; i++) {
        const struct saved_field *f = &t->fields[i];
        if (f->type <= SAVED_BOOL && f->preset != 0) store(f, record + f->offset, f->preset);
        int32_t count = f->type == SAVED_PART ? 1 : f->type == SAVED_PARTS ? f->count : 0;
        for (int32_t k = 0; k < count; k++)
            set_presets(f->table, record + f->offset + (size_t)k * f->table->size);
    }
}

static size_t item_size(const struct saved_field *f) {
    return f->type == SAVED_INT64S   ? sizeof(int64_t)
           : f->type == SAVED_INT32S ? sizeof(int32_t)
                                     : sizeof(bool);
}

// More items than there is room for are passed over.
static void get_array(struct saved_in *in, const struct saved_table *t, const struct saved_field *f,
                      char *at) {
    memset(at, 0, f->count * item_size(f));
    for (int32_t i = 0; in->at < in->end && !in->bad; i++) {
        int64_t v = saved_get_int(in);
        if (i >= f->count) continue;
        if (!within(in, f, v)) fail(in, t, f);
        if (!in->bad) store(f, at + (size_t)i * item_size(f), v);
    }
}

static void get_parts(struct saved_in *in, const struct saved_field *f, char *at) {
    for (int32_t i = 0; in->at < in->end && !in->bad; i++) {
        if (i < f->count)
            saved_get_record(in, f->table, at + (size_t)i * f->table->size);
        else
            pass_over(in, WIRE_BYTES);
    }
}

static void get_list(struct saved_in *in, const struct saved_table *t, const struct saved_field *f,
                     char *record) {
    struct saved_in counted = *in;
    int32_t count = 0;
    for (; counted.at < counted.end && !counted.bad && count < SAVED_LIST_MAX; count++)
        pass_over(&counted, WIRE_BYTES);
    bool whole = !counted.bad && counted.at == counted.end;
    char *rows = whole && in->take && count > 0 ? in->take(in->ctx, (size_t)count * f->table->size) : NULL;
    if (!whole || (count > 0 && !rows)) {
        fail(in, t, f);
        return;
    }
    for (int32_t i = 0; i < count && !in->bad; i++)
        saved_get_record(in, f->table, rows + (size_t)i * f->table->size);
    memcpy(record + f->offset, &rows, sizeof rows);
    memcpy(record + f->count_offset, &count, sizeof count);
}

static void get_text(struct saved_in *in, const struct saved_table *t, const struct saved_field *f,
                     char *at) {
    size_t size = (size_t)(in->end - in->at);
    if (size >= f->count || memchr(in->at, 0, size)) {
        fail(in, t, f);
        return;
    }
    memset(at, 0, f->count);
    memcpy(at, in->at, size);
}

static void get_bytes_field(struct saved_in *in, const struct saved_table *t, const struct saved_field *f,
                            char *record) {
    struct saved_in inner = inner_of(in);
    char *at = record + f->offset;
    if (in->bad) return;
    switch (f->type) {
    case SAVED_TEXT: get_text(&inner, t, f, at); break;
    case SAVED_WIDE:
        if (inner.end - inner.at == WIDE_SIZE)
            memcpy(at, inner.at, WIDE_SIZE);
        else
            fail(&inner, t, f);
        break;
    case SAVED_INT64S:
    case SAVED_INT32S:
    case SAVED_BOOLS: get_array(&inner, t, f, at); break;
    case SAVED_PART: saved_get(&inner, f->table, at); break;
    case SAVED_PARTS: get_parts(&inner, f, at); break;
    case SAVED_LIST: get_list(&inner, t, f, record); break;
    default: fail(&inner, t, f);
    }
    give_back(in, &inner);
}

static void get_field(struct saved_in *in, const struct saved_table *t, const struct saved_field *f,
                      uint64_t wire, char *record) {
    char *at = record + f->offset;
    if (f->type <= SAVED_BOOL && wire == WIRE_VARINT) {
        int64_t v = saved_get_int(in);
        if (!in->bad && within(in, f, v))
            store(f, at, v);
        else
            fail(in, t, f);
    } else if (f->type == SAVED_DOUBLE && wire == WIRE_EIGHT_BYTES) {
        const uint8_t *bytes = saved_get_bytes(in, sizeof(double));
        if (!in->bad) memcpy(at, bytes, sizeof(double));
    } else if (f->type > SAVED_DOUBLE && wire == WIRE_BYTES) {
        get_bytes_field(in, t, f, record);
    } else {
        fail(in, t, f);
    }
}

void saved_get(struct saved_in *in, const struct saved_table *t, void *record) {
    memset(record, 0, t->size);
    set_presets(t, record);
    int32_t next = 0;   // fields mostly come in the table's order
    while (in->at < in->end && !in->bad) {
        uint64_t key = saved_get_unsigned(in);
        const struct saved_field *f = NULL;
        for (int32_t i = 0; i < t->field_count && !f; i++, next++) {
            if (next >= t->field_count) next = 0;
            if (t->fields[next].tag == key >> 2) f = &t->fields[next];
        }
        if (in->bad) return;
        if (f)
            get_field(in, t, f, key & 3, record);
        else
            pass_over(in, key & 3);
    }
}

void saved_get_record(struct saved_in *in, const struct saved_table *t, void *record) {
    struct saved_in inner = inner_of(in);
    saved_get(&inner, t, record);
    give_back(in, &inner);
}

bool saved_next(struct saved_in *in, uint16_t *tag, struct saved_in *bytes) {
    while (in->at < in->end && !in->bad) {
        uint64_t key = saved_get_unsigned(in);
        if (in->bad) return false;
        if ((key & 3) != WIRE_BYTES || key >> 2 > UINT16_MAX) {
            pass_over(in, key & 3);
            continue;
        }
        *tag = (uint16_t)(key >> 2);
        *bytes = inner_of(in);
        return !in->bad;
    }
    return false;
}

// ---- the head of a file ----

static void put_number(uint8_t *at, uint64_t v, int bytes) {
    for (int i = 0; i < bytes; i++) at[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t get_number(const uint8_t *at, int bytes) {
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++) v |= (uint64_t)at[i] << 8 * i;
    return v;
}

static uint32_t checksum(const uint8_t *file, size_t size) {
    uint32_t sum = (uint32_t)crc32_z(0, file, SAVED_MAGIC_SIZE + 4);
    return (uint32_t)crc32_z(sum, file + SAVED_MAGIC_SIZE + 8, size - SAVED_MAGIC_SIZE - 8);
}

void saved_head_put(uint8_t *file, const char *magic, uint32_t version, size_t size) {
    ASSERT(size >= SAVED_HEAD_SIZE);
    ASSERT(strlen(magic) <= SAVED_MAGIC_SIZE);
    memset(file, 0, SAVED_HEAD_SIZE);
    memcpy(file, magic, strlen(magic));
    put_number(file + 16, version, 4);
    put_number(file + 24, size - SAVED_HEAD_SIZE, 8);
    put_number(file + 20, checksum(file, size), 4);
}

int saved_head_check(const void *bytes, size_t size, const char *magic, uint32_t oldest, uint32_t newest,
                     const char *what, struct errmsg *e) {
    const uint8_t *file = bytes;
    char name[SAVED_MAGIC_SIZE] = { 0 };
    memcpy(name, magic, strlen(magic));
    if (size < SAVED_MAGIC_SIZE + 4 || memcmp(file, name, sizeof name) != 0)
        return errmsg_set(e, ERR_FORMAT, "not %s", what);
    uint32_t version = (uint32_t)get_number(file + 16, 4);
    if (version < oldest) {
        return errmsg_set(e, ERR_FORMAT,
                          "written by an older version of moontide (form %u; this one reads from %u on)",
                          version, oldest);
    }
    if (version > newest) {
        return errmsg_set(e, ERR_FORMAT,
                          "written by a newer version of moontide (form %u; this one reads up to %u)",
                          version, newest);
    }
    if (size < SAVED_HEAD_SIZE || get_number(file + 24, 8) != size - SAVED_HEAD_SIZE)
        return errmsg_set(e, ERR_FORMAT, "damaged: its length is not what its head says");
    if (get_number(file + 20, 4) != checksum(file, size))
        return errmsg_set(e, ERR_FORMAT, "damaged: the checksum does not hold");
    return ERR_OK;
}
