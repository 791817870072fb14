// json_check.c: whether a text is JSON (RFC 8259), before anybody looks at its parts.
//
// jsmn finds tokens, but accepts much that is no JSON: lists without commas, objects whose names and values do not
// alternate. Whoever then walks the tokens as names and values reads past them. So nothing is looked at that has not
// passed here.
#include "base/json.h"

#include <string.h>

enum state { VALUE, FIRST_NAME, NAME, FIRST_ITEM, AFTER };

struct check {
    const unsigned char *at, *end;
    uint8_t is_object[JSON_DEPTH_MAX];
    int32_t depth;
};

static bool digit(unsigned char c) { return c >= '0' && c <= '9'; }

static bool hex(unsigned char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

static void skip_blanks(struct check *k) {
    while (k->at < k->end && (*k->at == ' ' || *k->at == '\n' || *k->at == '\r' || *k->at == '\t')) k->at++;
}

static bool digits(struct check *k) {
    const unsigned char *start = k->at;
    while (k->at < k->end && digit(*k->at)) k->at++;
    return k->at > start;
}

static bool number(struct check *k) {
    if (k->at < k->end && *k->at == '-') k->at++;
    if (k->at < k->end && *k->at == '0')
        k->at++;
    else if (!digits(k))
        return false;
    if (k->at < k->end && *k->at == '.') {
        k->at++;
        if (!digits(k)) return false;
    }
    if (k->at < k->end && (*k->at == 'e' || *k->at == 'E')) {
        k->at++;
        if (k->at < k->end && (*k->at == '+' || *k->at == '-')) k->at++;
        if (!digits(k)) return false;
    }
    return true;
}

// A character of two bytes or more: no overlong form, no surrogate, nothing beyond U+10FFFF.
static bool utf8(struct check *k) {
    static const struct {
        uint32_t least;
        uint8_t lead, mask;
        int32_t more;
    } forms[] = {
        { 0x80, 0xc0, 0xe0, 1 },
        { 0x800, 0xe0, 0xf0, 2 },
        { 0x10000, 0xf0, 0xf8, 3 },
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if ((*k->at & forms[i].mask) != forms[i].lead) continue;
        if (k->end - k->at <= forms[i].more) return false;
        uint32_t code = *k->at++ & (uint8_t)~forms[i].mask;
        for (int32_t n = forms[i].more; n > 0; n--, k->at++) {
            if ((*k->at & 0xc0) != 0x80) return false;
            code = code << 6 | (*k->at & 0x3f);
        }
        return code >= forms[i].least && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    }
    return false;
}

static bool escape(struct check *k) {
    if (k->end - k->at < 2) return false;
    unsigned char c = k->at[1];
    k->at += 2;
    if (c != 'u') return c != 0 && strchr("\"\\/bfnrt", c) != NULL;
    if (k->end - k->at < 4) return false;
    for (int i = 0; i < 4; i++) {
        if (!hex(*k->at++)) return false;
    }
    return true;
}

// At the quote that opens it; behind the one that closes it afterwards.
static bool string(struct check *k) {
    for (k->at++; k->at < k->end;) {
        unsigned char c = *k->at;
        if (c == '"') {
            k->at++;
            return true;
        }
        if (c < 0x20) return false;
        if (c == '\\') {
            if (!escape(k)) return false;
        } else if (c < 0x80) {
            k->at++;
        } else if (!utf8(k)) {
            return false;
        }
    }
    return false;
}

static bool literal(struct check *k, const char *word) {
    size_t length = strlen(word);
    if ((size_t)(k->end - k->at) < length || memcmp(k->at, word, length) != 0) return false;
    k->at += length;
    return true;
}

static bool open_one(struct check *k, bool object) {
    if (k->depth == JSON_DEPTH_MAX) return false;
    k->is_object[k->depth++] = object;
    k->at++;
    return true;
}

static bool value(struct check *k, enum state *state) {
    *state = AFTER;
    switch (*k->at) {
    case '{': *state = FIRST_NAME; return open_one(k, true);
    case '[': *state = FIRST_ITEM; return open_one(k, false);
    case '"': return string(k);
    case 't': return literal(k, "true");
    case 'f': return literal(k, "false");
    case 'n': return literal(k, "null");
    default: return number(k);
    }
}

static bool close_one(struct check *k, enum state *state) {
    k->depth--;
    k->at++;
    *state = AFTER;
    return true;
}

static bool name(struct check *k, enum state *state) {
    *state = VALUE;
    if (*k->at != '"' || !string(k)) return false;
    skip_blanks(k);
    return k->at < k->end && *k->at++ == ':';
}

// What follows a value inside a list or an object.
static bool after(struct check *k, enum state *state) {
    if (k->depth == 0) return false;   // one text is one value
    bool object = k->is_object[k->depth - 1];
    if (*k->at == (object ? '}' : ']')) return close_one(k, state);
    *state = object ? NAME : VALUE;
    return *k->at++ == ',';
}

static bool step(struct check *k, enum state *state) {
    switch (*state) {
    case VALUE: return value(k, state);
    case FIRST_ITEM: return *k->at == ']' ? close_one(k, state) : value(k, state);
    case FIRST_NAME: return *k->at == '}' ? close_one(k, state) : name(k, state);
    case NAME: return name(k, state);
    case AFTER: return after(k, state);
    }
    return false;
}

bool json_check(const char *text, size_t size) {
    struct check k = { .at = (const unsigned char *)text, .end = (const unsigned char *)text + size };
    enum state state = VALUE;
    for (skip_blanks(&k); k.at < k.end; skip_blanks(&k)) {
        if (!step(&k, &state)) return false;
    }
    return state == AFTER && k.depth == 0;
}
