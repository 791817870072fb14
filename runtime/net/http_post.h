// http_post.h: one POST, waited for: for processes that have nothing else to do meanwhile. It never follows a
// redirection.
#ifndef MT_NET_HTTP_POST_H
#define MT_NET_HTTP_POST_H

#include <stddef.h>
#include <stdint.h>

struct http_post_answer {
    int32_t status;   // 0: no answer
    int32_t retry_after_s;
    char body[2048];   // its beginning, terminated
};

// `headers` ends with NULL and has fewer than HTTP_HEADERS_MAX lines. Waits timeout_ms at most.
void http_post(const char *url, const char *const *headers, const char *body, size_t size, int64_t timeout_ms,
               struct http_post_answer *out);

#endif
