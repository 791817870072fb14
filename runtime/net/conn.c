// conn.c: one HTTP/1.1 or WebSocket connection of a server: bytes in, requests and messages out.
#include "net/conn.h"

#include "base/array.h"
#include "base/assert.h"
#include "net/http_head.h"

#include <http_parser.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <wslay/wslay.h>
#include <zlib.h>

enum { GZIP_FROM = 4096 };   // shorter bodies go as they are
enum header {
    HEADER_OTHER,
    HEADER_KEY,
    HEADER_TOKEN,
    HEADER_WS_KEY,
    HEADER_ENCODING,
    HEADER_EXPECT,
    HEADER_HOST,
    HEADER_ORIGIN,
    HEADER_SITE,
    HEADER_TRANSFER
};

struct text {
    char *at;
    size_t size, room;
};

struct conn {
    struct conn_hooks hooks;
    void *data;
    http_parser parser;
    wslay_event_context_ptr ws;
    struct text out, url, body, name, value, later;   // later: input that waits for an answer
    size_t out_start, held;
    size_t head_size;
    struct http_head head;
    char api_key[160], ws_key[64], token[80], host[264], origin[280];
    bool host_twice, cross_site, coded;   // coded: a transfer coding other than chunked
    bool gzip, expects, begun, owes, ended, keep_alive, websocket, closing, head_only, resets;
    const char *in;   // WebSocket input not yet read
    size_t in_size;
};

static char date_text[40] = "Thu, 01 Jan 1970 00:00:00 GMT";

// The value of the Date header by the clock of the connection's owner.
static const char *date_of(const struct conn *c, char out[40]) {
    if (!c->hooks.now_us) return date_text;
    time_t second = (time_t)(c->hooks.now_us(c->hooks.ctx) / 1000000);
    struct tm tm;
    strftime(out, 40, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&second, &tm));
    return out;
}

void conn_set_date(const char *text) { snprintf(date_text, sizeof date_text, "%s", text); }

static char *text_room(struct text *t, size_t more) {
    ARRAY_ROOM(t->at, t->room, t->size + more + 1);
    return t->at + t->size;
}

static void text_add(struct text *t, const char *bytes, size_t size) {
    char *end = text_room(t, size);
    memcpy(end, bytes, size);
    t->size += size;
    t->at[t->size] = 0;
}

static void text_clear(struct text *t) {
    t->size = 0;
    if (t->at) t->at[0] = 0;
    if (t->room > 65536) {   // a large one is not kept
        free(t->at);
        memset(t, 0, sizeof *t);
    }
}

static const char *text_of(const struct text *t) { return t->at ? t->at : ""; }

// ---- answers ----

const char *http_reason(int status) {
    switch (status) {
#define XX(number, name, string)                                                                             \
    case number: return #string;
        HTTP_STATUS_MAP(XX)
#undef XX
    default: return "Unknown";
    }
}

