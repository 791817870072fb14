// http_head.h: looks at the bytes of a request's head as they come and refuses what readers of HTTP disagree about (RFC 9112,
// sections 2.2, 5 and 11.2): a line that ends in LF alone, a CR or NUL within a line, a header that is folded over two lines, a
// space before its colon, a name that is no token. Pure; allocates nothing.
#ifndef MT_NET_HTTP_HEAD_H
#define MT_NET_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_head {
    int32_t lines;   // whole ones, the request line first
    int32_t column;
    bool cr, named;   // the last byte was CR; the name of this line's header is over
    bool over, bad;
};

void http_head_begin(struct http_head *h);

// How many of the bytes belong to the head; sets `over` at its end, `bad` when it is to be refused.
size_t http_head_look(struct http_head *h, const char *bytes, size_t size);

#endif
