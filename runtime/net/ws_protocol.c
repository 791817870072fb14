// ws_protocol.c: the client's side of one WebSocket connection as a state machine.
//
//     CONNECTING --begin--> HANDSHAKE --answered 101--> OPEN --closed, silent, broken--> ENDED
//          |                    |                                                         ^
//          '--------------------'------------- failed, refused, too late -----------------'
#include "net/ws_protocol.h"

#include <http_parser.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wslay/wslay.h>

enum { HEAD_MAX = 8192, MESSAGE_MAX = 16 << 20, FRAMES_A_MESSAGE = 65536 };

enum stage { STAGE_CONNECTING, STAGE_HANDSHAKE, STAGE_OPEN, STAGE_ENDED };

struct ws_protocol {
    struct ws_protocol_hooks hooks;
    enum stage stage;
    bool closing, pinged;
    int64_t allowed_ms, silence_ms;
    http_parser answer;
    char key[32], header[32], accept[40], reason[48];
    size_t head_size;
    bool in_value, answered;
    wslay_event_context_ptr ws;
    int32_t frames;   // of the message being received
    const char *in;
    size_t in_size;
};

static void end(struct ws_protocol *w, const char *format, va_list arguments) {
    if (w->stage == STAGE_ENDED) return;
    char why[512];
    vsnprintf(why, sizeof why, format, arguments);
    // What the other side says of itself goes into a log: one line, printable.
    for (char *c = why; *c; c++) {
        if (*c < ' ' || *c > '~') *c = '?';
    }
    w->stage = STAGE_ENDED;
    w->hooks.alarm(w->hooks.ctx, 0);
    if (!w->closing) w->hooks.ended(w->hooks.ctx, why);
}

void ws_protocol_fail(struct ws_protocol *w, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    end(w, format, arguments);
    va_end(arguments);
}

// ---- frames ----

static void heard(struct ws_protocol *w);

static ssize_t frame_read(wslay_event_context_ptr ws, uint8_t *buf, size_t room, int flags, void *data) {
    (void)flags;
    struct ws_protocol *w = data;
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
    struct ws_protocol *w = data;
    if (w->stage == STAGE_OPEN) w->hooks.put(w->hooks.ctx, (const char *)bytes, size);
    return (ssize_t)size;
}

static int frame_mask(wslay_event_context_ptr ws, uint8_t *buf, size_t size, void *data) {
    (void)ws;
    const struct ws_protocol *w = data;
    return w->hooks.random(w->hooks.ctx, buf, size) ? 0 : -1;
}

// A message in a great many pieces would cost far more memory than it is long.
static void frame_begins(wslay_event_context_ptr ws, const struct wslay_event_on_frame_recv_start_arg *f,
                         void *data) {
    (void)ws;
    struct ws_protocol *w = data;
    if (wslay_is_ctrl_frame(f->opcode)) return;
    w->frames = f->opcode == WSLAY_CONTINUATION_FRAME ? w->frames + 1 : 1;
    if (w->frames > FRAMES_A_MESSAGE)
        ws_protocol_fail(w, "a message in more than %d frames", FRAMES_A_MESSAGE);
}

static void frame_message(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *m,
                          void *data) {
    (void)ws;
    struct ws_protocol *w = data;
    if (w->stage != STAGE_OPEN) return;
    heard(w);
    if (m->opcode == WSLAY_TEXT_FRAME) {
        w->hooks.message(w->hooks.ctx, m->msg ? (const char *)m->msg : "", m->msg_length);
    } else if (m->opcode == WSLAY_CONNECTION_CLOSE) {
        bool reason = m->msg_length > 2;
        ws_protocol_fail(w, "the server closed the connection (%d%s%.*s)",
                         m->status_code ? m->status_code : WSLAY_CODE_NO_STATUS_RCVD, reason ? ": " : "",
                         reason ? (int)m->msg_length - 2 : 0, reason ? (const char *)m->msg + 2 : "");
    }
}

static const char *breach(int code) {
    switch (code) {
    case WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA: return "a text message that is not UTF-8";
    case WSLAY_CODE_MESSAGE_TOO_BIG: return "a message of more than 16 MB";
    default: return "a frame that the protocol does not allow";
    }
}

