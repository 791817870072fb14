// http_head.c: a request's head, byte by byte.
#include "net/http_head.h"

#include <ctype.h>
#include <string.h>

void http_head_begin(struct http_head *h) { *h = (struct http_head){ 0 }; }

static bool is_token(char c) { return isalnum((unsigned char)c) || (c != 0 && strchr("!#$%&'*+-.^_`|~", c)); }

// A line has ended in CR LF.
static void end_line(struct http_head *h) {
    bool empty = h->column == 0;
    h->over = empty && h->lines > 0;   // empty ones before the first are let pass
    if (!empty) h->lines++;
    h->column = 0;
    h->cr = h->named = false;
}

static void look(struct http_head *h, char c) {
    if (h->cr || c == '\n') {
        h->bad = !h->cr || c != '\n';
        if (!h->bad) end_line(h);
        return;
    }
    if (c == '\r') {
        h->cr = true;
        h->bad = h->lines > 0 && h->column > 0 && !h->named;   // a header without a colon
        return;
    }
    h->bad = c == 0;
    if (h->lines > 0 && !h->named) {
        h->named = c == ':' && h->column > 0;
        h->bad = !h->named && !is_token(c);
    }
    h->column++;
}

size_t http_head_look(struct http_head *h, const char *bytes, size_t size) {
    size_t i = 0;
    while (i < size && !h->over && !h->bad) look(h, bytes[i++]);
    return i;
}