// Packs a body with gzip; false: it does not become shorter.
static bool pack(const char *body, size_t size, struct text *out) {
    z_stream z = { 0 };
    if (deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return false;
    size_t room = deflateBound(&z, size);
    z.next_in = (unsigned char *)(uintptr_t)body;
    z.avail_in = (unsigned)size;
    z.next_out = (unsigned char *)text_room(out, room);
    z.avail_out = (unsigned)room;
    bool good = deflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out < size;
    out->size = good ? z.total_out : 0;
    deflateEnd(&z);
    return good;
}

static void put_answer(struct conn *c, int status, const char *head, const char *body, size_t size,
                       bool last) {
    struct text packed = { 0 };
    bool page = size > 5 && memcmp(body, "<html", 5) == 0;   // what a gateway says
    bool gzip = c->gzip && size >= GZIP_FROM && pack(body, size, &packed);
    if (gzip) {
        body = packed.at;
        size = packed.size;
    }
    char *at = text_room(&c->out, 512 + strlen(head)), date[40];
    int length = snprintf(at, 512,
                          "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nDate: %s\r\n"
                          "%s%s",
                          status, http_reason(status), page ? "text/html" : "application/json", size,
                          date_of(c, date), last ? "Connection: close\r\n" : "",
                          gzip ? "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n" : "");
    c->out.size += (size_t)length;
    text_add(&c->out, head, strlen(head));
    text_add(&c->out, "\r\n", 2);
    if (!c->head_only) text_add(&c->out, body, size);
    free(packed.at);
}

// The next request begins with a clean slate.
static void request_over(struct conn *c) {
    text_clear(&c->url);
    text_clear(&c->body);
    c->head_size = 0;
    c->api_key[0] = c->ws_key[0] = c->token[0] = c->host[0] = c->origin[0] = 0;
    c->host_twice = c->cross_site = c->coded = false;
    c->gzip = c->expects = c->begun = c->owes = c->head_only = false;
}

static void resume(struct conn *c);

void conn_answer(struct conn *c, int status, const char *head, const char *body, size_t size) {
    if (!c->owes || c->ended) return;
    put_answer(c, status, head, body, size, !c->keep_alive);
    request_over(c);
    if (!c->keep_alive) c->ended = true;
    resume(c);
}

void conn_answer_held(struct conn *c, int status, const char *head, const char *body, size_t size,
                      size_t held) {
    if (!c->owes || c->ended) return;
    size_t before = c->out.size;
    put_answer(c, status, head, body, size, !c->keep_alive);
    c->held = held < c->out.size - before ? held : c->out.size - before;
}

size_t conn_release(struct conn *c, size_t size) {
    if (c->held == 0 || c->ended) return 0;
    c->held -= size < c->held ? size : c->held;
    if (c->held > 0) return c->held;
    request_over(c);
    if (!c->keep_alive) c->ended = true;
    resume(c);
    return 0;
}

void conn_reset(struct conn *c) {
    c->resets = c->ended = true;
    c->out.size -= c->held;
    c->held = 0;
}

bool conn_resets(const struct conn *c) { return c->resets; }

// A request that cannot be served: an answer outside of the order, and the end.
static void refuse(struct conn *c, int status, enum conn_refusal why) {
    const char *body = c->hooks.refusal ? c->hooks.refusal(why) : "";
    c->head_only = false;
    put_answer(c, status, "", body, strlen(body), true);
    c->owes = false;
    c->ended = true;
}

// ---- HTTP ----

static struct conn *of(http_parser *p) { return p->data; }

static int head_grows(struct conn *c, size_t size) {
    c->head_size += size;
    if (c->head_size <= CONN_HEAD_MAX) return 0;
    refuse(c, 431, CONN_HEAD_TOO_LONG);
    return 1;
}

static int on_begin(http_parser *p) {
    of(p)->begun = true;
    return 0;
}

static int on_url(http_parser *p, const char *at, size_t size) {
    if (head_grows(of(p), size)) return 1;
    text_add(&of(p)->url, at, size);
    return 0;
}

static enum header header_of(const struct conn *c, const char *name) {
    if (c->hooks.key_header && strcasecmp(name, c->hooks.key_header) == 0) return HEADER_KEY;
    if (strcasecmp(name, "sec-websocket-key") == 0) return HEADER_WS_KEY;
    if (strcasecmp(name, "accept-encoding") == 0) return HEADER_ENCODING;
    if (c->hooks.token_header && strcasecmp(name, c->hooks.token_header) == 0) return HEADER_TOKEN;
    static const struct {
        const char *name;
        enum header header;
    } others[] = { { "expect", HEADER_EXPECT },
                   { "host", HEADER_HOST },
                   { "origin", HEADER_ORIGIN },
                   { "sec-fetch-site", HEADER_SITE },
                   { "transfer-encoding", HEADER_TRANSFER } };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strcasecmp(name, others[i].name) == 0) return others[i].header;
    }
    return HEADER_OTHER;
}

