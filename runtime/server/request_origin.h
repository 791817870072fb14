// request_origin.h: whether a request comes from who may ask, or from a page that a browser of this machine shows. Pure.
//
// A page from anywhere can send requests to 127.0.0.1; it can read the answers too when its own name is made to lead
// there (DNS rebinding). A browser tells the name in Host, the page's own in Origin, and in Sec-Fetch-Site that it is
// another one. Other programs send no Origin, and reach this machine by an address or a name of its own.
#ifndef MT_SERVER_REQUEST_ORIGIN_H
#define MT_SERVER_REQUEST_ORIGIN_H

#include "net/conn.h"

// Why the request is refused, in a sentence for its sender; NULL: it is not. `names`: those of this machine besides
// localhost.
const char *request_origin_problem(const struct http_request *r, const char *const *names, int32_t count);

// Whether the request has the token; without one (NULL) none is asked for.
bool request_origin_token(const struct http_request *r, const char *token);

#endif
