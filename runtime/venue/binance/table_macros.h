// table_macros.h: how the field tables of record_tables.c and stream_tables.c are written. Nobody else
// includes it.
#ifndef MT_VENUE_BINANCE_TABLE_MACROS_H
#define MT_VENUE_BINANCE_TABLE_MACROS_H

#include "trade/record.h"
#include "venue/binance/field.h"

#include <stddef.h>

// OF is the struct of the table being written.
#define AT(field_type, json, member)                                                                         \
    { .name = json, .type = field_type, .offset = offsetof(struct OF, member) }
#define INT32(json, member) AT(FIELD_INT32, json, member)
#define INT64(json, member) AT(FIELD_INT64, json, member)
#define INT_TEXT(json, member) AT(FIELD_INT_TEXT, json, member)
#define ID(json, member) AT(FIELD_ID, json, member)
#define ID_TEXT(json, member) AT(FIELD_ID_TEXT, json, member)
#define MS(json, member) AT(FIELD_MS, json, member)
#define FLAG(json, member) AT(FIELD_BOOL, json, member)
#define PRICE(json, member) AT(FIELD_PRICE, json, member)
#define QTY(json, member) AT(FIELD_QTY, json, member)
#define DEC8(json, member) AT(FIELD_DEC8, json, member)
#define DEC(json, member) AT(FIELD_DEC, json, member)
#define DEC_MIN(json, member, decimals)                                                                      \
    { .name = json, .type = FIELD_DEC, .decimals_min = decimals, .offset = offsetof(struct OF, member) }
#define ZERO(style, field_type, json, member)                                                                \
    { .name = json, .type = field_type, .offset = offsetof(struct OF, member), .zero = style }
#define NUMBER(json, member) AT(FIELD_NUMBER, json, member)
// A member under a second name, whose value may differ on the exchange.
#define WRITTEN(field_type, json, member)                                                                    \
    { .name = json, .type = field_type, .offset = offsetof(struct OF, member), .written_only = true }
// Volumes, with their higher part.
#define WIDE_QTY(json, member, high)                                                                         \
    {                                                                                                        \
        .name = json, .type = FIELD_QTY, .offset = offsetof(struct OF, member),                              \
        .high_offset = offsetof(struct OF, high)                                                             \
    }
#define WIDE_DEC(json, member, high, least)                                                                  \
    {                                                                                                        \
        .name = json, .type = FIELD_DEC, .decimals_min = least, .offset = offsetof(struct OF, member),       \
        .high_offset = offsetof(struct OF, high)                                                             \
    }
#define TEXT(json, member)                                                                                   \
    {                                                                                                        \
        .name = json, .type = FIELD_TEXT, .offset = offsetof(struct OF, member),                             \
        .text_size = sizeof(((struct OF *)0)->member)                                                        \
    }
// The coin that contracts are settled in; and a coin that is mostly that one: then the member is empty.
#define COIN(json)                                                                                           \
    { .name = json, .type = FIELD_COIN }
#define COIN_TEXT(json, member)                                                                              \
    {                                                                                                        \
        .name = json, .type = FIELD_COIN_TEXT, .offset = offsetof(struct OF, member),                        \
        .text_size = sizeof(((struct OF *)0)->member)                                                        \
    }
#define SYMBOL(json, member) AT(FIELD_SYMBOL, json, member)
// The symbol of a record that may be of one which is not the run's.
#define ANY_SYMBOL(json, member, name_member)                                                                \
    {                                                                                                        \
        .name = json, .type = FIELD_SYMBOL, .offset = offsetof(struct OF, member),                           \
        .other_offset = offsetof(struct OF, name_member)                                                     \
    }
#define NAME(json, member, list)                                                                             \
    {                                                                                                        \
        .name = json, .type = FIELD_ENUM, .offset = offsetof(struct OF, member), .names = list,              \
        .name_count = sizeof(list) / sizeof *(list)                                                          \
    }
#define TEXT_OF(field_type, json, value)                                                                     \
    { .name = json, .type = field_type, .text = value }
#define LIST(json, record, member, count)                                                                    \
    {                                                                                                        \
        .name = json, .type = FIELD_LIST, .kind = record, .offset = offsetof(struct OF, member),             \
        .count_offset = offsetof(struct OF, count)                                                           \
    }

// A part reads the same struct as the whole, hence the offset 0.
#define PART(field_type, json, record)                                                                       \
    { .name = json, .type = field_type, .kind = record }
#define PART_IF(json, record, member)                                                                        \
    { .name = json, .type = FIELD_ONE_IF, .kind = record, .symbol_offset = offsetof(struct OF, member) }

#define TABLE(table, struct_name, is_array, symbol_at)                                                       \
    {                                                                                                        \
        .name = #table, .size = sizeof(struct struct_name), .array = is_array,                               \
        .field_count = sizeof table##_fields / sizeof table##_fields[0], .fields = table##_fields,           \
        .symbol_offset = symbol_at                                                                           \
    }
#define SYMBOL_AT(struct_name, member) offsetof(struct struct_name, member)

// stream_tables.c: the kinds from RECORD_ACCOUNT_V2 on.
extern const struct record_table stream_tables[RECORD_COUNT - RECORD_ACCOUNT_V2];

#endif
