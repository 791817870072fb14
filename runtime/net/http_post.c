// http_post.c: one POST on a loop of its own.
#include "net/http_post.h"

#include "base/assert.h"
#include "net/http_client.h"

#include <string.h>

static void keep(void *ctx, void *user, const struct http_answer *answer) {
    struct http_post_answer *out = ctx;
    (void)user;
    if (answer->fate != HTTP_ANSWERED) return;
    out->status = answer->status;
    out->retry_after_s = answer->retry_after_s > 0 ? answer->retry_after_s : 0;
    size_t size = answer->size < sizeof out->body - 1 ? answer->size : sizeof out->body - 1;
    if (size > 0) memcpy(out->body, answer->body, size);
    out->body[size] = 0;
}

void http_post(const char *url, const char *const *headers, const char *body, size_t size, int64_t timeout_ms,
               struct http_post_answer *out) {
    memset(out, 0, sizeof *out);
    uv_loop_t loop;
    struct http_client *client;
    struct http_client_options o = { .connect_timeout_ms = timeout_ms, .timeout_ms = timeout_ms };
    int err = uv_loop_init(&loop);
    ASSERT(err == 0);
    if (http_client_new(&loop, &o, keep, out, &client, NULL) == 0) {
        struct http_call call = { .method = "POST", .url = url, .body = body, .body_size = size };
        for (int i = 0; headers[i] && i < HTTP_HEADERS_MAX - 1; i++) call.headers[i] = headers[i];
        http_send(client, &call, NULL);
        while (uv_loop_alive(&loop) && out->status == 0) {
            if (!uv_run(&loop, UV_RUN_ONCE)) break;
        }
        http_client_close(client);
        uv_run(&loop, UV_RUN_DEFAULT);
        http_client_free(client);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop);
}
