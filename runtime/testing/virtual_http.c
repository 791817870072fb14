// virtual_http.c: requests over the virtual network's pipes, as net/http_client.h has them: kept connections,
// timeouts, and what is known of a request that got no answer.
#include "testing/virtual_private.h"

#include "base/assert.h"
#include "net/retry_after.h"

#include <http_parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NAME_MAX_SIZE = 48, VALUE_MAX_SIZE = 48 };

struct virtual_http;

// A connection: one request at a time.
struct line {
    struct virtual_http *client;
    struct line *next;
    struct pipe *pipe;   // NULL: gone
    struct virtual_transfer *busy;
    bool connected, whole;   // whole: the answer is
    http_parser parser;
    char name[NAME_MAX_SIZE], value[VALUE_MAX_SIZE];
    bool in_value;
};

struct virtual_transfer {
    struct virtual_http *client;
    struct virtual_transfer *next;
    struct line *line;
    void *user;
    struct alarm alarm;
    char *text;   // the request
    size_t text_size;
    int64_t begun_us, sent_us;   // sent_us 0: not a byte has left
    char *body;
    size_t body_size;
    struct http_answer answer;
    struct retry_after retry;
};

// It is handed out as a struct http_client, a transfer as a struct http_transfer.
struct virtual_http {
    struct virtual_network *v;
    struct http_client_options o;
    http_done done;
    void *ctx;
    struct line *lines;
    struct virtual_transfer *transfers;
    bool closing;
};

static struct virtual_http *of_handle(struct http_client *h) { return (struct virtual_http *)h; }

// ---- the end of a transfer ----

static void bury_line(void *block) { free(block); }

static void line_drop(struct line *line) {
    struct line **at = &line->client->lines;
    while (*at != line) at = &(*at)->next;
    *at = line->next;
    if (line->pipe) pipe_close(line->pipe);
    virtual_bury(line->client->v, bury_line, line);
}

static void bury_transfer(void *block) {
    struct virtual_transfer *t = block;
    free(t->text);
    free(t->body);
    free(t);
}

// Takes it from its connection and from the list; it is freed when the world waits next.
static void detach(struct virtual_transfer *t, bool keeps_line) {
    struct virtual_transfer **at = &t->client->transfers;
    while (*at != t) at = &(*at)->next;
    *at = t->next;
    virtual_alarm_stop(t->client->v, &t->alarm);
    struct line *line = t->line;
    line->busy = NULL;
    if (!keeps_line) line_drop(line);
    virtual_bury(t->client->v, bury_transfer, t);
}

static void fail(struct virtual_transfer *t, const char *problem) {
    struct virtual_http *h = t->client;
    t->answer.fate = t->sent_us ? HTTP_LOST : HTTP_UNSENT;
    t->answer.problem = problem;
    t->answer.body = "";
    detach(t, false);
    h->done(h->ctx, t->user, &t->answer);
}

static void succeed(struct virtual_transfer *t, bool keeps_line) {
    struct virtual_http *h = t->client;
    t->answer.fate = HTTP_ANSWERED;
    t->answer.status = (int32_t)t->line->parser.status_code;
    t->answer.body = t->body ? t->body : "";
    t->answer.size = t->body_size;
    t->answer.problem = "";
    t->answer.retry_after_s = retry_after_seconds(&t->retry, virtual_now_us(h->v) / 1000000);
    t->answer.took_us = virtual_now_us(h->v) - t->sent_us;
    virtual_count_request(h->v, true);
    detach(t, keeps_line);
    h->done(h->ctx, t->user, &t->answer);
}

static void on_late(void *owner) {
    struct virtual_transfer *t = owner;
    fail(t, t->line->connected ? "Operation timed out" : "Connection timed out");
}

// ---- reading an answer ----

static void append(char *text, size_t room, const char *bytes, size_t size) {
    size_t length = strlen(text);
    if (size > room - 1 - length) size = room - 1 - length;
    memcpy(text + length, bytes, size);
    text[length + size] = 0;
}

static void header_whole(struct line *line) {
    struct http_answer *a = &line->busy->answer;
    const struct http_used_headers *used = &line->client->o.used;
    const char *const names[] = { used->weight_1m, used->orders_10s, used->orders_1m };
    int32_t *places[] = { &a->used_weight_1m, &a->order_count_10s, &a->order_count_1m };
    retry_after_take(&line->busy->retry, line->name, strlen(line->name), line->value, strlen(line->value));
    for (int i = 0; i < 3; i++) {
        if (names[i] && strcasecmp(line->name, names[i]) == 0)
            *places[i] = (int32_t)strtol(line->value, NULL, 10);
    }
    line->name[0] = line->value[0] = 0;
    line->in_value = false;
}

static int take_name(http_parser *p, const char *bytes, size_t size) {
    struct line *line = p->data;
    if (line->in_value) header_whole(line);
    append(line->name, sizeof line->name, bytes, size);
    return 0;
}

static int take_value(http_parser *p, const char *bytes, size_t size) {
    struct line *line = p->data;
    line->in_value = true;
    append(line->value, sizeof line->value, bytes, size);
    return 0;
}

static int take_head(http_parser *p) {
    header_whole(p->data);
    return 0;
}

static int take_body(http_parser *p, const char *bytes, size_t size) {
    struct virtual_transfer *t = ((struct line *)p->data)->busy;
    t->body = realloc(t->body, t->body_size + size + 1);
    ASSERT(t->body != NULL);
    memcpy(t->body + t->body_size, bytes, size);
    t->body_size += size;
    t->body[t->body_size] = 0;
    return 0;
}

