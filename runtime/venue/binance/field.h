// field.h: one field table a kind of record, which says how each field is written as the exchange's JSON and
// as a Lua value.
//
// Faces    JSON: what the exchange's documentation says, decimals as strings with the symbol's precision.
//          Lua: decimals as numbers, ids as strings, booleans, enum names as strings.
// Units    prices, quantities, money: e8. Times: microseconds; both faces show milliseconds.
#ifndef MT_VENUE_BINANCE_FIELD_H
#define MT_VENUE_BINANCE_FIELD_H

#include "trade/names.h"
#include "trade/record.h"

#include <stddef.h>

enum field_type {
    FIELD_INT32,
    FIELD_INT64,     // JSON number, Lua number
    FIELD_ID,        // int64_t: JSON number, Lua string
    FIELD_ID_TEXT,   // int64_t: a string in both; 0 is ""
    FIELD_MS,        // int64_t us: milliseconds in both; 0 stays 0
    FIELD_BOOL,
    FIELD_PRICE,
    FIELD_QTY,    // int64_t e8: JSON string with the symbol's precision, Lua number
    FIELD_DEC8,   // int64_t e8: JSON string with eight decimals, Lua number
    FIELD_DEC,   // int64_t e8: JSON string as short as exact, but at least `decimals_min` decimals; Lua number
    FIELD_NUMBER,       // int64_t e8: JSON number as short as exact, Lua number
    FIELD_ENUM,         // uint8_t: a string in both, from `names`
    FIELD_TEXT,         // char[]: a string in both
    FIELD_SYMBOL,       // int16_t: the symbol's name in both
    FIELD_CONST,        // no storage: the string `text` in both
    FIELD_CONST_BOOL,   // no storage: true when `text` is "true"
    FIELD_CONST_INT,    // no storage: the integer in `text`
    FIELD_OBJECT,       // a record of kind `kind` embedded here
    FIELD_LIST,         // pointer to records of kind `kind`, counted by the int32_t at `count_offset`
    FIELD_ONE,          // a list of the one record of kind `kind` that is embedded here
    FIELD_ONE_IF,       // FIELD_ONE; empty when the int16_t symbol at `symbol_offset` is SYMBOL_NONE
    FIELD_INT_TEXT,     // int64_t: JSON string, Lua number
    FIELD_INT32_TEXT,   // int32_t: JSON string, Lua number
    FIELD_COIN,   // no storage: the coin that the contracts are settled in (symbol_coin), a string in both
    FIELD_COIN_TEXT   // char[]: a coin's name in both; an empty one is that coin
};

// How a zero is written where the exchange has its own way.
enum field_zero {
    ZERO_AS_VALUE,
    ZERO_SHORT /* "0" */,
    ZERO_EMPTY /* "" */,
    ZERO_ABSENT /* no field; nil in Lua */
};

struct field {
    const char *name;   // JSON name; in array kinds (klines, book levels) the Lua name only
    uint8_t type;       // enum field_type
    union {
        uint8_t kind;           // enum record_kind: FIELD_OBJECT, FIELD_LIST, FIELD_ONE, FIELD_ONE_IF
        uint8_t decimals_min;   // FIELD_DEC: fewest decimals
    };
    uint16_t offset;
    union {
        uint16_t count_offset;    // FIELD_LIST: of the int32_t that counts its rows
        uint16_t symbol_offset;   // FIELD_ONE_IF: of the int16_t symbol that says whether there is one
        uint16_t name_count;      // FIELD_ENUM: length of `names`
        uint16_t text_size;       // FIELD_TEXT, FIELD_COIN_TEXT: room in bytes, the terminator counted
        uint16_t high_offset;    // FIELD_QTY, FIELD_DEC: of the int64_t with the higher part of a wide number
                                 // (base/wide.h); 0: it is none
        uint16_t other_offset;   // FIELD_SYMBOL: of the char[SYMBOL_NAME_MAX] that names one not in the list
                                 // of symbols; 0: rows of such a one are left out
    };
    uint8_t
        zero;   // enum field_zero, of an int64_t; of FIELD_SYMBOL how SYMBOL_NONE is written: ZERO_ABSENT or ZERO_EMPTY
    const char *const *names;   // FIELD_ENUM
    const char *text;           // FIELD_CONST*
    bool written_only;          // stands for a value of its own that is not kept apart: not read
};

enum { RECORD_NO_SYMBOL = 65535 };

struct record_table {
    const char *name;   // "order", "kline"...: for specs and errors
    uint16_t size;      // sizeof the struct
    uint8_t array;      // 1: written as a JSON array by position, a named table in Lua
    uint8_t field_count;
    uint16_t symbol_offset;   // of the int16_t symbol whose precisions apply; RECORD_NO_SYMBOL: the holder's
    const struct field *fields;
};

// The table of a kind; kinds without one (RECORD_NONE, RECORD_SYMBOL, RECORD_EXCHANGE_INFO) return NULL.
const struct record_table *record_table(int32_t kind);

// Writes a record, or a list of `count` of them (as a JSON array), at out[0..size-1]; always terminated.
// Returns the length the whole text needs without its terminator: more than size-1 means it was cut.
// `symbols` gives names and precisions.
size_t record_json(char *out, size_t size, int32_t kind, const void *record, const struct symbol *symbols);
size_t record_json_list(char *out, size_t size, int32_t kind, const void *records, int32_t count,
                        const struct symbol *symbols);

#endif
