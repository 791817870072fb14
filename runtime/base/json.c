// json.c: a tree over JSON text: jsmn makes the tokens; json_check.c says first whether there is anything to make
// tokens of.
#include "base/json.h"

#include "base/text.h"

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

#include <stdlib.h>
#include <string.h>

// In a node that has been parsed `parent` holds the index of the node after its whole tree.
struct json_node {
    jsmntok_t t;
};

static const jsmntok_t *token(const struct json *j, int32_t node) {
    return node >= 0 && node < j->count ? &j->nodes[node].t : NULL;
}

// jsmn takes a number or a word that ends with the text for one that is cut off.
static int lone_scalar(struct json *j, const char *text, size_t size) {
    size_t start = strspn(text, " \n\r\t"), end = size;
    while (end > start && strchr(" \n\r\t", text[end - 1]) != NULL) end--;
    if (end == start || j->room == 0) return ERR_SYNTAX;
    j->nodes[0].t = (jsmntok_t){ .type = JSMN_PRIMITIVE, .start = (int)start, .end = (int)end, .parent = 1 };
    j->count = 1;
    return ERR_OK;
}

// jsmn keeps its place in memory; with all of it in here that is a register.
__attribute__((flatten)) int json_parse(struct json *j, const char *text, size_t size) {
    j->text = text;
    j->count = 0;
    if (size > INT32_MAX || !json_check(text, size)) return ERR_SYNTAX;
    for (;;) {
        jsmn_parser parser;
        jsmn_init(&parser);
        int found =
            j->room > 0 ? jsmn_parse(&parser, text, size, &j->nodes->t, (unsigned)j->room) : JSMN_ERROR_NOMEM;
        j->count = found > 0 ? found : 0;
        if (found > 0) break;
        if (found == JSMN_ERROR_PART) return lone_scalar(j, text, size);
        if (found != JSMN_ERROR_NOMEM) return ERR_SYNTAX;
        if (j->room > INT32_MAX / 4) return ERR_NO_MEMORY;
        int32_t room = j->room > 0 ? j->room * 4 : 256;
        struct json_node *nodes = realloc(j->nodes, sizeof *nodes * (size_t)room);
        if (!nodes) return ERR_NO_MEMORY;
        j->nodes = nodes;
        j->room = room;
    }
    for (int32_t i = j->count - 1; i >= 0; i--) {
        int32_t next = i + 1;
        while (next < j->count && j->nodes[next].t.start < j->nodes[i].t.end) next = j->nodes[next].t.parent;
        j->nodes[i].t.parent = next;
    }
    // jsmn reads on after the first value; one text is one value.
    return j->nodes[0].t.parent == j->count ? ERR_OK : ERR_SYNTAX;
}

void json_free(struct json *j) {
    free(j->nodes);
    *j = (struct json){ 0 };
}

enum json_kind json_kind(const struct json *j, int32_t node) {
    const jsmntok_t *t = token(j, node);
    if (!t) return JSON_MISSING;
    switch (t->type) {
    case JSMN_OBJECT: return JSON_OBJECT;
    case JSMN_ARRAY: return JSON_LIST;
    case JSMN_STRING: return JSON_STRING;
    default: break;
    }
    char first = j->text[t->start];
    return first == 'n' ? JSON_NULL : first == 't' || first == 'f' ? JSON_BOOL : JSON_NUMBER;
}

bool json_is(const struct json *j, int32_t node, const char *text) {
    size_t size, length = strlen(text);
    const char *bytes = json_bytes(j, node, &size);
    return node >= 0 && size == length && memcmp(bytes, text, length) == 0;
}

