// saved_macros.h: how tables of saved fields are written. OF is the struct of the table being written.
#ifndef MT_BASE_SAVED_MACROS_H
#define MT_BASE_SAVED_MACROS_H

#include "base/saved.h"

#define SAVED(number, saved_type, member)                                                                    \
    { .name = #member, .tag = number, .type = saved_type, .offset = offsetof(struct OF, member) }
#define S_INT64(number, member) SAVED(number, SAVED_INT64, member)
#define S_INT32(number, member) SAVED(number, SAVED_INT32, member)
#define S_BOOL(number, member) SAVED(number, SAVED_BOOL, member)
#define S_DOUBLE(number, member) SAVED(number, SAVED_DOUBLE, member)
#define S_WIDE(number, member) SAVED(number, SAVED_WIDE, member)
#define S_WITHIN(number, saved_type, member, low, high)                                                      \
    {                                                                                                        \
        .name = #member, .tag = number, .type = saved_type, .offset = offsetof(struct OF, member),           \
        .least = low, .most = high                                                                           \
    }
#define S_PRESET(number, saved_type, member, low, high, value)                                               \
    {                                                                                                        \
        .name = #member, .tag = number, .type = saved_type, .offset = offsetof(struct OF, member),           \
        .least = low, .most = high, .preset = value                                                          \
    }
#define S_ENUM(number, member, enum_count) S_WITHIN(number, SAVED_UINT8, member, 0, (enum_count)-1)
// An int16_t symbol, or SYMBOL_NONE, which is what an absent one is.
#define S_SYMBOL(number, member)                                                                             \
    {                                                                                                        \
        .name = #member, .tag = number, .type = SAVED_INDEX, .offset = offsetof(struct OF, member),          \
        .preset = SYMBOL_NONE                                                                                \
    }
#define S_TEXT(number, member)                                                                               \
    {                                                                                                        \
        .name = #member, .tag = number, .type = SAVED_TEXT, .offset = offsetof(struct OF, member),           \
        .count = sizeof(((struct OF *)0)->member)                                                            \
    }
#define S_ARRAY(number, saved_type, member)                                                                  \
    {                                                                                                        \
        .name = #member, .tag = number, .type = saved_type, .offset = offsetof(struct OF, member),           \
        .count = sizeof(((struct OF *)0)->member) / sizeof *((struct OF *)0)->member                         \
    }
#define S_ARRAY_WITHIN(number, saved_type, member, low, high)                                                \
    {                                                                                                        \
        .name = #member, .tag = number, .type = saved_type, .offset = offsetof(struct OF, member),           \
        .count = sizeof(((struct OF *)0)->member) / sizeof *((struct OF *)0)->member, .least = low,          \
        .most = high                                                                                         \
    }
#define S_PART(number, member, of_table)                                                                     \
    {                                                                                                        \
        .name = #member, .tag = number, .type = SAVED_PART, .offset = offsetof(struct OF, member),           \
        .table = of_table                                                                                    \
    }
#define S_PARTS(number, member, of_table)                                                                    \
    {                                                                                                        \
        .name = #member, .tag = number, .type = SAVED_PARTS, .offset = offsetof(struct OF, member),          \
        .count = sizeof(((struct OF *)0)->member) / sizeof *((struct OF *)0)->member, .table = of_table      \
    }
#define S_LIST(number, member, count_member, of_table)                                                       \
    {                                                                                                        \
        .name = #member, .tag = number, .type = SAVED_LIST, .offset = offsetof(struct OF, member),           \
        .count_offset = offsetof(struct OF, count_member), .table = of_table                                 \
    }
#define S_TABLE(struct_name, field_list)                                                                     \
    {                                                                                                        \
        .name = #struct_name, .size = sizeof(struct struct_name),                                            \
        .field_count = sizeof(field_list) / sizeof *(field_list), .fields = field_list                       \
    }
#define S_TABLE_OF_LISTS(struct_name, field_list)                                                            \
    {                                                                                                        \
        .name = #struct_name, .size = sizeof(struct struct_name),                                            \
        .field_count = sizeof(field_list) / sizeof *(field_list), .fields = field_list, .has_lists = true    \
    }

#endif