static void header_done(struct conn *c) {
    if (c->name.size == 0) return;
    const char *value = text_of(&c->value);
    switch (header_of(c, c->name.at)) {
    case HEADER_KEY: snprintf(c->api_key, sizeof c->api_key, "%s", value); break;
    case HEADER_WS_KEY: snprintf(c->ws_key, sizeof c->ws_key, "%s", value); break;
    case HEADER_ENCODING: c->gzip = strstr(value, "gzip") != NULL; break;
    case HEADER_EXPECT: c->expects = strcasecmp(value, "100-continue") == 0; break;
    case HEADER_TOKEN: snprintf(c->token, sizeof c->token, "%s", value); break;
    case HEADER_HOST:
        c->host_twice = c->host_twice || c->host[0];
        snprintf(c->host, sizeof c->host, "%s", value[0] ? value : " ");
        break;
    case HEADER_ORIGIN: snprintf(c->origin, sizeof c->origin, "%s", value[0] ? value : " "); break;
    case HEADER_SITE: c->cross_site = strcmp(value, "cross-site") == 0; break;
    case HEADER_TRANSFER: c->coded = c->coded || strcasecmp(value, "chunked") != 0; break;
    case HEADER_OTHER: break;
    }
    text_clear(&c->name);
    text_clear(&c->value);
}

static int on_field(http_parser *p, const char *at, size_t size) {
    struct conn *c = of(p);
    if (head_grows(c, size)) return 1;
    if (c->value.size > 0) header_done(c);
    text_add(&c->name, at, size);
    return 0;
}

static int on_value(http_parser *p, const char *at, size_t size) {
    if (head_grows(of(p), size)) return 1;
    text_add(&of(p)->value, at, size);
    return 0;
}

static int on_headers(http_parser *p) {
    struct conn *c = of(p);
    header_done(c);
    text_clear(&c->name);
    // What a reader in between could take for the end of another request.
    bool old = p->http_major < 1 || (p->http_major == 1 && p->http_minor == 0);
    if (c->host_twice || c->coded || (old && (p->flags & F_CHUNKED))) {
        refuse(c, 400, CONN_NOT_HTTP);
        return -1;
    }
    if (c->expects) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        text_add(&c->out, go_on, sizeof go_on - 1);
    }
    return 0;
}

static int on_body(http_parser *p, const char *at, size_t size) {
    struct conn *c = of(p);
    if (c->body.size + size > CONN_BODY_MAX) {
        refuse(c, 413, CONN_BODY_TOO_LONG);
        return 1;
    }
    text_add(&c->body, at, size);
    return 0;
}

static enum http_verb verb_of(unsigned method) {
    switch (method) {
    case HTTP_GET: return VERB_GET;
    case HTTP_POST: return VERB_POST;
    case HTTP_PUT: return VERB_PUT;
    case HTTP_DELETE: return VERB_DELETE;
    case HTTP_HEAD: return VERB_HEAD;
    default: return VERB_OTHER;
    }
}

static struct http_request request_of(struct conn *c) {
    char *question = c->url.size ? strchr(c->url.at, '?') : NULL;
    struct http_request r = { .verb = verb_of(c->parser.method),
                              .path = text_of(&c->url),
                              .query = "",
                              .body = text_of(&c->body),
                              .body_size = c->body.size,
                              .api_key = c->api_key,
                              .token = c->token,
                              .host = c->host,
                              .origin = c->origin,
                              .cross_site = c->cross_site,
                              .gzip = c->gzip };
    if (question) {
        *question = 0;
        r.query = question + 1;
        r.query_size = c->url.size - (size_t)(question + 1 - c->url.at);
    }
    return r;
}

static void upgrade(struct conn *c, struct http_request *r);

static int on_complete(http_parser *p) {
    struct conn *c = of(p);
    c->keep_alive = http_should_keep_alive(p) != 0;
    struct http_request r = request_of(c);
    if (p->upgrade) {
        upgrade(c, &r);
        return 0;
    }
    c->owes = true;
    c->head_only = r.verb == VERB_HEAD;
    c->hooks.request(c->hooks.ctx, c, &r);
    http_parser_pause(p, 1);   // the next head is looked at first
    return 0;
}