int32_t json_get(const struct json *j, int32_t object, const char *name, int32_t *hint) {
    const jsmntok_t *t = token(j, object);
    if (!t || t->type != JSMN_OBJECT || t->size == 0) return JSON_NONE;
    int32_t first = object + 1, end = t->parent,
            start = hint && *hint > object && *hint < end ? *hint : first, key = start;
    const char *text = j->text;
    size_t length = strlen(name);
    do {
        int32_t value = key + 1, next = j->nodes[value].t.parent;
        const jsmntok_t *k = &j->nodes[key].t;
        // A name that is missing costs a walk through all others: most differ in length or by their first
        // byte.
        if ((size_t)(k->end - k->start) == length && text[k->start] == name[0] &&
            memcmp(text + k->start, name, length) == 0) {
            if (hint) *hint = next;
            return value;
        }
        key = next < end ? next : first;
    } while (key != start);
    return JSON_NONE;
}

int32_t json_first(const struct json *j, int32_t list) {
    const jsmntok_t *t = token(j, list);
    return t && t->type == JSMN_ARRAY && t->size > 0 ? list + 1 : JSON_NONE;
}

int32_t json_next(const struct json *j, int32_t list, int32_t item) {
    const jsmntok_t *t = token(j, item), *l = token(j, list);
    return t && l && t->parent < l->parent ? t->parent : JSON_NONE;
}

int32_t json_length(const struct json *j, int32_t node) {
    const jsmntok_t *t = token(j, node);
    return t && (t->type == JSMN_OBJECT || t->type == JSMN_ARRAY) ? t->size : 0;
}

const char *json_bytes(const struct json *j, int32_t node, size_t *size) {
    const jsmntok_t *t = token(j, node);
    *size = t ? (size_t)(t->end - t->start) : 0;
    return t ? j->text + t->start : "";
}

static int hex4(const char *at) {
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        value = value * 16 + (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return value;
}

static size_t put_utf8(char *out, int code) {
    if (code < 0x80) return out[0] = (char)code, 1;
    if (code < 0x800) return out[0] = (char)(0xc0 | code >> 6), out[1] = (char)(0x80 | (code & 63)), 2;
    size_t lead = code < 0x10000 ? 0 : 1;
    if (lead) *out++ = (char)(0xf0 | code >> 18);
    out[0] = (char)(lead ? 0x80 | (code >> 12 & 63) : 0xe0 | code >> 12);
    out[1] = (char)(0x80 | (code >> 6 & 63));
    out[2] = (char)(0x80 | (code & 63));
    return 3 + lead;
}

// The character of the escape whose digits begin at `c`, and how many bytes it takes from there: of a pair of surrogates both.
// Half a pair is no character: U+FFFD stands for it.
static int escaped_code(const char *c, const char *end, size_t *bytes) {
    int code = hex4(c);
    *bytes = 4;
    if (code < 0xd800 || code > 0xdfff) return code;
    if (code > 0xdbff || end - c < 10 || c[4] != '\\' || c[5] != 'u') return 0xfffd;
    int low = hex4(c + 6);
    if (low < 0xdc00 || low > 0xdfff) return 0xfffd;
    *bytes = 10;
    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

void json_copy(const struct json *j, int32_t node, char *out, size_t room) {
    size_t size, at = 0;
    const char *c = json_bytes(j, node, &size), *end = c + size;
    static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    for (; c < end && at + 4 <= room; c++) {
        if (*c != '\\') {
            out[at++] = *c;
        } else if (*++c == 'u') {   // json_check has made sure of the digits
            size_t bytes;
            at += put_utf8(out + at, escaped_code(c + 1, end, &bytes));
            c += bytes;
        } else {
            for (const char *e = escapes; *e; e += 2) {
                if (*e == *c) out[at++] = e[1];
            }
        }
    }
    // The last few bytes of a text without escapes still fit.
    for (; c < end && *c != '\\' && at + 1 < room; c++) out[at++] = *c;
    if (room > 0) out[at < room ? at : room - 1] = 0;
}

int64_t json_integer(const struct json *j, int32_t node, int64_t otherwise) {
    size_t size;
    int64_t value;
    const char *bytes = json_bytes(j, node, &size);
    return size > 0 && id_parse(bytes, size, &value) == 0 ? value : otherwise;
}
