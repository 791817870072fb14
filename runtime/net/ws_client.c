#include "net/ws_client.h"

#include "net/curl_loop.h"

#include <http_parser.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wslay/wslay.h>

enum {
    READ_SIZE = 65536,
    READS_A_TURN = 16,
    HEAD_MAX = 8192,
    MESSAGE_MAX = 16 << 20,
    FRAMES_A_MESSAGE = 65536,
    UNSENT_MAX = 1 << 20
};

enum stage { STAGE_CONNECTING, STAGE_HANDSHAKE, STAGE_OPEN, STAGE_ENDED };

// OpenSSL wants what it could not write yet at the same place again.
struct unsent {
    struct unsent *next;
    size_t size, done;
    char bytes[];
};

struct ws_client {
    struct ws_hooks hooks;
    uv_loop_t *loop;
    struct curl_loop *curl;
    CURL *easy;
    uv_timer_t timer;
    uv_poll_t poll;   // of the socket, once it is connected
    int events;
    enum stage stage;
    bool polling, closing, pinged;
    int handles;
    char *address, *port, *path, *name;   // address: in brackets where IPv6 needs them
    uint64_t begun_ms;
    int64_t connect_timeout_ms, silence_ms;
    struct unsent *first, *last;
    size_t unsent_size;
    http_parser answer;
    char key[32], header[32], accept[40], reason[48];
    size_t head_size;
    bool in_value, answered;
    wslay_event_context_ptr ws;
    int32_t frames;   // of the message being received
    const char *in;
    size_t in_size;
    char problem[CURL_ERROR_SIZE], failed[CURL_ERROR_SIZE];
    char buffer[READ_SIZE];
};

