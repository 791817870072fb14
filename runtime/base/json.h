// json.h: JSON text as a tree of nodes that point into it: nothing is copied, a number keeps its own digits,
// and reading the next text uses the memory of the last. Parsed by jsmn.
//
// Nodes    are named by their index; the root is 0, JSON_NONE says that there is no such node. Every function
//          takes JSON_NONE and answers as for a node that is missing.
// Owner    the text is borrowed for as long as nodes are asked about; json_free gives the memory back.
// Errors   ERR_SYNTAX: no JSON, or cut off; ERR_NO_MEMORY.
#ifndef MT_BASE_JSON_H
#define MT_BASE_JSON_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Lists and objects within each other: a deeper text is refused.
enum { JSON_NONE = -1, JSON_DEPTH_MAX = 256 };
enum json_kind { JSON_MISSING, JSON_OBJECT, JSON_LIST, JSON_STRING, JSON_NUMBER, JSON_BOOL, JSON_NULL };

struct json_node;
struct json {
    const char *text;
    struct json_node *nodes;
    int32_t count, room;
};   // all zero: empty

// Whether the text is JSON as RFC 8259 has it, in UTF-8, one value and no more. Reads nothing outside of it.
bool json_check(const char *text, size_t size);

// ERR_SYNTAX, and no node, unless json_check accepts the text.
int json_parse(struct json *j, const char *text, size_t size);
void json_free(struct json *j);

enum json_kind json_kind(const struct json *j, int32_t node);

// An object's value by its name. Asked for in the order of the text, all names of an object cost one walk
// through it: `hint` (0 at first, may be NULL) remembers how far that came.
int32_t json_get(const struct json *j, int32_t object, const char *name, int32_t *hint);

// A list's items: the first, and the one after `item`.
int32_t json_first(const struct json *j, int32_t list);
int32_t json_next(const struct json *j, int32_t list, int32_t item);
int32_t json_length(const struct json *j, int32_t node);   // items of a list, names of an object

// The node's own bytes: of a string what stands between its quotes, escapes and all; not terminated.
const char *json_bytes(const struct json *j, int32_t node, size_t *size);
bool json_is(const struct json *j, int32_t node, const char *text);   // whether those bytes are this

// A string or a number as text, escapes undone, cut to what fits, terminated.
void json_copy(const struct json *j, int32_t node, char *out, size_t room);
int64_t json_integer(const struct json *j, int32_t node, int64_t otherwise);

#endif
