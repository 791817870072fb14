// saved.h: the form in which values outlive a process: tagged fields, written and read by one table a struct.
//
// Form     a record is its fields one after another, each a key and a value. The key is a varint: four times
//          the field's tag, plus how its value is written: 0 a varint, 1 eight bytes, 2 a length (varint) and
//          that many bytes. Whole numbers of either sign are varints in zigzag; bytes are little-endian;
//          parts and lists hold records, each with its length before it.
// Version  a reader passes over tags that it does not know, and gives a field that is absent its preset. A
//          tag, once given, keeps its meaning and its type for ever; enums may only grow at their end. So a
//          new field is one line in a table, and no file that is there already is lost by it.
// Input    is foreign: a value outside its bounds, a text without an end, a length beyond the bytes that are
//          there make the reader `bad`, never more.
// Owner    saved_out owns its bytes until saved_out_free; saved_in borrows them. Pure, no I/O.
#ifndef MT_BASE_SAVED_H
#define MT_BASE_SAVED_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum saved_type {
    SAVED_INT64,
    SAVED_UINT64,
    SAVED_INT32,
    SAVED_INT16,
    SAVED_INDEX,   // int16_t, -1 or below the reader's index_count
    SAVED_UINT8,
    SAVED_BOOL,
    SAVED_DOUBLE,
    SAVED_WIDE,     // __int128
    SAVED_TEXT,     // char[count]
    SAVED_INT64S,   // int64_t[count]
    SAVED_INT32S,   // int32_t[count]
    SAVED_BOOLS,    // bool[count]
    SAVED_PART,     // a struct of `table`
    SAVED_PARTS,    // `count` structs of `table`
    SAVED_LIST      // a pointer to structs of `table`; how many is in the int32_t at `count_offset`
};

enum { SAVED_LIST_MAX = 1 << 20, SAVED_INDEX_MAX = 64 };

struct saved_table;

struct saved_field {
    const char *name;   // for messages
    uint16_t tag;       // 1 or more, rising within a table
    uint8_t type;       // enum saved_type
    uint16_t offset, count, count_offset;
    const struct saved_table *table;
    int64_t least, most;   // bounds of whole numbers; both 0: none
    int64_t preset;        // what a whole number is when the field is absent; such a value is not written
};

struct saved_table {
    const char *name;   // for messages
    uint16_t size;      // sizeof the struct
    uint16_t field_count;
    const struct saved_field *fields;
    bool has_lists;   // a record points to others: SAVED_LIST is among the fields
};

// ---- writing ----

struct saved_out {
    uint8_t *at;
    size_t size, room;
};

void saved_out_free(struct saved_out *o);
void saved_put_bytes(struct saved_out *o, const void *bytes, size_t size);
void saved_put_unsigned(struct saved_out *o, uint64_t v);
void saved_put_int(struct saved_out *o, int64_t v);
void saved_put_text(struct saved_out *o, const char *text, size_t size);   // with its length

// The fields of a record.
void saved_put(struct saved_out *o, const struct saved_table *t, const void *record);
// A record with its length before it.
void saved_put_record(struct saved_out *o, const struct saved_table *t, const void *record);
// The same as a field.
void saved_put_field(struct saved_out *o, uint16_t tag, const struct saved_table *t, const void *record);

// A field of bytes whose size is known only afterwards: the place that saved_put_end needs.
size_t saved_put_begin(struct saved_out *o, uint16_t tag);
void saved_put_end(struct saved_out *o, size_t begun);

// ---- reading ----

struct saved_in {
    const uint8_t *at, *end;
    bool bad;
    int32_t index_count;         // of SAVED_INDEX; SAVED_INDEX_MAX unless set
    const char *table, *field;   // where it went bad, NULL when not in a table's field
    // Zeroed memory for lists, valid as long as its owner says; NULL: no list can be read.
    void *(*take)(void *ctx, size_t size);
    void *ctx;
};

struct saved_in saved_in(const void *bytes, size_t size);
const uint8_t *saved_get_bytes(struct saved_in *in, size_t size);   // never NULL
uint64_t saved_get_unsigned(struct saved_in *in);
int64_t saved_get_int(struct saved_in *in);
int32_t saved_get_index(struct saved_in *in, int64_t below);                      // in [0, below)
const char *saved_get_text(struct saved_in *in, size_t *size);                    // without a terminator
void saved_get(struct saved_in *in, const struct saved_table *t, void *record);   // to the end of `in`
void saved_get_record(struct saved_in *in, const struct saved_table *t, void *record);

// The next field of a record that is read by hand: its tag and, when it is one of bytes, these. False at the
// end, or when it is bad. Fields of numbers are passed over.
bool saved_next(struct saved_in *in, uint16_t *tag, struct saved_in *bytes);

// ---- the head of a file ----
//
//     magic 16 bytes, version 32 bits, CRC-32 of all but itself 32 bits, size of the body 64 bits, body

enum { SAVED_HEAD_SIZE = 32, SAVED_MAGIC_SIZE = 16 };

// Fills the first SAVED_HEAD_SIZE bytes of a file, whose body stands behind them already.
void saved_head_put(uint8_t *file, const char *magic, uint32_t version, size_t file_size);

// ERR_FORMAT and one line: not `what`; of a version before `oldest` or after `newest`; damaged.
int saved_head_check(const void *file, size_t size, const char *magic, uint32_t oldest, uint32_t newest,
                     const char *what, struct errmsg *e);

#endif