// What the other side says of itself goes into a log: one line, printable.
__attribute__((format(printf, 2, 3))) static void end(struct ws_client *w, const char *format, ...) {
    if (w->stage == STAGE_ENDED) return;
    char why[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    for (char *c = why; *c; c++) {
        if (*c < ' ' || *c > '~') *c = '?';
    }
    w->stage = STAGE_ENDED;
    uv_timer_stop(&w->timer);
    if (w->polling) uv_poll_stop(&w->poll);
    if (!w->closing) w->hooks.closed(w->hooks.ctx, w, why);
}

// ---- writing ----

static void on_poll(uv_poll_t *poll, int status, int events);
static void on_timer(uv_timer_t *timer);

static void want(struct ws_client *w, int events) {
    if (!w->polling || w->failed[0] || w->stage == STAGE_ENDED || events == w->events) return;
    w->events = events;
    uv_poll_start(&w->poll, events, on_poll);
}

// No hook is called from inside of a call to send something: the loop tells it.
static void fail_later(struct ws_client *w, const char *what, const char *why) {
    if (w->failed[0]) return;
    snprintf(w->failed, sizeof w->failed, "%s%s%s", what, *why ? ": " : "", why);
    if (w->polling) uv_poll_stop(&w->poll);
    uv_timer_start(&w->timer, on_timer, 0, 0);
}

static void drop_first(struct ws_client *w) {
    struct unsent *u = w->first;
    w->first = u->next;
    if (!w->first) w->last = NULL;
    w->unsent_size -= u->size;
    free(u);
}

static void flush(struct ws_client *w) {
    while (w->first && !w->failed[0]) {
        struct unsent *u = w->first;
        size_t sent = 0;
        w->problem[0] = 0;
        CURLcode code = curl_easy_send(w->easy, u->bytes + u->done, u->size - u->done, &sent);
        if (code == CURLE_AGAIN) break;
        if (code != CURLE_OK) {
            fail_later(w, "it cannot be written to", curl_loop_problem(w->easy, code, w->problem));
            return;
        }
        u->done += sent;
        if (u->done == u->size) drop_first(w);
    }
    want(w, UV_READABLE | (w->first ? UV_WRITABLE : 0));
}

static void put(struct ws_client *w, const char *bytes, size_t size) {
    struct unsent *u = w->unsent_size + size <= UNSENT_MAX ? malloc(sizeof *u + size) : NULL;
    if (!u) {
        fail_later(w, "the server does not read what it is sent", "");
        return;
    }
    *u = (struct unsent){ .size = size };
    memcpy(u->bytes, bytes, size);
    if (w->last)
        w->last->next = u;
    else
        w->first = u;
    w->last = u;
    w->unsent_size += size;
    flush(w);
}

// ---- frames ----

static void heard(struct ws_client *w);

static ssize_t frame_read(wslay_event_context_ptr ws, uint8_t *buf, size_t room, int flags, void *data) {
    (void)flags;
    struct ws_client *w = data;
    if (w->in_size == 0) {
        wslay_event_set_error(ws, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    size_t size = w->in_size < room ? w->in_size : room;
    memcpy(buf, w->in, size);
    w->in += size;
    w->in_size -= size;
    return (ssize_t)size;
}

static ssize_t frame_write(wslay_event_context_ptr ws, const uint8_t *bytes, size_t size, int flags,
                           void *data) {
    (void)ws;
    (void)flags;
    struct ws_client *w = data;
    if (w->stage == STAGE_OPEN) put(w, (const char *)bytes, size);
    return (ssize_t)size;
}

static int frame_mask(wslay_event_context_ptr ws, uint8_t *buf, size_t size, void *data) {
    (void)ws;
    (void)data;
    return RAND_bytes(buf, (int)size) == 1 ? 0 : -1;
}

// A message in a great many pieces would cost far more memory than it is long.
static void frame_begins(wslay_event_context_ptr ws, const struct wslay_event_on_frame_recv_start_arg *f,
                         void *data) {
    (void)ws;
    struct ws_client *w = data;
    if (wslay_is_ctrl_frame(f->opcode)) return;
    w->frames = f->opcode == WSLAY_CONTINUATION_FRAME ? w->frames + 1 : 1;
    if (w->frames > FRAMES_A_MESSAGE) end(w, "a message in more than %d frames", FRAMES_A_MESSAGE);
}

static void frame_message(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *m,
                          void *data) {
    (void)ws;
    struct ws_client *w = data;
    if (w->stage != STAGE_OPEN) return;
    heard(w);
    if (m->opcode == WSLAY_TEXT_FRAME) {
        w->hooks.message(w->hooks.ctx, w, m->msg ? (const char *)m->msg : "", m->msg_length);
    } else if (m->opcode == WSLAY_CONNECTION_CLOSE) {
        bool reason = m->msg_length > 2;
        end(w, "the server closed the connection (%d%s%.*s)",
            m->status_code ? m->status_code : WSLAY_CODE_NO_STATUS_RCVD, reason ? ": " : "",
            reason ? (int)m->msg_length - 2 : 0, reason ? (const char *)m->msg + 2 : "");
    }
}

static const char *breach(int code) {
    switch (code) {
    case WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA: return "a text that is no UTF-8";
    case WSLAY_CODE_MESSAGE_TOO_BIG: return "a message of more than 16 MB";
    default: return "a frame that the protocol does not allow";
    }
}

static void feed_frames(struct ws_client *w, const char *bytes, size_t size) {
    w->in = bytes;
    w->in_size = size;
    int err = wslay_event_recv(w->ws);
    w->in_size = 0;
    if (w->stage != STAGE_OPEN) return;
    wslay_event_send(w->ws);   // pongs, and a farewell that tells what was wrong
    if (err != 0)
        end(w, "%s", err == WSLAY_ERR_NOMEM ? "no memory for a message" : breach(WSLAY_CODE_PROTOCOL_ERROR));
    else if (wslay_event_get_close_sent(w->ws))
        end(w, "%s", breach(wslay_event_get_status_code_sent(w->ws)));
}

void ws_client_send(struct ws_client *w, const char *text, size_t size) {
    if (w->stage != STAGE_OPEN) return;
    struct wslay_event_msg message = { WSLAY_TEXT_FRAME, (const uint8_t *)text, size };
    if (wslay_event_queue_msg(w->ws, &message) == 0) wslay_event_send(w->ws);
}

int ws_client_is_open(const struct ws_client *w) { return w->stage == STAGE_OPEN; }

static const struct wslay_event_callbacks callbacks = {
    .recv_callback = frame_read,
    .send_callback = frame_write,
    .genmask_callback = frame_mask,
    .on_frame_recv_start_callback = frame_begins,
    .on_msg_recv_callback = frame_message,
};

// ---- handshake (RFC 6455, section 4) ----

static void send_handshake(struct ws_client *w) {
    unsigned char nonce[16];
    char text[4096];
    if (RAND_bytes(nonce, sizeof nonce) != 1) {
        end(w, "no random bytes are to be had");
        return;
    }
    EVP_EncodeBlock((unsigned char *)w->key, nonce, sizeof nonce);
    int size = snprintf(text, sizeof text,
                        "GET %s HTTP/1.1\r\nHost: %s:%s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
                        w->path, w->address, w->port, w->key);
    w->stage = STAGE_HANDSHAKE;
    http_parser_init(&w->answer, HTTP_RESPONSE);
    w->answer.data = w;
    if (size > 0 && (size_t)size < sizeof text)
        put(w, text, (size_t)size);
    else
        end(w, "the address is too long");
}

static void append(char *text, size_t room, const char *bytes, size_t size) {
    size_t length = strlen(text);
    if (size > room - 1 - length) size = room - 1 - length;
    memcpy(text + length, bytes, size);
    text[length + size] = 0;
}

static int take_status(http_parser *p, const char *bytes, size_t size) {
    struct ws_client *w = p->data;
    append(w->reason, sizeof w->reason, bytes, size);
    return 0;
}

static int take_name(http_parser *p, const char *bytes, size_t size) {
    struct ws_client *w = p->data;
    if (w->in_value) w->header[0] = 0;
    w->in_value = false;
    append(w->header, sizeof w->header, bytes, size);
    return 0;
}

static int take_value(http_parser *p, const char *bytes, size_t size) {
    struct ws_client *w = p->data;
    w->in_value = true;
    if (strcasecmp(w->header, "sec-websocket-accept") == 0) append(w->accept, sizeof w->accept, bytes, size);
    return 0;
}

static int take_head(http_parser *p) {
    ((struct ws_client *)p->data)->answered = true;
    return 2;   // what follows is not HTTP's
}

static const http_parser_settings answer_settings = {
    .on_status = take_status,
    .on_header_field = take_name,
    .on_header_value = take_value,
    .on_headers_complete = take_head,
};

static bool accepted(const struct ws_client *w) {
    char text[128], wanted[64];
    unsigned char sha1[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    int size = snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", w->key);
    if (EVP_Digest(text, (size_t)size, sha1, &length, EVP_sha1(), NULL) != 1) return false;
    EVP_EncodeBlock((unsigned char *)wanted, sha1, (int)length);
    return strcmp(w->accept, wanted) == 0;
}

static void feed_handshake(struct ws_client *w, const char *bytes, size_t size) {
    const http_parser *p = &w->answer;
    size_t used = http_parser_execute(&w->answer, &answer_settings, bytes, size);
    w->head_size += used;
    if (HTTP_PARSER_ERRNO(p) != HPE_OK) {
        end(w, "its answer is no HTTP: %s", http_errno_description(HTTP_PARSER_ERRNO(p)));
    } else if (w->head_size > HEAD_MAX) {
        end(w, "its answer has a head of more than %d bytes", HEAD_MAX);
    } else if (w->answered && p->status_code != 101) {
        end(w, "it answered %u %s instead of opening a WebSocket", p->status_code, w->reason);
    } else if (w->answered &&
               (!(p->flags & F_UPGRADE) || !(p->flags & F_CONNECTION_UPGRADE) || !accepted(w))) {
        end(w, "it agreed to some other protocol than a WebSocket (wrong Sec-WebSocket-Accept, Upgrade or "
               "Connection)");
    } else if (w->answered && wslay_event_context_client_init(&w->ws, &callbacks, w) != 0) {
        end(w, "no memory for a connection");
    } else if (w->answered) {
        wslay_event_config_set_max_recv_msg_length(w->ws, MESSAGE_MAX);
        w->stage = STAGE_OPEN;
        heard(w);
        w->hooks.opened(w->hooks.ctx, w);
        if (w->stage == STAGE_OPEN && used < size)
            feed_frames(w, bytes + used, size - used);   // what came with the head
    }
}

// ---- reading ----

// Until nothing is left, for what TLS holds ready the socket does not announce; but not for ever, should more
// and more come: a socket that can be written to calls again at once.
static void receive(struct ws_client *w) {
    for (int i = 0; i < READS_A_TURN; i++) {
        size_t size = 0;
        w->problem[0] = 0;
        CURLcode code = curl_easy_recv(w->easy, w->buffer, READ_SIZE, &size);
        if (code == CURLE_AGAIN) {
            want(w, UV_READABLE | (w->first ? UV_WRITABLE : 0));
            return;
        }
        if (code != CURLE_OK)
            end(w, "%s", curl_loop_problem(w->easy, code, w->problem));
        else if (size == 0)
            end(w, "the server ended the connection%s",
                w->stage == STAGE_OPEN ? "" : " before it had answered");
        else if (w->stage == STAGE_HANDSHAKE)
            feed_handshake(w, w->buffer, size);
        else
            feed_frames(w, w->buffer, size);
        if (w->stage == STAGE_ENDED) return;
    }
    want(w, UV_READABLE | UV_WRITABLE);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct ws_client *w = poll->data;
    if (status == 0 && events & UV_WRITABLE) flush(w);
    receive(w);
    if (status < 0) end(w, "%s", uv_strerror(status));   // else what was read has told why
}

// ---- silence ----

// After half of the silence allowed the server is asked whether it is there; its pong ends the silence.
static bool ping(struct ws_client *w) {
    if (w->stage != STAGE_OPEN || w->pinged) return false;
    struct wslay_event_msg message = { WSLAY_PING, NULL, 0 };
    w->pinged = wslay_event_queue_msg(w->ws, &message) == 0;
    if (!w->pinged) return false;
    uv_timer_start(&w->timer, on_timer, (uint64_t)(w->silence_ms - w->silence_ms / 2), 0);
    wslay_event_send(w->ws);
    return true;
}

static void on_timer(uv_timer_t *timer) {
    struct ws_client *w = timer->data;
    if (!w->failed[0] && ping(w)) return;
    if (w->failed[0])
        end(w, "%s", w->failed);
    else if (w->stage == STAGE_OPEN)
        end(w, "silence: no answer to a ping");
    else
        end(w, "no whole answer within %lld ms", (long long)w->connect_timeout_ms);
}

// A whole message has come: of a server that only drips bytes nothing is heard.
static void heard(struct ws_client *w) {
    w->pinged = false;
    if (w->failed[0]) return;
    if (w->silence_ms > 0)
        uv_timer_start(&w->timer, on_timer, (uint64_t)(w->silence_ms / 2), 0);
    else
        uv_timer_stop(&w->timer);
}

// ---- connecting ----

static void connected(struct ws_client *w) {
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(w->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (fd != CURL_SOCKET_BAD) curl_loop_let_go(w->curl, fd);
    if (fd == CURL_SOCKET_BAD || uv_poll_init_socket(w->loop, &w->poll, fd) != 0) {
        end(w, "the connection is of no use");
        return;
    }
    w->poll.data = w;
    w->polling = true;
    w->handles++;
    int64_t left = w->connect_timeout_ms - (int64_t)(uv_now(w->loop) - w->begun_ms);
    uv_timer_start(&w->timer, on_timer, left > 1 ? (uint64_t)left : 1, 0);
    send_handshake(w);
}

static void turned(void *ctx) {
    struct ws_client *w = ctx;
    int left;
    CURLMsg *message = w->closing ? NULL : curl_multi_info_read(curl_loop_multi(w->curl), &left);
    if (!message || message->msg != CURLMSG_DONE || w->stage != STAGE_CONNECTING) return;
    CURLcode code = message->data.result;
    if (code == CURLE_OK)
        connected(w);
    else
        end(w, "%s", curl_loop_problem(w->easy, code, w->problem));
}

static void free_all(struct ws_client *w) {
    if (w->ws) wslay_event_context_free(w->ws);
    while (w->first) drop_first(w);
    curl_free(w->address);
    curl_free(w->port);
    free(w->path);
    free(w->name);
    free(w);
}

static void one_gone(void *ctx) {
    struct ws_client *w = ctx;
    if (--w->handles == 0) free_all(w);
}

static void handle_gone(uv_handle_t *handle) { one_gone(handle->data); }

static bool read_url(struct ws_client *w, const char *url) {
    CURLU *u = curl_url();
    char *scheme = NULL, *path = NULL, *query = NULL;
    bool good = u && curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
                curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                curl_url_get(u, CURLUPART_HOST, &w->address, 0) == CURLUE_OK;
    bool tls = good && strcmp(scheme, "wss") == 0;
    good = good && (tls || strcmp(scheme, "ws") == 0);
    if (good) {
        if (curl_url_get(u, CURLUPART_PORT, &w->port, 0) != CURLUE_OK) {
            curl_url_set(u, CURLUPART_PORT, tls ? "443" : "80", 0);
            good = curl_url_get(u, CURLUPART_PORT, &w->port, 0) == CURLUE_OK;
        }
        curl_url_get(u, CURLUPART_PATH, &path, 0);
        curl_url_get(u, CURLUPART_QUERY, &query, 0);
        size_t size = (path ? strlen(path) : 1) + (query ? strlen(query) : 0) + 2;
        w->path = malloc(size);
        if (w->path)
            snprintf(w->path, size, "%s%s%s", path ? path : "/", query ? "?" : "", query ? query : "");
    }
    if (good) {
        // As libcurl knows it: of the same kinds are the proxies of the environment.
        size_t size = strlen(w->address) + strlen(w->port) + 16;
        w->name = malloc(size);
        if (w->name) snprintf(w->name, size, "%s://%s:%s/", tls ? "https" : "http", w->address, w->port);
    }
    curl_free(scheme);
    curl_free(path);
    curl_free(query);
    curl_url_cleanup(u);
    return good && w->path && w->name;
}

static bool begin(struct ws_client *w, const struct ws_options *o) {
    struct connection_options options = { .proxy = o->proxy,
                                          .ca_file = o->ca_file,
                                          .connect_timeout_ms = o->connect_timeout_ms };
    w->easy = curl_loop_easy(w->curl, &options, w->problem);
    if (!w->easy) return false;
    curl_easy_setopt(w->easy, CURLOPT_URL, w->name);
    curl_easy_setopt(w->easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(w->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(w->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    return curl_multi_add_handle(curl_loop_multi(w->curl), w->easy) == CURLM_OK;
}

int ws_client_open(uv_loop_t *loop, const struct ws_options *o, const struct ws_hooks *hooks,
                   struct ws_client **out, struct errmsg *e) {
    struct ws_client *w = calloc(1, sizeof *w);
    if (!w) return errmsg_set(e, ERR_NO_MEMORY, "no memory for a connection");
    w->loop = loop;
    w->hooks = *hooks;
    w->connect_timeout_ms = o->connect_timeout_ms;
    w->silence_ms = o->silence_ms;
    uv_update_time(loop);   // the script may have held it
    w->begun_ms = uv_now(loop);
    if (!read_url(w, o->url)) {
        free_all(w);
        return errmsg_set(e, ERR_INVALID, "%s is no address of a WebSocket (ws://host:port/path)", o->url);
    }
    int err = curl_loop_new(loop, turned, w, &w->curl, e);
    if (err) {
        free_all(w);
        return err;
    }
    uv_timer_init(loop, &w->timer);
    w->timer.data = w;
    w->handles = 2;   // the timer, and libcurl's
    if (!begin(w, o)) {
        ws_client_close(w);
        return errmsg_set(e, ERR_NO_MEMORY, "no memory for a connection");
    }
    *out = w;
    return ERR_OK;
}

void ws_client_close(struct ws_client *w) {
    if (w->closing) return;
    w->closing = true;   // before the farewell: one that cannot be sent is no end to tell of
    if (w->stage == STAGE_OPEN) {
        wslay_event_queue_close(w->ws, 1000, NULL, 0);
        wslay_event_send(w->ws);
    }
    w->stage = STAGE_ENDED;
    if (w->polling) uv_close((uv_handle_t *)&w->poll, handle_gone);   // before libcurl closes the socket
    if (w->easy) {
        curl_multi_remove_handle(curl_loop_multi(w->curl), w->easy);
        curl_easy_cleanup(w->easy);
    }
    curl_loop_close(w->curl, one_gone, w);
    uv_close((uv_handle_t *)&w->timer, handle_gone);
}