static const http_parser_settings settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

// ---- WebSocket ----

static ssize_t ws_read(wslay_event_context_ptr ws, uint8_t *buf, size_t room, int flags, void *data) {
    (void)flags;
    struct conn *c = data;
    if (c->in_size == 0) {
        wslay_event_set_error(ws, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    size_t size = c->in_size < room ? c->in_size : room;
    memcpy(buf, c->in, size);
    c->in += size;
    c->in_size -= size;
    return (ssize_t)size;
}

static ssize_t ws_write(wslay_event_context_ptr ws, const uint8_t *bytes, size_t size, int flags,
                        void *data) {
    (void)ws;
    (void)flags;
    text_add(&((struct conn *)data)->out, (const char *)bytes, size);
    return (ssize_t)size;
}

static void ws_message(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *m, void *data) {
    (void)ws;
    struct conn *c = data;
    if (c->ended) return;
    if (c->hooks.frame) c->hooks.frame(c->hooks.ctx, c);
    if (m->opcode == WSLAY_TEXT_FRAME || m->opcode == WSLAY_BINARY_FRAME) {
        c->hooks.message(c->hooks.ctx, c, (const char *)m->msg, m->msg_length);
    } else if (m->opcode == WSLAY_PONG && c->hooks.pong) {
        c->hooks.pong(c->hooks.ctx, c, (const char *)m->msg, m->msg_length);
    }
}

static const struct wslay_event_callbacks ws_callbacks = {
    .recv_callback = ws_read,
    .send_callback = ws_write,
    .on_msg_recv_callback = ws_message,
};

// The answer to a client's key (RFC 6455, section 4.2.2).
static bool accept_key(const char *key, char out[32]) {
    char text[128];
    unsigned char sha1[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    int size = snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    if (strlen(key) != 24 || EVP_Digest(text, (size_t)size, sha1, &length, EVP_sha1(), NULL) != 1)
        return false;
    EVP_EncodeBlock((unsigned char *)out, sha1, (int)length);
    return true;
}

static void upgrade(struct conn *c, struct http_request *r) {
    char accept[32];
    c->owes = true;
    if (!accept_key(c->ws_key, accept)) {
        refuse(c, 400, CONN_NO_HANDSHAKE);
        return;
    }
    int status = c->hooks.upgrade(c->hooks.ctx, c, r);
    if (status != 0) {
        refuse(c, status, CONN_NO_STREAM);
        return;
    }
    if (wslay_event_context_server_init(&c->ws, &ws_callbacks, c) != 0) {
        c->ended = true;
        return;
    }
    wslay_event_config_set_max_recv_msg_length(c->ws, CONN_MESSAGE_MAX);
    char head[256];
    int size = snprintf(head, sizeof head,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: %s\r\n\r\n",
                        accept);
    text_add(&c->out, head, (size_t)size);
    request_over(c);
    c->websocket = true;
    c->hooks.opened(c->hooks.ctx, c);
}

static void ws_flush(struct conn *c) {
    if (wslay_event_send(c->ws) != 0) c->ended = true;
    if (c->closing || wslay_event_get_close_received(c->ws)) {
        if (!wslay_event_want_write(c->ws)) c->ended = true;
    }
}

static void ws_feed(struct conn *c, const char *bytes, size_t size) {
    c->in = bytes;
    c->in_size = size;
    if (wslay_event_recv(c->ws) != 0) c->ended = true;
    c->in_size = 0;
    ws_flush(c);
    if (!wslay_event_want_read(c->ws)) c->ended = true;
}

bool conn_is_websocket(const struct conn *c) { return c->websocket; }

static void ws_queue(struct conn *c, uint8_t opcode, const char *bytes, size_t size) {
    if (!c->websocket || c->ended || c->closing) return;
    struct wslay_event_msg message = { opcode, (const uint8_t *)bytes, size };
    if (wslay_event_queue_msg(c->ws, &message) != 0) return;
    ws_flush(c);
}

void conn_send(struct conn *c, const char *text, size_t size) { ws_queue(c, WSLAY_TEXT_FRAME, text, size); }
void conn_ping(struct conn *c, const char *payload, size_t size) { ws_queue(c, WSLAY_PING, payload, size); }

void conn_close_websocket(struct conn *c, int code, const char *reason) {
    if (!c->websocket || c->ended || c->closing) return;
    wslay_event_queue_close(c->ws, (uint16_t)code, (const uint8_t *)reason, strlen(reason));
    c->closing = true;
    ws_flush(c);
}

// ---- bytes ----

static void http_feed(struct conn *c, const char *bytes, size_t size) {
    while (size > 0 && !c->ended) {
        size_t part = c->head.over ? size : http_head_look(&c->head, bytes, size);
        if (c->head.bad) {
            refuse(c, 400, CONN_NOT_HTTP);
            return;
        }
        size_t used = http_parser_execute(&c->parser, &settings, bytes, part);
        if (c->ended) return;
        bytes += used;
        size -= used;
        if (c->websocket) {
            if (size > 0) ws_feed(c, bytes, size);
            return;
        }
        enum http_errno problem = HTTP_PARSER_ERRNO(&c->parser);
        if (problem == HPE_PAUSED) {   // a request is whole; while an answer is owed the rest waits
            http_head_begin(&c->head);
            if (c->owes) {
                text_add(&c->later, bytes, size);
                return;
            }
            http_parser_pause(&c->parser, 0);
        } else if (problem != HPE_OK) {
            refuse(c, 400, CONN_NOT_HTTP);
        }
    }
}

static void resume(struct conn *c) {
    if (HTTP_PARSER_ERRNO(&c->parser) != HPE_PAUSED) return;
    http_parser_pause(&c->parser, 0);
    struct text rest = c->later;
    memset(&c->later, 0, sizeof c->later);
    if (!c->ended) http_feed(c, text_of(&rest), rest.size);
    free(rest.at);
}

void conn_feed(struct conn *c, const char *bytes, size_t size) {
    if (c->ended || size == 0) return;
    if (c->websocket) {
        ws_feed(c, bytes, size);
    } else if (c->owes) {
        if (c->later.size + size > CONN_HEAD_MAX + CONN_BODY_MAX)
            conn_end(c);   // requests piled on one unanswered
        else
            text_add(&c->later, bytes, size);
    } else {
        http_feed(c, bytes, size);
    }
}

const char *conn_output(const struct conn *c, size_t *size) {
    *size = c->out.size - c->out_start - c->held;
    return *size ? c->out.at + c->out_start : "";
}

void conn_sent(struct conn *c, size_t size) {
    c->out_start += size;
    ASSERT(c->out_start <= c->out.size);
    if (c->out_start < c->out.size) {
        if (c->out_start < 65536) return;
        memmove(c->out.at, c->out.at + c->out_start, c->out.size - c->out_start);
        c->out.size -= c->out_start;
    } else {
        text_clear(&c->out);
    }
    c->out_start = 0;
}

struct conn *conn_new(const struct conn_hooks *hooks) {
    struct conn *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->hooks = *hooks;
    http_parser_init(&c->parser, HTTP_REQUEST);
    c->parser.data = c;
    return c;
}

void conn_free(struct conn *c) {
    if (!c) return;
    if (c->ws) wslay_event_context_free(c->ws);
    struct text *texts[] = { &c->out, &c->url, &c->body, &c->name, &c->value, &c->later };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]->at);
    free(c);
}

void *conn_data(const struct conn *c) { return c->data; }
void conn_set_data(struct conn *c, void *data) { c->data = data; }
bool conn_owes(const struct conn *c) { return c->owes; }
bool conn_ended(const struct conn *c) { return c->ended; }
void conn_end(struct conn *c) { c->ended = true; }
bool conn_unfinished(const struct conn *c) { return !c->websocket && c->begun && !c->owes; }