static void feed_frames(struct ws_protocol *w, const char *bytes, size_t size) {
    w->in = bytes;
    w->in_size = size;
    int err = wslay_event_recv(w->ws);
    w->in_size = 0;
    if (w->stage != STAGE_OPEN) return;
    wslay_event_send(w->ws);   // pongs, and a farewell that tells what was wrong
    if (err != 0)
        ws_protocol_fail(
            w, "%s", err == WSLAY_ERR_NOMEM ? "no memory for a message" : breach(WSLAY_CODE_PROTOCOL_ERROR));
    else if (wslay_event_get_close_sent(w->ws))
        ws_protocol_fail(w, "%s", breach(wslay_event_get_status_code_sent(w->ws)));
}

void ws_protocol_send(struct ws_protocol *w, const char *text, size_t size) {
    if (w->stage != STAGE_OPEN) return;
    struct wslay_event_msg message = { WSLAY_TEXT_FRAME, (const uint8_t *)text, size };
    if (wslay_event_queue_msg(w->ws, &message) == 0) wslay_event_send(w->ws);
}

bool ws_protocol_is_open(const struct ws_protocol *w) { return w->stage == STAGE_OPEN; }

static const struct wslay_event_callbacks callbacks = {
    .recv_callback = frame_read,
    .send_callback = frame_write,
    .genmask_callback = frame_mask,
    .on_frame_recv_start_callback = frame_begins,
    .on_msg_recv_callback = frame_message,
};

// ---- handshake (RFC 6455, section 4) ----

static void send_handshake(struct ws_protocol *w, const char *host_port, const char *path) {
    unsigned char nonce[16];
    char text[4096];
    if (!w->hooks.random(w->hooks.ctx, nonce, sizeof nonce)) {
        ws_protocol_fail(w, "the system gives no random bytes");
        return;
    }
    EVP_EncodeBlock((unsigned char *)w->key, nonce, sizeof nonce);
    int size = snprintf(text, sizeof text,
                        "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
                        path, host_port, w->key);
    w->stage = STAGE_HANDSHAKE;
    http_parser_init(&w->answer, HTTP_RESPONSE);
    w->answer.data = w;
    if (size > 0 && (size_t)size < sizeof text)
        w->hooks.put(w->hooks.ctx, text, (size_t)size);
    else
        ws_protocol_fail(w, "the address is too long");
}

static void append(char *text, size_t room, const char *bytes, size_t size) {
    size_t length = strlen(text);
    if (size > room - 1 - length) size = room - 1 - length;
    memcpy(text + length, bytes, size);
    text[length + size] = 0;
}

static int take_status(http_parser *p, const char *bytes, size_t size) {
    struct ws_protocol *w = p->data;
    append(w->reason, sizeof w->reason, bytes, size);
    return 0;
}

static int take_name(http_parser *p, const char *bytes, size_t size) {
    struct ws_protocol *w = p->data;
    if (w->in_value) w->header[0] = 0;
    w->in_value = false;
    append(w->header, sizeof w->header, bytes, size);
    return 0;
}

static int take_value(http_parser *p, const char *bytes, size_t size) {
    struct ws_protocol *w = p->data;
    w->in_value = true;
    if (strcasecmp(w->header, "sec-websocket-accept") == 0) append(w->accept, sizeof w->accept, bytes, size);
    return 0;
}

static int take_head(http_parser *p) {
    ((struct ws_protocol *)p->data)->answered = true;
    return 2;   // what follows is not HTTP's
}

static const http_parser_settings answer_settings = {
    .on_status = take_status,
    .on_header_field = take_name,
    .on_header_value = take_value,
    .on_headers_complete = take_head,
};