static int take_end(http_parser *p) {
    ((struct line *)p->data)->whole = true;
    return 0;
}

static const http_parser_settings settings = {
    .on_header_field = take_name,
    .on_header_value = take_value,
    .on_headers_complete = take_head,
    .on_body = take_body,
    .on_message_complete = take_end,
};

static void on_bytes(void *owner, const char *bytes, size_t size) {
    struct line *line = owner;
    if (!line->busy) return;   // of an answer that nobody waits for
    http_parser_execute(&line->parser, &settings, bytes, size);
    if (HTTP_PARSER_ERRNO(&line->parser) != HPE_OK)
        fail(line->busy, "the answer is no HTTP");
    else if (line->whole)
        succeed(line->busy, http_should_keep_alive(&line->parser) != 0);
}

// ---- connections ----

static void begin(struct line *line) {
    struct virtual_transfer *t = line->busy;
    http_parser_init(&line->parser, HTTP_RESPONSE);
    line->parser.data = line;
    line->whole = line->in_value = false;
    line->name[0] = line->value[0] = 0;
    t->sent_us = virtual_now_us(t->client->v);
    pipe_write(line->pipe, t->text, t->text_size);
    int64_t left_us = t->begun_us + t->client->o.timeout_ms * 1000 - t->sent_us;
    virtual_alarm_set(t->client->v, &t->alarm, on_late, t, left_us > 0 ? left_us : 0);
}

static void on_connected(void *owner) {
    struct line *line = owner;
    line->connected = true;
    if (line->busy) begin(line);
}

static void on_closed(void *owner, const char *why) {
    struct line *line = owner;
    line->pipe = NULL;
    if (line->busy)
        fail(line->busy, why);
    else
        line_drop(line);
}

static const struct pipe_hooks pipe_hooks = { on_connected, on_bytes, on_closed };

static struct line *line_for(struct virtual_http *h) {
    for (struct line *line = h->lines; line; line = line->next) {
        if (!line->busy && line->connected) return line;
    }
    struct line *line = calloc(1, sizeof *line);
    ASSERT(line != NULL);
    line->client = h;
    line->next = h->lines;
    h->lines = line;
    line->pipe = pipe_open(h->v, "http", &pipe_hooks, line);
    return line;
}

// ---- the table's functions ----

static void write_request(struct virtual_transfer *t, const struct http_call *call) {
    char host[256];
    const char *target;
    virtual_address(call->url, host, &target);
    size_t room = strlen(target) + call->body_size + 512, at;
    for (int i = 0; i < HTTP_HEADERS_MAX && call->headers[i]; i++) room += strlen(call->headers[i]) + 2;
    t->text = malloc(room);
    ASSERT(t->text != NULL);
    at = (size_t)snprintf(t->text, room, "%s %s HTTP/1.1\r\nHost: %s\r\n", call->method, target, host);
    for (int i = 0; i < HTTP_HEADERS_MAX && call->headers[i]; i++)
        at += (size_t)snprintf(t->text + at, room - at, "%s\r\n", call->headers[i]);
    size_t body_size = call->body ? call->body_size : 0;
    at += (size_t)snprintf(t->text + at, room - at, "Content-Length: %zu\r\n\r\n", body_size);
    ASSERT(at + body_size < room);
    if (body_size) memcpy(t->text + at, call->body, body_size);
    t->text_size = at + body_size;
}

static struct http_transfer *send_request(struct http_client *handle, const struct http_call *call,
                                          void *user) {
    struct virtual_http *h = of_handle(handle);
    struct virtual_transfer *t = calloc(1, sizeof *t);
    ASSERT(t != NULL && !h->closing);
    t->client = h;
    t->user = user;
    t->begun_us = virtual_now_us(h->v);
    t->answer = (struct http_answer){ .used_weight_1m = -1, .order_count_10s = -1, .order_count_1m = -1 };
    t->next = h->transfers;
    h->transfers = t;
    write_request(t, call);
    virtual_count_request(h->v, false);
    t->line = line_for(h);
    t->line->busy = t;
    if (t->line->connected)
        begin(t->line);
    else
        virtual_alarm_set(h->v, &t->alarm, on_late, t, h->o.connect_timeout_ms * 1000);
    return (struct http_transfer *)t;
}

static void cancel_request(struct http_client *handle, struct http_transfer *t) {
    (void)handle;
    detach((struct virtual_transfer *)t, false);
}

static void http_close(struct http_client *handle) {
    struct virtual_http *h = of_handle(handle);
    while (h->transfers) detach(h->transfers, false);
    while (h->lines) line_drop(h->lines);
    h->closing = true;
}

static void bury_client(void *block) { free(block); }

static void http_free(struct http_client *handle) {
    struct virtual_http *h = of_handle(handle);
    ASSERT(h->closing);
    virtual_bury(h->v, bury_client, h);   // after what of it is still to be buried
}

static int http_new(void *ctx, const struct http_client_options *o, http_done done, void *done_ctx,
                    struct http_client **out, struct errmsg *e) {
    (void)e;
    struct virtual_http *h = calloc(1, sizeof *h);
    ASSERT(h != NULL);
    *h = (struct virtual_http){ .v = ctx, .o = *o, .done = done, .ctx = done_ctx };
    *out = (struct http_client *)h;
    return ERR_OK;
}

struct network virtual_http_table(struct network n) {
    n.http_new = http_new;
    n.http_close = http_close;
    n.http_free = http_free;
    n.http_send = send_request;
    n.http_cancel = cancel_request;
    return n;
}