static bool accepted(const struct ws_protocol *w) {
    char text[128], wanted[64];
    unsigned char sha1[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    int size = snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", w->key);
    if (EVP_Digest(text, (size_t)size, sha1, &length, EVP_sha1(), NULL) != 1) return false;
    EVP_EncodeBlock((unsigned char *)wanted, sha1, (int)length);
    return strcmp(w->accept, wanted) == 0;
}

static void feed_handshake(struct ws_protocol *w, const char *bytes, size_t size) {
    const http_parser *p = &w->answer;
    size_t used = http_parser_execute(&w->answer, &answer_settings, bytes, size);
    w->head_size += used;
    if (HTTP_PARSER_ERRNO(p) != HPE_OK) {
        ws_protocol_fail(w, "its answer is not HTTP: %s", http_errno_description(HTTP_PARSER_ERRNO(p)));
    } else if (w->head_size > HEAD_MAX) {
        ws_protocol_fail(w, "its answer has a head of more than %d bytes", HEAD_MAX);
    } else if (w->answered && p->status_code != 101) {
        ws_protocol_fail(w, "it answered %u %s instead of opening a WebSocket", p->status_code, w->reason);
    } else if (w->answered &&
               (!(p->flags & F_UPGRADE) || !(p->flags & F_CONNECTION_UPGRADE) || !accepted(w))) {
        ws_protocol_fail(
            w, "it agreed to some other protocol than a WebSocket (wrong Sec-WebSocket-Accept, Upgrade or "
               "Connection)");
    } else if (w->answered && wslay_event_context_client_init(&w->ws, &callbacks, w) != 0) {
        ws_protocol_fail(w, "no memory for a connection");
    } else if (w->answered) {
        wslay_event_config_set_max_recv_msg_length(w->ws, MESSAGE_MAX);
        w->stage = STAGE_OPEN;
        heard(w);
        w->hooks.opened(w->hooks.ctx);
        if (w->stage == STAGE_OPEN && used < size)
            feed_frames(w, bytes + used, size - used);   // what came with the head
    }
}

// ---- silence ----

// After half of the silence allowed the server is asked whether it is there; its pong ends the silence.
static bool ping(struct ws_protocol *w) {
    if (w->stage != STAGE_OPEN || w->pinged) return false;
    struct wslay_event_msg message = { WSLAY_PING, NULL, 0 };
    w->pinged = wslay_event_queue_msg(w->ws, &message) == 0;
    if (!w->pinged) return false;
    w->hooks.alarm(w->hooks.ctx, w->silence_ms - w->silence_ms / 2);
    wslay_event_send(w->ws);
    return true;
}

void ws_protocol_alarm(struct ws_protocol *w) {
    if (ping(w)) return;
    if (w->stage == STAGE_OPEN)
        ws_protocol_fail(w, "silence: no answer to a ping");
    else
        ws_protocol_fail(w, "no whole answer within %lld ms", (long long)w->allowed_ms);
}

// A whole message has come: of a server that only drips bytes nothing is heard.
static void heard(struct ws_protocol *w) {
    w->pinged = false;
    w->hooks.alarm(w->hooks.ctx, w->silence_ms > 0 ? w->silence_ms / 2 : 0);
}

// ---- life ----

struct ws_protocol *ws_protocol_new(const struct ws_protocol_hooks *hooks, int64_t silence_ms) {
    struct ws_protocol *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    w->hooks = *hooks;
    w->silence_ms = silence_ms;
    return w;
}

void ws_protocol_free(struct ws_protocol *w) {
    if (w && w->ws) wslay_event_context_free(w->ws);
    free(w);
}

void ws_protocol_begin(struct ws_protocol *w, const char *host_port, const char *path, int64_t left_ms,
                       int64_t allowed_ms) {
    if (w->stage != STAGE_CONNECTING) return;
    w->allowed_ms = allowed_ms;
    w->hooks.alarm(w->hooks.ctx, left_ms > 1 ? left_ms : 1);
    send_handshake(w, host_port, path);
}

void ws_protocol_feed(struct ws_protocol *w, const char *bytes, size_t size) {
    if (w->stage == STAGE_HANDSHAKE)
        feed_handshake(w, bytes, size);
    else if (w->stage == STAGE_OPEN)
        feed_frames(w, bytes, size);
}

void ws_protocol_close(struct ws_protocol *w) {
    if (w->closing) return;
    w->closing = true;   // before the farewell: one that cannot be sent is no end to tell of
    if (w->stage == STAGE_OPEN) {
        wslay_event_queue_close(w->ws, 1000, NULL, 0);
        wslay_event_send(w->ws);
    }
    w->stage = STAGE_ENDED;
}

bool ws_protocol_has_ended(const struct ws_protocol *w) { return w->stage == STAGE_ENDED; }
